package web

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
)

const (
	// secureCookie can't be set by another host or over plain HTTP: browsers hold the prefix to that.
	secureCookie   = "__Host-keywright"
	loopbackCookie = "keywright" // http on this machine, where browsers refuse the prefix
)

// Identity returns who is asking: by a bearer token if one is sent, else by the session cookie. Errors:
// sign_in_required without either, invalid_token, throttled.
func (k *Kit) Identity(r *http.Request) (token.Identity, error) {
	by, err := k.identify(r)
	if err == nil {
		Identified(r, by)
	}
	return by, err
}

func (k *Kit) identify(r *http.Request) (token.Identity, error) {
	switch bearer, sent, err := bearerOf(r); {
	case err != nil:
		return token.Identity{}, err
	case sent:
		return k.authority.Bearer(r.Context(), bearer, k.Resource(r), k.Origin(r))
	}
	if c, err := r.Cookie(k.cookieName()); err == nil && c.Value != "" {
		return k.authority.Session(r.Context(), token.SecretOf(c.Value), k.Origin(r))
	}
	return token.Identity{}, fault.New(fault.Unauthenticated, api.CodeSignInRequired, "Sign in first, or send a token: Authorization: Bearer.")
}

// bearerOf returns the token of a request. Other schemes are nothing to us: a proxy in front may have
// asked for them.
func bearerOf(r *http.Request) (secret token.Secret, sent bool, err error) {
	lines := r.Header["Authorization"]
	if len(lines) > 1 {
		return secret, true, fault.New(fault.BadRequest, api.CodeBadRequest, "Send one Authorization header.")
	}
	if len(lines) == 0 {
		return secret, false, nil
	}
	// RFC 6750 section 2.1: "Bearer" 1*SP b64token; schemes are matched in any case (RFC 9110 section 11.1).
	scheme, value, _ := strings.Cut(lines[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return secret, false, nil
	}
	return token.SecretOf(strings.Trim(value, " ")), true, nil
}

// sameOrigin refuses what another site made a browser ask. A request with a bearer token is exempt: a
// browser sends that header across origins only after a preflight, which nothing here answers.
func (k *Kit) sameOrigin(r *http.Request) error {
	if _, sent, _ := bearerOf(r); sent { // Identity reports the error
		return nil
	}
	if err := k.foreign.Check(r); err != nil {
		return fault.New(fault.Forbidden, api.CodeCrossOrigin, "This request came from another site. Open this page here and try again.")
	}
	return nil
}

func (k *Kit) cookieName() string {
	if k.public.Scheme == "https" {
		return secureCookie
	}
	return loopbackCookie
}

// NeedHTTPS refuses to begin a session where its cookie could be read on the way: over plain HTTP on an
// address that is not this machine's own. A sign-in page asks it beforehand.
func (k *Kit) NeedHTTPS(r *http.Request) error {
	if k.public.Scheme == "https" {
		return nil
	}
	// A server that listens on every address has no public one; then it counts how it is reached.
	if public := k.public.Hostname(); (isLoopback(public) || isEveryAddress(public)) && isLoopback(hostOf(r)) {
		return nil
	}
	return fault.New(fault.Forbidden, api.CodeHTTPSRequired, "Signing in needs HTTPS here: over plain HTTP others on the network could read your session. Open this page with https://, or on the server itself with http://localhost.")
}

func hostOf(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		return host
	}
	return strings.Trim(r.Host, "[]")
}

func isLoopback(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap().IsLoopback()
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost") // RFC 6761 section 6.3
}

func isEveryAddress(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsUnspecified()
}

// SetSession gives the browser a session's secret. Errors: https_required.
func (k *Kit) SetSession(w http.ResponseWriter, r *http.Request, secret token.Secret) error {
	if err := k.NeedHTTPS(r); err != nil {
		return err
	}
	http.SetCookie(w, k.cookie(secret.Reveal(), int(authority.SessionMax.Seconds())))
	return nil
}

// ClearSession makes the browser forget its session; ending it is authority's.
func (k *Kit) ClearSession(w http.ResponseWriter) { http.SetCookie(w, k.cookie("", -1)) }

func (k *Kit) cookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: k.cookieName(), Value: value, Path: "/", MaxAge: maxAge,
		Secure: k.public.Scheme == "https", HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}
