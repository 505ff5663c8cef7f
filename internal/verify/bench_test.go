package verify

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/token"
)

// bench is all that a check of a cached token works with.
type bench struct {
	format  token.Format
	table   *table
	gens    *generations
	grants  grants
	secrets []string
	want    token.Scopes
	now     func() time.Time
}

// newBench presents the first of as many secrets as are kept.
func newBench(kept, presented int) *bench {
	format, err := token.NewFormat("kw")
	if err != nil {
		panic(err)
	}
	b := &bench{format: format, table: newTable(1_000_000), gens: new(generations), grants: newGrants(), want: token.Scopes{"odata:read"}, now: time.Now}
	n := b.grants.of(grant{workspace: rawID{9}, slug: "standard", text: "collection odata:read", scopes: token.Scopes{"collection", "odata:read"}})
	for i := range kept {
		r := numbered(i)
		r.grant, r.stamp = n, 0
		if i < presented {
			secret := format.New(token.KindPAT).Reveal()
			b.secrets = append(b.secrets, secret)
			r.hash = token.HashOf(secret)
			r.gen = tokenIndex(&r.hash)
		}
		b.table.insert(&r)
	}
	rand.Shuffle(len(b.secrets), func(i, j int) { b.secrets[i], b.secrets[j] = b.secrets[j], b.secrets[i] })
	runtime.GC()
	return b
}

// check is the path of a cached credential from text to answer.
func (b *bench) check(presented string, from netip.Addr) bool {
	if _, ok := b.format.Parse(presented); !ok {
		return false
	}
	h := hashOf(presented)
	var r record
	number, ok := b.table.find(&h, &r)
	if !ok {
		return false
	}
	g := b.grants.at(r.grant)
	if g == nil || !b.gens.fresh(&r, g.workspace) {
		return false
	}
	now := b.now().UnixMicro()
	good := r.state == stateActive && now < r.expires && g.scopes.Has(b.want)
	b.table.count(number, &r, use{at: now, address: from, refused: !good})
	return good
}

func BenchmarkCheckCached(b *testing.B) {
	from := netip.MustParseAddr("203.0.113.7")
	for _, c := range []struct{ kept, presented int }{{1000, 1000}, {1_000_000, 1000}, {1_000_000, 1_000_000}} {
		b.Run(fmt.Sprintf("kept=%d/presented=%d", c.kept, c.presented), func(b *testing.B) {
			bench := newBench(c.kept, c.presented)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if !bench.check(bench.secrets[i%len(bench.secrets)], from) {
					b.Fatal("refused")
				}
			}
		})
	}
}

// BenchmarkCheckCachedRatio presents the same number of tokens to a table of 1,000 and to one of 1,000,000
// in turns, so that what else the machine does falls on both, and reports the ratio of the medians.
func BenchmarkCheckCachedRatio(b *testing.B) {
	from := netip.MustParseAddr("203.0.113.7")
	tables := [2]*bench{newBench(1000, 1000), newBench(1_000_000, 1000)}
	var rounds [2][]time.Duration
	for b.Loop() {
		for i, bench := range tables {
			began := time.Now()
			for _, secret := range bench.secrets {
				bench.check(secret, from)
			}
			rounds[i] = append(rounds[i], time.Since(began))
		}
	}
	slices.Sort(rounds[0])
	slices.Sort(rounds[1])
	few, many := rounds[0][len(rounds[0])/2], rounds[1][len(rounds[1])/2]
	b.ReportMetric(float64(few.Nanoseconds())/1000, "ns-of-1,000")
	b.ReportMetric(float64(many.Nanoseconds())/1000, "ns-of-1,000,000")
	b.ReportMetric(float64(many)/float64(few), "ratio")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkCheckCachedParallel(b *testing.B) {
	from := netip.MustParseAddr("203.0.113.7")
	for _, presented := range []int{1, 1000, 1_000_000} {
		b.Run(fmt.Sprintf("kept=1000000/presented=%d", presented), func(b *testing.B) {
			bench := newBench(1_000_000, presented)
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for i := rand.IntN(presented); pb.Next(); i++ {
					if !bench.check(bench.secrets[i%presented], from) {
						b.Error("refused")
					}
				}
			})
		})
	}
}

// BenchmarkParts says where a check's time goes.
func BenchmarkParts(b *testing.B) {
	bench := newBench(1000, 1000)
	hashes := make([]token.Hash, len(bench.secrets))
	for i, s := range bench.secrets {
		hashes[i] = token.HashOf(s)
	}
	from := netip.MustParseAddr("203.0.113.7")
	var r record
	for _, part := range []struct {
		name string
		do   func(i int)
	}{
		{"parse", func(i int) { bench.format.Parse(bench.secrets[i]) }},
		{"hash", func(i int) { hashes[i] = hashOf(bench.secrets[i]) }},
		{"token.HashOf", func(i int) { hashes[i] = token.HashOf(bench.secrets[i]) }},
		{"find", func(i int) { bench.table.find(&hashes[i], &r) }},
		{"fresh", func(int) { bench.gens.fresh(&r, rawID{9}) }},
		{"clock", func(int) { bench.now() }},
		{"count", func(int) { bench.table.count(0, &r, use{at: noon, address: from}) }},
		{"count between two addresses", func(i int) { bench.table.count(0, &r, use{at: noon, address: address(i & 1)}) }},
	} {
		b.Run(part.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				part.do(i % len(hashes))
			}
		})
	}
}

func BenchmarkInsert(b *testing.B) {
	for _, kept := range []int{0, 1_000_000} { // with room, and by eviction
		b.Run(fmt.Sprintf("kept=%d", kept), func(b *testing.B) {
			table := filled(kept)
			records := make([]record, 100_000)
			for i := range records {
				records[i] = numbered(2_000_000 + i)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				r := &records[i%len(records)]
				r.hash[8]++ // another key each round
				r.hash[4] += r.hash[8]
				table.insert(r)
			}
		})
	}
}

func BenchmarkDrain(b *testing.B) {
	for _, used := range []int{0, 1000, 1_000_000} {
		b.Run(fmt.Sprintf("kept=1000000/used=%d", used), func(b *testing.B) {
			table := filled(1_000_000)
			for b.Loop() {
				b.StopTimer()
				for i := range used {
					r := numbered(i)
					table.count(nowhere, &r, use{at: noon})
				}
				b.StartTimer()
				for range table.drain {
				}
			}
		})
	}
}

// BenchmarkCollection is a whole garbage collection with so many records kept; "pause" is how long it
// stopped the world.
func BenchmarkCollection(b *testing.B) {
	for _, kept := range []int{0, 1_000_000} {
		b.Run(fmt.Sprintf("kept=%d", kept), func(b *testing.B) {
			table := filled(kept)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for b.Loop() {
				runtime.GC()
			}
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.PauseTotalNs-before.PauseTotalNs)/float64(after.NumGC-before.NumGC), "pause-ns")
			runtime.KeepAlive(table)
		})
	}
}
