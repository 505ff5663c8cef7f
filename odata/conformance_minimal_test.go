package odata_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright/odata"
	"github.com/keywright/keywright/odata/edm"
)

// minimalLevel is Protocol 12.1.1, OData 4.0 Minimal.
func minimalLevel() []requirement {
	return slices.Concat(minimalDocuments(), minimalHeaders(), minimalContent(), minimalRest())
}

const asMinimal = "application/json;odata.metadata=minimal"

func minimalDocuments() []requirement {
	return []requirement{
		{"MIN-1", func(t *testing.T, f *feed) {
			r := f.want(200, "", "Accept", "application/json")
			got := r.object(t)
			if got["@odata.context"] != root+"$metadata" || !strings.HasPrefix(r.body, `{"@odata.context":`) {
				t.Error(r.body)
			}
			var names []string
			sets, _ := got["value"].([]any)
			for _, set := range sets {
				o, _ := set.(object)
				if o["kind"] != "EntitySet" || o["url"] != o["name"] {
					t.Errorf("%v", o)
				}
				names = append(names, fmt.Sprint(o["name"]))
			}
			if diff := cmp.Diff(f.setsInMetadata(), names); diff != "" {
				t.Error(diff)
			}
		}},
		{"MIN-1b", func(t *testing.T, f *feed) {
			if a, b := f.want(200, "/odata/acme"), f.want(200, "/odata/acme/"); a.body != b.body {
				t.Errorf("%s\n%s", a.body, b.body)
			}
		}},
		{"MIN-2", func(t *testing.T, f *feed) {
			r := f.want(200, "Tokens")
			if got := r.header.Get("Content-Type"); got != asMinimal {
				t.Error(got)
			}
			if _, ok := r.object(t)["value"].([]any); !ok || !strings.HasPrefix(r.body, `{"@odata.context":"`+root+`$metadata#Tokens","value":[{`) {
				t.Error(r.body)
			}
		}},
		{"MIN-3", minimalPaging},
		{"MIN-3b", minimalPageSize},
		{"MIN-3c", func(t *testing.T, f *feed) {
			next, _ := f.want(200, "Tokens?$filter=Uses gt 0").object(t)["@odata.nextLink"].(string)
			f.wants(200, next)
			f.wants(400, next+"&$top=5", strings.Replace(next, "Uses", "Rate", 1), strings.Replace(next, "Tokens", "Users", 1), "Tokens?$skiptoken=x", "Tokens?$skiptoken=")
			token := next[strings.LastIndex(next, "=")+1:]
			for i := range token {
				other := byte('A')
				if token[i] == other {
					other = 'B'
				}
				if i%7 == 0 {
					f.wants(400, strings.Replace(next, token, token[:i]+string(other)+token[i+1:], 1))
				}
			}
			w := f.serveAs("somebody else", next)
			if w.Code != 400 || strings.Contains(w.Body.String(), "token 1") {
				t.Errorf("another caller: %d %s", w.Code, w.Body)
			}
		}},
		{"MIN-4", func(t *testing.T, f *feed) { // feed.check looks at each answer of every test
			for _, url := range []string{"", "Tokens", "Tokens/$count", "$metadata", "Nothing", "Tokens?$filter=(", "Tokens?$apply=topcount(2,Uses)", tokenPath(0) + "/ExpiresAt", "Tokens?$format=xml"} {
				for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS"} {
					f.send(method, url, "")
				}
			}
		}},
		{"MIN-13", func(t *testing.T, f *feed) {
			for _, headers := range [][]string{nil, {"Accept", "application/xml"}, {"Accept", "*/*"}, {"Accept", powerQuery}} {
				if r := f.want(200, "$metadata", headers...); r.header.Get("Content-Type") != "application/xml" || !strings.HasPrefix(r.body, "<?xml ") {
					t.Errorf("%q: %s %.40s", headers, r.header.Get("Content-Type"), r.body)
				}
			}
		}},
		{"MIN-13b", func(t *testing.T, f *feed) {
			for _, r := range []reply{f.want(200, "$metadata?$format=json"), f.want(200, "$metadata", "Accept", "application/json")} {
				if r.header.Get("Content-Type") != "application/json" || r.object(t)["$Version"] != "4.0" {
					t.Errorf("%v %.40s", r.header, r.body)
				}
			}
			f.want(406, "$metadata?$format=text/plain")
		}},
	}
}

// setsInMetadata are the entity sets of $metadata.
func (f *feed) setsInMetadata() []string {
	var names []string
	for _, e := range f.elements() {
		if e.Name.Local == "EntitySet" {
			names = append(names, attribute(e, "Name"))
		}
	}
	return names
}

// elements are those of $metadata.
func (f *feed) elements() []xml.StartElement {
	f.t.Helper()
	var list []xml.StartElement
	for in := xml.NewDecoder(strings.NewReader(f.want(200, "$metadata").body)); ; {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			f.t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok {
			list = append(list, e.Copy())
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func minimalPaging(t *testing.T, f *feed) {
	for _, order := range []string{"", "&$orderby=Name desc", "&$orderby=ExpiresAt,Uses desc", "&$orderby=Owner/Name"} {
		seen := map[any]bool{}
		pages := 0
		for url := "Tokens?$select=ID" + order; url != ""; pages++ {
			page := f.want(200, url).object(t)
			rows, _ := page["value"].([]any)
			for _, row := range rows {
				o, _ := row.(object)
				id := o["ID"]
				if seen[id] {
					t.Errorf("%s: %v twice", order, id)
				}
				seen[id] = true
			}
			next, more := page["@odata.nextLink"].(string)
			if more != (pages < 2) || len(page) != 2+b2i(more) || more && (len(rows) != 10 || !strings.HasPrefix(next, root+"Tokens?")) {
				t.Errorf("%s: page %d has %d rows and %q", order, pages, len(rows), next)
			}
			url = next
		}
		if len(seen) != 25 || pages != 3 {
			t.Errorf("%s: %d rows on %d pages", order, len(seen), pages)
		}
	}
	if got, want := f.ids("Tokens?$filter=true"), those(func(aToken) bool { return true }); got != want {
		t.Errorf("without $orderby: %s", got)
	}
}

func minimalPageSize(t *testing.T, f *feed) {
	for _, name := range []string{"maxpagesize", "odata.maxpagesize"} {
		var sizes []int
		for url, prefer := "Tokens", []string{"Prefer", name + "=8"}; url != ""; prefer = nil {
			r := f.want(200, url, prefer...)
			page := r.object(t)
			rows, _ := page["value"].([]any)
			sizes = append(sizes, len(rows))
			if applied := r.header.Get("Preference-Applied"); prefer != nil && applied != name+"=8" || applied == "" {
				t.Errorf("%s: %q is applied", name, applied)
			}
			url, _ = page["@odata.nextLink"].(string)
		}
		if diff := cmp.Diff([]int{8, 8, 8, 1}, sizes); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func minimalHeaders() []requirement {
	types := func(t *testing.T, f *feed, want string, accepts ...string) {
		t.Helper()
		for _, accept := range accepts {
			headers := []string{"Accept", accept}
			if accept == "" {
				headers = nil
			}
			if got := f.want(200, "Tokens", headers...).header.Get("Content-Type"); got != want {
				t.Errorf("%s: %s", accept, got)
			}
		}
	}
	return []requirement{
		{"MIN-5a", func(_ *testing.T, f *feed) {
			for _, url := range []string{"Tokens", tokenPath(1), tokenPath(1) + "/Name", ""} {
				f.want(406, url, "Accept", "application/xml")
				f.want(406, url, "Accept", "text/html,application/atom+xml")
			}
		}},
		{"MIN-5b", func(t *testing.T, f *feed) {
			types(t, f, asMinimal, powerQuery, powerQuery+",application/json;odata.metadata=full;q=0.1")
			if got := f.want(200, "", "Accept", powerQuery, "OData-MaxVersion", "4.0", "MaxDataServiceVersion", "3.0").header.Get("Content-Type"); got != asMinimal {
				t.Error(got)
			}
			if r := f.want(200, "Tokens/$count", "Accept", "application/json"); r.header.Get("Content-Type") != "text/plain" {
				t.Errorf("%v", r.header)
			}
		}},
		{"MIN-5c", func(t *testing.T, f *feed) {
			f.want(406, "Tokens", "Accept", "application/json;odata.metadata=bogus")
			f.want(406, "Tokens", "Accept", "application/json;foo=bar")
			f.want(406, "Tokens?$format=application/json;odata.metadata=bogus")
			types(t, f, asMinimal, "application/json;foo=bar,application/json;q=0.1")
		}},
		{"MIN-5d", func(t *testing.T, f *feed) {
			types(t, f, asMinimal, "", "*/*", "application/*", "text/html, */*;q=0.1", "application/json;metadata=minimal", "APPLICATION/JSON")
			types(t, f, "application/json;odata.metadata=none", "application/json;odata.metadata=none", "application/json;q=0.5,application/json;metadata=none")
		}},
		{"MIN-5e", func(_ *testing.T, f *feed) { f.want(200, "Tokens", "OData-MaxVersion", "4.0", "OData-Version", "4.0") }},
		{"MIN-5f", func(_ *testing.T, f *feed) {
			f.want(400, "Tokens", "OData-MaxVersion", "3.0")
			f.want(400, "", "OData-MaxVersion", "new")
		}},
		{"MIN-5g", func(t *testing.T, f *feed) {
			if a, b := f.want(200, "Tokens"), f.want(200, "Tokens", "OData-MaxVersion", "4.01"); a.body != b.body {
				t.Errorf("%s\n%s", a.body, b.body)
			}
		}},
		{"MIN-6", func(t *testing.T, f *feed) {
			plain := f.want(200, "Tokens?$top=3").body
			for _, url := range []string{"Tokens?$top=3&foo=1", "Tokens?$top=3&foo", "Tokens?x=%26&$top=3"} {
				f.says(url, plain, "X-Unknown", "1", "Prefer", "wait=5; x=1, acme.unknown=\"a,b\", return=minimal")
			}
			for _, url := range []string{"Tokens?$foo=1", "?$foo=1", "$metadata?$foo=1", "Tokens?$top=3&$top=3"} {
				f.wants(400, url)
			}
		}},
	}
}

func minimalContent() []requirement {
	return []requirement{
		{"MIN-7", func(_ *testing.T, f *feed) {
			f.wants(501, "Tokens?$apply=topcount(2,Uses)", "Tokens?$deltatoken=x", "Tokens?$filter=geo.distance(Name,Name) gt 1", "$crossjoin(Tokens,Users)", "$all",
				"Tokens?$filter=isof(Uses,Edm.Int32)", "Tokens/$filter(@f)?@f=Uses gt 1", "Tokens?$index=1")
			f.wants(400, "Tokens?$filter=(", "Tokens?$filter=Name eq", "Tokens?$top=", "Tokens?$select=", "Tokens?$expand=Owner(", "Tokens?$orderby=Name up", "Tokens?$apply=nothing", "Tokens(", "Tokens?$filter=%zz")
		}},
		{"MIN-8", minimalTypes},
		{"MIN-9", minimalPlainClient},
		{"MIN-10", func(t *testing.T, f *feed) {
			for _, url := range []string{"Tokens", tokenPath(1), tokenPath(1) + "/Owner/$ref", tokenPath(1) + "/Events/$ref", tokenPath(1) + "/Name", tokenPath(1) + "/Name/$value", "", "$metadata"} {
				for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "MERGE"} {
					if r := f.send(method, url, "{}", "Content-Type", "application/json"); r.status != 405 || r.header.Get("Allow") != "GET, HEAD, OPTIONS" {
						t.Errorf("%s %s: %d %v", method, url, r.status, r.header)
					}
				}
			}
		}},
		{"MIN-12", func(t *testing.T, f *feed) {
			for i, row := range f.rows("Tokens?$expand=Owner&$top=10") {
				owner, _ := row["Owner"].(object)
				if want := allTokens()[i].owner; want == "" && (row["Owner"] != nil || owner != nil) || want != "" && owner["ID"] != want {
					t.Errorf("%d: %v instead of %s", i, row["Owner"], want)
				}
			}
		}},
		{"MIN-14", func(t *testing.T, f *feed) {
			r := f.want(200, "Tokens?$top=1", "OData-Version", "4.0", "OData-MaxVersion", "4.01", "OData-EntityId", "x", "Prefer",
				`odata.maxpagesize=3, odata.allow-entityreferences, odata.include-annotations="*", odata.track-changes, odata.continue-on-error, respond-async, odata.callback;url="https://x.example"`)
			if got := r.header.Get("Preference-Applied"); got != "odata.maxpagesize=3" {
				t.Error(got)
			}
			f.want(400, "Tokens", "OData-Version", "5.0")
			f.want(412, "Tokens", "OData-Isolation", "snapshot")
		}},
		{"MIN-15", func(_ *testing.T, f *feed) {
			f.finds("Status eq Acme.TokenStatus'active'", func(k aToken) bool { return k.status == "active" })
			f.finds("CreatedAt gt 2026-01-02T03:04:05Z add duration'P7D'", func(k aToken) bool { return k.n > 6 })
			f.finds("ID eq "+guid(3)+" and Rate eq 3.13M", func(k aToken) bool { return k.n == 3 })
		}},
	}
}

func minimalRest() []requirement {
	return []requirement{
		{"MIN-16", func(_ *testing.T, f *feed) {
			for _, name := range []string{"Isolation", "OData-Isolation"} {
				f.want(412, "Tokens", name, "snapshot")
				f.want(412, "$metadata", name, "snapshot")
			}
		}},
		{"MIN-17", func(t *testing.T, f *feed) {
			for _, url := range []string{"", "$metadata", "Tokens?$top=3", tokenPath(1), "Tokens/$count"} {
				tag := f.want(200, url).header.Get("ETag")
				if r := f.want(304, url, "If-None-Match", tag); tag == "" || r.body != "" || r.header.Get("ETag") != tag {
					t.Errorf("%s: %q %v", url, tag, r.header)
				}
				f.want(200, url, "If-None-Match", `"other"`)
				f.want(412, url, "If-Match", `"other"`)
			}
		}},
		{"MIN-18", func(t *testing.T, f *feed) { // feed.check looks at each error of every test
			r := f.want(400, "Tokens?$filter=Naem eq 'a'", "Accept", "application/json;odata.metadata=full")
			var e struct {
				Error struct{ Code, Message, Target string }
			}
			if err := json.Unmarshal([]byte(r.body), &e); err != nil || e.Error.Target != "$filter" || !strings.Contains(e.Error.Message, "Naem") {
				t.Errorf("%v %s", err, r.body)
			}
			f.want(406, "Tokens", "Accept", "text/html")
			f.want(404, "Nothing", "Accept", "application/xml")
		}},
		{"MIN-19", minimalBroken},
		{"MIN-20", func(_ *testing.T, f *feed) {
			f.wants(404, tokenPath(99))
			f.wants(400, "Tokens(1)", "Tokens('x')", "Tokens(Name='x')", "Tokens()", "Tokens(00000000-0000)", "Users(ann)")
			f.says(tokenPath(3)+"?$select=ID,Name", `{"@odata.context":"`+root+`$metadata#Tokens(ID,Name)/$entity","ID":"`+guid(3)+`","Name":"token 3"}`)
			f.says("Users('ann')", `{"@odata.context":"`+root+`$metadata#Users/$entity","ID":"ann","Name":"Ann O'Neil"}`)
		}},
		{"MIN-21", func(t *testing.T, f *feed) {
			f.says(tokenPath(3)+"/Name", `{"@odata.context":"`+root+`$metadata#`+tokenPath(3)+`/Name","value":"token 3"}`)
			if r := f.want(204, tokenPath(3)+"/ExpiresAt"); r.body != "" {
				t.Error(r.body)
			}
			f.wants(404, tokenPath(99)+"/Name", tokenPath(3)+"/Nothing")
		}},
		{"MIN-22", minimalRawValues},
		{"MIN-23", minimalHead},
	}
}

func minimalTypes(t *testing.T, f *feed) {
	known := []string{"Acme.TokenStatus", "Acme.Rights"}
	for k := edm.Boolean; k < edm.Binary; k++ {
		known = append(known, k.String())
	}
	seen := 0
	for _, e := range f.elements() {
		if e.Name.Local == "Property" {
			seen++
			if got := attribute(e, "Type"); !slices.Contains(known, got) {
				t.Errorf("%s is of type %q", attribute(e, "Name"), got)
			}
		}
	}
	if seen != 2+8+4+19 {
		t.Errorf("%d properties", seen)
	}
}

// minimalPlainClient reads everything with nothing but GET, value and nextLink.
func minimalPlainClient(t *testing.T, f *feed) {
	sets, _ := f.want(200, "").object(t)["value"].([]any)
	for _, set := range sets {
		name, _ := set.(object)["url"].(string)
		n := 0
		for url := name; url != ""; {
			page := f.want(200, url).object(t)
			rows, _ := page["value"].([]any)
			n += len(rows)
			url, _ = page["@odata.nextLink"].(string)
		}
		if want := len(f.world.rows[f.world.model.Set(name)]); n != want {
			t.Errorf("%s has %d rows instead of %d", name, n, want)
		}
	}
}

func minimalBroken(t *testing.T, f *feed) {
	b := newFeed(t, f.world, f.name, repeating{f.source, 5000, errors.New("the connection is gone")}, odata.Options{PageSize: 10_000})
	for _, url := range []string{"Tokens", "Tokens?$count=true&$select=ID,Name,Uses", "Tokens?$format=application/json;IEEE754Compatible=true"} {
		r := b.get(url)
		if r.status != 200 || !r.broken || json.Valid([]byte(r.body)) || len(r.body) < 1000 || strings.Contains(r.body, "]}") {
			t.Errorf("%s: %d, broken %v, %d bytes, %.200q", url, r.status, r.broken, len(r.body), r.body[max(0, len(r.body)-200):])
		}
	}
	b.want(500, "Tokens?$filter=false&$expand=Owner") // what fails before its first byte is an error
}

func minimalRawValues(t *testing.T, f *feed) {
	for url, want := range map[string]string{
		tokenPath(3) + "/Name/$value": "token 3", tokenPath(3) + "/Uses/$value": "9007199254740995", tokenPath(3) + "/Rate/$value": "3.13",
		tokenPath(3) + "/Status/$value": "active", tokenPath(3) + "/CreatedAt/$value": "2026-01-05T09:04:05.123456Z", "Kinds(1)/Date/$value": "2024-02-29",
		"Kinds(1)/Bool/$value": "true", "Kinds(1)/Span/$value": "PT1H30M", "Kinds(1)/Rights/$value": "read,write", "Kinds(3)/Text/$value": awkward,
		"Kinds(1)/Größe/$value": "x", "Kinds(4)/Text/$value": "",
	} {
		r := f.want(200, url, "Accept", "application/json")
		if !strings.HasPrefix(r.header.Get("Content-Type"), "text/plain") || r.body != want {
			t.Errorf("%s: %s %q instead of %q", url, r.header.Get("Content-Type"), r.body, want)
		}
	}
	f.wants(204, tokenPath(3)+"/ExpiresAt/$value", "Kinds(2)/Text/$value", "Kinds(2)/Int64/$value")
	f.wants(404, tokenPath(99)+"/Name/$value")
}

func minimalHead(t *testing.T, f *feed) {
	date := func(h http.Header) http.Header {
		h.Del("Date")
		return h
	}
	for _, url := range []string{
		"", "$metadata", "$metadata?$format=json", "Tokens", "Tokens?$filter=Uses gt 1&$top=2", tokenPath(1), tokenPath(99), tokenPath(1) + "/Name", tokenPath(1) + "/Name/$value",
		tokenPath(0) + "/ExpiresAt", tokenPath(1) + "/Owner", tokenPath(1) + "/Events/$ref", "Tokens/$count", "Nothing", "Tokens?$filter=(", "Tokens?$format=xml",
	} {
		get, head := f.get(url), f.send(http.MethodHead, url, "")
		if head.body != "" || head.status != get.status {
			t.Errorf("HEAD %s: %d %q", url, head.status, head.body)
		}
		if diff := cmp.Diff(date(get.header), date(head.header)); diff != "" && !strings.Contains(get.body, "nextLink") { // whose tokens differ each time
			t.Errorf("HEAD %s: %s", url, diff)
		}
	}
}
