package ui

import (
	"fmt"
	"time"

	"github.com/keywright/keywright/internal/authority"
)

// Sizes of a chart, in its own units; it is scaled to the width of the page.
const (
	chartWidth  = 720
	chartHeight = 150
	chartLeft   = 40
	chartFloor  = 126
	chartTop    = 10
)

// chart is requests per day as bars, drawn on the server.
type chart struct {
	Bars              []bar
	Lines             []chartLine
	Labels            []chartLabel
	Requests, Refused string
	Summary           string // for who can't see it
	Empty             bool
	Width, Height     int
}

type bar struct {
	X, Y, W, H     string
	RefusedY, RefH string
	Title          string
}

type chartLine struct {
	Y    string
	Text string
	TY   string
}

type chartLabel struct{ X, Text, Anchor string }

func drawChart(days []authority.DayUse) chart {
	c := chart{Width: chartWidth, Height: chartHeight}
	var most, requests, refused int64
	for _, d := range days {
		most = max(most, d.Requests+d.Refusals)
		requests += d.Requests
		refused += d.Refusals
	}
	c.Requests, c.Refused, c.Empty = comma(requests), comma(refused), most == 0
	c.Summary = fmt.Sprintf("Requests per day over %s: %s in all, %s refused.", count(len(days), "day"), c.Requests, c.Refused)
	top := roundUp(most)
	scale := float64(chartFloor-chartTop) / float64(top)
	for _, part := range []int64{0, top / 2, top} {
		y := chartFloor - float64(part)*scale
		c.Lines = append(c.Lines, chartLine{Y: coord(y), Text: short(part), TY: coord(y + 4)})
	}
	step := float64(chartWidth-chartLeft) / float64(len(days))
	for i, d := range days {
		x, good, bad := chartLeft+float64(i)*step, float64(d.Requests)*scale, float64(d.Refusals)*scale
		at := time.Unix(d.Day*86400, 0).UTC()
		if d.Requests+d.Refusals > 0 {
			title := fmt.Sprintf("%s: %s", at.Format(dayForm), count64(d.Requests, "request"))
			if d.Refusals > 0 {
				title += ", " + comma(d.Refusals) + " refused"
			}
			c.Bars = append(c.Bars, bar{
				X: coord(x + step*.12), W: coord(step * .76), Y: coord(chartFloor - good), H: coord(good),
				RefusedY: coord(chartFloor - good - bad), RefH: coord(bad), Title: title,
			})
		}
		switch i {
		case 0:
			c.Labels = append(c.Labels, chartLabel{coord(x), at.Format("2 Jan"), "start"})
		case len(days) / 2:
			c.Labels = append(c.Labels, chartLabel{coord(x + step/2), at.Format("2 Jan"), "middle"})
		case len(days) - 1:
			c.Labels = append(c.Labels, chartLabel{coord(chartWidth), at.Format("2 Jan"), "end"})
		}
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
		for _, m := range []int64{2, 4, 6, 10} {
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
