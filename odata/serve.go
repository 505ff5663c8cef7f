package odata

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
	"github.com/keywright/keywright/odata/uri"
)

// exchange is one request and its answer.
type exchange struct {
	*answer
	ctx     context.Context
	access  Access
	path    string // below the root, as sent, without the slash in front
	query   string // as sent
	prefer  preferences
	page    int // rows of a page, as preferred now or with the first page; 0 is no preference
	format  format
	request *uri.Request
	bound   *query.Bound
	reader  query.Reader
}

// Serve answers a request whose path is relative to the service's root: "" or "/" is the service document.
// It sets every header but those about who is asking. It panics with http.ErrAbortHandler to break an answer off.
func (s *Service) Serve(w http.ResponseWriter, r *http.Request, a Access) {
	if !strings.HasSuffix(a.Root, "/") {
		a.Root += "/"
	}
	ctx, stop := context.WithTimeout(r.Context(), s.options.Timeout)
	defer stop()
	x := &exchange{
		answer: s.newAnswer(w, r), ctx: ctx, access: a,
		path: strings.ReplaceAll(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "%24", "$"), query: r.URL.RawQuery,
	}
	x.until, _ = ctx.Deadline()
	defer x.release()
	err := x.serve()
	if err == nil {
		err = x.finish()
	}
	x.settle(err)
}

// settle turns an error into an answer, or into the end of one that has begun.
func (x *exchange) settle(err error) {
	if err == nil || errors.Is(err, errEnough) {
		return
	}
	f := failed(err)
	gone := errors.Is(err, errGone) || x.ctx.Err() != nil && !errors.Is(x.ctx.Err(), context.DeadlineExceeded)
	if f.cause != nil && !gone {
		x.service.options.Log.ErrorContext(x.ctx, "odata: a request failed",
			slog.String("method", x.r.Method), slog.String("path", x.path), slog.Int("status", f.status), slog.Bool("begun", x.begun), slog.Any("error", f.cause))
	}
	if x.begun || gone {
		panic(http.ErrAbortHandler) // half an answer must not look whole
	}
	writeError(x.w, f)
}

func (x *exchange) serve() error {
	if err := x.method(); err != nil || x.status == http.StatusNoContent {
		return err
	}
	if err := checkVersions(x.r.Header); err != nil {
		return err
	}
	x.prefer = readPreferences(x.r.Header)
	if x.path == "$batch" {
		return x.batch()
	}
	var err error
	if x.request, err = uri.Parse(x.path, x.query, x.service.options.Limits); err != nil {
		return err
	}
	if x.bound, err = query.Bind(x.service.model, x.request, query.Options{Now: x.service.options.Now(), Root: x.access.Root, Limits: x.service.options.Limits}); err != nil {
		return err
	}
	if x.format, err = negotiate(x.r.Header, x.bound.Format, x.resource()); err != nil {
		return err
	}
	switch x.bound.Ask {
	case query.ServiceDocument:
		return x.serviceDocument()
	case query.Metadata:
		return x.document()
	case query.Batch:
		return x.batch()
	case query.Collection, query.Entity, query.Value, query.RawValue, query.Size:
	default:
		return fmt.Errorf("odata: nothing answers %d", x.bound.Ask)
	}
	return x.rows()
}

// method lets pass what may be read, and answers OPTIONS. It makes a GET of POST …/$query, whose body is the query.
func (x *exchange) method() error {
	allow, post := "GET, HEAD, OPTIONS", false
	collection, queried := strings.CutSuffix(x.path, "/$query")
	switch {
	case x.path == "$batch":
		allow, post = "POST, OPTIONS", true
	case queried:
		allow, post = "POST, OPTIONS", true
	}
	switch x.r.Method {
	case http.MethodOptions:
		x.w.Header().Set("Allow", allow)
		x.status = http.StatusNoContent
		return nil
	case http.MethodGet, http.MethodHead:
		if !post {
			return nil
		}
	case http.MethodPost:
		if !post {
			break
		}
		if !queried {
			return nil
		}
		return x.queryBody(collection)
	}
	f := refuse(http.StatusMethodNotAllowed, "method_not_allowed", "This service is read-only, and "+x.r.Method+" is not how this is read. Allowed: "+allow+".")
	f.header = http.Header{"Allow": {allow}}
	return f
}

// queryBody reads the options of a query from a body of type text/plain, for those that are too long for a URL.
func (x *exchange) queryBody(path string) error {
	if t, _, _ := strings.Cut(x.r.Header.Get("Content-Type"), ";"); strings.TrimSpace(t) != "text/plain" {
		return refuse(http.StatusUnsupportedMediaType, "unsupported_media_type", "The body of a $query is text/plain.")
	}
	body, err := x.readBody()
	if err != nil {
		return err
	}
	if x.query != "" && len(body) > 0 {
		x.query += "&"
	}
	x.path, x.query, x.tag = path, x.query+string(body), false
	return nil
}

// bodyLimit bounds the bodies of $batch and $query.
const bodyLimit = 1 << 20

func (x *exchange) readBody() ([]byte, error) {
	if x.r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, bodyLimit))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, refuse(http.StatusRequestEntityTooLarge, "body_too_large", fmt.Sprintf("A body has at most %d bytes.", bodyLimit))
	case err != nil:
		return nil, refuse(http.StatusBadRequest, "invalid_body", "The body could not be read.")
	}
	return body, nil
}

func (x *exchange) resource() resource {
	switch x.bound.Ask {
	case query.Metadata:
		return metadata
	case query.RawValue, query.Size:
		return text
	default:
		return data
	}
}

// rows answers everything that a source is read for.
func (x *exchange) rows() error {
	if err := checkExpands(x.bound.Query); err != nil {
		return err
	}
	ctx, b := x.ctx, x.bound
	if !b.Count && b.Query.Of == nil && len(b.Query.Expand) == 0 {
		ctx = query.Single(ctx)
	}
	reader, err := x.access.Source.Open(ctx)
	if err != nil {
		return ofSource(err)
	}
	defer func() { _ = reader.Close() }() // nothing was written that could be lost
	x.reader = reader
	switch x.bound.Ask {
	case query.Size:
		return x.size()
	case query.Collection:
		return x.collection()
	case query.Entity:
		return x.entity()
	default:
		return x.value()
	}
}

// serviceDocument lists the entity sets.
func (x *exchange) serviceDocument() error {
	x.w.Header().Set("Content-Type", x.format.contentType())
	x.fixed = true
	b := append(x.body, '{')
	if x.format.level != none {
		b = append(b, `"@odata.context":`...)
		b = edm.AppendString(b, x.access.Root+"$metadata")
		b = append(b, ',')
	}
	b = append(b, `"value":[`...)
	for i, set := range x.service.model.Sets {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"name":`...)
		b = edm.AppendString(b, set.Name)
		if set.Title != "" {
			b = append(b, `,"title":`...)
			b = edm.AppendString(b, set.Title)
		}
		b = append(b, `,"kind":"EntitySet","url":`...)
		b = edm.AppendString(b, string(appendEscaped(nil, set.Name, "")))
		b = append(b, '}')
	}
	x.body = append(b, `]}`...)
	return nil
}

// document is $metadata.
func (x *exchange) document() error {
	f := x.format
	t := "application/json"
	x.fixed = true
	if f.xml {
		t = "application/xml"
		x.body = append(x.body, x.service.xml...)
	} else {
		x.body = append(x.body, x.service.json...)
	}
	if f.charset {
		t += ";charset=utf-8"
	}
	x.w.Header().Set("Content-Type", t)
	return nil
}
