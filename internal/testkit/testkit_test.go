package testkit

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestMain(m *testing.M) {
	if os.Getenv("TESTKIT_CHILD") == "1" {
		runAsChild()
	}
	Main(m)
}

// runAsChild is a test process that started a cluster, says where, and hangs until it is killed.
func runAsChild() {
	initdb, server := os.Getenv("TESTKIT_INITDB"), os.Getenv("TESTKIT_SERVER")
	c, err := startCluster(initdb, server)
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println(c.dir)
	time.Sleep(time.Minute)
	os.Exit(1)
}

// witness is a testing.TB that remembers how the test ended instead of ending it.
type witness struct {
	testing.TB
	fatal, skip string
}

func (w *witness) Helper() {}

func (w *witness) Fatalf(format string, args ...any) {
	w.fatal = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (w *witness) Skipf(format string, args ...any) {
	w.skip = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// watch runs f with a witness, on a goroutine that Fatalf and Skipf may end.
func watch(f func(testing.TB)) *witness {
	w := &witness{}
	done := make(chan struct{})
	go func() { defer close(done); f(w) }()
	<-done
	return w
}

func TestNeedSkipsAndSaysHowToInstall(t *testing.T) {
	t.Setenv("REQUIRE_ALL", "")
	w := watch(func(tb testing.TB) { Need(tb, "keywright-no-such-tool") })
	if w.fatal != "" || !strings.Contains(w.skip, "keywright-no-such-tool") || !strings.Contains(w.skip, "make test-deps") {
		t.Errorf("skip = %q, fatal = %q; want a skip that names the tool and make test-deps", w.skip, w.fatal)
	}
}

func TestNeedFailsWhenASkipIsNotAllowed(t *testing.T) {
	t.Setenv("REQUIRE_ALL", "1")
	w := watch(func(tb testing.TB) { Need(tb, "keywright-no-such-tool") })
	if w.skip != "" || !strings.Contains(w.fatal, "keywright-no-such-tool") {
		t.Errorf("skip = %q, fatal = %q; want a failure that names the tool", w.skip, w.fatal)
	}
	if w := watch(func(tb testing.TB) { NPM(tb, "no-such-package/index.js") }); w.fatal == "" {
		t.Error("NPM of a missing package did not fail")
	}
}

func TestNeedFindsServersOutsideThePath(t *testing.T) {
	if clusters, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb"); clusters == nil {
		Missing(t, "postgresql")
	}
	t.Setenv("PATH", "/nowhere")
	if got := Need(t, "initdb"); !strings.HasPrefix(got, "/usr/lib/postgresql/") {
		t.Errorf("Need(initdb) = %q, want it below /usr/lib/postgresql", got)
	}
}

func TestTheNewestPostgresIsTaken(t *testing.T) {
	bins := []string{"/usr/lib/postgresql/9/bin", "/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/odd/bin"}
	newest := slices.MaxFunc(bins, func(a, b string) int { return postgresMajor(a) - postgresMajor(b) })
	if newest != bins[1] {
		t.Errorf("newest = %s", newest)
	}
}

func TestPostgresGivesEveryTestAnEmptyDatabaseAndDropsIt(t *testing.T) {
	var mu sync.Mutex
	var used []string
	t.Run("parallel", func(t *testing.T) {
		for i := range 8 {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				conn := connect(t, Postgres(t))
				// This fails in a database that another test has used.
				if _, err := conn.Exec(t.Context(), "create table only_here (id bigint)"); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				used = append(used, conn.Config().Database)
				// The connection stays open on purpose: dropping must not wait for it.
			})
		}
	})
	conn := connect(t, Postgres(t))
	var left int
	if err := conn.QueryRow(t.Context(), "select count(*) from pg_database where datname = any($1)", used).Scan(&left); err != nil {
		t.Fatal(err)
	}
	if len(used) != 8 || left != 0 {
		t.Errorf("%d databases were used and %d of them are left; want 8 and 0", len(used), left)
	}
}

func TestPostgresIsUTF8AndCannotBeReachedOverTCP(t *testing.T) {
	if os.Getenv(PostgresEnv) != "" {
		t.Skip("by design, also under REQUIRE_ALL=1: " + PostgresEnv + " names a server of somebody else's, and this is about the cluster that we start")
	}
	conn := connect(t, Postgres(t))
	for setting, want := range map[string]string{
		"server_encoding": "UTF8", "lc_collate": "C", "listen_addresses": "", "max_connections": "200", "fsync": "off",
	} {
		var got string
		if err := conn.QueryRow(t.Context(), "select current_setting($1)", setting).Scan(&got); err != nil || got != want {
			t.Errorf("%s = %q, %v; want %q", setting, got, err, want)
		}
	}
}

func TestPostgresUsesTheServerThatTheEnvironmentNames(t *testing.T) {
	server := Postgres(t)
	t.Setenv(PostgresEnv, server)
	w := connect(t, Postgres(t))
	if w.Config().Host != connect(t, server).Config().Host {
		t.Error("another server was used")
	}

	for dsn, want := range map[string]string{
		"postgres://u:p@db.example:5433/postgres?sslmode=require": "postgres://u:p@db.example:5433/x?sslmode=require",
		"host=/run/pg user=u dbname=postgres":                     "host=/run/pg user=u dbname=postgres dbname=x",
	} {
		got, err := withDatabase(dsn, "x")
		if err != nil || got != want {
			t.Errorf("withDatabase(%q) = %q, %v", dsn, got, err)
		}
		if config, err := pgx.ParseConfig(got); err != nil || config.Database != "x" {
			t.Errorf("%q is read as another database: %v", got, err)
		}
	}
	if _, err := withDatabase("postgres://u:hunter2@%zz/", "x"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("err = %v; want one without the password", err)
	}
}

func TestClustersStartFastAndDoNotCollide(t *testing.T) {
	initdb, server := Need(t, "initdb"), Need(t, "postgres")
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			start := time.Now()
			c, err := startCluster(initdb, server)
			if err != nil {
				t.Error(err)
				return
			}
			t.Logf("started in %v", time.Since(start).Round(time.Millisecond))
			if err := execute(c.dsn, "create table t (id bigint)"); err != nil {
				t.Error(err)
			}
			c.stop()
			if _, err := os.Stat(c.dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s is left: %v", c.dir, err)
			}
		})
	}
	wg.Wait()
}

func TestAKilledTestProcessLeavesNothingBehind(t *testing.T) {
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	child.Env = append(os.Environ(), "TESTKIT_CHILD=1", "TESTKIT_INITDB="+Need(t, "initdb"), "TESTKIT_SERVER="+Need(t, "postgres"))
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	dir := strings.TrimSpace(line)
	if err != nil || !strings.Contains(dir, "kwpg") {
		t.Fatalf("the child said %q, %v", line, err)
	}
	pid := postmasterPID(t, dir)
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed

	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		_, dirErr := os.Stat(dir)
		alive := syscall.Kill(pid, 0) == nil
		if errors.Is(dirErr, os.ErrNotExist) && !alive {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("10 s after the kill: server alive = %v, directory: %v", alive, dirErr)
		}
	}
}

func TestAFailingInitdbIsReported(t *testing.T) {
	_, err := startCluster("/bin/false", "/bin/false")
	if err == nil || !strings.Contains(err.Error(), "initdb") {
		t.Errorf("err = %v", err)
	}
}

func postmasterPID(t *testing.T, dir string) int {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(string(content), &pid); err != nil {
		t.Fatal(err)
	}
	return pid
}

// connect opens a connection that Postgres's cleanup may find open.
func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}
