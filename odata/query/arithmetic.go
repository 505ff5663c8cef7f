package query

import (
	"fmt"
	"math"
	"math/bits"
	"time"

	"github.com/keywright/keywright/odata/edm"
)

// Arithmetic computes add, sub, mul, div, divby and mod of two values that are not null. The kind is that of x: an integer
// (then y is one, and the result is Int64; of divby it is Decimal), Decimal or Double (then y is one, and so is the result),
// DateTimeOffset or Date (then y is a Duration, or of the same kind if op is Sub and the result a Duration) or Duration.
//
// Division by zero is null, but of Double it is INF, -INF or NaN. ErrValue is what does not fit: integers of more than 64 bits,
// years outside 1 to 9999, durations of more than 292 years.
func Arithmetic(op Op, k edm.Kind, x, y any) (any, error) {
	switch x := x.(type) {
	case int64:
		if op == DivBy {
			return decimalArithmetic(op, fmt.Sprint(x), fmt.Sprint(y))
		}
		return integerArithmetic(op, x, as[int64](y))
	case float64:
		return doubleArithmetic(op, x, as[float64](y))
	case string:
		return decimalArithmetic(op, x, as[string](y))
	case time.Duration:
		if op == Sub {
			return addDurations(x, -as[time.Duration](y))
		}
		return addDurations(x, as[time.Duration](y))
	case time.Time:
		return timeArithmetic(op, k, x, y)
	}
	return nil, fmt.Errorf("query: no arithmetic of %T", x)
}

func integerArithmetic(op Op, x, y int64) (any, error) {
	switch op {
	case Add:
		return fits(x+y, (x+y > x) == (y > 0))
	case Sub:
		return fits(x-y, (x-y < x) == (y > 0))
	case Mul:
		high, low := bits.Mul64(magnitude(x), magnitude(y))
		negative := (x < 0) != (y < 0)
		return fits(x*y, high == 0 && (low <= math.MaxInt64 || negative && low == 1<<63))
	default:
	}
	if y == 0 {
		return nil, nil
	}
	if op == Mod {
		return x % y, nil
	}
	return fits(x/y, x != math.MinInt64 || y != -1)
}

// magnitude is |x|, which for the least integer is more than any integer.
func magnitude(x int64) uint64 {
	if x < 0 {
		return -uint64(x) //nolint:gosec // G115: two's complement is meant
	}
	return uint64(x)
}

func fits(v int64, ok bool) (any, error) {
	if !ok {
		return nil, fmt.Errorf("%w: more than 64 bits", ErrValue)
	}
	return v, nil
}

func doubleArithmetic(op Op, x, y float64) (any, error) {
	switch op {
	case Add:
		return x + y, nil
	case Sub:
		return x - y, nil
	case Mul:
		return x * y, nil
	case Mod:
		return math.Mod(x, y), nil
	default:
		return x / y, nil
	}
}

func decimalArithmetic(op Op, xs, ys string) (any, error) {
	x, xok := parseDecimal(xs)
	y, yok := parseDecimal(ys)
	switch {
	case !xok || !yok:
		return nil, fmt.Errorf("%w: no decimal", ErrValue)
	case op == Add:
		return x.add(y).String(), nil
	case op == Sub:
		return x.sub(y).String(), nil
	case op == Mul:
		return x.mul(y).String(), nil
	case y.n.Sign() == 0:
		return nil, nil
	case op == Mod:
		return x.mod(y).String(), nil
	default:
		return x.div(y).String(), nil
	}
}

func addDurations(x, y time.Duration) (any, error) {
	sum := x + y
	if (sum > x) != (y > 0) {
		return nil, fmt.Errorf("%w: a duration of more than 292 years", ErrValue)
	}
	return sum, nil
}

func timeArithmetic(op Op, k edm.Kind, x time.Time, y any) (any, error) {
	if from, ok := y.(time.Time); ok {
		d := x.Sub(from)
		if d == math.MaxInt64 || d == math.MinInt64 {
			return nil, fmt.Errorf("%w: a duration of more than 292 years", ErrValue)
		}
		return d, nil
	}
	d := as[time.Duration](y)
	if op == Sub {
		d = -d
	}
	t := x.Add(d)
	if k == edm.Date {
		t = midnight(t)
	}
	if t.Year() < 1 || t.Year() > 9999 {
		return nil, fmt.Errorf("%w: a year outside 1 to 9999", ErrValue)
	}
	return t, nil
}

func midnight(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// Negated is -x of a number or Duration that is not null.
func Negated(k edm.Kind, x any) (any, error) {
	switch x := x.(type) {
	case int64:
		return fits(-x, x != math.MinInt64)
	case float64:
		return -x, nil
	case time.Duration:
		return -x, nil
	case string:
		if d, ok := parseDecimal(x); ok {
			return d.negate().String(), nil
		}
	}
	return nil, fmt.Errorf("%w: %v can't be negated", ErrValue, k)
}
