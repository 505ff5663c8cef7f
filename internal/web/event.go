package web

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
)

// event is what is known of one request when its log line is written.
type event struct {
	surface string
	pattern string // as the outer mux matched it
	id      string

	mu      sync.Mutex
	by      token.Identity
	refusal *fault.Error
	notes   []slog.Attr
}

type eventKey struct{}

func withEvent(ctx context.Context, e *event) context.Context {
	return context.WithValue(ctx, eventKey{}, e)
}

func eventOf(ctx context.Context) *event {
	e, _ := ctx.Value(eventKey{}).(*event) // nil outside Handle
	return e
}

// RequestID returns the id of the request that Handle gave it; "" outside.
func RequestID(r *http.Request) string {
	if e := eventOf(r.Context()); e != nil {
		return e.id
	}
	return ""
}

// Note adds to the request's log event. Nothing that a person typed and no credential belongs there.
func Note(r *http.Request, attrs ...slog.Attr) {
	if e := eventOf(r.Context()); e != nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.notes = append(e.notes, attrs...)
	}
}

// Identified says in the request's log event who is asking. Kit.Identity does it; a handler that signs
// somebody in does it itself.
func Identified(r *http.Request, by token.Identity) {
	if e := eventOf(r.Context()); e != nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.by = by
	}
}

func (e *event) refused(f *fault.Error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refusal = f
}

// finish writes the one log event of a request, and counts it. The path is given as the pattern that
// matched: what people put into addresses (one-time links, names) stays out of the log.
func (k *Kit) finish(r *http.Request, e *event, out *recorder, took time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	route := e.pattern
	if r.Pattern != "" {
		route = r.Pattern // an inner mux knows better
	}
	// The method stands in its own field, and an invalid one must not make a label.
	if _, path, ok := strings.Cut(route, " "); ok {
		route = path
	}
	k.metrics.observe(e.surface, route, out.status, took)

	attrs := []slog.Attr{
		slog.String("request_id", e.id),
		slog.String("surface", e.surface),
		slog.String("method", r.Method),
		slog.String("route", route),
		slog.Int("status", out.status),
		slog.Int64("bytes", out.bytes),
		slog.Int64("took_us", took.Microseconds()),
		slog.String("address", k.address(r).String()),
	}
	if e.by.User.ID != "" {
		attrs = append(attrs, slog.String("user_id", e.by.User.ID))
	}
	if e.by.Bearer != nil {
		attrs = append(attrs, slog.String("token_id", e.by.Bearer.TokenID))
	}
	if e.refusal != nil {
		attrs = append(attrs, slog.String("code", string(e.refusal.Code)))
		if e.refusal.Kind == fault.Internal || e.refusal.Kind == fault.Unavailable {
			attrs = append(attrs, slog.String("error", e.refusal.Error()))
		}
	}
	level := slog.LevelInfo
	switch {
	case out.status >= 500 && out.status != http.StatusNotImplemented: // that one is for what the client asks
		level = slog.LevelError
	case out.status >= 400:
		level = slog.LevelWarn
	}
	k.log.LogAttrs(r.Context(), level, "request", append(attrs, e.notes...)...)
}

// recorder remembers what was answered, and lets only one answer be begun.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *recorder) WriteHeader(status int) {
	if w.status != 0 {
		return
	}
	if status >= 200 { // others announce the real one
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// metrics counts requests by surface, route and class of status: few enough series to keep.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "keywright_http_requests_total", Help: "Requests answered, by surface, route and class of status.",
		}, []string{"surface", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "keywright_http_request_duration_seconds", Help: "Time to answer a request.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"surface", "route"}),
	}
	if reg != nil {
		reg.MustRegister(m.requests, m.seconds)
	}
	return m
}

func (m *metrics) observe(surface, route string, status int, took time.Duration) {
	m.requests.WithLabelValues(surface, route, strconv.Itoa(status/100)+"xx").Inc()
	m.seconds.WithLabelValues(surface, route).Observe(took.Seconds())
}
