package query

import (
	"slices"
	"strings"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/uri"
)

// place is where a path leads: to a value; or to the rows that many leads to; or to the row of set that single-valued path
// leads to from row.
type place struct {
	value Expr
	row   *Var
	path  []*edm.Navigation
	set   *edm.EntitySet
	many  *edm.Navigation
}

func (b *binder) pathValue(e uri.Expr, s *scope) (Expr, error) {
	p, err := b.path(e, s)
	switch {
	case err != nil:
		return nil, err
	case p.value != nil:
		return p.value, nil
	case p.many != nil:
		return nil, b.collection(e, p)
	}
	return nil, b.fail(e.At(), "expected a value, and this is an entity of %s: name one of its properties", p.set.Name)
}

func (b *binder) collection(e uri.Expr, p place) error {
	if b.option == "$apply" {
		return b.unsupported(e.At(), "%s leads to many: only paths that lead to one can be grouped by and aggregated", p.many.Name)
	}
	return b.fail(e.At(), "%s leads to many: use %s/any(x:…), %s/all(x:…) or %s/$count", p.many.Name, p.many.Name, p.many.Name, p.many.Name)
}

// path follows names from where they begin.
func (b *binder) path(e uri.Expr, s *scope) (place, error) {
	switch e := e.(type) {
	case *uri.Root:
		return b.start(e, s)
	case *uri.Member:
		if n := s.find(flatten(e)); n != nil {
			if err := b.count(e.At(), n.nodes); err != nil {
				return place{}, err
			}
			return place{value: n.expr}, nil
		}
		if e.Of != nil {
			p, err := b.path(e.Of, s)
			if err != nil {
				return p, err
			}
			return b.step(p, e)
		}
		if v := s.lookup(e.Name); v != nil {
			return place{row: v, set: v.Set}, nil
		}
		set := s.set(s.row)
		if set == nil {
			return place{}, b.fail(e.At(), "there is no %s behind the aggregation. %s", quote(e.Name), list("There are", s.known()))
		}
		return b.step(place{row: s.row, set: set}, e)
	case *uri.Keyed:
		return place{}, b.unsupported(e.At(), "keys can't be used inside of expressions")
	case *uri.Annotation:
		return place{}, b.unsupported(e.At(), "annotations can't be used inside of expressions")
	}
	return place{}, b.fail(e.At(), "a path begins with a name")
}

func (b *binder) start(e *uri.Root, s *scope) (place, error) {
	row := s.row
	switch e.Name {
	case "$it":
		if row = nil; s.nested {
			return place{}, b.unsupported(e.At(), "$it can't be used inside of $expand: it is a row of another query")
		}
	case "$this":
	default:
		return place{}, b.unsupported(e.At(), "%s can't be used inside of expressions", e.Name)
	}
	set := s.set(row)
	if set == nil {
		return place{}, b.unsupported(e.At(), "behind an aggregation there is no %s", e.Name)
	}
	return place{row: row, set: set}, nil
}

// step follows one name from a row.
func (b *binder) step(p place, e *uri.Member) (place, error) {
	switch {
	case p.many != nil:
		return p, b.collection(e, p)
	case p.value != nil:
		return p, b.fail(e.At(), "expected no %s here: there is nothing inside of a value", quote("/"+e.Name))
	case strings.Contains(e.Name, "."):
		return p, b.fail(e.At(), "there is no type %s that %s could be", quote(e.Name), p.set.Name)
	}
	if prop := p.set.Property(e.Name); prop != nil {
		p.value = &Property{Var: p.row, Path: p.path, Prop: prop}
		return p, nil
	}
	n := p.set.Way(e.Name)
	if n == nil {
		return p, b.fail(e.At(), "%s", unknown(p.set, "property", e.Name))
	}
	if n.Many {
		p.many = n
		return p, nil
	}
	p.path = append(slices.Clip(p.path), n)
	p.set = n.Target
	return p, nil
}

// flatten gives the names of a path that begins with a name; nil if it does not.
func flatten(e uri.Expr) (names []string) {
	for {
		m, ok := e.(*uri.Member)
		if !ok {
			return nil
		}
		names = append(names, m.Name)
		if m.Of == nil {
			slices.Reverse(names)
			return names
		}
		e = m.Of
	}
}

// find looks for a named value that is not hidden by a lambda variable, and that belongs to the row that names without a
// prefix mean.
func (s *scope) find(path []string) *named {
	if len(path) == 0 || s.row != nil || s.lookup(path[0]) != nil {
		return nil
	}
	for i := range s.names {
		if slices.Equal(s.names[i].path, path) {
			return &s.names[i]
		}
	}
	return nil
}

func (s *scope) known() (names []string) {
	for _, n := range s.names {
		names = append(names, strings.Join(n.path, "/"))
	}
	return names
}

// related follows a path that has to lead to many rows, and counts it.
func (b *binder) related(e, of uri.Expr, s *scope) (place, error) {
	if of == nil {
		return place{}, b.fail(e.At(), "expected a navigation property that leads to many")
	}
	p, err := b.path(of, s)
	switch {
	case err != nil:
		return p, err
	case p.many == nil:
		return p, b.fail(of.At(), "expected a navigation property that leads to many")
	}
	return p, b.count(of.At(), 1)
}

// lambda binds any and all. Inside, a name without a prefix belongs to the row where the path before the lambda begins (URL
// Conventions 5.1.1.13).
func (b *binder) lambda(e *uri.Lambda, s *scope) (Expr, error) {
	p, err := b.related(e, e.Of, s)
	if err != nil {
		return nil, err
	}
	x := &Exists{All: e.All, From: p.row, Path: p.path, Nav: p.many, Var: &Var{Set: p.many.Target, Name: e.Var}}
	if e.Body == nil {
		return x, nil
	}
	inner := *s
	inner.row = p.row
	inner.lambdas = &lambda{x.Var, s.lambdas}
	body, err := b.expr(e.Body, &inner)
	if err != nil {
		return nil, err
	}
	if body = typed(body, edm.Type{Kind: edm.Boolean}); body.Type().Kind != edm.Boolean {
		return nil, b.fail(e.Body.At(), "expected a condition, and this is %s", b.typeText(body.Type()))
	}
	x.Body = body
	return x, nil
}

// countOf binds Events/$count($filter=…;$search=…).
func (b *binder) countOf(e *uri.Count, s *scope) (Expr, error) {
	p, err := b.related(e, e.Of, s)
	if err != nil {
		return nil, err
	}
	x := &CountOf{From: p.row, Path: p.path, Nav: p.many, Var: &Var{Set: p.many.Target}}
	if e.Options == nil {
		return x, nil
	}
	for _, name := range e.Options.Given {
		if name != "filter" && name != "search" {
			return nil, b.fail(e.At(), "$%s does not apply to $count: $filter and $search do", name)
		}
	}
	inner := *s
	inner.row = x.Var
	var conditions []Expr
	if e.Options.Filter != nil {
		c, err := b.condition(e.Options.Filter, &inner)
		if err != nil {
			return nil, err
		}
		conditions = append(conditions, c)
	}
	if e.Options.Search != nil {
		c, err := b.search(e.Options.Search, p.many.Target, x.Var)
		if err != nil {
			return nil, err
		}
		conditions = append(conditions, c)
	}
	if len(conditions) > 0 {
		x.Filter = balanced(And, conditions)
	}
	return x, nil
}

// search binds an expression of $search: each word or phrase is looked for in all searchable properties.
func (b *binder) search(e uri.Expr, set *edm.EntitySet, v *Var) (Expr, error) {
	if len(set.Searchable) == 0 {
		return nil, b.unsupported(e.At(), "%s can't be searched", set.Name)
	}
	if err := b.count(e.At(), 1); err != nil {
		return nil, err
	}
	switch e := e.(type) {
	case *uri.Term:
		return &Match{Var: v, Set: set, Text: e.Text}, nil
	case *uri.Unary:
		x, err := b.search(e.X, set, v)
		if err != nil {
			return nil, err
		}
		return not(x), nil
	case *uri.Binary:
		x, err := b.search(e.X, set, v)
		if err != nil {
			return nil, err
		}
		y, err := b.search(e.Y, set, v)
		if err != nil {
			return nil, err
		}
		op := And
		if strings.EqualFold(e.Op, "or") {
			op = Or
		}
		return &Binary{Op: op, X: x, Y: y, Of: edm.Type{Kind: edm.Boolean}}, nil
	}
	return nil, b.fail(e.At(), "expected a word or a phrase")
}
