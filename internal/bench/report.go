package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
)

// report prints figures as they come, and all goals once more at the end.
type report struct {
	w    io.Writer
	kept []string // goals, as table rows
}

func (r *report) line(format string, args ...any) { _, _ = fmt.Fprintf(r.w, format+"\n", args...) }

func (r *report) title(s string) { r.line("\n## %s\n", s) }

// conditions say what the figures are worth.
func (r *report) conditions(b *bench) {
	r.line("# Keywright bench\n")
	r.line("%s, %d processors (%s), %s/%s. Medians of %d rounds of %g s.", runtime.Version(), runtime.NumCPU(), processor(), runtime.GOOS, runtime.GOARCH, b.rounds, b.seconds)
	r.line("Server on processor %d, load on processor %d. Databases in %s.", serverCPU(), loadCPU(), b.dir)
	if serverCPU() == loadCPU() {
		r.line("There is one processor only: server and load hinder each other.")
	}
	if inMemory(b.dir) {
		r.line("That directory is in memory: figures of durable writes mean nothing. Choose another with -dir.")
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		r.line("Load of the machine before: %s", strings.TrimSpace(string(load)))
	}
}

func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(info)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimSpace(strings.TrimLeft(name, " \t:"))
		}
	}
	return "unknown"
}

// table prints rows of cells separated by tabs, the first of which is the heading.
func (r *report) table(rows []string) {
	t := tabwriter.NewWriter(r.w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		_, _ = fmt.Fprintln(t, row)
	}
	_ = t.Flush()
}

// goal is a figure that has one.
type goal struct {
	what  string
	got   float64
	want  float64
	unit  string
	least bool // want is the least; else the most
}

func (r *report) goal(g goal) {
	word, met := "at most", g.got <= g.want
	if g.least {
		word, met = "at least", g.got >= g.want
	}
	verdict := "ok"
	if !met {
		verdict = "MISSED"
	}
	unit := g.unit
	if unit != "" {
		unit = " " + unit
	}
	r.kept = append(r.kept, fmt.Sprintf("%s\t%s%s\t%s %s%s\t%s", g.what, number(g.got), unit, word, number(g.want), unit, verdict))
}

func (r *report) goals() {
	if len(r.kept) == 0 {
		return
	}
	r.title("Goals")
	r.table(append([]string{"figure\tmeasured\tgoal\t"}, r.kept...))
	r.line("")
}

// number prints three digits or so.
func number(f float64) string {
	switch {
	case f >= 1000:
		s := fmt.Sprintf("%.0f", f)
		for i := len(s) - 3; i > 0; i -= 3 {
			s = s[:i] + "," + s[i:]
		}
		return s
	case f >= 100 || f == float64(int(f)):
		return fmt.Sprintf("%.0f", f)
	case f >= 10:
		return fmt.Sprintf("%.1f", f)
	default:
		return fmt.Sprintf("%.2f", f)
	}
}

// median of one figure of several results; it is never called with none.
func median[T any](all []T, figure func(T) float64) float64 {
	values := make([]float64, len(all))
	for i, v := range all {
		values[i] = figure(v)
	}
	slices.Sort(values)
	if n := len(values); n%2 == 0 {
		return (values[n/2-1] + values[n/2]) / 2
	}
	return values[len(values)/2]
}
