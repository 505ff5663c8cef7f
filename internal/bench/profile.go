package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
)

// profilePath is where the profile of a measurement goes; the last round's stays. "" when none is wanted.
func (b *bench) profilePath(what string, conns int) string {
	if b.profile == "" {
		return ""
	}
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(what))
	return filepath.Join(b.profile, fmt.Sprintf("%s-%d.prof", name, conns))
}

// profiler writes one processor profile after the other.
type profiler struct{ file *os.File }

// profile ends the profile that is being written, if there is one, and begins another at a path, if it is
// not empty.
func (p *profiler) profile(path string) (err error) {
	if p.file != nil {
		pprof.StopCPUProfile()
		err, p.file = p.file.Close(), nil
	}
	if path == "" || err != nil {
		return err
	}
	if p.file, err = os.Create(path); err != nil {
		return err
	}
	return errors.Join(err, pprof.StartCPUProfile(p.file))
}
