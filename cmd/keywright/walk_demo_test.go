package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// The walks are people's: each opens the demo in Chromium and does, step by step and with the words on the
// screen, what the text of a source or an administrator's day asks for. All share one demo and one browser;
// each has its own cookies, and either a workspace of its own or tokens that no other walk touches.

const walkPassword = "walk the whole way"

// demos is the demo that all walks of this process share.
var demos struct {
	sync.Mutex
	walkDemo *walkDemo
	err      error
}

type walkDemo struct {
	address  string // http://127.0.0.1:1234
	database string
	admin    *http.Client
	end      func() error
}

// walkersMain runs the tests and then ends what the walks share.
type walkersMain struct{ *testing.M }

func (m walkersMain) Run() int {
	code := m.M.Run()
	hostiles.Lock()
	defer hostiles.Unlock()
	if s := hostiles.hostileSite; s != nil {
		if err := s.demo.end(); err != nil {
			fmt.Fprintln(os.Stderr, "ending the site of hostile requests:", err)
			code = max(code, 1)
		}
	}
	testkit.Stop()
	demos.Lock()
	defer demos.Unlock()
	if demos.walkDemo != nil {
		if err := demos.walkDemo.end(); err != nil {
			fmt.Fprintln(os.Stderr, "ending the demo:", err)
			return max(code, 1)
		}
	}
	return code
}

// theDemo starts the demo at the first call. A walk that has no browser skips before that.
func theDemo(t *testing.T) *walkDemo {
	t.Helper()
	testkit.Need(t, "chromium")
	return runningDemo(t)
}

// runningDemo is theDemo for tests that need no browser.
func runningDemo(t *testing.T) *walkDemo {
	t.Helper()
	demos.Lock()
	defer demos.Unlock()
	if demos.walkDemo == nil && demos.err == nil {
		demos.walkDemo, demos.err = startDemo()
	}
	if demos.err != nil {
		t.Fatalf("starting the demo: %v", demos.err)
	}
	return demos.walkDemo
}

func startDemo() (*walkDemo, error) {
	dir, err := os.MkdirTemp("", "keywright-walks-")
	if err != nil {
		return nil, err
	}
	addr, err := freePort(context.Background(), "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	var said, wrong bytes.Buffer
	ended := make(chan error, 1)
	go func() {
		c := demoCmd{Listen: addr, Data: dir, Password: walkPassword}
		ended <- c.Run(&streams{ctx: ctx, in: strings.NewReader(""), out: &said, err: &wrong})
	}()
	d := &walkDemo{address: "http://" + addr, database: filepath.Join(dir, "keywright.db")}
	d.end = func() error {
		stop()
		err := errors.Join(<-ended, os.RemoveAll(dir))
		if strings.Contains(wrong.String(), "level=ERROR") {
			err = errors.Join(err, errors.New("it logged: "+wrong.String()))
		}
		return err
	}
	if err := ready(d.address, ended); err != nil {
		stop()
		return nil, err
	}
	d.admin, err = d.client(demoAdmin)
	return d, err
}

// ready waits until a server answers, or has ended.
func ready(address string, ended <-chan error) error {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	late := time.After(2 * testkit.Patience)
	for {
		if res, err := http.Get(address + "/readyz"); err == nil {
			if err := res.Body.Close(); err != nil {
				return err
			}
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case err := <-ended:
			return errors.Join(errors.New("it ended"), err)
		case <-late:
			return errors.New("it is not ready")
		case <-again.C:
		}
	}
}

// client signs in to the API.
func (d *walkDemo) client(email string) (*http.Client, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	c := &http.Client{Jar: jar, Timeout: testkit.Patience}
	return c, d.call(c, "POST", "/api/v1/session", map[string]string{"email": email, "password": walkPassword}, nil)
}

// call asks the API, and decodes its answer.
func (d *walkDemo) call(c *http.Client, method, path string, body, answer any) error {
	sent, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(method, d.address+path, bytes.NewReader(sent))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := c.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return errors.New(method + " " + path + ": " + res.Status + " " + string(got))
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(got, answer)
}

// workspace makes one that only this walk uses; admin@example.com administrates it.
func (d *walkDemo) workspace(t *testing.T, preset token.Preset) (slug string) {
	t.Helper()
	slug = "walk-" + strings.ToLower(rand.Text()[:8])
	w := map[string]string{"slug": slug, "name": "Walk " + slug[5:], "preset": string(preset)}
	if err := d.call(d.admin, "POST", "/api/v1/workspaces", w, nil); err != nil {
		t.Fatal(err)
	}
	return slug
}

// person makes somebody with an account of their own, a member of a workspace.
func (d *walkDemo) person(t *testing.T, ws, name string, role token.Role) (email string) {
	t.Helper()
	email = strings.ToLower(rand.Text()[:8]) + "@example.com"
	link := d.invite(t, ws, map[string]string{"email": email, "name": name, "role": string(role)})
	res, err := http.PostForm(link, url.Values{"password": {walkPassword}})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("choosing a password: %s", res.Status)
	}
	return email
}

func (d *walkDemo) invite(t *testing.T, ws string, member map[string]string) (link string) {
	t.Helper()
	var made struct {
		SetupURL string `json:"setup_url"`
	}
	if err := d.call(d.admin, "POST", "/api/v1/workspaces/"+ws+"/members", member, &made); err != nil {
		t.Fatal(err)
	}
	return made.SetupURL
}

// page opens a browser window in which nobody has signed in.
func (d *walkDemo) page(t *testing.T) *testkit.Page {
	t.Helper()
	return testkit.NewPage(t, d.address)
}

// as signs a person in.
func (d *walkDemo) as(t *testing.T, email string) *testkit.Page {
	t.Helper()
	p := d.page(t)
	signIn(p, email, walkPassword)
	return p
}

func signIn(p *testkit.Page, email, password string) {
	p.Go("/sign-in").Fill("E-mail", email).Fill("Password", password).Click("Sign in")
}

// enter goes to a workspace as people do: by the switcher in the top bar.
func enter(p *testkit.Page, name string) {
	p.Click("Workspace:").Click(name)
}

// verify presents a secret as a gateway does, and returns the status.
func (d *walkDemo) verify(t *testing.T, ws, secret string, scopes ...string) int {
	t.Helper()
	q := url.Values{"workspace": {ws}}
	if len(scopes) > 0 {
		q.Set("scope", strings.Join(scopes, " "))
	}
	req, err := http.NewRequest("GET", d.address+"/verify?"+q.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}

// answers fails unless a secret is answered with the status.
func (d *walkDemo) answers(t *testing.T, want int, ws, secret string, scopes ...string) {
	t.Helper()
	if got := d.verify(t, ws, secret, scopes...); got != want {
		t.Errorf("/verify answers %d for scopes %v, want %d", got, scopes, want)
	}
}

// age makes everything that a person did to sign in as old as d.
func (d *walkDemo) age(t *testing.T, email string, by time.Duration) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+d.database+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r, err := db.Exec("update sessions set signed_in_at = signed_in_at - ? where user_id = (select id from users where email = ?)", by.Microseconds(), email)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		t.Fatalf("%s is signed in nowhere (%v)", email, err)
	}
}

var walkSecret = regexp.MustCompile(`^kw_pat_[0-9A-Za-z]{36}$`)

// copied clicks what copies, and returns the token that is on the clipboard then.
func copied(t *testing.T, p *testkit.Page, button string) string {
	t.Helper()
	secret := p.Clipboard(func() { p.Click(button) })
	if !walkSecret.MatchString(secret) {
		t.Fatalf("the clipboard holds %q", secret)
	}
	p.See("Copied")
	return secret
}

// How pages write a day: the server for screen readers, and the script in the browser's language.
const dayForm, shortDayForm = "2 January 2006", "Jan 2, 2006"

func today() string { return time.Now().UTC().Format(shortDayForm) }

// nextYear is the same day next year, by the policies' calendar.
func nextYear() string { return token.Period{Years: 1}.From(time.Now().UTC()).Format(dayForm) }

// rowHas fails unless the row of a text holds all of these too.
func rowHas(t *testing.T, p *testkit.Page, of string, texts ...string) {
	t.Helper()
	row := p.Row(of)
	for _, s := range texts {
		if !strings.Contains(row, s) {
			t.Errorf("the row lacks %q: %s", s, row)
		}
	}
}
