package keywright_test

import (
	"fmt"
	"go/ast"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The form of a citation, in a comment or a test's name for people: RFC 6750 section 3.1. Appendices are
// cited as RFC 7636 appendix B.
var (
	citation      = regexp.MustCompile(`\bRFC (\d{3,5}),? (?:section (\d+(?:\.\d+)*)|appendix ([A-Z](?:\.\d+)*))`)
	looseCitation = regexp.MustCompile(`(?i)\bRFC-?\d{3,5}\b|\bRFC[- ]?\d{3,5},? ?(?:§|sections\b|sec\b|sect\b|s\.)`)
)

// unreadableCitations reports citations whose section no one could look up in docs/rfc.md.
func unreadableCitations(p goPackage) (problems []string) {
	for _, f := range p.files {
		for _, group := range f.Comments {
			for _, c := range group.List {
				if found := looseCitation.FindString(c.Text); found != "" && !strings.Contains(c.Text, "http") {
					problems = append(problems, fmt.Sprintf("%s: %q: write it as \"RFC 7009 section 2.2\", one section at a time", p.at(c.Pos()), found))
				}
			}
		}
	}
	return problems
}

// cited maps "6750 3.1" to the places in product code whose comments cite that section.
func cited(packages []goPackage) map[string][]string {
	places := map[string][]string{}
	for _, p := range packages {
		for _, f := range p.files {
			if f.test {
				continue
			}
			for _, group := range f.Comments {
				words := strings.Join(strings.Fields(group.Text()), " ") // a citation may cross the end of a line
				for _, m := range citation.FindAllStringSubmatch(words, -1) {
					key := m[1] + " " + m[2] + m[3]
					places[key] = append(places[key], p.at(group.Pos()))
				}
			}
		}
	}
	return places
}

// coverage is one row of docs/rfc.md.
type coverage struct {
	line    int
	key     string   // "6750 3.1"
	tests   []string // functions that fail when the section is broken
	leftOut string   // or why it is not implemented
}

var (
	coverageRow = regexp.MustCompile(`^\| (\d{3,5}) \| ([0-9A-Z][0-9.]*) \| ([^|]+) \| ([^|]+) \|$`)
	testName    = regexp.MustCompile("`((?:Test|Fuzz|Example)\\w*)`")
)

// readCoverage reads the table; every row must be readable, for a row that is skipped proves nothing.
func readCoverage(t *testing.T) []coverage {
	t.Helper()
	content, err := os.ReadFile("docs/rfc.md")
	if err != nil {
		t.Fatal(err)
	}
	rows, problems := parseCoverage(string(content))
	for _, problem := range problems {
		t.Error(problem)
	}
	return rows
}

func parseCoverage(content string) (rows []coverage, problems []string) {
	for i, line := range strings.Split(content, "\n") {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "| RFC ") || strings.HasPrefix(line, "|--") {
			continue
		}
		m := coverageRow.FindStringSubmatch(line)
		if m == nil {
			problems = append(problems, fmt.Sprintf("docs/rfc.md:%d: not a row of | RFC | section | what | tests |", i+1))
			continue
		}
		row := coverage{line: i + 1, key: m[1] + " " + m[2]}
		if reason, ok := strings.CutPrefix(m[4], "left out: "); ok {
			row.leftOut = reason
		}
		for _, name := range testName.FindAllStringSubmatch(m[4], -1) {
			row.tests = append(row.tests, name[1])
		}
		if row.leftOut == "" && len(row.tests) == 0 {
			problems = append(problems, fmt.Sprintf("docs/rfc.md:%d: RFC %s names no test and is not \"left out: \" with a reason", row.line, row.key))
		}
		rows = append(rows, row)
	}
	return rows, problems
}

func TestEveryCitedRFCSectionIsListed(t *testing.T) {
	listed := map[string]bool{}
	for _, row := range readCoverage(t) {
		if listed[row.key] {
			t.Errorf("docs/rfc.md:%d: RFC %s is listed twice", row.line, row.key)
		}
		listed[row.key] = true
	}
	for key, places := range cited(loadRepository(t)) {
		if !listed[key] {
			rfc, section, _ := strings.Cut(key, " ")
			t.Errorf("docs/rfc.md has no row for RFC %s section %s, cited at %s", rfc, section, strings.Join(places, ", "))
		}
	}
}

func TestEveryListedRFCSectionNamesItsTest(t *testing.T) {
	exists := map[string]bool{}
	for _, p := range loadRepository(t) {
		for _, f := range p.files {
			for _, decl := range f.Decls {
				if fn, ok := decl.(*ast.FuncDecl); ok && f.test && fn.Recv == nil {
					exists[fn.Name.Name] = true
				}
			}
		}
	}
	rows := readCoverage(t)
	if len(rows) == 0 {
		t.Fatal("docs/rfc.md has no rows")
	}
	for _, row := range rows {
		for _, name := range row.tests {
			if !exists[name] {
				t.Errorf("docs/rfc.md:%d: RFC %s names %s, which does not exist", row.line, row.key, name)
			}
		}
	}
}
