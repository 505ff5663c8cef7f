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
	"github.com/keywright/keywright/internal/verify"
)

const byHolder = "revoked by its holder"

// RevokePresented ends the credential that was presented, whatever it is (RFC 7009): who holds it may end it.
// A personal access token is revoked, an OAuth token disabled by its refresh token, an access token ended
// alone with what was exchanged for it. Unknown ones are no error; legacy ones are not known here, since
// they are known in their workspace alone. Errors: unsupported_token_type for a client secret.
func (a *Authority) RevokePresented(ctx context.Context, presented token.Secret, from token.Origin) error {
	from = cleanOrigin(from)
	kind, ours := a.format.Parse(presented.Reveal())
	var err error
	switch {
	case ours && kind == token.KindApp:
		// RFC 7009 section 2.2.1: an app's secret is ended by whoever manages the app, not by whoever has it.
		return fault.New(fault.BadRequest, api.CodeUnsupportedTokenType, "A client secret can't be revoked here. Rotate it, or disable its app.")
	case ours && kind == token.KindPAT:
		err = a.revokePAT(ctx, presented, from)
	case ours && kind == token.KindRefresh:
		err = a.revokeRefresh(ctx, presented, from)
	default:
		err = a.revokeAccess(ctx, presented, from)
	}
	if errors.Is(err, fault.Missing()) || err == nil {
		return nil // RFC 7009 section 2.2: "invalid tokens do not cause an error response"
	}
	return err
}

// missed is the end of a revocation that found nothing: counted like an unknown credential.
func (a *Authority) missed(from token.Origin) error { return a.unknownAs(fault.Missing(), from) }

func (a *Authority) revokePAT(ctx context.Context, presented token.Secret, from token.Origin) error {
	hash := presented.Hash()
	var p store.Presented
	err := a.view(ctx, func(tx *store.Tx) (err error) {
		p, err = tx.TokenByHash(hash)
		return err
	})
	if errors.Is(err, fault.Missing()) {
		return a.missed(from)
	}
	if err != nil {
		return err
	}
	return a.update(ctx, func(tx *store.Tx) error {
		if _, err := tx.TakeTurn(p.Token.WorkspaceID, p.Token.Owner.ID); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		now, err := tx.TokenByHash(hash) // as it is now that it is their turn: perhaps with another secret
		if err != nil || now.Token.StatusAt(tx.Now) != token.Active {
			return err
		}
		t := &now.Token
		return holder(t.WorkspaceID, t.Owner, t.ID, from).revoke(tx, t, byHolder)
	}, func() { a.checks.TokenChanged(p.Token.ID, hash) })
}

func (a *Authority) revokeRefresh(ctx context.Context, presented token.Secret, from token.Origin) error {
	var p store.PresentedRefresh
	err := a.view(ctx, func(tx *store.Tx) (err error) {
		p, err = a.presentedRefresh(tx, presented)
		return err
	})
	if errors.Is(err, fault.Missing()) {
		return a.missed(from)
	}
	if err != nil {
		return err
	}
	return a.update(ctx, func(tx *store.Tx) error {
		if err := tx.TakeOAuthTurn(p.Token.ID); err != nil {
			return err
		}
		now, err := tx.RefreshTokenByHash(presented.Hash())
		if err != nil || now.Token.StatusAt(tx.Now) != token.Active {
			return err
		}
		t := &now.Token
		rules, err := a.rulesOf(tx, store.Workspace{ID: t.WorkspaceID, RulesVersion: now.RulesVersion})
		if err != nil {
			return err
		}
		// RFC 7009 section 2.1: its access tokens end too, unless the policy lets them run out.
		stop := store.Stop{Reason: byHolder, EndAccess: rules.policy.AfterStop != token.UntilExpiry}
		e := holder(t.WorkspaceID, t.Owner, t.ID, from).oauthEvent(tx, audit.OAuthTokenDisabled, t)
		e.Detail.Reason = byHolder
		return errors.Join(tx.DisableOAuthToken(t.ID, stop), tx.AddEvent(e))
	}, func() { a.checks.SourceChanged(p.Token.ID) })
}

func (a *Authority) revokeAccess(ctx context.Context, presented token.Secret, from token.Origin) error {
	claims, _ := claimsOf(presented.Reveal())
	d, err := a.checks.Check(ctx, presented.Reveal(), verify.Ask{Audience: claims.Audience, Address: from.Address, Exempt: from.Proxy})
	if err != nil || d.Kind() != token.KindAccess {
		return as(fault.Missing(), err)
	}
	return a.update(ctx, func(tx *store.Tx) error {
		who, err := actor(tx, d.WorkspaceID(), d.OwnerID())
		if err != nil {
			return err
		}
		e := holder(d.WorkspaceID(), who, claims.ID, from).accessEvent(tx, audit.AccessRevoked, claims.ID)
		e.Detail.Reason = byHolder
		return errors.Join(tx.StopAccess(claims.ID, time.Unix(claims.ExpiresAt, 0)), tx.AddEvent(e))
	}, func() { a.checks.SourceChanged(claims.SourceID) })
}
