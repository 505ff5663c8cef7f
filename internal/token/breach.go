package token

import (
	"fmt"
	"slices"
	"time"
)

// Breaches says what of an existing token breaks the rules, when a changed policy is to apply to it too.
//
// cut is the expiry that the token gets when its own is too late: the longest that the rule allows from
// now, so that applying a rule shortens a token but never ends it on the spot. It is zero when the expiry
// may stay. why says everything else, one sentence each: that only revoking mends, and a person decides.
//
// A token that has ended breaks nothing. Neither does a name or a description that the rules no longer
// ask for: it opens nothing. How many tokens the owner has, and whether two have one name, can't be told
// from one token. The rules of a kind that isn't offered are not applied: that it isn't offered is all.
func (p *Policy) Breaches(t *Token, owner Role, catalogue Catalogue, now time.Time) (cut time.Time, why []string) {
	if t.StatusAt(now) != Active {
		return time.Time{}, nil
	}
	r := &p.Tokens
	if !r.Offered {
		why = append(why, "Personal access tokens are no longer offered.")
	}
	if !r.Holds(owner) {
		why = append(why, "Its owner's role can't have tokens.")
	}
	if !r.Offered {
		return time.Time{}, why
	}
	if t.Name == "" && (r.Name == Required || r.Name == Unique) {
		why = append(why, "It has no name, and one is required.")
	}
	if t.Description == "" && r.Description == Required {
		why = append(why, "It has no description, and one is required.")
	}
	why = append(why, r.Scope.breaches(t, owner, catalogue.WithReserved())...)

	if longest := r.Expiry.Longest(now); !longest.IsZero() && (t.ExpiresAt.IsZero() || t.ExpiresAt.After(longest)) {
		cut = longest
	}
	return cut, why
}

// BreachesOAuth is Breaches for an OAuth token.
func (p *Policy) BreachesOAuth(t *OAuthToken, owner Role, now time.Time) (cut time.Time, why []string) {
	if t.StatusAt(now) != Active {
		return time.Time{}, nil
	}
	r := &p.OAuthTokens
	if !r.Offered {
		why = append(why, "OAuth tokens are no longer offered.")
	}
	if !r.Holds(owner) {
		why = append(why, "Its owner's role can't have OAuth tokens.")
	}
	if !r.Offered {
		return time.Time{}, why
	}
	if longest := r.Expiry.Longest(now); !longest.IsZero() && t.ExpiresAt.After(longest) {
		cut = longest
	}
	return cut, why
}

func (r *ScopeRule) breaches(t *Token, owner Role, catalogue Catalogue) []string {
	switch {
	case r.Mode == ScopesNone && !t.AllScopes:
		return []string{"It has scopes that its owner chose, and scopes are no longer chosen."}
	case r.Mode == ScopesNone:
		return nil
	case t.AllScopes && r.Mode == ScopesChosen:
		return []string{"It can do whatever its owner may do, and scopes are now chosen."}
	case t.AllScopes:
		return []string{"It can do whatever its owner may do, and every token now has a fixed set of scopes."}
	}
	var why []string
	if len(t.Scopes) == 0 && r.Mode == ScopesChosen && r.Need {
		why = append(why, "It has no scope, and at least one is required.")
	}
	for _, name := range t.Scopes {
		switch s, known := catalogue.Find(name); {
		case !known:
			why = append(why, fmt.Sprintf("It has the scope %q, which this workspace no longer has.", name))
		case r.Mode == ScopesDefaulted && !slices.Contains(r.Default, name):
			why = append(why, fmt.Sprintf("It has the scope %q, which tokens no longer get.", s.Title))
		case r.Mode == ScopesChosen && !slices.Contains(s.Roles, owner):
			why = append(why, fmt.Sprintf("It has the scope %q, which its owner's role can't hold.", s.Title))
		}
	}
	return why
}
