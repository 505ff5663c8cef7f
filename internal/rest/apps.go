package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
)

// InApp is the path of an app.
type InApp struct {
	InWorkspace
	ClientID string `path:"client_id" doc:"The app's client id" example:"app_06exqk2f8m1p3r5t7w9y0b2d4g"`
}

type appList struct {
	InWorkspace
	Page
	CreatedBy string `query:"created_by" doc:"Those that this person made: a user id"`
	Status    string `query:"status" enum:"active,disabled"`
	Scope     string `query:"scope" doc:"Those that were given this scope"`
	Q         string `query:"q" maxLength:"100" doc:"Part of the name or description, in any case"`
}

type newAppInput struct {
	InWorkspace
	Body api.NewApp
}

type appChangeInput struct {
	InApp
	Body api.AppChange
}

type rotateSecretInput struct {
	InApp
	Body *api.SecretRotation
}

type endSecretInput struct {
	InApp
	ID string `path:"id" doc:"The client secret's id" example:"cs_06exqk2f8m1p3r5t7w9y0b2d4g"`
}

const appsPath, appPath = "/workspaces/{ws}/apps", "/workspaces/{ws}/apps/{client_id}"

func (s *Service) addApps() {
	answer(s, op{
		id: "list-apps", method: http.MethodGet, path: appsPath, tag: "Apps",
		summary: "List apps", who: "Roles that the policy names, and administrators.",
		codes: []api.Code{api.CodeRoleNotAllowed, api.CodeKindNotOffered, api.CodeBadCursor},
	}, s.listApps)
	answer(s, op{
		id: "create-app", method: http.MethodPost, path: appsPath, tag: "Apps", status: http.StatusCreated,
		summary: "Create an app", who: "Roles that the policy lets create, in a session or with a token that never expires. It gets no scope that the caller's role may not hold. The client secret is in this answer; whether it can be seen again is the policy's say.",
		codes: []api.Code{
			api.CodeKindNotOffered, api.CodeRoleNotAllowed, api.CodeSessionRequired, api.CodeRecentSignInRequired, api.CodeTokenLimitReached,
			api.CodeNameRequired, api.CodeScopeUnknown, api.CodeScopeNotAllowed, api.CodeKeysInvalid,
		},
	}, s.createApp)
	answer(s, op{
		id: "get-app", method: http.MethodGet, path: appPath, tag: "Apps",
		summary: "Get an app", who: "Roles that the policy names, and administrators. Its live client secrets are told by their last characters and by when they were used.",
		codes: []api.Code{api.CodeRoleNotAllowed, api.CodeKindNotOffered},
	}, func(ctx context.Context, by token.Identity, in *InApp) (api.AppDetails, error) {
		return s.appDetails(ctx, by, in.WS)(s.authority.App(ctx, by, in.WS, in.ClientID))
	})
	answer(s, op{
		id: "change-app", method: http.MethodPatch, path: appPath, tag: "Apps",
		summary: "Change an app", who: "Roles that may hold all of the app's scopes, where the policy offers it. Its scopes count from the next request on.",
		codes: []api.Code{
			api.CodeRoleNotAllowed, api.CodeKindNotOffered, api.CodeActionNotOffered, api.CodeNameRequired, api.CodeScopeUnknown, api.CodeScopeNotAllowed, api.CodeKeysInvalid,
			api.CodeSessionRequired, api.CodeRecentSignInRequired,
		},
	}, s.changeApp)
	act(s, op{
		id: "delete-app", method: http.MethodDelete, path: appPath, tag: "Apps",
		summary: "Delete an app", who: "Roles that the policy names, where it offers it, and administrators. Its client secrets stop at once; its access tokens too, unless the policy lets them run out.",
		codes: []api.Code{api.CodeRoleNotAllowed, api.CodeKindNotOffered, api.CodeActionNotOffered, api.CodeDeleteNeedsRevoke},
	}, func(ctx context.Context, by token.Identity, in *InApp) error {
		return s.authority.DeleteApp(ctx, by, in.WS, in.ClientID)
	})
	answer(s, op{
		id: "disable-app", method: http.MethodPost, path: appPath + "/disable", tag: "Apps",
		summary: "Disable an app", who: "Roles that the policy names, where it offers it, and administrators. Its client secrets fail at once; its access tokens too, unless the policy lets them run out. Disabling again changes nothing.",
		codes: []api.Code{api.CodeRoleNotAllowed, api.CodeKindNotOffered, api.CodeActionNotOffered},
	}, func(ctx context.Context, by token.Identity, in *InApp) (api.App, error) {
		return s.app(ctx, by, in.WS)(s.authority.DisableApp(ctx, by, in.WS, in.ClientID))
	})
	answer(s, op{
		id: "activate-app", method: http.MethodPost, path: appPath + "/activate", tag: "Apps",
		summary: "Activate an app", who: "Roles that the policy names, where it offers it, in a session or with a token that never expires and holds the app's scopes. Access tokens from before it was disabled stay dead.",
		codes: []api.Code{api.CodeRoleNotAllowed, api.CodeKindNotOffered, api.CodeActionNotOffered, api.CodeSessionRequired, api.CodeScopeNotAllowed},
	}, func(ctx context.Context, by token.Identity, in *InApp) (api.App, error) {
		return s.app(ctx, by, in.WS)(s.authority.ActivateApp(ctx, by, in.WS, in.ClientID))
	})
	s.addAppSecrets()
}

func (s *Service) addAppSecrets() {
	answer(s, op{
		id: "get-app-secret", method: http.MethodGet, path: appPath + "/secret", tag: "Apps",
		summary: "See an app's client secret again", who: "Roles that may hold all of the app's scopes, where the policy lets it be seen again. Each look is in the audit log.",
		codes: []api.Code{api.CodeRoleNotAllowed, api.CodeKindNotOffered, api.CodeActionNotOffered, api.CodeSessionRequired, api.CodeScopeNotAllowed, api.CodeRecentSignInRequired},
	}, func(ctx context.Context, by token.Identity, in *InApp) (api.ShownSecret, error) {
		secret, err := s.authority.AppSecret(ctx, by, in.WS, in.ClientID)
		return api.ShownSecret{ClientSecret: secret.Reveal()}, err
	})
	answer(s, op{
		id: "rotate-app-secret", method: http.MethodPost, path: appPath + "/rotate-secret", tag: "Apps",
		summary: "Rotate an app's client secret", who: "Roles that may hold all of the app's scopes, where the policy offers it. The new one is in this answer; the old one goes on working for the overlap. At most two are live: of two, the older ends at once.",
		codes: []api.Code{
			api.CodeRoleNotAllowed, api.CodeKindNotOffered, api.CodeActionNotOffered, api.CodeSessionRequired, api.CodeScopeNotAllowed, api.CodeRecentSignInRequired,
		},
	}, s.rotateSecret)
	answer(s, op{
		id: "end-app-secret", method: http.MethodPost, path: appPath + "/secrets/{id}/end", tag: "Apps", ids: token.ClientSecretID,
		summary: "End an old client secret", who: "Roles that may hold all of the app's scopes, and administrators. Ends it before its overlap does. The newest can't be ended: rotate it, or disable the app.",
		codes: []api.Code{api.CodeRoleNotAllowed, api.CodeKindNotOffered, api.CodeActionNotOffered, api.CodeLastSecret},
	}, func(ctx context.Context, by token.Identity, in *endSecretInput) (api.AppDetails, error) {
		return s.appDetails(ctx, by, in.WS)(s.authority.EndAppSecret(ctx, by, in.WS, in.ClientID, in.ID))
	})
}

func (s *Service) listApps(ctx context.Context, by token.Identity, in *appList) (api.List[api.App], error) {
	var none api.List[api.App]
	page, err := in.page(listApps)
	if err != nil {
		return none, err
	}
	q := authority.AppQuery{Page: page}
	q.Filter.Status, q.Filter.Scope, q.Filter.Search = token.Status(in.Status), in.Scope, in.Q
	if in.CreatedBy != "" {
		q.Filter.CreatedBy = maskID(token.UserID, in.CreatedBy)
	}
	rows, err := s.authority.Apps(ctx, by, in.WS, q)
	if err != nil {
		return none, err
	}
	v, err := s.authority.Enter(ctx, by, in.WS)
	if err != nil {
		return none, err
	}
	return pageOf(in.Page, listApps, rows, func(a token.App) string { return a.ID }, func(a token.App) api.App { return wireApp(v, a) }), nil
}

func (s *Service) createApp(ctx context.Context, by token.Identity, in *newAppInput) (api.AppSecret, error) {
	// Read first: once there is a secret, nothing may keep it from who asked for it.
	v, err := s.authority.Enter(ctx, by, in.WS)
	if err != nil {
		return api.AppSecret{}, err
	}
	keys, err := keysText(in.Body.Keys)
	if err != nil {
		return api.AppSecret{}, err
	}
	a, secret, err := s.authority.CreateApp(ctx, by, in.WS, authority.NewApp{
		Name: in.Body.Name, Description: said(in.Body.Description), Scopes: said(in.Body.Scopes), Keys: said(keys),
	})
	return api.AppSecret{App: wireApp(v, a), ClientSecret: secret.Reveal()}, err
}

func (s *Service) changeApp(ctx context.Context, by token.Identity, in *appChangeInput) (api.App, error) {
	keys, err := keysText(in.Body.Keys)
	if err != nil {
		return api.App{}, err
	}
	return s.app(ctx, by, in.WS)(s.authority.ChangeApp(ctx, by, in.WS, in.ClientID, authority.AppChange{
		Name: in.Body.Name, Description: in.Body.Description, Scopes: in.Body.Scopes, Keys: keys,
	}))
}

func (s *Service) rotateSecret(ctx context.Context, by token.Identity, in *rotateSecretInput) (api.AppSecret, error) {
	v, err := s.authority.Enter(ctx, by, in.WS)
	if err != nil {
		return api.AppSecret{}, err
	}
	keep := time.Duration(said(said(in.Body).OverlapSeconds)) * time.Second
	a, secret, err := s.authority.RotateAppSecret(ctx, by, in.WS, in.ClientID, authority.Rotation{Keep: keep})
	return api.AppSecret{App: wireApp(v, a), ClientSecret: secret.Reveal()}, err
}

// app takes what a verb returned and makes it an answer.
func (s *Service) app(ctx context.Context, by token.Identity, ws string) func(token.App, error) (api.App, error) {
	return func(a token.App, err error) (api.App, error) {
		if err != nil {
			return api.App{}, err
		}
		v, err := s.authority.Enter(ctx, by, ws)
		return wireApp(v, a), err
	}
}

func (s *Service) appDetails(ctx context.Context, by token.Identity, ws string) func(authority.AppView, error) (api.AppDetails, error) {
	return func(a authority.AppView, err error) (api.AppDetails, error) {
		app, err := s.app(ctx, by, ws)(a.App, err)
		out := api.AppDetails{App: app, Secrets: []api.ClientSecret{}}
		for _, c := range a.Secrets {
			out.Secrets = append(out.Secrets, api.ClientSecret{
				ID: c.ID, Hint: c.Hint, CreatedAt: c.CreatedAt.UTC(), ExpiresAt: knownTime(c.ExpiresAt),
				LastUsedAt: knownTime(c.LastUsedAt), LastUsedIP: knownAddress(c.LastUsedIP),
			})
		}
		return out, err
	}
}

func wireApp(v authority.View, a token.App) api.App {
	return api.App{
		ClientID: a.ID, Name: a.Name, Description: known(a.Description), Scopes: list(a.ScopesFor(v.Catalogue)), Status: string(a.Status()),
		CreatedAt: a.CreatedAt.UTC(), CreatedBy: person(a.CreatedBy), LastUsedAt: knownTime(a.LastUsedAt), LastUsedIP: knownAddress(a.LastUsedIP),
		Keys: keySet(a.Keys),
	}
}

// keysText is a key set as authority takes it: nil where nothing was said, "" for no keys.
func keysText(set *api.KeySet) (*string, error) {
	var out string
	switch {
	case set == nil:
		return nil, nil
	case len(set.Keys) > 0:
		b, err := json.Marshal(set)
		if err != nil {
			return nil, fault.Wrap(err, "keys")
		}
		out = string(b)
	}
	return &out, nil
}

// keySet is the other way; numbers stay as they were written.
func keySet(jwks string) *api.KeySet {
	if jwks == "" {
		return nil
	}
	var set api.KeySet
	dec := json.NewDecoder(bytes.NewReader([]byte(jwks)))
	dec.UseNumber()
	if dec.Decode(&set) != nil { // it was checked before it was kept
		return nil
	}
	set.Keys = list(set.Keys)
	return &set
}
