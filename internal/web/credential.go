package web

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/keywright/keywright/internal/token"
)

// Credential returns what a program presented, as Bearer, or as the password or the user name of Basic: "" if nothing, and
// what is wrong with the way it was sent.
func Credential(r *http.Request) (presented, problem string) {
	lines := r.Header["Authorization"]
	switch {
	case len(lines) == 0:
		return "", ""
	case len(lines) > 1:
		return "", "There are several Authorization headers. Send one."
	}
	scheme, value, _ := strings.Cut(lines[0], " ")
	switch {
	// RFC 9110 section 11.1: schemes are matched in any case.
	case strings.EqualFold(scheme, "Bearer"):
		// RFC 6750 section 2.1: "Bearer" 1*SP b64token.
		presented = strings.Trim(value, " ")
	case strings.EqualFold(scheme, "Basic"):
		// RFC 7617 section 2: user name and password; ours stands in either.
		user, password, ok := r.BasicAuth()
		if !ok {
			return "", "The Basic credentials can't be read."
		}
		if presented = password; password == "" {
			presented = user
		}
	}
	if len(presented) > token.MaxPresented {
		return "", "The credential is too long."
	}
	return presented, ""
}

// WarnLegacy tells who still uses a legacy token: that it is deprecated, when it stops, and where a new one is made. Pages is
// the address of all workspaces' pages, with a slash at its end; "" is not known.
func WarnLegacy(h http.Header, pages, workspace string, deprecated, stops time.Time) {
	// RFC 9745 section 2.1: a Date of structured fields, in whole seconds.
	h["Deprecation"] = []string{"@" + strconv.FormatInt(deprecated.Unix(), 10)}
	if !stops.IsZero() {
		h["Sunset"] = []string{stops.UTC().Format(http.TimeFormat)} // RFC 8594 section 3
	}
	if pages != "" {
		h["Link"] = []string{"<" + pages + workspace + `/legacy-tokens>; rel="deprecation"; type="text/html"`} // RFC 9745 section 3
	}
}

// Quoted makes a text fit for a quoted-string (RFC 9110 section 5.6.4).
func Quoted(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '"' || r == '\\' || r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
}
