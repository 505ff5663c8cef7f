package rest

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
)

// checkNames refuses what encoding/json would let pass in a body: a field twice, of which it takes the
// last, and a field whose name only differs in case from a known one. Everything else is huma's to find;
// so is a body that is no JSON.
func checkNames(r huma.Registry, s *huma.Schema, body []byte) error {
	if len(body) == 0 || !json.Valid(body) { // which also bounds its depth
		return nil
	}
	w := nameWalker{dec: json.NewDecoder(bytes.NewReader(body)), schemas: r}
	w.value(s, "")
	return fault.Invalids(w.bad)
}

type nameWalker struct {
	dec     *json.Decoder
	schemas huma.Registry
	bad     []fault.Field
}

// value walks one value; s is nil where the schema says nothing of it.
func (w *nameWalker) value(s *huma.Schema, path string) {
	if s != nil && s.Ref != "" {
		s = w.schemas.SchemaFromRef(s.Ref)
	}
	switch w.next() {
	case json.Delim('{'):
		w.object(s, path)
	case json.Delim('['):
		var items *huma.Schema
		if s != nil {
			items = s.Items
		}
		for i := 0; w.dec.More(); i++ {
			w.value(items, path+strconv.Itoa(i)+".")
		}
		w.next()
	}
}

func (w *nameWalker) object(s *huma.Schema, path string) {
	seen := map[string]bool{}
	for w.dec.More() {
		name, _ := w.next().(string) // a key is a string
		if seen[name] {
			w.refuse(path+name, "This field is sent twice. Send it once.")
		}
		seen[name] = true
		var known *huma.Schema
		if s != nil {
			known = s.Properties[name]
			for other := range s.Properties {
				if known == nil && strings.EqualFold(other, name) {
					w.refuse(path+name, "There is no such field. Names are in lower case.")
				}
			}
		}
		w.value(known, path+name+".")
	}
	w.next()
}

func (w *nameWalker) next() json.Token {
	t, _ := w.dec.Token() // the body is valid
	return t
}

func (w *nameWalker) refuse(name, detail string) {
	if len(w.bad) < maxFieldErrors {
		w.bad = append(w.bad, fault.Field{Name: shortName(name), Code: api.CodeInvalid, Detail: detail})
	}
}
