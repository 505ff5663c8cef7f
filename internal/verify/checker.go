package verify

import (
	"context"
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
	keys     keys
	legacies legacies
	box      *keyring.Box
	issuer   func(string) string
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
		grants: newGrants(), spaces: newWorkspaces(), box: c.Box, issuer: c.Issuer,
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

// The refusals are made once: they are the same for everybody.
var (
	errInvalid = fault.New(fault.Unauthenticated, api.CodeInvalidToken, "This token is not valid. It may be mistyped, expired or revoked.")
	errScope   = fault.New(fault.Forbidden, api.CodeScopeMissing, "This token lacks a scope that is needed here.")
	errStopped = fault.New(fault.Unavailable, api.CodeUnavailable, "This server has stopped answering: another one may have taken over its database.")
)

// Check decides. Errors: invalid_token (unknown, expired, revoked, of another workspace: never told
// apart), scope_missing, throttled (only for unknown credentials), unavailable. On scope_missing the
// Decision says what the credential does carry.
func (c *Checker) Check(ctx context.Context, presented string, ask Ask) (Decision, error) {
	if c.stopped.Load() {
		return Decision{}, errStopped
	}
	var f found
	if err := c.find(ctx, presented, ask.Workspace, &f); err != nil {
		return Decision{}, c.findFault(err, &ask)
	}
	now := c.now().UnixMicro()
	err := judge(&f, &ask, now)
	c.table.count(f.number, &f.record, use{at: now, address: ask.Address, refused: err != nil})
	if err == errInvalid { //nolint:errorlint // judge returns these values themselves
		return Decision{}, err
	}
	return decisionOf(&f), err
}

// judge compares a record with what is asked. Expiry is compared here, at every check.
func judge(f *found, ask *Ask, now int64) error {
	g := f.grant
	switch {
	case f.state != stateActive, now >= f.expires, ask.Workspace != "" && ask.Workspace != g.slug:
		return errInvalid
	case f.kind.legacy() && ask.Workspace == "":
		return errInvalid // it is good only where its workspace is named
	case g.audience != token.Hash{} && (ask.Audience == "" || g.audience != hashOf(ask.Audience)):
		// RFC 9068 section 4: who is not in aud refuses the token. One for its issuer is good in all of its workspace.
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

func (c *Checker) findFault(err error, ask *Ask) error {
	if err == errUnknown { //nolint:errorlint // find returns the value itself
		return c.unknown(ask)
	}
	// Nothing can be said, so nothing is let through.
	return fault.New(fault.Unavailable, api.CodeUnavailable, "The credential can't be checked now. Try again.").Because(err)
}

// Stop makes every further check be refused as unavailable: memory may no longer be the truth.
func (c *Checker) Stop() { c.stopped.Store(true) }
