package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

//go:embed schema
var schema embed.FS

// Migrate brings the tables to this program's version and returns how many steps it took. Steps only
// go forward, and two Migrates at once follow each other. It must run under the Lock, so that no server
// works on tables that move.
func (s *Store) Migrate(ctx context.Context) (steps int, err error) {
	err = s.migrations(ctx, func(p *goose.Provider) error {
		done, err := p.Up(ctx)
		steps = len(done)
		if partial, ok := errors.AsType[*goose.PartialError](err); ok {
			steps = len(partial.Applied)
		}
		if err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
		return nil
	})
	return steps, err
}

// Pending reports whether Migrate has something to do.
func (s *Store) Pending(ctx context.Context) (pending bool, err error) {
	err = s.migrations(ctx, func(p *goose.Provider) error {
		pending, err = p.HasPending(ctx)
		return err
	})
	return pending, err
}

func (s *Store) migrations(ctx context.Context, fn func(*goose.Provider) error) error {
	return s.engine.migrate(ctx, func(db *sql.DB, dialect string) error {
		p, err := provider(db, dialect)
		if err != nil {
			return fmt.Errorf("migrations: %w", err)
		}
		// An old program must not work on tables that a newer one has changed.
		have, err := p.GetDBVersion(ctx)
		if err != nil {
			return err
		}
		sources := p.ListSources()
		if known := sources[len(sources)-1].Version; have > known {
			return fmt.Errorf("the database is at version %d, this program knows %d: use a newer keywright", have, known)
		}
		return fn(p)
	})
}

func provider(db *sql.DB, dialect string) (*goose.Provider, error) {
	files, err := fs.Sub(schema, "schema/"+dialect)
	if err != nil {
		return nil, err
	}
	kind := goose.DialectPostgres
	if dialect == "sqlite" {
		kind = goose.DialectSQLite3
	}
	return goose.NewProvider(kind, db, files, goose.WithDisableGlobalRegistry(true))
}

// SQLite: one at a time by a lock on the directory, which leaves no file behind and is not the server's
// lock, which the caller holds.
func (e *sqliteEngine) migrate(ctx context.Context, fn func(*sql.DB, string) error) error {
	dir, err := os.Open(filepath.Dir(e.path))
	if err != nil {
		return err
	}
	defer dir.Close() // and with it the lock
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("lock %s: %w", dir.Name(), err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return fn(e.writeDB, "sqlite")
}

// PostgreSQL: one at a time by an advisory lock. The connections are not the pool's: one that is used up
// by transactions must not keep a server from starting.
func (e *postgresEngine) migrate(ctx context.Context, fn func(*sql.DB, string) error) (err error) {
	conn, err := e.begun(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end(conn)) }()
	if _, err := conn.Exec(ctx, "select pg_advisory_xact_lock($1)", migrateKey); err != nil {
		return err
	}
	db := stdlib.OpenDB(*e.cfg)
	defer func() { err = errors.Join(err, db.Close()) }()
	return fn(db, "postgres")
}
