package rest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// things are what a walk puts into paths.
type things struct{ ws, token, member, app, secret, oauth string }

// path of an operation below Prefix, filled in.
func (th things) path(o *huma.Operation) string {
	id := map[any]string{token.TokenID: th.token, token.UserID: th.member, token.ClientSecretID: th.secret, token.OAuthTokenID: th.oauth}[o.Metadata[metaIDs]]
	p := strings.TrimPrefix(o.Path, Prefix)
	return strings.NewReplacer("{ws}", url.PathEscape(th.ws), "{id}", url.PathEscape(id), "{client_id}", url.PathEscape(th.app)).Replace(p)
}

// body of an operation as its example says, or nothing.
func body(o *huma.Operation) any {
	if o.RequestBody == nil {
		return nil
	}
	return o.RequestBody.Content["application/json"].Example
}

// walk calls test with every operation, in a stable order.
func (w *world) walk(test func(o *huma.Operation)) {
	all := slices.SortedFunc(operations(w.service.api.OpenAPI()), func(a, b *huma.Operation) int { return strings.Compare(a.OperationID, b.OperationID) })
	if len(all) < 46 {
		w.t.Fatalf("%d operations: the walk does not see them all", len(all))
	}
	for _, o := range all {
		test(o)
	}
}

// standing returns things that exist in standard: the member dev and, of admin's, a token, an OAuth token and
// an app with two client secrets, of which the older one is named. Every action is offered.
func (w *world) standing() things {
	w.offerAll()
	th := things{ws: "standard"}
	th.token, _ = w.newToken("admin", "Standing")
	th.oauth = w.newOAuthToken("admin", "standard", "Standing").text("oauth_token.id")
	th.app, th.secret = w.newAppWithTwoSecrets("admin", "Standing")
	members := w.as("admin", "GET", "/workspaces/standard/members", nil).want(w.t, 200, "")
	for i := range 4 {
		if members.text(fmt.Sprintf("items.%d.name", i)) == "dev" {
			th.member = members.text(fmt.Sprintf("items.%d.id", i))
		}
	}
	if th.member == "" {
		w.t.Fatal("dev is no member")
	}
	return th
}

// offerAll lets client secrets of standard be seen again: all else its policy offers already.
func (w *world) offerAll() {
	w.t.Helper()
	w.as("root", "PUT", "/workspaces/standard/policy", map[string]any{"preset": "standard", "apps": map[string]any{"secret": "viewable"}}).want(w.t, 200, "")
}

func (w *world) newAppWithTwoSecrets(who, name string) (app, older string) {
	w.t.Helper()
	app, _ = w.newApp(who, "standard", name)
	w.db.Clock.Advance(time.Millisecond) // ids sort by it
	w.as(who, "POST", "/workspaces/standard/apps/"+app+"/rotate-secret", map[string]any{"overlap_seconds": 3600}).want(w.t, 200, "")
	r := w.as(who, "GET", "/workspaces/standard/apps/"+app, nil).want(w.t, 200, "")
	older = r.text("secrets.1.id")
	if older == "" || r.at("secrets.0.expires_at") != nil {
		w.t.Fatalf("no two secrets, newest first: %s", r.body)
	}
	return app, older
}

func public(o *huma.Operation) bool { return o.Metadata[metaPublic] == true }

func TestNobodyDoesAnythingWithoutAnIdentity(t *testing.T) {
	w := newWorld(t, testkit.SQLite(t))
	th := w.standing()
	w.walk(func(o *huma.Operation) {
		if public(o) {
			return
		}
		r := w.as("", o.Method, th.path(o), body(o)).want(t, 401, "sign_in_required")
		want := `Bearer realm="Keywright"`
		if strings.HasPrefix(th.path(o), "/workspaces/standard") {
			want += `, resource_metadata="` + w.server.URL + `/.well-known/oauth-protected-resource/api/v1/workspaces/standard"`
		}
		if r.header.Get("WWW-Authenticate") != want {
			t.Errorf("%s: challenge %q", o.OperationID, r.header.Get("WWW-Authenticate"))
		}
		// Who is nobody is not told what is wrong with a request.
		w.as("", o.Method, th.path(o)+"?x=1", "{").want(t, 401, "sign_in_required")
	})
}

// whoMay says which role an operation needs, read from its description.
func whoMay(o *huma.Operation) string {
	switch {
	case strings.HasPrefix(o.Description, "Installation administrators"):
		return "installation"
	case strings.HasPrefix(o.Description, "Administrators."), strings.HasPrefix(o.Description, "Administrators;"), strings.HasPrefix(o.Description, "Its administrators"):
		return "administrator"
	}
	return ""
}

func TestWhatIsForAdministratorsIsRefusedToMembers(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		w := newWorld(t, db)
		th := w.standing()
		seen := 0
		w.walk(func(o *huma.Operation) {
			switch whoMay(o) {
			case "installation":
				for _, who := range []string{"admin", "member"} { // an administrator of a workspace is none
					w.as(who, o.Method, th.path(o), body(o)).want(t, 403, "not_installation_administrator")
				}
				seen++
			case "administrator":
				for _, who := range []string{"dev", "member"} {
					w.as(who, o.Method, th.path(o), body(o)).want(t, 403, "role_not_allowed")
				}
				seen++
			}
		})
		if seen < 16 {
			t.Errorf("only %d operations are for administrators", seen)
		}
		w.as("member", "GET", "/workspaces/standard/tokens?owner=all", nil).want(t, 403, "role_not_allowed")
		for _, act := range []struct{ method, path string }{
			{"GET", ""}, {"DELETE", ""}, {"POST", "/revoke"}, {"POST", "/regenerate"},
		} {
			w.as("member", act.method, "/workspaces/standard/tokens/"+th.token+act.path, nil).want(t, 403, "not_owner")
		}
		w.as("admin", "GET", "/workspaces/standard/tokens/"+th.token, nil).want(t, 200, "")
		w.as("member", "GET", "/workspaces/standard/oauth-tokens?owner=all", nil).want(t, 403, "role_not_allowed")
		for _, act := range []struct{ method, path string }{{"GET", ""}, {"DELETE", ""}, {"POST", "/disable"}} {
			w.as("member", act.method, "/workspaces/standard/oauth-tokens/"+th.oauth+act.path, nil).want(t, 403, "not_owner")
		}
	})
}

// underTag calls test with every operation of a tag.
func (w *world) underTag(tag string, test func(o *huma.Operation)) {
	seen := 0
	w.walk(func(o *huma.Operation) {
		if slices.Contains(o.Tags, tag) {
			test(o)
			seen++
		}
	})
	if seen < 6 {
		w.t.Errorf("only %d operations under %s", seen, tag)
	}
}

func TestAppsAreRefusedToRolesThatThePolicyDoesNotName(t *testing.T) {
	w := newWorld(t, testkit.SQLite(t))
	th := w.standing()
	w.underTag("Apps", func(o *huma.Operation) {
		w.as("member", o.Method, th.path(o), body(o)).want(t, 403, "role_not_allowed")
	})
	w.as("dev", "GET", "/workspaces/standard/apps/"+th.app, nil).want(t, 200, "") // it is the workspace's, not its maker's
}

// Where a kind is not offered its calls are refused; the ids that are named don't matter.
func TestAKindThatIsNotOfferedIsRefused(t *testing.T) {
	w := newWorld(t, testkit.SQLite(t))
	th := w.standing()
	w.as("root", "PUT", "/workspaces/standard/policy", map[string]any{"preset": "single-token"}).want(t, 200, "")
	for _, tag := range []string{"Apps", "OAuth tokens"} {
		w.underTag(tag, func(o *huma.Operation) {
			if o.OperationID == "batch-oauth-tokens" { // 200, with a refusal for each
				return
			}
			w.as("dev", o.Method, th.path(o), body(o)).want(t, 403, "kind_not_offered")
		})
	}
	r := w.as("dev", "POST", "/workspaces/standard/oauth-tokens/batch", map[string]any{"action": "disable", "ids": []string{th.oauth}}).want(t, 200, "")
	if r.text("results.0.code") != "kind_not_offered" {
		t.Errorf("batch: %s", r.body)
	}
	// An administrator can stop what there is under every policy.
	w.as("admin", "POST", "/workspaces/standard/apps/"+th.app+"/disable", nil).want(t, 200, "")
	w.as("admin", "POST", "/workspaces/standard/oauth-tokens/"+th.oauth+"/disable", nil).want(t, 200, "")
}

func TestStrangersFindNothing(t *testing.T) {
	w := newWorld(t, testkit.SQLite(t))
	th := w.standing()
	w.walk(func(o *huma.Operation) {
		if strings.Contains(o.Path, "{ws}") {
			w.as("stranger", o.Method, th.path(o), body(o)).want(t, 404, "not_found")
		}
	})
}

var requestID = regexp.MustCompile(`"request_id":"[^"]*"`)

// told is all that an answer tells, but for the request's own id.
func (r reply) told() string {
	return fmt.Sprint(r.status, r.header.Get("Content-Type"), requestID.ReplaceAllString(string(r.body), ""), slices.Sorted(maps.Keys(r.header)))
}

func TestForeignUnknownAndMalformedIDsAnswerTheSame(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		w := newWorld(t, db)
		th := w.standing()
		foreign := w.as("stranger", "GET", "/workspaces/foreign", nil).want(t, 200, "")
		far := things{ws: "standard", member: w.as("stranger", "GET", "/me", nil).text("id")}
		far.token = w.as("stranger", "POST", "/workspaces/foreign/tokens", map[string]any{"name": "Far", "scopes": []string{"odata:read"}, "lifetime_days": 9}).want(t, 201, "").text("token.id")
		far.oauth = w.newOAuthToken("stranger", "foreign", "Far").text("oauth_token.id")
		far.app, _ = w.newApp("stranger", "foreign", "Far")
		far.secret = w.as("stranger", "GET", "/workspaces/foreign/apps/"+far.app, nil).want(t, 200, "").text("secrets.0.id")
		hostile := []string{"x", "no such", "\x00", "\xff\xfe", "a/b", "..", "%", "é", strings.Repeat("a", 3000), "tok_", "app_", "oat_", "cs_", "usr_01mg0fcdg0", "' or 1=1 --"}

		now := db.Clock.Now()
		unknown := things{
			"standard", token.NewID(token.TokenID, now), token.NewID(token.UserID, now), token.NewID(token.AppID, now),
			token.NewID(token.ClientSecretID, now), token.NewID(token.OAuthTokenID, now),
		}
		w.walk(func(o *huma.Operation) {
			same := func(what, who string, variants []things) {
				var first string
				for i, v := range variants {
					r := w.as(who, o.Method, v.path(o), body(o)).want(t, 404, "not_found")
					if i == 0 {
						first = r.told()
					} else if r.told() != first {
						t.Errorf("%s: %s %q tells itself apart:\n%s\n%s", o.OperationID, what, v, first, r.told())
					}
				}
			}
			if strings.Contains(o.Path, "{ws}") {
				variants := []things{}
				for _, ws := range append([]string{"foreign", foreign.text("id"), "unknown", token.NewID(token.WorkspaceID, now)}, hostile...) {
					if ws != ".." { // the path of another address
						v := th
						v.ws = ws
						variants = append(variants, v)
					}
				}
				same("workspace", "admin", variants)
			}
			if strings.Contains(o.Path, "{id}") || strings.Contains(o.Path, "{client_id}") {
				variants := []things{far, unknown}
				for _, id := range hostile {
					if id != ".." {
						variants = append(variants, things{"standard", id, id, id, id, id})
					}
				}
				same("id", "admin", variants)
			}
			if strings.Contains(o.Path, "{id}") && strings.Contains(o.Path, "{client_id}") { // of an app that is there
				variants := []things{}
				for _, id := range append([]string{far.secret, unknown.secret}, hostile...) {
					if id != ".." {
						v := th
						v.secret = id
						variants = append(variants, v)
					}
				}
				same("second id", "admin", variants)
			}
		})
	})
}

func TestHostileRequestsAreRefusedAndBreakNothing(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		w := newWorld(t, db)
		th := w.standing()
		w.walk(func(o *huma.Operation) {
			for _, body := range hostileBodies(w, o) {
				w.refuses(o, th.path(o), body)
			}
			for _, query := range hostileQueries(o) {
				w.refuses(o, th.path(o)+"?"+query, nil)
			}
		})
		for line := range strings.Lines(w.log.String()) {
			if strings.Contains(line, `"status":5`) {
				t.Errorf("an internal error: %s", line)
			}
		}
		w.as("admin", "GET", "/workspaces/standard/tokens/"+th.token, nil).want(t, 200, "")
	})
}

// refuses fails unless root, who may do all, gets a clear 4xx.
func (w *world) refuses(o *huma.Operation, path string, sent any) {
	w.t.Helper()
	if _, text := sent.(string); !text && sent == nil && o.RequestBody != nil && o.RequestBody.Required {
		sent = body(o)
	}
	r := w.as("root", o.Method, path, sent)
	if r.status < 400 || r.status >= 500 || r.text("code") == "" || r.text("request_id") == "" || r.header.Get("Content-Type") != "application/problem+json" {
		if len(fmt.Sprint(sent)) > 300 {
			sent = fmt.Sprint(sent)[:300]
		}
		w.t.Errorf("%s %s with %v: %d %s", o.OperationID, path, sent, r.status, r.body)
	}
}

func hostileBodies(w *world, o *huma.Operation) []any {
	out := []any{"\x00", "{\"a\":\"\xff\"}", `{"a":"` + strings.Repeat("x", 70<<10) + `"}`, `{"a":"\u0000"}`, `{"a":"\\\u0000"}`}
	if o.RequestBody == nil {
		return out
	}
	out = append(out, "{", "[]", "1", `"x"`, "null", "{} {}", `{"no_such_field":1}`, strings.Repeat("[", 20000), `{"email":1e999}`)
	schema := o.RequestBody.Content["application/json"].Schema
	if schema.Ref != "" {
		schema = w.service.api.OpenAPI().Components.Schemas.SchemaFromRef(schema.Ref)
	}
	for name, p := range schema.Properties {
		good, err := json.Marshal(body(o))
		must(w.t, err)
		m := map[string]any{}
		must(w.t, json.Unmarshal(good, &m))
		wrong := map[string][]any{
			"string": {12, true, []any{}, map[string]any{}}, "integer": {"x", 1.5, true, []any{}}, "boolean": {"x", 1, map[string]any{}},
			"array": {"x", 3, map[string]any{}, []any{12}, []any{nil}}, "": {"x", 3, []any{}}, "object": {"x", 3, []any{}},
		}[p.Type]
		for _, v := range wrong {
			m[name] = v
			out = append(out, maps.Clone(m))
		}
		if slices.Contains(schema.Required, name) {
			m[name] = nil
			out = append(out, maps.Clone(m))
			delete(m, name)
			out = append(out, maps.Clone(m))
		}
	}
	return out
}

func hostileQueries(o *huma.Operation) []string {
	out := []string{"no_such=1", "%00=1", "%ff=1", "a=%zz", ";", "no_such"}
	for _, p := range o.Parameters {
		if p.In != "query" {
			continue
		}
		out = append(out, p.Name+"=%00", p.Name+"=a%ffb", p.Name+"=1&"+p.Name+"=1")
		switch {
		case p.Name == "cursor":
			for _, c := range []string{"x", "AXQ", "%25", makeCursor('x', "tok_1"), makeCursor(listTokens, "tok_1"), makeCursor(listWorkspaces, "A B"), makeCursor(listApps, "app_1"), makeCursor(listOAuthTokens, "oat_1"), makeCursor(listInventory, "x"), makeCursor(listInventory, "\x00"), makeCursor(listInventory, ""), strings.Repeat("A", 5000)} {
				out = append(out, "cursor="+c)
			}
		case p.Schema.Type == "integer":
			out = append(out, p.Name+"=x", p.Name+"=0", p.Name+"=-1", p.Name+"=99999", p.Name+"=1.5", p.Name+"=99999999999999999999999")
		case p.Schema.Type == "boolean":
			out = append(out, p.Name+"=maybe")
		case p.Schema.Format == "date-time":
			out = append(out, p.Name+"=yesterday", p.Name+"=2027-02-31T00:00:00Z")
		case len(p.Schema.Enum) > 0:
			out = append(out, p.Name+"=no_such")
		}
	}
	return out
}

func TestBodiesThatAreNoJSONAreRefused(t *testing.T) {
	w := newWorld(t, testkit.SQLite(t))
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/cbor", "x", ";+"} {
		r := w.request("admin", "POST", "/workspaces/standard/tokens", `{"name":"A"}`)
		r.Header.Set("Content-Type", kind)
		w.send(r).want(t, 415, "unsupported_media_type")
	}
	for _, kind := range []string{"", "application/json; charset=utf-8", "application/merge-patch+json"} {
		r := w.request("admin", "POST", "/workspaces/standard/tokens", `{"name":"A"}`)
		r.Header.Set("Content-Type", kind)
		w.send(r).want(t, 422, "scope_required")
	}
}

func TestUnknownAddressesAndMethodsAreProblems(t *testing.T) {
	w := newWorld(t, testkit.SQLite(t))
	for _, path := range []string{"/", "/nope", "/me/", "//me", "/x/../me", "/workspaces/standard/tokens/", "/workspaces//tokens"} {
		w.as("admin", "GET", path, nil).want(t, 404, "not_found")
	}
	for _, c := range []struct{ method, path, allow string }{
		{"PUT", "/me", "GET, HEAD"},
		{"DELETE", "/workspaces/standard/tokens", "GET, HEAD, POST"},
		{"OPTIONS", "/session", "DELETE, POST"},
		{"GET", "/workspaces/standard/policy/preview", "POST"},
	} {
		if r := w.as("admin", c.method, c.path, nil).want(t, 405, "method_not_allowed"); r.header.Get("Allow") != c.allow {
			t.Errorf("%s %s: Allow is %q, want %q", c.method, c.path, r.header.Get("Allow"), c.allow)
		}
	}
}
