package store_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// parallel runs fn from n goroutines at once and returns how many of them succeeded; other errors than
// expected fail the test.
func parallel(t *testing.T, n int, expected error, fn func(n int64) error) (succeeded int64) {
	t.Helper()
	var ok atomic.Int64
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			switch err := fn(int64(i)); {
			case err == nil:
				ok.Add(1)
			case !errors.Is(err, expected):
				t.Error(err)
			}
		})
	}
	close(start)
	wg.Wait()
	return ok.Load()
}

func TestALimitHoldsUnderATurnTaken50TimesAtOnce(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		full := errors.New("full")
		for _, limit := range []int{1, 7} {
			owner := map[int]token.Person{1: ana(), 7: ben()}[limit]
			f := store.TokenFilter{WorkspaceID: "ws_1", OwnerID: owner.ID, Status: token.Active}
			got := parallel(t, 50, full, func(n int64) error {
				return s.Update(t.Context(), func(tx *store.Tx) error {
					if _, err := tx.TakeTurn("ws_1", owner.ID); err != nil {
						return err
					}
					count, err := tx.CountTokens(f)
					if err != nil {
						return err
					}
					if count >= limit {
						return full
					}
					k := aToken(int64(limit*100) + n)
					k.Owner = owner
					return tx.AddToken(k, hashOf(int64(limit*100)+n))
				})
			})
			view(t, s, func(tx *store.Tx) error {
				kept, err := tx.CountTokens(f)
				if got != int64(limit) || kept != limit {
					t.Errorf("limit %d: %d succeeded, %d are kept", limit, got, kept)
				}
				return err
			})
		}
	})
}

func TestWhatIsForOneIsGivenToOneOf50(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		update(t, s, func(tx *store.Tx) error {
			return errors.Join(tx.AddLink("usr_a", "reset", hashOf(1), tx.Now.Add(time.Hour)), tx.AddToken(aToken(999), hashOf(999)))
		})
		for name, c := range map[string]struct {
			fn     func(*store.Tx, int64) error
			losers error
		}{
			"a link":        {func(tx *store.Tx, _ int64) error { return tx.UseLink(hashOf(1)) }, store.ErrNotFound},
			"a nonce":       {func(tx *store.Tx, _ int64) error { return tx.SpendNonce(hashOf(1), tx.Now.Add(time.Hour)) }, store.ErrExists},
			"a hash":        {func(tx *store.Tx, n int64) error { return tx.AddToken(aToken(n), hashOf(7777)) }, store.ErrExists},
			"an address":    {func(tx *store.Tx, n int64) error { return addUser(tx, fmt.Sprint("usr_", n), "same@example.com") }, store.ErrExists},
			"a slug":        {func(tx *store.Tx, n int64) error { return addWorkspace(tx, fmt.Sprint("ws_x", n), "same") }, store.ErrExists},
			"a revocation":  {func(tx *store.Tx, _ int64) error { return tx.RevokeToken(aToken(999).ID, "r") }, store.ErrNotFound},
			"a membership":  {func(tx *store.Tx, _ int64) error { return addMembers(tx) }, store.ErrExists},
			"a lost member": {func(tx *store.Tx, _ int64) error { return tx.RemoveMember("ws_1", "usr_b") }, store.ErrNotFound},
		} {
			if got := parallel(t, 50, c.losers, func(n int64) error {
				return s.Update(t.Context(), func(tx *store.Tx) error { return c.fn(tx, n) })
			}); got != 1 {
				t.Errorf("%s was given to %d", name, got)
			}
		}
	})
}

func addUser(tx *store.Tx, id, email string) error {
	return tx.AddUser(store.User{Person: token.Person{ID: id, Email: email, Name: "N"}, CreatedAt: tx.Now})
}

func addMembers(tx *store.Tx) error {
	if _, err := tx.User("usr_new"); errors.Is(err, store.ErrNotFound) {
		if err := addUser(tx, "usr_new", "new@example.com"); err != nil {
			return err
		}
	}
	return tx.AddMember("ws_1", "usr_new", token.Developer)
}

func TestAnUpdateThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		refusal := errors.New("refused")
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		leaving, leave := context.WithCancel(t.Context())
		for name, c := range map[string]struct {
			ctx  context.Context
			fn   func(*store.Tx) error
			want error
		}{
			"an error":                    {t.Context(), func(*store.Tx) error { return refusal }, refusal},
			"an error passed over":        {t.Context(), func(tx *store.Tx) error { _ = tx.AddToken(aToken(1), hashOf(1)); return nil }, store.ErrExists},
			"a caller who was gone":       {cancelled, func(*store.Tx) error { return nil }, context.Canceled},
			"a caller who leaves, failed": {leaving, func(*store.Tx) error { leave(); return refusal }, refusal},
		} {
			if err := s.Update(c.ctx, adds(1, c.fn)); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("a panic was swallowed")
				}
			}()
			_ = s.Update(t.Context(), adds(1, func(*store.Tx) error { panic("oops") }))
		}()
		if got := kept(t, s); got != nil {
			t.Errorf("kept %v", got)
		}
		update(t, s, adds(1, nil)) // and no lock is left either
	})
}

func TestACallerWhoLeavesEitherHasItOrNothing(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		var mu sync.Mutex
		outcome := map[int64]error{}
		parallel(t, 60, context.Canceled, func(n int64) error {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() {
				for range n * 50 { // the moment differs
					runtime.Gosched()
				}
				cancel()
			}()
			err := s.Update(ctx, adds(n, nil))
			mu.Lock()
			defer mu.Unlock()
			outcome[n] = err
			return err
		})
		there := map[int64]bool{}
		for _, n := range kept(t, s) {
			there[n] = true
		}
		for n, err := range outcome {
			if there[n] != (err == nil) {
				t.Errorf("token %d: err = %v, kept %v", n, err, there[n])
			}
		}
	})
}

func TestCloseAnswersEveryUpdateTruly(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		watcher := furnish(t, db)
		s := db.Open(t)
		var mu sync.Mutex
		outcome := map[int64]error{}
		var some sync.WaitGroup
		some.Add(20)
		var closing sync.WaitGroup
		closing.Go(func() {
			some.Wait()
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		parallel(t, 16, store.ErrClosed, func(g int64) error {
			for i := int64(0); ; i++ {
				n := g*100_000 + i
				err := s.Update(t.Context(), adds(n, nil))
				mu.Lock()
				outcome[n] = err
				if len(outcome) <= 20 {
					some.Done()
				}
				mu.Unlock()
				if err != nil {
					return err
				}
			}
		})
		closing.Wait()
		there := map[int64]bool{}
		for _, n := range kept(t, watcher) {
			there[n] = true
		}
		for n, err := range outcome {
			if there[n] != (err == nil) {
				t.Errorf("token %d: err = %v, kept %v", n, err, there[n])
			}
		}
		for name, err := range map[string]error{"Update": s.Update(t.Context(), adds(1, nil)), "View": s.Ping(t.Context())} {
			if !errors.Is(err, store.ErrClosed) {
				t.Errorf("%s after Close: %v", name, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Errorf("Close again: %v", err)
		}
	})
}

func TestCloseWaitsForWhatRuns(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		furnish(t, db)
		s := db.Open(t)
		var wg sync.WaitGroup
		reading, closing := make(chan struct{}), make(chan struct{})
		wg.Go(func() {
			err := s.View(t.Context(), func(tx *store.Tx) error {
				close(reading)
				<-closing
				for range 100 {
					runtime.Gosched()
				}
				return result(tx.User("usr_a"))
			})
			if err != nil {
				t.Errorf("a View that ran when Close came: %v", err)
			}
		})
		<-reading
		close(closing)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
	})
}

func TestAViewSeesOneMomentAndWritesNothing(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		update(t, s, adds(1, nil))
		f := store.TokenFilter{WorkspaceID: "ws_1"}
		view(t, s, func(tx *store.Tx) error {
			before, err := tx.CountTokens(f)
			update(t, s, adds(2, nil))
			after, err2 := tx.CountTokens(f)
			if before != 1 || after != 1 {
				t.Errorf("a View counted %d and then %d", before, after)
			}
			return errors.Join(err, err2)
		})
		if err := s.View(t.Context(), adds(3, nil)); err == nil {
			t.Error("a View could write")
		}
		if got := kept(t, s); len(got) != 2 {
			t.Errorf("kept %v", got)
		}
	})
}

func TestViewsThatEndBadlyLeakNoConnection(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		furnish(t, db)
		s, err := store.Open(t.Context(), store.Options{DSN: db.DSN, MaxConns: 1, Now: db.Clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		for range 20 {
			if err := s.View(cancelled, func(tx *store.Tx) error { return result(tx.Workspaces()) }); !errors.Is(err, context.Canceled) {
				t.Errorf("a caller who was gone: %v", err)
			}
			func() {
				defer func() { _ = recover() }()
				_ = s.View(t.Context(), func(*store.Tx) error { panic("oops") })
			}()
			ctx, leave := context.WithCancel(t.Context())
			err := s.View(ctx, func(tx *store.Tx) error { leave(); return result(tx.Workspaces()) })
			if !errors.Is(err, context.Canceled) {
				t.Errorf("a caller who leaves: %v", err)
			}
			if err := s.View(t.Context(), func(tx *store.Tx) error { return result(tx.Strings(1, "select no_such_column")) }); err == nil {
				t.Error("nonsense was answered")
			}
			s.BreakReaders()
			// Somebody waits for the only connection and goes.
			view(t, s, func(*store.Tx) error {
				waiting, leave := context.WithTimeout(t.Context(), time.Millisecond)
				defer leave()
				if err := s.Ping(waiting); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("waiting for a connection: %v", err)
				}
				return nil
			})
		}
		if n := s.OpenConnections(); n > 2 {
			t.Errorf("%d connections are open; want one to read with, and SQLite's to write with", n)
		}
	})
}
