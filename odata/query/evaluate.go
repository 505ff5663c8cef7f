package query

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/keywright/keywright/odata/edm"
)

// Evaluate says what an expression is worth for a row, in the Go form of its type; nil is null. It is the reference that
// SQL is compared with. Its only error is ErrValue: a number or an instant that its type can't hold.
//
// Instants and durations have microseconds. Strings are sorted by code point. Decimals are as DecimalScale says, and those that
// were computed have no zeros at their end. Integers are computed as Int64, Single as Double. NaN equals nothing and is neither
// less nor greater than anything.
func Evaluate(e Expr, row Row) (any, error) { return (&evaluator{row: row}).eval(e) }

// EvaluateOutput does the same behind a step that aggregates, for the values of one of its rows.
func EvaluateOutput(e Expr, outputs []any) (any, error) {
	return (&evaluator{outputs: outputs}).eval(e)
}

// evaluator is the row of the query and what variables are bound to.
type evaluator struct {
	row     Row
	outputs []any
	bound   []binding
}

type binding struct {
	v   *Var
	row Row
}

func (x *evaluator) eval(e Expr) (any, error) {
	switch e := e.(type) {
	case *Literal:
		return e.Value, nil
	case *Property:
		row := x.follow(e.Var, e.Path)
		if row == nil {
			return nil, nil
		}
		return kept(row.Value(e.Prop), e.Prop.Type.Kind)
	case *Output:
		return kept(x.outputs[e.Index], e.Of.Kind)
	case *Unary:
		return x.unary(e)
	case *Binary:
		if e.Op == And || e.Op == Or {
			return x.logic(e)
		}
		return x.binary(e)
	case *Call:
		return x.call(e)
	case *In:
		return x.in(e)
	case *Exists:
		return x.exists(e)
	case *CountOf:
		return x.count(e)
	case *Match:
		return x.match(e), nil
	}
	return nil, fmt.Errorf("query: %T is no expression", e)
}

// as is a value whose type is known: literals have been typed, and what a source keeps has been through kept.
func as[T any](v any) T {
	t, _ := v.(T)
	return t
}

// kept lets pass a value in the Go form of its kind.
func kept(v any, k edm.Kind) (any, error) {
	ok := false
	switch v.(type) {
	case nil:
		ok = true
	case bool:
		ok = k == edm.Boolean
	case int64:
		ok = isInteger(k) || k == edm.Enum
	case float64:
		ok = isFloat(k)
	case string:
		ok = k == edm.String || k == edm.Guid || k == edm.Decimal
	case time.Time:
		ok = k == edm.Date || k == edm.DateTimeOffset
	case time.Duration:
		ok = k == edm.TimeOfDay || k == edm.Duration
	case []byte:
		ok = k == edm.Binary
	}
	if !ok {
		return nil, fmt.Errorf("%w: %T is no %s", ErrValue, v, k)
	}
	return v, nil
}

// follow finds the row that single-valued navigation leads to; nil is none.
func (x *evaluator) follow(v *Var, path []*edm.Navigation) Row {
	row := x.row
	if v != nil {
		for _, b := range slices.Backward(x.bound) {
			if b.v == v {
				row = b.row
				break
			}
		}
	}
	for _, n := range path {
		related := row.Related(n)
		if len(related) == 0 {
			return nil
		}
		row = related[0]
	}
	return row
}

func (x *evaluator) unary(e *Unary) (any, error) {
	v, err := x.eval(e.X)
	switch {
	case err != nil:
		return nil, err
	case e.Op == IsNull:
		return v == nil, nil
	case v == nil:
		return nil, nil
	case e.Op == Not:
		return !as[bool](v), nil
	}
	return Negated(e.X.Type().Kind, v)
}

// logic is three-valued. The right side is not looked at when the left one decides.
func (x *evaluator) logic(e *Binary) (any, error) {
	decides := e.Op == Or
	left, err := x.eval(e.X)
	if err != nil || left == decides {
		return left, err
	}
	right, err := x.eval(e.Y)
	switch {
	case err != nil || right == decides:
		return right, err
	case left == nil || right == nil:
		return nil, nil
	}
	return !decides, nil
}

func (x *evaluator) binary(e *Binary) (any, error) {
	left, err := x.eval(e.X)
	if err != nil {
		return nil, err
	}
	right, err := x.eval(e.Y)
	if err != nil {
		return nil, err
	}
	kind := e.X.Type().Kind
	switch e.Op {
	case Equal:
		return equal(kind, left, right), nil
	case NotEqual:
		return !equal(kind, left, right), nil
	case Greater, GreaterOrEqual, Less, LessOrEqual:
		return ordered(e.Op, kind, left, right), nil
	default:
	}
	if left == nil || right == nil {
		return nil, nil
	}
	if e.Op == Has {
		return as[int64](left)&as[int64](right) == as[int64](right), nil
	}
	return Arithmetic(e.Op, kind, left, right)
}

func (x *evaluator) in(e *In) (any, error) {
	v, err := x.eval(e.X)
	if err != nil {
		return nil, err
	}
	found := false
	for _, item := range e.List {
		w, err := x.eval(item)
		if err != nil {
			return nil, err
		}
		found = found || equal(e.X.Type().Kind, v, w)
	}
	return found, nil
}

// related calls do for each row that a lambda or $count is about, with its variable bound, until do says no.
func (x *evaluator) related(from *Var, path []*edm.Navigation, n *edm.Navigation, v *Var, do func() (bool, error)) error {
	row := x.follow(from, path)
	if row == nil {
		return nil
	}
	depth := len(x.bound)
	defer func() { x.bound = x.bound[:depth] }()
	for _, r := range row.Related(n) {
		x.bound = append(x.bound[:depth], binding{v, r})
		if more, err := do(); !more || err != nil {
			return err
		}
	}
	return nil
}

func (x *evaluator) exists(e *Exists) (any, error) {
	result := e.All
	err := x.related(e.From, e.Path, e.Nav, e.Var, func() (bool, error) {
		var v any = true
		var err error
		if e.Body != nil {
			v, err = x.eval(e.Body)
		}
		if (v == true) != e.All {
			result = !e.All
		}
		return result == e.All, err
	})
	return result, err
}

func (x *evaluator) count(e *CountOf) (any, error) {
	var n int64
	err := x.related(e.From, e.Path, e.Nav, e.Var, func() (bool, error) {
		var v any = true
		var err error
		if e.Filter != nil {
			v, err = x.eval(e.Filter)
		}
		if v == true {
			n++
		}
		return true, err
	})
	return n, err
}

func (x *evaluator) match(e *Match) bool {
	row, text := x.follow(e.Var, nil), Lower(e.Text)
	for _, p := range e.Set.Searchable {
		if s, ok := row.Value(p).(string); ok && strings.Contains(Lower(s), text) {
			return true
		}
	}
	return false
}

// equal: null equals null only.
func equal(k edm.Kind, x, y any) bool {
	if x == nil || y == nil {
		return x == nil && y == nil
	}
	if f, ok := x.(float64); ok {
		return f == as[float64](y)
	}
	return Compare(k, x, y) == 0
}

// ordered is one of > >= < <=.
func ordered(op Op, k edm.Kind, x, y any) bool {
	if x == nil || y == nil || isNaN(x) || isNaN(y) {
		return false
	}
	c := Compare(k, x, y)
	switch op {
	case Greater:
		return c > 0
	case GreaterOrEqual:
		return c >= 0
	case Less:
		return c < 0
	default:
		return c <= 0
	}
}

func isNaN(v any) bool {
	f, ok := v.(float64)
	return ok && math.IsNaN(f)
}

// Compare is how two values of one kind are sorted: null before all others, false before true, NaN behind every number,
// strings and Guids by code point, enumerations by value.
func Compare(k edm.Kind, x, y any) int {
	if x == nil || y == nil {
		return bit(x != nil) - bit(y != nil)
	}
	switch x := x.(type) {
	case bool:
		return bit(x) - bit(as[bool](y))
	case int64:
		return order(x, as[int64](y))
	case float64:
		if isNaN(x) || isNaN(y) {
			return bit(isNaN(x)) - bit(isNaN(y))
		}
		return order(x, as[float64](y))
	case time.Time:
		return x.Compare(as[time.Time](y))
	case time.Duration:
		return order(x, as[time.Duration](y))
	case string:
		if k == edm.Decimal {
			a, aok := parseDecimal(x)
			b, bok := parseDecimal(as[string](y))
			if aok && bok {
				return a.cmp(b)
			}
		}
		return strings.Compare(x, as[string](y))
	case []byte:
		return strings.Compare(string(x), string(as[[]byte](y)))
	}
	return 0
}

func order[T int64 | float64 | time.Duration](x, y T) int { return bit(x > y) - bit(x < y) }

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
