package odata_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// statement are the rows of docs/odata.md and what it says of each.
func statement(t *testing.T) map[string]string {
	t.Helper()
	rows := map[string]string{}
	for line := range strings.Lines(read(t, "../docs/odata.md")) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "| `") || len(cells) < 2 {
			continue
		}
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[0], -1) {
			if rows[m[1]] != "" {
				t.Errorf("%s has two rows", m[1])
			}
			rows[m[1]] = strings.TrimSpace(cells[len(cells)-1])
		}
	}
	return rows
}

func TestTheConformanceStatementSaysNoMoreThanTheTests(t *testing.T) {
	rows := statement(t)
	for _, r := range requirements() {
		if rows[r.id] == "" {
			t.Errorf("docs/odata.md says nothing of %s", r.id)
		}
		delete(rows, r.id)
	}
	for id, answer := range rows {
		t.Errorf("docs/odata.md says %q of %s, and no test shows it", answer, id)
	}
}

func TestTheStatementCountsTheCasesOfOASISThatAreNotSupported(t *testing.T) {
	listed, said := map[string]string{}, map[string]string{}
	n := map[string]int{}
	total := 0
	for line := range strings.Lines(read(t, "uri/testdata/unsupported.txt")) {
		if reason, _, ok := strings.Cut(line, " | "); ok && !strings.HasPrefix(line, "#") {
			n[reason]++
			total++
			listed[reason] = fmt.Sprint(n[reason])
		}
	}
	text := read(t, "../docs/odata.md")
	_, table, _ := strings.Cut(text, "| reason |")
	for _, m := range regexp.MustCompile(`(?m)^\| ([a-z0-9.]+) \| (\d+) \|`).FindAllStringSubmatch(table, -1) {
		said[m[1]] = m[2]
	}
	if diff := cmp.Diff(listed, said); diff != "" {
		t.Errorf("docs/odata.md: %s", diff)
	}
	var all, agree int
	m := regexp.MustCompile(`Of ([\d,]+) cases[^,]*, (\d+) are read`).FindStringSubmatch(text)
	if m == nil {
		t.Fatal("docs/odata.md says nothing of how many cases there are")
	}
	_, _ = fmt.Sscan(strings.ReplaceAll(m[1], ",", "")+" "+m[2], &all, &agree)
	if agree+total != all {
		t.Errorf("docs/odata.md: %d and %d are not %d", agree, total, all)
	}
	cases := 0
	for _, name := range []string{"odata-abnf-testcases.yaml", "odata-aggregation-testcases.yaml"} {
		cases += strings.Count(read(t, oasisFile(t, name)), "\n  - Name:")
	}
	if cases != all {
		t.Errorf("docs/odata.md: there are %d cases, not %d", cases, all)
	}
}
