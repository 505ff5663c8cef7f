package rest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/keywright/keywright/internal/testkit"
)

func FuzzCursor(f *testing.F) {
	for _, c := range []string{"", "x", makeCursor(listTokens, "tok_01mg0fcdg0p8m9z1qd6ht0tjta"), makeCursor(listWorkspaces, "sales"), makeCursor(listApps, "app_01mg0fcdg0p8m9z1qd6ht0tjta"), makeCursor(listInventory, "\x00"), "AXRva18wMW1nMGZjZGcwcDhtOXoxcWQ2aHQwdGp0YQ=="} {
		f.Add(c)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		for _, kind := range []byte{listTokens, listMembers, listEvents, listWorkspaces, listApps, listOAuthTokens, listInventory, 'x'} {
			id, err := parseCursor(kind, cursor)
			if err != nil || cursor == "" {
				continue
			}
			if again := makeCursor(kind, id); again != cursor {
				t.Errorf("%q and %q are one cursor", cursor, again)
			}
			if !cursorNames(kind, id) {
				t.Errorf("%q names %q", cursor, id)
			}
		}
	})
}

func TestACursorOfOneListIsRefusedByAnother(t *testing.T) {
	const id = "tok_01mg0fcdg0p8m9z1qd6ht0tjta"
	if got, err := parseCursor(listTokens, makeCursor(listTokens, id)); err != nil || got != id {
		t.Errorf("got %q, %v", got, err)
	}
	for _, kind := range []byte{listMembers, listEvents, listWorkspaces, listApps, listOAuthTokens, listInventory} {
		if _, err := parseCursor(kind, makeCursor(listTokens, id)); err == nil {
			t.Errorf("list %c takes a cursor of tokens", kind)
		}
	}
}

func TestListsAreReadPageByPage(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		w := newWorld(t, db)
		for i := range 5 {
			db.Clock.Advance(1e6) // ids sort by the millisecond
			w.newToken("admin", fmt.Sprint("T", i))
		}
		w.as("root", "POST", "/workspaces", map[string]any{"slug": "third"}).want(t, 201, "")
		for _, c := range []struct{ who, path, id string }{
			{"admin", "/workspaces/standard/tokens?limit=2", "name"},
			{"admin", "/workspaces/standard/tokens?owner=all&limit=2", "name"},
			{"admin", "/workspaces/standard/members?limit=3", "email"},
			{"admin", "/workspaces/standard/audit-events?limit=3", "id"},
			{"root", "/workspaces?limit=1", "slug"},
		} {
			whole := pages(w, c.who, strings.Split(c.path, "limit")[0]+"limit=200", c.id)
			if len(whole) < 3 {
				t.Fatalf("%s: %v", c.path, whole)
			}
			if got := pages(w, c.who, c.path, c.id); fmt.Sprint(got) != fmt.Sprint(whole) {
				t.Errorf("%s: page by page %v, at once %v", c.path, got, whole)
			}
		}
		if got := pages(w, "admin", "/workspaces/standard/tokens?limit=2", "name"); fmt.Sprint(got) != "[T4 T3 T2 T1 T0]" {
			t.Errorf("newest first: %v", got)
		}
	})
}

// pages reads a list to its end.
func pages(w *world, who, path, field string) (out []string) {
	next := ""
	for range 50 {
		r := w.as(who, "GET", path+next, nil).want(w.t, 200, "")
		items, _ := r.at("items").([]any)
		for i := range items {
			item, _ := items[i].(map[string]any)
			out = append(out, fmt.Sprint(item[field]))
		}
		cursor := r.text("next_cursor")
		if cursor == "" {
			return out
		}
		next = "&cursor=" + cursor
	}
	w.t.Fatal("the list has no end")
	return nil
}
