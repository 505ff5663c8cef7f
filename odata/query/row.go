package query

import (
	"slices"

	"github.com/keywright/keywright/odata/edm"
)

// Row is a row as Evaluate sees it.
type Row interface {
	// Value is a property's value in the Go form of its type; nil is null.
	Value(p *edm.Property) any
	// Related are the rows that a navigation property leads to.
	Related(n *edm.Navigation) []Row
}

// complete makes Order total.
func (q *Query) complete() {
	outputs, step := q.outputs()
	if step < 0 {
		for _, p := range q.Set.Key {
			q.addOrder(&Property{Prop: p})
		}
		return
	}
	for i := range q.Apply[step].By {
		q.addOrder(outputs[i])
	}
}

// addOrder appends what rows are told apart by, unless they are sorted by it already.
func (q *Query) addOrder(e Expr) {
	for _, o := range q.Order {
		if same(o.Expr, e) {
			return
		}
	}
	q.Order = append(q.Order, Order{Expr: e, Key: true})
}

// outputs are the columns of the last step that aggregates, and its index; -1 if none does.
func (q *Query) outputs() ([]*Output, int) {
	for step, s := range slices.Backward(q.Apply) {
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

// same says whether two expressions are the same property or output. Of others it says no.
func same(x, y Expr) bool {
	if x == y {
		return true
	}
	switch x := x.(type) {
	case *Property:
		y, ok := y.(*Property)
		return ok && x.Prop == y.Prop && x.Var == y.Var && slices.Equal(x.Path, y.Path)
	case *Output:
		y, ok := y.(*Output)
		return ok && x.Step == y.Step && x.Index == y.Index
	}
	return false
}
