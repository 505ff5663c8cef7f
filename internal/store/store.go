// Package store is how things are kept: all SQL of Keywright, on two engines.
//
// One SQL text runs on SQLite and on PostgreSQL; only the schema files differ. Callers work in View
// (a consistent read) and Update (a transaction), and call plain methods on the Tx they are given; there
// are no rules here. Conditional statements whose row count is the answer, unique keys and the row lock
// of Tx.TakeTurn keep the rules above true under concurrency.
//
// SQLite: one writer with group commit. Concurrent Updates share one transaction, each in a savepoint
// of its own, and are answered after its commit, which is durable (WAL, synchronous=FULL). One fsync then
// serves many; an Update that fails is rolled back alone. PostgreSQL: a transaction for each Update,
// repeated on serialisation failures and deadlocks. So the function given to Update may run more than
// once and must not act on anything but its Tx.
//
// A server holds a lock on its database (see Store.Lock), since answers from memory are only right while
// nobody else changes what they were made from.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Errors of this package, told apart by code and never by text.
var (
	ErrNotFound = errors.New("store: no such row")
	ErrExists   = errors.New("store: such a row exists")
	ErrLocked   = errors.New("store: another server uses this database")
)

// Options say which database, and how it is used.
type Options struct {
	// DSN is a path or sqlite: URL for SQLite, or a postgres:// URL.
	DSN string
	// MaxConns bounds the connections that read; 0 picks a default.
	MaxConns int
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Store is an open database. It is safe for use by many goroutines.
type Store struct {
	engine engine
	now    func() time.Time
}

// engine is what the two databases do differently.
type engine interface {
	view(ctx context.Context, fn func(querier) error) error
	update(ctx context.Context, fn func(querier) error) error
	migrations() (db *sql.DB, dialect string)
	lock(ctx context.Context) (*Lock, error)
	close() error
}

// querier is what a transaction can do on either engine.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Tx is one transaction. Now is fixed when it begins, to the microsecond, as times are kept.
type Tx struct {
	Now time.Time
	ctx context.Context
	q   querier
}

// Open opens the database without creating its tables; see Migrate.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	var e engine
	var err error
	if IsPostgres(o.DSN) {
		e, err = openPostgres(ctx, o)
	} else {
		e, err = openSQLite(ctx, o)
	}
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return &Store{engine: e, now: o.Now}, nil
}

// IsPostgres reports whether a DSN names a PostgreSQL database.
func IsPostgres(dsn string) bool {
	return strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://")
}

// RedactDSN returns a DSN without its password, for people and logs.
func RedactDSN(dsn string) string {
	if !IsPostgres(dsn) {
		return dsn
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return "postgres://[unreadable]"
	}
	if q := u.Query(); q.Has("password") {
		q.Set("password", "xxxxx")
		u.RawQuery = q.Encode()
	}
	return u.Redacted()
}

// Close waits for running transactions and closes the database.
func (s *Store) Close() error { return s.engine.close() }

// View runs fn on a consistent snapshot. fn must not write.
func (s *Store) View(ctx context.Context, fn func(*Tx) error) error {
	now := s.clock()
	return s.engine.view(ctx, func(q querier) error { return fn(&Tx{Now: now, ctx: ctx, q: q}) })
}

// Update runs fn in a transaction. When it returns nil the change is durable; when fn or the commit
// fails nothing is changed. fn may run more than once.
func (s *Store) Update(ctx context.Context, fn func(*Tx) error) error {
	now := s.clock()
	// A cancelled caller must not abort a statement in a transaction that others share.
	inner := context.WithoutCancel(ctx)
	return s.engine.update(ctx, func(q querier) error { return fn(&Tx{Now: now, ctx: inner, q: q}) })
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	return s.View(ctx, func(tx *Tx) error {
		var one int
		return tx.one("select 1", nil, &one)
	})
}

func (s *Store) clock() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

// exec runs a statement and returns how many rows it changed.
func (tx *Tx) exec(query string, args ...any) (int64, error) {
	res, err := tx.q.ExecContext(tx.ctx, query, args...)
	if err != nil {
		return 0, classify(err)
	}
	return res.RowsAffected()
}

// must runs a statement that has to change a row, else ErrNotFound.
func (tx *Tx) must(query string, args ...any) error {
	n, err := tx.exec(query, args...)
	if err == nil && n == 0 {
		return ErrNotFound
	}
	return err
}

// one reads a single row into dest; ErrNotFound if there is none.
func (tx *Tx) one(query string, args []any, dest ...any) error {
	found := false
	err := tx.each(query, args, func(scan func(...any) error) error {
		found = true
		return scan(dest...)
	})
	if err == nil && !found {
		return ErrNotFound
	}
	return err
}

// each calls fn for every row.
func (tx *Tx) each(query string, args []any, fn func(scan func(...any) error) error) (err error) {
	rows, err := tx.q.QueryContext(tx.ctx, query, args...)
	if err != nil {
		return classify(err)
	}
	defer func() {
		if cerr := rows.Close(); err == nil && cerr != nil {
			err = classify(cerr)
		}
	}()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return classify(err)
	}
	return nil
}
