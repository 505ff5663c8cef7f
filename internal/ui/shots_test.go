package ui_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// TestScreenshots takes pictures of the pages into the directory that KEYWRIGHT_SHOTS names, for people to
// look at. KEYWRIGHT_SHOTS_ONLY narrows it to names that contain it.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("KEYWRIGHT_SHOTS")
	if dir == "" {
		t.Skip("KEYWRIGHT_SHOTS names no directory")
	}
	s := newSite(t).populate().history()
	list, err := s.auth.Tokens(s.ctx(), s.people[token.Administrator], "standard", everyone())
	s.must(err)
	id := list[len(list)-1].ID
	for _, x := range list {
		if x.Name == "Power BI" {
			id = x.ID
		}
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.Flag("hide-scrollbars", true))...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	script := func(js string) chromedp.Action[chromedp.Void] {
		return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
			_, err := chromedp.Run(ctx, chromedp.Evaluate[any](js))
			return err
		})
	}
	source, err := os.ReadFile(testkit.NPM(t, "axe-core/axe.min.js"))
	s.must(err)
	axe := string(source) + ";axe.run().then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html.slice(0, 150) + ' ' + n.failureSummary.slice(0, 200)).join(' | ')).join('\\n'))"
	take := func(name, path string, more ...step) {
		if only := os.Getenv("KEYWRIGHT_SHOTS_ONLY"); only != "" && !strings.Contains(name, only) {
			return
		}
		for _, mode := range []struct {
			name, theme string
			w, h        int64
		}{{"light", "light", 1360, 860}, {"dark", "dark", 1360, 860}, {"phone", "light", 390, 844}} {
			steps := append([]step{
				chromedp.EmulateViewport(mode.w, mode.h), chromedp.Navigate(s.url + "/static/none"), script("document.cookie='kw_theme=" + mode.theme + ";path=/'"),
				chromedp.Navigate(s.url + path), chromedp.WaitReady(chromedp.CSS("body")),
			}, more...)
			steps = append(steps, chromedp.Sleep(150*time.Millisecond))
			for i, step := range steps {
				within, stop := context.WithTimeout(ctx, 15*time.Second)
				err := chromedp.Do(within, step)
				stop()
				if err != nil {
					t.Fatalf("%s, step %d: %v", name, i, err)
				}
			}
			found, err := chromedp.Run(ctx, chromedp.Evaluate[string](axe, chromedp.EvalAwaitPromise))
			s.must(err)
			if found != "" {
				t.Errorf("%s, %s: %s", name, mode.name, found)
			}
			png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
			s.must(err)
			s.must(os.WriteFile(filepath.Join(dir, name+"-"+mode.name+".png"), png, 0o644))
			s.must(chromedp.Do(ctx, script("document.querySelectorAll('[data-keep]').forEach(f => f.dispatchEvent(new Event('copy')))")))
		}
	}
	s.must(chromedp.Do(ctx, chromedp.Navigate("about:blank"))) // begins the browser
	take("00-sign-in", "/sign-in")
	s.must(chromedp.Do(ctx, chromedp.Navigate(s.url+"/sign-in"), chromedp.SendKeys(css("#email"), "admin@example.com"), chromedp.SendKeys(css("#password"), password+"\r"), chromedp.WaitVisible(css(".bar"))))
	_, secrets := s.everyKind()
	s.good(secrets["legacy"])
	takeOwn(take, id)
	takeAdministration(take)
	fresh := script("document.querySelector('#name').value = 'Reports ' + Math.floor(Math.random() * 1e6)")
	create, shown := chromedp.Click(css("[data-testid=create]")), chromedp.WaitVisible(css("[data-testid=secret]"))
	take("41-shown", "/workspaces/standard/tokens/new?scopes=odata:read", fresh, create, shown)
	take("42-shown-ask", "/workspaces/scoped-tokens/tokens/new?scopes=device", fresh, create, shown, chromedp.Click(css("[data-testid=close]")))
	take("43-made", "/workspaces/standard/tokens?made="+id)
	takeClients(s, take, fresh)
	takeFeeds(s, take)
}

// takeFeeds takes pictures of what says how to read feeds.
func takeFeeds(s *site, take take) {
	_, good := s.makeSecret(s.people[token.Administrator], "standard", named("Excel at work", 90, "odata:read"))
	_, narrow := s.makeSecret(s.people[token.Administrator], "standard", named("Deployments", 90, token.ScopeManage))
	report := chromedp.WaitVisible(css("[data-testid=report]"))
	at := "/workspaces/standard"
	take("80-connect", at+"/connect")
	for _, tool := range []string{"excel", "power-bi", "power-bi-service", "tableau", "postman", "curl", "python", "r"} {
		take("81-connect-"+tool, at+"/connect/sales/"+tool+"#steps")
	}
	take("86-connect-tried", at+"/connect/sales/excel", chromedp.SendKeys(css("#credential"), good+"\r"), report)
	take("87-connect-refused", at+"/connect/sales/excel", chromedp.SendKeys(css("#credential"), narrow+"\r"), report)
	take("88-connect-files", at+"/connect/sales/excel#files")
	take("82-connect-apps", at+"/connect/keywright/excel?with=apps")
	take("83-connect-single", "/workspaces/single-token/connect")
	take("84-connect-oauth", "/workspaces/oauth-tokens/connect")
	take("85-empty", "/workspaces/oauth-tokens/oauth-tokens")
	take("90-feeds", at+"/admin/feeds")
	take("92-feeds-open", at+"/admin/feeds", chromedp.Click(css("[data-testid=table]:nth-child(2) summary")))
	take("91-feeds-none", "/workspaces/crm-tokens/admin/feeds")
}

// takeClients takes pictures of apps, OAuth tokens and signing keys.
func takeClients(s *site, take take, fresh step) {
	admin := s.people[token.Administrator]
	for i, name := range []string{"Python notebook", "Nightly export", "Workshop"} {
		p, _ := s.pair(admin, "oauth-tokens", name, 30*(i+1))
		s.useOf(p.ID, p.Owner.ID, p.WorkspaceID, int64(9*i), "203.0.113.7")
		if i == 2 {
			_, err := s.auth.DisableOAuthToken(s.ctx(), admin, "oauth-tokens", p.ID)
			s.must(err)
		}
	}
	pair, issued := s.pair(admin, "standard", "Build machine", 90)
	refreshed, err := s.auth.Refresh(s.ctx(), issued.RefreshToken, "", authority.GrantRequest{}, token.Origin{})
	s.must(err)
	_, err = s.auth.Refresh(s.ctx(), refreshed.RefreshToken, "", authority.GrantRequest{}, token.Origin{})
	s.must(err)
	_, _ = s.auth.Refresh(s.ctx(), issued.RefreshToken, "", authority.GrantRequest{}, token.Origin{})
	app, first := s.app(admin, "standard", "Invoice service", "odata:read")
	s.good(first.Reveal())
	s.must(s.checks.Flush(s.ctx()))
	admin.SignedInAt = s.clock.Now()
	_, _, err = s.auth.RotateAppSecret(s.ctx(), admin, "standard", app.ID, authority.Rotation{Keep: 7 * 24 * time.Hour})
	s.must(err)
	s.good(first.Reveal())
	s.must(s.checks.Flush(s.ctx()))
	_, err = s.auth.RotateKeys(s.ctx(), admin, "standard", false)
	s.must(err)
	at := "/workspaces/standard"
	dialog := func(id string) step { return chromedp.WaitVisible(css("[data-testid=" + id + "]")) }
	take("50-apps", at+"/apps?made="+app.ID)
	take("51-app", at+"/apps/"+app.ID)
	take("52-app-create", at+"/apps/new?name=Loader&scopes=odata:read")
	take("53-app-shown", at+"/apps/new?scopes=odata:read", fresh, chromedp.Click(css("[data-testid=save-app]")), dialog("secret-dialog"))
	take("54-rotate", at+"/apps/"+app.ID+"/rotate")
	take("55-app-disable", at+"/apps/"+app.ID+"/disable")
	take("56-app-add-folded", "/workspaces/apps-and-tokens/apps/new")
	take("57-app-view", "/workspaces/apps-and-tokens/apps/new", fresh, chromedp.Click(css("[data-testid=save-app]")), dialog("secret-dialog"))
	take("60-oauth", "/workspaces/oauth-tokens/oauth-tokens")
	take("61-generate", "/workspaces/oauth-tokens/oauth-tokens/new?name=Report")
	take("62-generate-bad", "/workspaces/oauth-tokens/oauth-tokens/new?lifetime_days=400", chromedp.Click(css("[data-testid=generate]")), dialog("problems"))
	take("63-oauth-shown", "/workspaces/oauth-tokens/oauth-tokens/new", fresh, chromedp.Click(css("[data-testid=generate]")), dialog("secret-dialog"))
	take("64-oauth-ask", at+"/oauth-tokens/new", fresh, chromedp.Click(css("[data-testid=generate]")), dialog("secret-dialog"), chromedp.Click(css("[data-testid=close]")))
	take("65-oauth-standard", at+"/oauth-tokens")
	take("66-oauth-token", at+"/oauth-tokens/"+pair.ID)
	take("67-oauth-batch", "/workspaces/oauth-tokens/oauth-tokens", chromedp.Click(css("[name=ids]")), chromedp.Click(css("[data-bulk]")), dialog("batch-dialog"))
	take("70-keys", at+"/admin/keys")
	take("71-keys-replace", at+"/admin/keys/replace")
}

func css(selector string) chromedp.CSS { return chromedp.CSS(selector) }

type (
	step = chromedp.Action[chromedp.Void]
	take = func(name, path string, more ...step)
)

func takeOwn(take take, id string) {
	take("01-standard", "/workspaces/standard/tokens")
	take("02-create", "/workspaces/standard/tokens/new?name=Power+BI+2&scopes=odata:read")
	take("03-single", "/workspaces/single-token/tokens")
	take("04-apps", "/workspaces/apps-and-tokens/tokens")
	take("05-crm", "/workspaces/crm-tokens/tokens")
	take("06-crm-create", "/workspaces/crm-tokens/tokens/new?lifetime=never")
	take("07-scoped", "/workspaces/scoped-tokens/tokens")
	take("08-scoped-create", "/workspaces/scoped-tokens/tokens/new")
	take("09-token", "/workspaces/standard/tokens/"+id)
	take("10-revoke", "/workspaces/standard/tokens/"+id+"/revoke")
	take("11-menu", "/workspaces/standard/tokens", chromedp.Click(css("[data-testid=row-menu]")))
	take("12-profile", "/workspaces/standard/tokens", chromedp.Click(css("[data-testid=profile-menu]")))
	take("13-switcher", "/workspaces/standard/tokens", chromedp.Click(css("[data-testid=workspace-switcher]")))
	take("34-scoped-profile", "/workspaces/scoped-tokens/profile")
	take("35-edit", "/workspaces/scoped-tokens/tokens", chromedp.Click(css("[data-act=edit_scope]")), chromedp.WaitVisible(css("[data-testid=edit-dialog]")))
	take("36-password", "/account/password")
	take("40-problems", "/workspaces/standard/tokens/new", chromedp.Click(css("[data-testid=create]")), chromedp.WaitVisible(css("[data-testid=problems]")))
}

func takeAdministration(take take) {
	take("20-all", "/workspaces/standard/admin/tokens")
	take("20-all-filtered", "/workspaces/standard/admin/tokens?kind=pat&unused=1&status=active&q=o", chromedp.Click(css("[name=ids]")))
	take("20-all-batch", "/workspaces/standard/admin/tokens", chromedp.Click(css("[name=ids]")), chromedp.Click(css("[data-bulk]")), chromedp.WaitVisible(css("[data-testid=batch-dialog]")))
	take("21-members", "/workspaces/standard/admin/members")
	take("22-invite", "/workspaces/standard/admin/members/new")
	take("23-scopes", "/workspaces/scoped-tokens/admin/scopes")
	take("24-policy", "/workspaces/standard/admin/policy")
	take("25-policy-review", "/workspaces/standard/admin/policy?preset=single-token", chromedp.Click(css("[data-testid=review]")), chromedp.WaitVisible(css("[data-testid=review-dialog]")))
	take("26-audit", "/workspaces/standard/audit")
	take("27-usage", "/workspaces/standard/usage")
	take("28-installation", "/installation")
	take("29-new-workspace", "/installation/workspaces/new")
	take("30-oauth", "/workspaces/oauth-tokens/settings")
	take("31-account", "/account")
	take("32-help", "/help")
	take("33-lost", "/workspaces/nothing/tokens")
}
