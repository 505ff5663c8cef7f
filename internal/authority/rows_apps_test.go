package authority_test

import (
	"testing"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/token"
)

func TestS2_1_OnlyAdministratorsAndDevelopersHaveTokens(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		made, secret := p.made(t, p.dev, apps, plain(apps, "build"))
		p.made(t, p.admin, apps, plain(apps, "report"))
		for verb, call := range map[string]func() error{
			"create": func() error { _, _, err := p.CreateToken(t.Context(), p.member, apps, plain(apps, "x")); return err },
			"list": func() error {
				_, err := p.Tokens(t.Context(), p.member, apps, authority.TokenQuery{Page: authority.Page{Limit: 10}})
				return err
			},
			"read":   func() error { _, err := p.Token(t.Context(), p.member, apps, made.ID); return err },
			"revoke": func() error { _, err := p.RevokeToken(t.Context(), p.member, apps, made.ID, ""); return err },
			"delete": func() error { return p.DeleteToken(t.Context(), p.member, apps, made.ID) },
		} {
			t.Run(verb, func(t *testing.T) { wantCode(t, call(), api.CodeRoleNotAllowed) })
		}
		p.wantGood(t, secret, apps)
		// Who loses the role loses what their tokens can do.
		_, err := p.SetRole(t.Context(), p.admin, apps, p.dev.User.ID, token.PlainMember)
		wantOK(t, err)
		p.wantStopped(t, secret, apps)
	})
}

func TestS2_8_ATokenHasANameAndExpires12MonthsAfterItsCreation(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		_, _, err := p.CreateToken(t.Context(), p.dev, apps, authority.NewToken{})
		wantField(t, err, "name", api.CodeNameRequired)
		_, _, err = p.CreateToken(t.Context(), p.dev, apps, wanted{name: "x", days: 30}.token())
		wantField(t, err, "lifetime_days", api.CodeExpiryNotAccepted)

		p.Clock.Set(time.Date(2028, 2, 29, 23, 59, 59, 0, time.UTC))
		p.signIn(t)
		made, secret := p.made(t, p.dev, apps, plain(apps, "build"))
		wantTime(t, "expiry", made.ExpiresAt, time.Date(2029, 2, 28, 23, 59, 59, 0, time.UTC))
		p.made(t, p.dev, apps, plain(apps, "build")) // a name is no key here
		p.wantGood(t, secret, apps, "odata:read")

		// Everybody whose page it is sees all of them, with who made each.
		list := p.list(t, p.admin, apps, false)
		if len(list) != 2 || list[1].Owner != p.dev.User || list[1].Name != "build" {
			t.Errorf("listed %+v", list)
		}
		p.Clock.Set(made.ExpiresAt)
		p.signIn(t)
		p.wantStopped(t, secret, apps)
		if got := p.status(t, p.dev, apps, made.ID); got != token.Expired {
			t.Errorf("status %s", got)
		}
	})
}

func TestS2_9_ViewingShowsTheIdentifierToWhoeverHasThePage(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		made, secret := p.made(t, p.dev, apps, plain(apps, "build"))
		for _, by := range []token.Identity{p.dev, p.admin} {
			got, err := p.Token(t.Context(), by, apps, made.ID)
			wantOK(t, err)
			if got.ID != made.ID || got.Name != "build" || got.Hint != secret.Hint() || got.Owner != p.dev.User {
				t.Errorf("viewed %+v", got)
			}
		}
	})
}

func TestS2_10_RevokingStopsTheTokenAndKeepsItsRow(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		made, secret := p.made(t, p.dev, apps, plain(apps, "build"))
		p.wantGood(t, secret, apps)
		p.Clock.Advance(time.Hour)
		got, err := p.RevokeToken(t.Context(), p.dev, apps, made.ID, " lost ")
		wantOK(t, err)
		p.wantStopped(t, secret, apps)
		if got.StatusAt(p.Clock.Now()) != token.Revoked || got.RevokeReason != "lost" {
			t.Errorf("revoked %+v", got)
		}
		wantTime(t, "revoked at", got.RevokedAt, p.Clock.Now())
		list := p.list(t, p.dev, apps, false)
		if len(list) != 1 || list[0].StatusAt(p.Clock.Now()) != token.Revoked {
			t.Errorf("listed %+v", list)
		}
		p.Clock.Advance(time.Hour)
		again, err := p.RevokeToken(t.Context(), p.admin, apps, made.ID, "other")
		wantOK(t, err)
		if again.RevokedAt != got.RevokedAt || again.RevokeReason != "lost" {
			t.Errorf("revoking again changed it: %+v", again)
		}
	})
}

func TestS2_11_OnlyAnExpiredOrRevokedTokenCanBeDeleted(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		live, secret := p.made(t, p.dev, apps, plain(apps, "live"))
		wantCode(t, p.DeleteToken(ctx, p.dev, apps, live.ID), api.CodeDeleteNeedsRevoke)
		wantCode(t, p.DeleteToken(ctx, p.admin, apps, live.ID), api.CodeDeleteNeedsRevoke)
		results, err := p.BatchTokens(ctx, p.admin, apps, authority.Batch{Action: token.ActDelete, IDs: []string{live.ID}})
		wantOK(t, err)
		wantCode(t, results[0].Err, api.CodeDeleteNeedsRevoke)
		p.wantGood(t, secret, apps)

		_, err = p.RevokeToken(ctx, p.dev, apps, live.ID, "")
		wantOK(t, err)
		wantOK(t, p.DeleteToken(ctx, p.dev, apps, live.ID))
		p.wantStopped(t, secret, apps)

		old, secret := p.made(t, p.dev, apps, plain(apps, "old"))
		p.Clock.Set(old.ExpiresAt)
		p.signIn(t)
		wantOK(t, p.DeleteToken(ctx, p.dev, apps, old.ID))
		p.wantStopped(t, secret, apps)
		if list := p.list(t, p.dev, apps, false); len(list) != 0 {
			t.Errorf("listed %v", list)
		}
	})
}

func TestS3_1_OnlyAdministratorsHaveTokens(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		made, _ := p.made(t, p.admin, crm, plain(crm, "dashboard"))
		for _, by := range []token.Identity{p.dev, p.member} {
			_, _, err := p.CreateToken(t.Context(), by, crm, plain(crm, "x"))
			wantCode(t, err, api.CodeRoleNotAllowed)
			_, err = p.Tokens(t.Context(), by, crm, authority.TokenQuery{Page: authority.Page{Limit: 10}})
			wantCode(t, err, api.CodeRoleNotAllowed)
			_, err = p.Token(t.Context(), by, crm, made.ID)
			wantCode(t, err, api.CodeRoleNotAllowed)
			v, err := p.Enter(t.Context(), by, crm)
			wantOK(t, err)
			if v.Policy.Tokens.Holds(v.Role) {
				t.Errorf("the page appears for a %s", v.Role)
			}
		}
	})
}

func TestS3_2_CreatingTakesScopeDescriptionAndExpiry(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		v, err := p.Enter(t.Context(), p.admin, crm)
		wantOK(t, err)
		if entry, ok := v.Catalogue.Find("odata:read"); !ok || entry.Title != "OData API" {
			t.Errorf("scope %+v", entry)
		}
		made, secret := p.made(t, p.admin, crm, wanted{description: " Sales dashboard ", scopes: []string{"odata:read"}, days: 365}.token())
		if made.Description != "Sales dashboard" || made.Scopes.String() != "odata:read" || made.AllScopes {
			t.Errorf("made %+v", made)
		}
		p.wantGood(t, secret, crm, "odata:read")
		_, _, err = p.CreateToken(t.Context(), p.admin, crm, wanted{days: 30}.token())
		wantField(t, err, "scopes", api.CodeScopeRequired)
		_, _, err = p.CreateToken(t.Context(), p.admin, crm, wanted{name: "x", scopes: []string{"odata:read"}, days: 30}.token())
		wantField(t, err, "name", api.CodeNameNotTaken)
	})
}

func TestS3_3_ExpiryIsChosenAmongDaysADateAndNever(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		now := p.Clock.Now()
		read := []string{"odata:read"}
		date := time.Date(2029, 9, 9, 9, 9, 9, 0, time.UTC)
		for _, c := range []struct {
			w    wanted
			ends time.Time
		}{
			{wanted{scopes: read, days: 30}, now.AddDate(0, 0, 30)},
			{wanted{scopes: read, days: 3650}, now.AddDate(0, 0, 3650)},
			{wanted{scopes: read, at: date}, date},
			{wanted{scopes: read, never: true}, time.Time{}},
		} {
			made, secret := p.made(t, p.admin, crm, c.w.token())
			wantTime(t, "expiry", made.ExpiresAt, c.ends)
			p.wantGood(t, secret, crm)
		}
		for field, c := range map[string]struct {
			w    wanted
			code api.Code
		}{
			"expires_at":    {wanted{scopes: read, at: now}, api.CodeLifetimeOutOfRange},
			"lifetime_days": {wanted{scopes: read, days: 3651}, api.CodeLifetimeOutOfRange},
		} {
			_, _, err := p.CreateToken(t.Context(), p.admin, crm, c.w.token())
			wantField(t, err, field, c.code)
		}
		_, _, err := p.CreateToken(t.Context(), p.admin, crm, wanted{scopes: read, days: 3, never: true}.token())
		wantCode(t, err, api.CodeExpiryAmbiguous)
		_, _, err = p.CreateToken(t.Context(), p.admin, crm, wanted{scopes: read}.token())
		wantCode(t, err, api.CodeExpiryRequired)
	})
}

func TestS3_4_AnyTokenCanBeRevokedAtAnyTimeEvenOneThatNeverExpires(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		made, secret := p.made(t, p.admin, crm, wanted{scopes: []string{"odata:read"}, never: true}.token())
		p.Clock.Advance(20 * 365 * 24 * time.Hour)
		p.signIn(t)
		p.wantGood(t, secret, crm, "odata:read")
		_, err := p.RevokeToken(t.Context(), p.admin, crm, made.ID, "")
		wantOK(t, err)
		p.wantStopped(t, secret, crm)
	})
}

func TestS3_5_NobodyMakesATokenForAnother(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		second := p.Join(t, crm, "second@example.com", token.Administrator)
		made, secret := p.made(t, second, crm, plain(crm, "x"))
		if made.Owner != second.User {
			t.Errorf("owner %+v", made.Owner)
		}
		// Not by renewing or changing another's either, under any policy.
		theirs, _ := p.made(t, p.dev, standard, plain(standard, "x"))
		_, _, err := p.RegenerateToken(t.Context(), p.admin, standard, theirs.ID, token.Choice{})
		wantCode(t, err, api.CodeNotOwner)
		_, err = p.SetTokenScopes(t.Context(), p.admin, standard, theirs.ID, []string{"odata:read"})
		wantCode(t, err, api.CodeNotOwner)
		p.wantGood(t, secret, crm)
	})
}

func TestS3_6_RegeneratingAndDeletingDoNotExist(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		made, secret := p.made(t, p.admin, crm, plain(crm, "x"))
		_, _, err := p.RegenerateToken(t.Context(), p.admin, crm, made.ID, token.Choice{LifetimeDays: new(30)})
		wantCode(t, err, api.CodeActionNotOffered)
		wantCode(t, p.DeleteToken(t.Context(), p.admin, crm, made.ID), api.CodeActionNotOffered)
		p.wantGood(t, secret, crm)
		_, err = p.RevokeToken(t.Context(), p.admin, crm, made.ID, "")
		wantOK(t, err)
		p.made(t, p.admin, crm, plain(crm, "x"))
	})
}
