package odata_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// intermediateLevel is Protocol 12.1.2, OData 4.0 Intermediate.
func intermediateLevel() []requirement {
	return slices.Concat(intermediateOptions(), intermediateFilters(), intermediateRest())
}

func intermediateOptions() []requirement {
	return []requirement{
		{"INT-2", func(_ *testing.T, f *feed) { // package uri reads the corpus; here one of each option is answered or refused
			f.wants(200, "Tokens?$filter=Uses gt 1&$select=ID&$orderby=Name&$top=2&$skip=1&$count=true&$expand=Owner&$search=token&$compute=Uses add 1 as More&$format=json",
				"Tokens?$apply=aggregate($count as N)")
			f.wants(501, "Tokens?$deltatoken=x", "Tokens?$index=1", "Tokens?$apply=identity", "Tokens?$schemaversion=1")
			f.wants(400, "Tokens?$levels=1", "Tokens?$what=1", "Users('ann')?$top=1", "Users('ann')/Name?$filter=true", "Users?$id=x")
		}},
		{"INT-3", func(_ *testing.T, f *feed) {
			one := tokenPath(3) + "?$select="
			head := `{"@odata.context":"` + root + `$metadata#Tokens`
			f.says(one+"Name", head+`(Name)/$entity","Name":"token 3"}`)
			f.says(one+"ID,Name", head+`(ID,Name)/$entity","ID":"`+guid(3)+`","Name":"token 3"}`)
			f.says(one+"ID%2CName", head+`(ID,Name)/$entity","ID":"`+guid(3)+`","Name":"token 3"}`)
			f.says(one+"Name,Name", head+`(Name)/$entity","Name":"token 3"}`)
			f.says(one+"*", f.want(200, tokenPath(3)).body)
			f.says("Tokens?$top=1&$select=Name", `{"@odata.context":"`+root+`$metadata#Tokens(Name)","value":[{"Name":"token 0"}]}`)
			f.wants(400, one+"Nothing", one+"name", one+"Name,Nothing", one+"Owner/Name")
		}},
		{"INT-4", func(_ *testing.T, f *feed) { // there are no derived types
			f.wants(404, "Tokens/Acme.Secret", tokenPath(1)+"/Acme.Secret", "Tokens/Acme.Secret/$count")
			f.wants(400, "Tokens?$filter=Acme.Secret/Name eq 'a'", "Tokens?$expand=Acme.Secret/Owner")
		}},
		{"INT-5", func(t *testing.T, f *feed) {
			for _, n := range []int{0, 1, 5, 10, 12, 20, 25, 26, 1000} {
				if got, want := f.ids(fmt.Sprintf("Tokens?$top=%d", n)), those(func(k aToken) bool { return k.n < n }); got != want {
					t.Errorf("$top=%d: %s", n, got)
				}
			}
			f.says("Tokens?$top=0&$select=ID", `{"@odata.context":"`+root+`$metadata#Tokens(ID)","value":[]}`)
			if r := f.want(200, "Tokens?$top=10"); strings.Contains(r.body, "nextLink") {
				t.Error("a next link behind all that was asked for")
			}
			f.wants(400, "Tokens?$top=-1", "Tokens?$top=x", "Tokens?$top=1.5", "Tokens?$top=99999999999999999999")
		}},
		{"INT-6", minimalRawValues},
		{"INT-8", func(t *testing.T, f *feed) {
			if len(f.setsInMetadata()) != 4 {
				t.Error("$metadata lacks sets")
			}
		}},
		{"INT-10", func(t *testing.T, f *feed) { // who asks is for the program around the service, in Keywright internal/feeds
			f.want(200, "Tokens", "Authorization", "Basic YTpi")
			if r := f.get("Nothing"); r.header.Get("WWW-Authenticate") != "" {
				t.Error("the service itself asks for credentials")
			}
		}},
	}
}

func intermediateFilters() []requirement {
	return []requirement{
		{"INT-7a", intermediateComparisons},
		{"INT-7b", func(_ *testing.T, f *feed) {
			f.finds("Name eq @p&@p='token 3'", func(k aToken) bool { return k.name == "token 3" })
			f.finds("Name in @list&@list=['token 3','token 4']", func(k aToken) bool { return k.name == "token 3" || k.name == "token 4" })
			f.finds("ExpiresAt eq @p", func(k aToken) bool { return k.expires == nil })
			f.finds("Events/any(e:e/Type eq @p)&@p='refused'", func(k aToken) bool { return k.typeOfAll == "refused" && k.eventsOf > 0 })
			f.wants(400, "Tokens?$filter=Name eq @p&@p=(", "Tokens?$filter=Name eq @p&@p=1")
		}},
		{"INT-7c", func(_ *testing.T, f *feed) { // each operator has a row of its own below: OP
			f.finds("Uses ge 9007199254741000 and not (Status eq 'revoked') or Name eq 'token 1'", func(k aToken) bool {
				return k.n >= 8 && k.status != "revoked" || k.name == "token 1"
			})
		}},
		{"INT-7d", func(_ *testing.T, f *feed) { // each function has a row of its own below: FN
			f.finds("startswith(Name,'token') and day(CreatedAt) eq 5", func(k aToken) bool { return k.created.Day() == 5 })
			f.wants(400, "Tokens?$filter=frobnicate(Name) eq 'a'", "Tokens?$filter=length(Name,Name) eq 1", "Tokens?$filter=length(Uses) eq 1")
		}},
		{"INT-7e", func(t *testing.T, f *feed) {
			for i, row := range f.rows("Tokens?$expand=Events($filter=Number gt 0;$orderby=Number desc)&$top=10") {
				events, _ := row["Events"].([]any)
				if want := max(i%4-1, 0); len(events) != want {
					t.Errorf("%d: %d events instead of %d", i, len(events), want)
				}
			}
		}},
		{"INT-11", func(_ *testing.T, f *feed) {
			has := func(text string) func(aToken) bool {
				return func(k aToken) bool { return strings.Contains(k.name, text) }
			}
			f.finds("true&$search=3", has("3"))
			f.finds("true&$search=TOKEN", has("token"))
			f.finds("true&$search=\"token 3\"", has("token 3"))
			f.finds("true&$search=token AND 3", has("3"))
			f.finds("true&$search=token 3", has("3"))
			f.finds("true&$search=3 OR 4", func(k aToken) bool { return has("3")(k) || has("4")(k) })
			f.finds("true&$search=NOT 3", func(k aToken) bool { return !has("3")(k) })
			f.finds("true&$search=(3 OR 4) AND NOT \"token 4\"", has("3"))
			f.wants(400, "Tokens?$search=", "Tokens?$search=(", "Tokens?$search=a)", "Tokens?$search=\"a")
			f.wants(501, "Events?$search=used") // has nothing that is searched
		}},
	}
}

// intermediateComparisons compares a property of each type with a value, with null, and with itself.
func intermediateComparisons(t *testing.T, f *feed) {
	instant := "2026-01-02T03:04:05.123456Z"
	for name, literal := range map[string]string{
		"Bool": "true", "Byte": "200", "SByte": "-100", "Int16": "-30000", "Int32": "2000000000", "Int64": "9007199254740993", "Single": "2.5", "Double": "0.1",
		"Decimal": "12.75", "Text": "'Grüße, O''Neil'", "Guid": "01234567-89AB-cdef-0123-456789abcdef", "Date": "2024-02-29", "Time": "13:14:15.25",
		"Instant": instant, "Span": "duration'PT1H30M'", "Status": "Acme.TokenStatus'active'", "Rights": "Acme.Rights'read,write'", "Größe": "'x'",
	} {
		all, known := f.rows("Kinds?$orderby=ID"), []string{}
		for _, row := range all {
			if row[name] != nil {
				known = append(known, fmt.Sprint(row["ID"]))
			}
		}
		unknown := slices.DeleteFunc([]string{"1", "2", "3", "4", "5"}, func(id string) bool { return slices.Contains(known, id) })
		for filter, want := range map[string][]string{
			name + " eq " + literal: {"1"}, name + " ne " + literal: {"2", "3", "4", "5"}, literal + " eq " + name: {"1"},
			name + " eq null": unknown, "null eq " + name: unknown, name + " ne null": known, "null ne " + name: known,
			name + " eq " + name: {"1", "2", "3", "4", "5"}, name + " ne " + name: nil,
		} {
			if got := field(f.rows("Kinds?$select=ID&$orderby=ID&$filter="+filter), "ID"); got != strings.Join(want, " ") {
				t.Errorf("%s: %s instead of %s", filter, got, want)
			}
		}
	}
	f.finds("null eq null", func(aToken) bool { return true })
	f.finds("null ne null", func(aToken) bool { return false })
	f.finds("CreatedAt eq 2026-01-02T04:04:05.123456%2B01:00", func(k aToken) bool { return k.n == 0 })
}

func intermediateRest() []requirement {
	return []requirement{
		{"INT-12", func(t *testing.T, f *feed) {
			for _, order := range []string{"", "&$orderby=Name", "&$orderby=Status desc,Name"} {
				all := strings.Fields(f.ids("Tokens?$filter=true" + order))
				for _, n := range []int{0, 1, 9, 10, 24, 25, 100} {
					got := strings.Fields(f.ids(fmt.Sprintf("Tokens?$skip=%d%s", n, order)))
					if want := all[min(n, len(all)):]; !slices.Equal(got, want) {
						t.Errorf("$skip=%d%s: %v instead of %v", n, order, got, want)
					}
				}
				if got, want := strings.Fields(f.ids("Tokens?$skip=3&$top=14"+order)), all[3:17]; !slices.Equal(got, want) {
					t.Errorf("%v", got)
				}
			}
			f.wants(400, "Tokens?$skip=-1", "Tokens?$skip=x")
		}},
		{"INT-13", func(t *testing.T, f *feed) {
			for url, want := range map[string]any{
				"Tokens?$count=true": "25", "Tokens?$count=true&$top=2&$skip=3": "25", "Tokens?$count=true&$filter=Status eq 'active'": "9",
				"Tokens?$count=true&$search=3": "4", "Tokens?$count=true&$filter=false": "0", "Tokens?$count=false": nil, "Tokens": nil, "Tokens?$count=true&$top=0": "25",
			} {
				got := f.want(200, url).object(t)["@odata.count"]
				if want == nil && got != nil || want != nil && fmt.Sprint(got) != want {
					t.Errorf("%s: %v instead of %v", url, got, want)
				}
			}
			f.wants(400, "Tokens?$count=x", "Tokens?$count=", "Tokens?$count=1")
		}},
		{"INT-14", intermediateExpand},
		{"INT-15", func(_ *testing.T, f *feed) {
			f.finds("Events/any()", func(k aToken) bool { return k.eventsOf > 0 })
			f.finds("not Events/any()", func(k aToken) bool { return k.eventsOf == 0 })
			f.finds("Events/any(e:e/Type eq 'refused')", func(k aToken) bool { return k.eventsOf > 0 && k.typeOfAll == "refused" })
			f.finds("Events/all(e:e/Type eq 'refused')", func(k aToken) bool { return k.eventsOf == 0 || k.typeOfAll == "refused" })
			f.finds("Events/any(e:e/Number eq 2 and e/Token/Name eq Name)", func(k aToken) bool { return k.eventsOf > 2 })
			f.finds("Events/any(e:e/Token/Events/any(f:f/Number gt e/Number and e/Number gt 0))", func(k aToken) bool { return k.eventsOf > 2 })
			f.finds("Owner/Staff/any(s:s/ID eq 'cy')", func(k aToken) bool { return k.owner == "b/ob" })
			f.wants(400, "Tokens?$filter=Events/any(e:x/Type eq 'a')", "Tokens?$filter=e/Type eq 'a' and Events/any(e:true)", "Tokens?$filter=Owner/any()", "Tokens?$filter=Events eq null")
		}},
		{"INT-16", func(t *testing.T, f *feed) {
			for url, want := range map[string]string{
				"Tokens/$count": "25", "Tokens/$count?$filter=Status eq 'active'": "9", "Tokens/$count?$search=3": "4", tokenPath(3) + "/Events/$count": "3", tokenPath(0) + "/Events/$count": "0",
				tokenPath(3) + "/Events/$count?$filter=Number gt 0": "2", "Tokens/$count?$top=2&$skip=1&$orderby=Name&$expand=Owner": "25", "Users('b%2Fob')/Tokens/$count": "7",
			} {
				r := f.want(200, url, "Accept", powerQuery)
				if r.body != want || r.header.Get("Content-Type") != "text/plain" {
					t.Errorf("%s: %s %q instead of %s", url, r.header.Get("Content-Type"), r.body, want)
				}
			}
			f.wants(404, tokenPath(99)+"/Events/$count", "Nothing/$count")
		}},
		{"INT-17", intermediateOrder},
	}
}

func intermediateExpand(t *testing.T, f *feed) {
	owned, free := tokenPath(1)+"?$select=ID&$expand=", tokenPath(0)+"?$select=ID&$expand="
	owner := `{"ID":"b/ob","Name":"Bob & Co"}`
	for url, want := range map[string]string{
		owned + "Owner": `"Owner":` + owner, free + "Owner": `"Owner":null`, free + "Events": `"Events":[]`,
		owned + "Events": `"Events":[{"TokenID":"` + guid(1) + `","Number":0,"Type":"used","Weight":null}]`,
		owned + "*":      `"Owner":` + owner + `,"Events":[{"TokenID":"` + guid(1) + `","Number":0,"Type":"used","Weight":null}]`,
	} {
		if r := f.want(200, url); !strings.HasSuffix(r.body, want+"}") {
			t.Errorf("%s: %s", url, r.body)
		}
	}
	for url, want := range map[string]string{
		"Tokens?$expand=Owner": "#Tokens(Owner())", "Tokens?$select=Name&$expand=Owner($select=ID)": "#Tokens(Name,Owner(ID))", "Tokens?$expand=Owner,Events": "#Tokens(Owner(),Events())",
		owned + "Owner($expand=Boss)": "#Tokens(ID,Owner(Boss()))/$entity",
	} {
		if got := f.want(200, url).object(t)["@odata.context"]; got != root+"$metadata"+want {
			t.Errorf("%s: %v", url, got)
		}
	}
	f.wants(400, "Tokens?$expand=Nothing", "Tokens?$expand=Name", "Tokens?$expand=Owner,Nothing", "Tokens?$expand=Owner/Nothing")
}

func intermediateOrder(t *testing.T, f *feed) {
	by := func(order string, compare func(a, b aToken) int) {
		t.Helper()
		list := allTokens()
		slices.SortStableFunc(list, compare)
		want := make([]string, len(list))
		for i, one := range list {
			want[i] = fmt.Sprint(one.n)
		}
		if diff := cmp.Diff(strings.Join(want, " "), f.ids("Tokens?$orderby="+order)); diff != "" {
			t.Errorf("%s: %s", order, diff)
		}
	}
	name := func(a, b aToken) int { return strings.Compare(a.name, b.name) }
	expires := func(a, b aToken) int { // none comes first
		if a.expires == nil || b.expires == nil {
			return b2i(b.expires == nil) - b2i(a.expires == nil)
		}
		return a.expires.Compare(*b.expires)
	}
	by("Name", name)
	by("Name asc", name)
	by("Name desc", func(a, b aToken) int { return name(b, a) })
	by("Name desc,CreatedAt asc", func(a, b aToken) int { return name(b, a) })
	by("Name,CreatedAt desc", func(a, b aToken) int {
		if c := name(a, b); c != 0 {
			return c
		}
		return b.n - a.n
	})
	by("ExpiresAt", expires)
	by("ExpiresAt desc", func(a, b aToken) int { return expires(b, a) })
	by("Uses mod 4 desc", func(a, b aToken) int { return b.n%4 - a.n%4 })
	by("length(Name),Uses desc", func(a, b aToken) int { return b.n - a.n })
	by("Owner/Name", func(a, b aToken) int { return strings.Compare(a.owner, b.owner) }) // none comes first, as "" does
	by("Events/$count desc", func(a, b aToken) int { return b.eventsOf - a.eventsOf })
	f.wants(400, "Tokens?$orderby=Nothing", "Tokens?$orderby=Name up", "Tokens?$orderby=", "Tokens?$orderby=Owner", "Tokens?$orderby=Events/Type")
}
