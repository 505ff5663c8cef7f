package config_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/config"
)

const feed = good + "feeds:\n  - workspace: acme\n    name: sales\n    database: sales.db\n    tables: ['*']\n"

func TestTheManualsExampleOfFeedsIsGood(t *testing.T) {
	manual, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, ok := strings.Cut(string(manual), "```yaml\nfeeds:\n")
	example, _, end := strings.Cut(example, "```")
	if !ok || !end {
		t.Fatal("docs/operations.md has no example of feeds")
	}
	c, problems := load(t, good+"feeds:\n"+example, map[string]string{"ORDERS_DATABASE": "postgres://reader:p@db.example.com/shop"})
	if len(problems) > 0 || len(c.Feeds) != 1 {
		t.Fatal(problems, len(c.Feeds))
	}
	f := c.Feeds[0]
	if f.DSN.Reveal() != "postgres://reader:p@db.example.com/shop" || f.Keys["report.sales_by_day"][1] != "region" || f.Timeout() != 30*time.Second ||
		f.Links[0].Back != "Sales" || f.Rows["shop.orders"] == "" || f.Times["shop.orders.changed"] != "microseconds" || len(f.LeaveOut) != 2 {
		t.Errorf("%+v", f)
	}
	for _, name := range []string{"workspace", "name", "title", "database_env", "scope", "tables", "leave_out", "names", "titles", "keys", "links", "rows", "times", "page_size", "statement_timeout", "concurrent_queries"} {
		if !strings.Contains(example, "\n    "+name+":") && !strings.Contains(example, "- "+name+":") {
			t.Errorf("the example lacks %s", name)
		}
	}
}

func TestAFeedHasDefaults(t *testing.T) {
	c, problems := load(t, feed, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	f := c.Feeds[0]
	if f.Scope != "odata:read" || f.Title != "sales" || f.Timeout() != 30*time.Second || f.ConcurrentQueries != 4 || f.AllowWritableRole || f.DSN.Reveal() != "sales.db" {
		t.Errorf("%+v", f)
	}
}

func TestEveryProblemOfFeedsIsReportedAtOnceWithItsLine(t *testing.T) {
	_, problems := load(t, good+`feeds:
  - workspace: Acme
    name: keywright
    database: a
    database_env: B
    scope: "two words"
    tabels: [x]
    titles: 5
    links:
      - from: orders
        to: customers.id
        too: x
    rows:
      orders: a = $user.mail
    times:
      orders.at: millis
    page_size: -1
    statement_timeout: 1h
    concurrent_queries: many
    allow_writable_role: 7
  - text
  - workspace: acme
    name: one
    database_env: NOT_SET
    tables: []
  - workspace: acme
    name: one
    database: c
    tables: [x]
`, nil)
	var all []string
	for _, p := range problems {
		all = append(all, p.String())
	}
	got := strings.Join(all, "\n")
	for _, want := range []string{
		"line 4: feeds[0].workspace: say which workspace", "line 4: feeds[0].tables: say which tables", "line 5: feeds[0].name: keywright is the feed that every workspace has",
		"line 6: feeds[0].database: give the database once", "line 8: feeds[0].scope: want the name of a scope",
		"line 9: feeds[0].tabels: there is no such setting; did you mean tables?", "line 10: feeds[0].titles: want lines such as",
		"line 12: feeds[0].links[0].from: want a column with its table", "line 14: feeds[0].links[0].too: there is no such setting",
		"line 16: feeds[0].rows.orders: $user.mail is not known here", "line 18: feeds[0].times.orders.at: want seconds, microseconds, days or iso",
		"line 19: feeds[0].page_size: want 0 to", "line 20: feeds[0].statement_timeout: want a time", "line 21: feeds[0].concurrent_queries: want a whole number",
		"line 22: feeds[0].allow_writable_role: want true or false", "line 23: feeds[1]: want settings such as \"workspace: …\"",
		"line 26: feeds[2].database_env: the variable NOT_SET is not set", "line 27: feeds[2].tables: say which", "line 29: feeds[3].name: feeds[2] has the same workspace and name",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
	if _, problems := load(t, good+"feeds: {a: b}\n", nil); len(problems) != 1 || problems[0].String() != "line 3: feeds: want a list" {
		t.Error(problems)
	}
}

func TestAPasswordOfAFeedIsNotPrinted(t *testing.T) {
	c, _ := load(t, strings.Replace(feed, "database: sales.db", "database_env: DB", 1), map[string]string{"DB": "postgres://u:hunter2@h/d"})
	if text := strings.ReplaceAll(config.Reference(), "x", "") + c.Feeds[0].DSN.String(); strings.Contains(text, "hunter2") || c.Feeds[0].DSN.Reveal() == "" {
		t.Error("the password can be printed")
	}
}
