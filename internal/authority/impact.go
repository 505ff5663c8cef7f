package authority

import (
	"context"
	"errors"
	"time"

	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
)

// Breach is a live token that breaks a policy.
type Breach struct {
	Token token.Token
	Cut   time.Time // the expiry it would be cut to; zero when its expiry is within the rule
	Why   []string  // what else breaks the rule, in sentences
}

// OAuthBreach is a live OAuth token that breaks a policy.
type OAuthBreach struct {
	Token token.OAuthToken
	Cut   time.Time // as in Breach
	Why   []string
}

// Impact says what a policy means for the personal access tokens and the OAuth tokens that exist.
type Impact struct {
	Tally                  // of personal access tokens
	Breaches      []Breach // the first that would be cut or break the rule, newest first, at most maxBreaches
	OAuth         Tally    // of OAuth tokens
	OAuthBreaches []OAuthBreach
}

// Tally counts the live credentials of a kind that a policy means something for.
type Tally struct {
	Live     int // in all
	Cuts     int // whose expiry would be cut
	Breaking int // that break the rule in another way
}

const maxBreaches = 200

// count counts a credential, and reports whether the policy means something for it.
func (t *Tally) count(cut time.Time, why []string) bool {
	t.Live++
	if !cut.IsZero() {
		t.Cuts++
	}
	if len(why) > 0 {
		t.Breaking++
	}
	return !cut.IsZero() || len(why) > 0
}

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
		return s.eachBreach(tx, &p, breaches{
			token: func(b Breach) error {
				if out.count(b.Cut, b.Why) && len(out.Breaches) < maxBreaches {
					out.Breaches = append(out.Breaches, b)
				}
				return nil
			},
			oauth: func(b OAuthBreach) error {
				if out.OAuth.count(b.Cut, b.Why) && len(out.OAuthBreaches) < maxBreaches {
					out.OAuthBreaches = append(out.OAuthBreaches, b)
				}
				return nil
			},
		})
	})
	if n := len(out.Breaches) + len(out.OAuthBreaches); err == nil && n > 0 {
		err = a.noteView(ctx, &s, n)
	}
	if err != nil {
		return Impact{}, err
	}
	return out, nil
}

// breaches is called with every live credential of a kind.
type breaches struct {
	token func(Breach) error
	oauth func(OAuthBreach) error
}

// eachBreach calls fn with every live token and OAuth token of the workspace.
func (s *scene) eachBreach(tx *store.Tx, p *token.Policy, fn breaches) error {
	roles := map[string]token.Role{}
	role := func(owner string) (token.Role, error) {
		if r, ok := roles[owner]; ok {
			return r, nil
		}
		m, err := tx.Member(s.ID, owner)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return "", err
		}
		roles[owner] = m.Role
		return m.Role, nil
	}
	err := allPages(func(page store.Page) ([]token.Token, error) {
		return tx.Tokens(store.TokenFilter{WorkspaceID: s.ID, Status: token.Active}, page)
	}, func(t token.Token) (string, error) {
		owner, err := role(t.Owner.ID)
		if err != nil {
			return "", err
		}
		b := Breach{Token: t}
		b.Cut, b.Why = p.Breaches(&t, owner, s.all, tx.Now)
		return t.ID, fn.token(b)
	})
	if err != nil {
		return err
	}
	return allPages(func(page store.Page) ([]token.OAuthToken, error) {
		return tx.OAuthTokens(store.OAuthFilter{WorkspaceID: s.ID, Status: token.Active}, page)
	}, func(t token.OAuthToken) (string, error) {
		owner, err := role(t.Owner.ID)
		if err != nil {
			return "", err
		}
		b := OAuthBreach{Token: t}
		b.Cut, b.Why = p.BreachesOAuth(&t, owner, tx.Now)
		return t.ID, fn.oauth(b)
	})
}

// allPages reads a list to its end; visit returns the id of what it was given.
func allPages[T any](list func(store.Page) ([]T, error), visit func(T) (id string, err error)) error {
	page := store.Page{Limit: 1000}
	for {
		rows, err := list(page)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if page.After, err = visit(row); err != nil {
				return err
			}
		}
		if len(rows) < page.Limit {
			return nil
		}
	}
}

// Applied says what ApplyPolicy did.
type Applied struct {
	Cut      int // tokens whose expiry was cut
	Revoked  int
	OAuthCut int // OAuth tokens whose expiry was cut
	Disabled int // OAuth tokens
}

// ApplyPolicy applies the policy that is in force to the tokens and OAuth tokens that exist: expiry is cut to
// the new maximum; of those that break it in another way, the chosen ones are revoked or disabled. A chosen
// one that breaks nothing is left alone. Administrators only.
func (a *Authority) ApplyPolicy(ctx context.Context, by token.Identity, ws string, stop []string) (Applied, error) {
	var out Applied
	var in string
	err := a.update(ctx, func(tx *store.Tx) error {
		s, err := a.rule(tx, by, ws)
		if err != nil {
			return err
		}
		in, out = s.ID, Applied{}
		chosen := map[string]bool{}
		for _, id := range stop {
			chosen[id] = true
		}
		return s.eachBreach(tx, s.policy, breaches{
			token: func(b Breach) error {
				switch {
				case len(b.Why) > 0 && chosen[b.Token.ID]:
					out.Revoked++
					return s.revoke(tx, &b.Token, "breaks the policy")
				case !b.Cut.IsZero():
					out.Cut++
					e := s.tokenEvent(tx, audit.TokenExpiryCut, &b.Token)
					e.Detail.Before, e.Detail.After = cutDetail(b.Token.ExpiresAt, b.Cut)
					return errors.Join(tx.SetTokenExpiry(b.Token.ID, b.Cut), tx.AddEvent(e))
				}
				return nil
			},
			oauth: func(b OAuthBreach) error {
				switch {
				case len(b.Why) > 0 && chosen[b.Token.ID]:
					out.Disabled++
					return s.disableOAuth(tx, &b.Token, "breaks the policy")
				case !b.Cut.IsZero():
					out.OAuthCut++
					e := s.oauthEvent(tx, audit.OAuthTokenCut, &b.Token)
					e.Detail.Before, e.Detail.After = cutDetail(b.Token.ExpiresAt, b.Cut)
					return errors.Join(tx.SetOAuthExpiry(b.Token.ID, b.Cut), tx.AddEvent(e))
				}
				return nil
			},
		})
	}, func() { a.checks.WorkspaceChanged(in) })
	if err != nil {
		return Applied{}, err
	}
	return out, nil
}

func cutDetail(from, to time.Time) (before, after map[string]any) {
	return map[string]any{"expires_at": jsonTime(from)}, map[string]any{"expires_at": jsonTime(to)}
}
