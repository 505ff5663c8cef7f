package authority_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
)

// narrowing is a verb that narrows what a developer's token in the workspace can do.
type narrowing struct {
	ws    string
	scope string // that the token had
	then  api.Code
	act   func(ctx context.Context, p *place, made token.Token) error
}

func narrowings() map[string]narrowing {
	rules := func(change func(*token.Policy)) func(context.Context, *place, token.Token) error {
		return func(ctx context.Context, p *place, _ token.Token) error {
			v, err := p.Enter(ctx, p.admin, standard)
			if err != nil {
				return err
			}
			change(&v.Policy)
			_, err = p.SetPolicy(ctx, p.admin, standard, v.Policy)
			return err
		}
	}
	return map[string]narrowing{
		"RevokeToken": {standard, "odata:read", api.CodeInvalidToken, func(ctx context.Context, p *place, made token.Token) error {
			return second(p.RevokeToken(ctx, p.dev, standard, made.ID, ""))
		}},
		"DeleteToken": {standard, "odata:read", api.CodeInvalidToken, func(ctx context.Context, p *place, made token.Token) error {
			return p.DeleteToken(ctx, p.dev, standard, made.ID)
		}},
		"BatchTokens": {standard, "odata:read", api.CodeInvalidToken, func(ctx context.Context, p *place, made token.Token) error {
			results, err := p.BatchTokens(ctx, p.admin, standard, authority.Batch{Action: token.ActDelete, IDs: []string{made.ID}})
			if err != nil {
				return err
			}
			return results[0].Err
		}},
		"RegenerateToken": {standard, "odata:read", api.CodeInvalidToken, func(ctx context.Context, p *place, made token.Token) error {
			_, _, err := p.RegenerateToken(ctx, p.dev, standard, made.ID, token.Choice{})
			return err
		}},
		"SetTokenScopes": {scoped, "device", api.CodeScopeMissing, func(ctx context.Context, p *place, made token.Token) error {
			return second(p.SetTokenScopes(ctx, p.dev, scoped, made.ID, []string{"policy"}))
		}},
		"SetRole": {apps, "odata:read", api.CodeInvalidToken, func(ctx context.Context, p *place, _ token.Token) error {
			return second(p.SetRole(ctx, p.admin, apps, p.dev.User.ID, token.PlainMember))
		}},
		"RemoveMember": {standard, "odata:read", api.CodeInvalidToken, func(ctx context.Context, p *place, _ token.Token) error {
			return p.RemoveMember(ctx, p.admin, standard, p.dev.User.ID)
		}},
		"SetScopes": {standard, "odata:read", api.CodeScopeMissing, func(ctx context.Context, p *place, _ token.Token) error {
			return second(p.SetScopes(ctx, p.admin, standard, token.Catalogue{{Name: "other", Title: "Other", Roles: token.Roles()}}))
		}},
		"SetScopes/roles": {standard, "odata:read", api.CodeScopeMissing, func(ctx context.Context, p *place, _ token.Token) error {
			return second(p.SetScopes(ctx, p.admin, standard, token.Catalogue{{Name: "odata:read", Title: "Read", Roles: []token.Role{token.Administrator}}}))
		}},
		"SetPolicy": {standard, "odata:read", api.CodeInvalidToken, rules(func(policy *token.Policy) {
			policy.Tokens.Roles, policy.Tokens.Creators = []token.Role{token.Administrator}, []token.Role{token.Administrator}
		})},
		"ApplyPolicy": {standard, "odata:read", api.CodeInvalidToken, func(ctx context.Context, p *place, made token.Token) error {
			if err := rules(func(policy *token.Policy) { policy.Tokens.Scope = token.ScopeRule{Mode: token.ScopesNone} })(ctx, p, made); err != nil {
				return err
			}
			return second(p.ApplyPolicy(ctx, p.admin, standard, []string{made.ID}))
		}},
		"DeleteWorkspace": {standard, "odata:read", api.CodeInvalidToken, func(ctx context.Context, p *place, _ token.Token) error {
			return p.DeleteWorkspace(ctx, p.admin, standard)
		}},
	}
}

func TestNoCheckThatBeganAfterAVerbReturnedAnswersByTheOldState(t *testing.T) {
	for verb, n := range narrowings() {
		t.Run(verb, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, p *place) {
				made, secret := p.made(t, p.dev, n.ws, plain(n.ws, "a"))
				p.wantGood(t, secret, n.ws, n.scope)
				p.hammered(t, hammer{secret, n.ws, n.scope, n.then}, func() error { return n.act(t.Context(), p, made) })
			})
		})
	}
}

// hammer is a check that is made again and again, and its answer once a verb has returned.
type hammer struct {
	secret    token.Secret
	ws, scope string
	then      api.Code
}

// hammered runs a verb under checks from all sides.
func (p *place) hammered(t *testing.T, h hammer, act func() error) {
	t.Helper()
	var returned atomic.Bool
	var late, during atomic.Int64
	var hammers sync.WaitGroup
	for range 4 {
		hammers.Go(func() {
			for after := 0; after < 25; {
				began := returned.Load()
				err := p.check(h.secret, h.ws, h.scope)
				switch {
				case !began:
					during.Add(1)
				case fault.CodeOf(err) != h.then:
					late.Add(1)
					fallthrough
				default:
					after++
				}
			}
		})
	}
	for during.Load() < 8 { // the hammers are at work
	}
	err := act()
	returned.Store(true)
	hammers.Wait()
	wantOK(t, err)
	if late.Load() > 0 {
		t.Errorf("%d checks that began after it returned did not answer %s", late.Load(), h.then)
	}
}

func TestWhatWidensAccessCountsAtTheNextCheckToo(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		_, secret := p.made(t, p.dev, apps, plain(apps, "a"))
		_, err := p.SetRole(ctx, p.admin, apps, p.dev.User.ID, token.PlainMember)
		wantOK(t, err)
		p.wantStopped(t, secret, apps)
		_, err = p.SetRole(ctx, p.admin, apps, p.dev.User.ID, token.Developer)
		wantOK(t, err)
		p.wantGood(t, secret, apps, "odata:read")
		_, err = p.SetScopes(ctx, p.admin, apps, token.Catalogue{{Name: "more", Title: "More", Roles: token.Roles()}})
		wantOK(t, err)
		p.wantGood(t, secret, apps, "more") // every scope that the role may hold, now
		wantCode(t, p.check(secret, apps, "odata:read"), api.CodeScopeMissing)
	})
}

func TestAMemberWhoComesBackHasNoToken(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		made, secret := p.made(t, p.dev, standard, plain(standard, "a"))
		wantOK(t, p.RemoveMember(t.Context(), p.admin, standard, p.dev.User.ID))
		p.wantStopped(t, secret, standard)
		_, link, err := p.Invite(t.Context(), p.admin, standard, authority.Invitation{Email: p.dev.User.Email, Role: token.Administrator})
		wantOK(t, err)
		if link.Reveal() != "" {
			t.Error("somebody who has an account got a link into it")
		}
		p.wantStopped(t, secret, standard)
		if got := p.status(t, p.dev, standard, made.ID); got != token.Revoked {
			t.Errorf("the token is %s", got)
		}
		_, err = p.Tokens(t.Context(), p.dev, standard, authority.TokenQuery{Page: authority.Page{Limit: 9}})
		wantOK(t, err)
	})
}
