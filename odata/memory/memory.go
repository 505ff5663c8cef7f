// Package memory gives rows that are Go values. It is for small sets, for tests, and for seeing what an expression is
// worth: it answers by query.Evaluate, the reference that other sources are compared with. Every query
// walks all rows of its set.
package memory

import (
	"context"
	"slices"
	"strconv"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
)

// Source holds rows: for each set, rows with a value for each of its Properties, in their order. It must not change while
// it is read.
type Source map[*edm.EntitySet][][]any

// Open begins reading. It never waits.
func (s Source) Open(context.Context) (query.Reader, error) { return reader{s}, nil }

type reader struct{ source Source }

func (r reader) Close() error { return nil }

// Rows computes all rows at once.
func (r reader) Rows(ctx context.Context, q *query.Query) (query.Rows, error) {
	parents := [][]any{nil}
	if q.Parents != nil {
		parents = q.Parents.Values
	}
	all := &rows{at: -1}
	for i, values := range parents {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		found, err := r.sorted(q, values)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			if q.Parents != nil && q.Parents.Most > 0 && len(all.values) == q.Parents.Most {
				return all, nil
			}
			values, err := f.all(q.Columns)
			if err != nil {
				return nil, err
			}
			all.values = append(all.values, values)
			all.parents = append(all.parents, i)
		}
	}
	return all, nil
}

// Count counts rows.
func (r reader) Count(ctx context.Context, q *query.Query) ([]int64, error) {
	parents := [][]any{nil}
	if q.Parents != nil {
		parents = q.Parents.Values
	}
	counts := make([]int64, len(parents))
	for i, values := range parents {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		found, err := r.filtered(q, values)
		if err != nil {
			return nil, err
		}
		counts[i] = int64(len(found))
	}
	return counts, nil
}

// row is an entity, or what a group was made to.
type row struct {
	source  Source
	set     *edm.EntitySet
	values  []any // of the set's properties, in their order
	outputs []any // behind a step that aggregates; else nil
}

// Value implements query.Row.
func (r row) Value(p *edm.Property) any {
	if i := slices.Index(r.set.Properties, p); i >= 0 {
		return r.values[i]
	}
	return nil
}

// Related implements query.Row.
func (r row) Related(n *edm.Navigation) []query.Row {
	from := make([]any, len(n.On))
	for i, link := range n.On {
		from[i] = r.Value(link.From)
	}
	var related []query.Row
	for _, values := range r.source[n.Target] {
		if to := (row{source: r.source, set: n.Target, values: values}); to.at(n, from) {
			related = append(related, to)
		}
	}
	return related
}

// at says whether a navigation property leads here from a row with these values.
func (r row) at(n *edm.Navigation, from []any) bool {
	for i, link := range n.On {
		to := r.Value(link.To)
		if from[i] == nil || to == nil || query.Compare(link.To.Type.Kind, from[i], to) != 0 {
			return false
		}
	}
	return true
}

func (r row) evaluate(e query.Expr) (any, error) {
	if r.outputs != nil {
		return query.EvaluateOutput(e, r.outputs)
	}
	return query.Evaluate(e, r)
}

func (r row) all(columns []query.Column) ([]any, error) {
	values := make([]any, len(columns))
	for i, c := range columns {
		v, err := r.evaluate(c.Expr)
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	return values, nil
}

// sorted are the rows that a query gives, for one parent if it has parents.
func (r reader) sorted(q *query.Query, parent []any) ([]row, error) {
	found, err := r.filtered(q, parent)
	if err != nil {
		return nil, err
	}
	type sortable struct {
		row
		by []any
	}
	order := make([]query.Column, len(q.Order))
	for i, o := range q.Order {
		order[i].Expr = o.Expr
	}
	var after []sortable
	for _, f := range found {
		by, err := f.all(order)
		if err != nil {
			return nil, err
		}
		if q.After == nil || compare(q.Order, by, q.After) > 0 {
			after = append(after, sortable{f, by})
		}
	}
	slices.SortStableFunc(after, func(x, y sortable) int { return compare(q.Order, x.by, y.by) })
	after = after[min(q.Skip, int64(len(after))):]
	if q.Top >= 0 {
		after = after[:min(q.Top, int64(len(after)))]
	}
	result := make([]row, len(after))
	for i, a := range after {
		result[i] = a.row
	}
	return result, nil
}

func compare(order []query.Order, x, y []any) int {
	for i, o := range order {
		c := query.Compare(o.Expr.Type().Kind, x[i], y[i])
		switch {
		case c != 0 && o.Desc:
			return -c
		case c != 0:
			return c
		}
	}
	return 0
}

// filtered are the rows that a query is about, in any order.
func (r reader) filtered(q *query.Query, parent []any) ([]row, error) {
	found := r.reached(q.Set, q.Of, q.Key)
	if q.Parents != nil {
		found = slices.DeleteFunc(found, func(f row) bool { return !f.at(q.Parents.Nav, parent) })
	}
	var err error
	for i := range q.Apply {
		step := &q.Apply[i]
		if found, err = keep(found, step.Filter); err != nil {
			return nil, err
		}
		if step.Aggregates() {
			if found, err = aggregate(found, step); err != nil {
				return nil, err
			}
		}
	}
	return keep(found, q.Filter)
}

// reached are the rows of a set that an origin leads to and that have a key, if there are any.
func (r reader) reached(set *edm.EntitySet, of *query.Origin, key []any) []row {
	var found []row
	if of == nil {
		for _, values := range r.source[set] {
			found = append(found, row{source: r.source, set: set, values: values})
		}
	} else {
		for _, from := range r.reached(of.Set, of.Of, of.Key) {
			for _, to := range from.Related(of.Nav) {
				if to, ok := to.(row); ok {
					found = append(found, to)
				}
			}
		}
	}
	if key == nil {
		return found
	}
	return slices.DeleteFunc(found, func(f row) bool {
		for i, p := range set.Key {
			if v := f.Value(p); v == nil || query.Compare(p.Type.Kind, v, key[i]) != 0 {
				return true
			}
		}
		return false
	})
}

func keep(found []row, filter query.Expr) ([]row, error) {
	if filter == nil {
		return found, nil
	}
	var kept []row
	for _, f := range found {
		v, err := f.evaluate(filter)
		if err != nil {
			return nil, err
		}
		if v == true {
			kept = append(kept, f)
		}
	}
	return kept, nil
}

// identity tells groups apart.
func identity(by []query.Column, values []any) string {
	var b []byte
	for i, c := range by {
		b = strconv.AppendQuote(b, query.Identity(c.Expr.Type().Kind, values[i]))
	}
	return string(b)
}

// aggregate makes a row of each group, in the order in which groups begin.
func aggregate(found []row, step *query.Step) ([]row, error) {
	type group struct {
		by   []any
		sums []*query.Aggregator
	}
	begin := func(by []any) *group {
		g := &group{by: by}
		for _, a := range step.Aggregate {
			g.sums = append(g.sums, query.NewAggregator(a))
		}
		return g
	}
	groups := map[string]*group{}
	var inOrder []*group
	if len(step.By) == 0 {
		groups[""] = begin([]any{})
		inOrder = append(inOrder, groups[""])
	}
	for _, f := range found {
		by, err := f.all(step.By)
		if err != nil {
			return nil, err
		}
		id := identity(step.By, by)
		if groups[id] == nil {
			groups[id] = begin(by)
			inOrder = append(inOrder, groups[id])
		}
		for i, a := range step.Aggregate {
			var v any
			if a.Expr != nil {
				if v, err = f.evaluate(a.Expr); err != nil {
					return nil, err
				}
			}
			if err := groups[id].sums[i].Add(v); err != nil {
				return nil, err
			}
		}
	}
	made := make([]row, len(inOrder))
	for i, g := range inOrder {
		made[i].outputs = slices.Clip(g.by)
		for _, sum := range g.sums {
			v, err := sum.Result()
			if err != nil {
				return nil, err
			}
			made[i].outputs = append(made[i].outputs, v)
		}
	}
	return made, nil
}

type rows struct {
	values  [][]any
	parents []int
	at      int
}

func (r *rows) Next() bool {
	r.at++
	return r.at < len(r.values)
}
func (r *rows) Values() []any { return r.values[r.at] }
func (r *rows) Parent() int   { return r.parents[r.at] }
func (r *rows) Err() error    { return nil }
func (r *rows) Close() error  { return nil }
