package server

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// drain lets a server end without cutting a request. http.Server.Shutdown lets handlers finish, but drops
// a request that it reads after it began, and so those on connections that were accepted a moment before.
// So the listener is closed first, and Shutdown waits until every accepted connection has had its first
// request handed to the handler, or has closed. A connection that was opened for later use and says
// nothing holds it up for patience at most.
type drain struct {
	waiting atomic.Int64 // connections whose first request has not reached the handler
	none    chan struct{}
	ending  atomic.Bool
}

// patience is how long an accepted connection may still take to send its first request.
const patience = 2 * time.Second

// first is a connection until its first request reaches the handler.
type first struct {
	net.Conn
	seen atomic.Bool
}

type firstKey struct{}

func newDrain() *drain { return &drain{none: make(chan struct{}, 1)} }

// attach makes a server and its listener count.
func (d *drain) attach(srv *http.Server, l net.Listener) net.Listener {
	next := srv.Handler
	srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(firstKey{}).(*first); ok {
			d.done(c)
		}
		next.ServeHTTP(w, r)
	})
	srv.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if f, ok := unwrapped(c).(*first); ok {
			return context.WithValue(ctx, firstKey{}, f)
		}
		return ctx
	}
	srv.ConnState = func(c net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			if f, ok := unwrapped(c).(*first); ok {
				d.done(f)
			}
		}
	}
	return counting{l, d}
}

// unwrapped is the connection below TLS.
func unwrapped(c net.Conn) net.Conn {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		return t.NetConn()
	}
	return c
}

type counting struct {
	net.Listener
	d *drain
}

func (l counting) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.d.waiting.Add(1)
	return &first{Conn: c}, nil
}

func (d *drain) done(c *first) {
	if !c.seen.Load() && !c.seen.Swap(true) && d.waiting.Add(-1) == 0 && d.ending.Load() {
		select {
		case d.none <- struct{}{}:
		default:
		}
	}
}

// wait returns when no accepted connection waits for its first request any more. The listener must be
// closed.
func (d *drain) wait(ctx context.Context) {
	d.ending.Store(true)
	if d.waiting.Load() == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for d.waiting.Load() > 0 {
		select {
		case <-d.none:
		case <-ctx.Done():
			return
		}
	}
}
