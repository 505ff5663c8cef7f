// Package gateway answers gateways: is the credential of this request good, for this?
//
// nginx (auth_request), Traefik (ForwardAuth), Caddy (forward_auth) and Envoy (HTTP ext_authz) send a
// subrequest with the client's headers to /verify and let the request through on 200. The flavours
// differ only in where the question stands: in the query, or, for gateways that append the original
// path, in the path. The decision is the same one, verify's.
//
// This is the hot path of the whole product: it does without the kit of the other surfaces, parses each
// question once (a gateway asks the same few over and over), counts and does not log good answers, and
// logs a sample of refusals. It fails closed: what can't be read, named twice or left out is refused.
//
// What is presented is a personal access token, an access token, an app's client secret, or a legacy token,
// which alone is answered with a warning. The statuses are the four that gateways know, 200, 401, 403 and
// 429, and 503 when nothing can be said; answers tell nothing about why a credential is not good.
package gateway

import (
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
	"github.com/keywright/keywright/internal/web"
)

// Path is where gateways ask; Path + "/" is the form with the question in the path.
const Path = "/verify"

// Config is what a Gateway works with. Checks and Address are required.
type Config struct {
	Checks *verify.Checker
	// Address returns the client's address, and whether it is a trusted proxy's own.
	Address    func(*http.Request) (client netip.Addr, proxy bool)
	PublicURL  *url.URL              // where the pages are; nil names no page to who uses a legacy token
	Realm      string                // of challenges; "" is Keywright
	Log        *slog.Logger          // nil discards
	Registerer prometheus.Registerer // nil keeps no metrics
}

// Gateway is the http.Handler of /verify and all below it. It must be asked before any router that cleans
// paths: the path behind the question is the client's and may be anything.
type Gateway struct {
	checks  *verify.Checker
	address func(*http.Request) (netip.Addr, bool)
	realm   string
	pages   string // address of all workspaces' pages; "" is not known
	log     *slog.Logger
	counts  counts
	sample  web.Sample

	mu        sync.Mutex
	questions atomic.Pointer[map[string]*question]
}

// question is what a gateway wants to know, parsed.
type question struct {
	ask      verify.Ask // without the address
	basic    bool       // challenge with Basic, for clients that know nothing else
	no429    bool       // answer 401 where 429 is due: nginx turns other statuses into 500
	unusable string     // why it can't be answered; "" when it can
}

// maxQuestions bounds how many parsed questions are kept: far more than gateways have, far fewer than a
// stranger who invents some could fill the memory with.
const maxQuestions = 4096

// New returns a Gateway.
func New(c Config) *Gateway {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Realm == "" {
		c.Realm = "Keywright"
	}
	g := &Gateway{checks: c.Checks, address: c.Address, realm: web.Quoted(c.Realm), log: c.Log, counts: newCounts(c.Registerer)}
	if c.PublicURL != nil {
		g.pages = c.PublicURL.JoinPath("workspaces").String() + "/"
	}
	g.questions.Store(&map[string]*question{})
	return g
}

// ServeHTTP answers any method: the subrequest carries the client's.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := g.question(r)
	if q.unusable != "" {
		g.refuse(w, r, q, refusal{status: http.StatusUnauthorized, code: "invalid_request", detail: q.unusable})
		return
	}
	presented, problem := web.Credential(r)
	if presented == "" {
		no := refusal{status: http.StatusUnauthorized, detail: "No credential was sent. Send a token as Bearer, or as the password of Basic."}
		if problem != "" {
			no.code, no.detail = "invalid_request", problem
		}
		g.refuse(w, r, q, no)
		return
	}
	ask := q.ask
	ask.Address, ask.Exempt = g.address(r)
	d, err := g.checks.Check(r.Context(), presented, ask)
	if err != nil {
		g.refuse(w, r, q, g.refusalOf(r, q, &d, err))
		return
	}
	g.counts.ok.Inc()
	accept(w.Header(), &d)
	if deprecated, stops, ok := d.Sunset(); ok {
		web.WarnLegacy(w.Header(), g.pages, d.Workspace(), deprecated, stops)
	}
	w.WriteHeader(http.StatusOK)
}

// accept says who it is. The texts share one string and the values one slice, which is all that a good
// check allocates here; seven headers still fit a map that need not grow.
func accept(h http.Header, d *verify.Decision) {
	b := d.AppendOwnerID(make([]byte, 0, 96))
	owner := len(b)
	b = d.AppendTokenID(b)
	id := len(b)
	if at := d.ExpiresAt(); at.IsZero() {
		b = append(b, "never"...)
	} else {
		b = at.AppendFormat(b, time.RFC3339)
	}
	s := string(b)
	v := [...]string{s[:owner], d.Workspace(), d.ScopesText(), s[owner:id], string(d.Kind()), s[id:], "no-store"}
	for i, name := range [...]string{
		"X-Keywright-Subject", "X-Keywright-Workspace", "X-Keywright-Scopes", "X-Keywright-Token-Id", "X-Keywright-Kind", "X-Keywright-Expires",
		"Cache-Control",
	} {
		h[name] = v[i : i+1 : i+1]
	}
}

// question parses what is asked, once for each form of it.
func (g *Gateway) question(r *http.Request) *question {
	key, parse := r.URL.RawQuery, parseQuery
	if len(r.URL.Path) > len(Path) {
		key, parse = inPath(r.URL.EscapedPath()), parsePath
	} else if strings.HasPrefix(key, "/") {
		return &question{unusable: notParameters} // it would be taken for the other form
	}
	if q, ok := (*g.questions.Load())[key]; ok {
		return q
	}
	q := parse(key)
	if q.unusable == "" {
		g.remember(key, &q)
	}
	return &q
}

// remember copies the map: readers never wait.
func (g *Gateway) remember(key string, q *question) {
	g.mu.Lock()
	defer g.mu.Unlock()
	old := *g.questions.Load()
	if len(old) >= maxQuestions || len(key) > 1024 {
		return
	}
	next := make(map[string]*question, len(old)+1)
	maps.Copy(next, old)
	next[strings.Clone(key)] = q
	g.questions.Store(&next)
}

// inPath returns "/{ws}/{scopes}" of /verify/{ws}/{scopes}[/anything].
func inPath(path string) string {
	rest := path[len(Path):]
	slashes := 0
	for i := range len(rest) {
		if rest[i] == '/' {
			if slashes++; slashes == 3 {
				return rest[:i]
			}
		}
	}
	return rest
}

func parsePath(s string) question {
	parts := strings.Split(s, "/") // "", ws, scopes
	if len(parts) != 3 || parts[0] != "" || parts[1] == "" || parts[2] == "" {
		return question{unusable: "Ask for /verify/{workspace}/{scopes joined by +, or -}."}
	}
	ws, err := url.PathUnescape(parts[1])
	if err != nil {
		return question{unusable: "The workspace in the path can't be read."}
	}
	q := question{ask: verify.Ask{Workspace: ws}}
	if parts[2] == "-" {
		return q
	}
	for part := range strings.SplitSeq(parts[2], "+") {
		scope, err := url.PathUnescape(part)
		if err != nil || !token.ScopeSyntax(scope) {
			return question{unusable: "The scopes in the path can't be read. Join them by +, or write -."}
		}
		q.ask.Scopes = append(q.ask.Scopes, scope)
	}
	return q
}

const notParameters = "The query knows workspace, scope, audience, challenge=basic and throttle=401. A credential never belongs there: send it in the Authorization header."

func parseQuery(raw string) question {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return question{unusable: "The query can't be read."}
	}
	var q question
	for name, v := range values {
		if len(v) > 1 {
			return question{unusable: "A parameter stands in the query twice."}
		}
		switch {
		case name == "workspace":
			q.ask.Workspace = v[0]
		case name == "scope":
			if q.ask.Scopes, err = token.ParseScopes(v[0]); err != nil {
				return question{unusable: "The parameter scope holds no scope names."}
			}
		case name == "audience" && v[0] != "":
			q.ask.Audience = v[0]
		case name == "challenge" && v[0] == "basic":
			q.basic = true
		case name == "challenge" && v[0] == "bearer":
		case name == "throttle" && v[0] == "401":
			q.no429 = true
		default:
			// RFC 6750 section 2.3 lets a token stand in the query; it would end up in logs, so it is refused.
			return question{unusable: notParameters}
		}
	}
	if q.ask.Workspace == "" {
		return question{unusable: "Say which workspace: /verify?workspace=…"}
	}
	return q
}

type refusal struct {
	status     int
	code       string // RFC 6750 section 3.1; "" when nothing was presented
	detail     string
	missing    token.Scopes
	retryAfter int // seconds
}

func (g *Gateway) refusalOf(r *http.Request, q *question, d *verify.Decision, err error) refusal {
	var f *fault.Error
	if !errors.As(err, &f) {
		f = fault.From(err)
	}
	no := refusal{status: http.StatusUnauthorized, code: "invalid_token", detail: f.Detail, retryAfter: int((f.RetryAfter + time.Second - 1) / time.Second)}
	switch f.Kind {
	case fault.Unauthenticated:
	case fault.Forbidden:
		no.status, no.code = http.StatusForbidden, "insufficient_scope"
		no.missing = d.Scopes().Missing(q.ask.Scopes)
		no.detail = "The token lacks a scope: " + no.missing.String() + "."
	case fault.Throttled:
		if !q.no429 {
			no.status = http.StatusTooManyRequests
		}
	default:
		no.status, no.code = http.StatusServiceUnavailable, "temporarily_unavailable"
		no.retryAfter = max(no.retryAfter, 1)
		g.log.ErrorContext(r.Context(), "check failed", slog.Any("error", err))
	}
	return no
}

func (g *Gateway) refuse(w http.ResponseWriter, r *http.Request, q *question, no refusal) {
	g.counts.refused(no.status)
	g.logSample(r, no)
	h := w.Header()
	h["Cache-Control"] = []string{"no-store"}
	h["Content-Type"] = []string{"application/problem+json"}
	if no.status == http.StatusUnauthorized || no.status == http.StatusForbidden {
		h["Www-Authenticate"] = []string{g.challenge(q, no)}
	}
	if no.retryAfter > 0 {
		h["Retry-After"] = []string{strconv.Itoa(no.retryAfter)}
	}
	body, err := problem(no)
	if err != nil {
		g.log.ErrorContext(r.Context(), "refusal", slog.Any("error", err))
	}
	w.WriteHeader(no.status)
	_, _ = w.Write(body)
}

// challenge is the WWW-Authenticate header (RFC 9110 section 11.6.1), always one.
func (g *Gateway) challenge(q *question, no refusal) string {
	if q.basic && no.status == http.StatusUnauthorized {
		return `Basic realm="` + g.realm + `", charset="UTF-8"`
	}
	s := `Bearer realm="` + g.realm + `"`
	if no.code != "" {
		// RFC 6750 section 3.1: no error code when no credential was presented.
		s += `, error="` + no.code + `"`
	}
	if len(no.missing) > 0 {
		s += `, scope="` + no.missing.String() + `"`
	}
	return s
}

// problem is the body, which Traefik, Caddy and Envoy pass on to the client (RFC 9457 section 3).
func problem(no refusal) ([]byte, error) {
	code := no.code
	if code == "" {
		code = "credential_required"
	}
	return json.Marshal(map[string]any{"type": "about:blank", "title": http.StatusText(no.status), "status": no.status, "code": code, "detail": no.detail})
}

// logSample logs at most one refusal a second.
func (g *Gateway) logSample(r *http.Request, no refusal) {
	if !g.sample.Due(time.Now()) {
		return
	}
	client, _ := g.address(r)
	g.log.InfoContext(r.Context(), "refused (a sample)", slog.Int("status", no.status), slog.String("code", no.code), slog.String("address", client.String()))
}

// counts are the metrics, resolved once: finding a labelled counter costs more than a check.
type counts struct {
	ok     prometheus.Counter
	others map[int]prometheus.Counter
}

func newCounts(reg prometheus.Registerer) counts {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "keywright_checks_total", Help: "Checks by the status that was answered."}, []string{"status"})
	if reg != nil {
		reg.MustRegister(vec)
	}
	c := counts{ok: vec.WithLabelValues("200"), others: map[int]prometheus.Counter{}}
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		c.others[status] = vec.WithLabelValues(strconv.Itoa(status))
	}
	return c
}

func (c counts) refused(status int) {
	if n, ok := c.others[status]; ok {
		n.Inc()
	}
}

// Matches reports whether a request is for the gateway.
func Matches(r *http.Request) bool {
	p := r.URL.Path
	return strings.HasPrefix(p, Path) && (len(p) == len(Path) || p[len(Path)] == '/')
}
