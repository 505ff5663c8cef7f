package uri

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits bound what is read. A zero field takes its default.
type Limits struct {
	Bytes int // of path and query together; 0 is 16,384
	Depth int // of nesting; 0 is 100
	Nodes int // of all expressions and lists together; 0 is 2,000
}

func (l Limits) orDefault() Limits {
	if l.Bytes == 0 {
		l.Bytes = 16384
	}
	if l.Depth == 0 {
		l.Depth = 100
	}
	if l.Nodes == 0 {
		l.Nodes = 2000
	}
	return l
}

// Error says what is wrong with a URL, and where.
type Error struct {
	Option      string // "$filter"; "" for the path
	Pos         int    // in bytes, in the option's text after percent-decoding, or in the path as it was sent
	Message     string // "expected an expression, found \")\""
	Unsupported bool   // the grammar knows it, nothing here does it: 501 instead of 400
	TooLong     bool   // 414
}

func (e *Error) Error() string {
	if e.TooLong {
		return e.Message
	}
	if e.Option == "" {
		return fmt.Sprintf("path, character %d: %s", e.Pos+1, e.Message)
	}
	return fmt.Sprintf("%s, character %d: %s", e.Option, e.Pos+1, e.Message)
}

// Parse reads the path below the service root, without the slash before it, and the query, without the question
// mark before it, both still percent-encoded. Errors are *Error. What is right but not supported is told only when
// nothing else is wrong.
func Parse(path, query string, l Limits) (*Request, error) {
	l = l.orDefault()
	if n := len(path) + len(query); n > l.Bytes {
		return nil, &Error{TooLong: true, Message: fmt.Sprintf("the request has %d characters, more than the %d that are allowed", n, l.Bytes)}
	}
	b := &budget{limits: l}
	r := &Request{}
	var err *Error
	if r.Path, err = b.parsePath(path); err != nil {
		return nil, err
	}
	for query != "" {
		var option string
		option, query, _ = strings.Cut(query, "&")
		if option == "" {
			continue
		}
		if err := b.parseOption(&r.Options, option); err != nil {
			return nil, err
		}
	}
	if len(r.Path) > 0 && r.Path[0].Name == "$entity" && r.Options.ID == "" {
		return nil, &Error{Pos: len(path), Message: "expected $id=… in the query of $entity"}
	}
	if b.later != nil {
		return nil, b.later
	}
	return r, nil
}

// parseOption reads name=value. The equals sign that divides them is the first one, before anything is decoded
// (URL Conventions 2).
func (b *budget) parseOption(o *Options, raw string) *Error {
	rawName, rawValue, valued := strings.Cut(raw, "=")
	name, err := unescape(rawName, false)
	if err != nil {
		err.Option = "query"
		return err
	}
	value, err := unescape(rawValue, false)
	if err != nil {
		err.Option = name.s
		return err
	}
	p := &parser{budget: b, option: name.s, s: value.s, semis: value.semis}
	p.node()
	switch {
	case strings.HasPrefix(name.s, "$"):
		p.system(o, name.s[1:], valued)
	case strings.HasPrefix(name.s, "@"):
		if (&parser{s: name.s}).scanIdent(1) != len(name.s) || name.s == "@" {
			p.fail(0, "expected a name behind @ in the name of the option")
		}
		p.define(o, 0, name.s[1:])
		p.done()
	default:
		if o.Custom == nil {
			o.Custom = map[string]string{}
		}
		if _, twice := o.Custom[name.s]; !twice {
			o.Custom[name.s] = value.s
		}
	}
	return p.err
}

// system reads a system query option.
func (p *parser) system(o *Options, name string, valued bool) {
	switch {
	case among(name, topOptions), among(name, "format id skiptoken deltatoken index schemaversion"):
	case name == "levels":
		p.fail(0, "$levels stands inside of $expand: $expand=Manager($levels=2)")
	default:
		p.fail(0, "there is no system query option of this name")
	}
	if !valued {
		p.fail(0, "expected an equals sign and a value")
	}
	p.given(o, 0, name)
	if p.err == nil && p.s == "" {
		p.expected("a value")
	}
	switch name {
	case "format":
		o.Format = p.rest()
	case "id":
		o.ID = p.rest()
	case "skiptoken":
		o.SkipToken = p.rest()
	case "deltatoken", "schemaversion":
		p.unsupported(0, "$"+name)
		p.rest()
	case "index":
		p.unsupported(0, "$index")
		p.accept('-')
		p.count()
	default:
		p.value(o, name)
	}
	if p.err == nil && p.i < len(p.s) {
		p.trailing(after(name))
	}
}

// after says what could have continued a whole value.
func after(name string) string {
	switch name {
	case "filter":
		return "an operator such as and, or the end"
	case "select", "expand":
		return "a comma or the end"
	case "orderby":
		return "an operator, asc, desc, a comma or the end"
	}
	return "the end"
}

// rest is all that is left.
func (p *parser) rest() string {
	s := p.s[p.i:]
	p.i = len(p.s)
	return s
}

// unescaped is a text after percent-decoding.
type unescaped struct {
	s     string
	where []int // as in parser
	semis []int
}

// unescape decodes once. A plus is a plus.
func unescape(raw string, positions bool) (unescaped, *Error) {
	u := unescaped{s: raw}
	if i := strings.IndexByte(raw, '#'); i >= 0 {
		return u, &Error{Pos: i, Message: `expected "#" to be sent as %23`}
	}
	if strings.Contains(raw, "%") {
		b := make([]byte, 0, len(raw))
		for i := 0; i < len(raw); i++ {
			if positions {
				u.where = append(u.where, i)
			}
			if raw[i] != '%' {
				b = append(b, raw[i])
				continue
			}
			if i+2 >= len(raw) {
				return u, &Error{Pos: i, Message: "expected two hexadecimal digits behind %"}
			}
			high, ok1 := hex(raw[i+1])
			low, ok2 := hex(raw[i+2])
			if !ok1 || !ok2 {
				return u, &Error{Pos: i, Message: "expected two hexadecimal digits behind %"}
			}
			c := high<<4 | low
			if c == ';' {
				u.semis = append(u.semis, len(b))
			}
			b = append(b, c)
			i += 2
		}
		if positions {
			u.where = append(u.where, len(raw))
		}
		u.s = string(b)
	}
	if !utf8.ValidString(u.s) || strings.IndexByte(u.s, 0) >= 0 {
		return u, &Error{Message: "expected text in UTF-8 without NUL"}
	}
	return u, nil
}
