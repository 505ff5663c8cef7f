package query

import (
	"errors"
	"time"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/uri"
)

// Form of what a request asks for.
type Ask uint8

// What can be asked for.
const (
	ServiceDocument Ask = iota
	Metadata
	Batch
	Collection // rows
	Entity     // one row
	Value      // one property of one row
	RawValue   // …/$value
	Size       // …/$count
)

// Bound is a request that the model understands.
type Bound struct {
	Ask   Ask
	Query *Query // nil for the documents and Batch
	// Count says that $count=true was given.
	Count bool
	// References says that references are asked for instead of rows: …/$ref.
	References bool
	// Property is what Value and RawValue read: the first of Query.Columns.
	Property *edm.Property
	// Addressed says that Query names an entity by key: if there is none, the answer is 404. Otherwise, behind a
	// single-valued navigation property, it is 204. When Query.Of is set, its entity has to exist as well: 404.
	Addressed bool
	// Context is the fragment of the context URL: "Tokens(Name,Owner())/$entity".
	Context string
	// Format is $format as given; "" is none.
	Format string
	// SkipToken is $skiptoken as given; "" is none.
	SkipToken string
}

// Options are what binding needs beside the model.
type Options struct {
	Now       time.Time // what now() is
	MaxExpand int       // levels of $expand, as nested or by $levels; 0 is 5
}

// Bind resolves a request against a model. Errors are *Error. Every Query in the result has a total Order and Columns that
// begin with those that are written.
func Bind(m *edm.Model, r *uri.Request, o Options) (*Bound, error) {
	return nil, errors.New("not yet")
}
