package publish_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/legacy"
	"github.com/keywright/keywright/internal/publish"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
	"github.com/keywright/keywright/odata"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const (
	ws    = "standard"
	other = "scoped-tokens"
)

// world is a workspace in which everybody has one of everything, named after them, and a stranger in another.
type world struct {
	*testkit.Installation
	t     *testing.T
	feeds *publish.Feeds
	ids   map[string]string // of what was made, by its name
}

func newWorld(t *testing.T, in *testkit.Installation) *world {
	t.Helper()
	w := &world{Installation: in, t: t, ids: map[string]string{}}
	stranger := in.Join(t, other, "stranger@example.org", token.PlainMember)
	in.People["stranger@example.org"] = stranger
	for _, p := range []struct{ email, name, ws string }{
		{testkit.Admin, "ADMINS", ws}, {testkit.Dev, "DEVS", ws}, {testkit.Member, "MEMBERS", ws}, {"stranger@example.org", "STRANGERS", other}, {testkit.Admin, "ELSEWHERE", other},
	} {
		by := in.People[p.email]
		w.ids[p.name] = by.User.ID
		secret := w.token(by, p.ws, p.name+" token")
		w.use(secret, p.ws)
		if p.ws == ws {
			w.oauth(by, p.name+" oauth")
			w.legacy(p.email, p.name+" legacy")
		}
	}
	for _, p := range []struct{ email, name string }{{testkit.Admin, "ADMINS"}, {testkit.Dev, "DEVS"}} {
		w.use(w.app(in.People[p.email], p.name+" app"), ws)
	}
	if err := in.Checks.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.feeds = w.open(make([]byte, 32))
	return w
}

func (w *world) open(key []byte, sources ...publish.Source) *publish.Feeds {
	w.t.Helper()
	f, err := publish.Open(w.t.Context(), publish.Options{Authority: w.Authority, Key: key, Sources: sources, Now: w.Clock.Now, Patience: time.Minute, Log: slog.New(slog.NewTextHandler(w.t.Output(), nil))})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := f.Close(); err != nil {
			w.t.Error(err)
		}
	})
	return f
}

func (w *world) token(by token.Identity, ws, name string) token.Secret {
	w.t.Helper()
	n := authority.NewToken{Request: token.Request{Name: &name, Scopes: &[]string{"odata:read"}}}
	if ws == "standard" {
		days := 90
		n.Expiry = token.Choice{LifetimeDays: &days}
	}
	made, secret, err := w.CreateToken(w.t.Context(), by, ws, n)
	if err != nil {
		w.t.Fatal(err)
	}
	w.ids[name] = made.ID
	return secret
}

func (w *world) oauth(by token.Identity, name string) {
	w.t.Helper()
	days := 30
	made, _, err := w.CreateOAuthToken(w.t.Context(), by, ws, authority.NewOAuthToken{Name: name, LifetimeDays: &days})
	if err != nil {
		w.t.Fatal(err)
	}
	w.ids[name] = made.ID
}

func (w *world) app(by token.Identity, name string, scopes ...string) token.Secret {
	w.t.Helper()
	made, secret, err := w.CreateApp(w.t.Context(), by, ws, authority.NewApp{Name: name, Scopes: append([]string{"odata:read"}, scopes...)})
	if err != nil {
		w.t.Fatal(err)
	}
	w.ids[name] = made.ID
	return secret
}

func (w *world) legacy(owner, name string) {
	w.t.Helper()
	digest := token.HashOf(name)
	line := legacy.Line{Number: 1, Owner: owner, Name: name, Scopes: []string{"odata:read"}, Scheme: token.SchemeSHA256, Digest: digest[:]}
	in := authority.Import{Stops: w.Clock.Now().AddDate(1, 0, 0), Lines: func(yield func(legacy.Line, error) bool) { yield(line, nil) }}
	in.Report = func(i authority.Imported) {
		if i.Outcome != authority.LineImported {
			w.t.Fatal(i)
		}
	}
	if _, err := w.ImportTokens(w.t.Context(), w.People[testkit.Admin], ws, in); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) use(secret token.Secret, ws string) {
	w.t.Helper()
	ask := verify.Ask{Workspace: ws, Scopes: token.Scopes{"odata:read"}, Address: netip.MustParseAddr("203.0.113.9")}
	if _, err := w.Checks.Check(w.t.Context(), secret.Reveal(), ask); err != nil {
		w.t.Fatal(err)
	}
}

// reply is what a feed answered.
type reply struct {
	status int
	body   string
	header http.Header
}

func (r reply) value() (rows []map[string]any) {
	var body struct{ Value []map[string]any }
	if json.Unmarshal([]byte(r.body), &body) == nil {
		rows = body.Value
	}
	return rows
}

func (r reply) next() string {
	var body map[string]any
	_ = json.Unmarshal([]byte(r.body), &body)
	s, _ := body["@odata.nextLink"].(string)
	return s
}

const root = "https://keywright.example/odata/feed/"

// reader is somebody who reads a feed.
type reader struct {
	feed   *publish.Feed
	caller publish.Caller
}

// ask asks, below its root or by a link that it gave. A body makes it a POST.
func (by reader) ask(t *testing.T, path, body string, headers ...string) reply {
	t.Helper()
	f, c := by.feed, by.caller
	method, content := http.MethodGet, io.Reader(http.NoBody)
	if body != "" {
		method, content = http.MethodPost, strings.NewReader(body)
	}
	r := httptest.NewRequestWithContext(t.Context(), method, "/"+strings.ReplaceAll(strings.TrimPrefix(path, root), " ", "%20"), content)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if body != "" && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json")
	}
	rows, err := f.Rows(t.Context(), c)
	if err != nil {
		return reply{status: 0, body: err.Error()}
	}
	out := httptest.NewRecorder()
	f.State().Service.Serve(out, r, odata.Access{Source: rows, Caller: f.Workspace + "/" + c.ID, Root: root})
	return reply{out.Code, out.Body.String(), out.Header()}
}

func person(w *world, email string) publish.Caller {
	return publish.Caller{ID: w.People[email].User.ID, Scopes: token.Scopes{"odata:read"}}
}

func (w *world) devsApp(scopes ...string) publish.Caller {
	return publish.Caller{ID: w.ids["DEVS app"], IsApp: true, Scopes: append(token.Scopes{"odata:read"}, scopes...)}
}

// soon fails a test that waits for what does not come.
func soon[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(30 * time.Second):
		t.Fatal("nothing came: " + what)
		panic("unreachable")
	}
}

// logged sends the messages of a log, with what they say, into a channel.
type logged struct {
	to    chan<- string
	attrs string
}

func (l logged) Enabled(context.Context, slog.Level) bool { return true }

func (l logged) Handle(_ context.Context, r slog.Record) error {
	text := r.Message + l.attrs
	r.Attrs(func(a slog.Attr) bool { text += fmt.Sprintf(" %s=%s", a.Key, a.Value); return true })
	l.to <- text
	return nil
}

func (l logged) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		l.attrs += fmt.Sprintf(" %s=%s", a.Key, a.Value)
	}
	return l
}

func (l logged) WithGroup(string) slog.Handler { return l }
