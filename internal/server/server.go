// Package server is where things run: it opens the database, builds each part once, gives every surface
// its routes, listens, and ends it all in order.
//
// Open takes the lock on the database before anything else, so that a second server fails at once and
// says why. Run ends when its context does, when a listener fails or when the lock is lost; then it stops
// taking requests, lets those that run finish, writes what was counted, and closes the database last.
// There is no other place where parts are put together.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/config"
	"github.com/keywright/keywright/internal/publish"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
)

// Options are what a server is opened with.
type Options struct {
	Config  config.Config
	Log     *slog.Logger
	Demo    bool             // pages say that this is a demo
	Version string           // of this program, for the API's document
	Now     func() time.Time // the clock that rules and checks go by; nil is time.Now
}

const (
	flushEvery        = 2 * time.Second // how long counted use may be lost to a crash …
	flushAtLeastEvery = time.Minute     // … of a server on which very many tokens are used
	sweepEvery        = 10 * time.Minute
	eraseEvery        = 30 * time.Second // refresh tokens that nobody is forgiven for any more

	readTimeout    = 20 * time.Second // headers and body: a separate one for headers would cost every check a timer
	writeTimeout   = 60 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 32 << 10

	// ballast is never touched, and so takes addresses and no memory. The collector counts it as live and
	// therefore runs after 32 MiB of garbage at the least, not after the few that the program itself is large:
	// a tenth of the time of a check was its. A full cache is larger than this, and then it hardly matters.
	ballast = 32 << 20
)

// Server is an open server. Run it or Close it.
type Server struct {
	cfg    config.Config
	log    *slog.Logger
	store  *store.Store
	lock   *store.Lock
	checks *verify.Checker
	rules  *authority.Authority
	feeds  *publish.Feeds

	main, metrics net.Listener
	http          []*http.Server
	accepted      *drain
	draining      chan struct{} // closed when no more requests should come: /readyz says so
	ballast       []byte
}

// LockFault says what ErrLocked means for a person.
func LockFault(err error, dsn string) error {
	if errors.Is(err, store.ErrLocked) {
		return fmt.Errorf("another keywright server uses the database %s. Stop it first: this version runs one server for each database", store.RedactDSN(dsn))
	}
	return err
}

// Authority builds the rules alone, for commands that work beside a server.
func Authority(ctx context.Context, st *store.Store, cfg config.Config) (*authority.Authority, error) {
	format, err := token.NewFormat(cfg.TokenPrefix, cfg.RetiredPrefixes...)
	if err != nil {
		return nil, err
	}
	box, err := Keyset(ctx, st, cfg)
	if err != nil {
		return nil, err
	}
	checks := verify.New(verify.Config{Store: st, Format: format, MaxRecords: cfg.CacheRecords, Box: box, Issuer: Issuer(cfg)})
	return authority.New(authority.Config{Store: st, Checks: checks, Format: format, Box: box, Issuer: Issuer(cfg)}), nil
}

// Open opens the database, brings it up to date, and listens. On an error nothing stays open.
func Open(ctx context.Context, o Options) (*Server, error) {
	s := &Server{cfg: o.Config, log: o.Log, accepted: newDrain(), draining: make(chan struct{}), ballast: make([]byte, ballast)}
	if err := s.open(ctx, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) open(ctx context.Context, o Options) (err error) {
	if s.store, err = store.Open(ctx, store.Options{DSN: s.cfg.Database, MaxConns: s.cfg.ReadConnections, Now: o.Now}); err != nil {
		return err
	}
	if s.lock, err = s.store.Lock(ctx); err != nil {
		return LockFault(err, s.cfg.Database)
	}
	if _, err := s.store.Migrate(ctx); err != nil {
		return err
	}
	format, err := token.NewFormat(s.cfg.TokenPrefix, s.cfg.RetiredPrefixes...)
	if err != nil {
		return err
	}
	box, err := Keyset(ctx, s.store, s.cfg)
	if err != nil {
		return err
	}
	issuer := Issuer(s.cfg)
	s.checks = verify.New(verify.Config{Store: s.store, Format: format, MaxRecords: s.cfg.CacheRecords, Log: s.log, Box: box, Issuer: issuer, Now: o.Now})
	s.rules = authority.New(authority.Config{Store: s.store, Checks: s.checks, Format: format, Log: s.log, Box: box, Issuer: issuer, Now: o.Now})
	if err := s.openFeeds(ctx, box, o.Now); err != nil {
		return err
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	handler, err := s.routes(o, reg)
	if err != nil {
		return err
	}
	return s.listen(ctx, handler, metricsRoutes(reg))
}

func (s *Server) listen(ctx context.Context, public, private http.Handler) (err error) {
	var lc net.ListenConfig
	if s.main, err = lc.Listen(ctx, "tcp", s.cfg.Listen); err != nil {
		return err
	}
	srv := s.newHTTP(public)
	if s.cfg.TLSCertificate != "" {
		pair, err := newKeyPair(s.cfg.TLSCertificate, s.cfg.TLSKey)
		if err != nil {
			return err
		}
		srv.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.get}
	}
	s.main = s.accepted.attach(srv, s.main)
	s.http = append(s.http, srv)
	if s.cfg.MetricsListen == "off" {
		return nil
	}
	if s.metrics, err = lc.Listen(ctx, "tcp", s.cfg.MetricsListen); err != nil {
		return err
	}
	s.http = append(s.http, s.newHTTP(private))
	return nil
}

func (s *Server) newHTTP(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// Addr is where the pages and the API are, with the port that was given.
func (s *Server) Addr() string { return s.main.Addr().String() }

// Authority is the server's rules, for the demo to fill.
func (s *Server) Authority() *authority.Authority { return s.rules }

// OpenSetUp returns the one-time code for the first account; see authority.OpenSetUp.
func (s *Server) OpenSetUp(ctx context.Context) (token.Secret, bool, error) {
	return s.rules.OpenSetUp(ctx)
}

// Run serves until ctx ends, and then ends in order. A nil error means that everything that was accepted
// was answered and written.
func (s *Server) Run(ctx context.Context) error {
	failed := make(chan error, len(s.http))
	var serving sync.WaitGroup
	for i, srv := range s.http {
		serving.Go(func() { failed <- s.serve(srv, i == 0) })
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var working sync.WaitGroup
	working.Go(func() { s.work(background) })
	s.log.InfoContext(ctx, "ready", slog.String("listen", s.Addr()), slog.String("public_url", s.cfg.PublicURL), slog.String("database", store.RedactDSN(s.cfg.Database)))

	var errs []error
	select {
	case <-ctx.Done():
	case err := <-failed:
		errs = append(errs, err)
	case <-s.lock.Lost:
		s.checks.Stop() // another server may have begun: from here on every answer would be a guess
		errs = append(errs, errors.New("the lock on the database is lost; another server may have taken over"))
	}
	close(s.draining)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Shutdown())
	defer cancel()
	if err := s.main.Close(); err != nil {
		errs = append(errs, err)
	}
	s.http[0].SetKeepAlivesEnabled(false)
	s.accepted.wait(grace)
	for _, srv := range s.http {
		// Its listener may be closed already, by the lines above or by Serve.
		if err := srv.Shutdown(grace); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, fmt.Errorf("requests were cut: %w", err), srv.Close())
		}
	}
	serving.Wait()
	stop()
	working.Wait()
	if err := s.checks.Flush(grace); err != nil {
		errs = append(errs, fmt.Errorf("counted use could not be written: %w", err))
	}
	return errors.Join(append(errs, s.Close())...)
}

func (s *Server) serve(srv *http.Server, public bool) error {
	var err error
	switch {
	case !public:
		err = srv.Serve(s.metrics)
	case srv.TLSConfig != nil:
		err = srv.ServeTLS(s.main, "", "")
	default:
		err = srv.Serve(s.main)
	}
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) && s.ending() {
		return nil
	}
	return err
}

// ending reports whether Run has begun to end.
func (s *Server) ending() bool {
	select {
	case <-s.draining:
		return true
	default:
		return false
	}
}

// work does what has to be done now and then.
func (s *Server) work(ctx context.Context) {
	flush, sweep, erase := time.NewTimer(flushEvery), time.NewTicker(sweepEvery), time.NewTicker(eraseEvery)
	defer flush.Stop()
	defer sweep.Stop()
	defer erase.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-flush.C:
			began := time.Now()
			err = s.checks.Flush(ctx)
			flush.Reset(flushAfter(time.Since(began)))
		case <-erase.C:
			err = s.rules.EraseForgiven(ctx)
		case <-sweep.C:
			err = s.rules.Sweep(ctx)
			debug.FreeOSMemory() // the collector waits long for garbage; what is over goes back now and then
		}
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "background work failed; it is tried again", slog.Any("error", err))
		}
	}
}

// flushAfter is when to write counted use again. A row is written for each token that was used meanwhile:
// where hundreds of thousands are, writing them every two seconds would take as long as checking them.
// What is written later is written once for more checks.
func flushAfter(took time.Duration) time.Duration {
	return min(max(flushEvery, 9*took), flushAtLeastEvery)
}

// Close closes what Open opened, the database last.
func (s *Server) Close() error {
	var errs []error
	for _, l := range []net.Listener{s.main, s.metrics} {
		if l == nil {
			continue
		}
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if s.feeds != nil {
		errs = append(errs, s.feeds.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Release())
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	return errors.Join(errs...)
}
