package gateway_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/gateway"
)

// ask sends a subrequest as a gateway would.
func (s *site) ask(method, target string, header http.Header) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequest(method, "http://keywright.test"+target, nil)
	for name, values := range header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	w := httptest.NewRecorder()
	s.gate.ServeHTTP(w, r)
	return w
}

func bearer(secret string) http.Header {
	return http.Header{"Authorization": {"Bearer " + secret}}
}

func TestAGoodCredentialIsAnsweredWithWhoItIs(t *testing.T) {
	s := newSite(t)
	id, secret := s.token("standard", "ci", 90, "odata:read", "files/a+b:write")
	for _, target := range []string{
		"/verify?workspace=standard",
		"/verify?workspace=standard&scope=odata:read",
		"/verify?workspace=standard&scope=odata%3Aread%20files%2Fa%2Bb%3Awrite",
		"/verify?scope=odata:read+odata:read&workspace=standard&throttle=401&challenge=bearer",
		"/verify/standard/-",
		"/verify/standard/odata:read",
		"/verify/standard/odata:read/",
		"/verify/standard/odata:read+files%2Fa%2Bb:write/any/../thing//at%2Fall?access_token=of-the-service&a=1&a=2",
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "DELETE", "PROPFIND"} {
			w := s.ask(method, target, bearer(secret))
			if w.Code != http.StatusOK {
				t.Fatalf("%s %s: %d %s", method, target, w.Code, w.Body)
			}
			for name, want := range map[string]string{
				"X-Keywright-Subject": s.by.User.ID, "X-Keywright-Workspace": "standard", "X-Keywright-Scopes": "odata:read files/a+b:write",
				"X-Keywright-Token-Id": id, "X-Keywright-Kind": "pat", "X-Keywright-Expires": "2027-05-30T12:00:00Z", "Cache-Control": "no-store",
			} {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if w.Body.Len() > 0 {
				t.Errorf("a body: %q", w.Body)
			}
		}
	}
}

func TestEveryWayOfSendingACredential(t *testing.T) {
	s := newSite(t)
	_, secret := s.token("standard", "ci", 90, "odata:read")
	basic := func(user, password string) string {
		r := httptest.NewRequest("GET", "/", nil)
		r.SetBasicAuth(user, password)
		return r.Header.Get("Authorization")
	}
	for _, c := range []struct {
		name string
		auth []string
		want int
	}{
		{"RFC 6750 2.1", []string{"Bearer " + secret}, 200},
		{"scheme in any case", []string{"bEARER " + secret}, 200},
		{"several spaces", []string{"Bearer   " + secret + " "}, 200},
		{"Basic, password", []string{basic("anyone", secret)}, 200},
		{"Basic, password, empty user", []string{basic("", secret)}, 200},
		{"Basic, user", []string{basic(secret, "")}, 200},
		{"Basic in any case", []string{"bASIC" + strings.TrimPrefix(basic("x", secret), "Basic")}, 200},
		{"Basic, user, but a password too", []string{basic(secret, "x")}, 401},
		{"twice", []string{"Bearer " + secret, "Bearer " + secret}, 401},
		{"none", nil, 401},
		{"empty", []string{""}, 401},
		{"empty Bearer", []string{"Bearer "}, 401},
		{"no scheme", []string{secret}, 401},
		{"another scheme", []string{"Digest " + secret}, 401},
		{"Basic that is not base64", []string{"Basic %%%"}, 401},
		{"Basic without a colon", []string{"Basic " + "YWJj"}, 401},
		{"one character changed", []string{"Bearer " + secret[:len(secret)-1] + "!"}, 401},
		{"with something behind", []string{"Bearer " + secret + "x"}, 401},
		{"a hostile one", []string{"Bearer kw_pat_" + strings.Repeat("\xff'\";--", 30)}, 401},
		{"a long one", []string{"Bearer " + strings.Repeat("A", 100_000)}, 401},
	} {
		w := s.ask("GET", "/verify?workspace=standard&scope=odata:read", http.Header{"Authorization": c.auth})
		if w.Code != c.want {
			t.Errorf("%s: %d, want %d (%s)", c.name, w.Code, c.want, w.Body)
		}
	}
}

func TestAQuestionThatCannotBeReadIsRefusedAlsoWithAGoodCredential(t *testing.T) {
	s := newSite(t)
	_, secret := s.token("standard", "ci", 90, "odata:read")
	for _, target := range []string{
		"/verify", "/verify?", "/verify?scope=odata:read", "/verify?workspace=",
		"/verify?workspace=standard&workspace=standard", "/verify?workspace=standard&scope=odata:read&scope=odata:read",
		"/verify?workspace=standard&access_token=" + secret, "/verify?workspace=standard&token=x", "/verify?workspace=standard&scope=a%22b",
		"/verify?workspace=standard&scope=%00", "/verify?workspace=standard;scope=x", "/verify?workspace=%zz", "/verify?workspace=standard&throttle=429",
		"/verify?workspace=standard&challenge=digest", "/verify?/standard/odata:read", "/verify?/standard/-",
		"/verify/", "/verify/standard", "/verify/standard/", "/verify//-", "/verify/standard/+", "/verify/standard/a++b", "/verify/standard/%00",
	} {
		// The path form is remembered, and must not answer for the query form.
		_ = s.ask("GET", "/verify/standard/-", bearer(secret))
		w := s.ask("GET", target, bearer(secret))
		if w.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d", target, w.Code)
		}
		if got := w.Header().Get("WWW-Authenticate"); got != `Bearer realm="Keywright", error="invalid_request"` {
			t.Errorf("%s: challenge %s", target, got)
		}
		if strings.Contains(w.Body.String(), secret) {
			t.Errorf("%s: the answer repeats the secret", target)
		}
	}
}

func TestRefusalsOfRFC6750TellNoMoreThanTheyMust(t *testing.T) {
	s := newSite(t)
	_, narrow := s.token("standard", "narrow", 90, "files/a+b:write")
	dead := s.dead()
	w := s.ask("GET", "/verify?workspace=standard", nil)
	if got := w.Header().Get("WWW-Authenticate"); w.Code != 401 || got != `Bearer realm="Keywright"` {
		t.Errorf("RFC 6750 section 3.1, nothing presented: %d %s", w.Code, got)
	}
	first := ""
	for what, secret := range dead {
		w := s.ask("GET", "/verify?workspace=standard&scope=odata:read", bearer(secret))
		if got := w.Header().Get("WWW-Authenticate"); w.Code != 401 || got != `Bearer realm="Keywright", error="invalid_token"` {
			t.Errorf("%s: %d %s", what, w.Code, got)
		}
		if first == "" {
			first = w.Body.String()
		}
		if w.Body.String() != first {
			t.Errorf("%s is told apart: %s", what, w.Body)
		}
	}
	w = s.ask("GET", "/verify?workspace=standard&scope=odata:read%20files%2Fa%2Bb:write", bearer(narrow))
	if got := w.Header().Get("WWW-Authenticate"); w.Code != 403 || got != `Bearer realm="Keywright", error="insufficient_scope", scope="odata:read"` {
		t.Errorf("missing scope: %d %s", w.Code, got)
	}
	w = s.ask("GET", "/verify?workspace=standard&challenge=basic", nil)
	if got := w.Header()["Www-Authenticate"]; w.Code != 401 || len(got) != 1 || got[0] != `Basic realm="Keywright", charset="UTF-8"` {
		t.Errorf("RFC 7617: %d %q", w.Code, got)
	}
	var body struct {
		Status       int
		Code, Detail string
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Status != 401 || body.Code != "credential_required" || body.Detail == "" {
		t.Errorf("body %s: %v", w.Body, err)
	}
	if w.Header().Get("Cache-Control") != "no-store" {
		t.Error("a refusal may be cached")
	}
}

func TestUnknownCredentialsAreThrottledByAddressAndGoodOnesNever(t *testing.T) {
	s := newSite(t)
	_, good := s.token("standard", "ci", 90, "odata:read")
	dead := s.dead()["never issued"]
	target := "/verify?workspace=standard"
	for i := range 100 {
		if w := s.ask("GET", target, bearer(dead)); w.Code != 401 {
			t.Fatalf("unknown credential %d within the minute: %d", i+1, w.Code)
		}
	}
	w := s.ask("GET", target, bearer(dead))
	for range 20 {
		if w.Code == 429 {
			break
		}
		w = s.ask("GET", target, bearer(dead))
	}
	if w.Code != 429 || w.Header().Get("Retry-After") == "" {
		t.Fatalf("after more than 100 a minute: %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	if w := s.ask("GET", target+"&throttle=401", bearer(dead)); w.Code != 401 || w.Header().Get("Retry-After") == "" {
		t.Errorf("for nginx: %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	if w := s.ask("GET", target, bearer(good)); w.Code != 200 {
		t.Errorf("a good credential from the same address: %d", w.Code)
	}
	s.clock.Advance(2 * time.Minute)
	if w := s.ask("GET", target, bearer(dead)); w.Code != 401 {
		t.Errorf("after two minutes: %d", w.Code)
	}
}

func FuzzNoQuestionAndNoCredentialGetsThrough(f *testing.F) {
	for _, seed := range [][2]string{
		{"?workspace=standard&scope=odata:read", "Bearer kw_pat_0000000000000000000000000000001iPMr3"},
		{"/standard/odata:read+x/y", "Basic Og=="},
		{"?%zz", "Bearer "},
		{"/%2f/%00", "basic a"},
		{"?/standard/-", "\xff"},
	} {
		f.Add(seed[0], seed[1])
	}
	gate := gateway.New(gateway.Config{
		Checks:  emptyChecks(f),
		Address: func(*http.Request) (netip.Addr, bool) { return netip.AddrFrom4([4]byte{127, 0, 0, 1}), false },
	})
	f.Fuzz(func(t *testing.T, rest, auth string) {
		r, err := http.NewRequest(http.MethodGet, "http://keywright.test/verify"+rest, nil)
		if err != nil || !strings.HasPrefix(r.URL.Path, "/verify") {
			return
		}
		r.Header["Authorization"] = []string{auth}
		r.RemoteAddr = "127.0.0.1:1"
		w := httptest.NewRecorder()
		gate.ServeHTTP(w, r)
		switch w.Code {
		case 401, 403, 429:
		default:
			t.Fatalf("%q with %q: %d", rest, auth, w.Code)
		}
	})
}
