package oauth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/keywright/keywright/internal/authority"
)

// assertionKey is a key pair of an app.
type assertionKey struct {
	signer jose.Signer
	jwks   string // the public half
}

func newAssertionKey(t testing.TB) assertionKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pair := jose.JSONWebKey{Key: private, KeyID: rand.Text(), Algorithm: "ES256", Use: "sig"}
	public, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{pair.Public()}})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: pair}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	return assertionKey{signer, string(public)}
}

// assertion is what a client says of itself (RFC 7523 section 3).
func (k assertionKey) assertion(t testing.TB, now time.Time, client, audience string) string {
	t.Helper()
	text, err := jwt.Signed(k.signer).Claims(jwt.Claims{
		Issuer: client, Subject: client, Audience: jwt.Audience{audience}, ID: rand.Text(),
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(time.Minute)),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// offline verifies like a resource server that has the key set of an issuer and nothing else.
func offline(jwks, presented, typ, audience string, now time.Time) (claims map[string]any, err error) {
	return verified(jwks, presented, typ, jwt.Expected{Issuer: issuer, AnyAudience: jwt.Audience{audience}, Time: now})
}

// offlineFor is offline for an access token of another issuer that is for itself.
func offlineFor(issuer, jwks, presented string, now time.Time) (claims map[string]any, err error) {
	return verified(jwks, presented, "at+jwt", jwt.Expected{Issuer: issuer, AnyAudience: jwt.Audience{issuer}, Time: now})
}

func verified(jwks, presented, typ string, expected jwt.Expected) (claims map[string]any, err error) {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(jwks), &set); err != nil {
		return nil, err
	}
	parsed, err := jwt.ParseSigned(presented, []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.EdDSA})
	if err != nil {
		return nil, err
	}
	if got, _ := parsed.Headers[0].ExtraHeaders[jose.HeaderType].(string); got != typ {
		return nil, errType
	}
	var standard jwt.Claims
	if err := parsed.Claims(&set, &standard, &claims); err != nil {
		return nil, err
	}
	return claims, standard.ValidateWithLeeway(expected, 0)
}

type joseError string

func (e joseError) Error() string { return string(e) }

const errType joseError = "the typ is another"

func rotation(keep time.Duration) authority.Rotation { return authority.Rotation{Keep: keep} }
