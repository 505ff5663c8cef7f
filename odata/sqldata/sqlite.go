package sqldata

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
)

// connector opens connections to SQLite that know the functions of expressions. Its driver is one of its
// own: what it registers reaches no other connection of the process.
type connector struct {
	driver liteDriver
	dsn    string
	path   string // of the file
}

// liteDriver is SQLite's driver with the functions that queries need.
type liteDriver struct {
	*sqlite.Driver
	running *running
}

// running knows the contexts of statements. The driver ends a statement with its context until its first row is found, and
// afterwards only between two rows: a statement that looks for the next one asks for itself.
type running struct {
	last     atomic.Int64
	contexts sync.Map // of a statement's number
}

func (r *running) begin(ctx context.Context, statement int64) (end func()) {
	r.contexts.Store(statement, ctx)
	return func() { r.contexts.Delete(statement) }
}

// alive is true, or fails when a statement's time is over.
func (r *running) alive(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
	found, _ := r.contexts.Load(args[0])
	if ctx, ok := found.(context.Context); ok && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return int64(1), nil
}

// Driver is what connections come from.
func (c connector) Driver() driver.Driver { return c.driver }

// Connect opens a connection.
func (c connector) Connect(context.Context) (driver.Conn, error) {
	file, err := os.Stat(c.path)
	if err != nil {
		return nil, fmt.Errorf("%w: the file is gone", query.ErrUnavailable)
	}
	opened, err := c.driver.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	return newKeeper(opened, func() bool {
		now, err := os.Stat(c.path)
		return err == nil && os.SameFile(now, file)
	})
}

// openSQLite opens a database, as modernc.org/sqlite names it, that is the file of this path.
func openSQLite(dsn, path string) (*sql.DB, error) {
	d := &sqlite.Driver{}
	for name, f := range liteFunctions() {
		if err := d.RegisterDeterministicScalarFunction(name, f.args, nullIfNull(f.do)); err != nil {
			return nil, err
		}
	}
	if err := d.RegisterDeterministicScalarFunction("kw_match", -1, match); err != nil {
		return nil, err
	}
	if err := errors.Join(d.RegisterFunction("kw_sum", newSum(query.Sum)), d.RegisterFunction("kw_average", newSum(query.Average))); err != nil {
		return nil, err
	}
	r := &running{}
	if err := d.RegisterScalarFunction("kw_alive", 1, r.alive); err != nil {
		return nil, err
	}
	return sql.OpenDB(connector{liteDriver{d, r}, dsn, path}), nil
}

// function is one that SQLite calls with arguments that are not null.
type function struct {
	args int32
	do   func(args []driver.Value) (driver.Value, error)
}

type scalar = func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error)

func nullIfNull(do func([]driver.Value) (driver.Value, error)) scalar {
	return func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		for _, a := range args {
			if a == nil {
				return nil, nil
			}
		}
		return do(args)
	}
}

func misfit(what string) error { return errors.New(valueFailure + what) }

// liteFunctions are what expressions need and SQLite lacks, or does otherwise than query.Evaluate.
func liteFunctions() map[string]function {
	return map[string]function{
		"kw_integer":   {1, integer},
		"kw_whole":     {3, whole},
		"kw_single":    {1, ofNumber(func(f float64) driver.Value { return single(f) })},
		"kw_decimal":   {1, ofNumber(func(f float64) driver.Value { return shortest(f) })},
		"kw_exact":     {3, exact},
		"kw_round":     {1, ofNumber(func(f float64) driver.Value { return math.Round(f) })},
		"kw_floor":     {1, ofNumber(func(f float64) driver.Value { return math.Floor(f) })},
		"kw_ceiling":   {1, ofNumber(func(f float64) driver.Value { return math.Ceil(f) })},
		"kw_mod":       {2, modulo},
		"kw_tolower":   {1, ofText(func(s string) driver.Value { return query.Lower(s) })},
		"kw_toupper":   {1, ofText(func(s string) driver.Value { return query.Upper(s) })},
		"kw_endswith":  {2, endsWith},
		"kw_substring": {3, substring},

		"kw_day":    {1, ofInteger(func(us int64) driver.Value { return floorDiv(us, dayMicros) })},
		"kw_clock":  {1, ofInteger(func(us int64) driver.Value { return floorMod(us, dayMicros) })},
		"kw_hour":   {1, ofInteger(func(us int64) driver.Value { return floorMod(us, dayMicros) / 3_600_000_000 })},
		"kw_minute": {1, ofInteger(func(us int64) driver.Value { return floorMod(us, 3_600_000_000) / 60_000_000 })},
		"kw_second": {1, ofInteger(func(us int64) driver.Value { return floorMod(us, 60_000_000) / 1_000_000 })},
		"kw_fractionalseconds": {1, ofInteger(func(us int64) driver.Value {
			return float64(floorMod(us, 1_000_000)) / 1_000_000
		})},
		"kw_yearof":  {1, ofInteger(func(day int64) driver.Value { return int64(dayTime(day).Year()) })},
		"kw_monthof": {1, ofInteger(func(day int64) driver.Value { return int64(dayTime(day).Month()) })},
		"kw_dayof":   {1, ofInteger(func(day int64) driver.Value { return int64(dayTime(day).Day()) })},
		"kw_date":    {1, ofInteger(func(day int64) driver.Value { return dayTime(day).Format(time.DateOnly) })},

		liteTime(edm.Date):           {2, parsed(func(t time.Time) driver.Value { return dayNumber(t) }, edm.Date)},
		liteTime(edm.DateTimeOffset): {2, parsed(func(t time.Time) driver.Value { return t.UnixMicro() }, edm.DateTimeOffset)},
		liteTime(edm.TimeOfDay):      {2, parsedClock},
	}
}

// liteTime is the function that reads a kind of time from its ISO 8601 text. Its second argument names the column.
func liteTime(k edm.Kind) string {
	switch k {
	case edm.Date:
		return "kw_parsedate"
	case edm.TimeOfDay:
		return "kw_parsetime"
	default:
		return "kw_parseinstant"
	}
}

const dayMicros = 86_400_000_000

func floorDiv(x, y int64) int64 {
	if q, r := x/y, x%y; r < 0 {
		return q - 1
	} else {
		return q
	}
}

func floorMod(x, y int64) int64 {
	if r := x % y; r < 0 {
		return r + y
	} else {
		return r
	}
}

func dayTime(day int64) time.Time { return time.Unix(day*86400, 0).UTC() }

// number is a double, also where SQLite keeps it as an integer.
func number(v driver.Value) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int64:
		return float64(v), true
	}
	return 0, false
}

func ofNumber(do func(float64) driver.Value) func([]driver.Value) (driver.Value, error) {
	return func(args []driver.Value) (driver.Value, error) {
		f, ok := number(args[0])
		if !ok {
			return nil, misfit("what should be a number is none")
		}
		return do(f), nil
	}
}

func ofText(do func(string) driver.Value) func([]driver.Value) (driver.Value, error) {
	return func(args []driver.Value) (driver.Value, error) {
		s, ok := args[0].(string)
		if !ok {
			return nil, misfit("what should be a text is none")
		}
		return do(s), nil
	}
}

func ofInteger(do func(int64) driver.Value) func([]driver.Value) (driver.Value, error) {
	return func(args []driver.Value) (driver.Value, error) {
		n, ok := args[0].(int64)
		if !ok {
			return nil, misfit("what should be an integer is none")
		}
		return do(n), nil
	}
}

// integer refuses what SQLite makes a double of because it has more than 64 bits.
func integer(args []driver.Value) (driver.Value, error) {
	if _, ok := args[0].(int64); !ok {
		return nil, misfit("more than 64 bits")
	}
	return args[0], nil
}

// whole is query.Cast to an integer kind, which is given by its limits.
func whole(args []driver.Value) (driver.Value, error) {
	least, lok := args[1].(int64)
	most, mok := args[2].(int64)
	if !lok || !mok {
		return nil, misfit("the limits of an integer are none")
	}
	n, ok := args[0].(int64)
	if f, isFloat := args[0].(float64); isFloat {
		r := math.Round(f)
		if ok = r >= -1<<63 && r < 1<<63; ok {
			n = int64(r)
		}
	}
	if !ok || n < least || n > most {
		return nil, nil
	}
	return n, nil
}

// exact computes with decimals, of which SQLite keeps the nearest double: what is meant by a double is the decimal with
// the fewest digits that it is the nearest to.
func exact(args []driver.Value) (driver.Value, error) {
	op, ok := args[0].(int64)
	x, xok := decimalText(args[1])
	y, yok := decimalText(args[2])
	if !ok || !xok || !yok || op < 0 || op > math.MaxUint8 {
		return nil, misfit("what should be a number is none")
	}
	v, err := query.Arithmetic(query.Op(op), edm.Decimal, x, y)
	if err != nil || v == nil {
		return nil, err
	}
	return nearest(v)
}

func decimalText(v driver.Value) (string, bool) {
	switch n := v.(type) {
	case int64:
		return strconv.FormatInt(n, 10), true
	case float64:
		return shortest(n), !math.IsNaN(n) && !math.IsInf(n, 0)
	}
	return "", false
}

func nearest(decimal any) (driver.Value, error) {
	s, _ := decimal.(string)
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil, misfit("a decimal is out of range")
	}
	return f, nil
}

// sum adds decimals, or averages them.
type sum struct{ *query.Aggregator }

func newSum(method query.Method) *sqlite.FunctionImpl {
	return &sqlite.FunctionImpl{NArgs: 1, Deterministic: true, MakeAggregate: func(sqlite.FunctionContext) (sqlite.AggregateFunction, error) {
		return sum{query.NewAggregator(query.Aggregate{Method: method, Expr: &query.Literal{Of: edm.Type{Kind: edm.Decimal}}})}, nil
	}}
}

// Step adds one.
func (s sum) Step(_ *sqlite.FunctionContext, args []driver.Value) error {
	if args[0] == nil {
		return nil
	}
	text, ok := decimalText(args[0])
	if !ok {
		return misfit("what should be a number is none")
	}
	return s.Add(text)
}

// WindowInverse is of windows, in which nobody sums.
func (s sum) WindowInverse(*sqlite.FunctionContext, []driver.Value) error {
	return errors.New("sqldata: no sum over windows")
}

// WindowValue is the sum.
func (s sum) WindowValue(*sqlite.FunctionContext) (driver.Value, error) {
	v, err := s.Result()
	if err != nil || v == nil {
		return nil, err
	}
	return nearest(v)
}

// Final has nothing to let go.
func (s sum) Final(*sqlite.FunctionContext) {}

func single(f float64) driver.Value {
	s := float64(float32(f))
	if math.IsInf(s, 0) && !math.IsInf(f, 0) {
		return nil
	}
	return s
}

func modulo(args []driver.Value) (driver.Value, error) {
	x, ok := number(args[0])
	y, too := number(args[1])
	if !ok || !too {
		return nil, misfit("what should be a number is none")
	}
	if r := math.Mod(x, y); !math.IsNaN(r) {
		return r, nil
	}
	return nil, nil
}

func endsWith(args []driver.Value) (driver.Value, error) {
	s, ok := args[0].(string)
	end, too := args[1].(string)
	if !ok || !too {
		return nil, misfit("what should be a text is none")
	}
	return strings.HasSuffix(s, end), nil
}

func substring(args []driver.Value) (driver.Value, error) {
	s, ok := args[0].(string)
	start, too := args[1].(int64)
	length, all := args[2].(int64)
	if !ok || !too || !all {
		return nil, misfit("what should be a text is none")
	}
	return query.Substring(s, start, length), nil
}

// match looks for a text in small letters in any of the others.
func match(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
	text, _ := args[0].(string)
	for _, a := range args[1:] {
		if s, ok := a.(string); ok && strings.Contains(query.Lower(s), text) {
			return int64(1), nil
		}
	}
	return int64(0), nil
}

// parsed reads a date or an instant.
func parsed(do func(time.Time) driver.Value, k edm.Kind) func([]driver.Value) (driver.Value, error) {
	return func(args []driver.Value) (driver.Value, error) {
		if s, ok := args[0].(string); ok {
			if t, ok := parseISO(k, s); ok {
				return do(t), nil
			}
		}
		return nil, misfit(fmt.Sprint(args[1]))
	}
}

func parsedClock(args []driver.Value) (driver.Value, error) {
	if s, ok := args[0].(string); ok {
		if d, ok := parseClock(s); ok {
			return d.Microseconds(), nil
		}
	}
	return nil, misfit(fmt.Sprint(args[1]))
}
