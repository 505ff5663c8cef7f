package testkit_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/keywright/keywright/internal/testkit"
)

// complaints is a testing.TB that keeps what a test would have failed for.
type complaints struct {
	testing.TB
	mu  sync.Mutex
	all []string
}

func (c *complaints) Helper() {}

func (c *complaints) Errorf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, fmt.Sprintf(format, args...))
}

func (c *complaints) holds(part string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Contains(strings.Join(c.all, "\n"), part)
}

func TestAPageComplainsOfEverythingThatMustNotHappen(t *testing.T) {
	t.Parallel()
	bad := map[string]struct{ body, complaint string }{
		"inline script":    {`<script>document.title = "run"</script>`, "Content Security Policy"},
		"failing script":   {`<script src="/broken.js"></script>`, "the script failed"},
		"console error":    {`<script src="/complain.js"></script>`, "console.error was called"},
		"missing picture":  {`<img src="/missing.png" alt="">`, "/missing.png answered 404"},
		"somewhere else":   {`<img src="http://elsewhere.example/a.png" alt="">`, "a request to somewhere else: http://elsewhere.example/a.png"},
		"a text too light": {`<p style="all: unset"></p><p class="light">light</p><link rel="stylesheet" href="/light.css">`, "color-contrast"},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scripts := map[string]string{"/broken.js": "nothing.at.all()", "/complain.js": "console.error('no')", "/light.css": ".light{color:#ddd}", "/favicon.ico": " "}
		if text, ok := scripts[r.URL.Path]; ok {
			kind := "text/javascript"
			if strings.HasSuffix(r.URL.Path, ".css") {
				kind = "text/css"
			}
			w.Header().Set("Content-Type", kind)
			_, _ = io.WriteString(w, text)
			return
		}
		page, ok := bad[strings.ReplaceAll(strings.TrimPrefix(r.URL.Path, "/"), "_", " ")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src *")
		fmt.Fprintf(w, `<!doctype html><html lang="en"><title>x</title><main><h1>x</h1>%s</main></html>`, page.body)
	}))
	t.Cleanup(server.Close)
	for name, page := range bad {
		c := &complaints{TB: t}
		p := testkit.NewPage(c, server.URL)
		p.Go("/" + strings.ReplaceAll(name, " ", "_")).Axe().Healthy()
		if !c.holds(page.complaint) {
			t.Errorf("%s: no complaint of %q in %q", name, page.complaint, c.all)
		}
	}
}
