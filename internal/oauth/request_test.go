package oauth_test

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/oauth"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/web"
)

var endpoints = []string{"/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"}

func TestOnlyPOSTIsTakenAndOthersAreToldSo(t *testing.T) {
	s := newSite(t)
	for _, path := range endpoints {
		for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "post"} {
			r := s.do(httptest.NewRequest(method, "https://"+host+path, nil))
			if r.header.Get("Allow") != "POST" {
				t.Errorf("%s %s: Allow %q", method, path, r.header.Get("Allow"))
			}
			wantRefusal(t, method+" "+path, r, http.StatusMethodNotAllowed, "invalid_request")
		}
		// RFC 6749 section 2.3.1: a secret in an address is refused, also a good one.
		c := s.app("standard", "odata:read")
		query := "?grant_type=client_credentials&client_id=" + c.id + "&client_secret=" + c.secret + "&token=" + c.secret
		wantRefusal(t, "GET with everything in the query", s.get(path+query), http.StatusMethodNotAllowed, "invalid_request")
	}
}

// TestARequestThatCanBeReadInTwoWaysIsRefused presents good credentials in requests that are not well-formed.
func TestARequestThatCanBeReadInTwoWaysIsRefused(t *testing.T) {
	s := newSite(t)
	c := s.app("standard", "odata:read", token.ScopeIntrospect)
	good := "grant_type=client_credentials&client_id=" + c.id + "&client_secret=" + c.secret + "&token=" + s.access(c)
	const form = "application/x-www-form-urlencoded"
	for _, path := range endpoints {
		if r := s.do(posted(path)); r.status == http.StatusOK {
			t.Fatalf("%s answers nothing with %s", path, r.body)
		}
		for _, x := range []struct{ name, query, media, body string }{
			{"a query", "?grant_type=client_credentials", form, good},
			{"an unknown parameter in the query", "?a=b", form, good},
			{"an empty query", "?", form, good},
			{"the same parameter twice", "", form, good + "&client_id=" + c.id},
			{"another value for it", "", form, good + "&token=x&grant_type=x"},
			{"twice, once empty", "", form, good + "&token="},
			{"twice, once encoded", "", form, good + "&tok%65n=x"},
			{"an unknown one twice", "", form, good + "&a=1&a=2"},
			{"JSON", "", "application/json", `{"grant_type":"client_credentials"}`},
			{"JSON that says it is a form", "", form, `{"grant_type":"client_credentials"};`},
			{"a form that says it is JSON", "", "application/json", good},
			{"a form that says nothing", "", "", good},
			{"a form that says it is text", "", "text/plain", good},
			{"a form in parts", "", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"grant_type\"\r\n\r\nclient_credentials\r\n--x--\r\n"},
			{"another charset", "", form + "; charset=iso-8859-1", good},
			{"half an escape", "", form, good + "&a=%2"},
			{"a wrong escape", "", form, good + "&a=%zz"},
			{"a semicolon", "", form, good + ";a=b"},
			{"NUL", "", form, good + "&a=%00"},
			{"no UTF-8", "", form, good + "&a=%ff"},
			{"no UTF-8, raw", "", form, good + "&a=\xff"},
			{"65 parameters", "", form, good + strings.Repeat("&", 3) + manyPairs(65)},
			{"a long one", "", form, good + "&scope=" + strings.Repeat("a", token.MaxPresented+1)},
			{"more than 64 KiB", "", form, good + "&a=" + strings.Repeat("a", web.MaxBody)},
		} {
			r := httptest.NewRequest(http.MethodPost, "https://"+host+path+x.query, strings.NewReader(x.body))
			r.URL.ForceQuery = x.query == "?"
			if x.media != "" {
				r.Header.Set("Content-Type", x.media)
			}
			got := s.do(r)
			wantRefusal(t, path+": "+x.name, got, http.StatusBadRequest, "invalid_request")
			if strings.Contains(got.body, c.secret) || strings.Contains(got.body, c.id) {
				t.Errorf("%s: %s: the answer repeats the request: %s", path, x.name, got.body)
			}
		}
	}
	if strings.Contains(s.log.String(), c.secret) {
		t.Error("the secret is in the log")
	}
}

func manyPairs(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("&p" + strings.Repeat("p", i) + "=1")
	}
	return b.String()
}

func TestABodyOfUnknownLengthIsReadToItsLimitAndNoFarther(t *testing.T) {
	s := newSite(t)
	c := s.app("standard", "odata:read")
	small := posted("/oauth2/token", c.basic(), "grant_type", "client_credentials")
	small.ContentLength = -1
	if r := s.do(small); r.status != http.StatusOK {
		t.Errorf("a chunked request: %d %s", r.status, r.body)
	}
	endless := posted("/oauth2/token", c.basic())
	counted := &countedReader{}
	endless.Body, endless.ContentLength = io.NopCloser(counted), -1
	wantRefusal(t, "an endless one", s.do(endless), http.StatusBadRequest, "invalid_request")
	if counted.n > 2*web.MaxBody {
		t.Errorf("%d bytes were read", counted.n)
	}
	broken := posted("/oauth2/token", c.basic())
	broken.Body = io.NopCloser(io.MultiReader(strings.NewReader("grant_type=client_credentials"), brokenReader{}))
	wantRefusal(t, "one that breaks off", s.do(broken), http.StatusBadRequest, "invalid_request")
}

type countedReader struct{ n int }

func (r *countedReader) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	r.n += len(p)
	return len(p), nil
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("broken off") }

func TestEmptyParametersAreOmittedAndUnknownOnesIgnored(t *testing.T) {
	s := newSite(t)
	c := s.app("standard", "odata:read", "orders:read")
	r := s.post("/oauth2/token", c.basic(), "grant_type", "client_credentials", "scope", "", "resource", "", "client_secret", "", "client_id", "", "colour", "blue", "audience", "")
	if r.status != http.StatusOK || r.text("scope") != "odata:read orders:read" {
		t.Errorf("%d %s", r.status, r.body)
	}
	// An audience is a parameter of token exchange alone.
	r = s.post("/oauth2/token", c.basic(), "grant_type", "client_credentials", "resource", "https://a.example", "audience", "orders")
	if r.status != http.StatusOK {
		t.Errorf("an audience that means nothing: %d %s", r.status, r.body)
	}
	wantRefusal(t, "one that stands twice", s.post("/oauth2/token", c.basic(), "grant_type", "client_credentials", "audience", "a", "audience", "b"), http.StatusBadRequest, "invalid_request")
	wantRefusal(t, "an empty grant_type", s.post("/oauth2/token", c.basic(), "grant_type", ""), http.StatusBadRequest, "invalid_request")
}

func TestAClientAuthenticatesInEachWayThatTheMetadataNames(t *testing.T) {
	s := newSite(t)
	key := newAssertionKey(t)
	c := s.appWith("standard", key.jwks, "odata:read")
	raw := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(c.id+":"+c.secret))
	encoded := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(escapeAll(c.id)+":"+escapeAll(c.secret)))
	assertion := func() string { return key.assertion(t, s.Clock.Now(), c.id, issuer) }
	for name, pairs := range map[string][]string{
		"client_secret_basic":                    {c.basic()},
		"client_secret_basic, nothing encoded":   {raw},
		"client_secret_basic, all encoded":       {encoded}, // RFC 6749 section 2.3.1
		"client_secret_basic, named once more":   {c.basic(), "client_id", c.id},
		"client_secret_post":                     {"client_id", c.id, "client_secret", c.secret},
		"private_key_jwt":                        {"client_assertion_type", oauthAssertion, "client_assertion", assertion()},
		"private_key_jwt with the client's id":   {"client_assertion_type", oauthAssertion, "client_assertion", assertion(), "client_id", c.id},
		"private_key_jwt for the token endpoint": {"client_assertion_type", oauthAssertion, "client_assertion", key.assertion(t, s.Clock.Now(), c.id, "https://"+host+"/oauth2/token")},
	} {
		r := s.post("/oauth2/token", append(pairs, "grant_type", "client_credentials")...)
		if r.status != http.StatusOK || r.text("token_type") != "Bearer" {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
}

func escapeAll(s string) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	for _, c := range []byte(s) {
		b.WriteString("%" + string(digits[c>>4]) + string(digits[c&15]))
	}
	return b.String()
}

const oauthAssertion = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

func TestMoreThanOneWayOfAuthenticationIsRefusedAlsoIfEachIsRight(t *testing.T) {
	s := newSite(t)
	key := newAssertionKey(t)
	c := s.appWith("standard", key.jwks, "odata:read")
	other := s.app("standard", "odata:read")
	assertion := key.assertion(t, s.Clock.Now(), c.id, issuer)
	for _, path := range endpoints {
		for name, pairs := range map[string][]string{
			"header and body":           {c.basic(), "client_id", c.id, "client_secret", c.secret},
			"header and assertion":      {c.basic(), "client_assertion_type", oauthAssertion, "client_assertion", assertion},
			"body and assertion":        {"client_id", c.id, "client_secret", c.secret, "client_assertion_type", oauthAssertion, "client_assertion", assertion},
			"two headers":               {c.basic(), c.basic()},
			"two clients":               {c.basic(), "client_id", other.id},
			"assertion alone":           {"client_assertion", assertion},
			"its type alone":            {"client_assertion_type", oauthAssertion},
			"another kind of assertion": {"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer", "client_assertion", assertion},
		} {
			r := s.post(path, append(pairs, "grant_type", "client_credentials", "token", "x")...)
			wantRefusal(t, path+": "+name, r, http.StatusBadRequest, "invalid_request")
		}
	}
}

func TestWhoIsNotTheClientGetsOneAnswer(t *testing.T) {
	s := newSite(t)
	c := s.app("standard", "odata:read", token.ScopeIntrospect)
	other := s.app("standard", "odata:read")
	foreign := s.app("apps-and-tokens", "odata:read")
	_, pat := s.pat("ci", 90, "odata:read")
	disabled, deleted, rotated := s.app("standard", "odata:read"), s.app("standard", "odata:read"), s.app("standard", "odata:read")
	by := s.recent(testkit.Admin)
	if _, err := s.DisableApp(t.Context(), by, "standard", disabled.id); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteApp(t.Context(), by, "standard", deleted.id); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.RotateAppSecret(t.Context(), by, "standard", rotated.id, rotation(0)); err != nil {
		t.Fatal(err)
	}
	unknown := s.Format.New(token.KindApp).Reveal()
	nobody := token.NewID(token.AppID, s.Clock.Now())
	for _, path := range endpoints {
		first := ""
		for name, x := range map[string]client{
			"an unknown secret":              {c.id, unknown},
			"another client's secret":        {c.id, other.secret},
			"a foreign client's secret":      {c.id, foreign.secret},
			"a personal access token":        {c.id, pat},
			"text":                           {c.id, "secret"},
			"an unknown client":              {nobody, unknown},
			"an unknown client, good secret": {nobody, c.secret},
			"no id of ours":                  {"warehouse", c.secret},
			"the public client":              {token.UserClient, c.secret},
			"a disabled app":                 disabled,
			"a deleted app":                  deleted,
			"a replaced secret":              rotated,
		} {
			for way, pairs := range map[string][]string{"header": {x.basic()}, "body": {"client_id", x.id, "client_secret", x.secret}} {
				r := s.post(path, append(pairs, "grant_type", "client_credentials", "token", "t")...)
				wantRefusal(t, path+": "+name+" in the "+way, r, http.StatusUnauthorized, "invalid_client")
				if challenge := r.header.Get("WWW-Authenticate"); challenge != `Basic realm="Keywright", charset="UTF-8"` {
					t.Errorf("%s: %s: challenge %q", path, name, challenge)
				}
				if first == "" {
					first = r.body
				}
				if r.body != first {
					t.Errorf("%s: %s is told apart: %s", path, name, r.body)
				}
			}
		}
	}
}

func TestWhatIsNoClientAuthenticationIsRefused(t *testing.T) {
	s := newSite(t)
	c := s.app("standard", "odata:read")
	_, access, _ := s.oauthToken("standard")
	for name, pairs := range map[string][]string{
		"nothing":              {},
		"an id alone":          {"client_id", c.id},
		"an id in the header":  {client{c.id, ""}.basic()},
		"the public client":    {"client_id", token.UserClient},
		"Bearer":               {"Authorization: Bearer " + access},
		"Basic that is broken": {"Authorization: Basic %%%"},
		"Basic without colon":  {"Authorization: Basic YQ=="},
		"another scheme":       {"Authorization: Digest username=x"},
		"an empty header":      {"Authorization: "},
	} {
		r := s.post("/oauth2/token", append(pairs, "grant_type", "client_credentials")...)
		wantRefusal(t, name, r, http.StatusUnauthorized, "invalid_client")
	}
}

func TestAnAssertionIsGoodOnceAndForUsAlone(t *testing.T) {
	s := newSite(t)
	key, stranger := newAssertionKey(t), newAssertionKey(t)
	c := s.appWith("standard", key.jwks, "odata:read")
	other := s.app("standard", "odata:read")
	now := s.Clock.Now()
	send := func(assertion string, more ...string) reply {
		return s.post("/oauth2/token", append(more, "grant_type", "client_credentials", "client_assertion_type", oauthAssertion, "client_assertion", assertion)...)
	}
	once := key.assertion(t, now, c.id, issuer)
	if r := send(once); r.status != http.StatusOK {
		t.Fatalf("the first time: %d %s", r.status, r.body)
	}
	wantRefusal(t, "the second time", send(once), http.StatusUnauthorized, "invalid_client")
	for name, a := range map[string]string{
		"signed by somebody else": stranger.assertion(t, now, c.id, issuer),
		"for another server":      key.assertion(t, now, c.id, "https://elsewhere.example/token"),
		"for another workspace":   key.assertion(t, now, c.id, "https://"+host+"/w/apps-and-tokens"),
		"for an app without keys": key.assertion(t, now, other.id, issuer),
		"for nobody":              key.assertion(t, now, token.NewID(token.AppID, now), issuer),
		"an hour old":             key.assertion(t, now.Add(-time.Hour), c.id, issuer),
		"an hour too early":       key.assertion(t, now.Add(time.Hour), c.id, issuer),
		"no JWT":                  "x.y.z",
		"an access token":         s.access(c),
	} {
		wantRefusal(t, name, send(a), http.StatusUnauthorized, "invalid_client")
	}
	wantRefusal(t, "with another client's id", send(key.assertion(t, now, c.id, issuer), "client_id", other.id), http.StatusUnauthorized, "invalid_client")
	wantRefusal(t, "longer than is read", send(strings.Repeat("a", token.MaxPresented+1)), http.StatusBadRequest, "invalid_request")
}

func TestClientsThatGuessAreThrottledAndGoodOnesNever(t *testing.T) {
	s := newSite(t)
	c := s.app("standard", "odata:read")
	wrong := client{c.id, s.Format.New(token.KindApp).Reveal()}
	ask := func(x client) reply { return s.post("/oauth2/token", x.basic(), "grant_type", "client_credentials") }
	for i := range 100 {
		if r := ask(wrong); r.status != http.StatusUnauthorized {
			t.Fatalf("wrong secret %d within the minute: %d %s", i+1, r.status, r.body)
		}
	}
	var r reply
	for range 20 {
		if r = ask(wrong); r.status == http.StatusTooManyRequests {
			break
		}
	}
	wantRefusal(t, "after more than 100 a minute", r, http.StatusTooManyRequests, "temporarily_unavailable")
	if r.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	golden(t, "throttled", r)
	if r := ask(c); r.status != http.StatusOK {
		t.Errorf("a good client from the same address: %d %s", r.status, r.body)
	}
	s.Clock.Advance(2 * time.Minute)
	wantRefusal(t, "after two minutes", ask(wrong), http.StatusUnauthorized, "invalid_client")
}

func TestGuessedTokensAreThrottledAndGoodOnesNever(t *testing.T) {
	for name, ask := range map[string]func(s *site, presented string) reply{
		"refresh": func(s *site, p string) reply {
			return s.post("/oauth2/token", "grant_type", "refresh_token", "refresh_token", p)
		},
		"exchange": func(s *site, p string) reply {
			return s.post("/oauth2/token", "grant_type", exchange, "subject_token_type", typeAccess, "subject_token", p)
		},
		"revocation": func(s *site, p string) reply { return s.post("/oauth2/revoke", "token", p) },
		"introspection by a guessed bearer": func(s *site, p string) reply {
			return s.post("/oauth2/introspect", "Authorization: Bearer "+p, "token", "x")
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			asker := s.app("standard", token.ScopeIntrospect)
			_, pat := s.pat("ci", 90, "odata:read")
			_, _, refresh := s.oauthToken("standard")
			kind, good := token.KindPAT, pat
			switch name {
			case "refresh":
				kind, good = token.KindRefresh, refresh
			case "introspection by a guessed bearer":
				good = s.access(asker)
			}
			var r reply
			n := 0
			for ; n < 150 && r.status != http.StatusTooManyRequests; n++ {
				r = ask(s, s.Format.New(kind).Reveal())
			}
			if n <= 100 {
				t.Errorf("throttled after %d", n)
			}
			wantRefusal(t, "after more than 100 a minute", r, http.StatusTooManyRequests, "temporarily_unavailable")
			if r.header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			if r := ask(s, good); r.status != http.StatusOK {
				t.Errorf("a good one from the same address: %d %s", r.status, r.body)
			}
		})
	}
}

func TestWhenNothingCanBeSaidTheAnswerIs503AndWhenWeFail500(t *testing.T) {
	s := newSite(t)
	c := s.app("standard", "odata:read", token.ScopeIntrospect)
	_, _, refresh := s.oauthToken("standard")
	if err := s.Store.Close(); err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]reply{
		"a client":      s.post("/oauth2/token", c.basic(), "grant_type", "client_credentials"),
		"introspection": s.post("/oauth2/introspect", c.basic(), "token", refresh),
		"a bearer":      s.post("/oauth2/introspect", "Authorization: Bearer "+s.Format.New(token.KindPAT).Reveal(), "token", refresh),
	} {
		wantRefusal(t, name, r, http.StatusServiceUnavailable, "temporarily_unavailable")
		if r.header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", name)
		}
	}
	r := s.post("/oauth2/token", "grant_type", "refresh_token", "refresh_token", refresh)
	if r.status < 500 || strings.Contains(r.body, "sql") || strings.Contains(r.body, "database") {
		t.Errorf("a refresh: %d %s", r.status, r.body)
	}
	kit := web.New(web.Config{Authority: s.Authority, PublicURL: &url.URL{Scheme: "https", Host: host}})
	s.service = oauth.New(oauth.Config{Kit: kit}) // without what it needs
	r = s.post("/oauth2/token", "grant_type", "refresh_token", "refresh_token", refresh)
	wantRefusal(t, "a bug", r, http.StatusInternalServerError, "server_error")
	golden(t, "server_error", r)
}

func TestNoCookieCountsAndNoOtherSiteReadsAnAnswer(t *testing.T) {
	s := newSite(t)
	c := s.app("standard", "odata:read")
	_, _, refresh := s.oauthToken("standard")
	strange := func(pairs ...string) reply {
		r := posted("/oauth2/token", pairs...)
		r.Header.Set("Origin", "https://elsewhere.example")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.AddCookie(&http.Cookie{Name: "__Host-keywright", Value: s.Cookies[testkit.Admin].Reveal()})
		return s.do(r)
	}
	wantRefusal(t, "a cookie alone", strange("grant_type", "client_credentials", "client_id", c.id), http.StatusUnauthorized, "invalid_client")
	r := strange("grant_type", "refresh_token", "refresh_token", refresh)
	if r.status != http.StatusOK || r.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("whoever has the token has it wherever they are, and no page elsewhere reads the answer: %d %v", r.status, r.header)
	}
	r = strange(c.basic(), "grant_type", "client_credentials")
	if r.status != http.StatusOK || r.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%d %v", r.status, r.header)
	}
}
