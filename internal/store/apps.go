package store

import (
	"time"

	"github.com/keywright/keywright/internal/token"
)

// AddApp keeps a new app.
func (tx *Tx) AddApp(a token.App) error { panic("todo") }

// App returns an app of a workspace.
func (tx *Tx) App(workspaceID, id string) (token.App, error) { panic("todo") }

// AppByID returns an app of any workspace by its client id, and the workspace: for the token endpoint, which
// knows the client first.
func (tx *Tx) AppByID(id string) (token.App, Workspace, error) { panic("todo") }

// AppFilter narrows a list of apps. Zero fields don't narrow.
type AppFilter struct {
	WorkspaceID string
	CreatedBy   string
	Status      token.Status // active or disabled; others find nothing
	Scope       string
	Search      string // part of the name or description, any case
}

// Apps lists apps, newest first.
func (tx *Tx) Apps(f AppFilter, p Page) ([]token.App, error) { panic("todo") }

// CountApps counts what a filter finds.
func (tx *Tx) CountApps(f AppFilter) (int, error) { panic("todo") }

// TakeAppTurn makes transactions that take it for one app follow each other; ErrNotFound when it is gone.
func (tx *Tx) TakeAppTurn(id string) error { panic("todo") }

// ChangeApp changes an app's name, description, scopes and keys.
func (tx *Tx) ChangeApp(a token.App) error { panic("todo") }

// DisableApp disables an active app; endAccess raises its epoch, which ends its access tokens for good.
// ErrNotFound when it is disabled already.
func (tx *Tx) DisableApp(id string, endAccess bool) error { panic("todo") }

// ActivateApp makes a disabled app active again; ErrNotFound when it is active.
func (tx *Tx) ActivateApp(id string) error { panic("todo") }

// DeleteApp removes an app and its secrets.
func (tx *Tx) DeleteApp(id string) error { panic("todo") }

// AddClientSecret keeps a client secret under its hash.
func (tx *Tx) AddClientSecret(s token.ClientSecret, hash token.Hash) error { panic("todo") }

// ClientSecrets lists an app's secrets, newest first, ended ones too.
func (tx *Tx) ClientSecrets(appID string) ([]token.ClientSecret, error) { panic("todo") }

// EndClientSecret sets when a secret ends, and forgets the sealed copy when erase is said.
func (tx *Tx) EndClientSecret(id string, at time.Time) error { panic("todo") }

// DropClientSecret removes a secret.
func (tx *Tx) DropClientSecret(id string) error { panic("todo") }

// EraseSealedSecrets forgets the sealed copies of a workspace's client secrets: its policy lets nobody see
// them again.
func (tx *Tx) EraseSealedSecrets(workspaceID string) error { panic("todo") }

// PresentedSecret is what a presented client secret is checked against.
type PresentedSecret struct {
	App          token.App
	Secret       token.ClientSecret
	Workspace    string // slug
	RulesVersion int64
}

// ClientSecretByHash returns what is known of a presented client secret; ErrNotFound when it was never
// issued here or is gone.
func (tx *Tx) ClientSecretByHash(hash token.Hash) (PresentedSecret, error) { panic("todo") }
