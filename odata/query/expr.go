package query

import (
	"slices"
	"strings"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/uri"
)

func boolean(v any) *Literal { return &Literal{Value: v, Of: edm.Type{Kind: edm.Boolean}} }

func not(x Expr) Expr { return &Unary{Op: Not, X: x, Of: edm.Type{Kind: edm.Boolean}} }

// expr binds an expression. Null that stands where its type is not known has the kind Invalid.
func (b *binder) expr(e uri.Expr, s *scope) (Expr, error) {
	if err := b.count(e.At(), 1); err != nil {
		return nil, err
	}
	switch e := e.(type) {
	case *uri.Literal:
		return b.literal(e)
	case *uri.Member, *uri.Root, *uri.Keyed, *uri.Annotation:
		return b.pathValue(e, s)
	case *uri.Lambda:
		return b.lambda(e, s)
	case *uri.Count:
		return b.countOf(e, s)
	case *uri.Unary:
		return b.unary(e, s)
	case *uri.Binary:
		return b.binary(e, s)
	case *uri.Call:
		return b.call(e, s)
	case *uri.Alias:
		return b.alias(e, func(of uri.Expr) (Expr, error) { return b.expr(of, s) })
	case *uri.List:
		return nil, b.unsupported(e.At(), "a list can stand behind \"in\" only")
	case *uri.Object:
		return nil, b.unsupported(e.At(), "objects can't be used: no property holds one")
	}
	return nil, b.fail(e.At(), "expected an expression")
}

// alias does something with what an alias stands for. One that is not given is null (URL Conventions 5.2).
func (b *binder) alias(e *uri.Alias, do func(uri.Expr) (Expr, error)) (Expr, error) {
	of, ok := b.aliases[e.Name]
	if !ok || of == nil {
		return &Literal{}, nil
	}
	if slices.Contains(b.using, e.Name) {
		return nil, b.fail(e.At(), "the alias @%s leads back to itself", e.Name)
	}
	outer := b.option
	b.option = "@" + e.Name
	b.using = append(b.using, e.Name)
	x, err := do(of)
	b.using = b.using[:len(b.using)-1]
	b.option = outer
	return x, err
}

func (b *binder) unary(e *uri.Unary, s *scope) (Expr, error) {
	if e.Op == "not" {
		x, err := b.expr(e.X, s)
		if err != nil {
			return nil, err
		}
		if x = typed(x, edm.Type{Kind: edm.Boolean}); x.Type().Kind != edm.Boolean {
			return nil, b.fail(e.At(), "not needs a condition, and this is %s", b.typeText(x.Type()))
		}
		return not(x), nil
	}
	if l, ok := e.X.(*uri.Literal); ok && (l.Kind == uri.Integer || l.Kind == uri.Fraction) && !strings.HasPrefix(l.Text, "-") {
		minus := *l
		minus.Text = "-" + l.Text
		return b.literal(&minus)
	}
	x, err := b.expr(e.X, s)
	if err != nil {
		return nil, err
	}
	t := x.Type()
	switch k := t.Kind; {
	case isNull(x):
		return x, nil
	case isInteger(k):
		t = edm.Type{Kind: edm.Int64}
	case isFloat(k):
		t = edm.Type{Kind: edm.Double}
		x = convert(x, edm.Double)
	case k != edm.Decimal && k != edm.Duration:
		return nil, b.fail(e.At(), "- needs a number or a duration, and this is %s", b.typeText(t))
	}
	return &Unary{Op: Negate, X: x, Of: t}, nil
}

func (b *binder) binary(e *uri.Binary, s *scope) (Expr, error) {
	switch e.Op {
	case "and", "or":
		return b.logic(e, s)
	case "in":
		return b.in(e, s)
	case "eq", "ne":
		x, err := b.entityTest(e, s)
		if x != nil || err != nil {
			return x, err
		}
	}
	x, err := b.expr(e.X, s)
	if err != nil {
		return nil, err
	}
	y, err := b.expr(e.Y, s)
	if err != nil {
		return nil, err
	}
	switch e.Op {
	case "eq", "ne", "gt", "ge", "lt", "le":
		return b.comparison(e, x, y)
	case "has":
		return b.has(e, x, y)
	}
	return b.arithmetic(e, x, y)
}

// logic binds a chain of and, or of or, as a balanced tree: a filter of a thousand alternatives is a depth of ten.
func (b *binder) logic(e *uri.Binary, s *scope) (Expr, error) {
	var chain []uri.Expr
	var left uri.Expr = e
	for {
		x, ok := left.(*uri.Binary)
		if !ok || x.Op != e.Op {
			break
		}
		chain = append(chain, x.Y)
		left = x.X
	}
	chain = append(chain, left)
	slices.Reverse(chain)
	if err := b.count(e.At(), len(chain)-1); err != nil {
		return nil, err
	}
	bound := make([]Expr, len(chain))
	for i, c := range chain {
		x, err := b.expr(c, s)
		if err != nil {
			return nil, err
		}
		if x = typed(x, edm.Type{Kind: edm.Boolean}); x.Type().Kind != edm.Boolean {
			return nil, b.fail(c.At(), "%s needs conditions on both sides, and this is %s", e.Op, b.typeText(x.Type()))
		}
		bound[i] = x
	}
	op := And
	if e.Op == "or" {
		op = Or
	}
	return balanced(op, bound), nil
}

func balanced(op Op, all []Expr) Expr {
	if len(all) == 1 {
		return all[0]
	}
	half := len(all) / 2
	return &Binary{Op: op, X: balanced(op, all[:half]), Y: balanced(op, all[half:]), Of: edm.Type{Kind: edm.Boolean}}
}

// entityTest binds a comparison of an entity with null: Owner eq null. Nil when none of both is an entity.
func (b *binder) entityTest(e *uri.Binary, s *scope) (Expr, error) {
	of, with := e.X, e.Y
	if isNullLiteral(of) {
		of, with = with, of
	}
	switch of.(type) {
	case *uri.Member, *uri.Root:
	default:
		return nil, nil
	}
	p, err := b.path(of, s)
	switch {
	case err != nil || p.value != nil || p.many != nil:
		return nil, err
	case !isNullLiteral(with):
		return nil, b.unsupported(e.At(), "entities can be compared with null only: compare their properties")
	}
	if err := b.count(of.At(), 2); err != nil {
		return nil, err
	}
	x := isNullTest(&Property{Var: p.row, Path: p.path, Prop: p.set.Key[0]}) // which is null where there is no entity
	if e.Op == "ne" {
		x = not(x)
	}
	return x, nil
}

func isNullLiteral(e uri.Expr) bool {
	l, ok := e.(*uri.Literal)
	return ok && l.Kind == uri.Null
}

func (b *binder) comparison(e *uri.Binary, x, y Expr) (Expr, error) {
	op := map[string]Op{"eq": Equal, "ne": NotEqual, "gt": Greater, "ge": GreaterOrEqual, "lt": Less, "le": LessOrEqual}[e.Op]
	x, y, err := b.unify(e.X, e.Y, x, y)
	switch {
	case err != nil:
		return nil, err
	case !isNull(x) && !isNull(y):
		return &Binary{Op: op, X: x, Y: y, Of: edm.Type{Kind: edm.Boolean}}, nil
	case op != Equal && op != NotEqual:
		return boolean(false), nil
	case isNull(x):
		x = y
	}
	if op == NotEqual {
		return not(isNullTest(x)), nil
	}
	return isNullTest(x), nil
}

func isNullTest(x Expr) Expr { return &Unary{Op: IsNull, X: x, Of: edm.Type{Kind: edm.Boolean}} }

func (b *binder) has(e *uri.Binary, x, y Expr) (Expr, error) {
	x, y, err := b.unify(e.X, e.Y, x, y)
	switch {
	case err != nil:
		return nil, err
	case x.Type().Kind != edm.Enum:
		return nil, b.fail(e.At(), "has needs an enumeration, and this is %s", b.typeText(x.Type()))
	case !x.Type().Enum.Flags:
		return nil, b.unsupported(e.At(), "has needs an enumeration of flags, and %s has none", b.typeText(x.Type()))
	case isNull(x) || isNull(y):
		return boolean(nil), nil
	}
	return &Binary{Op: Has, X: x, Y: y, Of: edm.Type{Kind: edm.Boolean}}, nil
}

func (b *binder) in(e *uri.Binary, s *scope) (Expr, error) {
	x, err := b.expr(e.X, s)
	if err != nil {
		return nil, err
	}
	if a, ok := e.Y.(*uri.Alias); ok {
		return b.alias(a, func(of uri.Expr) (Expr, error) { return b.inList(e, x, of, s) })
	}
	return b.inList(e, x, e.Y, s)
}

// inList tests x with each item. Items that promote x, as a fraction does an integer, are compared on their own.
func (b *binder) inList(e *uri.Binary, x Expr, of uri.Expr, s *scope) (Expr, error) {
	items, ok := of.(*uri.List)
	if !ok {
		return nil, b.unsupported(of.At(), "in needs a list of values: Name in ('a','b')")
	}
	in := &In{X: x}
	var others []Expr
	for _, item := range items.Items {
		y, err := b.expr(item, s)
		if err != nil {
			return nil, err
		}
		px, py, err := b.unify(e.X, item, x, y)
		if err != nil {
			return nil, err
		}
		if in.X == px && !isNull(px) && !isNull(py) {
			in.List = append(in.List, py)
			continue
		}
		if err := b.count(item.At(), 2); err != nil {
			return nil, err
		}
		switch {
		case isNull(py):
			others = append(others, isNullTest(px))
		case isNull(px):
			others = append(others, isNullTest(py))
		default:
			others = append(others, &Binary{Op: Equal, X: px, Y: py, Of: edm.Type{Kind: edm.Boolean}})
		}
	}
	if len(in.List) > 0 {
		others = append([]Expr{in}, others...)
	}
	if len(others) == 0 {
		return boolean(false), nil
	}
	return balanced(Or, others), nil
}

// arithmetic types the operators add, sub, mul, div, divby and mod.
func (b *binder) arithmetic(e *uri.Binary, x, y Expr) (Expr, error) {
	op, ok := map[string]Op{"add": Add, "sub": Sub, "mul": Mul, "div": Div, "divby": DivBy, "mod": Mod}[e.Op]
	if !ok {
		return nil, b.unsupported(e.At(), "there is no operator %s", quote(e.Op))
	}
	y = text(y, x.Type().Kind == edm.DateTimeOffset || x.Type().Kind == edm.Date || x.Type().Kind == edm.Duration, edm.Duration)
	x = text(x, y.Type().Kind == edm.Duration, edm.Duration)
	x, y = typed(x, y.Type()), typed(y, x.Type())
	xk, yk := x.Type().Kind, y.Type().Kind
	if xk == edm.Invalid { // null add null
		return x, nil
	}
	var of edm.Kind
	switch {
	case isNumber(xk) && isNumber(yk):
		of = promoted(xk, yk)
		if of == edm.Int64 && op == DivBy {
			of = edm.Decimal
		} else {
			x, y = convert(x, of), convert(y, of)
		}
		if of == edm.Double && op == Mod {
			return nil, b.unsupported(e.At(), "mod is for integers and decimals")
		}
	case op == Sub && xk == yk && (xk == edm.DateTimeOffset || xk == edm.Date):
		of = edm.Duration
	case (op == Add || op == Sub) && yk == edm.Duration && (xk == edm.DateTimeOffset || xk == edm.Date || xk == edm.Duration):
		of = xk
	case xk == edm.Duration && isNumber(yk) || isNumber(xk) && yk == edm.Duration && op == Mul:
		return nil, b.unsupported(e.At(), "durations can't be multiplied or divided here")
	default:
		return nil, b.fail(e.At(), "%s can't be done with %s and %s", e.Op, b.typeText(x.Type()), b.typeText(y.Type()))
	}
	if isNull(x) || isNull(y) {
		return &Literal{Of: numeric(of)}, nil
	}
	return &Binary{Op: op, X: x, Y: y, Of: numeric(of)}, nil
}

// promoted is what two numbers are computed as: Double if one is floating, then Decimal, then Int64, which is wider than
// URL Conventions 5.1.1.18 asks for, so that nothing overflows that need not.
func promoted(x, y edm.Kind) edm.Kind {
	switch {
	case isFloat(x) || isFloat(y):
		return edm.Double
	case x == edm.Decimal || y == edm.Decimal:
		return edm.Decimal
	}
	return edm.Int64
}

// numeric is a type of computed values: a Decimal of any scale.
func numeric(k edm.Kind) edm.Type {
	if k == edm.Decimal {
		return edm.Type{Kind: k, Scale: -1}
	}
	return edm.Type{Kind: k}
}
