package edm_test

import (
	"fmt"

	"github.com/keywright/keywright/odata/edm"
)

// A model is built once, checked once, and then said in either document.
func ExampleModel_Check() {
	taken := map[string]bool{"Reading": true} // a property may not be named like its type
	id := &edm.Property{Name: edm.Identifier("id", taken), Type: edm.Type{Kind: edm.Int64}}
	value := &edm.Property{Name: edm.Identifier("value (°C)", taken), Type: edm.Type{Kind: edm.Decimal, Precision: 5, Scale: 2}, Nullable: true}
	m := &edm.Model{Namespace: "Weather", Container: "Container", Sets: []*edm.EntitySet{
		{Name: "Readings", TypeName: "Reading", Key: []*edm.Property{id, value}, Properties: []*edm.Property{id, value}},
	}}
	fmt.Println(m.Check())
	// Output: edm: Readings.value_C: a key that can be null
}

func ExampleType_AppendJSON() {
	price := edm.Type{Kind: edm.Decimal, Precision: 10, Scale: 2}
	v, ok := edm.ParseLiteral(edm.Decimal, "1.25e1")
	b, err := price.AppendJSON(nil, v, false)
	fmt.Println(string(b), ok, err)
	_, err = price.AppendJSON(nil, 12.5, false)
	fmt.Println(err)
	// Output:
	// 12.5 true <nil>
	// edm: a Go float64 is no value of Edm.Decimal, or out of its range
}
