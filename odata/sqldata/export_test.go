package sqldata

import "github.com/keywright/keywright/odata/query"

// Statement is the SQL of a query, and its parameters.
func (s *Source) Statement(q *query.Query) (string, []any, error) {
	m := (&reader{source: s}).emitter()
	text, _ := m.statement(q)
	return text, m.args, m.err
}
