package main

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/keywright/keywright/internal/testkit"
)

// ui5Site is an OpenUI5 application and the feed that it reads, on one origin as UI5 wants it.
type ui5Site struct {
	*httptest.Server
	mu      sync.Mutex
	asked   []string // requests for the feed: method and path with query
	answers []int
}

// ui5Sources are where UI5's libraries are, as they were written.
func ui5Sources(t *testing.T) (dirs []string) {
	t.Helper()
	for _, library := range []string{"sap.ui.core", "sap.m", "sap.ui.layout", "sap.ui.unified"} {
		dirs = append(dirs, testkit.NPM(t, "@openui5/"+library+"/src"))
	}
	return dirs
}

func newUI5Site(t *testing.T, feeds feedSite) *ui5Site {
	t.Helper()
	sources := ui5Sources(t)
	origin, err := url.Parse(feeds.demo.address)
	if err != nil {
		t.Fatal(err)
	}
	s := &ui5Site{}
	proxy := httputil.NewSingleHostReverseProxy(origin)
	proxy.ModifyResponse = func(r *http.Response) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked = append(s.asked, r.Request.Method+" "+r.Request.URL.RequestURI())
		s.answers = append(s.answers, r.StatusCode)
		return nil
	}
	module := `sap.ui.define([], () => "Basic ` + base64.StdEncoding.EncodeToString([]byte("anyone:"+feeds.Token)) + `")`
	own := filepath.Dir(testkit.NPM(t, "."))
	mux := http.NewServeMux()
	mux.Handle("/odata/", proxy)
	mux.HandleFunc("GET /resources/{path...}", func(w http.ResponseWriter, r *http.Request) {
		for _, dir := range sources {
			path := filepath.Join(dir, filepath.FromSlash(r.PathValue("path")))
			if info, err := os.Stat(path); err == nil && !info.IsDir() {
				http.ServeFile(w, r, path)
				return
			}
		}
		emptyResource(w, r)
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, filepath.Join(own, "ui5.html")) })
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /walk/main.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, filepath.Join(own, "ui5.js")) })
	mux.HandleFunc("GET /walk/authorization.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		if _, err := w.Write([]byte(module)); err != nil {
			t.Error(err)
		}
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// emptyResource stands for what UI5's build makes of its sources, and for texts in languages that there are not.
func emptyResource(w http.ResponseWriter, r *http.Request) {
	switch filepath.Ext(r.URL.Path) {
	case ".css":
		w.Header().Set("Content-Type", "text/css")
	case ".properties":
		w.Header().Set("Content-Type", "text/plain")
	case ".json":
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"version": "1.152.0", "libraries": []}`)) // a page that misses it says so
	default:
		http.NotFound(w, r)
	}
}

// requests lists what was asked since the last time.
func (s *ui5Site) requests(t *testing.T) []string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, status := range s.answers {
		if status != http.StatusOK {
			t.Errorf("%s is answered %d", s.asked[i], status)
		}
	}
	asked := s.asked
	s.asked, s.answers = nil, nil
	return asked
}

type ui5Table struct {
	Count int
	Rows  []ui5Row
}

type ui5Row struct {
	ID, Freight, Status, Company, Shown string
}

// does runs one of the page's acts, and returns what the table shows then.
func (s *ui5Site) does(t *testing.T, p *testkit.Page, act string) (table ui5Table) {
	t.Helper()
	if err := json.Unmarshal([]byte(p.Run("window.walk."+act+"()")), &table); err != nil {
		t.Fatal(err)
	}
	return table
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(strings.ReplaceAll(text, ",", ""), 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAnOpenUI5TablePagesSortsAndFiltersTheFeed(t *testing.T) {
	t.Parallel()
	for name, group := range map[string]string{"in batches": "$auto", "directly": "$direct"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ui5Sources(t)
			testkit.Need(t, "chromium")
			s := newUI5Site(t, theFeeds(t))
			p := testkit.NewPage(t, s.URL).Go("/?group=" + group).See("10,020")
			table := s.does(t, p, "first")
			if table.Count != 800 || len(table.Rows) != 20 || table.Rows[0].ID != "10001" {
				t.Errorf("first: %d of %d rows, from %+v", len(table.Rows), table.Count, table.Rows[0])
			}
			s.cameBy(t, group, "$count=true", "$expand=Customer", "$top=20")
			if table = s.does(t, p, "more"); len(table.Rows) != 40 || table.Rows[39].ID != "10040" {
				t.Errorf("more: %d rows, to %+v", len(table.Rows), table.Rows[len(table.Rows)-1])
			}
			s.cameBy(t, group, "$skip=20")
			table = s.does(t, p, "sort")
			if falling := slices.IsSortedFunc(table.Rows, func(a, b ui5Row) int { return int(100 * (number(t, b.Freight) - number(t, a.Freight))) }); !falling {
				t.Errorf("sorted: %+v", table.Rows)
			}
			table = s.does(t, p, "filter")
			if table.Count == 0 || table.Count == 800 {
				t.Errorf("%d rows are left", table.Count)
			}
			for _, row := range table.Rows {
				if n := number(t, row.Freight); n < 20 || n > 40 || row.Status != "shipped" || !strings.Contains(row.Company, "a") || number(t, row.Shown) != n {
					t.Errorf("filtered: %+v", row)
				}
			}
			s.cameBy(t, group, "contains(Customer/Company,'a')", "$orderby=Freight desc", "2024-01-01T00:00:00Z")
			if types := p.Run("window.walk.types()"); types != `["sap.ui.model.odata.type.Int64","sap.ui.model.odata.type.String","sap.ui.model.odata.type.DateTimeOffset","sap.ui.model.odata.type.Decimal","sap.ui.model.odata.type.String"]` {
				t.Errorf("the types are %s", types)
			}
			var lines []struct {
				LineNo  string
				Product struct{ Name string }
			}
			if err := json.Unmarshal([]byte(p.Run("window.walk.lines()")), &lines); err != nil || len(lines) == 0 || lines[0].LineNo != "1" || lines[0].Product.Name == "" {
				t.Errorf("the lines of an order: %+v %v", lines, err)
			}
		})
	}
}

// cameBy checks how the last rows were asked for: in the body of a batch, or in an address that says so.
func (s *ui5Site) cameBy(t *testing.T, group string, said ...string) {
	t.Helper()
	batches, direct := 0, ""
	for _, request := range s.requests(t) {
		switch {
		case strings.HasSuffix(request, "/$batch"):
			batches++
		case strings.Contains(request, "/Orders"):
			direct += request
		}
	}
	if group == "$auto" {
		if batches == 0 || direct != "" {
			t.Errorf("%d batches, and %s", batches, direct)
		}
		return
	}
	text, err := url.PathUnescape(direct)
	if err != nil || batches > 0 {
		t.Errorf("%d batches, and %s %v", batches, direct, err)
	}
	for _, part := range said {
		if !strings.Contains(text, part) {
			t.Errorf("%s is not in %s", part, text)
		}
	}
}
