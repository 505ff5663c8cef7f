package server

import (
	"testing"
	"time"
)

func TestUseIsWrittenOftenButNeverMostOfTheTime(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{
		0: 2 * time.Second, 100 * time.Millisecond: 2 * time.Second, time.Second: 9 * time.Second, time.Hour: time.Minute,
	} {
		if got := flushAfter(took); got != want {
			t.Errorf("after a flush of %v the next comes in %v, want %v", took, got, want)
		}
	}
}
