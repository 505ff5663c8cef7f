// Package odata serves rows that are found at run time as a read-only OData 4.0 service: to Excel, Power BI,
// Tableau, SAP's tools, and every other client that reads feeds.
//
// A service is a model (package edm) and, for each request, a source of those rows that its caller may see (package
// query; sqldata for databases, memory for Go values). Everything else is here: negotiation, resource paths, every
// system query option, paging that gives each row exactly once, $batch, streamed JSON.
//
// What a client sends can only be refused or answered. Text is parsed under limits (package uri), names are
// resolved against the model, and what reaches a database is parameters. A page's next link holds a token that is
// sealed for this caller and this query, and what comes back altered or from another is refused. An answer that fails after its first byte breaks
// off in the middle of its JSON, so that nobody takes half for all.
package odata

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
	"github.com/keywright/keywright/odata/uri"
)

// Options of a service. The zero value is good but for Key, without which next links don't outlive the process.
type Options struct {
	PageSize    int    // rows of a page; 0 is 5,000
	MaxPageSize int    // what Prefer: maxpagesize may ask for; 0 is 50,000
	Key         []byte // 32 bytes that seal skip tokens; nil makes one
	Limits      uri.Limits
	Log         *slog.Logger // of failures; nil is none
	Now         func() time.Time
}

// Service is a published model. It is safe for use by many goroutines.
type Service struct {
	model   *edm.Model
	options Options
}

// New checks the model and prepares its documents.
func New(m *edm.Model, o Options) (*Service, error) { return &Service{model: m, options: o}, m.Check() }

// Access is what one request may read.
type Access struct {
	Source query.Source
	// Caller tells callers apart: a skip token works for the one that it was made for.
	Caller string
	// Root is the absolute URL of the service, with a slash at its end. Every link begins with it.
	Root string
}

// Serve answers a request whose path is relative to the service's root: "" or "/" is the service document.
// It sets every header but those about who is asking.
func (s *Service) Serve(w http.ResponseWriter, r *http.Request, a Access) {
	http.Error(w, "not yet", http.StatusNotImplemented)
}

// Handler serves one source to everybody, for services that guard nothing. Root is as in Access.
func (s *Service) Handler(source query.Source, root string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Serve(w, r, Access{Source: source, Root: root})
	})
}

// Error answers with an OData error (JSON Format, section "Error Response"), for refusals that are decided before Serve.
func Error(w http.ResponseWriter, status int, code, message string) {
	http.Error(w, message, status)
}
