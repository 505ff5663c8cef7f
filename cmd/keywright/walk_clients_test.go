package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// copiedAs clicks what copies, and returns what is on the clipboard then, which must be of a form.
func copiedAs(t *testing.T, p *testkit.Page, button, form string) string {
	t.Helper()
	secret := p.Clipboard(func() { p.Click(button) })
	if !regexp.MustCompile("^" + form + "$").MatchString(secret) {
		t.Fatalf("%q copies %q", button, secret)
	}
	p.See("Copied")
	return secret
}

const (
	clientSecretForm = `kw_sec_[0-9A-Za-z]{36}`
	refreshTokenForm = `kw_rt_[0-9A-Za-z]{36}`
	accessTokenForm  = `[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+`
)

// granted is an answer of the token endpoint.
type granted struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Error   string `json:"error"`
	status  int
}

// grant asks the token endpoint.
func (d *walkDemo) grant(t *testing.T, form url.Values) (g granted) {
	t.Helper()
	res, err := http.PostForm(d.address+"/oauth2/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	g.status = res.StatusCode
	if err := json.Unmarshal(body, &g); err != nil {
		t.Fatalf("%d %s: %v", g.status, body, err)
	}
	return g
}

func (d *walkDemo) refresh(t *testing.T, refresh string) granted {
	t.Helper()
	return d.grant(t, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
}

func (d *walkDemo) clientCredentials(t *testing.T, id, secret string) granted {
	t.Helper()
	return d.grant(t, url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}})
}

var walkClientID = regexp.MustCompile(`app_[0-9a-z]{26}`)

// S2.1 to S2.7: the app section of the second source.
func TestWalkS2AppsOfAdministratorsAndDevelopers(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	p := d.as(t, demoDev)
	enter(p, "Apps and tokens")
	const name = "Walk of the apps"

	// Add.
	p.Click("Settings").Click("Apps and tokens").See("Apps", "Personal access tokens", "Workflow robot", "Created by", "Status").Axe()
	p.Click("Add app").Dialog("Add app").Axe()
	p.Fill("App name", name).Fill("Description", "Follows the source").Click("Add").Dialog("Your new app").See("can be seen again").Axe()
	secret := copiedAs(t, p, "Copy Client Secret", clientSecretForm)
	p.Click("Close").See("Just created")
	rowHas(t, p, name, "Active", "Daniel Okafor")
	d.answers(t, 200, "apps-and-tokens", secret, "odata:read")
	d.answers(t, 401, "standard", secret)

	// View.
	p.Click("Actions for "+name).Offers("View", "Disable", "Delete").Lacks("Activate", "Rotate secret").Click("View").See("Client ID", "Client Secret").NotSee(secret).Axe()
	p.Click("Show").Dialog(name).Axe()
	id := p.Value("Client ID")
	if !walkClientID.MatchString(id) || p.Value("Client Secret") != secret {
		t.Errorf("viewing shows %q and %q", id, p.Value("Client Secret"))
	}
	p.Click("Close").NotSee("Get the next", secret).See("looked at the client secret of " + name)
	access := d.clientCredentials(t, id, secret)
	d.answers(t, 200, "apps-and-tokens", access.Access, "odata:read")

	// Disable, activate.
	p.Click("Apps and tokens").Click("Actions for " + name).Click("Disable").Dialog("Disable “" + name + "”").See("will fail at once").Axe()
	if got := p.Focused(); got != "Cancel" {
		t.Errorf("the focus is on %q, not on Cancel", got)
	}
	p.Click("Disable").See("The app is disabled")
	rowHas(t, p, name, "Disabled")
	d.answers(t, 401, "apps-and-tokens", secret)
	d.answers(t, 401, "apps-and-tokens", access.Access)
	if g := d.clientCredentials(t, id, secret); g.status != 401 || g.Error != "invalid_client" {
		t.Errorf("a disabled app gets %+v", g)
	}
	p.Click("Actions for " + name).Lacks("Disable").Click("Activate").Dialog("Activate “" + name + "”").Axe().Click("Activate")
	rowHas(t, p, name, "Active")
	d.answers(t, 200, "apps-and-tokens", secret)
	d.answers(t, 401, "apps-and-tokens", access.Access) // from before it was disabled
	again := d.clientCredentials(t, id, secret)
	d.answers(t, 200, "apps-and-tokens", again.Access)

	// Delete.
	p.Click("Actions for " + name).Click("Delete").Dialog("Delete app").See("Used ").Axe().Click("Delete").See("The app is deleted").NotSee(name)
	d.answers(t, 401, "apps-and-tokens", secret)
	d.answers(t, 401, "apps-and-tokens", again.Access)

	m := d.as(t, demoMember)
	enter(m, "Apps and tokens")
	m.Click("Settings").See("Mei Tanaka").Lacks("Apps and tokens", "Add app")
	if m.Allow(403).Go("/workspaces/apps-and-tokens/apps").NotSee("Workflow robot").Axe(); m.Status() != 403 {
		t.Errorf("a member gets %d", m.Status())
	}
}

// S4.1 to S4.6: the text of the fourth source, from the profile menu to the access token that is still good.
func TestWalkS4OAuthTokensOfUsers(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	p := d.as(t, demoMember)
	enter(p, "OAuth tokens")

	// Create an API token.
	p.Click("Profile of Mei Tanaka").Click("User preferences").Axe()
	p.Click("OAuth 2.0 API tokens").See("Python notebook", "Last refreshed").Axe()
	p.Click("Generate").Dialog("Generate OAuth 2.0 API token").Axe()
	p.Fill("Name", "Walk of the fourth").Allow(422)
	for _, c := range []struct{ days, problem string }{{"0", "Choose 1 to 365 days."}, {"366", "Choose 1 to 365 days."}, {"-1", "Choose 1 to 365 days."}, {"soon", "Enter a whole number, 1 to 365 days."}} {
		p.Fill("Lifetime in days", c.days).Click("Generate").See(c.problem).Dialog("Generate OAuth 2.0 API token")
		if p.Value("Lifetime in days") != c.days || p.Value("Name") != "Walk of the fourth" {
			t.Errorf("%s: what was typed is gone", c.days)
		}
	}
	p.Axe()
	until := time.Now().UTC().AddDate(0, 0, 90)
	p.Click("30 days").See("until " + time.Now().UTC().AddDate(0, 0, 30).Format(shortDayForm))
	p.Fill("Lifetime in days", "90").See("until " + until.Format(shortDayForm))
	p.Click("Generate").Dialog("Your new OAuth 2.0 API token").See("Copy both values now", "works for 1 hour", until.Format(dayForm)+", again and again", "grant_type=refresh_token").Axe()
	access, refresh := p.Value("Access Token"), p.Value("Refresh Token")
	if p.Run(`getSelection().toString() || document.activeElement.value`) != access {
		t.Error("the access token is not selected")
	}

	// Closing asks while the refresh token is not copied, also when the access token is: only that one can be got again.
	p.Click("Close").See("haven't copied the refresh token").Axe()
	p.Click("Go back").NotSee("haven't copied the refresh token")
	if got := p.Focused(); got != "Copy Refresh Token" {
		t.Errorf("going back leads to %q", got)
	}
	if got := copiedAs(t, p, "Copy Access Token", accessTokenForm); got != access {
		t.Errorf("the access token's button copies %q", got)
	}
	p.Click("Close").See("haven't copied the refresh token").Click("Go back")
	if got := copiedAs(t, p, "Copy Refresh Token", refreshTokenForm); got != refresh {
		t.Errorf("the refresh token's button copies %q", got)
	}
	p.Click("Close").See("Just created").NotSee(refresh)
	rowHas(t, p, "Walk of the fourth", "Active", until.Format(dayForm), "Never")

	// One workspace; an hour; the next one.
	d.answers(t, 200, "oauth-tokens", access, "odata:read")
	d.answers(t, 401, "standard", access)
	d.answers(t, 401, "oauth-tokens", refresh) // it only refreshes
	next := d.refresh(t, refresh)
	d.answers(t, 200, "oauth-tokens", next.Access)
	if again := d.refresh(t, refresh); again.status != 200 {
		t.Errorf("the refresh token can be used again and again here, but the second time it answers %+v", again)
	}
	p.Go("/workspaces/oauth-tokens/oauth-tokens")
	if row := p.Row("Walk of the fourth"); strings.Count(row, "Never") > 1 {
		t.Errorf("it was refreshed: %s", row)
	}

	stoppingPairs(t, d, p, refresh, next.Access)
}

// stoppingPairs is the second half of the fourth source: one from its row, several by their boxes.
func stoppingPairs(t *testing.T, d *walkDemo, p *testkit.Page, refresh, access string) {
	t.Helper()
	for _, name := range []string{"Second of the fourth", "Third of the fourth"} {
		p.Click("Generate").Fill("Name", name).Click("Generate").Dialog("Your new OAuth 2.0 API token")
		secret := copiedAs(t, p, "Copy Refresh Token", refreshTokenForm)
		p.Click("Close").See(name)
		if p.Back(); strings.Contains(p.Run("document.documentElement.outerHTML"), secret) || strings.Contains(p.Run(`[...document.querySelectorAll("input")].map(i => i.value).join()`), secret) {
			t.Errorf("going back to %s shows a secret again", p.Address())
		}
		p.Click("Cancel").See(name)
	}
	p.Click("Actions for Walk of the fourth").Offers("Disable", "Delete").Lacks("View").Axe()
	p.Click("Disable").Dialog("Disable “Walk of the fourth”").See("can't be used again", "for an hour at most").Axe()
	if got := p.Focused(); got != "Cancel" {
		t.Errorf("the focus is on %q, not on Cancel", got)
	}
	p.Click("Disable").See("an access token works until it expires")
	rowHas(t, p, "Walk of the fourth", "Disabled")
	if g := d.refresh(t, refresh); g.status != 400 || g.Error != "invalid_grant" {
		t.Errorf("a disabled token refreshes: %+v", g)
	}
	d.answers(t, 200, "oauth-tokens", access)
	if p.Click("Actions for Walk of the fourth").Offers("Delete"); p.Run(`document.querySelector(":popover-open").innerText`) != "Delete" {
		t.Error("a disabled token can be more than deleted")
	}
	p.Press("Escape")

	p.Click("Select Second of the fourth").See("1 OAuth token selected").Click("Select Third of the fourth").See("2 OAuth tokens selected").Axe()
	p.Click("Disable").Dialog("Disable 2 OAuth tokens").See("2 of them work now", "Second of the fourth", "Third of the fourth").Axe()
	p.Click("Disable").Dialog("Disabled 2 OAuth tokens").See("Done").Axe().Click("Close")
	rowHas(t, p, "Second of the fourth", "Disabled")
	for _, name := range []string{"Walk", "Second", "Third"} {
		p.Click("Select " + name + " of the fourth")
	}
	p.Click("Delete").Dialog("Delete 3 OAuth tokens").See("None of them works any more").Axe().Click("Delete").Dialog("Deleted 3 OAuth tokens").Click("Close").NotSee("of the fourth")
	d.answers(t, 200, "oauth-tokens", access) // its row is gone, and it works until it expires
}

// Many at once go in parts, and one sees how far it is and what became of each.
func TestWalkManyPairsAtOnceShowTheirProgress(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	ws := d.workspace(t, token.OAuthTokens)
	email := d.person(t, ws, "Mona Many", token.PlainMember)
	c, err := d.client(email)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 23 {
		if err := d.call(c, "POST", "/api/v1/workspaces/"+ws+"/oauth-tokens", map[string]any{"name": fmt.Sprintf("Program %02d", i), "lifetime_days": 30}, nil); err != nil {
			t.Fatal(err)
		}
	}
	p := d.as(t, email).Go("/workspaces/" + ws + "/oauth-tokens")
	p.Click("Select all").See("23 OAuth tokens selected").Click("Disable").Dialog("Disable 23 OAuth tokens")
	p.Run(`window.seen = [], new MutationObserver(() => seen.push(document.querySelector("progress").value)).observe(document.querySelector("[data-said]"), {childList: true})`)
	p.Click("Disable").Dialog("Disabled 23 OAuth tokens").Axe()
	if got := p.Run(`seen.join()`); got != "10,20,23" {
		t.Errorf("the progress went %s", got)
	}
	if got := p.Run(`[...document.querySelectorAll("dialog tbody tr")].filter(r => r.innerText.includes("Done")).length`); got != "23" {
		t.Errorf("%s rows say that they are done", got)
	}
	if got := p.Focused(); got != "Close" {
		t.Errorf("the focus is on %q", got)
	}
	p.Click("Close").See("Disabled").NotSee("Active")
}

// Standard: an app's secret is shown once, rotated with an overlap, and the old one ended early.
func TestWalkStandardAnAppAndItsSecrets(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	p := d.as(t, demoDev)
	enter(p, "Standard")
	const name = "Walk of an app"
	p.Click("Apps").See("Warehouse loader", "Old web shop").Axe()
	p.Click("Add app").Dialog("Add app").Click("Public keys").Click("This product's own API").See("Apps can't hold this.", "only administrators can").Axe()
	p.Allow(422).Fill("Public keys as a JWK set", "{}").Click("Add app").See("Give it a name").Axe()
	p.Fill("Public keys as a JWK set", "").Fill("App name", name).Click("Read data (OData)").Click("Add app").Dialog("Your new app").See("can't see this client secret again").Axe()
	id := p.Value("Client ID")

	// The id is no secret: having copied it alone is not enough.
	copiedAs(t, p, "Copy Client ID", walkClientID.String())
	p.Click("Close").See("haven't copied the client secret").Click("Go back")
	first := copiedAs(t, p, "Copy Client secret", clientSecretForm)
	p.Click("Close").See("Just created")
	d.answers(t, 200, "standard", first, "odata:read")

	p.Click(name).See("Client secrets", "The newest").Axe()
	copiedAs(t, p, "Copy", walkClientID.String())
	p.Click("Rotate secret").Dialog("Rotate the secret of " + name).Axe()
	if !p.Checked("24 hours") {
		t.Error("a day is not what is proposed")
	}
	p.Click("7 days").Click("Rotate secret").Dialog("The new secret of " + name).Axe()
	second := copiedAs(t, p, "Copy Client secret", clientSecretForm)
	p.Click("Close").See("in 7 days", "Replaced just now").Axe()
	for _, secret := range []string{first, second} {
		if g := d.clientCredentials(t, id, secret); g.status != 200 {
			t.Errorf("while both work, one answers %d", g.status)
		}
	}
	p.ReloadUntil("Still used")
	p.Click("End it now").Dialog("End the old secret").See("Still used").Axe().Click("End it now").See("The old client secret has stopped working").NotSee("in 7 days")
	d.answers(t, 401, "standard", first)
	d.answers(t, 200, "standard", second)

	p.Click("Edit").Dialog("Edit "+name).Axe().Fill("App name", name+", changed").Click("Read data (OData)").Click("Save changes").See("Your changes to the app are saved", name+", changed", "reaches nothing")
	d.answers(t, 403, "standard", second, "odata:read")
	p.See("rotated the client secret of", "ended the old client secret of").Click("Delete").Dialog("Delete app").Axe().Click("Delete").NotSee(name)
	d.answers(t, 401, "standard", second)

	// What the demo's history holds: an old refresh token came again, and its owner is told.
	p.Click("OAuth tokens").See("Somebody used an old refresh token of “Shared build machine” on", "We stopped it.").Axe()
	p.Click("Month-end script").See("Identifier", "Whatever you may do", "refreshed").Axe()
	p.Go("/workspaces/standard/oauth-tokens").Click("Shared build machine").See("Somebody used an old refresh token", "Disabled").Axe()
}

// The lines that the pages show can be pasted, under either policy, and do what is said.
func TestWalkTheCommandsOfThePagesWork(t *testing.T) {
	t.Parallel()
	curl := testkit.Need(t, "curl")
	d := theDemo(t)
	dir := t.TempDir()
	run := func(p *testkit.Page, set string) granted {
		t.Helper()
		line := p.Run(`document.querySelector("#shown-curl").textContent`)
		cmd := exec.Command("/bin/sh", "-c", line)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), set, "PATH="+os.Getenv("PATH")+":"+curl[:strings.LastIndexByte(curl, '/')])
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if strings.Contains(line, "-o tokens.json") {
			if out, err = os.ReadFile(dir + "/tokens.json"); err != nil {
				t.Fatal(err)
			}
		}
		var g granted
		if err := json.Unmarshal(out, &g); err != nil {
			t.Fatalf("%s answers %q: %v", line, out, err)
		}
		return g
	}
	for _, preset := range []token.Preset{token.Standard, token.OAuthTokens} {
		ws := d.workspace(t, preset)
		p := d.as(t, d.person(t, ws, "Cleo Curl", token.Developer))
		p.Go("/workspaces/" + ws + "/oauth-tokens/new?name=Script&lifetime_days=30").Click("Generate").Dialog("Your new OAuth")
		refresh := p.Value(map[token.Preset]string{token.Standard: "Refresh token", token.OAuthTokens: "Refresh Token"}[preset])
		g := run(p, "REFRESH_TOKEN="+refresh)
		d.answers(t, 200, ws, g.Access)
		if rotates := preset == token.Standard; (g.Refresh != "") != rotates || g.Refresh == refresh {
			t.Errorf("%s: the answer brings a refresh token: %v", preset, g.Refresh != "")
		}
		p.Run(`document.querySelectorAll("[data-keep]").forEach(f => f.dispatchEvent(new Event("copy")))`)
		if preset != token.Standard {
			continue
		}
		p.Go("/workspaces/" + ws + "/apps/new?name=Loader&scopes=odata:read").Click("Add app").Dialog("Your new app")
		g = run(p, "CLIENT_SECRET="+p.Value("Client secret"))
		d.answers(t, 200, ws, g.Access, "odata:read")
		p.Run(`document.querySelectorAll("[data-keep]").forEach(f => f.dispatchEvent(new Event("copy")))`)
	}
}

// An administrator rotates the signing key, and replaces one that was stolen.
func TestWalkSigningKeys(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	ws := d.workspace(t, token.Standard)
	p := d.as(t, demoAdmin).Go("/workspaces/" + ws + "/settings")
	p.Click("Signing keys").See("No key yet", "/w/"+ws+"/jwks.json").Axe()
	p.Click("OAuth tokens").Click("Generate").Fill("Name", "Signed").Click("Generate").Dialog("Your new OAuth token")
	access := copiedAs(t, p, "Copy Access token", accessTokenForm)
	copiedAs(t, p, "Copy Refresh token", refreshTokenForm)
	p.Click("Close").Click("Signing keys").See("Signs now").Axe()
	p.Click("Rotate").Dialog("Rotate the signing key").Axe().Click("Rotate").See("A new key is made", "Published", "Signs in 15 minutes").Axe()
	if why := p.Disabled("Rotate"); !strings.Contains(why, "waits already") {
		t.Errorf("the reason is %q", why)
	}
	d.answers(t, 200, ws, access)
	p.Click("Replace at once").Dialog("Replace the keys at once").See("Every access token of this workspace stops working").Axe().Click("Replace at once").See("The keys are replaced")
	d.answers(t, 401, ws, access)
	p.Click("Audit log").See("made a new signing key", "removed an old signing key", "generated Signed").Axe()

	m := d.as(t, d.person(t, ws, "Dora Developer", token.Developer))
	m.Lacks("Signing keys")
}

// Without scripts: an app and its secrets, a pair, and several at once.
func TestWalkClientsWithoutScripts(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	ws := d.workspace(t, token.Standard)
	p := d.page(t).Script(false)
	signIn(p, d.person(t, ws, "Nele Noscript", token.Developer), walkPassword)
	p.Click("Apps").Click("Add app").Fill("App name", "Plain app").Click("Connect a BI tool").Dialog("Add app")
	if !p.Checked("Read data (OData)") || p.Value("App name") != "Plain app" {
		t.Error("the quick choice loses what was typed, or chooses nothing")
	}
	p.Click("Add app").Dialog("Your new app")
	first := p.Value("Client secret")
	d.answers(t, 200, ws, first, "odata:read")
	p.Allow(409).Reload().See("This app was already added").NotSee(first).Click("Close")
	p.Click("Actions for Plain app").Click("Rotate secret").Click("No time").Click("Rotate secret").Dialog("The new secret of Plain app")
	second := p.Value("Client secret")
	p.Click("Close").See("Client secrets").NotSee("End it now")
	d.answers(t, 401, ws, first)
	d.answers(t, 200, ws, second)
	p.Click("Disable").Dialog("Disable “Plain app”").Click("Disable").See("The app is disabled")

	for _, name := range []string{"One", "Two"} {
		p.Click("OAuth tokens").Click("Generate").Fill("Name", name).Click("30 days")
		if p.Value("Lifetime in days") != "30" || p.Value("Name") != name {
			t.Error("the proposal loses what was typed, or chooses nothing")
		}
		p.Click("Generate").Dialog("Your new OAuth token")
		d.answers(t, 200, ws, p.Value("Access token"))
		p.Click("Close").See(name)
	}
	p.Click("Select One").Click("Select Two").Click("Disable").Dialog("Disable 2 OAuth tokens").Click("Disable").Dialog("Disabled 2 OAuth tokens").See("Done").Click("Close")
	rowHas(t, p, "One", "Disabled")
	rowHas(t, p, "Two", "Disabled")
}
