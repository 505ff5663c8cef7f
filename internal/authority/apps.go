package authority

import (
	"context"
	"time"

	"github.com/keywright/keywright/internal/token"
)

// NewApp is what a person asks for. Nonce is as in NewToken.
type NewApp struct {
	Name        string
	Description string
	Scopes      []string
	Keys        string // public keys (JWKS) for private_key_jwt; "" for none
	Nonce       string
}

// CreateApp makes an app, and returns its client secret. A session must have a recent sign-in; the caller's
// role must be able to hold every scope that the app gets. Errors: kind_not_offered, role_not_allowed,
// recent_sign_in_required, token_limit_reached, scope_unknown, scope_not_allowed, keys_invalid,
// already_created, and session_required for a caller with a token (an app never expires).
func (a *Authority) CreateApp(ctx context.Context, by token.Identity, ws string, n NewApp) (token.App, token.Secret, error) {
	panic("todo")
}

// AppQuery asks for a list of apps.
type AppQuery struct {
	Filter AppFilter
	Page   Page
}

// Apps lists a workspace's apps, newest first, to the roles that the policy names, and to administrators.
func (a *Authority) Apps(ctx context.Context, by token.Identity, ws string, q AppQuery) ([]token.App, error) {
	panic("todo")
}

// AppView is an app with what is known of its secrets, newest first; those that have ended are left out.
type AppView struct {
	token.App
	Secrets []token.ClientSecret
	// MaySee says that the caller may see the secret (again), rotate it, and change the app's scopes: their role
	// may hold all of the app's scopes.
	MaySee bool
}

// App returns one app.
func (a *Authority) App(ctx context.Context, by token.Identity, ws, id string) (AppView, error) {
	panic("todo")
}

// AppChange changes what is not nil.
type AppChange struct {
	Name        *string
	Description *string
	Scopes      *[]string
	Keys        *string
}

// ChangeApp changes an app; its scopes count from the next request on. Name and description may be changed
// where the policy offers edit_scope.
func (a *Authority) ChangeApp(ctx context.Context, by token.Identity, ws, id string, c AppChange) (token.App, error) {
	panic("todo")
}

// AppSecret returns an app's newest client secret again, where the policy lets it be seen; each view is
// audited and takes a recent sign-in. Errors: action_not_offered, role_not_allowed, recent_sign_in_required.
func (a *Authority) AppSecret(ctx context.Context, by token.Identity, ws, id string) (token.Secret, error) {
	panic("todo")
}

// Rotation is how a client secret is replaced.
type Rotation struct {
	Keep  time.Duration // how long the old one goes on working: 0, 1 h, 24 h or 7 days
	Nonce string
}

// Overlaps are the spans for which an old client secret can be kept.
func Overlaps() []time.Duration {
	return []time.Duration{0, time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}
}

// RotateAppSecret gives an app another client secret; see Rotation for the old one. At most two are live: of
// two, the older ends at once.
func (a *Authority) RotateAppSecret(ctx context.Context, by token.Identity, ws, id string, r Rotation) (token.App, token.Secret, error) {
	panic("todo")
}

// EndAppSecret ends an old client secret before its overlap does. The newest can't be ended: last_secret.
func (a *Authority) EndAppSecret(ctx context.Context, by token.Identity, ws, id, secretID string) (AppView, error) {
	panic("todo")
}

// DisableApp stops an app: its secrets fail at once, and, unless the policy lets them run out, its access
// tokens. Disabling again changes nothing. An administrator may under every policy.
func (a *Authority) DisableApp(ctx context.Context, by token.Identity, ws, id string) (token.App, error) {
	panic("todo")
}

// ActivateApp starts a disabled app again. Access tokens from before it was disabled stay dead.
func (a *Authority) ActivateApp(ctx context.Context, by token.Identity, ws, id string) (token.App, error) {
	panic("todo")
}

// DeleteApp removes an app.
func (a *Authority) DeleteApp(ctx context.Context, by token.Identity, ws, id string) error {
	panic("todo")
}
