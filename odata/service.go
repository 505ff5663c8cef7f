// Package odata serves rows that are found at run time as a read-only OData 4.0 service: to Excel, Power BI,
// Tableau, SAP's tools, and every other client that reads feeds.
//
// A service is a model (package edm) and, for each request, a source of those rows that its caller may see (package
// query; sqldata for databases, memory for Go values). Everything else is here: negotiation, resource paths, every
// system query option, paging that gives each row exactly once, $batch, streamed JSON.
//
//	service, err := odata.New(model, odata.Options{})
//	…
//	http.Handle("/odata/", service.Handler(source, "https://data.example.com/odata/"))
//
// Who is asking is for the program around it to say: it checks a credential, and then calls Serve with the rows of that
// caller. Refusals of its own it writes with Error, so that tools show them instead of "not an OData feed".
//
// What a client sends can only be refused or answered. Text is parsed under limits (package uri), names are
// resolved against the model, and what reaches a database is parameters. A page's next link holds a token that is
// sealed for this caller and this query, and what comes back altered or from another is refused. An answer that fails
// after its first byte breaks off in the middle of its JSON, so that nobody takes half for all: Serve panics with
// http.ErrAbortHandler then, which a middleware that recovers from panics has to let pass.
//
// Answers say nothing of other origins: a service that browsers are to read from elsewhere needs CORS headers from the
// program around it, with OData-Version among Access-Control-Expose-Headers.
package odata

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
	"github.com/keywright/keywright/odata/uri"
)

// Options of a service. The zero value is good but for Key, without which next links don't outlive the process.
type Options struct {
	PageSize    int           // rows of a page; 0 is 5,000
	MaxPageSize int           // what Prefer: maxpagesize may ask for; 0 is 50,000
	Key         []byte        // 32 bytes that seal skip tokens; nil makes one
	Timeout     time.Duration // of one request, up to its last byte; 0 is 10 minutes
	Limits      uri.Limits
	Log         *slog.Logger // of failures; nil is none
	Now         func() time.Time
}

// Service is a published model. It is safe for use by many goroutines.
type Service struct {
	model   *edm.Model
	options Options
	xml     []byte
	json    []byte
	seal    *sealer
	buffers sync.Pool // of *[]byte
	zips    sync.Pool // of *gzip.Writer
}

// New checks the model and prepares its documents.
func New(m *edm.Model, o Options) (*Service, error) {
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Minute
	}
	if o.PageSize < 0 || o.MaxPageSize < 0 {
		return nil, errors.New("odata: a page has at least one row")
	}
	if o.PageSize == 0 {
		o.PageSize = 5_000
	}
	if o.MaxPageSize == 0 {
		o.MaxPageSize = 50_000
	}
	o.MaxPageSize = max(o.MaxPageSize, o.PageSize)
	if o.Key == nil {
		o.Key = make([]byte, 32)
		_, _ = rand.Read(o.Key) // never fails
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := m.Check(); err != nil {
		return nil, err
	}
	seal, err := newSealer(o.Key)
	if err != nil {
		return nil, err
	}
	return &Service{model: m, options: o, xml: m.XML(), json: m.JSON(), seal: seal}, nil
}

// Access is what one request may read.
type Access struct {
	Source query.Source
	// Caller tells callers apart: a skip token works for the one that it was made for.
	Caller string
	// Root is the absolute URL of the service, with a slash at its end. Every link begins with it.
	Root string
}

// Handler serves one source to everybody, for services that guard nothing. Root is as in Access; requests come with the path of
// Root in front, or below it when that has been stripped already.
func (s *Service) Handler(source query.Source, root string) http.Handler {
	prefix := ""
	if u, err := url.Parse(root); err == nil {
		prefix = strings.TrimSuffix(u.EscapedPath(), "/")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Serve(w, strip(r, prefix), Access{Source: source, Root: root})
	})
}

// strip removes the service's own path from that of a request.
func strip(r *http.Request, prefix string) *http.Request {
	raw, ok := strings.CutPrefix(r.URL.EscapedPath(), prefix)
	if prefix == "" || !ok || raw != "" && raw[0] != '/' {
		return r
	}
	path, err := url.PathUnescape(raw)
	if err != nil {
		return r
	}
	inner := new(http.Request)
	*inner = *r
	inner.URL = new(url.URL)
	*inner.URL = *r.URL
	inner.URL.Path, inner.URL.RawPath = path, raw
	return inner
}
