package authority_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// refusal is a code, how it comes about, and what its fault says.
type refusal struct {
	kind  fault.Kind
	field string
	call  func(ctx context.Context, p *place, f fixtures) error
}

// fixtures are what the refusals are about.
type fixtures struct {
	mine, revoked, appLive token.Token
	link                   token.Secret
	manage, plain          token.Identity
	robot                  client
}

func (p *place) create(ctx context.Context, by token.Identity, ws string, w wanted) error {
	return third(p.CreateToken(ctx, by, ws, w.token()))
}

// tokenRefusals are those of the verbs on tokens.
func tokenRefusals() map[api.Code]refusal {
	read := []string{"odata:read"}
	create := func(ws string, w wanted) func(context.Context, *place, fixtures) error {
		return func(ctx context.Context, p *place, _ fixtures) error { return p.create(ctx, p.dev, ws, w) }
	}
	return map[api.Code]refusal{
		api.CodeKindNotOffered: {fault.Forbidden, "", create(oauth, wanted{})},
		api.CodeRoleNotAllowed: {fault.Forbidden, "", create(crm, wanted{})},
		api.CodeActionNotOffered: {fault.Forbidden, "", func(ctx context.Context, p *place, f fixtures) error {
			return third(p.RegenerateToken(ctx, p.dev, apps, f.appLive.ID, token.Choice{}))
		}},
		api.CodeNotOwner: {fault.Forbidden, "", func(ctx context.Context, p *place, f fixtures) error {
			return p.DeleteToken(ctx, p.member, standard, f.mine.ID)
		}},
		api.CodeTokenLimitReached: {fault.Conflict, "", func(ctx context.Context, p *place, _ fixtures) error {
			if err := p.create(ctx, p.dev, single, wanted{}); err != nil {
				return err
			}
			return p.create(ctx, p.dev, single, wanted{})
		}},
		api.CodeTokenRevoked: {fault.Conflict, "", func(ctx context.Context, p *place, f fixtures) error {
			return third(p.RegenerateToken(ctx, p.dev, standard, f.revoked.ID, token.Choice{}))
		}},
		api.CodeDeleteNeedsRevoke: {fault.Conflict, "", func(ctx context.Context, p *place, f fixtures) error {
			return p.DeleteToken(ctx, p.dev, apps, f.appLive.ID)
		}},
		api.CodeNameTaken:          {fault.Conflict, "name", create(standard, wanted{name: "mine", scopes: read, days: 9})},
		api.CodeNameRequired:       {fault.Invalid, "name", create(standard, wanted{scopes: read, days: 9})},
		api.CodeNameNotTaken:       {fault.Invalid, "name", create(single, wanted{name: "x"})},
		api.CodeScopeRequired:      {fault.Invalid, "scopes", create(standard, wanted{name: "x", days: 9})},
		api.CodeScopeUnknown:       {fault.Invalid, "scopes.0", create(standard, wanted{name: "x", scopes: []string{"nothing"}, days: 9})},
		api.CodeScopeNotAllowed:    {fault.Invalid, "scopes.0", create(standard, wanted{name: "x", scopes: []string{token.ScopeAdmin}, days: 9})},
		api.CodeScopesNotAccepted:  {fault.Invalid, "scopes", create(single, wanted{scopes: read})},
		api.CodeExpiryNotAccepted:  {fault.Invalid, "lifetime_days", create(single, wanted{days: 3})},
		api.CodeExpiryRequired:     {fault.Invalid, "lifetime_days", create(standard, wanted{name: "x", scopes: read})},
		api.CodeExpiryAmbiguous:    {fault.Invalid, "lifetime_days", create(standard, wanted{name: "x", scopes: read, days: 9, never: true})},
		api.CodeLifetimeOutOfRange: {fault.Invalid, "lifetime_days", create(standard, wanted{name: "x", scopes: read, days: 999})},
		api.CodeNeverNotAllowed:    {fault.Invalid, "never", create(standard, wanted{name: "x", scopes: read, never: true})},
		api.CodeOutlivesCredential: {fault.Forbidden, "", func(ctx context.Context, p *place, f fixtures) error {
			return p.create(ctx, f.manage, standard, wanted{name: "x", scopes: read, days: 300})
		}},
		api.CodeAlreadyCreated: {fault.Conflict, "", func(ctx context.Context, p *place, _ fixtures) error {
			w := wanted{name: "x", scopes: read, days: 9, nonce: "n"}
			if err := p.create(ctx, p.dev, standard, w); err != nil {
				return err
			}
			w.name = "y"
			return p.create(ctx, p.dev, standard, w)
		}},
		api.CodeRecentSignInRequired: {fault.Forbidden, "", func(ctx context.Context, p *place, _ fixtures) error {
			by := p.dev
			by.SignedInAt = by.SignedInAt.AddDate(0, 0, -1)
			return p.create(ctx, by, standard, wanted{name: "z", scopes: read, days: 9})
		}},
		api.CodeScopeMissing: {fault.Forbidden, "", func(ctx context.Context, p *place, f fixtures) error {
			return second(p.Enter(ctx, f.plain, standard))
		}},
	}
}

// otherRefusals are those of the verbs on people and rules.
func otherRefusals() map[api.Code]refusal {
	return map[api.Code]refusal{
		api.CodeNotFound: {fault.NotFound, "", func(ctx context.Context, p *place, _ fixtures) error {
			return second(p.Enter(ctx, p.dev, "nowhere"))
		}},
		api.CodeSignInRequired: {fault.Unauthenticated, "", func(ctx context.Context, p *place, _ fixtures) error {
			return second(p.Me(ctx, token.Identity{}))
		}},
		api.CodeWrongCredentials: {fault.Unauthenticated, "", func(ctx context.Context, p *place, _ fixtures) error {
			return third(p.SignIn(ctx, testkit.Dev, "wrong", testkit.Origin()))
		}},
		api.CodeThrottled: {fault.Throttled, "", func(ctx context.Context, p *place, _ fixtures) error {
			var err error
			for range 11 {
				err = third(p.SignIn(ctx, "nobody@example.com", "wrong", testkit.Origin()))
			}
			return err
		}},
		api.CodeSessionRequired: {fault.Forbidden, "", func(ctx context.Context, p *place, f fixtures) error { return p.SignOut(ctx, f.manage) }},
		api.CodeInvalidToken: {fault.Unauthenticated, "", func(ctx context.Context, p *place, _ fixtures) error {
			return second(p.Bearer(ctx, p.Format.New(token.KindPAT), "", testkit.Origin()))
		}},
		api.CodeNotInstallationAdmin: {fault.Forbidden, "", func(ctx context.Context, p *place, _ fixtures) error {
			return p.DeleteWorkspace(ctx, p.dev, standard)
		}},
		api.CodeLinkInvalid: {fault.NotFound, "", func(ctx context.Context, p *place, _ fixtures) error {
			return second(p.LinkOwner(ctx, token.RandomText(43)))
		}},
		api.CodePasswordTooWeak: {fault.Invalid, "password", func(ctx context.Context, p *place, f fixtures) error {
			return third(p.RedeemLink(ctx, f.link, "short", testkit.Origin()))
		}},
		api.CodeLastAdministrator: {fault.Conflict, "", func(ctx context.Context, p *place, _ fixtures) error {
			return p.RemoveMember(ctx, p.admin, standard, p.admin.User.ID)
		}},
		api.CodeAlreadyMember: {fault.Conflict, "email", func(ctx context.Context, p *place, _ fixtures) error {
			return third(p.Invite(ctx, p.admin, standard, authority.Invitation{Email: testkit.Dev, Role: token.Developer}))
		}},
		api.CodeSlugTaken: {fault.Conflict, "slug", func(ctx context.Context, p *place, _ fixtures) error {
			return second(p.CreateWorkspace(ctx, p.admin, authority.NewWorkspace{Slug: standard, Preset: token.Standard}))
		}},
		api.CodePolicyInvalid: {fault.Invalid, "tokens.offered", func(ctx context.Context, p *place, _ fixtures) error {
			return second(p.SetPolicy(ctx, p.admin, standard, token.Policy{Preset: token.Standard}))
		}},
		api.CodeScopesInvalid: {fault.Invalid, "items.0.name", func(ctx context.Context, p *place, _ fixtures) error {
			return second(p.SetScopes(ctx, p.admin, standard, token.Catalogue{{Name: "a b", Title: "A"}}))
		}},
		api.CodeInvalid: {fault.Invalid, "role", func(ctx context.Context, p *place, _ fixtures) error {
			return second(p.SetRole(ctx, p.admin, standard, p.dev.User.ID, "king"))
		}},
	}
}

// elsewhere are the codes that authority never gives.
func elsewhere() map[api.Code]string {
	return map[api.Code]string{
		api.CodeInternal: "our own trouble", api.CodeUnavailable: "checks that can't be answered",
		api.CodeBadRequest: "HTTP", api.CodeTooLarge: "HTTP", api.CodeMethodNotAllowed: "HTTP", api.CodeUnsupportedMediaType: "HTTP",
		api.CodeCrossOrigin: "HTTP", api.CodeHTTPSRequired: "HTTP", api.CodeUnsupportedGrantType: "the token endpoint",
	}
}

func TestEveryRefusalSaysWhatToDoAndGivesNothingAway(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		var f fixtures
		var err error
		f.mine, _ = p.made(t, p.dev, standard, plain(standard, "mine"))
		f.revoked, _ = p.made(t, p.dev, standard, plain(standard, "revoked"))
		_, err = p.RevokeToken(ctx, p.dev, standard, f.revoked.ID, "")
		wantOK(t, err)
		f.appLive, _ = p.made(t, p.dev, apps, plain(apps, "live"))
		f.robot = p.app(t, standard, "robot", "odata:read")
		f.manage = p.bearer(t, p.dev, "m", token.ScopeManage, "odata:read")
		f.plain = p.bearer(t, p.dev, "n", "odata:read")
		f.link, err = p.ResetPassword(ctx, token.Identity{System: "test"}, testkit.Dev)
		wantOK(t, err)
		for _, list := range []map[api.Code]refusal{tokenRefusals(), otherRefusals(), clientRefusals()} {
			for code, r := range list {
				err := r.call(ctx, p, f)
				wantCode(t, err, code)
				got := fault.From(err)
				if got.Kind != r.kind {
					t.Errorf("%s: kind %d, want %d", code, got.Kind, r.kind)
				}
				if r.field != "" {
					wantField(t, err, r.field, code)
				}
				texts := []string{got.Detail}
				for _, field := range got.Fields {
					texts = append(texts, field.Detail)
				}
				for _, text := range texts {
					if len(text) < 10 || !strings.HasSuffix(text, ".") {
						t.Errorf("%s: %q is no sentence", code, text)
					}
					for _, leak := range []string{"tok_", "usr_", "ws_", "kw_", "argon", "$1", "sql", f.mine.Hint, f.link.Reveal()} {
						if strings.Contains(text, leak) {
							t.Errorf("%s: %q gives %q away", code, text, leak)
						}
					}
				}
			}
		}
	})
}

func TestEveryCodeIsRefusedSomewhere(t *testing.T) {
	seen := map[api.Code]int{}
	for code := range tokenRefusals() {
		seen[code]++
	}
	for code := range otherRefusals() {
		seen[code]++
	}
	for code := range clientRefusals() {
		seen[code]++
	}
	for code := range elsewhere() {
		seen[code]++
	}
	declared := declaredCodes(t)
	for _, code := range declared {
		if seen[code] != 1 {
			t.Errorf("%s is in the tables %d times", code, seen[code])
		}
		delete(seen, code)
	}
	if len(seen) != 0 {
		t.Errorf("unknown codes %v", seen)
	}
	if len(declared) < 40 {
		t.Errorf("%d codes were found", len(declared))
	}
}

func TestAForeignIdAnswersExactlyAsAnUnknownOne(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		_, err := p.CreateWorkspace(ctx, p.admin, authority.NewWorkspace{Slug: "elsewhere", Preset: token.Standard})
		wantOK(t, err)
		stranger := p.Join(t, "elsewhere", "stranger@example.com", token.Administrator)
		theirs, _ := p.made(t, stranger, "elsewhere", plain(standard, "a"))
		v, err := p.Enter(ctx, stranger, "elsewhere")
		wantOK(t, err)
		boss := p.Join(t, standard, "boss@example.com", token.Administrator)
		now := p.Clock.Now()
		tokens := []string{theirs.ID, token.NewID(token.TokenID, now), "", "x", "tok_", "tok_\x00", "tok_\xff", theirs.ID + "x", strings.ToUpper(theirs.ID), strings.Repeat("t", 1<<20), "' or 1=1 --"}
		people := []string{stranger.User.ID, token.NewID(token.UserID, now), "", "usr_\x00", "\xff", theirs.ID, strings.Repeat("u", 1<<20)}
		places := []string{"elsewhere", v.ID, "nowhere", token.NewID(token.WorkspaceID, now), "", "ELSEWHERE", "elsewhere\x00", "\xff", "ws_", strings.Repeat("w", 1<<20), "' or 1=1 --"}
		try := func(verb, id string, err error) {
			if !isMissing(err) {
				t.Errorf("%s of %.30q: %v", verb, id, err)
			}
		}
		for _, id := range tokens {
			try("Token", id, second(p.Token(ctx, boss, standard, id)))
			try("SetTokenScopes", id, second(p.SetTokenScopes(ctx, boss, standard, id, []string{"odata:read"})))
			try("RegenerateToken", id, third(p.RegenerateToken(ctx, boss, standard, id, token.Choice{})))
			try("RevokeToken", id, second(p.RevokeToken(ctx, boss, standard, id, "")))
			try("DeleteToken", id, p.DeleteToken(ctx, boss, standard, id))
			results, err := p.BatchTokens(ctx, boss, standard, authority.Batch{Action: token.ActRevoke, IDs: []string{id}})
			wantOK(t, err)
			try("BatchTokens", id, results[0].Err)
			u, err := p.Usage(ctx, boss, standard, strings.ToValidUTF8(strings.ReplaceAll(id, "\x00", ""), ""), 7)
			wantOK(t, err)
			if len(u.Tokens) != 0 {
				t.Errorf("usage of %.30q: %v", id, u.Tokens)
			}
		}
		for _, id := range people {
			try("SetRole", id, second(p.SetRole(ctx, boss, standard, id, token.Developer)))
			try("RemoveMember", id, p.RemoveMember(ctx, boss, standard, id))
			try("RenewInvitation", id, second(p.RenewInvitation(ctx, boss, standard, id)))
		}
		for _, ws := range places {
			try("Enter", ws, second(p.Enter(ctx, boss, ws)))
			try("Workspace", ws, second(p.Workspace(ctx, boss, ws)))
			try("CreateToken", ws, p.create(ctx, boss, ws, wanted{}))
			try("Token", ws, second(p.Token(ctx, boss, ws, theirs.ID)))
			try("DeleteToken", ws, p.DeleteToken(ctx, boss, ws, theirs.ID))
			try("Members", ws, second(p.Members(ctx, boss, ws, authority.Page{Limit: 1})))
			try("RenameWorkspace", ws, second(p.RenameWorkspace(ctx, boss, ws, "")))
			try("DeleteWorkspace", ws, p.DeleteWorkspace(ctx, boss, ws))
			try("SetPolicy", ws, second(p.SetPolicy(ctx, boss, ws, token.Policy{})))
		}
		for _, ws := range places[2:] {
			try("DeleteWorkspace", ws, p.DeleteWorkspace(ctx, p.admin, ws))
			try("Workspace", ws, second(p.Workspace(ctx, p.admin, ws)))
		}
	})
}

func TestHostileInputIsRefusedInEveryField(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		hostile := []string{"a\x00b", "a\xffb", strings.Repeat("x", 1<<20), "a\u202eb", "a\u200bb", "a\nb", "a\x1bb", "\ufeffa", "a\u2028b"}
		for i, bad := range hostile {
			for field, err := range map[string]error{
				"name":        p.create(ctx, p.dev, standard, wanted{name: bad, scopes: []string{"odata:read"}, days: 9}),
				"description": p.create(ctx, p.dev, standard, wanted{name: fmt.Sprint("n", i), description: bad, scopes: []string{"odata:read"}, days: 9}),
				"email":       third(p.Invite(ctx, p.admin, standard, authority.Invitation{Email: bad + "@example.com", Role: token.Developer})),
				"administrator": second(p.CreateWorkspace(ctx, token.Identity{System: "test"},
					authority.NewWorkspace{Slug: fmt.Sprint("new-", i), Preset: token.Standard, Administrator: bad})),
				"slug":   second(p.CreateWorkspace(ctx, p.admin, authority.NewWorkspace{Slug: bad, Name: "n", Preset: token.Standard})),
				"preset": second(p.CreateWorkspace(ctx, p.admin, authority.NewWorkspace{Slug: "new", Preset: token.Preset(bad)})),
				"role":   second(p.SetRole(ctx, p.admin, standard, p.dev.User.ID, token.Role(bad))),
			} {
				wantField(t, err, field, api.CodeInvalid)
			}
			_, _, err := p.Invite(ctx, p.admin, standard, authority.Invitation{Email: "bo@example.com", Name: bad, Role: token.Developer})
			wantField(t, err, "name", api.CodeInvalid)
			wantField(t, second(p.RenameWorkspace(ctx, p.admin, standard, bad)), "name", api.CodeInvalid)
			made, _ := p.made(t, p.dev, standard, plain(standard, fmt.Sprint("t", i)))
			wantField(t, second(p.RevokeToken(ctx, p.dev, standard, made.ID, bad)), "reason", api.CodeInvalid)
			wantField(t, second(p.BatchTokens(ctx, p.dev, standard, authority.Batch{Action: token.Action(bad), IDs: []string{made.ID}})), "action", api.CodeInvalid)
			wantField(t, second(p.SetTokenScopes(ctx, p.dev, standard, made.ID, []string{bad})), "scopes.0", api.CodeScopeUnknown)
			wantField(t, second(p.SetScopes(ctx, p.admin, standard, token.Catalogue{{Name: bad, Title: "T"}})), "items.0.name", api.CodeScopesInvalid)
			p.wantLists(t, bad)
		}
		for _, n := range []int{0, 201} {
			_, err := p.BatchTokens(ctx, p.dev, standard, authority.Batch{Action: token.ActRevoke, IDs: make([]string, n)})
			wantField(t, err, "ids", api.CodeInvalid)
		}
		for _, days := range []int{0, -1, 367} {
			wantField(t, second(p.Usage(ctx, p.dev, standard, "", days)), "days", api.CodeInvalid)
		}
	})
}

// wantLists asks for lists with a hostile text in each place: they are refused as invalid or find nothing.
func (p *place) wantLists(t *testing.T, bad string) {
	t.Helper()
	ctx := t.Context()
	page := authority.Page{Limit: 5}
	tokens := func(f authority.TokenFilter, page authority.Page) (int, error) {
		list, err := p.Tokens(ctx, p.admin, standard, authority.TokenQuery{Everyone: true, Filter: f, Page: page})
		return len(list), err
	}
	events := func(f authority.EventFilter) (int, error) {
		list, err := p.Events(ctx, p.admin, standard, f, page)
		return len(list), err
	}
	for name, ask := range map[string]func() (int, error){
		"owner":  func() (int, error) { return tokens(authority.TokenFilter{OwnerID: bad}, page) },
		"scope":  func() (int, error) { return tokens(authority.TokenFilter{Scope: bad}, page) },
		"search": func() (int, error) { return tokens(authority.TokenFilter{Search: bad}, page) },
		"limit":  func() (int, error) { return tokens(authority.TokenFilter{}, authority.Page{Limit: -1}) },
		"no end": func() (int, error) { return tokens(authority.TokenFilter{}, authority.Page{Limit: 1 << 40}) },
		"actor":  func() (int, error) { return events(authority.EventFilter{ActorID: bad}) },
		"target": func() (int, error) { return events(authority.EventFilter{TargetID: bad}) },
		"members": func() (int, error) {
			l, err := p.Members(ctx, p.admin, standard, authority.Page{After: "\x00", Limit: 5})
			return len(l), err
		},
		"usage": func() (int, error) { u, err := p.Usage(ctx, p.admin, standard, bad, 3); return len(u.Tokens), err },
	} {
		n, err := ask()
		if code := fault.CodeOf(err); n != 0 || code != ok && code != api.CodeInvalid {
			t.Errorf("%s %.9q: %d rows, %v", name, bad, n, err)
		}
	}
}

func TestNamesThatLookAlikeAreDifferentNames(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		for _, name := range []string{"paypal", "p\u0430ypal", "PayPal", "caf\u00e9", "cafe\u0301"} {
			p.made(t, p.dev, scoped, plain(scoped, name))
		}
		_, _, err := p.CreateToken(t.Context(), p.dev, scoped, plain(scoped, "\u00a0paypal\u2003"))
		wantField(t, err, "name", api.CodeNameTaken)
	})
}
