package authority_test

import (
	"testing"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

func TestTwoRefreshesThatMeetGiveTheSameSuccessor(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		_, pair := p.family(t, p.dev, standard, 30)
		m := p.meetAt(t, "audit_events")
		var got [3]authority.Issued
		var errs [3]error
		for i := range got {
			m.send(i+1, func() { got[i], errs[i] = p.refresh(pair.RefreshToken) })
		}
		m.release()
		for i := range got {
			wantOK(t, errs[i])
			if got[i].RefreshToken.Hash() != got[0].RefreshToken.Hash() {
				t.Error("two successors were given out")
			}
			p.wantGood(t, got[i].AccessToken, standard)
		}
		p.refreshed(t, got[0].RefreshToken)
	})
}

func TestARefreshThatMeetsAStopLeavesNothingAlive(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		for name, stop := range map[string]func(token.OAuthToken, authority.Issued) error{
			"disabled": func(k token.OAuthToken, _ authority.Issued) error {
				return second(p.DisableOAuthToken(ctx, p.dev, standard, k.ID))
			},
			"deleted": func(k token.OAuthToken, _ authority.Issued) error {
				return p.DeleteOAuthToken(ctx, p.dev, standard, k.ID)
			},
			"revoked": func(_ token.OAuthToken, pair authority.Issued) error {
				return p.RevokePresented(ctx, pair.RefreshToken, testkit.Origin())
			},
			"the owner removed": func(k token.OAuthToken, _ authority.Issued) error {
				return p.RemoveMember(ctx, p.admin, standard, k.Owner.ID)
			},
			"the owner barred": func(k token.OAuthToken, _ authority.Issued) error {
				v, err := p.Enter(ctx, p.admin, standard)
				wantOK(t, err)
				v.Policy.OAuthTokens.Roles, v.Policy.OAuthTokens.Creators = []token.Role{token.Administrator}, []token.Role{token.Administrator}
				return second(p.SetPolicy(ctx, p.admin, standard, v.Policy))
			},
		} {
			for _, first := range []string{"refresh", "stop"} {
				p.setPolicy(t, standard, func(policy *token.Policy) {
					policy.OAuthTokens.Roles, policy.OAuthTokens.Creators = token.Roles(), token.Roles()
				})
				made, pair := p.family(t, p.dev, standard, 30)
				m := p.meetAt(t, "audit_events")
				var got authority.Issued
				var stopped error
				acts := []func(){func() { got, _ = p.refresh(pair.RefreshToken) }, func() { stopped = stop(made, pair) }}
				if first == "stop" {
					acts[0], acts[1] = acts[1], acts[0]
				}
				for i, act := range acts {
					m.send(i+1, act)
				}
				m.release()
				wantOK(t, stopped)
				for _, jwt := range []token.Secret{pair.AccessToken, got.AccessToken} {
					if p.check(jwt, standard) == nil {
						t.Errorf("%s, %s first: an access token works", name, first)
					}
				}
				for _, s := range []token.Secret{pair.RefreshToken, got.RefreshToken} {
					if _, err := p.refresh(s); err == nil {
						t.Errorf("%s, %s first: a refresh token works", name, first)
					}
				}
				if name == "the owner removed" {
					_, _, err := p.Invite(ctx, p.admin, standard, authority.Invitation{Email: testkit.Dev, Role: token.Developer})
					wantOK(t, err)
				}
			}
		}
	})
}

func TestARefreshGivesWhatTheRulesSayInItsTurn(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		_, err := p.SetScopes(t.Context(), p.admin, standard, token.Catalogue{
			{Name: "all", Title: "a", Roles: token.Roles()}, {Name: "build", Title: "b", Roles: []token.Role{token.Developer}},
		})
		wantOK(t, err)
		_, pair := p.family(t, p.dev, standard, 30)
		m := p.meetAt(t, "oauth_tokens") // it is held up once it has decided and signed, before its turn
		var got authority.Issued
		var refused error
		m.send(1, func() { got, refused = p.refresh(pair.RefreshToken) })
		_, err = p.SetRole(t.Context(), p.admin, standard, p.dev.User.ID, token.PlainMember)
		wantOK(t, err)
		m.release()
		wantOK(t, refused)
		if scope := said(t, got.AccessToken).Scope; scope != got.Scopes.String() {
			t.Errorf("it says %q, the answer %q", scope, got.Scopes)
		}
		if p.Engine == "postgres" && got.Scopes.String() != "all" {
			t.Errorf("got %v", got.Scopes)
		}
		wantCode(t, p.check(got.AccessToken, standard, "build"), api.CodeScopeMissing)
	})
}
