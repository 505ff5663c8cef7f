package query

import (
	"github.com/keywright/keywright/odata/edm"
)

// Row is a row as Evaluate sees it.
type Row interface {
	// Value is a property's value in the Go form of its type; nil is null.
	Value(p *edm.Property) any
	// Related are the rows that a navigation property leads to.
	Related(n *edm.Navigation) []Row
}

// Pick takes out of a row's values those at the columns of Query.OrderAt, Query.KeyAt or Expand.FromAt.
func Pick(values []any, at []int) []any {
	picked := make([]any, len(at))
	for i, column := range at {
		picked[i] = values[column]
	}
	return picked
}

// Query asks for the entity that an origin is, by its key alone: whether there is one.
func (o *Origin) Query() *Query {
	q := &Query{Set: o.Set, Key: o.Key, Of: o.Of, Top: 1}
	q.complete()
	return q
}

// complete makes Order total and adds the columns that OrderAt, KeyAt and FromAt need. Columns holds those that are
// written.
func (q *Query) complete() {
	q.Written = len(q.Columns)
	outputs, step := q.outputs()
	if step >= 0 {
		for i := range q.Apply[step].By {
			q.addOrder(outputs[i])
		}
	} else {
		for _, p := range q.Set.Key {
			q.addOrder(&Property{Prop: p})
			q.KeyAt = append(q.KeyAt, q.column(&Property{Prop: p}))
		}
	}
	for _, o := range q.Order {
		q.OrderAt = append(q.OrderAt, q.column(o.Expr))
	}
	for _, x := range q.Expand {
		for _, link := range x.Nav.On {
			x.FromAt = append(x.FromAt, q.column(&Property{Prop: link.From}))
		}
	}
}

// addOrder appends what rows are told apart by, unless they are sorted by it already.
func (q *Query) addOrder(e Expr) {
	for _, o := range q.Order {
		if same(o.Expr, e) {
			return
		}
	}
	q.Order = append(q.Order, Order{Expr: e})
}

// column finds an expression among the columns, or adds it.
func (q *Query) column(e Expr) int {
	for i, c := range q.Columns {
		if same(c.Expr, e) {
			return i
		}
	}
	q.Columns = append(q.Columns, Column{Expr: e})
	return len(q.Columns) - 1
}

// outputs are the columns of the last step that aggregates, and its index; -1 if none does.
func (q *Query) outputs() ([]*Output, int) {
	for step := len(q.Apply) - 1; step >= 0; step-- {
		s := q.Apply[step]
		if !s.Aggregates() {
			continue
		}
		var outputs []*Output
		for i, c := range s.By {
			outputs = append(outputs, &Output{Step: step, Index: i, Of: c.Expr.Type()})
		}
		for i, a := range s.Aggregate {
			outputs = append(outputs, &Output{Step: step, Index: len(s.By) + i, Of: a.Type})
		}
		return outputs, step
	}
	return nil, -1
}

// Aggregates says that a step makes rows of its own, instead of keeping some.
func (s *Step) Aggregates() bool { return len(s.By)+len(s.Aggregate) > 0 }

// same says whether two expressions are the same property or output of the query's own row. Others are never the same:
// a column more does no harm.
func same(x, y Expr) bool {
	if x == y {
		return true
	}
	switch x := x.(type) {
	case *Property:
		y, ok := y.(*Property)
		if !ok || x.Prop != y.Prop || x.Var != y.Var || len(x.Path) != len(y.Path) {
			return false
		}
		for i := range x.Path {
			if x.Path[i] != y.Path[i] {
				return false
			}
		}
		return true
	case *Output:
		y, ok := y.(*Output)
		return ok && x.Step == y.Step && x.Index == y.Index
	}
	return false
}
