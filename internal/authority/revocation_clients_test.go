package authority_test

import (
	"context"
	"testing"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/token"
)

// robotAndPair is what the verbs below narrow: an app and an OAuth token of the developer's, with a presented
// credential of either.
type robotAndPair struct {
	client
	pair   token.OAuthToken
	issued authority.Issued
	old    string // id of a client secret that was replaced and still works
}

// clientNarrowing is a verb that narrows what a credential of an app or an OAuth token can do.
type clientNarrowing struct {
	of   func(t *testing.T, p *place, f *robotAndPair) token.Secret
	then api.Code
	act  func(ctx context.Context, p *place, f *robotAndPair) error
}

func clientNarrowings() map[string]clientNarrowing {
	secret := func(_ *testing.T, _ *place, f *robotAndPair) token.Secret { return f.secret }
	app := func(t *testing.T, p *place, f *robotAndPair) token.Secret { return p.granted(t, f.client).AccessToken }
	person := func(_ *testing.T, _ *place, f *robotAndPair) token.Secret { return f.issued.AccessToken }
	disable := func(ctx context.Context, p *place, f *robotAndPair) error {
		return second(p.DisableApp(ctx, p.dev, standard, f.ID))
	}
	remove := func(ctx context.Context, p *place, f *robotAndPair) error {
		return p.DeleteApp(ctx, p.dev, standard, f.ID)
	}
	change := func(ctx context.Context, p *place, f *robotAndPair) error {
		return second(p.ChangeApp(ctx, p.dev, standard, f.ID, authority.AppChange{Scopes: &[]string{}}))
	}
	stop := func(act token.Action) func(context.Context, *place, *robotAndPair) error {
		return func(ctx context.Context, p *place, f *robotAndPair) error {
			results, err := p.Stop(ctx, p.admin, standard, authority.Batch{Action: act, IDs: []string{f.ID, f.pair.ID}})
			for _, r := range results {
				if err == nil {
					err = r.Err
				}
			}
			return err
		}
	}
	workspace := func(ctx context.Context, p *place, _ *robotAndPair) error {
		return p.DeleteWorkspace(ctx, p.admin, standard)
	}
	return map[string]clientNarrowing{
		"DisableApp/secret":       {secret, api.CodeInvalidToken, disable},
		"DisableApp/access token": {app, api.CodeInvalidToken, disable},
		"DeleteApp/secret":        {secret, api.CodeInvalidToken, remove},
		"DeleteApp/access token":  {app, api.CodeInvalidToken, remove},
		"ChangeApp/secret":        {secret, api.CodeScopeMissing, change},
		"ChangeApp/access token":  {app, api.CodeScopeMissing, change},
		"RotateAppSecret": {secret, api.CodeInvalidToken, func(ctx context.Context, p *place, f *robotAndPair) error {
			return third(p.RotateAppSecret(ctx, p.dev, standard, f.ID, authority.Rotation{}))
		}},
		"EndAppSecret": {func(t *testing.T, p *place, f *robotAndPair) token.Secret {
			v, err := p.App(t.Context(), p.dev, standard, f.ID)
			wantOK(t, err)
			f.old = v.Secrets[0].ID
			wantOK(t, third(p.RotateAppSecret(t.Context(), p.dev, standard, f.ID, authority.Rotation{Keep: authority.Overlaps()[1]})))
			return f.secret
		}, api.CodeInvalidToken, func(ctx context.Context, p *place, f *robotAndPair) error {
			return second(p.EndAppSecret(ctx, p.dev, standard, f.ID, f.old))
		}},
		"DisableOAuthToken": {person, api.CodeInvalidToken, func(ctx context.Context, p *place, f *robotAndPair) error {
			return second(p.DisableOAuthToken(ctx, p.dev, standard, f.pair.ID))
		}},
		"DeleteOAuthToken": {person, api.CodeInvalidToken, func(ctx context.Context, p *place, f *robotAndPair) error {
			return p.DeleteOAuthToken(ctx, p.dev, standard, f.pair.ID)
		}},
		"BatchOAuthTokens": {person, api.CodeInvalidToken, func(ctx context.Context, p *place, f *robotAndPair) error {
			return batchErr(p.BatchOAuthTokens(ctx, p.admin, standard, authority.Batch{Action: token.ActDelete, IDs: []string{f.pair.ID}}))
		}},
		"Stop/revoke an app's secret":       {secret, api.CodeInvalidToken, stop(token.ActRevoke)},
		"Stop/delete an app's access token": {app, api.CodeInvalidToken, stop(token.ActDelete)},
		"Stop/a person's access token":      {person, api.CodeInvalidToken, stop(token.ActRevoke)},
		"RemoveMember": {person, api.CodeInvalidToken, func(ctx context.Context, p *place, _ *robotAndPair) error {
			return p.RemoveMember(ctx, p.admin, standard, p.dev.User.ID)
		}},
		"SetRole": {person, api.CodeScopeMissing, func(ctx context.Context, p *place, _ *robotAndPair) error {
			return second(p.SetRole(ctx, p.admin, standard, p.dev.User.ID, token.PlainMember))
		}},
		"SetScopes": {app, api.CodeScopeMissing, func(ctx context.Context, p *place, _ *robotAndPair) error {
			return second(p.SetScopes(ctx, p.admin, standard, token.Catalogue{{Name: "odata:read", Title: "Read", Roles: token.Roles()}}))
		}},
		"ApplyPolicy":                  {person, api.CodeInvalidToken, withdraw},
		"DeleteWorkspace/secret":       {secret, api.CodeInvalidToken, workspace},
		"DeleteWorkspace/access token": {person, api.CodeInvalidToken, workspace},
	}
}

// withdraw offers OAuth tokens no longer, and applies that to the one in hand.
func withdraw(ctx context.Context, p *place, f *robotAndPair) error {
	v, err := p.Enter(ctx, p.admin, standard)
	if err != nil {
		return err
	}
	v.Policy.OAuthTokens.Offered = false
	if _, err := p.SetPolicy(ctx, p.admin, standard, v.Policy); err != nil {
		return err
	}
	return second(p.ApplyPolicy(ctx, p.admin, standard, []string{f.pair.ID}))
}

func TestNoCheckOfAnAppOrOAuthTokenThatBeganAfterAVerbReturnedAnswersByTheOldState(t *testing.T) {
	for verb, n := range clientNarrowings() {
		t.Run(verb, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, p *place) {
				_, err := p.SetScopes(t.Context(), p.admin, standard, token.Catalogue{
					{Name: "odata:read", Title: "Read", Roles: []token.Role{token.Administrator, token.Developer}, Apps: true},
				})
				wantOK(t, err)
				f := robotAndPair{client: p.appMade(t, p.dev, standard, authority.NewApp{Name: "robot", Scopes: []string{"odata:read"}})}
				f.pair, f.issued = p.family(t, p.dev, standard, 9)
				secret := n.of(t, p, &f)
				p.wantGood(t, secret, standard, "odata:read")
				p.hammered(t, hammer{secret, standard, "odata:read", n.then}, func() error { return n.act(t.Context(), p, &f) })
			})
		})
	}
}
