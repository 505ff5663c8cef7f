package sqldata

import (
	"time"

	"github.com/keywright/keywright/odata/edm"
)

// parseISO reads a date or an instant as SQLite and those who write to it keep them: 2026-01-02, 2026-01-02 03:04,
// 2026-01-02T03:04:05.678Z, with an offset. Without one it is UTC. An instant may be a date alone, a date nothing more.
func parseISO(k edm.Kind, s string) (time.Time, bool) {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return time.Time{}, false
	}
	year, ok := digitsOf(s[:4])
	month, ok1 := digitsOf(s[5:7])
	day, ok2 := digitsOf(s[8:10])
	if !ok || !ok1 || !ok2 || year < 1 || month < 1 || month > 12 || day < 1 {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if t.Day() != day || t.Month() != time.Month(month) {
		return time.Time{}, false
	}
	rest := s[10:]
	if rest == "" {
		return t, true
	}
	if k == edm.Date || rest[0] != 'T' && rest[0] != ' ' {
		return time.Time{}, false
	}
	clock, rest, ok := cutClock(rest[1:])
	if !ok {
		return time.Time{}, false
	}
	offset, ok := parseOffset(rest)
	return t.Add(clock - offset), ok
}

// parseClock reads a time of day: 03:04, 03:04:05, 03:04:05.678.
func parseClock(s string) (time.Duration, bool) {
	d, rest, ok := cutClock(s)
	return d, ok && rest == ""
}

// cutClock reads a time of day and returns what is behind it. Below the microsecond it is cut off.
func cutClock(s string) (d time.Duration, rest string, ok bool) {
	if len(s) < 5 || s[2] != ':' {
		return 0, "", false
	}
	hour, ok := digitsOf(s[:2])
	minute, ok1 := digitsOf(s[3:5])
	if !ok || !ok1 || hour > 23 || minute > 59 {
		return 0, "", false
	}
	d = time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
	s = s[5:]
	if len(s) < 3 || s[0] != ':' {
		return d, s, true
	}
	sec, ok := digitsOf(s[1:3])
	if !ok || sec > 59 {
		return 0, "", false
	}
	d += time.Duration(sec) * time.Second
	s = s[3:]
	if len(s) < 2 || s[0] != '.' {
		return d, s, true
	}
	s = s[1:]
	unit, n := time.Second/10, 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		d += unit * time.Duration(s[n]-'0')
		unit /= 10
		n++
	}
	return d.Truncate(time.Microsecond), s[n:], n > 0
}

// parseOffset reads Z, +02:00, +0200, +02, or nothing.
func parseOffset(s string) (time.Duration, bool) {
	if s == "" || s == "Z" || s == "z" {
		return 0, true
	}
	sign := time.Duration(1)
	switch s[0] {
	case '-':
		sign = -1
	case '+':
	default:
		return 0, false
	}
	s = s[1:]
	if len(s) == 5 && s[2] == ':' {
		s = s[:2] + s[3:]
	}
	if len(s) == 2 {
		s += "00"
	}
	n, ok := digitsOf(s)
	if len(s) != 4 || !ok || n/100 > 14 || n%100 > 59 {
		return 0, false
	}
	return sign * (time.Duration(n/100)*time.Hour + time.Duration(n%100)*time.Minute), true
}

func digitsOf(s string) (n int, ok bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, s != ""
}
