package web

import (
	"net/http"
	"strings"

	"github.com/keywright/keywright/internal/token"
)

// Where the API of each workspace begins, and where it is written who issues tokens for a resource.
const (
	WorkspacesPath   = "/api/v1/workspaces/"
	resourceMetadata = "/.well-known/oauth-protected-resource"
)

// Resource is what a request asks for as access tokens name it (RFC 8707 section 2): the API of one
// workspace, which need not exist; "" is none.
func (k *Kit) Resource(r *http.Request) string {
	rest, ok := strings.CutPrefix(r.URL.Path, WorkspacesPath)
	slug, _, _ := strings.Cut(rest, "/")
	if _, problem := token.CleanSlug(slug); !ok || problem != "" {
		return ""
	}
	return k.URL(WorkspacesPath + slug)
}

// ResourceMetadata is where the metadata of a resource of ours is (RFC 9728 section 3.1): the path comes behind.
func (k *Kit) ResourceMetadata(resource string) string {
	return k.URL(resourceMetadata + strings.TrimPrefix(resource, k.URL("")))
}

// ResourcePattern is where the metadata of resources of ours is, for a route.
func ResourcePattern(path string) string { return resourceMetadata + path }

// ResourceAt is the opposite: the path of the resource whose metadata is asked for.
func ResourceAt(path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, resourceMetadata)
	return rest, ok && strings.HasPrefix(rest, "/")
}
