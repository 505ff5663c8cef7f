package rest

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/keywright/keywright/api"
)

const introduction = "Personal access tokens, apps, OAuth tokens and the rules for them. Identify yourself with the session cookie of `POST " + Prefix + "/session`, " +
	"or with a personal access token that holds the scope `keywright:manage` (your own credentials) or `keywright:admin` (administration of its workspace): " +
	"`Authorization: Bearer kw_pat_…`. Such a token can't make one that lasts longer or can do more than itself.\n\n" +
	"Errors are problems (RFC 9457) with a stable `code`. Every field is always present, null where nothing is known; times are RFC 3339 in UTC. " +
	"Lists give `next_cursor`, to be sent as `cursor`. Unknown fields and parameters are refused. Bodies are at most 64 KiB; an action's may be left out."

const (
	securitySession = "session"
	securityToken   = "token"
)

func config(version, server string) huma.Config {
	json := huma.DefaultJSONFormat
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "Keywright", Version: version, Description: introduction},
			Servers: []*huma.Server{{URL: strings.TrimSuffix(server, "/")}},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					securitySession: {Type: "apiKey", In: "cookie", Name: "__Host-keywright", Description: "What POST " + Prefix + "/session sets (over plain HTTP on the machine itself its name is keywright). An unsafe request of a browser must come from this origin."},
					securityToken:   {Type: "http", Scheme: "bearer", Description: "A personal access token that holds keywright:manage or keywright:admin."},
				},
			},
			Tags: []*huma.Tag{
				{Name: "You", Description: "Signing in and out, and who you are."},
				{Name: "Tokens", Description: "Personal access tokens."},
				{Name: "Apps", Description: "OAuth clients that act for themselves. They get access tokens at /oauth2/token."},
				{Name: "OAuth tokens", Description: "Pairs of an access token and a refresh token that people generate for themselves."},
				{Name: "Legacy tokens", Description: "Tokens of an older system, which were imported and work until a day that is set."},
				{Name: "Feeds", Description: "OData services that tools such as Excel and Power BI read."},
				{Name: "Inventory", Description: "Every credential of a workspace, of whatever kind."},
				{Name: "Workspaces", Description: "Tenants, each with its members, policy, scopes and tokens."},
				{Name: "Members", Description: "Who is in a workspace, and as what."},
				{Name: "Policy", Description: "The rules of a workspace."},
				{Name: "Scopes", Description: "What tokens of a workspace can be good for."},
				{Name: "Signing keys", Description: "What access tokens are signed with. The public halves are at /w/{ws}/jwks.json."},
				{Name: "Audit and usage", Description: "What happened, and how much."},
			},
		},
		Formats:       map[string]huma.Format{"application/json": json, "json": json},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{catchErrors},
	}
}

// schemaName gives generic lists names that people can say: TokenList.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for _, generic := range []string{"List", "Items"} {
		if rest, ok := strings.CutPrefix(name, generic); ok && rest != "" && strings.Contains(t.String(), generic+"[") {
			return strings.ToUpper(rest[:1]) + rest[1:] + "List"
		}
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// describe finishes the OpenAPI document once all operations are in it, and makes the page of it.
func (s *Service) describe() error {
	doc := s.api.OpenAPI()
	schemas := doc.Components.Schemas
	schemas.Schema(reflect.TypeFor[api.Problem](), true, "")
	delete(schemas.Map(), "ErrorModel")     // huma's own form of an error is never sent
	schemas.Map()["KeySet"].Nullable = true // huma can say that of scalars alone
	var codes []any
	for _, d := range codeDocs() {
		codes = append(codes, string(d.Code))
	}
	for _, name := range []string{"Problem", "FieldError"} {
		schemas.Map()[name].Properties["code"].Enum = codes
	}
	for _, schema := range schemas.Map() {
		wholeLists(schema)
	}
	for o := range operations(doc) {
		s.describeOperation(o)
	}
	b, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	s.document = append(b, '\n')
	if s.page, err = renderDocs(doc); err != nil {
		return err
	}
	s.mux.Handle("GET "+Prefix+"/openapi.json", answerer(static("application/openapi+json", s.document)))
	s.mux.Handle("GET "+Prefix+"/docs", answerer(static("text/html; charset=utf-8", s.page)))
	s.mux.Handle("GET "+Prefix+"/docs.css", answerer(static("text/css; charset=utf-8", docsStyle())))
	return nil
}

// wholeLists takes back huma's idea that any list may be null: ours may only where it may be left out.
func wholeLists(s *huma.Schema) {
	for name, p := range s.Properties {
		if p.Type == huma.TypeArray && slices.Contains(s.Required, name) {
			p.Nullable = false
		}
	}
	// Nor does a pattern of ours fit null where an enumeration is given.
	for _, p := range s.Properties {
		if p.Nullable && len(p.Enum) > 0 && !slices.Contains(p.Enum, nil) {
			p.Enum = append(p.Enum, nil)
		}
	}
}

func (s *Service) describeOperation(o *huma.Operation) {
	doc := s.api.OpenAPI()
	o.Security = []map[string][]string{{securitySession: {}}, {securityToken: {}}}
	if public, _ := o.Metadata[metaPublic].(bool); public {
		o.Security = []map[string][]string{}
	}
	for _, response := range o.Responses {
		for kind, content := range response.Content {
			if kind == "application/json" {
				content.Example = sample(doc.Components.Schemas, content.Schema)
			}
		}
	}
	if o.RequestBody != nil {
		for _, content := range o.RequestBody.Content {
			content.Example = requestSample(o.OperationID, sample(doc.Components.Schemas, content.Schema))
		}
	}
}

// requestSample keeps of a sample what is sent in one go.
func requestSample(id string, v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	switch id {
	case "create-token", "regenerate-token": // one of the three
		delete(m, "expires_at")
		delete(m, "never")
	case "set-policy", "preview-policy": // the preset says the rest
		return map[string]any{"preset": "standard"}
	case "import-legacy-tokens": // a token comes in one way
		return map[string]any{"dry_run": true, "stops_at": m["stops_at"], "lines": []any{map[string]any{
			"owner": "dev@example.com", "name": "Nightly export", "scopes": []any{"odata:read"}, "created_at": "2024-02-01",
			"sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		}}}
	case "set-scopes":
		return map[string]any{"items": []any{map[string]any{
			"name": "odata:read", "title": "Read data (OData)", "description": "Read feeds with Excel and Power BI.",
			"roles": []any{"administrator", "developer", "member"}, "apps": true,
		}}}
	}
	return m
}

// sample makes an example of a schema out of the examples of its fields.
func sample(r huma.Registry, s *huma.Schema) any {
	if s.Ref != "" {
		s = r.SchemaFromRef(s.Ref)
	}
	switch {
	case len(s.Examples) > 0:
		return s.Examples[0]
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.Format == "date-time":
		return "2027-03-01T12:00:00Z"
	}
	switch s.Type {
	case huma.TypeObject:
		m := map[string]any{}
		for name, p := range s.Properties {
			m[name] = sample(r, p)
		}
		return m
	case huma.TypeArray:
		return []any{sample(r, s.Items)}
	case huma.TypeBoolean:
		return false
	case huma.TypeInteger, huma.TypeNumber:
		return 0
	case huma.TypeString:
		return ""
	}
	return nil
}

// operations yields every operation of a document.
func operations(doc *huma.OpenAPI) func(yield func(*huma.Operation) bool) {
	return func(yield func(*huma.Operation) bool) {
		for _, path := range doc.Paths {
			for _, o := range []*huma.Operation{path.Get, path.Put, path.Post, path.Patch, path.Delete} {
				if o != nil && !yield(o) {
					return
				}
			}
		}
	}
}

// static answers with what is the same for everybody.
func static(contentType string, body []byte) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Cache-Control", "public, max-age=300")
		w.Write(body) //nolint:errcheck // the client is gone: there is nobody left to tell
		return nil
	}
}
