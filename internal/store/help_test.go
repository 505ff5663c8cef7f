package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// furnish opens a database with two people, Ana (usr_a) and Ben (usr_b), who are members of one
// workspace (ws_1, slug "one").
func furnish(t testing.TB, db testkit.DB) *store.Store {
	t.Helper()
	s := db.Open(t)
	now := db.Clock.Now()
	policy, ok := token.Standard.Policy()
	if !ok {
		t.Fatal("there is no standard policy")
	}
	update(t, s, func(tx *store.Tx) error {
		if err := tx.AddWorkspace(store.Workspace{ID: "ws_1", Slug: "one", Name: "One", CreatedAt: now}, store.Rules{Policy: policy, Catalogue: token.Standard.Catalogue()}); err != nil {
			return err
		}
		for _, p := range []token.Person{ana(), ben()} {
			if err := tx.AddUser(store.User{Person: p, CreatedAt: now}); err != nil {
				return err
			}
			if err := tx.AddMember("ws_1", p.ID, token.Developer); err != nil {
				return err
			}
		}
		return nil
	})
	return s
}

func ana() token.Person { return token.Person{ID: "usr_a", Name: "Ana", Email: "ana@example.com"} }
func ben() token.Person { return token.Person{ID: "usr_b", Name: "Ben", Email: "ben@example.com"} }

// aToken is Ana's n-th token; its id sorts by n.
func aToken(n int64) token.Token {
	return token.Token{ID: fmt.Sprintf("tok_%012d", n), WorkspaceID: "ws_1", Owner: ana(), Name: fmt.Sprint("token ", n), Hint: "abcd", CreatedAt: testkit.NewClock().Now()}
}

// legacyToken is aToken as it is when it was imported.
func legacyToken(n int64) token.Token {
	k := aToken(n)
	k.Name, k.Scheme = fmt.Sprint("legacy ", n), token.SchemeSHA512
	return k
}

// anApp is the n-th app that Ana made; its id sorts by n.
func anApp(n int64) token.App {
	return token.App{
		ID: fmt.Sprintf("app_%012d", n), WorkspaceID: "ws_1", Name: fmt.Sprint("app ", n), Description: "nightly", Scopes: token.Scopes{"a", "b"}, Keys: `{"keys":[]}`,
		CreatedBy: ana(), CreatedAt: testkit.NewClock().Now(),
	}
}

// aSecret is the n-th client secret, of an app.
func aSecret(n int64, app string) token.ClientSecret {
	return token.ClientSecret{ID: fmt.Sprintf("cs_%012d", n), AppID: app, Hint: "wxyz", Sealed: []byte{0, 1, 0xff}, CreatedAt: testkit.NewClock().Now()}
}

// anOAuthToken is Ana's n-th OAuth token; it lasts a day.
func anOAuthToken(n int64) token.OAuthToken {
	now := testkit.NewClock().Now()
	return token.OAuthToken{ID: fmt.Sprintf("oat_%012d", n), WorkspaceID: "ws_1", Owner: ana(), Name: fmt.Sprint("OAuth ", n), CreatedAt: now, ExpiresAt: now.Add(24 * time.Hour)}
}

// update runs fn in a transaction that has to succeed.
func update(t testing.TB, s *store.Store, fn func(*store.Tx) error) {
	t.Helper()
	if err := s.Update(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

// view reads what has to be readable.
func view(t testing.TB, s *store.Store, fn func(*store.Tx) error) {
	t.Helper()
	if err := s.View(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}
