package sqldata_test

import (
	"math"
	"testing"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
	"github.com/keywright/keywright/odata/sqldata"
)

// A computation that is out of range for a row which the caller may not see would be an answer to any question about that row.
func TestNoConditionIsEvaluatedForRowsThatACallerMayNotSee(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, e sqldata.Engine) {
		write, read := databases(t, e)
		for _, statement := range []string{
			"create table pay (id bigint primary key, dept text, amount bigint)",
			"insert into pay values (1, 'a', 1000), (2, 'a', 1010), (3, 'b', 2000), (4, 'b', null)",
			"create table grants (who text, dept text)",
			"insert into grants values ('ana', 'a')",
		} {
			if _, err := write.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		granted := "exists (select 1 from grants g where g.who = $who and g.dept = pay.dept)"
		for name, table := range map[string]sqldata.Table{
			"exists":       {From: "pay", Where: granted},
			"in":           {From: "pay", Where: "dept in (select dept from grants where who = $who)"},
			"join":         {From: "(select pay.* from pay join grants g on g.dept = pay.dept where g.who = $who)"},
			"a comparison": {From: "pay", Where: "lower(trim(dept)) = lower(trim(case $who when 'ana' then 'a' end))"},
		} {
			set := &edm.EntitySet{Name: "Pay", TypeName: "Payment", Properties: []*edm.Property{prop("ID", edm.Int64, false), prop("Amount", edm.Int64, true)}}
			set.Key = set.Properties[:1]
			amount, integer := set.Properties[1], set.Key[0].Type
			self := &edm.Navigation{Name: "Same", Target: set, Many: true, On: []edm.Link{{From: set.Key[0], To: set.Key[0]}}}
			table.Set, table.Columns = set, map[*edm.Property]sqldata.Column{set.Key[0]: {Name: "id"}, amount: {Name: "amount"}}
			s, err := sqldata.New(read, e, []sqldata.Table{table}, sqldata.Options{})
			if err != nil {
				t.Fatal(err)
			}
			source := s.As(map[string]any{"who": "ana"})
			boolean := edm.Type{Kind: edm.Boolean}
			overflows := func(v *query.Var) query.Expr { // for 2000, which is hidden
				sum := &query.Binary{Op: query.Add, X: &query.Property{Var: v, Prop: amount}, Y: &query.Literal{Value: int64(math.MaxInt64 - 1010), Of: integer}, Of: integer}
				return &query.Binary{Op: query.Greater, X: sum, Y: &query.Literal{Value: int64(0), Of: integer}, Of: boolean}
			}
			third := &query.Binary{Op: query.Equal, X: &query.Property{Prop: set.Key[0]}, Y: &query.Literal{Value: int64(3), Of: integer}, Of: boolean}
			lambda := &query.Var{Set: set, Name: "x"}
			for which, c := range map[string]struct {
				filter query.Expr
				want   int
			}{
				"all": {overflows(nil), 2},
				"one": {&query.Binary{Op: query.And, X: third, Y: overflows(nil), Of: boolean}, 0},
				"any": {&query.Exists{Nav: self, Var: lambda, Body: overflows(lambda)}, 2},
			} {
				q := all(set)
				q.Filter = c.filter
				if got := ask(t, source, q); got.Err != nil || len(got.Rows) != c.want {
					t.Errorf("%s, %s: %d rows, %v", name, which, len(got.Rows), got.Err)
				}
			}
		}
	})
}
