package rest

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed docs.html docs.css
var docsFiles embed.FS

func docsStyle() []byte {
	b, _ := docsFiles.ReadFile("docs.css") // it is embedded
	return b
}

// docsPage is the OpenAPI document in the order in which people read it.
type docsPage struct {
	Title, Version, Prefix string
	Intro                  []template.HTML
	Tags                   []docsTag
	Codes                  []codeDoc
}

type docsTag struct {
	ID, Name, Description string
	Operations            []docsOperation
}

type docsOperation struct {
	ID, Method, Path, Summary string
	Who                       template.HTML
	Parameters                []docsField
	Fields                    []docsField // of the body
	BodyOptional              bool
	Request, Response         string // examples
	Status                    string
	Codes                     []codeDoc
}

type docsField struct {
	Name, Type, In, Description string
	Required                    bool
}

// renderDocs makes the page: one file without script, which loads one stylesheet from here.
func renderDocs(doc *huma.OpenAPI) ([]byte, error) {
	t, err := template.ParseFS(docsFiles, "docs.html")
	if err != nil {
		return nil, err
	}
	page := docsPage{Title: doc.Info.Title, Version: doc.Info.Version, Prefix: Prefix, Codes: codeDocs()}
	for paragraph := range strings.SplitSeq(doc.Info.Description, "\n\n") {
		page.Intro = append(page.Intro, withCode(paragraph))
	}
	all := slices.SortedFunc(operations(doc), func(a, b *huma.Operation) int {
		return strings.Compare(a.Path+order(a.Method), b.Path+order(b.Method))
	})
	for _, tag := range doc.Tags {
		section := docsTag{ID: anchor(tag.Name), Name: tag.Name, Description: tag.Description}
		for _, o := range all {
			if slices.Contains(o.Tags, tag.Name) {
				section.Operations = append(section.Operations, docsOperationOf(doc, o))
			}
		}
		page.Tags = append(page.Tags, section)
	}
	var b bytes.Buffer
	err = t.Execute(&b, page)
	return b.Bytes(), err
}

// order puts reading before changing.
func order(method string) string {
	return " " + strconv.Itoa(slices.Index([]string{"GET", "POST", "PUT", "PATCH", "DELETE"}, method))
}

func anchor(name string) string { return strings.ReplaceAll(strings.ToLower(name), " ", "-") }

// withCode sets what stands between backquotes as code.
func withCode(text string) template.HTML {
	var b strings.Builder
	for i, part := range strings.Split(text, "`") {
		part = template.HTMLEscapeString(part)
		if i%2 == 1 {
			part = "<code>" + part + "</code>"
		}
		b.WriteString(part)
	}
	return template.HTML(b.String()) // every part is escaped
}

func docsOperationOf(doc *huma.OpenAPI, o *huma.Operation) docsOperation {
	out := docsOperation{ID: o.OperationID, Method: o.Method, Path: o.Path, Summary: o.Summary, Who: withCode(o.Description)}
	for _, p := range o.Parameters {
		if p.In == "path" || p.In == "query" {
			out.Parameters = append(out.Parameters, docsField{Name: p.Name, In: p.In, Type: typeName(p.Schema), Description: describeSchema(p.Schema, p.Description), Required: p.Required})
		}
	}
	if o.RequestBody != nil {
		content := o.RequestBody.Content["application/json"]
		out.BodyOptional = !o.RequestBody.Required
		out.Fields = docsFields(doc.Components.Schemas, content.Schema)
		out.Request = indented(content.Example)
	}
	for _, status := range slices.Sorted(maps.Keys(o.Responses)) {
		if response := o.Responses[status]; strings.HasPrefix(status, "2") {
			out.Status = status + " " + response.Description
			if content := response.Content["application/json"]; content != nil {
				out.Response = indented(content.Example)
			}
		}
	}
	for _, d := range codeDocs() {
		if response := o.Responses[strconv.Itoa(d.Status)]; response != nil && strings.Contains(response.Description, "`"+string(d.Code)+"`") {
			out.Codes = append(out.Codes, d)
		}
	}
	return out
}

func docsFields(r huma.Registry, s *huma.Schema) []docsField {
	if s.Ref != "" {
		s = r.SchemaFromRef(s.Ref)
	}
	var out []docsField
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[name]
		out = append(out, docsField{
			Name: name, In: "body", Type: typeName(p), Description: describeSchema(p, p.Description), Required: slices.Contains(s.Required, name),
		})
	}
	return out
}

func typeName(s *huma.Schema) string {
	switch {
	case s.Ref != "":
		return "object"
	case s.Type == huma.TypeArray && s.Items.Ref != "":
		return "list of objects"
	case s.Type == huma.TypeArray:
		return "list of " + typeName(s.Items) + "s"
	case s.Format == "date-time":
		return "time"
	case s.Format == "date":
		return "day"
	}
	return s.Type
}

// describeSchema adds to a description what its schema bounds.
func describeSchema(s *huma.Schema, text string) string {
	var more []string
	var words []string
	for _, v := range s.Enum {
		if v != nil { // that null is taken is not worth a word
			words = append(words, fmt.Sprint(v))
		}
	}
	if len(words) > 0 {
		more = append(more, "One of "+strings.Join(words, ", ")+".")
	}
	if s.Minimum != nil && s.Maximum != nil {
		more = append(more, strconv.FormatFloat(*s.Minimum, 'f', -1, 64)+" to "+strconv.FormatFloat(*s.Maximum, 'f', -1, 64)+".")
	}
	if s.Default != nil {
		b, err := json.Marshal(s.Default)
		if err == nil {
			more = append(more, "Default "+string(b)+".")
		}
	}
	if text != "" {
		more = append([]string{strings.TrimSuffix(text, ".") + "."}, more...)
	}
	return strings.Join(more, " ")
}

func indented(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return ""
	}
	return strings.TrimSpace(b.String())
}
