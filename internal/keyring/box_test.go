package keyring_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/token"
)

func newBox(t testing.TB) *keyring.Box {
	t.Helper()
	b, err := keyring.NewBox()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func seal(t testing.TB, b *keyring.Box, plain, context string) []byte {
	t.Helper()
	sealed, err := b.Seal([]byte(plain), context)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func opens(b *keyring.Box, sealed []byte, context, want string) bool {
	plain, err := b.Open(sealed, context)
	return err == nil && string(plain) == want
}

func TestASealedTextOpensForItsRowAndKeysetAlone(t *testing.T) {
	b := newBox(t)
	sealed := seal(t, b, "kw_sec_example", "cs_1")
	if !opens(b, sealed, "cs_1", "kw_sec_example") {
		t.Fatal("it does not open")
	}
	if bytes.Contains(sealed, []byte("kw_sec")) {
		t.Error("it can be read")
	}
	if _, err := b.Open(sealed, "cs_2"); err == nil {
		t.Error("it opens in another row")
	}
	if _, err := newBox(t).Open(sealed, "cs_1"); err == nil {
		t.Error("it opens with another keyset")
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := b.Open(changed, "cs_1"); err == nil {
			t.Errorf("it opens with byte %d changed", i)
		}
	}
	if bytes.Equal(sealed, seal(t, b, "kw_sec_example", "cs_1")) {
		t.Error("two sealed texts of one plain text are alike")
	}
}

func TestWithoutAKeysetNothingIsSealedOrOpened(t *testing.T) {
	var none *keyring.Box
	if _, err := none.Seal([]byte("x"), "c"); !errors.Is(err, keyring.ErrNoKeyset) {
		t.Error(err)
	}
	if _, err := none.Open([]byte("x"), "c"); !errors.Is(err, keyring.ErrNoKeyset) {
		t.Error(err)
	}
}

func TestOnlyThePresentedSecretOpensWhatWasSealedWithIt(t *testing.T) {
	secret, other := token.RandomText(36), token.RandomText(36)
	sealed, err := keyring.SealWith(secret, []byte("next"), "oat_1")
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := keyring.OpenWith(secret, sealed, "oat_1"); err != nil || string(plain) != "next" {
		t.Fatalf("%q, %v", plain, err)
	}
	for name, open := range map[string]func() ([]byte, error){
		"another secret":  func() ([]byte, error) { return keyring.OpenWith(other, sealed, "oat_1") },
		"another context": func() ([]byte, error) { return keyring.OpenWith(secret, sealed, "oat_2") },
		"no secret":       func() ([]byte, error) { return keyring.OpenWith(token.Secret{}, sealed, "oat_1") },
		"a short text":    func() ([]byte, error) { return keyring.OpenWith(secret, sealed[:5], "oat_1") },
		"a changed text":  func() ([]byte, error) { return keyring.OpenWith(secret, append([]byte{1}, sealed[1:]...), "oat_1") },
	} {
		if plain, err := open(); err == nil {
			t.Errorf("%s: %q", name, plain)
		}
	}
	if _, err := keyring.SealWith(token.Secret{}, []byte("next"), "oat_1"); err == nil {
		t.Error("something was sealed with no secret")
	}
}

func createBox(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyset")
	if err := keyring.CreateBox(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func openBox(t *testing.T, path string) *keyring.Box {
	t.Helper()
	b, err := keyring.OpenBox(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAKeysetFileIsItsOwnersAlone(t *testing.T) {
	path := createBox(t)
	sealed := seal(t, openBox(t, path), "x", "c")
	if !opens(openBox(t, path), sealed, "c", "x") {
		t.Error("what one opening sealed, the next can't open")
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	for mode, allowed := range map[fs.FileMode]bool{0o600: true, 0o400: true, 0o640: true, 0o440: true, 0o644: false, 0o604: false, 0o660: false, 0o602: false} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := keyring.OpenBox(path)
		if (err == nil) != allowed {
			t.Errorf("mode %04o: %v", mode, err)
		}
		if err != nil && !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("%v does not say what to do", err)
		}
	}
}

func TestAKeysetFileIsNeverOverwritten(t *testing.T) {
	path := createBox(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := keyring.CreateBox(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("made again: %v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("it was changed (%v)", err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestOfManyWhoMakeAKeysetFileOneDoes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyset")
	var made sync.Map
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			if keyring.CreateBox(path) == nil {
				made.Store(i, true)
			}
		})
	}
	all.Wait()
	n := 0
	made.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("%d made it", n)
	}
	openBox(t, path)
}

func TestAnAddedKeySealsAndTheEarlierOnesOpen(t *testing.T) {
	path := createBox(t)
	old := openBox(t, path)
	sealed := seal(t, old, "x", "c")
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := keyring.AddKey(path); err != nil {
		t.Fatal(err)
	}
	b := openBox(t, path)
	if !old.Newest(sealed) || b.Newest(sealed) || !b.Newest(seal(t, b, "", "")) || b.Newest(nil) {
		t.Error("which key sealed it is not told")
	}
	if !opens(b, sealed, "c", "x") {
		t.Error("what the earlier key sealed does not open any more")
	}
	if _, err := old.Open(seal(t, b, "x", "c"), "c"); err == nil {
		t.Error("the new key does not seal")
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestAddingAKeyFollowsALink(t *testing.T) {
	path := createBox(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Skip(err)
	}
	if err := keyring.AddKey(link); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link was replaced (%v)", err)
	}
	opened := openBox(t, path)
	if !opens(openBox(t, link), seal(t, opened, "x", "c"), "c", "x") {
		t.Error("the link leads to another keyset than was changed")
	}
}

func TestWhatIsNoKeysetIsRefusedWithoutBeingQuoted(t *testing.T) {
	good, err := os.ReadFile(createBox(t))
	if err != nil {
		t.Fatal(err)
	}
	const secret = "c2VjcmV0LW1hdGVyaWFs"
	for name, text := range map[string]string{
		"nothing": "", "no JSON": secret, "an empty object": "{}", "half of one": string(good[:len(good)/2]),
		"without its first key": strings.Replace(string(good), "ENABLED", "DISABLED", 1),
		"a key of no kind":      `{"primaryKeyId":1,"key":[{"keyData":{"typeUrl":"x","value":"` + secret + `","keyMaterialType":"SYMMETRIC"},"status":"ENABLED","keyId":1,"outputPrefixType":"TINK"}]}`,
		"an unknown member":     `{"` + secret + `":1}`,
		"too much":              strings.Repeat(" ", 65<<10) + string(good),
	} {
		path := filepath.Join(t.TempDir(), "keyset")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for what, err := range map[string]error{"opened": second(keyring.OpenBox(path)), "changed": keyring.AddKey(path)} {
			if err == nil {
				t.Errorf("%s: %s", name, what)
			} else if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: quoted: %v", name, err)
			}
		}
	}
	if _, err := keyring.OpenBox(filepath.Join(t.TempDir(), "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := keyring.OpenBox(t.TempDir()); err == nil {
		t.Error("a directory was opened")
	}
	if _, err := keyring.ParseBox(token.SecretOf(string(good))); err != nil {
		t.Errorf("the text of a good file: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func FuzzOpen(f *testing.F) {
	b, secret := newBox(f), token.SecretOf("kw_rt_0123456789")
	sealed := seal(f, b, "plain", "c")
	f.Add(sealed, "c")
	f.Add(sealed[:5], "c")
	f.Add([]byte{}, "")
	f.Fuzz(func(t *testing.T, text []byte, context string) {
		if plain, err := b.Open(text, context); err == nil && (!bytes.Equal(text, sealed) || context != "c") {
			t.Errorf("opened what was never sealed: %q", plain)
		}
		if plain, err := keyring.OpenWith(secret, text, context); err == nil {
			t.Errorf("opened what was never sealed: %q", plain)
		}
	})
}

func TestWhatIsDerivedStaysWithItsKeysetAndItsPurpose(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyset")
	if err := keyring.CreateBox(path); err != nil {
		t.Fatal(err)
	}
	derive := func(purpose string) string {
		b, err := keyring.OpenBox(path)
		if err != nil {
			t.Fatal(err)
		}
		key, err := b.Derive(purpose)
		if err != nil || len(key) != 32 {
			t.Fatalf("%d bytes, %v", len(key), err)
		}
		return string(key)
	}
	first := derive("a")
	if derive("a") != first {
		t.Error("another one after a restart")
	}
	if derive("b") == first {
		t.Error("the same for another purpose")
	}
	if err := keyring.AddKey(path); err != nil {
		t.Fatal(err)
	}
	if derive("a") == first {
		t.Error("the same after a key was added")
	}
	if _, err := (*keyring.Box)(nil).Derive("a"); err == nil {
		t.Error("derived from nothing")
	}
}
