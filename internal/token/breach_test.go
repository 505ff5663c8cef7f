package token_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/keywright/keywright/internal/token"
)

func TestBreachesOfAnExistingToken(t *testing.T) {
	good := token.Token{
		Name: "CI", Description: "builds", Scopes: token.Scopes{"orders:read", token.ScopeManage},
		CreatedAt: noon.AddDate(0, 0, -10), ExpiresAt: noon.AddDate(0, 0, 80),
	}
	none := time.Time{}
	yearOn := noon.AddDate(0, 0, 365)
	for _, c := range []struct {
		what   string
		policy func(*token.Policy)
		token  func(*token.Token)
		cut    time.Time
		why    []string
	}{
		{"none", nil, nil, none, nil},
		{"the longest allowed from now", nil, func(t *token.Token) { t.ExpiresAt = yearOn }, none, nil},
		{"longer", nil, func(t *token.Token) { t.ExpiresAt = yearOn.Add(1) }, yearOn, nil},
		{"never", nil, func(t *token.Token) { t.ExpiresAt = none }, yearOn, nil},
		{"never, allowed", func(p *token.Policy) { p.Tokens.Expiry.Never = true }, func(t *token.Token) { t.ExpiresAt = none }, none, nil},
		{"longer, where never is allowed", func(p *token.Policy) { p.Tokens.Expiry.Never = true }, func(t *token.Token) { t.ExpiresAt = noon.AddDate(20, 0, 0) }, none, nil},
		{"longer than a fixed period", func(p *token.Policy) { fixed(&p.Tokens) }, func(t *token.Token) { t.ExpiresAt = noon.AddDate(2, 0, 0) }, noon.AddDate(1, 0, 0), nil},
		{"never, under a fixed period", func(p *token.Policy) { fixed(&p.Tokens) }, func(t *token.Token) { t.ExpiresAt = none }, noon.AddDate(1, 0, 0), nil},
		{"sooner than a fixed period", func(p *token.Policy) { fixed(&p.Tokens) }, nil, none, nil},
		{"the kind is gone", func(p *token.Policy) { p.Tokens.Offered = false }, func(t *token.Token) { t.ExpiresAt, t.Name = none, "" }, none, []string{"Personal access tokens are no longer offered."}},
		{"the role is gone", func(p *token.Policy) { p.Tokens.Roles = []token.Role{token.Administrator} }, nil, none, []string{"Its owner's role can't have tokens."}},
		{"both are gone", func(p *token.Policy) { p.Tokens.Offered, p.Tokens.Roles = false, nil }, nil, none, []string{"Personal access tokens are no longer offered.", "Its owner's role can't have tokens."}},
		{"no name", nil, func(t *token.Token) { t.Name = "" }, none, []string{"It has no name, and one is required."}},
		{"no name, none required", func(p *token.Policy) { p.Tokens.Name = token.Optional }, func(t *token.Token) { t.Name = "" }, none, nil},
		{"a name where there is none", func(p *token.Policy) { p.Tokens.Name, p.Tokens.Description = token.None, token.None }, nil, none, nil},
		{"no description", func(p *token.Policy) { p.Tokens.Description = token.Required }, func(t *token.Token) { t.Description = "" }, none, []string{"It has no description, and one is required."}},
		{"no scopes", nil, func(t *token.Token) { t.Scopes = nil }, none, []string{"It has no scope, and at least one is required."}},
		{"no scopes, none required", func(p *token.Policy) { p.Tokens.Scope.Need = false }, func(t *token.Token) { t.Scopes = nil }, none, nil},
		{"scopes of another role, and gone", nil, func(t *token.Token) { t.Scopes = token.Scopes{"orders:read", "prices", "gone"} }, none, []string{
			`It has the scope "Prices", which its owner's role can't hold.`, `It has the scope "gone", which this workspace no longer has.`,
		}},
		{"a reserved scope of administrators", nil, func(t *token.Token) { t.Scopes = token.Scopes{token.ScopeAdmin} }, none, []string{`It has the scope "Administer the workspace", which its owner's role can't hold.`}},
		{"all scopes, now chosen", nil, func(t *token.Token) { t.AllScopes, t.Scopes = true, nil }, none, []string{"It can do whatever its owner may do, and scopes are now chosen."}},
		{"all scopes, now fixed", defaulted, func(t *token.Token) { t.AllScopes, t.Scopes = true, nil }, none, []string{"It can do whatever its owner may do, and every token now has a fixed set of scopes."}},
		{"chosen scopes, now none", scopesNone, nil, none, []string{"It has scopes that its owner chose, and scopes are no longer chosen."}},
		{"all scopes, still none", scopesNone, func(t *token.Token) { t.AllScopes, t.Scopes = true, nil }, none, nil},
		{"more than the fixed set", defaulted, nil, none, []string{`It has the scope "Manage own credentials", which tokens no longer get.`}},
		{"the fixed set", defaulted, func(t *token.Token) { t.Scopes = token.Scopes{"orders:read"} }, none, nil},
		{"an expiry and more", nil, func(t *token.Token) { t.ExpiresAt, t.Name = none, "" }, yearOn, []string{"It has no name, and one is required."}},
		{"revoked", nil, func(t *token.Token) { t.ExpiresAt, t.Name, t.RevokedAt = none, "", noon.AddDate(0, 0, -1) }, none, nil},
		{"expired", nil, func(t *token.Token) { t.ExpiresAt, t.Name = noon, "" }, none, nil},
	} {
		t.Run(c.what, func(t *testing.T) {
			p, tok := preset(t, token.Standard), good
			if c.policy != nil {
				c.policy(&p)
			}
			if c.token != nil {
				c.token(&tok)
			}
			cut, why := p.Breaches(&tok, token.PlainMember, shop().Own(), noon)
			if !cut.Equal(c.cut) || cmp.Diff(c.why, why) != "" {
				t.Errorf("cut %s, want %s; why %s", cut, c.cut, cmp.Diff(c.why, why))
			}
			for _, s := range why {
				plainSentence(t, s)
			}
		})
	}
}

func scopesNone(p *token.Policy) { p.Tokens.Scope.Mode = token.ScopesNone }

func defaulted(p *token.Policy) {
	p.Tokens.Scope = token.ScopeRule{Mode: token.ScopesDefaulted, Default: token.Scopes{"orders:read"}}
}

// What every preset makes today keeps its own rules, today and on any later day.
func TestWhatAPresetMakesBreaksNoneOfItsRules(t *testing.T) {
	for _, info := range token.Presets() {
		policy := preset(t, info.Name)
		if !policy.Tokens.Offered {
			continue
		}
		req := token.Request{}
		if policy.Tokens.Name != token.None {
			req.Name = new("CI")
		}
		if policy.Tokens.Scope.Mode == token.ScopesChosen {
			req.Scopes = scopes("odata:read")
		}
		if policy.Tokens.Expiry.Mode == token.ExpiryChosen {
			req.Expiry = days(policy.Tokens.Expiry.MaxDays)
		}
		catalogue := info.Name.Catalogue()
		terms, bad := policy.Tokens.Decide(req, catalogue.WithReserved(), token.Administrator, noon)
		if bad != nil {
			t.Fatalf("%s: %v", info.Name, bad)
		}
		tok := token.Token{Name: terms.Name, AllScopes: terms.AllScopes, Scopes: terms.Scopes, CreatedAt: noon, ExpiresAt: terms.ExpiresAt}
		for _, later := range []int{0, 1, 100, 364} {
			if cut, why := policy.Breaches(&tok, token.Administrator, catalogue, noon.AddDate(0, 0, later)); !cut.IsZero() || why != nil {
				t.Errorf("%s after %d days: cut %s, %v", info.Name, later, cut, why)
			}
		}
	}
}

func TestACutShortensAndNeverEndsAToken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p token.Policy
		p.Tokens.Offered, p.Tokens.Roles = true, token.Roles()
		p.Tokens.Scope.Mode = token.ScopesNone
		p.Tokens.Expiry = genExpiry(t)
		tok := token.Token{AllScopes: true, CreatedAt: noon.AddDate(-1, 0, 0)}
		if rapid.Bool().Draw(t, "expires") {
			tok.ExpiresAt = noon.AddDate(0, 0, rapid.IntRange(1, 4000).Draw(t, "days"))
		}
		cut, _ := p.Breaches(&tok, token.PlainMember, nil, noon)
		if cut.IsZero() {
			return
		}
		if !cut.After(noon) || !tok.ExpiresAt.IsZero() && !cut.Before(tok.ExpiresAt) {
			t.Fatalf("%s is cut to %s", tok.ExpiresAt, cut)
		}
		tok.ExpiresAt = cut
		if again, _ := p.Breaches(&tok, token.PlainMember, nil, noon.AddDate(0, 0, 1)); !again.IsZero() && cut.After(noon.AddDate(0, 0, 1)) && p.Tokens.Expiry.Mode == token.ExpiryChosen {
			t.Fatalf("a cut token is cut again, to %s", again)
		}
	})
}

func TestWhatOfAnOAuthTokenBreaksTheRules(t *testing.T) {
	good := token.OAuthToken{Name: "CI", CreatedAt: noon, ExpiresAt: noon.AddDate(0, 0, 90)}
	for _, c := range []struct {
		name   string
		policy func(*token.Policy)
		token  func(*token.OAuthToken)
		cut    time.Time
		why    []string
	}{
		{name: "nothing"},
		{name: "too long", policy: func(p *token.Policy) { p.OAuthTokens.Expiry.MaxDays = 30 }, cut: noon.AddDate(0, 0, 30)},
		{
			name: "longer than a fixed period",
			policy: func(p *token.Policy) {
				p.OAuthTokens.Expiry = token.ExpiryRule{Mode: token.ExpiryFixed, Period: token.Period{Days: 7}}
			},
			cut: noon.AddDate(0, 0, 7),
		},
		{name: "as long as may be", policy: func(p *token.Policy) { p.OAuthTokens.Expiry.MaxDays = 90 }},
		{name: "never may be", policy: func(p *token.Policy) { p.OAuthTokens.Expiry.Never, p.OAuthTokens.Expiry.MaxDays = true, 1 }},
		{
			name:   "not offered: that is all",
			policy: func(p *token.Policy) { p.OAuthTokens.Offered, p.OAuthTokens.Expiry.MaxDays = false, 1 },
			why:    []string{"OAuth tokens are no longer offered."},
		},
		{
			name: "a role that has none, for too long",
			policy: func(p *token.Policy) {
				p.OAuthTokens.Roles, p.OAuthTokens.Expiry.MaxDays = []token.Role{token.Administrator}, 1
			},
			cut: noon.AddDate(0, 0, 1), why: []string{"Its owner's role can't have OAuth tokens."},
		},
		{name: "expired", policy: func(p *token.Policy) { p.OAuthTokens.Offered = false }, token: func(t *token.OAuthToken) { t.ExpiresAt = noon }},
		{name: "disabled", policy: func(p *token.Policy) { p.OAuthTokens.Offered = false }, token: func(t *token.OAuthToken) { t.DisabledAt = noon }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, tok := preset(t, token.Standard), good
			if c.policy != nil {
				c.policy(&p)
			}
			if c.token != nil {
				c.token(&tok)
			}
			cut, why := p.BreachesOAuth(&tok, token.PlainMember, noon)
			if !cut.Equal(c.cut) || cmp.Diff(c.why, why) != "" {
				t.Errorf("cut %s, want %s; why %s", cut, c.cut, cmp.Diff(c.why, why))
			}
			for _, s := range why {
				plainSentence(t, s)
			}
		})
	}
}
