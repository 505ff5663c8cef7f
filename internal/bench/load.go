package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
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
	Request []byte // send this and nothing else
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
		l := &load{job: j, keys: keysOf(j.Tokens), random: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))}
		l.keys.unknown = j.Unknown
		if j.Unknown && j.Order == onceEach {
			l.next = offset
			l.job.Count += offset
			defer func() { offset = l.next }()
		}
		return l.run(ctx)
	})
}

// load is a number of connections, each of which asks, waits for the answer and asks again.
//
// One loop serves them all with poll, read and write: with a goroutine for each connection the generator
// would take about as long for a request as the bare handler does, and flatter whatever is slower.
type load struct {
	job    loadJob
	keys   keys
	random *rand.Rand
	next   uint64
	lines  []line
	polled []unix.PollFd
	counts histogram
	done   uint64
	open   int // lines that wait for an answer
}

// line is one connection.
type line struct {
	file  *os.File
	began time.Time
	got   int
	buf   [32 << 10]byte
}

func (l *load) run(ctx context.Context) (loadResult, error) {
	defer l.hangUp()
	for range l.job.Conns {
		if err := l.dial(ctx); err != nil {
			return loadResult{}, err
		}
	}
	before, err := cpuTime(l.job.PID)
	if err != nil {
		return loadResult{}, err
	}
	begin := time.Now()
	if err := l.talk(begin.Add(time.Duration(l.job.Seconds * float64(time.Second)))); err != nil {
		return loadResult{}, err
	}
	took := time.Since(begin)
	after, err := cpuTime(l.job.PID)
	return loadResult{
		Requests: l.done, Seconds: took.Seconds(), CPU: (after - before).Seconds(),
		P50: millis(l.counts.quantile(0.5)), P99: millis(l.counts.quantile(0.99)),
	}, err
}

func (l *load) dial(ctx context.Context) error {
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "tcp", l.job.Addr)
	if err != nil {
		return err
	}
	defer c.Close()
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return errors.New("a TCP connection was expected")
	}
	file, err := tcp.File()
	if err != nil {
		return err
	}
	l.lines = append(l.lines, line{file: file})
	l.polled = append(l.polled, unix.PollFd{Fd: int32(file.Fd()), Events: unix.POLLIN}) // Fd makes it a blocking one
	return nil
}

func (l *load) hangUp() {
	for i := range l.lines {
		_ = l.lines[i].file.Close() // it has told all it had to tell
	}
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// talk asks over all connections until the time is over and the last answer is there.
func (l *load) talk(end time.Time) error {
	for i := range l.lines {
		if err := l.ask(i, time.Now(), end); err != nil {
			return err
		}
	}
	for l.open > 0 {
		n, err := unix.Poll(l.polled, 10_000)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return err
		case n == 0:
			return errors.New("no answer for 10 s")
		}
		for i := range l.polled {
			if l.polled[i].Revents == 0 {
				continue
			}
			whole, err := l.read(i)
			if err != nil {
				return err
			}
			if whole {
				now := time.Now()
				l.counts.add(now.Sub(l.lines[i].began))
				l.done++
				l.open--
				if err := l.ask(i, now, end); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// ask sends the next request over a connection, if there is one more.
func (l *load) ask(i int, now, end time.Time) error {
	secret, more := l.pick()
	if !more || !now.Before(end) {
		return nil
	}
	var buf [512]byte
	c := &l.lines[i]
	c.began, c.got = now, 0
	l.open++
	request := l.job.Request
	if request == nil {
		request = l.write(buf[:0], secret)
	}
	n, err := unix.Write(int(l.polled[i].Fd), request)
	if err == nil && n < len(request) {
		err = errors.New("a request did not fit into the socket")
	}
	return err
}

func (l *load) pick() (i uint64, more bool) {
	switch l.job.Order {
	case atRandom:
		return l.random.Uint64N(l.job.Count), true
	case onceEach:
		l.next++
		return l.next - 1, l.next <= l.job.Count
	default:
		l.next++
		return l.next % l.job.Count, true
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

// read reads what has come, and reports whether the answer is whole. It refuses any but the expected one.
func (l *load) read(i int) (whole bool, err error) {
	c := &l.lines[i]
	n, err := unix.Read(int(l.polled[i].Fd), c.buf[c.got:])
	if err != nil {
		return false, err
	}
	if n <= 0 {
		return false, errors.New("an answer ended early")
	}
	c.got += n
	answer := c.buf[:c.got]
	head := bytes.Index(answer, []byte("\r\n\r\n"))
	if head < 0 {
		if c.got == len(c.buf) {
			return false, errors.New("an answer is too long")
		}
		return false, nil
	}
	if status := string(answer[9:12]); status != strconv.Itoa(l.job.Status) {
		return false, fmt.Errorf("an answer has status %s, not %d:\n%s", status, l.job.Status, answer)
	}
	if bytes.Contains(answer[:head+2], []byte("\r\nTransfer-Encoding: chunked\r\n")) {
		return bytes.HasSuffix(answer, []byte("\r\n0\r\n\r\n")), nil
	}
	const name = "\r\nContent-Length: "
	at := bytes.Index(answer[:head+2], []byte(name))
	if at < 0 {
		return false, fmt.Errorf("an answer does not say its length:\n%s", answer)
	}
	length := 0
	for _, digit := range answer[at+len(name) : head+2] {
		if digit == '\r' {
			break
		}
		length = length*10 + int(digit-'0')
	}
	return c.got >= head+4+length, nil
}
