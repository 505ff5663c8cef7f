package odata

import (
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// powerQuery is what Excel and Power BI send with every request.
const powerQuery = "application/json;odata.metadata=minimal;q=1.0,application/json;odata=minimalmetadata;q=0.9," +
	"application/atomsvc+xml;q=0.8,application/atom+xml;q=0.8,application/xml;q=0.7,text/plain;q=0.7"

func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func statusOf(err error) int {
	if f, ok := errors.AsType[*failure](err); ok {
		return f.status
	}
	return http.StatusOK
}

type negotiation struct {
	accept, format string
	of             resource
	want           string // "" is 406
}

func negotiations() []negotiation {
	const (
		plain = "application/json;odata.metadata=minimal"
		xml   = "application/xml"
	)
	return []negotiation{
		{"", "", data, plain},
		{powerQuery, "", data, plain},
		{powerQuery, "", metadata, xml},
		{powerQuery, "", text, plain},
		{"*/*", "", data, plain},
		{"application/*", "", data, plain},
		{"application/json", "", data, plain},
		{"APPLICATION/JSON", "", data, plain},
		{"application/xml", "", data, ""},
		{"text/html", "", data, ""},
		{"text/html, */*;q=0.1", "", data, plain},
		{"application/json;odata.metadata=bogus", "", data, ""},
		{"application/json;foo=bar", "", data, ""},
		{"application/json;foo=bar, application/json;q=0.5;odata.metadata=full", "", data, "application/json;odata.metadata=full"},
		{"application/json;odata=verbose", "", data, ""},
		{"application/json;q=0, */*", "", data, ""},
		{"application/json;q=0, application/json;odata.metadata=none", "", data, "application/json;odata.metadata=none"},
		{"application/json;q=2", "", data, ""},
		{"application/json;q=nan", "", data, ""},
		{"application/json;odata.metadata=full;q=0.2, application/json;odata.metadata=none;q=0.7", "", data, "application/json;odata.metadata=none"},
		{"*/*, application/json;metadata=full", "", data, "application/json;odata.metadata=full"},
		{"application/json;metadata=none", "", data, "application/json;odata.metadata=none"},
		{"application/json;odata.metadata=minimal;IEEE754Compatible=true", "", data, plain + ";IEEE754Compatible=true"},
		{"application/json;IEEE754Compatible=false", "", data, plain},
		{"application/json;IEEE754Compatible=perhaps", "", data, ""},
		{"application/json;odata.streaming=true", "", data, plain + ";odata.streaming=true"},
		{"application/json;streaming=false", "", data, plain},
		{"application/json;ExponentialDecimals=true", "", data, plain},
		{"application/json;charset=utf-8", "", data, plain + ";charset=utf-8"},
		{`application/json;charset="UTF-8"`, "", data, plain + ";charset=utf-8"},
		{"application/json;charset=iso-8859-1", "", data, ""},
		{"garbage;;;, application/json", "", data, plain},
		{"garbage", "", data, ""},

		{"application/xml", "json", data, plain},
		{"application/xml", "application/json;odata.metadata=none", data, "application/json;odata.metadata=none"},
		{"application/json", "json;odata.metadata=full", data, "application/json;odata.metadata=full"},
		{"application/json", "xml", data, ""},
		{"application/json", "atom", data, ""},
		{"application/json", "application/json;foo=bar", data, ""},
		{"", "*/*", data, ""},
		{"", "acme", data, ""},

		{"", "", metadata, xml},
		{"application/json", "", metadata, plain},
		{"application/json, */*;q=0.1", "", metadata, xml},
		{"application/xml;charset=utf-8", "", metadata, xml + ";charset=utf-8"},
		{"text/xml", "", metadata, ""},
		{"application/xml", "json", metadata, plain},
		{"application/json", "xml", metadata, xml},
		{"", "atom", metadata, ""},

		{"application/json", "", text, plain},
		{"", "text/plain", text, plain},
		{"", "json", text, plain},
		{"", "xml", text, ""},
	}
}

func TestAnswersAreWrittenAsAcceptAndFormatSay(t *testing.T) {
	for _, c := range negotiations() {
		h := http.Header{}
		if c.accept != "" {
			h.Set("Accept", c.accept)
		}
		f, err := negotiate(h, c.format, c.of)
		got := f.contentType()
		if err != nil {
			got = ""
			if statusOf(err) != http.StatusNotAcceptable {
				t.Errorf("Accept %q, $format %q: %v", c.accept, c.format, err)
			}
		}
		if got != c.want {
			t.Errorf("Accept %q, $format %q: %q instead of %q", c.accept, c.format, got, c.want)
		}
	}
}

func TestOnlyUTF8IsSpoken(t *testing.T) {
	for value, want := range map[string]string{
		"utf-8":                     "application/json;odata.metadata=minimal;charset=utf-8",
		"iso-8859-1, utf-8;q=0.5":   "application/json;odata.metadata=minimal;charset=utf-8",
		"iso-8859-1, *;q=0.1":       "application/json;odata.metadata=minimal",
		"iso-8859-1":                "",
		"utf-8;q=0, *":              "",
		"iso-8859-1;q=1, *;q=0.000": "",
	} {
		f, err := negotiate(headers("Accept-Charset", value), "", data)
		if got := f.contentType(); err == nil && got != want || err != nil && want != "" {
			t.Errorf("%q: %q, %v instead of %q", value, got, err, want)
		}
	}
}

func TestOtherVersionsAndIsolationAreRefused(t *testing.T) {
	for _, c := range []struct {
		header http.Header
		want   int
	}{
		{headers(), 200},
		{headers("OData-MaxVersion", "4.0"), 200},
		{headers("OData-MaxVersion", "4.0", "MaxDataServiceVersion", "3.0"), 200},
		{headers("OData-MaxVersion", "4.01"), 200},
		{headers("OData-MaxVersion", "5.0"), 200},
		{headers("OData-MaxVersion", "3.0"), 400},
		{headers("OData-MaxVersion", "x"), 400},
		{headers("OData-MaxVersion", "4"), 400},
		{headers("OData-MaxVersion", "4.-1"), 400},
		{headers("OData-Version", "4.0"), 200},
		{headers("OData-Version", "4.01"), 200},
		{headers("OData-Version", "4.2"), 400},
		{headers("OData-Version", "3.0"), 400},
		{headers("OData-Version", "5.0"), 400},
		{headers("Isolation", "snapshot"), 412},
		{headers("OData-Isolation", "snapshot"), 412},
	} {
		if got := statusOf(checkVersions(c.header)); got != c.want {
			t.Errorf("%v: %d instead of %d", c.header, got, c.want)
		}
	}
}

func TestPreferencesThatMakeNoSenseAreIgnored(t *testing.T) {
	for value, want := range map[string]preferences{
		"odata.maxpagesize=10":                     {page: 10, pageName: "odata.maxpagesize"},
		"maxpagesize=10":                           {page: 10, pageName: "maxpagesize"},
		`MaxPageSize="10"; x=y`:                    {page: 10, pageName: "maxpagesize"},
		"maxpagesize=0":                            {},
		"maxpagesize=-1":                           {},
		"maxpagesize=99999999999":                  {},
		"maxpagesize=x":                            {},
		"omit-values=nulls":                        {omitNulls: true},
		"omit-values=defaults":                     {},
		"odata.continue-on-error":                  {continueOnError: true, continueName: "odata.continue-on-error"},
		"continue-on-error=true":                   {continueOnError: true, continueName: "continue-on-error"},
		"continue-on-error=false":                  {continueName: "continue-on-error"},
		"respond-async, odata.track-changes":       {},
		`odata.include-annotations="*,-display.*"`: {},
		`a="b,maxpagesize=3", maxpagesize=4`:       {page: 4, pageName: "maxpagesize"},
		";;,,=":                                    {},
	} {
		if diff := cmp.Diff(want, readPreferences(headers("Prefer", value)), cmp.AllowUnexported(preferences{})); diff != "" {
			t.Errorf("%q: %s", value, diff)
		}
	}
}

func FuzzNegotiation(f *testing.F) {
	f.Add(powerQuery, "json", `a="b\",c`)
	f.Add("*/*;q=0.1,,;", "application/json;x", `,;"\`)
	f.Fuzz(func(t *testing.T, accept, option, prefer string) {
		h := headers("Accept", accept, "Prefer", prefer, "Accept-Charset", prefer)
		for _, of := range []resource{data, metadata, text} {
			if _, err := negotiate(h, option, of); err != nil && statusOf(err) != http.StatusNotAcceptable {
				t.Errorf("%v", err)
			}
		}
		if p := readPreferences(h); p.page < 0 {
			t.Errorf("a page of %d rows", p.page)
		}
	})
}

func TestAnEmptyAcceptSaysNothing(t *testing.T) {
	for _, value := range []string{"", " "} {
		if f, err := negotiate(http.Header{"Accept": {value}}, "", data); err != nil || f.contentType() != "application/json;odata.metadata=minimal" {
			t.Errorf("%q: %v, %v", value, f, err)
		}
	}
}
