package store

import (
	"net/netip"
	"time"

	"github.com/keywright/keywright/internal/token"
)

// Credential is a row of the inventory: a personal access token, legacy token, OAuth token or app.
type Credential struct {
	Kind       token.Kind // KindPAT, KindLegacy, KindRefresh for an OAuth token, KindApp for an app
	ID         string
	Owner      token.Person // of an app: its maker
	Name       string       // what there is of name, description and hint
	AllScopes  bool
	Scopes     token.Scopes
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero: never
	EndedAt    time.Time // revoked or disabled
	LastUsedAt time.Time
	LastUsedIP netip.Addr
}

// Sort is the order of the inventory.
type Sort string

// The orders. Each ends with the id, so that every order is total.
const (
	NewestFirst  Sort = ""
	ExpiresFirst Sort = "expires"   // soonest first, never last
	IdleFirst    Sort = "last_used" // never used first, then the longest ago
	ByName       Sort = "name"
	ByOwner      Sort = "owner"
)

// InventoryFilter narrows the inventory. Zero fields don't narrow.
type InventoryFilter struct {
	WorkspaceID   string
	OwnerID       string
	Kind          token.Kind
	Status        token.Status // active, expired, revoked, disabled
	Scope         string
	ScopeRoles    []token.Role // as in TokenFilter
	UnusedSince   time.Time
	ExpiresBefore time.Time
	NeverExpires  bool // tokens without end; apps, which have none, are not meant
	Search        string
	Sort          Sort
}

// Inventory lists the credentials of a workspace. After is an opaque cursor that next returned, "" for the
// first page; next is "" on the last.
func (tx *Tx) Inventory(f InventoryFilter, after string, limit int) (out []Credential, next string, err error) {
	panic("todo")
}
