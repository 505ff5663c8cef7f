package edm

import (
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// Check says what is wrong with the model: names that are no identifiers or differ by case only, properties named like
// their type, keys that are null or missing, links of different types. A model that passes has documents that validate.
// The error joins all problems, in the model's order, each beginning with the name of what has it.
func (m *Model) Check() error {
	c := checker{model: m}
	c.modelItself()
	for _, e := range m.Enums {
		c.enum(e)
	}
	for _, s := range m.Sets {
		c.set(s)
	}
	return errors.Join(c.problems...)
}

// checker collects problems.
type checker struct {
	model    *Model
	problems []error
}

func (c *checker) say(at, format string, args ...any) {
	c.problems = append(c.problems, fmt.Errorf("edm: %s: %s", at, fmt.Sprintf(format, args...)))
}

// names finds names of one scope that are no identifiers, or the same but for case.
func (c *checker) names(at, what string) func(name string) {
	seen := map[string]string{}
	return func(name string) {
		if !isIdentifier(name) {
			c.say(at, "the name %q of %s is no identifier of at most 128 characters", name, what)
		}
		if other, ok := seen[fold(name)]; ok {
			c.say(at, "the names %q and %q of %s differ by case only, or not at all", other, name, what)
		}
		seen[fold(name)] = name
	}
}

func (c *checker) text(at, text string) {
	if !isXMLText(text) {
		c.say(at, "a text holds characters that XML can't say")
	}
}

func (c *checker) modelItself() {
	m := c.model
	if !isNamespace(m.Namespace) {
		c.say("model", "%q is no namespace", m.Namespace)
	}
	if len(m.Sets) == 0 {
		c.say("model", "no entity sets")
	}
	inSchema := c.names("model", "the schema")
	inSchema(m.Container)
	for _, e := range m.Enums {
		inSchema(e.Name)
	}
	inContainer := c.names("model", "the container")
	for _, s := range m.Sets {
		inSchema(s.TypeName)
		inContainer(s.Name)
	}
}

func (c *checker) enum(e *EnumType) {
	if len(e.Members) == 0 {
		c.say(e.Name, "no members")
	}
	name := c.names(e.Name, "the enumeration")
	values, stored := map[int64]bool{}, map[string]bool{}
	for _, member := range e.Members {
		name(member.Name)
		if values[member.Value] {
			c.say(e.Name, "two members have the value %d", member.Value)
		}
		values[member.Value] = true
		if e.Flags && member.Value < 0 {
			c.say(e.Name, "%s: a flag can't be negative", member.Name)
		}
		kept := member.Stored
		if kept == "" {
			kept = member.Name
		}
		if stored[kept] {
			c.say(e.Name, "two members are stored as %q", kept)
		}
		stored[kept] = true
	}
}

func (c *checker) set(s *EntitySet) {
	c.text(s.Name, s.Title+s.Description)
	name := c.names(s.Name, "the type")
	inType := func(text string) {
		name(text)
		if fold(text) == fold(s.TypeName) {
			c.say(s.Name, "%q is named like its type", text)
		}
	}
	for _, p := range s.Properties {
		c.property(s, p)
		if !p.Hidden {
			inType(p.Name)
		}
	}
	c.key(s)
	for _, p := range s.Searchable {
		if p.Type.Kind != String || p.Hidden || !slices.Contains(s.Properties, p) {
			c.say(s.Name, "%s: only visible strings of the set can be searched", p.Name)
		}
	}
	for _, n := range s.Navigation {
		inType(n.Name)
		c.navigation(s, n)
	}
}

func (c *checker) property(s *EntitySet, p *Property) {
	at := s.Name + "." + p.Name
	c.text(at, p.Title+p.Description)
	t := p.Type
	switch t.Kind {
	case Invalid, Binary:
		c.say(at, "%s has no place in a feed", t.Kind)
	case Enum:
		if !slices.Contains(c.model.Enums, t.Enum) {
			c.say(at, "its enumeration is not in the model")
		}
	case Decimal:
		if t.Precision < 0 || t.Scale < -1 || t.Precision > 0 && t.Scale > t.Precision {
			c.say(at, "no decimal has precision %d and scale %d", t.Precision, t.Scale)
		}
	case TimeOfDay, DateTimeOffset, Duration:
		if t.Precision < 0 || t.Precision > 12 {
			c.say(at, "a second has 0 to 12 digits behind its point, not %d", t.Precision)
		}
	default:
		if t.MaxLength < 0 {
			c.say(at, "no text has at most %d characters", t.MaxLength)
		}
	}
}

func (c *checker) key(s *EntitySet) {
	if len(s.Key) == 0 {
		c.say(s.Name, "no key")
	}
	for i, p := range s.Key {
		at := s.Name + "." + p.Name
		switch p.Type.Kind {
		case Single, Double, Binary, Invalid:
			c.say(at, "%s can't be a key", p.Type.Kind)
		default:
		}
		switch {
		case !slices.Contains(s.Properties, p):
			c.say(at, "a key of no property of the set")
		case p.Nullable:
			c.say(at, "a key that can be null")
		case p.Hidden:
			c.say(at, "a key that is hidden: entities could not be named")
		case slices.Contains(s.Key[:i], p):
			c.say(at, "twice in the key")
		}
	}
}

func (c *checker) navigation(s *EntitySet, n *Navigation) {
	at := s.Name + "." + n.Name
	if n.Target == nil || !slices.Contains(c.model.Sets, n.Target) {
		c.say(at, "its target is no set of the model")
		return
	}
	if len(n.On) == 0 {
		c.say(at, "nothing says which rows are related")
	}
	for _, link := range n.On {
		switch {
		case link.From == nil || !slices.Contains(s.Properties, link.From):
			c.say(at, "it starts at no property of %s", s.Name)
		case link.To == nil || !slices.Contains(n.Target.Properties, link.To):
			c.say(at, "it ends at no property of %s", n.Target.Name)
		case link.From.Type.Kind != link.To.Type.Kind || link.From.Type.Enum != link.To.Type.Enum:
			c.say(at, "%s and %s are of different types", link.From.Name, link.To.Name)
		case !n.Many && !n.Nullable && link.From.Nullable:
			c.say(at, "it leads to none where %s is null, and says that it does not", link.From.Name)
		}
	}
	if p := n.Partner; p != nil {
		if !slices.Contains(n.Target.Navigation, p) || p.Target != s || p.Partner != n && p.Partner != nil {
			c.say(at, "its partner does not lead back")
		}
	}
}

// isXMLText says whether XML 1.0 can say a text.
func isXMLText(s string) bool {
	for _, r := range s {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return false
		}
	}
	return utf8.ValidString(s)
}

// Set finds an entity set by name; nil if there is none.
func (m *Model) Set(name string) *EntitySet {
	for _, s := range m.Sets {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Property finds a property that is not hidden; nil if there is none.
func (s *EntitySet) Property(name string) *Property {
	for _, p := range s.Properties {
		if p.Name == name && !p.Hidden {
			return p
		}
	}
	return nil
}

// Way finds a navigation property; nil if there is none.
func (s *EntitySet) Way(name string) *Navigation {
	for _, n := range s.Navigation {
		if n.Name == name {
			return n
		}
	}
	return nil
}
