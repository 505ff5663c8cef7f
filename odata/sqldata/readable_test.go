package sqldata_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/keywright/keywright/odata/sqldata"
)

// rows are all rows of all tables, as a source answers.
func rows(t testing.TB, dsn string, d *sqldata.Description) (text string, n int) {
	t.Helper()
	source, _ := described(t, dsn, d)
	var b strings.Builder
	for _, set := range d.Model.Sets {
		a := ask(t, source, all(set))
		if a.Err != nil {
			t.Fatalf("%s: %v", set.Name, a.Err)
		}
		fmt.Fprintf(&b, "\n%s\n", set.Name)
		for _, row := range a.Rows {
			n++
			for i, p := range set.Properties {
				if row[i+1] != nil {
					fmt.Fprintf(&b, "  %s=%v", p.Name, row[i+1])
				}
			}
			b.WriteString("\n")
		}
	}
	return b.String(), n
}

func TestEveryColumnCanBeReadAsItIsDescribed(t *testing.T) {
	t.Parallel()
	everything := sqldata.Publish{Tables: []string{"*", "sales.*", "archive.*"}, Writable: true}
	for name, dsn := range map[string]string{
		"shop_sqlite": liteWith(t, testdata(t, "shop_sqlite.sql")), "shop_postgres": postgresWith(t, testdata(t, "shop_postgres.sql")),
	} {
		d, err := describe(t, dsn, everything)
		if err != nil {
			t.Fatal(name, err)
		}
		text, _ := rows(t, dsn, d)
		sameAs(t, name+".rows", text)
	}
}

// strangeNames are names that databases allow.
var strangeNames = []string{
	`"`, `""`, "'", "';--", `a"."b`, "a.b", " ", "  ", "🙂", "größe", "Größe ", "select", "order", "null", "$me", "$user.email", "?", ":x", "@x", "[a]", "`", "a`b", "%", "_", `\`, "\n", "\t",
	"/*", "*/", "--", ";", strings.Repeat("x", 62), strings.Repeat("ü", 31), "1", "-1", "main", "main.t", "rowid", "oid", "public", "*", "a*", "Row", "cast(1 as text)",
}

func TestStrangeNamesOfTablesAndColumnsCanBeRead(t *testing.T) {
	t.Parallel()
	quoted := func(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
	var made strings.Builder
	made.WriteString("begin;")
	tables := strangeNames[:16] // making them takes its time; each name is one of a column
	for i, name := range tables {
		var c []string
		for j := range 3 {
			c = append(c, quoted(strangeNames[(i+16*j)%len(strangeNames)]))
		}
		fmt.Fprintf(&made, "create table %s (%s integer primary key, %s text unique, %s integer references %s);", quoted(name), c[0], c[1], c[2], quoted(strangeNames[0]))
		fmt.Fprintf(&made, "insert into %s values (%d, null, null);", quoted(name), i)
		fmt.Fprintf(&made, "create view %s as select * from %s;", quoted("v"+name), quoted(name))
	}
	made.WriteString("commit")
	for _, dsn := range []string{liteWith(t, made.String()), postgresWith(t, made.String())} {
		p := sqldata.Publish{Tables: []string{"*"}, Writable: true, Keys: map[string][]string{}}
		for _, name := range tables {
			p.Keys["v"+name] = []string{name}
		}
		d, err := describe(t, dsn, p)
		if err != nil {
			t.Fatal(err)
		}
		if _, n := rows(t, dsn, d); n != 2*len(tables) || len(d.Warnings) > 0 {
			t.Errorf("%d rows in %d tables and views: %v", n, 2*len(tables), d.Warnings)
		}
	}
}

func TestTheTableOfTypesIsTheOneInTheDocumentation(t *testing.T) {
	sameAs(t, "../types.md", "# Types\n\nWhat becomes of each type of a column. It is written by the tests of this package.\n\n"+sqldata.Types())
}
