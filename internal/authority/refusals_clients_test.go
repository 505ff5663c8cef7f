package authority_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// clientRefusals are those of the verbs on apps, OAuth tokens and what clients ask for.
func clientRefusals() map[api.Code]refusal {
	return map[api.Code]refusal{
		api.CodeLastSecret: {fault.Conflict, "", func(ctx context.Context, p *place, f fixtures) error {
			v, err := p.App(ctx, p.dev, standard, f.robot.ID)
			if err != nil {
				return err
			}
			return second(p.EndAppSecret(ctx, p.dev, standard, f.robot.ID, v.Secrets[0].ID))
		}},
		api.CodeKeysInvalid: {fault.Invalid, "keys", func(ctx context.Context, p *place, f fixtures) error {
			keys := `{"keys":[{"kty":"oct","k":"AAAA"}]}`
			return second(p.ChangeApp(ctx, p.dev, standard, f.robot.ID, authority.AppChange{Keys: &keys}))
		}},
		api.CodeBadCursor: {fault.BadRequest, "", func(ctx context.Context, p *place, _ fixtures) error {
			_, _, err := p.Inventory(ctx, p.admin, standard, authority.InventoryQuery{After: "nowhere", Limit: 9})
			return err
		}},
		api.CodeInvalidRequest: {fault.BadRequest, "", func(ctx context.Context, p *place, f fixtures) error {
			auth := f.robot.auth()
			auth.Assertion = "a.b.c"
			return second(p.Client(ctx, auth, testkit.Origin()))
		}},
		api.CodeInvalidClient: {fault.Unauthenticated, "", func(ctx context.Context, p *place, f fixtures) error {
			return second(p.Client(ctx, authority.ClientAuth{ID: f.robot.ID, Secret: p.Format.New(token.KindApp)}, testkit.Origin()))
		}},
		api.CodeInvalidGrant: {fault.BadRequest, "", func(_ context.Context, p *place, _ fixtures) error {
			return second(p.refresh(p.Format.New(token.KindRefresh)))
		}},
		api.CodeUnauthorizedClient: {fault.Forbidden, "", func(ctx context.Context, p *place, f fixtures) error {
			c, err := p.Client(ctx, f.robot.auth(), testkit.Origin())
			if err != nil {
				return err
			}
			return second(p.Introspect(ctx, c, f.robot.secret))
		}},
		api.CodeUnsupportedTokenType: {fault.BadRequest, "", func(ctx context.Context, p *place, f fixtures) error {
			return p.RevokePresented(ctx, f.robot.secret, testkit.Origin())
		}},
		api.CodeInvalidScope: {fault.BadRequest, "", func(ctx context.Context, p *place, f fixtures) error {
			return second(p.ClientCredentials(ctx, authority.Client{Scopes: f.robot.Scopes}, asked("nothing")))
		}},
		api.CodeInvalidTarget: {fault.BadRequest, "", func(ctx context.Context, p *place, f fixtures) error {
			return second(p.ClientCredentials(ctx, authority.Client{Scopes: f.robot.Scopes}, authority.GrantRequest{Resource: "nowhere"}))
		}},
	}
}

func TestAForeignAppOrOAuthTokenAnswersExactlyAsAnUnknownOne(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		theirs := p.app(t, apps, "theirs")
		foreign, _ := p.family(t, p.dev, oauth, 9)
		mine := p.app(t, standard, "mine", "odata:read")
		now := p.Clock.Now()
		try := func(verb, id string, err error) {
			t.Helper()
			if !isMissing(err) {
				t.Errorf("%s of %.30q: %v", verb, id, err)
			}
		}
		odd := []string{"", "x", "app_", "oat_", "app_\x00", "oat_\xff", strings.Repeat("t", 1<<20), "' or 1=1 --"}
		for _, id := range append(odd, theirs.ID, token.NewID(token.AppID, now), theirs.ID+"x", strings.ToUpper(theirs.ID), foreign.ID) {
			try("App", id, second(p.App(ctx, p.admin, standard, id)))
			try("ChangeApp", id, second(p.ChangeApp(ctx, p.admin, standard, id, authority.AppChange{})))
			try("AppSecret", id, second(p.AppSecret(ctx, p.admin, standard, id)))
			try("RotateAppSecret", id, third(p.RotateAppSecret(ctx, p.admin, standard, id, authority.Rotation{})))
			try("EndAppSecret", id, second(p.EndAppSecret(ctx, p.admin, standard, id, "")))
			try("EndAppSecret of mine", id, second(p.EndAppSecret(ctx, p.admin, standard, mine.ID, id)))
			try("DisableApp", id, second(p.DisableApp(ctx, p.admin, standard, id)))
			try("ActivateApp", id, second(p.ActivateApp(ctx, p.admin, standard, id)))
			try("DeleteApp", id, p.DeleteApp(ctx, p.admin, standard, id))
		}
		for _, id := range append(odd, foreign.ID, token.NewID(token.OAuthTokenID, now), foreign.ID+"x", strings.ToUpper(foreign.ID), theirs.ID) {
			try("OAuthToken", id, second(p.OAuthToken(ctx, p.admin, standard, id)))
			try("DisableOAuthToken", id, second(p.DisableOAuthToken(ctx, p.admin, standard, id)))
			try("DeleteOAuthToken", id, p.DeleteOAuthToken(ctx, p.admin, standard, id))
			results, err := p.BatchOAuthTokens(ctx, p.admin, standard, authority.Batch{Action: token.ActDelete, IDs: []string{id}})
			wantOK(t, err)
			try("BatchOAuthTokens", id, results[0].Err)
		}
		for _, id := range append(odd, theirs.ID, foreign.ID, token.NewID(token.UserID, now), p.dev.User.ID) {
			for _, act := range []token.Action{token.ActRevoke, token.ActDelete} {
				results, err := p.Stop(ctx, p.admin, standard, authority.Batch{Action: act, IDs: []string{id}})
				wantOK(t, err)
				try("Stop", id, results[0].Err)
			}
		}
		for _, ws := range []string{"elsewhere", "", "\xff", token.NewID(token.WorkspaceID, now)} {
			try("CreateApp", ws, third(p.CreateApp(ctx, p.admin, ws, authority.NewApp{})))
			try("Apps", ws, second(p.Apps(ctx, p.admin, ws, authority.AppQuery{})))
			try("CreateOAuthToken", ws, third(p.CreateOAuthToken(ctx, p.admin, ws, authority.NewOAuthToken{})))
			try("OAuthTokens", ws, second(p.OAuthTokens(ctx, p.admin, ws, authority.OAuthQuery{})))
			_, _, err := p.Inventory(ctx, p.admin, ws, authority.InventoryQuery{})
			try("Inventory", ws, err)
		}
		p.wantGood(t, theirs.secret, apps)
	})
}

func TestHostileInputIsRefusedInEveryFieldOfAppsAndOAuthTokens(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		c := p.app(t, standard, "robot", "odata:read")
		pair, _ := p.family(t, p.dev, standard, 9)
		for i, bad := range []string{"a\x00b", "a\xffb", strings.Repeat("x", 1<<20), "a\u202eb", "a\u200bb", "a\nb", "a\x1bb", "\ufeffa", "a\u2028b"} {
			name := fmt.Sprint("n", i)
			for field, err := range map[string]error{
				"name":        third(p.CreateApp(ctx, p.dev, standard, authority.NewApp{Name: bad})),
				"description": third(p.CreateApp(ctx, p.dev, standard, authority.NewApp{Name: name, Description: bad})),
			} {
				wantField(t, err, field, api.CodeInvalid)
			}
			wantField(t, second(p.ChangeApp(ctx, p.dev, standard, c.ID, authority.AppChange{Name: &bad})), "name", api.CodeInvalid)
			wantField(t, second(p.ChangeApp(ctx, p.dev, standard, c.ID, authority.AppChange{Description: &bad})), "description", api.CodeInvalid)
			wantField(t, third(p.CreateApp(ctx, p.dev, standard, authority.NewApp{Name: name, Scopes: []string{bad}})), "scopes.0", api.CodeScopeUnknown)
			wantField(t, third(p.CreateApp(ctx, p.dev, standard, authority.NewApp{Name: name, Keys: bad})), "keys", api.CodeKeysInvalid)
			wantField(t, third(p.CreateOAuthToken(ctx, p.dev, standard, authority.NewOAuthToken{Name: bad, LifetimeDays: new(5)})), "name", api.CodeInvalid)
			for _, err := range []error{
				second(p.BatchOAuthTokens(ctx, p.dev, standard, authority.Batch{Action: token.ActDisable, IDs: []string{pair.ID}, Reason: bad})),
				second(p.Stop(ctx, p.admin, standard, authority.Batch{Action: token.ActRevoke, IDs: []string{pair.ID}, Reason: bad})),
			} {
				wantField(t, err, "reason", api.CodeInvalid)
			}
			for _, err := range []error{
				second(p.BatchOAuthTokens(ctx, p.dev, standard, authority.Batch{Action: token.Action(bad), IDs: []string{pair.ID}})),
				second(p.Stop(ctx, p.admin, standard, authority.Batch{Action: token.Action(bad), IDs: []string{pair.ID}})),
			} {
				wantField(t, err, "action", api.CodeInvalid)
			}
			if i > 1 {
				continue
			}
			page := authority.Page{Limit: 9}
			for _, err := range []error{
				second(p.Apps(ctx, p.dev, standard, authority.AppQuery{Filter: authority.AppFilter{Search: bad}, Page: page})),
				second(p.Apps(ctx, p.dev, standard, authority.AppQuery{Filter: authority.AppFilter{Scope: bad}, Page: page})),
				second(p.Apps(ctx, p.dev, standard, authority.AppQuery{Filter: authority.AppFilter{CreatedBy: bad}, Page: page})),
				second(p.Apps(ctx, p.dev, standard, authority.AppQuery{Page: authority.Page{Limit: 9, After: bad}})),
				second(p.OAuthTokens(ctx, p.dev, standard, authority.OAuthQuery{Filter: authority.OAuthFilter{Search: bad}, Page: page})),
				second(p.OAuthTokens(ctx, p.admin, standard, authority.OAuthQuery{Everyone: true, Filter: authority.OAuthFilter{OwnerID: bad}, Page: page})),
			} {
				wantCode(t, err, api.CodeInvalid)
			}
			for _, f := range []authority.InventoryFilter{{Search: bad}, {Scope: bad}, {OwnerID: bad}} {
				_, _, err := p.Inventory(ctx, p.admin, standard, authority.InventoryQuery{Filter: f, Limit: 9})
				wantCode(t, err, api.CodeInvalid)
			}
		}
		for _, keep := range []time.Duration{-time.Hour, 1, 2 * time.Hour, 1 << 62} {
			wantField(t, third(p.RotateAppSecret(ctx, p.dev, standard, c.ID, authority.Rotation{Keep: keep})), "overlap_seconds", api.CodeInvalid)
		}
		for _, ids := range [][]string{nil, make([]string, authority.MaxBatch+1)} {
			wantField(t, second(p.BatchOAuthTokens(ctx, p.dev, standard, authority.Batch{Action: token.ActDisable, IDs: ids})), "ids", api.CodeInvalid)
			wantField(t, second(p.Stop(ctx, p.admin, standard, authority.Batch{Action: token.ActDelete, IDs: ids})), "ids", api.CodeInvalid)
		}
		wantField(t, second(p.BatchOAuthTokens(ctx, p.dev, standard, authority.Batch{Action: token.ActRevoke, IDs: []string{pair.ID}})), "action", api.CodeInvalid)
		wantField(t, second(p.Stop(ctx, p.admin, standard, authority.Batch{Action: token.ActDisable, IDs: []string{pair.ID}})), "action", api.CodeInvalid)
		p.wantGood(t, c.secret, standard, "odata:read")
	})
}
