package oauth

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/web"
)

// form is the parameters that are known here, decoded. What was not sent, and what was sent without a value,
// is "": RFC 6749 section 3.2 has both mean the same.
type form struct {
	grantType, scope, resource                                      string
	clientID, clientSecret, assertion, assertionType                string
	refreshToken                                                    string
	subjectToken, subjectTokenType, requestedType, audience, acting string
	token                                                           string
	resources, audiences                                            int // how many were sent
}

// at is where a parameter is kept; nil for one that is unknown.
func (f *form) at(name string) *string {
	switch name {
	case "grant_type":
		return &f.grantType
	case "scope":
		return &f.scope
	case "resource":
		return &f.resource
	case "client_id":
		return &f.clientID
	case "client_secret":
		return &f.clientSecret
	case "client_assertion":
		return &f.assertion
	case "client_assertion_type":
		return &f.assertionType
	case "refresh_token":
		return &f.refreshToken
	case "subject_token":
		return &f.subjectToken
	case "subject_token_type":
		return &f.subjectTokenType
	case "requested_token_type":
		return &f.requestedType
	case "audience":
		return &f.audience
	case "actor_token", "actor_token_type":
		return &f.acting
	case "token":
		return &f.token
	}
	return nil
}

// maxParameters bounds the work of finding one that stands twice. No request has a third of it.
const maxParameters = 64

// The refusals of a request that can't be read. RFC 6749 section 5.2 gives them all one code and one status,
// 400, but for the method.
var (
	errMethod    = fault.New(fault.BadRequest, api.CodeMethodNotAllowed, "Ask with POST. The parameters belong in the body.")
	errQuery     = invalidRequest("Nothing may stand in the query: addresses end up in logs. Send all parameters in the body.")
	errMediaType = invalidRequest("Send the parameters as application/x-www-form-urlencoded.")
	errTooLong   = invalidRequest("The request is too long.")
	errBody      = invalidRequest("The body could not be read to its end.")
	errEncoding  = invalidRequest("The body is not encoded as application/x-www-form-urlencoded.")
	errText      = invalidRequest("The body holds bytes that are no text: send UTF-8 without NUL.")
	errRepeated  = invalidRequest("A parameter was sent twice.")
	errMany      = invalidRequest("There are too many parameters.")
)

func invalidRequest(detail string) *fault.Error {
	return fault.New(fault.BadRequest, api.CodeInvalidRequest, detail)
}

// read reads a request's form.
func (s *Service) read(c *call) error {
	r := c.r
	switch {
	case r.Method != http.MethodPost: // RFC 6749 section 3.2: clients must ask with POST
		return errMethod
	case r.URL.RawQuery != "" || r.URL.ForceQuery:
		return errQuery // RFC 6749 section 2.3.1: never credentials in the address
	case !isForm(r.Header["Content-Type"]):
		return errMediaType
	case r.ContentLength > web.MaxBody:
		return errTooLong
	}
	kept, _ := s.bodies.Get().(*[]byte)
	defer s.bodies.Put(kept)
	b, err := readAll(r.Body, (*kept)[:0])
	*kept = b[:0]
	text := string(b)
	clear(b) // a secret need not lie here until somebody writes over it
	if err != nil {
		return err
	}
	return parseForm(text, &c.form)
}

// readAll appends a body to b.
func readAll(body io.Reader, b []byte) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			b = slices.Grow(b, 1)
		}
		n, err := body.Read(b[len(b):min(cap(b), web.MaxBody+1)])
		b = b[:len(b)+n]
		switch {
		case len(b) > web.MaxBody:
			return b, errTooLong
		case err == io.EOF:
			return b, nil
		case err != nil:
			return b, errBody.Because(err)
		}
	}
}

// isForm reports whether a Content-Type is that of a form, in UTF-8 if it says.
func isForm(lines []string) bool {
	if len(lines) != 1 {
		return false
	}
	const form = "application/x-www-form-urlencoded"
	if lines[0] == form {
		return true
	}
	media, parameters, _ := strings.Cut(lines[0], ";")
	if !strings.EqualFold(strings.TrimSpace(media), form) {
		return false
	}
	parameters = strings.ToLower(strings.ReplaceAll(parameters, `"`, ""))
	name, charset, _ := strings.Cut(parameters, "=")
	return strings.TrimSpace(name) != "charset" || strings.TrimSpace(charset) == "utf-8"
}

// parseForm reads what url.ParseQuery reads, and refuses what would be read in two ways: a parameter that
// stands twice (RFC 6749 section 3.2), also one that is unknown here. Only resource and audience may stand
// several times (RFC 8707 section 2); that no token is for several is said where a token would be made.
func parseForm(body string, f *form) error {
	var seen [maxParameters]string
	n := 0
	for body != "" {
		var pair string
		pair, body, _ = strings.Cut(body, "&")
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, nameOK := unescape(rawName)
		value, valueOK := unescape(rawValue)
		target := name == "resource" || name == "audience"
		switch {
		case !nameOK || !valueOK:
			return errEncoding
		case !isText(name) || !isText(value):
			return errText
		case n == maxParameters:
			return errMany
		case !target && slices.Contains(seen[:n], name):
			return errRepeated
		}
		seen[n] = name
		n++
		at := f.at(name)
		switch {
		case at == nil || value == "":
			continue // RFC 6749 section 3.2: what is unknown is ignored, what is empty was not sent
		case len(value) > token.MaxPresented:
			return errTooLong
		case name == "resource":
			f.resources++
		case target:
			f.audiences++
		}
		*at = value
	}
	return nil
}

// isText refuses NUL bytes and invalid UTF-8, as everywhere.
func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// unescape decodes a name or a value. One that needs no decoding costs nothing. A semicolon was once read as
// an ampersand: it must come encoded.
func unescape(s string) (string, bool) {
	escaped := false
	for i := range len(s) {
		switch s[i] {
		case ';':
			return "", false
		case '%', '+':
			escaped = true
		}
	}
	if !escaped {
		return s, true
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '+':
			b = append(b, ' ')
		case '%':
			if i+2 >= len(s) {
				return "", false
			}
			high, ok := digit(s[i+1])
			low, ok2 := digit(s[i+2])
			if !ok || !ok2 {
				return "", false
			}
			b = append(b, high<<4|low)
			i += 2
		default:
			b = append(b, s[i])
		}
	}
	return string(b), true
}

func digit(c byte) (byte, bool) {
	switch {
	case c-'0' < 10:
		return c - '0', true
	case c-'a' < 6:
		return c - 'a' + 10, true
	case c-'A' < 6:
		return c - 'A' + 10, true
	}
	return 0, false
}
