package authority

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
)

// Issued is the token endpoint's answer (RFC 6749 section 5.1).
type Issued struct {
	AccessToken  token.Secret // a JWT (RFC 9068)
	RefreshToken token.Secret // empty where there is none
	ExpiresIn    time.Duration
	Scopes       token.Scopes

	id string // jti
}

// GrantRequest is what a client asks of the token endpoint beyond the grant itself.
type GrantRequest struct {
	Scopes   token.Scopes // nil: all
	Narrowed bool         // scope was sent; without a name in it, nothing can be meant
	Resource string       // RFC 8707; "" is the issuer
}

// source is what an access token is issued for.
type source struct {
	workspaceID string
	workspace   string // slug
	id          string // sid: of the app, the OAuth token or the personal access token
	subject     string // a user's id, or the app's client id
	clientID    string
	epoch       int64  // of an app
	parents     string // jti of the access tokens that it is exchanged from
	scopes      token.Scopes
	resource    string    // "" is the issuer
	ends        time.Time // of what it comes from; zero: never
}

// issue makes an access token (RFC 9068 section 2.2). It writes nothing. Errors: invalid_target.
func (a *Authority) issue(ctx context.Context, s source) (Issued, error) {
	if err := checkResource(s.resource); err != nil {
		return Issued{}, err
	}
	if a.issuer == nil {
		return Issued{}, fault.New(fault.Unavailable, api.CodeUnavailable, "This installation issues no access tokens.")
	}
	now := a.now()
	issued, expires := now.Unix(), now.Add(token.AccessLife).Unix()
	if !s.ends.IsZero() {
		expires = min(expires, s.ends.Unix())
	}
	c := token.Claims{
		Issuer: a.issuer(s.workspace), Subject: s.subject, Audience: s.resource, ClientID: s.clientID,
		IssuedAt: issued, ExpiresAt: expires, ID: token.NewID(token.AccessID, now),
		Scope: s.scopes.String(), SourceID: s.id, Epoch: s.epoch, Parents: s.parents,
	}
	if c.Audience == "" {
		c.Audience = c.Issuer // RFC 9068 section 3: without a resource, the default one
	}
	jwt, err := a.sign(ctx, s.workspaceID, c)
	if err != nil {
		return Issued{}, err
	}
	// A source that ends within this second leaves nothing.
	return Issued{AccessToken: jwt, ExpiresIn: time.Duration(max(0, expires-issued)) * time.Second, Scopes: s.scopes, id: c.ID}, nil
}

const maxResource = 1024 // bytes

// checkResource refuses what names no resource: it becomes the audience as it is.
func checkResource(s string) error {
	if s == "" {
		return nil
	}
	bad := len(s) > maxResource || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
	if !bad {
		u, err := url.Parse(s)
		// RFC 8707 section 2: an absolute URI, without a fragment.
		bad = err != nil || !u.IsAbs() || u.Opaque == "" && u.Host == "" || strings.Contains(s, "#")
	}
	if bad {
		return fault.New(fault.BadRequest, api.CodeInvalidTarget, "The resource must be an absolute URI without a fragment, of at most 1024 bytes.")
	}
	return nil
}

// narrow returns the scopes that were asked for, in the order of those that may be had; all of these when
// none were asked for.
func (g *GrantRequest) narrow(held token.Scopes) (token.Scopes, error) {
	if !g.Narrowed && len(g.Scopes) == 0 {
		return held, nil
	}
	if len(g.Scopes) == 0 || !held.Has(g.Scopes) {
		// RFC 6749 section 5.2: "exceeds the scope granted". Which one is too much is not said.
		return nil, fault.New(fault.BadRequest, api.CodeInvalidScope, "This asks for a scope that is unknown or may not be had here. Leave scope out to get all that may be had.")
	}
	var out token.Scopes
	for _, name := range held {
		if g.Scopes.Has(token.Scopes{name}) {
			out = append(out, name)
		}
	}
	return out, nil
}
