package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// The hot queries and the index that each must find its rows by.
func hotQueries() map[string]call {
	return map[string]call{
		"TokenByHash":        {"tokens_by_hash", func(tx *store.Tx) error { return result(tx.TokenByHash(hashOf(1))) }},
		"SessionByHash":      {"sessions", func(tx *store.Tx) error { return result(tx.SessionByHash(hashOf(1), tx.Now, tx.Now)) }},
		"Membership by id":   {"", func(tx *store.Tx) error { return result(tx.Membership("ws_1", "usr_a")) }},
		"Membership by slug": {"workspaces", func(tx *store.Tx) error { return result(tx.Membership("one", "usr_a")) }},
		"Tokens of an owner": {"tokens_by_owner", func(tx *store.Tx) error {
			return result(tx.Tokens(store.TokenFilter{WorkspaceID: "ws_1", OwnerID: "usr_a"}, store.Page{After: "tok_9", Limit: 50}))
		}},
		"Tokens of a workspace": {"tokens_by_workspace", func(tx *store.Tx) error {
			return result(tx.Tokens(store.TokenFilter{WorkspaceID: "ws_1", Status: token.Active}, store.Page{After: "tok_9", Limit: 50}))
		}},
		"CountTokens of an owner": {"tokens_by_owner", func(tx *store.Tx) error {
			return result(tx.CountTokens(store.TokenFilter{WorkspaceID: "ws_1", OwnerID: "usr_a", Status: token.Active}))
		}},
		"NameTaken": {"tokens_by_owner", func(tx *store.Tx) error { return result(tx.NameTaken("ws_1", "usr_a", "n")) }},
		"Token":     {"tokens", func(tx *store.Tx) error { return result(tx.Token("ws_1", "tok_1")) }},
		"TakeTurn":  {"members", func(tx *store.Tx) error { return result(tx.TakeTurn("ws_1", "usr_a")) }},
		"Events": {"audit_by_workspace", func(tx *store.Tx) error {
			return result(tx.Events(store.EventFilter{WorkspaceID: "ws_1"}, store.Page{After: "evt_9", Limit: 50}))
		}},
		"UsePerDay": {"usage_by_workspace", func(tx *store.Tx) error {
			return result(tx.UsePerDay(store.UseFilter{WorkspaceID: "ws_1", From: 1, To: 9}))
		}},
		"Memberships":    {"members_by_user", func(tx *store.Tx) error { return result(tx.Memberships("usr_a")) }},
		"EndSessions":    {"sessions_by_user", func(tx *store.Tx) error { return result(tx.EndSessions("usr_a", "")) }},
		"RevokeTokensOf": {"tokens_by_owner", func(tx *store.Tx) error { return result(tx.RevokeTokensOf("ws_1", "usr_a", "r")) }},
	}
}

func TestHotQueriesFindTheirRowsByAnIndex(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		update(t, s, func(tx *store.Tx) error {
			if err := addWorkspace(tx, "ws_2", "two"); err != nil {
				return err
			}
			for n := range int64(600) {
				k := aToken(n)
				if n%10 != 0 {
					k.WorkspaceID = "ws_2"
				}
				if n%60 != 0 {
					k.Owner = ben()
				}
				if err := tx.AddToken(k, hashOf(n)); err != nil {
					return err
				}
			}
			explain, columns := "explain query plan ", 4
			if db.Engine == "postgres" { // with so few rows it would rather read them all
				explain, columns = "explain ", 1
				for _, s := range []string{"set local enable_seqscan = off", "set local enable_bitmapscan = off", "analyze tokens"} {
					if _, err := tx.Exec(s); err != nil {
						return err
					}
				}
			}
			for name, hot := range hotQueries() {
				sent, err := tx.Sent(hot.fn)
				if len(sent) == 0 {
					t.Fatalf("%s sent nothing: %v", name, err)
				}
				rows, err := tx.Strings(columns, explain+sent[0].Query, sent[0].Args...)
				if err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				plan := ""
				for _, row := range rows {
					plan += row[columns-1] + "\n"
				}
				if !strings.Contains(plan, hot.method) || slices.ContainsFunc([]string{"SCAN", "Seq Scan", "TEMP B-TREE FOR ORDER", "TEMP B-TREE FOR GROUP"}, func(bad string) bool {
					return strings.Contains(plan, bad) && name != "Memberships" // it sorts a person's few by slug
				}) {
					t.Errorf("%s: want it by %s, got\n%s", name, hot.method, plan)
				}
			}
			return nil
		})
	})
}
