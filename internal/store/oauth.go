package store

import (
	"time"

	"github.com/keywright/keywright/internal/token"
)

// AddOAuthToken keeps a new OAuth token.
func (tx *Tx) AddOAuthToken(t token.OAuthToken) error { panic("todo") }

// OAuthToken returns an OAuth token of a workspace.
func (tx *Tx) OAuthToken(workspaceID, id string) (token.OAuthToken, error) { panic("todo") }

// OAuthFilter narrows a list of OAuth tokens. Zero fields don't narrow.
type OAuthFilter struct {
	WorkspaceID   string
	OwnerID       string
	Status        token.Status
	UnusedSince   time.Time // neither refreshed nor used nor made since
	ExpiresBefore time.Time // active ones that end before
	Search        string    // part of the name, any case
}

// OAuthTokens lists OAuth tokens, newest first.
func (tx *Tx) OAuthTokens(f OAuthFilter, p Page) ([]token.OAuthToken, error) { panic("todo") }

// CountOAuthTokens counts what a filter finds.
func (tx *Tx) CountOAuthTokens(f OAuthFilter) (int, error) { panic("todo") }

// TakeOAuthTurn makes transactions that take it for one OAuth token follow each other; ErrNotFound when it
// is gone.
func (tx *Tx) TakeOAuthTurn(id string) error { panic("todo") }

// Stop is how an OAuth token is disabled.
type Stop struct {
	Reason    string
	EndAccess bool // its access tokens end too
	Reused    bool // because a replaced refresh token came again; its owner is told
}

// DisableOAuthToken disables an OAuth token for good; ErrNotFound when it is disabled already.
func (tx *Tx) DisableOAuthToken(id string, s Stop) error { panic("todo") }

// DisableOAuthTokensOf disables all OAuth tokens of an owner in a workspace that are not disabled, and
// returns their ids.
func (tx *Tx) DisableOAuthTokensOf(workspaceID, ownerID string, s Stop) ([]string, error) {
	panic("todo")
}

// DeleteOAuthToken removes an OAuth token with its refresh tokens.
func (tx *Tx) DeleteOAuthToken(id string) error { panic("todo") }

// SetOAuthExpiry changes when an OAuth token ends.
func (tx *Tx) SetOAuthExpiry(id string, expires time.Time) error { panic("todo") }

// NoteRefresh notes that an OAuth token was refreshed now.
func (tx *Tx) NoteRefresh(id string) error { panic("todo") }

// AddRefreshToken keeps a refresh token of an OAuth token under its hash.
func (tx *Tx) AddRefreshToken(oauthTokenID string, hash token.Hash) error { panic("todo") }

// PresentedRefresh is what a presented refresh token is checked against.
type PresentedRefresh struct {
	Token        token.OAuthToken
	UsedAt       time.Time  // when it was replaced; zero: never
	Successor    token.Hash // that replaced it
	Sealed       []byte     // the successor under a key derived from the presented one; nil when erased
	SuccessorHas bool       // the successor was used (replaced) itself
	OwnerRole    token.Role // "" when the owner is no longer a member
	Workspace    string     // slug
	RulesVersion int64
}

// RefreshTokenByHash returns what is known of a presented refresh token; ErrNotFound when it was never
// issued here or is gone.
func (tx *Tx) RefreshTokenByHash(hash token.Hash) (PresentedRefresh, error) { panic("todo") }

// ReplaceRefreshToken marks a refresh token as replaced by another and keeps the successor sealed;
// ErrNotFound when it was replaced already.
func (tx *Tx) ReplaceRefreshToken(hash, successor token.Hash, sealed []byte) error { panic("todo") }

// EraseSuccessor forgets the sealed copy of a refresh token, which its predecessor keeps: it was used.
func (tx *Tx) EraseSuccessor(successor token.Hash) error { panic("todo") }

// EraseSuccessorsBefore forgets all sealed copies of refresh tokens that were made before a moment.
func (tx *Tx) EraseSuccessorsBefore(t time.Time) error { panic("todo") }

// SigningKey is a key with which a workspace signs, or has signed.
type SigningKey struct {
	ID             string // kid
	WorkspaceID    string
	Algorithm      token.Algorithm
	Public         string // JWK
	Sealed         []byte // the private key under the installation's keyset, with ID as context
	CreatedAt      time.Time
	SignsFrom      time.Time
	PublishedUntil time.Time // zero: no later key replaces it yet
}

// AddSigningKey keeps a new signing key.
func (tx *Tx) AddSigningKey(k SigningKey) error { panic("todo") }

// SigningKeys lists a workspace's keys, newest first.
func (tx *Tx) SigningKeys(workspaceID string) ([]SigningKey, error) { panic("todo") }

// PresentedKey is the key that a presented access token names.
type PresentedKey struct {
	SigningKey
	Workspace    string // slug
	RulesVersion int64
}

// SigningKey returns a key by its id, whatever its workspace.
func (tx *Tx) SigningKey(id string) (PresentedKey, error) { panic("todo") }

// RetireSigningKey sets until when a key is published.
func (tx *Tx) RetireSigningKey(id string, until time.Time) error { panic("todo") }

// DropSigningKey removes a key: what it signed is no longer good.
func (tx *Tx) DropSigningKey(id string) error { panic("todo") }

// StopAccess ends access tokens before their time: one by its jti, or all of a source by its id (sid).
// Until is when the last of them would have expired.
func (tx *Tx) StopAccess(id string, until time.Time) error { panic("todo") }

// AccessStopped reports whether any of the ids was stopped.
func (tx *Tx) AccessStopped(ids ...string) (bool, error) { panic("todo") }

// KeysetCheck returns what SetKeysetCheck kept; ErrNotFound when nothing.
func (tx *Tx) KeysetCheck() (sealed []byte, err error) { panic("todo") }

// SetKeysetCheck keeps a text sealed with the installation's keyset, by which a wrong keyset is noticed at
// start.
func (tx *Tx) SetKeysetCheck(sealed []byte) error { panic("todo") }
