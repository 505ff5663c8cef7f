package sqldata_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/keywright/keywright/odata/sqldata"
)

// read reads every column of every table as the description has it, and returns how many rows there were.
func read(t testing.TB, dsn string, d *sqldata.Description) (rows int) {
	t.Helper()
	db, _, err := sqldata.Open(dsn, sqldata.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, table := range d.Tables {
		var columns []string
		for _, p := range table.Set.Properties {
			c := table.Columns[p]
			column := `"` + strings.ReplaceAll(c.Name, `"`, `""`) + `"`
			if c.Cast != "" {
				column = "cast(" + column + " as " + c.Cast + ")"
			}
			columns = append(columns, column)
		}
		query := "select count(*) from (select " + strings.Join(columns, ", ") + " from " + table.From
		if table.Where != "" {
			query += " where " + table.Where
		}
		var n int
		if err := db.QueryRowContext(t.Context(), query+") as q").Scan(&n); err != nil {
			t.Fatalf("%v\n%s", err, query)
		}
		rows += n
	}
	return rows
}

func TestEveryColumnCanBeReadAsItIsDescribed(t *testing.T) {
	t.Parallel()
	everything := sqldata.Publish{Tables: []string{"*", "sales.*", "archive.*"}, Writable: true}
	for name, dsn := range map[string]string{
		"shop_sqlite.sql": liteWith(t, testdata(t, "shop_sqlite.sql")), "shop_postgres.sql": postgresWith(t, testdata(t, "shop_postgres.sql")),
	} {
		d, err := describe(t, dsn, everything)
		if err != nil {
			t.Fatal(name, err)
		}
		read(t, dsn, d)
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
		if rows := read(t, dsn, d); rows != 2*len(tables) || len(d.Warnings) > 0 {
			t.Errorf("%d rows in %d tables and views: %v", rows, 2*len(tables), d.Warnings)
		}
	}
}
