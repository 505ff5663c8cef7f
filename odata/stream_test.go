package odata_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keywright/keywright/odata"
	"github.com/keywright/keywright/odata/query"
)

func serve(t testing.TB, n *numbers, o odata.Options) string {
	t.Helper()
	s, err := odata.New(n.model, o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(nil)
	t.Cleanup(server.Close)
	server.Config.Handler = s.Handler(n, server.URL+"/odata/")
	return server.URL + "/odata/"
}

// ask does not let the client unpack by itself.
func ask(t testing.TB, url, encoding string) got {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", encoding)
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Body.Close() })
	return got{w.StatusCode, w.Header, w.Body}
}

// got is an answer whose body is closed with the test.
type got struct {
	StatusCode int
	Header     http.Header
	Body       io.Reader
}

// logBuffer is a log that a test reads.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestMIN_19_WhatFailsBehindTheFirstByteBreaksOff(t *testing.T) {
	secret := errors.New("disk 7 of db.internal is gone")
	for _, encoding := range []string{"identity", "gzip"} {
		var log logBuffer
		n := newNumbers(3000)
		n.fail = secret
		root := serve(t, n, odata.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		for _, options := range []string{"", "?$expand=Parts($top=2)"} {
			w := ask(t, root+"Numbers"+options, encoding)
			if w.StatusCode != 200 || w.Header.Get("Content-Length") != "" {
				t.Fatalf("%s: %d %v", encoding, w.StatusCode, w.Header)
			}
			text, err := io.ReadAll(w.Body)
			if err == nil {
				t.Errorf("%s%s: the transfer ends as if it were whole", encoding, options)
			}
			if encoding == "gzip" {
				z, err := gzip.NewReader(bytes.NewReader(text))
				if err != nil {
					t.Fatal(err)
				}
				if text, err = io.ReadAll(z); err == nil {
					t.Error("the compressed stream ends as if it were whole")
				}
			}
			if json.Valid(text) || len(text) == 0 || strings.HasSuffix(string(text), "]}") {
				t.Errorf("%s%s: half an answer looks whole: %.40s … %d", encoding, options, text, len(text))
			}
			if !strings.Contains(log.String(), secret.Error()) {
				t.Errorf("the log says nothing of it: %s", log.String())
			}
		}
	}
}

func TestWhatFailsBeforeTheFirstByteIsAnError(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		retry  string
	}{
		{query.ErrBusy, 503, "2"},
		{fmt.Errorf("x: %w", query.ErrUnavailable), 503, "10"},
		{fmt.Errorf("x: %w", query.ErrChanged), 503, ""},
		{query.ErrTimeout, 504, ""},
		{query.ErrComplex, 400, ""},
		{context.DeadlineExceeded, 504, ""},
		{query.ErrValue, 500, ""},
		{fmt.Errorf("%w: Numbers.At", query.ErrValue), 500, ""},
		{errors.New("password=hunter2"), 500, ""},
	} {
		n := newNumbers(50)
		n.fail = c.err
		client := newClient(t, n.model, n, odata.Options{})
		for _, url := range []string{"Numbers", "Numbers?$expand=Parts($top=1)"} {
			w := client.get(url, "Accept-Encoding", "gzip", "Prefer", "maxpagesize=100")
			checkError(t, w)
			if w.Code != c.status || w.Header().Get("Retry-After") != c.retry || strings.Contains(w.Body.String(), "hunter2") ||
				w.Header().Get("ETag") != "" || w.Header().Get("Content-Encoding") != "" || w.Header().Get("Preference-Applied") != "" {
				t.Errorf("%v: %d %v %s", c.err, w.Code, w.Header(), w.Body)
			}
		}
	}
}

func TestAnswersOfAnySizeCostTheSameMemory(t *testing.T) {
	n := newNumbers(1_000_000)
	var before runtime.MemStats
	var most uint64
	n.each = func(_ context.Context, i int) {
		if i%50_000 == 0 {
			var now runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc)
		}
	}
	root := serve(t, n, odata.Options{PageSize: 1_000_000})
	runtime.GC()
	runtime.ReadMemStats(&before)
	w := ask(t, root+"Numbers", "identity")
	if size := discard(t, w.Body); size < 80_000_000 {
		t.Errorf("only %d bytes", size)
	}
	if grown := int64(most) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("the heap has grown by %d KiB", grown>>10)
	}
}

func TestExpandedAnswersOfAnySizeCostTheSameMemory(t *testing.T) {
	n := newNumbers(1_200) // each with 1,200 parts: 1.4 million of them
	var before runtime.MemStats
	var most uint64
	calls := 0
	n.each = func(_ context.Context, i int) {
		if calls++; calls%100_000 == 0 {
			var now runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc)
		}
	}
	root := serve(t, n, odata.Options{})
	runtime.GC()
	runtime.ReadMemStats(&before)
	w := ask(t, root+"Numbers?$expand=Parts", "identity")
	var objects braces
	if _, err := io.Copy(&objects, w.Body); err != nil || objects != 1+1_200+1_200*1_200 {
		t.Errorf("%d objects, %v", objects, err)
	}
	if grown := int64(most) - int64(before.HeapAlloc); grown > 6<<20 {
		t.Errorf("the heap has grown by %d KiB", grown>>10)
	}
	if n.asked > 2*n.size {
		t.Errorf("parts of %d rows were asked for, to read those of %d", n.asked, n.size)
	}
}

// braces counts objects.
type braces int

func (n *braces) Write(p []byte) (int, error) {
	*n += braces(bytes.Count(p, []byte{'{'}))
	return len(p), nil
}

func TestRowsOfASlowSourceArriveBeforeItIsDone(t *testing.T) {
	for _, encoding := range []string{"identity", "gzip"} {
		t.Run(encoding, func(t *testing.T) {
			t.Parallel()
			n := newNumbers(100)
			seen := make(chan struct{})
			n.each = func(_ context.Context, i int) {
				switch i {
				case 2, 6:
					time.Sleep(600 * time.Millisecond) // the source is slow: this is what is tested
				case 4, 8: // the rows before are on their way, or the client waits in vain
					select {
					case seen <- struct{}{}:
					case <-time.After(20 * time.Second):
						t.Error("rows are kept back")
					}
				}
			}
			w := ask(t, serve(t, n, odata.Options{})+"Numbers", encoding)
			in := w.Body
			if encoding == "gzip" {
				z, err := gzip.NewReader(w.Body)
				if err != nil {
					t.Fatal(err)
				}
				in = z
			}
			text := bufio.NewReader(in)
			for _, rows := range []int{2, 4} { // 0 and 1, then up to 5
				for range rows {
					if _, err := text.ReadString('}'); err != nil {
						t.Fatal(err)
					}
				}
				<-seen
			}
			discard(t, text)
		})
	}
}

func TestARequestThatTakesTooLongEnds(t *testing.T) {
	for at, broken := range map[int]bool{10: false, 2000: true} {
		n := newNumbers(3000)
		n.each = func(ctx context.Context, i int) {
			if i == at {
				<-ctx.Done()
			}
		}
		w := ask(t, serve(t, n, odata.Options{Timeout: 50 * time.Millisecond})+"Numbers", "identity")
		_, err := io.ReadAll(w.Body)
		if want := map[bool]int{false: 504, true: 200}[broken]; w.StatusCode != want || broken != (err != nil) {
			t.Errorf("stopped at row %d: %d, %v", at, w.StatusCode, err)
		}
	}
}

func TestAClientThatDoesNotReadIsGivenUp(t *testing.T) {
	n := newNumbers(100_000_000)
	done := make(chan struct{})
	n.closed = func() { close(done) }
	_ = ask(t, serve(t, n, odata.Options{PageSize: 100_000_000, Timeout: 300 * time.Millisecond})+"Numbers", "identity")
	select {
	case <-done: // others may read
	case <-time.After(20 * time.Second):
		t.Error("the reader is kept for a client that does not read")
	}
}

func TestAClientThatGoesAwayStopsTheReading(t *testing.T) {
	n := newNumbers(100_000_000)
	done := make(chan struct{})
	n.each = func(ctx context.Context, i int) {
		if i == 1000 {
			go func() { <-ctx.Done(); close(done) }()
		}
	}
	root := serve(t, n, odata.Options{PageSize: 100_000_000})
	ctx, leave := context.WithCancel(context.Background())
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, root+"Numbers", nil)
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.CopyN(io.Discard, w.Body, 1<<20)
	leave()
	_ = w.Body.Close()
	<-done
}

func TestLargeAnswersAreCompressedForThoseWhoCanRead(t *testing.T) {
	root := serve(t, newNumbers(2000), odata.Options{})
	plain, err := io.ReadAll(ask(t, root+"Numbers", "identity").Body)
	if err != nil {
		t.Fatal(err)
	}
	for encoding, want := range map[string]string{
		"gzip": "gzip", "gzip, deflate": "gzip", "br;q=1, GZIP;q=0.5": "gzip", "*": "gzip", "gzip;q=0": "", "gzip; q=0.0, *": "", "deflate": "", "identity": "",
	} {
		for _, url := range []string{"Numbers", "Numbers?$top=100", "Numbers?$top=1"} {
			w := ask(t, root+url, encoding)
			got := w.Header.Get("Content-Encoding")
			if want != got && (url != "Numbers?$top=1" || got != "") {
				t.Errorf("%s, %s: %q", url, encoding, got)
			}
			if !strings.Contains(w.Header.Get("Vary"), "Accept-Encoding") {
				t.Errorf("Vary is %q", w.Header.Get("Vary"))
			}
			in := w.Body
			if got == "gzip" {
				if in, err = gzip.NewReader(w.Body); err != nil {
					t.Fatal(err)
				}
			}
			text, err := io.ReadAll(in)
			if err != nil || !json.Valid(text) || url == "Numbers" && !bytes.Equal(text, plain) {
				t.Errorf("%s, %s: %v, %d bytes", url, encoding, err, len(text))
			}
		}
	}
}

func BenchmarkRows(b *testing.B) {
	n := newNumbers(100_000)
	for _, encoding := range []string{"identity", "gzip"} {
		b.Run(encoding, func(b *testing.B) {
			c := newClient(b, n.model, n, odata.Options{PageSize: 1_000_000})
			r := httptest.NewRequest(http.MethodGet, "/Numbers", nil)
			r.Header.Set("Accept-Encoding", encoding)
			b.ReportAllocs()
			for b.Loop() {
				w := &countingWriter{header: http.Header{}}
				c.service.Serve(w, r, c.access)
				b.SetBytes(w.n)
			}
			b.ReportMetric(float64(b.N)*100_000/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

type countingWriter struct {
	header http.Header
	n      int64
}

func (w *countingWriter) Header() http.Header { return w.header }
func (w *countingWriter) WriteHeader(int)     {}
func (w *countingWriter) Write(p []byte) (int, error) {
	w.n += int64(len(p))
	return len(p), nil
}
