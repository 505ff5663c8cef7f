package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/gateway"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// site is an installation whose checks are served, and one member of two workspaces.
type site struct {
	t      *testing.T
	clock  *testkit.Clock
	store  *store.Store
	rules  *authority.Authority
	checks *verify.Checker
	by     token.Identity
	gate   *gateway.Gateway
	url    string
}

func newSite(t *testing.T) *site {
	t.Helper()
	db := testkit.SQLite(t)
	st := db.Open(t)
	format, err := token.NewFormat("kw")
	if err != nil {
		t.Fatal(err)
	}
	box, err := keyring.NewBox()
	if err != nil {
		t.Fatal(err)
	}
	checks := verify.New(verify.Config{Store: st, Format: format, Now: db.Clock.Now, Box: box, Issuer: testkit.Issuer})
	s := &site{t: t, clock: db.Clock, rules: authority.New(authority.Config{Store: st, Checks: checks, Format: format, Now: db.Clock.Now, Box: box, Issuer: testkit.Issuer})}
	code, _, err := s.rules.OpenSetUp(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first := authority.FirstAccount{Code: code.Reveal(), Email: "admin@example.com", Name: "Ana", Password: "correct horse"}
	if _, s.by, err = s.rules.SetUp(t.Context(), first, token.Origin{}); err != nil {
		t.Fatal(err)
	}
	for _, slug := range []string{"standard", "other"} {
		if _, err := s.rules.CreateWorkspace(t.Context(), s.by, authority.NewWorkspace{Slug: slug, Preset: token.Standard}); err != nil {
			t.Fatal(err)
		}
	}
	scopes := token.Catalogue{
		{Name: "odata:read", Title: "Read", Roles: token.Roles(), Apps: true},
		{Name: "files/a+b:write", Title: "Write", Roles: token.Roles()},
	}
	if _, err := s.rules.SetScopes(t.Context(), s.by, "standard", scopes); err != nil {
		t.Fatal(err)
	}
	s.checks, s.store = checks, st
	s.gate = gateway.New(gateway.Config{Checks: checks, PublicURL: &url.URL{Scheme: "https", Host: "keys.example.com"}, Address: func(r *http.Request) (netip.Addr, bool) {
		return netip.MustParseAddrPort(r.RemoteAddr).Addr(), false
	}})
	srv := httptest.NewServer(s.gate)
	t.Cleanup(srv.Close)
	s.url = srv.URL
	return s
}

// token makes a token and returns its id and secret.
func (s *site) token(ws, name string, days int, scopes ...string) (id, secret string) {
	s.t.Helper()
	s.by.SignedInAt = s.clock.Now()
	made, sec, err := s.rules.CreateToken(s.t.Context(), s.by, ws, authority.NewToken{Request: token.Request{
		Name: &name, Scopes: &scopes, Expiry: token.Choice{LifetimeDays: &days},
	}})
	if err != nil {
		s.t.Fatal(err)
	}
	return made.ID, sec.Reveal()
}

// app makes an app that may read, and returns its client id and secret.
func (s *site) app() (id, secret string) {
	s.t.Helper()
	s.by.SignedInAt = s.clock.Now()
	made, sec, err := s.rules.CreateApp(s.t.Context(), s.by, "standard", authority.NewApp{Name: "pipeline", Scopes: []string{"odata:read"}})
	if err != nil {
		s.t.Fatal(err)
	}
	return made.ID, sec.Reveal()
}

// access returns an access token of an app, for a resource if there is one.
func (s *site) access(id, secret, resource string) string {
	s.t.Helper()
	c, err := s.rules.Client(s.t.Context(), authority.ClientAuth{ID: id, Secret: token.SecretOf(secret)}, token.Origin{})
	if err != nil {
		s.t.Fatal(err)
	}
	issued, err := s.rules.ClientCredentials(s.t.Context(), c, authority.GrantRequest{Resource: resource})
	if err != nil {
		s.t.Fatal(err)
	}
	return issued.AccessToken.Reveal()
}

// oauth makes an OAuth token, and returns its id and its access token.
func (s *site) oauth(name string) (id, access string) {
	s.t.Helper()
	s.by.SignedInAt = s.clock.Now()
	days := 30
	made, issued, err := s.rules.CreateOAuthToken(s.t.Context(), s.by, "standard", authority.NewOAuthToken{Name: name, LifetimeDays: &days})
	if err != nil {
		s.t.Fatal(err)
	}
	return made.ID, issued.AccessToken.Reveal()
}

// legacy imports a token that is good for 30 days, or for ever.
func (s *site) legacy(clear string, forever bool) (id string) {
	s.t.Helper()
	now := s.clock.Now()
	l := token.Token{ID: token.NewID(token.TokenID, now), Owner: s.by.User, Name: "old", Scopes: token.Scopes{"odata:read"}, Scheme: token.SchemeSHA256, CreatedAt: now}
	if !forever {
		l.ExpiresAt = now.AddDate(0, 0, 30)
	}
	err := s.store.Update(s.t.Context(), func(tx *store.Tx) error {
		w, err := tx.Workspace("standard")
		if err != nil {
			return err
		}
		l.WorkspaceID = w.ID
		return tx.AddToken(l, token.HashOf(clear))
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.checks.TokenMade(token.HashOf(clear))
	s.checks.LegacyChanged(l.WorkspaceID)
	return l.ID
}

// dead returns secrets that no gateway may let through, by what is wrong with them.
func (s *site) dead() map[string]string {
	s.t.Helper()
	out := map[string]string{}
	_, out["expired"] = s.token("standard", "short", 1, "odata:read")
	s.clock.Advance(24 * time.Hour)
	id, secret := s.token("standard", "revoked", 90, "odata:read")
	if _, err := s.rules.RevokeToken(s.t.Context(), s.by, "standard", id, ""); err != nil {
		s.t.Fatal(err)
	}
	out["revoked"] = secret
	id, out["regenerated"] = s.token("standard", "renewed", 90, "odata:read")
	if _, _, err := s.rules.RegenerateToken(s.t.Context(), s.by, "standard", id, token.Choice{}); err != nil {
		s.t.Fatal(err)
	}
	id, out["deleted"] = s.token("standard", "deleted", 90, "odata:read")
	if err := s.rules.DeleteToken(s.t.Context(), s.by, "standard", id); err != nil {
		s.t.Fatal(err)
	}
	_, out["of another workspace"] = s.token("other", "foreign", 90, "odata:read")
	format, _ := token.NewFormat("kw")
	out["never issued"] = format.New(token.KindPAT).Reveal()
	out["garbage"] = "kw_pat_not-a-token"
	return out
}

// emptyChecks is a checker over a database without a token.
func emptyChecks(t testing.TB) *verify.Checker {
	t.Helper()
	format, err := token.NewFormat("kw")
	if err != nil {
		t.Fatal(err)
	}
	return verify.New(verify.Config{Store: testkit.SQLite(t).Open(t), Format: format})
}
