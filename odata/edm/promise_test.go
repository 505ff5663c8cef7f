package edm_test

import (
	"errors"
	"net/url"
	"testing"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
	"github.com/keywright/keywright/odata/uri"
)

// bind reads a request for orders of the shop.
func bind(options string) error {
	r, err := uri.Parse("Orders", options, uri.Limits{})
	if err != nil {
		return err
	}
	_, err = query.Bind(shop(), r, query.Options{})
	return err
}

// TestMetadataPromisesWhatIsSupported: what $metadata says that $filter knows can be asked for, and what it is silent about
// is refused as unsupported.
func TestMetadataPromisesWhatIsSupported(t *testing.T) {
	samples := map[string]string{
		"eq": "Count eq 1", "ne": "Count ne 1", "gt": "Count gt 1", "ge": "Count ge 1", "lt": "Count lt 1", "le": "Count le 1",
		"has": "Marks has Example.Shop.Marks'Cold'", "in": "Count in (1,2)", "and": "Paid and Paid", "or": "Paid or Paid", "not": "not Paid",
		"add": "Count add 1 eq 2", "sub": "Count sub 1 eq 2", "mul": "Count mul 1 eq 2", "div": "Count div 1 eq 2", "divby": "Count divby 2 eq 0.5", "mod": "Count mod 2 eq 1",
		"any": "Customer/Orders/any(o:o/Paid)", "all": "Customer/Orders/all(o:o/Paid)",
		"concat": "concat(CustomerCode,'x') eq 'x'", "contains": "contains(CustomerCode,'x')", "endswith": "endswith(CustomerCode,'x')", "startswith": "startswith(CustomerCode,'x')",
		"indexof": "indexof(CustomerCode,'x') eq 1", "length": "length(CustomerCode) eq 1", "substring": "substring(CustomerCode,1,2) eq 'x'",
		"tolower": "tolower(CustomerCode) eq 'x'", "toupper": "toupper(CustomerCode) eq 'X'", "trim": "trim(CustomerCode) eq 'x'",
		"year": "year(Due) eq 1", "month": "month(Ordered) eq 1", "day": "day(Due) eq 1", "hour": "hour(At) eq 1", "minute": "minute(Ordered) eq 1", "second": "second(At) eq 1",
		"fractionalseconds": "fractionalseconds(Ordered) eq 0.5", "totaloffsetminutes": "totaloffsetminutes(Ordered) eq 0", "totalseconds": "totalseconds(Took) eq 1",
		"date": "date(Ordered) eq Due", "time": "time(Ordered) eq At", "now": "Ordered lt now()", "mindatetime": "Ordered gt mindatetime()", "maxdatetime": "Ordered lt maxdatetime()",
		"round": "round(Discount) eq 1", "floor": "floor(Price) eq 1", "ceiling": "ceiling(Price) eq 1", "cast": "cast(Count,Edm.String) eq '1'", "case": "case(Paid:true,true:false)",
	}
	for _, name := range edm.FilterFunctions() {
		sample, ok := samples[name]
		if !ok {
			t.Errorf("%s is promised and has no sample here", name)
			continue
		}
		if err := bind("$filter=" + url.PathEscape(sample)); err != nil {
			t.Errorf("%s is promised, and %s is refused: %v", name, sample, err)
		}
		delete(samples, name)
	}
	for name := range samples {
		t.Errorf("%s is not promised", name)
	}
	for _, options := range []string{"$top=1", "$compute=Count%20add%201%20as%20More&$filter=More%20gt%201", "$apply=filter(Paid)/groupby((CustomerCode),aggregate(Count%20with%20sum%20as%20Total))"} {
		if err := bind(options); err != nil {
			t.Errorf("%s: %v", options, err)
		}
	}
	for _, sample := range []string{"matchesPattern(CustomerCode,'x')", "isof(Count,Edm.Int32)"} {
		var refused *query.Error
		if err := bind("$filter=" + sample); !errors.As(err, &refused) || !refused.Unsupported {
			t.Errorf("%s: %v", sample, err)
		}
	}
}

// TestOnlyWhatIsMarkedSearchableCanBeSearched is what SearchRestrictions says of each set.
func TestOnlyWhatIsMarkedSearchableCanBeSearched(t *testing.T) {
	for set, want := range map[string]bool{"Customers": true, "Orders": false} {
		r, err := uri.Parse(set, "$search=x", uri.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := query.Bind(shop(), r, query.Options{}); (err == nil) != want {
			t.Errorf("%s: %v", set, err)
		}
	}
}
