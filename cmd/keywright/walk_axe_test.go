package main

import (
	"testing"

	"github.com/keywright/keywright/internal/token"
)

// What the other walks do not pass: axe-core finds nothing on any page or dialog, in either theme.
func TestWalkAxeFindsNothingOnAnyPage(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	p := d.page(t)
	p.Go("/sign-in").Axe()
	p.Allow(401, 422)
	signIn(p, demoAdmin, "nonsense")
	p.See("password").Axe()
	signIn(p, demoAdmin, walkPassword)
	for _, path := range []string{
		"/workspaces/standard/tokens", "/workspaces/standard/tokens?ended=hide",
		"/workspaces/oauth-tokens/settings", "/workspaces/crm-tokens/tokens/new?lifetime=never", "/workspaces/crm-tokens/admin/policy?preset=oauth-tokens",
		"/workspaces/standard/admin/tokens?status=expired", "/account", "/help",
		"/workspaces/oauth-tokens/legacy-tokens", "/workspaces/oauth-tokens/admin/legacy",
	} {
		p.Go(path).Axe()
	}
	p.Click("Workspace:").Axe().Press("Escape").Click("Profile of Ana Ruiz").Axe()
	p.Go("/workspaces/oauth-tokens/admin/legacy?again=1").Axe()
}

// A page without anything yet, for somebody who has no workspace, and the API's documentation.
func TestWalkAxeFindsNothingWhereThereIsNothingYet(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	ws := d.workspace(t, token.Standard)
	p := d.as(t, d.person(t, ws, "Noel Nothing", token.PlainMember))
	p.See("No tokens yet").Axe()
	p.Click("Usage").See("No requests in this span").Axe()
	p.Click("Audit log").Axe()

	gone := d.workspace(t, token.ScopedTokens)
	email := d.person(t, gone, "Lola Lonely", token.PlainMember)
	if err := d.call(d.admin, "DELETE", "/api/v1/workspaces/"+gone, nil, nil); err != nil {
		t.Fatal(err)
	}
	d.as(t, email).See("You are not in a workspace yet").Axe()
	d.page(t).Go("/api/v1/docs").See("Keywright").Axe()
}
