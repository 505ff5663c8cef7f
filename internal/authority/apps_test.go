package authority_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// publicKeys is a fresh key set as a person gives it to an app.
func publicKeys(t testing.TB) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	wantOK(t, err)
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}}})
	wantOK(t, err)
	return string(text)
}

func TestOnlyARoleThatMayHoldAllScopesOfAnAppHasItsSecret(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		p.setPolicy(t, standard, func(policy *token.Policy) { policy.Apps.Secret = token.SecretViewable })
		_, err := p.SetScopes(ctx, p.admin, standard, token.Catalogue{
			{Name: "odata:read", Title: "Read", Roles: token.Roles(), Apps: true},
			{Name: "purge", Title: "Purge", Roles: []token.Role{token.Administrator}, Apps: true},
		})
		wantOK(t, err)
		keys := publicKeys(t)
		for _, scope := range []string{"purge", token.ScopeIntrospect} {
			c := p.app(t, standard, "robot", "odata:read", scope)
			v, err := p.App(ctx, p.dev, standard, c.ID)
			wantOK(t, err)
			if v.MaySee {
				t.Errorf("a developer may see the secret of an app that holds %s", scope)
			}
			for verb, err := range map[string]error{
				"see":    second(p.AppSecret(ctx, p.dev, standard, c.ID)),
				"rotate": third(p.RotateAppSecret(ctx, p.dev, standard, c.ID, authority.Rotation{})),
				"narrow": second(p.ChangeApp(ctx, p.dev, standard, c.ID, authority.AppChange{Scopes: &[]string{"odata:read"}})),
				"rekey":  second(p.ChangeApp(ctx, p.dev, standard, c.ID, authority.AppChange{Keys: &keys})),
				"end":    second(p.EndAppSecret(ctx, p.dev, standard, c.ID, v.Secrets[0].ID)),
			} {
				t.Run(verb, func(t *testing.T) { wantCode(t, err, api.CodeRoleNotAllowed) })
			}
			wantField(t, third(p.CreateApp(ctx, p.dev, standard, authority.NewApp{Name: "x", Scopes: []string{scope}})), "scopes.0", api.CodeScopeNotAllowed)
			mine := p.appMade(t, p.dev, standard, authority.NewApp{Name: "mine", Scopes: []string{"odata:read"}})
			err = second(p.ChangeApp(ctx, p.dev, standard, mine.ID, authority.AppChange{Scopes: &[]string{"odata:read", scope}}))
			wantField(t, err, "scopes.1", api.CodeScopeNotAllowed)
			// What gives nobody anything is theirs.
			name := "renamed"
			got, err := p.ChangeApp(ctx, p.dev, standard, c.ID, authority.AppChange{Name: &name})
			wantOK(t, err)
			if got.Name != name || got.Scopes.String() != "odata:read "+scope {
				t.Errorf("changed %+v", got)
			}
			wantOK(t, second(p.DisableApp(ctx, p.dev, standard, c.ID)))
			wantOK(t, second(p.ActivateApp(ctx, p.dev, standard, c.ID)))
			p.wantGood(t, c.secret, standard, scope)
			wantOK(t, second(p.AppSecret(ctx, p.admin, standard, c.ID)))
			wantOK(t, third(p.RotateAppSecret(ctx, p.admin, standard, c.ID, authority.Rotation{})))
		}
		// A scope that is gone may come back for others: the app is an administrator's meanwhile.
		c := p.app(t, standard, "robot", "purge")
		_, err = p.SetScopes(ctx, p.admin, standard, token.Catalogue{{Name: "odata:read", Title: "Read", Roles: token.Roles(), Apps: true}})
		wantOK(t, err)
		wantCode(t, second(p.AppSecret(ctx, p.dev, standard, c.ID)), api.CodeRoleNotAllowed)
		wantOK(t, second(p.AppSecret(ctx, p.admin, standard, c.ID)))
	})
}

func TestAnAppsScopesCountAtTheNextCheck(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		p.scopesOf(t, "read", "write")
		c := p.app(t, standard, "robot", "read", "write")
		jwt := p.granted(t, c).AccessToken
		set := func(scopes ...string) {
			t.Helper()
			wantOK(t, second(p.ChangeApp(ctx, p.dev, standard, c.ID, authority.AppChange{Scopes: &scopes})))
		}
		for _, s := range []token.Secret{c.secret, jwt} {
			p.wantGood(t, s, standard, "read", "write")
			set("read")
			p.wantGood(t, s, standard, "read")
			wantCode(t, p.check(s, standard, "write"), api.CodeScopeMissing)
			set("read", "write")
			p.wantGood(t, s, standard, "read", "write")
		}
		set("read")
		narrow := p.granted(t, c).AccessToken
		set("read", "write")
		wantCode(t, p.check(narrow, standard, "write"), api.CodeScopeMissing) // it was issued for less
		events := len(p.events(t, standard, audit.AppChanged))
		set("read", "write") // changes nothing
		if n := len(p.events(t, standard, audit.AppChanged)); n != events {
			t.Error("a change to what it was is audited")
		}
		_, err := p.SetScopes(ctx, p.admin, standard, token.Catalogue{{Name: "read", Title: "Read", Roles: token.Roles()}, {Name: "write", Title: "Write", Roles: token.Roles(), Apps: true}})
		wantOK(t, err)
		for _, s := range []token.Secret{c.secret, jwt} {
			wantCode(t, p.check(s, standard, "read"), api.CodeScopeMissing)
			p.wantGood(t, s, standard, "write")
		}
	})
}

func TestRotationKeepsTheOldSecretForAsLongAsIsSaid(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		c := p.app(t, standard, "robot", "odata:read")
		secrets := []token.Secret{c.secret}
		rotate := func(keep time.Duration) {
			t.Helper()
			p.Clock.Advance(time.Second)
			_, secret, err := p.RotateAppSecret(ctx, p.recent(p.dev), standard, c.ID, authority.Rotation{Keep: keep})
			wantOK(t, err)
			secrets = append(secrets, secret)
		}
		good := func(which ...int) {
			t.Helper()
			for i, s := range secrets {
				if got, want := p.check(s, standard, "odata:read") == nil, slices.Contains(which, i); got != want {
					t.Errorf("secret %d is good: %v", i, got)
				}
				_, err := p.Client(ctx, authority.ClientAuth{ID: c.ID, Secret: s}, testkit.Origin())
				if (err == nil) != slices.Contains(which, i) {
					t.Errorf("secret %d authenticates: %v", i, err)
				}
			}
			v, err := p.App(ctx, p.dev, standard, c.ID)
			wantOK(t, err)
			if len(v.Secrets) != len(which) || v.Secrets[0].Hint != secrets[which[0]].Hint() {
				t.Errorf("known of the secrets: %+v", v.Secrets)
			}
		}
		good(0)
		rotate(0)
		good(1)
		rotate(time.Hour)
		ends := p.Clock.Now().Add(time.Hour)
		good(2, 1)
		// It is seen whether the old one is still used.
		p.Clock.Advance(time.Minute)
		p.wantGood(t, secrets[1], standard)
		v, err := p.App(ctx, p.dev, standard, c.ID)
		wantOK(t, err)
		wantTime(t, "last use of the old one", v.Secrets[1].LastUsedAt, p.Clock.Now())
		wantTime(t, "end of the old one", v.Secrets[1].ExpiresAt, ends)
		p.Clock.Set(ends.Add(-time.Second))
		p.wantGood(t, secrets[1], standard)
		p.Clock.Set(ends)
		good(2)
		if !isMissing(second(p.EndAppSecret(ctx, p.dev, standard, c.ID, v.Secrets[1].ID))) {
			t.Error("a secret whose overlap is over is ended again")
		}
		rotate(7 * 24 * time.Hour)
		good(3, 2)
		rotate(24 * time.Hour) // of two, the older ends at once
		good(4, 3)
		jwt := p.granted(t, client{c.App, secrets[3]}).AccessToken
		v, err = p.App(ctx, p.dev, standard, c.ID)
		wantOK(t, err)
		wantCode(t, second(p.EndAppSecret(ctx, p.dev, standard, c.ID, v.Secrets[0].ID)), api.CodeLastSecret)
		left, err := p.EndAppSecret(ctx, p.dev, standard, c.ID, v.Secrets[1].ID)
		wantOK(t, err)
		if len(left.Secrets) != 1 || left.Secrets[0].ID != v.Secrets[0].ID {
			t.Errorf("left %+v", left.Secrets)
		}
		good(4)
		if !isMissing(second(p.EndAppSecret(ctx, p.dev, standard, c.ID, v.Secrets[1].ID))) {
			t.Error("an ended secret is ended again")
		}
		p.wantGood(t, jwt, standard, "odata:read") // the app goes on
	})
}

func TestAnOldSecretCanBeEndedByAnAdministratorWhateverTheRules(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		c := p.app(t, standard, "robot", "odata:read")
		p.Clock.Advance(time.Second)
		wantOK(t, third(p.RotateAppSecret(ctx, p.dev, standard, c.ID, authority.Rotation{Keep: time.Hour})))
		v, err := p.App(ctx, p.dev, standard, c.ID)
		wantOK(t, err)
		p.setPolicy(t, standard, func(policy *token.Policy) {
			policy.Apps.Actions = []token.Action{token.ActDisable}
		})
		wantCode(t, second(p.EndAppSecret(ctx, p.dev, standard, c.ID, v.Secrets[1].ID)), api.CodeActionNotOffered)
		p.wantGood(t, c.secret, standard)
		wantOK(t, second(p.EndAppSecret(ctx, p.admin, standard, c.ID, v.Secrets[1].ID)))
		p.wantStopped(t, c.secret, standard)
	})
}

func TestATokenMakesNoAppThatOutlivesItAndGivesNoScopeThatItLacks(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		p.scopesOf(t, "odata:read", "write")
		p.setPolicy(t, standard, func(policy *token.Policy) {
			policy.Tokens.Expiry.Never, policy.Apps.Secret = true, token.SecretViewable
		})
		c := p.app(t, standard, "robot", "odata:read")
		wide := p.app(t, standard, "wide", "odata:read", "write")
		keys := publicKeys(t)
		ends := p.bearer(t, p.dev, "ends", token.ScopeManage, "odata:read", "write")
		_, secret := p.made(t, p.dev, standard, wanted{name: "never", scopes: []string{token.ScopeManage, "odata:read"}, never: true}.token())
		never := p.presented(t, secret)
		for verb, call := range map[string]func(token.Identity, client) error{
			"create": func(by token.Identity, c client) error {
				return third(p.CreateApp(ctx, by, standard, authority.NewApp{Name: "x", Scopes: c.Scopes}))
			},
			"see": func(by token.Identity, c client) error { return second(p.AppSecret(ctx, by, standard, c.ID)) },
			"rotate": func(by token.Identity, c client) error {
				return third(p.RotateAppSecret(ctx, by, standard, c.ID, authority.Rotation{Keep: time.Hour}))
			},
			"activate": func(by token.Identity, c client) error {
				wantOK(t, second(p.DisableApp(ctx, by, standard, c.ID)))
				return second(p.ActivateApp(ctx, by, standard, c.ID))
			},
			"rekey": func(by token.Identity, c client) error {
				return second(p.ChangeApp(ctx, by, standard, c.ID, authority.AppChange{Keys: &keys}))
			},
		} {
			t.Run(verb, func(t *testing.T) {
				wantCode(t, call(ends, c), api.CodeSessionRequired)
				wantField(t, call(never, wide), "scopes", api.CodeScopeNotAllowed)
				wantOK(t, call(never, c))
			})
		}
		scopes := func(by token.Identity, id string, scopes ...string) error {
			return second(p.ChangeApp(ctx, by, standard, id, authority.AppChange{Scopes: &scopes}))
		}
		wantField(t, scopes(never, c.ID, "odata:read", "write"), "scopes", api.CodeScopeNotAllowed)
		wantOK(t, scopes(ends, wide.ID, "write")) // narrowing passes nothing on
		wantCode(t, scopes(ends, wide.ID, "odata:read", "write"), api.CodeSessionRequired)
		wantOK(t, scopes(never, wide.ID, "odata:read", "write"))
		wantField(t, third(p.CreateApp(ctx, never, standard, authority.NewApp{Name: "x", Scopes: []string{token.ScopeIntrospect}})), "scopes.0", api.CodeScopeNotAllowed)
	})
}

func TestATokenMakesNoOAuthTokenThatOutlivesItOrCanDoMore(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		by := p.bearer(t, p.dev, "m", token.ScopeManage, "odata:read") // for 30 days
		less := p.bearer(t, p.dev, "l", token.ScopeManage)
		create := func(by token.Identity, days int) error {
			return third(p.CreateOAuthToken(ctx, by, standard, authority.NewOAuthToken{Name: "x", LifetimeDays: &days}))
		}
		wantCode(t, create(by, 31), api.CodeOutlivesCredential)
		wantField(t, create(less, 9), "scopes", api.CodeScopeNotAllowed)
		wantOK(t, create(by, 30))
		if list := p.oauthList(t, by, standard, false); len(list) != 1 || list[0].Owner != p.dev.User {
			t.Errorf("made %+v", list)
		}
	})
}

func TestAccessTokensThatAreDeadStayDeadUnderOtherRules(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		after := func(a token.AfterStop) {
			t.Helper()
			p.setPolicy(t, standard, func(policy *token.Policy) { policy.AfterStop = a })
		}
		// Disabled while access tokens were let run out; dead since they no longer are; activated.
		c := p.app(t, standard, "robot", "odata:read")
		old := p.granted(t, c).AccessToken
		after(token.UntilExpiry)
		wantOK(t, second(p.DisableApp(ctx, p.dev, standard, c.ID)))
		p.wantStopped(t, c.secret, standard)
		p.wantGood(t, old, standard, "odata:read")
		after(token.StopAtOnce)
		p.wantStopped(t, old, standard)
		wantOK(t, second(p.ActivateApp(ctx, p.dev, standard, c.ID)))
		p.wantStopped(t, old, standard)
		fresh := p.granted(t, c).AccessToken
		p.wantGood(t, fresh, standard, "odata:read")
		// Deleted under a policy that lets them run out: those of before stay dead.
		after(token.UntilExpiry)
		p.wantStopped(t, old, standard)
		wantOK(t, p.DeleteApp(ctx, p.dev, standard, c.ID))
		p.wantStopped(t, old, standard)

		// An app that never was stopped otherwise leaves them their hour.
		c = p.app(t, standard, "other", "odata:read")
		old = p.granted(t, c).AccessToken
		wantOK(t, p.DeleteApp(ctx, p.dev, standard, c.ID))
		p.wantGood(t, old, standard, "odata:read")
		p.Clock.Advance(time.Hour)
		p.wantStopped(t, old, standard)

		// Disabled when access tokens stopped at once: they stay dead when they no longer would.
		after(token.StopAtOnce)
		c = p.app(t, standard, "third", "odata:read")
		old = p.granted(t, c).AccessToken
		wantOK(t, second(p.DisableApp(ctx, p.dev, standard, c.ID)))
		after(token.UntilExpiry)
		p.wantStopped(t, old, standard)
		// So do those of an app that was deleted then.
		after(token.StopAtOnce)
		c = p.app(t, standard, "fourth", "odata:read")
		old = p.granted(t, c).AccessToken
		wantOK(t, p.DeleteApp(ctx, p.dev, standard, c.ID))
		after(token.UntilExpiry)
		p.wantStopped(t, old, standard)

		// An OAuth token whose access tokens were ended, and whose row then goes.
		after(token.StopAtOnce)
		made, pair := p.family(t, p.dev, standard, 9)
		wantOK(t, second(p.DisableOAuthToken(ctx, p.dev, standard, made.ID)))
		after(token.UntilExpiry)
		p.wantStopped(t, pair.AccessToken, standard)
		wantOK(t, p.DeleteOAuthToken(ctx, p.dev, standard, made.ID))
		p.wantStopped(t, pair.AccessToken, standard)
	})
}

func TestWhoLeavesLosesTheirOAuthTokensForGoodAndLeavesTheirApps(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		for _, ws := range []string{standard, oauth} { // stops at once; lets run out
			made, pair := p.family(t, p.dev, ws, 9)
			wantOK(t, p.RemoveMember(ctx, p.admin, ws, p.dev.User.ID))
			p.wantStopped(t, pair.AccessToken, ws)
			p.ended(t, pair.RefreshToken)
			p.Clock.Advance(2 * time.Millisecond)
			wantOK(t, third(p.Invite(ctx, p.admin, ws, authority.Invitation{Email: p.dev.User.Email, Role: token.Developer})))
			p.wantStopped(t, pair.AccessToken, ws)
			p.ended(t, pair.RefreshToken)
			got, err := p.OAuthToken(ctx, p.dev, ws, made.ID)
			wantOK(t, err)
			if got.StatusAt(p.Clock.Now()) != token.Disabled || got.DisableReason != "owner removed" || !got.AccessEnded {
				t.Errorf("left %+v", got)
			}
			_, again := p.family(t, p.dev, ws, 9)
			p.wantGood(t, again.AccessToken, ws, "odata:read")
		}
	})
}
