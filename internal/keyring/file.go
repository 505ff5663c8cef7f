package keyring

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/keywright/keywright/internal/token"
)

const maxKeysetFile = 64 << 10 // bytes

// OpenBox reads the keyset from a file. Its errors are for the person who starts the server; a missing file is
// fs.ErrNotExist.
func OpenBox(path string) (*Box, error) {
	text, _, err := readKeysetFile(path)
	if err != nil {
		return nil, err
	}
	b, err := ParseBox(token.SecretOf(string(text)))
	if err != nil {
		return nil, fmt.Errorf("keyset file %s: %w", path, err)
	}
	return b, nil
}

// readKeysetFile reads a keyset file that nobody but its owner, and a group that its owner chose, can read.
func readKeysetFile(path string) (text []byte, info fs.FileInfo, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxKeysetFile {
		return nil, nil, fmt.Errorf("keyset file %s: %w", path, errKeyset)
	}
	if open(info.Mode()) {
		return nil, nil, fmt.Errorf("keyset file %s: others can read or change it (mode %04o). Close it: chmod 600 %s", path, info.Mode().Perm(), path)
	}
	text, err = io.ReadAll(io.LimitReader(f, maxKeysetFile))
	return text, info, err
}

// CreateBox makes a keyset file, readable by its owner alone; it fails when the file exists.
func CreateBox(path string) error {
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return err
	}
	temp, err := writeBeside(path, h)
	if err != nil {
		return err
	}
	// A link, unlike a renaming, never replaces what is there.
	err = os.Link(temp, path)
	if errors.Is(err, fs.ErrExist) {
		err = fmt.Errorf("keyset file %s: %w. What was sealed with it needs it: delete it only if nothing was", path, fs.ErrExist)
	}
	return errors.Join(err, os.Remove(temp), syncDirectory(path))
}

// AddKey adds a key to a keyset file: from then on it seals, and the earlier ones go on opening.
func AddKey(path string) error {
	path, err := filepath.EvalSymlinks(path) // the file itself is replaced, not what leads to it
	if err != nil {
		return err
	}
	text, info, err := readKeysetFile(path)
	if err != nil {
		return err
	}
	h, err := parseKeyset(text)
	if err == nil {
		_, err = boxOf(h)
	}
	if err != nil {
		return fmt.Errorf("keyset file %s: %w", path, err)
	}
	m := keyset.NewManagerFromHandle(h)
	id, err := m.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		return err
	}
	if err := m.SetPrimary(id); err != nil {
		return err
	}
	if h, err = m.Handle(); err != nil {
		return err
	}
	temp, err := writeBeside(path, h)
	if err != nil {
		return err
	}
	// Who could read it still can: this command may run as another user than the server does.
	if err := errors.Join(own(temp, info), os.Chmod(temp, info.Mode().Perm())); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	if err := os.Rename(temp, path); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return syncDirectory(path)
}

// writeBeside writes a keyset to a new file in the same directory, and returns its name when it is on the disk.
func writeBeside(path string, h *keyset.Handle) (string, error) {
	text, err := writeKeyset(h)
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// open reports whether a mode lets others in. A group may read: that is how containers are given files.
func open(mode fs.FileMode) bool { return mode.Perm()&0o027 != 0 }

// own gives a file the owner that another has.
func own(path string, like fs.FileInfo) error {
	if st, ok := like.Sys().(*syscall.Stat_t); ok {
		return os.Chown(path, int(st.Uid), int(st.Gid))
	}
	return nil
}

// syncDirectory makes the name of a new file last.
func syncDirectory(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
