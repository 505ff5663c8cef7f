package rest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/web"
)

func TestTheInventoryHasEveryKindAndStopsThemTogether(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		w := newWorld(t, db)
		const inventory = "/workspaces/standard/inventory"
		tokenID, pat := w.newToken("dev", "Charlie")
		db.Clock.Advance(time.Millisecond)
		oauth := w.newOAuthToken("member", "standard", "Bravo")
		db.Clock.Advance(time.Millisecond)
		app, secret := w.newApp("admin", "standard", "Alpha")
		golden(t, "inventory", w.as("admin", "GET", inventory, nil))
		dev := w.as("dev", "GET", "/me", nil).text("id")
		for query, want := range map[string]string{
			"": "[Alpha Bravo Charlie]", "?limit=1": "[Alpha Bravo Charlie]", "?sort=name&limit=1": "[Alpha Bravo Charlie]",
			"?sort=expires&limit=2": "[Charlie Bravo Alpha]", "?sort=owner&limit=1": "[Alpha Charlie Bravo]",
			"?kind=app": "[Alpha]", "?kind=pat": "[Charlie]", "?kind=oauth_token": "[Bravo]", "?kind=legacy": "[]", "?owner_id=" + dev: "[Charlie]", "?owner_id=nope": "[]",
			"?status=active": "[Alpha Bravo Charlie]", "?status=disabled": "[]", "?q=ALPH": "[Alpha]", "?scope=nope": "[]", "?expiring_days=31": "[Bravo Charlie]", "?unused_days=1": "[]",
		} {
			got := fmt.Sprint(pages(w, "admin", inventory+"?"+strings.TrimPrefix(query, "?"), "name"))
			if got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
		first := w.as("admin", "GET", inventory+"?limit=1&sort=name", nil).want(t, 200, "")
		w.as("admin", "GET", "/workspaces/standard/apps?cursor="+first.text("next_cursor"), nil).want(t, 400, "bad_cursor")
		ids := []string{tokenID, oauth.text("oauth_token.id"), app, "nope"}
		golden(t, "inventory_stopped", w.as("admin", "POST", inventory+"/stop", map[string]any{"action": "revoke", "ids": ids, "reason": "Incident"}))
		for name, credential := range map[string]string{"token": pat, "access token": oauth.text("access_token"), "client secret": secret} {
			if code := w.checked("standard", credential); code != "invalid_token" {
				t.Errorf("a stopped %s is answered %q", name, code)
			}
		}
		if got := fmt.Sprint(pages(w, "admin", inventory+"?sort=name", "status")); got != "[disabled disabled revoked]" {
			t.Errorf("after it: %s", got)
		}
		w.as("admin", "POST", inventory+"/stop", map[string]any{"action": "disable", "ids": ids}).want(t, 422, "invalid")
		r := w.as("admin", "POST", inventory+"/stop", map[string]any{"action": "delete", "ids": ids}).want(t, 200, "")
		if got := pages(w, "admin", inventory, "name"); len(got) != 0 {
			t.Errorf("left %v: %s", got, r.body)
		}
	})
}

func TestUsageSaysOfWhatKindEachIs(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		w := newWorld(t, db)
		const usage = "/workspaces/standard/usage"
		tokenID, pat := w.newToken("dev", "Charlie")
		oauth := w.newOAuthToken("dev", "standard", "Bravo")
		app, secret := w.newApp("admin", "standard", "Alpha")
		for _, credential := range []string{pat, oauth.text("access_token"), secret} {
			if code := w.checked("standard", credential); code != "" {
				t.Fatal(code)
			}
		}
		told := func(who, query string) string {
			out := []string{}
			r := w.as(who, "GET", usage+query, nil).want(t, 200, "")
			for i := range 3 {
				if at := fmt.Sprintf("tokens.%d.", i); r.text(at+"kind") != "" {
					out = append(out, r.text(at+"kind")+" "+r.text(at+"token_name"))
				}
			}
			slices.Sort(out)
			return fmt.Sprint(out)
		}
		for query, want := range map[string]string{
			"": "[app Alpha oauth_token Bravo token Charlie]", "?token=" + app: "[app Alpha]", "?token=" + oauth.text("oauth_token.id"): "[oauth_token Bravo]",
			"?token=" + tokenID: "[token Charlie]", "?token=nope": "[]", "?token=app_nope": "[]",
		} {
			if got := told("admin", query); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
		if got := told("dev", ""); got != "[oauth_token Bravo token Charlie]" {
			t.Errorf("others see %s", got)
		}
	})
}

func TestANewPolicyIsAppliedToOAuthTokensToo(t *testing.T) {
	w := newWorld(t, testkit.SQLite(t))
	const policy = "/workspaces/standard/policy"
	made := w.newOAuthToken("dev", "standard", "Notebook")
	w.newOAuthToken("member", "standard", "Script")
	next := map[string]any{"preset": "standard", "oauth_tokens": map[string]any{
		"roles": []string{"administrator", "member"}, "creators": []string{"administrator"}, "expiry": map[string]any{"max_days": 10, "presets": []int{7}, "proposed": 7},
	}}
	preview := w.as("admin", "POST", policy+"/preview", next).want(t, 200, "")
	if preview.at("impact.oauth_tokens.live") != 2.0 || preview.at("impact.oauth_tokens.cuts") != 2.0 || preview.at("impact.oauth_tokens.breaking") != 1.0 {
		t.Errorf("preview: %s", preview.body)
	}
	w.as("admin", "PUT", policy, next).want(t, 200, "")
	done := w.as("admin", "POST", policy+"/apply", map[string]any{"revoke": []string{made.text("oauth_token.id")}}).want(t, 200, "")
	if done.at("oauth_tokens_disabled") != 1.0 || done.at("oauth_tokens_cut") != 1.0 || done.at("revoked") != 0.0 {
		t.Errorf("applied: %s", done.body)
	}
	if code := w.checked("standard", made.text("access_token")); code != "invalid_token" {
		t.Errorf("a disabled one is answered %q", code)
	}
}

func TestSigningKeysAreSeenAndRotated(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		w := newWorld(t, db)
		const keys = "/workspaces/standard/signing-keys"
		made := w.newOAuthToken("member", "standard", "Notebook")
		golden(t, "signing_keys", w.as("admin", "GET", keys, nil))
		db.Clock.Advance(time.Millisecond)
		rotated := w.as("admin", "POST", keys+"/rotate", nil).want(t, 200, "")
		golden(t, "signing_keys_rotated", rotated)
		if code := w.checked("standard", made.text("access_token")); code != "" {
			t.Errorf("after a rotation, what the old key signed is refused: %s", code)
		}
		db.Clock.Advance(time.Millisecond)
		now := w.as("admin", "POST", keys+"/rotate", map[string]any{"at_once": true}).want(t, 200, "")
		if now.text("items.0.state") != "signing" || now.at("items.1") != nil {
			t.Errorf("rotated at once: %s", now.body)
		}
		if code := w.checked("standard", made.text("access_token")); code != "invalid_token" {
			t.Errorf("what a removed key signed is answered %q", code)
		}
		for _, r := range []reply{rotated, now} {
			if strings.Contains(string(r.body), `"d"`) || strings.Contains(string(r.body), "sealed") {
				t.Errorf("a private half: %s", r.body)
			}
		}
	})
}

// A client from before there were signing keys sends a policy without them.
func TestAPolicyWithoutSigningIsTakenAndKeepsThePresets(t *testing.T) {
	w := newWorld(t, testkit.SQLite(t))
	const policy = "/workspaces/standard/policy"
	old := w.as("admin", "GET", policy, nil).want(t, 200, "").decoded(t)
	delete(old, "signing")
	for _, kind := range []string{"tokens", "apps", "oauth_tokens"} { // nor did it know these words
		rules, _ := old[kind].(map[string]any)
		labels, _ := rules["labels"].(map[string]any)
		if labels["title"] == nil {
			t.Fatalf("no labels of %s: %v", kind, old)
		}
		for _, word := range []string{"lifetime", "access_token", "secret"} {
			delete(labels, word)
		}
	}
	r := w.as("admin", "PUT", policy, old).want(t, 200, "")
	if r.text("signing.algorithm") != "ES256" || r.at("signing.rotate_days") != 90.0 {
		t.Errorf("signing: %s", r.body)
	}
	r = w.as("admin", "PUT", policy, map[string]any{"preset": "standard", "signing": map[string]any{"algorithm": "EdDSA"}}).want(t, 200, "")
	if r.text("signing.algorithm") != "EdDSA" || r.at("signing.rotate_days") != 90.0 {
		t.Errorf("a part of it: %s", r.body)
	}
	for _, wrong := range []map[string]any{{"algorithm": "HS256"}, {"algorithm": "none"}, {"rotate_days": -1}, {"rotate_days": 4000}} {
		w.as("admin", "PUT", policy, map[string]any{"preset": "standard", "signing": wrong}).want(t, 422, "policy_invalid")
	}
}

// A place in the order by owner holds the owner's name, in which a sign may take six.
func TestNoNameOfAnOwnerEndsTheInventory(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		w := newWorld(t, db)
		r := w.as("admin", "POST", "/workspaces/standard/members", map[string]any{"email": "long@example.com", "name": strings.Repeat("<", 100), "role": "member"}).want(t, 201, "")
		_, link, _ := strings.Cut(r.text("setup_url"), web.LinkPath)
		session, _, err := w.authority.RedeemLink(t.Context(), token.SecretOf(link), password, token.Origin{})
		must(t, err)
		w.cookies["long"] = session.Reveal()
		w.newToken("long", "Alpha")
		w.newToken("long", "Bravo")
		w.newToken("dev", "Charlie")
		if got := pages(w, "admin", "/workspaces/standard/inventory?sort=owner&limit=1", "name"); len(got) != 3 {
			t.Errorf("the inventory has %v", got)
		}
	})
}
