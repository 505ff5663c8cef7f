package verify

import "github.com/keywright/keywright/internal/token"

// What memory has to be told. Each of these is called after the commit of a change and before the change is
// reported as done; see generations.

// TokenMade is called after the commit that makes a secret known.
func (c *Checker) TokenMade(h token.Hash) { c.gens.tokenMade(&h) }

// SecretMade is TokenMade, for a client secret.
func (c *Checker) SecretMade(h token.Hash) { c.gens.tokenMade(&h) }

// TokenChanged makes stale what memory holds of a secret, and of the access tokens that came from it by its
// token's id; without an id, of the secret alone.
func (c *Checker) TokenChanged(id string, h token.Hash) {
	c.gens.tokenChanged(&h)
	c.SourceChanged(id)
}

// SourceChanged makes stale what memory holds of the access tokens that came from an OAuth token, a personal
// access token or an app, by its id. To end one access token alone takes it too. Another id does nothing.
func (c *Checker) SourceChanged(id string) {
	for _, prefix := range [...]string{token.OAuthTokenID, token.TokenID, token.AppID} {
		if source, ok := token.ParseID(prefix, id); ok {
			c.gens.sourceChanged(source)
		}
	}
}

// AppChanged makes stale what memory holds of an app: its secrets and its access tokens.
func (c *Checker) AppChanged(workspaceID, appID string) {
	app, ok := token.ParseID(token.AppID, appID)
	ws, ok2 := token.ParseID(token.WorkspaceID, workspaceID)
	if ok && ok2 {
		c.gens.ownerChanged(app, ws)
	}
}

// OwnerChanged makes stale what memory holds of a member's tokens.
func (c *Checker) OwnerChanged(workspaceID, userID string) {
	owner, ok := token.ParseID(token.UserID, userID)
	ws, ok2 := token.ParseID(token.WorkspaceID, workspaceID)
	if ok && ok2 {
		c.gens.ownerChanged(owner, ws)
	}
}

// LegacyChanged makes stale which legacy tokens a workspace is known to have: some were imported, or live
// again. What memory holds of each of them stays: when they all stop on another day, WorkspaceChanged is
// called, which covers this.
func (c *Checker) LegacyChanged(workspaceID string) {
	if ws, ok := token.ParseID(token.WorkspaceID, workspaceID); ok {
		c.gens.legacyChanged(ws)
	}
}

// WorkspaceChanged makes stale what memory holds of a workspace's tokens: its rules, its keys or itself changed.
func (c *Checker) WorkspaceChanged(workspaceID string) {
	if ws, ok := token.ParseID(token.WorkspaceID, workspaceID); ok {
		c.gens.workspaceChanged(ws)
	}
}
