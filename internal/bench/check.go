package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
)

// checkJob is a question to a process that checks without HTTP.
type checkJob struct {
	Database string // in the first one: open it and fill the cache with all its tokens
	Tokens   uint64
	Count    uint64 // present the first so many …
	Random   bool   // … at random, not in turn
	Seconds  float64
	Profile  string // write a profile of it here
}

// checkResult is what came of it.
type checkResult struct {
	Nanos, Allocs float64 // for each check
	Held          float64 // MiB taken from the system because of the cache
	Collection    float64 // milliseconds that a whole collection takes
	Pause         float64 // the longest, milliseconds
}

// checks are a Checker and what is presented to it.
type checks struct {
	checker *verify.Checker
	keys    keys
	asks    []verify.Ask // by workspace
	random  *rand.Rand
}

func playChecks(ctx context.Context, d *dialogue) (err error) {
	var st *store.Store
	var c *checks
	defer func() {
		if st != nil {
			err = errors.Join(err, st.Close())
		}
	}()
	return each(d, func(j checkJob) (checkResult, error) {
		if j.Database == "" {
			return c.measure(ctx, j)
		}
		var err error
		if st, err = store.Open(ctx, store.Options{DSN: j.Database}); err != nil {
			return checkResult{}, err
		}
		return fillCache(ctx, st, j, &c)
	})
}

// fillCache presents every token once, and says what that has cost in memory.
func fillCache(ctx context.Context, st *store.Store, j checkJob, into **checks) (r checkResult, err error) {
	format, err := token.NewFormat("kw")
	if err != nil {
		return r, err
	}
	c := &checks{checker: verify.New(verify.Config{Store: st, Format: format, Issuer: issuer}), keys: keysOf(j.Tokens), random: rand.New(rand.NewPCG(1, 2))}
	for w := range uint64(workspaces) {
		c.asks = append(c.asks, verify.Ask{Workspace: slug(w), Scopes: token.Scopes{"odata:read"}, Address: netip.MustParseAddr("198.51.100.24")})
	}
	before := held()
	empty := collection()
	for i := range j.Tokens {
		if err := c.check(ctx, c.presented(i)); err != nil {
			return r, fmt.Errorf("token %d: %w", i, err)
		}
		if i%rowsACommit == 0 {
			if err := c.checker.Flush(ctx); err != nil { // as a server does now and then
				return r, err
			}
		}
	}
	if err := c.checker.Flush(ctx); err != nil {
		return r, err
	}
	r.Held = mebi(held() - before)
	r.Collection = millis(collection() - empty)
	r.Pause = readVitals("").Pause
	*into = c
	return r, nil
}

// held is the memory that this process has from the system after it gave back what it can.
func held() int64 {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys - m.HeapReleased)
}

// collection is how long a whole garbage collection takes here.
func collection() time.Duration {
	const times = 5
	runtime.GC()
	began := time.Now()
	for range times {
		runtime.GC()
	}
	return time.Since(began) / times
}

type presented struct {
	secret string
	ask    *verify.Ask
}

func (c *checks) presented(i uint64) presented {
	s := c.keys.secret(i)
	return presented{string(s[:]), &c.asks[c.keys.workspace(c.keys.owner(c.keys.hash(i)))]}
}

func (c *checks) check(ctx context.Context, p presented) error {
	_, err := c.checker.Check(ctx, p.secret, *p.ask)
	return err
}

// measure times checks in batches, so that making secrets is not timed.
func (c *checks) measure(ctx context.Context, j checkJob) (r checkResult, err error) {
	var p profiler
	if err := p.profile(j.Profile); err != nil {
		return r, err
	}
	batch := make([]presented, fewTokens)
	var n int
	var took time.Duration
	var mallocs uint64
	for took < time.Duration(j.Seconds*float64(time.Second)) {
		for i := range batch {
			switch {
			case j.Random:
				batch[i] = c.presented(c.random.Uint64N(j.Count))
			case n == 0:
				batch[i] = c.presented(uint64(i) % j.Count)
			}
		}
		before := allocations()
		began := time.Now()
		for _, p := range batch {
			if err := c.check(ctx, p); err != nil {
				return r, err
			}
		}
		took += time.Since(began)
		mallocs += allocations() - before
		n += len(batch)
	}
	return checkResult{Nanos: float64(took) / float64(n), Allocs: float64(mallocs) / float64(n)}, p.profile("")
}

// allocations is how many there were so far, without stopping the program for it as runtime.ReadMemStats does.
func allocations() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// inProcess is verify alone, with few and with many tokens in memory.
func (b *bench) inProcess() (err error) {
	b.out.title("A check without HTTP")
	f := &field{b: b}
	defer func() { err = errors.Join(err, f.close()) }()
	few, _, err := f.checker("few", fewTokens)
	if err != nil {
		return err
	}
	many, full, err := f.checker("many", b.tokens)
	if err != nil {
		return err
	}
	kinds := []struct {
		name string
		at   *child
		job  checkJob
	}{
		{"1,000 stored, presented in turn", few, checkJob{Count: fewTokens, Seconds: b.seconds}},
		{number(float64(b.tokens)) + " stored, the same 1,000 in turn", many, checkJob{Count: fewTokens, Seconds: b.seconds}},
		{number(float64(b.tokens)) + " stored, all at random", many, checkJob{Count: b.tokens, Random: true, Seconds: b.seconds}},
	}
	results := make([][]checkResult, len(kinds))
	for range b.rounds {
		for i, k := range kinds {
			var r checkResult
			k.job.Profile = b.profilePath("check "+k.name, 0)
			if err := k.at.ask(k.job, &r); err != nil {
				return err
			}
			results[i] = append(results[i], r)
		}
	}
	rows := []string{"\tns\tallocations"}
	var nanos, allocs [3]float64
	for i, k := range kinds {
		nanos[i] = median(results[i], func(r checkResult) float64 { return r.Nanos })
		allocs[i] = median(results[i], func(r checkResult) float64 { return r.Allocs })
		rows = append(rows, fmt.Sprintf("%s\t%.0f\t%.2f", k.name, nanos[i], allocs[i]))
	}
	b.out.table(rows)
	b.out.line("\nThe full cache: %s MiB from the system; a whole collection takes %.2f ms more than without it; longest pause %.2f ms.", number(full.Held), full.Collection, full.Pause)
	b.out.goal(goal{what: "check of a cached token", got: nanos[0], want: 600, unit: "ns"})
	b.out.goal(goal{what: "allocations of it", got: float64(int(allocs[0]*100)) / 100, want: 1})
	b.out.goal(goal{what: "the same 1,000 tokens, many stored : 1,000 stored", got: nanos[1] / nanos[0], want: 1.1})
	b.out.goal(goal{what: "memory of the full cache", got: full.Held, want: 250, unit: "MiB"})
	return nil
}

func (f *field) checker(name string, tokens uint64) (c *child, r checkResult, err error) {
	path, err := f.b.database(name, tokens)
	if err != nil {
		return nil, r, err
	}
	if c, err = f.begin("check", serverCPU()); err != nil {
		return nil, r, err
	}
	return c, r, c.ask(checkJob{Database: path, Tokens: tokens}, &r)
}
