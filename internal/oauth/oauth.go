// Package oauth is the token endpoint and its friends: /oauth2/token (RFC 6749), /oauth2/introspect (RFC
// 7662) and /oauth2/revoke (RFC 7009), and what is public of each workspace as an issuer: its metadata (RFC
// 8414), its keys, and the metadata of what its tokens open (RFC 9728).
//
// It reads requests and writes answers; whether a client is who it says, what a grant is worth and what a
// token says are authority's. The endpoints are asked by programs, many times a second: they do without the
// kit of pages and REST, read the form into a struct, count and do not log what goes well, and log a sample
// of what is refused. The documents are asked seldom, and use the kit.
//
// The threat is a request that two readers understand differently, and an answer that says too much. So a
// parameter that stands twice, a query string, two ways of authentication, another encoding and another
// method are refused before anything is looked up; an answer repeats nothing of the request, says the same of
// everything that does not exist, and is stored nowhere. No cookie counts here: what another site makes a
// browser post has no more rights than what anybody posts, and no other site can read the answer.
package oauth

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
	"github.com/keywright/keywright/internal/web"
)

// Where the endpoints are.
const (
	TokenPath      = "/oauth2/token"
	IntrospectPath = "/oauth2/introspect"
	RevokePath     = "/oauth2/revoke"
)

// Config is what a Service works with. Kit, Authority and Checks are required.
type Config struct {
	Kit        *web.Kit
	Authority  *authority.Authority
	Checks     *verify.Checker       // of access tokens that ask for introspection
	Log        *slog.Logger          // nil discards
	Registerer prometheus.Registerer // nil keeps no metrics
}

// Service is the http.Handler of everything that Matches. It must be asked before any router that cleans
// paths.
type Service struct {
	kit       *web.Kit
	authority *authority.Authority
	checks    *verify.Checker
	log       *slog.Logger
	sample    web.Sample
	bodies    sync.Pool // of *[]byte

	endpoints map[string]*endpoint // by path
	documents http.Handler
	audiences map[string][]string // by path: what a client's assertion may name there
}

// endpoint is one of the three.
type endpoint struct {
	name   string
	answer func(*call) (result string, err error)
	counts *prometheus.CounterVec
	good   map[string]prometheus.Counter // resolved once: finding a labelled counter costs
}

// New returns a Service.
func New(c Config) *Service {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{
		kit: c.Kit, authority: c.Authority, checks: c.Checks, log: c.Log,
		endpoints: map[string]*endpoint{}, audiences: map[string][]string{},
	}
	s.bodies.New = func() any { b := make([]byte, 0, 1024); return &b }
	counts := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "keywright_oauth_requests_total", Help: "Requests to the OAuth endpoints, by what was done or why it was refused.",
	}, []string{"endpoint", "result"})
	if c.Registerer != nil {
		c.Registerer.MustRegister(counts)
	}
	add := func(path, name string, answer func(*call) (string, error), results ...string) {
		e := &endpoint{name: name, answer: answer, counts: counts, good: map[string]prometheus.Counter{}}
		for _, r := range results {
			e.good[r] = counts.WithLabelValues(name, r)
		}
		s.endpoints[path] = e
		s.audiences[path] = []string{c.Kit.URL(TokenPath), c.Kit.URL(path)}
	}
	add(TokenPath, "token", s.token, grantClient, grantRefresh, grantExchange)
	add(IntrospectPath, "introspect", s.introspect, "active", "inactive")
	add(RevokePath, "revoke", s.revoke, "revoked")
	s.documents = c.Kit.Handle("oauth", s.renderDocument, s.document)
	return s
}

// Matches reports whether a request is for a Service.
func Matches(r *http.Request) bool {
	p := r.URL.Path
	_, resource := web.ResourceAt(p)
	return resource || strings.HasPrefix(p, "/oauth2/") || strings.HasPrefix(p, issuersPath) || strings.HasPrefix(p, metadataPath)
}

// ServeHTTP answers.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if e, ok := s.endpoints[r.URL.Path]; ok {
		s.serve(w, r, e)
		return
	}
	s.documents.ServeHTTP(w, r)
}

// call is one request to an endpoint.
type call struct {
	w    http.ResponseWriter
	r    *http.Request
	form form
	id   string // given when somebody needs it
}

// requestID names the request in the audit log and the server's.
func (c *call) requestID() string {
	if c.id == "" {
		c.id = token.NewID("req", time.Now())
	}
	return c.id
}

// origin is where the request came from, with its id: for what is audited.
func (s *Service) origin(c *call) token.Origin {
	from := s.caller(c)
	from.RequestID = c.requestID()
	return from
}

// caller is origin without an id: for what leaves no trace.
func (s *Service) caller(c *call) token.Origin {
	return s.kit.Origin(c.r)
}

func (s *Service) serve(w http.ResponseWriter, r *http.Request, e *endpoint) {
	c := call{w: w, r: r}
	result, err := s.guarded(&c, e)
	if err == nil {
		e.good[result].Inc()
		return
	}
	s.refuse(&c, e, err)
}

// guarded turns a panic into an internal fault: nothing is written before an endpoint's last step.
func (s *Service) guarded(c *call, e *endpoint) (result string, err error) {
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler { //nolint:errorlint // net/http compares it like this, too
				panic(p)
			}
			err = fault.Wrap(fmt.Errorf("panic: %v\n%s", p, debug.Stack()), "oauth")
		}
	}()
	if err := s.read(c); err != nil {
		return "", err
	}
	return e.answer(c)
}
