//go:build !unix

package keyring

import "io/fs"

// Who may read a file is not told by a mode here.
func open(fs.FileMode) bool         { return false }
func own(string, fs.FileInfo) error { return nil }
func syncDirectory(string) error    { return nil }
