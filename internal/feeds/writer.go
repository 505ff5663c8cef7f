package feeds

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/keywright/keywright/internal/publish"
)

// first is how long the first byte may take: the slowest statement that can be configured, and its queue. Rows have deadlines that the
// service sets for each part, so that an answer may take as long as its client goes on reading.
const first = 11 * time.Minute

// writer lets an answer begin later than the server allows others, and remembers its status.
type writer struct {
	http.ResponseWriter
	status int
}

func newWriter(w http.ResponseWriter) *writer {
	// A connection without deadlines has none to lift.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(first))
	return &writer{ResponseWriter: w}
}

func (w *writer) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// metrics count by the feed's name: those that exist are few.
type metrics struct {
	requests *prometheus.CounterVec
	rows     *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "keywright_feed_requests_total", Help: "Requests with a good credential, by feed and status.",
		}, []string{"feed", "status"}),
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "keywright_feed_rows_total", Help: "Rows read, by feed."}, []string{"feed"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "keywright_feed_request_duration_seconds", Help: "Time to answer a request, by feed.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300},
		}, []string{"feed"}),
	}
	if reg != nil {
		reg.MustRegister(m.requests, m.rows, m.seconds)
	}
	return m
}

// label names a feed in the metrics: one of a database by its workspace and name, the built-in ones together.
func label(f *publish.Feed) string {
	if f.Name == publish.BuiltIn {
		return f.Name
	}
	return f.Workspace + "/" + f.Name
}

func (m *metrics) observe(feed string, status int, rows int64, took time.Duration) {
	if status == 0 {
		status = http.StatusServiceUnavailable // refused before the service was asked
	}
	m.requests.WithLabelValues(feed, strconv.Itoa(status)).Inc()
	m.rows.WithLabelValues(feed).Add(float64(rows))
	m.seconds.WithLabelValues(feed).Observe(took.Seconds())
}
