package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // both drivers, as the bare handler has them
	_ "modernc.org/sqlite"

	"github.com/keywright/keywright/internal/config"
	"github.com/keywright/keywright/internal/sample"
	"github.com/keywright/keywright/internal/token"
)

// feedName is the feed that is read, in the workspace of makeApp.
const feedName = "sales"

// feedOf publishes a database whole.
func feedOf(dsn string) config.Feed {
	return config.Feed{
		Workspace: slug(0), Name: feedName, DSN: token.SecretOf(dsn), Scope: "odata:read", Tables: []string{"*"},
		StatementTimeout: "60s", ConcurrentQueries: 4,
	}
}

// asked is one request to the feed, beside the SQL of the bare handler that is asked instead.
type asked struct{ name, path, bare string }

var (
	everything = asked{"every row, page by page", "OrderLines", bareAll}
	sorted     = asked{"sorted by a column without an index", "OrderLines?$orderby=UnitPrice%20desc", bareSorted}
	filtered   = []asked{
		{"100 of one product", "OrderLines?$filter=ProductID%20eq%207&$top=100", bareProduct},
		{"100 of a range of the key", "OrderLines?$filter=OrderID%20ge%2020000&$top=100", bareRange},
	}
)

// odata reads the sample's order lines as a feed, from both engines, beside a bare handler over the same database.
func (b *bench) odata() error {
	b.out.title(fmt.Sprintf("%s rows through a feed", number(float64(b.lines))))
	path, err := b.sampleFile()
	if err != nil {
		return err
	}
	if err := b.feed("SQLite", path, path); err != nil {
		return err
	}
	return b.onPostgres(func(dsn string) error {
		began := time.Now()
		if err := b.fillPostgres(dsn); err != nil {
			return err
		}
		b.out.line("Filled PostgreSQL in %s.", time.Since(began).Round(time.Second/10))
		return b.feed("PostgreSQL", dsn, strings.Replace(dsn, "postgres@", feedRole+"@", 1))
	})
}

// sampleFile is a SQLite database of the sample, made when it is first asked for.
func (b *bench) sampleFile() (path string, err error) {
	path = filepath.Join(b.dir, fmt.Sprintf("lines-%d.db", b.lines))
	whole := path + ".seeded"
	if _, err := os.Stat(whole); err == nil {
		return path, nil
	}
	if err := removeDatabase(path); err != nil {
		return "", err
	}
	began := time.Now()
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_pragma=journal_mode(off)&_pragma=synchronous(off)")
	if err != nil {
		return "", err
	}
	if err := errors.Join(sample.Write(b.ctx, db, false, b.lines), db.Close()); err != nil {
		return "", err
	}
	b.out.line("Filled SQLite in %s.", time.Since(began).Round(time.Second/10))
	return path, os.WriteFile(whole, nil, 0o600)
}

// feedRole may read and do nothing else.
const feedRole = "reader"

func (b *bench) fillPostgres(dsn string) (err error) {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := sample.Write(b.ctx, db, true, b.lines); err != nil {
		return err
	}
	for _, statement := range []string{
		"vacuum analyze", "checkpoint", // not while it is measured
		"create role " + feedRole + " login", "grant select on all tables in schema public to " + feedRole,
	} {
		if _, err := db.ExecContext(b.ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// feed measures one engine.
func (b *bench) feed(engine, bareDSN, feedDSN string) (err error) {
	own := filepath.Join(b.dir, "feed.db")
	if err := removeDatabase(own); err != nil {
		return err
	}
	f, err := b.open()
	defer func() { err = errors.Join(err, f.close(), removeDatabase(own)) }()
	if err != nil {
		return err
	}
	r := &reading{field: f, engine: engine}
	if r.bearer, err = b.bearer(own); err != nil {
		return err
	}
	if r.reader, err = f.begin("read", loadCPU()); err != nil {
		return err
	}
	if r.bare, err = f.begin("bare-rows", serverCPU()); err != nil {
		return err
	}
	if r.server, err = f.begin("serve", serverCPU()); err != nil {
		return err
	}
	var v vitals
	if err := errors.Join(r.bare.ask(bareJob{Database: bareDSN}, &v), r.server.ask(serveJob{Database: own, Feed: feedDSN}, &v)); err != nil {
		return err
	}
	idle := time.NewTimer(idleFor)
	defer idle.Stop()
	select {
	case <-idle.C:
	case <-b.ctx.Done():
		return b.ctx.Err()
	}
	before, _ := memory(v.PID)
	if err := errors.Join(forgetPeak(v.PID), r.whole()); err != nil {
		return err
	}
	b.out.line("Most memory in use meanwhile: %s MiB, of them %s MiB when idle.\n", number(mebi(peak(v.PID))), number(mebi(before)))
	b.out.goal(goal{what: engine + ", peak memory above idle", got: mebi(peak(v.PID) - before), want: 64, unit: "MiB"})
	for _, a := range []asked{everything, sorted} {
		if err := r.first(a); err != nil {
			return err
		}
	}
	b.out.line("")
	return r.pages()
}

// bearer makes a token in an empty database. The process that did it, and took memory for hashing a password, is gone then.
func (b *bench) bearer(database string) (secret string, err error) {
	c, err := b.begin("serve", serverCPU())
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, c.end()) }()
	var v vitals
	if err := c.ask(serveJob{Database: database, App: true}, &v); err != nil {
		return "", err
	}
	return v.Made.PAT, nil
}

// reading is what reads from a feed and from the bare handler over the same database.
type reading struct {
	*field
	engine               string
	reader, bare, server *child
	bearer               string
}

// get has the reader ask one of the servers.
func (r *reading) get(server *child, a asked, j readJob) (result readResult, err error) {
	var v vitals
	j.Path = "/" + a.bare
	if server == r.server {
		j.Path, j.Bearer = "/odata/"+slug(0)+"/"+feedName+"/"+a.path, r.bearer
	}
	if err := server.ask(serveJob{Profile: r.b.profilePath(fmt.Sprint(r.engine, server.role, a.name, j.Follow), 0)}, &v); err != nil {
		return result, err
	}
	j.Addr, j.PID = v.Addr, v.PID
	if err := r.reader.ask(j, &result); err != nil {
		return result, fmt.Errorf("%s of %s: %w", a.name, server.role, err)
	}
	return result, server.ask(serveJob{}, &v)
}

// whole reads everything through paging.
func (r *reading) whole() error {
	var all [2][]readResult
	var ratios, costs []float64
	for range r.b.rounds {
		var one [2]readResult
		for i, server := range []*child{r.bare, r.server} {
			var err error
			if one[i], err = r.get(server, everything, readJob{Follow: true}); err != nil {
				return err
			}
			if one[i].Rows != r.b.lines {
				return fmt.Errorf("%s gave %d rows instead of %d", server.role, one[i].Rows, r.b.lines)
			}
			all[i] = append(all[i], one[i])
		}
		if pages := r.b.lines/barePage + 1; max(one[0].Bytes-one[1].Bytes, one[1].Bytes-one[0].Bytes) > int64(pages*1000) { // links differ in length
			return fmt.Errorf("the same rows are %d bytes of the bare handler, and %d of the feed", one[0].Bytes, one[1].Bytes)
		}
		ratios, costs = append(ratios, one[0].Seconds/one[1].Seconds), append(costs, one[1].CPU/one[0].CPU)
	}
	rows := []string{r.engine + ", pages of 5,000\trows/s\tMB/s\tCPU ns a row"}
	for i, name := range []string{"bare handler, encoding/json", "feed"} {
		of := func(figure func(readResult) float64) float64 { return median(all[i], figure) }
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s", name, number(of(func(x readResult) float64 { return float64(x.Rows) / x.Seconds })),
			number(of(func(x readResult) float64 { return float64(x.Bytes) / x.Seconds / 1e6 })),
			number(of(func(x readResult) float64 { return x.CPU * 1e9 / float64(x.Rows) }))))
	}
	r.b.out.table(rows)
	self := func(f float64) float64 { return f }
	r.b.out.line("\nThe feed takes %s of the bare handler's processor time.", number(median(costs, self)))
	r.b.out.goal(goal{what: r.engine + ", processor time for a row, of a bare handler's", got: median(costs, self), want: 1})
	r.b.out.goal(goal{what: r.engine + ", rows/s of a bare handler's", got: median(ratios, self), want: 1, least: true})
	return nil
}

// first is how soon the first byte comes, beside the first row of the same SQL: the quickest of each, since whatever else
// runs on the machine only delays them.
func (r *reading) first(a asked) error {
	const times = 5 // at a stretch: a server that was just asked for its vitals is slower to notice a request
	var rows, bytes []float64
	for range r.b.rounds {
		for range times {
			var row float64
			if err := r.bare.ask(bareJob{First: a.bare}, &row); err != nil {
				return err
			}
			rows = append(rows, row)
		}
		got, err := r.get(r.server, a, readJob{Times: times})
		if err != nil {
			return err
		}
		bytes = append(bytes, got.First)
	}
	row, got := slices.Min(rows), slices.Min(bytes)
	r.b.out.line("%s: first row of the database after %s ms, first byte over HTTP after %s ms (the quickest of %d).", a.name, number(row), number(got), len(rows))
	r.b.out.goal(goal{what: r.engine + ", first byte later than the first row, " + a.name, got: got - row, want: 20, unit: "ms"})
	return nil
}

// pages are small ones: what a request costs beside its rows. Of the two figures the goal is for processor time, in which
// SQLite's own is, and PostgreSQL's is not: that makes it the harder one there.
func (r *reading) pages() error {
	const connections = 4 // as many as may read at the same time
	rows := []string{r.engine + ", 4 connections\tper second\tCPU µs\tp50 ms\tp99 ms"}
	for _, a := range filtered {
		bare := contender{name: r.engine + " bare " + a.name, server: r.bare, job: always(fmt.Appendf(nil, "GET /%s HTTP/1.1\r\nHost: keywright\r\n\r\n", a.bare))}
		feed := contender{name: r.engine + " feed " + a.name, server: r.server, job: always(fmt.Appendf(nil,
			"GET /odata/%s/%s/%s HTTP/1.1\r\nHost: keywright\r\nAuthorization: Bearer %s\r\n\r\n", slug(0), feedName, a.path, r.bearer))}
		var all [2][]round
		var costs []float64
		for range r.b.rounds {
			var one [2]round
			for i, c := range []contender{bare, feed} {
				var err error
				if one[i], err = r.measure(c, connections, r.b.seconds/2); err != nil {
					return err
				}
				all[i] = append(all[i], one[i])
			}
			costs = append(costs, one[1].cpuMicros()/one[0].cpuMicros())
		}
		for i, name := range []string{"bare handler, ", "feed, "} {
			of := func(figure func(round) float64) float64 { return median(all[i], figure) }
			rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%.2f\t%.2f", name+a.name, number(of(func(x round) float64 { return x.perSecond() })),
				number(of(func(x round) float64 { return x.cpuMicros() })), of(func(x round) float64 { return x.P50 }), of(func(x round) float64 { return x.P99 })))
		}
		r.b.out.goal(goal{what: r.engine + ", processor time for a page, of a bare handler's: " + a.name, got: median(costs, func(f float64) float64 { return f }), want: 1.3})
	}
	r.b.out.table(rows)
	r.b.out.line("")
	return nil
}

// readJob asks for one answer some times, or once for all that its links lead to.
type readJob struct {
	Addr, Path, Bearer string
	PID                int // of the server
	Times              int
	Follow             bool
}

type readResult struct {
	Rows    int
	Bytes   int64
	Seconds float64
	CPU     float64 // of the server, seconds
	First   float64 // milliseconds until the first byte of a body, of the quickest
}

// playReading reads as a client does that has nothing to do with the rows.
func playReading(ctx context.Context, d *dialogue) error {
	client := &http.Client{Transport: &http.Transport{DisableCompression: true, ReadBufferSize: 64 << 10}}
	buf := make([]byte, 256<<10)
	return each(d, func(j readJob) (r readResult, err error) {
		before, err := cpuTime(j.PID)
		if err != nil {
			return r, err
		}
		began := time.Now()
		for range j.Times {
			if _, err := r.page(ctx, client, j, j.Path, buf); err != nil {
				return r, err
			}
		}
		for path := j.Path; j.Follow && path != ""; {
			if path, err = r.page(ctx, client, j, path, buf); err != nil {
				return r, err
			}
		}
		r.Seconds = time.Since(began).Seconds()
		after, err := cpuTime(j.PID)
		r.CPU = (after - before).Seconds()
		return r, err
	})
}
