package authority

import (
	"context"
	"errors"

	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
)

// Carried returns the scopes that each of some tokens carries now, by token id: the chosen ones, or, where
// none are chosen, what its owner's role may hold. The caller is a member who was just given the tokens.
func (a *Authority) Carried(ctx context.Context, by token.Identity, ws string, list []token.Token) (map[string]token.Scopes, error) {
	out := map[string]token.Scopes{}
	err := a.view(ctx, func(tx *store.Tx) error {
		s, err := a.enter(tx, by, ws)
		if err != nil {
			return err
		}
		held := map[string]token.Scopes{by.User.ID: s.all.Held(s.role)} // by owner
		for _, t := range list {
			if !t.AllScopes {
				out[t.ID] = t.Scopes
				continue
			}
			scopes, known := held[t.Owner.ID]
			if !known {
				m, err := tx.Member(s.ID, t.Owner.ID)
				if err != nil && !errors.Is(err, store.ErrNotFound) {
					return err
				}
				scopes = s.all.Held(m.Role) // no role, nothing
				held[t.Owner.ID] = scopes
			}
			out[t.ID] = scopes
		}
		return nil
	})
	return out, err
}
