package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/keywright/keywright/internal/gateway"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
	"github.com/keywright/keywright/internal/web"
)

func TestWhenTheCheckCannotBeMadeTheAnswerIs503WithRetryAfterAndNobodysIdentity(t *testing.T) {
	for why, fail := range map[string]func(*testkit.Installation) error{
		"the database is closed": func(in *testkit.Installation) error { return in.Store.Close() },
		"the checks are stopped": func(in *testkit.Installation) error { in.Checks.Stop(); return nil },
	} {
		t.Run(why, func(t *testing.T) {
			in := testkit.InstalledSQLite(t)
			gate := gateway.New(gateway.Config{Checks: in.Checks, Address: func(*http.Request) (netip.Addr, bool) { return netip.Addr{}, false }})
			s := &site{t: t, gate: gate, rules: in.Authority, by: in.People[testkit.Admin], clock: in.Clock}
			_, secret := s.token("standard", "ci", 90, "odata:read") // good, and not in memory yet
			if err := fail(in); err != nil {
				t.Fatal(err)
			}
			for _, target := range []string{"?workspace=standard", "?workspace=standard&scope=odata:read&challenge=basic&throttle=401", "/standard/-"} {
				w := s.ask("GET", "/verify"+target, bearer(secret))
				if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || w.Header().Get("Cache-Control") != "no-store" {
					t.Errorf("%s: %d %v", target, w.Code, w.Header())
				}
				if !strings.Contains(w.Body.String(), "temporarily_unavailable") {
					t.Errorf("%s: %s", target, w.Body)
				}
				wantNobody(t, w)
			}
		})
	}
}

// wantNobody expects an answer that says nothing of who asked.
func wantNobody(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	for name := range w.Header() {
		if strings.HasPrefix(name, "X-Keywright-") {
			t.Errorf("a refusal has the header %s", name)
		}
	}
}

func TestABasicChallengeIsOnlyForWhomNoCredentialOfTheirsIsGood(t *testing.T) {
	s := newSite(t)
	_, narrow := s.token("standard", "narrow", 90, "files/a+b:write")
	target := "/verify?workspace=standard&scope=odata:read&challenge=basic"
	w := s.ask("GET", target, bearer(narrow))
	want := `Bearer realm="Keywright", error="insufficient_scope", scope="odata:read"`
	if got := w.Header()["Www-Authenticate"]; w.Code != http.StatusForbidden || len(got) != 1 || got[0] != want {
		t.Errorf("a missing scope must not ask for another password: %d %q", w.Code, got)
	}
	wantNobody(t, w)
	w = s.ask("GET", target, bearer("kw_pat_not-a-token"))
	if got := w.Header()["Www-Authenticate"]; w.Code != http.StatusUnauthorized || len(got) != 1 || got[0] != `Basic realm="Keywright", charset="UTF-8"` {
		t.Errorf("an unknown credential: %d %q", w.Code, got)
	}
}

func TestATrustedProxyThatNamesNoClientIsNotThrottledAndAClientItNamesIs(t *testing.T) {
	in := testkit.InstalledSQLite(t)
	kit := web.New(web.Config{
		Authority: in.Authority, PublicURL: &url.URL{Scheme: "https", Host: "keys.example.com"},
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, // httptest's requests come from there
	})
	checks := verify.New(verify.Config{Store: in.Store, Format: in.Format, Now: in.Clock.Now, Box: in.Box, Issuer: testkit.Issuer})
	s := &site{t: t, gate: gateway.New(gateway.Config{Checks: checks, Address: kit.Client})}
	header := bearer(in.Format.New(token.KindPAT).Reveal())
	for i := range 300 {
		if w := s.ask("GET", "/verify?workspace=standard", header); w.Code != http.StatusUnauthorized {
			t.Fatalf("unknown credential %d from the proxy itself: %d", i+1, w.Code)
		}
	}
	header.Set("X-Forwarded-For", "198.51.100.1")
	last := 0
	for range 300 {
		last = s.ask("GET", "/verify?workspace=standard", header).Code
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("300 unknown credentials from a client behind the proxy: %d", last)
	}
}
