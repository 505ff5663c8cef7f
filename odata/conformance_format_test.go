package odata_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/keywright/keywright/internal/testkit"
)

// formats are rules of the JSON format and of CSDL.
func formats() []requirement {
	return slices.Concat(formatHeaders(), formatValues(), []requirement{
		{"C-1", func(t *testing.T, f *feed) {
			schema := oasisFile(t, "edmx.xsd")
			lint := exec.CommandContext(t.Context(), testkit.Need(t, "xmllint"), "--noout", "--nonet", "--schema", schema, "-")
			lint.Stdin = strings.NewReader(f.want(200, "$metadata").body)
			if out, err := lint.CombinedOutput(); err != nil {
				t.Errorf("%v %s", err, out)
			}
		}},
		{"C-2", formatXML},
		{"C-3", formatNames},
		{"C-4", func(t *testing.T, f *feed) {
			text, err := os.ReadFile(oasisFile(t, "csdl.schema.json"))
			if err != nil {
				t.Fatal(err)
			}
			definition, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			compiler := jsonschema.NewCompiler()
			if err := compiler.AddResource("csdl.json", definition); err != nil {
				t.Fatal(err)
			}
			schema, err := compiler.Compile("csdl.json")
			if err != nil {
				t.Fatal(err)
			}
			document := f.want(200, "$metadata?$format=json")
			value, err := jsonschema.UnmarshalJSON(strings.NewReader(document.body))
			if err == nil {
				err = schema.Validate(value)
			}
			if err != nil {
				t.Error(err)
			}
			if o := document.object(t); o["$Version"] != "4.0" || o["$EntityContainer"] != "Acme.Data" {
				t.Errorf("%v %v", o["$Version"], o["$EntityContainer"])
			}
		}},
	})
}

// oasisFile finds a file of OASIS's data beside the repository.
func oasisFile(t *testing.T, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for parent := filepath.Dir(dir); parent != dir; dir, parent = parent, filepath.Dir(parent) {
		file := filepath.Join(dir, "../shared/odata", name)
		if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
			return file
		}
	}
	t.Skipf("no %s of OASIS beside the repository", name)
	return ""
}

const asJSON = "?$format=application/json;odata.metadata="

func formatHeaders() []requirement {
	return []requirement{
		{"J-1", func(t *testing.T, f *feed) {
			for accept, want := range map[string]string{
				"application/json": asMinimal, "application/json;odata.metadata=full": "application/json;odata.metadata=full",
				"application/json;odata.metadata=none":                                       "application/json;odata.metadata=none",
				"application/json;charset=utf-8":                                             asMinimal + ";charset=utf-8",
				"application/json;IEEE754Compatible=true;odata.streaming=true;metadata=full": "application/json;odata.metadata=full;odata.streaming=true;IEEE754Compatible=true",
			} {
				for _, path := range []string{"", "Tokens", tokenPath(1), tokenPath(1) + "/Name"} {
					if got := f.want(200, path, "Accept", accept).header.Get("Content-Type"); got != want {
						t.Errorf("%s of %s: %s", accept, path, got)
					}
				}
			}
		}},
		{"J-2", func(t *testing.T, f *feed) {
			for _, path := range []string{"Tokens", "Kinds", "Kinds(1)", "Tokens(" + guid(3) + ")/Uses", "Users"} {
				r := f.want(200, path+asJSON+"full")
				for _, m := range regexp.MustCompile(`"([^"@]*)@([^"]*)":("?)(.)`).FindAllStringSubmatch(r.body, -1) {
					if !strings.HasPrefix(m[2], "odata.") || m[2] == "odata.type" && m[4] != "#" {
						t.Errorf("%s: %s", path, m[0])
					}
				}
				if strings.Contains(r.body, "#Edm.") || strings.Count(r.body, "@odata.context") != 1 {
					t.Errorf("%s: %s", path, r.body)
				}
			}
		}},
		{"J-3", formatLevels},
		{"J-4", func(t *testing.T, f *feed) {
			for path, want := range map[string]string{
				"": "", "Tokens": "#Tokens", tokenPath(3): "#Tokens/$entity", "Tokens?$select=ID,Name": "#Tokens(ID,Name)", "Tokens?$select=Name&$expand=Owner($select=ID)": "#Tokens(Name,Owner(ID))",
				tokenPath(3) + "/Name": "#" + tokenPath(3) + "/Name", tokenPath(3) + "/Owner": "#Users/$entity", tokenPath(3) + "/Events": "#Events",
				tokenPath(3) + "/Owner/$ref": "#$ref", tokenPath(3) + "/Events/$ref": "#Collection($ref)", "Users('b%2Fob')/Name": "#Users('b%2Fob')/Name",
				"Tokens?$apply=groupby((Status),aggregate($count as N))": "#Tokens(Status,N)",
			} {
				r := f.want(200, path)
				if !strings.HasPrefix(r.body, `{"@odata.context":"`+root+"$metadata"+want+`",`) {
					t.Errorf("%s: %.200s", path, r.body)
				}
			}
		}},
		{"J-8", func(t *testing.T, f *feed) {
			if r := f.want(200, "Kinds(2)"); strings.Count(r.body, ":null") != 18 || r.header.Get("Preference-Applied") != "" {
				t.Error(r.body)
			}
			for _, name := range []string{"omit-values=nulls", "odata.omit-values=nulls"} {
				if r := f.want(200, "Kinds?$filter=ID eq 2", "Prefer", name); strings.Contains(r.body, "null") || !strings.Contains(r.header.Get("Preference-Applied"), "omit-values=nulls") {
					t.Errorf("%s: %v %s", name, r.header, r.body)
				}
			}
		}},
		{"J-9", minimalPaging},
		{"J-10", func(t *testing.T, f *feed) {
			r := f.want(200, "Tokens?$count=true&$expand=Events&$top=12", "Accept", "application/json;odata.metadata=full;odata.streaming=true")
			if !regexp.MustCompile(`^\{"@odata.context":"[^"]*","@odata.count":25,"value":\[\{"@odata.`).MatchString(r.body) || !strings.HasSuffix(r.body, `"}`) || !strings.Contains(r.body, `],"@odata.nextLink":"`) {
				t.Errorf("%.300s", r.body)
			}
			if begins := strings.Count(r.body, `{"@odata.type":"#Acme.Token","@odata.id":"`); begins != 10 || strings.Count(r.body, `"@odata.id"`) != 10+strings.Count(r.body, `{"@odata.type":"#Acme.Event","@odata.id":"`) {
				t.Errorf("%d of 10 rows begin with type and id: %s", begins, r.body)
			}
		}},
	}
}

func formatLevels(t *testing.T, f *feed) {
	control := func(o object) string {
		var names []string
		for name := range o {
			if strings.Contains(name, "@") {
				names = append(names, name)
			}
		}
		return strings.Join(sorted(names), " ")
	}
	for level, want := range map[string]string{"none": "@odata.count @odata.nextLink", "minimal": "@odata.context @odata.count @odata.nextLink", "full": "@odata.context @odata.count @odata.nextLink"} {
		got := f.want(200, "Tokens"+asJSON+level+"&$count=true").object(t)
		rows, _ := got["value"].([]any)
		row, _ := rows[3].(object)
		if control(got) != want {
			t.Errorf("%s: %s", level, control(got))
		}
		inner := ""
		if level == "full" {
			inner = "@odata.id @odata.type CreatedAt@odata.type Events@odata.associationLink Events@odata.navigationLink ExpiresAt@odata.type ID@odata.type " +
				"Owner@odata.associationLink Owner@odata.navigationLink Rate@odata.type Status@odata.type Uses@odata.type"
			for name, value := range map[string]string{
				"@odata.id": root + tokenPath(3), "@odata.type": "#Acme.Token", "Uses@odata.type": "#Int64", "Rate@odata.type": "#Decimal", "ID@odata.type": "#Guid", "CreatedAt@odata.type": "#DateTimeOffset",
				"Status@odata.type": "#Acme.TokenStatus", "Owner@odata.navigationLink": root + tokenPath(3) + "/Owner", "Owner@odata.associationLink": root + tokenPath(3) + "/Owner/$ref",
			} {
				if row[name] != value {
					t.Errorf("%s is %v", name, row[name])
				}
			}
			for _, link := range []string{"@odata.id", "Owner@odata.navigationLink", "Events@odata.associationLink"} {
				f.want(200, fmt.Sprint(row[link]))
			}
		}
		if control(row) != inner {
			t.Errorf("%s: %s", level, control(row))
		}
	}
	one := f.want(200, "Kinds(1)"+asJSON+"full").object(t)
	for name, want := range map[string]string{
		"Byte": "#Byte", "SByte": "#SByte", "Int16": "#Int16", "Int32": "#Int32", "Int64": "#Int64", "Single": "#Single", "Decimal": "#Decimal", "Guid": "#Guid", "Date": "#Date", "Time": "#TimeOfDay",
		"Span": "#Duration", "Rights": "#Acme.Rights",
	} {
		if got := one[name+"@odata.type"]; got != want {
			t.Errorf("%s is %v", name, got)
		}
	}
}

func formatValues() []requirement {
	return []requirement{
		{"J-5", func(t *testing.T, f *feed) {
			const numbers = "application/json;IEEE754Compatible="
			for value, want := range map[string]string{
				"false": `"@odata.count":1,"value":[{"Int32":2000000000,"Int64":9007199254740993,"Double":0.1,"Decimal":12.75}]}`,
				"true":  `"@odata.count":"1","value":[{"Int32":2000000000,"Int64":"9007199254740993","Double":0.1,"Decimal":"12.75"}]}`,
			} {
				r := f.want(200, "Kinds?$count=true&$filter=ID eq 1&$select=Int32,Int64,Double,Decimal", "Accept", numbers+value)
				if !strings.HasSuffix(r.body, want) || strings.Contains(r.header.Get("Content-Type"), "IEEE754Compatible=true") != (value == "true") {
					t.Errorf("%v %s", r.header, r.body)
				}
			}
		}},
		{"J-6", formatExtremes},
		{"J-7", func(t *testing.T, f *feed) {
			shapes := map[string]string{
				"Instant": `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$`, "Date": `^\d{4}-\d\d-\d\d$`, "Time": `^\d\d:\d\d:\d\d(\.\d{1,6})?$`,
				"Span": `^-?P(\d+D)?(T(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$`, "Guid": `^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`,
			}
			exact := map[string]string{
				"Instant": "2026-01-02T03:04:05.123456Z 9999-12-31T23:59:59.999999Z 1969-12-31T23:59:59.999999Z", "Date": "2024-02-29 0001-01-01 1969-12-31",
				"Time": "13:14:15.25 00:00:00 23:59:59.999999", "Span": "PT1H30M -P1DT12H1.5S PT0S",
				"Guid": "01234567-89ab-cdef-0123-456789abcdef ffffffff-ffff-ffff-ffff-ffffffffffff 00000000-0000-0000-0000-000000000000", "Bool": "true false false", "Rights": "read,write 0 share", "Status": "active revoked expired",
			}
			for name, want := range exact {
				rows := f.rows("Kinds?$select=" + name + "&$filter=" + name + " ne null")
				if got := field(rows, name); got != want {
					t.Errorf("%s: %s instead of %s", name, got, want)
				}
				for _, row := range rows {
					if shape := shapes[name]; shape != "" && !regexp.MustCompile(shape).MatchString(fmt.Sprint(row[name])) {
						t.Errorf("%v", row)
					}
				}
			}
		}},
		{"J-11", formatTexts},
	}
}

func formatExtremes(t *testing.T, f *feed) {
	value := func(id int, name string) string {
		t.Helper()
		r := f.want(200, fmt.Sprintf("Kinds(%d)?$select=%s", id, name))
		_, text, _ := strings.Cut(r.body, `"`+name+`":`)
		return strings.TrimSuffix(text, "}")
	}
	for name, want := range map[string]string{
		"Byte": "255", "SByte": "127", "Int16": "32767", "Int32": "-2147483648", "Int64": "-9223372036854775808", "Single": "3.4028235e38",
		"Double": "1.7976931348623157e308", "Decimal": "-99999999999.5",
	} {
		if got := value(3, name); got != want {
			t.Errorf("%s is %s instead of %s", name, got, want)
		}
	}
	if got := value(5, "Single") + value(5, "Double"); got != `"-INF""INF"` {
		t.Error(got)
	}
	if got := field(f.rows("Kinds?$filter=Double eq INF&$select=ID"), "ID"); got != "5" {
		t.Error(got)
	}
}

func formatTexts(t *testing.T, f *feed) {
	if got := f.want(200, "Kinds(3)").object(t)["Text"]; got != awkward {
		t.Errorf("%q", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.Rune().Filter(func(r rune) bool { return r != 0 })).Draw(t, "text")
		literal := url.PathEscape("'" + strings.ReplaceAll(text, "'", "''") + "'")
		r := f.get("Users('ann')?$compute=concat(" + strings.NewReplacer("&", "%26", "+", "%2B", ";", "%3B", "=", "%3D").Replace(literal) + ",'') as T&$select=T")
		var got struct{ T *string }
		if err := json.Unmarshal([]byte(r.body), &got); err != nil || got.T == nil || *got.T != text {
			t.Fatalf("%q: %v %s", text, err, r.body)
		}
	})
}

func formatXML(t *testing.T, f *feed) {
	r := f.want(200, "$metadata")
	for _, want := range []string{
		`<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0">`, `xmlns="http://docs.oasis-open.org/odata/ns/edm"`,
		`<PropertyRef Name="TokenID"/>`, `<NavigationPropertyBinding Path="Events" Target="Events"/>`, `<NavigationPropertyBinding Path="Boss" Target="Users"/>`,
		`<ReferentialConstraint Property="TokenID" ReferencedProperty="ID"/>`, `<ReferentialConstraint Property="OwnerID" ReferencedProperty="ID"/>`,
		`<NavigationProperty Name="Events" Type="Collection(Acme.Event)" Partner="Token"`, `<EnumType Name="Rights" UnderlyingType="Edm.Int64" IsFlags="true">`,
	} {
		if !strings.Contains(r.body, want) {
			t.Errorf("$metadata has no %s", want)
		}
	}
	for name, facets := range map[string][3]string{ // MaxLength, Precision, Scale
		"Rate": {"", "10", "2"}, "Decimal": {"", "", "variable"}, "OwnerID": {"20", "", ""}, "Instant": {"", "6", ""}, "Time": {"", "6", ""}, "Text": {"", "", ""},
	} {
		for _, e := range f.elements() {
			if e.Name.Local == "Property" && attribute(e, "Name") == name {
				if got := [3]string{attribute(e, "MaxLength"), attribute(e, "Precision"), attribute(e, "Scale")}; got != facets {
					t.Errorf("%s has %q", name, got)
				}
			}
		}
	}
	if strings.Contains(r.body, "BossID") {
		t.Error("$metadata shows what is hidden")
	}
}

func formatNames(t *testing.T, f *feed) {
	named := map[string]map[string]bool{}
	kind := ""
	for _, e := range f.elements() {
		name := attribute(e, "Name")
		if e.Name.Local == "EntityType" {
			kind = name
			named[kind] = map[string]bool{strings.ToLower(name): true}
		}
		switch e.Name.Local {
		case "Property", "NavigationProperty":
			folded := strings.ToLower(name)
			if named[kind][folded] {
				t.Errorf("%s.%s is there twice, or is named like its type", kind, name)
			}
			named[kind][folded] = true
		case "EntityType", "EntitySet", "Member", "EnumType", "EntityContainer":
		default:
			continue
		}
		for i, r := range name {
			if !unicode.IsLetter(r) && r != '_' && (i == 0 || !unicode.IsDigit(r)) {
				t.Errorf("%q is no identifier", name)
			}
		}
		if name == "" || len([]rune(name)) > 128 {
			t.Errorf("%q is no identifier", name)
		}
	}
	if len(named) != 4 {
		t.Errorf("%d types", len(named))
	}
}
