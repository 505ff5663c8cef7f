package edm

// ParseLiteral reads the text of a value, as it stands in a URL without quotes or prefix, into the Go form of its kind.
// False when it is none, or out of range.
func ParseLiteral(k Kind, text string) (any, bool) { return nil, false }

// Format writes a value in its text form, as in URLs (without quotes), $value and keys: 12.5, 2026-01-02T03:04:05Z.
func (t Type) Format(v any) string { return "" }

// AppendJSON writes a value as OData's JSON format has it. ieee754 makes strings of Int64 and Decimal.
func (t Type) AppendJSON(b []byte, v any, ieee754 bool) ([]byte, error) { return b, nil }
