package uri

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// corpusCase is one case of the OASIS test suites for the grammar of OData.
type corpusCase struct {
	Name   string `yaml:"Name"`
	Rule   string `yaml:"Rule"`
	Input  string `yaml:"Input"`
	FailAt *int   `yaml:"FailAt"`
}

// corpus reads the cases; it skips the test where they are not at hand.
func corpus(t *testing.T) []corpusCase {
	t.Helper()
	dir, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for {
		found := filepath.Join(dir, "shared", "odata")
		if _, err := os.Stat(found); err == nil {
			dir = found
			break
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Skip("the OASIS test cases are not beside the repository")
		}
		dir = up
	}
	var all []corpusCase
	seen := map[string]int{}
	for _, name := range []string{"odata-abnf-testcases.yaml", "odata-aggregation-testcases.yaml"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			TestCases []corpusCase `yaml:"TestCases"`
		}
		// A tab stands behind some values, where YAML wants a blank.
		if err := yaml.Unmarshal([]byte(strings.ReplaceAll(string(text), "\t", " ")), &file); err != nil {
			t.Fatal(err)
		}
		for _, c := range file.TestCases {
			key := c.Rule + "|" + c.Name
			if seen[key]++; seen[key] > 1 {
				c.Name += fmt.Sprintf(" (%d)", seen[key])
			}
			all = append(all, c)
		}
	}
	return all
}

// list reads lines of four fields: what, rule, name of the case, why.
func list(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]string{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		what, key, ok := strings.Cut(line, " | ")
		if _, twice := lines[key]; !ok || twice {
			t.Fatalf("%s: %q is not a line of its own", file, line)
		}
		lines[key] = what
	}
	return lines
}

// The grammar and the parser agree on every case but those that are listed, and those that are listed do differ.
func TestTheCasesOfOASISAreReadOrListed(t *testing.T) {
	cases := corpus(t)
	unsupported := list(t, "testdata/unsupported.txt")
	positions := list(t, "testdata/positions.txt")
	agree := 0
	for _, c := range cases {
		key := c.Rule + " | " + c.Name
		pos, err := read(c.Rule, c.Input)
		why, listed := unsupported[key]
		delete(unsupported, key)
		agrees := (err == nil) == (c.FailAt == nil) && !errors.Is(err, errNoEntry)
		if agrees == listed {
			t.Errorf("listed as %q, but agrees is %v:\n%s\n\t%s: %v", why, agrees, key, c.Input, err)
			continue
		} else if listed {
			continue
		}
		agree++
		if c.FailAt == nil {
			continue
		}
		want, listed := positions[key]
		delete(positions, key)
		if listed == (pos == *c.FailAt) || listed && want != fmt.Sprint(pos) {
			t.Errorf("fails at %d, the grammar at %d, listed is %q:\n%d | %s\n\t%s: %v", pos, *c.FailAt, want, pos, key, c.Input, err)
		}
	}
	for key := range unsupported {
		t.Errorf("unsupported.txt: no case %s", key)
	}
	for key := range positions {
		t.Errorf("positions.txt: no refused case %s", key)
	}
	t.Logf("%d cases of %d agree", agree, len(cases))
}

var errNoEntry = errors.New("nothing here reads this rule")

// read reads the input by the entry that stands for a rule, and says where it fails.
func read(rule, input string) (int, error) {
	switch rule {
	case "context", "header", "preference", "prefer", "request-id", "includeAnnotationsPreference", "maxpagesizePreference",
		"primitiveValue":
		return 0, errNoEntry
	case "odataUri":
		u, err := url.Parse(input)
		if err != nil || u.Scheme == "" {
			return strings.IndexAny(input, "/?#"), errors.New("no URL")
		}
		for _, root := range []string{"/service/", "/OData/OData.svc/", "/MyService/", "/Model.Container/", "/"} {
			if i := strings.Index(input, u.Host+root); i >= 0 {
				i += len(u.Host + root)
				pos, err := readURL(input[i:])
				return pos + i, err
			}
		}
		return 0, errors.New("no root")
	case "odataRelativeUri", "resourcePath":
		return readURL(input)
	case "queryOptions", "systemQueryOption", "customQueryOption":
		return readQuery("X", input, "")
	case "filter", "select", "expand", "orderby", "compute", "search", "skiptoken", "deltatoken":
		return readQuery("X", input, rule)
	case "orderBy":
		return readQuery("X", input, "orderby")
	}
	p := &parser{budget: &budget{limits: Limits{}.orDefault()}, option: "$filter", s: input}
	if !strings.HasSuffix(rule, "Value") && rule != "date" && rule != "guid" && rule != "odataIdentifier" {
		u, err := unescape(input, true)
		if err != nil {
			return err.Pos, err
		}
		p.s, p.where, p.semis = u.s, u.where, u.semis
	}
	kinds, x := readRule(p, rule)
	p.done()
	if l, ok := x.(*Literal); p.err == nil && kinds != nil && (!ok || !slices.Contains(kinds, l.Kind)) {
		p.fail(0, "not such a literal")
	}
	if p.err != nil {
		return p.err.Pos, p.err
	}
	return 0, nil
}

// readRule reads what a rule describes. For rules of literals it returns what is to be one of some forms.
func readRule(p *parser, rule string) ([]LiteralKind, Expr) {
	n, ok := 0, true
	switch rule {
	case "commonExpr", "boolCommonExpr", "boolcommonExpr", "firstMemberExpr", "propertyPathExpr", "isofExpr", "notExpr":
		p.expr()
	case "anyExpr":
		p.step(&Member{})
	case "searchExpr":
		p.search()
	case "stringInUrl":
		p.jsonString()
	case "entitySetName", "odataIdentifier":
		p.ident("a name")
	case "functionParameter":
		p.s = "(" + p.s + ")"
		p.keys(false)
	case "durationValue":
		n, ok = duration(p.s)
		p.i = n
	case "enumValue":
		n, ok = members(p.s)
		p.i = n
	case "booleanValue", "boolean", "null":
		return []LiteralKind{Null, True, False}, p.primary()
	default:
		return kindsOf(rule), p.unary()
	}
	if !ok {
		p.fail(n, "no such value")
	}
	return nil, nil
}

// kindsOf are the forms of literals that a rule may read.
func kindsOf(rule string) []LiteralKind {
	switch strings.TrimSuffix(strings.TrimSuffix(rule, "Value"), "Literal") {
	case "date":
		return []LiteralKind{DateText}
	case "dateTimeOffset", "dateTimeOffsetValueInUrl":
		return []LiteralKind{InstantText}
	case "timeOfDay":
		return []LiteralKind{TimeText}
	case "guid":
		return []LiteralKind{GuidText}
	case "decimal", "double", "single":
		return []LiteralKind{Integer, Fraction, Inf}
	case "byte", "sbyte", "int16", "int32", "int64":
		return []LiteralKind{Integer}
	case "string":
		return []LiteralKind{Text}
	case "duration":
		return []LiteralKind{DurationText, Text}
	case "enum":
		return []LiteralKind{EnumText, Text}
	case "binary":
		return []LiteralKind{BinaryText}
	}
	if rule == "primitiveLiteral" {
		return []LiteralKind{Integer, Fraction, Text}
	}
	return []LiteralKind{Geo}
}

func readURL(input string) (int, error) {
	path, query, _ := strings.Cut(input, "?")
	if path == "" {
		_, err := Parse("", query, Limits{})
		return 0, err
	}
	return readQuery(path, query, "")
}

// readQuery reads a whole request. What the grammar knows and nothing here does counts as read. It fails when a system
// option has been taken for a custom one, and when another option than the wanted one was read.
func readQuery(path, query, wanted string) (int, error) {
	r, err := Parse(path, query, Limits{})
	start := 0
	if path != "X" {
		start = len(path) + 1
	}
	var e *Error
	if errors.As(err, &e) && !e.Unsupported {
		if e.Option == "" {
			return e.Pos, err
		}
		return start + sent(query, e), err
	}
	if e == nil {
		for name := range r.Options.Custom {
			if among(name, topOptions+" id format skiptoken index schemaversion") {
				return 0, errors.New("read as a custom option")
			}
		}
		if wanted != "" && !slices.Equal(r.Options.Given, []string{wanted}) {
			return 0, errors.New("read as something else")
		}
	}
	return 0, nil
}

// sent is where in the query, as it was sent, an error is.
func sent(query string, e *Error) int {
	start := 0
	for part := range strings.SplitSeq(query, "&") {
		name, value, valued := strings.Cut(part, "=")
		if n, _ := unescape(name, false); n.s == e.Option {
			if !valued {
				return start + len(name)
			}
			u, err := unescape(value, true)
			if err == nil && u.where != nil {
				return start + len(name) + 1 + u.where[e.Pos]
			}
			return start + len(name) + 1 + e.Pos
		}
		start += len(part) + 1
	}
	return start
}
