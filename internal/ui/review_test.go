package ui_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/token"
)

// Over plain HTTP on another machine's address no password is asked for.
func TestSigningInSaysThatItNeedsHTTPS(t *testing.T) {
	s := newSite(t).populate()
	b := s.browser()
	button := regexp.MustCompile(`<button[^>]*class="btn primary wide"[^>]*>Sign in</button>`)
	disabled := func(page string) bool {
		t.Helper()
		found := button.FindString(page)
		if found == "" {
			t.Fatal("there is no button to sign in with")
		}
		return strings.Contains(found, " disabled")
	}
	b.get("/sign-in").want(http.StatusOK).lacks("needs-https")
	if disabled(b.page) {
		t.Error("on this machine's own address the button is disabled")
	}
	req, err := http.NewRequestWithContext(s.ctx(), http.MethodGet, s.url+"/sign-in", nil)
	s.must(err)
	req.Host = "keywright.example:8080"
	b.do(req).want(http.StatusOK, "Signing in needs HTTPS here", `data-testid="needs-https"`)
	if !disabled(b.page) {
		t.Error("the button is not disabled")
	}
	for _, field := range []string{"email", "password"} {
		if !regexp.MustCompile(`<input[^>]* id="` + field + `"[^>]* disabled>`).MatchString(b.page) {
			t.Errorf("the field %s is not disabled", field)
		}
	}
}

func TestTheAuditLogOfOneToken(t *testing.T) {
	s := newSite(t).populate()
	admin, dev := s.people[token.Administrator], s.people[token.Developer]
	one := s.make(admin, "standard", named("First", 5, "odata:read"))
	two := s.make(dev, "standard", named("Second", 5, "odata:read"))
	b := s.as(token.Administrator)
	b.get("/workspaces/standard/audit").want(200, "created <b>First</b>", "created <b>Second</b>", `<option value="`+two.ID+`">Second · Deniz Kaya</option>`)
	b.get("/workspaces/standard/audit?token="+two.ID).want(200, "created <b>Second</b>", `<option value="`+two.ID+`" selected>`).lacks("created <b>First</b>")
	b.get("/workspaces/standard/audit?token=unknown").want(200, "Nothing matches", `<option value="unknown" selected>One token`)
	// Whose tokens are not theirs to see, developers don't find in the list either.
	own := s.as(token.Developer)
	own.get("/workspaces/standard/audit").want(200, `<option value="`+two.ID+`">Second</option>`).lacks(one.ID)
	own.get("/workspaces/standard/audit?token="+one.ID).want(200, "Nothing matches").lacks("First")
}

func TestEndedTokensSayWhenTheyEnded(t *testing.T) {
	s := newSite(t).populate()
	dev := s.people[token.Developer]
	gone := s.make(dev, "standard", named("Gone", 90, "odata:read"))
	s.make(dev, "standard", named("Over", 5, "odata:read"))
	_, err := s.auth.RevokeToken(s.ctx(), dev, "standard", gone.ID, "")
	s.must(err)
	now := s.clock.Now()
	s.clock.Set(now.Add(9*24*time.Hour + time.Minute))
	for role, path := range map[token.Role]string{token.Developer: "/tokens", token.Administrator: "/admin/tokens"} {
		b := s.as(role).get("/workspaces/standard" + path)
		b.want(200, "Revoked 9 days ago", "Expired ").lacks("in 2 months", "in 80 days")
	}
}

func TestAuditSentencesHaveTheirArticles(t *testing.T) {
	s := newSite(t).populate()
	b := s.as(token.Administrator)
	path := "/workspaces/standard/admin/members/" + s.people[token.Developer].User.ID + "/role"
	b.post(path, "role", "administrator").want(200)
	b.post(path, "role", "member").want(200)
	b.get("/workspaces/standard/audit").want(200, "an administrator instead of developer", "a member instead of administrator").lacks("a administrator")
}

// What a policy forbids now may have been made before.
func TestTokensThatNeverExpireCanAlwaysBeLookedFor(t *testing.T) {
	s := newSite(t).populate()
	s.as(token.Administrator).get("/workspaces/standard/admin/tokens").want(200, "Never expires")
}

func TestHelpNamesWhatThePolicyOffers(t *testing.T) {
	s := newSite(t).populate()
	b := s.as(token.Developer)
	for _, info := range token.Presets() {
		policy, _ := info.Name.Policy()
		rules := &policy.Tokens
		b.get("/workspaces/" + string(info.Name) + "/settings").want(200)
		help := strings.ToLower(b.get("/help").want(200).text())
		for act, word := range map[token.Action]string{token.ActRegenerate: "regenerate it", token.ActDelete: "delete it now"} {
			if strings.Contains(help, word) && !rules.Allows(act) {
				t.Errorf("%s: the help says %q", info.Name, word)
			}
		}
		stops := rules.Allows(token.ActRevoke) || rules.Allows(token.ActDelete) && rules.Delete == token.DeleteAnyTime
		if stops && strings.Contains(help, "ask an administrator") {
			t.Errorf("%s: the help sends who can stop a token to an administrator:\n%s", info.Name, help)
		}
	}
}

// The totals come first; the days are folded.
func TestUsageSumsPerToken(t *testing.T) {
	s := newSite(t).populate().history()
	b := s.as(token.Administrator).get("/workspaces/standard/usage").want(200, "By token", "By day and token", "Earlier days", "Deniz Kaya")
	totals, _, _ := strings.Cut(b.page, "By day and token")
	if n := strings.Count(totals, "Deploy pipeline"); n != 1 {
		t.Errorf("the totals name a token %d times", n)
	}
	s.as(token.Developer).get("/workspaces/standard/usage").want(200, "By token").lacks("Ana Costa</td>")
}
