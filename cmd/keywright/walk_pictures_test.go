package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keywright/keywright/internal/testkit"
)

const (
	picturesDir        = "../../docs/screenshots"
	mostPictureBytes   = 200 << 10
	pictureWidth       = 1280
	picturePhoneWidth  = 390
	pictureTokenToName = "Deploy pipeline"
)

// The pictures of docs/screenshots are of these pages; UPDATE_SCREENSHOTS=1 takes them anew. They are of a demo of
// their own, since the other walks leave things behind.
func TestWalkForThePicturesOfTheDocumentation(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "chromium")
	if os.Getenv("UPDATE_SCREENSHOTS") != "1" {
		picturesAreThere(t)
		return
	}
	d, err := startDemo()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.end(); err != nil {
			t.Error(err)
		}
	})
	p := d.as(t, demoDev).Width(pictureWidth)
	p.Go("/workspaces/standard/tokens").See("Nightly pipeline")
	picture(t, p, "tokens")
	p.Go("/workspaces/standard/tokens/new?scopes=odata:read").Fill("Name", pictureTokenToName).Fill("Description", "Publishes the nightly build")
	picture(t, p, "create")
	p.Click("Create token").Dialog("Your new token")
	secret := p.Value("Personal access token")
	// Nobody should find in a picture what looks like a credential that was forgotten there.
	p.Run(`document.querySelector("#secret").value = "kw_pat_" + "EXAMPLE".repeat(6).slice(0, 36)`)
	picture(t, p, "shown-once")
	p.Clipboard(func() { p.Click("Copy") })
	p.Width(picturePhoneWidth).Click("Close").See(pictureTokenToName)
	p.Go("/workspaces/standard/tokens")
	picture(t, p, "phone")

	p.Width(pictureWidth).Go("/workspaces/standard/connect").See("From OData Feed")
	picture(t, p, "connect")
	p.Fill("Password", secret).Click("Test this connection").See("It works")
	picture(t, p, "connect-tested")

	p.Go("/workspaces/apps-and-tokens/tokens").See("Workflow robot")
	picture(t, p, "apps")
	p.Go("/workspaces/standard/oauth-tokens/new?name=Sales+report").Click("Generate").Dialog("Your new OAuth token")
	p.Run(`document.querySelector("#secret").value = "kw_rt_" + "EXAMPLE".repeat(6).slice(0, 36)`)
	p.Run(`document.querySelector("#access").value = "eyJhbGciOiJFUzI1NiJ9." + "EXAMPLE".repeat(9) + ".EXAMPLE"`)
	picture(t, p, "oauth-shown-once")
	p.Clipboard(func() { p.Click("Copy Refresh token") })
	p.Click("Close")

	p = d.as(t, demoAdmin).Width(pictureWidth)
	p.Go("/workspaces/standard/admin/policy").See("What this means")
	picture(t, p, "policy")
	p.Go("/workspaces/standard/admin/tokens?status=active").Click("Select " + pictureTokenToName + " of").Click("Select Sales report of").See("2 selected")
	picture(t, p, "all-tokens")
	p.Go("/workspaces/standard/admin/feeds").See("Available")
	picture(t, p, "data-feeds")
	p.Go("/workspaces/standard/usage")
	picture(t, p, "usage")
	p.Theme(true).Go("/workspaces/standard/audit")
	picture(t, p, "audit-log-dark")
}

func picture(t *testing.T, p *testkit.Page, name string) {
	t.Helper()
	p.Run("document.activeElement.blur(), scrollTo(0, 0)")
	if err := os.MkdirAll(picturesDir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(picturesDir, name+".png"), p.Picture(), 0o644); err != nil {
		t.Fatal(err)
	}
	picturesAreThere(t, name)
}

// picturesAreThere fails for a picture that is missing or heavy.
func picturesAreThere(t *testing.T, names ...string) {
	t.Helper()
	if names == nil {
		names = strings.Fields("tokens create shown-once phone apps oauth-shown-once policy all-tokens usage audit-log-dark connect connect-tested data-feeds")
	}
	for _, name := range names {
		if s, err := os.Stat(filepath.Join(picturesDir, name+".png")); err != nil {
			t.Error(err)
		} else if s.Size() > mostPictureBytes {
			t.Errorf("%s is %d bytes", name, s.Size())
		}
	}
}
