package authority

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
)

const (
	maxFailures   = 10 // of one account from one address …
	failureWindow = 15 * time.Minute
	maxPairs      = 100_000 // remembered at once; beyond, the oldest window is forgotten
)

// attempts counts failed sign-ins per account and address together, so that nobody can lock another
// out of an account. It lives in memory: a restart forgives.
//
// As many may run at once as there are failures left. One more waits for how they end: so parallel
// guesses can't slip through, and parallel good sign-ins are never taken for guesses.
type attempts struct {
	mu    sync.Mutex
	pairs map[pair]*tally
}

type pair struct {
	email   string
	address netip.Addr
}

type tally struct {
	failed  int
	since   time.Time     // the first failure
	running int           // not ended yet
	ended   chan struct{} // closed when the next one ends
}

// outcome is how an attempt ended.
type outcome int

const (
	undecided outcome = iota // something else went wrong
	wrong
	right
)

// begin starts an attempt, or refuses it when there were too many failures. Whoever begins must end.
func (t *attempts) begin(ctx context.Context, p pair, now time.Time) (end func(outcome), err error) {
	for {
		f, wait, err := t.tryBegin(p, now)
		if err != nil {
			return nil, err
		}
		if wait == nil {
			return func(o outcome) { t.end(p, f, o, now) }, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, fault.Wrap(ctx.Err(), "wait for other sign-ins")
		}
	}
}

func (t *attempts) tryBegin(p pair, now time.Time) (*tally, <-chan struct{}, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.pairs[p]
	if f == nil {
		if t.pairs == nil {
			t.pairs = map[pair]*tally{}
		}
		if len(t.pairs) >= maxPairs {
			t.makeRoom(now)
		}
		f = &tally{ended: make(chan struct{})}
		t.pairs[p] = f
	}
	if f.failed > 0 && now.Sub(f.since) >= failureWindow {
		f.failed = 0
	}
	if f.failed >= maxFailures {
		refusal := fault.New(fault.Throttled, api.CodeThrottled, "Too many attempts. Wait a few minutes and try again.")
		refusal.RetryAfter = f.since.Add(failureWindow).Sub(now)
		return nil, nil, refusal
	}
	if f.failed+f.running >= maxFailures {
		return nil, f.ended, nil
	}
	f.running++
	return f, nil, nil
}

func (t *attempts) end(p pair, f *tally, o outcome, began time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f.running--
	switch o {
	case undecided:
	case wrong:
		if f.failed == 0 {
			f.since = began
		}
		f.failed++
	case right:
		f.failed = 0
	}
	close(f.ended)
	f.ended = make(chan struct{})
	if f.failed == 0 && f.running == 0 && t.pairs[p] == f {
		delete(t.pairs, p)
	}
}

// makeRoom forgets what is over, else the oldest. Those that run keep their tally until they end.
func (t *attempts) makeRoom(now time.Time) {
	var oldest pair
	since := now.Add(time.Nanosecond)
	for p, f := range t.pairs {
		switch {
		case f.running > 0:
		case now.Sub(f.since) >= failureWindow:
			delete(t.pairs, p)
		case f.since.Before(since):
			oldest, since = p, f.since
		}
	}
	if len(t.pairs) >= maxPairs {
		delete(t.pairs, oldest)
	}
}
