package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// maxGroup bounds how many Updates share one commit, and so how long the first of them waits.
const maxGroup = 128

type sqliteEngine struct {
	path    string
	writeDB *sql.DB
	readDB  *sql.DB
	writer  *sqliteConn
	readers chan *sqliteConn
	jobs    chan *job
	stop    chan struct{}
	stopped sync.WaitGroup
	once    sync.Once
}

// job is one Update on its way through the writer.
type job struct {
	ctx  context.Context
	fn   func(querier) error
	err  error
	pan  any // what fn panicked with, raised again in the caller's goroutine
	done chan struct{}
}

// sqliteConn is one connection with its prepared statements: preparing costs more than running.
type sqliteConn struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

func openSQLite(ctx context.Context, o Options) (*sqliteEngine, error) {
	path := strings.TrimPrefix(o.DSN, "sqlite:")
	if path == "" {
		return nil, errors.New("the path of the SQLite database is empty")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	// The file holds hashes of secrets and people's addresses: nobody else on the machine reads it.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	e := &sqliteEngine{path: path, jobs: make(chan *job), stop: make(chan struct{})}
	// Pragmas stand in the DSN: sent over the pool, a PRAGMA would reach one connection only.
	const common = "_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=foreign_keys(1)&_txlock=immediate"
	base := "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + common
	if e.writeDB, err = sql.Open("sqlite", base); err != nil {
		return nil, err
	}
	if e.readDB, err = sql.Open("sqlite", base+"&_pragma=query_only(1)"); err != nil {
		return nil, err
	}
	if e.writer, err = newSQLiteConn(ctx, e.writeDB); err != nil {
		return nil, errors.Join(err, e.writeDB.Close(), e.readDB.Close())
	}
	n := o.MaxConns
	if n <= 0 {
		n = max(4, 2*runtime.GOMAXPROCS(0))
	}
	e.readers = make(chan *sqliteConn, n)
	for range n {
		e.readers <- nil // opened when first needed
	}
	e.stopped.Go(e.write)
	return e, nil
}

func newSQLiteConn(ctx context.Context, db *sql.DB) (*sqliteConn, error) {
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &sqliteConn{conn: c, stmts: map[string]*sql.Stmt{}}, nil
}

func (c *sqliteConn) prepared(query string) (*sql.Stmt, error) {
	if s, ok := c.stmts[query]; ok {
		return s, nil
	}
	s, err := c.conn.PrepareContext(context.Background(), query)
	if err == nil {
		if len(c.stmts) >= 512 { // filters make many texts; start again rather than keep them all
			for text, old := range c.stmts {
				_ = old.Close() //nolint:errcheck // a statement that can't be closed costs memory, nothing else
				delete(c.stmts, text)
			}
		}
		c.stmts[query] = s
	}
	return s, err
}

// ExecContext and QueryContext make sqliteConn a querier.
func (c *sqliteConn) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := c.prepared(query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

func (c *sqliteConn) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := c.prepared(query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

func (c *sqliteConn) do(statement string) error {
	_, err := c.ExecContext(context.Background(), statement)
	return err
}

func (e *sqliteEngine) view(ctx context.Context, fn func(querier) error) (err error) {
	var c *sqliteConn
	select {
	case c = <-e.readers:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { e.readers <- c }()
	if c == nil {
		if c, err = newSQLiteConn(ctx, e.readDB); err != nil {
			return err
		}
	}
	if err := c.do("begin"); err != nil {
		return err
	}
	defer func() {
		// Rolling back a read ends it. A connection where even that fails is not used again.
		if rerr := c.do("rollback"); rerr != nil {
			err = errors.Join(err, rerr, c.conn.Close())
			c = nil
		}
	}()
	return fn(c)
}

func (e *sqliteEngine) update(ctx context.Context, fn func(querier) error) error {
	j := &job{ctx: ctx, fn: fn, done: make(chan struct{})}
	select {
	case e.jobs <- j:
	case <-ctx.Done():
		return ctx.Err()
	case <-e.stop:
		return errors.New("store: closed")
	}
	<-j.done
	if j.pan != nil {
		panic(j.pan)
	}
	return j.err
}

// write is the one writer. It takes the jobs that wait, runs each in a savepoint, commits once, and
// answers all. A lone job waits for nobody.
func (e *sqliteEngine) write() {
	group := make([]*job, 0, maxGroup)
	for {
		select {
		case j := <-e.jobs:
			group = append(group[:0], j)
		case <-e.stop:
			return
		}
		if !e.commitGroup(&group) && len(group) > 1 {
			// The transaction itself broke (a full disk, say) and took everybody's work with it. Nobody has
			// been answered: each gets a transaction of its own and its own outcome.
			for _, j := range group {
				one := []*job{j}
				e.commitAlone(one)
			}
		}
		for _, j := range group {
			close(j.done)
		}
	}
}

// commitGroup runs the first job of the group, then those that came meanwhile, and commits. It reports
// false when the transaction broke; then nothing of it is kept.
func (e *sqliteEngine) commitGroup(group *[]*job) bool {
	if err := e.writer.do("begin immediate"); err != nil {
		(*group)[0].err = err
		return false
	}
	for i := 0; ; i++ {
		if !e.runInSavepoint((*group)[i]) {
			return e.broken(*group, errors.New("store: the transaction was lost"))
		}
		if i+1 == len(*group) && !e.oneMore(group) {
			break
		}
	}
	if err := e.writer.do("commit"); err != nil {
		return e.broken(*group, fmt.Errorf("commit: %w", err))
	}
	return true
}

// oneMore takes a waiting job into the group, without waiting for one.
func (e *sqliteEngine) oneMore(group *[]*job) bool {
	if len(*group) == maxGroup {
		return false
	}
	select {
	case j := <-e.jobs:
		*group = append(*group, j)
		return true
	default:
		return false
	}
}

func (e *sqliteEngine) commitAlone(one []*job) {
	j := one[0]
	j.err, j.pan = nil, nil
	if err := e.writer.do("begin immediate"); err != nil {
		j.err = err
		return
	}
	if !e.runInSavepoint(j) {
		e.broken(one, j.err)
		return
	}
	if err := e.writer.do("commit"); err != nil {
		e.broken(one, fmt.Errorf("commit: %w", err))
	}
}

// broken ends a transaction that can't be committed. The rollback may fail because SQLite has already
// rolled back by itself.
func (e *sqliteEngine) broken(group []*job, err error) bool {
	_ = e.writer.do("rollback") //nolint:errcheck // see above
	for _, j := range group {
		if j.err == nil && j.pan == nil {
			j.err = err
		}
	}
	return false
}

// runInSavepoint runs one job so that its failure undoes its own work alone. It reports false when the
// surrounding transaction is gone: SQLite ends it by itself on a full disk and on I/O errors.
func (e *sqliteEngine) runInSavepoint(j *job) bool {
	if err := j.ctx.Err(); err != nil {
		j.err = err // the caller has gone; nothing is begun for it
		return true
	}
	if err := e.writer.do("savepoint job"); err != nil {
		j.err = err
		return false
	}
	func() {
		defer func() { j.pan = recover() }()
		j.err = j.fn(e.writer)
	}()
	if j.err != nil || j.pan != nil {
		if err := e.writer.do("rollback to job"); err != nil {
			return false
		}
	}
	return e.writer.do("release job") == nil
}

func (e *sqliteEngine) migrations() (*sql.DB, string) { return e.writeDB, "sqlite" }

func (e *sqliteEngine) close() error {
	var errs []error
	e.once.Do(func() {
		close(e.stop)
		e.stopped.Wait()
		errs = append(errs, e.writer.conn.Close())
		for range cap(e.readers) {
			if c := <-e.readers; c != nil {
				errs = append(errs, c.conn.Close())
			}
		}
		errs = append(errs, e.readDB.Close(), e.writeDB.Close())
	})
	return errors.Join(errs...)
}

func classifySQLite(err *sqlite.Error) error {
	switch err.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return fmt.Errorf("%w: %w", ErrExists, err)
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	return err
}
