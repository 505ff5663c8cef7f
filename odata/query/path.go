package query

import (
	"net/url"
	"slices"
	"strings"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/uri"
)

// resource is what a path has led to so far.
type resource struct {
	Bound
	where string // the path itself, as the context URL of a property has it
	byID  bool   // $entity?$id=…
}

// resource follows the path of a request.
func (b *binder) resource(r *uri.Request) (*resource, error) {
	if len(r.Path) == 0 {
		return &resource{}, nil
	}
	first := r.Path[0]
	switch first.Name {
	case "$metadata", "$batch":
		if len(r.Path) > 1 || first.Keys != nil {
			return nil, b.missing(first.Pos, "there is nothing behind %s", first.Name)
		}
		if first.Name == "$batch" {
			return &resource{Bound: Bound{Ask: Batch}}, nil
		}
		return &resource{Bound: Bound{Ask: Metadata}}, nil
	case "$entity":
		return b.byID(r)
	case "$all", "$crossjoin":
		return nil, b.unsupported(first.Pos, "%s is not supported", first.Name)
	}
	return b.walk(r.Path)
}

// walk follows a path that begins with a set.
func (b *binder) walk(path []uri.Segment) (*resource, error) {
	first := path[0]
	set := b.model.Set(first.Name)
	if set == nil {
		var known []string
		for _, s := range b.model.Sets {
			known = append(known, s.Name)
		}
		return nil, b.missing(first.Pos, "there is no %s here. %s", quote(first.Name), list("There are", known))
	}
	p := &resource{Bound: Bound{Ask: Collection, Query: &Query{Set: set, Top: -1}}, where: set.Name}
	if err := b.keyed(p, first); err != nil {
		return nil, err
	}
	for _, seg := range path[1:] {
		if err := b.segment(p, seg); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// keyed narrows a collection to one entity, if a segment has a key.
func (b *binder) keyed(p *resource, seg uri.Segment) error {
	if seg.Keys == nil {
		return nil
	}
	key, err := b.key(p.Query.Set, seg)
	if err != nil {
		return err
	}
	p.Ask, p.Addressed, p.Query.Key = Entity, true, key
	p.where += keyText(b.model, p.Query.Set, key)
	return nil
}

// segment follows one segment.
func (b *binder) segment(p *resource, seg uri.Segment) error {
	last := p.References || p.Ask == Size || p.Ask == RawValue
	switch {
	case last:
		return b.missing(seg.Pos, "there is nothing behind $ref, $count and $value")
	case p.Ask == Value:
		if seg.Name != "$value" || seg.Keys != nil {
			return b.missing(seg.Pos, "there is no %s behind a property: $value is", quote(seg.Name))
		}
		p.Ask = RawValue
		return nil
	case seg.Name == "$ref" && seg.Keys == nil:
		p.References = true
		return nil
	case seg.Name == "$count" && seg.Keys == nil && p.Ask == Collection:
		p.Ask = Size
		return nil
	case seg.Name == "$each" || seg.Name == "$filter" || seg.Name == "$query":
		return b.unsupported(seg.Pos, "%s is not supported in a path", seg.Name)
	case p.Ask == Collection:
		return b.missing(seg.Pos, "there is no %s behind a collection: a key in parentheses, $count and $ref are", quote(seg.Name))
	}
	return b.member(p, seg)
}

// member follows a property of an entity.
func (b *binder) member(p *resource, seg uri.Segment) error {
	set := p.Query.Set
	if prop := set.Property(seg.Name); prop != nil {
		if seg.Keys != nil {
			return b.missing(seg.Pos, "%s takes no key", prop.Name)
		}
		p.Ask, p.Property = Value, prop
		p.where += "/" + prop.Name
		return nil
	}
	n := set.Way(seg.Name)
	if n == nil {
		return b.missing(seg.Pos, "%s", unknown(set, "property", seg.Name))
	}
	p.Query = &Query{Set: n.Target, Of: &Origin{Set: set, Key: p.Query.Key, Of: p.Query.Of, Nav: n}, Top: -1}
	p.Addressed = false
	p.where += "/" + n.Name
	if n.Many {
		p.Ask = Collection
		return b.keyed(p, seg)
	}
	p.Ask = Entity
	if seg.Keys != nil {
		return b.fail(seg.Pos, "%s leads to one at most and takes no key", n.Name)
	}
	return nil
}

// byID resolves $entity?$id=…: a URL of an entity, relative to the service's root or absolute.
func (b *binder) byID(r *uri.Request) (*resource, error) {
	if len(r.Path) > 1 || r.Path[0].Keys != nil {
		return nil, b.unsupported(r.Path[0].Pos, "$entity takes no type: there are no derived types")
	}
	b.option = "$id"
	id := r.Options.ID
	if id == "" {
		return nil, b.fail(0, "$entity needs $id, the URL of an entity")
	}
	root, err := url.Parse(b.options.Root)
	if err != nil {
		root = &url.URL{}
	}
	relative, absolute := strings.CutPrefix(id, b.options.Root)
	switch {
	case absolute:
	case strings.HasPrefix(id, "/") && root.Path != "":
		if relative, absolute = strings.CutPrefix(id, root.EscapedPath()); !absolute {
			return nil, b.missing(0, "%s is no entity of this service", quote(id))
		}
	case strings.Contains(id, "://"):
		return nil, b.missing(0, "%s is no entity of this service", quote(id))
	}
	path, query, hasQuery := strings.Cut(relative, "?")
	inner, err := uri.Parse(path, "", b.options.Limits)
	if err != nil || hasQuery || strings.Contains(query, "#") || len(inner.Path) == 0 || strings.HasPrefix(inner.Path[0].Name, "$") {
		return nil, b.fail(0, "%s is no URL of an entity", quote(id))
	}
	p, err := b.walk(inner.Path)
	if err != nil {
		return nil, err
	}
	if p.Ask != Entity || p.References {
		return nil, b.fail(0, "%s is no URL of an entity", quote(id))
	}
	p.byID = true
	b.option = ""
	return p, nil
}

// key reads the values of a key.
func (b *binder) key(set *edm.EntitySet, seg uri.Segment) ([]any, error) {
	var names []string
	for _, p := range set.Key {
		names = append(names, p.Name)
	}
	if len(seg.Keys) != len(set.Key) || len(set.Key) > 1 && seg.Keys[0].Name == "" {
		return nil, b.fail(seg.Pos, "the key of %s is: %s", set.Name, strings.Join(names, ", "))
	}
	values := make([]any, len(set.Key))
	for _, k := range seg.Keys {
		i := slices.Index(names, k.Name)
		switch {
		case k.Name == "":
			i = 0
		case i < 0 || set.Key[i].Hidden:
			return nil, b.fail(k.Pos, "%s is not in the key of %s: %s", quote(k.Name), set.Name, strings.Join(names, ", "))
		case values[i] != nil:
			return nil, b.fail(k.Pos, "%s is in the key twice", k.Name)
		}
		v, err := b.keyValue(k, set.Key[i].Type)
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	return values, nil
}

// keyValue reads one value of a key, which has the form of its type; text is read as that type, as in expressions.
func (b *binder) keyValue(k uri.Key, t edm.Type) (any, error) {
	x, err := b.constant(k.Value)
	if err != nil {
		return nil, err
	}
	if x, err = b.read(k.Value, x, t); err != nil {
		return nil, err
	}
	from := x.Type().Kind
	if isNumber(from) && isNumber(t.Kind) {
		x = adapt(x, t.Kind)
		from = x.Type().Kind
	}
	l, ok := x.(*Literal)
	if ok && l.Value != nil && isInteger(from) && isInteger(t.Kind) {
		if v := Cast(l.Value, from, t.Kind); v != nil {
			return v, nil
		}
		return nil, b.fail(k.Pos, "the value is out of the range of %s", t.Kind)
	}
	if !ok || l.Value == nil || from != t.Kind || l.Of.Enum != t.Enum {
		return nil, b.fail(k.Pos, "expected a value of %s", b.typeText(t))
	}
	return l.Value, nil
}

// constant binds a literal, a negative number, or an alias of one.
func (b *binder) constant(e uri.Expr) (Expr, error) {
	switch e := e.(type) {
	case *uri.Literal:
		return b.literal(e)
	case *uri.Unary:
		if e.Op == "-" {
			return b.unary(e, &scope{})
		}
	case *uri.Alias:
		return b.alias(e, b.constant)
	}
	return nil, b.fail(e.At(), "expected a literal or an alias")
}

// applies refuses options that don't apply to what is asked for.
func (b *binder) applies(p *resource, o *uri.Options) error {
	b.option = ""
	one := []string{"select", "expand", "compute"}
	many := []string{"filter", "search", "orderby", "top", "skip", "count", "skiptoken"}
	allowed, what := []string{"format"}, "this resource"
	switch {
	case p.Ask == Batch:
		allowed, what = nil, "$batch"
	case p.Ask == Size:
		what = "$count"
		allowed = append(allowed, "filter", "search", "apply", "compute",
			"top", "skip", "orderby", "expand", "select", "count") // which say nothing about a count
	case p.References && p.Ask == Collection:
		allowed, what = append(append(allowed, many...), "compute"), "$ref"
	case p.References:
		what = "$ref"
	case p.Ask == Collection:
		allowed = append(append(append(allowed, one...), many...), "apply")
	case p.Ask == Entity:
		allowed, what = append(allowed, one...), "a single entity"
	case p.Ask == Value || p.Ask == RawValue:
		what = "a property"
	}
	if p.byID {
		allowed = append(allowed, "id")
	}
	for _, name := range o.Given {
		b.option = "$" + name
		switch {
		case slices.Contains(allowed, name):
		case slices.Contains(append(append(one, many...), "apply", "id", "format", "levels"), name):
			return b.fail(0, "$%s does not apply to %s", name, what)
		default:
			return b.unsupported(0, "$%s is not supported", name)
		}
	}
	b.option = ""
	return nil
}

// keyText writes a key as it stands behind the name of a set in a URL, percent-encoded: ('O”Neil%2F1'), (ID=1,Size=5).
func keyText(m *edm.Model, set *edm.EntitySet, key []any) string {
	parts := make([]string, len(key))
	for i, p := range set.Key {
		text := p.Type.Format(key[i])
		switch p.Type.Kind {
		case edm.String:
			text = "'" + strings.ReplaceAll(text, "'", "''") + "'"
		case edm.Enum:
			text = m.Namespace + "." + p.Type.Enum.Name + "'" + text + "'"
		case edm.Duration:
			text = "duration'" + text + "'"
		default:
		}
		parts[i] = escape(text)
		if len(key) > 1 {
			parts[i] = escape(p.Name) + "=" + parts[i]
		}
	}
	return "(" + strings.Join(parts, ",") + ")"
}

// escape leaves what may stand in a path segment, so that apostrophes and colons are readable.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~'!:@$", c) >= 0 {
			b.WriteByte(c)
		} else {
			const digits = "0123456789ABCDEF"
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}
