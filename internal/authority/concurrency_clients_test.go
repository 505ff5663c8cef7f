package authority_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

func TestParallelCreationsOfAppsAndOAuthTokensLeaveAsManyAsTheLimitAllows(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		const limit = 7
		p.setPolicy(t, standard, func(policy *token.Policy) { policy.Apps.PerUser, policy.OAuthTokens.PerUser = limit, limit })
		got := together(crowd, func(i int) error {
			return third(p.CreateOAuthToken(t.Context(), p.dev, standard, authority.NewOAuthToken{Name: fmt.Sprint(i), LifetimeDays: new(9)}))
		})
		wantCounts(t, got, map[api.Code]int{ok: limit, api.CodeTokenLimitReached: crowd - limit})
		if n := len(p.oauthList(t, p.dev, standard, false)); n != limit {
			t.Errorf("%d OAuth tokens are left", n)
		}
		got = together(crowd, func(i int) error {
			return third(p.CreateApp(t.Context(), p.dev, standard, authority.NewApp{Name: fmt.Sprint(i)}))
		})
		wantCounts(t, got, map[api.Code]int{ok: limit, api.CodeTokenLimitReached: crowd - limit})
		if n := len(p.appList(t, p.dev, standard)); n != limit {
			t.Errorf("%d apps are left", n)
		}
	})
}

func TestParallelFormsMakeOneAppAndOneOAuthToken(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		got := together(crowd, func(int) error {
			return third(p.CreateApp(t.Context(), p.dev, standard, authority.NewApp{Name: "a", Nonce: "form-1"}))
		})
		wantCounts(t, got, map[api.Code]int{ok: 1, api.CodeAlreadyCreated: crowd - 1})
		got = together(crowd, func(int) error {
			return third(p.CreateOAuthToken(t.Context(), p.dev, standard, authority.NewOAuthToken{Name: "a", LifetimeDays: new(9), Nonce: "form-2"}))
		})
		wantCounts(t, got, map[api.Code]int{ok: 1, api.CodeAlreadyCreated: crowd - 1})
	})
}

func TestParallelRotationsLeaveAtMostTwoSecrets(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		for keep, want := range map[int]int{0: 1, 1: 2} {
			c := p.app(t, standard, "robot", "odata:read")
			const n = 24
			secrets := make([]token.Secret, n)
			got := together(n, func(i int) (err error) {
				by := []token.Identity{p.admin, p.dev}[i%2]
				_, secrets[i], err = p.RotateAppSecret(t.Context(), by, standard, c.ID, authority.Rotation{Keep: authority.Overlaps()[keep]})
				return err
			})
			wantCounts(t, got, map[api.Code]int{ok: n})
			working := 0
			for _, s := range append(secrets, c.secret) {
				if p.check(s, standard, "odata:read") == nil {
					working++
				}
			}
			v, err := p.App(t.Context(), p.dev, standard, c.ID)
			wantOK(t, err)
			if working != want || len(v.Secrets) != want {
				t.Errorf("%d secrets work and %d are listed, want %d", working, len(v.Secrets), want)
			}
		}
	})
}

func TestARefreshDuringDisablingLeavesNothingThatWorks(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		for _, stop := range []func(id string) error{
			func(id string) error { return second(p.DisableOAuthToken(t.Context(), p.admin, standard, id)) },
			func(id string) error { return p.DeleteOAuthToken(t.Context(), p.dev, standard, id) },
			func(string) error { return p.RemoveMember(t.Context(), p.admin, standard, p.dev.User.ID) },
		} {
			made, pair := p.family(t, p.dev, standard, 9)
			var mu sync.Mutex
			all := []authority.Issued{pair}
			got := together(12, func(i int) error {
				if i == 6 {
					return stop(made.ID)
				}
				out, err := p.refresh(pair.RefreshToken)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					all = append(all, out)
				}
				return err
			})
			if got[ok] != len(all) || got[ok]+got[api.CodeInvalidGrant] != 12 {
				t.Errorf("outcomes %v", got)
			}
			for _, out := range all {
				p.wantStopped(t, out.AccessToken, standard)
				p.ended(t, out.RefreshToken)
			}
		}
	})
}

func TestAGrantDuringDisablingLeavesNoAccessTokenThatWorks(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		for _, activate := range []bool{false, true} {
			c := p.app(t, standard, "robot", "odata:read")
			var mu sync.Mutex
			var all []token.Secret
			got := together(12, func(i int) error {
				if i == 6 {
					return second(p.DisableApp(t.Context(), p.admin, standard, c.ID))
				}
				who, err := p.Client(t.Context(), c.auth(), testkit.Origin())
				if err != nil {
					return err
				}
				out, err := p.ClientCredentials(t.Context(), who, asked())
				mu.Lock()
				defer mu.Unlock()
				all = append(all, out.AccessToken)
				return err
			})
			if got[ok] != len(all)+1 || got[ok]+got[api.CodeInvalidClient] != 12 {
				t.Errorf("outcomes %v", got)
			}
			if activate {
				wantOK(t, second(p.ActivateApp(t.Context(), p.admin, standard, c.ID)))
			}
			for _, jwt := range all {
				p.wantStopped(t, jwt, standard)
			}
		}
	})
}

func TestStoppingOneAppOrOAuthTokenFromManySidesSucceedsOrFindsNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		other := p.Join(t, standard, "second@example.com", token.Administrator)
		c := p.app(t, standard, "robot", "odata:read")
		made, pair := p.family(t, p.dev, standard, 9)
		got := together(24, func(i int) error {
			by := []token.Identity{p.admin, other, p.dev}[i%3]
			switch i % 6 {
			case 0:
				return p.DeleteApp(t.Context(), by, standard, c.ID)
			case 1:
				return p.DeleteOAuthToken(t.Context(), by, standard, made.ID)
			case 2:
				return second(p.DisableApp(t.Context(), by, standard, c.ID))
			case 3:
				_, err := p.Stop(t.Context(), p.admin, standard, authority.Batch{Action: token.ActRevoke, IDs: []string{c.ID, made.ID, c.ID}})
				return err
			case 4:
				return second(p.ApplyPolicy(t.Context(), p.admin, standard, []string{made.ID}))
			}
			return second(p.DisableOAuthToken(t.Context(), by, standard, made.ID))
		})
		if got[api.CodeInternal] != 0 || got[ok]+got[api.CodeNotFound] != 24 {
			t.Errorf("outcomes %v", got)
		}
		p.wantStopped(t, c.secret, standard)
		p.wantStopped(t, pair.AccessToken, standard)
		p.ended(t, pair.RefreshToken)
	})
}

func TestNoSecretIsKeptByRulesThatHaveBeenReplaced(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		p.setPolicy(t, standard, func(policy *token.Policy) { policy.Apps.Secret = token.SecretViewable })
		c := p.app(t, standard, "robot", "odata:read")
		v, err := p.Enter(t.Context(), p.admin, standard)
		wantOK(t, err)
		v.Policy.Apps.Secret = token.SecretOnce
		m := p.meetAt(t, "app_secrets")
		var made, rotated, ruled error
		m.send(1, func() {
			made = third(p.CreateApp(context.Background(), p.dev, standard, authority.NewApp{Name: "x"}))
		})
		m.send(2, func() {
			rotated = third(p.RotateAppSecret(context.Background(), p.admin, standard, c.ID, authority.Rotation{}))
		})
		m.send(3, func() { _, ruled = p.SetPolicy(context.Background(), p.admin, standard, v.Policy) })
		m.release()
		for _, err := range []error{made, rotated, ruled} {
			wantOK(t, err)
		}
		if kept := dump(t, p.raw(t), "app_secrets"); strings.Contains(kept, "sealed=01") {
			t.Errorf("a secret is kept: %s", kept)
		}
	})
}

func TestRemovingAMemberWaitsForAnOAuthTokenThatIsBeingMade(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		wantOK(t, second(p.JWKS(t.Context(), standard)))
		m := p.meetAt(t, "oauth_tokens")
		var pair authority.Issued
		var made, removed error
		m.send(1, func() {
			_, pair, made = p.CreateOAuthToken(context.Background(), p.dev, standard, authority.NewOAuthToken{Name: "x", LifetimeDays: new(9)})
		})
		m.send(2, func() { removed = p.RemoveMember(context.Background(), p.admin, standard, p.dev.User.ID) })
		m.release()
		wantOK(t, removed)
		if code := fault.CodeOf(made); code != ok && code != api.CodeNotFound {
			t.Error(made)
		}
		wantOK(t, third(p.Invite(t.Context(), p.admin, standard, authority.Invitation{Email: p.dev.User.Email, Role: token.Developer})))
		if made == nil {
			p.ended(t, pair.RefreshToken)
		}
		for _, left := range p.oauthList(t, p.admin, standard, true) {
			if left.DisabledAt.IsZero() {
				t.Errorf("left %+v", left)
			}
		}
	})
}

func TestRulesThatAreAppliedWaitForAnOAuthTokenThatIsBeingDeleted(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		made, _ := p.family(t, p.dev, standard, 300)
		p.setPolicy(t, standard, func(policy *token.Policy) {
			policy.OAuthTokens.Expiry.MaxDays, policy.OAuthTokens.Expiry.Proposed, policy.OAuthTokens.Expiry.Presets = 30, 7, []int{7, 30}
		})
		m := p.meetAt(t, "oauth_tokens")
		var deleted, applied error
		m.send(1, func() { deleted = p.DeleteOAuthToken(context.Background(), p.dev, standard, made.ID) })
		m.send(2, func() { applied = second(p.ApplyPolicy(context.Background(), p.admin, standard, nil)) })
		m.release()
		wantOK(t, deleted)
		wantOK(t, applied)
	})
}

func TestDeletingAnOAuthTokenWhoseFamilyIsBeingEndedKeepsItsAccessTokensDead(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		p.setPolicy(t, standard, func(policy *token.Policy) { policy.AfterStop = token.UntilExpiry })
		made, pair := p.family(t, p.dev, standard, 9)
		next := p.refreshed(t, pair.RefreshToken)
		p.Clock.Advance(time.Minute)
		m := p.meetAt(t, "audit_events")
		var deleted error
		m.send(1, func() { p.ended(t, pair.RefreshToken) }) // it was replaced: somebody stole it
		m.send(2, func() { deleted = p.DeleteOAuthToken(context.Background(), p.dev, standard, made.ID) })
		m.release()
		wantOK(t, deleted)
		if p.Engine == "sqlite" && len(p.events(t, standard, audit.RefreshReused)) == 0 {
			return // there, either may be the first
		}
		p.wantStopped(t, pair.AccessToken, standard)
		p.wantStopped(t, next.AccessToken, standard)
	})
}
