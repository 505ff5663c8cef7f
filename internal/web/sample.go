package web

import (
	"sync/atomic"
	"time"
)

// Sample lets one event a second through, for a log that a flood must not fill. The zero Sample is ready.
type Sample struct{ last atomic.Int64 } // Unix seconds

// Due reports whether an event is to be logged.
func (s *Sample) Due(now time.Time) bool {
	second, last := now.Unix(), s.last.Load()
	return second > last && s.last.CompareAndSwap(last, second)
}
