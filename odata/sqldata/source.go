// Package sqldata publishes tables of SQLite and PostgreSQL: it reads a schema and makes a model of it, and answers queries by
// SQL.
//
// Text of a client never becomes SQL: names come from the model and are quoted, every value is a parameter. What a
// caller may see is part of what a table is (Table.From and Table.Where), so that it holds wherever the table
// occurs: in any, all, $expand, $count and navigation alike. The database is opened to be read; a role that
// could write is refused unless one insists.
package sqldata

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
)

// Engine is a kind of database.
type Engine uint8

// The engines.
const (
	SQLite Engine = iota
	Postgres
)

// Table is where the rows of a set are.
type Table struct {
	Set *edm.EntitySet
	// From is a quoted table or view, or a query in parentheses. It may hold parameters of the caller by name: $me, $user.email.
	From string
	// Where is a condition on From's columns that every row fulfils, parameters as in From; "" is none.
	Where string
	// Columns say how each property is kept.
	Columns map[*edm.Property]Column
}

// Column is how a property is kept.
type Column struct {
	Name string // of a column of From, not quoted
	Kept Kept
	// Cast is a type of SQL that the column is cast to wherever it is read or compared, "text" for example; "" is none.
	Cast string
}

// Kept is how values are kept where the database has no type of its own for them.
type Kept uint8

// Ways to keep values.
const (
	Plain     Kept = iota // as the engine's own type
	Micros                // instants as integer microseconds since 1970
	Seconds               // instants as integer seconds since 1970
	DayNumber             // dates as integer days since 1970
	Labels                // enumerations as the text of EnumMember.Stored; otherwise they are integers
	ISO                   // instants, dates and times of day as ISO 8601 text (SQLite)
)

// Options bound what a source may cost.
type Options struct {
	Timeout    time.Duration // of one statement; 0 is 30 s
	Concurrent int           // requests that read at the same time; 0 is 4
	Wait       time.Duration // for a free place, before query.ErrBusy; 0 is 2 s
}

// Source answers queries from one database.
type Source struct {
	caller map[string]any
}

// New makes a source of tables that are described already.
func New(db *sql.DB, engine Engine, tables []Table, o Options) (*Source, error) {
	return nil, errors.New("not yet")
}

// As gives the same source with the parameters of one caller: names without their dollar sign ("user.email"), values that
// the database takes. A parameter that is missing is an error when a query needs it.
func (s *Source) As(caller map[string]any) *Source { return &Source{caller: caller} }

// Open waits for a free place and begins a read-only transaction.
func (s *Source) Open(context.Context) (query.Reader, error) { return nil, errors.New("not yet") }
