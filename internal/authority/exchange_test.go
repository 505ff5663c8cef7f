package authority_test

import (
	"context"
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

func (p *place) exchange(subject token.Secret, g authority.GrantRequest) (authority.Issued, error) {
	return p.as(nil, subject, g)
}

func (p *place) as(c *authority.Client, subject token.Secret, g authority.GrantRequest) (authority.Issued, error) {
	return p.Exchange(context.Background(), authority.Exchange{Subject: subject, Client: c, GrantRequest: g}, testkit.Origin())
}

func (p *place) exchanged(t testing.TB, subject token.Secret, scopes ...string) authority.Issued {
	t.Helper()
	got, err := p.exchange(subject, asked(scopes...))
	if err != nil {
		t.Fatalf("exchanging: %v", err)
	}
	return got
}

// pat makes a personal access token of the standard workspace, for a day.
func (p *place) pat(t testing.TB, by token.Identity, name string, scopes ...string) (token.Token, token.Secret) {
	t.Helper()
	return p.made(t, by, standard, wanted{name: name, scopes: scopes, days: 1}.token())
}

func TestAPersonalAccessTokenIsExchangedForANarrowerOne(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		p.scopesOf(t, "a", "b", "c")
		made, secret := p.pat(t, p.dev, "agent", "a", "b", token.ScopeManage)
		got, err := p.exchange(secret, authority.GrantRequest{Scopes: token.Scopes{"b"}, Narrowed: true})
		wantOK(t, err)
		now := p.Clock.Now().Unix()
		want := token.Claims{
			Issuer: testkit.Issuer(standard), Subject: p.dev.User.ID, Audience: testkit.Issuer(standard), ClientID: token.UserClient,
			IssuedAt: now, ExpiresAt: now + 3600, Scope: "b", SourceID: made.ID,
		}
		c := said(t, got.AccessToken)
		want.ID, want.Parents = c.ID, c.Parents
		if c != want || got.ExpiresIn != time.Hour || got.RefreshToken.Reveal() != "" || got.Scopes.String() != "b" {
			t.Errorf("exchanged %+v: %+v", got, c)
		}
		p.wantGood(t, got.AccessToken, standard, "b")
		wantCode(t, p.check(got.AccessToken, standard, "a"), api.CodeScopeMissing)

		e := p.wantEvent(t, standard, audit.TokenExchanged)
		if e.ActorID != p.dev.User.ID || e.ActorName != p.dev.User.Name || e.OwnerID != p.dev.User.ID || e.Via != made.ID || e.TargetKind != "access_token" || e.TargetID != c.ID || e.Address != testkit.Origin().Address {
			t.Errorf("audited %+v", e)
		}

		// All of it when nothing is asked for, its reserved scopes too; never more.
		if all := p.exchanged(t, secret); all.Scopes.String() != "a b "+token.ScopeManage {
			t.Errorf("all is %v", all.Scopes)
		}
		by := p.presented(t, p.exchanged(t, secret, token.ScopeManage).AccessToken)
		if by.User != p.dev.User || by.Bearer.TokenID != made.ID {
			t.Errorf("acts as %+v", by)
		}
		for _, more := range [][]string{{"c"}, {"b", "c"}, {token.ScopeAdmin}, {"x"}} {
			_, err := p.exchange(secret, asked(more...))
			wantCode(t, err, api.CodeInvalidScope)
		}
		_, err = p.exchange(secret, authority.GrantRequest{Resource: "x"})
		wantCode(t, err, api.CodeInvalidTarget)
	})
}

func TestAnExchangedTokenEndsWithWhatItCameFrom(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		p.setPolicy(t, standard, func(policy *token.Policy) { policy.AfterStop = token.UntilExpiry }) // it makes no difference
		for name, end := range map[string]func(token.Token) error{
			"revoked": func(k token.Token) error { return second(p.RevokeToken(t.Context(), p.dev, standard, k.ID, "")) },
			"deleted": func(k token.Token) error { return p.DeleteToken(t.Context(), p.dev, standard, k.ID) },
			"regenerated": func(k token.Token) error {
				_, _, err := p.RegenerateToken(t.Context(), p.recent(p.dev), standard, k.ID, token.Choice{})
				return err
			},
		} {
			made, secret := p.pat(t, p.dev, name, "odata:read")
			first := p.exchanged(t, secret)
			again := p.exchanged(t, first.AccessToken)
			for _, s := range []token.Secret{first.AccessToken, again.AccessToken} {
				p.wantGood(t, s, standard)
			}
			p.Clock.Advance(time.Millisecond)
			wantOK(t, end(made))
			for _, s := range []token.Secret{secret, first.AccessToken, again.AccessToken} {
				p.wantStopped(t, s, standard)
				_, err := p.exchange(s, asked())
				wantCode(t, err, api.CodeInvalidRequest)
			}
		}
		// Never longer than either parent.
		made, secret := p.pat(t, p.dev, "short", "odata:read")
		p.day(t, 24*time.Hour-50*time.Minute)
		first := p.exchanged(t, secret)
		p.Clock.Advance(10 * time.Minute)
		again := p.exchanged(t, first.AccessToken)
		for _, got := range []authority.Issued{first, again} {
			if c := said(t, got.AccessToken); c.ExpiresAt != made.ExpiresAt.Unix() {
				t.Errorf("lasts until %d, want %d", c.ExpiresAt, made.ExpiresAt.Unix())
			}
		}
		if again.ExpiresIn != 40*time.Minute {
			t.Errorf("expires in %s", again.ExpiresIn)
		}
		p.Clock.Set(made.ExpiresAt)
		p.wantStopped(t, again.AccessToken, standard)
	})
}

func TestAnAppsTokenIsExchangedAndEndsWithTheApp(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		p.scopesOf(t, "a", "b")
		c := p.app(t, standard, "pipeline", "a", "b")
		_, err := p.DisableApp(t.Context(), p.admin, standard, c.ID)
		wantOK(t, err)
		_, err = p.ActivateApp(t.Context(), p.admin, standard, c.ID)
		wantOK(t, err)
		first := p.granted(t, c)
		got := p.exchanged(t, first.AccessToken, "a")
		claims, parent := said(t, got.AccessToken), said(t, first.AccessToken)
		if claims.Subject != c.ID || claims.ClientID != c.ID || claims.SourceID != c.ID || parent.Epoch == 0 || claims.Epoch != parent.Epoch || claims.Parents != parent.ID || claims.ExpiresAt > parent.ExpiresAt {
			t.Errorf("exchanged %+v from %+v", claims, parent)
		}
		if third := said(t, p.exchanged(t, got.AccessToken).AccessToken); third.Parents != parent.ID+" "+claims.ID || third.Scope != "a" {
			t.Errorf("then %+v", third)
		}
		if e := p.events(t, standard, audit.TokenExchanged)[0]; e.ActorID != c.ID || e.ActorName != "pipeline" || e.OwnerID != "" || e.Via != c.ID {
			t.Errorf("audited %+v", e)
		}
		p.wantGood(t, got.AccessToken, standard, "a")
		_, err = p.DisableApp(t.Context(), p.admin, standard, c.ID)
		wantOK(t, err)
		p.wantStopped(t, got.AccessToken, standard)
		_, err = p.exchange(got.AccessToken, asked())
		wantCode(t, err, api.CodeInvalidRequest)
	})
}

func TestAnExchangeByAClientIsInItsWorkspaceAndInItsName(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		_, secret := p.pat(t, p.dev, "agent", "odata:read")
		_, pair := p.family(t, p.dev, standard, 3)
		app := p.app(t, standard, "pipeline", "odata:read")
		here, there := p.authenticated(t, p.app(t, standard, "agent", "odata:read")), p.authenticated(t, p.app(t, apps, "agent", "odata:read"))
		for what, subject := range map[string]token.Secret{"personal": secret, "person's": pair.AccessToken, "app's": p.granted(t, app).AccessToken} {
			got, err := p.as(&here, subject, asked())
			wantOK(t, err)
			c := said(t, got.AccessToken)
			if c.ClientID != here.ID || c.Subject == here.ID {
				t.Errorf("%s: %+v", what, c)
			}
			p.wantGood(t, got.AccessToken, standard, "odata:read")
			_, err = p.as(&there, subject, asked())
			wantCode(t, err, api.CodeInvalidRequest)
			// Without a client, it stays whose it was.
			if again := said(t, p.exchanged(t, got.AccessToken).AccessToken); again.ClientID != here.ID {
				t.Errorf("%s: then %+v", what, again)
			}
		}
	})
}

func TestOnlyGoodTokensAreExchanged(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		c := p.app(t, standard, "pipeline", "odata:read")
		_, pair := p.family(t, p.dev, standard, 3)
		detail := ""
		for what, subject := range map[string]token.Secret{
			"a client secret": c.secret, "a refresh token": pair.RefreshToken, "unknown": p.Format.New(token.KindPAT), "reserved": p.Format.New(token.KindAccess),
			"nothing": {}, "text": token.SecretOf("hello"), "no JWT": token.SecretOf("a.b.c"),
			"another key's": token.SecretOf(newAsserter(t, c.ID).sign(t, p, nil)),
		} {
			_, err := p.Exchange(t.Context(), authority.Exchange{Subject: subject}, token.Origin{})
			f := fault.From(err)
			if f.Code != api.CodeInvalidRequest || f.Kind != fault.BadRequest || detail != "" && detail != f.Detail {
				t.Errorf("%s: %v", what, err)
			}
			detail = f.Detail
		}
		counts := together(110, func(int) error { return second(p.exchange(p.Format.New(token.KindPAT), asked())) })
		wantCounts(t, counts, map[api.Code]int{api.CodeInvalidRequest: 100, api.CodeThrottled: 10})
		p.exchanged(t, pair.AccessToken) // a good one, from the same address
	})
}

func TestATokenForAResourceIsExchangedForThatResourceAlone(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		_, secret := p.pat(t, p.dev, "agent", "odata:read")
		orders := authority.GrantRequest{Resource: "https://orders.example"}
		got, err := p.exchange(secret, orders)
		wantOK(t, err)
		if c := said(t, got.AccessToken); c.Audience != orders.Resource {
			t.Errorf("for %q", c.Audience)
		}
		// The service that it was sent to can't turn it into one for Keywright or for another service.
		for _, other := range []string{"", "https://payments.example"} {
			_, err := p.exchange(got.AccessToken, authority.GrantRequest{Resource: other})
			wantCode(t, err, api.CodeInvalidRequest)
		}
		again, err := p.exchange(got.AccessToken, orders)
		wantOK(t, err)
		if c := said(t, again.AccessToken); c.Audience != orders.Resource || !strings.HasSuffix(c.Parents, " "+said(t, got.AccessToken).ID) {
			t.Errorf("then %+v", c)
		}
	})
}

func TestATokenEndsWithEachThatItWasExchangedFrom(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		_, secret := p.pat(t, p.dev, "agent", "odata:read")
		chain := []token.Secret{p.exchanged(t, secret).AccessToken}
		for range 8 {
			chain = append(chain, p.exchanged(t, chain[len(chain)-1]).AccessToken)
		}
		_, err := p.exchange(chain[8], asked()) // there has to be an end
		wantCode(t, err, api.CodeInvalidRequest)
		for ended := 7; ended >= 0; ended -= 3 {
			p.revoke(t, chain[ended])
			for i, s := range chain {
				if good := p.check(s, standard) == nil; good != (i < ended) {
					t.Errorf("with number %d revoked, number %d is good: %v", ended, i, good)
				}
			}
		}
	})
}

func TestAnExchangeThatCantBeAuditedGivesNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		_, secret := p.pat(t, p.dev, "agent", "odata:read")
		p.exchanged(t, secret) // makes the signing key
		statement(t, p.raw(t), "alter table audit_events rename to audit_events_away")
		got, err := p.exchange(secret, asked())
		if fault.From(err).Kind != fault.Internal || got.AccessToken.Reveal() != "" {
			t.Errorf("got %+v, %v", got, err)
		}
		statement(t, p.raw(t), "alter table audit_events_away rename to audit_events")
		p.exchanged(t, secret)
	})
}

func TestATokenExchangedWhileItsSecretWasReplacedIsDead(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		made, secret := p.pat(t, p.dev, "agent", "odata:read")
		// The replacing began before the exchange, and committed after it.
		p.Clock.Advance(5 * time.Millisecond)
		first := p.exchanged(t, secret)
		again := p.exchanged(t, first.AccessToken)
		p.Clock.Advance(-5 * time.Millisecond)
		_, fresh, err := p.RegenerateToken(t.Context(), p.recent(p.dev), standard, made.ID, token.Choice{})
		wantOK(t, err)
		p.wantStopped(t, first.AccessToken, standard)
		p.wantStopped(t, again.AccessToken, standard)
		p.wantGood(t, p.exchanged(t, fresh).AccessToken, standard)
	})
}

func TestWhatAnAppGotByExchangeEndsWithTheApp(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		for name, end := range map[string]func(id string) error{
			"disabled": func(id string) error { return second(p.DisableApp(t.Context(), p.admin, standard, id)) },
			"deleted":  func(id string) error { return p.DeleteApp(t.Context(), p.admin, standard, id) },
			"stopped": func(id string) error {
				_, err := p.Stop(t.Context(), p.admin, standard, authority.Batch{Action: token.ActRevoke, IDs: []string{id}})
				return err
			},
		} {
			_, secret := p.pat(t, p.dev, name, "odata:read")
			app := p.app(t, standard, name, "odata:read")
			client := p.authenticated(t, app)
			first, err := p.as(&client, secret, asked())
			wantOK(t, err)
			again := p.exchanged(t, first.AccessToken) // without the client, it is still what the client got
			others := p.exchanged(t, secret)
			for _, s := range []token.Secret{first.AccessToken, again.AccessToken, others.AccessToken} {
				p.wantGood(t, s, standard)
			}
			wantOK(t, end(app.ID))
			p.wantStopped(t, first.AccessToken, standard)
			p.wantStopped(t, again.AccessToken, standard)
			p.wantGood(t, others.AccessToken, standard)
			late, err := p.as(&client, secret, asked()) // it authenticated a moment before
			wantOK(t, err)
			p.wantStopped(t, late.AccessToken, standard)
			if name == "disabled" {
				_, err = p.ActivateApp(t.Context(), p.admin, standard, app.ID)
				wantOK(t, err)
				p.wantStopped(t, first.AccessToken, standard)
				client = p.authenticated(t, app)
				after, err := p.as(&client, secret, asked())
				wantOK(t, err)
				p.wantGood(t, after.AccessToken, standard)
			}
		}
	})
}

func TestAScopeThatWasTakenFromAnAppDoesNotComeBackWhenTheAppIsDeleted(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		p.setPolicy(t, standard, func(policy *token.Policy) { policy.AfterStop = token.UntilExpiry })
		p.scopesOf(t, standard, "a", "b")
		app, other := p.app(t, standard, "pipeline", "a", "b"), p.app(t, standard, "other", "a", "b")
		got, control := p.granted(t, app), p.granted(t, other)
		fewer := []string{"a"}
		_, err := p.ChangeApp(t.Context(), p.recent(p.admin), standard, app.ID, authority.AppChange{Scopes: &fewer})
		wantOK(t, err)
		wantCode(t, p.check(got.AccessToken, standard, "b"), api.CodeScopeMissing)
		wantOK(t, p.DeleteApp(t.Context(), p.admin, standard, app.ID))
		wantOK(t, p.DeleteApp(t.Context(), p.admin, standard, other.ID))
		if err := p.check(got.AccessToken, standard, "b"); err == nil {
			t.Error("the scope came back")
		}
		p.wantGood(t, control.AccessToken, standard, "b")
	})
}
