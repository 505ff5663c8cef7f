package authority

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
)

// NewApp is what a person asks for. Nonce is as in NewToken.
type NewApp struct {
	Name        string
	Description string
	// Scopes: nil is "not said", and gives the app all that it may hold where scopes can't be changed later
	// (the policy does not offer edit_scope), else none.
	Scopes []string
	Keys   string // public keys (JWKS) for private_key_jwt; "" for none
	Nonce  string
}

// useApps refuses whoever does not have apps here.
func (s *scene) useApps() error {
	return s.use(&s.policy.Apps.Access, "This workspace does not offer apps.")
}

func (s *scene) hasApps() bool { return s.useApps() == nil }

// CreateApp makes an app, and returns its client secret. A session must have a recent sign-in; the caller's
// role must be able to hold every scope that the app gets. Errors: kind_not_offered, role_not_allowed,
// recent_sign_in_required, token_limit_reached, name_required, scope_unknown, scope_not_allowed,
// keys_invalid, already_created, and session_required for a caller with a token that expires (an app never
// does).
func (a *Authority) CreateApp(ctx context.Context, by token.Identity, ws string, n NewApp) (token.App, token.Secret, error) {
	var app token.App
	secret := a.format.New(token.KindApp)
	err := a.update(ctx, func(tx *store.Tx) error {
		s, err := a.enterInTurn(tx, by, ws)
		if err != nil {
			return err
		}
		if err := errors.Join(s.needManage(), s.useApps()); err != nil {
			return err
		}
		if !s.policy.Apps.Creates(s.role) {
			return roleNotAllowed()
		}
		terms, bad := s.policy.Apps.Decide(token.AppRequest{Name: n.Name, Description: n.Description, Scopes: n.Scopes}, s.all, s.role)
		keys, bad := checkKeys(bad, n.Keys)
		if err := fault.Invalids(bad); err != nil {
			return err
		}
		if err := errors.Join(s.mayPassOn(terms.Scopes), a.maySeeSecrets(by)); err != nil {
			return err
		}
		if err := spend(tx, by, n.Nonce, "This app was already created. Rotate its secret if you did not copy it."); err != nil {
			return err
		}
		if err := s.roomForApp(tx); err != nil {
			return err
		}
		app = token.App{
			ID: token.NewID(token.AppID, tx.Now), WorkspaceID: s.ID, Name: terms.Name, Description: terms.Description,
			Scopes: terms.Scopes, Keys: keys, CreatedBy: by.User, CreatedAt: tx.Now,
		}
		if err := tx.AddApp(app); err != nil {
			return err
		}
		if err := a.keepSecret(tx, &s, app.ID, secret); err != nil {
			return err
		}
		e := s.appEvent(tx, audit.AppCreated, &app)
		e.Detail.After = describedApp(&app)
		return tx.AddEvent(e)
	}, func() { a.checks.SecretMade(secret.Hash()) })
	if err != nil {
		return token.App{}, token.Secret{}, err
	}
	return app, secret, nil
}

// checkKeys cleans a key set for private_key_jwt, and adds what is wrong with it to bad.
func checkKeys(bad []fault.Field, keys string) (string, []fault.Field) {
	if keys == "" {
		return "", bad
	}
	clean, problem := keyring.CheckKeys(keys)
	if problem != "" {
		bad = append(bad, fault.Field{Name: "keys", Code: api.CodeKeysInvalid, Detail: problem})
	}
	return clean, bad
}

// mayPassOn keeps a caller that came with a token from giving an app more than the token has: a scope, and
// a life without end.
func (s *scene) mayPassOn(scopes token.Scopes) error {
	b := s.by.Bearer
	if b == nil {
		return nil
	}
	if !b.ExpiresAt.IsZero() {
		return fault.New(fault.Forbidden, api.CodeSessionRequired, "An app does not expire, and this token does. Sign in with your password.")
	}
	if !b.Scopes.Has(scopes) {
		return fault.New(fault.Forbidden, api.CodeScopeNotAllowed, "A token can't pass on a scope that it lacks. Leave the scope out, or sign in.").On("scopes")
	}
	return nil
}

// roomForApp refuses when the caller has made as many apps as they may. A disabled one counts: it can be
// activated again.
func (s *scene) roomForApp(tx *store.Tx) error {
	rules := &s.policy.Apps
	if rules.PerUser == 0 {
		return nil
	}
	n, err := tx.CountApps(store.AppFilter{WorkspaceID: s.ID, CreatedBy: s.by.User.ID})
	if err == nil && n >= rules.PerUser {
		return fault.New(fault.Conflict, api.CodeTokenLimitReached, fmt.Sprintf("You have made %d of the apps here, as many as you may. Delete one first.", n))
	}
	return err
}

func (s *scene) appEvent(tx *store.Tx, action audit.Action, app *token.App) audit.Event {
	e := s.event(tx, action)
	e.TargetKind, e.TargetID, e.TargetName, e.OwnerID = "app", app.ID, app.Name, app.CreatedBy.ID
	return e
}

// describedApp is an app as audit details keep it. Its keys are public.
func describedApp(app *token.App) map[string]any {
	m := map[string]any{"name": app.Name, "description": app.Description, "scopes": app.Scopes}
	if app.Keys != "" {
		m["keys"] = app.Keys
	}
	return m
}

// AppQuery asks for a list of apps.
type AppQuery struct {
	Filter AppFilter
	Page   Page
}

// Apps lists a workspace's apps, newest first, to the roles that the policy names, and to overseers under
// every policy. Where the policy's list is one's own, others see those that they made.
func (a *Authority) Apps(ctx context.Context, by token.Identity, ws string, q AppQuery) ([]token.App, error) {
	a.flush(ctx)
	var out []token.App
	err := a.view(ctx, func(tx *store.Tx) error {
		s, err := a.enter(tx, by, ws)
		if err != nil {
			return err
		}
		f := q.Filter
		f.WorkspaceID = s.ID
		if !s.overseesApps() {
			if err := s.useApps(); err != nil {
				return err
			}
			if s.policy.Apps.List == token.ListOwn {
				f.CreatedBy = by.User.ID
			}
		}
		if err := listable(q.Page, f.CreatedBy, f.Scope, f.Search); err != nil {
			return err
		}
		out, err = tx.Apps(f, q.Page)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *scene) overseesApps() bool { return s.needOverseer(&s.policy.Apps.Access) == nil }

// AppView is an app with what is known of its secrets, newest first; those that have ended are left out.
type AppView struct {
	token.App
	Secrets []token.ClientSecret
	// MaySee says that the caller may see the secret (again), rotate it, and change the app's scopes: their role
	// may hold all of the app's scopes.
	MaySee bool
	// Kept says that the newest secret is kept so that it can be seen again.
	Kept bool
}

// App returns one app to whoever Apps lists it to.
func (a *Authority) App(ctx context.Context, by token.Identity, ws, id string) (AppView, error) {
	a.flush(ctx)
	var v AppView
	err := a.view(ctx, func(tx *store.Tx) error {
		s, err := a.enter(tx, by, ws)
		if err != nil {
			return err
		}
		overseer := s.overseesApps()
		if !overseer {
			if err := s.useApps(); err != nil {
				return err
			}
		}
		app, err := s.app(tx, id)
		if err != nil {
			return err
		}
		if !overseer && !s.listsApp(&app) {
			return notMaker()
		}
		v, err = s.viewed(tx, app)
		return err
	})
	if err != nil {
		return AppView{}, err
	}
	return v, nil
}

// viewed puts together what is known of an app.
func (s *scene) viewed(tx *store.Tx, app token.App) (AppView, error) {
	secrets, err := tx.ClientSecrets(app.ID)
	if err != nil {
		return AppView{}, err
	}
	v := AppView{App: app, MaySee: s.hasApps() && s.all.Covers(app.Scopes, s.role)}
	for _, secret := range secrets {
		v.Kept = v.Kept || secret.ExpiresAt.IsZero() && secret.Sealed != nil
		secret.Sealed = nil
		switch {
		case secret.ExpiresAt.IsZero():
			v.Secrets = slices.Insert(v.Secrets, 0, secret)
		case secret.LiveAt(tx.Now):
			v.Secrets = append(v.Secrets, secret)
		}
	}
	return v, nil
}

func notMaker() error {
	return fault.New(fault.Forbidden, api.CodeNotOwner, "Only who made this app can do this.")
}

// listsApp reports whether the policy lists an app to the caller.
func (s *scene) listsApp(app *token.App) bool {
	return s.policy.Apps.List == token.ListWorkspace || app.CreatedBy.ID == s.by.User.ID
}

func (s *scene) app(tx *store.Tx, id string) (token.App, error) {
	if _, ok := token.ParseID(token.AppID, id); !ok {
		return token.App{}, fault.Missing()
	}
	app, err := tx.App(s.ID, id)
	if errors.Is(err, store.ErrNotFound) {
		return app, fault.Missing()
	}
	return app, err
}

// appGrip is an app that the caller may act on.
type appGrip struct {
	scene
	app token.App
}

// takeApp finds an app for an act on it. Who may: the roles that have apps, if the policy offers the act; for
// stopping (disable, delete) an overseer too, under every policy. The caller's turn is taken first, so that
// the rules and their role stay; then the app's, so that two acts on it follow each other.
func (a *Authority) takeApp(tx *store.Tx, by token.Identity, ws, id string, act token.Action) (appGrip, error) {
	s, err := a.enterInTurn(tx, by, ws)
	if err != nil {
		return appGrip{}, err
	}
	g, err := s.appGrip(tx, id, act)
	if err != nil {
		return g, err
	}
	if err := tx.TakeAppTurn(g.app.ID); err != nil {
		return g, err
	}
	// Now that it is our turn, the app may not be as it was.
	return s.appGrip(tx, id, act)
}

// appGrip finds an app and decides whether the caller may act on it.
func (s *scene) appGrip(tx *store.Tx, id string, act token.Action) (appGrip, error) {
	g := appGrip{scene: *s}
	stops := act == token.ActDisable || act == token.ActDelete
	overseer := stops && s.overseesApps()
	if !overseer {
		if err := s.useApps(); err != nil {
			return g, err
		}
	}
	var err error
	if g.app, err = s.app(tx, id); err != nil {
		return g, err
	}
	if !overseer && !s.listsApp(&g.app) {
		return g, notMaker()
	}
	if !stops {
		if err := s.needManage(); err != nil {
			return g, err
		}
	}
	if !overseer && !s.policy.Apps.Allows(act) {
		return g, actionNotOffered()
	}
	return g, nil
}

// needCover refuses whose role can't hold all of the app's scopes: who sees its secret can do what it can.
func (g *appGrip) needCover() error {
	if !g.all.Covers(g.app.Scopes, g.role) {
		return fault.New(fault.Forbidden, api.CodeRoleNotAllowed, "This app has a scope that your role can't hold. Ask an administrator.")
	}
	return nil
}

// AppChange changes what is not nil.
type AppChange struct {
	Name        *string
	Description *string
	Scopes      *[]string
	Keys        *string
}

// ChangeApp changes an app, where the policy offers edit_scope; its scopes count from the next request on.
// Scopes and keys are changed by roles that may hold all of the app's scopes; new keys are credentials and
// take what making a secret takes. Errors: action_not_offered, role_not_allowed, scope_unknown,
// scope_not_allowed, keys_invalid, name_required, recent_sign_in_required, session_required.
func (a *Authority) ChangeApp(ctx context.Context, by token.Identity, ws, id string, c AppChange) (token.App, error) {
	a.flush(ctx) // the answer says when it was last used
	var g appGrip
	err := a.update(ctx, func(tx *store.Tx) (err error) {
		if g, err = a.takeApp(tx, by, ws, id, token.ActEditScope); err != nil {
			return err
		}
		was := g.app
		if err := g.change(c); err != nil {
			return err
		}
		if err := a.mayChange(&g, &was); err != nil {
			return err
		}
		before, after := describedApp(&was), describedApp(&g.app)
		if sameApp(&was, &g.app) {
			return nil
		}
		e := g.appEvent(tx, audit.AppChanged, &g.app)
		e.Detail.Before, e.Detail.After = before, after
		if len(g.app.Scopes.Missing(was.Scopes)) > 0 {
			err = tx.StopAccess(narrowedMark(g.app.ID), accessOver(tx))
		}
		return errors.Join(err, tx.ChangeApp(g.app), tx.AddEvent(e))
	}, func() { a.checks.AppChanged(g.ID, g.app.ID) })
	if err != nil {
		return token.App{}, err
	}
	return g.app, nil
}

func sameApp(x, y *token.App) bool {
	return x.Name == y.Name && x.Description == y.Description && x.Keys == y.Keys && slices.Equal(x.Scopes, y.Scopes)
}

// change applies a change to the app in hand. What it adds to the scopes must be the caller's to give.
func (g *appGrip) change(c AppChange) error {
	var bad, more []fault.Field
	if c.Name != nil {
		g.app.Name, bad = token.AppName(bad, *c.Name)
	}
	if c.Description != nil {
		g.app.Description, bad = token.AppDescription(bad, *c.Description)
	}
	if c.Scopes != nil {
		g.app.Scopes, more = g.all.DecideForApp(*c.Scopes, g.role)
		bad = append(bad, more...)
	}
	if c.Keys != nil {
		g.app.Keys, bad = checkKeys(bad, *c.Keys)
	}
	return fault.Invalids(bad)
}

// mayChange decides whether the caller may make of an app what it is to be.
func (a *Authority) mayChange(g *appGrip, was *token.App) error {
	rekeyed := g.app.Keys != was.Keys
	if !rekeyed && slices.Equal(g.app.Scopes, was.Scopes) {
		return nil
	}
	if err := (&appGrip{scene: g.scene, app: *was}).needCover(); err != nil {
		return err
	}
	if rekeyed && g.app.Keys != "" {
		return errors.Join(g.mayPassOn(g.app.Scopes), a.maySeeSecrets(g.by))
	}
	// What the app had already is not passed on: a caller with a token can always narrow an app.
	if added := was.Scopes.Missing(g.app.Scopes); len(added) > 0 {
		return g.mayPassOn(added)
	}
	return nil
}
