package uri

import (
	"fmt"
	"strings"
)

// parsePath reads the path. It is divided at slashes before it is decoded: %2F is part of a name or a key.
func (b *budget) parsePath(raw string) ([]Segment, *Error) {
	if raw == "" {
		return nil, nil
	}
	var path []Segment
	for start := 0; start <= len(raw); {
		end := len(raw)
		if n := strings.IndexByte(raw[start:], '/'); n >= 0 {
			end = start + n
		}
		text, err := unescape(raw[start:end], true)
		if err != nil {
			err.Pos += start
			return nil, err
		}
		p := &parser{budget: b, s: text.s, base: start, where: text.where}
		p.node()
		s := p.segment(path)
		if p.err != nil {
			return nil, p.err
		}
		path = append(path, s)
		start = end + 1
	}
	return path, nil
}

// segment reads one segment behind others.
func (p *parser) segment(before []Segment) Segment {
	s := Segment{Pos: p.base}
	if p.s == "" {
		p.fail(0, "expected a name, found an empty segment")
		return s
	}
	last := ""
	if len(before) > 0 {
		last = before[len(before)-1].Name
	}
	if p.peek() == '$' {
		p.dollarSegment(&s, last)
		return s
	}
	if among(last, "$metadata $batch $value $count $ref $query $crossjoin") {
		p.behindTheEnd(last)
		return s
	}
	end := p.scanQualified(0)
	if end < len(p.s) && p.s[end] != '(' && last != "" && !strings.Contains(p.s, "(") {
		s.Name = p.s // what only a key behind a slash could be
		return s
	}
	s.Name = p.qualified("a name")
	if last == "" && strings.Contains(s.Name, ".") {
		p.fail(strings.IndexByte(s.Name, '.'), "expected the name of a set, found a qualified name")
	}
	if p.err == nil && p.peek() == '(' {
		s.Keys = p.segmentKeys()
	}
	if p.err == nil && p.peek() == '(' {
		p.unsupported(p.i, "a key behind the call of a function")
		p.keys(true)
	}
	p.done()
	return s
}

// segmentKeys reads the key or the arguments behind a name.
func (p *parser) segmentKeys() []Key {
	keys := p.keys(false)
	for i, k := range keys {
		if p.err != nil {
			return nil
		}
		switch {
		case !keyValue(k.Value) && (k.Name == "" || !isNull(k.Value)):
			p.err = &Error{Pos: k.Value.At(), Message: "the value of a key is a literal or an alias"}
		case i > 0 && k.Name == "":
			p.err = &Error{Pos: k.Pos, Message: "several values are to be named, each one: (ID=1,Size=5)"}
		}
	}
	return keys
}

func isNull(x Expr) bool {
	l, ok := x.(*Literal)
	return ok && l.Kind == Null
}

// dollarSegment reads what begins with a dollar sign.
func (p *parser) dollarSegment(s *Segment, last string) {
	p.i = p.scanIdent(1)
	s.Name = p.s[:p.i]
	first := false
	switch s.Name {
	case "$metadata", "$batch", "$entity", "$all":
		first = true
	case "$crossjoin":
		first = true
		p.crossjoin(s)
	case "$count", "$value", "$ref":
	case "$each", "$query":
		p.unsupported(0, s.Name)
	case "$filter":
		p.unsupported(0, "$filter in a path")
		p.expect('(')
		p.blanks()
		p.expr()
		p.blanks()
		p.expect(')')
	default:
		p.fail(0, "expected the name of a set or a property, found %q", p.s)
	}
	switch {
	case p.err != nil:
	case first && last != "":
		p.fail(0, "%s can only begin a path", s.Name)
	case !first && last == "":
		p.fail(0, "expected the name of a set, found %q", s.Name)
	case strings.HasPrefix(last, "$") && (last != "$crossjoin" || s.Name != "$query") && !among(last, "$filter $each"):
		p.behindTheEnd(last)
	default:
		p.done()
	}
}

// behindTheEnd fails because nothing can stand behind the segment before this one.
func (p *parser) behindTheEnd(last string) {
	p.err = &Error{Pos: p.base - 1, Message: fmt.Sprintf("expected the end behind %s, found %q", last, "/"+p.s)}
}

// crossjoin reads the sets of $crossjoin.
func (p *parser) crossjoin(s *Segment) {
	p.expect('(')
	for {
		p.node()
		s.Args = append(s.Args, p.ident("the name of a set"))
		if !p.comma() {
			break
		}
	}
	p.expect(')')
}
