package odata

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	early    = 32 << 10               // bytes that are kept back, so that what fails early is an error and no broken answer
	worthZip = 1 << 10                // bytes from which compression is worth it
	patience = 500 * time.Millisecond // how long rows are kept back when their source is slow
	stalled  = time.Minute            // how long a client may take for the next bytes before it is given up
)

// errEnough ends an answer whose headers are all that is wanted: that of HEAD.
var errEnough = errors.New("odata: nothing more is wanted")

// errGone says that the client takes no more.
var errGone = errors.New("odata: the client is gone")

// answer collects a response. What stays below a bound is sent whole, with its length and an ETag; of anything larger the
// rest is streamed, and can no longer become an error: it breaks off.
//
// Writers append to body and then call spill.
type answer struct {
	w       http.ResponseWriter
	r       *http.Request
	service *Service
	body    []byte
	status  int
	begun   bool // headers are sent
	fixed   bool // body is all there will be, however large
	tag     bool // may have an ETag
	zip     *gzip.Writer
	until   time.Time   // when the request has to be done
	due     atomic.Bool // what there is should go out
	timer   *time.Timer
}

func (s *Service) newAnswer(w http.ResponseWriter, r *http.Request) *answer {
	body, _ := s.buffers.Get().(*[]byte)
	if body == nil {
		fresh := make([]byte, 0, early+early/4)
		body = &fresh
	}
	setVersion(w.Header())
	w.Header().Add("Vary", "Accept, Accept-Charset, Accept-Encoding, OData-MaxVersion, Prefer")
	return &answer{w: w, r: r, service: s, body: (*body)[:0], status: http.StatusOK, tag: true}
}

// release gives back what is used again. Nothing may be written behind it.
func (o *answer) release() {
	if o.timer != nil {
		o.timer.Stop()
	}
	if o.begun {
		o.deadline(time.Time{}) // the connection's next request has one of its own
	}
	if o.zip != nil {
		o.zip.Reset(io.Discard)
		o.service.zips.Put(o.zip)
		o.zip = nil
	}
	if body := o.body; cap(body) <= 4*early {
		o.service.buffers.Put(&body)
	}
}

// slow says that rows follow one by one, from a source that may take its time.
func (o *answer) slow() {
	if o.timer == nil {
		o.timer = time.AfterFunc(patience, func() { o.due.Store(true) })
	}
}

// full says whether spill is worth calling.
func (o *answer) full() bool { return len(o.body) >= early || o.due.Load() }

// Write is for those that don't append: parts of a batch.
func (o *answer) Write(p []byte) (int, error) {
	o.body = append(o.body, p...)
	if o.full() {
		return len(p), o.spill()
	}
	return len(p), nil
}

// spill sends what there is.
func (o *answer) spill() error {
	first := !o.begun
	if first {
		if match := o.r.Header.Values("If-Match"); o.tag && len(match) > 0 && !tagged(match, "", false) {
			return mismatch() // what is streamed has no tag
		}
		if err := o.begin(-1); err != nil {
			return err
		}
	}
	o.hurry()
	if err := o.send(o.body); err != nil {
		return err
	}
	o.body = o.body[:0]
	if first || o.due.Load() {
		if o.zip != nil {
			if err := o.zip.Flush(); err != nil {
				return fmt.Errorf("%w: %w", errGone, err)
			}
		}
		if err := http.NewResponseController(o.w).Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return fmt.Errorf("%w: %w", errGone, err)
		}
		o.due.Store(false)
		if o.timer != nil {
			o.timer.Reset(patience)
		}
	}
	return nil
}

func (o *answer) send(p []byte) error {
	var to io.Writer = o.w
	if o.zip != nil {
		to = o.zip
	}
	if _, err := to.Write(p); err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return nil
}

// hurry gives the client some time for what follows.
func (o *answer) hurry() {
	t := time.Now().Add(stalled)
	if !o.until.IsZero() && o.until.Before(t) {
		t = o.until
	}
	o.deadline(t)
}

// deadline is best effort: not every writer has one.
func (o *answer) deadline(t time.Time) {
	_ = http.NewResponseController(o.w).SetWriteDeadline(t)
}

// zipped says whether the client takes gzip.
func (o *answer) zipped() bool {
	for _, item := range split(strings.Join(o.r.Header.Values("Accept-Encoding"), ","), ',') {
		name, rest, _ := strings.Cut(item, ";")
		name = strings.TrimSpace(name)
		if !strings.EqualFold(name, "gzip") && name != "*" {
			continue
		}
		q, given := strings.CutPrefix(strings.ReplaceAll(rest, " ", ""), "q=")
		return !given || strings.Trim(q, "0.") != ""
	}
	return false
}

// begin sends the headers. length is that of the whole body, as it will be sent; -1 is unknown.
func (o *answer) begin(length int) error {
	h := o.w.Header()
	if length >= 0 {
		h.Set("Content-Length", strconv.Itoa(length))
	} else if o.status == http.StatusOK && o.zipped() {
		h.Set("Content-Encoding", "gzip")
		if o.zip, _ = o.service.zips.Get().(*gzip.Writer); o.zip == nil {
			o.zip, _ = gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
		}
		o.zip.Reset(o.w)
	}
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "private, no-cache")
	}
	o.begun = true
	o.w.WriteHeader(o.status)
	if o.r.Method == http.MethodHead {
		return errEnough
	}
	return nil
}

// finish sends the rest, or all.
func (o *answer) finish() error {
	if o.begun {
		if err := o.spill(); err != nil {
			return err
		}
		if o.zip != nil {
			return o.zip.Close()
		}
		return nil
	}
	if o.status == http.StatusNoContent {
		o.w.Header().Del("Content-Type")
		return o.begin(-1)
	}
	if len(o.body) > 2*early && !o.fixed {
		if err := o.spill(); err != nil {
			return err
		}
		return o.finish()
	}
	zip := len(o.body) >= worthZip && o.zipped()
	if o.tag && o.status == http.StatusOK {
		if done, err := o.conditional(zip); done || err != nil {
			return err
		}
	}
	body := o.body
	if zip {
		o.w.Header().Set("Content-Encoding", "gzip")
		body = o.service.compress(o.body)
	}
	if err := o.begin(len(body)); err != nil {
		return err
	}
	o.hurry()
	if _, err := o.w.Write(body); err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return nil
}

// compress makes a whole body smaller.
func (s *Service) compress(body []byte) []byte {
	var out writer
	zip, _ := s.zips.Get().(*gzip.Writer)
	if zip == nil {
		zip, _ = gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	}
	zip.Reset(&out)
	_, _ = zip.Write(body)
	_ = zip.Close()
	zip.Reset(io.Discard)
	s.zips.Put(zip)
	return out
}

// writer is a slice that is written to.
type writer []byte

func (w *writer) Write(p []byte) (int, error) {
	*w = append(*w, p...)
	return len(p), nil
}

// conditional sets the ETag and answers 304 or 412 if the request's conditions say so. The tag is one of a representation: its
// type and encoding are part of it.
func (o *answer) conditional(zip bool) (done bool, err error) {
	h := o.w.Header()
	digest := sha256.New()
	_, _ = io.WriteString(digest, h.Get("Content-Type"))
	_, _ = digest.Write([]byte{0, map[bool]byte{true: 1}[zip]})
	_, _ = digest.Write(o.body)
	tag := `"` + base64.RawURLEncoding.EncodeToString(digest.Sum(nil)[:15]) + `"`
	if match := o.r.Header.Values("If-Match"); len(match) > 0 && !tagged(match, tag, false) {
		return false, mismatch()
	}
	h.Set("ETag", tag)
	if !tagged(o.r.Header.Values("If-None-Match"), tag, true) {
		return false, nil
	}
	o.status = http.StatusNotModified
	h.Del("Content-Type")
	if err := o.begin(-1); err != nil && !errors.Is(err, errEnough) {
		return true, err
	}
	return true, nil
}

func mismatch() error {
	return refuse(http.StatusPreconditionFailed, "precondition_failed", "What If-Match names is not what there is now.")
}

// tagged says whether a list of tags holds this one.
func tagged(list []string, tag string, weak bool) bool {
	for _, item := range split(strings.Join(list, ","), ',') {
		if weak {
			item = strings.TrimPrefix(item, "W/")
		}
		if item == tag || item == "*" {
			return true
		}
	}
	return false
}
