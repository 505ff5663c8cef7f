package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/token"
)

func TestEachKindOfCredentialIsAnsweredWithWhoItIs(t *testing.T) {
	s := newSite(t)
	pat, patSecret := s.token("standard", "ci", 90, "odata:read")
	app, clientSecret := s.app()
	oauth, personal := s.oauth("cli")
	old := s.legacy("a token of long ago", false)
	for _, c := range []struct{ kind, presented, subject, id, expires string }{
		{"pat", patSecret, s.by.User.ID, pat, "2027-05-30T12:00:00Z"},
		{"at", s.access(app, clientSecret, ""), app, app, "2027-03-01T13:00:00Z"},
		{"at", personal, s.by.User.ID, oauth, "2027-03-01T13:00:00Z"},
		{"sec", clientSecret, app, app, "never"},
		{"legacy", "a token of long ago", s.by.User.ID, old, "2027-03-31T12:00:00Z"},
	} {
		for _, target := range []string{"/verify?workspace=standard&scope=odata:read", "/verify/standard/odata:read/anything"} {
			w := s.ask("GET", target, bearer(c.presented))
			if w.Code != http.StatusOK {
				t.Errorf("%s: %d %s", c.kind, w.Code, w.Body)
				continue
			}
			for name, want := range map[string]string{
				"X-Keywright-Kind": c.kind, "X-Keywright-Subject": c.subject, "X-Keywright-Token-Id": c.id, "X-Keywright-Expires": c.expires,
				"X-Keywright-Workspace": "standard", "Cache-Control": "no-store",
			} {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s: %s is %q, want %q", c.kind, name, got, want)
				}
			}
			if warned := w.Header().Get("Deprecation") != ""; warned != (c.kind == "legacy") {
				t.Errorf("%s: Deprecation is %q", c.kind, w.Header().Get("Deprecation"))
			}
		}
	}
	format, _ := token.NewFormat("kw")
	if w := s.ask("GET", "/verify?workspace=standard", bearer(format.New(token.KindRefresh).Reveal())); w.Code != http.StatusUnauthorized {
		t.Errorf("a refresh token: %d", w.Code)
	}
}

// RFC 9745 section 2.1, RFC 9745 section 3, RFC 8594 section 3.
func TestWhoUsesALegacyTokenIsToldWhenItStopsAndWhereANewOneIs(t *testing.T) {
	s := newSite(t)
	s.legacy("ends", false)
	s.legacy("ends never", true)
	s.clock.Advance(36 * time.Hour)
	for presented, want := range map[string]http.Header{
		"ends":       {"Deprecation": {"@1803902400"}, "Sunset": {"Wed, 31 Mar 2027 12:00:00 GMT"}, "Link": {`<https://keys.example.com/workspaces/standard/legacy-tokens>; rel="deprecation"; type="text/html"`}},
		"ends never": {"Deprecation": {"@1803902400"}, "Sunset": nil, "Link": {`<https://keys.example.com/workspaces/standard/legacy-tokens>; rel="deprecation"; type="text/html"`}},
	} {
		w := s.ask("GET", "/verify?workspace=standard", bearer(presented))
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d", presented, w.Code)
		}
		for name, values := range want {
			if got := w.Header()[name]; len(got) != len(values) || len(got) > 0 && got[0] != values[0] {
				t.Errorf("%s: %s is %q, want %q", presented, name, got, values)
			}
		}
	}
	for _, w := range []*httptest.ResponseRecorder{
		s.ask("GET", "/verify?workspace=standard&scope=files%2Fa%2Bb:write", bearer("ends")),
		s.ask("GET", "/verify?workspace=other", bearer("ends")),
	} {
		if w.Code == http.StatusOK || w.Header().Get("Deprecation")+w.Header().Get("Sunset")+w.Header().Get("Link") != "" {
			t.Errorf("a refusal: %d %v", w.Code, w.Header())
		}
		wantNobody(t, w)
	}
}

func TestAResourceIsAskedForInTheQueryAlone(t *testing.T) {
	s := newSite(t)
	app, secret := s.app()
	const api = "https://api.example/v1"
	whole, narrow := s.access(app, secret, ""), s.access(app, secret, api)
	for _, c := range []struct {
		target, presented string
		want              int
	}{
		{"?workspace=standard&audience=https%3A%2F%2Fapi.example%2Fv1", narrow, 200},
		{"?workspace=standard&audience=https://api.example/v1", narrow, 200},
		{"?workspace=standard&audience=https://api.example/v1", whole, 200},
		{"?workspace=standard&audience=https://api.example/v1", secret, 200},
		{"?workspace=standard&audience=https://api.example/", narrow, 401},
		{"?workspace=standard", narrow, 401},
		{"/standard/-", narrow, 401},
		{"/standard/-", whole, 200},
		{"?workspace=standard&audience=", whole, 401},
		{"?workspace=standard&audience=a&audience=a", whole, 401},
	} {
		if w := s.ask("GET", "/verify"+c.target, bearer(c.presented)); w.Code != c.want {
			t.Errorf("%s: %d, want %d", c.target, w.Code, c.want)
		}
	}
}

// headers is a ResponseWriter that costs nothing.
type headers http.Header

func (h headers) Header() http.Header         { return http.Header(h) }
func (h headers) Write(b []byte) (int, error) { return len(b), nil }
func (h headers) WriteHeader(int)             {}

func TestAGoodAnswerCostsTwoAllocationsWhateverTheKind(t *testing.T) {
	s := newSite(t)
	_, pat := s.token("standard", "ci", 90, "odata:read")
	app, secret := s.app()
	for kind, presented := range map[string]string{"pat": pat, "at": s.access(app, secret, ""), "sec": secret} {
		r := httptest.NewRequest("GET", "http://keywright.test/verify?workspace=standard&scope=odata:read", nil)
		r.Header.Set("Authorization", "Bearer "+presented)
		w := headers{}
		if n := testing.AllocsPerRun(200, func() {
			clear(w)
			s.gate.ServeHTTP(w, r)
		}); n > 2 {
			t.Errorf("%s: %v allocations", kind, n)
		}
	}
}
