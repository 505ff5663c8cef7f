package store_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

func TestAUserIsReadBackAsKept(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := db.Open(t)
		view(t, s, func(tx *store.Tx) error {
			if has, err := tx.HasUsers(); has || err != nil {
				t.Errorf("HasUsers of an empty database = %v, %v", has, err)
			}
			return nil
		})
		for i, u := range []store.User{
			{Person: token.Person{ID: "usr_1", Email: "ana@example.com", Name: "Ana"}, PasswordHash: "$argon2id$…", InstallationAdmin: true},
			{Person: token.Person{ID: "usr_2", Email: "böse@例え.jp", Name: "名前 👩‍👩‍👧 "}},
		} {
			u.CreatedAt = time.Date(2027, 1, 2, 3, 4, 5, 678_901_000, time.UTC).Add(time.Duration(i) * time.Microsecond)
			update(t, s, func(tx *store.Tx) error { return tx.AddUser(u) })
			view(t, s, func(tx *store.Tx) error {
				byID, err := tx.User(u.ID)
				byEmail, err2 := tx.UserByEmail(u.Email)
				if diff := cmp.Diff([]store.User{u, u}, []store.User{byID, byEmail}); diff != "" {
					t.Error(diff)
				}
				return errors.Join(err, err2)
			})
		}
		view(t, s, func(tx *store.Tx) error {
			if has, err := tx.HasUsers(); !has || err != nil {
				t.Errorf("HasUsers = %v, %v", has, err)
			}
			return nil
		})
	})
}

func TestAnUnknownUserIsNotFound(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		for name, fn := range map[string]func(*store.Tx) error{
			"User":                 func(tx *store.Tx) error { _, err := tx.User("usr_x"); return err },
			"User of nothing":      func(tx *store.Tx) error { _, err := tx.User(""); return err },
			"UserByEmail":          func(tx *store.Tx) error { _, err := tx.UserByEmail("x@example.com"); return err },
			"UserByEmail, capital": func(tx *store.Tx) error { _, err := tx.UserByEmail("Ana@example.com"); return err },
			"UserByEmail, a space": func(tx *store.Tx) error { _, err := tx.UserByEmail("ana@example.com "); return err },
			"SetPassword":          func(tx *store.Tx) error { return tx.SetPassword("usr_x", "h") },
			"SetInstallationAdmin": func(tx *store.Tx) error { return tx.SetInstallationAdmin("usr_x", true) },
			"AddSession":           func(tx *store.Tx) error { return tx.AddSession(session("ses_1", "usr_x", tx.Now), hashOf(1)) },
			"AddLink":              func(tx *store.Tx) error { return tx.AddLink("usr_x", "reset", hashOf(1), tx.Now) },
			"AddMember":            func(tx *store.Tx) error { return tx.AddMember("ws_1", "usr_x", token.Developer) },
		} {
			if err := s.Update(t.Context(), fn); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: err = %v, want ErrNotFound", name, err)
			}
		}
	})
}

func TestAnEmailIsTakenOnce(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		for _, c := range []struct {
			id, email string
			want      error
		}{
			{"usr_c", "ana@example.com", store.ErrExists},
			{"usr_a", "other@example.com", store.ErrExists}, // the id
			{"usr_d", "ANA@example.com", nil},               // the clean form is made above
		} {
			err := s.Update(t.Context(), func(tx *store.Tx) error {
				return tx.AddUser(store.User{Person: token.Person{ID: c.id, Email: c.email, Name: "X"}, CreatedAt: tx.Now})
			})
			if !errors.Is(err, c.want) {
				t.Errorf("AddUser(%s, %s) = %v, want %v", c.id, c.email, err, c.want)
			}
		}
	})
}

func TestPasswordsAndInstallationAdministratorsChange(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		update(t, s, func(tx *store.Tx) error {
			return errors.Join(tx.SetPassword("usr_a", "new"), tx.SetInstallationAdmin("usr_a", true), tx.SetInstallationAdmin("usr_b", true))
		})
		update(t, s, func(tx *store.Tx) error { return tx.SetInstallationAdmin("usr_b", false) })
		view(t, s, func(tx *store.Tx) error {
			a, err := tx.User("usr_a")
			b, err2 := tx.User("usr_b")
			admins, err3 := tx.InstallationAdmins()
			if a.PasswordHash != "new" || !a.InstallationAdmin || b.PasswordHash != "" || b.InstallationAdmin || !slices.Equal(admins, []string{"usr_a"}) {
				t.Errorf("a = %+v, b = %+v, administrators = %v", a, b, admins)
			}
			return errors.Join(err, err2, err3)
		})
	})
}

func session(id, user string, now time.Time) store.Session {
	return store.Session{
		ID: id, User: store.User{Person: token.Person{ID: user}}, CreatedAt: now, SignedInAt: now, SeenAt: now,
		Address: netip.MustParseAddr("2001:db8::1"), UserAgent: "Mozilla/5.0 (✓)",
	}
}

func TestASessionIsFoundUntilItIsIdleOrOld(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		now := db.Clock.Now()
		kept := session("ses_1", "usr_a", now)
		kept.SignedInAt, kept.SeenAt = now.Add(time.Second), now.Add(time.Minute)
		update(t, s, func(tx *store.Tx) error { return tx.AddSession(kept, hashOf(1)) })
		for _, c := range []struct {
			name         string
			idle, oldest time.Time
			want         error
		}{
			{"fresh", now, now.Add(-1), nil},
			{"seen a microsecond after idle", kept.SeenAt.Add(-time.Microsecond), now.Add(-time.Microsecond), nil},
			{"seen at idle", kept.SeenAt, now.Add(-time.Microsecond), store.ErrNotFound},
			{"made at oldest", now, now, store.ErrNotFound},
		} {
			err := s.View(t.Context(), func(tx *store.Tx) error {
				got, err := tx.SessionByHash(hashOf(1), c.idle, c.oldest)
				if err != nil {
					return err
				}
				if diff := cmp.Diff(kept, got, cmpopts.IgnoreFields(store.Session{}, "User"), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
					t.Error(diff)
				}
				if got.User.Person != ana() {
					t.Errorf("user = %+v", got.User)
				}
				return nil
			})
			if !errors.Is(err, c.want) {
				t.Errorf("%s: err = %v, want %v", c.name, err, c.want)
			}
		}
		view(t, s, func(tx *store.Tx) error {
			if _, err := tx.SessionByHash(hashOf(2), now.Add(-1), now.Add(-1)); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("a wrong secret: %v", err)
			}
			return nil
		})
	})
}

func TestTouchingASessionNeverTurnsItsTimeBack(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		now := db.Clock.Now()
		update(t, s, func(tx *store.Tx) error {
			return errors.Join(tx.AddSession(session("ses_1", "usr_a", now), hashOf(1)),
				tx.TouchSession("ses_1", now.Add(time.Hour)), tx.TouchSession("ses_1", now.Add(time.Minute)), tx.TouchSession("ses_none", now))
		})
		view(t, s, func(tx *store.Tx) error {
			got, err := tx.SessionByHash(hashOf(1), now, now.Add(-1))
			if !got.SeenAt.Equal(now.Add(time.Hour)) {
				t.Errorf("seen at %v", got.SeenAt)
			}
			return err
		})
	})
}

func TestEndingSessionsLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		now := db.Clock.Now()
		update(t, s, func(tx *store.Tx) error {
			for i, user := range []string{"usr_a", "usr_a", "usr_a", "usr_b", "usr_a"} {
				if err := tx.AddSession(session(fmt.Sprint("ses_", i), user, now), hashOf(int64(i))); err != nil {
					return err
				}
			}
			return errors.Join(tx.EndSession("ses_4"), tx.EndSession("ses_none"))
		})
		left := func() (ids []string) {
			view(t, s, func(tx *store.Tx) error {
				rows, err := tx.Strings(1, "select id from sessions order by id")
				ids = slices.Concat(rows...)
				return err
			})
			return ids
		}
		for _, c := range []struct {
			except string
			ended  int64
			left   []string
		}{{"ses_1", 2, []string{"ses_1", "ses_3"}}, {"", 1, []string{"ses_3"}}, {"", 0, []string{"ses_3"}}} {
			update(t, s, func(tx *store.Tx) error {
				n, err := tx.EndSessions("usr_a", c.except)
				if n != c.ended {
					t.Errorf("ended %d, want %d", n, c.ended)
				}
				return err
			})
			if got := left(); !slices.Equal(got, c.left) {
				t.Errorf("left: %v, want %v", got, c.left)
			}
		}
	})
}

func TestALinkWorksOnceAndUntilItExpires(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		expires := db.Clock.Now().Add(time.Hour)
		update(t, s, func(tx *store.Tx) error {
			return errors.Join(tx.AddLink("usr_a", "reset", hashOf(1), expires), tx.AddLink("usr_b", "invitation", hashOf(2), expires),
				tx.AddLink("usr_a", "invitation", hashOf(3), expires)) // in place of the first
		})
		link := func(n int64) (who, purpose string, err error) {
			err = s.View(t.Context(), func(tx *store.Tx) error {
				u, p, err := tx.Link(hashOf(n))
				who, purpose = u.ID, p
				return err
			})
			return who, purpose, err
		}
		if _, _, err := link(1); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a link that was replaced: %v", err)
		}
		for range 2 { // looking does not use it up
			if who, purpose, err := link(3); who != "usr_a" || purpose != "invitation" || err != nil {
				t.Errorf("link = %q, %q, %v", who, purpose, err)
			}
		}
		use := func(n int64) error {
			return s.Update(t.Context(), func(tx *store.Tx) error { return tx.UseLink(hashOf(n)) })
		}
		if err := use(3); err != nil {
			t.Error(err)
		}
		if err := use(3); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a second use: %v", err)
		}
		db.Clock.Set(expires.Add(-time.Microsecond))
		if _, _, err := link(2); err != nil {
			t.Errorf("a microsecond before it expires: %v", err)
		}
		db.Clock.Set(expires)
		if _, _, err := link(2); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("looking at its expiry: %v", err)
		}
		if err := use(2); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("use at its expiry: %v", err)
		}
	})
}

func TestANonceIsSpentOnce(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		spend := func(n int64) error {
			return s.Update(t.Context(), func(tx *store.Tx) error { return tx.SpendNonce(hashOf(n), tx.Now.Add(time.Hour)) })
		}
		if err := errors.Join(spend(1), spend(2)); err != nil {
			t.Error(err)
		}
		if err := spend(1); !errors.Is(err, store.ErrExists) {
			t.Errorf("a second time: %v", err)
		}
		// A refusal does not end the transaction: the rules above may go on.
		update(t, s, func(tx *store.Tx) error {
			if err := tx.SpendNonce(hashOf(1), tx.Now); !errors.Is(err, store.ErrExists) {
				t.Errorf("a third time: %v", err)
			}
			return tx.SetPassword("usr_a", "still here")
		})
	})
}

func TestSweepRemovesWhatIsOverAndNothingElse(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		now := db.Clock.Now()
		idle, oldest := now.Add(-time.Hour), now.Add(-24*time.Hour)
		update(t, s, func(tx *store.Tx) error {
			for i, c := range []struct{ made, seen time.Time }{
				{oldest.Add(time.Microsecond), idle.Add(time.Microsecond)}, // stays
				{oldest, now},
				{now, idle},
			} {
				ses := session(fmt.Sprint("ses_", i), "usr_a", c.made)
				ses.SeenAt = c.seen
				if err := tx.AddSession(ses, hashOf(int64(i))); err != nil {
					return err
				}
			}
			return errors.Join(tx.AddLink("usr_a", "reset", hashOf(1), now), tx.AddLink("usr_b", "reset", hashOf(2), now.Add(time.Microsecond)),
				tx.SpendNonce(hashOf(1), now), tx.SpendNonce(hashOf(2), now.Add(time.Microsecond)))
		})
		update(t, s, func(tx *store.Tx) error { return result(tx.Sweep(idle, oldest)) })
		view(t, s, func(tx *store.Tx) error {
			sessions, err := tx.Strings(1, "select id from sessions")
			links, err2 := tx.Strings(1, "select user_id from links")
			nonces, err3 := tx.Strings(1, "select cast(expires_at as text) from form_nonces")
			want := [][][]string{{{"ses_0"}}, {{"usr_b"}}, {{fmt.Sprint(now.UnixMicro() + 1)}}}
			if diff := cmp.Diff(want, [][][]string{sessions, links, nonces}); diff != "" {
				t.Error(diff)
			}
			return errors.Join(err, err2, err3)
		})
	})
}

func TestAPasswordIsHeldOnlyAsItIs(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		update(t, s, func(tx *store.Tx) error { return tx.SetPassword("usr_a", "now") })
		for _, c := range []struct {
			user, hash string
			want       error
		}{{"usr_a", "now", nil}, {"usr_a", "before", store.ErrNotFound}, {"usr_a", "", store.ErrNotFound}, {"usr_b", "now", store.ErrNotFound}, {"usr_b", "", store.ErrNotFound}} {
			if err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.HoldPassword(c.user, c.hash) }); !errors.Is(err, c.want) {
				t.Errorf("HoldPassword(%q, %q) = %v, want %v", c.user, c.hash, err, c.want)
			}
		}
		update(t, s, func(tx *store.Tx) error {
			return errors.Join(tx.AddLink("usr_a", "reset", hashOf(1), tx.Now.Add(time.Hour)), tx.AddLink("usr_b", "reset", hashOf(2), tx.Now.Add(time.Hour)), tx.DropLinks("usr_a"))
		})
		view(t, s, func(tx *store.Tx) error {
			_, _, dropped := tx.Link(hashOf(1))
			_, _, err := tx.Link(hashOf(2))
			if !errors.Is(dropped, store.ErrNotFound) {
				t.Errorf("a dropped link: %v", dropped)
			}
			return err
		})
	})
}
