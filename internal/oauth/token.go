package oauth

import (
	"strconv"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
)

// The grants, as grant_type names them.
const (
	grantClient   = "client_credentials"
	grantRefresh  = "refresh_token"
	grantExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
)

// The types of token that RFC 8693 section 3 names and that are known here. An access token is a JWT; a
// personal access token is an access token that happens to be long-lived and opaque.
const (
	typeAccess = "urn:ietf:params:oauth:token-type:access_token"
	typeJWT    = "urn:ietf:params:oauth:token-type:jwt"
)

var (
	errNoGrant     = invalidRequest("Say with grant_type what is asked for.")
	errGrant       = fault.New(fault.BadRequest, api.CodeUnsupportedGrantType, "Use client_credentials, refresh_token or "+grantExchange+".")
	errScope       = fault.New(fault.BadRequest, api.CodeInvalidScope, "The scope is not a list of scope names separated by spaces.")
	errTargets     = fault.New(fault.BadRequest, api.CodeInvalidTarget, "A token is for one resource. Ask once for each.")
	errNoRefresh   = invalidRequest("Send the refresh_token.")
	errOthers      = fault.New(fault.BadRequest, api.CodeInvalidGrant, "The refresh token is not valid. It may have expired, been replaced or been disabled.")
	errNoSubject   = invalidRequest("Send subject_token and subject_token_type.")
	errSubjectType = invalidRequest("The subject_token_type must be " + typeAccess + " or " + typeJWT + ".")
	errAsked       = invalidRequest("The requested_token_type must be " + typeAccess + " or " + typeJWT + ".")
	errActing      = invalidRequest("A token for somebody who acts for somebody else (actor_token) is not issued here.")
)

// token answers the token endpoint (RFC 6749 section 3.2).
func (s *Service) token(c *call) (string, error) {
	switch c.form.grantType {
	case grantClient:
		return grantClient, s.clientCredentials(c)
	case grantRefresh:
		return grantRefresh, s.refresh(c)
	case grantExchange:
		return grantExchange, s.exchange(c)
	case "":
		return "", errNoGrant
	}
	return "", errGrant
}

// asked reads what a request wants of its token. Nothing but spaces was sent, too: it does not mean all.
func asked(f *form) (g authority.GrantRequest, err error) {
	if f.resources+f.audiences > 1 {
		return g, errTargets // RFC 8707 section 2: several may be asked for, and may be refused
	}
	if g.Resource = f.resource; g.Resource == "" {
		g.Resource = f.audience
	}
	if f.scope == "" {
		return g, nil
	}
	g.Narrowed = true
	if g.Scopes, err = token.ParseScopes(f.scope); err != nil {
		return g, errScope
	}
	return g, nil
}

// askedAlone is asked for the grants that have no audience: an unknown parameter, of which there can be one
// (RFC 6749 section 3.2).
func askedAlone(f *form) (authority.GrantRequest, error) {
	if f.audiences > 1 {
		return authority.GrantRequest{}, errRepeated
	}
	f.audience, f.audiences = "", 0
	return asked(f)
}

// clientCredentials: RFC 6749 section 4.4.2. Only a client that authenticates may ask.
func (s *Service) clientCredentials(c *call) error {
	client, err := s.client(c)
	if err != nil {
		return err
	}
	g, err := askedAlone(&c.form)
	if err != nil {
		return err
	}
	issued, err := s.authority.ClientCredentials(c.r.Context(), client, g)
	if err != nil {
		return err
	}
	s.issued(c, &issued, "")
	return nil
}

// refresh: RFC 6749 section 6. The refresh tokens of people belong to the built-in public client; a client of
// another name, even one that authenticates, holds one that was not issued to it.
func (s *Service) refresh(c *call) error {
	client, err := s.maybeClient(c)
	switch {
	case err != nil:
		return err
	case c.form.refreshToken == "":
		return errNoRefresh
	case client != nil:
		return errOthers
	}
	g, err := askedAlone(&c.form)
	if err != nil {
		return err
	}
	issued, err := s.authority.Refresh(c.r.Context(), token.SecretOf(c.form.refreshToken), c.form.clientID, g, s.origin(c))
	if err != nil {
		return err
	}
	s.issued(c, &issued, "")
	return nil
}

// exchange: RFC 8693 section 2.1. Who holds a token may narrow it, so a client need not authenticate
// (section 2.1 leaves that to the server); one that tries to must succeed.
func (s *Service) exchange(c *call) error {
	client, err := s.maybeClient(c)
	if err != nil {
		return err
	}
	f := &c.form
	switch {
	case f.acting != "":
		return errActing
	case f.subjectToken == "" || f.subjectTokenType == "":
		return errNoSubject
	case f.subjectTokenType != typeAccess && f.subjectTokenType != typeJWT:
		return errSubjectType
	case f.requestedType == "":
		f.requestedType = typeAccess
	case f.requestedType != typeAccess && f.requestedType != typeJWT:
		return errAsked
	}
	g, err := asked(f)
	if err != nil {
		return err
	}
	x := authority.Exchange{Subject: token.SecretOf(f.subjectToken), Client: client, GrantRequest: g}
	issued, err := s.authority.Exchange(c.r.Context(), x, s.origin(c))
	if err != nil {
		return err
	}
	s.issued(c, &issued, f.requestedType)
	return nil
}

// issued writes a good answer (RFC 6749 section 5.1; with a type, RFC 8693 section 2.2.1). Scopes are said
// whenever there are any. Nothing in it needs escaping: secrets and scope names have neither quotes nor backslashes.
func (s *Service) issued(c *call, i *authority.Issued, issuedType string) {
	access, refresh, scope := i.AccessToken.Reveal(), i.RefreshToken.Reveal(), i.Scopes.String()
	b := make([]byte, 0, 192+len(access)+len(refresh)+len(scope))
	b = append(b, `{"access_token":"`...)
	b = append(b, access...)
	if issuedType != "" {
		b = append(b, `","issued_token_type":"`...)
		b = append(b, issuedType...)
	}
	b = append(b, `","token_type":"Bearer","expires_in":`...)
	b = strconv.AppendInt(b, int64(i.ExpiresIn/time.Second), 10)
	if scope != "" { // RFC 6749 section 3.3: a scope has at least one name
		b = append(b, `,"scope":"`...)
		b = append(append(b, scope...), '"')
	}
	if refresh != "" {
		b = append(b, `,"refresh_token":"`...)
		b = append(append(b, refresh...), '"')
	}
	s.write(c, mediaJSON, append(b, "}\n"...))
}
