package query_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/keywright/keywright/odata/query"
)

var update = flag.Bool("update", false, "write the golden files anew")

const golden = "testdata/requests.txt"

// requests are the URLs of the golden file, whose lines are: remarks with #, requests, and behind each request its answer
// with =. A request that begins with ? is a $filter of tokens.
func requests(t testing.TB) (all []string) {
	t.Helper()
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if line != "" && !strings.HasPrefix(line, "=") {
			all = append(all, line)
		}
	}
	return all
}

func url(request string) string {
	if strings.HasPrefix(request, "?") && !strings.HasPrefix(request, "?$") {
		return "Tokens?$select=ID&$filter=" + request[1:]
	}
	return strings.TrimPrefix(request, "/")
}

// TestRequestsMeanWhatTheSpecificationSays holds the rows (or the refusal) of each request, and for those that are no filters the context
// URL, to a golden file that people have read.
func TestRequestsMeanWhatTheSpecificationSays(t *testing.T) {
	w := newWorld()
	if err := w.model.Check(); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, request := range requests(t) {
		if strings.HasPrefix(request, "#") {
			fmt.Fprintf(&b, "%s\n", request)
			continue
		}
		fmt.Fprintf(&b, "%s\n= %s\n", request, w.summary(request))
	}
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(b.String(), "\n")
	for i, line := range strings.Split(string(want), "\n") {
		if i >= len(got) || got[i] != line {
			t.Errorf("%s:%d:\n got %s\nwant %s", golden, i+1, got[min(i, len(got)-1)], line)
		}
	}
}

func (w *world) summary(request string) string {
	answer := w.answer(url(request))
	bound, err := w.bind(url(request))
	if err != nil || strings.HasPrefix(request, "?") {
		return answer
	}
	if bound.Query != nil && len(bound.Query.Columns) > 10 {
		answer = "(whole rows)"
	}
	if bound.Addressed {
		answer += " addressed"
	}
	return answer + " #" + bound.Context
}

func TestEveryQueryHasAnOrderThatEndsWithTheKey(t *testing.T) {
	w := newWorld()
	for request, want := range map[string]string{
		"Tokens":                               "ID",
		"Tokens?$orderby=Name desc":            "Name desc,ID",
		"Tokens?$orderby=ID desc,Name":         "ID desc,Name",
		"Events?$orderby=No,Kind":              "No,Kind,TokenID",
		"Events?$expand=Token($top=1)":         "refused",
		"Users?$expand=Tokens($top=1)":         "ID ID",
		"Users?$expand=Tokens/$ref":            "ID ID",
		"Users(1)/Tokens/$ref":                 "ID",
		"Users?$orderby=Manager/ID":            "ID,ID",
		"Tokens?$apply=groupby((Name))":        "0",
		"Tokens?$apply=aggregate($count as N)": "",
		"Tokens?$apply=groupby((Name),aggregate($count as N))&$orderby=N": "1,0",
	} {
		b, err := w.bind(request)
		got := "refused"
		if err == nil {
			got = order(b.Query)
			for _, x := range b.Query.Expand {
				got += " " + order(x.Query)
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", request, got, want)
		}
	}
}

func order(q *query.Query) string {
	var all []string
	for _, o := range q.Order {
		name := "?"
		switch e := o.Expr.(type) {
		case *query.Property:
			name = e.Prop.Name
		case *query.Output:
			name = fmt.Sprint(e.Index)
		}
		if o.Desc {
			name += " desc"
		}
		all = append(all, name)
	}
	return strings.Join(all, ",")
}

func TestAChainOfManyAlternativesIsShallowAndSumsAreBounded(t *testing.T) {
	w := newWorld()
	if got := w.answer("Tokens?$select=ID&$filter=Uses eq 3" + strings.Repeat(" or Uses eq 4", 399)); got != "2" {
		t.Errorf("a long filter: %s", got)
	}
	if got := w.answer("Tokens?$filter=Uses" + strings.Repeat(" add 1", 400) + " gt 1"); !strings.Contains(got, "nested too deeply") {
		t.Errorf("a deep filter: %s", got)
	}
}

func TestKeysInContextURLsAreEncoded(t *testing.T) {
	w := newWorld()
	w.tokens.Key[0].Type = w.tokens.Property("Name").Type
	b, err := w.bind("Tokens('O''N%2F%3F%20ö')/Name")
	if err != nil {
		t.Fatal(err)
	}
	if want := "Tokens('O''N%2F%3F%20%C3%B6')/Name"; b.Context != want {
		t.Errorf("context %s, want %s", b.Context, want)
	}
}

func TestHiddenKeysCanBeGivenButNotNamed(t *testing.T) {
	w := newWorld()
	w.users.Key[0].Hidden = true
	if got := w.answer("Users(1)/Name"); got != "Ann" {
		t.Errorf("without its name: %s", got)
	}
	if got := w.answer("Users(ID=1)/Name"); !strings.HasPrefix(got, "400") {
		t.Errorf("with its name: %s", got)
	}
}
