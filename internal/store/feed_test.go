package store_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/odata/query"
	"github.com/keywright/keywright/odata/sqldata"
)

// sensitive are columns that help to make a credential, to guess one, to sign in, or to read what is sealed.
func sensitive(column string) bool {
	return slices.Contains([]string{
		"hash", "hint", "password_hash", "sealed", "search", "keys", "public", "epoch", "successor", "policy", "detail", "secret", "scheme", "turn", "rules_version",
	}, column)
}

func TestNoSecretIsPublished(t *testing.T) {
	schema, err := os.ReadFile("schema/postgres/00001_foundation.sql")
	if err != nil {
		t.Fatal(err)
	}
	more, err := os.ReadFile("schema/postgres/00002_apps_and_oauth.sql")
	if err != nil {
		t.Fatal(err)
	}
	// What is kept in bytes is a hash or sealed: the list above must know every such column.
	for _, m := range regexp.MustCompile(`(?m)^    (\w+) +bytea`).FindAllStringSubmatch(string(schema)+string(more), -1) {
		if !sensitive(m[1]) {
			t.Errorf("the column %s is bytes, and not in this test's list", m[1])
		}
	}
	model, queries := store.FeedModel()
	if err := model.Check(); err != nil {
		t.Fatal(err)
	}
	columns := store.FeedColumns()
	if len(model.Sets) != 6 || len(columns) != 6 {
		t.Fatalf("%d sets", len(model.Sets))
	}
	for _, s := range model.Sets {
		if len(columns[s.Name]) != len(s.Properties) {
			t.Errorf("%s: %d properties, %d columns", s.Name, len(s.Properties), len(columns[s.Name]))
		}
		for _, p := range s.Properties {
			if sensitive(strings.ToLower(p.Name)) || regexp.MustCompile(`(?i)hash|secret|password|sealed|search|hint`).MatchString(p.Name) {
				t.Errorf("%s.%s", s.Name, p.Name)
			}
		}
		for _, c := range columns[s.Name] {
			if sensitive(c) {
				t.Errorf("%s reads %s", s.Name, c)
			}
		}
	}
	// Nor is one read under another name: what the queries select, up to "from", names none. (A token's scheme is
	// compared with nothing, to tell where it is from.)
	for _, q := range queries {
		for part := range strings.SplitSeq(q, "union all") {
			selected, _, _ := strings.Cut(strings.ReplaceAll(part, "case scheme when ''", ""), " from ")
			for _, word := range regexp.MustCompile(`\w+`).FindAllString(selected, -1) {
				if sensitive(word) || word == "select" && strings.Contains(selected, "*") {
					t.Errorf("%s is selected: %s", word, selected)
				}
			}
		}
	}
}

func TestEveryQueryOfAFeedIsBoundToItsWorkspace(t *testing.T) {
	_, queries := store.FeedModel()
	for _, q := range queries {
		for part := range strings.SplitSeq(q, "union all") {
			if !strings.Contains(part, "workspace_id = $workspace") || strings.Contains(part, " or ") && !strings.Contains(part, "(actor_id = $me or ") {
				t.Errorf("not bound, or loosened: %s", part)
			}
		}
	}
}

func TestAFeedsConnectionsEndWithTheStore(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := db.Open(t)
		f, err := s.OpenFeed(sqldata.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := f.All.As(nil).Open(t.Context()); err == nil {
			t.Error("a closed store is read")
		}
		if _, err := s.OpenFeed(sqldata.Options{}); err == nil {
			t.Error("a closed store is opened to be read")
		}
	})
}

func TestAnAddressInPairsMeansTheSameAsAURL(t *testing.T) {
	for _, dsn := range []string{
		`host=db.example.com port=5433 user=ana password='it\'s a "secret" &%' dbname=shop sslmode=disable`,
		`host=/var/run/postgresql user = x  dbname=a dbname=b`,
		`host=localhost user=u password=back\\slash connect_timeout=7`,
	} {
		want, err := pgx.ParseConfig(dsn)
		if err != nil {
			t.Fatal(err)
		}
		got, err := pgx.ParseConfig(store.AddressOf(dsn))
		if err != nil {
			t.Fatalf("%s: %v", dsn, err)
		}
		if got.Host != want.Host || got.Port != want.Port || got.User != want.User || got.Password != want.Password || got.Database != want.Database || got.ConnectTimeout != want.ConnectTimeout {
			t.Errorf("%s: %+v, want %+v", dsn, got.Config, want.Config)
		}
	}
	if got := store.AddressOf("kw.db"); got != "kw.db" {
		t.Error(got)
	}
}

func TestPagesOfAFeedAreReadByAnIndexAndNotSorted(t *testing.T) {
	s := furnish(t, testkit.SQLite(t))
	want := map[string]string{
		"Tokens": "tokens_for_feed", "Apps": "apps_by_workspace", "OAuthTokens": "oauth_tokens_by_workspace", "Members": "", "AuditEvents": "audit_by_workspace", "DailyUsage": "usage_by_workspace",
		"Tokens of a person": "tokens_by_owner", "OAuthTokens of a person": "oauth_tokens_by_owner",
	}
	model, queries := store.FeedModel()
	fill := strings.NewReplacer("$workspace", "'ws_1'", "$now", "5", "$me", "'usr_a'", "$maker", "''")
	for i, q := range queries[:2*len(model.Sets)] {
		set := model.Sets[i%len(model.Sets)]
		name := set.Name
		if i >= len(model.Sets) {
			name += " of a person"
		}
		index, ok := want[name]
		if !ok || index == "" {
			continue
		}
		key := "id"
		if set.Name == "DailyUsage" {
			key = "day, token_id"
		}
		var plan string
		err := s.View(t.Context(), func(tx *store.Tx) error {
			rows, err := tx.Strings(4, "explain query plan select * from "+fill.Replace(q)+" t order by "+key+" limit 100")
			for _, r := range rows {
				plan += r[3] + "\n"
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(plan, "USING INDEX "+index) || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s:\n%s", name, plan)
		}
	}
}

func TestReadersOfAFeedAreToldThatItIsBusyAndNeverWaitWithoutEnd(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := db.Open(t)
		f, err := s.OpenFeed(sqldata.Options{Concurrent: 2, Wait: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		for _, from := range []*sqldata.Source{f.All, f.Own, f.App} {
			for i := range 3 { // as many as may read at the same time, and one more
				r, err := from.As(nil).Open(ctx)
				if busy := errors.Is(err, query.ErrBusy); err != nil && !busy || busy != (i == 2) {
					t.Errorf("reader %d: %v", i, err)
				}
				if err == nil {
					defer r.Close()
				}
			}
		}
	})
}
