package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/config"
	"github.com/keywright/keywright/internal/server"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// seeded opens a demo's database after its history, with the administrator signed in; end closes it.
func seeded(t *testing.T, dir string) (rules *authority.Authority, admin token.Identity, end func()) {
	t.Helper()
	cfg := config.Config{
		PublicURL: "http://127.0.0.1:1", Listen: "127.0.0.1:0", MetricsListen: "off", Database: filepath.Join(dir, "keywright.db"),
		ProductName: "Keywright", TokenPrefix: "kw", CacheRecords: 10_000, LogLevel: "warn", LogFormat: "text", ShutdownSeconds: 10,
	}
	made, err := seed(t.Context(), cfg, walkPassword)
	if err != nil {
		t.Fatal(err)
	}
	if made.token.Reveal() == "" || made.appID == "" || made.clientSecret.Reveal() == "" || made.refresh.Reveal() == "" {
		t.Error("something is not ready-made")
	}
	srv, err := server.Open(t.Context(), server.Options{Config: cfg, Log: slog.New(slog.DiscardHandler), Demo: true})
	if err != nil {
		t.Fatal(err)
	}
	end = func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, admin, err = srv.Authority().SignIn(t.Context(), demoAdmin, walkPassword, token.Origin{}); err != nil {
		end()
		t.Fatal(err)
	}
	return srv.Authority(), admin, end
}

func TestTheDemosHistoryIsWholeAndItsLinesWorkWhenItIsOpenedAgain(t *testing.T) {
	dir := t.TempDir()
	rules, admin, end := seeded(t, dir)
	hasEveryState(t, rules, admin)
	end()
	linesWork(t, dir)
}

// hasEveryState fails unless the demo's apps and OAuth tokens show every state that a page can show, with use.
func hasEveryState(t *testing.T, rules *authority.Authority, admin token.Identity) {
	t.Helper()
	now := time.Now()
	page := authority.Page{Limit: 100}
	seen := map[string]int{}
	for _, ws := range []token.Preset{token.Standard, token.AppsAndTokens} {
		apps, err := rules.Apps(t.Context(), admin, string(ws), authority.AppQuery{Page: page})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range apps {
			seen[fmt.Sprint(ws, " app ", a.Status())]++
			if a.LastUsedAt.IsZero() && a.Name != readyApp {
				t.Errorf("%s was never used", a.Name)
			}
			v, err := rules.App(t.Context(), admin, string(ws), a.ID)
			if err != nil {
				t.Fatal(err)
			}
			if len(v.Secrets) == 2 && !v.Secrets[0].LastUsedAt.IsZero() && !v.Secrets[1].LastUsedAt.IsZero() {
				seen[fmt.Sprint(ws, " app with two secrets in use")]++
			}
		}
	}
	for _, ws := range []token.Preset{token.Standard, token.OAuthTokens} {
		pairs, err := rules.OAuthTokens(t.Context(), admin, string(ws), authority.OAuthQuery{Everyone: true, Page: page})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pairs {
			status := p.StatusAt(now)
			seen[fmt.Sprint(ws, " pair ", status)]++
			if status == token.Active && p.ExpiresAt.Before(now.AddDate(0, 0, 7)) {
				seen[fmt.Sprint(ws, " pair expires soon")]++
			}
			if !p.ReusedAt.IsZero() && status == token.Disabled {
				seen[fmt.Sprint(ws, " pair reused")]++
			}
			if p.Name != readyName && (p.LastRefreshedAt.IsZero() || p.LastUsedAt.IsZero()) {
				t.Errorf("%s was never refreshed or never used", p.Name)
			}
		}
	}
	old, err := rules.LegacyTokens(t.Context(), admin, string(token.OAuthTokens), authority.TokenQuery{Everyone: true, Page: page})
	if err != nil {
		t.Fatal(err)
	}
	for i := range old {
		seen[fmt.Sprint("legacy ", old[i].StatusAt(now))]++
		if !old[i].LastUsedAt.IsZero() {
			seen["legacy used"]++
		}
	}
	for _, want := range []string{
		"legacy active", "legacy revoked", "legacy used",
		"standard app active", "standard app disabled", "standard app with two secrets in use", "apps-and-tokens app active", "apps-and-tokens app disabled",
		"standard pair active", "standard pair disabled", "standard pair expires soon", "standard pair reused",
		"oauth-tokens pair active", "oauth-tokens pair disabled", "oauth-tokens pair expired", "oauth-tokens pair expires soon",
	} {
		if seen[want] == 0 {
			t.Errorf("the demo has no %s: %v", want, seen)
		}
	}
	usage, err := rules.Usage(t.Context(), admin, string(token.Standard), "", 30)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for _, d := range usage.Tokens {
		kind, _, _ := strings.Cut(d.TokenID, "_")
		kinds[kind] = true
	}
	if !kinds[token.TokenID] || !kinds[token.AppID] || !kinds[token.OAuthTokenID] {
		t.Errorf("use of the last 30 days is of %v", kinds)
	}
}

// saying is what a program has said so far.
type saying struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *saying) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *saying) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// linesWork pastes what the demo prints to be pasted.
func linesWork(t *testing.T, dir string) {
	t.Helper()
	testkit.Need(t, "curl")
	addr, err := freePort(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var said, wrong saying
	ended := make(chan error, 1)
	go func() {
		c := demoCmd{Listen: addr, Data: dir, Password: walkPassword}
		ended <- c.Run(&streams{ctx: ctx, in: strings.NewReader(""), out: &said, err: &wrong})
	}()
	if err := ready("http://"+addr, ended); err != nil {
		t.Fatal(err)
	}
	lines, grants := 0, 0
	for line := range strings.Lines(said.String()) { // all is said before it is ready
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "curl ") {
			continue
		}
		lines++
		out, err := exec.CommandContext(ctx, "sh", "-c", strings.Replace(line, "curl ", "curl -s -S --fail ", 1)).Output()
		if err != nil {
			t.Errorf("%s: %v", line, err)
		}
		var answer struct {
			AccessToken string `json:"access_token"`
			ExpiresIn   int    `json:"expires_in"`
		}
		if strings.Contains(line, "grant_type") {
			grants++
			if err := json.Unmarshal(out, &answer); err != nil || answer.AccessToken == "" || answer.ExpiresIn != 3600 {
				t.Errorf("%s answers %s", line, out)
			}
		}
	}
	if lines != 6 || grants != 2 {
		t.Errorf("%d lines to paste, %d of them for access tokens: %s", lines, grants, said.String())
	}
	stop()
	if err := <-ended; err != nil || strings.Contains(wrong.String(), "ERROR") {
		t.Errorf("it ended with %v: %s", err, wrong.String())
	}
}
