package oauth

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/web"
)

// Where the documents are. Each workspace is an issuer of its own, below issuersPath by its slug.
const (
	issuersPath     = "/w/"
	wellKnownServer = "/.well-known/oauth-authorization-server"
	wellKnownOpenID = "/.well-known/openid-configuration"
	metadataPath    = wellKnownServer + issuersPath // RFC 8414 section 3.1: between host and path
	feedsPath       = "/odata/"
	feedName        = "/keywright" // the built-in feed of a workspace
	jwksName        = "/jwks.json"
)

// Issuer is the address that a workspace's access tokens name as their issuer.
func Issuer(publicURL, slug string) string { return publicURL + issuersPath + slug }

// document answers what is public of a workspace. What does not exist is the same for everybody: not found.
func (s *Service) document(w http.ResponseWriter, r *http.Request) error {
	d := s.find(r.URL.Path)
	r.Pattern = d.pattern // for the log and the metrics
	if d.make == nil {
		return fault.Missing()
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		return fault.New(fault.BadRequest, api.CodeMethodNotAllowed, "Ask with GET.")
	}
	content, err := d.make(r, d.slug)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", mediaJSON)
	h.Set("Cache-Control", "public, max-age=300") // a new key signs later than this after it is published
	// It is everybody's: pages of other sites may read it, too.
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	_, err = w.Write(content)
	return err
}

// found is the document that an address means; one without make does not exist.
type found struct {
	pattern string
	slug    string
	make    func(r *http.Request, slug string) ([]byte, error)
}

func (s *Service) find(path string) found {
	if slug, ok := strings.CutPrefix(path, metadataPath); ok {
		return found{metadataPath + "{ws}", slug, s.serverMetadata}
	}
	if resource, ok := web.ResourceAt(path); ok {
		return s.findResource(resource)
	}
	rest, _ := strings.CutPrefix(path, issuersPath)
	slug, name, _ := strings.Cut(rest, "/")
	switch name = "/" + name; name {
	case jwksName:
		return found{issuersPath + "{ws}" + name, slug, s.keys}
	case wellKnownOpenID, wellKnownServer:
		return found{issuersPath + "{ws}" + name, slug, s.serverMetadata}
	}
	return found{pattern: issuersPath}
}

// findResource says which resource the rest of an address names (RFC 9728 section 3.1): the API as far as it
// is a workspace's, and the root of a feed, with or without the slash that ends it.
func (s *Service) findResource(path string) found {
	if slug, ok := strings.CutPrefix(path, web.WorkspacesPath); ok {
		return found{web.ResourcePattern(web.WorkspacesPath + "{ws}"), slug, s.protectedAPI}
	}
	if rest, ok := strings.CutPrefix(path, feedsPath); ok {
		slug, feed, _ := strings.Cut(strings.TrimSuffix(rest, "/"), "/")
		if _, problem := token.CleanSlug(feed); problem == "" {
			return found{web.ResourcePattern(feedsPath + "{ws}/{feed}"), slug, s.protectedFeed}
		}
	}
	return found{pattern: web.ResourcePattern("/")}
}

// keys is the workspace's key set (RFC 7517 section 5).
func (s *Service) keys(r *http.Request, slug string) ([]byte, error) {
	return s.authority.JWKS(r.Context(), slug)
}

// metadata is RFC 8414 section 2, RFC 9701 section 7 and RFC 9728 section 4. It says what is there: no
// authorization endpoint, and the grants of the kinds that the workspace's policy offers.
type metadata struct {
	Issuer                string   `json:"issuer"`
	TokenEndpoint         string   `json:"token_endpoint"`
	JWKS                  string   `json:"jwks_uri"`
	Scopes                []string `json:"scopes_supported,omitempty"`
	ResponseTypes         []string `json:"response_types_supported"` // required, and empty: nothing here has one
	Grants                []string `json:"grant_types_supported"`    // left out it would mean others
	TokenAuth             []string `json:"token_endpoint_auth_methods_supported"`
	TokenAuthSigning      []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	Introspection         string   `json:"introspection_endpoint"`
	IntrospectionAuth     []string `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionAuthSign []string `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	IntrospectionSigning  []string `json:"introspection_signing_alg_values_supported"`
	Revocation            string   `json:"revocation_endpoint"`
	RevocationAuth        []string `json:"revocation_endpoint_auth_methods_supported"`
	RevocationAuthSign    []string `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	ProtectedResources    []string `json:"protected_resources"`
	Documentation         string   `json:"service_documentation"`
}

func (s *Service) serverMetadata(r *http.Request, slug string) ([]byte, error) {
	issuer, err := s.authority.PublicIssuer(r.Context(), slug)
	if err != nil {
		return nil, err
	}
	secrets := []string{"client_secret_basic", "client_secret_post", "private_key_jwt"}
	open := append(slices.Clone(secrets), "none")
	signing := keyring.AssertionAlgorithms()
	return encode(metadata{
		Issuer: issuer.URL, TokenEndpoint: s.kit.URL(TokenPath), JWKS: issuer.URL + jwksName,
		Scopes: askable(issuer.Scopes), ResponseTypes: []string{}, Grants: grants(&issuer),
		TokenAuth: open, TokenAuthSigning: signing,
		Introspection: s.kit.URL(IntrospectPath), IntrospectionAuth: append(slices.Clone(secrets), "Bearer"),
		IntrospectionAuthSign: signing, IntrospectionSigning: []string{string(issuer.Algorithm)},
		Revocation: s.kit.URL(RevokePath), RevocationAuth: open, RevocationAuthSign: signing,
		ProtectedResources: []string{s.kit.URL(web.WorkspacesPath + issuer.Slug), s.kit.URL(feedsPath + issuer.Slug + feedName)},
		Documentation:      s.kit.URL("/api/v1/docs"),
	})
}

// grants are those that the workspace's policy offers. What is offered can be exchanged for something narrower.
func grants(issuer *authority.Issuer) []string {
	out := []string{}
	o := issuer.Offered
	if o.Apps {
		out = append(out, grantClient)
	}
	if o.OAuthTokens {
		out = append(out, grantRefresh)
	}
	if o.Apps || o.OAuthTokens || o.Tokens {
		out = append(out, grantExchange)
	}
	return out
}

// askable leaves the reserved scopes out: they open this server, not what it guards.
func askable(scopes []string) []string {
	return slices.DeleteFunc(slices.Clone(scopes), token.IsReserved)
}

// resource is RFC 9728 section 2.
type resource struct {
	Resource      string   `json:"resource"`
	Servers       []string `json:"authorization_servers"`
	Scopes        []string `json:"scopes_supported,omitempty"`
	Methods       []string `json:"bearer_methods_supported"`
	Name          string   `json:"resource_name"`
	Documentation string   `json:"resource_documentation,omitempty"`
}

func (s *Service) protectedAPI(r *http.Request, slug string) ([]byte, error) {
	issuer, err := s.authority.PublicIssuer(r.Context(), slug)
	if err != nil {
		return nil, err
	}
	return encode(resource{
		Resource: s.kit.URL(web.WorkspacesPath + issuer.Slug), Servers: []string{issuer.URL}, Methods: []string{"header"},
		Scopes: []string{token.ScopeManage, token.ScopeAdmin},
		Name:   issuer.Name, Documentation: s.kit.URL("/api/v1/docs"),
	})
}

// protectedFeed names the feed as it was asked for: RFC 9728 section 3.3 wants the same text back. Of which feeds there are it
// tells nothing: every name is answered alike, and only the one that every workspace has with its scope.
func (s *Service) protectedFeed(r *http.Request, slug string) ([]byte, error) {
	issuer, err := s.authority.PublicIssuer(r.Context(), slug)
	if err != nil {
		return nil, err
	}
	path, _ := web.ResourceAt(r.URL.Path) // find has seen that it is one
	about := resource{Resource: s.kit.URL(path), Servers: []string{issuer.URL}, Methods: []string{"header"}, Name: issuer.Name}
	if strings.HasSuffix(strings.TrimSuffix(path, "/"), feedName) {
		about.Scopes = []string{"odata:read"}
	}
	return encode(about)
}

func encode(v any) ([]byte, error) {
	b, err := json.MarshalIndent(v, "", "  ")
	return append(b, '\n'), fault.Wrap(err, "encode")
}

// renderDocument writes a refusal of a document.
func (s *Service) renderDocument(w http.ResponseWriter, _ *http.Request, f *fault.Error) {
	no, _ := refusalOf(f)
	if f.Kind == fault.NotFound {
		no = refusal{status: http.StatusNotFound, code: f.Code}
	}
	w.Header().Set("Content-Type", mediaJSON)
	w.WriteHeader(no.status)
	_, _ = w.Write(problem(no.code, f.Detail))
}
