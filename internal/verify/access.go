package verify

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
)

const (
	// mostKeys is how many keys are kept ready to verify with.
	mostKeys = 10_000

	latestExpiry = int64(1) << 40 // seconds; an expiry behind it would not fit a record
)

// access is an access token whose signature is right, taken apart.
type access struct {
	token.Claims
	source, owner rawID
	kind          kind
	asked         token.Scopes
}

// loadAccess verifies an access token once, reads whether what it came from is good, and remembers it.
//
// The signature and the claims depend on nothing that can change: a key's id never stands for another key.
// Everything else is read after the generations were taken, the key once more too: that it is still there,
// the workspace, its rules, the stops, and the source.
func (c *Checker) loadAccess(ctx context.Context, presented string, h token.Hash) (found, error) {
	kid, ok := keyring.Header(presented)
	if !ok {
		return found{}, errUnknown
	}
	if _, ok := token.ParseID(token.KeyID, kid); !ok {
		return found{}, errUnknown
	}
	k, err := c.keys.of(ctx, c.store, kid)
	if errors.Is(err, store.ErrNotFound) {
		return found{}, errUnknown // not remembered: the key may be about to be made
	}
	if err != nil {
		return found{}, err
	}
	var a access
	if k.public.Verify(presented, keyring.AccessType, &a.Claims) != nil || !a.parse() {
		reading := c.gens.begin(&h)
		return found{}, c.miss(&reading, accessForm)
	}
	reading := c.gens.beginSource(&h, a.source, a.owner, k.workspace)
	var r record
	var g grant
	err = c.store.View(ctx, func(tx *store.Tx) (err error) { r, g, err = c.readAccess(tx, kid, k, &a); return err })
	if errors.Is(err, store.ErrNotFound) {
		return found{}, c.miss(&reading, accessForm) // the key was known, so it is gone for good
	}
	if err != nil {
		return found{}, err
	}
	return c.keep(&reading, r, g), nil
}

// parse reads what stands in the claims as text; false for what we can't have issued.
func (a *access) parse() (ok bool) {
	var err error
	if a.asked, err = token.ParseScopes(a.Scope); err != nil || a.IssuedAtMilli() == 0 || a.ExpiresAt <= 0 || a.ExpiresAt > latestExpiry {
		return false
	}
	if a.source, ok = token.ParseID(token.AppID, a.SourceID); ok {
		a.kind, a.owner = kindAppAccess, a.source
		return a.Subject == a.SourceID
	}
	a.kind = kindOAuthAccess
	if a.source, ok = token.ParseID(token.OAuthTokenID, a.SourceID); !ok {
		a.kind = kindPATAccess
		if a.source, ok = token.ParseID(token.TokenID, a.SourceID); !ok {
			return false
		}
	}
	a.owner, ok = token.ParseID(token.UserID, a.Subject)
	return ok
}

// readAccess reads what an access token is worth now; ErrNotFound when its key is gone.
func (c *Checker) readAccess(tx *store.Tx, kid string, k key, a *access) (r record, g grant, err error) {
	kept, err := tx.SigningKey(kid)
	if err != nil {
		return r, g, err
	}
	if kept.Public != k.text {
		return r, g, store.ErrNotFound
	}
	rules, err := c.rules.of(tx, kept.WorkspaceID, kept.RulesVersion)
	if err != nil {
		return r, g, err
	}
	r.token, r.owner, r.kind, r.expires = a.source, a.owner, a.kind, a.ExpiresAt*1_000_000
	g.workspace, g.slug = k.workspace, kept.Workspace
	if a.Audience != a.Issuer {
		g.audience = token.HashOf(a.Audience)
	}
	ids := []string{a.ID, a.SourceID}
	stopped, err := tx.AccessStopped(append(ids, strings.Fields(a.Parents)...)...)
	if err != nil {
		return r, g, err
	}
	if stopped || a.Issuer != c.issuer(kept.Workspace) {
		r.state = stateRevoked
		return r, g, nil
	}
	s, err := sourceOf(tx, kept.WorkspaceID, &rules, a)
	if err != nil {
		return r, g, err
	}
	r.state, r.expires = s.state, min(r.expires, s.ends)
	g.carry(slices.DeleteFunc(s.scopes, func(name string) bool { return !slices.Contains(a.asked, name) }))
	return r, g, nil
}

// standing is how what an access token came from stands now.
type standing struct {
	state  state
	ends   int64        // of the source
	scopes token.Scopes // what the token can carry at most
}

func sourceOf(tx *store.Tx, workspaceID string, rules *ruled, a *access) (standing, error) {
	switch a.kind {
	case kindAppAccess:
		return standingOfApp(tx, workspaceID, rules, a)
	case kindOAuthAccess:
		return standingOfOAuth(tx, workspaceID, rules, a)
	default:
		return standingOfPAT(tx, workspaceID, rules, a)
	}
}

func standingOfApp(tx *store.Tx, workspaceID string, rules *ruled, a *access) (standing, error) {
	app, err := tx.App(workspaceID, a.SourceID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		if !rules.lets() {
			return standing{state: stateRevoked}, nil
		}
		// What it was given is forgotten with it; what apps may hold is not.
		return standing{ends: never, scopes: rules.catalogue.WithReserved().ForApps(a.asked)}, nil
	case err != nil:
		return standing{}, err
	case a.Epoch < app.Epoch, !app.DisabledAt.IsZero() && !rules.lets():
		return standing{state: stateRevoked}, nil
	}
	return standing{ends: never, scopes: app.ScopesFor(rules.catalogue)}, nil
}

func standingOfOAuth(tx *store.Tx, workspaceID string, rules *ruled, a *access) (standing, error) {
	owner, err := tx.Member(workspaceID, a.Subject)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return standing{state: stateBarred}, nil
	case err != nil:
		return standing{}, err
	case !rules.policy.OAuthTokens.Holds(owner.Role):
		return standing{state: stateBarred}, nil
	case a.IssuedAtMilli() < owner.CreatedAt.UnixMilli():
		return standing{state: stateRevoked}, nil // they were removed, and came back
	}
	s := standing{ends: never, scopes: rules.catalogue.WithReserved().Effective(a.asked, owner.Role)}
	t, err := tx.OAuthToken(workspaceID, a.SourceID)
	gone := errors.Is(err, store.ErrNotFound)
	if err != nil && !gone {
		return standing{}, err
	}
	if !gone {
		s.ends = endOf(t.ExpiresAt)
	}
	if gone && !rules.lets() || !gone && (t.Owner.ID != a.Subject || !t.DisabledAt.IsZero() && (t.AccessEnded || !rules.lets())) {
		s.state = stateRevoked
	}
	return s, nil
}

func standingOfPAT(tx *store.Tx, workspaceID string, rules *ruled, a *access) (standing, error) {
	t, err := tx.Token(workspaceID, a.SourceID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return standing{state: stateRevoked}, nil
	case err != nil:
		return standing{}, err
	case t.Owner.ID != a.Subject, !t.RevokedAt.IsZero(), a.IssuedAtMilli() < t.CreatedAt.UnixMilli():
		return standing{state: stateRevoked}, nil // a regenerated token was made anew
	}
	owner, err := tx.Member(workspaceID, a.Subject)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && !rules.policy.Tokens.Holds(owner.Role):
		return standing{state: stateBarred}, nil
	case err != nil:
		return standing{}, err
	}
	return standing{ends: endOf(t.ExpiresAt), scopes: t.ScopesFor(rules.catalogue, owner.Role)}, nil
}

// keys keeps the public halves of signing keys ready, so that a key is read and taken apart once, and a flood
// of bad signatures stays away from the database. A key that is gone may stay here: what it says is only
// whether a signature is right.
type keys struct {
	mu   sync.RWMutex
	kept map[string]key // by kid
}

type key struct {
	public    keyring.PublicKey
	text      string // JWK
	workspace rawID
}

func (c *keys) of(ctx context.Context, s *store.Store, kid string) (key, error) {
	c.mu.RLock()
	k, ok := c.kept[kid]
	c.mu.RUnlock()
	if ok {
		return k, nil
	}
	var kept store.PresentedKey
	if err := s.View(ctx, func(tx *store.Tx) (err error) { kept, err = tx.SigningKey(kid); return err }); err != nil {
		return key{}, err
	}
	public, err := keyring.ParsePublic(kept.Public)
	if err != nil {
		return key{}, err
	}
	k = key{public: public, text: kept.Public}
	if k.workspace, ok = token.ParseID(token.WorkspaceID, kept.WorkspaceID); !ok {
		return key{}, errID
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil || len(c.kept) >= mostKeys {
		c.kept = map[string]key{}
	}
	c.kept[kid] = k
	return k, nil
}
