package ui

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/keywright/keywright/odata/edm"
)

// Files that tools open. None of them holds a credential: the tool asks for it, and keeps it in its own place.

const (
	postmanSchema  = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
	jsonFile       = "application/json"
	pbidsFile      = "application/json"
	odcFile        = "text/x-ms-odc; charset=utf-8" // [MS-ODCFF]
	collectionEnd  = ".postman_collection.json"
	environmentEnd = ".postman_environment.json"
)

// connectFile answers with a file.
func (v *visit) connectFile() error {
	_, f, err := v.chosenFeed()
	if err != nil {
		return err
	}
	name := v.r.PathValue("file")
	whole := v.in.Slug + "-" + f.Name
	switch name {
	case f.Name + ".pbids":
		return v.download(whole+".pbids", pbidsFile, pbids(&f))
	case f.Name + collectionEnd:
		return v.download(whole+collectionEnd, jsonFile, postmanCollection(&f, v.by.User.Email))
	case f.Name + environmentEnd:
		return v.download(whole+environmentEnd, jsonFile, postmanEnvironment(&f, v.by.User.Email))
	}
	if set, ok := strings.CutSuffix(name, ".odc"); ok {
		for _, s := range f.Sets {
			if s.Name == set {
				return v.download(whole+"-"+s.Name+".odc", odcFile, odc(&f, s))
			}
		}
	}
	return noSuchFeed()
}

func (v *visit) download(name, kind string, body []byte) error {
	h := v.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	v.w.WriteHeader(http.StatusOK)
	_, err := v.w.Write(body)
	return err
}

// indented is JSON that people can read.
func indented(value any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(value); err != nil {
		return nil // strings, numbers and maps of them can always be written
	}
	return b.Bytes()
}

type object = map[string]any

// pbids is what Power BI Desktop opens: it asks for the credential and goes on to the choice of tables.
func pbids(f *feed) []byte {
	return indented(object{
		"version":     "0.1",
		"connections": []object{{"details": object{"protocol": "odata", "address": object{"url": f.Address}}}},
	})
}

// odc is what Excel opens: a connection to one set ([MS-ODCFF] section 2.7), with the query in Power Query's language
// inside ([MS-QDEIF]).
func odc(f *feed, s feedSet) []byte {
	step := mText(s.Name)
	formula := "let\n    Source = OData.Feed(" + mText(f.Address) + ", null, [Implementation=\"2.0\"]),\n    Rows = Source{[Name=" + step + ",Signature=\"table\"]}[Data]\nin\n    Rows"
	mashup := `<Mashup xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns="http://schemas.microsoft.com/DataMashup">` +
		`<Client>EXCEL</Client><Version>2.83.5894.761</Version><MinVersion>2.21.0.0</MinVersion><Culture>en-US</Culture><SafeCombine>true</SafeCombine>` +
		`<Items><Query Name="` + xmlText(s.Name) + `"><Formula>` + xmlText(formula) + `</Formula><IsParameterQuery xsi:nil="true"/><IsDirectQuery xsi:nil="true"/></Query></Items></Mashup>`
	connection := `Provider=Microsoft.Mashup.OleDb.1;Data Source=$Workbook$;Location="` + s.Name + `";Extended Properties=""`
	return []byte(`<html xmlns:o="urn:schemas-microsoft-com:office:office" xmlns="http://www.w3.org/TR/REC-html40">
<head>
<meta http-equiv="Content-Type" content="` + odcFile + `">
<meta name="ProgId" content="ODC.Database">
<meta name="SourceType" content="OLEDB">
<title>` + xmlText(s.Title) + `</title>
<xml id="docprops"><o:DocumentProperties xmlns:o="urn:schemas-microsoft-com:office:office" xmlns="http://www.w3.org/TR/REC-html40"><o:Description>` + xmlText(s.Title+" of "+f.Title) + `</o:Description><o:Name>` + xmlText(s.Name) + `</o:Name></o:DocumentProperties></xml>
<xml id="msodc"><odc:OfficeDataConnection xmlns:odc="urn:schemas-microsoft-com:office:odc" xmlns="http://www.w3.org/TR/REC-html40"><odc:PowerQueryConnection odc:Type="OLEDB"><odc:ConnectionString>` + xmlText(connection) + `</odc:ConnectionString><odc:CommandType>SQL</odc:CommandType><odc:CommandText>` + xmlText("SELECT * FROM ["+s.Name+"]") + `</odc:CommandText></odc:PowerQueryConnection><odc:PowerQueryMashupData>` + xmlText(mashup) + `</odc:PowerQueryMashupData></odc:OfficeDataConnection></xml>
</head>
</html>
`)
}

func xmlText(s string) string {
	var b bytes.Buffer
	if xml.EscapeText(&b, []byte(s)) != nil {
		return "" // a buffer takes everything
	}
	return b.String()
}

// postmanEnvironment is where Postman keeps what differs between people. The token is theirs to fill in.
func postmanEnvironment(f *feed, user string) []byte {
	return indented(object{
		"name":                    f.Title,
		"_postman_variable_scope": "environment",
		"values": []object{
			{"key": "baseUrl", "value": strings.TrimSuffix(f.Address, "/"), "type": "default", "enabled": true},
			{"key": "user", "value": user, "type": "default", "enabled": true},
			{"key": "token", "value": "", "type": "secret", "enabled": true},
		},
	})
}

// postmanCollection is requests with their tests. It works without the environment too, once its own variable
// token is filled in; one of the environment goes before.
func postmanCollection(f *feed, user string) []byte {
	header := `pm.test("it speaks OData 4.0", () => pm.response.to.have.header("OData-Version", "4.0"));`
	good := `pm.test("it answers 200", () => pm.response.to.have.status(200));`
	rows := `pm.test("it has rows", () => pm.expect(pm.response.json().value).to.be.an("array"));`
	items := []object{
		postmanItem("Service document", "", good, header, `pm.test("it lists tables", () => pm.expect(pm.response.json().value).to.not.be.empty);`),
		postmanItem("What the tables hold ($metadata)", "/$metadata", good, header, `pm.test("it is XML", () => pm.expect(pm.response.headers.get("Content-Type")).to.match(/^application\/xml/));`),
	}
	for i, s := range f.Sets {
		at := "/" + strings.TrimPrefix(s.Address, f.Address)
		in := []object{postmanItem("First rows", at+"?$top=5", good, header, rows)}
		if i == 0 {
			count := `pm.test("it says how many", () => pm.expect(pm.response.json()).to.have.property("@odata.count"));`
			in = append(in, postmanItem("First rows, and how many there are", at+"?$top=5&$count=true", good, header, rows, count))
			in = append(in, postmanItem("How many", at+"/$count", good, header, `pm.test("it is a number", () => pm.expect(pm.response.text()).to.match(/^\uFEFF?\d+$/));`))
			if filter := exampleFilter(f, s.Name); filter != "" {
				in = append(in, postmanItem("Some of them (filter)", at+"?$filter="+filter+"&$top=5", good, header, rows))
			}
		}
		items = append(items, object{"name": s.Title, "item": in})
	}
	return indented(object{
		"info": object{"name": f.Title, "schema": postmanSchema, "description": "Reads " + f.Address + ". Put your token into the variable “token”: nothing else is needed."},
		"auth": object{"type": "basic", "basic": []object{{"key": "username", "value": "{{user}}", "type": "string"}, {"key": "password", "value": "{{token}}", "type": "string"}}},
		"variable": []object{
			{"key": "baseUrl", "value": strings.TrimSuffix(f.Address, "/")},
			{"key": "user", "value": user},
			{"key": "token", "value": ""},
		},
		"item": items,
	})
}

func postmanItem(name, path string, tests ...string) object {
	raw := "{{baseUrl}}" + path
	if path == "" {
		raw += "/"
	}
	return object{
		"name":    name,
		"event":   []object{{"listen": "test", "script": object{"type": "text/javascript", "exec": tests}}},
		"request": object{"method": "GET", "header": []object{{"key": "OData-MaxVersion", "value": "4.0"}}, "url": raw},
	}
}

// exampleFilter is a condition on a text or a number of a set, encoded for an address; "" when it has neither.
func exampleFilter(f *feed, set string) (number string) {
	s := f.State.Model.Set(set)
	if s == nil {
		return ""
	}
	for _, p := range s.Properties {
		switch {
		case p.Hidden:
		case p.Type.Kind == edm.String:
			return url.PathEscape(p.Name + " ne ''")
		case p.Type.Kind == edm.Int32 || p.Type.Kind == edm.Int64:
			number = url.PathEscape(p.Name + " gt 0")
		}
	}
	return number
}
