package ui_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/token"
)

var (
	refreshForm  = regexp.MustCompile(`kw_rt_[0-9A-Za-z]{36}`)
	accessForm   = regexp.MustCompile(`eyJ[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+`)
	oauthRowForm = regexp.MustCompile(`data-testid="oauth-token" data-id="([^"]+)"`)
)

// pairs lists the ids of the OAuth tokens that the page lists.
func (b *browser) pairs() []string {
	var out []string
	for _, m := range oauthRowForm.FindAllStringSubmatch(b.page, -1) {
		out = append(out, m[1])
	}
	return out
}

// S4.1, S4.2, S4.5: generate with a name and a lifetime, both secrets once, disable for good, delete.
func TestS4APairIsGeneratedShownOnceDisabledAndDeleted(t *testing.T) {
	s := newSite(t).populate()
	b := s.as(token.PlainMember)
	base := "/workspaces/oauth-tokens"
	b.get(base+"/profile").want(200, "User preferences</a>", "OAuth 2.0 API tokens</a>")
	b.get(base+"/settings").want(200, "<h1", "OAuth 2.0 API tokens", "Generate", "No tokens yet")
	checkPage(t, b, "no OAuth token")
	b.get(base+"/oauth-tokens/new").want(200, "Generate OAuth 2.0 API token", "Lifetime in days", `value="365"`, "until 29 Feb 2028", "1 to 365 days")
	checkPage(t, b, "the form of an OAuth token")
	nonce := b.hidden("nonce")
	for days, problem := range map[string]string{"0": "Choose 1 to 365 days.", "366": "Choose 1 to 365 days.", "-1": "Choose 1 to 365 days.", "soon": "Enter a whole number, 1 to 365 days.", "": "Enter a whole number", "1.5": "Enter a whole number"} {
		b.post(base+"/oauth-tokens/new", "nonce", nonce, "name", "Kept", "lifetime_days", days).want(422, problem, `href="#lifetime_days"`, `value="Kept"`, `name="lifetime_days" value="`+days+`"`).lacks("kw_rt_")
	}
	checkPage(t, b, "the form with a problem")
	b.post(base+"/oauth-tokens/new", "nonce", nonce, "name", "", "lifetime_days", "x").want(422, `href="#name"`, `href="#lifetime_days"`)
	b.post(base+"/oauth-tokens/new", "nonce", nonce, "name", "Nightly", "choose", "30", "lifetime_days", "365").want(200, `value="Nightly"`, `value="30"`, "until 31 Mar 2027").lacks("kw_rt_")
	b.post(base+"/oauth-tokens/new", "nonce", nonce, "name", "Nightly", "lifetime_days", "30").want(200, "Access Token", "Refresh Token", "works for 1 hour, until 13:00 UTC", "until 31 March 2027, again and again", "grant_type=refresh_token", s.url+"/oauth2/token", `data-secret="once"`).lacks("tokens.json")
	checkPage(t, b, "the new pair")
	if got := b.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	refresh, access := b.shown(refreshForm), b.shown(accessForm)
	b.post(base+"/oauth-tokens/new", "nonce", nonce, "name", "Nightly", "lifetime_days", "30").want(409, "already generated").lacks(refresh, access)
	b.get(base+"/oauth-tokens").want(200, "Nightly", "Last refreshed", "Disable", "Delete").lacks(refresh, access, `data-act="view"`)
	id := b.pairs()[0]
	b.get(base+"/oauth-tokens?made="+id).want(200, "Just created")
	b.get(base + "/oauth-tokens/" + id).want(403) // this policy offers no view

	b.get(base+"/oauth-tokens/"+id+"/disable").want(200, "Disable “Nightly”", "for good", "work until they expire, for an hour at most")
	checkPage(t, b, "before disabling a pair")
	b.post(base+"/oauth-tokens/"+id+"/disable").want(200, "an access token works until it expires", "Disabled just now").lacks(`data-act="disable"`)
	if _, err := s.auth.Refresh(s.ctx(), token.SecretOf(refresh), "", authority.GrantRequest{}, token.Origin{}); err == nil {
		t.Error("a disabled token's refresh token works")
	}
	if !s.good(access) {
		t.Error("under this policy the access token should go on working")
	}
	b.get(base+"/oauth-tokens/"+id+"/disable").want(409, "disabled for good")
	b.get(base+"/oauth-tokens/"+id+"/delete").want(200, "stopped working already")
	b.post(base+"/oauth-tokens/"+id+"/delete").want(200, "No tokens yet", "is deleted")
	s.as(token.Developer).get(base + "/oauth-tokens/" + id).want(404)
}

// S4.5: several at once, with the result of each.
func TestS4SeveralPairsAreDisabledAndDeletedAtOnce(t *testing.T) {
	s := newSite(t).populate()
	member := s.people[token.PlainMember]
	ids := []string{}
	for i := range 3 {
		p, _ := s.pair(member, "oauth-tokens", fmt.Sprintf("Program %d", i+1), 30)
		ids = append(ids, p.ID)
	}
	others, _ := s.pair(s.people[token.Developer], "oauth-tokens", "Not mine", 30)
	b := s.as(token.PlainMember)
	path := "/workspaces/oauth-tokens/oauth-tokens/batch"
	b.get("/workspaces/oauth-tokens/oauth-tokens").want(200, "Select Program 1", "Tick tokens").lacks("Not mine")
	fields := []string{"do", "disable", "ids", ids[0], "ids", ids[1], "ids", others.ID}
	b.post(path, fields...).want(200, "Disable 3 OAuth tokens", "2 of them work now. Their refresh tokens will fail at once.", "Program 1", "Program 2", "An OAuth token that is gone", "never used").lacks("Not mine")
	checkPage(t, b, "before several")
	b.post(path, append(fields, "confirmed", "1")...).want(200, "2 OAuth tokens done, 1 OAuth token not", "Done", "Only the owner")
	checkPage(t, b, "after several")
	b.post(path, "do", "delete", "ids", ids[0], "ids", ids[1], "confirmed", "1").want(200, "Deleted 2 OAuth tokens").lacks("Program 3</th><td>Done")
	b.get("/workspaces/oauth-tokens/oauth-tokens").want(200, "Program 3").lacks("Program 1", "Program 2")
	b.post(path, "do", "disable").want(200, "Program 3") // nothing was ticked
	b.post(path, "do", "revoke", "ids", ids[2]).want(200, "Active")

	// For the script, which sends many in parts: the rows alone.
	req, err := http.NewRequestWithContext(s.ctx(), http.MethodPost, s.url+path, strings.NewReader("do=disable&confirmed=1&ids="+ids[2]))
	s.must(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	req.Header.Set("X-Fragment", "1")
	b.do(req)
	if !strings.HasPrefix(strings.TrimSpace(b.page), "<tr") || !strings.Contains(b.page, "Program 3") || !strings.Contains(b.page, "Done") {
		t.Errorf("the script gets %q", b.page)
	}
	if b.get("/workspaces/single-token/oauth-tokens"); b.status != 403 {
		t.Errorf("a workspace without OAuth tokens answers %d", b.status)
	}
	b.post("/workspaces/single-token/oauth-tokens/batch", fields...).want(403)
}

func TestUnderRotationThePageSaysWhatARefreshTokenIsFor(t *testing.T) {
	s := newSite(t).populate()
	b := s.as(token.Developer)
	b.get("/workspaces/standard/oauth-tokens/new?name=Script&lifetime_days=7").want(200, `value="Script"`, `value="7"`)
	b.post("/workspaces/standard/oauth-tokens/new", "nonce", b.hidden("nonce"), "name", "Script", "lifetime_days", "7").want(200, "until 8 March 2027, once", "-f -o tokens.json")
	b.get("/workspaces/standard/oauth-tokens")
	id := b.pairs()[0]
	b.get("/workspaces/standard/oauth-tokens/"+id).want(200, "Identifier", id, "Whatever you may do", "Get the next access token", "tokens.json", "Deniz Kaya</b> generated <b>Script")
	checkPage(t, b, "an OAuth token's page")
	b.get("/workspaces/standard/oauth-tokens/"+id+"/disable?from=page").want(200, "stop at once as well")
	b.post("/workspaces/standard/oauth-tokens/"+id+"/disable?from=page").want(200, "Disabled", "Script").lacks("Get the next access token")
}

func TestWhoeverOwnsAPairIsToldThatAnOldRefreshTokenCameAgain(t *testing.T) {
	s := newSite(t).populate()
	dev := s.people[token.Developer]
	_, issued := s.pair(dev, "standard", "Build machine", 30)
	refresh := func(secret token.Secret) (authority.Issued, error) {
		return s.auth.Refresh(s.ctx(), secret, "", authority.GrantRequest{}, token.Origin{})
	}
	second, err := refresh(issued.RefreshToken)
	s.must(err)
	_, err = refresh(second.RefreshToken)
	s.must(err)
	if _, err = refresh(issued.RefreshToken); err == nil {
		t.Fatal("an old refresh token works")
	}
	b := s.as(token.Developer).get("/workspaces/standard/oauth-tokens").want(200, "Somebody used an old refresh token of “Build machine” on", "1 March 2027, 12:00 UTC", "We stopped it.")
	checkPage(t, b, "a reused refresh token")
	b.get("/workspaces/standard/oauth-tokens/"+b.pairs()[0]).want(200, "Somebody used an old refresh token")
	s.as(token.Administrator).get("/workspaces/standard/oauth-tokens").want(200).lacks("Somebody used")
	s.as(token.Administrator).get("/workspaces/standard/audit").want(200, "Somebody</b> stopped <b>Build machine</b> by using an old refresh token")
}

func TestWhoHoldsAsManyPairsAsTheyMayIsToldWhy(t *testing.T) {
	s := newSite(t).populate()
	policy, _ := token.OAuthTokens.Policy()
	policy.OAuthTokens.PerUser, policy.OAuthTokens.Expiry = 1, token.ExpiryRule{Mode: token.ExpiryFixed, Period: token.Period{Months: 1}}
	_, err := s.auth.SetPolicy(s.ctx(), s.admin, "oauth-tokens", policy)
	s.must(err)
	b := s.as(token.Developer)
	b.get("/workspaces/oauth-tokens/oauth-tokens/new").want(200, "lasts one month").lacks(`name="lifetime_days"`)
	nonce := b.hidden("nonce")
	b.post("/workspaces/oauth-tokens/oauth-tokens/new", "nonce", nonce, "name", "One").want(200, "until 1 April 2027")
	b.get("/workspaces/oauth-tokens/oauth-tokens").want(200, "disabled", "You already have an OAuth token. Delete it first.")
	b.post("/workspaces/oauth-tokens/oauth-tokens/new", "nonce", nonce+"x", "name", "Two").want(409, "as many OAuth tokens as you may")
}

func TestSigningKeysAreRotatedAndReplaced(t *testing.T) {
	s := newSite(t).populate()
	b := s.as(token.Administrator)
	path := "/workspaces/standard/admin/keys"
	b.get(path).want(200, "No key yet", s.url+"/w/standard/jwks.json", "ES256", "90 days")
	checkPage(t, b, "no key")
	_, issued := s.pair(s.people[token.Developer], "standard", "Script", 30)
	b.get(path).want(200, "Signs now").lacks("No key yet")
	b.get(path+"/rotate").want(200, "Nothing stops working")
	checkPage(t, b, "before rotating a key")
	seen := b.hidden("seen")
	b.post(path+"/rotate", "seen", seen).want(200, "A new key is made", "Signs now", "Published", "signs", "A new key waits already")
	checkPage(t, b, "two keys")
	b.post(path+"/rotate", "seen", seen).want(409, "A new key was made")
	s.clock.Advance(20 * time.Minute)
	b.get(path).want(200, "Signs no longer", "Signs now")
	if !s.good(issued.AccessToken.Reveal()) {
		t.Fatal("rotating a key stops what the old one signed")
	}
	b.get(path+"/replace").want(200, "Every access token of this workspace stops working")
	b.post(path+"/replace", "seen", b.hidden("seen")).want(200, "The keys are replaced").lacks("Signs no longer")
	if s.good(issued.AccessToken.Reveal()) {
		t.Error("what a replaced key signed goes on working")
	}
	b.get("/workspaces/standard/audit").want(200, "made a new signing key", "removed an old signing key")
	d := s.as(token.Developer)
	for _, p := range []string{"", "/rotate", "/replace"} {
		d.get(path + p).want(403)
	}
	d.post(path+"/replace", "seen", "none").want(403)
}

// No action of the log is said in words of the program.
func TestEveryActionHasASentence(t *testing.T) {
	s := newSite(t).populate()
	b := s.as(token.Administrator)
	b.get("/workspaces/standard/audit").want(200)
	for _, a := range []audit.Action{
		audit.AppCreated, audit.AppChanged, audit.AppDisabled, audit.AppActivated, audit.AppDeleted, audit.AppSecretViewed, audit.AppSecretRotated, audit.AppSecretEnded,
		audit.OAuthTokenCreated, audit.OAuthRefreshed, audit.OAuthTokenDisabled, audit.OAuthTokenDeleted, audit.OAuthTokenCut, audit.RefreshReused,
		audit.KeyRotated, audit.KeyRemoved, audit.TokensImported, audit.LegacyStopSet, audit.AccessRevoked, audit.TokenExchanged,
	} {
		label := regexp.MustCompile(`<option value="` + regexp.QuoteMeta(string(a)) + `">([^<]*)</option>`).FindStringSubmatch(b.page)
		if label == nil || strings.Contains(label[1], string(a)) || strings.Contains(label[1], "did") {
			t.Errorf("%s is called %q", a, label)
		}
	}
}

func TestThePolicyOfEveryKindIsEdited(t *testing.T) {
	s := newSite(t).populate()
	s.pair(s.people[token.Developer], "standard", "Long one", 300)
	b := s.as(token.Administrator)
	path := "/workspaces/standard/admin/policy"
	b.get(path).want(200, "Apps", "OAuth tokens", "Access tokens", "An app&#39;s client secret is shown once.", `name="signing.rotate_days" value="90"`)
	checkPage(t, b, "the policy")
	change := func(form []string, fields map[string]string) []string {
		for i := 0; i+1 < len(form); i += 2 {
			if value, ok := fields[form[i]]; ok {
				form[i+1] = value
			}
		}
		return form
	}
	form := change(b.policyForm(), map[string]string{
		"apps.secret": "viewable", "apps.per_user": "3", "apps.labels.title": "Robots", "oauth_tokens.expiry.max_days": "100", "oauth_tokens.expiry.presets": "7, 30", "refresh_tokens": "reusable",
		"access_tokens_after_stop": "until_expiry", "signing.algorithm": "EdDSA", "signing.rotate_days": "30", "oauth_tokens.labels.secret": "Renewal token",
	})
	b.post(path, append(form, "do", "check")...).want(200, "Save this policy?", "can be seen again", "used again and again", "up to 3 apps", "Long one (OAuth token)", "would be cut to")
	checkPage(t, b, "the review")
	unescape := strings.NewReplacer("&#34;", `"`, "&#43;", "+", "&amp;", "&", "&#39;", "'", "&gt;", ">", "&lt;", "<")
	b.post(path, "do", "save", "apply", "all", "base", unescape.Replace(b.hidden("base"))).want(200, "The policy is saved")
	in, err := s.auth.Enter(s.ctx(), s.admin, "standard")
	s.must(err)
	p := in.Policy
	if p.Apps.Secret != token.SecretViewable || p.Apps.PerUser != 3 || p.OAuthTokens.Expiry.MaxDays != 100 || p.Refresh != token.Reusable || p.AfterStop != token.UntilExpiry ||
		p.Signing != (token.SigningRule{Algorithm: token.EdDSA, RotateDays: 30}) || p.Tokens.PerUser != 50 || p.Apps.Words().Title != "Robots" || p.OAuthTokens.Words().Secret != "Renewal token" {
		t.Errorf("saved as %+v", p)
	}
	b.get("/workspaces/standard/oauth-tokens/new").want(200, "1 to 100 days")
	b.get(path)
	b.post(path, append(change(b.policyForm(), map[string]string{"signing.rotate_days": "0", "oauth_tokens.expiry.min_days": "500", "apps.per_user": "many"}), "do", "check")...).
		want(422, `href="#signing-rotate-days"`, `href="#oauth-tokens-expiry-max-days"`, `href="#apps-per-user"`)
	checkPage(t, b, "the policy with problems of other kinds")
}
