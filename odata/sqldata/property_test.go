package sqldata_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
	"github.com/keywright/keywright/odata/sqldata"
)

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

func (w *world) source(engine string) *sqldata.Source {
	s, _ := w.sources[engine].(*sqldata.Source)
	return s
}

// sql is what an engine was asked.
func (w *world) sql(engine string, q *query.Query) string {
	text, args, err := w.source(engine).Statement(q)
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
	r, err := m.sources[engine].Open(context.Background())
	if err != nil {
		m.t.Fatal(err)
	}
	defer r.Close()
	found, err := r.Rows(context.Background(), q)
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
		m.agreeInNumber(m.t, q)
	})
}

// agreeInNumber holds all sources to the same counts.
func (w *world) agreeInNumber(t rapid.TB, q *query.Query) {
	t.Helper()
	counts := func(engine string) ([]int64, error) {
		r, err := w.sources[engine].Open(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		return r.Count(context.Background(), q)
	}
	want, err := counts("memory")
	if err != nil {
		return
	}
	for _, engine := range []string{"sqlite", "postgres"} {
		got, err := counts(engine)
		if err != nil && !errors.Is(err, query.ErrValue) || err == nil && !cmp.Equal(want, got) {
			t.Errorf("%s counts %v, %v; want %v\n%s", engine, got, err, want, w.sql(engine, q))
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
		m.agreeInNumber(m.t, q)
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
		m.agreeInNumber(m.t, q)
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
