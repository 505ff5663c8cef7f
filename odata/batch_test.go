package odata

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const part = "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"

func targets(list []batched) []string {
	var s []string
	for _, b := range list {
		line := b.method + " " + b.target
		if b.changes {
			line = "changes"
		}
		if b.id != "" {
			line = b.id + ": " + line
		}
		s = append(s, line)
	}
	return s
}

func TestBatchesAreReadAsTheyMayBeWritten(t *testing.T) {
	good := part + "GET Tokens?$filter=Name eq 'a b' HTTP/1.1\r\nAccept: application/json\r\n\r\n\r\n--b--\r\n"
	many := strings.Repeat(part+"GET T HTTP/1.1\r\n\r\n\r\n", batchLimit)
	changes := "--b\r\nContent-Type: multipart/mixed; boundary=c\r\nContent-ID: set\r\n\r\n" +
		"--c\r\nContent-Type: application/http\r\nContent-ID: 1\r\n\r\nPOST T HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{}\r\n--c--\r\n\r\n"
	for _, c := range []struct {
		name, body string
		want       []string // nil is refused
	}{
		{"one", good, []string{"GET Tokens?$filter=Name eq 'a b'"}},
		{"line feeds alone", strings.ReplaceAll(good, "\r\n", "\n"), []string{"GET Tokens?$filter=Name eq 'a b'"}},
		{"preamble and epilogue", "hello\r\n" + good + "goodbye", []string{"GET Tokens?$filter=Name eq 'a b'"}},
		{"no headers, no blank line", part + "GET T HTTP/1.1\r\n\r\n--b--", []string{"GET T"}},
		{"content ids", strings.Replace(good, "--b\r\n", "--b\r\nContent-ID: 7\r\n", 1), []string{"7: GET Tokens?$filter=Name eq 'a b'"}},
		{"content id inside", part + "GET T HTTP/1.1\r\nContent-ID: 8\r\n\r\n\r\n--b--", []string{"8: GET T"}},
		{"a change set", changes + good, []string{"set: changes", "GET Tokens?$filter=Name eq 'a b'"}},
		{"the most", many + "--b--", strings.Split(strings.TrimSuffix(strings.Repeat("GET T\n", batchLimit), "\n"), "\n")},
		{"too many", many + part + "GET T HTTP/1.1\r\n\r\n\r\n--b--", nil},
		{"no end", strings.TrimSuffix(good, "--b--\r\n"), nil},
		{"another boundary", strings.ReplaceAll(good, "--b", "--x"), nil},
		{"empty", "", nil},
		{"no type", "--b\r\n\r\nGET T HTTP/1.1\r\n\r\n\r\n--b--", nil},
		{"another type", "--b\r\nContent-Type: text/plain\r\n\r\nGET T HTTP/1.1\r\n\r\n\r\n--b--", nil},
		{"no request", part + "\r\n--b--", nil},
		{"no version", part + "GET T\r\n\r\n\r\n--b--", nil},
		{"no method", part + "T\r\n\r\n\r\n--b--", nil},
		{"no headers", part + "GET T HTTP/1.1\r\nthis is none\r\n\r\n\r\n--b--", nil},
		{"change sets in change sets", strings.ReplaceAll(changes, "Content-Type: application/http", "Content-Type: multipart/mixed;boundary=d") + "--b--", nil},
		{"change set without boundary", strings.ReplaceAll(changes, "; boundary=c", "") + "--b--", nil},
	} {
		list, err := readMultipart(strings.NewReader(c.body), "b", true)
		if err != nil && statusOf(err) != http.StatusBadRequest {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil {
			list = nil
		}
		if diff := cmp.Diff(c.want, targets(list)); diff != "" {
			t.Errorf("%s: %v %s", c.name, err, diff)
		}
	}
}

func TestBatchesInJSONAreReadOrRefused(t *testing.T) {
	one := `{"id":"1","method":"get","url":"Tokens"}`
	for _, c := range []struct {
		body string
		want int
	}{
		{`{"requests":[` + one + `]}`, 200},
		{`{"requests":[` + one + `,{"id":"2","method":"GET","url":"T","dependsOn":["1"],"headers":{"Accept":"*/*"}}]}`, 200},
		{`{"requests":[{"id":"1","atomicityGroup":"g","method":"get","url":"T"},{"id":"2","method":"get","url":"T","dependsOn":["g"]}]}`, 200},
		{`{"requests":[` + one + `,` + one + `]}`, 400},
		{`{"requests":[{"id":"1","method":"get","url":"T","dependsOn":["2"]},{"id":"2","method":"get","url":"T"}]}`, 400},
		{`{"requests":[{"id":"1","method":"get","url":"T","dependsOn":["1"]}]}`, 400},
		{`{"requests":[{"method":"get","url":"T"}]}`, 400},
		{`{"requests":[{"id":"1","url":"T"}]}`, 400},
		{`{"requests":[{"id":"1","method":"get"}]}`, 400},
		{`{"requests":[{"id":"1","method":"get","url":"T","if":"$1/X eq 1"}]}`, 501},
		{`{"requests":[{"id":1,"method":"get","url":"T"}]}`, 400},
		{`{"requests":[` + strings.Repeat(one+",", batchLimit) + one + `]}`, 400},
		{`{"requests":[]}`, 400},
		{`{}`, 400},
		{`{"requests":[` + one + `]} x`, 400},
		{``, 400},
	} {
		if _, err := readBatchJSON([]byte(c.body)); statusOf(err) != c.want {
			t.Errorf("%s: %v instead of %d", shorten(c.body), err, c.want)
		}
	}
}

func TestURLsInABatchStayBelowTheService(t *testing.T) {
	x := &exchange{answer: &answer{}, ctx: context.Background(), access: Access{Root: "https://Data.example.com/odata/a%20b/feed/"}}
	for target, want := range map[string]string{
		"Tokens":                             "/Tokens",
		"Tokens('a%2Fb')?$filter=a eq 'b?c'": "/Tokens('a%2Fb')?$filter=a eq 'b?c'",
		"$metadata":                          "/$metadata",
		"/odata/a%20b/feed/Tokens?x=/y":      "/Tokens?x=/y",
		"/odata/a%20b/feed":                  "/",
		"https://data.example.com/odata/a%20b/feed/Tokens":        "/Tokens",
		"HTTPS://DATA.EXAMPLE.COM/odata/a%20b/feed/":              "/",
		"Tokens('https://x')":                                     "/Tokens('https://x')",
		"https://data.example.com/odata/a%20b/feedback":           "",
		"https://data.example.com":                                "",
		"https://data.example.com?x=/odata/a%20b/feed/":           "",
		"http://data.example.com/odata/a%20b/feed/Tokens":         "",
		"https://evil.example/odata/a%20b/feed/Tokens":            "",
		"https://data.example.com@evil.example/odata/a%20b/feed/": "",
		"/odata/a%20b/other/Tokens":                               "",
		"/Tokens":                                                 "",
		"Tokens%zz":                                               "",
		"Tokens#x":                                                "",
	} {
		u, err := x.below(target)
		got := ""
		if err == nil {
			got = u.EscapedPath()
			if u.RawQuery != "" {
				got += "?" + u.RawQuery
			}
		}
		if got != want {
			t.Errorf("%s becomes %q, %v instead of %q", target, got, err, want)
		}
	}
}

func TestACredentialInABatchIsNeverSeen(t *testing.T) {
	x := &exchange{answer: &answer{r: &http.Request{Header: headers("OData-MaxVersion", "4.0")}}, ctx: context.Background(), access: Access{Root: "http://h/o/"}}
	r, err := x.inner(batched{method: "GET", target: "Tokens", header: headers("Authorization", "Bearer x", "Cookie", "a=b", "Accept-Encoding", "gzip", "Prefer", "maxpagesize=3")})
	if err != nil {
		t.Fatal(err)
	}
	want := http.Header{"Prefer": {"maxpagesize=3"}, "Odata-Maxversion": {"4.0"}}
	if diff := cmp.Diff(want, r.Header); diff != "" {
		t.Error(diff)
	}
}

func FuzzBatch(f *testing.F) {
	f.Add(part+"GET T HTTP/1.1\r\n\r\n\r\n--b--", "b")
	f.Add("--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\nContent-Type: application/http\r\n\r\nPOST T HTTP/1.1\r\n\r\n--c--\r\n--b--", "b")
	f.Add(`{"requests":[{"id":"1","method":"get","url":"T","dependsOn":["1"]}]}`, "")
	x := &exchange{answer: &answer{r: &http.Request{}}, ctx: context.Background(), access: Access{Root: "http://h/o/"}}
	f.Fuzz(func(t *testing.T, body, boundary string) {
		list, err := readMultipart(strings.NewReader(body), boundary, true)
		more, err2 := readBatchJSON([]byte(body))
		for _, err := range []error{err, err2} {
			if s := statusOf(err); err != nil && s != 400 && s != 501 {
				t.Errorf("%d: %v", s, err)
			}
		}
		if len(list) > batchLimit || len(more) > batchLimit {
			t.Errorf("%d and %d requests", len(list), len(more))
		}
		for _, b := range append(list, more...) {
			if r, err := x.inner(b); err == nil && r.URL.Host != "" {
				t.Errorf("%q leaves the service", b.target)
			}
		}
	})
}
