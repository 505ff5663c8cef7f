package query

import (
	"slices"
	"strings"
	"time"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/uri"
)

// signature is what a canonical function takes and gives. Where it takes Double or Decimal, other numbers are converted,
// and an Invalid result is of the argument's kind.
type signature struct {
	params [][]edm.Kind
	least  int // arguments that have to be there
	result edm.Kind
}

func signatureOf(name string) (signature, bool) {
	str, whole := []edm.Kind{edm.String}, []edm.Kind{edm.Int32}
	at := []edm.Kind{edm.DateTimeOffset}
	day, clock := []edm.Kind{edm.Date, edm.DateTimeOffset}, []edm.Kind{edm.TimeOfDay, edm.DateTimeOffset}
	one := func(p []edm.Kind, result edm.Kind) (signature, bool) {
		return signature{[][]edm.Kind{p}, 1, result}, true
	}
	switch name {
	case "concat":
		return signature{[][]edm.Kind{str, str}, 2, edm.String}, true
	case "contains", "startswith", "endswith":
		return signature{[][]edm.Kind{str, str}, 2, edm.Boolean}, true
	case "indexof":
		return signature{[][]edm.Kind{str, str}, 2, edm.Int32}, true
	case "substring":
		return signature{[][]edm.Kind{str, whole, whole}, 2, edm.String}, true
	case "length":
		return one(str, edm.Int32)
	case "tolower", "toupper", "trim":
		return one(str, edm.String)
	case "year", "month", "day":
		return one(day, edm.Int32)
	case "hour", "minute", "second":
		return one(clock, edm.Int32)
	case "fractionalseconds":
		return one(clock, edm.Decimal)
	case "date":
		return one(at, edm.Date)
	case "time":
		return one(at, edm.TimeOfDay)
	case "totaloffsetminutes":
		return one(at, edm.Int32)
	case "totalseconds":
		return one([]edm.Kind{edm.Duration}, edm.Decimal)
	case "round", "floor", "ceiling":
		return one([]edm.Kind{edm.Decimal, edm.Double}, edm.Invalid)
	case "now", "mindatetime", "maxdatetime":
		return signature{result: edm.DateTimeOffset}, true
	}
	return signature{}, false
}

// call binds a function.
func (b *binder) call(e *uri.Call, s *scope) (Expr, error) {
	switch {
	case e.Of != nil:
		return nil, b.fail(e.At(), "there is no function %s here", quote(e.Name))
	case e.Name == "cast":
		return b.cast(e, s)
	case e.Name == "case":
		return b.cases(e, s)
	case slices.Contains([]string{"isof", "matchesPattern", "matchespattern", "hassubset", "hassubsequence", "geo.distance", "geo.length", "geo.intersects"}, e.Name):
		return nil, b.unsupported(e.At(), "%s is not supported here", e.Name)
	}
	sig, ok := signatureOf(e.Name)
	if !ok {
		return nil, b.fail(e.At(), "there is no function %s", quote(e.Name))
	}
	if len(e.Args) < sig.least || len(e.Args) > len(sig.params) {
		return nil, b.fail(e.At(), "%s takes %d arguments, and here are %d", e.Name, len(sig.params), len(e.Args))
	}
	if v := b.moment(e.Name); v != nil {
		return v, nil
	}
	args := make([]Expr, len(e.Args))
	null := false
	for i, a := range e.Args {
		x, err := b.argument(e, a, sig.params[i], s)
		if err != nil {
			return nil, err
		}
		args[i] = x
		null = null || isNull(x)
	}
	result := numeric(sig.result)
	if sig.result == edm.Invalid {
		result = numeric(args[0].Type().Kind)
	}
	if null {
		return &Literal{Of: result}, nil
	}
	return &Call{Name: e.Name, Args: args, Of: result}, nil
}

// moment is the constant that a function without arguments is; nil for others.
func (b *binder) moment(name string) Expr {
	var at time.Time
	switch name {
	case "now":
		at = b.options.now()
	case "mindatetime":
		at = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	case "maxdatetime":
		at = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
	default:
		return nil
	}
	return &Literal{Value: at, Of: edm.Type{Kind: edm.DateTimeOffset}}
}

// argument binds one argument of a function and checks that it is of one of the kinds.
func (b *binder) argument(call *uri.Call, e uri.Expr, kinds []edm.Kind, s *scope) (Expr, error) {
	x, err := b.expr(e, s)
	if err != nil {
		return nil, err
	}
	x = typed(x, edm.Type{Kind: kinds[0]})
	k := x.Type().Kind
	if l, ok := x.(*Literal); ok && isInteger(k) && len(call.Args) > 2 && e == call.Args[2] && as[int64](l.Value) < 0 {
		return nil, b.fail(e.At(), "a length can't be negative")
	}
	switch {
	case slices.Contains(kinds, k):
		return x, b.zoned(call, e)
	case kinds[0] == edm.Int32 && isInteger(k):
		return x, nil
	case kinds[0] == edm.Decimal && isInteger(k):
		return convert(x, edm.Decimal), nil
	case kinds[0] == edm.Decimal && k == edm.Single:
		return convert(x, edm.Double), nil
	case k == edm.String:
		for _, wanted := range kinds {
			if y := text(x, true, wanted); y != x {
				return y, nil
			}
		}
	}
	return nil, b.fail(e.At(), "%s does not take %s", call.Name, b.typeText(x.Type()))
}

// zoned refuses parts of an instant that is written with an offset: instants are kept in UTC, so the part would be
// another than what was written (URL Conventions 5.1.1.9).
func (b *binder) zoned(call *uri.Call, e uri.Expr) error {
	l, ok := e.(*uri.Literal)
	if !ok || l.Kind != uri.InstantText {
		return nil
	}
	upper := strings.ToUpper(l.Text)
	if strings.HasSuffix(upper, "Z") || strings.HasSuffix(upper, "+00:00") {
		return nil
	}
	return b.unsupported(e.At(), "%s of an instant with an offset: instants are kept in UTC here, so write it with Z", call.Name)
}

// cast binds cast(x,Edm.Int32), where every source agrees what that is.
func (b *binder) cast(e *uri.Call, s *scope) (Expr, error) {
	if len(e.Args) != 2 {
		return nil, b.unsupported(e.At(), "entities can't be cast: there are no derived types")
	}
	name, ok := e.Args[1].(*uri.TypeName)
	if !ok {
		return nil, b.fail(e.At(), "cast needs a type such as Edm.String")
	}
	var to edm.Kind
	for k := edm.Boolean; k <= edm.Binary; k++ {
		if k.String() == name.Name {
			to = k
		}
	}
	x, err := b.expr(e.Args[0], s)
	if err != nil {
		return nil, err
	}
	x = typed(x, edm.Type{Kind: to})
	from := x.Type().Kind
	switch {
	case to == edm.Invalid && !strings.HasPrefix(name.Name, "Edm.") && !slices.ContainsFunc(b.model.Enums, func(t *edm.EnumType) bool { return b.model.Namespace+"."+t.Name == name.Name }):
		return nil, b.fail(name.At(), "there is no type %s", quote(name.Name))
	case to == edm.Invalid:
		return nil, b.unsupported(name.At(), "values can't be cast to %s", quote(name.Name))
	case isNull(x):
		return &Literal{Of: numeric(to)}, nil
	case from == edm.String && to != edm.String:
		if l, ok := x.(*Literal); ok {
			v, _ := edm.ParseLiteral(to, as[string](l.Value)) // what fails is null
			return &Literal{Value: v, Of: numeric(to)}, nil
		}
	case from == to:
		return x, nil
	}
	if !Castable(from, to) {
		return nil, b.unsupported(e.At(), "%s can't be cast to %s here", b.typeText(x.Type()), to)
	}
	if l, ok := x.(*Literal); ok {
		return &Literal{Value: Cast(l.Value, from, to), Of: numeric(to)}, nil
	}
	return &Call{Name: "cast", Args: []Expr{x}, Of: numeric(to)}, nil
}

// cases binds case(condition:value,…). All values are of one type, numbers of the one that they are promoted to.
func (b *binder) cases(e *uri.Call, s *scope) (Expr, error) {
	if len(e.Args) == 0 || len(e.Args)%2 != 0 {
		return nil, b.fail(e.At(), "case takes pairs: case(condition:value,…)")
	}
	args := make([]Expr, len(e.Args))
	var first Expr = &Literal{}
	mixed := false
	for i, a := range e.Args {
		x, err := b.expr(a, s)
		if err != nil {
			return nil, err
		}
		args[i] = x
		if i%2 == 0 {
			if args[i] = typed(x, edm.Type{Kind: edm.Boolean}); args[i].Type().Kind != edm.Boolean {
				return nil, b.fail(a.At(), "expected a condition, and this is %s", b.typeText(x.Type()))
			}
			continue
		}
		fk, k := first.Type().Kind, x.Type().Kind
		switch {
		case k == edm.Invalid || fk == k && first.Type().Enum == x.Type().Enum:
		case fk == edm.Invalid:
			first = x
		case isNumber(fk) && isNumber(k):
			mixed = true
			first = &Literal{Of: numeric(promoted(fk, k))}
		default:
			return nil, b.unsupported(a.At(), "the values of case are to be of one type, and these are %s and %s", b.typeText(first.Type()), b.typeText(x.Type()))
		}
	}
	of := first.Type()
	if of.Kind == edm.Invalid {
		return &Literal{}, nil
	}
	of = edm.Type{Kind: of.Kind, Enum: of.Enum, Scale: numeric(of.Kind).Scale}
	for i := 1; i < len(args); i += 2 {
		if args[i] = typed(args[i], of); mixed {
			args[i] = convert(args[i], of.Kind)
		}
	}
	return &Call{Name: "case", Args: args, Of: of}, nil
}
