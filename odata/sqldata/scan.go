package sqldata

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
)

// computed is the form that values have within expressions; no column is kept so.
const computed Kept = 255

// reading makes the Go form of values that a driver returns.
type reading struct {
	convert func(v any) (any, bool)
	name    string // of the column, for people; "" of what was computed
}

// read converts one value; null stays null.
func (r *reading) read(v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	if w, ok := r.convert(v); ok {
		return w, nil
	}
	return nil, r.unfit()
}

// unfit says that a value is none of OData's, and where it is; never the value.
func (r *reading) unfit() error {
	if r.name == "" {
		return fmt.Errorf("%w: the result is out of range", query.ErrValue)
	}
	return fmt.Errorf("%w: %s holds what is not of its type", query.ErrValue, r.name)
}

func newReading(engine Engine, t edm.Type, kept Kept, name string) *reading {
	return &reading{convert: conversion(engine, t, kept), name: name}
}

// conversion says how values of a type come from an engine.
func conversion(engine Engine, t edm.Type, kept Kept) func(any) (any, bool) {
	switch t.Kind {
	case edm.Boolean:
		return readBoolean
	case edm.Byte, edm.SByte, edm.Int16, edm.Int32, edm.Int64:
		return readInteger(t.Kind)
	case edm.Single, edm.Double:
		return readDouble
	case edm.Decimal:
		return readDecimal
	case edm.String:
		return readString
	case edm.Guid:
		return readGuid
	case edm.Enum:
		if kept == Labels && t.Enum != nil {
			return readLabel(t.Enum)
		}
		return readInteger(edm.Int64)
	case edm.Date, edm.DateTimeOffset:
		return readTime(engine, t.Kind, kept)
	case edm.TimeOfDay:
		return readClock
	case edm.Duration:
		return readDuration(kept)
	default:
		return func(any) (any, bool) { return nil, false }
	}
}

func readBoolean(v any) (any, bool) {
	switch b := v.(type) {
	case bool:
		return v, true
	case int64:
		return b == 1, b == 0 || b == 1
	}
	return nil, false
}

func readInteger(k edm.Kind) func(any) (any, bool) {
	least, most := k.Range()
	return func(v any) (any, bool) {
		n, ok := v.(int64)
		return v, ok && n >= least && n <= most
	}
}

func readDouble(v any) (any, bool) {
	switch n := v.(type) {
	case float64:
		return v, true
	case int64:
		return float64(n), true
	}
	return nil, false
}

// readDecimal takes the digits that PostgreSQL sends as they are. What SQLite keeps as a double is written with the
// fewest digits that say it.
func readDecimal(v any) (any, bool) {
	switch n := v.(type) {
	case string:
		return v, isDecimal(n)
	case int64:
		return strconv.FormatInt(n, 10), true
	case float64:
		return shortest(n), !math.IsNaN(n) && !math.IsInf(n, 0)
	}
	return nil, false
}

// shortest is the decimal with the fewest digits that a double is the nearest to.
func shortest(f float64) string {
	if f == 0 {
		return "0" // decimals have no -0
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

func isDecimal(s string) bool {
	if s != "" && s[0] == '-' {
		s = s[1:]
	}
	point, n := false, 0
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			n++
		case c == '.' && !point && n > 0:
			point = true
		default:
			return false
		}
	}
	return n > 0
}

func readString(v any) (any, bool) {
	_, ok := v.(string)
	return v, ok
}

func readGuid(v any) (any, bool) {
	s, ok := v.(string)
	if !ok || len(s) != 36 {
		return nil, false
	}
	for i := range len(s) {
		c := s[i]
		dash := i == 8 || i == 13 || i == 18 || i == 23
		hex := c >= '0' && c <= '9' || c >= 'a' && c <= 'f'
		if dash && c != '-' || !dash && !hex {
			return nil, false
		}
	}
	return v, true
}

func readLabel(e *edm.EnumType) func(any) (any, bool) {
	values := make(map[string]any, len(e.Members))
	for i := range e.Members {
		values[stored(&e.Members[i])] = e.Members[i].Value
	}
	return func(v any) (any, bool) {
		s, ok := v.(string)
		if !ok {
			return nil, false
		}
		value, ok := values[s]
		return value, ok
	}
}

// readTime reads dates and instants: as pgx does it, or numbers, or texts.
func readTime(engine Engine, k edm.Kind, kept Kept) func(any) (any, bool) {
	day := k == edm.Date
	return func(v any) (any, bool) {
		var t time.Time
		switch x := v.(type) {
		case time.Time:
			t = x.UTC()
		case int64:
			switch {
			case kept == Micros || kept == computed && engine == SQLite && !day:
				t = time.UnixMicro(x).UTC()
			case kept == Seconds:
				t = time.Unix(x, 0).UTC()
			case kept == DayNumber || kept == computed && day:
				if x < -1_000_000 || x > 4_000_000 {
					return nil, false
				}
				t = dayTime(x)
			default:
				return nil, false
			}
		case string:
			var ok bool
			if t, ok = parseISO(k, x); !ok || kept == Micros || kept == Seconds || kept == DayNumber {
				return nil, false
			}
		default:
			return nil, false
		}
		y := t.Year()
		return t, y >= 1 && y <= 9999
	}
}

func readClock(v any) (any, bool) {
	switch x := v.(type) {
	case string:
		return boxed(parseClock(x))
	case int64:
		d, ok := micros(x)
		return d, ok && d >= 0 && d < 24*time.Hour
	}
	return nil, false
}

func readDuration(kept Kept) func(any) (any, bool) {
	return func(v any) (any, bool) {
		n, ok := v.(int64)
		if !ok {
			return nil, false
		}
		if kept == Seconds {
			if n > math.MaxInt64/1_000_000 || n < math.MinInt64/1_000_000 {
				return nil, false
			}
			n *= 1_000_000
		}
		return boxed(micros(n))
	}
}

func boxed[T any](v T, ok bool) (any, bool) { return v, ok }
