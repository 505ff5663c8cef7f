package token

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Period is a span of the calendar. In JSON it is an ISO 8601 duration of years, months and days: "P1Y",
// "P12M", "P90D".
type Period struct{ Years, Months, Days int }

var periodForm = regexp.MustCompile(`^P(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,5})D)?$`)

// ParsePeriod reads an ISO 8601 duration of whole years, months and days.
func ParsePeriod(s string) (Period, error) {
	m := periodForm.FindStringSubmatch(s)
	if m == nil || s == "P" {
		return Period{}, fmt.Errorf("want a period such as P1Y, P12M or P90D")
	}
	n := func(i int) int { v, _ := strconv.Atoi(m[i]); return v } // digits or nothing, by the pattern
	return Period{Years: n(1), Months: n(2), Days: n(3)}, nil
}

// From returns the end of a period that begins at t, in UTC, at the same time of day.
//
// The rule: years and months move on the calendar; where the month that is reached has no such day, its
// last day counts; then days are added. So one year from 29 February is 28 February, one year from 28
// February of the year before a leap year is 28 February, 12 months and one year are the same, and one
// month from 31 January is the last day of February. A leap day in between makes no difference.
func (p Period) From(t time.Time) time.Time {
	t = t.UTC()
	y, m, d := t.Date()
	first := time.Date(y+p.Years, m+time.Month(p.Months), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(d, last)-1+p.Days)
}

// IsZero reports whether the period is empty.
func (p Period) IsZero() bool { return p == Period{} }

func (p Period) String() string {
	var b strings.Builder
	b.WriteByte('P')
	for _, part := range []struct {
		n    int
		unit byte
	}{{p.Years, 'Y'}, {p.Months, 'M'}, {p.Days, 'D'}} {
		if part.n != 0 {
			fmt.Fprintf(&b, "%d%c", part.n, part.unit)
		}
	}
	if p.IsZero() {
		b.WriteString("0D")
	}
	return b.String()
}

// Words says the period as a person would: "one year", "12 months", "90 days".
func (p Period) Words() string {
	var parts []string
	add := func(n int, unit string) {
		switch n {
		case 0:
		case 1:
			parts = append(parts, "one "+unit)
		default:
			parts = append(parts, fmt.Sprintf("%d %ss", n, unit))
		}
	}
	add(p.Years, "year")
	add(p.Months, "month")
	add(p.Days, "day")
	return join(parts, "and")
}

// MarshalText writes the ISO 8601 form; the zero period is "".
func (p Period) MarshalText() ([]byte, error) {
	if p.IsZero() {
		return nil, nil
	}
	return []byte(p.String()), nil
}

// UnmarshalText reads the ISO 8601 form; "" is the zero period.
func (p *Period) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*p = Period{}
		return nil
	}
	v, err := ParsePeriod(string(b))
	*p = v
	return err
}
