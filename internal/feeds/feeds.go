// Package feeds is the surface at /odata/: it reads the credential of a request, has it checked for the feed's scope, and
// gives the request to the feed's OData service with the rows that its caller may see.
//
// Tools that read feeds understand one challenge only, Basic, and take every other answer than an OData error for a broken
// feed. They open the dialog for credentials at a 403 as well, so that one says in words what is missing. A token in
// the query string is refused: it would be kept in files and logs.
//
// Who has no good credential gets the same answer for every address, so that nobody learns which workspaces and feeds there
// are. Query strings, keys in paths and credentials are in no log.
package feeds

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/publish"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
	"github.com/keywright/keywright/internal/web"
	"github.com/keywright/keywright/odata"
	"github.com/keywright/keywright/odata/query"
)

// Path is where feeds are.
const Path = "/odata/"

// Config is what a Surface works with. Kit, Checks and Feeds are required.
type Config struct {
	Kit        *web.Kit
	Checks     *verify.Checker
	Feeds      *publish.Feeds
	Registerer prometheus.Registerer // nil keeps no metrics
}

// Surface is the http.Handler of all that Matches. It must be asked before any router that cleans paths: a key may
// hold slashes.
type Surface struct {
	kit     *web.Kit
	checks  *verify.Checker
	feeds   *publish.Feeds
	metrics *metrics
	handler http.Handler
}

// New returns a Surface.
func New(c Config) *Surface {
	s := &Surface{kit: c.Kit, checks: c.Checks, feeds: c.Feeds, metrics: newMetrics(c.Registerer)}
	s.handler = c.Kit.Handle("odata", s.render, s.serve)
	return s
}

// Matches reports whether a request is for a feed.
func Matches(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, Path) }

func (s *Surface) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// address is what a path means: /odata/{ws}/{feed}{rest}. Rest is as it was sent.
type address struct {
	workspace, feed, rest string
}

func addressOf(u *url.URL) address {
	parts := strings.SplitN(strings.TrimPrefix(u.EscapedPath(), Path), "/", 3)
	var a address
	var err error
	if a.workspace, err = url.PathUnescape(parts[0]); err != nil {
		return address{}
	}
	if len(parts) > 1 {
		if a.feed, err = url.PathUnescape(parts[1]); err != nil {
			return address{}
		}
	}
	if len(parts) > 2 {
		a.rest = "/" + parts[2]
	}
	return a
}

func (s *Surface) serve(w http.ResponseWriter, r *http.Request) error {
	r.Pattern = Path + "{ws}/{feed}/" // for the log and the metrics
	if s.holdsCredential(r.URL.RawQuery) {
		return fault.New(fault.BadRequest, api.CodeBadRequest, "A token stands in the address, where it is kept in files and logs. "+
			"Take it out, regenerate it, and send the new one in the Authorization header: as the password of Basic, or as Bearer.")
	}
	presented, problem := web.Credential(r)
	switch {
	case problem != "":
		return fault.New(fault.Unauthenticated, api.CodeInvalidToken, problem)
	case presented == "":
		return fault.New(fault.Unauthenticated, api.CodeSignInRequired, "Sign in with a token: as the password, with any user name.")
	}
	a := addressOf(r.URL)
	feed, found := s.feeds.Feed(a.workspace, a.feed)
	d, err := s.check(r, presented, a, feed)
	if d.WorkspaceID() != "" {
		s.note(r, &d)
	}
	if err != nil {
		return err
	}
	if deprecated, stops, ok := d.Sunset(); ok {
		web.WarnLegacy(w.Header(), s.kit.URL("workspaces")+"/", d.Workspace(), deprecated, stops)
	}
	if !found || d.Workspace() != a.workspace {
		return fault.Missing()
	}
	return s.answer(w, r, feed, a, &d)
}

// check asks whether the credential is good here, for the feed's scope if there is such a feed.
func (s *Surface) check(r *http.Request, presented string, a address, feed *publish.Feed) (verify.Decision, error) {
	ask := verify.Ask{Workspace: a.workspace, Audience: audience(presented, s.kit.URL(Path+a.workspace+"/"+a.feed))}
	if feed != nil {
		ask.Scopes = token.Scopes{feed.Scope}
	}
	ask.Address, ask.Exempt = s.kit.Client(r)
	d, err := s.checks.Check(r.Context(), presented, ask)
	if fault.CodeOf(err) == api.CodeScopeMissing {
		err = fault.New(fault.Forbidden, api.CodeScopeMissing, "The token lacks the scope "+d.Scopes().Missing(ask.Scopes).String()+
			". Use a token that has it, or ask an administrator of the workspace for it.")
	}
	return d, err
}

// audience is what an access token for this feed alone may name: its root, with the slash at its end or without. Which
// of the two is compared is the token's own word; whether it is true, the check says.
func audience(presented, root string) string {
	_, rest, _ := strings.Cut(presented, ".")
	payload, _, ok := strings.Cut(rest, ".")
	if !ok {
		return root
	}
	var claims struct {
		Audience string `json:"aud"`
	}
	text, err := base64.RawURLEncoding.DecodeString(payload)
	if err == nil && json.Unmarshal(text, &claims) == nil && claims.Audience == root+"/" {
		return root + "/"
	}
	return root
}

// holdsCredential reports whether a parameter of the query is one of our credentials. What the service itself knows, such
// as $filter, is not looked at.
func (s *Surface) holdsCredential(raw string) bool {
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "$") || strings.HasPrefix(name, "%24") || strings.HasPrefix(name, "@") {
			continue
		}
		if text, err := url.QueryUnescape(value); err == nil && s.checks.IsCredential(text) {
			return true
		}
	}
	return false
}

// note says in the request's log event who is asking.
func (s *Surface) note(r *http.Request, d *verify.Decision) {
	web.Identified(r, token.Identity{User: token.Person{ID: d.OwnerID()}, Bearer: &token.Bearer{TokenID: d.TokenID()}})
	web.Note(r, slog.String("workspace", d.Workspace()))
}

// answer lets the feed's service answer with the rows that the caller sees.
func (s *Surface) answer(w http.ResponseWriter, r *http.Request, feed *publish.Feed, a address, d *verify.Decision) error {
	began := time.Now()
	out := newWriter(w)
	state := feed.State()
	web.Note(r, slog.String("feed", feed.Name))
	var rows counter
	defer func() {
		s.metrics.observe(label(feed), out.status, rows.n, time.Since(began))
		web.Note(r, slog.Int64("rows", rows.n))
	}()
	if state.Service == nil {
		return unavailable()
	}
	source, err := feed.Rows(r.Context(), publish.Caller{ID: d.OwnerID(), IsApp: d.IsApp(), Scopes: d.Scopes()})
	if errors.Is(err, query.ErrUnavailable) {
		return unavailable()
	}
	if err != nil {
		return err
	}
	set, _, _ := strings.Cut(strings.TrimPrefix(a.rest, "/"), "/")
	if set, _, _ = strings.Cut(set, "("); state.Model.Set(set) != nil {
		web.Note(r, slog.String("set", set))
	}
	inner, err := below(r, a.rest)
	if err != nil {
		return err
	}
	// The kit's "no-store" goes: what is read may be kept by the client alone, to be asked for again before each use, so that a
	// 304 is possible. The service says so.
	out.Header().Del("Cache-Control")
	state.Service.Serve(out, inner, odata.Access{
		Source: rows.of(source),
		Caller: a.workspace + "/" + d.OwnerID(),
		Root:   s.kit.Base(r) + Path + a.workspace + "/" + feed.Name + "/",
	})
	return nil
}

// below is the request with a path relative to the feed's root, as it was sent.
func below(r *http.Request, rest string) (*http.Request, error) {
	path, err := url.PathUnescape(rest)
	if err != nil {
		return nil, fault.New(fault.BadRequest, api.CodeBadRequest, "The path can't be read.")
	}
	inner := r.WithContext(r.Context())
	u := *r.URL
	u.Path, u.RawPath = path, rest
	inner.URL = &u
	return inner, nil
}

func unavailable() error {
	f := fault.New(fault.Unavailable, api.CodeUnavailable, "This feed is not available now. It is tried again; administrators of the workspace see why.")
	f.RetryAfter = 30 * time.Second
	return f
}

// render writes a refusal as an OData error.
func (s *Surface) render(w http.ResponseWriter, _ *http.Request, f *fault.Error) {
	h := w.Header()
	web.RefusalHeaders(h, f)
	if f.Kind == fault.Unauthenticated {
		// One challenge, this one, whatever was sent: an empty Bearer is how some tools ask what there is.
		h.Set("WWW-Authenticate", `Basic realm="`+web.Quoted(s.kit.ProductName())+`", charset="UTF-8"`)
	}
	odata.Error(w, web.StatusOf(f), string(f.Code), f.Detail)
}

// counter counts the rows that a request reads.
type counter struct{ n int64 }

func (c *counter) of(s query.Source) query.Source { return counted{s, c} }

type counted struct {
	query.Source
	c *counter
}

// Open begins reading.
func (s counted) Open(ctx context.Context) (query.Reader, error) {
	r, err := s.Source.Open(ctx)
	if err != nil {
		return nil, err
	}
	return countedReader{r, s.c}, nil
}

type countedReader struct {
	query.Reader
	c *counter
}

// Rows begins to read.
func (r countedReader) Rows(ctx context.Context, q *query.Query) (query.Rows, error) {
	rows, err := r.Reader.Rows(ctx, q)
	if err != nil {
		return nil, err
	}
	return countedRows{rows, r.c}, nil
}

type countedRows struct {
	query.Rows
	c *counter
}

// Next counts.
func (r countedRows) Next() bool {
	more := r.Rows.Next()
	if more {
		r.c.n++
	}
	return more
}
