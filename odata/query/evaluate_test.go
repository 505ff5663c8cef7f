package query_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
)

func of(k edm.Kind) edm.Type { return edm.Type{Kind: k} }

func lit(k edm.Kind, v any) *query.Literal { return &query.Literal{Value: v, Of: of(k)} }

func binary(op query.Op, x, y query.Expr, k edm.Kind) query.Expr {
	return &query.Binary{Op: op, X: x, Y: y, Of: of(k)}
}

func call(name string, k edm.Kind, args ...query.Expr) query.Expr {
	return &query.Call{Name: name, Args: args, Of: of(k)}
}

func text(s string) query.Expr { return lit(edm.String, s) }

func instant(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

// worth evaluates what needs no row, and writes it with its Go type.
func worth(e query.Expr) string {
	v, err := query.Evaluate(e, nil)
	switch {
	case errors.Is(err, query.ErrValue):
		return "ErrValue"
	case err != nil:
		return err.Error()
	}
	if t, ok := v.(time.Time); ok {
		return t.Format(time.RFC3339Nano)
	}
	return fmt.Sprintf("%T %v", v, v)
}

func TestComparisonsAreNeverNullAndLogicIsThreeValued(t *testing.T) {
	null := lit(edm.Boolean, nil)
	yes, no := lit(edm.Boolean, true), lit(edm.Boolean, false)
	one, none := lit(edm.Int64, int64(1)), lit(edm.Int64, nil)
	nan := lit(edm.Double, math.NaN())
	for want, all := range map[string][]query.Expr{
		"bool true": {
			binary(query.Equal, none, none, edm.Boolean),
			binary(query.NotEqual, none, one, edm.Boolean),
			binary(query.Or, null, yes, edm.Boolean),
			binary(query.Or, yes, null, edm.Boolean),
			&query.Unary{Op: query.Not, X: binary(query.Greater, none, one, edm.Boolean), Of: of(edm.Boolean)},
			binary(query.Greater, yes, no, edm.Boolean),
			binary(query.NotEqual, nan, nan, edm.Boolean),
			&query.Unary{Op: query.IsNull, X: none, Of: of(edm.Boolean)},
			&query.In{X: none, List: []query.Expr{one, none}},
			binary(query.Less, text("Z"), text("a"), edm.Boolean),
			binary(query.Less, text("\uffff"), text("\U00010000"), edm.Boolean), // UTF-16 would say otherwise
			binary(query.Equal, lit(edm.Decimal, "1.50"), lit(edm.Decimal, "1.5"), edm.Boolean),
			binary(query.Has, lit(edm.Enum, int64(6)), lit(edm.Enum, int64(2)), edm.Boolean),
		},
		"bool false": {
			binary(query.Equal, none, one, edm.Boolean),
			binary(query.Less, none, one, edm.Boolean),
			binary(query.GreaterOrEqual, none, none, edm.Boolean),
			binary(query.And, null, no, edm.Boolean),
			binary(query.And, no, null, edm.Boolean),
			binary(query.Equal, nan, nan, edm.Boolean),
			binary(query.GreaterOrEqual, nan, nan, edm.Boolean),
			&query.In{X: one, List: []query.Expr{none}},
			binary(query.Has, lit(edm.Enum, int64(4)), lit(edm.Enum, int64(6)), edm.Boolean),
		},
		"<nil> <nil>": {
			binary(query.And, null, yes, edm.Boolean),
			binary(query.Or, no, null, edm.Boolean),
			&query.Unary{Op: query.Not, X: null, Of: of(edm.Boolean)},
			binary(query.Add, one, none, edm.Int64),
			binary(query.Has, lit(edm.Enum, nil), lit(edm.Enum, int64(6)), edm.Boolean),
			call("contains", edm.Boolean, text("a"), lit(edm.String, nil)),
			call("concat", edm.String, lit(edm.String, nil), text("a")),
			call("case", edm.Int64, null, one, no, one),
		},
	} {
		for i, e := range all {
			if got := worth(e); got != want {
				t.Errorf("%s, %d: got %s", want, i, got)
			}
		}
	}
}

func TestArithmeticHasItsKindsRules(t *testing.T) {
	i := func(v int64) query.Expr { return lit(edm.Int64, v) }
	d := func(v string) query.Expr { return lit(edm.Decimal, v) }
	f := func(v float64) query.Expr { return lit(edm.Double, v) }
	at := lit(edm.DateTimeOffset, instant("2026-01-31T23:59:59.5Z"))
	day := lit(edm.Date, instant("2026-03-01T00:00:00Z"))
	span := func(v time.Duration) query.Expr { return lit(edm.Duration, v) }
	for _, c := range []struct {
		op   query.Op
		x, y query.Expr
		want string
	}{
		{query.Add, i(2), i(3), "int64 5"},
		{query.Add, i(math.MaxInt64), i(1), "ErrValue"},
		{query.Sub, i(math.MinInt64), i(1), "ErrValue"},
		{query.Sub, i(-1), i(math.MaxInt64), "int64 -9223372036854775808"},
		{query.Mul, i(math.MinInt64), i(1), "int64 -9223372036854775808"},
		{query.Mul, i(math.MinInt64), i(-1), "ErrValue"},
		{query.Mul, i(1 << 32), i(1 << 31), "ErrValue"},
		{query.Div, i(-7), i(2), "int64 -3"},
		{query.Div, i(math.MinInt64), i(-1), "ErrValue"},
		{query.Div, i(1), i(0), "<nil> <nil>"},
		{query.Mod, i(-7), i(2), "int64 -1"},
		{query.Mod, i(7), i(0), "<nil> <nil>"},
		{query.DivBy, i(7), i(2), "string 3.5"},
		{query.DivBy, i(7), i(0), "<nil> <nil>"},
		{query.Add, d("0.1"), d("0.20"), "string 0.3"},
		{query.Sub, d("1"), d("1.005"), "string -0.005"},
		{query.Mul, d("-1.50"), d("2"), "string -3"},
		{query.Div, d("2"), d("3"), "string 0.666666666667"},
		{query.Div, d("-2"), d("3"), "string -0.666666666667"},
		{query.Div, d("1"), d("0.00"), "<nil> <nil>"},
		{query.Mod, d("-7.5"), d("2"), "string -1.5"},
		{query.Div, f(1), f(0), "float64 +Inf"},
		{query.Div, f(1), f(4), "float64 0.25"},
		{query.Add, at, span(500 * time.Millisecond), "2026-02-01T00:00:00Z"},
		{query.Sub, at, at, "time.Duration 0s"},
		{query.Sub, day, span(time.Second), "2026-02-28T00:00:00Z"},
		{query.Add, day, span(time.Second), "2026-03-01T00:00:00Z"},
		{query.Sub, day, lit(edm.Date, instant("2026-02-28T00:00:00Z")), "time.Duration 24h0m0s"},
		{query.Sub, lit(edm.Date, instant("0001-01-01T00:00:00Z")), span(time.Hour), "ErrValue"},
		{query.Sub, lit(edm.DateTimeOffset, instant("0001-01-01T00:00:00Z")), at, "ErrValue"},
		{query.Add, span(math.MaxInt64), span(1), "ErrValue"},
	} {
		if got := worth(binary(c.op, c.x, c.y, c.x.Type().Kind)); got != c.want {
			t.Errorf("%v %d %v: got %s, want %s", worth(c.x), c.op, worth(c.y), got, c.want)
		}
	}
}

func TestFunctionsAgreeWithTheSpecification(t *testing.T) {
	i := func(v int64) query.Expr { return lit(edm.Int64, v) }
	at := lit(edm.DateTimeOffset, instant("2026-01-02T03:04:05.25Z"))
	clock := lit(edm.TimeOfDay, 3*time.Hour+4*time.Minute+5*time.Second+250*time.Millisecond)
	for want, all := range map[string][]query.Expr{
		"int64 5":  {call("length", edm.Int32, text("Größe")), call("second", edm.Int32, at), call("second", edm.Int32, clock)},
		"int64 4":  {call("indexof", edm.Int32, text("Größe"), text("e")), call("minute", edm.Int32, clock)},
		"int64 -1": {call("indexof", edm.Int32, text("abc"), text("B"))},
		"int64 0":  {call("indexof", edm.Int32, text("abc"), text("")), call("totaloffsetminutes", edm.Int32, at)},
		"int64 3":  {call("hour", edm.Int32, at), call("hour", edm.Int32, clock)},
		"string bc": {
			call("substring", edm.String, text("abc"), i(1)),
			call("substring", edm.String, text("abc"), i(-2)),
			call("substring", edm.String, text("abcd"), i(1), i(2)),
			call("tolower", edm.String, text("BC")),
			call("trim", edm.String, text("\t\u00a0bc\u3000\n")),
			call("concat", edm.String, text("b"), text("c")),
		},
		"string abc": {call("substring", edm.String, text("abc"), i(-9)), call("substring", edm.String, text("abc"), i(0), i(math.MaxInt64))},
		"string ":    {call("substring", edm.String, text("abc"), i(9)), call("substring", edm.String, text("abc"), i(1), i(-1))},
		"string οδος": {
			call("tolower", edm.String, text("ΟΔΟΣ")),
		},
		"string STRASSE": {call("toupper", edm.String, text("straße"))},
		"bool false":     {call("contains", edm.Boolean, text("abc"), text("B")), call("startswith", edm.Boolean, text("abc"), text("b"))},
		"bool true":      {call("contains", edm.Boolean, text("abc"), text("")), call("endswith", edm.Boolean, text("abc"), text("bc"))},
		"string 0.25":    {call("fractionalseconds", edm.Decimal, at), call("fractionalseconds", edm.Decimal, clock)},
		"string -1.5":    {call("totalseconds", edm.Decimal, lit(edm.Duration, -1500*time.Millisecond))},
		"string 3":       {call("round", edm.Decimal, lit(edm.Decimal, "2.5")), call("ceiling", edm.Decimal, lit(edm.Decimal, "2.01"))},
		"string -3":      {call("round", edm.Decimal, lit(edm.Decimal, "-2.5")), call("floor", edm.Decimal, lit(edm.Decimal, "-2.01"))},
		"float64 3":      {call("round", edm.Double, lit(edm.Double, 2.5)), call("ceiling", edm.Double, lit(edm.Double, 2.01))},
		"float64 0":      {call("round", edm.Double, lit(edm.Double, 0.49999999999999994))},

		"2026-01-02T00:00:00Z":        {call("date", edm.Date, at)},
		"time.Duration 3h4m5.25s":     {call("time", edm.TimeOfDay, at)},
		"int64 2":                     {call("cast", edm.Int32, lit(edm.Decimal, "1.5")), call("cast", edm.Int32, lit(edm.Double, 1.5))},
		"<nil> <nil>":                 {call("cast", edm.Byte, i(256)), call("cast", edm.Int64, lit(edm.Double, math.NaN())), call("cast", edm.Single, lit(edm.Double, 1e300))},
		"string 1.5":                  {call("cast", edm.String, lit(edm.Decimal, "1.500"))},
		"string 2026-01-02":           {call("cast", edm.String, lit(edm.Date, instant("2026-01-02T00:00:00Z")))},
		"float64 0.10000000149011612": {call("cast", edm.Single, lit(edm.Decimal, "0.1"))},
	} {
		for n, e := range all {
			if got := worth(e); got != want {
				t.Errorf("%s, %d: got %s", want, n, got)
			}
		}
	}
}

func TestDecimalsAreRationalNumbersRoundedHalfAwayFromZero(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) string { return rapid.StringMatching(`-?[0-9]{1,20}(\.[0-9]{1,10})?`).Draw(t, name) }
		x, y := draw("x"), draw("y")
		a, _ := new(big.Rat).SetString(x)
		b, _ := new(big.Rat).SetString(y)
		for op, want := range map[query.Op]*big.Rat{query.Add: new(big.Rat).Add(a, b), query.Sub: new(big.Rat).Sub(a, b), query.Mul: new(big.Rat).Mul(a, b)} {
			v, err := query.Arithmetic(op, edm.Decimal, x, y)
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := new(big.Rat).SetString(fmt.Sprint(v)); !ok || got.Cmp(want) != 0 {
				t.Fatalf("%s %d %s = %s, want %s", x, op, y, v, want.FloatString(30))
			}
		}
		if b.Sign() == 0 {
			return
		}
		v, err := query.Arithmetic(query.Div, edm.Decimal, x, y)
		if err != nil {
			t.Fatal(err)
		}
		want := new(big.Rat).Quo(a, b).FloatString(query.DecimalScale) // rounds half away from zero
		if query.Compare(edm.Decimal, v, want) != 0 {
			t.Fatalf("%s div %s = %s, want %s", x, y, v, want)
		}
	})
}

func TestAStoredValueOfAnotherTypeIsAnErrorAndNoPanic(t *testing.T) {
	of := edm.Type{Kind: edm.Int32}
	for _, v := range []any{"text", 1.5, true, 7} {
		_, err := query.EvaluateOutput(&query.Unary{Op: query.Negate, X: &query.Output{Of: of}, Of: of}, []any{v})
		if !errors.Is(err, query.ErrValue) {
			t.Errorf("%T: %v", v, err)
		}
	}
}
