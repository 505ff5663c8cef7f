package testkit

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// PostgresEnv names a server that tests use instead of starting one: any DSN whose user may create
// databases, as a URL or in key=value form.
const PostgresEnv = "KEYWRIGHT_TEST_POSTGRES"

// shared is the one cluster and the one browser of this test process. It is state of the process like its temporary
// directory is: starting a cluster for every test would cost a second each.
var shared struct {
	sync.Mutex
	started bool
	cluster *cluster
	err     error

	making    sync.Mutex // held while a template is made
	templates map[string]template

	browser   *chromium
	clipboard sync.Mutex // held while a test copies
}

// cluster is a throw-away PostgreSQL that only this process can reach.
type cluster struct {
	dsn     string
	dir     string
	command *exec.Cmd
	hold    *os.File // while it is open, the cluster lives
}

// Main runs a package's tests and then stops what testkit started, keeping the exit code:
//
//	func TestMain(m *testing.M) { testkit.Main(m) }
//
// Without it the cluster stops too, but a moment after the process has ended.
func Main(m *testing.M) {
	code := m.Run()
	Stop()
	os.Exit(code)
}

// Stop ends the shared cluster and the shared browser, where there are some, and waits until their directories are gone. For packages
// whose TestMain does more than Main.
func Stop() {
	shared.Lock()
	defer shared.Unlock()
	for _, made := range shared.templates {
		made.drop()
	}
	shared.templates = nil
	if shared.cluster != nil {
		shared.cluster.stop()
	}
	shared.cluster, shared.err, shared.started = nil, nil, false
	shared.browser.stop()
	shared.browser = nil
}

// Postgres makes an empty database for this test and returns its DSN (a URL, unless PostgresEnv has the
// other form). The database is dropped when the test ends, with whoever is still connected to it.
//
// The server is the one that PostgresEnv names, else a cluster started once for the process from the
// newest installed binaries. It skips, or fails under REQUIRE_ALL=1, where PostgreSQL is not installed.
func Postgres(t testing.TB) (dsn string) {
	t.Helper()
	return PostgresWith(t, "")
}

// PostgresWith is Postgres with options of "create database", such as "encoding 'LATIN1'".
func PostgresWith(t testing.TB, options string) (dsn string) {
	t.Helper()
	// template0 has nothing that an administrator may have put into template1.
	return postgresFrom(t, "template0 "+options)
}

// postgresServer returns the DSN of the server that tests use.
func postgresServer(t testing.TB) string {
	t.Helper()
	if server := os.Getenv(PostgresEnv); server != "" {
		return server
	}
	return sharedServer(t)
}

// postgresFrom is Postgres with what another database holds.
func postgresFrom(t testing.TB, from string) (dsn string) {
	t.Helper()
	server := postgresServer(t)
	name := "kw_test_" + strings.ToLower(rand.Text())
	// Copying files is the faster way for small databases; before PostgreSQL 15 it is the only one, and has no name.
	if execute(server, "create database "+name+" template "+from+" strategy file_copy") != nil {
		if err := execute(server, "create database "+name+" template "+from); err != nil {
			t.Fatalf("making a database for the test: %v", err)
		}
	}
	t.Cleanup(func() {
		if err := execute(server, "drop database "+name+" with (force)"); err != nil {
			t.Errorf("dropping the test's database: %v", err)
		}
	})
	dsn, err := withDatabase(server, name)
	if err != nil {
		t.Fatalf("reading %s: %v", PostgresEnv, err)
	}
	return dsn
}

// sharedServer starts the cluster at the first call. A failure is remembered: the next thousand
// tests fail with the same words at once.
func sharedServer(t testing.TB) string {
	t.Helper()
	initdb, server := Need(t, "initdb"), Need(t, "postgres")
	shared.Lock()
	defer shared.Unlock()
	if !shared.started {
		shared.started = true
		shared.cluster, shared.err = startCluster(initdb, server)
	}
	if shared.err != nil {
		t.Fatalf("starting a PostgreSQL cluster: %v", shared.err)
	}
	return shared.cluster.dsn
}

// keeper is a shell that starts PostgreSQL and waits until the pipe on its standard input closes, which
// the kernel does when the test process ends in whatever way. Then it kills and cleans up. A parent-death
// signal would not do: it fires when the thread that forked ends, which in Go is not the process's end.
// SIGQUIT skips the final checkpoint: the data goes with the next line.
const keeper = `
"$@" &
read -r _
kill -QUIT $!
wait $!
cd / && rm -rf "$HOME"
`

// startCluster makes a cluster in a directory of its own and returns when it takes connections.
//
// It listens on a Unix socket in that directory and on no port, so clusters of test processes that run
// at the same time can't meet; the directory is closed to other users, so it needs no password.
func startCluster(initdb, server string) (*cluster, error) {
	dir, err := shortTempDir()
	if err != nil {
		return nil, err
	}
	owner, err := unprivileged(dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	data := filepath.Join(dir, "data")
	made := exec.CommandContext(context.Background(), initdb, "--no-sync", "--no-instructions", "-E", "UTF8", "--locale=C", "-A", "trust", "-U", "postgres", "-D", data)
	owner.applyTo(made)
	if out, err := made.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("initdb: %w\n%s", err, out), os.RemoveAll(dir))
	}

	args := []string{"-c", keeper, "keeper", server, "-D", data, "-k", dir, "-p", socketPort}
	for _, setting := range clusterSettings() {
		args = append(args, "-c", setting)
	}
	c := &cluster{dir: dir, command: exec.CommandContext(context.Background(), "/bin/sh", args...)}
	owner.applyTo(c.command)
	if err := c.start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	query := url.Values{"host": {dir}, "port": {socketPort}, "sslmode": {"disable"}}
	c.dsn = (&url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/postgres", RawQuery: query.Encode()}).String()
	if err := c.ready(); err != nil {
		log, _ := os.ReadFile(c.logPath()) // the error stands without it
		c.stop()
		return nil, fmt.Errorf("%w\n%s", err, log)
	}
	return c, nil
}

// socketPort is only a part of the socket's file name: nothing listens on a port.
const socketPort = "5432"

// clusterSettings trade every promise about crashes for speed: nobody needs the data afterwards.
func clusterSettings() []string {
	return []string{
		"listen_addresses=",
		"max_connections=200",
		"fsync=off",
		"full_page_writes=off",
		"wal_level=minimal",
		"max_wal_senders=0",
		"shared_buffers=32MB",
		"jit=off",
		"dynamic_shared_memory_type=mmap", // files in the directory, none in /dev/shm to leave behind
		"log_timezone=UTC",
		"timezone=UTC",
	}
}

// start runs the keeper with its own session, so that an interrupt at the terminal reaches the tests
// only and the keeper ends after them.
func (c *cluster) start() error {
	log, err := os.Create(c.logPath()) // written by the server
	if err != nil {
		return err
	}
	defer log.Close()
	read, hold, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	c.hold = hold
	c.command.SysProcAttr.Setsid = true
	c.command.Stdin, c.command.Stdout, c.command.Stderr = read, log, log
	if err := c.command.Start(); err != nil {
		return errors.Join(fmt.Errorf("starting postgres: %w", err), hold.Close())
	}
	return nil
}

func (c *cluster) logPath() string { return filepath.Join(c.dir, "log") }

// ready waits until the cluster answers.
func (c *cluster) ready() error {
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := execute(c.dsn, "select 1")
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("postgres did not answer in 30 s: %w", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// stop lets go of the keeper and waits for it. Errors are of no use here: the keeper's exit code is
// that of a server killed on purpose.
func (c *cluster) stop() {
	_ = c.hold.Close()
	_ = c.command.Wait()
}

// shortTempDir makes a directory whose path leaves room for a socket's name: the kernel takes
// 107 bytes, and a TMPDIR can be longer.
func shortTempDir() (string, error) {
	parent := os.TempDir()
	if len(parent) > 60 {
		parent = "/tmp"
	}
	return os.MkdirTemp(parent, "kwpg")
}

// account is who runs the servers: PostgreSQL refuses to run as root.
type account struct {
	home       string
	credential *syscall.Credential // nil: whoever runs the tests
}

// unprivileged gives dir to an account that PostgreSQL runs under.
func unprivileged(dir string) (account, error) {
	if os.Getuid() != 0 {
		return account{home: dir}, nil
	}
	who, err := user.Lookup("postgres")
	if err != nil {
		who, err = user.Lookup("nobody")
	}
	if err != nil {
		return account{}, fmt.Errorf("PostgreSQL refuses to run as root, and no other account was found: %w", err)
	}
	uid, uidErr := strconv.ParseUint(who.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(who.Gid, 10, 32)
	if err := errors.Join(uidErr, gidErr, os.Chown(dir, int(uid), int(gid))); err != nil {
		return account{}, fmt.Errorf("giving the cluster to %s: %w", who.Username, err)
	}
	return account{home: dir, credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}

// applyTo makes command run under the account, in its directory, and free of the caller's environment:
// a PGDATA or LC_ALL of the developer's must not change what is tested.
func (a account) applyTo(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Credential: a.credential}
	command.Dir = a.home
	command.Env = []string{"HOME=" + a.home, "PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
}

// execute runs one statement on a connection of its own.
func execute(dsn, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return cmp.Or(err, conn.Close(ctx))
}

// withDatabase returns dsn pointing at another database of the same server.
func withDatabase(dsn, name string) (string, error) {
	if !strings.Contains(dsn, "://") {
		return dsn + " dbname=" + name, nil // the last of two wins
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return "", fmt.Errorf("the DSN is no URL and not in key=value form") // not err: it holds the password
	}
	u.Path = "/" + name
	return u.String(), nil
}
