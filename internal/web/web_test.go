package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
)

// newKit is a Kit without people: what needs them is tested with the surfaces.
func newKit(t testing.TB, public string, proxies ...string) (*Kit, *bytes.Buffer, *prometheus.Registry) {
	t.Helper()
	u, err := url.Parse(public)
	if err != nil {
		t.Fatal(err)
	}
	var trusted []netip.Prefix
	for _, p := range proxies {
		trusted = append(trusted, netip.MustParsePrefix(p))
	}
	var log bytes.Buffer
	reg := prometheus.NewRegistry()
	return New(Config{PublicURL: u, TrustedProxies: trusted, Log: slog.New(slog.NewJSONHandler(&log, nil)), Registerer: reg}), &log, reg
}

// answer runs one request through Handle.
func answer(k *Kit, h Func, r *http.Request) *httptest.ResponseRecorder {
	mux := http.NewServeMux()
	mux.Handle("/things/{id}", k.Handle("test", Problem, h))
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return w
}

func logLine(t *testing.T, log *bytes.Buffer) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(log.Bytes(), &m); err != nil {
		t.Fatalf("not one event: %s", log)
	}
	return m
}

func TestARequestHasAnIdAndOneEvent(t *testing.T) {
	k, log, reg := newKit(t, "http://127.0.0.1:8080")
	var inside string
	w := answer(k, func(w http.ResponseWriter, r *http.Request) error {
		inside = RequestID(r)
		Note(r, slog.Int("things", 3))
		Identified(r, token.Identity{User: token.Person{ID: "usr_1"}, Bearer: &token.Bearer{TokenID: "tok_1"}})
		_, err := w.Write([]byte("hello"))
		return err
	}, httptest.NewRequest("GET", "/things/secret-id?secret=query", nil))
	if id := w.Header().Get("X-Request-Id"); id == "" || id != inside {
		t.Errorf("X-Request-Id %q, inside %q", id, inside)
	}
	e := logLine(t, log)
	for name, want := range map[string]any{
		"surface": "test", "method": "GET", "route": "/things/{id}", "status": 200.0, "bytes": 5.0, "request_id": inside,
		"user_id": "usr_1", "token_id": "tok_1", "things": 3.0, "level": "INFO", "address": "192.0.2.1",
	} {
		if e[name] != want {
			t.Errorf("%s is %v, want %v", name, e[name], want)
		}
	}
	if strings.Contains(log.String(), "secret") {
		t.Errorf("the event tells the address: %s", log)
	}
	families, err := reg.Gather()
	if err != nil || len(families) != 2 {
		t.Fatalf("%v, %v", families, err)
	}
	if got := families[1].String(); !strings.Contains(got, `value:"/things/{id}"`) || !strings.Contains(got, `value:"2xx"`) {
		t.Errorf("metrics: %s", got)
	}
	again := answer(k, func(http.ResponseWriter, *http.Request) error { return nil }, httptest.NewRequest("GET", "/things/1", nil))
	if again.Code != 200 || again.Header().Get("X-Request-Id") == inside {
		t.Errorf("%d %q", again.Code, again.Header().Get("X-Request-Id"))
	}
}

func TestErrorsAreRenderedOnceAndInternalsStayInside(t *testing.T) {
	for _, c := range []struct {
		name   string
		h      Func
		status int
		code   api.Code
		logged string
		level  string
	}{
		{"refusal", func(http.ResponseWriter, *http.Request) error {
			return fault.New(fault.Conflict, api.CodeNameTaken, "Taken.").Because(errors.New("inner"))
		}, 409, api.CodeNameTaken, "", "WARN"},
		{"internal", func(http.ResponseWriter, *http.Request) error { return errors.New("disk on fire") }, 500, api.CodeInternal, "disk on fire", "ERROR"},
		{"panic", func(http.ResponseWriter, *http.Request) error { panic("disk on fire") }, 500, api.CodeInternal, "disk on fire", "ERROR"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, log, _ := newKit(t, "http://127.0.0.1:8080")
			w := answer(k, c.h, httptest.NewRequest("GET", "/things/1", nil))
			var p api.Problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
				t.Fatal(err)
			}
			if w.Code != c.status || p.Status != c.status || p.Code != c.code || p.RequestID != w.Header().Get("X-Request-Id") {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if strings.Contains(w.Body.String(), "fire") || strings.Contains(w.Body.String(), "inner") {
				t.Errorf("the inside is told: %s", w.Body)
			}
			e := logLine(t, log)
			if e["code"] != string(c.code) || e["level"] != c.level || !strings.Contains(fmt.Sprint(e["error"]), c.logged) {
				t.Errorf("event: %s", log)
			}
		})
	}
}

func TestHalfAnAnswerIsCutOff(t *testing.T) {
	for name, h := range map[string]Func{
		"error": func(w http.ResponseWriter, _ *http.Request) error {
			_, err := fmt.Fprint(w, "half")
			return errors.Join(err, errors.New("broken"))
		},
		"panic": func(w http.ResponseWriter, _ *http.Request) error {
			_, err := fmt.Fprint(w, "half")
			panic(fmt.Sprint("broken", err))
		},
		"abort": func(http.ResponseWriter, *http.Request) error { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			k, log, _ := newKit(t, "http://127.0.0.1:8080")
			defer func() {
				if p := recover(); p != http.ErrAbortHandler { //nolint:errorlint // a panic's value
					t.Errorf("the server is told %v", p)
				}
				logLine(t, log)
			}()
			answer(k, h, httptest.NewRequest("GET", "/things/1", nil))
		})
	}
}

func TestAnAnswerBeginsOnce(t *testing.T) {
	k, log, _ := newKit(t, "http://127.0.0.1:8080")
	w := answer(k, func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(201)
		w.WriteHeader(500)
		return nil
	}, httptest.NewRequest("GET", "/things/1", nil))
	if w.Code != 201 || logLine(t, log)["status"] != 201.0 {
		t.Errorf("%d, %s", w.Code, log)
	}
}

func TestABrokenRendererStillAnswers(t *testing.T) {
	k, _, _ := newKit(t, "http://127.0.0.1:8080")
	h := k.Handle("test", func(http.ResponseWriter, *http.Request, *fault.Error) { panic("broken") },
		func(http.ResponseWriter, *http.Request) error { return fault.Missing() })
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 500 {
		t.Errorf("status %d", w.Code)
	}
}

func TestBrowsersAreToldToBeCareful(t *testing.T) {
	k, _, _ := newKit(t, "http://127.0.0.1:8080")
	ok := func(http.ResponseWriter, *http.Request) error { return nil }
	w := answer(k, ok, httptest.NewRequest("GET", "/things/1", nil))
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cache-Control": "no-store", "X-Frame-Options": "DENY",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	policy := w.Header().Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("the policy lacks %s: %s", part, policy)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is loose: %s", policy)
	}
}

func TestWhatAnotherSiteMadeABrowserAskIsRefused(t *testing.T) {
	k, _, _ := newKit(t, "https://keys.example.com")
	ran := false
	h := func(http.ResponseWriter, *http.Request) error { ran = true; return nil }
	for _, c := range []struct {
		method string
		header map[string]string
		good   bool
	}{
		{"POST", nil, true}, // no browser: it would send one of the two
		{"POST", map[string]string{"Sec-Fetch-Site": "same-origin"}, true},
		{"POST", map[string]string{"Sec-Fetch-Site": "none"}, true},
		{"POST", map[string]string{"Sec-Fetch-Site": "cross-site"}, false},
		{"POST", map[string]string{"Sec-Fetch-Site": "same-site"}, false},
		{"POST", map[string]string{"Origin": "https://evil.example"}, false},
		{"POST", map[string]string{"Origin": "null"}, false},
		{"POST", map[string]string{"Origin": "https://keys.example.com"}, true}, // though a proxy changed Host
		{"DELETE", map[string]string{"Origin": "https://evil.example"}, false},
		{"GET", map[string]string{"Sec-Fetch-Site": "cross-site"}, true}, // changes nothing
		{"POST", map[string]string{"Origin": "https://evil.example", "Authorization": "Bearer kw_pat_x"}, true},
		{"POST", map[string]string{"Origin": "https://evil.example", "Authorization": "Basic eDp5"}, false},
	} {
		ran = false
		r := httptest.NewRequest(c.method, "http://10.0.0.1/things/1", nil)
		for name, v := range c.header {
			r.Header.Set(name, v)
		}
		w := answer(k, h, r)
		if ran != c.good || !c.good && (w.Code != 403 || !strings.Contains(w.Body.String(), `"cross_origin"`)) {
			t.Errorf("%s with %v: ran %t, %d %s", c.method, c.header, ran, w.Code, w.Body)
		}
	}
}

func TestStatusesAndTheirHeaders(t *testing.T) {
	for kind, want := range map[fault.Kind]int{
		fault.Internal: 500, fault.BadRequest: 400, fault.Invalid: 422, fault.Unauthenticated: 401, fault.Forbidden: 403,
		fault.NotFound: 404, fault.Conflict: 409, fault.TooLarge: 413, fault.Throttled: 429, fault.Unavailable: 503, fault.Kind(99): 500,
	} {
		if got := Status(kind); got != want {
			t.Errorf("kind %d is %d, want %d", kind, got, want)
		}
	}
	render := func(f *fault.Error) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		Problem(w, httptest.NewRequest("GET", "/", nil), f)
		return w
	}
	for after, want := range map[time.Duration]string{0: "", time.Millisecond: "1", time.Second: "1", 1100 * time.Millisecond: "2", time.Minute: "60"} {
		f := fault.New(fault.Throttled, api.CodeThrottled, "Wait.")
		f.RetryAfter = after
		if got := render(f).Header().Get("Retry-After"); got != want {
			t.Errorf("after %v: %q, want %q", after, got, want)
		}
	}
	for code, want := range map[api.Code]string{
		api.CodeSignInRequired: `Bearer realm="Keywright"`, api.CodeInvalidToken: `Bearer realm="Keywright", error="invalid_token"`,
	} {
		if got := render(fault.New(fault.Unauthenticated, code, "No.")).Header().Get("WWW-Authenticate"); got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
	}
	if w := render(fault.New(fault.BadRequest, api.CodeMethodNotAllowed, "No.")); w.Code != 405 || w.Header().Get("WWW-Authenticate") != "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

func TestAProblemHasAllItsFields(t *testing.T) {
	w := httptest.NewRecorder()
	Problem(w, httptest.NewRequest("GET", "/", nil), fault.New(fault.Conflict, api.CodeNameTaken, "You <already> have one.").On("name"))
	const want = `{"type":"/api/v1/docs#name_taken","title":"Name taken","status":409,"detail":"You <already> have one.","code":"name_taken","request_id":"",` +
		`"errors":[{"field":"name","code":"name_taken","detail":"You <already> have one."}]}` + "\n"
	if got := w.Body.String(); got != want || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s\n%s", got, want)
	}
}

func TestAnAPISaysWhereItIsWrittenWhoIssuesTokensForIt(t *testing.T) {
	k, _, _ := newKit(t, "https://keywright.example")
	const hint = `, resource_metadata="https://keywright.example/.well-known/oauth-protected-resource/api/v1/workspaces/acme"`
	for path, want := range map[string]string{
		"/api/v1/workspaces/acme": hint, "/api/v1/workspaces/acme/tokens": hint,
		"/api/v1/me": "", "/api/v1/workspaces": "", "/api/v1/workspaces/": "", "/api/v1/workspaces/ws_1/tokens": "", "/api/v1/workspaces/a%22,%20b/tokens": "", "/verify": "",
	} {
		w := httptest.NewRecorder()
		k.Problem(w, httptest.NewRequest("GET", path, nil), fault.New(fault.Unauthenticated, api.CodeInvalidToken, "No."))
		if got := w.Header().Get("WWW-Authenticate"); got != `Bearer realm="Keywright", error="invalid_token"`+want {
			t.Errorf("%s: %s", path, got)
		}
		w = httptest.NewRecorder()
		k.Problem(w, httptest.NewRequest("GET", path, nil), fault.New(fault.Forbidden, api.CodeRoleNotAllowed, "No."))
		if got := w.Header().Get("WWW-Authenticate"); got != "" {
			t.Errorf("%s: a 403 has the challenge %s", path, got)
		}
	}
	metadata := k.ResourceMetadata(k.URL("/odata/acme/keywright/"))
	u, err := url.Parse(metadata)
	if path, ok := ResourceAt(u.Path); err != nil || !ok || path != "/odata/acme/keywright/" {
		t.Errorf("%s: %q %v", metadata, path, ok)
	}
}
