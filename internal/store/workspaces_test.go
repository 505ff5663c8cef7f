package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

func addWorkspace(tx *store.Tx, id, slug string) error {
	policy, _ := token.Standard.Policy()
	return tx.AddWorkspace(store.Workspace{ID: id, Slug: slug, Name: "The " + slug, CreatedAt: tx.Now}, store.Rules{Policy: policy})
}

func TestAWorkspaceIsFoundBySlugAndByID(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		want := store.Workspace{ID: "ws_2", Slug: "two", Name: "The two", RulesVersion: 1, CreatedAt: db.Clock.Now()}
		update(t, s, func(tx *store.Tx) error { return addWorkspace(tx, "ws_2", "two") })
		view(t, s, func(tx *store.Tx) error {
			bySlug, err := tx.Workspace("two")
			byID, err2 := tx.Workspace("ws_2")
			if diff := cmp.Diff([]store.Workspace{want, want}, []store.Workspace{bySlug, byID}); diff != "" {
				t.Error(diff)
			}
			for _, ref := range []string{"", "Two", "two ", "ws_3", "WS_2", "%", "tw_", "ws_2 "} {
				if _, err := tx.Workspace(ref); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("Workspace(%q) = %v", ref, err)
				}
			}
			return errors.Join(err, err2)
		})
	})
}

func TestASlugIsTakenOnce(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		for _, c := range []struct{ id, slug string }{{"ws_2", "one"}, {"ws_1", "two"}} {
			if err := s.Update(t.Context(), func(tx *store.Tx) error { return addWorkspace(tx, c.id, c.slug) }); !errors.Is(err, store.ErrExists) {
				t.Errorf("AddWorkspace(%s, %s) = %v", c.id, c.slug, err)
			}
		}
	})
}

func TestListsAreInTheOrderOfBytes(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := db.Open(t)
		// Where a language's collation would sort otherwise: digits, hyphens, letters in between.
		slugs := []string{"a", "a-b", "a-c", "a1", "aa", "ab", "b", "b-a", "ba", "z", "z9", "zz"}
		update(t, s, func(tx *store.Tx) error {
			if err := tx.AddUser(store.User{Person: ana(), CreatedAt: tx.Now}); err != nil {
				return err
			}
			for i := range slugs {
				id, slug := fmt.Sprint("ws_", i), slugs[(i*5)%len(slugs)]
				if err := errors.Join(addWorkspace(tx, id, slug), tx.AddMember(id, "usr_a", token.Administrator)); err != nil {
					return err
				}
			}
			return nil
		})
		view(t, s, func(tx *store.Tx) error {
			all, err := tx.Workspaces()
			mine, err2 := tx.Memberships("usr_a")
			var got, gotMine []string
			for _, w := range all {
				got = append(got, w.Slug)
			}
			for _, m := range mine {
				gotMine = append(gotMine, m.Slug)
				if m.Role != token.Administrator || m.Name != "The "+m.Slug {
					t.Errorf("membership = %+v", m)
				}
			}
			if !slices.Equal(got, slugs) || !slices.Equal(gotMine, slugs) {
				t.Errorf("workspaces: %v\nmemberships: %v", got, gotMine)
			}
			return errors.Join(err, err2)
		})
	})
}

func TestRulesAreReadBackAsKeptAndCountTheirVersions(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		for i, info := range token.Presets() {
			policy, _ := info.Name.Policy()
			r := store.Rules{Policy: policy, Catalogue: info.Name.Catalogue()}
			update(t, s, func(tx *store.Tx) error { return tx.SetRules("ws_1", r) })
			view(t, s, func(tx *store.Tx) error {
				got, err := tx.Rules("ws_1")
				if diff := cmp.Diff(r, got); diff != "" {
					t.Errorf("%s: %s", info.Name, diff)
				}
				w, err2 := tx.Workspace("ws_1")
				if want := int64(i + 2); w.RulesVersion != want {
					t.Errorf("version = %d, want %d", w.RulesVersion, want)
				}
				return errors.Join(err, err2)
			})
		}
		err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.SetRules("ws_x", store.Rules{}) })
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("SetRules of no workspace: %v", err)
		}
		err = s.View(t.Context(), func(tx *store.Tx) error { _, err := tx.Rules("ws_x"); return err })
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Rules of no workspace: %v", err)
		}
	})
}

func TestRenamingAndTakingTurnsDoNotChangeTheRulesVersion(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		update(t, s, func(tx *store.Tx) error {
			return errors.Join(tx.RenameWorkspace("ws_1", "Größe"), tx.TakeWorkspaceTurn("ws_1"))
		})
		view(t, s, func(tx *store.Tx) error {
			w, err := tx.Workspace("one")
			if w.Name != "Größe" || w.RulesVersion != 1 {
				t.Errorf("workspace = %+v", w)
			}
			return err
		})
		for name, fn := range map[string]func(*store.Tx) error{
			"rename": func(tx *store.Tx) error { return tx.RenameWorkspace("ws_x", "X") },
			"turn":   func(tx *store.Tx) error { return tx.TakeWorkspaceTurn("ws_x") },
			"delete": func(tx *store.Tx) error { return tx.DeleteWorkspace("ws_x") },
		} {
			if err := s.Update(t.Context(), fn); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s of no workspace: %v", name, err)
			}
		}
	})
}

func TestDeletingAWorkspaceTakesAllButItsEventsAndLeavesOthers(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		update(t, s, func(tx *store.Tx) error {
			if err := errors.Join(addWorkspace(tx, "ws_2", "two"), tx.AddMember("ws_2", "usr_a", token.Developer)); err != nil {
				return err
			}
			for n, ws := range []string{"ws_1", "ws_2"} {
				k := aToken(int64(n))
				k.WorkspaceID = ws
				if err := errors.Join(tx.AddToken(k, hashOf(int64(n))), tx.AddEvent(event(fmt.Sprint("evt_", n), ws)),
					tx.AddUse(store.Use{TokenID: k.ID, OwnerID: "usr_a", WorkspaceID: ws, Day: 1, Requests: 1, Addresses: addresses("192.0.2.1")})); err != nil {
					return err
				}
			}
			return nil
		})
		update(t, s, func(tx *store.Tx) error { return tx.DeleteWorkspace("ws_1") })
		view(t, s, func(tx *store.Tx) error {
			for table, want := range map[string][][]string{
				"tokens": {{"ws_2"}}, "members": {{"ws_2"}}, "usage_days": {{"ws_2"}}, "usage_addresses": {{"ws_2"}},
				"audit_events": {{"ws_1"}, {"ws_2"}},
			} {
				got, err := tx.Strings(1, "select workspace_id from "+table+" order by workspace_id")
				if diff := cmp.Diff(want, got); diff != "" || err != nil {
					t.Errorf("%s: %s%v", table, diff, err)
				}
			}
			if _, err := tx.User("usr_a"); err != nil {
				t.Errorf("the user: %v", err)
			}
			return nil
		})
		// What was counted and comes late is passed over.
		update(t, s, func(tx *store.Tx) error {
			return tx.AddUse(store.Use{TokenID: aToken(0).ID, OwnerID: "usr_a", WorkspaceID: "ws_1", Day: 1, Requests: 1, LastUsedAt: tx.Now, Addresses: addresses("192.0.2.1")})
		})
	})
}

func event(id, ws string) audit.Event {
	return audit.Event{ID: id, WorkspaceID: ws, At: testkit.NewClock().Now(), Action: audit.TokenCreated}
}

func TestMembershipIsForMembersOnly(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		update(t, s, func(tx *store.Tx) error { return addWorkspace(tx, "ws_2", "two") })
		view(t, s, func(tx *store.Tx) error {
			bySlug, err := tx.Membership("one", "usr_a")
			byID, err2 := tx.Membership("ws_1", "usr_a")
			if bySlug != byID || bySlug.Role != token.Developer || bySlug.Slug != "one" {
				t.Errorf("membership = %+v and %+v", bySlug, byID)
			}
			for _, c := range [][2]string{{"two", "usr_a"}, {"ws_2", "usr_a"}, {"one", "usr_x"}, {"one", ""}, {"", "usr_a"}} {
				if _, err := tx.Membership(c[0], c[1]); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("Membership(%q, %q) = %v", c[0], c[1], err)
				}
			}
			return errors.Join(err, err2)
		})
	})
}

func TestMembersComeAndGoAndChangeRoles(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		db.Clock.Advance(time.Hour)
		if err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.AddMember("ws_1", "usr_a", token.Developer) }); !errors.Is(err, store.ErrExists) {
			t.Errorf("a member is added again: %v", err)
		}
		administrators := func(want int) {
			t.Helper()
			view(t, s, func(tx *store.Tx) error {
				n, err := tx.CountAdministrators("ws_1")
				if n != want {
					t.Errorf("administrators = %d, want %d", n, want)
				}
				return err
			})
		}
		administrators(0)
		update(t, s, func(tx *store.Tx) error { return tx.SetRole("ws_1", "usr_a", token.Administrator) })
		administrators(1)
		view(t, s, func(tx *store.Tx) error {
			m, err := tx.Member("ws_1", "usr_a")
			want := store.Member{User: store.User{Person: ana(), CreatedAt: m.User.CreatedAt}, Role: token.Administrator, CreatedAt: db.Clock.Now().Add(-time.Hour)}
			if diff := cmp.Diff(want, m); diff != "" {
				t.Error(diff)
			}
			return err
		})
		update(t, s, func(tx *store.Tx) error { return tx.RemoveMember("ws_1", "usr_a") })
		administrators(0)
		for name, fn := range map[string]func(*store.Tx) error{
			"Member":       func(tx *store.Tx) error { _, err := tx.Member("ws_1", "usr_a"); return err },
			"TakeTurn":     func(tx *store.Tx) error { _, err := tx.TakeTurn("ws_1", "usr_a"); return err },
			"SetRole":      func(tx *store.Tx) error { return tx.SetRole("ws_1", "usr_a", token.Developer) },
			"RemoveMember": func(tx *store.Tx) error { return tx.RemoveMember("ws_1", "usr_a") },
		} {
			if err := s.Update(t.Context(), fn); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s of nobody: %v", name, err)
			}
		}
		update(t, s, func(tx *store.Tx) error {
			role, err := tx.TakeTurn("ws_1", "usr_b")
			if role != token.Developer {
				t.Errorf("TakeTurn = %q", role)
			}
			return err
		})
	})
}

func TestMembersArePagedByKey(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		var want []string
		update(t, s, func(tx *store.Tx) error {
			for i := range 23 {
				id := fmt.Sprintf("usr_%02d", i)
				want = append([]string{id}, want...)
				if err := errors.Join(tx.AddUser(store.User{Person: token.Person{ID: id, Email: id, Name: id}, CreatedAt: tx.Now}), tx.AddMember("ws_1", id, token.PlainMember)); err != nil {
					return err
				}
			}
			return nil
		})
		want = append([]string{"usr_b", "usr_a"}, want...)
		var got []string
		for after, n := "", 0; n < 100; n++ {
			var page []store.Member
			view(t, s, func(tx *store.Tx) (err error) {
				page, err = tx.Members("ws_1", store.Page{After: after, Limit: 5})
				return err
			})
			if len(page) == 0 {
				break
			}
			for _, m := range page {
				got = append(got, m.User.ID)
			}
			after = page[len(page)-1].User.ID
		}
		if !slices.Equal(got, want) {
			t.Errorf("members = %v", got)
		}
	})
}

func TestTurnsAreOfTheMembersTheyName(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		update(t, s, func(tx *store.Tx) error {
			_, err := tx.TakeTurn("ws_1", "usr_a")
			return errors.Join(err, addWorkspace(tx, "ws_2", "two"), tx.AddMember("ws_2", "usr_a", token.Developer),
				tx.TakeOwnTurn("one", "usr_a"), tx.TakeOwnTurn("ws_1", "usr_a"), tx.TakeEveryTurn("ws_1"), tx.TakeEveryTurn("ws_x"))
		})
		view(t, s, func(tx *store.Tx) error {
			rows, err := tx.Strings(3, "select workspace_id, user_id, cast(turn as text) from members order by workspace_id, user_id")
			if diff := cmp.Diff([][]string{{"ws_1", "usr_a", "4"}, {"ws_1", "usr_b", "1"}, {"ws_2", "usr_a", "0"}}, rows); diff != "" {
				t.Error(diff)
			}
			return err
		})
		for _, c := range [][2]string{{"ws_x", "usr_a"}, {"two", "usr_b"}, {"One", "usr_a"}} {
			if err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.TakeOwnTurn(c[0], c[1]) }); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("TakeOwnTurn%q = %v", c, err)
			}
		}
	})
}
