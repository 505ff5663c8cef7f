package authority_test

import (
	"testing"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

func TestAnAccessTokenOfAPersonManagesWithinItsScopesAndItsHour(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		made, secret := p.made(t, p.dev, standard, wanted{name: "m", scopes: []string{token.ScopeManage, "odata:read"}, days: 30}.token())
		access := p.exchanged(t, secret).AccessToken
		by := p.presented(t, access)
		if by.User != p.dev.User || by.SessionID != "" || by.InstallationAdmin || by.Bearer.TokenID != made.ID || by.Bearer.WorkspaceID != made.WorkspaceID ||
			!by.Bearer.Scopes.Has(token.Scopes{token.ScopeManage, "odata:read"}) || !by.Bearer.ExpiresAt.Equal(p.Clock.Now().Add(token.AccessLife)) {
			t.Errorf("identity %+v, bearer %+v", by, by.Bearer)
		}
		if _, err := p.Token(ctx, by, standard, made.ID); err != nil {
			t.Errorf("it does not see its owner's tokens: %v", err)
		}
		_, _, err := p.CreateToken(ctx, by, standard, wanted{name: "a day", scopes: []string{"odata:read"}, days: 1}.token())
		wantCode(t, err, api.CodeOutlivesCredential)
		_, err = p.Members(ctx, by, standard, authority.Page{Limit: 9})
		wantCode(t, err, api.CodeRoleNotAllowed)

		narrow := p.presented(t, p.exchanged(t, secret, "odata:read").AccessToken)
		_, err = p.Token(ctx, narrow, standard, made.ID)
		wantCode(t, err, api.CodeScopeMissing)

		_, err = p.RevokeToken(ctx, by, standard, made.ID, "") // it may end what it comes from
		wantOK(t, err)
		_, err = p.Bearer(ctx, access, "", testkit.Origin())
		wantCode(t, err, api.CodeInvalidToken)
	})
}

func TestAnAdministratorsAccessTokenAdministersAndTakesNoSessionsPlace(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		_, secret := p.made(t, p.admin, standard, wanted{name: "m", scopes: []string{token.ScopeAdmin}, days: 30}.token())
		by := p.presented(t, p.exchanged(t, secret).AccessToken)
		_, err := p.Members(t.Context(), by, standard, authority.Page{Limit: 9})
		wantOK(t, err)
		wantCode(t, p.SetInstallationAdmin(t.Context(), by, testkit.Dev, true), api.CodeSessionRequired)
		_, err = p.Members(t.Context(), by, scoped, authority.Page{Limit: 9})
		wantCode(t, err, api.CodeNotFound)
	})
}

func TestNothingThatActsForAnAppAndNoLegacyTokenIdentifiesAPerson(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		app, secret, err := p.CreateApp(ctx, p.recent(p.admin), standard, authority.NewApp{Name: "pipeline", Scopes: []string{"odata:read"}})
		wantOK(t, err)
		c, err := p.Client(ctx, authority.ClientAuth{ID: app.ID, Secret: secret}, testkit.Origin())
		wantOK(t, err)
		issued, err := p.ClientCredentials(ctx, c, authority.GrantRequest{})
		wantOK(t, err)
		for what, presented := range map[string]token.Secret{"client secret": secret, "access token": issued.AccessToken} {
			by, err := p.Bearer(ctx, presented, "", testkit.Origin())
			if f := fault.From(err); f.Code != api.CodeScopeMissing || by.User.ID != "" || by.Bearer != nil {
				t.Errorf("%s: %v, %+v", what, err, by)
			}
		}
		p.Clock.Advance(time.Millisecond)
		old := token.Token{
			ID: token.NewID(token.TokenID, p.Clock.Now()), WorkspaceID: c.WorkspaceID, Owner: p.dev.User, Scheme: token.SchemeSHA256,
			Scopes: token.Scopes{token.ScopeManage}, CreatedAt: p.Clock.Now(),
		}
		// Of our own form, so that it is found without its workspace.
		legacy := p.Format.New(token.KindPAT)
		wantOK(t, p.Store.Update(ctx, func(tx *store.Tx) error { return tx.AddToken(old, legacy.Hash()) }))
		p.Checks.TokenMade(legacy.Hash())
		p.Checks.LegacyChanged(c.WorkspaceID)
		p.wantGood(t, legacy, standard, token.ScopeManage)
		_, err = p.Bearer(ctx, legacy, "", testkit.Origin())
		wantCode(t, err, api.CodeInvalidToken)
	})
}
