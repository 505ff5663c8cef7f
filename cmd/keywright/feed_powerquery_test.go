package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/keywright/keywright/internal/token"
)

// What Power Query sends, header by header, request by request, and what its reader takes.

// mashup is Power Query as it is inside Excel and Power BI.
type mashup struct {
	t             *testing.T
	authorization string
}

type mashupReply struct {
	status int
	header http.Header
	raw    []string // the lines of the header as they came
	body   []byte
}

// get sends what Power Query sends, byte for byte, and keeps the answer's header as it was on the wire.
func (m mashup) get(address string) (r mashupReply) {
	m.t.Helper()
	at, err := url.Parse(address)
	if err != nil {
		m.t.Fatal(err)
	}
	target := strings.TrimPrefix(address, at.Scheme+"://"+at.Host)
	c, err := net.Dial("tcp", at.Host)
	if err != nil {
		m.t.Fatal(err)
	}
	defer c.Close()
	head := "GET " + target + " HTTP/1.1\r\nHost: " + at.Host + "\r\n" +
		"User-Agent: Microsoft.Data.Mashup (https://go.microsoft.com/fwlink/?LinkID=304225)\r\n" +
		"MaxDataServiceVersion: 3.0\r\nOData-MaxVersion: 4.0\r\n" +
		"Accept: application/json;odata.metadata=minimal;q=1.0,application/json;odata=minimalmetadata;q=0.9,application/atomsvc+xml;q=0.8," +
		"application/atom+xml;q=0.8,application/xml;q=0.7,text/plain;q=0.7\r\n" +
		"Accept-Encoding: gzip, deflate\r\nConnection: close\r\n"
	if m.authorization != "" {
		head += "Authorization: " + m.authorization + "\r\n"
	}
	if _, err := io.WriteString(c, head+"\r\n"); err != nil {
		m.t.Fatal(err)
	}
	whole, err := io.ReadAll(c)
	if err != nil {
		m.t.Fatal(err)
	}
	lines, _, _ := bytes.Cut(whole, []byte("\r\n\r\n"))
	r.raw = strings.Split(string(lines), "\r\n")
	res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(whole)), nil)
	if err != nil {
		m.t.Fatal(err)
	}
	defer res.Body.Close()
	r.status, r.header = res.StatusCode, res.Header
	body := io.Reader(res.Body)
	if res.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(res.Body); err != nil {
			m.t.Fatal(err)
		}
	}
	if r.body, err = io.ReadAll(body); err != nil {
		m.t.Fatal(err)
	}
	return r
}

// want checks what the reader insists on before it reads a body: the status, the version once and as it is spelled, and
// the media type.
func (m mashup) want(status int, kind, address string) mashupReply {
	m.t.Helper()
	r := m.get(address)
	if r.status != status {
		m.t.Errorf("%s: %d %.300s, want %d", address, r.status, r.body, status)
	}
	var versions []string
	for _, line := range r.raw {
		if name, value, _ := strings.Cut(line, ":"); strings.EqualFold(name, "OData-Version") {
			versions = append(versions, name+":"+value)
		}
	}
	if len(versions) != 1 || versions[0] != "OData-Version: 4.0" {
		m.t.Errorf("%s: the version is %q", address, versions)
	}
	if got := r.header.Get("Content-Type"); got != kind {
		m.t.Errorf("%s: Content-Type %q, want %q", address, got, kind)
	}
	if len(r.body) == 0 {
		m.t.Errorf("%s: no body", address)
	}
	return r
}

const (
	mashupJSON  = "application/json;odata.metadata=minimal"
	mashupError = "application/json"
)

func newMashup(t *testing.T, token string) mashup {
	return mashup{t: t, authorization: "Basic " + base64.StdEncoding.EncodeToString([]byte(":"+token))}
}

// rows reads a page as ODataLib does, and returns its rows and its next link.
func (m mashup) rows(r *strictReader, address string) (rows []map[string]any, next string) {
	m.t.Helper()
	reply := m.want(200, mashupJSON, address)
	rows, next, err := r.feed(reply.body)
	if err != nil {
		m.t.Errorf("%s: %v in %.400s", address, err, reply.body)
	}
	return rows, next
}

// Opening the feed: the root as typed, with and without its slash, what it holds, and the previews of the navigator.
func TestPowerQueryOpensAFeedAndPreviewsItsTables(t *testing.T) {
	t.Parallel()
	s := theFeeds(t)
	for _, root := range []string{s.Sales, s.Keywright} {
		m := newMashup(t, s.Token)
		var document struct {
			Context string `json:"@odata.context"`
			Value   []struct{ Name, Kind, URL string }
		}
		for _, address := range []string{root, root + "/"} {
			if err := json.Unmarshal(m.want(200, mashupJSON, address).body, &document); err != nil || document.Context != root+"/$metadata" {
				t.Errorf("%s: %v, context %q", address, err, document.Context)
			}
		}
		reader, err := newStrictReader(root, m.want(200, "application/xml", root+"/$metadata").body)
		if err != nil {
			t.Fatal(err)
		}
		if len(document.Value) != len(reader.sets) {
			t.Errorf("the document lists %d sets, the metadata %d", len(document.Value), len(reader.sets))
		}
		compressed := 0
		for _, set := range document.Value {
			address := root + "/" + set.URL
			if rows, _ := m.rows(reader, address+"?$top=1000"); len(rows) > 1000 {
				t.Errorf("%s: %d rows", address, len(rows))
			}
			if m.get(address+"?$top=1000").header.Get("Content-Encoding") == "gzip" {
				compressed++
			}
		}
		if compressed == 0 {
			t.Error("nothing is compressed, although it may be")
		}
	}
}

// foldedFilters are what Power BI generates by the list of operators that is known of it, and what steps on text, dates and
// numbers may become.
func foldedFilters() []string {
	return []string{
		"Orders?$filter=Status%20eq%20'shipped'&$select=ID%2CFreight%2CStatus",
		"Orders?$filter=OrderedAt%20gt%202024-02-03T00%3A00%3A00%2B01%3A00&$top=1000",
		"Orders?$filter=ShippedAt%20ne%20null%20and%20(Freight%20ge%2020%20or%20Freight%20lt%205.5)%20and%20not%20(Status%20eq%20'new')",
		"Orders?$filter=RequiredOn%20le%202024-06-30&$orderby=Freight%20desc%2CID&$top=50&$skip=10",
		"Orders?$filter=startswith(CustomerCode%2C'A')%20or%20endswith(CustomerCode%2C'E')%20or%20contains(CustomerCode%2C'UM')&$count=true",
		"Orders?$filter=Freight%20add%201%20gt%2020%20and%20Freight%20sub%201%20lt%2030%20and%20Freight%20mul%202%20le%2080%20and%20Freight%20div%202%20ge%201%20and%20ID%20mod%202%20eq%200",
		"Orders?$filter=concat(concat(CustomerCode%2C'-')%2CStatus)%20ne%20'x-new'",
		"Orders?$filter=tolower(CustomerCode)%20ne%20toupper(Status)%20and%20trim(Status)%20eq%20'shipped'%20and%20length(CustomerCode)%20eq%205",
		"Orders?$filter=indexof(CustomerCode%2C'A')%20ge%200%20and%20substring(CustomerCode%2C1%2C2)%20ne%20'ZZ'",
		"Orders?$filter=year(OrderedAt)%20eq%202024%20and%20month(OrderedAt)%20le%206%20and%20day(OrderedAt)%20gt%201%20and%20hour(OrderedAt)%20ge%208%20and%20minute(OrderedAt)%20lt%2059%20and%20second(OrderedAt)%20ge%200",
		"Orders?$filter=date(OrderedAt)%20ge%202024-01-01%20and%20round(Freight)%20ge%20floor(Freight)%20and%20ceiling(Freight)%20ge%20Freight",
		"Orders?$expand=Customer%2COrderLines&$top=20",
		"Orders?$expand=Customer($select=Code%2CCompany)%2CEmployee&$select=ID%2COrderedAt&$orderby=OrderedAt%20desc&$top=20",
		"Customers?$expand=Orders($expand=OrderLines($expand=Product))&$top=5",
		"OrderLines?$filter=Discount%20gt%200.05%20and%20Quantity%20mul%20UnitPrice%20gt%20100&$orderby=UnitPrice%20desc",
		"Products?$filter=Discontinued%20eq%20false%20and%20Category%2FName%20ne%20null&$expand=Category",
		"Customers?$filter=Orders%2Fany(o%3Ao%2FFreight%20gt%2050)&$count=true",
		"Employees?$filter=ReportsTo%20eq%20null",
		"SalesByMonth?$orderby=Month%20desc&$top=12",
	}
}

func TestPowerQueryFoldsFiltersIntoRequestsAndReadsTheirRows(t *testing.T) {
	t.Parallel()
	s := theFeeds(t)
	m := newMashup(t, s.Token)
	for root, folded := range map[string][]string{s.Sales: foldedFilters(), s.Keywright: {
		"Tokens?$filter=Status%20eq%20'active'%20and%20ExpiresAt%20gt%202024-02-03T00%3A00%3A00%2B01%3A00&$select=ID%2CName%2CExpiresAt&$expand=Owner($select=Name)",
		"DailyUsage?$filter=Day%20ge%202020-01-01%20and%20Requests%20gt%201&$orderby=Day%20desc&$count=true&$top=30",
		"AuditEvents?$filter=startswith(Action%2C'token.')&$top=1000",
		"Members?$expand=Tokens%2CApps%2COAuthTokens",
	}} {
		reader, err := newStrictReader(root, m.want(200, "application/xml", root+"/$metadata").body)
		if err != nil {
			t.Fatal(err)
		}
		for _, query := range folded {
			if rows, _ := m.rows(reader, root+"/"+query); len(rows) == 0 {
				t.Errorf("%s finds nothing", query)
			}
		}
		set, _, _ := strings.Cut(folded[0], "?")
		if n := m.want(200, "text/plain", root+"/"+set+"/$count").body; strings.Trim(string(n), "0123456789") != "" {
			t.Errorf("%s/$count is %q", set, n)
		}
	}
}

// The demo's tables fit into a page each; those of the feed beside it come in many.
func TestPowerQueryFollowsNextLinksToTheLastRow(t *testing.T) {
	t.Parallel()
	s := theHostileSite(t)
	m := newMashup(t, s.token)
	for _, root := range s.feeds[:len(s.feeds)-1] {
		reader, err := newStrictReader(root, m.get(root+"/$metadata").body)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		pages := 0
		for next := root + "/Orders?$expand=OrderLines&$filter=ID%20gt%200"; next != ""; pages++ {
			var rows []map[string]any
			if rows, next = m.rows(reader, next); len(rows) > hostilePage {
				t.Errorf("%d rows in a page", len(rows))
			}
			for _, row := range rows {
				id := fmt.Sprint(row["ID"])
				if seen[id] {
					t.Errorf("%s came twice", id)
				}
				seen[id] = true
			}
		}
		if len(seen) != 800 || pages != 800/hostilePage {
			t.Errorf("%s: %d of 800 rows in %d pages", root, len(seen), pages)
		}
	}
}

func TestPowerQueryIsToldWhyItGetsNoRows(t *testing.T) {
	t.Parallel()
	s := theFeeds(t)
	narrow := s.demo.token(t, s.demo.admin, token.ScopeManage)
	for _, c := range []struct {
		what, authorization, path, says string
		status                          int
	}{
		{"nothing", "", "", "Sign in with a token", 401},
		{"an empty Bearer, as for an organizational account", "Bearer", "", "Sign in with a token", 401},
		{"an empty Bearer and a blank", "Bearer ", "/$metadata", "Sign in with a token", 401},
		{"a token that there is not", newMashup(t, "kw_pat_aK5UUtEUJgYCN62457hAGubi77AdNw1umg92").authorization, "/Orders", "", 401},
		{"a token without the scope", newMashup(t, narrow).authorization, "/Orders?$top=1000", "odata:read", 403},
		{"a table that there is not", newMashup(t, s.Token).authorization, "/Nothing?$top=1000", "Nothing", 404},
		{"a column that there is not", newMashup(t, s.Token).authorization, "/Orders?$filter=Nothing%20eq%201", "Nothing", 400},
	} {
		r := mashup{t: t, authorization: c.authorization}.want(c.status, mashupError, s.Sales+c.path)
		var e struct {
			Error struct{ Code, Message string }
		}
		if err := json.Unmarshal(r.body, &e); err != nil || e.Error.Code == "" || e.Error.Message == "" || !strings.Contains(e.Error.Message, c.says) {
			t.Errorf("%s: %v %s", c.what, err, r.body)
		}
		challenges := r.header.Values("WWW-Authenticate")
		if wanted := c.status == 401; (len(challenges) == 1 && challenges[0] == `Basic realm="Keywright", charset="UTF-8"`) != wanted || !wanted && len(challenges) > 0 {
			t.Errorf("%s: challenged by %q", c.what, challenges)
		}
	}
}
