package authority_test

import (
	"testing"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/token"
)

func TestS1_2_ASecondTokenIsRefusedWhileOneExistsEvenWhenItHasEnded(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		first, _ := p.made(t, p.member, single, authority.NewToken{})
		room, err := p.Room(ctx, p.member, single)
		wantOK(t, err)
		if !room.Full() || room.Limit != 1 || room.Held != 1 {
			t.Errorf("room %+v, want full", room)
		}
		_, _, err = p.CreateToken(ctx, p.member, single, authority.NewToken{})
		wantCode(t, err, api.CodeTokenLimitReached)
		p.made(t, p.dev, single, authority.NewToken{}) // the limit is each person's own

		p.Clock.Advance(366 * 24 * time.Hour)
		p.signIn(t)
		if got := p.status(t, p.member, single, first.ID); got != token.Expired {
			t.Fatalf("after a year it is %s", got)
		}
		_, _, err = p.CreateToken(ctx, p.member, single, authority.NewToken{})
		wantCode(t, err, api.CodeTokenLimitReached)
		_, err = p.RevokeToken(ctx, p.admin, single, first.ID, "")
		wantOK(t, err)
		_, _, err = p.CreateToken(ctx, p.member, single, authority.NewToken{})
		wantCode(t, err, api.CodeTokenLimitReached)
		wantOK(t, p.DeleteToken(ctx, p.member, single, first.ID))
		p.made(t, p.member, single, authority.NewToken{})
	})
}

func TestS1_3_AddingAsksNothingAndRefusesWhatIsSaidAllTheSame(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		for field, c := range map[string]struct {
			w    wanted
			code api.Code
		}{
			"name":          {wanted{name: "x"}, api.CodeNameNotTaken},
			"description":   {wanted{description: "x"}, api.CodeNameNotTaken},
			"scopes":        {wanted{scopes: []string{}}, api.CodeScopesNotAccepted},
			"lifetime_days": {wanted{days: 30}, api.CodeExpiryNotAccepted},
			"never":         {wanted{never: true}, api.CodeExpiryNotAccepted},
			"expires_at":    {wanted{at: p.Clock.Now().AddDate(0, 1, 0)}, api.CodeExpiryNotAccepted},
		} {
			_, _, err := p.CreateToken(t.Context(), p.member, single, c.w.token())
			wantField(t, err, field, c.code)
		}
		made, secret := p.made(t, p.member, single, authority.NewToken{})
		if made.Name != "" || made.Description != "" || !made.AllScopes || len(made.Scopes) != 0 {
			t.Errorf("made %+v", made)
		}
		p.wantGood(t, secret, single, "odata:read")
		wantCode(t, p.check(secret, single, token.ScopeManage), api.CodeScopeMissing) // never a reserved one
	})
}

func TestS1_4_ATokenLastsOneCalendarYear(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		for _, c := range []struct{ made, ends string }{
			{"2027-03-01", "2028-03-01"}, // a leap day in between
			{"2028-02-29", "2029-02-28"},
			{"2031-02-28", "2032-02-28"}, // not the leap day
			{"2030-12-31", "2031-12-31"},
		} {
			at, err := time.Parse(time.DateOnly, c.made)
			wantOK(t, err)
			at = at.Add(17*time.Hour + 4*time.Minute + 5*time.Second)
			p.Clock.Set(at)
			made, secret := p.made(t, p.member, single, authority.NewToken{})
			ends, err := time.Parse(time.DateOnly, c.ends)
			wantOK(t, err)
			ends = ends.Add(at.Sub(at.Truncate(24 * time.Hour)))
			wantTime(t, "the expiry of one made on "+c.made, made.ExpiresAt, ends)

			p.Clock.Set(ends.Add(-time.Microsecond))
			p.wantGood(t, secret, single)
			p.Clock.Set(ends)
			p.wantStopped(t, secret, single)
			p.Clock.Set(at)
			wantOK(t, p.DeleteToken(t.Context(), p.member, single, made.ID))
		}
	})
}

func TestS1_5_TheListHasStatusCreationAndExpiry(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		now := p.Clock.Now()
		made, secret := p.made(t, p.member, single, authority.NewToken{})
		p.made(t, p.dev, single, authority.NewToken{})
		list := p.list(t, p.member, single, false)
		if len(list) != 1 || list[0].ID != made.ID || list[0].StatusAt(now) != token.Active {
			t.Fatalf("listed %+v", list)
		}
		wantTime(t, "created on", list[0].CreatedAt, now)
		wantTime(t, "expires", list[0].ExpiresAt, now.AddDate(1, 0, 0))
		if list[0].Hint != secret.Hint() || list[0].Owner.ID != p.member.User.ID {
			t.Errorf("listed %+v", list[0])
		}
	})
}

func TestS1_6_RegeneratingReplacesTheSecretAtOnceAndStartsTheYearAgain(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		made, old := p.made(t, p.member, single, authority.NewToken{})
		p.wantGood(t, old, single, "odata:read")
		p.Clock.Advance(100 * 24 * time.Hour)
		now := p.Clock.Now()
		again, secret, err := p.RegenerateToken(t.Context(), p.recent(p.member), single, made.ID, token.Choice{})
		wantOK(t, err)
		p.wantStopped(t, old, single)
		p.wantGood(t, secret, single, "odata:read")
		if again.ID != made.ID || again.Hint == made.Hint || old.Reveal() == secret.Reveal() {
			t.Errorf("regenerated %+v", again)
		}
		list := p.list(t, p.recent(p.member), single, false)
		if len(list) != 1 {
			t.Fatalf("listed %v", list)
		}
		for _, got := range []token.Token{again, list[0]} {
			wantTime(t, "created on", got.CreatedAt, now)
			wantTime(t, "expires", got.ExpiresAt, now.AddDate(1, 0, 0))
		}
		// An expired one can be regenerated too; that is how it is renewed.
		p.Clock.Set(now.AddDate(1, 0, 1))
		p.wantStopped(t, secret, single)
		_, third, err := p.RegenerateToken(t.Context(), p.recent(p.member), single, made.ID, token.Choice{})
		wantOK(t, err)
		p.wantGood(t, third, single)
		p.wantStopped(t, secret, single)
		_, _, err = p.RegenerateToken(t.Context(), p.recent(p.member), single, made.ID, token.Choice{LifetimeDays: new(3)})
		wantField(t, err, "lifetime_days", api.CodeExpiryNotAccepted)
	})
}

func TestS1_7_DeletingStopsTheSecretTakesTheRowAndMakesRoom(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		made, secret := p.made(t, p.member, single, authority.NewToken{})
		p.wantGood(t, secret, single)
		wantOK(t, p.DeleteToken(t.Context(), p.member, single, made.ID))
		p.wantStopped(t, secret, single)
		if list := p.list(t, p.member, single, false); len(list) != 0 {
			t.Errorf("listed %v", list)
		}
		if _, err := p.Token(t.Context(), p.member, single, made.ID); !isMissing(err) {
			t.Errorf("a deleted token: %v", err)
		}
		room, err := p.Room(t.Context(), p.member, single)
		if err != nil || room.Full() {
			t.Errorf("room %+v, %v", room, err)
		}
		p.made(t, p.member, single, authority.NewToken{})
	})
}

func TestS1_ActionsThatAreNotOfferedAreRefused(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		made, secret := p.made(t, p.member, single, authority.NewToken{})
		_, err := p.RevokeToken(t.Context(), p.member, single, made.ID, "")
		wantCode(t, err, api.CodeActionNotOffered)
		_, err = p.SetTokenScopes(t.Context(), p.member, single, made.ID, []string{"odata:read"})
		wantCode(t, err, api.CodeActionNotOffered)
		p.wantGood(t, secret, single)
		_, err = p.RevokeToken(t.Context(), p.admin, single, made.ID, "left the firm")
		wantOK(t, err)
		p.wantStopped(t, secret, single)
		_, _, err = p.RegenerateToken(t.Context(), p.member, single, made.ID, token.Choice{})
		wantCode(t, err, api.CodeTokenRevoked)
	})
}
