package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

type sqliteEngine struct {
	path    string // without symbolic links, so that one database has one lock
	writeDB *sql.DB
	readDB  *sql.DB

	writer  *sqliteConn // the writer's own; nil when it has to be opened again
	jobs    chan *job
	stopped sync.WaitGroup

	slots chan struct{} // one for each View that runs
	mu    sync.Mutex
	idle  []*sqliteConn // the one used last is used next: its pages and statements are warm

	stop chan struct{}
	once sync.Once
}

// sqliteConn is one connection with its prepared statements: preparing costs more than running.
type sqliteConn struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

func openSQLite(ctx context.Context, o Options) (*sqliteEngine, error) {
	path, err := sqlitePath(o.DSN)
	if err != nil {
		return nil, err
	}
	if path, err = privateFile(path); err != nil {
		return nil, err
	}
	n := o.MaxConns
	if n <= 0 {
		n = max(4, 2*runtime.GOMAXPROCS(0))
	}
	e := &sqliteEngine{path: path, jobs: make(chan *job), stop: make(chan struct{}), slots: make(chan struct{}, n)}
	// Pragmas stand in the DSN: sent over the pool, a PRAGMA would reach one connection only.
	const common = "_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=foreign_keys(1)&_pragma=temp_store(memory)&_txlock=immediate&_dqs=0"
	base := "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + common
	// Hashes lie anywhere in their index: a large transaction, such as an import's, changes most of its pages, and
	// with the usual 2 MB would write and read each of them again and again.
	if e.writeDB, err = sql.Open("sqlite", base+"&_pragma=cache_size(-65536)"); err != nil {
		return nil, err
	}
	if e.readDB, err = sql.Open("sqlite", base+"&_pragma=query_only(1)"); err != nil {
		return nil, err
	}
	// What is kept open, the engine keeps; the pools keep nothing beside (a migration's connection, say).
	e.writeDB.SetMaxIdleConns(-1)
	e.readDB.SetMaxIdleConns(-1)
	if e.writer, err = newSQLiteConn(ctx, e.writeDB); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), e.writeDB.Close(), e.readDB.Close())
	}
	e.stopped.Go(e.write)
	return e, nil
}

// privateFile makes the file if there is none, and returns its path without symbolic links. It holds
// hashes of secrets and people's addresses: nobody else on the machine reads it (and SQLite gives its
// -wal and -shm files the same mode). A file that exists is not opened: closing it would take away the
// locks that this process has on it through SQLite.
func privateFile(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

func newSQLiteConn(ctx context.Context, db *sql.DB) (*sqliteConn, error) {
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &sqliteConn{conn: c, stmts: map[string]*sql.Stmt{}}, nil
}

// maxStatements bounds the prepared statements of a connection: filters make many texts.
const maxStatements = 512

func (c *sqliteConn) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := c.stmts[query]; ok {
		return s, nil
	}
	for text, old := range c.stmts {
		if len(c.stmts) < maxStatements {
			break
		}
		delete(c.stmts, text) // any one
		if err := old.Close(); err != nil {
			return nil, err
		}
	}
	s, err := c.conn.PrepareContext(ctx, query)
	if err == nil {
		c.stmts[query] = s
	}
	return s, err
}

// ExecContext and QueryContext make sqliteConn a querier.
func (c *sqliteConn) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := c.prepared(ctx, query) //nolint:sqlclosecheck // it stays prepared
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

func (c *sqliteConn) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := c.prepared(ctx, query) //nolint:sqlclosecheck // it stays prepared
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

func (c *sqliteConn) do(statement string) error {
	_, err := c.ExecContext(context.Background(), statement)
	return err
}

// close ends a connection for good. Its statements are closed one by one: database/sql does not do it for
// those of a Conn, and SQLite keeps a connection with its files and locks until the last one is closed.
// conn.Close would give the connection back to the pool, with whatever is wrong with it.
func (c *sqliteConn) close() error {
	var errs []error
	for _, s := range c.stmts {
		errs = append(errs, s.Close())
	}
	err := c.conn.Raw(func(any) error { return driver.ErrBadConn })
	if !errors.Is(err, driver.ErrBadConn) {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (e *sqliteEngine) view(ctx context.Context, fn work) (err error) {
	select {
	case <-e.stop:
		return ErrClosed
	default:
	}
	select {
	case e.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-e.stop:
		return ErrClosed
	}
	defer func() { <-e.slots }()
	c, err := e.beginRead(ctx)
	if err != nil {
		return err
	}
	defer func() { // also when fn panics
		if rerr := c.do("rollback"); rerr != nil { // rolling back a read ends it
			err = errors.Join(err, rerr, c.close())
			return
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		e.idle = append(e.idle, c)
	}()
	return fn(ctx, c)
}

// beginRead begins a transaction on a connection that waits, else on a new one. What can't begin is not
// used again.
func (e *sqliteEngine) beginRead(ctx context.Context) (*sqliteConn, error) {
	for {
		e.mu.Lock()
		var c *sqliteConn
		if last := len(e.idle) - 1; last >= 0 {
			c, e.idle = e.idle[last], e.idle[:last]
		}
		e.mu.Unlock()
		fresh := c == nil
		if fresh {
			var err error
			if c, err = newSQLiteConn(ctx, e.readDB); err != nil {
				return nil, err
			}
		}
		err := c.do("begin")
		if err == nil {
			return c, nil
		}
		if err = errors.Join(err, c.close()); fresh {
			return nil, err
		}
	}
}

func (e *sqliteEngine) close() error {
	var errs []error
	e.once.Do(func() {
		close(e.stop)
		e.stopped.Wait()
		for range cap(e.slots) {
			e.slots <- struct{}{} // Views that run end first
		}
		if e.writer != nil {
			errs = append(errs, e.writer.close())
		}
		for _, c := range e.idle {
			errs = append(errs, c.close())
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
