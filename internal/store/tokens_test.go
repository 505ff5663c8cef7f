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
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

func equateTokens() []cmp.Option {
	return []cmp.Option{cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{})}
}

func getToken(t testing.TB, s *store.Store, id string) (k token.Token) {
	t.Helper()
	view(t, s, func(tx *store.Tx) (err error) {
		k, err = tx.Token("ws_1", id)
		return err
	})
	return k
}

func TestATokenIsReadBackAsKept(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		now := db.Clock.Now()
		for n, k := range []token.Token{
			{Name: "CI ", Description: "für 🚀\tdie 'CI' \"%_\\", Scopes: token.Scopes{"a", "b:read", "Ä"}, ExpiresAt: now.Add(time.Microsecond)},
			{AllScopes: true},
			{ExpiresAt: time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)},
			{ExpiresAt: time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC)},
		} {
			k.ID, k.WorkspaceID, k.Owner, k.Hint, k.CreatedAt = fmt.Sprint("tok_", n), "ws_1", ana(), "wxyz", now
			update(t, s, func(tx *store.Tx) error { return tx.AddToken(k, hashOf(int64(n))) })
			view(t, s, func(tx *store.Tx) error {
				got, err := tx.Token("ws_1", k.ID)
				p, err2 := tx.TokenByHash(hashOf(int64(n)))
				hash, err3 := tx.TokenHash(k.ID)
				want := store.Presented{Token: k, OwnerRole: token.Developer, Workspace: "one", RulesVersion: 1, WorkspaceName: "One"}
				if diff := cmp.Diff(k, got, equateTokens()...) + cmp.Diff(want, p, equateTokens()...); diff != "" {
					t.Error(diff)
				}
				if hash != hashOf(int64(n)) {
					t.Error("another hash")
				}
				return errors.Join(err, err2, err3)
			})
		}
	})
}

func TestATokenIsFoundInItsWorkspaceOnly(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		update(t, s, func(tx *store.Tx) error {
			return errors.Join(addWorkspace(tx, "ws_2", "two"), tx.AddToken(aToken(1), hashOf(1)))
		})
		view(t, s, func(tx *store.Tx) error {
			for _, ref := range [][2]string{{"ws_2", aToken(1).ID}, {"ws_1", aToken(2).ID}, {"ws_1", ""}, {"", aToken(1).ID}, {"ws_1", strings.ToUpper(aToken(1).ID)}} {
				if _, err := tx.Token(ref[0], ref[1]); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("Token%q = %v", ref, err)
				}
			}
			_, err := tx.TokenByHash(hashOf(2))
			_, err2 := tx.TokenHash(aToken(2).ID)
			if !errors.Is(err, store.ErrNotFound) || !errors.Is(err2, store.ErrNotFound) {
				t.Errorf("an unknown hash: %v; the hash of an unknown token: %v", err, err2)
			}
			return nil
		})
	})
}

func TestAHashIsKeptOnce(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		update(t, s, func(tx *store.Tx) error {
			return errors.Join(tx.AddToken(aToken(1), hashOf(1)), tx.AddToken(aToken(2), hashOf(2)))
		})
		stranger := aToken(4)
		stranger.Owner.ID = "usr_x"
		for name, c := range map[string]struct {
			fn   func(*store.Tx) error
			want error
		}{
			"a new token":     {func(tx *store.Tx) error { return tx.AddToken(aToken(3), hashOf(1)) }, store.ErrExists},
			"a renewed token": {func(tx *store.Tx) error { return tx.RenewToken(aToken(2), hashOf(1)) }, store.ErrExists},
			"an id again":     {func(tx *store.Tx) error { return tx.AddToken(aToken(1), hashOf(3)) }, store.ErrExists},
			"nobody's token":  {func(tx *store.Tx) error { return tx.AddToken(stranger, hashOf(4)) }, store.ErrNotFound},
		} {
			if err := s.Update(t.Context(), c.fn); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
		}
	})
}

// variety makes tokens that differ in all that a filter looks at.
func variety(now time.Time) []token.Token {
	var out []token.Token
	owners := []token.Person{ana(), ben()}
	scopes := []token.Scopes{nil, {"a"}, {"a", "b"}, {"ab"}, {"A"}, {"b", "a:b"}}
	names := []string{"Deploy", "deploy ÄÖ", "100%", "under_score", "", "Ωmega"}
	expiries := []time.Time{{}, now, now.Add(time.Microsecond), now.Add(-time.Microsecond), now.Add(time.Hour), now.Add(2 * time.Hour)}
	for n := range 72 {
		k := aToken(int64(n))
		k.Owner, k.Scopes, k.Name = owners[n%2], scopes[n%len(scopes)], names[(n/2)%len(names)]
		k.AllScopes = k.Scopes == nil
		k.Description = []string{"", "Nightly DEPLOY\\", "x"}[n%3]
		k.ExpiresAt = expiries[(n/3)%len(expiries)]
		k.CreatedAt = now.Add(-time.Duration(n%5) * time.Hour)
		if n%4 == 1 {
			k.RevokedAt, k.RevokeReason = now, "lost"
		}
		if n%3 == 1 {
			k.LastUsedAt, k.LastUsedIP = k.CreatedAt.Add(time.Duration(n%2)*time.Hour), netip.MustParseAddr("192.0.2.7")
		}
		out = append(out, k)
	}
	return out
}

func keep(tx *store.Tx, k token.Token, n int64) error {
	if err := tx.AddToken(k, hashOf(n)); err != nil {
		return err
	}
	if !k.LastUsedAt.IsZero() {
		if err := tx.AddUse(store.Use{TokenID: k.ID, OwnerID: k.Owner.ID, WorkspaceID: k.WorkspaceID, LastUsedAt: k.LastUsedAt, LastUsedIP: k.LastUsedIP}); err != nil {
			return err
		}
	}
	if !k.RevokedAt.IsZero() {
		return tx.RevokeToken(k.ID, k.RevokeReason)
	}
	return nil
}

// finds says in Go what TokenFilter says in SQL. Ana is a developer, Ben a plain member.
func finds(f store.TokenFilter, k token.Token, now time.Time) bool {
	role := map[string]token.Role{"usr_a": token.Developer, "usr_b": token.PlainMember}[k.Owner.ID]
	live := k.StatusAt(now) == token.Active
	switch {
	case f.WorkspaceID != k.WorkspaceID,
		f.OwnerID != "" && f.OwnerID != k.Owner.ID,
		f.Status != "" && f.Status != k.StatusAt(now),
		f.Scope != "" && !slices.Contains(k.Scopes, f.Scope) && (!k.AllScopes || !slices.Contains(f.ScopeRoles, role)),
		!f.UnusedSince.IsZero() && (!k.CreatedAt.Before(f.UnusedSince) || !k.LastUsedAt.IsZero() && !k.LastUsedAt.Before(f.UnusedSince)),
		!f.ExpiresBefore.IsZero() && (!live || k.ExpiresAt.IsZero() || !k.ExpiresAt.Before(f.ExpiresBefore)),
		f.NeverExpires && !k.ExpiresAt.IsZero(),
		f.Search != "" && !strings.Contains(strings.ToLower(k.Name+"\n"+k.Description), strings.ToLower(f.Search)):
		return false
	}
	return true
}

// filters are all values of every field alone, and each with a third of the others.
func filters(now time.Time) []store.TokenFilter {
	var fields []func(*store.TokenFilter)
	add := func(fn func(*store.TokenFilter)) { fields = append(fields, fn) }
	add(func(*store.TokenFilter) {})
	add(func(f *store.TokenFilter) { f.NeverExpires = true })
	for _, v := range []string{"usr_a", "usr_b", "usr_x", "USR_A"} {
		add(func(f *store.TokenFilter) { f.OwnerID = v })
	}
	for _, v := range []token.Status{token.Active, token.Expired, token.Revoked} {
		add(func(f *store.TokenFilter) { f.Status = v })
	}
	for _, v := range []string{"a", "b", "A", "ab", "a:b", "%", "_", "none"} {
		add(func(f *store.TokenFilter) { f.Scope = v })
		add(func(f *store.TokenFilter) { f.Scope, f.ScopeRoles = v, []token.Role{token.Developer} })
	}
	add(func(f *store.TokenFilter) { f.Scope, f.ScopeRoles = "none", token.Roles() })
	for _, v := range []time.Duration{-2 * time.Hour, -time.Hour, time.Microsecond - time.Hour, time.Microsecond} {
		add(func(f *store.TokenFilter) { f.UnusedSince = now.Add(v) })
	}
	for _, v := range []time.Duration{time.Microsecond, 2 * time.Microsecond, time.Hour, time.Hour + time.Microsecond} {
		add(func(f *store.TokenFilter) { f.ExpiresBefore = now.Add(v) })
	}
	for _, v := range []string{"deploy", "DEPLOY ä", "ÄÖ", "0%", "r_s", "_", "%", "\\", "ω", "nothing", " "} {
		add(func(f *store.TokenFilter) { f.Search = v })
	}
	var out []store.TokenFilter
	for i, one := range fields {
		for j, other := range fields[:i+1] {
			if j > 0 && (i+j)%3 != 0 { // the first narrows nothing
				continue
			}
			f := store.TokenFilter{WorkspaceID: "ws_1"}
			one(&f)
			other(&f)
			out = append(out, f)
		}
	}
	everything := store.TokenFilter{
		WorkspaceID: "ws_1", OwnerID: "usr_a", Status: token.Active, Scope: "a", ScopeRoles: token.Roles(),
		UnusedSince: now.Add(time.Hour), ExpiresBefore: now.Add(3 * time.Hour), Search: "e",
	}
	return append(out, everything, store.TokenFilter{WorkspaceID: "ws_2"}, store.TokenFilter{})
}

func TestEveryFilterAloneAndCombinedFindsWhatItSays(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		now := db.Clock.Now()
		tokens := variety(now)
		update(t, s, func(tx *store.Tx) error {
			for n, k := range tokens {
				if err := keep(tx, k, int64(n)); err != nil {
					return err
				}
			}
			return tx.SetRole("ws_1", "usr_b", token.PlainMember)
		})
		slices.Reverse(tokens) // newest first
		found := 0
		view(t, s, func(tx *store.Tx) error {
			for _, f := range filters(now) {
				var want, got []string
				for _, k := range tokens {
					if finds(f, k, now) {
						want = append(want, k.ID)
					}
				}
				found += len(want)
				listed, err := tx.Tokens(f, store.Page{Limit: 1000})
				if err != nil {
					return fmt.Errorf("%+v: %w", f, err)
				}
				for _, k := range listed {
					got = append(got, k.ID)
				}
				n, err := tx.CountTokens(f)
				if !slices.Equal(want, got) || n != len(want) || err != nil {
					t.Fatalf("%+v: counted %d, %v, want %d: %s", f, n, err, len(want), cmp.Diff(want, got))
				}
			}
			all, err := tx.Tokens(store.TokenFilter{WorkspaceID: "ws_1"}, store.Page{Limit: 1000})
			if diff := cmp.Diff(tokens, all, equateTokens()...); diff != "" {
				t.Error(diff)
			}
			return err
		})
		if found < 1000 {
			t.Errorf("only %d tokens were found in all: the filters test nothing", found)
		}
	})
}

func TestPagesShowEachTokenOnceWhileOthersAreAddedAndDeleted(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		const kept, limit = 100, 7
		next := int64(0)
		add := func(tx *store.Tx) error {
			next++
			return tx.AddToken(aToken(next), hashOf(next))
		}
		update(t, s, func(tx *store.Tx) error {
			for range kept {
				if err := add(tx); err != nil {
					return err
				}
			}
			return nil
		})
		var got []string
		after := ""
		for {
			var page []token.Token
			view(t, s, func(tx *store.Tx) (err error) {
				page, err = tx.Tokens(store.TokenFilter{WorkspaceID: "ws_1", OwnerID: "usr_a"}, store.Page{After: after, Limit: limit})
				return err
			})
			for _, k := range page {
				got = append(got, k.ID)
			}
			if len(page) < limit {
				break
			}
			after = page[len(page)-1].ID
			// One comes, and the very row that the next page begins after goes.
			update(t, s, func(tx *store.Tx) error { return errors.Join(add(tx), tx.DeleteToken(after)) })
		}
		var want []string
		for n := int64(kept); n > 0; n-- {
			want = append(want, aToken(n).ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("the pages show %v", got)
		}
	})
}

func TestARevokedTokenCanOnlyBeDeleted(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		k := aToken(1)
		update(t, s, func(tx *store.Tx) error { return tx.AddToken(k, hashOf(1)) })
		db.Clock.Advance(time.Minute)
		update(t, s, func(tx *store.Tx) error { return tx.RevokeToken(k.ID, "lost, “really”") })
		revoked := getToken(t, s, k.ID)
		if !revoked.RevokedAt.Equal(db.Clock.Now()) || revoked.RevokeReason != "lost, “really”" {
			t.Errorf("revoked = %+v", revoked)
		}
		db.Clock.Advance(time.Minute)
		for name, fn := range map[string]func(*store.Tx) error{
			"RevokeToken":    func(tx *store.Tx) error { return tx.RevokeToken(k.ID, "again") },
			"SetTokenScopes": func(tx *store.Tx) error { return tx.SetTokenScopes(k.ID, token.Scopes{"b"}) },
			"SetTokenExpiry": func(tx *store.Tx) error { return tx.SetTokenExpiry(k.ID, tx.Now) },
			"RenewToken":     func(tx *store.Tx) error { return tx.RenewToken(k, hashOf(2)) },
		} {
			if err := s.Update(t.Context(), fn); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if diff := cmp.Diff(revoked, getToken(t, s, k.ID), equateTokens()...); diff != "" {
			t.Error(diff)
		}
		update(t, s, func(tx *store.Tx) error { return tx.DeleteToken(k.ID) })
		if err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.DeleteToken(k.ID) }); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("deleted twice: %v", err)
		}
	})
}

func TestChangesOfATokenTouchWhatTheySay(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		want, other := aToken(1), aToken(2)
		want.AllScopes, other.AllScopes = true, true
		update(t, s, func(tx *store.Tx) error {
			return errors.Join(tx.AddToken(want, hashOf(1)), tx.AddToken(other, hashOf(2)),
				tx.AddUse(store.Use{TokenID: want.ID, OwnerID: "usr_a", WorkspaceID: "ws_1", LastUsedAt: tx.Now, LastUsedIP: netip.MustParseAddr("::1")}))
		})
		want.LastUsedAt, want.LastUsedIP = db.Clock.Now(), netip.MustParseAddr("::1")
		check := func(step string) {
			t.Helper()
			if diff := cmp.Diff(want, getToken(t, s, want.ID), equateTokens()...) + cmp.Diff(other, getToken(t, s, other.ID), equateTokens()...); diff != "" {
				t.Errorf("%s: %s", step, diff)
			}
		}
		check("as kept")
		want.AllScopes, want.Scopes = false, token.Scopes{"x", "y"}
		update(t, s, func(tx *store.Tx) error { return tx.SetTokenScopes(want.ID, want.Scopes) })
		check("scopes")
		want.Scopes = nil
		update(t, s, func(tx *store.Tx) error { return tx.SetTokenScopes(want.ID, nil) })
		check("no scopes")
		want.ExpiresAt = db.Clock.Now().Add(time.Hour)
		update(t, s, func(tx *store.Tx) error { return tx.SetTokenExpiry(want.ID, want.ExpiresAt) })
		check("expiry")
		want.ExpiresAt = time.Time{}
		update(t, s, func(tx *store.Tx) error { return tx.SetTokenExpiry(want.ID, time.Time{}) })
		check("never")

		want.CreatedAt, want.ExpiresAt, want.Hint, want.Scopes = want.CreatedAt.Add(time.Hour), want.CreatedAt.Add(2*time.Hour), "new!", token.Scopes{"z"}
		want.LastUsedAt, want.LastUsedIP = time.Time{}, netip.Addr{}
		update(t, s, func(tx *store.Tx) error { return tx.RenewToken(want, hashOf(3)) })
		check("renewed")
		view(t, s, func(tx *store.Tx) error {
			_, old := tx.TokenByHash(hashOf(1))
			_, err := tx.TokenByHash(hashOf(3))
			if !errors.Is(old, store.ErrNotFound) {
				t.Errorf("the old secret: %v", old)
			}
			return err
		})
	})
}

func TestRevokingAnOwnersTokensTakesTheLiveOnesOfOneWorkspace(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		update(t, s, func(tx *store.Tx) error {
			if err := addWorkspace(tx, "ws_2", "two"); err != nil {
				return err
			}
			for n := range int64(5) {
				k := aToken(n)
				switch n {
				case 2:
					k.Owner = ben()
				case 3:
					k.WorkspaceID = "ws_2"
				case 4:
					k.RevokedAt, k.RevokeReason = tx.Now, "before"
				}
				if err := keep(tx, k, n); err != nil {
					return err
				}
			}
			return nil
		})
		update(t, s, func(tx *store.Tx) error {
			ids, err := tx.RevokeTokensOf("ws_1", "usr_a", "owner removed")
			slices.Sort(ids)
			if want := []string{aToken(0).ID, aToken(1).ID}; !slices.Equal(ids, want) {
				t.Errorf("revoked %v, want %v", ids, want)
			}
			again, err2 := tx.RevokeTokensOf("ws_1", "usr_a", "again")
			if again != nil {
				t.Errorf("revoked again: %v", again)
			}
			rows, err3 := tx.Strings(1, "select revoke_reason from tokens order by id")
			if diff := cmp.Diff([]string{"owner removed", "owner removed", "", "", "before"}, slices.Concat(rows...)); diff != "" {
				t.Error(diff)
			}
			return errors.Join(err, err2, err3)
		})
	})
}

func TestANameIsTakenByItsExactLetters(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		k := aToken(1)
		k.Name = "Straße é"
		update(t, s, func(tx *store.Tx) error { return keep(tx, k, 1) })
		view(t, s, func(tx *store.Tx) error {
			for name, want := range map[string]bool{
				"Straße é": true, "straße é": false, "STRASSE É": false, "Straße é ": false, " Straße é": false, "Straße e\u0301": false, "": false, "Straße%": false,
			} {
				if got, err := tx.NameTaken("ws_1", "usr_a", name); got != want || err != nil {
					t.Errorf("NameTaken(%q) = %v, %v", name, got, err)
				}
			}
			for _, whose := range [][2]string{{"ws_1", "usr_b"}, {"ws_2", "usr_a"}} {
				if got, err := tx.NameTaken(whose[0], whose[1], k.Name); got || err != nil {
					t.Errorf("NameTaken of %v = %v, %v", whose, got, err)
				}
			}
			return nil
		})
	})
}

func TestATokenOfSomebodyWhoIsNoMemberHasNoRole(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		update(t, s, func(tx *store.Tx) error {
			return errors.Join(tx.AddToken(aToken(1), hashOf(1)), tx.RemoveMember("ws_1", "usr_a"))
		})
		view(t, s, func(tx *store.Tx) error {
			p, err := tx.TokenByHash(hashOf(1))
			if p.OwnerRole != "" || p.Token.ID != aToken(1).ID {
				t.Errorf("presented = %+v", p)
			}
			return err
		})
	})
}
