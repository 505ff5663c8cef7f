package oauth

import (
	"net/http"

	"github.com/keywright/keywright/internal/token"
)

// revoke answers RFC 7009 section 2. Who holds a token may end it: a leaked one is ended by whoever finds it.
// So a client need not authenticate; one that tries to must succeed. RFC 7009 section 2.2: a token that is
// unknown or has ended already is no error, and token_type_hint, right or wrong, changes nothing.
func (s *Service) revoke(c *call) (string, error) {
	if _, err := s.maybeClient(c); err != nil {
		return "", err
	}
	if c.form.token == "" {
		return "", errNoToken
	}
	if err := s.authority.RevokePresented(c.r.Context(), token.SecretOf(c.form.token), s.origin(c)); err != nil {
		return "", err
	}
	noStore(c.w.Header())
	c.w.WriteHeader(http.StatusOK)
	return "revoked", nil
}
