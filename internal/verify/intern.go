package verify

import (
	"math"
	"sync"
	"sync/atomic"

	"github.com/keywright/keywright/internal/token"
)

// mostGrants is how many sets of scopes are remembered: some 20 MB if every set is long and its own.
const mostGrants = 1 << 16

// grant is what many records have in common: where they are good, and for what.
type grant struct {
	workspace rawID
	slug      string
	text      string       // the effective scopes, spaced
	scopes    token.Scopes // the same; not to be changed
	// audience is the hash of the resource that an access token is for; zero: its whole workspace. The resource
	// itself is the client's to choose and may be long.
	audience token.Hash
	epoch    int64 // of the app, for a client secret
}

// grantKey tells grants apart.
type grantKey struct {
	workspace    rawID
	slug, scopes string
	audience     token.Hash
	epoch        int64
}

// list numbers values so that records can name them without a pointer. Values are appended under a lock
// and read without one. A number is never given out twice: when the list is at its bound it
// starts over above the numbers that it gave out, those of before read as missing, and a record that
// holds one is reloaded. The table need not be swept and no record can come to mean something else.
type list[K comparable, V any] struct {
	bound  int // 0 is none
	values atomic.Pointer[span[V]]

	mu      sync.Mutex
	numbers map[K]uint32
}

// span is the values whose numbers begin at first.
type span[V any] struct {
	first  uint32
	values []V
}

func newList[K comparable, V any](bound int) *list[K, V] {
	l := &list[K, V]{bound: bound, numbers: map[K]uint32{}}
	l.values.Store(&span[V]{first: 1}) // 0 is no number
	return l
}

// number returns the value's number, appending it when it is new. 0, which reads as missing, means that
// all numbers were given out.
func (l *list[K, V]) number(key K, value V) uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n, ok := l.numbers[key]; ok {
		return n
	}
	old := l.values.Load()
	next := uint64(old.first) + uint64(len(old.values))
	if next >= math.MaxUint32 {
		return 0
	}
	if l.bound > 0 && len(old.values) >= l.bound {
		clear(l.numbers)
		old = &span[V]{first: uint32(next)}
	}
	// Readers hold a shorter slice of the same array and never look past its end.
	l.values.Store(&span[V]{first: old.first, values: append(old.values, value)})
	l.numbers[key] = uint32(next)
	return uint32(next)
}

// at returns a value; nil when the number is missing. The value is not to be changed.
func (l *list[K, V]) at(number uint32) *V {
	s := l.values.Load()
	if number < s.first || uint64(number-s.first) >= uint64(len(s.values)) {
		return nil
	}
	return &s.values[number-s.first]
}

// grants numbers grants. They hold what a record's workspace and scopes were when it was read.
type grants struct{ *list[grantKey, grant] }

func newGrants() grants { return grants{newList[grantKey, grant](mostGrants)} }

func (g grants) of(v grant) uint32 {
	return g.number(grantKey{v.workspace, v.slug, v.text, v.audience, v.epoch}, v)
}

// workspaces numbers the ids of workspaces for counts that are waiting to be drained, so it has no bound
// but the number of workspaces.
type workspaces struct{ *list[rawID, rawID] }

func newWorkspaces() workspaces { return workspaces{newList[rawID, rawID](0)} }

func (w workspaces) of(id rawID) uint32 { return w.number(id, id) }
