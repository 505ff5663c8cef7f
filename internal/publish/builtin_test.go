package publish_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/publish"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// ways are requests that show rows of others to who may see them.
func ways(w *world) []string {
	all := []string{
		"Members?$expand=Tokens,Apps,OAuthTokens,Usage,Events",
		"Members?$expand=Tokens($expand=Owner($expand=Tokens($expand=Events,Usage)))",
		"Tokens?$expand=Owner($expand=Tokens,Apps,OAuthTokens)",
		"Apps?$expand=CreatedBy($expand=Tokens),Usage,Events",
		"OAuthTokens?$expand=Owner($expand=OAuthTokens)",
		"AuditEvents?$expand=Token($expand=Owner),App,OAuthToken,Actor($expand=Tokens)",
		"DailyUsage?$expand=Token,App,OAuthToken,Owner($expand=Tokens)",
		"Tokens?$filter=Owner/Email ne 'x'&$orderby=Owner/Email desc,Name",
		"Tokens?$filter=Name ne null or true", "Tokens?$filter=true or OwnerID eq 'x'", "Tokens?$filter=not false",
		"Tokens?$search=ADMINS OR DEVS OR MEMBERS OR legacy",
		"Tokens?$compute=concat(Name,OwnerID) as Both&$select=Both",
		"Tokens?$apply=groupby((Name,OwnerID),aggregate($count as N))",
		"Tokens?$apply=groupby((Owner/Email))",
		"DailyUsage?$apply=groupby((Token/Name,App/Name),aggregate(Requests with sum as All))",
		"Tokens?$orderby=CreatedAt desc&$skip=0&$top=1000&$count=true",
		"Tokens/$query", "$all", "$crossjoin(Tokens,Members)",
	}
	all = append(all, "Tokens", "Apps", "OAuthTokens", "Members", "AuditEvents", "DailyUsage")
	for _, name := range slices.Sorted(keys(w.ids)) {
		if strings.HasPrefix(name, "DEVS") {
			continue // the administrator's and the member's are enough
		}
		id := w.ids[name]
		for _, s := range []string{"Tokens", "Apps", "OAuthTokens", "Members"} {
			at := s + "('" + id + "')"
			all = append(all, at, at+"/Events", at+"/Usage", at+"/Name", at+"/Name/$value")
		}
		all = append(all, "Tokens('"+id+"')/Owner/Tokens", "Apps('"+id+"')/CreatedBy/Tokens", "OAuthTokens('"+id+"')/Owner", "Members('"+id+"')/Tokens", "Members('"+id+"')/Apps",
			"Members('"+id+"')/OAuthTokens", "Members('"+id+"')/Tokens?$expand=Owner", "$entity?$id="+root+"Tokens('"+id+"')", "DailyUsage(Day=2027-03-01,CredentialID='"+id+"')/Token")
	}
	return all
}

func keys(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// questions are those whose answer would tell of the administrator's rows: how many there are of what only they have.
func questions() []string {
	return []string{
		"Tokens/$count?$filter=startswith(Name,'ADMINS')",
		"Tokens/$count?$filter=Owner/Email eq 'admin@example.com'",
		"Tokens/$count?$filter=Owner/Tokens/any(t:startswith(t/Name,'ADMINS'))",
		"Tokens/$count?$search=ADMINS",
		"Members/$count?$filter=Email eq 'admin@example.com'",
		"Members/$count?$filter=Tokens/any(t:startswith(t/Name,'ADMINS'))",
		"Members/$count?$filter=not Tokens/all(t:not startswith(t/Name,'ADMINS'))",
		"Members/$count?$filter=Tokens/$count($filter=startswith(Name,'ADMINS')) gt 0",
		"AuditEvents/$count?$filter=Token/Name eq 'ADMINS token'",
		"AuditEvents/$count?$filter=startswith(TargetName,'ADMINS')",
		"AuditEvents/$count?$filter=Actor/Email eq 'admin@example.com'",
		"DailyUsage/$count?$filter=Token/Name eq 'ADMINS token'",
		"DailyUsage/$count?$filter=App/Name eq 'ADMINS app'",
		"Apps/$count?$filter=startswith(Name,'ADMINS')",
		"Apps/$count?$filter=CreatedBy/Email eq 'admin@example.com'",
		"OAuthTokens/$count?$filter=startswith(Name,'ADMINS')",
	}
}

// marks are what tells that a row of somebody is in an answer.
func (w *world) marks(of ...string) (out []string) {
	for _, name := range of {
		out = append(out, name+" token", name+" oauth", name+" legacy", name+" app")
		for made, id := range w.ids {
			if strings.HasPrefix(made, name+" ") {
				out = append(out, id)
			}
		}
	}
	return out
}

func TestNoWayLeadsToRowsThatACallerMayNotSee(t *testing.T) {
	testkit.EachInstallation(t, func(t *testing.T, in *testkit.Installation) {
		w := newWorld(t, in)
		feed, _ := w.feeds.Feed(ws, publish.BuiltIn)
		elsewhere, _ := w.feeds.Feed(other, publish.BuiltIn)
		admin := person(w, testkit.Admin)
		first := reader{feed, admin}.ask(t, "Tokens?$orderby=Name", "", "Prefer", "maxpagesize=1")
		if first.next() == "" {
			t.Fatalf("no next page: %d %s", first.status, first.body)
		}
		for _, c := range []struct {
			name   string
			feed   *publish.Feed
			caller publish.Caller
			others []string // whose rows must not show
			emails []string
			counts [6]int // as below; -1 is "some"
		}{
			{"a member", feed, person(w, testkit.Member), []string{"ADMINS", "DEVS", "STRANGERS", "ELSEWHERE"}, []string{testkit.Admin, testkit.Dev}, [6]int{2, 0, 1, 1, -1, 1}},
			{"a developer", feed, person(w, testkit.Dev), []string{"ADMINS", "MEMBERS", "STRANGERS", "ELSEWHERE"}, []string{testkit.Admin, testkit.Member}, [6]int{2, 1, 1, 1, -1, 1}},
			{"an app", feed, w.devsApp(), []string{"ADMINS", "MEMBERS", "STRANGERS", "ELSEWHERE"}, []string{testkit.Admin, testkit.Dev, testkit.Member}, [6]int{0, 1, 0, 0, -1, 1}},
			{"a member of another workspace, in it", elsewhere, person(w, "stranger@example.org"), []string{"ADMINS", "DEVS", "MEMBERS", "ELSEWHERE"}, []string{testkit.Admin, testkit.Dev, testkit.Member}, [6]int{1, 0, 0, 1, -1, 1}},
			{"an administrator", feed, admin, []string{"STRANGERS", "ELSEWHERE"}, nil, [6]int{6, 2, 3, 3, -1, 5}},
			{"an app with keywright:admin", feed, w.devsApp(token.ScopeAdmin), []string{"STRANGERS", "ELSEWHERE"}, nil, [6]int{6, 2, 3, 3, -1, 5}},
		} {
			t.Run(c.name, func(t *testing.T) {
				hidden := append(w.marks(c.others...), c.emails...)
				leak := func(path string, r reply) {
					for _, mark := range hidden {
						if strings.Contains(r.body, mark) && !strings.Contains(path, mark) {
							t.Errorf("%s: %d shows %s: %.300s", path, r.status, mark, r.body)
							return
						}
					}
				}
				shown := ""
				for _, path := range ways(w) {
					r := reader{c.feed, c.caller}.ask(t, path, "")
					if r.status >= 500 && r.status != 501 || r.status == 0 {
						t.Errorf("%s: %d %s", path, r.status, r.body)
					}
					leak(path, r)
					shown += r.body
				}
				all := c.name == "an administrator" || c.name == "an app with keywright:admin"
				for _, path := range questions() {
					r := reader{c.feed, c.caller}.ask(t, path, "")
					if n := strings.TrimPrefix(r.body, "\ufeff"); r.status != 200 || (n == "0") == all {
						t.Errorf("%s: %d %s", path, r.status, r.body)
					}
				}
				for i, s := range []string{"Tokens", "Apps", "OAuthTokens", "Members", "AuditEvents", "DailyUsage"} {
					n, counted := len(reader{c.feed, c.caller}.ask(t, s, "").value()), reader{c.feed, c.caller}.ask(t, s+"/$count", "").body
					if fmt.Sprint(n) != counted || c.counts[i] >= 0 && n != c.counts[i] || n == 0 && c.counts[i] < 0 {
						t.Errorf("%s: %d rows, $count %s, want %d", s, n, counted, c.counts[i])
					}
					total := reader{c.feed, c.caller}.ask(t, s+"?$apply=aggregate($count as N)", "")
					if rows := total.value(); len(rows) != 1 || fmt.Sprint(rows[0]["N"]) != counted {
						t.Errorf("%s: aggregate %d %s, want %s", s, total.status, total.body, counted)
					}
				}
				leakInBatch(t, w, c.feed, c.caller, leak)
				if all {
					for _, mark := range w.marks("ADMINS", "DEVS", "MEMBERS") {
						if !strings.Contains(shown, mark) && !strings.HasPrefix(mark, "MEMBERS app") {
							t.Errorf("no way shows %s to who may see it: this test sees nothing", mark)
						}
					}
				}
				if c.caller.ID != admin.ID {
					r := reader{c.feed, c.caller}.ask(t, first.next(), "", "Prefer", "maxpagesize=1")
					if r.status != 400 {
						t.Errorf("an administrator's skip token: %d %s", r.status, r.body)
					}
					leak("skip token", r)
				}
			})
		}
	})
}

// leakInBatch asks ways of each form in a few requests.
func leakInBatch(t *testing.T, w *world, feed *publish.Feed, c publish.Caller, leak func(string, reply)) {
	t.Helper()
	type request struct {
		ID     string `json:"id"`
		Method string `json:"method"`
		URL    string `json:"url"`
	}
	for part := range slices.Chunk(append(ways(w)[:30:30], questions()...), 20) {
		var batch struct {
			Requests []request `json:"requests"`
		}
		for i, path := range part {
			batch.Requests = append(batch.Requests, request{fmt.Sprint(i), "GET", strings.ReplaceAll(path, " ", "%20")})
		}
		text, err := json.Marshal(batch)
		if err != nil {
			t.Fatal(err)
		}
		r := reader{feed, c}.ask(t, "$batch", string(text), "Prefer", "continue-on-error", "Accept", "application/json")
		if r.status != 200 {
			t.Fatalf("$batch: %d %s", r.status, r.body)
		}
		leak("$batch "+strings.Join(part, " "), r)
	}
}

func TestWhoIsNotInTheWorkspaceHasNoRows(t *testing.T) {
	testkit.EachInstallation(t, func(t *testing.T, in *testkit.Installation) {
		w := newWorld(t, in)
		feed, _ := w.feeds.Feed(ws, publish.BuiltIn)
		nowhere, _ := w.feeds.Feed("nowhere", publish.BuiltIn)
		elsewhere, _ := w.feeds.Feed(other, publish.BuiltIn)
		for _, c := range []struct {
			feed   *publish.Feed
			caller publish.Caller
		}{
			{feed, person(w, "stranger@example.org")},
			{nowhere, person(w, testkit.Admin)},
			{elsewhere, w.devsApp(token.ScopeAdmin)},
			{feed, publish.Caller{}},
			{feed, publish.Caller{ID: "usr_x"}},
			{feed, publish.Caller{ID: w.People[testkit.Admin].User.ID, IsApp: true}},
		} {
			if _, err := c.feed.Rows(t.Context(), c.caller); fault.CodeOf(err) != api.CodeNotFound {
				t.Errorf("%s, %+v: %v", c.feed.Workspace, c.caller, err)
			}
		}
	})
}

func TestAChangedRoleCountsAtTheNextRequest(t *testing.T) {
	testkit.EachInstallation(t, func(t *testing.T, in *testkit.Installation) {
		w := newWorld(t, in)
		feed, _ := w.feeds.Feed(ws, publish.BuiltIn)
		dev := person(w, testkit.Dev)
		count := func() string { return reader{feed, dev}.ask(t, "Tokens/$count", "").body }
		if _, err := w.SetRole(t.Context(), w.People[testkit.Admin], ws, dev.ID, token.Administrator); err != nil {
			t.Fatal(err)
		}
		if got := count(); got != "6" {
			t.Errorf("as an administrator: %s", got)
		}
		page := reader{feed, dev}.ask(t, "Tokens", "", "Prefer", "maxpagesize=1")
		if _, err := w.SetRole(t.Context(), w.People[testkit.Admin], ws, dev.ID, token.PlainMember); err != nil {
			t.Fatal(err)
		}
		if got := count(); got != "2" {
			t.Errorf("as a member: %s", got)
		}
		if r := (reader{feed, dev}).ask(t, "Apps/$count", ""); r.body != "0" {
			t.Errorf("a member, who has no apps here, sees %s", r.body)
		}
		for n := 0; page.next() != ""; n++ {
			if page = (reader{feed, dev}).ask(t, page.next(), ""); strings.Contains(page.body, "ADMINS") || n > 10 {
				t.Errorf("a page that was begun as an administrator goes on: %s", page.body)
			}
		}
	})
}

func TestRowsSayWhatTheAPISays(t *testing.T) {
	testkit.EachInstallation(t, func(t *testing.T, in *testkit.Installation) {
		w := newWorld(t, in)
		admin := w.People[testkit.Admin]
		feed, _ := w.feeds.Feed(ws, publish.BuiltIn)
		if _, err := w.RevokeToken(t.Context(), admin, ws, w.ids["DEVS token"], ""); err != nil {
			t.Fatal(err)
		}
		row := func(path string) map[string]any {
			t.Helper()
			r := reader{feed, person(w, testkit.Admin)}.ask(t, path, "")
			var m map[string]any
			if err := json.Unmarshal([]byte(r.body), &m); err != nil || r.status != 200 {
				t.Fatalf("%s: %d %s", path, r.status, r.body)
			}
			return m
		}
		want := func(path string, fields map[string]any) {
			t.Helper()
			got := row(path)
			for name, v := range fields {
				if fmt.Sprint(got[name]) != fmt.Sprint(v) {
					t.Errorf("%s: %s is %v, want %v", path, name, got[name], v)
				}
			}
		}
		now := w.Clock.Now().Format("2006-01-02T15:04:05Z")
		want("Tokens('"+w.ids["ADMINS token"]+"')", map[string]any{
			"Name": "ADMINS token", "Kind": "pat", "Status": "active", "Scopes": "odata:read", "AllScopes": false, "OwnerID": w.ids["ADMINS"],
			"ExpiresAt": w.Clock.Now().AddDate(0, 0, 90).Format("2006-01-02T15:04:05Z"), "LastUsedIP": "203.0.113.9", "LastUsedAt": now, "RevokedAt": nil,
		})
		want("Tokens('"+w.ids["DEVS token"]+"')", map[string]any{"Status": "revoked", "RevokedAt": now})
		want("Apps('"+w.ids["DEVS app"]+"')", map[string]any{"Name": "DEVS app", "Status": "active", "Scopes": "odata:read", "CreatedByID": w.ids["DEVS"], "DisabledAt": nil})
		want("OAuthTokens('"+w.ids["DEVS oauth"]+"')", map[string]any{"Status": "active", "OwnerID": w.ids["DEVS"]})
		want("Members('"+w.ids["DEVS"]+"')", map[string]any{"Name": "Daniel Okafor", "Email": testkit.Dev, "Role": "developer"})
		want("DailyUsage(Day=2027-03-01,CredentialID='"+w.ids["DEVS app"]+"')", map[string]any{"Kind": "app", "OwnerID": w.ids["DEVS app"], "Requests": 1, "Refusals": 0})
		if got := (reader{feed, person(w, testkit.Admin)}).ask(t, "Tokens/$count?$filter=Kind eq 'legacy'", "").body; got != "3" {
			t.Errorf("%s legacy tokens", got)
		}
		w.Clock.Advance(91 * 24 * 3600e9)
		want("Tokens('"+w.ids["ADMINS token"]+"')", map[string]any{"Status": "expired"})
		want("Tokens('"+w.ids["DEVS token"]+"')", map[string]any{"Status": "revoked"})
		want("OAuthTokens('"+w.ids["DEVS oauth"]+"')", map[string]any{"Status": "expired"})
	})
}
