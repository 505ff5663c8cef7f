package verify

import (
	"bytes"
	"cmp"
	"math"
	"net/netip"
	"slices"
	"sync"
)

const (
	dayMicros = 24 * 60 * 60 * 1_000_000

	// mostAddresses is how many distinct addresses of a token are counted in a day. An eviction or a restart
	// begins anew, which the database evens out: it keeps each address once.
	mostAddresses = math.MaxUint8

	mostSeen     = 1024 // addresses that a shard remembers beside the last of each record
	mostWaiting  = 4096 // addresses that a shard holds for the next drain; further ones are not counted
	mostReturned = mostWaiting * 16

	drainStep = 512  // records collected under one lock
	drainSize = 4096 // tallies from which on a batch is handed out
)

// use is one check of a known credential, to be counted.
type use struct {
	at      int64      // Unix microseconds
	address netip.Addr // invalid: not known
	refused bool
}

// tally is what one token was used for in one day. Access tokens count for what they came from, so many
// records can have tallies of one token.
type tally struct {
	token, owner rawID
	address      [16]byte // of the last good request
	used         int64    // Unix microseconds, of the last good request; 0 is none
	requests     uint64
	refusals     uint64
	workspace    uint32
	day          uint16
	kind         kind // says what token and owner are ids of
}

// sighting is an address that a token was used from in a day, not reported before as far as is remembered.
type sighting struct {
	address   [16]byte
	token     rawID
	workspace uint32
	day       uint16
}

// batch is what was collected since the last drain. No two tallies are of the same token and day.
type batch struct {
	tallies   []tally
	sightings []sighting
}

// sightings is a shard's memory of addresses. A record knows the last one, so that a client that stays
// where it is costs a comparison; only one that moves is looked up here. When seen is full it forgets,
// and an address may be counted and reported again.
type sightings struct {
	seen    map[seenKey]struct{}
	waiting []sighting
}

type seenKey struct {
	token   rawID
	address [16]byte
	day     uint16
}

type tokenDay struct {
	token rawID
	day   uint16
}

// spill holds the counts that no record holds: of evicted records, of yesterday, and of batches that could
// not be written. While nothing can be written it holds one tally for each token and day, and nothing new is
// loaded either, so it has no bound of its own.
type spill struct {
	mu       sync.Mutex
	tallies  map[tokenDay]tally
	returned []sighting
}

// count counts a use of the record that find or insert placed at number. It is exact whatever became of
// the record meanwhile.
func (t *table) count(number uint32, r *record, u use) {
	s, tag := t.split(&r.hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	live := (*record)(nil)
	if number < s.made {
		live = s.at(number)
	}
	if live == nil || live.flags&flagUsed == 0 || live.hash != r.hash {
		number, live = s.lookup(&r.hash, tag)
	}
	if live == nil || live.token != r.token {
		// Evicted between find and count. A copy stands in for the record and is spilled at once.
		gone := record{token: r.token, owner: r.owner, workspace: r.workspace, kind: r.kind, day: uint16(u.at / dayMicros)}
		s.add(&gone, u)
		t.spillRecord(s, &gone)
		return
	}
	if day := uint16(u.at / dayMicros); live.day != day || live.requests == math.MaxUint32 || live.refusals == math.MaxUint32 {
		t.spillRecord(s, live)
		if live.day != day {
			live.day, live.addresses = day, 0
		}
	}
	s.add(live, u)
	if live.flags&flagListed == 0 {
		live.flags |= flagListed
		s.dirty = append(s.dirty, number)
	}
}

func (s *shard) add(r *record, u use) {
	if u.refused {
		r.refusals++
		return
	}
	r.requests++
	r.used = max(r.used, u.at)
	if !u.address.IsValid() {
		return
	}
	if a := u.address.As16(); r.addresses == 0 || a != r.address {
		s.moved(r, a)
	}
}

// moved notes that a token is used from another address than before, or for the first time today.
func (s *sightings) moved(r *record, to [16]byte) {
	s.settle(r)
	from := r.address
	r.address = to
	switch {
	case r.addresses == mostAddresses:
		return
	case r.addresses > 0:
		s.remember(r, from)
		if !s.remember(r, to) {
			return
		}
	}
	r.addresses++
	r.flags |= flagFresh
}

// settle moves a record's own new address to those that wait for the drain.
func (s *sightings) settle(r *record) {
	if r.flags&flagFresh == 0 {
		return
	}
	r.flags &^= flagFresh
	if len(s.waiting) < mostWaiting {
		s.waiting = append(s.waiting, sighting{address: r.address, token: r.token, workspace: r.workspace, day: r.day})
	}
}

// remember reports whether the address was not remembered.
func (s *sightings) remember(r *record, a [16]byte) bool {
	key := seenKey{r.token, a, r.day}
	if _, ok := s.seen[key]; ok {
		return false
	}
	if len(s.seen) >= mostSeen {
		clear(s.seen)
	}
	if s.seen == nil {
		s.seen = map[seenKey]struct{}{}
	}
	s.seen[key] = struct{}{}
	return true
}

// spillRecord moves what a record has counted to the spill. The caller holds the shard's lock.
func (t *table) spillRecord(s *shard, r *record) {
	s.settle(r)
	if r.requests != 0 || r.refusals != 0 {
		t.spill.put(r.take())
	}
}

// take returns what a record has counted and begins anew.
func (r *record) take() tally {
	y := tally{
		token: r.token, owner: r.owner, requests: uint64(r.requests), refusals: uint64(r.refusals),
		workspace: r.workspace, day: r.day, kind: r.kind,
	}
	if r.requests > 0 {
		y.used, y.address = r.used, r.address
	}
	r.requests, r.refusals = 0, 0
	return y
}

func (p *spill) put(y tally) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tallies == nil {
		p.tallies = map[tokenDay]tally{}
	}
	key := tokenDay{y.token, y.day}
	if old, ok := p.tallies[key]; ok {
		y = old.plus(y)
	}
	p.tallies[key] = y
}

func (y tally) plus(z tally) tally {
	y.requests += z.requests
	y.refusals += z.refusals
	if z.used > y.used {
		y.used, y.address = z.used, z.address
	}
	return y
}

func (p *spill) take() batch {
	p.mu.Lock()
	tallies, returned := p.tallies, p.returned
	p.tallies, p.returned = nil, nil
	p.mu.Unlock()
	b := batch{tallies: make([]tally, 0, len(tallies)), sightings: returned}
	for _, y := range tallies {
		b.tallies = append(b.tallies, y)
	}
	return b
}

// drain hands out all that was counted since the last drain, in batches; it walks the lists of used
// records, not the table. What was handed out is the caller's: restore puts a batch back. Breaking off
// leaves the rest for the next drain.
func (t *table) drain(yield func(batch) bool) {
	t.drains.Lock()
	defer t.drains.Unlock()
	b := t.spill.take()
	for len(b.tallies) > drainSize {
		first := batch{tallies: b.tallies[:drainSize:drainSize]}
		if b.tallies = b.tallies[drainSize:]; !yield(first.merged()) {
			t.restore(b)
			return
		}
	}
	for i := range t.shards {
		if len(b.tallies) >= drainSize {
			if !yield(b.merged()) {
				return
			}
			b = batch{}
		}
		t.shards[i].collect(&b)
	}
	if len(b.tallies)+len(b.sightings) > 0 {
		yield(b.merged())
	}
}

// restore takes back a batch that could not be written.
func (t *table) restore(b batch) {
	for _, y := range b.tallies {
		t.spill.put(y)
	}
	t.spill.mu.Lock()
	defer t.spill.mu.Unlock()
	room := mostReturned - len(t.spill.returned)
	t.spill.returned = append(t.spill.returned, b.sightings[:min(room, len(b.sightings))]...)
}

// collect adds to b what one shard has counted, a step at a time so that checks wait little.
func (s *shard) collect(b *batch) {
	s.mu.Lock()
	todo := s.dirty
	s.dirty, s.spare = s.spare[:0], nil
	b.sightings = append(b.sightings, s.waiting...)
	s.waiting = s.waiting[:0]
	s.mu.Unlock()
	for step := range slices.Chunk(todo, drainStep) {
		s.mu.Lock()
		for _, number := range step {
			s.collectRecord(s.at(number), b)
		}
		s.mu.Unlock()
	}
	s.mu.Lock()
	s.spare = todo
	s.mu.Unlock()
}

func (s *shard) collectRecord(r *record, b *batch) {
	r.flags &^= flagListed
	if r.flags&flagFresh != 0 {
		r.flags &^= flagFresh
		b.sightings = append(b.sightings, sighting{address: r.address, token: r.token, workspace: r.workspace, day: r.day})
	}
	if r.requests != 0 || r.refusals != 0 {
		b.tallies = append(b.tallies, r.take())
	}
}

// merged sorts a batch, which is the order that a database likes best, and adds up what belongs together.
func (b batch) merged() batch {
	slices.SortFunc(b.tallies, func(a, c tally) int {
		return cmp.Or(bytes.Compare(a.token[:], c.token[:]), cmp.Compare(a.day, c.day))
	})
	out := b.tallies[:0]
	for _, y := range b.tallies {
		if n := len(out); n > 0 && out[n-1].token == y.token && out[n-1].day == y.day {
			out[n-1] = out[n-1].plus(y)
			continue
		}
		out = append(out, y)
	}
	b.tallies = out
	// Each record reports its own addresses, and many can be of one token.
	slices.SortFunc(b.sightings, func(a, c sighting) int {
		return cmp.Or(bytes.Compare(a.token[:], c.token[:]), cmp.Compare(a.day, c.day), bytes.Compare(a.address[:], c.address[:]))
	})
	b.sightings = slices.Compact(b.sightings)
	return b
}

// clientAddress turns a kept address back; the zero one is invalid.
func clientAddress(raw [16]byte) netip.Addr {
	if raw == [16]byte{} {
		return netip.Addr{}
	}
	return netip.AddrFrom16(raw).Unmap()
}
