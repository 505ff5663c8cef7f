package rest

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/publish"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
	"github.com/keywright/keywright/internal/web"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const password = "correct horse battery staple"

// world is a server on a real store with people in it.
type world struct {
	t         testing.TB
	db        testkit.DB
	server    *httptest.Server
	service   *Service
	authority *authority.Authority
	checks    *verify.Checker
	log       *logged
	cookies   map[string]string // by person
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

// newWorld has root (installation administrator), and the workspaces standard and foreign. In standard are
// root and admin (administrators), dev, member; in foreign root and stranger.
func newWorld(t testing.TB, db testkit.DB) *world {
	t.Helper()
	st := db.Open(t)
	format, err := token.NewFormat("kw")
	must(t, err)
	box, err := keyring.NewBox()
	must(t, err)
	w := &world{t: t, db: db, log: &logged{}, cookies: map[string]string{}}
	w.server = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.service.ServeHTTP(rw, r) }))
	public, err := url.Parse("http://" + w.server.Listener.Addr().String())
	must(t, err)
	issuer := func(slug string) string { return public.String() + "/w/" + slug }
	w.checks = verify.New(verify.Config{Store: st, Format: format, Now: db.Clock.Now, Box: box, Issuer: issuer})
	logger := slog.New(slog.NewJSONHandler(w.log, nil))
	w.authority = authority.New(authority.Config{Store: st, Checks: w.checks, Format: format, Log: logger, Now: db.Clock.Now, Box: box, Issuer: issuer})
	kit := web.New(web.Config{Authority: w.authority, PublicURL: public, Log: logger})
	feeds, err := publish.Open(t.Context(), publish.Options{Authority: w.authority, Key: make([]byte, 32), Now: db.Clock.Now, Sources: []publish.Source{
		{Workspace: "standard", Name: "gone", Title: "Gone", Database: token.SecretOf("/nowhere/gone.db"), Scope: "odata:read"},
	}})
	must(t, err)
	t.Cleanup(func() { must(t, feeds.Close()) })
	w.service, err = New(kit, w.authority, feeds, "test")
	must(t, err)
	w.server.Start()
	t.Cleanup(w.server.Close)

	code, _, err := w.authority.OpenSetUp(t.Context())
	must(t, err)
	session, root, err := w.authority.SetUp(t.Context(), authority.FirstAccount{Code: code.Reveal(), Email: "root@example.com", Name: "Root", Password: password}, token.Origin{})
	must(t, err)
	w.cookies["root"] = session.Reveal()
	for _, ws := range []string{"standard", "foreign"} {
		_, err := w.authority.CreateWorkspace(t.Context(), root, authority.NewWorkspace{Slug: ws, Preset: token.Standard})
		must(t, err)
	}
	w.join(root, "standard", "admin", token.Administrator)
	w.join(root, "standard", "dev", token.Developer)
	w.join(root, "standard", "member", token.PlainMember)
	w.join(root, "foreign", "stranger", token.Administrator)
	return w
}

func (w *world) join(by token.Identity, ws, name string, role token.Role) {
	w.t.Helper()
	_, link, err := w.authority.Invite(w.t.Context(), by, ws, authority.Invitation{Email: name + "@example.com", Name: name, Role: role})
	must(w.t, err)
	session, _, err := w.authority.RedeemLink(w.t.Context(), link, password, token.Origin{})
	must(w.t, err)
	w.cookies[name] = session.Reveal()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// reply is an answer, read.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// as sends a request by a person's session; "" sends none. path is below Prefix. A body that is no string
// is encoded.
func (w *world) as(who, method, path string, body any) reply {
	w.t.Helper()
	return w.send(w.request(who, method, path, body))
}

func (w *world) request(who, method, path string, body any) *http.Request {
	w.t.Helper()
	var sent []byte
	switch b := body.(type) {
	case nil:
	case string:
		sent = []byte(b)
	default:
		var err error
		sent, err = json.Marshal(b)
		must(w.t, err)
	}
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.server.URL+Prefix+path, bytes.NewReader(sent))
	must(w.t, err)
	if len(sent) > 0 {
		r.Header.Set("Content-Type", "application/json")
	}
	if who != "" {
		r.AddCookie(&http.Cookie{Name: "keywright", Value: w.cookies[who]})
	}
	return r
}

func (w *world) send(r *http.Request) reply {
	w.t.Helper()
	resp, err := http.DefaultTransport.RoundTrip(r)
	must(w.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(w.t, err)
	return reply{resp.StatusCode, resp.Header, b}
}

// want fails unless the answer has the status and, for a refusal, the code.
func (r reply) want(t testing.TB, status int, code string) reply {
	t.Helper()
	if r.status != status {
		t.Fatalf("status %d, want %d: %s", r.status, status, r.body)
	}
	if status >= 400 && r.text("code") != code {
		t.Fatalf("code %q, want %q: %s", r.text("code"), code, r.body)
	}
	return r
}

// text returns a string at a path of names, such as token.id.
func (r reply) text(path string) string {
	s, _ := r.at(path).(string)
	return s
}

// decoded is the answer as a map.
func (r reply) decoded(t testing.TB) (m map[string]any) {
	t.Helper()
	must(t, json.Unmarshal(r.body, &m))
	return m
}

func (r reply) at(path string) any {
	var v any
	if json.Unmarshal(r.body, &v) != nil {
		return nil
	}
	for name := range strings.SplitSeq(path, ".") {
		switch node := v.(type) {
		case map[string]any:
			v = node[name]
		case []any:
			i := int(name[0] - '0')
			if i >= len(node) {
				return nil
			}
			v = node[i]
		default:
			return nil
		}
	}
	return v
}

// newToken makes a token in standard and returns its id and secret.
func (w *world) newToken(who, name string, scopes ...string) (id, secret string) {
	w.t.Helper()
	if len(scopes) == 0 {
		scopes = []string{"odata:read"}
	}
	r := w.as(who, "POST", "/workspaces/standard/tokens", map[string]any{"name": name, "scopes": scopes, "lifetime_days": 30}).want(w.t, 201, "")
	return r.text("token.id"), r.text("secret")
}

// newApp makes an app in a workspace and returns its client id and client secret.
func (w *world) newApp(who, ws, name string) (id, secret string) {
	w.t.Helper()
	r := w.as(who, "POST", "/workspaces/"+ws+"/apps", map[string]any{"name": name, "scopes": []string{"odata:read"}}).want(w.t, 201, "")
	return r.text("app.client_id"), r.text("client_secret")
}

// newOAuthToken makes an OAuth token in a workspace.
func (w *world) newOAuthToken(who, ws, name string) reply {
	w.t.Helper()
	return w.as(who, "POST", "/workspaces/"+ws+"/oauth-tokens", map[string]any{"name": name, "lifetime_days": 30}).want(w.t, 201, "")
}

// checked returns what a gateway would be told of a credential: "" for yes.
func (w *world) checked(ws, credential string, scopes ...string) string {
	w.t.Helper()
	_, err := w.checks.Check(w.t.Context(), credential, verify.Ask{Workspace: ws, Scopes: scopes})
	return string(fault.CodeOf(err))
}
