package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
)

// strictReader reads rows as ODataLib 7.4.0, which is in Power Query, was measured to read them: what makes that one fail is an
// error here.
type strictReader struct {
	root  string
	types map[string]strictType // by qualified name
	sets  map[string]string     // a set's type
}

type strictType struct {
	properties  map[string]strictProperty
	navigations map[string]string // the type, in Collection() if there are many
}

type strictProperty struct {
	kind     string
	nullable bool
}

func newStrictReader(root string, metadata []byte) (*strictReader, error) {
	var doc struct {
		Version string `xml:"Version,attr"`
		Schema  struct {
			Namespace string `xml:",attr"`
			Types     []struct {
				Name       string `xml:",attr"`
				Properties []struct {
					Name     string `xml:",attr"`
					Type     string `xml:",attr"`
					Nullable string `xml:",attr"`
				} `xml:"Property"`
				Navigations []struct {
					Name string `xml:",attr"`
					Type string `xml:",attr"`
				} `xml:"NavigationProperty"`
			} `xml:"EntityType"`
			Sets []struct {
				Name string `xml:",attr"`
				Type string `xml:"EntityType,attr"`
			} `xml:"EntityContainer>EntitySet"`
		} `xml:"DataServices>Schema"`
	}
	if err := xml.Unmarshal(metadata, &doc); err != nil {
		return nil, err
	}
	if doc.Version != "4.0" {
		return nil, fmt.Errorf("the metadata is of version %q", doc.Version)
	}
	r := &strictReader{root: root, types: map[string]strictType{}, sets: map[string]string{}}
	for _, t := range doc.Schema.Types {
		of := strictType{map[string]strictProperty{}, map[string]string{}}
		for _, p := range t.Properties {
			of.properties[p.Name] = strictProperty{p.Type, p.Nullable != "false"}
		}
		for _, n := range t.Navigations {
			of.navigations[n.Name] = n.Type
		}
		r.types[doc.Schema.Namespace+"."+t.Name] = of
	}
	for _, s := range doc.Schema.Sets {
		r.sets[s.Name] = s.Type
	}
	return r, nil
}

// feed reads a page of a set.
func (r *strictReader) feed(body []byte) (rows []map[string]any, next string, err error) {
	page, order, err := strictObject(body)
	if err != nil {
		return nil, "", err
	}
	if len(order) == 0 || order[0] != "@odata.context" {
		return nil, "", fmt.Errorf("the context is not first: %q", order)
	}
	context, ok := page["@odata.context"].(string)
	set, ok2 := strings.CutPrefix(context, r.root+"/$metadata#")
	set, _, _ = strings.Cut(set, "(")
	of, ok3 := r.sets[set]
	if !ok || !ok2 || !ok3 {
		return nil, "", fmt.Errorf("the context is %v", page["@odata.context"])
	}
	for name, value := range page {
		switch name {
		case "@odata.context", "value":
		case "@odata.nextLink":
			if next, ok = value.(string); !ok || !strings.HasPrefix(next, r.root+"/") {
				err = errors.Join(err, fmt.Errorf("the next link is %v", value))
			}
		case "@odata.count":
			err = errors.Join(err, strictValue("Edm.Int64", value))
		default:
			err = errors.Join(err, fmt.Errorf("there is %q", name))
		}
	}
	rows, e := r.rows(of, page["value"])
	return rows, next, errors.Join(err, e)
}

func (r *strictReader) rows(of string, value any) (rows []map[string]any, err error) {
	list, ok := value.([]any)
	if !ok {
		return nil, fmt.Errorf("%T for rows", value)
	}
	for _, item := range list {
		row, ok := item.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%T for a row", item)
		}
		if err := r.row(of, row); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (r *strictReader) row(of string, row map[string]any) error {
	known := r.types[of]
	for name, value := range row {
		if p, ok := known.properties[name]; ok {
			if value == nil && p.nullable {
				continue
			}
			if err := strictValue(p.kind, value); err != nil {
				return fmt.Errorf("%s.%s: %w", of, name, err)
			}
			continue
		}
		if to, ok := known.navigations[name]; ok {
			if err := r.expanded(to, value); err != nil {
				return err
			}
			continue
		}
		property, control, _ := strings.Cut(name, "@")
		switch _, many := known.navigations[property]; {
		case name == "@odata.etag", many && control == "odata.nextLink", many && control == "odata.count":
		default:
			return fmt.Errorf("%s declares no %q", of, name)
		}
	}
	return nil
}

func (r *strictReader) expanded(to string, value any) error {
	if many, ok := strings.CutPrefix(to, "Collection("); ok {
		_, err := r.rows(strings.TrimSuffix(many, ")"), value)
		return err
	}
	row, ok := value.(map[string]any)
	if value == nil {
		return nil
	}
	if !ok {
		return fmt.Errorf("%T for a %s", value, to)
	}
	return r.row(to, row)
}

var (
	strictInteger = regexp.MustCompile(`^-?\d+$`)
	strictDecimal = regexp.MustCompile(`^-?\d+(\.\d+)?$`) // no exponent
	strictInstant = regexp.MustCompile(`^(?:[1-9]\d{3}|0\d{2}[1-9]|0[1-9]\d{2}|00[1-9]\d)-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,12})?)?(Z|[+-]\d\d:\d\d)$`)
	strictDate    = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)
	strictTime    = regexp.MustCompile(`^\d\d:\d\d(:\d\d(\.\d{1,12})?)?$`)
	strictGUID    = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
)

// strictValue checks how a value is written. A null is never right here.
func strictValue(kind string, value any) error {
	text, isText := value.(string)
	number, isNumber := value.(json.Number)
	good := false
	switch kind {
	case "Edm.String":
		good = isText
	case "Edm.Boolean":
		_, good = value.(bool)
	case "Edm.Int16", "Edm.Int32", "Edm.Int64":
		good = isNumber && strictInteger.MatchString(string(number))
	case "Edm.Decimal":
		digits := len(strings.Trim(strings.NewReplacer(".", "", "-", "").Replace(string(number)), "-"))
		good = isNumber && strictDecimal.MatchString(string(number)) && digits <= 28
	case "Edm.Double", "Edm.Single":
		good = isNumber || text == "NaN" || text == "INF" || text == "-INF"
	case "Edm.DateTimeOffset":
		good = isText && strictInstant.MatchString(text)
	case "Edm.Date":
		good = isText && strictDate.MatchString(text)
	case "Edm.TimeOfDay":
		good = isText && strictTime.MatchString(text)
	case "Edm.Guid":
		good = isText && strictGUID.MatchString(text)
	}
	if !good {
		return fmt.Errorf("%v (%T) is no %s", value, value, kind)
	}
	return nil
}

// strictObject reads an object that is all of the text, and the order of its members, none of which may come twice.
func strictObject(body []byte) (object map[string]any, order []string, err error) {
	whole := json.NewDecoder(bytes.NewReader(body))
	whole.UseNumber()
	if err := whole.Decode(&object); err != nil {
		return nil, nil, err
	}
	if _, err := whole.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, errors.New("there is more behind the object")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if _, err := d.Token(); err != nil {
		return nil, nil, err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, nil, err
		}
		var skipped json.RawMessage
		if err := d.Decode(&skipped); err != nil {
			return nil, nil, err
		}
		order = append(order, fmt.Sprint(name))
	}
	if len(order) != len(object) {
		return nil, nil, fmt.Errorf("a member comes twice: %q", order)
	}
	return object, order, nil
}

// The reader that answers are held to does refuse what ODataLib refuses.
func TestTheStrictReaderFailsWhereODataLibFails(t *testing.T) {
	t.Parallel()
	const root = "http://example.com/f"
	r, err := newStrictReader(root, []byte(`<Edmx Version="4.0"><DataServices><Schema Namespace="F"><EntityType Name="T">
		<Property Name="ID" Type="Edm.Int64" Nullable="false"/><Property Name="D" Type="Edm.Decimal"/><Property Name="B" Type="Edm.Boolean"/><Property Name="S" Type="Edm.String"/>
		<Property Name="At" Type="Edm.DateTimeOffset"/><Property Name="On" Type="Edm.Date"/><NavigationProperty Name="N" Type="Collection(F.T)"/></EntityType>
		<EntityContainer Name="C"><EntitySet Name="Ts" EntityType="F.T"/></EntityContainer></Schema></DataServices></Edmx>`))
	if err != nil {
		t.Fatal(err)
	}
	page := func(row string) string { return `{"@odata.context":"` + root + `/$metadata#Ts","value":[` + row + `]}` }
	if _, _, err := r.feed([]byte(page(`{"ID":9223372036854775807,"D":12345678901234567890.12345678,"B":null,"S":"x","At":"2024-01-01T00:00:00.5+01:00","On":"2024-02-29","N":[{"ID":2}],"N@odata.count":1}`))); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{
		page(`{"ID":null}`), page(`{"ID":"1"}`), page(`{"ID":1,"D":"1.5"}`), page(`{"ID":1,"D":1E-7}`), page(`{"ID":1,"D":12345678901234567890123456789.5}`), page(`{"ID":1,"B":1}`), page(`{"ID":1,"S":2}`),
		page(`{"ID":1,"At":"2024-01-01T00:00:00"}`), page(`{"ID":1,"At":"2024-01-01 00:00:00Z"}`), page(`{"ID":1,"At":"0000-01-01T00:00:00Z"}`), page(`{"ID":1,"On":"2024-01-01T00:00:00Z"}`),
		page(`{"ID":1,"Extra":2}`), page(`{"ID":1,"N":{"ID":2}}`), page(`{"ID":1,"N":[{"ID":2,"Extra":1}]}`),
		`{"@odata.context":"$metadata#Ts","value":[]}`, `{"@context":"` + root + `/$metadata#Ts","value":[]}`, `{"value":[]}`, `{"value":[],"@odata.context":"` + root + `/$metadata#Ts"}`,
		`{"@odata.context":"` + root + `/$metadata#Xs","value":[]}`, `{"@odata.context":"` + root + `/$metadata#Ts","total":1,"value":[]}`,
		`{"@odata.context":"` + root + `/$metadata#Ts","@odata.count":"1","value":[]}`, `{"@odata.context":"` + root + `/$metadata#Ts","@odata.nextLink":"http://inner/f/Ts","value":[]}`,
		page(``) + "x", `{"@odata.context":"` + root + `/$metadata#Ts","value":[`,
	} {
		if _, _, err := r.feed([]byte(bad)); err == nil {
			t.Errorf("it reads %s", bad)
		}
	}
}
