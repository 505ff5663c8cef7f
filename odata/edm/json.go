package edm

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// JSON is the $metadata document as CSDL JSON. The model must have passed Check.
func (m *Model) JSON() []byte {
	references := object{}
	for _, vocabulary := range []string{core, capabilities, aggregation} {
		references.add(vocabularies+vocabulary+".json", object{{"$Include", []any{object{{"$Namespace", vocabulary}}}}})
	}
	schema := object{}
	for _, s := range m.Sets {
		schema.add(s.TypeName, m.jsonType(s))
	}
	for _, e := range m.Enums {
		schema.add(e.Name, jsonEnum(e))
	}
	schema.add(m.Container, m.jsonContainer())
	document := object{
		{"$Version", "4.0"},
		{"$EntityContainer", m.Namespace + "." + m.Container},
		{"$Reference", references},
		{m.Namespace, schema},
	}
	var out bytes.Buffer
	_ = json.Indent(&out, appendJSON(nil, document), "", "  ") // it is JSON
	return append(out.Bytes(), '\n')
}

func (m *Model) jsonType(s *EntitySet) object {
	var key []any
	for _, p := range s.Key {
		key = append(key, p.Name)
	}
	o := object{{"$Kind", "EntityType"}, {"$Key", key}}
	for _, p := range s.visible() {
		property := object{{"$Type", m.typeName(p.Type)}}
		if p.Nullable {
			property.add("$Nullable", true)
		}
		for _, f := range p.Type.facets() {
			property.add("$"+f.name, f.value)
		}
		property.annotate(p.annotations())
		o.add(p.Name, property)
	}
	for _, n := range s.Navigation {
		way := object{{"$Kind", "NavigationProperty"}, {"$Type", m.Namespace + "." + n.Target.TypeName}}
		switch {
		case n.Many:
			way.add("$Collection", true)
		case n.Nullable:
			way.add("$Nullable", true)
		}
		if n.Partner != nil {
			way.add("$Partner", n.Partner.Name)
		}
		constraints := object{}
		for _, link := range n.constraints(s) {
			constraints.add(link.From.Name, link.To.Name)
		}
		if len(constraints) > 0 {
			way.add("$ReferentialConstraint", constraints)
		}
		o.add(n.Name, way)
	}
	return o
}

func jsonEnum(e *EnumType) object {
	o := object{{"$Kind", "EnumType"}, {"$UnderlyingType", "Edm.Int64"}}
	if e.Flags {
		o.add("$IsFlags", true)
	}
	for _, member := range e.Members {
		o.add(member.Name, member.Value)
	}
	return o
}

func (m *Model) jsonContainer() object {
	o := object{{"$Kind", "EntityContainer"}}
	o.annotate(m.annotations())
	for _, s := range m.Sets {
		set := object{{"$Collection", true}, {"$Type", m.Namespace + "." + s.TypeName}}
		bindings := object{}
		for _, n := range s.Navigation {
			bindings.add(n.Name, n.Target.Name)
		}
		if len(bindings) > 0 {
			set.add("$NavigationPropertyBinding", bindings)
		}
		set.annotate(s.annotations())
		o.add(s.Name, set)
	}
	return o
}

// object is a JSON object that keeps its order.
type object []field

func (o *object) add(name string, value any) { *o = append(*o, field{name, value}) }

func (o *object) annotate(all []annotation) {
	for _, a := range all {
		o.add("@"+a.term, a.value)
	}
}

// appendJSON writes the values that a document is made of.
func appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return appendString(b, v)
	case bool:
		return strconv.AppendBool(b, v)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case []any:
		return appendList(b, v)
	case []string:
		return appendList(b, v)
	case []field:
		return appendJSON(b, object(v))
	case object:
		b = append(b, '{')
		for i, f := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, f.name), ':')
			b = appendJSON(b, f.value)
		}
		return append(b, '}')
	default:
		return append(b, "null"...)
	}
}

func appendList[T any](b []byte, list []T) []byte {
	b = append(b, '[')
	for i, item := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSON(b, item)
	}
	return append(b, ']')
}
