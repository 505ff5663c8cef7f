package authority_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
)

func TestTheInventoryHasEveryonesCredentialsOfEveryKind(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		pat, secret := p.made(t, p.dev, standard, plain(standard, "pat"))
		p.Clock.Advance(time.Second)
		c := p.appMade(t, p.dev, standard, authority.NewApp{Name: "robot", Scopes: []string{"odata:read"}})
		p.Clock.Advance(time.Second)
		pair, _ := p.family(t, p.member, standard, 9)
		p.made(t, p.dev, apps, plain(apps, "elsewhere"))
		p.wantGood(t, secret, standard)
		list, next, err := p.Inventory(ctx, p.admin, standard, authority.InventoryQuery{Limit: 2})
		wantOK(t, err)
		more, end, err := p.Inventory(ctx, p.admin, standard, authority.InventoryQuery{Limit: 2, After: next})
		wantOK(t, err)
		var got []string
		for _, row := range append(list, more...) {
			got = append(got, string(row.Kind)+" "+row.ID+" "+row.Owner.Name)
		}
		want := []string{"rt " + pair.ID + " " + p.member.User.Name, "sec " + c.ID + " " + p.dev.User.Name, "pat " + pat.ID + " " + p.dev.User.Name}
		if !slices.Equal(got, want) || end != "" {
			t.Errorf("the inventory has %v, want %v", got, want)
		}
		wantTime(t, "last use", more[0].LastUsedAt, p.Clock.Now())
		if n := len(p.events(t, standard, audit.AllTokensViewed)); n != 2 {
			t.Errorf("%d views are audited", n)
		}
		for _, c := range []struct {
			f    authority.InventoryFilter
			want int
		}{
			{authority.InventoryFilter{Kind: token.KindApp}, 1},
			{authority.InventoryFilter{OwnerID: p.dev.User.ID}, 2},
			{authority.InventoryFilter{Scope: "odata:read"}, 3}, // an OAuth token carries what its owner may hold
			{authority.InventoryFilter{Scope: token.ScopeManage}, 0},
			{authority.InventoryFilter{Scope: token.ScopeManage, ScopeRoles: token.Roles(), WorkspaceID: pat.WorkspaceID + "x"}, 0}, // not the caller's to say
			{authority.InventoryFilter{Search: "ROBOT"}, 1},
		} {
			list, _, err := p.Inventory(ctx, p.admin, standard, authority.InventoryQuery{Filter: c.f, Limit: 9})
			wantOK(t, err)
			if len(list) != c.want {
				t.Errorf("%+v finds %d", c.f, len(list))
			}
		}
		for _, q := range []authority.InventoryQuery{{Limit: 0}, {Limit: 1001}} {
			_, _, err := p.Inventory(ctx, p.admin, standard, q)
			wantField(t, err, "limit", api.CodeInvalid)
		}
		for _, after := range []string{"x", next + "x", strings.Repeat("A", 1<<20)} {
			_, _, err := p.Inventory(ctx, p.admin, standard, authority.InventoryQuery{Limit: 9, After: after})
			wantCode(t, err, api.CodeBadCursor)
		}
	})
}

func TestStoppingFromTheInventoryEndsEveryKindAndSaysWhatBecameOfEach(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		pat, secret := p.made(t, p.dev, standard, plain(standard, "pat"))
		c := p.appMade(t, p.dev, standard, authority.NewApp{Name: "robot", Scopes: []string{"odata:read"}})
		pair, issued := p.family(t, p.member, standard, 9)
		foreign, theirs := p.made(t, p.dev, apps, plain(apps, "elsewhere"))
		jwt := p.granted(t, c).AccessToken
		for _, s := range []token.Secret{secret, c.secret, jwt, issued.AccessToken} {
			p.wantGood(t, s, standard, "odata:read")
		}
		stop := func(act token.Action, ids ...string) string {
			t.Helper()
			results, err := p.Stop(ctx, p.admin, standard, authority.Batch{Action: act, IDs: ids, Reason: " incident 7 "})
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
		if got := stop(token.ActRevoke, pat.ID, c.ID, foreign.ID, pair.ID, "nothing", pat.ID); got != "  not_found  not_found " {
			t.Errorf("stopped %q", got)
		}
		for i, s := range []token.Secret{secret, c.secret, jwt, issued.AccessToken} {
			t.Run(fmt.Sprint(i), func(t *testing.T) { p.wantStopped(t, s, standard) })
		}
		p.ended(t, issued.RefreshToken)
		p.wantGood(t, theirs, apps)
		for _, action := range []audit.Action{audit.TokenRevoked, audit.AppDisabled, audit.OAuthTokenDisabled} {
			if e := p.wantEvent(t, standard, action); e.Detail.Reason != "incident 7" || e.ActorID != p.admin.User.ID {
				t.Errorf("audited %+v", e)
			}
		}
		if got := stop(token.ActDelete, pat.ID, c.ID, pair.ID, pair.ID); got != "   not_found" {
			t.Errorf("deleted %q", got)
		}
		if list, _, err := p.Inventory(ctx, p.admin, standard, authority.InventoryQuery{Limit: 9}); err != nil || len(list) != 0 {
			t.Errorf("left %v, %v", list, err)
		}
	})
}
