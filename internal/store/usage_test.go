package store_test

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

func addresses(texts ...string) (out []netip.Addr) {
	for _, s := range texts {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

// useSome makes three tokens, two of Ana's (0, 1) and one of Ben's (2), and uses them on days 10 to 12.
func useSome(t *testing.T, s *store.Store) {
	t.Helper()
	update(t, s, func(tx *store.Tx) error {
		if err := addWorkspace(tx, "ws_2", "two"); err != nil {
			return err
		}
		for n, owner := range []token.Person{ana(), ana(), ben()} { // tok…0, 1: Ana's; 2: Ben's
			k := aToken(int64(n))
			k.Owner = owner
			if err := tx.AddToken(k, hashOf(int64(n))); err != nil {
				return err
			}
		}
		for _, u := range []struct {
			n, day, requests, refusals int64
			ws                         string
			from                       []netip.Addr
		}{
			{0, 10, 5, 1, "ws_1", addresses("192.0.2.1", "2001:db8::1")},
			{0, 10, 2, 0, "ws_1", addresses("192.0.2.1", "192.0.2.2")}, // one of them again
			{1, 10, 7, 0, "ws_1", addresses("192.0.2.1")},              // Ana's other, same address
			{2, 10, 100, 3, "ws_1", addresses("192.0.2.1", "192.0.2.9")},
			{0, 11, 1, 0, "ws_1", nil},
			{2, 12, 0, 4, "ws_1", addresses("192.0.2.9")},
			{7, 10, 9, 9, "ws_2", addresses("192.0.2.77")}, // of no token that exists, elsewhere
			{8, 10, 1, 0, "ws_1", nil},                     // of a deleted token
		} {
			owner := "usr_a"
			if u.n == 2 {
				owner = "usr_b"
			}
			if err := tx.AddUse(store.Use{TokenID: aToken(u.n).ID, OwnerID: owner, WorkspaceID: u.ws, Day: u.day, Requests: u.requests, Refusals: u.refusals, Addresses: u.from}); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestUseIsSummedByDayAndListedByToken(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		useSome(t, s)
		id := func(n int64) string { return aToken(n).ID }
		for name, c := range map[string]struct {
			f        store.UseFilter
			perDay   []store.DayUse
			perToken []store.DayUse
		}{
			"all": {
				store.UseFilter{WorkspaceID: "ws_1", From: 0, To: 99},
				[]store.DayUse{{Day: 10, Requests: 115, Refusals: 4, Addresses: 4}, {Day: 11, Requests: 1}, {Day: 12, Refusals: 4, Addresses: 1}},
				[]store.DayUse{
					{Day: 12, TokenID: id(2), TokenName: "token 2", Refusals: 4, Addresses: 1},
					{Day: 11, TokenID: id(0), TokenName: "token 0", Requests: 1},
					{Day: 10, TokenID: id(2), TokenName: "token 2", Requests: 100, Refusals: 3, Addresses: 2},
					{Day: 10, TokenID: id(0), TokenName: "token 0", Requests: 7, Refusals: 1, Addresses: 3},
					{Day: 10, TokenID: id(1), TokenName: "token 1", Requests: 7, Addresses: 1},
					{Day: 10, TokenID: id(8), Requests: 1},
				},
			},
			"one owner": {
				store.UseFilter{WorkspaceID: "ws_1", OwnerID: "usr_a", From: 10, To: 10},
				[]store.DayUse{{Day: 10, Requests: 15, Refusals: 1, Addresses: 3}},
				[]store.DayUse{
					{Day: 10, TokenID: id(0), TokenName: "token 0", Requests: 7, Refusals: 1, Addresses: 3},
					{Day: 10, TokenID: id(1), TokenName: "token 1", Requests: 7, Addresses: 1},
					{Day: 10, TokenID: id(8), Requests: 1},
				},
			},
			"one token": {
				store.UseFilter{WorkspaceID: "ws_1", TokenID: id(2), From: 10, To: 12},
				[]store.DayUse{{Day: 10, Requests: 100, Refusals: 3, Addresses: 2}, {Day: 12, Refusals: 4, Addresses: 1}},
				[]store.DayUse{{Day: 12, TokenID: id(2), TokenName: "token 2", Refusals: 4, Addresses: 1}, {Day: 10, TokenID: id(2), TokenName: "token 2", Requests: 100, Refusals: 3, Addresses: 2}},
			},
			"one token of one owner": {
				store.UseFilter{WorkspaceID: "ws_1", OwnerID: "usr_a", TokenID: id(1), From: 0, To: 99},
				[]store.DayUse{{Day: 10, Requests: 7, Addresses: 1}},
				[]store.DayUse{{Day: 10, TokenID: id(1), TokenName: "token 1", Requests: 7, Addresses: 1}},
			},
			"another's token":   {f: store.UseFilter{WorkspaceID: "ws_1", OwnerID: "usr_a", TokenID: id(2), From: 0, To: 99}},
			"another workspace": {f: store.UseFilter{WorkspaceID: "ws_2", TokenID: id(0), From: 0, To: 99}},
			"other days":        {f: store.UseFilter{WorkspaceID: "ws_1", From: 13, To: 99}},
		} {
			view(t, s, func(tx *store.Tx) error {
				perDay, err := tx.UsePerDay(c.f)
				perToken, err2 := tx.UsePerToken(c.f, 100)
				if diff := cmp.Diff(c.perDay, perDay, cmpopts.EquateEmpty()) + cmp.Diff(c.perToken, perToken, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%s: %s", name, diff)
				}
				two, err3 := tx.UsePerToken(c.f, 2)
				if len(two) != min(2, len(c.perToken)) {
					t.Errorf("%s: limit 2 gives %d", name, len(two))
				}
				return errors.Join(err, err2, err3)
			})
		}
	})
}

func TestLastUseMovesForwardOnlyAndStartsAnewWithTheSecret(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		made := db.Clock.Now()
		update(t, s, func(tx *store.Tx) error { return tx.AddToken(aToken(1), hashOf(1)) })
		use := func(after time.Duration, from string) {
			update(t, s, func(tx *store.Tx) error {
				return tx.AddUse(store.Use{TokenID: aToken(1).ID, OwnerID: "usr_a", WorkspaceID: "ws_1", LastUsedAt: made.Add(after), LastUsedIP: netip.MustParseAddr(from)})
			})
		}
		check := func(step string, at time.Time, from string) {
			t.Helper()
			k := getToken(t, s, aToken(1).ID)
			ip := ""
			if k.LastUsedIP.IsValid() {
				ip = k.LastUsedIP.String()
			}
			if !k.LastUsedAt.Equal(at) || ip != from {
				t.Errorf("%s: last used at %v from %q, want %v from %q", step, k.LastUsedAt, ip, at, from)
			}
		}
		use(-time.Microsecond, "192.0.2.1")
		check("before it was made", time.Time{}, "")
		use(0, "192.0.2.2")
		check("when it was made", made, "192.0.2.2")
		use(time.Hour, "2001:db8::3")
		check("later", made.Add(time.Hour), "2001:db8::3")
		use(time.Minute, "192.0.2.4")
		check("an earlier use, written late", made.Add(time.Hour), "2001:db8::3")
		update(t, s, func(tx *store.Tx) error {
			k := aToken(1)
			k.CreatedAt = made.Add(2 * time.Hour)
			return tx.RenewToken(k, hashOf(2))
		})
		check("renewed", time.Time{}, "")
		use(90*time.Minute, "192.0.2.5")
		check("a use of the old secret, written late", time.Time{}, "")
		use(2*time.Hour, "192.0.2.6")
		check("a use of the new secret", made.Add(2*time.Hour), "192.0.2.6")
	})
}

func TestUseOfEveryKindIsNotedWhereItBelongsAndListedByName(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		made := db.Clock.Now()
		app, oauth := anApp(1).ID, anOAuthToken(1).ID
		update(t, s, func(tx *store.Tx) error {
			return errors.Join(tx.AddToken(legacyToken(1), hashOf(1)), tx.AddOAuthToken(anOAuthToken(1)), tx.AddApp(anApp(1)), tx.AddApp(anApp(2)), tx.AddClientSecret(aSecret(1, app), hashOf(1)), tx.AddClientSecret(aSecret(2, app), hashOf(2)))
		})
		use := func(id, secret, owner string, after time.Duration) store.Use {
			return store.Use{TokenID: id, SecretID: secret, OwnerID: owner, WorkspaceID: "ws_1", Day: 3, Requests: 1, LastUsedAt: made.Add(after), LastUsedIP: netip.MustParseAddr("2001:db8::1")}
		}
		refused := use(app, aSecret(1, "").ID, app, 0)
		refused.LastUsedAt, refused.Requests, refused.Refusals = time.Time{}, 0, 1
		for _, u := range []store.Use{
			use(legacyToken(1).ID, "", "usr_a", time.Minute), use(oauth, "", "usr_a", 2*time.Minute), use(app, "", app, 3*time.Minute), use(app, aSecret(2, "").ID, app, 4*time.Minute),
			use(app, aSecret(2, "").ID, app, time.Minute), use(app, aSecret(2, "").ID, app, -time.Minute), refused, use("app_9", "cs_9", "app_9", time.Minute),
		} {
			update(t, s, func(tx *store.Tx) error { return tx.AddUse(u) })
		}
		view(t, s, func(tx *store.Tx) error {
			rows, err := tx.Strings(3, `select id, cast(last_used_at as text), last_used_ip from tokens union all select id, cast(last_used_at as text), last_used_ip from oauth_tokens
				union all select id, cast(last_used_at as text), last_used_ip from apps union all select id, cast(last_used_at as text), last_used_ip from app_secrets order by 1`)
			at := func(after time.Duration) string { return fmt.Sprint(made.Add(after).UnixMicro()) }
			want := [][]string{
				{app, at(4 * time.Minute), "2001:db8::1"},
				{anApp(2).ID, "", ""},
				{aSecret(1, "").ID, "", ""},
				{aSecret(2, "").ID, at(4 * time.Minute), "2001:db8::1"},
				{oauth, at(2 * time.Minute), "2001:db8::1"},
				{legacyToken(1).ID, at(time.Minute), "2001:db8::1"},
			}
			if d := cmp.Diff(want, rows); d != "" {
				t.Error(d)
			}
			days, err2 := tx.UsePerToken(store.UseFilter{WorkspaceID: "ws_1", To: 9}, 9)
			wantDays := []store.DayUse{
				{Day: 3, TokenID: app, TokenName: "app 1", Requests: 4, Refusals: 1},
				{Day: 3, TokenID: "app_9", Requests: 1},
				{Day: 3, TokenID: oauth, TokenName: "OAuth 1", Requests: 1},
				{Day: 3, TokenID: legacyToken(1).ID, TokenName: "legacy 1", Requests: 1},
			}
			if d := cmp.Diff(wantDays, days); d != "" {
				t.Error(d)
			}
			return errors.Join(err, err2)
		})
	})
}

func TestSumsThatAreTooBigAreRefusedAndChangeNothing(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		use := func(n, requests int64) error {
			return s.Update(t.Context(), func(tx *store.Tx) error {
				return tx.AddUse(store.Use{TokenID: aToken(n).ID, OwnerID: "usr_a", WorkspaceID: "ws_1", Day: 1, Requests: requests})
			})
		}
		if err := use(1, math.MaxInt64-1); err != nil {
			t.Fatal(err)
		}
		if err := use(1, 1); err != nil {
			t.Errorf("up to the biggest number: %v", err)
		}
		if err := use(1, 1); err == nil {
			t.Error("one more than the biggest number was kept")
		}
		f := store.UseFilter{WorkspaceID: "ws_1", From: 1, To: 1}
		view(t, s, func(tx *store.Tx) error {
			got, err := tx.UsePerDay(f)
			if diff := cmp.Diff([]store.DayUse{{Day: 1, Requests: math.MaxInt64}}, got); diff != "" {
				t.Error(diff)
			}
			return err
		})
		if err := use(2, 1); err != nil {
			t.Fatal(err)
		}
		if err := s.View(t.Context(), func(tx *store.Tx) error { _, err := tx.UsePerDay(f); return err }); err == nil {
			t.Error("a sum beyond the biggest number was given")
		}
	})
}

func TestAnEventIsReadBackAsKept(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		full := audit.Event{
			ID: "evt_2", WorkspaceID: "ws_1", At: db.Clock.Now().Add(123 * time.Microsecond), ActorID: "usr_a", ActorName: "Ana \u2028", Via: "session",
			Action: audit.TokenCreated, TargetKind: "token", TargetID: "tok_1", TargetName: "CI", OwnerID: "usr_a", Address: netip.MustParseAddr("2001:db8::1"),
			UserAgent: "curl/8 \\\"'", RequestID: "req", Detail: audit.Detail{Before: map[string]any{"a": "\x00"}, After: map[string]any{"b": []any{"c", nil, true}}, Reason: "r", Count: 7},
		}
		bare := audit.Event{ID: "evt_1", WorkspaceID: "ws_gone", At: db.Clock.Now(), Action: audit.TokenDeleted}
		nowhere := audit.Event{ID: "evt_3", At: db.Clock.Now(), Action: audit.SignInFailed}
		update(t, s, func(tx *store.Tx) error {
			return errors.Join(tx.AddEvent(full), tx.AddEvent(bare), tx.AddEvent(nowhere))
		})
		view(t, s, func(tx *store.Tx) error {
			got, err := tx.Events(store.EventFilter{WorkspaceID: "ws_1"}, store.Page{Limit: 10})
			gone, err2 := tx.Events(store.EventFilter{WorkspaceID: "ws_gone"}, store.Page{Limit: 10})
			none, err3 := tx.Events(store.EventFilter{}, store.Page{Limit: 10})
			if diff := cmp.Diff([]audit.Event{full, bare}, append(got, gone...), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Error(diff)
			}
			if none != nil {
				t.Errorf("events of no workspace: %v", none)
			}
			return errors.Join(err, err2, err3)
		})
		if err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.AddEvent(full) }); !errors.Is(err, store.ErrExists) {
			t.Errorf("an event is kept twice: %v", err)
		}
	})
}

func TestManyEventsAreWrittenAtOnceAsOneByOne(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		var want []audit.Event // newest first
		for n := range 70 {    // more than four statements take
			e := event(fmt.Sprintf("evt_%02d", n), "ws_1")
			e.TargetName, e.Detail = fmt.Sprint("Ω ", n), audit.Detail{Count: n}
			want = append([]audit.Event{e}, want...)
		}
		update(t, s, func(tx *store.Tx) error { return errors.Join(tx.AddEvents(want), tx.AddEvents(nil)) })
		view(t, s, func(tx *store.Tx) error {
			got, err := tx.Events(store.EventFilter{WorkspaceID: "ws_1"}, store.Page{Limit: 100})
			if d := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{})); d != "" {
				t.Error(d)
			}
			return err
		})
		again := []audit.Event{event("evt_98", "ws_1"), event("evt_01", "ws_1")}
		if err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.AddEvents(again) }); !errors.Is(err, store.ErrExists) {
			t.Errorf("an event again: %v", err)
		}
	})
}

func TestEventsAreFilteredAndPaged(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		now := db.Clock.Now()
		var all []audit.Event // newest first
		for n := range 40 {
			e := event(fmt.Sprintf("evt_%02d", n), []string{"ws_1", "ws_1", "ws_1", "ws_2"}[n%4])
			e.At = now.Add(time.Duration(n) * time.Microsecond)
			e.ActorID, e.OwnerID, e.TargetID = fmt.Sprint("usr_", n%3), fmt.Sprint("usr_", n%5), fmt.Sprint("tok_", n%7)
			e.Action = []audit.Action{audit.TokenCreated, audit.TokenRevoked}[n%2]
			update(t, s, func(tx *store.Tx) error { return tx.AddEvent(e) })
			all = append([]audit.Event{e}, all...)
		}
		for _, f := range []store.EventFilter{
			{},
			{ActorID: "usr_1"},
			{TargetID: "tok_3"},
			{Action: audit.TokenRevoked},
			{Concerns: "usr_2"},
			{From: now.Add(7 * time.Microsecond)},
			{To: now.Add(7 * time.Microsecond)},
			{From: now.Add(3 * time.Microsecond), To: now.Add(30 * time.Microsecond), Concerns: "usr_1", Action: audit.TokenCreated},
			{ActorID: "usr_1", Concerns: "usr_2", TargetID: "tok_0"},
			{ActorID: "USR_1"},
		} {
			f.WorkspaceID = "ws_1"
			var want, got []string
			for _, e := range all {
				if e.WorkspaceID == "ws_1" && (f.ActorID == "" || e.ActorID == f.ActorID) && (f.TargetID == "" || e.TargetID == f.TargetID) && (f.Action == "" || e.Action == f.Action) &&
					(f.Concerns == "" || e.ActorID == f.Concerns || e.OwnerID == f.Concerns) && (f.From.IsZero() || !e.At.Before(f.From)) && (f.To.IsZero() || e.At.Before(f.To)) {
					want = append(want, e.ID)
				}
			}
			for page := (store.Page{Limit: 4}); ; page.After = got[len(got)-1] {
				var events []audit.Event
				view(t, s, func(tx *store.Tx) (err error) {
					events, err = tx.Events(f, page)
					return err
				})
				for _, e := range events {
					got = append(got, e.ID)
				}
				if len(events) < page.Limit {
					break
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%+v: %s", f, diff)
			}
		}
	})
}
