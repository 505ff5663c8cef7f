package odata

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOptionsOfNestedCollectionsAreCutOutOfExpand(t *testing.T) {
	for _, c := range []struct {
		expand, nav string
		want        []option
	}{
		{"Orders", "Orders", nil},
		{"Owner,Orders($top=5;$skip=2)", "Orders", []option{{"$top", "5"}, {"$skip", "2"}}},
		{"Orders($filter=Name eq 'a;b,c)')", "Orders", []option{{"$filter", "Name eq 'a;b,c)'"}}},
		{"Orders($filter=Name eq 'O''Neil;(')", "Orders", []option{{"$filter", "Name eq 'O''Neil;('"}}},
		{`Orders($search="a;b)" OR c;$top=1)`, "Orders", []option{{"$search", `"a;b)" OR c`}, {"$top", "1"}}},
		{
			"Lines($top=1),Orders($expand=Lines($top=2;$count=true);$orderby=A desc,B)", "Orders",
			[]option{{"$expand", "Lines($top=2;$count=true)"}, {"$orderby", "A desc,B"}},
		},
		{"Orders/$ref($top=3)", "Orders", []option{{"$top", "3"}}},
		{"Orders($search=a;b; $top=3)", "Orders", []option{{"$search", "a;b"}, {"$top", "3"}}},
		{"*", "Orders", nil},
		{"*($levels=2)", "Orders", []option{{"$expand", "Orders($levels=1)"}}},
		{"*($levels=2),Orders($top=1)", "Orders", []option{{"$top", "1"}}},
		{"Boss($levels=max)", "Boss", []option{{"$expand", "Boss($levels=max)"}}},
		{"Boss($levels=1;$select=Name)", "Boss", []option{{"$select", "Name"}}},
		{
			"Boss($select=Name;$levels=3;$expand=Owner)", "Boss",
			[]option{{"$select", "Name"}, {"$expand", "Owner,Boss($select=Name;$expand=Owner;$levels=2)"}},
		},
	} {
		got := inside([]option{{"$filter", "x"}, {"$expand", c.expand}}, c.nav)
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(option{})); diff != "" {
			t.Errorf("%s of %s: %s", c.nav, c.expand, diff)
		}
	}
}

func TestLinksAreSafeInAnyPlace(t *testing.T) {
	if got := sanitize("Orders('a%2Fb')<\"> ü\\"); got != "Orders('a%2Fb')%3C%22%3E%20%C3%BC%5C" {
		t.Errorf("sent text becomes %s", got)
	}
	if got := string(appendEscaped(nil, "a/b c?&#%'ü", inPath)); got != "a%2Fb%20c%3F%26%23%25'%C3%BC" {
		t.Errorf("text becomes %s", got)
	}
}

func FuzzNestedOptions(f *testing.F) {
	f.Add("Orders($filter=a eq 'b;$levels=2),*($levels=99999999999)", "Orders")
	f.Add(`Orders()")`, "Orders")
	f.Fuzz(func(t *testing.T, expand, nav string) {
		inside([]option{{"$expand", expand}}, nav) // does not panic
	})
}
