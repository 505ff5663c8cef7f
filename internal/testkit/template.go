package testkit

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/keywright/keywright/internal/token"
)

// template is a database with an Installation in it, made once for the process and copied for each test:
// setting up costs half a second, a copy a few milliseconds.
type template struct {
	files   map[string][]byte // SQLite, by what follows the path: the database and its log
	server  string            // PostgreSQL
	name    string
	people  map[string]token.Identity
	cookies map[string]token.Secret
}

// EachInstallation runs a test on each engine, each with an Installation of its own.
func EachInstallation(t *testing.T, test func(t *testing.T, in *Installation)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, InstalledSQLite(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, InstalledPostgres(t))
	})
}

// InstalledPostgres returns an Installation on PostgreSQL; it skips where there is none.
func InstalledPostgres(t testing.TB) *Installation {
	t.Helper()
	postgresServer(t) // skips
	made := templateOf(t, "postgres", makePostgresTemplate)
	return made.open(t, DB{Engine: "postgres", DSN: postgresFrom(t, made.name), Clock: NewClock()})
}

// InstalledSQLite returns an Installation on SQLite.
func InstalledSQLite(t testing.TB) *Installation {
	t.Helper()
	made := templateOf(t, "sqlite", makeSQLiteTemplate)
	db := SQLite(t)
	for suffix, content := range made.files {
		if err := os.WriteFile(db.DSN+suffix, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return made.open(t, db)
}

func (made template) open(t testing.TB, db DB) *Installation {
	t.Helper()
	in := Bare(t, db)
	in.People, in.Cookies = maps.Clone(made.people), maps.Clone(made.cookies)
	return in
}

// templateOf makes the template at the first call.
func templateOf(t testing.TB, engine string, make func(testing.TB) template) template {
	t.Helper()
	shared.making.Lock()
	defer shared.making.Unlock()
	if have, ok := shared.templates[engine]; ok {
		return have
	}
	made := make(t)
	if shared.templates == nil {
		shared.templates = map[string]template{}
	}
	shared.templates[engine] = made
	return made
}

func makeSQLiteTemplate(t testing.TB) template {
	t.Helper()
	in := Install(t, SQLite(t))
	made := in.leave(t)
	made.files = map[string][]byte{}
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(in.DSN + suffix)
		if err != nil && (suffix == "" || !errors.Is(err, fs.ErrNotExist)) {
			t.Fatal(err)
		}
		if err == nil {
			made.files[suffix] = content
		}
	}
	return made
}

func makePostgresTemplate(t testing.TB) template {
	t.Helper()
	server, name := postgresServer(t), "kw_template_"+strings.ToLower(rand.Text())
	if err := execute(server, "create database "+name+" template template0"); err != nil {
		t.Fatalf("making a database for the tests: %v", err)
	}
	dsn, err := withDatabase(server, name)
	if err != nil {
		t.Fatalf("reading %s: %v", PostgresEnv, err)
	}
	made := Install(t, DB{Engine: "postgres", DSN: dsn, Clock: NewClock()}).leave(t)
	made.server, made.name = server, name
	return made
}

// leave closes the database, so that it can be copied.
func (in *Installation) leave(t testing.TB) template {
	t.Helper()
	if err := in.Store.Close(); err != nil {
		t.Fatal(err)
	}
	return template{people: in.People, cookies: in.Cookies}
}

// drop removes what would outlive the process on a server that was there before it.
func (made template) drop() {
	if made.name != "" {
		_ = execute(made.server, "drop database if exists "+made.name+" with (force)")
	}
}
