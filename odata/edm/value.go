package edm

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// String is the qualified name of the primitive type: Edm.Int32. Enum and Invalid have none and are said in words.
func (k Kind) String() string {
	switch k {
	case Boolean:
		return "Edm.Boolean"
	case Byte:
		return "Edm.Byte"
	case SByte:
		return "Edm.SByte"
	case Int16:
		return "Edm.Int16"
	case Int32:
		return "Edm.Int32"
	case Int64:
		return "Edm.Int64"
	case Single:
		return "Edm.Single"
	case Double:
		return "Edm.Double"
	case Decimal:
		return "Edm.Decimal"
	case String:
		return "Edm.String"
	case Guid:
		return "Edm.Guid"
	case Date:
		return "Edm.Date"
	case TimeOfDay:
		return "Edm.TimeOfDay"
	case DateTimeOffset:
		return "Edm.DateTimeOffset"
	case Duration:
		return "Edm.Duration"
	case Binary:
		return "Edm.Binary"
	case Enum:
		return "an enumeration"
	default:
		return "no type"
	}
}

// Range is the smallest and the largest value of an integer kind; of other kinds it is empty: 0, -1.
func (k Kind) Range() (lowest, highest int64) {
	switch k {
	case Byte:
		return 0, math.MaxUint8
	case SByte:
		return math.MinInt8, math.MaxInt8
	case Int16:
		return math.MinInt16, math.MaxInt16
	case Int32:
		return math.MinInt32, math.MaxInt32
	case Int64, Enum:
		return math.MinInt64, math.MaxInt64
	default:
		return 0, -1
	}
}

// Format writes a value in its text form, as in URLs (without quotes), $value and keys: 12.5, 2026-01-02T03:04:05Z.
// Members of enumerations are names, or numbers where none has the value. Nil is null. It is "" for what is not of
// the kind's Go form.
func (t Type) Format(v any) string {
	if s, ok := v.(string); ok && t.Kind == String {
		return s
	}
	b, err := t.appendText(nil, v)
	if err != nil {
		return ""
	}
	return string(b)
}

// AppendJSON writes a value as OData's JSON format has it. ieee754 makes strings of Int64 and Decimal. It allocates
// nothing beyond what b needs to grow. The error says that v is not of the kind's Go form, or out of its range; b is
// then as it was.
func (t Type) AppendJSON(b []byte, v any, ieee754 bool) ([]byte, error) {
	if v == nil {
		return append(b, "null"...), nil
	}
	quoted := false
	switch t.Kind {
	case String:
		s, ok := v.(string)
		if !ok {
			return b, t.misfit(v)
		}
		return appendString(b, s), nil
	case Int64, Decimal:
		quoted = ieee754
	case Single, Double:
		f, ok := v.(float64)
		quoted = ok && (math.IsNaN(f) || math.Abs(f) > t.largest())
	case Guid, Date, TimeOfDay, DateTimeOffset, Duration, Binary, Enum:
		quoted = true
	default: // booleans and small integers stand as they are
	}
	if !quoted {
		return t.appendText(b, v)
	}
	// None of these texts has anything to escape: names of enumerations are identifiers.
	text, err := t.appendText(append(b, '"'), v)
	if err != nil {
		return b, err
	}
	return append(text, '"'), nil
}

// largest is the largest finite value of a kind of floating point; what rounds above it is infinite.
func (t Type) largest() float64 {
	if t.Kind == Single {
		// Halfway between the largest float32 and what would be the next.
		return math.Nextafter(math.MaxFloat32+0x1p103, 0)
	}
	return math.MaxFloat64
}

// misfit is the error of a value that is not of the kind's Go form.
func (t Type) misfit(v any) error {
	if s, ok := v.(string); ok && (t.Kind == Decimal || t.Kind == Guid) {
		_ = s // what it says may be secret
		return fmt.Errorf("edm: a text that is no %s", t.Kind)
	}
	return fmt.Errorf("edm: a Go %T is no value of %s, or out of its range", v, t.Kind)
}

// appendText writes the text form of any value but null's JSON.
func (t Type) appendText(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		if t.Kind == Boolean {
			return strconv.AppendBool(b, v), nil
		}
	case int64:
		if lowest, highest := t.Kind.Range(); v < lowest || v > highest {
			break
		}
		if t.Kind == Enum && t.Enum != nil {
			return t.Enum.appendNames(b, v), nil
		}
		return strconv.AppendInt(b, v, 10), nil
	case float64:
		switch t.Kind {
		case Single:
			return appendFloat(b, float64(float32(v)), 32), nil
		case Double:
			return appendFloat(b, v, 64), nil
		default:
		}
	case string:
		if t.Kind == String || t.Kind == Decimal && isDecimal(v) || t.Kind == Guid && isGuid(v) {
			return append(b, v...), nil
		}
	case time.Time:
		v = v.UTC()
		if year := v.Year(); year < 1 || year > 9999 {
			break
		}
		switch t.Kind {
		case Date:
			return appendDate(b, v), nil
		case DateTimeOffset:
			b = append(appendDate(b, v), 'T')
			hour, minute, second := v.Clock()
			return append(appendClock(b, hour, minute, second, v.Nanosecond()), 'Z'), nil
		default:
		}
	case time.Duration:
		switch {
		case t.Kind == Duration:
			return appendDuration(b, v), nil
		case t.Kind == TimeOfDay && v >= 0 && v < 24*time.Hour:
			seconds := int(v / time.Second)
			return appendClock(b, seconds/3600, seconds/60%60, seconds%60, int(v%time.Second)), nil
		}
	case []byte:
		if t.Kind == Binary {
			return base64.URLEncoding.AppendEncode(b, v), nil
		}
	}
	return b, t.misfit(v)
}

// appendFloat writes the shortest text that reads as the same number. No plus sign is in it, so that it can stand in a URL.
func appendFloat(b []byte, v float64, bits int) []byte {
	switch {
	case math.IsNaN(v):
		return append(b, "NaN"...)
	case math.IsInf(v, 1):
		return append(b, "INF"...)
	case math.IsInf(v, -1):
		return append(b, "-INF"...)
	}
	if size := math.Abs(v); size == 0 || size >= 1e-6 && size < 1e21 {
		return strconv.AppendFloat(b, v, 'f', -1, bits)
	}
	start := len(b)
	b = strconv.AppendFloat(b, v, 'e', -1, bits)
	for i := start; i < len(b); i++ {
		if b[i] == '+' {
			return append(b[:i], b[i+1:]...)
		}
	}
	return b
}

// appendDigits writes n in so many digits.
func appendDigits(b []byte, n, digits int) []byte {
	var text [9]byte
	for i := digits - 1; i >= 0; i-- {
		text[i] = byte('0' + n%10)
		n /= 10
	}
	return append(b, text[:digits]...)
}

func appendDate(b []byte, t time.Time) []byte {
	year, month, day := t.Date()
	b = append(appendDigits(b, year, 4), '-')
	b = append(appendDigits(b, int(month), 2), '-')
	return appendDigits(b, day, 2)
}

func appendClock(b []byte, hour, minute, second, nanos int) []byte {
	b = append(appendDigits(b, hour, 2), ':')
	b = append(appendDigits(b, minute, 2), ':')
	return appendFraction(appendDigits(b, second, 2), nanos)
}

// appendFraction writes microseconds, without zeros at the end. What is below them was cut off when it was read.
func appendFraction(b []byte, nanos int) []byte {
	micros := nanos / 1000
	if micros == 0 {
		return b
	}
	b = appendDigits(append(b, '.'), micros, 6)
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	return b
}

// appendDuration writes days, hours, minutes and seconds, without those that are 0.
func appendDuration(b []byte, d time.Duration) []byte {
	size := uint64(d) // the size of the least duration has no place in a time.Duration
	if d < 0 {
		size = -size
	}
	nanos := size % 1e9 / 1000 * 1000
	seconds := size / 1e9
	if seconds == 0 && nanos == 0 {
		return append(b, "PT0S"...)
	}
	if d < 0 {
		b = append(b, '-')
	}
	b = append(b, 'P')
	if days := seconds / 86400; days > 0 {
		b = append(strconv.AppendUint(b, days, 10), 'D')
	}
	if seconds%86400 == 0 && nanos == 0 {
		return b
	}
	b = append(b, 'T')
	if hours := seconds / 3600 % 24; hours > 0 {
		b = append(strconv.AppendUint(b, hours, 10), 'H')
	}
	if minutes := seconds / 60 % 60; minutes > 0 {
		b = append(strconv.AppendUint(b, minutes, 10), 'M')
	}
	if seconds%60 > 0 || nanos > 0 {
		b = append(appendFraction(strconv.AppendUint(b, seconds%60, 10), int(nanos)), 'S')
	}
	return b
}

// appendString writes a JSON string. What is not UTF-8 becomes U+FFFD; U+2028 and U+2029 are escaped, since readers
// that take JSON for JavaScript end a line there.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	done := 0 // s before it is written
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		r, size := rune(c), 1
		if c >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
			if (r != utf8.RuneError || size > 1) && r != '\u2028' && r != '\u2029' {
				i += size
				continue
			}
		}
		b = append(b, s[done:i]...)
		i += size
		done = i
		switch r {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		case utf8.RuneError:
			b = append(b, "\ufffd"...)
		default:
			b = append(b, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
		}
	}
	return append(append(b, s[done:]...), '"')
}

// AppendString writes any text as a JSON string, as AppendJSON writes values.
func AppendString(b []byte, s string) []byte { return appendString(b, s) }

// appendNames writes the member that has the value, or the members of flags that make it up, or the number.
func (e *EnumType) appendNames(b []byte, v int64) []byte {
	for i := range e.Members {
		if e.Members[i].Value == v {
			return append(b, e.Members[i].Name...)
		}
	}
	if !e.Flags {
		return strconv.AppendInt(b, v, 10)
	}
	start, rest := len(b), v
	for i := range e.Members {
		bits := e.Members[i].Value
		if bits <= 0 || v&bits != bits || rest&bits == 0 {
			continue
		}
		if len(b) > start {
			b = append(b, ',')
		}
		b = append(b, e.Members[i].Name...)
		rest &^= bits
	}
	if rest != 0 || len(b) == start {
		return strconv.AppendInt(b[:start], v, 10)
	}
	return b
}

// Parse reads what stands between the quotes of an enumeration's literal: a member, a number, or several of them with
// commas between, for flags. False when a name is unknown.
func (e *EnumType) Parse(text string) (int64, bool) {
	var value int64
	for i, part := range strings.Split(text, ",") {
		if i > 0 && !e.Flags {
			return 0, false
		}
		one, ok := e.member(strings.Trim(part, " "))
		if !ok {
			return 0, false
		}
		value |= one
	}
	return value, true
}

func (e *EnumType) member(text string) (int64, bool) {
	for i := range e.Members {
		if e.Members[i].Name == text {
			return e.Members[i].Value, true
		}
	}
	return parseInt(Enum, text)
}
