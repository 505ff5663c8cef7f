package feeds_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	_ "modernc.org/sqlite" // the driver

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/feeds"
	"github.com/keywright/keywright/internal/legacy"
	"github.com/keywright/keywright/internal/publish"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/web"
	"github.com/keywright/keywright/odata/sqldata"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const public = "https://keywright.example"

// site is an installation whose feeds are served.
type site struct {
	*testkit.Installation
	t       *testing.T
	handler http.Handler
	log     *bytes.Buffer
	metrics *prometheus.Registry
}

func newSite(t *testing.T, sources ...publish.Source) *site {
	t.Helper()
	s := &site{Installation: testkit.InstalledSQLite(t), t: t, log: &bytes.Buffer{}, metrics: prometheus.NewRegistry()}
	f, err := publish.Open(t.Context(), publish.Options{Authority: s.Authority, Key: make([]byte, 32), Patience: time.Minute, Sources: sources, Now: s.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	at, err := url.Parse(public)
	if err != nil {
		t.Fatal(err)
	}
	kit := web.New(web.Config{
		Authority: s.Authority, PublicURL: at, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		Log: slog.New(slog.NewJSONHandler(s.log, nil)), ProductName: `Acme "Keys"`,
	})
	s.handler = feeds.New(feeds.Config{Kit: kit, Checks: s.Checks, Feeds: f, Registerer: s.metrics})
	return s
}

func (s *site) token(ws string, scopes ...string) string {
	return s.tokenOf(testkit.Dev, ws, scopes...)
}

func (s *site) tokenOf(email, ws string, scopes ...string) string {
	s.t.Helper()
	name, days := "t"+strings.Join(scopes, ""), 30
	n := authority.NewToken{Request: token.Request{Name: &name, Scopes: &scopes}}
	if ws == "standard" {
		n.Expiry.LifetimeDays = &days
	}
	_, secret, err := s.CreateToken(s.t.Context(), s.People[email], ws, n)
	if err != nil {
		s.t.Fatal(err)
	}
	return secret.Reveal()
}

type reply struct {
	*httptest.ResponseRecorder
	code, message string
}

// get asks with headers, given as pairs.
func (s *site) get(path string, headers ...string) reply {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), http.MethodGet, path, nil)
	r.RemoteAddr = "198.51.100.7:1234"
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return s.do(r)
}

func (s *site) do(r *http.Request) reply {
	s.t.Helper()
	if !feeds.Matches(r) {
		s.t.Fatalf("%s is for nobody", r.URL)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	var e struct {
		Error struct{ Code, Message string }
	}
	if w.Code >= 400 {
		if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || e.Error.Code == "" || e.Error.Message == "" || w.Header().Get("Content-Type") != "application/json" {
			s.t.Errorf("%s: %d is no OData error: %q %s", r.URL, w.Code, w.Header().Get("Content-Type"), w.Body)
		}
		if w.Header().Get("Cache-Control") != "no-store" {
			s.t.Errorf("%s: an error may be kept: %q", r.URL, w.Header().Get("Cache-Control"))
		}
	}
	versions := ""
	for name, values := range w.Header() {
		if strings.EqualFold(name, "OData-Version") {
			versions += name + ": " + strings.Join(values, ", ")
		}
	}
	if versions != "OData-Version: 4.0" {
		s.t.Errorf("%s: %s", r.URL, versions)
	}
	return reply{w, e.Error.Code, e.Error.Message}
}

func basic(user, password string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization")
}

const challenge = `Basic realm="Acme Keys", charset="UTF-8"`

func TestWithoutAGoodCredentialEveryAddressGetsTheSameAnswer(t *testing.T) {
	s := newSite(t)
	other := s.token("scoped-tokens", "collection")
	for _, sent := range []struct {
		name    string
		headers []string
		code    string
	}{
		{"nothing", nil, "sign_in_required"},
		{"an empty Bearer", []string{"Authorization", "Bearer"}, "sign_in_required"},
		{"an empty Bearer and a blank", []string{"Authorization", "Bearer "}, "sign_in_required"},
		{"another scheme", []string{"Authorization", "Negotiate abc"}, "sign_in_required"},
		{"nonsense", []string{"Authorization", "Bearer nonsense"}, "invalid_token"},
		{"a token of another workspace", []string{"Authorization", basic("x", other)}, "invalid_token"},
		{"two headers", []string{"Authorization", "Bearer a", "Authorization", "Bearer b"}, "invalid_token"},
		{"unreadable Basic", []string{"Authorization", "Basic !"}, "invalid_token"},
	} {
		var first string
		for _, path := range []string{
			"/odata/standard/keywright/", "/odata/standard/keywright", "/odata/standard/keywright/$metadata", "/odata/standard/keywright/Tokens('a%2Fb')", "/odata/standard/nothing/", "/odata/nowhere/keywright/",
			"/odata/", "/odata/standard", "/odata/standard/", "/odata/standard/keywright/%ZZ",
		} {
			path = strings.Replace(path, "%ZZ", "a//b", 1)
			if path == "/odata/" && sent.name == "a token of another workspace" {
				continue // it names no workspace: the token is good, and nothing is there
			}
			r := s.get(path, sent.headers...)
			if got := r.Header()["Www-Authenticate"]; r.Code != 401 || len(got) != 1 || got[0] != challenge || r.code != sent.code {
				t.Errorf("%s, %s: %d %q %s", sent.name, path, r.Code, got, r.Body)
			}
			if first == "" {
				first = r.Body.String()
			}
			if r.Body.String() != first {
				t.Errorf("%s, %s: %s, but elsewhere %s", sent.name, path, r.Body, first)
			}
		}
	}
}

func TestATokenOpensAFeedHoweverItIsSent(t *testing.T) {
	s := newSite(t)
	secret := s.token("standard", "odata:read")
	for name, sent := range map[string]string{
		"as the password": basic("anyone", secret), "as the user name": basic(secret, ""), "as Bearer": "Bearer " + secret, "in another case": "bearer  " + secret,
	} {
		r := s.get("/odata/standard/keywright/", "Authorization", sent)
		if r.Code != 200 || !strings.Contains(r.Body.String(), `"@odata.context":"`+public+`/odata/standard/keywright/$metadata"`) {
			t.Errorf("%s: %d %s", name, r.Code, r.Body)
		}
		if cc := r.Header().Get("Cache-Control"); cc != "private, no-cache" {
			t.Errorf("%s: Cache-Control %q", name, cc)
		}
	}
	for _, path := range []string{"/odata/standard/keywright", "/odata/standard/keywright/$metadata", "/odata/standard/keywright/Tokens", "/odata/standard/keywright/Tokens/$count"} {
		if r := s.get(path, "Authorization", "Bearer "+secret); r.Code != 200 {
			t.Errorf("%s: %d %s", path, r.Code, r.Body)
		}
	}
	for _, path := range []string{"/odata/standard/nothing/", "/odata/standard/", "/odata/standard", "/odata/standard/Keywright/", "/odata/standard/keywright%2FTokens", "/odata/standard//Tokens", "/odata//keywright/"} {
		if r := s.get(path, "Authorization", "Bearer "+secret); r.Code != 404 || r.code != "not_found" {
			t.Errorf("%s: %d %s", path, r.Code, r.Body)
		}
	}
}

func TestA403SaysInWordsWhatTheTokenLacks(t *testing.T) {
	s := newSite(t)
	r := s.get("/odata/scoped-tokens/keywright/", "Authorization", "Bearer "+s.token("scoped-tokens", "collection"))
	if r.Code != 403 || r.code != "scope_missing" || !strings.HasPrefix(r.message, "The token lacks the scope odata:read. ") || r.Header().Get("WWW-Authenticate") != "" {
		t.Errorf("%d %s %q", r.Code, r.Body, r.Header().Get("WWW-Authenticate"))
	}
}

func TestATokenInTheQueryIsRefusedAndInNoLog(t *testing.T) {
	s := newSite(t)
	secret := s.token("standard", "odata:read")
	jwt := "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln"
	for _, query := range []string{"access_token=" + secret, "api_key=" + secret, "x=1&anything=" + secret, "token=" + jwt, "key=" + url.QueryEscape(s.Format.New(token.KindRefresh).Reveal()), "k=%6b" + secret[1:]} {
		for _, headers := range [][]string{nil, {"Authorization", "Bearer " + secret}} {
			r := s.get("/odata/standard/keywright/Tokens?"+query, headers...)
			if r.Code != 400 || !strings.Contains(r.message, "A token stands in the address") {
				t.Errorf("%s: %d %s", query, r.Code, r.Body)
			}
		}
	}
	if r := s.get("/odata/standard/keywright/Tokens?foo=bar&access_token=nonsense", "Authorization", "Bearer "+secret); r.Code != 200 {
		t.Errorf("a custom option that is no token: %d %s", r.Code, r.Body)
	}
	r := s.get("/odata/standard/keywright/Tokens('tok_x')?$select=Name&$filter=Name%20eq%20'MARK'", "Authorization", basic("u", secret))
	if r.Code == 200 {
		t.Error(r.Body)
	}
	for _, part := range []string{secret, secret[7:20], jwt, "MARK", "tok_x", "$select"} {
		if strings.Contains(s.log.String(), part) {
			t.Errorf("%q is in the log", part)
		}
	}
}

func TestOneEventOfEachRequestSaysWhoReadWhat(t *testing.T) {
	s := newSite(t)
	secret := s.token("standard", "odata:read")
	s.get("/odata/standard/keywright/Tokens?$top=5", "Authorization", "Bearer "+secret)
	var line map[string]any
	if err := json.Unmarshal(s.log.Bytes(), &line); err != nil {
		t.Fatalf("%v: %s", err, s.log)
	}
	for name, want := range map[string]any{
		"surface": "odata", "route": "/odata/{ws}/{feed}/", "status": 200.0, "workspace": "standard", "feed": "keywright", "set": "Tokens", "rows": 1.0, "user_id": s.People[testkit.Dev].User.ID,
	} {
		if line[name] != want {
			t.Errorf("%s is %v, want %v", name, line[name], want)
		}
	}
	if id, _ := line["token_id"].(string); !strings.HasPrefix(id, "tok_") {
		t.Errorf("token_id %v", line["token_id"])
	}
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	seen := ""
	for _, f := range families {
		seen += f.String()
	}
	for _, want := range []string{"keywright_feed_requests_total", "keywright_feed_rows_total", "keywright_feed_request_duration_seconds", `value:"keywright"`, `value:"200"`} {
		if !strings.Contains(seen, want) {
			t.Errorf("no %s in the metrics: %s", want, seen)
		}
	}
}

func TestLinksAreThoseThatTheClientCanReach(t *testing.T) {
	s := newSite(t)
	secret := s.token("standard", "odata:read")
	for _, c := range []struct {
		peer, host, want string
	}{
		{"198.51.100.7:1", "evil.example", public}, {"10.1.1.1:1", "data.example.com", "https://data.example.com"}, {"10.1.1.1:1", "", public},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://inner:8080/odata/standard/keywright/Tokens", nil)
		r.RemoteAddr = c.peer
		r.Header.Set("Authorization", "Bearer "+secret)
		if c.host != "" {
			r.Header.Set("X-Forwarded-Host", c.host)
		}
		if got := s.do(r); !strings.Contains(got.Body.String(), `"@odata.context":"`+c.want+`/odata/standard/keywright/$metadata#Tokens"`) {
			t.Errorf("%s for %q: %s", c.peer, c.host, got.Body)
		}
	}
}

func TestAnAccessTokenForTheFeedAloneOpensIt(t *testing.T) {
	s := newSite(t)
	app, secret, err := s.CreateApp(t.Context(), s.People[testkit.Dev], "standard", authority.NewApp{Name: "a", Scopes: []string{"odata:read"}})
	if err != nil {
		t.Fatal(err)
	}
	client, err := s.Client(t.Context(), authority.ClientAuth{ID: app.ID, Secret: secret}, testkit.Origin())
	if err != nil {
		t.Fatal(err)
	}
	for resource, want := range map[string]int{
		"": 200, public + "/odata/standard/keywright": 200, public + "/odata/standard/keywright/": 200, public + "/odata/standard": 401, public + "/odata/standard/keywright//": 401,
		public + "/odata/standard/other/": 401, "https://evil.example/odata/standard/keywright/": 401,
	} {
		issued, err := s.ClientCredentials(t.Context(), client, authority.GrantRequest{Resource: resource})
		if err != nil {
			t.Fatal(err)
		}
		r := s.get("/odata/standard/keywright/Apps", "Authorization", "Bearer "+issued.AccessToken.Reveal())
		if r.Code != want {
			t.Errorf("%q: %d, want %d: %s", resource, r.Code, want, r.Body)
		}
		if want == 200 && !strings.Contains(r.Body.String(), app.ID) {
			t.Errorf("%q: the app does not see itself: %s", resource, r.Body)
		}
	}
}

func TestWhoReadsWithALegacyTokenIsWarned(t *testing.T) {
	s := newSite(t)
	const secret = "old-system-token-0123456789"
	digest := token.HashOf(secret)
	line := legacy.Line{Number: 1, Owner: testkit.Member, Name: "old", Scopes: []string{"odata:read"}, Scheme: token.SchemeSHA256, Digest: digest[:]}
	if _, err := s.ImportTokens(t.Context(), s.People[testkit.Admin], "standard", authority.Import{
		Stops: s.Clock.Now().AddDate(0, 6, 0), Lines: func(yield func(legacy.Line, error) bool) { yield(line, nil) },
	}); err != nil {
		t.Fatal(err)
	}
	r := s.get("/odata/standard/keywright/Tokens", "Authorization", basic("x", secret))
	h := r.Header()
	if r.Code != 200 || !strings.HasPrefix(h.Get("Deprecation"), "@") || h.Get("Sunset") != s.Clock.Now().AddDate(0, 6, 0).Format(http.TimeFormat) ||
		h.Get("Link") != "<"+public+`/workspaces/standard/legacy-tokens>; rel="deprecation"; type="text/html"` || !strings.Contains(r.Body.String(), `"Kind":"legacy"`) {
		t.Errorf("%d %v %s", r.Code, h, r.Body)
	}
}

func TestUnknownCredentialsAreThrottledAndGoodOnesAreNot(t *testing.T) {
	s := newSite(t)
	secret := s.token("standard", "odata:read")
	for n := 0; ; n++ {
		r := s.get("/odata/standard/keywright/", "Authorization", basic("x", s.Format.New(token.KindPAT).Reveal()))
		if r.Code == 429 {
			if n < 100 || r.Header().Get("Retry-After") == "" || r.Header().Get("WWW-Authenticate") != "" {
				t.Errorf("after %d: %v", n, r.Header())
			}
			break
		}
		if r.Code != 401 || n > 1000 {
			t.Fatalf("after %d: %d", n, r.Code)
		}
	}
	if r := s.get("/odata/standard/keywright/", "Authorization", basic("x", secret)); r.Code != 200 {
		t.Errorf("a good one: %d", r.Code)
	}
}

func TestUseIsCounted(t *testing.T) {
	s := newSite(t)
	secret := s.token("standard", "odata:read")
	for range 3 {
		s.get("/odata/standard/keywright/", "Authorization", basic("x", secret))
	}
	u, err := s.Usage(t.Context(), s.People[testkit.Dev], "standard", "", 1)
	if err != nil || len(u.Tokens) != 1 || u.Tokens[0].Requests != 3 {
		t.Errorf("%+v %v", u, err)
	}
}

func TestAFeedThatCannotBeReadIs503AndTouchesNothingElse(t *testing.T) {
	s := newSite(t, publish.Source{Workspace: "standard", Name: "broken", Database: token.SecretOf(t.TempDir() + "/none.db"), Scope: "odata:read"})
	secret := s.token("standard", "odata:read")
	r := s.get("/odata/standard/broken/", "Authorization", basic("x", secret))
	if r.Code != 503 || r.Header().Get("Retry-After") != "30" || strings.Contains(r.Body.String(), "none.db") {
		t.Errorf("%d %s", r.Code, r.Body)
	}
	if r := s.get("/odata/standard/keywright/", "Authorization", basic("x", secret)); r.Code != 200 {
		t.Errorf("the other feed: %d %s", r.Code, r.Body)
	}
	if r := s.get("/odata/standard/broken/"); r.Code != 401 {
		t.Errorf("without a credential: %d", r.Code)
	}
}

func TestPathsArriveAsTheyWereSent(t *testing.T) {
	s := newSite(t)
	secret := s.token("standard", "odata:read")
	srv := httptest.NewServer(s.handler)
	t.Cleanup(srv.Close)
	for path, want := range map[string]int{
		"/odata/standard/keywright/Tokens('a%2Fb')": 404, "/odata/standard/keywright/Tokens('it''s')": 404, "/odata/standard/keywright/Tokens%28%27x%27%29": 404,
		"/odata/standard/keywright/Tokens('a//b')": 400, "/odata/standard/keywright//Tokens": 400, "/odata/standard/keywright/Tokens('..')": 404,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("x", secret)
		client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		got, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(got.Body)
		if err != nil || got.Body.Close() != nil {
			t.Fatal(err)
		}
		if got.StatusCode != want {
			t.Errorf("%s: %d %s", path, got.StatusCode, text)
		}
	}
}

func TestASkipTokenIsForWhoItWasMadeFor(t *testing.T) {
	s := newSite(t)
	admin, dev := s.tokenOf(testkit.Admin, "standard", "odata:read"), s.token("standard", "odata:read")
	r := s.get("/odata/standard/keywright/Members", "Authorization", basic("x", admin), "Prefer", "maxpagesize=1")
	var page struct {
		Next string `json:"@odata.nextLink"`
	}
	if err := json.Unmarshal(r.Body.Bytes(), &page); err != nil || !strings.HasPrefix(page.Next, public+"/odata/standard/keywright/Members?") {
		t.Fatalf("%v %s", err, r.Body)
	}
	path := strings.TrimPrefix(page.Next, public)
	for name, want := range map[string]int{admin: 200, dev: 400} {
		if got := s.get(path, "Authorization", basic("x", name)); got.Code != want {
			t.Errorf("%d, want %d: %s", got.Code, want, got.Body)
		}
	}
	again := s.get(strings.Replace(path, "/standard/", "/scoped-tokens/", 1), "Authorization", basic("x", s.tokenOf(testkit.Admin, "scoped-tokens", "odata:read")))
	if again.Code != 400 {
		t.Errorf("in another workspace: %d %s", again.Code, again.Body)
	}
}

// The server's limits are for requests of people: an answer may take as long as its client reads.
func TestALongAnswerOutlivesTheServersLimits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "long.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `create table rows (id integer primary key, text text not null);
		with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) insert into rows select i, printf('%01000d', i) from n;
		create view slow as select 1 as id, (with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000000000) select count(*) from n) as many`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	const limit = 200 * time.Millisecond
	long := publish.Source{Workspace: "standard", Name: "long", Database: token.SecretOf(path), Scope: "odata:read", PageSize: 20000, Publish: sqldata.Publish{
		Namespace: "Feed", Tables: []string{"*"}, Keys: map[string][]string{"slow": {"id"}}, Types: map[string]string{"slow.id": "integer", "slow.many": "integer"},
	}}
	slow := long
	slow.Name, slow.Options.Timeout = "slow", 3*limit
	s := newSite(t, long, slow)
	secret := s.token("standard", "odata:read")
	srv := httptest.NewUnstartedServer(s.handler)
	srv.Config.ReadTimeout, srv.Config.WriteTimeout = limit, limit
	srv.Start()
	t.Cleanup(srv.Close)
	ask := func(path string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/odata/standard/"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("x", secret)
		r.Header.Set("Accept-Encoding", "identity")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	late := ask("slow/Slow") // its first byte comes after the limit
	defer late.Body.Close()
	if text, err := io.ReadAll(late.Body); err != nil || late.StatusCode != http.StatusGatewayTimeout || !strings.HasPrefix(string(text), `{"error":`) {
		t.Errorf("%d %s %v", late.StatusCode, text, err)
	}
	resp := ask("long/Rows")
	defer resp.Body.Close()
	if _, err := io.ReadFull(resp.Body, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	<-time.After(2 * limit) // a client that takes its time; the answer is larger than what lies between
	rest, err := io.ReadAll(resp.Body)
	if err != nil || len(rest) < 20_000_000 || !strings.HasSuffix(string(rest[len(rest)-2:]), "]}") {
		t.Errorf("%d bytes, %v", len(rest), err)
	}
}
