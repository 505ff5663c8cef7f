package token_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/token"
)

// Each change to the standard policy has exactly these problems, in this order.
func TestEveryProblemOfAPolicyIsNamedAtItsField(t *testing.T) {
	for _, c := range []struct {
		what   string
		change func(*token.Policy)
		want   []string
	}{
		{"an unknown preset", func(p *token.Policy) { p.Preset = "custom" }, []string{"preset"}},
		{"no kind", func(p *token.Policy) { p.Tokens.Offered, p.Apps.Offered, p.OAuthTokens.Offered = false, false, false }, []string{"tokens.offered"}},
		{"one kind", func(p *token.Policy) { p.Tokens.Offered, p.Apps.Offered = false, false }, nil},
		{"unknown choices", func(p *token.Policy) {
			p.Tokens.Name, p.Tokens.Description, p.Tokens.Scope.Mode, p.Tokens.Expiry.Mode, p.Tokens.List, p.Tokens.Delete = "a", token.Unique, "b", "c", "d", ""
			p.Apps.Secret, p.AfterStop, p.Refresh, p.OAuthTokens.Expiry.Mode = "e", "f", "g", "h"
		}, []string{
			"tokens.list", "tokens.delete", "tokens.name", "tokens.description", "tokens.scope.mode", "tokens.expiry.mode",
			"apps.secret", "oauth_tokens.expiry.mode", "access_tokens_after_stop", "refresh_tokens",
		}},
		{"unknown and repeated roles", func(p *token.Policy) {
			p.Tokens.Roles = []token.Role{"owner", token.Administrator, token.Administrator}
			p.Tokens.Creators = []token.Role{"owner", token.Administrator, token.Administrator}
			p.Apps.Overseers = []token.Role{"", token.Developer, token.Developer}
		}, []string{"tokens.roles.0", "tokens.roles.2", "tokens.creators.0", "tokens.creators.2", "apps.overseers.0", "apps.overseers.2"}},
		{"who makes one can't hold it", func(p *token.Policy) { p.Apps.Creators = token.Roles() }, []string{"apps.creators.2"}},
		{"no roles", func(p *token.Policy) { p.Apps.Roles, p.Apps.Creators = nil, nil }, []string{"apps.roles", "apps.creators"}},
		{"no roles where it isn't offered", func(p *token.Policy) { p.Apps.Access = token.Access{List: token.ListOwn, Delete: token.DeleteAnyTime} }, nil},
		{"actions of other kinds", func(p *token.Policy) {
			p.Tokens.Actions = []token.Action{token.ActDelete, token.ActDisable, token.ActActivate, "copy"}
			p.Apps.Actions = []token.Action{token.ActDelete, token.ActRevoke}
			p.OAuthTokens.Actions = []token.Action{token.ActDelete, token.ActRegenerate, token.ActEditScope, token.ActActivate, token.ActRevoke}
		}, []string{
			"tokens.actions.1", "tokens.actions.2", "tokens.actions.3", "apps.actions.1",
			"oauth_tokens.actions.1", "oauth_tokens.actions.2", "oauth_tokens.actions.3", "oauth_tokens.actions.4",
		}},
		{"an action twice", func(p *token.Policy) { p.Tokens.Actions = []token.Action{token.ActDelete, token.ActDelete} }, []string{"tokens.actions.1"}},
		{"no end", func(p *token.Policy) {
			p.Tokens.Actions, p.Apps.Actions, p.OAuthTokens.Actions = []token.Action{token.ActView}, []token.Action{token.ActActivate}, nil
		}, []string{"tokens.actions", "apps.actions", "oauth_tokens.actions"}},
		{"an end without delete", func(p *token.Policy) { p.Tokens.Actions = []token.Action{token.ActRevoke} }, nil},
		{"delete after an end that no one can make", func(p *token.Policy) {
			p.Tokens.Delete, p.Apps.Delete, p.OAuthTokens.Delete = token.DeleteAfterEnd, token.DeleteAfterEnd, token.DeleteAfterEnd
			p.Tokens.Actions, p.Apps.Actions, p.OAuthTokens.Actions = []token.Action{token.ActDelete}, []token.Action{token.ActDelete}, []token.Action{token.ActDelete}
		}, []string{"tokens.delete", "apps.delete", "oauth_tokens.delete"}},
		{"delete after an end", func(p *token.Policy) {
			p.Tokens.Delete, p.Apps.Delete, p.OAuthTokens.Delete = token.DeleteAfterEnd, token.DeleteAfterEnd, token.DeleteAfterEnd
		}, nil},
		{"a limit that only grows", func(p *token.Policy) {
			p.Tokens.CountEnded, p.Tokens.Actions = true, []token.Action{token.ActRevoke}
		}, []string{"tokens.count_ended"}},
		{"numbers out of bounds", func(p *token.Policy) { p.Tokens.PerUser, p.Apps.PerUser = -1, 10_001 }, []string{"tokens.per_user", "apps.per_user"}},
		{"numbers at their bounds", func(p *token.Policy) { p.Tokens.PerUser, p.Apps.PerUser = 0, 10_000 }, nil},
		{"a scope list without one to choose", func(p *token.Policy) { p.Tokens.Roles, p.Tokens.Creators = []token.Role{"x"}, []token.Role{"x"} }, []string{
			"tokens.roles.0", "tokens.creators.0", "tokens.scope.required",
		}},
		{"defaulted without scopes", func(p *token.Policy) { p.Tokens.Scope = token.ScopeRule{Mode: token.ScopesDefaulted} }, []string{"tokens.scope.default"}},
		{"defaulted scopes that are not there", func(p *token.Policy) {
			p.Tokens.Scope = token.ScopeRule{Mode: token.ScopesDefaulted, Default: token.Scopes{"odata:read", "gone", "odata:read", token.ScopeAdmin}}
		}, []string{"tokens.scope.default.1", "tokens.scope.default.2", "tokens.scope.default.3"}},
		{"a default that is not used", func(p *token.Policy) { p.Tokens.Scope.Default = token.Scopes{"gone"} }, nil},
	} {
		t.Run(c.what, func(t *testing.T) { problems(t, c.change, c.want) })
	}
}

func TestExpiryAndLabelsStayWithinTheirBounds(t *testing.T) {
	fixedFor := func(s string) func(*token.Policy) {
		return func(p *token.Policy) {
			p.Tokens.Expiry = token.ExpiryRule{Mode: token.ExpiryFixed, Period: period(t, s), MinDays: -5, Presets: []int{9, 9}}
		}
	}
	for _, c := range []struct {
		what   string
		change func(*token.Policy)
		want   []string
	}{
		{"no fixed period", fixedFor("P0D"), []string{"tokens.expiry.period"}},
		{"a day more than ten years", fixedFor("P10Y1D"), []string{"tokens.expiry.period"}},
		{"121 months", fixedFor("P121M"), []string{"tokens.expiry.period"}},
		{"999 years", fixedFor("P999Y"), []string{"tokens.expiry.period"}},
		{"a negative period", func(p *token.Policy) {
			p.Tokens.Expiry = token.ExpiryRule{Mode: token.ExpiryFixed, Period: token.Period{Years: 1, Days: -1}}
		}, []string{"tokens.expiry.period"}},
		{"ten years, whatever the other half says", fixedFor("P10Y"), nil},
		{"ten years of months", fixedFor("P120M"), nil},
		{"one day", fixedFor("P1D"), nil},
		{"a period that is not used", func(p *token.Policy) { p.Tokens.Expiry.Period = token.Period{Years: 999} }, nil},
		{"no least", func(p *token.Policy) { p.Tokens.Expiry.MinDays = 0 }, []string{"tokens.expiry.min_days"}},
		{"less than the least", func(p *token.Policy) {
			p.Tokens.Expiry.MinDays, p.Tokens.Expiry.MaxDays, p.Tokens.Expiry.Presets = 90, 30, nil
		}, []string{"tokens.expiry.max_days", "tokens.expiry.proposed"}},
		{"more than the most", func(p *token.Policy) { p.OAuthTokens.Expiry.MaxDays = 3661 }, []string{"oauth_tokens.expiry.max_days"}},
		{"the most", func(p *token.Policy) { p.OAuthTokens.Expiry.MaxDays = 3660 }, nil},
		{"one length only", func(p *token.Policy) {
			p.Tokens.Expiry = token.ExpiryRule{Mode: token.ExpiryChosen, MinDays: 30, MaxDays: 30, Proposed: 30}
		}, nil},
		{"presets outside the bounds", func(p *token.Policy) { p.Tokens.Expiry.Presets = []int{0, 7, 366} }, []string{"tokens.expiry.presets.0", "tokens.expiry.presets.2"}},
		{"presets out of order", func(p *token.Policy) { p.Tokens.Expiry.Presets = []int{30, 7, 7} }, []string{"tokens.expiry.presets.1", "tokens.expiry.presets.2"}},
		{"too many presets", func(p *token.Policy) { p.Tokens.Expiry.Presets = make([]int, 21) }, []string{"tokens.expiry.presets"}},
		{"a proposal outside the bounds", func(p *token.Policy) { p.Tokens.Expiry.Proposed = 366 }, []string{"tokens.expiry.proposed"}},
		{"a menu of five parts", func(p *token.Policy) { p.Tokens.Labels.Menu = []string{"a", "b", "c", "d", "e"} }, []string{"tokens.labels.menu"}},
		{"a menu with an empty part", func(p *token.Policy) { p.Tokens.Labels.Menu = []string{"a", " "} }, []string{"tokens.labels.menu.1"}},
		{"no words of its own", func(p *token.Policy) { p.Tokens.Labels = token.Labels{} }, nil},
		{"words too long or unseen", func(p *token.Policy) {
			p.Tokens.Labels.Title, p.Tokens.Labels.Intro = strings.Repeat("é", 61), strings.Repeat("é", 501)
			p.Apps.Labels.Add, p.OAuthTokens.Labels.DeleteConfirm = "a\nb", "a\u200bb"
		}, []string{"tokens.labels.title", "tokens.labels.intro", "apps.labels.add", "oauth_tokens.labels.delete_confirm"}},
		{"words at their bounds", func(p *token.Policy) {
			p.Tokens.Labels.Title, p.Tokens.Labels.Intro = strings.Repeat("é", 60), strings.Repeat("é", 500)
		}, nil},
	} {
		t.Run(c.what, func(t *testing.T) { problems(t, c.change, c.want) })
	}
}

func problems(t *testing.T, change func(*token.Policy), want []string) {
	t.Helper()
	p := preset(t, token.Standard)
	change(&p)
	bad := p.Check(token.Standard.Catalogue())
	if d := cmp.Diff(want, fieldNames(bad)); d != "" {
		t.Error(d)
	}
	for _, f := range bad {
		plainSentence(t, f.Detail)
		if f.Code != api.CodePolicyInvalid {
			t.Errorf("%s has the code %s", f.Name, f.Code)
		}
	}
}

func TestScopesCanBeRequiredOnlyWhereThereAreSome(t *testing.T) {
	p := preset(t, token.Standard)
	appsOnly := token.Catalogue{{Name: "a", Title: "A", Apps: true}}
	for what, catalogue := range map[string]token.Catalogue{"none": nil, "reserved ones only": token.Reserved(), "of apps only": appsOnly} {
		if got := fieldNames(p.Check(catalogue)); !slices.Equal(got, []string{"tokens.scope.required"}) {
			t.Errorf("%s: %v", what, got)
		}
	}
	p.Tokens.Scope.Need = false
	if bad := p.Check(nil); bad != nil {
		t.Errorf("optional: %v", bad)
	}
	p.Tokens.Scope.Need, p.Tokens.Offered = true, false
	if bad := p.Check(nil); bad != nil {
		t.Errorf("not offered: %v", bad)
	}
}

func TestCleanKeepsAPolicyInOneForm(t *testing.T) {
	var p token.Policy
	menu := []string{" Settings ", "Tokens\n"}
	p.Tokens.Labels = token.Labels{Menu: menu, Title: " Tokens ", DeleteConfirm: "Yes\t"}
	p.Clean()
	if l := p.Tokens.Labels; l.Title != "Tokens" || l.DeleteConfirm != "Yes" || !slices.Equal(l.Menu, []string{"Settings", "Tokens"}) {
		t.Errorf("%+v", l)
	}
	if menu[0] != " Settings " {
		t.Error("the caller's menu changed")
	}
	for _, a := range []*token.Access{&p.Tokens.Access, &p.Apps.Access, &p.OAuthTokens.Access} {
		if a.Roles == nil || a.Creators == nil || a.Overseers == nil || a.Actions == nil || a.Labels.Menu == nil {
			t.Errorf("a list is missing: %+v", a)
		}
	}
	if p.Tokens.Scope.Default == nil || p.Tokens.Expiry.Presets == nil || p.OAuthTokens.Expiry.Presets == nil {
		t.Errorf("a list is missing: %+v", p)
	}
}

func TestAccessAnswersForRolesAndActions(t *testing.T) {
	a := token.Access{
		Offered: true, Roles: token.Roles(), Creators: []token.Role{token.Developer}, Overseers: []token.Role{token.Developer},
		Actions: []token.Action{token.ActView},
	}
	if !a.Allows(token.ActView) || a.Allows(token.ActDelete) || !a.Creates(token.Developer) || a.Creates(token.Administrator) || !a.Holds(token.PlainMember) || a.Holds("") {
		t.Error("an offered kind answers wrongly")
	}
	if !a.Oversees(token.Administrator) || !a.Oversees(token.Developer) || a.Oversees(token.PlainMember) {
		t.Error("the administrator always oversees, a member only where the policy says so")
	}
	a.Offered = false
	if a.Allows(token.ActView) || a.Creates(token.Developer) || !a.Holds(token.Developer) {
		t.Error("of a kind that isn't offered, nothing can be done or made, and what there is can be held")
	}
}
