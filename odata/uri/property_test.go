package uri

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// anywhere compares without regard to positions.
var anywhere = cmp.FilterPath(func(p cmp.Path) bool {
	f, ok := p.Last().(cmp.StructField)
	return ok && f.Name() == "Pos"
}, cmp.Ignore())

func TestAnExpressionIsReadAsItWasMeantWithTheFewestParentheses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := genExpr(4).Draw(t, "expression")
		text := show(want)
		r, err := Parse("X", "$filter="+strings.ReplaceAll(url.QueryEscape(text), "+", "%20"), Limits{Bytes: 1 << 20})
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if d := cmp.Diff(want, r.Options.Filter, anywhere); d != "" {
			t.Fatalf("%s: %s", text, d)
		}
	})
}

// encoded escapes some characters, as clients do at their own discretion.
func encoded(t *rapid.T, s string, keep string) string {
	var b strings.Builder
	for i := range len(s) {
		if !strings.Contains(keep, s[i:i+1]) && rapid.Bool().Draw(t, "escape") {
			fmt.Fprintf(&b, "%%%02X", s[i])
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func TestAnEquivalentEncodingGivesTheSameRequest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.SampledFrom([]string{"Customers('A1')/Orders", "Orders(ID=1,Line=@l)/$count", "$crossjoin(A,B)", "F(a='x y')/NS.T/1"}).Draw(t, "path")
		options := rapid.SliceOfNDistinct(rapid.SampledFrom(typical), 1, 6, func(s string) string {
			name, _, _ := strings.Cut(s, "=")
			return name
		}).Draw(t, "options")
		want, err := Parse(path, strings.Join(options, "&"), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for i, o := range options {
			name, value, _ := strings.Cut(o, "=")
			options[i] = encoded(t, name, "") + "=" + encoded(t, value, "")
		}
		path, query := encoded(t, path, "/"), strings.Join(options, "&")
		got, err := Parse(path, query, Limits{})
		if err != nil {
			t.Fatalf("%s?%s: %v", path, query, err)
		}
		if d := cmp.Diff(want.Path, got.Path, anywhere); d != "" {
			t.Fatal(d)
		}
		if d := cmp.Diff(want.Options, got.Options); d != "" {
			t.Fatal(d)
		}
	})
}

// typical are options, one of each kind at least.
var typical = []string{
	"$filter=Name eq 'O''Neil' and (Price mul 1.5M gt 3L or not contains(Owner/Name,'ä'))",
	"$filter=Events/any(e:e/At ge 2021-02-03T00:00:00+01:00) and Status in ('a','b')",
	"$filter=Items/$count($filter=Price gt 5;$search=\"a b\") gt 2",
	"$orderby=Name desc,Owner/Name,length(Name) asc",
	"$select=ID,Name,Owner/Name,NS.*",
	"$select=Address($select=City;$top=2)",
	"$expand=Owner,Events($filter=Type eq 'x';$orderby=At desc;$top=3;$skip=1;$count=true;$expand=Owner/$ref),*",
	"$expand=Manager($levels=max;$select=ID),Items/$count($filter=true)",
	"$compute=Uses mul 2 as D,year(At) as Y",
	"$search=foo AND (bar OR NOT \"a b\") baz",
	"$apply=filter(Price gt 1)/groupby((Owner/Name,Day),aggregate(Uses with sum as U,$count as N))/compute(U div N as A)",
	"$count=true",
	"$top=10",
	"$skip=20",
	"$skiptoken=a:b/c?d",
	"$format=application/json;odata.metadata=full",
	"$id=http://host/path",
	"@l='a b'",
	"@m=[1,2,{\"a\":\"\\u00e9\\n\"}]",
	"custom=1+1",
	"unnamed",
}

func FuzzParse(f *testing.F) {
	f.Add("Customers('A')/Orders(ID=1,L=2)/$count", "$filter=a in (1,2)")
	f.Add("%24metadata", "$search=a%3Bb&$expand=A($search=b%3B$top=1)")
	f.Add("$all/NS.T", "$filter=((((((((((-not-(a")
	f.Add("A(@p)/$filter(x)/$each", "@p={\"a\":[\"\\ud83d\\ude00\"]}")
	f.Add("$crossjoin(A,B)", "$apply=concat(identity,join(X as Y,top(1)))/ancestors($root/A,B,C,identity,1,keep start)")
	for _, option := range typical {
		f.Add("Tokens", option)
	}
	limits := Limits{Bytes: 4096, Depth: 20, Nodes: 200}
	f.Fuzz(func(t *testing.T, path, query string) {
		r, err := Parse(path, query, limits)
		if (r == nil) == (err == nil) {
			t.Fatal("neither a request nor an error, or both")
		}
		var e *Error
		if err != nil && (!errors.As(err, &e) || e.Pos < 0 || e.Pos > len(path)+len(query) || e.Message == "") {
			t.Fatalf("%#v", err)
		}
		if err != nil || strings.Contains(query, ";") || strings.Contains(strings.ToUpper(query), "%3B") {
			return // a semicolon in $search is one thing as ; and another as %3B
		}
		again, err := Parse(path, everything(query), Limits{Bytes: 1 << 20, Depth: 20, Nodes: 200})
		if err != nil {
			t.Fatalf("%s is right, and wrong with each byte escaped: %v", query, err)
		}
		if d := cmp.Diff(r, again); d != "" {
			t.Fatal(d)
		}
	})
}

// everything escapes each byte of names and values that is not escaped yet.
func everything(query string) string {
	parts := strings.Split(query, "&")
	for i, part := range parts {
		name, value, valued := strings.Cut(part, "=")
		if parts[i] = escapeAll(name); valued {
			parts[i] += "=" + escapeAll(value)
		}
	}
	return strings.Join(parts, "&")
}

func escapeAll(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			b.WriteString(s[i : i+3])
			i += 2
			continue
		}
		fmt.Fprintf(&b, "%%%02x", s[i])
	}
	return b.String()
}
