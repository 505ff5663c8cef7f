// Package edm says what an OData service publishes: entity sets, their properties and keys, how they are
// related, and enumerations. It writes that model as CSDL, in XML and in JSON, and says how values of each
// primitive type look in Go and on the wire.
//
// A model is made at run time, from a database's tables for example, and does not change once Check has
// passed. It holds no SQL and no rows. In it each entity set has an entity type of its own: what one finds
// in databases is tables, and tables share no types.
//
// Clients are strict readers, and differ. So the documents say what all of them take: names that Check has looked at
// (Identifier makes them of anything), referential constraints only where nothing contradicts them, and few annotations. And
// values have one form each, which Format and AppendJSON write, and which ParseLiteral reads beside all others that URLs
// may use: instants in UTC, no more than microseconds, decimals without exponents.
package edm

// Model is one service: what its $metadata document says.
type Model struct {
	Namespace string // a SimpleIdentifier, or several joined by dots
	Container string // name of the entity container
	Sets      []*EntitySet
	Enums     []*EnumType
}

// EntitySet is a set of rows and the entity type of its rows.
type EntitySet struct {
	Name        string // Orders
	TypeName    string // Order; unlike the name of each of its properties
	Title       string // for people; "" is none
	Description string
	Key         []*Property // never null, not hidden, at least one
	Properties  []*Property // those of the key too, in the order of the wire
	Navigation  []*Navigation
	Searchable  []*Property // strings in which $search looks
}

// Property is a column.
type Property struct {
	Name        string
	Type        Type
	Nullable    bool
	Title       string
	Description string
	// Hidden properties serve as ends of relations only. No document shows them and no request can name them.
	Hidden bool
}

// Navigation leads from a row to related rows.
type Navigation struct {
	Name     string
	Target   *EntitySet
	Many     bool
	Nullable bool        // single-valued: a row may lead to none
	Partner  *Navigation // the way back; nil is none
	On       []Link      // all must hold
}

// Link is one pair of properties that are equal in related rows; null is equal to nothing.
type Link struct {
	From *Property // of the set that the navigation starts from
	To   *Property // of Target
}

// EnumType is an enumeration. Its underlying type is Edm.Int64.
type EnumType struct {
	Name    string
	Flags   bool
	Members []EnumMember
}

// EnumMember is a name and its value. Stored is how a source writes it when it keeps text; "" is Name.
type EnumMember struct {
	Name   string
	Value  int64
	Stored string
}

// Kind is a primitive type of OData, or Enum.
type Kind uint8

// The kinds, and how their values look in Go. Null is nil for each.
const (
	Invalid        Kind = iota
	Boolean             // bool
	Byte                // int64
	SByte               // int64
	Int16               // int64
	Int32               // int64
	Int64               // int64
	Single              // float64
	Double              // float64
	Decimal             // string: digits with at most one point and a leading minus, no exponent: "-12.50"
	String              // string
	Guid                // string of 36 lower-case characters
	Date                // time.Time at midnight UTC
	TimeOfDay           // time.Duration since midnight
	DateTimeOffset      // time.Time in UTC, microseconds
	Duration            // time.Duration
	Binary              // []byte; literals only, no property has it
	Enum                // int64: the value of the member
)

// Type is a kind with its facets.
type Type struct {
	Kind      Kind
	Enum      *EnumType // of Enum
	MaxLength int       // of String, in characters; 0 is not said
	Precision int       // of Decimal: digits, 0 not said; of times: digits of a second's fraction
	Scale     int       // of Decimal; -1 is variable
}
