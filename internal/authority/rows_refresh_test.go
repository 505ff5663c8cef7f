package authority_test

import (
	"testing"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

func TestS4_3_AccessTokensLiveAnHourAndTheRefreshTokenAsLongAsChosen(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		for _, days := range []int{1, 365} {
			made, pair := p.family(t, p.member, oauth, days)
			start := p.Clock.Now()
			wantTime(t, "expiry", made.ExpiresAt, start.AddDate(0, 0, days))
			if pair.ExpiresIn != time.Hour {
				t.Errorf("the first access token expires in %s", pair.ExpiresIn)
			}
			p.Clock.Set(start.Add(time.Hour - time.Second))
			p.wantGood(t, pair.AccessToken, oauth, "odata:read")
			p.Clock.Set(start.Add(time.Hour))
			p.wantStopped(t, pair.AccessToken, oauth)

			p.Clock.Set(made.ExpiresAt.Add(-2 * time.Hour))
			got := p.refreshed(t, pair.RefreshToken)
			if got.ExpiresIn != time.Hour {
				t.Errorf("another one expires in %s", got.ExpiresIn)
			}
			p.wantGood(t, got.AccessToken, oauth, "odata:read")
			// The refresh token opens nothing itself.
			p.wantStopped(t, pair.RefreshToken, oauth)

			p.Clock.Set(made.ExpiresAt)
			p.ended(t, pair.RefreshToken)
			p.signIn(t)
		}
	})
}

func TestS4_4_ATokenOfOneWorkspaceIsNoTokenOfAnother(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		_, pair := p.family(t, p.dev, oauth, 30)
		_, theirs := p.family(t, p.dev, standard, 30)
		for _, c := range []struct {
			of, other string
			access    token.Secret
			refresh   token.Secret
		}{{oauth, standard, pair.AccessToken, pair.RefreshToken}, {standard, oauth, theirs.AccessToken, theirs.RefreshToken}} {
			// At a check.
			p.wantGood(t, c.access, c.of, "odata:read")
			p.wantStopped(t, c.access, c.other)
			if iss := said(t, c.access).Issuer; iss != testkit.Issuer(c.of) {
				t.Errorf("issued by %s", iss)
			}
			// At Keywright's own API.
			by := p.presented(t, c.access)
			if _, err := p.Enter(t.Context(), by, c.other); !isMissing(err) {
				t.Errorf("entered: %v", err)
			}
			// At a refresh: what comes of it is of the same workspace, whatever the server has besides.
			got := p.refreshed(t, c.refresh)
			p.wantGood(t, got.AccessToken, c.of)
			p.wantStopped(t, got.AccessToken, c.other)
			if iss := said(t, got.AccessToken).Issuer; iss != testkit.Issuer(c.of) {
				t.Errorf("issued by %s", iss)
			}
		}
		// At introspection and exchange by a client of another workspace.
		by := p.asker(t, standard)
		p.wantInactive(t, by, "an access token of another workspace", pair.AccessToken)
		p.wantInactive(t, by, "a refresh token of another workspace", pair.RefreshToken)
		if !p.introspected(t, by, theirs.AccessToken).Active {
			t.Error("its own is not active")
		}
		_, err := p.as(&by, pair.AccessToken, asked())
		wantCode(t, err, api.CodeInvalidRequest)
		wantOK(t, second(p.as(&by, theirs.AccessToken, asked())))
	})
}
