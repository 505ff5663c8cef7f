package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
)

// InOAuthToken is the path of an OAuth token.
type InOAuthToken struct {
	InWorkspace
	ID string `path:"id" doc:"The OAuth token's id" example:"oat_06exqk2f8m1p3r5t7w9y0b2d4g"`
}

type oauthTokenList struct {
	InWorkspace
	Page
	Owner        string `query:"owner" enum:"me,all" doc:"me: one's own; all: everyone's, for administrators, and audited. Left out: as the policy's list says"`
	OwnerID      string `query:"owner_id" doc:"With owner=all: one person's"`
	Status       string `query:"status" enum:"active,expired,disabled"`
	UnusedDays   int    `query:"unused_days" minimum:"1" maximum:"3660" doc:"Neither refreshed nor used nor made for so many days"`
	ExpiringDays int    `query:"expiring_days" minimum:"1" maximum:"3660" doc:"Active, and expiring within so many days"`
	Q            string `query:"q" maxLength:"100" doc:"Part of the name, in any case"`
}

type newOAuthTokenInput struct {
	InWorkspace
	Body api.NewOAuthToken
}

type oauthBatchInput struct {
	InWorkspace
	Body api.OAuthBatch
}

func (s *Service) addOAuthTokens() {
	const tokens, one = "/workspaces/{ws}/oauth-tokens", "/workspaces/{ws}/oauth-tokens/{id}"
	answer(s, op{
		id: "list-oauth-tokens", method: http.MethodGet, path: tokens, tag: "OAuth tokens",
		summary: "List OAuth tokens", who: "Whoever may have them here sees their own, or the workspace's where the policy lists it; with owner=all an administrator sees everyone's under every policy.",
		codes: []api.Code{api.CodeRoleNotAllowed, api.CodeKindNotOffered, api.CodeBadCursor},
	}, s.listOAuthTokens)
	answer(s, op{
		id: "create-oauth-token", method: http.MethodPost, path: tokens, tag: "OAuth tokens", status: http.StatusCreated,
		summary: "Create an OAuth token", who: "Roles that the policy lets create, for themselves. The access token and the refresh token are in this answer and never again.",
		codes: []api.Code{
			api.CodeKindNotOffered, api.CodeRoleNotAllowed, api.CodeRecentSignInRequired, api.CodeOutlivesCredential, api.CodeTokenLimitReached,
			api.CodeNameRequired, api.CodeExpiryRequired, api.CodeExpiryNotAccepted, api.CodeLifetimeOutOfRange, api.CodeScopeNotAllowed,
		},
	}, s.createOAuthToken)
	answer(s, op{
		id: "get-oauth-token", method: http.MethodGet, path: one, tag: "OAuth tokens", ids: token.OAuthTokenID,
		summary: "Get an OAuth token", who: "Its owner, administrators, and whom the policy lists the workspace's to.",
		codes: []api.Code{api.CodeRoleNotAllowed, api.CodeKindNotOffered, api.CodeNotOwner},
	}, func(ctx context.Context, by token.Identity, in *InOAuthToken) (api.OAuthToken, error) {
		return s.oauthToken(ctx, by, in.WS)(s.authority.OAuthToken(ctx, by, in.WS, in.ID))
	})
	answer(s, op{
		id: "disable-oauth-token", method: http.MethodPost, path: one + "/disable", tag: "OAuth tokens", ids: token.OAuthTokenID,
		summary: "Disable an OAuth token", who: "Its owner, where the policy offers it, and administrators. For good: its refresh token stops at once; its access tokens too, unless the policy lets them run out. Disabling again changes nothing.",
		codes: []api.Code{api.CodeRoleNotAllowed, api.CodeKindNotOffered, api.CodeNotOwner, api.CodeActionNotOffered},
	}, func(ctx context.Context, by token.Identity, in *InOAuthToken) (api.OAuthToken, error) {
		return s.oauthToken(ctx, by, in.WS)(s.authority.DisableOAuthToken(ctx, by, in.WS, in.ID))
	})
	act(s, op{
		id: "delete-oauth-token", method: http.MethodDelete, path: one, tag: "OAuth tokens", ids: token.OAuthTokenID,
		summary: "Delete an OAuth token", who: "Its owner, where the policy offers it, and administrators. What stops is as for disabling.",
		codes: []api.Code{api.CodeRoleNotAllowed, api.CodeKindNotOffered, api.CodeNotOwner, api.CodeActionNotOffered, api.CodeDeleteNeedsRevoke},
	}, func(ctx context.Context, by token.Identity, in *InOAuthToken) error {
		return s.authority.DeleteOAuthToken(ctx, by, in.WS, in.ID)
	})
	answer(s, op{
		id: "batch-oauth-tokens", method: http.MethodPost, path: tokens + "/batch", tag: "OAuth tokens",
		summary: "Disable or delete several OAuth tokens", who: "As for each of them; each succeeds or is refused by itself.",
		codes: []api.Code{api.CodeRoleNotAllowed},
	}, func(ctx context.Context, by token.Identity, in *oauthBatchInput) (api.BatchResults, error) {
		return results(s.authority.BatchOAuthTokens(ctx, by, in.WS, authority.Batch{
			Action: token.Action(in.Body.Action), IDs: in.Body.IDs, Reason: said(in.Body.Reason),
		}))
	})
}

func (s *Service) listOAuthTokens(ctx context.Context, by token.Identity, in *oauthTokenList) (api.List[api.OAuthToken], error) {
	var none api.List[api.OAuthToken]
	page, err := in.page(listOAuthTokens)
	if err != nil {
		return none, err
	}
	if in.OwnerID != "" && in.Owner != "all" {
		return none, fault.New(fault.Invalid, api.CodeInvalid, "Ask for owner=all as well.").On("owner_id")
	}
	q := authority.OAuthQuery{Everyone: in.Owner == "all", Page: page}
	q.Filter.Status, q.Filter.Search = token.Status(in.Status), in.Q
	if in.Owner == "me" {
		q.Filter.OwnerID = by.User.ID
	}
	if in.OwnerID != "" {
		q.Filter.OwnerID = maskID(token.UserID, in.OwnerID)
	}
	q.Filter.UnusedSince, q.Filter.ExpiresBefore = s.since(in.UnusedDays), s.until(in.ExpiringDays)
	rows, err := s.authority.OAuthTokens(ctx, by, in.WS, q)
	if err != nil {
		return none, err
	}
	wires, err := s.wireOAuthTokens(ctx, by, in.WS, rows)
	return pageOf(in.Page, listOAuthTokens, wires, func(t api.OAuthToken) string { return t.ID }, func(t api.OAuthToken) api.OAuthToken { return t }), err
}

// since is so many days ago, and until so many from now; the zero time for none.
func (s *Service) since(days int) time.Time { return s.until(-days) }

func (s *Service) until(days int) time.Time {
	if days == 0 {
		return time.Time{}
	}
	return s.authority.Now().AddDate(0, 0, days)
}

func (s *Service) createOAuthToken(ctx context.Context, by token.Identity, in *newOAuthTokenInput) (api.OAuthSecrets, error) {
	// Read first: once there are secrets, nothing may keep them from their owner.
	v, err := s.authority.Enter(ctx, by, in.WS)
	if err != nil {
		return api.OAuthSecrets{}, err
	}
	t, issued, err := s.authority.CreateOAuthToken(ctx, by, in.WS, authority.NewOAuthToken{Name: in.Body.Name, LifetimeDays: in.Body.LifetimeDays})
	return api.OAuthSecrets{
		OAuthToken:  s.wireOAuthToken(t, v.Catalogue.Held(v.Role)),
		AccessToken: issued.AccessToken.Reveal(), RefreshToken: issued.RefreshToken.Reveal(),
		TokenType: "Bearer", ExpiresIn: int(issued.ExpiresIn / time.Second),
	}, err
}

// oauthToken takes what a verb returned and makes it an answer.
func (s *Service) oauthToken(ctx context.Context, by token.Identity, ws string) func(token.OAuthToken, error) (api.OAuthToken, error) {
	return func(t token.OAuthToken, err error) (api.OAuthToken, error) {
		if err != nil {
			return api.OAuthToken{}, err
		}
		out, err := s.wireOAuthTokens(ctx, by, ws, []token.OAuthToken{t})
		if err != nil {
			return api.OAuthToken{}, err
		}
		return out[0], nil
	}
}

// wireOAuthTokens turns OAuth tokens that the caller was just given into wire types.
func (s *Service) wireOAuthTokens(ctx context.Context, by token.Identity, ws string, tokens []token.OAuthToken) ([]api.OAuthToken, error) {
	asked := make([]token.Token, len(tokens)) // what they carry is as for tokens whose scopes nobody chose
	for i, t := range tokens {
		asked[i] = token.Token{ID: t.ID, Owner: t.Owner, AllScopes: true}
	}
	carried, err := s.authority.Carried(ctx, by, ws, asked)
	if err != nil {
		return nil, err
	}
	out := make([]api.OAuthToken, len(tokens))
	for i, t := range tokens {
		out[i] = s.wireOAuthToken(t, carried[t.ID])
	}
	return out, nil
}

func (s *Service) wireOAuthToken(t token.OAuthToken, carried token.Scopes) api.OAuthToken {
	return api.OAuthToken{
		ID: t.ID, Name: t.Name, Scopes: list(carried), Status: string(t.StatusAt(s.authority.Now())), CreatedAt: t.CreatedAt.UTC(), CreatedBy: person(t.Owner),
		ExpiresAt: t.ExpiresAt.UTC(), LastRefreshedAt: knownTime(t.LastRefreshedAt), LastUsedAt: knownTime(t.LastUsedAt), LastUsedIP: knownAddress(t.LastUsedIP),
		DisabledAt: knownTime(t.DisabledAt), ReusedAt: knownTime(t.ReusedAt),
	}
}

// results says what became of each of several credentials.
func results(done []authority.Result, err error) (api.BatchResults, error) {
	out := api.BatchResults{Results: []api.BatchResult{}}
	for _, r := range done {
		out.Results = append(out.Results, api.BatchResult{ID: r.ID, OK: r.Err == nil, Code: known(fault.CodeOf(r.Err))})
	}
	return out, err
}
