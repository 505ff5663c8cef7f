package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

func aKey(id, ws string, now time.Time) store.SigningKey {
	return store.SigningKey{ID: id, WorkspaceID: ws, Algorithm: token.EdDSA, Public: `{"kty":"OKP"}`, Sealed: []byte{0, 1, 0xff}, CreatedAt: now, SignsFrom: now.Add(time.Minute)}
}

func TestSigningKeysAreListedByWorkspaceAndFoundByID(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		now := db.Clock.Now()
		old, current, elsewhere := aKey("key_1", "ws_1", now), aKey("key_2", "ws_1", now), aKey("key_3", "ws_2", now)
		old.PublishedUntil = now.Add(time.Hour)
		update(t, s, func(tx *store.Tx) error {
			return errors.Join(addWorkspace(tx, "ws_2", "two"), tx.AddSigningKey(old), tx.AddSigningKey(current), tx.AddSigningKey(elsewhere))
		})
		list := func(want ...store.SigningKey) {
			t.Helper()
			view(t, s, func(tx *store.Tx) error {
				got, err := tx.SigningKeys("ws_1")
				if d := cmp.Diff(want, got); d != "" {
					t.Error(d)
				}
				return err
			})
		}
		list(current, old)
		view(t, s, func(tx *store.Tx) error {
			got, err := tx.SigningKey(elsewhere.ID)
			if d := cmp.Diff(store.PresentedKey{SigningKey: elsewhere, Workspace: "two", RulesVersion: 1}, got); d != "" {
				t.Error(d)
			}
			if _, err := tx.SigningKey("key_9"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("an unknown key: %v", err)
			}
			return err
		})
		update(t, s, func(tx *store.Tx) error { return tx.RetireSigningKey(current.ID, now.Add(2*time.Hour)) })
		current.PublishedUntil = now.Add(2 * time.Hour)
		list(current, old)
		update(t, s, func(tx *store.Tx) error { return tx.DropSigningKey(current.ID) })
		list(old)
		wantGone(t, s, "dropped again", func(tx *store.Tx) error { return tx.DropSigningKey(current.ID) })
		wantGone(t, s, "retired when it is gone", func(tx *store.Tx) error { return tx.RetireSigningKey(current.ID, now) })
		wantGone(t, s, "a key of no workspace", func(tx *store.Tx) error { return tx.AddSigningKey(aKey("key_4", "ws_9", now)) })
		if err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.AddSigningKey(old) }); !errors.Is(err, store.ErrExists) {
			t.Errorf("an id again: %v", err)
		}
	})
}

func TestStoppedAccessIsKnownByAnyOfItsIDsUntilTheLaterEnd(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		now := db.Clock.Now()
		update(t, s, func(tx *store.Tx) error {
			return errors.Join(tx.StopAccess("at_1", now.Add(2*time.Hour)), tx.StopAccess("app_1", now.Add(time.Hour)), tx.StopAccess("at_1", now.Add(time.Hour)), tx.StopAccess("app_1", now.Add(3*time.Hour)))
		})
		stopped := func(ids ...string) (is bool) {
			t.Helper()
			view(t, s, func(tx *store.Tx) (err error) {
				is, err = tx.AccessStopped(ids...)
				return err
			})
			return is
		}
		check := func(ids []string, want bool) {
			t.Helper()
			if got := stopped(ids...); got != want {
				t.Errorf("AccessStopped%q = %v", ids, got)
			}
		}
		check(nil, false)
		check([]string{""}, false)
		check([]string{"at_2", "", "oat_1"}, false)
		check([]string{"at_1"}, true)
		check([]string{"at_2", "", "app_1"}, true)
		sweep := func() {
			update(t, s, func(tx *store.Tx) error { return result(tx.Sweep(time.Time{}, time.Time{})) })
		}
		db.Clock.Advance(2*time.Hour - time.Microsecond)
		sweep()
		check([]string{"at_1"}, true)
		db.Clock.Advance(time.Microsecond)
		sweep()
		check([]string{"at_1"}, false)
		check([]string{"app_1"}, true)
	})
}

func TestTheKeysetCheckIsKeptOnce(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		kept := func() (got []byte, err error) {
			err = s.View(t.Context(), func(tx *store.Tx) (err error) {
				got, err = tx.KeysetCheck()
				return err
			})
			return got, err
		}
		if _, err := kept(); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("before any: %v", err)
		}
		for _, sealed := range [][]byte{{0, 1, 0xff}, {2}} {
			update(t, s, func(tx *store.Tx) error { return tx.SetKeysetCheck(sealed) })
			got, err := kept()
			if d := cmp.Diff(sealed, got); d != "" || err != nil {
				t.Errorf("%v: %s", err, d)
			}
		}
	})
}

func TestSweepRemovesSecretsAndKeysThatAreOver(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		now := db.Clock.Now()
		const day = 24 * time.Hour
		expires := map[int64]time.Time{1: now.Add(-day), 2: now.Add(time.Microsecond - day), 3: now}
		secrets := map[int64]time.Time{1: now.Add(-7 * day), 2: now.Add(time.Microsecond - 7*day), 3: {}}
		keys := map[string]time.Time{"key_1": now, "key_2": now.Add(time.Microsecond), "key_3": {}}
		update(t, s, func(tx *store.Tx) error {
			errs := []error{tx.AddApp(anApp(1))}
			for n, at := range expires {
				k := anOAuthToken(n)
				k.ExpiresAt = at
				errs = append(errs, tx.AddOAuthToken(k), tx.AddRefreshToken(k.ID, hashOf(n)), tx.AddRefreshToken(k.ID, hashOf(n+10)))
			}
			for n, at := range secrets {
				c := aSecret(n, anApp(1).ID)
				c.ExpiresAt = at
				errs = append(errs, tx.AddClientSecret(c, hashOf(n)))
			}
			for id, at := range keys {
				k := aKey(id, "ws_1", now)
				k.PublishedUntil = at
				errs = append(errs, tx.AddSigningKey(k))
			}
			return errors.Join(append(errs, result(tx.Sweep(time.Time{}, time.Time{})))...)
		})
		view(t, s, func(tx *store.Tx) error {
			rows, err := tx.Strings(1, `select oauth_token_id as id from refresh_tokens union select id from app_secrets union select id from signing_keys union select id from oauth_tokens order by id`)
			want := [][]string{
				{aSecret(2, "").ID},
				{aSecret(3, "").ID},
				{"key_2"},
				{"key_3"},
				{anOAuthToken(1).ID}, // their rows stay in the list
				{anOAuthToken(2).ID},
				{anOAuthToken(3).ID},
			}
			if d := cmp.Diff(want, rows); d != "" {
				t.Error(d)
			}
			refresh, err2 := tx.Strings(2, `select oauth_token_id, count(*) from refresh_tokens group by oauth_token_id order by oauth_token_id`)
			if d := cmp.Diff([][]string{{anOAuthToken(2).ID, "2"}, {anOAuthToken(3).ID, "2"}}, refresh); d != "" {
				t.Error(d)
			}
			return errors.Join(err, err2)
		})
	})
}

func TestOneSweepIsBounded(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		const kept = 1100
		tables := map[string]string{
			"stopped_access": `'at_' || n, 0`,
			"form_nonces":    `cast('n' || n as BYTES), 0`,
			"refresh_tokens": `cast('r' || n as BYTES), '` + anOAuthToken(1).ID + `', 0, null, null, null`,
			"app_secrets":    `'cs_' || n, '` + anApp(1).ID + `', cast('s' || n as BYTES), '', null, 0, 0, null, null`,
			"signing_keys":   `'key_' || n, 'ws_1', '', '', cast('k' as BYTES), 0, 0, 0`,
		}
		bytes := map[string]string{"sqlite": "blob", "postgres": "bytea"}[db.Engine]
		update(t, s, func(tx *store.Tx) error {
			old := anOAuthToken(1)
			old.ExpiresAt = db.Clock.Now().AddDate(0, 0, -2)
			errs := []error{tx.AddApp(anApp(1)), tx.AddOAuthToken(old)}
			for table, values := range tables {
				_, err := tx.Exec(`insert into ` + table + ` with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 1100) select ` + strings.ReplaceAll(values, "BYTES", bytes) + ` from numbers`)
				errs = append(errs, err)
			}
			return errors.Join(errs...)
		})
		for _, left := range []string{"100", "0"} {
			update(t, s, func(tx *store.Tx) error {
				more, err := tx.Sweep(time.Time{}, time.Time{})
				if more != (left != "0") {
					t.Errorf("there may be more: %v, with %s left", more, left)
				}
				return err
			})
			view(t, s, func(tx *store.Tx) error {
				for table := range tables {
					rows, err := tx.Strings(1, "select count(*) from "+table)
					if err != nil {
						return err
					}
					if rows[0][0] != left {
						t.Errorf("%s of %d %s are left after sweeping, want %s", rows[0][0], kept, table, left)
					}
				}
				return nil
			})
		}
	})
}
