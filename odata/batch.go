package odata

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
)

// batchLimit is how many requests a batch has at most, those in its change sets too.
const batchLimit = 100

// batched is one request of a batch.
type batched struct {
	id      string
	method  string
	target  string
	header  http.Header
	changes bool // a change set: it has one answer
	after   []string
	group   string
}

// malformed refuses a batch as a whole.
func malformed(form string, args ...any) *failure {
	return refuse(http.StatusBadRequest, "invalid_batch", "The batch can't be read: "+fmt.Sprintf(form, args...)+".")
}

// batch answers many requests at once, in their order, until one fails (Protocol 11.7). All of them are read before the first
// is answered. Each is answered as if it had come by itself, with what the caller of the batch may read: a credential in one of them
// is never looked at.
func (x *exchange) batch() error {
	if x.query != "" {
		for _, o := range options(x.query) {
			if strings.HasPrefix(o.name, "$") {
				return refuse(http.StatusBadRequest, "invalid_url", "$batch takes no query options.")
			}
		}
	}
	kind, params, err := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/mixed" && kind != "application/json" {
		return refuse(http.StatusUnsupportedMediaType, "unsupported_media_type", "A batch is multipart/mixed or application/json.")
	}
	body, err := x.readBody()
	if err != nil {
		return err
	}
	x.tag = false
	if x.prefer.continueOnError {
		x.w.Header().Set("Preference-Applied", x.prefer.continueName)
	}
	if kind == "application/json" {
		return x.batchJSON(body)
	}
	list, err := readMultipart(bytes.NewReader(body), params["boundary"], true)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return malformed("it holds no request")
	}
	return x.answerMultipart(list)
}

// readMultipart reads the parts of a batch, or of a change set in it.
func readMultipart(body io.Reader, boundary string, outer bool) ([]batched, error) {
	if boundary == "" || len(boundary) > 70 {
		return nil, malformed("its boundary is missing or longer than 70 characters")
	}
	var list []batched
	count := 0
	for parts := multipart.NewReader(body, boundary); ; {
		part, err := parts.NextRawPart()
		if err == io.EOF { //nolint:errorlint // wrapped it says that the closing boundary is missing
			return list, nil
		}
		if err != nil {
			return nil, malformed("a part or the closing boundary is missing")
		}
		b, n, err := readPart(part, outer)
		if err != nil {
			return nil, err
		}
		if count += n; count > batchLimit {
			return nil, malformed("it holds more than %d requests", batchLimit)
		}
		list = append(list, b)
	}
}

// readPart reads one part; n is how many requests it holds.
func readPart(part *multipart.Part, outer bool) (b batched, n int, err error) {
	kind, params, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
	switch {
	case err == nil && kind == "multipart/mixed" && outer:
		inner, err := readMultipart(part, params["boundary"], false)
		return batched{changes: true, id: part.Header.Get("Content-ID")}, max(len(inner), 1), err
	case err != nil || kind != "application/http":
		return b, 1, malformed("a part is neither application/http nor a change set")
	}
	b, err = readRequest(part)
	if id := part.Header.Get("Content-ID"); id != "" {
		b.id = id
	}
	return b, 1, err
}

// readRequest reads a request line and headers. A body belongs to a request that is refused anyway.
func readRequest(part io.Reader) (b batched, err error) {
	in := textproto.NewReader(bufio.NewReader(part))
	line, err := in.ReadLine()
	if err != nil && line == "" {
		return b, malformed("a part holds no request")
	}
	var rest string
	b.method, rest, _ = strings.Cut(line, " ")
	at := strings.LastIndexByte(rest, ' ')
	if at < 0 || !strings.HasPrefix(rest[at+1:], "HTTP/1.") {
		return b, malformed("a request begins with a method, a URL and HTTP/1.1, not with %q", shorten(line))
	}
	b.target = strings.TrimSpace(rest[:at])
	header, err := in.ReadMIMEHeader()
	if err != nil && !errors.Is(err, io.EOF) {
		return b, malformed("the headers of a request are no headers")
	}
	b.header = http.Header(header)
	b.id = b.header.Get("Content-ID")
	return b, nil
}

func shorten(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}

// answerMultipart writes the answers.
func (x *exchange) answerMultipart(list []batched) error {
	boundary := "batch_" + rand.Text()
	x.w.Header().Set("Content-Type", "multipart/mixed;boundary="+boundary)
	x.slow()
	for _, b := range list {
		x.body = append(x.body, "--"+boundary+"\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"...)
		if b.id != "" {
			x.body = append(x.body, "Content-ID: "+strings.Map(printable, b.id)+"\r\n"...)
		}
		x.body = append(x.body, "\r\n"...)
		part := &partWriter{out: x.answer, header: http.Header{}}
		x.answerOne(part, b)
		if part.err != nil {
			return part.err
		}
		x.body = append(x.body, "\r\n"...)
		if part.status >= http.StatusBadRequest && !x.prefer.continueOnError {
			break
		}
	}
	x.body = append(x.body, "--"+boundary+"--\r\n"...)
	return nil
}

func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return -1
	}
	return r
}

// answerOne answers one request of a batch, as Serve does.
func (x *exchange) answerOne(w http.ResponseWriter, b batched) {
	r, err := x.inner(b)
	if err != nil {
		writeError(w, failed(err))
		return
	}
	x.service.Serve(w, r, x.access)
}

// inner makes a request of one in a batch.
func (x *exchange) inner(b batched) (*http.Request, error) {
	if b.changes || b.method != http.MethodGet && b.method != http.MethodHead {
		f := refuse(http.StatusMethodNotAllowed, "method_not_allowed", "This service is read-only: a batch may hold GET and HEAD.")
		f.header = http.Header{"Allow": {"GET, HEAD"}}
		return nil, f
	}
	target, err := x.below(b.target)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(x.ctx, b.method, "/", http.NoBody)
	if err != nil {
		return nil, err
	}
	r.URL = target
	for name, values := range b.header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	for _, name := range []string{"Authorization", "Cookie", "Accept-Encoding"} {
		r.Header.Del(name)
	}
	if v := x.r.Header.Get("OData-MaxVersion"); v != "" && r.Header.Get("OData-MaxVersion") == "" {
		r.Header.Set("OData-MaxVersion", v)
	}
	return r, nil
}

// below makes of a URL in a batch one that is relative to the service: it may be absolute, begin with a slash, or be relative to
// the service's root already.
func (x *exchange) below(target string) (*url.URL, error) {
	outside := refuse(http.StatusBadRequest, "invalid_url", "A URL in a batch has to be below "+x.access.Root+".")
	root, err := url.Parse(x.access.Root)
	if err != nil {
		return nil, err
	}
	rest := target
	if scheme, behind, absolute := strings.Cut(target, "://"); absolute && !strings.ContainsAny(scheme, "/?'") {
		host, _, _ := strings.Cut(behind, "/")
		host, _, _ = strings.Cut(host, "?")
		if !strings.EqualFold(scheme, root.Scheme) || !strings.EqualFold(host, root.Host) {
			return nil, outside
		}
		rest = behind[len(host):]
		if rest == "" || rest[0] != '/' {
			rest = "/" + rest
		}
	}
	path, query, _ := strings.Cut(rest, "?")
	if strings.HasPrefix(path, "/") {
		below, ok := strings.CutPrefix(path+"/", root.EscapedPath())
		if !ok {
			return nil, outside
		}
		path = strings.TrimSuffix(below, "/")
	}
	decoded, err := url.PathUnescape(path)
	if err != nil || strings.ContainsAny(rest, "#\t") {
		return nil, refuse(http.StatusBadRequest, "invalid_url", "This is no URL.")
	}
	return &url.URL{Path: "/" + decoded, RawPath: "/" + sanitize(path), RawQuery: query}, nil
}

// partWriter writes an answer as a part of another.
type partWriter struct {
	out    *answer
	header http.Header
	status int
	err    error
}

func (w *partWriter) Header() http.Header { return w.header }

func (w *partWriter) WriteHeader(status int) {
	w.status = status
	_, _ = io.WriteString(w, "HTTP/1.1 "+strconv.Itoa(status)+" "+http.StatusText(status)+"\r\n")
	if err := w.header.Write(w); err != nil {
		w.err = err
	}
	_, _ = io.WriteString(w, "\r\n")
}

func (w *partWriter) Write(p []byte) (int, error) {
	n, err := w.out.Write(p)
	if err != nil {
		w.err = err
	}
	return n, err
}
