package store

import (
	"strings"
	"time"

	"github.com/keywright/keywright/internal/token"
)

// SigningKey is a key with which a workspace signs, or has signed.
type SigningKey struct {
	ID             string // kid
	WorkspaceID    string
	Algorithm      token.Algorithm
	Public         string // JWK
	Sealed         []byte // the private key under the installation's keyset, with ID as context
	CreatedAt      time.Time
	SignsFrom      time.Time
	PublishedUntil time.Time // zero: no later key replaces it yet
}

const keyColumns = "k.id, k.workspace_id, k.algorithm, k.public, k.sealed, k.created_at, k.signs_from, k.published_until"

func (k *SigningKey) columns() []any {
	return []any{&k.ID, &k.WorkspaceID, &k.Algorithm, &k.Public, &k.Sealed, at{&k.CreatedAt}, at{&k.SignsFrom}, at{&k.PublishedUntil}}
}

// AddSigningKey keeps a new signing key.
func (tx *Tx) AddSigningKey(k SigningKey) error {
	_, err := tx.exec(`insert into signing_keys (id, workspace_id, algorithm, public, sealed, created_at, signs_from, published_until) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
		k.ID, k.WorkspaceID, k.Algorithm, k.Public, k.Sealed, micros(k.CreatedAt), micros(k.SignsFrom), micros(k.PublishedUntil))
	return err
}

// SigningKeys lists a workspace's keys, newest first.
func (tx *Tx) SigningKeys(workspaceID string) (out []SigningKey, err error) {
	err = tx.each(`select `+keyColumns+` from signing_keys k where k.workspace_id = $1 order by k.id desc`, []any{workspaceID}, func(scan func(...any) error) error {
		var k SigningKey
		err := scan(k.columns()...)
		out = append(out, k)
		return err
	})
	return out, err
}

// PresentedKey is the key that a presented access token names.
type PresentedKey struct {
	SigningKey
	Workspace    string // slug
	RulesVersion int64
}

// SigningKey returns a key by its id, whatever its workspace.
func (tx *Tx) SigningKey(id string) (p PresentedKey, err error) {
	return p, tx.one(`select `+keyColumns+`, w.slug, w.rules_version from signing_keys k join workspaces w on w.id = k.workspace_id where k.id = $1`,
		[]any{id}, append(p.columns(), &p.Workspace, &p.RulesVersion)...)
}

// RetireSigningKey sets until when a key is published. Sweep removes it then.
func (tx *Tx) RetireSigningKey(id string, until time.Time) error {
	return tx.must(`update signing_keys set published_until = $1 where id = $2`, micros(until), id)
}

// DropSigningKey removes a key: what it signed is no longer good.
func (tx *Tx) DropSigningKey(id string) error {
	return tx.must(`delete from signing_keys where id = $1`, id)
}

// StopAccess ends access tokens before their time: one by its jti, or all of a source by its id (sid).
// Until is when the last of them would have expired; of two, the later counts.
func (tx *Tx) StopAccess(id string, until time.Time) error {
	_, err := tx.exec(`insert into stopped_access (id, expires_at) values ($1, $2)
		on conflict (id) do update set expires_at = excluded.expires_at where excluded.expires_at > stopped_access.expires_at`, id, micros(until))
	return err
}

// AccessStopped reports whether any of the ids was stopped.
func (tx *Tx) AccessStopped(ids ...string) (bool, error) {
	if len(ids) == 0 {
		return false, nil
	}
	var w where
	w.add("id in (?"+strings.Repeat(", ?", len(ids)-1)+")", anyOf(ids)...)
	var n int
	err := tx.one(`select count(*) from stopped_access`+w.String(), w.args, &n)
	return n > 0, err
}

// KeysetCheck returns what SetKeysetCheck kept; ErrNotFound when nothing.
func (tx *Tx) KeysetCheck() (sealed []byte, err error) {
	return sealed, tx.one(`select sealed from keyset_check where id = 1`, nil, &sealed)
}

// SetKeysetCheck keeps a text sealed with the installation's keyset, by which a wrong keyset is noticed at
// start.
func (tx *Tx) SetKeysetCheck(sealed []byte) error {
	_, err := tx.exec(`insert into keyset_check (id, sealed) values (1, $1) on conflict (id) do update set sealed = excluded.sealed`, sealed)
	return err
}

// ForgetSealed forgets what is sealed under the installation's keyset, but for signing keys, and the check of the
// keyset: the sealed copies of client secrets, and the keys of legacy tokens.
func (tx *Tx) ForgetSealed() error {
	for _, query := range []string{`update app_secrets set sealed = null where sealed is not null`, `delete from legacy_keys`, `delete from keyset_check`} {
		if _, err := tx.exec(query); err != nil {
			return err
		}
	}
	return nil
}
