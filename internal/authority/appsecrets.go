package authority

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
)

// keepSecret keeps a client secret of an app: its hash, and, where the policy lets it be seen again, itself,
// sealed for its row.
func (a *Authority) keepSecret(tx *store.Tx, s *scene, appID string, secret token.Secret) error {
	kept := token.ClientSecret{ID: token.NewID(token.ClientSecretID, tx.Now), AppID: appID, Hint: secret.Hint(), CreatedAt: tx.Now}
	if s.policy.Apps.Secret == token.SecretViewable {
		if a.box == nil {
			return noKeyset()
		}
		var err error
		if kept.Sealed, err = a.box.Seal([]byte(secret.Reveal()), kept.ID); err != nil {
			return err
		}
	}
	return tx.AddClientSecret(kept, secret.Hash())
}

func noKeyset() error {
	return fault.New(fault.Unavailable, api.CodeUnavailable, "This server has no keyset, so no secret can be kept to be seen again. Tell who runs it.")
}

// newest picks the secret that replaced all others of an app: the one without an end.
func newest(secrets []token.ClientSecret) (token.ClientSecret, bool) {
	i := slices.IndexFunc(secrets, func(s token.ClientSecret) bool { return s.ExpiresAt.IsZero() })
	if i < 0 {
		return token.ClientSecret{}, false
	}
	return secrets[i], true
}

// AppSecret returns an app's newest client secret again, where the policy lets it be seen; each view is
// audited and takes a recent sign-in, or a token that an app may come from. Errors: action_not_offered,
// role_not_allowed, recent_sign_in_required, session_required, scope_not_allowed.
func (a *Authority) AppSecret(ctx context.Context, by token.Identity, ws, id string) (token.Secret, error) {
	var secret token.Secret
	err := a.update(ctx, func(tx *store.Tx) error {
		g, err := a.takeApp(tx, by, ws, id, token.ActView)
		if err != nil {
			return err
		}
		if g.policy.Apps.Secret != token.SecretViewable {
			return actionNotOffered()
		}
		if err := a.mayHaveSecret(&g); err != nil {
			return err
		}
		secrets, err := tx.ClientSecrets(g.app.ID)
		if err != nil {
			return err
		}
		kept, ok := newest(secrets)
		if !ok || kept.Sealed == nil {
			return fault.New(fault.Forbidden, api.CodeActionNotOffered, "This secret was made when secrets were shown once. Only one that is made now can be seen again.")
		}
		if a.box == nil {
			return noKeyset()
		}
		clear, err := a.box.Open(kept.Sealed, kept.ID)
		if err != nil {
			return err
		}
		secret = token.SecretOf(string(clear))
		return tx.AddEvent(g.appEvent(tx, audit.AppSecretViewed, &g.app))
	}, nil)
	if err != nil {
		return token.Secret{}, err
	}
	return secret, nil
}

// mayHaveSecret refuses whoever may not be given a secret of the app.
func (a *Authority) mayHaveSecret(g *appGrip) error {
	return errors.Join(g.needCover(), g.mayPassOn(g.app.Scopes), a.maySeeSecrets(g.by))
}

// Rotation is how a client secret is replaced.
type Rotation struct {
	Keep  time.Duration // how long the old one goes on working: 0, 1 h, 24 h or 7 days
	Nonce string
}

// Overlaps are the spans for which an old client secret can be kept.
func Overlaps() []time.Duration {
	return []time.Duration{0, time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}
}

// RotateAppSecret gives an app another client secret, where the policy offers to regenerate; see Rotation for
// the old one. At most two are live: of two, the older ends at once. Errors: action_not_offered,
// role_not_allowed, recent_sign_in_required, session_required, scope_not_allowed, already_created, and
// invalid for overlap_seconds.
func (a *Authority) RotateAppSecret(ctx context.Context, by token.Identity, ws, id string, r Rotation) (token.App, token.Secret, error) {
	a.flush(ctx) // the answer says when it was last used
	var bad []fault.Field
	if !slices.Contains(Overlaps(), r.Keep) {
		bad = append(bad, fault.Field{Name: "overlap_seconds", Code: api.CodeInvalid, Detail: "Keep the old secret for 0, 1 hour, 24 hours or 7 days."})
	}
	var g appGrip
	secret := a.format.New(token.KindApp)
	err := a.update(ctx, func(tx *store.Tx) (err error) {
		if g, err = a.takeApp(tx, by, ws, id, token.ActRegenerate); err != nil {
			return err
		}
		if err := fault.Invalids(bad); err != nil {
			return err
		}
		if err := a.mayHaveSecret(&g); err != nil {
			return err
		}
		if err := spend(tx, by, r.Nonce, "This secret was already rotated. Rotate it again if you did not copy the new one."); err != nil {
			return err
		}
		e := g.appEvent(tx, audit.AppSecretRotated, &g.app)
		if err := g.retire(tx, &e, r.Keep); err != nil {
			return err
		}
		e.Detail.After["secret"] = "…" + secret.Hint()
		return errors.Join(a.keepSecret(tx, &g.scene, g.app.ID, secret), tx.AddEvent(e))
	}, func() { a.checks.AppChanged(g.ID, g.app.ID); a.checks.SecretMade(secret.Hash()) })
	if err != nil {
		return token.App{}, token.Secret{}, err
	}
	return g.app, secret, nil
}

// retire ends all secrets of an app but the newest, and that one after keep.
func (g *appGrip) retire(tx *store.Tx, e *audit.Event, keep time.Duration) error {
	secrets, err := tx.ClientSecrets(g.app.ID)
	if err != nil {
		return err
	}
	e.Detail.Before, e.Detail.After = map[string]any{}, map[string]any{}
	for _, old := range secrets {
		if old.ExpiresAt.IsZero() {
			e.Detail.Before["secret"], e.Detail.After["old_secret_ends_at"] = "…"+old.Hint, jsonTime(tx.Now.Add(keep))
		}
		if old.ExpiresAt.IsZero() && keep > 0 {
			err = tx.EndClientSecret(old.ID, tx.Now.Add(keep))
		} else {
			err = tx.DropClientSecret(old.ID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// EndAppSecret ends an old client secret before its overlap does. The newest can't be ended: last_secret. Who
// may: those who may rotate, and overseers under every policy.
func (a *Authority) EndAppSecret(ctx context.Context, by token.Identity, ws, id, secretID string) (AppView, error) {
	a.flush(ctx)
	var v AppView
	var g appGrip
	err := a.update(ctx, func(tx *store.Tx) (err error) {
		if g, err = a.takeAppToEnd(tx, by, ws, id); err != nil {
			return err
		}
		secrets, err := tx.ClientSecrets(g.app.ID)
		if err != nil {
			return err
		}
		switch i := slices.IndexFunc(secrets, func(s token.ClientSecret) bool { return s.ID == secretID }); {
		case i < 0 || !secrets[i].LiveAt(tx.Now):
			return fault.Missing()
		case secrets[i].ExpiresAt.IsZero():
			return fault.New(fault.Conflict, api.CodeLastSecret, "This is the app's newest secret. Rotate it, or disable the app.")
		default:
			e := g.appEvent(tx, audit.AppSecretEnded, &g.app)
			e.Detail.Before = map[string]any{"secret": "…" + secrets[i].Hint, "ends_at": jsonTime(secrets[i].ExpiresAt)}
			if err := errors.Join(tx.DropClientSecret(secretID), tx.AddEvent(e)); err != nil {
				return err
			}
		}
		v, err = g.viewed(tx, g.app)
		return err
	}, func() { a.checks.AppChanged(g.ID, g.app.ID) })
	if err != nil {
		return AppView{}, err
	}
	return v, nil
}

// takeAppToEnd finds an app for ending one of its secrets: as for rotating it, or for stopping all of it.
func (a *Authority) takeAppToEnd(tx *store.Tx, by token.Identity, ws, id string) (appGrip, error) {
	g, err := a.takeApp(tx, by, ws, id, token.ActRegenerate)
	if err == nil {
		err = g.needCover()
	}
	if err == nil {
		return g, nil
	}
	if stops, failed := a.takeApp(tx, by, ws, id, token.ActDisable); failed == nil && stops.overseesApps() {
		return stops, nil
	}
	return g, err
}
