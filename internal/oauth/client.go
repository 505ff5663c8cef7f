package oauth

import (
	"encoding/base64"
	"strings"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
)

// assertionJWT is the one kind of assertion (RFC 7523 section 2.2).
const assertionJWT = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

var (
	errAuthorizations = invalidRequest("Send one Authorization header.")
	errTwoWays        = invalidRequest("The client authenticates in more than one way. Use one.")
	errTwoClients     = invalidRequest("The request names two clients.")
	errAssertionType  = invalidRequest("Send client_assertion together with client_assertion_type " + assertionJWT + ".")
	errClient         = fault.New(fault.Unauthenticated, api.CodeInvalidClient, "The client is unknown or could not be authenticated.")
	errNoClient       = fault.New(fault.Unauthenticated, api.CodeInvalidClient, "The client must authenticate.")
)

// presented is what a request says of its client.
type presented struct {
	authority.ClientAuth
	proof bool // it comes with something to prove it
}

// clientOf reads how a client says who it is. It may do so in one way (RFC 6749 section 2.3), and may name
// itself once more in the body.
func (s *Service) clientOf(c *call) (presented, error) {
	f := &c.form
	p := presented{ClientAuth: authority.ClientAuth{ID: f.clientID}}
	ways := 0
	switch lines := c.r.Header["Authorization"]; {
	case len(lines) > 1:
		return p, errAuthorizations
	case len(lines) == 1:
		id, secret, ok := basic(lines[0])
		switch {
		case !ok:
			return p, errClient
		case f.clientID != "" && f.clientID != id:
			return p, errTwoClients
		}
		p.ID = id
		if secret != "" { // RFC 6749 section 2.3.1: an empty secret may be left out, and so is none
			p.Secret, p.proof = token.SecretOf(secret), true
			ways++
		}
	}
	if f.clientSecret != "" {
		p.Secret, p.proof = token.SecretOf(f.clientSecret), true
		ways++
	}
	if f.assertion != "" || f.assertionType != "" {
		if f.assertion == "" || f.assertionType != assertionJWT {
			return p, errAssertionType
		}
		p.Assertion, p.Audiences, p.proof = f.assertion, s.audiences[c.r.URL.Path], true
		ways++
	}
	if ways > 1 {
		return p, errTwoWays
	}
	return p, nil
}

// basic reads client_secret_basic: RFC 6749 section 2.3.1 has the id and the secret encoded as in a form
// before they are joined as RFC 7617 section 2 says.
func basic(line string) (id, secret string, ok bool) {
	scheme, encoded, _ := strings.Cut(line, " ")
	if !strings.EqualFold(scheme, "Basic") || len(encoded) > token.MaxPresented {
		return "", "", false
	}
	b, err := base64.StdEncoding.DecodeString(strings.Trim(encoded, " "))
	if err != nil {
		return "", "", false
	}
	rawID, rawSecret, colon := strings.Cut(string(b), ":")
	id, idOK := unescape(rawID)
	secret, secretOK := unescape(rawSecret)
	return id, secret, colon && idOK && secretOK && id != "" && isText(id) && isText(secret)
}

// client authenticates the client of a request that must have one.
func (s *Service) client(c *call) (authority.Client, error) {
	p, err := s.clientOf(c)
	switch {
	case err != nil:
		return authority.Client{}, err
	case !p.proof:
		return authority.Client{}, errNoClient
	}
	return s.authority.Client(c.r.Context(), p.ClientAuth, s.caller(c))
}

// maybeClient authenticates the client of a request that need not have one. The built-in public client has
// nothing to prove; any other that names itself must.
func (s *Service) maybeClient(c *call) (*authority.Client, error) {
	p, err := s.clientOf(c)
	switch {
	case err != nil:
		return nil, err
	case p.proof:
		client, err := s.authority.Client(c.r.Context(), p.ClientAuth, s.caller(c))
		return &client, err
	case p.ID != "" && p.ID != token.UserClient:
		return nil, errNoClient
	}
	return nil, nil
}
