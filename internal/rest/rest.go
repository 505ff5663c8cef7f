// Package rest is the REST API under /api/v1/.
//
// The types of an operation are its specification: huma decodes, validates and describes requests by
// them, so that what the OpenAPI document says is what happens. An operation is one function from a caller
// and an input to an answer or an error; it calls authority and turns rows into wire types, and decides
// nothing. What every operation needs happens in one place, route.answer, before huma sees the request:
// who is asking, that the query and the body are text and of a bounded size, that no parameter is unknown
// or repeated, that ids have the form of ids.
//
// Errors leave one way. An operation's error, and what huma finds wrong with a request, are caught in the
// call that huma works on (never by huma's package variables, which are everybody's) and returned to
// web.Kit, which renders all of them as application/problem+json.
//
// The threat is a caller who learns what is none of theirs. An id that is foreign, unknown or malformed
// is looked up all the same, under an id that nothing has, so that the answers can't be told apart.
package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/publish"
	"github.com/keywright/keywright/internal/web"
)

// Prefix is where the API begins.
const Prefix = "/api/v1"

// Service is the API, an http.Handler to be mounted at Prefix + "/".
type Service struct {
	http.Handler
	kit       *web.Kit
	authority *authority.Authority
	feeds     *publish.Feeds
	mux       *http.ServeMux
	api       huma.API
	document  []byte // the OpenAPI document
	page      []byte // the same, for people
}

// New returns the API; version is the program's. Without feeds, their list is empty.
func New(kit *web.Kit, a *authority.Authority, feeds *publish.Feeds, version string) (*Service, error) {
	s := &Service{kit: kit, authority: a, feeds: feeds, mux: http.NewServeMux()}
	s.api = huma.NewAPI(config(version, kit.URL("/")), adapter{s})
	s.addSession()
	s.addWorkspaces()
	s.addMembers()
	s.addRules()
	s.addTokens()
	s.addApps()
	s.addOAuthTokens()
	s.addLegacy()
	s.addFeeds()
	s.addOversight()
	s.addOverview()
	if err := s.describe(); err != nil {
		return nil, err
	}
	s.Handler = kit.Handle("rest", kit.Problem, s.serve)
	return s, nil
}

// serve finds the route of a request. What the mux would answer itself, as text or by a redirect, is
// answered as a problem.
func (s *Service) serve(w http.ResponseWriter, r *http.Request) error {
	h, pattern := s.mux.Handler(r)
	if _, ours := h.(answerer); !ours {
		return s.noRoute(w, r, h)
	}
	r.Pattern = pattern // for the log and the metrics
	var x exchange
	s.mux.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), exchangeKey{}, &x)))
	return x.err
}

// exchange carries a route's error past the mux.
type exchange struct{ err error }

type exchangeKey struct{}

// answerer is a route of ours: a web.Func that a mux can hold.
type answerer web.Func

func (h answerer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x, _ := r.Context().Value(exchangeKey{}).(*exchange) // serve has put it there
	x.err = h(w, r)
}

// noRoute tells an unknown path from a wrong method, which the mux answers with 405 and Allow
// (RFC 9110 section 15.5.6).
func (s *Service) noRoute(w http.ResponseWriter, r *http.Request, h http.Handler) error {
	var said headersOnly
	h.ServeHTTP(&said, r)
	if said.status != http.StatusMethodNotAllowed {
		return fault.Missing()
	}
	w.Header().Set("Allow", said.Header().Get("Allow"))
	return fault.New(fault.BadRequest, api.CodeMethodNotAllowed, "This address does not take this method. The header Allow says which it takes.")
}

// headersOnly is a ResponseWriter that remembers how an answer would begin.
type headersOnly struct {
	header http.Header
	status int
}

func (w *headersOnly) Header() http.Header {
	if w.header == nil {
		w.header = http.Header{}
	}
	return w.header
}
func (w *headersOnly) WriteHeader(status int)      { w.status = status }
func (w *headersOnly) Write(b []byte) (int, error) { return len(b), nil }
