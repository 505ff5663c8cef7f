package oauth

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
)

var errNoToken = invalidRequest("Send the token.")

// bearerError is a refusal of the access token with which somebody asks: it is answered as RFC 6750 section 3
// says, not as one of a client.
type bearerError struct{ cause error }

func (b bearerError) Error() string { return b.cause.Error() }
func (b bearerError) Unwrap() error { return b.cause }

// introspect answers RFC 7662 section 2: by its own authentication, or by an access token, a client with the
// scope keywright:introspect learns whether a credential is good in its workspace. token_type_hint is not
// needed: the kinds are told apart by their form.
func (s *Service) introspect(c *call) (string, error) {
	client, err := s.asker(c)
	if err != nil {
		return "", err
	}
	if c.form.token == "" {
		return "", errNoToken
	}
	i, err := s.authority.Introspect(c.r.Context(), client, token.SecretOf(c.form.token))
	if err != nil {
		return "", err
	}
	result := "inactive"
	if i.Active {
		result = "active"
	}
	b := appendIntrospection(make([]byte, 0, 512), &i)
	if !wantsJWT(c.r.Header["Accept"]) {
		s.write(c, mediaJSON, append(b, '\n'))
		return result, nil
	}
	// RFC 9701 section 5: the same members, signed for the one who asked.
	numbers := json.NewDecoder(bytes.NewReader(b))
	numbers.UseNumber()
	var answer map[string]any
	if err := numbers.Decode(&answer); err != nil {
		return "", err
	}
	signed, err := s.authority.SignIntrospection(c.r.Context(), client, answer)
	if err != nil {
		return "", err
	}
	s.write(c, mediaSigned, []byte(signed))
	return result, nil
}

// asker is the client that asks about a token: RFC 7662 section 2.1 wants one that may.
func (s *Service) asker(c *call) (authority.Client, error) {
	lines := c.r.Header["Authorization"]
	if len(lines) != 1 {
		return s.client(c)
	}
	scheme, bearer, _ := strings.Cut(lines[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return s.client(c)
	}
	if c.form.clientSecret != "" || c.form.assertion != "" || c.form.assertionType != "" {
		return authority.Client{}, errTwoWays
	}
	ask := verify.Ask{Scopes: token.Scopes{token.ScopeIntrospect}}
	ask.Address, ask.Exempt = s.kit.Client(c.r)
	d, err := s.checks.Check(c.r.Context(), strings.Trim(bearer, " "), ask)
	if err == nil && !d.IsApp() {
		err = fault.New(fault.Forbidden, api.CodeScopeMissing, "Only an app may ask.")
	}
	if err != nil {
		return authority.Client{}, bearerError{err}
	}
	return authority.Client{ID: d.OwnerID(), WorkspaceID: d.WorkspaceID(), Workspace: d.Workspace(), Scopes: d.Scopes()}, nil
}

// appendIntrospection appends an answer (RFC 7662 section 2.2). One about a credential that is not good has
// one member: nothing is said about why.
//
// A refresh token is told apart by token_use, and has neither scope nor token_type: a server that was handed
// one as if it were an access token finds none of the scopes that it needs.
func appendIntrospection(b []byte, i *authority.Introspection) []byte {
	if !i.Active {
		return append(b, `{"active":false}`...)
	}
	b = append(b, `{"active":true`...)
	if i.Use != authority.UseRefresh {
		b = appendText(b, "scope", i.Scopes.String())
		b = append(b, `,"token_type":"Bearer"`...)
	}
	b = appendText(b, "token_use", string(i.Use))
	b = appendText(b, "client_id", i.ClientID)
	b = appendText(b, "sub", i.Subject)
	b = appendText(b, "aud", i.Audience)
	b = appendText(b, "iss", i.Issuer)
	b = appendNumber(b, "exp", i.ExpiresAt)
	b = appendNumber(b, "iat", i.IssuedAt)
	b = appendText(b, "jti", i.ID)
	b = appendText(b, "sid", i.TokenID)
	return append(b, '}')
}

func appendText(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":`...)
	for i := range len(value) {
		if c := value[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, err := json.Marshal(value)
			if err != nil {
				quoted = []byte(`""`) // a string always has a JSON form
			}
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, value...)
	return append(b, '"')
}

func appendNumber(b []byte, name string, n int64) []byte {
	if n == 0 {
		return b
	}
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":`...)
	return strconv.AppendInt(b, n, 10)
}

// wantsJWT reports whether Accept names the signed form (RFC 9701 section 4), and nothing that is wanted more.
func wantsJWT(lines []string) bool {
	signed, plain := 0.0, 0.0
	for _, line := range lines {
		if len(line) < len(mediaSigned) {
			continue // most say */* and want no more work
		}
		for entry := range strings.SplitSeq(line, ",") {
			media, parameters, _ := strings.Cut(entry, ";")
			switch strings.ToLower(strings.TrimSpace(media)) {
			case mediaSigned:
				signed = quality(parameters)
			case mediaJSON:
				plain = quality(parameters)
			}
		}
	}
	return signed > 0 && signed >= plain
}

// quality is the weight of an entry of Accept (RFC 9110 section 12.4.2): 1 if it has none.
func quality(parameters string) float64 {
	for p := range strings.SplitSeq(parameters, ";") {
		if name, value, _ := strings.Cut(p, "="); strings.EqualFold(strings.TrimSpace(name), "q") {
			q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil || q < 0 || q > 1 {
				return 0
			}
			return q
		}
	}
	return 1
}
