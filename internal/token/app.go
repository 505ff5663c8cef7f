package token

import (
	"net/netip"
	"time"
)

// App is an OAuth client that acts for itself. It belongs to its workspace, not to its maker, and lives on
// when the maker leaves.
type App struct {
	ID          string // the client_id
	WorkspaceID string
	Name        string
	Description string
	Scopes      Scopes // what was given to it; see ScopesIn for what it carries now
	Keys        string // its public keys (JWKS) for private_key_jwt; "" when it has none
	CreatedBy   Person
	CreatedAt   time.Time
	DisabledAt  time.Time // zero: active
	// Epoch grows when the app's access tokens are ended: those of an earlier epoch are dead for good, also
	// after the app is activated again.
	Epoch      int64
	LastUsedAt time.Time // zero: never
	LastUsedIP netip.Addr
}

// Status is what the app is now; an app never expires.
func (a *App) Status() Status {
	if a.DisabledAt.IsZero() {
		return Active
	}
	return Disabled
}

// ClientSecret is one of an app's at most two live client secrets; the secret itself is not kept in clear.
type ClientSecret struct {
	ID         string
	AppID      string
	Hint       string // the last four characters
	Sealed     []byte // the secret under the installation's keyset, where the policy lets it be seen again; else nil
	CreatedAt  time.Time
	ExpiresAt  time.Time // the end of an overlap; zero: until it is replaced
	LastUsedAt time.Time // zero: never
	LastUsedIP netip.Addr
}

// LiveAt reports whether the secret is good at a moment.
func (s *ClientSecret) LiveAt(now time.Time) bool {
	return s.ExpiresAt.IsZero() || now.Before(s.ExpiresAt)
}

// ScopesFor returns what an app carries now: what it was given, as far as apps may still hold it. The
// catalogue is the workspace's, with or without the reserved scopes.
func (a *App) ScopesFor(catalogue Catalogue) Scopes {
	return catalogue.WithReserved().ForApps(a.Scopes)
}

// ForApps returns the names of granted that apps may hold, in catalogue order. The catalogue must include
// the reserved scopes.
func (c Catalogue) ForApps(granted Scopes) Scopes {
	var out Scopes
	for _, s := range c {
		if s.Apps && granted.Has(Scopes{s.Name}) {
			out = append(out, s.Name)
		}
	}
	return out
}

// UserClient is the built-in public client that people's OAuth tokens belong to.
const UserClient = "user-tokens"

// OAuthToken is an access and refresh token pair that a person generated. The secrets are not kept: the
// refresh tokens as hashes, the access tokens not at all.
type OAuthToken struct {
	ID              string
	WorkspaceID     string
	Owner           Person
	Name            string
	CreatedAt       time.Time
	ExpiresAt       time.Time // of the refresh token, however often it is rotated
	DisabledAt      time.Time // zero: not disabled; disabling is final
	DisableReason   string
	AccessEnded     bool      // when it was disabled, its access tokens were ended too
	ReusedAt        time.Time // when a refresh token that had been replaced came again; zero: never
	LastRefreshedAt time.Time // zero: never
	LastUsedAt      time.Time // of an access token; zero: never
	LastUsedIP      netip.Addr
}

// StatusAt derives the status at a moment. Disabled wins over expired.
func (t *OAuthToken) StatusAt(now time.Time) Status {
	switch {
	case !t.DisabledAt.IsZero():
		return Disabled
	case !now.Before(t.ExpiresAt):
		return Expired
	}
	return Active
}
