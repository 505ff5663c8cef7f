package authority

import "github.com/keywright/keywright/internal/store"

// Rows and filters as the verbs take and return them. Surfaces name them by these, so that they need not
// know how things are kept.
type (
	Page        = store.Page
	TokenFilter = store.TokenFilter
	EventFilter = store.EventFilter
	Workspace   = store.Workspace
	Membership  = store.Membership
	Member      = store.Member
	User        = store.User
	DayUse      = store.DayUse

	AppFilter       = store.AppFilter
	OAuthFilter     = store.OAuthFilter
	InventoryFilter = store.InventoryFilter
	Credential      = store.Credential
	Sort            = store.Sort
	SigningKey      = store.SigningKey
	LegacyOwner     = store.LegacyOwner
)

// The orders of the inventory, as they are documented there.
const (
	NewestFirst  = store.NewestFirst
	ExpiresFirst = store.ExpiresFirst
	IdleFirst    = store.IdleFirst
	ByName       = store.ByName
	ByOwner      = store.ByOwner
)
