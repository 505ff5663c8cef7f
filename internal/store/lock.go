package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// Lock is the right of one server to use a database. Lost is closed when it is gone against our will;
// the server must then stop answering, since another may have begun.
type Lock struct {
	Lost    <-chan struct{}
	release func() error
}

// Release gives the lock back.
func (l *Lock) Release() error { return l.release() }

// Lock takes the right to serve from this database, or returns ErrLocked. It is held until released or
// until this process ends, however it ends.
func (s *Store) Lock(ctx context.Context) (*Lock, error) { return s.engine.lock(ctx) }

// SQLite: an advisory lock on a file beside the database. It is not deleted: a server that starts while
// another deletes it would lock a file that nobody else sees.
func (e *sqliteEngine) lock(context.Context) (*Lock, error) {
	f, err := os.OpenFile(e.path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		cerr := f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrLocked
		}
		return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), cerr)
	}
	return &Lock{Lost: make(chan struct{}), release: f.Close}, nil
}

const (
	// advisoryLock is the key of the lock: "keywright" folded into 63 bits. It is per database.
	advisoryLock = 0x6b65797772696768
	// heartbeat is how often the session that holds the lock is proven to live.
	heartbeat = time.Second
)

// PostgreSQL: a session-level advisory lock on a connection of its own. It goes with the session, so the
// session is proven to live every second.
func (e *postgresEngine) lock(ctx context.Context) (*Lock, error) {
	conn, err := e.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	var got bool
	if err := conn.QueryRowContext(ctx, "select pg_try_advisory_lock($1)", int64(advisoryLock)).Scan(&got); err != nil || !got {
		cerr := conn.Close()
		if err == nil && cerr == nil {
			return nil, ErrLocked
		}
		return nil, errors.Join(err, cerr)
	}
	lost := make(chan struct{})
	watch, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(heartbeat)
		defer tick.Stop()
		for {
			select {
			case <-watch.Done():
				return
			case <-tick.C:
			}
			probe, stop := context.WithTimeout(watch, 2*heartbeat)
			_, err := conn.ExecContext(probe, "select 1")
			stop()
			if err != nil && watch.Err() == nil {
				close(lost)
				return
			}
		}
	})
	release := sync.OnceValue(func() error {
		cancel()
		done.Wait()
		_, err := conn.ExecContext(context.Background(), "select pg_advisory_unlock($1)", int64(advisoryLock))
		return errors.Join(err, conn.Close())
	})
	return &Lock{Lost: lost, release: release}, nil
}
