package main

import (
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// create fills the form of the standard preset and leaves the secret on the screen.
func create(p *testkit.Page, ws, name string) *testkit.Page {
	return p.Go("/workspaces/"+ws+"/tokens/new").Fill("Name", name).Click("Read data (OData)").Click("Create token").Dialog("Your new token")
}

// Standard: what the form offers, a token's whole life, and what would stop before it is stopped.
func TestWalkStandardATokensWholeLife(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	p := d.as(t, demoMember)
	enter(p, "Standard")

	// The address fills the form in.
	p.Go("/workspaces/standard/tokens/new?name=Walk+of+the+standard&scopes=odata:read").Dialog("Create personal access token")
	if p.Value("Name") != "Walk of the standard" || !p.Checked("Read data (OData)") || !p.Checked("90 days") {
		t.Error("the address does not fill the form in")
	}

	// The date follows what one chooses, and what can't be is said at the field.
	p.Click("Days").Fill("Number of days", "10").See("until " + time.Now().UTC().AddDate(0, 0, 10).Format(shortDayForm))
	p.Fill("Number of days", "400").See("Choose 1 to 365 days").Axe()
	p.Allow(422).Click("Create token").See("1 to 365 days").Axe()
	if p.Value("Number of days") != "400" || p.Value("Name") != "Walk of the standard" {
		t.Error("what was typed is gone")
	}
	p.Click("Date").Fill("Expires on", time.Now().UTC().AddDate(0, 0, 20).Format(time.DateOnly))
	p.Click("Create token").Dialog("Your new token").See(time.Now().UTC().AddDate(0, 0, 20).Format(dayForm)).Axe()
	secret := copied(t, p, "Copy")
	p.Click("Close").See("Just created")
	rowHas(t, p, "Walk of the standard", "Active", "Read data (OData)", "Never")
	d.answers(t, 200, "standard", secret, "odata:read")
	d.answers(t, 403, "standard", secret, "keywright:manage")
	d.answers(t, 401, "single-token", secret)

	// A name is taken once.
	p.Allow(409)
	p.Click("Create token").Fill("Name", "Walk of the standard").Click("Read data (OData)").Click("Create token").See("You already have a token with this name").Axe()
	p.Click("Cancel")

	lifeOfARow(t, d, p, secret)
}

func lifeOfARow(t *testing.T, d *walkDemo, p *testkit.Page, secret string) {
	t.Helper()
	const name = "Walk of the standard"
	p.Click("Actions for "+name).Offers("View", "Regenerate", "Edit", "Revoke", "Delete").Axe()
	p.Click("Edit").Dialog("Edit token").Axe().Click("Cancel")
	p.Click("Actions for " + name).Click("Regenerate").Dialog("Regenerate “" + name + "”").Click("Regenerate").Dialog("Your new token")
	next := copied(t, p, "Copy")
	p.Click("Close")
	d.answers(t, 401, "standard", secret)
	for range 5 {
		d.answers(t, 200, "standard", next, "odata:read")
	}

	// Before it is revoked one sees what would stop.
	p.Click("Actions for " + name).Click("Revoke").Dialog("Revoke “" + name + "”").Axe()
	p.ReloadUntil("requests today") // checks are counted in memory, and written now and then
	p.See("Used ", "from 1 address").Click("Revoke")
	rowHas(t, p, name, "Revoked", "127.0.0.1")
	d.answers(t, 401, "standard", next)

	p.Click(name).See("Use in the last 30 days", "History", "regenerated", "revoked").Axe()
	p.Click("Delete").Dialog("Delete token").See("has stopped working already").Axe().Click("Delete").See("is deleted").NotSee("Actions for " + name)
}

// Scopes are searched, and quick choices choose.
func TestWalkStandardScopesAreSearchedAndChosenQuickly(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	ws := d.workspace(t, token.Standard)
	scopes := []map[string]any{}
	for _, s := range []string{"odata:read", "orders:read", "orders:write", "invoices:read", "invoices:write", "people:read", "people:write", "reports:read"} {
		title := strings.ToUpper(s[:1]) + strings.ReplaceAll(s[1:], ":", " ")
		scopes = append(scopes, map[string]any{"name": s, "title": title, "description": "To " + s[strings.Index(s, ":")+1:] + " them.", "roles": []string{"administrator", "developer"}, "apps": false})
	}
	if err := d.call(d.admin, "PUT", "/api/v1/workspaces/"+ws+"/scopes", map[string]any{"items": scopes}, nil); err != nil {
		t.Fatal(err)
	}
	p := d.as(t, demoAdmin)
	p.Go("/workspaces/"+ws+"/tokens/new").Offers("Orders read", "People write")
	p.Fill("Search scopes", "invo").Offers("Invoices read", "Invoices write").NotSee("People write").Lacks("Orders read")
	p.Click("Invoices read").Fill("Search scopes", "").Offers("Orders read").Axe()
	if !p.Checked("Invoices read") {
		t.Error("searching unticks")
	}
	p.Click("Read-only")
	if !p.Checked("Orders read") || p.Checked("Orders write") {
		t.Error("the quick choice does not choose what only reads")
	}

	// What one's role can't hold is shown with the reason.
	m := d.as(t, d.person(t, ws, "Lena Locked", token.PlainMember))
	m.Go("/workspaces/"+ws+"/tokens/new").See("Orders read", "Your role can").Lacks("Orders read").Axe()
}

// After 15 minutes the password is asked for before a secret is shown; what was typed stays.
func TestWalkStandardThePasswordIsAskedForAgainBeforeASecret(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	ws := d.workspace(t, token.Standard)
	email := d.person(t, ws, "Paula Patient", token.PlainMember)
	p := d.as(t, email)
	p.Go("/workspaces/"+ws+"/tokens/new").Fill("Name", "Later").Fill("Description", "After a long lunch").Click("Read data (OData)").Click("30 days")
	d.age(t, email, 16*time.Minute)
	p.Allow(403).Click("Create token").Dialog("Is it you?").Axe()
	p.Fill("Password", "something else").Click("Continue").Dialog("Is it you?").See("This is not your password").Axe()
	p.Fill("Password", walkPassword).Click("Continue").Dialog("Your new token")
	copied(t, p, "Copy")
	p.Click("Close")
	rowHas(t, p, "Later", "After a long lunch", time.Now().UTC().AddDate(0, 0, 30).Format(dayForm))
	d.age(t, email, 16*time.Minute)
	p.Click("Actions for Later").Click("Regenerate").Click("Regenerate").Dialog("Is it you?").Fill("Password", walkPassword).Click("Continue").Dialog("Your new token")
	copied(t, p, "Copy")
}

// An answer with a secret is shown once: not after Close, not by going back, not by sending the form again.
func TestWalkStandardASecretIsShownOnce(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	ws := d.workspace(t, token.Standard)
	p := d.as(t, d.person(t, ws, "Otto Once", token.PlainMember))
	p.Allow(409)
	create(p, ws, "Once")
	secret := copied(t, p, "Copy")
	p.Reload().See("This token was already created").NotSee(secret).Axe()
	if strings.Contains(p.Run("document.documentElement.outerHTML"), secret) {
		t.Error("sending the form again shows the secret again")
	}
	p.Click("Close")
	if n := p.Run(`document.querySelectorAll("[data-testid=token]").length`); n != "1" {
		t.Errorf("there are %s tokens", n)
	}

	create(p, ws, "Twice")
	secret = copied(t, p, "Copy")
	p.Click("Close").See("Twice")
	seenOnce(t, p, secret)
}

// Leaving without having copied warns: by Close, by Escape, and by leaving the page.
func TestWalkStandardLeavingWithoutCopyingWarnsOnce(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	ws := d.workspace(t, token.Standard)
	p := d.as(t, d.person(t, ws, "Hasty Hanna", token.PlainMember))
	create(p, ws, "Hasty").NotSee("You haven't copied the token")
	p.Press("Escape").See("You haven't copied the token").Axe()
	p.Click("Go back").NotSee("You haven't copied the token").Click("Close").See("You haven't copied the token")
	p.Click("Close without copying").See("Hasty").NotSee("You haven't copied the token")
	if p.Asked() != 0 {
		t.Error("the browser asked too")
	}

	create(p, ws, "Hastier")
	p.Staying(true).Go("/help").Dialog("Your new token")
	if p.Asked() != 1 {
		t.Errorf("the browser asked %d times whether to leave", p.Asked())
	}
	copied(t, p, "Copy")
	p.Staying(false).Go("/help").See("What is a token?")
	if p.Asked() != 1 {
		t.Error("the browser asks though the token was copied")
	}
}
