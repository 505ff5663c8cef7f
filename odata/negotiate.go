package odata

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// level is how much control information an answer holds (JSON Format 3.1).
type level uint8

const (
	minimal level = iota
	none
	full
)

// format is how an answer is written.
type format struct {
	xml       bool // only of $metadata
	level     level
	ieee754   bool // Int64, Decimal and counts are strings
	streaming bool
	charset   bool // was asked for, and so is said
}

// contentType names the format with every parameter that matters to a reader.
func (f format) contentType() string {
	t := "application/json;odata.metadata=minimal"
	switch {
	case f.xml:
		t = "application/xml"
	case f.level == none:
		t = "application/json;odata.metadata=none"
	case f.level == full:
		t = "application/json;odata.metadata=full"
	}
	if f.streaming {
		t += ";odata.streaming=true"
	}
	if f.ieee754 {
		t += ";IEEE754Compatible=true"
	}
	if f.charset {
		t += ";charset=utf-8"
	}
	return t
}

// mediaRange is one item of Accept.
type mediaRange struct {
	name    string // application/json
	params  map[string]string
	quality float64
}

// ranges reads Accept. What can't be read matches nothing.
func ranges(h http.Header) []mediaRange {
	var list []mediaRange
	for _, item := range split(strings.Join(h.Values("Accept"), ","), ',') {
		name, params, err := mime.ParseMediaType(item)
		if err != nil {
			continue
		}
		r := mediaRange{name: name, params: params, quality: 1}
		if q, given := params["q"]; given {
			if r.quality, err = strconv.ParseFloat(q, 64); err != nil || !(r.quality >= 0 && r.quality <= 1) {
				continue
			}
			delete(params, "q")
		}
		list = append(list, r)
	}
	return list
}

// split divides text at a separator that is not inside double quotes, and drops what is blank.
func split(text string, separator byte) []string {
	var parts []string
	begin, quoted := 0, false
	take := func(end int) {
		if part := strings.TrimSpace(text[begin:end]); part != "" {
			parts = append(parts, part)
		}
		begin = end + 1
	}
	for i := 0; i < len(text); i++ {
		switch {
		case quoted && text[i] == '\\':
			i++
		case text[i] == '"':
			quoted = !quoted
		case text[i] == separator && !quoted:
			take(i)
		}
	}
	if begin < len(text) {
		take(len(text))
	}
	return parts
}

// json reads the parameters of application/json. An unknown one, or one with an unknown value, matches nothing (Protocol 8.2.1).
func (r mediaRange) json() (format, bool) {
	var f format
	for name, value := range r.params {
		switch strings.TrimPrefix(name, "odata.") {
		case "metadata":
			switch value {
			case "minimal":
			case "none":
				f.level = none
			case "full":
				f.level = full
			default:
				return f, false
			}
		case "streaming":
			if value != "true" && value != "false" {
				return f, false
			}
			f.streaming = value == "true"
		case "ieee754compatible":
			if value != "true" && value != "false" {
				return f, false
			}
			f.ieee754 = value == "true"
		case "exponentialdecimals": // allows what is never done
			if value != "true" && value != "false" {
				return f, false
			}
		case "charset":
			if !utf8Name(value) {
				return f, false
			}
			f.charset = true
		default:
			return f, false
		}
	}
	return f, true
}

func (r mediaRange) xml() (format, bool) {
	f := format{xml: true}
	for name, value := range r.params {
		if name != "charset" || !utf8Name(value) {
			return f, false
		}
		f.charset = true
	}
	return f, true
}

func utf8Name(s string) bool {
	return strings.EqualFold(s, "utf-8") || strings.EqualFold(s, "utf8")
}

// best finds the format of the highest quality among the ranges that match a type, the more specific of equals.
func best(list []mediaRange, name string, read func(mediaRange) (format, bool)) (format, bool) {
	var found format
	var quality float64
	var rank int
	refused := false // plainly, so that no wildcard may stand for it
	for _, r := range list {
		if r.name != name || r.quality != 0 {
			continue
		}
		if f, ok := read(r); ok && f.level == minimal {
			refused = true
		}
	}
	for _, r := range list {
		own := 0
		switch {
		case r.name == name:
			own = 3
		case r.name == name[:strings.IndexByte(name, '/')]+"/*" && !refused:
			own = 2
		case r.name == "*/*" && !refused:
			own = 1
		}
		f, ok := read(r)
		if own == 0 || !ok || r.quality == 0 {
			continue
		}
		if r.quality > quality || r.quality == quality && own > rank {
			found, quality, rank = f, r.quality, own
		}
	}
	return found, quality > 0
}

// resource is what the kinds of documents negotiate.
type resource uint8

const (
	data     resource = iota // JSON alone
	metadata                 // XML unless JSON alone is asked for
	text                     // text/plain, whatever Accept says: clients ask /$count with the Accept of everything else
)

// negotiate finds the format that a request wants. $format wins over Accept (Protocol 11.2.12).
func negotiate(h http.Header, option string, of resource) (format, error) {
	list := []mediaRange{{name: "*/*", quality: 1}}
	if strings.TrimSpace(strings.Join(h.Values("Accept"), "")) != "" { // an empty one says nothing, as none does
		list = ranges(h)
	}
	if option != "" {
		list = nil
		if r, ok := formatOption(option, of); ok {
			list = []mediaRange{r}
		}
	}
	charset, ok := acceptsUTF8(h)
	if !ok {
		return format{}, refuse(http.StatusNotAcceptable, "not_acceptable", "Answers are written in UTF-8 alone.")
	}
	f, found := format{}, option == "" || len(list) > 0
	switch of {
	case data:
		f, found = best(list, "application/json", mediaRange.json)
	case metadata:
		// Power Query names JSON first and can read XML alone, so XML is it wherever it is acceptable.
		if f, found = best(list, "application/xml", mediaRange.xml); !found {
			f, found = best(list, "application/json", mediaRange.json)
		}
	case text:
	}
	if !found {
		return f, refuse(http.StatusNotAcceptable, "not_acceptable", unacceptable(option, of))
	}
	f.charset = f.charset || charset
	return f, nil
}

func unacceptable(option string, of resource) string {
	has := "application/json, with odata.metadata=none, minimal or full, IEEE754Compatible, and odata.streaming"
	switch of {
	case data:
	case metadata:
		has = "application/xml and application/json"
	case text:
		has = "text/plain"
	}
	if option != "" {
		return "$format asks for what this resource is not written in; it is " + has + "."
	}
	return "Accept names nothing that this resource is written in; it is " + has + "."
}

// formatOption reads $format: a media type, or one of the short names.
func formatOption(option string, of resource) (mediaRange, bool) {
	name, rest, _ := strings.Cut(option, ";")
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "json":
		name = "application/json"
	case "xml":
		name = "application/xml"
	}
	if rest != "" {
		name += ";" + rest
	}
	name, params, err := mime.ParseMediaType(name)
	if err != nil || strings.Contains(name, "*") {
		return mediaRange{}, false
	}
	if of == text && name != "text/plain" && name != "application/json" {
		return mediaRange{}, false
	}
	return mediaRange{name: name, params: params, quality: 1}, true
}

// acceptsUTF8 reads Accept-Charset: whether UTF-8 is named, and whether it is acceptable.
func acceptsUTF8(h http.Header) (named, ok bool) {
	values := h.Values("Accept-Charset")
	ok = len(values) == 0
	for _, item := range split(strings.Join(values, ","), ',') {
		name, rest, _ := strings.Cut(item, ";")
		name = strings.TrimSpace(name)
		if q, given := strings.CutPrefix(strings.TrimSpace(rest), "q="); given && strings.Trim(q, "0.") == "" {
			if utf8Name(name) {
				return false, false
			}
			continue
		}
		named = named || utf8Name(name)
		ok = ok || utf8Name(name) || name == "*"
	}
	return named, ok
}

// checkVersions refuses what asks for another version than 4.0 (Protocol 8.2.6, 8.2.7), or for isolation.
func checkVersions(h http.Header) error {
	for _, name := range []string{"OData-Version", "OData-MaxVersion"} {
		v := strings.TrimSpace(h.Get(name))
		if v == "" {
			continue
		}
		major, minor, ok := strings.Cut(v, ".")
		a, errA := strconv.ParseUint(major, 10, 16)
		b, errB := strconv.ParseUint(minor, 10, 16)
		switch {
		case !ok || errA != nil || errB != nil:
			return refuse(http.StatusBadRequest, "invalid_version", name+" is no version: two numbers with a point between them.")
		case a < 4, name == "OData-Version" && (a > 4 || b > 1):
			return refuse(http.StatusBadRequest, "unsupported_version", "This service speaks OData 4.0; "+name+" asks for "+v+".")
		}
	}
	if h.Get("Isolation") != "" || h.Get("OData-Isolation") != "" {
		return refuse(http.StatusPreconditionFailed, "isolation", "Isolation over several requests is not offered; each request by itself reads one state of the data.")
	}
	return nil
}

// preferences are those of Prefer that this service knows. Others, and those with values that make no sense, are ignored as
// the header's definition wants it: track-changes, respond-async, include-annotations (there are none to include).
type preferences struct {
	page            int    // rows of a page at most; 0 is not said
	pageName        string // how it was spelled
	omitNulls       bool
	continueOnError bool
	continueName    string
}

func readPreferences(h http.Header) preferences {
	var p preferences
	for _, item := range split(strings.Join(h.Values("Prefer"), ","), ',') {
		parts := split(item, ';')
		if len(parts) == 0 {
			continue
		}
		name, value, _ := strings.Cut(parts[0], "=")
		name = strings.ToLower(strings.TrimSpace(name))
		value = strings.Trim(strings.TrimSpace(value), `"`)
		switch strings.TrimPrefix(name, "odata.") {
		case "maxpagesize":
			if n, err := strconv.ParseInt(value, 10, 32); err == nil && n > 0 && p.page == 0 {
				p.page, p.pageName = int(n), name
			}
		case "omit-values":
			p.omitNulls = value == "nulls"
		case "continue-on-error":
			p.continueOnError, p.continueName = value == "" || value == "true", name
		}
	}
	return p
}
