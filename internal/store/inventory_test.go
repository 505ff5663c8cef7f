package store_test

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// item is a credential with what the inventory's filters and orders look at beside it.
type item struct {
	store.Credential
	folded    string
	refreshed time.Time
	status    token.Status
}

// everything is a credential of every kind with every difference, in workspace ws_1.
func everything(now time.Time) (out []item) {
	for n, k := range variety(now) {
		if n%2 == 1 {
			k.Scheme = token.SchemeSHA256
		}
		if n%6 == 5 {
			k.Name = ""
		}
		if n%12 == 11 {
			k.Description = ""
		}
		name, description := cmp.Or(k.Name, k.Description, "…"+k.Hint), k.Description
		if k.Name == "" {
			description = ""
		}
		out = append(out, item{
			store.Credential{
				Kind: k.Kind(), ID: k.ID, Owner: k.Owner, Name: name, Description: description, Hint: k.Hint, AllScopes: k.AllScopes, Scopes: k.Scopes, CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt,
				EndedAt: k.RevokedAt, LastUsedAt: k.LastUsedAt, LastUsedIP: k.LastUsedIP,
			},
			strings.ToLower(k.Name + "\n" + k.Description),
			time.Time{},
			k.StatusAt(now),
		})
	}
	for _, k := range someOAuthTokens(now) {
		out = append(out, item{
			store.Credential{
				Kind: token.KindRefresh, ID: k.ID, Owner: k.Owner, Name: k.Name, AllScopes: true, CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt,
				EndedAt: k.DisabledAt, LastUsedAt: k.LastUsedAt, LastUsedIP: k.LastUsedIP,
			},
			strings.ToLower(k.Name),
			k.LastRefreshedAt,
			k.StatusAt(now),
		})
	}
	for _, a := range someApps(now) {
		out = append(out, item{
			store.Credential{
				Kind: token.KindApp, ID: a.ID, Owner: a.CreatedBy, Name: a.Name, Description: a.Description, Scopes: a.Scopes, CreatedAt: a.CreatedAt, EndedAt: a.DisabledAt,
				LastUsedAt: a.LastUsedAt, LastUsedIP: a.LastUsedIP,
			},
			strings.ToLower(a.Name + "\n" + a.Description),
			time.Time{},
			a.Status(),
		})
	}
	return out
}

// keepEverything writes what everything says.
func keepEverything(tx *store.Tx, now time.Time) error {
	for n, k := range variety(now) {
		if n%2 == 1 {
			k.Scheme = token.SchemeSHA256
		}
		if n%6 == 5 {
			k.Name = ""
		}
		if n%12 == 11 {
			k.Description = ""
		}
		if err := keep(tx, k, int64(n)); err != nil {
			return err
		}
	}
	for _, k := range someOAuthTokens(now) {
		if err := keepOAuth(tx, k); err != nil {
			return err
		}
	}
	for _, a := range someApps(now) {
		if err := keepApp(tx, a); err != nil {
			return err
		}
	}
	return tx.SetRole("ws_1", "usr_b", token.PlainMember)
}

// inventoried says in Go what InventoryFilter says in SQL. Ana is a developer, Ben a plain member.
func inventoried(f store.InventoryFilter, c item) bool {
	role := map[string]token.Role{"usr_a": token.Developer, "usr_b": token.PlainMember}[c.Owner.ID]
	before := func(t time.Time) bool { return t.IsZero() || t.Before(f.UnusedSince) }
	switch {
	case f.OwnerID != "" && f.OwnerID != c.Owner.ID,
		f.Kind != "" && f.Kind != c.Kind,
		f.Status != "" && f.Status != c.status,
		f.Scope != "" && !slices.Contains(c.Scopes, f.Scope) && (!c.AllScopes || !slices.Contains(f.ScopeRoles, role)),
		!f.UnusedSince.IsZero() && (!before(c.CreatedAt) || !before(c.LastUsedAt) || !before(c.refreshed)),
		!f.ExpiresBefore.IsZero() && (c.status != token.Active || c.ExpiresAt.IsZero() || !c.ExpiresAt.Before(f.ExpiresBefore)),
		f.NeverExpires && (!c.ExpiresAt.IsZero() || c.Kind == token.KindApp),
		!strings.Contains(c.folded, strings.ToLower(f.Search)):
		return false
	}
	return true
}

// inOrder compares two credentials as the orders do.
func inOrder(sort store.Sort) func(a, b item) int {
	never := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	expires := func(c item) time.Time {
		if c.ExpiresAt.IsZero() {
			return never
		}
		return c.ExpiresAt
	}
	name := func(c item) string {
		text := []rune(cmp.Or(strings.TrimPrefix(c.folded, "\n"), strings.TrimPrefix(c.Name, "…")))
		return string(text[:min(len(text), 60)])
	}
	return func(a, b item) int {
		_, first, _ := strings.Cut(a.ID, "_")
		_, second, _ := strings.Cut(b.ID, "_")
		return map[store.Sort]int{
			store.NewestFirst:  cmp.Or(cmp.Compare(second, first), cmp.Compare(b.ID, a.ID)),
			store.ExpiresFirst: expires(a).Compare(expires(b)),
			store.IdleFirst:    a.LastUsedAt.Compare(b.LastUsedAt),
			store.ByName:       cmp.Compare(name(a), name(b)),
			store.ByOwner:      cmp.Compare(a.Owner.Name, b.Owner.Name),
		}[sort]*2 + cmp.Compare(a.ID, b.ID)
	}
}

func sorts() []store.Sort {
	return []store.Sort{store.NewestFirst, store.ExpiresFirst, store.IdleFirst, store.ByName, store.ByOwner}
}

// walk reads all pages of an inventory; between two pages it calls meanwhile.
func walk(t *testing.T, s *store.Store, f store.InventoryFilter, limit int, meanwhile func()) (out []store.Credential) {
	t.Helper()
	for after := ""; ; meanwhile() {
		var next string
		view(t, s, func(tx *store.Tx) error {
			page, n, err := tx.Inventory(f, after, limit)
			if len(page) > limit || n != "" && (len(page) < limit || n == after) {
				t.Fatalf("%+v: after %q a page of %d rows, next %q", f, after, len(page), n)
			}
			out, next = append(out, page...), n
			return err
		})
		if after = next; after == "" {
			return out
		}
	}
}

// inventoryFilters are all values of every field alone, and each with a part of the others.
func inventoryFilters(now time.Time) (out []store.InventoryFilter) {
	for _, f := range filters(now) {
		if f.WorkspaceID != "ws_1" {
			continue
		}
		wide := store.InventoryFilter{
			WorkspaceID: f.WorkspaceID, OwnerID: f.OwnerID, Status: f.Status, Scope: f.Scope, ScopeRoles: f.ScopeRoles, UnusedSince: f.UnusedSince,
			ExpiresBefore: f.ExpiresBefore, NeverExpires: f.NeverExpires, Search: f.Search,
		}
		wide.Kind = []token.Kind{"", token.KindPAT, token.KindLegacy, token.KindRefresh, "", token.KindApp, ""}[len(out)%7]
		out = append(out, wide)
	}
	for _, k := range []token.Kind{"", token.KindPAT, token.KindLegacy, token.KindRefresh, token.KindApp, token.KindAccess} {
		for _, s := range []token.Status{"", token.Active, token.Expired, token.Revoked, token.Disabled} {
			out = append(out, store.InventoryFilter{WorkspaceID: "ws_1", Kind: k, Status: s})
		}
		out = append(out, store.InventoryFilter{WorkspaceID: "ws_1", Kind: k, NeverExpires: true})
	}
	return out
}

func TestTheInventoryFindsWhatItsFilterSaysInEveryOrder(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		now := db.Clock.Now()
		update(t, s, func(tx *store.Tx) error {
			return errors.Join(addWorkspace(tx, "ws_2", "two"), keepEverything(tx, now))
		})
		all := everything(now)
		found := 0
		for i, f := range inventoryFilters(now) {
			f.Sort = sorts()[i%len(sorts())]
			slices.SortFunc(all, inOrder(f.Sort))
			var want []store.Credential
			for _, c := range all {
				if inventoried(f, c) {
					want = append(want, c.Credential)
				}
			}
			if d := diff.Diff(want, walk(t, s, f, 50, func() {}), equateTokens()...); d != "" {
				t.Fatalf("%+v: %s", f, d)
			}
			found += len(want)
		}
		if found < 2000 {
			t.Errorf("only %d credentials were found in all: the filters test nothing", found)
		}
		for _, ws := range []string{"", "ws_2"} {
			if got := walk(t, s, store.InventoryFilter{WorkspaceID: ws}, 9, func() {}); got != nil {
				t.Errorf("workspace %q: %v", ws, got)
			}
		}
	})
}

func TestEveryPageOfEveryOrderHasEachRowOnceWhileOthersComeAndGo(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		now := db.Clock.Now()
		update(t, s, func(tx *store.Tx) error { return keepEverything(tx, now) })
		all := everything(now)
		added := int64(0)
		for _, sort := range sorts() {
			for _, limit := range []int{3, 48} {
				slices.SortFunc(all, inOrder(sort))
				var want, got []string
				for _, c := range all {
					want = append(want, c.ID)
				}
				there := map[string]bool{}
				for _, id := range want {
					there[id] = true
				}
				// Between any two pages one of each kind comes, anywhere in the order, and one goes.
				meanwhile := func() {
					added++
					k, o, a := aToken(-added), anOAuthToken(-added), anApp(-added)
					k.ID, o.ID, a.ID = fmt.Sprintf("tok_%d-%d", added%9, added), fmt.Sprintf("oat_%d-%d", added%9, added), fmt.Sprintf("app_%d-%d", added%9, added)
					k.Name, k.ExpiresAt, k.Scheme = fmt.Sprint(added%10), now.Add(time.Duration(added%3)*time.Hour), []token.Scheme{"", token.SchemeSHA512}[added%2]
					update(t, s, func(tx *store.Tx) error {
						return errors.Join(tx.AddToken(k, token.HashOf(k.ID)), tx.AddOAuthToken(o), tx.AddApp(a))
					})
					update(t, s, func(tx *store.Tx) error { return errors.Join(tx.DeleteToken(k.ID), tx.DeleteOAuthToken(o.ID)) })
				}
				for _, c := range walk(t, s, store.InventoryFilter{WorkspaceID: "ws_1", Sort: sort}, limit, meanwhile) {
					if there[c.ID] {
						got = append(got, c.ID)
					}
				}
				if d := diff.Diff(want, got); d != "" {
					t.Errorf("%q by %d: %s", sort, limit, d)
				}
				update(t, s, func(tx *store.Tx) error { // for the next one
					_, err := tx.Exec(`delete from apps where id like 'app_%-%'`)
					return err
				})
			}
		}
	})
}

func TestACursorOfAnotherListIsRefused(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		update(t, s, func(tx *store.Tx) error { return keepEverything(tx, tx.Now) })
		refused := []string{"x", "!", "=", "WyIiLCIxIiwidG9rXzEiXR"}
		for _, text := range []string{
			"null", "[]", "{}", `["","1"]`, `["","1","tok_1","x"]`, `["","2","tok_1"]`, `["","1", "tok_1"]`, `["","\u0000","tok_\u0000"]`, "[\"\",\"\xff\",\"tok_\xff\"]",
			`["expires","1.5","tok_1"]`, `["expires","","tok_1"]`, `["expires","+1","tok_1"]`, `["expires","9223372036854775808","tok_1"]`,
			`["name","\u0000","tok_1"]`, `["name","a","` + strings.Repeat("x", 1024) + `"]`,
		} {
			refused = append(refused, base64.RawURLEncoding.EncodeToString([]byte(text)))
		}
		for _, sort := range sorts() {
			f := store.InventoryFilter{WorkspaceID: "ws_1", Sort: sort}
			view(t, s, func(tx *store.Tx) error {
				_, next, err := tx.Inventory(f, "", 1)
				if next == "" || err != nil {
					t.Fatal(next, err)
				}
				for _, other := range sorts() {
					f.Sort = other
					if _, _, err := tx.Inventory(f, next, 1); errors.Is(err, store.ErrCursor) != (other != sort) || other == sort && err != nil {
						t.Errorf("a cursor of %q for %q: %v", sort, other, err)
					}
				}
				f.Sort = sort
				for _, after := range append(refused, next+"A", next[1:], strings.ToUpper(next), next+"\n") {
					if _, _, err := tx.Inventory(f, after, 1); !errors.Is(err, store.ErrCursor) {
						t.Errorf("%q: the cursor %q: %v, want ErrCursor", sort, after, err)
					}
				}
				return nil
			})
		}
	})
}

func FuzzACursorIsReadOrRefused(f *testing.F) {
	s := furnish(f, testkit.SQLite(f))
	update(f, s, func(tx *store.Tx) error { return keepEverything(tx, tx.Now) })
	for i, sort := range sorts() {
		view(f, s, func(tx *store.Tx) error {
			_, next, err := tx.Inventory(store.InventoryFilter{WorkspaceID: "ws_1", Sort: sort}, "", 5)
			f.Add(i, next)
			return err
		})
	}
	f.Fuzz(func(t *testing.T, i int, after string) {
		sort := sorts()[uint(i)%uint(len(sorts()))]
		err := s.View(t.Context(), func(tx *store.Tx) error {
			_, _, err := tx.Inventory(store.InventoryFilter{WorkspaceID: "ws_1", Sort: sort}, after, 2)
			return err
		})
		if err != nil && !errors.Is(err, store.ErrCursor) {
			t.Errorf("%q: %q: %v", sort, after, err)
		}
	})
}

// BenchmarkInventory lists the first page of a workspace of 100,000 tokens in each order; INVENTORY_ROWS
// makes it another number.
func BenchmarkInventory(b *testing.B) {
	for engine, open := range map[string]func(testing.TB) testkit.DB{
		"sqlite": testkit.SQLite,
		"postgres": func(t testing.TB) testkit.DB {
			return testkit.DB{Engine: "postgres", DSN: testkit.Postgres(t), Clock: testkit.NewClock()}
		},
	} {
		s := furnish(b, open(b))
		rows := inventoryRows(b)
		for n := 0; n < rows; n += 1000 {
			update(b, s, func(tx *store.Tx) error {
				tokens := make([]store.NewToken, 1000)
				for i := range tokens {
					k := aToken(int64(n + i))
					k.ExpiresAt = k.CreatedAt.Add(time.Duration(n*7919%rows) * time.Minute)
					if (n+i)%10 == 0 {
						k.Scheme = token.SchemeSHA256
					}
					tokens[i] = store.NewToken{Token: k, Hash: token.HashOf(k.ID)}
				}
				return tx.AddTokens(tokens)
			})
		}
		if engine == "postgres" {
			update(b, s, func(tx *store.Tx) error { _, err := tx.Exec("analyze"); return err })
		}
		var after string
		for _, sort := range sorts() {
			b.Run(fmt.Sprintf("%s/first/%s", engine, cmp.Or(sort, "newest")), func(b *testing.B) {
				for b.Loop() {
					view(b, s, func(tx *store.Tx) error {
						_, next, err := tx.Inventory(store.InventoryFilter{WorkspaceID: "ws_1", Sort: sort}, "", 50)
						if sort == store.NewestFirst {
							after = next
						}
						return err
					})
				}
			})
		}
		b.Run(engine+"/next/newest", func(b *testing.B) {
			for b.Loop() {
				view(b, s, func(tx *store.Tx) error {
					_, _, err := tx.Inventory(store.InventoryFilter{WorkspaceID: "ws_1"}, after, 50)
					return err
				})
			}
		})
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func inventoryRows(b *testing.B) int {
	rows := 100_000
	if text := os.Getenv("INVENTORY_ROWS"); text != "" {
		if _, err := fmt.Sscan(text, &rows); err != nil {
			b.Fatal(err)
		}
	}
	return rows
}
