package query

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/keywright/keywright/odata/edm"
)

// call evaluates a function. All but case are null if an argument is. What Bind makes, and how its arguments are typed:
//
//	concat contains endswith startswith indexof length substring tolower toupper trim
//	                                      of String; substring's start and length are integers
//	year month day                        of Date or DateTimeOffset
//	hour minute second fractionalseconds  of TimeOfDay or DateTimeOffset
//	date time totaloffsetminutes          of DateTimeOffset
//	totalseconds                          of Duration
//	round floor ceiling                   of Double or Decimal
//	case                                  of Boolean, value, Boolean, value, …
//	cast                                  see Cast
//
// now, mindatetime and maxdatetime are literals by then.
func (x *evaluator) call(e *Call) (any, error) {
	if e.Name == "case" {
		for i := 0; i < len(e.Args); i += 2 {
			condition, err := x.eval(e.Args[i])
			if err != nil {
				return nil, err
			}
			if condition == true {
				return x.eval(e.Args[i+1])
			}
		}
		return nil, nil
	}
	args := make([]any, len(e.Args))
	for i, a := range e.Args {
		v, err := x.eval(a)
		if err != nil {
			return nil, err
		}
		args[i] = v
	}
	for _, a := range args {
		if a == nil {
			return nil, nil
		}
	}
	if e.Name == "cast" {
		return Cast(args[0], e.Args[0].Type().Kind, e.Of.Kind), nil
	}
	return Function(e.Name, args)
}

// Function computes a canonical function other than case and cast, of arguments that are not null.
func Function(name string, args []any) (any, error) {
	switch v := args[0].(type) {
	case string:
		if name == "round" || name == "floor" || name == "ceiling" {
			return decimalFunction(name, v)
		}
		return textFunction(name, v, args[1:])
	case float64:
		switch name {
		case "round":
			return math.Round(v), nil
		case "floor":
			return math.Floor(v), nil
		case "ceiling":
			return math.Ceil(v), nil
		}
	case time.Time:
		return timeFunction(name, v)
	case time.Duration:
		if name == "totalseconds" {
			return decimal{big.NewInt(v.Microseconds()), 6}.String(), nil
		}
		return timeFunction(name, time.Unix(0, 0).UTC().Add(v))
	}
	return nil, fmt.Errorf("query: no function %s of %T", name, args[0])
}

func textFunction(name, s string, rest []any) (any, error) {
	switch name {
	case "length":
		return int64(utf8.RuneCountInString(s)), nil
	case "tolower":
		return Lower(s), nil
	case "toupper":
		return Upper(s), nil
	case "trim":
		return Trim(s), nil
	case "substring":
		length := int64(math.MaxInt64)
		if len(rest) > 1 {
			length = as[int64](rest[1])
		}
		return Substring(s, as[int64](rest[0]), length), nil
	}
	if len(rest) == 0 {
		return nil, fmt.Errorf("query: no function %s", name)
	}
	part := as[string](rest[0])
	switch name {
	case "concat":
		return s + part, nil
	case "contains":
		return strings.Contains(s, part), nil
	case "startswith":
		return strings.HasPrefix(s, part), nil
	case "endswith":
		return strings.HasSuffix(s, part), nil
	case "indexof":
		return IndexOf(s, part), nil
	}
	return nil, fmt.Errorf("query: no function %s", name)
}

func decimalFunction(name, s string) (any, error) {
	d, ok := parseDecimal(s)
	switch {
	case !ok:
		return nil, fmt.Errorf("%w: no decimal", ErrValue)
	case name == "round":
		return d.round().String(), nil
	case name == "floor":
		return d.floor().String(), nil
	default:
		return d.negate().floor().negate().String(), nil
	}
}

func timeFunction(name string, t time.Time) (any, error) {
	switch name {
	case "year":
		return int64(t.Year()), nil
	case "month":
		return int64(t.Month()), nil
	case "day":
		return int64(t.Day()), nil
	case "hour":
		return int64(t.Hour()), nil
	case "minute":
		return int64(t.Minute()), nil
	case "second":
		return int64(t.Second()), nil
	case "fractionalseconds":
		return decimal{big.NewInt(int64(t.Nanosecond() / 1000)), 6}.String(), nil
	case "date":
		return midnight(t), nil
	case "time":
		return t.Sub(midnight(t)), nil
	case "totaloffsetminutes": // instants are in UTC
		return int64(0), nil
	}
	return nil, fmt.Errorf("query: no function %s", name)
}

// Castable says whether values of one kind can be cast to another so that every source agrees: to the same kind; integers to
// integers, Decimal, Single, Double and String; Decimal to integers, Double, Single and String; Single and Double to integers and to each
// other; Boolean, Guid and Date to String; enumerations to integers.
func Castable(from, to edm.Kind) bool {
	switch {
	case from == to:
		return from != edm.Enum && from != edm.Binary
	case isInteger(from):
		return isNumber(to) || to == edm.String
	case from == edm.Decimal:
		return isNumber(to) || to == edm.String
	case isFloat(from):
		return isInteger(to) || isFloat(to)
	case from == edm.Enum:
		return isInteger(to)
	}
	return to == edm.String && (from == edm.Boolean || from == edm.Guid || from == edm.Date)
}

// Cast converts a value that is not null, from and to kinds that are Castable. Fractions become integers rounded half away
// from zero; what the target can't hold is null. Text of a Decimal has no zeros at its end.
func Cast(v any, from, to edm.Kind) any {
	if from == to {
		return v
	}
	switch v := v.(type) {
	case int64:
		switch {
		case isInteger(to):
			return whole(v, to)
		case isFloat(to):
			return float(float64(v), to)
		}
		return strconv.FormatInt(v, 10)
	case float64:
		if isFloat(to) {
			return float(v, to)
		}
		if r := math.Round(v); r >= -1<<63 && r < 1<<63 {
			return whole(int64(r), to)
		}
		return nil
	case bool:
		return strconv.FormatBool(v)
	case time.Time:
		return v.Format(time.DateOnly)
	case string:
		d, ok := parseDecimal(v)
		switch {
		case from != edm.Decimal:
			return v
		case !ok:
			return nil
		case isInteger(to):
			if r := d.round().n; r.IsInt64() {
				return whole(r.Int64(), to)
			}
			return nil
		case isFloat(to):
			f, err := strconv.ParseFloat(v, 64)
			if err != nil {
				return nil
			}
			return float(f, to)
		}
		return d.String()
	}
	return nil
}

// float is a Single's nearest value, or v itself. What is too large for it is null.
func float(v float64, k edm.Kind) any {
	if k != edm.Single {
		return v
	}
	f := float64(float32(v))
	if math.IsInf(f, 0) && !math.IsInf(v, 0) {
		return nil
	}
	return f
}

// whole is v if its kind can hold it.
func whole(v int64, k edm.Kind) any {
	least, most := integerRange(k)
	if v < least || v > most {
		return nil
	}
	return v
}

func integerRange(k edm.Kind) (least, most int64) {
	switch k {
	case edm.Byte:
		return 0, math.MaxUint8
	case edm.SByte:
		return math.MinInt8, math.MaxInt8
	case edm.Int16:
		return math.MinInt16, math.MaxInt16
	case edm.Int32:
		return math.MinInt32, math.MaxInt32
	default:
		return math.MinInt64, math.MaxInt64
	}
}

func isInteger(k edm.Kind) bool { return k >= edm.Byte && k <= edm.Int64 }
func isFloat(k edm.Kind) bool   { return k == edm.Single || k == edm.Double }
func isNumber(k edm.Kind) bool  { return isInteger(k) || isFloat(k) || k == edm.Decimal }
