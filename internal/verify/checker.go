package verify

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
)

// Config is what a Checker works with. Store and Format are required.
type Config struct {
	Store      *store.Store
	Format     token.Format
	MaxRecords int              // bound of the records in memory; 0 is 1,000,000
	Now        func() time.Time // nil is time.Now
	Log        *slog.Logger     // nil discards
}

// Checker decides whether presented secrets are good. It is safe for use by many goroutines.
type Checker struct {
	store  *store.Store
	format token.Format
	now    func() time.Time

	mu   sync.Mutex
	uses map[string]*store.Use
}

// New returns a Checker.
func New(c Config) *Checker {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Checker{store: c.Store, format: c.Format, now: c.Now, uses: map[string]*store.Use{}}
}

// Ask is what a check is for. The zero Ask is answered for any workspace and no scope.
type Ask struct {
	Workspace string       // slug; "" is any
	Scopes    token.Scopes // all are needed
	Address   netip.Addr   // the client's, for last use and throttling
	Exempt    bool         // the address is a trusted proxy's own: never throttled
}

// Decision is a credential that is good.
type Decision struct {
	tokenID, ownerID, workspaceID, workspace string
	scopes                                   token.Scopes
	expires                                  time.Time
}

func (d *Decision) TokenID() string      { return d.tokenID }
func (d *Decision) OwnerID() string      { return d.ownerID }
func (d *Decision) WorkspaceID() string  { return d.workspaceID }
func (d *Decision) Workspace() string    { return d.workspace } // slug
func (d *Decision) Kind() token.Kind     { return token.KindPAT }
func (d *Decision) Scopes() token.Scopes { return d.scopes }
func (d *Decision) ExpiresAt() time.Time { return d.expires } // zero: never

func unknown() error {
	return fault.New(fault.Unauthenticated, api.CodeInvalidToken, "This token is not valid. It may be mistyped, expired or revoked.")
}

// Check decides. Errors: invalid_token (unknown, expired, revoked, of another workspace: never told
// apart), scope_missing, throttled, unavailable. On scope_missing the Decision is filled all the same.
func (c *Checker) Check(ctx context.Context, presented string, ask Ask) (Decision, error) {
	if _, ok := c.format.Parse(presented); !ok {
		return Decision{}, unknown()
	}
	var p store.Presented
	var d Decision
	now := c.now()
	err := c.store.View(ctx, func(tx *store.Tx) (err error) {
		if p, err = tx.TokenByHash(token.HashOf(presented)); err != nil {
			return err
		}
		rules, err := tx.Rules(p.Token.WorkspaceID)
		if err != nil {
			return err
		}
		d = Decision{tokenID: p.Token.ID, ownerID: p.Token.Owner.ID, workspaceID: p.Token.WorkspaceID, workspace: p.Workspace, expires: p.Token.ExpiresAt}
		d.scopes = p.Token.ScopesFor(rules.Catalogue, p.OwnerRole)
		if p.Token.StatusAt(now) != token.Active || !rules.Policy.Tokens.Holds(p.OwnerRole) {
			return unknown()
		}
		return nil
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return Decision{}, unknown()
	case err == nil && ask.Workspace != "" && ask.Workspace != d.workspace:
		err = unknown()
	case err == nil && !d.scopes.Has(ask.Scopes):
		err = fault.New(fault.Forbidden, api.CodeScopeMissing, "The token lacks a scope.")
	}
	c.count(p.Token, ask.Address, now, err == nil)
	return d, err
}

func (c *Checker) count(t token.Token, from netip.Addr, now time.Time, good bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	day := now.Unix() / 86400
	key := t.ID + now.Format(time.DateOnly)
	u := c.uses[key]
	if u == nil {
		u = &store.Use{TokenID: t.ID, OwnerID: t.Owner.ID, WorkspaceID: t.WorkspaceID, Day: day}
		c.uses[key] = u
	}
	if !good {
		u.Refusals++
		return
	}
	u.Requests++
	u.LastUsedAt, u.LastUsedIP = now, from
	u.Addresses = append(u.Addresses[:0:0], from)
}

// TokenChanged makes what memory holds of a secret stale.
func (c *Checker) TokenChanged(token.Hash) {}

// OwnerChanged makes what memory holds of a member's tokens stale.
func (c *Checker) OwnerChanged(workspaceID, userID string) {}

// WorkspaceChanged makes what memory holds of a workspace's tokens stale.
func (c *Checker) WorkspaceChanged(workspaceID string) {}

// Flush writes what was counted.
func (c *Checker) Flush(ctx context.Context) error {
	c.mu.Lock()
	uses := c.uses
	c.uses = map[string]*store.Use{}
	c.mu.Unlock()
	if len(uses) == 0 {
		return nil
	}
	return c.store.Update(ctx, func(tx *store.Tx) error {
		for _, u := range uses {
			if err := tx.AddUse(*u); err != nil {
				return err
			}
		}
		return nil
	})
}

// Stop makes every further check be refused as unavailable.
func (c *Checker) Stop() {}

// ScopesText is the scopes as one text, separated by spaces.
func (d *Decision) ScopesText() string { return d.scopes.String() }
