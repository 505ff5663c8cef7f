package token

import (
	"fmt"
	"slices"
	"strings"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
)

// AppRequest is what a person asks for when they make an app.
type AppRequest struct {
	Name        string
	Description string
	Scopes      []string // nil: not said
}

// AppTerms is what an app is made with, once the policy has agreed.
type AppTerms struct {
	Name        string
	Description string
	Scopes      Scopes
}

// Decide applies the rules to a request, with all problems at once. The catalogue must include the reserved
// scopes. Where scopes can't be chosen later either, because the policy does not offer edit_scope, an app
// whose scopes are not said gets all that apps may hold and its maker may give; elsewhere none.
func (r *AppRules) Decide(req AppRequest, catalogue Catalogue, maker Role) (AppTerms, []fault.Field) {
	var t AppTerms
	var bad, more []fault.Field
	t.Name, bad = AppName(bad, req.Name)
	t.Description, bad = AppDescription(bad, req.Description)
	if req.Scopes == nil && !r.Allows(ActEditScope) {
		for _, s := range catalogue {
			if s.Apps && !IsReserved(s.Name) && catalogue.Covers(Scopes{s.Name}, maker) {
				t.Scopes = append(t.Scopes, s.Name)
			}
		}
		return t, bad
	}
	t.Scopes, more = catalogue.DecideForApp(req.Scopes, maker)
	return t, append(bad, more...)
}

// AppName cleans the name of an app, or of an OAuth token, and adds what is wrong with it to bad.
func AppName(bad []fault.Field, name string) (string, []fault.Field) {
	clean, problem := CleanText(name, 1, maxName)
	switch {
	case problem != "" && strings.TrimSpace(name) == "":
		bad = append(bad, fault.Field{Name: "name", Code: api.CodeNameRequired, Detail: "Give it a name that you will recognise later."})
	case problem != "":
		bad = append(bad, fault.Field{Name: "name", Code: api.CodeInvalid, Detail: problem})
	}
	return clean, bad
}

// AppDescription cleans the description of an app, and adds what is wrong with it to bad.
func AppDescription(bad []fault.Field, description string) (string, []fault.Field) {
	clean, problem := CleanText(description, 0, maxDescription)
	if problem != "" {
		bad = append(bad, fault.Field{Name: "description", Code: api.CodeInvalid, Detail: problem})
	}
	return clean, bad
}

// DecideForApp returns the scopes that somebody of a role gives to an app, in catalogue order.
func (c Catalogue) DecideForApp(asked []string, giver Role) (Scopes, []fault.Field) {
	var bad []fault.Field
	for i, name := range asked {
		refuse := func(code api.Code, detail string) {
			bad = append(bad, fault.Field{Name: fmt.Sprintf("scopes.%d", i), Code: code, Detail: detail})
		}
		switch s, known := c.Find(name); {
		case !known:
			refuse(api.CodeScopeUnknown, "This workspace has no such scope. Choose from its list of scopes.")
		case !s.Apps:
			refuse(api.CodeScopeNotAllowed, fmt.Sprintf("Apps can't hold the scope %q. Leave it out.", s.Title))
		case !c.Covers(Scopes{name}, giver):
			refuse(api.CodeScopeNotAllowed, fmt.Sprintf("Your role can't give the scope %q to an app. Ask an administrator, or leave it out.", s.Title))
		}
	}
	return c.ForApps(asked), bad
}

// Covers reports whether somebody of a role may hold all of an app's scopes, and so may see its secret,
// replace it, and give it scopes. A scope that no role holds, such as keywright:introspect, is covered by
// administrators; so is one that is gone from the catalogue, since the app has it again when it comes back.
func (c Catalogue) Covers(scopes Scopes, role Role) bool {
	for _, name := range scopes {
		s, known := c.Find(name)
		nobodys := !known || len(s.Roles) == 0
		if !slices.Contains(s.Roles, role) && (!nobodys || role != Administrator) {
			return false
		}
	}
	return true
}
