package verify

import (
	"context"
	"net/netip"
	"time"

	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
)

// Flush writes the use that was counted. What can't be written is kept for the next time.
func (c *Checker) Flush(ctx context.Context) error {
	var failed error
	for b := range c.table.drain {
		if failed == nil {
			failed = c.store.Update(ctx, func(tx *store.Tx) error { return c.write(tx, &b) })
		}
		if failed != nil {
			c.table.restore(b)
			break
		}
	}
	return failed
}

func (c *Checker) write(tx *store.Tx, b *batch) error {
	seen := map[tokenDay][]netip.Addr{}
	for _, s := range b.sightings {
		key := tokenDay{s.token, s.day}
		seen[key] = append(seen[key], clientAddress(s.address))
	}
	for _, y := range b.tallies {
		u := c.use(&y)
		key := tokenDay{y.token, y.day}
		u.Addresses = seen[key]
		delete(seen, key)
		if err := tx.AddUse(u); err != nil {
			return err
		}
	}
	return nil
}

func (c *Checker) use(y *tally) store.Use {
	u := store.Use{
		TokenID: string(token.AppendID(nil, y.kind.sourcePrefix(), y.token)),
		OwnerID: string(token.AppendID(nil, y.kind.ownerPrefix(), y.owner)),
		Day:     int64(y.day), Requests: int64(y.requests), Refusals: int64(y.refusals),
	}
	if y.kind == kindSecret {
		// Counted for the app, and for which of its secrets it was.
		u.TokenID, u.SecretID = u.OwnerID, string(token.AppendID(nil, token.ClientSecretID, y.token))
	}
	if ws := c.spaces.at(y.workspace); ws != nil {
		u.WorkspaceID = string(token.AppendID(nil, token.WorkspaceID, *ws))
	}
	if y.used != 0 {
		u.LastUsedAt, u.LastUsedIP = time.UnixMicro(y.used).UTC(), clientAddress(y.address)
	}
	return u
}
