package ui

import (
	"strings"

	"github.com/keywright/keywright/internal/fault"
)

// problem is one thing that is wrong with a form.
type problem struct {
	ID     string // of the field's element; "" when it is about no field
	Detail string
}

// problems are what is wrong with a form: in a summary at its top, and each at its field.
type problems struct {
	All  []problem
	byID map[string]string
}

// At returns what is wrong with the field of an element's id, "" if nothing.
func (p problems) At(id string) string { return p.byID[id] }

// note adds a problem once.
func note(p *problems, id, detail string) {
	if p.byID == nil {
		p.byID = map[string]string{}
	}
	if id != "" && p.byID[id] == "" {
		p.byID[id] = detail
	}
	for _, known := range p.All {
		if known.Detail == detail && known.ID == id {
			return
		}
	}
	p.All = append(p.All, problem{ID: id, Detail: detail})
}

// problemsOf sorts a refusal by the fields of a form. ids names the element of each field that the form
// has, by the field's name or the beginning of it up to a dot; a problem of any other field stands in the
// summary alone.
func problemsOf(f *fault.Error, ids map[string]string) problems {
	var p problems
	if len(f.Fields) == 0 {
		note(&p, "", f.Detail)
	}
	for _, field := range f.Fields {
		id, name := "", field.Name
		for id == "" && name != "" {
			id = ids[name]
			cut := strings.LastIndexByte(name, '.')
			name = name[:max(cut, 0)]
		}
		note(&p, id, field.Detail)
	}
	return p
}

// correctable reports whether a refusal is one to show in its form rather than on a page of its own.
func correctable(f *fault.Error) bool {
	switch f.Kind {
	case fault.Invalid, fault.Conflict, fault.Throttled:
		return true
	default:
		return false
	}
}
