// Package query is what a request means: a parsed URL bound to a model, with every name resolved and every
// expression typed. Bind makes it, sources answer it, and Evaluate says in Go what an expression is worth, which is the
// reference that SQL is tested against.
//
// A Query holds values and pointers into the model, never text of a client: what reaches a database is either a name
// of the model or a parameter.
package query

import (
	"context"
	"errors"

	"github.com/keywright/keywright/odata/edm"
)

// Query asks for rows. It is not changed once it is made.
type Query struct {
	Set *edm.EntitySet
	// Of restricts to the rows that one leads to by navigating from an entity; nil is none.
	Of *Origin
	// Key restricts to one entity: a value for each property of Set.Key; nil is none.
	Key []any
	// Filter keeps rows for which it is true, and drops those for which it is false or null; nil keeps all.
	Filter Expr
	// Apply are steps of $apply, in order, done before all of the following. After one that aggregates, expressions hold
	// Output nodes and no Property.
	Apply []Step
	// Columns are what each row carries, in this order. Bind names those that are written; who reads adds what it needs.
	Columns []Column
	// Order is total: its last items tell any two rows apart. Nulls come first, or last when descending. It is empty where an
	// aggregation makes a single row.
	Order []Order
	// After starts behind the row that has these values for Order; nil starts at the beginning.
	After []any
	Skip  int64
	Top   int64 // -1 is all
	// Parents asks for rows related to each of several rows; nil is no such restriction. Rows then come in the order of the
	// parents, and Skip and Top hold for each parent.
	Parents *Parents
	// Expand are related rows to write with each row. The service reads them with queries of their own; sources ignore it.
	Expand []*Expand
}

// Origin is one entity and a way from it: Customers('A')/Orders.
type Origin struct {
	Set *edm.EntitySet
	Key []any   // nil when Of leads to at most one entity
	Of  *Origin // how one got to Set; nil for all of it
	Nav *edm.Navigation
}

// Parents are rows that have been read, as what their relation's other end is compared with.
type Parents struct {
	Nav    *edm.Navigation
	Values [][]any // for each parent the values of Nav.On's From, in that order; any of them may be nil
	Most   int     // rows in all; a source stops behind so many, in the middle of a parent perhaps. 0 is no bound
}

// Column is a value in each row.
type Column struct {
	Path []string // where it is written: [Name], or [Owner Name] after groupby((Owner/Name)); nil is not written
	Expr Expr
}

// Order is one expression to sort by.
type Order struct {
	Expr Expr
	Desc bool
	// Key says that the item is there to tell rows apart only: any order will do that stays the same.
	Key bool
}

// Expand is a navigation property that is written with its rows.
type Expand struct {
	Nav   *edm.Navigation
	Query *Query // Set is Nav.Target
	Count bool   // $count=true, or …/$count
	Only  Form   // entities, references, or the count alone
}

// Form is what is written of related rows.
type Form uint8

// The forms.
const (
	Entities   Form = iota
	References      // …/$ref
	CountOnly       // …/$count
)

// Step is one transformation of $apply. A step with Filter keeps rows. One with Aggregate or By makes one row of each
// group (one in all if By is empty), whose columns are By and then Aggregate, in that order.
type Step struct {
	Filter    Expr
	By        []Column
	Aggregate []Aggregate
}

// Aggregate is one value computed of a group.
type Aggregate struct {
	Method Method
	Expr   Expr // nil for Count
	Type   edm.Type
	Name   string
}

// Method is how to aggregate.
type Method uint8

// The methods.
const (
	Count Method = iota // rows
	Sum
	Min
	Max
	Average
	CountDistinct
)

// Expr is a typed expression: *Literal, *Property, *Output, *Unary, *Binary, *Call, *In, *Exists, *CountOf, *Match.
// Booleans are three-valued: true, false, null. Evaluate says what each is worth.
type Expr interface{ Type() edm.Type }

// Var is the row that a property belongs to: the row of the query itself is nil, others are bound by Exists and CountOf.
type Var struct {
	Set  *edm.EntitySet
	Name string
}

// Nodes of expressions.
type (
	// Literal is a constant in the Go form of its type; nil is null.
	Literal struct {
		Value any
		Of    edm.Type
	}
	// Property is a property of a row, or of the row that single-valued navigation leads to from there (null if to none).
	Property struct {
		Var  *Var
		Path []*edm.Navigation
		Prop *edm.Property
	}
	// Output is a column that the step before it made: By first, then Aggregate.
	Output struct {
		Step  int // index into Query.Apply
		Index int
		Of    edm.Type
	}
	// Unary is Not, Negate, IsNull (true or false, never null).
	Unary struct {
		Op Op
		X  Expr
		Of edm.Type
	}
	// Binary is an operator. Both sides have been promoted to one type where it needs that.
	Binary struct {
		Op   Op
		X, Y Expr
		Of   edm.Type
	}
	// Call is a canonical function, by its name in the specification; "cast" has Of as its target.
	Call struct {
		Name string
		Args []Expr
		Of   edm.Type
	}
	// In is X in (list): never null. Bind puts no null into the list.
	In struct {
		X    Expr
		List []Expr
	}
	// Exists is any (All false) or all (All true) over related rows; Body nil is any(). From is the row that Nav starts
	// from: Var and Path as in Property.
	Exists struct {
		All  bool
		From *Var
		Path []*edm.Navigation // single-valued ways to the row that Nav starts from
		Nav  *edm.Navigation
		Var  *Var
		Body Expr
	}
	// CountOf is how many related rows there are for which Filter is true; nil is all.
	CountOf struct {
		From   *Var
		Path   []*edm.Navigation
		Nav    *edm.Navigation
		Var    *Var
		Filter Expr
	}
	// Match says whether a text is found in any of a set's searchable properties, letters of any case; never null.
	Match struct {
		Var  *Var
		Set  *edm.EntitySet
		Text string
	}
)

// Op is an operator.
type Op uint8

// The operators. No comparison is null: null equals null only, and is neither greater nor less than anything (URL
// Conventions 5.1.1.1), so that "not (x gt 1)" is true where x is null.
const (
	Or Op = iota
	And
	Not
	Equal
	NotEqual
	Greater
	GreaterOrEqual
	Less
	LessOrEqual
	Has
	Add
	Sub
	Mul
	Div   // of integers: whole, towards zero
	DivBy // never whole
	Mod
	Negate
	IsNull
)

// Types of the nodes.
func (e *Literal) Type() edm.Type  { return e.Of }
func (e *Property) Type() edm.Type { return e.Prop.Type }
func (e *Output) Type() edm.Type   { return e.Of }
func (e *Unary) Type() edm.Type    { return e.Of }
func (e *Binary) Type() edm.Type   { return e.Of }
func (e *Call) Type() edm.Type     { return e.Of }
func (e *In) Type() edm.Type       { return edm.Type{Kind: edm.Boolean} }
func (e *Exists) Type() edm.Type   { return edm.Type{Kind: edm.Boolean} }
func (e *CountOf) Type() edm.Type  { return edm.Type{Kind: edm.Int64} }
func (e *Match) Type() edm.Type    { return edm.Type{Kind: edm.Boolean} }

// Source is where rows come from: those that one caller may see. Nothing in a Query reaches others.
type Source interface {
	// Open begins a consistent view of the rows, for one request. It waits for a free place as long as ctx allows.
	Open(ctx context.Context) (Reader, error)
}

// Reader answers the queries of one request, one after the other.
type Reader interface {
	// Rows begins to read. What it returns must be closed before the next call.
	Rows(ctx context.Context, q *Query) (Rows, error)
	// Count counts rows, without regard to Order, After, Skip and Top: one number, or one for each of q.Parents.
	Count(ctx context.Context, q *Query) ([]int64, error)
	Close() error
}

// Rows are read one by one. Their number is not bounded by memory.
type Rows interface {
	Next() bool
	// Values are those of Query.Columns, in the Go forms of their types; valid until the next call of Next.
	Values() []any
	// Parent is the index of the parent that the row belongs to.
	Parent() int
	Err() error
	Close() error
}

// What sources say when they can't answer, besides an end of the context. Other errors are the service's own failure.
var (
	// ErrBusy: too many queries at once; the client should try again (503).
	ErrBusy = errors.New("query: the source is busy")
	// ErrUnavailable: the source does not answer (503).
	ErrUnavailable = errors.New("query: the source is not available")
	// ErrChanged: tables or columns of the model are no longer there, or may no longer be read (503).
	ErrChanged = errors.New("query: the source is no longer as the model says")
	// ErrTimeout: the query took longer than it may (504).
	ErrTimeout = errors.New("query: the query took too long")
	// ErrComplex: the query is more than the source can be asked at once (400).
	ErrComplex = errors.New("query: the query is too complex for the source")
	// ErrValue: a stored value is not of its column's type, or arithmetic has no result. What wraps it is told to the client: it names a
	// column, and never a value.
	ErrValue = errors.New("query: a value can't be computed")
)

// Error is what a client did wrong: a name that the model does not have, types that do not fit.
type Error struct {
	Option      string // "$filter"; "" for the path
	Pos         int
	Message     string
	Missing     bool // a resource that does not exist: 404 instead of 400
	Unsupported bool // 501 instead of 400
}

func (e *Error) Error() string { return e.Message }
