package server

import (
	"net/http"
	"net/http/pprof"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/keywright/keywright/internal/feeds"
	"github.com/keywright/keywright/internal/gateway"
	"github.com/keywright/keywright/internal/oauth"
	"github.com/keywright/keywright/internal/rest"
	"github.com/keywright/keywright/internal/ui"
	"github.com/keywright/keywright/internal/web"
)

// routes gives every surface its place on the public listener.
func (s *Server) routes(o Options, reg prometheus.Registerer) (http.Handler, error) {
	kit := web.New(web.Config{
		Authority: s.rules, PublicURL: s.cfg.Public(), TrustedProxies: s.cfg.Proxies(), Log: s.log,
		Registerer: reg, ProductName: s.cfg.ProductName,
	})
	checks := gateway.New(gateway.Config{Checks: s.checks, Address: kit.Client, PublicURL: s.cfg.Public(), Realm: s.cfg.ProductName, Log: s.log, Registerer: reg})
	endpoints := oauth.New(oauth.Config{Kit: kit, Authority: s.rules, Checks: s.checks, Log: s.log, Registerer: reg})
	data := feeds.New(feeds.Config{Kit: kit, Checks: s.checks, Feeds: s.feeds, Registerer: reg})
	pages, err := ui.New(ui.Config{
		Kit: kit, Authority: s.rules, Accent: s.cfg.Accent, Demo: o.Demo, Published: s.feeds, OData: data, Checks: s.checks,
	})
	if err != nil {
		return nil, err
	}
	calls, err := rest.New(kit, s.rules, s.feeds, o.Version)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("GET /readyz", s.ready)
	pages.Mount(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Before the mux, which would redirect paths that are not clean: the ends of these are the client's.
		switch {
		case gateway.Matches(r):
			checks.ServeHTTP(w, r)
		case feeds.Matches(r):
			data.ServeHTTP(w, r)
		case oauth.Matches(r):
			endpoints.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, "/api/v1/"):
			calls.ServeHTTP(w, r) // has a mux of its own, for methods that pages don't know
		default:
			mux.ServeHTTP(w, r)
		}
	}), nil
}

// ready says whether requests should come: not while the database does not answer, not while ending.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if s.ending() || s.store.Ping(r.Context()) != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// metricsRoutes is the private listener: metrics and profiles.
func metricsRoutes(reg *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	return mux
}
