package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
)

func TestOneServerHoldsADatabaseAtATime(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s, other := db.Open(t), db.Open(t)
		first, err := s.Lock(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for name, second := range map[string]*store.Store{"the same": s, "another": other} {
			if _, err := second.Lock(t.Context()); !errors.Is(err, store.ErrLocked) {
				t.Errorf("Lock through %s store: %v, want ErrLocked", name, err)
			}
		}
		if _, out := child(t, "lock", db.DSN); !out.Scan() || out.Text() != "error: "+store.ErrLocked.Error() {
			t.Errorf("another process says %q, want ErrLocked", out.Text())
		}
		for range 2 { // twice does no harm
			if err := first.Release(); err != nil {
				t.Errorf("Release: %v", err)
			}
		}
		second, err := other.Lock(t.Context())
		if err != nil {
			t.Fatalf("after Release: %v", err)
		}
		if err := second.Release(); err != nil {
			t.Error(err)
		}
		select {
		case <-first.Lost:
			t.Error("a lock that was released counts as lost")
		default:
		}
	})
}

func TestTheLockOfAKilledServerIsFree(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := db.Open(t)
		c, out := child(t, "lock", db.DSN)
		if !out.Scan() || out.Text() != "locked" {
			t.Fatalf("the child says %q", out.Text())
		}
		if _, err := s.Lock(t.Context()); !errors.Is(err, store.ErrLocked) {
			t.Errorf("while it lives: %v, want ErrLocked", err)
		}
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		for { // PostgreSQL takes a moment to see it
			lock, err := s.Lock(ctx)
			if errors.Is(err, store.ErrLocked) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := lock.Release(); err != nil {
				t.Error(err)
			}
			return
		}
	})
}

func TestALockTakesNoConnectionFromTransactions(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s, err := store.Open(t.Context(), store.Options{DSN: db.DSN, MaxConns: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		lock, err := s.Lock(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = lock.Release() }() // the test does not end by it
		err = s.View(ctx, func(*store.Tx) error {
			_, err := s.Migrate(ctx)
			return err
		})
		if err != nil {
			t.Errorf("Migrate while the only connection is in use: %v", err)
		}
		if err := s.Ping(ctx); err != nil {
			t.Error(err)
		}
	})
}

func TestADatabaseUnderTwoNamesHasOneLock(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t)
	s := db.Open(t)
	lock, err := s.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Release() }() // the test does not end by it
	linked := testkit.DB{DSN: filepath.Join(t.TempDir(), "other name.db"), Clock: db.Clock}
	if err := os.Symlink(db.DSN, linked.DSN); err != nil {
		t.Fatal(err)
	}
	if _, err := linked.Open(t).Lock(t.Context()); !errors.Is(err, store.ErrLocked) {
		t.Errorf("Lock by another name: %v, want ErrLocked", err)
	}
}

func TestALockThatIsLostSaysSo(t *testing.T) {
	t.Parallel()
	s, admin := openPostgres(t, "")
	lock, err := s.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-lock.Lost:
		t.Fatal("lost before anything happened")
	default:
	}
	view(t, admin, func(tx *store.Tx) error {
		rows, err := tx.Strings(1, `select cast(pg_terminate_backend(pid) as text) from pg_locks where locktype = 'advisory'
			and database = (select oid from pg_database where datname = current_database())`)
		if len(rows) != 1 {
			t.Errorf("%d sessions hold an advisory lock, want 1", len(rows))
		}
		return err
	})
	select {
	case <-lock.Lost:
	case <-time.After(10 * time.Second):
		t.Error("not lost 10 s after its session ended")
	}
	if err := lock.Release(); err != nil {
		t.Errorf("Release of a lost lock: %v", err)
	}
	again, err := s.Lock(t.Context())
	if err != nil {
		t.Fatalf("Lock again: %v", err)
	}
	if err := again.Release(); err != nil {
		t.Error(err)
	}
}
