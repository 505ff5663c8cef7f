package token

import (
	"net/netip"
	"time"
)

// Status is what a token is now. It is derived from the token's times and never stored.
type Status string

// The statuses.
const (
	Active   Status = "active"
	Expired  Status = "expired"
	Revoked  Status = "revoked"
	Disabled Status = "disabled" // apps and OAuth tokens
)

// Person is a user as others see them in lists.
type Person struct {
	ID    string
	Name  string
	Email string
}

// Token is a personal access token as it is kept; the secret itself is not.
type Token struct {
	ID          string
	WorkspaceID string
	Owner       Person // who made it, and whom it acts for
	Name        string // "" where the policy knows no names
	Description string
	// AllScopes says that the token carries what its owner's role may hold now (policy: scope "none");
	// Scopes is empty then.
	AllScopes    bool
	Scopes       Scopes
	Hint         string // the last four characters of the secret
	Scheme       Scheme // how its secret is hashed; other than ours for a legacy token
	CreatedAt    time.Time
	ExpiresAt    time.Time // zero: never
	RevokedAt    time.Time // zero: not revoked
	RevokeReason string
	LastUsedAt   time.Time // zero: never
	LastUsedIP   netip.Addr
	// OriginalExpiry is when a legacy token ends by itself; ExpiresAt is that or the day on which all of the
	// workspace's legacy tokens stop, whichever comes first. Zero: never.
	OriginalExpiry time.Time
}

// StatusAt derives the status at a moment. Revoked wins over expired; a token is expired from the
// moment of its expiry on.
func (t *Token) StatusAt(now time.Time) Status {
	switch {
	case !t.RevokedAt.IsZero():
		return Revoked
	case !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt):
		return Expired
	default:
		return Active
	}
}

// ScopesFor returns the scopes that the token carries while its owner has a role.
func (t *Token) ScopesFor(catalogue Catalogue, role Role) Scopes {
	if t.AllScopes {
		return catalogue.Held(role)
	}
	return catalogue.WithReserved().Effective(t.Scopes, role)
}

// Identity is the caller of a verb: who asks, by what right, from where. Surfaces get one from
// authority and hand it back with each call; its zero value may do nothing.
type Identity struct {
	User              Person
	InstallationAdmin bool
	SessionID         string    // set when signed in with a session
	SignedInAt        time.Time // when the password was last given in this session
	Bearer            *Bearer   // set when identified by a token
	System            string    // set for the command line: the command's name
	Origin            Origin
}

// Bearer is the token by which a caller identified itself. Such a caller can't pass on more than it has.
type Bearer struct {
	TokenID     string
	WorkspaceID string
	Scopes      Scopes
	ExpiresAt   time.Time // zero: never
}

// Origin is where a request came from, for the audit log.
type Origin struct {
	Address   netip.Addr
	UserAgent string
	RequestID string
	Proxy     bool // Address is a trusted proxy's own, which did not say whom it speaks for: never throttled
}
