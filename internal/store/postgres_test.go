package store_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
)

// openPostgres opens two stores on one furnished database, the first with a parameter added to its DSN.
func openPostgres(t *testing.T, parameter string) (with, plain *store.Store) {
	t.Helper()
	db := testkit.DB{Engine: "postgres", DSN: testkit.Postgres(t), Clock: testkit.NewClock()}
	plain = furnish(t, db)
	if parameter != "" {
		if u, err := url.Parse(db.DSN); err == nil && u.Scheme != "" {
			db.DSN += map[bool]string{true: "&", false: "?"}[u.RawQuery != ""] + parameter
		} else {
			db.DSN += " " + parameter
		}
	}
	return db.Open(t), plain
}

func TestTransactionsThatDeadlockBothSucceed(t *testing.T) {
	t.Parallel()
	s, _ := openPostgres(t, "")
	var runs atomic.Int64
	var bothHoldOne, wg sync.WaitGroup
	bothHoldOne.Add(2)
	for _, order := range [][2]string{{"usr_a", "usr_b"}, {"usr_b", "usr_a"}} {
		first := true
		wg.Go(func() {
			err := s.Update(t.Context(), func(tx *store.Tx) error {
				runs.Add(1)
				_, err := tx.TakeTurn("ws_1", order[0])
				if first {
					first = false
					bothHoldOne.Done()
					bothHoldOne.Wait()
				}
				_, err2 := tx.TakeTurn("ws_1", order[1])
				return errors.Join(err, err2)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if runs.Load() < 3 {
		t.Errorf("the functions ran %d times: nothing was repeated", runs.Load())
	}
	view(t, s, func(tx *store.Tx) error {
		rows, err := tx.Strings(1, "select cast(turn as text) from members")
		if len(rows) != 2 || rows[0][0] != "2" || rows[1][0] != "2" {
			t.Errorf("turns = %v, want each taken twice", rows)
		}
		return err
	})
}

func TestALostDeadlockIsRepeatedThoughTheFunctionHidesIt(t *testing.T) {
	t.Parallel()
	s, _ := openPostgres(t, "")
	runs := 0
	err := s.Update(t.Context(), func(tx *store.Tx) error {
		if runs++; runs == 1 {
			if _, err := tx.Exec("do $$ begin raise exception 'lost' using errcode = '40001'; end $$"); err == nil {
				t.Error("the statement did not fail")
			}
			return errors.New("something of the caller's own")
		}
		return nil
	})
	if err != nil || runs != 2 {
		t.Errorf("err = %v after %d runs", err, runs)
	}
}

func TestEveryMethodWorksInTheModesThatPoolersNeed(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"exec", "simple_protocol", "describe_exec", "cache_describe"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s, _ := openPostgres(t, "default_query_exec_mode="+mode)
			exercise(t, s)
			lock, err := s.Lock(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := lock.Release(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTheServersOwnIsolationDefaultChangesNothing(t *testing.T) {
	t.Parallel()
	s, _ := openPostgres(t, "default_transaction_isolation=serializable")
	update(t, s, func(tx *store.Tx) error {
		rows, err := tx.Strings(1, "select current_setting('transaction_isolation')")
		if rows[0][0] != "read committed" {
			t.Errorf("an Update runs at %s", rows[0][0])
		}
		return err
	})
	view(t, s, func(tx *store.Tx) error {
		rows, err := tx.Strings(2, "select current_setting('transaction_isolation'), current_setting('transaction_read_only')")
		if rows[0][0] != "repeatable read" || rows[0][1] != "on" {
			t.Errorf("a View runs at %v", rows[0])
		}
		return err
	})
}

func TestADatabaseThatIsNotUTF8IsRefused(t *testing.T) {
	t.Parallel()
	dsn := testkit.PostgresWith(t, "encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'")
	_, err := store.Open(t.Context(), store.Options{DSN: dsn})
	if err == nil || !strings.Contains(err.Error(), "LATIN1") {
		t.Errorf("err = %v, want one that names the encoding", err)
	}
}

func TestACallerWhoLeavesFreesWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	s, plain := openPostgres(t, "")
	held, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := plain.Update(t.Context(), func(tx *store.Tx) error {
			_, err := tx.TakeTurn("ws_1", "usr_a")
			close(held)
			<-release
			return err
		}); err != nil {
			t.Error(err)
		}
	})
	<-held
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Update(ctx, func(tx *store.Tx) error {
		if err := tx.AddToken(aToken(1), hashOf(1)); err != nil {
			return err
		}
		cancel() // before it would wait for the row
		_, err := tx.TakeTurn("ws_1", "usr_a")
		return err
	})
	close(release)
	wg.Wait()
	if !errors.Is(err, context.Canceled) || kept(t, s) != nil {
		t.Errorf("err = %v, kept %v", err, kept(t, s))
	}
	update(t, s, adds(1, nil))
}
