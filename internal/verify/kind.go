package verify

import (
	"strings"

	"github.com/keywright/keywright/internal/token"
)

// form is what a presented text looks like, and so where it is looked for.
type form uint8

const (
	noForm     form = iota // none of ours: at most a legacy token
	tokenForm              // among the tokens, by its hash
	secretForm             // among the client secrets, by its hash
	accessForm             // a signed text: by the key that it names
)

// formOf tells what a text looks like. A refresh token is none of ours here: it is good for nothing but the
// token endpoint.
func (c *Checker) formOf(presented string) form {
	switch kind, _ := c.format.Parse(presented); kind {
	case token.KindPAT:
		return tokenForm
	case token.KindApp:
		return secretForm
	default:
	}
	// A header in JSON begins with {" and so, in base64url, with this (RFC 7515 section 7.1).
	if c.issuer != nil && len(presented) > 3 && presented[:3] == "eyJ" {
		return accessForm
	}
	return noForm
}

// IsCredential reports whether a text has the form of a credential of this installation, good or not.
func (c *Checker) IsCredential(text string) bool {
	if kind, ok := c.format.Parse(text); ok {
		return kind != ""
	}
	return c.formOf(text) == accessForm && strings.Count(text, ".") == 2
}

// kind is what a record is of, in one byte: what its two ids are ids of, and what is said of it.
type kind uint8

const (
	kindPAT         kind = iota
	kindLegacy           // imported with the SHA-256 of its secret, by which it is found as ours are
	kindDigest           // imported with another digest
	kindSecret           // a client secret; token is its own id, owner the app's
	kindAppAccess        // an access token of an app; token and owner are the app's id
	kindOAuthAccess      // … of an OAuth token
	kindPATAccess        // … of a personal access token
)

// credential is the kind that people know.
func (k kind) credential() token.Kind {
	switch k {
	case kindPAT:
		return token.KindPAT
	case kindLegacy, kindDigest:
		return token.KindLegacy
	case kindSecret:
		return token.KindApp
	default:
		return token.KindAccess
	}
}

func (k kind) legacy() bool { return k == kindLegacy || k == kindDigest }

// ofApp reports whether the owner is an app.
func (k kind) ofApp() bool { return k == kindSecret || k == kindAppAccess }

// ownerPrefix is that of the owner's id.
func (k kind) ownerPrefix() string {
	if k.ofApp() {
		return token.AppID
	}
	return token.UserID
}

// sourcePrefix is that of the id of what use is counted for. A client secret's counts for its app, whose id
// is the record's owner.
func (k kind) sourcePrefix() string {
	switch k {
	case kindSecret, kindAppAccess:
		return token.AppID
	case kindOAuthAccess:
		return token.OAuthTokenID
	default:
		return token.TokenID
	}
}
