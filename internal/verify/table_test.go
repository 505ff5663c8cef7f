package verify

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
	"unsafe"

	"pgregory.net/rapid"

	"github.com/keywright/keywright/internal/token"
)

// numbered returns a record that is told from others by n alone.
func numbered(n int) record {
	r := record{hash: token.HashOf(fmt.Sprint(n)), kind: kindPAT, expires: never, stamp: uint64(n), grant: 1, workspace: 1}
	r.gen = tokenIndex(&r.hash)
	binary.BigEndian.PutUint64(r.token[8:], uint64(n)+1)
	binary.BigEndian.PutUint64(r.owner[8:], uint64(n)%1000)
	return r
}

func TestARecordIsTwoCacheLines(t *testing.T) {
	if size := unsafe.Sizeof(record{}); size != 128 {
		t.Errorf("a record has %d bytes, want 128", size)
	}
}

func TestChunksHoldEveryNumberInItsOwnPlace(t *testing.T) {
	number := uint32(0)
	for chunk, size := range []uint32{32, 32, 64, 128, 256, 512, 512, 512} {
		for i := range size {
			if gotChunk, got := locate(number); gotChunk != chunk || got != i {
				t.Fatalf("record %d is at %d of chunk %d, want %d of %d", number, got, gotChunk, i, chunk)
			}
			number++
		}
	}
}

// Whatever is inserted, found, removed and counted in whatever order, the table answers as a plain map
// does, and no count is lost or made up.
func TestTheTableIsAMapWhileItIsNotFull(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := newTable(rapid.IntRange(100, 20_000).Draw(t, "bound"))
		model := map[token.Hash]record{}
		counted, drained := map[rawID]uint64{}, map[rawID]uint64{}
		pick := rapid.IntRange(0, 90)
		t.Repeat(map[string]func(*rapid.T){
			"insert": func(t *rapid.T) {
				r := numbered(pick.Draw(t, "n"))
				r.stamp = rapid.Uint64().Draw(t, "stamp")
				table.insert(&r)
				model[r.hash] = r
			},
			"remove": func(t *rapid.T) {
				r := numbered(pick.Draw(t, "n"))
				table.remove(&r.hash)
				delete(model, r.hash)
			},
			"count": func(t *rapid.T) {
				r := numbered(pick.Draw(t, "n"))
				number := rapid.SampledFrom([]uint32{nowhere, 0, 1, 5}).Draw(t, "hint")
				table.count(number, &r, use{at: 1})
				counted[r.token]++
			},
			"drain": func(*rapid.T) { addRequests(table, drained) },
			"": func(t *rapid.T) {
				if table.size() != len(model) {
					t.Fatalf("size %d, want %d", table.size(), len(model))
				}
				for n := range 91 {
					r := numbered(n)
					want, exists := model[r.hash]
					var got record
					if _, ok := table.find(&r.hash, &got); ok != exists || ok && (got.stamp != want.stamp || got.token != want.token) {
						t.Fatalf("record %d: found %v with stamp %d, want %v with %d", n, ok, got.stamp, exists, want.stamp)
					}
				}
			},
		})
		addRequests(table, drained)
		for id, n := range counted {
			if drained[id] != n {
				t.Fatalf("token %x: drained %d requests, counted %d", id, drained[id], n)
			}
		}
	})
}

func addRequests(table *table, to map[rawID]uint64) {
	for b := range table.drain {
		for _, y := range b.tallies {
			to[y.token] += y.requests
		}
	}
}

func TestEvictionKeepsTheBoundAndEveryCount(t *testing.T) {
	const bound, workers, each = 5000, 8, 5000
	table := newTable(bound)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for n := range each {
				r := numbered(w*each + n)
				number := table.insert(&r)
				table.count(number, &r, use{at: 1})
				table.count(number, &r, use{at: 1, refused: true})
			}
		})
	}
	wg.Wait()
	inShards := 0
	for i := range table.shards {
		inShards += table.shards[i].live
	}
	if table.size() > bound || table.size() < bound*99/100 || inShards != table.size() {
		t.Errorf("%d records by the counter and %d by the shards, want just within %d", table.size(), inShards, bound)
	}
	requests, refusals := uint64(0), uint64(0)
	for b := range table.drain {
		for _, y := range b.tallies {
			requests += y.requests
			refusals += y.refusals
		}
	}
	if requests != workers*each || refusals != workers*each {
		t.Errorf("drained %d requests and %d refusals, want %d of each", requests, refusals, workers*each)
	}
}

func TestWhatIsLookedUpOutlivesWhatIsUsedOnce(t *testing.T) {
	const bound, hot = 10_000, 20
	table := newTable(bound)
	missed := 0
	for n := range 10 * bound {
		r := numbered(hot + n)
		table.insert(&r)
		table.find(&r.hash, &record{})
		for i := range hot {
			h := numbered(i)
			if _, ok := table.find(&h.hash, &record{}); !ok {
				missed++
				table.insert(&h)
			}
		}
	}
	// Chance alone would evict 20 of 10,000 with each ninth of these insertions: 180 times.
	if t.Logf("%d misses", missed); missed > hot+40 {
		t.Errorf("records in constant use were missed %d times", missed)
	}
}

func TestATableOfOneRecordWorks(t *testing.T) {
	table := newTable(1)
	for n := range 10 {
		r := numbered(n)
		table.insert(&r)
		if _, ok := table.find(&r.hash, &record{}); !ok || table.size() != 1 {
			t.Fatalf("after record %d: found %v, size %d", n, ok, table.size())
		}
	}
}

func TestAnotherTokenWithTheSameHashTakesNoneOfTheCounts(t *testing.T) {
	table := newTable(10)
	old := numbered(1)
	table.count(table.insert(&old), &old, use{at: 1})
	now := old
	now.token = rawID{9}
	table.insert(&now)
	got := map[rawID]uint64{}
	addRequests(table, got)
	if got[old.token] != 1 || got[now.token] != 0 {
		t.Errorf("the old token has %d requests and the new one %d, want 1 and 0", got[old.token], got[now.token])
	}
}

func filled(n int) *table {
	table := newTable(1_000_000)
	for i := range n {
		r := numbered(i)
		table.insert(&r)
	}
	return table
}

func TestAMillionRecordsTakeAtMost250MiBAndNothingOfTheCollector(t *testing.T) {
	const n = 1_000_000
	base := heap()
	idle := collection()
	empty := newTable(n)
	if used := heap() - base; used > 1<<20 {
		t.Errorf("an empty table takes %d bytes", used)
	}
	runtime.KeepAlive(empty)
	table := filled(n)
	for i := range n { // the list of what is to be drained is full too
		r := numbered(i)
		table.count(nowhere, &r, use{at: 1})
	}
	used := heap() - base
	busy := collection()
	if table.size() != n {
		t.Errorf("%d records of %d are there", table.size(), n)
	}
	t.Logf("%d records: %.1f MiB; a collection takes %v with them, %v without", n, float64(used)/(1<<20), busy, idle)
	if used > 250<<20 {
		t.Errorf("%d records take %d bytes", n, used)
	}
	if busy > idle+10*time.Millisecond {
		t.Errorf("a collection takes %v with the records and %v without", busy, idle)
	}
	runtime.KeepAlive(table)
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapInuse)
}

// collection returns the least of some, since the machine has other things to do.
func collection() time.Duration {
	var all []time.Duration
	for range 7 {
		began := time.Now()
		runtime.GC()
		all = append(all, time.Since(began))
	}
	return slices.Min(all)
}

// A check never waits for a table to grow by more than a shard's index.
func TestNoInsertionTakesLong(t *testing.T) {
	var longest time.Duration
	for range 3 { // the machine's own pauses don't repeat at the same place
		table := newTable(1_000_000)
		worst := time.Duration(0)
		for n := range 300_000 {
			r := numbered(n)
			began := time.Now()
			table.insert(&r)
			worst = max(worst, time.Since(began))
		}
		if longest == 0 || worst < longest {
			longest = worst
		}
	}
	t.Logf("the longest of 300,000 insertions took %v", longest)
	if longest > 100*time.Millisecond {
		t.Errorf("an insertion took %v", longest)
	}
}
