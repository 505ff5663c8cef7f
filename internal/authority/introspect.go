package authority

import (
	"context"
	"errors"
	"slices"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
)

// Introspection is what is said of a credential (RFC 7662 section 2.2).
type Introspection struct {
	Active    bool
	Use       Use
	Scopes    token.Scopes
	ClientID  string
	Subject   string
	TokenID   string // what it came from
	ID        string // jti, of an access token
	Issuer    string
	Audience  string // of an access token
	IssuedAt  int64  // seconds; 0: not said
	ExpiresAt int64  // 0: never
}

// Use is what a credential is, in words of the wire.
type Use string

// The uses.
const (
	UseAccess  Use = "access_token"
	UsePAT     Use = "personal_access_token"
	UseLegacy  Use = "legacy_token"
	UseSecret  Use = "client_secret"
	UseRefresh Use = "refresh_token"
)

// The refusal is made once: it is the same for everybody.
var errIntrospect = fault.New(fault.Forbidden, api.CodeUnauthorizedClient, "This client may not check credentials: it needs the scope keywright:introspect.")

// Introspect says whether a credential is good in the client's workspace, from memory where it can. A
// client without keywright:introspect is refused: unauthorized_client. What is not good, or of another
// workspace, is not active, and nothing is said about why (RFC 7662 section 2.2).
func (a *Authority) Introspect(ctx context.Context, c Client, presented token.Secret) (Introspection, error) {
	if !slices.Contains(c.Scopes, token.ScopeIntrospect) {
		return Introspection{}, errIntrospect
	}
	text := presented.Reveal()
	kind, ours := a.format.Parse(text)
	if ours && kind == token.KindRefresh {
		return a.introspectRefresh(ctx, c, presented)
	}
	var claims token.Claims
	if !ours {
		claims, _ = claimsOf(text)
	}
	// For whom an access token is, is the asker's to judge: whatever it names is asked for.
	d, err := a.checks.Check(ctx, text, verify.Ask{Workspace: c.Workspace, Audience: claims.Audience})
	if err != nil {
		if fault.CodeOf(err) == api.CodeInvalidToken {
			err = nil
		}
		return Introspection{}, err
	}
	out := Introspection{Active: true, Scopes: d.Scopes(), Subject: d.OwnerID(), TokenID: d.TokenID(), Issuer: a.issuerOf(c.Workspace)}
	if at := d.ExpiresAt(); !at.IsZero() {
		out.ExpiresAt = at.Unix()
	}
	switch d.Kind() {
	case token.KindAccess:
		out.Use, out.ClientID, out.ID, out.Audience, out.IssuedAt = UseAccess, claims.ClientID, claims.ID, claims.Audience, claims.IssuedAt
	case token.KindApp:
		out.Use, out.ClientID = UseSecret, out.Subject
	case token.KindLegacy:
		out.Use = UseLegacy
	default:
		out.Use = UsePAT
	}
	return out, nil
}

// introspectRefresh asks the database. A refresh token that was replaced is not active, also while it would
// be forgiven; asking about it is not using it.
func (a *Authority) introspectRefresh(ctx context.Context, c Client, presented token.Secret) (Introspection, error) {
	var out Introspection
	err := a.view(ctx, func(tx *store.Tx) error {
		out = Introspection{}
		p, err := tx.RefreshTokenByHash(presented.Hash())
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		t := &p.Token
		if t.WorkspaceID != c.WorkspaceID || !p.UsedAt.IsZero() || t.StatusAt(tx.Now) != token.Active {
			return nil
		}
		rules, err := a.rulesOf(tx, store.Workspace{ID: t.WorkspaceID, RulesVersion: p.RulesVersion})
		if err != nil || !rules.policy.OAuthTokens.Holds(p.OwnerRole) {
			return err
		}
		out = Introspection{
			Active: true, Use: UseRefresh, Scopes: rules.all.Held(p.OwnerRole), ClientID: token.UserClient, Subject: t.Owner.ID,
			TokenID: t.ID, Issuer: a.issuerOf(p.Workspace), ExpiresAt: t.ExpiresAt.Unix(),
		}
		return nil
	})
	return out, err
}

// SignIntrospection makes the signed form of an answer (RFC 9701 section 5) out of its JSON.
func (a *Authority) SignIntrospection(ctx context.Context, c Client, answer map[string]any) (string, error) {
	return a.signAs(ctx, c.WorkspaceID, "token-introspection+jwt", map[string]any{
		"iss": a.issuerOf(c.Workspace), "aud": c.ID, "iat": a.now().Unix(), "token_introspection": answer,
	})
}
