package query

import (
	"fmt"
	"slices"
	"strings"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/uri"
)

// Bounds of a bound request. What is inlined (aliases, $compute) counts each time that it is used.
const (
	mostNodes   = 5_000 // of expressions
	mostDepth   = 150   // of an expression, in which chains of and, or count by their logarithm
	mostExpands = 100   // of related sets, at all levels together
)

// binder is one request being bound.
type binder struct {
	model   *edm.Model
	options Options
	aliases map[string]uri.Expr
	using   []string // aliases that are being bound, outermost first
	option  string   // what errors speak of
	nodes   int
	expands int
}

// scope is what names in an expression mean.
type scope struct {
	own     *edm.EntitySet // of the query's own row; nil behind a step that aggregates
	row     *Var           // what a name without a prefix belongs to; nil is the query's own row
	lambdas *lambda
	names   []named // of $compute, and of a step that aggregates
	nested  bool    // in $expand, where $it is a row of another query
}

// lambda is a variable and those around it.
type lambda struct {
	v     *Var
	outer *lambda
}

// named is a value that is no property: Total, or Owner/Name behind groupby((Owner/Name)).
type named struct {
	path  []string
	expr  Expr
	nodes int // how much it counts where it is used
}

// set is that of the row that a variable stands for.
func (s *scope) set(v *Var) *edm.EntitySet {
	if v == nil {
		return s.own
	}
	return v.Set
}

// lookup finds a lambda variable; nil is none.
func (s *scope) lookup(name string) *Var {
	for l := s.lambdas; l != nil; l = l.outer {
		if l.v.Name == name {
			return l.v
		}
	}
	return nil
}

func (b *binder) fail(pos int, format string, args ...any) error {
	return &Error{Option: b.option, Pos: pos, Message: fmt.Sprintf(format, args...)}
}

func (b *binder) missing(pos int, format string, args ...any) error {
	return &Error{Option: b.option, Pos: pos, Missing: true, Message: fmt.Sprintf(format, args...)}
}

func (b *binder) unsupported(pos int, format string, args ...any) error {
	return &Error{Option: b.option, Pos: pos, Unsupported: true, Message: fmt.Sprintf(format, args...)}
}

// count adds to the size of the request.
func (b *binder) count(pos, nodes int) error {
	if b.nodes += nodes; b.nodes > mostNodes {
		return b.fail(pos, "the expressions are too large: more than %d operators, names and values, each counted as often as it is used", mostNodes)
	}
	return nil
}

// unknown says that a set has no such name, and which it has.
func unknown(s *edm.EntitySet, what, name string) string {
	var names []string
	if what != "navigation property" {
		for _, p := range s.Properties {
			if !p.Hidden {
				names = append(names, p.Name)
			}
		}
	}
	for _, n := range s.Navigation {
		names = append(names, n.Name)
	}
	return fmt.Sprintf("%s has no %s %s. %s", s.Name, what, quote(name), list("It has", names))
}

// list names at most twenty.
func list(verb string, names []string) string {
	const most = 20
	switch {
	case len(names) == 0:
		return verb + " none."
	case len(names) > most:
		return fmt.Sprintf("%s: %s and %d more.", verb, strings.Join(names[:most], ", "), len(names)-most)
	}
	return verb + ": " + strings.Join(names, ", ") + "."
}

// quote is a client's text in a message, of bounded length.
func quote(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}

// typeText is a type in a message.
func (b *binder) typeText(t edm.Type) string {
	if t.Kind == edm.Enum {
		return b.model.Namespace + "." + t.Enum.Name
	}
	return t.Kind.String()
}

// condition binds an expression that is to be true or false, and checks how deep it is.
func (b *binder) condition(e uri.Expr, s *scope) (Expr, error) {
	x, err := b.expr(e, s)
	if err != nil {
		return nil, err
	}
	if x = typed(x, edm.Type{Kind: edm.Boolean}); x.Type().Kind != edm.Boolean {
		return nil, b.fail(e.At(), "expected a condition, and this is %s", b.typeText(x.Type()))
	}
	return x, b.shallow(e, x)
}

// value binds an expression of any type, and checks how deep it is. Null alone has no type, and is a String.
func (b *binder) value(e uri.Expr, s *scope) (Expr, error) {
	x, err := b.expr(e, s)
	if err != nil {
		return nil, err
	}
	x = typed(x, edm.Type{Kind: edm.String})
	if x.Type().Kind == edm.Binary {
		return nil, b.unsupported(e.At(), "binary values can't be computed")
	}
	return x, b.shallow(e, x)
}

func (b *binder) shallow(e uri.Expr, x Expr) error {
	if depth(x) > mostDepth {
		return b.fail(e.At(), "the expression is nested too deeply: more than %d levels", mostDepth)
	}
	return nil
}

// depth is how deep an expression is. It has been counted, so walking it is bounded.
func depth(e Expr) int {
	var below []Expr
	switch e := e.(type) {
	case *Unary:
		below = []Expr{e.X}
	case *Binary:
		below = []Expr{e.X, e.Y}
	case *Call:
		below = e.Args
	case *In:
		below = append(slices.Clone(e.List), e.X)
	case *Exists:
		below = []Expr{e.Body}
	case *CountOf:
		below = []Expr{e.Filter}
	}
	deepest := 0
	for _, x := range below {
		if x != nil {
			deepest = max(deepest, depth(x))
		}
	}
	return deepest + 1
}

// typed gives null the type that its place has.
func typed(x Expr, t edm.Type) Expr {
	if isNull(x) && x.Type().Kind == edm.Invalid {
		return &Literal{Of: t}
	}
	return x
}

func isNull(x Expr) bool {
	l, ok := x.(*Literal)
	return ok && l.Value == nil
}
