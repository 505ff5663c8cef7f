package sqldata

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
)

// second is how many microseconds one has, in SQL.
const second = "1000000"

// number writes an operand of arithmetic in the type that it is computed in.
func (m *emitter) number(k edm.Kind, e query.Expr) string {
	x := m.expr(e)
	real := k == edm.Decimal || k == edm.Single || k == edm.Double
	switch {
	case m.engine == Postgres:
		return x + "::" + postgresType(k)
	case real:
		return "cast(" + x + " as real)" // SQLite may keep a whole number as an integer, which divides as one
	}
	return x
}

// whole checks in SQLite what PostgreSQL does by itself: that the result of integer arithmetic has 64 bits.
func (m *emitter) whole(k edm.Kind, text string) string {
	real := k == edm.Decimal || k == edm.Single || k == edm.Double
	if m.engine == Postgres || real {
		return text
	}
	return "kw_integer" + text
}

// arithmetic writes add, sub, mul, div, divby and mod, typed as query.Arithmetic says: by the kind of the first operand.
func (m *emitter) arithmetic(e *query.Binary) string {
	k := e.X.Type().Kind
	switch k {
	case edm.DateTimeOffset, edm.Date:
		return m.timeArithmetic(e, k)
	case edm.Enum, edm.Boolean, edm.String, edm.Guid, edm.TimeOfDay, edm.Binary:
		return m.fail("no arithmetic with kind %d", k)
	default:
	}
	if e.Op == query.DivBy && k != edm.Single && k != edm.Double {
		k = edm.Decimal
	}
	x, y := m.number(k, e.X), m.number(k, e.Y)
	if m.engine == SQLite && k == edm.Decimal {
		return "kw_exact(" + strconv.Itoa(int(e.Op)) + ", " + x + ", " + y + ")"
	}
	switch e.Op {
	case query.Add:
		return m.whole(k, "("+x+" + "+y+")")
	case query.Sub:
		return m.whole(k, "("+x+" - "+y+")")
	case query.Mul:
		return m.whole(k, "("+x+" * "+y+")")
	case query.Mod:
		return m.modulo(k, x, y)
	default:
	}
	if m.engine == SQLite {
		return m.whole(k, "("+x+" / "+y+")") // by zero it is null
	}
	if k == edm.Decimal {
		// PostgreSQL chooses the scale of a quotient by that of its operands: with 30 digits more than 12 are exact.
		return fmt.Sprintf("trim_scale(round((%s + %s) / nullif(%s, 0), %d))", x, "0."+strings.Repeat("0", 30), y, query.DecimalScale)
	}
	return "(" + x + " / nullif(" + y + ", 0))"
}

func (m *emitter) modulo(k edm.Kind, x, y string) string {
	real := k == edm.Single || k == edm.Double
	switch {
	case m.engine == SQLite && real:
		return "kw_mod(" + x + ", " + y + ")"
	case m.engine == SQLite:
		return "(" + x + " % " + y + ")"
	case real:
		return "(" + x + "::numeric % nullif(" + y + "::numeric, 0))::double precision"
	}
	return "(" + x + " % nullif(" + y + ", 0))"
}

// timeArithmetic writes the sum or difference of an instant or a date and a duration, or the difference of two.
func (m *emitter) timeArithmetic(e *query.Binary, k edm.Kind) string {
	sign := " + "
	if e.Op == query.Sub {
		sign = " - "
	}
	x, y := m.expr(e.X), m.expr(e.Y)
	duration := e.Y.Type().Kind == edm.Duration
	if m.engine == SQLite {
		switch {
		case k == edm.DateTimeOffset:
			return "kw_integer(" + x + sign + y + ")"
		case duration:
			return "kw_day(" + x + " * 86400000000" + sign + y + ")"
		}
		return "kw_integer((" + x + sign + y + ") * 86400000000)"
	}
	x += "::timestamptz"
	switch {
	case !duration:
		return "((extract(epoch from (" + x + " - " + y + "::timestamptz)) * " + second + ")::bigint)"
	case k == edm.Date:
		return "((" + x + sign + y + " * interval '1 microsecond')::date)"
	}
	return "(" + x + sign + y + " * interval '1 microsecond')"
}

// call writes a function. Which there are and what their arguments may be: query.Function, query.Cast.
func (m *emitter) call(e *query.Call) string {
	switch e.Name {
	case "case":
		return m.choice(e)
	case "cast":
		return m.cast(e)
	case "substring":
		return m.substring(e)
	}
	args := make([]string, len(e.Args))
	for i, a := range e.Args {
		args[i] = m.expr(a)
	}
	if n := arity(e.Name); n != len(args) {
		return m.fail("function %s of %d arguments", e.Name, len(args))
	}
	if m.engine == SQLite {
		return m.liteCall(e, args)
	}
	return m.postgresCall(e, args)
}

// arity is how many arguments a function has; -1 is no function.
func arity(name string) int {
	switch name {
	case "concat", "contains", "startswith", "endswith", "indexof":
		return 2
	case "length", "tolower", "toupper", "trim", "year", "month", "day", "hour", "minute", "second", "fractionalseconds",
		"date", "time", "totaloffsetminutes", "totalseconds", "round", "floor", "ceiling":
		return 1
	}
	return -1
}

func (m *emitter) postgresCall(e *query.Call, args []string) string {
	x, y := args[0], args[len(args)-1]
	switch e.Name {
	case "concat":
		return "(" + x + " || " + y + ")"
	case "contains":
		return "(position(" + y + " in " + m.sorted(edm.String, x) + ") > 0)"
	case "startswith":
		return "starts_with(" + m.sorted(edm.String, x) + ", " + y + ")"
	case "endswith":
		return "starts_with(reverse(" + x + `) collate "C", reverse(` + y + "))"
	case "indexof":
		return "(position(" + y + " in " + m.sorted(edm.String, x) + ") - 1)::bigint"
	case "length":
		return "length(" + x + ")::bigint"
	case "tolower":
		return "(lower(" + x + ` collate "und-x-icu") collate "C")`
	case "toupper":
		return "(upper(" + x + ` collate "und-x-icu") collate "C")`
	case "trim":
		return "btrim(" + x + ", " + m.param(query.Whitespace) + "::text)"
	case "year", "month", "day", "hour", "minute":
		return "extract(" + e.Name + " from " + x + ")::bigint"
	case "second":
		return "floor(extract(second from " + x + "))::bigint"
	case "fractionalseconds":
		return "trim_scale((extract(microseconds from " + x + ")::bigint % " + second + ")::numeric / " + second + ")"
	case "date":
		return x + "::date"
	case "time":
		return x + "::time"
	case "totaloffsetminutes":
		return "(extract(year from " + x + ")::bigint * 0)"
	case "totalseconds":
		return "trim_scale(" + x + "::numeric / " + second + ")"
	case "floor", "ceiling":
		return e.Name + "(" + m.wide(e, x) + ")"
	}
	if k := e.Args[0].Type().Kind; k == edm.Single || k == edm.Double {
		return m.bindText(x, halfAway)
	}
	return "round(" + x + "::numeric)"
}

// wide makes PostgreSQL's own type of a kind that columns may keep narrower.
func (m *emitter) wide(e *query.Call, x string) string {
	return x + "::" + postgresType(e.Args[0].Type().Kind)
}

// halfAway rounds a double, which PostgreSQL's round would round to even.
func halfAway(x string) string {
	return "case when abs(" + x + " - trunc(" + x + ")) >= 0.5 then trunc(" + x + ") + sign(" + x + ") else trunc(" + x + ") end"
}

func (m *emitter) liteCall(e *query.Call, args []string) string {
	x, y := args[0], args[len(args)-1]
	switch e.Name {
	case "concat":
		return "(" + x + " || " + y + ")"
	case "contains":
		return "(instr(" + x + ", " + y + ") > 0)"
	case "startswith":
		return "(instr(" + x + ", " + y + ") = 1)"
	case "indexof":
		return "(instr(" + x + ", " + y + ") - 1)"
	case "length":
		return "length(" + x + ")"
	case "trim":
		return "trim(" + x + ", " + m.param(query.Whitespace) + ")"
	case "hour", "minute", "second":
		return "kw_" + e.Name + "(" + x + ")"
	case "totalseconds":
		return "(" + x + " / " + second + ".0)"
	case "totaloffsetminutes":
		return "(" + x + " * 0)"
	case "date":
		return "kw_day(" + x + ")"
	case "time":
		return "kw_clock(" + x + ")"
	case "year", "month", "day":
		if e.Args[0].Type().Kind == edm.DateTimeOffset {
			x = "kw_day(" + x + ")"
		}
		return "kw_" + e.Name + "of(" + x + ")"
	}
	return "kw_" + e.Name + "(" + x + tail(args) + ")" // endswith tolower toupper fractionalseconds round floor ceiling
}

func tail(args []string) string {
	if len(args) < 2 {
		return ""
	}
	return ", " + strings.Join(args[1:], ", ")
}

// choice writes case: null if no condition is true.
func (m *emitter) choice(e *query.Call) string {
	if len(e.Args)%2 != 0 || len(e.Args) == 0 {
		return m.fail("case of %d arguments", len(e.Args))
	}
	var b strings.Builder
	b.WriteString("(case")
	for i := 0; i < len(e.Args); i += 2 {
		b.WriteString(" when " + m.truth(e.Args[i]) + " then " + m.choiceValue(e, e.Args[i+1]))
	}
	b.WriteString(" end)")
	return b.String()
}

func (m *emitter) choiceValue(e *query.Call, x query.Expr) string {
	text := m.expr(x)
	if m.engine == Postgres {
		text += "::" + postgresType(e.Of.Kind)
		if e.Of.Kind == edm.String {
			text = "(" + text + ` collate "C")`
		}
	}
	return text
}

// substring counts from 0, or from the end if negative, and takes what is there.
func (m *emitter) substring(e *query.Call) string {
	if len(e.Args) != 2 && len(e.Args) != 3 {
		return m.fail("substring of %d arguments", len(e.Args))
	}
	s, start := m.expr(e.Args[0]), m.expr(e.Args[1])
	var length string
	if len(e.Args) == 3 {
		length = m.expr(e.Args[2])
	} else {
		length = m.literal(edm.Int64, int64(math.MaxInt64))
	}
	if m.engine == SQLite {
		return "kw_substring(" + s + ", " + start + ", " + length + ")"
	}
	v := m.alias("v")
	return strings.NewReplacer("$", v+".").Replace("(select case when $a is not null and $n is not null then substr($s, "+
		"(least(length($s), case when $a < 0 then greatest(0, length($s) + $a) else $a end) + 1)::int, greatest(0, least($n, 2147483647))::int) end from ") +
		"(select " + s + " as s, " + start + "::bigint as a, " + length + "::bigint as n offset 0) " + v + ")"
}

// cast writes those that query.Castable allows. What the target can't hold is null.
func (m *emitter) cast(e *query.Call) string {
	if len(e.Args) != 1 || !query.Castable(e.Args[0].Type().Kind, e.Of.Kind) {
		return m.fail("no such cast")
	}
	x, from, to := m.expr(e.Args[0]), e.Args[0].Type().Kind, e.Of.Kind
	least, most := to.Range()
	integers := least < most && to != edm.Enum
	switch {
	case from == to:
		return x
	case m.engine == SQLite && integers:
		return "kw_whole(" + x + ", " + m.literal(edm.Int64, least) + ", " + m.literal(edm.Int64, most) + ")"
	case m.engine == SQLite:
		return m.liteCast(x, from, to)
	case integers && (from == edm.Single || from == edm.Double):
		return m.bindText(x, func(x string) string {
			return "case when " + halfAway(x) + " >= " + float(least) + " and " + halfAway(x) + " < " + float(most) +
				" then (" + halfAway(x) + ")::bigint end"
		})
	case integers:
		if from == edm.Decimal {
			x = "round(" + x + "::numeric)"
		}
		return m.bindText(x, func(x string) string {
			return fmt.Sprintf("case when %s between %d and %d then %s::bigint end", x, least, most, x)
		})
	case to == edm.Single:
		return m.bindText(x+"::double precision", func(x string) string {
			return "case when abs(" + x + ") < 3.4028235677973366e38 or abs(" + x + ") = 'infinity' then " + x + "::real::double precision end"
		})
	case to == edm.String && from == edm.Date:
		return "to_char(" + x + ", 'YYYY-MM-DD')"
	case to == edm.String && from == edm.Decimal:
		return "trim_scale(" + x + "::numeric)::text"
	}
	return x + "::" + postgresType(to)
}

// float is a limit of an integer kind, as a double that is compared with whole numbers: the upper one is the first that does not fit.
func float(limit int64) string {
	if limit > 0 {
		return fmt.Sprintf("%.0f::double precision", float64(limit)+1)
	}
	return fmt.Sprintf("(%.0f)::double precision", float64(limit))
}

func (m *emitter) liteCast(x string, from, to edm.Kind) string {
	switch {
	case to == edm.Single:
		return "kw_single(" + x + ")"
	case to == edm.String && from == edm.Boolean:
		return "(case " + x + " when 1 then 'true' when 0 then 'false' end)"
	case to == edm.String && from == edm.Date:
		return "kw_date(" + x + ")"
	case to == edm.String && from == edm.Decimal:
		return "kw_decimal(" + x + ")"
	case to == edm.String:
		return "cast(" + x + " as text)"
	}
	return "cast(" + x + " as real)"
}
