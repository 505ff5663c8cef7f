package edm_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/keywright/keywright/odata/edm"
)

func TestC3CheckFindsWhatIsWrong(t *testing.T) {
	customer := func(m *edm.Model) *edm.EntitySet { return m.Sets[0] }
	order := func(m *edm.Model) *edm.EntitySet { return m.Sets[1] }
	for name, test := range map[string]struct {
		do   func(m *edm.Model)
		says string
	}{
		"no namespace":           {func(m *edm.Model) { m.Namespace = "" }, `model: "" is no namespace`},
		"namespace of OData":     {func(m *edm.Model) { m.Namespace = "Edm" }, `model: "Edm" is no namespace`},
		"namespace with a gap":   {func(m *edm.Model) { m.Namespace = "A..B" }, `model: "A..B" is no namespace`},
		"container of no name":   {func(m *edm.Model) { m.Container = "My Container" }, `model: the name "My Container" of the schema is no identifier of at most 128 characters`},
		"container like a type":  {func(m *edm.Model) { m.Container = "order" }, `model: the names "order" and "Order" of the schema differ by case only, or not at all`},
		"no sets":                {func(m *edm.Model) { m.Sets = nil }, `model: no entity sets`},
		"sets of one name":       {func(m *edm.Model) { m.Sets[1].Name = "CUSTOMERS" }, `model: the names "Customers" and "CUSTOMERS" of the container differ by case only, or not at all`},
		"types of one name":      {func(m *edm.Model) { m.Sets[1].TypeName = "Customer" }, `model: the names "Customer" and "Customer" of the schema differ by case only, or not at all`},
		"a blank":                {func(m *edm.Model) { customer(m).Properties[2].Name = "Re gion" }, `Customers: the name "Re gion" of the type is no identifier of at most 128 characters`},
		"a hyphen":               {func(m *edm.Model) { customer(m).Properties[2].Name = "Re-gion" }, `Customers: the name "Re-gion" of the type is no identifier of at most 128 characters`},
		"a digit in front":       {func(m *edm.Model) { customer(m).Properties[2].Name = "1st" }, `Customers: the name "1st" of the type is no identifier of at most 128 characters`},
		"a percent sign":         {func(m *edm.Model) { customer(m).Properties[2].Name = "%s" }, `Customers: the name "%s" of the type is no identifier of at most 128 characters`},
		"too long":               {func(m *edm.Model) { customer(m).Properties[2].Name = strings.Repeat("é", 129) }, `is no identifier of at most 128 characters`},
		"differs by case":        {func(m *edm.Model) { customer(m).Properties[2].Name = "ORT_GRÖßER" }, `Customers: the names "Ort_größer" and "ORT_GRÖßER" of the type differ by case only, or not at all`},
		"differs by kelvin sign": {func(m *edm.Model) { customer(m).Properties[2].Name, customer(m).Properties[3].Name = "k", "\u212a" }, `of the type differ by case only, or not at all`},
		"way like a property":    {func(m *edm.Model) { order(m).Navigation[0].Name = "paid" }, `Orders: the names "Paid" and "paid" of the type differ by case only, or not at all`},
		"named like its type":    {func(m *edm.Model) { customer(m).Properties[2].Name = "customer" }, `Customers: "customer" is named like its type`},
		"way like its type":      {func(m *edm.Model) { order(m).Navigation[0].Name = "Order" }, `Orders: "Order" is named like its type`},
		"no key":                 {func(m *edm.Model) { customer(m).Key = nil }, `Customers: no key`},
		"nullable key":           {func(m *edm.Model) { customer(m).Key[0].Nullable = true }, `Customers.Code: a key that can be null`},
		"hidden key":             {func(m *edm.Model) { customer(m).Key[0].Hidden = true }, `Customers.Code: a key that is hidden: entities could not be named`},
		"foreign key property":   {func(m *edm.Model) { customer(m).Key = order(m).Key }, `Customers.ID: a key of no property of the set`},
		"key twice":              {func(m *edm.Model) { order(m).Key[1] = order(m).Key[0] }, `Orders.ID: twice in the key`},
		"key of Double":          {func(m *edm.Model) { order(m).Key[1].Type = of(edm.Double) }, `Orders.Line: Edm.Double can't be a key`},
		"no type":                {func(m *edm.Model) { customer(m).Properties[2].Type = edm.Type{} }, `Customers.Region: no type has no place in a feed`},
		"binary":                 {func(m *edm.Model) { customer(m).Properties[2].Type = of(edm.Binary) }, `Customers.Region: Edm.Binary has no place in a feed`},
		"enum of none":           {func(m *edm.Model) { customer(m).Properties[2].Type = of(edm.Enum) }, `Customers.Region: its enumeration is not in the model`},
		"scale over precision":   {func(m *edm.Model) { customer(m).Properties[3].Type.Scale = 13 }, `Customers.Credit: no decimal has precision 12 and scale 13`},
		"13 digits of a second":  {func(m *edm.Model) { order(m).Properties[19].Type.Precision = 13 }, `Orders.Ordered: a second has 0 to 12 digits behind its point, not 13`},
		"negative length":        {func(m *edm.Model) { customer(m).Properties[2].Type.MaxLength = -1 }, `Customers.Region: no text has at most -1 characters`},
		"search in numbers":      {func(m *edm.Model) { order(m).Searchable = order(m).Key }, `Orders: ID: only visible strings of the set can be searched`},
		"search in the hidden":   {func(m *edm.Model) { order(m).Searchable = order(m).Properties[5:6] }, `Orders: Place: only visible strings of the set can be searched`},
		"way out of the model":   {func(m *edm.Model) { order(m).Navigation[0].Target = &edm.EntitySet{} }, `Orders.Customer: its target is no set of the model`},
		"way to nowhere":         {func(m *edm.Model) { order(m).Navigation[0].Target = nil }, `Orders.Customer: its target is no set of the model`},
		"way by nothing":         {func(m *edm.Model) { order(m).Navigation[0].On = nil }, `Orders.Customer: nothing says which rows are related`},
		"foreign start":          {func(m *edm.Model) { order(m).Navigation[0].On[0].From = customer(m).Key[0] }, `Orders.Customer: it starts at no property of Orders`},
		"foreign end":            {func(m *edm.Model) { order(m).Navigation[0].On[0].To = order(m).Key[0] }, `Orders.Customer: it ends at no property of Customers`},
		"ends of two types":      {func(m *edm.Model) { order(m).Navigation[0].On[0].From = order(m).Key[0] }, `Orders.Customer: ID and Code are of different types`},
		"null that leads to one": {func(m *edm.Model) { order(m).Navigation[1].Nullable = false }, `Orders.After: it leads to none where AfterID is null, and says that it does not`},
		"partner elsewhere":      {func(m *edm.Model) { order(m).Navigation[0].Partner = customer(m).Navigation[1] }, `Orders.Customer: its partner does not lead back`},
		"partner of another":     {func(m *edm.Model) { customer(m).Navigation[0].Partner = order(m).Navigation[2] }, `Orders.Customer: its partner does not lead back`},
		"enum of no members":     {func(m *edm.Model) { m.Enums[0].Members = nil }, `Status: no members`},
		"enum in two cases":      {func(m *edm.Model) { m.Enums[0].Members[0].Name = "lost" }, `Status: the names "lost" and "Lost" of the enumeration differ by case only, or not at all`},
		"enum of one value":      {func(m *edm.Model) { m.Enums[0].Members[0].Value = 2 }, `Status: two members have the value 2`},
		"enum stored alike":      {func(m *edm.Model) { m.Enums[0].Members[0].Stored = "Lost" }, `Status: two members are stored as "Lost"`},
		"negative flag":          {func(m *edm.Model) { m.Enums[1].Members[0].Value = -1 }, `Marks: None: a flag can't be negative`},
		"escape in a title":      {func(m *edm.Model) { customer(m).Title = "\x1b[1m" }, `Customers: a text holds characters that XML can't say`},
		"half a character":       {func(m *edm.Model) { customer(m).Key[0].Description = "\xff" }, `Customers.Code: a text holds characters that XML can't say`},
		"no character":           {func(m *edm.Model) { customer(m).Key[0].Title = "\uffff" }, `Customers.Code: a text holds characters that XML can't say`},
	} {
		t.Run(name, func(t *testing.T) {
			m := shop()
			if err := m.Check(); err != nil {
				t.Fatal(err)
			}
			test.do(m)
			if err := m.Check(); err == nil || !strings.Contains(err.Error()+"\n", test.says+"\n") {
				t.Errorf("%v\nis not\n%s", err, test.says)
			}
		})
	}
}

func TestCheckSaysEveryProblemAtOnce(t *testing.T) {
	m := shop()
	m.Sets[0].Key[0].Nullable = true
	m.Sets[1].Navigation[0].Name = "Order"
	err := m.Check()
	want := "edm: Customers.Code: a key that can be null\nedm: Orders: \"Order\" is named like its type"
	if err == nil || err.Error() != want {
		t.Error(err)
	}
}

func TestIdentifiersKeepWhatTheyCan(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"Name", "Name"},
		{"order_date", "order_date"},
		{"order-date", "order_date"},
		{"  % of  total ", "of_total"},
		{"2nd", "_2nd"},
		{"größer", "größer"},
		{"注文", "注文"},
		{"naïve", "naïve"},
		{"٣x", "_٣x"},
		{"\u0301x", "_\u0301x"},
		{"a\u200bb", "a_b"},
		{"😀", "_"},
		{"a𝔘b", "a_b"},
		{"", "_"},
		{"$count", "count"},
		{"a\xffb", "a_b"},
		{"a'; drop table x;--", "a_drop_table_x"},
		{strings.Repeat("é", 200), strings.Repeat("é", 128)},
	} {
		if got := edm.Identifier(test.text, map[string]bool{}); got != test.want {
			t.Errorf("%q became %q, not %q", test.text, got, test.want)
		}
	}
	taken := map[string]bool{}
	var got []string
	for _, text := range []string{"a", "A", "a_2", "a-2", "Straße", "STRASSE", strings.Repeat("x", 128), strings.Repeat("X", 200)} {
		got = append(got, edm.Identifier(text, taken))
	}
	want := []string{"a", "A_2", "a_2_2", "a_2_3", "Straße", "STRASSE", strings.Repeat("x", 128), strings.Repeat("X", 126) + "_2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestIdentifiersAreStableAndNeverCollide(t *testing.T) {
	// Few letters, so that they meet often.
	name := rapid.OneOf(rapid.StringMatching(`[aA_ 12kK\x{212a}]{0,4}`), rapid.String(), rapid.StringMatching(`[xX]{126,140}`))
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOf(name).Draw(t, "names")
		first, again := map[string]bool{}, map[string]bool{}
		var made []string
		for _, n := range names {
			id := edm.Identifier(n, first)
			if other := edm.Identifier(n, again); other != id {
				t.Fatalf("%q became %q, then %q", n, id, other)
			}
			for _, before := range made {
				if strings.EqualFold(before, id) {
					t.Fatalf("%q and %q collide", before, id)
				}
			}
			if length := utf8.RuneCountInString(id); length < 1 || length > 128 {
				t.Fatalf("%q has %d characters", id, length)
			}
			made = append(made, id)
		}
		if len(first) != len(names) {
			t.Fatalf("%d names taken by %d", len(first), len(names))
		}
	})
}
