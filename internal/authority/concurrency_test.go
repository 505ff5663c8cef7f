package authority_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// together runs fn n times at once and returns the codes it got, "" for success.
func together(n int, fn func(i int) error) map[api.Code]int {
	got := make([]api.Code, n)
	var start, done sync.WaitGroup
	start.Add(1)
	for i := range n {
		done.Go(func() {
			start.Wait()
			got[i] = fault.CodeOf(fn(i))
		})
	}
	start.Done()
	done.Wait()
	count := map[api.Code]int{}
	for _, code := range got {
		count[code]++
	}
	return count
}

func wantCounts(t *testing.T, got map[api.Code]int, want map[api.Code]int) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("outcomes %v, want %v", got, want)
	}
}

const crowd = 50

func TestParallelCreationsUnderOneTokenPerUserLeaveOne(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		got := together(crowd, func(int) error {
			_, _, err := p.CreateToken(t.Context(), p.member, single, authority.NewToken{})
			return err
		})
		wantCounts(t, got, map[api.Code]int{ok: 1, api.CodeTokenLimitReached: crowd - 1})
		if list := p.list(t, p.member, single, false); len(list) != 1 {
			t.Errorf("%d tokens are left", len(list))
		}
	})
}

func TestParallelCreationsOfOneNameLeaveOne(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		got := together(crowd, func(int) error {
			_, _, err := p.CreateToken(t.Context(), p.dev, scoped, plain(scoped, "same"))
			return err
		})
		wantCounts(t, got, map[api.Code]int{ok: 1, api.CodeNameTaken: crowd - 1})
		if list := p.list(t, p.dev, scoped, false); len(list) != 1 {
			t.Errorf("%d tokens are left", len(list))
		}
	})
}

func TestParallelCreationsUpToALimitLeaveAsManyAsItAllows(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		p.setPolicy(t, standard, func(policy *token.Policy) { policy.Tokens.PerUser = 7 })
		got := together(crowd, func(i int) error {
			_, _, err := p.CreateToken(t.Context(), p.dev, standard, plain(standard, fmt.Sprint(i)))
			return err
		})
		wantCounts(t, got, map[api.Code]int{ok: 7, api.CodeTokenLimitReached: crowd - 7})
	})
}

func TestParallelRegenerationsLeaveOneWorkingSecret(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		made, first := p.made(t, p.member, single, authority.NewToken{})
		secrets := make([]token.Secret, crowd)
		got := together(crowd, func(i int) (err error) {
			_, secrets[i], err = p.RegenerateToken(t.Context(), p.member, single, made.ID, token.Choice{})
			return err
		})
		wantCounts(t, got, map[api.Code]int{ok: crowd})
		working := 0
		for _, s := range append(secrets, first) {
			if p.check(s, single) == nil {
				working++
			}
		}
		if working != 1 {
			t.Errorf("%d secrets work", working)
		}
	})
}

func TestANonceMakesOneToken(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		got := together(crowd, func(i int) error {
			w := wanted{name: fmt.Sprint(i), scopes: []string{"odata:read"}, days: 9, nonce: "form-1"}
			_, _, err := p.CreateToken(t.Context(), p.dev, standard, w.token())
			return err
		})
		wantCounts(t, got, map[api.Code]int{ok: 1, api.CodeAlreadyCreated: crowd - 1})
		// It is one person's, and a refused request does not spend it.
		p.made(t, p.member, standard, wanted{name: "a", scopes: []string{"odata:read"}, days: 9, nonce: "form-1"}.token())
		_, _, err := p.CreateToken(t.Context(), p.member, standard, wanted{name: "a", scopes: []string{"odata:read"}, days: 9, nonce: "form-2"}.token())
		wantCode(t, err, api.CodeNameTaken)
		p.made(t, p.member, standard, wanted{name: "b", scopes: []string{"odata:read"}, days: 9, nonce: "form-2"}.token())
	})
}

func TestTwoAdministratorsThatEndEachOtherLeaveOne(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		second := p.Join(t, standard, "second@example.com", token.Administrator)
		for round := range 6 {
			ends := func(by, whom token.Identity) error {
				if round%2 == 0 {
					return p.RemoveMember(t.Context(), by, standard, whom.User.ID)
				}
				_, err := p.SetRole(t.Context(), by, standard, whom.User.ID, token.Developer)
				return err
			}
			pair := []token.Identity{p.admin, second}
			got := together(2, func(i int) error { return ends(pair[i], pair[1-i]) })
			if got[ok] != 1 {
				t.Fatalf("round %d: outcomes %v", round, got)
			}
			winner := 0
			if _, err := p.Members(t.Context(), pair[0], standard, authority.Page{Limit: 9}); err != nil {
				winner = 1
			}
			loser := pair[1-winner]
			if round%2 == 0 {
				_, _, err := p.Invite(t.Context(), pair[winner], standard, authority.Invitation{Email: loser.User.Email, Role: token.Administrator})
				wantOK(t, err)
			} else {
				_, err := p.SetRole(t.Context(), pair[winner], standard, loser.User.ID, token.Administrator)
				wantOK(t, err)
			}
		}
	})
}

func TestTwoInstallationAdministratorsThatEndEachOtherLeaveOne(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		for range 4 {
			wantOK(t, p.SetInstallationAdmin(t.Context(), p.admin, testkit.Dev, true))
			pair := []token.Identity{p.admin, p.dev}
			got := together(2, func(i int) error { return p.SetInstallationAdmin(t.Context(), pair[i], pair[1-i].User.Email, false) })
			wantCounts(t, got, map[api.Code]int{ok: 1, api.CodeNotInstallationAdmin: 1})
			if p.SetInstallationAdmin(t.Context(), p.admin, testkit.Member, false) != nil { // the other one won
				wantOK(t, p.SetInstallationAdmin(t.Context(), p.dev, testkit.Admin, true))
				wantOK(t, p.SetInstallationAdmin(t.Context(), p.admin, testkit.Dev, false))
			}
		}
	})
}

func TestALinkIsRedeemedOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		link, err := p.ResetPassword(t.Context(), token.Identity{System: "test"}, testkit.Dev)
		wantOK(t, err)
		const n = 4
		got := together(n, func(i int) error {
			_, _, err := p.RedeemLink(t.Context(), link, fmt.Sprint("password number ", i), testkit.Origin())
			return err
		})
		wantCounts(t, got, map[api.Code]int{ok: 1, api.CodeLinkInvalid: n - 1})
		_, err = p.LinkOwner(t.Context(), link)
		wantCode(t, err, api.CodeLinkInvalid)
		_, _, err = p.SignIn(t.Context(), testkit.Dev, testkit.Password, testkit.Origin())
		wantCode(t, err, api.CodeWrongCredentials)
	})
}

func TestTheFirstAccountIsMadeOnce(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		in := testkit.Bare(t, db)
		code, _, err := in.OpenSetUp(t.Context())
		wantOK(t, err)
		const n = 4
		got := together(n, func(i int) error {
			_, _, err := in.SetUp(t.Context(), authority.FirstAccount{Code: code.Reveal(), Email: fmt.Sprintf("p%d@example.com", i), Name: "P", Password: testkit.Password}, testkit.Origin())
			return err
		})
		wantCounts(t, got, map[api.Code]int{ok: 1, api.CodeLinkInvalid: n - 1})
		if _, open, err := in.OpenSetUp(t.Context()); err != nil || open {
			t.Errorf("set-up is still open: %v", err)
		}
	})
}

func TestSetUpTakesTheRightCodeWithinTheHour(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		in := testkit.Bare(t, db)
		first := authority.FirstAccount{Email: "a@example.com", Name: "A", Password: testkit.Password}
		for _, typed := range []string{"", "wrong"} {
			first.Code = typed
			_, _, err := in.SetUp(t.Context(), first, testkit.Origin())
			wantField(t, err, "code", api.CodeLinkInvalid)
		}
		code, open, err := in.OpenSetUp(t.Context())
		if err != nil || !open {
			t.Fatal(open, err)
		}
		first.Code = code.Reveal()
		bad := first
		bad.Email, bad.Name, bad.Password = "no address", "", "short"
		_, _, err = in.SetUp(t.Context(), bad, testkit.Origin())
		for field, want := range map[string]api.Code{"email": api.CodeInvalid, "name": api.CodeInvalid, "password": api.CodePasswordTooWeak} {
			found := false
			for _, f := range fault.From(err).Fields {
				found = found || f.Name == field && f.Code == want
			}
			if !found {
				t.Errorf("%s is not refused: %v", field, fault.From(err).Fields)
			}
		}
		in.Clock.Advance(time.Hour)
		_, _, err = in.SetUp(t.Context(), first, testkit.Origin())
		wantField(t, err, "code", api.CodeLinkInvalid)
		again, _, err := in.OpenSetUp(t.Context())
		wantOK(t, err)
		first.Code = again.Reveal()
		_, by, err := in.SetUp(t.Context(), first, testkit.Origin())
		wantOK(t, err)
		if !by.InstallationAdmin {
			t.Error("the first account does not administer the installation")
		}
	})
}

func TestNoTokenIsMadeByRulesThatHaveBeenReplaced(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var creators sync.WaitGroup
		for i := range 8 {
			creators.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					w := wanted{scopes: []string{"odata:read"}, never: true, description: fmt.Sprint(i, "-", n)}
					if _, _, err := p.CreateToken(ctx, p.admin, crm, w.token()); fault.CodeOf(err) == api.CodeNeverNotAllowed {
						return
					}
				}
			})
		}
		v, err := p.Enter(t.Context(), p.admin, crm)
		wantOK(t, err)
		for len(p.list(t, p.admin, crm, false)) < 20 { // creations are going on
		}
		v.Policy.Tokens.Expiry.Never = false
		_, err = p.SetPolicy(t.Context(), p.admin, crm, v.Policy)
		wantOK(t, err)
		applied, err := p.ApplyPolicy(t.Context(), p.admin, crm, nil)
		wantOK(t, err)
		creators.Wait()
		for _, got := range p.list(t, p.admin, crm, false) {
			if got.ExpiresAt.IsZero() {
				t.Error("a token never expires after the rule was applied")
			}
		}
		if applied.Cut < 20 || applied.Revoked != 0 {
			t.Errorf("applied %+v", applied)
		}
	})
}

func TestManyInviteTheSameNewPersonAtOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		places := []string{standard, single, apps, crm, oauth, scoped}
		links := make([]token.Secret, len(places))
		got := together(len(places), func(i int) (err error) {
			_, links[i], err = p.Invite(t.Context(), p.admin, places[i], authority.Invitation{Email: "new@example.com", Role: token.Developer})
			return err
		})
		wantCounts(t, got, map[api.Code]int{ok: len(places)})
		count := 0
		for _, l := range links {
			if l.Reveal() != "" {
				count++
			}
		}
		if count != 1 {
			t.Errorf("%d links were made", count)
		}
		got = together(8, func(int) error {
			return second(p.SetRole(t.Context(), p.admin, standard, p.member.User.ID, token.Developer))
		})
		wantCounts(t, got, map[api.Code]int{ok: 8})
	})
}

func TestStoppingOneTokenFromManySidesSucceedsOrFindsNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		second := p.Join(t, standard, "second@example.com", token.Administrator)
		made, secret := p.made(t, p.dev, standard, plain(standard, "a"))
		got := together(24, func(i int) error {
			by := []token.Identity{p.admin, second, p.dev}[i%3]
			switch i % 4 {
			case 0:
				return p.DeleteToken(t.Context(), by, standard, made.ID)
			case 1:
				_, err := p.ApplyPolicy(t.Context(), p.admin, standard, []string{made.ID})
				return err
			case 2:
				_, err := p.BatchTokens(t.Context(), by, standard, authority.Batch{Action: token.ActRevoke, IDs: []string{made.ID}})
				return err
			}
			_, err := p.RevokeToken(t.Context(), by, standard, made.ID, "")
			return err
		})
		if got[api.CodeInternal] != 0 || got[ok]+got[api.CodeNotFound] != 24 {
			t.Errorf("outcomes %v", got)
		}
		p.wantStopped(t, secret, standard)
		// Of somebody who is gone, and has no turn to take.
		left, _ := p.made(t, p.member, standard, plain(standard, "a"))
		wantOK(t, p.RemoveMember(t.Context(), p.admin, standard, p.member.User.ID))
		got = together(16, func(i int) error {
			return p.DeleteToken(t.Context(), []token.Identity{p.admin, second}[i%2], standard, left.ID)
		})
		wantCounts(t, got, map[api.Code]int{ok: 1, api.CodeNotFound: 15})
	})
}

func TestAWorkspaceThatIsDeletedDuringCreationsLeavesNoTokenThatWorks(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		var mu sync.Mutex
		var secrets []token.Secret
		got := together(20, func(i int) error {
			if i == 10 {
				return p.DeleteWorkspace(t.Context(), p.admin, standard)
			}
			by := []token.Identity{p.admin, p.dev, p.member}[i%3]
			_, secret, err := p.CreateToken(t.Context(), by, standard, plain(standard, fmt.Sprint(i)))
			mu.Lock()
			defer mu.Unlock()
			secrets = append(secrets, secret)
			return err
		})
		if got[ok] < 1 || got[ok]+got[api.CodeNotFound] != 20 {
			t.Errorf("outcomes %v", got)
		}
		for _, s := range secrets {
			p.wantStopped(t, s, "")
		}
	})
}
