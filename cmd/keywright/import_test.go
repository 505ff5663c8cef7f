package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/config"
	"github.com/keywright/keywright/internal/legacy"
	"github.com/keywright/keywright/internal/server"
	"github.com/keywright/keywright/internal/token"
)

// The server knows at once of what was imported through it, line numbers are the file's, and what was cut off
// is begun again.
func TestTokensMoveInThroughARunningServer(t *testing.T) {
	cfg := movingConfig(t)
	srv, root := openMoving(t, cfg)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(ctx) }()
	t.Cleanup(func() { stop(); must(t, <-ended) })
	rules := srv.Authority()
	name, days, scopes := "Mover", 365, []string{"keywright:admin", "odata:read"}
	_, secret, err := rules.CreateToken(t.Context(), root, "moving", authority.NewToken{Request: token.Request{Name: &name, Scopes: &scopes, Expiry: token.Choice{LifetimeDays: &days}}})
	must(t, err)
	t.Setenv("KEYWRIGHT_TOKEN", secret.Reveal())

	var file strings.Builder
	file.WriteString("{\"owner\": 3}\n\n")
	const n = 450
	for i := range n {
		fmt.Fprintf(&file, `{"owner":"root@example.com","scopes":["odata:read"],"sha256":"%x"}`+"\n", sha256.Sum256(fmt.Appendf(nil, "old %d", i)))
	}
	file.WriteString(`{"owner":"nobody@example.com","sha256":"` + strings.Repeat("ab", 32) + `"}` + "\n")
	move := func(want int, flags ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		args := append([]string{"import", "tokens", "--server", cfg.PublicURL, "--workspace", "moving", "-"}, flags...)
		if got := run(args, strings.NewReader(file.String()), &out, &errs); got != want {
			t.Fatalf("exit %d, want %d:\n%s%s", got, want, out.String(), errs.String())
		}
		return out.String() + errs.String()
	}
	says := func(out string, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if !strings.Contains(out, text) {
				t.Errorf("%q is not in:\n%s", text, out)
			}
		}
	}
	file2 := file.String()
	stops := "--stops-at=" + time.Now().AddDate(0, 3, 0).Format(time.DateOnly)
	says(move(1), "Say on which day")
	says(move(1, stops, "--dry-run"), "line 3: would be imported\n", "450 would be imported, 0 imported before, 2 refused")
	answers(t, cfg.PublicURL, "old 7", http.StatusUnauthorized)
	says(move(1, stops), "line 453: refused: Its owner is no member", "450 imported, 0 imported before, 2 refused")
	for _, secret := range []string{"old 0", "old 7", "old 449"} {
		answers(t, cfg.PublicURL, secret, http.StatusOK)
	}
	file.Reset()
	file.WriteString(strings.Join(strings.Split(file2, "\n")[2:n+2], "\n"))
	says(move(0), "0 imported, 450 imported before, 0 refused")
}

// movingConfig is that of a new server.
func movingConfig(t *testing.T) config.Config {
	t.Helper()
	listen, err := freePort(t.Context(), "127.0.0.1:0")
	must(t, err)
	return config.Config{
		PublicURL: "http://" + listen, Listen: listen, MetricsListen: "off", Database: filepath.Join(t.TempDir(), "keywright.db"),
		ProductName: "Keywright", TokenPrefix: "kw", CacheRecords: 1000, LogLevel: "error", LogFormat: "text", ShutdownSeconds: 1,
	}
}

// openMoving opens the server, with its first account and the workspace "moving".
func openMoving(t *testing.T, cfg config.Config) (*server.Server, token.Identity) {
	t.Helper()
	srv, err := server.Open(t.Context(), server.Options{Config: cfg, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	code, _, err := srv.Authority().OpenSetUp(t.Context())
	must(t, err)
	_, root, err := srv.Authority().SetUp(t.Context(), authority.FirstAccount{Code: code.Reveal(), Email: "root@example.com", Name: "Root", Password: "correct horse battery staple"}, token.Origin{})
	must(t, err)
	_, err = srv.Authority().CreateWorkspace(t.Context(), root, authority.NewWorkspace{Slug: "moving", Preset: token.Standard})
	must(t, err)
	return srv, root
}

// Whenever an import is killed, beginning it again ends with every token there once.
func TestAnImportThatIsKilledIsBegunAgain(t *testing.T) {
	cfg := movingConfig(t)
	srv, root := openMoving(t, cfg)
	must(t, srv.Close())
	const n = 12_000
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, `{"owner":"root@example.com","sha256":"%x"}`+"\n", sha256.Sum256(fmt.Appendf(nil, "old %d", i)))
	}
	file := filepath.Join(t.TempDir(), "old.jsonl")
	must(t, os.WriteFile(file, []byte(text.String()), 0o600))
	program, err := os.Executable()
	must(t, err)
	begin := func() (*exec.Cmd, *bytes.Buffer) {
		var out bytes.Buffer
		c := exec.CommandContext(t.Context(), program)
		c.Args = []string{"keywright", "import", "tokens", "--workspace", "moving", "--stops-at", time.Now().AddDate(0, 3, 0).Format(time.DateOnly), file}
		c.Env = append(os.Environ(), "KEYWRIGHT_DATABASE="+cfg.Database, "KEYWRIGHT_PUBLIC_URL="+cfg.PublicURL)
		c.Stdout, c.Stderr = &out, &out
		must(t, c.Start())
		return c, &out
	}
	killed := 0
	for wait := 40 * time.Millisecond; wait < 700*time.Millisecond; wait += 60 * time.Millisecond {
		c, _ := begin()
		kill := time.AfterFunc(wait, func() { _ = c.Process.Kill() }) // it may have ended
		if c.Wait() != nil {
			killed++
		}
		kill.Stop()
	}
	c, out := begin()
	if err := c.Wait(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Logf("killed %d times; then %s", killed, out)
	c, out = begin()
	must(t, c.Wait())
	if want := fmt.Sprintf("0 imported, %d imported before, 0 refused", n); killed == 0 || !strings.Contains(out.String(), want) {
		t.Errorf("killed %d times; the last said %s", killed, out)
	}
	srv, err = server.Open(t.Context(), server.Options{Config: cfg, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	owners, err := srv.Authority().LegacyOwners(t.Context(), root, "moving", time.Time{}, 10)
	must(t, err)
	if len(owners) != 1 || owners[0].Tokens != n {
		t.Errorf("there are %+v", owners)
	}
	must(t, srv.Close())
}

func answers(t *testing.T, server, secret string, want int) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server+"/verify?workspace=moving", http.NoBody)
	must(t, err)
	r.Header.Set("Authorization", "Bearer "+secret)
	res, err := http.DefaultClient.Do(r)
	must(t, err)
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	must(t, err)
	if res.StatusCode != want {
		t.Errorf("%s is answered %d, want %d", secret, res.StatusCode, want)
	}
	if want == http.StatusOK && (res.Header.Get("Sunset") == "" || res.Header.Get("Deprecation") == "" || !strings.Contains(res.Header.Get("Link"), "deprecation")) {
		t.Errorf("%s: no word of its end: %v", secret, res.Header)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What the flag doesn't allow stays here: it must not be on the network either.
func TestASecretInClearIsNotSentWithoutTheFlag(t *testing.T) {
	lines := []string{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // what was cut off has no secret in it either
		lines = append(lines, string(body))
		fmt.Fprint(w, `{"imported":1,"known":0,"refused":0,"stops_at":"2031-01-01T00:00:00Z","lines":[{"line":1,"outcome":"imported","problem":null}]}`)
	}))
	t.Cleanup(s.Close)
	t.Setenv("KEYWRIGHT_TOKEN", "a token")
	file := `{"owner":"root@example.com","secret":"swordfish-in-clear"}` + "\n" + `{"owner":"root@example.com","sha256":"` + strings.Repeat("ab", 32) + `"}` + "\n"
	var out, errs bytes.Buffer
	got := run([]string{"import", "tokens", "--server", s.URL, "--workspace", "moving", "-"}, strings.NewReader(file), &out, &errs)
	if got != 1 || len(lines) != 1 || strings.Contains(lines[0], "swordfish") || !strings.Contains(out.String(), "line 1: refused: This is a secret in clear") {
		t.Errorf("exit %d, sent %q, said %s%s", got, lines, out.String(), errs.String())
	}
}

func TestAnImportThatWaitsForALineIsInterrupted(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	in, out := io.Pipe()
	t.Cleanup(func() { must(t, out.Close()) })
	go func() {
		_, _ = io.WriteString(out, "{\"owner\":\"a@example.com\"}\n") // it is read below
		stop()
	}()
	var problems []string
	for l, err := range legacy.Read(wanted{ctx, in}) {
		problems = append(problems, fmt.Sprint(l.Problem != "", err))
	}
	if want := "true <nil>, false " + errInterrupted.Error(); strings.Join(problems, ", ") != want && strings.Join(problems, ", ") != "false "+errInterrupted.Error() {
		t.Errorf("it ends with %q", problems)
	}
}
