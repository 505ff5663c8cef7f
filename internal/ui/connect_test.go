package ui_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/publish"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/odata/sqldata"
)

// sources are the feeds of the workspaces standard and single-token: the sales of a small company, of which each
// member sees their own orders, and one whose database is not there.
func (s *site) sources() []publish.Source {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), "sales.db")
	s.sales = path
	s.alter(
		`create table customers (id integer primary key, name text not null, country text not null, photo blob)`,
		`create table orders (id integer primary key, customer_id integer not null references customers, ordered text not null, total numeric, owner_email text not null)`,
		`insert into customers (id, name, country) values (1, 'Lindqvist & Daughters', 'Sweden'), (2, 'Café Lumière', 'France'), (3, 'Tanaka Trading', 'Japan'), (4, '<b>Bold</b>', 'Peru')`,
		`insert into orders values (1, 1, '2027-02-01', 120.5, 'member@example.com'), (2, 2, '2027-02-03', 80, 'dev@example.com')`,
	)
	sales := publish.Source{
		Name: "sales", Title: "Sales", Database: token.SecretOf(path), Scope: "odata:read",
		Publish: sqldata.Publish{Tables: []string{"*"}, Where: map[string]string{"orders": "owner_email = $user.email"}, Writable: true},
	}
	var out []publish.Source
	for _, ws := range []string{"standard", "single-token"} {
		sales.Workspace = ws
		out = append(out, sales)
	}
	gone := sales
	gone.Workspace, gone.Name, gone.Title, gone.Database = "standard", "archive", "Archive", token.SecretOf(filepath.Join(s.t.TempDir(), "gone.db"))
	return append(out, gone)
}

// makeSecret is make, with the secret.
func (s *site) makeSecret(by token.Identity, ws string, n token.Request) (token.Token, string) {
	s.t.Helper()
	by.SignedInAt = s.clock.Now()
	t, secret, err := s.auth.CreateToken(s.ctx(), by, ws, authority.NewToken{Request: n})
	s.must(err)
	return t, secret.Reveal()
}

// alter changes the database of the sales.
func (s *site) alter(statements ...string) {
	s.t.Helper()
	db, err := sql.Open("sqlite", "file:"+s.sales)
	s.must(err)
	defer db.Close()
	for _, statement := range statements {
		_, err := db.ExecContext(context.Background(), statement)
		s.must(err)
	}
}

func toolKeys() []string {
	return []string{"excel", "power-bi", "power-bi-service", "tableau", "postman", "curl", "python", "r"}
}

func TestConnectSaysForEachToolTheClicksWithTheUsersOwnAddress(t *testing.T) {
	s := newSite(t).populate()
	b := s.as(token.PlainMember)
	words := map[string][]string{
		"excel":            {"From OData Feed", "Basic", "Load", "Clear Permissions", "Customers.odc", `aria-label="Excel`},
		"power-bi":         {"Get data", "Basic", ".pbids", "OData.Feed(", "Data source settings"},
		"power-bi-service": {"Edit credentials", "Basic", "on-premises data gateway", "Refresh"},
		"tableau":          {"Username and Password", "Sign In"},
		"postman":          {"Import", ".postman_collection.json", ".postman_environment.json", "Bearer Token"},
		"curl":             {"curl -u", "-K -", "read -rs ODATA_TOKEN"},
		"python":           {"os.environ", "@odata.nextLink", "pd.DataFrame"},
		"r":                {"Sys.getenv", "@odata.nextLink", "req_auth_basic"},
	}
	for _, tool := range toolKeys() {
		b.get("/workspaces/standard/connect/sales/"+tool).want(200, s.url+"/odata/standard/sales/", "member@example.com", "User name", "Password", "your personal access token", "If it doesn't work", "401", "403")
		b.want(200, words[tool]...)
		b.lacks("ZgotmplZ")
	}
	b.get("/workspaces/standard/connect/nothing").want(404)
	b.get("/workspaces/standard/connect/sales/abacus").want(404)
	b.get("/workspaces/standard/connect").want(200, s.url+"/odata/standard/", "Excel")
}

func TestConnectIsThereOnlyForWhoMayHaveACredentialForAFeed(t *testing.T) {
	s := newSite(t).populate()
	b := s.as(token.PlainMember)
	b.get("/workspaces/crm-tokens/profile").want(200).lacks(`/connect"`)
	b.get("/workspaces/crm-tokens/connect").want(403)
	b.get("/workspaces/crm-tokens/connect/keywright/excel").want(403)
	b.get("/workspaces/crm-tokens/connect/keywright/files/keywright.pbids").want(403)
	b.post("/workspaces/crm-tokens/connect/keywright/excel", "credential", "x").want(403)
	a := s.as(token.Administrator)
	a.get("/workspaces/crm-tokens/profile").want(200, `/connect"`)
	a.get("/workspaces/crm-tokens/connect").want(200, "/odata/crm-tokens/keywright/")
}

func TestConnectLeadsToATokenWithTheScopeAndNamesThoseThatFit(t *testing.T) {
	s := newSite(t).populate()
	b := s.as(token.PlainMember)
	b.get("/workspaces/standard/connect/sales").want(200, "It takes a token with the scope", "you have none yet", "tokens/new?scopes=odata%3Aread", "an OAuth token")
	b.get("/workspaces/standard/tokens").want(200, "No tokens yet", `href="/workspaces/standard/connect/`)
	member := s.people[token.PlainMember]
	s.make(member, "standard", named("Excel at home", 90, "odata:read"))
	s.make(member, "standard", named("Own tokens only", 90, token.ScopeManage))
	b.get("/workspaces/standard/connect/sales").want(200, "Your token “Excel at home” can read this data").lacks("Own tokens only")
	b.get("/workspaces/standard/connect/sales?with=oauth-tokens").want(200, "the access token of an OAuth token", "works for one hour")

	d := s.as(token.Developer)
	d.get("/workspaces/standard/connect/sales?with=apps").want(200, "client secret", "there is none yet", "apps/new?scopes=odata%3Aread")

	// Where making one asks nothing, the button makes it.
	b.get("/workspaces/single-token/connect/sales").want(200, "you have none yet", "Add token")
	b.post("/workspaces/single-token/tokens/new", "nonce", b.hidden("nonce")).want(200, "Next: connect Excel, Power BI, Postman")
	b.get("/workspaces/single-token/connect/sales").want(200, "can read this data", "see what you can do").lacks("Add token")
}

func TestWhatWasShownOnceLeadsToConnectOnlyWhenItCanReadAFeed(t *testing.T) {
	s := newSite(t).populate()
	next := regexp.MustCompile(`<a class="btn" href="([^"]+)" data-close data-testid="next">`)
	follow := func(b *browser, wants ...string) {
		t.Helper()
		m := next.FindStringSubmatch(b.page)
		if m == nil {
			t.Fatalf("%s has no Next:\n%s", b.path, b.text())
		}
		b.get(strings.ReplaceAll(m[1], "&amp;", "&")).want(200, wants...)
	}
	b := s.as(token.Developer)
	b.get("/workspaces/standard/tokens/new")
	b.post("/workspaces/standard/tokens/new", "nonce", b.hidden("nonce"), "name", "BI", "scopes", "odata:read", "lifetime", "d90").want(200, "Your new token")
	follow(b, "your personal access token", "“BI”")
	b.get("/workspaces/standard/tokens/new")
	b.post("/workspaces/standard/tokens/new", "nonce", b.hidden("nonce"), "name", "Own", "scopes", token.ScopeManage, "lifetime", "d90").want(200, "Your new token").lacks("Next: connect")
	b.get("/workspaces/standard/apps/new")
	b.post("/workspaces/standard/apps/new", "nonce", b.hidden("nonce"), "name", "Loader", "scopes", "odata:read").want(200)
	follow(b, "client secret", "“Loader”")
	b.get("/workspaces/standard/oauth-tokens/new")
	b.post("/workspaces/standard/oauth-tokens/new", "nonce", b.hidden("nonce"), "name", "Notebook", "lifetime_days", "30").want(200)
	follow(b, "access token", "“Notebook”")
}
