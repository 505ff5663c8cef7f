package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Lock is the right of one server to use a database. Lost is closed when it is gone against our will;
// the server must then stop answering, since another may have begun.
type Lock struct {
	Lost    <-chan struct{}
	release func() error
}

// Release gives the lock back; a second call does nothing more. It comes before Store.Close.
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
	return &Lock{Lost: make(chan struct{}), release: sync.OnceValue(f.Close)}, nil
}

const (
	// The keys of the advisory locks: "keywright" folded into 63 bits, for the server and for migrations.
	// They are per database.
	serverKey  int64 = 0x6b65797772696768
	migrateKey int64 = serverKey + 1

	// heartbeat is how often the session that holds the lock is proven to live, and half of how long the
	// proof may take.
	heartbeat = time.Second
)

// PostgreSQL: an advisory lock of a transaction that stays open. It goes with its session, so the session
// is proven to live every second.
func (e *postgresEngine) lock(ctx context.Context) (*Lock, error) {
	conn, err := e.begun(ctx)
	if err != nil {
		return nil, err
	}
	var got bool
	err = conn.QueryRow(ctx, "select pg_try_advisory_xact_lock($1)", serverKey).Scan(&got)
	if err != nil || !got {
		cerr := end(conn)
		if err == nil {
			return nil, ErrLocked
		}
		return nil, errors.Join(err, cerr)
	}
	lost := make(chan struct{})
	watch, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if !beat(watch, conn) {
			close(lost)
		}
	})
	release := sync.OnceValue(func() error {
		cancel()
		done.Wait()
		err := end(conn)
		select {
		case <-lost:
			return nil // there is nothing left to give back
		default:
			return err
		}
	})
	return &Lock{Lost: lost, release: release}, nil
}

// begun opens a connection of its own, outside of the pool that it would take a place in, and begins a
// transaction on it that may last. A lock is the transaction's and not the session's, because a pooler
// between us and the database (PgBouncer's transaction mode) gives one session to many: two servers could
// then both be granted a session's lock.
func (e *postgresEngine) begun(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, e.cfg.Copy())
	if err != nil {
		return nil, err
	}
	// Nothing may end the transaction for its age, and when this machine is cut off, the database should
	// find out soon and let another server begin. Which of the settings there are depends on the version.
	const settings = `select set_config(name, case name when 'tcp_keepalives_idle' then '5' when 'tcp_keepalives_interval' then '2'
		when 'tcp_keepalives_count' then '5' else '0' end, true) from pg_settings where name in ('idle_in_transaction_session_timeout',
		'transaction_timeout', 'statement_timeout', 'lock_timeout', 'tcp_keepalives_idle', 'tcp_keepalives_interval', 'tcp_keepalives_count')`
	for _, statement := range []string{"begin isolation level read committed", settings} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return nil, errors.Join(err, end(conn))
		}
	}
	return conn, nil
}

// end closes a connection, and with it its transaction and the transaction's locks.
func end(conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*heartbeat)
	defer cancel()
	_, err := conn.Exec(ctx, "rollback") // so that the lock is free when this returns
	return errors.Join(err, conn.Close(ctx))
}

// beat returns true when watch ends and false when the session does.
func beat(watch context.Context, conn *pgx.Conn) bool {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-watch.Done():
			return true
		case <-tick.C:
		}
		// Not derived from watch: a proof that is cut off would break the session.
		probe, stop := context.WithTimeout(context.WithoutCancel(watch), 2*heartbeat)
		_, err := conn.Exec(probe, "select 1")
		stop()
		if err != nil {
			return false
		}
	}
}
