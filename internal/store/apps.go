package store

import (
	"strings"
	"time"

	"github.com/keywright/keywright/internal/token"
)

const appColumns = "a.id, a.workspace_id, a.name, a.description, a.scopes, a.keys, a.created_by, u.name, u.email, a.created_at, a.disabled_at, a.epoch, " +
	"a.last_used_at, a.last_used_ip"

const appTables = " from apps a join users u on u.id = a.created_by"

type appRow struct {
	token.App
	scopes string
}

func (r *appRow) columns() []any {
	a := &r.App
	return []any{
		&a.ID, &a.WorkspaceID, &a.Name, &a.Description, &r.scopes, &a.Keys, &a.CreatedBy.ID, &a.CreatedBy.Name, &a.CreatedBy.Email,
		at{&a.CreatedAt},
		at{&a.DisabledAt},
		&a.Epoch,
		at{&a.LastUsedAt},
		addr{&a.LastUsedIP},
	}
}

func (r *appRow) app() token.App {
	r.Scopes = strings.Fields(r.scopes)
	return r.App
}

// AddApp keeps a new app.
func (tx *Tx) AddApp(a token.App) error {
	_, err := tx.exec(`insert into apps (id, workspace_id, name, description, search, scopes, keys, created_by, created_at, epoch) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		a.ID, a.WorkspaceID, a.Name, a.Description, folded(a.Name, a.Description), spaced(a.Scopes), a.Keys, a.CreatedBy.ID, micros(a.CreatedAt), a.Epoch)
	return err
}

// App returns an app of a workspace.
func (tx *Tx) App(workspaceID, id string) (token.App, error) {
	var r appRow
	err := tx.one(`select `+appColumns+appTables+` where a.workspace_id = $1 and a.id = $2`, []any{workspaceID, id}, r.columns()...)
	return r.app(), err
}

// AppByID returns an app of any workspace by its client id, and the workspace: for the token endpoint, which
// knows the client first.
func (tx *Tx) AppByID(id string) (token.App, Workspace, error) {
	var r appRow
	var w Workspace
	err := tx.one(`select `+appColumns+`, `+workspaceColumns+appTables+` join workspaces w on w.id = a.workspace_id where a.id = $1`, []any{id}, append(r.columns(), w.columns()...)...)
	return r.app(), w, err
}

// AppFilter narrows a list of apps. Zero fields don't narrow.
type AppFilter struct {
	WorkspaceID string
	CreatedBy   string
	Status      token.Status // active or disabled; others find nothing
	Scope       string
	Search      string // part of the name or description, any case
}

func (f *AppFilter) where() (w where) {
	f.narrow(&w)
	return w
}

func (f *AppFilter) narrow(w *where) {
	w.add("a.workspace_id = ?", f.WorkspaceID)
	if f.CreatedBy != "" {
		w.add("a.created_by = ?", f.CreatedBy)
	}
	switch f.Status {
	case token.Active:
		w.add("a.disabled_at is null")
	case token.Disabled:
		w.add("a.disabled_at is not null")
	case token.Expired, token.Revoked:
		w.add("1 = 0") // an app never is
	}
	if f.Scope != "" {
		w.add("replace(a.scopes, ?, '') <> a.scopes", " "+f.Scope+" ")
	}
	if f.Search != "" {
		w.add("replace(a.search, ?, '') <> a.search", strings.ToLower(f.Search))
	}
}

// Apps lists apps, newest first.
func (tx *Tx) Apps(f AppFilter, p Page) (out []token.App, err error) {
	w := f.where()
	tail := w.page(p, "a.id")
	err = tx.each(`select `+appColumns+appTables+w.String()+tail, w.args, func(scan func(...any) error) error {
		var r appRow
		err := scan(r.columns()...)
		out = append(out, r.app())
		return err
	})
	return out, err
}

// CountApps counts what a filter finds.
func (tx *Tx) CountApps(f AppFilter) (n int, err error) {
	w := f.where()
	return n, tx.one(`select count(*) from apps a`+w.String(), w.args, &n)
}

// TakeAppTurn makes transactions that take it for one app follow each other; ErrNotFound when it is gone.
func (tx *Tx) TakeAppTurn(id string) error {
	return tx.must(`update apps set epoch = epoch where id = $1`, id)
}

// ChangeApp changes an app's name, description, scopes and keys.
func (tx *Tx) ChangeApp(a token.App) error {
	return tx.must(`update apps set name = $1, description = $2, search = $3, scopes = $4, keys = $5 where id = $6`,
		a.Name, a.Description, folded(a.Name, a.Description), spaced(a.Scopes), a.Keys, a.ID)
}

// DisableApp disables an active app; endAccess raises its epoch, which ends its access tokens for good.
// ErrNotFound when it is disabled already.
func (tx *Tx) DisableApp(id string, endAccess bool) error {
	return tx.must(`update apps set disabled_at = $1, epoch = epoch + $2 where id = $3 and disabled_at is null`, micros(tx.Now), oneIf(endAccess), id)
}

// ActivateApp makes a disabled app active again; endAccess is as in DisableApp. ErrNotFound when it is active.
func (tx *Tx) ActivateApp(id string, endAccess bool) error {
	return tx.must(`update apps set disabled_at = null, epoch = epoch + $1 where id = $2 and disabled_at is not null`, oneIf(endAccess), id)
}

func oneIf(is bool) int {
	if is {
		return 1
	}
	return 0
}

// DeleteApp removes an app and its secrets.
func (tx *Tx) DeleteApp(id string) error { return tx.must(`delete from apps where id = $1`, id) }

const secretColumns = "s.id, s.app_id, s.hint, s.sealed, s.created_at, s.expires_at, s.last_used_at, s.last_used_ip"

func secretFields(s *token.ClientSecret) []any {
	return []any{&s.ID, &s.AppID, &s.Hint, &s.Sealed, at{&s.CreatedAt}, at{&s.ExpiresAt}, at{&s.LastUsedAt}, addr{&s.LastUsedIP}}
}

// AddClientSecret keeps a client secret under its hash.
func (tx *Tx) AddClientSecret(s token.ClientSecret, hash token.Hash) error {
	_, err := tx.exec(`insert into app_secrets (id, app_id, hash, hint, sealed, created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7)`,
		s.ID, s.AppID, hash[:], s.Hint, blob(s.Sealed), micros(s.CreatedAt), micros(s.ExpiresAt))
	return err
}

// ClientSecrets lists an app's secrets, newest first, ended ones too.
func (tx *Tx) ClientSecrets(appID string) (out []token.ClientSecret, err error) {
	err = tx.each(`select `+secretColumns+` from app_secrets s where s.app_id = $1 order by s.id desc`, []any{appID}, func(scan func(...any) error) error {
		var s token.ClientSecret
		err := scan(secretFields(&s)...)
		out = append(out, s)
		return err
	})
	return out, err
}

// EndClientSecret sets when a secret ends, and forgets its sealed copy: only the newest of an app is ever
// shown again, and that one has no end. An end is never put off: ErrNotFound when it ends by then anyway.
func (tx *Tx) EndClientSecret(id string, at time.Time) error {
	return tx.must(`update app_secrets set expires_at = $1, sealed = null where id = $2 and (expires_at is null or expires_at > $1)`, micros(at), id)
}

// DropClientSecret removes a secret.
func (tx *Tx) DropClientSecret(id string) error {
	return tx.must(`delete from app_secrets where id = $1`, id)
}

// EraseSealedSecrets forgets the sealed copies of a workspace's client secrets: its policy lets nobody see
// them again.
func (tx *Tx) EraseSealedSecrets(workspaceID string) error {
	_, err := tx.exec(`update app_secrets set sealed = null where sealed is not null and app_id in (select a.id from apps a where a.workspace_id = $1)`, workspaceID)
	return err
}

// PresentedSecret is what a presented client secret is checked against.
type PresentedSecret struct {
	App          token.App
	Secret       token.ClientSecret
	Workspace    string // slug
	RulesVersion int64
}

// ClientSecretByHash returns what is known of a presented client secret; ErrNotFound when it was never
// issued here or is gone.
func (tx *Tx) ClientSecretByHash(hash token.Hash) (p PresentedSecret, err error) {
	var r appRow
	dest := append(append(r.columns(), secretFields(&p.Secret)...), &p.Workspace, &p.RulesVersion)
	err = tx.one(`select `+appColumns+`, `+secretColumns+`, w.slug, w.rules_version`+appTables+`
		join app_secrets s on s.app_id = a.id
		join workspaces w on w.id = a.workspace_id
		where s.hash = $1`, []any{hash[:]}, dest...)
	p.App = r.app()
	return p, err
}
