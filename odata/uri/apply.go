package uri

import "strings"

// apply reads the transformations of $apply, divided by slashes (Data Aggregation 3).
func (p *parser) apply() []Transformation {
	if !p.enter() {
		return nil
	}
	defer p.leave()
	var all []Transformation
	for {
		all = append(all, p.transformation())
		if !p.accept('/') {
			return all
		}
	}
}

func (p *parser) transformation() Transformation {
	p.node()
	start := p.i
	t := Transformation{Pos: p.pos(start), Kind: p.qualified("a transformation such as groupby")}
	if t.Kind == "identity" || p.err != nil {
		return t
	}
	if strings.Contains(t.Kind, ".") {
		if p.peek() != '(' {
			p.expected("the arguments of a function")
			return t
		}
		p.keys(false)
		return t
	}
	read := transformer(t.Kind)
	if read == nil {
		p.fail(start, "expected a transformation such as groupby, found %q", t.Kind)
		return t
	}
	p.expect('(')
	p.blanks()
	read(p, &t)
	p.blanks()
	p.expect(')')
	return t
}

// transformer is what reads the arguments of a transformation; nil when there is no such transformation.
func transformer(kind string) func(*parser, *Transformation) {
	switch kind {
	case "filter":
		return func(p *parser, t *Transformation) { t.Filter = p.expr() }
	case "search":
		return func(p *parser, t *Transformation) { t.Search = p.search() }
	case "compute":
		return func(p *parser, t *Transformation) { t.Compute = p.computations() }
	case "orderby":
		return func(p *parser, _ *Transformation) { p.orderBy() }
	case "top", "skip":
		return func(p *parser, _ *Transformation) { p.count() }
	case "aggregate":
		return (*parser).aggregate
	case "groupby":
		return (*parser).groupBy
	case "concat":
		return (*parser).concat
	case "nest", "addnested":
		return (*parser).nest
	case "join", "outerjoin":
		return (*parser).join
	case "topcount", "topsum", "toppercent", "bottomcount", "bottomsum", "bottompercent":
		return func(p *parser, _ *Transformation) {
			p.expr()
			p.needComma()
			p.expr()
		}
	case "ancestors", "descendants":
		return (*parser).relatives
	case "traverse":
		return (*parser).traverse
	}
	return nil
}

// preserving says whether a transformation may stand inside of those of hierarchies: it makes no new rows.
func preserving(kind string) bool {
	switch kind {
	case "aggregate", "compute", "concat", "groupby", "join", "outerjoin", "nest", "addnested":
		return false
	}
	return kind == "identity" || strings.Contains(kind, ".") || transformer(kind) != nil
}

func (p *parser) needComma() {
	if !p.comma() {
		p.trailing("a comma")
	}
}

func (p *parser) aggregate(t *Transformation) {
	for {
		t.Aggregate = append(t.Aggregate, p.aggregateItem(true))
		if !p.comma() {
			return
		}
	}
}

// aggregateItem reads one thing to aggregate. With a name it stands in a transformation, else in an expression.
func (p *parser) aggregateItem(named bool) AggregateItem {
	p.node()
	start := p.i
	item := AggregateItem{Pos: p.pos(start)}
	var counts, custom bool
	if p.s[start:p.scanIdent(min(start+1, len(p.s)))] == "$count" {
		p.i += len("$count")
		counts = true
	} else {
		item.Expr = p.expr()
		_, counts = item.Expr.(*Count)
	}
	if !counts && p.keyword("with") {
		item.Method = p.method()
	} else if custom = !counts; custom && !isPath(item.Expr) {
		p.trailing(`"with" and a method`)
	}
	for p.keyword("from") {
		item.From = true
		p.gap()
		p.path("a property to group by")
		for p.comma() {
			p.path("a property to group by")
		}
		if p.keyword("with") {
			p.method()
		} else if !custom {
			p.trailing(`"with" and a method`)
		}
	}
	if named && (!custom || item.From || p.asFollows()) {
		item.As = p.as()
	}
	return item
}

func (p *parser) asFollows() bool {
	start := p.i
	yes := p.keyword("as")
	if p.err == nil {
		p.i = start
	}
	return yes
}

func isPath(x Expr) bool {
	for {
		m, ok := x.(*Member)
		if !ok {
			return false
		}
		if m.Of == nil {
			return true
		}
		x = m.Of
	}
}

// method reads the name of a method behind "with".
func (p *parser) method() string {
	p.gap()
	start := p.i
	name := p.qualified("a method such as sum")
	switch name {
	case "sum", "min", "max", "average", "countdistinct":
	default:
		if !strings.Contains(name, ".") {
			p.fail(start, "expected sum, min, max, average or countdistinct, found %q", name)
		}
	}
	return name
}

// path reads names divided by slashes.
func (p *parser) path(what string) []string {
	var path []string
	for {
		p.node()
		path = append(path, p.qualified(what))
		if !p.accept('/') {
			break
		}
		what = "a name behind the slash"
	}
	return path
}

// grouping is a path to group by, which does not end with a type.
func (p *parser) grouping() []string {
	path := p.path("a property to group by")
	if strings.Contains(path[len(path)-1], ".") {
		p.expected("a slash and a property behind a type")
	}
	return path
}

func (p *parser) groupBy(t *Transformation) {
	p.expect('(')
	p.blanks()
	for {
		start := p.i
		word := p.s[start:p.scanIdent(start)]
		call := start+len(word) < len(p.s) && p.s[start+len(word)] == '('
		switch {
		case call && word == "rollup":
			p.rollUp(t)
		case call && word == "rolluprecursive":
			p.i += len(word) + 1
			p.blanks()
			p.hierarchy()
			if p.comma() {
				p.preservings()
			}
			p.blanks()
			p.expect(')')
			t.GroupBy = append(t.GroupBy, GroupItem{Pos: p.pos(start), Path: []string{word}, Rollup: true})
		default:
			t.GroupBy = append(t.GroupBy, GroupItem{Pos: p.pos(start), Path: p.grouping()})
		}
		if !p.comma() {
			break
		}
	}
	p.blanks()
	p.expect(')')
	if p.comma() {
		t.Then = p.apply()
	}
}

// rollUp reads rollup(…) in groupby.
func (p *parser) rollUp(t *Transformation) {
	p.i += len("rollup(")
	p.blanks()
	for {
		t.GroupBy = append(t.GroupBy, GroupItem{Pos: p.pos(p.i), Path: p.grouping(), Rollup: true})
		if !p.comma() {
			break
		}
	}
	p.blanks()
	p.expect(')')
}

func (p *parser) concat(*Transformation) {
	p.apply()
	p.needComma()
	p.apply()
	for p.comma() {
		p.apply()
	}
}

func (p *parser) nest(t *Transformation) {
	if t.Kind == "addnested" {
		p.path("a path to nest")
		p.needComma()
	}
	for {
		p.apply()
		p.as()
		if !p.comma() {
			return
		}
	}
}

func (p *parser) join(*Transformation) {
	if p.accept('@') {
		p.qualified("a term behind @")
	} else {
		p.path("a property to join with")
	}
	p.as()
	if p.comma() {
		p.apply()
	}
}

// hierarchy reads the nodes, the qualifier, and the path of a recursive hierarchy.
func (p *parser) hierarchy() {
	start := p.i
	if p.peek() != '$' {
		p.expected("$root and a set")
		return
	}
	p.expr()
	if p.err == nil && !strings.HasPrefix(p.s[start:], "$root/") {
		p.fail(start, "expected $root and a set")
	}
	p.needComma()
	p.ident("the name of a hierarchy")
	p.needComma()
	p.path("a property")
}

// preservings reads transformations that make no new rows.
func (p *parser) preservings() {
	if !p.enter() {
		return
	}
	defer p.leave()
	for {
		if kind := p.s[p.i:p.scanQualified(p.i)]; !preserving(kind) {
			p.expected("a transformation that makes no new rows, such as filter")
			return
		}
		p.transformation()
		if !p.accept('/') {
			return
		}
	}
}

// relatives reads the arguments of ancestors and descendants.
func (p *parser) relatives(*Transformation) {
	p.hierarchy()
	p.needComma()
	p.preservings()
	more := p.comma()
	if more && digit(p.peek()) {
		p.count()
		more = p.comma()
	}
	if !more {
		return
	}
	if !strings.HasPrefix(p.s[p.i:], "keep start") {
		p.expected(`"keep start"`)
		return
	}
	p.i += len("keep start")
}

func (p *parser) traverse(*Transformation) {
	p.hierarchy()
	p.needComma()
	start := p.i
	if word := p.ident("preorder or postorder"); word != "preorder" && word != "postorder" {
		p.fail(start, "expected preorder or postorder, found %q", word)
		return
	}
	more := p.comma()
	if kind := p.s[p.i:p.scanQualified(p.i)]; more && preserving(kind) {
		if next := p.i + len(kind); kind == "identity" || next < len(p.s) && p.s[next] == '(' {
			p.preservings()
			more = p.comma()
		}
	}
	if more {
		p.orderBy()
	}
}
