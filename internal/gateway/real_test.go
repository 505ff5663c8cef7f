package gateway_test

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/testkit"
)

// TestNginxLetsThroughWhatIsGoodAndNothingElse and its twin run the configurations of docs/gateways.md with
// the gateways themselves, in front of a real service.
func TestNginxLetsThroughWhatIsGoodAndNothingElse(t *testing.T) {
	behindGateway(t, func(t *testing.T, s *site, service string) string {
		bin := testkit.Need(t, "nginx")
		dir, addr := t.TempDir(), freeAddr(t)
		conf := adapted(t, "nginx", s, service, addr) +
			"\npid " + dir + "/pid; daemon off; error_log stderr;\n"
		conf = strings.Replace(conf, "http {", fmt.Sprintf("http {\n access_log off; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;", dir), 1)
		conf = strings.Replace(conf, "events {}", "worker_processes 1; events { worker_connections 4096; }", 1)
		run(t, addr, bin, "-p", dir, "-e", "stderr", "-c", write(t, dir, "nginx.conf", conf))
		return "http://" + addr
	})
}

func TestCaddyLetsThroughWhatIsGoodAndNothingElse(t *testing.T) {
	behindGateway(t, func(t *testing.T, s *site, service string) string {
		bin := testkit.Need(t, "caddy")
		dir, addr := t.TempDir(), freeAddr(t)
		file := write(t, dir, "Caddyfile", adapted(t, "caddy", s, service, addr))
		run(t, addr, bin, "run", "--adapter", "caddyfile", "--config", file)
		return "http://" + addr
	})
}

// adapted is the example of docs/gateways.md with the test's addresses.
func adapted(t *testing.T, language string, s *site, service, listen string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/gateways.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindSubmatch(text)
	if block == nil {
		t.Fatalf("docs/gateways.md has no example for %s", language)
	}
	host := func(url string) string { return strings.TrimPrefix(url, "http://") }
	return strings.NewReplacer("127.0.0.1:8080", host(s.url), "127.0.0.1:9000", host(service), "127.0.0.1:8000", listen).Replace(string(block[1]))
}

// call is a request through a gateway, and what is to come of it.
type call struct {
	name, method, user, secret string
	basic                      bool
	want                       int
	subject, scopes            string // "" are the person's, who reads
}

func behindGateway(t *testing.T, start func(t *testing.T, s *site, service string) string) {
	s := newSite(t)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the token reached the service")
		}
		if r.Header.Get("X-Keywright-Deprecation")+r.Header.Get("X-Keywright-Sunset")+r.Header.Get("X-Keywright-Link") != "" {
			t.Error("the service was told what is for the client")
		}
		fmt.Fprintf(w, "%s for %s (%s)", r.Method, r.Header.Get("X-Keywright-Subject"), r.Header.Get("X-Keywright-Scopes"))
	}))
	t.Cleanup(service.Close)
	front := start(t, s, service.URL)
	dead := s.dead()
	id, good := s.token("standard", "good", 90, "odata:read")
	_, narrow := s.token("standard", "narrow", 90, "files/a+b:write")
	app, clientSecret := s.app()
	access := s.access(app, clientSecret, "")
	_, personal := s.oauth("cli")
	s.legacy("a token of long ago", false)

	calls := []call{
		{name: "Bearer", secret: good, want: 200},
		{name: "POST", method: "POST", secret: good, want: 200},
		{name: "Basic with the token as password", basic: true, user: "whoever", secret: good, want: 200},
		{name: "Basic with the token as user", basic: true, user: good, want: 200},
		{name: "an app's access token", secret: access, want: 200, subject: app},
		{name: "an app's access token, Basic", basic: true, user: app, secret: access, want: 200, subject: app},
		{name: "a client secret", secret: clientSecret, want: 200, subject: app},
		{name: "a client secret, Basic", basic: true, user: app, secret: clientSecret, want: 200, subject: app},
		{name: "a person's access token", secret: personal, want: 200, scopes: "odata:read files/a+b:write"},
		{name: "a legacy token", secret: "a token of long ago", want: 200},
		{name: "nothing", want: 401},
		{name: "an access token of another resource", secret: s.access(app, clientSecret, "https://other.example/"), want: 401},
		{name: "an access token, changed", secret: access[:len(access)-5] + "AAAAA", want: 401},
		{name: "a missing scope", secret: narrow, want: 403},
	}
	for what, secret := range dead {
		calls = append(calls, call{name: what, secret: secret, want: 401}, call{name: what + ", Basic", basic: true, user: "u", secret: secret, want: 401})
	}
	for _, c := range calls {
		t.Run(c.name, func(t *testing.T) { c.through(t, s, front) })
	}
	t.Run("after revoke returned, 10,000 concurrent requests see not one 200", func(t *testing.T) {
		hammer(t, front, good, 200, 200)
		if _, err := s.rules.RevokeToken(t.Context(), s.by, "standard", id, ""); err != nil {
			t.Fatal(err)
		}
		hammer(t, front, good, 10_000, 401)
	})
	t.Run("after disable returned, 10,000 concurrent requests see not one 200", func(t *testing.T) {
		hammer(t, front, access, 200, 200)
		hammer(t, front, clientSecret, 200, 200)
		if _, err := s.rules.DisableApp(t.Context(), s.by, "standard", app); err != nil {
			t.Fatal(err)
		}
		hammer(t, front, access, 10_000, 401)
		hammer(t, front, clientSecret, 10_000, 401)
	})
}

func (c *call) through(t *testing.T, s *site, front string) {
	t.Helper()
	req, _ := http.NewRequestWithContext(t.Context(), c.method, front+"/orders?page=2", strings.NewReader(strings.Repeat("x", len(c.method))))
	req.Header.Set("X-Keywright-Subject", "usr_forged")
	for name, forged := range map[string]string{"Deprecation": "@1", "Sunset": "Mon, 01 Jan 2035 00:00:00 GMT", "Link": "<x>"} {
		req.Header.Set(name, forged)
	}
	switch {
	case c.basic:
		req.SetBasicAuth(c.user, c.secret)
	case c.secret != "":
		req.Header.Set("Authorization", "Bearer "+c.secret)
	}
	status, header, body := do(t, req)
	if status != c.want {
		t.Fatalf("status %d, want %d: %s", status, c.want, body)
	}
	if subject := cmp.Or(c.subject, s.by.User.ID); c.want == 200 && !strings.HasSuffix(body, "for "+subject+" ("+cmp.Or(c.scopes, "odata:read")+")") {
		t.Errorf("the service was told %q", body)
	}
	warned := header.Get("Deprecation") != "" && header.Get("Sunset") != "" && strings.Contains(strings.Join(header["Link"], ","), `rel="deprecation"`)
	silent := header["Deprecation"] == nil && header["Sunset"] == nil && header["Link"] == nil
	if legacy := c.name == "a legacy token"; legacy && !warned || !legacy && !silent {
		t.Errorf("Deprecation %q, Sunset %q, Link %q", header["Deprecation"], header["Sunset"], header["Link"])
	}
	if c.want == 401 && header.Get("WWW-Authenticate") == "" {
		t.Error("401 without a challenge")
	}
}

// hammer sends n requests from 32 connections, each of which must get one status.
func hammer(t *testing.T, front, secret string, n int64, want int) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
	defer client.CloseIdleConnections()
	var next, wrong atomic.Int64
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for next.Add(1) <= n {
				req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, front+"/", nil)
				req.Header.Set("Authorization", "Bearer "+secret)
				res, err := client.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				if res.StatusCode != want {
					wrong.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if wrong.Load() > 0 {
		t.Fatalf("%d of %d answers were not %d", wrong.Load(), n, want)
	}
}

func do(t *testing.T, req *http.Request) (status int, header http.Header, body string) {
	t.Helper()
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(b)
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// run starts a gateway, waits until it accepts, and ends it with the test.
func run(t *testing.T, addr, bin string, args ...string) {
	t.Helper()
	cmd := exec.Command(bin, args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_DATA_HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said sync.WaitGroup
	said.Go(func() {
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			if strings.Contains(lines.Text(), "emerg") || strings.Contains(lines.Text(), "Error:") {
				t.Log(lines.Text())
			}
		}
	})
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		said.Wait()
		_ = cmd.Wait()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err == nil {
			_ = c.Close()
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("%s does not listen: %v", bin, err)
		}
		time.Sleep(20 * time.Millisecond) // between two attempts to reach another process
	}
}
