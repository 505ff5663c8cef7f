package oauth_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
)

// TestTheWire shows answers as clients get them; what is random in them is left out.
func TestTheWire(t *testing.T) {
	testkit.EachInstallation(t, func(t *testing.T, in *testkit.Installation) {
		s := siteOf(t, in)
		c := s.app("standard", "odata:read", "orders:read", token.ScopeIntrospect)
		_, _, refresh := s.oauthToken("standard")
		_, pat := s.pat("ci", 90, "odata:read", "orders:read")

		golden(t, "client_credentials", s.post("/oauth2/token", c.basic(), "grant_type", "client_credentials", "scope", "odata:read"))
		refreshed := s.post("/oauth2/token", "grant_type", "refresh_token", "refresh_token", refresh, "client_id", token.UserClient)
		golden(t, "refreshed", refreshed)
		exchanged := s.post("/oauth2/token", "grant_type", exchange, "subject_token", pat, "subject_token_type", typeAccess, "scope", "odata:read", "resource", "https://orders.example/v1")
		golden(t, "exchanged", exchanged)
		golden(t, "introspected_access_token", s.post("/oauth2/introspect", c.basic(), "token", s.access(c, "scope", "orders:read")))
		golden(t, "introspected_personal_access_token", s.post("/oauth2/introspect", c.basic(), "token", pat))
		golden(t, "introspected_refresh_token", s.post("/oauth2/introspect", c.basic(), "token", refreshed.text("refresh_token")))
		golden(t, "introspected_client_secret", s.post("/oauth2/introspect", c.basic(), "token", c.secret))
		golden(t, "introspected_inactive", s.post("/oauth2/introspect", c.basic(), "token", "x"))
		golden(t, "introspected_signed", s.post("/oauth2/introspect", c.basic(), "Accept: application/token-introspection+jwt", "token", exchanged.text("access_token")))
		golden(t, "revoked", s.post("/oauth2/revoke", "token", pat))
		golden(t, "invalid_client", s.post("/oauth2/token", client{c.id, "x"}.basic(), "grant_type", "client_credentials"))
		golden(t, "invalid_grant", s.post("/oauth2/token", "grant_type", "refresh_token", "refresh_token", "x"))
		golden(t, "method", s.get("/oauth2/token"))
		golden(t, "server_metadata", s.get("/.well-known/oauth-authorization-server/w/standard"))
		golden(t, "jwks", s.get("/w/standard/jwks.json"))
		golden(t, "resource_metadata_api", s.get("/.well-known/oauth-protected-resource/api/v1/workspaces/standard"))
		golden(t, "resource_metadata_feed", s.get("/.well-known/oauth-protected-resource/odata/standard/keywright"))
		golden(t, "no_document", s.get("/w/nowhere/jwks.json"))
	})
}

func TestEveryErrorOfTheTokenEndpoint(t *testing.T) {
	s := newSite(t)
	c := s.app("standard", "odata:read", "orders:read")
	_, access, refresh := s.oauthToken("standard")
	_, pat := s.pat("ci", 90, "odata:read")
	_, expired := s.pat("short", 1, "odata:read")
	s.Clock.Advance(25 * time.Hour)
	_, access2, _ := s.oauthToken("standard")
	x := func(pairs ...string) []string {
		return append([]string{"grant_type", exchange}, pairs...)
	}
	for _, e := range []struct {
		name   string
		pairs  []string
		status int
		code   string
	}{
		{"no grant", []string{c.basic()}, 400, "invalid_request"},
		{"an unknown grant", []string{c.basic(), "grant_type", "password"}, 400, "unsupported_grant_type"},
		{"the code grant", []string{c.basic(), "grant_type", "authorization_code", "code", "x"}, 400, "unsupported_grant_type"},
		{"the grant in another case", []string{c.basic(), "grant_type", "Client_Credentials"}, 400, "unsupported_grant_type"},
		{"an unknown scope", []string{c.basic(), "grant_type", "client_credentials", "scope", "odata:read nope"}, 400, "invalid_scope"},
		{"a scope that the app lacks", []string{c.basic(), "grant_type", "client_credentials", "scope", "orders:write"}, 400, "invalid_scope"},
		{"a reserved scope", []string{c.basic(), "grant_type", "client_credentials", "scope", "keywright:admin"}, 400, "invalid_scope"},
		{"a scope with a quote", []string{c.basic(), "grant_type", "client_credentials", "scope", `a"b`}, 400, "invalid_scope"},
		{"a scope of spaces", []string{c.basic(), "grant_type", "client_credentials", "scope", "  "}, 400, "invalid_scope"},
		{"scopes separated by commas", []string{c.basic(), "grant_type", "client_credentials", "scope", "odata:read,orders:read"}, 400, "invalid_scope"},
		{"scopes separated by a line end", []string{c.basic(), "grant_type", "client_credentials", "scope", "odata:read\norders:read"}, 400, "invalid_scope"},
		{"a relative resource", []string{c.basic(), "grant_type", "client_credentials", "resource", "/orders"}, 400, "invalid_target"},
		{"a resource with a fragment", []string{c.basic(), "grant_type", "client_credentials", "resource", "https://a.example/#b"}, 400, "invalid_target"},
		{"two resources", []string{c.basic(), "grant_type", "client_credentials", "resource", "https://a.example", "resource", "https://b.example"}, 400, "invalid_target"},

		{"no refresh token", []string{"grant_type", "refresh_token"}, 400, "invalid_request"},
		{"an unknown refresh token", []string{"grant_type", "refresh_token", "refresh_token", s.Format.New(token.KindRefresh).Reveal()}, 400, "invalid_grant"},
		{"an access token", []string{"grant_type", "refresh_token", "refresh_token", access2}, 400, "invalid_grant"},
		{"a personal access token", []string{"grant_type", "refresh_token", "refresh_token", pat}, 400, "invalid_grant"},
		{"another client's name", []string{"grant_type", "refresh_token", "refresh_token", refresh, "client_id", c.id}, 401, "invalid_client"},
		{"another client", []string{c.basic(), "grant_type", "refresh_token", "refresh_token", refresh}, 400, "invalid_grant"},
		{"a client that is none", []string{client{c.id, "x"}.basic(), "grant_type", "refresh_token", "refresh_token", refresh}, 401, "invalid_client"},
		{"more scopes", []string{"grant_type", "refresh_token", "refresh_token", refresh, "scope", "odata:read keywright:manage"}, 400, "invalid_scope"},
		{"a resource that is none", []string{"grant_type", "refresh_token", "refresh_token", refresh, "resource", "x"}, 400, "invalid_target"},

		{"no subject", x("subject_token_type", typeAccess), 400, "invalid_request"},
		{"no type of subject", x("subject_token", pat), 400, "invalid_request"},
		{"another type of subject", x("subject_token", pat, "subject_token_type", "urn:ietf:params:oauth:token-type:saml2"), 400, "invalid_request"},
		{"a refresh token as subject", x("subject_token", refresh, "subject_token_type", typeAccess), 400, "invalid_request"},
		{"a client secret as subject", x("subject_token", c.secret, "subject_token_type", typeAccess), 400, "invalid_request"},
		{"an expired subject", x("subject_token", expired, "subject_token_type", typeAccess), 400, "invalid_request"},
		{"an expired access token", x("subject_token", access, "subject_token_type", typeAccess), 400, "invalid_request"},
		{"an unknown subject", x("subject_token", "x", "subject_token_type", typeAccess), 400, "invalid_request"},
		{"another type of token", x("subject_token", pat, "subject_token_type", typeAccess, "requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"), 400, "invalid_request"},
		{"an actor", x("subject_token", pat, "subject_token_type", typeAccess, "actor_token", pat, "actor_token_type", typeAccess), 400, "invalid_request"},
		{"more scopes than the subject", x("subject_token", pat, "subject_token_type", typeAccess, "scope", "orders:read"), 400, "invalid_scope"},
		{"two targets", x("subject_token", pat, "subject_token_type", typeAccess, "resource", "https://a.example", "audience", "https://b.example"), 400, "invalid_target"},
		{"an audience that is no address", x("subject_token", pat, "subject_token_type", typeAccess, "audience", "orders"), 400, "invalid_target"},
		{"a client that is none, exchange", append(x("subject_token", pat, "subject_token_type", typeAccess), client{c.id, "x"}.basic()), 401, "invalid_client"},
		{"a client's name alone, exchange", x("subject_token", pat, "subject_token_type", typeAccess, "client_id", c.id), 401, "invalid_client"},
	} {
		r := s.post("/oauth2/token", e.pairs...)
		wantRefusal(t, e.name, r, e.status, e.code)
		for i, sent := range e.pairs {
			if i > 0 && (strings.Contains(sent, "kw_") || strings.Contains(sent, "nope") || len(sent) > 100) && strings.Contains(r.body, sent) {
				t.Errorf("%s: the answer repeats %q: %s", e.name, sent, r.body)
			}
		}
	}
	for _, secret := range []string{c.secret, access, refresh, pat} {
		if strings.Contains(s.log.String(), secret) {
			t.Error("a secret is in the log")
		}
	}
	// None of this has used up or ended anything.
	if r := s.post("/oauth2/token", "grant_type", "refresh_token", "refresh_token", refresh); r.status != http.StatusOK {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestAnAppGetsAnAccessTokenWithTheScopesItAsksFor(t *testing.T) {
	s := newSite(t)
	c := s.app("standard", "odata:read", "orders:read", token.ScopeIntrospect)
	for asked, want := range map[string]string{
		"":                        "odata:read orders:read keywright:introspect",
		"odata:read":              "odata:read",
		"orders:read odata:read":  "odata:read orders:read",
		" odata:read  odata:read": "odata:read",
	} {
		r := s.post("/oauth2/token", c.basic(), "grant_type", "client_credentials", "scope", asked)
		if r.status != http.StatusOK || r.text("scope") != want || r.text("token_type") != "Bearer" || r.json()["expires_in"] != 3600.0 {
			t.Errorf("%q: %d %s", asked, r.status, r.body)
		}
		if _, has := r.json()["refresh_token"]; has {
			t.Error("RFC 6749 section 4.4.3: a refresh token should not be included")
		}
		if r.header.Get("Cache-Control") != "no-store" || r.header.Get("Pragma") != "no-cache" || r.header.Get("Content-Type") != "application/json" {
			t.Errorf("RFC 6749 section 5.1: %v", r.header)
		}
		d, err := s.Checks.Check(t.Context(), r.text("access_token"), verify.Ask{Workspace: "standard"})
		if err != nil || d.ScopesText() != want || d.OwnerID() != c.id {
			t.Errorf("%q: a check says %q, %v", asked, d.ScopesText(), err)
		}
	}
}

func TestARefreshTokenIsReplacedAndARepeatedOneEndsTheFamily(t *testing.T) {
	s := newSite(t)
	_, access, first := s.oauthToken("standard")
	refresh := func(secret string, pairs ...string) reply {
		return s.post("/oauth2/token", append(pairs, "grant_type", "refresh_token", "refresh_token", secret)...)
	}
	r := refresh(first)
	second := r.text("refresh_token")
	if r.status != http.StatusOK || second == "" || second == first {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if again := refresh(first, "client_id", token.UserClient); again.status != http.StatusOK || again.text("refresh_token") != second {
		t.Errorf("a lost answer is not given again: %d %s", again.status, again.body)
	}
	narrow := refresh(second, client{token.UserClient, ""}.basic(), "scope", "odata:read")
	if narrow.status != http.StatusOK || narrow.text("scope") != "odata:read" {
		t.Errorf("narrowed: %d %s", narrow.status, narrow.body)
	}
	wantRefusal(t, "one that was replaced", refresh(first), http.StatusBadRequest, "invalid_grant")
	wantRefusal(t, "its successor, after that", refresh(narrow.text("refresh_token")), http.StatusBadRequest, "invalid_grant")
	for name, at := range map[string]string{"first": access, "second": r.text("access_token"), "third": narrow.text("access_token")} {
		if _, err := s.Checks.Check(t.Context(), at, verify.Ask{}); err == nil {
			t.Errorf("the %s access token is still good", name)
		}
	}
}

func TestAReusableRefreshTokenStaysAndIsNotRepeated(t *testing.T) {
	s := newSite(t)
	_, _, refresh := s.oauthToken("oauth-tokens")
	for range 3 {
		r := s.post("/oauth2/token", "grant_type", "refresh_token", "refresh_token", refresh)
		if _, has := r.json()["refresh_token"]; r.status != http.StatusOK || has || r.text("access_token") == "" {
			t.Errorf("%d %s", r.status, r.body)
		}
		s.Clock.Advance(time.Hour)
	}
}

func TestATokenIsExchangedForANarrowerOne(t *testing.T) {
	s := newSite(t)
	c := s.app("standard", "odata:read", "orders:read")
	_, pat := s.pat("ci", 90, "odata:read", "orders:read")
	const target = "https://orders.example/v1"
	r := s.post("/oauth2/token", "grant_type", exchange, "subject_token", pat, "subject_token_type", typeAccess, "scope", "orders:read", "audience", target)
	if r.status != http.StatusOK || r.text("issued_token_type") != typeAccess || r.text("token_type") != "Bearer" || r.text("scope") != "orders:read" {
		t.Fatalf("%d %s", r.status, r.body)
	}
	jwt := r.text("access_token")
	claims, err := offline(s.get("/w/standard/jwks.json").body, jwt, "at+jwt", target, s.Clock.Now())
	if err != nil || claims["scope"] != "orders:read" || claims["aud"] != target || claims["client_id"] != token.UserClient {
		t.Errorf("%v %v", claims, err)
	}
	// Once more, by a client, as a JWT, and no wider.
	again := func(pairs ...string) reply {
		return s.post("/oauth2/token", append(pairs, "grant_type", exchange, "subject_token", jwt, "subject_token_type", "urn:ietf:params:oauth:token-type:jwt", "resource", target)...)
	}
	r = again(c.basic(), "requested_token_type", "urn:ietf:params:oauth:token-type:jwt")
	if r.status != http.StatusOK || r.text("issued_token_type") != "urn:ietf:params:oauth:token-type:jwt" || r.text("scope") != "orders:read" {
		t.Errorf("%d %s", r.status, r.body)
	}
	if got, _ := opened(t, r.text("access_token"))["claims"].(map[string]any); got["client_id"] != c.id {
		t.Errorf("the client that asked is not named: %v", got)
	}
	wantRefusal(t, "wider", again("scope", "odata:read"), http.StatusBadRequest, "invalid_scope")
}

func TestIntrospectionIsForAppsThatMayAsk(t *testing.T) {
	s := newSite(t)
	asker := s.app("standard", "odata:read", token.ScopeIntrospect)
	other := s.app("standard", "odata:read")
	_, pat := s.pat("ci", 90, "odata:read")
	bearer := "Authorization: Bearer " + s.access(asker)
	for name, pairs := range map[string][]string{
		"client_secret_basic":          {asker.basic()},
		"client_secret_post":           {"client_id", asker.id, "client_secret", asker.secret},
		"an access token":              {bearer},
		"an access token, in any case": {"Authorization: bEARER  " + s.access(asker, "scope", token.ScopeIntrospect)},
		"the wrong hint":               {asker.basic(), "token_type_hint", "refresh_token"},
		"an unknown hint":              {asker.basic(), "token_type_hint", "nonsense"},
	} {
		r := s.post("/oauth2/introspect", append(pairs, "token", pat)...)
		if r.status != http.StatusOK || r.json()["active"] != true || r.text("scope") != "odata:read" {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
		if r.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", name, r.header)
		}
	}
	for name, x := range map[string]struct {
		pairs     []string
		status    int
		code      string
		challenge string
	}{
		"nobody":                   {nil, 401, "invalid_client", `Basic realm="Keywright", charset="UTF-8"`},
		"a wrong secret":           {[]string{client{asker.id, "x"}.basic()}, 401, "invalid_client", `Basic realm="Keywright", charset="UTF-8"`},
		"the public client":        {[]string{"client_id", token.UserClient}, 401, "invalid_client", `Basic realm="Keywright", charset="UTF-8"`},
		"an app without the scope": {[]string{other.basic()}, 400, "unauthorized_client", ""},
		"its access token":         {[]string{"Authorization: Bearer " + s.access(other)}, 403, "insufficient_scope", `Bearer realm="Keywright", error="insufficient_scope", scope="keywright:introspect"`},
		"a narrowed access token":  {[]string{"Authorization: Bearer " + s.access(asker, "scope", "odata:read")}, 403, "insufficient_scope", `Bearer realm="Keywright", error="insufficient_scope", scope="keywright:introspect"`},
		"a personal access token":  {[]string{"Authorization: Bearer " + pat}, 403, "insufficient_scope", `Bearer realm="Keywright", error="insufficient_scope", scope="keywright:introspect"`},
		"a bearer that is unknown": {[]string{"Authorization: Bearer x"}, 401, "invalid_token", `Bearer realm="Keywright", error="invalid_token"`},
		"a bearer for another API": {[]string{"Authorization: Bearer " + s.access(asker, "resource", "https://orders.example")}, 401, "invalid_token", `Bearer realm="Keywright", error="invalid_token"`},
		"a bearer and a secret":    {[]string{bearer, "client_id", asker.id, "client_secret", asker.secret}, 400, "invalid_request", ""},
		"two bearers":              {[]string{bearer, bearer}, 400, "invalid_request", ""},
	} {
		r := s.post("/oauth2/introspect", append(x.pairs, "token", pat)...)
		wantRefusal(t, name, r, x.status, x.code)
		if got := r.header.Get("WWW-Authenticate"); got != x.challenge {
			t.Errorf("%s: challenge %q", name, got)
		}
	}
	wantRefusal(t, "no token", s.post("/oauth2/introspect", asker.basic()), http.StatusBadRequest, "invalid_request")
}

func TestIntrospectionSaysNothingOfWhatIsNotGood(t *testing.T) {
	s := newSite(t)
	asker := s.app("standard", "odata:read", token.ScopeIntrospect)
	foreigner := s.app("apps-and-tokens", "odata:read", token.ScopeIntrospect)
	by := s.recent(testkit.Admin)
	id, revoked := s.pat("revoked", 90, "odata:read")
	if _, err := s.RevokeToken(t.Context(), by, "standard", id, "leaked"); err != nil {
		t.Fatal(err)
	}
	_, expired := s.pat("short", 1, "odata:read")
	old := s.access(asker)
	s.Clock.Advance(25 * time.Hour)
	oat, disabledAccess, disabledRefresh := s.oauthToken("standard")
	if _, err := s.DisableOAuthToken(t.Context(), by, "standard", oat); err != nil {
		t.Fatal(err)
	}
	_, _, replaced := s.oauthToken("standard")
	if r := s.post("/oauth2/token", "grant_type", "refresh_token", "refresh_token", replaced); r.status != http.StatusOK {
		t.Fatal(r.body)
	}
	_, good := s.pat("good", 90, "odata:read")
	goodAccess := s.access(asker)
	const inactive = "{\"active\":false}\n"
	for name, presented := range map[string]string{
		"unknown": s.Format.New(token.KindPAT).Reveal(), "text": "x", "revoked": revoked, "expired": expired, "an expired access token": old,
		"a disabled access token": disabledAccess, "a disabled refresh token": disabledRefresh, "a replaced refresh token": replaced,
		"a tampered access token": goodAccess[:len(goodAccess)-2] + "AA", "one that is long": strings.Repeat("a", token.MaxPresented),
		"of another workspace": foreigner.secret, "an access token of another workspace": s.access(foreigner),
	} {
		if r := s.post("/oauth2/introspect", asker.basic(), "token", presented); r.status != http.StatusOK || r.body != inactive {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	for name, presented := range map[string]string{"a token": good, "an access token": goodAccess, "a secret": asker.secret} {
		if r := s.post("/oauth2/introspect", foreigner.basic(), "token", presented); r.status != http.StatusOK || r.body != inactive {
			t.Errorf("%s, asked from another workspace: %d %s", name, r.status, r.body)
		}
		if s.introspected(asker, presented)["active"] != true {
			t.Errorf("%s is not active at home", name)
		}
	}
}

// TestARefreshTokenIsNotTakenForAnAccessToken holds what protects a server that looks at active alone least:
// none of the scopes that it needs are there.
func TestARefreshTokenIsNotTakenForAnAccessToken(t *testing.T) {
	s := newSite(t)
	asker := s.app("standard", token.ScopeIntrospect)
	_, _, refresh := s.oauthToken("standard")
	said := s.introspected(asker, refresh)
	if said["active"] != true || said["token_use"] != "refresh_token" || said["client_id"] != token.UserClient {
		t.Errorf("%v", said)
	}
	for _, member := range []string{"scope", "token_type", "aud"} {
		if _, has := said[member]; has {
			t.Errorf("it has %s: %v", member, said)
		}
	}
}

func TestASignedIntrospectionIsForTheOneWhoAsked(t *testing.T) {
	s := newSite(t)
	asker := s.app("standard", "odata:read", token.ScopeIntrospect)
	_, pat := s.pat("ci", 90, "odata:read")
	jwks := s.get("/w/standard/jwks.json").body
	for presented, active := range map[string]bool{pat: true, "unknown": false} {
		r := s.post("/oauth2/introspect", asker.basic(), "Accept: application/token-introspection+jwt", "token", presented)
		if r.status != http.StatusOK || r.header.Get("Content-Type") != "application/token-introspection+jwt" || r.header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %v %s", r.status, r.header, r.body)
		}
		claims, err := offline(jwks, r.body, "token-introspection+jwt", asker.id, s.Clock.Now())
		said, _ := claims["token_introspection"].(map[string]any)
		if err != nil || said["active"] != active || claims["iss"] != issuer || claims["iat"] == nil {
			t.Errorf("%v: %v", claims, err)
		}
		if !active && len(said) != 1 {
			t.Errorf("it says more: %v", said)
		}
		// RFC 9701 section 5: nothing at the top that would let it pass for an access token.
		for _, member := range []string{"sub", "exp", "scope", "client_id"} {
			if _, has := claims[member]; has {
				t.Errorf("it has %s: %v", member, claims)
			}
		}
		if _, err := s.Checks.Check(t.Context(), r.body, verify.Ask{}); err == nil {
			t.Error("it is good as an access token")
		}
	}
	r := s.post("/oauth2/introspect", "Accept: application/token-introspection+jwt", "token", pat)
	wantRefusal(t, "an error stays JSON", r, http.StatusUnauthorized, "invalid_client")
}

func TestWhoHoldsATokenCanRevokeIt(t *testing.T) {
	s := newSite(t)
	c := s.app("standard", "odata:read")
	good := func(secret string) bool {
		_, err := s.Checks.Check(t.Context(), secret, verify.Ask{})
		return err == nil
	}
	revoke := func(pairs ...string) {
		t.Helper()
		r := s.post("/oauth2/revoke", pairs...)
		if r.status != http.StatusOK || r.body != "" || r.header.Get("Cache-Control") != "no-store" || r.header.Get("Pragma") != "no-cache" {
			t.Errorf("%d %q %v", r.status, r.body, r.header)
		}
	}
	id, pat := s.pat("ci", 90, "odata:read")
	revoke("token", pat)
	row, err := s.Token(t.Context(), s.recent(testkit.Dev), "standard", id)
	if good(pat) || err != nil || row.StatusAt(s.Clock.Now()) != token.Revoked {
		t.Errorf("the personal access token: %v %v", row, err)
	}
	one, two := s.access(c), s.access(c)
	revoke(c.basic(), "token", one, "token_type_hint", "access_token")
	if good(one) || !good(two) {
		t.Error("an access token ends alone")
	}
	_, access, refresh := s.oauthToken("standard")
	revoke("token", refresh, "client_id", token.UserClient, "token_type_hint", "access_token")
	if good(access) {
		t.Error("the access token of a revoked refresh token is good")
	}
	wantRefusal(t, "the refresh token", s.post("/oauth2/token", "grant_type", "refresh_token", "refresh_token", refresh), http.StatusBadRequest, "invalid_grant")
	// What is unknown, foreign or has ended already is no error, and is not told apart.
	for _, gone := range []string{pat, one, refresh, "x", s.Format.New(token.KindPAT).Reveal(), s.Format.New(token.KindRefresh).Reveal(), "a.b.c"} {
		revoke("token", gone, "token_type_hint", "nonsense")
	}
	wantRefusal(t, "a client secret", s.post("/oauth2/revoke", "token", c.secret), http.StatusBadRequest, "unsupported_token_type")
	wantRefusal(t, "no token", s.post("/oauth2/revoke"), http.StatusBadRequest, "invalid_request")
	_, kept := s.pat("kept", 90, "odata:read")
	wantRefusal(t, "a client that is none", s.post("/oauth2/revoke", client{c.id, "x"}.basic(), "token", kept), http.StatusUnauthorized, "invalid_client")
	wantRefusal(t, "a client's name alone", s.post("/oauth2/revoke", "client_id", c.id, "token", kept), http.StatusUnauthorized, "invalid_client")
	if !good(kept) {
		t.Error("a request that was refused has revoked")
	}
}

func TestOtherAddressesBelowTheEndpointsAreNotFound(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{
		"/oauth2/", "/oauth2/authorize", "/oauth2/token/", "/oauth2/token/x", "/w/", "/w/standard", "/w/standard/", "/w/standard/jwks.json/", "/w//jwks.json", "/w/a/b/jwks.json",
		"/.well-known/oauth-authorization-server/w/", "/.well-known/oauth-authorization-server/w/standard/", "/.well-known/oauth-protected-resource/", "/.well-known/oauth-protected-resource/api/v1",
		"/.well-known/oauth-protected-resource/odata/standard", "/.well-known/oauth-protected-resource/odata/standard/keywright//", "/.well-known/oauth-protected-resource/odata//keywright",
	} {
		r := s.get(path)
		if r.status != http.StatusNotFound || r.text("error") != "not_found" {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
}
