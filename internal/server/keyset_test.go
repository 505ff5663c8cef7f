package server_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/keywright/keywright/internal/config"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/server"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

func keysetText(t *testing.T, path string) token.Secret {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return token.SecretOf(string(text))
}

func TestADatabaseTakesTheKeysetThatItWasSealedWithAlone(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		ctx, st, dir := t.Context(), db.Open(t), t.TempDir()
		one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
		for _, path := range []string{one, two} {
			if err := keyring.CreateBox(path); err != nil {
				t.Fatal(err)
			}
		}
		by := func(path string) config.Config { return config.Config{Database: db.DSN, KeysetFile: path} }
		box, err := server.Keyset(ctx, st, by(one))
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := box.Seal([]byte("x"), "c")
		if err != nil {
			t.Fatal(err)
		}
		before := keysetText(t, one)
		for name, c := range map[string]struct {
			cfg  config.Config
			says string
		}{
			"another file":    {by(two), "the keyset in the file " + two + " is another one"},
			"another text":    {config.Config{Database: db.DSN, Keyset: keysetText(t, two)}, "the keyset in KEYWRIGHT_KEYSET is another one"},
			"no keyset":       {config.Config{Database: db.DSN, Keyset: token.SecretOf("{}")}, "KEYWRIGHT_KEYSET: this is no keyset"},
			"no file":         {by(filepath.Join(dir, "none")), "none is missing. What this database keeps sealed"},
			"nothing is said": {config.Config{Database: db.DSN}, "keyset"},
		} {
			if _, err := server.Keyset(ctx, st, c.cfg); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", name, err)
			}
		}
		// A key more is the same keyset; from then on a key less is another one.
		if err := keyring.AddKey(one); err != nil {
			t.Fatal(err)
		}
		for _, cfg := range []config.Config{by(one), {Database: db.DSN, Keyset: keysetText(t, one)}} {
			box, err := server.Keyset(ctx, st, cfg)
			if err != nil {
				t.Fatal(err)
			}
			if plain, err := box.Open(sealed, "c"); err != nil || string(plain) != "x" {
				t.Errorf("%q, %v", plain, err)
			}
		}
		if _, err := server.Keyset(ctx, st, config.Config{Database: db.DSN, Keyset: before}); err == nil {
			t.Error("a copy from before a key was added is taken")
		}
	})
}

func TestProcessesThatStartTogetherMakeOneKeyset(t *testing.T) {
	db := testkit.SQLite(t)
	st := db.Open(t)
	var all sync.WaitGroup
	var boxes [8]*keyring.Box
	var errs [8]error
	for i := range boxes {
		all.Go(func() { boxes[i], errs[i] = server.Keyset(t.Context(), st, config.Config{Database: db.DSN}) })
	}
	all.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	sealed, err := boxes[0].Seal(nil, "c")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range boxes {
		if _, err := b.Open(sealed, "c"); err != nil {
			t.Error(err)
		}
	}
}

func TestTheConfigurationKnowsPostgreSQLAsTheStoreDoes(t *testing.T) {
	for _, dsn := range []string{
		"kw.db", "/var/lib/kw.db", "sqlite:kw.db", "sqlite:///var/kw.db", "postgres.db", "host.db", "user=.db.x", "a=b",
		"postgres://a@b/c", "POSTGRES://a@b/c", "postgresql:///c?host=/run", "host=/run dbname=c", " dbname = c", "service=x", "xhost=/run",
	} {
		cfg := config.Config{Database: dsn}
		if got := cfg.KeysetPath() == ""; got != store.IsPostgres(dsn) {
			t.Errorf("%s: the configuration says %v, the store %v", dsn, got, store.IsPostgres(dsn))
		}
	}
}
