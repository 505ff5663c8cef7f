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
// What the engines would do differently is made the same here: a statement that fails ends its
// transaction, whatever the function makes of the error; text with a NUL byte or invalid UTF-8 is
// refused (ErrText) before an engine sees it; letters compare by their bytes.
//
// A server holds a lock on its database (see Store.Lock), since answers from memory are only right while
// nobody else changes what they were made from.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Errors of this package, told apart by code and never by text.
var (
	ErrNotFound = errors.New("store: no such row")
	ErrExists   = errors.New("store: such a row exists")
	ErrLocked   = errors.New("store: another server uses this database")
	ErrClosed   = errors.New("store: closed")
	ErrText     = errors.New("store: a text holds a NUL byte or is not UTF-8")
)

// Options say which database, and how it is used.
type Options struct {
	// DSN is a path or sqlite: URL for SQLite, or a PostgreSQL address: a postgres:// URL or key=value form.
	DSN string
	// MaxConns bounds the connections that transactions share (on SQLite those that read); 0 picks a
	// default. A Lock, and Migrate while it runs, have one more each.
	MaxConns int
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Store is an open database. It is safe for use by many goroutines.
type Store struct {
	engine engine
	now    func() time.Time
	rows   int // see Tx
	dsn    string
	feeds  pools
}

// work is what runs in a transaction: its statements use the context it is given.
type work func(context.Context, querier) error

// engine is what the two databases do differently.
type engine interface {
	view(ctx context.Context, fn work) error
	update(ctx context.Context, fn work) error
	migrate(ctx context.Context, fn func(db *sql.DB, dialect string) error) error
	lock(ctx context.Context) (*Lock, error)
	close() error
}

// Open opens the database without creating its tables; see Migrate. Its errors hold no password.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Store{now: o.Now, rows: 1, dsn: addressOf(o.DSN)}
	var err error
	if IsPostgres(o.DSN) {
		s.rows = 64
		s.engine, err = openPostgres(ctx, o)
	} else {
		var lite *sqliteEngine
		if lite, err = openSQLite(ctx, o); err == nil {
			s.engine, s.dsn = lite, lite.path
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return s, nil
}

// Close waits for running transactions and closes the database; what comes later gets ErrClosed.
func (s *Store) Close() error { return errors.Join(s.feeds.close(), s.engine.close()) }

// View runs fn on a consistent snapshot. fn must not write.
func (s *Store) View(ctx context.Context, fn func(*Tx) error) error {
	return s.engine.view(ctx, s.work(fn))
}

// Update runs fn in a transaction. When it returns nil the change is durable; when fn, a statement or the
// commit fails, nothing is changed. fn may run more than once. A context that ends before the commit ends
// the Update; one that ends later does not.
func (s *Store) Update(ctx context.Context, fn func(*Tx) error) error {
	return s.engine.update(ctx, s.work(fn))
}

func (s *Store) work(fn func(*Tx) error) work {
	return func(ctx context.Context, q querier) error {
		tx := &Tx{Now: s.now().UTC().Truncate(time.Microsecond), ctx: ctx, q: q, rows: s.rows}
		err := fn(tx)
		if tx.failed != nil && (err == nil || retryable(tx.failed)) {
			return tx.failed
		}
		return err
	}
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	return s.View(ctx, func(tx *Tx) error {
		var one int
		return tx.one("select 1", nil, &one)
	})
}
