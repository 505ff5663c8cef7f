package token

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
)

// Bounds of a policy.
const (
	maxExpiryDays  = 3660 // ten years and the leap days in them
	maxPeriodYears = 10
	maxPresetDays  = 20
	maxRotateDays  = 3650
	maxPerUser     = 10_000
	maxMenuParts   = 4
	maxLabel       = 60 // characters
	maxSentence    = 500
)

// TokenActions returns the actions that make sense for personal access tokens, in the order of a menu.
func TokenActions() []Action {
	return []Action{ActView, ActRegenerate, ActEditScope, ActRevoke, ActDelete}
}

// AppActions returns the actions that make sense for apps; regenerate makes a new client secret.
func AppActions() []Action {
	return []Action{ActView, ActRegenerate, ActEditScope, ActDisable, ActActivate, ActDelete}
}

// OAuthActions returns the actions that make sense for OAuth tokens. Disabling one is final.
func OAuthActions() []Action { return []Action{ActView, ActDisable, ActDelete} }

// Clean puts the policy into the form it is kept in: labels trimmed, lists empty rather than absent.
func (p *Policy) Clean() {
	p.Signing.Clean()
	for _, a := range []*Access{&p.Tokens.Access, &p.Apps.Access, &p.OAuthTokens.Access} {
		a.Roles, a.Creators, a.Overseers = listOf(a.Roles), listOf(a.Creators), listOf(a.Overseers)
		a.Actions = listOf(a.Actions)
		a.Labels.Menu = listOf(slices.Clone(a.Labels.Menu))
		for i := range a.Labels.Menu {
			a.Labels.Menu[i] = strings.TrimSpace(a.Labels.Menu[i])
		}
		for _, l := range labelsOf(&a.Labels) {
			*l.text = strings.TrimSpace(*l.text)
		}
	}
	p.Tokens.Scope.Default = Scopes(listOf(p.Tokens.Scope.Default))
	p.Tokens.Expiry.Presets, p.OAuthTokens.Expiry.Presets = listOf(p.Tokens.Expiry.Presets), listOf(p.OAuthTokens.Expiry.Presets)
}

func listOf[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// Check returns the problems of a policy that an administrator wrote, all at once; nil when it may be
// saved. The catalogue is the workspace's, with or without the reserved scopes. A kind that isn't
// offered needs no roles, actions or scopes, but what it says must still make sense.
func (p *Policy) Check(catalogue Catalogue) []fault.Field {
	var c checker
	if _, ok := p.Preset.rules(); !ok {
		var names []string
		for _, info := range Presets() {
			names = append(names, string(info.Name))
		}
		c.bad("preset", "Choose one of %s.", join(names, "and"))
	}
	if !p.Tokens.Offered && !p.Apps.Offered && !p.OAuthTokens.Offered {
		c.bad("tokens.offered", "Offer at least one of personal access tokens, apps and OAuth tokens.")
	}
	c.access("tokens", &p.Tokens.Access, TokenActions(), ActRevoke)
	oneOf(&c, "tokens.name", p.Tokens.Name, None, Optional, Required, Unique)
	oneOf(&c, "tokens.description", p.Tokens.Description, None, Optional, Required)
	c.scope("tokens.scope", &p.Tokens, catalogue.Own())
	c.expiry("tokens.expiry", &p.Tokens.Expiry)

	c.access("apps", &p.Apps.Access, AppActions(), ActDisable)
	oneOf(&c, "apps.secret", p.Apps.Secret, SecretOnce, SecretViewable)

	c.access("oauth_tokens", &p.OAuthTokens.Access, OAuthActions(), ActDisable)
	c.expiry("oauth_tokens.expiry", &p.OAuthTokens.Expiry)

	oneOf(&c, "access_tokens_after_stop", p.AfterStop, StopAtOnce, UntilExpiry)
	oneOf(&c, "refresh_tokens", p.Refresh, Rotate, Reusable)
	oneOf(&c, "signing.algorithm", p.Signing.Algorithm, Algorithms()...)
	if d := p.Signing.RotateDays; d < 1 || d > maxRotateDays {
		c.bad("signing.rotate_days", "Use a number of days from 1 to %d.", maxRotateDays)
	}
	return c.found
}

// checker collects the problems of a policy.
type checker struct{ found []fault.Field }

func (c *checker) bad(field, format string, args ...any) {
	c.found = append(c.found, fault.Field{Name: field, Code: api.CodePolicyInvalid, Detail: fmt.Sprintf(format, args...)})
}

func oneOf[T ~string](c *checker, field string, got T, want ...T) {
	if !slices.Contains(want, got) {
		c.bad(field, "Choose %s.", join(texts(want), "or"))
	}
}

// each checks a list whose members must be among some, each once.
func each[T ~string](c *checker, field string, list, among []T) {
	for i, v := range list {
		at := fmt.Sprintf("%s.%d", field, i)
		switch {
		case !slices.Contains(among, v):
			c.bad(at, "Choose among %s.", join(texts(among), "and"))
		case slices.Contains(list[:i], v):
			c.bad(at, "This is in the list twice. Leave one out.")
		}
	}
}

// access checks what all kinds have in common; stop is the action that ends one and keeps its row.
func (c *checker) access(kind string, a *Access, actions []Action, stop Action) {
	each(c, kind+".roles", a.Roles, Roles())
	each(c, kind+".creators", a.Creators, Roles())
	each(c, kind+".overseers", a.Overseers, Roles())
	each(c, kind+".actions", a.Actions, actions)
	for i, r := range a.Creators {
		if r.Valid() && !a.Holds(r) {
			c.bad(fmt.Sprintf("%s.creators.%d", kind, i), "Add this role to %s.roles, or leave it out: who makes one must be able to hold it.", kind)
		}
	}
	if a.PerUser < 0 || a.PerUser > maxPerUser {
		c.bad(kind+".per_user", "Use a number from 1 to %d, or 0 for no limit.", maxPerUser)
	}
	oneOf(c, kind+".list", a.List, ListOwn, ListWorkspace)
	oneOf(c, kind+".delete", a.Delete, DeleteAnyTime, DeleteAfterEnd)
	c.labels(kind+".labels", &a.Labels)
	if a.Offered {
		c.offered(kind, a, stop)
	}
}

// offered checks that people can make one, and can stop what they made.
func (c *checker) offered(kind string, a *Access, stop Action) {
	if len(a.Roles) == 0 {
		c.bad(kind+".roles", "Choose at least one role that can hold this kind, or stop offering it.")
	}
	if len(a.Creators) == 0 {
		c.bad(kind+".creators", "Choose at least one role that can make new ones, or stop offering this kind.")
	}
	switch {
	case !a.Allows(stop) && !a.Allows(ActDelete):
		c.bad(kind+".actions", "Add %s or %s, so that people can stop their own.", stop, ActDelete)
	case a.Allows(ActDelete) && a.Delete == DeleteAfterEnd && !a.Allows(stop):
		c.bad(kind+".delete", "Add the action %s, or let one be deleted at any time: otherwise people can't stop their own before it expires.", stop)
	}
	if a.CountEnded && a.PerUser > 0 && !a.Allows(ActDelete) {
		c.bad(kind+".count_ended", "Add the action %s, or don't count ended ones: otherwise who has reached the limit can never make another.", ActDelete)
	}
}

func (c *checker) scope(field string, r *TokenRules, own Catalogue) {
	oneOf(c, field+".mode", r.Scope.Mode, ScopesNone, ScopesChosen, ScopesDefaulted)
	if !r.Offered {
		return
	}
	switch r.Scope.Mode {
	case ScopesChosen:
		holdable := slices.ContainsFunc(r.Creators, func(role Role) bool { return len(own.Held(role)) > 0 })
		if r.Scope.Need && !holdable {
			c.bad(field+".required", "Add a scope that these roles may hold to the list of scopes first: there is none to choose.")
		}
	case ScopesDefaulted:
		if len(r.Scope.Default) == 0 {
			c.bad(field+".default", "Name at least one scope that every token gets.")
		}
		for i, name := range r.Scope.Default {
			at := fmt.Sprintf("%s.default.%d", field, i)
			switch _, known := own.Find(name); {
			case IsReserved(name):
				c.bad(at, "Leave scopes of Keywright's own API out: a token gets one only when its owner chooses it.")
			case !known:
				c.bad(at, "This workspace has no such scope. Choose from its list of scopes.")
			case slices.Contains(r.Scope.Default[:i], name):
				c.bad(at, "This is in the list twice. Leave one out.")
			}
		}
	case ScopesNone:
	}
}

// expiry checks the half of the rule that its mode uses; the other half may stay for when it is used again.
func (c *checker) expiry(field string, r *ExpiryRule) {
	oneOf(c, field+".mode", r.Mode, ExpiryFixed, ExpiryChosen)
	switch r.Mode {
	case ExpiryFixed:
		from := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC) // three leap days in ten years, as many as there can be
		p := r.Period
		if min(p.Years, p.Months, p.Days) < 0 || p.IsZero() || p.From(from).After(from.AddDate(maxPeriodYears, 0, 0)) {
			c.bad(field+".period", "Use a period of one day to %d years, such as P1Y, P12M or P90D.", maxPeriodYears)
		}
	case ExpiryChosen:
		c.days(field, r)
	}
}

func (c *checker) days(field string, r *ExpiryRule) {
	if r.MinDays < 1 || r.MinDays > maxExpiryDays {
		c.bad(field+".min_days", "Use a number of days from 1 to %d.", maxExpiryDays)
	}
	switch {
	case r.MaxDays < 1 || r.MaxDays > maxExpiryDays:
		c.bad(field+".max_days", "Use a number of days from 1 to %d.", maxExpiryDays)
	case r.MaxDays < r.MinDays:
		c.bad(field+".max_days", "Use at least as many days as the least, %d.", r.MinDays)
	}
	within := func(days int) bool { return r.MinDays <= days && days <= r.MaxDays }
	if len(r.Presets) > maxPresetDays {
		c.bad(field+".presets", "Propose at most %d numbers of days.", maxPresetDays)
		return
	}
	for i, days := range r.Presets {
		at := fmt.Sprintf("%s.presets.%d", field, i)
		switch {
		case !within(days):
			c.bad(at, "Use days within %d to %d.", r.MinDays, r.MaxDays)
		case i > 0 && days <= r.Presets[i-1]:
			c.bad(at, "Put the days in order, each once.")
		}
	}
	if !within(r.Proposed) {
		c.bad(field+".proposed", "Propose days within %d to %d.", r.MinDays, r.MaxDays)
	}
}

// labels lets empty ones pass: the standard words stand in for them.
func (c *checker) labels(field string, l *Labels) {
	if len(l.Menu) > maxMenuParts {
		c.bad(field+".menu", "Use at most %d parts.", maxMenuParts)
	}
	for i, part := range l.Menu {
		if _, problem := CleanText(part, 1, maxLabel); problem != "" {
			c.bad(fmt.Sprintf("%s.menu.%d", field, i), "%s", problem)
		}
	}
	for _, t := range labelsOf(l) {
		if _, problem := CleanText(*t.text, 0, t.most); problem != "" {
			c.bad(field+"."+t.name, "%s", problem)
		}
	}
}

type label struct {
	name string // in JSON
	text *string
	most int // characters
}

func labelsOf(l *Labels) []label {
	return []label{
		{"title", &l.Title, maxLabel},
		{"intro", &l.Intro, maxSentence},
		{"add", &l.Add, maxLabel},
		{"create_title", &l.CreateTitle, maxLabel},
		{"create", &l.Create, maxLabel},
		{"created_title", &l.CreatedTitle, maxLabel},
		{"caution", &l.Caution, maxSentence},
		{"copy", &l.Copy, maxLabel},
		{"name", &l.Name, maxLabel},
		{"description", &l.Description, maxLabel},
		{"scope", &l.Scope, maxLabel},
		{"lifetime", &l.Lifetime, maxLabel},
		{"access_token", &l.AccessToken, maxLabel},
		{"secret", &l.Secret, maxLabel},
		{"created", &l.Created, maxLabel},
		{"expires", &l.Expires, maxLabel},
		{"never_advice", &l.NeverAdvice, maxSentence},
		{"save", &l.Save, maxLabel},
		{"revoke_confirm", &l.RevokeConfirm, maxLabel},
		{"delete_title", &l.DeleteTitle, maxLabel},
		{"delete_confirm", &l.DeleteConfirm, maxLabel},
	}
}
