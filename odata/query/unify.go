package query

import (
	"math"
	"strconv"
	"strings"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/uri"
)

// literal gives a constant the type that its form says: the narrowest integer of Int32 and Int64, Decimal for fractions,
// Double for those with an exponent, or what a suffix says (100D, 1.5M, 2f, 3L).
func (b *binder) literal(l *uri.Literal) (Expr, error) {
	kind := edm.Invalid
	switch l.Kind {
	case uri.Null:
		return &Literal{}, nil
	case uri.True, uri.False:
		return boolean(l.Kind == uri.True), nil
	case uri.Integer, uri.Fraction, uri.Inf:
		return b.number(l)
	case uri.Text:
		kind = edm.String
	case uri.GuidText:
		kind = edm.Guid
	case uri.DateText:
		kind = edm.Date
	case uri.TimeText:
		kind = edm.TimeOfDay
	case uri.InstantText:
		kind = edm.DateTimeOffset
	case uri.DurationText:
		kind = edm.Duration
	case uri.BinaryText:
		kind = edm.Binary
	case uri.EnumText:
		return b.enumLiteral(l)
	case uri.Geo:
		return nil, b.unsupported(l.At(), "there are no geographical values here")
	}
	v, ok := edm.ParseLiteral(kind, l.Text)
	if !ok {
		return nil, b.fail(l.At(), "%s is no %s", quote(l.Text), kind)
	}
	return &Literal{Value: v, Of: edm.Type{Kind: kind}}, nil
}

func (b *binder) number(l *uri.Literal) (Expr, error) {
	var kinds []edm.Kind
	switch l.Suffix {
	case 'd':
		kinds = []edm.Kind{edm.Double}
	case 'f':
		kinds = []edm.Kind{edm.Single}
	case 'm':
		kinds = []edm.Kind{edm.Decimal}
	case 'l':
		kinds = []edm.Kind{edm.Int64}
	default:
		switch {
		case l.Kind == uri.Inf || strings.ContainsAny(l.Text, "eE"):
			kinds = []edm.Kind{edm.Double}
		case l.Kind == uri.Fraction:
			kinds = []edm.Kind{edm.Decimal, edm.Double}
		default:
			kinds = []edm.Kind{edm.Int32, edm.Int64, edm.Decimal}
		}
	}
	for _, k := range kinds {
		if v, ok := edm.ParseLiteral(k, l.Text); ok {
			return &Literal{Value: v, Of: numeric(k)}, nil
		}
	}
	return nil, b.fail(l.At(), "%s is no %s, or out of its range", quote(l.Text), kinds[0])
}

func (b *binder) enumLiteral(l *uri.Literal) (Expr, error) {
	var known []string
	for _, e := range b.model.Enums {
		name := b.model.Namespace + "." + e.Name
		known = append(known, name)
		if name != l.TypeName {
			continue
		}
		v, ok := e.Parse(l.Text)
		if !ok {
			return nil, b.fail(l.At(), "%s has no member %s. %s", name, quote(l.Text), list("It has", members(e)))
		}
		return &Literal{Value: v, Of: edm.Type{Kind: edm.Enum, Enum: e}}, nil
	}
	return nil, b.fail(l.At(), "there is no enumeration %s. %s", quote(l.TypeName), list("There are", known))
}

func members(e *edm.EnumType) (names []string) {
	for _, m := range e.Members {
		names = append(names, m.Name)
	}
	return names
}

// unify gives two values that are compared one type. What they were in the request is for errors only.
func (b *binder) unify(left, right uri.Expr, x, y Expr) (Expr, Expr, error) {
	x, y = typed(x, y.Type()), typed(y, x.Type())
	if x.Type().Kind == edm.Invalid { // null with null
		return typed(x, edm.Type{Kind: edm.String}), typed(y, edm.Type{Kind: edm.String}), nil
	}
	x, err := b.read(left, x, y.Type())
	if err != nil {
		return nil, nil, err
	}
	y, err = b.read(right, y, x.Type())
	if err != nil {
		return nil, nil, err
	}
	xt, yt := x.Type(), y.Type()
	switch {
	case xt.Kind == edm.Binary || yt.Kind == edm.Binary:
		return nil, nil, b.unsupported(right.At(), "binary values can't be compared")
	case isInteger(xt.Kind) && isInteger(yt.Kind), xt.Kind == yt.Kind && xt.Enum == yt.Enum:
		return x, y, nil
	case isNumber(xt.Kind) && isNumber(yt.Kind):
		x, y = adapt(x, yt.Kind), adapt(y, xt.Kind)
		xk, yk := x.Type().Kind, y.Type().Kind
		if xk == yk || isInteger(xk) && isInteger(yk) {
			return x, y, nil
		}
		to := promoted(xk, yk)
		return convert(x, to), convert(y, to), nil
	}
	return nil, nil, b.fail(right.At(), "%s can't be compared with %s", b.typeText(xt), b.typeText(yt))
}

// read makes a text literal what it is compared with, which OData 4.01 asks for: 'active' a member of an enumeration, 'PT1H' a
// duration, '2026-01-02' a date. A date alone is midnight in UTC where an instant is expected. Other expressions stay.
func (b *binder) read(e uri.Expr, x Expr, t edm.Type) (Expr, error) {
	l, ok := x.(*Literal)
	if !ok || l.Value == nil || l.Of.Kind == t.Kind {
		return x, nil
	}
	if l.Of.Kind == edm.Date && t.Kind == edm.DateTimeOffset {
		return &Literal{Value: l.Value, Of: edm.Type{Kind: edm.DateTimeOffset}}, nil
	}
	s, ok := l.Value.(string)
	if !ok || l.Of.Kind != edm.String || isNumber(t.Kind) {
		return x, nil
	}
	if v, ok := t.Parse(s); ok {
		return &Literal{Value: v, Of: t}, nil
	}
	if t.Kind == edm.Enum {
		return nil, b.fail(e.At(), "%s has no member %s. %s", b.typeText(t), quote(s), list("It has", members(t.Enum)))
	}
	return nil, b.fail(e.At(), "%s is no %s", quote(s), t.Kind)
}

// text reads a text literal as another kind, if that is wanted and possible.
func text(x Expr, wanted bool, k edm.Kind) Expr {
	if l, ok := x.(*Literal); ok && wanted && l.Of.Kind == edm.String && l.Value != nil {
		if v, ok := edm.ParseLiteral(k, as[string](l.Value)); ok {
			return &Literal{Value: v, Of: edm.Type{Kind: k}}
		}
	}
	return x
}

// adapt makes a literal number one of the kind that it is compared with, if that holds the same number; of Single, the nearest.
// So a column is compared as it is, and an index on it can be used.
func adapt(x Expr, k edm.Kind) Expr {
	l, ok := x.(*Literal)
	if !ok || l.Value == nil {
		return x
	}
	switch v := l.Value.(type) {
	case int64:
		return convertIf(x, k, isFloat(k) || k == edm.Decimal)
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) || math.Abs(v) >= 1<<63 {
			return convertIf(x, k, isFloat(k))
		}
		exact := strconv.FormatFloat(v, 'f', -1, 64)
		switch {
		case isFloat(k):
			return convert(x, k)
		case isInteger(k) && v == math.Trunc(v):
			return &Literal{Value: int64(v), Of: edm.Type{Kind: edm.Int64}}
		case k == edm.Decimal || isInteger(k):
			return &Literal{Value: exact, Of: numeric(edm.Decimal)}
		}
	case string:
		d, ok := parseDecimal(v)
		if !ok {
			return x
		}
		if whole := d.round(); isInteger(k) && whole.cmp(d) == 0 && whole.n.IsInt64() {
			return &Literal{Value: whole.n.Int64(), Of: edm.Type{Kind: edm.Int64}}
		}
		return convertIf(x, k, isFloat(k))
	}
	return x
}

func convertIf(x Expr, k edm.Kind, wanted bool) Expr {
	if wanted {
		return convert(x, k)
	}
	return x
}

// convert casts a number to a kind that can hold it. Literals are converted at once, integers stay what they are.
func convert(x Expr, k edm.Kind) Expr {
	from := x.Type().Kind
	if from == k || isInteger(from) && isInteger(k) {
		return x
	}
	if l, ok := x.(*Literal); ok {
		if l.Value == nil {
			return &Literal{Of: numeric(k)}
		}
		if v := Cast(l.Value, from, k); v != nil {
			return &Literal{Value: v, Of: numeric(k)}
		}
	}
	return &Call{Name: "cast", Args: []Expr{x}, Of: numeric(k)}
}
