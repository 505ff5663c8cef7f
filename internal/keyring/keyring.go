// Package keyring is keys: those that sign access tokens, and those under which the store keeps what must be
// readable again.
//
// A Box seals and opens with the installation's keyset (tink AEAD), which lives in a file outside the
// database: who copies the database alone reads no client secret and signs no token. Every sealed text is
// bound to a context, the id of its row, so that it can't be moved to another row. A keyset can hold several
// keys: the newest seals, all open.
//
// A Key signs for one workspace. Its private half is kept sealed; its public half is published (JWKS). What is
// verified names its key, and the key alone says which algorithm is right: a token never chooses. Signing is
// done here, since it is most of the work of issuing a token; reading what others wrote is left to go-jose,
// after what is no plain signature (several, detached, with a key of its own) was refused.
package keyring

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"

	"github.com/keywright/keywright/internal/token"
)

// AccessType is the typ of an access token (RFC 9068 section 2.1).
const AccessType = "at+jwt"

var errSignature = errors.New("keyring: not signed as it must be")

const maxHeader = 1024 // bytes of a header that are looked at, in base64

// header is what a header may say, and what it must not.
type header struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Type      string `json:"typ"`

	// None of these is needed here, and each is a way to be talked into something: another key, another meaning
	// of the text.
	Critical    json.RawMessage `json:"crit"`
	Unencoded   json.RawMessage `json:"b64"`
	Key         json.RawMessage `json:"jwk"`
	KeySet      json.RawMessage `json:"jku"`
	Certificate json.RawMessage `json:"x5c"`
	Address     json.RawMessage `json:"x5u"`
	Zip         json.RawMessage `json:"zip"`
}

func (h *header) plain() bool {
	for _, member := range []json.RawMessage{h.Critical, h.Unencoded, h.Key, h.KeySet, h.Certificate, h.Address, h.Zip} {
		if member != nil {
			return false
		}
	}
	return h.Algorithm != ""
}

// is reports whether the typ is the one that is wanted (RFC 7515 section 4.1.9).
func (h *header) is(typ string) bool {
	const application = "application/"
	given := h.Type
	if len(given) > len(application) && strings.EqualFold(given[:len(application)], application) {
		given = given[len(application):]
	}
	return strings.EqualFold(given, typ)
}

// readHeader reads the header of a compact JWS without believing it. False when the text is none, or when the
// header says what is never accepted.
func readHeader(jws string) (h header, ok bool) {
	first, rest, ok := strings.Cut(jws, ".")
	if !ok || len(jws) > token.MaxPresented || len(first) > maxHeader || strings.Count(rest, ".") != 1 {
		return h, false
	}
	text, ok := decode(first)
	if !ok || json.Unmarshal(text, &h) != nil || !h.plain() {
		return h, false
	}
	return h, true
}

// decode reads base64url as RFC 7515 section 2 has it: one text for each sequence of bytes. Go's decoder
// passes over the ends of lines.
func decode(part string) ([]byte, bool) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(part)
	return text, err == nil && base64.RawURLEncoding.EncodedLen(len(text)) == len(part)
}

// verify checks a compact JWS by one key, with the one algorithm that the key is for, and returns its payload.
func verify(jws string, key *jose.JSONWebKey) ([]byte, error) {
	for part := range strings.SplitSeq(jws, ".") {
		if _, ok := decode(part); !ok {
			return nil, errSignature
		}
	}
	signed, err := jose.ParseSignedCompact(jws, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(key.Algorithm)})
	if err != nil {
		return nil, errSignature
	}
	payload, err := signed.Verify(key.Key)
	if err != nil {
		return nil, errSignature
	}
	return payload, nil
}
