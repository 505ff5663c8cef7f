package store

import (
	"time"

	"github.com/keywright/keywright/internal/token"
)

// StatusAt derives the status at a moment, as the credential's own kind does.
func (c *Credential) StatusAt(now time.Time) token.Status {
	switch {
	case !c.EndedAt.IsZero() && (c.Kind == token.KindPAT || c.Kind == token.KindLegacy):
		return token.Revoked
	case !c.EndedAt.IsZero():
		return token.Disabled
	case !c.ExpiresAt.IsZero() && !now.Before(c.ExpiresAt):
		return token.Expired
	}
	return token.Active
}
