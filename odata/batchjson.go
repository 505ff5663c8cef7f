package odata

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/keywright/keywright/odata/edm"
)

// readBatchJSON reads a batch as JSON (JSON Format 4.01, section 19).
func readBatchJSON(body []byte) ([]batched, error) {
	var document struct {
		Requests []struct {
			ID        string            `json:"id"`
			Method    string            `json:"method"`
			URL       string            `json:"url"`
			Headers   map[string]string `json:"headers"`
			DependsOn []string          `json:"dependsOn"`
			Group     string            `json:"atomicityGroup"`
			If        string            `json:"if"`
		} `json:"requests"`
	}
	in := json.NewDecoder(bytes.NewReader(body))
	if err := in.Decode(&document); err != nil {
		return nil, malformed("it is no JSON of a batch")
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return nil, malformed("something follows the JSON")
	}
	if len(document.Requests) == 0 {
		return nil, malformed("it holds no request")
	}
	if len(document.Requests) > batchLimit {
		return nil, malformed("it holds more than %d requests", batchLimit)
	}
	seen := map[string]bool{}
	list := make([]batched, 0, len(document.Requests))
	for _, r := range document.Requests {
		switch {
		case r.ID == "" || seen[r.ID]:
			return nil, malformed("each request needs an id of its own")
		case r.Method == "" || r.URL == "":
			return nil, malformed("request %q has no method or no url", shorten(r.ID))
		case r.If != "":
			return nil, refuse(http.StatusNotImplemented, "not_implemented", "Conditions of requests in a batch are not supported.")
		}
		for _, id := range r.DependsOn {
			if !seen[id] {
				return nil, malformed("request %q depends on one that is not before it", shorten(r.ID))
			}
		}
		seen[r.ID] = true
		if r.Group != "" {
			seen[r.Group] = true
		}
		b := batched{id: r.ID, method: strings.ToUpper(r.Method), target: r.URL, header: http.Header{}, after: r.DependsOn, group: r.Group}
		for name, value := range r.Headers {
			b.header.Set(name, value)
		}
		list = append(list, b)
	}
	return list, nil
}

// batchJSON answers a batch that is JSON in JSON.
func (x *exchange) batchJSON(body []byte) error {
	list, err := readBatchJSON(body)
	if err != nil {
		return err
	}
	x.w.Header().Set("Content-Type", "application/json")
	x.slow()
	x.body = append(x.body, `{"responses":[`...)
	var wrong []string // ids of requests and groups that failed
	for _, b := range list {
		x.body = append(comma(x.body), `{"id":`...)
		x.body = edm.AppendString(x.body, b.id)
		if b.group != "" {
			x.body = append(x.body, `,"atomicityGroup":`...)
			x.body = edm.AppendString(x.body, b.group)
		}
		part := &jsonWriter{out: x.answer, header: http.Header{}}
		if slices.ContainsFunc(b.after, func(id string) bool { return slices.Contains(wrong, id) }) {
			writeError(part, refuse(http.StatusFailedDependency, "failed_dependency", "A request that this one depends on has failed."))
		} else {
			x.answerOne(part, b)
		}
		part.close()
		if part.err != nil {
			return part.err
		}
		x.body = append(x.body, '}')
		if part.status < http.StatusBadRequest {
			continue
		}
		if wrong = append(wrong, b.id); b.group != "" {
			wrong = append(wrong, b.group)
		}
		if !x.prefer.continueOnError {
			break
		}
	}
	x.body = append(x.body, `]}`...)
	return nil
}

// jsonWriter writes an answer as a member of a JSON object: what is JSON as it is, other text as a string, the rest in base64url.
type jsonWriter struct {
	out    *answer
	header http.Header
	status int
	err    error
	text   bool
	binary io.WriteCloser
	begun  bool // body has begun
}

func (w *jsonWriter) Header() http.Header { return w.header }

func (w *jsonWriter) WriteHeader(status int) {
	w.status = status
	b := append(w.out.body, `,"status":`...)
	b = append(b, itoa(int64(status))...)
	b = append(b, `,"headers":{`...)
	names := make([]string, 0, len(w.header))
	for name := range w.header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b = edm.AppendString(comma(b), strings.ToLower(name))
		b = append(b, ':')
		b = edm.AppendString(b, strings.Join(w.header[name], ", "))
	}
	w.out.body = append(b, '}')
}

func (w *jsonWriter) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, w.err
	}
	if !w.begun {
		w.begin()
	}
	switch {
	case w.binary != nil:
		_, _ = w.binary.Write(p)
	case w.text:
		w.quote(p)
	default:
		w.raw(p)
	}
	return len(p), w.err
}

func (w *jsonWriter) begin() {
	w.begun = true
	w.out.body = append(w.out.body, `,"body":`...)
	switch kind, _, _ := strings.Cut(w.header.Get("Content-Type"), ";"); {
	case kind == "application/json":
	case strings.HasPrefix(kind, "text/"):
		w.text = true
		w.out.body = append(w.out.body, '"')
	default:
		w.binary = base64.NewEncoder(base64.RawURLEncoding, rawWriter{w})
		w.out.body = append(w.out.body, '"')
	}
}

// quote writes the inside of a JSON string, of which p may be any part.
func (w *jsonWriter) quote(p []byte) {
	b := w.out.body
	for _, c := range p {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	w.out.body = b
	w.raw(nil)
}

func (w *jsonWriter) raw(p []byte) {
	if _, err := w.out.Write(p); err != nil {
		w.err = err
	}
}

func (w *jsonWriter) close() {
	if w.binary != nil {
		_ = w.binary.Close()
	}
	if w.text || w.binary != nil {
		w.out.body = append(w.out.body, '"')
	}
}

// rawWriter is where base64 goes.
type rawWriter struct{ *jsonWriter }

func (w rawWriter) Write(p []byte) (int, error) {
	w.raw(p)
	return len(p), w.err
}
