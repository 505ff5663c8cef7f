package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

func TestManyTokensAreKeptAtOnceAsOneByOne(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		now := db.Clock.Now()
		var many []store.NewToken
		var want []token.Token
		for n := range int64(257) { // more than two statements take
			k := legacyToken(n)
			k.Scheme = []token.Scheme{token.SchemeSHA256, token.SchemeHMAC + ":key_1", token.SchemeOurs}[n%3]
			k.Owner = []token.Person{ana(), ben()}[n%2]
			if n%4 == 1 {
				k.ExpiresAt, k.OriginalExpiry = now.Add(time.Hour), now.Add(2*time.Hour)
				k.Scopes, k.Description = token.Scopes{"a", "b"}, "für 'alle'"
			}
			many, want = append(many, store.NewToken{Token: k, Hash: hashOf(n)}), append(want, k)
		}
		update(t, s, func(tx *store.Tx) error { return tx.AddTokens(many) })
		slices.Reverse(want)
		view(t, s, func(tx *store.Tx) error {
			got, err := tx.Tokens(store.TokenFilter{WorkspaceID: "ws_1", Legacy: store.LegacyToo}, store.Page{Limit: 1000})
			if d := cmp.Diff(want, got, equateTokens()...); d != "" {
				t.Error(d)
			}
			for _, k := range many {
				p, err := tx.TokenByHash(k.Hash)
				if err != nil || p.Token.ID != k.Token.ID || p.Token.Scheme != k.Token.Scheme || !p.Token.OriginalExpiry.Equal(k.Token.OriginalExpiry) {
					t.Fatalf("%+v by its hash: %+v, %v", k.Token, p, err)
				}
			}
			return err
		})
		for name, c := range map[string]struct {
			tokens []store.NewToken
			want   error
		}{
			"a hash again":          {[]store.NewToken{{Token: aToken(900), Hash: hashOf(900)}, {Token: aToken(901), Hash: hashOf(5)}}, store.ErrExists},
			"one hash twice":        {[]store.NewToken{{Token: aToken(900), Hash: hashOf(900)}, {Token: aToken(901), Hash: hashOf(900)}}, store.ErrExists},
			"text that is no UTF-8": {[]store.NewToken{{Token: token.Token{ID: "tok_x", WorkspaceID: "ws_1", Owner: ana(), Scheme: "\xff", CreatedAt: now}, Hash: hashOf(900)}}, store.ErrText},
			"none":                  {nil, nil},
		} {
			if err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.AddTokens(c.tokens) }); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
		}
		view(t, s, func(tx *store.Tx) error {
			n, err := tx.CountTokens(store.TokenFilter{WorkspaceID: "ws_1", Legacy: store.LegacyToo})
			if n != len(many) {
				t.Errorf("%d tokens are kept, want %d: a part of what was refused stayed", n, len(many))
			}
			return err
		})
	})
}

func TestImportedTokensAreInNoListLimitOrNameOfOurs(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		var ids [3][]string // ours, imported, both; newest first
		update(t, s, func(tx *store.Tx) error {
			for n := range int64(60) {
				k, kind := aToken(n), 0
				if n%3 == 1 {
					k, kind = legacyToken(n), 1
				}
				ids[kind], ids[2] = append([]string{k.ID}, ids[kind]...), append([]string{k.ID}, ids[2]...)
				if err := tx.AddToken(k, hashOf(n)); err != nil {
					return err
				}
			}
			return nil
		})
		view(t, s, func(tx *store.Tx) error {
			for i, legacy := range []store.Legacy{store.LegacyNone, store.LegacyOnly, store.LegacyToo} {
				for _, owner := range []string{"", "usr_a"} {
					f := store.TokenFilter{WorkspaceID: "ws_1", Legacy: legacy, OwnerID: owner, Status: token.Active}
					var got []string
					for page := (store.Page{Limit: 7}); ; page.After = got[len(got)-1] {
						part, err := tx.Tokens(f, page)
						if err != nil {
							return err
						}
						for _, k := range part {
							got = append(got, k.ID)
						}
						if len(part) < page.Limit {
							break
						}
					}
					n, err := tx.CountTokens(f)
					if d := cmp.Diff(ids[i], got); d != "" || n != len(ids[i]) || err != nil {
						t.Errorf("%+v: counted %d, %v: %s", f, n, err, d)
					}
				}
			}
			unsaid, err := tx.CountTokens(store.TokenFilter{WorkspaceID: "ws_1"})
			if unsaid != len(ids[0]) {
				t.Errorf("a filter that says nothing of imported tokens counts %d, want ours, %d", unsaid, len(ids[0]))
			}
			for name, want := range map[string]bool{"legacy 1": false, "token 2": true} {
				if taken, err := tx.NameTaken("ws_1", "usr_a", name); taken != want || err != nil {
					t.Errorf("NameTaken(%q) = %v, %v", name, taken, err)
				}
			}
			return err
		})
		update(t, s, func(tx *store.Tx) error {
			revoked, err := tx.RevokeTokensOf("ws_1", "usr_a", "owner removed")
			if len(revoked) != 60 {
				t.Errorf("%d tokens of somebody who leaves are revoked, want all 60", len(revoked))
			}
			return err
		})
	})
}

func TestLegacyTokensStopOnTheDayOrByThemselves(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		now := db.Clock.Now()
		day := now.AddDate(0, 1, 0)
		own, endless, later, sooner, elsewhere := aToken(1), legacyToken(2), legacyToken(3), legacyToken(4), legacyToken(5)
		later.OriginalExpiry, sooner.OriginalExpiry = day.Add(time.Microsecond), day.Add(-time.Microsecond)
		later.ExpiresAt, sooner.ExpiresAt, elsewhere.WorkspaceID = later.OriginalExpiry, sooner.OriginalExpiry, "ws_2"
		update(t, s, func(tx *store.Tx) error {
			errs := []error{addWorkspace(tx, "ws_2", "two")}
			for n, k := range []token.Token{own, endless, later, sooner, elsewhere} {
				errs = append(errs, tx.AddToken(k, hashOf(int64(n))))
			}
			return errors.Join(errs...)
		})
		check := func(step string, stops time.Time, want map[string]time.Time) {
			t.Helper()
			view(t, s, func(tx *store.Tx) error {
				got, err := tx.LegacyStop("ws_1")
				if !got.Equal(stops) || err != nil {
					t.Errorf("%s: stops %v, %v; want %v", step, got, err, stops)
				}
				for n := range int64(5) {
					p, err := tx.TokenByHash(hashOf(n))
					if err != nil {
						return err
					}
					if !p.Token.ExpiresAt.Equal(want[p.Token.ID]) {
						t.Errorf("%s: %s expires %v, want %v", step, p.Token.ID, p.Token.ExpiresAt, want[p.Token.ID])
					}
					if p.Token.WorkspaceID == "ws_1" && !p.LegacyStop.Equal(stops) || p.Token.WorkspaceID == "ws_2" && !p.LegacyStop.IsZero() {
						t.Errorf("%s: %s is told the day %v", step, p.Token.ID, p.LegacyStop)
					}
				}
				return nil
			})
		}
		bySelf := map[string]time.Time{later.ID: later.OriginalExpiry, sooner.ID: sooner.OriginalExpiry}
		check("no day", time.Time{}, bySelf)
		update(t, s, func(tx *store.Tx) error { return tx.SetLegacyStop("ws_1", day) })
		check("a day", day, map[string]time.Time{endless.ID: day, later.ID: day, sooner.ID: sooner.OriginalExpiry})
		update(t, s, func(tx *store.Tx) error { return tx.SetLegacyStop("ws_1", now) })
		check("an earlier one", now, map[string]time.Time{endless.ID: now, later.ID: now, sooner.ID: now})
		update(t, s, func(tx *store.Tx) error { return tx.SetLegacyStop("ws_1", time.Time{}) })
		check("none again", time.Time{}, bySelf)
		wantGone(t, s, "a workspace that is gone", func(tx *store.Tx) error { return tx.SetLegacyStop("ws_9", day) })
		if err := s.View(t.Context(), func(tx *store.Tx) error { return result(tx.LegacyStop("ws_9")) }); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the day of a workspace that is gone: %v", err)
		}
	})
}

func TestOnlyLiveLegacyTokensAreLookedFor(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		now := db.Clock.Now()
		hmac := token.SchemeHMAC + ":key_1"
		live, unending, expired, revoked, own, elsewhere := legacyToken(1), legacyToken(2), legacyToken(3), legacyToken(4), aToken(5), legacyToken(6)
		live.ExpiresAt, live.Scheme = now.Add(time.Microsecond), hmac
		expired.ExpiresAt, expired.Scheme, revoked.Scheme = now, token.SchemeSHA256, token.SchemeSHA256
		elsewhere.WorkspaceID, elsewhere.ExpiresAt = "ws_2", now
		update(t, s, func(tx *store.Tx) error {
			errs := []error{addWorkspace(tx, "ws_2", "two")}
			for n, k := range []token.Token{live, unending, expired, revoked, own, elsewhere} {
				errs = append(errs, tx.AddToken(k, hashOf(int64(n))))
			}
			return errors.Join(append(errs, tx.RevokeToken(revoked.ID, ""))...)
		})
		view(t, s, func(tx *store.Tx) error {
			var hashes []token.Hash
			err := tx.LegacyHashes("ws_1", func(h token.Hash) { hashes = append(hashes, h) })
			slices.SortFunc(hashes, func(a, b token.Hash) int { return slices.Compare(a[:], b[:]) })
			if d := cmp.Diff([]token.Hash{hashOf(0), hashOf(1)}, hashes); d != "" {
				t.Error(d)
			}
			schemes, err2 := tx.LegacySchemes("ws_1")
			if d := cmp.Diff([]token.Scheme{hmac, token.SchemeSHA512}, schemes); d != "" {
				t.Error(d)
			}
			none, err3 := tx.LegacySchemes("ws_2")
			if none != nil {
				t.Errorf("schemes where none is live: %v", none)
			}
			return errors.Join(err, err2, err3, tx.LegacyHashes("ws_2", func(token.Hash) { t.Error("an expired token is looked for") }))
		})
	})
}

func TestKnownHashesSayWhereEachIsKept(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		elsewhere := aToken(2)
		elsewhere.WorkspaceID = "ws_2"
		update(t, s, func(tx *store.Tx) error {
			return errors.Join(addWorkspace(tx, "ws_2", "two"), tx.AddToken(legacyToken(1), hashOf(1)), tx.AddToken(elsewhere, hashOf(2)))
		})
		asked := []token.Hash{}
		for n := range int64(1001) {
			asked = append(asked, hashOf(n))
		}
		view(t, s, func(tx *store.Tx) error {
			got, err := tx.KnownHashes(asked[:1000])
			if d := cmp.Diff(map[token.Hash]string{hashOf(1): "ws_1", hashOf(2): "ws_2"}, got); d != "" {
				t.Error(d)
			}
			none, err2 := tx.KnownHashes(nil)
			if len(none) != 0 {
				t.Errorf("of none, %v are known", none)
			}
			if _, err := tx.KnownHashes(asked); err == nil {
				t.Error("more than 1,000 were asked for at once")
			}
			return errors.Join(err, err2)
		})
	})
}

func TestLegacyKeysAreKeptByWorkspace(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		key := func(id, ws string) store.LegacyKey {
			return store.LegacyKey{ID: id, WorkspaceID: ws, Sealed: []byte{0, 1, 0xff}, CreatedAt: db.Clock.Now()}
		}
		update(t, s, func(tx *store.Tx) error {
			return errors.Join(addWorkspace(tx, "ws_2", "two"), tx.AddLegacyKey(key("key_1", "ws_1")), tx.AddLegacyKey(key("key_2", "ws_1")), tx.AddLegacyKey(key("key_3", "ws_2")))
		})
		view(t, s, func(tx *store.Tx) error {
			got, err := tx.LegacyKeys("ws_1")
			if d := cmp.Diff([]store.LegacyKey{key("key_2", "ws_1"), key("key_1", "ws_1")}, got); d != "" {
				t.Error(d)
			}
			return err
		})
	})
}

// BenchmarkAddTokens is what an import of 100,000 lines asks of the database: 1,000 at a time, each looked
// for first.
func BenchmarkAddTokens(b *testing.B) {
	for engine, open := range map[string]func(testing.TB) testkit.DB{
		"sqlite": testkit.SQLite,
		"postgres": func(t testing.TB) testkit.DB {
			return testkit.DB{Engine: "postgres", DSN: testkit.Postgres(t), Clock: testkit.NewClock()}
		},
	} {
		b.Run(engine, func(b *testing.B) {
			s := furnish(b, open(b))
			b.ResetTimer()
			next := 0
			for b.Loop() {
				tokens, hashes := make([]store.NewToken, 1000), make([]token.Hash, 1000)
				for i := range tokens {
					next++
					k := legacyToken(int64(next))
					k.Scopes = token.Scopes{"odata:read"}
					hashes[i] = token.HashOf(fmt.Sprint(next))
					tokens[i] = store.NewToken{Token: k, Hash: hashes[i]}
				}
				update(b, s, func(tx *store.Tx) error {
					known, err := tx.KnownHashes(hashes)
					if len(known) > 0 {
						b.Error("known already")
					}
					return errors.Join(err, tx.AddTokens(tokens))
				})
			}
			b.ReportMetric(float64(next)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}
