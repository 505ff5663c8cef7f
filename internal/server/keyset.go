package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/keywright/keywright/internal/config"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/oauth"
	"github.com/keywright/keywright/internal/store"
)

// The keyset check is a known text that a database keeps sealed: what can't open it is not the keyset of this
// database, and would seal what nobody can open later.
const (
	checkText    = "keywright keyset check"
	checkContext = "keyset_check"
)

const keysetAdvice = `What this database keeps sealed (signing keys, client secrets) can't be read without it. Put back the file that was there; docs/operations.md, "The keyset", says what to do when it is lost`

// Keyset opens the installation's keyset and compares it with the database. Beside a SQLite database that never
// had one it is made.
func Keyset(ctx context.Context, st *store.Store, cfg config.Config) (*keyring.Box, error) {
	kept, err := keysetCheck(ctx, st)
	if err != nil {
		return nil, err
	}
	box, err := openKeyset(cfg, kept != nil)
	if err != nil {
		return nil, err
	}
	if kept != nil && box.Newest(kept) {
		return box, compare(box, kept, cfg)
	}
	// The check is sealed anew after a key was added: then a file without that key is noticed too.
	sealed, err := box.Seal([]byte(checkText), checkContext)
	if err != nil {
		return nil, err
	}
	return box, st.Update(ctx, func(tx *store.Tx) error {
		kept, err := tx.KeysetCheck()
		if err == nil {
			err = compare(box, kept, cfg)
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		return tx.SetKeysetCheck(sealed)
	})
}

// keysetCheck is what the database keeps sealed; nil when it never had a keyset.
func keysetCheck(ctx context.Context, st *store.Store) (kept []byte, err error) {
	err = st.View(ctx, func(tx *store.Tx) (err error) { kept, err = tx.KeysetCheck(); return err })
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return kept, err
}

func openKeyset(cfg config.Config, needed bool) (*keyring.Box, error) {
	if cfg.Keyset.Reveal() != "" {
		box, err := keyring.ParseBox(cfg.Keyset)
		if err != nil {
			return nil, fmt.Errorf("KEYWRIGHT_KEYSET: %w", err)
		}
		return box, nil
	}
	path := cfg.KeysetPath()
	if path == "" {
		return nil, errors.New("with PostgreSQL, keyset_file must say where the keyset is; make one with: keywright keyset create FILE")
	}
	box, err := keyring.OpenBox(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return box, err
	}
	switch {
	case needed:
		return nil, fmt.Errorf("the keyset file %s is missing. %s", path, keysetAdvice)
	case cfg.KeysetFile != "":
		return nil, fmt.Errorf("the keyset file %s is missing. Make it: keywright keyset create %s", path, path)
	}
	if err := keyring.CreateBox(path); err != nil && !errors.Is(err, fs.ErrExist) { // another process may have been faster
		return nil, err
	}
	return keyring.OpenBox(path)
}

func compare(box *keyring.Box, kept []byte, cfg config.Config) error {
	if plain, err := box.Open(kept, checkContext); err == nil && string(plain) == checkText {
		return nil
	}
	where := "KEYWRIGHT_KEYSET"
	if cfg.Keyset.Reveal() == "" {
		where = "the file " + cfg.KeysetPath()
	}
	return fmt.Errorf("the keyset in %s is another one than this database was sealed with. %s", where, keysetAdvice)
}

// Issuer returns the address that access tokens of a workspace name as their issuer.
func Issuer(cfg config.Config) func(slug string) string {
	public := cfg.Public().String()
	return func(slug string) string { return oauth.Issuer(public, slug) }
}
