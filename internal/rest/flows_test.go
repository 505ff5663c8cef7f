package rest

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright/internal/testkit"
)

var update = flag.Bool("update", false, "write the golden files anew")

var volatile = []struct {
	find    *regexp.Regexp
	replace string
}{
	{regexp.MustCompile(`\b(tok|usr|ws|evt|req|ses|app|cs|oat|key)_[0-9a-z]{26}\b`), "${1}_…"},
	{regexp.MustCompile(`kw_(pat|sec|rt)_[0-9A-Za-z]{36}`), "kw_${1}_…"},
	{regexp.MustCompile(`"eyJ[\w-]+\.[\w-]+\.[\w-]+"`), `"eyJ…"`},
	{regexp.MustCompile(`/welcome/[0-9A-Za-z]{43}`), "/welcome/…"},
	{regexp.MustCompile(`http://127\.0\.0\.1:\d+`), "http://server"},
	{regexp.MustCompile(`("hint": )"[0-9A-Za-z]{4}"`), `$1"…"`},
	{regexp.MustCompile(`("next_cursor": )"[^"]+"`), `$1"…"`},
	{regexp.MustCompile(`Go-http-client/[\d.]+`), "Go-http-client"},
}

// golden compares an answer with the one that clients were written against.
func golden(t *testing.T, name string, r reply) {
	t.Helper()
	pretty, err := json.MarshalIndent(map[string]any{
		"status": r.status, "content_type": r.header.Get("Content-Type"), "body": json.RawMessage(r.body),
	}, "", "  ")
	must(t, err)
	got := string(pretty) + "\n"
	for _, v := range volatile {
		got = v.find.ReplaceAllString(got, v.replace)
	}
	file := "testdata/" + name + ".json"
	if *update {
		must(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	must(t, err)
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: the wire has changed (-want +got):\n%s", name, diff)
	}
}

func TestTheWire(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		w := newWorld(t, db)
		const tokens = "/workspaces/standard/tokens"
		golden(t, "sign_in", w.as("", "POST", "/session", map[string]any{"email": "Dev@Example.com", "password": password}))
		golden(t, "wrong_credentials", w.as("", "POST", "/session", map[string]any{"email": "dev@example.com", "password": "wrong"}))
		created := w.as("dev", "POST", tokens, map[string]any{"name": "Power BI", "description": "Sales", "scopes": []string{"odata:read"}, "lifetime_days": 90})
		golden(t, "token_created", created)
		id := created.text("token.id")
		golden(t, "token_list", w.as("dev", "GET", tokens, nil))
		golden(t, "name_taken", w.as("dev", "POST", tokens, map[string]any{"name": "Power BI", "scopes": []string{"odata:read"}, "lifetime_days": 90}))
		golden(t, "fields_refused", w.as("dev", "POST", tokens, map[string]any{"scopes": []string{"nope", "keywright:admin"}, "lifetime_days": 366}))
		golden(t, "unknown_fields", w.as("dev", "POST", tokens, map[string]any{"name": "x", "colour": 1, "lifetime_days": "9"}))
		golden(t, "unclear_fields", w.as("dev", "POST", tokens, `{"Name":"x","scopes":["a"],"scopes":["b"]}`))
		golden(t, "token_regenerated", w.as("dev", "POST", tokens+"/"+id+"/regenerate", nil))
		golden(t, "token_revoked", w.as("admin", "POST", tokens+"/"+id+"/revoke", map[string]any{"reason": "Laptop lost"}))
		golden(t, "batch", w.as("dev", "POST", tokens+"/batch", map[string]any{"action": "delete", "ids": []string{id, "nope"}}))
		golden(t, "not_found", w.as("dev", "GET", tokens+"/"+id, nil))
		golden(t, "me", w.as("root", "GET", "/me", nil))
		golden(t, "workspace", w.as("stranger", "GET", "/workspaces/foreign", nil))
		golden(t, "member_invited", w.as("admin", "POST", "/workspaces/standard/members", map[string]any{"email": "new@example.com", "name": "New", "role": "member"}))
		golden(t, "member_known", w.as("admin", "POST", "/workspaces/standard/members", map[string]any{"email": "stranger@example.com", "role": "member"}))
		golden(t, "scopes", w.as("member", "GET", "/workspaces/standard/scopes", nil))
		golden(t, "policy", w.as("member", "GET", "/workspaces/standard/policy", nil))
		golden(t, "policy_invalid", w.as("admin", "PUT", "/workspaces/standard/policy", map[string]any{"preset": "standard", "tokens": map[string]any{"per_user": -1, "name": "nope"}, "refresh_tokens": "x"}))
		golden(t, "usage", w.as("dev", "GET", "/workspaces/standard/usage?days=2", nil))
		golden(t, "audit_event", w.as("dev", "GET", "/workspaces/standard/audit-events?action=token.revoked", nil))
	})
}

// bearer sends a request by a token.
func (w *world) bearer(secret, method, path string, body any) reply {
	w.t.Helper()
	r := w.request("", method, path, body)
	r.Header.Set("Authorization", "Bearer "+secret)
	return w.send(r)
}

func TestATokenManagesCredentialsWithinItsOwnLimits(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		w := newWorld(t, db)
		const tokens = "/workspaces/standard/tokens"
		_, reader := w.newToken("dev", "Reader")
		_, manager := w.newToken("dev", "Manager", "odata:read", "keywright:manage")
		_, chief := w.newToken("admin", "Chief", "keywright:admin", "keywright:manage")
		_, overseer := w.newToken("admin", "Overseer", "keywright:admin")

		w.bearer(reader, "GET", "/me", nil).want(t, 403, "scope_missing")
		w.bearer(reader, "GET", tokens, nil).want(t, 403, "scope_missing")
		w.bearer("kw_pat_nonsense", "GET", "/me", nil).want(t, 401, "invalid_token")
		if me := w.bearer(manager, "GET", "/me", nil).want(t, 200, ""); me.text("via") != "token" || me.at("signed_in_at") != nil || me.at("installation_administrator") != false {
			t.Errorf("me: %s", me.body)
		}
		ask := func(days int, scopes ...string) map[string]any {
			return map[string]any{"name": fmt.Sprint(scopes, days), "scopes": scopes, "lifetime_days": days}
		}
		made := w.bearer(manager, "POST", tokens, ask(29, "odata:read")).want(t, 201, "")
		w.bearer(manager, "POST", tokens, ask(31, "odata:read")).want(t, 403, "outlives_credential")
		w.bearer(chief, "POST", tokens, ask(1, "odata:read")).want(t, 403, "scope_not_allowed")
		w.bearer(overseer, "POST", tokens, ask(1, "keywright:admin")).want(t, 403, "scope_missing") // one's own need manage
		w.bearer(manager, "GET", tokens+"?owner=all", nil).want(t, 403, "role_not_allowed")
		if all := w.bearer(chief, "GET", tokens+"?owner=all", nil).want(t, 200, ""); all.at("items.3") == nil {
			t.Errorf("an administrator's token does not see everyone's: %s", all.body)
		}
		w.bearer(chief, "POST", "/workspaces/standard/members", map[string]any{"email": "x@example.com", "role": "administrator"}).want(t, 403, "session_required")
		w.bearer(manager, "POST", "/password", map[string]any{"current": password, "new": "another password"}).want(t, 403, "session_required")
		w.bearer(manager, "DELETE", "/session", nil).want(t, 403, "session_required")
		w.bearer(manager, "DELETE", "/sessions", nil).want(t, 403, "session_required")
		w.bearer(chief, "GET", "/workspaces/foreign", nil).want(t, 404, "not_found")

		// Beside a token the cookie is not looked at.
		r := w.request("admin", "GET", "/me", nil)
		r.Header.Set("Authorization", "Bearer "+manager)
		if got := w.send(r).text("email"); got != "dev@example.com" {
			t.Errorf("with both, %q is asking", got)
		}
		r.Header.Set("Authorization", "bearer kw_pat_bad")
		w.send(r).want(t, 401, "invalid_token")

		w.as("dev", "POST", tokens+"/"+made.text("token.id")+"/revoke", nil).want(t, 200, "")
		w.bearer(made.text("secret"), "GET", "/me", nil).want(t, 401, "invalid_token")
	})
}

func TestMakingASecretNeedsARecentSignIn(t *testing.T) {
	w := newWorld(t, testkit.SQLite(t))
	id, _ := w.newToken("dev", "Before")
	w.db.Clock.Advance(16 * time.Minute)
	sent := map[string]any{"name": "After", "scopes": []string{"odata:read"}, "lifetime_days": 9}
	w.as("dev", "POST", "/workspaces/standard/tokens", sent).want(t, 403, "recent_sign_in_required")
	w.as("dev", "POST", "/workspaces/standard/tokens/"+id+"/regenerate", nil).want(t, 403, "recent_sign_in_required")
	r := w.as("", "POST", "/session", map[string]any{"email": "dev@example.com", "password": password}).want(t, 201, "")
	w.cookies["dev"] = cookieOf(r).Value
	w.as("dev", "POST", "/workspaces/standard/tokens", sent).want(t, 201, "")
}

func cookieOf(r reply) *http.Cookie {
	for _, c := range (&http.Response{Header: r.header}).Cookies() {
		return c
	}
	return &http.Cookie{}
}

func TestOnlyWhatThePolicyTakesIsTaken(t *testing.T) {
	w := newWorld(t, testkit.SQLite(t))
	const tokens = "/workspaces/single/tokens"
	w.as("root", "POST", "/workspaces", map[string]any{"slug": "single", "preset": "single-token"}).want(t, 201, "")
	w.as("root", "POST", tokens, map[string]any{"name": "x"}).want(t, 422, "name_not_accepted")
	w.as("root", "POST", tokens, map[string]any{"lifetime_days": 5}).want(t, 422, "expiry_not_accepted")
	w.as("root", "POST", tokens, map[string]any{"scopes": []string{"odata:read"}}).want(t, 422, "scopes_not_accepted")
	made := w.as("root", "POST", tokens, nil).want(t, 201, "")
	if got := made.text("token.expires_at"); got != "2028-03-01T12:00:00Z" {
		t.Errorf("expires %s", got)
	}
	if made.at("token.name") != nil || made.text("token.scopes.0") != "odata:read" {
		t.Errorf("not null, or not what the role may hold: %s", made.body)
	}
	w.as("root", "POST", tokens, map[string]any{"name": nil}).want(t, 409, "token_limit_reached")
	id := made.text("token.id")
	w.as("root", "PATCH", tokens+"/"+id, map[string]any{"scopes": []string{"odata:read"}}).want(t, 403, "action_not_offered")
	again := w.as("root", "POST", tokens+"/"+id+"/regenerate", map[string]any{}).want(t, 200, "")
	if again.text("secret") == made.text("secret") || again.text("token.scopes.0") != "odata:read" {
		t.Errorf("regenerated: %s", again.body)
	}
	w.as("root", "DELETE", tokens+"/"+id, nil).want(t, 204, "")

	// A preset and what differs from it is a whole policy; its administrator sees what it would end.
	w.as("root", "POST", tokens, nil).want(t, 201, "")
	sent := map[string]any{"preset": "scoped-tokens", "tokens": map[string]any{"per_user": 3}}
	preview := w.as("root", "POST", "/workspaces/single/policy/preview", sent).want(t, 200, "")
	if preview.at("impact.breaking") != 1.0 || preview.text("sentences.0") == "" {
		t.Errorf("preview: %s", preview.body)
	}
	w.as("root", "PUT", "/workspaces/single/policy", sent).want(t, 200, "")
	policy := w.as("root", "GET", "/workspaces/single/policy", nil).want(t, 200, "")
	if policy.at("tokens.per_user") != 3.0 || policy.text("tokens.expiry.period") != "P1Y" || policy.text("preset") != "scoped-tokens" {
		t.Errorf("policy: %s", policy.body)
	}
	w.as("root", "PUT", "/workspaces/single/policy", string(policy.body)).want(t, 200, "") // as it was read
	done := w.as("root", "POST", "/workspaces/single/policy/apply", map[string]any{"revoke": []string{preview.text("impact.breaches.0.token.id"), "nope"}}).want(t, 200, "")
	if done.at("revoked") != 1.0 {
		t.Errorf("applied: %s", done.body)
	}
}

func TestListsAreNarrowed(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		w := newWorld(t, db)
		w.newToken("dev", "Old")
		db.Clock.Advance(40 * 24 * time.Hour) // sessions are over: all sign in again
		for _, who := range []string{"dev", "admin"} {
			w.cookies[who] = cookieOf(w.as("", "POST", "/session", map[string]any{"email": who + "@example.com", "password": password}).want(t, 201, "")).Value
		}
		w.newToken("dev", "New")
		db.Clock.Advance(time.Millisecond) // ids sort by it
		w.newToken("admin", "Other", "keywright:admin")
		dev := w.as("dev", "GET", "/me", nil).text("id")
		for query, want := range map[string]string{
			"":                                 "[New Old]",
			"?owner=me":                        "[New Old]",
			"?status=active":                   "[New]",
			"?status=expired":                  "[Old]",
			"?unused_days=30":                  "[Old]",
			"?expiring_days=31":                "[New]",
			"?never_expires=true":              "[]",
			"?q=nE":                            "[New]",
			"?scope=odata:read&status=active":  "[New]",
			"?scope=keywright:admin":           "[]",
			"?scope=nope":                      "[]",
			"?owner=all":                       "[Other New Old]",
			"?owner=all&owner_id=" + dev:       "[New Old]",
			"?owner=all&owner_id=nope":         "[]",
			"?owner=all&scope=keywright:admin": "[Other]",
		} {
			who, db := "dev", "/workspaces/standard/tokens"
			if strings.Contains(query, "all") {
				who = "admin"
			}
			if query == "" {
				query = "?limit=200"
			}
			if got := fmt.Sprint(pages(w, who, db+query, "name")); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
		w.as("dev", "GET", "/workspaces/standard/tokens?owner_id="+dev, nil).want(t, 422, "invalid")
		if got := pages(w, "dev", "/workspaces/standard/audit-events?action=token.created&from=2027-03-15T00:00:00Z", "action"); len(got) != 1 {
			t.Errorf("one token was made since: %v", got)
		}
		if got := pages(w, "admin", "/workspaces/standard/audit-events?actor="+dev+"&to=2027-03-15T00:00:00Z&action=token.created", "action"); len(got) != 1 {
			t.Errorf("one token was made before: %v", got)
		}
	})
}

func TestNoSecretReachesTheLogOrAnError(t *testing.T) {
	w := newWorld(t, testkit.SQLite(t))
	_, secret := w.newToken("dev", "Manager", "keywright:manage")
	link := w.as("admin", "POST", "/workspaces/standard/members", map[string]any{"email": "n@example.com", "role": "member"}).want(t, 201, "").text("setup_url")
	app, clientSecret := w.newApp("dev", "standard", "Robot")
	oauth := w.newOAuthToken("dev", "standard", "Notebook")
	access, refresh := oauth.text("access_token"), oauth.text("refresh_token")
	w.as("dev", "POST", "/workspaces/standard/apps/"+app+"/rotate-secret", nil).want(t, 200, "")
	secrets := []string{clientSecret, access, refresh, secret, link[strings.LastIndex(link, "/")+1:], "my-secret-password", w.cookies["dev"]}
	var answers strings.Builder
	for _, r := range []reply{
		w.as("", "POST", "/session", map[string]any{"email": "dev@example.com", "password": "my-secret-password"}),
		w.as("", "POST", "/session", `{"email":"dev@example.com","password":["my-secret-password"]}`),
		w.as("", "POST", "/session", `{"email":"dev@example.com","password":"my-secret-password"`),
		w.as("", "POST", "/session", `{"email":"my-secret-password","password":"x","x":"my-secret-password"}`),
		w.as("dev", "POST", "/password", map[string]any{"current": "my-secret-password", "new": "short"}),
		w.as("dev", "GET", "/me?access_token="+secret, nil),
		w.as("dev", "GET", "/workspaces/standard/tokens?cursor="+secret, nil),
		w.as("dev", "GET", "/workspaces/standard/tokens/"+secret, nil),
		w.as("dev", "GET", "/workspaces/"+secret, nil),
		w.as("dev", "GET", "/"+secret, nil),
		w.as("dev", "GET", "/workspaces/standard/apps/"+clientSecret, nil),
		w.as("dev", "GET", "/workspaces/standard/apps?cursor="+clientSecret, nil),
		w.as("dev", "GET", "/workspaces/standard/oauth-tokens/"+refresh, nil),
		w.as("dev", "POST", "/workspaces/standard/oauth-tokens/batch", map[string]any{"action": refresh, "ids": []string{"x"}}),
		w.as("admin", "GET", "/workspaces/standard/inventory?cursor="+refresh, nil),
		w.bearer(access, "GET", "/me", nil),
		w.bearer(refresh, "GET", "/me", nil),
		w.bearer(clientSecret+"x", "GET", "/me", nil),
		w.bearer(secret+"x", "GET", "/me", nil),
		w.bearer(secret, "POST", "/password", map[string]any{"current": "my-secret-password", "new": "my-secret-password"}),
		w.as("dev", "GET", "/me", nil),
	} {
		answers.Write(r.body)
	}
	for _, s := range secrets {
		if strings.Contains(w.log.String(), s) || strings.Contains(answers.String(), s) {
			t.Errorf("the secret …%s is told", s[max(0, len(s)-4):])
		}
	}
}

func TestAnswersWithSecretsAreStoredNowhere(t *testing.T) {
	w := newWorld(t, testkit.SQLite(t))
	w.offerAll()
	id, _ := w.newToken("dev", "A")
	app, _ := w.newApp("dev", "standard", "Robot")
	for _, r := range []reply{
		w.as("dev", "POST", "/workspaces/standard/apps", map[string]any{"name": "Another"}).want(t, 201, ""),
		w.as("dev", "GET", "/workspaces/standard/apps/"+app+"/secret", nil).want(t, 200, ""),
		w.as("dev", "POST", "/workspaces/standard/apps/"+app+"/rotate-secret", nil).want(t, 200, ""),
		w.newOAuthToken("dev", "standard", "Notebook"),
		w.as("", "POST", "/session", map[string]any{"email": "dev@example.com", "password": password}).want(t, 201, ""),
		w.as("dev", "POST", "/workspaces/standard/tokens", map[string]any{"name": "B", "scopes": []string{"odata:read"}, "lifetime_days": 9}).want(t, 201, ""),
		w.as("dev", "POST", "/workspaces/standard/tokens/"+id+"/regenerate", nil).want(t, 200, ""),
		w.as("admin", "POST", "/workspaces/standard/members", map[string]any{"email": "n@example.com", "role": "member"}).want(t, 201, ""),
		w.as("dev", "GET", "/me", nil).want(t, 200, ""),
		w.as("", "GET", "/me", nil).want(t, 401, "sign_in_required"),
	} {
		if r.header.Get("Cache-Control") != "no-store" {
			t.Errorf("Cache-Control is %q with %s", r.header.Get("Cache-Control"), r.body)
		}
	}
}
