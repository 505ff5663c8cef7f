package token_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/token"
)

func TestAnAppGetsTheScopesThatAppsMayHoldAndItsMakerMayGive(t *testing.T) {
	fixed := preset(t, token.AppsAndTokens).Apps // does not offer edit_scope
	chosen := preset(t, token.Standard).Apps
	for _, c := range []struct {
		name  string
		rules token.AppRules
		maker token.Role
		asked []string
		want  string
		bad   []string
	}{
		{"said", chosen, token.Developer, []string{"orders:read", "orders:read"}, "orders:read", nil},
		{"not said, and can be changed later", chosen, token.Administrator, nil, "", nil},
		{"not said, by a developer", fixed, token.Developer, nil, "orders:read", nil},
		{"not said, by an administrator", fixed, token.Administrator, nil, "orders:read apps:only", nil},
		{"said to be none", fixed, token.Administrator, []string{}, "", nil},
		{"in the order of the catalogue", chosen, token.Administrator, []string{token.ScopeIntrospect, "apps:only", "orders:read"}, "orders:read apps:only keywright:introspect", nil},
		{"no such scope", chosen, token.Administrator, []string{"orders:read", "gone"}, "orders:read", []string{"scopes.1"}},
		{"not for apps", chosen, token.Administrator, []string{"prices", token.ScopeManage, token.ScopeAdmin}, "", []string{"scopes.0", "scopes.1", "scopes.2"}},
		{"not the maker's to give", chosen, token.Developer, []string{"apps:only", token.ScopeIntrospect}, "", []string{"scopes.0", "scopes.1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			terms, bad := c.rules.Decide(token.AppRequest{Name: " CI ", Scopes: c.asked}, shop(), c.maker)
			if terms.Name != "CI" || c.bad == nil && terms.Scopes.String() != c.want {
				t.Errorf("made with %+v", terms)
			}
			var fields []string
			for _, f := range bad {
				fields = append(fields, f.Name)
				plainSentence(t, f.Detail)
			}
			if d := cmp.Diff(c.bad, fields); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestTheTextsOfAnAppAreRefusedAllAtOnce(t *testing.T) {
	rules := preset(t, token.Standard).Apps
	_, bad := rules.Decide(token.AppRequest{Name: " ", Description: "a\x00b", Scopes: []string{"gone"}}, shop(), token.Developer)
	if d := cmp.Diff([]string{"name", "description", "scopes.0"}, fieldNames(bad)); d != "" {
		t.Error(d)
	}
	if bad[0].Code != api.CodeNameRequired || bad[1].Code != api.CodeInvalid || bad[2].Code != api.CodeScopeUnknown {
		t.Errorf("codes %v", bad)
	}
	for name, most := range map[string]int{"name": 100, "description": 300} {
		for over, want := range map[int]int{0: 0, 1: 1} {
			req := token.AppRequest{Name: "a"}
			text := strings.Repeat("é", most+over)
			if name == "name" {
				req.Name = text
			} else {
				req.Description = text
			}
			if _, bad := rules.Decide(req, shop(), token.Developer); len(bad) != want || want > 0 && bad[0].Name != name {
				t.Errorf("%d characters in %s: %v", most+over, name, bad)
			}
		}
	}
}

func TestARoleCoversAnAppWhenItMayHoldAllOfItsScopes(t *testing.T) {
	for _, c := range []struct {
		scopes string
		roles  []token.Role
	}{
		{"", token.Roles()},
		{"orders:read", token.Roles()},
		{"orders:read orders:write", []token.Role{token.Administrator, token.Developer}},
		{"prices", []token.Role{token.Administrator}},
		{"apps:only", []token.Role{token.Administrator}},                           // nobody's
		{"orders:read keywright:introspect", []token.Role{token.Administrator}},    // nobody's, reserved
		{"orders:read gone", []token.Role{token.Administrator}},                    // may come back, for others
		{"orders:write keywright:admin prices", []token.Role{token.Administrator}}, // whatever it is worth to an app
	} {
		for _, role := range token.Roles() {
			want := false
			for _, r := range c.roles {
				want = want || r == role
			}
			if got := shop().Covers(strings.Fields(c.scopes), role); got != want {
				t.Errorf("%s covers %q: %v", role, c.scopes, got)
			}
		}
	}
	only := token.Catalogue{{Name: "deploy", Roles: []token.Role{token.Developer}, Apps: true}}.WithReserved()
	if only.Covers(token.Scopes{"deploy"}, token.Administrator) {
		t.Error("an administrator covers a scope that only developers hold")
	}
}
