package authority_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
)

// client is an app with its secret.
type client struct {
	token.App
	secret token.Secret
}

// app makes an app.
func (p *place) app(t testing.TB, ws, name string, scopes ...string) client {
	t.Helper()
	app, secret, err := p.CreateApp(context.Background(), p.recent(p.admin), ws, authority.NewApp{Name: name, Scopes: scopes})
	if err != nil {
		t.Fatalf("creating an app in %s: %v", ws, err)
	}
	return client{app, secret}
}

func (c client) auth() authority.ClientAuth {
	return authority.ClientAuth{ID: c.ID, Secret: c.secret}
}

// authenticated is the client as the token endpoint has it.
func (p *place) authenticated(t testing.TB, c client) authority.Client {
	t.Helper()
	got, err := p.Client(context.Background(), c.auth(), testkit.Origin())
	if err != nil {
		t.Fatalf("authenticating: %v", err)
	}
	return got
}

// granted is an access token by client credentials.
func (p *place) granted(t testing.TB, c client, scopes ...string) authority.Issued {
	t.Helper()
	got, err := p.ClientCredentials(context.Background(), p.authenticated(t, c), asked(scopes...))
	if err != nil {
		t.Fatalf("client credentials: %v", err)
	}
	return got
}

// asked is a request for some scopes; for all when none are named.
func asked(scopes ...string) authority.GrantRequest {
	return authority.GrantRequest{Scopes: scopes, Narrowed: len(scopes) > 0}
}

// family makes an OAuth token.
func (p *place) family(t testing.TB, by token.Identity, ws string, days int) (token.OAuthToken, authority.Issued) {
	t.Helper()
	n := authority.NewOAuthToken{Name: "notebook", LifetimeDays: &days}
	made, pair, err := p.CreateOAuthToken(context.Background(), p.recent(by), ws, n)
	if err != nil {
		t.Fatalf("creating an OAuth token in %s: %v", ws, err)
	}
	return made, pair
}

func (p *place) refresh(presented token.Secret) (authority.Issued, error) {
	return p.Refresh(context.Background(), presented, token.UserClient, authority.GrantRequest{}, testkit.Origin())
}

func (p *place) refreshed(t testing.TB, presented token.Secret) authority.Issued {
	t.Helper()
	got, err := p.refresh(presented)
	if err != nil {
		t.Fatalf("refreshing: %v", err)
	}
	return got
}

// ended expects a refresh token to be worth nothing.
func (p *place) ended(t testing.TB, presented token.Secret) {
	t.Helper()
	_, err := p.refresh(presented)
	wantCode(t, err, api.CodeInvalidGrant)
}

// said reads an access token as a client that looks inside would.
func said(t testing.TB, jwt token.Secret) (c token.Claims) {
	t.Helper()
	parts := strings.Split(jwt.Reveal(), ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts of an access token", len(parts))
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	wantOK(t, err)
	wantOK(t, json.Unmarshal(payload, &c))
	return c
}

// events lists what was audited in a workspace, newest first.
func (p *place) events(t testing.TB, ws string, action audit.Action) []audit.Event {
	t.Helper()
	list, err := p.Events(context.Background(), p.admin, ws, authority.EventFilter{Action: action}, authority.Page{Limit: 1000})
	wantOK(t, err)
	return list
}

// wantEvent expects exactly one event of its kind.
func (p *place) wantEvent(t testing.TB, ws string, action audit.Action) audit.Event {
	t.Helper()
	list := p.events(t, ws, action)
	if len(list) != 1 {
		t.Fatalf("%d events of %s, want 1", len(list), action)
	}
	return list[0]
}

// scopesOf replaces the catalogue of the standard workspace by scopes that everybody may hold.
func (p *place) scopesOf(t testing.TB, names ...string) {
	t.Helper()
	var c token.Catalogue
	for _, name := range names {
		c = append(c, token.CatalogueScope{Name: name, Title: name, Roles: token.Roles(), Apps: true})
	}
	_, err := p.SetScopes(context.Background(), p.admin, standard, c)
	wantOK(t, err)
}

// restarted is another process's authority over the same database: it remembers nothing.
func (p *place) restarted() *authority.Authority {
	checks := verify.New(verify.Config{Store: p.Store, Format: p.Format, Now: p.Clock.Now, Box: p.Box, Issuer: testkit.Issuer})
	return authority.New(authority.Config{Store: p.Store, Checks: checks, Format: p.Format, Now: p.Clock.Now, Box: p.Box, Issuer: testkit.Issuer})
}
