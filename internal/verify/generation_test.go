package verify

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/keywright/keywright/internal/token"
)

// The loader's steps and a changer's, in every order: whenever a change has returned, no record that
// counts as fresh is from before it. Each change is to the member, the workspace or the token, two in a row;
// for access tokens, to the app instead of the member and to the source instead of the token.
func TestInEveryOrderOfStepsNoRecordOutlivesAChange(t *testing.T) {
	if everyOrder(t, false) == 0 {
		t.Error("no loader read a second time")
	}
	if n := everyOrder(t, true); n > 0 {
		t.Errorf("all counters were taken beforehand, and %d loaders read a second time", n)
	}
}

func everyOrder(t *testing.T, ofSource bool) (retries int) {
	t.Helper()
	g := new(generations)
	orders := 0
	for first := range 3 {
		for second := range 3 {
			const steps = 16
			for order := range 1 << steps {
				run := interleaving{g: g, ofSource: ofSource, changes: [2]int{first, second}}
				for i := range steps {
					if order>>i&1 == 0 && run.loadStep < 99 {
						run.load()
					} else {
						run.change()
					}
					if run.inserted && g.fresh(&run.record, rawID{2}) && run.value < run.returned {
						t.Fatalf("changes %d and %d, order %b: a record of version %d is fresh after version %d returned", first, second, order, run.value, run.returned)
					}
					if run.loadStep == 99 && run.changeStep >= 8 {
						break
					}
				}
				orders++
				retries += run.retries
			}
		}
	}
	t.Logf("%d orders, %d second readings", orders, retries)
	return retries
}

type interleaving struct {
	g          *generations
	ofSource   bool // it is an access token that is loaded
	changes    [2]int
	changeStep int
	committed  int
	returned   int

	loadStep int
	reading  reading
	read     int
	inserted bool
	value    int
	record   record
	retries  int
}

func (x *interleaving) change() {
	h, owner, workspace := token.Hash{1}, rawID{1}, rawID{2}
	switch x.changeStep % 4 {
	case 0:
		x.committed++
	case 1: // what the methods do, in two steps
		x.g.epoch.Add(1)
	case 2:
		switch x.changes[x.changeStep/4] {
		case 0:
			x.g.owners[ownerIndex(owner, workspace)].Add(1)
		case 1:
			x.g.workspaces[workspaceIndex(workspace)].Add(1)
		case 2:
			gen := tokenIndex(&h)
			if x.ofSource {
				gen = sourceIndex(rawID{15: 3})
			}
			x.g.tokens[gen].Add(1)
		}
	case 3:
		x.returned = x.committed
	}
	if x.changeStep++; x.changeStep > 8 {
		x.changeStep = 8
	}
	if x.changeStep == 8 {
		x.changes = [2]int{}
	}
}

func (x *interleaving) load() {
	h, owner, workspace := token.Hash{1}, rawID{1}, rawID{2}
	switch x.loadStep {
	case 0:
		x.reading = x.g.begin(&h)
		if x.ofSource {
			x.reading = x.g.beginSource(&h, rawID{15: 3}, owner, workspace)
		}
		x.loadStep++
	case 1:
		x.read = x.committed
		x.loadStep++
	case 2:
		if x.loadStep++; !x.g.settle(&x.reading, owner, workspace) {
			x.retries++
			x.loadStep = 1
		}
	case 3:
		x.record = record{hash: h, gen: x.reading.gen, owner: owner, stamp: x.reading.stamp()}
		x.value, x.inserted, x.loadStep = x.read, true, 99
	}
}

// world is a database of a few tokens whose owners move, with a version on everything.
type world struct {
	mu    sync.Mutex
	owner [4]int
	versions
}

type versions struct {
	tokens     [4]uint32
	owners     [3]uint32
	workspaces [2]uint32
}

// told is the versions whose changes have returned.
type told struct {
	tokens     [4]atomic.Uint32
	owners     [3]atomic.Uint32
	workspaces [2]atomic.Uint32
}

func TestNoCheckAnswersByAStateThatAChangeEndedBefore(t *testing.T) {
	var (
		db      world
		known   told
		g       = new(generations)
		memory  = newTable(3) // smaller than the world: eviction takes part
		done    atomic.Bool
		changes sync.WaitGroup
		checks  sync.WaitGroup
		hits    atomic.Int64
		retries atomic.Int64
	)
	for w := range 2 {
		changes.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 1))
			for range 20_000 {
				db.change(random, g, &known)
				for range random.IntN(20) {
					runtime.Gosched()
				}
			}
		})
	}
	for w := range 6 {
		checks.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 2))
			for !done.Load() {
				i := random.IntN(4)
				floor := known.now(i)
				r := numbered(i)
				var got record
				if _, ok := memory.find(&r.hash, &got); ok && g.fresh(&got, rawID{byte(i % 2)}) {
					hits.Add(1)
				} else {
					got = db.load(i, g, &retries)
					memory.insert(&got)
				}
				if owner := got.owner[0]; got.grant < floor.tokens[i] || got.workspace < floor.owners[owner] || uint32(got.expires) < floor.workspaces[i%2] {
					t.Errorf("token %d: answered by versions %d, %d, %d of token, owner, workspace after %v had returned", i, got.grant, got.workspace, got.expires, floor)
					return
				}
			}
		})
	}
	changes.Wait()
	done.Store(true)
	checks.Wait()
	t.Logf("%d answers from memory, %d second readings", hits.Load(), retries.Load())
	if hits.Load() == 0 || retries.Load() == 0 {
		t.Error("the test did not reach what it is about")
	}
}

func (k *told) now(i int) (floor versions) {
	floor.tokens[i] = k.tokens[i].Load()
	for o := range k.owners {
		floor.owners[o] = k.owners[o].Load()
	}
	floor.workspaces[i%2] = k.workspaces[i%2].Load()
	return floor
}

// change makes one change as authority does: commit, bump, return.
func (db *world) change(random *rand.Rand, g *generations, known *told) {
	i := random.IntN(4)
	r := numbered(i)
	switch random.IntN(4) {
	case 0: // the token, which may move to another owner
		db.mu.Lock()
		db.tokens[i]++
		version := db.tokens[i]
		db.owner[i] = random.IntN(3)
		db.mu.Unlock()
		g.tokenChanged(&r.hash)
		raise(&known.tokens[i], version)
	case 1:
		db.mu.Lock()
		db.workspaces[i%2]++
		version := db.workspaces[i%2]
		db.mu.Unlock()
		g.workspaceChanged(rawID{byte(i % 2)})
		raise(&known.workspaces[i%2], version)
	default:
		o := random.IntN(3)
		db.mu.Lock()
		db.owners[o]++
		version := db.owners[o]
		db.mu.Unlock()
		g.ownerChanged(rawID{byte(o)}, rawID{0})
		g.ownerChanged(rawID{byte(o)}, rawID{1})
		raise(&known.owners[o], version)
	}
}

func raise(a *atomic.Uint32, to uint32) {
	for {
		if old := a.Load(); old >= to || a.CompareAndSwap(old, to) {
			return
		}
	}
}

// load reads as a checker does; the versions stand in fields that nothing here uses.
func (db *world) load(i int, g *generations, retries *atomic.Int64) record {
	r := numbered(i)
	reading := g.begin(&r.hash)
	for {
		runtime.Gosched()
		db.mu.Lock()
		r.owner = rawID{byte(db.owner[i])}
		r.grant, r.workspace, r.expires = db.tokens[i], db.owners[db.owner[i]], int64(db.workspaces[i%2])
		db.mu.Unlock()
		runtime.Gosched()
		if g.settle(&reading, r.owner, rawID{byte(i % 2)}) {
			r.stamp = reading.stamp()
			return r
		}
		retries.Add(1)
	}
}

func TestMakingATokenEndsAnUnknownAndNoRecord(t *testing.T) {
	g, u := new(generations), new(unknowns)
	h, other := token.HashOf("a"), token.HashOf("b")
	reading := g.begin(&h)
	if u.has(&h, tokenForm, g) {
		t.Error("a hash that nobody asked for is unknown")
	}
	u.add(&reading, tokenForm)
	if !u.has(&h, tokenForm, g) || u.has(&other, tokenForm, g) {
		t.Error("want the hash that was not found, and no other, to be unknown")
	}
	g.settle(&reading, rawID{1}, rawID{2})
	r := record{hash: h, gen: tokenIndex(&h), owner: rawID{1}, stamp: reading.stamp()}
	g.tokenMade(&h)
	if u.has(&h, tokenForm, g) {
		t.Error("still unknown after it was made")
	}
	if !g.fresh(&r, rawID{2}) {
		t.Error("making a token ended a record")
	}
	late := reading // taken before it was made, added after
	u.add(&late, tokenForm)
	if u.has(&h, tokenForm, g) {
		t.Error("a reading from before the token was made makes it unknown")
	}
}

func TestAFloodOfUnknownsIsBounded(t *testing.T) {
	g, u := new(generations), new(unknowns)
	base := heap()
	for n := range 300_000 {
		r := numbered(n)
		reading := g.begin(&r.hash)
		u.add(&reading, tokenForm)
	}
	held := 0
	for n := range 300_000 {
		r := numbered(n)
		if u.has(&r.hash, tokenForm, g) {
			held++
		}
	}
	if used := heap() - base; held > unknownStripes*unknownSlots || held < unknownStripes*unknownSlots*9/10 || used > 4<<20 {
		t.Errorf("%d unknowns are held in %d bytes", held, used)
	}
}

func TestEveryKindOfChangeEndsTheRecordsThatItConcerns(t *testing.T) {
	h, owner, workspace := token.HashOf("a"), rawID{0: 1, 15: 1}, rawID{0: 2, 15: 2}
	for name, c := range map[string]struct {
		change func(*generations)
		ends   bool
	}{
		"token":           {func(g *generations) { g.tokenChanged(&h) }, true},
		"owner":           {func(g *generations) { g.ownerChanged(owner, workspace) }, true},
		"workspace":       {func(g *generations) { g.workspaceChanged(workspace) }, true},
		"source":          {func(g *generations) { g.sourceChanged(rawID{15: 7}) }, false},
		"legacy tokens":   {func(g *generations) { g.legacyChanged(workspace) }, false},
		"other token":     {func(g *generations) { o := token.HashOf("b"); g.tokenChanged(&o) }, false},
		"other owner":     {func(g *generations) { g.ownerChanged(rawID{15: 9}, workspace) }, false},
		"owner elsewhere": {func(g *generations) { g.ownerChanged(owner, rawID{15: 9}) }, false},
		"other workspace": {func(g *generations) { g.workspaceChanged(rawID{15: 9}) }, false},
	} {
		g := new(generations)
		reading := g.begin(&h)
		if !g.settle(&reading, owner, workspace) {
			t.Fatal("not settled though nothing changed")
		}
		r := record{hash: h, gen: tokenIndex(&h), owner: owner, stamp: reading.stamp()}
		c.change(g)
		if g.fresh(&r, workspace) == c.ends {
			t.Errorf("%s: fresh is %v", name, !c.ends)
		}
	}
}
