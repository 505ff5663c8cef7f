package verify

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestThrottlingStartsNoSoonerThan100AMinuteAndEndsAsTheRateFalls(t *testing.T) {
	th, now, from := newThrottle(), time.Unix(1_800_000_000, 0), netip.MustParseAddr("203.0.113.7")
	for n := range 100 {
		if wait := th.unknown(from, now); wait != 0 {
			t.Fatalf("the %dth in a moment has to wait %v", n+1, wait)
		}
	}
	wait := th.unknown(from, now)
	if wait <= 0 || wait > time.Minute || retrySeconds(wait) < 1 {
		t.Fatalf("the 101st in a moment has to wait %v (Retry-After: %d)", wait, retrySeconds(wait))
	}
	if th.unknown(from, now.Add(wait-1)) == 0 {
		t.Error("looked at before the wait was over")
	}
	if th.unknown(from, now.Add(wait)) != 0 {
		t.Error("refused after the wait was over")
	}
	if th.unknown(netip.MustParseAddr("203.0.113.8"), now) != 0 {
		t.Error("another address is throttled")
	}
	for n := range 100 {
		if th.unknown(from, now.Add(3*time.Minute)) != 0 {
			t.Fatalf("after minutes of silence the %dth is refused", n+1)
		}
	}
}

// A refusal means that some minute saw more than 100; and no minute sees more than 200 accepted.
func TestARefusalMeansMoreThan100InAMinute(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		th, now, from := newThrottle(), time.Unix(1_800_000_000, 0), netip.MustParseAddr("2001:db8::1")
		var all, accepted []time.Time
		for range rapid.IntRange(1, 600).Draw(t, "requests") {
			now = now.Add(time.Duration(rapid.IntRange(0, 1200).Draw(t, "ms")) * time.Millisecond)
			all = append(all, now)
			if th.unknown(from, now) == 0 {
				accepted = append(accepted, now)
			} else if busiest(all) <= 100 {
				t.Fatalf("refused though no minute had more than %d", busiest(all))
			}
		}
		if busiest(accepted) > 200 {
			t.Fatalf("%d accepted in a minute", busiest(accepted))
		}
	})
}

func busiest(times []time.Time) (most int) {
	begin := 0
	for i := range times {
		for times[i].Sub(times[begin]) > time.Minute {
			begin++
		}
		most = max(most, i-begin+1)
	}
	return most
}

func TestAClientIsAnIPv4AddressOrA64(t *testing.T) {
	same := func(a, b string) bool {
		return throttleKey(netip.MustParseAddr(a)) == throttleKey(netip.MustParseAddr(b))
	}
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"203.0.113.7", "::ffff:203.0.113.7", true},
		{"203.0.113.7", "203.0.113.8", false},
		{"2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true},
		{"2001:db8:0:1::1", "2001:db8:0:2::1", false},
		{"fe80::1%eth0", "fe80::2%eth1", true},
	} {
		if same(c.a, c.b) != c.same {
			t.Errorf("%s and %s: one client is %v", c.a, c.b, !c.same)
		}
	}
}

func TestAClockThatIsSetBackLocksNobodyOutForLong(t *testing.T) {
	th, now, from := newThrottle(), time.Unix(1_800_000_000, 0), netip.MustParseAddr("203.0.113.7")
	for range 150 {
		th.unknown(from, now)
	}
	back := now.Add(-time.Hour)
	th.unknown(from, back)
	if wait := th.unknown(from, back.Add(2*time.Minute)); wait != 0 {
		t.Errorf("two minutes after the clock was set back: wait %v", wait)
	}
}

func TestTheThrottleIsBoundedAndKeepsWhoIsThrottled(t *testing.T) {
	th, now := newThrottle(), time.Unix(1_800_000_000, 0)
	guilty := netip.MustParseAddr("203.0.113.7")
	for range 101 {
		th.unknown(guilty, now)
	}
	base := heap()
	for n := range 1_000_000 {
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], uint32(n))
		th.unknown(netip.AddrFrom4(a), now)
	}
	if used := heap() - base; used > 4<<20 {
		t.Errorf("a million addresses take %d bytes", used)
	}
	if th.unknown(guilty, now) == 0 {
		t.Error("a throttled address was forgotten for ones that were met once")
	}
}
