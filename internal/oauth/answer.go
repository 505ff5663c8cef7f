package oauth

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/web"
)

const (
	mediaJSON   = "application/json"
	mediaSigned = "application/token-introspection+jwt" // RFC 9701 section 5
)

// noStore says that an answer is to be stored nowhere (RFC 6749 section 5.1).
func noStore(h http.Header) {
	// Written as they are kept: making them canonical costs each answer as much as sending them.
	v := [...]string{"no-store", "no-cache", "nosniff"}
	h["Cache-Control"], h["Pragma"], h["X-Content-Type-Options"] = v[0:1:1], v[1:2:2], v[2:3:3]
}

func (s *Service) write(c *call, media string, body []byte) {
	h := c.w.Header()
	noStore(h)
	h["Content-Type"] = []string{media}
	_, _ = c.w.Write(body)
}

// refusal is how a fault looks here.
type refusal struct {
	status    int
	code      api.Code
	challenge string
}

// refusalOf gives a fault its code and status: RFC 6749 section 5.2, where most are 400.
func refusalOf(err error) (refusal, *fault.Error) {
	f := fault.From(err)
	if _, bearer := errors.AsType[bearerError](err); bearer {
		if no, ok := bearerRefusal(f); ok {
			return no, f
		}
	}
	switch f.Code {
	case api.CodeMethodNotAllowed:
		return refusal{status: http.StatusMethodNotAllowed, code: api.CodeInvalidRequest}, f
	case api.CodeInvalidClient:
		// RFC 9110 section 11.6.1: a 401 carries a challenge; the scheme that can be used here is Basic.
		return refusal{http.StatusUnauthorized, f.Code, `Basic realm="` + web.Realm + `", charset="UTF-8"`}, f
	case api.CodeInvalidRequest, api.CodeInvalidGrant, api.CodeUnauthorizedClient, api.CodeUnsupportedGrantType,
		api.CodeUnsupportedTokenType, api.CodeInvalidScope, api.CodeInvalidTarget:
		return refusal{status: http.StatusBadRequest, code: f.Code}, f
	default:
		return refusalOfKind(f.Kind), f
	}
}

// refusalOfKind is for what RFC 6749 section 5.2 has no code of its own.
func refusalOfKind(kind fault.Kind) refusal {
	switch kind {
	case fault.Throttled:
		return refusal{status: http.StatusTooManyRequests, code: codeUnavailable}
	case fault.Unavailable:
		return refusal{status: http.StatusServiceUnavailable, code: codeUnavailable}
	case fault.Internal:
		return refusal{status: http.StatusInternalServerError, code: codeServerError}
	case fault.Forbidden:
		return refusal{status: http.StatusBadRequest, code: api.CodeUnauthorizedClient}
	default:
		return refusal{status: http.StatusBadRequest, code: api.CodeInvalidRequest}
	}
}

// Codes that RFC 6749 section 4.1.2.1 defines; section 5.2 has none for a server that can't answer.
const (
	codeUnavailable api.Code = "temporarily_unavailable"
	codeServerError api.Code = "server_error"
)

// bearerRefusal is a refusal of an access token (RFC 6750 section 3.1).
func bearerRefusal(f *fault.Error) (refusal, bool) {
	challenge := `Bearer realm="` + web.Realm + `", error="`
	switch f.Kind {
	case fault.Unauthenticated:
		return refusal{http.StatusUnauthorized, api.CodeInvalidToken, challenge + `invalid_token"`}, true
	case fault.Forbidden:
		return refusal{http.StatusForbidden, "insufficient_scope", challenge + `insufficient_scope", scope="keywright:introspect"`}, true
	default:
		return refusal{}, false
	}
}

// refuse writes a refusal.
func (s *Service) refuse(c *call, e *endpoint, err error) {
	no, f := refusalOf(err)
	e.counts.WithLabelValues(e.name, string(no.code)).Inc()
	s.logRefusal(c, e, no, f)
	h := c.w.Header()
	noStore(h)
	h.Set("Content-Type", mediaJSON)
	h.Set("X-Request-Id", c.requestID())
	switch {
	case no.status == http.StatusMethodNotAllowed:
		h.Set("Allow", http.MethodPost) // RFC 9110 section 15.5.6
	case f == errTooLong:
		h.Set("Connection", "close") // what is left of it is not read
	}
	if no.challenge != "" {
		h.Set("WWW-Authenticate", no.challenge)
	}
	if wait := f.RetryAfter; wait > 0 || no.status == http.StatusServiceUnavailable {
		// RFC 9110 section 10.2.3: whole seconds, and never too early.
		h.Set("Retry-After", strconv.FormatInt(max(1, int64((wait+time.Second-1)/time.Second)), 10))
	}
	c.w.WriteHeader(no.status)
	_, _ = c.w.Write(problem(no.code, f.Detail))
}

// problem is the body of a refusal.
func problem(code api.Code, detail string) []byte {
	return []byte(`{"error":"` + string(code) + `","error_description":"` + described(detail) + "\"}\n")
}

// described keeps what RFC 6749 section 5.2 lets a description have: ASCII without quotes and backslashes.
func described(detail string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"' || r == '’' || r == '“' || r == '”':
			return '\''
		case r == '\\' || r < ' ' || r > '~':
			return -1
		}
		return r
	}, detail)
}

// logRefusal logs what went wrong here, and at most one refusal a second: a flood must not fill the log.
func (s *Service) logRefusal(c *call, e *endpoint, no refusal, f *fault.Error) {
	ours := no.status >= http.StatusInternalServerError
	if !ours && !s.sample.Due(time.Now()) {
		return
	}
	attrs := []slog.Attr{
		slog.String("request_id", c.requestID()), slog.String("surface", "oauth"), slog.String("endpoint", e.name),
		slog.Int("status", no.status), slog.String("code", string(no.code)), slog.String("address", s.caller(c).Address.String()),
	}
	if ours {
		s.log.LogAttrs(c.r.Context(), slog.LevelError, "request failed", append(attrs, slog.String("error", f.Error()))...)
		return
	}
	s.log.LogAttrs(c.r.Context(), slog.LevelInfo, "refused (a sample)", attrs...)
}
