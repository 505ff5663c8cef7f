// Package web is the HTTP kit of the surfaces that people and their programs use: pages and REST.
//
// A handler here returns an error instead of writing one. One adapter, Kit.Handle, owns what every
// request needs, so that no handler can forget it: the request id, panics, protection against other
// sites, headers that keep browsers careful, the rendering of refusals in the surface's own form, one
// wide log event and the metrics. What a handler wants in that event it notes (Note); query strings,
// bodies and credentials are never in it.
//
// The threat is a browser that is signed in and made to act by someone else. A session is a cookie that
// other sites can't read or set (__Host-, HttpOnly, SameSite), every unsafe request must come from our
// own origin, and pages run no script and no form target but ours. A request that carries a bearer
// token instead is beyond that: no browser adds that header by itself, and beside it the cookie is not
// looked at.
package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
)

// Func is a handler that returns what went wrong instead of writing it.
type Func func(w http.ResponseWriter, r *http.Request) error

// Render writes a refusal in the form of a surface.
type Render func(w http.ResponseWriter, r *http.Request, f *fault.Error)

// Config is what a Kit works with. Authority and PublicURL are required.
type Config struct {
	Authority      *authority.Authority
	PublicURL      *url.URL              // where people reach this server
	TrustedProxies []netip.Prefix        // whose X-Forwarded-For counts
	Log            *slog.Logger          // nil discards
	Registerer     prometheus.Registerer // nil keeps no metrics
	ProductName    string                // "" is Keywright
}

// Kit is what the surfaces share. It is safe for use by many goroutines.
type Kit struct {
	authority *authority.Authority
	public    url.URL
	product   string
	trusted   []netip.Prefix
	log       *slog.Logger
	metrics   *metrics
	foreign   *http.CrossOriginProtection
}

// New returns a Kit.
func New(c Config) *Kit {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.ProductName == "" {
		c.ProductName = "Keywright"
	}
	k := &Kit{
		authority: c.Authority, public: *c.PublicURL, product: c.ProductName, trusted: c.TrustedProxies, log: c.Log,
		metrics: newMetrics(c.Registerer), foreign: http.NewCrossOriginProtection(),
	}
	// Behind a proxy that rewrites Host, an older browser's Origin is the public one.
	if err := k.foreign.AddTrustedOrigin(k.public.Scheme + "://" + k.public.Host); err != nil {
		k.log.Warn("the public URL is no origin", slog.Any("error", err))
	}
	return k
}

// ProductName is what the installation calls itself.
func (k *Kit) ProductName() string { return k.product }

// URL returns an absolute address below the public URL.
func (k *Kit) URL(path string) string { return k.public.JoinPath(path).String() }

// LinkPath is where a one-time link leads; what follows it is the link's secret.
const LinkPath = "/welcome/"

// LinkURL is the address of a one-time link. It is a secret: it goes into the one answer that hands it
// out, and nowhere else.
func (k *Kit) LinkURL(link token.Secret) string { return k.URL(LinkPath + link.Reveal()) }

// Handle makes an http.Handler of a Func for a surface, whose refusals render writes. What another site
// made a browser ask never reaches h. By default an answer is stored nowhere; a handler whose answer is
// everybody's sets Cache-Control itself.
func (k *Kit) Handle(surface string, render Render, h Func) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		e := &event{surface: surface, pattern: r.Pattern, id: token.NewID("req", began)}
		r = r.WithContext(withEvent(r.Context(), e))
		out := &recorder{ResponseWriter: w}
		out.Header().Set("X-Request-Id", e.id)
		harden(out.Header())

		err := guard(r, func() error {
			if err := k.sameOrigin(r); err != nil {
				return err
			}
			return h(out, r)
		})
		if err != nil && !errors.Is(err, http.ErrAbortHandler) {
			f := fault.From(err)
			e.refused(f)
			if out.status == 0 {
				err = guard(r, func() error { render(out, r, f); return nil })
			}
		}
		switch {
		case err == nil && out.status == 0:
			out.WriteHeader(http.StatusOK)
		case err != nil && out.status == 0 && !errors.Is(err, http.ErrAbortHandler):
			out.WriteHeader(http.StatusInternalServerError)
			err = nil
		}
		k.finish(r, e, out, time.Since(began))
		if err != nil {
			panic(http.ErrAbortHandler) // half an answer must not look whole
		}
	})
}

// guard turns a panic into an internal fault.
func guard(r *http.Request, fn func() error) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			err = http.ErrAbortHandler
		default:
			Note(r, slog.String("stack", string(debug.Stack())))
			err = fault.Wrap(fmt.Errorf("panic: %v", p), "handler")
		}
	}()
	return fn()
}
