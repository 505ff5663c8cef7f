package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// onPostgres runs fn on a PostgreSQL of its own, which keeps its promises about crashes (the one of the
// tests does not), and on the processor that the load otherwise has. Where none is installed, it says so.
func (b *bench) onPostgres(fn func(dsn string) error) (err error) {
	bin := postgresPrograms()
	if bin == "" {
		b.out.line("PostgreSQL is not installed: not measured.")
		return nil
	}
	dir, err := os.MkdirTemp(diskDir(), "kwpg")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	who, err := notRoot(dir)
	if err != nil {
		return err
	}
	data := filepath.Join(dir, "data")
	initdb := who.command(b.ctx, filepath.Join(bin, "initdb"), "--no-instructions", "-E", "UTF8", "--locale=C", "-A", "trust", "-U", "postgres", "-D", data)
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	// Not bound to the context: it is told to stop below, and then does in order.
	server := who.command(context.WithoutCancel(b.ctx), filepath.Join(bin, "postgres"), "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "dynamic_shared_memory_type=mmap")
	if err := pinned(loadCPU(), server.Start); err != nil {
		return err
	}
	defer func() {
		_ = server.Process.Signal(os.Interrupt) // it may have ended by itself, which Wait says
		err = errors.Join(err, server.Wait())
	}()
	dsn := (&url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/postgres", RawQuery: url.Values{"host": {dir}, "sslmode": {"disable"}}.Encode()}).String()
	if err := answers(b.ctx, dsn); err != nil {
		return err
	}
	return fn(dsn)
}

// postgresPrograms is the directory of the newest installed server.
func postgresPrograms() string {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil && isFile(filepath.Join(filepath.Dir(path), "postgres")) {
			return filepath.Dir(path)
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		return ""
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, c string) int { return version(a) - version(c) }))
}

func version(path string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	if err != nil {
		return 0
	}
	return n
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// account is who runs the server: PostgreSQL refuses to be run by root.
type account struct {
	home string
	as   *syscall.Credential
}

func notRoot(dir string) (account, error) {
	if os.Getuid() != 0 {
		return account{home: dir}, nil
	}
	who, err := user.Lookup("postgres")
	if err != nil {
		return account{}, err
	}
	uid, uerr := strconv.ParseUint(who.Uid, 10, 32)
	gid, gerr := strconv.ParseUint(who.Gid, 10, 32)
	return account{home: dir, as: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, errors.Join(uerr, gerr, os.Chown(dir, int(uid), int(gid)))
}

func (a account) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = a.home
	cmd.Env = []string{"HOME=" + a.home, "PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: a.as, Setpgid: true} // an interrupt at the terminal is not for it
	return cmd
}

func answers(ctx context.Context, dsn string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, dsn)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("postgres does not answer: %w", err)
		}
	}
}
