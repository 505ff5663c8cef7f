package keywright_test

import (
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// parsePackage is a package of one product file.
func parsePackage(t *testing.T, dir, source string) goPackage {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, dir+"/x.go", source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return goPackage{dir: dir, fset: fset, files: []goFile{{File: file, path: dir + "/x.go"}}}
}

func TestTheRulesOfTheHouseSeeViolations(t *testing.T) {
	const imports = "import \"" + module + "/"
	lines := func(n int) string { return strings.Repeat("\n", n) }
	for _, c := range []struct {
		name      string
		rule      func(goPackage) []string
		dir       string
		good, bad string
	}{
		{"function length", longFunctions, "x", "func f() {" + lines(79) + "}", "func f() {" + lines(80) + "}"},
		{"method length", longFunctions, "x", "", "type T int\nfunc (T) f() {" + lines(80) + "}"},
		{"length of a literal", longFunctions, "x", "", "var f = func() {" + lines(80) + "}"},
		{"file length", longFiles, "x", lines(590), lines(601)},
		{"parameters", manyParameters, "x", "func f(a, b int, c, d, e string) {}", "func f(a, b int, c, d, e, f string) {}"},
		{"parameters of a literal", manyParameters, "x", "", "var f = func(a, b, c, d, e, f int) {}"},
		{"methods", wideInterfaces, "x", "type I interface { A(); B(); C(); D(); E() }", "type I interface { A(); B(); C(); D(); E(); F() }"},
		{"embedded methods", wideInterfaces, "x", "", "type J interface { A(); B(); C() }\ntype I interface { J; D(); E(); F() }"},
		{"init", initFunctions, "x", "type T int\nfunc (T) init() {}", "func init() {}"},

		{"no value", mutableVariables, "x", "//go:embed x\nvar fs embed.FS", "var counter int"},
		{"assigned", mutableVariables, "x", "var v = 1\nfunc f() { v := 2; v = 3; _ = v }", "var v = 1\nfunc f() { v = 2 }"},
		{"counted", mutableVariables, "x", "", "var v = 1\nfunc f() { v++ }"},
		{"map written", mutableVariables, "x", "var m = map[string]int{}\nfunc f() int { return m[`a`] }", "var m = map[string]int{}\nfunc f() { m[`a`] = 1 }"},
		{"map deleted from", mutableVariables, "x", "", "var m = map[string]int{}\nfunc f() { delete(m, `a`) }"},
		{"field assigned", mutableVariables, "x", "", "var v = struct{ a int }{}\nfunc f() { v.a = 1 }"},
		{"address taken", mutableVariables, "x", "", "var v = 1\nfunc f() *int { return &v }"},
		{"made", mutableVariables, "x", "var f = func() []int { return make([]int, 1) }", "var c = make(chan int)"},
		{"sync", mutableVariables, "x", "import \"sync\"\nvar f = sync.OnceValue(g)\nfunc g() int { return 1 }", "import \"sync\"\nvar once = sync.Once{}"},
		{"pool", mutableVariables, "x", "", "import \"sync\"\nvar pool = &sync.Pool{}"},
		{"atomic", mutableVariables, "x", "", "import \"sync/atomic\"\nvar n = atomic.Int64{}"},

		{"upward", wrongArrows, "internal/store", imports + "internal/token\"", imports + "internal/authority\""},
		{"surface to store", wrongArrows, "internal/rest", imports + "internal/authority\"", imports + "internal/store\""},
		{"surface to surface", wrongArrows, "internal/rest", imports + "internal/web\"", imports + "internal/ui\""},
		{"leaf to leaf", wrongArrows, "internal/token", imports + "internal/fault\"", imports + "internal/audit\""},
		{"public to internal", wrongArrows, "client", imports + "api\"", imports + "internal/token\""},
		{"odata to ours", wrongArrows, "odata/sql", imports + "odata\"", imports + "api\""},
		{"program to test kit", wrongArrows, "internal/server", imports + "internal/ui\"", imports + "internal/testkit\""},
		{"names that only look alike", wrongArrows, "internal/store", "", imports + "internal/tokenizer\""},
		{"unknown room", wrongArrows, "internal/api2", "", "import \"fmt\""},

		{"section sign", unreadableCitations, "x", "// RFC 7009 " + "section 2.2: so", "// RFC 7009 §2.2"},
		{"plural", unreadableCitations, "x", "", "// RFC 7009 sections 2.1 and 2.2"},
		{"no blank", unreadableCitations, "x", "// RFC 9457 problems", "// RFC7009"},
		{"abbreviated", unreadableCitations, "x", "", "// RFC 7009, sec. 2.2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.good != "" {
				if problems := c.rule(parsePackage(t, c.dir, "package x\n"+c.good)); len(problems) != 0 {
					t.Errorf("a false alarm: %v", problems)
				}
			}
			if problems := c.rule(parsePackage(t, c.dir, "package x\n"+c.bad)); len(problems) == 0 {
				t.Error("the violation is not seen")
			}
		})
	}

	thin, full := "// Package x is x.\npackage x", "// Package x is x.\n// It is so,\n// because.\npackage x"
	if len(thinComments(parsePackage(t, "x", thin))) == 0 || len(thinComments(parsePackage(t, "x", full))) != 0 {
		t.Error("a thin package comment is not told from a full one")
	}
}

func TestCitationsAreFoundWhereTheyStand(t *testing.T) {
	p := parsePackage(t, "x", "// Package x keeps RFC 6750\n// section 3.1 and RFC 7636, appendix B.\npackage x\n\n// RFC 9457 is long.\nvar x = 1")
	places := cited([]goPackage{p})
	if len(places) != 2 || places["6750 3.1"] == nil || places["7636 B"] == nil {
		t.Errorf("found %v", places)
	}
}

func TestRowsOfTheCoverageTableAreReadOrRefused(t *testing.T) {
	rows, problems := parseCoverage("# x\n| RFC | section | what | tests |\n|--|--|--|--|\n" +
		"| 6750 | 3.1 | errors | `TestA`, `FuzzB` |\n| 6749 | 4.1 | codes | left out: no browser flow |\n")
	if len(problems) != 0 || len(rows) != 2 || len(rows[0].tests) != 2 || rows[0].key != "6750 3.1" || rows[1].leftOut != "no browser flow" {
		t.Errorf("rows %+v, problems %v", rows, problems)
	}
	for _, bad := range []string{
		"| 6750 | 3.1 | errors |", "| RFC6750 | 3.1 | errors | `TestA` |", "| 6750 | 3.1 | errors | soon |", "| 6750 | 3.1 | errors | left out: |",
	} {
		if _, problems := parseCoverage(bad); len(problems) != 1 {
			t.Errorf("%q is taken: %v", bad, problems)
		}
	}
}
