package sqldata_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/memory"
	"github.com/keywright/keywright/odata/query"
	"github.com/keywright/keywright/odata/sqldata"
)

// world is a model with a property of every kind, kept in every way, and the same rows in memory and in databases.
type world struct {
	people, things, items, notes *edm.EntitySet
	enum                         *edm.EnumType
	owner, owned, boss           *edm.Navigation // thing to person, person to things, person to person
	parts, whole, remarks, line  *edm.Navigation // thing to items and back, item to notes and back
	namesake                     *edm.Navigation // thing to the first person of a name, which is no key
	kept                         map[*edm.Property]map[sqldata.Engine]sqldata.Kept
	rows                         memory.Source
	sources                      map[string]query.Source // "memory", "sqlite", "postgres"
	dbs                          map[string]*sql.DB      // to write to
}

func (w *world) prop(s *edm.EntitySet, name string) *edm.Property {
	for _, p := range s.Properties {
		if p.Name == name {
			return p
		}
	}
	panic("no property " + name)
}

func (w *world) set(name, typeName string, props ...*edm.Property) *edm.EntitySet {
	return &edm.EntitySet{Name: name, TypeName: typeName, Properties: props}
}

func prop(name string, k edm.Kind, nullable bool) *edm.Property {
	return &edm.Property{Name: name, Type: edm.Type{Kind: k}, Nullable: nullable}
}

func newModel() *world {
	w := &world{
		kept: map[*edm.Property]map[sqldata.Engine]sqldata.Kept{},
		enum: &edm.EnumType{Name: "Color", Members: []edm.EnumMember{{Name: "Red", Value: 1, Stored: "r"}, {Name: "Green", Value: 2, Stored: "g'"}, {Name: "Blue", Value: 4}}},
	}
	w.people = w.set("People", "Person", prop("ID", edm.Int64, false), prop("Name", edm.String, true), prop("BossID", edm.Int64, true), prop("Age", edm.Int32, true))
	w.things = w.set("Things", "Thing",
		prop("ID", edm.Int64, false), prop("Flag", edm.Boolean, true), prop("Small", edm.Int16, false), prop("N", edm.Int64, true),
		prop("R", edm.Double, true), prop("F", edm.Single, true), prop("D", edm.Decimal, true), prop("S", edm.String, true), prop("T", edm.String, false),
		prop("G", edm.Guid, true), prop("Day", edm.Date, true), prop("Number", edm.Date, false), prop("Clock", edm.TimeOfDay, true),
		prop("At", edm.DateTimeOffset, true), prop("Made", edm.DateTimeOffset, false), prop("Sec", edm.DateTimeOffset, true), prop("Zoneless", edm.DateTimeOffset, true),
		prop("Span", edm.Duration, true), prop("E", edm.Enum, true), prop("L", edm.Enum, true), prop("OwnerID", edm.Int64, true), prop("Called", edm.String, true))
	w.items = w.set("Items", "Item", prop("ThingID", edm.Int64, false), prop("No", edm.Int32, false), prop("Qty", edm.Int32, true), prop("Text", edm.String, true))
	w.notes = w.set("Notes", "Note", prop("ID", edm.Int64, false), prop("ThingID", edm.Int64, true), prop("No", edm.Int32, true), prop("Body", edm.String, true))
	for _, s := range []*edm.EntitySet{w.people, w.things, w.notes} {
		s.Key = s.Properties[:1]
	}
	w.items.Key = w.items.Properties[:2]
	w.things.Searchable = []*edm.Property{w.prop(w.things, "S"), w.prop(w.things, "T")}
	for _, name := range []string{"E", "L"} {
		w.prop(w.things, name).Type.Enum = w.enum
	}
	both := func(name string, k sqldata.Kept) {
		w.kept[w.prop(w.things, name)] = map[sqldata.Engine]sqldata.Kept{sqldata.SQLite: k, sqldata.Postgres: k}
	}
	both("Made", sqldata.Micros)
	both("Sec", sqldata.Seconds)
	both("Number", sqldata.DayNumber)
	both("L", sqldata.Labels)
	w.kept[w.prop(w.things, "Day")] = map[sqldata.Engine]sqldata.Kept{sqldata.SQLite: sqldata.ISO}
	link := func(from *edm.EntitySet, to *edm.EntitySet, pairs ...string) []edm.Link {
		var on []edm.Link
		for i := 0; i < len(pairs); i += 2 {
			on = append(on, edm.Link{From: w.prop(from, pairs[i]), To: w.prop(to, pairs[i+1])})
		}
		return on
	}
	w.owner = &edm.Navigation{Name: "Owner", Target: w.people, Nullable: true, On: link(w.things, w.people, "OwnerID", "ID")}
	w.owned = &edm.Navigation{Name: "Things", Target: w.things, Many: true, On: link(w.people, w.things, "ID", "OwnerID")}
	w.boss = &edm.Navigation{Name: "Boss", Target: w.people, Nullable: true, On: link(w.people, w.people, "BossID", "ID")}
	w.parts = &edm.Navigation{Name: "Items", Target: w.items, Many: true, On: link(w.things, w.items, "ID", "ThingID")}
	w.whole = &edm.Navigation{Name: "Thing", Target: w.things, On: link(w.items, w.things, "ThingID", "ID")}
	w.remarks = &edm.Navigation{Name: "Notes", Target: w.notes, Many: true, On: link(w.items, w.notes, "ThingID", "ThingID", "No", "No")}
	w.line = &edm.Navigation{Name: "Item", Target: w.items, Nullable: true, On: link(w.notes, w.items, "ThingID", "ThingID", "No", "No")}
	w.namesake = &edm.Navigation{Name: "Namesake", Target: w.people, Nullable: true, On: link(w.things, w.people, "Called", "Name")}
	w.people.Navigation = []*edm.Navigation{w.owned, w.boss}
	w.things.Navigation = []*edm.Navigation{w.owner, w.parts, w.namesake}
	w.items.Navigation = []*edm.Navigation{w.whole, w.remarks}
	w.notes.Navigation = []*edm.Navigation{w.line}
	return w
}

// columnType is how a property's column is declared.
func (w *world) columnType(e sqldata.Engine, p *edm.Property) string {
	kept := w.kept[p][e]
	switch kept {
	case sqldata.Micros, sqldata.Seconds, sqldata.DayNumber:
		return "bigint"
	case sqldata.Labels:
		return "text"
	default:
	}
	if p.Name == "Zoneless" && e == sqldata.Postgres {
		return "timestamp"
	}
	postgres := map[edm.Kind]string{
		edm.Boolean: "boolean", edm.Int16: "smallint", edm.Int32: "int", edm.Int64: "bigint", edm.Single: "real", edm.Double: "double precision",
		edm.Decimal: "numeric(30,4)", edm.String: `varchar(100) collate "en-x-icu"`, edm.Guid: "uuid", edm.Date: "date", edm.TimeOfDay: "time",
		edm.DateTimeOffset: "timestamptz", edm.Duration: "interval", edm.Enum: "int",
	}
	lite := map[edm.Kind]string{
		edm.Boolean: "boolean", edm.Int16: "integer", edm.Int32: "integer", edm.Int64: "integer", edm.Single: "real", edm.Double: "real",
		edm.Decimal: "decimal(30,4)", edm.String: "text collate nocase", edm.Guid: "text", edm.Date: "date", edm.TimeOfDay: "time",
		edm.DateTimeOffset: "datetime", edm.Duration: "integer", edm.Enum: "integer",
	}
	if e == sqldata.SQLite {
		return lite[p.Type.Kind]
	}
	return postgres[p.Type.Kind]
}

// stored is a value as a column keeps it.
func (w *world) stored(e sqldata.Engine, p *edm.Property, v any) any {
	if v == nil {
		return nil
	}
	kept := w.kept[p][e]
	switch v := v.(type) {
	case time.Time:
		switch {
		case kept == sqldata.Micros:
			return v.UnixMicro()
		case kept == sqldata.Seconds:
			return v.Unix()
		case kept == sqldata.DayNumber:
			return v.Unix() / 86400
		case p.Type.Kind == edm.Date:
			return v.Format(time.DateOnly)
		case e == sqldata.SQLite:
			// Those who write to SQLite write in several ways.
			return v.Format([]string{"2006-01-02 15:04:05.999999", "2006-01-02T15:04:05.000000Z", "2006-01-02T15:04:05.999999+00:00"}[v.Minute()%3])
		}
	case time.Duration:
		if p.Type.Kind == edm.TimeOfDay {
			return time.Unix(0, 0).UTC().Add(v).Format("15:04:05.999999")
		}
		if e == sqldata.SQLite {
			return v.Microseconds()
		}
		return fmt.Sprintf("%d microseconds", v.Microseconds())
	case int64:
		if kept == sqldata.Labels {
			for _, m := range w.enum.Members {
				if m.Value == v && m.Stored != "" {
					return m.Stored
				} else if m.Value == v {
					return m.Name
				}
			}
		}
	case string:
		if p.Type.Kind == edm.Decimal && e == sqldata.SQLite {
			f, _ := strconv.ParseFloat(v, 64)
			return f
		}
	}
	return v
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// random is a value of a property: few different ones, so that some are equal, and null now and then.
func (w *world) random(r *rand.Rand, p *edm.Property) any {
	if p.Nullable && r.IntN(4) == 0 {
		return nil
	}
	return w.value(r, p.Type.Kind)
}

func texts() []string {
	return []string{"", "a", "A", "ab", "aB", "Äß", "äSS", "Z", "z", "é", "ΣΑΣ", "x%y_z", "o'b\"c\\", "\u00a0 a ", "日本語", "😀a", "İ", "aaab", "10", "B"}
}

func (w *world) value(r *rand.Rand, k edm.Kind) any {
	switch k {
	case edm.Boolean:
		return r.IntN(2) == 0
	case edm.Int16, edm.Int32:
		return int64(r.IntN(9) - 4)
	case edm.Int64:
		return pick[int64](r, -7, -2, -1, 0, 1, 2, 3, 5, 100, 1<<40)
	case edm.Single, edm.Double:
		return float64(r.IntN(33)-16) / 4
	case edm.Decimal:
		return pick(r, "-2.5", "-1.5", "-0.5", "0", "0.1", "0.2", "0.5", "1", "1.5", "2.5", "3", "12.7575")
	case edm.String:
		return pick(r, texts()...)
	case edm.Guid:
		return pick(r, "00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b", "f0000000-0000-0000-0000-000000000000")
	case edm.Date:
		return time.Date(pick(r, 1969, 1970, 2024, 2027), time.Month(1+r.IntN(3)), 1+r.IntN(28), 0, 0, 0, 0, time.UTC)
	case edm.TimeOfDay:
		return time.Duration(r.IntN(24))*time.Hour + time.Duration(r.IntN(3))*time.Minute + time.Duration(r.IntN(3))*500001*time.Microsecond
	case edm.DateTimeOffset:
		return time.Date(pick(r, 1931, 1970, 2024, 2027), time.Month(1+r.IntN(3)), 1+r.IntN(2), r.IntN(24), r.IntN(60), r.IntN(2), r.IntN(2)*123456000, time.UTC)
	case edm.Duration:
		return pick(r, -36*time.Hour, -time.Second, 0, 1500*time.Millisecond, time.Hour, 49*time.Hour+time.Microsecond)
	case edm.Enum:
		return pick[int64](r, 1, 2, 4)
	default:
	}
	panic("no such kind")
}

// fill makes rows.
func (w *world) fill(seed uint64) {
	r := rand.New(rand.NewPCG(seed, seed))
	w.rows = memory.Source{}
	add := func(s *edm.EntitySet, n int, at func(i int, p *edm.Property) (any, bool)) {
		for i := range n {
			values := make([]any, len(s.Properties))
			for j, p := range s.Properties {
				v, given := at(i, p)
				if !given {
					v = w.random(r, p)
				}
				if t, ok := v.(time.Time); ok && p.Name == "Sec" {
					v = t.Truncate(time.Second)
				}
				values[j] = v
			}
			w.rows[s] = append(w.rows[s], values)
		}
	}
	reference := func(n int) any {
		if i := r.IntN(n + 3); i > 0 && i <= n+1 { // n+1 is nobody
			return int64(i)
		}
		return nil
	}
	add(w.people, 6, func(i int, p *edm.Property) (any, bool) {
		switch p.Name {
		case "ID":
			return int64(i + 1), true
		case "BossID":
			return reference(6), true
		case "Name":
			return pick[any](r, "Ann", "Bob", "ann", nil), true
		}
		return nil, false
	})
	add(w.things, 30, func(i int, p *edm.Property) (any, bool) {
		switch p.Name {
		case "ID":
			return int64(i + 1), true
		case "OwnerID":
			return reference(6), true
		case "Called":
			return pick[any](r, "Ann", "Bob", "Cid", nil), true
		}
		return nil, false
	})
	add(w.items, 40, func(i int, p *edm.Property) (any, bool) {
		switch p.Name {
		case "ThingID":
			return int64(i*3%31 + 1), true
		case "No":
			return int64(i), true
		}
		return nil, false
	})
	add(w.notes, 40, func(i int, p *edm.Property) (any, bool) {
		item := w.rows[w.items][r.IntN(40)]
		switch p.Name {
		case "ID":
			return int64(i + 1), true
		case "ThingID":
			return pick(r, item[0], item[0], item[0], nil), true
		case "No":
			return int64(i), true
		}
		return nil, false
	})
	// A note belongs to the item that has both of its numbers.
	for i, n := range w.rows[w.notes] {
		item := w.rows[w.items][(i*7)%40]
		if n[1] != nil && i%4 != 0 {
			n[1], n[2] = item[0], item[1]
		}
	}
}

// sets are all of them.
func (w *world) sets() []*edm.EntitySet {
	return []*edm.EntitySet{w.people, w.things, w.items, w.notes}
}

func column(p *edm.Property) string { return "c \"" + strings.ToLower(p.Name) }

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func tableName(s *edm.EntitySet) string { return `t "` + strings.ToLower(s.Name) }

// create makes a database's tables and fills them.
func (w *world) create(t testing.TB, e sqldata.Engine, db *sql.DB) []sqldata.Table {
	t.Helper()
	var tables []sqldata.Table
	ctx := context.Background()
	for _, s := range w.sets() {
		columns := map[*edm.Property]sqldata.Column{}
		var declared, names []string
		for _, p := range s.Properties {
			null := " null"
			if !p.Nullable {
				null = " not null"
			}
			declared = append(declared, quoted(column(p))+" "+w.columnType(e, p)+null)
			names = append(names, quoted(column(p)))
			columns[p] = sqldata.Column{Name: column(p), Kept: w.kept[p][e]}
		}
		key := make([]string, len(s.Key))
		for i, p := range s.Key {
			key[i] = quoted(column(p))
		}
		statement := "create table " + quoted(tableName(s)) + " (" + strings.Join(declared, ", ") + ", primary key (" + strings.Join(key, ", ") + "))"
		if _, err := db.ExecContext(ctx, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		for _, row := range w.rows[s] {
			marks, args := make([]string, len(row)), make([]any, len(row))
			for i, v := range row {
				marks[i], args[i] = "$"+strconv.Itoa(i+1), w.stored(e, s.Properties[i], v)
			}
			if _, err := db.ExecContext(ctx, "insert into "+quoted(tableName(s))+" ("+strings.Join(names, ", ")+") values ("+strings.Join(marks, ", ")+")", args...); err != nil {
				t.Fatal(err)
			}
		}
		tables = append(tables, sqldata.Table{Set: s, From: quoted(tableName(s)), Columns: columns})
	}
	return tables
}

func open(t testing.TB, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// newWorld puts rows into all places.
func newWorld(t testing.TB, seed uint64) *world {
	t.Helper()
	w := newModel()
	w.fill(seed)
	w.sources = map[string]query.Source{"memory": w.rows}
	w.dbs = map[string]*sql.DB{}
	for name, e := range map[string]sqldata.Engine{"sqlite": sqldata.SQLite, "postgres": sqldata.Postgres} {
		db, read := databases(t, e)
		source, err := sqldata.New(read, e, w.create(t, e, db), sqldata.Options{})
		if err != nil {
			t.Fatal(err)
		}
		w.sources[name], w.dbs[name] = source, db
	}
	return w
}

// databases opens a new database to write to, and to be read.
func databases(t testing.TB, e sqldata.Engine) (write, read *sql.DB) {
	t.Helper()
	dsn := testkit.Postgres
	driver := "pgx"
	if e == sqldata.SQLite {
		driver, dsn = "sqlite", func(t testing.TB) string { return filepath.Join(t.TempDir(), "x.db") }
	}
	at := dsn(t)
	write = open(t, driver, at)
	if _, err := write.ExecContext(t.Context(), "create table made (x int)"); err != nil { // a file that is not there is not opened
		t.Fatal(err)
	}
	read, _, err := sqldata.Open(at, sqldata.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = read.Close() })
	return write, read
}
