package ui

import (
	"fmt"
	"html/template"
	"time"
)

const (
	dayForm   = "2 Jan 2006"
	exactForm = "2 January 2006, 15:04 MST"

	newborn = time.Hour
)

// moment is a time as a page shows it.
type moment struct {
	Machine string // for <time datetime>
	Words   string // "in 11 months", "2 hours ago", "1 Mar 2027"
	Exact   string // for the tooltip and for screen readers
	Class   string // "soon" and "urgent" colour an expiry
	Date    bool   // Words is a date, which the script may write as the reader does
}

// HTML is the moment as an element. Its parts are ours: digits and English words.
func (m moment) HTML() template.HTML {
	if m.Machine == "" {
		return template.HTML(`<span class="` + m.Class + `">` + m.Words + `</span>`)
	}
	form := ""
	if m.Date {
		form = ` data-date`
	}
	exact := ""
	if !m.Date {
		exact = `<span class="sr">, ` + m.Exact + `</span>`
	}
	class := ""
	if m.Class != "" {
		class = ` class="` + m.Class + `"`
	}
	return template.HTML(`<time datetime="` + m.Machine + `" title="` + m.Exact + `"` + class + form + `>` + m.Words + `</time>` + exact)
}

func (v *visit) moment(t time.Time, words string) moment {
	t = t.UTC()
	return moment{Machine: t.Format(time.RFC3339), Words: words, Exact: t.Format(exactForm)}
}

// day is a date.
func (v *visit) day(t time.Time) moment {
	m := v.moment(t, t.UTC().Format(dayForm))
	m.Date = true
	return m
}

// ago is a time in the past, in relation to now.
func (v *visit) ago(t time.Time, never string) moment {
	if t.IsZero() {
		return moment{Words: never, Class: "muted"}
	}
	return v.moment(t, relative(t, v.now))
}

// expiry is when something ends, coloured when that is soon.
func (v *visit) expiry(t time.Time, ended bool) moment {
	if t.IsZero() {
		return moment{Words: "Never"}
	}
	m := v.moment(t, relative(t, v.now))
	left := t.Sub(v.now) + newborn
	switch {
	case ended:
		m.Class = ""
	case left < 7*24*time.Hour:
		m.Class = "urgent"
	case left < 30*24*time.Hour:
		m.Class = "soon"
	}
	return m
}

// relative says the distance to a time in words, rounded down: what says "in 3 days" has at least three. Of
// what is to come it gives a little, the first hour of days, so that what was just made for 30 days, or for an
// hour, says so.
func relative(t, now time.Time) string {
	d := t.Sub(now)
	past := d <= 0
	if past {
		d = -d
	}
	var words string
	day := 24 * time.Hour
	switch {
	case past:
	case d > 2*day-newborn:
		d, t = d+newborn, t.Add(newborn)
	case d > time.Hour-time.Minute:
		d += 5 * time.Minute
	case d > time.Minute:
		d += 30 * time.Second
	}
	switch {
	case d < time.Minute && past:
		return "just now"
	case d < time.Minute:
		return "in less than a minute"
	case d < time.Hour:
		words = count(int(d/time.Minute), "minute")
	case d < 2*day:
		words = count(int(d/time.Hour), "hour")
	case d < 60*day:
		words = count(int(d/day), "day")
	default:
		from, to := now, t
		if past {
			from, to = t, now
		}
		months := monthsBetween(from.UTC(), to.UTC())
		if months < 24 {
			words = count(months, "month")
		} else {
			words = count(months/12, "year")
		}
	}
	if past {
		return words + " ago"
	}
	return "in " + words
}

// monthsBetween counts whole months of the calendar.
func monthsBetween(from, to time.Time) int {
	n := (to.Year()-from.Year())*12 + int(to.Month()-from.Month())
	if n > 0 && from.AddDate(0, n, 0).After(to) {
		n--
	}
	return n
}

func count(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
