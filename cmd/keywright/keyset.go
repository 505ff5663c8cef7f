package main

import (
	"fmt"

	"github.com/keywright/keywright/internal/keyring"
)

type keysetCmd struct {
	Create keysetCreateCmd `cmd:"" help:"Make a keyset file, for keyset_file; its text can be given as KEYWRIGHT_KEYSET instead."`
	AddKey keysetAddKeyCmd `cmd:"" help:"Add a key to a keyset file. From the next start on it seals; the earlier keys go on opening."`
}

type keysetCreateCmd struct {
	File string `arg:"" help:"Where to write it. It must not exist."`
}

// Run makes the file.
func (c *keysetCreateCmd) Run(s *streams) error {
	if err := keyring.CreateBox(c.File); err != nil {
		return err
	}
	_, err := fmt.Fprintf(s.out, "The keyset is in %s. Let the server read it and nobody else. Keep a copy of it, apart from the database.\n", c.File)
	return err
}

type keysetAddKeyCmd struct {
	File string `arg:"" help:"The keyset file."`
}

// Run adds the key.
func (c *keysetAddKeyCmd) Run(s *streams) error {
	if err := keyring.AddKey(c.File); err != nil {
		return err
	}
	_, err := fmt.Fprintf(s.out, "The keyset in %s has another key. Keep a copy of the new file, and restart the server.\n", c.File)
	return err
}
