// Package uri reads the URLs of OData: resource paths and system query options (OData 4.01, Part 2: URL
// Conventions). It knows the grammar and no model: whether a name exists is for package query to say.
//
// The lexer and the precedence parser are written by hand, since the grammar depends on context: eq, any and
// asc are names too, and a slash divides paths inside expressions. Text is hostile: it is bounded in length,
// depth and number of nodes before anything is built, and each error says in which option, at which
// character, and what would have been right.
package uri

// Request is what a URL below the service root says.
type Request struct {
	Path    []Segment // none for the service document
	Options Options
}

// Segment is one step of a resource path: a set, a property, a navigation, or $count, $value, $ref, $metadata,
// $batch, $entity, $all, $crossjoin, or a qualified type name. Behind the first one the Name may also be any text that
// is no identifier, as where a key is written behind a slash: Products/1.
type Segment struct {
	Name string
	Keys []Key    // what stands in parentheses behind it; nil when there are none, empty for ()
	Args []string // the sets of $crossjoin
	Pos  int      // where it begins, in the path as it was sent
}

// Key is one value of a key predicate, or one argument of a function call.
type Key struct {
	Name  string // "" for the single value of (42)
	Value Expr   // a literal, an alias, or a JSON value
	Pos   int
}

// Options are the system query options of a request or, inside parentheses, of an expanded or counted property.
type Options struct {
	Filter    Expr
	OrderBy   []OrderItem
	Select    []SelectItem
	Expand    []ExpandItem
	Compute   []ComputeItem
	Search    Expr // of And, Or and Not over Term nodes
	Apply     []Transformation
	Count     *bool
	Top       *int64
	Skip      *int64
	Levels    int // of expand: 0 not given, -1 max
	SkipToken string
	Format    string
	ID        string          // $id
	Aliases   map[string]Expr // @p, by name without the @
	Custom    map[string]string
	Given     []string // names of system query options as given, without their dollar sign, in order
}

// OrderItem is one expression to sort by.
type OrderItem struct {
	Expr Expr
	Desc bool
}

// SelectItem is one path of $select: names, or "*" alone, or a namespace's "NS.*".
type SelectItem struct {
	Path    []string
	Options *Options // nested, 4.01; nil when none
	Pos     int
}

// ExpandItem is one path of $expand; "*" is all navigation.
type ExpandItem struct {
	Path    []string
	Ref     bool // …/$ref
	Count   bool // …/$count
	Options *Options
	Pos     int
}

// ComputeItem is one "expression as name".
type ComputeItem struct {
	Expr Expr
	As   string
	Pos  int
}

// Transformation is one step of $apply: a Kind of filter, groupby, aggregate, or the name of one that is known to
// the grammar and to nothing else (concat, identity, topcount, …).
type Transformation struct {
	Kind      string
	Filter    Expr
	Search    Expr
	GroupBy   []GroupItem
	Then      []Transformation // of groupby: what is done to each group
	Aggregate []AggregateItem
	Compute   []ComputeItem
	Pos       int
}

// GroupItem is one path of groupby. Rollup marks those that rollup(…) named, which nothing here computes.
type GroupItem struct {
	Path   []string
	Rollup bool
	Pos    int
}

// AggregateItem is one "expression with method as name"; $count has no method.
type AggregateItem struct {
	Expr   Expr   // nil for $count
	Method string // sum, min, max, average, countdistinct, or a custom one; "" for $count
	As     string
	From   bool // has "from", which nothing here computes
	Pos    int
}

// Expr is a node of an expression. Each says where it begins in the text of its option, in bytes after
// percent-decoding.
type Expr interface{ At() int }

// Pos is a position; nodes embed it.
type Pos int

// At is where the node begins.
func (p Pos) At() int { return int(p) }

// LiteralKind is the form of a literal.
type LiteralKind uint8

// The forms of literals.
const (
	Null LiteralKind = iota
	True
	False
	Integer  // 42
	Fraction // 1.5, 1e3
	Inf      // INF, -INF, NaN
	Text     // 'O''Neil', unescaped in Text
	GuidText
	DateText
	TimeText
	InstantText  // 2026-01-02T03:04:05Z
	DurationText // duration'PT1H' or bare 'PT1H' after the word
	BinaryText
	EnumText // NS.Color'Red,Green': TypeName and Text
	Geo      // geography'…', geometry'…'
)

// Nodes of expressions.
type (
	// Literal is a constant. Its Text has the form of its kind and no leading plus, quotes, prefix or suffix; whether the
	// day or the number exists is not checked. Suffix is one of d f l m in lower case (100D, 1.5M), or 0.
	Literal struct {
		Pos
		Kind     LiteralKind
		Text     string
		Suffix   byte
		TypeName string // of EnumText
	}
	// Member is a step of a path: Name, Of/Name. A Name with a dot is a type cast or a qualified function.
	Member struct {
		Pos
		Of   Expr // nil at the start of a path
		Name string
	}
	// Root is $it, $this, or $root/Set(key) with the rest of the path behind it.
	Root struct {
		Pos
		Name string // "$it", "$this", "$root"
	}
	// Keyed is a step with a key predicate: Of(42). An unqualified function of the model with named arguments that are
	// all literals looks the same.
	Keyed struct {
		Pos
		Of   Expr
		Keys []Key
	}
	// Lambda is Of/any(v:body) or Of/all(v:body); any() has no Var and no Body.
	Lambda struct {
		Pos
		Of   Expr
		All  bool
		Var  string
		Body Expr
	}
	// Count is Of/$count, with $filter and $search behind it in parentheses, perhaps.
	Count struct {
		Pos
		Of      Expr
		Options *Options
	}
	// Unary is "not" or "-".
	Unary struct {
		Pos
		Op string
		X  Expr
	}
	// Binary is one of or and eq ne gt ge lt le has in add sub mul div divby mod.
	Binary struct {
		Pos
		Op   string
		X, Y Expr
	}
	// Call is a function by name, built in or qualified; Of is the path before it, if any. Args of case(…) are
	// condition, value, condition, value.
	Call struct {
		Pos
		Of    Expr
		Name  string
		Args  []Expr
		Names []string // of parameters, for qualified functions that name them; else nil
	}
	// List is ('a','b') behind "in", or a JSON array.
	List struct {
		Pos
		Items []Expr
	}
	// Object is a JSON object, which the grammar knows and nothing here uses.
	Object struct {
		Pos
		Names  []string
		Values []Expr
	}
	// TypeName is the type that cast and isof name: Edm.String.
	TypeName struct {
		Pos
		Name string
	}
	// Alias is @p.
	Alias struct {
		Pos
		Name string
	}
	// Annotation is @NS.Term in a path, which nothing here computes. Of is nil at the start of a path, where a term
	// without a namespace is taken for an Alias.
	Annotation struct {
		Pos
		Of   Expr
		Term string
	}
	// Term is a word or phrase of $search.
	Term struct {
		Pos
		Text string
	}
)
