package sqldata

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/keywright/keywright/odata/edm"
)

func TestNamesBecomeWhatPeopleWouldCallThem(t *testing.T) {
	for in, want := range map[string]string{
		"orders": "Orders", "cust_no": "CustNo", "customerName": "CustomerName", "id": "ID", "CustomerID": "CustomerID", "customer_id": "CustomerID",
		"ORDER_LINES": "OrderLines", "SKU": "Sku", "HTTPStatus": "HTTPStatus", "Order Details": "OrderDetails", "größe": "Größe", "KUNDEN_NR": "KundenNr",
		"e-mail": "EMail", "line2": "Line2", "Line2Text": "Line2Text", "2fa_codes": "2faCodes", "__x__": "X", "": "", "🙂": "", "日本 語": "日本語", "ordersʼ list": "OrdersʼList", "a.b": "AB",
	} {
		if got := pascal(words(in)); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"Orders": "Order", "Categories": "Category", "Addresses": "Address", "Boxes": "Box", "People": "Person", "SalesPeople": "SalesPerson", "Children": "Child",
		"Statuses": "Status", "Houses": "House", "Movies": "Movie", "OrderLines": "OrderLine", "Series": "", "News": "", "Status": "", "Address": "", "Order": "",
		"Analysis": "", "Data": "", "S": "", "Ties": "Tie", "Branches": "Branch", "Straßen": "", "Cafés": "Café",
	} {
		if got := singular(in); got != want {
			t.Errorf("one of %q is %q, want %q", in, got, want)
		}
	}
}

func TestAStarStandsForAnyLetters(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"a", "a", true},
		{"a", "ab", false},
		{"*", "", true},
		{"a*", "a", true},
		{"a*", "ba", false},
		{"*a", "ba", true},
		{"*a*", "bab", true},
		{"a*a", "a", false},
		{"a*b*c", "abc", true},
		{"a*b*c", "aXbYc", true},
		{"a*b*c", "acb", false},
		{"a*bc*c", "abc", false},
		{"", "", true},
		{"", "a", false},
		{"**", "x", true},
		{"a?c", "abc", false},
	} {
		if got := glob(c.pattern, c.text); got != c.want {
			t.Errorf("%q matches %q: %t", c.pattern, c.text, got)
		}
	}
}

// anyName draws names as databases allow them and people should not give them.
func anyName() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{
			"orders", "order", "Orders", "ORDERS", "order_s", "id", "ID", "Id", "customer", "customer_id", "customers", "container", "Container", "data", "select", "null", "true", "$it", "_",
			"__", " ", ".", "a.b", `"`, `""`, "'", "';--", "größe", "GRÖSSE", "ß", "SS", "ſ", "K", "k", "🙂", "🙃", "1", "1st", "é", "e\u0301", "日本", "İ", "i", "Row", "OrderRow", "ordersRow",
			strings.Repeat("x", 200), strings.Repeat("x", 127) + "y", strings.Repeat("ü", 130), "a\tb", "a\nb", "-", "\u200b", "\ufeff", "\u0345", "Edm", "all", "any", "String",
		}),
		rapid.StringN(1, 12, 60).Filter(func(s string) bool { return !strings.ContainsRune(s, 0) }),
		rapid.StringMatching(`[a-z_]{1,6}`),
	)
}

// distinctNames draws names that are not the same.
func distinctNames(t *rapid.T, least, most int, label string) []string {
	return rapid.SliceOfNDistinct(anyName(), least, most, rapid.ID[string]).Draw(t, label)
}

func anyColumn(t *rapid.T, name string) *column {
	c := &column{name: name, declared: "x", notNull: rapid.Bool().Draw(t, "not null"), description: rapid.String().Draw(t, "description")}
	kind := rapid.SampledFrom([]edm.Kind{edm.Int16, edm.Int32, edm.Int64, edm.String, edm.Guid, edm.Double, edm.DateTimeOffset, edm.Enum, edm.Invalid}).Draw(t, "kind")
	c.typ.Kind = kind
	if kind == edm.Invalid {
		c.problem = "it has one"
	}
	if kind == edm.Enum {
		c.enum = &enumeration{name: anyName().Draw(t, "enumeration"), labels: distinctNames(t, 1, 5, "labels")}
	}
	return c
}

func TestAnyNamesMakeAModelThatIsValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var rs []*relation
		for _, schema := range rapid.SliceOfNDistinct(anyName(), 1, 2, rapid.ID[string]).Draw(t, "schemas") {
			for _, name := range distinctNames(t, 1, 4, "tables") {
				r := &relation{schema: schema, name: name, path: rapid.IntRange(-1, 1).Draw(t, "path")}
				for _, name := range distinctNames(t, 1, 6, "columns") {
					r.columns = append(r.columns, anyColumn(t, name))
				}
				for range rapid.IntRange(0, 2).Draw(t, "keys") {
					r.uniques = append(r.uniques, rapid.SliceOfNDistinct(rapid.SampledFrom(names(r)), 1, 2, rapid.ID[string]).Draw(t, "unique"))
				}
				r.primary = rapid.SliceOfNDistinct(rapid.SampledFrom(names(r)), 0, 2, rapid.ID[string]).Draw(t, "primary")
				rs = append(rs, r)
			}
		}
		p := Publish{Names: map[string]string{}, Titles: map[string]string{}}
		for _, r := range rs {
			for range rapid.IntRange(0, 3).Draw(t, "references") {
				to := rapid.SampledFrom(rs).Draw(t, "to")
				r.references = append(r.references, reference{
					from: []string{rapid.SampledFrom(names(r)).Draw(t, "from column")}, schema: to.schema, table: to.name,
					to: []string{rapid.SampledFrom(names(to)).Draw(t, "to column")}, trusted: rapid.Bool().Draw(t, "trusted"),
				})
			}
			column := r.name + "." + rapid.SampledFrom(names(r)).Draw(t, "column")
			if rapid.Bool().Draw(t, "named") {
				p.Names[column], p.Names[r.name] = anyName().Draw(t, "name"), anyName().Draw(t, "set")
				p.Titles[column] = rapid.String().Draw(t, "title")
			}
			if rapid.Bool().Draw(t, "left out") {
				p.LeaveOut = append(p.LeaveOut, r.name+"."+rapid.SampledFrom(names(r)).Draw(t, "out"))
			}
		}
		m := newMaker(Postgres, p)
		m.add(rs)
		if len(m.tables) == 0 {
			return
		}
		d := m.describe()
		if err := d.Model.Check(); err != nil {
			t.Fatalf("%v\n%s", err, d.Model.XML())
		}
		for _, table := range d.Tables {
			if len(table.Columns) != len(table.Set.Properties) {
				t.Fatalf("%s has %d columns for %d properties", table.Set.Name, len(table.Columns), len(table.Set.Properties))
			}
			for _, n := range table.Set.Navigation {
				for _, l := range n.On {
					if !slices.Contains(table.Set.Properties, l.From) || !slices.Contains(n.Target.Properties, l.To) {
						t.Fatalf("%s.%s goes by properties that are not there", table.Set.Name, n.Name)
					}
				}
			}
		}
	})
}

func names(r *relation) []string {
	var all []string
	for _, c := range r.columns {
		all = append(all, c.name)
	}
	return all
}
