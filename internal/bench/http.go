package main

import (
	"errors"
	"fmt"
	"net/http"
)

// contender is one way to be asked, of one server.
type contender struct {
	name   string
	server *child
	job    loadJob
	goal   float64 // least throughput, as a part of the first contender's; 0 for none
	rate   float64 // least requests a second with 16 connections; 0 for none
}

// round is one measurement.
type round struct {
	loadResult
	gc    float64 // part of the server's processor time
	ratio float64 // of the bare handler's throughput in the same round
}

// field is servers that run at the same time, and the load that one of them has at a time.
type field struct {
	b        *bench
	load     *child
	children []*child
}

// open starts the load generator.
func (b *bench) open() (*field, error) {
	f := &field{b: b}
	var err error
	f.load, err = f.begin("load", loadCPU())
	return f, err
}

func (f *field) begin(role string, cpu int) (*child, error) {
	c, err := f.b.begin(role, cpu)
	if err == nil {
		f.children = append(f.children, c)
	}
	return c, err
}

// serve starts a server and waits until it serves.
func (f *field) serve(role string, j serveJob) (*child, error) {
	c, err := f.begin(role, serverCPU())
	if err != nil {
		return nil, err
	}
	return c, c.ask(j, &vitals{})
}

func (f *field) close() error {
	var errs []error
	for _, c := range f.children {
		errs = append(errs, c.end())
	}
	return errors.Join(errs...)
}

// measure lets the load loose on a contender once.
func (f *field) measure(c contender, conns int, seconds float64) (r round, err error) {
	var before, after vitals
	if err := c.server.ask(serveJob{Profile: f.b.profilePath(c.name, conns)}, &before); err != nil {
		return r, err
	}
	j := c.job
	j.Addr, j.PID, j.Conns, j.Seconds = before.Addr, before.PID, conns, seconds
	if j.Status == 0 {
		j.Status = http.StatusOK
	}
	if err := f.load.ask(j, &r.loadResult); err != nil {
		return r, fmt.Errorf("%s: %w", c.name, err)
	}
	if err := c.server.ask(serveJob{}, &after); err != nil {
		return r, err
	}
	if r.CPU > 0 {
		r.gc = (after.GC - before.GC) / r.CPU
	}
	return r, nil
}

// compete lets the contenders take turns, and prints them. The first is the bare handler of the others. It
// returns the processor time for a request of each, with the last number of connections.
func (f *field) compete(all []contender, connections []int) (cpu []float64, err error) {
	rows := []string{"\tconns\treq/s\tCPU µs\tGC %\tp50 ms\tp99 ms\tof bare"}
	for _, conns := range connections {
		rounds := make([][]round, len(all))
		cpu = cpu[:0]
		for range f.b.rounds {
			var bare round
			for i, c := range all {
				r, err := f.measure(c, conns, f.b.seconds)
				if err != nil {
					return nil, err
				}
				if i == 0 {
					bare = r
				}
				r.ratio = r.perSecond() / bare.perSecond()
				rounds[i] = append(rounds[i], r)
			}
		}
		for i, c := range all {
			of := func(figure func(round) float64) float64 { return median(rounds[i], figure) }
			ratio := of(func(r round) float64 { return r.ratio })
			cpu = append(cpu, of(func(r round) float64 { return r.cpuMicros() }))
			rows = append(rows, fmt.Sprintf("%s\t%d\t%s\t%s\t%.1f\t%.2f\t%.2f\t%.2f", c.name, conns, number(of(func(r round) float64 { return r.perSecond() })),
				number(cpu[i]), 100*of(func(r round) float64 { return r.gc }),
				of(func(r round) float64 { return r.P50 }), of(func(r round) float64 { return r.P99 }), ratio))
			if c.goal > 0 && conns > 1 { // with one, the network is what is waited for
				f.b.out.goal(goal{what: fmt.Sprintf("%s, %d connections, of %s", c.name, conns, all[0].name), got: ratio, want: c.goal, least: true})
			}
			if c.rate > 0 && conns == 16 {
				f.b.out.goal(goal{what: c.name + ", 16 connections", got: of(func(r round) float64 { return r.perSecond() }), want: c.rate, unit: "/s", least: true})
			}
		}
	}
	f.b.out.table(rows)
	return cpu, nil
}

func bareContender(server *child) contender {
	return contender{name: "bare net/http, 60 bytes", server: server, job: loadJob{Bare: true, Count: 1, Tokens: fewTokens, Order: inTurn}}
}

// overHTTP is the whole server on /verify beside the bare handler.
func (b *bench) overHTTP() (err error) {
	b.out.title("A check over HTTP")
	known, err := b.database("known", fewTokens)
	if err != nil {
		return err
	}
	proxied, err := b.database("proxied", fewTokens)
	if err != nil {
		return err
	}
	f, err := b.open()
	defer func() { err = errors.Join(err, f.close()) }()
	if err != nil {
		return err
	}
	bare, err := f.serve("bare", serveJob{})
	if err != nil {
		return err
	}
	server, err := f.serve("serve", serveJob{Database: known})
	if err != nil {
		return err
	}
	proxy, err := f.serve("serve", serveJob{Database: proxied, Proxy: true})
	if err != nil {
		return err
	}
	thousand := contender{name: "1,000 tokens in turn", server: server, job: loadJob{Count: fewTokens, Tokens: fewTokens, Order: inTurn}}
	warm := thousand
	warm.job.Order = onceEach
	if _, err := f.measure(warm, 1, 60); err != nil {
		return err
	}
	stranger := loadJob{Unknown: true, Tokens: fewTokens, Status: http.StatusUnauthorized}
	same, other := stranger, stranger
	same.Order, same.Count = inTurn, 1
	other.Order, other.Count = onceEach, 1<<40
	_, err = f.compete([]contender{
		bareContender(bare),
		{name: "/verify, one cached token", server: server, goal: 0.8, job: loadJob{Count: 1, Tokens: fewTokens, Order: inTurn}},
		thousand,
		{name: "unknown, always the same", server: proxy, job: same},
		{name: "unknown, each another", server: proxy, job: other},
	}, []int{1, 16, 64})
	return err
}

// million presents tokens of a large database: first with nothing in memory, then with everything.
func (b *bench) million() (err error) {
	b.out.title(fmt.Sprintf("%s tokens, presented at random over HTTP", number(float64(b.tokens))))
	path, err := b.database("many", b.tokens)
	if err != nil {
		return err
	}
	f, err := b.open()
	defer func() { err = errors.Join(err, f.close()) }()
	if err != nil {
		return err
	}
	bare, err := f.serve("bare", serveJob{})
	if err != nil {
		return err
	}
	server, err := f.serve("serve", serveJob{Database: path})
	if err != nil {
		return err
	}
	some := contender{name: "the same 1,000 in turn", server: server, job: loadJob{Count: fewTokens, Tokens: b.tokens, Order: inTurn}}
	all := contender{name: "at random over all", server: server, job: loadJob{Count: b.tokens, Tokens: b.tokens, Order: atRandom}}
	first := all
	first.name = "cold"
	cold, err := f.measure(first, 64, b.seconds)
	if err != nil {
		return err
	}
	b.out.line("Cold, 64 connections, the first %g s: %s requests/s, %s µs CPU each, p50 %.2f ms, p99 %.2f ms.", b.seconds, number(cold.perSecond()), number(cold.cpuMicros()), cold.P50, cold.P99)
	fill := all
	fill.name, fill.job.Order = "fill", onceEach
	filled, err := f.measure(fill, 64, 600)
	if err != nil {
		return err
	}
	b.out.line("Each once, until all are in memory: %s requests/s, %s µs CPU each.\n", number(filled.perSecond()), number(filled.cpuMicros()))
	if _, err := f.compete([]contender{bareContender(bare), some, all}, []int{16, 64}); err != nil {
		return err
	}
	var v vitals
	if err := server.ask(serveJob{}, &v); err != nil {
		return err
	}
	whole, own := memory(v.PID)
	b.out.line("\nThe server afterwards: %s MiB resident (%s without the program's file), %s MiB live heap, longest pause %.2f ms, %d collections.",
		number(mebi(whole)), number(mebi(own)), number(mebi(int64(v.Heap))), v.Pause, v.Cycles)
	return nil
}

func mebi(bytes int64) float64 { return float64(bytes) / (1 << 20) }
