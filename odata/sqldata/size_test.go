package sqldata_test

import (
	"testing"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
)

// TestStatementsGrowWithTheirExpressions nests each node in itself: if one wrote an operand twice, the statement would have
// 2^90 times its size.
func TestStatementsGrowWithTheirExpressions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	of := func(k edm.Kind) edm.Type { return edm.Type{Kind: k} }
	property := func(name string) query.Expr { return &query.Property{Prop: w.prop(w.things, name)} }
	call := func(name string, k edm.Kind, args ...query.Expr) query.Expr {
		return &query.Call{Name: name, Args: args, Of: of(k)}
	}
	binary := func(op query.Op, k edm.Kind, x, y query.Expr) query.Expr {
		return &query.Binary{Op: op, X: x, Y: y, Of: of(k)}
	}
	cast := func(to, back edm.Kind) func(query.Expr) query.Expr {
		return func(x query.Expr) query.Expr { return call("cast", back, call("cast", to, x)) }
	}
	arithmetic := func(op query.Op, name string) func(query.Expr) query.Expr {
		return func(x query.Expr) query.Expr { return binary(op, x.Type().Kind, x, property(name)) }
	}
	for name, c := range map[string]struct {
		from string
		wrap func(query.Expr) query.Expr
	}{
		"not":     {"Flag", func(x query.Expr) query.Expr { return &query.Unary{Op: query.Not, X: x, Of: of(edm.Boolean)} }},
		"negate":  {"R", func(x query.Expr) query.Expr { return &query.Unary{Op: query.Negate, X: x, Of: of(edm.Double)} }},
		"equal":   {"Flag", func(x query.Expr) query.Expr { return binary(query.Equal, edm.Boolean, x, property("Flag")) }},
		"greater": {"Flag", func(x query.Expr) query.Expr { return binary(query.Greater, edm.Boolean, x, property("Flag")) }},
		"and":     {"Flag", func(x query.Expr) query.Expr { return binary(query.And, edm.Boolean, property("Flag"), x) }},
		"in": {"Flag", func(x query.Expr) query.Expr {
			return &query.In{X: x, List: []query.Expr{property("Flag"), property("Flag"), &query.Literal{Of: of(edm.Boolean)}}}
		}},
		"in nulls": {"Flag", func(x query.Expr) query.Expr {
			return &query.In{X: x, List: []query.Expr{&query.Literal{Value: true, Of: of(edm.Boolean)}, &query.Literal{Of: of(edm.Boolean)}}}
		}},
		"divby":     {"D", arithmetic(query.DivBy, "D")},
		"mod":       {"D", arithmetic(query.Mod, "D")},
		"div":       {"N", arithmetic(query.Div, "N")},
		"modulo":    {"R", arithmetic(query.Mod, "F")},
		"round":     {"R", func(x query.Expr) query.Expr { return call("round", edm.Double, x) }},
		"rounded":   {"D", func(x query.Expr) query.Expr { return call("round", edm.Decimal, x) }},
		"substring": {"S", func(x query.Expr) query.Expr { return call("substring", edm.String, x, property("N"), property("N")) }},
		"concat":    {"S", func(x query.Expr) query.Expr { return call("concat", edm.String, property("S"), x) }},
		"toupper":   {"S", func(x query.Expr) query.Expr { return call("toupper", edm.String, call("trim", edm.String, x)) }},
		"starts": {"S", func(x query.Expr) query.Expr {
			return call("cast", edm.String, call("startswith", edm.Boolean, x, property("S")))
		}},
		"ends": {"S", func(x query.Expr) query.Expr {
			return call("cast", edm.String, call("endswith", edm.Boolean, property("S"), x))
		}},
		"case": {"S", func(x query.Expr) query.Expr {
			return call("case", edm.String, property("Flag"), x, property("Flag"), property("S"))
		}},
		"integers": {"N", cast(edm.Int16, edm.Int64)},
		"singles":  {"R", cast(edm.Single, edm.Double)},
		"doubles":  {"R", cast(edm.Int64, edm.Double)},
		"date":     {"Day", func(x query.Expr) query.Expr { return binary(query.Add, edm.Date, x, property("Span")) }},
		"instant":  {"At", func(x query.Expr) query.Expr { return binary(query.Sub, edm.DateTimeOffset, x, property("Span")) }},
		"difference": {"At", func(x query.Expr) query.Expr {
			return binary(query.Add, edm.DateTimeOffset, property("At"), binary(query.Sub, edm.Duration, x, property("At")))
		}},
	} {
		x := property(c.from)
		for range 90 {
			x = c.wrap(x)
		}
		q := all(w.things)
		q.Columns = []query.Column{{Expr: x}}
		q.Top = 1
		for _, engine := range []string{"sqlite", "postgres"} {
			text, _, err := w.source(engine).Statement(q)
			if err != nil || len(text) > 100_000 {
				t.Fatalf("%s, %s: %d bytes, %v", engine, name, len(text), err)
			}
			if got := ask(t, w.sources[engine], q); got.Err != nil && got.Err.Error() != query.ErrValue.Error() {
				t.Errorf("%s, %s: %v", engine, name, got.Err)
			}
		}
	}
}

func TestLongListsAndChainsAreAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	id := w.things.Key[0]
	var chain query.Expr
	in := &query.In{X: &query.Property{Prop: id}}
	for i := range 2000 {
		value := &query.Literal{Value: int64(i), Of: id.Type}
		in.List = append(in.List, value)
		one := query.Expr(&query.Binary{Op: query.Equal, X: &query.Property{Prop: id}, Y: value, Of: edm.Type{Kind: edm.Boolean}})
		if chain == nil {
			chain = one
		} else {
			chain = &query.Binary{Op: query.Or, X: chain, Y: one, Of: edm.Type{Kind: edm.Boolean}}
		}
	}
	for _, filter := range []query.Expr{chain, in, &query.Unary{Op: query.Not, X: chain, Of: edm.Type{Kind: edm.Boolean}}} {
		q := all(w.things)
		q.Filter = filter
		w.same(t, q)
	}
	parents := all(w.items)
	parents.Parents = &query.Parents{Nav: w.parts}
	for i := range 50_000 {
		parents.Parents.Values = append(parents.Parents.Values, []any{int64(i)})
	}
	for _, engine := range []string{"sqlite", "postgres"} {
		if got := ask(t, w.sources[engine], parents); got.Err != nil || len(got.Rows) != len(w.rows[w.items])-1 && len(got.Rows) != len(w.rows[w.items]) {
			t.Errorf("%s: %d rows of 50,000 parents, %v", engine, len(got.Rows), got.Err)
		}
	}
}
