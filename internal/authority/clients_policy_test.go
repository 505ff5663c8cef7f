package authority_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/token"
)

func TestWithdrawnAppsAndOAuthTokensGoOnUntilAnAdministratorStopsThem(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		c := p.appMade(t, p.dev, standard, authority.NewApp{Name: "robot", Scopes: []string{"odata:read"}})
		made, pair := p.family(t, p.dev, standard, 9)
		p.setPolicy(t, standard, func(policy *token.Policy) { policy.Apps.Offered, policy.OAuthTokens.Offered = false, false })
		for verb, err := range map[string]error{
			"create app":     third(p.CreateApp(ctx, p.dev, standard, authority.NewApp{Name: "x"})),
			"list apps":      second(p.Apps(ctx, p.dev, standard, authority.AppQuery{Page: authority.Page{Limit: 9}})),
			"read app":       second(p.App(ctx, p.dev, standard, c.ID)),
			"change app":     second(p.ChangeApp(ctx, p.dev, standard, c.ID, authority.AppChange{})),
			"see secret":     second(p.AppSecret(ctx, p.admin, standard, c.ID)),
			"rotate":         third(p.RotateAppSecret(ctx, p.admin, standard, c.ID, authority.Rotation{})),
			"disable app":    second(p.DisableApp(ctx, p.dev, standard, c.ID)),
			"activate app":   second(p.ActivateApp(ctx, p.admin, standard, c.ID)),
			"delete app":     p.DeleteApp(ctx, p.dev, standard, c.ID),
			"create pair":    third(p.CreateOAuthToken(ctx, p.dev, standard, authority.NewOAuthToken{Name: "x", LifetimeDays: new(9)})),
			"list pairs":     second(p.OAuthTokens(ctx, p.dev, standard, authority.OAuthQuery{Page: authority.Page{Limit: 9}})),
			"read pair":      second(p.OAuthToken(ctx, p.dev, standard, made.ID)),
			"disable pair":   second(p.DisableOAuthToken(ctx, p.dev, standard, made.ID)),
			"delete pair":    p.DeleteOAuthToken(ctx, p.dev, standard, made.ID),
			"own by a batch": batchErr(p.BatchOAuthTokens(ctx, p.dev, standard, authority.Batch{Action: token.ActDisable, IDs: []string{made.ID}})),
		} {
			t.Run(verb, func(t *testing.T) { wantCode(t, err, api.CodeKindNotOffered) })
		}
		p.wantGood(t, c.secret, standard, "odata:read")
		p.wantGood(t, p.granted(t, c).AccessToken, standard, "odata:read")
		next := p.refreshed(t, pair.RefreshToken)
		p.wantGood(t, next.AccessToken, standard, "odata:read")

		if list := p.appList(t, p.admin, standard); len(list) != 1 {
			t.Errorf("an administrator sees the apps %v", list)
		}
		wantOK(t, second(p.App(ctx, p.admin, standard, c.ID)))
		if list := p.oauthList(t, p.admin, standard, true); len(list) != 1 {
			t.Errorf("an administrator sees the OAuth tokens %v", list)
		}
		wantOK(t, second(p.DisableApp(ctx, p.admin, standard, c.ID)))
		wantOK(t, second(p.DisableOAuthToken(ctx, p.admin, standard, made.ID)))
		p.wantStopped(t, c.secret, standard)
		p.wantStopped(t, next.AccessToken, standard)
		p.ended(t, next.RefreshToken)
		wantOK(t, p.DeleteApp(ctx, p.admin, standard, c.ID))
		wantOK(t, p.DeleteOAuthToken(ctx, p.admin, standard, made.ID))
	})
}

func batchErr(results []authority.Result, err error) error {
	if err != nil {
		return err
	}
	return results[0].Err
}

func TestActionsThatThePolicyDoesNotOfferAreLeftToAdministrators(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		c := p.appMade(t, p.dev, standard, authority.NewApp{Name: "robot", Scopes: []string{"odata:read"}})
		made, _ := p.family(t, p.dev, standard, 9)
		own, _ := p.family(t, p.admin, standard, 9)
		p.setPolicy(t, standard, func(policy *token.Policy) {
			policy.Apps.Actions = []token.Action{token.ActDisable}
			policy.OAuthTokens.Actions = []token.Action{token.ActDisable}
		})
		for verb, err := range map[string]error{
			"delete app":   p.DeleteApp(ctx, p.dev, standard, c.ID),
			"activate":     second(p.ActivateApp(ctx, p.admin, standard, c.ID)),
			"rotate":       third(p.RotateAppSecret(ctx, p.admin, standard, c.ID, authority.Rotation{})),
			"change":       second(p.ChangeApp(ctx, p.admin, standard, c.ID, authority.AppChange{})),
			"see":          second(p.AppSecret(ctx, p.admin, standard, c.ID)),
			"delete mine":  p.DeleteOAuthToken(ctx, p.dev, standard, made.ID),
			"an admin's":   p.DeleteOAuthToken(ctx, p.admin, standard, own.ID), // as with tokens: their own are theirs
			"in a batch":   batchErr(p.BatchOAuthTokens(ctx, p.dev, standard, authority.Batch{Action: token.ActDelete, IDs: []string{made.ID}})),
			"by inventory": batchErr(p.Stop(ctx, p.admin, standard, authority.Batch{Action: token.ActDelete, IDs: []string{own.ID}})),
		} {
			t.Run(verb, func(t *testing.T) { wantCode(t, err, api.CodeActionNotOffered) })
		}
		wantOK(t, p.DeleteApp(ctx, p.admin, standard, c.ID))
		wantOK(t, p.DeleteOAuthToken(ctx, p.admin, standard, made.ID))
	})
}

func TestWhoHoldsAppsOrOAuthTokensAndMakesNoneMakesNone(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		c := p.appMade(t, p.dev, standard, authority.NewApp{Name: "robot"})
		made, pair := p.family(t, p.dev, standard, 9)
		p.setPolicy(t, standard, func(policy *token.Policy) {
			policy.Apps.Creators, policy.OAuthTokens.Creators = []token.Role{token.Administrator}, []token.Role{token.Administrator}
		})
		wantCode(t, third(p.CreateApp(ctx, p.dev, standard, authority.NewApp{Name: "x"})), api.CodeRoleNotAllowed)
		wantCode(t, third(p.CreateOAuthToken(ctx, p.dev, standard, authority.NewOAuthToken{Name: "x", LifetimeDays: new(9)})), api.CodeRoleNotAllowed)
		// An app is the workspace's: they go on looking after it. A token of theirs goes on too.
		wantOK(t, third(p.RotateAppSecret(ctx, p.dev, standard, c.ID, authority.Rotation{})))
		p.refreshed(t, pair.RefreshToken)
		wantOK(t, second(p.DisableOAuthToken(ctx, p.dev, standard, made.ID)))
	})
}

func TestWherePolicyWantsItOnlyWhatHasEndedIsDeleted(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		p.setPolicy(t, standard, func(policy *token.Policy) {
			policy.Apps.Delete, policy.OAuthTokens.Delete = token.DeleteAfterEnd, token.DeleteAfterEnd
		})
		c := p.app(t, standard, "robot")
		made, _ := p.family(t, p.dev, standard, 9)
		for _, by := range []token.Identity{p.dev, p.admin} {
			wantCode(t, p.DeleteApp(ctx, by, standard, c.ID), api.CodeDeleteNeedsRevoke)
			wantCode(t, p.DeleteOAuthToken(ctx, by, standard, made.ID), api.CodeDeleteNeedsRevoke)
		}
		results, err := p.Stop(ctx, p.admin, standard, authority.Batch{Action: token.ActDelete, IDs: []string{c.ID, made.ID}})
		wantOK(t, err)
		for _, r := range results {
			wantCode(t, r.Err, api.CodeDeleteNeedsRevoke)
		}
		wantOK(t, second(p.DisableApp(ctx, p.dev, standard, c.ID)))
		wantOK(t, p.DeleteApp(ctx, p.dev, standard, c.ID))
		p.Clock.Set(made.ExpiresAt)
		wantOK(t, p.DeleteOAuthToken(ctx, p.dev, standard, made.ID))
	})
}

func TestOverseersOfThePolicySeeAndStopEveryonesOAuthTokensAndApps(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		manage := p.bearer(t, p.member, "m", token.ScopeManage)
		made, pair := p.family(t, p.dev, standard, 9)
		c := p.app(t, standard, "robot", "odata:read")
		over := []token.Role{token.Administrator, token.PlainMember}
		p.setPolicy(t, standard, func(policy *token.Policy) { policy.OAuthTokens.Overseers, policy.Apps.Overseers = over, over })
		if list := p.oauthList(t, p.member, standard, true); len(list) != 1 {
			t.Errorf("an overseer sees %v", list)
		}
		wantOK(t, second(p.OAuthToken(ctx, p.member, standard, made.ID)))
		if list := p.appList(t, p.member, standard); len(list) != 1 {
			t.Errorf("an overseer sees %v", list)
		}
		v, err := p.App(ctx, p.member, standard, c.ID)
		wantOK(t, err)
		if v.MaySee {
			t.Error("an overseer of another role may see a secret")
		}
		// In a session: no token of theirs gives that right. And it is no right to anything else.
		wantCode(t, second(p.DisableOAuthToken(ctx, manage, standard, made.ID)), api.CodeNotOwner)
		wantCode(t, second(p.DisableApp(ctx, manage, standard, c.ID)), api.CodeRoleNotAllowed)
		wantCode(t, third(p.RotateAppSecret(ctx, p.member, standard, c.ID, authority.Rotation{})), api.CodeRoleNotAllowed)
		_, _, err = p.Inventory(ctx, p.member, standard, authority.InventoryQuery{Limit: 9})
		wantCode(t, err, api.CodeRoleNotAllowed)
		wantOK(t, second(p.DisableOAuthToken(ctx, p.member, standard, made.ID)))
		wantOK(t, second(p.DisableApp(ctx, p.member, standard, c.ID)))
		p.ended(t, pair.RefreshToken)
		p.wantStopped(t, c.secret, standard)
	})
}

func TestWhereAppsAreListedToTheirMakersOthersLeaveThemAlone(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		p.setPolicy(t, standard, func(policy *token.Policy) { policy.Apps.List = token.ListOwn })
		other := p.Join(t, standard, "other@example.com", token.Developer)
		c := p.appMade(t, p.dev, standard, authority.NewApp{Name: "robot"})
		for verb, err := range map[string]error{
			"read":    second(p.App(ctx, other, standard, c.ID)),
			"change":  second(p.ChangeApp(ctx, other, standard, c.ID, authority.AppChange{})),
			"rotate":  third(p.RotateAppSecret(ctx, other, standard, c.ID, authority.Rotation{})),
			"disable": second(p.DisableApp(ctx, other, standard, c.ID)),
			"delete":  p.DeleteApp(ctx, other, standard, c.ID),
		} {
			t.Run(verb, func(t *testing.T) { wantCode(t, err, api.CodeNotOwner) })
		}
		for by, want := range map[*token.Identity]int{&other: 0, &p.dev: 1, &p.admin: 1} {
			list, err := p.Apps(ctx, *by, standard, authority.AppQuery{Filter: authority.AppFilter{CreatedBy: p.dev.User.ID}, Page: authority.Page{Limit: 9}})
			wantOK(t, err)
			if by == &other {
				list = slices.DeleteFunc(list, func(a token.App) bool { return a.CreatedBy == other.User })
			}
			if len(list) != want {
				t.Errorf("%s sees %v", by.User.Name, list)
			}
		}
		wantOK(t, second(p.DisableApp(ctx, p.dev, standard, c.ID)))
	})
}

func TestALimitCountsWhatAPersonHolds(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		p.setPolicy(t, standard, func(policy *token.Policy) { policy.Apps.PerUser, policy.OAuthTokens.PerUser = 1, 1 })
		c := p.appMade(t, p.dev, standard, authority.NewApp{Name: "robot"})
		made, _ := p.family(t, p.dev, standard, 9)
		more := func() (app, pair error) {
			return third(p.CreateApp(ctx, p.recent(p.dev), standard, authority.NewApp{Name: "x"})),
				third(p.CreateOAuthToken(ctx, p.recent(p.dev), standard, authority.NewOAuthToken{Name: "x", LifetimeDays: new(9)}))
		}
		full := func(wantApp, wantPair api.Code) {
			t.Helper()
			app, pair := more()
			wantCode(t, app, wantApp)
			wantCode(t, pair, wantPair)
		}
		full(api.CodeTokenLimitReached, api.CodeTokenLimitReached)
		room, err := p.OAuthRoom(ctx, p.dev, standard)
		wantOK(t, err)
		if room != (authority.Room{Held: 1, Limit: 1}) || !room.Full() {
			t.Errorf("room %+v", room)
		}
		p.appMade(t, p.admin, standard, authority.NewApp{Name: "another's"})
		// A disabled app can come back, so it counts. A disabled OAuth token can't.
		wantOK(t, second(p.DisableApp(ctx, p.dev, standard, c.ID)))
		wantOK(t, second(p.DisableOAuthToken(ctx, p.dev, standard, made.ID)))
		full(api.CodeTokenLimitReached, ok)
		wantOK(t, p.DeleteApp(ctx, p.dev, standard, c.ID))
		p.setPolicy(t, standard, func(policy *token.Policy) { policy.OAuthTokens.PerUser, policy.OAuthTokens.CountEnded = 2, true })
		full(ok, api.CodeTokenLimitReached)
	})
}

func TestAFormMakesOneAppAndOneOAuthToken(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		c := p.appMade(t, p.dev, standard, authority.NewApp{Name: "robot", Nonce: "form-1"})
		wantCode(t, third(p.CreateApp(ctx, p.dev, standard, authority.NewApp{Name: "x", Nonce: "form-1"})), api.CodeAlreadyCreated)
		wantOK(t, third(p.RotateAppSecret(ctx, p.dev, standard, c.ID, authority.Rotation{Nonce: "form-2"})))
		wantCode(t, third(p.RotateAppSecret(ctx, p.dev, standard, c.ID, authority.Rotation{Nonce: "form-2"})), api.CodeAlreadyCreated)
		n := authority.NewOAuthToken{Name: "x", LifetimeDays: new(9), Nonce: "form-3"}
		wantOK(t, third(p.CreateOAuthToken(ctx, p.dev, standard, n)))
		wantCode(t, third(p.CreateOAuthToken(ctx, p.dev, standard, n)), api.CodeAlreadyCreated)
		if len(p.appList(t, p.dev, standard)) != 1 || len(p.oauthList(t, p.dev, standard, false)) != 1 {
			t.Error("a form made two")
		}
	})
}

func TestSecretsOfAppsAndOAuthTokensTakeARecentSignIn(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		p.setPolicy(t, standard, func(policy *token.Policy) { policy.Apps.Secret = token.SecretViewable })
		c := p.appMade(t, p.dev, standard, authority.NewApp{Name: "robot"})
		p.Clock.Advance(15*time.Minute + time.Second)
		keys := publicKeys(t)
		for verb, err := range map[string]error{
			"create":        third(p.CreateApp(ctx, p.dev, standard, authority.NewApp{Name: "x"})),
			"see":           second(p.AppSecret(ctx, p.dev, standard, c.ID)),
			"rotate":        third(p.RotateAppSecret(ctx, p.dev, standard, c.ID, authority.Rotation{})),
			"new keys":      second(p.ChangeApp(ctx, p.dev, standard, c.ID, authority.AppChange{Keys: &keys})),
			"create a pair": third(p.CreateOAuthToken(ctx, p.dev, standard, authority.NewOAuthToken{Name: "x", LifetimeDays: new(9)})),
		} {
			t.Run(verb, func(t *testing.T) { wantCode(t, err, api.CodeRecentSignInRequired) })
		}
		// What makes no secret does not.
		wantOK(t, second(p.ChangeApp(ctx, p.dev, standard, c.ID, authority.AppChange{Scopes: &[]string{"odata:read"}})))
		wantOK(t, second(p.ChangeApp(ctx, p.recent(p.dev), standard, c.ID, authority.AppChange{Keys: &keys})))
		wantOK(t, second(p.ChangeApp(ctx, p.dev, standard, c.ID, authority.AppChange{Keys: new(string)})))
		wantOK(t, second(p.DisableApp(ctx, p.dev, standard, c.ID)))
	})
}

func TestSecretsAreForgottenWhenThePolicyLetsNobodySeeThemAgain(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		c := p.appMade(t, p.dev, apps, authority.NewApp{Name: "robot"})
		db := p.raw(t)
		sealed := func() int { return strings.Count(dump(t, db, "app_secrets"), "sealed=01") } // tink's mark
		if sealed() != 1 {
			t.Fatalf("%d secrets are kept", sealed())
		}
		p.setPolicy(t, apps, func(policy *token.Policy) { policy.Apps.Secret = token.SecretOnce })
		if n := sealed(); n != 0 {
			t.Errorf("%d secrets are still kept", n)
		}
		wantCode(t, second(p.AppSecret(ctx, p.dev, apps, c.ID)), api.CodeActionNotOffered)
		p.setPolicy(t, apps, func(policy *token.Policy) {
			policy.Apps.Secret, policy.Apps.Actions = token.SecretViewable, append(policy.Apps.Actions, token.ActRegenerate)
		})
		wantCode(t, second(p.AppSecret(ctx, p.dev, apps, c.ID)), api.CodeActionNotOffered)
		if v, err := p.App(ctx, p.dev, apps, c.ID); err != nil || v.Kept {
			t.Errorf("it is said to be kept: %v", err)
		}
		p.wantGood(t, c.secret, apps, "odata:read")
		_, secret, err := p.RotateAppSecret(ctx, p.dev, apps, c.ID, authority.Rotation{Keep: time.Hour})
		wantOK(t, err)
		if again, err := p.AppSecret(ctx, p.dev, apps, c.ID); err != nil || again.Reveal() != secret.Reveal() {
			t.Errorf("the new secret is not shown: %v", err)
		}
		if n := sealed(); n != 1 {
			t.Errorf("%d secrets are kept", n)
		}
	})
}

func TestOAuthTokensFallUnderNewRulesWhenTheseAreApplied(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		long, one := p.family(t, p.dev, standard, 365)
		short, two := p.family(t, p.dev, standard, 7)
		member, three := p.family(t, p.member, standard, 365)
		kept, four := p.family(t, p.member, standard, 7)
		over, _ := p.family(t, p.member, standard, 365)
		wantOK(t, second(p.DisableOAuthToken(ctx, p.member, standard, over.ID)))
		v, err := p.Enter(ctx, p.admin, standard)
		wantOK(t, err)
		strict := v.Policy
		strict.OAuthTokens.Expiry.MaxDays, strict.OAuthTokens.Expiry.Proposed, strict.OAuthTokens.Expiry.Presets = 30, 7, []int{7, 30}
		strict.OAuthTokens.Roles = []token.Role{token.Administrator, token.Developer}
		strict.OAuthTokens.Creators = strict.OAuthTokens.Roles
		impact, err := p.PreviewPolicy(ctx, p.admin, standard, strict)
		wantOK(t, err)
		if impact.Tally != (authority.Tally{}) || impact.OAuth != (authority.Tally{Live: 4, Cuts: 2, Breaking: 2}) || len(impact.OAuthBreaches) != 3 {
			t.Fatalf("impact %+v", impact)
		}
		if e := p.wantEvent(t, standard, audit.AllTokensViewed); e.Detail.Count != 3 {
			t.Errorf("audited %+v", e)
		}
		ids := []string{long.ID, short.ID, member.ID, over.ID}
		applied, err := p.ApplyPolicy(ctx, p.admin, standard, ids) // by the old rules
		wantOK(t, err)
		if applied != (authority.Applied{}) {
			t.Errorf("applied %+v", applied)
		}
		_, err = p.SetPolicy(ctx, p.admin, standard, strict)
		wantOK(t, err)
		applied, err = p.ApplyPolicy(ctx, p.admin, standard, ids)
		wantOK(t, err)
		if applied != (authority.Applied{OAuthCut: 1, Disabled: 1}) {
			t.Errorf("applied %+v", applied)
		}
		cut := p.Clock.Now().AddDate(0, 0, 30)
		for id, ends := range map[string]time.Time{long.ID: cut, short.ID: short.ExpiresAt, kept.ID: kept.ExpiresAt, over.ID: over.ExpiresAt} {
			got, err := p.OAuthToken(ctx, p.admin, standard, id)
			wantOK(t, err)
			wantTime(t, "expiry", got.ExpiresAt, ends)
		}
		if got, err := p.OAuthToken(ctx, p.admin, standard, member.ID); err != nil || got.DisableReason != "breaks the policy" || !got.AccessEnded {
			t.Errorf("disabled %+v, %v", got, err)
		}
		p.refreshed(t, one.RefreshToken)
		p.refreshed(t, two.RefreshToken)
		p.ended(t, three.RefreshToken)
		p.ended(t, four.RefreshToken) // for as long as its owner's role can't have one
		_, err = p.SetRole(ctx, p.admin, standard, p.member.User.ID, token.Developer)
		wantOK(t, err)
		p.refreshed(t, four.RefreshToken)
		p.ended(t, three.RefreshToken)
	})
}
