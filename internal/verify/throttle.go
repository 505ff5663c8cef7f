package verify

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

const (
	throttlePerMinute = 100
	throttleInterval  = time.Minute / throttlePerMinute

	throttleStripes = 64
	throttleSets    = 256
	throttleWays    = 4 // 65,536 addresses in all
)

// throttle counts unknown credentials by the client's address: IPv4 as it is, IPv6 by its /64, which is
// what one customer gets. It is asked only once a credential has proved unknown, so it can't touch a good
// one. Each address has a bucket of 100 that refills at 100 a minute (the generic cell rate algorithm): a
// refusal means that more than 100 came within some minute, and ends as the rate falls. What is refused
// is not counted, so a client that goes on asking still gets its 100 a minute answered in full.
//
// The table is bounded. An address that finds its set full takes the place of the one that has the most
// left; who can send from so many addresses is not stopped by counting addresses. The hash has a
// seed, so that nobody can choose addresses that share a set.
type throttle struct {
	seed    maphash.Seed
	stripes [throttleStripes]throttleStripe
}

type throttleStripe struct {
	mu    sync.Mutex
	slots []throttleSlot
}

type throttleSlot struct {
	address [16]byte
	full    int64 // Unix nanoseconds when the bucket is full again; 0 is no address
}

func newThrottle() *throttle { return &throttle{seed: maphash.MakeSeed()} }

// unknown counts an unknown credential. It returns zero, or how long the address has to wait before the
// next one is looked at. The caller sees to exempt addresses.
func (t *throttle) unknown(from netip.Addr, now time.Time) (retryAfter time.Duration) {
	key := throttleKey(from)
	hash := maphash.Bytes(t.seed, key[:])
	s := &t.stripes[hash%throttleStripes]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.slots == nil {
		s.slots = make([]throttleSlot, throttleSets*throttleWays)
	}
	at := now.UnixNano()
	slot := s.slot(key, hash/throttleStripes%throttleSets)
	// A clock that was set back must not lock an address out for as long.
	slot.full = min(max(slot.full, at), at+int64(time.Minute))
	next := slot.full + int64(throttleInterval)
	if over := next - at - int64(time.Minute); over > 0 {
		return time.Duration(over)
	}
	slot.full = next
	return 0
}

// slot returns the address's slot, or the one of its set that is full again soonest, emptied.
func (s *throttleStripe) slot(key [16]byte, set uint64) *throttleSlot {
	ways := s.slots[set*throttleWays:][:throttleWays]
	least := &ways[0]
	for i := range ways {
		if ways[i].address == key && ways[i].full != 0 {
			return &ways[i]
		}
		if ways[i].full < least.full {
			least = &ways[i]
		}
	}
	*least = throttleSlot{address: key}
	return least
}

// throttleKey is the zero address for one that is not known: all such clients share a bucket.
func throttleKey(a netip.Addr) (key [16]byte) {
	if a = a.Unmap(); a.Is4() {
		return a.As16()
	}
	if a.IsValid() {
		whole := a.As16()
		binary.BigEndian.PutUint64(key[:], binary.BigEndian.Uint64(whole[:]))
	}
	return key
}

// retrySeconds is the Retry-After of a refusal: whole seconds, at least one.
func retrySeconds(wait time.Duration) int {
	return max(1, int((wait+time.Second-1)/time.Second))
}
