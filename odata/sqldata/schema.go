package sqldata

import (
	"context"
	"database/sql"
	"errors"

	"github.com/keywright/keywright/odata/edm"
)

// Publish says which tables of a database are published, and how. Patterns are names of tables, or schema.table, in which * stands for any
// letters; those of columns have the table in front: "customers.password", "*.internal_*".
type Publish struct {
	Namespace string
	Tables    []string            // what is not named is not published
	LeaveOut  []string            // columns
	Names     map[string]string   // "orders" or "orders.cust_no" to the name in the model
	Titles    map[string]string   // the same, to a title
	Keys      map[string][]string // of views and tables without a primary key
	Links     []PublishLink       // relations that no foreign key declares
	Where     map[string]string   // row filters: "orders" to "owner_email = $user.email"
	Kept      map[string]Kept     // "orders.created" to how an integer or text column keeps times
	Types     map[string]string   // "totals.sum" to the type of a column that SQLite has none for: "decimal(10,2)"
	Caller    []string            // the parameters that Where may name, without dollar signs; nil is any
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
}

// ErrWritable: the role could write, and Publish does not allow that.
var ErrWritable = errors.New("sqldata: this role can write to the database")

// Open opens a database to be read: a path of SQLite, or a postgres:// address. It does not connect yet. No error of
// it holds a password.
func Open(dsn string, o Options) (*sql.DB, Engine, error) { return nil, 0, errors.New("not yet") }

// Describe reads the schema.
func Describe(ctx context.Context, db *sql.DB, engine Engine, p Publish) (*Description, error) {
	return nil, errors.New("not yet")
}
