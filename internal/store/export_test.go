package store

import (
	"context"
	"database/sql"

	"github.com/keywright/keywright/odata/edm"
)

// What tests of this package may reach inside: statements of their own, and the statements that methods
// send.

// Exec runs any statement.
func (tx *Tx) Exec(query string, args ...any) (int64, error) { return tx.exec(query, args...) }

// Strings returns the rows of a query, their values as text.
func (tx *Tx) Strings(columns int, query string, args ...any) (rows [][]string, err error) {
	err = tx.each(query, args, func(scan func(...any) error) error {
		row := make([]string, columns)
		dest := make([]any, columns)
		for i := range row {
			dest[i] = nullText{&row[i]}
		}
		rows = append(rows, row)
		return scan(dest...)
	})
	return rows, err
}

// Statement is one that a method sent.
type Statement struct {
	Query string
	Args  []any
}

// Sent returns the statements that fn sends.
func (tx *Tx) Sent(fn func(*Tx) error) ([]Statement, error) {
	r := &recorder{querier: tx.q}
	err := fn(&Tx{Now: tx.Now, ctx: tx.ctx, q: r})
	return r.sent, err
}

type recorder struct {
	querier
	sent []Statement
}

func (r *recorder) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	r.sent = append(r.sent, Statement{query, args})
	return r.querier.ExecContext(ctx, query, args...)
}

func (r *recorder) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	r.sent = append(r.sent, Statement{query, args})
	return r.querier.QueryContext(ctx, query, args...)
}

// OpenConnections is how many connections are open in all.
func (s *Store) OpenConnections() int {
	switch e := s.engine.(type) {
	case *sqliteEngine:
		return e.writeDB.Stats().OpenConnections + e.readDB.Stats().OpenConnections
	case *postgresEngine:
		return e.db.Stats().OpenConnections
	}
	return 0
}

// BreakReaders closes, behind the store's back, the connections of SQLite that wait to be read with.
func (s *Store) BreakReaders() {
	e, ok := s.engine.(*sqliteEngine)
	if !ok {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.idle {
		_ = c.close() // what it says does not matter: it is broken on purpose
	}
}

// MaxGroup is how many Updates share one commit at most.
const MaxGroup = maxGroup

// BreakWriter closes, behind the store's back, the connection that SQLite is written with. It may run in
// an Update only.
func (s *Store) BreakWriter() {
	if e, ok := s.engine.(*sqliteEngine); ok {
		_ = e.writer.close() // what it says does not matter: it is broken on purpose
	}
}

// WhileMigrating runs fn while a migration goes on.
func (s *Store) WhileMigrating(ctx context.Context, fn func()) error {
	return s.engine.migrate(ctx, func(*sql.DB, string) error {
		fn()
		return nil
	})
}

// AddressOf is addressOf.
func AddressOf(dsn string) string { return addressOf(dsn) }

// FeedModel is what a feed publishes, and the text of its queries for each audience.
func FeedModel() (m *edm.Model, queries []string) {
	f := newFeedModel()
	for _, of := range []audience{everything(), ownOf(), ofApp()} {
		for _, t := range f.tables(of) {
			queries = append(queries, t.From)
		}
	}
	return f.model, queries
}

// FeedColumns are the columns that sets read, by set.
func FeedColumns() map[string][]string {
	f := newFeedModel()
	out := map[string][]string{}
	for s, columns := range f.columns {
		for _, c := range columns {
			out[s.Name] = append(out[s.Name], c.Name)
		}
	}
	return out
}
