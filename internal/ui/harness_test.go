package ui_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/feeds"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/publish"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/ui"
	"github.com/keywright/keywright/internal/verify"
	"github.com/keywright/keywright/internal/web"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func everyone() authority.TokenQuery {
	return authority.TokenQuery{Everyone: true, Page: authority.Page{Limit: 200}}
}

const password = "correct horse"

// site is the pages on a server of their own, with one workspace of each preset: the workspaces of the demo.
type site struct {
	t      *testing.T
	url    string
	clock  *testkit.Clock
	store  *store.Store
	auth   *authority.Authority
	checks *verify.Checker
	feeds  *publish.Feeds
	sales  string // path of the database
	admin  token.Identity
	people map[token.Role]token.Identity
}

func emails() map[token.Role]string {
	return map[token.Role]string{token.Administrator: "admin@example.com", token.Developer: "dev@example.com", token.PlainMember: "member@example.com"}
}

func newSite(t *testing.T) *site {
	t.Helper()
	db := testkit.SQLite(t)
	s := &site{t: t, clock: db.Clock, store: db.Open(t), people: map[token.Role]token.Identity{}}
	format, err := token.NewFormat("kw")
	s.must(err)
	box, err := keyring.NewBox()
	s.must(err)
	server := httptest.NewUnstartedServer(nil)
	public := &url.URL{Scheme: "http", Host: server.Listener.Addr().String()}
	issuer := func(slug string) string { return public.String() + "/w/" + slug }
	s.checks = verify.New(verify.Config{Store: s.store, Format: format, Now: db.Clock.Now, Box: box, Issuer: issuer})
	s.auth = authority.New(authority.Config{Store: s.store, Checks: s.checks, Format: format, Now: db.Clock.Now, Box: box, Issuer: issuer})

	kit := web.New(web.Config{Authority: s.auth, PublicURL: public})
	s.feeds, err = publish.Open(t.Context(), publish.Options{Authority: s.auth, Key: make([]byte, 32), Patience: time.Minute, Now: db.Clock.Now, Sources: s.sources()})
	s.must(err)
	t.Cleanup(func() { s.must(s.feeds.Close()) })
	data := feeds.New(feeds.Config{Kit: kit, Checks: s.checks, Feeds: s.feeds})
	pages, err := ui.New(ui.Config{Kit: kit, Authority: s.auth, Demo: true, Published: s.feeds, OData: data, Checks: s.checks})
	s.must(err)
	mux := http.NewServeMux()
	pages.Mount(mux)
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if feeds.Matches(r) {
			data.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
	server.Start()
	t.Cleanup(server.Close)
	s.url = public.String()
	return s
}

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) ctx() context.Context { return s.t.Context() }

// people gives the installation its accounts and workspaces.
func (s *site) populate() *site {
	s.t.Helper()
	from := token.Origin{Address: netip.MustParseAddr("203.0.113.7"), UserAgent: "Mozilla/5.0"}
	code, _, err := s.auth.OpenSetUp(s.ctx())
	s.must(err)
	_, s.admin, err = s.auth.SetUp(s.ctx(), authority.FirstAccount{Code: code.Reveal(), Email: "admin@example.com", Name: "Ana Costa", Password: password}, from)
	s.must(err)
	s.people[token.Administrator] = s.admin
	names := map[token.Role]string{token.Developer: "Deniz Kaya", token.PlainMember: "Mika Virtanen"}
	for _, info := range token.Presets() {
		_, err := s.auth.CreateWorkspace(s.ctx(), s.admin, authority.NewWorkspace{Slug: string(info.Name), Name: info.Title, Preset: info.Name})
		s.must(err)
		for _, role := range []token.Role{token.Developer, token.PlainMember} {
			_, link, err := s.auth.Invite(s.ctx(), s.admin, string(info.Name), authority.Invitation{Email: emails()[role], Name: names[role], Role: role})
			s.must(err)
			if link.Reveal() != "" {
				_, s.people[role], err = s.auth.RedeemLink(s.ctx(), link, password, from)
				s.must(err)
			}
		}
	}
	return s
}

// browser is a person's browser without the script: it keeps cookies and follows redirects.
type browser struct {
	*site
	client *http.Client
	page   string // the last page
	path   string
	status int
	header http.Header
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	s.must(err)
	return &browser{site: s, client: &http.Client{Jar: jar}}
}

// as signs in.
func (s *site) as(role token.Role) *browser {
	s.t.Helper()
	b := s.browser()
	b.post("/sign-in", "email", emails()[role], "password", password)
	if b.status != 200 || b.path == "/sign-in" {
		s.t.Fatalf("sign in as %s: %d at %s\n%s", role, b.status, b.path, b.text())
	}
	return b
}

func (b *browser) get(path string) *browser {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.ctx(), http.MethodGet, b.url+path, nil)
	b.must(err)
	return b.do(req)
}

func (b *browser) post(path string, fields ...string) *browser {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	req, err := http.NewRequestWithContext(b.ctx(), http.MethodPost, b.url+path, strings.NewReader(form.Encode()))
	b.must(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(req)
}

func (b *browser) do(req *http.Request) *browser {
	b.t.Helper()
	res, err := b.client.Do(req)
	b.must(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	b.must(err)
	b.page, b.path, b.status, b.header = string(body), res.Request.URL.Path, res.StatusCode, res.Header
	return b
}

var (
	tagForm    = regexp.MustCompile(`<[^>]*>`)
	spaceForm  = regexp.MustCompile(`\s+`)
	hiddenForm = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)
)

// text is the page's text without its tags.
func (b *browser) text() string {
	_, body, _ := strings.Cut(b.page, "<body")
	return strings.TrimSpace(spaceForm.ReplaceAllString(tagForm.ReplaceAllString("<body"+body, " "), " "))
}

func (b *browser) want(status int, texts ...string) *browser {
	b.t.Helper()
	if b.status != status {
		b.t.Fatalf("%s answered %d, want %d:\n%s", b.path, b.status, status, b.text())
	}
	for _, s := range texts {
		if !strings.Contains(b.page, s) && !strings.Contains(b.text(), s) {
			b.t.Fatalf("%s lacks %q:\n%s", b.path, s, b.text())
		}
	}
	return b
}

func (b *browser) lacks(texts ...string) {
	b.t.Helper()
	for _, s := range texts {
		if strings.Contains(b.page, s) {
			b.t.Fatalf("%s has %q:\n%s", b.path, s, b.text())
		}
	}
}

// hidden is the value of a hidden field of the page.
func (b *browser) hidden(name string) string {
	b.t.Helper()
	for _, m := range hiddenForm.FindAllStringSubmatch(b.page, -1) {
		if m[1] == name {
			return m[2]
		}
	}
	b.t.Fatalf("%s has no hidden field %q:\n%s", b.path, name, b.text())
	return ""
}

var secretForm = regexp.MustCompile(`kw_pat_[0-9A-Za-z]{36}`)

func (b *browser) secret() string {
	b.t.Helper()
	return b.shown(secretForm)
}

// shown is the secret of a form that the page shows.
func (b *browser) shown(form *regexp.Regexp) string {
	b.t.Helper()
	s := form.FindString(b.page)
	if s == "" {
		b.t.Fatalf("%s shows no secret (%d):\n%s", b.path, b.status, b.text())
	}
	return s
}

// make makes a token by authority, at the clock's time.
func (s *site) make(by token.Identity, ws string, n token.Request) token.Token {
	s.t.Helper()
	by.SignedInAt = s.clock.Now()
	t, _, err := s.auth.CreateToken(s.ctx(), by, ws, authority.NewToken{Request: n})
	s.must(err)
	return t
}

func named(name string, days int, scopes ...string) token.Request {
	return token.Request{Name: &name, Scopes: &scopes, Expiry: token.Choice{LifetimeDays: &days}}
}

// use counts requests as the checks would.
func (s *site) use(t token.Token, requests, refusals int64, addresses ...string) {
	s.t.Helper()
	now := s.clock.Now()
	u := store.Use{TokenID: t.ID, OwnerID: t.Owner.ID, WorkspaceID: t.WorkspaceID, Day: authority.Day(now), Requests: requests, Refusals: refusals}
	for _, a := range addresses {
		u.Addresses = append(u.Addresses, netip.MustParseAddr(a))
		u.LastUsedAt, u.LastUsedIP = now, u.Addresses[0]
	}
	s.must(s.store.Update(s.ctx(), func(tx *store.Tx) error { return tx.AddUse(u) }))
}

// history gives the workspaces a past of half a year.
func (s *site) history() *site {
	s.t.Helper()
	now := s.clock.Now()
	days := func(n int) { s.clock.Set(now.AddDate(0, 0, -n)) }
	defer s.clock.Set(now)
	admin, dev, member := s.people[token.Administrator], s.people[token.Developer], s.people[token.PlainMember]
	days(200)
	old := s.make(admin, "standard", named("Nightly export", 30, "odata:read"))
	s.make(member, "standard", named("Forgotten", 365, "odata:read"))
	days(160)
	gone := s.make(admin, "standard", named("Laptop script", 365, "odata:read", token.ScopeManage))
	days(80)
	bi := s.make(admin, "standard", named("Power BI", 90, "odata:read"))
	sheet := s.make(dev, "standard", named("Deploy pipeline", 85, token.ScopeManage, "odata:read"))
	days(60)
	_, err := s.auth.RevokeToken(s.ctx(), admin, "standard", gone.ID, "laptop was replaced")
	s.must(err)
	days(20)
	excel := s.make(admin, "standard", named("Excel at home", 365, "odata:read"))
	for d := 70; d >= 0; d-- {
		days(d)
		if wd := s.clock.Now().Weekday(); wd == time.Saturday || wd == time.Sunday {
			continue
		}
		s.use(bi, int64(300+(d*37)%190), int64(d%9/7*12), "203.0.113.7", "198.51.100.23")
		s.use(sheet, int64(90+(d*53)%70), 0, "192.0.2.14")
		if d < 20 {
			s.use(excel, int64(20+d), 0, "203.0.113.7")
		}
	}
	_ = old
	days(40)
	one := s.make(member, "single-token", token.Request{})
	s.make(admin, "single-token", token.Request{})
	days(1)
	s.use(one, 58, 0, "198.51.100.77")
	s.plainTokens(days)
	s.someApps(days)
	s.clock.Set(now.Add(-3 * time.Minute))
	s.use(bi, 12, 0, "203.0.113.7")
	return s
}

// app makes an app by authority, at the clock's time.
func (s *site) app(by token.Identity, ws, name string, scopes ...string) (token.App, token.Secret) {
	s.t.Helper()
	by.SignedInAt = s.clock.Now()
	a, secret, err := s.auth.CreateApp(s.ctx(), by, ws, authority.NewApp{Name: name, Scopes: scopes})
	s.must(err)
	return a, secret
}

// pair makes an OAuth token by authority, at the clock's time.
func (s *site) pair(by token.Identity, ws, name string, days int) (token.OAuthToken, authority.Issued) {
	s.t.Helper()
	by.SignedInAt = s.clock.Now()
	t, issued, err := s.auth.CreateOAuthToken(s.ctx(), by, ws, authority.NewOAuthToken{Name: name, LifetimeDays: &days})
	s.must(err)
	return t, issued
}

// useOf counts requests of an app or an OAuth token.
func (s *site) useOf(id, owner, workspace string, requests int64, address string) {
	s.t.Helper()
	now := s.clock.Now()
	u := store.Use{TokenID: id, OwnerID: owner, WorkspaceID: workspace, Day: authority.Day(now), Requests: requests, LastUsedAt: now, LastUsedIP: netip.MustParseAddr(address)}
	u.Addresses = []netip.Addr{u.LastUsedIP}
	s.must(s.store.Update(s.ctx(), func(tx *store.Tx) error { return tx.AddUse(u) }))
}

func (s *site) someApps(days func(int)) {
	admin, dev := s.people[token.Administrator], s.people[token.Developer]
	days(70)
	old, _ := s.app(dev, "apps-and-tokens", "Old importer", "odata:read")
	days(30)
	loader, _ := s.app(dev, "standard", "Warehouse loader", "odata:read")
	robot, _ := s.app(admin, "apps-and-tokens", "Workflow robot", "odata:read")
	_, err := s.auth.DisableApp(s.ctx(), admin, "apps-and-tokens", old.ID)
	s.must(err)
	for d := 29; d >= 0; d-- {
		days(d)
		s.useOf(loader.ID, loader.ID, loader.WorkspaceID, int64(40+d*7%30), "192.0.2.30")
		s.useOf(robot.ID, robot.ID, robot.WorkspaceID, int64(10+d), "192.0.2.31")
	}
}

func (s *site) plainTokens(days func(int)) {
	admin, dev := s.people[token.Administrator], s.people[token.Developer]
	plain := func(name string) token.Request { return token.Request{Name: &name} }
	days(120)
	s.make(admin, "apps-and-tokens", plain("Invoice workflow"))
	stopped := s.make(dev, "apps-and-tokens", plain("Test run"))
	days(90)
	s.must(func() error {
		_, err := s.auth.RevokeToken(s.ctx(), dev, "apps-and-tokens", stopped.ID, "")
		return err
	}())
	days(12)
	s.make(dev, "apps-and-tokens", plain("Staging sync"))
	text, scopes, year := "Sales dashboard in Power BI", []string{"odata:read"}, 365
	s.make(admin, "crm-tokens", token.Request{Description: &text, Scopes: &scopes, Expiry: token.Choice{LifetimeDays: &year}})
	forever := "Old quarterly report"
	s.make(admin, "crm-tokens", token.Request{Description: &forever, Scopes: &scopes, Expiry: token.Choice{Never: true}})
	for i, set := range [][]string{{"device", "policy"}, {"collection", "device", "policy", "odata:read"}} {
		name := fmt.Sprintf("Inventory %d", i+1)
		s.make(admin, "scoped-tokens", token.Request{Name: &name, Scopes: &set})
	}
}

// workspace is the id of a workspace.
func (s *site) workspace(slug string) string {
	s.t.Helper()
	in, err := s.auth.Enter(s.ctx(), s.admin, slug)
	s.must(err)
	return in.ID
}
