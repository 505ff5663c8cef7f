package authority_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// day is a moment on a later day; everybody signs in again.
func (p *place) day(t testing.TB, d time.Duration) {
	t.Helper()
	p.Clock.Advance(d)
	p.signIn(t)
}

func TestARefreshTokenIsReplacedAtEachUse(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		made, first := p.family(t, p.dev, standard, 30)
		chain := []token.Secret{first.RefreshToken}
		for range 5 {
			p.day(t, time.Hour)
			p.wantStopped(t, first.AccessToken, standard)
			got := p.refreshed(t, chain[len(chain)-1])
			if kind, ok := p.Format.Parse(got.RefreshToken.Reveal()); !ok || kind != token.KindRefresh || slices.ContainsFunc(chain, func(s token.Secret) bool { return s.Hash() == got.RefreshToken.Hash() }) {
				t.Fatal("no refresh token of its own")
			}
			chain = append(chain, got.RefreshToken)
			p.wantGood(t, got.AccessToken, standard, "odata:read")
			c := said(t, got.AccessToken)
			if got.ExpiresIn != time.Hour || c.ClientID != token.UserClient || c.Subject != p.dev.User.ID || c.SourceID != made.ID || c.Epoch != 0 || c.Parents != "" {
				t.Errorf("refreshed %+v: %+v", got, c)
			}
		}
		now, err := p.OAuthToken(t.Context(), p.dev, standard, made.ID)
		wantOK(t, err)
		wantTime(t, "expiry", now.ExpiresAt, made.ExpiresAt) // however often it is refreshed
		wantTime(t, "last refresh", now.LastRefreshedAt, p.Clock.Now())

		list := p.events(t, standard, audit.OAuthRefreshed)
		if len(list) != 5 {
			t.Fatalf("%d refreshes are audited", len(list))
		}
		e := list[0]
		if e.ActorID != p.dev.User.ID || e.ActorName != p.dev.User.Name || e.Via != made.ID || e.TargetKind != "oauth_token" || e.TargetID != made.ID ||
			e.TargetName != "notebook" || e.OwnerID != p.dev.User.ID || e.Address != testkit.Origin().Address || e.RequestID != testkit.Origin().RequestID {
			t.Errorf("audited %+v", e)
		}
		// None of them is kept or told in clear.
		everything := dump(t, p.raw(t), append(tables(), "oauth_tokens", "refresh_tokens")...)
		for _, s := range chain {
			if strings.Contains(everything, s.Reveal()) {
				t.Error("a refresh token is in the database")
			}
		}
	})
}

func TestAReplayedRefreshTokenEndsTheWholeFamily(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		for name, stays := range map[string]token.AfterStop{"where access tokens stop at once": token.StopAtOnce, "where they run out": token.UntilExpiry} {
			p.Clock.Advance(time.Second) // the newest event comes first
			p.setPolicy(t, standard, func(policy *token.Policy) { policy.AfterStop = stays })
			made, first := p.family(t, p.dev, standard, 30)
			_, other := p.family(t, p.dev, standard, 30)
			second := p.refreshed(t, first.RefreshToken)
			third := p.refreshed(t, second.RefreshToken)
			before := len(p.events(t, standard, audit.RefreshReused))
			for _, jwt := range []token.Secret{first.AccessToken, second.AccessToken, third.AccessToken} {
				p.wantGood(t, jwt, standard)
			}
			_, err := p.refresh(first.RefreshToken)
			wantCode(t, err, api.CodeInvalidGrant)
			for _, jwt := range []token.Secret{first.AccessToken, second.AccessToken, third.AccessToken} {
				if p.check(jwt, standard) == nil { // RFC 9700 says so, whatever the policy says of people's own stopping
					t.Errorf("%s: an access token of the family still works", name)
				}
			}
			for _, s := range []token.Secret{first.RefreshToken, second.RefreshToken, third.RefreshToken} {
				p.ended(t, s)
			}
			now, err := p.OAuthToken(t.Context(), p.dev, standard, made.ID)
			wantOK(t, err)
			wantTime(t, "reuse", now.ReusedAt, p.Clock.Now())
			if now.StatusAt(p.Clock.Now()) != token.Disabled || !now.AccessEnded || now.DisableReason == "" {
				t.Errorf("the owner is told %+v", now)
			}
			list := p.events(t, standard, audit.RefreshReused)
			if len(list) != before+1 {
				t.Fatalf("%d reuses are audited", len(list)-before)
			}
			// Who it was, nobody knows; whose it was, is known.
			if e := list[0]; e.ActorID != "" || e.OwnerID != p.dev.User.ID || e.TargetID != made.ID || e.Via != made.ID || e.Detail.Reason == "" {
				t.Errorf("audited %+v", e)
			}
			p.refreshed(t, other.RefreshToken) // another family has nothing to do with it
		}
	})
}

func TestALostAnswerIsForgivenFor30Seconds(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		made, first := p.family(t, p.dev, standard, 30)
		lost := p.refreshed(t, first.RefreshToken)
		for range 3 {
			p.Clock.Advance(10 * time.Second)
			again := p.refreshed(t, first.RefreshToken)
			if again.RefreshToken.Hash() != lost.RefreshToken.Hash() {
				t.Error("another successor is given out")
			}
			if said(t, again.AccessToken).ID == said(t, lost.AccessToken).ID {
				t.Error("no access token of its own")
			}
			p.wantGood(t, again.AccessToken, standard)
		}
		p.Clock.Advance(time.Microsecond)
		p.ended(t, first.RefreshToken)
		p.ended(t, lost.RefreshToken)
		now, err := p.OAuthToken(t.Context(), p.dev, standard, made.ID)
		wantOK(t, err)
		if now.ReusedAt.IsZero() {
			t.Error("nobody is told of the reuse")
		}
	})
}

func TestNothingIsForgivenOnceTheSuccessorWasUsed(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		for name, rule := range map[string]token.Refresh{"and replaced": token.Rotate, "and stays": token.Reusable} {
			p.setPolicy(t, standard, func(policy *token.Policy) { policy.Refresh = token.Rotate })
			_, first := p.family(t, p.dev, standard, 30)
			second := p.refreshed(t, first.RefreshToken)
			if !strings.Contains(dump(t, p.raw(t), "refresh_tokens"), "sealed=") {
				t.Fatal("the successor is not kept")
			}
			p.setPolicy(t, standard, func(policy *token.Policy) { policy.Refresh = rule })
			third := p.refreshed(t, second.RefreshToken)
			p.ended(t, first.RefreshToken) // in the same moment
			for _, s := range []token.Secret{second.RefreshToken, third.RefreshToken} {
				if _, err := p.refresh(s); err == nil {
					t.Errorf("used %s: the family lives", name)
				}
			}
		}
	})
}

// sealed counts the successors that are kept.
func (p *place) sealed(t *testing.T) (n int) {
	t.Helper()
	wantOK(t, p.raw(t).QueryRowContext(t.Context(), "select count(*) from refresh_tokens where sealed is not null").Scan(&n))
	return n
}

func TestASuccessorIsKeptSealedAndErasedWhenItIsUsedOrTooOld(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		_, first := p.family(t, p.dev, standard, 30)
		_, other := p.family(t, p.dev, standard, 30)
		second := p.refreshed(t, first.RefreshToken)
		p.refreshed(t, other.RefreshToken)
		if n := p.sealed(t); n != 2 {
			t.Fatalf("%d are kept, want 2", n)
		}
		p.refreshed(t, second.RefreshToken)
		if n := p.sealed(t); n != 2 { // its own is gone, that of its own successor is there
			t.Errorf("%d are kept after a use, want 2", n)
		}
		p.Clock.Advance(30 * time.Second)
		wantOK(t, p.EraseForgiven(t.Context()))
		if n := p.sealed(t); n != 2 {
			t.Errorf("%d are kept while they can be forgiven, want 2", n)
		}
		p.Clock.Advance(time.Microsecond)
		wantOK(t, p.EraseForgiven(t.Context()))
		if n := p.sealed(t); n != 0 {
			t.Errorf("%d are kept for nothing", n)
		}
		p.ended(t, other.RefreshToken)
	})
}

func TestAReusableRefreshTokenStaysTheSame(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		made, first := p.family(t, p.dev, oauth, 30)
		for range 4 {
			p.day(t, 24*time.Hour)
			got := p.refreshed(t, first.RefreshToken)
			if got.RefreshToken.Reveal() != "" {
				t.Error("a refresh token is given out again")
			}
			p.wantGood(t, got.AccessToken, oauth)
		}
		now, err := p.OAuthToken(t.Context(), p.dev, oauth, made.ID)
		wantOK(t, err)
		wantTime(t, "last refresh", now.LastRefreshedAt, p.Clock.Now())
		if n := len(p.events(t, oauth, audit.OAuthRefreshed)); n != 4 {
			t.Errorf("%d refreshes are audited", n)
		}
		got := together(crowd, func(int) error { _, err := p.refresh(first.RefreshToken); return err })
		wantCounts(t, got, map[api.Code]int{ok: crowd})
	})
}

func TestARefreshNeverMakesATokenLastLonger(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		for _, ws := range []string{standard, oauth} {
			made, pair := p.family(t, p.dev, ws, 1)
			p.day(t, 24*time.Hour-20*time.Minute)
			got := p.refreshed(t, pair.RefreshToken)
			if c := said(t, got.AccessToken); got.ExpiresIn != 20*time.Minute || c.ExpiresAt != made.ExpiresAt.Unix() {
				t.Errorf("%s: an access token for %s, until %d", ws, got.ExpiresIn, c.ExpiresAt)
			}
			next := got.RefreshToken
			if ws == oauth {
				next = pair.RefreshToken
			}
			p.wantGood(t, got.AccessToken, ws)
			p.Clock.Set(made.ExpiresAt.Add(-time.Microsecond))
			p.refreshed(t, next)
			p.Clock.Set(made.ExpiresAt)
			p.signIn(t)
			p.wantStopped(t, got.AccessToken, ws)
			p.ended(t, next)
			p.ended(t, pair.RefreshToken)
			// Expired, and replayed: there is nothing left to end.
			now, err := p.OAuthToken(t.Context(), p.dev, ws, made.ID)
			wantOK(t, err)
			if !now.DisabledAt.IsZero() {
				t.Errorf("%s: %+v", ws, now)
			}
		}
	})
}

func TestARefusedRefreshChangesNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		p.scopesOf(t, "a", "b")
		_, pair := p.family(t, p.dev, standard, 30)
		app := p.app(t, standard, "nightly", "a")
		before := dump(t, p.raw(t), "oauth_tokens", "refresh_tokens", "audit_events")
		for _, c := range []struct {
			client string
			g      authority.GrantRequest
			want   api.Code
		}{
			{"", asked("c"), api.CodeInvalidScope},
			{"", asked("a", token.ScopeManage), api.CodeInvalidScope},
			{"", authority.GrantRequest{Narrowed: true}, api.CodeInvalidScope},
			{"", authority.GrantRequest{Resource: "x"}, api.CodeInvalidTarget},
			{app.ID, authority.GrantRequest{}, api.CodeInvalidGrant},
			{"someone", authority.GrantRequest{}, api.CodeInvalidClient},
		} {
			_, err := p.Refresh(t.Context(), pair.RefreshToken, c.client, c.g, testkit.Origin())
			wantCode(t, err, c.want)
		}
		if after := dump(t, p.raw(t), "oauth_tokens", "refresh_tokens", "audit_events"); after != before {
			t.Errorf("changed\n%s\nto\n%s", before, after)
		}
		got, err := p.Refresh(t.Context(), pair.RefreshToken, "", authority.GrantRequest{Scopes: token.Scopes{"b"}, Narrowed: true, Resource: "https://api.example"}, testkit.Origin())
		wantOK(t, err)
		if c := said(t, got.AccessToken); c.Scope != "b" || c.Audience != "https://api.example" || got.Scopes.String() != "b" {
			t.Errorf("refreshed %+v", c)
		}
		// Narrower for once: the next one is whole again (RFC 6749 section 6).
		if again := p.refreshed(t, got.RefreshToken); again.Scopes.String() != "a b" {
			t.Errorf("then %v", again.Scopes)
		}
	})
}

func TestWhatIsNoRefreshTokenIsToldTheSameAndThrottled(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		made, pair := p.family(t, p.dev, standard, 30)
		_, disabled := p.family(t, p.dev, standard, 30)
		_, pat := p.made(t, p.dev, standard, plain(standard, "pat"))
		_, err := p.DisableOAuthToken(t.Context(), p.dev, standard, said(t, disabled.AccessToken).SourceID)
		wantOK(t, err)
		wantOK(t, p.DeleteOAuthToken(t.Context(), p.dev, standard, made.ID))
		detail := ""
		for what, s := range map[string]token.Secret{
			"unknown": p.Format.New(token.KindRefresh), "malformed": token.SecretOf("kw_rt_x"), "nothing": {}, "a personal access token": pat,
			"an access token": disabled.AccessToken, "deleted": pair.RefreshToken, "disabled": disabled.RefreshToken, "text": token.SecretOf("\x00\xff"),
		} {
			_, err := p.Refresh(t.Context(), s, "", authority.GrantRequest{}, token.Origin{})
			f := fault.From(err)
			if f.Code != api.CodeInvalidGrant || f.Kind != fault.BadRequest || detail != "" && f.Detail != detail {
				t.Errorf("%s: %v", what, err)
			}
			detail = f.Detail
		}
		counts := together(110, func(int) error { _, err := p.refresh(p.Format.New(token.KindRefresh)); return err })
		wantCounts(t, counts, map[api.Code]int{api.CodeInvalidGrant: 100, api.CodeThrottled: 10})
		_, good := p.family(t, p.dev, standard, 30)
		p.refreshed(t, good.RefreshToken) // from the same address
	})
}

func TestWhoIsNoLongerAMemberOrMayNotHoldOneRefreshesNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		_, pair := p.family(t, p.dev, standard, 30)
		only := func(roles ...token.Role) {
			p.setPolicy(t, standard, func(policy *token.Policy) {
				policy.OAuthTokens.Roles, policy.OAuthTokens.Creators = roles, roles
			})
		}
		only(token.Administrator)
		p.ended(t, pair.RefreshToken)
		p.wantStopped(t, pair.AccessToken, standard)
		only(token.Administrator, token.Developer)
		second := p.refreshed(t, pair.RefreshToken) // it was not used up
		p.wantGood(t, second.AccessToken, standard)

		_, err := p.SetRole(t.Context(), p.admin, standard, p.dev.User.ID, token.PlainMember)
		wantOK(t, err)
		p.ended(t, second.RefreshToken)
		_, err = p.SetRole(t.Context(), p.admin, standard, p.dev.User.ID, token.Developer)
		wantOK(t, err)
		third := p.refreshed(t, second.RefreshToken)

		p.Clock.Advance(time.Second)
		wantOK(t, p.RemoveMember(t.Context(), p.admin, standard, p.dev.User.ID))
		p.ended(t, third.RefreshToken)
		p.wantStopped(t, third.AccessToken, standard)
		_, _, err = p.Invite(t.Context(), p.admin, standard, authority.Invitation{Email: testkit.Dev, Role: token.Developer})
		wantOK(t, err)
		p.ended(t, third.RefreshToken)
		p.wantStopped(t, third.AccessToken, standard)
	})
}

func TestScopesOfARefreshFollowTheOwnersRole(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		_, err := p.SetScopes(t.Context(), p.admin, standard, token.Catalogue{
			{Name: "all", Title: "a", Roles: token.Roles()}, {Name: "build", Title: "b", Roles: []token.Role{token.Developer}},
		})
		wantOK(t, err)
		_, pair := p.family(t, p.dev, standard, 30)
		if pair.Scopes.String() != "all build" {
			t.Errorf("made with %v", pair.Scopes)
		}
		_, err = p.SetRole(t.Context(), p.admin, standard, p.dev.User.ID, token.PlainMember)
		wantOK(t, err)
		wantCode(t, p.check(pair.AccessToken, standard, "build"), api.CodeScopeMissing)
		got := p.refreshed(t, pair.RefreshToken)
		if got.Scopes.String() != "all" || said(t, got.AccessToken).Scope != "all" {
			t.Errorf("refreshed with %v", got.Scopes)
		}
		_, err = p.SetRole(t.Context(), p.admin, standard, p.dev.User.ID, token.Developer)
		wantOK(t, err)
		wantCode(t, p.check(got.AccessToken, standard, "build"), api.CodeScopeMissing) // it was not given that
		p.wantGood(t, pair.AccessToken, standard, "all", "build")
	})
}

func TestManyRefreshesOfOneTokenAtOnceLeaveOneSuccessor(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		const many = 100
		made, pair := p.family(t, p.dev, standard, 30)
		got := make([]authority.Issued, many)
		counts := together(many, func(i int) (err error) {
			got[i], err = p.refresh(pair.RefreshToken)
			return err
		})
		wantCounts(t, counts, map[api.Code]int{ok: many})
		for _, g := range got {
			if g.RefreshToken.Hash() != got[0].RefreshToken.Hash() {
				t.Fatal("two successors were given out")
			}
			p.wantGood(t, g.AccessToken, standard)
		}
		var live int
		wantOK(t, p.raw(t).QueryRowContext(t.Context(), "select count(*) from refresh_tokens where used_at is null").Scan(&live))
		if live != 1 {
			t.Errorf("%d live refresh tokens", live)
		}
		p.refreshed(t, got[0].RefreshToken)
		now, err := p.OAuthToken(t.Context(), p.dev, standard, made.ID)
		wantOK(t, err)
		if now.StatusAt(p.Clock.Now()) != token.Active {
			t.Errorf("the family is %s", now.StatusAt(p.Clock.Now()))
		}
	})
}

func TestAStormOfReplaysEndsAFamilyOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		_, pair := p.family(t, p.dev, standard, 30)
		second := p.refreshed(t, pair.RefreshToken)
		third := p.refreshed(t, second.RefreshToken)
		late := make([]authority.Issued, crowd)
		together(crowd, func(i int) (err error) {
			late[i], err = p.refresh([]token.Secret{pair.RefreshToken, second.RefreshToken, third.RefreshToken}[i%3])
			return err
		})
		for _, s := range append([]token.Secret{pair.RefreshToken, second.RefreshToken, third.RefreshToken}, late[2].RefreshToken) {
			if s.Reveal() != "" {
				p.ended(t, s)
			}
		}
		for _, l := range late {
			if l.AccessToken.Reveal() != "" {
				p.wantStopped(t, l.AccessToken, standard)
			}
		}
		p.wantStopped(t, third.AccessToken, standard)
		p.wantEvent(t, standard, audit.RefreshReused)
	})
}

func TestARefreshThatIsCutOffCanBeRepeated(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		made, pair := p.family(t, p.dev, standard, 30)
		presented := pair.RefreshToken
		cut := 0
		for range 60 {
			// Wherever it is cut off, before the commit, in it, or between it and the answer, the client
			// asks again with what it has.
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				cancel()
			}()
			_, err := p.Refresh(ctx, presented, "", authority.GrantRequest{}, testkit.Origin())
			<-done
			if err != nil {
				cut++
			}
			presented = p.refreshed(t, presented).RefreshToken
		}
		t.Logf("%d of 60 were cut off", cut)
		now, err := p.OAuthToken(t.Context(), p.dev, standard, made.ID)
		wantOK(t, err)
		if now.StatusAt(p.Clock.Now()) != token.Active {
			t.Errorf("the family is %s", now.StatusAt(p.Clock.Now()))
		}
	})
}

func TestALostAnswerIsForgivenByARestartedServer(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		_, pair := p.family(t, p.dev, standard, 30)
		lost := p.refreshed(t, pair.RefreshToken)
		got, err := p.restarted().Refresh(t.Context(), pair.RefreshToken, "", authority.GrantRequest{}, testkit.Origin())
		wantOK(t, err)
		if got.RefreshToken.Hash() != lost.RefreshToken.Hash() {
			t.Error("another successor is given out")
		}
	})
}

func TestNoRefreshTokenIsUsedUpWhereNothingCanBeSigned(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		_, pair := p.family(t, p.dev, standard, 30)
		without := authority.New(authority.Config{Store: p.Store, Checks: p.Checks, Format: p.Format, Now: p.Clock.Now, Issuer: testkit.Issuer})
		if got, err := without.Refresh(t.Context(), pair.RefreshToken, "", authority.GrantRequest{}, testkit.Origin()); err == nil {
			t.Errorf("got %+v", got)
		}
		p.Clock.Advance(time.Hour)
		p.refreshed(t, pair.RefreshToken)
	})
}

func TestClocksThatJumpEndAndForgiveNothingMore(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		_, pair := p.family(t, p.dev, standard, 30)
		start := p.Clock.Now()
		second := p.refreshed(t, pair.RefreshToken)
		p.wantGood(t, second.AccessToken, standard)
		p.Clock.Set(start.Add(time.Hour))
		p.wantStopped(t, second.AccessToken, standard) // at once, from memory
		p.Clock.Set(start.Add(-10 * time.Second))      // a clock is corrected, or another server's is behind
		if got := p.refreshed(t, pair.RefreshToken); got.RefreshToken.Hash() != second.RefreshToken.Hash() {
			t.Error("another successor is given out")
		}
		p.Clock.Set(start.Add(-time.Hour)) // not for as long as that
		p.ended(t, pair.RefreshToken)
		p.ended(t, second.RefreshToken)
	})
}
