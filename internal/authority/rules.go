package authority

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
)

// View is a workspace as a member sees it: what a page needs to know what to show.
type View struct {
	store.Membership
	Policy    token.Policy
	Catalogue token.Catalogue // with the reserved scopes, last
}

// Enter returns a workspace with its rules to one of its members.
func (a *Authority) Enter(ctx context.Context, by token.Identity, ws string) (View, error) {
	var v View
	err := a.view(ctx, func(tx *store.Tx) error {
		s, err := a.enter(tx, by, ws)
		if err != nil {
			return err
		}
		v = View{Membership: store.Membership{Workspace: s.Workspace, Role: s.role}, Policy: ownPolicy(s.policy), Catalogue: ownCatalogue(s.all)}
		return nil
	})
	return v, err
}

// ownPolicy copies a policy that many verbs share, for a caller who may change what they are given.
func ownPolicy(shared *token.Policy) token.Policy {
	p := *shared
	for _, a := range []*token.Access{&p.Tokens.Access, &p.Apps.Access, &p.OAuthTokens.Access} {
		a.Roles, a.Creators, a.Overseers = slices.Clone(a.Roles), slices.Clone(a.Creators), slices.Clone(a.Overseers)
		a.Actions, a.Labels.Menu = slices.Clone(a.Actions), slices.Clone(a.Labels.Menu)
	}
	p.Tokens.Scope.Default = slices.Clone(p.Tokens.Scope.Default)
	p.Tokens.Expiry.Presets, p.OAuthTokens.Expiry.Presets = slices.Clone(p.Tokens.Expiry.Presets), slices.Clone(p.OAuthTokens.Expiry.Presets)
	return p
}

func ownCatalogue(shared token.Catalogue) token.Catalogue {
	c := slices.Clone(shared)
	for i := range c {
		c[i].Roles = slices.Clone(c[i].Roles)
	}
	return c
}

// SetPolicy replaces the policy of a workspace. It applies to new and regenerated tokens from now on; see
// ApplyPolicy for those that exist. Administrators only. Errors: policy_invalid, with all fields at once.
func (a *Authority) SetPolicy(ctx context.Context, by token.Identity, ws string, p token.Policy) (token.Policy, error) {
	p = ownPolicy(&p)
	p.Clean()
	err := a.setRules(ctx, by, ws, func(s *scene, e *audit.Event) (store.Rules, error) {
		own := s.all.Own()
		if err := fault.Invalids(p.Check(own)); err != nil {
			return store.Rules{}, err
		}
		e.Action, e.TargetKind = audit.PolicyChanged, "policy"
		e.Detail.Before, e.Detail.After = map[string]any{"policy": s.policy}, map[string]any{"policy": p}
		return store.Rules{Policy: p, Catalogue: own}, nil
	})
	if err != nil {
		return token.Policy{}, err
	}
	return p, nil
}

// SetScopes replaces the catalogue of a workspace; tokens lose a scope that is gone at once. Reserved
// scopes may be sent back unchanged or left out. Administrators only. Errors: scopes_invalid.
func (a *Authority) SetScopes(ctx context.Context, by token.Identity, ws string, c token.Catalogue) (token.Catalogue, error) {
	err := a.setRules(ctx, by, ws, func(s *scene, e *audit.Event) (store.Rules, error) {
		if err := fault.Invalids(c.Check()); err != nil {
			return store.Rules{}, err
		}
		own := c.Own()
		if err := fault.Invalids(s.policy.Check(own)); err != nil {
			return store.Rules{}, err
		}
		e.Action, e.TargetKind = audit.ScopesChanged, "scopes"
		e.Detail.Before, e.Detail.After = map[string]any{"scopes": s.all.Own()}, map[string]any{"scopes": own}
		return store.Rules{Policy: *s.policy, Catalogue: own}, nil
	})
	if err != nil {
		return nil, err
	}
	return c.Own().WithReserved(), nil
}

func (a *Authority) setRules(ctx context.Context, by token.Identity, ws string, change func(*scene, *audit.Event) (store.Rules, error)) error {
	var in string
	err := a.update(ctx, func(tx *store.Tx) error {
		s, err := a.rule(tx, by, ws)
		if err != nil {
			return err
		}
		in = s.ID
		e := s.event(tx, "")
		e.TargetID, e.TargetName = s.ID, s.Name
		r, err := change(&s, &e)
		if err != nil {
			return err
		}
		if r.Policy.Apps.Secret == token.SecretOnce {
			// Nobody may see a client secret again, so none is kept.
			if err := tx.EraseSealedSecrets(s.ID); err != nil {
				return err
			}
		}
		return errors.Join(tx.SetRules(s.ID, r), tx.AddEvent(e))
	}, func() { a.checks.WorkspaceChanged(in); a.signers.forget(in) })
	if err != nil {
		a.forgetRules(in)
		return err
	}
	a.followRules(ctx, by, in)
	return nil
}

// rule enters as an administrator while nobody else makes or changes tokens here: when new rules are in
// force, no token is made by the old ones.
func (a *Authority) rule(tx *store.Tx, by token.Identity, ws string) (scene, error) {
	s, err := a.administerAlone(tx, by, ws)
	if err != nil {
		return s, err
	}
	return s, tx.TakeEveryTurn(s.ID)
}

// jsonTime is a time as audit details keep it; the zero time is null.
func jsonTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Format(time.RFC3339)
}
