package token

import (
	"encoding/binary"
	"time"
)

// AccessLife is how long an access token lasts (RFC 6749 section 5.1, expires_in), unless its source ends
// earlier.
const AccessLife = time.Hour

// Claims are those of an access token (RFC 9068 section 2.2). SourceID names what it came from: an app, an
// OAuth token or a personal access token; live checks end it with its source.
type Claims struct {
	Issuer    string `json:"iss"`
	Subject   string `json:"sub"` // a user's id, or the app's client id
	Audience  string `json:"aud"` // the issuer, or the resource that was asked for (RFC 8707)
	ClientID  string `json:"client_id"`
	IssuedAt  int64  `json:"iat"` // seconds, as the standard has it; ID knows the millisecond
	ExpiresAt int64  `json:"exp"`
	ID        string `json:"jti"`
	Scope     string `json:"scope,omitempty"`
	SourceID  string `json:"sid"`
	Epoch     int64  `json:"kw_epoch,omitempty"` // the app's when it was issued
	// Parents are the jti of the access tokens that this one was exchanged from, one out of the other, the
	// oldest first, separated by spaces, and marks of the secret that it began with and of the clients that
	// asked: it ends with each of them.
	Parents string `json:"kw_parents,omitempty"`
}

// IssuedAtMilli is when the token was issued, to the millisecond, out of its id; 0 for an id that is none.
func (c *Claims) IssuedAtMilli() int64 {
	raw, ok := ParseID(AccessID, c.ID)
	if !ok {
		return 0
	}
	return int64(binary.BigEndian.Uint64(raw[:8]) >> 16)
}

// Algorithm is a signing algorithm (RFC 7518 section 3.1, RFC 8037).
type Algorithm string

// The algorithms that a workspace can sign with.
const (
	ES256 Algorithm = "ES256"
	RS256 Algorithm = "RS256"
	EdDSA Algorithm = "EdDSA"
)

// Algorithms returns all algorithms, the default first.
func Algorithms() []Algorithm { return []Algorithm{ES256, RS256, EdDSA} }

// SigningRule says how a workspace signs its access tokens.
type SigningRule struct {
	Algorithm  Algorithm `json:"algorithm,omitempty" doc:"What access tokens are signed with; ES256 when left out" enum:"ES256,RS256,EdDSA"`
	RotateDays int       `json:"rotate_days,omitempty" doc:"How many days a signing key is used; 90 when left out" minimum:"1" maximum:"3650"`
}

const defaultRotateDays = 90

// Clean fills what was left out.
func (s *SigningRule) Clean() {
	if s.Algorithm == "" {
		s.Algorithm = ES256
	}
	if s.RotateDays == 0 {
		s.RotateDays = defaultRotateDays
	}
}
