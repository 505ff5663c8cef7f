package odata_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/keywright/keywright/odata"
)

// multipartBatch writes requests as clients do.
func multipartBatch(requests ...string) string {
	var b strings.Builder
	for _, r := range requests {
		b.WriteString("--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n" + r + " HTTP/1.1\r\nAccept: application/json\r\n\r\n\r\n")
	}
	return b.String() + "--b--\r\n"
}

type answered struct {
	id     string
	status int
	header http.Header
	body   string
}

func (c client) batch(body string, headers ...string) []answered {
	c.t.Helper()
	w := c.send("POST", "$batch", body, append([]string{"Content-Type", "multipart/mixed; boundary=b"}, headers...)...)
	if w.Code != 200 {
		c.t.Fatalf("%d %s", w.Code, w.Body)
	}
	_, params, err := mime.ParseMediaType(w.Header().Get("Content-Type"))
	if err != nil {
		c.t.Fatal(err)
	}
	var list []answered
	for parts := multipart.NewReader(w.Body, params["boundary"]); ; {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			c.t.Fatal(err)
		}
		if part.Header.Get("Content-Type") != "application/http" || part.Header.Get("Content-Transfer-Encoding") != "binary" {
			c.t.Errorf("a part has %v", part.Header)
		}
		head := strings.Contains(body, "HEAD ") && len(list) == 4 // which only its asker can know
		r, err := http.ReadResponse(bufio.NewReader(part), nil)   //nolint:bodyclose // it is a text
		if err != nil {
			c.t.Fatal(err)
		}
		text, err := io.ReadAll(r.Body)
		if err != nil && !head {
			c.t.Fatal(err)
		}
		if v := r.Header["Odata-Version"]; len(v) != 1 || v[0] != "4.0" {
			c.t.Errorf("OData-Version inside is %q", v)
		}
		list = append(list, answered{part.Header.Get("Content-ID"), r.StatusCode, r.Header, string(text)})
	}
}

func TestADV_11_BatchesOfReadsAreAnsweredInOrder(t *testing.T) {
	a := newAccounts()
	c := newClient(t, a.model, a.rows(30), odata.Options{PageSize: 3})
	list := c.batch(multipartBatch("GET Users('ann')/Name/$value", "GET /odata/acme/Tokens/$count", "GET "+root+"Tokens?$filter=Name eq 'token 1'",
		"GET $metadata", "HEAD Users", "GET Tokens("+guid(0)+")/Owner"))
	if len(list) != 6 {
		t.Fatalf("%d answers", len(list))
	}
	for i, want := range []struct {
		status int
		text   string
	}{{200, "Ann O'Neil"}, {200, "30"}, {200, `"Name":"token 1"`}, {200, `"$EntityContainer"`}, {200, ""}, {204, ""}} {
		if got := list[i]; got.status != want.status || !strings.Contains(got.body, want.text) || want.text == "" && got.body != "" {
			t.Errorf("%d: %d %s", i, got.status, got.body)
		}
	}
	// A next link inside is one that works outside.
	var p page
	if err := json.Unmarshal([]byte(list[2].body), &p); err != nil || len(p.Value) != 3 {
		t.Fatalf("%v %+v", err, p)
	}
	c.batch(multipartBatch("GET Tokens"))
	next := c.page("Tokens").Next
	if got := c.batch(multipartBatch("GET " + next)); got[0].status != 200 {
		t.Errorf("%+v", got)
	}
	if got := c.as("other").batch(multipartBatch("GET " + next)); got[0].status != 400 {
		t.Errorf("another's skip token works in a batch: %+v", got)
	}
}

func TestADV_11_ABatchStopsAtTheFirstErrorUnlessToldOtherwise(t *testing.T) {
	a := newAccounts()
	c := newClient(t, a.model, a.rows(3), odata.Options{})
	changes := "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\nContent-Type: application/http\r\nContent-ID: 1\r\n\r\n" +
		"POST Tokens HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{}\r\n--c--\r\n\r\n"
	for body, want := range map[string][]int{
		multipartBatch("GET Users", "GET Nothing", "GET Users"):                       {200, 404, 200},
		multipartBatch("GET Users", "DELETE Users('ann')", "GET Users"):               {200, 405, 200},
		multipartBatch("GET Users", "POST $batch", "GET Users"):                       {200, 405, 200},
		changes + multipartBatch("GET Users"):                                         {405, 200},
		multipartBatch("GET https://evil.example/odata/acme/Users", "GET Users"):      {400, 200},
		multipartBatch("GET Users?$filter=(", "GET Users?$foo=1", "GET Users?$top=0"): {400, 400, 200},
	} {
		var got []int
		for _, r := range c.batch(body, "Prefer", "odata.continue-on-error") {
			got = append(got, r.status)
			if r.status >= 400 {
				w := httptest.NewRecorder()
				w.Code, w.Body = r.status, bytes.NewBufferString(r.body)
				w.Header().Set("Content-Type", r.header.Get("Content-Type"))
				checkError(t, w)
			}
		}
		short := c.batch(body)
		for i := range want {
			if len(got) != len(want) || got[i] != want[i] {
				t.Errorf("%v instead of %v: %s", got, want, body)
				break
			}
			if want[i] >= 400 {
				if len(short) != i+1 || short[i].status != want[i] {
					t.Errorf("goes on behind an error: %v", short)
				}
				break
			}
		}
	}
	for _, body := range []string{"", "x", multipartBatch(), strings.TrimSuffix(multipartBatch("GET Users"), "--b--\r\n")} {
		if w := c.send("POST", "$batch", body, "Content-Type", "multipart/mixed; boundary=b"); w.Code != 400 {
			t.Errorf("%q: %d", body, w.Code)
		}
	}
	for kind, want := range map[string]int{"": 415, "text/plain": 415, "multipart/mixed": 400, "application/json": 400} {
		if w := c.send("POST", "$batch", multipartBatch("GET Users"), "Content-Type", kind); w.Code != want {
			t.Errorf("%q: %d", kind, w.Code)
		}
	}
	if w := c.send("POST", "$batch", strings.Repeat("x", 2<<20), "Content-Type", "multipart/mixed; boundary=b"); w.Code != 413 {
		t.Errorf("%d", w.Code)
	}
}

func TestADV_11_BatchesInJSON(t *testing.T) {
	a := newAccounts()
	c := newClient(t, a.model, a.rows(2000), odata.Options{})
	body := `{"requests":[
		{"id":"a","method":"GET","url":"Users('ann')","headers":{"accept":"application/json;odata.metadata=none"}},
		{"id":"b","method":"get","url":"Users('ann')/Name/$value"},
		{"id":"c","method":"get","url":"$metadata"},
		{"id":"d","method":"get","url":"/odata/acme/Tokens(` + guid(0) + `)/Owner","dependsOn":["a"]},
		{"id":"e","method":"post","url":"Users","body":{"x":[1]},"atomicityGroup":"g"},
		{"id":"f","method":"get","url":"Users","dependsOn":["e"]},
		{"id":"g1","method":"get","url":"Users","dependsOn":["g"]},
		{"id":"h","method":"get","url":"Tokens"}]}`
	var got struct {
		Responses []struct {
			ID      string
			Status  int
			Headers map[string]string
			Body    json.RawMessage
		}
	}
	for i, prefer := range []string{"", "continue-on-error=true"} {
		n := 5 + 3*i
		w := c.send("POST", "$batch", body, "Content-Type", "application/json", "Prefer", prefer)
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 || len(got.Responses) != n {
			t.Fatalf("%q: %d %v %.200s", prefer, w.Code, err, w.Body)
		}
	}
	for i, want := range []int{200, 200, 200, 204, 405, 424, 424, 200} {
		r := got.Responses[i]
		if r.Status != want || r.Headers["odata-version"] != "4.0" {
			t.Errorf("%s: %d %v", r.ID, r.Status, r.Headers)
		}
	}
	var text string
	if string(got.Responses[0].Body) != `{"ID":"ann","Name":"Ann O'Neil"}` || json.Unmarshal(got.Responses[1].Body, &text) != nil || text != "Ann O'Neil" {
		t.Errorf("%s %s", got.Responses[0].Body, got.Responses[1].Body)
	}
	_ = json.Unmarshal(got.Responses[2].Body, &text)
	if xml, err := base64.RawURLEncoding.DecodeString(text); err != nil || !bytes.HasPrefix(xml, []byte("<?xml")) {
		t.Errorf("%v %.40s", err, xml)
	}
	if got.Responses[3].Body != nil {
		t.Errorf("%s", got.Responses[3].Body)
	}
	if rows := as[[]any](decode(t, string(got.Responses[7].Body))["value"]); len(rows) != 2000 {
		t.Errorf("%d rows", len(rows))
	}
}

func TestABatchBreaksOffWithWhatIsInIt(t *testing.T) {
	n := newNumbers(3000)
	n.fail = errors.New("gone")
	root := serve(t, n, odata.Options{})
	for kind, body := range map[string]string{
		"multipart/mixed; boundary=b": multipartBatch("GET Numbers", "GET Numbers?$top=1"),
		"application/json":            `{"requests":[{"id":"1","method":"get","url":"Numbers"},{"id":"2","method":"get","url":"Numbers?$top=1"}]}`,
	} {
		w, err := http.Post(root+"$batch", kind, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(w.Body); err == nil {
			t.Errorf("%s: a batch with half an answer ends as if it were whole", kind)
		}
		_ = w.Body.Close()
	}
}
