package store_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

func getOAuth(t testing.TB, s *store.Store, id string) (k token.OAuthToken) {
	t.Helper()
	view(t, s, func(tx *store.Tx) (err error) {
		k, err = tx.OAuthToken("ws_1", id)
		return err
	})
	return k
}

func refresh(t testing.TB, s *store.Store, hash token.Hash) (p store.PresentedRefresh) {
	t.Helper()
	view(t, s, func(tx *store.Tx) (err error) {
		p, err = tx.RefreshTokenByHash(hash)
		return err
	})
	return p
}

func TestAnOAuthTokenIsReadBackAsKeptInItsWorkspaceOnly(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		want := anOAuthToken(1)
		want.Name = "Power BI – ‘Köln’ %_"
		update(t, s, func(tx *store.Tx) error {
			return errors.Join(addWorkspace(tx, "ws_2", "two"), tx.AddOAuthToken(want))
		})
		if d := cmp.Diff(want, getOAuth(t, s, want.ID), equateTokens()...); d != "" {
			t.Error(d)
		}
		view(t, s, func(tx *store.Tx) error {
			for _, ref := range [][2]string{{"ws_2", want.ID}, {"", want.ID}, {"ws_1", ""}, {"ws_1", "oat_9"}} {
				if _, err := tx.OAuthToken(ref[0], ref[1]); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("OAuthToken%q: %v", ref, err)
				}
			}
			return nil
		})
		stranger := anOAuthToken(4)
		stranger.Owner.ID = "usr_x"
		for name, c := range map[string]struct {
			k    token.OAuthToken
			want error
		}{"an id again": {want, store.ErrExists}, "nobody's token": {stranger, store.ErrNotFound}} {
			if err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.AddOAuthToken(c.k) }); !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestADisabledOAuthTokenStaysAsItIs(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		update(t, s, func(tx *store.Tx) error {
			return errors.Join(tx.AddOAuthToken(anOAuthToken(1)), tx.AddOAuthToken(anOAuthToken(2)), tx.AddOAuthToken(anOAuthToken(3)))
		})
		db.Clock.Advance(time.Minute)
		now := db.Clock.Now()
		for n, stop := range map[int64]store.Stop{1: {Reason: "lost, “really”", EndAccess: true}, 2: {Reused: true}} {
			want := anOAuthToken(n)
			want.ExpiresAt, want.LastRefreshedAt = now.Add(time.Hour), now
			update(t, s, func(tx *store.Tx) error {
				return errors.Join(tx.TakeOAuthTurn(want.ID), tx.SetOAuthExpiry(want.ID, want.ExpiresAt), tx.NoteRefresh(want.ID))
			})
			if d := cmp.Diff(want, getOAuth(t, s, want.ID), equateTokens()...); d != "" {
				t.Errorf("refreshed: %s", d)
			}
			update(t, s, func(tx *store.Tx) error { return tx.DisableOAuthToken(want.ID, stop) })
			want.DisabledAt, want.DisableReason, want.AccessEnded = now, stop.Reason, stop.EndAccess
			if stop.Reused {
				want.ReusedAt = now
			}
			for name, fn := range map[string]func(*store.Tx) error{
				"disabled again": func(tx *store.Tx) error {
					return tx.DisableOAuthToken(want.ID, store.Stop{Reason: "x", EndAccess: true, Reused: true})
				},
				"expiry": func(tx *store.Tx) error { return tx.SetOAuthExpiry(want.ID, now) },
			} {
				wantGone(t, s, name, fn)
			}
			if d := cmp.Diff(want, getOAuth(t, s, want.ID), equateTokens()...); d != "" {
				t.Errorf("disabled: %s", d)
			}
		}
		if d := cmp.Diff(anOAuthToken(3), getOAuth(t, s, anOAuthToken(3).ID), equateTokens()...); d != "" {
			t.Errorf("another: %s", d)
		}
		for name, fn := range map[string]func(*store.Tx) error{
			"TakeOAuthTurn":     func(tx *store.Tx) error { return tx.TakeOAuthTurn("oat_9") },
			"DisableOAuthToken": func(tx *store.Tx) error { return tx.DisableOAuthToken("oat_9", store.Stop{}) },
			"DeleteOAuthToken":  func(tx *store.Tx) error { return tx.DeleteOAuthToken("oat_9") },
			"NoteRefresh":       func(tx *store.Tx) error { return tx.NoteRefresh("oat_9") },
			"AddRefreshToken":   func(tx *store.Tx) error { return tx.AddRefreshToken("oat_9", hashOf(9)) },
		} {
			wantGone(t, s, name, fn)
		}
	})
}

func TestDisablingAnOwnersOAuthTokensTakesThoseOfOneWorkspace(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		update(t, s, func(tx *store.Tx) error {
			if err := addWorkspace(tx, "ws_2", "two"); err != nil {
				return err
			}
			for n := range int64(5) {
				k := anOAuthToken(n)
				switch n {
				case 2:
					k.Owner = ben()
				case 3:
					k.WorkspaceID = "ws_2"
				}
				if err := tx.AddOAuthToken(k); err != nil {
					return err
				}
			}
			return tx.DisableOAuthToken(anOAuthToken(4).ID, store.Stop{Reason: "before"})
		})
		update(t, s, func(tx *store.Tx) error {
			ids, err := tx.DisableOAuthTokensOf("ws_1", "usr_a", store.Stop{Reason: "owner removed", EndAccess: true})
			slices.Sort(ids)
			if want := []string{anOAuthToken(0).ID, anOAuthToken(1).ID}; !slices.Equal(ids, want) {
				t.Errorf("disabled %v, want %v", ids, want)
			}
			again, err2 := tx.DisableOAuthTokensOf("ws_1", "usr_a", store.Stop{})
			if again != nil {
				t.Errorf("disabled again: %v", again)
			}
			rows, err3 := tx.Strings(1, "select disable_reason from oauth_tokens order by id")
			if d := cmp.Diff([]string{"owner removed", "owner removed", "", "", "before"}, slices.Concat(rows...)); d != "" {
				t.Error(d)
			}
			return errors.Join(err, err2, err3)
		})
	})
}

// oauthFinds says in Go what OAuthFilter says in SQL.
func oauthFinds(f store.OAuthFilter, k token.OAuthToken, now time.Time) bool {
	before := func(t, since time.Time) bool { return t.IsZero() || t.Before(since) }
	switch {
	case f.WorkspaceID != k.WorkspaceID,
		f.OwnerID != "" && f.OwnerID != k.Owner.ID,
		f.Status != "" && f.Status != k.StatusAt(now),
		!f.UnusedSince.IsZero() && (!k.CreatedAt.Before(f.UnusedSince) || !before(k.LastRefreshedAt, f.UnusedSince) || !before(k.LastUsedAt, f.UnusedSince)),
		!f.ExpiresBefore.IsZero() && (k.StatusAt(now) != token.Active || !k.ExpiresAt.Before(f.ExpiresBefore)),
		!strings.Contains(strings.ToLower(k.Name), strings.ToLower(f.Search)):
		return false
	}
	return true
}

// someOAuthTokens differ in all that a filter looks at.
func someOAuthTokens(now time.Time) (out []token.OAuthToken) {
	for n := range 48 {
		k := anOAuthToken(int64(n))
		k.Owner = []token.Person{ana(), ben()}[n%2]
		k.Name = []string{"Excel", "excel ÄÖ", "100%"}[n%3]
		k.CreatedAt = now.Add(-time.Duration(n%5) * time.Hour)
		k.ExpiresAt = []time.Time{now, now.Add(time.Microsecond), now.Add(time.Hour), now.Add(2 * time.Hour)}[(n/3)%4]
		if n%7 == 1 {
			k.DisabledAt, k.DisableReason = now, "lost"
		}
		if n%3 == 1 {
			k.LastUsedAt, k.LastUsedIP = k.CreatedAt.Add(time.Duration(n%2)*time.Hour), netip.MustParseAddr("192.0.2.7")
		}
		if n%8 == 3 {
			k.LastRefreshedAt = now
		}
		out = append(out, k)
	}
	return out
}

func keepOAuth(tx *store.Tx, k token.OAuthToken) error {
	err := tx.AddOAuthToken(k)
	if err == nil && !k.LastUsedAt.IsZero() {
		err = tx.AddUse(store.Use{TokenID: k.ID, OwnerID: k.Owner.ID, WorkspaceID: k.WorkspaceID, LastUsedAt: k.LastUsedAt, LastUsedIP: k.LastUsedIP})
	}
	if err == nil && !k.LastRefreshedAt.IsZero() {
		err = tx.NoteRefresh(k.ID)
	}
	if err == nil && !k.DisabledAt.IsZero() {
		err = tx.DisableOAuthToken(k.ID, store.Stop{Reason: k.DisableReason})
	}
	return err
}

func TestOAuthTokensAreFilteredCountedAndPaged(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		now := db.Clock.Now()
		tokens := someOAuthTokens(now)
		update(t, s, func(tx *store.Tx) error {
			for _, k := range tokens {
				if err := keepOAuth(tx, k); err != nil {
					return err
				}
			}
			return nil
		})
		slices.Reverse(tokens) // newest first
		var filters []store.OAuthFilter
		for _, owner := range []string{"", "usr_b", "USR_A"} {
			for _, status := range []token.Status{"", token.Active, token.Expired, token.Disabled, token.Revoked} {
				for _, search := range []string{"", "EXCEL", "ÄÖ", "0%", "_"} {
					for _, since := range []time.Time{{}, now.Add(-time.Hour), now.Add(time.Microsecond - time.Hour), now.Add(time.Microsecond)} {
						for _, before := range []time.Time{{}, now.Add(time.Microsecond), now.Add(2 * time.Microsecond), now.Add(time.Hour + time.Microsecond)} {
							filters = append(filters, store.OAuthFilter{WorkspaceID: "ws_1", OwnerID: owner, Status: status, Search: search, UnusedSince: since, ExpiresBefore: before})
						}
					}
				}
			}
		}
		view(t, s, func(tx *store.Tx) error {
			found := 0
			for _, f := range filters {
				var want, got []token.OAuthToken
				for _, k := range tokens {
					if oauthFinds(f, k, now) {
						want = append(want, k)
					}
				}
				for page := (store.Page{Limit: 20}); ; page.After = got[len(got)-1].ID {
					part, err := tx.OAuthTokens(f, page)
					if err != nil {
						return err
					}
					if got = append(got, part...); len(part) < page.Limit {
						break
					}
				}
				n, err := tx.CountOAuthTokens(f)
				if d := cmp.Diff(want, got, equateTokens()...); d != "" || n != len(want) || err != nil {
					return fmt.Errorf("%+v: counted %d, want %d, %w: %s", f, n, len(want), err, d)
				}
				found += len(want)
			}
			if found < 1000 {
				t.Errorf("only %d OAuth tokens were found in all: the filters test nothing", found)
			}
			n, err := tx.CountOAuthTokens(store.OAuthFilter{})
			if n != 0 {
				t.Errorf("%d OAuth tokens of no workspace", n)
			}
			return err
		})
	})
}

func TestAReplacedRefreshTokenKnowsItsSuccessor(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		k := anOAuthToken(1)
		update(t, s, func(tx *store.Tx) error { return errors.Join(tx.AddOAuthToken(k), tx.AddRefreshToken(k.ID, hashOf(1))) })
		want := store.PresentedRefresh{Token: k, OwnerRole: token.Developer, Workspace: "one", RulesVersion: 1}
		check := func(step string, hash token.Hash) {
			t.Helper()
			if d := cmp.Diff(want, refresh(t, s, hash), equateTokens()...); d != "" {
				t.Errorf("%s: %s", step, d)
			}
		}
		check("current", hashOf(1))
		replace := func(old, next int64) error {
			return s.Update(t.Context(), func(tx *store.Tx) error {
				return errors.Join(tx.ReplaceRefreshToken(hashOf(old), hashOf(next), []byte{0, byte(next)}), tx.AddRefreshToken(k.ID, hashOf(next)))
			})
		}
		db.Clock.Advance(time.Minute)
		if err := replace(1, 2); err != nil {
			t.Fatal(err)
		}
		check("the successor", hashOf(2))
		want.UsedAt, want.Successor, want.Sealed = db.Clock.Now(), hashOf(2), []byte{0, 2}
		check("replaced", hashOf(1))
		db.Clock.Advance(time.Minute)
		if err := replace(1, 3); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("replaced twice: %v", err)
		}
		check("replaced twice", hashOf(1))
		if err := replace(2, 3); err != nil {
			t.Fatal(err)
		}
		want.SuccessorHas = true
		check("its successor was used", hashOf(1))
		update(t, s, func(tx *store.Tx) error { return tx.EraseSuccessor(hashOf(2)) })
		want.Sealed = nil
		check("erased", hashOf(1))
		if p := refresh(t, s, hashOf(2)); p.Sealed == nil || p.SuccessorHas {
			t.Errorf("another's sealed copy: %+v", p)
		}
		update(t, s, func(tx *store.Tx) error {
			return errors.Join(tx.EraseSuccessor(hashOf(2)), tx.RemoveMember("ws_1", "usr_a"))
		})
		want.OwnerRole = ""
		check("its owner is no member", hashOf(1))
		update(t, s, func(tx *store.Tx) error { return tx.DeleteOAuthToken(k.ID) })
		view(t, s, func(tx *store.Tx) error {
			for n := range int64(5) {
				if _, err := tx.RefreshTokenByHash(hashOf(n)); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("refresh token %d of a deleted OAuth token: %v", n, err)
				}
			}
			return nil
		})
	})
}

func TestOfTwoReplacementsOfOneRefreshTokenAtOnceExactlyOneWins(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		k := anOAuthToken(1)
		update(t, s, func(tx *store.Tx) error { return errors.Join(tx.AddOAuthToken(k), tx.AddRefreshToken(k.ID, hashOf(0))) })
		current := hashOf(0)
		for round := range int64(20) {
			const crowd = 8
			next := func(n int64) token.Hash { return hashOf(1 + round*crowd + n) }
			won := parallel(t, crowd, store.ErrNotFound, func(n int64) error {
				return s.Update(t.Context(), func(tx *store.Tx) error {
					if err := tx.ReplaceRefreshToken(current, next(n), []byte{byte(n)}); err != nil {
						return err
					}
					return tx.AddRefreshToken(k.ID, next(n))
				})
			})
			p := refresh(t, s, current)
			if won != 1 || len(p.Sealed) != 1 || p.Successor != next(int64(p.Sealed[0])) {
				t.Fatalf("round %d: %d won; left: %+v", round, won, p)
			}
			current = p.Successor
			view(t, s, func(tx *store.Tx) error {
				live, err := tx.Strings(1, "select 'x' from refresh_tokens where used_at is null")
				if len(live) != 1 {
					t.Fatalf("round %d: %d refresh tokens are live", round, len(live))
				}
				return err
			})
		}
	})
}

func TestOnlySealedSuccessorsOfBeforeAreErased(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		k := anOAuthToken(1)
		update(t, s, func(tx *store.Tx) error { return tx.AddOAuthToken(k) })
		start := db.Clock.Now()
		for n := range int64(3) {
			update(t, s, func(tx *store.Tx) error {
				return errors.Join(tx.AddRefreshToken(k.ID, hashOf(n)), tx.ReplaceRefreshToken(hashOf(n), hashOf(n+10), []byte{1}))
			})
			db.Clock.Advance(time.Second)
		}
		update(t, s, func(tx *store.Tx) error { return result(tx.EraseSuccessorsBefore(start.Add(time.Second))) })
		for n, sealed := range map[int64]bool{0: false, 1: true, 2: true} {
			if p := refresh(t, s, hashOf(n)); (p.Sealed != nil) != sealed || p.Successor != hashOf(n+10) {
				t.Errorf("%d: %+v", n, p)
			}
		}
	})
}
