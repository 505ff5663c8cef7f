package rest

import (
	"fmt"
	"testing"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

const stdOAuth = "/workspaces/standard/oauth-tokens"

func TestS4_1ToS4_5AnOAuthTokenIsGeneratedUsedInItsWorkspaceDisabledAndDeleted(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		w := newWorld(t, db)
		for days, code := range map[any]string{0: "lifetime_out_of_range", 366: "lifetime_out_of_range", -1: "lifetime_out_of_range", "ten": "invalid", 1.5: "invalid", nil: "expiry_required"} {
			w.as("member", "POST", stdOAuth, map[string]any{"name": "A", "lifetime_days": days}).want(t, 422, code)
		}
		w.as("member", "POST", stdOAuth, map[string]any{"name": "", "lifetime_days": 1}).want(t, 422, "name_required")
		for _, days := range []int{1, 365} {
			w.as("member", "POST", stdOAuth, map[string]any{"name": fmt.Sprint("For ", days), "lifetime_days": days}).want(t, 201, "")
		}
		db.Clock.Advance(time.Millisecond)
		made := w.as("member", "POST", stdOAuth, map[string]any{"name": "Notebook", "lifetime_days": 30}).want(t, 201, "")
		golden(t, "oauth_token_created", made)
		one, access := stdOAuth+"/"+made.text("oauth_token.id"), made.text("access_token")
		if code := w.checked("standard", access, "odata:read"); code != "" {
			t.Errorf("a new access token is refused: %s", code)
		}
		if code := w.checked("foreign", access); code != "invalid_token" {
			t.Errorf("in another workspace it is answered %q", code)
		}
		must(t, w.checks.Flush(t.Context()))
		db.Clock.Advance(time.Millisecond) // ids of events sort by it
		golden(t, "oauth_token_used", w.as("member", "GET", one, nil))
		disabled := w.as("admin", "POST", one+"/disable", nil).want(t, 200, "")
		golden(t, "oauth_token_disabled", disabled)
		if code := w.checked("standard", access); code != "invalid_token" {
			t.Errorf("a disabled one is answered %q", code)
		}
		w.as("member", "POST", one+"/disable", nil).want(t, 200, "")
		db.Clock.Advance(time.Millisecond)
		w.as("member", "DELETE", one, nil).want(t, 204, "")
		w.as("member", "GET", one, nil).want(t, 404, "not_found")
		golden(t, "oauth_token_events", w.as("member", "GET", "/workspaces/standard/audit-events?target="+made.text("oauth_token.id"), nil))
	})
}

// S4.6: by the policy of the preset, what was issued works until it expires, also when its row is gone.
func TestS4_6ThePolicyDecidesWhetherAccessTokensOutliveTheirEnd(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		w := newWorld(t, db)
		w.as("root", "POST", "/workspaces", map[string]any{"slug": "cloud", "preset": "oauth-tokens"}).want(t, 201, "")
		made := w.newOAuthToken("root", "cloud", "A")
		one, access, refresh := "/workspaces/cloud/oauth-tokens/"+made.text("oauth_token.id"), made.text("access_token"), token.SecretOf(made.text("refresh_token"))
		_, err := w.authority.Refresh(t.Context(), refresh, "", authority.GrantRequest{}, token.Origin{})
		must(t, err)
		for _, end := range []struct {
			method, path string
			status       int
		}{{"POST", one + "/disable", 200}, {"DELETE", one, 204}} {
			w.as("root", end.method, end.path, nil).want(t, end.status, "")
			if _, err := w.authority.Refresh(t.Context(), refresh, "", authority.GrantRequest{}, token.Origin{}); fault.CodeOf(err) != api.CodeInvalidGrant {
				t.Errorf("after %s the refresh token is answered %v", end.method, err)
			}
			if code := w.checked("cloud", access, "odata:read"); code != "" {
				t.Errorf("after %s the access token is refused: %s", end.method, code)
			}
		}
		db.Clock.Advance(time.Hour)
		if code := w.checked("cloud", access); code != "invalid_token" {
			t.Errorf("after its hour the access token is answered %q", code)
		}
	})
}

func TestAReplayedRefreshTokenIsToldToItsOwner(t *testing.T) {
	w := newWorld(t, testkit.SQLite(t))
	made := w.newOAuthToken("dev", "standard", "Shared")
	refresh := func() error {
		_, err := w.authority.Refresh(t.Context(), token.SecretOf(made.text("refresh_token")), "", authority.GrantRequest{}, token.Origin{})
		return err
	}
	must(t, refresh())
	w.db.Clock.Advance(31 * time.Second)
	if err := refresh(); fault.CodeOf(err) != api.CodeInvalidGrant {
		t.Fatal(err)
	}
	one := w.as("dev", "GET", stdOAuth+"/"+made.text("oauth_token.id"), nil).want(t, 200, "")
	if one.text("status") != "disabled" || one.at("reused_at") == nil || one.at("last_refreshed_at") == nil {
		t.Errorf("it is told as %s", one.body)
	}
	events := w.as("dev", "GET", "/workspaces/standard/audit-events?action=oauth_token.refresh_reused", nil).want(t, 200, "")
	if events.text("items.0.target.name") != "Shared" || events.at("items.0.actor.id") != nil {
		t.Errorf("the audit log tells %s", events.body)
	}
	if code := w.checked("standard", made.text("access_token")); code != "invalid_token" {
		t.Errorf("its access token is answered %q", code)
	}
}

func TestS4_5SeveralOAuthTokensAreEndedAtOnceEachWithItsResult(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		w := newWorld(t, db)
		mine := w.newOAuthToken("dev", "standard", "A")
		others := w.newOAuthToken("admin", "standard", "B")
		ids := []string{mine.text("oauth_token.id"), others.text("oauth_token.id"), "nope"}
		r := w.as("dev", "POST", stdOAuth+"/batch", map[string]any{"action": "disable", "ids": ids}).want(t, 200, "")
		golden(t, "oauth_batch", r)
		if w.checked("standard", mine.text("access_token")) != "invalid_token" || w.checked("standard", others.text("access_token")) != "" {
			t.Error("one's own goes on, or another's does not")
		}
		w.as("dev", "POST", stdOAuth+"/batch", map[string]any{"action": "revoke", "ids": ids}).want(t, 422, "invalid")
		r = w.as("admin", "POST", stdOAuth+"/batch", map[string]any{"action": "delete", "ids": ids, "reason": "Left"}).want(t, 200, "")
		if r.at("results.0.ok") != true || r.at("results.1.ok") != true || r.text("results.2.code") != "not_found" {
			t.Errorf("results: %s", r.body)
		}
		if got := pages(w, "admin", stdOAuth+"?owner=all", "name"); len(got) != 0 {
			t.Errorf("left: %v", got)
		}
	})
}

func TestS4_7OAuthTokensAreListedInPagesAndNarrowed(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		w := newWorld(t, db)
		w.newOAuthToken("dev", "standard", "Old")
		db.Clock.Advance(40 * 24 * time.Hour) // sessions are over: all sign in again
		for _, who := range []string{"dev", "admin"} {
			w.cookies[who] = cookieOf(w.as("", "POST", "/session", map[string]any{"email": who + "@example.com", "password": password}).want(t, 201, "")).Value
		}
		off := w.newOAuthToken("dev", "standard", "Off")
		w.as("dev", "POST", stdOAuth+"/"+off.text("oauth_token.id")+"/disable", nil).want(t, 200, "")
		db.Clock.Advance(time.Millisecond) // ids sort by it
		w.newOAuthToken("dev", "standard", "New")
		db.Clock.Advance(time.Millisecond)
		w.newOAuthToken("admin", "standard", "Other")
		dev := w.as("dev", "GET", "/me", nil).text("id")
		for query, want := range map[string]string{
			"?limit=1": "[New Off Old]", "?owner=me": "[New Off Old]", "?status=active": "[New]", "?status=expired": "[Old]", "?status=disabled": "[Off]",
			"?unused_days=30": "[Old]", "?expiring_days=31": "[New]", "?q=nE": "[New]",
			"?owner=all": "[Other New Off Old]", "?owner=all&limit=1": "[Other New Off Old]", "?owner=all&owner_id=" + dev: "[New Off Old]", "?owner=all&owner_id=nope": "[]",
		} {
			who := "dev"
			if len(query) > 9 && query[:10] == "?owner=all" {
				who = "admin"
			}
			if got := fmt.Sprint(pages(w, who, stdOAuth+query, "name")); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
		w.as("dev", "GET", stdOAuth+"?owner_id="+dev, nil).want(t, 422, "invalid")
		if got := pages(w, "admin", "/workspaces/standard/audit-events?action=token.all_viewed", "action"); len(got) == 0 {
			t.Error("that everyone's were seen is not in the audit log")
		}
		w.as("admin", "PUT", "/workspaces/standard/policy", map[string]any{"preset": "standard", "oauth_tokens": map[string]any{"list": "workspace"}}).want(t, 200, "")
		for query, want := range map[string]string{"?limit=200": "[Other New Off Old]", "?owner=me": "[New Off Old]"} {
			if got := fmt.Sprint(pages(w, "dev", stdOAuth+query, "name")); got != want {
				t.Errorf("where the workspace's are listed, %s: %s, want %s", query, got, want)
			}
		}
	})
}

// A token makes no OAuth token that could do more, or last longer, than itself.
func TestATokenMakesNoOAuthTokenThatOutlivesIt(t *testing.T) {
	w := newWorld(t, testkit.SQLite(t))
	_, all := w.newToken("dev", "Manager", "keywright:manage", "odata:read")
	_, narrow := w.newToken("dev", "Narrow", "keywright:manage")
	w.bearer(all, "POST", stdOAuth, map[string]any{"name": "Longer", "lifetime_days": 31}).want(t, 403, "outlives_credential")
	if r := w.bearer(narrow, "POST", stdOAuth, map[string]any{"name": "More", "lifetime_days": 5}); r.status != 403 {
		t.Errorf("one that can do more: %d %s", r.status, r.body)
	}
	w.bearer(all, "POST", stdOAuth, map[string]any{"name": "Shorter", "lifetime_days": 5}).want(t, 201, "")
}

// Access tokens are no way into this API: they never carry its scopes unless their source does.
func TestAnAccessTokenOfAPersonManagesNothing(t *testing.T) {
	w := newWorld(t, testkit.SQLite(t))
	made := w.newOAuthToken("admin", "standard", "Notebook")
	for _, path := range []string{"/me", "/workspaces/standard/tokens", "/workspaces/standard/members"} {
		w.bearer(made.text("access_token"), "GET", path, nil).want(t, 403, "scope_missing")
		w.bearer(made.text("refresh_token"), "GET", path, nil).want(t, 401, "invalid_token")
	}
	id, secret := w.newApp("admin", "standard", "Robot")
	if _, ok := token.ParseID(token.AppID, id); !ok {
		t.Errorf("client id %q", id)
	}
	for _, path := range []string{"/me", "/workspaces/standard/apps"} {
		w.bearer(secret, "GET", path, nil).want(t, 403, "scope_missing")
	}
}
