package odata

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/keywright/keywright/odata/query"
	"github.com/keywright/keywright/odata/uri"
)

// failure is an answer that is an error.
type failure struct {
	status  int
	code    string
	message string
	target  string // what is wrong: "$filter"; "" is not said
	header  http.Header
	cause   error // for the log, never for the client; nil when the client is to blame
}

func (f *failure) Error() string { return f.message }

func (f *failure) Unwrap() error { return f.cause }

func refuse(status int, code, message string) *failure {
	return &failure{status: status, code: code, message: message}
}

// failed makes of any error what the client is told.
func failed(err error) *failure {
	var f *failure
	var u *uri.Error
	var q *query.Error
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &u):
		f = refuse(http.StatusBadRequest, "invalid_url", u.Error())
		f.target = u.Option
		if u.TooLong {
			f.status, f.code = http.StatusRequestURITooLong, "url_too_long"
		} else if u.Unsupported {
			f.status, f.code = http.StatusNotImplemented, "not_implemented"
		}
		return f
	case errors.As(err, &q):
		f = refuse(http.StatusBadRequest, "invalid_query", place(q))
		f.target = q.Option
		if q.Missing {
			f.status, f.code = http.StatusNotFound, "not_found"
		} else if q.Unsupported {
			f.status, f.code = http.StatusNotImplemented, "not_implemented"
		}
		return f
	}
	return ofSource(err)
}

// place says where a query is wrong, in the words of uri.Error.
func place(e *query.Error) string {
	return (&uri.Error{Option: e.Option, Pos: e.Pos, Message: e.Error()}).Error()
}

// ofSource is what a client is told when its request was good.
func ofSource(err error) *failure {
	var f *failure
	switch {
	case errors.Is(err, query.ErrBusy):
		f = refuse(http.StatusServiceUnavailable, "busy", "Too many queries are running. Try again in a moment.")
		f.header = http.Header{"Retry-After": {"2"}}
	case errors.Is(err, query.ErrUnavailable):
		f = refuse(http.StatusServiceUnavailable, "source_unavailable", "The source of this data does not answer. Try again later.")
		f.header = http.Header{"Retry-After": {"10"}}
	case errors.Is(err, query.ErrChanged):
		f = refuse(http.StatusServiceUnavailable, "source_changed", "The tables behind this data have changed since the service read them. Whoever looks after it must let it read them again.")
	case errors.Is(err, query.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		f = refuse(http.StatusGatewayTimeout, "timeout", "The query took too long. Ask for less: a narrower $filter, fewer columns, no $orderby.")
	case errors.Is(err, query.ErrComplex):
		return refuse(http.StatusBadRequest, "too_complex", "The query is too complex for the source of this data: it follows too many relations at once, or is nested too deeply.")
	case errors.Is(err, query.ErrValue):
		f = refuse(http.StatusInternalServerError, "invalid_value", "A value of the result can't be computed or represented"+unsayable(err)+".")
	default:
		f = refuse(http.StatusInternalServerError, "internal_error", "The service has failed. The failure is in its log.")
	}
	f.cause = err
	return f
}

// unsayable is what a source says of a value behind query.ErrValue, such as its column; never the value.
func unsayable(err error) string {
	_, why, _ := strings.Cut(err.Error(), query.ErrValue.Error()+": ")
	if why == "" || len(why) > 200 {
		return ""
	}
	return ": " + why
}

// Error answers with an OData error (JSON Format, section "Error Response"), for refusals that are decided before Serve.
// Headers that w has already stay; code is for programs, message for people.
func Error(w http.ResponseWriter, status int, code, message string) {
	writeError(w, refuse(status, code, message))
}

// setVersion sets OData-Version in the spelling of the specification, once: ODataLib refuses "4.0,4.0", which is what it
// makes of two spellings.
func setVersion(h http.Header) {
	h.Del("OData-Version")
	h["OData-Version"] = []string{"4.0"}
}

// writeError needs to be the first to write.
func writeError(w http.ResponseWriter, f *failure) {
	type body struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Target  string `json:"target,omitempty"`
	}
	text, _ := json.Marshal(map[string]body{"error": {Code: f.code, Message: f.message, Target: f.target}})
	h := w.Header()
	setVersion(h)
	maps.Copy(h, f.header)
	for _, name := range []string{"ETag", "Content-Encoding", "Preference-Applied"} {
		h.Del(name)
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	w.WriteHeader(f.status)
	_, _ = w.Write(text)
}
