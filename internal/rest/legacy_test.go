package rest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/testkit"
)

func TestTokensMoveInThroughTheAPI(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		w := newWorld(t, db)
		const path = "/workspaces/standard/legacy-tokens"
		if r := w.as("member", "GET", path+"/stop", nil).want(t, 200, ""); r.at("stops_at") != nil {
			t.Errorf("before: %s", r.body)
		}
		mac := hmac.New(sha256.New, []byte("key"))
		mac.Write([]byte("keyed"))
		file := map[string]any{"dry_run": true, "lines": []any{
			map[string]any{"owner": "dev@example.com", "name": "Old export", "scopes": []string{"odata:read"}, "sha256": fmt.Sprintf("%x", sha256.Sum256([]byte("old")))},
			map[string]any{"owner": "member@example.com", "hmac_sha256": fmt.Sprintf("%x", mac.Sum(nil))},
			map[string]any{"owner": "member@example.com", "secret": "in clear\nand long"},
			map[string]any{"owner": "nobody@example.com", "sha256": fmt.Sprintf("%x", sha256.Sum256([]byte("none")))},
			map[string]any{"owner": "dev@example.com", "secret": "x", "sha256": "y"},
		}}
		w.as("admin", "POST", path+"/import", file).want(t, 422, "invalid") // no day is set
		file["hmac_key"] = "not base64!"
		w.as("admin", "POST", path+"/import", file).want(t, 422, "invalid")
		file["hmac_key"], file["stops_at"] = base64.StdEncoding.EncodeToString([]byte("key")), db.Clock.Now().AddDate(0, 3, 0)
		if r := w.as("admin", "POST", path+"/import", file).want(t, 200, ""); r.at("imported") != 2.0 || r.at("refused") != 3.0 {
			t.Errorf("a dry run: %s", r.body)
		}
		if code := w.checked("standard", "old"); code != "invalid_token" {
			t.Errorf("after a dry run it is answered %q", code)
		}
		file["dry_run"], file["allow_raw_secrets"] = false, true
		r := w.as("admin", "POST", path+"/import", file).want(t, 200, "")
		if r.at("imported") != 3.0 || r.at("lines.0.problem") != nil || r.text("lines.3.outcome") != "refused" || r.at("lines.4.line") != 5.0 {
			t.Errorf("the import: %s", r.body)
		}
		if r := w.as("admin", "POST", path+"/import", file).want(t, 200, ""); r.at("known") != 3.0 || r.at("imported") != 0.0 {
			t.Errorf("once more: %s", r.body)
		}
		if n := len(pages(w, "admin", path+"?owner=all&used_days=7", "id")); n != 0 {
			t.Errorf("%d were used", n)
		}
		for _, secret := range []string{"old", "keyed", "in clear\nand long"} {
			if code := w.checked("standard", secret); code != "" {
				t.Errorf("%q is answered %q", secret, code)
			}
		}

		must(t, w.checks.Flush(t.Context()))
		own := w.as("dev", "GET", path, nil).want(t, 200, "")
		if own.text("items.0.name") != "Old export" || own.text("items.0.kind") != "legacy" || own.at("items.1") != nil {
			t.Errorf("one's own: %s", own.body)
		}
		w.as("dev", "GET", path+"?owner=all", nil).want(t, 403, "role_not_allowed")
		if n := len(pages(w, "admin", path+"?owner=all&limit=1", "id")); n != 3 {
			t.Errorf("%d of 3 are listed", n)
		}
		if n := len(pages(w, "admin", path+"?owner=all&used_days=7", "id")); n != 3 {
			t.Errorf("%d of 3 were used", n)
		}
		w.as("dev", "POST", "/workspaces/standard/tokens/"+own.text("items.0.id")+"/regenerate", nil).want(t, 403, "action_not_offered")
		w.as("dev", "POST", "/workspaces/standard/tokens/"+own.text("items.0.id")+"/revoke", nil).want(t, 200, "")
		if code := w.checked("standard", "old"); code != "invalid_token" {
			t.Errorf("a revoked one is answered %q", code)
		}
		w.as("admin", "PUT", path+"/stop", map[string]any{"stops_at": db.Clock.Now().Add(-time.Hour)}).want(t, 200, "")
		if code := w.checked("standard", "keyed"); code != "invalid_token" {
			t.Errorf("after the day one is answered %q", code)
		}
		w.as("admin", "PUT", path+"/stop", map[string]any{"stops_at": db.Clock.Now().AddDate(11, 0, 0)}).want(t, 422, "invalid")
	})
}
