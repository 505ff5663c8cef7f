package odata_test

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/memory"
	"github.com/keywright/keywright/odata/query"
	"github.com/keywright/keywright/odata/sqldata"
)

// world is the model of the conformance tests: the tokens of the checklist, and a set with a property of each kind.
type world struct {
	model                        *edm.Model
	users, tokens, events, kinds *edm.EntitySet
	rows                         memory.Source
}

// aToken is a row of Tokens, for saying what a query should find.
type aToken struct {
	n         int // of its ID
	id, name  string
	status    string
	uses      int64
	created   time.Time
	expires   *time.Time
	rate      string
	owner     string // "" is none
	eventsOf  int
	typeOfAll string
}

// allTokens are more than two pages of ten. Names repeat, so that only a key makes their order total.
func allTokens() []aToken {
	start := time.Date(2026, 1, 2, 3, 4, 5, 123456000, time.UTC)
	list := make([]aToken, 25)
	for i := range list {
		one := aToken{
			n: i, id: guid(i), name: fmt.Sprintf("token %d", i%7), status: []string{"active", "expired", "revoked"}[i%3],
			uses: int64(1)<<53 + int64(i), created: start.Add(time.Duration(i) * 26 * time.Hour), rate: fmt.Sprintf("%d.%02d", i, i*4+1), eventsOf: i % 4, typeOfAll: "used",
		}
		if i%5 == 4 {
			one.typeOfAll = "refused"
		}
		if i%3 != 0 {
			at := start.AddDate(0, i%4, 0)
			one.expires = &at
		}
		if i%5 != 0 {
			one.owner = []string{"ann", "b/ob", "cy"}[i%3]
		}
		list[i] = one
	}
	return list
}

func kind(k edm.Kind) edm.Type { return edm.Type{Kind: k} }

func column(name string, t edm.Type, nullable bool) *edm.Property {
	return &edm.Property{Name: name, Type: t, Nullable: nullable}
}

func newSets() *world {
	status := &edm.EnumType{Name: "TokenStatus", Members: []edm.EnumMember{{Name: "active", Stored: "a"}, {Name: "expired", Value: 1, Stored: "e'x"}, {Name: "revoked", Value: 2}}}
	rights := &edm.EnumType{Name: "Rights", Flags: true, Members: []edm.EnumMember{{Name: "read", Value: 1}, {Name: "write", Value: 2}, {Name: "share", Value: 4}}}
	statusType, instant := edm.Type{Kind: edm.Enum, Enum: status}, edm.Type{Kind: edm.DateTimeOffset, Precision: 6}
	users := &edm.EntitySet{Name: "Users", TypeName: "User", Title: "People", Properties: []*edm.Property{
		column("ID", edm.Type{Kind: edm.String, MaxLength: 20}, false), column("Name", kind(edm.String), false), column("BossID", kind(edm.String), true),
	}}
	users.Properties[2].Hidden = true
	tokens := &edm.EntitySet{Name: "Tokens", TypeName: "Token", Properties: []*edm.Property{
		column("ID", kind(edm.Guid), false), column("Name", kind(edm.String), false), column("Status", statusType, false), column("Uses", kind(edm.Int64), false),
		column("CreatedAt", instant, false), column("ExpiresAt", instant, true), column("Rate", edm.Type{Kind: edm.Decimal, Precision: 10, Scale: 2}, false),
		column("OwnerID", edm.Type{Kind: edm.String, MaxLength: 20}, true),
	}}
	events := &edm.EntitySet{Name: "Events", TypeName: "Event", Properties: []*edm.Property{
		column("TokenID", kind(edm.Guid), false), column("Number", kind(edm.Int32), false), column("Type", kind(edm.String), false), column("Weight", kind(edm.Double), true),
	}}
	kinds := &edm.EntitySet{Name: "Kinds", TypeName: "KindOfValue", Properties: []*edm.Property{
		column("ID", kind(edm.Int32), false), column("Bool", kind(edm.Boolean), true), column("Byte", kind(edm.Byte), true), column("SByte", kind(edm.SByte), true),
		column("Int16", kind(edm.Int16), true), column("Int32", kind(edm.Int32), true), column("Int64", kind(edm.Int64), true), column("Single", kind(edm.Single), true),
		column("Double", kind(edm.Double), true), column("Decimal", edm.Type{Kind: edm.Decimal, Scale: -1}, true), column("Text", kind(edm.String), true),
		column("Guid", kind(edm.Guid), true), column("Date", kind(edm.Date), true), column("Time", edm.Type{Kind: edm.TimeOfDay, Precision: 6}, true),
		column("Instant", instant, true), column("Span", edm.Type{Kind: edm.Duration, Precision: 6}, true), column("Status", statusType, true),
		column("Rights", edm.Type{Kind: edm.Enum, Enum: rights}, true), column("Größe", kind(edm.String), true),
	}}
	users.Key, tokens.Key, events.Key, kinds.Key = users.Properties[:1:1], tokens.Properties[:1:1], events.Properties[:2:2], kinds.Properties[:1:1]
	tokens.Searchable, users.Searchable = tokens.Properties[1:2], users.Properties[1:2]
	relate(users, tokens, events)
	return &world{
		model: &edm.Model{Namespace: "Acme", Container: "Data", Sets: []*edm.EntitySet{users, tokens, events, kinds}, Enums: []*edm.EnumType{status, rights}},
		users: users, tokens: tokens, events: events, kinds: kinds,
	}
}

// relate leads from each set to the others and back, and from users to users.
func relate(users, tokens, events *edm.EntitySet) {
	link := func(from, to *edm.Property) []edm.Link { return []edm.Link{{From: from, To: to}} }
	owner := &edm.Navigation{Name: "Owner", Target: users, Nullable: true, On: link(tokens.Properties[7], users.Properties[0])}
	owned := &edm.Navigation{Name: "Tokens", Target: tokens, Many: true, Partner: owner, On: link(users.Properties[0], tokens.Properties[7])}
	of := &edm.Navigation{Name: "Token", Target: tokens, On: link(events.Properties[0], tokens.Properties[0])}
	has := &edm.Navigation{Name: "Events", Target: events, Many: true, Partner: of, On: link(tokens.Properties[0], events.Properties[0])}
	boss := &edm.Navigation{Name: "Boss", Target: users, Nullable: true, On: link(users.Properties[2], users.Properties[0])}
	staff := &edm.Navigation{Name: "Staff", Target: users, Many: true, Partner: boss, On: link(users.Properties[0], users.Properties[2])}
	owner.Partner, of.Partner, boss.Partner = owned, has, staff
	users.Navigation = []*edm.Navigation{owned, boss, staff}
	tokens.Navigation = []*edm.Navigation{owner, has}
	events.Navigation = []*edm.Navigation{of}
}

// awkward is text with everything that JSON has to write in another way.
const awkward = "q\"\\/\b\f\n\r\t\x01\x7f 😀 \u2028<&>"

func newWorld() *world {
	w := newSets()
	w.rows = memory.Source{w.users: {{"ann", "Ann O'Neil", nil}, {"b/ob", "Bob & Co", "ann"}, {"cy", "Cyä", "b/ob"}, {"dee", "Dee", "cy"}}}
	for _, one := range allTokens() {
		var expires, owner any
		if one.expires != nil {
			expires = *one.expires
		}
		if one.owner != "" {
			owner = one.owner
		}
		status := slices.Index([]string{"active", "expired", "revoked"}, one.status)
		w.rows[w.tokens] = append(w.rows[w.tokens], []any{one.id, one.name, int64(status), one.uses, one.created, expires, one.rate, owner})
		for k := range one.eventsOf {
			var weight any
			if k > 0 {
				weight = float64(k) / 2
			}
			w.rows[w.events] = append(w.rows[w.events], []any{one.id, int64(k), one.typeOfAll, weight})
		}
	}
	day := func(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC) }
	w.rows[w.kinds] = [][]any{
		{
			int64(1), true, int64(200), int64(-100), int64(-30000), int64(2000000000), int64(9007199254740993), 2.5, 0.1, "12.75", "Grüße, O'Neil",
			"01234567-89ab-cdef-0123-456789abcdef", day(2024, 2, 29), 13*time.Hour + 14*time.Minute + 15250*time.Millisecond,
			time.Date(2026, 1, 2, 3, 4, 5, 123456000, time.UTC), 90 * time.Minute, int64(0), int64(3), "x",
		},
		append([]any{int64(2)}, make([]any, 18)...),
		{
			int64(3), false, int64(255), int64(127), int64(32767), int64(math.MinInt32), int64(math.MinInt64), math.MaxFloat32, math.MaxFloat64, "-99999999999.5", awkward,
			"ffffffff-ffff-ffff-ffff-ffffffffffff", day(1, 1, 1), time.Duration(0), time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC),
			-(36*time.Hour + 1500*time.Millisecond), int64(2), int64(0), "",
		},
		{
			int64(4), false, int64(0), int64(0), int64(0), int64(0), int64(0), -2.5, -2.5, "-2.5", "", "00000000-0000-0000-0000-000000000000", day(1969, 12, 31),
			24*time.Hour - time.Microsecond, time.Date(1969, 12, 31, 23, 59, 59, 999999000, time.UTC), time.Duration(0), int64(1), int64(4), nil,
		},
		append(append([]any{int64(5)}, make([]any, 6)...), append([]any{math.Inf(-1), math.Inf(1), "123456789012345678901234.5670"}, make([]any, 9)...)...),
	}
	return w
}

// source keeps the rows in memory, or in tables of a database.
func (w *world) source(t *testing.T, name string) query.Source {
	t.Helper()
	engine, dsn, driver := sqldata.SQLite, "", "sqlite"
	switch name {
	case "memory":
		return w.rows
	case "sqlite":
		dsn = filepath.Join(t.TempDir(), "data.db")
	case "postgres":
		engine, dsn, driver = sqldata.Postgres, testkit.Postgres(t), "pgx"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tables := w.fill(t, db, engine)
	reader, _, err := sqldata.Open(dsn, sqldata.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reader.Close() })
	source, err := sqldata.New(reader, engine, tables, sqldata.Options{Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// declared is the type of a column.
func declared(engine sqldata.Engine, p *edm.Property) string {
	if p.Name == "Status" {
		return "text"
	}
	if engine == sqldata.SQLite {
		return map[edm.Kind]string{
			edm.Boolean: "boolean", edm.Byte: "integer", edm.SByte: "integer", edm.Int16: "integer", edm.Int32: "integer", edm.Int64: "integer", edm.Single: "real",
			edm.Double: "real", edm.Decimal: "decimal(28,2)", edm.String: "text", edm.Guid: "text", edm.Date: "date", edm.TimeOfDay: "time",
			edm.DateTimeOffset: "datetime", edm.Duration: "integer", edm.Enum: "integer",
		}[p.Type.Kind]
	}
	if p.Type.Scale > 0 {
		return "numeric(10,2)"
	}
	return map[edm.Kind]string{
		edm.Boolean: "boolean", edm.Byte: "smallint", edm.SByte: "smallint", edm.Int16: "smallint", edm.Int32: "integer", edm.Int64: "bigint", edm.Single: "real",
		edm.Double: "double precision", edm.Decimal: "numeric", edm.String: "text", edm.Guid: "uuid", edm.Date: "date", edm.TimeOfDay: "time",
		edm.DateTimeOffset: "timestamptz", edm.Duration: "interval", edm.Enum: "integer",
	}[p.Type.Kind]
}

// stored is a value as a column keeps it.
func stored(engine sqldata.Engine, p *edm.Property, v any) any {
	switch v := v.(type) {
	case time.Time:
		if p.Type.Kind == edm.Date {
			return v.Format(time.DateOnly)
		}
		if engine == sqldata.SQLite {
			return v.Format("2006-01-02 15:04:05.999999")
		}
	case time.Duration:
		switch {
		case p.Type.Kind == edm.TimeOfDay:
			return time.Unix(0, 0).UTC().Add(v).Format("15:04:05.999999")
		case engine == sqldata.SQLite:
			return v.Microseconds()
		}
		return fmt.Sprintf("%d microseconds", v.Microseconds())
	case int64:
		if p.Name == "Status" {
			return []string{"a", "e'x", "revoked"}[v]
		}
	case string:
		if p.Type.Kind == edm.Decimal && engine == sqldata.SQLite {
			f, _ := strconv.ParseFloat(v, 64)
			return f
		}
	}
	return v
}

// fill makes tables and puts the rows into them, in another order than that of their keys.
func (w *world) fill(t *testing.T, db *sql.DB, engine sqldata.Engine) []sqldata.Table {
	t.Helper()
	ctx := context.Background()
	var tables []sqldata.Table
	for _, set := range w.model.Sets {
		table := sqldata.Table{Set: set, From: `"the ` + set.Name + `"`, Columns: map[*edm.Property]sqldata.Column{}}
		var columns, places, key []string
		for i, p := range set.Properties {
			c := sqldata.Column{Name: "c " + p.Name}
			if p.Name == "Status" {
				c.Kept = sqldata.Labels
			}
			table.Columns[p] = c
			columns = append(columns, `"`+c.Name+`" `+declared(engine, p))
			places = append(places, "$"+strconv.Itoa(i+1))
			if slices.Contains(set.Key, p) {
				key = append(key, `"`+c.Name+`"`)
			}
		}
		if _, err := db.ExecContext(ctx, "create table "+table.From+" ("+strings.Join(columns, ", ")+", primary key ("+strings.Join(key, ", ")+"))"); err != nil {
			t.Fatal(err)
		}
		for _, row := range slices.Backward(w.rows[set]) {
			values := make([]any, len(row))
			for i, v := range row {
				values[i] = stored(engine, set.Properties[i], v)
			}
			if _, err := db.ExecContext(ctx, "insert into "+table.From+" values ("+strings.Join(places, ", ")+")", values...); err != nil {
				t.Fatalf("%s: %v", set.Name, err)
			}
		}
		tables = append(tables, table)
	}
	return tables
}
