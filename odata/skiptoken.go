package odata

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// position is where a page begins: what a skip token holds.
type position struct {
	given int64 // rows of the pages before, which count against $top
	page  int   // rows of a page that the first request preferred; 0 is none
	after []any // the last row's values of what is sorted by
}

// sealer makes and opens skip tokens. They are encrypted, because they hold values of rows, perhaps of columns that were not
// selected. A token is bound to who asks for what (see binding): it opens for nothing else.
//
// The nonce is a keyed digest of the content, so that equal pages have equal links, and therefore equal ETags.
type sealer struct {
	aead  cipher.AEAD
	nonce []byte // key of the nonces
}

func newSealer(key []byte) (*sealer, error) {
	if len(key) != 32 {
		return nil, fmt.Errorf("odata: a key has 32 bytes, not %d", len(key))
	}
	derive := func(use string) ([]byte, error) { return hkdf.Expand(sha256.New, key, "odata skiptoken "+use, 32) }
	encrypt, err := derive("encrypt")
	nonce, err2 := derive("nonce")
	if err := errors.Join(err, err2); err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(encrypt)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &sealer{aead: aead, nonce: nonce}, err
}

// seal makes a token of characters that need no encoding in a URL.
func (s *sealer) seal(p position, binding []byte) (string, error) {
	plain, err := p.append(nil)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, s.nonce)
	mac.Write(appendText(nil, string(binding)))
	mac.Write(plain)
	nonce := mac.Sum(nil)[:s.aead.NonceSize()]
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nonce, nonce, plain, binding)), nil
}

// open is false for what was not sealed by this key with this binding.
func (s *sealer) open(token string, binding []byte) (position, bool) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(text) < s.aead.NonceSize() {
		return position{}, false
	}
	nonce, sealed := text[:s.aead.NonceSize()], text[s.aead.NonceSize():]
	plain, err := s.aead.Open(nil, nonce, sealed, binding)
	if err != nil {
		return position{}, false
	}
	return readPosition(plain)
}

// Kinds of values in a token.
const (
	tagNull = iota
	tagFalse
	tagTrue
	tagInteger
	tagFloat
	tagText
	tagTime
	tagDuration
)

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func (p position) append(b []byte) ([]byte, error) {
	b = binary.AppendVarint(b, p.given)
	b = binary.AppendVarint(b, int64(p.page))
	for _, v := range p.after {
		switch v := v.(type) {
		case nil:
			b = append(b, tagNull)
		case bool:
			if v {
				b = append(b, tagTrue)
			} else {
				b = append(b, tagFalse)
			}
		case int64:
			b = binary.AppendVarint(append(b, tagInteger), v)
		case float64:
			b = binary.LittleEndian.AppendUint64(append(b, tagFloat), math.Float64bits(v))
		case string:
			b = appendText(append(b, tagText), v)
		case time.Time:
			b = binary.AppendVarint(append(b, tagTime), v.Unix())
			b = binary.AppendVarint(b, int64(v.Nanosecond()))
		case time.Duration:
			b = binary.AppendVarint(append(b, tagDuration), int64(v))
		default:
			return nil, fmt.Errorf("odata: a row has a %T to sort by", v)
		}
	}
	return b, nil
}

// readPosition trusts its input, which has been sealed here, no further than not to panic.
func readPosition(b []byte) (position, bool) {
	var p position
	integer := func() int64 {
		v, n := binary.Varint(b)
		if n <= 0 {
			b = nil
			return -1
		}
		b = b[n:]
		return v
	}
	p.given, p.page = integer(), int(integer())
	if p.given < 0 || p.page < 0 {
		return p, false
	}
	for len(b) > 0 {
		tag := b[0]
		b = b[1:]
		var v any
		switch tag {
		case tagNull:
		case tagFalse, tagTrue:
			v = tag == tagTrue
		case tagInteger:
			v = integer()
		case tagFloat:
			if len(b) < 8 {
				return p, false
			}
			v = math.Float64frombits(binary.LittleEndian.Uint64(b))
			b = b[8:]
		case tagText:
			size, n := binary.Uvarint(b)
			if n <= 0 || size > uint64(len(b)-n) {
				return p, false
			}
			v = string(b[n : n+int(size)]) //nolint:gosec // bounded by the line above
			b = b[n+int(size):]            //nolint:gosec // as above
		case tagTime:
			seconds := integer()
			v = time.Unix(seconds, integer()).UTC()
		case tagDuration:
			v = time.Duration(integer())
		default:
			return p, false
		}
		p.after = append(p.after, v)
	}
	return p, true
}
