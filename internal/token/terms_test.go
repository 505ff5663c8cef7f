package token_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/token"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func at(t time.Time) token.Choice         { return token.Choice{ExpiresAt: &t} }
func days(n int) token.Choice             { return token.Choice{LifetimeDays: &n} }
func scopes(names ...string) *[]string    { return &names }
func refusals(codes ...api.Code) []string { return textsOf(codes) }

func textsOf(codes []api.Code) []string {
	out := []string{}
	for _, c := range codes {
		out = append(out, string(c))
	}
	return out
}

// open takes everything and asks for nothing; a test changes what it is about.
func open() token.TokenRules {
	return token.TokenRules{
		Name: token.Optional, Description: token.Optional,
		Scope:  token.ScopeRule{Mode: token.ScopesChosen},
		Expiry: token.ExpiryRule{Mode: token.ExpiryChosen, MinDays: 2, MaxDays: 30, Proposed: 7, Date: true, Never: true},
	}
}

func TestEveryRefusalOfDecideHasItsCodeAndField(t *testing.T) {
	week := days(7)
	for _, c := range []struct {
		what   string
		change func(*token.TokenRules)
		req    token.Request
		field  string
		code   api.Code
	}{
		{"a name where there is none", func(r *token.TokenRules) { r.Name = token.None }, token.Request{Name: new("a"), Expiry: week}, "name", api.CodeNameNotTaken},
		{"an empty name where there is none", func(r *token.TokenRules) { r.Name = token.None }, token.Request{Name: new(""), Expiry: week}, "name", api.CodeNameNotTaken},
		{"no name", func(r *token.TokenRules) { r.Name = token.Required }, token.Request{Expiry: week}, "name", api.CodeNameRequired},
		{"a name of spaces", func(r *token.TokenRules) { r.Name = token.Unique }, token.Request{Name: new(" \t"), Expiry: week}, "name", api.CodeNameRequired},
		{"a name that is too long", nil, token.Request{Name: new(strings.Repeat("é", 101)), Expiry: week}, "name", api.CodeInvalid},
		{"a NUL byte in the name", nil, token.Request{Name: new("a\x00b"), Expiry: week}, "name", api.CodeInvalid},
		{"a description where there is none", func(r *token.TokenRules) { r.Description = token.None }, token.Request{Description: new("a"), Expiry: week}, "description", api.CodeNameNotTaken},
		{"no description", func(r *token.TokenRules) { r.Description = token.Required }, token.Request{Expiry: week}, "description", api.CodeNameRequired},
		{"a description that is too long", nil, token.Request{Description: new(strings.Repeat("a", 301)), Expiry: week}, "description", api.CodeInvalid},
		{"scopes where there are none", func(r *token.TokenRules) { r.Scope.Mode = token.ScopesNone }, token.Request{Scopes: scopes("orders:read"), Expiry: week}, "scopes", api.CodeScopesNotAccepted},
		{"empty scopes where there are none", func(r *token.TokenRules) { r.Scope.Mode = token.ScopesNone }, token.Request{Scopes: scopes(), Expiry: week}, "scopes", api.CodeScopesNotAccepted},
		{"scopes where they are set", func(r *token.TokenRules) { r.Scope.Mode = token.ScopesDefaulted }, token.Request{Scopes: scopes("orders:read"), Expiry: week}, "scopes", api.CodeScopesNotAccepted},
		{"no scopes", func(r *token.TokenRules) { r.Scope.Need = true }, token.Request{Expiry: week}, "scopes", api.CodeScopeRequired},
		{"empty scopes", func(r *token.TokenRules) { r.Scope.Need = true }, token.Request{Scopes: scopes(), Expiry: week}, "scopes", api.CodeScopeRequired},
		{"a scope that is not there", nil, token.Request{Scopes: scopes("orders:read", "gone"), Expiry: week}, "scopes.1", api.CodeScopeUnknown},
		{"a scope of another role", nil, token.Request{Scopes: scopes("prices"), Expiry: week}, "scopes.0", api.CodeScopeNotAllowed},
		{"a reserved scope of administrators", nil, token.Request{Scopes: scopes(token.ScopeAdmin), Expiry: week}, "scopes.0", api.CodeScopeNotAllowed},
		{"a reserved scope of apps", nil, token.Request{Scopes: scopes(token.ScopeIntrospect), Expiry: week}, "scopes.0", api.CodeScopeNotAllowed},
		{"days where the period is fixed", fixed, token.Request{Expiry: week}, "lifetime_days", api.CodeExpiryNotAccepted},
		{"a date where the period is fixed", fixed, token.Request{Expiry: at(noon.AddDate(1, 0, 0))}, "expires_at", api.CodeExpiryNotAccepted},
		{"never where the period is fixed", fixed, token.Request{Expiry: token.Choice{Never: true}}, "never", api.CodeExpiryNotAccepted},
		{"no expiry", nil, token.Request{}, "lifetime_days", api.CodeExpiryRequired},
		{"days and never", nil, token.Request{Expiry: token.Choice{LifetimeDays: new(7), Never: true}}, "lifetime_days", api.CodeExpiryAmbiguous},
		{"days and a date", nil, token.Request{Expiry: token.Choice{LifetimeDays: new(7), ExpiresAt: &noon}}, "expires_at", api.CodeExpiryAmbiguous},
		{"never", func(r *token.TokenRules) { r.Expiry.Never = false }, token.Request{Expiry: token.Choice{Never: true}}, "never", api.CodeNeverNotAllowed},
		{"too few days", nil, token.Request{Expiry: days(1)}, "lifetime_days", api.CodeLifetimeOutOfRange},
		{"no days", nil, token.Request{Expiry: days(0)}, "lifetime_days", api.CodeLifetimeOutOfRange},
		{"days that are negative", nil, token.Request{Expiry: days(-1)}, "lifetime_days", api.CodeLifetimeOutOfRange},
		{"too many days", nil, token.Request{Expiry: days(31)}, "lifetime_days", api.CodeLifetimeOutOfRange},
		{"days beyond any calendar", nil, token.Request{Expiry: days(1 << 62)}, "lifetime_days", api.CodeLifetimeOutOfRange},
		{"a date in the past", nil, token.Request{Expiry: at(noon.AddDate(0, 0, -1))}, "expires_at", api.CodeLifetimeOutOfRange},
		{"a date too soon", nil, token.Request{Expiry: at(noon.AddDate(0, 0, 1))}, "expires_at", api.CodeLifetimeOutOfRange},
		{"a date too late", nil, token.Request{Expiry: at(noon.AddDate(0, 0, 30).Add(time.Microsecond))}, "expires_at", api.CodeLifetimeOutOfRange},
		{"a date where only days are taken", func(r *token.TokenRules) { r.Expiry.Date = false }, token.Request{Expiry: at(noon.AddDate(0, 0, 7))}, "expires_at", api.CodeExpiryNotAccepted},
	} {
		t.Run(c.what, func(t *testing.T) {
			rules := open()
			if c.change != nil {
				c.change(&rules)
			}
			_, bad := rules.Decide(c.req, shop(), token.PlainMember, noon)
			if len(bad) != 1 || bad[0].Name != c.field || bad[0].Code != c.code {
				t.Fatalf("%+v, want %s at %s", bad, c.code, c.field)
			}
			plainSentence(t, bad[0].Detail)
		})
	}
}

func fixed(r *token.TokenRules) {
	r.Expiry = token.ExpiryRule{Mode: token.ExpiryFixed, Period: token.Period{Years: 1}}
}

// plainSentence fails for what a person should not have to read.
func plainSentence(t testing.TB, s string) {
	t.Helper()
	if !strings.HasSuffix(s, ".") || strings.ContainsAny(s, "!%") || strings.Contains(s, "  ") || s[:1] != strings.ToUpper(s[:1]) {
		t.Errorf("%q is no plain sentence", s)
	}
}

func TestDecideReportsAllProblemsAtOnce(t *testing.T) {
	rules := open()
	rules.Name, rules.Description, rules.Scope.Need = token.Required, token.None, true
	_, bad := rules.Decide(token.Request{Description: new("a"), Scopes: scopes("gone", "prices"), Expiry: days(99)}, shop(), token.PlainMember, noon)
	want := []string{"name", "description", "scopes.0", "scopes.1", "lifetime_days"}
	if d := cmp.Diff(want, fieldNames(bad)); d != "" {
		t.Error(d)
	}
}

func TestDecideCleansWhatWasTyped(t *testing.T) {
	rules := open()
	got, bad := rules.Decide(token.Request{
		Name: new("  Power BI "), Description: new(" for reports "),
		Scopes: scopes("orders:write", token.ScopeManage, "orders:read", "orders:write"), Expiry: days(30),
	}, shop(), token.Developer, noon)
	want := token.Terms{
		Name: "Power BI", Description: "for reports",
		Scopes: token.Scopes{"orders:read", "orders:write", token.ScopeManage}, ExpiresAt: noon.AddDate(0, 0, 30),
	}
	if d := cmp.Diff(want, got); d != "" || bad != nil {
		t.Error(d, bad)
	}
}

func TestDecideGivesTheDefaultedScopesWithoutSharingThem(t *testing.T) {
	rules := open()
	rules.Scope = token.ScopeRule{Mode: token.ScopesDefaulted, Default: token.Scopes{"orders:read", "prices"}}
	got, bad := rules.Decide(token.Request{Expiry: days(7)}, shop(), token.PlainMember, noon)
	if bad != nil || !slices.Equal(got.Scopes, rules.Scope.Default) || got.AllScopes {
		t.Fatalf("%+v, %v", got, bad)
	}
	got.Scopes[0] = "changed"
	if rules.Scope.Default[0] != "orders:read" {
		t.Error("a token's scopes are the policy's own list")
	}
}

func TestADateCountsAsTheDaysThatContainIt(t *testing.T) {
	rule := open().Expiry
	for _, c := range []struct {
		what string
		when time.Time
		ok   bool
	}{
		{"just over a day, which two days contain", noon.AddDate(0, 0, 1).Add(time.Microsecond), true},
		{"a caller's clock a second behind", noon.AddDate(0, 0, 2).Add(-time.Second), true},
		{"exactly a day", noon.AddDate(0, 0, 1), false},
		{"exactly the most", noon.AddDate(0, 0, 30), true},
		{"within the most's last microsecond", noon.AddDate(0, 0, 30).Add(999), true},
		{"a microsecond more", noon.AddDate(0, 0, 30).Add(time.Microsecond), false},
	} {
		got, bad := rule.Decide(at(c.when.In(time.FixedZone("east", 7*3600))), noon)
		if (bad == nil) != c.ok || c.ok && (!got.Equal(c.when.Truncate(time.Microsecond)) || got.Location() != time.UTC) {
			t.Errorf("%s: %s, %v", c.what, got, bad)
		}
	}
}

func genExpiry(t *rapid.T) token.ExpiryRule {
	r := token.ExpiryRule{
		Mode:    rapid.SampledFrom([]token.ExpiryMode{token.ExpiryFixed, token.ExpiryChosen}).Draw(t, "mode"),
		Period:  token.Period{Years: rapid.IntRange(0, 3).Draw(t, "years"), Months: rapid.IntRange(0, 24).Draw(t, "months"), Days: rapid.IntRange(1, 90).Draw(t, "days")},
		MinDays: rapid.IntRange(1, 400).Draw(t, "min"),
		Date:    rapid.Bool().Draw(t, "date"), Never: rapid.Bool().Draw(t, "never"),
	}
	r.MaxDays = r.MinDays + rapid.IntRange(0, 400).Draw(t, "more")
	r.Proposed = rapid.IntRange(r.MinDays, r.MaxDays).Draw(t, "proposed")
	return r
}

func genChoice(t *rapid.T, now time.Time) token.Choice {
	var c token.Choice
	if rapid.Bool().Draw(t, "says days") {
		c.LifetimeDays = new(rapid.IntRange(-10, 900).Draw(t, "lifetime_days"))
	}
	if rapid.Bool().Draw(t, "says a date") {
		when := now.Add(time.Duration(rapid.Int64Range(-1e15, 8e16).Draw(t, "ahead"))) // up to 925 days
		c.ExpiresAt = &when
	}
	c.Never = rapid.Bool().Draw(t, "never")
	return c
}

func TestDecideNeverYieldsAnExpiryOutsideTheRule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "now"), rapid.Int64Range(0, 999_999).Draw(t, "µs")*1000)
		rule := genExpiry(t)
		choice := genChoice(t, now)
		got, bad := rule.Decide(choice, now)
		longest := rule.Longest(now)
		switch {
		case bad != nil:
			if !got.IsZero() {
				t.Fatalf("refused, and yet %s", got)
			}
		case rule.Mode == token.ExpiryFixed:
			if !choice.IsZero() || !got.Equal(rule.Period.From(now)) || !got.Equal(longest) {
				t.Fatalf("fixed: %s", got)
			}
		case got.IsZero():
			if !rule.Never || !choice.Never || !longest.IsZero() {
				t.Fatal("never, though the rule or the caller says otherwise")
			}
		default:
			if !got.After(now.AddDate(0, 0, rule.MinDays-1)) || got.After(now.UTC().AddDate(0, 0, rule.MaxDays)) || !got.After(now) {
				t.Fatalf("%s is outside %d to %d days from %s", got, rule.MinDays, rule.MaxDays, now)
			}
			if !longest.IsZero() && got.After(longest) {
				t.Fatalf("%s is later than the longest, %s", got, longest)
			}
			if choice.LifetimeDays != nil && got.Sub(now) != time.Duration(*choice.LifetimeDays)*24*time.Hour {
				t.Fatalf("%d days became %s", *choice.LifetimeDays, got.Sub(now))
			}
		}
		in := rapid.IntRange(rule.MinDays, rule.MaxDays).Draw(t, "in range")
		if _, bad := rule.Decide(days(in), now); bad != nil && rule.Mode == token.ExpiryChosen {
			t.Fatalf("%d days are refused: %v", in, bad)
		}
	})
}

func TestARenewalIsAlwaysWithinTheRule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule := genExpiry(t)
		tok := token.Token{CreatedAt: noon}
		if rapid.Bool().Draw(t, "expires") {
			tok.ExpiresAt = noon.AddDate(0, 0, rapid.IntRange(1, 800).Draw(t, "days"))
		}
		now := noon.AddDate(0, 0, rapid.IntRange(0, 5000).Draw(t, "later"))
		got, bad := rule.Decide(rule.Renewed(&tok), now)
		if bad != nil {
			t.Fatalf("refused: %v", bad)
		}
		asked := tok.ExpiresAt.Sub(tok.CreatedAt)
		within := asked >= time.Duration(rule.MinDays)*24*time.Hour && asked <= time.Duration(rule.MaxDays)*24*time.Hour
		if rule.Mode == token.ExpiryChosen && !tok.ExpiresAt.IsZero() && within && got.Sub(now) != asked {
			t.Fatalf("made for %s, renewed for %s", asked, got.Sub(now))
		}
	})
}

func TestARenewalIsAsLongAsTheTokenWasMadeForCutToTheRule(t *testing.T) {
	rule := token.ExpiryRule{Mode: token.ExpiryChosen, MinDays: 7, MaxDays: 90, Proposed: 30}
	made := func(days int) token.Token { return token.Token{CreatedAt: noon, ExpiresAt: noon.AddDate(0, 0, days)} }
	for _, c := range []struct {
		what  string
		tok   token.Token
		never bool
		want  token.Choice
	}{
		{"within", made(60), false, days(60)},
		{"within, an hour more", token.Token{CreatedAt: noon, ExpiresAt: noon.Add(60*24*time.Hour + time.Hour)}, false, days(60)},
		{"less", made(1), false, days(7)},
		{"more", made(365), false, days(90)},
		{"more, where never is allowed", made(365), true, days(90)},
		{"never", token.Token{CreatedAt: noon}, false, days(30)},
		{"never, allowed", token.Token{CreatedAt: noon}, true, token.Choice{Never: true}},
	} {
		rule.Never = c.never
		if d := cmp.Diff(c.want, rule.Renewed(&c.tok)); d != "" {
			t.Errorf("%s: %s", c.what, d)
		}
	}
	r := open()
	fixed(&r)
	if tok := made(60); !r.Expiry.Renewed(&tok).IsZero() {
		t.Error("a choice where the period is fixed")
	}
}
