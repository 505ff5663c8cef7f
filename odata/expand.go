package odata

import (
	"errors"
	"fmt"
	"slices"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
)

// Expanded rows are read by queries of their own: for up to 100 rows at a time, all that is related to them through one
// navigation property. What a query holds in memory is bounded: where there is more, the rest is asked for when its turn has
// come. So an answer of any size costs the same memory, and no row costs a query.
const (
	parentsAtOnce = 100
	relatedAtOnce = 5_000 // of one navigation property
	firstShelf    = 100   // rows that are read before the first ones are written
	laterShelf    = 1_000
	shelfBytes    = 4 << 20 // of texts that one shelf holds, but for one row: rows may be documents
)

var (
	errCounts  = errors.New("odata: the source gives another number of counts than it was asked for")
	errParents = errors.New("odata: the source gives related rows in another order than that of their parents")
	errMost    = errors.New("odata: the source gives more related rows than a parent may have")
)

// shelf is rows in memory.
type shelf struct {
	shape  *shape
	values []any // of all rows, one behind the other
	width  int
	starts []int // of related rows: where those of each parent begin, and the end of all
	held   int   // bytes of the rows that were put on it
	cut    bool  // of related rows: the only parent has more

	// What is expanded in the rows from..to.
	from, to int
	related  []*shelf
	counts   [][]int64
}

func newShelf(s *shape, values []any) *shelf {
	return &shelf{shape: s, values: values, width: len(s.query.Columns)}
}

// put adds a row.
func (s *shelf) put(values []any) {
	s.values = append(s.values, values[:s.width]...)
	for _, v := range values[:s.width] {
		if text, ok := v.(string); ok {
			s.held += len(text)
		}
	}
}

func (s *shelf) full() bool { return s.held >= shelfBytes }

func (s *shelf) len() int { return len(s.values) / s.width }

func (s *shelf) row(i int) []any { return s.values[i*s.width : (i+1)*s.width] }

// expandedRows is pageRows for rows in which others are expanded. Since a reader answers one query at a time, the rows are read
// in parts, each continuing behind the last row of the one before.
func (x *exchange) expandedRows(s *shape, limit int64, last bool) (written int64, end []any, err error) {
	size := int64(firstShelf)
	for {
		want := min(size, limit-written)
		s.query.Top = want
		if !last || written+want < limit {
			s.query.Top++
		}
		part, more, err := x.shelve(s)
		if err != nil {
			return written, nil, err
		}
		n := min(int64(part.len()), want)
		more = more || int64(part.len()) > want
		part.values = part.values[:int(n)*part.width]
		for i := range int(n) {
			x.body = comma(x.body)
			if err := x.shelfRow(part, i); err != nil {
				return written, nil, err
			}
			written++
		}
		if !more {
			return written, nil, nil
		}
		end = s.sortedBy(part.row(int(n) - 1))
		if written == limit {
			return written, end, nil
		}
		s.query.After, s.query.Skip = end, 0
		size = laterShelf
	}
}

// shelve reads the rows of a query that bounds them, as many as fit; more says that not all did.
func (x *exchange) shelve(s *shape) (part *shelf, more bool, err error) {
	rows, err := x.reader.Rows(x.ctx, s.query)
	if err != nil {
		return nil, false, ofSource(err)
	}
	defer func() { _ = rows.Close() }()
	part = newShelf(s, nil)
	n := int64(0)
	for ; n < s.query.Top && !part.full() && rows.Next(); n++ {
		values := rows.Values()
		if len(values) < part.width {
			return nil, false, fmt.Errorf("odata: a row of %s has %d values instead of %d", s.set.Name, len(values), part.width)
		}
		part.put(values)
	}
	more = n < s.query.Top && part.full() && rows.Next()
	if err := rows.Err(); err != nil {
		return nil, false, ofSource(err)
	}
	return part, more, nil
}

// shelfRow writes one row and all that is expanded in it.
func (x *exchange) shelfRow(part *shelf, i int) error {
	var err error
	if x.body, err = part.shape.row(x.body, part.row(i)); err != nil {
		return ofSource(err)
	}
	if len(part.shape.expands) > 0 {
		if err := x.expand(part, i); err != nil {
			return err
		}
	}
	x.body = append(x.body, '}')
	if x.full() {
		return x.spill()
	}
	return nil
}

// expand writes what is related to row i.
func (x *exchange) expand(part *shelf, i int) error {
	if i >= part.to {
		if err := x.load(part, i); err != nil {
			return err
		}
	}
	for k, r := range part.shape.expands {
		parent := i - part.from
		if counts := part.counts[k]; counts != nil {
			x.body = append(comma(x.body), r.count...)
			x.body = x.number(x.body, counts[parent])
		}
		if r.Only == query.CountOnly {
			continue
		}
		if err := x.expanded(part, r, part.related[k], i); err != nil {
			return err
		}
	}
	return nil
}

// expanded writes the rows that one navigation property leads to from row i.
func (x *exchange) expanded(part *shelf, r *related, found *shelf, i int) error {
	parent := i - part.from
	begin, end := found.starts[parent], found.starts[parent+1]
	x.body = append(comma(x.body), r.label...)
	if !r.Nav.Many {
		if begin == end {
			x.body = append(x.body, "null"...)
			return nil
		}
		return x.shelfRow(found, begin)
	}
	x.body = append(x.body, '[')
	limit, last := x.nestedLimit(r)
	more := end-begin > limit
	if n := end - begin; found.cut && n < limit {
		limit, last, more = n, false, true
	}
	for row := begin; row < min(end, begin+limit); row++ {
		x.body = comma(x.body)
		if err := x.shelfRow(found, row); err != nil {
			return err
		}
	}
	x.body = append(x.body, ']')
	if !more || last {
		return nil
	}
	path := part.shape.path(part.row(i)) + "/" + r.Nav.Name
	if r.Only == query.References {
		path += "/$ref"
	}
	link, err := x.nextLink(path, x.nestedQuery(r), position{
		given: int64(limit), page: x.page, after: found.shape.sortedBy(found.row(begin + limit - 1)),
	})
	if err != nil {
		return err
	}
	x.body = append(comma(x.body), r.next...)
	x.body = edm.AppendString(x.body, link)
	return nil
}

// nestedLimit is how many related rows one row gets; last says that nothing is wanted behind them.
func (x *exchange) nestedLimit(r *related) (limit int, last bool) {
	limit = min(x.pageSize(x.page), relatedAtOnce)
	if top := r.Query.Top; top >= 0 && top <= int64(limit) {
		return int(top), true
	}
	return limit, false
}

// load reads what is expanded in some rows from i on: in as many as memory has a place for, at least in one.
func (x *exchange) load(part *shelf, i int) error {
	n := part.len() - i
	for _, r := range part.shape.expands {
		n = min(n, r.most)
	}
	part.related = make([]*shelf, len(part.shape.expands))
	part.counts = make([][]int64, len(part.shape.expands))
	for k, r := range part.shape.expands {
		if r.Only == query.CountOnly {
			continue
		}
		found, complete, err := x.relatedRows(part, r, i, n)
		if err != nil {
			return err
		}
		part.related[k], n = found, complete
	}
	for k, r := range part.shape.expands {
		if !r.Count && r.Only != query.CountOnly {
			continue
		}
		q := *r.Query
		q.Parents = part.parents(r, i, n)
		counts, err := x.counts(&q, n)
		if err != nil {
			return err
		}
		part.counts[k] = counts
	}
	part.from, part.to = i, i+n
	return nil
}

// parents are n rows from i on, as a relation sees them.
func (s *shelf) parents(r *related, i, n int) *query.Parents {
	p := &query.Parents{Nav: r.Nav, Values: make([][]any, n)}
	flat := make([]any, 0, n*len(r.from))
	for row := range n {
		values := s.row(i + row)
		for _, at := range r.from {
			flat = append(flat, values[at])
		}
		p.Values[row] = flat[len(flat)-len(r.from):]
	}
	return p
}

// anyRelated says whether rows can be related to any of the parents: null is equal to nothing.
func anyRelated(p *query.Parents) bool {
	return slices.ContainsFunc(p.Values, func(values []any) bool { return !slices.Contains(values, nil) })
}

// relatedRows reads what n rows from i on are related to. complete is for how many of them all was read.
func (x *exchange) relatedRows(part *shelf, r *related, i, n int) (found *shelf, complete int, err error) {
	q := *r.shape.query
	q.Parents = part.parents(r, i, n)
	if r.Nav.Many {
		limit, last := x.nestedLimit(r)
		q.Top = int64(limit)
		if !last {
			q.Top++
		}
	} else {
		q.Top = -1
	}
	q.Parents.Most = relatedAtOnce + 2 // more than one parent may have
	found = newShelf(r.shape, nil)
	found.starts = append(make([]int, 0, n+1), 0)
	if q.Top == 0 || !anyRelated(q.Parents) {
		for range n {
			found.starts = append(found.starts, 0)
		}
		return found, n, nil
	}
	rows, err := x.reader.Rows(x.ctx, &q)
	if err != nil {
		return nil, 0, ofSource(err)
	}
	defer func() { _ = rows.Close() }()
	count := 0
	for count < q.Parents.Most && !found.full() && rows.Next() {
		parent := rows.Parent()
		if parent < len(found.starts)-1 || parent >= n {
			return nil, 0, errParents
		}
		for len(found.starts) <= parent {
			found.starts = append(found.starts, count)
		}
		found.put(rows.Values())
		count++
	}
	next := -1 // the parent of the row that did not fit
	if count < q.Parents.Most && found.full() && rows.Next() {
		next = rows.Parent()
	}
	if err := rows.Err(); err != nil {
		return nil, 0, ofSource(err)
	}
	complete, r.most = n, min(2*n, parentsAtOnce)
	if count == q.Parents.Most { // the last parent may have more: it is read again
		complete = len(found.starts) - 1
		r.most = max(complete, 1) // what is not read anyway costs the source, too
		if complete == 0 {
			return nil, 0, errMost
		}
	} else if next >= 0 { // those before its parent have all of theirs
		complete = next
		if complete == 0 {
			complete, found.cut = 1, r.Nav.Many
		}
		r.most = complete
	}
	if complete < len(found.starts) {
		count = found.starts[complete]
		found.values = found.values[:count*found.width]
	}
	for len(found.starts) <= complete {
		found.starts = append(found.starts, count)
	}
	return found, complete, nil
}
