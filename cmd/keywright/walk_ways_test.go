package main

import (
	"strings"
	"testing"

	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// A token is created, copied, looked at and revoked without a mouse.
func TestWalkWithTheKeyboardAlone(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	ws := d.workspace(t, token.Standard)
	email := d.person(t, ws, "Kim Keys", token.Developer)
	p := d.page(t)
	p.Go("/sign-in")
	if p.Focused() != "E-mail" {
		t.Errorf("signing in begins at %q", p.Focused())
	}
	p.Type(email).Press("Tab").Type(walkPassword).Press("Enter").See("No tokens yet")

	p.Press("Tab")
	if p.Focused() != "Skip to content" {
		t.Errorf("the first stop is %q", p.Focused())
	}
	p.Press("Enter").TabTo("Create token").Press("Enter").Dialog("Create personal access token")
	if p.Focused() != "Name" {
		t.Errorf("the form begins at %q", p.Focused())
	}
	p.Press("Escape").NotSee("Create personal access token")
	p.TabTo("Create token").Press("Enter").Dialog("Create personal access token")
	p.Type("By hand").TabTo("Read data (OData)").Press("Space").TabTo("90 days").Press("ArrowUp")
	if !p.Checked("30 days") {
		t.Error("the arrow does not choose")
	}
	p.TabTo("Create token").Press("Enter").Dialog("Your new token")
	secret := p.Clipboard(func() { p.TabTo("Copy").Press("Enter") })
	d.answers(t, 200, ws, secret, "odata:read")
	p.Press("Escape").See("By hand").NotSee("Your new token")

	// The row's menu opens, Escape closes it, and the focus is where it was.
	p.TabTo("Actions for By hand").Press("Enter").Offers("Revoke").Press("Escape").Lacks("Revoke")
	if p.Focused() != "Actions for By hand" {
		t.Errorf("after the menu the focus is on %q", p.Focused())
	}
	p.Press("Enter").TabTo("Revoke").Press("Enter").Dialog("Revoke “By hand”")
	if p.Focused() != "Cancel" {
		t.Errorf("the dialog begins at %q", p.Focused())
	}
	trapped(t, p, "Cancel", "Revoke")
	p.Press("Escape").Offers("Actions for By hand").TabTo("Actions for By hand").Press("Enter").TabTo("Revoke").Press("Enter")
	p.Dialog("Revoke “By hand”").Press("Tab", "Enter")
	rowHas(t, p, "By hand", "Revoked")
	d.answers(t, 401, ws, secret)
}

// trapped fails if Tab leaves an open dialog for the page behind it.
func trapped(t *testing.T, p *testkit.Page, inside ...string) {
	t.Helper()
	for range 5 {
		p.Press("Tab")
		if at := p.Focused(); at != "" && !strings.Contains(strings.Join(inside, "|"), at) && p.Run(`document.activeElement === document.body || !!document.activeElement.closest("dialog")`) != "true" {
			t.Errorf("the focus leaves the dialog for %q", at)
		}
	}
	p.Run(`document.querySelector("dialog [autofocus]").focus()`)
}

// Without scripts a token is created and revoked, and S1 works from end to end.
func TestWalkWithoutScripts(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	ws := d.workspace(t, token.Standard)
	p := d.page(t).Script(false)
	signIn(p, d.person(t, ws, "Nora Noscript", token.Developer), walkPassword)
	p.Click("Create token").Dialog("Create personal access token").Fill("Name", "Plain")
	p.Click("Connect a BI tool").Dialog("Create personal access token")
	if !p.Checked("Read data (OData)") || p.Value("Name") != "Plain" {
		t.Error("the quick choice loses what was typed, or chooses nothing")
	}
	p.Click("30 days").Click("Create token").Dialog("Your new token")
	secret := p.Value("Personal access token")
	d.answers(t, 200, ws, secret, "odata:read")
	p.Allow(409).Reload().See("This token was already created").NotSee(secret).Click("Close")
	p.Click("Actions for Plain").Click("Revoke").Dialog("Revoke “Plain”").Click("Cancel")
	p.Click("Actions for Plain").Click("Revoke").Click("Revoke")
	rowHas(t, p, "Plain", "Revoked")
	d.answers(t, 401, ws, secret)

	one := d.workspace(t, token.SingleToken)
	p = d.page(t).Script(false)
	signIn(p, d.person(t, one, "Nils Noscript", token.PlainMember), walkPassword)
	p.Click("Add token").Dialog("Personal access token")
	first := p.Value("Personal access token")
	p.Click("Close").See("Created on")
	p.Disabled("Add token")
	p.Click("Actions for").Click("Regenerate").Click("Regenerate").Dialog("Personal access token")
	second := p.Value("Personal access token")
	d.answers(t, 401, one, first)
	d.answers(t, 200, one, second)
	p.Click("Close").Click("Actions for").Click("Delete").Dialog("Delete access token").Click("Delete").See("No tokens yet")
	d.answers(t, 401, one, second)
	p.Click("Profile of Nils Noscript").Click("Dark")
	if got := p.Run("document.documentElement.dataset.theme"); got != "dark" {
		t.Errorf("the theme is %q", got)
	}
	p.Click("Profile of Nils Noscript").Click("Sign out").See("You are signed out")
}

// On a phone nothing scrolls sideways, rows are cards, and the navigation is a menu.
func TestWalkOnAPhone(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	p := d.as(t, demoAdmin).Width(390)
	for _, path := range []string{
		"/sign-in", "/workspaces/standard/tokens", "/workspaces/standard/tokens/new", "/workspaces/standard/admin/tokens", "/workspaces/standard/admin/members",
		"/workspaces/standard/admin/members/new", "/workspaces/scoped-tokens/admin/scopes", "/workspaces/standard/admin/policy", "/workspaces/standard/audit",
		"/workspaces/standard/usage", "/workspaces/crm-tokens/tokens", "/workspaces/apps-and-tokens/tokens", "/workspaces/scoped-tokens/tokens",
		"/workspaces/oauth-tokens/oauth-tokens", "/workspaces/oauth-tokens/oauth-tokens/new", "/workspaces/standard/oauth-tokens", "/workspaces/standard/apps",
		"/workspaces/standard/apps/new", "/workspaces/standard/admin/keys", "/workspaces/apps-and-tokens/apps/new", "/installation", "/installation/workspaces/new", "/account", "/account/password", "/help",
	} {
		p.Go(path)
		if wide := p.Run("document.documentElement.scrollWidth"); wide != "390" {
			t.Errorf("%s is %s pixels wide", path, wide)
		}
	}
	// Nor does the longest name, with nowhere to break it.
	ws, long := d.workspace(t, token.AppsAndTokens), strings.Repeat("W", 100)
	p.Go("/workspaces/"+ws+"/apps/new").Fill("App name", long).Fill("Description", strings.Repeat("M", 300))
	for _, step := range []string{"Add", "Close", long, "Disable"} {
		p.Click(step)
		if wide := p.Run("document.documentElement.scrollWidth"); wide != "390" {
			t.Errorf("after %q a long name makes the page %s pixels wide", step, wide)
		}
	}
	p.Go("/workspaces/standard/tokens").Axe()
	if got := p.Run(`getComputedStyle(document.querySelector("table.cards tbody tr")).display`); got == "table-row" {
		t.Error("rows are no cards")
	}
	p.Lacks("Members").Click("Navigation").Axe().Click("Members").See("Who belongs to").Axe()
	p.Click("Workspace:").Click("Single token").Lacks("Members")
}

// The switch of colours counts at once, and on the next pages, and for the next visit.
func TestWalkTheDarkThemeStays(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	p := d.as(t, demoDev)
	colour := func() string { return p.Run("getComputedStyle(document.documentElement).backgroundColor") }
	light := colour()
	p.Click("Profile of Daniel Okafor").Click("Dark")
	dark := colour()
	if dark == light {
		t.Errorf("the background stays %s", light)
	}
	p.Go("/help")
	if colour() != dark {
		t.Error("the next page is light again")
	}
	p.Click("Profile of Daniel Okafor").Click("Sign out").See("You are signed out")
	if colour() != dark {
		t.Error("signing out makes it light again")
	}
	p.Click("System")
	if colour() != light {
		t.Error("the system's theme does not come back")
	}
	if p.Theme(true); colour() != dark {
		t.Error("the system's dark theme is not followed")
	}
}

// The switcher leads from workspace to workspace, and the last one is where one comes back to.
func TestWalkFromWorkspaceToWorkspace(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	p := d.as(t, demoMember)
	enter(p, "Scoped tokens")
	p.Click("Edit profile").See("Mei Tanaka")
	enter(p, "OAuth tokens")
	p.See("OAuth 2.0 API tokens", "Python notebook").Axe()
	enter(p, "Single token")
	p.See("Personal access token", "Microsoft Excel").Go("/").See("Microsoft Excel")
	if got := p.Address(); got != "/workspaces/single-token/tokens" {
		t.Errorf("coming back leads to %s", got)
	}
	p.Allow(404).Go("/workspaces/nothing/tokens").See("404").Axe()
	p.Click("Go to the start").See("Microsoft Excel")
}
