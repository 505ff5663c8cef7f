package store_test

import (
	"encoding/base64"
	"errors"
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
		"Tokens of both kinds": {"tokens_legacy", func(tx *store.Tx) error {
			return result(tx.Tokens(store.TokenFilter{WorkspaceID: "ws_1", Legacy: store.LegacyToo}, store.Page{After: "tok_9", Limit: 50}))
		}},
		"Legacy tokens": {"tokens_legacy", func(tx *store.Tx) error {
			return result(tx.Tokens(store.TokenFilter{WorkspaceID: "ws_1", Legacy: store.LegacyOnly}, store.Page{After: "tok_9", Limit: 50}))
		}},
		"LegacyHashes": {"tokens_legacy", func(tx *store.Tx) error { return tx.LegacyHashes("ws_1", func(token.Hash) {}) }},
		"KnownHashes": {"tokens_by_hash", func(tx *store.Tx) error {
			return result(tx.KnownHashes([]token.Hash{hashOf(1), hashOf(2), hashOf(3)}))
		}},
		"AppByID":            {"", func(tx *store.Tx) error { _, _, err := tx.AppByID("app_1"); return err }},
		"ClientSecretByHash": {"app_secrets", func(tx *store.Tx) error { return result(tx.ClientSecretByHash(hashOf(1))) }},
		"ClientSecrets":      {"app_secrets_by_app", func(tx *store.Tx) error { return result(tx.ClientSecrets("app_1")) }},
		"Apps": {"apps_by_workspace", func(tx *store.Tx) error {
			return result(tx.Apps(store.AppFilter{WorkspaceID: "ws_1"}, store.Page{After: "app_9", Limit: 50}))
		}},
		"OAuth tokens of an owner": {"oauth_tokens_by_owner", func(tx *store.Tx) error {
			return result(tx.OAuthTokens(store.OAuthFilter{WorkspaceID: "ws_1", OwnerID: "usr_a"}, store.Page{After: "oat_9", Limit: 50}))
		}},
		"OAuth tokens of a workspace": {"oauth_tokens_by_workspace", func(tx *store.Tx) error {
			return result(tx.OAuthTokens(store.OAuthFilter{WorkspaceID: "ws_1"}, store.Page{After: "oat_9", Limit: 50}))
		}},
		"RefreshTokenByHash":    {"", func(tx *store.Tx) error { return result(tx.RefreshTokenByHash(hashOf(1))) }},
		"ReplaceRefreshToken":   {"", func(tx *store.Tx) error { return tx.ReplaceRefreshToken(hashOf(1), hashOf(2), nil) }},
		"EraseSuccessor":        {"refresh_tokens_by_successor", func(tx *store.Tx) error { return tx.EraseSuccessor(hashOf(2)) }},
		"EraseSuccessorsBefore": {"refresh_tokens_sealed", func(tx *store.Tx) error { return result(tx.EraseSuccessorsBefore(tx.Now)) }},
		"SigningKeys":           {"signing_keys_by_workspace", func(tx *store.Tx) error { return result(tx.SigningKeys("ws_1")) }},
		"SigningKey":            {"", func(tx *store.Tx) error { return result(tx.SigningKey("key_1")) }},
		"AccessStopped":         {"", func(tx *store.Tx) error { return result(tx.AccessStopped("at_1", "app_1", "at_2")) }},
		"Inventory": {"tokens_by_workspace", func(tx *store.Tx) error {
			_, _, err := tx.Inventory(store.InventoryFilter{WorkspaceID: "ws_1"}, cursorAt("5"), 50)
			return err
		}},
		"Inventory of apps": {"apps_by_workspace", func(tx *store.Tx) error {
			_, _, err := tx.Inventory(store.InventoryFilter{WorkspaceID: "ws_1", Kind: token.KindApp}, cursorAt("5"), 50)
			return err
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

// cursorAt is the place in the newest-first inventory of the token whose id ends so.
func cursorAt(id string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(`["","` + id + `","tok_` + id + `"]`))
}

// ofAFew are parts of plans that look at a few rows only: a person's workspaces, sorted by slug; what of
// each kind may be on a page.
func ofAFew() map[string][]string {
	page := []string{"SCAN t\n", "SCAN o\n", "SCAN a\n", "TEMP B-TREE FOR ORDER"}
	return map[string][]string{
		"Memberships":          {"TEMP B-TREE FOR ORDER"},
		"Tokens of both kinds": page, "Inventory": page, "Inventory of apps": page,
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
				o, a := anOAuthToken(n), anApp(n)
				o.WorkspaceID, o.Owner, a.WorkspaceID, a.CreatedBy = k.WorkspaceID, k.Owner, k.WorkspaceID, k.Owner
				if err := errors.Join(tx.AddToken(k, hashOf(n)), tx.AddOAuthToken(o), tx.AddApp(a)); err != nil {
					return err
				}
			}
			explain, columns := "explain query plan ", 4
			if db.Engine == "postgres" { // with so few rows it would rather read them all
				explain, columns = "explain ", 1
				for _, s := range []string{"set local enable_seqscan = off", "set local enable_bitmapscan = off", "analyze tokens", "analyze oauth_tokens", "analyze apps"} {
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
				for _, harmless := range ofAFew()[name] {
					plan = strings.ReplaceAll(plan, harmless, "of a few")
				}
				if !strings.Contains(plan, hot.method) || slices.ContainsFunc([]string{"SCAN", "Seq Scan", "TEMP B-TREE FOR ORDER", "TEMP B-TREE FOR GROUP"}, func(bad string) bool {
					return strings.Contains(plan, bad)
				}) {
					t.Errorf("%s: want it by %s, got\n%s", name, hot.method, plan)
				}
			}
			return nil
		})
	})
}
