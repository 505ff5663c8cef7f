package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keywright/keywright/internal/testkit"
)

// An installation administrator makes, renames and deletes workspaces; others have no such page.
func TestWalkAdministratingTheInstallation(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	p := d.as(t, demoAdmin)
	p.Click("Workspaces").See("All workspaces of this installation", "apps-and-tokens").Axe()
	p.Click("Administrators").Dialog("Installation administrators").Axe().Click("Cancel")
	p.Click("New workspace").Dialog("New workspace").Axe()
	p.Allow(422, 409).Fill("Name", "Walked").Fill("Address", "Not an address").Click("Create workspace").See("lower-case letters").Axe()
	p.Fill("Address", "standard").Click("Create workspace").See("workspace with this address")
	p.Fill("Address", "walked").Click("CRM tokens").Click("Create workspace").See("Walked")
	p.Go("/installation").Click("Actions for Walked").Click("Rename").Dialog("Rename workspace").Axe()
	p.Fill("Name", "Walked far").Click("Rename").See("Walked far")
	p.Click("Actions for Walked far").Click("Delete").Dialog("Delete Walked far").Axe()
	p.Fill("Type", "walke").Click("Delete workspace").See("Type walked").Axe()
	p.Fill("Type", "walked").Click("Delete workspace").See("is deleted").NotSee("Walked far")

	m := d.as(t, demoDev)
	m.Lacks("Workspaces").Allow(403, 404).Go("/installation").NotSee("All workspaces of this installation")
}

// A fresh server prints a code, with which the first administrator is made in the browser.
func TestWalkSettingUpAFreshServer(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "chromium")
	addr, err := freePort(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config := "public_url: http://" + addr + "\nlisten: " + addr + "\nmetrics_listen: \"off\"\nlog_format: text\ndatabase: " + filepath.Join(dir, "keywright.db") + "\n"
	file := filepath.Join(dir, "keywright.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	said, out := io.Pipe()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		c := serveCmd{configured{Config: file}}
		err := c.Run(&streams{ctx: ctx, in: strings.NewReader(""), out: out, err: io.Discard})
		ended <- err
		out.CloseWithError(err)
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	code := ""
	for lines := bufio.NewScanner(said); lines.Scan() && code == ""; {
		if line := lines.Text(); strings.HasPrefix(line, "    ") {
			code = strings.TrimSpace(line)
		}
	}
	go func() { _, _ = io.Copy(io.Discard, said) }() // until the server closes its end
	if code == "" {
		t.Fatal("the server prints no code")
	}

	p := testkit.NewPage(t, "http://"+addr)
	if err := ready("http://"+addr, nil); err != nil {
		t.Fatal(err)
	}
	p.Go("/").See("Set up", "One-time code").Axe()
	p.Allow(422).Fill("One-time code", "a wrong one").Fill("Your name", "Fay First").Fill("E-mail", "fay@example.com").Fill("Password", walkPassword)
	p.Click("Create account").See("This code is wrong").Axe()
	if p.Value("Your name") != "Fay First" || p.Value("E-mail") != "fay@example.com" {
		t.Error("what was typed is gone")
	}
	p.Fill("One-time code", code).Fill("Password", walkPassword).Click("Create account").See("No workspace yet", "Fay First").NotSee("Demo").Axe()
	p.Go("/setup").See("Workspaces").Lacks("One-time code")
	p.Click("New workspace").Fill("Name", "First").Fill("Address", "first").Click("Create workspace").See("First")
	p.Go("/").See("Personal access tokens", "No tokens yet").Axe()
}

// Over plain HTTP on a name that is not loopback nobody can type a password; the page says what is needed.
func TestWalkPlainHTTPOnAnotherHostSaysThatHTTPSIsNeeded(t *testing.T) {
	t.Parallel()
	d := theDemo(t)
	base := strings.Replace(d.address, "127.0.0.1", testkit.PlainHost, 1)
	p := testkit.NewPage(t, base)
	p.Allow(400, 403, 421).Go("/sign-in").See("HTTPS").Axe()
	p.Disabled("Sign in")
}
