package sqldata

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/keywright/keywright/odata/edm"
)

// tie is a relation between two tables that are published.
type tie struct {
	from, to         *table
	fromCols, toCols []string
	trusted          bool
	name, back       string // as the configuration has them, or ""
	nav, navBack     *edm.Navigation
}

// relate makes navigation of foreign keys and of the configuration's links.
func (m *maker) relate() {
	var ways []*tie
	for _, t := range m.tables {
		var own []*tie
		for _, f := range t.references {
			if to := m.table(f.schema, f.table); to != nil {
				own = append(own, &tie{from: t, to: to, fromCols: f.from, toCols: f.to, trusted: f.trusted})
			}
		}
		// In the order of their columns in the table, which does not change when a constraint is made anew.
		slices.SortStableFunc(own, func(a, b *tie) int {
			return cmp.Or(slices.Compare(t.places(a.fromCols), t.places(b.fromCols)), slices.Compare(a.toCols, b.toCols))
		})
		ways = append(ways, own...)
	}
	for _, l := range m.publish.Links {
		if w, why := m.link(l); why != "" {
			m.warn(nil, "", "the link from %q to %q: %s", l.From, l.To, why)
		} else {
			ways = append(ways, w)
		}
	}
	ways = slices.DeleteFunc(ways, func(w *tie) bool { return !m.possible(w) })
	ways = distinct(ways)
	widen(ways)
	for _, configured := range []bool{true, false} { // names of the configuration come first
		for _, w := range ways {
			if (w.name != "") == configured {
				m.nameWay(w)
			}
		}
	}
	for _, configured := range []bool{true, false} {
		for _, w := range ways {
			if (w.back != "") == configured {
				m.nameBack(w, ways)
			}
		}
	}
	for _, w := range ways {
		w.from.set.Navigation = append(w.from.set.Navigation, w.nav)
	}
	for _, w := range ways {
		w.to.set.Navigation = append(w.to.set.Navigation, w.navBack)
	}
	m.dropHidden(ways)
}

// table finds a table that is published.
func (m *maker) table(schema, name string) *table {
	for _, t := range m.tables {
		if t.schema == schema && t.name == name {
			return t
		}
	}
	return nil
}

// places are the positions of columns in the table.
func (t *table) places(columns []string) []int {
	var at []int
	for _, name := range columns {
		at = append(at, slices.IndexFunc(t.relation.columns, func(c *column) bool { return c.name == name }))
	}
	return at
}

// link reads a link of the configuration.
func (m *maker) link(l PublishLink) (*tie, string) {
	from, fromCols, why := m.end(l.From)
	if why != "" {
		return nil, why
	}
	to, toCols, why := m.end(l.To)
	if why == "" && len(fromCols) != len(toCols) {
		why = "its ends have different numbers of columns"
	}
	return &tie{from: from, to: to, fromCols: fromCols, toCols: toCols, name: l.Name, back: l.Back}, why
}

// end reads one end of a link: "orders.year,orders.number", or "orders.year,number".
func (m *maker) end(text string) (*table, []string, string) {
	first, more, _ := strings.Cut(text, ",")
	for _, t := range m.tables {
		for _, c := range t.relation.columns {
			if !slices.Contains(spellings(t.relation, c.name), strings.ToLower(strings.TrimSpace(first))) {
				continue
			}
			columns := []string{c.name}
			for name := range strings.SplitSeq(more, ",") {
				if name = strings.TrimSpace(name); name == "" {
					continue
				}
				i := slices.IndexFunc(t.relation.columns, func(c *column) bool {
					return strings.EqualFold(c.name, name) || slices.Contains(spellings(t.relation, c.name), strings.ToLower(name))
				})
				if i < 0 {
					return nil, nil, fmt.Sprintf("%s has no column %q", t, name)
				}
				columns = append(columns, t.relation.columns[i].name)
			}
			return t, columns, ""
		}
	}
	return nil, nil, fmt.Sprintf("%q is no column of a table that is published", first)
}

// possible reports whether both ends can be compared; it warns if not.
func (m *maker) possible(w *tie) bool {
	if len(w.fromCols) != len(w.toCols) || len(w.fromCols) == 0 {
		return false
	}
	for i := range w.fromCols {
		a, b := w.from.properties[w.fromCols[i]], w.to.properties[w.toCols[i]]
		why := ""
		switch {
		case a == nil:
			why = w.fromCols[i] + " is not published"
		case b == nil:
			why = w.toCols[i] + " is not published"
		case a.Type.Kind == edm.Enum && a.Type.Enum != b.Type.Enum, a.Type.Kind != b.Type.Kind && (!wholeNumber(a) || !wholeNumber(b)):
			why = "its ends are of different types"
		case w.from.columns[a].Kept != w.to.columns[b].Kept:
			why = "its ends are kept in different ways"
		}
		if why != "" {
			m.warn(w.from.relation, strings.Join(w.fromCols, ", "), "its relation to %s is not published: %s", w.to, why)
			return false
		}
	}
	return true
}

func wholeNumber(p *edm.Property) bool {
	return p.Type.Kind == edm.Int16 || p.Type.Kind == edm.Int32 || p.Type.Kind == edm.Int64
}

// distinct drops relations that are declared twice.
func distinct(ways []*tie) []*tie {
	seen := map[string]*tie{}
	return slices.DeleteFunc(ways, func(w *tie) bool {
		key := fmt.Sprintf("%q %q %q %q", w.from.from(), w.fromCols, w.to.from(), w.toCols)
		first := seen[key]
		if first == nil {
			seen[key] = w
			return false
		}
		first.name, first.back = cmp.Or(first.name, w.name), cmp.Or(first.back, w.back)
		first.trusted = first.trusted || w.trusted
		return true
	})
}

// widen gives both ends of a relation between integers of different sizes the larger size: related properties have one type.
func widen(ways []*tie) {
	for changed := true; changed; {
		changed = false
		for _, w := range ways {
			for i := range w.fromCols {
				a, b := w.from.properties[w.fromCols[i]], w.to.properties[w.toCols[i]]
				if kind := max(a.Type.Kind, b.Type.Kind); a.Type.Kind != b.Type.Kind {
					a.Type.Kind, b.Type.Kind = kind, kind
					changed = true
				}
			}
		}
	}
}

// free reports whether a table's type has no such name yet.
func (t *table) free(name string) bool {
	return name != "" && edm.Identifier(name, maps.Clone(t.taken)) == name
}

// pick takes the first name that is free.
func (t *table) pick(names ...string) string {
	for _, name := range names {
		if t.free(name) {
			return edm.Identifier(name, t.taken)
		}
	}
	return edm.Identifier(names[len(names)-1], t.taken)
}

// nameWay makes the navigation from w.from: orders.customer_id is Customer.
func (m *maker) nameWay(w *tie) {
	w.nav = &edm.Navigation{Target: w.to.set, Many: !w.to.unique(w.toCols)}
	for i := range w.fromCols {
		a, b := w.from.properties[w.fromCols[i]], w.to.properties[w.toCols[i]]
		w.nav.On = append(w.nav.On, edm.Link{From: a, To: b})
		w.nav.Nullable = w.nav.Nullable || a.Nullable
	}
	// A row filter may hide the other row, and what no constraint promises may be missing.
	w.nav.Nullable = !w.nav.Many && (w.nav.Nullable || !w.trusted || len(w.to.where) > 0)
	if w.name != "" {
		w.nav.Name = m.named(w.from.relation, "", w.name, w.from.taken)
		return
	}
	one := singular(w.to.set.Name)
	if one == "" {
		one = w.to.set.Name
	}
	if w.nav.Many {
		w.nav.Name = w.from.pick(w.to.set.Name, w.to.set.Name+"By"+w.columnName())
		return
	}
	if len(w.fromCols) > 1 {
		w.nav.Name = w.from.pick(one, one+"By"+w.columnName())
		return
	}
	short, ended := cutID(words(w.fromCols[0]))
	name := pascal(short)
	if !ended {
		// A column that has the very name of what it leads to keeps it.
		w.nav.Name = w.from.pick(name, name+one, "Related"+one)
		return
	}
	if w.from == w.to && strings.EqualFold(name, one) { // a category's category
		name = "Related" + one
	}
	w.nav.Name = w.from.pick(name, name+one, "Related"+name)
}

// columnName says by which columns a relation goes.
func (w *tie) columnName() string {
	var all []string
	for _, c := range w.fromCols {
		short, _ := cutID(words(c))
		all = append(all, pascal(short))
	}
	return strings.Join(all, "")
}

// nameBack makes the navigation back to w.from: Customers have Orders. Where several relations lead from one table to another, the one
// that is named after the other table keeps the plain name, and the rest say by what: OrdersByShippingAddress.
func (m *maker) nameBack(w *tie, ways []*tie) {
	many := !w.from.unique(w.fromCols)
	w.navBack = &edm.Navigation{Target: w.from.set, Many: many, Nullable: !many, Partner: w.nav}
	w.nav.Partner = w.navBack
	for _, l := range w.nav.On {
		w.navBack.On = append(w.navBack.On, edm.Link{From: l.To, To: l.From})
	}
	if w.back != "" {
		w.navBack.Name = m.named(w.to.relation, "", w.back, w.to.taken)
		return
	}
	plain := w.from.set.Name
	if one := singular(plain); !many && one != "" {
		plain = one
	}
	others := slices.ContainsFunc(ways, func(o *tie) bool { return o != w && o.from == w.from && o.to == w.to })
	if others && !strings.EqualFold(w.nav.Name, singular(w.to.set.Name)) {
		w.navBack.Name = w.to.pick(plain + "By" + w.columnName())
		return
	}
	w.navBack.Name = w.to.pick(plain, plain+"By"+w.columnName())
}

// dropHidden drops hidden properties that serve no relation.
func (m *maker) dropHidden(ways []*tie) {
	used := map[*edm.Property]bool{}
	for _, w := range ways {
		for _, l := range w.nav.On {
			used[l.From], used[l.To] = true, true
		}
	}
	for _, t := range m.tables {
		t.set.Properties = slices.DeleteFunc(t.set.Properties, func(p *edm.Property) bool { return p.Hidden && !used[p] })
		maps.DeleteFunc(t.columns, func(p *edm.Property, _ Column) bool { return p.Hidden && !used[p] })
	}
}
