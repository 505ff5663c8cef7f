package ui_test

import (
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/token"
)

var reportForm = regexp.MustCompile(`(?s)data-testid="report">(.*?)</ol>`)

// try sends the form "Test this connection", and returns what it says step by step.
func (b *browser) try(feed, credential string) string {
	b.t.Helper()
	b.post(feed+"/excel", "user", "anything", "credential", credential).want(200)
	if !strings.Contains(credential, "@") { // an e-mail address is on the page anyway
		b.lacks(strings.TrimSpace(credential))
	}
	m := reportForm.FindStringSubmatch(b.page)
	if m == nil {
		b.t.Fatalf("no report:\n%s", b.text())
	}
	return html.UnescapeString(strings.TrimSpace(spaceForm.ReplaceAllString(tagForm.ReplaceAllString(m[1], " "), " ")))
}

func TestTryingAGoodTokenShowsWhatAToolWouldSee(t *testing.T) {
	s := newSite(t).populate()
	_, secret := s.makeSecret(s.people[token.PlainMember], "standard", named("Excel", 90, "odata:read"))
	b := s.as(token.PlainMember)
	said := b.try("/workspaces/standard/connect/sales", secret)
	for _, want := range []string{
		"It works", "Done: Signs in As you, with “Excel”, which expires in", "May read this feed It has the scope “Read data (OData)” (odata:read)",
		"Opens the feed 2 tables: Customers, Orders.", "Reads what the tables hold", "Reads the first rows The first of “Customers” are below",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("it lacks %q: %s", want, said)
		}
	}
	b.want(200, "Lindqvist &amp; Daughters", "Sweden", "Café Lumière").lacks("Tanaka Trading<b>", "Failed:")

	// Pasted with a blank, it is told so. The user's name may be anything, and stays.
	if said := b.try("/workspaces/standard/connect/sales", " "+secret+"\n"); !strings.Contains(said, "There was a space before or after the token") {
		t.Errorf("it said %s", said)
	}
	b.want(200, `name="user" value="anything"`)

	// The built-in feed goes the same way.
	if said := b.try("/workspaces/standard/connect/keywright", secret); !strings.Contains(said, "It works") {
		t.Errorf("it said %s", said)
	}
}

func TestTryingSaysInWordsWhatIsWrongAndWhatToDo(t *testing.T) {
	s := newSite(t).populate()
	member := s.people[token.PlainMember]
	_, good := s.makeSecret(member, "standard", named("Good", 300, "odata:read"))
	_, narrow := s.makeSecret(member, "standard", named("Narrow", 300, token.ScopeManage))
	_, short := s.makeSecret(member, "standard", named("Short", 7, "odata:read"))
	stopped, revoked := s.makeSecret(member, "standard", named("Stopped", 300, "odata:read"))
	_, err := s.auth.RevokeToken(s.ctx(), member, "standard", stopped.ID, "")
	s.must(err)
	_, elsewhere := s.makeSecret(member, "single-token", token.Request{})
	_, others := s.makeSecret(s.people[token.Developer], "standard", named("Theirs", 300, "odata:read"))
	app, appSecret := s.app(s.people[token.Administrator], "standard", "Loader", "odata:read")
	_, pair := s.pair(member, "standard", "Notebook", 30)
	s.clock.Advance(30 * time.Minute)
	b := s.as(token.PlainMember)
	const sales = "/workspaces/standard/connect/sales"
	for name, c := range map[string]struct {
		feed, credential string
		says             []string
	}{
		"no scope":             {sales, narrow, []string{"As you, with “Narrow”", "Failed: May read this feed It lacks the scope “Read data (OData)”", "Create token"}},
		"revoked":              {sales, revoked, []string{"Failed: Signs in", "This looks like “Stopped”, which was revoked."}},
		"of another workspace": {sales, elsewhere, []string{"Failed: Signs in", "no token of this workspace"}},
		"cut":                  {sales, good[:len(good)-5], []string{"not whole: 5 characters are missing"}},
		"too long":             {sales, good + "xy", []string{"2 characters too long"}},
		"in quotation marks":   {sales, `"` + good + `"`, []string{"something around the token", "alone"}},
		"as a header":          {sales, "Bearer " + good, []string{"something around the token"}},
		"mistyped":             {sales, good[:20] + "0" + good[21:], []string{"Failed: Signs in", "Copy it again"}},
		"password":             {sales, password, []string{"does not look like a token", "own password does not work"}},
		"e-mail":               {sales, "member@example.com", []string{"e-mail address", "as the user name"}},
		"refresh token":        {sales, pair.RefreshToken.Reveal(), []string{"This is a refresh token", "the access token instead"}},
		"access token":         {sales, pair.AccessToken.Reveal(), []string{"It works", "As you, with an access token, which expires in"}},
		"client ID":            {sales, app.ID, []string{"the app's client ID", "client secret as the password"}},
		"app":                  {sales, appSecret.Reveal(), []string{"It works", "As an app, which never expires"}},
		"somebody else's":      {sales, others, []string{"With a token of somebody else"}},
		"not there":            {"/workspaces/standard/connect/archive", good, []string{"Done: Signs in", "Failed: Opens the feed", "not available", "Try again in a minute"}},
		"soon":                 {sales, short, []string{"It works", "“Short”"}},
	} {
		said := b.try(c.feed, c.credential)
		for _, want := range c.says {
			if !strings.Contains(said, want) && !strings.Contains(b.page, want) {
				t.Errorf("%s: it lacks %q: %s", name, want, said)
			}
		}
	}
	b.post(sales+"/excel", "user", "a:b", "credential", good).want(200, "The user name holds a colon")
	s.alter(`drop table orders`, `alter table customers drop column country`)
	if said := b.try(sales, good); !strings.Contains(said, "have changed since they were read") || !strings.Contains(said, "Ask an administrator to read the schemas again") {
		t.Errorf("a column is gone: %s", said)
	}
	s.clock.Advance(8 * 24 * time.Hour)
	b = s.as(token.PlainMember)
	if said := b.try(sales, short); !strings.Contains(said, "This looks like “Short”, which expired on") {
		t.Errorf("expired: %s", said)
	}
	if said := b.try(sales, pair.AccessToken.Reveal()); !strings.Contains(said, "access token is not good any more") {
		t.Errorf("expired access token: %s", said)
	}
	b.post(sales+"/excel", "user", "me", "credential", " ").want(422, "Paste your token here", `value="me"`)
}

// What is tried is counted for the address that it came from, as if a tool had.
func TestTryingManyWrongTokensIsThrottledLikeATool(t *testing.T) {
	s := newSite(t).populate()
	b := s.as(token.PlainMember)
	var said string
	for range 300 {
		if said = b.try("/workspaces/standard/connect/sales", "kw_pat_"+strings.Repeat("0", 30)+"1iPMr3"); strings.Contains(said, "Too many") {
			break
		}
	}
	if !strings.Contains(said, "Too many wrong tokens came from your address. Wait") {
		t.Errorf("it said %s", said)
	}
	// A good one is never throttled.
	_, secret := s.makeSecret(s.people[token.PlainMember], "standard", named("Excel", 90, "odata:read"))
	if said := b.try("/workspaces/standard/connect/sales", secret); !strings.Contains(said, "It works") {
		t.Errorf("a good token: %s", said)
	}
}

func TestTheAdministratorsPageShowsWhatIsPublishedAndWhatIsLeftOut(t *testing.T) {
	s := newSite(t).populate()
	a := s.as(token.Administrator)
	a.get("/workspaces/standard/admin/feeds").want(200,
		"Data feeds", "Sales", "Available", s.url+"/odata/standard/sales/", "Read data (OData) <code>odata:read</code>", "Administrators, developers, members and apps",
		"customers.photo", "left out", "Customers", "Country", "Text", "Edm.String", "Key", "owner_email = $user.email", "leads to",
		"Archive", "Not available", "there is no such file", "Built in", "AuditEvents", "Read the schemas again")
	a.lacks("sales.db", "gone.db")
	a.get("/workspaces/crm-tokens/admin/feeds").want(200, "No data of your own yet", "feeds:", "workspace: crm-tokens", "Built in").lacks("Read the schemas again", "Archive")
	d := s.as(token.Developer)
	d.get("/workspaces/standard/admin/feeds").want(403)
	d.post("/workspaces/standard/admin/feeds").want(403)
	d.get("/workspaces/standard/tokens").want(200).lacks("Data feeds")
}

func TestReadingTheSchemasAgainBringsNewTables(t *testing.T) {
	s := newSite(t).populate()
	a := s.as(token.Administrator)
	a.get("/workspaces/standard/admin/feeds").want(200).lacks("Invoices")
	s.alter(`create table invoices (id integer primary key, due text)`)
	a.post("/workspaces/standard/admin/feeds").want(200, "The schemas were read again", "Invoices")
	names := regexp.MustCompile(`files/(\w+)\.odc`).FindAllStringSubmatch(a.get("/workspaces/standard/connect/sales").page, -1)
	if !slices.ContainsFunc(names, func(m []string) bool { return m[1] == "Invoices" }) {
		t.Errorf("the files are %q", names)
	}
}
