package authority

import (
	"context"

	"github.com/keywright/keywright/internal/token"
)

// ClientAuth is how a client says who it is (RFC 6749 section 2.3, RFC 7523 section 2.2).
type ClientAuth struct {
	ID        string
	Secret    token.Secret
	Assertion string // private_key_jwt; then Secret is empty and ID may be
	// Audiences are what an assertion may name as its audience (RFC 7523 section 3): the token endpoint's own
	// address; the issuer of the client's workspace is always one of them.
	Audiences []string
}

// Client is an app that has authenticated.
type Client struct {
	ID          string
	WorkspaceID string
	Workspace   string // slug
	Scopes      token.Scopes
	Epoch       int64 // the app's: see token.App
}

// Client authenticates a client, from memory where it presents a secret. Unknown, disabled and deleted apps
// and wrong secrets do the same work and get the same answer: invalid_client. Throttled by address.
func (a *Authority) Client(ctx context.Context, auth ClientAuth, from token.Origin) (Client, error) {
	panic("todo")
}

// ClientCredentials issues an access token to an app that acts for itself (RFC 6749 section 4.4). It writes
// nothing: that it was issued is counted. Errors: invalid_scope, invalid_target.
func (a *Authority) ClientCredentials(ctx context.Context, c Client, g GrantRequest) (Issued, error) {
	panic("todo")
}

// Refresh issues an access token for a refresh token (RFC 6749 section 6) and, where the policy rotates,
// another refresh token. clientID may be empty, else it is user-tokens. A replayed one ends its whole
// family (RFC 9700 section 4.14.2). Errors: invalid_grant, invalid_client, invalid_scope, invalid_target.
func (a *Authority) Refresh(ctx context.Context, refresh token.Secret, clientID string, g GrantRequest, from token.Origin) (Issued, error) {
	panic("todo")
}

// Exchange is a request for a narrower token (RFC 8693 section 2.1).
type Exchange struct {
	Subject token.Secret // a personal access token, or an access token
	Client  *Client      // who asks, if it said so
	GrantRequest
}

// Exchange issues a short-lived access token for a credential: its scopes are among those of the credential,
// and it lasts an hour, or as long as the credential. Errors: invalid_request (the subject token is not
// good: RFC 8693 section 2.2.2), invalid_scope, invalid_target.
func (a *Authority) Exchange(ctx context.Context, x Exchange, from token.Origin) (Issued, error) {
	panic("todo")
}

// RevokePresented ends the credential that was presented, whatever it is (RFC 7009): who holds it may end it.
// A personal access token is revoked, an OAuth token disabled by its refresh token, an access token ended
// alone. Unknown ones are no error. Errors: unsupported_token_type for a client secret.
func (a *Authority) RevokePresented(ctx context.Context, presented token.Secret, from token.Origin) error {
	panic("todo")
}

// Introspection is what is said of a credential (RFC 7662 section 2.2).
type Introspection struct {
	Active    bool
	Use       string // access_token, personal_access_token, legacy_token, client_secret, refresh_token
	Scopes    token.Scopes
	ClientID  string
	Subject   string
	TokenID   string // what it came from
	ID        string // jti, of an access token
	Issuer    string
	Audience  string
	IssuedAt  int64 // seconds; 0: not said
	ExpiresAt int64 // 0: never
}

// Introspect says whether a credential is good in the client's workspace, from memory where it can. A
// client without keywright:introspect is refused: unauthorized_client. What is not good, or of another
// workspace, is not active, and nothing is said about why.
func (a *Authority) Introspect(ctx context.Context, c Client, presented token.Secret) (Introspection, error) {
	panic("todo")
}

// SignIntrospection makes the signed form of an answer (RFC 9701 section 5) out of its JSON.
func (a *Authority) SignIntrospection(ctx context.Context, c Client, answer map[string]any) (string, error) {
	panic("todo")
}
