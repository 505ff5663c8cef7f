// Package keyring is keys: those that sign access tokens, and those under which the store keeps what must be
// readable again.
//
// A Box seals and opens with the installation's keyset (tink AEAD), which lives in a file outside the
// database: who copies the database alone reads no client secret and signs no token. Every sealed text is
// bound to a context, the id of its row, so that it can't be moved to another row. A keyset can hold several
// keys: the newest seals, all open.
//
// A Key signs for one workspace. Its private half is kept sealed; its public half is published (JWKS). What is
// verified names its key, and the key alone says which algorithm is right: a token never chooses.
package keyring

import "github.com/keywright/keywright/internal/token"

// Box seals what has to be read again. It is safe for use by many goroutines.
type Box struct{}

// NewBox returns a Box with a fresh keyset that is kept nowhere: for tests and for demos that leave nothing.
func NewBox() (*Box, error) { panic("todo") }

// OpenBox reads the keyset from a file.
func OpenBox(path string) (*Box, error) { panic("todo") }

// CreateBox makes a keyset file, readable by its owner alone; it fails when the file exists.
func CreateBox(path string) error { panic("todo") }

// AddKey adds a key to a keyset file: from then on it seals, and the earlier ones go on opening.
func AddKey(path string) error { panic("todo") }

// Seal encrypts a text for a context.
func (b *Box) Seal(plain []byte, context string) ([]byte, error) { panic("todo") }

// Open decrypts what Seal made for the same context.
func (b *Box) Open(sealed []byte, context string) ([]byte, error) { panic("todo") }

// SealWith encrypts under a key derived (HKDF-SHA-256) from a secret that is kept nowhere: only who presents
// the secret again can open it.
func SealWith(secret token.Secret, plain []byte, context string) ([]byte, error) { panic("todo") }

// OpenWith decrypts what SealWith made with the same secret and context.
func OpenWith(secret token.Secret, sealed []byte, context string) ([]byte, error) { panic("todo") }

// Key is a signing key.
type Key struct {
	ID        string // kid
	Algorithm token.Algorithm
}

// NewKey makes a key. For RS256 it takes a noticeable part of a second.
func NewKey(id string, alg token.Algorithm) (*Key, error) { panic("todo") }

// ParseKey reads what Private wrote.
func ParseKey(private []byte) (*Key, error) { panic("todo") }

// Private is the key as it is to be sealed: a private JWK.
func (k *Key) Private() ([]byte, error) { panic("todo") }

// Public is the public JWK (RFC 7517), with kid, alg and use.
func (k *Key) Public() (string, error) { panic("todo") }

// Sign makes a compact JWS (RFC 7515 section 7.1) of claims, with typ, alg and kid in its header.
func (k *Key) Sign(typ string, claims any) (string, error) { panic("todo") }

// PublicKey verifies what one key signed.
type PublicKey struct{}

// ParsePublic reads a public JWK.
func ParsePublic(jwk string) (PublicKey, error) { panic("todo") }

// Verify checks a compact JWS: its signature by this key with this key's algorithm, and its typ (RFC 9068
// section 2.1; "application/" before it is the same). Then it decodes the payload into claims.
func (p PublicKey) Verify(jws, typ string, claims any) error { panic("todo") }

// Header returns the kid of a compact JWS, without believing it; false when the text is none. It reads at
// most the header.
func Header(jws string) (kid string, ok bool) { panic("todo") }

// JWKS joins public JWKs into a key set (RFC 7517 section 5).
func JWKS(publics []string) []byte { panic("todo") }

// CheckKeys reports what is wrong with a key set that a person typed for an app (private_key_jwt); "" when it
// may be kept. It returns the set in its clean form: public halves alone, each with a kid.
func CheckKeys(jwks string) (clean, problem string) { panic("todo") }

// Assertion is what a client says of itself in private_key_jwt (RFC 7523 section 3).
type Assertion struct {
	Issuer    string
	Subject   string
	Audience  []string
	ExpiresAt int64
	NotBefore int64
	IssuedAt  int64
	ID        string // jti
}

// AssertionSubject returns the sub of an assertion without believing it: whose keys to look at.
func AssertionSubject(assertion string) (string, bool) { panic("todo") }

// VerifyAssertion checks an assertion's signature by one of an app's keys, each with its own algorithm alone.
func VerifyAssertion(jwks, assertion string) (Assertion, error) { panic("todo") }
