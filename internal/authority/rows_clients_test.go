package authority_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// appMade makes an app as the page of a person does.
func (p *place) appMade(t testing.TB, by token.Identity, ws string, n authority.NewApp) client {
	t.Helper()
	app, secret, err := p.CreateApp(t.Context(), p.recent(by), ws, n)
	if err != nil {
		t.Fatalf("creating an app in %s: %v", ws, err)
	}
	return client{app, secret}
}

func (p *place) appList(t testing.TB, by token.Identity, ws string) []token.App {
	t.Helper()
	list, err := p.Apps(t.Context(), by, ws, authority.AppQuery{Page: authority.Page{Limit: 1000}})
	wantOK(t, err)
	return list
}

func TestS2_1_OnlyAdministratorsAndDevelopersHaveApps(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		c := p.appMade(t, p.dev, apps, authority.NewApp{Name: "robot"})
		p.appMade(t, p.admin, apps, authority.NewApp{Name: "report"})
		for verb, err := range map[string]error{
			"create":   third(p.CreateApp(ctx, p.member, apps, authority.NewApp{Name: "x"})),
			"list":     second(p.Apps(ctx, p.member, apps, authority.AppQuery{Page: authority.Page{Limit: 9}})),
			"read":     second(p.App(ctx, p.member, apps, c.ID)),
			"view":     second(p.AppSecret(ctx, p.member, apps, c.ID)),
			"disable":  second(p.DisableApp(ctx, p.member, apps, c.ID)),
			"activate": second(p.ActivateApp(ctx, p.member, apps, c.ID)),
			"delete":   p.DeleteApp(ctx, p.member, apps, c.ID),
		} {
			t.Run(verb, func(t *testing.T) { wantCode(t, err, api.CodeRoleNotAllowed) })
		}
		if n := len(p.appList(t, p.dev, apps)); n != 2 {
			t.Errorf("a developer sees %d apps", n)
		}
		// An app is the workspace's: it goes on when its maker loses the role, and when they leave.
		_, err := p.SetRole(ctx, p.admin, apps, p.dev.User.ID, token.PlainMember)
		wantOK(t, err)
		p.wantGood(t, c.secret, apps, "odata:read")
		wantOK(t, p.RemoveMember(ctx, p.admin, apps, p.dev.User.ID))
		p.wantGood(t, c.secret, apps, "odata:read")
		p.wantGood(t, p.granted(t, c).AccessToken, apps, "odata:read")
		if got, err := p.App(ctx, p.admin, apps, c.ID); err != nil || got.CreatedBy != p.dev.User {
			t.Errorf("of who left: %+v, %v", got, err)
		}
	})
}

func TestS2_3_ANewAppHasANameADescriptionAndIsActive(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		c := p.appMade(t, p.dev, apps, authority.NewApp{Name: " robot ", Description: " moves boxes "})
		want := token.App{
			ID: c.ID, WorkspaceID: c.WorkspaceID, Name: "robot", Description: "moves boxes", Scopes: token.Scopes{"odata:read"},
			CreatedBy: p.dev.User, CreatedAt: p.Clock.Now(),
		}
		got, err := p.App(t.Context(), p.admin, apps, c.ID)
		wantOK(t, err)
		for _, app := range []token.App{c.App, got.App} {
			if app.Name != want.Name || app.Description != want.Description || !slices.Equal(app.Scopes, want.Scopes) || app.CreatedBy != want.CreatedBy ||
				app.Status() != token.Active || !app.CreatedAt.Equal(want.CreatedAt) {
				t.Errorf("made %+v", app)
			}
		}
		if kind, ok := p.Format.Parse(c.secret.Reveal()); !ok || kind != token.KindApp {
			t.Errorf("the secret's form: %s %v", kind, ok)
		}
		p.wantGood(t, c.secret, apps, "odata:read")
		wantField(t, third(p.CreateApp(t.Context(), p.dev, apps, authority.NewApp{Name: " "})), "name", api.CodeNameRequired)
		p.appMade(t, p.dev, apps, authority.NewApp{Name: "robot"}) // a name is no key
	})
}

func TestS2_4_ViewingShowsTheClientSecretAgainAndIsAudited(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		c := p.appMade(t, p.dev, apps, authority.NewApp{Name: "robot"})
		v, err := p.App(ctx, p.admin, apps, c.ID)
		wantOK(t, err)
		if v.ID != c.ID || !v.MaySee || !v.Kept || len(v.Secrets) != 1 || v.Secrets[0].Hint != c.secret.Hint() || v.Secrets[0].Sealed != nil {
			t.Errorf("viewed %+v", v)
		}
		for _, by := range []token.Identity{p.dev, p.admin} {
			p.Clock.Advance(2 * time.Millisecond)
			again, err := p.AppSecret(ctx, p.recent(by), apps, c.ID)
			wantOK(t, err)
			if again.Reveal() != c.secret.Reveal() {
				t.Error("another secret is shown")
			}
			if e := p.events(t, apps, audit.AppSecretViewed)[0]; e.ActorID != by.User.ID || e.TargetID != c.ID || e.OwnerID != p.dev.User.ID {
				t.Errorf("audited %+v", e)
			}
		}
		p.Clock.Advance(16 * time.Minute)
		wantCode(t, second(p.AppSecret(ctx, p.dev, apps, c.ID)), api.CodeRecentSignInRequired)
		if n := len(p.events(t, apps, audit.AppSecretViewed)); n != 2 {
			t.Errorf("%d views are audited", n)
		}
		// It is kept for its own row alone.
		other := p.appMade(t, p.dev, apps, authority.NewApp{Name: "other"})
		statement(t, p.raw(t), "update app_secrets set sealed = (select s.sealed from app_secrets s where s.app_id = '"+c.ID+"') where app_id = '"+other.ID+"'")
		wantCode(t, second(p.AppSecret(ctx, p.recent(p.dev), apps, other.ID)), api.CodeInternal)
		// Where secrets are shown once, this one is not.
		once := p.app(t, standard, "robot", "odata:read")
		wantCode(t, second(p.AppSecret(ctx, p.recent(p.admin), standard, once.ID)), api.CodeActionNotOffered)
	})
}

func TestS2_5_DisablingStopsAnAppAndActivatingStartsItAgain(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		c := p.appMade(t, p.dev, apps, authority.NewApp{Name: "robot"})
		before := p.granted(t, c).AccessToken
		p.wantGood(t, c.secret, apps, "odata:read")
		p.wantGood(t, before, apps, "odata:read")
		p.Clock.Advance(time.Second)

		got, err := p.DisableApp(ctx, p.dev, apps, c.ID)
		wantOK(t, err)
		if got.Status() != token.Disabled || !got.DisabledAt.Equal(p.Clock.Now()) {
			t.Errorf("disabled %+v", got)
		}
		p.wantStopped(t, c.secret, apps)
		p.wantStopped(t, before, apps)
		wantCode(t, second(p.Client(ctx, c.auth(), testkit.Origin())), api.CodeInvalidClient)
		p.Clock.Advance(time.Second)
		again, err := p.DisableApp(ctx, p.admin, apps, c.ID)
		wantOK(t, err)
		if again.DisabledAt != got.DisabledAt || len(p.events(t, apps, audit.AppDisabled)) != 1 {
			t.Error("disabling again changed something")
		}

		got, err = p.ActivateApp(ctx, p.dev, apps, c.ID)
		wantOK(t, err)
		if got.Status() != token.Active {
			t.Errorf("activated %+v", got)
		}
		p.wantGood(t, c.secret, apps, "odata:read")
		p.wantStopped(t, before, apps) // from before
		after := p.granted(t, c).AccessToken
		p.wantGood(t, after, apps, "odata:read")
		wantOK(t, second(p.ActivateApp(ctx, p.dev, apps, c.ID)))
		p.wantGood(t, after, apps, "odata:read") // activating an active one changes nothing
		p.wantStopped(t, before, apps)

		wantOK(t, p.DeleteApp(ctx, p.dev, apps, c.ID))
		if list := p.appList(t, p.dev, apps); len(list) != 0 {
			t.Errorf("listed %v", list)
		}
		p.wantStopped(t, c.secret, apps)
		p.wantStopped(t, after, apps)
		wantCode(t, second(p.Client(ctx, c.auth(), testkit.Origin())), api.CodeInvalidClient)
	})
}

func TestS2_6_TheListHasNameMakerStatusAndTheActionsOfTheMenu(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		c := p.appMade(t, p.dev, apps, authority.NewApp{Name: "robot"})
		p.Clock.Advance(time.Second)
		p.appMade(t, p.admin, apps, authority.NewApp{Name: "report"})
		_, err := p.DisableApp(ctx, p.dev, apps, c.ID)
		wantOK(t, err)
		list := p.appList(t, p.dev, apps)
		if len(list) != 2 || list[0].Name != "report" || list[0].CreatedBy != p.admin.User || list[0].Status() != token.Active ||
			list[1].Name != "robot" || list[1].CreatedBy != p.dev.User || list[1].Status() != token.Disabled {
			t.Errorf("listed %+v", list)
		}
		v, err := p.Enter(ctx, p.dev, apps)
		wantOK(t, err)
		menu := []token.Action{token.ActView, token.ActDisable, token.ActActivate, token.ActDelete}
		if !slices.Equal(v.Policy.Apps.Actions, menu) || v.Policy.Apps.List != token.ListWorkspace {
			t.Errorf("the menu has %v", v.Policy.Apps.Actions)
		}
		name := "other"
		wantCode(t, second(p.ChangeApp(ctx, p.dev, apps, c.ID, authority.AppChange{Name: &name})), api.CodeActionNotOffered)
		wantCode(t, third(p.RotateAppSecret(ctx, p.admin, apps, c.ID, authority.Rotation{})), api.CodeActionNotOffered)
	})
}

func TestS2_7_AnAppReachesWhatItsScopesAllowAndATokenWhatItsOwnerMay(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		makers := []token.Role{token.Administrator, token.Developer}
		_, err := p.SetScopes(ctx, p.admin, apps, token.Catalogue{
			{Name: "read", Title: "Read", Roles: makers, Apps: true},
			{Name: "purge", Title: "Purge", Roles: []token.Role{token.Administrator}, Apps: true},
			{Name: "people", Title: "People only", Roles: makers},
		})
		wantOK(t, err)
		all := p.appMade(t, p.admin, apps, authority.NewApp{Name: "all"}) // as the page makes it: without a choice
		some := p.appMade(t, p.admin, apps, authority.NewApp{Name: "some", Scopes: []string{"purge"}})
		devs := p.appMade(t, p.dev, apps, authority.NewApp{Name: "dev's"})
		_, mine := p.made(t, p.dev, apps, plain(apps, "pat"))
		for _, c := range []struct {
			what    string
			secret  token.Secret
			good    []string
			lacking []string
		}{
			{"an app's", p.granted(t, all).AccessToken, []string{"read", "purge"}, []string{"people", token.ScopeIntrospect}},
			{"an app's own secret", all.secret, []string{"read", "purge"}, []string{"people", token.ScopeIntrospect}},
			{"one of an app with one scope", p.granted(t, some).AccessToken, []string{"purge"}, []string{"read"}},
			{"one that is narrowed", p.granted(t, all, "read").AccessToken, []string{"read"}, []string{"purge"}},
			{"one of a developer's app", p.granted(t, devs).AccessToken, []string{"read"}, []string{"purge", "people"}},
			{"a developer's own", mine, []string{"read", "people"}, []string{"purge"}},
		} {
			p.wantGood(t, c.secret, apps, c.good...)
			for _, scope := range c.lacking {
				if err := p.check(c.secret, apps, scope); err == nil {
					t.Errorf("%s is good for %s", c.what, scope)
				}
			}
		}
		if text, err := json.Marshal(said(t, p.granted(t, all).AccessToken)); err != nil || said(t, p.granted(t, all).AccessToken).Subject != all.ID {
			t.Errorf("claims %s, %v", text, err)
		}
	})
}
