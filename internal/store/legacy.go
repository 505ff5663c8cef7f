package store

import (
	"errors"
	"strconv"
	"strings"
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
func (tx *Tx) AddLegacyKey(k LegacyKey) error {
	_, err := tx.exec(`insert into legacy_keys (id, workspace_id, sealed, created_at) values ($1, $2, $3, $4)`, k.ID, k.WorkspaceID, k.Sealed, micros(k.CreatedAt))
	return err
}

// LegacyKeys lists the keys of a workspace, newest first.
func (tx *Tx) LegacyKeys(workspaceID string) (out []LegacyKey, err error) {
	err = tx.each(`select k.id, k.workspace_id, k.sealed, k.created_at from legacy_keys k where k.workspace_id = $1 order by k.id desc`, []any{workspaceID}, func(scan func(...any) error) error {
		var k LegacyKey
		err := scan(&k.ID, &k.WorkspaceID, &k.Sealed, at{&k.CreatedAt})
		out = append(out, k)
		return err
	})
	return out, err
}

// live is the condition that a token is neither revoked nor expired at $1.
const live = imported + " and t.revoked_at is null and (t.expires_at is null or t.expires_at > $1)"

// LegacySchemes lists the schemes of a workspace's legacy tokens that are neither revoked nor expired.
func (tx *Tx) LegacySchemes(workspaceID string) (out []token.Scheme, err error) {
	err = tx.each(`select distinct t.scheme from tokens t where t.workspace_id = $2 and `+live+` order by t.scheme`, []any{micros(tx.Now), workspaceID},
		func(scan func(...any) error) error {
			var s token.Scheme
			err := scan(&s)
			out = append(out, s)
			return err
		})
	return out, err
}

// LegacyHashes calls fn with the kept hash of every legacy token of a workspace that is neither revoked nor
// expired.
func (tx *Tx) LegacyHashes(workspaceID string, fn func(token.Hash)) error {
	return tx.each(`select t.hash from tokens t where t.workspace_id = $2 and `+live, []any{micros(tx.Now), workspaceID}, func(scan func(...any) error) error {
		var h token.Hash
		err := scan(digest{&h})
		if err == nil {
			fn(h)
		}
		return err
	})
}

// LegacyStop returns the day on which all legacy tokens of a workspace stop; zero when none is set.
func (tx *Tx) LegacyStop(workspaceID string) (stops time.Time, err error) {
	return stops, tx.one(`select legacy_stops_at from workspaces where id = $1`, []any{workspaceID}, at{&stops})
}

// SetLegacyStop sets that day, and with it when each of the workspace's legacy tokens expires: on that day or
// by itself, whichever comes first. The zero day is none.
func (tx *Tx) SetLegacyStop(workspaceID string, stops time.Time) error {
	if err := tx.must(`update workspaces set legacy_stops_at = $1 where id = $2`, micros(stops), workspaceID); err != nil {
		return err
	}
	if stops.IsZero() {
		_, err := tx.exec(`update tokens as t set expires_at = t.original_expiry where t.workspace_id = $1 and `+imported, workspaceID)
		return err
	}
	_, err := tx.exec(`update tokens as t set expires_at = case when t.original_expiry < $1 then t.original_expiry else $1 end where t.workspace_id = $2 and `+imported,
		micros(stops), workspaceID)
	return err
}

// mostHashes bounds the parameters of one statement.
const mostHashes = 1000

var errTooMany = errors.New("store: more hashes at once than can be asked for")

// KnownHashes returns those of some hashes under which tokens are kept, each with the token's workspace: so
// that an import is repeatable. At most 1,000 are asked for at once.
func (tx *Tx) KnownHashes(hashes []token.Hash) (map[token.Hash]string, error) {
	known := map[token.Hash]string{}
	if len(hashes) == 0 {
		return known, nil
	}
	if len(hashes) > mostHashes {
		return nil, errTooMany
	}
	var w where
	args := make([]any, len(hashes))
	for i := range hashes {
		args[i] = hashes[i][:]
	}
	w.add("t.hash in (?"+strings.Repeat(", ?", len(hashes)-1)+")", args...)
	err := tx.each(`select t.hash, t.workspace_id from tokens t`+w.String(), w.args, func(scan func(...any) error) error {
		var h token.Hash
		var workspaceID string
		err := scan(digest{&h}, &workspaceID)
		known[h] = workspaceID
		return err
	})
	return known, err
}

// LegacyOwner is somebody who has legacy tokens that work.
type LegacyOwner struct {
	token.Person
	Tokens     int
	LastUsedAt time.Time // of the one that was used last; zero: none was
	ExpiresAt  time.Time // of the one that works the longest
}

// LegacyOwners lists who has legacy tokens that are neither revoked nor expired, who used one last first; with
// usedSince, who has used one since then, and those alone are counted.
func (tx *Tx) LegacyOwners(workspaceID string, usedSince time.Time, limit int) (out []LegacyOwner, err error) {
	var w where
	w.add("t.workspace_id = ?", workspaceID)
	w.add(imported)
	w.tokenStatus(token.Active, tx.Now)
	if !usedSince.IsZero() {
		w.add("t.last_used_at >= ?", micros(usedSince))
	}
	err = tx.each(`select t.owner_id, u.name, u.email, count(*), max(t.last_used_at), max(t.expires_at) from tokens t join users u on u.id = t.owner_id`+w.String()+
		` group by t.owner_id, u.name, u.email order by coalesce(max(t.last_used_at), 0) desc, t.owner_id limit `+strconv.Itoa(limit), w.args, func(scan func(...any) error) error {
		var o LegacyOwner
		err := scan(&o.ID, &o.Name, &o.Email, &o.Tokens, at{&o.LastUsedAt}, at{&o.ExpiresAt})
		out = append(out, o)
		return err
	})
	return out, err
}
