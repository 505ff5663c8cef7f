package sqldata_test

import (
	"errors"
	"testing"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
	"github.com/keywright/keywright/odata/sqldata"
)

func TestAStatementBeyondTheLimitsOfADatabaseIsTooComplexAndNoFailure(t *testing.T) {
	t.Parallel()
	_, read := databases(t, sqldata.SQLite)
	s, set, self := source(t, read, sqldata.SQLite, "(select 1 as i)", sqldata.Options{})
	one := &edm.Navigation{Name: "One", Target: set, On: self.On}
	equal := func(x query.Expr) query.Expr {
		return &query.Binary{Op: query.Equal, X: x, Y: &query.Literal{Value: int64(1), Of: set.Key[0].Type}, Of: edm.Type{Kind: edm.Boolean}}
	}
	far := &query.Property{Prop: set.Key[0]}
	for range 90 {
		far.Path = append(far.Path, one)
	}
	last := &query.Var{Set: set, Name: "x"}
	nested := equal(&query.Property{Var: last, Prop: set.Key[0]})
	for i := range 90 {
		around := &query.Var{Set: set, Name: "x"}
		if i == 89 {
			around = nil
		}
		nested = &query.Exists{From: around, Nav: self, Var: last, Body: nested, All: true}
		last = around
	}
	for name, filter := range map[string]query.Expr{"joins": equal(far), "nested": nested} {
		q := all(set)
		q.Filter = filter
		if got := ask(t, s, q); !errors.Is(got.Err, query.ErrComplex) {
			t.Errorf("%s: %d rows, %v", name, len(got.Rows), got.Err)
		}
	}
}
