package verify

import (
	"encoding/binary"
	"math"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

const noon = 20_000*dayMicros + dayMicros/2

func address(n int) netip.Addr {
	var a [4]byte
	binary.BigEndian.PutUint32(a[:], uint32(n)+10<<24)
	return netip.AddrFrom4(a)
}

// collected is a whole drain, for tests that don't care about batches.
func collected(t *table) (all batch) {
	for b := range t.drain {
		all.tallies = append(all.tallies, b.tallies...)
		all.sightings = append(all.sightings, b.sightings...)
	}
	return all
}

func counting(uses ...use) *table {
	table, r := newTable(10), numbered(1)
	number := table.insert(&r)
	for _, u := range uses {
		table.count(number, &r, u)
	}
	return table
}

func TestADrainHoldsEverythingSinceTheLastAndNothingTwice(t *testing.T) {
	table := counting(use{at: noon, address: address(1)}, use{at: noon + 5, address: address(2)}, use{at: noon + 9, refused: true, address: address(3)})
	b := collected(table)
	r := numbered(1)
	want := tally{token: r.token, owner: r.owner, address: address(2).As16(), used: noon + 5, requests: 2, refusals: 1, workspace: 1, day: 20_000}
	if len(b.tallies) != 1 || b.tallies[0] != want {
		t.Errorf("drained %+v, want %+v", b.tallies, want)
	}
	if got := seenFrom(b); !slices.Equal(got, []string{"10.0.0.1", "10.0.0.2"}) {
		t.Errorf("addresses %v: a refused request's doesn't count, the others do", got)
	}
	if again := collected(table); len(again.tallies)+len(again.sightings) != 0 {
		t.Errorf("drained again: %+v", again)
	}
	table.count(nowhere, &r, use{at: noon + 10, address: address(2)})
	if b = collected(table); len(b.tallies) != 1 || b.tallies[0].requests != 1 || len(b.sightings) != 0 {
		t.Errorf("the same address after a drain: %+v", b)
	}
}

func seenFrom(b batch) (out []string) {
	for _, s := range b.sightings {
		out = append(out, clientAddress(s.address).String())
	}
	slices.Sort(out)
	return out
}

func TestOnlyRefusalsAreNoUse(t *testing.T) {
	table := counting(use{at: noon, address: address(1)})
	collected(table)
	r := numbered(1)
	table.count(nowhere, &r, use{at: noon + 1, address: address(2), refused: true})
	if b := collected(table); len(b.tallies) != 1 || b.tallies[0].used != 0 || b.tallies[0].refusals != 1 {
		t.Errorf("drained %+v", b)
	}
}

func TestAnEvictedRecordsAddressIsReportedToo(t *testing.T) {
	table := counting(use{at: noon, address: address(1)})
	r := numbered(1)
	table.remove(&r.hash)
	table.count(0, &r, use{at: noon, address: address(2)}) // found before, counted after
	b := collected(table)
	if got := seenFrom(b); !slices.Equal(got, []string{"10.0.0.1", "10.0.0.2"}) || len(b.tallies) != 1 || b.tallies[0].requests != 2 {
		t.Errorf("addresses %v, tallies %+v", got, b.tallies)
	}
}

func TestAUseOfAFormerTokenIsNotItsSuccessors(t *testing.T) {
	table := counting()
	old := numbered(1)
	now := old
	now.token = rawID{9}
	number := table.insert(&now)
	table.count(number, &old, use{at: noon})
	got := map[rawID]uint64{}
	addRequests(table, got)
	if got[old.token] != 1 || got[now.token] != 0 {
		t.Errorf("requests %v", got)
	}
}

func TestTheListOfWhatIsToBeDrainedIsNoLongerThanTheTable(t *testing.T) {
	table := newTable(1000)
	for n := range 50_000 {
		r := numbered(n)
		table.count(table.insert(&r), &r, use{at: noon})
	}
	for i := range table.shards {
		if s := &table.shards[i]; len(s.dirty) > int(s.made) {
			t.Fatalf("%d to drain of %d records", len(s.dirty), s.made)
		}
	}
}

func TestMidnightMixesNoDays(t *testing.T) {
	const midnight = 20_001 * dayMicros
	// Two checks that straddle midnight may be counted in either order.
	table := counting(
		use{at: midnight - 1, address: address(1)}, use{at: midnight, address: address(1)},
		use{at: midnight - 1, address: address(1)}, use{at: midnight + 1, address: address(2)}, use{at: midnight + 2, refused: true})
	requests, refusals := map[uint16]uint64{}, map[uint16]uint64{}
	days := map[string][]uint16{}
	b := collected(table)
	for _, y := range b.tallies {
		requests[y.day] += y.requests
		refusals[y.day] += y.refusals
	}
	for _, s := range b.sightings {
		a := clientAddress(s.address).String()
		if !slices.Contains(days[a], s.day) {
			days[a] = append(days[a], s.day)
		}
	}
	if len(b.tallies) != 2 || requests[20_000] != 2 || requests[20_001] != 2 || refusals[20_001] != 1 {
		t.Errorf("tallies %+v", b.tallies)
	}
	slices.Sort(days["10.0.0.1"])
	if !slices.Equal(days["10.0.0.1"], []uint16{20_000, 20_001}) || !slices.Equal(days["10.0.0.2"], []uint16{20_001}) {
		t.Errorf("days of addresses %v", days)
	}
}

func TestABatchThatCouldNotBeWrittenComesBackOnce(t *testing.T) {
	table := counting(use{at: noon, address: address(1)})
	r := numbered(1)
	for b := range table.drain {
		table.count(nowhere, &r, use{at: noon + 1, address: address(2)})
		table.restore(b)
	}
	b := collected(table)
	if len(b.tallies) != 1 || b.tallies[0].requests != 2 || b.tallies[0].used != noon+1 || clientAddress(b.tallies[0].address) != address(2) {
		t.Errorf("tallies %+v", b.tallies)
	}
	if got := seenFrom(b); !slices.Equal(got, []string{"10.0.0.1", "10.0.0.2"}) {
		t.Errorf("addresses %v", got)
	}
}

func TestBreakingOffADrainLosesNothing(t *testing.T) {
	table := newTable(20_000)
	for n := range 30_000 { // two thirds in records, one third spilled
		r := numbered(n)
		table.count(table.insert(&r), &r, use{at: noon})
	}
	got := map[rawID]uint64{}
	for drains := 0; len(got) < 30_000; drains++ {
		if drains > 30 {
			t.Fatalf("%d tokens after %d drains", len(got), drains)
		}
		for b := range table.drain {
			if len(b.tallies) > 2*drainSize {
				t.Errorf("a batch of %d", len(b.tallies))
			}
			for _, y := range b.tallies {
				got[y.token] += y.requests
			}
			break
		}
	}
	addRequests(table, got)
	for id, n := range got {
		if n != 1 {
			t.Fatalf("token %x was used once and drained %d times", id, n)
		}
	}
}

// Addresses come back to a token in any order, with drains in between: each is reported, and only once.
func TestEachAddressIsReportedOnceADay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table, r := newTable(10), numbered(1)
		number := table.insert(&r)
		used, reported := map[string]bool{}, []string{}
		for range rapid.IntRange(1, 60).Draw(t, "uses") {
			a := address(rapid.IntRange(0, 8).Draw(t, "address"))
			table.count(number, &r, use{at: noon, address: a})
			used[a.String()] = true
			if rapid.IntRange(0, 5).Draw(t, "drain") == 0 {
				reported = append(reported, seenFrom(collected(table))...)
			}
		}
		reported = append(reported, seenFrom(collected(table))...)
		if slices.Sort(reported); len(reported) != len(used) || len(slices.Compact(reported)) != len(used) {
			t.Fatalf("reported %v of %v", reported, used)
		}
	})
}

func TestATokenUsedFromVeryManyAddressesIsCountedUpToTheCap(t *testing.T) {
	table, r := newTable(10), numbered(1)
	number := table.insert(&r)
	for n := range 100_000 {
		table.count(number, &r, use{at: noon, address: address(n)})
	}
	b := collected(table)
	if len(b.sightings) != mostAddresses || b.tallies[0].requests != 100_000 || clientAddress(b.tallies[0].address) != address(99_999) {
		t.Errorf("%d addresses, tally %+v", len(b.sightings), b.tallies[0])
	}
	if n := len(table.shards[0].seen); n > mostSeen {
		t.Errorf("%d addresses are remembered", n)
	}
}

func TestManyTokensOnTheMoveKeepTheMemoryOfAddressesBounded(t *testing.T) {
	table := newTable(2000)
	for n := range 2000 {
		r := numbered(n)
		number := table.insert(&r)
		for a := range 200 {
			table.count(number, &r, use{at: noon, address: address(a)})
		}
	}
	for i := range table.shards {
		if s := &table.shards[i]; len(s.seen) > mostSeen || len(s.waiting) > mostWaiting {
			t.Fatalf("a shard remembers %d addresses and holds %d", len(s.seen), len(s.waiting))
		}
	}
}

func TestAFullCounterGoesOn(t *testing.T) {
	table := counting(use{at: noon})
	table.shards[0].at(0).requests = math.MaxUint32
	r := numbered(1)
	table.count(0, &r, use{at: noon})
	got := map[rawID]uint64{}
	addRequests(table, got)
	if got[r.token] != math.MaxUint32+1 {
		t.Errorf("%d requests", got[r.token])
	}
}

func TestNothingIsLostBetweenChecksDrainsAndEvictions(t *testing.T) {
	const workers, each = 6, 20_000
	table := newTable(50)
	var wg, drainer sync.WaitGroup
	stop := make(chan struct{})
	got := map[rawID]uint64{}
	drainer.Go(func() {
		for n := 0; ; n++ {
			for b := range table.drain {
				if n%3 == 0 {
					table.restore(b)
					continue
				}
				for _, y := range b.tallies {
					got[y.token] += y.requests
				}
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	for w := range workers {
		wg.Go(func() {
			for n := range each {
				r := numbered((n*7 + w) % 120)
				var copied record
				number, ok := table.find(&r.hash, &copied)
				if !ok {
					number = table.insert(&r)
				}
				table.count(number, &r, use{at: noon + int64(n)*dayMicros/each, address: address(n % 3)})
			}
		})
	}
	wg.Wait()
	close(stop)
	drainer.Wait()
	addRequests(table, got)
	total := uint64(0)
	for _, n := range got {
		total += n
	}
	if total != workers*each {
		t.Errorf("drained %d requests of %d", total, workers*each)
	}
}
