// Command bench measures Keywright and prints each figure beside its goal. `make bench` runs it.
//
// Absolute figures belong to a machine, so what matters is measured against a bare net/http handler in
// the same run. Each measured server is a process of its own, pinned to the first processor with
// GOMAXPROCS=1; the load comes from another process, pinned to the last, which does next to nothing for a
// request, so that the server is what is waited for. What is compared takes turns (A B A B), and medians
// of the rounds are printed, with the processor time that the server used for a request: that figure
// moves least when something else runs on the machine.
//
// The tokens are real rows whose secrets come from a counter (see keys), so that a million of them need not
// be kept anywhere else. Databases lie on a disk, not in memory, with every promise about crashes kept.
// All load stays on this machine and ends by itself.
//
// A bench is no test: a missed goal is printed and the exit status is 0. Only what can't be measured
// fails.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// bench is one run.
type bench struct {
	ctx     context.Context
	dir     string // of databases; on a disk
	seconds float64
	rounds  int
	tokens  uint64 // how many "a million" are
	lines   int    // how many rows a feed of a million has
	profile string // directory for profiles of what is measured; "" for none
	out     *report
}

// section is a part that can be run by itself.
type section struct {
	name string
	run  func(*bench) error
}

func sections() []section {
	return []section{
		{"http", (*bench).overHTTP},
		{"million", (*bench).million},
		{"check", (*bench).inProcess},
		{"oauth", (*bench).oauth},
		{"create", (*bench).creations},
		{"odata", (*bench).odata},
		{"start", (*bench).startUp},
	}
}

func run(args []string, out, errs io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if role := os.Getenv(roleVariable); role != "" {
		return finish(errs, play(ctx, role, os.Stdin, os.Stdout))
	}
	var names []string
	for _, s := range sections() {
		names = append(names, s.name)
	}
	b := &bench{ctx: ctx, out: &report{w: out}}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.Float64Var(&b.seconds, "seconds", 5, "how long each measurement takes")
	flags.IntVar(&b.rounds, "rounds", 3, "how often each is repeated; medians are printed")
	flags.Uint64Var(&b.tokens, "tokens", 1_000_000, "how many tokens the large database holds")
	flags.IntVar(&b.lines, "lines", 1_000_000, "how many rows the large feed has")
	only := flags.String("only", "", "parts to run, separated by commas: "+strings.Join(names, ", "))
	flags.StringVar(&b.dir, "dir", "", "directory for databases, kept and used again; a temporary one if left out")
	flags.StringVar(&b.profile, "profile", "", "directory for a processor profile of each measurement; none if left out")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	chosen := strings.Split(*only, ",")
	for _, name := range chosen {
		if *only != "" && !slices.Contains(names, name) || b.rounds < 1 || b.seconds <= 0 || b.tokens < fewTokens || b.lines < 3*barePage {
			flags.Usage()
			return 2
		}
	}
	return finish(errs, b.all(func(s section) bool { return *only == "" || slices.Contains(chosen, s.name) }))
}

func finish(errs io.Writer, err error) int {
	if err != nil {
		_, _ = fmt.Fprintf(errs, "bench: %v\n", err)
		return 1
	}
	return 0
}

// all runs the chosen sections. One that fails does not keep the others from being measured.
func (b *bench) all(chosen func(section) bool) (err error) {
	if b.dir == "" {
		if b.dir, err = os.MkdirTemp(diskDir(), "keywright-bench-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	}
	if b.dir, err = filepath.Abs(b.dir); err != nil {
		return err
	}
	for _, dir := range []string{b.dir, b.profile} {
		if dir == "" {
			continue
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	b.out.conditions(b)
	began := time.Now()
	var errs []error
	for _, s := range sections() {
		if !chosen(s) || b.ctx.Err() != nil {
			continue
		}
		if err := s.run(b); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.name, err))
		}
	}
	b.out.goals()
	b.out.line("Took %s.", time.Since(began).Round(time.Second))
	return errors.Join(append(errs, b.ctx.Err())...)
}

// diskDir is where temporary files survive a restart of the machine, and so are on a disk.
func diskDir() string {
	if _, err := os.Stat("/var/tmp"); err == nil {
		return "/var/tmp"
	}
	return os.TempDir()
}
