package odata

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
)

// shape is how the rows of one query are written. It is made once, so that a row costs appends and nothing else.
type shape struct {
	query   *query.Query // with the columns that writing, paging and expanding need behind those that are written
	fields  []field
	key     []int // columns of the key; nil for rows that have none
	order   []int // columns of what is sorted by
	refs    bool  // references instead of entities
	full    bool  // with all control information
	omit    bool  // nulls are left out
	ieee754 bool
	head    []byte // "@odata.type" of full
	root    string
	space   string // namespace of enumerations in keys
	set     *edm.EntitySet
	expands []*related
}

// field is a value of a row, or an object of several.
type field struct {
	label  []byte // "Name": and what stands in front of it
	column int
	typ    edm.Type
	name   string
	fields []field // of an object
}

// related is an expanded navigation property.
type related struct {
	*query.Expand
	shape *shape
	above *related // whose rows these are expanded in; nil is the rows that were asked for
	most  int      // parents whose rows are read at once
	from  []int    // columns of the parent that the relation starts from
	label []byte
	count []byte // "Orders@odata.count":
	next  []byte // "Orders@odata.nextLink":
}

// column finds or adds the column of an expression.
func (s *shape) column(e query.Expr) int {
	for i, c := range s.query.Columns {
		if same(c.Expr, e) {
			return i
		}
	}
	s.query.Columns = append(s.query.Columns, query.Column{Expr: e})
	return len(s.query.Columns) - 1
}

func (s *shape) properties(list []*edm.Property) []int {
	at := make([]int, len(list))
	for i, p := range list {
		at[i] = s.column(&query.Property{Prop: p})
	}
	return at
}

// same says whether two expressions are one value. It may miss some.
func same(a, b query.Expr) bool {
	if a == b {
		return true
	}
	switch a := a.(type) {
	case *query.Property:
		b, ok := b.(*query.Property)
		return ok && a.Prop == b.Prop && a.Var == b.Var && slices.Equal(a.Path, b.Path)
	case *query.Output:
		b, ok := b.(*query.Output)
		return ok && a.Step == b.Step && a.Index == b.Index
	}
	return false
}

// shape prepares to write the rows of q, and what is expanded in them.
func (x *exchange) shape(q *query.Query, refs bool, above *related) *shape {
	own := *q
	s := &shape{
		query: &own, refs: refs, full: x.format.level == full, omit: x.prefer.omitNulls, ieee754: x.format.ieee754,
		root: x.access.Root, space: x.service.model.Namespace, set: q.Set,
	}
	own.Columns = slices.Clip(own.Columns)
	if refs {
		own.Columns, own.Expand = nil, nil
	}
	for i, c := range own.Columns {
		if len(c.Path) > 0 {
			s.fields = s.place(s.fields, c.Path, i)
		}
	}
	for _, o := range own.Order {
		s.order = append(s.order, s.column(o.Expr))
	}
	if !aggregated(q) {
		s.key = s.properties(q.Set.Key)
		if s.full {
			s.head = edm.AppendString([]byte(`"@odata.type":`), "#"+s.space+"."+q.Set.TypeName)
		}
	}
	for _, e := range own.Expand {
		r := &related{Expand: e, above: above, most: parentsAtOnce}
		r.shape = x.shape(e.Query, e.Only == query.References, r)
		for _, link := range e.Nav.On {
			r.from = append(r.from, s.column(&query.Property{Prop: link.From}))
		}
		r.label = append(edm.AppendString(nil, e.Nav.Name), ':')
		r.count = append(edm.AppendString(nil, e.Nav.Name+"@odata.count"), ':')
		r.next = append(edm.AppendString(nil, e.Nav.Name+"@odata.nextLink"), ':')
		s.expands = append(s.expands, r)
	}
	return s
}

// expandLimit is how many navigation properties are expanded at most, on all levels together. Each one costs queries, and with
// $levels or "*" a short URL can name any number.
const expandLimit = 100

// checkExpands refuses what would cost too much.
func checkExpands(q *query.Query) error {
	var count func(q *query.Query) int
	count = func(q *query.Query) int {
		n := len(q.Expand)
		for _, e := range q.Expand {
			n += count(e.Query)
		}
		return n
	}
	if n := count(q); n > expandLimit {
		f := refuse(http.StatusBadRequest, "too_much", fmt.Sprintf("$expand: %d navigation properties on all levels are more than the %d that are allowed.", n, expandLimit))
		f.target = "$expand"
		return f
	}
	return nil
}

// aggregated says whether rows are groups, and no entities any more.
func aggregated(q *query.Query) bool {
	return slices.ContainsFunc(q.Apply, func(s query.Step) bool { return s.Aggregates() })
}

// place puts a column where its path says.
func (s *shape) place(fields []field, path []string, column int) []field {
	if len(path) > 1 {
		for i := range fields {
			if fields[i].name == path[0] && fields[i].fields != nil {
				fields[i].fields = s.place(fields[i].fields, path[1:], column)
				return fields
			}
		}
		label := append(edm.AppendString(nil, path[0]), ':')
		return append(fields, field{name: path[0], label: label, fields: s.place(nil, path[1:], column)})
	}
	f := field{name: path[0], column: column, typ: s.query.Columns[column].Expr.Type()}
	if name := s.typeName(f.typ); s.full && name != "" {
		f.label = append(edm.AppendString(f.label, path[0]+"@odata.type"), ':')
		f.label = append(edm.AppendString(f.label, "#"+name), ',')
	}
	f.label = append(edm.AppendString(f.label, path[0]), ':')
	return append(fields, f)
}

// typeName is what full metadata says of a value; "" is what JSON says itself.
func (s *shape) typeName(t edm.Type) string {
	switch t.Kind {
	case edm.Boolean, edm.String, edm.Invalid:
		return ""
	case edm.Enum:
		return s.space + "." + t.Enum.Name
	default:
		return strings.TrimPrefix(t.Kind.String(), "Edm.")
	}
}

// row writes one row, without what is expanded in it and without its last brace.
func (s *shape) row(b []byte, values []any) ([]byte, error) {
	return s.members(append(b, '{'), values)
}

// members writes what is inside of a row's braces.
func (s *shape) members(b []byte, values []any) ([]byte, error) {
	if len(values) < len(s.query.Columns) {
		return b, fmt.Errorf("odata: a row of %s has %d values instead of %d", s.set.Name, len(values), len(s.query.Columns))
	}
	if s.refs {
		b = append(comma(b), `"@odata.id":`...)
		return edm.AppendString(b, s.root+s.path(values)), nil
	}
	if s.head == nil {
		return s.object(b, s.fields, values)
	}
	id := s.root + s.path(values)
	b = append(comma(b), s.head...)
	b = append(b, `,"@odata.id":`...)
	b = edm.AppendString(b, id)
	b, err := s.object(b, s.fields, values)
	if err != nil {
		return b, err
	}
	for _, n := range s.set.Navigation {
		b = append(edm.AppendString(append(b, ','), n.Name+"@odata.associationLink"), ':')
		b = edm.AppendString(b, id+"/"+n.Name+"/$ref")
		b = append(edm.AppendString(append(b, ','), n.Name+"@odata.navigationLink"), ':')
		b = edm.AppendString(b, id+"/"+n.Name)
	}
	return b, nil
}

func (s *shape) object(b []byte, fields []field, values []any) ([]byte, error) {
	var err error
	for i := range fields {
		f := &fields[i]
		if f.fields != nil {
			b = append(comma(b), f.label...)
			b = append(b, '{')
			if b, err = s.object(b, f.fields, values); err != nil {
				return b, err
			}
			b = append(b, '}')
			continue
		}
		v := values[f.column]
		if v == nil {
			if !s.omit {
				b = append(comma(b), f.label...)
				b = append(b, "null"...)
			}
			continue
		}
		b = append(comma(b), f.label...)
		if b, err = f.typ.AppendJSON(b, v, s.ieee754); err != nil {
			return b, fmt.Errorf("%w: %s of %s: %w", query.ErrValue, f.name, s.set.Name, err)
		}
	}
	return b, nil
}

// comma separates from the member before, if there is one. Nothing in b means that something was sent already, which is done
// only behind whole rows.
func comma(b []byte) []byte {
	if n := len(b); n > 0 && (b[n-1] == '{' || b[n-1] == '[') {
		return b
	}
	return append(b, ',')
}

// path is the canonical URL of the row's entity, below the root.
func (s *shape) path(values []any) string {
	b := append([]byte(s.set.Name), '(')
	for i, p := range s.set.Key {
		if i > 0 {
			b = append(b, ',')
		}
		if len(s.set.Key) > 1 {
			b = append(b, p.Name...)
			b = append(b, '=')
		}
		b = appendKey(b, p.Type, values[s.key[i]], s.space)
	}
	return string(append(b, ')'))
}
