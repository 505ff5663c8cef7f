package sqldata_test

import (
	"strconv"
	"testing"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
	"github.com/keywright/keywright/odata/sqldata"
)

func TestLargeWholeDecimalsOfSQLiteAreToldApart(t *testing.T) {
	t.Parallel()
	write, read := databases(t, sqldata.SQLite)
	const least, n = 9007199254740990, 20 // about 2^53, where doubles lose the ones
	for _, statement := range []string{
		"create table n (i numeric(20))",
		"insert into n with recursive x(i) as (select 0 union all select i + 1 from x where i < 19) select 9007199254740990 + i from x",
	} {
		if _, err := write.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	set := &edm.EntitySet{Name: "Numbers", TypeName: "Number", Properties: []*edm.Property{prop("I", edm.Decimal, false)}}
	set.Key = set.Properties
	s, err := sqldata.New(read, sqldata.SQLite, []sqldata.Table{{Set: set, From: "n", Columns: map[*edm.Property]sqldata.Column{set.Key[0]: {Name: "i"}}}}, sqldata.Options{})
	if err != nil {
		t.Fatal(err)
	}
	q := all(set)
	q.Top = 3
	var got []string
	for {
		page := exactly(t, s, q)
		got = append(got, page...)
		if len(page) < 3 || len(got) > 2*n {
			break
		}
		q.After = []any{page[2]}
	}
	for i := range n {
		if want := strconv.Itoa(least + i); i >= len(got) || got[i] != want {
			t.Fatalf("row %d is not %s: %v", i, want, got)
		}
	}
	q = all(set)
	q.Filter = &query.Binary{Op: query.Equal, X: &query.Property{Prop: set.Key[0]}, Y: &query.Literal{Value: "9007199254740993", Of: set.Key[0].Type}, Of: edm.Type{Kind: edm.Boolean}}
	if found := exactly(t, s, q); len(found) != 1 || found[0] != "9007199254740993" {
		t.Error(found)
	}
}

// exactly reads one decimal from each row.
func exactly(t *testing.T, s *sqldata.Source, q *query.Query) (list []string) {
	t.Helper()
	r, err := s.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	rows, err := r.Rows(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		text, ok := rows.Values()[0].(string)
		if !ok {
			t.Fatalf("no decimal: %v", rows.Values()[0])
		}
		list = append(list, text)
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	return list
}
