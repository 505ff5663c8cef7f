package edm

import (
	"bytes"
	"encoding/xml"
	"strings"
)

// XML is the $metadata document (CSDL 4.0 XML). The model must have passed Check.
func (m *Model) XML() []byte {
	w := &xmlWriter{}
	w.out.WriteString(xml.Header)
	w.open("edmx:Edmx", "xmlns:edmx", "http://docs.oasis-open.org/odata/ns/edmx", "Version", "4.0")
	for _, vocabulary := range []string{core, capabilities, aggregation} {
		w.open("edmx:Reference", "Uri", vocabularies+vocabulary+".xml")
		w.empty("edmx:Include", "Namespace", vocabulary)
		w.close("edmx:Reference")
	}
	w.open("edmx:DataServices")
	w.open("Schema", "xmlns", "http://docs.oasis-open.org/odata/ns/edm", "Namespace", m.Namespace)
	for _, s := range m.Sets {
		m.entityType(w, s)
	}
	for _, e := range m.Enums {
		enumType(w, e)
	}
	m.container(w)
	w.close("Schema")
	w.close("edmx:DataServices")
	w.close("edmx:Edmx")
	return w.out.Bytes()
}

func (m *Model) entityType(w *xmlWriter, s *EntitySet) {
	w.open("EntityType", "Name", s.TypeName)
	w.open("Key")
	for _, p := range s.Key {
		w.empty("PropertyRef", "Name", p.Name)
	}
	w.close("Key")
	for _, p := range s.visible() {
		attributes := []string{"Name", p.Name, "Type", m.typeName(p.Type)}
		if !p.Nullable {
			attributes = append(attributes, "Nullable", "false")
		}
		for _, f := range p.Type.facets() {
			attributes = append(attributes, f.name, text(f.value))
		}
		w.element("Property", attributes, len(p.annotations()) > 0, func() { w.annotate(p.annotations()) })
	}
	for _, n := range s.Navigation {
		attributes := []string{"Name", n.Name}
		target := m.Namespace + "." + n.Target.TypeName
		if n.Many {
			attributes = append(attributes, "Type", "Collection("+target+")")
		} else {
			attributes = append(attributes, "Type", target)
			if !n.Nullable {
				attributes = append(attributes, "Nullable", "false")
			}
		}
		if n.Partner != nil {
			attributes = append(attributes, "Partner", n.Partner.Name)
		}
		constraints := n.constraints(s)
		w.element("NavigationProperty", attributes, len(constraints) > 0, func() {
			for _, link := range constraints {
				w.empty("ReferentialConstraint", "Property", link.From.Name, "ReferencedProperty", link.To.Name)
			}
		})
	}
	w.close("EntityType")
}

func enumType(w *xmlWriter, e *EnumType) {
	attributes := []string{"Name", e.Name, "UnderlyingType", "Edm.Int64"}
	if e.Flags {
		attributes = append(attributes, "IsFlags", "true")
	}
	w.open("EnumType", attributes...)
	for _, member := range e.Members {
		w.empty("Member", "Name", member.Name, "Value", Type{Kind: Int64}.Format(member.Value))
	}
	w.close("EnumType")
}

func (m *Model) container(w *xmlWriter) {
	w.open("EntityContainer", "Name", m.Container)
	w.annotate(m.annotations())
	for _, s := range m.Sets {
		w.open("EntitySet", "Name", s.Name, "EntityType", m.Namespace+"."+s.TypeName)
		for _, n := range s.Navigation {
			w.empty("NavigationPropertyBinding", "Path", n.Name, "Target", n.Target.Name)
		}
		w.annotate(s.annotations())
		w.close("EntitySet")
	}
	w.close("EntityContainer")
}

// xmlWriter writes indented elements. Attributes come as names and values in turn.
type xmlWriter struct {
	out   bytes.Buffer
	depth int
}

func (w *xmlWriter) start(name string, attributes []string, end string) {
	w.out.WriteString(strings.Repeat("  ", w.depth) + "<" + name)
	for i := 0; i < len(attributes); i += 2 {
		w.out.WriteString(" " + attributes[i] + `="`)
		_ = xml.EscapeText(&w.out, []byte(attributes[i+1])) // a buffer takes everything
		w.out.WriteByte('"')
	}
	w.out.WriteString(end + "\n")
}

func (w *xmlWriter) open(name string, attributes ...string) {
	w.start(name, attributes, ">")
	w.depth++
}

func (w *xmlWriter) empty(name string, attributes ...string) { w.start(name, attributes, "/>") }

func (w *xmlWriter) close(name string) {
	w.depth--
	w.start("/"+name, nil, ">")
}

// element is open, content and close, or empty.
func (w *xmlWriter) element(name string, attributes []string, full bool, content func()) {
	if !full {
		w.empty(name, attributes...)
		return
	}
	w.open(name, attributes...)
	content()
	w.close(name)
}

func (w *xmlWriter) annotate(all []annotation) {
	for _, a := range all {
		w.value("Annotation", []string{"Term", a.term}, a.value)
	}
}

// value writes an element that holds a value: constants as an attribute, others as elements below it.
func (w *xmlWriter) value(name string, attributes []string, value any) {
	switch value := value.(type) {
	case bool:
		w.empty(name, append(attributes, "Bool", text(value))...)
	case string:
		w.empty(name, append(attributes, "String", value)...)
	case []string:
		w.open(name, attributes...)
		w.open("Collection")
		for _, item := range value {
			w.out.WriteString(strings.Repeat("  ", w.depth) + "<String>")
			_ = xml.EscapeText(&w.out, []byte(item)) // a buffer takes everything
			w.out.WriteString("</String>\n")
		}
		w.close("Collection")
		w.close(name)
	case []field:
		w.open(name, attributes...)
		w.open("Record")
		for _, f := range value {
			w.value("PropertyValue", []string{"Property", f.name}, f.value)
		}
		w.close("Record")
		w.close(name)
	}
}
