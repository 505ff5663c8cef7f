package uri

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAnErrorSaysOptionCharacterAndWhatWasExpected(t *testing.T) {
	for _, c := range []struct{ path, query, want string }{
		{"Customers", "$filter=Name EQ 1", "$filter, character 6: operators are written in lower case: eq"},
		{"Customers", "$filter=(((Name", `$filter, character 8: expected ")", found the end`},
		{"Customers", "$top=x", `$top, character 1: expected a number that is not negative, found "x"`},
		{"Customers", "$foo=1", "$foo, character 1: there is no system query option of this name"},
		{"Customers", "$top=1&$top=2", "$top, character 1: $top is given twice"},
		{"Customers", "$filter=Name eq", "$filter, character 8: expected an expression, found the end"},
		{"Customers", "$filter=foo(Name)", "$filter, character 1: there is no function foo"},
		{"Customers", "$filter=Name eq 'O'Neil'", `$filter, character 12: expected an operator or the end; a quote inside of a string is written twice, found "Neil"`},
		{"Customers('a/b')", "", "path, character 13: expected a closing quote; a slash in a key is to be sent as %2F"},
		{"Customers(1)//Orders", "", "path, character 14: expected a name, found an empty segment"},
		{"%43ustomers%28%27A%27%27B%27;", "", `path, character 29: expected ")", found ";"`},
	} {
		_, err := Parse(c.path, c.query, Limits{})
		if err == nil || err.Error() != c.want {
			t.Errorf("%s?%s: %v, want %s", c.path, c.query, err, c.want)
		}
	}
}

func TestAPathIsDividedAtSlashesBeforeItIsDecoded(t *testing.T) {
	number := func(s string) Expr { return &Literal{Kind: Integer, Text: s} }
	text := func(s string) Expr { return &Literal{Kind: Text, Text: s} }
	for _, c := range []struct {
		path string
		want []Segment
	}{
		{"", nil},
		{"$metadata", []Segment{{Name: "$metadata"}}},
		{"Orders", []Segment{{Name: "Orders"}}},
		{"Orders(1)", []Segment{{Name: "Orders", Keys: []Key{{Value: number("1"), Pos: 7}}}}},
		{"Orders('a%2Fb''c%27%27')/%4eame/$value", []Segment{
			{Name: "Orders", Keys: []Key{{Value: text("a/b'c'"), Pos: 7}}},
			{Name: "Name", Pos: 25},
			{Name: "$value", Pos: 32},
		}},
		{"%4frders%28L=-2,ID=@p%29/%24count", []Segment{
			{Name: "Orders", Keys: []Key{{Name: "L", Value: number("-2"), Pos: 11}, {Name: "ID", Value: &Alias{Name: "p"}, Pos: 16}}},
			{Name: "$count", Pos: 25},
		}},
		{"$crossjoin(A, B)", []Segment{{Name: "$crossjoin", Args: []string{"A", "B"}}}},
		{"$all/NS.T", []Segment{{Name: "$all"}, {Name: "NS.T", Pos: 5}}},
		{"Orders/1/NS.f()", []Segment{{Name: "Orders"}, {Name: "1", Pos: 7}, {Name: "NS.f", Keys: []Key{}, Pos: 9}}},
		{"Orders(2026-01-31T00:00:00Z)", []Segment{{Name: "Orders", Keys: []Key{{Value: &Literal{Kind: InstantText, Text: "2026-01-31T00:00:00Z"}, Pos: 7}}}}},
	} {
		r, err := Parse(c.path, "", Limits{})
		if err != nil {
			t.Errorf("%s: %v", c.path, err)
			continue
		}
		if d := cmp.Diff(c.want, r.Path, cmp.FilterValues(func(_, _ Pos) bool { return true }, cmp.Ignore())); d != "" {
			t.Errorf("%s: %s", c.path, d)
		}
	}
}

func TestAQueryIsDividedBeforeItIsDecodedOnceAndAPlusIsAPlus(t *testing.T) {
	r, err := Parse("X", "&a%26b=1%3D2&a=b=c+d%2520&$filter=N eq 'x%26y=%2527+;'&$expand=E($top=1;$skip=2),F($top=3%3B$skip=4),G($search=a%3Bb%3B$top=6)&%24%74op=5&e", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]string{"a&b": "1=2", "a": "b=c+d%20", "e": ""}, r.Options.Custom); d != "" {
		t.Error(d)
	}
	if s := show(r.Options.Filter); s != "N eq 'x&y=%27+;'" {
		t.Error(s)
	}
	e := r.Options.Expand
	if *e[0].Options.Top != 1 || *e[0].Options.Skip != 2 || *e[1].Options.Top != 3 || *e[1].Options.Skip != 4 || *e[2].Options.Top != 6 || *r.Options.Top != 5 {
		t.Errorf("%+v", e)
	}
	if d := cmp.Diff([]string{"filter", "expand", "top"}, r.Options.Given); d != "" {
		t.Error(d)
	}
}

func TestLiterals(t *testing.T) {
	for text, want := range map[string]Literal{
		"null":                                 {Kind: Null, Text: "null"},
		"100D":                                 {Kind: Integer, Text: "100", Suffix: 'd'},
		"+3L":                                  {Kind: Integer, Text: "3", Suffix: 'l'},
		"2f":                                   {Kind: Integer, Text: "2", Suffix: 'f'},
		"-1.50M":                               {Kind: Fraction, Text: "-1.50", Suffix: 'm'},
		"1E-3":                                 {Kind: Fraction, Text: "1E-3"},
		"-INF":                                 {Kind: Inf, Text: "-INF"},
		"'O''Neil'":                            {Kind: Text, Text: "O'Neil"},
		"01234567-89AB-cdef-0123-456789abcdef": {Kind: GuidText, Text: "01234567-89AB-cdef-0123-456789abcdef"},
		"-10000-04-01":                         {Kind: DateText, Text: "-10000-04-01"},
		"11:22":                                {Kind: TimeText, Text: "11:22"},
		"2026-01-31T13:45Z":                    {Kind: InstantText, Text: "2026-01-31T13:45Z"},
		"2026-01-31T13:45:00.5-01:30":          {Kind: InstantText, Text: "2026-01-31T13:45:00.5-01:30"},
		"duration'-P1DT0.5S'":                  {Kind: DurationText, Text: "-P1DT0.5S"},
		"binary'Zm8='":                         {Kind: BinaryText, Text: "Zm8="},
		"NS.Sub.Color'Red,-4'":                 {Kind: EnumText, Text: "Red,-4", TypeName: "NS.Sub.Color"},
		"geography'SRID=0;Point(1.5 2)'":       {Kind: Geo, Text: "SRID=0;Point(1.5 2)"},
	} {
		r, err := Parse("X", "@a="+strings.ReplaceAll(text, "+", "%2B"), Limits{})
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if d := cmp.Diff(Expr(&want), r.Options.Aliases["a"]); d != "" {
			t.Errorf("%s: %s", text, d)
		}
	}
	for _, text := range []string{
		"1.", ".5", "1e", "1x", "1LL", "2026-1-31", "2026-13-01", "2026-01-32", "02026-01-31", "2026-01-31T24:00Z", "2026-01-31T13:45",
		"2026-01-31T13:45 01:00", "24:00", "1:30", "duration'P1Y'", "duration'P'", "duration'PT'", "duration'PT1.S'", "binary'Zg='", "binary'Z'",
		"binary'Zm+v'", "datetime'2026-01-31'", "X'00'", "NS.Color'Red,'", "NS.Color''", "'a'b'", "'a", "0x10", "--", "\"a\"", "[\"a]", "[\"\\q\"]",
		"[\"\\ud83d\"]", "{a:1}",
	} {
		if r, err := Parse("X", "@a="+text, Limits{}); err == nil {
			t.Errorf("%s is read as %#v", text, r.Options.Aliases["a"])
		}
	}
}

func TestWhatIsNotSupportedIsToldApartFromWhatIsWrong(t *testing.T) {
	for _, u := range [][2]string{
		{"X", "$deltatoken=a"},
		{"X", "$index=-1"},
		{"X", "$schemaversion=*"},
		{"X", "$filter=$these/aggregate(A with sum) gt 1"},
		{"X", "$filter=A/$filter(B eq 1)/$count gt 1"},
		{"X", "$expand=$value"},
		{"X", "$select=@NS.Term"},
		{"X", "$select=NS.f(a,b)"},
		{"X/$filter(A eq 1)", ""},
		{"X/$each", ""},
		{"X/$query", ""},
		{"F(a=1)(2)", ""},
	} {
		var e *Error
		if _, err := Parse(u[0], u[1], Limits{}); !errors.As(err, &e) || !e.Unsupported {
			t.Errorf("%s: %v", u, err)
		}
		if _, err := Parse(u[0], u[1]+"&$top=x", Limits{}); !errors.As(err, &e) || e.Unsupported || e.Option != "$top" {
			t.Errorf("%s with something wrong behind it: %v", u, err)
		}
	}
}

func TestWordsOfSearchAreOperatorsOnlyWhereTheyCanBe(t *testing.T) {
	var write func(x Expr) string
	write = func(x Expr) string {
		switch x := x.(type) {
		case *Term:
			return "[" + x.Text + "]"
		case *Unary:
			return "(not " + write(x.X) + ")"
		case *Binary:
			return "(" + write(x.X) + " " + x.Op + " " + write(x.Y) + ")"
		}
		return "?"
	}
	for query, want := range map[string]string{
		"a":                  "[a]",
		"a b c":              "(([a] and [b]) and [c])",
		"a OR b c":           "([a] or ([b] and [c]))",
		"a AND b OR c":       "(([a] and [b]) or [c])",
		"NOT a b":            "((not [a]) and [b])",
		"NOT (a OR b)":       "(not ([a] or [b]))",
		"NOT NOT":            "(not [NOT])",
		"AND OR NOT":         "([AND] or [NOT])",
		"OR AND":             "([OR] and [AND])",
		"(a OR)":             "([a] and [OR])",
		"a or and not":       "((([a] and [or]) and [and]) and [not])",
		"\"a AND b\" c":      "([a AND b] and [c])",
		"Daniel's 'x (y''z'": "([Daniel's] and [x (y'z])",
		"a%3Bb":              "[a;b]",
	} {
		r, err := Parse("X", "$search="+query, Limits{})
		if err != nil {
			t.Errorf("%s: %v", query, err)
		} else if s := write(r.Options.Search); s != want {
			t.Errorf("%s: %s, want %s", query, s, want)
		}
	}
	for _, query := range []string{"", "a;b", "a)", "(a", "\"a", "\"\"", "()", "a\"b\""} {
		if r, err := Parse("X", "$search="+query, Limits{}); err == nil {
			t.Errorf("%s is read as %s", query, write(r.Options.Search))
		}
	}
}

func TestTransformationsThatCanBeComputedAreKept(t *testing.T) {
	r, err := Parse("X", "$apply=filter(P gt 1)/search(a)/groupby((A/B,rollup(C,D)),aggregate(P mul 2 with sum as S,$count as N,P with NS.m from A with max as M))/compute(S as T)/identity", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	name := func(s string) Expr { return &Member{Name: s} }
	number := func(s string) Expr { return &Literal{Kind: Integer, Text: s} }
	want := []Transformation{
		{Kind: "filter", Filter: &Binary{Op: "gt", X: name("P"), Y: number("1")}},
		{Kind: "search", Search: &Term{Text: "a"}},
		{
			Kind:    "groupby",
			GroupBy: []GroupItem{{Path: []string{"A", "B"}}, {Path: []string{"C"}, Rollup: true}, {Path: []string{"D"}, Rollup: true}},
			Then: []Transformation{{Kind: "aggregate", Aggregate: []AggregateItem{
				{Expr: &Binary{Op: "mul", X: name("P"), Y: number("2")}, Method: "sum", As: "S"},
				{As: "N"},
				{Expr: name("P"), Method: "NS.m", From: true, As: "M"},
			}}},
		},
		{Kind: "compute", Compute: []ComputeItem{{Expr: name("S"), As: "T"}}},
		{Kind: "identity"},
	}
	if d := cmp.Diff(want, r.Options.Apply, anywhere); d != "" {
		t.Error(d)
	}
}

func TestNestedOptions(t *testing.T) {
	r, err := Parse("X", "$expand=A/NS.T/B($levels=max;$select=C/D,*;$expand=E/$ref($top=1),*/$ref;@p=1;$count=true),F/$count($search=a b)&$select=G($orderby=$this desc),NS.*", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	one, yes := int64(1), true
	want := []ExpandItem{
		{Path: []string{"A", "NS.T", "B"}, Options: &Options{
			Levels: -1, Select: []SelectItem{{Path: []string{"C", "D"}}, {Path: []string{"*"}}},
			Expand:  []ExpandItem{{Path: []string{"E"}, Ref: true, Options: &Options{Top: &one, Given: []string{"top"}}}, {Path: []string{"*"}, Ref: true}},
			Aliases: map[string]Expr{"p": &Literal{Kind: Integer, Text: "1"}},
			Count:   &yes, Given: []string{"levels", "select", "expand", "count"},
		}},
		{Path: []string{"F"}, Count: true, Options: &Options{
			Search: &Binary{Op: "and", X: &Term{Text: "a"}, Y: &Term{Text: "b"}}, Given: []string{"search"},
		}},
	}
	if d := cmp.Diff(want, r.Options.Expand, anywhere); d != "" {
		t.Error(d)
	}
	wantSelect := []SelectItem{
		{Path: []string{"G"}, Options: &Options{OrderBy: []OrderItem{{Expr: &Root{Name: "$this"}, Desc: true}}, Given: []string{"orderby"}}},
		{Path: []string{"NS.*"}},
	}
	if d := cmp.Diff(wantSelect, r.Options.Select, anywhere); d != "" {
		t.Error(d)
	}
	for _, wrong := range []string{
		"$expand=A($format=json)", "$expand=A(top=1)", "$expand=A($top=1;$top=2)", "$expand=A()", "$expand=A($top=1", "$expand=A/$ref($levels=2)",
		"$expand=A/$count($top=1)", "$expand=*($top=1)", "$expand=A/", "$expand=,A", "$expand=A,", "$expand=A/$value", "$select=A($levels=2)",
		"$select=*/A", "$select=A/*", "$levels=2", "$count=1", "$count", "$top=-1", "$top=9223372036854775808", "$skip=", "$Filter=true",
		"@=1", "@a.b=1", "@a=1&@a=2", "$select=A&%24select=B",
	} {
		if r, err := Parse("X", wrong, Limits{}); err == nil {
			t.Errorf("%s is read as %+v", wrong, r.Options)
		}
	}
}

func TestWhatIsWrongInAPathIsRefused(t *testing.T) {
	for path, want := range map[string]string{
		"$count":                 `character 1: expected the name of a set, found "$count"`,
		"NS.Orders":              "character 3: expected the name of a set, found a qualified name",
		"1":                      `character 1: expected a name, found "1"`,
		"Orders/":                "character 8: expected a name, found an empty segment",
		"/Orders":                "character 1: expected a name, found an empty segment",
		"Orders()/$batch":        "character 10: $batch can only begin a path",
		"Orders/$foo":            `character 8: expected the name of a set or a property, found "$foo"`,
		"$metadata/X":            `character 10: expected the end behind $metadata, found "/X"`,
		"Orders/$count/$value":   `character 14: expected the end behind $count, found "/$value"`,
		"Orders/$count(1)":       `character 14: expected the end, found "("`,
		"Orders(1,2)":            "character 10: several values are to be named, each one: (ID=1,Size=5)",
		"Orders(ID=1,2)":         "character 13: several values are to be named, each one: (ID=1,Size=5)",
		"Orders(null)":           "character 8: the value of a key is a literal or an alias",
		"Orders(%31%20add%201)":  "character 8: the value of a key is a literal or an alias",
		"Orders(ID=[1])":         "character 11: the value of a key is a literal or an alias",
		"Orders(ID=1":            `character 12: expected ")", found the end`,
		"Orders(1)x":             `character 10: expected the end, found "x"`,
		"Orders(%3g)":            "character 8: expected two hexadecimal digits behind %",
		"Orders(1)/A%4":          "character 12: expected two hexadecimal digits behind %",
		"Orders#x":               `character 7: expected "#" to be sent as %23`,
		"Orders/%00":             "character 8: expected text in UTF-8 without NUL",
		"Orders/%ff":             "character 8: expected text in UTF-8 without NUL",
		"$entity":                "character 8: expected $id=… in the query of $entity",
		"$crossjoin(A":           `character 13: expected ")", found the end`,
		strings.Repeat("a", 129): "character 1: a name has more than 128 characters",
	} {
		_, err := Parse(path, "", Limits{})
		if err == nil || err.Error() != "path, "+want {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
}

func TestWhatIsWrongInAnExpressionIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "1: expected a value, found the end",
		" a":                             `1: expected an expression, found " "`,
		"a ":                             "2: expected the end, found a blank",
		"a b":                            `3: expected an operator such as and, or the end, found "b"`,
		"a eq'b'":                        `3: expected an operator such as and, or the end, found "eq"`,
		"a/":                             "3: expected a name behind the slash, found the end",
		"a/$value":                       `3: expected $count or a name behind the slash, found "$value"`,
		"any(x:x)":                       "4: any stands behind a path: Items/any(…)",
		"a/all()":                        `7: expected a variable such as in any(x:x/Name eq 'a'), found ")"`,
		"a/any(x)":                       `8: expected ":", found ")"`,
		"f(1,2)":                         "1: there is no function f",
		"f(a=1,2)":                       "7: several values are to be named, each one: (ID=1,Size=5)",
		"f(a=1)(b)":                      "8: a key is a literal or an alias",
		"a in (b,c)":                     "8: a list in parentheses holds literals only",
		"a in (1,c)":                     "9: a list in parentheses holds literals only",
		"cast(a,1)":                      `8: expected a type such as Edm.String, found "1"`,
		"isof(1)":                        `7: expected a comma and a type, found ")"`,
		"case(a)":                        `7: expected ":", found ")"`,
		"$root":                          "6: expected a slash and a set behind $root",
		"$foo":                           `1: expected $it, $this or $root, found "$foo"`,
		"@":                              "2: expected a name behind @, found the end",
		"a/@":                            "4: expected a term behind @, found the end",
		"a/@b%23":                        "6: expected a qualifier, found the end",
		"2026-1-31":                      `7: expected a date such as 2026-01-31, or a whole guid, found "-"`,
		"2026-01-31T24:00Z":              `13: expected an instant such as 2026-01-31T13:45:00Z, found "4"`,
		"datetime'2026-01-31'":           "1: datetime'…' is no literal of OData 4",
		"duration'P1Y'":                  "11: this is no value of duration",
		"{\"a\":\"\\x\"}":                `8: expected one of " \ / b f n r t or u and four digits behind a backslash`,
		"[\"a%0A\"]":                     "4: control characters in a JSON string are to be written \\u000a",
		strings.Repeat("x", 80) + "(a,b": `85: expected ")", found the end`,
		"a " + strings.Repeat("x", 80):   `3: expected an operator such as and, or the end, found "` + strings.Repeat("x", 40) + `" and so on`,
	} {
		_, err := Parse("X", "$filter="+text, Limits{})
		if err == nil || err.Error() != "$filter, character "+want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestWhatIsWrongInApplyIsRefused(t *testing.T) {
	for _, text := range []string{
		"foo(a)", "NS.f", "filter", "filter()", "identity(1)", "aggregate()", "aggregate(a add b as C)", "aggregate(a with foo as B)",
		"aggregate(a with sum)", "aggregate($count with sum as B)", "aggregate(a with sum from B as C)", "groupby(a)", "groupby(())",
		"groupby((a),b)", "groupby((NS.T))", "groupby((rollup()))", "groupby((rolluprecursive(a)))", "concat(identity)", "nest(identity)",
		"addnested(identity as A)", "join(a)", "topcount(1)", "top(a)", "ancestors($it,a,b,identity)", "ancestors($root/A,b,c,aggregate($count as X))",
		"ancestors($root/A,b,c,identity,1,foo)", "traverse($root/A,b,c,inorder)", "compute(a)", "orderby()", "identity/", "search(a",
	} {
		if r, err := Parse("X", "$apply="+text, Limits{}); err == nil {
			t.Errorf("%s is read as %+v", text, r.Options.Apply)
		}
	}
}
