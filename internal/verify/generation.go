package verify

import (
	"encoding/binary"
	"math/bits"
	"sync/atomic"

	"github.com/keywright/keywright/internal/token"
)

const (
	ownerBits     = 16
	tokenBits     = 16 // as many as record.gen and what is read of a hash have
	bornBits      = 12
	workspaceBits = 12
)

// generations end records without looking for them.
//
// Every member (owner and workspace together), token and workspace has a counter, found by a hash of its
// id in a fixed array; two that share one cost each other a needless reload and nothing else. A record
// carries the sum of its three counters as they stood before it was read, and is good only while the sum
// is the same. Counters only grow, so the sum is unchanged only if each of them is.
//
// Why no check that begins after a change returned is answered by the old state: a change bumps after its
// commit and before it returns. A loader takes the counters before it reads. If the loader's read missed
// the commit, it began before the commit, so the counters were taken before the bump, and from the bump on
// the record's sum is too small, whenever and however often it is inserted. If the read saw the commit,
// the record is new and at worst reloaded once for nothing. Eviction is thus exact without a lock, without
// a list of who holds what, and in constant memory.
//
// A loader knows only the hash before it reads, and the member and workspace afterwards. So it takes the
// epoch, which every bump raises before its own counter, reads, and then takes the member's and
// workspace's counters: if the epoch is still the same, no bump lay between, so they are what they were
// before the read. If it moved, the loader reads once more, now with all counters taken beforehand; a
// token's member and workspace hardly ever change, so the second reading settles it even on a busy server.
//
// A secret's token counter is found by its hash. An access token's is found by the id of what it came from:
// an app, an OAuth token or a personal access token, whose end ends it. A record keeps which one it is, so
// that nothing has to be told apart when it is looked up. An access token says itself what it came from and
// whom it acts for, so all of its counters are taken before the reading (beginSource).
//
// A hash that was not found is remembered with a counter of its own (born), raised when a token is made,
// so that making tokens ends no records.
type generations struct {
	epoch      atomic.Uint64
	owners     [1 << ownerBits]atomic.Uint64
	tokens     [1 << tokenBits]atomic.Uint64
	born       [1 << bornBits]atomic.Uint64
	workspaces [1 << workspaceBits]atomic.Uint64
	legacies   [1 << workspaceBits]atomic.Uint64 // see legacies
}

// tokenChanged is called after a token's commit: revoked, deleted, regenerated (the old hash), edited. It
// covers tokenMade.
func (g *generations) tokenChanged(h *token.Hash) {
	g.epoch.Add(1)
	g.tokens[tokenIndex(h)].Add(1)
	g.born[bornIndex(h)].Add(1)
}

// tokenMade is called after the commit that makes a hash known: created, imported, regenerated (the new hash).
func (g *generations) tokenMade(h *token.Hash) { g.born[bornIndex(h)].Add(1) }

// sourceChanged is called after the commit of a change to what access tokens come from: disabled, deleted,
// revoked, regenerated, and when access tokens of it are ended.
func (g *generations) sourceChanged(source rawID) {
	g.epoch.Add(1)
	g.tokens[sourceIndex(source)].Add(1)
}

// ownerChanged is called after the commit of a change to a member (role, deactivated, removed) or to an app.
func (g *generations) ownerChanged(owner, workspace rawID) {
	g.epoch.Add(1)
	g.owners[ownerIndex(owner, workspace)].Add(1)
}

// workspaceChanged is called after the commit of a change to a workspace: policy, scopes, name, deleted.
func (g *generations) workspaceChanged(workspace rawID) {
	g.epoch.Add(1)
	g.workspaces[workspaceIndex(workspace)].Add(1)
}

// legacyChanged is called after the commit of a change to which legacy tokens a workspace has. It ends what
// is known of that, and no record.
func (g *generations) legacyChanged(workspace rawID) { g.legacies[workspaceIndex(workspace)].Add(1) }

// legacyStamp is to a workspace's legacy tokens what a stamp is to a record.
func (g *generations) legacyStamp(workspace rawID) uint64 {
	i := workspaceIndex(workspace)
	return g.legacies[i].Load() + g.workspaces[i].Load()
}

// fresh reports whether nothing changed since the record was read. The three counters are read one after
// the other: each was at least its share of the stamp all along, so an equal sum means that each was equal
// when it was read, which is after the check began.
func (g *generations) fresh(r *record, workspace rawID) bool {
	return r.stamp == g.tokens[r.gen].Load()+g.members(r.owner, workspace)
}

// members returns the sum of the counters that the owner and the workspace have now.
func (g *generations) members(owner, workspace rawID) uint64 {
	return g.owners[ownerIndex(owner, workspace)].Load() + g.workspaces[workspaceIndex(workspace)].Load()
}

// reading is what a loader holds between taking the generations and inserting what it read.
type reading struct {
	hash             token.Hash
	gen              uint16
	epoch            uint64
	token, born      uint64
	known            bool // members was taken for owner and workspace before the reading
	owner, workspace rawID
	members          uint64
}

// begin is called before the database is read for what stands under a hash.
func (g *generations) begin(h *token.Hash) reading { return g.beginAt(h, tokenIndex(h)) }

func (g *generations) beginAt(h *token.Hash, gen uint16) reading {
	return reading{hash: *h, gen: gen, epoch: g.epoch.Load(), token: g.tokens[gen].Load(), born: g.born[bornIndex(h)].Load()}
}

// beginSource is begin for an access token, of which all is known beforehand. It needs no settling: its stamp
// is good at once.
func (g *generations) beginSource(h *token.Hash, source, owner, workspace rawID) reading {
	r := g.beginAt(h, sourceIndex(source))
	r.known, r.owner, r.workspace, r.members = true, owner, workspace, g.members(owner, workspace)
	return r
}

// settle is called with what was found. True: stamp is good for a record of it. False: read again, then
// settle again; this was the beginning of the next reading.
func (g *generations) settle(r *reading, owner, workspace rawID) bool {
	if r.known && r.owner == owner && r.workspace == workspace {
		return true
	}
	members := g.members(owner, workspace)
	// The epoch must be looked at last: a bump seen in members raised it before.
	still := g.epoch.Load() == r.epoch
	if !still {
		// Counters taken now are taken before the next reading. members was too.
		*r = g.beginAt(&r.hash, r.gen)
	}
	r.known, r.owner, r.workspace, r.members = true, owner, workspace, members
	return still
}

// stamp is the generations of a record, once it is settled.
func (r *reading) stamp() uint64 { return r.token + r.members }

func tokenIndex(h *token.Hash) uint16 { return binary.LittleEndian.Uint16(h[8:]) }

func sourceIndex(source rawID) uint16 { return uint16(scatter(tail(source)) >> (64 - tokenBits)) }

func bornIndex(h *token.Hash) uint64 {
	return uint64(binary.LittleEndian.Uint16(h[10:])) & (1<<bornBits - 1)
}

// ownerIndex hashes the random halves of the ids: they are ours, so nobody can aim them.
func ownerIndex(owner, workspace rawID) uint64 {
	return scatter(tail(owner)^bits.RotateLeft64(tail(workspace), 32)) >> (64 - ownerBits)
}

func workspaceIndex(workspace rawID) uint64 { return scatter(tail(workspace)) >> (64 - workspaceBits) }

func tail(id rawID) uint64 { return binary.LittleEndian.Uint64(id[8:]) }

// scatter is Fibonacci hashing: the upper bits of the product depend on all of x.
func scatter(x uint64) uint64 { return x * 0x9e3779b97f4a7c15 }
