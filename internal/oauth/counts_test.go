package oauth_test

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/keywright/keywright/internal/oauth"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/web"
)

func TestWhatIsDoneAndWhyItIsRefusedIsCounted(t *testing.T) {
	s := newSite(t)
	reg := prometheus.NewRegistry()
	log := slog.New(slog.NewTextHandler(s.log, nil))
	kit := web.New(web.Config{Authority: s.Authority, PublicURL: &url.URL{Scheme: "https", Host: host}, Log: log, Registerer: reg})
	s.service = oauth.New(oauth.Config{Kit: kit, Authority: s.Authority, Checks: s.Checks, Log: log, Registerer: reg})
	c := s.app("standard", "odata:read", token.ScopeIntrospect)
	_, pat := s.pat("ci", 90, "odata:read")
	for range 3 {
		s.access(c)
	}
	s.introspected(c, pat)
	s.introspected(c, "x")
	s.post("/oauth2/revoke", "token", pat)
	s.post("/oauth2/token", c.basic(), "grant_type", "client_credentials", "scope", "nope")
	for range 2 {
		s.post("/oauth2/token", client{c.id, "x"}.basic(), "grant_type", "client_credentials")
	}
	s.get("/oauth2/token")
	s.get("/w/standard/jwks.json")
	s.get("/w/secret-place/jwks.json")

	got := map[string]float64{}
	routes := map[string]bool{}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			switch f.GetName() {
			case "keywright_oauth_requests_total":
				got[labels["endpoint"]+" "+labels["result"]] = m.GetCounter().GetValue()
			case "keywright_http_requests_total":
				routes[labels["route"]] = true
			}
		}
	}
	for what, want := range map[string]float64{
		"token client_credentials": 3, "token refresh_token": 0, "introspect active": 1, "introspect inactive": 1, "revoke revoked": 1,
		"token invalid_scope": 1, "token invalid_client": 2, "token invalid_request": 1,
	} {
		if n, ok := got[what]; !ok || n != want {
			t.Errorf("%s: %v of %v", what, n, want)
		}
	}
	if len(routes) != 1 || !routes["/w/{ws}/jwks.json"] {
		t.Errorf("routes %v: a name out of an address must make no label", routes)
	}
}

func TestTheLogHasASampleOfRefusalsAndNoSecret(t *testing.T) {
	s := newSite(t)
	c := s.app("standard", "odata:read", token.ScopeIntrospect)
	wrong := s.Format.New(token.KindApp).Reveal()
	for range 50 {
		s.access(c)
		wantRefusal(t, "a wrong secret", s.post("/oauth2/token", client{c.id, wrong}.basic(), "grant_type", "client_credentials"), http.StatusUnauthorized, "invalid_client")
	}
	log := s.log.String()
	if n := strings.Count(log, "refused (a sample)"); n < 1 || n > 10 {
		t.Errorf("%d of 50 refusals were logged", n)
	}
	if !strings.Contains(log, "code=invalid_client") || !strings.Contains(log, "address=203.0.113.7") || !strings.Contains(log, "request_id=req_") {
		t.Errorf("the log does not say what it was: %s", log)
	}
	for _, secret := range []string{wrong, c.secret} {
		if strings.Contains(log, secret) {
			t.Error("a secret is in the log")
		}
	}
}
