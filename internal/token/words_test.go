package token_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright/internal/token"
)

var update = flag.Bool("update", false, "write testdata/*.golden instead of comparing with them")

func TestSentencesOfThePresets(t *testing.T) {
	for _, info := range token.Presets() {
		t.Run(string(info.Name), func(t *testing.T) {
			policy := preset(t, info.Name)
			got := strings.Join(policy.Sentences(), "\n") + "\n"
			file := filepath.Join("testdata", string(info.Name)+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestEverySettingIsSaidInWords(t *testing.T) {
	for _, c := range []struct {
		change func(*token.Policy)
		want   string
	}{
		{func(p *token.Policy) { p.Tokens.PerUser = 0 }, "Members can hold any number of tokens."},
		{func(p *token.Policy) { p.Tokens.PerUser = 1 }, "Members can hold one token each."},
		{func(p *token.Policy) { p.Tokens.CountEnded = true }, "Expired and revoked ones count too."},
		{func(p *token.Policy) { p.Tokens.Roles = []token.Role{token.PlainMember} }, "Only plain members can hold up to 50 tokens each."},
		{func(p *token.Policy) { p.Tokens.Roles = []token.Role{token.PlainMember, token.Administrator} }, "Only administrators and plain members can hold up to 50 tokens each."},
		{func(p *token.Policy) { p.Tokens.Creators = []token.Role{token.Administrator} }, "Only administrators can make new ones."},
		{func(p *token.Policy) { p.Tokens.Name = token.None }, "Tokens have no name."},
		{func(p *token.Policy) { p.Tokens.Name = token.Optional }, "A name is optional."},
		{func(p *token.Policy) { p.Tokens.Name = token.Required }, "A name is required."},
		{func(p *token.Policy) { p.Tokens.Description = token.Required }, "A description is required."},
		{func(p *token.Policy) { p.Tokens.Scope.Need = false }, "Owners may choose scopes; a token without any opens nothing that asks for one."},
		{func(p *token.Policy) { p.Tokens.Scope.Mode = token.ScopesNone }, "A token can do what its owner may do."},
		{func(p *token.Policy) {
			p.Tokens.Scope = token.ScopeRule{Mode: token.ScopesDefaulted, Default: token.Scopes{"a"}}
		}, "Every token gets the scope a."},
		{func(p *token.Policy) {
			p.Tokens.Name = token.None
			p.Tokens.Scope = token.ScopeRule{Mode: token.ScopesDefaulted, Default: token.Scopes{"a", "b", "c"}}
		}, "Nobody chooses a name or a scope; every token gets the scopes a, b and c."},
		{func(p *token.Policy) { p.Tokens.Expiry.MinDays, p.Tokens.Expiry.MaxDays = 30, 30 }, "Owners choose how long each token lasts: 30 days, by number or by date."},
		{func(p *token.Policy) { p.Tokens.Expiry.Date = false }, "Owners choose how long each token lasts: 1 to 365 days."},
		{func(p *token.Policy) { p.Tokens.Expiry.Never = true }, "A token may also never expire."},
		{func(p *token.Policy) { p.Tokens.Expiry.Presets = nil }, "The page proposes 90 days."},
		{func(p *token.Policy) { p.Tokens.Expiry.Presets = []int{1}; p.Tokens.Expiry.Proposed = 1 }, "The page offers 1 day and proposes 1."},
		{func(p *token.Policy) {
			p.OAuthTokens.Expiry = token.ExpiryRule{Mode: token.ExpiryFixed, Period: token.Period{Months: 6}}
		}, "The refresh token lasts 6 months."},
		{func(p *token.Policy) { p.Tokens.Delete = token.DeleteAfterEnd }, "It can be deleted once it is revoked or expired."},
		{func(p *token.Policy) { p.Apps.Delete = token.DeleteAfterEnd }, "It can be deleted once it is disabled."},
		{func(p *token.Policy) { p.Tokens.List = token.ListWorkspace }, "Members see everyone's, with who made each; administrators can stop any of them."},
		{func(p *token.Policy) { p.Tokens.Overseers = []token.Role{token.Developer} }, "Plain members see only their own; administrators and developers see everyone's and can stop them."},
		{func(p *token.Policy) { p.Tokens.Overseers = token.Roles() }, "Members see everyone's and can stop them."},
		{func(p *token.Policy) { p.Apps.Secret = token.SecretViewable }, "An app's client secret can be seen again, and each look is in the audit log."},
		{func(p *token.Policy) { p.Refresh = token.Reusable }, "A refresh token can be used again and again until it expires."},
		{func(p *token.Policy) { p.AfterStop = token.UntilExpiry }, "When an app or OAuth token is disabled or deleted, access tokens that it has got go on working until they expire, for an hour at most."},
		{func(p *token.Policy) { p.Apps.PerUser = 3 }, "Disabled ones count too."},
		{func(p *token.Policy) { p.Signing.Algorithm = token.EdDSA }, "Access tokens are signed with EdDSA; a key is replaced after 90 days."},
		{func(p *token.Policy) { p.Signing.RotateDays = 30 }, "Access tokens are signed with ES256; a key is replaced after 30 days."},
		{func(p *token.Policy) { p.Apps.Offered = false }, "When an OAuth token is disabled or deleted, access tokens that it has got stop at once."},
	} {
		p := preset(t, token.Standard)
		before := p.Sentences()
		c.change(&p)
		after := p.Sentences()
		if slices.Contains(before, c.want) || !slices.Contains(after, c.want) {
			t.Errorf("%q is not said because of the change: %q", c.want, after)
		}
		for _, s := range after {
			plainSentence(t, s)
		}
	}
}

func TestKindsThatAreNotOfferedAreNotMentioned(t *testing.T) {
	p := preset(t, token.Standard)
	p.Apps.Offered, p.OAuthTokens.Offered = false, false
	for _, s := range p.Sentences() {
		if strings.Contains(s, "app") || strings.Contains(s, "OAuth") || strings.Contains(s, "refresh") {
			t.Errorf("%q", s)
		}
	}
	p.Tokens.Offered = false
	if got := p.Sentences(); len(got) != 0 {
		t.Errorf("%q", got)
	}
}
