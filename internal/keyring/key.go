package keyring

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"github.com/keywright/keywright/internal/token"
)

const (
	rsaBits   = 2048
	ecdsaSize = 32 // bytes of each half of an ES256 signature
)

// Key is a signing key.
type Key struct {
	ID        string // kid
	Algorithm token.Algorithm

	private crypto.Signer
	access  string // the header of an access token, encoded once
}

// NewKey makes a key. For RS256 it takes a noticeable part of a second.
func NewKey(id string, alg token.Algorithm) (*Key, error) {
	var private crypto.Signer
	var err error
	switch alg {
	case token.ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case token.RS256:
		private, err = rsa.GenerateKey(rand.Reader, rsaBits)
	case token.EdDSA:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	default:
		err = fmt.Errorf("keyring: %q is no algorithm to sign with", alg)
	}
	if err != nil {
		return nil, err
	}
	return newKey(id, alg, private)
}

func newKey(id string, alg token.Algorithm, private crypto.Signer) (*Key, error) {
	k := &Key{ID: id, Algorithm: alg, private: private}
	if id == "" || !fits(alg, private.Public()) {
		return nil, errors.New("keyring: a key without an id, or that does not fit its algorithm")
	}
	var err error
	k.access, err = k.header(AccessType)
	return k, err
}

// fits reports whether a public key is one for an algorithm that Keywright signs with.
func fits(alg token.Algorithm, public crypto.PublicKey) bool {
	switch public := public.(type) {
	case *ecdsa.PublicKey:
		return alg == token.ES256 && public.Curve == elliptic.P256()
	case *rsa.PublicKey:
		return alg == token.RS256 && public.N.BitLen() >= rsaBits
	case ed25519.PublicKey:
		return alg == token.EdDSA
	}
	return false
}

// ParseKey reads what Private wrote.
func ParseKey(private []byte) (*Key, error) {
	var jwk jose.JSONWebKey
	// What the parser says may quote what it read.
	if err := jwk.UnmarshalJSON(private); err != nil {
		return nil, errors.New("keyring: a kept signing key can't be read")
	}
	signer, ok := jwk.Key.(crypto.Signer)
	if !ok {
		return nil, errors.New("keyring: a kept signing key is not a private one")
	}
	return newKey(jwk.KeyID, token.Algorithm(jwk.Algorithm), signer)
}

// Private is the key as it is to be sealed: a private JWK.
func (k *Key) Private() ([]byte, error) { return k.jwk(k.private).MarshalJSON() }

// Public is the public JWK (RFC 7517), with kid, alg and use.
func (k *Key) Public() (string, error) {
	text, err := k.jwk(k.private.Public()).MarshalJSON()
	return string(text), err
}

func (k *Key) jwk(key any) jose.JSONWebKey {
	return jose.JSONWebKey{Key: key, KeyID: k.ID, Algorithm: string(k.Algorithm), Use: "sig"}
}

// Sign makes a compact JWS (RFC 7515 section 7.1) of claims, with typ, alg and kid in its header.
func (k *Key) Sign(typ string, claims any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	first := k.access
	if typ != AccessType {
		if first, err = k.header(typ); err != nil {
			return "", err
		}
	}
	const room = 2 + rsaBits/8*4/3 // for two dots and the longest signature
	text := make([]byte, 0, len(first)+base64.RawURLEncoding.EncodedLen(len(payload))+room)
	text = append(append(text, first...), '.')
	text = base64.RawURLEncoding.AppendEncode(text, payload)
	signature, err := k.sign(text)
	if err != nil {
		return "", err
	}
	return string(base64.RawURLEncoding.AppendEncode(append(text, '.'), signature)), nil
}

func (k *Key) header(typ string) (string, error) {
	text, err := json.Marshal(struct {
		Algorithm token.Algorithm `json:"alg"`
		KeyID     string          `json:"kid"`
		Type      string          `json:"typ"`
	}{k.Algorithm, k.ID, typ})
	return base64.RawURLEncoding.EncodeToString(text), err
}

func (k *Key) sign(text []byte) ([]byte, error) {
	switch private := k.private.(type) {
	case *ecdsa.PrivateKey:
		sum := sha256.Sum256(text)
		r, s, err := ecdsa.Sign(rand.Reader, private, sum[:])
		if err != nil {
			return nil, err
		}
		// RFC 7518 section 3.4: both halves, each of its full length.
		signature := make([]byte, 2*ecdsaSize)
		r.FillBytes(signature[:ecdsaSize])
		s.FillBytes(signature[ecdsaSize:])
		return signature, nil
	case *rsa.PrivateKey:
		sum := sha256.Sum256(text)
		return rsa.SignPKCS1v15(nil, private, crypto.SHA256, sum[:])
	case ed25519.PrivateKey:
		return ed25519.Sign(private, text), nil
	}
	return nil, errors.New("keyring: a key of no kind that signs")
}
