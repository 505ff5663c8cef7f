package store

import (
	"time"

	"github.com/keywright/keywright/internal/token"
)

// LegacyKey is the key with which an older system made HMACs of its tokens.
type LegacyKey struct {
	ID          string
	WorkspaceID string
	Sealed      []byte // under the installation's keyset, with ID as context
	CreatedAt   time.Time
}

// AddLegacyKey keeps a key.
func (tx *Tx) AddLegacyKey(k LegacyKey) error { panic("todo") }

// LegacyKeys lists the keys of a workspace.
func (tx *Tx) LegacyKeys(workspaceID string) ([]LegacyKey, error) { panic("todo") }

// LegacySchemes lists the schemes of a workspace's legacy tokens that are neither revoked nor expired.
func (tx *Tx) LegacySchemes(workspaceID string) ([]token.Scheme, error) { panic("todo") }

// LegacyHashes calls fn with the kept hash of every legacy token of a workspace that is neither revoked nor
// expired.
func (tx *Tx) LegacyHashes(workspaceID string, fn func(token.Hash)) error { panic("todo") }

// LegacyStop returns the day on which all legacy tokens of a workspace stop; zero when none is set.
func (tx *Tx) LegacyStop(workspaceID string) (time.Time, error) { panic("todo") }

// SetLegacyStop sets that day, and with it when each of the workspace's legacy tokens expires.
func (tx *Tx) SetLegacyStop(workspaceID string, stops time.Time) error { panic("todo") }

// KnownHashes returns those of some hashes under which tokens are kept, each with the token's workspace: so
// that an import is repeatable. At most 1,000 are asked for at once.
func (tx *Tx) KnownHashes(hashes []token.Hash) (map[token.Hash]string, error) { panic("todo") }
