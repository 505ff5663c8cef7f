package token

import (
	"crypto/rand"
	"time"
)

// Prefixes of ids: an id says what it names.
const (
	TokenID     = "tok"
	UserID      = "usr"
	WorkspaceID = "ws"
	EventID     = "evt"
	SessionID   = "ses"

	AppID          = "app" // client_id
	ClientSecretID = "cs"
	OAuthTokenID   = "oat"
	AccessID       = "at" // jti of an access token
	KeyID          = "key"
)

const idAlphabet = "0123456789abcdefghjkmnpqrstvwxyz" // Crockford's base32: no i, l, o, u

const idLength = 26

// NewID returns an id such as tok_06f1… that sorts by time of making, to the millisecond, and can't be
// guessed: 48 bits of time and 80 random bits.
func NewID(prefix string, now time.Time) string {
	var raw [16]byte
	ms := uint64(now.UnixMilli())
	for i := range 6 {
		raw[i] = byte(ms >> (40 - 8*i))
	}
	rand.Read(raw[6:]) // never fails: it ends the program instead
	return string(AppendID(make([]byte, 0, len(prefix)+1+idLength), prefix, raw))
}

// AppendID appends the text of an id to b.
func AppendID(b []byte, prefix string, raw [16]byte) []byte {
	b = append(b, prefix...)
	b = append(b, '_')
	// 128 bits are 26 digits of 5 bits, the first of which holds only 3.
	var acc, bits uint
	bits = 2
	for _, c := range raw {
		acc = acc<<8 | uint(c)
		bits += 8
		for bits >= 5 {
			bits -= 5
			b = append(b, idAlphabet[acc>>bits&31])
		}
	}
	return b
}

// ParseID returns the 128 bits of an id with the prefix; false for anything that NewID can't have made.
func ParseID(prefix, id string) (raw [16]byte, ok bool) {
	if len(id) != len(prefix)+1+idLength || id[:len(prefix)] != prefix || id[len(prefix)] != '_' {
		return raw, false
	}
	var acc, bits uint
	n := 0
	for i, c := range []byte(id[len(prefix)+1:]) {
		v, ok := idDigit(c)
		if !ok || i == 0 && v > 7 {
			return raw, false
		}
		acc = acc<<5 | v
		bits += 5
		if i == 0 {
			bits = 3
		}
		if bits >= 8 {
			bits -= 8
			raw[n] = byte(acc >> bits)
			n++
		}
	}
	return raw, true
}

func idDigit(c byte) (uint, bool) {
	for i := range len(idAlphabet) {
		if idAlphabet[i] == c {
			return uint(i), true
		}
	}
	return 0, false
}
