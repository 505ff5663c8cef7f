package sqldata_test

import (
	"database/sql"
	"testing"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
	"github.com/keywright/keywright/odata/sqldata"
)

// lines is a table of 100,000 order lines.
func lines(b *testing.B, e sqldata.Engine) (*sqldata.Source, *sql.DB, *query.Query) {
	b.Helper()
	write, read := databases(b, e)
	statements := []string{
		"create table lines (id bigint primary key, name varchar(40) not null, n int not null, rate double precision, price numeric(10,2), made bigint not null)",
		"insert into lines with recursive x(i) as (select 1 union all select i + 1 from x where i < 100000) select i, 'Line of some order ' || i, i % 100, i / 8.0, i + 0.25, 1700000000000000 + i from x",
		"analyze lines",
	}
	for _, s := range statements {
		if _, err := write.ExecContext(b.Context(), s); err != nil {
			b.Fatal(err)
		}
	}
	set := &edm.EntitySet{Name: "Lines", TypeName: "Line", Properties: []*edm.Property{
		prop("id", edm.Int64, false), prop("name", edm.String, false), prop("n", edm.Int32, false),
		prop("rate", edm.Double, true), prop("price", edm.Decimal, true), prop("made", edm.DateTimeOffset, false),
	}}
	set.Key = set.Properties[:1]
	columns := map[*edm.Property]sqldata.Column{}
	for _, p := range set.Properties {
		columns[p] = sqldata.Column{Name: p.Name}
	}
	columns[set.Properties[5]] = sqldata.Column{Name: "made", Kept: sqldata.Micros}
	s, err := sqldata.New(read, e, []sqldata.Table{{Set: set, From: "lines", Columns: columns}}, sqldata.Options{})
	if err != nil {
		b.Fatal(err)
	}
	return s, read, all(set)
}

// BenchmarkRead reads 100,000 rows of six columns, through a source and by database/sql alone.
func BenchmarkRead(b *testing.B) {
	for name, e := range map[string]sqldata.Engine{"sqlite": sqldata.SQLite, "postgres": sqldata.Postgres} {
		s, db, q := lines(b, e)
		b.Run(name+"/source", func(b *testing.B) { readAll(b, s, q, 100_000) })
		b.Run(name+"/bare", func(b *testing.B) {
			bareAll(b, db, "select id, name, n, rate, price, made from lines order by id", 100_000)
		})
	}
}

// bareAll reads by database/sql alone.
func bareAll(b *testing.B, db *sql.DB, text string, want int) {
	b.Helper()
	b.ReportAllocs()
	read := func() (n int, err error) {
		found, err := db.QueryContext(b.Context(), text)
		if err != nil {
			return 0, err
		}
		defer found.Close()
		var id, i, made int64
		var name, price string
		var rate float64
		for ; found.Next(); n++ {
			if err := found.Scan(&id, &name, &i, &rate, &price, &made); err != nil {
				return 0, err
			}
		}
		return n, found.Err()
	}
	for b.Loop() {
		if n, err := read(); err != nil || n != want {
			b.Fatal(n, err)
		}
	}
}

func readAll(b *testing.B, s *sqldata.Source, q *query.Query, want int) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		r, err := s.Open(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		found, err := r.Rows(b.Context(), q)
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for ; found.Next(); n++ {
			_ = found.Values()
		}
		if err := found.Err(); err != nil || n != want {
			b.Fatal(n, err)
		}
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFilter finds 1,000 rows of 100,000 by what no index helps with.
func BenchmarkFilter(b *testing.B) {
	for name, e := range map[string]sqldata.Engine{"sqlite": sqldata.SQLite, "postgres": sqldata.Postgres} {
		s, db, q := lines(b, e)
		q.Filter = &query.Binary{Op: query.Equal, X: &query.Property{Prop: q.Set.Properties[2]}, Y: &query.Literal{Value: int64(7), Of: edm.Type{Kind: edm.Int32}}}
		b.Run(name+"/source", func(b *testing.B) { readAll(b, s, q, 1000) })
		b.Run(name+"/bare", func(b *testing.B) {
			bareAll(b, db, "select id, name, n, rate, price, made from lines where n = 7 order by id", 1000)
		})
	}
}
