package ui_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/token"
)

var rowForm = regexp.MustCompile(`data-testid="token" data-id="([^"]+)"`)

// rows lists the ids of the tokens that the page lists.
func (b *browser) rows() []string {
	var out []string
	for _, m := range rowForm.FindAllStringSubmatch(b.page, -1) {
		out = append(out, m[1])
	}
	return out
}

// gone checks that nothing shows a secret again: not the list, not going back.
func (b *browser) gone(secret string) {
	b.t.Helper()
	for _, path := range []string{"/tokens", "/tokens/new", "/audit", "/settings"} {
		ws := strings.Join(strings.Split(b.path, "/")[:3], "/")
		if b.get(ws + path); strings.Contains(b.page, secret) {
			b.t.Fatalf("%s shows the secret", path)
		}
	}
}

// S1: one token, without questions.
func TestWalkSingleToken(t *testing.T) {
	s := newSite(t).populate()
	b := s.as(token.PlainMember)
	b.get("/workspaces/single-token/settings").want(200, "Settings", "Personal access token", "Add token", "No tokens yet")
	nonce := b.hidden("nonce")
	b.post("/workspaces/single-token/tokens/new", "nonce", nonce).want(200, "Copy token", "Close", "see this token again")
	secret := b.secret()
	b.post("/workspaces/single-token/tokens/new", "nonce", nonce).want(409, "This token was already created").lacks(secret)
	b.gone(secret)
	b.get("/workspaces/single-token/tokens").want(200, "Status", "Created on", "Expires", "Active", "disabled", "You already have a token. Regenerate or delete it first.", "2028-03-01T12:00:00Z")
	id := b.rows()[0]

	s.clock.Advance(24 * time.Hour)
	b = s.as(token.PlainMember)
	b.get("/workspaces/single-token/tokens/"+id+"/regenerate").want(200, "Regenerate", "The old one fails at once", "Cancel")
	seen := b.hidden("seen")
	b.post("/workspaces/single-token/tokens/"+id+"/regenerate", "seen", seen).want(200, "Copy token")
	if second := b.secret(); second == secret {
		t.Error("regenerating shows the old secret")
	}
	b.post("/workspaces/single-token/tokens/"+id+"/regenerate", "seen", seen).want(409, "already regenerated")
	b.get("/workspaces/single-token/tokens").want(200, "2028-03-02T12:00:00Z", "2027-03-02T12:00:00Z")

	b.get("/workspaces/single-token/tokens/"+id+"/delete").want(200, "Delete access token", "Delete", "Cancel")
	b.post("/workspaces/single-token/tokens/"+id+"/delete").want(200, "No tokens yet", "Add token", "is deleted")
}

// S2: named tokens, revoked before they are deleted.
func TestWalkAppsAndTokens(t *testing.T) {
	s := newSite(t).populate()
	b := s.as(token.Developer)
	b.get("/workspaces/apps-and-tokens/tokens").want(200, "Apps and tokens", "Add token")
	b.get("/workspaces/apps-and-tokens/tokens/new").want(200, "Create new token", "Name", "12 months").lacks(`name="description"`, `name="scopes"`, `name="lifetime"`)
	b.post("/workspaces/apps-and-tokens/tokens/new", "nonce", b.hidden("nonce"), "name", "Sync").want(200)
	b.gone(b.secret())
	b.get("/workspaces/apps-and-tokens/tokens")
	id := b.rows()[0]
	b.get("/workspaces/apps-and-tokens/tokens?made="+id).want(200, "Just created", "Created by", "Deniz Kaya", "Active", "View", "Revoke").lacks(`data-act="delete"`)
	b.get("/workspaces/apps-and-tokens/tokens/"+id).want(200, id, "Identifier")
	b.get("/workspaces/apps-and-tokens/tokens/" + id + "/delete").want(409)
	b.get("/workspaces/apps-and-tokens/tokens/"+id+"/revoke").want(200, ">Yes<")
	b.post("/workspaces/apps-and-tokens/tokens/"+id+"/revoke").want(200, "Revoked", "Delete")
	b.get("/workspaces/apps-and-tokens/tokens/"+id+"/delete").want(200, ">Yes<")
	b.post("/workspaces/apps-and-tokens/tokens/"+id+"/delete").want(200, "No tokens yet")

	// Another developer's token is listed with who made it, and is not mine to stop.
	other := s.make(s.people[token.Administrator], "apps-and-tokens", token.Request{Name: new("Theirs")})
	b.get("/workspaces/apps-and-tokens/tokens").want(200, "Ana Costa")
	b.get("/workspaces/apps-and-tokens/tokens/" + other.ID + "/revoke").want(403)
	b.post("/workspaces/apps-and-tokens/tokens/" + other.ID + "/revoke").want(403)

	m := s.as(token.PlainMember)
	m.get("/workspaces/apps-and-tokens/settings").want(200).lacks("Apps and tokens</a>", "/tokens\"")
}

// S3: only administrators; the owner chooses how long, even forever.
func TestWalkCRM(t *testing.T) {
	s := newSite(t).populate()
	b := s.as(token.Administrator)
	b.get("/workspaces/crm-tokens/profile").want(200, "My profile", "Tokens")
	b.get("/workspaces/crm-tokens/tokens").want(200, "Create token", "never share it")
	b.get("/workspaces/crm-tokens/tokens/new?lifetime=never").want(200, "OData API", "Description", "Expiry", "Never", "good compromise")
	b.post("/workspaces/crm-tokens/tokens/new", "nonce", b.hidden("nonce"), "scopes", "odata:read", "description", "Dashboards", "lifetime", "never").want(200)
	b.gone(b.secret())
	b.get("/workspaces/crm-tokens/tokens").want(200, "Dashboards", "Never", "Revoke").lacks("regenerate", `data-act="delete"`)
	id := b.rows()[0]
	b.get("/workspaces/crm-tokens/tokens/new")
	b.post("/workspaces/crm-tokens/tokens/new", "nonce", b.hidden("nonce"), "scopes", "odata:read", "description", "", "lifetime", "date", "expires_on", "2027-03-02").want(200)
	b.secret()
	b.get("/workspaces/crm-tokens/tokens/new")
	b.post("/workspaces/crm-tokens/tokens/new", "nonce", b.hidden("nonce"), "scopes", "odata:read", "description", "Kept text", "lifetime", "date", "expires_on", "").want(422, "Choose the date", "Kept text")
	b.post("/workspaces/crm-tokens/tokens/"+id+"/revoke").want(200, "Revoked")

	m := s.as(token.PlainMember)
	m.get("/workspaces/crm-tokens/settings").want(200).lacks(">Tokens<")
	m.get("/workspaces/crm-tokens/tokens").want(403)
}

// S5: a tab of the profile; the scope can be edited, nothing else.
func TestWalkScopedTokens(t *testing.T) {
	s := newSite(t).populate()
	b := s.as(token.PlainMember)
	b.get("/workspaces/scoped-tokens/profile").want(200, "User profile", "Edit profile", "Access token")
	b.get("/workspaces/scoped-tokens/tokens").want(200, "Create access token")
	b.get("/workspaces/scoped-tokens/tokens/new").want(200, "Token name", "Scope", "Collection", "Device", "Policy", "one year").lacks(`name="lifetime"`)
	b.post("/workspaces/scoped-tokens/tokens/new", "nonce", b.hidden("nonce"), "name", "Scanner", "scopes", "device", "scopes", "policy").want(200, "Access token created successfully")
	b.gone(b.secret())
	b.get("/workspaces/scoped-tokens/tokens/new")
	b.post("/workspaces/scoped-tokens/tokens/new", "nonce", b.hidden("nonce"), "name", "Scanner", "scopes", "device").want(409, "You already have a token with this name", `value="device" checked`)
	b.get("/workspaces/scoped-tokens/tokens").want(200, "Date of creation", "Date of expiration", "Scanner", "Edit", "Delete")
	id := b.rows()[0]
	b.get("/workspaces/scoped-tokens/tokens/"+id+"/scopes").want(200, "Edit access token", "Save Changes").lacks(`name="name"`)
	b.post("/workspaces/scoped-tokens/tokens/"+id+"/scopes").want(422, "Choose at least one scope")
	b.post("/workspaces/scoped-tokens/tokens/"+id+"/scopes", "scopes", "collection").want(200, "are saved", "Close")
	b.get("/workspaces/scoped-tokens/tokens").want(200, ">Collection<").lacks(">Device<")
	b.get("/workspaces/scoped-tokens/tokens/"+id+"/delete").want(200, "Delete access token", ">Revoke<")
	b.post("/workspaces/scoped-tokens/tokens/"+id+"/delete").want(200, "No tokens yet")
}

func TestWhatWasTypedStaysAndProblemsAreAtTheirFields(t *testing.T) {
	s := newSite(t).populate()
	b := s.as(token.Developer)
	b.get("/workspaces/standard/tokens/new")
	b.post("/workspaces/standard/tokens/new", "nonce", b.hidden("nonce"), "name", "", "description", "<b>mine</b>", "lifetime", "days", "lifetime_days", "400")
	b.want(422, `href="#name"`, `href="#scopes"`, `href="#lifetime"`, "&lt;b&gt;mine&lt;/b&gt;", `value="400"`, "1 to 365 days")
	checkPage(t, b, "the form with problems")
	b.post("/workspaces/standard/tokens/new", "nonce", b.hidden("nonce"), "name", "Kept", "lifetime", "d30", "choose", "bi").want(200, `value="Kept"`, `value="odata:read" checked`).lacks("kw_pat_")
	b.get("/workspaces/standard/tokens/new").want(200, "Your role can")
}

func TestThePasswordIsAskedForAgainAndTypingSurvives(t *testing.T) {
	s := newSite(t).populate()
	b := s.as(token.Developer)
	b.get("/workspaces/standard/tokens/new")
	nonce := b.hidden("nonce")
	s.clock.Advance(16 * time.Minute)
	fields := []string{"nonce", nonce, "name", "Deploy", "description", "", "scopes", "odata:read", "lifetime", "d30"}
	b.post("/workspaces/standard/tokens/new", fields...).want(403, "Is it you?", `value="Deploy"`, `value="odata:read"`).lacks("kw_pat_")
	checkPage(t, b, "the password dialog")
	b.post("/workspaces/standard/tokens/new", append(fields, "password_again", "wrong")...).want(403, "This is not your password", `value="Deploy"`)
	b.post("/workspaces/standard/tokens/new", append(fields, "password_again", password)...).want(200, "Your new token", "Deploy")
	b.secret()
	b.get("/workspaces/standard/tokens/new")
	b.post("/workspaces/standard/tokens/new", "nonce", b.hidden("nonce"), "name", "Next", "scopes", "odata:read", "lifetime", "d7", "description", "").want(200)
	b.secret()
}

func TestBeforeRevokingOneSeesWhatWouldStop(t *testing.T) {
	s := newSite(t).populate()
	dev := s.people[token.Developer]
	tok := s.make(dev, "standard", named("Deploy", 90, "odata:read"))
	b := s.as(token.Developer)
	b.get("/workspaces/standard/tokens/"+tok.ID+"/revoke").want(200, "It has never been used.")
	s.use(tok, 412, 0, "203.0.113.7", "203.0.113.8")
	s.clock.Advance(3 * time.Minute)
	b.get("/workspaces/standard/tokens/"+tok.ID+"/revoke").want(200, "Used 3 minutes ago from 2 addresses; 412 requests today.")
	b.get("/workspaces/standard/tokens/"+tok.ID).want(200, "412", "Deniz Kaya</b> created <b>Deploy")
}

func TestAdministratorOversees(t *testing.T) {
	s := newSite(t).populate().history()
	b := s.as(token.Administrator)
	b.get("/workspaces/standard/admin/tokens").want(200, "Deploy pipeline", "Forgotten", "Nightly export")
	b.get("/workspaces/standard/admin/tokens?status=expired").want(200, "Nightly export").lacks(">Forgotten<")
	b.get("/workspaces/standard/admin/tokens?unused=1").want(200, "Forgotten").lacks(">Deploy pipeline<")
	b.get("/workspaces/standard/admin/tokens?soon=1").want(200, "Deploy pipeline").lacks(">Forgotten<")
	b.get("/workspaces/standard/admin/tokens?q=FORG").want(200, "Forgotten").lacks(">Deploy pipeline<")
	b.get("/workspaces/standard/admin/tokens?q=%00").want(400)
	s.make(s.people[token.Developer], "standard", named("=cmd()", 5, "odata:read"))
	b.get("/workspaces/standard/admin/tokens.csv?q=cmd").want(200, "id,kind,name,description", "'=cmd()").lacks("Forgotten")
	s.as(token.Developer).get("/workspaces/standard/admin/tokens.csv").want(403)
	list, err := s.auth.Tokens(s.ctx(), s.admin, "standard", authority.TokenQuery{Everyone: true, Filter: authority.TokenFilter{Status: token.Active}, Page: authority.Page{Limit: 10}})
	s.must(err)
	fields := []string{"do", "revoke"}
	for i := range list[:2] {
		fields = append(fields, "ids", list[i].ID)
	}
	b.post("/workspaces/standard/admin/tokens/batch", fields...).want(200, "Revoke 2 tokens", "This can&#39;t be undone")
	b.post("/workspaces/standard/admin/tokens/batch", append(fields, "confirmed", "1")...).want(200, "Revoked 2 tokens", "Done")

	b.post("/workspaces/standard/admin/members/new", "email", "eve@example.com", "name", "Eve", "role", "member").want(200, "/welcome/")
	link := regexp.MustCompile(`/welcome/[0-9A-Za-z]+`).FindString(b.page)
	b.get("/workspaces/standard/admin/members").want(200, "Invited").lacks(link)
	b.post("/workspaces/standard/admin/members/new", "email", "eve@example.com", "name", "Eve", "role", "member").want(409, "This person is a member already.")
	eve := s.browser()
	eve.get(link).want(200, "Choose a password", "Eve")
	eve.post(link, "password", "short").want(422, "Use at least 8 characters")
	eve.post(link, "password", "long enough").want(200)
	s.browser().get(link).want(404, "This link")
	b.get("/workspaces/standard/admin/members/"+s.people[token.Administrator].User.ID+"/remove").want(200, "Remove Ana Costa")
	b.post("/workspaces/standard/admin/members/"+s.people[token.Administrator].User.ID+"/remove").want(409, "needs an administrator")
	b.get("/workspaces/standard/audit").want(200, "revoked", "added <b>Eve</b> as member")
}

func TestPolicyIsReviewedBeforeItIsSaved(t *testing.T) {
	s := newSite(t).populate().history()
	b := s.as(token.Administrator)
	b.get("/workspaces/standard/admin/policy").want(200, "What this means", "Members can hold up to 50 tokens each.")
	b.get("/workspaces/standard/admin/policy?preset=single-token").want(200, "not saved yet", "Members can hold one token each.")
	form := b.policyForm()
	b.post("/workspaces/standard/admin/policy", append(form, "do", "check")...).want(200, "Save this policy?", "live tokens", "scopes are no longer chosen")
	b.post("/workspaces/standard/admin/policy", "do", "save", "apply", "new", "base", strings.NewReplacer("&#34;", `"`, "&#43;", "+", "&amp;", "&", "&#39;", "'").Replace(b.hidden("base"))).want(200, "The policy is saved.")
	b.get("/workspaces/standard/tokens").want(200, "Personal access token", "You already have a token.")
	b.get("/workspaces/crm-tokens/admin/policy")
	form = b.policyForm()
	b.post("/workspaces/crm-tokens/admin/policy", append(form, "tokens.per_user", "many", "do", "check")...)
	if b.status != http.StatusOK { // the first value of a field counts
		t.Errorf("status %d", b.status)
	}
	for i := 0; i+1 < len(form); i += 2 {
		if form[i] == "tokens.expiry.max_days" {
			form[i+1] = "0"
		}
	}
	b.post("/workspaces/crm-tokens/admin/policy", append(form, "do", "check")...).want(422, `href="#tokens-expiry-max-days"`)
	checkPage(t, b, "the policy with problems")
}

var (
	inputForm  = regexp.MustCompile(`<input[^>]*? ?type="(hidden|text|number|checkbox)"[^>]*? name="([^"]+)"[^>]*? value="([^"]*)"([^>]*)>`)
	selectForm = regexp.MustCompile(`(?s)<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>`)
	chosenForm = regexp.MustCompile(`<option value="([^"]*)" selected`)
)

// policyForm is the policy's form as a browser would send it.
func (b *browser) policyForm() []string {
	unescape := strings.NewReplacer("&#34;", `"`, "&#43;", "+", "&lt;", "<", "&gt;", ">", "&#39;", "'", "&amp;", "&")
	_, form, _ := strings.Cut(b.page, "data-policy")
	form, _, _ = strings.Cut(form, "</form>")
	var out []string
	for _, m := range inputForm.FindAllStringSubmatch(form, -1) {
		if m[1] != "checkbox" || strings.Contains(m[4], "checked") {
			out = append(out, m[2], unescape.Replace(m[3]))
		}
	}
	for _, m := range selectForm.FindAllStringSubmatch(form, -1) {
		if c := chosenForm.FindStringSubmatch(m[2]); c != nil {
			out = append(out, m[1], c[1])
		}
	}
	return out
}

func TestScopesAreEdited(t *testing.T) {
	s := newSite(t).populate()
	b := s.as(token.Administrator)
	b.get("/workspaces/crm-tokens/admin/scopes").want(200, "OData API")
	row := []string{"rows", "2", "name-0", "odata:read", "title-0", "OData API", "description-0", "", "roles-0", "administrator"}
	b.post("/workspaces/crm-tokens/admin/scopes", append(row, "do", "save", "name-1", "has space", "title-1", "", "description-1", "")...).want(422, `href="#name-1"`, `href="#title-1"`)
	checkPage(t, b, "scopes with problems")
	b.post("/workspaces/crm-tokens/admin/scopes", append(row, "do", "save", "name-1", "deals:write", "title-1", "Deals", "description-1", "", "roles-1", "administrator")...).want(200, "The scopes are saved")
	b.get("/workspaces/crm-tokens/tokens/new").want(200, "Deals")
}

func TestInstallationIsAdministrated(t *testing.T) {
	s := newSite(t).populate()
	b := s.as(token.Administrator)
	b.post("/installation/workspaces/new", "slug", "Has Space", "name", "X", "preset", "standard").want(422, "lower-case letters", "Has Space")
	b.post("/installation/workspaces/new", "slug", "sales", "name", "Sales", "preset", "crm-tokens").want(200, "Sales")
	b.post("/installation/workspaces/sales/rename", "name", "Sales team").want(200, "Sales team")
	b.post("/installation/workspaces/sales/delete", "typed", "sale").want(422, "Type sales")
	b.post("/installation/workspaces/sales/delete", "typed", "sales").want(200, "is deleted").lacks("Sales team")
	b.post("/installation/administrators", "email", "dev@example.com", "do", "give").want(200, "The right is changed")
	b.post("/installation/administrators", "email", "nobody@example.com", "do", "give").want(422, "no account")
	s.as(token.Developer).get("/installation").want(200)
}

func TestSetUpAndAccount(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	b.get("/").want(200, "Set up", "One-time code")
	code, _, err := s.auth.OpenSetUp(s.ctx())
	s.must(err)
	b.post("/setup", "code", "wrong", "email", "ana@example.com", "name", "Ana", "password", password).want(422, "This code is wrong", "ana@example.com")
	b.post("/setup", "code", code.Reveal(), "email", "ana@example.com", "name", "Ana", "password", password).want(200, "No workspace yet")
	s.browser().get("/setup").want(200, "Sign in")
	b.post("/account/password", "current", "wrong", "new", "another one").want(422, "not your current password")
	b.post("/account/password", "current", password, "new", "another one").want(200, "Your password is changed")
	b.post("/theme", "theme", "dark", "back", "/help").want(200, `data-theme="dark"`)
	b.post("/theme", "theme", "light", "back", "//evil.example").want(200, `data-theme="light"`)
	b.post("/account/sign-out-everywhere").want(200, "You are signed out")
	if b.get("/account"); b.path != "/sign-in" {
		t.Errorf("still signed in at %s", b.path)
	}
}
