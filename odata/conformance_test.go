package odata_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/odata"
	"github.com/keywright/keywright/odata/query"
)

// requirement is a row of the conformance statement, docs/odata.md, and what shows it.
type requirement struct {
	id   string
	test func(t *testing.T, f *feed)
}

func requirements() []requirement {
	return slices.Concat(minimalLevel(), intermediateLevel(), advancedLevel(), laterVersion(), formats(), expressions(), differences())
}

// TestConformance asks three services that hold the same rows, in memory, in SQLite and in PostgreSQL, over HTTP, and looks
// at the bytes of their answers.
func TestConformance(t *testing.T) {
	for _, name := range []string{"memory", "sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			f := newFeed(t, w, name, w.source(t, name), odata.Options{PageSize: 10})
			for _, r := range append(requirements(), exchanges()...) {
				t.Run(r.id, func(t *testing.T) { r.test(t, f.to(t)) })
			}
		})
	}
}

// checklist finds the list of rows that OData's conformance levels were divided into, which lies beside the repository.
func checklist(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for parent := filepath.Dir(dir); parent != dir; dir, parent = parent, filepath.Dir(parent) {
		if text, err := os.ReadFile(filepath.Join(dir, "../shared/odata.md")); err == nil {
			return string(text)
		}
	}
	t.Skip("no checklist beside the repository")
	return ""
}

func TestEachRowOfTheChecklistHasATestAndEachTestARow(t *testing.T) {
	text := checklist(t)
	listed := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\| ((?:MIN|INT|ADV|J|C)-[^ |]+) \|`).FindAllStringSubmatch(text, -1) {
		for id := range strings.SplitSeq(m[1], "/") { // ADV-2/3 and ADV-4/5/6/7/8
			if !strings.Contains(id, "-") {
				id = "ADV-" + id
			}
			if first, last, ok := strings.Cut(id, "–"); ok { // ADV-9.4–8
				for n := first[len(first)-1]; n <= last[0]; n++ {
					listed[first[:len(first)-1]+string(rune(n))] = true
				}
				continue
			}
			listed[id] = true
		}
	}
	if len(listed) < 75 {
		t.Fatalf("only %d rows were found", len(listed))
	}
	level := regexp.MustCompile(`^(MIN|INT|ADV|J|C)-`)
	for _, r := range requirements() {
		if level.MatchString(r.id) && !listed[r.id] {
			t.Errorf("the test %s has no row in the checklist, or another test has it", r.id)
		}
		delete(listed, r.id)
	}
	for id := range listed {
		t.Errorf("%s is not tested", id)
	}
}

// feed is a service behind a real connection.
type feed struct {
	t       *testing.T
	name    string // of where its rows are
	world   *world
	address string
	service *odata.Service
	source  query.Source
}

func newFeed(t *testing.T, w *world, name string, source query.Source, o odata.Options) *feed {
	t.Helper()
	o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	o.Now = func() time.Time { return time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC) }
	s, err := odata.New(w.model, o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.Handler(source, root))
	t.Cleanup(server.Close)
	return &feed{t, name, w, strings.TrimPrefix(server.URL, "http://"), s, source}
}

func (f *feed) to(t *testing.T) *feed {
	other := *f
	other.t = t
	return &other
}

// exact says whether the source computes with decimals, and not with doubles in their place.
func (f *feed) exact() bool { return f.name != "sqlite" }

// reply is an answer as it came over the wire.
type reply struct {
	head   string // its lines, as they were sent
	status int
	header http.Header
	body   string
	broken bool // ended before its end
}

// send asks for a URL that is absolute or below the root. Headers come in pairs and are sent as they are.
func (f *feed) send(method, url, body string, headers ...string) reply {
	f.t.Helper()
	target := url
	if !strings.HasPrefix(url, "/") {
		target = "/odata/acme/" + strings.TrimPrefix(url, root)
	}
	target = strings.NewReplacer(" ", "%20", `"`, "%22", "ä", "%C3%A4", "ö", "%C3%B6", "ü", "%C3%BC", "ß", "%C3%9F").Replace(target)
	var request strings.Builder
	fmt.Fprintf(&request, "%s %s HTTP/1.1\r\nHost: inside.example\r\nConnection: close\r\n", method, target)
	for i := 0; i < len(headers); i += 2 {
		fmt.Fprintf(&request, "%s: %s\r\n", headers[i], headers[i+1])
	}
	if body != "" {
		fmt.Fprintf(&request, "Content-Length: %d\r\n", len(body))
	}
	conn, err := net.Dial("tcp", f.address)
	if err != nil {
		f.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request.String()+"\r\n"+body); err != nil {
		f.t.Fatal(err)
	}
	wire, err := io.ReadAll(conn)
	if err != nil && len(wire) == 0 {
		f.t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(wire), "\r\n\r\n")
	in, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(wire)), &http.Request{Method: method})
	if err != nil {
		f.t.Fatalf("%s %s: %v: %q", method, url, err, wire)
	}
	text, err := io.ReadAll(in.Body)
	_ = in.Body.Close()
	r := reply{head, in.StatusCode, in.Header, string(text), err != nil}
	f.check(method+" "+url, r, method == http.MethodHead)
	return r
}

// check holds every answer to what is true of all: MIN-4, MIN-18, J-1.
func (f *feed) check(what string, r reply, isHead bool) {
	f.t.Helper()
	versions := 0
	for line := range strings.SplitSeq(r.head, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		if strings.EqualFold(name, "OData-Version") {
			versions++
			if name != "OData-Version" || value != " 4.0" {
				f.t.Errorf("%s: the header %q", what, line)
			}
		}
	}
	if versions != 1 {
		f.t.Errorf("%s: %d versions of OData in %q", what, versions, r.head)
	}
	kind := r.header.Get("Content-Type")
	if (kind == "") != (r.status == 204 || r.status == 304) {
		f.t.Errorf("%s: %d of type %q", what, r.status, kind)
	}
	if r.status >= 400 && !isHead {
		var e struct {
			Error struct {
				Code, Message, Target string
				Details               []struct{ Code, Message string }
				InnerError            map[string]any
			}
		}
		in := json.NewDecoder(strings.NewReader(r.body))
		in.DisallowUnknownFields()
		if err := in.Decode(&e); err != nil || e.Error.Code == "" || e.Error.Message == "" || kind != "application/json" || strings.Contains(r.body, ".go:") {
			f.t.Errorf("%s: %d is no OData error: %s %s", what, r.status, kind, r.body)
		}
	}
}

func (f *feed) get(url string, headers ...string) reply {
	f.t.Helper()
	return f.send(http.MethodGet, url, "", headers...)
}

// want gets an answer with a status.
func (f *feed) want(status int, url string, headers ...string) reply {
	f.t.Helper()
	r := f.get(url, headers...)
	if r.status != status || r.broken {
		f.t.Errorf("GET %s: %d instead of %d: %.400s", url, r.status, status, r.body)
	}
	return r
}

// wants gets several URLs that have one status.
func (f *feed) wants(status int, urls ...string) {
	f.t.Helper()
	for _, url := range urls {
		f.want(status, url)
	}
}

// object is a JSON object, whose numbers are texts.
type object = map[string]any

func (r reply) object(t *testing.T) object {
	t.Helper()
	return decode(t, r.body)
}

// rows gets the rows of a collection: of one page.
func (f *feed) rows(url string, headers ...string) []object {
	f.t.Helper()
	v, _ := f.want(200, url, headers...).object(f.t)["value"].([]any)
	list := make([]object, len(v))
	for i, row := range v {
		list[i], _ = row.(object)
	}
	return list
}

// field lists one property of rows, as text: "3 4 <nil>".
func field(rows []object, name string) string {
	list := make([]string, len(rows))
	for i, row := range rows {
		list[i] = fmt.Sprint(row[name])
	}
	return strings.Join(list, " ")
}

// ids lists which tokens, by the numbers of their keys, a URL finds on all of its pages.
func (f *feed) ids(url string) string {
	f.t.Helper()
	var list []string
	for url != "" && len(list) < 1000 {
		page := f.want(200, url).object(f.t)
		rows, _ := page["value"].([]any)
		for _, row := range rows {
			id, _ := row.(object)["ID"].(string)
			if len(id) != 36 {
				f.t.Fatalf("%s: a row without an ID: %v", url, row)
			}
			list = append(list, strings.TrimLeft(id[len(id)-3:], "0")+strings.Repeat("0", b2i(strings.HasSuffix(id, "000"))))
		}
		url, _ = page["@odata.nextLink"].(string)
	}
	return strings.Join(list, " ")
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// those lists the tokens for which keep is true.
func those(keep func(aToken) bool) string {
	var list []string
	for _, one := range allTokens() {
		if keep(one) {
			list = append(list, fmt.Sprint(one.n))
		}
	}
	return strings.Join(list, " ")
}

// finds compares the tokens that filters find with those that they should.
func (f *feed) finds(filter string, keep func(aToken) bool) {
	f.t.Helper()
	if got, want := f.ids("Tokens?$filter="+filter), those(keep); got != want {
		f.t.Errorf("%s finds %s\ninstead of %s", filter, got, want)
	}
}

// says compares a body.
func (f *feed) says(url, want string, headers ...string) {
	f.t.Helper()
	if got := f.want(200, url, headers...).body; got != want {
		f.t.Errorf("GET %s: %s\ninstead of %s", url, got, want)
	}
}

func tokenPath(n int) string { return "Tokens(" + guid(n) + ")" }

// repeating is a source that gives the first row of each answer many times, and then an error or the end.
type repeating struct {
	query.Source
	times int
	err   error
}

func (r repeating) Open(ctx context.Context) (query.Reader, error) {
	reader, err := r.Source.Open(ctx)
	return repeatingReader{reader, r}, err
}

type repeatingReader struct {
	query.Reader
	source repeating
}

func (r repeatingReader) Rows(ctx context.Context, q *query.Query) (query.Rows, error) {
	rows, err := r.Reader.Rows(ctx, q)
	return &repeatingRows{Rows: rows, source: r.source}, err
}

type repeatingRows struct {
	query.Rows
	source repeating
	given  int
}

func (r *repeatingRows) Next() bool {
	r.given++
	return r.given <= r.source.times && (r.given > 1 || r.Rows.Next())
}

func (r *repeatingRows) Err() error { return r.source.err }

// serveAs asks for another caller.
func (f *feed) serveAs(caller, url string) *httptest.ResponseRecorder {
	c := client{f.t, f.service, odata.Access{Source: f.source, Root: root, Caller: caller}}
	return c.get(url)
}
