package verify

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/keywright/keywright/internal/token"
)

// rawID is the 128 bits of an id, as token.ParseID returns them.
type rawID [16]byte

// state is what a record says of its token, apart from time.
type state uint8

const (
	stateActive  state = iota
	stateRevoked       // ended: revoked, disabled, or what it came from is
	stateBarred        // the owner's role may hold no such credential now
)

const (
	flagUsed   = 1 << iota // the slot holds a record
	flagSeen               // looked up since the clock's hand passed
	flagListed             // on the shard's dirty list; belongs to the slot, so it outlives the record
	flagFresh              // address is new today and not drained yet
)

// never is the expiry of a token that has none.
const never = int64(1<<63 - 1)

// record is all that a check needs to know of one credential, and its uncollected use: 128 bytes, two
// cache lines, and no pointer, so that the collector never looks inside.
type record struct {
	hash      token.Hash // whole: a prefix would let two secrets be one
	token     rawID      // what use is counted for; see kind
	owner     rawID      // whom it acts for; see kind
	address   [16]byte   // of the last good request; zero is none
	expires   int64      // Unix microseconds; never
	used      int64      // of the last good request, Unix microseconds; 0 is none
	stamp     uint64     // of the generations that it was read under
	grant     uint32     // workspace's slug and effective scopes, in grants
	workspace uint32     // its id, in workspaces
	requests  uint32     // since the last drain, all on day
	refusals  uint32     // since the last drain, all on day
	day       uint16     // UTC days since 1970, of the counts
	gen       uint16     // its token's or source's place among the generations
	state     state
	kind      kind
	flags     uint8
	addresses uint8 // distinct ones met on day, as far as seen remembers
}

const (
	mostShards = 256
	firstChunk = 32  // records, 4 KiB
	mostChunk  = 512 // records, 64 KiB; a power of two times firstChunk
	firstSlots = 16
	mostLooks  = 64 // of the clock's hand, so that an eviction takes bounded time
	nowhere    = ^uint32(0)
)

// table maps hashes of secrets to records, bounded in number.
//
// It has up to 256 shards, each under a mutex of its own (every check writes its counters, so there
// are no mere readers). A shard keeps its records in chunks, which never move, and finds them through an open-addressed index of eight-byte slots: 32 bits of the hash beside a record's number. A
// look-up reads one line of the index and the record. Growing copies the shard's index alone, some
// tens of microseconds at its largest, and nothing is reserved before it is needed.
//
// Keys are SHA-256 hashes of secrets, so a caller who wants many keys in one place has to search for
// them hash by hash, and finds only secrets that were never issued and thus never inserted: flooding
// gains nothing and slots need no seed.
//
// When the bound is reached, an insertion evicts from its own shard by second chance. Evicted counts go
// to the spill, so nothing is lost.
type table struct {
	shards []shard
	mask   uint64
	bound  int64
	live   atomic.Int64
	spill  spill
	drains sync.Mutex // one drain at a time
}

type shard struct {
	mu     sync.Mutex
	slots  []uint64 // tag<<32 | number+1; 0 is empty; a power of two, at most 3/4 full
	chunks [][]record
	made   uint32   // numbers given out
	free   []uint32 // numbers to give out again
	live   int
	hand   uint32
	sightings
	dirty []uint32 // numbers of records with something to drain
	spare []uint32 // the list before it, for its memory
}

// newTable returns a table of at most bound records.
func newTable(bound int) *table {
	n := 1
	for n < mostShards && n*firstChunk < bound {
		n *= 2
	}
	return &table{shards: make([]shard, n), mask: uint64(n - 1), bound: int64(max(bound, 1))}
}

// split returns the shard of a hash and its tag there.
func (t *table) split(h *token.Hash) (*shard, uint32) {
	head := binary.LittleEndian.Uint64(h[:8])
	return &t.shards[head&t.mask], uint32(head >> 32)
}

// hashOf is token.HashOf without a copy, also of what is long.
func hashOf(presented string) token.Hash { return sha256.Sum256(bytesOf(presented)) }

// bytesOf lends a string's own bytes to a hash, which only reads them: sha256 lets its argument escape, so a
// copy would cost each check of an access token an allocation.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// find copies a record and says where it is, for count.
func (t *table) find(h *token.Hash, into *record) (number uint32, ok bool) {
	s, tag := t.split(h)
	s.mu.Lock()
	number, r := s.lookup(h, tag)
	if r != nil {
		r.flags |= flagSeen
		*into = *r
	}
	s.mu.Unlock()
	return number, r != nil
}

// insert keeps a record in the place of any other with its hash and says where it is; nowhere when the
// bound leaves no room. The record's own counts are ignored; those that an earlier record of the same
// token gathered go on. Of two loaders the later to insert wins, whatever it read: generations decide
// whether a record is good, not the order of insertion.
func (t *table) insert(r *record) (number uint32) {
	s, tag := t.split(&r.hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	number, old := s.lookup(&r.hash, tag)
	if old == nil {
		if number = t.room(s); number == nowhere {
			return nowhere
		}
		old = s.at(number)
		*old = record{flags: old.flags & flagListed}
		s.index(tag, number)
	} else if old.token != r.token {
		t.spillRecord(s, old)
		*old = record{flags: old.flags & flagListed}
	}
	old.flags |= flagUsed
	old.hash, old.token, old.owner = r.hash, r.token, r.owner
	old.expires, old.stamp, old.grant, old.workspace = r.expires, r.stamp, r.grant, r.workspace
	old.state, old.kind, old.gen = r.state, r.kind, r.gen
	return number
}

// remove forgets a record; its counts go to the spill.
func (t *table) remove(h *token.Hash) {
	s, tag := t.split(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	if number, r := s.lookup(h, tag); r != nil {
		t.drop(s, number, r)
		s.free = append(s.free, number)
		t.live.Add(-1)
	}
}

// size returns the number of records.
func (t *table) size() int { return int(t.live.Load()) }

// room returns the number of an unused record, evicting one at the bound.
func (t *table) room(s *shard) uint32 {
	if t.live.Add(1) > t.bound {
		t.live.Add(-1)
		if s.live == 0 {
			return nowhere
		}
		number := s.victim()
		t.drop(s, number, s.at(number))
		return number
	}
	if n := len(s.free); n > 0 {
		number := s.free[n-1]
		s.free = s.free[:n-1]
		return number
	}
	if chunk, _ := locate(s.made); chunk == len(s.chunks) {
		s.chunks = append(s.chunks, make([]record, min(max(s.made, firstChunk), mostChunk)))
	}
	s.made++
	return s.made - 1
}

// victim moves the clock's hand to a record that was not looked up since it last came by.
func (s *shard) victim() uint32 {
	for looks := 0; ; looks++ {
		number := s.hand
		if s.hand++; s.hand >= s.made {
			s.hand = 0
		}
		r := s.at(number)
		if r.flags&flagUsed == 0 {
			continue
		}
		if r.flags&flagSeen == 0 || looks >= mostLooks {
			return number
		}
		r.flags &^= flagSeen
	}
}

// drop takes a record out of the index and hands its counts on. The number is the caller's to reuse.
func (t *table) drop(s *shard, number uint32, r *record) {
	t.spillRecord(s, r)
	_, tag := t.split(&r.hash)
	s.unindex(tag, number)
	r.flags &= flagListed
}

func (s *shard) at(number uint32) *record {
	chunk, i := locate(number)
	return &s.chunks[chunk][i]
}

// locate says in which chunk a record is: they double from firstChunk on, so that a small table is small,
// up to mostChunk, so that a large one is few objects to the collector.
func locate(number uint32) (chunk int, i uint32) {
	if number >= mostChunk {
		return bits.Len32(mostChunk/firstChunk) - 1 + int(number/mostChunk), number % mostChunk
	}
	if number < firstChunk {
		return 0, number
	}
	chunk = bits.Len32(number / firstChunk)
	return chunk, number - firstChunk<<(chunk-1)
}

// lookup returns nil when there is no such record.
func (s *shard) lookup(h *token.Hash, tag uint32) (uint32, *record) {
	if len(s.slots) == 0 {
		return nowhere, nil
	}
	mask := uint32(len(s.slots) - 1)
	for i := tag & mask; ; i = (i + 1) & mask {
		slot := s.slots[i]
		if slot == 0 {
			return nowhere, nil
		}
		if uint32(slot>>32) == tag {
			number := uint32(slot) - 1
			if r := s.at(number); r.hash == *h {
				return number, r
			}
		}
	}
}

func (s *shard) index(tag, number uint32) {
	if (s.live+1)*4 > len(s.slots)*3 {
		old := s.slots
		s.slots = make([]uint64, max(firstSlots, 2*len(old)))
		for _, slot := range old {
			if slot != 0 {
				s.put(slot)
			}
		}
	}
	s.put(uint64(tag)<<32 | uint64(number+1))
	s.live++
}

func (s *shard) put(slot uint64) {
	mask := uint32(len(s.slots) - 1)
	i := uint32(slot>>32) & mask
	for s.slots[i] != 0 {
		i = (i + 1) & mask
	}
	s.slots[i] = slot
}

// unindex closes the gap that it leaves by moving later slots back, so that there are no tombstones.
func (s *shard) unindex(tag, number uint32) {
	mask := uint32(len(s.slots) - 1)
	i := tag & mask
	for s.slots[i] != uint64(tag)<<32|uint64(number+1) {
		i = (i + 1) & mask
	}
	for j := (i + 1) & mask; s.slots[j] != 0; j = (j + 1) & mask {
		home := uint32(s.slots[j]>>32) & mask
		if (j-home)&mask >= (j-i)&mask { // its home is not between the gap and itself
			s.slots[i] = s.slots[j]
			i = j
		}
	}
	s.slots[i] = 0
	s.live--
}
