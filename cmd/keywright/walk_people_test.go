package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/keywright/keywright/internal/token"
)

// Signing out everywhere ends the other browser at its next step; tokens go on working.
func TestWalkSigningOutEverywhereEndsTheOtherBrowser(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	ws := d.workspace(t, token.SingleToken)
	email := d.person(t, ws, "Eva Everywhere", token.PlainMember)
	here, there := d.as(t, email), d.as(t, email)
	here.Click("Add token").Dialog("Personal access token")
	secret := copied(t, here, "Copy token")
	here.Click("Close")
	there.Click("Settings").See("Eva Everywhere", "Active")

	here.Click("Profile of Eva Everywhere").Click("Sign out everywhere").Dialog("Sign out everywhere").Axe()
	here.Click("Cancel").Click("Profile of Eva Everywhere").Click("Sign out everywhere").Click("Sign out everywhere").See("You are signed out")
	there.Click("Usage").See("Sign in").NotSee("Requests per day")
	d.answers(t, 200, ws, secret)
	there.Fill("E-mail", email).Fill("Password", walkPassword).Click("Sign in").See("Requests per day")
}

// A changed password counts at once, ends the other browser, and is refused while the old one is wrong.
func TestWalkChangingThePassword(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	email := d.person(t, d.workspace(t, token.Standard), "Petra Password", token.PlainMember)
	here, there := d.as(t, email), d.as(t, email)
	here.Click("Profile of Petra Password").Click("Change password").See("You are signed out everywhere else").Axe()
	here.Allow(422).Fill("Current password", "wrong words").Fill("New password", "another long walk").Click("Change password").See("not your current password").Axe()
	here.Fill("Current password", walkPassword).Fill("New password", "short").Click("Change password").See("Use at least 8 characters")
	here.Fill("Current password", walkPassword).Fill("New password", "another long walk").Click("Change password").See("Your password is changed").Axe()
	there.Go("/account").See("Sign in").NotSee("Account since")
	there.Allow(401, 422).Fill("E-mail", email).Fill("Password", walkPassword).Click("Sign in").See("password").Axe()
	there.Fill("E-mail", email).Fill("Password", "another long walk").Click("Sign in").See("Account since")
}

// A new member is invited by a one-time link, chooses a password, and the role decides what they see.
func TestWalkInvitingAMemberAndChangingTheirRole(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	ws := d.workspace(t, token.CRMTokens)
	p := d.as(t, demoAdmin)
	p.Go("/workspaces/"+ws+"/settings").Click("Members").See("Ana Ruiz", "You").Axe()
	p.Click("Invite").Dialog("Invite somebody").Axe()
	p.Allow(422, 409).Click("Invite").See("e-mail").Axe()
	p.Fill("E-mail", ws+"@example.com").Fill("Name", "Ines Newman").Click("Invite").Dialog("Invitation for Ines Newman").Axe()
	link := p.Clipboard(func() { p.Click("Copy") })
	p.Click("Close")
	rowHas(t, p, "Ines Newman", "Invited", "Member", ws+"@example.com")
	p.Click("Invite").Fill("E-mail", ws+"@example.com").Click("Invite").See("This person is a member already").Click("Cancel")

	m := d.page(t)
	m.Go(link).See("Choose a password", "Ines Newman").Axe()
	m.Allow(422, 404).Fill("Password", "short").Click("Save and sign in").See("Use at least 8 characters").Axe()
	m.Fill("Password", walkPassword).Click("Save and sign in").See("My profile").Lacks("Tokens")
	used := d.page(t)
	if used.Allow(404).Go(link).See("This link").Axe().Status() != http.StatusNotFound {
		t.Errorf("a used link answers %d", used.Status())
	}

	p.Click("Members").NotSee("Invited").Click("Actions for Ines Newman").Click("Change role").Dialog("Role of Ines Newman").Axe()
	p.Click("Administrator").Click("Change role").See("Ines Newman")
	rowHas(t, p, "Ines Newman", "Administrator")
	m.Click("Settings").Click("Tokens").Offers("Create token")

	p.Click("Actions for Ines Newman").Click("Remove").Dialog("Remove Ines Newman").Axe().Click("Remove").NotSee("Actions for Ines Newman", ws+"@example.com")
	if m.Go("/workspaces/"+ws+"/tokens").Status() != http.StatusNotFound {
		t.Errorf("somebody who was removed gets %d", m.Status())
	}
	p.Click("Actions for Ana Ruiz").Click("Remove").Dialog("Remove Ana Ruiz").Click("Remove").See("needs an administrator").Axe()
}

// A scope that is added can be chosen at once, and one that is removed is gone from every token at once.
func TestWalkEditingScopes(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	ws := d.workspace(t, token.Standard)
	p := d.as(t, demoAdmin)
	p.Go("/workspaces/" + ws + "/settings").Click("Scopes").See("What a token can be allowed to do here").Axe()
	names := func() string {
		return p.Run(`[...document.querySelectorAll("input[name^=name-]")].map(i => i.value).join(" ")`)
	}
	p.Click("Add a scope")
	if got := names(); got != "odata:read " {
		t.Fatalf("adding makes %q", got)
	}
	p.Run(`document.querySelector("#name-1").focus()`)
	p.Type("has space").Press("Tab").Type("Deals").Allow(422).Click("Save changes").See("without spaces").Axe()
	p.Run(`document.querySelector("#name-1").select()`)
	p.Type("deals:write")
	p.Click("Save changes").See("The scopes are saved").Axe()

	p.Go("/workspaces/"+ws+"/tokens/new").Fill("Name", "Dealer").Click("Deals").Click("Read data (OData)").Click("Create token").Dialog("Your new token")
	secret := copied(t, p, "Copy")
	d.answers(t, 200, ws, secret, "deals:write")
	p.Click("Close").Click("Scopes")
	p.Run(`document.querySelector("input[name=remove-1]").click()`)
	p.Click("Save changes").See("The scopes are saved")
	if got := names(); got != "odata:read" {
		t.Errorf("the scopes are %q", got)
	}
	d.answers(t, 403, ws, secret, "deals:write")
	d.answers(t, 200, ws, secret, "odata:read")
}

// The policy: another preset, what it means, what it breaks, and what becomes of the tokens that exist.
func TestWalkChangingThePolicy(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	ws := d.workspace(t, token.Standard)
	p := d.as(t, demoAdmin)
	create(p, ws, "Before the change")
	secret := copied(t, p, "Copy")
	p.Click("Close").Click("Policy").See("Members can hold up to 50 tokens each").Axe()

	// The words follow the settings while one changes them.
	p.Click("How many, and whose are listed").Fill("Tokens per person", "7").See("Members can hold up to 7 tokens each")
	p.Allow(422).Fill("Tokens per person", "-1").Click("Review and save").See("Tokens per person")
	if p.Status() != http.StatusUnprocessableEntity {
		t.Errorf("-1 tokens answer %d", p.Status())
	}
	p.Axe()

	p.Click("Policy").Click("Single token").See("not saved yet", "Members can hold one token each").Axe()
	p.Click("Review and save").Dialog("Save this policy?").See("1 live token", "Before the change").Axe()
	p.Click("Apply the policy to them").Click("Stop Before the change").Click("Save policy").See("The policy is saved")
	d.answers(t, 401, ws, secret)
	p.Click("Personal access token").See("Add token", "Microsoft Excel")
	p.Click("Audit log").See("changed the policy")
}

// All tokens: filters, a selection, and afterwards what became of each.
func TestWalkOverseeingAllTokens(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	p := d.as(t, demoAdmin)
	p.Go("/workspaces/standard/settings").Click("All tokens").See("Everyone's tokens", "Nightly pipeline", "Power BI sales report").Axe()
	p.Choose("Owner", "Daniel Okafor").See("Nightly pipeline").NotSee("Power BI sales report")
	p.Click("Clear").See("Power BI sales report").Choose("Status", "Revoked").See("Excel on the old laptop").NotSee("Nightly pipeline")
	p.Click("Clear").Fill("Search names and descriptions", "warehouse").Press("Enter").See("Nightly pipeline").NotSee("Power BI sales report").Axe()
	p.Fill("Search names and descriptions", "no such thing").Press("Enter").See("Nothing matches").Axe()

	ws := d.workspace(t, token.Standard)
	email := d.person(t, ws, "Olga Owner", token.Developer)
	secrets := map[string]string{}
	o := d.as(t, email)
	for _, name := range []string{"First", "Second", "Third"} {
		create(o, ws, name)
		secrets[name] = copied(t, o, "Copy")
		o.Click("Close")
	}
	d.answers(t, 200, ws, secrets["First"])
	p.Go("/workspaces/" + ws + "/admin/tokens").Click("Select First of Olga Owner").See("1 selected").Click("Select Second of Olga Owner").See("2 selected").Axe()
	p.Click("Revoke").Dialog("Revoke 2 tokens").See("will fail at once", "First", "Second").NotSee("Reason given").Axe()
	o.Click("Actions for Second").Click("Delete").Click("Delete").NotSee("Actions for Second") // meanwhile, elsewhere
	p.Fill("Reason", "They were found in a repository").Click("Revoke").See("Done").Axe()
	p.See("1 token done, 1 token not").Click("Close")
	rowHas(t, p, "First", "Revoked")
	rowHas(t, p, "Third", "Active")
	d.answers(t, 401, ws, secrets["First"])
	d.answers(t, 200, ws, secrets["Third"])

	if csv := p.Run(`fetch([...document.links].find(a => a.textContent === "Download CSV").href).then(r => r.text())`); !strings.Contains(csv, "First") || !strings.Contains(csv, email) {
		t.Errorf("the CSV says %q", csv)
	}

	// Its owner sees who did it and why, and so does the audit log.
	o.Click("Audit log").See("Ana Ruiz revoked First").Axe()
	p.Click("Audit log").See("Ana Ruiz revoked First", "Olga Owner created Third").Axe()
	p.Choose("Person", "Olga Owner").See("Olga Owner created Third").NotSee("Ana Ruiz revoked First")
	p.Click("Clear").See("Ana Ruiz revoked First").Choose("Action", "Revoked a token").See("Ana Ruiz revoked First").NotSee("Olga Owner created Third")
	p.Click("Ana Ruiz revoked First").See("They were found in a repository", "127.0.0.1").Axe()
	if strings.Contains(p.Run("document.documentElement.outerHTML"), secrets["First"][:20]) {
		t.Error("the audit log holds a secret")
	}
}

// Usage: the requests of the demo's weeks, per day and token, and the span can be chosen.
func TestWalkUsage(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	p := d.as(t, demoAdmin)
	p.Go("/workspaces/standard/settings").Click("Usage").See("Requests per day with everyone's tokens", "Nightly pipeline", "Power BI sales report").Axe()
	before := p.Run(`document.querySelector(".figures dd").textContent`)
	p.Choose("Span", "7 days").See("By day and token")
	if after := p.Run(`document.querySelector(".figures dd").textContent`); after == before {
		t.Errorf("7 days have %s requests too", after)
	}
	own := d.as(t, demoMember)
	own.Go("/workspaces/standard/usage").See("with your tokens", "Power BI sales report").NotSee("Nightly pipeline")
}
