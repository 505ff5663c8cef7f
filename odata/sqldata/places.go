package sqldata

import (
	"context"
	"sync"
	"time"

	"github.com/keywright/keywright/odata/query"
)

// places are how many requests read at the same time. So that slow queries of some leave others theirs, a caller has half of
// the places at most, and a group of callers all but one.
type places struct {
	all int

	mu    sync.Mutex
	taken int
	held  map[holder]int
	freed chan struct{} // closed when a place becomes free
}

// holder is who has places: a group, or a caller in it. The zero value is nobody in particular.
type holder struct{ group, caller string }

func newPlaces(n int) *places {
	return &places{all: n, held: map[holder]int{}, freed: make(chan struct{})}
}

// take waits for a place.
func (p *places) take(ctx context.Context, h holder, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		freed := p.try(h)
		if freed == nil {
			return nil
		}
		select {
		case <-freed:
		case <-timer.C:
			return query.ErrBusy
		case <-ctx.Done():
			return failure(ctx, ctx.Err())
		}
	}
}

// try takes a place, or returns what is closed when there might be one.
func (p *places) try(h holder) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	group := holder{group: h.group}
	if p.taken >= p.all || h.group != "" && p.held[group] >= max(1, p.all-1) || h.caller != "" && p.held[h] >= max(1, p.all/2) {
		return p.freed
	}
	p.taken++
	p.count(h, 1)
	return nil
}

// give frees a place that was taken.
func (p *places) give(h holder) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	p.count(h, -1)
	close(p.freed)
	p.freed = make(chan struct{})
}

func (p *places) count(h holder, n int) {
	add := func(k holder) {
		if p.held[k] += n; p.held[k] == 0 {
			delete(p.held, k)
		}
	}
	add(holder{group: h.group})
	if h.caller != "" {
		add(h)
	}
}
