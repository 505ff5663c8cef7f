package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/keywright/keywright/internal/config"
	"github.com/keywright/keywright/internal/publish"
	"github.com/keywright/keywright/internal/sample"
	"github.com/keywright/keywright/internal/server"
	"github.com/keywright/keywright/internal/token"
)

// demoFeed is the name of the example's feed.
const demoFeed = "sales"

type demoCmd struct {
	Listen        string `default:"127.0.0.1:8080" help:"Address of pages and API; the public URL is http:// and this."`
	Data          string `help:"Directory to keep things in; made if missing, opened again if present. A temporary one if left out." placeholder:"DIR"`
	Password      string `help:"Password of all accounts; a random one if left out." placeholder:"P"`
	MetricsListen string `help:"Address of /metrics; none if left out." placeholder:"ADDR"`
	Verbose       bool   `help:"Log every request."`
}

// Run starts a complete installation with example data and says how to use it.
func (c *demoCmd) Run(s *streams) (err error) {
	dir, cleanUp, err := c.directory()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cleanUp()) }()
	listen, err := freePort(s.ctx, c.Listen)
	if err != nil {
		return err
	}
	cfg := config.Config{
		PublicURL: "http://" + listen, Listen: listen, MetricsListen: "off", Database: filepath.Join(dir, "keywright.db"),
		ProductName: "Keywright", TokenPrefix: "kw", CacheRecords: 1_000_000, LogLevel: "warn", LogFormat: "text", ShutdownSeconds: 10,
	}
	if c.MetricsListen != "" {
		cfg.MetricsListen = c.MetricsListen
	}
	if c.Verbose {
		cfg.LogLevel = "info"
	}
	if c.Password == "" {
		c.Password = token.RandomText(12).Reveal()
	}
	if cfg.Feeds, err = demoFeeds(s.ctx, filepath.Join(dir, "sales.db")); err != nil {
		return fmt.Errorf("example data: %w", err)
	}
	made, err := seed(s.ctx, cfg, c.Password)
	if err != nil {
		return fmt.Errorf("example data: %w", err)
	}
	debug.FreeOSMemory() // the history took some to play
	version, _, _ := buildInfo()
	srv, err := server.Open(s.ctx, server.Options{Config: cfg, Log: logger(cfg, s.err), Version: version, Demo: true})
	if err != nil {
		return err
	}
	c.greet(s, cfg, dir, made)
	return srv.Run(s.ctx)
}

// demoFeeds publishes a small trading company in every workspace of the demo.
func demoFeeds(ctx context.Context, path string) (list []config.Feed, err error) {
	if err := sample.File(ctx, path); err != nil {
		return nil, err
	}
	for _, p := range token.Presets() {
		list = append(list, config.Feed{
			Workspace: string(p.Name), Name: demoFeed, Title: "Trading company (example)", DSN: token.SecretOf(path), Scope: publish.DefaultScope, Tables: []string{"*"},
			Keys: map[string][]string{"sales_by_month": {"month"}}, Types: map[string]string{"sales_by_month.revenue": "decimal(14,2)"},
			StatementTimeout: "30s", ConcurrentQueries: 4,
		})
	}
	return list, nil
}

// directory returns where to keep things, and what to do about it at the end.
func (c *demoCmd) directory() (string, func() error, error) {
	if c.Data != "" {
		return c.Data, func() error { return nil }, os.MkdirAll(c.Data, 0o700)
	}
	dir, err := os.MkdirTemp("", "keywright-demo-")
	return dir, func() error { return os.RemoveAll(dir) }, err
}

// freePort turns port 0 into a free one, since the public URL has to name it.
func freePort(ctx context.Context, addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("--listen %q: want an address such as 127.0.0.1:8080", addr)
	}
	if host == "" {
		host = "localhost" // for the public URL; listening on it is listening on loopback
	}
	if port != "0" {
		return net.JoinHostPort(host, port), nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return "", err
	}
	_, port, err = net.SplitHostPort(l.Addr().String())
	return net.JoinHostPort(host, port), errors.Join(err, l.Close())
}

func (c *demoCmd) greet(s *streams, cfg config.Config, dir string, made readyMade) {
	kept := dir
	if c.Data == "" {
		kept = dir + ", deleted at the end"
	}
	fmt.Fprintf(s.out, `
Keywright demo: example data, not for production. Data: %s

  Open      %s
  Sign in   admin@example.com    administrator
            dev@example.com      developer
            member@example.com   member
  Password  %s
`, kept, cfg.PublicURL, c.Password)
	if secret := made.token.Reveal(); secret != "" {
		fmt.Fprintf(s.out, `
A personal access token of dev@example.com in the workspace "standard":

  %s

Check it, as a gateway does:

  curl -i -H 'Authorization: Bearer %[1]s' '%[2]s/verify?workspace=standard&scope=odata:read'
  curl -i -u 'anyone:%[1]s' '%[2]s/verify?workspace=standard'

Read data with it, in Excel or Power BI (OData feed; Basic; any user name, the token as password) or here:

  %[2]s/odata/standard/%[3]s/

  curl -u 'anyone:%[1]s' '%[2]s/odata/standard/%[3]s/Orders?$top=3&$expand=Customer'
  curl -u 'anyone:%[1]s' '%[2]s/odata/standard/%[4]s/Tokens'
`, secret, cfg.PublicURL, demoFeed, publish.BuiltIn)
	}
	if secret := made.clientSecret.Reveal(); secret != "" {
		fmt.Fprintf(s.out, `
Get an access token, as an app (workspace "standard"):

  curl -u '%s:%s' -d grant_type=client_credentials %s/oauth2/token
`, made.appID, secret, cfg.PublicURL)
	}
	if refresh := made.refresh.Reveal(); refresh != "" {
		fmt.Fprintf(s.out, `
Get an access token, by a refresh token of dev@example.com (workspace "oauth-tokens"):

  curl -d grant_type=refresh_token -d refresh_token=%s %s/oauth2/token
`, refresh, cfg.PublicURL)
	}
	fmt.Fprintf(s.out, "\nAPI: %s/api/v1/docs   Stop: Ctrl+C\n", cfg.PublicURL)
}
