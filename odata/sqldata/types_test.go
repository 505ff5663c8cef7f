package sqldata

import (
	"testing"

	"github.com/keywright/keywright/odata/edm"
)

func TestDeclaredTypesOfSQLiteBecomeKinds(t *testing.T) {
	for declared, want := range map[string]edm.Type{
		"INTEGER": {Kind: edm.Int64}, "int": {Kind: edm.Int64}, "UNSIGNED BIG INT": {Kind: edm.Int64}, "INT8": {Kind: edm.Int64}, "tinyint(1)": {Kind: edm.Int64}, "INTEGER UNSIGNED": {Kind: edm.Int64},
		"POINT": {}, "INTERVAL": {}, "FLOATING POINT": {Kind: edm.Double}, "double precision": {Kind: edm.Double}, "BOOLEAN": {Kind: edm.Boolean},
		"DECIMAL": {Kind: edm.Decimal, Scale: -1}, "decimal(10)": {Kind: edm.Decimal, Precision: 10}, "NUMERIC( 10 , 2 )": {Kind: edm.Decimal, Precision: 10, Scale: 2},
		"DECIMAL(2,4)": {Kind: edm.Decimal, Precision: 4, Scale: 4}, "DECIMAL(10,2) UNSIGNED": {Kind: edm.Decimal, Precision: 10, Scale: 2}, "NUM": {Kind: edm.Decimal, Scale: -1},
		"VARCHAR(20)": {Kind: edm.String}, "NATIVE CHARACTER(70)": {Kind: edm.String}, "CLOB": {Kind: edm.String}, "tinytext": {Kind: edm.String}, "STRING": {Kind: edm.String},
		"DATE": {Kind: edm.Date}, "datetime": {Kind: edm.DateTimeOffset, Precision: 6}, "TIMESTAMP WITH TIME ZONE": {Kind: edm.DateTimeOffset, Precision: 6}, "TIME": {Kind: edm.TimeOfDay, Precision: 6},
		"JSON": {Kind: edm.String}, "JSONB": {}, "BLOB": {}, "VARBINARY(10)": {}, "mediumblob": {}, "ANY": {}, "": {}, "GEOMETRY": {}, "  ": {}, "UUID": {Kind: edm.String},
	} {
		c := &column{declared: declared}
		liteColumn(c)
		if c.typ != want || (c.problem == "") != (want.Kind != edm.Invalid) {
			t.Errorf("%q becomes %+v, %q; want %+v", declared, c.typ, c.problem, want)
		}
	}
}

func TestPrecisionAndScaleOfPostgreSQLAreRead(t *testing.T) {
	mod := func(p, s int) int { return (p<<16 | s&0x7ff) + 4 }
	for _, c := range []struct{ mod, precision, scale int }{
		{-1, 0, -1},
		{mod(10, 2), 10, 2},
		{mod(1000, 0), 1000, 0},
		{mod(5, -2), 7, 0},
		{mod(2, 4), 4, 4},
		{mod(3, -1000), 1003, 0},
		{mod(1, 1000), 1000, 1000},
	} {
		if p, s := numeric(c.mod); p != c.precision || s != c.scale {
			t.Errorf("%d is (%d,%d), want (%d,%d)", c.mod, p, s, c.precision, c.scale)
		}
	}
}

func TestTimesAreKeptAsTheConfigurationSaysOnlyWhereTheyCanBe(t *testing.T) {
	instant, second, day, text := edm.Type{Kind: edm.DateTimeOffset, Precision: 6}, edm.Type{Kind: edm.DateTimeOffset}, edm.Type{Kind: edm.Date}, edm.Type{Kind: edm.String}
	for _, c := range []struct {
		declared string
		kept     Kept
		want     edm.Type // Invalid is refused
	}{
		{"integer", Micros, instant},
		{"integer", Seconds, second},
		{"integer", DayNumber, day},
		{"integer", ISO, edm.Type{}},
		{"integer", Labels, edm.Type{}},
		{"text", ISO, instant},
		{"text", Micros, edm.Type{}},
		{"text", Labels, edm.Type{}},
		{"date", ISO, day},
		{"date", DayNumber, day},
		{"date", Plain, text},
		{"datetime", Micros, instant},
		{"datetime", Seconds, second},
		{"datetime", Plain, text},
		{"real", Micros, edm.Type{}},
		{"boolean", Seconds, edm.Type{}},
		{"", Seconds, second},
		{"", ISO, instant},
		{"", Labels, edm.Type{}},
		{"blob", ISO, edm.Type{}},
	} {
		column := &column{declared: c.declared}
		liteColumn(column)
		why := column.keep(SQLite, c.kept)
		if refused := c.want.Kind == edm.Invalid; (why != "") != refused || !refused && (column.typ != c.want || column.kept != c.kept || column.problem != "") {
			t.Errorf("%s kept as %d becomes %+v, %q", c.declared, c.kept, column, why)
		}
	}
	for _, c := range []struct {
		kind edm.Kind
		kept Kept
		good bool
	}{{edm.Int64, Micros, true}, {edm.Int32, Seconds, true}, {edm.Int32, DayNumber, true}, {edm.String, ISO, false}, {edm.Decimal, Micros, false}, {edm.DateTimeOffset, Micros, false}, {edm.DateTimeOffset, Plain, true}} {
		if why := (&column{typ: edm.Type{Kind: c.kind}}).keep(Postgres, c.kept); (why == "") != c.good {
			t.Errorf("%s kept as %d: %q", c.kind, c.kept, why)
		}
	}
}
