package sqldata

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
)

// outputName is the name of a column in a select that another one reads.
func outputName(i int) string { return "c" + strconv.Itoa(i) }

// statement writes the whole of a query: its columns, behind the index of the parent if it asks for rows of several.
func (m *emitter) statement(q *query.Query) (string, []*reading) {
	if q.Parents != nil {
		return m.ofParents(q)
	}
	s := m.rowsOf(q)
	columns, readings := m.columns(q)
	if q.After != nil {
		s.where = append(s.where, m.after(q.Order, q.After))
	}
	text := m.order(q.Order) + m.limit(q.Top, q.Skip)
	return "select " + strings.Join(columns, ", ") + " from " + s.text() + condition(s.where) + text, readings
}

func (m *emitter) limit(top, skip int64) string {
	text := ""
	switch {
	case top >= 0:
		text = " limit " + m.literal(edm.Int64, top)
	case skip > 0 && m.engine == SQLite:
		text = " limit -1"
	}
	if skip > 0 {
		text += " offset " + m.literal(edm.Int64, skip)
	}
	return text
}

// columns writes what a query selects, and how to read it.
func (m *emitter) columns(q *query.Query) (columns []string, readings []*reading) {
	for _, c := range q.Columns {
		text, r := m.selected(c.Expr)
		columns = append(columns, text)
		readings = append(readings, r)
	}
	if len(columns) == 0 {
		columns = []string{"1"}
	}
	return columns, readings
}

// selected writes a column of the result. A property comes as it is kept: reading it costs less than SQL that converts it.
func (m *emitter) selected(e query.Expr) (string, *reading) {
	t := e.Type()
	p, ok := e.(*query.Property)
	if !ok {
		return m.expr(e), newReading(m.engine, t, computed, "")
	}
	f := m.field(p)
	if f == nil {
		return "null", newReading(m.engine, t, computed, "")
	}
	c := m.column(f)
	name := f.set.Name + "." + f.prop.Name
	if m.engine == Postgres && (c.Kept == ISO || c.Kept == Plain && t.Kind == edm.Duration) {
		return m.value(f), newReading(m.engine, t, computed, name)
	}
	text := m.raw(f)
	switch {
	case m.engine == Postgres && c.Kept == Labels:
		text += "::text"
	case m.engine == SQLite && (timed(t.Kind) || t.Kind == edm.String || t.Kind == edm.Guid):
		text = "+" + text // an expression: the driver would make times of the texts of columns that are declared so
	}
	return text, newReading(m.engine, t, c.Kept, name)
}

// sortKey is what one item of an order sorts by.
type sortKey struct {
	text     string
	nullable bool
	desc     bool
	value    func(v any) string // writes a value to compare text with
}

func (m *emitter) sortKey(o query.Order) sortKey {
	k := sortKey{desc: o.Desc, nullable: m.nullable(o.Expr)}
	kind := o.Expr.Type().Kind
	if p, ok := o.Expr.(*query.Property); ok {
		if f := m.field(p); f != nil && m.ordered(f) {
			k.text = m.raw(f)
			k.value = func(v any) string {
				if kept, ok := m.keptValue(m.column(f), p.Prop.Type, v); ok {
					return m.kept(kept)
				}
				return m.fail("a value to continue behind is none of %s.%s", f.set.Name, f.prop.Name)
			}
			return k
		} else if f != nil && o.Key && kind == edm.String && m.engine == Postgres {
			k.text = m.raw(f) // in the column's own collation, which the key's index has
			k.value = func(v any) string { return m.literal(kind, v) }
			return k
		}
	}
	k.text = m.sorted(kind, m.expr(o.Expr))
	k.value = func(v any) string { return m.literal(kind, v) }
	return k
}

// order writes what to sort by: nulls first, or last when descending, which is what SQLite does by itself.
func (m *emitter) order(order []query.Order) string {
	if len(order) == 0 {
		return ""
	}
	parts := make([]string, len(order))
	for i, o := range order {
		if _, ok := o.Expr.(*query.Literal); ok {
			parts[i] = "1 + 0" // a constant sorts nothing, and a number alone would be a column
			continue
		}
		k := m.sortKey(o)
		parts[i] = k.text
		if k.desc {
			parts[i] += " desc"
		}
		if m.engine == Postgres && k.nullable {
			if k.desc {
				parts[i] += " nulls last"
			} else {
				parts[i] += " nulls first"
			}
		}
	}
	return " order by " + strings.Join(parts, ", ")
}

// after writes that a row comes behind the one that has certain values for the order.
func (m *emitter) after(order []query.Order, values []any) string {
	if len(order) != len(values) {
		return m.fail("%d values to continue behind, for %d items of order", len(values), len(order))
	}
	var keys []sortKey
	var at []any
	simple := true
	for i, o := range order {
		if _, ok := o.Expr.(*query.Literal); ok {
			continue
		}
		k := m.sortKey(o)
		simple = simple && !k.nullable && values[i] != nil && k.desc == order[0].Desc
		keys, at = append(keys, k), append(at, values[i])
	}
	if len(keys) == 0 {
		return m.falsehood()
	}
	if simple {
		texts, marks := make([]string, len(keys)), make([]string, len(keys))
		for i, k := range keys {
			texts[i], marks[i] = k.text, k.value(at[i])
		}
		operator, bound := " > ", " >= "
		if keys[0].desc {
			operator, bound = " < ", " <= "
		}
		text := "(" + strings.Join(texts, ", ") + ")" + operator + "(" + strings.Join(marks, ", ") + ")"
		if m.engine == SQLite && len(keys) > 1 && strings.Contains(texts[0], "collate") {
			return "(" + texts[0] + bound + marks[0] + " and " + text + ")" // with a collation in it, a row finds no index
		}
		return text
	}
	return m.behind(keys, at, true)
}

// behind is after, item by item: the first item is behind its value, or equal to it and the rest is behind theirs. The
// first of all has a range around it that holds for every row behind, so that an index begins there.
func (m *emitter) behind(keys []sortKey, at []any, first bool) string {
	k, v := keys[0], at[0]
	if v == nil {
		beyond, equal := "("+k.text+" is not null)", "("+k.text+" is null)"
		if k.desc { // nulls are last
			beyond = m.falsehood()
		}
		return m.orEqual(beyond, equal, keys, at)
	}
	mark, operator := k.value(v), " > "
	if k.desc {
		operator = " < "
	}
	beyond, equal := "("+k.text+operator+mark+")", "("+k.text+" = "+mark+")"
	if k.desc && k.nullable {
		return m.orEqual("("+k.text+operator+mark+" or "+k.text+" is null)", equal, keys, at)
	}
	text := m.orEqual(beyond, equal, keys, at)
	if first && len(keys) > 1 {
		text = "(" + k.text + strings.TrimRight(operator, " ") + "= " + mark + " and " + text + ")"
	}
	return text
}

func (m *emitter) orEqual(beyond, equal string, keys []sortKey, at []any) string {
	if len(keys) == 1 {
		return beyond
	}
	return "(" + beyond + " or (" + equal + " and " + m.behind(keys[1:], at[1:], false) + "))"
}

// group makes a select of its own of what a step that aggregates computes.
func (m *emitter) group(s *selection, step *query.Step) *selection {
	var columns, by []string
	for i, c := range step.By {
		columns = append(columns, m.sorted(c.Expr.Type().Kind, m.expr(c.Expr))+" as "+outputName(i))
		by = append(by, strconv.Itoa(i+1))
	}
	for i, a := range step.Aggregate {
		columns = append(columns, m.aggregate(&a)+" as "+outputName(len(step.By)+i))
	}
	text := "select " + strings.Join(columns, ", ") + " from " + s.text() + condition(s.where)
	if len(by) > 0 {
		text += " group by " + strings.Join(by, ", ")
	}
	m.step = m.alias("s")
	m.rows = map[*query.Var]*scope{}
	return &selection{from: "(" + text + ") " + m.step}
}

// aggregate writes one aggregate. Nulls don't count; of none but nulls the result is null, but counts are 0.
func (m *emitter) aggregate(a *query.Aggregate) string {
	if a.Method == query.Count {
		return "count(*)"
	}
	if a.Expr == nil {
		return m.fail("an aggregate of nothing")
	}
	k := a.Expr.Type().Kind
	x := m.sorted(k, m.expr(a.Expr))
	switch a.Method {
	case query.CountDistinct:
		return "count(distinct " + x + ")"
	case query.Min, query.Max:
		name := "min"
		if a.Method == query.Max {
			name = "max"
		}
		return m.extreme(name, k, x)
	case query.Sum, query.Average:
		return m.sum(a, k, x)
	default:
		return m.fail("no method %d", a.Method)
	}
}

func (m *emitter) extreme(name string, k edm.Kind, x string) string {
	if m.engine == SQLite {
		return name + "(" + x + ")"
	}
	switch k {
	case edm.Boolean:
		return name + "(" + x + "::int)::boolean"
	case edm.Guid:
		return name + "(" + x + `::text collate "C")::uuid`
	default:
		return name + "(" + x + ")"
	}
}

// sum writes a sum or an average. Those of integers and decimals are exact.
func (m *emitter) sum(a *query.Aggregate, k edm.Kind, x string) string {
	real, average := k == edm.Single || k == edm.Double, a.Method == query.Average
	switch {
	case m.engine == SQLite && real && average:
		return "avg(" + x + ")"
	case m.engine == SQLite && real:
		return "sum(cast(" + x + " as real))"
	case m.engine == SQLite && average:
		return "kw_average(" + x + ")"
	case m.engine == SQLite && k == edm.Decimal:
		return "kw_sum(" + x + ")"
	case m.engine == SQLite:
		return "sum(" + x + ")"
	case real && average:
		return "avg(" + x + "::double precision)"
	case real:
		return "sum(" + x + "::double precision)"
	case average:
		return fmt.Sprintf("trim_scale(round(sum(%s::numeric + %s) / count(%s), %d))", x, "0."+strings.Repeat("0", 30), x, query.DecimalScale)
	case k == edm.Decimal:
		return "trim_scale(sum(" + x + "))"
	}
	return "sum(" + x + ")::bigint"
}

// counted writes how many rows a query has: one number, or pairs of a parent's index and a number.
func (m *emitter) counted(q *query.Query) string {
	s := m.rowsOf(q)
	if q.Parents == nil {
		return "select count(*) from " + s.text() + condition(s.where)
	}
	p, on := m.parents(s, q)
	return "select p.i, count(*) from " + p + " " + s.text() + condition(append(s.where, on)) + " group by p.i"
}

// ofParents writes a query for rows of several parents. Where Skip or Top hold for each of them, rows are numbered.
func (m *emitter) ofParents(q *query.Query) (string, []*reading) {
	s := m.rowsOf(q)
	columns, readings := m.columns(q)
	if q.After != nil {
		s.where = append(s.where, m.after(q.Order, q.After))
	}
	if len(q.Parents.Values) == 1 && s.scope != nil && !hasNull(q.Parents.Values[0]) {
		return m.ofParent(s, q, columns), readings
	}
	p, on := m.parents(s, q)
	order := m.order(q.Order)
	from := " from " + p + " " + s.text() + condition(append(s.where, on))
	most := ""
	if q.Parents.Most > 0 {
		most = " limit " + m.literal(edm.Int64, int64(q.Parents.Most))
	}
	if q.Skip <= 0 && q.Top < 0 {
		all := " order by p.i"
		if order != "" {
			all += "," + strings.TrimPrefix(order, " order by")
		}
		return "select p.i, " + strings.Join(columns, ", ") + from + all + most, readings
	}
	names := make([]string, len(columns))
	for i := range columns {
		names[i] = outputName(i)
		columns[i] += " as " + names[i]
	}
	text := "select i, " + strings.Join(names, ", ") + " from (select p.i as i, row_number() over (partition by p.i" + order + ") as n, " +
		strings.Join(columns, ", ") + from + ") w where n > " + m.literal(edm.Int64, q.Skip)
	if q.Top >= 0 {
		text += " and n <= " + m.literal(edm.Int64, q.Skip+min(q.Top, 1<<40))
	}
	return text + " order by i, n" + most, readings
}

// ofParent writes a query for rows of one parent: what an index gives in order is read no further than asked for.
func (m *emitter) ofParent(s *selection, q *query.Query, columns []string) string {
	links, values := q.Parents.Nav.On, q.Parents.Values[0]
	if len(values) != len(links) {
		return m.fail("%d values of a parent, for %d links", len(values), len(links))
	}
	for i, l := range links {
		x, y := m.fieldAndValue(&field{s.scope.alias, q.Set, l.To}, values[i])
		s.where = append(s.where, x+" = "+y)
	}
	top, most := q.Top, int64(q.Parents.Most)
	if most > 0 && (top < 0 || most < top) {
		top = most
	}
	order := m.order(q.Order) // before the text: it may join rows
	return "select " + m.literal(edm.Int64, int64(0)) + ", " + strings.Join(columns, ", ") + " from " + s.text() + condition(s.where) + order + m.limit(top, q.Skip)
}

// parents writes the parents as rows (their index, what their relation's other end is compared with), and the comparison.
// Null is equal to nothing: parents that have one are left out.
func (m *emitter) parents(s *selection, q *query.Query) (from, on string) {
	if s.scope == nil {
		return m.fail("rows of parents can't be aggregated"), ""
	}
	links := q.Parents.Nav.On
	fields := make([]*field, len(links))
	exact := make([]bool, len(links))
	for i, l := range links {
		fields[i] = &field{s.scope.alias, q.Set, l.To}
		exact[i] = m.exact(fields[i], i, q.Parents.Values)
	}
	var indexes []int64
	values := make([][]any, len(links))
	for p, parent := range q.Parents.Values {
		if len(parent) != len(links) {
			return m.fail("%d values of a parent, for %d links", len(parent), len(links)), ""
		}
		if hasNull(parent) {
			continue
		}
		indexes = append(indexes, int64(p))
		for i, v := range parent {
			values[i] = append(values[i], m.member(fields[i], exact[i], v))
		}
	}
	conditions := make([]string, len(links))
	for i, f := range fields {
		conditions[i] = m.equalMember(f, exact[i], "p."+outputName(i))
	}
	return m.unnested(indexes, values), strings.Join(conditions, " and ")
}

func hasNull(values []any) bool {
	for _, v := range values {
		if v == nil {
			return true
		}
	}
	return false
}

// exact says that all of the parents' values of a link can be compared as the column keeps them.
func (m *emitter) exact(f *field, link int, parents [][]any) bool {
	c, some := m.column(f), false
	for _, values := range parents {
		if link >= len(values) || values[link] == nil {
			continue
		}
		if _, some = m.keptValue(c, f.prop.Type, values[link]); !some {
			return false
		}
	}
	return some
}

// member is a parent's value as it goes to the database: as the column keeps it, or in the form of expressions.
func (m *emitter) member(f *field, exact bool, v any) any {
	if exact {
		v, _ = m.keptValue(m.column(f), f.prop.Type, v)
		return v
	}
	if m.engine == SQLite {
		return liteValue(f.prop.Type.Kind, v)
	}
	return postgresValue(f.prop.Type.Kind, v)
}

func (m *emitter) equalMember(f *field, exact bool, member string) string {
	k := f.prop.Type.Kind
	x := m.value(f)
	if exact {
		x = m.raw(f)
	}
	switch {
	case m.engine == SQLite && k == edm.String:
		return x + " collate binary = " + member
	case m.engine == SQLite:
		return x + " = " + member
	case exact && m.column(f).Kept == Labels:
		return x + "::text = " + member
	case exact:
		return x + " = " + member + "::bigint"
	}
	return x + " = " + member + "::" + postgresType(k)
}

// unnested writes parents as one parameter for each column: SQLite takes JSON, PostgreSQL arrays. They come first in the
// join, so that their number decides what it costs.
func (m *emitter) unnested(indexes []int64, values [][]any) string {
	if m.engine == Postgres {
		parts, names := []string{m.param(indexes) + "::bigint[]"}, []string{"i"}
		for i, column := range values {
			texts := make([]string, len(column))
			for j, v := range column {
				texts[j] = fmt.Sprint(v)
			}
			parts, names = append(parts, m.param(texts)+"::text[]"), append(names, outputName(i))
		}
		return "unnest(" + strings.Join(parts, ", ") + ") as p(" + strings.Join(names, ", ") + ") cross join"
	}
	rows := make([][]any, len(indexes))
	for j, i := range indexes {
		rows[j] = []any{i}
		for _, column := range values {
			rows[j] = append(rows[j], column[j])
		}
	}
	text, err := json.Marshal(rows)
	if err != nil {
		return m.fail("values of parents: %w", err)
	}
	names := []string{"json_extract(value, '$[0]') as i"}
	for i := range values {
		names = append(names, "json_extract(value, '$["+strconv.Itoa(i+1)+"]') as "+outputName(i))
	}
	return "(select " + strings.Join(names, ", ") + " from json_each(" + m.param(string(text)) + ")) p cross join"
}

// micros is a time of day or a duration.
func micros(n int64) (time.Duration, bool) {
	d := time.Duration(n) * time.Microsecond
	return d, d/time.Microsecond == time.Duration(n)
}
