package token

import (
	"fmt"
	"slices"
	"strings"
)

// Sentences says the rules in plain words, for the administrator who is about to save them. Kinds that
// aren't offered are not mentioned.
func (p *Policy) Sentences() []string {
	var out []string
	if p.Tokens.Offered {
		out = append(out, p.Tokens.sentences()...)
	}
	if p.Apps.Offered {
		out = append(out, p.Apps.sentences()...)
	}
	if p.OAuthTokens.Offered {
		out = append(out, p.OAuthTokens.sentences()...)
		if p.Refresh == Rotate {
			out = append(out, "A refresh token is replaced at each use.")
		} else {
			out = append(out, "A refresh token can be used again and again until it expires.")
		}
	}
	var sources []string
	if p.Apps.Offered {
		sources = append(sources, "app")
	}
	if p.OAuthTokens.Offered {
		sources = append(sources, "OAuth token")
	}
	if len(sources) > 0 {
		then := "stop at once"
		if p.AfterStop == UntilExpiry {
			then = "go on working until they expire, for an hour at most"
		}
		out = append(out, fmt.Sprintf("When an %s is disabled or deleted, access tokens that it has got %s.", join(sources, "or"), then))
		rule := p.Signing
		rule.Clean()
		out = append(out, fmt.Sprintf("Access tokens are signed with %s; a key is replaced after %s.", rule.Algorithm, Period{Days: rule.RotateDays}.Words()))
	}
	return out
}

func (r *TokenRules) sentences() []string {
	out := r.holding("token", "Expired and revoked ones")
	out = append(out, r.Expiry.sentences(r.subject("token"), "token")...)
	out = append(out, r.fields()...)
	return append(out, r.doing("token", "revoked or expired", map[Action]string{
		ActView: "viewed", ActRegenerate: "regenerated", ActEditScope: "given other scopes", ActRevoke: "revoked", ActDelete: "deleted",
	})...)
}

// fields says what a token is asked for.
func (r *TokenRules) fields() []string {
	var scope string
	switch r.Scope.Mode {
	case ScopesNone:
		scope = "a token can do what its owner may do"
	case ScopesDefaulted:
		noun := "scopes"
		if len(r.Scope.Default) == 1 {
			noun = "scope"
		}
		scope = fmt.Sprintf("every token gets the %s %s", noun, join(r.Scope.Default, "and"))
	case ScopesChosen:
		scope = "owners may choose scopes; a token without any opens nothing that asks for one"
		if r.Scope.Need {
			scope = "owners choose at least one scope"
		}
	}
	var out []string
	switch r.Name {
	case None:
		if r.Scope.Mode == ScopesChosen {
			out = append(out, "Tokens have no name.", sentence(scope))
		} else {
			out = append(out, "Nobody chooses a name or a scope; "+scope+".")
		}
	case Optional:
		out = append(out, "A name is optional.", sentence(scope))
	case Required:
		out = append(out, "A name is required.", sentence(scope))
	case Unique:
		out = append(out, "A name is required, and an owner can use it only once.", sentence(scope))
	}
	if r.Scope.Mode != ScopesNone {
		out = append(out, "A token can never do more than its owner may do.")
	}
	switch r.Description {
	case Optional:
		out = append(out, "A description is optional.")
	case Required:
		out = append(out, "A description is required.")
	case None, Unique:
	}
	return out
}

func (r *AppRules) sentences() []string {
	a := r.Access
	a.CountEnded = true // a disabled app can be activated again
	out := append(a.holding("app", "Disabled ones"), "An app reaches what its scopes allow, in the whole workspace.")
	if r.Secret == SecretViewable {
		out = append(out, "An app's client secret can be seen again, and each look is in the audit log.")
	} else {
		out = append(out, "An app's client secret is shown once.")
	}
	return append(out, r.doing("app", "disabled", map[Action]string{
		ActView: "viewed", ActRegenerate: "given a new secret", ActEditScope: "given other scopes",
		ActDisable: "disabled", ActActivate: "activated again", ActDelete: "deleted",
	})...)
}

func (r *OAuthRules) sentences() []string {
	out := r.holding("OAuth token", "Expired and disabled ones")
	out = append(out, r.subject("OAuth token")+" is an access token for one hour and a refresh token that gets the next one.")
	out = append(out, r.Expiry.sentences("The refresh token", "refresh token")...)
	out = append(out, "A name is required, and an OAuth token can do what its owner may do.")
	return append(out, r.doing("OAuth token", "disabled or expired", map[Action]string{
		ActView: "viewed", ActDisable: "disabled for good", ActDelete: "deleted",
	})...)
}

// subject begins a sentence about one of a kind.
func (a *Access) subject(noun string) string {
	if a.PerUser == 1 {
		return "It"
	}
	return "Each " + noun
}

// holding says who can have how many of a kind.
func (a *Access) holding(noun, ended string) []string {
	who := rolesWords(a.Roles)
	if 0 < len(a.Roles) && len(a.Roles) < len(Roles()) {
		who = "Only " + lowerFirst(who)
	}
	var out []string
	switch a.PerUser {
	case 0:
		out = append(out, fmt.Sprintf("%s can hold any number of %ss.", who, noun))
	case 1:
		out = append(out, fmt.Sprintf("%s can hold one %s each.", who, noun))
	default:
		out = append(out, fmt.Sprintf("%s can hold up to %d %ss each.", who, a.PerUser, noun))
	}
	if a.PerUser > 0 {
		count := "don't count"
		if a.CountEnded {
			count = "count too"
		}
		out = append(out, ended+" "+count+".")
	}
	if rolesWords(a.Creators) != rolesWords(a.Roles) {
		out = append(out, "Only "+lowerFirst(rolesWords(a.Creators))+" can make new ones.")
	}
	return out
}

// doing says what can be done with a kind and when it can be deleted, and whose are seen by whom.
func (a *Access) doing(noun, end string, verbs map[Action]string) []string {
	var can []string
	for _, act := range []Action{ActView, ActRegenerate, ActEditScope, ActRevoke, ActDisable, ActActivate} {
		if a.Allows(act) {
			can = append(can, verbs[act])
		}
	}
	var out []string
	after := a.Allows(ActDelete) && a.Delete == DeleteAfterEnd
	if a.Allows(ActDelete) && !after {
		can = append(can, verbs[ActDelete])
	}
	if len(can) > 0 {
		out = append(out, a.subject(noun)+" can be "+join(can, "and")+".")
	}
	if after {
		out = append(out, "It can be deleted once it is "+end+".")
	}
	return append(out, a.seeing())
}

func (a *Access) seeing() string {
	var overseers, others []Role
	for _, r := range Roles() {
		switch {
		case a.Oversees(r):
			overseers = append(overseers, r)
		case a.Holds(r):
			others = append(others, r)
		}
	}
	switch {
	case len(others) == 0:
		return rolesWords(overseers) + " see everyone's and can stop them."
	case a.List == ListWorkspace:
		return rolesWords(a.Roles) + " see everyone's, with who made each; " + lowerFirst(rolesWords(overseers)) + " can stop any of them."
	}
	return rolesWords(others) + " see only their own; " + lowerFirst(rolesWords(overseers)) + " see everyone's and can stop them."
}

// sentences says how long a credential lasts; subject begins the sentence.
func (r *ExpiryRule) sentences(subject, noun string) []string {
	if r.Mode == ExpiryFixed {
		return []string{subject + " lasts " + r.Period.Words() + "."}
	}
	choice := "Owners choose how long " + lowerFirst(subject) + " lasts: " + r.rangeWords()
	if r.Date {
		choice += ", by number or by date"
	}
	out := []string{choice + "."}
	if len(r.Presets) > 0 {
		var days []string
		for _, d := range r.Presets {
			days = append(days, fmt.Sprint(d))
		}
		unit := "days"
		if r.Presets[len(r.Presets)-1] == 1 {
			unit = "day"
		}
		out = append(out, fmt.Sprintf("The page offers %s %s and proposes %d.", join(days, "and"), unit, r.Proposed))
	} else {
		out = append(out, "The page proposes "+Period{Days: r.Proposed}.Words()+".")
	}
	if r.Never {
		return append(out, "A "+noun+" may also never expire.")
	}
	return append(out, "Every "+noun+" expires.")
}

// rolesWords says roles as the beginning of a sentence. Everyone in a workspace is a member, so the role
// of that name needs another word when it stands beside others.
func rolesWords(roles []Role) string {
	plural := map[Role]string{Administrator: "administrators", Developer: "developers", PlainMember: "plain members"}
	var words []string
	for _, r := range Roles() {
		if slices.Contains(roles, r) {
			words = append(words, plural[r])
		}
	}
	switch len(words) {
	case 0:
		return "Nobody"
	case len(Roles()):
		return "Members"
	}
	return upperFirst(join(words, "and"))
}

// sentence makes a clause one.
func sentence(clause string) string { return upperFirst(clause) + "." }

// upperFirst and lowerFirst are for our own words, which begin with an ASCII letter.
func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// join writes a list as a person would: "a", "a and b", "a, b and c".
func join(parts []string, word string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	last := len(parts) - 1
	return strings.Join(parts[:last], ", ") + " " + word + " " + parts[last]
}

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}
