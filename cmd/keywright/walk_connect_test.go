package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// The analyst's two minutes: a token, straight on to Connect, the address copied, the connection tried. Then the token
// is regenerated, and the page says what is wrong with the old one.
func TestWalkAnAnalystIsConnectedRightAfterMakingAToken(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	ws := d.workspace(t, token.SingleToken)
	p := d.as(t, d.person(t, ws, "Ada Analyst", token.PlainMember))
	p.See("No tokens yet").Click("How to connect Excel").See("From OData Feed", "you have none yet").Axe().Back()

	p.Click("Add token").Dialog("Personal access token")
	asked := p.Asked()
	p.Click("Next: connect Excel").See("You haven't copied the token").Click("Go back")
	first := copied(t, p, "Copy token")
	p.Click("Next: connect Excel").See("From OData Feed", "Not Anonymous", "If it doesn't work").NotSee(first).Axe()
	if p.Asked() != asked {
		t.Error("leaving with a copied token asks")
	}
	if !strings.Contains(p.Address(), "/workspaces/"+ws+"/connect/keywright") {
		t.Errorf("it leads to %s", p.Address())
	}
	address := p.Clipboard(func() { p.Click("Copy address") })
	if want := d.address + "/odata/" + ws + "/keywright/"; address != want {
		t.Errorf("the address is %s, want %s", address, want)
	}
	p.Fill("Password", first).Click("Test this connection").See("It works", "Signs in As you, with", "May read this feed", "Opens the feed 6 tables", "Reads the first rows").Axe()
	holdsNowhere(t, p, first)
	if got := d.reads(t, address, first); got != 200 {
		t.Errorf("with what was copied the feed answers %d", got)
	}

	p.Allow(422).Click("Test this connection").See("Paste your token here").Axe()

	// Each tool has a page of its own.
	for tool, words := range map[string]string{
		"Power BI Desktop": "Download for Power BI", "Power BI service": "Edit credentials", "Tableau": "Username and Password", "Postman": "Environment",
		"curl": "curl asks for the password", "Python": "os.environ", "R": "Sys.getenv",
	} {
		p.Click(tool).See(words).Axe()
		p.Width(390)
		if wide := p.Run("document.documentElement.scrollWidth"); wide != "390" {
			t.Errorf("the page about %s is %s pixels wide on a phone", tool, wide)
		}
		p.Width(1280)
	}

	p.Click("see what you can do").Click("Actions for").Click("Regenerate").Click("Regenerate").Dialog("Personal access token")
	second := copied(t, p, "Copy token")
	p.Click("Next: connect Excel").Fill("Password", first).Click("Test this connection").See("It doesn't work yet", "replaced by a newer one").Axe()
	p.Fill("Password", second).Click("Test this connection").See("It works")
	if got := [2]int{d.reads(t, address, first), d.reads(t, address, second)}; got != [2]int{401, 200} {
		t.Errorf("the old and the new one are answered %v", got)
	}
}

// holdsNowhere fails if a secret is anywhere in the page.
func holdsNowhere(t *testing.T, p *testkit.Page, secret string) {
	t.Helper()
	if strings.Contains(p.Run(`document.documentElement.outerHTML + [...document.querySelectorAll("input")].map(i => i.value).join() + location.href`), secret) {
		t.Errorf("%s holds the secret", p.Address())
	}
}

// reads reads an address as a tool does, and returns the status.
func (d *walkDemo) reads(t *testing.T, address, secret string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("anyone", secret)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || !json.Valid(body) {
		t.Errorf("%s answers %q (%v)", address, body, err)
	}
	return res.StatusCode
}

// Without the script, on a phone, and where there are several kinds of credential.
func TestWalkConnectingWithoutTheScript(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	ws := d.workspace(t, token.Standard)
	p := d.page(t).Script(false).Width(390)
	signIn(p, d.person(t, ws, "Nadia Noscript", token.Developer), walkPassword)
	p.Go("/workspaces/" + ws + "/connect").See("It takes a token with the scope").Click("Create token").Dialog("Create personal access token")
	if !p.Checked("Read data (OData)") {
		t.Error("the scope is not chosen")
	}
	p.Fill("Name", "Excel").Click("Create token").Dialog("Your new token")
	secret := p.Value("Personal access token")
	p.Click("Next: connect Excel").Fill("Password", secret).Click("Test this connection").See("It works", "with “Excel”")
	holdsNowhere(t, p, secret)
	p.Click("Postman").See("Import").Click("an app").See("An app reads everything", "Add app").Click("R").See("Sys.getenv")
	p.Allow(422).Click("Test this connection").See("Paste the client secret here")

	// What was made as an app or an OAuth token leads there too.
	p.Go("/workspaces/" + ws + "/apps/new?name=Loader&scopes=odata:read").Click("Add app").Dialog("Your new app").Click("Next: connect Excel").See("The app “Loader” can read this data")
	p.Go("/workspaces/" + ws + "/oauth-tokens/new?name=Notebook").Click("Generate").Dialog("Your new OAuth token").Click("Next: connect Excel").See("works for one hour")
}

// An administrator sees what is published.
func TestWalkAnAdministratorSeesWhatIsPublished(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	ws := d.workspace(t, token.Standard)
	p := d.as(t, demoAdmin).Go("/workspaces/" + ws + "/tokens")
	p.Click("Data feeds").See("No data of your own yet", "workspace: "+ws, "Built in", "Available").Axe()
	p.Click("AuditEvents").See("As OData says it", "Edm.DateTimeOffset").Axe()
	p.Width(390)
	narrow := func() {
		t.Helper()
		if wide := p.Run("document.documentElement.scrollWidth"); wide != "390" {
			t.Errorf("it is %s pixels wide on a phone", wide)
		}
	}
	narrow()
	p.Go("/workspaces/" + ws + "/connect/keywright/excel").See("Or open a file") // whose tables have long titles
	narrow()
}
