package sqldata

import (
	"context"
	"database/sql"

	"github.com/keywright/keywright/odata/edm"
)

// relation is a table or a view, as a database describes it.
type relation struct {
	schema, name string // schema is "" in SQLite
	path         int    // place of the schema in the search path; -1 is outside, where the name alone does not reach
	oid          int64  // PostgreSQL
	part         bool   // a partition, published by its own name only
	heirs        bool   // other tables inherit from it, and their rows, which are its rows too, may repeat keys
	description  string
	problem      string // why it can't be published
	columns      []*column
	primary      []string   // columns of the primary key, in its order
	uniques      [][]string // columns of each unique index
	references   []reference
}

// column is a column of a relation, and what becomes of it.
type column struct {
	name        string
	declared    string // its type, as people write it
	notNull     bool
	description string
	problem     string // why it can't be published
	typ         edm.Type
	enum        *enumeration
	document    bool // JSON or XML: not searched, no key
	cast        string
	kept        Kept
}

// enumeration is a type of PostgreSQL.
type enumeration struct {
	schema, name string
	labels       []string
}

// reference is a foreign key.
type reference struct {
	name          string
	from, to      []string
	schema, table string
	trusted       bool // the database makes sure that the other row exists
}

// catalogue reads the schema of one engine.
type catalogue interface {
	// list names all tables and views.
	list(ctx context.Context) ([]*relation, error)
	// load reads what some of them are like.
	load(ctx context.Context, rs []*relation) error
}

// String is the name that people would write.
func (r *relation) String() string {
	if r.schema == "" || r.path >= 0 {
		return r.name
	}
	return r.schema + "." + r.name
}

// from is the relation as SQL names it.
func (r *relation) from() string {
	if r.schema == "" {
		return quote(r.name)
	}
	return quote(r.schema) + "." + quote(r.name)
}

func (r *relation) column(name string) *column {
	for _, c := range r.columns {
		if c.name == name {
			return c
		}
	}
	return nil
}

// unique reports whether rows are told apart by what some columns hold, nulls aside.
func (r *relation) unique(columns []string) bool {
	for _, key := range append([][]string{r.primary}, r.uniques...) {
		if len(key) > 0 && subset(key, columns) {
			return true
		}
	}
	return false
}

func subset(some, of []string) bool {
	have := map[string]bool{}
	for _, s := range of {
		have[s] = true
	}
	for _, s := range some {
		if !have[s] {
			return false
		}
	}
	return true
}

// each calls scan for every row of a query.
func each(ctx context.Context, tx *sql.Tx, scan func(scan func(...any) error) error, query string, args ...any) error {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
