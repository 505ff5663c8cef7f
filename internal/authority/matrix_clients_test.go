package authority_test

import (
	"context"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/token"
)

// robot is a new app of the developer's.
func (c *cast) robot(ctx context.Context) string {
	made, _, err := c.CreateApp(ctx, c.who["developer"], standard, authority.NewApp{Name: c.name(), Scopes: []string{"odata:read"}})
	if err != nil {
		panic(err)
	}
	return made.ID
}

// pair is a new OAuth token of the developer's.
func (c *cast) pair(ctx context.Context) string {
	made, _, err := c.CreateOAuthToken(ctx, c.who["developer"], standard, authority.NewOAuthToken{Name: c.name(), LifetimeDays: new(9)})
	if err != nil {
		panic(err)
	}
	return made.ID
}

// replaced is a new app of the developer's with an old client secret that still works.
func (c *cast) replaced(ctx context.Context) (app, old string) {
	app = c.robot(ctx)
	v, err := c.App(ctx, c.who["developer"], standard, app)
	if err == nil {
		_, _, err = c.RotateAppSecret(ctx, c.who["developer"], standard, app, authority.Rotation{Keep: authority.Overlaps()[1]})
	}
	if err != nil {
		panic(err)
	}
	return app, v.Secrets[0].ID
}

// appRows are the verbs on apps. A plain member has none.
func appRows() map[string]row {
	makers := cell{"administrator, developer", ok}
	manage, all := cell{"bearer manage", ok}, cell{"bearer manage, bearer admin", ok}
	lasting := cell{"bearer manage", api.CodeSessionRequired}
	noManage := cell{"bearer admin", api.CodeScopeMissing}
	return map[string]row{
		"Apps": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.Apps(ctx, by, standard, authority.AppQuery{Page: authority.Page{Limit: 5}}))
		}, gets(makers, all)},
		"App": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.App(ctx, by, standard, c.robot(ctx)))
		}, gets(makers, all)},
		"CreateApp": {func(ctx context.Context, c *cast, by token.Identity) error {
			return third(c.CreateApp(ctx, by, standard, authority.NewApp{Name: c.name()}))
		}, gets(makers, lasting, noManage)},
		"ChangeApp": {func(ctx context.Context, c *cast, by token.Identity) error {
			name := c.name()
			return second(c.ChangeApp(ctx, by, standard, c.robot(ctx), authority.AppChange{Name: &name, Scopes: &[]string{}}))
		}, gets(makers, manage, noManage)},
		"ChangeApp/more": {func(ctx context.Context, c *cast, by token.Identity) error {
			id := c.robot(ctx)
			if _, err := c.ChangeApp(ctx, c.who["developer"], standard, id, authority.AppChange{Scopes: &[]string{}}); err != nil {
				panic(err)
			}
			return second(c.ChangeApp(ctx, by, standard, id, authority.AppChange{Scopes: &[]string{"odata:read"}}))
		}, gets(makers, lasting, noManage)},
		"AppSecret": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.AppSecret(ctx, by, standard, c.robot(ctx)))
		}, gets(makers, lasting, noManage)},
		"RotateAppSecret": {func(ctx context.Context, c *cast, by token.Identity) error {
			return third(c.RotateAppSecret(ctx, by, standard, c.robot(ctx), authority.Rotation{}))
		}, gets(makers, lasting, noManage)},
		"EndAppSecret": {func(ctx context.Context, c *cast, by token.Identity) error {
			app, old := c.replaced(ctx)
			return second(c.EndAppSecret(ctx, by, standard, app, old))
		}, gets(makers, all)},
		"DisableApp": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.DisableApp(ctx, by, standard, c.robot(ctx)))
		}, gets(makers, all)},
		"ActivateApp": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.ActivateApp(ctx, by, standard, c.robot(ctx)))
		}, gets(makers, manage, noManage)},
		"DeleteApp": {func(ctx context.Context, c *cast, by token.Identity) error {
			return c.DeleteApp(ctx, by, standard, c.robot(ctx))
		}, gets(makers, all)},
	}
}

// oauthRows are the verbs on OAuth tokens.
func oauthRows() map[string]row {
	stop := gets(cell{"developer", ok}, cell{overseers, ok}, cell{noOverseer, api.CodeNotOwner})
	return map[string]row{
		"OAuthTokens": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.OAuthTokens(ctx, by, standard, authority.OAuthQuery{Page: authority.Page{Limit: 5}}))
		}, gets(cell{insiders, ok})},
		"OAuthTokens/everyone": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.OAuthTokens(ctx, by, standard, authority.OAuthQuery{Everyone: true, Page: authority.Page{Limit: 5}}))
		}, gets(cell{overseers, ok})},
		"OAuthToken": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.OAuthToken(ctx, by, standard, c.pair(ctx)))
		}, stop},
		"OAuthRoom": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.OAuthRoom(ctx, by, standard))
		}, gets(cell{insiders, ok})},
		"CreateOAuthToken": {func(ctx context.Context, c *cast, by token.Identity) error {
			return third(c.CreateOAuthToken(ctx, by, standard, authority.NewOAuthToken{Name: c.name(), LifetimeDays: new(9)}))
		}, gets(cell{"administrator, developer, member, bearer manage", ok}, cell{"bearer admin", api.CodeScopeMissing})},
		"DisableOAuthToken": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.DisableOAuthToken(ctx, by, standard, c.pair(ctx)))
		}, stop},
		"DeleteOAuthToken": {func(ctx context.Context, c *cast, by token.Identity) error {
			return c.DeleteOAuthToken(ctx, by, standard, c.pair(ctx))
		}, stop},
		"BatchOAuthTokens": {func(ctx context.Context, c *cast, by token.Identity) error {
			results, err := c.BatchOAuthTokens(ctx, by, standard, authority.Batch{Action: token.ActDisable, IDs: []string{c.pair(ctx)}})
			if err != nil {
				return err
			}
			return results[0].Err
		}, stop},
	}
}

// oversightRows are the verbs on all kinds of credentials, and on the keys that sign access tokens.
func oversightRows() map[string]row {
	over := gets(cell{overseers, ok})
	return map[string]row{
		"Inventory": {func(ctx context.Context, c *cast, by token.Identity) error {
			_, _, err := c.Inventory(ctx, by, standard, authority.InventoryQuery{Limit: 5})
			return err
		}, over},
		"Administers": {func(ctx context.Context, c *cast, by token.Identity) error {
			return c.Administers(ctx, by, standard)
		}, over},
		"Stop": {func(ctx context.Context, c *cast, by token.Identity) error {
			results, err := c.Stop(ctx, by, standard, authority.Batch{Action: token.ActRevoke, IDs: []string{c.target(ctx), c.pair(ctx), c.robot(ctx)}})
			for _, r := range results {
				if err == nil {
					err = r.Err
				}
			}
			return err
		}, over},
		"SigningKeys": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.SigningKeys(ctx, by, standard))
		}, over},
		"RotateKeys": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.RotateKeys(ctx, by, standard, false))
		}, over},
	}
}

// legacyRows are the verbs on tokens that were imported. All set the same day.
func legacyRows() map[string]row {
	over := gets(cell{overseers, ok})
	return map[string]row{
		"LegacyTokens": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.LegacyTokens(ctx, by, standard, authority.TokenQuery{Page: authority.Page{Limit: 5}}))
		}, gets(cell{insiders, ok})},
		"LegacyTokens/everyone": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.LegacyTokens(ctx, by, standard, authority.TokenQuery{Everyone: true, Page: authority.Page{Limit: 5}}))
		}, over},
		"LegacyOwners": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.LegacyOwners(ctx, by, standard, time.Time{}, 5))
		}, over},
		"LegacyStop": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.LegacyStop(ctx, by, standard))
		}, gets(cell{insiders, ok})},
		"SetLegacyStop": {func(ctx context.Context, c *cast, by token.Identity) error {
			return c.SetLegacyStop(ctx, by, standard, c.Clock.Now().AddDate(0, 0, 9))
		}, over},
		"ImportTokens": {func(ctx context.Context, c *cast, by token.Identity) error {
			in := c.file()
			in.Stops = c.Clock.Now().AddDate(0, 0, 9)
			return second(c.ImportTokens(ctx, by, standard, in))
		}, gets(cell{overseers, ok}, cell{"command line", ok})},
	}
}
