package store_test

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
)

// openEmpty opens a database without its tables.
func openEmpty(t testing.TB, db testkit.DB) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{DSN: db.DSN, Now: db.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// newest is the number of migrations that there are.
func newest(t *testing.T) int {
	t.Helper()
	files, err := filepath.Glob("schema/sqlite/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	return len(files)
}

func TestMigrateWorksFromEmptyAndTwiceDoesNothing(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := openEmpty(t, db)
		for i, want := range []int{newest(t), 0, 0} {
			pending, err := s.Pending(t.Context())
			if pending != (i == 0) || err != nil {
				t.Errorf("Pending before Migrate %d = %v, %v", i, pending, err)
			}
			if steps, err := s.Migrate(t.Context()); steps != want || err != nil {
				t.Errorf("Migrate %d took %d steps, %v; want %d", i, steps, err, want)
			}
		}
		exercise(t, furnish(t, db))
	})
}

func TestMigratesAtOnceFollowEachOther(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		var mu sync.Mutex
		var steps []int
		var wg sync.WaitGroup
		for range 4 {
			s := openEmpty(t, db)
			wg.Go(func() {
				n, err := s.Migrate(t.Context())
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				steps = append(steps, n)
			})
		}
		wg.Wait()
		slices.Sort(steps)
		if want := []int{0, 0, 0, newest(t)}; !slices.Equal(steps, want) {
			t.Errorf("steps = %v, want %v", steps, want)
		}
	})
}

func TestMigrateThatWaitsEndsWithItsContext(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := openEmpty(t, db)
		err := s.WhileMigrating(t.Context(), func() {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if _, err := s.Migrate(ctx); err == nil {
				t.Error("it did not wait for the other")
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Migrate(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestADatabaseOfANewerVersionIsRefused(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := db.Open(t)
		update(t, s, func(tx *store.Tx) error {
			_, err := tx.Exec("insert into goose_db_version (version_id, is_applied) values (99999, $1)", true)
			return err
		})
		_, migrating := s.Migrate(t.Context())
		_, asking := s.Pending(t.Context())
		for _, err := range []error{migrating, asking} {
			if err == nil || !strings.Contains(err.Error(), "99999") || !strings.Contains(err.Error(), "newer keywright") {
				t.Errorf("err = %v, want one that names the version and what to do", err)
			}
		}
	})
}

// described lists a database's columns and indexes in words that are the same for both engines.
func described(t *testing.T, engine string, s *store.Store) (out []string) {
	t.Helper()
	columns := `select m.name, p.name, p.type, case when p."notnull" = 1 or p.pk > 0 then 'not null' else '' end
		from sqlite_master m join pragma_table_info(m.name) p where m.type = 'table' and m.name not like 'sqlite_%' and m.name <> 'goose_db_version'`
	indexes := `select tbl_name, name from sqlite_master where type = 'index' and sql is not null`
	if engine == "postgres" {
		columns = `select table_name, column_name, data_type, case when is_nullable = 'NO' then 'not null' else '' end
			from information_schema.columns where table_schema = 'public' and table_name <> 'goose_db_version'`
		indexes = `select tablename, indexname from pg_indexes where schemaname = 'public' and indexname not in (select conname from pg_constraint)`
	}
	same := strings.NewReplacer("BLOB", "bytes", "bytea", "bytes", "INTEGER", "integer", "bigint", "integer", "boolean", "integer", "TEXT", "text")
	view(t, s, func(tx *store.Tx) error {
		rows, err := tx.Strings(4, columns)
		if err != nil {
			return err
		}
		for _, r := range rows {
			out = append(out, r[0]+"."+r[1]+" "+same.Replace(r[2])+" "+r[3])
		}
		rows, err = tx.Strings(2, indexes)
		for _, r := range rows {
			out = append(out, r[0]+" index "+r[1])
		}
		return err
	})
	slices.Sort(out)
	if len(out) < 20 {
		t.Fatalf("only %d columns and indexes were found", len(out))
	}
	return out
}

func TestTheTwoSchemasAgree(t *testing.T) {
	t.Parallel()
	names := func(engine string) (out []string) {
		files, err := os.ReadDir("schema/" + engine)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			out = append(out, f.Name())
		}
		return out
	}
	if d := diff.Diff(names("sqlite"), names("postgres")); d != "" {
		t.Error(d)
	}
	sqlite, postgres := testkit.SQLite(t), testkit.DB{DSN: testkit.Postgres(t), Clock: testkit.NewClock()}
	if d := diff.Diff(described(t, "sqlite", sqlite.Open(t)), described(t, "postgres", postgres.Open(t))); d != "" {
		t.Errorf("- SQLite, + PostgreSQL: %s", d)
	}
}

// What a database of every released version held, to be brought up to date: one dump for each version and
// engine, made by TestRecordARelease. A dump is never changed afterwards.
const released = "testdata/released"

func TestEveryReleasedVersionIsBroughtUpToDate(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"sqlite", "postgres"} {
		dumps, err := filepath.Glob(filepath.Join(released, "*."+engine+".sql"))
		if err != nil || len(dumps) == 0 {
			t.Fatalf("dumps of %s: %v, %v", engine, dumps, err)
		}
		for _, dump := range dumps {
			t.Run(filepath.Base(dump), func(t *testing.T) {
				t.Parallel()
				script, err := os.ReadFile(dump)
				if err != nil {
					t.Fatal(err)
				}
				db, fresh := testkit.SQLite(t), testkit.SQLite(t)
				if engine == "postgres" {
					db.DSN, fresh.DSN = testkit.Postgres(t), testkit.Postgres(t)
				}
				if err := load(t.Context(), engine, db.DSN, string(script)); err != nil {
					t.Fatal(err)
				}
				s := db.Open(t)
				if d := diff.Diff(described(t, engine, fresh.Open(t)), described(t, engine, s)); d != "" {
					t.Errorf("- made anew, + brought up to date: %s", d)
				}
				checkRecorded(t, s)
				if version, _, _ := strings.Cut(filepath.Base(dump), "."+engine); version == "0.1.0" {
					update(t, s, recordApps) // what later versions keep finds its place beside
				}
				checkRecordedApps(t, s)
				if steps, err := s.Migrate(t.Context()); steps != 0 || err != nil {
					t.Errorf("Migrate again: %d steps, %v", steps, err)
				}
			})
		}
	}
}

func TestWhatIsRecordedForAReleaseIsCheckedWhole(t *testing.T) {
	t.Parallel()
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		s := furnish(t, db)
		record(t, s)
		checkRecorded(t, s)
		checkRecordedApps(t, s)
		view(t, s, func(tx *store.Tx) error {
			tables := "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'"
			if db.Engine == "postgres" {
				tables = "select tablename from pg_tables where schemaname = 'public'"
			}
			rows, err := tx.Strings(1, tables)
			for _, r := range rows {
				n, err := tx.Strings(1, "select count(*) from "+r[0])
				if err != nil || n[0][0] == "0" {
					t.Errorf("record writes no row of %s: %v", r[0], err)
				}
			}
			return err
		})
	})
}

// record fills a database with a row of every kind, for a dump.
func record(t *testing.T, s *store.Store) {
	t.Helper()
	update(t, s, func(tx *store.Tx) error {
		k := aToken(1)
		k.Name, k.Description, k.Scopes, k.ExpiresAt = "CI – ‘Straße’", "line\nbreak", []string{"a", "b"}, tx.Now.Add(time.Hour)
		return cmp.Or(tx.AddToken(k, hashOf(1)), tx.AddToken(aToken(2), hashOf(2)), tx.RevokeToken(aToken(2).ID, "lost"),
			tx.AddSession(session("ses_1", "usr_a", tx.Now), hashOf(1)), tx.AddLink("usr_b", "invitation", hashOf(1), tx.Now.Add(time.Hour)),
			tx.SpendNonce(hashOf(1), tx.Now.Add(time.Hour)), tx.AddEvent(event("evt_1", "ws_1")), tx.SetPassword("usr_a", "$argon2id$x"),
			tx.AddUse(store.Use{TokenID: k.ID, OwnerID: "usr_a", WorkspaceID: "ws_1", Day: 3, Requests: 5, Refusals: 1, LastUsedAt: tx.Now, LastUsedIP: netip.MustParseAddr("::1"), Addresses: addresses("::1")}),
			recordApps(tx))
	})
}

// recordApps is the part of record that versions after 0.1.0 have.
func recordApps(tx *store.Tx) error {
	app, secret, oauth, key, legacy := anApp(1), aSecret(1, anApp(1).ID), anOAuthToken(1), aKey("key_1", "ws_1", tx.Now), legacyToken(3)
	legacy.OriginalExpiry = tx.Now.Add(2 * time.Hour)
	return cmp.Or(tx.AddApp(app), tx.AddClientSecret(secret, hashOf(1)), tx.DisableApp(app.ID, true), tx.AddOAuthToken(oauth), tx.AddRefreshToken(oauth.ID, hashOf(1)),
		tx.ReplaceRefreshToken(hashOf(1), hashOf(2), []byte{7}), tx.AddRefreshToken(oauth.ID, hashOf(2)), tx.DisableOAuthToken(oauth.ID, store.Stop{Reason: "lost", Reused: true}),
		tx.AddSigningKey(key), tx.StopAccess("at_1", tx.Now.Add(time.Hour)), tx.AddLegacyKey(store.LegacyKey{ID: "key_2", WorkspaceID: "ws_1", Sealed: []byte{8}, CreatedAt: tx.Now}),
		tx.AddToken(legacy, hashOf(3)), tx.SetLegacyStop("ws_1", tx.Now.Add(time.Hour)), tx.SetKeysetCheck([]byte{9}))
}

// checkRecordedApps reads what recordApps has written.
func checkRecordedApps(t *testing.T, s *store.Store) {
	t.Helper()
	now := testkit.NewClock().Now()
	view(t, s, func(tx *store.Tx) error {
		app, err := tx.ClientSecretByHash(hashOf(1))
		refresh, err2 := tx.RefreshTokenByHash(hashOf(1))
		legacy, err3 := tx.TokenByHash(hashOf(3))
		key, err4 := tx.SigningKey("key_1")
		stopped, err5 := tx.AccessStopped("at_1")
		keys, err6 := tx.LegacyKeys("ws_1")
		sealed, err7 := tx.KeysetCheck()
		want, wantSecret, wantOAuth := anApp(1), aSecret(1, anApp(1).ID), anOAuthToken(1)
		want.DisabledAt, want.Epoch = now, 1
		wantOAuth.DisabledAt, wantOAuth.DisableReason, wantOAuth.ReusedAt = now, "lost", now
		wantLegacy := legacyToken(3)
		wantLegacy.ExpiresAt, wantLegacy.OriginalExpiry = now.Add(time.Hour), now.Add(2*time.Hour)
		if d := diff.Diff(want, app.App, equateTokens()...) + diff.Diff(wantSecret, app.Secret, equateTokens()...) + diff.Diff(wantOAuth, refresh.Token, equateTokens()...) +
			diff.Diff(wantLegacy, legacy.Token, equateTokens()...) + diff.Diff(aKey("key_1", "ws_1", now), key.SigningKey); d != "" {
			t.Error(d)
		}
		if refresh.Successor != hashOf(2) || string(refresh.Sealed) != "\x07" || !legacy.LegacyStop.Equal(now.Add(time.Hour)) || !stopped {
			t.Errorf("refresh %+v, legacy stop %v, stopped %v", refresh, legacy.LegacyStop, stopped)
		}
		if len(keys) != 1 || string(keys[0].Sealed) != "\x08" || string(sealed) != "\x09" {
			t.Errorf("legacy keys %v, keyset check %v", keys, sealed)
		}
		return cmp.Or(err, err2, err3, err4, err5, err6, err7)
	})
}

// checkRecorded reads what record has written, whatever version wrote it.
func checkRecorded(t *testing.T, s *store.Store) {
	t.Helper()
	now := testkit.NewClock().Now()
	view(t, s, func(tx *store.Tx) error {
		p, err := tx.TokenByHash(hashOf(1))
		revoked, err2 := tx.Token("ws_1", aToken(2).ID)
		ses, err3 := tx.SessionByHash(hashOf(1), now.Add(-time.Hour), now.Add(-time.Hour))
		invited, purpose, err4 := tx.Link(hashOf(1))
		events, err5 := tx.Events(store.EventFilter{WorkspaceID: "ws_1"}, store.Page{Limit: 9})
		days, err6 := tx.UsePerToken(store.UseFilter{WorkspaceID: "ws_1", To: 9}, 9)
		rules, err7 := tx.Rules("ws_1")
		got := fmt.Sprint(p.Token.Name, p.Token.Description, p.Token.Scopes, p.Token.ExpiresAt.Sub(now), p.Token.LastUsedIP, p.OwnerRole, revoked.RevokeReason,
			ses.User.Email, ses.User.PasswordHash, invited.ID, purpose, len(events), days, rules.Policy.Tokens.Offered)
		want := "CI – ‘Straße’line\nbreaka b1h0m0s::1developerlost" + "ana@example.com$argon2id$xusr_binvitation" +
			fmt.Sprint(1, []store.DayUse{{Day: 3, TokenID: aToken(1).ID, TokenName: "CI – ‘Straße’", Requests: 5, Refusals: 1, Addresses: 1}}, true)
		if d := diff.Diff(strings.ReplaceAll(want, " ", ""), strings.ReplaceAll(got, " ", "")); d != "" {
			t.Error(d)
		}
		return cmp.Or(err, err2, err3, err4, err5, err6, err7)
	})
}

// load runs a dump in an empty database.
func load(ctx context.Context, engine, dsn, script string) error {
	if engine == "sqlite" {
		raw, err := sql.Open("sqlite", dsn)
		if err != nil {
			return err
		}
		_, err = raw.ExecContext(ctx, script)
		return cmp.Or(err, raw.Close())
	}
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	_, err = conn.PgConn().Exec(ctx, script).ReadAll()
	return cmp.Or(err, conn.Close(ctx))
}

// TestRecordARelease writes the dumps of a version that is about to be released:
//
//	KEYWRIGHT_RECORD_RELEASE=1.2.0 go test ./internal/store -run TestRecordARelease
func TestRecordARelease(t *testing.T) {
	version := os.Getenv("KEYWRIGHT_RECORD_RELEASE")
	if version == "" {
		t.Skip("by design, also under REQUIRE_ALL=1: this records a release and tests nothing; KEYWRIGHT_RECORD_RELEASE names the version")
	}
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		name := filepath.Join(released, version+"."+db.Engine+".sql")
		if _, err := os.Stat(name); err == nil {
			t.Fatalf("%s is there already: what was released does not change", name)
		}
		s := furnish(t, db)
		record(t, s)
		dump := dumpSQLite
		if db.Engine == "postgres" {
			dump = func(t *testing.T, _ *store.Store) string { return dumpPostgres(t, db.DSN) }
		}
		if err := os.WriteFile(name, []byte(dump(t, s)), 0o644); err != nil {
			t.Fatal(err)
		}
	})
}

func dumpSQLite(t *testing.T, s *store.Store) string {
	t.Helper()
	var out strings.Builder
	view(t, s, func(tx *store.Tx) error {
		made, err := tx.Strings(3, "select type, name, sql from sqlite_master where sql is not null and name not like 'sqlite_%' order by type desc, rowid")
		if err != nil {
			return err
		}
		for _, m := range made {
			fmt.Fprintf(&out, "%s;\n", m[2])
			if m[0] != "table" {
				continue
			}
			columns, err := tx.Strings(1, "select 'quote(' || name || ')' from pragma_table_info($1)", m[1])
			if err != nil {
				return err
			}
			rows, err := tx.Strings(1, "select "+strings.Join(slices.Concat(columns...), " || ', ' || ")+" from "+m[1])
			if err != nil {
				return err
			}
			for _, row := range rows {
				fmt.Fprintf(&out, "insert into %s values (%s);\n", m[1], row[0])
			}
		}
		return nil
	})
	return out.String()
}

func dumpPostgres(t *testing.T, dsn string) string {
	t.Helper()
	dumped, err := exec.CommandContext(t.Context(), testkit.Need(t, "pg_dump"), "--inserts", "--no-owner", "--no-privileges", "--dbname", dsn).Output()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for line := range strings.Lines(string(dumped)) {
		// Commands of psql, and settings that belong to one version of the server.
		if !strings.HasPrefix(line, `\`) && !strings.HasPrefix(line, "SET ") && !strings.HasPrefix(line, "--") && line != "\n" {
			out.WriteString(line)
		}
	}
	return out.String()
}
