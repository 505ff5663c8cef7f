// Package fault is the one error of Keywright's inside.
//
// A Fault says three things to three readers: its Kind and Code to programs, its Detail to the
// person who asked, and its cause to the log. Every surface renders it once, in the form its
// protocol wants (RFC 9457, RFC 6749 section 5.2, a page), and nothing but Code, Detail, Fields and
// RetryAfter ever leaves the process. An error that is no Fault is internal: logged with the
// request's id, never shown. That keeps SQL, file names and secrets out of answers without each
// handler having to think of it.
package fault

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/keywright/keywright/api"
)

// Kind is the class of a fault; surfaces map it to a status.
type Kind int

// The kinds of fault, from "the caller's doing" to "ours".
const (
	Internal        Kind = iota // our bug or our machine's trouble
	BadRequest                  // could not be read at all
	Invalid                     // read, but a field is wrong
	Unauthenticated             // who is asking is not known
	Forbidden                   // known, but may not
	NotFound                    // absent, foreign or malformed id: never told apart
	Conflict                    // right request, wrong state
	TooLarge                    // longer than the stated limit
	Throttled                   // too many of these; see RetryAfter
	Unavailable                 // can't answer now; asking again may work
)

// Field is what is wrong with one field of a request.
type Field struct {
	Name   string   // as the caller wrote it, dots for nesting: "expiry.max_days"
	Code   api.Code // stable reason
	Detail string   // a sentence that says what to do
}

// Error is a refusal or a failure. Build one with New or Wrap and the With methods.
type Error struct {
	Kind       Kind
	Code       api.Code
	Detail     string        // public: one or two sentences that say what to do; never echoes ids or secrets
	Fields     []Field       // public
	RetryAfter time.Duration // public, where Kind is Throttled or Unavailable
	cause      error         // for the log only
}

// New returns a fault with a public sentence.
func New(kind Kind, code api.Code, detail string) *Error {
	return &Error{Kind: kind, Code: code, Detail: detail}
}

// Wrap returns an internal fault: what says for the log what was being done.
// A fault inside err passes through unchanged, so that wrapping never hides a refusal.
func Wrap(err error, what string) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	return &Error{Kind: Internal, Code: api.CodeInternal, Detail: "Something went wrong on our side. Try again; if it stays, give the request id to your administrator.", cause: fmt.Errorf("%s: %w", what, err)}
}

// Missing is the answer for an id that is absent, foreign or malformed: always the same.
func Missing() *Error {
	return New(NotFound, api.CodeNotFound, "There is nothing here that you can see.")
}

// Because returns a copy of e with a cause for the log.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// On returns a copy of e that names the field it is about.
func (e *Error) On(field string) *Error {
	c := *e
	c.Fields = append(slices.Clip(c.Fields), Field{Name: field, Code: e.Code, Detail: e.Detail})
	return &c
}

// Error is for the log: it includes the cause, so it must not be shown to callers.
func (e *Error) Error() string {
	if e.cause != nil {
		return string(e.Code) + ": " + e.cause.Error()
	}
	return string(e.Code) + ": " + e.Detail
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// Is makes errors.Is(err, fault) true when kind and code agree.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Kind == e.Kind && t.Code == e.Code
}

// From returns err as a fault; an error that is none becomes an internal one.
func From(err error) *Error {
	if f, ok := errors.AsType[*Error](err); ok {
		return f
	}
	f, _ := errors.AsType[*Error](Wrap(err, "unexpected"))
	return f
}

// CodeOf returns the code of err; CodeInternal when err is no fault, "" when err is nil.
func CodeOf(err error) api.Code {
	if err == nil {
		return ""
	}
	return From(err).Code
}

// Invalids joins the problems of several fields into one fault; nil when there are none.
// The fault's own code and sentence are the first field's.
func Invalids(fields []Field) error {
	if len(fields) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Code: fields[0].Code, Detail: fields[0].Detail, Fields: fields}
}
