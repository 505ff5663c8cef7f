package authority_test

import (
	"slices"
	"testing"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
)

func TestAPolicyIsCheckedAsAWholeAndKeptClean(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		v, err := p.Enter(ctx, p.admin, standard)
		wantOK(t, err)
		bad := v.Policy
		bad.Preset, bad.Tokens.PerUser, bad.Tokens.Expiry.MaxDays = "none", -1, 0
		for _, err := range []error{second(p.SetPolicy(ctx, p.admin, standard, bad)), second(p.PreviewPolicy(ctx, p.admin, standard, bad))} {
			for _, field := range []string{"preset", "tokens.per_user", "tokens.expiry.max_days"} {
				wantField(t, err, field, api.CodePolicyInvalid)
			}
		}
		good := v.Policy
		good.Tokens.Labels.Title, good.Apps.Roles, good.Apps.Creators, good.Apps.Offered = "  Keys ", nil, nil, false
		kept, err := p.SetPolicy(ctx, p.admin, standard, good)
		wantOK(t, err)
		again, err := p.Enter(ctx, p.dev, standard)
		wantOK(t, err)
		for _, got := range []token.Policy{kept, again.Policy} {
			if got.Tokens.Labels.Title != "Keys" || got.Apps.Roles == nil {
				t.Errorf("kept %q, roles %v", got.Tokens.Labels.Title, got.Apps.Roles)
			}
		}
		// What a caller does with a policy that they were given stays theirs.
		again.Policy.Tokens.Roles[0], again.Catalogue[0].Roles[0] = "king", "king"
		fresh, err := p.Enter(ctx, p.dev, standard)
		wantOK(t, err)
		if slices.Contains(fresh.Policy.Tokens.Roles, "king") || slices.Contains(fresh.Catalogue[0].Roles, "king") {
			t.Error("a caller changed the rules in memory")
		}
		// Scopes that a policy needs can't be taken from under it.
		err = second(p.SetScopes(ctx, p.admin, standard, token.Catalogue{}))
		wantField(t, err, "tokens.scope.required", api.CodePolicyInvalid)
	})
}

func TestAChangedPolicyIsPreviewedAndAppliedToWhatIsChosenOnly(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		now := p.Clock.Now()
		long, one := p.made(t, p.dev, standard, wanted{name: "long", scopes: []string{"odata:read"}, days: 365}.token())
		short, two := p.made(t, p.dev, standard, wanted{name: "short", scopes: []string{"odata:read"}, days: 7}.token())
		wide, three := p.made(t, p.member, standard, wanted{name: "wide", scopes: []string{token.ScopeManage}, days: 7}.token())
		kept, four := p.made(t, p.member, standard, wanted{name: "kept", scopes: []string{token.ScopeManage}, days: 90}.token())
		ended, _ := p.made(t, p.member, standard, wanted{name: "ended", scopes: []string{token.ScopeManage}, days: 365}.token())
		_, err := p.RevokeToken(ctx, p.member, standard, ended.ID, "")
		wantOK(t, err)
		p.Clock.Advance(time.Hour)
		p.wantGood(t, three, standard)
		used := p.Clock.Now()
		p.Clock.Advance(time.Minute)

		v, err := p.Enter(ctx, p.admin, standard)
		wantOK(t, err)
		strict := v.Policy
		strict.Tokens.Expiry.MaxDays, strict.Tokens.Expiry.Proposed, strict.Tokens.Expiry.Presets = 30, 7, []int{7, 30}
		strict.Tokens.Scope = token.ScopeRule{Mode: token.ScopesDefaulted, Default: token.Scopes{"odata:read"}}
		impact, err := p.PreviewPolicy(ctx, p.admin, standard, strict)
		wantOK(t, err)
		if impact.Live != 4 || impact.Cuts != 2 || impact.Breaking != 2 || len(impact.Breaches) != 3 {
			t.Fatalf("impact %+v", impact)
		}
		for _, b := range impact.Breaches {
			if b.Token.ID == wide.ID && (!b.Token.LastUsedAt.Equal(used) || len(b.Why) != 1 || !b.Cut.IsZero()) {
				t.Errorf("breach %+v, last used %s", b, used)
			}
		}
		applied, err := p.ApplyPolicy(ctx, p.admin, standard, []string{wide.ID}) // the old rules are in force: nothing breaks them
		wantOK(t, err)
		if applied != (authority.Applied{}) {
			t.Errorf("applied %+v", applied)
		}

		_, err = p.SetPolicy(ctx, p.admin, standard, strict)
		wantOK(t, err)
		got, err := p.Token(ctx, p.dev, standard, long.ID)
		wantOK(t, err)
		wantTime(t, "expiry before applying", got.ExpiresAt, now.AddDate(1, 0, -1)) // 365 days with a leap day
		applied, err = p.ApplyPolicy(ctx, p.admin, standard, []string{wide.ID, short.ID, ended.ID, "tok_nothing", "\x00"})
		wantOK(t, err)
		if applied != (authority.Applied{Cut: 2, Revoked: 1}) {
			t.Errorf("applied %+v", applied)
		}
		p.wantStopped(t, three, standard)
		for _, s := range []token.Secret{one, two, four} {
			p.wantGood(t, s, standard)
		}
		cut := p.Clock.Now().AddDate(0, 0, 30)
		for id, ends := range map[string]time.Time{long.ID: cut, kept.ID: cut, short.ID: short.ExpiresAt} {
			got, err := p.Token(ctx, p.admin, standard, id)
			wantOK(t, err)
			wantTime(t, "expiry of "+got.Name, got.ExpiresAt, ends)
		}
		p.Clock.Set(cut)
		p.wantStopped(t, one, standard)
	})
}

func TestAChangedPolicyAppliesToRegeneratedTokens(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		made, _ := p.made(t, p.dev, standard, wanted{name: "a", scopes: []string{"odata:read", token.ScopeManage}, days: 365}.token())
		p.setPolicy(t, standard, func(policy *token.Policy) {
			policy.Tokens.Expiry.MaxDays, policy.Tokens.Expiry.Proposed, policy.Tokens.Expiry.Presets = 30, 7, []int{7, 30}
			policy.Tokens.Scope = token.ScopeRule{Mode: token.ScopesNone}
		})
		again, secret, err := p.RegenerateToken(t.Context(), p.dev, standard, made.ID, token.Choice{})
		wantOK(t, err)
		wantTime(t, "expiry", again.ExpiresAt, p.Clock.Now().AddDate(0, 0, 30))
		if !again.AllScopes || len(again.Scopes) != 0 {
			t.Errorf("scopes %v %v", again.AllScopes, again.Scopes)
		}
		p.wantGood(t, secret, standard, "odata:read")
		wantCode(t, p.check(secret, standard, token.ScopeManage), api.CodeScopeMissing)
		// Whose role may make none any more may not renew one forever.
		p.setPolicy(t, standard, func(policy *token.Policy) { policy.Tokens.Creators = []token.Role{token.Administrator} })
		wantCode(t, third(p.RegenerateToken(t.Context(), p.dev, standard, made.ID, token.Choice{})), api.CodeRoleNotAllowed)
		p.wantGood(t, secret, standard)
	})
}

func TestDemotionNarrowsATokenAtOnceAndPromotionGivesItBack(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		_, err := p.SetScopes(ctx, p.admin, standard, token.Catalogue{
			{Name: "odata:read", Title: "Read", Roles: token.Roles()}, {Name: "deploy", Title: "Deploy", Roles: []token.Role{token.Developer}},
		})
		wantOK(t, err)
		_, secret := p.made(t, p.dev, standard, wanted{name: "a", scopes: []string{"odata:read", "deploy"}, days: 9}.token())
		p.wantGood(t, secret, standard, "deploy")
		_, err = p.SetRole(ctx, p.admin, standard, p.dev.User.ID, token.PlainMember)
		wantOK(t, err)
		wantCode(t, p.check(secret, standard, "deploy"), api.CodeScopeMissing)
		p.wantGood(t, secret, standard, "odata:read")
		_, err = p.SetRole(ctx, p.admin, standard, p.dev.User.ID, token.Developer)
		wantOK(t, err)
		p.wantGood(t, secret, standard, "deploy")
	})
}

func TestAWithdrawnKindKeepsItsTokensUntilAnAdministratorStopsThem(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		made, secret := p.made(t, p.dev, standard, plain(standard, "a"))
		own, mine := p.made(t, p.admin, standard, plain(standard, "b"))
		p.setPolicy(t, standard, func(policy *token.Policy) { policy.Tokens.Offered = false })
		p.wantGood(t, secret, standard, "odata:read")
		page := authority.TokenQuery{Page: authority.Page{Limit: 9}}
		for verb, err := range map[string]error{
			"create":                    third(p.CreateToken(ctx, p.dev, standard, plain(standard, "c"))),
			"list":                      second(p.Tokens(ctx, p.dev, standard, page)),
			"read":                      second(p.Token(ctx, p.dev, standard, made.ID)),
			"regenerate":                third(p.RegenerateToken(ctx, p.dev, standard, made.ID, token.Choice{})),
			"edit":                      second(p.SetTokenScopes(ctx, p.dev, standard, made.ID, []string{"odata:read"})),
			"revoke":                    second(p.RevokeToken(ctx, p.dev, standard, made.ID, "")),
			"delete":                    p.DeleteToken(ctx, p.dev, standard, made.ID),
			"an administrator's create": third(p.CreateToken(ctx, p.admin, standard, plain(standard, "c"))),
		} {
			t.Run(verb, func(t *testing.T) { wantCode(t, err, api.CodeKindNotOffered) })
		}
		if all := p.list(t, p.admin, standard, true); len(all) != 2 {
			t.Errorf("an administrator sees %v", all)
		}
		wantOK(t, p.DeleteToken(ctx, p.admin, standard, made.ID))
		p.wantStopped(t, secret, standard)
		wantOK(t, second(p.RevokeToken(ctx, p.admin, standard, own.ID, "")))
		p.wantStopped(t, mine, standard)
	})
}

func TestOverseersOfThePolicySeeAndStopEveryonesTokens(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		manage := p.bearer(t, p.dev, "m", token.ScopeManage)
		made, secret := p.made(t, p.member, standard, plain(standard, "a"))
		p.setPolicy(t, standard, func(policy *token.Policy) {
			policy.Tokens.Overseers = []token.Role{token.Administrator, token.Developer}
		})
		if all := p.list(t, p.dev, standard, true); len(all) != 2 {
			t.Errorf("an overseer sees %v", all)
		}
		_, err := p.Token(ctx, p.dev, standard, made.ID)
		wantOK(t, err)
		// In a session: no token of theirs gives that right.
		_, err = p.Tokens(ctx, manage, standard, authority.TokenQuery{Everyone: true, Page: authority.Page{Limit: 9}})
		wantCode(t, err, api.CodeRoleNotAllowed)
		wantCode(t, second(p.RevokeToken(ctx, manage, standard, made.ID, "")), api.CodeNotOwner)
		// It is no right to administer, nor to change what is another's.
		wantCode(t, second(p.Members(ctx, p.dev, standard, authority.Page{Limit: 9})), api.CodeRoleNotAllowed)
		wantCode(t, second(p.SetTokenScopes(ctx, p.dev, standard, made.ID, []string{"odata:read"})), api.CodeNotOwner)
		p.wantGood(t, secret, standard)
		wantOK(t, second(p.RevokeToken(ctx, p.dev, standard, made.ID, "seen")))
		p.wantStopped(t, secret, standard)
		wantCode(t, second(p.Tokens(ctx, p.member, standard, authority.TokenQuery{Everyone: true, Page: authority.Page{Limit: 9}})), api.CodeRoleNotAllowed)
	})
}

func TestATokenWithoutScopesOrExpiryFallsUnderNewRulesOnlyWhenApplied(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		made, secret := p.made(t, p.dev, apps, plain(apps, "a"))
		p.setPolicy(t, apps, func(policy *token.Policy) {
			policy.Tokens.Scope = token.ScopeRule{Mode: token.ScopesChosen, Need: true}
			policy.Tokens.Actions = append(policy.Tokens.Actions, token.ActEditScope, token.ActRegenerate)
		})
		p.wantGood(t, secret, apps, "odata:read")
		err := third(p.RegenerateToken(ctx, p.dev, apps, made.ID, token.Choice{}))
		if f := fault.From(err); f.Code != api.CodeScopeRequired {
			t.Errorf("regenerated without a scope: %v", err)
		}
		_, err = p.SetTokenScopes(ctx, p.dev, apps, made.ID, []string{"odata:read"})
		wantOK(t, err)
		again, fresh, err := p.RegenerateToken(ctx, p.dev, apps, made.ID, token.Choice{})
		wantOK(t, err)
		if again.AllScopes || again.Scopes.String() != "odata:read" {
			t.Errorf("regenerated %+v", again)
		}
		p.wantGood(t, fresh, apps, "odata:read")
	})
}
