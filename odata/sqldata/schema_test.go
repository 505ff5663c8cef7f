package sqldata_test

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/sqldata"
)

var updateSchemas = flag.Bool("update-schemas", false, "write the golden files of schemas anew")

// liteWith is the path of an SQLite database that some statements made.
func liteWith(t testing.TB, statements string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data.db")
	asWriter(t, path, statements)
	return path
}

// postgresWith is a database that some statements made.
func postgresWith(t testing.TB, statements string) string {
	t.Helper()
	dsn := testkit.Postgres(t)
	asWriter(t, dsn, statements)
	return dsn
}

// reader makes a role that may read what stands in some schemas. Roles belong to the whole cluster: each test has its own.
func reader(t testing.TB, dsn string, schemas ...string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	role := "reader_of_" + strings.TrimPrefix(u.Path, "/")
	statements := "create role " + role + "; revoke create on schema public from public;"
	for _, s := range schemas {
		statements += "grant usage on schema " + s + " to " + role + "; grant select on all tables in schema " + s + " to " + role + ";"
	}
	asWriter(t, dsn, statements)
	t.Cleanup(func() { asWriter(t, dsn, "drop owned by "+role+"; drop role "+role) })
	return role
}

func withRole(t testing.TB, dsn, role string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("role", role)
	u.RawQuery = q.Encode()
	return u.String()
}

// asWriter runs statements as someone who may write.
func asWriter(t testing.TB, dsn, statements string) {
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
	if _, err := db.ExecContext(context.Background(), statements); err != nil {
		t.Fatalf("%v\n%s", err, statements)
	}
}

// describe opens a database and describes it.
func describe(t testing.TB, dsn string, p sqldata.Publish) (*sqldata.Description, error) {
	t.Helper()
	return describer(t, dsn)(p)
}

// describer opens a database to be described several times.
func describer(t testing.TB, dsn string) func(sqldata.Publish) (*sqldata.Description, error) {
	t.Helper()
	db, engine := opened(t, dsn)
	return func(p sqldata.Publish) (*sqldata.Description, error) {
		return sqldata.Describe(t.Context(), db, engine, p)
	}
}

// opened opens a database to be read, until the test ends.
func opened(t testing.TB, dsn string) (*sql.DB, sqldata.Engine) {
	t.Helper()
	db, engine, err := sqldata.Open(dsn, sqldata.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db, engine
}

// described makes a source of what is described of a database.
func described(t testing.TB, dsn string, d *sqldata.Description) (*sqldata.Source, *sql.DB) {
	t.Helper()
	db, engine := opened(t, dsn)
	s, err := sqldata.New(db, engine, d.Tables, sqldata.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s, db
}

// dump writes down all that a description says.
func dump(d *sqldata.Description) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", d.Model.Namespace, d.Model.Container)
	for _, e := range d.Model.Enums {
		fmt.Fprintf(&b, "\nenum %s\n", e.Name)
		for _, m := range e.Members {
			fmt.Fprintf(&b, "  %d %s %q\n", m.Value, m.Name, m.Stored)
		}
	}
	names := func(all []*edm.Property) string {
		var n []string
		for _, p := range all {
			n = append(n, p.Name)
		}
		return strings.Join(n, ", ")
	}
	said := func(label, text string) string {
		if text == "" {
			return ""
		}
		return " " + label + " " + text
	}
	for _, t := range d.Tables {
		fmt.Fprintf(&b, "\n%s of %s from %s%s%s%s\n", t.Set.Name, t.Set.TypeName, t.From, said("where", t.Where), said("title", t.Set.Title), said("description", t.Set.Description))
		fmt.Fprintf(&b, "  key %s\n", names(t.Set.Key))
		for _, p := range t.Set.Properties {
			facets := ""
			if p.Type.Enum != nil {
				facets = " " + p.Type.Enum.Name
			}
			if p.Type.MaxLength+p.Type.Precision+p.Type.Scale != 0 {
				facets = fmt.Sprintf(" length %d precision %d scale %d", p.Type.MaxLength, p.Type.Precision, p.Type.Scale)
			}
			c := t.Columns[p]
			fmt.Fprintf(&b, "  %s %s%s", p.Name, p.Type.Kind, facets)
			if p.Nullable {
				b.WriteString(" or null")
			}
			if p.Hidden {
				b.WriteString(" hidden")
			}
			fmt.Fprintf(&b, " from %q%s%s%s%s\n", c.Name, said("kept", []string{"", "Micros", "Seconds", "DayNumber", "Labels", "ISO"}[c.Kept]), said("cast", c.Cast),
				said("title", p.Title), said("description", p.Description))
		}
		for _, n := range t.Set.Navigation {
			var on []string
			for _, l := range n.On {
				on = append(on, l.From.Name+" = "+l.To.Name)
			}
			form := "one"
			if n.Many {
				form = "many"
			} else if n.Nullable {
				form = "one or none"
			}
			fmt.Fprintf(&b, "  -> %s: %s of %s on %s, back %s\n", n.Name, form, n.Target.Name, strings.Join(on, ", "), n.Partner.Name)
		}
		fmt.Fprintf(&b, "  searched: %s\n", names(t.Set.Searchable))
	}
	b.WriteString("\nwarnings\n")
	for _, w := range d.Warnings {
		fmt.Fprintf(&b, "  %s\n", w)
	}
	return b.String()
}

// sameAs compares with a golden file.
func sameAs(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *updateSchemas {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s differs (want -, got +):\n%s", name, d)
	}
}

func testdata(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestASchemaOfSQLiteIsDescribedWhole(t *testing.T) {
	t.Parallel()
	d, err := describe(t, liteWith(t, testdata(t, "shop_sqlite.sql")), sqldata.Publish{Tables: []string{"*"}})
	if err != nil {
		t.Fatal(err)
	}
	sameAs(t, "shop_sqlite.golden", dump(d))
}

func TestASchemaOfPostgreSQLIsDescribedWhole(t *testing.T) {
	t.Parallel()
	dsn := postgresWith(t, testdata(t, "shop_postgres.sql"))
	role := reader(t, dsn, "public", "sales", "archive")
	asWriter(t, dsn, "revoke select on closed, half_closed from "+role+"; grant select (id, open) on half_closed to "+role)
	d, err := describe(t, withRole(t, dsn, role), sqldata.Publish{Tables: []string{"*", "sales.*", "archive.*", "shut.*"}, Keys: map[string][]string{"order_totals": {"customer_id"}}})
	if err != nil {
		t.Fatal(err)
	}
	sameAs(t, "shop_postgres.golden", dump(d))
}
