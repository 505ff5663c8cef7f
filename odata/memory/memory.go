// Package memory gives rows that are Go values. It is for small sets, for tests, and for seeing what an expression is
// worth: it answers by query.Evaluate, the reference that other sources are compared with. Every query
// walks all rows of its set.
package memory

import (
	"context"
	"errors"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
)

// Source holds rows: for each set, rows with a value for each of its Properties, in their order.
type Source map[*edm.EntitySet][][]any

// Open begins reading.
func (s Source) Open(context.Context) (query.Reader, error) { return nil, errors.New("not yet") }
