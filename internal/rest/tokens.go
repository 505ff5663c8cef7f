package rest

import (
	"context"
	"net/http"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
)

// InToken is the path of a token.
type InToken struct {
	InWorkspace
	ID string `path:"id" doc:"The token's id" example:"tok_06exqk2f8m1p3r5t7w9y0b2d4g"`
}

type tokenList struct {
	InWorkspace
	Page
	Owner        string `query:"owner" enum:"me,all" doc:"me: one's own; all: everyone's, for administrators, and audited. Left out: as the policy's list says"`
	OwnerID      string `query:"owner_id" doc:"With owner=all: one person's"`
	Status       string `query:"status" enum:"active,expired,revoked"`
	Scope        string `query:"scope" doc:"Those that carry this scope"`
	UnusedDays   int    `query:"unused_days" minimum:"1" maximum:"3660" doc:"Neither used nor made for so many days"`
	ExpiringDays int    `query:"expiring_days" minimum:"1" maximum:"3660" doc:"Active, and expiring within so many days"`
	NeverExpires bool   `query:"never_expires" doc:"true: only those that never expire"`
	Q            string `query:"q" maxLength:"100" doc:"Part of the name or description, in any case"`
}

type newTokenInput struct {
	InWorkspace
	Body *api.NewToken
}

type tokenChangeInput struct {
	InToken
	Body api.TokenChange
}

type regenerateInput struct {
	InToken
	Body *api.Expiry
}

type revokeInput struct {
	InToken
	Body *api.Reason
}

type batchInput struct {
	InWorkspace
	Body api.TokenBatch
}

func (s *Service) addTokens() {
	const tokens, one = "/workspaces/{ws}/tokens", "/workspaces/{ws}/tokens/{id}"
	answer(s, op{
		id: "list-tokens", method: http.MethodGet, path: tokens, tag: "Tokens",
		summary: "List tokens", who: "Whoever may have tokens here sees their own, or the workspace's where the policy lists it; with owner=all an administrator sees everyone's under every policy.",
		codes: []api.Code{api.CodeRoleNotAllowed, api.CodeKindNotOffered, api.CodeBadCursor},
	}, s.listTokens)
	answer(s, op{
		id: "create-token", method: http.MethodPost, path: tokens, tag: "Tokens", status: http.StatusCreated,
		summary: "Create a token", who: "Roles that the policy lets create, for themselves. The secret is in this answer and never again. What the policy has no place for is refused.",
		codes: []api.Code{
			api.CodeKindNotOffered, api.CodeRoleNotAllowed, api.CodeRecentSignInRequired, api.CodeOutlivesCredential, api.CodeTokenLimitReached, api.CodeNameTaken,
			api.CodeNameRequired, api.CodeNameNotTaken, api.CodeScopeRequired, api.CodeScopeUnknown, api.CodeScopeNotAllowed, api.CodeScopesNotAccepted,
			api.CodeExpiryNotAccepted, api.CodeExpiryRequired, api.CodeExpiryAmbiguous, api.CodeLifetimeOutOfRange, api.CodeNeverNotAllowed,
		},
	}, s.createToken)
	answer(s, op{
		id: "get-token", method: http.MethodGet, path: one, tag: "Tokens", ids: token.TokenID,
		summary: "Get a token", who: "Its owner, administrators, and whom the policy lists the workspace's tokens to.",
		codes: []api.Code{api.CodeRoleNotAllowed, api.CodeKindNotOffered, api.CodeNotOwner},
	}, func(ctx context.Context, by token.Identity, in *InToken) (api.Token, error) {
		return s.one(ctx, by, in.WS)(s.authority.Token(ctx, by, in.WS, in.ID))
	})
	answer(s, op{
		id: "change-token", method: http.MethodPatch, path: one, tag: "Tokens", ids: token.TokenID,
		summary: "Change a token's scopes", who: "Its owner, where the policy offers it. It counts from the next request on.",
		codes: []api.Code{
			api.CodeNotOwner, api.CodeActionNotOffered, api.CodeTokenRevoked, api.CodeScopeRequired, api.CodeScopeUnknown,
			api.CodeScopeNotAllowed, api.CodeScopesNotAccepted, api.CodeOutlivesCredential,
		},
	}, func(ctx context.Context, by token.Identity, in *tokenChangeInput) (api.Token, error) {
		return s.one(ctx, by, in.WS)(s.authority.SetTokenScopes(ctx, by, in.WS, in.ID, in.Body.Scopes))
	})
	act(s, op{
		id: "delete-token", method: http.MethodDelete, path: one, tag: "Tokens", ids: token.TokenID,
		summary: "Delete a token", who: "Its owner, where the policy offers it, and administrators. A live token stops at once.",
		codes: []api.Code{api.CodeNotOwner, api.CodeActionNotOffered, api.CodeDeleteNeedsRevoke},
	}, func(ctx context.Context, by token.Identity, in *InToken) error {
		return s.authority.DeleteToken(ctx, by, in.WS, in.ID)
	})
	answer(s, op{
		id: "regenerate-token", method: http.MethodPost, path: one + "/regenerate", tag: "Tokens", ids: token.TokenID,
		summary: "Regenerate a token", who: "Its owner, where the policy offers it. The old secret fails at once; the new one is in this answer and never again. Without an expiry it lasts as long again as it was made for.",
		codes: []api.Code{
			api.CodeNotOwner, api.CodeActionNotOffered, api.CodeTokenRevoked, api.CodeRecentSignInRequired, api.CodeTokenLimitReached, api.CodeOutlivesCredential,
			api.CodeScopeRequired, api.CodeScopeNotAllowed, api.CodeExpiryNotAccepted, api.CodeExpiryAmbiguous, api.CodeLifetimeOutOfRange, api.CodeNeverNotAllowed,
		},
	}, s.regenerateToken)
	answer(s, op{
		id: "revoke-token", method: http.MethodPost, path: one + "/revoke", tag: "Tokens", ids: token.TokenID,
		summary: "Revoke a token", who: "Its owner, where the policy offers it, and administrators. It stops for good; its row stays. Revoking again changes nothing.",
		codes: []api.Code{api.CodeNotOwner, api.CodeActionNotOffered},
	}, func(ctx context.Context, by token.Identity, in *revokeInput) (api.Token, error) {
		reason := said(said(in.Body).Reason)
		return s.one(ctx, by, in.WS)(s.authority.RevokeToken(ctx, by, in.WS, in.ID, reason))
	})
	answer(s, op{
		id: "batch-tokens", method: http.MethodPost, path: tokens + "/batch", tag: "Tokens",
		summary: "Revoke or delete several tokens", who: "As for each of them; each succeeds or is refused by itself.",
		codes: []api.Code{api.CodeRoleNotAllowed},
	}, s.batchTokens)
}

// wireTokens turns tokens that the caller was just given into wire types.
func (s *Service) wireTokens(ctx context.Context, by token.Identity, ws string, tokens []token.Token) ([]api.Token, error) {
	carried, err := s.authority.Carried(ctx, by, ws, tokens)
	if err != nil {
		return nil, err
	}
	out := make([]api.Token, len(tokens))
	for i, t := range tokens {
		out[i] = s.wireToken(t, carried[t.ID])
	}
	return out, nil
}

// one takes what a verb returned and makes it an answer.
func (s *Service) one(ctx context.Context, by token.Identity, ws string) func(token.Token, error) (api.Token, error) {
	return func(t token.Token, err error) (api.Token, error) {
		if err != nil {
			return api.Token{}, err
		}
		out, err := s.wireTokens(ctx, by, ws, []token.Token{t})
		if err != nil {
			return api.Token{}, err
		}
		return out[0], nil
	}
}

func (s *Service) listTokens(ctx context.Context, by token.Identity, in *tokenList) (api.List[api.Token], error) {
	var none api.List[api.Token]
	page, err := in.page(listTokens)
	if err != nil {
		return none, err
	}
	if in.OwnerID != "" && in.Owner != "all" {
		return none, fault.New(fault.Invalid, api.CodeInvalid, "Ask for owner=all as well.").On("owner_id")
	}
	q := authority.TokenQuery{Everyone: in.Owner == "all", Page: page}
	q.Filter.Status, q.Filter.Scope, q.Filter.Search, q.Filter.NeverExpires = token.Status(in.Status), in.Scope, in.Q, in.NeverExpires
	if in.Owner == "me" {
		q.Filter.OwnerID = by.User.ID
	}
	if in.OwnerID != "" {
		q.Filter.OwnerID = maskID(token.UserID, in.OwnerID)
	}
	q.Filter.UnusedSince, q.Filter.ExpiresBefore = s.since(in.UnusedDays), s.until(in.ExpiringDays)
	rows, err := s.authority.Tokens(ctx, by, in.WS, q)
	if err != nil {
		return none, err
	}
	wires, err := s.wireTokens(ctx, by, in.WS, rows)
	return pageOf(in.Page, listTokens, wires, func(t api.Token) string { return t.ID }, func(t api.Token) api.Token { return t }), err
}

func (s *Service) createToken(ctx context.Context, by token.Identity, in *newTokenInput) (api.TokenSecret, error) {
	// Read first: once there is a secret, nothing may keep it from its owner.
	v, err := s.authority.Enter(ctx, by, in.WS)
	if err != nil {
		return api.TokenSecret{}, err
	}
	body := said(in.Body)
	t, secret, err := s.authority.CreateToken(ctx, by, in.WS, authority.NewToken{Request: token.Request{
		Name: body.Name, Description: body.Description, Scopes: body.Scopes, Expiry: choice(body.Expiry),
	}})
	return s.withSecret(v, t, secret), err
}

func (s *Service) regenerateToken(ctx context.Context, by token.Identity, in *regenerateInput) (api.TokenSecret, error) {
	v, err := s.authority.Enter(ctx, by, in.WS)
	if err != nil {
		return api.TokenSecret{}, err
	}
	t, secret, err := s.authority.RegenerateToken(ctx, by, in.WS, in.ID, choice(said(in.Body)))
	return s.withSecret(v, t, secret), err
}

// withSecret is a token of the caller's own with the secret that it was just given.
func (s *Service) withSecret(v authority.View, t token.Token, secret token.Secret) api.TokenSecret {
	carried := t.Scopes
	if t.AllScopes {
		carried = v.Catalogue.Held(v.Role)
	}
	return api.TokenSecret{Token: s.wireToken(t, carried), Secret: secret.Reveal()}
}

func (s *Service) batchTokens(ctx context.Context, by token.Identity, in *batchInput) (api.BatchResults, error) {
	return results(s.authority.BatchTokens(ctx, by, in.WS, authority.Batch{
		Action: token.Action(in.Body.Action), IDs: in.Body.IDs, Reason: said(in.Body.Reason),
	}))
}
