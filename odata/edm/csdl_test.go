package edm_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/odata/edm"
)

var update = flag.Bool("update", false, "write the golden files anew")

// shop is a model with everything that a model can have.
func shop() *edm.Model {
	status := &edm.EnumType{Name: "Status", Members: []edm.EnumMember{{Name: "Open", Value: 1}, {Name: "Shipped", Value: 2, Stored: "sent"}, {Name: "Lost", Value: -1}}}
	marks := &edm.EnumType{Name: "Marks", Flags: true, Members: []edm.EnumMember{{Name: "None"}, {Name: "Fragile", Value: 1}, {Name: "Cold", Value: 2}}}

	code := &edm.Property{Name: "Code", Type: edm.Type{Kind: edm.String, MaxLength: 5}}
	region := &edm.Property{Name: "Region", Type: of(edm.String), Nullable: true}
	customers := &edm.EntitySet{
		Name: "Customers", TypeName: "Customer", Title: "Customers", Description: "Who buys from us, \"firms\" & <people>\nalike.",
		Key:        []*edm.Property{code},
		Properties: []*edm.Property{code, {Name: "Ort_größer", Type: of(edm.String), Title: "Stadt"}, region, {Name: "Credit", Type: edm.Type{Kind: edm.Decimal, Precision: 12, Scale: 2}}},
		Searchable: []*edm.Property{code},
	}

	id := &edm.Property{Name: "ID", Type: of(edm.Int64)}
	line := &edm.Property{Name: "Line", Type: of(edm.Int16), Description: "Counted from 1."}
	buyer := &edm.Property{Name: "CustomerCode", Type: edm.Type{Kind: edm.String, MaxLength: 5}}
	after := &edm.Property{Name: "AfterID", Type: of(edm.Int64), Nullable: true}
	afterLine := &edm.Property{Name: "AfterLine", Type: of(edm.Int16), Nullable: true}
	place := &edm.Property{Name: "Place", Type: of(edm.String), Nullable: true, Hidden: true}
	orders := &edm.EntitySet{Name: "Orders", TypeName: "Order", Key: []*edm.Property{id, line}, Properties: []*edm.Property{
		id, line, buyer, after, afterLine, place,
		{Name: "Status", Type: edm.Type{Kind: edm.Enum, Enum: status}, Nullable: true},
		{Name: "Marks", Type: edm.Type{Kind: edm.Enum, Enum: marks}},
		{Name: "Paid", Type: of(edm.Boolean)},
		{Name: "Small", Type: of(edm.Byte)},
		{Name: "Smaller", Type: of(edm.SByte)},
		{Name: "Count", Type: of(edm.Int32)},
		{Name: "Weight", Type: of(edm.Single), Nullable: true},
		{Name: "Discount", Type: of(edm.Double)},
		{Name: "Freight", Type: edm.Type{Kind: edm.Decimal, Scale: -1}},
		{Name: "Price", Type: edm.Type{Kind: edm.Decimal, Precision: 18}},
		{Name: "Reference", Type: of(edm.Guid)},
		{Name: "Due", Type: of(edm.Date)},
		{Name: "At", Type: edm.Type{Kind: edm.TimeOfDay, Precision: 3}},
		{Name: "Ordered", Type: edm.Type{Kind: edm.DateTimeOffset, Precision: 6}, Title: "Ordered at", Description: "In UTC."},
		{Name: "Took", Type: edm.Type{Kind: edm.Duration, Precision: 6}, Nullable: true},
	}}

	bought := &edm.Navigation{Name: "Orders", Target: orders, Many: true, On: []edm.Link{{From: code, To: buyer}}}
	customer := &edm.Navigation{Name: "Customer", Target: customers, Partner: bought, On: []edm.Link{{From: buyer, To: code}}}
	bought.Partner = customer
	customers.Navigation = []*edm.Navigation{bought, {Name: "Neighbours", Target: customers, Many: true, On: []edm.Link{{From: region, To: region}}}}
	orders.Navigation = []*edm.Navigation{
		customer,
		{Name: "After", Target: orders, Nullable: true, On: []edm.Link{{From: after, To: id}, {From: afterLine, To: line}}},
		{Name: "Known", Target: customers, Nullable: true, On: []edm.Link{{From: buyer, To: code}}},
		{Name: "Hub", Target: customers, Nullable: true, On: []edm.Link{{From: place, To: code}}},
	}
	return &edm.Model{Namespace: "Example.Shop", Container: "Container", Sets: []*edm.EntitySet{customers, orders}, Enums: []*edm.EnumType{status, marks}}
}

func TestTheDocumentsAreTheGoldenOnes(t *testing.T) {
	m := shop()
	if err := m.Check(); err != nil {
		t.Fatal(err)
	}
	golden(t, "shop.xml", m.XML())
	golden(t, "shop.json", m.JSON())
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	name = filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(name, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-update writes it anew):\n%s", name, diff)
	}
}

// oasis finds a file of OASIS's data, which lies beside the repository or beside what holds its work tree.
func oasis(t *testing.T, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for parent := filepath.Dir(dir); parent != dir; dir, parent = parent, filepath.Dir(parent) {
		file := filepath.Join(dir, "../shared/odata", name)
		if _, err := os.Stat(file); err == nil {
			return file
		}
	}
	t.Skipf("no %s of OASIS beside the repository", name)
	return ""
}

// validateXML asks xmllint what is wrong with a document by OASIS's schema; "" is nothing.
func validateXML(t *testing.T, document []byte) string {
	t.Helper()
	schema := oasis(t, "edmx.xsd")
	lint := testkit.Need(t, "xmllint")
	command := exec.CommandContext(t.Context(), lint, "--noout", "--nonet", "--schema", schema, "-")
	command.Stdin = bytes.NewReader(document)
	out, err := command.CombinedOutput()
	if _, failed := errors.AsType[*exec.ExitError](err); failed {
		return string(out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return ""
}

func TestC1XMLValidatesAgainstTheSchemaOfOASIS(t *testing.T) {
	document := shop().XML()
	if problems := validateXML(t, document); problems != "" {
		t.Error(problems)
	}
	broken := bytes.Replace(document, []byte(`ReferencedProperty=`), []byte(`ReferencedRole=`), 1)
	if validateXML(t, broken) == "" {
		t.Error("the schema finds no fault with a broken document: it was not looked at")
	}
}

// csdlSchema is OASIS's schema of CSDL JSON.
func csdlSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	file := oasis(t, "csdl.schema.json")
	content, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	definition, err := jsonschema.UnmarshalJSON(content)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("csdl.json", definition); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("csdl.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func validateJSON(t *testing.T, schema *jsonschema.Schema, document []byte) error {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(value)
}

func TestC4JSONValidatesAgainstTheSchemaOfOASIS(t *testing.T) {
	schema := csdlSchema(t)
	document := shop().JSON()
	if err := validateJSON(t, schema, document); err != nil {
		t.Error(err)
	}
	broken := bytes.Replace(document, []byte(`"$Partner"`), []byte(`"$partner"`), 1)
	if validateJSON(t, schema, broken) == nil {
		t.Error("the schema finds no fault with a broken document: it was not looked at")
	}
}

func TestBothDocumentsNameTheSameThingsAndNothingHidden(t *testing.T) {
	m := shop()
	var document map[string]any
	if err := json.Unmarshal(m.JSON(), &document); err != nil {
		t.Fatal(err)
	}
	inJSON := map[string]bool{}
	schema, _ := document[m.Namespace].(map[string]any)
	for name, element := range schema {
		inJSON[name] = true
		members, _ := element.(map[string]any)
		for member := range members {
			if !strings.HasPrefix(member, "$") && !strings.HasPrefix(member, "@") {
				inJSON[name+"."+member] = true
			}
		}
	}
	inXML := namesInXML(t, m.XML())
	if diff := cmp.Diff(inXML, inJSON); diff != "" {
		t.Errorf("XML and JSON differ:\n%s", diff)
	}
	for _, s := range m.Sets {
		for _, p := range s.Properties {
			if inXML[s.TypeName+"."+p.Name] == p.Hidden {
				t.Errorf("%s.%s is shown %v, hidden %v", s.TypeName, p.Name, !p.Hidden, p.Hidden)
			}
		}
		for _, n := range s.Navigation {
			if !inXML[s.TypeName+"."+n.Name] {
				t.Errorf("%s.%s is not shown", s.TypeName, n.Name)
			}
		}
	}
}

// namesInXML are the children of the schema, each with its children: Order, Order.ID.
func namesInXML(t *testing.T, document []byte) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	var path []string
	decoder := xml.NewDecoder(bytes.NewReader(document))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			name := ""
			for _, a := range token.Attr {
				if a.Name.Local == "Name" && token.Name.Local != "PropertyRef" {
					name = a.Value
				}
			}
			path = append(path, name)
			if name != "" && len(path) >= 4 {
				names[strings.Join(path[3:], ".")] = true
			}
		case xml.EndElement:
			path = path[:len(path)-1]
		}
	}
}

// xmllint takes no Chinese and no recent character for a letter, so that only others are tried.
// What Identifier makes of any text is good for a database's worst table.
func TestDocumentsOfAnyMangledNamesValidate(t *testing.T) {
	schema := csdlSchema(t)
	names := rapid.SliceOfN(rapid.OneOf(rapid.StringMatching(`[\x00-\x{21f}]{0,200}`), rapid.StringMatching(`[a-zA-Z_ .-]{120,140}`), rapid.StringMatching(`[α-ωа-яא-תぁ-んก-ฮ\x{300}-\x{345}\x{200b}-\x{2070}😀𝔘]{0,10}`)), 300, 300)
	titles := rapid.StringMatching(`[\t\n\r\x20-\x{d7ff}\x{e000}-\x{fffd}\x{10000}-\x{10ffff}]*`)
	for seed := range 4 {
		taken := map[string]bool{"Row": true}
		s := &edm.EntitySet{Name: "Rows", TypeName: "Row"}
		for _, name := range names.Example(seed) {
			s.Properties = append(s.Properties, &edm.Property{Name: edm.Identifier(name, taken), Type: of(edm.Int64), Title: titles.Example(len(taken))})
		}
		s.Key = s.Properties[:1]
		m := &edm.Model{Namespace: "NS", Container: "Container", Sets: []*edm.EntitySet{s}}
		if err := m.Check(); err != nil {
			t.Fatal(err)
		}
		if problems := validateXML(t, m.XML()); problems != "" {
			t.Error(problems)
		}
		if err := validateJSON(t, schema, m.JSON()); err != nil {
			t.Error(err)
		}
		for i, p := range descriptions(t, m.XML()) {
			if want := s.Properties[i].Title; want != "" && p != want {
				t.Errorf("the title %q is %q in XML", want, p)
			}
		}
	}
}

// descriptions are those of properties, "" where there is none.
func descriptions(t *testing.T, document []byte) []string {
	t.Helper()
	var all []string
	decoder := xml.NewDecoder(bytes.NewReader(document))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		element, ok := token.(xml.StartElement)
		switch {
		case !ok:
		case element.Name.Local == "Property":
			all = append(all, "")
		case element.Name.Local == "EntityContainer":
			return all
		case element.Name.Local == "Annotation":
			all[len(all)-1] = element.Attr[1].Value
		}
	}
}
