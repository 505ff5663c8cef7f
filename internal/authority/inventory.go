package authority

import (
	"context"

	"github.com/keywright/keywright/internal/token"
)

// InventoryQuery asks for a part of the inventory.
type InventoryQuery struct {
	Filter InventoryFilter
	After  string // as the last call returned it
	Limit  int
}

// Inventory lists everyone's personal access tokens, legacy tokens, OAuth tokens and apps. Administrators
// only; that they were seen is audited.
func (a *Authority) Inventory(ctx context.Context, by token.Identity, ws string, q InventoryQuery) (list []Credential, next string, err error) {
	panic("todo")
}

// Stop ends several credentials of any kind, by their ids: b.Action is ActRevoke (tokens are revoked, OAuth
// tokens and apps disabled) or ActDelete. Each succeeds or is refused by itself. Administrators only.
func (a *Authority) Stop(ctx context.Context, by token.Identity, ws string, b Batch) ([]Result, error) {
	panic("todo")
}
