// Package legacy reads files of tokens that were issued elsewhere, so that they can move in.
//
// A file is JSON Lines or CSV with a header; which of the two is seen from its first character. Every line
// names its owner and exactly one of a digest (sha256, sha512, hmac_sha256: hexadecimal or base64) and the
// secret itself. Lines come one after the other, each with its number and, where it can't be used, one
// sentence that says why, so that a file with a bad line is reported whole and memory stays small however
// long the file is.
//
// The threat is a file made by somebody else: unknown and repeated fields are problems and not guesses, a
// line has a bound, and no sentence repeats what stands in a line, which may be a secret. What a line says is
// only read here; whether it may be is decided by authority.
package legacy

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/keywright/keywright/internal/token"
)

// MaxLine is the longest line that is read, in bytes.
const MaxLine = 16 << 10

// Line is a token as a file describes it.
type Line struct {
	Number      int    // in the file, from 1
	Owner       string // email address
	Name        string
	Description string
	Scopes      []string  // nil: what the owner's role may hold
	CreatedAt   time.Time // zero: not said
	ExpiresAt   time.Time // zero: never
	Scheme      token.Scheme
	Digest      []byte       // by the scheme; nil where the secret itself is given
	Secret      token.Secret // in clear; empty where a digest is given
	Problem     string       // why the line can't be used; then only Number is good
}

// Raw reports whether the line holds a secret in clear.
func (l *Line) Raw() bool { return l.Secret.Reveal() != "" }

// Read yields the lines of a file. An error, which ends it, means that the file can't be read on; what is
// wrong with one line alone is in its Problem.
func Read(r io.Reader) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		b := bufio.NewReaderSize(r, MaxLine)
		if bom, err := b.Peek(3); err == nil && bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
			_, _ = b.Discard(len(bom)) // it was just seen
		}
		first, err := firstCharacter(b)
		switch {
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			yield(Line{}, err)
		case first == '{':
			readJSON(b, yield)
		default:
			readCSV(b, yield)
		}
	}
}

// firstCharacter looks at the first byte that is no white space, without taking it.
func firstCharacter(b *bufio.Reader) (byte, error) {
	for n := 1; ; n++ {
		seen, err := b.Peek(n)
		switch {
		case len(seen) < n && errors.Is(err, bufio.ErrBufferFull):
			return ' ', nil
		case len(seen) < n:
			return 0, err
		}
		if c := seen[n-1]; c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c, nil
		}
	}
}

// field is one value of a line, by its name.
type field struct{ name, text string }

// fields returns the names that a line can have.
func fields() []string {
	return []string{"owner", "name", "description", "scopes", "created_at", "expires_at", "sha256", "sha512", "hmac_sha256", "secret"}
}

// lineOf makes a line of its fields. Empty ones are as if they were left out.
func lineOf(number int, said []field) Line {
	l := Line{Number: number}
	for _, f := range said {
		if f.text == "" {
			continue
		}
		if !utf8.ValidString(f.text) || strings.ContainsRune(f.text, 0) {
			return l.bad("%s is not valid text (UTF-8).", f.name)
		}
		if problem := l.set(f.name, f.text); problem != "" {
			return l.bad("%s", problem)
		}
	}
	switch {
	case l.Owner == "":
		return l.bad("owner is missing: whose token this is, by email address.")
	case l.Digest == nil && !l.Raw():
		return l.bad("The token itself is missing: give one of sha256, sha512, hmac_sha256 and secret.")
	}
	return l
}

func (l *Line) bad(format string, args ...any) Line {
	return Line{Number: l.Number, Problem: fmt.Sprintf(format, args...)}
}

// set takes one value and says what is wrong with it.
func (l *Line) set(name, text string) (problem string) {
	switch name {
	case "owner":
		l.Owner = strings.TrimSpace(text)
	case "name":
		l.Name = strings.TrimSpace(text)
	case "description":
		l.Description = strings.TrimSpace(text)
	case "scopes":
		scopes, err := token.ParseScopes(strings.TrimSpace(text))
		if err != nil || scopes == nil {
			return "scopes must be scope names with spaces between them."
		}
		l.Scopes = scopes
	case "created_at":
		return setTime(&l.CreatedAt, name, text)
	case "expires_at":
		return setTime(&l.ExpiresAt, name, text)
	case "sha256":
		return l.digest(token.SchemeSHA256, name, text, 32)
	case "sha512":
		return l.digest(token.SchemeSHA512, name, text, 64)
	case "hmac_sha256":
		return l.digest(token.SchemeHMAC, name, text, 32)
	case "secret":
		if len(text) > token.MaxLegacy {
			return fmt.Sprintf("secret is too long: at most %d bytes.", token.MaxLegacy)
		}
		if l.Digest != nil {
			return oneToken
		}
		l.Scheme, l.Secret = token.SchemeSHA256, token.SecretOf(text)
	}
	return ""
}

const oneToken = "Give one of sha256, sha512, hmac_sha256 and secret, not several."

func (l *Line) digest(s token.Scheme, name, text string, size int) (problem string) {
	if l.Digest != nil || l.Raw() {
		return oneToken
	}
	raw, ok := decode(strings.TrimSpace(text), size)
	if !ok {
		return fmt.Sprintf("%s must be %d bytes in hexadecimal (%d characters) or base64.", name, size, 2*size)
	}
	l.Scheme, l.Digest = s, raw
	return ""
}

// decode reads a digest of a size. The lengths of its forms differ, so none is taken for another.
func decode(text string, size int) ([]byte, bool) {
	if len(text) == hex.EncodedLen(size) {
		raw, err := hex.DecodeString(text)
		return raw, err == nil
	}
	text = strings.TrimRight(text, "=")
	for _, form := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if len(text) != form.EncodedLen(size) {
			return nil, false
		}
		if raw, err := form.Strict().DecodeString(text); err == nil {
			return raw, true
		}
	}
	return nil, false
}

func setTime(t *time.Time, name, text string) (problem string) {
	text = strings.TrimSpace(text)
	for _, form := range []string{time.RFC3339, time.DateOnly} {
		// Later years don't fit what a database keeps.
		if at, err := time.Parse(form, text); err == nil && at.Year() >= 1970 && at.Year() < 10000 {
			*t = at.UTC().Truncate(time.Microsecond)
			return ""
		}
	}
	return name + " must be a date such as 2027-03-01, or a time such as 2027-03-01T12:00:00Z."
}
