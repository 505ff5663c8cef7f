package main

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// S4.8: a file moves in, its owner moves on in two clicks, and the day ends the rest.
func TestWalkS48LegacyTokensMoveInAndOut(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	ws := d.workspace(t, token.OAuthTokens)
	email := d.person(t, ws, "Lea Legacy", token.PlainMember)
	var file strings.Builder
	file.WriteString("owner,name,sha256\n")
	for _, name := range []string{"Old export", "Old dashboard"} {
		fmt.Fprintf(&file, "%s,%s,%x\n", email, name, sha256.Sum256([]byte(ws+name)))
	}
	fmt.Fprintf(&file, "nobody@example.com,Nobody's,%x\n", sha256.Sum256([]byte(ws)))

	p := d.as(t, demoAdmin)
	p.Go("/workspaces/"+ws+"/admin/legacy").See("No day is set yet", "Nobody has one that works")
	p.Click("What a file looks like").Click("For hashes with a key, and for secrets in clear").See("Sample in CSV").Axe()
	chooseFile(p, file.String())
	stops := time.Now().UTC().AddDate(0, 2, 0)
	p.Run(`[...document.querySelectorAll("[name=stops_on]")].at(-1).value = "` + stops.Format(time.DateOnly) + `"`)
	if p.Run(`String(document.querySelector("[data-import]").disabled)`) != "true" {
		t.Error("a file can be imported before it was checked")
	}
	p.Click("Check the file").See("2 would be imported, 0 imported before, 1 refused.", "Its owner is no member").Axe()
	d.answers(t, 401, ws, ws+"Old export")
	p.Click("Import").See("2 imported, 0 imported before, 1 refused.").Axe()
	d.answers(t, 200, ws, ws+"Old export", "odata:read")
	p.Click("Show who has one").See("Lea Legacy", "2 tokens", "They stop on").Axe()
	p.Click("Used in the last 7 days").See("Lea Legacy").Axe()

	moveOn(t, d, ws, email)

	p.Go("/workspaces/"+ws+"/admin/legacy").Fill("Day on which they stop", time.Now().UTC().Format(time.DateOnly)).Click("Set")
	p.Dialog("Stop all legacy tokens now").Axe()
	d.answers(t, 200, ws, ws+"Old dashboard")
	p.Click("Stop them").See("They stopped on").Axe()
	d.answers(t, 401, ws, ws+"Old dashboard")
}

// moveOn is the owner's part.
func moveOn(t *testing.T, d *walkDemo, ws, email string) {
	t.Helper()
	o := d.as(t, email)
	o.Go("/workspaces/"+ws+"/oauth-tokens").See("Legacy tokens", "Old export", "Old dashboard", "They stop on").Axe()
	o.Run(`[...document.querySelectorAll("[data-testid=legacy-token]")].find(r => r.innerText.includes("Old export")).querySelector("[data-testid=move]").id = "mine"`)
	o.Run(`document.querySelector("#mine").click()`)
	o.Dialog("Generate OAuth 2.0 API token").See("takes the place of a legacy token").Axe()
	if o.Value("Name") != "Old export" {
		t.Errorf("the name is %q", o.Value("Name"))
	}
	o.Click("Generate").Dialog("Your new OAuth 2.0 API token").See("Put the new secret into the program that uses “Old export”").Axe()
	refresh := copiedAs(t, o, "Copy Refresh Token", refreshTokenForm)
	d.answers(t, 200, ws, ws+"Old export")
	o.Click("Stop the old token").Dialog("Revoke “Old export”").Axe()
	o.Run(`document.querySelector("[data-testid=confirm]").click()`)
	o.See("The token is revoked").Axe()
	d.answers(t, 401, ws, ws+"Old export")
	d.answers(t, 200, ws, ws+"Old dashboard")
	d.answers(t, 200, ws, d.refresh(t, refresh).Access)
	o.Click("Old dashboard").See("Whatever you may do", "Revoke", "Delete").Axe()
}

// chooseFile puts a text into the page's file field, as choosing a file does.
func chooseFile(p *testkit.Page, text string) {
	p.Run(`(() => {
		const chosen = new DataTransfer(), field = document.querySelector("#file");
		chosen.items.add(new File([` + strconv.Quote(text) + `], "old.csv", {type: "text/csv"}));
		field.files = chosen.files;
		field.dispatchEvent(new Event("change", {bubbles: true}));
	})()`)
}
