package authority

import (
	"context"
	"errors"
	"slices"

	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
	"github.com/keywright/keywright/odata/sqldata"
)

// Reader is who reads a feed, as a check of their credential found it.
type Reader struct {
	ID     string // of a user, or an app
	IsApp  bool
	Scopes token.Scopes
}

// Feed is the feed that every workspace has of itself: its credentials, members, history and use. It is safe for use by
// many goroutines.
type Feed struct {
	a    *Authority
	kept *store.Feed
}

// OpenFeed opens it, through connections of its own that are closed with the store.
func (a *Authority) OpenFeed(o sqldata.Options) (*Feed, error) {
	kept, err := a.store.OpenFeed(o)
	if err != nil {
		return nil, fault.Wrap(err, "open the feed")
	}
	return &Feed{a: a, kept: kept}, nil
}

// Model is what the feed publishes, the same for everybody.
func (f *Feed) Model() *edm.Model { return f.kept.Model }

// Rows gives the rows that a reader sees. An administrator sees the workspace's; another member their own, and the apps that
// they made while their role has apps here; an app itself, unless it holds keywright:admin. Anybody else: not_found.
func (f *Feed) Rows(ctx context.Context, ws string, by Reader) (query.Source, error) {
	caller := map[string]any{"me": by.ID, "maker": "", "now": f.a.Now().UnixMicro()}
	from := f.kept.Own
	err := f.a.view(ctx, func(tx *store.Tx) error {
		s, err := f.a.enterFeed(tx, ws, by)
		if err != nil {
			return err
		}
		caller["workspace"] = s.ID
		switch {
		case by.IsApp && slices.Contains(by.Scopes, token.ScopeAdmin), !by.IsApp && s.role == token.Administrator:
			from = f.kept.All
		case by.IsApp:
			from = f.kept.App
		case s.hasApps():
			caller["maker"] = by.ID
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return from.As(caller).For(ws, by.ID), nil
}

// enterFeed finds the workspace for a reader whose credential was checked for it.
func (a *Authority) enterFeed(tx *store.Tx, ws string, by Reader) (s scene, err error) {
	if by.ID == "" || !isWorkspaceRef(ws) {
		return s, fault.Missing()
	}
	if by.IsApp {
		if s.Workspace, err = tx.Workspace(ws); err == nil {
			_, err = tx.App(s.ID, by.ID)
		}
		return s, err
	}
	m, err := tx.Membership(ws, by.ID)
	if err != nil {
		return s, err
	}
	s = scene{Workspace: m.Workspace, role: m.Role, by: token.Identity{User: token.Person{ID: by.ID}}}
	r, err := a.rulesOf(tx, m.Workspace)
	s.policy, s.all = r.policy, r.all
	return s, err
}

// FeedReader returns the person who reads a feed of a workspace; not_found for who is no member of it.
func (a *Authority) FeedReader(ctx context.Context, ws, userID string) (p token.Person, err error) {
	err = a.view(ctx, func(tx *store.Tx) error {
		if _, err := a.enterFeed(tx, ws, Reader{ID: userID}); err != nil {
			return err
		}
		u, err := tx.User(userID)
		p = u.Person
		return err
	})
	return p, err
}

// Unreadable says why nobody can have a token for a feed that needs this scope; "" when somebody can. It is for the log of a server
// that publishes the feed.
func (a *Authority) Unreadable(ctx context.Context, ws, scope string) (why string, err error) {
	err = a.view(ctx, func(tx *store.Tx) error {
		why = ""
		w, err := tx.Workspace(ws)
		if errors.Is(err, store.ErrNotFound) {
			why = "there is no such workspace"
			return nil
		}
		if err != nil {
			return err
		}
		r, err := a.rulesOf(tx, w)
		if _, ok := r.all.Find(scope); err == nil && !ok {
			why = "no scope of the workspace is called " + scope
		}
		return err
	})
	return why, err
}

// Administers refuses who is no administrator of a workspace: not_found, role_not_allowed, scope_missing.
func (a *Authority) Administers(ctx context.Context, by token.Identity, ws string) error {
	return a.view(ctx, func(tx *store.Tx) error {
		_, err := a.administer(tx, by, ws)
		return err
	})
}
