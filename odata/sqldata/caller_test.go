package sqldata_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/memory"
	"github.com/keywright/keywright/odata/query"
	"github.com/keywright/keywright/odata/sqldata"
)

// newFiltered is a world in which a caller sees some rows of each set. In memory the others are not there.
func newFiltered(t testing.TB, seed uint64) (w *world, everything map[string]query.Source) {
	t.Helper()
	w = newModel()
	w.fill(seed)
	w.sources, everything = map[string]query.Source{}, map[string]query.Source{"memory": w.rows}
	whole := w.rows
	for name, e := range map[string]sqldata.Engine{"sqlite": sqldata.SQLite, "postgres": sqldata.Postgres} {
		write, read := databases(t, e)
		tables := w.create(t, e, write)
		all, err := sqldata.New(read, e, slices.Clone(tables), sqldata.Options{})
		if err != nil {
			t.Fatal(err)
		}
		everything[name] = all
		for i := range tables {
			number := quoted(column(tables[i].Set.Properties[0]))
			switch tables[i].Set {
			case w.things:
				tables[i].Where = "1 = 0 or " + number + " % 3 <> $user.rest"
			case w.items:
				tables[i].From = "(select * from " + tables[i].From + " where " + quoted("c \"no") + " % 4 <> $user.rest)"
			case w.people:
				tables[i].From = "(select * from " + tables[i].From + " where " + number + " <> $me)"
				tables[i].Where = number + " % 4 <> $user.rest or 1 = 0"
			case w.notes:
				tables[i].Where = number + " % 2 <> $user.rest"
			}
		}
		s, err := sqldata.New(read, e, tables, sqldata.Options{})
		if err != nil {
			t.Fatal(err)
		}
		w.sources[name] = s.As(map[string]any{"user.rest": int64(1), "me": int64(2)})
	}
	w.rows = memory.Source{}
	for s, rows := range whole {
		for _, r := range rows {
			id, _ := r[0].(int64)
			no, _ := r[1].(int64)
			hidden := false
			switch s {
			case w.things:
				hidden = id%3 == 1
			case w.items:
				hidden = no%4 == 1
			case w.people:
				hidden = id == 2 || id%4 == 1
			case w.notes:
				hidden = id%2 == 1
			}
			if !hidden {
				w.rows[s] = append(w.rows[s], r)
			}
		}
	}
	w.sources["memory"] = w.rows
	return w, everything
}

func TestWhatACallerMayNotSeeIsNotThereInAnyPlace(t *testing.T) {
	t.Parallel()
	w, everything := newFiltered(t, 17)
	row := func(s *edm.EntitySet) *query.Query { return all(s) }
	with := func(q *query.Query, change func(q *query.Query)) *query.Query { change(q); return q }
	filter := func(s *edm.EntitySet, e query.Expr) *query.Query {
		return with(row(s), func(q *query.Query) { q.Filter = e })
	}
	boolean := edm.Type{Kind: edm.Boolean}
	property := func(name string, s *edm.EntitySet, path ...*edm.Navigation) *query.Property {
		return &query.Property{Path: path, Prop: w.prop(s, name)}
	}
	var ids [][]any
	for i := range 31 {
		ids = append(ids, []any{int64(i)})
	}
	item, thing := &query.Var{Set: w.items, Name: "i"}, &query.Var{Set: w.things, Name: "t"}
	places := map[string]*query.Query{
		"rows":           row(w.things),
		"rows of a from": row(w.items),
		"key":            with(row(w.things), func(q *query.Query) { q.Key = []any{int64(1)} }),
		"navigation":     with(row(w.things), func(q *query.Query) { q.Columns = []query.Column{{Expr: property("ID", w.people, w.owner)}} }),
		"navigation twice": with(row(w.things), func(q *query.Query) {
			q.Columns = []query.Column{{Expr: property("ID", w.people, w.owner, w.boss)}}
		}),
		"navigation by what is no key": with(row(w.things), func(q *query.Query) {
			q.Columns = []query.Column{{Expr: property("ID", w.people, w.namesake)}}
		}),
		"navigation in the filter": filter(w.things, &query.Unary{Op: query.IsNull, X: property("ID", w.people, w.owner), Of: boolean}),
		"navigation in the order": with(row(w.things), func(q *query.Query) {
			q.Order = append([]query.Order{{Expr: property("ID", w.people, w.owner)}}, q.Order...)
		}),
		"any": filter(w.things, &query.Exists{Nav: w.parts, Var: item}),
		"all": filter(w.things, &query.Exists{All: true, Nav: w.parts, Var: item, Body: &query.Literal{Value: false, Of: boolean}}),
		"any in any": filter(w.people, &query.Exists{Nav: w.owned, Var: thing, Body: &query.Exists{
			From: thing, Nav: w.parts, Var: item, Body: &query.Exists{From: item, Nav: w.remarks, Var: &query.Var{Set: w.notes, Name: "n"}},
		}}),
		"navigation in any": filter(w.people, &query.Exists{Nav: w.owned, Var: thing, Body: &query.Binary{
			Op: query.NotEqual, X: &query.Property{Var: thing, Path: []*edm.Navigation{w.namesake}, Prop: w.people.Key[0]}, Y: &query.Literal{Of: edm.Type{Kind: edm.Int64}}, Of: boolean,
		}}),
		"count in an expression": with(row(w.things), func(q *query.Query) {
			q.Columns = append(q.Columns, query.Column{Expr: &query.CountOf{Nav: w.parts, Var: item}})
		}),
		"search": filter(w.things, &query.Match{Set: w.things, Text: ""}),
		"parents": with(row(w.items), func(q *query.Query) {
			q.Parents = &query.Parents{Nav: w.parts, Values: ids}
		}),
		"parents with top": with(row(w.items), func(q *query.Query) {
			q.Parents, q.Top = &query.Parents{Nav: w.parts, Values: ids}, 1
		}),
		"rows of an entity": with(row(w.items), func(q *query.Query) {
			q.Of = &query.Origin{Set: w.things, Key: []any{int64(2)}, Nav: w.parts}
		}),
		"rows of a hidden entity": with(row(w.items), func(q *query.Query) {
			q.Of = &query.Origin{Set: w.things, Key: []any{int64(4)}, Nav: w.parts}
		}),
		"rows past a hidden entity": with(row(w.items), func(q *query.Query) {
			q.Of = &query.Origin{Set: w.things, Nav: w.parts, Of: &query.Origin{Set: w.items, Key: []any{int64(4), int64(1)}, Nav: w.whole}}
		}),
		"aggregation": with(row(w.things), func(q *query.Query) {
			q.Apply = []query.Step{{Aggregate: []query.Aggregate{{Method: query.Count, Type: edm.Type{Kind: edm.Int64}}}}}
			q.Columns, q.Order = []query.Column{{Expr: &query.Output{Of: edm.Type{Kind: edm.Int64}}}}, nil
		}),
	}
	for name, q := range places {
		want := w.same(t, q)
		if t.Failed() {
			t.Fatalf("in %s", name)
		}
		// The place would show a leak: without the filter there is another answer.
		if leaked := ask(t, everything["sqlite"], q); cmp.Equal(leaked.Rows, want.Rows) {
			t.Errorf("%s: the answer is the same for those who may see everything", name)
		}
		w.agreeInNumber(t, q)
	}
}

func TestRandomQueriesSeeNothingThatTheCallerMayNot(t *testing.T) {
	t.Parallel()
	w, _ := newFiltered(t, 19)
	rapid.Check(t, func(rt *rapid.T) {
		m := &maker{world: w, t: rt}
		q := m.over(drawn(m, w.sets()...))
		q.Filter = m.expr(edm.Boolean, 4)
		m.key(q)
		q.Order = m.order()
		m.agree(q)
		m.agreeInNumber(m.t, q)
	})
}

func TestCallersDifferAndOneWithoutAParameterGetsNothing(t *testing.T) {
	t.Parallel()
	w, _ := newFiltered(t, 17)
	for _, engine := range []string{"sqlite", "postgres"} {
		s := w.source(engine)
		one, two := ask(t, s, all(w.things)), ask(t, s.As(map[string]any{"user.rest": int64(2)}), all(w.things))
		if len(one.Rows) == 0 || cmp.Equal(one.Rows, two.Rows) {
			t.Errorf("%s: two callers see the same", engine)
		}
		for name, caller := range map[string]map[string]any{"no parameters": nil, "another": {"user": int64(1)}} {
			got := ask(t, s.As(caller), all(w.things))
			if got.Err == nil || !strings.Contains(got.Err.Error(), "$user.rest") {
				t.Errorf("%s, %s: %d rows, %v", engine, name, len(got.Rows), got.Err)
			}
			r, err := s.As(caller).Open(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if n, err := r.Count(t.Context(), all(w.things)); err == nil {
				t.Errorf("%s, %s: counted %v", engine, name, n)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
		// A caller's value is a value, also where it looks like SQL.
		hostile := ask(t, s.As(map[string]any{"user.rest": "1 or 1=1", "me": "x' or ''='"}), all(w.people))
		if engine == "postgres" && hostile.Err == nil {
			t.Errorf("%s: a text was taken for a number: %v", engine, hostile.Rows)
		}
	}
}
