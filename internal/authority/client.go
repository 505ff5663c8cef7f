package authority

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
)

// ClientAuth is how a client says who it is (RFC 6749 section 2.3, RFC 7523 section 2.2).
type ClientAuth struct {
	ID        string
	Secret    token.Secret
	Assertion string // private_key_jwt; then Secret is empty and ID may be
	// Audiences are what an assertion may name as its audience (RFC 7523 section 3): the token endpoint's own
	// address; the issuer of the client's workspace is always one of them.
	Audiences []string
}

// Client is an app that has authenticated.
type Client struct {
	ID          string
	WorkspaceID string
	Workspace   string // slug
	Scopes      token.Scopes
	Epoch       int64 // the app's: see token.App
}

// Client authenticates a client, from memory where it presents a secret. Unknown, disabled and deleted apps
// and wrong secrets do the same work and get the same answer: invalid_client. Throttled by address. Errors
// besides: invalid_request when it says who it is in two ways.
func (a *Authority) Client(ctx context.Context, auth ClientAuth, from token.Origin) (Client, error) {
	from.Address = cleanAddress(from.Address) // nothing else of it is kept
	if auth.Assertion == "" {
		return a.clientBySecret(ctx, auth, from)
	}
	if auth.Secret.Reveal() != "" {
		// RFC 6749 section 2.3: "MUST NOT use more than one authentication method in each request".
		return Client{}, fault.New(fault.BadRequest, api.CodeInvalidRequest, "Authenticate in one way: with a client secret, or with an assertion.")
	}
	return a.clientByAssertion(ctx, auth, from)
}

// The refusal is made once: it is the same for everybody.
var errClient = fault.New(fault.Unauthenticated, api.CodeInvalidClient, "This client is not known here, is disabled, or its secret or assertion is wrong.")

// notTheClient is the answer to a client that did not prove who it is, counted like an unknown credential.
func (a *Authority) notTheClient(from token.Origin) error { return a.unknownAs(errClient, from) }

// unknownAs counts an unknown credential by where it came from, and answers with a refusal of the caller's.
func (a *Authority) unknownAs(refusal *fault.Error, from token.Origin) error {
	return as(refusal, a.checks.Unknown(from.Address, from.Proxy))
}

// as puts a refusal in place of invalid_token. What else a check says (throttled, unavailable) stays.
func as(refusal *fault.Error, err error) error {
	if fault.CodeOf(err) == api.CodeInvalidToken {
		return refusal
	}
	return err
}

func (a *Authority) clientBySecret(ctx context.Context, auth ClientAuth, from token.Origin) (Client, error) {
	secret := auth.Secret.Reveal()
	if kind, ok := a.format.Parse(secret); !ok || kind != token.KindApp {
		return Client{}, a.notTheClient(from) // a good credential of another kind is no client's
	}
	d, err := a.checks.Check(ctx, secret, verify.Ask{Address: from.Address, Exempt: from.Proxy})
	if err != nil {
		return Client{}, as(errClient, err)
	}
	var id [64]byte
	if string(d.AppendOwnerID(id[:0])) != auth.ID {
		return Client{}, a.notTheClient(from)
	}
	return Client{ID: auth.ID, WorkspaceID: d.WorkspaceID(), Workspace: d.Workspace(), Scopes: d.Scopes(), Epoch: d.Epoch()}, nil
}

const (
	assertionLife   = 5 * time.Minute
	assertionLeeway = 30 * time.Second // by which a client's clock may be off
	maxAssertionID  = 256              // bytes
)

// clientByAssertion authenticates with private_key_jwt. A jti is good once, also after a restart: its use is
// kept until the assertion is over.
func (a *Authority) clientByAssertion(ctx context.Context, auth ClientAuth, from token.Origin) (Client, error) {
	id, ok := keyring.AssertionSubject(auth.Assertion)
	if !ok || auth.ID != "" && auth.ID != id {
		return Client{}, a.notTheClient(from)
	}
	var app token.App
	c := Client{ID: id}
	err := a.view(ctx, func(tx *store.Tx) error {
		if _, ok := token.ParseID(token.AppID, id); !ok {
			return store.ErrNotFound
		}
		var w store.Workspace
		var err error
		if app, w, err = tx.AppByID(id); err != nil {
			return err
		}
		r, err := a.rulesOf(tx, w)
		c.WorkspaceID, c.Workspace, c.Scopes, c.Epoch = w.ID, w.Slug, app.ScopesFor(r.all), app.Epoch
		return err
	})
	if err != nil && !errors.Is(err, fault.Missing()) {
		return Client{}, err
	}
	keys := app.Keys
	if keys == "" {
		keys = a.decoy() // the same work for who is not known here, and who has no keys
	}
	said, wrong := keyring.VerifyAssertion(keys, auth.Assertion)
	if app.Keys == "" || wrong != nil || app.Status() != token.Active {
		return Client{}, a.notTheClient(from)
	}
	// From here on it is the client, which is told what it did wrong.
	if problem := a.assertionProblem(&said, append(slices.Clip(auth.Audiences), a.issuerOf(c.Workspace))); problem != "" {
		return Client{}, fault.New(fault.Unauthenticated, api.CodeInvalidClient, problem)
	}
	err = a.update(ctx, func(tx *store.Tx) error {
		err := tx.SpendNonce(token.HashOf("assertion "+id+" "+said.ID), time.Unix(said.ExpiresAt, 0).Add(assertionLeeway))
		if errors.Is(err, store.ErrExists) {
			return fault.New(fault.Unauthenticated, api.CodeInvalidClient, "An assertion with this jti was used before. Make a new one for each request.")
		}
		return errors.Join(err, tx.AddUse(appUse(tx, &c, from)))
	}, nil)
	if err != nil {
		return Client{}, err
	}
	return c, nil
}

// appUse is one use of an app, written at once: a secret's is counted by its check.
func appUse(tx *store.Tx, c *Client, from token.Origin) store.Use {
	u := store.Use{
		TokenID: c.ID, OwnerID: c.ID, WorkspaceID: c.WorkspaceID, Day: Day(tx.Now), Requests: 1,
		LastUsedAt: tx.Now, LastUsedIP: from.Address,
	}
	if from.Address.IsValid() {
		u.Addresses = []netip.Addr{from.Address}
	}
	return u
}

func (a *Authority) issuerOf(slug string) string {
	if a.issuer == nil {
		return ""
	}
	return a.issuer(slug)
}

// decoyKeys returns the keys of nobody, made when they are first needed.
func decoyKeys() string {
	key, err := keyring.NewKey("decoy", token.ES256)
	if err != nil {
		return ""
	}
	public, err := key.Public()
	if err != nil {
		return ""
	}
	return string(keyring.JWKS([]string{public}))
}

// assertionProblem says what RFC 7523 section 3 has against an assertion whose signature is right; "" when
// nothing.
func (a *Authority) assertionProblem(said *keyring.Assertion, audiences []string) string {
	now := a.now()
	ends := time.Unix(said.ExpiresAt, 0)
	after := func(seconds int64) bool { return seconds != 0 && time.Unix(seconds, 0).After(now.Add(assertionLeeway)) }
	switch {
	case said.Issuer != said.Subject:
		return "iss and sub of the assertion must both be the client id."
	case !slices.ContainsFunc(said.Audience, func(s string) bool { return s != "" && slices.Contains(audiences, s) }):
		return "The aud of the assertion must be the issuer, or the address of the token endpoint."
	case said.ExpiresAt == 0:
		return "The assertion must have an exp, at most 5 minutes ahead."
	case !now.Before(ends):
		return "The assertion has expired."
	case ends.After(now.Add(assertionLife + assertionLeeway)):
		return "The exp of the assertion must be at most 5 minutes ahead."
	case after(said.NotBefore), after(said.IssuedAt):
		return "The nbf or iat of the assertion is in the future. Set the client's clock."
	case said.ID == "" || len(said.ID) > maxAssertionID:
		return "The assertion must have a jti of 1 to 256 bytes."
	}
	return ""
}

// ClientCredentials issues an access token to an app that acts for itself (RFC 6749 section 4.4). It writes
// nothing: that it was issued is counted with the use of its secret. There is no refresh token (RFC 6749
// section 4.4.3). Errors: invalid_scope, invalid_target.
func (a *Authority) ClientCredentials(ctx context.Context, c Client, g GrantRequest) (Issued, error) {
	scopes, err := g.narrow(c.Scopes)
	if err != nil {
		return Issued{}, err
	}
	return a.issue(ctx, source{
		workspaceID: c.WorkspaceID, workspace: c.Workspace, id: c.ID, subject: c.ID, clientID: c.ID, epoch: c.Epoch,
		scopes: scopes, resource: g.Resource,
	})
}
