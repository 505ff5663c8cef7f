package uri

import (
	"slices"
	"strconv"
	"strings"
)

// Which options may stand in which parentheses, and at the top.
const (
	topOptions    = "filter search orderby skip top count select expand compute apply"
	expandOptions = topOptions + " levels @"
	selectOptions = "filter search orderby skip top count select compute @"
	refOptions    = "filter search orderby skip top count"
	countOptions  = "filter search"
	starOptions   = "levels"
)

// nested reads options in parentheses, divided by semicolons.
func (p *parser) nested(allowed string) *Options {
	o := &Options{}
	if !p.enter() {
		return o
	}
	defer p.leave()
	p.expect('(')
	for {
		p.blanks()
		p.option1(o, allowed)
		p.blanks()
		if !p.accept(';') {
			break
		}
	}
	p.expect(')')
	return o
}

// option1 reads one option in parentheses, and the equals sign behind its name.
func (p *parser) option1(o *Options, allowed string) {
	start := p.i
	p.node()
	sign := p.peek()
	if sign != '$' && sign != '@' {
		p.expected("an option such as $filter=…")
		return
	}
	p.i++
	name := p.ident("the name of an option")
	word := name
	if sign == '@' {
		word = "@"
	}
	if p.err != nil {
		return
	}
	if !among(word, allowed) {
		p.fail(start, "%c%s can't stand here", sign, name)
		return
	}
	p.expect('=')
	if sign == '@' {
		p.define(o, start, name)
		return
	}
	p.given(o, start, name)
	p.value(o, name)
}

// given notes that an option is there, which it may be once.
func (p *parser) given(o *Options, start int, name string) {
	if slices.Contains(o.Given, name) {
		p.fail(start, "$%s is given twice", name)
	}
	o.Given = append(o.Given, name)
}

// define reads the value of an alias.
func (p *parser) define(o *Options, start int, name string) {
	if _, twice := o.Aliases[name]; twice {
		p.fail(start, "@%s is given twice", name)
	}
	if o.Aliases == nil {
		o.Aliases = map[string]Expr{}
	}
	o.Aliases[name] = p.expr()
}

func among(word, list string) bool {
	for w := range strings.SplitSeq(list, " ") {
		if w == word {
			return true
		}
	}
	return false
}

// value reads the value of an option, up to where it ends.
func (p *parser) value(o *Options, name string) {
	switch name {
	case "filter":
		o.Filter = p.expr()
	case "search":
		o.Search = p.search()
	case "orderby":
		o.OrderBy = p.orderBy()
	case "select":
		o.Select = p.selection()
	case "expand":
		o.Expand = p.expansion()
	case "compute":
		o.Compute = p.computations()
	case "apply":
		o.Apply = p.apply()
	case "skip":
		o.Skip = p.count()
	case "top":
		o.Top = p.count()
	case "levels":
		o.Levels = p.levels()
	case "count":
		word := p.s[p.i:p.scanIdent(p.i)]
		if word != "true" && word != "false" {
			p.expected("true or false")
			return
		}
		p.i += len(word)
		yes := word == "true"
		o.Count = &yes
	}
}

// count reads a number that is not negative.
func (p *parser) count() *int64 {
	start := p.i
	for digit(p.peek()) {
		p.i++
	}
	if p.i == start {
		p.expected("a number that is not negative")
		return nil
	}
	n, err := strconv.ParseInt(p.s[start:p.i], 10, 64)
	if err != nil {
		p.fail(start, "the number is too large")
	}
	return &n
}

// levels reads a number of levels, or max, which is -1.
func (p *parser) levels() int {
	start := p.i
	if p.s[start:p.scanIdent(start)] == "max" {
		p.i += len("max")
		return -1
	}
	if p.peek() == '0' {
		p.fail(p.i, "$levels is a number that does not begin with zero, or max")
	}
	n := p.count()
	if p.err != nil {
		return 0
	}
	return int(min(*n, 1<<30))
}

func (p *parser) orderBy() []OrderItem {
	var items []OrderItem
	for {
		item := OrderItem{Expr: p.expr()}
		if item.Desc = p.keyword("desc"); !item.Desc {
			p.keyword("asc")
		}
		items = append(items, item)
		if !p.comma() {
			return items
		}
	}
}

func (p *parser) computations() []ComputeItem {
	var items []ComputeItem
	for {
		item := ComputeItem{Pos: p.i, Expr: p.expr()}
		item.As = p.as()
		items = append(items, item)
		if !p.comma() {
			return items
		}
	}
}

// as reads "as name".
func (p *parser) as() string {
	if !p.keyword("as") {
		p.trailing(`"as" and a name`)
		return ""
	}
	p.gap()
	return p.ident("a name")
}

func (p *parser) selection() []SelectItem {
	var items []SelectItem
	for {
		p.node()
		item := SelectItem{Pos: p.i, Path: p.selectPath()}
		if p.peek() == '(' {
			if next := p.i + 1; next < len(p.s) && p.scanIdent(next) > next {
				p.overload()
			} else {
				item.Options = p.nested(selectOptions)
			}
		}
		items = append(items, item)
		if !p.comma() {
			return items
		}
	}
}

// selectPath reads *, NS.*, or names divided by slashes.
func (p *parser) selectPath() []string {
	if p.accept('*') {
		return []string{"*"}
	}
	var path []string
	for {
		path = append(path, p.pathName())
		if p.peek() == '.' && strings.HasPrefix(p.s[p.i:], ".*") && len(path) == 1 {
			p.i += 2
			return []string{path[0] + ".*"}
		}
		if !p.accept('/') {
			return path
		}
	}
}

// pathName reads a name in a path of $select or $expand, or an annotation.
func (p *parser) pathName() string {
	start := p.i
	p.node()
	if p.accept('@') {
		p.unsupported(start, "an annotation here")
		return "@" + p.qualified("a term behind @") + p.qualifier()
	}
	return p.qualified("a name")
}

// overload reads the names of parameters that tell one function from others of its name.
func (p *parser) overload() {
	p.unsupported(p.i, "selecting a function by its parameters")
	p.i++
	p.ident("a name")
	for p.comma() {
		p.node()
		p.ident("a name")
	}
	p.expect(')')
}

func (p *parser) expansion() []ExpandItem {
	var items []ExpandItem
	for {
		items = append(items, p.expandItem())
		if !p.comma() {
			return items
		}
	}
}

func (p *parser) expandItem() ExpandItem {
	item := ExpandItem{Pos: p.i}
	p.node()
	if strings.HasPrefix(p.s[p.i:], "$value") {
		p.unsupported(p.i, "$value in $expand")
		p.i += len("$value")
		item.Path = []string{"$value"}
		return item
	}
	allowed := expandOptions
	for {
		if p.accept('*') {
			item.Path = append(item.Path, "*")
			allowed = starOptions
		} else {
			item.Path = append(item.Path, p.pathName())
		}
		if p.s[p.i:min(p.i+2, len(p.s))] == "/$" || allowed == starOptions || !p.accept('/') {
			break
		}
	}
	start := p.i
	switch {
	case p.accept('/'):
		word := p.s[p.i:p.scanIdent(min(p.i+1, len(p.s)))]
		item.Ref, item.Count = word == "$ref", word == "$count" && allowed != starOptions
		if !item.Ref && !item.Count {
			p.fail(start, "expected a comma, parentheses or the end, found %q", "/"+word)
			return item
		}
		p.i += len(word)
		if item.Ref && allowed == starOptions {
			return item
		}
		if allowed = refOptions; item.Count {
			allowed = countOptions
		}
	}
	if p.peek() == '(' {
		item.Options = p.nested(allowed)
	}
	return item
}
