package ui_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/legacy"
	"github.com/keywright/keywright/internal/token"
)

// imports brings tokens of an older system into a workspace; each has the name of its secret.
func (s *site) imports(ws, owner string, names ...string) {
	s.t.Helper()
	var file strings.Builder
	for _, name := range names {
		fmt.Fprintf(&file, `{"owner":%q,"name":%q,"secret":"old-%s","scopes":["odata:read"]}`+"\n", owner, name, name)
	}
	by := s.admin
	by.SignedInAt = s.clock.Now()
	sum, err := s.auth.ImportTokens(s.ctx(), by, ws, authority.Import{
		Lines: legacy.Read(strings.NewReader(file.String())), AllowRaw: true, Stops: s.clock.Now().AddDate(0, 2, 0),
	})
	s.must(err)
	if sum.Imported != len(names) {
		s.t.Fatalf("imported %+v", sum)
	}
}

// everyKind gives the standard workspace a credential of each kind, and returns their ids and what is good
// while they work.
func (s *site) everyKind() (ids map[string]string, secrets map[string]string) {
	s.t.Helper()
	dev, member := s.people[token.Developer], s.people[token.PlainMember]
	ids, secrets = map[string]string{}, map[string]string{}
	by := dev
	by.SignedInAt = s.clock.Now()
	pat, secret, err := s.auth.CreateToken(s.ctx(), by, "standard", authority.NewToken{Request: named("Deploy", 10, "odata:read")})
	s.must(err)
	ids["pat"], secrets["pat"] = pat.ID, secret.Reveal()
	s.clock.Advance(time.Second)
	pair, issued := s.pair(member, "standard", "Notebook", 90)
	ids["oauth_token"], secrets["oauth_token"] = pair.ID, issued.AccessToken.Reveal()
	s.clock.Advance(time.Second)
	app, key := s.app(dev, "standard", "Loader", "odata:read")
	ids["app"], secrets["app"] = app.ID, key.Reveal()
	s.clock.Advance(time.Second)
	s.imports("standard", "member@example.com", "Cron job")
	list, err := s.auth.LegacyTokens(s.ctx(), s.admin, "standard", everyone())
	s.must(err)
	ids["legacy"], secrets["legacy"] = list[0].ID, "old-Cron job"
	return ids, secrets
}

var kindRowForm = regexp.MustCompile(`data-testid="(pat|legacy|oauth_token|app)" data-id="([^"]+)"`)

// kinds lists the kinds of the rows of the inventory, in their order.
func (b *browser) kinds() string {
	var out []string
	for _, m := range kindRowForm.FindAllStringSubmatch(b.page, -1) {
		out = append(out, m[1])
	}
	return strings.Join(out, " ")
}

// S4.7: the administrator's page has every kind, and filters and orders them.
func TestTheInventoryFiltersAndOrdersEveryKind(t *testing.T) {
	s := newSite(t).populate()
	ids, _ := s.everyKind()
	s.useOf(ids["app"], ids["app"], s.workspace("standard"), 3, "192.0.2.1")
	b := s.as(token.Administrator)
	const at = "/workspaces/standard/admin/tokens"
	for query, want := range map[string]string{
		"":                      "legacy app oauth_token pat",
		"?sort=newest":          "legacy app oauth_token pat",
		"?sort=expires":         "pat legacy oauth_token app",
		"?sort=last_used":       "app",
		"?sort=name":            "legacy pat app oauth_token",
		"?sort=owner":           "app pat",
		"?kind=pat":             "pat",
		"?kind=legacy":          "legacy",
		"?kind=oauth_token":     "oauth_token",
		"?kind=app":             "app",
		"?kind=nothing":         "legacy app oauth_token pat",
		"?status=active":        "legacy app oauth_token pat",
		"?status=disabled":      "",
		"?soon=1":               "pat",
		"?never=1":              "",
		"?unused=1":             "",
		"?scope=odata:read":     "legacy app oauth_token pat",
		"?q=LOAD":               "app",
		"?kind=app&q=deploy":    "",
		"?after=tok_x&kind=pat": "pat",
		"?owner=" + s.people[token.PlainMember].User.ID: "legacy oauth_token",
	} {
		b.get(at + query).want(200)
		checkPage(t, b, at+query)
		got := b.kinds()
		switch query {
		case "?sort=last_used": // of those that were never used, whichever comes first
			got = got[strings.LastIndex(got, " ")+1:]
		case "?sort=owner":
			got = strings.TrimSuffix(strings.TrimSuffix(got, " legacy oauth_token"), " oauth_token legacy")
		}
		if got != want {
			t.Errorf("%s lists %q, want %q", query, got, want)
		}
	}
	b.get(at+"?kind=app").want(200, "Loader", ">App<", "Deniz Kaya", "added it", "Read data (OData)", "/apps/"+ids["app"]+"?from=all")
	b.get(at+"?kind=legacy").want(200, "Cron job", ">Legacy<", "in 2 months").lacks("regenerate")
	b.get(at+"?kind=oauth_token").want(200, "Notebook", "All of the owner")
	s.as(token.Developer).get(at).want(http.StatusForbidden)
}

var chipForm = regexp.MustCompile(`<a class="chip off" href="([^"]+)"[^>]*><span class="sr">Take away: </span>([^<]+)`)

func TestEachFilterThatIsOnIsAChipThatCanBeTakenAway(t *testing.T) {
	s := newSite(t).populate()
	s.everyKind()
	b := s.as(token.Administrator)
	const at = "/workspaces/standard/admin/tokens"
	query := "?q=a&kind=pat&owner=" + s.people[token.Developer].User.ID + "&status=active&scope=odata:read&soon=1&unused=1&never=1&sort=name"
	b.get(at+query).want(200, "Nothing matches")
	want := []string{"“a”", "Personal access tokens", "Owner: Deniz Kaya", "Status: Active", "Scope: Read data (OData)", "Expiring soon", "Unused for 90 days", "Never expires"}
	for len(want) > 0 {
		chips := chipForm.FindAllStringSubmatch(b.page, -1)
		var got []string
		for _, c := range chips {
			got = append(got, c[2])
		}
		if !slices.Equal(got, want) {
			t.Fatalf("the chips are %q, want %q", got, want)
		}
		b.get(strings.ReplaceAll(chips[len(chips)-1][1], "&amp;", "&")).want(200, `value="name" selected`)
		want = want[:len(want)-1]
	}
	if got := b.kinds(); got != "legacy pat app oauth_token" {
		t.Errorf("without filters it lists %q", got)
	}
	b.get(at+"?owner=usr_00000000000000000000000000").want(200, "Somebody who left", "Nothing matches")
	b.get(at+"?q=%3Cb%3E").want(200, "“&lt;b&gt;”")
}

func TestAPageOfTheInventoryLeadsToTheNextAndLosesNothing(t *testing.T) {
	s := newSite(t).populate()
	s.everyKind()
	var names []string
	for i := range 230 {
		names = append(names, fmt.Sprintf("Job %03d", i))
	}
	s.imports("standard", "dev@example.com", names...)
	b := s.as(token.Administrator)
	for _, sort := range []string{"", "expires", "last_used", "name", "owner"} {
		seen := map[string]bool{}
		pages := 0
		for at := "/workspaces/standard/admin/tokens?q=o&sort=" + sort; at != "" && pages < 9; pages++ {
			b.get(at).want(200)
			checkPage(t, b, at)
			for _, m := range kindRowForm.FindAllStringSubmatch(b.page, -1) {
				if seen[m[2]] {
					t.Errorf("%s: %s comes twice", at, m[2])
				}
				seen[m[2]] = true
			}
			at = ""
			if m := regexp.MustCompile(`href="([^"]+)" rel="next"`).FindStringSubmatch(b.page); m != nil {
				at = strings.ReplaceAll(m[1], "&amp;", "&")
			}
		}
		if len(seen) != 234 || pages != 3 {
			t.Errorf("sorted by %q, %d pages hold %d rows", sort, pages, len(seen))
		}
	}
	b.want(200, "To the beginning")
	// A cursor of another order, or of an older version, leads to the beginning, with the filters.
	b.get("/workspaces/standard/admin/tokens?kind=app&after=tok_00000000000000000000000000").want(200, "Loader").lacks("To the beginning")
}

func TestTheSpreadsheetHasEveryKindInTheOrderOfThePage(t *testing.T) {
	s := newSite(t).populate()
	ids, _ := s.everyKind()
	s.make(s.people[token.Developer], "standard", named("=cmd()", 5, "odata:read"))
	var names []string
	for i := range 1050 {
		names = append(names, fmt.Sprintf("Job %04d", i))
	}
	s.imports("standard", "dev@example.com", names...)
	b := s.as(token.Administrator)
	read := func(query string) (out [][]string) {
		t.Helper()
		b.get("/workspaces/standard/admin/tokens.csv" + query).want(200)
		if got := b.header.Get("Content-Type"); got != "text/csv; charset=utf-8" {
			t.Errorf("Content-Type %q", got)
		}
		rows, err := csv.NewReader(strings.NewReader(b.page)).ReadAll()
		s.must(err)
		if got := strings.Join(rows[0], ","); got != "id,kind,name,description,owner,email,scopes,status,created_at,expires_at,ended_at,last_used_at,last_used_ip" {
			t.Errorf("the columns are %s", got)
		}
		return rows[1:]
	}
	all := read("?sort=name")
	if len(all) != 1055 { // more than one part
		t.Fatalf("%d rows", len(all))
	}
	seen := map[string]string{}
	for i, r := range all {
		seen[r[0]] = r[1]
		if i > 0 && strings.ToLower(strings.Trim(all[i-1][2], "'")) > strings.ToLower(strings.Trim(r[2], "'")) {
			t.Errorf("%s comes before %s", all[i-1][2], r[2])
		}
	}
	for kind, id := range ids {
		if seen[id] != kind {
			t.Errorf("the %s is listed as %q", kind, seen[id])
		}
	}
	if len(seen) != len(all) {
		t.Errorf("%d of %d rows are there once", len(seen), len(all))
	}
	if all[0][2] != "'=cmd()" {
		t.Errorf("a formula stays one: %q", all[0])
	}
	if rows := read("?kind=app"); len(rows) != 1 || rows[0][2] != "Loader" || rows[0][5] != "dev@example.com" || rows[0][6] != "odata:read" || rows[0][9] != "" {
		t.Errorf("the app's row: %q", rows)
	}
	if rows := read("?kind=oauth_token"); len(rows) != 1 || rows[0][6] != "*" {
		t.Errorf("the OAuth token's row: %q", rows)
	}
	s.as(token.Developer).get("/workspaces/standard/admin/tokens.csv").want(http.StatusForbidden)
}

func TestStoppingSeveralOfEveryKindSaysWhatBecameOfEach(t *testing.T) {
	s := newSite(t).populate()
	ids, secrets := s.everyKind()
	b := s.as(token.Administrator)
	const at = "/workspaces/standard/admin/tokens"
	for kind, secret := range secrets {
		if !s.good(secret) {
			t.Fatalf("the %s is no good", kind)
		}
	}
	fields := []string{"do", "revoke", "reason", "incident 7"}
	for _, kind := range []string{"pat", "legacy", "oauth_token", "app"} {
		fields = append(fields, "ids", ids[kind])
	}
	b.post(at+"/batch?sort=name", fields...).want(200, "Revoke 2 tokens, 1 OAuth token and 1 app", "4 of them work now", "Tokens are revoked; OAuth tokens and apps are disabled.", "Only apps can be activated again.", "Legacy", `action="`+at+`/batch?sort=name"`)
	checkPage(t, b, "before stopping every kind")
	for kind, secret := range secrets {
		if !s.good(secret) {
			t.Errorf("the %s is stopped before anybody confirmed", kind)
		}
	}
	s.must(func() error { return s.auth.DeleteToken(s.ctx(), s.people[token.Developer], "standard", ids["pat"]) }()) // meanwhile
	b.post(at+"/batch?sort=name", append(fields, "confirmed", "1")...).want(200, "3 done, 1 not", "A token that is gone", "Done", `href="`+at+`?sort=name"`)
	for kind, secret := range secrets {
		if s.good(secret) {
			t.Errorf("the %s works on", kind)
		}
	}
	b.get(at+"?status=revoked").want(200, "Cron job").lacks("Loader")
	b.get(at+"?status=disabled").want(200, "Loader", "Notebook", "Disabled just now").lacks("Cron job")
	b.get("/workspaces/standard/audit").want(200, "incident 7")

	// What can't be revoked any more is left out; all can be deleted.
	s.clock.Advance(time.Second)
	s.make(s.people[token.Developer], "standard", named("Fresh", 10, "odata:read"))
	fresh := kindRowForm.FindStringSubmatch(b.get(at + "?q=fresh").page)[2]
	b.post(at+"/batch", "do", "revoke", "ids", ids["app"], "ids", fresh).want(200, "Revoke 1 token", "It works now", "1 more is ticked").lacks("Loader</th>")
	b.post(at+"/batch", "do", "revoke", "ids", ids["app"]).want(200, "Disable 1 app", "It has stopped working already.", "Apps can be activated again.")
	b.post(at+"/batch", "do", "delete", "ids", ids["app"], "ids", ids["oauth_token"]).want(200, "Delete 1 app and 1 OAuth token", "This can&#39;t be undone.").lacks("Reason")
	b.post(at+"/batch", "do", "delete", "ids", ids["app"], "ids", ids["oauth_token"], "confirmed", "1").want(200, "Deleted 1 app and 1 OAuth token")
	if b.get(at); b.kinds() != "pat legacy" {
		t.Errorf("left are %s", b.kinds())
	}
	b.post(at + "/batch").want(200)
	s.as(token.Developer).post(at+"/batch", "do", "revoke", "ids", fresh, "confirmed", "1").want(http.StatusForbidden)
}

func TestEveryRowOfTheInventoryLeadsToItsPageAndBack(t *testing.T) {
	s := newSite(t).populate()
	ids, secrets := s.everyKind()
	b := s.as(token.Administrator)
	const ws, at = "/workspaces/standard", "/workspaces/standard/admin/tokens"
	for _, c := range []struct{ kind, path, act string }{
		{"pat", "/tokens/", "revoke"}, {"legacy", "/tokens/", "revoke"}, {"oauth_token", "/oauth-tokens/", "disable"}, {"app", "/apps/", "disable"},
	} {
		page := ws + c.path + ids[c.kind]
		b.get(at).want(200, `class="title"><a href="`+page+`?from=all"`, `href="`+page+"/"+c.act+`?from=all"`)
		b.get(page+"?from=all").want(200, `<li><a href="`+at+`">All tokens</a></li>`)
		checkPage(t, b, page)
		if b.post(page + "/" + c.act + "?from=all").want(200); b.path != at {
			t.Errorf("after stopping the %s one is at %s", c.kind, b.path)
		}
		if s.good(secrets[c.kind]) {
			t.Errorf("the %s works on", c.kind)
		}
		b.get(page + "/regenerate?from=all")
		if c.kind == "legacy" {
			b.want(http.StatusConflict)
		}
	}
}

// An administrator can stop any credential under every policy, and delete what its policy lets go.
func TestTheInventoryOffersWhatThePolicyAndTheStatusAllow(t *testing.T) {
	s := newSite(t).populate().history()
	b := s.as(token.Administrator)
	of := func(path, name string) string {
		t.Helper()
		b.get(path).want(200)
		_, row, _ := strings.Cut(b.page, `data-can="`)
		for !strings.Contains(row[:strings.Index(row, "</tr>")], ">"+name+"</a>") {
			_, row, _ = strings.Cut(row, `data-can="`)
		}
		can, _, _ := strings.Cut(row, `"`)
		return can
	}
	const two, own = "/workspaces/apps-and-tokens/admin/tokens", "/workspaces/crm-tokens/admin/tokens"
	for _, c := range []struct{ path, name, want string }{
		{two, "Staging sync", "revoke"},
		{two, "Test run", "delete"},
		{two, "Workflow robot", "revoke delete"},
		{two, "Old importer", "delete"},
		{own, "Old quarterly report", "revoke"},
		{"/workspaces/standard/admin/tokens", "Forgotten", "revoke delete"},
		{"/workspaces/standard/admin/tokens", "Laptop script", "delete"},
	} {
		if got := of(c.path, c.name); got != c.want {
			t.Errorf("%s of %s: can %q, want %q", c.name, c.path, got, c.want)
		}
	}
}

func TestFromAFilteredInventoryOneComesBackToIt(t *testing.T) {
	s := newSite(t).populate()
	ids, _ := s.everyKind()
	b := s.as(token.Administrator)
	const at = "/workspaces/standard/admin/tokens"
	const filtered = at + "?q=o&amp;sort=name"
	link := func(after, text string) string {
		t.Helper()
		m := regexp.MustCompile(after + `[^>]*?href="([^"]+)"[^>]*>` + text).FindStringSubmatch(b.page)
		if m == nil {
			t.Fatalf("%s has no link %q after %q:\n%s", b.path, text, after, b.page)
		}
		return strings.ReplaceAll(m[1], "&amp;", "&")
	}
	for _, c := range []struct{ kind, title, act string }{{"legacy", "Cron job", "revoke"}, {"oauth_token", "Notebook", "disable"}, {"app", "Loader", "disable"}, {"pat", "Deploy", "revoke"}} {
		b.get(at + "?q=o&sort=name").want(200)
		page := link(`class="title"><a `, c.title)
		b.get(page).want(200, `<a href="`+filtered+`">All tokens</a>`)
		// On its page, and then on the way out.
		from, act, _ := strings.Cut(page, "?")
		b.get(from+"/"+c.act+"?"+strings.Replace(act, "from=all", "from=page&under=all", 1)).want(200, `<a href="`+filtered+`">All tokens</a>`, "Cancel")
		b.post(from+"/"+c.act+"?"+strings.Replace(act, "from=all", "from=page&under=all", 1)).want(200, c.title+"</h1>", `<a href="`+filtered+`">All tokens</a>`, "&amp;list=q%3Do%26sort%3Dname\"")
		b.post(from+"/delete?"+strings.Replace(act, "from=all", "from=page&under=all", 1)).want(200, `value="o"`, `value="name" selected`, "is deleted").lacks(ids[c.kind])
	}
	// What isn't a filter of the list is not taken along.
	b.get(at + "?q=o&x=y").want(200).lacks("x%3Dy")
	b.get("/workspaces/standard/tokens/" + ids["pat"] + "?from=all&list=%25zz").want(404)
}
