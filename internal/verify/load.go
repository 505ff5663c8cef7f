package verify

import (
	"context"
	"errors"
	"time"

	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
)

// found is a record, and where it is.
type found struct {
	record
	number uint32
	grant  *grant // handed on from here: its number may be missing again a moment later
}

var (
	errUnknown = errors.New("verify: never issued here")
	errID      = errors.New("verify: a kept id can't be read")
)

// find finds what a presented text stands for, in memory when it can; errUnknown when it stands for nothing.
func (c *Checker) find(ctx context.Context, presented, workspace string, f *found) error {
	if len(presented) > token.MaxPresented {
		return errUnknown
	}
	err := errUnknown
	if as := c.formOf(presented); as != noForm {
		h := hashOf(presented)
		err = c.findHash(ctx, as, &h, presented, f)
	}
	if err == errUnknown && workspace != "" && len(presented) <= token.MaxLegacy { //nolint:errorlint // findHash returns the value itself
		err = c.findLegacy(ctx, presented, workspace, f)
	}
	return err
}

// findHash finds what stands under a hash. Presented is what an access token's is made of, and else not
// looked at.
func (c *Checker) findHash(ctx context.Context, as form, h *token.Hash, presented string, f *found) (err error) {
	if c.known(h, f) {
		return nil
	}
	if c.unknowns.has(h, as, c.gens) {
		return errUnknown
	}
	if as == accessForm {
		*f, err = c.loadAccess(ctx, presented, *h)
	} else {
		*f, err = c.load(ctx, as, *h)
	}
	return err
}

// known finds a record in memory from before which nothing has changed.
func (c *Checker) known(h *token.Hash, f *found) (ok bool) {
	if f.number, ok = c.table.find(h, &f.record); !ok {
		return false
	}
	f.grant = c.grants.at(f.record.grant)
	return f.grant != nil && c.gens.fresh(&f.record, f.grant.workspace)
}

// load reads what a secret's hash stands for and remembers it; see generations for why what it remembers
// can't outlive a change. It takes the hash by value, so that a check which needs no load keeps its own
// off the heap.
func (c *Checker) load(ctx context.Context, as form, h token.Hash) (found, error) {
	reading := c.gens.begin(&h)
	for {
		var r record
		var g grant
		err := c.store.View(ctx, func(tx *store.Tx) (err error) { r, g, err = c.read(tx, as, h); return err })
		if errors.Is(err, store.ErrNotFound) {
			return found{}, c.miss(&reading, as)
		}
		if err != nil {
			return found{}, err
		}
		if !c.gens.settle(&reading, r.owner, g.workspace) {
			continue // something changed while it was read
		}
		return c.keep(&reading, r, g), nil
	}
}

// miss remembers that a reading found nothing.
func (c *Checker) miss(reading *reading, as form) error {
	c.unknowns.add(reading, as)
	c.table.remove(&reading.hash)
	return errUnknown
}

// keep remembers what a settled reading found.
func (c *Checker) keep(reading *reading, r record, g grant) found {
	r.hash, r.gen, r.stamp = reading.hash, reading.gen, reading.stamp()
	r.workspace, r.grant = c.spaces.of(g.workspace), c.grants.of(g)
	return found{record: r, number: c.table.insert(&r), grant: &g}
}

// read reads a record; see token and client secret below.
func (c *Checker) read(tx *store.Tx, as form, h token.Hash) (r record, g grant, err error) {
	if as == secretForm {
		p, err := tx.ClientSecretByHash(h)
		if err != nil {
			return r, g, err
		}
		rules, err := c.rules.of(tx, p.App.WorkspaceID, p.RulesVersion)
		if err != nil {
			return r, g, err
		}
		return recordOfSecret(&p, rules)
	}
	p, err := tx.TokenByHash(h)
	if err != nil {
		return r, g, err
	}
	rules, err := c.rules.of(tx, p.Token.WorkspaceID, p.RulesVersion)
	if err != nil {
		return r, g, err
	}
	return recordOf(&p, rules)
}

func recordOf(p *store.Presented, rules ruled) (r record, g grant, err error) {
	var ok [3]bool
	r.token, ok[0] = token.ParseID(token.TokenID, p.Token.ID)
	r.owner, ok[1] = token.ParseID(token.UserID, p.Token.Owner.ID)
	g.workspace, ok[2] = token.ParseID(token.WorkspaceID, p.Token.WorkspaceID)
	if ok != [3]bool{true, true, true} {
		return r, g, errID
	}
	switch p.Token.Scheme {
	case token.SchemeOurs:
		r.kind = kindPAT
	case token.SchemeSHA256:
		r.kind = kindLegacy
	default:
		r.kind = kindDigest
	}
	r.expires = endOf(p.Token.ExpiresAt)
	switch {
	case !p.Token.RevokedAt.IsZero():
		r.state = stateRevoked
	case !rules.policy.Tokens.Holds(p.OwnerRole):
		r.state = stateBarred
	}
	g.slug = p.Workspace
	g.carry(p.Token.ScopesFor(rules.catalogue, p.OwnerRole))
	return r, g, nil
}

func recordOfSecret(p *store.PresentedSecret, rules ruled) (r record, g grant, err error) {
	var ok [3]bool
	r.token, ok[0] = token.ParseID(token.ClientSecretID, p.Secret.ID)
	r.owner, ok[1] = token.ParseID(token.AppID, p.App.ID)
	g.workspace, ok[2] = token.ParseID(token.WorkspaceID, p.App.WorkspaceID)
	if ok != [3]bool{true, true, true} {
		return r, g, errID
	}
	r.kind, r.expires = kindSecret, endOf(p.Secret.ExpiresAt)
	if !p.App.DisabledAt.IsZero() {
		r.state = stateRevoked
	}
	g.slug, g.epoch = p.Workspace, p.App.Epoch
	g.carry(p.App.ScopesFor(rules.catalogue))
	return r, g, nil
}

func (g *grant) carry(s token.Scopes) { g.scopes, g.text = s, s.String() }

// endOf is a moment as records have it.
func endOf(t time.Time) int64 {
	if t.IsZero() {
		return never
	}
	return t.UnixMicro()
}
