package edm

import (
	"slices"
	"strconv"
)

// What both documents say, in XML and in JSON. Annotations are those that the validators of ODataLib 7.4 and 7.12 take
// without complaint: many others, true as they are, make Excel's reader or its validator stumble.

const vocabularies = "https://oasis-tcs.github.io/odata-vocabularies/vocabularies/"

// The vocabularies that are used.
const (
	core         = "Org.OData.Core.V1"
	capabilities = "Org.OData.Capabilities.V1"
	aggregation  = "Org.OData.Aggregation.V1"
)

// annotation is one term with its value: a string, a bool, a []string, or a []field, which is a record.
type annotation struct {
	term  string
	value any
}

type field struct {
	name  string
	value any
}

// described annotates anything with the texts that it has. A title is what people read first, so it is the description
// and a description beside it is the long one.
func described(title, description string) (all []annotation) {
	if title == "" {
		title, description = description, ""
	}
	if title != "" {
		all = append(all, annotation{core + ".Description", title})
	}
	if description != "" {
		all = append(all, annotation{core + ".LongDescription", description})
	}
	return all
}

// annotations of the container: what the service does, wherever one asks.
func (m *Model) annotations() []annotation {
	return []annotation{
		{capabilities + ".BatchSupported", true},
		{capabilities + ".FilterFunctions", FilterFunctions()},
	}
}

func (s *EntitySet) annotations() []annotation {
	return append(described(s.Title, s.Description),
		annotation{capabilities + ".TopSupported", true},
		annotation{capabilities + ".ComputeSupported", true},
		annotation{capabilities + ".SearchRestrictions", []field{{"Searchable", len(s.Searchable) > 0}}},
		annotation{aggregation + ".ApplySupported", []field{{"Transformations", []string{"filter", "groupby", "aggregate"}}}},
	)
}

func (p *Property) annotations() []annotation { return described(p.Title, p.Description) }

// FilterFunctions are the operators and canonical functions that $metadata promises for $filter.
func FilterFunctions() []string {
	return []string{
		"eq", "ne", "gt", "ge", "lt", "le", "has", "in", "and", "or", "not",
		"add", "sub", "mul", "div", "divby", "mod", "any", "all",
		"concat", "contains", "endswith", "startswith", "indexof", "length", "substring", "tolower", "toupper", "trim",
		"year", "month", "day", "hour", "minute", "second", "fractionalseconds", "totaloffsetminutes",
		"totalseconds", "date", "time", "now", "mindatetime", "maxdatetime",
		"round", "floor", "ceiling", "cast", "case",
	}
}

// typeName is how the schema names a type: Edm.String, or the model's enumeration.
func (m *Model) typeName(t Type) string {
	if t.Kind == Enum {
		return m.Namespace + "." + t.Enum.Name
	}
	return t.Kind.String()
}

// facets are what a type says beside its name: MaxLength, Precision, Scale. A Scale that is not said would be 0 in XML
// and variable in JSON, so it is always said.
func (t Type) facets() (all []field) {
	switch t.Kind {
	case String:
		if t.MaxLength > 0 {
			all = append(all, field{"MaxLength", t.MaxLength})
		}
	case Decimal:
		if t.Precision > 0 {
			all = append(all, field{"Precision", t.Precision})
		}
		if t.Scale < 0 {
			return append(all, field{"Scale", "variable"})
		}
		all = append(all, field{"Scale", t.Scale})
	case TimeOfDay, DateTimeOffset, Duration:
		if t.Precision > 0 {
			all = append(all, field{"Precision", t.Precision})
		}
	default:
	}
	return all
}

// visible are the properties that documents show.
func (s *EntitySet) visible() []*Property {
	return slices.DeleteFunc(slices.Clone(s.Properties), func(p *Property) bool { return p.Hidden })
}

// constraints are the links that may be written as referential constraints: of a way to one row, between columns that
// are shown, where what is said of nulls and of how many lead there agrees. ODataLib finds fault with all others.
func (n *Navigation) constraints(s *EntitySet) []Link {
	if n.Many {
		return nil
	}
	ofKey := 0
	for i, link := range n.On {
		from := link.From
		twice := slices.ContainsFunc(n.On[:i], func(other Link) bool { return other.From == from })
		if from.Hidden || link.To.Hidden || from.Nullable != n.Nullable || twice {
			return nil
		}
		if slices.Contains(s.Key, from) {
			ofKey++
		}
	}
	isKey := ofKey == len(s.Key) && ofKey == len(n.On)
	if n.Partner != nil && !n.Partner.Many != isKey {
		return nil
	}
	return n.On
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int:
		return strconv.Itoa(v)
	case bool:
		return strconv.FormatBool(v)
	default:
		return ""
	}
}
