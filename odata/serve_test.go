package odata_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright/odata"
)

func decode(t testing.TB, text string) map[string]any {
	t.Helper()
	var v map[string]any
	in := json.NewDecoder(strings.NewReader(text))
	in.UseNumber()
	if err := in.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

const powerQuery = "application/json;odata.metadata=minimal;q=1.0,application/json;odata=minimalmetadata;q=0.9," +
	"application/atomsvc+xml;q=0.8,application/atom+xml;q=0.8,application/xml;q=0.7,text/plain;q=0.7"

func TestMIN_01_TheServiceDocumentListsEachSet(t *testing.T) {
	a := newAccounts()
	c := newClient(t, a.model, a.rows(1), odata.Options{})
	want := `{"@odata.context":"` + root + `$metadata","value":[{"name":"Users","title":"People","kind":"EntitySet","url":"Users"},` +
		`{"name":"Tokens","kind":"EntitySet","url":"Tokens"},{"name":"Events","kind":"EntitySet","url":"Events"}]}`
	for _, url := range []string{"", "/"} {
		if got := c.want(200, url, "Accept", powerQuery); got != want {
			t.Errorf("%s", got)
		}
	}
	if got := c.want(200, "?$format=application/json;odata.metadata=none"); strings.Contains(got, "context") {
		t.Errorf("%s", got)
	}
	c.want(406, "", "Accept", "application/xml")
}

func TestMIN_05b_PowerQueryAcceptListGetsMinimalJSON(t *testing.T) {
	a := newAccounts()
	c := newClient(t, a.model, a.rows(1), odata.Options{})
	head := []string{"Accept", powerQuery, "MaxDataServiceVersion", "3.0", "OData-MaxVersion", "4.0", "Accept-Encoding", "gzip, deflate"}
	for url, want := range map[string]string{
		"": "application/json;odata.metadata=minimal", "Tokens?$top=1000": "application/json;odata.metadata=minimal", "$metadata": "application/xml",
		"Tokens/$count": "text/plain", "Users('ann')": "application/json;odata.metadata=minimal",
	} {
		if got := c.get(url, head...).Header().Get("Content-Type"); got != want {
			t.Errorf("%s: %s", url, got)
		}
	}
}

func TestMIN_06_CustomOptionsAndUnknownHeadersAreIgnoredAndNothingElse(t *testing.T) {
	a := newAccounts()
	c := newClient(t, a.model, a.rows(1), odata.Options{})
	c.want(200, "Tokens?foo=1&b", "X-Foo", "1", "Prefer", "unknown=1, respond-async")
	if c.get("Tokens?$foo=1").Code < 400 {
		t.Error("an unknown system query option is ignored")
	}
}

func TestMIN_10_WritesAreNotAllowedAnywhere(t *testing.T) {
	a := newAccounts()
	c := newClient(t, a.model, a.rows(2), odata.Options{})
	for _, url := range []string{"", "Tokens", "Tokens(" + guid(1) + ")", "Tokens(" + guid(1) + ")/Owner/$ref", "Nothing", "$metadata", "Tokens(" + guid(1) + ")/Name"} {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "MERGE"} {
			w := c.send(method, url, "{}")
			if w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD, OPTIONS" {
				t.Errorf("%s %s: %d %v", method, url, w.Code, w.Header())
			}
			checkError(t, w)
		}
		if w := c.send("OPTIONS", url, ""); w.Code != 204 || w.Header().Get("Allow") != "GET, HEAD, OPTIONS" {
			t.Errorf("OPTIONS %s: %d %v", url, w.Code, w.Header())
		}
	}
	for _, url := range []string{"$batch", "%24batch", "Tokens/$query", "Tokens/%24query"} {
		if w := c.get(url); w.Code != 405 || w.Header().Get("Allow") != "POST, OPTIONS" {
			t.Errorf("GET %s: %d %v", url, w.Code, w.Header())
		}
	}
}

func TestMIN_17_AnUnchangedAnswerIsNotSentAgain(t *testing.T) {
	a := newAccounts()
	source := a.rows(12)
	c := newClient(t, a.model, source, odata.Options{PageSize: 10})
	seen := map[string]string{}
	for _, url := range []string{"", "$metadata", "Tokens", "Tokens?$format=application/json;odata.metadata=full", "Tokens/$count", "Users('ann')"} {
		for _, encoding := range []string{"", "gzip"} {
			w := c.get(url, "Accept-Encoding", encoding)
			tag := w.Header().Get("ETag")
			if was, twice := seen[tag]; tag == "" || twice && w.Header().Get("Content-Encoding") != "" {
				t.Errorf("%s %s: the tag is %q, like that of %q", url, encoding, tag, was)
			}
			seen[tag] = url + encoding
			for _, list := range []string{tag, "*", `"x", W/` + tag} {
				again := c.get(url, "Accept-Encoding", encoding, "If-None-Match", list)
				if again.Code != 304 || again.Body.Len() != 0 || again.Header().Get("ETag") != tag || again.Header().Get("Content-Type") != "" {
					t.Errorf("%s: If-None-Match %s: %d %v %s", url, list, again.Code, again.Header(), again.Body)
				}
			}
			if again := c.get(url, "Accept-Encoding", encoding, "If-None-Match", `"x"`); again.Code != 200 {
				t.Errorf("%s: another tag: %d", url, again.Code)
			}
			if again := c.get(url, "Accept-Encoding", encoding, "If-Match", `"x"`); again.Code != 412 {
				t.Errorf("%s: If-Match: %d", url, again.Code)
			}
			c.want(200, url, "Accept-Encoding", encoding, "If-Match", tag)
		}
	}
	streaming := c.get("Users('ann')", "Accept", "application/json;odata.streaming=true")
	if streaming.Code != 200 || streaming.Header().Get("ETag") == c.get("Users('ann')").Header().Get("ETag") {
		t.Error("two types have one tag")
	}
	large := newClient(t, a.model, a.rows(3000), odata.Options{})
	large.want(412, "Tokens", "If-Match", `"x"`)
	large.want(200, "Tokens", "If-Match", "*")
	tag := c.get("Users('ann')").Header().Get("ETag")
	source[a.users][0][1] = "Ann"
	c.want(200, "Users('ann')", "If-None-Match", tag)
}

func TestMIN_20_21_22_OneRowAndItsParts(t *testing.T) {
	a := newAccounts()
	c := newClient(t, a.model, a.rows(12), odata.Options{})
	one := "Tokens(" + guid(1) + ")"
	if got := decode(t, c.want(200, one)); got["@odata.context"] != root+"$metadata#Tokens/$entity" || got["Name"] != "token 1" {
		t.Errorf("%v", got)
	}
	for url, want := range map[string]string{
		one + "/Name":                           `{"@odata.context":"` + root + `$metadata#` + one + `/Name","value":"token 1"}`,
		one + "/Name/$value":                    "token 1",
		one + "/Uses/$value":                    "9007199254740993",
		one + "/Status/$value":                  "expired",
		one + "/Owner/Name/$value":              "Bob & Co",
		one + "/Owner/$ref":                     `{"@odata.context":"` + root + `$metadata#$ref","@odata.id":"` + root + `Users('b%2Fob')"}`,
		one + "/Events/$count":                  "1",
		"Users('b%2Fob')/Name/$value":           "Bob & Co",
		"Users('ann')/Staff/$count":             "1",
		"$entity?$id=Users('ann')&$select=Name": `{"@odata.context":"` + root + `$metadata#Users(Name)/$entity","Name":"Ann O'Neil"}`,
	} {
		if got := c.want(200, url); got != want {
			t.Errorf("%s: %s", url, got)
		}
	}
	none := "Tokens(" + guid(99) + ")"
	for url, want := range map[string]int{
		none: 404, none + "/Name": 404, none + "/Name/$value": 404, none + "/Events": 404, none + "/Events/$count": 404, none + "/Owner": 404,
		none + "/Owner/$ref": 404, none + "/$ref": 404, none + "/Owner/Tokens": 404,
		"Tokens(" + guid(0) + ")/ExpiresAt": 204, "Tokens(" + guid(0) + ")/ExpiresAt/$value": 204,
		"Tokens(" + guid(0) + ")/Owner": 204, "Tokens(" + guid(0) + ")/Owner/$ref": 204, "Tokens(" + guid(0) + ")/Events": 200,
		"Tokens(1)": 400, "Tokens('x')": 400, "Nothing": 404, one + "/Nothing": 404,
	} {
		if w := c.get(url); w.Code != want || want == 204 && (w.Body.Len() > 0 || w.Header().Get("Content-Type") != "") {
			t.Errorf("%s: %d instead of %d: %v %s", url, w.Code, want, w.Header(), w.Body)
		}
	}
}

func TestMIN_23_HEADHasTheHeadersOfGET(t *testing.T) {
	a := newAccounts()
	server := httptest.NewServer(newClient(t, a.model, a.rows(2000), odata.Options{}).service.Handler(a.rows(2000), root))
	defer server.Close()
	for _, url := range []string{"", "$metadata", "Tokens?$top=3", "Tokens", "Tokens/$count", "Users('ann')", "Users('ann')/Name/$value", "Users('x')", "Users('cy')/Boss/Boss/Boss", "Nothing", "Tokens?$filter=("} {
		for _, encoding := range []string{"identity", "gzip"} {
			var heads []http.Header
			var codes []int
			for _, method := range []string{"GET", "HEAD"} {
				r, _ := http.NewRequest(method, server.URL+"/odata/acme/"+url, nil)
				r.Header.Set("Accept-Encoding", encoding)
				w, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				if n := discard(t, w.Body); method == "HEAD" && n > 0 {
					t.Errorf("HEAD %s has a body", url)
				}
				_ = w.Body.Close()
				w.Header.Del("Date")
				heads, codes = append(heads, w.Header), append(codes, w.StatusCode)
			}
			if diff := cmp.Diff(heads[0], heads[1]); diff != "" || codes[0] != codes[1] {
				t.Errorf("%s %s: %v %s", url, encoding, codes, diff)
			}
		}
	}
}

func TestJ_03_LevelsOfMetadata(t *testing.T) {
	a := newAccounts()
	c := newClient(t, a.model, a.rows(12), odata.Options{PageSize: 1})
	url := "Tokens?$count=true&$expand=Events&$filter=ID eq " + guid(1) + " or ID eq " + guid(2) + "&$format=application/json;odata.metadata="
	keys := func(v map[string]any) string {
		var list []string
		for k := range v {
			if strings.Contains(k, "@") {
				list = append(list, k)
			}
		}
		return strings.Join(sorted(list), " ")
	}
	for level, want := range map[string][2]string{
		"none":    {"@odata.count @odata.nextLink", ""},
		"minimal": {"@odata.context @odata.count @odata.nextLink", ""},
		"full": {"@odata.context @odata.count @odata.nextLink", "@odata.id @odata.type CreatedAt@odata.type Events@odata.associationLink Events@odata.navigationLink " +
			"ExpiresAt@odata.type ID@odata.type Owner@odata.associationLink Owner@odata.navigationLink Rate@odata.type Status@odata.type Uses@odata.type"},
	} {
		got := decode(t, c.want(200, url+level))
		row := as[map[string]any](as[[]any](got["value"])[0])
		if outer, inner := keys(got), keys(row); outer != want[0] || inner != want[1] {
			t.Errorf("%s: %s; %s", level, outer, inner)
		}
		if level == "full" && (row["@odata.id"] != root+"Tokens("+guid(1)+")" || row["@odata.type"] != "#Acme.Token" || row["Uses@odata.type"] != "#Int64" ||
			row["Status@odata.type"] != "#Acme.TokenStatus" || row["Owner@odata.navigationLink"] != root+"Tokens("+guid(1)+")/Owner") {
			t.Errorf("%v", row)
		}
	}
	event := decode(t, c.want(200, "Events(TokenID="+guid(1)+",Number=0)?$format=json;odata.metadata=full"))
	if event["@odata.id"] != root+"Events(TokenID="+guid(1)+",Number=0)" {
		t.Errorf("%v", event)
	}
}

func TestJ_05_IEEE754CompatibleMakesStringsOfLargeNumbers(t *testing.T) {
	a := newAccounts()
	c := newClient(t, a.model, a.rows(2), odata.Options{})
	url := "Tokens(" + guid(1) + ")?$select=Uses,Rate&$expand=Events($count=true;$select=Number)"
	plain := c.want(200, url)
	for _, want := range []string{`"Uses":9007199254740993`, `"Rate":12.50`, `"Events@odata.count":1`, `"Number":0`} {
		if !strings.Contains(plain, want) {
			t.Errorf("%s lacks %s", plain, want)
		}
	}
	w := c.get(url, "Accept", "application/json;IEEE754Compatible=true")
	for _, want := range []string{`"Uses":"9007199254740993"`, `"Rate":"12.50"`, `"Events@odata.count":"1"`, `"Number":0`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s lacks %s", w.Body, want)
		}
	}
	if got := w.Header().Get("Content-Type"); got != "application/json;odata.metadata=minimal;IEEE754Compatible=true" {
		t.Error(got)
	}
	if got := c.want(200, "Tokens?$count=true&$top=0", "Accept", "application/json;IEEE754Compatible=true"); !strings.Contains(got, `"@odata.count":"2"`) {
		t.Error(got)
	}
}

func TestJ_08_NullsAreLeftOutOnlyOnRequest(t *testing.T) {
	a := newAccounts()
	c := newClient(t, a.model, a.rows(1), odata.Options{})
	if got := c.want(200, "Tokens"); !strings.Contains(got, `"ExpiresAt":null`) {
		t.Error(got)
	}
	w := c.get("Tokens", "Prefer", "omit-values=nulls")
	if got := w.Body.String(); strings.Contains(got, "ExpiresAt") || w.Header().Get("Preference-Applied") != "omit-values=nulls" {
		t.Errorf("%v %s", w.Header(), got)
	}
	for _, url := range []string{"Tokens?$select=ExpiresAt", "Tokens(" + guid(0) + ")?$select=ExpiresAt", "Tokens(" + guid(0) + ")?$select=ExpiresAt&$expand=Events&$format=json;odata.metadata=none"} {
		decode(t, c.want(200, url, "Prefer", "omit-values=nulls")) // is JSON still
	}
}

func TestQueriesThatAreTooLongForAURLComeInABody(t *testing.T) {
	a := newAccounts()
	c := newClient(t, a.model, a.rows(12), odata.Options{PageSize: 2})
	w := c.send("POST", "Tokens/$query", "$filter=contains(Name,'1')&$select=Name", "Content-Type", "text/plain")
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"value":[{"Name":"token 1"},{"Name":"token 1"}]`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := c.send("POST", "Tokens/$query", "{}", "Content-Type", "application/json"); w.Code != 415 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := c.send("POST", "Tokens/$query", strings.Repeat("x", 2<<20), "Content-Type", "text/plain"); w.Code != 413 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := c.send("POST", "Tokens/$query", strings.Repeat("x", 1<<19), "Content-Type", "text/plain"); w.Code != 414 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestExpandingWithoutEndIsRefused(t *testing.T) {
	a := newAccounts()
	c := newClient(t, a.model, a.rows(30), odata.Options{})
	c.want(200, "Users?$expand=Boss($levels=max)")
	for _, url := range []string{"Users?$expand=*($levels=max)", "Users?$expand=*($levels=5)", "Users?$expand=*($expand=*($expand=*($expand=*($expand=*($expand=*)))))"} {
		if w := c.get(url); w.Code != 400 && w.Code != 501 {
			t.Errorf("%s: %d, %d bytes", url, w.Code, w.Body.Len())
		}
	}
}

func TestAHandlerIsMountedBelowAnyPath(t *testing.T) {
	a := newAccounts()
	s := newClient(t, a.model, a.rows(3), odata.Options{}).service
	for root, requests := range map[string][]string{
		"http://h/":               {"/Users('b%2Fob')", "//Users('b%2Fob')"},
		"http://h/odata/a%20b/":   {"/odata/a%20b/Users('b%2Fob')", "/Users('b%2Fob')"},
		"https://h/x":             {"/x/Users('b%2Fob')"},
		"https://h/odata/%C3%BC/": {"/odata/%C3%BC/Users('b%2Fob')"},
	} {
		for _, url := range requests {
			w := httptest.NewRecorder()
			s.Handler(a.rows(3), root).ServeHTTP(w, httptest.NewRequest(http.MethodGet, strings.Replace(url, "//", "/", 1), nil))
			if want := strings.TrimSuffix(root, "/") + "/$metadata#Users/$entity"; w.Code != 200 || !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s below %s: %d %s", url, root, w.Code, w.Body)
			}
		}
	}
}
