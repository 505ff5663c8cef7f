package rest

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/keywright/keywright/internal/testkit"
)

// codesInSource returns the values of all constants of api/codes.go.
func codesInSource(t *testing.T) (out []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "../../api/codes.go", nil, 0)
	must(t, err)
	ast.Inspect(f, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok {
			for _, value := range v.Values {
				literal, ok := value.(*ast.BasicLit)
				if !ok {
					t.Fatalf("%v is no literal", v.Names)
				}
				s, err := strconv.Unquote(literal.Value)
				must(t, err)
				out = append(out, s)
			}
		}
		return true
	})
	return out
}

func TestEveryCodeIsDocumented(t *testing.T) {
	documented := map[string]bool{}
	for _, d := range codeDocs() {
		if documented[string(d.Code)] || d.Meaning == "" || d.Status < 400 {
			t.Errorf("%v is documented badly", d)
		}
		documented[string(d.Code)] = true
	}
	for _, code := range undocumented() {
		documented[string(code)] = true
	}
	codes := codesInSource(t)
	for _, code := range codes {
		if !documented[code] {
			t.Errorf("%s is not documented", code)
		}
	}
	for code := range documented {
		if !slices.Contains(codes, code) {
			t.Errorf("%s is documented and is no code", code)
		}
	}
}

func TestTheDocumentIsComplete(t *testing.T) {
	w := newWorld(t, testkit.SQLite(t))
	r := w.as("", "GET", "/openapi.json", nil).want(t, 200, "")
	if r.text("openapi") != "3.1.0" || r.header.Get("Content-Type") != "application/openapi+json" {
		t.Errorf("%s, %s", r.text("openapi"), r.header.Get("Content-Type"))
	}
	if r.text("servers.0.url") != w.server.URL {
		t.Errorf("server %q", r.text("servers.0.url"))
	}
	for _, unwanted := range []string{"ErrorModel", "$schema", "github.com"} {
		if strings.Contains(string(r.body), unwanted) {
			t.Errorf("the document holds %s", unwanted)
		}
	}
	var doc struct {
		Components struct {
			Schemas map[string]json.RawMessage `json:"schemas"`
		} `json:"components"`
	}
	must(t, json.Unmarshal(r.body, &doc))
	for _, ref := range regexp.MustCompile(`#/components/schemas/([^"]+)`).FindAllStringSubmatch(string(r.body), -1) {
		if doc.Components.Schemas[ref[1]] == nil {
			t.Errorf("%s leads nowhere", ref[0])
		}
	}
	ids := map[string]bool{}
	w.walk(func(o *huma.Operation) {
		if ids[o.OperationID] || o.Summary == "" || o.Description == "" || len(o.Tags) != 1 || (len(o.Security) == 0) != public(o) {
			t.Errorf("%s is described badly", o.OperationID)
		}
		ids[o.OperationID] = true
		for status, response := range o.Responses {
			kind := "application/json"
			if status >= "4" {
				kind = "application/problem+json"
			}
			if content := response.Content[kind]; status != "204" && (content == nil || content.Schema == nil) {
				t.Errorf("%s says nothing of %s", o.OperationID, status)
			}
		}
	})
}

// What the document calls an example must work: it is what people copy.
func TestTheExamplesWork(t *testing.T) {
	w := newWorld(t, testkit.SQLite(t))
	w.offerAll()
	try := func(o *huma.Operation) {
		sent := body(o)
		m, _ := sent.(map[string]any)
		th := things{ws: "standard"}
		if strings.Contains(o.Path, "{client_id}") {
			th.app, th.secret = w.newAppWithTwoSecrets("root", "For "+o.OperationID)
		}
		switch o.Metadata[metaIDs] {
		case "oat":
			th.oauth = w.newOAuthToken("root", "standard", "For "+o.OperationID).text("oauth_token.id")
		case "tok":
			th.token, _ = w.newToken("root", "For "+o.OperationID)
		case "usr":
			r := w.as("root", "POST", "/workspaces/standard/members", map[string]any{"email": o.OperationID + "@example.com", "role": "member"}).want(t, 201, "")
			th.member = r.text("member.id")
		}
		switch o.OperationID {
		case "sign-in":
			m["email"], m["password"] = "dev@example.com", password
		case "change-password":
			m["current"] = password
		case "set-installation-administrator":
			m["email"] = "dev@example.com"
		}
		want := 0
		for status := range o.Responses {
			if n, _ := strconv.Atoi(status); n < 300 {
				want = n
			}
		}
		if r := w.as("root", o.Method, th.path(o), sent); r.status != want {
			t.Errorf("%s answers %d %s, its example promises %d", o.OperationID, r.status, r.body, want)
		} else if want != 204 {
			fieldsAgree(t, w, o, strconv.Itoa(want), r)
		}
	}
	var last *huma.Operation
	w.walk(func(o *huma.Operation) {
		switch o.OperationID {
		case "sign-out", "sign-out-everywhere": // below
		case "delete-workspace":
			last = o
		default:
			try(o)
		}
	})
	try(last)
	w.as("dev", "DELETE", "/session", nil).want(t, 204, "")
	w.as("dev", "GET", "/me", nil).want(t, 401, "sign_in_required")
	w.as("root", "DELETE", "/sessions", nil).want(t, 204, "")
	w.as("root", "GET", "/me", nil).want(t, 401, "sign_in_required")
}

// fieldsAgree fails when an answer has other fields than its schema.
func fieldsAgree(t *testing.T, w *world, o *huma.Operation, status string, r reply) {
	t.Helper()
	var v any
	must(t, json.Unmarshal(r.body, &v))
	schemas := w.service.api.OpenAPI().Components.Schemas
	var problems huma.ValidateResult
	huma.Validate(schemas, o.Responses[status].Content["application/json"].Schema, huma.NewPathBuffer([]byte{}, 0), huma.ModeReadFromServer, v, &problems)
	for _, p := range problems.Errors {
		t.Errorf("%s: the answer is not what is documented: %v", o.OperationID, p)
	}
}

func TestTheDocumentationLoadsNothingFromElsewhere(t *testing.T) {
	w := newWorld(t, testkit.SQLite(t))
	r := w.as("", "GET", "/docs", nil).want(t, 200, "")
	page := html.UnescapeString(string(r.body))
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		switch {
		case strings.HasPrefix(m[1], "#"):
			if !strings.Contains(page, fmt.Sprintf(`id="%s"`, m[1][1:])) {
				t.Errorf("%s leads nowhere", m[1])
			}
		case !strings.HasPrefix(m[1], Prefix+"/"):
			t.Errorf("the page leads to %s", m[1])
		default:
			w.as("", "GET", strings.TrimPrefix(m[1], Prefix), nil).want(t, 200, "")
		}
	}
	for _, unwanted := range []string{"<script", "style=", "ZgotmplZ"} {
		if strings.Contains(page, unwanted) {
			t.Errorf("the page holds %s", unwanted)
		}
	}
	if !strings.Contains(r.header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Error("the page has no policy")
	}
	w.walk(func(o *huma.Operation) {
		if !strings.Contains(page, o.Path) || !strings.Contains(page, o.Summary) {
			t.Errorf("the page does not tell of %s", o.OperationID)
		}
	})
	// The type of a problem leads to what is written about it.
	problem := w.as("", "GET", "/me", nil).want(t, 401, "sign_in_required")
	if _, id, _ := strings.Cut(problem.text("type"), "#"); problem.text("type") != Prefix+"/docs#sign_in_required" || !strings.Contains(page, `id="`+id+`"`) {
		t.Errorf("type %q", problem.text("type"))
	}
}
