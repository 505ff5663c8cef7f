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
