package query_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/memory"
	"github.com/keywright/keywright/odata/query"
	"github.com/keywright/keywright/odata/uri"
)

// FuzzBind shows that whatever parses is bound or refused with a sentence, and that what is bound can be answered: with rows, or with
// ErrValue.
func FuzzBind(f *testing.F) {
	for _, request := range requests(f) {
		f.Add(url(request))
	}
	w := newWorld()
	f.Fuzz(func(t *testing.T, request string) { w.hold(t, request) })
}

func (w *world) hold(t interface{ Fatalf(string, ...any) }, request string) {
	path, options, _ := strings.Cut(request, "?")
	r, err := uri.Parse(path, strings.ReplaceAll(options, " ", "%20"), uri.Limits{})
	if err != nil {
		return
	}
	b, err := query.Bind(w.model, r, query.Options{Root: "https://example.com/odata/"})
	if err != nil {
		var e *query.Error
		if !errors.As(err, &e) || e.Message == "" || len(e.Message) > 1000 {
			t.Fatalf("%s: %v", request, err)
		}
		return
	}
	if b.Query != nil {
		w.answered(t, request, b.Query)
	}
}

// answered reads a query, and those that it expands, and shows that every value is of its column's type.
func (w *world) answered(t interface{ Fatalf(string, ...any) }, request string, q *query.Query) {
	ctx := context.Background()
	reader, err := w.source.Open(ctx)
	if err != nil {
		t.Fatalf("%v", err)
	}
	rows, err := reader.Rows(ctx, q)
	if errors.Is(err, query.ErrValue) {
		return
	}
	if err != nil {
		t.Fatalf("%s: %v", request, err)
	}
	for rows.Next() {
		for i, v := range rows.Values() {
			if of := q.Columns[i].Expr.Type(); v != nil && !fitting(of, v) {
				t.Fatalf("%s: %v (%T) is no %s", request, v, v, of.Kind)
			}
		}
	}
	if _, err := reader.Count(ctx, q); err != nil && !errors.Is(err, query.ErrValue) {
		t.Fatalf("%s: counted: %v", request, err)
	}
	for _, x := range q.Expand {
		w.answered(t, request, x.Query)
	}
}

// fitting: infinite numbers have no form in JSON of a Decimal, but all others have one.
func fitting(of edm.Type, v any) bool {
	_, err := of.AppendJSON(nil, v, false)
	return err == nil
}

// expressions draws texts of expressions that mostly fit together.
func expressions(depth int) *rapid.Generator[string] {
	leaves := []string{
		"Name", "Uses", "Rate", "Score", "Weight", "CreatedAt", "Day", "At", "Took", "Live", "Small", "Status", "Rights", "ID", "Owner/Name",
		"Owner/Manager/ID", "Events/$count", "null", "true", "1", "-7", "2.5", "1e3", "100D", "1.5M", "'a'", "'active'", "'PT1H'", "2026-01-02",
		"2026-01-02T03:04:05Z", "duration'PT1M'", "12:00:00", "NS.Rights'read'", "now()", "@p", "$it/Uses", "9223372036854775807",
	}
	if depth == 0 {
		return rapid.SampledFrom(leaves)
	}
	x := expressions(depth - 1)
	return rapid.Custom(func(t *rapid.T) string {
		a, b := x.Draw(t, "a"), x.Draw(t, "b")
		switch rapid.IntRange(0, 6).Draw(t, "form") {
		case 0:
			op := rapid.SampledFrom([]string{"eq", "ne", "gt", "ge", "lt", "le", "add", "sub", "mul", "div", "divby", "mod", "and", "or", "has"}).Draw(t, "op")
			return "(" + a + " " + op + " " + b + ")"
		case 1:
			return "(not " + a + ")"
		case 2:
			name := rapid.SampledFrom([]string{
				"length", "tolower", "toupper", "trim", "year", "month", "day", "hour", "minute", "second", "fractionalseconds", "date", "time",
				"totaloffsetminutes", "totalseconds", "round", "floor", "ceiling",
			}).Draw(t, "function")
			return name + "(" + a + ")"
		case 3:
			name := rapid.SampledFrom([]string{"concat", "contains", "startswith", "endswith", "indexof", "substring"}).Draw(t, "function")
			return name + "(" + a + "," + b + ")"
		case 4:
			return "(" + a + " in (" + b + ",null))"
		case 5:
			to := rapid.SampledFrom([]string{"Byte", "SByte", "Int16", "Int32", "Int64", "Single", "Double", "Decimal", "String"}).Draw(t, "to")
			return "cast(" + a + ",Edm." + to + ")"
		default:
			return "case(" + a + ":" + b + ",true:" + x.Draw(t, "c") + ")"
		}
	})
}

func TestWhatIsBoundHasAValueOfItsType(t *testing.T) {
	w := newWorld()
	bound := 0
	rapid.Check(t, func(t *rapid.T) {
		x := expressions(rapid.IntRange(0, 3).Draw(t, "depth")).Draw(t, "x")
		request := "Tokens?$compute=" + x + " as X&$select=X&$orderby=X desc&@p=" + rapid.SampledFrom([]string{"1", "'a'", "Uses"}).Draw(t, "p")
		if _, err := w.bind(request); err == nil {
			bound++
		}
		w.hold(t, request)
	})
	if bound == 0 {
		t.Error("nothing that was drawn could be bound")
	}
}

func TestPagesGiveEveryRowOnceAndInOrder(t *testing.T) {
	w := newWorld()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 30).Draw(t, "rows")
		var rows [][]any
		for i := range n {
			row := make([]any, len(w.users.Properties))
			row[0] = int64(i)
			if name := rapid.SampledFrom([]string{"", "a", "B", "ä", "\U0001F600"}).Draw(t, "name"); name != "" {
				row[1] = name
			}
			if boss := rapid.IntRange(-1, 5).Draw(t, "boss"); boss >= 0 {
				row[2] = int64(boss)
			}
			rows = append(rows, row)
		}
		source := memory.Source{w.users: rapid.Permutation(rows).Draw(t, "kept as")}
		orders := rapid.SampledFrom([]string{"Name", "Name desc", "Manager/Name desc,Name", "Manager/ID,ID desc", "length(Name) desc", "Reports/$count"})
		b, err := w.bind("Users?$select=ID&$orderby=" + orders.Draw(t, "order"))
		if err != nil {
			t.Fatal(err)
		}
		q := *b.Query
		for _, o := range q.Order {
			q.Columns = append(q.Columns, query.Column{Expr: o.Expr})
		}
		whole := read(t, source, &q)
		if len(whole) != n {
			t.Fatalf("%d rows of %d", len(whole), n)
		}
		q.Top = int64(rapid.IntRange(1, 7).Draw(t, "page"))
		var paged []string
		for {
			page := read(t, source, &q)
			for _, row := range page {
				paged = append(paged, fmt.Sprint(row))
			}
			if int64(len(page)) < q.Top || len(paged) > n {
				break
			}
			q.After = page[len(page)-1][1:]
		}
		var all []string
		for _, row := range whole {
			all = append(all, fmt.Sprint(row))
		}
		if strings.Join(paged, ";") != strings.Join(all, ";") {
			t.Fatalf("pages %v, whole %v", paged, all)
		}
	})
}

func read(t *rapid.T, s memory.Source, q *query.Query) (all [][]any) {
	reader, err := s.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	rows, err := reader.Rows(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		all = append(all, rows.Values())
	}
	return all
}
