package rest

import (
	"slices"
	"strings"
	"testing"

	"github.com/keywright/keywright/internal/testkit"
)

func TestFeedsAreListedToMembersAndWhatIsWrongWithThemToAdministrators(t *testing.T) {
	w := newWorld(t, testkit.SQLite(t))
	const path = "/workspaces/standard/feeds"
	for _, who := range []string{"member", "dev", "admin"} {
		r := w.as(who, "GET", path, nil).want(t, 200, "")
		if r.text("items.0.name") != "keywright" || r.text("items.0.url") != w.server.URL+"/odata/standard/keywright/" || r.text("items.0.scope") != "odata:read" {
			t.Errorf("%s sees %s", who, r.body)
		}
		if !strings.Contains(string(r.body), `"AuditEvents"`) || r.text("items.1.name") != "gone" {
			t.Errorf("%s sees %s", who, r.body)
		}
		wrong := strings.Contains(string(r.body), "there is no such file")
		if wrong != (who == "admin") {
			t.Errorf("%s sees what is wrong: %v", who, wrong)
		}
		if strings.Contains(string(r.body), "gone.db") {
			t.Errorf("%s sees where the database is", who)
		}
	}
	w.as("stranger", "GET", path, nil).want(t, 404, "not_found")
	r := w.as("stranger", "GET", "/workspaces/foreign/feeds", nil).want(t, 200, "")
	if slices.Contains(strings.Split(string(r.body), `"`), "gone") {
		t.Errorf("the list of another workspace is %s", r.body)
	}
}
