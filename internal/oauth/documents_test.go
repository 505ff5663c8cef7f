package oauth_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// TestTheMetadataSaysWhatIsThere follows every address that the metadata names, and asks for every grant.
func TestTheMetadataSaysWhatIsThere(t *testing.T) {
	s := newSite(t)
	for _, p := range token.Presets() {
		ws := string(p.Name)
		issuer := "https://" + host + "/w/" + ws
		r := s.get("/.well-known/oauth-authorization-server/w/" + ws)
		m := r.json()
		if r.status != http.StatusOK || m["issuer"] != issuer {
			t.Fatalf("RFC 8414 section 3.3: %d %v", r.status, m["issuer"])
		}
		for _, other := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
			if same := s.get("/w/" + ws + other); same.body != r.body {
				t.Errorf("%s is another document", other)
			}
		}
		for _, name := range []string{"token_endpoint", "introspection_endpoint", "revocation_endpoint"} {
			if got := s.post(pathOf(t, r.text(name))); got.status == http.StatusNotFound || got.status == http.StatusOK {
				t.Errorf("%s: %s: %d", ws, name, got.status)
			}
		}
		if keys := s.get(pathOf(t, r.text("jwks_uri"))); keys.status != http.StatusOK || !strings.Contains(keys.body, `"kid"`) {
			t.Errorf("%s: %d %s", ws, keys.status, keys.body)
		}
		if _, has := m["authorization_endpoint"]; has {
			t.Error("there is no authorization endpoint")
		}
		policy, _ := p.Name.Policy()
		want := []string{}
		if policy.Apps.Offered {
			want = append(want, "client_credentials")
		}
		if policy.OAuthTokens.Offered {
			want = append(want, "refresh_token")
		}
		if got := texts(m["grant_types_supported"]); !slices.Equal(got, append(want, exchange)) {
			t.Errorf("%s: grants %q", ws, got)
		}
		for _, scope := range texts(m["scopes_supported"]) {
			if token.IsReserved(scope) {
				t.Errorf("%s: nobody can ask for %s", ws, scope)
			}
		}
		for _, resource := range texts(m["protected_resources"]) {
			u := pathOf(t, resource)
			d := s.get("/.well-known/oauth-protected-resource" + u)
			if d.status != http.StatusOK || d.text("resource") != resource || !slices.Equal(texts(d.json()["authorization_servers"]), []string{issuer}) {
				t.Errorf("RFC 9728 section 3.3: %s: %d %s", resource, d.status, d.body)
			}
		}
	}
}

func pathOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || u.Host != host || u.Scheme != "https" {
		t.Errorf("%q is no address here: %v", address, err)
		return ""
	}
	return u.Path
}

func texts(v any) (out []string) {
	list, _ := v.([]any)
	for _, e := range list {
		s, _ := e.(string)
		out = append(out, s)
	}
	return out
}

func TestTheMetadataFollowsThePolicy(t *testing.T) {
	s := newSite(t)
	by := s.recent(testkit.Admin)
	policy, _ := token.Standard.Policy()
	policy.Apps.Offered, policy.OAuthTokens.Offered = false, false
	policy.Signing.Algorithm = token.EdDSA
	if _, err := s.SetPolicy(t.Context(), by, "standard", policy); err != nil {
		t.Fatal(err)
	}
	m := s.get("/.well-known/oauth-authorization-server/w/standard").json()
	if got := texts(m["grant_types_supported"]); !slices.Equal(got, []string{exchange}) {
		t.Errorf("grants %q", got)
	}
	if got := texts(m["introspection_signing_alg_values_supported"]); !slices.Equal(got, []string{"EdDSA"}) {
		t.Errorf("signed with %q", got)
	}
}

func TestAFeedIsNamedAsItIsAskedFor(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/odata/standard/keywright", "/odata/standard/keywright/"} {
		r := s.get("/.well-known/oauth-protected-resource" + path)
		if r.status != http.StatusOK || r.text("resource") != "https://"+host+path {
			t.Errorf("RFC 9728 section 3.3: %s: %d %s", path, r.status, r.body)
		}
	}
}

func TestDocumentsAreForEverybodyAndKeptForAWhile(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{
		"/w/standard/jwks.json", "/w/standard/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/w/standard",
		"/.well-known/oauth-protected-resource/api/v1/workspaces/standard", "/.well-known/oauth-protected-resource/odata/standard/keywright",
	} {
		r := s.get(path)
		if r.status != http.StatusOK || r.header.Get("Cache-Control") != "public, max-age=300" || r.header.Get("Access-Control-Allow-Origin") != "*" ||
			r.header.Get("Content-Type") != "application/json" || r.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %v", path, r.status, r.header)
		}
		if head := s.do(httptest.NewRequest(http.MethodHead, "https://"+host+path, nil)); head.status != http.StatusOK {
			t.Errorf("HEAD %s: %d", path, head.status)
		}
		for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
			r := s.do(httptest.NewRequest(method, "https://"+host+path, nil))
			if r.status != http.StatusMethodNotAllowed || r.header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %d %v", method, path, r.status, r.header)
			}
		}
		unknown := s.get(strings.Replace(path, "standard", "nowhere", 1))
		if unknown.status != http.StatusNotFound || unknown.header.Get("Cache-Control") != "no-store" || strings.Contains(unknown.body, "nowhere") {
			t.Errorf("%s of no workspace: %d %v %s", path, unknown.status, unknown.header, unknown.body)
		}
		wrong := s.get(strings.Replace(path, "standard", "ST%22AN%00D", 1))
		if wrong.body != unknown.body || wrong.status != http.StatusNotFound {
			t.Errorf("%s of what can be no workspace: %d %s", path, wrong.status, wrong.body)
		}
	}
}

func TestARemovedWorkspacePublishesNothing(t *testing.T) {
	s := newSite(t)
	if r := s.get("/w/crm-tokens/jwks.json"); r.status != http.StatusOK {
		t.Fatal(r.status)
	}
	if err := s.DeleteWorkspace(t.Context(), s.recent(testkit.Admin), "crm-tokens"); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/w/crm-tokens/jwks.json", "/.well-known/oauth-authorization-server/w/crm-tokens"} {
		if r := s.get(path); r.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, r.status)
		}
	}
}
