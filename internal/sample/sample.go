// Package sample makes the database that the demo publishes as a feed and that benchmarks read: a small company
// that trades in food, with customers, employees, suppliers, products, and some years of orders.
//
// It is invented, and the same every time: a generator of its own with a fixed seed says what happens, so that what
// is written about it (in documentation, in tests) stays true. It has what real databases have and feeds stumble over:
// a text key, a key of two columns, a table that refers to itself, columns that are null, decimals beside floating
// point, a status that only some texts may be, and a view without a key. The same statements run on SQLite and on
// PostgreSQL.
package sample

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"

	_ "modernc.org/sqlite" // the driver
)

// Lines is how many order lines a small company of File has.
const Lines = 2500

// File makes an SQLite file of a few thousand rows. A file that is there already stays as it is. What it makes is under
// another name until it is whole.
func File(ctx context.Context, path string) (err error) {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	half := path + ".new"
	if err := os.Remove(half); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// Nobody can lose what nobody has yet.
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: half}).EscapedPath()+"?_pragma=journal_mode(off)&_pragma=synchronous(off)&_pragma=foreign_keys(1)")
	if err != nil {
		return err
	}
	if err := errors.Join(Write(ctx, db, false, Lines), db.Close()); err != nil {
		return errors.Join(err, os.Remove(half))
	}
	return os.Rename(half, path)
}

// Write makes the tables in an empty database and fills them, in one transaction. There are as many order lines as asked
// for, the orders that they belong to, and the same customers, employees and products whatever their number.
func Write(ctx context.Context, db *sql.DB, postgres bool, orderLines int) (err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("sample: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("sample: %w", errors.Join(err, tx.Rollback()))
		}
	}()
	w := &writer{ctx: ctx, tx: tx, postgres: postgres}
	makeTables, makeReferences, month := tables, "", `substr(ordered_at, 1, 7)`
	if postgres {
		makeTables, makeReferences = referencesApart()
		month = `to_char(ordered_at at time zone 'UTC', 'YYYY-MM')`
	}
	w.execute(makeTables)
	newCompany().write(w, orderLines)
	w.execute(makeReferences + indexes)
	w.execute(fmt.Sprintf(view, month))
	w.execute("analyze") // planners know nothing of what came in one transaction
	if w.err != nil {
		return w.err
	}
	return tx.Commit()
}

// tables are in the order in which they can be made and filled. Names of types are those that both engines know, or that
// SQLite takes for a hint: it keeps dates and instants as ISO 8601 text.
const tables = `
create table employees (
	id integer primary key,
	name text not null,
	title text not null,
	email text not null unique,
	reports_to integer references employees,
	hired_on date not null
);
create table customers (
	code text not null primary key,
	company text not null,
	contact text not null,
	city text not null,
	country text not null,
	credit_limit decimal(12,2) not null,
	active boolean not null
);
create table categories (
	id integer primary key,
	name text not null unique,
	description text not null
);
create table suppliers (
	id integer primary key,
	company text not null,
	contact text not null,
	city text not null,
	country text not null
);
create table products (
	id integer primary key,
	name text not null,
	category_id integer not null references categories,
	supplier_id integer not null references suppliers,
	price decimal(10,2) not null,
	in_stock integer not null,
	discontinued boolean not null
);
create table orders (
	id integer primary key,
	customer_code text not null references customers,
	employee_id integer not null references employees,
	ordered_at timestamptz not null,
	required_on date not null,
	shipped_at timestamptz,
	freight decimal(10,2) not null,
	status text not null check (status in ('new', 'packed', 'shipped', 'cancelled'))
);
create table order_lines (
	order_id integer not null references orders,
	line_no smallint not null,
	product_id integer not null references products,
	quantity integer not null,
	unit_price decimal(10,2) not null,
	discount double precision not null,
	primary key (order_id, line_no)
)`

// referencesApart takes the references out of tables: PostgreSQL looks after each row by itself, for longer than it takes to
// insert it, or after all of them in one go when a reference is added to a table that is full.
func referencesApart() (without, references string) {
	reference := regexp.MustCompile(`(\w+)( .*) references (\w+)`)
	var b strings.Builder
	for statement := range strings.SplitSeq(tables, ";") {
		table := strings.Fields(statement)[2]
		for _, m := range reference.FindAllStringSubmatch(statement, -1) {
			b.WriteString("alter table " + table + " add foreign key (" + m[1] + ") references " + m[3] + ";\n")
		}
	}
	return reference.ReplaceAllString(tables, "$1$2"), b.String()
}

const indexes = `
create index orders_by_customer on orders (customer_code);
create index orders_by_employee on orders (employee_id);
create index order_lines_by_product on order_lines (product_id);
create index products_by_category on products (category_id);
create index products_by_supplier on products (supplier_id)`

// view has the casts that let SQLite say of which type its columns are.
const view = `
create view sales_by_month as
select
	cast(%s as text) as month,
	cast(count(distinct order_id) as integer) as orders,
	cast(sum(quantity) as integer) as units,
	cast(round(cast(sum(quantity * unit_price * (1 - discount)) as numeric), 2) as numeric(14,2)) as revenue
from orders join order_lines on order_id = orders.id
where status <> 'cancelled'
group by 1`

// writer inserts rows, many in each statement. After an error it does nothing more.
type writer struct {
	ctx      context.Context
	tx       *sql.Tx
	postgres bool
	err      error
}

// execute runs statements one by one: PostgreSQL takes only one where it prepares it.
func (w *writer) execute(statements string) {
	for statement := range strings.SplitSeq(statements, ";") {
		if w.err == nil {
			_, w.err = w.tx.ExecContext(w.ctx, statement)
		}
	}
}

// rowsAtOnce rows are inserted by one statement.
const rowsAtOnce = 200

// table collects rows of one table.
type table struct {
	w       *writer
	name    string
	columns int
	values  []any
	full    *sql.Stmt // inserts rowsAtOnce rows; the transaction's end closes it
}

func (w *writer) into(name string, columns int) *table {
	return &table{w: w, name: name, columns: columns, values: make([]any, 0, columns*rowsAtOnce)}
}

// add adds a row.
func (t *table) add(values ...any) {
	t.values = append(t.values, values...)
	if len(t.values) < t.columns*rowsAtOnce || t.w.err != nil {
		return
	}
	if t.full == nil {
		t.full, t.w.err = t.w.tx.PrepareContext(t.w.ctx, t.insert(rowsAtOnce))
		if t.w.err != nil {
			return
		}
	}
	_, t.w.err = t.full.ExecContext(t.w.ctx, t.values...)
	t.values = t.values[:0]
}

// flush inserts what is left.
func (t *table) flush() {
	if t.w.err == nil && len(t.values) > 0 {
		_, t.w.err = t.w.tx.ExecContext(t.w.ctx, t.insert(len(t.values)/t.columns), t.values...)
	}
	t.values = t.values[:0]
}

func (t *table) insert(rows int) string {
	var b strings.Builder
	b.WriteString("insert into " + t.name + " values ")
	for i := range rows * t.columns {
		switch {
		case i == 0:
			b.WriteString("(")
		case i%t.columns == 0:
			b.WriteString("),(")
		default:
			b.WriteString(",")
		}
		if t.w.postgres {
			b.WriteString("$" + strconv.Itoa(i+1))
		} else {
			b.WriteString("?") // SQLite looks through the whole list for each parameter that has a name
		}
	}
	b.WriteString(")")
	return b.String()
}
