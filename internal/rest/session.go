package rest

import (
	"context"
	"net/http"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/web"
)

type nothing struct{}

type credentialsInput struct{ Body api.Credentials }

type passwordInput struct{ Body api.PasswordChange }

func (s *Service) addSession() {
	answer(s, op{
		id: "sign-in", method: http.MethodPost, path: "/session", tag: "You", status: http.StatusCreated, public: true,
		summary: "Sign in",
		who:     "Anybody. Begins a session and sets its cookie. After 10 failures of one account from one address within 15 minutes both wait together; nobody is locked out from elsewhere.",
		codes:   []api.Code{api.CodeWrongCredentials, api.CodeHTTPSRequired},
	}, s.signIn)
	act(s, op{
		id: "sign-out", method: http.MethodDelete, path: "/session", tag: "You",
		summary: "Sign out", who: "Whoever is signed in. Ends this session.", codes: []api.Code{api.CodeSessionRequired},
	}, s.signOut)
	act(s, op{
		id: "sign-out-everywhere", method: http.MethodDelete, path: "/sessions", tag: "You",
		summary: "Sign out everywhere", who: "Whoever is signed in. Ends all of their sessions, this one too. Tokens go on working.",
		codes: []api.Code{api.CodeSessionRequired},
	}, s.signOutEverywhere)
	answer(s, op{
		id: "me", method: http.MethodGet, path: "/me", tag: "You",
		summary: "Who am I", who: "Whoever is identified. Says who is asking, and in which workspaces with which role.",
	}, func(ctx context.Context, by token.Identity, _ *nothing) (api.Me, error) { return s.me(ctx, by) })
	answer(s, op{
		id: "change-password", method: http.MethodPost, path: "/password", tag: "You",
		summary: "Change my password", who: "Whoever is signed in. Ends their other sessions.",
		codes: []api.Code{api.CodeSessionRequired, api.CodeWrongCredentials, api.CodePasswordTooWeak},
	}, func(ctx context.Context, by token.Identity, in *passwordInput) (api.Me, error) {
		if err := s.authority.ChangePassword(ctx, by, in.Body.Current, in.Body.New); err != nil {
			return api.Me{}, err
		}
		return s.me(ctx, by)
	})
}

func (s *Service) signIn(ctx context.Context, _ token.Identity, in *credentialsInput) (api.Me, error) {
	c := callOf(ctx)
	// Asked first: a password must not be checked, nor a session made, that can't be used.
	if err := s.kit.NeedHTTPS(c.r); err != nil {
		return api.Me{}, err
	}
	secret, by, err := s.authority.SignIn(ctx, in.Body.Email, in.Body.Password, s.kit.Origin(c.r))
	if err != nil {
		return api.Me{}, err
	}
	web.Identified(c.r, by)
	me, err := s.me(ctx, by)
	if err != nil {
		return api.Me{}, err
	}
	return me, s.kit.SetSession(c.w, c.r, secret)
}

func (s *Service) me(ctx context.Context, by token.Identity) (api.Me, error) {
	p, err := s.authority.Me(ctx, by)
	if err != nil {
		return api.Me{}, err
	}
	me := api.Me{
		Person: person(p.User.Person), InstallationAdministrator: by.InstallationAdmin,
		Via: "session", SignedInAt: knownTime(by.SignedInAt), Workspaces: []api.Workspace{},
	}
	if by.Bearer != nil {
		me.Via = "token"
	}
	for _, m := range p.Workspaces {
		me.Workspaces = append(me.Workspaces, workspace(m))
	}
	return me, nil
}

func (s *Service) signOut(ctx context.Context, by token.Identity, _ *nothing) error {
	if err := s.authority.SignOut(ctx, by); err != nil {
		return err
	}
	s.kit.ClearSession(callOf(ctx).w)
	return nil
}

func (s *Service) signOutEverywhere(ctx context.Context, by token.Identity, _ *nothing) error {
	if err := s.authority.SignOutEverywhere(ctx, by); err != nil {
		return err
	}
	s.kit.ClearSession(callOf(ctx).w)
	return nil
}
