package authority_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/token"
)

// clientStory is story for apps and OAuth tokens.
func clientStory(ctx context.Context, t *testing.T, p *place) []change {
	t.Helper()
	p.setPolicy(t, standard, func(policy *token.Policy) { policy.Apps.Secret = token.SecretViewable })
	wantOK(t, second(p.JWKS(ctx, standard))) // makes the first key
	robot := p.app(t, standard, "robot", "odata:read")
	long, _ := p.family(t, p.member, standard, 300)
	short, _ := p.family(t, p.member, standard, 3)
	v, err := p.Enter(ctx, p.admin, standard)
	wantOK(t, err)
	shorter := v.Policy
	shorter.OAuthTokens.Expiry.MaxDays, shorter.OAuthTokens.Expiry.Proposed, shorter.OAuthTokens.Expiry.Presets = 30, 7, []int{7, 30}
	old := func() string {
		view, err := p.App(ctx, p.admin, standard, robot.ID)
		wantOK(t, err)
		return view.Secrets[len(view.Secrets)-1].ID
	}
	name := "renamed"
	return []change{
		{audit.AppCreated, func() error {
			return third(p.CreateApp(ctx, p.dev, standard, authority.NewApp{Name: "new", Description: "moves boxes", Scopes: []string{"odata:read"}}))
		}, p.dev, []string{`"after":{"description":"moves boxes","name":"new","scopes":["odata:read"]}`}},
		{audit.AppChanged, func() error {
			return second(p.ChangeApp(ctx, p.dev, standard, robot.ID, authority.AppChange{Name: &name, Scopes: &[]string{}}))
		}, p.dev, []string{`"before":{"description":"","name":"robot","scopes":["odata:read"]}`, `"after":{"description":"","name":"renamed","scopes":`}},
		{audit.AppSecretViewed, func() error { return second(p.AppSecret(ctx, p.dev, standard, robot.ID)) }, p.dev, nil},
		{audit.AppSecretRotated, func() error {
			return third(p.RotateAppSecret(ctx, p.dev, standard, robot.ID, authority.Rotation{Keep: time.Hour}))
		}, p.dev, []string{`"before":{"secret":"…` + robot.secret.Hint() + `"}`, `"after":{"old_secret_ends_at":"2027-03-01T13:00:00Z","secret":"…`}},
		{audit.AppSecretEnded, func() error { return second(p.EndAppSecret(ctx, p.dev, standard, robot.ID, old())) }, p.dev, []string{`"secret":"…` + robot.secret.Hint(), `"ends_at":"2027-03-01T13:00:00Z"`}},
		{audit.AppDisabled, func() error { return second(p.DisableApp(ctx, p.admin, standard, robot.ID)) }, p.admin, []string{`"before":{"status":"active"}`, `"access_tokens":"stop"`, `"status":"disabled"`}},
		{audit.AppActivated, func() error { return second(p.ActivateApp(ctx, p.dev, standard, robot.ID)) }, p.dev, []string{`"before":{"status":"disabled"}`, `"after":{"status":"active"}`}},
		{audit.AppDeleted, func() error { return p.DeleteApp(ctx, p.dev, standard, robot.ID) }, p.dev, []string{`"name":"renamed"`, `"status":"active"`}},
		{audit.OAuthTokenCreated, func() error {
			return third(p.CreateOAuthToken(ctx, p.dev, standard, authority.NewOAuthToken{Name: "new", LifetimeDays: new(1)}))
		}, p.dev, []string{`"after":{"expires_at":"2027-03-02T12:00:00Z","name":"new"}`}},
		{audit.OAuthTokenCut, func() error {
			if _, err := p.SetPolicy(ctx, p.admin, standard, shorter); err != nil {
				return err
			}
			return second(p.ApplyPolicy(ctx, p.admin, standard, nil))
		}, p.admin, []string{`"before":{"expires_at":"2027-12-26T12:00:00Z"}`, `"after":{"expires_at":"2027-03-31T12:00:00Z"}`}},
		{audit.OAuthTokenDisabled, func() error { return second(p.DisableOAuthToken(ctx, p.admin, standard, short.ID)) }, p.admin, []string{`"name":"notebook"`, `"access_tokens":"stop"`}},
		{audit.OAuthTokenDeleted, func() error { return p.DeleteOAuthToken(ctx, p.member, standard, long.ID) }, p.member, []string{`"name":"notebook"`, `"status":"active"`}},
		{audit.AllTokensViewed, func() error {
			_, _, err := p.Inventory(ctx, p.admin, standard, authority.InventoryQuery{Limit: 100})
			return err
		}, p.admin, []string{`"count":3`}},
		{audit.MemberRemoved, func() error { return p.RemoveMember(ctx, p.admin, standard, p.dev.User.ID) }, p.admin, []string{`"oauth_tokens":["oat_`, `"count":1`}},
	}
}

func TestEveryChangeOfAppsAndOAuthTokensIsAuditedOnceAndDoesNotHappenWhenItCanNotBe(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) { audited(t, p, clientStory(t.Context(), t, p)) })
}

func TestNoSecretOfAnAppOrOAuthTokenIsKeptInClearAndNoHashIsAudited(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		p.setPolicy(t, standard, func(policy *token.Policy) { policy.Apps.Secret = token.SecretViewable })
		c := p.app(t, standard, "robot", "odata:read")
		_, rotated, err := p.RotateAppSecret(ctx, p.dev, standard, c.ID, authority.Rotation{Keep: time.Hour})
		wantOK(t, err)
		shown, err := p.AppSecret(ctx, p.dev, standard, c.ID)
		wantOK(t, err)
		_, pair := p.family(t, p.member, standard, 3)
		next := p.refreshed(t, pair.RefreshToken)
		wantOK(t, second(p.RotateKeys(ctx, p.admin, standard, false)))
		wantOK(t, p.Checks.Flush(ctx))
		db := p.raw(t)
		everything, events := dump(t, db, tables()...), dump(t, db, "audit_events")
		for i, s := range []token.Secret{c.secret, rotated, shown, p.granted(t, client{c.App, rotated}).AccessToken, pair.AccessToken, pair.RefreshToken, next.AccessToken, next.RefreshToken} {
			// Bytes are dumped as hexadecimal digits.
			for _, form := range []string{s.Reveal(), hex.EncodeToString([]byte(s.Reveal()))} {
				if strings.Contains(everything, form) {
					t.Errorf("secret %d is kept in clear", i)
				}
			}
			hash := s.Hash()
			for _, form := range []string{hex.EncodeToString(hash[:]), base64.StdEncoding.EncodeToString(hash[:]), base64.RawURLEncoding.EncodeToString(hash[:])} {
				if strings.Contains(events, form) {
					t.Errorf("the hash of secret %d is audited", i)
				}
			}
		}
		// "d" is the private half of a key.
		for _, form := range []string{`"d":`, hex.EncodeToString([]byte(`"d":`))} {
			if strings.Contains(everything, form) {
				t.Error("a signing key is kept in clear")
			}
		}
	})
}
