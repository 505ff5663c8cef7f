package web

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
)

// Realm names this server in challenges.
const Realm = "Keywright"

// Status returns the status of a kind of fault.
func Status(kind fault.Kind) int {
	switch kind {
	case fault.BadRequest:
		return http.StatusBadRequest
	case fault.Invalid:
		return http.StatusUnprocessableEntity
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.Throttled:
		return http.StatusTooManyRequests
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	case fault.Internal:
	}
	return http.StatusInternalServerError
}

// StatusOf is Status, but for the two refusals that HTTP alone knows.
func StatusOf(f *fault.Error) int {
	switch f.Code {
	case api.CodeMethodNotAllowed:
		return http.StatusMethodNotAllowed
	case api.CodeUnsupportedMediaType:
		return http.StatusUnsupportedMediaType
	default:
		return Status(f.Kind)
	}
}

// RefusalHeaders sets the headers that go with a refusal on every surface.
func RefusalHeaders(h http.Header, f *fault.Error) {
	if f.RetryAfter > 0 {
		// RFC 9110 section 10.2.3: whole seconds, and never too early.
		h.Set("Retry-After", strconv.FormatInt(int64((f.RetryAfter+time.Second-1)/time.Second), 10))
	}
	if f.Kind != fault.Unauthenticated {
		return
	}
	// RFC 9110 section 11.6.1: a 401 carries a challenge.
	challenge := `Bearer realm="` + Realm + `"`
	if f.Code == api.CodeInvalidToken {
		challenge += `, error="invalid_token"` // RFC 6750 section 3: only where a token was presented
	}
	h.Set("WWW-Authenticate", challenge)
}

// Problem renders a refusal as application/problem+json (RFC 9457 section 3).
func Problem(w http.ResponseWriter, r *http.Request, f *fault.Error) { writeProblem(w, r, f, "") }

// Problem is Problem for an API: its challenges say where it is written who issues tokens for what was asked
// for (RFC 9728 section 5.1).
func (k *Kit) Problem(w http.ResponseWriter, r *http.Request, f *fault.Error) {
	hint := ""
	if resource := k.Resource(r); resource != "" {
		hint = `, resource_metadata="` + k.ResourceMetadata(resource) + `"`
	}
	writeProblem(w, r, f, hint)
}

func writeProblem(w http.ResponseWriter, r *http.Request, f *fault.Error, hint string) {
	status := StatusOf(f)
	p := api.Problem{
		// RFC 9457 section 3.1.1: the type leads to what is written about it, with its full path.
		Type:   "/api/v1/docs#" + string(f.Code),
		Title:  title(f.Code),
		Status: status, Detail: f.Detail, Code: f.Code, RequestID: RequestID(r),
		Errors: []api.FieldError{},
	}
	for _, field := range f.Fields {
		p.Errors = append(p.Errors, api.FieldError{Field: field.Name, Code: field.Code, Detail: field.Detail})
	}
	h := w.Header()
	RefusalHeaders(h, f)
	if challenge := h.Get("WWW-Authenticate"); challenge != "" {
		h.Set("WWW-Authenticate", challenge+hint)
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.Encode(p) //nolint:errcheck // the client is gone: there is nobody left to tell
}

// title is a code as words: "Name taken". It is the same for every occurrence (RFC 9457 section 3.1.3).
func title(code api.Code) string {
	words := strings.ReplaceAll(string(code), "_", " ")
	if words == "" {
		return ""
	}
	return strings.ToUpper(words[:1]) + words[1:]
}
