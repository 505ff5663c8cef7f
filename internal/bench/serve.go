package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/metrics"

	"github.com/keywright/keywright/internal/config"
	"github.com/keywright/keywright/internal/server"
)

// serveJob is the first question to a server; every later one is answered with its vitals.
type serveJob struct {
	Database string // in the first one
	App      bool   // make an app and tokens, whose secrets the answer has; the database must be empty
	Proxy    bool   // take the load for a trusted proxy, whose unknown credentials are not throttled
	Feed     string // a database that is published in the app's workspace
	Profile  string // write a profile here until the next question
}

// vitals are what a server says of itself.
type vitals struct {
	Addr   string
	PID    int
	GC     float64 // processor time that the collector has taken, seconds
	Cycles uint64
	Pause  float64 // the longest, milliseconds
	Heap   uint64  // live, as the last collection found it
	Made   *made   // what was made at the start, if anything was
}

func readVitals(addr string) vitals {
	samples := []metrics.Sample{
		{Name: "/cpu/classes/gc/total:cpu-seconds"},
		{Name: "/cpu/classes/gc/mark/idle:cpu-seconds"},
		{Name: "/gc/cycles/total:gc-cycles"},
		{Name: "/gc/heap/live:bytes"},
		{Name: "/sched/pauses/total/gc:seconds"},
	}
	metrics.Read(samples)
	v := vitals{Addr: addr, PID: os.Getpid(), Cycles: samples[2].Value.Uint64(), Heap: samples[3].Value.Uint64()}
	v.GC = samples[0].Value.Float64() - samples[1].Value.Float64() // what it takes while nobody else wants it costs nothing
	pauses := samples[4].Value.Float64Histogram()
	for i, n := range pauses.Counts {
		if n > 0 {
			v.Pause = pauses.Buckets[i] * 1000
		}
	}
	return v
}

// playBare serves 60 bytes of JSON, the least that a Go server can do; to a form that is posted, the least that
// one can do which reads a form and encodes an answer.
func playBare(ctx context.Context, d *dialogue) error {
	body := []byte(`{"active":true,"sub":"usr_0123456789abcdef","scope":"a b c"}`)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Method == http.MethodPost {
			bareForm(w, r)
			return
		}
		_, _ = w.Write(body)
	})
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: handler}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	var p profiler
	err = each(d, func(j serveJob) (vitals, error) { return readVitals(l.Addr().String()), p.profile(j.Profile) })
	err = errors.Join(err, srv.Close())
	if serr := <-done; !errors.Is(serr, http.ErrServerClosed) {
		err = errors.Join(err, serr)
	}
	return err
}

// bareForm answers like an introspection that knows one token.
func bareForm(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || r.PostForm.Get("token") == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	_ = json.NewEncoder(w).Encode(struct {
		Active  bool   `json:"active"`
		Scope   string `json:"scope"`
		Type    string `json:"token_type"`
		Subject string `json:"sub"`
		Expires int64  `json:"exp"`
	}{true, "odata:read", "Bearer", "usr_0123456789abcdef", 1_800_000_000})
}

// playServer is the whole of Keywright, as serve starts it, with its log written to nowhere.
func playServer(ctx context.Context, d *dialogue) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var srv *server.Server
	var p profiler
	done := make(chan error, 1)
	err := each(d, func(j serveJob) (vitals, error) {
		if srv != nil {
			return readVitals(srv.Addr()), p.profile(j.Profile)
		}
		cfg := configuration(j.Database)
		if j.Proxy {
			cfg.TrustedProxies = []string{"127.0.0.0/8"}
		}
		if j.Feed != "" {
			cfg.Feeds = []config.Feed{feedOf(j.Feed)}
		}
		var err error
		if srv, err = server.Open(ctx, server.Options{Config: cfg, Log: slog.New(slog.DiscardHandler)}); err != nil {
			return vitals{}, err
		}
		go func() { done <- srv.Run(ctx) }()
		v := readVitals(srv.Addr())
		if j.App {
			v.Made, err = makeApp(ctx, srv)
		}
		return v, err
	})
	if srv != nil {
		stop()
		err = errors.Join(err, <-done)
	}
	return err
}

// configuration is an operator's, with every default but the ports.
func configuration(database string) config.Config {
	set := map[string]string{
		"KEYWRIGHT_PUBLIC_URL": "http://127.0.0.1", "KEYWRIGHT_DATABASE": database,
		"KEYWRIGHT_LISTEN": "127.0.0.1:0", "KEYWRIGHT_METRICS_LISTEN": "off",
	}
	cfg, problems := config.Load("", func(name string) string { return set[name] })
	if len(problems) > 0 {
		panic(problems[0].String()) // the map above is wrong
	}
	return cfg
}
