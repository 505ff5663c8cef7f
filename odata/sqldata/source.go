// Package sqldata publishes tables of SQLite and PostgreSQL: it reads a schema and makes a model of it, and answers queries by
// SQL.
//
// Text of a client never becomes SQL: names come from the model and are quoted, every value is a parameter. What a
// caller may see is part of what a table is (Table.From and Table.Where), so that it holds wherever the table
// occurs: in any, all, $expand, $count and navigation alike. The database is opened to be read; a role that
// could write is refused unless one insists.
//
// Both engines give the rows that query.Evaluate gives, but for what they can't say: SQLite computes with decimals as
// doubles, no engine has infinite doubles as results (division by zero is null, an overflow ErrValue or infinite), and
// in PostgreSQL a remainder of doubles is exact to 15 digits. Texts that hold a NUL character are found by nobody.
package sqldata

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
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
	Plain     Kept = iota // as the engine's own type; of times in SQLite, which has none, ISO, and of durations Micros
	Micros                // instants as integer microseconds since 1970, durations as microseconds
	Seconds               // instants as integer seconds since 1970, durations as seconds
	DayNumber             // dates as integer days since 1970
	Labels                // enumerations as the text of EnumMember.Stored; otherwise they are integers
	ISO                   // instants, dates and times of day as ISO 8601 text; instants without an offset are UTC
)

// Options bound what a source may cost.
type Options struct {
	Timeout    time.Duration // of one statement, up to its last row; 0 is 30 s
	Concurrent int           // requests that read at the same time; 0 is 4. See Source.For
	Wait       time.Duration // for a free place, before query.ErrBusy; 0 is 2 s
}

func (o Options) timeout() time.Duration {
	if o.Timeout <= 0 {
		return 30 * time.Second
	}
	return o.Timeout
}

// Source answers queries from one database.
type Source struct {
	shared *shared
	caller map[string]any
	holder holder
}

// shared is what a source and those that As made of it have in common.
type shared struct {
	db      *sql.DB
	engine  Engine
	tables  map[*edm.EntitySet]*place
	options Options
	places  *places
	timed   bool     // connections end their statements by themselves
	running *running // of SQLite
}

// place is a Table whose SQL has been read.
type place struct {
	*Table
	from, where template
}

// template is SQL with places for parameters of the caller: text, name, text, name, … text.
type template []string

func parseTemplate(engine Engine, text string) (template, error) {
	if strings.ContainsRune(text, 0) {
		return nil, errors.New("a NUL character")
	}
	text, err := withParams(engine, text, func(name string) (string, error) { return "\x00" + name + "\x00", nil })
	return strings.Split(text, "\x00"), err
}

// New makes a source of tables that are described already. The database is one that Open opened. Errors name what is wrong with a
// table's SQL or columns.
func New(db *sql.DB, engine Engine, tables []Table, o Options) (*Source, error) {
	lite, ours := db.Driver().(liteDriver)
	if engine == SQLite && !ours {
		return nil, errors.New("sqldata: a SQLite database has to be opened by Open, which brings functions along")
	}
	o.Timeout = o.timeout()
	if o.Concurrent <= 0 {
		o.Concurrent = 4
	}
	if o.Wait <= 0 {
		o.Wait = 2 * time.Second
	}
	s := &shared{db: db, engine: engine, tables: make(map[*edm.EntitySet]*place, len(tables)), options: o, places: newPlaces(o.Concurrent), running: lite.running}
	opened, ours := db.Driver().(serverDriver)
	s.timed = ours && opened.timeout == o.Timeout
	for i := range tables {
		t, err := read(engine, &tables[i])
		if err != nil {
			return nil, err
		}
		s.tables[t.Set] = t
	}
	return &Source{shared: s}, nil
}

// read checks a table.
func read(engine Engine, t *Table) (*place, error) {
	from, err := parseTemplate(engine, t.From)
	if err != nil {
		return nil, fmt.Errorf("sqldata: the rows of %s: %w", t.Set.Name, err)
	}
	result := &place{Table: t, from: from}
	if t.Where != "" {
		if result.where, err = parseTemplate(engine, "("+t.Where+")"); err != nil {
			return nil, fmt.Errorf("sqldata: the rows of %s: %w", t.Set.Name, err)
		}
	}
	for _, p := range t.Set.Properties {
		if t.Columns[p].Name == "" {
			return nil, fmt.Errorf("sqldata: %s.%s has no column", t.Set.Name, p.Name)
		}
	}
	return result, nil
}

// As gives the same source with the parameters of one caller: names without their dollar sign ("user.email"), values that
// the database takes. A parameter that is missing is an error when a query needs it.
func (s *Source) As(caller map[string]any) *Source {
	return &Source{shared: s.shared, caller: maps.Clone(caller), holder: s.holder}
}

// For gives the same source to one caller of a group, such as a tenant, who leaves places to others: of those that Options.Concurrent
// allows, a caller has half at most, and a group all but one. "" is nobody in particular.
func (s *Source) For(group, caller string) *Source {
	return &Source{shared: s.shared, caller: s.caller, holder: holder{group, caller}}
}

// Open waits for a free place and begins a read-only transaction. One query alone sees one state of the database without.
func (s *Source) Open(ctx context.Context) (query.Reader, error) {
	if err := s.shared.places.take(ctx, s.holder, s.shared.options.Wait); err != nil {
		return nil, err
	}
	if query.IsSingle(ctx) && (s.shared.engine == SQLite || s.shared.timed) {
		return &reader{source: s, from: s.shared.db}, nil
	}
	tx, err := s.shared.begin(ctx)
	if err != nil {
		s.shared.places.give(s.holder)
		return nil, failure(ctx, err)
	}
	return &reader{source: s, from: tx, tx: tx}, nil
}

// begin opens a transaction that reads one state of the database.
func (s *shared) begin(ctx context.Context) (*sql.Tx, error) {
	if s.engine == SQLite {
		return s.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	}
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
	if err != nil || s.timed {
		return tx, err
	}
	_, err = tx.ExecContext(ctx, `select set_config('statement_timeout', $1, true), set_config('timezone', 'UTC', true),
		set_config('plan_cache_mode', 'force_custom_plan', true)`, strconv.FormatInt(max(1, s.options.Timeout.Milliseconds()), 10))
	if err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	return tx, nil
}

// reader is one transaction, or one statement: connections that Open opened write nothing by themselves either.
type reader struct {
	source *Source
	from   interface { // nil when the reader is closed
		QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error)
	}
	tx   *sql.Tx // nil for one statement
	open *rows
}

func (r *reader) emitter() *emitter {
	s := r.source
	m := &emitter{engine: s.shared.engine, tables: s.shared.tables, caller: s.caller, rows: map[*query.Var]*scope{}}
	if s.shared.running != nil {
		m.statementNumber = s.shared.running.last.Add(1)
	}
	return m
}

// run begins a statement. Its context ends with its rows, or when the time for it is over.
func (r *reader) run(ctx context.Context, text string, m *emitter) (*sql.Rows, context.Context, context.CancelFunc, error) {
	if r.from == nil || r.open != nil {
		return nil, nil, nil, errors.New("sqldata: the reader is closed, or has rows that are not")
	}
	grace := time.Duration(0)
	if r.source.shared.engine == Postgres {
		grace = time.Second // the database itself ends what takes too long, and the connection lives
	}
	ctx, cancel := context.WithTimeout(ctx, r.source.shared.options.Timeout+grace)
	end := cancel
	if running := r.source.shared.running; running != nil {
		forget := running.begin(ctx, m.statementNumber)
		end = func() { cancel(); forget() }
	}
	found, err := r.from.QueryContext(again(ctx), text, m.args...)
	if err != nil {
		err = failure(ctx, err)
		end()
		return nil, nil, nil, err
	}
	return found, ctx, end, nil
}

// Rows begins to read.
func (r *reader) Rows(ctx context.Context, q *query.Query) (query.Rows, error) {
	m := r.emitter()
	text, readings := m.statement(q)
	if m.err != nil {
		return nil, m.err
	}
	found, ctx, cancel, err := r.run(ctx, text, m)
	if err != nil {
		return nil, err
	}
	r.open = newRows(r, found, readings, q.Parents != nil)
	r.open.ctx, r.open.cancel = ctx, cancel
	return r.open, nil
}

// Count counts rows.
func (r *reader) Count(ctx context.Context, q *query.Query) (counts []int64, err error) {
	m := r.emitter()
	text := m.counted(q)
	if m.err != nil {
		return nil, m.err
	}
	found, ctx, cancel, err := r.run(ctx, text, m)
	if err != nil {
		return nil, err
	}
	defer cancel()
	if counts, err = scanCounts(found, q.Parents); err != nil {
		err = failure(ctx, err)
	}
	return counts, err
}

func scanCounts(found *sql.Rows, parents *query.Parents) (counts []int64, err error) {
	defer func() { err = errors.Join(err, found.Close()) }()
	if parents == nil {
		counts = make([]int64, 1)
	} else {
		counts = make([]int64, len(parents.Values))
	}
	for found.Next() {
		var i, n int64
		to := []any{&i, &n}
		if parents == nil {
			to = to[1:]
		}
		if err := found.Scan(to...); err != nil {
			return nil, err
		}
		counts[i] = n
	}
	return counts, found.Err()
}

// Close ends the transaction and gives its place to the next.
func (r *reader) Close() error {
	if r.from == nil {
		return nil
	}
	var err error
	if r.open != nil {
		err = r.open.Close()
	}
	if r.tx != nil {
		_ = r.tx.Rollback() // nothing was written; a connection that was cut off is not used again
	}
	r.from = nil
	r.source.shared.places.give(r.source.holder)
	return err
}

// rows reads a result, row by row into the same values.
type rows struct {
	reader   *reader
	found    *sql.Rows
	readings []*reading
	raw      []any // what the driver returned: the parent's index first, if there are parents
	to       []any // pointers to raw
	values   []any
	parents  bool
	parent   int
	err      error
	ctx      context.Context //nolint:containedctx // of the statement: it says why the rows ended
	cancel   context.CancelFunc
}

func newRows(r *reader, found *sql.Rows, readings []*reading, parents bool) *rows {
	n := len(readings)
	if n == 0 {
		n = 1 // a statement selects something
	}
	if parents {
		n++
	}
	x := &rows{reader: r, found: found, readings: readings, raw: make([]any, n), to: make([]any, n), values: make([]any, len(readings)), parents: parents}
	for i := range x.raw {
		x.to[i] = &x.raw[i]
	}
	return x
}

// Next reads a row.
func (x *rows) Next() bool {
	if x.err != nil || !x.found.Next() {
		return false
	}
	if x.err = x.found.Scan(x.to...); x.err != nil {
		return false
	}
	raw := x.raw
	if x.parents {
		i, ok := raw[0].(int64)
		if !ok {
			x.err = errors.New("sqldata: a row without a parent")
			return false
		}
		x.parent, raw = int(i), raw[1:]
	}
	for i, r := range x.readings {
		if x.values[i], x.err = r.read(raw[i]); x.err != nil {
			return false
		}
	}
	return true
}

// Values are those of the query's columns.
func (x *rows) Values() []any { return x.values }

// Parent is the index of the row's parent.
func (x *rows) Parent() int { return x.parent }

// Err is why there are no more rows, if not because they have ended.
func (x *rows) Err() error {
	if x.err != nil {
		return failure(x.ctx, x.err)
	}
	err := x.found.Err()
	var column int
	if n, _ := fmt.Sscanf(fmt.Sprint(err), "convert field %d failed", &column); n == 1 { // infinity, which pgx can't make a time of
		if x.parents {
			column--
		}
		if column >= 0 && column < len(x.readings) {
			return x.readings[column].unfit()
		}
	}
	return failure(x.ctx, err)
}

// Close ends the reading.
func (x *rows) Close() error {
	if x.reader.open != x {
		return nil
	}
	if x.err == nil {
		x.err = x.found.Err()
	}
	err := x.found.Close()
	x.cancel()
	x.reader.open = nil
	return failure(context.Background(), err)
}
