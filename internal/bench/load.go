package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Orders in which credentials are presented.
const (
	inTurn   = "in turn"   // over and over
	atRandom = "at random" // each as likely as the next
	onceEach = "once each" // from the first to the last, then the load ends
)

// loadJob is what the generator is to do.
type loadJob struct {
	Addr    string
	PID     int // of the server
	Conns   int
	Seconds float64 // at most
	Status  int     // that every answer must have
	Order   string
	Count   uint64 // present the first so many …
	Tokens  uint64 // … of a database of so many
	Unknown bool   // present credentials that no database has
	Bare    bool   // ask the bare handler
}

// loadResult is what came of it.
type loadResult struct {
	Requests uint64
	Seconds  float64
	CPU      float64 // of the server, seconds
	P50, P99 float64 // milliseconds
}

func (r loadResult) perSecond() float64 { return float64(r.Requests) / r.Seconds }

// cpuMicros is the server's processor time for a request.
func (r loadResult) cpuMicros() float64 { return r.CPU * 1e6 / float64(r.Requests) }

func playLoad(ctx context.Context, d *dialogue) error {
	var offset uint64 // so that no unknown credential comes twice
	return each(d, func(j loadJob) (loadResult, error) {
		l := &load{job: j, keys: keysOf(j.Tokens)}
		l.keys.unknown = j.Unknown
		if j.Unknown && j.Order == onceEach {
			l.next.Store(offset)
			l.job.Count += offset
			defer func() { offset = l.next.Load() }()
		}
		return l.run(ctx)
	})
}

// load is a number of connections, each of which asks, waits for the answer and asks again.
type load struct {
	job  loadJob
	keys keys
	next atomic.Uint64
}

func (l *load) run(ctx context.Context) (loadResult, error) {
	length := time.Duration(l.job.Seconds * float64(time.Second))
	conns := make([]net.Conn, l.job.Conns)
	defer func() {
		for _, c := range conns {
			if c != nil {
				_ = c.Close()
			}
		}
	}()
	for i := range conns {
		var dialer net.Dialer
		var err error
		if conns[i], err = dialer.DialContext(ctx, "tcp", l.job.Addr); err != nil {
			return loadResult{}, err
		}
		if err := conns[i].SetDeadline(time.Now().Add(length + 10*time.Second)); err != nil {
			return loadResult{}, err
		}
	}
	before, err := cpuTime(l.job.PID)
	if err != nil {
		return loadResult{}, err
	}
	begin := time.Now()
	counts, errs := make([]histogram, len(conns)), make([]error, len(conns))
	requests := make([]uint64, len(conns))
	var wg sync.WaitGroup
	for i, c := range conns {
		wg.Go(func() { requests[i], errs[i] = l.talk(c, begin.Add(length), &counts[i]) })
	}
	wg.Wait()
	took := time.Since(begin)
	after, err := cpuTime(l.job.PID)
	if err = errors.Join(append(errs, err)...); err != nil {
		return loadResult{}, err
	}
	var h histogram
	r := loadResult{Seconds: took.Seconds(), CPU: (after - before).Seconds()}
	for i := range counts {
		h.merge(&counts[i])
		r.Requests += requests[i]
	}
	r.P50, r.P99 = millis(h.quantile(0.5)), millis(h.quantile(0.99))
	return r, nil
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// talk asks over one connection until the time is over.
func (l *load) talk(c net.Conn, end time.Time, h *histogram) (n uint64, err error) {
	random := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	request, answer := make([]byte, 0, 512), make([]byte, 4096)
	for began := time.Now(); began.Before(end); n++ {
		i, more := l.pick(random)
		if !more {
			return n, nil
		}
		request = l.write(request[:0], i)
		if _, err := c.Write(request); err != nil {
			return n, err
		}
		if err := l.read(c, answer); err != nil {
			return n, err
		}
		now := time.Now()
		h.add(now.Sub(began))
		began = now
	}
	return n, nil
}

func (l *load) pick(random *rand.Rand) (i uint64, more bool) {
	switch l.job.Order {
	case atRandom:
		return random.Uint64N(l.job.Count), true
	case onceEach:
		i = l.next.Add(1) - 1
		return i, i < l.job.Count
	default:
		return l.next.Add(1) % l.job.Count, true
	}
}

// write writes the request of a gateway. The bare handler gets the same, under another path.
func (l *load) write(b []byte, i uint64) []byte {
	s := l.keys.secret(i)
	b = append(b, "GET "...)
	if l.job.Bare {
		b = append(b, "/bare?workspace=bench-0"...)
	} else {
		b = append(b, "/verify?workspace=bench-"...)
		b = strconv.AppendUint(b, l.keys.workspace(l.keys.owner(sha256.Sum256(s[:]))), 10)
	}
	b = append(b, "&scope=odata:read HTTP/1.1\r\nHost: keywright\r\nAuthorization: Bearer "...)
	b = append(b, s[:]...)
	return append(b, "\r\n\r\n"...)
}

// read reads one answer whole and refuses any but the expected one.
func (l *load) read(c net.Conn, buf []byte) error {
	n := 0
	for {
		got, err := c.Read(buf[n:])
		if err != nil {
			return fmt.Errorf("an answer ended early: %w", err)
		}
		n += got
		head := bytes.Index(buf[:n], []byte("\r\n\r\n"))
		if head < 0 {
			if n == len(buf) {
				return errors.New("an answer is too long")
			}
			continue
		}
		if status := string(buf[9:12]); status != strconv.Itoa(l.job.Status) {
			return fmt.Errorf("an answer has status %s, not %d:\n%s", status, l.job.Status, buf[:n])
		}
		const name = "\r\nContent-Length: "
		at := bytes.Index(buf[:head+2], []byte(name))
		if at < 0 {
			return fmt.Errorf("an answer does not say its length:\n%s", buf[:n])
		}
		length := 0
		for _, digit := range buf[at+len(name) : head+2] {
			if digit == '\r' {
				break
			}
			length = length*10 + int(digit-'0')
		}
		if n >= head+4+length {
			return nil
		}
	}
}
