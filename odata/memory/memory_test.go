package memory_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/memory"
	"github.com/keywright/keywright/odata/query"
)

// shop has customers, and orders that know their customer.
func shop() (source memory.Source, customers, orders *edm.EntitySet) {
	id := &edm.Property{Name: "ID", Type: edm.Type{Kind: edm.Int32}}
	no := &edm.Property{Name: "No", Type: edm.Type{Kind: edm.Int32}}
	customer := &edm.Property{Name: "Customer", Type: edm.Type{Kind: edm.Int32}, Nullable: true}
	customers = &edm.EntitySet{Name: "Customers", TypeName: "Customer_", Key: []*edm.Property{id}, Properties: []*edm.Property{id}}
	orders = &edm.EntitySet{Name: "Orders", TypeName: "Order", Key: []*edm.Property{no}, Properties: []*edm.Property{no, customer}}
	customers.Navigation = []*edm.Navigation{{Name: "Orders", Target: orders, Many: true, On: []edm.Link{{From: id, To: customer}}}}
	n := func(i int64) any { return i }
	return memory.Source{
		customers: {{n(1)}, {n(2)}, {n(3)}},
		orders:    {{n(15), n(1)}, {n(11), n(1)}, {n(13), n(2)}, {n(12), n(1)}, {n(14), nil}},
	}, customers, orders
}

// read gives each row with the index of its parent, and the counts.
func read(t *testing.T, s memory.Source, q *query.Query) string {
	t.Helper()
	ctx := context.Background()
	reader, err := s.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := reader.Rows(ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for rows.Next() {
		text += fmt.Sprint(rows.Parent(), rows.Values(), " ")
	}
	counts, err := reader.Count(ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	return text + fmt.Sprint(counts)
}

func TestRowsOfParentsComeInTheirOrderWithinTheirBounds(t *testing.T) {
	source, customers, orders := shop()
	ways := customers.Navigation[0]
	no := &query.Property{Prop: orders.Key[0]}
	q := query.Query{
		Set: orders, Columns: []query.Column{{Expr: no}}, Order: []query.Order{{Expr: no}}, Top: -1,
		Parents: &query.Parents{Nav: ways, Values: [][]any{{int64(2)}, {nil}, {int64(1)}, {int64(3)}, {int64(1)}}},
	}
	for _, c := range []struct {
		name      string
		skip, top int64
		most      int
		want      string
	}{
		{"all", 0, -1, 0, "0 [13] 2 [11] 2 [12] 2 [15] 4 [11] 4 [12] 4 [15] [1 0 3 0 3]"},
		{"skip and top of each", 1, 1, 0, "2 [12] 4 [12] [1 0 3 0 3]"},
		{"in all", 0, -1, 3, "0 [13] 2 [11] 2 [12] [1 0 3 0 3]"},
	} {
		q.Skip, q.Top, q.Parents.Most = c.skip, c.top, c.most
		if got := read(t, source, &q); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestAnOriginThatIsNotThereLeadsNowhere(t *testing.T) {
	source, customers, orders := shop()
	no := &query.Property{Prop: orders.Key[0]}
	for key, want := range map[int64]string{1: "0 [11] 0 [12] 0 [15] [3]", 3: "[0]", 9: "[0]"} {
		q := query.Query{
			Set: orders, Columns: []query.Column{{Expr: no}}, Order: []query.Order{{Expr: no}}, Top: -1,
			Of: &query.Origin{Set: customers, Key: []any{key}, Nav: customers.Navigation[0]},
		}
		if got := read(t, source, &q); got != want {
			t.Errorf("%d: %s, want %s", key, got, want)
		}
	}
}

func TestAReaderStopsWhenItsRequestEnds(t *testing.T) {
	source, customers, _ := shop()
	ctx, cancel := context.WithCancel(context.Background())
	reader, err := source.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := reader.Rows(ctx, &query.Query{Set: customers, Top: -1}); err == nil {
		t.Error("rows were read behind the end of the request")
	}
}
