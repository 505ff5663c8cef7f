package authority

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
)

// forgiveness is for how long a refresh token that was replaced is answered with its successor again: the
// answer may have been lost on its way.
const forgiveness = 30 * time.Second

// The refusal is made once: it is the same for everybody.
var errGrant = fault.New(fault.BadRequest, api.CodeInvalidGrant, "This refresh token is not valid. It may be mistyped, expired, replaced or disabled.")

// refreshing is a refresh on its way: what is asked, and what is decided.
type refreshing struct {
	GrantRequest
	presented token.Secret
	fresh     token.Secret // the successor, if there has to be one
	from      token.Origin

	reused   bool // the presented one had been replaced: the family ends
	forgiven bool // it had been replaced a moment ago: the same successor is told again
	next     token.Secret
	rule     token.Refresh
	source   source
}

// Refresh issues an access token for a refresh token (RFC 6749 section 6) and, where the policy rotates,
// another refresh token. clientID may be empty, else it is user-tokens. A replayed one ends its whole
// family (RFC 9700 section 4.14.2). Errors: invalid_grant, invalid_client, invalid_scope, invalid_target.
func (a *Authority) Refresh(ctx context.Context, refresh token.Secret, clientID string, g GrantRequest, from token.Origin) (Issued, error) {
	r := refreshing{GrantRequest: g, presented: refresh, fresh: a.format.New(token.KindRefresh), from: cleanOrigin(from)}
	if err := a.refreshClient(clientID, r.from); err != nil {
		return Issued{}, err
	}
	// What is refused does not reach the writer. Signing comes before anything is replaced: no refresh token
	// is used up for an access token that can't be handed out, and nobody waits for a signature.
	id, err := a.readRefresh(ctx, &r)
	if err != nil {
		return Issued{}, err
	}
	signed := r.source
	var out Issued
	if !r.reused {
		if out, err = a.issue(ctx, signed); err != nil {
			return Issued{}, err
		}
	}
	err = a.update(ctx, func(tx *store.Tx) error { return a.refresh(tx, &r, id) }, func() {
		if r.reused {
			a.checks.SourceChanged(id)
		}
	})
	if err == nil && r.reused {
		err = errGrant
	}
	if err == nil && (out.id == "" || !signed.same(&r.source)) { // decided otherwise meanwhile
		out, err = a.issue(ctx, r.source)
	}
	if err != nil {
		return Issued{}, err
	}
	out.RefreshToken = r.next
	return out, nil
}

// same reports whether two sources of one credential give the same access token.
func (s *source) same(t *source) bool {
	return slices.Equal(s.scopes, t.scopes) && s.ends.Equal(t.ends)
}

// refreshClient refuses a client that people's OAuth tokens don't belong to.
func (a *Authority) refreshClient(id string, from token.Origin) error {
	if id == "" || id == token.UserClient {
		return nil
	}
	if _, ok := token.ParseID(token.AppID, id); ok {
		return errGrant // RFC 6749 section 5.2: invalid_grant when it "was issued to another client"
	}
	return a.notTheClient(from)
}

// presentedRefresh finds what is known of a refresh token.
func (a *Authority) presentedRefresh(tx *store.Tx, presented token.Secret) (store.PresentedRefresh, error) {
	if kind, ok := a.format.Parse(presented.Reveal()); !ok || kind != token.KindRefresh {
		return store.PresentedRefresh{}, store.ErrNotFound
	}
	return tx.RefreshTokenByHash(presented.Hash())
}

// readRefresh decides in a read, and returns the id of the OAuth token.
func (a *Authority) readRefresh(ctx context.Context, r *refreshing) (id string, err error) {
	err = a.view(ctx, func(tx *store.Tx) error {
		p, err := a.presentedRefresh(tx, r.presented)
		if err != nil {
			return err
		}
		id = p.Token.ID
		return a.decideRefresh(tx, r, &p)
	})
	if errors.Is(err, fault.Missing()) {
		err = a.unknownAs(errGrant, r.from)
	}
	return id, err
}

// refresh decides in turn, and changes. All refreshes of one OAuth token follow each other, so of several
// that come with the same refresh token the first replaces it, and the others find it replaced a moment ago.
func (a *Authority) refresh(tx *store.Tx, r *refreshing, id string) error {
	if err := tx.TakeOAuthTurn(id); err != nil {
		return gone(err)
	}
	p, err := tx.RefreshTokenByHash(r.presented.Hash())
	if err != nil {
		return gone(err)
	}
	if err := a.decideRefresh(tx, r, &p); err != nil {
		return err
	}
	t := &p.Token
	if r.reused {
		return endFamily(tx, t, r.from)
	}
	if !r.forgiven {
		if err := r.replace(tx, t); err != nil {
			return err
		}
	}
	e := holder(t.WorkspaceID, t.Owner, t.ID, r.from).oauthEvent(tx, audit.OAuthRefreshed, t)
	e.Detail.After = map[string]any{"scopes": r.source.scopes, "rotated": r.next.Reveal() != "", "again": r.forgiven}
	return errors.Join(tx.NoteRefresh(t.ID), tx.AddEvent(e))
}

// gone makes what went away meanwhile be worth nothing.
func gone(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return errGrant
	}
	return err
}

// decideRefresh decides what becomes of a refresh: it is refused, or the family ends, or there is a source for
// an access token.
func (a *Authority) decideRefresh(tx *store.Tx, r *refreshing, p *store.PresentedRefresh) error {
	t := &p.Token
	if t.StatusAt(tx.Now) != token.Active {
		return errGrant
	}
	r.next, r.forgiven = r.told(p, tx.Now)
	if r.reused = !p.UsedAt.IsZero() && !r.forgiven; r.reused {
		return nil // whatever else is asked
	}
	rules, err := a.rulesOf(tx, store.Workspace{ID: t.WorkspaceID, RulesVersion: p.RulesVersion})
	if err != nil {
		return err
	}
	if !rules.policy.OAuthTokens.Holds(p.OwnerRole) {
		return errGrant
	}
	scopes, err := r.narrow(rules.all.Held(p.OwnerRole))
	if err != nil {
		return err
	}
	r.rule = rules.policy.Refresh
	r.source = source{
		workspaceID: t.WorkspaceID, workspace: p.Workspace, id: t.ID, subject: t.Owner.ID, clientID: token.UserClient,
		scopes: scopes, resource: r.Resource, ends: t.ExpiresAt, // RFC 6749 section 6: a refresh never makes it last longer
	}
	return nil
}

// told returns the successor of a refresh token that was replaced a moment ago and not used since; false for
// any other.
func (r *refreshing) told(p *store.PresentedRefresh, now time.Time) (token.Secret, bool) {
	if p.UsedAt.IsZero() || p.SuccessorHas || p.Sealed == nil || now.Sub(p.UsedAt).Abs() > forgiveness {
		return token.Secret{}, false
	}
	clear, err := keyring.OpenWith(r.presented, p.Sealed, p.Token.ID)
	return token.SecretOf(string(clear)), err == nil
}

// replace uses the presented refresh token. Whatever the policy, that is the first use of it as a
// successor: from now on its predecessor gets nobody anything.
func (r *refreshing) replace(tx *store.Tx, t *token.OAuthToken) error {
	if err := tx.EraseSuccessor(r.presented.Hash()); err != nil {
		return err
	}
	if r.rule != token.Rotate {
		return nil
	}
	sealed, err := keyring.SealWith(r.presented, []byte(r.fresh.Reveal()), t.ID)
	if err != nil {
		return err
	}
	r.next = r.fresh
	return errors.Join(tx.AddRefreshToken(t.ID, r.fresh.Hash()), tx.ReplaceRefreshToken(r.presented.Hash(), r.fresh.Hash(), sealed))
}

// endFamily disables an OAuth token because a refresh token of it that had been replaced came again: one of
// the two that have it must have stolen it, and nobody can tell which (RFC 9700 section 4.14.2).
func endFamily(tx *store.Tx, t *token.OAuthToken, from token.Origin) error {
	const why = "a replaced refresh token was used again"
	nobody := token.Person{} // is known to have done it
	e := holder(t.WorkspaceID, nobody, t.ID, from).oauthEvent(tx, audit.RefreshReused, t)
	e.Detail.Reason = why
	return errors.Join(tx.DisableOAuthToken(t.ID, store.Stop{Reason: why, EndAccess: true, Reused: true}), tx.AddEvent(e))
}

// holder is the scene of who comes with a credential alone. It is for the audit log: nothing else is in it.
func holder(workspaceID string, who token.Person, credential string, from token.Origin) *scene {
	by := token.Identity{User: who, Bearer: &token.Bearer{TokenID: credential}, Origin: from}
	return &scene{Workspace: store.Workspace{ID: workspaceID}, by: by}
}
