package uri

// The forms of values. They say where a form ends, or how far it went before it was none: whether such a day exists
// is for others to say.

// hex is the value of a hexadecimal digit.
func hex(c byte) (byte, bool) {
	switch {
	case digit(c):
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// guid says whether s begins like a guid.
func guid(s string) bool {
	if len(s) < 36 {
		return false
	}
	for i := range 36 {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if s[i] != '-' {
				return false
			}
		} else if _, ok := hex(s[i]); !ok {
			return false
		}
	}
	return true
}

// two reads two digits from least to most at i.
func two(s string, i, least, most int) (int, bool) {
	if i >= len(s) || !digit(s[i]) || int(s[i]-'0') > most/10 {
		return min(i, len(s)), false
	}
	if i+1 >= len(s) || !digit(s[i+1]) {
		return i + 1, false
	}
	if v := int(s[i]-'0')*10 + int(s[i+1]-'0'); v < least || v > most {
		return i + 1, false
	}
	return i + 2, true
}

// one reads c at i.
func one(s string, i int, c byte) (int, bool) {
	if i < len(s) && s[i] == c {
		return i + 1, true
	}
	return min(i, len(s)), false
}

// date reads 2026-01-31. Years have four digits, or more that do not begin with zero.
func date(s string) (int, bool) {
	i, _ := one(s, 0, '-')
	start := i
	i = digits(s, i)
	if i-start < 4 || i-start > 4 && s[start] == '0' {
		return i, false
	}
	i, ok := one(s, i, '-')
	if ok {
		i, ok = two(s, i, 1, 12)
	}
	if ok {
		i, ok = one(s, i, '-')
	}
	if ok {
		i, ok = two(s, i, 1, 31)
	}
	return i, ok
}

// timeOfDay reads 13:45, 13:45:00, 13:45:00.123456789012.
func timeOfDay(s string) (int, bool) {
	i, ok := two(s, 0, 0, 23)
	if ok {
		i, ok = one(s, i, ':')
	}
	if ok {
		i, ok = two(s, i, 0, 59)
	}
	if !ok || i >= len(s) || s[i] != ':' {
		return i, ok
	}
	if i, ok = two(s, i+1, 0, 60); !ok || i >= len(s) || s[i] != '.' {
		return i, ok
	}
	start := i + 1
	i = digits(s, start)
	return i, i > start && i-start <= 12
}

// zone reads Z or +01:00.
func zone(s string) (int, bool) {
	if s == "" {
		return 0, false
	}
	if s[0] == 'Z' {
		return 1, true
	}
	if s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	i, ok := two(s, 1, 0, 23)
	if ok {
		i, ok = one(s, i, ':')
	}
	if ok {
		i, ok = two(s, i, 0, 59)
	}
	return i, ok
}

// duration reads -P6DT23H59M59.9S.
func duration(s string) (int, bool) {
	i, _ := one(s, 0, '-')
	i, ok := one(s, i, 'P')
	if !ok {
		return i, false
	}
	start := i
	i, days := quantity(s, i, 'D')
	if i, ok = one(s, i, 'T'); !ok {
		return i, days && i > start
	}
	i, hours := quantity(s, i, 'H')
	i, minutes := quantity(s, i, 'M')
	i, seconds := quantity(s, i, 'S')
	return i, hours || minutes || seconds
}

// quantity reads digits and a unit at i, if they stand there; those of seconds may have a fraction.
func quantity(s string, i int, unit byte) (int, bool) {
	end := digits(s, i)
	if unit == 'S' && end > i && end < len(s) && s[end] == '.' && digits(s, end+1) > end+1 {
		end = digits(s, end+1)
	}
	if end == i || end == len(s) || s[end] != unit {
		return i, false
	}
	return end + 1, true
}

// digits is where digits that begin at i end.
func digits(s string, i int) int {
	for i < len(s) && digit(s[i]) {
		i++
	}
	return i
}

// base64url says whether all of s is base64 as in URLs, padded or not.
func base64url(s string) bool {
	n := len(s)
	for n > 0 && s[n-1] == '=' {
		n--
	}
	if pad := len(s) - n; pad > 2 || pad > 0 && len(s)%4 != 0 || n%4 == 1 {
		return false
	}
	for _, c := range []byte(s[:n]) {
		if !wordByte(c) && c != '-' {
			return false
		}
	}
	return true
}

// members reads Red,Green,-4.
func members(s string) (int, bool) {
	p := parser{s: s, budget: &budget{}}
	for {
		if end := p.scanIdent(p.i); end > p.i {
			p.i = end
		} else {
			if c := p.peek(); c == '-' || c == '+' {
				p.i++
			}
			p.digits()
		}
		if p.err != nil {
			return p.err.Pos, false
		}
		if !p.accept(',') {
			return p.i, true
		}
	}
}
