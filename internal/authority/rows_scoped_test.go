package authority_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/token"
)

func TestS5_2_ANameIsUniqueForItsOwnerAndScopesComeFromTheList(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		v, err := p.Enter(t.Context(), p.dev, scoped)
		wantOK(t, err)
		if names := v.Catalogue.Held(token.PlainMember); !slices.Equal(names, token.Scopes{"collection", "device", "policy", "odata:read"}) {
			t.Errorf("the list has %v", names)
		}
		made, secret := p.made(t, p.dev, scoped, wanted{name: " sync ", scopes: []string{"policy", "collection"}}.token())
		if made.Name != "sync" || made.Scopes.String() != "collection policy" {
			t.Errorf("made %+v", made)
		}
		p.wantGood(t, secret, scoped, "collection", "policy")
		wantCode(t, p.check(secret, scoped, "device"), api.CodeScopeMissing)

		for field, c := range map[string]struct {
			w    wanted
			code api.Code
		}{
			"name":     {wanted{name: "sync", scopes: []string{"device"}}, api.CodeNameTaken},
			"scopes":   {wanted{name: "a"}, api.CodeScopeRequired},
			"scopes.1": {wanted{name: "a", scopes: []string{"device", "Device"}}, api.CodeScopeUnknown},
			"scopes.0": {wanted{name: "a", scopes: []string{token.ScopeAdmin}}, api.CodeScopeNotAllowed},
		} {
			_, _, err := p.CreateToken(t.Context(), p.dev, scoped, c.w.token())
			wantField(t, err, field, c.code)
		}
		_, _, err = p.CreateToken(t.Context(), p.dev, scoped, wanted{scopes: []string{"device"}}.token())
		wantField(t, err, "name", api.CodeNameRequired)

		p.made(t, p.member, scoped, wanted{name: "sync", scopes: []string{"device"}}.token()) // another owner's
		wantOK(t, p.DeleteToken(t.Context(), p.dev, scoped, made.ID))
		p.made(t, p.dev, scoped, wanted{name: "sync", scopes: []string{"device"}}.token())
	})
}

func TestS5_3_TheSecretIsGivenOnceAndIsGood(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		made, secret := p.made(t, p.dev, scoped, plain(scoped, "a"))
		if kind, ok := p.Format.Parse(secret.Reveal()); !ok || kind != token.KindPAT {
			t.Errorf("the secret's form: %v %v", kind, ok)
		}
		p.wantGood(t, secret, scoped, "device")
		p.wantStopped(t, secret, single) // a token of one workspace is no token of another
		got, err := p.Token(t.Context(), p.dev, scoped, made.ID)
		wantOK(t, err)
		if text := fmt.Sprintf("%+v", got); len(got.Hint) != 4 || slices.Contains([]string{text}, secret.Reveal()) {
			t.Errorf("kept %s", text)
		}
	})
}

func TestS5_4_TheListHasNameScopeCreationAndAnExpiryThatThePolicySet(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		now := p.Clock.Now()
		_, _, err := p.CreateToken(t.Context(), p.dev, scoped, wanted{name: "a", scopes: []string{"device"}, days: 7}.token())
		wantField(t, err, "lifetime_days", api.CodeExpiryNotAccepted)
		p.made(t, p.dev, scoped, plain(scoped, "a"))
		p.Clock.Advance(time.Minute)
		p.made(t, p.dev, scoped, plain(scoped, "b"))
		p.made(t, p.member, scoped, plain(scoped, "c"))
		list := p.list(t, p.dev, scoped, false)
		if len(list) != 2 || list[0].Name != "b" || list[1].Name != "a" || list[1].Scopes.String() != "device" {
			t.Fatalf("listed %+v", list)
		}
		wantTime(t, "creation", list[1].CreatedAt, now)
		wantTime(t, "expiration", list[1].ExpiresAt, now.AddDate(1, 0, 0))
	})
}

func TestS5_5_EditingChangesOnlyTheScopeAndCountsAtTheNextRequest(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		made, secret := p.made(t, p.dev, scoped, wanted{name: "a", scopes: []string{"device"}}.token())
		p.wantGood(t, secret, scoped, "device")
		p.Clock.Advance(time.Hour)
		edited, err := p.SetTokenScopes(t.Context(), p.dev, scoped, made.ID, []string{"policy", "collection"})
		wantOK(t, err)
		p.wantGood(t, secret, scoped, "collection", "policy")
		wantCode(t, p.check(secret, scoped, "device"), api.CodeScopeMissing)
		want := made
		want.Scopes = token.Scopes{"collection", "policy"}
		got, err := p.Token(t.Context(), p.dev, scoped, made.ID)
		wantOK(t, err)
		for _, got := range []token.Token{edited, got} {
			got.LastUsedAt, got.LastUsedIP = want.LastUsedAt, want.LastUsedIP
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("edited %+v, want %+v", got, want)
			}
		}
		for field, c := range map[string]struct {
			scopes []string
			code   api.Code
		}{
			"scopes":   {nil, api.CodeScopeRequired},
			"scopes.0": {[]string{"nothing"}, api.CodeScopeUnknown},
		} {
			_, err := p.SetTokenScopes(t.Context(), p.dev, scoped, made.ID, c.scopes)
			wantField(t, err, field, c.code)
		}
		p.wantGood(t, secret, scoped, "collection", "policy")
		_, err = p.RevokeToken(t.Context(), p.admin, scoped, made.ID, "")
		wantOK(t, err)
		_, err = p.SetTokenScopes(t.Context(), p.dev, scoped, made.ID, []string{"device"})
		wantCode(t, err, api.CodeTokenRevoked)
	})
}

func TestS5_6_DeletingStopsTheSecretAtOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		made, secret := p.made(t, p.dev, scoped, plain(scoped, "a"))
		p.wantGood(t, secret, scoped, "device")
		_, err := p.RevokeToken(t.Context(), p.dev, scoped, made.ID, "")
		wantCode(t, err, api.CodeActionNotOffered) // the page's "Revoke" deletes
		wantOK(t, p.DeleteToken(t.Context(), p.dev, scoped, made.ID))
		p.wantStopped(t, secret, scoped)
	})
}

func TestStandardOffersEveryActionOnNamedScopedTokens(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		now := p.Clock.Now()
		made, secret := p.made(t, p.member, standard, wanted{name: "a", description: "d", scopes: []string{"odata:read", token.ScopeManage}, days: 90}.token())
		wantTime(t, "expiry", made.ExpiresAt, now.AddDate(0, 0, 90))
		p.wantGood(t, secret, standard, "odata:read", token.ScopeManage)
		_, err := p.SetTokenScopes(ctx, p.member, standard, made.ID, []string{"odata:read"})
		wantOK(t, err)
		wantCode(t, p.check(secret, standard, token.ScopeManage), api.CodeScopeMissing)

		p.Clock.Advance(24 * time.Hour)
		again, second, err := p.RegenerateToken(ctx, p.recent(p.member), standard, made.ID, token.Choice{})
		wantOK(t, err)
		wantTime(t, "expiry of the renewed", again.ExpiresAt, p.Clock.Now().AddDate(0, 0, 90)) // as long again
		again, third, err := p.RegenerateToken(ctx, p.recent(p.member), standard, made.ID, token.Choice{LifetimeDays: new(7)})
		wantOK(t, err)
		wantTime(t, "expiry of the renewed", again.ExpiresAt, p.Clock.Now().AddDate(0, 0, 7))
		p.wantStopped(t, secret, standard)
		p.wantStopped(t, second, standard)
		p.wantGood(t, third, standard, "odata:read")

		_, err = p.RevokeToken(ctx, p.member, standard, made.ID, "")
		wantOK(t, err)
		p.wantStopped(t, third, standard)
		wantOK(t, p.DeleteToken(ctx, p.member, standard, made.ID))
		live, fourth := p.made(t, p.member, standard, plain(standard, "a"))
		wantOK(t, p.DeleteToken(ctx, p.member, standard, live.ID)) // at any time
		p.wantStopped(t, fourth, standard)
	})
}

func TestStandardBoundsExpiryAndNeverAllowsNever(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		now := p.Clock.Now()
		read := []string{"odata:read"}
		for _, c := range []struct {
			w     wanted
			field string
			code  api.Code
		}{
			{wanted{never: true}, "never", api.CodeNeverNotAllowed},
			{wanted{days: 366}, "lifetime_days", api.CodeLifetimeOutOfRange},
			{wanted{days: -1}, "lifetime_days", api.CodeLifetimeOutOfRange},
			{wanted{at: now.Add(-time.Second)}, "expires_at", api.CodeLifetimeOutOfRange},
			{wanted{at: now.AddDate(0, 0, 365).Add(time.Microsecond)}, "expires_at", api.CodeLifetimeOutOfRange},
			{wanted{}, "lifetime_days", api.CodeExpiryRequired},
		} {
			c.w.name, c.w.scopes = "a", read
			_, _, err := p.CreateToken(t.Context(), p.member, standard, c.w.token())
			wantField(t, err, c.field, c.code)
		}
		n := wanted{name: "a", scopes: read}.token()
		n.Expiry.LifetimeDays = new(0)
		_, _, err := p.CreateToken(t.Context(), p.member, standard, n)
		wantField(t, err, "lifetime_days", api.CodeLifetimeOutOfRange)
		made, _ := p.made(t, p.member, standard, wanted{name: "a", scopes: read, at: now.AddDate(0, 0, 365)}.token())
		wantTime(t, "expiry", made.ExpiresAt, now.AddDate(0, 0, 365))
		p.made(t, p.member, standard, wanted{name: "b", scopes: read, at: now.Add(time.Hour)}.token())
	})
}

func TestStandardHoldsFiftyLiveTokensAndEndedOnesDoNotCount(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		var ids []string
		for i := range 50 {
			w := wanted{name: fmt.Sprint("t", i), scopes: []string{"odata:read"}, days: 90}
			if i == 0 {
				w.days = 1
			}
			made, _ := p.made(t, p.member, standard, w.token())
			ids = append(ids, made.ID)
		}
		_, _, err := p.CreateToken(t.Context(), p.member, standard, plain(standard, "one more"))
		wantCode(t, err, api.CodeTokenLimitReached)
		p.made(t, p.dev, standard, plain(standard, "mine")) // another's room is their own
		_, err = p.RevokeToken(t.Context(), p.member, standard, ids[7], "")
		wantOK(t, err)
		p.made(t, p.member, standard, plain(standard, "one more"))
		p.Clock.Advance(24 * time.Hour) // the first has expired
		p.signIn(t)
		p.made(t, p.member, standard, plain(standard, "two more"))
		_, _, err = p.RegenerateToken(t.Context(), p.member, standard, ids[0], token.Choice{})
		wantCode(t, err, api.CodeTokenLimitReached) // it would be live again
		_, _, err = p.RegenerateToken(t.Context(), p.member, standard, ids[1], token.Choice{})
		wantOK(t, err)
		room, err := p.Room(t.Context(), p.member, standard)
		wantOK(t, err)
		if room != (authority.Room{Held: 50, Limit: 50}) {
			t.Errorf("room %+v", room)
		}
	})
}

func TestStandardIsOnesOwnListAndAdministratorsStopAnyTokenUnderEveryPolicy(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		for _, ws := range []string{standard, single, apps, scoped} {
			first, one := p.made(t, p.dev, ws, plain(ws, "first"))
			if all := p.list(t, p.admin, ws, true); len(all) != 1 || all[0].ID != first.ID {
				t.Errorf("%s: an administrator sees %v", ws, all)
			}
			_, err := p.RevokeToken(ctx, p.admin, ws, first.ID, "audit")
			wantOK(t, err)
			p.wantStopped(t, one, ws)
			wantOK(t, p.DeleteToken(ctx, p.admin, ws, first.ID))
		}
		mine, secret := p.made(t, p.dev, standard, plain(standard, "mine"))
		if list := p.list(t, p.member, standard, false); len(list) != 0 {
			t.Errorf("a member sees %v", list)
		}
		for _, act := range []func() error{
			func() error { _, err := p.Token(ctx, p.member, standard, mine.ID); return err },
			func() error { _, err := p.RevokeToken(ctx, p.member, standard, mine.ID, ""); return err },
			func() error { return p.DeleteToken(ctx, p.member, standard, mine.ID) },
			func() error {
				_, _, err := p.RegenerateToken(ctx, p.member, standard, mine.ID, token.Choice{})
				return err
			},
		} {
			wantCode(t, act(), api.CodeNotOwner)
		}
		p.wantGood(t, secret, standard)
	})
}
