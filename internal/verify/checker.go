package verify

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/keyring"
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
	Box        *keyring.Box     // opens the keys of legacy tokens; nil where there are none
	// Issuer is the address that a workspace's access tokens name as their issuer, by its slug. Nil: access
	// tokens are never good.
	Issuer func(slug string) string
}

const defaultRecords = 1_000_000

// Checker decides whether presented secrets are good. It is safe for use by many goroutines.
type Checker struct {
	store    *store.Store
	format   token.Format
	now      func() time.Time
	log      *slog.Logger
	stopped  atomic.Bool
	table    *table
	gens     *generations
	unknowns *unknowns
	throttle *throttle
	grants   grants
	spaces   workspaces
	rules    rules
}

// New returns a Checker that remembers nothing yet.
func New(c Config) *Checker {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.MaxRecords <= 0 {
		c.MaxRecords = defaultRecords
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Checker{
		store: c.Store, format: c.Format, now: c.Now, log: c.Log,
		table: newTable(c.MaxRecords), gens: new(generations), unknowns: new(unknowns), throttle: newThrottle(),
		grants: newGrants(), spaces: newWorkspaces(),
	}
}

// Ask is what a check is for. The zero Ask is answered for any workspace and no scope.
type Ask struct {
	Workspace string       // slug; "" is any
	Audience  string       // resource that an access token may be for instead of its workspace; "" is none
	Scopes    token.Scopes // all are needed
	Address   netip.Addr   // the client's, for last use and throttling
	Exempt    bool         // the address is a trusted proxy's own: never throttled
}

// Decision is a credential that is good. It holds ids as they are in memory and writes them out when asked,
// so that making one costs nothing.
type Decision struct {
	token, owner rawID
	expires      int64
	grant        *grant
}

// TokenID is the id of the token.
func (d *Decision) TokenID() string { return string(d.AppendTokenID(make([]byte, 0, 32))) }

// AppendTokenID appends TokenID to b.
func (d *Decision) AppendTokenID(b []byte) []byte { return d.appendID(b, token.TokenID, d.token) }

// OwnerID is the id of the person that the token acts for.
func (d *Decision) OwnerID() string { return string(d.AppendOwnerID(make([]byte, 0, 32))) }

// AppendOwnerID appends OwnerID to b.
func (d *Decision) AppendOwnerID(b []byte) []byte { return d.appendID(b, token.UserID, d.owner) }

// WorkspaceID is the id of the workspace that the token is good in.
func (d *Decision) WorkspaceID() string {
	if d.grant == nil {
		return ""
	}
	return string(d.appendID(make([]byte, 0, 32), token.WorkspaceID, d.grant.workspace))
}

// Workspace is that workspace's slug.
func (d *Decision) Workspace() string {
	if d.grant == nil {
		return ""
	}
	return d.grant.slug
}

// Kind is the kind of the credential: pat, legacy, at (an access token) or sec (a client secret).
func (d *Decision) Kind() token.Kind { panic("todo") }

// IsApp reports whether the credential acts for an app; then OwnerID is the app's client id.
func (d *Decision) IsApp() bool { panic("todo") }

// Epoch is the app's now, of a client secret; else 0.
func (d *Decision) Epoch() int64 { panic("todo") }

// Sunset is for a legacy token: since when it is deprecated, and when it stops.
func (d *Decision) Sunset() (deprecated, stops time.Time, legacy bool) { panic("todo") }

// Scopes is what the token carries now; not to be changed.
func (d *Decision) Scopes() token.Scopes {
	if d.grant == nil {
		return nil
	}
	return d.grant.scopes
}

// ScopesText is the scopes as one text, separated by spaces.
func (d *Decision) ScopesText() string {
	if d.grant == nil {
		return ""
	}
	return d.grant.text
}

// ExpiresAt is when the token ends; zero is never.
func (d *Decision) ExpiresAt() time.Time {
	if d.grant == nil || d.expires == never {
		return time.Time{}
	}
	return time.UnixMicro(d.expires).UTC()
}

func (d *Decision) appendID(b []byte, prefix string, raw rawID) []byte {
	if d.grant == nil {
		return b
	}
	return token.AppendID(b, prefix, raw)
}

// The refusals are made once: they are the same for everybody.
var (
	errInvalid = fault.New(fault.Unauthenticated, api.CodeInvalidToken, "This token is not valid. It may be mistyped, expired or revoked.")
	errScope   = fault.New(fault.Forbidden, api.CodeScopeMissing, "This token lacks a scope that is needed here.")
	errStopped = fault.New(fault.Unavailable, api.CodeUnavailable, "This server has stopped answering: another one may have taken over its database.")
)

// Check decides. Errors: invalid_token (unknown, expired, revoked, of another workspace: never told
// apart), scope_missing, throttled (only for unknown credentials), unavailable. On scope_missing the
// Decision says what the token does carry.
func (c *Checker) Check(ctx context.Context, presented string, ask Ask) (Decision, error) {
	if c.stopped.Load() {
		return Decision{}, errStopped
	}
	if _, ok := c.format.Parse(presented); !ok {
		return Decision{}, c.unknown(&ask)
	}
	h := hashOf(presented)
	var r record
	number, ok := c.table.find(&h, &r)
	var g *grant
	if ok {
		g = c.grants.at(r.grant)
	}
	if g == nil || !c.gens.fresh(&r, g.workspace) {
		if c.unknowns.has(&h, c.gens) {
			return Decision{}, c.unknown(&ask)
		}
		l, err := c.load(ctx, h)
		if err != nil {
			return Decision{}, c.loadFault(err, &ask)
		}
		number, g, r = l.number, l.grant, l.record
	}
	now := c.now().UnixMicro()
	err := judge(&r, g, &ask, now)
	c.table.count(number, &r, use{at: now, address: ask.Address, refused: err != nil})
	if err == errInvalid { //nolint:errorlint // judge returns these values themselves
		return Decision{}, err
	}
	return Decision{token: r.token, owner: r.owner, expires: r.expires, grant: g}, err
}

// judge compares a record with what is asked. Expiry is compared here, at every check.
func judge(r *record, g *grant, ask *Ask, now int64) error {
	switch {
	case r.state != stateActive, now >= r.expires, ask.Workspace != "" && ask.Workspace != g.slug:
		return errInvalid
	case !g.scopes.Has(ask.Scopes):
		return errScope
	}
	return nil
}

// unknown is the answer to a credential that was never issued here. Only those are throttled, so that a
// guesser can't turn away anybody who has a good one.
func (c *Checker) unknown(ask *Ask) error {
	if ask.Exempt || !ask.Address.IsValid() {
		return errInvalid
	}
	if wait := c.throttle.unknown(ask.Address, c.now()); wait > 0 {
		f := fault.New(fault.Throttled, api.CodeThrottled, "Too many unknown credentials came from this address. Wait and try again.")
		f.RetryAfter = wait
		return f
	}
	return errInvalid
}

func (c *Checker) loadFault(err error, ask *Ask) error {
	if errors.Is(err, store.ErrNotFound) {
		return c.unknown(ask)
	}
	// Nothing can be said, so nothing is let through.
	return fault.New(fault.Unavailable, api.CodeUnavailable, "The credential can't be checked now. Try again.").Because(err)
}

// loaded is a record that was just read, and where it was put.
type loaded struct {
	record
	number uint32
	grant  *grant // handed on from here: its number may be missing again a moment later
}

// load reads what a secret's hash stands for and remembers it; see generations for why what it remembers
// can't outlive a change. It takes the hash by value, so that a check which needs no load keeps its own
// off the heap.
func (c *Checker) load(ctx context.Context, h token.Hash) (loaded, error) {
	reading := c.gens.begin(&h)
	for {
		var p store.Presented
		var rules ruled
		err := c.store.View(ctx, func(tx *store.Tx) (err error) {
			if p, err = tx.TokenByHash(h); err == nil {
				rules, err = c.rules.of(tx, p.Token.WorkspaceID, p.RulesVersion)
			}
			return err
		})
		if errors.Is(err, store.ErrNotFound) {
			c.unknowns.add(&reading)
			c.table.remove(&h)
			return loaded{}, err
		}
		if err != nil {
			return loaded{}, err
		}
		r, g, err := recordOf(&p, rules)
		if err != nil {
			return loaded{}, err
		}
		if !c.gens.settle(&reading, r.owner, g.workspace) {
			continue // something changed while it was read
		}
		r.hash, r.stamp = h, reading.stamp()
		r.workspace, r.grant = c.spaces.of(g.workspace), c.grants.of(g)
		return loaded{record: r, number: c.table.insert(&r), grant: &g}, nil
	}
}

var errID = errors.New("verify: a kept id can't be read")

func recordOf(p *store.Presented, rules ruled) (r record, g grant, err error) {
	var ok [3]bool
	r.token, ok[0] = token.ParseID(token.TokenID, p.Token.ID)
	r.owner, ok[1] = token.ParseID(token.UserID, p.Token.Owner.ID)
	g.workspace, ok[2] = token.ParseID(token.WorkspaceID, p.Token.WorkspaceID)
	if ok != [3]bool{true, true, true} {
		return r, g, errID
	}
	r.kind, r.expires = kindPAT, never
	if !p.Token.ExpiresAt.IsZero() {
		r.expires = p.Token.ExpiresAt.UnixMicro()
	}
	switch {
	case !p.Token.RevokedAt.IsZero():
		r.state = stateRevoked
	case !rules.policy.Tokens.Holds(p.OwnerRole):
		r.state = stateBarred
	}
	g.slug, g.scopes = p.Workspace, p.Token.ScopesFor(rules.catalogue, p.OwnerRole)
	g.text = g.scopes.String()
	return r, g, nil
}

// TokenMade is called after the commit that makes a secret known.
func (c *Checker) TokenMade(h token.Hash) { c.gens.tokenMade(&h) }

// TokenChanged makes what memory holds of a secret stale. It is called after the commit and before the
// change is reported as done, as are the other two.
func (c *Checker) TokenChanged(id string, h token.Hash) { c.gens.tokenChanged(&h); c.SourceChanged(id) }

// SourceChanged makes stale what memory holds of the access tokens that came from an OAuth token, a personal
// access token or an app, by its id.
func (c *Checker) SourceChanged(id string) { panic("todo") }

// AppChanged makes stale what memory holds of an app: its secrets and its access tokens.
func (c *Checker) AppChanged(workspaceID, appID string) { panic("todo") }

// SecretMade is TokenMade, for a client secret.
func (c *Checker) SecretMade(h token.Hash) { c.gens.tokenMade(&h) }

// LegacyChanged is called after a change to which legacy tokens a workspace has.
func (c *Checker) LegacyChanged(workspaceID string) { panic("todo") }

// OwnerChanged makes what memory holds of a member's tokens stale.
func (c *Checker) OwnerChanged(workspaceID, userID string) {
	owner, ok := token.ParseID(token.UserID, userID)
	ws, ok2 := token.ParseID(token.WorkspaceID, workspaceID)
	if ok && ok2 {
		c.gens.ownerChanged(owner, ws)
	}
}

// WorkspaceChanged makes what memory holds of a workspace's tokens stale.
func (c *Checker) WorkspaceChanged(workspaceID string) {
	if ws, ok := token.ParseID(token.WorkspaceID, workspaceID); ok {
		c.gens.workspaceChanged(ws)
	}
}

// Stop makes every further check be refused as unavailable: memory may no longer be the truth.
func (c *Checker) Stop() { c.stopped.Store(true) }

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
		u := c.use(y.token, y.workspace, y.day)
		key := tokenDay{y.token, y.day}
		u.OwnerID = string(token.AppendID(nil, token.UserID, y.owner))
		u.Requests, u.Refusals, u.Addresses = int64(y.requests), int64(y.refusals), seen[key]
		delete(seen, key)
		if y.used != 0 {
			u.LastUsedAt, u.LastUsedIP = time.UnixMicro(y.used).UTC(), clientAddress(y.address)
		}
		if err := tx.AddUse(u); err != nil {
			return err
		}
	}
	return nil
}

func (c *Checker) use(raw rawID, workspace uint32, day uint16) store.Use {
	u := store.Use{TokenID: string(token.AppendID(nil, token.TokenID, raw)), Day: int64(day)}
	if ws := c.spaces.at(workspace); ws != nil {
		u.WorkspaceID = string(token.AppendID(nil, token.WorkspaceID, *ws))
	}
	return u
}
