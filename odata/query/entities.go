package query

import (
	"slices"
	"strings"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/uri"
)

// entities binds the options of rows: those of a request, and those in the parentheses of an expanded property. It fills in
// q, whose Set is given, and returns what the context URL says of the rows: (Name,Owner(ID)), or "".
//
// The order is that of Protocol 11.2.1: $apply, $compute, $search, $filter, $orderby, $skip, $top, $expand, $select.
func (b *binder) entities(q *Query, o *uri.Options, level int, outer string) (string, error) {
	s := &scope{own: q.Set, nested: level > 0}
	b.option = option(outer, "$apply")
	if err := b.apply(q, o.Apply, s); err != nil {
		return "", err
	}
	b.option = option(outer, "$compute")
	computed, err := b.compute(o.Compute, s)
	if err != nil {
		return "", err
	}
	if err := b.narrow(q, o, s, outer); err != nil {
		return "", err
	}
	b.option = option(outer, "$orderby")
	for _, item := range o.OrderBy {
		x, err := b.value(item.Expr, s)
		if err != nil {
			return "", err
		}
		q.Order = append(q.Order, Order{Expr: x, Desc: item.Desc})
	}
	if o.Skip != nil {
		q.Skip = *o.Skip
	}
	if o.Top != nil {
		q.Top = *o.Top
	}
	b.option = option(outer, "$expand")
	if s.own == nil && len(o.Expand) > 0 {
		return "", b.unsupported(0, "behind an aggregation there is nothing to expand")
	}
	expanded, err := b.expand(q, o.Expand, level)
	if err != nil {
		return "", err
	}
	b.option = option(outer, "$select")
	selected, err := b.choose(q, o.Select, s, computed)
	if err != nil {
		return "", err
	}
	q.complete()
	if all := append(selected, expanded...); len(all) > 0 {
		return "(" + strings.Join(all, ",") + ")", nil
	}
	return "", nil
}

// option names what an error speaks of: positions inside of $expand count from its beginning.
func option(outer, name string) string {
	if outer != "" {
		return outer
	}
	return name
}

// narrow binds $search and $filter.
func (b *binder) narrow(q *Query, o *uri.Options, s *scope, outer string) error {
	var conditions []Expr
	if o.Search != nil {
		b.option = option(outer, "$search")
		if s.own == nil {
			return b.unsupported(0, "what was aggregated can't be searched")
		}
		c, err := b.search(o.Search, q.Set, nil)
		if err != nil {
			return err
		}
		if err := b.shallow(o.Search, c); err != nil {
			return err
		}
		conditions = append(conditions, c)
	}
	if o.Filter != nil {
		b.option = option(outer, "$filter")
		c, err := b.condition(o.Filter, s)
		if err != nil {
			return err
		}
		conditions = append(conditions, c)
	}
	if len(conditions) > 0 {
		q.Filter = balanced(And, conditions)
	}
	return nil
}

// compute binds "expression as name" one after the other, so that each may use those before it.
func (b *binder) compute(items []uri.ComputeItem, s *scope) ([]named, error) {
	first := len(s.names)
	for _, item := range items {
		if s.own != nil && (s.own.Property(item.As) != nil || s.own.Way(item.As) != nil) {
			return nil, b.fail(item.Pos, "%s has a property %s already", s.own.Name, item.As)
		}
		if s.find([]string{item.As}) != nil {
			return nil, b.fail(item.Pos, "%s is there already", quote(item.As))
		}
		before := b.nodes
		x, err := b.value(item.Expr, s)
		if err != nil {
			return nil, err
		}
		s.names = append(s.names, named{path: []string{item.As}, expr: x, nodes: b.nodes - before})
	}
	return s.names[first:], nil
}

// choose binds $select: what is written, and how the context URL says it.
func (b *binder) choose(q *Query, items []uri.SelectItem, s *scope, computed []named) ([]string, error) {
	if s.own == nil {
		return b.chooseOutputs(q, items, s)
	}
	everything, names := len(items) == 0, []string(nil)
	ways := map[string]bool{}
	chosen := map[string]bool{}
	for _, item := range items {
		name := strings.Join(item.Path, "/")
		switch {
		case item.Options != nil:
			return nil, b.fail(item.Pos, "%s takes no options: it is no complex value and no collection", quote(name))
		case name == "*":
			everything = true
			continue
		case strings.HasSuffix(name, ".*") && len(item.Path) == 1:
			if name != b.model.Namespace+".*" {
				return nil, b.fail(item.Pos, "there is no namespace %s", quote(strings.TrimSuffix(name, ".*")))
			}
			continue // all of its operations: there are none
		case len(item.Path) == 1 && q.Set.Way(name) != nil:
			ways[name] = true
		case len(item.Path) == 1 && q.Set.Property(name) != nil, s.find(item.Path) != nil:
		default:
			return nil, b.fail(item.Pos, "%s", unknown(q.Set, "property", name))
		}
		if !chosen[name] {
			chosen[name] = true
			names = append(names, name)
		}
	}
	for _, p := range q.Set.Properties {
		if !p.Hidden && (everything || chosen[p.Name]) {
			q.Columns = append(q.Columns, Column{Path: []string{p.Name}, Expr: &Property{Prop: p}})
		}
	}
	for _, c := range computed {
		if everything || chosen[c.path[0]] {
			q.Columns = append(q.Columns, Column{Path: c.path, Expr: c.expr})
		}
	}
	switch {
	case everything && len(computed) == 0:
		return nil, nil
	case everything:
		names = []string{"*"}
		for _, c := range computed {
			names = append(names, c.path[0])
		}
	}
	return names, nil
}

// expansion is one navigation property to be expanded, and by which item.
type expansion struct {
	nav  *edm.Navigation
	item *uri.ExpandItem
}

// expand binds $expand.
func (b *binder) expand(q *Query, items []uri.ExpandItem, level int) ([]string, error) {
	expansions, err := b.ways(q.Set, items)
	if err != nil {
		return nil, err
	}
	if len(expansions) > 0 && level >= b.options.most() {
		return nil, b.fail(expansions[0].item.Pos, "$expand has more than %d levels", b.options.most())
	}
	var contexts []string
	for _, x := range expansions {
		if b.expands++; b.expands > mostExpands {
			return nil, b.fail(x.item.Pos, "more than %d related sets are to be expanded", mostExpands)
		}
		bound := &Expand{Nav: x.nav, Query: &Query{Set: x.nav.Target, Top: -1}}
		context, err := b.expandOne(bound, x.item, level)
		if err != nil {
			return nil, err
		}
		q.Expand = append(q.Expand, bound)
		if bound.Only == Entities {
			if context == "" {
				context = "()"
			}
			contexts = append(contexts, x.nav.Name+context)
		}
	}
	return contexts, nil
}

// ways says what is expanded: named properties, and all others where there is a star.
func (b *binder) ways(set *edm.EntitySet, items []uri.ExpandItem) ([]expansion, error) {
	var expansions []expansion
	var star *uri.ExpandItem
	for i := range items {
		item := &items[i]
		name := strings.Join(item.Path, "/")
		if name == "*" {
			if star != nil {
				return nil, b.fail(item.Pos, "* is there twice")
			}
			star = item
			continue
		}
		n := set.Way(name)
		if n == nil {
			return nil, b.fail(item.Pos, "%s", unknown(set, "navigation property", name))
		}
		if slices.ContainsFunc(expansions, func(x expansion) bool { return x.nav == n }) {
			return nil, b.fail(item.Pos, "%s is expanded twice", name)
		}
		expansions = append(expansions, expansion{n, item})
	}
	if star == nil {
		return expansions, nil
	}
	if star.Options != nil {
		for _, name := range star.Options.Given {
			if name != "levels" {
				return nil, b.fail(star.Pos, "$%s does not apply to *: $levels does", name)
			}
		}
	}
	for _, n := range set.Navigation {
		if !slices.ContainsFunc(expansions, func(x expansion) bool { return x.nav == n }) {
			expansions = append(expansions, expansion{n, star})
		}
	}
	return expansions, nil
}

// expandOne binds what is in the parentheses of one expanded property.
func (b *binder) expandOne(x *Expand, item *uri.ExpandItem, level int) (string, error) {
	o := item.Options
	if o == nil {
		o = &uri.Options{}
	}
	switch {
	case item.Ref:
		x.Only = References
	case item.Count:
		x.Only = CountOnly
	}
	if err := b.applicable(x, item, o); err != nil {
		return "", err
	}
	x.Count = x.Only == CountOnly || o.Count != nil && *o.Count
	nested, err := b.deeper(x, item, o, level)
	if err != nil {
		return "", err
	}
	context, err := b.entities(x.Query, nested, level+1, "$expand")
	if x.Only != Entities {
		x.Query.Columns = nil
	}
	return context, err
}

// applicable refuses options that make no sense for what is expanded.
func (b *binder) applicable(x *Expand, item *uri.ExpandItem, o *uri.Options) error {
	rows := []string{"filter", "search", "orderby", "skip", "top", "count"}
	allowed := []string{"select", "expand", "compute", "levels"}
	switch {
	case x.Only == CountOnly && !x.Nav.Many:
		return b.fail(item.Pos, "%s leads to one at most: there is nothing to count", x.Nav.Name)
	case x.Only == CountOnly:
		allowed = []string{"filter", "search"}
	case x.Only == References && x.Nav.Many:
		allowed = rows
	case x.Only == References:
		allowed = nil
	case x.Nav.Many:
		allowed = append(allowed, rows...)
	}
	for _, name := range o.Given {
		switch {
		case slices.Contains(allowed, name) || name == "levels" && item.Path[0] == "*":
		case name == "apply":
			return b.unsupported(item.Pos, "$apply can't be used inside of $expand")
		default:
			return b.fail(item.Pos, "$%s does not apply to %s here", name, x.Nav.Name)
		}
	}
	return nil
}

// deeper turns $levels into nested options: one level less in each, until there are none.
func (b *binder) deeper(x *Expand, item *uri.ExpandItem, o *uri.Options, level int) (*uri.Options, error) {
	star := item.Path[0] == "*"
	if o.Levels == 0 || x.Only != Entities {
		if !star {
			return o, nil
		}
		return &uri.Options{}, nil
	}
	if !star && x.Nav.Target.Way(x.Nav.Name) != x.Nav {
		return nil, b.fail(item.Pos, "$levels needs a property that leads to its own set, and %s leads to %s", x.Nav.Name, x.Nav.Target.Name)
	}
	left := o.Levels
	if room := b.options.most() - level; left < 0 {
		left = room
	} else if left > room {
		return nil, b.fail(item.Pos, "$expand has more than %d levels", b.options.most())
	}
	if left == 1 {
		if star {
			return &uri.Options{}, nil
		}
		return o, nil
	}
	again := *item
	less := *o
	less.Levels = left - 1
	again.Options = &less
	nested := *o
	if star {
		nested = uri.Options{}
	}
	nested.Expand = append(slices.Clip(slices.Clone(nested.Expand)), again)
	return &nested, nil
}
