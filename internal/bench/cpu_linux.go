package main

import (
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// pinned runs start on one processor; what it starts inherits that.
func pinned(cpu int, start func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	one.Set(cpu)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return start() // not allowed here: the report shows what came of it
	}
	return errors.Join(start(), unix.SchedSetaffinity(0, &before))
}

// cpuTime is the processor time that a process has used, in user and system, to the nanosecond.
func cpuTime(pid int) (time.Duration, error) {
	const perProcess = 2 // CPUCLOCK_SCHED, see clock_getcpuclockid(3)
	var t unix.Timespec
	err := unix.ClockGettime(int32(^pid<<3|perProcess), &t)
	return time.Duration(t.Nano()), err
}

// memory is what a process has in memory now: all of it, and the part that is no file (the program
// itself is one, and shared).
func memory(pid int) (all, own int64) {
	return statusOf(pid, "VmRSS:"), statusOf(pid, "RssAnon:")
}

// peak is the most memory that a process had since forgetPeak.
func peak(pid int) int64 { return statusOf(pid, "VmHWM:") }

func forgetPeak(pid int) error {
	const peakOnly = "5" // see proc_pid_clear_refs(5)
	return os.WriteFile("/proc/"+strconv.Itoa(pid)+"/clear_refs", []byte(peakOnly), 0)
}

// statusOf reads a line of /proc/pid/status that counts KiB.
func statusOf(pid int, name string) int64 {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != name {
			continue
		}
		if kib, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
			return kib << 10
		}
	}
	return 0
}

// inMemory reports whether a directory is no disk, so that nothing in it is durable.
func inMemory(dir string) bool {
	var s unix.Statfs_t
	return unix.Statfs(dir, &s) == nil && (s.Type == unix.TMPFS_MAGIC || s.Type == unix.RAMFS_MAGIC)
}
