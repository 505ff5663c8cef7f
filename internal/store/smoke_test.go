package store_test

import (
	"testing"
	"time"

	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestSmoke(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := db.Open(t)
		p, _ := token.Standard.Policy()
		now := db.Clock.Now()
		h := token.HashOf("x")
		err := s.Update(t.Context(), func(tx *store.Tx) error {
			u := store.User{Person: token.Person{ID: "usr_1", Email: "a@b", Name: "A"}, CreatedAt: now, InstallationAdmin: true}
			for _, err := range []error{tx.AddUser(u), tx.AddWorkspace(store.Workspace{ID: "ws_1", Slug: "w", Name: "W", CreatedAt: now}, store.Rules{Policy: p, Catalogue: token.Standard.Catalogue()}),
				tx.AddMember("ws_1", "usr_1", token.Developer), tx.AddToken(token.Token{ID: "tok_1", WorkspaceID: "ws_1", Owner: u.Person, Name: "n", Scopes: token.Scopes{"a", "b"}, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}, h),
				tx.AddUse(store.Use{TokenID: "tok_1", OwnerID: "usr_1", WorkspaceID: "ws_1", Day: 3, Requests: 4, LastUsedAt: now.Add(1)})} {
				if err != nil {
					return err
				}
			}
			_, err := tx.TakeTurn("ws_1", "usr_1")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		err = s.View(t.Context(), func(tx *store.Tx) error {
			pr, err := tx.TokenByHash(h)
			t.Logf("%+v %v", pr, err)
			l, err := tx.Tokens(store.TokenFilter{WorkspaceID: "ws_1", Status: token.Active, Scope: "b", ScopeRoles: token.Roles(), Search: "N", OwnerID: "usr_1"}, store.Page{Limit: 3})
			t.Log(l, err)
			d, err := tx.UsePerDay(store.UseFilter{WorkspaceID: "ws_1", OwnerID: "usr_1", TokenID: "tok_1", To: 9})
			t.Log(d, err)
			d, err = tx.UsePerToken(store.UseFilter{WorkspaceID: "ws_1", OwnerID: "usr_1", To: 9}, 10)
			t.Log(d, err)
			r, err := tx.Rules("ws_1")
			t.Log(r.Policy.Tokens.Expiry, err)
			m, err := tx.Membership("w", "usr_1")
			t.Log(m, err)
			m, err = tx.Membership("ws_1", "usr_1")
			t.Log(m, err)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
