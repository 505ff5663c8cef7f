package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/token"
)

// stock is a workspace with a credential of each kind, none of them the administrator's, and what works with each.
type stock struct{ pat, access, refresh, app, legacy string }

// stocked fills a workspace; it has n tokens of an older system, "Job 00" and so on.
func (d *walkDemo) stocked(t *testing.T, ws, owner string, n int) (s stock) {
	t.Helper()
	c, err := d.client(owner)
	if err != nil {
		t.Fatal(err)
	}
	var made map[string]json.RawMessage
	text := func(key string) (out string) {
		t.Helper()
		if err := json.Unmarshal(made[key], &out); err != nil {
			t.Fatalf("%s of %s: %v", key, made, err)
		}
		return out
	}
	call := func(path string, body map[string]any) {
		t.Helper()
		made = nil
		if err := d.call(c, "POST", "/api/v1/workspaces/"+ws+path, body, &made); err != nil {
			t.Fatal(err)
		}
	}
	call("/tokens", map[string]any{"name": "Nightly report", "scopes": []string{"odata:read"}, "lifetime_days": 20})
	s.pat = text("secret")
	call("/oauth-tokens", map[string]any{"name": "Notebook", "lifetime_days": 90})
	s.access, s.refresh = text("access_token"), text("refresh_token")
	call("/apps", map[string]any{"name": "Loader", "scopes": []string{"odata:read"}})
	s.app = text("client_secret")
	var lines []map[string]any
	for i := range n {
		lines = append(lines, map[string]any{"owner": owner, "name": fmt.Sprintf("Job %02d", i), "secret": fmt.Sprintf("%s old %02d", ws, i), "scopes": []string{"odata:read"}})
	}
	s.legacy = ws + " old 00"
	in := map[string]any{"lines": lines, "stops_at": time.Now().AddDate(1, 0, 0), "allow_raw_secrets": true}
	if err := d.call(d.admin, "POST", "/api/v1/workspaces/"+ws+"/legacy-tokens/import", in, nil); err != nil {
		t.Fatal(err)
	}
	return s
}

// S4.7: an administrator has a page with everyone's credentials of every kind, and ends them there.
func TestWalkS4TheAdministratorsPageOfEveryKind(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	ws := d.workspace(t, token.Standard)
	s := d.stocked(t, ws, d.person(t, ws, "Omar Owner", token.Developer), 9)
	for _, secret := range []string{s.pat, s.access, s.app, s.legacy} {
		d.answers(t, 200, ws, secret, "odata:read")
	}
	m := d.as(t, d.person(t, ws, "Mia Member", token.PlainMember))
	m.Lacks("All tokens")
	if m.Allow(403).Go("/workspaces/" + ws + "/admin/tokens").NotSee("Notebook"); m.Status() != 403 {
		t.Errorf("a member gets %d", m.Status())
	}

	// What there is, and of which kind; filters are chips that can be taken away.
	p := d.as(t, demoAdmin).Go("/workspaces/" + ws + "/settings").Click("All tokens").See("Everyone's tokens and apps").Axe()
	rowHas(t, p, "Nightly report", "Personal", "Omar Owner", "Read data (OData)", "Active")
	rowHas(t, p, "Notebook", "OAuth token", "All of the owner's", "Active")
	rowHas(t, p, "Loader", "App", "added it", "Read data (OData)", "Active")
	rowHas(t, p, "Job 00", "Legacy", "Active")
	p.Choose("Kind", "Apps").See("Loader").NotSee("Notebook", "Job 00").Choose("Status", "Active").See("Status: Active").Axe()
	p.Click("Take away: Apps").See("Job 00", "Notebook").Click("Expiring soon").See("Nightly report").NotSee("Job 00", "Loader").Axe()
	p.Click("Clear").See("Job 00").Choose("Sort", "By name").See("Job 00")
	names := func() string {
		return p.Run(`[...document.querySelectorAll("tbody th")].map(r => r.innerText.split("\n")[0]).join()`)
	}
	if got := names(); !strings.HasPrefix(got, "Job 00,Job 01,") || !strings.HasSuffix(got, "Job 08,Loader,Nightly report,Notebook") {
		t.Errorf("by name they are %s", got)
	}
	if csv := p.Run(`fetch([...document.links].find(a => a.textContent === "Download CSV").href).then(r => r.text())`); strings.Count(csv, "\n") != 13 || !strings.Contains(csv, ",app,Loader,") || strings.Index(csv, "Job 08") > strings.Index(csv, "Notebook") {
		t.Errorf("the CSV says %q", csv)
	}

	// Each kind has its page, which leads back, and its menu.
	p.Click("Notebook").See("Identifier", "Omar Owner").Axe()
	p.Click("All tokens").Click("Actions for Loader").Offers("View", "Disable", "Delete").Click("Disable").Dialog("Disable “Loader”").Axe().Click("Disable").See("The app is disabled", "Everyone's tokens")
	rowHas(t, p, "Loader", "Disabled")
	d.answers(t, 401, ws, s.app)

	// The bar says how many of those selected an act hits, and the dialog what it means for each kind.
	p.Choose("Sort", "By name").Click("Select Loader of").See("1 selected", "Delete 1").Disabled("Revoke")
	p.Click("Select all").See("12 selected", "Revoke 11", "Delete 12").Axe()
	p.Click("Revoke").Dialog("Revoke 10 tokens and 1 OAuth token").See("11 of them work now", "OAuth tokens and apps are disabled", "1 more is ticked").Axe()
	p.Run(`window.seen = [], new MutationObserver(() => seen.push(document.querySelector("progress").value)).observe(document.querySelector("[data-said]"), {childList: true})`)
	p.Fill("Reason", "Omar left").Click("Revoke").Dialog("Revoked 10 tokens and 1 OAuth token").Axe()
	if got := p.Run(`seen.join()`); got != "10,11" {
		t.Errorf("the progress went %s", got)
	}
	for _, secret := range []string{s.pat, s.access, s.legacy} {
		d.answers(t, 401, ws, secret)
	}
	if g := d.refresh(t, s.refresh); g.status != 400 || g.Error != "invalid_grant" {
		t.Errorf("a disabled token refreshes: %+v", g)
	}
	p.Click("Close")
	if got := p.Address(); !strings.Contains(got, "sort=name") {
		t.Errorf("closing leads to %s", got)
	}
	rowHas(t, p, "Notebook", "OAuth token", "Disabled")
	rowHas(t, p, "Job 08", "Legacy", "Revoked")

	p.Click("Select all").See("Delete 12").Disabled("Revoke")
	p.Click("Delete").Dialog("Delete 10 tokens, 1 app and 1 OAuth token").See("None of them works any more").Click("Delete").Dialog("Deleted 10 tokens, 1 app and 1 OAuth token").Click("Close").See("Nothing here yet").Axe()
	p.Click("Audit log").See("Ana Ruiz disabled Notebook", "Ana Ruiz deleted Loader", "looked at everyone's tokens")
}

// Without scripts one filters, orders and stops as well.
func TestWalkTheInventoryWithoutScriptsAndOnAPhone(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	ws := d.workspace(t, token.Standard)
	s := d.stocked(t, ws, d.person(t, ws, "Paul Plain", token.Developer), 2)
	p := d.page(t).Script(false)
	signIn(p, demoAdmin, walkPassword)
	p.Go("/workspaces/"+ws+"/admin/tokens").Choose("Kind", "Legacy tokens").Choose("Sort", "By name").Click("Apply").See("Job 00", "Job 01").NotSee("Notebook")
	p.Click("Take away: Legacy tokens").See("Notebook").Click("Select Notebook of").Click("Select Job 00 of").Click("Select Loader of").Click("Revoke")
	p.Dialog("Revoke 1 token, 1 app and 1 OAuth token").Click("Revoke").Dialog("Revoked 1 token, 1 app and 1 OAuth token").See("Done").Click("Close")
	for _, secret := range []string{s.access, s.app, s.legacy} {
		d.answers(t, 401, ws, secret)
	}
	d.answers(t, 200, ws, s.pat)

	f := d.as(t, demoAdmin).Width(390).Go("/workspaces/" + ws + "/admin/tokens?kind=pat&unused=1")
	f.See("Nothing matches").Axe().Click("Take away: Unused for 90 days").See("Nightly report").Axe()
	rowHas(t, f, "Nightly report", "Personal", "Active", "in 20 days")
	if wide := f.Run("document.documentElement.scrollWidth"); wide != "390" {
		t.Errorf("it is %s pixels wide", wide)
	}
	if high := f.Run(`document.querySelector("tbody tr").getBoundingClientRect().height < 72`); high != "true" {
		t.Error("a card has more than two lines")
	}
}
