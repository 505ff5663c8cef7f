package odata

import (
	"net/http"
	"strings"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
)

// pageSize is how many rows a page has, with a preference or without.
func (x *exchange) pageSize(preferred int) int {
	if preferred > 0 {
		return min(preferred, x.service.options.MaxPageSize)
	}
	return x.service.options.PageSize
}

// collection answers with a page of rows.
func (x *exchange) collection() error {
	p, err := x.position()
	if err != nil {
		return err
	}
	s := x.shape(x.bound.Query, x.bound.References, nil)
	if len(p.after) > 0 {
		s.query.After, s.query.Skip = p.after, 0
	}
	x.page = p.page
	limit, last := int64(x.pageSize(p.page)), false
	if top := x.bound.Query.Top; top >= 0 {
		if left := max(top-p.given, 0); left <= limit {
			limit, last = left, true
		}
	}
	x.w.Header().Set("Content-Type", x.format.contentType())
	x.applied(p.page > 0)
	x.slow()
	x.context()
	if x.bound.Count {
		n, err := x.count(x.bound.Query)
		if err != nil {
			return err
		}
		x.body = append(comma(x.body), `"@odata.count":`...)
		x.body = x.number(x.body, n)
	}
	x.body = append(comma(x.body), `"value":[`...)
	written, end, err := x.pageRows(s, limit, last)
	if err != nil {
		return err
	}
	if written == 0 && len(p.after) == 0 {
		if err := x.originExists(); err != nil {
			return err
		}
	}
	x.body = append(x.body, ']')
	if end != nil {
		link, err := x.nextLink(x.path, x.query, position{given: p.given + written, page: p.page, after: end})
		if err != nil {
			return err
		}
		x.body = append(x.body, `,"@odata.nextLink":`...)
		x.body = edm.AppendString(x.body, link)
	}
	x.body = append(x.body, '}')
	return nil
}

// applied says in the answer which preferences hold for its rows.
func (x *exchange) applied(paged bool) {
	var list []string
	if paged {
		list = append(list, x.prefer.pageName+"="+itoa(int64(x.pageSize(x.page))))
	}
	if x.prefer.omitNulls {
		list = append(list, "omit-values=nulls")
	}
	if len(list) > 0 {
		x.w.Header().Set("Preference-Applied", strings.Join(list, ", "))
	}
}

// context begins an object with its context URL.
func (x *exchange) context() {
	x.body = append(x.body, '{')
	if x.format.level == none {
		return
	}
	x.body = append(x.body, `"@odata.context":`...)
	x.body = edm.AppendString(x.body, x.access.Root+"$metadata#"+x.bound.Context)
}

// number writes a count.
func (x *exchange) number(b []byte, n int64) []byte {
	b, _ = edm.Type{Kind: edm.Int64}.AppendJSON(b, n, x.format.ieee754) // an int64 has a form
	return b
}

func itoa(n int64) string { return edm.Type{Kind: edm.Int64}.Format(n) }

func (x *exchange) count(q *query.Query) (int64, error) {
	counts, err := x.counts(q, 1)
	if err != nil {
		return 0, err
	}
	return counts[0], nil
}

func (x *exchange) counts(q *query.Query, want int) ([]int64, error) {
	counts, err := x.reader.Count(x.ctx, q)
	if err != nil {
		return nil, ofSource(err)
	}
	if len(counts) != want {
		return nil, errCounts
	}
	return counts, nil
}

// pageRows writes the rows of a page. end is what the last one is sorted by, if the next page has rows; last says that nothing
// is wanted behind limit.
func (x *exchange) pageRows(s *shape, limit int64, last bool) (written int64, end []any, err error) {
	if limit == 0 {
		return 0, nil, nil
	}
	if len(s.expands) > 0 {
		return x.expandedRows(s, limit, last)
	}
	s.query.Top = limit
	if !last {
		s.query.Top++ // tells whether there is another page
	}
	rows, err := x.reader.Rows(x.ctx, s.query)
	if err != nil {
		return 0, nil, ofSource(err)
	}
	defer func() { _ = rows.Close() }()
	var final []any
	for rows.Next() {
		if written == limit {
			end = final
			break
		}
		values := rows.Values()
		x.body = comma(x.body)
		if x.body, err = s.row(x.body, values); err != nil {
			return written, nil, ofSource(err)
		}
		x.body = append(x.body, '}')
		if written++; written == limit {
			final = s.sortedBy(values)
		}
		if x.full() {
			if err := x.spill(); err != nil {
				return written, nil, err
			}
		}
	}
	if err := rows.Err(); err != nil {
		return written, nil, ofSource(err)
	}
	return written, end, nil
}

// sortedBy copies what a row is sorted by.
func (s *shape) sortedBy(values []any) []any {
	list := make([]any, len(s.order))
	for i, at := range s.order {
		list[i] = values[at]
	}
	return list
}

// first reads one row: its values, nil if there is none.
func (x *exchange) first(q *query.Query) ([]any, error) {
	rows, err := x.reader.Rows(x.ctx, q)
	if err != nil {
		return nil, ofSource(err)
	}
	defer func() { _ = rows.Close() }()
	var values []any
	if rows.Next() {
		values = append([]any{}, rows.Values()...)
	}
	if err := rows.Err(); err != nil {
		return nil, ofSource(err)
	}
	return values, nil
}

// entity answers with one row.
func (x *exchange) entity() error {
	s := x.shape(x.bound.Query, x.bound.References, nil)
	values, err := x.first(s.query)
	if err != nil {
		return err
	}
	if values == nil {
		return x.missing()
	}
	x.w.Header().Set("Content-Type", x.format.contentType())
	x.applied(false)
	x.context()
	if x.body, err = s.members(x.body, values); err != nil {
		return ofSource(err)
	}
	if len(s.expands) > 0 {
		if err := x.expand(newShelf(s, values), 0); err != nil {
			return err
		}
	}
	x.body = append(x.body, '}')
	return nil
}

// value answers with one property, as JSON or as text.
func (x *exchange) value() error {
	q := *x.bound.Query
	values, err := x.first(&q)
	switch {
	case err != nil:
		return err
	case values == nil:
		return x.missing()
	case values[0] == nil:
		x.status = http.StatusNoContent
		return nil
	}
	t := x.bound.Property.Type
	if x.bound.Ask == query.RawValue {
		x.w.Header().Set("Content-Type", "text/plain;charset=utf-8")
		x.body = append(x.body, t.Format(values[0])...)
		return nil
	}
	x.w.Header().Set("Content-Type", x.format.contentType())
	x.context()
	s := &shape{space: x.service.model.Namespace}
	if name := s.typeName(t); x.format.level == full && name != "" {
		x.body = append(comma(x.body), `"@odata.type":`...)
		x.body = edm.AppendString(x.body, "#"+name)
	}
	x.body = append(comma(x.body), `"value":`...)
	if x.body, err = t.AppendJSON(x.body, values[0], x.format.ieee754); err != nil {
		return ofSource(err)
	}
	x.body = append(x.body, '}')
	return nil
}

// size answers with a number of rows.
func (x *exchange) size() error {
	n, err := x.count(x.bound.Query)
	if err != nil {
		return err
	}
	if n == 0 {
		if err := x.originExists(); err != nil {
			return err
		}
	}
	x.w.Header().Set("Content-Type", "text/plain")
	x.body = append(x.body, itoa(n)...)
	return nil
}

// missing is the answer where there is no row.
func (x *exchange) missing() error {
	if x.bound.Addressed {
		return errNoEntity()
	}
	if err := x.originExists(); err != nil {
		return err
	}
	x.status = http.StatusNoContent
	return nil
}

func errNoEntity() error {
	return refuse(http.StatusNotFound, "not_found", "There is no such entity.")
}

// originExists tells an empty collection from that of an entity which does not exist.
func (x *exchange) originExists() error {
	of := x.bound.Query.Of
	if of == nil {
		return nil
	}
	q := &query.Query{Set: of.Set, Of: of.Of, Key: of.Key, Top: 1}
	for _, p := range of.Set.Key {
		e := &query.Property{Prop: p}
		q.Columns = append(q.Columns, query.Column{Expr: e})
		q.Order = append(q.Order, query.Order{Expr: e, Key: true})
	}
	values, err := x.first(q)
	if err == nil && values == nil {
		err = errNoEntity()
	}
	return err
}
