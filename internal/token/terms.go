package token

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
)

// Request is what a person asks for when they make a token. Nil is "not said", which differs from empty.
type Request struct {
	Name        *string
	Description *string
	Scopes      *[]string
	Expiry      Choice
}

// Choice is how long a credential is asked to last. At most one may be said.
type Choice struct {
	ExpiresAt    *time.Time
	LifetimeDays *int
	Never        bool
	NotNever     bool // never was said to be false: no choice, but said
}

// IsZero reports whether nothing was said.
func (c Choice) IsZero() bool { return c.ExpiresAt == nil && c.LifetimeDays == nil && !c.Never }

// Terms is what a token is made with, once the policy has agreed.
type Terms struct {
	Name        string
	Description string
	AllScopes   bool
	Scopes      Scopes
	ExpiresAt   time.Time // zero: never
}

const (
	maxName        = 100 // characters
	maxDescription = 300
)

// Decide applies the rules to a request, with all problems at once. The catalogue must include the
// reserved scopes. What the rules have no place for is refused, not ignored. Whether a name is taken is
// not known here.
func (r *TokenRules) Decide(req Request, catalogue Catalogue, role Role, now time.Time) (Terms, []fault.Field) {
	var t Terms
	var bad []fault.Field
	t.Name, bad = r.decideText(bad, "name", req.Name, r.Name, maxName)
	t.Description, bad = r.decideText(bad, "description", req.Description, r.Description, maxDescription)
	var more []fault.Field
	t.AllScopes = r.Scope.Mode == ScopesNone
	t.Scopes, more = r.Scope.Decide(req.Scopes, catalogue, role)
	bad = append(bad, more...)
	t.ExpiresAt, more = r.Expiry.Decide(req.Expiry, now)
	return t, append(bad, more...)
}

func (r *TokenRules) decideText(bad []fault.Field, field string, said *string, rule Presence, most int) (string, []fault.Field) {
	if rule == None {
		if said != nil {
			return "", append(bad, fault.Field{Name: field, Code: api.CodeNameNotTaken, Detail: "Tokens here have no " + field + ". Leave it out."})
		}
		return "", bad
	}
	least := 1
	if rule == Optional {
		least = 0
	}
	if said == nil {
		said = new(string)
	}
	clean, problem := CleanText(*said, least, most)
	switch {
	case problem != "" && strings.TrimSpace(*said) == "":
		return "", append(bad, fault.Field{Name: field, Code: api.CodeNameRequired, Detail: "Give the token a " + field + " that you will recognise later."})
	case problem != "":
		return "", append(bad, fault.Field{Name: field, Code: api.CodeInvalid, Detail: problem})
	}
	return clean, bad
}

// Decide returns the scopes that a token is made with, in catalogue order.
func (r *ScopeRule) Decide(said *[]string, catalogue Catalogue, role Role) (Scopes, []fault.Field) {
	var asked Scopes
	switch {
	case r.Mode == ScopesChosen && said != nil:
		asked = *said
	case r.Mode == ScopesDefaulted:
		asked = r.Default
	}
	if r.Mode != ScopesChosen && said != nil {
		return nil, []fault.Field{{Name: "scopes", Code: api.CodeScopesNotAccepted, Detail: "The scopes of tokens are set by this workspace's rules. Leave them out."}}
	}
	if len(asked) == 0 && r.Mode == ScopesChosen && r.Need {
		return nil, []fault.Field{{Name: "scopes", Code: api.CodeScopeRequired, Detail: "Choose at least one scope: what the token may be used for."}}
	}
	if r.Mode == ScopesDefaulted {
		// The set is the administrator's; what the role can't hold falls away at each check.
		return slices.Clone(asked), nil
	}
	var bad []fault.Field
	for i, name := range asked {
		if code, detail := catalogue.refusal(name, role); code != "" {
			bad = append(bad, fault.Field{Name: fmt.Sprintf("scopes.%d", i), Code: code, Detail: detail})
		}
	}
	return catalogue.Effective(asked, role), bad
}

func (c Catalogue) refusal(name string, role Role) (code api.Code, detail string) {
	s, ok := c.Find(name)
	if !ok {
		return api.CodeScopeUnknown, "This workspace has no such scope. Choose from its list of scopes."
	}
	if slices.Contains(s.Roles, role) {
		return "", ""
	}
	return api.CodeScopeNotAllowed, fmt.Sprintf("Your role can't hold the scope %q. Ask an administrator, or leave it out.", s.Title)
}

// Decide returns when a credential expires; zero is never.
func (r *ExpiryRule) Decide(said Choice, now time.Time) (time.Time, []fault.Field) {
	now = now.UTC()
	if r.Mode == ExpiryFixed {
		if !said.IsZero() || said.NotNever {
			return time.Time{}, []fault.Field{{Name: said.field(), Code: api.CodeExpiryNotAccepted, Detail: "Tokens here last " + r.Period.Words() + ". Leave the expiry out."}}
		}
		return r.Period.From(now), nil
	}
	bad := func(code api.Code, detail string) (time.Time, []fault.Field) {
		return time.Time{}, []fault.Field{{Name: said.field(), Code: code, Detail: detail}}
	}
	switch {
	case said.count() > 1:
		return bad(api.CodeExpiryAmbiguous, "Give one of expires_at, lifetime_days and never, not several.")
	case said.IsZero():
		words := r.rangeWords()
		if r.Never {
			words += ", or never to expire"
		}
		return bad(api.CodeExpiryRequired, "Choose how long the token lasts: "+words+".")
	case said.Never && r.Never:
		return time.Time{}, nil
	case said.Never:
		return bad(api.CodeNeverNotAllowed, "Tokens here must expire. Choose "+r.rangeWords()+".")
	case said.LifetimeDays != nil:
		if d := *said.LifetimeDays; d < r.MinDays || d > r.MaxDays {
			return bad(api.CodeLifetimeOutOfRange, "Choose "+r.rangeWords()+".")
		}
		return now.AddDate(0, 0, *said.LifetimeDays), nil
	case !r.Date:
		return bad(api.CodeExpiryNotAccepted, "Give the lifetime in days, not a date.")
	}
	// A date counts as the number of days that contains it: under "at least one day", tomorrow's date is
	// good at noon, and a caller whose clock is a little behind ours is not refused.
	at := said.ExpiresAt.UTC().Truncate(time.Microsecond)
	if !at.After(now.AddDate(0, 0, r.MinDays-1)) || at.After(now.AddDate(0, 0, r.MaxDays)) {
		return bad(api.CodeLifetimeOutOfRange, "Choose a date "+r.rangeWords()+" from now.")
	}
	return at, nil
}

// Longest returns the latest expiry that the rule allows from now; zero when it allows never.
func (r *ExpiryRule) Longest(now time.Time) time.Time {
	switch {
	case r.Mode == ExpiryFixed:
		return r.Period.From(now)
	case r.Never:
		return time.Time{}
	}
	return now.UTC().AddDate(0, 0, r.MaxDays)
}

// Renewed returns the choice for a regenerated token when none was said: as long again as it was made for,
// cut to what the rule allows now.
func (r *ExpiryRule) Renewed(t *Token) Choice {
	if r.Mode == ExpiryFixed {
		return Choice{}
	}
	if t.ExpiresAt.IsZero() && r.Never {
		return Choice{Never: true}
	}
	days := r.Proposed
	if !t.ExpiresAt.IsZero() {
		days = int((t.ExpiresAt.Sub(t.CreatedAt) + 12*time.Hour) / (24 * time.Hour))
	}
	days = max(r.MinDays, min(days, r.MaxDays))
	return Choice{LifetimeDays: &days}
}

func (r *ExpiryRule) rangeWords() string {
	if r.MinDays == r.MaxDays {
		return Period{Days: r.MinDays}.Words()
	}
	return fmt.Sprintf("%d to %d days", r.MinDays, r.MaxDays)
}

func (c Choice) count() int {
	n := 0
	for _, said := range []bool{c.ExpiresAt != nil, c.LifetimeDays != nil, c.Never} {
		if said {
			n++
		}
	}
	return n
}

func (c Choice) field() string {
	switch {
	case c.ExpiresAt != nil:
		return "expires_at"
	case (c.Never || c.NotNever) && c.LifetimeDays == nil:
		return "never"
	}
	return "lifetime_days"
}
