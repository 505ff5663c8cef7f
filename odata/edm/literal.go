package edm

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"time"
)

// mostDigits bounds a decimal that is written with an exponent: 1e999999999 is a short text and a long number.
const mostDigits = 1000

// ParseLiteral reads the text of a value, as it stands in a URL without quotes or prefix, into the Go form of its kind.
// False when it is none, or out of range. Of an Enum it reads the number only: EnumType.Parse knows names. Fractions of a
// second have up to 12 digits, of which those below the microsecond are cut off. Years are 1 to 9999.
func ParseLiteral(k Kind, text string) (any, bool) {
	switch k {
	case Boolean:
		return boxed(parseBool(text))
	case Byte, SByte, Int16, Int32, Int64, Enum:
		return boxed(parseInt(k, text))
	case Single:
		return boxed(parseFloat(text, 32))
	case Double:
		return boxed(parseFloat(text, 64))
	case Decimal:
		return boxed(parseDecimal(text))
	case String:
		return text, true
	case Guid:
		lower := strings.ToLower(text)
		return boxed(lower, isGuid(lower))
	case Date:
		t, rest, ok := parseDate(text)
		return boxed(t, ok && rest == "")
	case TimeOfDay:
		d, rest, ok := parseClock(text)
		return boxed(d, ok && rest == "")
	case DateTimeOffset:
		return boxed(parseInstant(text))
	case Duration:
		return boxed(parseDuration(text))
	case Binary:
		b, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimRight(text, "="))
		return boxed(b, err == nil && (!strings.HasSuffix(text, "=") || len(text)%4 == 0))
	default:
		return nil, false
	}
}

// Parse is ParseLiteral that knows the names of an enumeration.
func (t Type) Parse(text string) (any, bool) {
	if t.Kind == Enum && t.Enum != nil {
		return boxed(t.Enum.Parse(text))
	}
	return ParseLiteral(t.Kind, text)
}

// boxed is nil where there is no value.
func boxed[T any](v T, ok bool) (any, bool) {
	if !ok {
		return nil, false
	}
	return v, true
}

func parseBool(text string) (value, ok bool) {
	return strings.EqualFold(text, "true"), strings.EqualFold(text, "true") || strings.EqualFold(text, "false")
}

func parseInt(k Kind, text string) (int64, bool) {
	v, err := strconv.ParseInt(text, 10, 64)
	lowest, highest := k.Range()
	return v, err == nil && v >= lowest && v <= highest
}

func parseFloat(text string, bits int) (float64, bool) {
	switch text {
	case "INF":
		return math.Inf(1), true
	case "-INF":
		return math.Inf(-1), true
	case "NaN":
		return math.NaN(), true
	}
	if _, ok := scanNumber(text); !ok { // strconv reads 0x1p-2 and Infinity as well
		return 0, false
	}
	v, err := strconv.ParseFloat(text, bits)
	return v, err == nil
}

// number is the text of a decimal number, taken apart.
type number struct {
	minus           bool
	whole, fraction string // digits
	exponent        int
}

// scanNumber reads a sign, digits, perhaps a point and digits, perhaps an exponent.
func scanNumber(text string) (n number, ok bool) {
	n.minus = strings.HasPrefix(text, "-")
	if n.minus || strings.HasPrefix(text, "+") {
		text = text[1:]
	}
	n.whole, text = cutDigits(text)
	if n.whole == "" {
		return n, false
	}
	if strings.HasPrefix(text, ".") {
		if n.fraction, text = cutDigits(text[1:]); n.fraction == "" {
			return n, false
		}
	}
	if text == "" {
		return n, true
	}
	if text[0] != 'e' && text[0] != 'E' {
		return n, false
	}
	sign := strings.TrimLeft(text[1:], "+-")
	if digits, rest := cutDigits(sign); digits == "" || rest != "" || len(text)-1-len(sign) > 1 {
		return n, false
	}
	exponent, err := strconv.Atoi(text[1:])
	if err != nil { // too large for any kind
		exponent = math.MaxInt32
		if text[1] == '-' {
			exponent = -math.MaxInt32
		}
	}
	n.exponent = exponent
	return n, true
}

// cutDigits takes digits off the front of a text.
func cutDigits(text string) (digits, rest string) {
	i := 0
	for i < len(text) && text[i] >= '0' && text[i] <= '9' {
		i++
	}
	return text[:i], text[i:]
}

// parseDecimal writes a number without exponent, plus sign and leading zeros. Zeros at the end of the fraction stay:
// they are part of what a Decimal says.
func parseDecimal(text string) (string, bool) {
	n, ok := scanNumber(text)
	if !ok {
		return "", false
	}
	digits, point := n.whole+n.fraction, len(n.whole)+n.exponent
	if n.exponent != 0 {
		switch {
		case strings.Trim(digits, "0") == "":
			return "0", true
		case point < -mostDigits || point > mostDigits:
			return "", false
		case point <= 0:
			digits, point = strings.Repeat("0", 1-point)+digits, 1
		case point > len(digits):
			digits += strings.Repeat("0", point-len(digits))
		}
	}
	whole, fraction := strings.TrimLeft(digits[:point], "0"), digits[point:]
	if whole == "" {
		whole = "0"
	}
	if fraction != "" {
		whole += "." + fraction
	}
	if n.minus && strings.Trim(whole, "0.") != "" {
		whole = "-" + whole
	}
	return whole, true
}

// isDecimal says whether a text is a JSON number without exponent.
func isDecimal(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole, rest := cutDigits(s)
	if whole == "" || len(whole) > 1 && whole[0] == '0' {
		return false
	}
	if rest == "" {
		return true
	}
	fraction, rest := cutDigits(rest[1:])
	return s[len(whole)] == '.' && fraction != "" && rest == ""
}

// isGuid says whether a text has 8-4-4-4-12 lower-case hexadecimal digits.
func isGuid(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (c == '-') || !dash && (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// cutNumber takes exactly so many digits off the front of a text.
func cutNumber(text string, digits int) (n int, rest string, ok bool) {
	if len(text) < digits {
		return 0, "", false
	}
	for _, c := range []byte(text[:digits]) {
		if c < '0' || c > '9' {
			return 0, "", false
		}
		n = n*10 + int(c-'0')
	}
	return n, text[digits:], true
}

// cutBehind is cutNumber of two digits behind a mark.
func cutBehind(text string, mark byte) (n int, rest string, ok bool) {
	if text == "" || text[0] != mark {
		return 0, "", false
	}
	return cutNumber(text[1:], 2)
}

func parseDate(text string) (t time.Time, rest string, ok bool) {
	year, rest, okYear := cutNumber(text, 4)
	month, rest, okMonth := cutBehind(rest, '-')
	day, rest, okDay := cutBehind(rest, '-')
	if !okYear || !okMonth || !okDay || year == 0 {
		return t, "", false
	}
	t = time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	return t, rest, int(t.Month()) == month // 30 February would be 2 March, and 0 March 28 February
}

// parseClock reads hh:mm, hh:mm:ss or hh:mm:ss.f as the time since midnight.
func parseClock(text string) (d time.Duration, rest string, ok bool) {
	hour, rest, okHour := cutNumber(text, 2)
	minute, rest, okMinute := cutBehind(rest, ':')
	if !okHour || !okMinute || hour > 23 || minute > 59 {
		return 0, "", false
	}
	d = time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
	if !strings.HasPrefix(rest, ":") {
		return d, rest, true
	}
	second, rest, ok := cutBehind(rest, ':')
	if !ok || second > 59 {
		return 0, "", false
	}
	d += time.Duration(second) * time.Second
	if !strings.HasPrefix(rest, ".") {
		return d, rest, true
	}
	fraction, rest := cutDigits(rest[1:])
	return d + fractionOf(fraction), rest, len(fraction) >= 1 && len(fraction) <= 12
}

// fractionOf is what the digits behind a second's point are worth, in whole microseconds.
func fractionOf(digits string) (d time.Duration) {
	for i, unit := 0, 100*time.Millisecond; i < len(digits) && unit >= time.Microsecond; i, unit = i+1, unit/10 {
		d += time.Duration(digits[i]-'0') * unit
	}
	return d
}

func parseInstant(text string) (t time.Time, ok bool) {
	t, rest, ok := parseDate(text)
	if !ok || rest == "" || rest[0] != 'T' && rest[0] != 't' {
		return t, false
	}
	clock, rest, ok := parseClock(rest[1:])
	if !ok || rest == "" {
		return t, false
	}
	t = t.Add(clock)
	if rest == "Z" || rest == "z" {
		return t, true
	}
	if rest[0] != '+' && rest[0] != '-' || len(rest) != len("+00:00") {
		return t, false
	}
	offset, _, ok := parseClock(rest[1:])
	if rest[0] == '+' {
		offset = -offset
	}
	t = t.Add(offset)
	return t, ok && t.Year() >= 1 && t.Year() <= 9999
}

// parseDuration reads P1DT2H3M4.5S, with a sign perhaps: a duration of days and less, since months have no length.
func parseDuration(text string) (time.Duration, bool) {
	minus := strings.HasPrefix(text, "-")
	if minus || strings.HasPrefix(text, "+") {
		text = text[1:]
	}
	if text == "" || text[0] != 'P' && text[0] != 'p' {
		return 0, false
	}
	text = text[1:]
	total, any, ok := -time.Duration(0), false, true // negative, since there is one more of those
	take := func(designator byte, unit time.Duration) {
		digits, rest := cutDigits(text)
		fraction := ""
		if designator == 'S' && strings.HasPrefix(rest, ".") {
			if fraction, rest = cutDigits(rest[1:]); fraction == "" || len(fraction) > 12 {
				return
			}
		}
		if digits == "" || rest == "" || rest[0]&^0x20 != designator {
			return
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		part := fractionOf(fraction)
		ok = ok && err == nil && n <= (math.MaxInt64-int64(part))/int64(unit)
		if ok {
			part += time.Duration(n) * unit
			ok = total >= math.MinInt64+part
			total -= part
		}
		text, any = rest[1:], true
	}
	take('D', 24*time.Hour)
	if strings.HasPrefix(text, "T") || strings.HasPrefix(text, "t") {
		text, any = text[1:], false
		take('H', time.Hour)
		take('M', time.Minute)
		take('S', time.Second)
	}
	if !minus {
		ok = ok && total != math.MinInt64
		total = -total
	}
	return total, ok && any && text == ""
}
