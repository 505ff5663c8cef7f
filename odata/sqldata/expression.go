package sqldata

import (
	"slices"
	"strings"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
)

// expr writes what an expression is worth, as query.Evaluate has it. What it returns stands as an operand anywhere. No
// operand is written twice: nested deep enough that would be a statement without end.
func (m *emitter) expr(e query.Expr) string {
	switch e := e.(type) {
	case *query.Literal:
		return m.literal(e.Of.Kind, e.Value)
	case *query.Property:
		if f := m.field(e); f != nil {
			return m.value(f)
		}
		return "null"
	case *query.Output:
		return m.output(e)
	case *query.Unary:
		return m.unary(e)
	case *query.Binary:
		return m.binary(e)
	case *query.Call:
		return m.call(e)
	case *query.In:
		return m.in(e, false)
	case *query.Exists:
		return m.exists(e)
	case *query.CountOf:
		return m.count(e)
	case *query.Match:
		return m.match(e, false)
	}
	return m.fail("%T is no expression", e)
}

// truth writes a condition that keeps a row: only whether it is true matters, so that false and null may be mistaken for
// each other. That lets indexes help.
func (m *emitter) truth(e query.Expr) string {
	switch e := e.(type) {
	case *query.Binary:
		switch e.Op {
		case query.And:
			return m.junction(e, " and ", m.truth)
		case query.Or:
			return m.junction(e, " or ", m.truth)
		case query.Equal, query.Greater, query.GreaterOrEqual, query.Less, query.LessOrEqual:
			return m.compare(e, true)
		default:
		}
	case *query.In:
		return m.in(e, true)
	case *query.Match:
		return m.match(e, true)
	}
	return m.expr(e)
}

// junction writes a chain of one operator as a tree that is no deeper than it must be: SQLite's parser has a limit.
func (m *emitter) junction(e *query.Binary, operator string, write func(query.Expr) string) string {
	var parts []string
	var collect func(query.Expr)
	collect = func(x query.Expr) {
		if b, ok := x.(*query.Binary); ok && b.Op == e.Op {
			collect(b.X)
			collect(b.Y)
			return
		}
		parts = append(parts, write(x))
	}
	collect(e)
	return balanced(parts, operator)
}

func balanced(parts []string, operator string) string {
	if len(parts) == 1 {
		return parts[0]
	}
	half := len(parts) / 2
	return "(" + balanced(parts[:half], operator) + operator + balanced(parts[half:], operator) + ")"
}

// field finds the row that a property is of.
func (m *emitter) field(e *query.Property) *field {
	alias, set := m.follow(e.Var, e.Path)
	if set == nil {
		return nil
	}
	return &field{alias, set, e.Prop}
}

func (m *emitter) output(e *query.Output) string {
	if m.step == "" {
		return m.fail("an output without a step that aggregates")
	}
	return m.step + "." + outputName(e.Index)
}

func (m *emitter) unary(e *query.Unary) string {
	switch e.Op {
	case query.Not:
		return "(not " + m.expr(e.X) + ")"
	case query.IsNull:
		return "(" + m.expr(e.X) + " is null)"
	case query.Negate:
		k := e.X.Type().Kind
		return m.whole(k, "(- "+m.number(k, e.X)+")")
	default:
		return m.fail("operator %d has not one operand", e.Op)
	}
}

func (m *emitter) binary(e *query.Binary) string {
	switch e.Op {
	case query.And:
		return m.junction(e, " and ", m.expr)
	case query.Or:
		return m.junction(e, " or ", m.expr)
	case query.Equal, query.NotEqual, query.Greater, query.GreaterOrEqual, query.Less, query.LessOrEqual:
		return m.compare(e, false)
	case query.Has:
		return "((~ " + m.expr(e.X) + " & " + m.expr(e.Y) + ") = 0)"
	default:
		return m.arithmetic(e)
	}
}

// comparison is an operator as SQL has it. Equality is between operands of which one is not null.
func comparison(op query.Op) string {
	switch op {
	case query.Equal:
		return " = "
	case query.NotEqual:
		return " <> "
	case query.Greater:
		return " > "
	case query.GreaterOrEqual:
		return " >= "
	case query.Less:
		return " < "
	default:
		return " <= "
	}
}

// compare writes a comparison. It is never null, but where only its truth matters.
func (m *emitter) compare(e *query.Binary, truth bool) string {
	if e.Op == query.Equal || e.Op == query.NotEqual {
		if x, ok := nullOperand(e); ok {
			if e.Op == query.Equal {
				return "(" + m.expr(x) + " is null)"
			}
			return "(" + m.expr(x) + " is not null)"
		}
	}
	a, b := m.sides(e)
	nullX, nullY := m.nullable(e.X), m.nullable(e.Y)
	if e.Op != query.Equal && e.Op != query.NotEqual {
		text := "(" + a + comparison(e.Op) + b + ")"
		if truth || !nullX && !nullY {
			return text
		}
		return "coalesce(" + text + ", " + m.no() + ")"
	}
	if !nullX && !nullY || truth && e.Op == query.Equal && (!nullX || !nullY) {
		return "(" + a + comparison(e.Op) + b + ")"
	}
	operator := " is "
	switch {
	case m.engine == SQLite && e.Op == query.NotEqual:
		operator = " is not "
	case m.engine == Postgres && e.Op == query.Equal:
		operator = " is not distinct from "
	case m.engine == Postgres:
		operator = " is distinct from "
	}
	return "(" + a + operator + b + ")"
}

func (m *emitter) no() string {
	if m.engine == SQLite {
		return "0"
	}
	return "false"
}

// nullOperand finds what is compared with the literal null.
func nullOperand(e *query.Binary) (query.Expr, bool) {
	if isNull(e.Y) {
		return e.X, true
	}
	return e.Y, isNull(e.X)
}

func isNull(e query.Expr) bool {
	l, ok := e.(*query.Literal)
	return ok && l.Value == nil
}

// sides writes both operands of a comparison in one form.
func (m *emitter) sides(e *query.Binary) (a, b string) {
	equality := e.Op == query.Equal || e.Op == query.NotEqual
	if f, v, ok := m.pair(e.X, e.Y, equality); ok {
		a, b = m.fieldAndValue(f, v)
	} else if f, v, ok := m.pair(e.Y, e.X, equality); ok {
		b, a = m.fieldAndValue(f, v)
	} else if f, g := m.fields(e.X, e.Y); f != nil {
		a, b = m.same(f, g)
		if m.engine == Postgres && e.X.Type().Kind == edm.String {
			a += ` collate "C"`
		}
	} else {
		return m.sorted(e.X.Type().Kind, m.expr(e.X)), m.expr(e.Y)
	}
	if m.engine == Postgres && !equality && e.X.Type().Kind == edm.String {
		a += ` collate "C"`
	}
	return a, b
}

// sorted gives strings their order, by code point.
func (m *emitter) sorted(k edm.Kind, text string) string {
	switch {
	case k != edm.String:
		return text
	case m.engine == SQLite:
		return "(" + text + " collate binary)"
	default:
		return "(" + text + ` collate "C")`
	}
}

// pair is a property and a literal that can be compared as the property's column keeps it.
func (m *emitter) pair(x, y query.Expr, equality bool) (f *field, v any, ok bool) {
	p, isProperty := x.(*query.Property)
	l, isLiteral := y.(*query.Literal)
	if !isProperty || !isLiteral || l.Value == nil || p.Prop.Type.Kind != l.Of.Kind {
		return nil, nil, false
	}
	if f = m.field(p); f == nil || !equality && m.column(f).Kept == Labels {
		return nil, nil, false
	}
	return f, l.Value, true
}

// fields are two properties of one kind; nil if there are not two.
func (m *emitter) fields(x, y query.Expr) (f, g *field) {
	p, isProperty := x.(*query.Property)
	q, too := y.(*query.Property)
	if !isProperty || !too || p.Prop.Type.Kind != q.Prop.Type.Kind {
		return nil, nil
	}
	if f, g = m.field(p), m.field(q); f == nil || g == nil {
		return nil, nil
	}
	return f, g
}

// nullable says whether an expression may be null. True is always right.
func (m *emitter) nullable(e query.Expr) bool {
	switch e := e.(type) {
	case *query.Literal:
		return e.Value == nil
	case *query.Property:
		return e.Prop.Nullable || len(e.Path) > 0 || m.labels(e)
	case *query.In, *query.Exists, *query.CountOf, *query.Match:
		return false
	case *query.Unary:
		return e.Op != query.IsNull && m.nullable(e.X)
	case *query.Binary:
		switch e.Op {
		case query.Equal, query.NotEqual, query.Greater, query.GreaterOrEqual, query.Less, query.LessOrEqual:
			return false
		case query.Div, query.DivBy, query.Mod:
			return true
		default:
			return m.nullable(e.X) || m.nullable(e.Y)
		}
	case *query.Call:
		return e.Name == "case" || e.Name == "cast" || slices.ContainsFunc(e.Args, m.nullable)
	}
	return true
}

// labels says that a property is an enumeration kept as text, which may be a text that stands for no value.
func (m *emitter) labels(e *query.Property) bool {
	s := m.rows[e.Var]
	return e.Prop.Type.Kind == edm.Enum && s != nil && m.column(&field{s.alias, s.set, e.Prop}).Kept == Labels
}

func (m *emitter) in(e *query.In, truth bool) string {
	if len(e.List) == 0 {
		return m.falsehood()
	}
	kind, nulls, plain := e.X.Type().Kind, false, true
	for _, item := range e.List {
		nulls = nulls || isNull(item)
		plain = plain && (isNull(item) || !m.nullable(item))
	}
	if !plain {
		return m.bind(e.X, func(x string) string {
			parts := make([]string, len(e.List))
			for i, item := range e.List {
				operator := " is "
				if m.engine == Postgres {
					operator = " is not distinct from "
				}
				parts[i] = "(" + m.sorted(kind, x) + operator + m.expr(item) + ")"
			}
			return balanced(parts, " or ")
		})
	}
	x, list := m.members(e)
	switch {
	case len(list) == 0:
		return "(" + x + " is null)"
	case nulls && m.nullable(e.X):
		return m.bindText(x, func(x string) string {
			return "(" + x + " is null or " + m.sorted(kind, x) + " in (" + strings.Join(list, ", ") + "))"
		})
	}
	text := "(" + x + " in (" + strings.Join(list, ", ") + "))"
	if truth || !m.nullable(e.X) {
		return text
	}
	return "coalesce(" + text + ", " + m.no() + ")"
}

func (m *emitter) falsehood() string {
	if m.engine == SQLite {
		return "(0 = 1)"
	}
	return "false"
}

// members writes what is looked for in a list, and those of the list that are not the literal null.
func (m *emitter) members(e *query.In) (x string, list []string) {
	if p, ok := e.X.(*query.Property); ok {
		if f, values := m.field(p), literals(e); f != nil && values != nil {
			return m.fieldAndValues(f, values)
		}
	}
	for _, item := range e.List {
		if !isNull(item) {
			list = append(list, m.expr(item))
		}
	}
	return m.sorted(e.X.Type().Kind, m.expr(e.X)), list
}

// literals are the values of a list of literals of one kind, without nulls; nil if it holds anything else.
func literals(e *query.In) []any {
	var values []any
	for _, item := range e.List {
		l, ok := item.(*query.Literal)
		if !ok || l.Value != nil && l.Of.Kind != e.X.Type().Kind {
			return nil
		}
		if l.Value != nil {
			values = append(values, l.Value)
		}
	}
	return values
}

// fieldAndValues is fieldAndValue for several values.
func (m *emitter) fieldAndValues(f *field, values []any) (x string, list []string) {
	t, c := f.prop.Type, m.column(f)
	exact := true
	for _, v := range values {
		_, ok := m.keptValue(c, t, v)
		exact = exact && ok
	}
	for _, v := range values {
		if exact {
			var text string
			x, text = m.fieldAndValue(f, v)
			list = append(list, text)
			continue
		}
		list = append(list, m.literal(t.Kind, v))
	}
	if exact {
		return x, list
	}
	x = m.value(f)
	if m.engine == SQLite && t.Kind == edm.String {
		x += " collate binary"
	}
	return x, list
}

// inner opens the select of a lambda.
func (m *emitter) inner(v *query.Var, set *edm.EntitySet) *scope {
	m.nested = true
	return m.open(v, set)
}

// exists writes any and all. A body that is null is not true.
func (m *emitter) exists(e *query.Exists) string {
	from, set := m.follow(e.From, e.Path)
	if set == nil {
		return "null"
	}
	s := m.inner(e.Var, e.Nav.Target)
	where := append([]string{m.linked(from, set, s.alias, e.Nav)}, m.alive()...)
	switch {
	case e.Body == nil && e.All:
		where = append(where, m.falsehood())
	case e.Body == nil:
	case e.All:
		where = append(where, "("+m.expr(e.Body)+") is not true")
	default:
		where = append(where, m.truth(e.Body))
	}
	delete(m.rows, e.Var)
	text := "exists (select 1 from " + s.from.String() + condition(where) + ")"
	if e.All {
		return "(not " + text + ")"
	}
	return "(" + text + ")"
}

func (m *emitter) count(e *query.CountOf) string {
	from, set := m.follow(e.From, e.Path)
	if set == nil {
		return "null"
	}
	s := m.inner(e.Var, e.Nav.Target)
	where := append([]string{m.linked(from, set, s.alias, e.Nav)}, m.alive()...)
	if e.Filter != nil {
		where = append(where, m.truth(e.Filter))
	}
	delete(m.rows, e.Var)
	return "(select count(*) from " + s.from.String() + condition(where) + ")"
}

// match writes a search in the texts of a row.
func (m *emitter) match(e *query.Match, truth bool) string {
	s := m.rows[e.Var]
	if s == nil {
		return m.fail("a variable is used outside of its lambda")
	}
	if len(e.Set.Searchable) == 0 {
		return m.falsehood()
	}
	text, parts := query.Lower(e.Text), make([]string, len(e.Set.Searchable))
	for i, p := range e.Set.Searchable {
		parts[i] = m.value(&field{s.alias, e.Set, p})
	}
	if m.engine == SQLite {
		return "kw_match(" + m.param(text) + ", " + strings.Join(parts, ", ") + ")"
	}
	find := m.param(text)
	for i, p := range parts {
		parts[i] = "(position(" + find + "::text in lower(" + p + ` collate "und-x-icu")) > 0)`
		if !truth && e.Set.Searchable[i].Nullable {
			parts[i] = "coalesce(" + parts[i] + ", false)"
		}
	}
	return balanced(parts, " or ")
}

// bind writes an operand once, for an expression that needs it several times.
func (m *emitter) bind(x query.Expr, use func(string) string) string {
	return m.bindText(m.expr(x), use)
}

func (m *emitter) bindText(x string, use func(string) string) string {
	v := m.alias("v")
	return "(select " + use(v+".v") + " from (select " + x + " as v" + m.fence() + ") " + v + ")"
}

// fence ends a select that PostgreSQL's planner must not dissolve: it would copy the operand to wherever it is used, and what is
// nested in it as often again.
func (m *emitter) fence() string {
	if m.engine == Postgres {
		return " offset 0"
	}
	return ""
}
