package edm_test

import (
	"strings"
	"testing"

	"github.com/keywright/keywright/odata/edm"
)

// TestConstraintsAreWrittenOnlyWhereReadersAgree: ODataLib finds fault with a referential constraint whose nulls or whose
// other end say something else, and with one that names a property that is not shown.
func TestConstraintsAreWrittenOnlyWhereReadersAgree(t *testing.T) {
	type relation struct {
		nullable, null bool // the way, and the property that it starts from
		many           bool
		back           string // the way back: "", "one" or "many"
		fromKey        bool
		hideFrom       bool
		hideTo         bool
	}
	for name, test := range map[string]struct {
		relation
		written bool
	}{
		"required":                               {relation{}, true},
		"optional":                               {relation{nullable: true, null: true}, true},
		"with many back":                         {relation{back: "many"}, true},
		"one to one by key":                      {relation{back: "one", fromKey: true}, true},
		"key, with no way back":                  {relation{fromKey: true}, true},
		"to many":                                {relation{many: true}, false},
		"optional though never null":             {relation{nullable: true}, false},
		"one back, by a property that is no key": {relation{back: "one"}, false},
		"many back, by a key":                    {relation{back: "many", fromKey: true}, false},
		"from what is hidden":                    {relation{hideFrom: true}, false},
		"to what is hidden":                      {relation{hideTo: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			id := func() *edm.Property { return &edm.Property{Name: "ID", Type: of(edm.Int64)} }
			other := &edm.Property{Name: "Other", Type: of(edm.Int64), Nullable: test.null, Hidden: test.hideFrom}
			number := &edm.Property{Name: "Number", Type: of(edm.Int64), Hidden: test.hideTo}
			a := &edm.EntitySet{Name: "As", TypeName: "A", Properties: []*edm.Property{id(), other}}
			b := &edm.EntitySet{Name: "Bs", TypeName: "B", Properties: []*edm.Property{id(), number}}
			a.Key, b.Key = a.Properties[:1], b.Properties[:1]
			if test.fromKey {
				a.Key = []*edm.Property{other}
			}
			way := &edm.Navigation{Name: "Way", Target: b, Many: test.many, Nullable: test.nullable, On: []edm.Link{{From: other, To: number}}}
			a.Navigation = []*edm.Navigation{way}
			if test.back != "" {
				back := &edm.Navigation{Name: "Back", Target: a, Many: test.back == "many", Nullable: true, Partner: way, On: []edm.Link{{From: number, To: other}}}
				b.Navigation, way.Partner = []*edm.Navigation{back}, back
			}
			m := &edm.Model{Namespace: "NS", Container: "Container", Sets: []*edm.EntitySet{a, b}}
			if err := m.Check(); err != nil {
				t.Fatal(err)
			}
			inXML := strings.Contains(string(m.XML()), `<ReferentialConstraint Property="Other" ReferencedProperty="Number"/>`)
			inJSON := strings.Contains(string(m.JSON()), `"$ReferentialConstraint"`)
			if inXML != test.written || inJSON != test.written {
				t.Errorf("written in XML %v, in JSON %v, not %v", inXML, inJSON, test.written)
			}
			if validateXML(t, m.XML()) != "" {
				t.Error("the document does not validate")
			}
		})
	}
}
