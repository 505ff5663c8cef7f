package main

import (
	"math/bits"
	"time"
)

const (
	fine    = 32 // buckets for each doubling: 3 % apart
	buckets = 64 * fine
)

// histogram counts durations.
type histogram [buckets]uint32

func (h *histogram) add(d time.Duration) {
	n := uint64(max(d, 0))
	shift := max(bits.Len64(n)-6, 0) // keeps the 6 upper bits, the first of which is always set
	h[min(uint64(shift)*fine+n>>shift, buckets-1)]++
}

func (h *histogram) merge(other *histogram) {
	for i, n := range other {
		h[i] += n
	}
}

// quantile is the duration that a part of all stay below.
func (h *histogram) quantile(part float64) time.Duration {
	var all, met uint64
	for _, n := range h {
		all += uint64(n)
	}
	for i, n := range h {
		if met += uint64(n); all > 0 && float64(met) >= part*float64(all) {
			if i < 2*fine {
				return time.Duration(i)
			}
			shift := i/fine - 1
			return time.Duration(uint64(i-shift*fine) << shift)
		}
	}
	return 0
}
