package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// idleFor is how long a server is left alone before its memory is looked at.
const idleFor = 3 * time.Second

// startUp is the program as it is shipped: how soon it serves, what it takes while nobody asks.
func (b *bench) startUp() error {
	b.out.title("The program")
	path, err := b.database("many", b.tokens)
	if err != nil {
		return err
	}
	program := filepath.Join(b.dir, "keywright")
	build := exec.CommandContext(b.ctx, "go", "build", "-trimpath", "-o", program, "github.com/keywright/keywright/cmd/keywright")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	info, err := os.Stat(program)
	if err != nil {
		return err
	}
	var all []started
	for range b.rounds + 2 {
		s, err := b.startOnce(program, path)
		if err != nil {
			return err
		}
		all = append(all, s)
	}
	ready := median(all, func(s started) float64 { return s.ready })
	whole := median(all, func(s started) float64 { return s.whole })
	b.out.line("Start to /readyz 200 with %s tokens stored: %s ms (median of %d). Idle: %s MiB resident, %s of them its own (the rest is the program's file). Binary: %s MiB.",
		number(float64(b.tokens)), number(ready), len(all), number(whole), number(median(all, func(s started) float64 { return s.own })), number(mebi(info.Size())))
	b.out.goal(goal{what: fmt.Sprintf("start-up until ready, %s tokens stored", number(float64(b.tokens))), got: ready, want: 150, unit: "ms"})
	b.out.goal(goal{what: "resident memory, idle", got: whole, want: 40, unit: "MiB"})
	return nil
}

// started is one start: milliseconds, and MiB after a while.
type started struct{ ready, whole, own float64 }

func (b *bench) startOnce(program, database string) (s started, err error) {
	addr, err := freeAddress(b.ctx)
	if err != nil {
		return s, err
	}
	cmd := exec.CommandContext(b.ctx, program, "serve")
	cmd.Env = append(os.Environ(), "KEYWRIGHT_PUBLIC_URL=http://"+addr, "KEYWRIGHT_LISTEN="+addr, "KEYWRIGHT_METRICS_LISTEN=off", "KEYWRIGHT_DATABASE="+database, "KEYWRIGHT_LOG_LEVEL=warn")
	cmd.Stderr = os.Stderr
	cmd.WaitDelay = 10 * time.Second
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, cmd.Process.Signal(os.Interrupt), cmd.Wait()) }()
	if err := waitReady(b.ctx, "http://"+addr+"/readyz"); err != nil {
		return s, err
	}
	s.ready = millis(time.Since(began))
	select {
	case <-time.After(idleFor):
	case <-b.ctx.Done():
		return s, b.ctx.Err()
	}
	whole, own := memory(cmd.Process.Pid)
	s.whole, s.own = mebi(whole), mebi(own)
	return s, nil
}

// waitReady asks every millisecond.
func waitReady(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if res, err := http.DefaultClient.Do(req); err == nil {
			_, err := io.Copy(io.Discard, res.Body)
			if err = errors.Join(err, res.Body.Close()); err == nil && res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the server was not ready in time: %w", ctx.Err())
		}
	}
}

func freeAddress(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
