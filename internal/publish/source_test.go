package publish_test

import (
	"bytes"
	"database/sql"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"github.com/keywright/keywright/internal/publish"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/odata/query"
	"github.com/keywright/keywright/odata/sqldata"
)

// run runs statements on a database of the user's own, which it makes if it is a file.
func run(t *testing.T, dsn string, statements ...string) {
	t.Helper()
	driver := "sqlite"
	if strings.Contains(dsn, "://") {
		driver = "pgx"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// own is a database of the user's own on each engine, with notes that belong to people, apps and workspaces.
func own(t *testing.T, test func(t *testing.T, w *world, dsn string)) {
	t.Helper()
	testkit.EachInstallation(t, func(t *testing.T, in *testkit.Installation) {
		dsn := filepath.Join(t.TempDir(), "own.db")
		if in.Engine == "postgres" {
			dsn = testkit.Postgres(t)
		}
		w := &world{Installation: in, t: t, ids: map[string]string{}}
		w.app(in.People[testkit.Dev], "DEVS app")
		run(t, dsn, `create table notes (id integer primary key, owner varchar(100), ws varchar(100))`, `create table lines (id integer primary key, note_id integer not null references notes (id))`,
			`insert into notes values (1, 'member@example.com', 'standard'), (2, 'dev@example.com', 'standard'), (3, '`+w.ids["DEVS app"]+`', 'standard'), (4, null, 'standard'), (5, '', 'crm-tokens')`,
			`insert into lines values (10, 1), (20, 2), (30, 3), (40, 4), (50, 5)`)
		test(t, w, dsn)
	})
}

func source(dsn string) publish.Source {
	return publish.Source{Workspace: ws, Name: "own", Title: "Own", Database: token.SecretOf(dsn), Scope: "odata:read", Publish: sqldata.Publish{Namespace: "Feed", Tables: []string{"*"}, Writable: true}}
}

func TestRowFiltersAreBoundToTheCallerAndHoldOnEveryWay(t *testing.T) {
	own(t, func(t *testing.T, w *world, dsn string) {
		for _, c := range []struct {
			where                   string
			member, dev, admin, app string // ids of the notes that each sees
		}{
			{"owner = $user.email", "1", "2", "", ""},
			{"owner = $app.id", "", "", "", "3"},
			{"owner = $user.email or owner = $app.id", "1", "2", "", "3"},
			{"ws = $workspace", "1 2 3 4", "1 2 3 4", "1 2 3 4", "1 2 3 4"},
			{"ws <> $workspace", "5", "5", "5", "5"},
			{"$user.name = 'Mei Tanaka' and owner is not null", "1 2 3 5", "", "", ""},
			{"owner <> $user.email", "2 3 5", "1 3 5", "1 2 3 5", ""},
			{"$user.id = '" + w.People[testkit.Admin].User.ID + "'", "", "", "1 2 3 4 5", ""},
		} {
			s := source(dsn)
			s.Publish.Where = map[string]string{"notes": c.where}
			feed, _ := w.open(make([]byte, 32), s).Feed(ws, "own")
			if p := feed.State().Problem; p != "" {
				t.Fatal(c.where, p)
			}
			for name, who := range map[string]struct {
				caller publish.Caller
				want   string
			}{
				"member": {person(w, testkit.Member), c.member}, "dev": {person(w, testkit.Dev), c.dev}, "admin": {person(w, testkit.Admin), c.admin}, "app": {w.devsApp(), c.app},
			} {
				by := reader{feed, who.caller}
				ids := func(path, key string) (got string) {
					r := by.ask(t, path, "")
					if r.status != 200 {
						t.Fatalf("%s for %s, %s: %d %s", c.where, name, path, r.status, r.body)
					}
					for _, row := range r.value() {
						n, _ := row[key].(float64)
						got += " " + string(rune('0'+int(n)))
					}
					return strings.TrimSpace(got)
				}
				if got := ids("Notes", "ID"); got != who.want {
					t.Errorf("%s: %s sees %q, want %q", c.where, name, got, who.want)
				}
				// By the way from another table, which has no filter of its own.
				if got := ids("Lines?$apply=filter(Note ne null)/groupby((NoteID))&$orderby=NoteID", "NoteID"); got != who.want {
					t.Errorf("%s: %s counts %q, want %q", c.where, name, got, who.want)
				}
				if got := ids("Lines?$filter=Note/Ws ne null&$orderby=ID&$select=NoteID", "NoteID"); got != who.want {
					t.Errorf("%s: %s is led to %q, want %q", c.where, name, got, who.want)
				}
			}
		}
	})
}

func TestASkipTokenOutlivesTheProcessAndDiesWithTheKey(t *testing.T) {
	own(t, func(t *testing.T, w *world, dsn string) {
		other := slices.Repeat([]byte{7}, 32)
		first, _ := w.open(make([]byte, 32), source(dsn)).Feed(ws, "own")
		again, _ := w.open(make([]byte, 32), source(dsn)).Feed(ws, "own")
		changed, _ := w.open(other, source(dsn)).Feed(ws, "own")
		caller := person(w, testkit.Member)
		next := reader{first, caller}.ask(t, "Notes", "", "Prefer", "maxpagesize=2").next()
		if next == "" {
			t.Fatal("one page")
		}
		if r := (reader{again, caller}).ask(t, next, ""); r.status != 200 || len(r.value()) != 2 {
			t.Errorf("after a restart: %d %s", r.status, r.body)
		}
		if r := (reader{changed, caller}).ask(t, next, ""); r.status != 400 {
			t.Errorf("with another key: %d %s", r.status, r.body)
		}
	})
}

func TestARoleThatCouldWriteIsRefusedUnlessItIsAllowed(t *testing.T) {
	in := testkit.InstalledPostgres(t)
	w := &world{Installation: in, t: t, ids: map[string]string{}}
	dsn := testkit.Postgres(t)
	run(t, dsn, `create table notes (id integer primary key)`)
	s := source(dsn)
	s.Publish.Writable = false
	feed, _ := w.open(make([]byte, 32), s).Feed(ws, "own")
	if p := feed.State().Problem; !strings.Contains(p, "can write") || !strings.Contains(p, "allow_writable_role") {
		t.Error(p)
	}
	if _, err := feed.Rows(t.Context(), person(w, testkit.Member)); !errors.Is(err, query.ErrUnavailable) {
		t.Error(err)
	}
}

func TestASourceThatFailsIsTriedAgainEverMoreRarelyAndTouchesNothingElse(t *testing.T) {
	in := testkit.InstalledSQLite(t)
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.db"), filepath.Join(dir, "bad.db")
	run(t, good, `create table notes (id integer primary key)`)
	said := make(chan string, 100)
	waits, fire := make(chan time.Duration), make(chan time.Time)
	broken := source(bad)
	broken.Name = "broken"
	f, err := publish.Open(t.Context(), publish.Options{
		Authority: in.Authority, Key: make([]byte, 32), Patience: time.Minute, Sources: []publish.Source{broken, source(good)}, Log: slog.New(logged{to: said}),
		After: func(d time.Duration) <-chan time.Time { waits <- d; return fire },
	})
	if err != nil {
		t.Fatal(err)
	}
	feed, ok := f.Feed(ws, "broken")
	if !ok || feed.State().Service != nil || !strings.Contains(feed.State().Problem, "there is no such file") {
		t.Fatalf("%+v", feed.State())
	}
	if fine, _ := f.Feed(ws, "own"); fine.State().Service == nil || fine.State().Problem != "" {
		t.Errorf("the other one: %+v", fine.State())
	}
	if names := f.In(ws); len(names) != 3 || names[0].Name != publish.BuiltIn || !names[0].BuiltIn || names[1].Name != "broken" || len(f.In("crm-tokens")) != 1 {
		t.Errorf("%d feeds", len(names))
	}
	for _, want := range []time.Duration{2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
		if got := soon(t, waits, "a wait"); got != want*time.Second {
			t.Errorf("it waits %s, want %d s", got, want)
		}
		f.Reload(t.Context()) // does not begin a second retrying
		fire <- time.Time{}
	}
	soon(t, waits, "a wait")
	run(t, bad, `create table things (id integer primary key, photo blob)`)
	fire <- time.Time{}
	for {
		text := soon(t, said, "that it was read")
		if strings.Contains(text, "feed read") && strings.Contains(text, "feed=broken") {
			break
		}
	}
	// What is logged is said a moment before it counts: a reload waits for whoever reads.
	f.Reload(t.Context())
	if s := feed.State(); s.Problem != "" || s.Service == nil || s.Model.Set("Things") == nil || len(s.Warnings) != 1 {
		t.Errorf("%+v", s)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if warned := drain(said); strings.Count(warned, "can't be read") > 1 {
		t.Errorf("the same problem is said again and again: %s", warned)
	}
}

func drain(c <-chan string) (all string) {
	for {
		select {
		case s := <-c:
			all += s + "\n"
		default:
			return all
		}
	}
}

func TestADatabaseThatHangsDoesNotHoldUpTheStart(t *testing.T) {
	in := testkit.InstalledSQLite(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // it takes connections, and never says a word
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	good := filepath.Join(t.TempDir(), "good.db")
	run(t, good, `create table notes (id integer primary key)`)
	hangs := source("postgres://reader@" + silent.Addr().String() + "/x")
	hangs.Name = "hangs"
	began := time.Now()
	f, err := publish.Open(t.Context(), publish.Options{Authority: in.Authority, Key: make([]byte, 32), Patience: time.Second, Sources: []publish.Source{hangs, source(good)}})
	if err != nil {
		t.Fatal(err)
	}
	feed, _ := f.Feed(ws, "hangs")
	if got := feed.State(); got.Service != nil || got.Problem == "" {
		t.Errorf("%+v", got)
	}
	if feed, _ := f.Feed(ws, "own"); feed.State().Problem != "" {
		t.Errorf("the good one: %s", feed.State().Problem)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v to start and to end", took)
	}
}

func TestAReloadThatFailsKeepsWhatWasRead(t *testing.T) {
	own(t, func(t *testing.T, w *world, dsn string) {
		s := source(dsn)
		s.Publish.Tables = []string{"notes", "more"}
		f, err := publish.Open(t.Context(), publish.Options{
			Authority: w.Authority, Key: make([]byte, 32), Patience: time.Minute, Sources: []publish.Source{s}, After: func(time.Duration) <-chan time.Time { return nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		})
		feed, _ := f.Feed(ws, "own")
		run(t, dsn, `create table more (id integer primary key)`)
		f.Reload(t.Context())
		if got := feed.State(); got.Model.Set("More") == nil || got.Problem != "" {
			t.Fatalf("a new table: %+v", got)
		}
		run(t, dsn, `drop table more`, `drop table lines`, `alter table notes rename to hidden`)
		if err := f.ReloadIn(t.Context(), w.People[testkit.Dev], ws); err == nil {
			t.Error("a developer reloads")
		}
		if err := f.ReloadIn(t.Context(), w.People[testkit.Admin], "crm-tokens"); err != nil || feed.State().Problem != "" {
			t.Errorf("another workspace is read: %v %s", err, feed.State().Problem)
		}
		if err := f.ReloadIn(t.Context(), w.People[testkit.Admin], ws); err != nil {
			t.Fatal(err)
		}
		if got := feed.State(); got.Service == nil || got.Model.Set("Notes") == nil || !strings.Contains(got.Problem, "no table is published") {
			t.Errorf("what was read is gone: %+v", got)
		}
		run(t, dsn, `alter table hidden rename to notes`)
		f.Reload(t.Context())
		if r := (reader{feed, person(w, testkit.Member)}).ask(t, "Notes/$count", ""); feed.State().Problem != "" || r.body != "5" {
			t.Errorf("%s %s", feed.State().Problem, r.body)
		}
	})
}

func TestAColumnThatIsGoneIsSaidUntilTheSchemaIsReadAgain(t *testing.T) {
	own(t, func(t *testing.T, w *world, dsn string) {
		f := w.open(make([]byte, 32), source(dsn))
		feed, _ := f.Feed(ws, "own")
		run(t, dsn, `alter table notes drop column ws`)
		r := reader{feed, person(w, testkit.Member)}
		if got := r.ask(t, "Notes", ""); got.status != 503 || !strings.Contains(got.body, "source_changed") || strings.Contains(got.body, "column") {
			t.Errorf("%d %s", got.status, got.body)
		}
		if got := r.ask(t, "Lines", ""); got.status != 200 {
			t.Errorf("another table: %d %s", got.status, got.body)
		}
		f.Reload(t.Context())
		if got := r.ask(t, "Notes", ""); got.status != 200 {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}

func TestAFeedThatNobodyCanReadIsInTheLog(t *testing.T) {
	own(t, func(t *testing.T, w *world, dsn string) {
		elsewhere, unscoped := source(dsn), source(dsn)
		elsewhere.Workspace, elsewhere.Name = "standrad", "elsewhere"
		unscoped.Scope, unscoped.Name = "orders:read", "unscoped"
		var log bytes.Buffer
		f, err := publish.Open(t.Context(), publish.Options{
			Authority: w.Authority, Key: make([]byte, 32), Patience: time.Minute, Sources: []publish.Source{elsewhere, unscoped, source(dsn)}, Log: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		})
		for _, want := range []string{`feed=elsewhere reason="there is no such workspace"`, `feed=unscoped reason="no scope of the workspace is called orders:read"`} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log lacks %s:\n%s", want, log.String())
			}
		}
		if n := strings.Count(log.String(), "nobody can read a feed"); n != 2 {
			t.Errorf("%d feeds are said to be read by nobody", n)
		}
	})
}

func TestOnlyFiltersOfTheConfigurationAreShownAsRowFilters(t *testing.T) {
	own(t, func(t *testing.T, w *world, dsn string) {
		run(t, dsn, `create view all_notes as select id, owner from notes`)
		s := source(dsn)
		s.Publish.Keys = map[string][]string{"all_notes": {"id"}}
		s.Publish.Where = map[string]string{"notes": "owner = $user.email"}
		feed, _ := w.open(make([]byte, 32), s).Feed(ws, "own")
		if got := feed.State().Rows; len(got) != 1 || got["Notes"] != "owner = $user.email" {
			t.Errorf("the row filters are %q", got)
		}
	})
}

func TestNoProblemShowsAPassword(t *testing.T) {
	in := testkit.InstalledSQLite(t)
	w := &world{Installation: in, t: t, ids: map[string]string{}}
	for _, dsn := range []string{
		"postgres://reader:hunter2@127.0.0.1:1/x", "postgres://reader:hunter2@%zz/x", "postgres://reader:hunter2@127.0.0.1:1/x?sslmode=nonsense", "postgress://reader:hunter2@h/x",
		"host=127.0.0.1 port=1 password=hunter2", filepath.Join(t.TempDir(), "hunter2@x"),
	} {
		feed, _ := w.open(make([]byte, 32), source(dsn)).Feed(ws, "own")
		if p := feed.State().Problem; p == "" || strings.Contains(p, "hunter2") || strings.Contains(p, "\n") || strings.Count(p, "refused") > 1 {
			t.Errorf("%s: %q", dsn, p)
		}
	}
	if _, err := os.Stat("own.db"); err == nil {
		t.Error("a file was made")
	}
}
