package token

import (
	"crypto/sha256"
	"strings"
)

// Scheme is how the secret of a token was hashed where it was issued. "" is ours. A scheme with a key is
// followed by a colon and the key's id.
type Scheme string

// The schemes. A token of another scheme than ours is a legacy token: imported from an older system.
const (
	SchemeOurs   Scheme = ""
	SchemeSHA256 Scheme = "sha256"
	SchemeSHA512 Scheme = "sha512"
	SchemeHMAC   Scheme = "hmac-sha256"
)

// KeyID returns the id of the scheme's key; "" when it has none.
func (s Scheme) KeyID() string {
	_, id, _ := strings.Cut(string(s), ":")
	return id
}

// Kept returns the hash under which a token with this digest is kept and found. Ours and SHA-256 are kept
// as they are; others are hashed once more, with the scheme's name, so that all are of one length.
func (s Scheme) Kept(digest []byte) Hash {
	if s == SchemeOurs || s == SchemeSHA256 {
		return Hash(digest)
	}
	return sha256.Sum256(append([]byte(string(s)+"\x00"), digest...))
}

// KindLegacy is the kind of an imported token in decisions and lists; it is no part of a secret.
const KindLegacy Kind = "legacy"

// MaxLegacy is the longest foreign credential that is looked at, in bytes.
const MaxLegacy = 1024

// Legacy reports whether the token was imported.
func (t *Token) Legacy() bool { return t.Scheme != SchemeOurs }

// Kind is the kind of the credential.
func (t *Token) Kind() Kind {
	if t.Legacy() {
		return KindLegacy
	}
	return KindPAT
}
