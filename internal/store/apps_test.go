package store_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

func getApp(t testing.TB, s *store.Store, id string) (a token.App) {
	t.Helper()
	view(t, s, func(tx *store.Tx) (err error) {
		a, err = tx.App("ws_1", id)
		return err
	})
	return a
}

func getSecrets(t testing.TB, s *store.Store, app string) (out []token.ClientSecret) {
	t.Helper()
	view(t, s, func(tx *store.Tx) (err error) {
		out, err = tx.ClientSecrets(app)
		return err
	})
	return out
}

// wantGone fails unless an Update finds no row.
func wantGone(t testing.TB, s *store.Store, what string, fn func(*store.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("%s: %v, want ErrNotFound", what, err)
	}
}

func TestAnAppIsReadBackAsKeptInItsWorkspaceOnly(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		full, bare := anApp(1), token.App{ID: "app_2", WorkspaceID: "ws_1", CreatedBy: ben(), CreatedAt: db.Clock.Now()}
		full.Name, full.Description, full.Epoch = "Nächtlich 🚀", "für 'alle'\n\"%_\\", 7
		update(t, s, func(tx *store.Tx) error {
			return errors.Join(addWorkspace(tx, "ws_2", "two"), tx.AddApp(full), tx.AddApp(bare))
		})
		view(t, s, func(tx *store.Tx) error {
			for _, want := range []token.App{full, bare} {
				got, err := tx.App("ws_1", want.ID)
				byID, w, err2 := tx.AppByID(want.ID)
				if d := cmp.Diff(want, got, equateTokens()...) + cmp.Diff(want, byID, equateTokens()...); d != "" {
					t.Error(d)
				}
				if w.ID != "ws_1" || w.Slug != "one" || w.RulesVersion != 1 {
					t.Errorf("workspace = %+v", w)
				}
				if err := errors.Join(err, err2); err != nil {
					return err
				}
			}
			for _, ref := range [][2]string{{"ws_2", full.ID}, {"", full.ID}, {"ws_1", ""}, {"ws_1", "app_3"}, {"ws_1", strings.ToUpper(full.ID)}} {
				if _, err := tx.App(ref[0], ref[1]); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("App%q: %v", ref, err)
				}
			}
			if _, _, err := tx.AppByID("app_3"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("AppByID of none: %v", err)
			}
			return nil
		})
		stranger := anApp(4)
		stranger.CreatedBy.ID = "usr_x"
		for name, c := range map[string]struct {
			app  token.App
			want error
		}{"an id again": {anApp(1), store.ErrExists}, "nobody's app": {stranger, store.ErrNotFound}} {
			if err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.AddApp(c.app) }); !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestChangesOfAnAppTouchWhatTheySay(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		want, other := anApp(1), anApp(2)
		update(t, s, func(tx *store.Tx) error { return errors.Join(tx.AddApp(want), tx.AddApp(other)) })
		check := func(step string) {
			t.Helper()
			if d := cmp.Diff(want, getApp(t, s, want.ID), equateTokens()...) + cmp.Diff(other, getApp(t, s, other.ID), equateTokens()...); d != "" {
				t.Errorf("%s: %s", step, d)
			}
		}
		want.Name, want.Description, want.Scopes, want.Keys = "Other", "else", token.Scopes{"z"}, ""
		changed := want
		changed.CreatedBy, changed.Epoch, changed.DisabledAt, changed.CreatedAt = ben(), 99, db.Clock.Now(), db.Clock.Now().Add(time.Hour) // these stay
		update(t, s, func(tx *store.Tx) error { return tx.ChangeApp(changed) })
		check("changed")
		view(t, s, func(tx *store.Tx) error {
			n, err := tx.CountApps(store.AppFilter{WorkspaceID: "ws_1", Search: "OTHER\nELSE"})
			if n != 1 {
				t.Error("it is not found by its new words")
			}
			return err
		})
		update(t, s, func(tx *store.Tx) error { return tx.TakeAppTurn(want.ID) })
		check("its turn")

		db.Clock.Advance(time.Hour)
		update(t, s, func(tx *store.Tx) error { return tx.DisableApp(want.ID, false) })
		want.DisabledAt = db.Clock.Now()
		check("disabled, its access tokens run out")
		wantGone(t, s, "disabled again", func(tx *store.Tx) error { return tx.DisableApp(want.ID, true) })
		check("disabled again")
		update(t, s, func(tx *store.Tx) error { return tx.ActivateApp(want.ID, false) })
		want.DisabledAt = time.Time{}
		check("activated")
		wantGone(t, s, "activated again", func(tx *store.Tx) error { return tx.ActivateApp(want.ID, false) })
		update(t, s, func(tx *store.Tx) error { return tx.DisableApp(want.ID, true) })
		want.DisabledAt, want.Epoch = db.Clock.Now(), 1
		check("disabled, its access tokens end")
		update(t, s, func(tx *store.Tx) error { return tx.ActivateApp(want.ID, false) })
		want.DisabledAt = time.Time{}
		check("activated: the epoch stays, and what it ended stays ended")
		update(t, s, func(tx *store.Tx) error {
			return errors.Join(tx.DisableApp(want.ID, false), tx.ActivateApp(want.ID, true))
		})
		want.Epoch = 2
		check("activated, and its access tokens end")
	})
}

func TestADeletedAppTakesItsSecretsAlong(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		update(t, s, func(tx *store.Tx) error {
			return errors.Join(tx.AddApp(anApp(1)), tx.AddApp(anApp(2)), tx.AddClientSecret(aSecret(1, anApp(1).ID), hashOf(1)), tx.AddClientSecret(aSecret(2, anApp(2).ID), hashOf(2)))
		})
		update(t, s, func(tx *store.Tx) error { return tx.DeleteApp(anApp(1).ID) })
		view(t, s, func(tx *store.Tx) error {
			if _, err := tx.ClientSecretByHash(hashOf(1)); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("the secret of a deleted app: %v", err)
			}
			_, err := tx.ClientSecretByHash(hashOf(2))
			return err
		})
		for name, fn := range map[string]func(*store.Tx) error{
			"DeleteApp":       func(tx *store.Tx) error { return tx.DeleteApp(anApp(1).ID) },
			"TakeAppTurn":     func(tx *store.Tx) error { return tx.TakeAppTurn(anApp(1).ID) },
			"ChangeApp":       func(tx *store.Tx) error { return tx.ChangeApp(anApp(1)) },
			"DisableApp":      func(tx *store.Tx) error { return tx.DisableApp(anApp(1).ID, true) },
			"ActivateApp":     func(tx *store.Tx) error { return tx.ActivateApp(anApp(1).ID, false) },
			"AddClientSecret": func(tx *store.Tx) error { return tx.AddClientSecret(aSecret(3, anApp(1).ID), hashOf(3)) },
		} {
			wantGone(t, s, name, fn)
		}
		update(t, s, func(tx *store.Tx) error { return tx.DeleteWorkspace("ws_1") })
		view(t, s, func(tx *store.Tx) error {
			rows, err := tx.Strings(1, "select id from apps union all select id from app_secrets")
			if len(rows) != 0 {
				t.Errorf("%v outlived their workspace", rows)
			}
			return err
		})
	})
}

// appFinds says in Go what AppFilter says in SQL.
func appFinds(f store.AppFilter, a token.App) bool {
	return f.WorkspaceID == a.WorkspaceID && (f.CreatedBy == "" || f.CreatedBy == a.CreatedBy.ID) && (f.Status == "" || f.Status == a.Status()) &&
		(f.Scope == "" || slices.Contains(a.Scopes, f.Scope)) && strings.Contains(strings.ToLower(a.Name+"\n"+a.Description), strings.ToLower(f.Search))
}

// someApps are apps that differ in all that a filter looks at.
func someApps(now time.Time) (out []token.App) {
	for n := range 24 {
		a := anApp(int64(n))
		a.CreatedBy = []token.Person{ana(), ben()}[n%2]
		a.Name = []string{"Deploy", "deploy ÄÖ", "100%"}[n%3]
		a.Description = []string{"", "Nightly DEPLOY\\"}[(n/2)%2]
		a.Scopes = []token.Scopes{nil, {"a"}, {"ab", "A"}, {"b", "a"}}[n%4]
		a.CreatedAt = now.Add(-time.Duration(n%5) * time.Hour)
		if n%5 == 1 {
			a.DisabledAt = now
		}
		if n%3 == 1 {
			a.LastUsedAt, a.LastUsedIP = a.CreatedAt.Add(time.Duration(n%2)*time.Hour), netip.MustParseAddr("192.0.2.7")
		}
		out = append(out, a)
	}
	return out
}

func keepApp(tx *store.Tx, a token.App) error {
	err := tx.AddApp(a)
	if err == nil && !a.LastUsedAt.IsZero() {
		err = tx.AddUse(store.Use{TokenID: a.ID, OwnerID: a.ID, WorkspaceID: a.WorkspaceID, LastUsedAt: a.LastUsedAt, LastUsedIP: a.LastUsedIP})
	}
	if err == nil && !a.DisabledAt.IsZero() {
		err = tx.DisableApp(a.ID, false)
	}
	return err
}

func TestAppsAreFilteredCountedAndPaged(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		apps := someApps(db.Clock.Now())
		update(t, s, func(tx *store.Tx) error {
			for _, a := range apps {
				if err := keepApp(tx, a); err != nil {
					return err
				}
			}
			return nil
		})
		slices.Reverse(apps) // newest first
		view(t, s, func(tx *store.Tx) error {
			found := 0
			for _, maker := range []string{"", "usr_a", "usr_b", "USR_A"} {
				for _, status := range []token.Status{"", token.Active, token.Disabled, token.Expired, token.Revoked} {
					for _, scope := range []string{"", "a", "A", "ab", "none", "%"} {
						for _, search := range []string{"", "deploy", "ÄÖ", "0%", "\\", "_"} {
							f := store.AppFilter{WorkspaceID: "ws_1", CreatedBy: maker, Status: status, Scope: scope, Search: search}
							var want, got []token.App
							for _, a := range apps {
								if appFinds(f, a) {
									want = append(want, a)
								}
							}
							for page := (store.Page{Limit: 7}); ; page.After = got[len(got)-1].ID {
								part, err := tx.Apps(f, page)
								if err != nil {
									return err
								}
								if got = append(got, part...); len(part) < page.Limit {
									break
								}
							}
							n, err := tx.CountApps(f)
							if d := cmp.Diff(want, got, equateTokens()...); d != "" || n != len(want) || err != nil {
								return fmt.Errorf("%+v: counted %d, want %d, %w: %s", f, n, len(want), err, d)
							}
							found += len(want)
						}
					}
				}
			}
			if found < 100 {
				t.Errorf("only %d apps were found in all: the filters test nothing", found)
			}
			n, err := tx.CountApps(store.AppFilter{})
			if n != 0 {
				t.Errorf("%d apps of no workspace", n)
			}
			return err
		})
	})
}

func TestAClientSecretIsFoundByItsHashWithItsApp(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		app, first, second := anApp(1), aSecret(1, anApp(1).ID), aSecret(2, anApp(1).ID)
		first.ExpiresAt, second.Sealed = db.Clock.Now().Add(time.Hour), nil
		update(t, s, func(tx *store.Tx) error {
			return errors.Join(tx.AddApp(app), tx.AddClientSecret(first, hashOf(1)), tx.AddClientSecret(second, hashOf(2)), tx.AddApp(anApp(2)), tx.AddClientSecret(aSecret(3, anApp(2).ID), hashOf(3)))
		})
		if d := cmp.Diff([]token.ClientSecret{second, first}, getSecrets(t, s, app.ID), equateTokens()...); d != "" {
			t.Error(d)
		}
		view(t, s, func(tx *store.Tx) error {
			got, err := tx.ClientSecretByHash(hashOf(1))
			if d := cmp.Diff(store.PresentedSecret{App: app, Secret: first, Workspace: "one", RulesVersion: 1}, got, equateTokens()...); d != "" {
				t.Error(d)
			}
			if _, err := tx.ClientSecretByHash(hashOf(9)); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("an unknown secret: %v", err)
			}
			return err
		})
		if err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.AddClientSecret(aSecret(4, app.ID), hashOf(1)) }); !errors.Is(err, store.ErrExists) {
			t.Errorf("a hash is kept twice: %v", err)
		}
	})
}

func TestAnEndedSecretIsNeverPutOffAndCanNoLongerBeSeen(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		app, day := anApp(1).ID, db.Clock.Now().Add(24*time.Hour)
		update(t, s, func(tx *store.Tx) error {
			return errors.Join(tx.AddApp(anApp(1)), tx.AddClientSecret(aSecret(1, app), hashOf(1)), tx.AddClientSecret(aSecret(2, app), hashOf(2)))
		})
		end := func(at time.Time) error {
			return s.Update(t.Context(), func(tx *store.Tx) error { return tx.EndClientSecret(aSecret(1, app).ID, at) })
		}
		if err := end(day); err != nil {
			t.Fatal(err)
		}
		got := getSecrets(t, s, app)
		if ended := got[1]; !ended.ExpiresAt.Equal(day) || ended.Sealed != nil || ended.LiveAt(day) || !ended.LiveAt(day.Add(-time.Microsecond)) {
			t.Errorf("ended: %+v", ended)
		}
		if other := got[0]; !other.ExpiresAt.IsZero() || other.Sealed == nil {
			t.Errorf("the other one: %+v", other)
		}
		for _, later := range []time.Time{day, day.Add(time.Microsecond)} {
			if err := end(later); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("put off: %v", err)
			}
		}
		if err := end(day.Add(-time.Hour)); err != nil {
			t.Errorf("ended early: %v", err)
		}
		update(t, s, func(tx *store.Tx) error { return tx.DropClientSecret(aSecret(1, app).ID) })
		wantGone(t, s, "dropped again", func(tx *store.Tx) error { return tx.DropClientSecret(aSecret(1, app).ID) })
		if got := getSecrets(t, s, app); len(got) != 1 || got[0].ID != aSecret(2, app).ID {
			t.Errorf("left: %+v", got)
		}
	})
}

func TestSealedSecretsOfOneWorkspaceAreErased(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		elsewhere := anApp(2)
		elsewhere.WorkspaceID = "ws_2"
		update(t, s, func(tx *store.Tx) error {
			return errors.Join(addWorkspace(tx, "ws_2", "two"), tx.AddApp(anApp(1)), tx.AddApp(elsewhere),
				tx.AddClientSecret(aSecret(1, anApp(1).ID), hashOf(1)), tx.AddClientSecret(aSecret(2, elsewhere.ID), hashOf(2)))
		})
		update(t, s, func(tx *store.Tx) error { return tx.EraseSealedSecrets("ws_1") })
		if here, there := getSecrets(t, s, anApp(1).ID)[0], getSecrets(t, s, elsewhere.ID)[0]; here.Sealed != nil || !slices.Equal(there.Sealed, aSecret(2, "").Sealed) {
			t.Errorf("sealed here: %v, there: %v", here.Sealed, there.Sealed)
		}
	})
}
