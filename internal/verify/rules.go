package verify

import (
	"sync"

	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
)

// mostRules is how many workspaces' rules are kept decoded; they are read again when there are more.
const mostRules = 10_000

// rules keeps the rules of workspaces decoded, one version of each: after a change of rules every record
// of the workspace is loaded anew, and reading JSON each time would cost more than the rest. Only what a
// View saw gets here, and so only what was committed.
type rules struct {
	mu   sync.Mutex
	kept map[string]ruled // by workspace id
}

type ruled struct {
	version   int64
	policy    *token.Policy
	catalogue token.Catalogue
}

// lets reports whether access tokens outlive what they came from.
func (r *ruled) lets() bool { return r.policy.AfterStop == token.UntilExpiry }

func (c *rules) of(tx *store.Tx, workspaceID string, version int64) (ruled, error) {
	c.mu.Lock()
	r, ok := c.kept[workspaceID]
	c.mu.Unlock()
	if ok && r.version == version {
		return r, nil
	}
	kept, err := tx.Rules(workspaceID)
	if err != nil {
		return ruled{}, err
	}
	r = ruled{version: version, policy: &kept.Policy, catalogue: kept.Catalogue}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil || len(c.kept) >= mostRules {
		c.kept = map[string]ruled{}
	}
	c.kept[workspaceID] = r
	return r, nil
}
