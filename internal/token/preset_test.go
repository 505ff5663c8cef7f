package token_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/token"
)

func preset(t testing.TB, p token.Preset) token.Policy {
	t.Helper()
	policy, ok := p.Policy()
	if !ok {
		t.Fatalf("no preset %s", p)
	}
	return policy
}

// decide asks a preset for a token, in its own catalogue.
func decide(t *testing.T, p token.Preset, role token.Role, req token.Request) (token.Terms, []string) {
	t.Helper()
	policy := preset(t, p)
	terms, bad := policy.Tokens.Decide(req, p.Catalogue().WithReserved(), role, noon)
	codes := []string{}
	for _, f := range bad {
		codes = append(codes, string(f.Code))
	}
	return terms, codes
}

// granted fails unless the preset agrees to the request on these terms.
func granted(t *testing.T, p token.Preset, req token.Request, want token.Terms) {
	t.Helper()
	got, codes := decide(t, p, token.Administrator, req)
	if d := cmp.Diff(want, got); d != "" || len(codes) > 0 {
		t.Errorf("refused with %v; terms: %s", codes, d)
	}
}

// refused fails unless the preset refuses the request with exactly these codes.
func refused(t *testing.T, p token.Preset, req token.Request, want ...api.Code) {
	t.Helper()
	if _, codes := decide(t, p, token.Administrator, req); !slices.Equal(codes, refusals(want...)) {
		t.Errorf("refused with %v, want %v", codes, want)
	}
}

func TestPresetsPassTheirOwnCheck(t *testing.T) {
	for _, info := range token.Presets() {
		policy := preset(t, info.Name)
		if policy.Preset != info.Name {
			t.Errorf("%s calls itself %s", info.Name, policy.Preset)
		}
		for _, catalogue := range []token.Catalogue{info.Name.Catalogue(), info.Name.Catalogue().WithReserved()} {
			if bad := policy.Check(catalogue); bad != nil {
				t.Errorf("%s: %v", info.Name, bad)
			}
			if bad := catalogue.Check(); bad != nil {
				t.Errorf("the scopes of %s: %v", info.Name, bad)
			}
			if _, ok := catalogue.Find("odata:read"); !ok {
				t.Errorf("%s lacks odata:read", info.Name)
			}
		}
		plainSentence(t, info.Summary)
	}
	if len(token.Presets()) != 6 || token.Presets()[0].Name != token.Standard {
		t.Error("there are six presets, the recommended one first")
	}
	if _, ok := token.Preset("custom").Policy(); ok {
		t.Error("an unknown name is a preset")
	}
}

func TestPresetsReadBackFromJSONAsTheyWereWritten(t *testing.T) {
	for _, info := range token.Presets() {
		policy := preset(t, info.Name)
		b, err := json.Marshal(policy)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte("null")) {
			t.Errorf("%s: a list is missing: %s", info.Name, b)
		}
		var got token.Policy
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		if err := d.Decode(&got); err != nil || !reflect.DeepEqual(policy, got) {
			t.Errorf("%s: %v %s", info.Name, err, cmp.Diff(policy, got))
		}
	}
}

func TestTwoPoliciesOfOnePresetShareNothing(t *testing.T) {
	for _, info := range token.Presets() {
		a, b := preset(t, info.Name), preset(t, info.Name)
		for _, access := range []*token.Access{&a.Tokens.Access, &a.Apps.Access, &a.OAuthTokens.Access} {
			for i := range access.Roles {
				access.Roles[i] = "changed"
			}
			for i := range access.Actions {
				access.Actions[i] = "changed"
			}
			if slices.Contains(access.Creators, "changed") {
				t.Errorf("%s: who holds and who makes are one list", info.Name)
			}
		}
		again := preset(t, info.Name)
		if !reflect.DeepEqual(b, again) {
			t.Errorf("%s changed with a copy of it", info.Name)
		}
	}
}

func TestEveryPresetSaysAllWordsForEveryKind(t *testing.T) {
	for _, info := range token.Presets() {
		policy := preset(t, info.Name)
		for kind, l := range map[string]token.Labels{"tokens": policy.Tokens.Labels.Words(), "apps": policy.Apps.Words(), "OAuth tokens": policy.OAuthTokens.Words()} {
			words := reflect.ValueOf(l)
			for i := range words.NumField() {
				if words.Field(i).IsZero() {
					t.Errorf("%s, %s: no %s", info.Name, kind, words.Type().Field(i).Name)
				}
			}
		}
		b, err := json.Marshal(policy)
		if err != nil || strings.Contains(string(b), "!") {
			t.Errorf("%s exclaims: %v", info.Name, err)
		}
	}
}

// An administrator who empties a field must not get the words of another kind.
func TestEmptyLabelsFallBackToWordsOfTheirKind(t *testing.T) {
	app, oauth := token.AppRules{}, token.OAuthRules{}
	for got, want := range map[string]string{
		app.Words().Add: "Add app", app.Words().Secret: "Client secret", app.Words().RevokeConfirm: "Disable",
		oauth.Words().Add: "Generate", oauth.Words().Secret: "Refresh token", oauth.Words().Lifetime: "Lifetime in days",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	once := app.Words().Caution
	app.Labels.Title, app.Secret = "Robots", token.SecretViewable
	if w := app.Words(); w.Title != "Robots" || w.Caution == once {
		t.Errorf("its own title, and no warning that would not be true: %q, %q", w.Title, w.Caution)
	}
}

func TestS2_3AndS4_1TheWordsAreThoseOfTheSources(t *testing.T) {
	apps, oauth := preset(t, token.AppsAndTokens), preset(t, token.OAuthTokens)
	a, o := apps.Apps.Words(), oauth.OAuthTokens.Words()
	got := []string{strings.Join(a.Menu, " > "), a.Title, a.Add, a.Name, a.Description, a.Create, a.Secret}
	if want := []string{"Settings > Apps and tokens", "Apps", "Add app", "App name", "Description", "Add", "Client Secret"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if !slices.Equal(apps.Tokens.Labels.Menu, apps.Apps.Labels.Menu) {
		t.Error("apps and tokens are on two pages")
	}
	got = []string{strings.Join(o.Menu, " > "), o.Title, o.Add, o.Name, o.Lifetime, o.Create, o.AccessToken, o.Secret}
	if want := []string{"User preferences > OAuth 2.0 API tokens", "OAuth 2.0 API tokens", "Generate", "Name", "Lifetime in days", "Generate", "Access Token", "Refresh Token"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestS1_2OneTokenEachAndAnyRowCounts(t *testing.T) {
	if p := preset(t, token.SingleToken); p.Tokens.PerUser != 1 || !p.Tokens.CountEnded || p.Apps.Offered || p.OAuthTokens.Offered {
		t.Errorf("%+v", p.Tokens.Access)
	}
}

func TestS1_3AddAsksNothing(t *testing.T) {
	granted(t, token.SingleToken, token.Request{}, token.Terms{AllScopes: true, ExpiresAt: noon.AddDate(1, 0, 0)})
	refused(t, token.SingleToken, token.Request{Name: new("Excel"), Scopes: scopes("odata:read"), Expiry: days(30)},
		api.CodeNameNotTaken, api.CodeScopesNotAccepted, api.CodeExpiryNotAccepted)
	refused(t, token.SingleToken, token.Request{Description: new("")}, api.CodeNameNotTaken)
	refused(t, token.SingleToken, token.Request{Expiry: token.Choice{Never: true}}, api.CodeExpiryNotAccepted)
}

func TestS1_4ATokenIsValidUntilTheSameDayNextYear(t *testing.T) {
	policy := preset(t, token.SingleToken)
	for from, want := range map[string]string{"2026-11-23": "2027-11-23", "2028-02-29": "2029-02-28", "2027-03-01": "2028-03-01", "2027-12-31": "2028-12-31"} {
		now, err := time.Parse(time.DateOnly, from)
		if err != nil {
			t.Fatal(err)
		}
		terms, bad := policy.Tokens.Decide(token.Request{}, token.SingleToken.Catalogue().WithReserved(), token.PlainMember, now)
		if got := terms.ExpiresAt.Format(time.DateOnly); got != want || bad != nil {
			t.Errorf("made on %s: expires %s, want %s; %v", from, got, want, bad)
		}
		renewed, bad := policy.Tokens.Expiry.Decide(policy.Tokens.Expiry.Renewed(&token.Token{CreatedAt: now.AddDate(-1, 0, 0), ExpiresAt: now}), now)
		if !renewed.Equal(terms.ExpiresAt) || bad != nil {
			t.Errorf("regenerated on %s: expires %s, %v", from, renewed, bad)
		}
	}
}

func TestS2_1TheKindsAreForAdministratorsAndDevelopers(t *testing.T) {
	p := preset(t, token.AppsAndTokens)
	for _, a := range []*token.Access{&p.Tokens.Access, &p.Apps.Access} {
		if !a.Creates(token.Administrator) || !a.Creates(token.Developer) || a.Creates(token.PlainMember) || a.Holds(token.PlainMember) || a.List != token.ListWorkspace {
			t.Errorf("%+v", a)
		}
	}
	if p.OAuthTokens.Offered || p.Apps.Secret != token.SecretViewable {
		t.Error("OAuth tokens are offered, or a client secret can't be seen again")
	}
}

func TestS2_8ATokenHasANameAndExpiresAfter12Months(t *testing.T) {
	granted(t, token.AppsAndTokens, token.Request{Name: new("CI")}, token.Terms{Name: "CI", AllScopes: true, ExpiresAt: noon.AddDate(0, 12, 0)})
	refused(t, token.AppsAndTokens, token.Request{}, api.CodeNameRequired)
	refused(t, token.AppsAndTokens, token.Request{Name: new(""), Description: new("x"), Scopes: scopes(), Expiry: days(1)},
		api.CodeNameRequired, api.CodeNameNotTaken, api.CodeScopesNotAccepted, api.CodeExpiryNotAccepted)
}

func TestS2_11ATokenIsDeletedOnlyAfterItsEnd(t *testing.T) {
	p := preset(t, token.AppsAndTokens)
	if p.Tokens.Delete != token.DeleteAfterEnd || !p.Tokens.Allows(token.ActRevoke) || !p.Tokens.Allows(token.ActView) || p.Tokens.Allows(token.ActRegenerate) {
		t.Errorf("%+v", p.Tokens.Access)
	}
}

func TestS3_1OnlyAdministratorsHaveTokens(t *testing.T) {
	p := preset(t, token.CRMTokens)
	if !p.Tokens.Creates(token.Administrator) || p.Tokens.Holds(token.Developer) || p.Tokens.Holds(token.PlainMember) {
		t.Errorf("%+v", p.Tokens.Access)
	}
}

func TestS3_2ATokenHasScopeDescriptionAndExpiry(t *testing.T) {
	granted(t, token.CRMTokens, token.Request{Scopes: scopes("odata:read"), Description: new("Power BI"), Expiry: days(365)},
		token.Terms{Description: "Power BI", Scopes: token.Scopes{"odata:read"}, ExpiresAt: noon.AddDate(0, 0, 365)})
	refused(t, token.CRMTokens, token.Request{Name: new("x")}, api.CodeNameNotTaken, api.CodeScopeRequired, api.CodeExpiryRequired)
	if s, _ := token.CRMTokens.Catalogue().Find("odata:read"); s.Title != "OData API" {
		t.Errorf("the scope is called %q", s.Title)
	}
}

func TestS3_3ExpiryIsAPresetADateOrNever(t *testing.T) {
	p := preset(t, token.CRMTokens)
	base := token.Request{Scopes: scopes("odata:read")}
	read := token.Scopes{"odata:read"}
	for _, d := range p.Tokens.Expiry.Presets {
		base.Expiry = days(d)
		granted(t, token.CRMTokens, base, token.Terms{Scopes: read, ExpiresAt: noon.AddDate(0, 0, d)})
	}
	date := time.Date(2029, 5, 17, 0, 0, 0, 0, time.UTC)
	base.Expiry = at(date)
	granted(t, token.CRMTokens, base, token.Terms{Scopes: read, ExpiresAt: date})
	base.Expiry = token.Choice{Never: true}
	granted(t, token.CRMTokens, base, token.Terms{Scopes: read})
	base.Expiry = at(noon.AddDate(11, 0, 0))
	refused(t, token.CRMTokens, base, api.CodeLifetimeOutOfRange)
	if len(p.Tokens.Expiry.Presets) == 0 || !strings.Contains(p.Tokens.Labels.NeverAdvice, "year") {
		t.Error("no presets, or no advice against Never")
	}
}

func TestS3_6RegenerateDoesNotExist(t *testing.T) {
	p := preset(t, token.CRMTokens)
	if p.Tokens.Allows(token.ActRegenerate) || !p.Tokens.Allows(token.ActRevoke) {
		t.Errorf("%v", p.Tokens.Actions)
	}
}

func TestS4_1LifetimeIsOneTo365Days(t *testing.T) {
	p := preset(t, token.OAuthTokens)
	for d, ok := range map[int]bool{1: true, 30: true, 365: true, 0: false, 366: false, -1: false} {
		got, bad := p.OAuthTokens.Expiry.Decide(days(d), noon)
		if (bad == nil) != ok || ok && !got.Equal(noon.AddDate(0, 0, d)) || !ok && bad[0].Code != api.CodeLifetimeOutOfRange {
			t.Errorf("%d days: %s, %v", d, got, bad)
		}
	}
	if p.Tokens.Offered || p.Apps.Offered || p.AfterStop != token.UntilExpiry || p.Refresh != token.Reusable {
		t.Error("another kind is offered, or access tokens stop at once, or refresh tokens rotate")
	}
}

func TestS5_2ATokenHasAUniqueNameAndScopes(t *testing.T) {
	granted(t, token.ScopedTokens, token.Request{Name: new("Sync"), Scopes: scopes("policy", "collection")},
		token.Terms{Name: "Sync", Scopes: token.Scopes{"collection", "policy"}, ExpiresAt: noon.AddDate(1, 0, 0)})
	refused(t, token.ScopedTokens, token.Request{}, api.CodeNameRequired, api.CodeScopeRequired)
	refused(t, token.ScopedTokens, token.Request{Name: new("Sync"), Scopes: scopes("user")}, api.CodeScopeUnknown)
	if p := preset(t, token.ScopedTokens); p.Tokens.Name != token.Unique {
		t.Errorf("name: %s", p.Tokens.Name)
	}
	var titles []string
	for _, s := range token.ScopedTokens.Catalogue() {
		titles = append(titles, s.Title)
	}
	if !slices.Equal(titles[:3], []string{"Collection", "Device", "Policy"}) {
		t.Errorf("%q", titles)
	}
}

func TestS5_4TheUserDoesNotChooseTheExpiry(t *testing.T) {
	for _, c := range []token.Choice{days(30), at(noon.AddDate(0, 1, 0)), {Never: true}} {
		refused(t, token.ScopedTokens, token.Request{Name: new("Sync"), Scopes: scopes("device"), Expiry: c}, api.CodeExpiryNotAccepted)
	}
}

func TestS5_5EditChangesOnlyTheScope(t *testing.T) {
	p := preset(t, token.ScopedTokens)
	if !slices.Equal(p.Tokens.Actions, []token.Action{token.ActEditScope, token.ActDelete}) {
		t.Errorf("%v", p.Tokens.Actions)
	}
	got, bad := p.Tokens.Scope.Decide(scopes("device"), token.ScopedTokens.Catalogue().WithReserved(), token.PlainMember)
	if bad != nil || !slices.Equal(got, token.Scopes{"device"}) {
		t.Errorf("%v, %v", got, bad)
	}
}

func TestStandardNeedsAUniqueNameAScopeAndAnEndWithinAYear(t *testing.T) {
	good := token.Request{Name: new("CI"), Description: new("builds"), Scopes: scopes("odata:read"), Expiry: days(90)}
	granted(t, token.Standard, good, token.Terms{Name: "CI", Description: "builds", Scopes: token.Scopes{"odata:read"}, ExpiresAt: noon.AddDate(0, 0, 90)})
	refused(t, token.Standard, token.Request{}, api.CodeNameRequired, api.CodeScopeRequired, api.CodeExpiryRequired)
	good.Expiry = token.Choice{Never: true}
	refused(t, token.Standard, good, api.CodeNeverNotAllowed)
	good.Expiry = days(366)
	refused(t, token.Standard, good, api.CodeLifetimeOutOfRange)
	p := preset(t, token.Standard)
	if !p.Tokens.Offered || !p.Apps.Offered || !p.OAuthTokens.Offered || p.Tokens.PerUser != 50 || p.Tokens.CountEnded || p.Tokens.Name != token.Unique ||
		!slices.Equal(p.Tokens.Actions, token.TokenActions()) || !slices.Equal(p.Apps.Actions, token.AppActions()) || !slices.Equal(p.OAuthTokens.Actions, token.OAuthActions()) ||
		!slices.Equal(p.Tokens.Expiry.Presets, []int{7, 30, 90, 365}) || p.Tokens.Expiry.Proposed != 90 || p.AfterStop != token.StopAtOnce || p.Refresh != token.Rotate {
		t.Errorf("%+v", p)
	}
}
