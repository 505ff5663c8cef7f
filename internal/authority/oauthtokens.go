package authority

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
)

// NewOAuthToken is what a person asks for. Nonce is as in NewToken.
type NewOAuthToken struct {
	Name         string
	LifetimeDays *int
	Nonce        string
}

// useOAuth refuses whoever can't have OAuth tokens here.
func (s *scene) useOAuth() error {
	return s.use(&s.policy.OAuthTokens.Access, "This workspace does not offer OAuth tokens.")
}

func (s *scene) overseesOAuth() bool { return s.needOverseer(&s.policy.OAuthTokens.Access) == nil }

// CreateOAuthToken makes an OAuth token for the caller and returns both of its secrets for the one time that
// they are shown. Errors: kind_not_offered, role_not_allowed, recent_sign_in_required, token_limit_reached,
// name_required, expiry_required, lifetime_out_of_range, outlives_credential, scope_not_allowed,
// already_created.
func (a *Authority) CreateOAuthToken(ctx context.Context, by token.Identity, ws string, n NewOAuthToken) (token.OAuthToken, Issued, error) {
	var t token.OAuthToken
	var s scene
	// What can be refused is refused before anything is signed. Signing comes before the token is made, since
	// it may have to make a key: no token is made whose secrets can't be handed out.
	err := a.view(ctx, func(tx *store.Tx) (err error) {
		if s, err = a.enter(tx, by, ws); err == nil {
			t, err = a.newOAuth(tx, &s, n)
		}
		return err
	})
	if err != nil {
		return token.OAuthToken{}, Issued{}, err
	}
	id := t.ID
	issued, err := a.issue(ctx, source{
		workspaceID: s.ID, workspace: s.Slug, id: id, subject: by.User.ID, clientID: token.UserClient,
		scopes: s.all.Held(s.role), ends: t.ExpiresAt,
	})
	if err != nil {
		return token.OAuthToken{}, Issued{}, err
	}
	issued.RefreshToken = a.format.New(token.KindRefresh)
	err = a.update(ctx, func(tx *store.Tx) error {
		s, err := a.enterInTurn(tx, by, ws)
		if err != nil {
			return err
		}
		if t, err = a.newOAuth(tx, &s, n); err != nil {
			return err
		}
		t.ID = id
		if err := spend(tx, by, n.Nonce, "This token was already created. Its secrets can't be shown again."); err != nil {
			return err
		}
		if err := errors.Join(tx.AddOAuthToken(t), tx.AddRefreshToken(t.ID, issued.RefreshToken.Hash())); err != nil {
			return err
		}
		e := s.oauthEvent(tx, audit.OAuthTokenCreated, &t)
		e.Detail.After = describedOAuth(&t)
		return tx.AddEvent(e)
	}, nil)
	if err != nil {
		return token.OAuthToken{}, Issued{}, err
	}
	return t, issued, nil
}

// newOAuth applies the rules to a request for an OAuth token.
func (a *Authority) newOAuth(tx *store.Tx, s *scene, n NewOAuthToken) (token.OAuthToken, error) {
	if err := errors.Join(s.needManage(), s.useOAuth()); err != nil {
		return token.OAuthToken{}, err
	}
	rules := &s.policy.OAuthTokens
	if !rules.Creates(s.role) {
		return token.OAuthToken{}, roleNotAllowed()
	}
	name, bad := token.AppName(nil, n.Name)
	expires, more := rules.Expiry.Decide(token.Choice{LifetimeDays: n.LifetimeDays}, tx.Now)
	if err := fault.Invalids(append(bad, more...)); err != nil {
		return token.OAuthToken{}, err
	}
	if err := errors.Join(s.withinBearer(token.Terms{AllScopes: true, ExpiresAt: expires}), a.maySeeSecrets(s.by)); err != nil {
		return token.OAuthToken{}, err
	}
	room, err := s.oauthRoom(tx)
	if err != nil {
		return token.OAuthToken{}, err
	}
	if room.Full() {
		return token.OAuthToken{}, fault.New(fault.Conflict, api.CodeTokenLimitReached, fmt.Sprintf("You already have as many OAuth tokens as you may (%d). Disable or delete one first.", room.Limit))
	}
	return token.OAuthToken{
		ID: token.NewID(token.OAuthTokenID, tx.Now), WorkspaceID: s.ID, Owner: s.by.User, Name: name, CreatedAt: tx.Now, ExpiresAt: expires,
	}, nil
}

func (s *scene) oauthRoom(tx *store.Tx) (Room, error) {
	rules := &s.policy.OAuthTokens
	f := store.OAuthFilter{WorkspaceID: s.ID, OwnerID: s.by.User.ID, Status: token.Active}
	if rules.CountEnded {
		f.Status = ""
	}
	n, err := tx.CountOAuthTokens(f)
	return Room{Held: n, Limit: rules.PerUser}, err
}

// OAuthRoom returns how many OAuth tokens the caller can still make.
func (a *Authority) OAuthRoom(ctx context.Context, by token.Identity, ws string) (Room, error) {
	var r Room
	err := a.view(ctx, func(tx *store.Tx) error {
		s, err := a.enter(tx, by, ws)
		if err != nil {
			return err
		}
		r, err = s.oauthRoom(tx)
		return err
	})
	return r, err
}

func (s *scene) oauthEvent(tx *store.Tx, action audit.Action, t *token.OAuthToken) audit.Event {
	e := s.event(tx, action)
	e.TargetKind, e.TargetID, e.TargetName, e.OwnerID = "oauth_token", t.ID, t.Name, t.Owner.ID
	return e
}

func describedOAuth(t *token.OAuthToken) map[string]any {
	return map[string]any{"name": t.Name, "expires_at": jsonTime(t.ExpiresAt)}
}

// OAuthQuery asks for a list of OAuth tokens.
type OAuthQuery struct {
	Everyone bool // all of the workspace: overseers
	Filter   OAuthFilter
	Page     Page
}

// OAuthTokens lists OAuth tokens, newest first: the caller's own, or, where the policy's list is the
// workspace, all. With Everyone set it is the overseer's view of all, under every policy. A list that shows
// others' is audited.
func (a *Authority) OAuthTokens(ctx context.Context, by token.Identity, ws string, q OAuthQuery) ([]token.OAuthToken, error) {
	a.flush(ctx)
	var out []token.OAuthToken
	var s scene
	err := a.view(ctx, func(tx *store.Tx) (err error) {
		if s, err = a.enter(tx, by, ws); err != nil {
			return err
		}
		f := q.Filter
		f.WorkspaceID = s.ID
		if q.Everyone {
			err = s.needOverseer(&s.policy.OAuthTokens.Access)
		} else {
			err = s.useOAuth()
		}
		if err != nil {
			return err
		}
		if !q.Everyone && s.policy.OAuthTokens.List == token.ListOwn {
			f.OwnerID = by.User.ID
		}
		if err := listable(q.Page, f.OwnerID, f.Search); err != nil {
			return err
		}
		out, err = tx.OAuthTokens(f, q.Page)
		return err
	})
	if err == nil && (q.Everyone || slices.ContainsFunc(out, func(t token.OAuthToken) bool { return t.Owner.ID != by.User.ID })) {
		err = a.noteView(ctx, &s, len(out))
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// OAuthToken returns one OAuth token to its owner, to overseers, and to whom the policy lists the workspace.
func (a *Authority) OAuthToken(ctx context.Context, by token.Identity, ws, id string) (token.OAuthToken, error) {
	a.flush(ctx)
	var t token.OAuthToken
	err := a.view(ctx, func(tx *store.Tx) error {
		s, err := a.enter(tx, by, ws)
		if err != nil {
			return err
		}
		overseer := s.overseesOAuth()
		if !overseer {
			if err := s.useOAuth(); err != nil {
				return err
			}
		}
		if t, err = s.oauthToken(tx, id); err != nil {
			return err
		}
		if t.Owner.ID != by.User.ID && !overseer && s.policy.OAuthTokens.List != token.ListWorkspace {
			return notOwner()
		}
		return nil
	})
	if err != nil {
		return token.OAuthToken{}, err
	}
	return t, nil
}

func (s *scene) oauthToken(tx *store.Tx, id string) (token.OAuthToken, error) {
	if _, ok := token.ParseID(token.OAuthTokenID, id); !ok {
		return token.OAuthToken{}, fault.Missing()
	}
	t, err := tx.OAuthToken(s.ID, id)
	if errors.Is(err, store.ErrNotFound) {
		return t, fault.Missing()
	}
	return t, err
}

// oauthGrip is an OAuth token that the caller may stop.
type oauthGrip struct {
	scene
	token token.OAuthToken
}

// takeOAuth finds an OAuth token for stopping it. Who may: the owner, if the policy offers the act; an
// overseer under every policy. The owner's turn is taken first, as by whoever makes or ends their
// credentials; then the token's, so that it is not refreshed meanwhile.
func (a *Authority) takeOAuth(tx *store.Tx, by token.Identity, ws, id string, act token.Action) (oauthGrip, error) {
	s, err := a.enter(tx, by, ws)
	if err != nil {
		return oauthGrip{}, err
	}
	g, err := s.oauthGrip(tx, id, act)
	if err != nil {
		return g, err
	}
	// Who is removed has no turn; their OAuth tokens are disabled for good.
	if _, err := tx.TakeTurn(s.ID, g.token.Owner.ID); err != nil && !errors.Is(err, store.ErrNotFound) {
		return g, err
	}
	if err := tx.TakeOAuthTurn(id); err != nil {
		return g, err
	}
	// Now that it is our turn, nothing may be as it was.
	if s, err = a.enter(tx, by, ws); err != nil {
		return oauthGrip{}, err
	}
	return s.oauthGrip(tx, id, act)
}

// oauthGrip finds an OAuth token and decides whether the caller may stop it.
func (s *scene) oauthGrip(tx *store.Tx, id string, act token.Action) (oauthGrip, error) {
	g := oauthGrip{scene: *s}
	overseer := s.overseesOAuth()
	if !overseer {
		if err := s.useOAuth(); err != nil {
			return g, err
		}
	}
	var err error
	if g.token, err = s.oauthToken(tx, id); err != nil {
		return g, err
	}
	own := g.token.Owner.ID == s.by.User.ID
	if !own && !overseer {
		return g, notOwner()
	}
	// An overseer can stop anything; what they do to their own beyond that is the policy's say.
	if !s.policy.OAuthTokens.Allows(act) && (!overseer || own && act == token.ActDelete) {
		return g, actionNotOffered()
	}
	return g, nil
}

// DisableOAuthToken disables an OAuth token for good: its refresh token stops at once, its access tokens too
// unless the policy lets them run out. Disabling again changes nothing.
func (a *Authority) DisableOAuthToken(ctx context.Context, by token.Identity, ws, id string) (token.OAuthToken, error) {
	a.flush(ctx) // the answer says when it was last used
	var g oauthGrip
	err := a.update(ctx, func(tx *store.Tx) (err error) {
		if g, err = a.takeOAuth(tx, by, ws, id, token.ActDisable); err != nil {
			return err
		}
		if err := g.disableOAuth(tx, &g.token, ""); err != nil {
			return err
		}
		g.token, err = g.oauthToken(tx, id)
		return err
	}, func() { a.checks.SourceChanged(g.token.ID) })
	if err != nil {
		return token.OAuthToken{}, err
	}
	return g.token, nil
}

func (s *scene) disableOAuth(tx *store.Tx, t *token.OAuthToken, reason string) error {
	if !t.DisabledAt.IsZero() {
		return nil
	}
	e := s.oauthEvent(tx, audit.OAuthTokenDisabled, t)
	e.Detail.Before, e.Detail.Reason = describedOAuth(t), reason
	e.Detail.After = map[string]any{"status": token.Disabled, "access_tokens": s.policy.AfterStop}
	stop := store.Stop{Reason: reason, EndAccess: s.policy.AfterStop == token.StopAtOnce}
	return errors.Join(tx.DisableOAuthToken(t.ID, stop), tx.AddEvent(e))
}

// DeleteOAuthToken removes an OAuth token; what stops is as for disabling. Where the policy wants it, only an
// expired or disabled one can be deleted: delete_needs_revoke.
func (a *Authority) DeleteOAuthToken(ctx context.Context, by token.Identity, ws, id string) error {
	var g oauthGrip
	return a.update(ctx, func(tx *store.Tx) (err error) {
		if g, err = a.takeOAuth(tx, by, ws, id, token.ActDelete); err != nil {
			return err
		}
		return g.delete(tx, "")
	}, func() { a.checks.SourceChanged(g.token.ID) })
}

func (g *oauthGrip) delete(tx *store.Tx, reason string) error {
	status := g.token.StatusAt(tx.Now)
	if g.policy.OAuthTokens.Delete == token.DeleteAfterEnd && status == token.Active {
		return fault.New(fault.Conflict, api.CodeDeleteNeedsRevoke, "Disable this token first. Only expired and disabled tokens can be deleted.")
	}
	e := g.oauthEvent(tx, audit.OAuthTokenDeleted, &g.token)
	e.Detail.Before, e.Detail.Reason = describedOAuth(&g.token), reason
	e.Detail.Before["status"] = status
	if err := errors.Join(tx.DeleteOAuthToken(g.token.ID), tx.AddEvent(e)); err != nil {
		return err
	}
	// With the row goes the note that its access tokens were ended: they must not come back.
	if g.policy.AfterStop == token.StopAtOnce || g.token.AccessEnded {
		return tx.StopAccess(g.token.ID, accessOver(tx))
	}
	return nil
}

// BatchOAuthTokens disables or deletes several; each succeeds or is refused by itself.
func (a *Authority) BatchOAuthTokens(ctx context.Context, by token.Identity, ws string, b Batch) ([]Result, error) {
	return a.each(ctx, run{
		Batch: b, stop: token.ActDisable, what: "OAuth tokens",
		enter: func(tx *store.Tx) (scene, error) { return a.enter(tx, by, ws) },
		end:   a.endOAuth,
	})
}

// endOAuth is what a batch does with one OAuth token.
func (a *Authority) endOAuth(tx *store.Tx, s *scene, b *Batch, id string) (func(), error) {
	act := b.Action
	if act != token.ActDelete {
		act = token.ActDisable
	}
	g, err := a.takeOAuth(tx, s.by, s.ID, id, act)
	if err == nil && act == token.ActDelete {
		err = g.delete(tx, b.Reason)
	} else if err == nil {
		err = g.disableOAuth(tx, &g.token, b.Reason)
	}
	return func() { a.checks.SourceChanged(g.token.ID) }, err
}
