package rest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/web"
)

// op describes one operation.
type op struct {
	id      string
	method  string
	path    string // below Prefix
	tag     string
	summary string
	who     string     // who may call it, and what it does
	codes   []api.Code // refusals of its own; those of every operation are added
	status  int        // of success; 0 is 200, or 204 where there is nothing to say
	ids     string     // the kind of id that {id} is
	public  bool       // needs no identity
}

// Keys of huma.Operation.Metadata.
const (
	metaIDs    = "ids"
	metaPublic = "public"
	metaCodes  = "codes"
)

// answer registers an operation that answers with a T.
func answer[I, T any](s *Service, o op, fn func(ctx context.Context, by token.Identity, in *I) (T, error)) {
	type out struct{ Body T }
	huma.Register(s.api, o.operation(), func(ctx context.Context, in *I) (*out, error) {
		c := callOf(ctx)
		body, err := fn(ctx, c.by, in)
		c.err = err // huma writes nothing then: the call keeps it from it
		return &out{body}, nil
	})
}

// act registers an operation that has nothing to say but that it is done: 204.
func act[I any](s *Service, o op, fn func(ctx context.Context, by token.Identity, in *I) error) {
	o.status = http.StatusNoContent
	huma.Register(s.api, o.operation(), func(ctx context.Context, in *I) (*struct{}, error) {
		c := callOf(ctx)
		c.err = fn(ctx, c.by, in)
		return nil, nil
	})
}

func (o op) operation() huma.Operation {
	return huma.Operation{
		OperationID: o.id, Method: o.method, Path: Prefix + o.path, Tags: []string{o.tag},
		Summary: o.summary, Description: o.who, DefaultStatus: o.status,
		Metadata:  map[string]any{metaIDs: o.ids, metaPublic: o.public, metaCodes: o.codes},
		Responses: o.refusals(),
	}
}

// adapter lets huma put its operations into the Service's mux.
type adapter struct{ s *Service }

// Handle implements huma.Adapter.
func (a adapter) Handle(o *huma.Operation, handler func(huma.Context)) {
	rt := &route{s: a.s, op: o, handler: handler}
	rt.ids, _ = o.Metadata[metaIDs].(string) // operation has put them there
	rt.public, _ = o.Metadata[metaPublic].(bool)
	a.s.mux.Handle(o.Method+" "+o.Path, answerer(rt.answer))
}

// ServeHTTP implements huma.Adapter.
func (a adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.s.ServeHTTP(w, r) }

// route is one operation at its address.
type route struct {
	s       *Service
	op      *huma.Operation
	handler func(huma.Context)
	ids     string
	public  bool
}

// answer is what every operation needs, before huma decodes the request and calls its function.
func (rt *route) answer(w http.ResponseWriter, r *http.Request) error {
	var by token.Identity
	if !rt.public {
		var err error
		if by, err = rt.s.identify(r); err != nil {
			return err
		}
	}
	if err := rt.checkQuery(r); err != nil {
		return err
	}
	body, err := web.Body(w, r)
	if err != nil {
		return err
	}
	if holdsEscapedNUL(body) {
		return web.CheckText("\x00")
	}
	if content := rt.content(); content != nil {
		if err := checkNames(rt.s.api.OpenAPI().Components.Schemas, content.Schema, body); err != nil {
			return err
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	rt.maskIDs(r)
	c := &call{inner: humago.NewContext(rt.op, r, w), w: w, r: r, by: by}
	rt.handler(c)
	return c.err
}

// content is what the operation's body is; nil where it has none.
func (rt *route) content() *huma.MediaType {
	if rt.op.RequestBody == nil {
		return nil
	}
	return rt.op.RequestBody.Content["application/json"]
}

// identify returns who is asking. A token must hold one of the scopes that open this API.
func (s *Service) identify(r *http.Request) (token.Identity, error) {
	by, err := s.kit.Identity(r)
	if err == nil && by.Bearer != nil && !slices.Contains(by.Bearer.Scopes, token.ScopeManage) && !slices.Contains(by.Bearer.Scopes, token.ScopeAdmin) {
		return by, fault.New(fault.Forbidden, api.CodeScopeMissing, "This token can't manage credentials: it needs the scope keywright:manage.")
	}
	return by, err
}

// checkQuery refuses unknown and repeated parameters: what is sent is meant, and must not be ignored.
func (rt *route) checkQuery(r *http.Request) error {
	query, err := web.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	for name, values := range query {
		known := slices.ContainsFunc(rt.op.Parameters, func(p *huma.Param) bool { return p.In == "query" && p.Name == name })
		if !known {
			return fault.New(fault.BadRequest, api.CodeBadRequest, "This address does not take this query parameter. See the documentation for those it takes.")
		}
		if len(values) > 1 {
			return fault.New(fault.BadRequest, api.CodeBadRequest, "Send each query parameter once.")
		}
	}
	return nil
}

// maskIDs replaces ids in the path that can't exist by ids that don't: the same work, the same answer.
func (rt *route) maskIDs(r *http.Request) {
	if ws := r.PathValue("ws"); ws != "" {
		if _, problem := token.CleanSlug(ws); problem != "" {
			r.SetPathValue("ws", maskID(token.WorkspaceID, ws))
		}
	}
	if app := r.PathValue("client_id"); app != "" {
		r.SetPathValue("client_id", maskID(token.AppID, app))
	}
	if rt.ids != "" {
		r.SetPathValue("id", maskID(rt.ids, r.PathValue("id")))
	}
}

func maskID(prefix, id string) string {
	if _, ok := token.ParseID(prefix, id); ok {
		return id
	}
	return string(token.AppendID(nil, prefix, [16]byte{}))
}

// holdsEscapedNUL finds \u0000 in JSON, which decodes to what web.Body refuses in clear.
func holdsEscapedNUL(body []byte) bool {
	for rest := body; ; {
		i := bytes.Index(rest, []byte(`\u0000`))
		if i < 0 {
			return false
		}
		slashes := 1
		for i-slashes >= 0 && rest[i-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 1 { // else the backslash is escaped itself
			return true
		}
		rest = rest[i+1:]
	}
}

// inner is named so that call can have a method Context.
type inner = huma.Context

// call is one request on its way through huma. Once it has failed nothing that huma writes is sent: its
// error is rendered by the kit instead.
type call struct {
	inner
	w   http.ResponseWriter
	r   *http.Request
	by  token.Identity
	err error
}

type callKey struct{}

func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call) // route.answer has put it there
	return c
}

// Context implements huma.Context.
func (c *call) Context() context.Context { return context.WithValue(c.r.Context(), callKey{}, c) }

// SetStatus implements huma.Context.
func (c *call) SetStatus(status int) {
	if c.err == nil {
		c.inner.SetStatus(status)
	}
}

// BodyWriter implements huma.Context.
func (c *call) BodyWriter() io.Writer {
	if c.err != nil {
		return io.Discard
	}
	return c.inner.BodyWriter()
}

// SetReadDeadline implements huma.Context: the body is read already.
func (c *call) SetReadDeadline(time.Time) error { return nil }
