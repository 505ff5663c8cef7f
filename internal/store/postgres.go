package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"
)

const (
	// maxAttempts bounds how often a transaction that lost against another is repeated.
	maxAttempts = 20
	// commitTimeout bounds the wait for a commit's answer. Beyond it nobody knows whether it happened.
	commitTimeout = 30 * time.Second
)

type postgresEngine struct {
	db  *sql.DB
	cfg *pgx.ConnConfig

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

func openPostgres(ctx context.Context, o Options) (*postgresEngine, error) {
	cfg, err := pgx.ParseConfig(o.DSN)
	if err != nil {
		return nil, errors.New("the PostgreSQL address can't be read") // pgx's text may hold the password
	}
	db := stdlib.OpenDB(*cfg)
	n := o.MaxConns
	if n <= 0 {
		n = 16
	}
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	db.SetConnMaxIdleTime(5 * time.Minute)
	var encoding string
	if err := db.QueryRowContext(ctx, "select current_setting('server_encoding')").Scan(&encoding); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if encoding != "UTF8" {
		return nil, errors.Join(fmt.Errorf("the PostgreSQL database keeps text as %s: create it with encoding 'UTF8'", encoding), db.Close())
	}
	return &postgresEngine{db: db, cfg: cfg}, nil
}

func (e *postgresEngine) view(ctx context.Context, fn work) error {
	return e.run(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, fn)
}

// update runs at READ COMMITTED: what must not be decided twice at once is decided under a row lock
// (Tx.TakeTurn) or by the row count of a conditional statement.
func (e *postgresEngine) update(ctx context.Context, fn work) error {
	return e.run(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted}, fn)
}

func (e *postgresEngine) run(ctx context.Context, opts *sql.TxOptions, fn work) error {
	if err := e.enter(); err != nil {
		return err
	}
	defer e.running.Done()
	for attempt := 1; ; attempt++ {
		err := e.once(ctx, opts, fn)
		if err == nil || attempt == maxAttempts || !retryable(err) {
			return err
		}
		select { // spread those that collided
		case <-time.After(rand.N(time.Duration(attempt) * 2 * time.Millisecond)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// enter counts a transaction as running, so that close waits for it.
func (e *postgresEngine) enter() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return ErrClosed
	}
	e.running.Add(1)
	return nil
}

// once runs one transaction. Waiting for a connection and the statements end with ctx; the commit does not:
// cut off, nobody would know whether it happened.
func (e *postgresEngine) once(ctx context.Context, opts *sql.TxOptions, fn work) (err error) {
	conn, err := e.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	whole, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	unwatch := context.AfterFunc(ctx, cancel)
	defer unwatch()
	tx, err := conn.BeginTx(whole, opts)
	if err != nil {
		return ended(ctx, err)
	}
	committed := false
	defer func() {
		if !committed { // also when fn panics
			_ = tx.Rollback() // the first error is the one that counts
		}
	}()
	if err := fn(whole, tx); err != nil {
		return ended(ctx, err)
	}
	if !unwatch() {
		return ctx.Err()
	}
	defer time.AfterFunc(commitTimeout, cancel).Stop()
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	committed = true
	return nil
}

// ended gives an error that came from the caller's own end as what it is.
func ended(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		return errors.Join(cause, err)
	}
	return err
}

func (e *postgresEngine) close() error {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.running.Wait()
	return e.db.Close()
}

// retryable reports whether a transaction lost against another one and can simply be run again.
func retryable(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == "40001" || pg.Code == "40P01")
}

// classify turns constraint errors of both engines into the errors of this package.
func classify(err error) error {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pg.Code {
		case "23505":
			return fmt.Errorf("%w: %w", ErrExists, err)
		case "23503":
			return fmt.Errorf("%w: %w", ErrNotFound, err)
		}
		return err
	}
	if lite, ok := errors.AsType[*sqlite.Error](err); ok {
		return classifySQLite(lite)
	}
	return err
}
