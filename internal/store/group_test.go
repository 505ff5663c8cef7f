package store_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
)

// commits counts the commits in a database's write-ahead log, which holds all of a short test's: a frame
// that ends a transaction carries the database's size in pages
// (https://www.sqlite.org/fileformat2.html, "The Write-Ahead Log").
func commits(t *testing.T, dsn string) (n int) {
	t.Helper()
	wal, err := os.ReadFile(dsn + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	const header, frameHeader = 32, 24
	page := int(binary.BigEndian.Uint32(wal[8:]))
	salt := string(wal[16:24])
	for at := header; at+frameHeader+page <= len(wal); at += frameHeader + page {
		if string(wal[at+8:at+16]) != salt {
			break // left from before
		}
		if binary.BigEndian.Uint32(wal[at+4:]) != 0 {
			n++
		}
	}
	return n
}

// caller is one Update of a group.
type caller struct {
	ctx context.Context // nil: the test's
	fn  func(*store.Tx) error
	err error
	pan any
}

// together lets Updates wait behind one that holds the writer, so that they come into one group with it,
// and returns when all have returned. It runs in a synctest bubble.
func together(t *testing.T, s *store.Store, callers []*caller) {
	t.Helper()
	hold := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Update(t.Context(), func(*store.Tx) error { <-hold; return nil }); err != nil {
			t.Errorf("the first of the group: %v", err)
		}
	})
	synctest.Wait()
	for _, c := range callers {
		if c.ctx == nil {
			c.ctx = t.Context()
		}
		wg.Go(func() {
			defer func() { c.pan = recover() }()
			c.err = s.Update(c.ctx, c.fn)
		})
		synctest.Wait() // they queue in this order
	}
	close(hold)
	wg.Wait()
}

// inBubble runs a test where synctest.Wait sees what the store waits for.
func inBubble(t *testing.T, test func(t *testing.T, db testkit.DB, s *store.Store)) {
	t.Parallel()
	db := testkit.SQLite(t)
	synctest.Test(t, func(t *testing.T) { test(t, db, furnish(t, db)) })
}

// adds returns an Update's function that keeps the n-th token and goes on with then.
func adds(n int64, then func(*store.Tx) error) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		if err := tx.AddToken(aToken(n), hashOf(n)); err != nil || then == nil {
			return err
		}
		return then(tx)
	}
}

// kept returns the numbers of the tokens that are kept.
func kept(t *testing.T, s *store.Store) (ns []int64) {
	t.Helper()
	view(t, s, func(tx *store.Tx) error {
		rows, err := tx.Strings(1, "select id from tokens order by id")
		for _, row := range rows {
			var n int64
			if _, err := fmt.Sscanf(row[0], "tok_%d", &n); err != nil {
				return err
			}
			ns = append(ns, n)
		}
		return err
	})
	return ns
}

func TestUpdatesThatWaitShareOneCommit(t *testing.T) {
	inBubble(t, func(t *testing.T, db testkit.DB, s *store.Store) {
		before := commits(t, db.DSN)
		var callers []*caller
		for n := range int64(30) {
			callers = append(callers, &caller{fn: adds(n, nil)})
		}
		together(t, s, callers)
		if got := commits(t, db.DSN) - before; got != 1 || len(kept(t, s)) != 30 {
			t.Errorf("%d commits for %d tokens, want 1 for 30", got, len(kept(t, s)))
		}
	})
}

func TestAGroupIsBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, db testkit.DB, s *store.Store) {
		before := commits(t, db.DSN)
		var callers []*caller
		for n := range int64(store.MaxGroup) {
			callers = append(callers, &caller{fn: adds(n, nil)})
		}
		together(t, s, callers)
		if got := commits(t, db.DSN) - before; got != 2 || len(kept(t, s)) != store.MaxGroup {
			t.Errorf("%d commits for %d tokens, want 2 for %d", got, len(kept(t, s)), store.MaxGroup)
		}
	})
}

func TestAnUpdateThatFailsDoesNotTakeItsGroupWithIt(t *testing.T) {
	inBubble(t, func(t *testing.T, db testkit.DB, s *store.Store) {
		refusal := errors.New("refused")
		cancelled, cancel := context.WithCancel(t.Context())
		callers := []*caller{
			{fn: adds(0, nil)},
			{fn: adds(1, func(*store.Tx) error { return refusal })},
			{fn: adds(2, nil)},
			{fn: adds(3, adds(2, nil))}, // an id that exists
			{fn: adds(4, nil)},
			{fn: adds(5, func(*store.Tx) error { panic(refusal) })},
			{fn: adds(6, func(tx *store.Tx) error { cancel(); return nil })},
			{ctx: cancelled, fn: adds(7, nil)},                                                     // its caller goes while it waits
			{fn: adds(8, func(tx *store.Tx) error { _ = tx.SetPassword("\x00", ""); return nil })}, // it passes an error over
			{fn: adds(9, func(tx *store.Tx) error {
				var err error
				if err = tx.AddToken(aToken(0), hashOf(0)); !errors.Is(err, store.ErrExists) {
					t.Errorf("err = %v", err)
				}
				if next := tx.AddToken(aToken(90), hashOf(90)); !errors.Is(next, err) {
					t.Errorf("a statement after one that failed: %v", next)
				}
				return nil
			})},
			{fn: adds(10, nil)},
		}
		before := commits(t, db.DSN)
		together(t, s, callers)
		for n, want := range map[int]error{1: refusal, 3: store.ErrExists, 7: context.Canceled, 8: store.ErrText, 9: store.ErrExists} {
			if !errors.Is(callers[n].err, want) {
				t.Errorf("caller %d: %v, want %v", n, callers[n].err, want)
			}
		}
		panicked, ok := callers[5].pan.(error)
		if !ok || !errors.Is(panicked, refusal) || !strings.Contains(panicked.Error(), "TestAnUpdateThatFails") {
			t.Errorf("caller 5 panicked with %v; want what its function panicked with, and where", callers[5].pan)
		}
		for _, n := range []int{0, 2, 4, 6, 10} {
			if callers[n].err != nil || callers[n].pan != nil {
				t.Errorf("caller %d: %v, %v", n, callers[n].err, callers[n].pan)
			}
		}
		if got, want := kept(t, s), []int64{0, 2, 4, 6, 10}; !slices.Equal(got, want) {
			t.Errorf("kept %v, want %v", got, want)
		}
		if got := commits(t, db.DSN) - before; got != 1 {
			t.Errorf("%d commits, want 1", got)
		}
	})
}

// full makes the rest of a transaction see a full disk: SQLite then rolls the whole transaction back by itself.
func full(n int64) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		rows, err := tx.Strings(1, "select cast(page_count as text) from pragma_page_count")
		if err != nil {
			return err
		}
		if _, err := tx.Strings(1, "pragma max_page_count = "+rows[0][0]); err != nil {
			return err
		}
		k := aToken(n)
		k.Description = strings.Repeat("x", 1<<20)
		adding := tx.AddToken(k, hashOf(n))
		// What comes after the loss must not be kept outside of any transaction.
		return errors.Join(adding, tx.AddEvent(event("evt_after", "ws_1")))
	}
}

func TestAFullDiskFailsThoseItConcernsAndNobodyElse(t *testing.T) {
	inBubble(t, func(t *testing.T, _ testkit.DB, s *store.Store) {
		runs := 0
		callers := []*caller{
			{fn: adds(0, nil)},
			{fn: adds(1, full(2))},
			{fn: adds(3, func(*store.Tx) error { runs++; return nil })},
		}
		together(t, s, callers)
		if err := callers[1].err; err == nil || !strings.Contains(err.Error(), "full") {
			t.Errorf("the one that needs room: %v", err)
		}
		if callers[0].err != nil || callers[2].err != nil || runs != 1 {
			t.Errorf("the others: %v and %v after %d runs", callers[0].err, callers[2].err, runs)
		}
		update(t, s, func(tx *store.Tx) error { // there is room again
			_, err := tx.Strings(1, "pragma max_page_count = 1000000")
			return err
		})
		update(t, s, adds(4, nil))
		if got, want := kept(t, s), []int64{0, 3, 4}; !slices.Equal(got, want) {
			t.Errorf("kept %v, want %v", got, want)
		}
		view(t, s, func(tx *store.Tx) error {
			events, err := tx.Events(store.EventFilter{WorkspaceID: "ws_1"}, store.Page{Limit: 9})
			if len(events) != 0 {
				t.Error("what came after the loss is kept")
			}
			return err
		})
	})
}

func TestALostTransactionIsNeverAnsweredWithSuccess(t *testing.T) {
	inBubble(t, func(t *testing.T, _ testkit.DB, s *store.Store) {
		swallow := func(tx *store.Tx) error { _ = full(2)(tx); return nil }
		err := s.Update(t.Context(), adds(1, swallow))
		if err == nil || !strings.Contains(err.Error(), "full") {
			t.Errorf("alone: %v", err)
		}
		callers := []*caller{{fn: adds(1, swallow)}, {fn: adds(1, func(tx *store.Tx) error { _, err := tx.Exec("rollback"); return err })}}
		together(t, s, callers)
		for n, c := range callers {
			if c.err == nil {
				t.Errorf("caller %d of a group was answered with success", n)
			}
		}
		if got := kept(t, s); got != nil {
			t.Errorf("kept %v", got)
		}
	})
}

func TestACommitThatFailsIsRepeatedForEachAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, _ testkit.DB, s *store.Store) {
		orphan := func(tx *store.Tx) error { // found out at the commit only
			if _, err := tx.Exec("pragma defer_foreign_keys = 1"); err != nil {
				return err
			}
			return tx.AddMember("ws_none", "usr_a", "developer")
		}
		callers := []*caller{{fn: adds(0, nil)}, {fn: adds(1, orphan)}, {fn: adds(2, nil)}}
		together(t, s, callers)
		if callers[0].err != nil || callers[1].err == nil || callers[2].err != nil {
			t.Errorf("errors = %v, %v, %v; want one for the second alone", callers[0].err, callers[1].err, callers[2].err)
		}
		if got, want := kept(t, s), []int64{0, 2}; !slices.Equal(got, want) {
			t.Errorf("kept %v, want %v", got, want)
		}
	})
}

func TestAConnectionThatIsBeyondRepairIsReplaced(t *testing.T) {
	inBubble(t, func(t *testing.T, _ testkit.DB, s *store.Store) {
		if err := s.Update(t.Context(), adds(1, func(*store.Tx) error { s.BreakWriter(); return nil })); err == nil {
			t.Error("an Update whose connection broke succeeded")
		}
		update(t, s, adds(2, nil))
		update(t, s, adds(3, nil))
		if got, want := kept(t, s), []int64{2, 3}; !slices.Equal(got, want) {
			t.Errorf("kept %v, want %v", got, want)
		}
		s.BreakReaders()
		if got := kept(t, s); len(got) != 2 {
			t.Errorf("read %v", got)
		}
	})
}

func TestAFunctionThatEndsItsGoroutineFailsItsUpdateAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, _ testkit.DB, s *store.Store) {
		err := s.Update(t.Context(), adds(1, func(*store.Tx) error { runtime.Goexit(); return nil }))
		if err == nil {
			t.Error("it succeeded")
		}
		update(t, s, adds(2, nil))
		if got, want := kept(t, s), []int64{2}; !slices.Equal(got, want) {
			t.Errorf("kept %v, want %v", got, want)
		}
	})
}

func TestAnUpdateWaitsForAnotherProcessThatWrites(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t)
	ours, theirs := furnish(t, db), db.Open(t)
	begun, finish := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := theirs.Update(t.Context(), adds(1, func(*store.Tx) error { close(begun); <-finish; return nil })); err != nil {
			t.Error(err)
		}
	})
	<-begun
	wg.Go(func() {
		if err := ours.Update(t.Context(), adds(2, nil)); err != nil {
			t.Error(err)
		}
	})
	close(finish)
	wg.Wait()
	if got, want := kept(t, ours), []int64{1, 2}; !slices.Equal(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
}
