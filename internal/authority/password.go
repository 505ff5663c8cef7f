package authority

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
)

// Cost of argon2id, after OWASP's minimum: 19 MiB, two passes, one lane.
const (
	argonMemory  = 19 * 1024 // KiB
	argonPasses  = 2
	argonLanes   = 1
	argonKey     = 32
	argonSalt    = 16
	minPassword  = 8   // characters
	maxPassword  = 256 // bytes; argon2 takes more, but nobody types more
	hashesAtOnce = 4   // each holds 19 MiB
)

// hasher hashes passwords, a few at a time so that sign-ins can't use up the memory.
type hasher struct {
	slots chan struct{}
	decoy string // what the password of an unknown account is compared with
}

func newHasher() hasher {
	h := hasher{slots: make(chan struct{}, hashesAtOnce)}
	// Any hash will do: nobody knows a password for it. It is not computed here, which would cost the
	// start of every program 20 ms; only its parameters and lengths have to be those of real ones.
	h.decoy = encodeHash(make([]byte, argonSalt), make([]byte, argonKey))
	return h
}

// enter waits for a free slot, for as long as somebody waits for the answer.
func (h hasher) enter(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fault.Wrap(ctx.Err(), "wait to hash a password")
	}
}

func (h hasher) leave() { <-h.slots }

func (h hasher) hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	salt := make([]byte, argonSalt)
	rand.Read(salt)
	return encodeHash(salt, argon2.IDKey([]byte(password), salt, argonPasses, argonMemory, argonLanes, argonKey)), nil
}

// matches compares a password with a kept hash; "" is the hash of an account that does not exist or has
// no password: the same work is done for it, and the answer is no. So it is for a password that is too
// long to be anybody's: hashing it would cost what the sender chooses.
func (h hasher) matches(ctx context.Context, password, kept string) (bool, error) {
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer h.leave()
	possible := kept != "" && len(password) <= maxPassword
	if kept == "" {
		kept = h.decoy
	}
	if len(password) > maxPassword {
		password = ""
	}
	var memory, passes uint32
	var lanes uint8
	var salt64, key64 string
	// The form is that of the reference implementation, $ for spaces so that Sscanf can split it.
	_, err := fmt.Sscanf(strings.ReplaceAll(kept, "$", " "), " argon2id v=19 m=%d,t=%d,p=%d %s %s", &memory, &passes, &lanes, &salt64, &key64)
	salt, err1 := base64.RawStdEncoding.DecodeString(salt64)
	key, err2 := base64.RawStdEncoding.DecodeString(key64)
	if err != nil || err1 != nil || err2 != nil || len(key) == 0 {
		return false, nil
	}
	got := argon2.IDKey([]byte(password), salt, passes, memory, lanes, uint32(len(key)))
	return subtle.ConstantTimeCompare(got, key) == 1 && possible, nil
}

func encodeHash(salt, key []byte) string {
	e := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", argonMemory, argonPasses, argonLanes, e.EncodeToString(salt), e.EncodeToString(key))
}

// checkPassword refuses a password that is too short or can't be kept. Length is what counts
// (NIST SP 800-63B section 3.1.1.2); there are no rules about kinds of characters.
func checkPassword(field, password, email string) error {
	var detail string
	switch {
	case !utf8.ValidString(password) || strings.ContainsRune(password, 0):
		detail = "This is not valid text (UTF-8)."
	case utf8.RuneCountInString(password) < minPassword:
		detail = fmt.Sprintf("Use at least %d characters; a few words are easy to remember.", minPassword)
	case len(password) > maxPassword:
		detail = fmt.Sprintf("Use at most %d bytes.", maxPassword)
	case email != "" && strings.EqualFold(password, email):
		detail = "Your e-mail address is no password."
	default:
		return nil
	}
	return fault.New(fault.Invalid, api.CodePasswordTooWeak, detail).On(field)
}
