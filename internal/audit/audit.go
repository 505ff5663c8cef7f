// Package audit names what can happen and says what is remembered of it.
//
// Every change that authority makes writes one Event in the same transaction; if the event can't be
// written, the change does not happen. An event says who (and by which session or token), from where,
// what, to what, and the values before and after. It never holds a secret or a hash: Detail is built
// from values that are shown on pages anyway. Events are only ever added; deleting a token or a whole
// workspace leaves its events.
package audit

import (
	"net/netip"
	"time"
)

// Action is what happened, as object.verb.
type Action string

// The actions.
const (
	SignedIn           Action = "session.signed_in"
	SignInFailed       Action = "session.sign_in_failed"
	SignedOut          Action = "session.signed_out"
	SignedOutAll       Action = "session.signed_out_everywhere"
	PasswordChanged    Action = "user.password_changed"
	LinkMade           Action = "user.link_made" // invitation or password reset
	LinkUsed           Action = "user.link_used"
	InstallationSetUp  Action = "installation.set_up"
	InstallationAdmin  Action = "installation.administrator_changed"
	SealedForgotten    Action = "installation.sealed_forgotten" // with the keyset that was lost
	WorkspaceCreated   Action = "workspace.created"
	WorkspaceRenamed   Action = "workspace.renamed"
	WorkspaceDeleted   Action = "workspace.deleted"
	MemberAdded        Action = "member.added"
	MemberRoleChanged  Action = "member.role_changed"
	MemberRemoved      Action = "member.removed"
	PolicyChanged      Action = "policy.changed"
	ScopesChanged      Action = "scopes.changed"
	TokenCreated       Action = "token.created"
	TokenScopesChanged Action = "token.scopes_changed"
	TokenExpiryCut     Action = "token.expiry_cut"
	TokenRegenerated   Action = "token.regenerated"
	TokenRevoked       Action = "token.revoked"
	TokenDeleted       Action = "token.deleted"
	AllTokensViewed    Action = "token.all_viewed"
	AccessRevoked      Action = "access_token.revoked" // one access token, by who holds it (RFC 7009)
	TokenExchanged     Action = "token.exchanged"      // any credential for an access token (RFC 8693)

	AppCreated         Action = "app.created"
	AppChanged         Action = "app.changed"
	AppDisabled        Action = "app.disabled"
	AppActivated       Action = "app.activated"
	AppDeleted         Action = "app.deleted"
	AppSecretViewed    Action = "app.secret_viewed"
	AppSecretRotated   Action = "app.secret_rotated"
	AppSecretEnded     Action = "app.secret_ended"
	OAuthTokenCreated  Action = "oauth_token.created"
	OAuthRefreshed     Action = "oauth_token.refreshed"
	OAuthTokenDisabled Action = "oauth_token.disabled"
	OAuthTokenDeleted  Action = "oauth_token.deleted"
	OAuthTokenCut      Action = "oauth_token.expiry_cut"
	RefreshReused      Action = "oauth_token.refresh_reused" // a replaced refresh token came again; the family ended
	KeyRotated         Action = "signing_key.rotated"
	KeyRemoved         Action = "signing_key.removed"
	TokensImported     Action = "token.imported"
	LegacyStopSet      Action = "legacy.stop_set"
)

// Event is one thing that happened.
type Event struct {
	ID          string
	WorkspaceID string // "" where it concerns the installation or a person
	At          time.Time
	ActorID     string // user id; "" for the command line and for failed sign-ins
	ActorName   string // as it was then
	Via         string // "session", "command line", "server" (by schedule), or the id of the token that was used
	Action      Action
	TargetKind  string // "token", "member", "workspace", "policy", …
	TargetID    string
	TargetName  string // as it was then
	OwnerID     string // whose thing it was: that person sees the event as well
	Address     netip.Addr
	UserAgent   string
	RequestID   string
	Detail      Detail
}

// Detail is what changed.
type Detail struct {
	Before map[string]any `json:"before,omitempty"`
	After  map[string]any `json:"after,omitempty"`
	Reason string         `json:"reason,omitempty"`
	Count  int            `json:"count,omitempty"`
}
