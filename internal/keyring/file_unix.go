//go:build unix

package keyring

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

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
