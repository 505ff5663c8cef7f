package ui

import (
	"fmt"
	"time"

	"github.com/keywright/keywright/internal/authority"
)

// Sizes of a chart, in its own units; it is stretched to the width of the page.
const (
	chartWidth  = 1000
	chartHeight = 100
)

// chart is requests per day as bars, drawn on the server.
type chart struct {
	Bars              []bar
	Lines             []string // heights of the lines behind them
	Scale             []string // what they stand for, from the top
	Axis              []string // first, middle and last day
	Requests, Refused string
	Summary           string // for who can't see it
	Width, Height     int
}

type bar struct{ X, Y, W, H, RefusedY, Refused, Title string }

func drawChart(days []authority.DayUse) chart {
	c := chart{Width: chartWidth, Height: chartHeight}
	var most, requests, refused int64
	for _, d := range days {
		most = max(most, d.Requests+d.Refusals)
		requests += d.Requests
		refused += d.Refusals
	}
	c.Requests, c.Refused = comma(requests), comma(refused)
	c.Summary = fmt.Sprintf("Requests per day over %s: %s in all, %s refused.", count(len(days), "day"), c.Requests, c.Refused)
	top := roundUp(most)
	scale := float64(chartHeight) / float64(top)
	for _, part := range []int64{top, top / 2, 0} {
		c.Lines = append(c.Lines, coord(chartHeight-float64(part)*scale))
		c.Scale = append(c.Scale, short(part))
	}
	step := float64(chartWidth) / float64(len(days))
	for i, d := range days {
		at := time.Unix(d.Day*86400, 0).UTC()
		if i == 0 || i == len(days)/2 || i == len(days)-1 {
			c.Axis = append(c.Axis, at.Format("2 Jan"))
		}
		if d.Requests+d.Refusals == 0 {
			continue
		}
		good, bad := float64(d.Requests)*scale, float64(d.Refusals)*scale
		b := bar{
			X: coord((float64(i) + .12) * step), W: coord(step * .76), Y: coord(chartHeight - good), H: coord(good),
			Title: at.Format(dayForm) + ": " + count64(d.Requests, "request"),
		}
		if d.Refusals > 0 {
			b.Title += ", " + comma(d.Refusals) + " refused"
			b.RefusedY, b.Refused = coord(chartHeight-good-bad), coord(bad)
		}
		c.Bars = append(c.Bars, b)
	}
	return c
}

func coord(f float64) string { return fmt.Sprintf("%.1f", f) }

func count64(n int64, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return comma(n) + " " + unit + "s"
}

// roundUp returns a round number of at least n that can be halved.
func roundUp(n int64) int64 {
	for unit := int64(1); ; unit *= 10 {
		for _, m := range []int64{2, 4, 6, 8, 10} {
			if m*unit >= n {
				return m * unit
			}
		}
	}
}

// short writes a number in few characters, for an axis.
func short(n int64) string {
	switch {
	case n >= 1_000_000 && n%1_000_000 == 0:
		return fmt.Sprintf("%dM", n/1_000_000)
	case n >= 1_000 && n%1_000 == 0:
		return fmt.Sprintf("%dk", n/1_000)
	}
	return fmt.Sprint(n)
}
