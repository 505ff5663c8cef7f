package authority_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
)

func (p *place) oauthList(t testing.TB, by token.Identity, ws string, everyone bool) []token.OAuthToken {
	t.Helper()
	list, err := p.OAuthTokens(t.Context(), by, ws, authority.OAuthQuery{Everyone: everyone, Page: authority.Page{Limit: 1000}})
	wantOK(t, err)
	return list
}

func TestS4_1_GeneratingTakesANameAndALifetimeOf1To365Days(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx, now := t.Context(), p.Clock.Now()
		for days, want := range map[int]time.Time{1: now.AddDate(0, 0, 1), 365: now.AddDate(0, 0, 365)} {
			made, _, err := p.CreateOAuthToken(ctx, p.member, oauth, authority.NewOAuthToken{Name: " script ", LifetimeDays: &days})
			wantOK(t, err)
			if made.Name != "script" || made.Owner != p.member.User || !made.CreatedAt.Equal(now) || made.StatusAt(now) != token.Active {
				t.Errorf("made %+v", made)
			}
			wantTime(t, "expiry", made.ExpiresAt, want)
		}
		for _, days := range []int{0, 366, -1, 1 << 40, -1 << 62} {
			err := third(p.CreateOAuthToken(ctx, p.member, oauth, authority.NewOAuthToken{Name: "x", LifetimeDays: &days}))
			wantField(t, err, "lifetime_days", api.CodeLifetimeOutOfRange)
		}
		wantField(t, third(p.CreateOAuthToken(ctx, p.member, oauth, authority.NewOAuthToken{Name: "x"})), "lifetime_days", api.CodeExpiryRequired)
		for name, code := range map[string]api.Code{"": api.CodeNameRequired, " \t": api.CodeNameRequired, "a\x00b": api.CodeInvalid, strings.Repeat("x", 101): api.CodeInvalid} {
			wantField(t, third(p.CreateOAuthToken(ctx, p.member, oauth, authority.NewOAuthToken{Name: name, LifetimeDays: new(5)})), "name", code)
		}
		if n := len(p.oauthList(t, p.member, oauth, false)); n != 2 {
			t.Errorf("%d were made", n)
		}
	})
}

func TestS4_2_BothSecretsAreGivenOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		made, pair := p.family(t, p.member, oauth, 30)
		p.wantGood(t, pair.AccessToken, oauth, "odata:read")
		if kind, ok := p.Format.Parse(pair.RefreshToken.Reveal()); !ok || kind != token.KindRefresh {
			t.Errorf("the refresh token's form: %s %v", kind, ok)
		}
		if pair.ExpiresIn != time.Hour || pair.Scopes.String() != "odata:read" {
			t.Errorf("issued %+v", pair)
		}
		c := said(t, pair.AccessToken)
		if c.Subject != p.member.User.ID || c.ClientID != token.UserClient || c.SourceID != made.ID || c.Scope != "odata:read" {
			t.Errorf("claims %+v", c)
		}
		everything := dump(t, p.raw(t), tables()...)
		for what, secret := range map[string]token.Secret{"access": pair.AccessToken, "refresh": pair.RefreshToken} {
			if strings.Contains(everything, secret.Reveal()) {
				t.Errorf("the %s token is kept in clear", what)
			}
		}
		p.wantStopped(t, pair.RefreshToken, oauth) // it opens nothing by itself
	})
}

func TestS4_5_OneOrSeveralAreDisabledForGoodOrDeleted(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		var ids []string
		var pairs []authority.Issued
		for range 5 {
			made, pair := p.family(t, p.member, oauth, 30)
			ids, pairs = append(ids, made.ID), append(pairs, pair)
			p.Clock.Advance(time.Second)
		}
		got, err := p.DisableOAuthToken(ctx, p.member, oauth, ids[0])
		wantOK(t, err)
		if got.StatusAt(p.Clock.Now()) != token.Disabled || !got.DisabledAt.Equal(p.Clock.Now()) {
			t.Errorf("disabled %+v", got)
		}
		p.ended(t, pairs[0].RefreshToken)
		p.Clock.Advance(time.Second)
		again, err := p.DisableOAuthToken(ctx, p.member, oauth, ids[0])
		wantOK(t, err)
		if again.DisabledAt != got.DisabledAt || len(p.events(t, oauth, audit.OAuthTokenDisabled)) != 1 {
			t.Error("disabling again changed something")
		}
		wantOK(t, p.DeleteOAuthToken(ctx, p.member, oauth, ids[1]))
		p.ended(t, pairs[1].RefreshToken)

		theirs, other := p.family(t, p.dev, oauth, 30)
		batch := func(act token.Action, ids ...string) string {
			results, err := p.BatchOAuthTokens(ctx, p.member, oauth, authority.Batch{Action: act, IDs: ids, Reason: "tidy"})
			wantOK(t, err)
			var out []string
			for i, r := range results {
				if r.ID != ids[i] {
					t.Errorf("result %d is of %s", i, r.ID)
				}
				out = append(out, string(fault.CodeOf(r.Err)))
			}
			return strings.Join(out, " ")
		}
		if got := batch(token.ActDisable, ids[2], theirs.ID, ids[1], ids[3]); got != " not_owner not_found " {
			t.Errorf("disabled %q", got)
		}
		if got := batch(token.ActDelete, ids[2], ids[2], ids[4]); got != " not_found " {
			t.Errorf("deleted %q", got)
		}
		for i, pair := range pairs {
			t.Run(fmt.Sprint("refresh ", i), func(t *testing.T) { p.ended(t, pair.RefreshToken) })
		}
		p.refreshed(t, other.RefreshToken)
		var left []string
		for _, o := range p.oauthList(t, p.member, oauth, false) {
			left = append(left, o.ID)
		}
		if !slices.Equal(left, []string{ids[3], ids[0]}) {
			t.Errorf("left %v of %v", left, ids)
		}
	})
}

// offline checks an access token as a service does that only has the published keys.
func (p *place) offline(t *testing.T, ws string, jwt token.Secret) bool {
	t.Helper()
	published, err := p.JWKS(t.Context(), ws)
	wantOK(t, err)
	var set jose.JSONWebKeySet
	wantOK(t, json.Unmarshal(published, &set))
	parsed, err := jose.ParseSignedCompact(jwt.Reveal(), []jose.SignatureAlgorithm{jose.ES256})
	wantOK(t, err)
	payload, err := parsed.Verify(set)
	if err != nil {
		return false
	}
	var c token.Claims
	wantOK(t, json.Unmarshal(payload, &c))
	return p.Clock.Now().Unix() < c.ExpiresAt
}

// stops are the ways of stopping an OAuth token of the member's.
func stops() map[string]func(*testing.T, *place, string, string) {
	return map[string]func(*testing.T, *place, string, string){
		"disable": func(t *testing.T, p *place, ws, id string) {
			wantOK(t, second(p.DisableOAuthToken(t.Context(), p.member, ws, id)))
		},
		"delete": func(t *testing.T, p *place, ws, id string) {
			wantOK(t, p.DeleteOAuthToken(t.Context(), p.member, ws, id))
		},
	}
}

func TestS4_6_UnderOnePolicyAnAccessTokenThatWasIssuedGoesOnUntilItExpires(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		for name, stop := range stops() {
			t.Run(name, func(t *testing.T) {
				made, pair := p.family(t, p.member, oauth, 30)
				issued := p.Clock.Now()
				p.Clock.Advance(10 * time.Minute)
				p.wantGood(t, pair.AccessToken, oauth, "odata:read")
				stop(t, p, oauth, made.ID)
				p.ended(t, pair.RefreshToken)
				p.wantGood(t, pair.AccessToken, oauth, "odata:read")
				p.Clock.Set(issued.Add(time.Hour - time.Second))
				p.wantGood(t, pair.AccessToken, oauth, "odata:read")
				if !p.offline(t, oauth, pair.AccessToken) {
					t.Error("offline it ended before its time")
				}
				p.Clock.Set(issued.Add(time.Hour))
				p.wantStopped(t, pair.AccessToken, oauth)
				if p.offline(t, oauth, pair.AccessToken) {
					t.Error("offline it outlives its hour")
				}
			})
		}
	})
}

func TestS4_6_UnderTheDefaultPolicyAnAccessTokenThatWasIssuedStopsAtOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		for name, stop := range stops() {
			t.Run(name, func(t *testing.T) {
				made, pair := p.family(t, p.member, standard, 30)
				issued := p.Clock.Now()
				p.wantGood(t, pair.AccessToken, standard, "odata:read")
				stop(t, p, standard, made.ID)
				p.ended(t, pair.RefreshToken)
				p.wantStopped(t, pair.AccessToken, standard)
				// Who asks nobody can't know: there it goes on, and no longer than for its hour.
				if !p.offline(t, standard, pair.AccessToken) {
					t.Error("offline it ended before its time")
				}
				// A policy that lets them run out does not bring it back.
				p.setPolicy(t, standard, func(policy *token.Policy) { policy.AfterStop = token.UntilExpiry })
				p.wantStopped(t, pair.AccessToken, standard)
				p.setPolicy(t, standard, func(policy *token.Policy) { policy.AfterStop = token.StopAtOnce })
				p.Clock.Set(issued.Add(time.Hour))
				if p.offline(t, standard, pair.AccessToken) {
					t.Error("offline it outlives its hour")
				}
			})
		}
	})
}

func TestS4_7_AnAdministratorSeesAndStopsAllUsersTokens(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		first, one := p.family(t, p.member, oauth, 30)
		p.Clock.Advance(time.Second)
		second_, two := p.family(t, p.dev, oauth, 30)
		p.family(t, p.admin, oauth, 30)
		for _, by := range []token.Identity{p.dev, p.member} {
			wantCode(t, second(p.OAuthTokens(ctx, by, oauth, authority.OAuthQuery{Everyone: true, Page: authority.Page{Limit: 9}})), api.CodeRoleNotAllowed)
			if list := p.oauthList(t, by, oauth, false); len(list) != 1 || list[0].Owner != by.User {
				t.Errorf("%s sees %+v", by.User.Name, list)
			}
		}
		wantCode(t, second(p.OAuthToken(ctx, p.dev, oauth, first.ID)), api.CodeNotOwner)
		wantCode(t, second(p.DisableOAuthToken(ctx, p.dev, oauth, first.ID)), api.CodeNotOwner)
		if n := len(p.events(t, oauth, audit.AllTokensViewed)); n != 0 {
			t.Errorf("%d views are audited of those who saw their own", n)
		}
		list := p.oauthList(t, p.admin, oauth, true)
		if len(list) != 3 || list[2].ID != first.ID || list[2].Owner != p.member.User {
			t.Errorf("an administrator sees %+v", list)
		}
		if e := p.wantEvent(t, oauth, audit.AllTokensViewed); e.ActorID != p.admin.User.ID || e.Detail.Count != 3 {
			t.Errorf("audited %+v", e)
		}
		_, err := p.DisableOAuthToken(ctx, p.admin, oauth, first.ID)
		wantOK(t, err)
		wantOK(t, p.DeleteOAuthToken(ctx, p.admin, oauth, second_.ID))
		p.ended(t, one.RefreshToken)
		p.ended(t, two.RefreshToken)
		if e := p.wantEvent(t, oauth, audit.OAuthTokenDisabled); e.OwnerID != p.member.User.ID || e.ActorID != p.admin.User.ID {
			t.Errorf("audited %+v", e)
		}
		// Its owner sees what was done.
		mine, err := p.Events(ctx, p.member, oauth, authority.EventFilter{Action: audit.OAuthTokenDisabled}, authority.Page{Limit: 9})
		wantOK(t, err)
		if len(mine) != 1 {
			t.Errorf("the owner sees %d of it", len(mine))
		}
	})
}
