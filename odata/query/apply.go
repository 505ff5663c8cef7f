package query

import (
	"slices"
	"strings"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/uri"
)

// apply binds $apply. Behind a step that aggregates, the scope has its outputs and no properties.
func (b *binder) apply(q *Query, all []uri.Transformation, s *scope) error {
	for i := range all {
		t := &all[i]
		var step Step
		var err error
		switch t.Kind {
		case "filter":
			step.Filter, err = b.condition(t.Filter, s)
		case "groupby":
			err = b.groupBy(&step, t, s)
		case "aggregate":
			err = b.aggregate(&step, t.Aggregate, s)
		default:
			err = b.unsupported(t.Pos, "%s is not supported: filter, groupby and aggregate are", t.Kind)
		}
		if err != nil {
			return err
		}
		q.Apply = append(q.Apply, step)
		if step.Aggregates() {
			b.become(q, s)
		}
	}
	return nil
}

// become makes the outputs of the last step what names mean.
func (b *binder) become(q *Query, s *scope) {
	outputs, step := q.outputs()
	s.own, s.names = nil, nil
	for i, c := range q.Apply[step].By {
		s.names = append(s.names, named{path: c.Path, expr: outputs[i]})
	}
	for i, a := range q.Apply[step].Aggregate {
		s.names = append(s.names, named{path: []string{a.Name}, expr: outputs[len(q.Apply[step].By)+i]})
	}
}

func (b *binder) groupBy(step *Step, t *uri.Transformation, s *scope) error {
	for _, item := range t.GroupBy {
		if item.Rollup {
			return b.unsupported(item.Pos, "rollup is not supported")
		}
		var e uri.Expr
		for _, name := range item.Path {
			e = &uri.Member{Pos: uri.Pos(item.Pos), Of: e, Name: name}
		}
		if slices.ContainsFunc(step.By, func(c Column) bool { return slices.Equal(c.Path, item.Path) }) {
			continue
		}
		x, err := b.expr(e, s)
		if err != nil {
			return err
		}
		step.By = append(step.By, Column{Path: item.Path, Expr: x})
	}
	if len(step.By) == 0 {
		return b.fail(t.Pos, "groupby needs at least one property")
	}
	switch {
	case len(t.Then) == 0:
		return nil
	case len(t.Then) > 1 || t.Then[0].Kind != "aggregate":
		return b.unsupported(t.Then[0].Pos, "groups can be aggregated only: groupby((…),aggregate(…))")
	}
	return b.aggregate(step, t.Then[0].Aggregate, s)
}

func (b *binder) aggregate(step *Step, items []uri.AggregateItem, s *scope) error {
	for _, item := range items {
		if item.From {
			return b.unsupported(item.Pos, "from is not supported")
		}
		if item.As == "" {
			return b.unsupported(item.Pos, "there are no custom aggregates: name a method and an alias, as in Amount with sum as Total")
		}
		taken := slices.ContainsFunc(step.By, func(c Column) bool { return c.Path[0] == item.As }) ||
			slices.ContainsFunc(step.Aggregate, func(a Aggregate) bool { return a.Name == item.As })
		if taken {
			return b.fail(item.Pos, "%s is there already", quote(item.As))
		}
		a, err := b.aggregateOne(item, s)
		if err != nil {
			return err
		}
		step.Aggregate = append(step.Aggregate, a)
	}
	if len(step.Aggregate) == 0 {
		return b.fail(0, "aggregate needs at least one expression")
	}
	return nil
}

// aggregateOne types one aggregate: sums of integers are Int64, averages of integers and decimals Decimal, of floating numbers Double.
func (b *binder) aggregateOne(item uri.AggregateItem, s *scope) (Aggregate, error) {
	a := Aggregate{Name: item.As, Type: edm.Type{Kind: edm.Int64}}
	if item.Expr == nil {
		return a, b.count(item.Pos, 1)
	}
	if c, ok := item.Expr.(*uri.Count); ok && item.Method == "" {
		return a, b.unsupported(c.At(), "only $count of the rows themselves is supported")
	}
	x, err := b.value(item.Expr, s)
	if err != nil {
		return a, err
	}
	a.Expr = x
	k := x.Type().Kind
	switch item.Method {
	case "sum", "average":
		a.Method = Sum
		if item.Method == "average" {
			a.Method = Average
		}
		switch {
		case !isNumber(k):
			return a, b.fail(item.Pos, "%s needs numbers, and this is %s", item.Method, b.typeText(x.Type()))
		case isFloat(k):
			a.Type = edm.Type{Kind: edm.Double}
		case k == edm.Decimal || a.Method == Average:
			a.Type = numeric(edm.Decimal)
		}
	case "min", "max":
		a.Method = Min
		if item.Method == "max" {
			a.Method = Max
		}
		if a.Type = x.Type(); k == edm.Boolean || k == edm.Guid || k == edm.Enum {
			return a, b.unsupported(item.Pos, "%s of %s is not supported", item.Method, b.typeText(x.Type()))
		}
	case "countdistinct":
		a.Method = CountDistinct
	default:
		return a, b.unsupported(item.Pos, "there is no method %s: sum, min, max, average and countdistinct are supported", quote(item.Method))
	}
	return a, nil
}

// chooseOutputs binds $select behind an aggregation, where Owner means all that is below it.
func (b *binder) chooseOutputs(q *Query, items []uri.SelectItem, s *scope) ([]string, error) {
	chosen := make([]bool, len(s.names))
	for _, item := range items {
		found := false
		for i, n := range s.names {
			below := len(n.path) >= len(item.Path) && slices.Equal(n.path[:len(item.Path)], item.Path)
			if below || len(item.Path) == 1 && item.Path[0] == "*" {
				chosen[i], found = true, true
			}
		}
		switch {
		case item.Options != nil:
			return nil, b.fail(item.Pos, "options don't apply behind an aggregation")
		case !found:
			return nil, b.fail(item.Pos, "there is no %s behind the aggregation. %s", quote(strings.Join(item.Path, "/")), list("There are", s.known()))
		}
	}
	var paths [][]string
	for i, n := range s.names {
		if len(items) == 0 || chosen[i] {
			q.Columns = append(q.Columns, Column{Path: n.path, Expr: n.expr})
			paths = append(paths, n.path)
		}
	}
	return nest(paths), nil
}

// nest writes paths as the context URL has them: Owner(Name,ID),Total.
func nest(paths [][]string) (all []string) {
	var heads []string
	below := map[string][][]string{}
	for _, p := range paths {
		if _, ok := below[p[0]]; !ok {
			heads = append(heads, p[0])
			below[p[0]] = nil
		}
		if len(p) > 1 {
			below[p[0]] = append(below[p[0]], p[1:])
		}
	}
	for _, head := range heads {
		if inner := nest(below[head]); len(inner) > 0 {
			head += "(" + strings.Join(inner, ",") + ")"
		}
		all = append(all, head)
	}
	return all
}
