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
		return errors.Join(tx.SetRules(s.ID, r), tx.AddEvent(e))
	}, func() { a.checks.WorkspaceChanged(in) })
	if err != nil {
		a.forgetRules(in)
	}
	return err
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

// Breach is a live token that breaks a policy.
type Breach struct {
	Token token.Token
	Cut   time.Time // the expiry it would be cut to; zero when its expiry is within the rule
	Why   []string  // what else breaks the rule, in sentences
}

// Impact says what a policy means for the tokens that exist.
type Impact struct {
	Live     int      // live tokens in all
	Cuts     int      // whose expiry would be cut
	Breaking int      // that break the rule in another way
	Breaches []Breach // the first of either kind, newest first, at most maxBreaches
}

const maxBreaches = 200

// PreviewPolicy says what a policy would mean for existing tokens, and changes nothing; that the caller
// saw other people's tokens is audited. Administrators only. Errors: policy_invalid.
func (a *Authority) PreviewPolicy(ctx context.Context, by token.Identity, ws string, p token.Policy) (Impact, error) {
	a.flush(ctx)
	p = ownPolicy(&p)
	p.Clean()
	var out Impact
	var s scene
	err := a.view(ctx, func(tx *store.Tx) (err error) {
		if s, err = a.administer(tx, by, ws); err != nil {
			return err
		}
		if err := fault.Invalids(p.Check(s.all.Own())); err != nil {
			return err
		}
		out = Impact{}
		return s.eachBreach(tx, &p, func(b Breach) error {
			out.Live++
			if !b.Cut.IsZero() {
				out.Cuts++
			}
			if len(b.Why) > 0 {
				out.Breaking++
			}
			if (len(b.Why) > 0 || !b.Cut.IsZero()) && len(out.Breaches) < maxBreaches {
				out.Breaches = append(out.Breaches, b)
			}
			return nil
		})
	})
	if err == nil && len(out.Breaches) > 0 {
		err = a.noteView(ctx, &s, len(out.Breaches))
	}
	if err != nil {
		return Impact{}, err
	}
	return out, nil
}

// eachBreach calls fn with every live token of the workspace.
func (s *scene) eachBreach(tx *store.Tx, p *token.Policy, fn func(Breach) error) error {
	roles := map[string]token.Role{}
	page := store.Page{Limit: 1000}
	for {
		list, err := tx.Tokens(store.TokenFilter{WorkspaceID: s.ID, Status: token.Active}, page)
		if err != nil {
			return err
		}
		for _, t := range list {
			role, ok := roles[t.Owner.ID]
			if !ok {
				m, err := tx.Member(s.ID, t.Owner.ID)
				if err != nil && !errors.Is(err, store.ErrNotFound) {
					return err
				}
				role = m.Role
				roles[t.Owner.ID] = role
			}
			b := Breach{Token: t}
			b.Cut, b.Why = p.Breaches(&t, role, s.all, tx.Now)
			if err := fn(b); err != nil {
				return err
			}
		}
		if len(list) < page.Limit {
			return nil
		}
		page.After = list[len(list)-1].ID
	}
}

// Applied says what ApplyPolicy did.
type Applied struct {
	Cut     int // tokens whose expiry was cut
	Revoked int
}

// ApplyPolicy applies the policy that is in force to the tokens that exist: expiry is cut to the new
// maximum; of those that break it in another way, the chosen ones are revoked. A chosen token that breaks
// nothing is left alone. Administrators only.
func (a *Authority) ApplyPolicy(ctx context.Context, by token.Identity, ws string, revoke []string) (Applied, error) {
	var out Applied
	var in string
	err := a.update(ctx, func(tx *store.Tx) error {
		s, err := a.rule(tx, by, ws)
		if err != nil {
			return err
		}
		in, out = s.ID, Applied{}
		chosen := map[string]bool{}
		for _, id := range revoke {
			chosen[id] = true
		}
		return s.eachBreach(tx, s.policy, func(b Breach) error {
			switch {
			case len(b.Why) > 0 && chosen[b.Token.ID]:
				out.Revoked++
				return s.revoke(tx, &b.Token, "breaks the policy")
			case !b.Cut.IsZero():
				out.Cut++
				e := s.tokenEvent(tx, audit.TokenExpiryCut, &b.Token)
				e.Detail.Before, e.Detail.After = map[string]any{"expires_at": jsonTime(b.Token.ExpiresAt)}, map[string]any{"expires_at": jsonTime(b.Cut)}
				return errors.Join(tx.SetTokenExpiry(b.Token.ID, b.Cut), tx.AddEvent(e))
			}
			return nil
		})
	}, func() { a.checks.WorkspaceChanged(in) })
	if err != nil {
		return Applied{}, err
	}
	return out, nil
}

// jsonTime is a time as audit details keep it; the zero time is null.
func jsonTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Format(time.RFC3339)
}
