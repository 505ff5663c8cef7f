package testkit

import (
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/store"
)

// DB is an empty database of one engine, made for one test.
type DB struct {
	Engine string // "sqlite" or "postgres"
	DSN    string
	Clock  *Clock
}

// EachEngine runs a test on SQLite and on PostgreSQL, each with a database of its own.
func EachEngine(t *testing.T, test func(t *testing.T, db DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, SQLite(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, DB{Engine: "postgres", DSN: Postgres(t), Clock: NewClock()})
	})
}

// SQLite returns a new SQLite database.
func SQLite(t testing.TB) DB {
	return DB{Engine: "sqlite", DSN: filepath.Join(t.TempDir(), "keywright.db"), Clock: NewClock()}
}

// Open opens the database with its tables in place, on the test's clock; the test closes it.
func (db DB) Open(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{DSN: db.DSN, Now: db.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// Clock is a clock that moves when the test says so.
type Clock struct{ micros atomic.Int64 }

// NewClock returns a clock that stands at noon on 1 March 2027, UTC.
func NewClock() *Clock {
	c := &Clock{}
	c.Set(time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC))
	return c
}

// Now is the clock's time.
func (c *Clock) Now() time.Time { return time.UnixMicro(c.micros.Load()).UTC() }

// Set moves the clock to a moment, forwards or back.
func (c *Clock) Set(t time.Time) { c.micros.Store(t.UnixMicro()) }

// Advance moves the clock on.
func (c *Clock) Advance(d time.Duration) { c.micros.Add(d.Microseconds()) }
