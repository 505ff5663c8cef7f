package sqldata_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
	"github.com/keywright/keywright/odata/sqldata"
)

// keeping is a SQLite table of numbers that is read over one connection.
func keeping(t *testing.T) (write *sql.DB, source *sqldata.Source, set *edm.EntitySet) {
	t.Helper()
	write, read := databases(t, sqldata.SQLite)
	read.SetMaxOpenConns(1)
	for _, text := range []string{
		"create table numbers (id integer primary key, name text)",
		"with recursive n(i) as (select 1 union all select i + 1 from n where i < 200) insert into numbers select i, 'n' || i from n",
	} {
		if _, err := write.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	d, err := sqldata.Describe(t.Context(), read, sqldata.SQLite, sqldata.Publish{Tables: []string{"numbers"}})
	if err != nil {
		t.Fatal(err)
	}
	if source, err = sqldata.New(read, sqldata.SQLite, d.Tables, sqldata.Options{}); err != nil {
		t.Fatal(err)
	}
	return write, source, d.Model.Sets[0]
}

// behind is a page of rows after an id.
func behind(s *edm.EntitySet, id, top int64) *query.Query {
	q := all(s)
	q.After, q.Top = []any{id}, top
	return q
}

func ids(t *testing.T, a answer) (list []int64) {
	t.Helper()
	if a.Err != nil {
		t.Fatal(a.Err)
	}
	for _, row := range a.Rows {
		id, ok := row[1].(int64)
		if !ok {
			t.Fatalf("no id: %v", row)
		}
		list = append(list, id)
	}
	return list
}

func TestStatementsThatAreKeptGiveTheRowsOfTheirParameters(t *testing.T) {
	_, source, set := keeping(t)
	for range 5 {
		for _, id := range []int64{0, 7, 198, 200} {
			var want []int64
			for i := id + 1; i <= min(id+3, 200); i++ {
				want = append(want, i)
			}
			if d := cmp.Diff(want, ids(t, ask(t, source, behind(set, id, 3)))); d != "" {
				t.Errorf("behind %d: %s", id, d)
			}
		}
	}
}

// Rows that are closed early, or whose request is over, leave the statement as good as new.
func TestStatementsThatAreKeptBeginAnewAfterTheyWereLeft(t *testing.T) {
	_, source, set := keeping(t)
	for range 5 {
		ctx, leave := context.WithCancel(t.Context())
		r, err := source.Open(ctx)
		if err != nil {
			t.Fatal(err)
		}
		found, err := r.Rows(ctx, behind(set, 0, 100))
		if err != nil {
			t.Fatal(err)
		}
		if !found.Next() || found.Values()[0] != int64(1) {
			t.Errorf("the first row: %v %v", found.Values(), found.Err())
		}
		leave()
		_, _ = found.Close(), r.Close() // that the request is over is no news
		if got := ids(t, ask(t, source, behind(set, 10, 2))); !cmp.Equal(got, []int64{11, 12}) {
			t.Errorf("afterwards: %v", got)
		}
	}
}

func TestStatementsThatAreKeptSeeTheDatabaseAsItIsNow(t *testing.T) {
	write, source, set := keeping(t)
	for i := range 4 {
		if got := ids(t, ask(t, source, behind(set, 198, 10))); len(got) != 2+i {
			t.Errorf("after %d changes: %v", i, got)
		}
		for _, text := range []string{
			"alter table numbers rename to old", "create table numbers (name text, id integer primary key)",
			"insert into numbers (id, name) select id, name from old", "drop table old", "insert into numbers (name) values ('more')",
		} {
			if _, err := write.ExecContext(t.Context(), text); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestMoreStatementsThanAreKeptAreAnswered(t *testing.T) {
	_, source, set := keeping(t)
	for range 3 {
		for n := 1; n <= 100; n++ {
			q := all(set)
			list := make([]query.Expr, n) // another text for each n
			for i := range list {
				list[i] = &query.Literal{Value: int64(i + 1), Of: set.Properties[0].Type}
			}
			q.Filter = &query.In{X: &query.Property{Prop: set.Properties[0]}, List: list}
			for range 2 {
				if got := ids(t, ask(t, source, q)); len(got) != n {
					t.Fatalf("%d of %d", len(got), n)
				}
			}
		}
	}
}

// A source that is asked one question answers it without a transaction, and still nothing can be written.
func TestOneQueryAloneGivesTheSameRowsAndWritesNothing(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, e sqldata.Engine) {
		write, read := databases(t, e)
		one := func(from string) (any, error) {
			s, set, _ := source(t, read, e, from, sqldata.Options{})
			r, err := s.Open(query.Single(t.Context()))
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			rows, err := r.Rows(t.Context(), all(set))
			if err != nil {
				return nil, err
			}
			defer rows.Close()
			if rows.Next() {
				return rows.Values()[0], nil
			}
			return nil, rows.Err()
		}
		if got, err := one("(select 7 as i)"); got != int64(7) || err != nil {
			t.Errorf("got %v, %v", got, err)
		}
		if e == sqldata.SQLite {
			return // has no statement that reads and writes at once
		}
		if _, err := write.ExecContext(t.Context(), "create function wrote() returns bigint language sql volatile as 'insert into made values (1) returning x::bigint'"); err != nil {
			t.Fatal(err)
		}
		if got, err := one("(select wrote() as i)"); err == nil {
			t.Errorf("a function wrote %v", got)
		}
		var n int
		if err := write.QueryRowContext(t.Context(), "select count(*) from made").Scan(&n); err != nil || n != 0 {
			t.Errorf("%d rows were written, %v", n, err)
		}
	})
}

func TestAValueThatCannotBeSaidNamesItsColumn(t *testing.T) {
	t.Parallel()
	dsn := postgresWith(t, `create table prices (id int primary key, until timestamptz, day date, amount numeric); insert into prices values (1, 'infinity', null, null), (2, null, '-infinity', null), (3, null, null, 'NaN')`)
	d, err := describe(t, dsn, sqldata.Publish{Tables: []string{"prices"}, Writable: true})
	if err != nil {
		t.Fatal(err)
	}
	s, _ := described(t, dsn, d)
	for id, column := range map[int64]string{1: "Prices.Until", 2: "Prices.Day", 3: "Prices.Amount"} {
		q := all(d.Model.Sets[0])
		q.Key = []any{id}
		if got := ask(t, s, q); !errors.Is(got.Err, query.ErrValue) || !strings.Contains(got.Err.Error(), column+" holds what is not of its type") {
			t.Errorf("%s: %v, %v", column, got.Rows, got.Err)
		}
	}
}
