package ui_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"mime"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright/internal/token"
)

// file downloads one, and checks that it is one to keep.
func (b *browser) file(name, wantKind, wantName string) []byte {
	b.t.Helper()
	b.get("/workspaces/standard/connect/sales/files/" + name).want(http.StatusOK)
	if got := b.header.Get("Content-Type"); got != wantKind {
		b.t.Errorf("%s: Content-Type %q, want %q", name, got, wantKind)
	}
	how, params, err := mime.ParseMediaType(b.header.Get("Content-Disposition"))
	if err != nil || how != "attachment" || params["filename"] != wantName {
		b.t.Errorf("%s: Content-Disposition %q", name, b.header.Get("Content-Disposition"))
	}
	if got := b.header.Get("Cache-Control"); got != "no-store" {
		b.t.Errorf("%s: Cache-Control %q", name, got)
	}
	return []byte(b.page)
}

func TestTheFileForPowerBIHoldsTheAddressAndNothingElse(t *testing.T) {
	s := newSite(t).populate()
	b := s.as(token.PlainMember)
	var got, want any
	s.must(json.Unmarshal(b.file("sales.pbids", "application/json", "standard-sales.pbids"), &got))
	s.must(json.Unmarshal(fmt.Appendf(nil, `{"version":"0.1","connections":[{"details":{"protocol":"odata","address":{"url":"%s/odata/standard/sales/"}}}]}`, s.url), &want))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheFileForExcelIsAnOfficeDataConnectionWithAQueryInside(t *testing.T) {
	s := newSite(t).populate()
	body := s.as(token.PlainMember).file("Orders.odc", "text/x-ms-odc; charset=utf-8", "standard-sales-Orders.odc")
	// The outer text is HTML, whose islands of XML must each be well-formed.
	_, rest, ok := strings.Cut(string(body), `<xml id="msodc">`)
	island, _, ok2 := strings.Cut(rest, "</xml>")
	if !ok || !ok2 {
		t.Fatalf("no data connection in %s", body)
	}
	var connection struct {
		Query struct {
			Type    string `xml:"urn:schemas-microsoft-com:office:odc Type,attr"`
			String  string `xml:"urn:schemas-microsoft-com:office:odc ConnectionString"`
			Command string `xml:"urn:schemas-microsoft-com:office:odc CommandText"`
		} `xml:"urn:schemas-microsoft-com:office:odc PowerQueryConnection"`
		Mashup string `xml:"urn:schemas-microsoft-com:office:odc PowerQueryMashupData"`
	}
	s.must(xml.Unmarshal([]byte(island), &connection))
	if connection.Query.Type != "OLEDB" || !strings.Contains(connection.Query.String, `Location="Orders"`) || connection.Query.Command != "SELECT * FROM [Orders]" {
		t.Errorf("the connection is %+v", connection.Query)
	}
	var mashup struct {
		Items []struct {
			Name    string `xml:"Name,attr"`
			Formula string
		} `xml:"Items>Query"`
	}
	s.must(xml.Unmarshal([]byte(connection.Mashup), &mashup))
	want := "let\n    Source = OData.Feed(\"" + s.url + "/odata/standard/sales/\", null, [Implementation=\"2.0\"]),\n    Rows = Source{[Name=\"Orders\",Signature=\"table\"]}[Data]\nin\n    Rows"
	if len(mashup.Items) != 1 || mashup.Items[0].Name != "Orders" || mashup.Items[0].Formula != want {
		t.Errorf("the query is %+v", mashup.Items)
	}
}

func TestTheFilesForPostmanAskForTheTokenAndTestTheAnswers(t *testing.T) {
	s := newSite(t).populate()
	b := s.as(token.PlainMember)
	var environment struct {
		Values []struct{ Key, Value, Type string }
	}
	s.must(json.Unmarshal(b.file("sales.postman_environment.json", "application/json", "standard-sales.postman_environment.json"), &environment))
	want := []struct{ Key, Value, Type string }{{"baseUrl", s.url + "/odata/standard/sales", "default"}, {"user", "member@example.com", "default"}, {"token", "", "secret"}}
	if diff := cmp.Diff(want, environment.Values); diff != "" {
		t.Error(diff)
	}
	type item struct {
		Name  string
		Event []struct{ Script struct{ Exec []string } }
		Item  []item
	}
	type request struct{ URL string }
	var collection struct {
		Info struct{ Schema string }
		Auth struct {
			Type  string
			Basic []struct{ Key, Value string }
		}
		Item []struct {
			item
			Request request
			Item    []struct {
				item
				Request request
			}
		}
	}
	s.must(json.Unmarshal(b.file("sales.postman_collection.json", "application/json", "standard-sales.postman_collection.json"), &collection))
	if !strings.Contains(collection.Info.Schema, "v2.1.0") || collection.Auth.Type != "basic" || len(collection.Auth.Basic) != 2 || collection.Auth.Basic[1].Value != "{{token}}" {
		t.Errorf("the collection is %+v", collection)
	}
	var asked []string
	for _, one := range collection.Item {
		if one.Request.URL != "" {
			asked = append(asked, one.Request.URL)
		}
		for _, inner := range one.Item {
			asked = append(asked, inner.Request.URL)
			if tests := strings.Join(inner.Event[0].Script.Exec, "\n"); !strings.Contains(tests, "have.status(200)") || !strings.Contains(tests, `"OData-Version", "4.0"`) {
				t.Errorf("%s is not tested: %s", inner.Name, tests)
			}
		}
	}
	for _, path := range []string{"/", "/$metadata", "/Customers?$top=5", "/Orders?$top=5", "/Customers/$count", "/Customers?$top=5&$count=true", "/Customers?$filter="} {
		found := false
		for _, url := range asked {
			found = found || url == "{{baseUrl}}"+path || strings.HasSuffix(path, "=") && strings.HasPrefix(url, "{{baseUrl}}"+path)
		}
		if !found {
			t.Errorf("nothing asks for %s: %q", path, asked)
		}
	}
}

func TestNoPageAndNoFileHoldsASecret(t *testing.T) {
	s := newSite(t).populate()
	_, secret := s.makeSecret(s.people[token.PlainMember], "standard", named("Excel", 90, "odata:read"))
	b := s.as(token.PlainMember)
	b.post("/workspaces/standard/connect/sales/excel", "user", "me", "credential", secret).want(200, "with “Excel”").lacks(secret)
	if got := b.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("the answer to a test has Cache-Control %q", got)
	}
	paths := []string{"files/sales.pbids", "files/Customers.odc", "files/Orders.odc", "files/sales.postman_collection.json", "files/sales.postman_environment.json"}
	paths = append(paths, toolKeys()...)
	for _, path := range paths {
		b.get("/workspaces/standard/connect/sales/" + path).want(200)
		if text := html.UnescapeString(b.page); strings.Contains(text, secret) || strings.Contains(text, "kw_pat_") {
			t.Errorf("%s holds a secret", path)
		}
	}
	b.get("/workspaces/standard/connect/sales/files/photos.odc").want(404)
	b.get("/workspaces/standard/connect/sales/files/passwords.txt").want(404)
}
