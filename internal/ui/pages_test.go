package ui_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/ui"
	"github.com/keywright/keywright/internal/web"
)

// pagesFor lists what a role can open in a workspace, and what it can't.
func pagesFor(role token.Role, policy token.Policy) (open, shut []string) {
	open = []string{"/profile", "/audit", "/settings", "/legacy-tokens"}
	admin := []string{"/admin/tokens", "/admin/members", "/admin/members/new", "/admin/scopes", "/admin/policy", "/admin/legacy", "/admin/legacy?used=lately", "/admin/legacy?again=1", "/admin/keys", "/admin/keys/rotate", "/admin/keys/replace"}
	if role == token.Administrator {
		open = append(open, admin...)
		open = append(open, "/usage")
	} else {
		shut = append(shut, admin...)
	}
	rules := &policy.Tokens
	switch {
	case rules.Offered && rules.Holds(role):
		open = append(open, "/tokens", "/tokens?ended=hide", "/tokens/new?name=x&scopes=odata:read&lifetime_days=7", "/usage")
	default:
		shut = append(shut, "/tokens", "/tokens/new")
	}
	for path, a := range map[string]*token.Access{"/apps": &policy.Apps.Access, "/oauth-tokens": &policy.OAuthTokens.Access} {
		if a.Offered && a.Holds(role) {
			open = append(open, path, path+"/new?name=x", "/usage")
		} else {
			shut = append(shut, path, path+"/new")
		}
	}
	return open, shut
}

func TestEveryPageOfEveryPresetAndRole(t *testing.T) {
	s := newSite(t).populate().history()
	for role := range emails() {
		b := s.as(role)
		for _, info := range token.Presets() {
			policy, _ := info.Name.Policy()
			base := "/workspaces/" + string(info.Name)
			open, shut := pagesFor(role, policy)
			for _, path := range open {
				b.get(base + path)
				b.want(http.StatusOK)
				checkPage(t, b, base+path)
			}
			for _, path := range shut {
				if b.get(base + path); b.status != http.StatusForbidden {
					t.Errorf("%s opens %s%s with %d", role, base, path, b.status)
				}
				checkPage(t, b, base+path)
			}
		}
		for _, path := range []string{"/", "/help", "/account", "/account/password", "/account/sign-out-everywhere"} {
			b.get(path).want(http.StatusOK)
			checkPage(t, b, path)
		}
		for _, path := range []string{"/installation", "/installation/workspaces/new", "/installation/administrators", "/installation/workspaces/standard/rename", "/installation/workspaces/standard/delete"} {
			want := http.StatusForbidden
			if role == token.Administrator {
				want = http.StatusOK
			}
			b.get(path).want(want)
			checkPage(t, b, path)
		}
		b.get("/nowhere").want(http.StatusNotFound, "There is nothing here")
		b.get("/workspaces/nowhere/tokens").want(http.StatusNotFound)
	}
}

var (
	headingForm = regexp.MustCompile(`<h1[ >]`)
	titleForm   = regexp.MustCompile(`<title>[^<]+ · Keywright</title>`)
	inlineForm  = regexp.MustCompile(`(?i)<[^>]* (?:style|on[a-z]+)\s*=|<style|<script(?: [^>]*)?>[^<]|javascript:|(?:src|href|action)="(?:https?:)?//`)
	idForm      = regexp.MustCompile(`\sid="([^"]*)"`)
	iconForm    = regexp.MustCompile(`<svg class="icon"[^>]*></svg>`)
	linkForm    = regexp.MustCompile(`aria-(?:labelledby|describedby)="([^"]*)"| for="([^"]*)"| popovertarget="([^"]*)"|href="#([^"]*)"`)
)

// checkPage checks what holds for every page.
func checkPage(t *testing.T, b *browser, path string) {
	t.Helper()
	if !titleForm.MatchString(b.page) || !headingForm.MatchString(b.page) || strings.Count(b.page, "<main") != 1 || !strings.Contains(b.page, `<html lang="en"`) {
		t.Errorf("%s lacks a title, a heading, one main part or its language", path)
	}
	if m := inlineForm.FindString(b.page); m != "" {
		t.Errorf("%s has something that the security policy forbids: %s", path, m)
	}
	if iconForm.MatchString(b.page) {
		t.Errorf("%s has an icon that nobody drew", path)
	}
	ids := map[string]bool{}
	for _, m := range idForm.FindAllStringSubmatch(b.page, -1) {
		if ids[m[1]] {
			t.Errorf("%s has the id %q twice", path, m[1])
		}
		ids[m[1]] = true
	}
	for _, m := range linkForm.FindAllStringSubmatch(b.page, -1) {
		for id := range strings.FieldsSeq(m[1] + m[2] + m[3] + m[4]) {
			if !ids[id] {
				t.Errorf("%s points at %q, which it does not have", path, id)
			}
		}
	}
}

func TestNoPageWithoutIdentity(t *testing.T) {
	s := newSite(t).populate()
	b := s.browser()
	for _, path := range []string{
		"/", "/help", "/account", "/installation", "/nowhere", "/workspaces/standard/tokens", "/workspaces/standard/tokens/new",
		"/workspaces/nowhere/tokens", "/workspaces/standard/admin/members", "/workspaces/standard/audit",
	} {
		b.get(path)
		if b.path != "/sign-in" || b.status != http.StatusOK {
			t.Errorf("%s leads to %s with %d", path, b.path, b.status)
		}
		checkPage(t, b, path)
	}
	if b.post("/workspaces/standard/tokens/new", "name", "x"); b.path != "/sign-in" {
		t.Errorf("a POST without identity leads to %s", b.path)
	}
}

func TestAfterSigningInOneIsWhereOneWantedToBe(t *testing.T) {
	s := newSite(t).populate()
	b := s.browser()
	b.get("/workspaces/standard/tokens/new?name=Power+BI&scopes=odata:read")
	next := b.hidden("next")
	b.post("/sign-in", "email", "dev@example.com", "password", "wrong", "next", next).want(http.StatusUnauthorized, "The e-mail address or the password is wrong.", `value="dev@example.com"`)
	b.post("/sign-in", "email", "dev@example.com", "password", password, "next", "/workspaces/standard/tokens/new?name=Power+BI&scopes=odata:read")
	b.want(http.StatusOK, `value="Power BI"`, `value="odata:read" checked`)
	if next != "/workspaces/standard/tokens/new?name=Power&#43;BI&amp;scopes=odata:read" {
		t.Errorf("next is %s", next)
	}
	for _, bad := range []string{"//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"} {
		c := s.browser()
		c.post("/sign-in", "email", "dev@example.com", "password", password, "next", bad)
		if c.path != "/workspaces/standard/tokens" && !strings.HasPrefix(c.path, "/workspaces/") {
			t.Errorf("%q leads to %s", bad, c.path)
		}
	}
}

func TestStylesAndScriptAreSmallAndKept(t *testing.T) {
	s := newSite(t).populate()
	b := s.browser().get("/sign-in")
	total := 0
	for _, address := range regexp.MustCompile(`/static/[^"]+`).FindAllString(b.page, -1) {
		file := s.browser().get(address).want(http.StatusOK)
		if !strings.HasSuffix(address, ".svg") {
			total += len(file.page)
		}
		if got := file.header.Get("Cache-Control"); !strings.Contains(got, "immutable") {
			t.Errorf("%s: Cache-Control %q", address, got)
		}
	}
	if total == 0 || total > 40<<10 {
		t.Errorf("style and script have %d bytes, want at most %d", total, 40<<10)
	}
	s.browser().get("/static/nothing.css").want(http.StatusNotFound)
}

func TestAnAccentThatCanNotBeReadIsRefused(t *testing.T) {
	s := newSite(t)
	for accent, good := range map[string]bool{"": true, "#0f766e": true, "#7c2d12": true, "#000000": true, "#ffcc00": false, "#ffffff": false, "blue": false, "#12345g": false} {
		_, err := ui.New(ui.Config{Kit: new(web.Kit), Authority: s.auth, Accent: accent})
		if (err == nil) != good {
			t.Errorf("accent %q: %v", accent, err)
		}
	}
}
