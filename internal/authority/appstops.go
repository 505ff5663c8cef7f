package authority

import (
	"context"
	"errors"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
)

// DisableApp stops an app: its secrets fail at once, and, unless the policy lets them run out, its access
// tokens. Disabling again changes nothing. An overseer may under every policy.
func (a *Authority) DisableApp(ctx context.Context, by token.Identity, ws, id string) (token.App, error) {
	return a.turnApp(ctx, by, ws, id, token.ActDisable)
}

// ActivateApp starts a disabled app again. Access tokens from before it was disabled stay dead. Activating
// again changes nothing. Errors: session_required and scope_not_allowed for a caller with a token, as for making
// an app.
func (a *Authority) ActivateApp(ctx context.Context, by token.Identity, ws, id string) (token.App, error) {
	return a.turnApp(ctx, by, ws, id, token.ActActivate)
}

// turnApp turns an app off or on.
func (a *Authority) turnApp(ctx context.Context, by token.Identity, ws, id string, act token.Action) (token.App, error) {
	a.flush(ctx) // the answer says when it was last used
	var g appGrip
	err := a.update(ctx, func(tx *store.Tx) (err error) {
		if g, err = a.takeApp(tx, by, ws, id, act); err != nil {
			return err
		}
		if act == token.ActActivate {
			err = g.activate(tx)
		} else {
			err = g.disable(tx, "")
		}
		if err == nil {
			g.app, err = g.scene.app(tx, id)
		}
		return err
	}, func() { a.appStopped(&g) })
	if err != nil {
		return token.App{}, err
	}
	return g.app, nil
}

func (g *appGrip) disable(tx *store.Tx, reason string) error {
	if g.app.Status() == token.Disabled {
		return nil
	}
	e := g.appEvent(tx, audit.AppDisabled, &g.app)
	e.Detail.Before = map[string]any{"status": token.Active}
	e.Detail.After = map[string]any{"status": token.Disabled, "access_tokens": g.policy.AfterStop}
	e.Detail.Reason = reason
	return errors.Join(tx.DisableApp(g.app.ID, g.policy.AfterStop == token.StopAtOnce), g.endExchanged(tx), tx.AddEvent(e))
}

// appStopped tells the checks that an app was disabled or deleted. What it got by exchange is remembered with
// whom it acts for, so the whole workspace is looked at again.
func (a *Authority) appStopped(g *appGrip) {
	a.checks.AppChanged(g.ID, g.app.ID)
	a.checks.WorkspaceChanged(g.ID)
}

func (g *appGrip) activate(tx *store.Tx) error {
	if g.app.Status() == token.Active {
		return nil
	}
	// Its secrets work again, without end: a token can't bring back more than it could make.
	if err := g.mayPassOn(g.app.Scopes); err != nil {
		return err
	}
	e := g.appEvent(tx, audit.AppActivated, &g.app)
	e.Detail.Before, e.Detail.After = map[string]any{"status": token.Disabled}, map[string]any{"status": token.Active}
	// The app may have been disabled while the policy let access tokens run out, which it no longer does: they
	// are dead, and must not come back.
	return errors.Join(tx.ActivateApp(g.app.ID, g.policy.AfterStop == token.StopAtOnce), g.endExchanged(tx), tx.AddEvent(e))
}

// endExchanged ends what the app got by exchange, unless the policy lets it run out: it comes from somebody
// else's credential, which goes on.
func (g *appGrip) endExchanged(tx *store.Tx) error {
	if g.policy.AfterStop != token.StopAtOnce {
		return nil
	}
	return tx.StopAccess(clientMark(g.app.ID, g.app.Epoch), accessOver(tx))
}

// accessOver is when every access token that was issued until now is over; one may just be on its way.
func accessOver(tx *store.Tx) time.Time { return tx.Now.Add(token.AccessLife + time.Minute) }

// DeleteApp removes an app; what stops is as for disabling. Where the policy wants it, only a disabled app
// can be deleted: delete_needs_revoke.
func (a *Authority) DeleteApp(ctx context.Context, by token.Identity, ws, id string) error {
	var g appGrip
	return a.update(ctx, func(tx *store.Tx) (err error) {
		if g, err = a.takeApp(tx, by, ws, id, token.ActDelete); err != nil {
			return err
		}
		return g.delete(tx, "")
	}, func() { a.appStopped(&g) })
}

func (g *appGrip) delete(tx *store.Tx, reason string) error {
	if g.policy.Apps.Delete == token.DeleteAfterEnd && g.app.Status() == token.Active {
		return fault.New(fault.Conflict, api.CodeDeleteNeedsRevoke, "Disable this app first. Only disabled apps can be deleted.")
	}
	e := g.appEvent(tx, audit.AppDeleted, &g.app)
	e.Detail.Before, e.Detail.Reason = describedApp(&g.app), reason
	e.Detail.Before["status"] = g.app.Status()
	if err := errors.Join(tx.DeleteApp(g.app.ID), tx.AddEvent(e)); err != nil {
		return err
	}
	// With the row its epoch goes. Where it ended access tokens once, those of then must not come back because
	// the policy now lets those of now run out.
	// So goes what it was given: where a scope was taken from it a moment ago, that must not come back either.
	narrowed, err := tx.AccessStopped(narrowedMark(g.app.ID))
	if err == nil && (narrowed || g.policy.AfterStop == token.StopAtOnce || g.app.Epoch > 0) {
		err = tx.StopAccess(g.app.ID, accessOver(tx))
	}
	return errors.Join(err, g.endExchanged(tx))
}

// narrowedMark says for an hour that a scope was taken from an app.
func narrowedMark(id string) string { return id + ".narrowed" }
