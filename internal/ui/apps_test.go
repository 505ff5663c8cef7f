package ui_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
)

var (
	clientSecretForm = regexp.MustCompile(`kw_sec_[0-9A-Za-z]{36}`)
	appRowForm       = regexp.MustCompile(`data-testid="app" data-id="([^"]+)"`)
)

// apps lists the ids of the apps that the page lists.
func (b *browser) apps() []string {
	var out []string
	for _, m := range appRowForm.FindAllStringSubmatch(b.page, -1) {
		out = append(out, m[1])
	}
	return out
}

// good reports whether a credential is good; those of an older system, in the standard workspace.
func (s *site) good(secret string) bool {
	s.t.Helper()
	ask := verify.Ask{}
	if strings.HasPrefix(secret, "old-") {
		ask.Workspace = "standard"
	}
	_, err := s.checks.Check(s.ctx(), secret, ask)
	return err == nil
}

// S2.1 to S2.7: apps and tokens on one page, for administrators and developers.
func TestS2AppsAreAddedSeenDisabledActivatedAndDeleted(t *testing.T) {
	s := newSite(t).populate()
	b := s.as(token.Developer)
	base := "/workspaces/apps-and-tokens"
	b.get(base+"/settings").want(200, "<h1>Apps and tokens</h1>", `<h2 id="title-apps">Apps</h2>`, `<h2 id="title-tokens">Personal access tokens</h2>`, "No apps yet", "No tokens yet", "Add app", "Add token")
	checkPage(t, b, "apps and tokens")
	if b.get(base + "/apps"); b.path != base+"/tokens" {
		t.Errorf("the apps are at %s, not on the page of both", b.path)
	}
	b.get(base+"/apps/new").want(200, "Add app", "App name", "Description", ">Add<")
	checkPage(t, b, "the form for an app")
	nonce := b.hidden("nonce")
	b.post(base+"/apps/new", "nonce", nonce, "name", "", "description", "<i>kept</i>").want(422, `href="#name"`, "&lt;i&gt;kept&lt;/i&gt;")
	b.post(base+"/apps/new", "nonce", nonce, "name", "Workflow robot", "description", "Starts workflows", "scopes", "odata:read").want(200, "Client ID", "Client Secret", "It can be seen again", `data-secret="again"`, "client_credentials", s.url+"/oauth2/token")
	checkPage(t, b, "the new app's secret")
	secret := b.shown(clientSecretForm)
	b.post(base+"/apps/new", "nonce", nonce, "name", "Workflow robot", "scopes", "odata:read").want(409, "already added").lacks(secret)
	b.get(base + "/tokens").lacks(secret)
	id := b.apps()[0]
	b.get(base+"/tokens?made="+id).want(200, "Just created", "Workflow robot", "Created by", "Deniz Kaya", "Active", "View", "Disable", "Delete").lacks("Rotate secret", `data-act="edit_scope"`, `data-act="activate"`)
	if !s.good(secret) {
		t.Error("the secret is no good")
	}

	b.get(base+"/apps/"+id).want(200, id, "Client ID", "Client Secret", "••••", "Show", "Read data (OData)").lacks(secret)
	checkPage(t, b, "the app's page")
	b.post(base+"/apps/"+id+"/secret").want(200, secret, id)
	checkPage(t, b, "the secret again")

	b.get(base+"/apps/"+id+"/disable").want(200, "will fail at once", "Used just now")
	checkPage(t, b, "before disabling")
	b.post(base+"/apps/"+id+"/disable").want(200, "The app is disabled", "Disabled", "Activate").lacks(`data-act="disable"`)
	if s.good(secret) {
		t.Error("a disabled app's secret works")
	}
	b.get(base+"/apps/"+id+"/disable").want(409, "disabled already")
	b.get(base+"/apps/"+id+"/activate").want(200, "Activate “Workflow robot”")
	b.post(base+"/apps/"+id+"/activate").want(200, "The app is active", "Disable")
	if !s.good(secret) {
		t.Error("an activated app's secret does not work")
	}
	b.get(base+"/apps/"+id+"/delete").want(200, "Delete app", "can&#39;t be undone")
	b.post(base+"/apps/"+id+"/delete").want(200, "The app is deleted", "No apps yet").lacks("Workflow robot")
	if s.good(secret) {
		t.Error("a deleted app's secret works")
	}
	b.get(base + "/apps/" + id).want(404)

	m := s.as(token.PlainMember)
	m.get(base+"/settings").want(200).lacks("Apps and tokens</a>", "Add app")
	for _, path := range []string{"/apps", "/apps/new", "/tokens"} {
		m.get(base + path).want(403)
	}
}

// Under standard an app's secret is shown once, replaced with an overlap, and ended early.
func TestAnAppsSecretIsRotatedWithAnOverlapThatCanBeEnded(t *testing.T) {
	s := newSite(t).populate()
	dev := s.people[token.Developer]
	app, first := s.app(dev, "standard", "Loader", "odata:read")
	b := s.as(token.Developer)
	path := "/workspaces/standard/apps/" + app.ID
	b.get(path).want(200, "Loader", "The newest", "Rotate secret", "Edit").lacks("Show</button>", "End it now")
	b.post(path + "/secret").want(403).lacks(first.Reveal())
	b.get(path+"/rotate").want(200, "1 hour", "24 hours", "7 days", "It stops at once", "until ")
	checkPage(t, b, "before rotating")
	nonce := b.hidden("nonce")
	b.post(path+"/rotate", "nonce", nonce, "keep", "5").want(422, "Choose how long")
	b.post(path+"/rotate", "nonce", nonce, "keep", "86400").want(200, "The new secret of Loader", "can&#39;t see this client secret again", `data-secret="once"`)
	second := b.shown(clientSecretForm)
	if second == first.Reveal() || !s.good(second) || !s.good(first.Reveal()) {
		t.Error("for a day both secrets should work")
	}
	b.post(path+"/rotate", "nonce", nonce, "keep", "86400").want(409, "already rotated").lacks(second)
	s.clock.Advance(time.Minute)
	b.get(path).want(200, "in 24 hours", "Replaced 1 minute ago")
	s.clock.Advance(2 * time.Minute)
	if !s.good(first.Reveal()) {
		t.Fatal("the old secret is no good")
	}
	s.must(s.checks.Flush(s.ctx()))
	s.clock.Advance(3 * time.Minute)
	b.get(path).want(200, "Still used 3 minutes ago", "End it now", "in 23 hours", "Replaced 6 minutes ago")
	end := regexp.MustCompile(`/workspaces/standard/apps/[^"]*/end`).FindString(b.page)
	b.get(end).want(200, "End the old secret", "Still used 3 minutes ago")
	checkPage(t, b, "before ending")
	b.post(end).want(200, "The old client secret has stopped working").lacks("End it now")
	if s.good(first.Reveal()) || !s.good(second) {
		t.Error("ending the old secret ends the wrong one")
	}
}

func TestAnUnusedOldSecretSaysSinceWhen(t *testing.T) {
	s := newSite(t).populate()
	dev := s.people[token.Developer]
	app, first := s.app(dev, "standard", "Loader", "odata:read")
	s.good(first.Reveal())
	s.must(s.checks.Flush(s.ctx()))
	s.clock.Advance(time.Minute)
	dev.SignedInAt = s.clock.Now()
	_, _, err := s.auth.RotateAppSecret(s.ctx(), dev, "standard", app.ID, authority.Rotation{Keep: time.Hour})
	s.must(err)
	s.as(token.Developer).get("/workspaces/standard/apps/"+app.ID).want(200, "Not used since 1 Mar 2027, 12:00")
}

func TestAnAppIsChangedAndItsScopesExplained(t *testing.T) {
	s := newSite(t).populate()
	_, err := s.auth.SetScopes(s.ctx(), s.admin, "standard", token.Catalogue{
		{Name: "odata:read", Title: "Read data (OData)", Roles: token.Roles(), Apps: true},
		{Name: "payroll", Title: "Payroll", Roles: []token.Role{token.Administrator}, Apps: true},
		{Name: "people", Title: "For people", Roles: token.Roles()},
	})
	s.must(err)
	app, _ := s.app(s.people[token.Developer], "standard", "Loader", "odata:read")
	b := s.as(token.Developer)
	path := "/workspaces/standard/apps/" + app.ID
	b.get(path+"/edit").want(200, `value="Loader"`, `value="odata:read" checked`, "Payroll", "only administrators can", "Apps can&#39;t hold this.").lacks(`value="payroll"`, `value="people"`)
	checkPage(t, b, "the form of an app")
	b.post(path+"/edit", "name", "", "description", "", "scopes", "odata:read").want(422, `href="#name"`)
	b.post(path+"/edit", "name", "Loader", "description", "", "scopes", "payroll").want(422, `href="#scopes"`, "Your role can&#39;t give")
	b.post(path+"/edit", "name", "Loader 2", "description", "New", "keys", "no json").want(422, `href="#keys"`, "no json", "Loader 2")
	b.post(path+"/edit?from=page", "name", "Loader 2", "description", "New").want(200, "Your changes to the app are saved", "Loader 2", "reaches nothing")

	// An app that can do more than its viewer: its name can be changed, its scopes and its secret can't.
	admin, _ := s.app(s.admin, "standard", "Payroll run", "payroll")
	path = "/workspaces/standard/apps/" + admin.ID
	b.get(path).want(200, "Payroll run").lacks("Rotate secret")
	b.get(path + "/rotate").want(403)
	b.get(path+"/edit").want(200, "can&#39;t change its scopes").lacks(`name="scopes"`)
	b.post(path+"/edit", "name", "Payroll run 2", "description", "").want(200, "Payroll run 2")
	s.as(token.Administrator).get(path).want(200, "Payroll", "Rotate secret")
}

func TestThePasswordIsAskedForBeforeAClientSecretIsSeen(t *testing.T) {
	s := newSite(t).populate()
	app, secret := s.app(s.people[token.Developer], "apps-and-tokens", "Robot", "odata:read")
	b := s.as(token.Developer)
	s.clock.Advance(16 * time.Minute)
	path := "/workspaces/apps-and-tokens/apps/" + app.ID + "/secret"
	b.post(path).want(403, "Is it you?").lacks(secret.Reveal())
	checkPage(t, b, "the password before a client secret")
	b.post(path, "password_again", "wrong").want(403, "This is not your password").lacks(secret.Reveal())
	b.post(path, "password_again", password).want(200, secret.Reveal())
	s.as(token.Administrator).get("/workspaces/apps-and-tokens/audit").want(200, "looked at the client secret of <b>Robot</b>")

	b = s.as(token.Developer)
	b.get("/workspaces/apps-and-tokens/apps/new")
	nonce := b.hidden("nonce")
	s.clock.Advance(16 * time.Minute)
	b.post("/workspaces/apps-and-tokens/apps/new", "nonce", nonce, "name", "Second", "scopes", "odata:read").want(403, "Is it you?", `value="Second"`, "/apps/new?name=Second")
	b.post("/workspaces/apps-and-tokens/apps/new", "nonce", nonce, "name", "Second", "scopes", "odata:read", "password_again", password).want(200, "Your new app")
}

func TestBeforeStoppingAnAppOneSeesWhatWouldStop(t *testing.T) {
	s := newSite(t).populate()
	admin := s.people[token.Administrator]
	app, _ := s.app(admin, "standard", "Loader", "odata:read")
	s.useOf(app.ID, app.ID, app.WorkspaceID, 7, "203.0.113.9")
	s.clock.Advance(2 * time.Minute)
	for _, role := range []token.Role{token.Administrator, token.Developer} {
		for _, act := range []string{"disable", "delete"} {
			s.as(role).get("/workspaces/standard/apps/"+app.ID+"/"+act).want(200, "Used 2 minutes ago from 1 address; 7 requests today.")
		}
	}
}

func TestEachKindHasItsPlaceInTheNavigation(t *testing.T) {
	s := newSite(t).populate()
	for role := range emails() {
		b := s.as(role)
		for _, info := range token.Presets() {
			policy, _ := info.Name.Policy()
			b.get("/workspaces/" + string(info.Name) + "/profile").want(http.StatusOK)
			nav, _, _ := strings.Cut(b.page[strings.Index(b.page, `<nav class="side"`):], "</nav>")
			for path, has := range map[string]bool{
				"/tokens\"": policy.Tokens.Offered && policy.Tokens.Holds(role) && info.Name != token.ScopedTokens,
				"/apps\"":   info.Name == token.Standard && policy.Apps.Holds(role), "/oauth-tokens\"": policy.OAuthTokens.Offered && policy.OAuthTokens.Holds(role),
				"/admin/keys\"": role == token.Administrator,
			} {
				if got := strings.Contains(nav, "/workspaces/"+string(info.Name)+path); got != has {
					t.Errorf("%s in %s: the entry %s is there: %v", role, info.Name, path, got)
				}
			}
		}
	}
}

// An administrator stops what the policy gives to others only, from the pages that they lead to.
func TestAnAdministratorWithoutAListStopsAppsAndPairs(t *testing.T) {
	s := newSite(t).populate()
	dev := s.people[token.Developer]
	app, secret := s.app(dev, "standard", "Loader", "odata:read")
	pair, _ := s.pair(dev, "standard", "Script", 30)
	policy, _ := token.Standard.Policy()
	for _, a := range []*token.Access{&policy.Apps.Access, &policy.OAuthTokens.Access} {
		a.Roles, a.Creators, a.Actions = []token.Role{token.Developer}, []token.Role{token.Developer}, []token.Action{token.ActDelete}
	}
	_, err := s.auth.SetPolicy(s.ctx(), s.admin, "standard", policy)
	s.must(err)
	b := s.as(token.Administrator)
	for _, path := range []string{"/apps", "/apps/new", "/oauth-tokens", "/oauth-tokens/new"} {
		b.get("/workspaces/standard" + path).want(403)
	}
	at := "/workspaces/standard/apps/" + app.ID
	b.get(at+"?from=all").want(200, "Loader", "Disable", "Delete").lacks("Rotate secret", "Activate", `data-act="edit_scope"`)
	b.get(at + "/rotate").want(403)
	b.get(at + "/edit").want(403)
	b.get(at+"/disable?from=page").want(200, "Disable “Loader”")
	if b.post(at + "/disable?from=page"); b.path != at {
		t.Errorf("disabling leads to %s", b.path)
	}
	b.want(200, "The app is disabled")
	if s.good(secret.Reveal()) {
		t.Error("the app goes on working")
	}
	if b.post(at + "/delete?from=page"); b.path != "/workspaces/standard/admin/tokens" {
		t.Errorf("deleting leads to %s", b.path)
	}
	at = "/workspaces/standard/oauth-tokens/" + pair.ID
	b.get(at+"?from=all").want(200, "Script", "Whatever its owner may do", "Disable")
	b.get(at+"/disable?from=all").want(200, "It belongs to Deniz Kaya.")
	if b.post(at + "/disable?from=all"); b.path != "/workspaces/standard/admin/tokens" {
		t.Errorf("disabling leads to %s", b.path)
	}

	// A developer has the lists; the policy offers them no page of one, and no disabling.
	d := s.as(token.Developer)
	d.get("/workspaces/standard/oauth-tokens").want(200, "Script", "Disabled").lacks(`data-act="disable"`, `data-act="view"`)
	d.get(at).want(403)
	d.get(at + "/disable").want(403)
}

// A secret from before secrets were kept can't be seen again; the next one can.
func TestOnlyASecretThatIsKeptIsOfferedToBeSeenAgain(t *testing.T) {
	s := newSite(t).populate()
	app, _ := s.app(s.people[token.Developer], "standard", "Loader", "odata:read")
	policy, _ := token.Standard.Policy()
	policy.Apps.Secret = token.SecretViewable
	_, err := s.auth.SetPolicy(s.ctx(), s.admin, "standard", policy)
	s.must(err)
	b := s.as(token.Developer)
	path := "/workspaces/standard/apps/" + app.ID
	b.get(path).want(200, "Loader").lacks(`data-testid="show-secret"`)
	b.get(path + "/rotate")
	b.post(path+"/rotate", "nonce", b.hidden("nonce"), "keep", "0").want(200, "can be seen again")
	secret := b.shown(clientSecretForm)
	b.get(path).want(200, `data-testid="show-secret"`).lacks(secret)
	b.post(path+"/secret").want(200, secret)
}
