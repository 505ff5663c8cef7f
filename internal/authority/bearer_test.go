package authority_test

import (
	"testing"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

func TestATokenMakesNothingThatOutlivesIt(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		by := p.bearer(t, p.dev, "m", token.ScopeManage, "odata:read") // for 30 days
		read := []string{"odata:read"}
		for name, w := range map[string]wanted{"a day more": {days: 31}, "a moment more": {at: by.Bearer.ExpiresAt.Add(time.Microsecond)}} {
			w.name, w.scopes = name, read
			_, _, err := p.CreateToken(ctx, by, standard, w.token())
			wantCode(t, err, api.CodeOutlivesCredential)
		}
		made, secret, err := p.CreateToken(ctx, by, standard, wanted{name: "as long", scopes: read, days: 30}.token())
		wantOK(t, err)
		p.wantGood(t, secret, standard, "odata:read")
		if made.Owner != p.dev.User {
			t.Errorf("owner %+v", made.Owner)
		}
		// By renewing neither: itself, another.
		long, _ := p.made(t, p.dev, standard, wanted{name: "long", scopes: read, days: 90}.token())
		for _, id := range []string{by.Bearer.TokenID, long.ID} {
			_, _, err = p.RegenerateToken(ctx, by, standard, id, token.Choice{LifetimeDays: new(31)})
			wantCode(t, err, api.CodeOutlivesCredential)
		}
		_, _, err = p.RegenerateToken(ctx, by, standard, long.ID, token.Choice{LifetimeDays: new(30)})
		wantOK(t, err)
		// Nor where the policy sets the expiry, or lets one never expire.
		p.setPolicy(t, standard, func(policy *token.Policy) { policy.Tokens.Expiry.Never = true })
		_, _, err = p.CreateToken(ctx, by, standard, wanted{name: "never", scopes: read, never: true}.token())
		wantCode(t, err, api.CodeOutlivesCredential)
	})
}

func TestATokenPassesOnNoScopeThatItLacks(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		_, err := p.SetScopes(ctx, p.admin, standard, token.Catalogue{
			{Name: "odata:read", Title: "Read", Roles: token.Roles()}, {Name: "odata:write", Title: "Write", Roles: token.Roles()},
		})
		wantOK(t, err)
		by := p.bearer(t, p.dev, "m", token.ScopeManage, "odata:read")
		_, _, err = p.CreateToken(ctx, by, standard, wanted{name: "a", scopes: []string{"odata:write"}, days: 9}.token())
		wantField(t, err, "scopes", api.CodeScopeNotAllowed)
		_, err = p.SetTokenScopes(ctx, by, standard, by.Bearer.TokenID, []string{token.ScopeManage, "odata:read", "odata:write"})
		wantField(t, err, "scopes", api.CodeScopeNotAllowed)

		// Another token's scopes can be narrowed, whatever they are, and not widened nor renewed.
		wide, _ := p.made(t, p.dev, standard, wanted{name: "wide", scopes: []string{"odata:read", "odata:write"}, days: 300}.token())
		_, _, err = p.RegenerateToken(ctx, by, standard, wide.ID, token.Choice{LifetimeDays: new(9)})
		wantField(t, err, "scopes", api.CodeScopeNotAllowed)
		_, err = p.SetTokenScopes(ctx, by, standard, wide.ID, []string{"odata:write"})
		wantOK(t, err)
		_, err = p.SetTokenScopes(ctx, by, standard, wide.ID, []string{"odata:read", "odata:write"})
		wantCode(t, err, api.CodeOutlivesCredential) // it holds the scope, but not for so long

		// An administrator's token with the right to manage can't take the right to administer.
		boss := p.bearer(t, p.admin, "m", token.ScopeManage)
		_, _, err = p.CreateToken(ctx, boss, standard, wanted{name: "a", scopes: []string{token.ScopeAdmin}, days: 9}.token())
		wantField(t, err, "scopes", api.CodeScopeNotAllowed)
	})
}

func TestATokenPassesOnNoScopeThatItLacksWhereTokensCarryAll(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		by := p.bearer(t, p.dev, "m", token.ScopeManage)
		all := p.bearer(t, p.dev, "all", token.ScopeManage, "odata:read")
		p.setPolicy(t, standard, func(policy *token.Policy) { policy.Tokens.Scope = token.ScopeRule{Mode: token.ScopesNone} })
		_, _, err := p.CreateToken(ctx, by, standard, wanted{name: "a", days: 9}.token())
		wantField(t, err, "scopes", api.CodeScopeNotAllowed)
		_, _, err = p.RegenerateToken(ctx, by, standard, by.Bearer.TokenID, token.Choice{LifetimeDays: new(9)})
		wantField(t, err, "scopes", api.CodeScopeNotAllowed)
		_, _, err = p.CreateToken(ctx, all, standard, wanted{name: "a", days: 9}.token())
		wantOK(t, err)
	})
}

func TestATokenDoesNotDoWhatTakesASession(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		by := p.bearer(t, p.admin, "m", token.ScopeManage, token.ScopeAdmin)
		if by.InstallationAdmin {
			t.Error("a token administers the installation")
		}
		pending, _, err := p.Invite(ctx, p.admin, standard, authority.Invitation{Email: "new@example.com", Role: token.Administrator})
		wantOK(t, err)
		for verb, err := range map[string]error{
			"invite an administrator": third(p.Invite(ctx, by, standard, authority.Invitation{Email: "x@example.com", Role: token.Administrator})),
			"name an administrator":   second(p.SetRole(ctx, by, standard, p.dev.User.ID, token.Administrator)),
			"link an administrator":   second(p.RenewInvitation(ctx, by, standard, pending.User.ID)),
			"change the password":     p.ChangePassword(ctx, by, testkit.Password, "another password"),
			"make a workspace":        second(p.CreateWorkspace(ctx, by, authority.NewWorkspace{Slug: "new", Preset: token.Standard})),
			"delete a workspace":      p.DeleteWorkspace(ctx, by, standard),
			"name an installer":       p.SetInstallationAdmin(ctx, by, testkit.Dev, true),
			"sign out":                p.SignOut(ctx, by),
			"sign out everywhere":     p.SignOutEverywhere(ctx, by),
		} {
			t.Run(verb, func(t *testing.T) { wantCode(t, err, api.CodeSessionRequired) })
		}
		// What administrators do otherwise, it does.
		_, _, err = p.Invite(ctx, by, standard, authority.Invitation{Email: "x@example.com", Role: token.Developer})
		wantOK(t, err)
		_, err = p.SetRole(ctx, by, standard, pending.User.ID, token.Developer)
		wantOK(t, err)
		list, err := p.Workspaces(ctx, by)
		wantOK(t, err)
		if len(list) != 1 || list[0].Slug != standard {
			t.Errorf("a token sees the workspaces %v", list)
		}
	})
}

func third[A, B any](_ A, _ B, err error) error { return err }

func TestATokenThatEndedIdentifiesNobody(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		made, secret := p.made(t, p.dev, standard, wanted{name: "m", scopes: []string{token.ScopeManage}, days: 1}.token())
		by := p.presented(t, secret)
		if by.User != p.dev.User || by.Bearer.TokenID != made.ID || by.SessionID != "" {
			t.Errorf("identity %+v", by)
		}
		p.Clock.Advance(24 * time.Hour)
		by, err := p.Bearer(t.Context(), secret, "", testkit.Origin())
		wantCode(t, err, api.CodeInvalidToken)
		if by.User.ID != "" || by.Bearer != nil {
			t.Errorf("a refused token is %+v", by)
		}
		for _, text := range []string{"", "x", "kw_pat_", string(make([]byte, 1<<20)), "\xff\x00", p.Format.New(token.KindPAT).Reveal(), p.Format.New(token.KindApp).Reveal()} {
			_, err := p.Bearer(t.Context(), token.SecretOf(text), "", testkit.Origin())
			if f := fault.From(err); f.Code != api.CodeInvalidToken || f.Kind != fault.Unauthenticated {
				t.Errorf("%.20q: %v", text, err)
			}
		}
	})
}

func TestADemotedAdministratorsTokenLosesTheRightAtOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		second := p.Join(t, standard, "second@example.com", token.Administrator)
		_, secret := p.made(t, second, standard, wanted{name: "a", scopes: []string{token.ScopeAdmin, token.ScopeManage}, days: 9}.token())
		old := p.presented(t, secret)
		_, err := p.SetRole(t.Context(), p.admin, standard, second.User.ID, token.Developer)
		wantOK(t, err)
		for _, by := range []token.Identity{old, p.presented(t, secret), second} {
			_, err := p.Members(t.Context(), by, standard, authority.Page{Limit: 9})
			wantCode(t, err, api.CodeRoleNotAllowed)
		}
	})
}

func TestARequestWhoseTokenIsRevokedOnItsWayMakesNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		n := wanted{name: "child", scopes: []string{token.ScopeManage}, days: 1}.token()
		for name, end := range map[string]func(id string) error{
			"revoked": func(id string) error { _, err := p.RevokeToken(t.Context(), p.dev, standard, id, ""); return err },
			"deleted": func(id string) error { return p.DeleteToken(t.Context(), p.dev, standard, id) },
		} {
			by := p.bearer(t, p.dev, name, token.ScopeManage)
			wantOK(t, end(by.Bearer.TokenID)) // by is who presented it before
			_, _, err := p.CreateToken(t.Context(), by, standard, n)
			wantCode(t, err, api.CodeInvalidToken)
			_, err = p.Tokens(t.Context(), by, standard, authority.TokenQuery{Page: authority.Page{Limit: 1}})
			wantCode(t, err, api.CodeInvalidToken)
		}
	})
}
