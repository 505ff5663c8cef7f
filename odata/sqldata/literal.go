package sqldata

import (
	"strconv"
	"strings"
	"time"

	"github.com/keywright/keywright/odata/edm"
)

// The form of values within expressions is the same on both engines, but for times and what SQLite has no type for:
//
//	              PostgreSQL         SQLite
//	Boolean       boolean            0, 1
//	integers      bigint and less    integer
//	Single,Double double precision   real
//	Decimal       numeric            real
//	String        text               text
//	Guid          uuid               text
//	Date          date               days since 1970
//	TimeOfDay     time               microseconds
//	instants      timestamptz        microseconds since 1970
//	Duration      microseconds       microseconds
//	enumerations  bigint             integer

// literal writes a value in the form that expressions have.
func (m *emitter) literal(k edm.Kind, v any) string {
	if m.engine == SQLite {
		if v == nil {
			return "null"
		}
		return m.param(liteValue(k, v))
	}
	if v == nil {
		return "null::" + postgresType(k)
	}
	return m.param(postgresValue(k, v)) + "::" + postgresType(k)
}

// postgresType is the type of expressions of a kind.
func postgresType(k edm.Kind) string {
	switch k {
	case edm.Boolean:
		return "boolean"
	case edm.Single, edm.Double:
		return "double precision"
	case edm.Decimal:
		return "numeric"
	case edm.String:
		return "text"
	case edm.Guid:
		return "uuid"
	case edm.Date:
		return "date"
	case edm.TimeOfDay:
		return "time"
	case edm.DateTimeOffset:
		return "timestamptz"
	case edm.Binary:
		return "bytea"
	default: // integers, enumerations, durations
		return "bigint"
	}
}

// postgresValue is a value as pgx takes it for that type.
func postgresValue(k edm.Kind, v any) any {
	switch v := v.(type) {
	case time.Time:
		if k == edm.Date {
			return v.Format(time.DateOnly)
		}
		return v.UTC().Format("2006-01-02T15:04:05.999999Z")
	case time.Duration:
		if k == edm.TimeOfDay {
			return time.Unix(0, 0).UTC().Add(v).Format("15:04:05.999999")
		}
		return v.Microseconds()
	}
	return v
}

// liteValue is a value in the form that expressions have in SQLite.
func liteValue(k edm.Kind, v any) any {
	switch v := v.(type) {
	case bool:
		if v {
			return int64(1)
		}
		return int64(0)
	case string:
		if k == edm.Decimal {
			if n, err := strconv.ParseInt(v, 10, 64); err == nil {
				return n // SQLite keeps whole numbers so, and has digits of them that a double has not
			}
			f, _ := strconv.ParseFloat(v, 64) // it is a decimal; what is too large for a double is infinite, and that is how it compares
			return f
		}
	case time.Time:
		if k == edm.Date {
			return dayNumber(v)
		}
		return v.UnixMicro()
	case time.Duration:
		return v.Microseconds()
	}
	return v
}

func dayNumber(t time.Time) int64 {
	s := t.Unix()
	if s < 0 {
		s -= 86399 // towards the past
	}
	return s / 86400
}

// ordered says that a column can be compared and sorted as it is kept, though that is not the form of expressions.
func (m *emitter) ordered(f *field) bool {
	c := m.column(f)
	return c.Kept == Micros || c.Kept == Seconds || c.Kept == DayNumber || m.isoDate(c, f.prop.Type)
}

// isoDate says that a column keeps dates as texts, of which there is one for each date.
func (m *emitter) isoDate(c Column, t edm.Type) bool {
	return m.engine == SQLite && t.Kind == edm.Date && (c.Kept == ISO || c.Kept == Plain)
}

// keptValue is a value as a column keeps it, to be compared with the column as it is; false if the column does not say it
// exactly.
func (m *emitter) keptValue(c Column, t edm.Type, v any) (any, bool) {
	switch v := v.(type) {
	case time.Time:
		switch {
		case m.isoDate(c, t):
			return v.Format(time.DateOnly), true
		case c.Kept == Micros:
			return v.UnixMicro(), true
		case c.Kept == Seconds && v.Nanosecond() == 0:
			return v.Unix(), true
		case c.Kept == DayNumber:
			return dayNumber(v), true
		}
	case time.Duration:
		switch {
		case c.Kept == Micros:
			return v.Microseconds(), true
		case c.Kept == Seconds && v%time.Second == 0:
			return int64(v / time.Second), true
		}
	case int64:
		if c.Kept == Labels && t.Enum != nil {
			return label(t.Enum, v)
		}
	}
	return nil, false
}

// label is the text that stands for a value of an enumeration.
func label(e *edm.EnumType, v int64) (any, bool) {
	for i := range e.Members {
		if e.Members[i].Value == v {
			return stored(&e.Members[i]), true
		}
	}
	return nil, false
}

func stored(m *edm.EnumMember) string {
	if m.Stored != "" {
		return m.Stored
	}
	return m.Name
}

// kept writes a value as a column keeps it: an integer or a text.
func (m *emitter) kept(v any) string {
	if m.engine == SQLite {
		return m.param(v)
	}
	if _, ok := v.(string); ok {
		return m.param(v) + "::text"
	}
	return m.param(v) + "::bigint"
}

// fieldAndValue writes a property and a value to compare it with: as the column keeps them if that says the value
// exactly, because an index helps then.
func (m *emitter) fieldAndValue(f *field, v any) (x, y string) {
	t, c := f.prop.Type, m.column(f)
	if k, ok := m.keptValue(c, t, v); ok {
		x = m.raw(f)
		if m.engine == Postgres && c.Kept == Labels {
			x += "::text"
		}
		return x, m.kept(k)
	}
	x = m.value(f)
	if m.engine == SQLite && t.Kind == edm.String {
		x += " collate binary"
	}
	return x, m.literal(t.Kind, v)
}

func (m *emitter) column(f *field) Column {
	t := m.tables[f.set]
	if t == nil {
		m.fail("a set has no table")
		return Column{}
	}
	c, ok := t.Columns[f.prop]
	if !ok {
		m.fail("the property %s.%s has no column", f.set.Name, f.prop.Name)
	}
	return c
}

// raw is a property's column as it is.
func (m *emitter) raw(f *field) string {
	column := m.column(f)
	c := f.alias + "." + quote(column.Name)
	if column.Cast != "" {
		c = "cast(" + c + " as " + column.Cast + ")"
	}
	if m.engine == Postgres && f.prop.Type.Kind == edm.String {
		return c + "::text" // of varchar it changes nothing, and an index still helps
	}
	return c
}

// value is a property in the form that expressions have.
func (m *emitter) value(f *field) string {
	raw, c, t := m.raw(f), m.column(f), f.prop.Type
	if c.Kept == Labels && t.Enum != nil {
		return m.labelled(raw, t.Enum)
	}
	if m.engine == Postgres {
		return postgresField(raw, t.Kind, c.Kept)
	}
	name := m.tables[f.set].Set.Name + "." + f.prop.Name
	switch {
	case c.Kept == Seconds && (timed(t.Kind) || t.Kind == edm.Duration):
		return "(" + raw + " * 1000000)"
	case (c.Kept == Plain || c.Kept == ISO) && timed(t.Kind):
		return liteTime(t.Kind) + "(" + raw + ", '" + strings.ReplaceAll(name, "'", "''") + "')"
	}
	return raw
}

// labelled is the value of an enumeration that is kept as text.
func (m *emitter) labelled(raw string, e *edm.EnumType) string {
	var b strings.Builder
	b.WriteString("(case " + raw)
	if m.engine == Postgres {
		b.WriteString("::text")
	}
	for i := range e.Members {
		b.WriteString(" when " + m.kept(stored(&e.Members[i])) + " then " + m.literal(edm.Enum, e.Members[i].Value))
	}
	b.WriteString(" end)")
	return b.String()
}

func postgresField(raw string, k edm.Kind, kept Kept) string {
	switch {
	case k == edm.Date && kept == DayNumber:
		return "(date '1970-01-01' + " + raw + "::int)"
	case k == edm.DateTimeOffset && kept == Micros:
		return "(timestamptz '1970-01-01 00:00:00Z' + " + raw + " * interval '1 microsecond')"
	case k == edm.DateTimeOffset && kept == Seconds:
		return "(timestamptz '1970-01-01 00:00:00Z' + " + raw + " * interval '1 second')"
	case kept == ISO:
		return raw + "::" + postgresType(k)
	case k == edm.Duration && kept == Seconds:
		return "(" + raw + " * 1000000)"
	case k == edm.Duration && kept == Plain:
		return "((extract(epoch from " + raw + ") * 1000000)::bigint)"
	}
	return raw
}
