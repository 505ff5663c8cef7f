package authority_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// asker is a client that may introspect.
func (p *place) asker(t testing.TB, ws string) authority.Client {
	t.Helper()
	return p.authenticated(t, p.app(t, ws, "gateway", token.ScopeIntrospect))
}

func (p *place) introspected(t testing.TB, by authority.Client, presented token.Secret) authority.Introspection {
	t.Helper()
	got, err := p.Introspect(t.Context(), by, presented)
	wantOK(t, err)
	return got
}

// wantInactive expects nothing to be said of a credential.
func (p *place) wantInactive(t testing.TB, by authority.Client, what string, presented token.Secret) {
	t.Helper()
	if got := p.introspected(t, by, presented); got.Active || !cmp.Equal(got, authority.Introspection{}) {
		t.Errorf("%s: %+v", what, got)
	}
}

func TestIntrospectionAnswersForEveryKindOfCredential(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		by := p.asker(t, standard)
		issuer, now := testkit.Issuer(standard), p.Clock.Now()
		hour := now.Add(time.Hour).Unix()
		read := token.Scopes{"odata:read"}

		personal, pat := p.pat(t, p.dev, "agent", "odata:read")
		app := p.app(t, standard, "nightly", "odata:read")
		own := p.granted(t, app).AccessToken
		family, pair := p.family(t, p.dev, standard, 3)
		narrow, err := p.exchange(pat, authority.GrantRequest{Resource: "https://orders.example"})
		wantOK(t, err)
		for what, c := range map[string]struct {
			presented token.Secret
			want      authority.Introspection
		}{
			"personal access token": {pat, authority.Introspection{
				Use: authority.UsePAT, Subject: p.dev.User.ID, TokenID: personal.ID, ExpiresAt: personal.ExpiresAt.Unix(),
			}},
			"client secret": {app.secret, authority.Introspection{Use: authority.UseSecret, Subject: app.ID, ClientID: app.ID, TokenID: app.ID}},
			"app's access token": {own, authority.Introspection{
				Use: authority.UseAccess, Subject: app.ID, ClientID: app.ID, TokenID: app.ID, ID: said(t, own).ID, Audience: issuer, IssuedAt: now.Unix(), ExpiresAt: hour,
			}},
			"person's access token": {pair.AccessToken, authority.Introspection{
				Use: authority.UseAccess, Subject: p.dev.User.ID, ClientID: token.UserClient, TokenID: family.ID, ID: said(t, pair.AccessToken).ID, Audience: issuer,
				IssuedAt: now.Unix(), ExpiresAt: hour,
			}},
			"exchanged, for a resource": {narrow.AccessToken, authority.Introspection{
				Use: authority.UseAccess, Subject: p.dev.User.ID, ClientID: token.UserClient, TokenID: personal.ID, ID: said(t, narrow.AccessToken).ID,
				Audience: "https://orders.example", IssuedAt: now.Unix(), ExpiresAt: hour,
			}},
			"refresh token": {pair.RefreshToken, authority.Introspection{
				Use: authority.UseRefresh, Subject: p.dev.User.ID, ClientID: token.UserClient, TokenID: family.ID, ExpiresAt: family.ExpiresAt.Unix(),
			}},
		} {
			c.want.Active, c.want.Scopes, c.want.Issuer = true, read, issuer
			if diff := cmp.Diff(c.want, p.introspected(t, by, c.presented)); diff != "" {
				t.Errorf("%s:\n%s", what, diff)
			}
		}
	})
}

func TestIntrospectionSaysNothingOfWhatIsNotGoodHere(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		by := p.asker(t, standard)
		_, foreignPAT := p.made(t, p.dev, apps, plain(apps, "x"))
		foreignApp := p.app(t, apps, "x", "odata:read")
		_, foreign := p.family(t, p.dev, oauth, 3)
		revoked, revokedPAT := p.pat(t, p.dev, "revoked", "odata:read")
		app := p.app(t, standard, "disabled", "odata:read")
		appToken := p.granted(t, app).AccessToken
		disabled, dead := p.family(t, p.dev, standard, 3)
		_, used := p.family(t, p.dev, standard, 3)
		live := []token.Secret{revokedPAT, app.secret, appToken, dead.AccessToken, dead.RefreshToken, used.RefreshToken}
		for _, s := range live {
			if !p.introspected(t, by, s).Active {
				t.Error("a good one is not active")
			}
		}
		_, err := p.RevokeToken(ctx, p.dev, standard, revoked.ID, "")
		wantOK(t, err)
		_, err = p.DisableApp(ctx, p.admin, standard, app.ID)
		wantOK(t, err)
		_, err = p.DisableOAuthToken(ctx, p.dev, standard, disabled.ID)
		wantOK(t, err)
		next := p.refreshed(t, used.RefreshToken)
		for what, s := range map[string]token.Secret{
			"unknown": p.Format.New(token.KindPAT), "unknown refresh token": p.Format.New(token.KindRefresh), "unknown secret": p.Format.New(token.KindApp),
			"nothing": {}, "text": token.SecretOf("hello"), "no JWT": token.SecretOf("e30.e30.e30"), "binary": token.SecretOf("\x00\xff.\x00.\x00"),
			"foreign token": foreignPAT, "foreign secret": foreignApp.secret, "foreign app's token": p.granted(t, foreignApp).AccessToken,
			"foreign access token": foreign.AccessToken, "foreign refresh token": foreign.RefreshToken,
			"revoked": revokedPAT, "disabled app's secret": app.secret, "disabled app's token": appToken, "disabled": dead.AccessToken, "disabled refresh token": dead.RefreshToken,
			"replaced": used.RefreshToken,
		} {
			p.wantInactive(t, by, what, s)
		}
		// To be asked about is not to be used: the one that was replaced is still forgiven.
		if again := p.refreshed(t, used.RefreshToken); again.RefreshToken.Hash() != next.RefreshToken.Hash() {
			t.Error("asking about a refresh token used it")
		}
		_, err = p.SetRole(ctx, p.admin, standard, p.dev.User.ID, token.PlainMember)
		wantOK(t, err)
		p.setPolicy(t, standard, func(policy *token.Policy) {
			policy.OAuthTokens.Roles, policy.OAuthTokens.Creators = []token.Role{token.Developer}, []token.Role{token.Developer}
		})
		p.wantInactive(t, by, "barred", next.RefreshToken)
		p.wantInactive(t, by, "barred", next.AccessToken)
		p.setPolicy(t, standard, func(policy *token.Policy) {
			policy.OAuthTokens.Roles, policy.OAuthTokens.Creators = token.Roles(), token.Roles()
		})
		if !p.introspected(t, by, next.RefreshToken).Active {
			t.Error("what is good again is not active")
		}
		p.Clock.Advance(3 * 24 * time.Hour)
		p.wantInactive(t, by, "expired", next.RefreshToken)
	})
}

func TestOnlyWhoHoldsTheScopeIntrospects(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		_, pat := p.pat(t, p.dev, "agent", "odata:read")
		for _, c := range []authority.Client{{}, p.authenticated(t, p.app(t, standard, "plain", "odata:read"))} {
			for _, s := range []token.Secret{pat, p.Format.New(token.KindPAT), {}} {
				got, err := p.Introspect(t.Context(), c, s)
				wantCode(t, err, api.CodeUnauthorizedClient)
				if fault.From(err).Kind != fault.Forbidden || !cmp.Equal(got, authority.Introspection{}) {
					t.Errorf("got %+v, %v", got, err)
				}
			}
		}
	})
}

func TestIntrospectionIsUseOfTheCredentialAndThrottlesNobody(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		by := p.asker(t, standard)
		for range 300 {
			p.wantInactive(t, by, "unknown", p.Format.New(token.KindPAT))
		}
		made, pat := p.pat(t, p.dev, "agent", "odata:read")
		p.Clock.Advance(time.Minute)
		p.introspected(t, by, pat)
		got, err := p.Token(t.Context(), p.dev, standard, made.ID)
		wantOK(t, err)
		wantTime(t, "last use", got.LastUsedAt, p.Clock.Now())
	})
}

func TestAnAnswerCanBeSigned(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		by := p.asker(t, standard)
		text, err := p.SignIntrospection(t.Context(), by, map[string]any{"active": true, "sub": "x"})
		wantOK(t, err)
		var got struct {
			Issuer   string          `json:"iss"`
			Audience string          `json:"aud"`
			IssuedAt int64           `json:"iat"`
			Answer   json.RawMessage `json:"token_introspection"`
			Subject  string          `json:"sub"`
			Expires  int64           `json:"exp"`
		}
		p.verifyOffline(t, standard, text, "token-introspection+jwt", &got)
		if got.Issuer != testkit.Issuer(standard) || got.Audience != by.ID || got.IssuedAt != p.Clock.Now().Unix() || string(got.Answer) != `{"active":true,"sub":"x"}` {
			t.Errorf("signed %+v", got)
		}
		// RFC 9701 section 5: it must not be taken for an access token.
		if got.Subject != "" || got.Expires != 0 {
			t.Errorf("says more than it has to: %+v", got)
		}
		p.wantStopped(t, token.SecretOf(text), standard)
		p.wantInactive(t, by, "a signed answer", token.SecretOf(text))
	})
}

// legacy makes a token as an older system issued it.
func (p *place) legacy(t testing.TB, ws string) (token.Token, token.Secret) {
	t.Helper()
	secret := token.SecretOf("old-system/" + token.RandomText(20).Reveal())
	v, err := p.Enter(t.Context(), p.admin, ws)
	wantOK(t, err)
	now := p.Clock.Now()
	made := token.Token{
		ID: token.NewID(token.TokenID, now), WorkspaceID: v.ID, Owner: p.dev.User, Name: "from before", Scopes: token.Scopes{"odata:read"},
		Scheme: token.SchemeSHA256, CreatedAt: now, ExpiresAt: now.Add(24 * time.Hour),
	}
	digest := secret.Hash()
	wantOK(t, p.Store.Update(t.Context(), func(tx *store.Tx) error { return tx.AddToken(made, token.SchemeSHA256.Kept(digest[:])) }))
	p.Checks.LegacyChanged(v.ID)
	return made, secret
}

func TestALegacyTokenIsIntrospectedAndNeitherExchangedNorRevokedByItsHolder(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		by, elsewhere := p.asker(t, standard), p.asker(t, apps)
		made, secret := p.legacy(t, standard)
		want := authority.Introspection{
			Active: true, Use: authority.UseLegacy, Scopes: token.Scopes{"odata:read"}, Subject: p.dev.User.ID, TokenID: made.ID,
			Issuer: testkit.Issuer(standard), ExpiresAt: made.ExpiresAt.Unix(),
		}
		if diff := cmp.Diff(want, p.introspected(t, by, secret)); diff != "" {
			t.Error(diff)
		}
		p.wantInactive(t, elsewhere, "a legacy token of another workspace", secret)
		for _, c := range []*authority.Client{nil, &by} {
			wantCode(t, second(p.as(c, secret, asked())), api.CodeInvalidRequest)
		}
		p.revoke(t, secret)
		p.wantGood(t, secret, standard)
		_, err := p.Client(t.Context(), authority.ClientAuth{ID: p.dev.User.ID, Secret: secret}, testkit.Origin())
		wantCode(t, err, api.CodeInvalidClient)
	})
}
