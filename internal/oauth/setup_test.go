package oauth_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/oauth"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/web"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var update = flag.Bool("update", false, "write the golden files anew")

// host is where the site's public URL leads; see testkit.Issuer.
const host = "keywright.example"

const (
	typeAccess = "urn:ietf:params:oauth:token-type:access_token"
	exchange   = "urn:ietf:params:oauth:grant-type:token-exchange"
	issuer     = "https://" + host + "/w/standard"
)

// site is an installation whose OAuth endpoints are served.
type site struct {
	testing.TB
	*testkit.Installation
	service *oauth.Service
	log     *logged
}

// logged keeps what the server logs.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newSite has the workspaces of an Installation, two of which know the same three scopes.
func newSite(t testing.TB) *site {
	t.Helper()
	return siteOf(t, testkit.InstalledSQLite(t))
}

func siteOf(t testing.TB, in *testkit.Installation) *site {
	t.Helper()
	s := &site{TB: t, Installation: in, log: &logged{}}
	all := token.Roles()
	for _, ws := range []string{"standard", "apps-and-tokens"} {
		_, err := in.SetScopes(t.Context(), in.People[testkit.Admin], ws, token.Catalogue{
			{Name: "odata:read", Title: "Read", Roles: all, Apps: true},
			{Name: "orders:read", Title: "Read orders", Roles: all, Apps: true},
			{Name: "orders:write", Title: "Change orders", Roles: all, Apps: true},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	log := slog.New(slog.NewTextHandler(s.log, nil))
	kit := web.New(web.Config{Authority: in.Authority, PublicURL: &url.URL{Scheme: "https", Host: host}, Log: log})
	s.service = oauth.New(oauth.Config{Kit: kit, Authority: in.Authority, Checks: in.Checks, Log: log})
	return s
}

// client is an app's id and secret.
type client struct{ id, secret string }

// app makes an app in a workspace.
func (s *site) app(ws string, scopes ...string) client {
	s.Helper()
	return s.appWith(ws, "", scopes...)
}

func (s *site) appWith(ws, keys string, scopes ...string) client {
	s.Helper()
	app, secret, err := s.CreateApp(s.Context(), s.recent(testkit.Admin), ws, authority.NewApp{Name: "Warehouse", Scopes: scopes, Keys: keys})
	if err != nil {
		s.Fatal(err)
	}
	return client{app.ID, secret.Reveal()}
}

// recent is a person who has just signed in.
func (s *site) recent(email string) token.Identity {
	by := s.People[email]
	by.SignedInAt = s.Clock.Now()
	return by
}

// pat makes a personal access token of the developer in standard.
func (s *site) pat(name string, days int, scopes ...string) (id, secret string) {
	s.Helper()
	made, sec, err := s.CreateToken(s.Context(), s.recent(testkit.Dev), "standard", authority.NewToken{Request: token.Request{
		Name: &name, Scopes: &scopes, Expiry: token.Choice{LifetimeDays: &days},
	}})
	if err != nil {
		s.Fatal(err)
	}
	return made.ID, sec.Reveal()
}

// oauthToken makes an OAuth token of the developer.
func (s *site) oauthToken(ws string) (id, access, refresh string) {
	s.Helper()
	days := 30
	made, issued, err := s.CreateOAuthToken(s.Context(), s.recent(testkit.Dev), ws, authority.NewOAuthToken{Name: "Laptop " + token.RandomText(8).Reveal(), LifetimeDays: &days})
	if err != nil {
		s.Fatal(err)
	}
	return made.ID, issued.AccessToken.Reveal(), issued.RefreshToken.Reveal()
}

// reply is an answer.
type reply struct {
	status int
	header http.Header
	body   string
}

// json is the answer's body.
func (r reply) json() map[string]any {
	out := map[string]any{}
	if err := json.Unmarshal([]byte(r.body), &out); err != nil {
		out["unreadable"] = r.body
	}
	return out
}

func (r reply) text(member string) string {
	s, _ := r.json()[member].(string)
	return s
}

// do sends a request as it is.
func (s *site) do(r *http.Request) reply {
	s.Helper()
	if r.RemoteAddr == "192.0.2.1:1234" { // httptest's own
		r.RemoteAddr = "203.0.113.7:1234"
	}
	w := httptest.NewRecorder()
	if !oauth.Matches(r) {
		s.Fatalf("%s is not the service's", r.URL.Path)
	}
	s.service.ServeHTTP(w, r)
	return reply{w.Code, w.Header(), w.Body.String()}
}

// get asks for a document.
func (s *site) get(path string) reply {
	s.Helper()
	return s.do(httptest.NewRequest(http.MethodGet, "https://"+host+path, nil))
}

// post sends a form of names and values; a value that begins with "Authorization: " is a header, as is one
// that begins with "Accept: ".
func (s *site) post(path string, pairs ...string) reply {
	s.Helper()
	return s.do(posted(path, pairs...))
}

func posted(path string, pairs ...string) *http.Request {
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	var body []string
	for i := 0; i < len(pairs); i++ {
		if name, value, ok := strings.Cut(pairs[i], ": "); ok && (name == "Authorization" || name == "Accept") {
			header.Add(name, value)
			continue
		}
		body = append(body, url.QueryEscape(pairs[i])+"="+url.QueryEscape(pairs[i+1]))
		i++
	}
	r := httptest.NewRequest(http.MethodPost, "https://"+host+path, strings.NewReader(strings.Join(body, "&")))
	r.Header = header
	return r
}

// basic is the header of client_secret_basic.
func (c client) basic() string {
	pair := url.QueryEscape(c.id) + ":" + url.QueryEscape(c.secret)
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
}

// access is a fresh access token of an app.
func (s *site) access(c client, pairs ...string) string {
	s.Helper()
	r := s.post("/oauth2/token", append([]string{c.basic(), "grant_type", "client_credentials"}, pairs...)...)
	if r.status != http.StatusOK {
		s.Fatalf("an app gets no token: %d %s", r.status, r.body)
	}
	return r.text("access_token")
}

// introspected is what a client is told of a credential.
func (s *site) introspected(c client, presented string) map[string]any {
	s.Helper()
	r := s.post("/oauth2/introspect", c.basic(), "token", presented)
	if r.status != http.StatusOK {
		s.Fatalf("introspection: %d %s", r.status, r.body)
	}
	return r.json()
}

// wantRefusal expects the form of RFC 6749 section 5.2.
func wantRefusal(t testing.TB, what string, r reply, status int, code string) {
	t.Helper()
	if r.status != status || r.text("error") != code {
		t.Errorf("%s: %d %s, want %d %s", what, r.status, r.body, status, code)
		return
	}
	if r.header.Get("Content-Type") != "application/json" || r.header.Get("Cache-Control") != "no-store" || r.header.Get("Pragma") != "no-cache" {
		t.Errorf("%s: headers %v", what, r.header)
	}
	if description := r.text("error_description"); !allowedDescription.MatchString(description) {
		t.Errorf("%s: description %q", what, description)
	}
	if len(r.json()) != 2 {
		t.Errorf("%s: members %v", what, r.json())
	}
	if challenge := r.header.Get("WWW-Authenticate"); status == http.StatusUnauthorized != (challenge != "") && status != http.StatusForbidden {
		t.Errorf("%s: %d with challenge %q", what, status, challenge)
	}
}

var allowedDescription = regexp.MustCompile(`^[\x20-\x21\x23-\x5b\x5d-\x7e]{10,}$`)

var volatile = []struct {
	find    *regexp.Regexp
	replace string
}{
	{regexp.MustCompile(`\b(tok|usr|ws|evt|req|ses|app|cs|oat|at|from|key)_[0-9a-z]{26}\b`), "${1}_…"},
	{regexp.MustCompile(`kw_(pat|rt|sec)_[0-9A-Za-z]{36}`), "kw_${1}_…"},
	{regexp.MustCompile(`("(?:x|y|n)": )"[0-9A-Za-z_-]+"`), `$1"…"`},
}

// golden compares an answer with the one that clients were written against. Access tokens in it are shown
// by what they say.
func golden(t *testing.T, name string, r reply) {
	t.Helper()
	shown := map[string]any{"status": r.status}
	for _, h := range []string{"Content-Type", "Cache-Control", "Pragma", "WWW-Authenticate", "Retry-After", "Allow", "Access-Control-Allow-Origin"} {
		if v := r.header.Get(h); v != "" {
			shown[h] = v
		}
	}
	switch {
	case r.body == "":
	case strings.HasPrefix(r.body, "{"):
		body := r.json()
		for member, v := range body {
			if text, ok := v.(string); ok && strings.Count(text, ".") == 2 && strings.HasPrefix(text, "ey") {
				body[member] = opened(t, text)
			}
		}
		shown["body"] = body
	default:
		shown["body"] = opened(t, r.body)
	}
	var pretty bytes.Buffer
	enc := json.NewEncoder(&pretty)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(shown); err != nil {
		t.Fatal(err)
	}
	got := pretty.String()
	for _, v := range volatile {
		got = v.find.ReplaceAllString(got, v.replace)
	}
	file := "testdata/" + name + ".json"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: the wire has changed (-want +got):\n%s", name, diff)
	}
}

// opened is the header and the claims of a JWT, unverified.
func opened(t testing.TB, jwt string) map[string]any {
	t.Helper()
	out := map[string]any{}
	parts := strings.Split(strings.TrimSpace(jwt), ".")
	for i, name := range []string{"header", "claims"} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		var part map[string]any
		if err := decoder.Decode(&part); err != nil && err != io.EOF {
			t.Fatal(err)
		}
		out[name] = part
	}
	return out
}
