package main

import (
	"errors"
	"fmt"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/server"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
)

type keysetCmd struct {
	Create keysetCreateCmd `cmd:"" help:"Make a keyset file, for keyset_file; its text can be given as KEYWRIGHT_KEYSET instead."`
	AddKey keysetAddKeyCmd `cmd:"" help:"Add a key to a keyset file. From the next start on it seals; the earlier keys go on opening."`
	Forget keysetForgetCmd `cmd:"" help:"When the keyset is lost for good: make the database forget what can't be read without it."`
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

type keysetForgetCmd struct {
	configured
	Yes bool `required:"" help:"All access tokens die, legacy tokens whose hashes need a key stop, and no client secret can be seen again. Say that you mean it."`
}

// Run forgets while no server runs on the database.
func (c *keysetForgetCmd) Run(s *streams) error {
	cfg, err := c.load(s)
	if err != nil {
		return err
	}
	return withStore(s.ctx, cfg, func(st *store.Store) (err error) {
		lock, err := st.Lock(s.ctx)
		if err != nil {
			return server.LockFault(err, cfg.Database)
		}
		defer func() { err = errors.Join(err, lock.Release()) }()
		if _, err := st.Migrate(s.ctx); err != nil {
			return err
		}
		format, err := token.NewFormat(cfg.TokenPrefix, cfg.RetiredPrefixes...)
		if err != nil {
			return err
		}
		a := authority.New(authority.Config{Store: st, Checks: verify.New(verify.Config{Store: st, Format: format}), Format: format})
		n, err := a.ForgetSealed(s.ctx, commandLine("keyset forget"))
		if err != nil {
			return plain(err)
		}
		_, err = fmt.Fprintf(s.out, "Forgotten, with %d signing keys. The server takes the keyset that it is started with next.\n", n)
		return err
	})
}
