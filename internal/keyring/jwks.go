package keyring

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"

	"github.com/keywright/keywright/internal/token"
)

// PublicKey verifies what one key signed.
type PublicKey struct{ jwk *jose.JSONWebKey }

// ParsePublic reads a public JWK.
func ParsePublic(jwk string) (PublicKey, error) {
	var k jose.JSONWebKey
	if err := k.UnmarshalJSON([]byte(jwk)); err != nil {
		return PublicKey{}, fmt.Errorf("keyring: a public key can't be read: %w", err)
	}
	if k.KeyID == "" || !fits(token.Algorithm(k.Algorithm), k.Key) {
		return PublicKey{}, errors.New("keyring: a public key without an id, or that does not fit its algorithm")
	}
	return PublicKey{&k}, nil
}

// Verify checks a compact JWS: its signature by this key with this key's algorithm, and its typ (RFC 9068
// section 2.1; "application/" before it is the same). Then it decodes the payload into claims.
func (p PublicKey) Verify(jws, typ string, claims any) error {
	h, ok := readHeader(jws)
	if !ok || p.jwk == nil || h.KeyID != p.jwk.KeyID || !h.is(typ) {
		return errSignature
	}
	payload, err := verify(jws, p.jwk)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(payload, claims); err != nil {
		return errSignature
	}
	return nil
}

// Header returns the kid of a compact JWS, without believing it; false when the text is none. It reads at
// most the header.
func Header(jws string) (kid string, ok bool) {
	h, ok := readHeader(jws)
	return h.KeyID, ok && h.KeyID != ""
}

// JWKS joins public JWKs into a key set (RFC 7517 section 5).
func JWKS(publics []string) []byte {
	return []byte(`{"keys":[` + strings.Join(publics, ",") + `]}`)
}

const (
	maxKeySet = 16 << 10 // bytes
	maxKeys   = 10
	maxKeyID  = 200 // characters
	leastRSA  = 2048
	maxRSA    = 4096
)

// CheckKeys reports what is wrong with a key set that a person typed for an app (private_key_jwt); "" when it
// may be kept. It returns the set in its clean form: public halves alone, each with a kid. One key alone is
// taken for a set of one.
func CheckKeys(jwks string) (clean, problem string) {
	if len(jwks) > maxKeySet {
		return "", fmt.Sprintf("A key set can have %d KiB.", maxKeySet>>10)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
		Type string            `json:"kty"`
	}
	if json.Unmarshal([]byte(jwks), &set) != nil {
		return "", `This is no key set. Paste a JWK set, such as {"keys":[{"kty":"EC", …}]}.`
	}
	if set.Type != "" && set.Keys == nil {
		set.Keys = []json.RawMessage{json.RawMessage(jwks)}
	}
	if len(set.Keys) == 0 || len(set.Keys) > maxKeys {
		return "", fmt.Sprintf("Give 1 to %d keys.", maxKeys)
	}
	publics := make([]string, 0, len(set.Keys))
	ids := map[string]bool{}
	for i, text := range set.Keys {
		k, problem := cleanKey(text)
		if problem == "" && ids[k.KeyID] {
			problem = "another key has the same kid"
		}
		if problem != "" {
			return "", fmt.Sprintf("Key %d: %s.", i+1, problem)
		}
		ids[k.KeyID] = true
		public, err := k.MarshalJSON()
		if err != nil {
			return "", fmt.Sprintf("Key %d: it can't be read.", i+1)
		}
		publics = append(publics, string(public))
	}
	return string(JWKS(publics)), ""
}

// publicMembers are all that is read of a key that a person typed. Certificates are not looked at, so they are
// not kept either.
type publicMembers struct {
	Type      string `json:"kty"`
	Use       string `json:"use,omitempty"`
	Algorithm string `json:"alg,omitempty"`
	KeyID     string `json:"kid,omitempty"`
	Curve     string `json:"crv,omitempty"`
	X         string `json:"x,omitempty"`
	Y         string `json:"y,omitempty"`
	N         string `json:"n,omitempty"`
	E         string `json:"e,omitempty"`
}

// cleanKey reads one key that a person typed, and says what is wrong with it.
func cleanKey(text json.RawMessage) (*jose.JSONWebKey, string) {
	const unreadable = "it can't be read. A key is EC on P-256, P-384 or P-521, RSA of 2048 to 4096 bits, or OKP on Ed25519"
	var all map[string]json.RawMessage
	var public publicMembers
	if json.Unmarshal(text, &all) != nil || json.Unmarshal(text, &public) != nil {
		return nil, unreadable
	}
	if _, symmetric := all["k"]; symmetric || public.Type == "oct" {
		return nil, "it is symmetric: whoever verifies by it could sign too. Give the public half of a key pair"
	}
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "priv"} {
		if _, ok := all[private]; ok {
			return nil, "a private key is in it: keep that one to yourself, and give the public half alone"
		}
	}
	text, err := json.Marshal(public)
	if err != nil {
		return nil, unreadable
	}
	var k jose.JSONWebKey
	if err := k.UnmarshalJSON(text); err != nil || !k.IsPublic() {
		return nil, unreadable
	}
	if k.Use != "" && k.Use != "sig" {
		return nil, "its use is not sig"
	}
	algorithms := algorithmsOf(k.Key)
	k.Algorithm = olderName(k.Algorithm)
	switch {
	case len(algorithms) == 0:
		return nil, "RSA keys have 2048 to 4096 bits and an odd exponent from 3 up"
	case k.Algorithm == "":
		k.Algorithm = algorithms[0]
	case !slices.Contains(algorithms, k.Algorithm):
		return nil, "its alg is none for this kind of key: " + strings.Join(algorithms, ", ")
	}
	k.Use = "sig"
	return &k, nameKey(&k)
}

// nameKey gives a key without a kid its thumbprint (RFC 7638 section 3) for one.
func nameKey(k *jose.JSONWebKey) (problem string) {
	if k.KeyID == "" {
		sum, err := k.Thumbprint(crypto.SHA256)
		if err != nil {
			return "it can't be read"
		}
		k.KeyID = base64.RawURLEncoding.EncodeToString(sum)
	}
	if _, problem := token.CleanText(k.KeyID, 1, maxKeyID); problem != "" {
		return fmt.Sprintf("its kid is no text of 1 to %d characters", maxKeyID)
	}
	return ""
}

// algorithmsOf lists what a public key can verify, the usual one first; none when the key is too weak.
func algorithmsOf(key any) []string {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		return map[int][]string{256: {"ES256"}, 384: {"ES384"}, 521: {"ES512"}}[key.Curve.Params().BitSize]
	case ed25519.PublicKey:
		return []string{"EdDSA"}
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < leastRSA || bits > maxRSA || key.N.Bit(0) == 0 || key.E < 3 || key.E%2 == 0 {
			return nil
		}
		return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	}
	return nil
}
