package verify

import (
	"encoding/binary"
	"net/netip"
	"sync"

	"github.com/keywright/keywright/internal/token"
)

const (
	unknownStripes = 64
	unknownSlots   = 1024 // a stripe: 65,536 in all
)

// unknowns remembers hashes that the database did not have, so that a client that keeps presenting a
// deleted token doesn't keep asking the database, each as what it was looked for: what is no access token of
// ours may still be somebody's legacy token. Each hash has one slot, and the last one put there has
// it: bounded, and a flood of random secrets costs only what it pushes out. An entry is good while the
// counter of made tokens is what it was before the database was asked; see generations. A stripe's 48 KiB
// are made when they are first needed.
type unknowns struct{ stripes [unknownStripes]unknownStripe }

type unknownStripe struct {
	mu    sync.Mutex
	slots []unknownSlot
}

type unknownSlot struct {
	hash token.Hash // whole: a good token must not be taken for an unknown one
	born uint64
	form form // noForm: the slot is empty
}

func (u *unknowns) place(h *token.Hash) (*unknownStripe, int) {
	head := binary.LittleEndian.Uint32(h[16:])
	return &u.stripes[head%unknownStripes], int(head / unknownStripes % unknownSlots)
}

// has reports whether a hash is known to be unknown.
func (u *unknowns) has(h *token.Hash, f form, g *generations) bool {
	s, i := u.place(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.slots == nil {
		return false
	}
	e := &s.slots[i]
	return e.form == f && e.hash == *h && e.born == g.born[bornIndex(h)].Load()
}

// add remembers that a reading found nothing.
func (u *unknowns) add(r *reading, f form) {
	s, i := u.place(&r.hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.slots == nil {
		s.slots = make([]unknownSlot, unknownSlots)
	}
	s.slots[i] = unknownSlot{hash: r.hash, born: r.born, form: f}
}

// Unknown is the answer to a credential that some other way of looking has proved unknown: counted, and
// throttled by address, as if a check had found that. Errors: invalid_token, throttled.
func (c *Checker) Unknown(from netip.Addr, proxy bool) error {
	return c.unknown(&Ask{Address: from, Exempt: proxy})
}
