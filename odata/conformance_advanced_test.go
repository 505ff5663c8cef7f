package odata_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// advancedLevel is Protocol 12.1.3, OData 4.0 Advanced.
func advancedLevel() []requirement {
	again := func(id string) func(t *testing.T, f *feed) { // what the level below only recommends
		for _, r := range slices.Concat(minimalDocuments(), intermediateFilters(), intermediateRest()) {
			if r.id == id {
				return r.test
			}
		}
		return nil
	}
	return slices.Concat([]requirement{
		{"ADV-2", again("MIN-13")},
		{"ADV-3", again("MIN-13b")},
		{"ADV-4", again("INT-16")},
		{"ADV-5", again("INT-15")},
		{"ADV-6", again("INT-12")},
		{"ADV-7", again("INT-13")},
		{"ADV-8", again("INT-17")},
	}, advancedExpand(), []requirement{
		{"ADV-10", again("INT-11")},
		{"ADV-11", advancedBatch},
		{"ADV-12", advancedPaths},
		{"ADV-13", func(t *testing.T, f *feed) { // is legally ignored
			if r := f.want(200, "Tokens", "Prefer", "respond-async"); r.header.Get("Preference-Applied") != "" {
				t.Errorf("%v", r.header)
			}
		}},
		{"ADV-14", func(t *testing.T, f *feed) { // is legally ignored
			r := f.want(200, "Tokens", "Prefer", "odata.track-changes")
			if r.header.Get("Preference-Applied") != "" || strings.Contains(r.body, "delta") {
				t.Errorf("%v", r.header)
			}
		}},
	})
}

func advancedExpand() []requirement {
	three := tokenPath(3) + "?$select=ID&$expand="
	event := func(n int) string { return fmt.Sprintf(`{"Number":%d}`, n) }
	inside := func(f *feed, item, want string) {
		f.t.Helper()
		r := f.want(200, three+item)
		if _, got, ok := strings.Cut(r.body, `"ID":"`+guid(3)+`",`); !ok || got != want+"}" {
			f.t.Errorf("$expand=%s: %s\ninstead of %s", item, r.body, want)
		}
	}
	return []requirement{
		{"ADV-9.1", func(t *testing.T, f *feed) {
			id := func(n int) string {
				return fmt.Sprintf(`{"@odata.id":"%sEvents(TokenID=%s,Number=%d)"}`, root, guid(3), n)
			}
			all := id(0) + "," + id(1) + "," + id(2)
			inside(f, "Events/$ref", `"Events":[`+all+`]`)
			inside(f, "Owner/$ref", `"Owner":{"@odata.id":"`+root+`Users('ann')"}`)
			f.says(tokenPath(3)+"/Events/$ref", `{"@odata.context":"`+root+`$metadata#Collection($ref)","value":[`+all+`]}`)
			f.says(tokenPath(3)+"/Owner/$ref", `{"@odata.context":"`+root+`$metadata#$ref","@odata.id":"`+root+`Users('ann')"}`)
			f.says(tokenPath(3)+"/Events/$ref?$top=1&$filter=Number gt 0", `{"@odata.context":"`+root+`$metadata#Collection($ref)","value":[`+id(1)+`]}`)
		}},
		{"ADV-9.2", func(_ *testing.T, f *feed) {
			inside(f, "Events($filter=Number eq 1;$select=Number)", `"Events":[`+event(1)+`]`)
			inside(f, "Events($filter=Number eq @n;$select=Number)&@n=2", `"Events":[`+event(2)+`]`)
			inside(f, "Events($filter=Token/Owner/Boss eq null and Number lt 1;$select=Number)", `"Events":[`+event(0)+`]`)
			inside(f, "Events($filter=Type eq 'it''s; (no'; $select=Number)", `"Events":[]`)
		}},
		{"ADV-9.3", func(_ *testing.T, f *feed) {
			f.wants(400, "Tokens?$expand=Owner/Acme.Admin", "Tokens?$expand=Acme.Secret/Events")
		}},
		{"ADV-9.4", func(_ *testing.T, f *feed) {
			inside(f, "Events($orderby=Number desc;$select=Number)", `"Events":[`+event(2)+`,`+event(1)+`,`+event(0)+`]`)
			inside(f, "Events($count=true;$select=Number;$filter=Number gt 0)", `"Events@odata.count":2,"Events":[`+event(1)+`,`+event(2)+`]`)
			inside(f, "Events/$count", `"Events@odata.count":3`)
		}},
		{"ADV-9.5", func(_ *testing.T, f *feed) {
			inside(f, "Events($top=1;$select=Number)", `"Events":[`+event(0)+`]`)
			inside(f, "Events($skip=1;$select=Number)", `"Events":[`+event(1)+`,`+event(2)+`]`)
			inside(f, "Events($skip=1;$top=1;$count=true;$select=Number)", `"Events@odata.count":3,"Events":[`+event(1)+`]`)
		}},
		{"ADV-9.6", func(t *testing.T, f *feed) {
			for _, row := range f.rows("Users?$expand=Tokens($search=\"token 3\";$select=Name)") {
				list, _ := row["Tokens"].([]any)
				for _, one := range list {
					if token, _ := one.(object); token["Name"] != "token 3" {
						t.Errorf("%v", one)
					}
				}
			}
			f.wants(501, "Tokens?$expand=Events($search=used)")
		}},
		{"ADV-9.7", func(_ *testing.T, f *feed) {
			f.says("Users('dee')?$select=ID&$expand=Boss($levels=2;$select=ID)",
				`{"@odata.context":"`+root+`$metadata#Users(ID,Boss(ID,Boss(ID)))/$entity","ID":"dee","Boss":{"ID":"cy","Boss":{"ID":"b/ob"}}}`)
			r := f.want(200, "Users('dee')?$select=ID&$expand=Boss($levels=max;$select=ID)")
			if !strings.HasSuffix(r.body, `,"ID":"dee","Boss":{"ID":"cy","Boss":{"ID":"b/ob","Boss":{"ID":"ann","Boss":null}}}}`) {
				f.t.Error(r.body)
			}
			f.wants(400, "Users?$expand=Boss($levels=x)", "Users?$expand=Boss($levels=-1)")
		}},
		{"ADV-9.8", func(t *testing.T, f *feed) {
			inside(f, "Owner($select=Name;$expand=Boss($select=ID))", `"Owner":{"Name":"Ann O'Neil","Boss":null}`)
			inside(f, "Events($top=1;$select=Number;$expand=Token($select=Name;$expand=Owner($select=ID)))",
				`"Events":[{"Number":0,"Token":{"Name":"token 3","Owner":{"ID":"ann"}}}]`)
			advancedNestedPages(t, f)
		}},
	}
}

func advancedNestedPages(t *testing.T, f *feed) {
	links := 0
	for _, row := range f.rows("Users?$select=ID&$expand=Tokens($select=ID;$count=true)", "Prefer", "maxpagesize=3") {
		list, _ := row["Tokens"].([]any)
		n := len(list)
		for url, _ := row["Tokens@odata.nextLink"].(string); url != ""; {
			page := f.want(200, url).object(t)
			more, _ := page["value"].([]any)
			n += len(more)
			url, _ = page["@odata.nextLink"].(string)
			links++
		}
		if want := fmt.Sprint(row["Tokens@odata.count"]); fmt.Sprint(n) != want {
			t.Errorf("%v has %d tokens instead of %s", row["ID"], n, want)
		}
	}
	if links != 5 {
		t.Errorf("only %d next links were followed", links)
	}
}

// part is one answer of a batch.
type part struct {
	status int
	body   string
}

func (f *feed) batch(body string, headers ...string) []part {
	f.t.Helper()
	r := f.send("POST", "$batch", body, append([]string{"Content-Type", "multipart/mixed; boundary=b"}, headers...)...)
	if r.status != 200 {
		f.t.Fatalf("%d %s", r.status, r.body)
	}
	kind, params, err := mime.ParseMediaType(r.header.Get("Content-Type"))
	if err != nil || kind != "multipart/mixed" {
		f.t.Fatalf("%s: %v", r.header.Get("Content-Type"), err)
	}
	var list []part
	for parts := multipart.NewReader(strings.NewReader(r.body), params["boundary"]); ; {
		one, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			f.t.Fatal(err)
		}
		in, err := http.ReadResponse(bufio.NewReader(one), nil)
		if err != nil {
			f.t.Fatal(err)
		}
		text, err := io.ReadAll(in.Body)
		if _ = in.Body.Close(); err != nil {
			f.t.Fatal(err)
		}
		list = append(list, part{in.StatusCode, string(text)})
	}
}

func advancedBatch(t *testing.T, f *feed) {
	statuses := func(list []part) (all []int) {
		for _, one := range list {
			all = append(all, one.status)
		}
		return all
	}
	list := f.batch(multipartBatch("GET Users('ann')/Name/$value", "GET /odata/acme/Tokens/$count", "GET "+root+"Tokens/$count?$filter=Status eq 'active'", "GET "+tokenPath(3)+"/ExpiresAt"))
	if diff := cmp.Diff([]part{{200, "Ann O'Neil"}, {200, "25"}, {200, "9"}, {204, ""}}, list, cmp.AllowUnexported(part{})); diff != "" {
		t.Error(diff)
	}
	changes := "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\nContent-Type: application/http\r\nContent-ID: 1\r\n\r\n" +
		"POST Tokens HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{}\r\n--c--\r\n\r\n"
	for body, want := range map[string][]int{
		multipartBatch("GET Users", "DELETE Users('ann')", "GET Users"):         {200, 405, 200},
		multipartBatch("GET Nothing", "GET Users"):                              {404, 200},
		changes + multipartBatch("GET Users"):                                   {405, 200},
		multipartBatch("GET https://evil.example/Users", "GET Users?$filter=("): {400, 400},
	} {
		for _, prefer := range []string{"continue-on-error", "odata.continue-on-error"} {
			if got := statuses(f.batch(body, "Prefer", prefer)); !slices.Equal(got, want) {
				t.Errorf("%v instead of %v: %s", got, want, body)
			}
		}
		first := slices.IndexFunc(want, func(n int) bool { return n >= 400 })
		if got := statuses(f.batch(body)); !slices.Equal(got, want[:first+1]) {
			t.Errorf("behind the first error: %v", got)
		}
	}
	// The caller is the outer request's: an inner credential is not looked at.
	inner := strings.Replace(multipartBatch("GET Users('ann')/ID/$value"), "Accept: application/json", "Authorization: Basic YTpi", 1)
	if got := f.batch(inner); len(got) != 1 || got[0].body != "ann" {
		t.Errorf("%v", got)
	}
	for kind, body := range map[string]string{"multipart/mixed; boundary=b": "nothing", "multipart/mixed": multipartBatch("GET Users"), "multipart/mixed; boundary=x": multipartBatch("GET Users")} {
		if r := f.send("POST", "$batch", body, "Content-Type", kind); r.status != 400 {
			t.Errorf("%s: %d", kind, r.status)
		}
	}
}

func advancedPaths(t *testing.T, f *feed) {
	event := "Events(TokenID=" + guid(3) + ",Number=1)"
	for url, want := range map[string]string{
		tokenPath(3) + "/Name/$value": "token 3", "Tokens(ID=" + guid(3) + ")/Name/$value": "token 3", "Tokens(@k)/Name/$value?@k=" + guid(3): "token 3",
		event + "/Type/$value": "used", "Events(Number=1,TokenID=" + guid(3) + ")/Type/$value": "used", "Events(TokenID=@a,Number=@b)/Type/$value?@b=1&@a=" + guid(3): "used",
		tokenPath(3) + "/Owner/Name/$value": "Ann O'Neil", tokenPath(3) + "/Events(TokenID=" + guid(3) + ",Number=1)/Type/$value": "used", event + "/Token/Owner/ID/$value": "ann",
		"Users('b%2Fob')/Name/$value": "Bob & Co", "Users('b%2Fob')/Boss/ID/$value": "ann", "Users('ann')/Staff('b%2Fob')/ID/$value": "b/ob", "Users%28%27ann%27%29/ID/%24value": "ann",
		"Users('ann')/Staff/$count": "1", "Kinds(1)/Größe/$value": "x",
	} {
		if r := f.want(200, url); r.body != want {
			t.Errorf("%s: %q instead of %q", url, r.body, want)
		}
	}
	one := f.want(200, "Users('ann')").body
	for _, id := range []string{"Users('ann')", root + "Users('ann')", "/odata/acme/Users('ann')"} {
		f.says("$entity?$id="+id, one)
	}
	if got := field(f.rows(tokenPath(3)+"/Events?$select=Number"), "Number"); got != "0 1 2" {
		t.Error(got)
	}
	for _, url := range []string{tokenPath(3) + "/Owner/Boss", tokenPath(0) + "/Owner"} {
		f.wants(204, url)
	}
	f.wants(404, "Nothing", "tokens", tokenPath(3)+"/Nothing", tokenPath(99)+"/Owner", event+"/Token/Nothing", "Events(TokenID="+guid(3)+",Number=9)", "$entity?$id=Users('zed')", "$entity?$id=https://evil.example/Users('ann')")
	f.wants(400, "Events(1)", "Events(TokenID="+guid(3)+")", "$entity", "Tokens(@k)")
	f.wants(501, "$crossjoin(Tokens,Users)", "$all")
}

// laterVersion is what is offered of OData 4.01 (Protocol 12.2), in payloads of 4.0.
func laterVersion() []requirement {
	return []requirement{
		{"401-compute", func(_ *testing.T, f *feed) {
			f.says("Tokens?$compute=Uses sub 9007199254740992 as N,concat(Name,'!') as Loud&$select=N,Loud&$filter=N gt 1 and N lt 4&$orderby=N desc",
				`{"@odata.context":"`+root+`$metadata#Tokens(N,Loud)","value":[{"N":3,"Loud":"token 3!"},{"N":2,"Loud":"token 2!"}]}`)
			f.finds("M eq 2&$compute=Uses mod 5 as M", func(k aToken) bool { return (int64(1)<<53+int64(k.n))%5 == 2 })
			f.wants(400, "Tokens?$compute=Uses", "Tokens?$compute=Uses add 1 as Name", "Tokens?$compute=Nope as N")
		}},
		{"401-in", func(_ *testing.T, f *feed) {
			f.finds("Name in ('token 1','token 5')", func(k aToken) bool { return k.name == "token 1" || k.name == "token 5" })
			f.finds("ExpiresAt in (null)", func(k aToken) bool { return k.expires == nil })
			f.finds("not (Status in ('active'))", func(k aToken) bool { return k.status != "active" })
		}},
		{"401-casts", func(_ *testing.T, f *feed) {
			f.finds("CreatedAt gt '2026-01-10T00:00:00Z' and Status eq 'active' and ID ne '"+guid(24)+"'", func(k aToken) bool {
				return k.status == "active" && k.n != 24 && k.created.Format("2006-01-02") >= "2026-01-10"
			})
			f.wants(400, "Tokens?$filter=CreatedAt gt 'soon'", "Tokens?$filter=Status eq 'asleep'")
		}},
		{"401-navigation-null", func(_ *testing.T, f *feed) {
			f.finds("Owner eq null", func(k aToken) bool { return k.owner == "" })
			f.finds("Owner ne null and Owner/Boss eq null", func(k aToken) bool { return k.owner == "ann" })
		}},
		{"401-count-filter", func(_ *testing.T, f *feed) {
			f.finds("Events/$count gt 2", func(k aToken) bool { return k.eventsOf > 2 })
			f.finds("Events/$count($filter=Number gt 0) eq 1", func(k aToken) bool { return k.eventsOf == 2 })
		}},
		{"401-json-batch", laterJSONBatch},
		{"401-omit-values", func(t *testing.T, f *feed) {
			if r := f.want(200, "Kinds(2)", "Prefer", "omit-values=nulls"); r.body != `{"@odata.context":"`+root+`$metadata#Kinds/$entity","ID":2}` || r.header.Get("Preference-Applied") != "omit-values=nulls" {
				t.Errorf("%v %s", r.header, r.body)
			}
		}},
		{"401-query-body", func(t *testing.T, f *feed) {
			r := f.send("POST", "Tokens/$query", "$filter=contains(Name,'3')&$select=Name&$top=1", "Content-Type", "text/plain")
			if r.status != 200 || !strings.HasSuffix(r.body, `"value":[{"Name":"token 3"}]}`) {
				t.Errorf("%d %s", r.status, r.body)
			}
		}},
		{"401-apply", laterApply},
	}
}

func laterJSONBatch(t *testing.T, f *feed) {
	body := `{"requests":[{"id":"1","method":"get","url":"Users('ann')?$select=Name"},{"id":"2","method":"get","url":"/odata/acme/Tokens/$count"},` +
		`{"id":"3","method":"delete","url":"Users('ann')"},{"id":"4","method":"get","url":"Users"}]}`
	for prefer, want := range map[string]string{"": "1:200 2:200 3:405", "continue-on-error": "1:200 2:200 3:405 4:200"} {
		r := f.send("POST", "$batch", body, "Content-Type", "application/json", "Prefer", prefer)
		var got struct {
			Responses []struct {
				ID     string
				Status int
				Body   json.RawMessage
			}
		}
		if err := json.Unmarshal([]byte(r.body), &got); err != nil || r.status != 200 || r.header.Get("Content-Type") != "application/json" {
			t.Fatalf("%d %v %v %s", r.status, r.header, err, r.body)
		}
		var list []string
		for _, one := range got.Responses {
			list = append(list, fmt.Sprintf("%s:%d", one.ID, one.Status))
		}
		if all := strings.Join(list, " "); all != want {
			t.Errorf("%q: %s", prefer, all)
		}
		if first := string(got.Responses[0].Body); first != `{"@odata.context":"`+root+`$metadata#Users(Name)/$entity","Name":"Ann O'Neil"}` {
			t.Error(first)
		}
	}
}

func laterApply(t *testing.T, f *feed) {
	for apply, want := range map[string]string{
		"aggregate($count as N)": `[{"N":25}]`,
		"filter(Status eq 'active')/aggregate($count as N,Uses with min as Least,Uses with max as Most)":                        `[{"N":9,"Least":9007199254740992,"Most":9007199254741016}]`,
		"groupby((Status),aggregate($count as N))&$orderby=Status":                                                              `[{"Status":"active","N":9},{"Status":"expired","N":8},{"Status":"revoked","N":8}]`,
		"groupby((Name),aggregate(OwnerID with countdistinct as Owners))&$filter=Owners gt 2&$orderby=Name&$top=1&$select=Name": `[{"Name":"token 0"}]`,
		"groupby((Owner/ID))&$orderby=Owner/ID desc&$top=1":                                                                     `[{"Owner":{"ID":"cy"}}]`,
		"filter(Uses lt 9007199254740995)/aggregate(Rate with sum as Total)":                                                    `[{"Total":3.15}]`,
	} {
		r := f.want(200, "Tokens?$apply="+apply)
		if _, got, _ := strings.Cut(r.body, `"value":`); got != want+"}" {
			t.Errorf("%s: %s", apply, r.body)
		}
	}
	if got := field(f.rows("Events?$apply=groupby((Type),aggregate(Weight with average as Mean))&$orderby=Type"), "Mean"); got != "0.6666666666666666 0.6666666666666666" {
		t.Error(got)
	}
	f.wants(501, "Tokens?$apply=groupby((rollup(Status,Name)),aggregate($count as N))", "Tokens?$apply=topcount(2,Uses)", "Tokens?$apply=identity", "Tokens?$apply=concat(identity,identity)",
		"Tokens?$apply=compute(Uses add 1 as M)", "Tokens?$apply=search(a)")
	f.wants(400, "Tokens?$apply=aggregate(Nope with sum as N)", "Tokens?$apply=groupby((Nope))", "Tokens?$apply=aggregate(Name with sum as N)", "Tokens?$apply=sum")
}
