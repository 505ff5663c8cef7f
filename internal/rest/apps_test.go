package rest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

const stdApps = "/workspaces/standard/apps"

// granted is an access token that an app gets by a client secret of its.
func (w *world) granted(id, secret string) string {
	w.t.Helper()
	client, err := w.authority.Client(w.t.Context(), authority.ClientAuth{ID: id, Secret: token.SecretOf(secret)}, token.Origin{})
	must(w.t, err)
	issued, err := w.authority.ClientCredentials(w.t.Context(), client, authority.GrantRequest{})
	must(w.t, err)
	return issued.AccessToken.Reveal()
}

func TestS2_3ToS2_6AnAppIsAddedViewedDisabledActivatedAndDeleted(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		w := newWorld(t, db)
		w.as("root", "POST", "/workspaces", map[string]any{"slug": "factory", "preset": "apps-and-tokens"}).want(t, 201, "")
		const apps = "/workspaces/factory/apps"
		made := w.as("root", "POST", apps, map[string]any{"name": "Workflow robot", "description": "Starts workflows", "scopes": []string{"odata:read"}})
		golden(t, "app_created", made)
		made.want(t, 201, "")
		one, secret := apps+"/"+made.text("app.client_id"), made.text("client_secret")
		golden(t, "app_details", w.as("root", "GET", one, nil))
		golden(t, "app_secret_again", w.as("root", "GET", one+"/secret", nil))
		if again := w.as("root", "GET", one+"/secret", nil).want(t, 200, "").text("client_secret"); again != secret {
			t.Error("another client secret is shown again than was made")
		}
		if code := w.checked("factory", secret, "odata:read"); code != "" {
			t.Errorf("a new app is refused: %s", code)
		}
		access := w.granted(made.text("app.client_id"), secret)
		if code := w.checked("factory", access, "odata:read"); code != "" {
			t.Errorf("its access token is refused: %s", code)
		}
		golden(t, "app_disabled", w.as("root", "POST", one+"/disable", nil))
		if code := w.checked("factory", secret); code != "invalid_token" {
			t.Errorf("a disabled app's secret is answered %q", code)
		}
		if code := w.checked("factory", access); code != "invalid_token" {
			t.Errorf("a disabled app's access token is answered %q", code)
		}
		w.as("root", "POST", one+"/disable", nil).want(t, 200, "")
		if r := w.as("root", "POST", one+"/activate", nil).want(t, 200, ""); r.text("status") != "active" {
			t.Errorf("activated: %s", r.body)
		}
		if code := w.checked("factory", secret); code != "" {
			t.Errorf("an activated app is refused: %s", code)
		}
		if code := w.checked("factory", access); code != "invalid_token" {
			t.Errorf("an access token from before is answered %q", code)
		}
		access = w.granted(made.text("app.client_id"), secret)
		w.as("root", "PATCH", one, map[string]any{"name": "x"}).want(t, 403, "action_not_offered")
		w.as("root", "POST", one+"/rotate-secret", nil).want(t, 403, "action_not_offered")
		w.as("root", "DELETE", one, nil).want(t, 204, "")
		w.as("root", "GET", one, nil).want(t, 404, "not_found")
		if code := w.checked("factory", secret); code != "invalid_token" {
			t.Errorf("a deleted app's secret is answered %q", code)
		}
		if code := w.checked("factory", access); code != "invalid_token" {
			t.Errorf("a deleted app's access token is answered %q", code)
		}
		if r := w.as("root", "GET", apps, nil).want(t, 200, ""); r.at("items.0") != nil {
			t.Errorf("the row stays: %s", r.body)
		}
		for _, action := range []string{"app.created", "app.secret_viewed", "app.disabled", "app.activated", "app.deleted"} {
			r := w.as("root", "GET", "/workspaces/factory/audit-events?action="+action, nil).want(t, 200, "")
			if r.text("items.0.target.id") != made.text("app.client_id") || r.text("items.0.target.name") != "Workflow robot" {
				t.Errorf("the audit log does not tell of %s: %s", action, r.body)
			}
			if strings.Contains(string(r.body), secret) {
				t.Error("the audit log holds the secret")
			}
		}
	})
}

func TestAnAppsSecretIsRotatedWithAnOverlapThatEndsWhenItIsTold(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		w := newWorld(t, db)
		id, first := w.newApp("dev", "standard", "Robot")
		one := stdApps + "/" + id
		w.as("dev", "GET", one+"/secret", nil).want(t, 403, "action_not_offered") // shown once
		for _, wrong := range []any{1, -1, 3601, "3600"} {
			w.as("dev", "POST", one+"/rotate-secret", map[string]any{"overlap_seconds": wrong}).want(t, 422, "invalid")
		}
		db.Clock.Advance(time.Second)
		r := w.as("dev", "POST", one+"/rotate-secret", map[string]any{"overlap_seconds": 86400}).want(t, 200, "")
		golden(t, "app_rotated", r)
		second := r.text("client_secret")
		for name, secret := range map[string]string{"old": first, "new": second} {
			if code := w.checked("standard", secret); code != "" {
				t.Errorf("in the overlap the %s secret is refused: %s", name, code)
			}
		}
		must(t, w.checks.Flush(t.Context()))
		two := w.as("dev", "GET", one, nil).want(t, 200, "")
		golden(t, "app_two_secrets", two)
		if two.at("secrets.1.last_used_at") == nil {
			t.Error("it is not told that the old secret is still used")
		}
		w.as("dev", "POST", one+"/secrets/"+two.text("secrets.0.id")+"/end", nil).want(t, 409, "last_secret")
		ended := w.as("dev", "POST", one+"/secrets/"+two.text("secrets.1.id")+"/end", nil).want(t, 200, "")
		if ended.at("secrets.1") != nil || ended.text("secrets.0.id") != two.text("secrets.0.id") {
			t.Errorf("what is left: %s", ended.body)
		}
		if code := w.checked("standard", first); code != "invalid_token" {
			t.Errorf("an ended secret is answered %q", code)
		}
		third := w.as("dev", "POST", one+"/rotate-secret", nil).want(t, 200, "").text("client_secret") // no overlap when none is asked for
		if w.checked("standard", second) != "invalid_token" || w.checked("standard", third) != "" {
			t.Error("without an overlap the old secret goes on, or the new one does not work")
		}
		w.as("dev", "POST", one+"/rotate-secret", map[string]any{"overlap_seconds": 3600}).want(t, 200, "")
		db.Clock.Advance(time.Hour)
		if code := w.checked("standard", third); code != "invalid_token" {
			t.Errorf("after the overlap the old secret is answered %q", code)
		}
	})
}

func TestAnAppIsChangedInWhatIsSentAndInNothingElse(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		w := newWorld(t, db)
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(t, err)
		point, err := key.PublicKey.Bytes()
		must(t, err)
		part := func(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
		jwk := map[string]any{"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "one", "x": part(point[1:33]), "y": part(point[33:])}
		keys := func(list ...any) map[string]any {
			return map[string]any{"keys": map[string]any{"keys": append([]any{}, list...)}}
		}

		id, secret := w.newApp("dev", "standard", "Robot")
		one := stdApps + "/" + id
		r := w.as("dev", "PATCH", one, map[string]any{"description": "Fetches reports"}).want(t, 200, "")
		if r.text("name") != "Robot" || r.text("description") != "Fetches reports" || r.text("scopes.0") != "odata:read" || r.at("keys") != nil {
			t.Errorf("changed: %s", r.body)
		}
		r = w.as("dev", "PATCH", one, keys(jwk)).want(t, 200, "")
		if r.text("keys.keys.0.x") != jwk["x"] || r.text("description") != "Fetches reports" {
			t.Errorf("keys: %s", r.body)
		}
		half := part([]byte(strings.Repeat("d", 32)))
		private := map[string]any{"kty": "EC", "crv": "P-256", "x": jwk["x"], "y": jwk["y"], "d": half}
		if r := w.as("dev", "PATCH", one, keys(private)); r.status != 422 || r.text("code") != "keys_invalid" || strings.Contains(string(r.body), half) {
			t.Errorf("a private key: %d %s", r.status, r.body)
		}
		w.as("dev", "PATCH", one, keys("x")).want(t, 422, "invalid")
		w.as("dev", "PATCH", one, map[string]any{"keys": "x"}).want(t, 422, "invalid")
		if r = w.as("dev", "PATCH", one, keys()).want(t, 200, ""); r.at("keys") != nil {
			t.Errorf("no keys: %s", r.body)
		}
		w.as("dev", "PATCH", one, map[string]any{"scopes": []string{"nope"}}).want(t, 422, "scope_unknown")
		w.as("dev", "PATCH", one, map[string]any{"name": ""}).want(t, 422, "name_required")
		r = w.as("dev", "PATCH", one, map[string]any{"name": "Reader", "description": "", "scopes": []string{}}).want(t, 200, "")
		if r.text("name") != "Reader" || r.at("description") != nil || r.at("scopes.0") != nil {
			t.Errorf("emptied: %s", r.body)
		}
		if w.checked("standard", secret) != "" || w.checked("standard", secret, "odata:read") != "insufficient_scope" && w.checked("standard", secret, "odata:read") != "scope_missing" {
			t.Errorf("without scopes the app is answered %q and, for a scope, %q", w.checked("standard", secret), w.checked("standard", secret, "odata:read"))
		}
		w.as("dev", "PATCH", one, map[string]any{}).want(t, 200, "")
		made := w.as("dev", "POST", stdApps, map[string]any{"name": "Keyed", "keys": map[string]any{"keys": []any{jwk}}}).want(t, 201, "")
		if made.text("app.keys.keys.0.kid") != "one" || made.at("app.scopes.0") != nil || made.at("app.description") != nil {
			t.Errorf("made: %s", made.body)
		}
	})
}

func TestAppsAreListedInPagesAndNarrowed(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		w := newWorld(t, db)
		var ids []string
		for i, who := range []string{"dev", "admin", "dev"} {
			id, _ := w.newApp(who, "standard", fmt.Sprint("App ", i))
			ids = append(ids, id)
			db.Clock.Advance(time.Millisecond)
		}
		w.as("admin", "POST", stdApps+"/"+ids[0]+"/disable", nil).want(t, 200, "")
		dev := w.as("dev", "GET", "/me", nil).text("id")
		for query, want := range map[string]string{
			"?limit=1": "[App 2 App 1 App 0]", "?status=disabled": "[App 0]", "?status=active&limit=1": "[App 2 App 1]", "?created_by=" + dev: "[App 2 App 0]",
			"?created_by=nope": "[]", "?q=aPP%201": "[App 1]", "?scope=odata:read&q=2": "[App 2]", "?scope=nope": "[]",
		} {
			if got := fmt.Sprint(pages(w, "dev", stdApps+query, "name")); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
		golden(t, "app_list", w.as("dev", "GET", stdApps+"?limit=1", nil))
	})
}

// A token can't make or see what never expires.
func TestAppsAreMadeInASessionWithARecentSignIn(t *testing.T) {
	w := newWorld(t, testkit.SQLite(t))
	w.offerAll()
	id, _ := w.newApp("dev", "standard", "Robot")
	_, manager := w.newToken("dev", "Manager", "keywright:manage", "odata:read")
	ask := map[string]any{"name": "New", "scopes": []string{"odata:read"}}
	w.bearer(manager, "POST", stdApps, ask).want(t, 403, "session_required")
	w.bearer(manager, "GET", stdApps, nil).want(t, 200, "")
	w.db.Clock.Advance(16 * time.Minute)
	w.as("dev", "POST", stdApps, ask).want(t, 403, "recent_sign_in_required")
	w.as("dev", "GET", stdApps+"/"+id+"/secret", nil).want(t, 403, "recent_sign_in_required")
	w.as("dev", "POST", stdApps+"/"+id+"/rotate-secret", nil).want(t, 403, "recent_sign_in_required")
	w.as("dev", "POST", "/workspaces/standard/oauth-tokens", map[string]any{"name": "New", "lifetime_days": 9}).want(t, 403, "recent_sign_in_required")
	w.as("dev", "POST", stdApps+"/"+id+"/disable", nil).want(t, 200, "") // stopping is always quick
}
