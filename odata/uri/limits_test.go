package uri

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// got is an error without its place.
func got(e *Error) string {
	where, what, placed := strings.Cut(e.Error(), ": ")
	if !placed {
		return e.Error()
	}
	option, _, _ := strings.Cut(where, ", ")
	return option + ": " + what
}

func TestBombsAreRefusedByALimitThatTheErrorNames(t *testing.T) {
	many := strings.Repeat
	for _, c := range []struct {
		name, path, query string
		limits            Limits
		want              string
		tooLong           bool
	}{
		{"long", "X", "$filter=" + many("a", 20000), Limits{}, "the request has 20009 characters, more than the 16384 that are allowed", true},
		{"parentheses", "X", "$filter=" + many("(", 16000), Limits{}, "$filter: nested deeper than 100 levels", false},
		{"minus", "X", "$filter=" + many("-", 16000), Limits{}, "$filter: nested deeper than 100 levels", false},
		{"not", "X", "$filter=" + many("not ", 4000) + "a", Limits{}, "$filter: nested deeper than 100 levels", false},
		{"NOT", "X", "$search=" + many("NOT ", 4000) + "a", Limits{}, "$search: nested deeper than 100 levels", false},
		{"search parentheses", "X", "$search=" + many("(", 9000), Limits{}, "$search: nested deeper than 100 levels", false},
		{"calls", "X", "$filter=" + many("trim(", 3000), Limits{}, "$filter: nested deeper than 100 levels", false},
		{"lambdas", "X", "$filter=" + many("a/any(x:", 2000), Limits{}, "$filter: nested deeper than 100 levels", false},
		{"arrays", "X", "@a=" + many("[", 9000), Limits{}, "@a: nested deeper than 100 levels", false},
		{"keys", "X", "$filter=" + many("a(a=", 3000), Limits{}, "$filter: nested deeper than 100 levels", false},
		{"expand", "X", "$expand=" + many("A($expand=", 1000), Limits{}, "$expand: nested deeper than 100 levels", false},
		{"select", "X", "$select=" + many("A($select=", 1000), Limits{}, "$select: nested deeper than 100 levels", false},
		{"concat", "X", "$apply=" + many("concat(", 2000), Limits{}, "$apply: nested deeper than 100 levels", false},
		{"from path", many("a/", 3000) + "a", "", Limits{}, "path: the request has more than 2000 terms", false},
		{"10,000 or", "X", "$filter=a" + many(" or a", 10000), Limits{Bytes: 100000}, "$filter: the request has more than 2000 terms", false},
		{"long list", "X", "$filter=a in (1" + many(",1", 5000) + ")", Limits{}, "$filter: the request has more than 2000 terms", false},
		{"wide select", "X", "$select=a" + many(",a", 5000), Limits{}, "$select: the request has more than 2000 terms", false},
		{"wide order", "X", "$orderby=a" + many(",a", 5000), Limits{}, "$orderby: the request has more than 2000 terms", false},
		{"many options", "X", many("a=b&", 3000), Limits{}, "a: the request has more than 2000 terms", false},
		{"over several options", "X", "$filter=a" + many(" or a", 600) + "&$orderby=a" + many(",a", 5000), Limits{}, "$orderby: the request has more than 2000 terms", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(c.path, c.query, c.limits)
			var e *Error
			if !errors.As(err, &e) || got(e) != c.want || e.TooLong != c.tooLong || e.Unsupported {
				t.Fatalf("%v, want %s", err, c.want)
			}
		})
	}
}

// A quarter of a million characters take some 20 ms. If the time grew with the square of their number it would be half a
// minute.
func TestTimeGrowsWithTheLengthOfTheTextAndNotWithItsSquare(t *testing.T) {
	many := strings.Repeat
	n := 1 << 18
	limits := Limits{Bytes: 1 << 30, Depth: 100, Nodes: 1 << 30}
	for name, u := range map[string][2]string{
		"blanks":            {"X", "$filter=a" + many(" ", n) + "eq 1"},
		"blanks, then none": {"X", "$orderby=((((a" + many(" ", n) + "?"},
		"or":                {"X", "$filter=a" + many(" or a", n/5)},
		"digits":            {"X", "$filter=" + many("1", n)},
		"quotes":            {"X", "$filter='" + many("''", n/2) + "'"},
		"open quote":        {"X", "$filter='" + many("''", n/2)},
		"path":              {"X", "$filter=a" + many("/a", n/2)},
		"dots":              {"X", "$filter=a" + many(".a", n/2)},
		"keys":              {"X", "$filter=a" + many("(1)", n/3)},
		"list":              {"X", "$filter=a in (1" + many(",1", n/2) + ")"},
		"object":            {"X", "@a={\"a\":1" + many(",\"a\":1", n/6) + "}"},
		"string":            {"X", "@a=[\"" + many("\\u00e9", n/6) + "\"]"},
		"words":             {"X", "$search=a" + many(" a", n/2)},
		"ORs":               {"X", "$search=" + many("OR ", n/3)},
		"semicolons":        {"X", "$search=" + many("%3B", n/3)},
		"searched blanks":   {"X", "$search=NOT" + many(" ", n) + "a"},
		"escapes":           {many("%41", n/3) + "(" + many("%31", n/3) + ")", "$filter=" + many("%41", n/3)},
		"segments":          {"A" + many("/b(1)", n/5), ""},
		"options":           {"X", many("a=b&", n/4)},
		"expand":            {"X", "$expand=a" + many(",a($top=1;$skip=1)", n/18)},
		"transformations":   {"X", "$apply=identity" + many("/identity", n/9)},
		"groups":            {"X", "$apply=groupby((a" + many(",a/b", n/4) + "))"},
	} {
		start := time.Now()
		_, _ = Parse(u[0], u[1], limits)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: %v", name, took)
		} else {
			t.Logf("%s: %v", name, took)
		}
	}
}

// What Power Query sends for a folded table.
func BenchmarkParseOfPowerQuery(b *testing.B) {
	query := "$filter=Status%20eq%20%27open%27%20and%20OrderedAt%20ge%202021-02-03T00%3A00%3A00%2B01%3A00%20and%20contains(CustomerName%2C%27GmbH%27)" +
		"&$select=OrderID%2CCustomerID%2COrderedAt%2CFreight&$orderby=OrderedAt%20desc&$top=1000"
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("Orders", query, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
