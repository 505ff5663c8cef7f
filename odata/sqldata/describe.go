package sqldata

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/keywright/keywright/odata/edm"
)

// maker makes a description of a database.
type maker struct {
	engine   Engine
	publish  Publish
	tables   []*table // in the order of their schemas and names
	warnings []Warning

	tableNames, leaveOut, names, titles, keys, where, kept, types *naming
}

// table is a relation that is published, unless it turns out that it can't be.
type table struct {
	*relation
	where      []string
	filters    []string // of Publish.Where, which are in where too
	set        *edm.EntitySet
	properties map[string]*edm.Property // of columns
	taken      map[string]bool          // names of the entity type
	columns    map[*edm.Property]Column
	hidden     map[string]bool // columns that are left out
}

func newMaker(engine Engine, p Publish) *maker {
	list := func(what string, names []string) *naming {
		n := &naming{what: what, used: map[string]bool{}, keys: names}
		return n
	}
	return &maker{
		engine: engine, publish: p,
		tableNames: list("tables", p.Tables), leaveOut: list("columns to leave out", p.LeaveOut),
		names: newNaming("names", p.Names), titles: newNaming("titles", p.Titles), keys: newNaming("keys", p.Keys),
		where: newNaming("row filters", p.Where), kept: newNaming("how times are kept", p.Kept), types: newNaming("types", p.Types),
	}
}

func (m *maker) warn(r *relation, column, format string, args ...any) {
	w := Warning{Column: column, Text: fmt.Sprintf(format, args...)}
	if r != nil {
		w.Table = r.String()
	}
	m.warnings = append(m.warnings, w)
}

// read finds the tables that are published and what they are like.
func (m *maker) read(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: m.isolation()})
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it only read
	var from catalogue = lite{tx}
	if m.engine == Postgres {
		from = pg{tx}
	}
	all, err := from.list(ctx)
	if err != nil {
		return err
	}
	var found []*relation
	for _, r := range all {
		if m.tableNames.allowed(m.engine, r) {
			found = append(found, r)
		}
	}
	if err := from.load(ctx, found); err != nil {
		return err
	}
	if m.engine == Postgres && !m.publish.Writable {
		reason, err := pg{tx}.rights(ctx, found)
		if err != nil {
			return err
		}
		if reason != "" {
			return fmt.Errorf("%w: %s. Use a role that may only read: %s", ErrWritable, reason, readOnlyRole(found))
		}
	}
	m.add(found)
	return nil
}

// isolation makes all questions about a schema be about the same one.
func (m *maker) isolation() sql.IsolationLevel {
	if m.engine == Postgres {
		return sql.LevelRepeatableRead
	}
	return sql.LevelDefault
}

// add takes what can be published.
func (m *maker) add(found []*relation) {
	for _, r := range found {
		if r.problem != "" {
			m.warn(r, "", "%s", r.problem)
			continue
		}
		t := &table{relation: r, hidden: map[string]bool{}, properties: map[string]*edm.Property{}, columns: map[*edm.Property]Column{}}
		for _, c := range r.columns {
			m.configure(t, c)
		}
		if key := m.key(t); key != nil {
			t.set = &edm.EntitySet{}
			t.uniques = append(t.uniques, t.primary)
			t.primary = key // from here on it is what tells rows apart
			m.tables = append(m.tables, t)
		}
	}
}

// configure does with a column what the configuration says.
func (m *maker) configure(t *table, c *column) {
	if m.leaveOut.leftOut(t.relation, c.name) {
		t.hidden[c.name] = true
	}
	for _, k := range m.types.find(t.relation, c.name) {
		if m.engine != SQLite {
			m.warn(t.relation, c.name, "types are named for SQLite only")
			continue
		}
		declared := c.declared
		c.declared, c.problem, c.cast, c.kept = m.publish.Types[k], "", "", Plain
		if liteColumn(c); c.problem != "" {
			c.declared = declared
		}
	}
	for _, k := range m.kept.find(t.relation, c.name) {
		if why := c.keep(m.engine, m.publish.Kept[k]); why != "" {
			m.warn(t.relation, c.name, "%s", why)
		}
	}
	if c.problem != "" && !t.hidden[c.name] {
		m.warn(t.relation, c.name, "%s", c.problem)
	}
}

// key chooses the columns that tell rows apart; nil, with a warning, when there are none.
func (m *maker) key(t *table) []string {
	if found := m.keys.find(t.relation, ""); len(found) > 0 {
		key := slices.Clone(m.publish.Keys[found[0]])
		for i, name := range key {
			if t.column(name) == nil {
				for _, c := range t.relation.columns {
					if strings.EqualFold(c.name, name) {
						key[i] = c.name
					}
				}
			}
		}
		if why := t.unfit(key); why != "" {
			m.warn(t.relation, "", "it is not published, because the key that is named for it won't do: %s", why)
			return nil
		}
		return t.demand(key)
	}
	why := "it has no primary key, and no unique index over columns that are never null: name its key in the configuration"
	if t.heirs {
		why = "other tables inherit from it, so that its primary key does not tell its rows apart: name its key in the configuration"
	}
	if len(t.primary) > 0 {
		if why = t.unfit(t.primary); why == "" {
			return t.demand(t.primary)
		}
	}
	for _, key := range t.uniques {
		if t.unfit(key) == "" && !slices.ContainsFunc(key, func(name string) bool { return !t.column(name).notNull }) {
			return key
		}
	}
	m.warn(t.relation, "", "it is not published: %s", why)
	return nil
}

// unfit says why columns can't be a key; "" when they can.
func (t *table) unfit(key []string) string {
	if len(key) == 0 {
		return "it has no columns"
	}
	for i, name := range key {
		c := t.column(name)
		switch {
		case c == nil:
			return "there is no column " + name
		case slices.Contains(key[:i], name):
			return name + " is in it twice"
		case t.hidden[name]:
			return name + " is left out"
		case c.problem != "":
			return name + " is not published"
		case c.typ.Kind == edm.Single || c.typ.Kind == edm.Double || c.document:
			return name + " is of type " + c.declared
		}
	}
	return ""
}

// demand makes sure that no column of a key is null.
func (t *table) demand(key []string) []string {
	for _, name := range key {
		if c := t.column(name); !c.notNull {
			t.where = append(t.where, quote(name)+" is not null")
			c.notNull = true
		}
	}
	return key
}

// filters adds the row filters to their tables, each of which has been tried. A filter that the database refuses takes its
// table out; one that names no table at all fails: the rows that it was meant to keep back are somewhere.
func (m *maker) filters(ctx context.Context, db *sql.DB) error {
	kept := m.tables[:0]
	for _, t := range m.tables {
		refused := ""
		for _, k := range m.where.find(t.relation, "") {
			filter := m.publish.Where[k]
			if refused = m.try(ctx, db, t, filter); refused != "" {
				break
			}
			t.where, t.filters = append(t.where, "("+filter+")"), append(t.filters, filter)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if refused != "" {
			m.warn(t.relation, "", "it is not published, because its row filter is wrong: %s", refused)
			continue
		}
		kept = append(kept, t)
	}
	m.tables = kept
	for _, k := range m.where.unused() {
		if !m.warned(k) {
			return fmt.Errorf("the row filter of %q belongs to no table that is published: correct its name, or take it away", k)
		}
	}
	return nil
}

// exposed fails for a column to leave out that its table does not have: the one that was meant would be published.
func (m *maker) exposed() error {
	for _, k := range m.leaveOut.unused() {
		end := strings.LastIndex(k, ".")
		if end < 0 || strings.Contains(k, "*") {
			continue
		}
		for _, t := range m.tables {
			if slices.Contains(spellings(t.relation, ""), strings.ToLower(k[:end])) {
				return fmt.Errorf("the column to leave out %q is not in %s: correct its name, or take it away", k, t.name)
			}
		}
	}
	return nil
}

// warned reports whether a key names a table that is not published, for a reason that has been said.
func (m *maker) warned(key string) bool {
	_, bare, qualified := strings.Cut(key, ".")
	return slices.ContainsFunc(m.warnings, func(w Warning) bool {
		return w.Table != "" && w.Column == "" && (strings.EqualFold(w.Table, key) || qualified && strings.EqualFold(w.Table, bare))
	})
}

// try has the database read a filter, and says what it found wrong.
func (m *maker) try(ctx context.Context, db *sql.DB, t *table, filter string) string {
	n := 0
	condition, err := withParams(m.engine, filter, func(name string) (string, error) {
		if m.publish.Caller != nil && !slices.Contains(m.publish.Caller, name) {
			return "", fmt.Errorf("there is no parameter $%s", name)
		}
		n++
		return fmt.Sprintf("$%d", n), nil
	})
	if err != nil {
		return err.Error()
	}
	if strings.TrimSpace(condition) == "" {
		return "it is empty"
	}
	s, err := db.PrepareContext(ctx, "select 1 from "+t.from()+" where ("+condition+")")
	if err != nil {
		return err.Error()
	}
	defer s.Close()
	return ""
}

// because gives the first reasons why nothing is published.
func (m *maker) because() string {
	var b strings.Builder
	for i, w := range m.warnings {
		if i == 5 {
			b.WriteString("; …")
			break
		}
		b.WriteString("; " + w.String())
	}
	return b.String()
}

// describe makes the model.
func (m *maker) describe() *Description {
	model := &edm.Model{Namespace: cmp.Or(m.publish.Namespace, "Data"), Container: "Container"}
	m.nameSets()
	types := map[string]bool{}
	model.Container = edm.Identifier(model.Container, types)
	enums := map[*enumeration]*edm.EnumType{}
	for _, t := range m.tables {
		m.properties(t, enums)
		m.nameType(t, types)
		model.Sets = append(model.Sets, t.set)
	}
	m.relate()
	model.Enums = nameEnums(m.tables, enums, types)
	for _, n := range []*naming{m.tableNames, m.leaveOut, m.names, m.titles, m.keys, m.kept, m.types} {
		for _, k := range n.unused() {
			if !m.warned(k) {
				m.warn(nil, "", "%s: %q names nothing that is published", n.what, k)
			}
		}
	}
	d := &Description{Model: model, Warnings: m.warnings, Filters: map[string]string{}}
	for _, t := range m.tables {
		if len(t.filters) > 0 {
			d.Filters[t.set.Name] = strings.Join(t.filters, " and ")
		}
		d.Tables = append(d.Tables, Table{Set: t.set, From: t.from(), Where: strings.Join(t.where, " and "), Columns: t.columns})
	}
	return d
}

// nameSets names the entity sets: as the configuration has it, else after the table, with its schema in front where
// another schema has a table of that name.
func (m *maker) nameSets() {
	base := func(t *table) string { return pascal(words(t.name)) }
	first := map[string]*table{} // the one that needs no schema
	other := map[string]bool{}   // names that several schemas have
	for _, t := range m.tables {
		key := strings.ToLower(base(t))
		if f := first[key]; f == nil {
			first[key] = t
		} else if f.schema != t.schema {
			other[key] = true
			if t.path >= 0 && (f.path < 0 || t.path < f.path) {
				first[key] = t
			}
		}
	}
	taken := map[string]bool{}
	var rest []*table
	for _, t := range m.tables {
		t.set.Title, t.set.Description = clean(m.text(m.titles, m.publish.Titles, t.relation, "")), clean(t.description)
		if name := m.text(m.names, m.publish.Names, t.relation, ""); name != "" {
			t.set.Name = m.named(t.relation, "", name, taken)
			continue
		}
		rest = append(rest, t)
	}
	for _, t := range rest {
		name := base(t)
		key := strings.ToLower(name)
		if f := first[key]; other[key] && t.schema != f.schema || other[key] && f.path < 0 {
			name = pascal(words(t.schema)) + name
		}
		t.set.Name = edm.Identifier(name, taken)
	}
}

// clean drops what XML can't say.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == utf8.RuneError || r == 0xFFFE || r == 0xFFFF {
			return -1
		}
		return r
	}, text)
}

// text is what a map of the configuration has for a table or a column; "" is nothing.
func (m *maker) text(n *naming, texts map[string]string, r *relation, column string) string {
	for _, k := range n.find(r, column) {
		return texts[k]
	}
	return ""
}

// named takes a name of the configuration, and says when it can't be had.
func (m *maker) named(r *relation, column, name string, taken map[string]bool) string {
	got := edm.Identifier(name, taken)
	if got != name {
		m.warn(r, column, "the name %q is no identifier, or is taken: it is called %s", name, got)
	}
	return got
}

// properties makes properties of the columns that are published.
func (m *maker) properties(t *table, enums map[*enumeration]*edm.EnumType) {
	t.taken = map[string]bool{}
	names := map[string]string{}
	for _, c := range t.relation.columns {
		if name := m.text(m.names, m.publish.Names, t.relation, c.name); name != "" && t.visible(c) {
			names[c.name] = m.named(t.relation, c.name, name, t.taken)
		}
	}
	for _, c := range t.relation.columns {
		if !t.visible(c) {
			continue
		}
		name := names[c.name]
		if name == "" {
			name = edm.Identifier(pascal(words(c.name)), t.taken)
		}
		p := t.property(c, name, enums)
		p.Title, p.Description = clean(m.text(m.titles, m.publish.Titles, t.relation, c.name)), clean(c.description)
		if p.Type.Kind == edm.String && !c.document && len(t.set.Searchable) < mostSearchable {
			t.set.Searchable = append(t.set.Searchable, p)
		}
	}
	for _, name := range t.primary {
		t.set.Key = append(t.set.Key, t.properties[name])
	}
	// Hidden ones come last, so that they take no other's name.
	for _, c := range t.relation.columns {
		if t.hidden[c.name] && c.problem == "" && c.enum == nil {
			t.property(c, edm.Identifier(pascal(words(c.name)), t.taken), enums).Hidden = true
		}
	}
}

// mostSearchable bounds the columns in which $search looks: each costs a comparison of each row.
const mostSearchable = 16

func (t *table) visible(c *column) bool { return c.problem == "" && !t.hidden[c.name] }

func (t *table) property(c *column, name string, enums map[*enumeration]*edm.EnumType) *edm.Property {
	p := &edm.Property{Name: name, Type: c.typ, Nullable: !c.notNull}
	if c.enum != nil {
		if enums[c.enum] == nil {
			enums[c.enum] = newEnum(c.enum)
		}
		p.Type.Enum = enums[c.enum]
	}
	t.properties[c.name] = p
	t.columns[p] = Column{Name: c.name, Kept: c.kept, Cast: c.cast}
	t.set.Properties = append(t.set.Properties, p)
	return p
}

func newEnum(e *enumeration) *edm.EnumType {
	made := &edm.EnumType{}
	taken := map[string]bool{}
	for i, label := range e.labels {
		name := label
		if clean := edm.Identifier(label, map[string]bool{}); clean != label {
			name = pascal(words(label))
		}
		made.Members = append(made.Members, edm.EnumMember{Name: edm.Identifier(name, taken), Value: int64(i), Stored: label})
	}
	return made
}

// nameType names the entity type after one row of the set, unlike each of its properties.
func (m *maker) nameType(t *table, types map[string]bool) {
	name := singular(t.set.Name)
	if name == "" || t.has(name) {
		name = t.set.Name + "Row"
	}
	t.set.TypeName = edm.Identifier(name, types)
	for t.has(t.set.TypeName) {
		t.set.TypeName = edm.Identifier(name+"Row", types)
	}
	edm.Identifier(t.set.TypeName, t.taken) // relations have other names too
}

// has reports whether a property of the table has a name, but for case.
func (t *table) has(name string) bool {
	return slices.ContainsFunc(t.set.Properties, func(p *edm.Property) bool { return strings.EqualFold(p.Name, name) })
}

// nameEnums names the enumerations, in the order of their first use.
func nameEnums(tables []*table, enums map[*enumeration]*edm.EnumType, types map[string]bool) []*edm.EnumType {
	var all []*edm.EnumType
	for _, t := range tables {
		for _, c := range t.relation.columns {
			if e := enums[c.enum]; e != nil && e.Name == "" {
				e.Name = edm.Identifier(pascal(words(c.enum.name)), types)
				all = append(all, e)
			}
		}
	}
	return all
}
