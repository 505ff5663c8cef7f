package sqldata

import (
	"slices"
	"strings"
)

// naming is a part of the configuration that names tables or columns, and which of those names were found.
type naming struct {
	what string // the part, for people
	keys []string
	used map[string]bool
}

func newNaming[V any](what string, m map[string]V) *naming {
	n := &naming{what: what, used: map[string]bool{}}
	for k := range m {
		n.keys = append(n.keys, k)
	}
	slices.Sort(n.keys)
	return n
}

// find returns the keys that mean a table, or a column of it.
func (n *naming) find(r *relation, column string) []string {
	var found []string
	for _, k := range n.keys {
		if slices.Contains(spellings(r, column), strings.ToLower(k)) {
			n.used[k] = true
			found = append(found, k)
		}
	}
	return found
}

// unused are the keys that meant nothing.
func (n *naming) unused() []string {
	return slices.DeleteFunc(slices.Clone(n.keys), func(k string) bool { return n.used[k] })
}

// spellings are the ways to name a table or its column, in small letters.
func spellings(r *relation, column string) []string {
	all := []string{r.name}
	if r.schema != "" {
		all = append(all, r.schema+"."+r.name)
	}
	for i := range all {
		if column != "" {
			all[i] += "." + column
		}
		all[i] = strings.ToLower(all[i])
	}
	return all
}

// leftOut reports whether a pattern of LeaveOut means a column.
func (n *naming) leftOut(r *relation, column string) bool {
	out := false
	for _, k := range n.keys {
		for _, s := range spellings(r, column) {
			if glob(strings.ToLower(k), s) {
				n.used[k], out = true, true
			}
		}
	}
	return out
}

// allowed reports whether a pattern of Tables means a table. A partition, or what SQLite keeps beside a virtual
// table, is meant by its own name only.
func (n *naming) allowed(engine Engine, r *relation) bool {
	yes := false
	for _, k := range n.keys {
		if means(engine, k, r) {
			n.used[k], yes = true, true
		}
	}
	return yes
}

func means(engine Engine, pattern string, r *relation) bool {
	if engine == SQLite {
		pattern, name := strings.ToLower(pattern), strings.ToLower(r.name)
		return pattern == name || !r.part && glob(pattern, name)
	}
	if r.path >= 0 && pattern == r.name || pattern == r.schema+"."+r.name {
		return true
	}
	schema, table, qualified := strings.Cut(pattern, ".")
	switch {
	case r.part:
		return false
	case qualified:
		return glob(schema, r.schema) && glob(table, r.name)
	}
	return r.path >= 0 && glob(pattern, r.name)
}
