package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"

	"github.com/jackc/pgx/v5"
)

// maxAttempts bounds how often a transaction that lost against another is repeated.
const maxAttempts = 20

type postgresEngine struct {
	db  *sql.DB
	dsn string
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
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &postgresEngine{db: db, dsn: o.DSN}, nil
}

func (e *postgresEngine) view(ctx context.Context, fn func(querier) error) error {
	return e.run(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, fn)
}

// update runs at READ COMMITTED: what must not be decided twice at once is decided under a row lock
// (Tx.TakeTurn) or by the row count of a conditional statement.
func (e *postgresEngine) update(ctx context.Context, fn func(querier) error) error {
	return e.run(ctx, nil, fn)
}

func (e *postgresEngine) run(ctx context.Context, opts *sql.TxOptions, fn func(querier) error) error {
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

func (e *postgresEngine) once(ctx context.Context, opts *sql.TxOptions, fn func(querier) error) (err error) {
	tx, err := e.db.BeginTx(ctx, opts)
	if err != nil {
		return err
	}
	committed := false
	defer func() {
		if !committed { // also when fn panics
			_ = tx.Rollback() //nolint:errcheck // the first error is the one that counts
		}
	}()
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	committed = true
	return nil
}

func (e *postgresEngine) migrations() (*sql.DB, string) { return e.db, "postgres" }

func (e *postgresEngine) close() error { return e.db.Close() }

// retryable reports whether a transaction lost against another one and can simply be run again.
func retryable(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}

// classify turns constraint errors of both engines into the errors of this package.
func classify(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case "23505":
			return fmt.Errorf("%w: %w", ErrExists, err)
		case "23503":
			return fmt.Errorf("%w: %w", ErrNotFound, err)
		}
		return err
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return classifySQLite(lite)
	}
	return err
}
