package testkit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// PlainHost is a name that the tests' browser finds at 127.0.0.1 though it is no loopback name, to see
// what Keywright says to a browser that comes over plain HTTP. The browser finds no other name.
const PlainHost = "keywright.example"

// Patience is how long a Page waits for what it is asked to see or use: far longer than it takes, even on
// a machine that is busy with other tests.
const Patience = 90 * time.Second

// chromium is the one browser of a test process; each Page has its own cookies in it.
type chromium struct {
	ctx context.Context
	end context.CancelFunc
	err error
}

func (c *chromium) stop() {
	if c != nil && c.end != nil {
		c.end()
	}
}

// startChromium starts the browser, or returns the one that runs.
func startChromium(t testing.TB) context.Context {
	t.Helper()
	path := Need(t, "chromium")
	shared.Lock()
	defer shared.Unlock()
	if shared.browser == nil {
		shared.browser = newChromium(path)
	}
	if shared.browser.err != nil {
		t.Fatalf("starting %s: %v", path, shared.browser.err)
	}
	return shared.browser.ctx
}

func newChromium(path string) *chromium {
	flags := slices.Concat(chromedp.DefaultExecAllocatorOptions[:], []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.DisableGPU, chromedp.WindowSize(1280, 800),
		chromedp.Env("LANG=en_US.UTF-8", "LANGUAGE=en_US", "TZ=UTC"),
		chromedp.Flag("headless", "new"),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("host-resolver-rules", "MAP "+PlainHost+" 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"),
	})
	if os.Getuid() == 0 {
		flags = append(flags, chromedp.NoSandbox)
	}
	ctx, stop := chromedp.NewExecAllocator(context.Background(), flags...)
	ctx, closeTab := chromedp.NewContext(ctx)
	c := &chromium{ctx: ctx, end: func() { closeTab(); stop() }}
	c.err = chromedp.Do(ctx)
	return c
}

// Page is one person's browser, with one tab: what they see and do, in their terms. Things are found by
// the names that a screen reader would say. Every step waits until it is possible, and fails the test with
// the page's text and a picture of it when it does not become so.
//
// When the test ends it fails for everything that should not happen on any page: an error on the console, a
// violation of the content security policy, a request to anywhere else, and an answer of 400 or more that
// the walk did not announce with Allow.
type Page struct {
	t    testing.TB
	ctx  context.Context
	base string // "http://127.0.0.1:1234"

	mu       sync.Mutex
	changed  chan struct{} // closed when something has happened, and replaced
	loading  bool
	status   int64 // of the page's last answer
	allowed  []int64
	problems []string
	stay     bool // the answer to "leave this page?"
	asked    int  // how often that was asked
}

// NewPage opens a tab with cookies of its own; base is where paths belong to, such as "http://127.0.0.1:1234".
func NewPage(t testing.TB, base string) *Page {
	t.Helper()
	p := &Page{t: t, base: base, changed: make(chan struct{})}
	ctx, closeTab := chromedp.NewContext(startChromium(t), chromedp.WithNewBrowserContext(), chromedp.WithListener(p.happened))
	p.ctx = ctx
	t.Cleanup(func() {
		p.Healthy()
		closeTab()
	})
	p.must(chromedp.Do(ctx))
	call(p, network.Enable, network.EnableParams{})
	p.Width(1280)
	p.Theme(false)
	call(p, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		_, err := chromedp.CallBrowser(ctx, browser.SetPermission, browser.SetPermissionParams{
			Permission: &browser.PermissionDescriptor{Name: name}, Setting: browser.PermissionSettingGranted,
			BrowserContextID: chromedp.FromContext(ctx).BrowserContextID,
		})
		p.must(err)
	}
	return p
}

// call sends a command of the DevTools protocol.
func call[P, R any](p *Page, command cdp.Command[P, R], params P) R {
	p.t.Helper()
	r, err := chromedp.Call(p.ctx, command, params)
	if err != nil {
		p.fail("%s: %v", command.Method, err)
	}
	return r
}

func (p *Page) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// happened notes what the browser reports. It runs where the browser's messages are read, so it only notes.
func (p *Page) happened(ev any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch ev := ev.(type) {
	case *page.EventFrameStartedLoading, *page.EventFrameRequestedNavigation:
		p.loading = true
	case *page.EventFrameStartedNavigating:
		p.loading = p.loading || !strings.HasPrefix(string(ev.NavigationType), "sameDocument")
	case *page.EventFrameStoppedLoading:
		p.loading = false
	case *page.EventFrameNavigated:
		if ev.Type == page.NavigationTypeBackForwardCacheRestore {
			p.loading = false
		}
	case *page.EventJavascriptDialogOpening:
		p.asked++
		if p.stay {
			p.loading = false
		}
		go p.answer(!p.stay)
	case *network.EventRequestWillBeSent:
		p.requested(ev.Request.URL)
	case *network.EventResponseReceived:
		if ev.Type == network.ResourceTypeDocument {
			p.status = ev.Response.Status
		}
		if ev.Response.Status >= 400 && !slices.Contains(p.allowed, ev.Response.Status) {
			p.problems = append(p.problems, fmt.Sprintf("%s answered %d", ev.Response.URL, ev.Response.Status))
		}
	case *network.EventLoadingFailed:
		if !ev.Canceled {
			p.problems = append(p.problems, fmt.Sprintf("a request for a %s failed: %s %s", ev.Type, ev.ErrorText, ev.BlockedReason))
		}
	case *cdplog.EventEntryAdded:
		if e := ev.Entry; e.Source != cdplog.EntrySourceNetwork && !p.expected(e.Text) && (e.Level == cdplog.EntryLevelError || e.Level == cdplog.EntryLevelWarning) {
			p.problems = append(p.problems, fmt.Sprintf("the browser logged (%s): %s", e.Source, e.Text))
		}
	case *runtime.EventExceptionThrown:
		p.problems = append(p.problems, "the script failed: "+exceptionOf(ev.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		if ev.Type == runtime.ConsoleAPICalledTypeError || ev.Type == runtime.ConsoleAPICalledTypeWarning || ev.Type == runtime.ConsoleAPICalledTypeAssert {
			p.problems = append(p.problems, fmt.Sprintf("console.%s was called", ev.Type))
		}
	default:
		return
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// requested notes requests that leave the site. The lock is held.
func (p *Page) requested(url string) {
	for _, fine := range []string{p.base + "/", "data:", "blob:", "about:"} {
		if strings.HasPrefix(url, fine) {
			return
		}
	}
	p.problems = append(p.problems, "a request to somewhere else: "+url)
}

// expected reports what the browser must log: over plain HTTP it ignores what needs HTTPS, and says so.
func (p *Page) expected(text string) bool {
	return strings.Contains(p.base, PlainHost) && strings.Contains(text, "header has been ignored, because the URL's origin was untrustworthy")
}

func exceptionOf(d *runtime.ExceptionDetails) string {
	if d.Exception != nil && d.Exception.Description != "" {
		return d.Exception.Description
	}
	return d.Text
}

// answer says whether to leave a page that asks.
func (p *Page) answer(leave bool) {
	_, err := chromedp.Call(p.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: leave})
	if err != nil && !errors.Is(err, context.Canceled) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.problems = append(p.problems, "answering a question of the page: "+err.Error())
	}
}

// Allow announces answers of 400 or more that belong to the walk.
func (p *Page) Allow(statuses ...int64) *Page {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.allowed = append(p.allowed, statuses...)
	return p
}

// Healthy fails the test for what should not have happened up to here; the end of the test does the same.
func (p *Page) Healthy() {
	p.t.Helper()
	p.mu.Lock()
	problems := p.problems
	p.problems = nil
	p.mu.Unlock()
	for _, s := range problems {
		p.t.Errorf("at %s: %s", p.Address(), s)
	}
}

// await repeats a question until its answer is true. Between two attempts it waits for something to happen.
func (p *Page) await(what string, is func() (bool, error)) {
	p.t.Helper()
	end := time.NewTimer(Patience)
	defer end.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		p.mu.Lock()
		changed := p.changed
		p.mu.Unlock()
		ok, err := is()
		if ok && err == nil {
			return
		}
		select {
		case <-p.ctx.Done():
			p.t.Fatalf("the browser has gone while waiting for %s: %v", what, context.Cause(p.ctx))
		case <-end.C:
			p.fail("waited in vain for %s (%v)", what, err)
		case <-changed:
		case <-again.C:
		}
	}
}

// settle waits until a page that has begun to load is there.
func (p *Page) settle() {
	p.t.Helper()
	// What a click or a key does is queued behind it; an answer to the second question comes after it.
	for range 2 {
		_, _ = chromedp.Run(p.ctx, chromedp.Evaluate[int]("1")) // between two pages nobody answers
	}
	p.await("the page to load", func() (bool, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		return !p.loading, nil
	})
}

// fail ends the test with the page's text, and leaves a picture of it.
func (p *Page) fail(format string, args ...any) {
	p.t.Helper()
	picture := filepath.Join(os.TempDir(), "keywright-failed-"+strings.Map(plainName, p.t.Name())+".png")
	if png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot()); err != nil {
		picture = "no picture: " + err.Error()
	} else if err := os.WriteFile(picture, png, 0o600); err != nil {
		picture = "no picture: " + err.Error()
	}
	p.t.Logf("at %s (%s):\n%s", p.Address(), picture, p.Text())
	p.t.Fatalf(format, args...)
}

func plainName(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
		return r
	}
	return '-'
}

// Go opens a path of the site, or a whole address.
func (p *Page) Go(path string) *Page {
	p.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = p.base + path
	}
	p.settle()
	p.begin()
	r, err := chromedp.Call(p.ctx, page.Navigate, page.NavigateParams{URL: path})
	if err != nil {
		p.fail("opening %s: %v", path, err)
	}
	if r.ErrorText != "" || r.LoaderID == "" { // not left, or only scrolled
		p.mu.Lock()
		p.loading = false
		p.mu.Unlock()
	}
	p.settle()
	return p
}

func (p *Page) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.loading = true
}

// Reload loads the page again as the button of the browser does: a form that was sent is sent again.
func (p *Page) Reload() *Page {
	p.t.Helper()
	p.begin()
	call(p, page.Reload, page.ReloadParams{})
	p.settle()
	return p
}

// Back is the button of the browser.
func (p *Page) Back() *Page {
	p.t.Helper()
	history := call(p, page.GetNavigationHistory, cdp.Empty{})
	if history.CurrentIndex <= 0 {
		p.fail("there is no page to go back to")
	}
	p.begin()
	call(p, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: history.Entries[history.CurrentIndex-1].ID})
	p.settle()
	return p
}

// Staying makes the person answer that they stay when a page asks whether to leave; else they leave.
func (p *Page) Staying(stay bool) *Page {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stay = stay
	return p
}

// Asked is how often a page asked whether to leave.
func (p *Page) Asked() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

// Status is the status of the last page.
func (p *Page) Status() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

// Address is the page's path and query.
func (p *Page) Address() string {
	at, err := chromedp.Run(p.ctx, chromedp.Location())
	if err != nil {
		return err.Error()
	}
	return strings.TrimPrefix(at, p.base)
}

// Script switches the execution of scripts, from the next page on.
func (p *Page) Script(run bool) *Page {
	p.t.Helper()
	call(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !run})
	return p
}

// Theme makes the system prefer light or dark colours. Motion is always reduced, so that nothing moves.
func (p *Page) Theme(dark bool) *Page {
	p.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	return p
}

// Width makes the window so many pixels wide; 390 is a phone.
func (p *Page) Width(px int64) *Page {
	p.t.Helper()
	height := int64(800)
	if px < 600 {
		height = 844
	}
	call(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: px, Height: height, DeviceScaleFactor: 1})
	return p
}

// Picture is a PNG of what is seen.
func (p *Page) Picture() []byte {
	p.t.Helper()
	p.settle()
	// A second picture that equals the first shows that nothing is being drawn any more.
	var last []byte
	p.await("the page to stand still", func() (bool, error) {
		png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
		same := bytes.Equal(png, last)
		last = png
		return same, err
	})
	return last
}

// Clipboard runs what copies, and returns what the clipboard holds then. All pages share the machine's
// clipboard: one test at a time.
func (p *Page) Clipboard(copies func()) string {
	p.t.Helper()
	shared.clipboard.Lock()
	defer shared.clipboard.Unlock()
	p.Run(`navigator.clipboard.writeText("nothing was copied")`)
	copies()
	var text string
	p.await("the clipboard", func() (bool, error) {
		var err error
		text, err = chromedp.Run(p.ctx, chromedp.Evaluate[string](`navigator.clipboard.readText()`, chromedp.EvalAwaitPromise))
		return text != "nothing was copied", err
	})
	return text
}
