package uri

import "testing"

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
