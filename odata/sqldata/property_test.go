package sqldata_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
	"github.com/keywright/keywright/odata/sqldata"
)

// maker draws typed expressions. What no engine says exactly it does not make: doubles are halves and quarters, and never
// divided by zero.
type maker struct {
	*world
	t       *rapid.T
	vars    []variable
	outputs []query.Expr // instead of properties, behind a step that aggregates
}

type variable struct {
	v   *query.Var
	set *edm.EntitySet
}

// int is below n. Rapid prefers small numbers; their remainder is spread evenly.
func (m *maker) int(n int) int { return rapid.IntRange(0, 1<<30).Draw(m.t, "n") % n }

func drawn[T any](m *maker, from ...T) T { return from[m.int(len(from))] }

func kinds() []edm.Kind {
	return []edm.Kind{
		edm.Boolean, edm.Int16, edm.Int32, edm.Int64, edm.Single, edm.Double, edm.Decimal, edm.String, edm.Guid,
		edm.Date, edm.TimeOfDay, edm.DateTimeOffset, edm.Duration, edm.Enum,
	}
}

func (m *maker) typ(k edm.Kind) edm.Type {
	if k == edm.Enum {
		return edm.Type{Kind: k, Enum: m.enum}
	}
	return edm.Type{Kind: k}
}

func (m *maker) literal(k edm.Kind) query.Expr {
	if m.int(12) == 0 {
		return &query.Literal{Of: m.typ(k)}
	}
	return m.constant(k)
}

// constant is a literal that is not null.
func (m *maker) constant(k edm.Kind) query.Expr {
	var v any
	switch k {
	case edm.Boolean:
		v = drawn(m, true, false)
	case edm.Int16, edm.Int32, edm.Int64:
		v = int64(m.int(9) - 4)
	case edm.Single, edm.Double:
		v = float64(m.int(33)-16) / 4
	case edm.Decimal:
		v = drawn(m, "-1.5", "0.5", "0", "2.5", "3", "0.1")
	case edm.String:
		v = drawn(m, append(texts(), "sS", "b", "\\", "%")...)
	case edm.Guid:
		v = drawn(m, "00000000-0000-0000-0000-00000000000a", "f0000000-0000-0000-0000-000000000000")
	case edm.Date:
		v = time.Date(drawn(m, 1969, 2024, 2027), 2, 1+m.int(28), 0, 0, 0, 0, time.UTC)
	case edm.TimeOfDay:
		v = time.Duration(m.int(24))*time.Hour + time.Duration(m.int(2))*500001*time.Microsecond
	case edm.DateTimeOffset:
		v = time.Date(drawn(m, 1931, 1970, 2024, 2027), 2, 1+m.int(2), m.int(24), m.int(60), 0, m.int(2)*123456000, time.UTC)
	case edm.Duration:
		v = drawn(m, -36*time.Hour, time.Hour, 1500*time.Millisecond, 49*time.Hour+time.Microsecond)
	case edm.Enum:
		v = drawn[int64](m, 1, 2, 4, 6)
	}
	return &query.Literal{Value: v, Of: m.typ(k)}
}

// property is one of a kind, of any row in reach; nil if there is none.
func (m *maker) property(k edm.Kind) query.Expr {
	if m.outputs != nil {
		for _, o := range m.outputs {
			if o.Type().Kind == k {
				return o
			}
		}
		return nil
	}
	at := m.vars[m.int(len(m.vars))]
	set, path := at.set, []*edm.Navigation(nil)
	for m.int(3) == 0 && len(path) < 3 {
		var single []*edm.Navigation
		for _, n := range set.Navigation {
			if !n.Many {
				single = append(single, n)
			}
		}
		if len(single) == 0 {
			break
		}
		n := drawn(m, single...)
		path, set = append(path, n), n.Target
	}
	var found []*edm.Property
	for _, p := range set.Properties {
		if p.Type.Kind == k {
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return &query.Property{Var: at.v, Path: path, Prop: drawn(m, found...)}
}

func (m *maker) expr(k edm.Kind, depth int) query.Expr {
	if m.int(3) > 0 || depth <= 0 {
		if m.int(4) > 0 {
			if p := m.property(k); p != nil {
				return p
			}
		}
		if depth <= 0 {
			return m.literal(k)
		}
	}
	if m.int(12) == 0 {
		return m.call("case", k, m.expr(edm.Boolean, depth-1), m.expr(k, depth-1), m.literal(edm.Boolean), m.expr(k, depth-1))
	}
	switch k {
	case edm.Boolean:
		return m.condition(depth - 1)
	case edm.Int16, edm.Int32:
		if m.int(2) == 0 {
			return m.call("cast", k, m.expr(drawn(m, edm.Int64, edm.Double, edm.Decimal), depth-1))
		}
	case edm.Int64:
		return m.integer(depth - 1)
	case edm.Single:
		if m.int(2) == 0 {
			return m.call("cast", k, m.expr(drawn(m, edm.Int32, edm.Double, edm.Decimal), depth-1))
		}
	case edm.Double:
		return m.double(depth - 1)
	case edm.Decimal:
		return m.decimal(depth - 1)
	case edm.String:
		return m.text(depth - 1)
	case edm.Date, edm.TimeOfDay, edm.DateTimeOffset, edm.Duration:
		return m.time(k, depth-1)
	}
	return m.literal(k)
}

func (m *maker) call(name string, k edm.Kind, args ...query.Expr) query.Expr {
	return &query.Call{Name: name, Args: args, Of: m.typ(k)}
}

func (m *maker) binary(op query.Op, k edm.Kind, x, y query.Expr) query.Expr {
	return &query.Binary{Op: op, X: x, Y: y, Of: m.typ(k)}
}

func (m *maker) condition(d int) query.Expr {
	switch m.int(13) {
	case 0:
		return &query.Unary{Op: query.Not, X: m.expr(edm.Boolean, d), Of: m.typ(edm.Boolean)}
	case 1, 2, 3:
		return m.binary(drawn(m, query.And, query.Or), edm.Boolean, m.expr(edm.Boolean, d), m.expr(edm.Boolean, d))
	case 4:
		x := m.expr(drawn(m, kinds()...), d)
		list := []query.Expr{m.literal(x.Type().Kind)}
		for range m.int(3) {
			list = append(list, m.literal(x.Type().Kind))
		}
		if m.int(3) == 0 {
			list = append(list, m.expr(x.Type().Kind, d))
		}
		return &query.In{X: x, List: list}
	case 5:
		return &query.Unary{Op: query.IsNull, X: m.expr(drawn(m, kinds()...), d), Of: m.typ(edm.Boolean)}
	case 6:
		return m.binary(query.Has, edm.Boolean, m.expr(edm.Enum, d), m.literal(edm.Enum))
	case 7, 8:
		if m.outputs == nil {
			return m.lambda(d)
		}
	case 9:
		return m.call(drawn(m, "contains", "startswith", "endswith"), edm.Boolean, m.expr(edm.String, d), m.expr(edm.String, d))
	case 10:
		for _, at := range m.vars {
			if at.set == m.things && m.outputs == nil {
				return &query.Match{Var: at.v, Set: at.set, Text: drawn(m, "A", "ss", "σας", "%", "İ", "äß")}
			}
		}
	}
	k := drawn(m, kinds()...)
	x, y := m.expr(k, d), m.expr(k, d)
	if m.int(3) == 0 {
		y = m.literal(k)
	}
	if m.int(6) == 0 {
		x, y = y, x
	}
	op := drawn(m, query.Equal, query.NotEqual, query.Greater, query.GreaterOrEqual, query.Less, query.LessOrEqual)
	return m.binary(op, edm.Boolean, x, y)
}

// many finds a way from a row in reach to several.
func (m *maker) many() (*query.Var, []*edm.Navigation, *edm.Navigation) {
	at := m.vars[m.int(len(m.vars))]
	switch at.set {
	case m.things:
		if m.int(3) == 0 {
			return at.v, []*edm.Navigation{m.owner}, m.owned
		}
		return at.v, nil, m.parts
	case m.people:
		return at.v, nil, m.owned
	case m.items:
		return at.v, nil, m.remarks
	}
	return at.v, []*edm.Navigation{m.line}, m.remarks
}

func (m *maker) within(set *edm.EntitySet, do func(*query.Var)) {
	v := &query.Var{Set: set, Name: fmt.Sprint("v", len(m.vars))}
	m.vars = append(m.vars, variable{v, set})
	do(v)
	m.vars = m.vars[:len(m.vars)-1]
}

func (m *maker) lambda(d int) query.Expr {
	from, path, nav := m.many()
	e := &query.Exists{All: m.int(3) == 0, From: from, Path: path, Nav: nav}
	m.within(nav.Target, func(v *query.Var) {
		e.Var = v
		if e.All || m.int(4) > 0 {
			e.Body = m.expr(edm.Boolean, d)
		}
	})
	return e
}

func (m *maker) integer(d int) query.Expr {
	switch m.int(9) {
	case 0, 1:
		return m.binary(drawn(m, query.Add, query.Sub, query.Mul, query.Div, query.Mod), edm.Int64, m.expr(edm.Int64, d), m.expr(edm.Int64, d))
	case 2:
		return &query.Unary{Op: query.Negate, X: m.expr(drawn(m, edm.Int16, edm.Int64), d), Of: m.typ(edm.Int64)}
	case 3:
		return m.call("length", edm.Int64, m.expr(edm.String, d))
	case 4:
		return m.call("indexof", edm.Int64, m.expr(edm.String, d), m.expr(edm.String, d))
	case 5:
		return m.call(drawn(m, "year", "month", "day"), edm.Int64, m.expr(drawn(m, edm.Date, edm.DateTimeOffset), d))
	case 6:
		return m.call(drawn(m, "hour", "minute", "second"), edm.Int64, m.expr(drawn(m, edm.TimeOfDay, edm.DateTimeOffset), d))
	case 7:
		if m.outputs != nil {
			break
		}
		from, path, nav := m.many()
		e := &query.CountOf{From: from, Path: path, Nav: nav}
		m.within(nav.Target, func(v *query.Var) {
			e.Var = v
			if m.int(2) == 0 {
				e.Filter = m.expr(edm.Boolean, d)
			}
		})
		return e
	}
	switch m.int(3) {
	case 0:
		return m.call("totaloffsetminutes", edm.Int64, m.expr(edm.DateTimeOffset, d))
	case 1:
		return m.call("cast", edm.Int64, m.expr(edm.Enum, d))
	}
	return m.call("cast", edm.Int64, m.expr(drawn(m, edm.Int16, edm.Double, edm.Decimal), d))
}

// divisor is a literal whose quotients are short.
func (m *maker) divisor(k edm.Kind) query.Expr {
	switch k {
	case edm.Decimal:
		return &query.Literal{Value: drawn(m, "3", "-0.7", "4", "0"), Of: m.typ(k)}
	case edm.Int64:
		return &query.Literal{Value: drawn[int64](m, 1, 7, -3, 0), Of: m.typ(k)}
	}
	return &query.Literal{Value: drawn(m, 2, -0.5, 4), Of: m.typ(k)}
}

func (m *maker) double(d int) query.Expr {
	switch m.int(5) {
	case 0:
		return m.binary(drawn(m, query.Add, query.Sub, query.Mul), edm.Double, m.expr(edm.Double, d), m.expr(edm.Double, d))
	case 1:
		return m.binary(drawn(m, query.Div, query.DivBy, query.Mod), edm.Double, m.expr(edm.Double, d), m.divisor(edm.Double))
	case 2:
		return &query.Unary{Op: query.Negate, X: m.expr(edm.Double, d), Of: m.typ(edm.Double)}
	case 3:
		return m.call("cast", edm.Double, m.expr(drawn(m, edm.Int32, edm.Single, edm.Decimal), d))
	}
	return m.call(drawn(m, "round", "floor", "ceiling"), edm.Double, m.expr(edm.Double, d))
}

func (m *maker) decimal(d int) query.Expr {
	switch m.int(7) {
	case 0:
		return m.binary(drawn(m, query.Add, query.Sub, query.Mul), edm.Decimal, m.expr(edm.Decimal, d), m.expr(edm.Decimal, d))
	case 1:
		return m.binary(drawn(m, query.Div, query.DivBy, query.Mod), edm.Decimal, m.expr(edm.Decimal, d), m.divisor(edm.Decimal))
	case 2:
		return m.binary(query.DivBy, edm.Decimal, m.expr(edm.Int64, d), m.divisor(edm.Int64))
	case 3:
		return m.call("totalseconds", edm.Decimal, m.expr(edm.Duration, d))
	case 4:
		return m.call("fractionalseconds", edm.Decimal, m.expr(drawn(m, edm.TimeOfDay, edm.DateTimeOffset), d))
	case 5:
		return m.call("cast", edm.Decimal, m.expr(drawn(m, edm.Int32, edm.Int64), d))
	}
	return m.call(drawn(m, "round", "floor", "ceiling"), edm.Decimal, m.expr(edm.Decimal, d))
}

func (m *maker) text(d int) query.Expr {
	switch m.int(5) {
	case 0:
		return m.call("concat", edm.String, m.expr(edm.String, d), m.expr(edm.String, d))
	case 1:
		args := []query.Expr{m.expr(edm.String, d), m.expr(drawn(m, edm.Int16, edm.Int64), d)}
		if m.int(2) == 0 {
			args = append(args, m.expr(edm.Int64, d))
		}
		return m.call("substring", edm.String, args...)
	case 2:
		return m.call("cast", edm.String, m.expr(drawn(m, edm.Boolean, edm.Int64, edm.Decimal, edm.Guid, edm.Date), d))
	}
	return m.call(drawn(m, "tolower", "toupper", "trim"), edm.String, m.expr(edm.String, d))
}

func (m *maker) time(k edm.Kind, d int) query.Expr {
	op := drawn(m, query.Add, query.Sub)
	switch {
	case k == edm.TimeOfDay:
		return m.call("time", k, m.expr(edm.DateTimeOffset, d))
	case k == edm.Date && m.int(2) == 0:
		return m.call("date", k, m.expr(edm.DateTimeOffset, d))
	case k != edm.Duration:
		return m.binary(op, k, m.expr(k, d), m.expr(edm.Duration, d))
	}
	switch m.int(4) {
	case 0:
		return m.binary(query.Sub, k, m.expr(edm.DateTimeOffset, d), m.expr(edm.DateTimeOffset, d))
	case 1:
		return m.binary(query.Sub, k, m.expr(edm.Date, d), m.expr(edm.Date, d))
	case 2:
		return &query.Unary{Op: query.Negate, X: m.expr(k, d), Of: m.typ(k)}
	}
	return m.binary(op, k, m.expr(k, d), m.expr(k, d))
}

// agree holds all sources to the same rows. Where memory finds a value that can't be computed, databases need not: they
// may not look at it.
func (m *maker) agree(q *query.Query) {
	m.t.Helper()
	want := m.asked("memory", q)
	if errors.Is(want.Err, query.ErrValue) {
		return
	}
	for _, engine := range []string{"sqlite", "postgres"} {
		got := m.asked(engine, q)
		if errors.Is(got.Err, query.ErrValue) && overflows(want.Err, got.Err) {
			continue
		}
		if got.Err != nil || want.Err != nil || !cmp.Equal(want.Rows, got.Rows) {
			m.t.Errorf("%s: (-memory +%s)\n%s\nerrors: %v, %v\n%s", engine, engine, cmp.Diff(want.Rows, got.Rows), want.Err, got.Err, m.sql(engine, q))
		}
	}
}

// overflows: a database may compute what the evaluator had no need to.
func overflows(want, got error) bool { return want == nil && got != nil }

func (m *maker) asked(engine string, q *query.Query) answer { return ask(m.t, m.sources[engine], q) }

func (m *maker) order() []query.Order {
	var order []query.Order
	for range m.int(3) {
		k := drawn(m, kinds()...)
		e := m.property(k)
		if e == nil || m.int(3) == 0 {
			e = m.expr(k, 2)
		}
		order = append(order, query.Order{Expr: e, Desc: m.int(2) == 0})
	}
	desc := m.int(3) == 0
	for _, p := range m.vars[0].set.Key {
		order = append(order, query.Order{Expr: &query.Property{Prop: p}, Desc: desc})
	}
	return order
}

func (m *maker) over(set *edm.EntitySet) *query.Query {
	m.vars = []variable{{nil, set}}
	return &query.Query{Set: set, Top: -1}
}

func (m *maker) key(q *query.Query) {
	for _, p := range q.Set.Key {
		q.Columns = append(q.Columns, query.Column{Expr: &query.Property{Prop: p}})
	}
}

func TestAnyFilterFindsTheRowsThatTheEvaluatorFinds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	rapid.Check(t, func(rt *rapid.T) {
		m := &maker{world: w, t: rt}
		q := m.over(drawn(m, w.sets()...))
		q.Filter = m.expr(edm.Boolean, 4)
		m.key(q)
		q.Order = m.order()
		m.agree(q)
	})
}

func TestAnyExpressionIsWorthWhatTheEvaluatorSays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	rapid.Check(t, func(rt *rapid.T) {
		m := &maker{world: w, t: rt}
		q := m.over(drawn(m, w.things, w.things, w.notes))
		m.key(q)
		q.Order = m.order()
		for range 3 {
			q.Columns = append(q.Columns, query.Column{Expr: m.expr(drawn(m, kinds()...), 4)})
		}
		m.agree(q)
	})
}

// sql is what an engine was asked.
func (m *maker) sql(engine string, q *query.Query) string {
	text, args, err := m.sources[engine].(*sqldata.Source).Statement(q)
	return fmt.Sprintln(text, args, err)
}

func TestPagesHoldEveryRowOnceInAnyOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 7)
	rapid.Check(t, func(rt *rapid.T) {
		m := &maker{world: w, t: rt}
		q := m.over(drawn(m, w.things, w.items))
		q.Order = m.order()
		for _, o := range q.Order {
			q.Columns = append(q.Columns, query.Column{Expr: o.Expr})
		}
		if m.int(2) == 0 {
			q.Filter = m.expr(edm.Boolean, 2)
		}
		if errors.Is(m.asked("memory", q).Err, query.ErrValue) {
			return
		}
		size := int64(1 + m.int(20))
		for _, engine := range []string{"sqlite", "postgres"} {
			whole := m.asked(engine, q)
			if whole.Err != nil {
				continue // the other properties say which errors there may be
			}
			var paged [][]any
			page := *q
			page.Top = size
			for {
				values, got := last(m, engine, &page)
				if got.Err != nil {
					m.t.Fatalf("%s: %v\n%s", engine, got.Err, m.sql(engine, &page))
				}
				paged = append(paged, got.Rows...)
				if int64(len(got.Rows)) < size || len(paged) > len(whole.Rows) {
					break
				}
				page.After = values
			}
			if !cmp.Equal(whole.Rows, paged) {
				m.t.Fatalf("%s, pages of %d: %s\n%s", engine, size, cmp.Diff(whole.Rows, paged), m.sql(engine, &page))
			}
		}
	})
}

// last is an answer and the values of its last row, as they come.
func last(m *maker, engine string, q *query.Query) (values []any, a answer) {
	r, err := m.sources[engine].Open(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	defer r.Close()
	found, err := r.Rows(m.t.Context(), q)
	if err != nil {
		return nil, answer{Err: err}
	}
	defer found.Close()
	for found.Next() {
		values = append(values[:0], found.Values()...)
		row := []any{found.Parent()}
		for i, v := range values {
			row = append(row, telling(q.Columns[i].Expr.Type().Kind, v))
		}
		a.Rows = append(a.Rows, row)
	}
	return values, answer{a.Rows, found.Err()}
}

func TestRelatedRowsComeByParentAndSkipAndTopHoldForEach(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 9)
	rapid.Check(t, func(rt *rapid.T) {
		m := &maker{world: w, t: rt}
		from := drawn(m, w.things, w.people, w.items, w.notes)
		nav := drawn(m, from.Navigation...)
		q := m.over(nav.Target)
		m.key(q)
		q.Order = m.order()
		if m.int(2) == 0 {
			q.Filter = m.expr(edm.Boolean, 3)
		}
		q.Parents = &query.Parents{Nav: nav}
		for range m.int(8) {
			row := drawn(m, w.rows[from]...)
			var values []any
			for _, l := range nav.On {
				for i, p := range from.Properties {
					if p == l.From {
						values = append(values, row[i])
					}
				}
			}
			q.Parents.Values = append(q.Parents.Values, values)
		}
		if m.int(2) == 0 {
			q.Top = int64(m.int(4))
		}
		if m.int(2) == 0 {
			q.Skip = int64(m.int(3))
		}
		if m.int(3) == 0 {
			q.Parents.Most = 1 + m.int(6)
		}
		m.agree(q)
		m.agreeInNumber(q)
	})
}

// agreeInNumber holds all sources to the same counts.
func (m *maker) agreeInNumber(q *query.Query) {
	m.t.Helper()
	counts := func(engine string) ([]int64, error) {
		r, err := m.sources[engine].Open(m.t.Context())
		if err != nil {
			m.t.Fatal(err)
		}
		defer r.Close()
		return r.Count(m.t.Context(), q)
	}
	want, err := counts("memory")
	if err != nil {
		return
	}
	for _, engine := range []string{"sqlite", "postgres"} {
		got, err := counts(engine)
		if err != nil && !errors.Is(err, query.ErrValue) || err == nil && !cmp.Equal(want, got) {
			m.t.Errorf("%s counts %v, %v; want %v\n%s", engine, got, err, want, m.sql(engine, q))
		}
	}
}

func TestRowsByKeyAndByNavigatingFromAnEntityAreThoseOfMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 11)
	rapid.Check(t, func(rt *rapid.T) {
		m := &maker{world: w, t: rt}
		set := drawn(m, w.sets()...)
		var of *query.Origin
		for range m.int(4) {
			of = &query.Origin{Set: set, Of: of, Nav: drawn(m, set.Navigation...)}
			if m.int(3) > 0 || of.Of == nil || of.Of.Nav.Many {
				of.Key = m.keyOf(set)
			}
			set = of.Nav.Target
		}
		q := m.over(set)
		m.key(q)
		q.Of, q.Order = of, m.order()
		if m.int(4) == 0 || of == nil {
			q.Key = m.keyOf(set)
		}
		if m.int(3) == 0 {
			q.Filter = m.expr(edm.Boolean, 2)
		}
		m.agree(q)
		m.agreeInNumber(q)
	})
}

func (m *maker) keyOf(set *edm.EntitySet) []any {
	row := drawn(m, m.rows[set]...)
	return append([]any(nil), row[:len(set.Key)]...)
}

func TestAnyAggregationIsThatOfMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 13)
	rapid.Check(t, func(rt *rapid.T) {
		m := &maker{world: w, t: rt}
		q := m.over(drawn(m, w.things, w.things, w.items, w.notes))
		if m.int(2) == 0 {
			q.Apply = append(q.Apply, query.Step{Filter: m.expr(edm.Boolean, 2)})
		}
		q.Apply = append(q.Apply, m.step())
		outputs := outputsOf(q)
		if m.int(3) == 0 {
			m.outputs = outputs
			q.Apply = append(q.Apply, query.Step{Filter: m.expr(edm.Boolean, 2)}, m.step())
			outputs = outputsOf(q)
		}
		m.outputs = outputs
		if m.int(3) == 0 {
			q.Filter = m.expr(edm.Boolean, 2)
		}
		for _, o := range outputs {
			q.Columns = append(q.Columns, query.Column{Expr: o})
		}
		q.Columns = append(q.Columns, query.Column{Expr: m.expr(drawn(m, kinds()...), 2)})
		for _, o := range outputs {
			q.Order = append(q.Order, query.Order{Expr: o, Desc: m.int(2) == 0})
		}
		m.agree(q)
		m.agreeInNumber(q)
	})
}

// outputsOf are the columns of a query's last step.
func outputsOf(q *query.Query) (outputs []query.Expr) {
	step := len(q.Apply) - 1
	s := q.Apply[step]
	for i, c := range s.By {
		outputs = append(outputs, &query.Output{Step: step, Index: i, Of: c.Expr.Type()})
	}
	for i, a := range s.Aggregate {
		outputs = append(outputs, &query.Output{Step: step, Index: len(s.By) + i, Of: a.Type})
	}
	return outputs
}

// step makes groups.
func (m *maker) step() query.Step {
	var s query.Step
	for range m.int(3) {
		if e := m.property(drawn(m, kinds()...)); e != nil {
			s.By = append(s.By, query.Column{Expr: e})
		}
	}
	if m.int(5) > 0 || len(s.By) == 0 {
		s.Aggregate = append(s.Aggregate, query.Aggregate{Method: query.Count, Type: m.typ(edm.Int64), Name: "n"})
	}
	for range m.int(3) {
		s.Aggregate = append(s.Aggregate, m.aggregate())
	}
	return s
}

func (m *maker) aggregate() query.Aggregate {
	k := drawn(m, kinds()...)
	method := drawn(m, query.Min, query.Max, query.CountDistinct)
	if k != edm.Boolean && k != edm.Enum && k <= edm.Decimal && m.int(2) == 0 {
		method = drawn(m, query.Sum, query.Average)
	}
	a := query.Aggregate{Method: method, Expr: m.expr(k, 2), Type: m.typ(k), Name: "a"}
	integer := k >= edm.Byte && k <= edm.Int64
	switch {
	case method == query.CountDistinct, method == query.Sum && integer:
		a.Type = m.typ(edm.Int64)
	case method == query.Average && integer:
		a.Type = m.typ(edm.Decimal)
	case method == query.Sum && k == edm.Single, method == query.Average && k == edm.Single:
		a.Type = m.typ(edm.Double)
	}
	return a
}
