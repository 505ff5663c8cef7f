package authority_test

import (
	"testing"

	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/token"
)

func TestAListThatShowsOthersTokensIsAuditedAndOnesOwnIsNot(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx, ws := t.Context(), string(token.AppsAndTokens) // its list is the whole workspace's
		views := func() int {
			t.Helper()
			list, err := p.Events(ctx, p.admin, ws, authority.EventFilter{Action: audit.AllTokensViewed}, authority.Page{Limit: 100})
			wantOK(t, err)
			return len(list)
		}
		look := func(by token.Identity) {
			t.Helper()
			_, err := p.Tokens(ctx, by, ws, authority.TokenQuery{Page: authority.Page{Limit: 100}})
			wantOK(t, err)
		}
		p.made(t, p.dev, ws, plain(ws, "build"))
		look(p.dev)
		if n := views(); n != 0 {
			t.Errorf("looking at one's own wrote %d events", n)
		}
		look(p.admin)
		if n := views(); n != 1 {
			t.Errorf("looking at another's wrote %d events", n)
		}
	})
}

// An app is the workspace's: whoever has apps sees how one is used before they stop it, whoever made it.
func TestTheUseOfAnAppIsSeenByWhoeverHasApps(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx, ws := t.Context(), string(token.Standard)
		app, secret, err := p.CreateApp(ctx, p.recent(p.admin), ws, authority.NewApp{Name: "loader"})
		wantOK(t, err)
		wantOK(t, p.check(secret, ws))
		for name, c := range map[string]struct {
			by   token.Identity
			id   string
			want int64
		}{
			"an administrator": {p.admin, app.ID, 1}, "a developer": {p.dev, app.ID, 1}, "a plain member": {p.member, app.ID, 0},
			"a developer, of all": {p.dev, "", 0}, "a developer, of an unknown app": {p.dev, token.NewID(token.AppID, p.Clock.Now()), 0},
		} {
			u, err := p.Usage(ctx, c.by, ws, c.id, 1)
			wantOK(t, err)
			if got := u.Days[0].Requests; got != c.want {
				t.Errorf("%s sees %d requests, want %d", name, got, c.want)
			}
		}
		// Where the list is one's own, another's app is not in it.
		p.setPolicy(t, ws, func(r *token.Policy) { r.Apps.List = token.ListOwn })
		u, err := p.Usage(ctx, p.dev, ws, app.ID, 1)
		wantOK(t, err)
		if u.Days[0].Requests != 0 {
			t.Error("a developer sees the use of an app that is not listed to them")
		}
	})
}
