package sqldata

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
)

// emitter writes one statement. What it writes is names of tables and columns, and numbers of parameters. The first
// thing that goes wrong is kept in err; what is written after it does not matter.
type emitter struct {
	engine  Engine
	tables  map[*edm.EntitySet]*place
	caller  map[string]any
	args    []any
	aliases int
	rows    map[*query.Var]*scope // the row of the query itself is at nil
	// statementNumber is what running knows a statement of SQLite by. It asks for itself if, nested, it walks rows for each
	// row, or calls functions: else a row costs less than the question.
	statementNumber int64
	nested          bool
	dangers         dangers

	step string // alias of the select that the last aggregating step became; "" is none
	err  error
}

// scope is one select: a row that properties are of, and the rows that single-valued navigation leads to from there.
type scope struct {
	set   *edm.EntitySet
	alias string
	from  strings.Builder
	ways  []way
}

// way is a row that was joined: the navigation to it from the row with an alias.
type way struct {
	from  string
	nav   *edm.Navigation
	alias string
}

func (m *emitter) fail(format string, args ...any) string {
	if m.err == nil {
		m.err = fmt.Errorf("sqldata: "+format, args...)
	}
	return "null"
}

// param adds a parameter and returns its place in the statement.
func (m *emitter) param(v any) string {
	m.args = append(m.args, v)
	mark := "$"
	if m.engine == SQLite {
		mark = "?"
	}
	return mark + strconv.Itoa(len(m.args))
}

func (m *emitter) alias(prefix string) string {
	m.aliases++
	return prefix + strconv.Itoa(m.aliases)
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// table writes the rows of a set that the caller may see, under an alias.
func (m *emitter) table(set *edm.EntitySet, alias string) string {
	t := m.tables[set]
	if t == nil {
		return m.fail("the set %s has no table", set.Name)
	}
	from := m.fill(t.from)
	if len(t.where) > 0 {
		if strings.HasPrefix(from, "(") {
			from += " r" // PostgreSQL before 16 wants a name; of a table its own is kept, which the condition may use
		}
		from = "(select * from " + from + " where " + m.fill(t.where)
		if m.guarded(t) {
			from += m.barrier()
		}
		return from + ") " + alias
	}
	if m.guarded(t) {
		from = "(select * from " + from + " r" + m.barrier() + ")"
	}
	return from + " " + alias
}

// fill writes SQL of the configuration, with the caller's values as parameters.
func (m *emitter) fill(t template) string {
	var b strings.Builder
	for i, part := range t {
		if i%2 == 0 {
			b.WriteString(part)
			continue
		}
		v, ok := m.caller[part]
		if !ok {
			return m.fail("the caller has no parameter $%s", part)
		}
		if m.engine == Postgres {
			v = untyped(v)
		}
		b.WriteString(m.param(v))
	}
	return b.String()
}

// untyped makes text of numbers, so that PostgreSQL reads them as what it compares them with.
func untyped(v any) any {
	switch v := v.(type) {
	case int, int32, int64, uint32:
		return fmt.Sprint(v)
	case bool:
		return strconv.FormatBool(v)
	}
	return v
}

// open begins a select of a set's rows, as what v is bound to.
func (m *emitter) open(v *query.Var, set *edm.EntitySet) *scope {
	s := &scope{set: set, alias: m.alias("t")}
	s.from.WriteString(m.table(set, s.alias))
	m.rows[v] = s
	return s
}

// follow returns the alias of the row that a path leads to from a variable's row, and its set.
func (m *emitter) follow(v *query.Var, path []*edm.Navigation) (alias string, set *edm.EntitySet) {
	s := m.rows[v]
	if s == nil {
		return m.fail("a variable is used outside of its lambda"), nil
	}
	alias, set = s.alias, s.set
	for _, n := range path {
		alias = m.join(s, alias, set, n)
		set = n.Target
	}
	return alias, set
}

// join adds a single-valued navigation to a select, once. A row leads to one row at most, also where the columns that
// link them are no key.
func (m *emitter) join(s *scope, from string, set *edm.EntitySet, n *edm.Navigation) string {
	for _, w := range s.ways {
		if w.from == from && w.nav == n {
			return w.alias
		}
	}
	to := m.alias("t")
	on := m.linked(from, set, to, n)
	if !unique(n) {
		first := m.alias("t")
		on = m.row(to, n.Target, n.Target.Key) + " = (select " + m.list(first, n.Target, n.Target.Key) + " from " + m.table(n.Target, first) +
			" where " + m.linked(from, set, first, n) + " order by " + m.list(first, n.Target, n.Target.Key) + " limit 1)"
	}
	s.from.WriteString(" left join " + m.table(n.Target, to) + " on " + on)
	s.ways = append(s.ways, way{from, n, to})
	return to
}

// unique says that a navigation's links hold the whole key of its target.
func unique(n *edm.Navigation) bool {
	for _, k := range n.Target.Key {
		found := false
		for _, l := range n.On {
			found = found || l.To == k
		}
		if !found {
			return false
		}
	}
	return true
}

// linked says that the row to is one that a navigation leads to from the row from.
func (m *emitter) linked(from string, set *edm.EntitySet, to string, n *edm.Navigation) string {
	parts := make([]string, len(n.On))
	for i, l := range n.On {
		a, b := m.same(&field{to, n.Target, l.To}, &field{from, set, l.From})
		parts[i] = a + " = " + b
	}
	return strings.Join(parts, " and ")
}

// field is a property of a row in the statement.
type field struct {
	alias string
	set   *edm.EntitySet
	prop  *edm.Property
}

// same writes two properties in a form in which they can be compared: as they are kept if they are kept alike.
func (m *emitter) same(x, y *field) (a, b string) {
	kind, kx, ky := x.prop.Type.Kind, m.column(x).Kept, m.column(y).Kept
	if kx == ky && (m.ordered(x) || kx == Plain && (m.engine == Postgres || !timed(kind))) {
		a, b = m.raw(x), m.raw(y)
	} else {
		a, b = m.value(x), m.value(y)
	}
	if m.engine == SQLite && kind == edm.String {
		a += " collate binary"
	}
	return a, b
}

// timed says that a kind has no type of its own in SQLite, so that one value can be kept as several texts.
func timed(k edm.Kind) bool { return k == edm.Date || k == edm.TimeOfDay || k == edm.DateTimeOffset }

// list writes properties one after the other, in the form of expressions.
func (m *emitter) list(alias string, set *edm.EntitySet, props []*edm.Property) string {
	parts := make([]string, len(props))
	for i, p := range props {
		parts[i] = m.value(&field{alias, set, p})
	}
	return strings.Join(parts, ", ")
}

func (m *emitter) row(alias string, set *edm.EntitySet, props []*edm.Property) string {
	return "(" + m.list(alias, set, props) + ")"
}

// within says that a set's row is one of those that one gets to by an origin.
func (m *emitter) within(alias string, set *edm.EntitySet, o *query.Origin) string {
	at := m.alias("t")
	froms, tos := make([]string, len(o.Nav.On)), make([]string, len(o.Nav.On))
	for i, l := range o.Nav.On {
		tos[i], froms[i] = m.same(&field{alias, set, l.To}, &field{at, o.Set, l.From})
	}
	where := m.keyed(at, o.Set, o.Key)
	if o.Of != nil {
		where = append(where, m.within(at, o.Set, o.Of))
	}
	return "(" + strings.Join(tos, ", ") + ") in (select " + strings.Join(froms, ", ") + " from " + m.table(o.Set, at) + condition(where) + ")"
}

// keyed says that a row has a key.
func (m *emitter) keyed(alias string, set *edm.EntitySet, key []any) []string {
	if len(key) == 0 {
		return nil
	}
	if len(key) != len(set.Key) {
		return []string{m.fail("%d values for the key of %s", len(key), set.Name)}
	}
	parts := make([]string, len(key))
	for i, p := range set.Key {
		x, v := m.fieldAndValue(&field{alias, set, p}, key[i])
		parts[i] = x + " = " + v
	}
	return parts
}

// condition joins what has to hold.
func condition(where []string) string {
	if len(where) == 0 {
		return ""
	}
	return " where " + strings.Join(where, " and ")
}

// selection is a statement's parts, up to its conditions.
type selection struct {
	scope *scope // nil behind a step that aggregates
	from  string // then: the select that the step became
	where []string
}

func (s *selection) text() string {
	if s.scope != nil {
		return s.scope.from.String()
	}
	return s.from
}

// rowsOf begins the statement of a query: its rows, with all that restricts them but After, Skip, Top and Parents.
func (m *emitter) rowsOf(q *query.Query) *selection {
	m.dangers = dangersOf(q)
	s := &selection{scope: m.open(nil, q.Set)}
	alias := s.scope.alias
	if q.Of != nil {
		s.where = append(s.where, m.within(alias, q.Set, q.Of))
	}
	s.where = append(s.where, m.keyed(alias, q.Set, q.Key)...)
	for i := range q.Apply {
		step := &q.Apply[i]
		if step.Filter != nil {
			s.where = append(s.where, m.truth(step.Filter))
		}
		if len(step.By)+len(step.Aggregate) > 0 {
			s = m.group(s, step)
		}
	}
	if q.Filter != nil {
		s.where = append(s.where, m.truth(q.Filter))
	}
	if m.nested || m.dangers.works {
		s.where = append(m.alive(), s.where...) // first: before a row is dropped
	}
	return s
}

// alive is a condition that ends a statement of SQLite whose time is over. It stands in every select that may look at many
// rows, also those of any, all and $count: one row of the query can be worth hours of theirs.
func (m *emitter) alive() []string {
	if m.engine != SQLite {
		return nil
	}
	return []string{"kw_alive(" + m.param(m.statementNumber) + ")"}
}
