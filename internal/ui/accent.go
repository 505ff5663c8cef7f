package ui

import (
	"fmt"
	"math"
	"strconv"
)

const defaultAccent = "#2f5bd0"

// Backgrounds that the accent colour must be readable on; they are those of css/10-tokens.css.
const (
	lightBackground = "#f6f7f9"
	darkBackground  = "#1a1f26"
	needContrast    = 4.5 // WCAG 2.2, 1.4.3
)

// accent is the one colour that an installation chooses, and what is derived from it.
type accent struct{ light, lightHover, dark, darkHover, onDark string }

// accentStyles checks a colour and derives the dark theme's from it: the same hue, made lighter until it can be read.
func accentStyles(chosen string) (accent, error) {
	if chosen == "" {
		chosen = defaultAccent
	}
	c, err := parseColour(chosen)
	if err != nil {
		return accent{}, err
	}
	white, black := colour{255, 255, 255}, colour{11, 13, 16}
	if got := c.contrast(mustColour(lightBackground)); got < needContrast {
		return accent{}, fmt.Errorf("accent colour %s has a contrast of %.1f:1 on the pages' background; choose a darker one, with at least %.1f:1", chosen, got, needContrast)
	}
	dark, floor := c, mustColour(darkBackground)
	wash := floor.mix(c, .16) // the background of what is selected
	for step := 0; step < 20 && (dark.contrast(floor) < needContrast+.7 || dark.contrast(wash) < needContrast); step++ {
		dark = dark.mix(white, .1)
	}
	return accent{light: c.String(), lightHover: c.mix(black, .16).String(), dark: dark.String(), darkHover: dark.mix(white, .2).String(), onDark: black.String()}, nil
}

func (a accent) css() string {
	return fmt.Sprintf(":root{--accent:light-dark(%[1]s,%[2]s);--accent-text:light-dark(%[1]s,%[2]s);--accent-hover:light-dark(%[3]s,%[4]s);--on-accent:light-dark(#fff,%[5]s)}\n",
		a.light, a.dark, a.lightHover, a.darkHover, a.onDark)
}

func (a accent) icon() string {
	return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="` + a.light +
		`"/><g fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round"><circle cx="11.5" cy="20.5" r="4.5"/><path d="M15 17 24 8m-3.5 3.5 3 3"/></g></svg>`
}

type colour struct{ r, g, b float64 }

func parseColour(s string) (colour, error) {
	if len(s) != 7 || s[0] != '#' {
		return colour{}, fmt.Errorf("accent colour %q: want the form #2f5bd0", s)
	}
	n, err := strconv.ParseUint(s[1:], 16, 32)
	if err != nil {
		return colour{}, fmt.Errorf("accent colour %q: want the form #2f5bd0", s)
	}
	return colour{float64(n >> 16), float64(n >> 8 & 255), float64(n & 255)}, nil
}

// mustColour is for the constants above; a test reads them all.
func mustColour(s string) colour {
	c, err := parseColour(s)
	if err != nil {
		panic(err)
	}
	return c
}

func (c colour) String() string {
	return fmt.Sprintf("#%02x%02x%02x", int(math.Round(c.r)), int(math.Round(c.g)), int(math.Round(c.b)))
}

// mix returns c with a part of another colour in it.
func (c colour) mix(o colour, part float64) colour {
	m := func(a, b float64) float64 { return a + (b-a)*part }
	return colour{m(c.r, o.r), m(c.g, o.g), m(c.b, o.b)}
}

// contrast is WCAG's ratio of two colours, 1 to 21.
func (c colour) contrast(o colour) float64 {
	a, b := c.luminance(), o.luminance()
	return (max(a, b) + .05) / (min(a, b) + .05)
}

func (c colour) luminance() float64 {
	linear := func(v float64) float64 {
		if v /= 255; v <= .04045 {
			return v / 12.92
		}
		return math.Pow((v+.055)/1.055, 2.4)
	}
	return .2126*linear(c.r) + .7152*linear(c.g) + .0722*linear(c.b)
}
