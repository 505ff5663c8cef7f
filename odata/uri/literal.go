package uri

import (
	"strings"
	"unicode/utf8"
)

// literal reads a literal that begins with a digit, a sign, or like a guid; nil when there is none.
func (p *parser) literal() *Literal {
	start, rest := p.i, p.s[p.i:]
	if rest == "" {
		return nil
	}
	if guid(rest) {
		return p.made(start, 36, GuidText)
	}
	c := rest[0]
	signed := c == '-' || c == '+'
	if signed {
		rest = rest[1:]
	}
	if c == '-' && strings.HasPrefix(rest, "INF") && p.scanIdent(p.i+1) == p.i+4 {
		return p.made(start, 4, Inf)
	}
	if rest == "" || !digit(rest[0]) {
		return nil
	}
	digits := 1
	for digits < len(rest) && digit(rest[digits]) {
		digits++
	}
	if digits >= 4 && digits < len(rest) && rest[digits] == '-' && c != '+' {
		return p.dated(start)
	}
	if !signed {
		if n, ok := timeOfDay(rest); ok {
			return p.made(start, n, TimeText)
		}
	}
	return p.number(start)
}

// made is the literal of n bytes from start, which is to be all of it.
func (p *parser) made(start, n int, kind LiteralKind) *Literal {
	p.i = start + n
	if p.scanIdent(p.i) != p.i || digit(p.peek()) || p.peek() == '-' || p.peek() == '.' {
		p.expected("an operator or the end behind a literal")
		return nil
	}
	return &Literal{Pos: p.at(start), Kind: kind, Text: strings.TrimPrefix(p.s[start:p.i], "+")}
}

// dated reads a date or an instant.
func (p *parser) dated(start int) *Literal {
	n, ok := date(p.s[start:])
	if !ok {
		p.fail(start+n, "expected a date such as 2026-01-31, or a whole guid, found %s", p.found(start+n))
		return nil
	}
	if start+n == len(p.s) || p.s[start+n] != 'T' {
		return p.made(start, n, DateText)
	}
	n++
	m, ok := timeOfDay(p.s[start+n:])
	n += m
	if ok {
		m, ok = zone(p.s[start+n:])
		n += m
	}
	if !ok {
		p.fail(start+n, "expected an instant such as 2026-01-31T13:45:00Z, found %s", p.found(start+n))
		return nil
	}
	return p.made(start, n, InstantText)
}

// number reads an integer or a fraction and its suffix.
func (p *parser) number(start int) *Literal {
	p.i = start
	if c := p.peek(); c == '-' || c == '+' {
		p.i++
	}
	kind := Integer
	p.digits()
	if p.peek() == '.' {
		p.i++
		kind = Fraction
		p.digits()
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.i++
		kind = Fraction
		if c := p.peek(); c == '-' || c == '+' {
			p.i++
		}
		p.digits()
	}
	n := p.i - start
	suffix := p.peek() | 0x20
	if suffix != 'd' && suffix != 'f' && suffix != 'm' && suffix != 'l' {
		suffix = 0
	}
	if suffix != 0 {
		n++
	}
	l := p.made(start, n, kind)
	if l != nil && suffix != 0 {
		l.Text = l.Text[:len(l.Text)-1]
		l.Suffix = suffix
	}
	return l
}

func (p *parser) digits() {
	if !digit(p.peek()) {
		p.expected("a digit")
	}
	for digit(p.peek()) {
		p.i++
	}
}

// quoted reads what stands in single quotes; two of them are one.
func (p *parser) quoted() string {
	start := p.i
	for j := p.i + 1; j < len(p.s); j++ {
		if p.s[j] != '\'' {
			continue
		}
		if j+1 < len(p.s) && p.s[j+1] == '\'' {
			j++
			continue
		}
		p.i = j + 1
		return strings.ReplaceAll(p.s[start+1:j], "''", "'")
	}
	if p.option == "" {
		p.fail(len(p.s), "expected a closing quote; a slash in a key is to be sent as %%2F")
	} else {
		p.fail(len(p.s), "expected the closing quote of the one at character %d", p.pos(start)+1)
	}
	return ""
}

// text reads a string.
func (p *parser) text() *Literal {
	start := p.i
	l := &Literal{Pos: p.at(start), Kind: Text, Text: p.quoted()}
	if p.scanIdent(p.i) != p.i {
		p.expected("an operator or the end; a quote inside of a string is written twice")
	}
	return l
}

// prefixed reads the quotes behind a name that began at start: duration'PT1H', NS.Color'Red'.
func (p *parser) prefixed(start int, name string) Expr {
	quote := p.i
	l := &Literal{Pos: p.at(start), Text: p.quoted()}
	if p.err != nil {
		return nil
	}
	n, good := len(l.Text), true
	switch name {
	case "duration":
		l.Kind = DurationText
		n, good = duration(l.Text)
	case "binary":
		l.Kind = BinaryText
		if good = base64url(l.Text); !good {
			n = 0
		}
	case "geography", "geometry":
		l.Kind = Geo
	default:
		if !strings.Contains(name, ".") {
			p.fail(start, "%s'…' is no literal of OData 4", name)
			return nil
		}
		l.Kind, l.TypeName = EnumText, name
		n, good = members(l.Text)
	}
	if !good || n < len(l.Text) {
		p.fail(quote+1+n, "this is no value of %s", name)
	}
	return l
}

// jsonString reads a string in double quotes, as JSON has it.
func (p *parser) jsonString() string {
	start := p.i
	if !p.accept('"') {
		p.expected("a double quote")
		return ""
	}
	var b strings.Builder
	for p.i < len(p.s) {
		c := p.s[p.i]
		p.i++
		switch {
		case c == '"':
			return b.String()
		case c == '\\':
			p.escape(&b)
		case c < ' ':
			p.fail(p.i-1, "control characters in a JSON string are to be written \\u%04x", c)
		default:
			b.WriteByte(c)
		}
	}
	p.fail(len(p.s), "expected the closing quote of the one at character %d", p.pos(start)+1)
	return ""
}

// escape reads what stands behind a backslash.
func (p *parser) escape(b *strings.Builder) {
	start, c := p.i, p.peek()
	p.i++
	if k := strings.IndexByte(`"\/bfnrt`, c); k >= 0 && c != 0 {
		b.WriteByte("\"\\/\b\f\n\r\t"[k])
		return
	}
	r, ok := rune(0), c == 'u'
	if ok {
		r, ok = p.hex4()
	}
	if ok && r >= 0xd800 && r < 0xdc00 && strings.HasPrefix(p.s[p.i:], `\u`) {
		high := r
		p.i += 2
		r, ok = p.hex4()
		if ok = ok && r >= 0xdc00 && r < 0xe000; ok {
			r = 0x10000 + (high-0xd800)<<10 + (r - 0xdc00)
		}
	}
	if !ok || r == 0 || !utf8.ValidRune(r) {
		p.fail(start, "expected one of \" \\ / b f n r t or u and four digits behind a backslash")
		return
	}
	b.WriteRune(r)
}

func (p *parser) hex4() (rune, bool) {
	if p.i+4 > len(p.s) {
		return 0, false
	}
	r := rune(0)
	for _, c := range []byte(p.s[p.i : p.i+4]) {
		v, ok := hex(c)
		if !ok {
			return 0, false
		}
		r = r<<4 | rune(v)
	}
	p.i += 4
	return r, true
}
