package token_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
)

// shop is a catalogue in which the roles differ.
func shop() token.Catalogue {
	everyone := token.Roles()
	return token.Catalogue{
		{Name: "orders:read", Title: "Read orders", Roles: everyone, Apps: true},
		{Name: "orders:write", Title: "Change orders", Roles: []token.Role{token.Administrator, token.Developer}},
		{Name: "prices", Title: "Prices", Roles: []token.Role{token.Administrator}},
		{Name: "apps:only", Title: "For apps", Roles: []token.Role{}, Apps: true},
	}.WithReserved()
}

func TestScopeSyntaxIsThatOfRFC6749(t *testing.T) {
	for c := range 256 {
		// RFC 6749 section 3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
		want := c == 0x21 || c >= 0x23 && c <= 0x5b || c >= 0x5d && c <= 0x7e
		if got := token.ScopeSyntax("a" + string([]byte{byte(c)})); got != want {
			t.Errorf("byte %#x: %v, want %v", c, got, want)
		}
	}
	if token.ScopeSyntax("") || token.ScopeSyntax(strings.Repeat("a", 65)) || !token.ScopeSyntax(strings.Repeat("a", 64)) {
		t.Error("a scope has 1 to 64 characters")
	}
}

func TestParseScopesSplitsAtSpacesAndDropsRepeats(t *testing.T) {
	for s, want := range map[string]token.Scopes{
		"": nil, " ": nil, "a": {"a"}, "a b": {"a", "b"}, " b  a b ": {"b", "a"}, "odata:read https://x/y": {"odata:read", "https://x/y"},
	} {
		got, err := token.ParseScopes(s)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v; want %q", s, got, err, want)
		}
	}
	for _, s := range []string{"a\tb", "a\nb", `a "b"`, `a\b`, "é", "a\x00", "a\u00a0b", strings.Repeat("a", 65)} {
		if got, err := token.ParseScopes(s); err == nil {
			t.Errorf("%q reads as %q", s, got)
		}
	}
}

func TestParseScopesBoundsItsWork(t *testing.T) {
	var b strings.Builder
	for i := range 104 {
		if i == 103 {
			if got, err := token.ParseScopes(b.String()); err != nil || len(got) != 103 {
				t.Fatalf("103 names, as many as a catalogue can have: %d, %v", len(got), err)
			}
		}
		fmt.Fprintf(&b, " s%d", i)
	}
	if _, err := token.ParseScopes(b.String()); err == nil {
		t.Error("104 names were taken")
	}
}

func FuzzParseScopes(f *testing.F) {
	for _, s := range []string{"", "a b", " a  a ", "odata:read keywright:manage", "a\tb", "é", `"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := token.ParseScopes(s)
		if err != nil {
			return
		}
		for i, name := range got {
			if !token.ScopeSyntax(name) || slices.Contains(got[:i], name) || !strings.Contains(" "+s+" ", " "+name+" ") {
				t.Errorf("%q reads as %q", s, got)
			}
		}
		if again, err := token.ParseScopes(got.String()); err != nil || !slices.Equal(again, got) {
			t.Errorf("%q reads as %q and then as %q, %v", s, got, again, err)
		}
	})
}

func TestMissingNamesWhatIsWantedAndNotThere(t *testing.T) {
	have := token.Scopes{"a", "b"}
	if !have.Has(nil) || !have.Has(token.Scopes{"b"}) || have.Has(token.Scopes{"b", "c"}) || token.Scopes(nil).Has(token.Scopes{"a"}) {
		t.Error("Has is wrong")
	}
	if got := have.Missing(token.Scopes{"c", "a", "d"}); !slices.Equal(got, token.Scopes{"c", "d"}) {
		t.Errorf("Missing = %q", got)
	}
}

// genCatalogue draws a catalogue of the administrator's own scopes.
func genCatalogue(t *rapid.T) token.Catalogue {
	var c token.Catalogue
	for _, name := range rapid.SliceOfNDistinct(rapid.StringMatching(`[a-f]{1,2}`), 0, 6, rapid.ID).Draw(t, "names") {
		c = append(c, token.CatalogueScope{Name: name, Roles: rapid.SliceOfDistinct(rapid.SampledFrom(token.Roles()), rapid.ID).Draw(t, "roles")})
	}
	return c
}

func TestEffectiveIsPartOfWhatIsGrantedAndOfWhatTheRoleHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		own := genCatalogue(t)
		catalogue := own.WithReserved()
		role := rapid.SampledFrom(token.Roles()).Draw(t, "role")
		names := []string{"zz", token.ScopeManage, token.ScopeAdmin, token.ScopeIntrospect}
		for _, s := range own {
			names = append(names, s.Name)
		}
		granted := token.Scopes(rapid.SliceOf(rapid.SampledFrom(names)).Draw(t, "granted"))
		got := catalogue.Effective(granted, role)
		held := catalogue.Held(role)
		for i, name := range got {
			reserved, _ := token.Reserved().Find(name)
			if !granted.Has(token.Scopes{name}) || !held.Has(token.Scopes{name}) && !slices.Contains(reserved.Roles, role) || slices.Contains(got[:i], name) {
				t.Fatalf("%q of %q for a role that holds %q", got, granted, held)
			}
		}
		for _, name := range granted {
			if held.Has(token.Scopes{name}) && !got.Has(token.Scopes{name}) {
				t.Fatalf("%q is granted and held, and not among %q", name, got)
			}
		}
		if slices.ContainsFunc(held, token.IsReserved) {
			t.Fatalf("a role holds a reserved scope without being granted it: %q", held)
		}
		if !slices.Equal(catalogue.Effective(got, role), got) {
			t.Fatalf("narrowing %q again changes it", got)
		}
	})
}

func TestDemotingTheOwnerNarrowsTheToken(t *testing.T) {
	chosen := token.Token{Scopes: token.Scopes{"prices", token.ScopeAdmin, "orders:write", "orders:read", "gone", "apps:only", token.ScopeIntrospect}}
	all := token.Token{AllScopes: true}
	for _, c := range []struct {
		role        token.Role
		chosen, all token.Scopes
	}{
		{token.Administrator, token.Scopes{"orders:read", "orders:write", "prices", token.ScopeAdmin}, token.Scopes{"orders:read", "orders:write", "prices"}},
		{token.Developer, token.Scopes{"orders:read", "orders:write"}, token.Scopes{"orders:read", "orders:write"}},
		{token.PlainMember, token.Scopes{"orders:read"}, token.Scopes{"orders:read"}},
		{"", nil, nil},
	} {
		for _, catalogue := range []token.Catalogue{shop(), shop().Own()} {
			if got := chosen.ScopesFor(catalogue, c.role); !slices.Equal(got, c.chosen) {
				t.Errorf("%q, chosen: %q, want %q", c.role, got, c.chosen)
			}
			if got := all.ScopesFor(catalogue, c.role); !slices.Equal(got, c.all) {
				t.Errorf("%q, all: %q, want %q", c.role, got, c.all)
			}
		}
	}
}

func TestTheReservedScopesStandOnceAndLast(t *testing.T) {
	got := shop().WithReserved().WithReserved()
	if d := cmp.Diff(token.Reserved(), got[len(got)-3:]); d != "" || len(got) != 7 {
		t.Errorf("%d scopes, the last ones differ: %s", len(got), d)
	}
}

func TestCatalogueProblemsAreAllReportedAtOnce(t *testing.T) {
	long := strings.Repeat("a", 301)
	forged := token.Reserved()[0]
	forged.Roles = []token.Role{token.PlainMember}
	c := token.Catalogue{
		{Name: "ok", Title: "Good", Roles: token.Roles()},
		{Name: "ok", Title: "Again"},
		{Name: "no good", Title: ""},
		{Name: "-", Title: "Dash", Description: long, Roles: []token.Role{"owner"}},
		{Name: "keywright:new", Title: "Mine"},
		forged,
		token.Reserved()[1],
	}
	want := []string{"items.1.name", "items.2.name", "items.2.title", "items.3.name", "items.3.description", "items.3.roles", "items.4.name", "items.5.name"}
	if d := cmp.Diff(want, fieldNames(c.Check())); d != "" {
		t.Error(d)
	}
	if bad := shop().Check(); bad != nil {
		t.Errorf("a good catalogue with the reserved scopes as they were read: %v", bad)
	}
	var many token.Catalogue
	for i := range 101 {
		many = append(many, token.CatalogueScope{Name: fmt.Sprint("s", i), Title: "S"})
	}
	if bad := many.WithReserved().Check(); len(bad) != 1 {
		t.Errorf("101 scopes: %v", bad)
	}
	if bad := many[:100].WithReserved().Check(); bad != nil {
		t.Errorf("100 scopes: %v", bad)
	}
}

func TestTheOwnCatalogueIsKeptInOneForm(t *testing.T) {
	got := token.Catalogue{
		{Name: "a", Title: " A ", Description: " b", Roles: []token.Role{token.PlainMember, token.Administrator, token.PlainMember}},
		{Name: "b", Title: "B"},
	}.WithReserved().Own()
	want := token.Catalogue{
		{Name: "a", Title: "A", Description: "b", Roles: []token.Role{token.Administrator, token.PlainMember}},
		{Name: "b", Title: "B", Roles: []token.Role{}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func fieldNames(fields []fault.Field) []string {
	var out []string
	for _, f := range fields {
		out = append(out, f.Name)
	}
	return out
}
