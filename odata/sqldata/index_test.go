package sqldata_test

import (
	"database/sql"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
	"github.com/keywright/keywright/odata/sqldata"
)

// indexed is a set with an index on each column that the test filters by.
type indexed struct {
	events, users *edm.EntitySet
	user          *edm.Navigation
	own           *edm.Navigation
	sources       map[sqldata.Engine]*sqldata.Source
	dbs           map[sqldata.Engine]*sql.DB
}

func newIndexed(t *testing.T) *indexed {
	t.Helper()
	status := &edm.EnumType{Name: "Status", Members: []edm.EnumMember{{Name: "Open", Value: 1, Stored: "open"}, {Name: "Shut", Value: 2, Stored: "shut"}}}
	x := &indexed{sources: map[sqldata.Engine]*sqldata.Source{}, dbs: map[sqldata.Engine]*sql.DB{}}
	x.events = &edm.EntitySet{Name: "Events", TypeName: "Event", Properties: []*edm.Property{
		prop("id", edm.Int64, false), prop("at", edm.DateTimeOffset, false), prop("sec", edm.DateTimeOffset, true), prop("name", edm.String, false),
		prop("n", edm.Int32, true), prop("rate", edm.Decimal, true), prop("status", edm.Enum, true), prop("user", edm.Int64, true), prop("day", edm.Date, true),
	}}
	x.users = &edm.EntitySet{Name: "Users", TypeName: "User", Properties: []*edm.Property{prop("id", edm.Int64, false), prop("name", edm.String, false)}}
	x.events.Properties[6].Type.Enum = status
	x.events.Key, x.users.Key = x.events.Properties[:1], x.users.Properties[:1]
	x.user = &edm.Navigation{Name: "User", Target: x.users, Nullable: true, On: []edm.Link{{From: x.events.Properties[7], To: x.users.Properties[0]}}}
	x.own = &edm.Navigation{Name: "Events", Target: x.events, Many: true, On: []edm.Link{{From: x.users.Properties[0], To: x.events.Properties[7]}}}
	for _, e := range []sqldata.Engine{sqldata.SQLite, sqldata.Postgres} {
		write, read := databases(t, e)
		collate := ""
		if e == sqldata.Postgres {
			collate = ` collate "C"`
		}
		for _, statement := range []string{
			`create table events (id bigint primary key, at bigint not null, sec bigint, name text` + collate + ` not null, n int, rate numeric(10,2), status text, "user" bigint, day date)`,
			`create table users (id bigint primary key, name text` + collate + ` not null)`,
			`create index on_at on events (at, id)`, `create index on_sec on events (sec)`, `create index on_name on events (name, id)`, `create index on_n on events (n)`,
			`create index on_rate on events (rate)`, `create index on_status on events (status)`, `create index on_user on events ("user")`, `create index on_day on events (day)`,
		} {
			if _, err := write.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		columns := func(s *edm.EntitySet) map[*edm.Property]sqldata.Column {
			at := map[*edm.Property]sqldata.Column{}
			for _, p := range s.Properties {
				kept := map[string]sqldata.Kept{"at": sqldata.Micros, "sec": sqldata.Seconds, "status": sqldata.Labels}[p.Name]
				at[p] = sqldata.Column{Name: p.Name, Kept: kept}
			}
			return at
		}
		s, err := sqldata.New(read, e, []sqldata.Table{
			{Set: x.events, From: "events", Columns: columns(x.events)},
			{Set: x.users, From: "users", Where: "name <> $me", Columns: columns(x.users)},
		}, sqldata.Options{})
		if err != nil {
			t.Fatal(err)
		}
		x.sources[e], x.dbs[e] = s.As(map[string]any{"me": "me"}), write
	}
	return x
}

// plan is how an engine would answer a query, when PostgreSQL avoids reading whole tables as it would if they were large.
func (x *indexed) plan(t *testing.T, e sqldata.Engine, q *query.Query) string {
	t.Helper()
	text, args, err := x.sources[e].Statement(q)
	if err != nil {
		t.Fatal(err)
	}
	tx, err := x.dbs[e].BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback() //nolint:errcheck // it only explains
	explain := "explain query plan "
	if e == sqldata.Postgres {
		explain = "explain "
		if _, err := tx.ExecContext(t.Context(), "set local enable_seqscan = off; set local enable_bitmapscan = off"); err != nil {
			t.Fatal(err)
		}
	}
	found, err := tx.QueryContext(t.Context(), explain+text, args...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer found.Close()
	var b strings.Builder
	for found.Next() {
		var line string
		to := []any{&line}
		if e == sqldata.SQLite {
			to = []any{new(any), new(any), new(any), &line}
		}
		if err := found.Scan(to...); err != nil {
			t.Fatal(err)
		}
		b.WriteString(line + "\n")
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestFiltersPagesAndWaysUseIndexesOnBothEngines(t *testing.T) {
	t.Parallel()
	x := newIndexed(t)
	is := func(name string, op query.Op, v any) query.Expr {
		for _, p := range x.events.Properties {
			if p.Name == name {
				return &query.Binary{Op: op, X: &query.Property{Prop: p}, Y: &query.Literal{Value: v, Of: p.Type}}
			}
		}
		panic(name)
	}
	when := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	by := func(desc bool, names ...string) (order []query.Order) {
		for _, name := range names {
			for _, p := range x.events.Properties {
				if p.Name == name {
					order = append(order, query.Order{Expr: &query.Property{Prop: p}, Desc: desc})
				}
			}
		}
		return order
	}
	status := x.events.Properties[6]
	for name, c := range map[string]struct {
		q                 query.Query
		lite, postgres    string // what the plan says
		neither, neither2 string // and what not
	}{
		"key":           {query.Query{Key: []any{int64(1)}}, "(id=?)", "Index Cond: (id =", "", ""},
		"equal string":  {query.Query{Filter: is("name", query.Equal, "x")}, "on_name (name=?)", "Index Cond: (name =", "", ""},
		"greater":       {query.Query{Filter: is("name", query.Greater, "x")}, "on_name (name>?)", "Index Cond: (name >", "", ""},
		"nullable":      {query.Query{Filter: is("n", query.Equal, int64(5))}, "on_n (n=?)", "Index Cond: (n =", "", ""},
		"decimal":       {query.Query{Filter: is("rate", query.Less, "5.5")}, "on_rate (rate<?)", "Index Cond: (rate <", "", ""},
		"microseconds":  {query.Query{Filter: is("at", query.GreaterOrEqual, when)}, "on_at (at>?)", "Index Cond: (at >=", "", ""},
		"seconds":       {query.Query{Filter: is("sec", query.LessOrEqual, when)}, "on_sec (sec<?)", "Index Cond: (sec <=", "", ""},
		"date":          {query.Query{Filter: is("day", query.Greater, when.Truncate(24*time.Hour))}, "on_day (day>?)", "Index Cond: (day >", "", ""},
		"label":         {query.Query{Filter: is("status", query.Equal, int64(2))}, "on_status (status=?)", "Index Cond: (status =", "", ""},
		"conjunction":   {query.Query{Filter: &query.Binary{Op: query.And, X: is("n", query.Greater, int64(5)), Y: is("rate", query.NotEqual, "1")}}, "on_n (n>?)", "Index Cond: (n >", "", ""},
		"list":          {query.Query{Filter: &query.In{X: &query.Property{Prop: status}, List: []query.Expr{&query.Literal{Value: int64(1), Of: status.Type}, &query.Literal{Value: int64(2), Of: status.Type}}}}, "on_status (status=?)", "Index Cond: (status =", "", ""},
		"page":          {query.Query{Order: by(false, "at", "id"), After: []any{when, int64(1)}, Top: 10}, "on_at ((at,id)>(?,?))", "Index Cond: (ROW(at, id) >", "TEMP B-TREE", "Sort"},
		"page backward": {query.Query{Order: by(true, "name", "id"), After: []any{"x", int64(1)}, Top: 10}, "on_name (name<?)", "Index Cond: (ROW(name, id) <", "TEMP B-TREE", "Sort"},
		"page both":     {query.Query{Order: append(by(true, "at"), by(false, "id")...), After: []any{when, int64(1)}, Top: 10}, "on_at (at<?)", "Index Cond: (at <=", "", ""},
		"page by null":  {query.Query{Order: append(by(false, "n"), by(false, "id")...), After: []any{int64(1), int64(1)}, Top: 10}, "on_n (n>?)", "Index Cond: (n >=", "", ""},
		"from entity":   {query.Query{Of: &query.Origin{Set: x.users, Key: []any{int64(1)}, Nav: x.own}}, "on_user (user=?)", "Index Cond: (\"user\" =", "", ""},
		"of parents":    {query.Query{Parents: &query.Parents{Nav: x.own, Values: [][]any{{int64(1)}, {int64(2)}}}}, "on_user (user=?)", "Index Cond: (\"user\" =", "", ""},
		"one way":       {query.Query{Filter: &query.Binary{Op: query.Equal, X: &query.Property{Path: []*edm.Navigation{x.user}, Prop: x.users.Properties[1]}, Y: &query.Literal{Value: "a", Of: edm.Type{Kind: edm.String}}}}, "on_user (user=?)", "Index Cond: (\"user\" =", "", ""},
	} {
		for _, e := range []sqldata.Engine{sqldata.SQLite, sqldata.Postgres} {
			q := c.q
			q.Set = x.events
			if q.Top == 0 {
				q.Top = -1
			}
			q.Columns = []query.Column{{Expr: &query.Property{Prop: x.events.Properties[0]}}}
			want, not := c.lite, c.neither
			if e == sqldata.Postgres {
				want, not = c.postgres, c.neither2
			}
			if got := x.plan(t, e, &q); !strings.Contains(got, want) || not != "" && strings.Contains(got, not) {
				text, _, _ := x.sources[e].Statement(&q)
				t.Errorf("%s: %s\n%s", name, text, got)
			}
		}
	}
}

func TestPagesByAKeyOfTextFollowItsIndexInAnyCollation(t *testing.T) {
	t.Parallel()
	dsn := postgresWith(t, `create table codes (code text collate "de-x-icu" primary key); insert into codes values ('a'), ('B'), ('c'), ('ä'), ('Z'), ('1')`)
	d, err := describe(t, dsn, sqldata.Publish{Tables: []string{"codes"}, Writable: true})
	if err != nil {
		t.Fatal(err)
	}
	codes, db := described(t, dsn, d)
	set := d.Model.Sets[0]
	code := &query.Property{Prop: set.Key[0]}
	q := &query.Query{Set: set, Columns: []query.Column{{Expr: code}}, Order: []query.Order{{Expr: code, Key: true}}, Top: 2}
	x := &indexed{sources: map[sqldata.Engine]*sqldata.Source{sqldata.Postgres: codes}, dbs: map[sqldata.Engine]*sql.DB{sqldata.Postgres: db}}
	var all []any
	for range 4 {
		if plan := x.plan(t, sqldata.Postgres, q); strings.Contains(plan, "Sort") || q.After != nil && !strings.Contains(plan, "Index Cond") {
			t.Fatalf("behind %v:\n%s", q.After, plan)
		}
		page := ask(t, codes, q)
		if page.Err != nil {
			t.Fatal(page.Err)
		}
		for _, row := range page.Rows {
			all = append(all, row[1])
			q.After = row[1:]
		}
	}
	if want := []any{"1", "a", "ä", "B", "c", "Z"}; !slices.Equal(all, want) {
		t.Errorf("read %q, want %q", all, want)
	}
}
