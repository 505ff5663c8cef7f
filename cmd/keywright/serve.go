package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/keywright/keywright/internal/server"
)

type serveCmd struct{ configured }

// Run serves until it is interrupted.
func (c *serveCmd) Run(s *streams) error {
	cfg, err := c.load(s)
	if err != nil {
		return err
	}
	reload := make(chan os.Signal, 1) // from now on a SIGHUP ends nothing, also while the server starts
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	version, _, _ := buildInfo()
	srv, err := server.Open(s.ctx, server.Options{Config: cfg, Log: logger(cfg, s.err), Version: version})
	if err != nil {
		return err
	}
	code, open, err := srv.OpenSetUp(s.ctx)
	if err != nil {
		return fmt.Errorf("%w (%w)", err, srv.Close())
	}
	if open {
		fmt.Fprintf(s.out, "This server has no accounts yet. Open %s/setup and type this code within an hour:\n\n    %s\n\n", cfg.Public(), code.Reveal())
	}
	var reloading sync.WaitGroup
	defer reloading.Wait()
	ended, end := context.WithCancel(s.ctx)
	defer end()
	reloading.Go(func() {
		for {
			select {
			case <-reload:
				srv.Reload(ended)
			case <-ended.Done():
				return
			}
		}
	})
	return srv.Run(s.ctx)
}
