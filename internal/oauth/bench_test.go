package oauth_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/keywright/keywright/internal/token"
)

// discard is a ResponseWriter that keeps its header's map, as a connection does not: what is measured is the
// handlers.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }

// BenchmarkEndpoints is the endpoints without a connection, beside a handler that reads a form and encodes an
// answer with the standard library.
func BenchmarkEndpoints(b *testing.B) {
	s := newSite(b)
	c := s.app("standard", "odata:read", token.ScopeIntrospect)
	_, pat := s.pat("ci", 90, "odata:read")
	access := s.access(c)
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if err := r.ParseForm(); err != nil || r.PostForm.Get("token") == "" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_ = json.NewEncoder(w).Encode(struct {
			Active  bool   `json:"active"`
			Scope   string `json:"scope"`
			Type    string `json:"token_type"`
			Subject string `json:"sub"`
			Expires int64  `json:"exp"`
		}{true, "odata:read", "Bearer", "usr_0123456789abcdef", 1_800_000_000})
	})
	for _, x := range []struct {
		name    string
		handler http.Handler
		path    string
		pairs   []string
	}{
		{"a bare form handler", bare, "/bare", []string{"token", pat}},
		{"a bare form handler, long", bare, "/bare", []string{"token", access}},
		{"introspection of a token", s.service, "/oauth2/introspect", []string{c.basic(), "token", pat}},
		{"introspection of an access token", s.service, "/oauth2/introspect", []string{c.basic(), "token", access}},
		{"client_credentials", s.service, "/oauth2/token", []string{c.basic(), "grant_type", "client_credentials", "scope", "odata:read"}},
	} {
		b.Run(x.name, func(b *testing.B) {
			r := posted(x.path, x.pairs...)
			text, err := io.ReadAll(r.Body)
			if err != nil {
				b.Fatal(err)
			}
			body := strings.NewReader(string(text))
			r.Body = io.NopCloser(body)
			b.ReportAllocs()
			for b.Loop() {
				body.Reset(string(text))
				r.Form, r.PostForm = nil, nil
				w := discard{http.Header{}, http.StatusOK}
				if x.handler.ServeHTTP(&w, r); w.status != http.StatusOK {
					b.Fatal(w.status)
				}
			}
		})
	}
}
