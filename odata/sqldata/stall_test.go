package sqldata_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
	"github.com/keywright/keywright/odata/sqldata"
)

func TestAStatementThatStallsWithinOneRowEndsAsATimeout(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, e sqldata.Engine) {
		s, set, nav := crossed(t, e)
		// The first row is found at once. For the second one every row is looked at for every row of every row.
		boolean := edm.Type{Kind: edm.Boolean}
		number := func(v *query.Var) query.Expr { return &query.Property{Var: v, Prop: set.Key[0]} }
		a, b, c := &query.Var{Set: set, Name: "a"}, &query.Var{Set: set, Name: "b"}, &query.Var{Set: set, Name: "c"}
		sum := &query.Binary{Op: query.Add, X: number(a), Y: &query.Binary{Op: query.Add, X: number(b), Y: number(c), Of: set.Key[0].Type}, Of: set.Key[0].Type}
		none := &query.Binary{Op: query.Less, X: sum, Y: &query.Literal{Value: int64(0), Of: set.Key[0].Type}, Of: boolean}
		inner := &query.Exists{Nav: nav, Var: a, Body: &query.Exists{Nav: nav, From: a, Var: b, Body: &query.Exists{Nav: nav, From: b, Var: c, Body: none}}}
		counted := &query.Binary{Op: query.Greater, X: &query.CountOf{Nav: nav, Var: a, Filter: &query.Exists{Nav: nav, From: a, Var: b, Body: &query.Exists{Nav: nav, From: b, Var: c, Body: none}}}, Y: &query.Literal{Value: int64(0), Of: set.Key[0].Type}, Of: boolean}
		for name, stall := range map[string]query.Expr{"any": inner, "$count": counted} {
			q := all(set)
			q.Order = nil
			first := &query.Binary{Op: query.LessOrEqual, X: number(nil), Y: &query.Literal{Value: int64(1), Of: set.Key[0].Type}, Of: boolean}
			q.Filter = &query.Binary{Op: query.Or, X: first, Y: stall, Of: boolean}
			began := time.Now()
			got := ask(t, s, q)
			if !errors.Is(got.Err, query.ErrTimeout) {
				t.Errorf("%s: %d rows, %v", name, len(got.Rows), got.Err)
			}
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("%s took %v", name, took)
			}
		}
	})
}

func TestAStatementThatComputesForLongBehindItsFirstRowEndsAsATimeout(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, e sqldata.Engine) {
		write, read := databases(t, e)
		texts := "insert into n with recursive x(i) as (select 1 union all select i + 1 from x where i < 3000) select i, hex(zeroblob(20000)) from x"
		if e == sqldata.Postgres {
			texts = "insert into n select i, repeat('0', 40000) from generate_series(1, 3000) i"
		}
		for _, statement := range []string{"create table n (i bigint, t text)", texts} {
			if _, err := write.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		set := &edm.EntitySet{Name: "Numbers", TypeName: "Number", Properties: []*edm.Property{prop("I", edm.Int64, false), prop("T", edm.String, true)}}
		set.Key, set.Searchable = set.Properties[:1], set.Properties[1:]
		s, err := sqldata.New(read, e, []sqldata.Table{{Set: set, From: "n", Columns: map[*edm.Property]sqldata.Column{set.Properties[0]: {Name: "i"}, set.Properties[1]: {Name: "t"}}}},
			sqldata.Options{Timeout: 300 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		boolean, text := edm.Type{Kind: edm.Boolean}, edm.Type{Kind: edm.String}
		var long query.Expr = &query.Property{Prop: set.Properties[1]}
		for range 60 {
			long = &query.Call{Name: "tolower", Args: []query.Expr{long}, Of: text}
		}
		found := query.Expr(&query.Call{Name: "contains", Args: []query.Expr{long, &query.Literal{Value: "x", Of: text}}, Of: boolean})
		searched := query.Expr(&query.Match{Set: set, Text: "x0"})
		for i := range 60 {
			searched = &query.Binary{Op: query.Or, X: searched, Y: &query.Match{Set: set, Text: strings.Repeat("x", i+1)}, Of: boolean}
		}
		for name, filter := range map[string]query.Expr{"functions": found, "search": searched} {
			q := all(set)
			q.Columns, q.Order = q.Columns[:1], nil
			first := &query.Binary{Op: query.LessOrEqual, X: &query.Property{Prop: set.Key[0]}, Y: &query.Literal{Value: int64(1), Of: set.Key[0].Type}, Of: boolean}
			q.Filter = &query.Binary{Op: query.Or, X: first, Y: filter, Of: boolean}
			began := time.Now()
			got := ask(t, s, q)
			if !errors.Is(got.Err, query.ErrTimeout) {
				t.Errorf("%s: %d rows, %v", name, len(got.Rows), got.Err)
			}
			if took := time.Since(began); took > 4*time.Second {
				t.Errorf("%s took %v", name, took)
			}
		}
	})
}
