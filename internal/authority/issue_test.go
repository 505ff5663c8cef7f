package authority_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// verifyOffline checks a JWT as a service does that has the published keys and nothing else.
func (p *place) verifyOffline(t testing.TB, ws, jwt, typ string, claims any) {
	t.Helper()
	published, err := p.JWKS(t.Context(), ws)
	wantOK(t, err)
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	wantOK(t, json.Unmarshal(published, &set))
	for _, text := range set.Keys {
		key, err := keyring.ParsePublic(string(text))
		wantOK(t, err)
		if key.Verify(jwt, typ, claims) == nil {
			return
		}
	}
	t.Fatalf("no published key has signed it as %s", typ)
}

func TestAnAccessTokenHasTheClaimsOfRFC9068(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		p.scopesOf(t, "a", "b", "c")
		p.Clock.Set(p.Clock.Now().Add(123456 * time.Microsecond))
		c := p.app(t, standard, "nightly", "a", "c")
		got := p.granted(t, c)
		now := p.Clock.Now()

		var claims token.Claims
		p.verifyOffline(t, standard, got.AccessToken.Reveal(), "at+jwt", &claims)
		issuer := testkit.Issuer(standard)
		want := token.Claims{
			Issuer: issuer, Subject: c.ID, Audience: issuer, ClientID: c.ID, IssuedAt: now.Unix(), ExpiresAt: now.Unix() + 3600,
			ID: claims.ID, Scope: "a c", SourceID: c.ID, Epoch: c.Epoch,
		}
		if claims != want {
			t.Errorf("claims\n%+v, want\n%+v", claims, want)
		}
		if claims.IssuedAtMilli() != now.UnixMilli() {
			t.Errorf("the id says %d ms, want %d", claims.IssuedAtMilli(), now.UnixMilli())
		}
		if got.ExpiresIn != time.Hour || got.Scopes.String() != "a c" || got.RefreshToken.Reveal() != "" {
			t.Errorf("answered %+v", got)
		}
		if again := said(t, p.granted(t, c).AccessToken); again.ID == claims.ID {
			t.Error("two access tokens have one id")
		}
		p.wantGood(t, got.AccessToken, standard, "a", "c")
		wantCode(t, p.check(got.AccessToken, standard, "b"), api.CodeScopeMissing)

		// By the checker's clock it ends at once.
		p.Clock.Advance(time.Hour)
		p.wantStopped(t, got.AccessToken, standard)
	})
}

func TestAResourceIsAnAbsoluteURIWithoutAFragment(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		c := p.authenticated(t, p.app(t, standard, "nightly", "odata:read"))
		long := "https://api.example/" + strings.Repeat("x", 1024-len("https://api.example/"))
		for _, good := range []string{"", "https://api.example", "https://api.example/a?b=c%20d", "urn:example:service", "api://orders", long} {
			got, err := p.ClientCredentials(t.Context(), c, authority.GrantRequest{Resource: good})
			wantOK(t, err)
			want := good
			if want == "" {
				want = testkit.Issuer(standard)
			}
			if aud := said(t, got.AccessToken).Audience; aud != want {
				t.Errorf("aud %q, want %q", aud, want)
			}
			// Keywright itself takes only what is meant for it.
			if good != "" {
				p.wantStopped(t, got.AccessToken, standard)
			}
		}
		for _, bad := range []string{
			"api.example", "/orders", "//api.example", "https://api.example#", "https://api.example/#x", "https://", "https:", ":", "https://a b", "https://a\n",
			"https://é.example", "https://a%zz", long + "x", " ",
		} {
			_, err := p.ClientCredentials(t.Context(), c, authority.GrantRequest{Resource: bad})
			if wantCode(t, err, api.CodeInvalidTarget); err == nil {
				t.Errorf("%q was taken", bad)
			}
		}
	})
}
