package authority

import (
	"context"

	"github.com/keywright/keywright/internal/token"
)

// NewOAuthToken is what a person asks for. Nonce is as in NewToken.
type NewOAuthToken struct {
	Name         string
	LifetimeDays *int
	Nonce        string
}

// CreateOAuthToken makes an OAuth token for the caller and returns both of its secrets for the one time that
// they are shown. Errors: kind_not_offered, role_not_allowed, recent_sign_in_required, token_limit_reached,
// name_required, expiry_required, lifetime_out_of_range, outlives_credential, already_created.
func (a *Authority) CreateOAuthToken(ctx context.Context, by token.Identity, ws string, n NewOAuthToken) (token.OAuthToken, Issued, error) {
	panic("todo")
}

// OAuthQuery asks for a list of OAuth tokens.
type OAuthQuery struct {
	Everyone bool // all of the workspace: overseers
	Filter   OAuthFilter
	Page     Page
}

// OAuthTokens lists OAuth tokens, newest first; a list that shows others' is audited.
func (a *Authority) OAuthTokens(ctx context.Context, by token.Identity, ws string, q OAuthQuery) ([]token.OAuthToken, error) {
	panic("todo")
}

// OAuthToken returns one OAuth token to its owner and to overseers.
func (a *Authority) OAuthToken(ctx context.Context, by token.Identity, ws, id string) (token.OAuthToken, error) {
	panic("todo")
}

// OAuthRoom returns how many OAuth tokens the caller can still make.
func (a *Authority) OAuthRoom(ctx context.Context, by token.Identity, ws string) (Room, error) {
	panic("todo")
}

// DisableOAuthToken disables an OAuth token for good: its refresh token stops at once, its access tokens too
// unless the policy lets them run out. Disabling again changes nothing.
func (a *Authority) DisableOAuthToken(ctx context.Context, by token.Identity, ws, id string) (token.OAuthToken, error) {
	panic("todo")
}

// DeleteOAuthToken removes an OAuth token; what stops is as for disabling.
func (a *Authority) DeleteOAuthToken(ctx context.Context, by token.Identity, ws, id string) error {
	panic("todo")
}

// BatchOAuthTokens disables or deletes several; each succeeds or is refused by itself.
func (a *Authority) BatchOAuthTokens(ctx context.Context, by token.Identity, ws string, b Batch) ([]Result, error) {
	panic("todo")
}
