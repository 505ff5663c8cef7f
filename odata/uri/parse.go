package uri

import "fmt"

// Limits bound what is read. A zero field takes its default.
type Limits struct {
	Bytes int // of path and query together; 0 is 16,384
	Depth int // of nesting; 0 is 100
	Nodes int // of all expressions together; 0 is 2,000
}

// Error says what is wrong with a URL, and where.
type Error struct {
	Option      string // "$filter"; "" for the path
	Pos         int    // in bytes, in the option's text after percent-decoding, or in the path as it was sent
	Message     string // "expected an expression, found \")\""
	Unsupported bool   // the grammar knows it, nothing here does it: 501 instead of 400
	TooLong     bool   // 414
}

func (e *Error) Error() string {
	if e.Option == "" {
		return fmt.Sprintf("path, character %d: %s", e.Pos+1, e.Message)
	}
	return fmt.Sprintf("%s, character %d: %s", e.Option, e.Pos+1, e.Message)
}

// Parse reads the path below the service root and the query, both still percent-encoded. Errors are *Error.
func Parse(path, query string, l Limits) (*Request, error) {
	return nil, &Error{Message: "not yet"}
}
