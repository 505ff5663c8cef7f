package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(walkersMain{m}, map[string]func(){
		"keywright": func() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs every command as its user would; testdata/script/*.txtar read like transcripts.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			for _, name := range []string{"ADDR", "ADDR2", "ADDR3"} {
				addr, err := freePort(t.Context(), "127.0.0.1:0")
				if err != nil {
					return err
				}
				e.Setenv(name, addr)
			}
			e.Setenv("TMPDIR", e.WorkDir)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"http": httpCmd, "connects": connectsCmd, "expand": expandCmd, "took": tookCmd, "empty": emptyCmd},
	})
}

// expandCmd replaces variables in files: expand FILE...
func expandCmd(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

// httpCmd asks until it gets the status: http STATUS METHOD URL [HEADER: VALUE | name=value]... The body goes
// to the file "body". A server that is starting is waited for.
func httpCmd(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: http STATUS METHOD URL [HEADER: VALUE | name=value]...")
	}
	jar, err := cookiejar.New(nil)
	ts.Check(err)
	client := &http.Client{Jar: jar, Timeout: 5 * time.Second}
	deadline := time.Now().Add(2 * time.Minute) // a demo that starts beside many other tests
	for {
		got, body, err := request(client, args[1:])
		ts.Check(os.WriteFile(ts.MkAbs("body"), []byte(body), 0o600))
		if err == nil && fmt.Sprint(got) == args[0] {
			return
		}
		if time.Now().After(deadline) || err == nil && got != http.StatusServiceUnavailable {
			ts.Fatalf("%s %s: %d, want %s (%v)\n%s", args[1], args[2], got, args[0], err, body)
		}
		time.Sleep(20 * time.Millisecond) // between two attempts to reach another process
	}
}

func request(client *http.Client, args []string) (int, string, error) {
	form, header := url.Values{}, http.Header{}
	for _, a := range args[2:] {
		if name, value, ok := strings.Cut(a, ": "); ok {
			header.Set(name, value)
		} else if name, value, ok := strings.Cut(a, "="); ok {
			form.Set(name, value)
		}
	}
	req, err := http.NewRequest(args[0], args[1], strings.NewReader(form.Encode()))
	if err != nil {
		return 0, "", err
	}
	req.Header = header
	if len(form) > 0 {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, string(body), err
}

// connectsCmd reports whether something listens: [!] connects ADDR
func connectsCmd(ts *testscript.TestScript, neg bool, args []string) {
	c, err := net.DialTimeout("tcp", args[0], time.Second)
	if err == nil {
		ts.Check(c.Close())
	}
	if (err == nil) == neg {
		ts.Fatalf("connecting to %s: %v", args[0], err)
	}
}

// tookCmd writes the first match of a pattern's word in a file to a variable: took VAR PREFIX FILE. The word
// begins with PREFIX.
func tookCmd(ts *testscript.TestScript, _ bool, args []string) {
	for word := range strings.FieldsSeq(ts.ReadFile(args[2])) {
		if strings.HasPrefix(word, args[1]) {
			ts.Setenv(args[0], word)
			return
		}
	}
	ts.Fatalf("no word begins with %s", args[1])
}

// emptyCmd fails unless a directory is empty: empty DIR
func emptyCmd(ts *testscript.TestScript, _ bool, args []string) {
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	for _, e := range entries {
		ts.Fatalf("%s was left behind", e.Name())
	}
}
