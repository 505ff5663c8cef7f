package sqldata

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/keywright/keywright/odata/edm"
)

// Publish says which tables of a database are published, and how.
//
// Tables are named as "orders", or "sales.orders" with a schema; the name alone means a schema of the search path. In Tables and
// LeaveOut * stands for any letters: "*", "sales.*", "customers.password", "*.internal_*". Columns have
// the table in front. Case matters in Tables on PostgreSQL, and nowhere else, so that
// LeaveOut and Where hold for what they were meant for; for the same reason their names without a schema hold in every schema,
// and one that means nothing is an error unless it is a pattern.
type Publish struct {
	Namespace string
	Tables    []string            // what is not named is not published
	LeaveOut  []string            // columns
	Names     map[string]string   // "orders" or "orders.cust_no" to the name in the model
	Titles    map[string]string   // the same, to a title
	Keys      map[string][]string // of views and tables without a primary key
	Links     []PublishLink       // relations that no foreign key declares
	// Where are row filters: "orders" to "owner_email = $user.email". Each is tried when the schema is read, and a table whose
	// filter is no condition over its columns is not published.
	Where  map[string]string
	Kept   map[string]Kept   // "orders.created" to how an integer or text column keeps times
	Types  map[string]string // "totals.sum" to the type of a column that SQLite has none for: "decimal(10,2)"
	Caller []string          // the parameters that Where may name, without dollar signs; nil is any
	// Writable lets a role that could write be used.
	Writable bool
}

// PublishLink is a relation: From and To are "table.column", several joined by commas.
type PublishLink struct {
	From, To string
	Name     string // of the way from From to To; "" makes one
	Back     string // of the way back; "" makes one
}

// Warning is what is not published, and why: "orders.photo: bytea has no place in a feed".
type Warning struct {
	Table, Column string
	Text          string
}

// Description is what a database publishes.
type Description struct {
	Model    *edm.Model
	Tables   []Table
	Warnings []Warning
	// Filters are the row filters of Publish by the name of the set. They are part of its Table's Where, which holds more.
	Filters map[string]string
}

// ErrWritable: the role could write, and Publish does not allow that.
var ErrWritable = errors.New("sqldata: this role can write to the database")

// String is the warning with its place in front: "orders.photo: bytea: binary data has no place in a feed".
func (w Warning) String() string {
	switch {
	case w.Table == "":
		return w.Text
	case w.Column == "":
		return w.Table + ": " + w.Text
	}
	return w.Table + "." + w.Column + ": " + w.Text
}

// Describe reads the schema in one read-only transaction and says what is published of it. What can't be published is a
// warning; so is what the configuration names and the database does not have. It fails when the
// database can't be read, when the role could write (ErrWritable), when a row filter names no table, and when the model would
// not be valid.
//
// A table needs a key: Publish.Keys, else its primary key, else a unique index over columns that are never null. Where the database does not
// promise that columns of the key are never null, rows in which they are are not published; that keys of
// Publish.Keys tell rows apart is trusted.
func Describe(ctx context.Context, db *sql.DB, engine Engine, p Publish) (*Description, error) {
	m := newMaker(engine, p)
	if err := m.read(ctx, db); errors.Is(err, ErrWritable) {
		return nil, err
	} else if err != nil {
		return nil, fmt.Errorf("sqldata: %w", inWords(err))
	}
	if err := m.filters(ctx, db); err != nil {
		return nil, fmt.Errorf("sqldata: %w", inWords(err))
	}
	if err := m.exposed(); err != nil {
		return nil, fmt.Errorf("sqldata: %w", err)
	}
	d := m.describe()
	if len(d.Tables) == 0 {
		return nil, fmt.Errorf("sqldata: no table is published%s", m.because())
	}
	if err := d.Model.Check(); err != nil {
		return nil, fmt.Errorf("sqldata: %w", err)
	}
	return d, nil
}
