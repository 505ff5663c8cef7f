package store_test

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

const (
	// childEnv says which part a child process plays; childDSN is its database.
	childEnv = "KEYWRIGHT_TEST_CHILD"
	childDSN = "KEYWRIGHT_TEST_CHILD_DSN"
	// killsEnv asks for more kills than the few that fit in a normal run.
	killsEnv = "KEYWRIGHT_TEST_KILLS"
)

// runChild is the child's main: it works until it is killed, or until its standard input ends.
func runChild(role string) {
	s, err := store.Open(context.Background(), store.Options{DSN: os.Getenv(childDSN)})
	if err == nil {
		switch name, argument, _ := strings.Cut(role, " "); name {
		case "write":
			err = writeForever(s, argument)
		case "rotate":
			err = rotateForever(s, argument)
		case "lock":
			if _, err = s.Lock(context.Background()); err == nil {
				fmt.Println("locked")
				_, err = io.Copy(io.Discard, os.Stdin)
			}
		}
	}
	fmt.Println("error:", err)
	os.Exit(1)
}

// child starts this test binary again in a role. It is killed at the test's end at the latest.
func child(t *testing.T, role, dsn string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), childEnv+"="+role, childDSN+"="+dsn)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe() // ends with this process, and the child with it
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = in.Close(), c.Wait() }) // killed, so it ends with an error
	return c, bufio.NewScanner(out)
}

// writeForever writes a token and an event in each Update, from 8 goroutines, and prints the token's id when
// the Update has returned.
func writeForever(s *store.Store, round string) error {
	failed := make(chan error)
	for g := range 8 {
		go func() {
			for n := 0; ; n++ {
				k := aToken(0)
				k.ID = fmt.Sprintf("tok_%s_%d_%d", round, g, n)
				err := s.Update(context.Background(), func(tx *store.Tx) error {
					e := event("evt_"+k.ID, "ws_1")
					e.TargetID = k.ID
					return errors.Join(tx.AddToken(k, token.HashOf(k.ID)), tx.AddEvent(e))
				})
				if err != nil {
					failed <- err
				}
				fmt.Println(k.ID) // one write to the pipe: lines don't mix
			}
		}()
	}
	return <-failed
}

func TestEveryAcknowledgedWriteSurvivesAKillAtAnyMoment(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t)
	s := furnish(t, db)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	killOften(t, db, "write", checkAfterKill)
}

// killOften lets a child work in a role and kills it, again and again; check opens the database as the next
// server would, and gets all that was acknowledged.
func killOften(t *testing.T, db testkit.DB, role string, check func(*testing.T, testkit.DB, map[string]bool)) {
	t.Helper()
	kills := 25
	if n, err := strconv.Atoi(os.Getenv(killsEnv)); err == nil {
		kills = n
	}
	acknowledged := map[string]bool{}
	for round := range kills {
		c, out := child(t, fmt.Sprint(role, " ", round), db.DSN)
		// The moment is random: between two acknowledgements, or while commits are under way.
		for n := rand.IntN(60); n >= 0 && out.Scan(); n-- {
			acknowledged[out.Text()] = true
		}
		timer := time.AfterFunc(rand.N(3*time.Millisecond), func() { _ = c.Process.Kill() }) // an error shows below: the child goes on
		for out.Scan() {
			acknowledged[out.Text()] = true
		}
		timer.Stop()
		check(t, db, acknowledged)
	}
	t.Logf("%d kills, %d acknowledged writes", kills, len(acknowledged))
}

// checkAfterKill holds the tokens and events of writeForever to each other.
func checkAfterKill(t *testing.T, db testkit.DB, acknowledged map[string]bool) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{DSN: db.DSN})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var tokens, events, integrity [][]string
	view(t, s, func(tx *store.Tx) (err error) {
		if integrity, err = tx.Strings(1, "pragma integrity_check"); err != nil {
			return err
		}
		if tokens, err = tx.Strings(1, "select id from tokens order by id"); err != nil {
			return err
		}
		events, err = tx.Strings(1, "select target_id from audit_events order by target_id")
		return err
	})
	if len(integrity) != 1 || integrity[0][0] != "ok" {
		t.Fatalf("integrity_check: %v", integrity)
	}
	kept := map[string]bool{}
	for i, row := range tokens {
		kept[row[0]] = true
		if i >= len(events) || events[i][0] != row[0] {
			t.Fatalf("%s is there without its event, or the reverse", row[0])
		}
	}
	if len(tokens) != len(events) {
		t.Fatalf("%d tokens and %d events: something is half there", len(tokens), len(events))
	}
	for id := range acknowledged {
		if strings.HasPrefix(id, "error") || !kept[id] {
			t.Fatalf("acknowledged and lost: %s", id)
		}
	}
}

// rotating is how many OAuth tokens rotateForever refreshes.
const rotating = 4

// rotateForever replaces the refresh tokens of some OAuth tokens, each by two goroutines that both want to,
// and prints the successor's hash when the Update of the one that wins has returned.
func rotateForever(s *store.Store, round string) error {
	failed := make(chan error)
	for g := range 2 * rotating {
		id := anOAuthToken(int64(g % rotating)).ID
		go func() {
			for n := 0; ; n++ {
				successor := token.HashOf(fmt.Sprint(round, g, n))
				err := rotate(s, id, successor)
				switch {
				case err == nil:
					fmt.Printf("%s %x\n", id, successor)
				case !errors.Is(err, store.ErrNotFound): // the other one was first
					failed <- err
				}
			}
		}()
	}
	return <-failed
}

func rotate(s *store.Store, id string, successor token.Hash) error {
	var current token.Hash
	err := s.View(context.Background(), func(tx *store.Tx) error {
		rows, err := tx.Strings(1, "select hash from refresh_tokens where oauth_token_id = $1 and used_at is null", id)
		if err == nil && len(rows) != 1 {
			err = fmt.Errorf("%s has %d live refresh tokens", id, len(rows))
		}
		if err == nil {
			copy(current[:], rows[0][0])
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.Update(context.Background(), func(tx *store.Tx) error {
		e := event(fmt.Sprintf("evt_%x", successor), "ws_1")
		e.TargetID = id
		return cmp.Or(tx.ReplaceRefreshToken(current, successor, []byte{1}), tx.AddRefreshToken(id, successor), tx.NoteRefresh(id), tx.AddEvent(e))
	})
}

func TestAnAcknowledgedRotationSurvivesAKillAndNeverHasTwoLiveSuccessors(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t)
	s := furnish(t, db)
	update(t, s, func(tx *store.Tx) error {
		var errs []error
		for n := range int64(rotating) {
			errs = append(errs, tx.AddOAuthToken(anOAuthToken(n)), tx.AddRefreshToken(anOAuthToken(n).ID, hashOf(n)))
		}
		return errors.Join(errs...)
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	killOften(t, db, "rotate", checkRotations)
}

// checkRotations walks the refresh tokens of every OAuth token from the first to the one that is live.
func checkRotations(t *testing.T, db testkit.DB, acknowledged map[string]bool) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{DSN: db.DSN})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	kept := map[string]bool{}
	for n := range int64(rotating) {
		id, hash := anOAuthToken(n).ID, hashOf(n)
		var rows, events [][]string
		walked := 1
		view(t, s, func(tx *store.Tx) (err error) {
			for p, err := tx.RefreshTokenByHash(hash); ; p, err = tx.RefreshTokenByHash(hash) {
				if err != nil {
					return fmt.Errorf("%s, after %d rotations: %w", id, walked, err)
				}
				if p.UsedAt.IsZero() {
					break
				}
				hash = p.Successor
				kept[fmt.Sprintf("%s %x", id, hash)] = true
				walked++
			}
			if rows, err = tx.Strings(1, "select 'x' from refresh_tokens where oauth_token_id = $1", id); err != nil {
				return err
			}
			events, err = tx.Strings(1, "select 'x' from audit_events where target_id = $1", id)
			return err
		})
		if len(rows) != walked || len(events) != walked-1 {
			t.Fatalf("%s: %d refresh tokens follow each other, %d are kept, with %d events: some are half there, or live beside", id, walked, len(rows), len(events))
		}
	}
	for line := range acknowledged {
		if !kept[line] {
			t.Fatalf("acknowledged and lost: %s", line)
		}
	}
}

func TestFilesOfADatabaseAreForTheirOwnerOnly(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t)
	s := furnish(t, db)
	lock, err := s.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Release() }() // the test does not end by it
	files, err := filepath.Glob(db.DSN + "*")
	if err != nil || len(files) != 4 {
		t.Fatalf("files = %v, %v; want the database, its -wal, its -shm and its .lock", files, err)
	}
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
	}
}

func TestCloseLeavesNothingOpen(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t)
	s := furnish(t, db)
	exercise(t, s)
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// The last connection that closes takes the write-ahead log into the database and removes it.
	if files, err := filepath.Glob(db.DSN + "*"); err != nil || len(files) != 1 {
		t.Errorf("files = %v, %v; want the database alone", files, err)
	}
	open, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range open {
		if name, err := os.Readlink(fd); err == nil && strings.HasPrefix(name, db.DSN) {
			t.Errorf("%s is still open", name)
		}
	}
}
