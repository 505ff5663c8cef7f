package authority_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

func TestAnUnknownAccountAndAWrongPasswordGetTheSameAnswer(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		_, _, err := p.Invite(t.Context(), p.admin, standard, authority.Invitation{Email: "pending@example.com", Role: token.Developer})
		wantOK(t, err)
		var first *fault.Error
		for _, c := range [][2]string{
			{testkit.Dev, "wrong"},
			{testkit.Dev, ""},
			{"nobody@example.com", testkit.Password},
			{"pending@example.com", ""},
			{"no address", "x"},
			{"", ""},
			{testkit.Dev, string(make([]byte, 1<<20))},
			{testkit.Dev, "\xff\x00"},
			{"a\x00@example.com", "x"},
		} {
			secret, by, err := p.SignIn(t.Context(), c[0], c[1], testkit.Origin())
			f := fault.From(err)
			if first == nil {
				first = f
			}
			if f.Code != api.CodeWrongCredentials || f.Kind != fault.Unauthenticated || f.Detail != first.Detail || len(f.Fields) != 0 {
				t.Errorf("%.20q: %v", c, err)
			}
			if secret.Reveal() != "" || by.User.ID != "" {
				t.Errorf("%.20q: a refused sign-in gave something", c)
			}
		}
		_, by, err := p.SignIn(t.Context(), " DEV@example.com ", testkit.Password, testkit.Origin())
		wantOK(t, err)
		if by.User != p.dev.User {
			t.Errorf("signed in %+v", by)
		}
	})
}

func TestSignInIsThrottledPerAccountAndAddressAndForgivenByTheClock(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		here, there := testkit.Origin(), testkit.Origin()
		there.Address = netip.MustParseAddr("2001:db8::1")
		fail := func(n int) {
			for range n {
				_, _, err := p.SignIn(ctx, testkit.Dev, "wrong", here)
				wantCode(t, err, api.CodeWrongCredentials)
			}
		}
		fail(9)
		_, _, err := p.SignIn(ctx, testkit.Dev, testkit.Password, here)
		wantOK(t, err)
		fail(5) // a success starts the count again
		p.Clock.Advance(time.Minute)
		fail(5)
		for _, from := range []string{"203.0.113.7", "::ffff:203.0.113.7"} { // one address, however it is written
			o := here
			o.Address = netip.MustParseAddr(from)
			_, _, err = p.SignIn(ctx, "Dev@Example.com", testkit.Password, o)
			f := fault.From(err)
			if f.Code != api.CodeThrottled || f.Kind != fault.Throttled || f.RetryAfter != 14*time.Minute {
				t.Errorf("throttled: %v after %v", err, f.RetryAfter)
			}
		}
		wantCode(t, p.ChangePassword(ctx, p.dev, testkit.Password, "another password"), api.CodeThrottled)
		_, _, err = p.SignIn(ctx, testkit.Dev, testkit.Password, there)
		wantOK(t, err) // nobody is locked out for everyone
		_, _, err = p.SignIn(ctx, testkit.Member, testkit.Password, here)
		wantOK(t, err)
		p.Clock.Advance(14 * time.Minute)
		_, _, err = p.SignIn(ctx, testkit.Dev, testkit.Password, here)
		wantOK(t, err)
	})
}

func TestParallelSignInsThrottleGuessesAndNothingElse(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		got := together(16, func(int) error { return third(p.SignIn(t.Context(), testkit.Dev, testkit.Password, testkit.Origin())) })
		wantCounts(t, got, map[api.Code]int{ok: 16})
		got = together(16, func(i int) error {
			return third(p.SignIn(t.Context(), testkit.Dev, fmt.Sprint("guess ", i), testkit.Origin()))
		})
		wantCounts(t, got, map[api.Code]int{api.CodeWrongCredentials: 10, api.CodeThrottled: 6})
	})
}

func TestASessionEndsWhenIdleAndAtTheLatestAfterAWeek(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		cookie, by, err := p.SignIn(ctx, testkit.Dev, testkit.Password, testkit.Origin())
		wantOK(t, err)
		idle, _, err := p.SignIn(ctx, testkit.Dev, testkit.Password, testkit.Origin())
		wantOK(t, err)
		got, err := p.Session(ctx, cookie, testkit.Origin())
		wantOK(t, err)
		if got != by {
			t.Errorf("identity %+v, want %+v", got, by)
		}
		began := p.Clock.Now()
		for p.Clock.Now().Sub(began) < authority.SessionMax-authority.SessionIdle {
			p.Clock.Advance(authority.SessionIdle - time.Second)
			_, err := p.Session(ctx, cookie, testkit.Origin())
			wantOK(t, err)
		}
		_, err = p.Session(ctx, idle, testkit.Origin())
		wantCode(t, err, api.CodeSignInRequired)
		p.Clock.Set(began.Add(authority.SessionMax - time.Microsecond))
		_, err = p.Session(ctx, cookie, testkit.Origin())
		wantOK(t, err)
		p.Clock.Advance(time.Microsecond)
		_, err = p.Session(ctx, cookie, testkit.Origin())
		wantCode(t, err, api.CodeSignInRequired)
		wantOK(t, p.Sweep(ctx))

		for _, text := range []string{"", "x", "\x00", string(make([]byte, 1<<20))} {
			_, err := p.Session(ctx, token.SecretOf(text), testkit.Origin())
			if f := fault.From(err); f.Code != api.CodeSignInRequired || f.Kind != fault.Unauthenticated {
				t.Errorf("%.9q: %v", text, err)
			}
		}
	})
}

func TestSigningOutEndsASessionOrAll(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		var cookies []token.Secret
		var by token.Identity
		for range 3 {
			cookie, who, err := p.SignIn(ctx, testkit.Dev, testkit.Password, testkit.Origin())
			wantOK(t, err)
			cookies, by = append(cookies, cookie), who
		}
		live := func() (n int) {
			for _, c := range cookies {
				if _, err := p.Session(ctx, c, testkit.Origin()); err == nil {
					n++
				}
			}
			return n
		}
		wantOK(t, p.SignOut(ctx, by))
		if live() != 2 {
			t.Errorf("%d sessions are left", live())
		}
		wantOK(t, p.SignOutEverywhere(ctx, by))
		if live() != 0 {
			t.Errorf("%d sessions are left", live())
		}
		if _, err := p.Session(ctx, p.Cookies[testkit.Member], testkit.Origin()); err != nil {
			t.Errorf("another person's session ended: %v", err)
		}
		_, _, err := p.SignIn(ctx, testkit.Dev, testkit.Password, testkit.Origin())
		wantOK(t, err)
	})
}

func TestChangingThePasswordTakesTheOldOneAndEndsEveryOtherWayIn(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		const next = "an entirely new one"
		link, err := p.ResetPassword(ctx, token.Identity{System: "test"}, testkit.Dev)
		wantOK(t, err)
		wantField(t, p.ChangePassword(ctx, p.dev, "wrong", next), "current", api.CodeWrongCredentials)
		for _, weak := range []string{"", "seven77", "\xff\xff\xff\xff\xff\xff\xff\xff", "nul\x00nul\x00nul", string(make([]byte, 257)), "DEV@example.com"} {
			wantField(t, p.ChangePassword(ctx, p.dev, testkit.Password, weak), "new", api.CodePasswordTooWeak)
		}
		other, _, err := p.SignIn(ctx, testkit.Dev, testkit.Password, testkit.Origin())
		wantOK(t, err)
		_, secret := p.made(t, p.dev, standard, plain(standard, "a"))

		wantOK(t, p.ChangePassword(ctx, p.dev, testkit.Password, next))
		if _, err := p.Session(ctx, p.Cookies[testkit.Dev], testkit.Origin()); err != nil {
			t.Errorf("one's own session ended: %v", err)
		}
		_, err = p.Session(ctx, other, testkit.Origin())
		wantCode(t, err, api.CodeSignInRequired)
		_, err = p.LinkOwner(ctx, link)
		wantCode(t, err, api.CodeLinkInvalid)
		_, _, err = p.SignIn(ctx, testkit.Dev, testkit.Password, testkit.Origin())
		wantCode(t, err, api.CodeWrongCredentials)
		_, _, err = p.SignIn(ctx, testkit.Dev, next, testkit.Origin())
		wantOK(t, err)
		p.wantGood(t, secret, standard) // tokens are credentials of their own
	})
}

func TestParallelPasswordChangesLeaveOnePasswordAndNoSessionByTheOldOne(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		const n = 6
		cookies := make([]token.Secret, n)
		got := together(n, func(i int) (err error) {
			if i%3 == 0 {
				return p.ChangePassword(ctx, p.dev, testkit.Password, fmt.Sprint("new password ", i))
			}
			cookies[i], _, err = p.SignIn(ctx, testkit.Dev, testkit.Password, testkit.Origin())
			return err
		})
		if got[api.CodeInternal] != 0 {
			t.Errorf("outcomes %v", got)
		}
		for _, c := range cookies {
			if c.Reveal() == "" {
				continue
			}
			_, err := p.Session(ctx, c, testkit.Origin())
			wantCode(t, err, api.CodeSignInRequired)
		}
		works := 0
		for _, i := range []int{0, 3} {
			o := testkit.Origin()
			o.Address = netip.MustParseAddr("192.0.2.1")
			if _, _, err := p.SignIn(ctx, testkit.Dev, fmt.Sprint("new password ", i), o); err == nil {
				works++
			}
		}
		if works != 1 {
			t.Errorf("%d passwords work", works)
		}
	})
}

func TestMakingASecretTakesASignInOfTheLast15Minutes(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		made, _ := p.made(t, p.dev, standard, plain(standard, "a"))
		p.Clock.Advance(15 * time.Minute)
		_, _, err := p.CreateToken(ctx, p.dev, standard, plain(standard, "b"))
		wantOK(t, err)
		p.Clock.Advance(time.Microsecond)
		for _, err := range []error{
			third(p.CreateToken(ctx, p.dev, standard, plain(standard, "c"))),
			third(p.RegenerateToken(ctx, p.dev, standard, made.ID, token.Choice{})),
		} {
			wantCode(t, err, api.CodeRecentSignInRequired)
		}
		_, err = p.SetTokenScopes(ctx, p.dev, standard, made.ID, []string{"odata:read"})
		wantOK(t, err) // no secret is made
		_, err = p.RevokeToken(ctx, p.dev, standard, made.ID, "")
		wantOK(t, err)
		// A refusal that signing in would not mend comes first.
		_, _, err = p.CreateToken(ctx, p.dev, standard, wanted{name: "x", scopes: []string{"odata:read"}, days: 999}.token())
		wantCode(t, err, api.CodeLifetimeOutOfRange)
		_, _, err = p.CreateToken(ctx, p.As(t, testkit.Dev), standard, plain(standard, "c"))
		wantOK(t, err)
	})
}

func TestAnInvitationSetsAPasswordOnceWithinAWeek(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		m, first, err := p.Invite(ctx, p.admin, standard, authority.Invitation{Email: "Bo@Example.com", Role: token.Developer})
		wantOK(t, err)
		if m.User.Email != "bo@example.com" || m.User.Name != "bo@example.com" || m.Role != token.Developer {
			t.Errorf("invited %+v", m)
		}
		_, _, err = p.Invite(ctx, p.admin, standard, authority.Invitation{Email: "bo@example.com", Role: token.Developer})
		wantField(t, err, "email", api.CodeAlreadyMember)
		link, err := p.RenewInvitation(ctx, p.admin, standard, m.User.ID)
		wantOK(t, err)
		_, err = p.LinkOwner(ctx, first)
		wantCode(t, err, api.CodeLinkInvalid) // replaced
		who, err := p.LinkOwner(ctx, link)
		wantOK(t, err)
		if who != m.User.Person {
			t.Errorf("the link is for %+v", who)
		}
		_, _, err = p.RedeemLink(ctx, link, "short", testkit.Origin())
		wantField(t, err, "password", api.CodePasswordTooWeak)
		p.Clock.Advance(7 * 24 * time.Hour)
		_, _, err = p.RedeemLink(ctx, link, "long enough", testkit.Origin())
		wantCode(t, err, api.CodeLinkInvalid)
		_, err = p.RenewInvitation(ctx, p.admin, standard, m.User.ID)
		wantCode(t, err, api.CodeRecentSignInRequired) // a link is a secret
		_, _, err = p.Invite(ctx, p.admin, standard, authority.Invitation{Email: "new@example.com", Role: token.Developer})
		wantCode(t, err, api.CodeRecentSignInRequired)
		link, err = p.RenewInvitation(ctx, p.recent(p.admin), standard, m.User.ID)
		wantOK(t, err)
		cookie, by, err := p.RedeemLink(ctx, link, "long enough", testkit.Origin())
		wantOK(t, err)
		if by.User.ID != m.User.ID || by.InstallationAdmin {
			t.Errorf("signed in %+v", by)
		}
		_, err = p.Session(ctx, cookie, testkit.Origin())
		wantOK(t, err)
		_, err = p.RenewInvitation(ctx, p.admin, standard, m.User.ID)
		wantCode(t, err, api.CodeAlreadyMember) // it would open an account that is in use
	})
}

func TestALinkNeverOpensMoreThanTheWorkspaceOfWhoMadeIt(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		m, _, err := p.Invite(ctx, p.admin, standard, authority.Invitation{Email: "bo@example.com", Role: token.Developer})
		wantOK(t, err)
		err = p.SetInstallationAdmin(ctx, p.admin, "bo@example.com", true)
		wantField(t, err, "email", api.CodeInvalid) // not before they have a password
		_, link, err := p.Invite(ctx, p.admin, single, authority.Invitation{Email: "bo@example.com", Role: token.Developer})
		wantOK(t, err)
		if link.Reveal() != "" {
			t.Error("a second workspace got a link into the account")
		}
		_, err = p.RenewInvitation(ctx, p.admin, standard, m.User.ID)
		wantCode(t, err, api.CodeAlreadyMember)
	})
}

func TestAResetLinkIsGoodForADay(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		shell := token.Identity{System: "test"}
		_, err := p.ResetPassword(ctx, shell, "nobody@example.com")
		wantCode(t, err, api.CodeNotFound)
		_, err = p.ResetPassword(ctx, shell, "no address")
		wantField(t, err, "email", api.CodeInvalid)
		wantCode(t, p.SetPassword(ctx, shell, "nobody@example.com", "x"), api.CodeNotFound)
		link, err := p.ResetPassword(ctx, shell, testkit.Dev)
		wantOK(t, err)
		p.Clock.Advance(24*time.Hour - time.Microsecond)
		_, err = p.LinkOwner(ctx, link)
		wantOK(t, err)
		p.Clock.Advance(time.Microsecond)
		_, err = p.LinkOwner(ctx, link)
		wantCode(t, err, api.CodeLinkInvalid)
		for _, text := range []string{"", "x", "\x00\xff", string(make([]byte, 1<<20))} {
			_, err := p.LinkOwner(ctx, token.SecretOf(text))
			wantCode(t, err, api.CodeLinkInvalid)
		}
		link, err = p.ResetPassword(ctx, shell, testkit.Dev)
		wantOK(t, err)
		cookie, _, err := p.SignIn(ctx, testkit.Dev, testkit.Password, testkit.Origin())
		wantOK(t, err)
		_, _, err = p.RedeemLink(ctx, link, "an entirely new one", testkit.Origin())
		wantOK(t, err)
		_, err = p.Session(ctx, cookie, testkit.Origin())
		wantCode(t, err, api.CodeSignInRequired) // whoever had the old password is out
	})
}
