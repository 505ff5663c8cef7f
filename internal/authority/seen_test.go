package authority_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

func TestUsageShowsAMemberOnlyTheirOwnTokensAndAnAdministratorAll(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		owned := map[string]string{} // token id by owner
		for i, by := range []token.Identity{p.admin, p.dev, p.member} {
			tok, secret := p.made(t, by, standard, plain(standard, "of "+by.User.Name))
			owned[by.User.ID] = tok.ID
			for range i + 1 { // 1, 2 and 3 requests
				p.wantGood(t, secret, standard)
			}
		}
		for _, c := range []struct {
			by             token.Identity
			tokens         int
			requests, last int64
		}{{p.admin, 3, 6, 0}, {p.dev, 1, 2, 0}, {p.member, 1, 3, 0}} {
			u, err := p.Usage(ctx, c.by, standard, "", 1)
			wantOK(t, err)
			if len(u.Tokens) != c.tokens || len(u.Days) != 1 || u.Days[0].Requests != c.requests {
				t.Errorf("%s sees %d tokens and the days %+v", c.by.User.Name, len(u.Tokens), u.Days)
			}
			for owner, id := range owned { // nor does the id of another's help
				u, err := p.Usage(ctx, c.by, standard, id, 1)
				wantOK(t, err)
				want := 0
				if owner == c.by.User.ID || c.tokens == len(owned) {
					want = 1
				}
				if len(u.Tokens) != want || (u.Days[0].Requests > 0) != (want > 0) {
					t.Errorf("%s asks for a token of %s: %+v", c.by.User.Name, owner, u)
				}
			}
		}
	})
}

func TestSweepRemovesSessionsLinksAndNoncesThatAreOverAndKeepsLiveOnes(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx, db := t.Context(), p.raw(t)
		statement(t, db, "delete from sessions")
		statement(t, db, "delete from links")
		count := func(want ...int) {
			t.Helper()
			for i, table := range []string{"sessions", "links", "form_nonces"} {
				if got := len(dumpTable(t, db, table)); got != want[i] {
					t.Errorf("%s are %d, want %d", table, got, want[i])
				}
			}
		}
		begun := func(email string) token.Secret {
			t.Helper()
			_, _, err := p.Invite(ctx, p.recent(p.admin), standard, authority.Invitation{Email: email, Role: token.Developer})
			wantOK(t, err)
			p.made(t, p.dev, standard, wanted{name: email, scopes: []string{"odata:read"}, days: 90, nonce: email}.token())
			cookie, _, err := p.SignIn(ctx, testkit.Dev, testkit.Password, testkit.Origin())
			wantOK(t, err)
			return cookie
		}
		begun("old@example.com")
		p.Clock.Advance(time.Minute)
		live := begun("new@example.com")
		began := p.Clock.Now()
		wantOK(t, p.Sweep(ctx))
		count(2, 2, 2)
		p.Clock.Set(began.Add(authority.SessionIdle - time.Second)) // only the older one is idle for too long
		wantOK(t, p.Sweep(ctx))
		count(1, 2, 2)
		_, err := p.Session(ctx, live, testkit.Origin())
		wantOK(t, err)
		p.Clock.Set(began.Add(authority.SessionIdle + time.Hour)) // it was used meanwhile
		wantOK(t, p.Sweep(ctx))
		count(1, 2, 2)
		statement(t, db, "update sessions set seen_at = seen_at + 604800000000")
		p.Clock.Set(began.Add(authority.SessionMax - time.Second)) // the older link is a week old
		wantOK(t, p.Sweep(ctx))
		count(1, 1, 2)
		p.Clock.Advance(time.Second) // a week is the end also of a session that was used all along
		wantOK(t, p.Sweep(ctx))
		count(0, 0, 2)
		p.Clock.Set(began.Add(authority.SessionMax + time.Hour - time.Second))
		wantOK(t, p.Sweep(ctx))
		count(0, 0, 1)
		p.Clock.Advance(time.Second)
		wantOK(t, p.Sweep(ctx))
		count(0, 0, 0)
	})
}

func TestASweepLeavesNothingThatIsOver(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx, db := t.Context(), p.raw(t)
		const spent = 2100 // more than a step takes
		wantOK(t, p.Store.Update(ctx, func(tx *store.Tx) error {
			for n := range spent {
				if err := tx.SpendNonce(token.HashOf(fmt.Sprint(n)), tx.Now); err != nil {
					return err
				}
			}
			return nil
		}))
		wantOK(t, p.Sweep(ctx))
		if left := len(dumpTable(t, db, "form_nonces")); left != 0 {
			t.Errorf("%d of %d spent nonces are left", left, spent)
		}
	})
}
