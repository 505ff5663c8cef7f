package authority

import (
	"context"

	"github.com/keywright/keywright/internal/token"
)

// Issuer is what is public of a workspace that issues access tokens.
type Issuer struct {
	URL       string
	Slug      string
	Name      string
	Algorithm token.Algorithm
	Scopes    []string // of its catalogue
	Offered   struct{ Apps, OAuthTokens, Tokens bool }
}

// PublicIssuer returns a workspace's issuer by its slug, to anybody; not_found when there is none.
func (a *Authority) PublicIssuer(ctx context.Context, slug string) (Issuer, error) { panic("todo") }

// JWKS returns the public keys of a workspace by its slug, to anybody. The first call makes the first key.
func (a *Authority) JWKS(ctx context.Context, slug string) ([]byte, error) { panic("todo") }

// KeyState is what a signing key is for now.
type KeyState string

// The states of a signing key.
const (
	KeyNext      KeyState = "next"      // published, signs soon
	KeySigning   KeyState = "signing"   // signs now
	KeyPublished KeyState = "published" // signed what may still be alive
)

// SigningKeys lists a workspace's published keys, newest first. Administrators only.
func (a *Authority) SigningKeys(ctx context.Context, by token.Identity, ws string) ([]SigningKey, error) {
	panic("todo")
}

// StateOf says what a key of a list that SigningKeys returned is for now.
func (a *Authority) StateOf(keys []SigningKey, id string) KeyState { panic("todo") }

// RotateKeys makes a new signing key. It is published now and signs once every verifier has had the time to
// fetch it; the old one stays published until the last token that it signed is dead. With atOnce the old
// keys are removed and the new one signs now: for a key that somebody may have copied. Administrators only.
func (a *Authority) RotateKeys(ctx context.Context, by token.Identity, ws string, atOnce bool) ([]SigningKey, error) {
	panic("todo")
}

// sign makes an access token (RFC 9068 section 2.1) with the key of the workspace that signs now, from
// memory where it can.
func (a *Authority) sign(ctx context.Context, workspaceID string, c token.Claims) (token.Secret, error) {
	panic("todo")
}

// signAs signs other claims, under a typ of their own.
func (a *Authority) signAs(ctx context.Context, workspaceID, typ string, claims any) (string, error) {
	panic("todo")
}
