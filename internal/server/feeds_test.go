package server_test

import (
	"context"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/config"
	"github.com/keywright/keywright/internal/sample"
	"github.com/keywright/keywright/internal/server"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// reading is a server with the sample published in a workspace of the first source, on the test's clock.
func reading(t *testing.T, db testkit.DB) *running {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sales.db")
	if err := sample.File(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	cfg := settings(db.DSN)
	cfg.Feeds = []config.Feed{{
		Workspace: "one", Name: "sales", Title: "Sales", DSN: token.SecretOf(path), Scope: "odata:read", Tables: []string{"*"}, StatementTimeout: "30s", ConcurrentQueries: 4,
	}}
	r := &running{done: make(chan error, 1)}
	var err error
	if r.Server, err = server.Open(t.Context(), server.Options{Config: cfg, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Now: db.Clock.Now}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r.url, r.stop = "http://"+r.Addr(), stop
	go func() { r.done <- r.Run(ctx) }()
	t.Cleanup(func() { r.end(t) })
	rules := r.Authority()
	code, _, err := r.OpenSetUp(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_, by, err := rules.SetUp(ctx, authority.FirstAccount{Code: code.Reveal(), Email: testkit.Admin, Name: "Ana", Password: testkit.Password}, testkit.Origin())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rules.CreateWorkspace(ctx, by, authority.NewWorkspace{Slug: "one", Preset: token.SingleToken}); err != nil {
		t.Fatal(err)
	}
	return r
}

// person is somebody at the pages, with a browser's cookies.
type person struct {
	t    *testing.T
	http http.Client
	url  string
}

func (p *person) do(method, path string, form url.Values) string {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := p.http.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		p.t.Fatalf("%s %s: %d %v %.500s", method, path, resp.StatusCode, err, text)
	}
	return string(text)
}

// found is what a page says at the first group of a pattern.
func (p *person) found(page, pattern string) string {
	p.t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(page)
	if m == nil {
		p.t.Fatalf("no %s on the page %.3000s", pattern, page)
	}
	return m[1]
}

// press opens a dialog's page and sends its form.
func (p *person) press(path string) string {
	p.t.Helper()
	form := url.Values{}
	for _, m := range regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`).FindAllStringSubmatch(p.do(http.MethodGet, path, nil), -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	return p.do(http.MethodPost, path, form)
}

const shownSecret = `(kw_pat_[0-9A-Za-z]{36})`

// S1.8: the token of the page opens a feed for OData tools; replaced or expired it answers 401.
func TestATokenFromThePageReadsFeedsUntilItIsReplacedOrExpires(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		db.Clock.Set(time.Now())
		r := reading(t, db)
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		ana := &person{t, http.Client{Jar: jar}, r.url}
		ana.do(http.MethodPost, "/sign-in", url.Values{"email": {testkit.Admin}, "password": {testkit.Password}})
		first := ana.found(ana.press("/workspaces/one/tokens/new"), shownSecret)
		read := func(secret string) (int, string, string) {
			t.Helper()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+"/odata/one/sales/Customers?$top=1", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.SetBasicAuth("anyone", secret)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			return resp.StatusCode, string(text), resp.Header.Get("WWW-Authenticate")
		}
		refused := func(what, secret string) {
			t.Helper()
			status, body, challenge := read(secret)
			if status != http.StatusUnauthorized || challenge != `Basic realm="Keywright", charset="UTF-8"` || !strings.Contains(body, `"code":"invalid_token"`) {
				t.Errorf("%s: %d %q %s", what, status, challenge, body)
			}
		}
		answered := func(what, secret string) {
			t.Helper()
			if status, body, _ := read(secret); status != http.StatusOK || !strings.Contains(body, `"Company":`) {
				t.Errorf("%s: %d %s", what, status, body)
			}
		}
		answered("a new token", first)
		list := ana.do(http.MethodGet, "/workspaces/one/tokens", nil)
		id := ana.found(list, `(tok_[0-9a-z]{26})`)
		second := ana.found(ana.press("/workspaces/one/tokens/"+id+"/regenerate"), shownSecret)
		refused("the replaced token", first)
		answered("the new one", second)
		db.Clock.Set(time.Now().AddDate(1, 0, -1))
		answered("a day before its year is over", second)
		db.Clock.Set(time.Now().AddDate(1, 0, 1))
		refused("an expired token", second)
	})
}
