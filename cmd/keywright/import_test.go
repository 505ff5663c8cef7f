package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/config"
	"github.com/keywright/keywright/internal/server"
	"github.com/keywright/keywright/internal/token"
)

// The server knows at once of what was imported through it, line numbers are the file's, and what was cut off
// is begun again.
func TestTokensMoveInThroughARunningServer(t *testing.T) {
	listen, err := freePort(t.Context(), "127.0.0.1:0")
	must(t, err)
	cfg := config.Config{
		PublicURL: "http://" + listen, Listen: listen, MetricsListen: "off", Database: t.TempDir() + "/keywright.db",
		ProductName: "Keywright", TokenPrefix: "kw", CacheRecords: 1000, LogLevel: "error", LogFormat: "text", ShutdownSeconds: 1,
	}
	srv, err := server.Open(t.Context(), server.Options{Config: cfg, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(ctx) }()
	t.Cleanup(func() { stop(); must(t, <-ended) })

	rules := srv.Authority()
	code, _, err := rules.OpenSetUp(t.Context())
	must(t, err)
	_, root, err := rules.SetUp(t.Context(), authority.FirstAccount{Code: code.Reveal(), Email: "root@example.com", Name: "Root", Password: "correct horse battery staple"}, token.Origin{})
	must(t, err)
	_, err = rules.CreateWorkspace(t.Context(), root, authority.NewWorkspace{Slug: "moving", Preset: token.Standard})
	must(t, err)
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
