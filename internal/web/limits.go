package web

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
)

// MaxBody is the longest body that is read, in bytes.
const MaxBody = 64 << 10

// harden sets the headers that keep browsers careful. A page loads style and script from here alone and
// is framed by nobody; handlers can loosen none of it without meaning to.
func harden(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY") // for browsers older than frame-ancestors
	// Not no-referrer, with which some browsers post our own forms as from nowhere (Origin: null).
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	// RFC 9111 section 5.2.2.5: what was said to one person is kept for nobody.
	h.Set("Cache-Control", "no-store")
}

// Body reads a request's body: too_large when it is longer than MaxBody, bad_request when it is not text
// that both databases can keep.
func Body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		return nil, fault.New(fault.TooLarge, api.CodeTooLarge, "This is too long. Send at most 64 KiB.")
	case err != nil:
		return nil, fault.New(fault.BadRequest, api.CodeBadRequest, "The body could not be read to its end.").Because(err)
	}
	return b, CheckText(string(b))
}

// Form reads a form that a page posted, within the limits of Body.
func Form(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	b, err := Body(w, r)
	if err != nil {
		return nil, err
	}
	return ParseQuery(string(b))
}

// ParseQuery reads a query string or an encoded form strictly: what can't be read is refused, not
// dropped.
func ParseQuery(raw string) (url.Values, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, fault.New(fault.BadRequest, api.CodeBadRequest, "The address or the form is not encoded as it should be.")
	}
	for name, all := range values {
		for _, v := range append(all, name) {
			if err := CheckText(v); err != nil {
				return nil, err
			}
		}
	}
	return values, nil
}

// CheckText refuses NUL bytes and invalid UTF-8: one engine would keep them, the other would not.
func CheckText(s string) error {
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return fault.New(fault.BadRequest, api.CodeBadRequest, "The request holds bytes that are no text: send UTF-8 without NUL.")
	}
	return nil
}
