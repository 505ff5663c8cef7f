package sqldata

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/keywright/keywright/odata/edm"
)

// sqlType says what becomes of a type of SQL. Kind Invalid leaves its columns out, and Note says why.
type sqlType struct {
	Name string // as the catalogue has it
	Says string // as people write it
	Kind edm.Kind
	Cast string
	Kept Kept
	Note string
}

// postgresTypes are all types of PostgreSQL that a feed says something about; domains are as their base type, enumerations are edm.Enum, and what
// is not listed is left out.
var postgresTypes = []sqlType{
	{Name: "bool", Says: "boolean", Kind: edm.Boolean},
	{Name: "int2", Says: "smallint", Kind: edm.Int16},
	{Name: "int4", Says: "integer", Kind: edm.Int32},
	{Name: "int8", Says: "bigint", Kind: edm.Int64},
	{Name: "oid", Says: "oid", Kind: edm.Int64, Cast: "bigint"},
	{Name: "float4", Says: "real", Kind: edm.Single},
	{Name: "float8", Says: "double precision", Kind: edm.Double},
	{Name: "numeric", Says: "numeric(p,s)", Kind: edm.Decimal, Note: "without (p,s) the scale is variable"},
	{Name: "money", Says: "money", Kind: edm.Decimal, Cast: "numeric", Note: "without its currency"},
	{Name: "text", Says: "text", Kind: edm.String},
	{Name: "varchar", Says: "varchar(n)", Kind: edm.String},
	{Name: "bpchar", Says: "char(n)", Kind: edm.String, Cast: "text", Note: "without the blanks at its end"},
	{Name: "citext", Says: "citext", Kind: edm.String, Cast: "text", Note: "compared with regard to case, as all text"},
	{Name: "name", Says: "name", Kind: edm.String, Cast: "text"},
	{Name: "char", Says: `"char"`, Kind: edm.String, Cast: "text"},
	{Name: "uuid", Says: "uuid", Kind: edm.Guid},
	{Name: "date", Says: "date", Kind: edm.Date},
	{Name: "time", Says: "time", Kind: edm.TimeOfDay},
	{Name: "timestamp", Says: "timestamp", Kind: edm.DateTimeOffset, Note: "taken as UTC"},
	{Name: "timestamptz", Says: "timestamp with time zone", Kind: edm.DateTimeOffset},
	{Name: "json", Says: "json", Kind: edm.String, Cast: "text"},
	{Name: "jsonb", Says: "jsonb", Kind: edm.String, Cast: "text"},
	{Name: "xml", Says: "xml", Kind: edm.String, Cast: "text"},
	{Name: "inet", Says: "inet", Kind: edm.String, Cast: "text"},
	{Name: "cidr", Says: "cidr", Kind: edm.String, Cast: "text"},
	{Name: "macaddr", Says: "macaddr", Kind: edm.String, Cast: "text"},
	{Name: "macaddr8", Says: "macaddr8", Kind: edm.String, Cast: "text"},
	{Name: "bit", Says: "bit(n)", Kind: edm.String, Cast: "text", Note: "of 0 and 1"},
	{Name: "varbit", Says: "bit varying(n)", Kind: edm.String, Cast: "text", Note: "of 0 and 1"},
	{Name: "bytea", Says: "bytea", Note: "binary data has no place in a feed"},
	{Name: "interval", Says: "interval", Note: "it may hold months, which no feed can say: publish extract(epoch from it) in a view"},
	{Name: "timetz", Says: "time with time zone", Note: "a time of day with a zone is no type of a feed: publish it as text in a view"},
	{Name: "tsvector", Says: "tsvector", Note: "it is an index, not data"},
	{Name: "tsquery", Says: "tsquery", Note: "it is a search, not data"},
}

// sqliteTypes are the declared types of SQLite that mean something by their name. Others go by the rules of affinity: those with the word INT in
// them are integers, CHAR, CLOB and TEXT text, REAL, FLOAT and DOUBLE floating point; the rest is left out.
var sqliteTypes = []sqlType{
	{Name: "BOOLEAN BOOL", Says: "BOOLEAN", Kind: edm.Boolean},
	{Name: "INTEGER INT TINYINT SMALLINT MEDIUMINT BIGINT", Says: "INTEGER, BIGINT, …", Kind: edm.Int64, Note: "SQLite bounds none of them"},
	{Name: "DECIMAL NUMERIC NUMBER NUM DEC MONEY", Says: "DECIMAL(p,s), NUMERIC(p,s)", Kind: edm.Decimal, Note: "without (p,s) the scale is variable"},
	{Name: "REAL DOUBLE FLOAT", Says: "REAL, DOUBLE, FLOAT", Kind: edm.Double},
	{Name: "TEXT CLOB", Says: "TEXT, VARCHAR(n), CHAR(n)", Kind: edm.String, Note: "SQLite does not bound its length, so n is not said"},
	{Name: "STRING", Says: "STRING", Kind: edm.String, Cast: "text"},
	{Name: "JSON", Says: "JSON", Kind: edm.String, Cast: "text"},
	{Name: "DATE", Says: "DATE", Kind: edm.Date, Kept: ISO, Note: "text: 2026-03-01; see Publish.Kept"},
	{Name: "DATETIME TIMESTAMP TIMESTAMPTZ", Says: "DATETIME, TIMESTAMP", Kind: edm.DateTimeOffset, Kept: ISO, Note: "text: 2026-03-01 12:00:00, UTC without an offset; see Publish.Kept"},
	{Name: "TIME", Says: "TIME", Kind: edm.TimeOfDay, Kept: ISO, Note: "text: 12:00:00"},
	{Name: "UUID GUID UNIQUEIDENTIFIER", Says: "UUID, GUID", Kind: edm.String, Note: "as it stands: SQLite holds it to no spelling, and capitals would be other values"},
	{Name: "BLOB BINARY VARBINARY BYTEA IMAGE JSONB", Says: "BLOB", Note: "binary data has no place in a feed"},
	{Name: "ANY", Says: "ANY", Note: "it may hold anything: name its type in the configuration, or publish cast(it as text) in a view"},
	{Name: "", Says: "none", Note: "it has no type: name one in the configuration, or publish cast(it as text) in a view"},
}

// Types is the table of what each type becomes, in Markdown, for documentation.
func Types() string {
	var b strings.Builder
	for _, t := range []struct {
		engine string
		rows   []sqlType
	}{{"PostgreSQL", postgresTypes}, {"SQLite", sqliteTypes}} {
		b.WriteString("| " + t.engine + " | OData | |\n|---|---|---|\n")
		for _, r := range t.rows {
			kind, note := "left out", r.Note
			if r.Kind != edm.Invalid {
				kind = r.Kind.String()
			}
			if r.Kind == edm.String && r.Cast != "" && note == "" {
				note = "its text"
			}
			b.WriteString("| " + r.Says + " | " + kind + " | " + note + " |\n")
		}
		switch t.engine {
		case "PostgreSQL":
			b.WriteString("| enumerations | an enumeration | members in the order of their labels |\n| domains | as their base type | |\n" +
				"| arrays, ranges, composite, geometric and other types | left out | publish their parts in a view |\n\n")
		default:
			b.WriteString("| other names | by SQLite's rules of affinity | left out where those say NUMERIC or BLOB |\n")
		}
	}
	return b.String()
}

// pgType is a type of PostgreSQL's catalogue behind its domains.
type pgType struct {
	name   string
	kind   string // typtype: b base, e enumeration, r range, …
	schema string
	array  bool
	mod    int // atttypmod; -1 is none
}

// pgColumn says what a column of a type becomes.
func pgColumn(c *column, t pgType) {
	i := slices.IndexFunc(postgresTypes, func(r sqlType) bool { return r.Name == t.name })
	switch {
	case t.array:
		c.problem = c.declared + ": an array is no type of a feed: publish array_to_string of it in a view"
		return
	case t.kind == "r" || t.kind == "m":
		c.problem = c.declared + ": a range is no type of a feed: publish lower and upper of it in a view"
		return
	case t.kind != "b" || i < 0 || t.schema != "pg_catalog" && t.name != "citext":
		c.problem = c.declared + " is no type of a feed: publish what it says as text in a view"
		return
	}
	r := postgresTypes[i]
	if r.Kind == edm.Invalid {
		c.problem = c.declared + ": " + r.Note
		return
	}
	c.typ, c.cast = edm.Type{Kind: r.Kind}, r.Cast
	c.document = t.name == "json" || t.name == "jsonb" || t.name == "xml"
	switch t.name {
	case "varchar", "bpchar":
		c.typ.MaxLength = max(0, t.mod-4)
	case "bit", "varbit":
		c.typ.MaxLength = max(0, t.mod)
	case "money":
		c.typ.Scale = -1
	case "numeric":
		c.typ.Precision, c.typ.Scale = numeric(t.mod)
	case "time", "timestamp", "timestamptz":
		c.typ.Precision = 6
		if t.mod >= 0 {
			c.typ.Precision = t.mod
		}
	}
}

// numeric reads the precision and the scale out of a typmod: 11 bits with a sign below 16 bits, above a header of 4.
func numeric(mod int) (precision, scale int) {
	if mod < 4 {
		return 0, -1
	}
	mod -= 4
	precision, scale = mod>>16&0xffff, (mod&0x7ff^1024)-1024
	if scale < 0 { // rounded to hundreds: more digits, none behind the point
		return precision - scale, 0
	}
	return max(precision, scale), scale // 0.00123 has five places and three digits
}

// integerWord is a name of integers: UNSIGNED BIG INT, INT8, UINT.
var integerWord = regexp.MustCompile(`^(?:U|BIG|SMALL|MEDIUM|TINY|LONG)?INT(?:EGER)?\d*$`)

// digits are the numbers behind a type's name: decimal(10, 2).
var digits = regexp.MustCompile(`\(\s*(\d{1,4})\s*(?:,\s*(\d{1,4})\s*)?\)`)

// liteColumn says what a column with a declared type becomes.
func liteColumn(c *column) {
	name := strings.ToUpper(c.declared)
	if i := strings.IndexByte(name, '('); i >= 0 {
		name = name[:i]
	}
	name = strings.TrimSpace(name)
	r, ok := byName(name)
	if !ok {
		r, ok = byAffinity(name)
	}
	switch {
	case !ok:
		c.problem = c.declared + " is no type that is known: name another in the configuration"
	case r.Kind == edm.Invalid && c.declared == "":
		c.problem = r.Note
	case r.Kind == edm.Invalid:
		c.problem = c.declared + ": " + r.Note
	}
	if c.problem != "" {
		return
	}
	c.typ, c.cast, c.kept, c.document = edm.Type{Kind: r.Kind}, r.Cast, r.Kept, name == "JSON"
	if r.Kind == edm.DateTimeOffset || r.Kind == edm.TimeOfDay {
		c.typ.Precision = 6
	}
	if r.Kind == edm.Decimal {
		c.typ.Scale = -1
		if m := digits.FindStringSubmatch(c.declared); m != nil {
			c.typ.Precision, _ = strconv.Atoi(m[1]) // digits
			c.typ.Scale, _ = strconv.Atoi(m[2])     // or "", which is 0
			c.typ.Precision = max(c.typ.Precision, c.typ.Scale, 1)
		}
	}
}

func byName(name string) (sqlType, bool) {
	i := slices.IndexFunc(sqliteTypes, func(r sqlType) bool {
		return r.Name == name || name != "" && slices.Contains(strings.Fields(r.Name), name)
	})
	if i < 0 {
		return sqlType{}, false
	}
	return sqliteTypes[i], true
}

// byAffinity goes by what SQLite's documentation, "Determination of Column Affinity", looks for, in its order.
func byAffinity(name string) (sqlType, bool) {
	for word := range strings.FieldsSeq(name) {
		if integerWord.MatchString(word) { // but neither POINT nor INTERVAL
			return byName("INTEGER")
		}
	}
	for _, rule := range []struct{ part, as string }{
		{"CHAR", "TEXT"}, {"CLOB", "TEXT"}, {"TEXT", "TEXT"}, {"BLOB", "BLOB"}, {"REAL", "REAL"}, {"FLOA", "REAL"}, {"DOUBLE", "REAL"},
	} {
		if strings.Contains(name, rule.part) {
			return byName(rule.as)
		}
	}
	// TIMESTAMP WITH TIME ZONE, DECIMAL UNSIGNED.
	first, _, more := strings.Cut(name, " ")
	if !more {
		return sqlType{}, false
	}
	return byName(first)
}

// keep makes of a column what the configuration says about how it keeps times; it returns why that can't be.
func (c *column) keep(engine Engine, k Kept) string {
	integer := c.typ.Kind == edm.Int16 || c.typ.Kind == edm.Int32 || c.typ.Kind == edm.Int64 ||
		engine == SQLite && (c.kept == ISO || c.typ.Kind == edm.Decimal)
	text := c.typ.Kind == edm.String || c.kept == ISO
	switch {
	case k == c.kept:
		return ""
	case c.problem != "" && engine == SQLite && c.declared == "" && k != Labels && k != Plain:
		integer, text, c.problem = true, true, "" // the configuration says what it is
	}
	switch {
	case (k == Micros || k == Seconds) && integer:
		c.typ = edm.Type{Kind: edm.DateTimeOffset, Precision: 6}
		if k == Seconds {
			c.typ.Precision = 0
		}
	case k == DayNumber && integer:
		c.typ = edm.Type{Kind: edm.Date}
	case k == ISO && engine == SQLite && text:
		c.typ = edm.Type{Kind: edm.DateTimeOffset, Precision: 6}
	case k == Plain && c.kept == ISO:
		c.typ = edm.Type{Kind: edm.String}
	default:
		return "a column of " + c.declared + " can't keep times that way"
	}
	c.kept, c.cast = k, ""
	return ""
}
