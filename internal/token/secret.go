package token

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"unsafe"
)

// Kind is the kind of a credential, as it stands in its secret.
type Kind string

// The kinds of credential.
const (
	KindPAT     Kind = "pat" // personal access token
	KindApp     Kind = "sec" // app secret
	KindRefresh Kind = "rt"  // refresh token
	KindAccess  Kind = "at"  // reserved: access tokens are JWTs
)

const (
	alphabet     = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	randomLength = 30 // base62 characters: 178 bits
	sumLength    = 6  // base62 characters hold any CRC-32

	// MaxPresented is the longest credential that is looked at, in bytes. Longer ones are refused unread.
	MaxPresented = 8192
)

// Secret is a credential in clear. Every way of printing it redacts it; Reveal is for the one answer
// that hands it out. Two are compared by Reveal or Hash, not by ==.
type Secret struct {
	// A pointer, because fmt calls no method on an unexported field, nor after a wrong verb (%w, %p):
	// there it prints an address.
	clear *string
}

// SecretOf wraps a presented or read credential so that it can't be printed by accident.
func SecretOf(clear string) Secret { return Secret{&clear} }

// Reveal returns the secret in clear, for the answer that shows it once.
func (s Secret) Reveal() string {
	if s.clear == nil {
		return ""
	}
	return *s.clear
}

// Hash is what is kept of the secret.
func (s Secret) Hash() Hash { return HashOf(s.Reveal()) }

// Hint is the last four characters, by which a person tells tokens apart.
func (s Secret) Hint() string {
	clear := s.Reveal()
	return clear[max(0, len(clear)-4):]
}

// shortestHinted is how long a secret of another system is whose end may be shown.
const shortestHinted = 16

// ForeignHint is the hint of a secret that another system made. Of a short one the end is too much of it, and
// what isn't plain text could be cut in the middle of a character: those have none.
func (s Secret) ForeignHint() string {
	hint := s.Hint()
	if len(s.Reveal()) < shortestHinted || strings.ContainsFunc(hint, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return ""
	}
	return hint
}

const redacted = "[redacted]"

func (Secret) String() string               { return redacted }
func (Secret) GoString() string             { return redacted }
func (Secret) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Format serves every verb, %d and %x too.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) } //nolint:errcheck // fmt's buffer never fails

// Hash is the SHA-256 of a whole secret. With 178 random bits in the secret a slow hash buys nothing.
type Hash [sha256.Size]byte

// HashOf hashes a presented credential.
func HashOf(presented string) Hash {
	// What fits is hashed from the stack: a conversion of more than 32 bytes would allocate.
	var buf [128]byte
	if len(presented) > len(buf) {
		return sha256.Sum256([]byte(presented))
	}
	return sha256.Sum256(buf[:copy(buf[:], presented)])
}

var prefixForm = regexp.MustCompile(`^[a-z][a-z0-9]{0,15}$`)

// Format makes and recognises secrets: <prefix>_<kind>_<30 random><6 checksum>, base62.
// The checksum lets scanners find leaked secrets offline, and lets garbage be refused without a look-up.
type Format struct {
	prefix  string
	retired []string
}

// NewFormat returns the format of an installation. Retired prefixes are still recognised, no longer issued.
func NewFormat(prefix string, retired ...string) (Format, error) {
	for _, p := range append([]string{prefix}, retired...) {
		if !prefixForm.MatchString(p) {
			return Format{}, fmt.Errorf("prefix %q: want 1 to 16 lower-case letters and digits, a letter first", p)
		}
	}
	return Format{prefix: prefix, retired: slices.Clone(retired)}, nil
}

// New returns a fresh secret of a kind.
func (f Format) New(kind Kind) Secret {
	b := make([]byte, 0, len(f.prefix)+len(kind)+2+randomLength+sumLength)
	b = append(b, f.prefix...)
	b = append(b, '_')
	b = append(b, kind...)
	b = append(b, '_')
	b = appendRandom(b, randomLength)
	return SecretOf(string(appendSum(b)))
}

// Parse reports the kind of a presented secret, and whether its form and checksum are right.
// It allocates nothing and tells nothing about whether the secret was ever issued.
func (f Format) Parse(presented string) (Kind, bool) {
	rest, ok := f.cutPrefix(presented)
	if !ok {
		return "", false
	}
	var kind Kind
	for _, k := range [...]Kind{KindPAT, KindApp, KindRefresh, KindAccess} {
		if len(rest) == len(k)+1+randomLength+sumLength && rest[:len(k)] == string(k) && rest[len(k)] == '_' {
			kind = k
		}
	}
	if kind == "" {
		return "", false
	}
	body := presented[:len(presented)-sumLength]
	for i := len(body) - randomLength; i < len(body); i++ {
		if !isBase62(body[i]) {
			return "", false
		}
	}
	var want [sumLength]byte
	putSum(want[:], checksum(body))
	if string(want[:]) != presented[len(body):] {
		return "", false
	}
	return kind, true
}

func (f Format) cutPrefix(s string) (string, bool) {
	if rest, ok := cutPrefix(s, f.prefix); ok {
		return rest, true
	}
	for _, p := range f.retired {
		if rest, ok := cutPrefix(s, p); ok {
			return rest, true
		}
	}
	return "", false
}

func cutPrefix(s, prefix string) (string, bool) {
	if len(s) > len(prefix) && s[:len(prefix)] == prefix && s[len(prefix)] == '_' {
		return s[len(prefix)+1:], true
	}
	return "", false
}

// RandomText returns n random base62 characters from crypto/rand, for links, sessions and nonces.
func RandomText(n int) Secret { return SecretOf(string(appendRandom(make([]byte, 0, n), n))) }

// appendRandom appends n base62 characters, each equally likely: bytes from 248 up are drawn again,
// since 256 is no multiple of 62.
func appendRandom(b []byte, n int) []byte {
	var pool [64]byte
	for n > 0 {
		rand.Read(pool[:]) // never fails: it ends the program instead
		for _, r := range pool {
			if r < 248 && n > 0 {
				b = append(b, alphabet[r%62])
				n--
			}
		}
	}
	return b
}

func appendSum(b []byte) []byte {
	n := len(b)
	b = append(b, "000000"...)
	putSum(b[n:], crc32.ChecksumIEEE(b[:n]))
	return b
}

// putSum writes a CRC-32 as six base62 digits, zero padded.
func putSum(dst []byte, sum uint32) {
	for i := sumLength - 1; i >= 0; i-- {
		dst[i] = alphabet[sum%62]
		sum /= 62
	}
}

// checksum is the CRC-32 (IEEE). hash/crc32 takes a slice and lets it escape; it is lent the string's own
// bytes, which it only reads, since a copy would cost every check an allocation.
func checksum(s string) uint32 {
	return crc32.ChecksumIEEE(unsafe.Slice(unsafe.StringData(s), len(s)))
}

func isBase62(c byte) bool { return c-'0' < 10 || c-'A' < 26 || c-'a' < 26 }
