package odata

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/keywright/keywright/odata/edm"
)

// option is one option of a query, decoded.
type option struct{ name, value string }

// is says whether an option is the system query option of this name, in any case, with or without its dollar sign.
func (o option) is(name string) bool {
	return strings.EqualFold(strings.TrimPrefix(o.name, "$"), name)
}

// options divides a query as OData wants it (URL Conventions 2.1): first at &, then at the first =, then each part is
// decoded, once; a plus sign is one.
func options(raw string) []option {
	var list []option
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		list = append(list, option{decode(name), decode(value)})
	}
	return list
}

// decode leaves what is no encoding as it is; package uri has refused it by then.
func decode(s string) string {
	if d, err := url.PathUnescape(s); err == nil {
		return d
	}
	return s
}

// custom says whether an option is the client's own: no system query option.
func (x *exchange) custom(o option) bool {
	_, is := x.request.Options.Custom[o.name]
	return is
}

// binding is what a skip token is good for: this caller, this service, this path, and these options but for $skiptoken and
// custom ones, which change nothing (some clients add keys of their own to each link).
func (x *exchange) binding(path, query string) []byte {
	root := x.access.Root
	if u, err := url.Parse(root); err == nil {
		root = u.Path
	}
	b := appendText(nil, x.access.Caller)
	b = appendText(b, root)
	for segment := range strings.SplitSeq(path, "/") {
		b = appendText(b, decode(segment))
	}
	list := slices.DeleteFunc(options(query), func(o option) bool { return o.is("skiptoken") || x.custom(o) })
	slices.SortStableFunc(list, func(a, b option) int { return strings.Compare(a.name, b.name) })
	b = append(b, 0)
	for _, o := range list {
		b = appendText(appendText(append(b, 1), o.name), o.value)
	}
	return b
}

// position is where the answer begins.
func (x *exchange) position() (position, error) {
	given := slices.Contains(x.request.Options.Given, "skiptoken")
	if !given && x.bound.SkipToken == "" {
		return position{page: x.prefer.page}, nil
	}
	p, ok := x.service.seal.open(x.bound.SkipToken, x.binding(x.path, x.query))
	if !ok || len(p.after) == 0 || len(p.after) != len(x.bound.Query.Order) {
		f := refuse(http.StatusBadRequest, "invalid_skiptoken",
			"This $skiptoken was not made for this query and this caller. Follow next links as they are, or start again without one.")
		f.target = "$skiptoken"
		return p, f
	}
	if x.prefer.page > 0 {
		p.page = x.prefer.page
	} else if p.page > 0 {
		x.prefer.pageName = "odata.maxpagesize"
	}
	return p, nil
}

// nextLink is the URL of the page at a position: the path and the options as they were sent, with a token of its own.
func (x *exchange) nextLink(path, query string, p position) (string, error) {
	token, err := x.service.seal.seal(p, x.binding(path, query))
	if err != nil {
		return "", err
	}
	b := append([]byte(x.access.Root), sanitize(path)...)
	b = append(b, '?')
	for part := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(part, "=")
		if o := (option{name: decode(name)}); part == "" || o.is("skiptoken") && !x.custom(o) {
			continue
		}
		b = append(append(b, sanitize(part)...), '&')
	}
	return string(append(b, "$skiptoken="+token...)), nil
}

const (
	unreserved = "-._~"
	inPath     = unreserved + "!$'()*,:@" // of text in a path or an option that needs no encoding
	asSent     = inPath + "%&+;=/?"       // of what a client has encoded already
	hex        = "0123456789ABCDEF"
)

// appendEscaped percent-encodes text but for letters, digits and what keep holds.
func appendEscaped(b []byte, text, keep string) []byte {
	for i := range len(text) {
		c := text[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(keep, c) >= 0 {
			b = append(b, c)
			continue
		}
		b = append(b, '%', hex[c>>4], hex[c&15])
	}
	return b
}

// sanitize encodes what should have been encoded and was let pass.
func sanitize(raw string) string {
	return string(appendEscaped(nil, raw, asSent))
}

// appendKey writes a value as it stands in a key predicate of a URL.
func appendKey(b []byte, t edm.Type, v any, namespace string) []byte {
	text := t.Format(v)
	switch t.Kind {
	case edm.String:
		text = "'" + strings.ReplaceAll(text, "'", "''") + "'"
	case edm.Duration:
		text = "duration'" + text + "'"
	case edm.Enum:
		text = namespace + "." + t.Enum.Name + "'" + text + "'"
	default:
	}
	return appendEscaped(b, text, inPath)
}

// nestedQuery is the query that reads further rows of an expanded collection: its own options, as the client wrote them inside
// of $expand, with the aliases that they may use and the format.
func (x *exchange) nestedQuery(r *related) string {
	var b []byte
	add := func(o option) {
		if len(b) > 0 {
			b = append(b, '&')
		}
		b = append(appendEscaped(b, o.name, inPath), '=')
		b = appendEscaped(b, o.value, inPath+"/=")
	}
	for _, o := range x.nestedOptions(r) {
		add(o)
	}
	for _, o := range options(x.query) {
		if o.is("format") || strings.HasPrefix(o.name, "@") {
			add(o)
		}
	}
	return string(b)
}

func (x *exchange) nestedOptions(r *related) []option {
	above := options(x.query)
	if r.above != nil {
		above = x.nestedOptions(r.above)
	}
	return inside(above, r.Nav.Name)
}

// inside finds the options of one navigation property in those around it. A property with $levels is expanded once more inside of
// itself, with one level less.
func inside(around []option, nav string) []option {
	var own []option
	for _, o := range around {
		if !o.is("expand") {
			continue
		}
		for _, item := range cut(o.value, ',') {
			path, rest, nested := strings.Cut(item, "(")
			name, _, _ := strings.Cut(strings.TrimSpace(path), "/")
			if name != nav && name != "*" {
				continue
			}
			own = nil
			if nested {
				for _, part := range cut(rest[:max(strings.LastIndexByte(rest, ')'), 0)], ';') {
					name, value, _ := strings.Cut(part, "=")
					own = append(own, option{strings.TrimSpace(name), value})
				}
			}
			if name == nav {
				return deeper(own, nav)
			}
		}
	}
	return deeper(own, nav)
}

// deeper replaces $levels by one more expand.
func deeper(list []option, nav string) []option {
	at := slices.IndexFunc(list, func(o option) bool { return o.is("levels") })
	if at < 0 {
		return list
	}
	levels := less(list[at].value)
	list = slices.Delete(list, at, at+1)
	if levels == "" {
		return list
	}
	var parts []string
	for _, o := range list {
		parts = append(parts, o.name+"="+o.value)
	}
	again := nav + "(" + strings.Join(append(parts, "$levels="+levels), ";") + ")"
	if at = slices.IndexFunc(list, func(o option) bool { return o.is("expand") }); at >= 0 {
		list[at].value += "," + again
		return list
	}
	return append(list, option{"$expand", again})
}

// less is one level less; "" is none.
func less(levels string) string {
	if levels = strings.TrimSpace(levels); levels == "max" {
		return levels
	}
	n := 0
	for _, c := range levels {
		n = min(n*10+int(c-'0'), 1000)
	}
	if n <= 1 {
		return ""
	}
	digits := ""
	for n--; n > 0; n /= 10 {
		digits = string(rune('0'+n%10)) + digits
	}
	return digits
}

// cut divides options at a separator that is in no parentheses and no quotes. Quotes are doubled inside of strings, which
// closes and opens them again.
func cut(text string, separator byte) []string {
	var parts []string
	begin, depth := 0, 0
	var quote byte
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quote == '"' && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '(' || c == '[' || c == '{':
			depth++
		case c == ')' || c == ']' || c == '}':
			depth--
		case c == separator && depth == 0 && (c != ';' || beginsOption(text[i+1:])):
			parts = append(parts, text[begin:i])
			begin = i + 1
		}
	}
	return append(parts, text[begin:])
}

// beginsOption tells a semicolon that divides options from one that is searched for.
func beginsOption(behind string) bool {
	behind = strings.TrimLeft(behind, " \t")
	return behind != "" && (behind[0] == '$' || behind[0] == '@')
}
