package sqldata_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
	"github.com/keywright/keywright/odata/sqldata"
)

// numbers is a set of numbers from 1 on, as a query that a database computes row by row.
func numbers(t testing.TB, e sqldata.Engine, until string, o sqldata.Options) (*sqldata.Source, *edm.EntitySet, *edm.Navigation) {
	t.Helper()
	_, read := databases(t, e)
	return source(t, read, e, "(with recursive n(i) as (select 1 union all select i + 1 from n where i < "+until+") select i from n)", o)
}

// source publishes one query as a set with one number in each row, which leads to all rows of the same number.
func source(t testing.TB, db *sql.DB, e sqldata.Engine, from string, o sqldata.Options) (*sqldata.Source, *edm.EntitySet, *edm.Navigation) {
	t.Helper()
	set := &edm.EntitySet{Name: "Numbers", TypeName: "Number", Properties: []*edm.Property{prop("I", edm.Int64, false)}}
	set.Key = set.Properties
	self := &edm.Navigation{Name: "Same", Target: set, Many: true, On: []edm.Link{{From: set.Key[0], To: set.Key[0]}}}
	s, err := sqldata.New(db, e, []sqldata.Table{{Set: set, From: from, Columns: map[*edm.Property]sqldata.Column{set.Key[0]: {Name: "i"}}}}, o)
	if err != nil {
		t.Fatal(err)
	}
	return s, set, self
}

// crossed is 20,000 numbers, each of which leads to all of them, and little time for a statement.
func crossed(t *testing.T, e sqldata.Engine) (*sqldata.Source, *edm.EntitySet, *edm.Navigation) {
	t.Helper()
	write, read := databases(t, e)
	for _, statement := range []string{
		"create table n (i bigint, k bigint)",
		"insert into n with recursive x(i) as (select 1 union all select i + 1 from x where i < 20000) select i, 1 from x",
	} {
		if _, err := write.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	set := &edm.EntitySet{Name: "Numbers", TypeName: "Number", Properties: []*edm.Property{prop("I", edm.Int64, false), prop("K", edm.Int64, false)}}
	set.Key = set.Properties[:1]
	nav := &edm.Navigation{Name: "All", Target: set, Many: true, On: []edm.Link{{From: set.Properties[1], To: set.Properties[1]}}}
	s, err := sqldata.New(read, e, []sqldata.Table{{Set: set, From: "n", Columns: map[*edm.Property]sqldata.Column{set.Properties[0]: {Name: "i"}, set.Properties[1]: {Name: "k"}}}},
		sqldata.Options{Timeout: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return s, set, nav
}

func engines(t *testing.T, test func(t *testing.T, e sqldata.Engine)) {
	t.Helper()
	for name, e := range map[string]sqldata.Engine{"sqlite": sqldata.SQLite, "postgres": sqldata.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, e)
		})
	}
}

// endless is a filter that no row fulfils, so that a database goes through all of them.
func endless(set *edm.EntitySet) *query.Query {
	q := all(set)
	q.Order = nil
	q.Filter = &query.Binary{Op: query.Less, X: &query.Property{Prop: set.Key[0]}, Y: &query.Literal{Value: int64(0), Of: set.Key[0].Type}, Of: edm.Type{Kind: edm.Boolean}}
	return q
}

func TestAStatementThatTakesTooLongEndsAsATimeout(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, e sqldata.Engine) {
		s, set, _ := numbers(t, e, "1000000000", sqldata.Options{Timeout: 50 * time.Millisecond})
		if got := ask(t, s, endless(set)); !errors.Is(got.Err, query.ErrTimeout) {
			t.Errorf("rows: %v", got.Err)
		}
		r, err := s.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if n, err := r.Count(t.Context(), endless(set)); !errors.Is(err, query.ErrTimeout) {
			t.Errorf("count: %v, %v", n, err)
		}
	})
}

func TestAStatementThatStallsBehindItsFirstRowEndsAsATimeout(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, e sqldata.Engine) {
		s, set, nav := crossed(t, e)
		// The first row is found at once. For each of the others all are looked at.
		less := func(v *query.Var, than int64) query.Expr {
			return &query.Binary{Op: query.LessOrEqual, X: &query.Property{Var: v, Prop: set.Key[0]}, Y: &query.Literal{Value: than, Of: set.Key[0].Type}, Of: edm.Type{Kind: edm.Boolean}}
		}
		q := all(set)
		q.Order = nil
		other := &query.Var{Set: set, Name: "o"}
		q.Filter = &query.Binary{Op: query.Or, X: less(nil, 1), Y: &query.Exists{Nav: nav, Var: other, Body: &query.Binary{
			Op: query.And, X: less(other, 0), Y: &query.Binary{Op: query.Less, X: &query.Property{Prop: set.Key[0]}, Y: &query.Property{Var: other, Prop: set.Key[0]}, Of: edm.Type{Kind: edm.Boolean}},
		}}, Of: edm.Type{Kind: edm.Boolean}}
		began := time.Now()
		got := ask(t, s, q)
		if !errors.Is(got.Err, query.ErrTimeout) {
			t.Errorf("%d rows, %v", len(got.Rows), got.Err)
		}
		if took := time.Since(began); took > 15*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestTheEndOfARequestEndsItsStatement(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, e sqldata.Engine) {
		s, set, _ := numbers(t, e, "1000000000", sqldata.Options{})
		for name, c := range map[string]struct {
			begin func(context.Context) (context.Context, context.CancelFunc)
			want  error
		}{
			"canceled": {func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(ctx)
				time.AfterFunc(30*time.Millisecond, cancel)
				return ctx, cancel
			}, context.Canceled},
			"deadline": {func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, 30*time.Millisecond)
			}, query.ErrTimeout},
		} {
			r, err := s.Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := c.begin(t.Context())
			found, err := r.Rows(ctx, endless(set))
			if err == nil {
				for found.Next() {
				}
				err = errors.Join(found.Err(), found.Close())
			}
			cancel()
			if !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
			if err := r.Close(); err != nil {
				t.Errorf("%s, closing: %v", name, err)
			}
		}
	})
}

func TestMoreRequestsThanPlacesWaitAndThenTheSourceIsBusy(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, e sqldata.Engine) {
		s, set, _ := numbers(t, e, "3", sqldata.Options{Concurrent: 2, Wait: 20 * time.Millisecond})
		var held []query.Reader
		for range 2 {
			r, err := s.As(nil).Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, r)
		}
		if _, err := s.Open(t.Context()); !errors.Is(err, query.ErrBusy) {
			t.Errorf("a third reader: %v", err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Open(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("a third reader of a request that has ended: %v", err)
		}
		for _, r := range held {
			if err := errors.Join(r.Close(), r.Close()); err != nil {
				t.Error(err)
			}
		}
		// Places come back, also those of requests that failed.
		var group sync.WaitGroup
		for range 6 {
			group.Go(func() {
				if got := ask(t, s, all(set)); got.Err != nil && !errors.Is(got.Err, query.ErrBusy) {
					t.Error(got.Err)
				}
			})
			group.Wait()
		}
	})
}

func TestAReaderSeesOneStateOfTheDatabase(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, e sqldata.Engine) {
		write, read := databases(t, e)
		for _, statement := range []string{"create table n (i bigint primary key)", "insert into n values (1)"} {
			if _, err := write.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		if e == sqldata.SQLite {
			if _, err := write.ExecContext(t.Context(), "pragma journal_mode = wal"); err != nil {
				t.Fatal(err)
			}
		}
		s, set, _ := source(t, read, e, "n", sqldata.Options{})
		r, err := s.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		count := func() int64 {
			n, err := r.Count(t.Context(), all(set))
			if err != nil {
				t.Fatal(err)
			}
			return n[0]
		}
		before := count()
		if _, err := write.ExecContext(t.Context(), "insert into n values (2)"); err != nil {
			t.Fatal(err)
		}
		if after := count(); before != 1 || after != 1 {
			t.Errorf("%d rows, then %d", before, after)
		}
	})
}

func TestNothingIsWrittenThroughASource(t *testing.T) {
	t.Parallel()
	write, read := databases(t, sqldata.Postgres)
	for _, statement := range []string{
		"create table n (i bigint)", "create function sneak() returns setof n language sql as 'insert into n values (1) returning i'",
	} {
		if _, err := write.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	s, set, _ := source(t, read, sqldata.Postgres, "(select i from sneak())", sqldata.Options{})
	if got := ask(t, s, all(set)); got.Err == nil {
		t.Errorf("a function of the database wrote: %v", got.Rows)
	}
}

func TestADatabaseThatIsNotThereIsUnavailableAndSaysNoPassword(t *testing.T) {
	t.Parallel()
	db, engine, err := sqldata.Open("postgres://someone:hunter2@127.0.0.1:1/nowhere?sslmode=disable&connect_timeout=2", sqldata.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s, _, _ := source(t, db, engine, "n", sqldata.Options{})
	if _, err := s.Open(t.Context()); !errors.Is(err, query.ErrUnavailable) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
}

func TestAConnectionThatIsCutOffIsUnavailable(t *testing.T) {
	t.Parallel()
	write, read := databases(t, sqldata.Postgres)
	s, set, _ := source(t, read, sqldata.Postgres, "(select i from generate_series(1, 3) i)", sqldata.Options{})
	r, err := s.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := write.ExecContext(t.Context(), "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()"); err != nil {
		t.Fatal(err)
	}
	if n, err := r.Count(t.Context(), all(set)); !errors.Is(err, query.ErrUnavailable) {
		t.Errorf("%v, %v", n, err)
	}
}

func TestATableThatIsGoneIsAChangedSource(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, e sqldata.Engine) {
		_, read := databases(t, e)
		s, set, _ := source(t, read, e, "not_there", sqldata.Options{})
		got := ask(t, s, all(set))
		if !errors.Is(got.Err, query.ErrChanged) || !strings.Contains(got.Err.Error(), "not_there") {
			t.Errorf("%v", got.Err)
		}
	})
}

func TestStoredValuesThatAreNotOfTheirTypeAreNamedAndNotShown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind  edm.Kind
		kept  sqldata.Kept
		value string
	}{
		{edm.Int64, sqldata.Plain, "'secret'"},
		{edm.Int16, sqldata.Plain, "70000"},
		{edm.Int32, sqldata.Plain, "1.5"},
		{edm.Boolean, sqldata.Plain, "2"},
		{edm.Double, sqldata.Plain, "'secret'"},
		{edm.Decimal, sqldata.Plain, "'1e5 secret'"},
		{edm.Decimal, sqldata.Plain, "9e999"},
		{edm.String, sqldata.Plain, "x'736563726574'"},
		{edm.Guid, sqldata.Plain, "'secret'"},
		{edm.Date, sqldata.ISO, "'2026-02-30'"},
		{edm.Date, sqldata.DayNumber, "'2026-02-03'"},
		{edm.DateTimeOffset, sqldata.ISO, "'secret'"},
		{edm.DateTimeOffset, sqldata.Micros, "9223372036854775807"},
		{edm.DateTimeOffset, sqldata.Seconds, "'secret'"},
		{edm.TimeOfDay, sqldata.ISO, "'25:00'"},
		{edm.Duration, sqldata.Plain, "9223372036854775807"},
		{edm.Enum, sqldata.Labels, "'secret'"},
	} {
		write, read := databases(t, sqldata.SQLite)
		if _, err := write.ExecContext(t.Context(), "create table n (i); insert into n values ("+c.value+")"); err != nil {
			t.Fatal(err)
		}
		p := &edm.Property{Name: "Odd", Type: edm.Type{Kind: c.kind}}
		if c.kind == edm.Enum {
			p.Type.Enum = newModel().enum
		}
		set := &edm.EntitySet{Name: "Numbers", TypeName: "Number", Properties: []*edm.Property{p}}
		s, err := sqldata.New(read, sqldata.SQLite, []sqldata.Table{{Set: set, From: "n", Columns: map[*edm.Property]sqldata.Column{p: {Name: "i", Kept: c.kept}}}}, sqldata.Options{})
		if err != nil {
			t.Fatal(err)
		}
		got := ask(t, s, all(set))
		if !errors.Is(got.Err, query.ErrValue) || !strings.Contains(got.Err.Error(), "Numbers.Odd") || strings.Contains(got.Err.Error(), "secret") {
			t.Errorf("%v kept %d as %s: %v, %v", c.kind, c.kept, c.value, got.Rows, got.Err)
		}
		if c.kept != sqldata.ISO {
			continue
		}
		q := all(set)
		q.Filter = &query.Binary{Op: query.Greater, X: &query.Property{Prop: p}, Y: &query.Call{Name: "case", Of: p.Type, Args: []query.Expr{
			&query.Literal{Value: true, Of: edm.Type{Kind: edm.Boolean}}, &query.Property{Prop: p},
		}}}
		if got := ask(t, s, q); !errors.Is(got.Err, query.ErrValue) || !strings.Contains(got.Err.Error(), "Numbers.Odd") || strings.Contains(got.Err.Error(), "secret") {
			t.Errorf("in a filter, %v kept %d as %s: %v, %v", c.kind, c.kept, c.value, got.Rows, got.Err)
		}
	}
}

func TestArithmeticWithoutAResultIsErrValue(t *testing.T) {
	t.Parallel()
	whole := edm.Type{Kind: edm.Int64}
	most, least, one, two := int64(1<<63-1), int64(-1<<63), int64(1), int64(2)
	literal := func(v int64) query.Expr { return &query.Literal{Value: v, Of: whole} }
	engines(t, func(t *testing.T, e sqldata.Engine) {
		s, set, _ := numbers(t, e, "1", sqldata.Options{})
		for _, x := range []query.Expr{
			&query.Binary{Op: query.Add, X: literal(most), Y: literal(one), Of: whole},
			&query.Binary{Op: query.Sub, X: literal(least), Y: literal(one), Of: whole},
			&query.Binary{Op: query.Mul, X: literal(most), Y: literal(two), Of: whole},
			&query.Binary{Op: query.Div, X: literal(least), Y: literal(-one), Of: whole},
			&query.Unary{Op: query.Negate, X: literal(least), Of: whole},
		} {
			q := all(set)
			q.Columns = []query.Column{{Expr: x}}
			if got := ask(t, s, q); !errors.Is(got.Err, query.ErrValue) {
				t.Errorf("%v, %v", got.Rows, got.Err)
			}
		}
	})
}
