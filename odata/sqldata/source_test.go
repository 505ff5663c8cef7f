package sqldata_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
)

// answer is what a source says: rows with their parent's index in front, or an error.
type answer struct {
	Rows [][]any
	Err  error
}

// ask reads all rows of a query.
func ask(t rapid.TB, s query.Source, q *query.Query,
) (a answer) {
	t.Helper()
	r, err := s.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	found, err := r.Rows(context.Background(), q)
	if err != nil {
		return answer{Err: err}
	}
	defer found.Close()
	for found.Next() {
		row := []any{found.Parent()}
		for i, v := range found.Values() {
			row = append(row, telling(q.Columns[i].Expr.Type().Kind, v))
		}
		a.Rows = append(a.Rows, row)
	}
	a.Err = found.Err()
	return a
}

// telling is a text that equal values have in common.
func telling(k edm.Kind, v any) any {
	switch v := v.(type) {
	case nil:
		return nil
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case float64:
		return fmt.Sprintf("%.9g", v+0)
	case string:
		if k == edm.Decimal {
			var f float64
			if _, err := fmt.Sscan(v, &f); err != nil {
				return "no decimal: " + v
			}
			return fmt.Sprintf("%.9g", f+0)
		}
	}
	return v
}

// all selects every property of a set, in the order of its key.
func all(s *edm.EntitySet) *query.Query {
	q := &query.Query{Set: s, Top: -1}
	for _, p := range s.Properties {
		q.Columns = append(q.Columns, query.Column{Path: []string{p.Name}, Expr: &query.Property{Prop: p}})
	}
	for _, p := range s.Key {
		q.Order = append(q.Order, query.Order{Expr: &query.Property{Prop: p}})
	}
	return q
}

// same fails where databases give other rows than memory.
func (w *world) same(t testing.TB, q *query.Query) answer {
	t.Helper()
	want := ask(t, w.sources["memory"], q)
	for _, engine := range []string{"sqlite", "postgres"} {
		got := ask(t, w.sources[engine], q)
		if (got.Err == nil) != (want.Err == nil) || got.Err == nil && !cmp.Equal(want.Rows, got.Rows) {
			t.Errorf("%s: (-memory +%s)\n%s\nerrors: %v, %v", engine, engine, cmp.Diff(want.Rows, got.Rows), want.Err, got.Err)
		}
	}
	return want
}

func TestEveryKindIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	for _, s := range w.sets() {
		if got := w.same(t, all(s)); len(got.Rows) == 0 {
			t.Errorf("%s has no rows", s.Name)
		}
	}
}
