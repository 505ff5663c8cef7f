package keyring

import (
	"crypto/ed25519"
	"errors"
	"math"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"

	"github.com/keywright/keywright/internal/token"
)

// Assertion is what a client says of itself in private_key_jwt (RFC 7523 section 3). What it does not say is
// zero.
type Assertion struct {
	Issuer    string
	Subject   string
	Audience  []string
	ExpiresAt int64
	NotBefore int64
	IssuedAt  int64
	ID        string // jti
}

// asserted is an assertion as it is written.
type asserted struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	ExpiresAt seconds  `json:"exp"`
	NotBefore seconds  `json:"nbf"`
	IssuedAt  seconds  `json:"iat"`
	ID        string   `json:"jti"`
}

// audience is one text or a list of them (RFC 7519 section 4.1.3).
type audience []string

func (a *audience) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*a = audience{one}
		return nil
	}
	var list []string
	err := json.Unmarshal(text, &list)
	*a = list
	return err
}

// seconds is a NumericDate, which may have a fraction (RFC 7519 section 2).
type seconds int64

func (s *seconds) UnmarshalJSON(text []byte) error {
	var number float64
	if err := json.Unmarshal(text, &number); err != nil {
		return err
	}
	const farthest = 1 << 52 // beyond it, a number of this kind is no longer exact
	if math.Abs(number) > farthest {
		return errors.New("keyring: a time that is none")
	}
	*s = seconds(math.Floor(number))
	return nil
}

// AssertionSubject returns the sub of an assertion without believing it: whose keys to look at.
func AssertionSubject(assertion string) (string, bool) {
	if _, ok := readHeader(assertion); !ok {
		return "", false
	}
	_, rest, _ := strings.Cut(assertion, ".")
	part, _, _ := strings.Cut(rest, ".")
	text, ok := decode(part)
	if !ok {
		return "", false
	}
	var claims asserted
	if json.Unmarshal(text, &claims) != nil {
		return "", false
	}
	return claims.Subject, claims.Subject != ""
}

// AssertionAlgorithms are those that the keys of an app can have, the usual ones first.
func AssertionAlgorithms() []string {
	return []string{"ES256", "EdDSA", nameEd25519, "RS256", "PS256", "ES384", "ES512", "RS384", "RS512", "PS384", "PS512"}
}

// nameEd25519 is what newer clients call EdDSA on the one curve that is taken here (RFC 9864 section 2.2).
// Keys are kept under the older name.
const nameEd25519 = "Ed25519"

func olderName(alg string) string {
	if alg == nameEd25519 {
		return string(token.EdDSA)
	}
	return alg
}

// verifyEd25519 is verify for a text with the newer name, which the library does not know yet.
func verifyEd25519(jws string, key any) ([]byte, error) {
	public, ok := key.(ed25519.PublicKey)
	at := strings.LastIndexByte(jws, '.')
	if !ok || at < 0 {
		return nil, errSignature
	}
	_, part, _ := strings.Cut(jws[:at], ".")
	payload, ok := decode(part)
	signature, ok2 := decode(jws[at+1:])
	if !ok || !ok2 || !ed25519.Verify(public, []byte(jws[:at]), signature) {
		return nil, errSignature
	}
	return payload, nil
}

// VerifyAssertion checks an assertion's signature by one of an app's keys, each with its own algorithm alone.
// An assertion that names its key is checked by that one.
func VerifyAssertion(jwks, assertion string) (Assertion, error) {
	h, ok := readHeader(assertion)
	// What is of another type was made for another purpose (RFC 8725 section 3.12).
	if !ok || h.Type != "" && !h.is("JWT") && !h.is("client-authentication+jwt") {
		return Assertion{}, errSignature
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(jwks), &set); err != nil || len(set.Keys) > maxKeys {
		return Assertion{}, errors.New("keyring: an app's keys can't be read")
	}
	for i := range set.Keys {
		key := &set.Keys[i]
		if h.KeyID != "" && key.KeyID != h.KeyID || key.Algorithm != olderName(h.Algorithm) || !key.IsPublic() {
			continue
		}
		var payload []byte
		var err error
		if h.Algorithm == nameEd25519 {
			payload, err = verifyEd25519(assertion, key.Key)
		} else {
			payload, err = verify(assertion, key)
		}
		if err != nil {
			continue
		}
		var c asserted
		if err := json.Unmarshal(payload, &c); err != nil {
			return Assertion{}, errSignature
		}
		return Assertion{
			Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audience, ID: c.ID,
			ExpiresAt: int64(c.ExpiresAt), NotBefore: int64(c.NotBefore), IssuedAt: int64(c.IssuedAt),
		}, nil
	}
	return Assertion{}, errSignature
}
