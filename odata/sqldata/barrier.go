package sqldata

import (
	"regexp"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
)

// A database evaluates conditions in the order that it likes best: a client's perhaps before that of the rows which the
// caller may see. Where the client's can fail, or can be made slow at will, that would tell what is in rows that the caller
// may not see. Such a query reads those rows through a barrier, which no condition passes: a select with an offset.

// dangers is what in a query calls for it.
type dangers struct {
	fails bool // it computes, which can be out of range
	walks bool // it goes through other rows for each row
	works bool // it calls functions, which can take as long as texts are
}

func dangersOf(q *query.Query) (f dangers) {
	f.look(q.Filter)
	for _, s := range q.Apply {
		f.look(s.Filter)
		for _, c := range s.By {
			f.look(c.Expr)
		}
		for _, a := range s.Aggregate {
			f.look(a.Expr)
		}
	}
	for _, c := range q.Columns {
		f.look(c.Expr)
	}
	for _, o := range q.Order {
		f.look(o.Expr)
	}
	return f
}

func (f *dangers) look(list ...query.Expr) {
	for _, e := range list {
		switch e := e.(type) {
		case *query.Unary:
			f.fails = f.fails || e.Op == query.Negate
			f.look(e.X)
		case *query.Binary:
			f.fails = f.fails || e.Of.Kind != edm.Boolean
			f.look(e.X, e.Y)
		case *query.Call:
			f.fails, f.works = f.fails || e.Name == "cast", true
			f.look(e.Args...)
		case *query.Match:
			f.works = true
		case *query.In:
			f.look(e.X)
			f.look(e.List...)
		case *query.Exists:
			f.walks = true
			f.look(e.Body)
		case *query.CountOf:
			f.walks = true
			f.look(e.Filter)
		}
	}
}

// joinForm finds conditions that are no matter of one row alone: only those are evaluated behind what costs more.
var joinForm = regexp.MustCompile(`(?is)\b(?:join|exists|in)\b|\bselect\b.*\bselect\b`)

// guarded says whether the rows of a table have to be read through a barrier.
func (m *emitter) guarded(t *place) bool {
	restricted := t.Where != "" || t.From != "" && t.From[0] == '('
	return restricted && (m.dangers.fails || m.dangers.walks && joinForm.MatchString(t.From+" select "+t.Where))
}

func (m *emitter) barrier() string {
	if m.engine == SQLite {
		return " limit -1 offset 0"
	}
	return " offset 0"
}
