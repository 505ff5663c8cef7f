package sqldata_test

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
)

// maker draws typed expressions. What no engine says exactly it does not make: doubles are halves and quarters, and never
// divided by zero.
type maker struct {
	*world
	t       *rapid.T
	vars    []variable
	outputs []query.Expr // instead of properties, behind a step that aggregates
}

type variable struct {
	v   *query.Var
	set *edm.EntitySet
}

// int is below n. Rapid prefers small numbers; their remainder is spread evenly.
func (m *maker) int(n int) int { return rapid.IntRange(0, 1<<30).Draw(m.t, "n") % n }

func drawn[T any](m *maker, from ...T) T { return from[m.int(len(from))] }

func kinds() []edm.Kind {
	return []edm.Kind{
		edm.Boolean, edm.Int16, edm.Int32, edm.Int64, edm.Single, edm.Double, edm.Decimal, edm.String, edm.Guid,
		edm.Date, edm.TimeOfDay, edm.DateTimeOffset, edm.Duration, edm.Enum,
	}
}

func (m *maker) typ(k edm.Kind) edm.Type {
	if k == edm.Enum {
		return edm.Type{Kind: k, Enum: m.enum}
	}
	return edm.Type{Kind: k}
}

func (m *maker) literal(k edm.Kind) query.Expr {
	if m.int(12) == 0 {
		return &query.Literal{Of: m.typ(k)}
	}
	return m.constant(k)
}

// constant is a literal that is not null.
func (m *maker) constant(k edm.Kind) query.Expr {
	var v any
	switch k {
	case edm.Boolean:
		v = drawn(m, true, false)
	case edm.Int16, edm.Int32, edm.Int64:
		v = int64(m.int(9) - 4)
	case edm.Single, edm.Double:
		v = float64(m.int(33)-16) / 4
	case edm.Decimal:
		v = drawn(m, "-1.5", "0.5", "0", "2.5", "3", "0.1")
	case edm.String:
		v = drawn(m, append(texts(), "sS", "b", "\\", "%")...)
	case edm.Guid:
		v = drawn(m, "00000000-0000-0000-0000-00000000000a", "f0000000-0000-0000-0000-000000000000")
	case edm.Date:
		v = time.Date(drawn(m, 1969, 2024, 2027), 2, 1+m.int(28), 0, 0, 0, 0, time.UTC)
	case edm.TimeOfDay:
		v = time.Duration(m.int(24))*time.Hour + time.Duration(m.int(2))*500001*time.Microsecond
	case edm.DateTimeOffset:
		v = time.Date(drawn(m, 1931, 1970, 2024, 2027), 2, 1+m.int(2), m.int(24), m.int(60), 0, m.int(2)*123456000, time.UTC)
	case edm.Duration:
		v = drawn(m, -36*time.Hour, time.Hour, 1500*time.Millisecond, 49*time.Hour+time.Microsecond)
	case edm.Enum:
		v = drawn[int64](m, 1, 2, 4, 6)
	default:
	}
	return &query.Literal{Value: v, Of: m.typ(k)}
}

// property is one of a kind, of any row in reach; nil if there is none.
func (m *maker) property(k edm.Kind) query.Expr {
	if m.outputs != nil {
		for _, o := range m.outputs {
			if o.Type().Kind == k {
				return o
			}
		}
		return nil
	}
	at := m.vars[m.int(len(m.vars))]
	set, path := at.set, []*edm.Navigation(nil)
	for m.int(3) == 0 && len(path) < 3 {
		var single []*edm.Navigation
		for _, n := range set.Navigation {
			if !n.Many {
				single = append(single, n)
			}
		}
		if len(single) == 0 {
			break
		}
		n := drawn(m, single...)
		path, set = append(path, n), n.Target
	}
	var found []*edm.Property
	for _, p := range set.Properties {
		if p.Type.Kind == k {
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return &query.Property{Var: at.v, Path: path, Prop: drawn(m, found...)}
}

func (m *maker) expr(k edm.Kind, depth int) query.Expr {
	if m.int(3) > 0 || depth <= 0 {
		if m.int(4) > 0 {
			if p := m.property(k); p != nil {
				return p
			}
		}
		if depth <= 0 {
			return m.literal(k)
		}
	}
	if m.int(12) == 0 {
		return m.call("case", k, m.expr(edm.Boolean, depth-1), m.expr(k, depth-1), m.literal(edm.Boolean), m.expr(k, depth-1))
	}
	switch k {
	case edm.Boolean:
		return m.condition(depth - 1)
	case edm.Int16, edm.Int32:
		if m.int(2) == 0 {
			return m.call("cast", k, m.expr(drawn(m, edm.Int64, edm.Double, edm.Decimal), depth-1))
		}
	case edm.Int64:
		return m.integer(depth - 1)
	case edm.Single:
		if m.int(2) == 0 {
			return m.call("cast", k, m.expr(drawn(m, edm.Int32, edm.Double, edm.Decimal), depth-1))
		}
	case edm.Double:
		return m.double(depth - 1)
	case edm.Decimal:
		return m.decimal(depth - 1)
	case edm.String:
		return m.text(depth - 1)
	case edm.Date, edm.TimeOfDay, edm.DateTimeOffset, edm.Duration:
		return m.time(k, depth-1)
	default:
	}
	return m.literal(k)
}

func (m *maker) call(name string, k edm.Kind, args ...query.Expr) query.Expr {
	return &query.Call{Name: name, Args: args, Of: m.typ(k)}
}

func (m *maker) binary(op query.Op, k edm.Kind, x, y query.Expr) query.Expr {
	return &query.Binary{Op: op, X: x, Y: y, Of: m.typ(k)}
}

func (m *maker) condition(d int) query.Expr {
	switch m.int(13) {
	case 0:
		return &query.Unary{Op: query.Not, X: m.expr(edm.Boolean, d), Of: m.typ(edm.Boolean)}
	case 1, 2, 3:
		return m.binary(drawn(m, query.And, query.Or), edm.Boolean, m.expr(edm.Boolean, d), m.expr(edm.Boolean, d))
	case 4:
		x := m.expr(drawn(m, kinds()...), d)
		list := []query.Expr{m.literal(x.Type().Kind)}
		for range m.int(3) {
			list = append(list, m.literal(x.Type().Kind))
		}
		if m.int(3) == 0 {
			list = append(list, m.expr(x.Type().Kind, d))
		}
		return &query.In{X: x, List: list}
	case 5:
		return &query.Unary{Op: query.IsNull, X: m.expr(drawn(m, kinds()...), d), Of: m.typ(edm.Boolean)}
	case 6:
		return m.binary(query.Has, edm.Boolean, m.expr(edm.Enum, d), m.literal(edm.Enum))
	case 7, 8:
		if m.outputs == nil {
			return m.lambda(d)
		}
	case 9:
		return m.call(drawn(m, "contains", "startswith", "endswith"), edm.Boolean, m.expr(edm.String, d), m.expr(edm.String, d))
	case 10:
		for _, at := range m.vars {
			if at.set == m.things && m.outputs == nil {
				return &query.Match{Var: at.v, Set: at.set, Text: drawn(m, "A", "ss", "σας", "%", "İ", "äß")}
			}
		}
	}
	k := drawn(m, kinds()...)
	x, y := m.expr(k, d), m.expr(k, d)
	if m.int(3) == 0 {
		y = m.literal(k)
	}
	if m.int(6) == 0 {
		x, y = y, x
	}
	op := drawn(m, query.Equal, query.NotEqual, query.Greater, query.GreaterOrEqual, query.Less, query.LessOrEqual)
	return m.binary(op, edm.Boolean, x, y)
}

// many finds a way from a row in reach to several.
func (m *maker) many() (*query.Var, []*edm.Navigation, *edm.Navigation) {
	at := m.vars[m.int(len(m.vars))]
	switch at.set {
	case m.things:
		if m.int(3) == 0 {
			return at.v, []*edm.Navigation{m.owner}, m.owned
		}
		return at.v, nil, m.parts
	case m.people:
		return at.v, nil, m.owned
	case m.items:
		return at.v, nil, m.remarks
	}
	return at.v, []*edm.Navigation{m.line}, m.remarks
}

func (m *maker) within(set *edm.EntitySet, do func(*query.Var)) {
	v := &query.Var{Set: set, Name: fmt.Sprint("v", len(m.vars))}
	m.vars = append(m.vars, variable{v, set})
	do(v)
	m.vars = m.vars[:len(m.vars)-1]
}

func (m *maker) lambda(d int) query.Expr {
	from, path, nav := m.many()
	e := &query.Exists{All: m.int(3) == 0, From: from, Path: path, Nav: nav}
	m.within(nav.Target, func(v *query.Var) {
		e.Var = v
		if e.All || m.int(4) > 0 {
			e.Body = m.expr(edm.Boolean, d)
		}
	})
	return e
}

func (m *maker) integer(d int) query.Expr {
	switch m.int(9) {
	case 0, 1:
		return m.binary(drawn(m, query.Add, query.Sub, query.Mul, query.Div, query.Mod), edm.Int64, m.expr(edm.Int64, d), m.expr(edm.Int64, d))
	case 2:
		return &query.Unary{Op: query.Negate, X: m.expr(drawn(m, edm.Int16, edm.Int64), d), Of: m.typ(edm.Int64)}
	case 3:
		return m.call("length", edm.Int64, m.expr(edm.String, d))
	case 4:
		return m.call("indexof", edm.Int64, m.expr(edm.String, d), m.expr(edm.String, d))
	case 5:
		return m.call(drawn(m, "year", "month", "day"), edm.Int64, m.expr(drawn(m, edm.Date, edm.DateTimeOffset), d))
	case 6:
		return m.call(drawn(m, "hour", "minute", "second"), edm.Int64, m.expr(drawn(m, edm.TimeOfDay, edm.DateTimeOffset), d))
	case 7:
		if m.outputs != nil {
			break
		}
		from, path, nav := m.many()
		e := &query.CountOf{From: from, Path: path, Nav: nav}
		m.within(nav.Target, func(v *query.Var) {
			e.Var = v
			if m.int(2) == 0 {
				e.Filter = m.expr(edm.Boolean, d)
			}
		})
		return e
	}
	switch m.int(3) {
	case 0:
		return m.call("totaloffsetminutes", edm.Int64, m.expr(edm.DateTimeOffset, d))
	case 1:
		return m.call("cast", edm.Int64, m.expr(edm.Enum, d))
	}
	return m.call("cast", edm.Int64, m.expr(drawn(m, edm.Int16, edm.Double, edm.Decimal), d))
}

// divisor is a literal whose quotients are short.
func (m *maker) divisor(k edm.Kind) query.Expr {
	switch k {
	case edm.Decimal:
		return &query.Literal{Value: drawn(m, "3", "-0.7", "4", "0"), Of: m.typ(k)}
	case edm.Int64:
		return &query.Literal{Value: drawn[int64](m, 1, 7, -3, 0), Of: m.typ(k)}
	default:
	}
	return &query.Literal{Value: drawn(m, 2, -0.5, 4), Of: m.typ(k)}
}

func (m *maker) double(d int) query.Expr {
	switch m.int(5) {
	case 0:
		return m.binary(drawn(m, query.Add, query.Sub, query.Mul), edm.Double, m.expr(edm.Double, d), m.expr(edm.Double, d))
	case 1:
		return m.binary(drawn(m, query.Div, query.DivBy, query.Mod), edm.Double, m.expr(edm.Double, d), m.divisor(edm.Double))
	case 2:
		return &query.Unary{Op: query.Negate, X: m.expr(edm.Double, d), Of: m.typ(edm.Double)}
	case 3:
		return m.call("cast", edm.Double, m.expr(drawn(m, edm.Int32, edm.Single, edm.Decimal), d))
	}
	return m.call(drawn(m, "round", "floor", "ceiling"), edm.Double, m.expr(edm.Double, d))
}

func (m *maker) decimal(d int) query.Expr {
	switch m.int(7) {
	case 0:
		return m.binary(drawn(m, query.Add, query.Sub, query.Mul), edm.Decimal, m.expr(edm.Decimal, d), m.expr(edm.Decimal, d))
	case 1:
		return m.binary(drawn(m, query.Div, query.DivBy, query.Mod), edm.Decimal, m.expr(edm.Decimal, d), m.divisor(edm.Decimal))
	case 2:
		return m.binary(query.DivBy, edm.Decimal, m.expr(edm.Int64, d), m.divisor(edm.Int64))
	case 3:
		return m.call("totalseconds", edm.Decimal, m.expr(edm.Duration, d))
	case 4:
		return m.call("fractionalseconds", edm.Decimal, m.expr(drawn(m, edm.TimeOfDay, edm.DateTimeOffset), d))
	case 5:
		return m.call("cast", edm.Decimal, m.expr(drawn(m, edm.Int32, edm.Int64), d))
	}
	return m.call(drawn(m, "round", "floor", "ceiling"), edm.Decimal, m.expr(edm.Decimal, d))
}

func (m *maker) text(d int) query.Expr {
	switch m.int(5) {
	case 0:
		return m.call("concat", edm.String, m.expr(edm.String, d), m.expr(edm.String, d))
	case 1:
		args := []query.Expr{m.expr(edm.String, d), m.expr(drawn(m, edm.Int16, edm.Int64), d)}
		if m.int(2) == 0 {
			args = append(args, m.expr(edm.Int64, d))
		}
		return m.call("substring", edm.String, args...)
	case 2:
		return m.call("cast", edm.String, m.expr(drawn(m, edm.Boolean, edm.Int64, edm.Decimal, edm.Guid, edm.Date), d))
	}
	return m.call(drawn(m, "tolower", "toupper", "trim"), edm.String, m.expr(edm.String, d))
}

func (m *maker) time(k edm.Kind, d int) query.Expr {
	op := drawn(m, query.Add, query.Sub)
	switch {
	case k == edm.TimeOfDay:
		return m.call("time", k, m.expr(edm.DateTimeOffset, d))
	case k == edm.Date && m.int(2) == 0:
		return m.call("date", k, m.expr(edm.DateTimeOffset, d))
	case k != edm.Duration:
		return m.binary(op, k, m.expr(k, d), m.expr(edm.Duration, d))
	}
	switch m.int(4) {
	case 0:
		return m.binary(query.Sub, k, m.expr(edm.DateTimeOffset, d), m.expr(edm.DateTimeOffset, d))
	case 1:
		return m.binary(query.Sub, k, m.expr(edm.Date, d), m.expr(edm.Date, d))
	case 2:
		return &query.Unary{Op: query.Negate, X: m.expr(k, d), Of: m.typ(k)}
	}
	return m.binary(op, k, m.expr(k, d), m.expr(k, d))
}

// step makes groups.
func (m *maker) step() query.Step {
	var s query.Step
	for range m.int(3) {
		if e := m.property(drawn(m, kinds()...)); e != nil {
			s.By = append(s.By, query.Column{Expr: e})
		}
	}
	if m.int(5) > 0 || len(s.By) == 0 {
		s.Aggregate = append(s.Aggregate, query.Aggregate{Method: query.Count, Type: m.typ(edm.Int64), Name: "n"})
	}
	for range m.int(3) {
		s.Aggregate = append(s.Aggregate, m.aggregate())
	}
	return s
}

func (m *maker) aggregate() query.Aggregate {
	k := drawn(m, kinds()...)
	method := drawn(m, query.Min, query.Max, query.CountDistinct)
	if k != edm.Boolean && k != edm.Enum && k <= edm.Decimal && m.int(2) == 0 {
		method = drawn(m, query.Sum, query.Average)
	}
	a := query.Aggregate{Method: method, Expr: m.expr(k, 2), Type: m.typ(k), Name: "a"}
	integer := k >= edm.Byte && k <= edm.Int64
	switch {
	case method == query.CountDistinct, method == query.Sum && integer:
		a.Type = m.typ(edm.Int64)
	case method == query.Average && integer:
		a.Type = m.typ(edm.Decimal)
	case method == query.Sum && k == edm.Single, method == query.Average && k == edm.Single:
		a.Type = m.typ(edm.Double)
	}
	return a
}
