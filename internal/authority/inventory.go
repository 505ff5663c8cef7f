package authority

import (
	"context"
	"errors"
	"strings"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
)

// InventoryQuery asks for a part of the inventory.
type InventoryQuery struct {
	Filter InventoryFilter
	After  string // as the last call returned it
	Limit  int
}

// Inventory lists everyone's personal access tokens, legacy tokens, OAuth tokens and apps. Administrators
// only; that they were seen is audited.
func (a *Authority) Inventory(ctx context.Context, by token.Identity, ws string, q InventoryQuery) (list []Credential, next string, err error) {
	a.flush(ctx)
	var s scene
	err = a.view(ctx, func(tx *store.Tx) (err error) {
		if s, err = a.administer(tx, by, ws); err != nil {
			return err
		}
		f := q.Filter
		f.WorkspaceID, f.ScopeRoles = s.ID, nil
		if err := listable(store.Page{Limit: q.Limit, After: q.After}, f.OwnerID, f.Scope, f.Search); err != nil {
			return err
		}
		if entry, ok := s.all.Find(f.Scope); ok && !token.IsReserved(f.Scope) {
			f.ScopeRoles = entry.Roles
		}
		list, next, err = tx.Inventory(f, q.After, q.Limit)
		if errors.Is(err, store.ErrCursor) {
			return fault.New(fault.BadRequest, api.CodeBadCursor, "This cursor is not one that this list gave out. Start again without it.")
		}
		return err
	})
	if err == nil {
		err = a.noteView(ctx, &s, len(list))
	}
	if err != nil {
		return nil, "", err
	}
	return list, next, nil
}

// Stop ends several credentials of any kind, by their ids: b.Action is ActRevoke (tokens are revoked, OAuth
// tokens and apps disabled) or ActDelete. Each succeeds or is refused by itself. Administrators only.
func (a *Authority) Stop(ctx context.Context, by token.Identity, ws string, b Batch) ([]Result, error) {
	return a.each(ctx, run{
		Batch: b, stop: token.ActRevoke, what: "credentials",
		enter: func(tx *store.Tx) (scene, error) { return a.administer(tx, by, ws) },
		end: func(tx *store.Tx, s *scene, b *Batch, id string) (func(), error) {
			kind, _, _ := strings.Cut(id, "_")
			switch kind {
			case token.TokenID:
				return a.endToken(tx, s, b, id)
			case token.OAuthTokenID:
				return a.endOAuth(tx, s, b, id)
			case token.AppID:
				return a.endApp(tx, s, b, id)
			}
			return func() {}, fault.Missing()
		},
	})
}

// endApp is what a batch does with one app.
func (a *Authority) endApp(tx *store.Tx, s *scene, b *Batch, id string) (func(), error) {
	act := b.Action
	if act != token.ActDelete {
		act = token.ActDisable
	}
	g, err := a.takeApp(tx, s.by, s.ID, id, act)
	if err == nil && act == token.ActDelete {
		err = g.delete(tx, b.Reason)
	} else if err == nil {
		err = g.disable(tx, b.Reason)
	}
	return func() { a.appStopped(&g) }, err
}
