package main

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/testkit"
)

// S1.1 to S1.8: the text of the first source, from "Settings" to "Add token button is enabled".
func TestWalkS1OnePersonalAccessTokenForODataTools(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	p := d.as(t, demoDev)
	enter(p, "Single token")

	// Create.
	p.Click("Settings").Click("Personal access token").See("Microsoft Excel, Microsoft Power BI Desktop, and Postman")
	p.Click("Add token").Dialog("Personal access token").See("You can't see this token again", "valid for one year")
	p.Lacks("Name", "Description", "Scopes")
	first := copied(t, p, "Copy token")
	if p.Value("Personal access token") != first {
		t.Error("what was copied is not what is shown")
	}
	p.Axe()
	p.Click("Close").See("Status", "Created on", "Expires", "Active").NotSee(first)
	if why := p.Disabled("Add token"); !strings.Contains(why, "You already have a token") {
		t.Errorf("the reason is %q", why)
	}
	seenOnce(t, p, first)
	d.answers(t, 200, "single-token", first, "odata:read")

	// Regenerate.
	p.Click("Actions for").Click("Regenerate").Dialog("Regenerate access token").See("old one fails at once").Axe()
	p.Click("Regenerate").Dialog("Personal access token")
	second := copied(t, p, "Copy token")
	d.answers(t, 401, "single-token", first)
	d.answers(t, 200, "single-token", second, "odata:read")
	p.Click("Close").See("Active")
	rowHas(t, p, "Active", today(), nextYear())

	// Delete.
	p.Click("Actions for").Click("Delete").Dialog("Delete access token").See("Used ").Axe()
	if got := p.Focused(); got != "Cancel" {
		t.Errorf("the focus is on %q, not on Cancel", got)
	}
	p.Click("Delete").See("No tokens yet").NotSee("Created on")
	d.answers(t, 401, "single-token", second)
	p.Offers("Add token")
}

// seenOnce fails if anything that the browser can do shows a secret again.
func seenOnce(t *testing.T, p *testkit.Page, secret string) {
	t.Helper()
	for range 2 {
		if p.Back(); strings.Contains(p.Run("document.documentElement.outerHTML"), secret) || strings.Contains(p.Run(`[...document.querySelectorAll("input")].map(i => i.value).join()`), secret) {
			t.Errorf("going back to %s shows the secret again", p.Address())
		}
	}
	p.Click("Settings")
}

var walkTokenID = regexp.MustCompile(`tok_[0-9a-z]{20,}`)

// S2.1, S2.2, S2.8 to S2.11: the token section of the second source.
func TestWalkS2TokensOfAdministratorsAndDevelopers(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	p := d.as(t, demoDev)
	enter(p, "Apps and tokens")

	p.Click("Settings").Click("Apps and tokens").See("Personal access tokens", "Build server", "Created by", "Ana Ruiz").Axe()
	p.Click("Add token").Dialog("Create new token").See("12 months").Axe()
	p.Lacks("Description", "Scopes")
	p.Fill("Name", "Walk of the second").Click("Create").Dialog("Your new token")
	secret := copied(t, p, "Copy")
	p.Click("Close").See("Just created")
	rowHas(t, p, "Walk of the second", "Active", "Daniel Okafor", nextYear())
	d.answers(t, 200, "apps-and-tokens", secret)

	p.Click("Actions for Walk of the second").Offers("View", "Revoke").Lacks("Delete", "Regenerate")
	p.Click("View").See("Identifier")
	if id := walkTokenID.FindString(p.Text()); id == "" || !strings.HasSuffix(p.Address(), id) {
		t.Errorf("the page of %s shows no identifier: %s", p.Address(), p.Text())
	}
	if strings.Contains(p.Run("document.documentElement.outerHTML"), secret[:20]) {
		t.Error("the token's page shows its secret")
	}
	p.Axe().Click("Apps and tokens")

	p.Click("Actions for Walk of the second").Click("Revoke").Dialog("Revoke “Walk of the second”").Axe()
	p.Click("Cancel").Click("Actions for Walk of the second").Click("Revoke").Click("Yes")
	rowHas(t, p, "Walk of the second", "Revoked")
	d.answers(t, 401, "apps-and-tokens", secret)

	p.Click("Actions for Walk of the second").Lacks("Revoke").Click("Delete").Dialog("Delete token").Axe()
	p.Click("Yes").NotSee("Walk of the second ", "Actions for Walk of the second").See("Build server")

	// Others don't see the page, and are refused where it is.
	m := d.as(t, demoMember)
	enter(m, "Apps and tokens")
	m.Click("Settings").See("Mei Tanaka").Lacks("Apps and tokens", "Personal access tokens")
	m.Allow(403).Go("/workspaces/apps-and-tokens/tokens").NotSee("Build server").Axe()
	if m.Status() != 403 {
		t.Errorf("a member gets %d", m.Status())
	}
}

// S3.1 to S3.6: tokens of a CRM, for administrators, who choose how long each lasts.
func TestWalkS3AdministratorsOfACRMChooseHowLongATokenLasts(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	p := d.as(t, demoAdmin)
	enter(p, "CRM tokens")

	p.Click("Profile of Ana Ruiz").Click("My profile").Axe()
	p.Click("Tokens").See("never share it", "Whoever needs one makes their own").Axe()
	p.Click("Create token").Dialog("Create token").Lacks("Name", "Owner")
	p.Click("OData API").Fill("Description", "Walk of the third")
	p.NotSee("good compromise").Click("Never").See("good compromise", "Renewing it once a year").Axe()
	p.Click("Create").Dialog("Your new token").See("keep it safe")
	forever := copied(t, p, "Copy")
	p.Click("Close")
	rowHas(t, p, "Walk of the third", "OData API", "Never", "Active")
	d.answers(t, 200, "crm-tokens", forever, "odata:read")

	// A date, and one of the proposals.
	day := time.Now().UTC().AddDate(1, 1, 1)
	p.Click("Create token").Click("OData API").Fill("Description", "Until a day").Click("Date").Fill("Expires on", day.Format(time.DateOnly)).Axe()
	p.Click("Create").Dialog("Your new token").See(day.Format(dayForm)).Clipboard(func() { p.Click("Copy") })
	p.Click("Close")
	rowHas(t, p, "Until a day", day.Format(dayForm))
	p.Click("Create token").Click("OData API").Fill("Description", "For a year")
	if !p.Checked("365 days") {
		t.Error("a year is not what is proposed")
	}
	p.Click("Create").Dialog("Your new token").Clipboard(func() { p.Click("Copy") })
	p.Click("Close")

	// There is nothing but revoking, and a token that never expires can be revoked too.
	p.Lacks("Regenerate Walk of the third", "Delete Walk of the third")
	for _, name := range []string{"Walk of the third", "Until a day", "For a year"} {
		p.Click("Revoke " + name).Dialog("Revoke “" + name + "”").Click("Revoke")
		rowHas(t, p, name, "Revoked")
	}
	d.answers(t, 401, "crm-tokens", forever)

	for _, email := range []string{demoDev, demoMember} {
		m := d.as(t, email)
		enter(m, "CRM tokens")
		m.Click("Profile of").Click("My profile").Lacks("Tokens", "Create token")
		if m.Allow(403).Go("/workspaces/crm-tokens/tokens").NotSee("Sales dashboard").Status() != 403 {
			t.Errorf("%s gets %d", email, m.Status())
		}
	}
}

// S5.1 to S5.6: named tokens with scopes, on a tab of the profile.
func TestWalkS5NamedTokensWithScopes(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	p := d.as(t, demoMember)
	enter(p, "Scoped tokens")

	p.Click("Profile of Mei Tanaka").Click("User profile").See("Edit profile").Axe()
	p.Click("Access token").See("Device inventory").Axe()
	p.Click("Create access token").Dialog("Create access token").Axe()
	p.Offers("Collection", "Device", "Policy").Lacks("Description")
	p.Fill("Token name", "Device inventory").Click("Collection").Click("Device")
	p.Allow(409).Click("Create").See("You already have a token with this name").Axe()
	if p.Value("Token name") != "Device inventory" || !p.Checked("Collection") || !p.Checked("Device") || p.Checked("Policy") {
		t.Error("what was typed and ticked is gone")
	}
	p.Fill("Token name", "Walk of the fifth").Click("Create").Dialog("Access token created successfully").See("You won't be able to see it again").Axe()
	secret := copied(t, p, "Copy")
	p.Click("Close").See("Date of creation", "Date of expiration")
	rowHas(t, p, "Walk of the fifth", "Collection", "Device", today(), nextYear())
	d.answers(t, 200, "scoped-tokens", secret, "device")
	d.answers(t, 403, "scoped-tokens", secret, "policy")

	p.Click("Edit Walk of the fifth").Dialog("Edit access token").Lacks("Token name").Axe()
	p.Click("Device").Click("Policy").Click("Save Changes").See("are saved").Axe()
	p.Click("Close")
	rowHas(t, p, "Walk of the fifth", "Collection", "Policy")
	d.answers(t, 403, "scoped-tokens", secret, "device")
	d.answers(t, 200, "scoped-tokens", secret, "collection", "policy")

	p.Click("Delete Walk of the fifth").Dialog("Delete access token").Axe()
	p.Click("Revoke").NotSee("Delete Walk of the fifth").See("Device inventory")
	d.answers(t, 401, "scoped-tokens", secret)
}
