package authority_test

import (
	"testing"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

func (p *place) revoke(t testing.TB, presented token.Secret) {
	t.Helper()
	wantOK(t, p.RevokePresented(t.Context(), presented, testkit.Origin()))
}

func TestWhoHoldsAPersonalAccessTokenCanRevokeIt(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		// Where the policy offers no revoking too: who finds a leaked one must be able to stop it.
		for _, ws := range []string{standard, single} {
			made, secret := p.made(t, p.dev, ws, plain(ws, "leaked"))
			_, other := p.made(t, p.member, ws, plain(ws, "other"))
			p.wantGood(t, secret, ws)
			p.revoke(t, secret)
			p.wantStopped(t, secret, ws)
			p.wantGood(t, other, ws)
			got, err := p.Token(t.Context(), p.dev, ws, made.ID)
			wantOK(t, err)
			if got.StatusAt(p.Clock.Now()) != token.Revoked || got.RevokeReason != "revoked by its holder" {
				t.Errorf("%+v", got)
			}
			e := p.wantEvent(t, ws, audit.TokenRevoked)
			if e.ActorID != p.dev.User.ID || e.OwnerID != p.dev.User.ID || e.Via != made.ID || e.TargetID != made.ID || e.Detail.Reason == "" || e.Address != testkit.Origin().Address {
				t.Errorf("audited %+v", e)
			}
			p.revoke(t, secret) // again: no error, and nothing more
			p.wantEvent(t, ws, audit.TokenRevoked)
		}
	})
}

func TestAnOldOrReplacedSecretRevokesNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		made, old := p.pat(t, p.dev, "agent", "odata:read")
		_, secret, err := p.RegenerateToken(t.Context(), p.dev, standard, made.ID, token.Choice{})
		wantOK(t, err)
		p.revoke(t, old)
		p.wantGood(t, secret, standard)
		p.day(t, 24*time.Hour)
		p.revoke(t, secret) // expired: its owner can still renew it
		if got := p.status(t, p.dev, standard, made.ID); got != token.Expired {
			t.Errorf("status %s", got)
		}
		if list := p.events(t, standard, audit.TokenRevoked); len(list) != 0 {
			t.Errorf("audited %v", list)
		}
	})
}

func TestARefreshTokenRevokesItsWholeOAuthToken(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		for _, ws := range []string{standard, oauth} {
			made, pair := p.family(t, p.dev, ws, 3)
			next := p.refreshed(t, pair.RefreshToken)
			presented := next.RefreshToken
			if ws == oauth {
				presented = pair.RefreshToken
			}
			p.wantGood(t, next.AccessToken, ws) // from now on it is in memory
			p.revoke(t, presented)
			p.ended(t, presented)
			if ws == oauth { // its policy lets access tokens run out
				p.wantGood(t, next.AccessToken, ws)
			} else {
				p.wantStopped(t, next.AccessToken, ws)
				p.wantStopped(t, pair.AccessToken, ws)
			}
			got, err := p.OAuthToken(t.Context(), p.dev, ws, made.ID)
			wantOK(t, err)
			if got.StatusAt(p.Clock.Now()) != token.Disabled || !got.ReusedAt.IsZero() || got.AccessEnded != (ws == standard) || got.DisableReason != "revoked by its holder" {
				t.Errorf("%+v", got)
			}
			if e := p.wantEvent(t, ws, audit.OAuthTokenDisabled); e.ActorID != p.dev.User.ID || e.Via != made.ID || e.TargetID != made.ID || e.OwnerID != p.dev.User.ID {
				t.Errorf("audited %+v", e)
			}
			p.revoke(t, presented)
			p.wantEvent(t, ws, audit.OAuthTokenDisabled)
		}
		// By one that was replaced, too: whoever has it had the family.
		_, pair := p.family(t, p.dev, standard, 3)
		next := p.refreshed(t, pair.RefreshToken)
		p.revoke(t, pair.RefreshToken)
		p.ended(t, next.RefreshToken)
		p.wantStopped(t, next.AccessToken, standard)
		// One that has expired is not disabled on top of it.
		made, pair := p.family(t, p.dev, standard, 3)
		p.Clock.Set(made.ExpiresAt)
		p.signIn(t)
		p.revoke(t, pair.RefreshToken)
		got, err := p.OAuthToken(t.Context(), p.dev, standard, made.ID)
		wantOK(t, err)
		if got.StatusAt(p.Clock.Now()) != token.Expired {
			t.Errorf("%+v", got)
		}
	})
}

func TestAnAccessTokenIsRevokedAloneWithWhatWasExchangedForIt(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		made, pair := p.family(t, p.dev, standard, 3)
		sibling := p.refreshed(t, pair.RefreshToken)
		child := p.exchanged(t, pair.AccessToken)
		grandchild := p.exchanged(t, child.AccessToken)
		for _, s := range []token.Secret{pair.AccessToken, sibling.AccessToken, child.AccessToken, grandchild.AccessToken} {
			p.wantGood(t, s, standard)
		}
		p.revoke(t, pair.AccessToken)
		for _, s := range []token.Secret{pair.AccessToken, child.AccessToken, grandchild.AccessToken} {
			p.wantStopped(t, s, standard)
		}
		p.wantGood(t, sibling.AccessToken, standard)
		jti := said(t, pair.AccessToken).ID
		if e := p.wantEvent(t, standard, audit.AccessRevoked); e.ActorID != p.dev.User.ID || e.OwnerID != p.dev.User.ID || e.Via != jti || e.TargetID != jti || e.TargetKind != "access_token" {
			t.Errorf("audited %+v", e)
		}
		p.revoke(t, pair.AccessToken)
		p.wantEvent(t, standard, audit.AccessRevoked)
		got, err := p.OAuthToken(t.Context(), p.dev, standard, made.ID)
		wantOK(t, err)
		if got.StatusAt(p.Clock.Now()) != token.Active {
			t.Errorf("its OAuth token is %s", got.StatusAt(p.Clock.Now()))
		}
		p.refreshed(t, sibling.RefreshToken)

		// It stays dead until it would have expired, and is forgotten then.
		p.Clock.Advance(time.Hour - time.Second)
		wantOK(t, p.Sweep(t.Context()))
		if _, err := p.restarted().Bearer(t.Context(), pair.AccessToken, "", testkit.Origin()); err == nil {
			t.Error("it came back to life")
		}
		p.Clock.Advance(time.Second)
		wantOK(t, p.Sweep(t.Context()))
		var left int
		wantOK(t, p.raw(t).QueryRowContext(t.Context(), "select count(*) from stopped_access").Scan(&left))
		if left != 0 {
			t.Errorf("%d stops are kept for nothing", left)
		}

		// An app's, and one for a resource.
		app := p.app(t, standard, "nightly", "odata:read")
		own, rest := p.granted(t, app).AccessToken, p.granted(t, app).AccessToken
		p.revoke(t, own)
		p.wantStopped(t, own, standard)
		p.wantGood(t, rest, standard)
		if e := p.events(t, standard, audit.AccessRevoked)[0]; e.ActorID != app.ID || e.ActorName != "nightly" || e.OwnerID != "" {
			t.Errorf("audited %+v", e)
		}
	})
}

func TestAnAccessTokenForAResourceCanBeRevoked(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		by := p.asker(t, standard)
		_, secret := p.pat(t, p.dev, "agent", "odata:read")
		g := asked()
		g.Resource = "https://orders.example"
		got, err := p.exchange(secret, g)
		wantOK(t, err)
		if !p.introspected(t, by, got.AccessToken).Active {
			t.Fatal("not active")
		}
		p.revoke(t, got.AccessToken)
		p.wantInactive(t, by, "revoked", got.AccessToken)
	})
}

func TestUnknownTokensAreRevokedWithoutAWordAndThrottled(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		before := dump(t, p.raw(t), "audit_events", "tokens", "oauth_tokens", "stopped_access")
		for _, s := range []token.Secret{
			p.Format.New(token.KindPAT), p.Format.New(token.KindRefresh), p.Format.New(token.KindAccess), token.SecretOf(""), token.SecretOf("hello"),
			token.SecretOf("a.b.c"), token.SecretOf("\x00\xff"), token.SecretOf(newAsserter(t, "x").sign(t, p, nil)),
		} {
			wantOK(t, p.RevokePresented(t.Context(), s, token.Origin{}))
		}
		if after := dump(t, p.raw(t), "audit_events", "tokens", "oauth_tokens", "stopped_access"); after != before {
			t.Errorf("changed\n%s\nto\n%s", before, after)
		}
		kinds := []token.Kind{token.KindPAT, token.KindRefresh}
		counts := together(110, func(i int) error { return p.RevokePresented(t.Context(), p.Format.New(kinds[i%2]), testkit.Origin()) })
		wantCounts(t, counts, map[api.Code]int{ok: 100, api.CodeThrottled: 10})
	})
}

func TestAClientSecretIsNotRevokedByWhoHoldsIt(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		c := p.app(t, standard, "nightly", "odata:read")
		for _, s := range []token.Secret{c.secret, p.Format.New(token.KindApp)} { // not told apart
			wantCode(t, p.RevokePresented(t.Context(), s, testkit.Origin()), api.CodeUnsupportedTokenType)
		}
		p.authenticated(t, c)
	})
}

func TestParallelRevocationsAreOne(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		_, secret := p.pat(t, p.dev, "agent", "odata:read")
		_, pair := p.family(t, p.dev, standard, 3)
		_, other := p.family(t, p.dev, standard, 3)
		all := []token.Secret{secret, pair.RefreshToken, other.AccessToken}
		counts := together(crowd, func(i int) error { return p.RevokePresented(t.Context(), all[i%3], testkit.Origin()) })
		wantCounts(t, counts, map[api.Code]int{ok: crowd})
		p.wantStopped(t, secret, standard)
		p.wantStopped(t, pair.AccessToken, standard)
		p.wantStopped(t, other.AccessToken, standard)
		p.wantEvent(t, standard, audit.TokenRevoked)
		p.wantEvent(t, standard, audit.OAuthTokenDisabled)
	})
}
