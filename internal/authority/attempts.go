package authority

import (
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
type attempts struct {
	mu    sync.Mutex
	pairs map[pair]failures
}

type pair struct {
	email   string
	address netip.Addr
}

type failures struct {
	count int
	since time.Time
}

// begin counts an attempt as failed until succeed is called, and refuses when there were too many.
// Counting first keeps parallel attempts from slipping through.
func (t *attempts) begin(p pair, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.pairs[p]
	if now.Sub(f.since) >= failureWindow {
		f = failures{since: now}
	}
	if f.count >= maxFailures {
		refusal := fault.New(fault.Throttled, api.CodeThrottled, "Too many attempts. Wait a few minutes and try again.")
		refusal.RetryAfter = f.since.Add(failureWindow).Sub(now)
		return refusal
	}
	f.count++
	if t.pairs == nil {
		t.pairs = map[pair]failures{}
	}
	if _, known := t.pairs[p]; !known && len(t.pairs) >= maxPairs {
		t.makeRoom(now)
	}
	t.pairs[p] = f
	return nil
}

func (t *attempts) succeed(p pair) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.pairs, p)
}

func (t *attempts) makeRoom(now time.Time) {
	var oldest pair
	since := now
	for p, f := range t.pairs {
		if now.Sub(f.since) >= failureWindow {
			delete(t.pairs, p)
		} else if f.since.Before(since) {
			oldest, since = p, f.since
		}
	}
	if len(t.pairs) >= maxPairs {
		delete(t.pairs, oldest)
	}
}
