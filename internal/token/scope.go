package token

import (
	"fmt"
	"slices"
	"strings"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
)

// Scopes is a set of scope names: sorted as the catalogue has them, no name twice.
type Scopes []string

// Reserved scopes open Keywright's own API. They are in every catalogue, last, and can't be changed.
const (
	ScopeManage     = "keywright:manage"     // the caller's own credentials
	ScopeAdmin      = "keywright:admin"      // administration of the workspace
	ScopeIntrospect = "keywright:introspect" // RFC 7662 introspection, for apps
	reservedPrefix  = "keywright:"
)

const (
	maxScopes      = 100 // in a catalogue, the reserved ones not counted
	maxScopeLength = 64
)

// CatalogueScope is one named permission that a workspace knows.
type CatalogueScope struct {
	Name        string `json:"name" doc:"As it stands in tokens and requests (RFC 6749 section 3.3)" example:"odata:read"`
	Title       string `json:"title" doc:"What people read in a list"`
	Description string `json:"description" doc:"One sentence: what it lets a program do"`
	Roles       []Role `json:"roles" doc:"Roles whose members' tokens may hold it"`
	Apps        bool   `json:"apps" doc:"Whether apps may hold it"`
}

// Catalogue is the ordered list of the scopes of a workspace.
type Catalogue []CatalogueScope

// ScopeSyntax reports whether name is a scope-token.
func ScopeSyntax(name string) bool {
	if name == "" || len(name) > maxScopeLength {
		return false
	}
	for i := range len(name) {
		// RFC 6749 section 3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
		if c := name[i]; c < 0x21 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// ParseScopes splits a space-delimited scope parameter (RFC 6749 section 3.3) into its names, each once.
// More names than a catalogue can have are refused, which also bounds the work that a caller can ask for.
func ParseScopes(s string) (Scopes, error) {
	var out Scopes
	for name := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ' ' }) {
		if !ScopeSyntax(name) {
			return nil, fmt.Errorf("scope %d is not a scope name", len(out)+1)
		}
		if slices.Contains(out, name) {
			continue
		}
		if len(out) == maxScopes+len(Reserved()) {
			return nil, fmt.Errorf("want at most %d scopes", len(out))
		}
		out = append(out, name)
	}
	return out, nil
}

func (s Scopes) String() string { return strings.Join(s, " ") }

// Has reports whether every name of want is in s.
func (s Scopes) Has(want Scopes) bool { return len(s.Missing(want)) == 0 }

// Missing returns the names of want that are not in s.
func (s Scopes) Missing(want Scopes) Scopes {
	var out Scopes
	for _, w := range want {
		if !slices.Contains(s, w) {
			out = append(out, w)
		}
	}
	return out
}

// IsReserved reports whether a name belongs to Keywright itself.
func IsReserved(name string) bool { return strings.HasPrefix(name, reservedPrefix) }

// Reserved returns the scopes that every catalogue ends with.
func Reserved() Catalogue {
	return Catalogue{
		{Name: ScopeManage, Title: "Manage own credentials", Description: "Create, see and end the owner's own credentials through the API.", Roles: Roles()},
		{Name: ScopeAdmin, Title: "Administer the workspace", Description: "Members, rules, scopes and everyone's tokens through the API.", Roles: []Role{Administrator}},
		{Name: ScopeIntrospect, Title: "Check credentials", Description: "Ask whether a credential is good (RFC 7662).", Roles: []Role{}, Apps: true},
	}
}

// WithReserved returns the catalogue followed by the reserved scopes, each once.
func (c Catalogue) WithReserved() Catalogue {
	out := make(Catalogue, 0, len(c)+3)
	for _, s := range c {
		if !IsReserved(s.Name) {
			out = append(out, s)
		}
	}
	return append(out, Reserved()...)
}

// Find returns the entry of a name.
func (c Catalogue) Find(name string) (CatalogueScope, bool) {
	i := slices.IndexFunc(c, func(s CatalogueScope) bool { return s.Name == name })
	if i < 0 {
		return CatalogueScope{}, false
	}
	return c[i], true
}

// Held returns the names that a role may hold, in catalogue order, without the reserved ones.
func (c Catalogue) Held(role Role) Scopes {
	var out Scopes
	for _, s := range c {
		if !IsReserved(s.Name) && slices.Contains(s.Roles, role) {
			out = append(out, s.Name)
		}
	}
	return out
}

// Effective returns what a token with these scopes can do now: the intersection with what its owner's
// role may hold. The catalogue must include the reserved scopes.
func (c Catalogue) Effective(granted Scopes, role Role) Scopes {
	var out Scopes
	for _, s := range c {
		if slices.Contains(granted, s.Name) && slices.Contains(s.Roles, role) {
			out = append(out, s.Name)
		}
	}
	return out
}

// Check returns the problems of a catalogue that an administrator wrote, all at once.
// Reserved scopes may be sent back as they were read; changed ones are a problem.
func (c Catalogue) Check() []fault.Field {
	var out []fault.Field
	bad := func(i int, field, detail string) {
		out = append(out, fault.Field{Name: fmt.Sprintf("items.%d.%s", i, field), Code: api.CodeScopesInvalid, Detail: detail})
	}
	seen := map[string]bool{}
	own := 0
	for i, s := range c {
		if IsReserved(s.Name) {
			if r, ok := Reserved().Find(s.Name); !ok || r.Title != s.Title || r.Apps != s.Apps || !slices.Equal(r.Roles, s.Roles) {
				bad(i, "name", "Names that begin with keywright: are reserved. Choose another name.")
			}
			continue
		}
		own++
		switch {
		case !ScopeSyntax(s.Name):
			bad(i, "name", "Use 1 to 64 visible ASCII characters, without spaces, quotes and backslashes.")
		case s.Name == "-":
			bad(i, "name", "A scope can't be named \"-\": it stands for no scope in addresses.")
		case seen[s.Name]:
			bad(i, "name", "This name is in the list twice.")
		}
		seen[s.Name] = true
		if _, problem := CleanText(s.Title, 1, 100); problem != "" {
			bad(i, "title", problem)
		}
		if _, problem := CleanText(s.Description, 0, 300); problem != "" {
			bad(i, "description", problem)
		}
		for _, r := range s.Roles {
			if !r.Valid() {
				bad(i, "roles", "Roles are administrator, developer and member.")
			}
		}
	}
	if own > maxScopes {
		bad(maxScopes, "name", fmt.Sprintf("A workspace can have %d scopes.", maxScopes))
	}
	return out
}

// Own returns the catalogue as it is kept: without the reserved scopes, texts trimmed, each role list in
// the order of Roles.
func (c Catalogue) Own() Catalogue {
	out := Catalogue{}
	for _, s := range c {
		if IsReserved(s.Name) {
			continue
		}
		roles := []Role{} // never nil: in JSON a list is a list
		for _, r := range Roles() {
			if slices.Contains(s.Roles, r) {
				roles = append(roles, r)
			}
		}
		s.Roles = roles
		s.Title, s.Description = strings.TrimSpace(s.Title), strings.TrimSpace(s.Description)
		out = append(out, s)
	}
	return out
}
