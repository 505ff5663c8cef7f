package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
)

// creators is how many members take turns to create: enough that none reaches fifty tokens.
const creators = 10_000

// createJob is a question to a process that creates tokens by the rules, without HTTP.
type createJob struct {
	Database string // in the first one: an empty database
	Callers  int
	Alone    bool // one creation at a time, so that each has a commit of its own
	Seconds  float64
	Profile  string // write a profile of it here
}

type createResult struct {
	PerSecond, CPU float64 // CPU of this process, microseconds for each
	P50, P99       float64 // milliseconds
}

// creations is the rules over a database.
type creations struct {
	rules   *authority.Authority
	ground  *ground
	next    atomic.Uint64
	commits sync.Mutex // held for each creation when they go alone
}

func playCreations(ctx context.Context, d *dialogue) (err error) {
	var st *store.Store
	var c *creations
	defer func() {
		if st != nil {
			err = errors.Join(err, st.Close())
		}
	}()
	return each(d, func(j createJob) (createResult, error) {
		if j.Database == "" {
			return c.measure(ctx, j)
		}
		var err error
		if st, err = store.Open(ctx, store.Options{DSN: j.Database}); err != nil {
			return createResult{}, err
		}
		c, err = newCreations(ctx, st)
		return createResult{}, err
	})
}

// issuer is what access tokens name as theirs.
func issuer(slug string) string { return "http://127.0.0.1/w/" + slug }

func newCreations(ctx context.Context, st *store.Store) (*creations, error) {
	if _, err := st.Migrate(ctx); err != nil {
		return nil, err
	}
	format, err := token.NewFormat("kw")
	if err != nil {
		return nil, err
	}
	c := &creations{ground: &ground{keys: keys{owners: creators}, start: time.Now().Add(-time.Hour)}}
	box, err := keyring.NewBox()
	if err != nil {
		return nil, err
	}
	checks := verify.New(verify.Config{Store: st, Format: format, Box: box, Issuer: issuer})
	c.rules = authority.New(authority.Config{Store: st, Checks: checks, Format: format, Box: box, Issuer: issuer})
	return c, st.Update(ctx, c.ground.people)
}

func (c *creations) measure(ctx context.Context, j createJob) (createResult, error) {
	var p profiler
	if err := p.profile(j.Profile); err != nil {
		return createResult{}, err
	}
	before, err := cpuTime(os.Getpid())
	if err != nil {
		return createResult{}, err
	}
	begin := time.Now()
	end := begin.Add(time.Duration(j.Seconds * float64(time.Second)))
	counts, errs := make([]histogram, j.Callers), make([]error, j.Callers)
	made := make([]int, j.Callers)
	var wg sync.WaitGroup
	for i := range j.Callers {
		wg.Go(func() {
			for now := time.Now(); now.Before(end) && errs[i] == nil; made[i]++ {
				errs[i] = c.create(ctx, j.Alone)
				then := now
				now = time.Now()
				counts[i].add(now.Sub(then))
			}
		})
	}
	wg.Wait()
	took := time.Since(begin)
	after, err := cpuTime(os.Getpid())
	if err = errors.Join(append(errs, err, p.profile(""))...); err != nil {
		return createResult{}, err
	}
	var h histogram
	n := 0
	for i := range counts {
		h.merge(&counts[i])
		n += made[i]
	}
	return createResult{
		PerSecond: float64(n) / took.Seconds(), CPU: float64((after - before).Microseconds()) / float64(n),
		P50: millis(h.quantile(0.5)), P99: millis(h.quantile(0.99)),
	}, nil
}

// create makes one token as the page would: a name of its own, a scope, ninety days.
func (c *creations) create(ctx context.Context, alone bool) error {
	if alone {
		c.commits.Lock()
		defer c.commits.Unlock()
	}
	n := c.next.Add(1)
	owner := n % creators
	name, days, scopes := "Nightly pipeline "+strconv.FormatUint(n, 10), 90, []string{"odata:read"}
	by := token.Identity{User: c.ground.owners[owner], Origin: token.Origin{Address: netip.MustParseAddr("198.51.100.24"), UserAgent: "Mozilla/5.0 (X11; Linux x86_64)"}}
	request := token.Request{Name: &name, Scopes: &scopes, Expiry: token.Choice{LifetimeDays: &days}}
	_, _, err := c.rules.CreateToken(ctx, by, slug(c.ground.keys.workspace(owner)), authority.NewToken{Request: request})
	return err
}

// creations measures durable creations on both engines.
func (b *bench) creations() error {
	b.out.title("Durable creations, by the rules and with their audit events")
	if err := b.creationsOn("SQLite, synchronous=FULL", filepath.Join(b.dir, "created.db")); err != nil {
		return err
	}
	return b.onPostgres(func(dsn string) error { return b.creationsOn("PostgreSQL, synchronous_commit=on", dsn) })
}

func (b *bench) creationsOn(engine, dsn string) (err error) {
	if !store.IsPostgres(dsn) {
		if err := removeDatabase(dsn); err != nil {
			return err
		}
	}
	c, err := b.begin("create", serverCPU())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.end()) }()
	if err := c.ask(createJob{Database: dsn}, &createResult{}); err != nil {
		return err
	}
	kinds := []struct {
		name string
		job  createJob
	}{
		{"1 caller", createJob{Callers: 1}},
		{"16 callers", createJob{Callers: 16}},
		{"16 callers, a commit each in turn", createJob{Callers: 16, Alone: true}},
	}
	results := make([][]createResult, len(kinds))
	for range b.rounds {
		for i, k := range kinds {
			k.job.Seconds, k.job.Profile = b.seconds, b.profilePath("create "+engine+" "+k.name, 0)
			var r createResult
			if err := c.ask(k.job, &r); err != nil {
				return err
			}
			results[i] = append(results[i], r)
		}
	}
	rows := []string{engine + "\tper second\tCPU µs\tp50 ms\tp99 ms"}
	for i, k := range kinds {
		of := func(figure func(createResult) float64) float64 { return median(results[i], figure) }
		rate := of(func(r createResult) float64 { return r.PerSecond })
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%.2f\t%.2f", k.name, number(rate), number(of(func(r createResult) float64 { return r.CPU })),
			of(func(r createResult) float64 { return r.P50 }), of(func(r createResult) float64 { return r.P99 })))
		if !store.IsPostgres(dsn) && k.job.Callers == 16 && !k.job.Alone {
			b.out.goal(goal{what: "durable creations, 16 callers, " + engine, got: rate, want: 5000, unit: "/s", least: true})
		}
	}
	b.out.table(rows)
	b.out.line("")
	return nil
}
