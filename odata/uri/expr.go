package uri

import "strings"

// precedence is how strongly a binary operator binds (URL Conventions 5.1.1.17); 0 is none.
func precedence(op string) int {
	switch op {
	case "or":
		return 1
	case "and":
		return 2
	case "eq", "ne":
		return 3
	case "gt", "ge", "lt", "le":
		return 4
	case "add", "sub":
		return 5
	case "mul", "div", "divby", "mod":
		return 6
	case "has", "in":
		return tightest
	}
	return 0
}

// not and minus bind less than has and in, and more than all others.
const tightest = 7

// function says whether a name is that of a canonical function.
func function(name string) bool {
	switch name {
	case "concat", "contains", "endswith", "indexof", "length", "matchesPattern", "startswith", "substring",
		"tolower", "toupper", "trim", "year", "month", "day", "hour", "minute", "second", "fractionalseconds",
		"totalseconds", "date", "time", "totaloffsetminutes", "mindatetime", "maxdatetime", "now", "round", "floor",
		"ceiling", "geo.distance", "geo.length", "geo.intersects", "hassubset", "hassubsequence", "case", "cast",
		"isof", "isdefined":
		return true
	}
	return false
}

const anExpression = "an expression"

// expr reads an expression. It stops before what is no operator.
func (p *parser) expr() Expr {
	if !p.enter() {
		return nil
	}
	x := p.binary(1)
	p.leave()
	return x
}

// binary reads an expression of operators that bind at least so strongly.
func (p *parser) binary(least int) Expr {
	start := p.i
	x := p.unary()
	for p.err == nil {
		op := p.operator(least)
		if op == "" {
			return x
		}
		p.node()
		b := &Binary{Pos: p.at(start), Op: op, X: x}
		if op == "in" {
			b.Y = p.list()
		} else {
			b.Y = p.binary(precedence(op) + 1)
		}
		x = b
	}
	return nil
}

// operator reads an operator that binds at least so strongly; "" when there is none.
func (p *parser) operator(least int) string {
	j := p.i
	for j < len(p.s) && blank(p.s[j]) {
		j++
	}
	if j == p.i && (j == 0 || p.s[j-1] != ')') {
		return ""
	}
	end := p.scanIdent(j)
	op := p.s[j:end]
	n := precedence(op)
	if n == 0 || n < least || end < len(p.s) && !blank(p.s[end]) && p.s[end] != '(' {
		return ""
	}
	p.i = end
	p.blanks()
	return op
}

func (p *parser) unary() Expr {
	start, op := p.i, ""
	switch c := p.peek(); {
	case c == '-':
		if l := p.literal(); l != nil || p.err != nil {
			return p.constant(l)
		}
		op = "-"
		p.i++
	case c == 'n' && strings.HasPrefix(p.s[p.i:], "not"):
		if end := p.i + 3; end < len(p.s) && (blank(p.s[end]) || p.s[end] == '(') {
			op = "not"
			p.i = end
		}
	}
	if op == "" {
		return p.primary()
	}
	p.blanks()
	p.node()
	if !p.enter() {
		return nil
	}
	x := p.binary(tightest)
	p.leave()
	return &Unary{Pos: p.at(start), Op: op, X: x}
}

// constant is a literal that counts, or nil.
func (p *parser) constant(l *Literal) Expr {
	p.node()
	if l == nil || p.err != nil {
		return nil
	}
	return l
}

// primary reads an operand.
func (p *parser) primary() Expr {
	start := p.i
	switch c := p.peek(); c {
	case '(':
		p.i++
		p.blanks()
		x := p.expr()
		p.blanks()
		p.expect(')')
		return x
	case '\'':
		return p.constant(p.text())
	case '[', '{':
		return p.json()
	case '@':
		return p.alias()
	case '$':
		return p.root()
	}
	if l := p.literal(); l != nil || p.err != nil {
		return p.constant(l)
	}
	p.node()
	name := p.qualified(anExpression)
	if p.err != nil {
		return nil
	}
	switch p.peek() {
	case '\'':
		return p.prefixed(start, name)
	case '(', '/':
	default:
		if l := constantName(name); l != nil {
			l.Pos = p.at(start)
			return l
		}
	}
	return p.steps(p.named(nil, start, name))
}

// constantName is the literal that a name stands for; nil is none.
func constantName(name string) *Literal {
	switch name {
	case "null":
		return &Literal{Kind: Null, Text: name}
	case "true":
		return &Literal{Kind: True, Text: name}
	case "false":
		return &Literal{Kind: False, Text: name}
	case "INF", "NaN":
		return &Literal{Kind: Inf, Text: name}
	}
	return nil
}

// alias reads @p, or @NS.Term at the start of a path.
func (p *parser) alias() Expr {
	start := p.i
	p.node()
	p.i++
	name := p.qualified("a name behind @")
	if strings.Contains(name, ".") || p.peek() == '#' {
		return p.steps(&Annotation{Pos: p.at(start), Term: name + p.qualifier()})
	}
	return p.steps(&Alias{Pos: p.at(start), Name: name})
}

// qualifier reads the #name behind a term.
func (p *parser) qualifier() string {
	if !p.accept('#') {
		return ""
	}
	return "#" + p.ident("a qualifier")
}

// root reads $it, $this, $root/Set, $these.
func (p *parser) root() Expr {
	start := p.i
	p.node()
	end := p.scanIdent(start + 1)
	name := p.s[start:end]
	switch name {
	case "$it", "$this":
	case "$root":
		if end == len(p.s) || p.s[end] != '/' {
			p.fail(end, "expected a slash and a set behind $root")
		}
	case "$these":
		p.unsupported(start, name)
	default:
		p.fail(start, "expected $it, $this or $root, found %q", name)
	}
	if p.err != nil {
		return nil
	}
	p.i = end
	return p.steps(&Root{Pos: p.at(start), Name: name})
}

// list reads what may stand behind "in": literals in parentheses, or an expression.
func (p *parser) list() Expr {
	start := p.i
	if !p.accept('(') {
		return p.binary(tightest + 1)
	}
	l := &List{Pos: p.at(start)}
	p.node()
	p.blanks()
	if p.accept(')') {
		return l
	}
	for {
		item := p.i
		x := p.expr()
		_, constant := x.(*Literal)
		if !constant && len(l.Items) == 0 && p.err == nil {
			p.blanks()
			if p.peek() == ',' {
				p.fail(p.i, "a list in parentheses holds literals only")
			}
			p.expect(')')
			return x
		}
		if !constant {
			p.fail(item, "a list in parentheses holds literals only")
		}
		l.Items = append(l.Items, x)
		if !p.comma() {
			break
		}
	}
	p.blanks()
	p.expect(')')
	return l
}

// json reads a JSON array or object, whose values may be expressions (URL Conventions 5.1.1.16).
func (p *parser) json() Expr {
	start := p.i
	p.node()
	if p.accept('[') {
		l := &List{Pos: p.at(start)}
		p.blanks()
		if !p.accept(']') {
			l.Items = append(l.Items, p.jsonValue())
			for p.comma() {
				l.Items = append(l.Items, p.jsonValue())
			}
			p.blanks()
			p.expect(']')
		}
		return l
	}
	p.i++
	o := &Object{Pos: p.at(start)}
	p.blanks()
	if p.accept('}') {
		return o
	}
	for {
		o.Names = append(o.Names, p.jsonString())
		p.blanks()
		p.expect(':')
		p.blanks()
		o.Values = append(o.Values, p.jsonValue())
		if !p.comma() {
			break
		}
	}
	p.blanks()
	p.expect('}')
	return o
}

func (p *parser) jsonValue() Expr {
	if p.peek() != '"' {
		return p.expr()
	}
	start := p.i
	return p.constant(&Literal{Pos: p.at(start), Kind: Text, Text: p.jsonString()})
}
