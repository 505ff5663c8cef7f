package store_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
)

func TestADSNSaysWhichEngineItIsFor(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]bool{
		"postgres://u@h/d": true, "postgresql:///d": true, "POSTGRES://u@h/d": true, "host=/run/pg user=u": true, " dbname = d": true,
		"keywright.db": false, "/var/lib/keywright/a=b.db": false, "sqlite:x.db": false, "sqlite:///x.db": false, "": false, "postgres.db": false, "mysql://u@h/d": false,
	} {
		if got := store.IsPostgres(dsn); got != want {
			t.Errorf("IsPostgres(%q) = %v", dsn, got)
		}
	}
}

func TestRedactDSNNeverShowsAPassword(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"postgres://ana:hunter2@db.example:5432/kw?sslmode=require":                             "postgres://ana:xxxxx@db.example:5432/kw?sslmode=require",
		"postgresql://ana:hunter2@db.example/kw":                                                "postgresql://ana:xxxxx@db.example/kw",
		"POSTGRES://ana:hunter2@db.example/kw":                                                  "postgres://ana:xxxxx@db.example/kw",
		"postgres:///kw?host=%2Frun%2Fpg&user=ana&password=hunter2":                             "postgres:///kw?host=%2Frun%2Fpg&user=ana",
		"postgres://ana@db.example/kw?sslmode=verify-full&sslpassword=hunter2&passfile=hunter2": "postgres://ana@db.example/kw?sslmode=verify-full",
		"postgres://ana@db.example/kw?PASSWORD=hunter2":                                         "postgres://ana@db.example/kw",
		"postgres://ana:hunter2/x@db.example/kw":                                                "postgres://[unreadable]", // what should have been escaped
		"postgres://ana:12/hunter2@db.example/kw":                                               "postgres://[unreadable]",
		"postgres://ana:12?hunter2@db.example/kw":                                               "postgres://[unreadable]",
		"postgres://ana:12#hunter2@db.example/kw":                                               "postgres://[unreadable]",
		"postgres://ana:hunter2%zz@db.example/kw":                                               "postgres://[unreadable]",
		"postgres://ana:hunter2@db.example:port/kw":                                             "postgres://[unreadable]",
		"mysql://ana:hunter2@db.example/kw":                                                     "mysql://ana:xxxxx@db.example/kw",
		"host=db.example user=ana password=hunter2 dbname=kw":                                   "host=db.example user=ana password=xxxxx dbname=kw",
		`host=db.example password = 'hunter2 hunter2\' hunter2' dbname=kw`:                      "host=db.example password = xxxxx dbname=kw",
		"user=ana password='hunter2 hunter2":                                                    "user=ana password=xxxxx",
		"user=ana sslpassword=hunter2 passfile=/hunter2":                                        "user=ana sslpassword=xxxxx passfile=xxxxx",
		"/var/lib/keywright/keywright.db":                                                       "/var/lib/keywright/keywright.db",
		"sqlite:///var/lib/keywright.db":                                                        "sqlite:///var/lib/keywright.db",
	} {
		if got := store.RedactDSN(dsn); got != want || strings.Contains(got, "hunter2") {
			t.Errorf("RedactDSN(%q) = %q, want %q", dsn, got, want)
		}
	}
}

func FuzzRedactDSNNeverShowsAPassword(f *testing.F) {
	f.Add("", "@db.example/kw")
	f.Add("12/", "@db.example:1/kw?x=y#z")
	f.Add("%41[", "@[::1]:5432/")
	f.Fuzz(func(t *testing.T, before, after string) {
		const secret = "hunter2"
		if strings.Contains(before, "@") || !strings.Contains(after, "@") {
			return // the secret is in no password
		}
		if got := store.RedactDSN("postgres://ana:" + before + secret + after); strings.Contains(got, secret) {
			t.Errorf("shown: %q", got)
		}
	})
}

func TestOpenRefusesWhatItCannotUseAndKeepsPasswordsToItself(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for _, dsn := range []string{
		"", "sqlite:", "a\x00b", "mysql://ana:hunter2@db.example/kw", "postgres://ana:hunter2%zz@127.0.0.1/kw", "postgres://ana:hunter2@127.0.0.1:1/kw?sslmode=nonsense",
		"postgres://ana:hunter2@127.0.0.1:1/kw?connect_timeout=5", "postgres://ana:hunter2@127.0.0.1:1,127.0.0.1:2/kw", "host=127.0.0.1 port=1 user=ana password=hunter2",
		"postgres:///kw?host=/no/such/directory&password=hunter2", t.TempDir(), filepath.Join(t.TempDir(), "no", "such", "directory.db"),
	} {
		s, err := store.Open(t.Context(), store.Options{DSN: dsn})
		if err == nil {
			t.Errorf("Open(%q) succeeded", dsn)
			_ = s.Close()
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("Open(%q) shows the password: %v", dsn, err)
		}
	}
}

func TestOpenEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, dsn := range []string{testkit.SQLite(t).DSN, "postgres://ana@192.0.2.1/kw"} {
		if _, err := store.Open(ctx, store.Options{DSN: dsn}); err == nil {
			t.Errorf("Open(%q) succeeded", dsn)
		}
	}
}

func TestAPathMayHoldAnyCharacter(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a b", "a?b", "a#b", "a%20b", "a&b=c", "ä;'\"", "file:x"} {
		db := testkit.DB{DSN: filepath.Join(t.TempDir(), name), Clock: testkit.NewClock()}
		furnish(t, db)
		db.DSN = "sqlite:" + db.DSN
		view(t, db.Open(t), func(tx *store.Tx) error { return result(tx.User("usr_a")) })
		if found, err := filepath.Glob(filepath.Join(filepath.Dir(strings.TrimPrefix(db.DSN, "sqlite:")), "*")); err != nil || len(found) != 3 {
			t.Errorf("%q: files = %v, %v", name, found, err)
		}
	}
}
