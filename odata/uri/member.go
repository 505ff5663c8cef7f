package uri

import "strings"

// steps reads what stands behind the start of a path: /name, (key), /any(…), /$count.
func (p *parser) steps(of Expr) Expr {
	for p.err == nil {
		switch p.peek() {
		case '/':
			p.i++
			of = p.step(of)
		case '(':
			p.node()
			start := p.i
			of = &Keyed{Pos: p.at(start), Of: of, Keys: p.keys(true)}
		default:
			return of
		}
	}
	return nil
}

// step reads one step behind a slash.
func (p *parser) step(of Expr) Expr {
	start := p.i
	p.node()
	switch p.peek() {
	case '$':
		return p.dollarStep(of)
	case '@':
		p.i++
		term := p.qualified("a term behind @")
		return &Annotation{Pos: p.at(start), Of: of, Term: term + p.qualifier()}
	}
	name := p.qualified("a name behind the slash")
	if p.err != nil {
		return nil
	}
	if p.peek() == '(' {
		switch name {
		case "any", "all":
			return p.lambda(of, start, name == "all")
		case "aggregate":
			return p.aggregateCall(of, start)
		}
	}
	return p.named(of, start, name)
}

// dollarStep reads $count and $filter(…) in a path.
func (p *parser) dollarStep(of Expr) Expr {
	start := p.i
	end := p.scanIdent(p.i + 1)
	switch p.s[start:end] {
	case "$count":
		p.i = end
		c := &Count{Pos: p.at(start), Of: of}
		if p.peek() == '(' {
			c.Options = p.nested(countOptions)
		}
		return c
	case "$filter":
		p.unsupported(start, "a filter inside of a path")
		p.i = end
		p.expect('(')
		p.blanks()
		x := p.expr()
		p.blanks()
		p.expect(')')
		return &Call{Pos: p.at(start), Of: of, Name: "$filter", Args: []Expr{x}}
	}
	p.fail(start, "expected $count or a name behind the slash, found %q", p.s[start:end])
	return nil
}

// lambda reads the parentheses of any and all.
func (p *parser) lambda(of Expr, start int, all bool) Expr {
	l := &Lambda{Pos: p.at(start), Of: of, All: all}
	p.i++
	p.blanks()
	if !all && p.accept(')') {
		return l
	}
	l.Var = p.ident("a variable such as in any(x:x/Name eq 'a')")
	p.blanks()
	p.expect(':')
	p.blanks()
	l.Body = p.expr()
	p.blanks()
	p.expect(')')
	return l
}

// aggregateCall reads aggregate(…) behind a collection, which nothing here computes.
func (p *parser) aggregateCall(of Expr, start int) Expr {
	p.unsupported(start, "aggregate inside of an expression")
	if !p.enter() {
		return nil
	}
	defer p.leave()
	p.i++
	p.blanks()
	item := p.aggregateItem(false)
	p.blanks()
	p.expect(')')
	return &Call{Pos: p.at(start), Of: of, Name: "aggregate", Args: []Expr{item.Expr}}
}

// named is a name in an expression, with the parentheses behind it if there are any: a canonical function, a
// function of the model, or a key. Without the model the last two are told apart by what the arguments look like.
func (p *parser) named(of Expr, start int, name string) Expr {
	member := &Member{Pos: p.at(start), Of: of, Name: name}
	if p.peek() != '(' {
		return member
	}
	if of == nil && function(name) {
		return p.call(start, name)
	}
	if of == nil && (name == "any" || name == "all" || name == "aggregate") {
		p.fail(p.i, "%s stands behind a path: Items/%s(…)", name, name)
		return nil
	}
	p.node()
	open := p.i
	args := p.keys(false)
	if p.err != nil {
		return nil
	}
	call := &Call{Pos: p.at(start), Of: of, Name: name}
	dotted := strings.Contains(name, ".")
	plain := true
	for _, a := range args {
		call.Names = append(call.Names, a.Name)
		call.Args = append(call.Args, a.Value)
		plain = plain && keyValue(a.Value)
	}
	switch {
	case len(args) == 0:
		return call
	case args[0].Name == "" && (len(args) > 1 || !plain):
		p.fail(start, "there is no function %s", name)
		return nil
	case plain && (!dotted || args[0].Name == ""):
		return &Keyed{Pos: p.at(open), Of: member, Keys: args}
	}
	return call
}

// keyValue says whether an expression may be the value of a key.
func keyValue(x Expr) bool {
	switch x := x.(type) {
	case *Literal:
		return x.Kind != Null
	case *Alias:
		return true
	}
	return false
}

// keys reads values in parentheses: (42), (ID=1,Size=5), (Colors=["red"]); none at all are an empty slice. If strict,
// they have to be those of a key.
func (p *parser) keys(strict bool) []Key {
	p.i++
	keys := []Key{}
	p.blanks()
	if !strict && p.accept(')') {
		return keys
	}
	for {
		p.node()
		start := p.i
		k := Key{Pos: p.pos(start)}
		if end := p.scanIdent(p.i); end > p.i && end < len(p.s) && p.s[end] == '=' {
			k.Name = p.ident("a name")
			p.i++
		}
		if len(keys) > 0 && (k.Name == "" || keys[0].Name == "") && (strict || k.Name != keys[0].Name) {
			p.fail(start, "several values are to be named, each one: (ID=1,Size=5)")
		}
		value := p.i
		if k.Value = p.expr(); strict && p.err == nil && !keyValue(k.Value) {
			p.fail(value, "a key is a literal or an alias")
		}
		keys = append(keys, k)
		if !p.comma() {
			break
		}
	}
	p.blanks()
	p.expect(')')
	return keys
}

// call reads the arguments of a canonical function.
func (p *parser) call(start int, name string) Expr {
	c := &Call{Pos: p.at(start), Name: name}
	p.i++
	p.blanks()
	switch {
	case name == "cast" || name == "isof":
		p.typed(c)
	case name == "case":
		p.arg(c)
		p.result(c)
		for p.comma() {
			p.arg(c)
			p.result(c)
		}
	case p.accept(')'):
		return c
	default:
		p.arg(c)
		for p.comma() {
			p.arg(c)
		}
	}
	p.blanks()
	p.expect(')')
	return c
}

func (p *parser) arg(c *Call) { c.Args = append(c.Args, p.expr()) }

// result reads what stands behind a condition of case.
func (p *parser) result(c *Call) {
	p.blanks()
	p.expect(':')
	p.blanks()
	p.arg(c)
}

// typed reads the arguments of cast and isof: an expression, perhaps, and a type.
func (p *parser) typed(c *Call) {
	t := p.typeName()
	if t == nil {
		p.arg(c)
		if !p.comma() {
			p.blanks()
			p.expected("a comma and a type")
		}
		if t = p.typeName(); t == nil {
			p.expected("a type such as Edm.String")
		}
	}
	c.Args = append(c.Args, t)
}

// typeName reads a type and stops before the closing parenthesis behind it; nil when there is none.
func (p *parser) typeName() Expr {
	start, open := p.i, "Collection("
	inner := start
	if strings.HasPrefix(p.s[start:], open) {
		inner += len(open)
	}
	end := p.scanQualified(inner)
	if end == inner {
		return nil
	}
	if inner > start {
		if end == len(p.s) || p.s[end] != ')' {
			return nil
		}
		end++
	}
	next := end
	for next < len(p.s) && blank(p.s[next]) {
		next++
	}
	if next == len(p.s) || p.s[next] != ')' {
		return nil
	}
	p.node()
	if p.err != nil {
		return nil
	}
	p.i = end
	return &TypeName{Pos: p.at(start), Name: p.s[start:end]}
}
