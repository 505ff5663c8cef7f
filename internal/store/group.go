package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Group commit on SQLite: one goroutine, the writer, runs the jobs of all callers. It takes those that
// wait, runs each in a savepoint of one transaction, commits once, and answers all.

// maxGroup bounds how many Updates share one commit, and so how long the first of them waits.
const maxGroup = 128

// job is one Update on its way through the writer.
type job struct {
	ctx  context.Context
	fn   work
	err  error
	pan  *panicked // raised again in the caller's goroutine
	done chan struct{}
}

// panicked is what an Update's function panicked with, and where: the caller's stack does not show it.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("%v, in a transaction:\n%s", p.value, p.stack) }

// Unwrap returns the error that the function panicked with, if it was one.
func (p *panicked) Unwrap() error {
	err, _ := p.value.(error)
	return err
}

// errLost is the outcome of an Update whose transaction ended before its commit.
var errLost = errors.New("store: the transaction was lost; nothing of it is kept")

func (e *sqliteEngine) update(ctx context.Context, fn work) error {
	j := &job{ctx: ctx, fn: fn, done: make(chan struct{})}
	select {
	case <-e.stop:
		return ErrClosed
	default:
	}
	select {
	case e.jobs <- j:
	case <-ctx.Done():
		return ctx.Err()
	case <-e.stop:
		return ErrClosed
	}
	// Its outcome is waited for even when ctx ends meanwhile: by then it may be committed.
	<-j.done
	if j.pan != nil {
		panic(j.pan)
	}
	return j.err
}

// write is the writer. It ends when the store closes.
func (e *sqliteEngine) write() {
	ended := false
	defer func() {
		if !ended { // a job's function ended this goroutine, as testing.T.FailNow does
			e.stopped.Go(e.write)
		}
	}()
	for {
		select {
		case j := <-e.jobs:
			e.serve(j)
		case <-e.stop:
			ended = true
			return
		}
	}
}

// serve commits a job together with those that come meanwhile, and answers them all. A lone job waits
// for nobody.
func (e *sqliteEngine) serve(first *job) {
	group := []*job{first}
	settled := false
	defer func() {
		if !settled {
			e.lose(group, errLost)
		}
		for _, j := range group {
			close(j.done)
		}
	}()
	if !e.commit(&group, true) && len(group) > 1 {
		// The transaction itself broke (a full disk, say) and took everybody's work with it. Nobody has
		// been answered: each gets a transaction of its own and its own outcome.
		for _, j := range group {
			j.err, j.pan = nil, nil
			e.commit(&[]*job{j}, false)
		}
	}
	settled = true
}

// commit runs the jobs of a group, and takes more into it if it may, then commits. It reports false when
// the transaction broke; then nothing of it is kept, and no job is without an error.
func (e *sqliteEngine) commit(group *[]*job, more bool) bool {
	if err := e.begin(); err != nil {
		return e.lose(*group, fmt.Errorf("begin: %w", err))
	}
	for run := 0; run < len(*group); {
		if err := e.runInSavepoint((*group)[run]); err != nil {
			return e.lose(*group, err)
		}
		if run++; more && run == len(*group) {
			e.takeMore(group)
		}
	}
	if err := e.writer.do("commit"); err != nil {
		return e.lose(*group, fmt.Errorf("commit: %w", err))
	}
	return true
}

// begin begins a transaction. A connection that can't, for another reason than that another process
// writes, is replaced: it may still be in a transaction that could not be ended.
func (e *sqliteEngine) begin() error {
	const tries = 2
	for try := 1; ; try++ {
		if e.writer == nil {
			c, err := newSQLiteConn(context.Background(), e.writeDB)
			if err != nil {
				return err
			}
			e.writer = c
		}
		err := e.writer.do("begin immediate")
		if lite, ok := errors.AsType[*sqlite.Error](err); err == nil || ok && lite.Code()&0xff == sqlite3.SQLITE_BUSY || try == tries {
			return err
		}
		_ = e.writer.close() // the next one's success is what counts
		e.writer = nil
	}
}

// takeMore takes the jobs that wait into the group, without waiting for one.
func (e *sqliteEngine) takeMore(group *[]*job) {
	// Callers that the last commit has answered are about to come again. On few processors they have not
	// run yet: without this, every other group would be a single job.
	runtime.Gosched()
	for len(*group) < maxGroup {
		select {
		case j := <-e.jobs:
			*group = append(*group, j)
		default:
			return
		}
	}
}

// lose ends a transaction that can't be committed. The rollback may fail because SQLite has already
// rolled back by itself. It returns false.
func (e *sqliteEngine) lose(group []*job, err error) bool {
	if e.writer != nil {
		_ = e.writer.do("rollback")
	}
	for _, j := range group {
		if j.err == nil && j.pan == nil {
			j.err = err
		}
	}
	return false
}

// runInSavepoint runs one job so that its failure undoes its own work alone. It returns an error when the
// surrounding transaction is gone: SQLite ends it by itself on a full disk and on I/O errors.
func (e *sqliteEngine) runInSavepoint(j *job) error {
	if j.abandoned() {
		return nil // nothing is begun for it
	}
	if err := e.writer.do("savepoint job"); err != nil {
		return errors.Join(errLost, err)
	}
	j.run(e.writer)
	if j.err != nil || j.pan != nil {
		if err := e.writer.do("rollback to job"); err != nil {
			return errors.Join(errLost, err)
		}
	}
	if err := e.writer.do("release job"); err != nil {
		return errors.Join(errLost, err)
	}
	return nil
}

// abandoned reports whether the caller has gone.
func (j *job) abandoned() bool {
	j.err = j.ctx.Err()
	return j.err != nil
}

func (j *job) run(q querier) {
	defer func() {
		if v := recover(); v != nil {
			j.pan = &panicked{value: v, stack: debug.Stack()}
		}
	}()
	// A cancelled caller must not interrupt a statement in a transaction that others share.
	j.err = j.fn(context.WithoutCancel(j.ctx), q)
}
