package keyring

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/core/cryptofmt"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/keywright/keywright/internal/token"
)

// ErrNoKeyset is the error of a Box that is nil: this installation has no keyset.
var ErrNoKeyset = errors.New("keyring: there is no keyset")

var (
	errSealed = errors.New("keyring: a sealed text can't be opened: it is of another keyset or another row, or was changed")
	errKeyset = errors.New("this is no keyset, or a damaged one")
)

// Box seals what has to be read again. It is safe for use by many goroutines. A nil Box seals and opens
// nothing.
type Box struct {
	aead tink.AEAD
	seed []byte // the newest key, for Derive
}

// NewBox returns a Box with a fresh keyset that is kept nowhere: for tests and for demos that leave nothing.
func NewBox() (*Box, error) {
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, err
	}
	return boxOf(h)
}

// ParseBox reads the text of a keyset file.
func ParseBox(text token.Secret) (*Box, error) {
	h, err := parseKeyset([]byte(text.Reveal()))
	if err != nil {
		return nil, err
	}
	return boxOf(h)
}

func boxOf(h *keyset.Handle) (*Box, error) {
	a, err := aead.New(h)
	if err != nil {
		return nil, errKeyset // a keyset for something else
	}
	seed, err := newestKey(h)
	if err != nil {
		return nil, errKeyset
	}
	return &Box{aead: a, seed: seed}, nil
}

// newestKey is the key that seals, as the keyset keeps it.
func newestKey(h *keyset.Handle) ([]byte, error) {
	material := insecurecleartextkeyset.KeysetMaterial(h)
	for _, k := range material.GetKey() {
		if k.GetKeyId() == material.GetPrimaryKeyId() {
			return k.GetKeyData().GetValue(), nil
		}
	}
	return nil, errKeyset
}

// Derive returns 32 bytes for a purpose (HKDF-SHA-256): the same as long as no key is added to the keyset, on every
// server that has it, and telling nothing of it.
func (b *Box) Derive(purpose string) ([]byte, error) {
	if b == nil {
		return nil, ErrNoKeyset
	}
	return hkdf.Key(sha256.New, b.seed, nil, "keywright: "+purpose, 32)
}

// parseKeyset reads a keyset. What its reader says is not passed on: it may quote what it read.
func parseKeyset(text []byte) (*keyset.Handle, error) {
	h, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(text)))
	if err != nil {
		return nil, errKeyset
	}
	return h, nil
}

func writeKeyset(h *keyset.Handle) ([]byte, error) {
	var text bytes.Buffer
	err := insecurecleartextkeyset.Write(h, keyset.NewJSONWriter(&text))
	return append(text.Bytes(), '\n'), err
}

// Seal encrypts a text for a context.
func (b *Box) Seal(plain []byte, context string) ([]byte, error) {
	if b == nil {
		return nil, ErrNoKeyset
	}
	return b.aead.Encrypt(plain, []byte(context))
}

// Open decrypts what Seal made for the same context.
func (b *Box) Open(sealed []byte, context string) ([]byte, error) {
	if b == nil {
		return nil, ErrNoKeyset
	}
	plain, err := b.aead.Decrypt(sealed, []byte(context))
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}

// Newest reports whether it was the newest key of the keyset that sealed a text.
func (b *Box) Newest(sealed []byte) bool {
	fresh, err := b.Seal(nil, "")
	const prefix = cryptofmt.TinkPrefixSize // names the key
	return err == nil && len(sealed) > prefix && bytes.Equal(fresh[:prefix], sealed[:prefix])
}

// SealWith encrypts under a key derived (HKDF-SHA-256) from a secret that is kept nowhere: only who presents
// the secret again can open it.
func SealWith(secret token.Secret, plain []byte, context string) ([]byte, error) {
	a, err := derived(secret)
	if err != nil {
		return nil, err
	}
	return a.Seal(nil, nil, plain, []byte(context)), nil
}

// OpenWith decrypts what SealWith made with the same secret and context.
func OpenWith(secret token.Secret, sealed []byte, context string) ([]byte, error) {
	a, err := derived(secret)
	if err != nil {
		return nil, err
	}
	plain, err := a.Open(nil, nil, sealed, []byte(context))
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}

// derived is AES-256-GCM under a key that was derived from a secret (RFC 5869 section 2). The secret has 178
// random bits, so that no salt is needed.
func derived(secret token.Secret) (cipher.AEAD, error) {
	if secret.Reveal() == "" {
		return nil, errors.New("keyring: no secret to derive a key from")
	}
	key, err := hkdf.Key(sha256.New, []byte(secret.Reveal()), nil, "keywright: sealed with a presented secret", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
