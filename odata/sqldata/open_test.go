package sqldata_test

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/odata/query"
	"github.com/keywright/keywright/odata/sqldata"
)

const anyone = 65534 // nobody

func TestNoErrorOfOpeningHoldsThePassword(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{
		"postgres://ana:hunter2%zz@127.0.0.1/kw", "postgres://ana:hunter2@127.0.0.1:1/kw?sslmode=nonsense", "postgres://ana:hun@ter2/hunter2@127.0.0.1:x/kw",
		"postgres://ana:hunter2@127.0.0.1:1/kw?connect_timeout=1", "mysql://ana:hunter2@db.example/kw", "ana:hunter2@db.example/kw",
		"host=127.0.0.1 port=1 user=ana password=hunter2 connect_timeout=1", "host=127.0.0.1 port=x password=hunter2", "sqlite://ana:hunter2@x",
		"POSTGRES://ana:hunter2@127.0.0.1:1/kw?sslrootcert=/none/hunter2.pem&sslmode=verify-full", "hunter2\x00", "postgres:ana:hunter2@db",
	} {
		db, engine, err := sqldata.Open(dsn, sqldata.Options{})
		if err == nil {
			_, err = sqldata.Describe(t.Context(), db, engine, sqldata.Publish{Tables: []string{"*"}})
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}
		if err == nil {
			t.Errorf("%s is opened", dsn)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the password is in %q", err)
		}
	}
}

func TestAFileThatIsMissingIsSaidAndNotMade(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "none.db")
	for _, dsn := range []string{path, "sqlite:" + path, "sqlite://" + path} {
		if _, _, err := sqldata.Open(dsn, sqldata.Options{}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", dsn, err)
		}
	}
	// It may go between being opened and being read.
	asWriter(t, path, "create table t (id integer primary key)")
	db, engine, err := sqldata.Open(path, sqldata.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := sqldata.Describe(t.Context(), db, engine, sqldata.Publish{Tables: []string{"*"}}); err == nil {
		t.Error("a file that is gone is described")
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file was made: %v", err)
	}
}

func TestWhatIsNoDatabaseIsSaidInWords(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, _, err := sqldata.Open(dir, sqldata.Options{}); err == nil || !strings.Contains(err.Error(), "directory") {
		t.Errorf("a directory: %v", err)
	}
	text := filepath.Join(dir, "x.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := describe(t, text, sqldata.Publish{Tables: []string{"*"}}); err == nil || !strings.Contains(err.Error(), "no SQLite database") {
		t.Errorf("a text: %v", err)
	}
}

func TestAFileThatIsPutInThePlaceOfAnotherIsRead(t *testing.T) {
	t.Parallel()
	path := liteWith(t, "create table t (id integer primary key)")
	db, engine, err := sqldata.Open(path, sqldata.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	sets := func() (n int, err error) {
		d, err := sqldata.Describe(t.Context(), db, engine, sqldata.Publish{Tables: []string{"*"}})
		if err != nil {
			return 0, err
		}
		return len(d.Model.Sets), nil
	}
	if n, err := sets(); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if err := os.Rename(liteWith(t, "create table t (id integer primary key); create table u (id integer primary key)"), path); err != nil {
		t.Fatal(err)
	}
	if n, err := sets(); n != 2 || err != nil {
		t.Errorf("another file: %d, %v", n, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if n, err := sets(); !errors.Is(err, query.ErrUnavailable) {
		t.Errorf("no file: %d, %v", n, err)
	}
}

func TestPathsMayHoldAnyCharacter(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a b.db", "100%.db", "q?mode=rwc.db", "#1.db", "ümläut.db", "a&b=c.db", "x;y.db", "a@b.db"} {
		made, path := liteWith(t, "create table t (id integer primary key)"), filepath.Join(t.TempDir(), name)
		if err := os.Rename(made, path); err != nil {
			t.Fatal(err)
		}
		if _, err := describe(t, path, sqldata.Publish{Tables: []string{"t"}}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNothingCanBeWritten(t *testing.T) {
	t.Parallel()
	const made = "create table t (id integer primary key, a text)"
	for name, dsn := range map[string]string{"sqlite": liteWith(t, made), "postgres": postgresWith(t, made)} {
		db, _, err := sqldata.Open(dsn, sqldata.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for _, statement := range []string{"insert into t values (1, 'x')", "create table u (id int)", "drop table t", "create temporary table u (id int)"} {
			if _, err := db.ExecContext(t.Context(), statement); err == nil && (name == "sqlite" || !strings.Contains(statement, "temporary")) {
				t.Errorf("%s did %s", name, statement)
			}
		}
	}
}

func TestConnectionsToPostgreSQLSayWhoTheyAreAndReadInUTCAndEndStatementsInTime(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{testkit.Postgres(t): "odata on UTC 1500ms force_custom_plan", testkit.Postgres(t) + "&application_name=mine&timezone=Asia/Tokyo&statement_timeout=0": "mine on UTC 1500ms force_custom_plan"} {
		db, engine, err := sqldata.Open(dsn, sqldata.Options{Concurrent: 7, Timeout: 1500 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		var got string
		query := "select current_setting('application_name') || ' ' || current_setting('default_transaction_read_only') || ' ' || current_setting('timezone') || ' ' || current_setting('statement_timeout') || ' ' || current_setting('plan_cache_mode')"
		if err := db.QueryRowContext(t.Context(), query).Scan(&got); err != nil || got != want || engine != sqldata.Postgres {
			t.Errorf("got %q, %v, engine %d; want %q", got, err, engine, want)
		}
		if n := db.Stats().MaxOpenConnections; n != 8 {
			t.Errorf("at most %d connections", n)
		}
	}
}

func TestADatabaseThatAnotherProcessWritesToIsReadAsItIs(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"wal", "delete", "truncate"} {
		t.Run(mode, func(t *testing.T) {
			path := liteWith(t, "pragma journal_mode="+mode+"; create table t (id integer primary key)")
			writer, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(5000)")
			if err != nil {
				t.Fatal(err)
			}
			defer writer.Close()
			db, _, err := sqldata.Open(path, sqldata.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			for i := range 5 {
				if _, err := writer.ExecContext(t.Context(), "insert into t values ($1)", i); err != nil {
					t.Fatal(err)
				}
				var n int
				if err := db.QueryRowContext(t.Context(), "select count(*) from t").Scan(&n); err != nil || n != i+1 {
					t.Fatalf("%d rows, %v; want %d", n, err, i+1)
				}
			}
		})
	}
}

// TestReadAsAnyone is run by the next test in a process that may write nothing: it describes the file that the
// environment names, and says what came of it.
func TestReadAsAnyone(t *testing.T) {
	path := os.Getenv("SQLDATA_READ")
	if path == "" {
		t.Skip("run by another test")
	}
	d, err := describe(t, path, sqldata.Publish{Tables: []string{"*"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d sets", len(d.Model.Sets))
}

func TestADirectoryThatCanNotBeWrittenTo(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs to become someone who may write nothing")
	}
	dir, err := os.MkdirTemp("", "sqldata") //nolint:usetesting // t.TempDir is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	self := filepath.Join(dir, "test")
	binary, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(self, binary, 0o755), os.Chmod(dir, 0o755)); err != nil { //nolint:gosec // anyone is to run it
		t.Fatal(err)
	}
	read := func(path string) string {
		c := exec.CommandContext(context.Background(), self, "-test.run=^TestReadAsAnyone$", "-test.v")
		c.Env = []string{"SQLDATA_READ=" + path, "TMPDIR=/tmp"}
		c.Dir = dir
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: anyone, Gid: anyone}}
		out, _ := c.CombinedOutput() // its text says all
		return string(out)
	}
	fresh := func(name, mode string) string {
		path := filepath.Join(dir, name)
		asWriter(t, path, "pragma journal_mode="+mode+"; create table t (id integer primary key)")
		if err := os.Chmod(path, 0o644); err != nil { //nolint:gosec // anyone is to read it
			t.Fatal(err)
		}
		return path
	}
	if out := read(fresh("plain.db", "delete")); !strings.Contains(out, "1 sets") {
		t.Errorf("a database without a log: %s", out)
	}
	wal := fresh("wal.db", "wal")
	if out := read(wal); !strings.Contains(out, "let this process write to their directory") {
		t.Errorf("a database in WAL mode that nobody has open is not explained: %s", out)
	}
	writer, err := sql.Open("sqlite", wal)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	if _, err := writer.ExecContext(t.Context(), "create table u (id integer primary key)"); err != nil {
		t.Fatal(err)
	}
	if out := read(wal); !strings.Contains(out, "2 sets") {
		t.Errorf("a database in WAL mode beside its writer: %s", out)
	}
}
