package query_test

import "testing"

func TestFiltersKeepTheRowsThatTheSpecificationSays(t *testing.T) {
	expect(t, "Tokens?$select=ID&$filter=", [][2]string{
		{"Name eq 'Alpha'", "1"},
	})
}
