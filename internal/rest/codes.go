package rest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/keywright/keywright/api"
)

// codeDoc is what the documentation says of a code.
type codeDoc struct {
	Code    api.Code
	Status  int
	Meaning string
}

// codeDocs lists every code that this API answers with.
func codeDocs() []codeDoc {
	return []codeDoc{
		{api.CodeBadRequest, 400, "The request could not be read: its JSON, its encoding, or a query parameter that is unknown or repeated."},
		{api.CodeBadCursor, 400, "The cursor is not one that this list gave out. Start again without it."},
		{api.CodeSignInRequired, 401, "Nobody is signed in, and no token was sent."},
		{api.CodeInvalidToken, 401, "The token that was sent is unknown, expired or revoked."},
		{api.CodeWrongCredentials, 401, "The e-mail address or the password is wrong. When changing a password, 422: the current one is."},
		{api.CodeRoleNotAllowed, 403, "The caller's role in this workspace does not allow this."},
		{api.CodeNotOwner, 403, "Only the owner of a token can do this."},
		{api.CodeNotInstallationAdmin, 403, "Only an installation administrator can do this."},
		{api.CodeScopeMissing, 403, "The token that was sent lacks the scope keywright:manage or keywright:admin."},
		{api.CodeSessionRequired, 403, "A token can't do this: sign in with a password."},
		{api.CodeRecentSignInRequired, 403, "Making a secret needs a sign-in of the last 15 minutes. POST /api/v1/session again."},
		{api.CodeKindNotOffered, 403, "The workspace's policy does not offer this kind of credential."},
		{api.CodeActionNotOffered, 403, "The workspace's policy does not offer this action."},
		{api.CodeOutlivesCredential, 403, "A token can't make one that lasts longer than itself."},
		{api.CodeCrossOrigin, 403, "A browser sent this from another site."},
		{api.CodeHTTPSRequired, 403, "A session can't begin over plain HTTP here."},
		{api.CodeNotFound, 404, "There is nothing here that the caller can see. An id that is foreign, unknown or malformed answers the same."},
		{api.CodeMethodNotAllowed, 405, "The address does not take this method; Allow says which."},
		{api.CodeTokenLimitReached, 409, "The caller holds as many of this kind as the policy allows."},
		{api.CodeTokenRevoked, 409, "The token is revoked for good."},
		{api.CodeDeleteNeedsRevoke, 409, "The policy wants a token revoked or expired, an app or OAuth token disabled or expired, before it is deleted."},
		{api.CodeLastSecret, 409, "The newest client secret of an app can't be ended: rotate it, or disable the app."},
		{api.CodeNameTaken, 409, "The caller already has a token with this name."},
		{api.CodeLastAdministrator, 409, "The last administrator stays."},
		{api.CodeAlreadyMember, 409, "The person is a member, or has an account, already."},
		{api.CodeSlugTaken, 409, "There is a workspace with this address already."},
		{api.CodeTooLarge, 413, "The body is longer than 64 KiB."},
		{api.CodeUnsupportedMediaType, 415, "The body is not application/json."},
		{api.CodeInvalid, 422, "A field or a parameter is missing, unknown, of a wrong type or out of range; errors says which."},
		{api.CodeNameRequired, 422, "The policy wants a name or a description."},
		{api.CodeNameNotTaken, 422, "The policy takes no name or no description."},
		{api.CodeScopeRequired, 422, "The policy wants at least one scope."},
		{api.CodeScopeUnknown, 422, "The workspace has no such scope."},
		{api.CodeScopeNotAllowed, 422, "The caller's role can't hold this scope. 403: the token that was sent lacks it."},
		{api.CodeScopesNotAccepted, 422, "The policy sets the scopes; leave them out."},
		{api.CodeExpiryNotAccepted, 422, "The policy sets how long a token lasts, or takes no date; leave it out."},
		{api.CodeExpiryRequired, 422, "The policy wants to be told how long the token lasts."},
		{api.CodeExpiryAmbiguous, 422, "Give one of expires_at, lifetime_days and never."},
		{api.CodeLifetimeOutOfRange, 422, "The token would last shorter or longer than the policy allows."},
		{api.CodeNeverNotAllowed, 422, "The policy wants every token to expire."},
		{api.CodeKeysInvalid, 422, "The keys are no set of public keys that an app can authenticate with."},
		{api.CodePolicyInvalid, 422, "The policy contradicts itself or the list of scopes; errors has every problem."},
		{api.CodeScopesInvalid, 422, "The list of scopes can't be kept; errors has every problem."},
		{api.CodePasswordTooWeak, 422, "The new password is too short, too long or the e-mail address."},
		{api.CodeThrottled, 429, "Too many attempts. Retry-After says when to try again."},
		{api.CodeInternal, 500, "Something went wrong on the server. The request id finds it in the log."},
		{api.CodeUnavailable, 503, "The server can't answer now. Retry-After says when to try again."},
	}
}

// undocumented lists the codes that other surfaces have and this API never answers with.
func undocumented() []api.Code {
	return []api.Code{
		api.CodeLinkInvalid, api.CodeAlreadyCreated,
		api.CodeInvalidRequest, api.CodeInvalidClient, api.CodeInvalidGrant, api.CodeUnauthorizedClient,
		api.CodeUnsupportedGrantType, api.CodeUnsupportedTokenType, api.CodeInvalidScope, api.CodeInvalidTarget,
	}
}

func docOf(code api.Code) codeDoc {
	docs := codeDocs()
	i := slices.IndexFunc(docs, func(d codeDoc) bool { return d.Code == code })
	if i < 0 {
		return codeDoc{Code: code, Status: http.StatusInternalServerError}
	}
	return docs[i]
}

// allCodes returns what an operation can answer with besides success: its own codes and those of all.
func (o op) allCodes() []api.Code {
	out := slices.Clone(o.codes)
	if !o.public {
		out = append(out, api.CodeSignInRequired, api.CodeInvalidToken, api.CodeScopeMissing)
	}
	if o.method != http.MethodGet {
		out = append(out, api.CodeCrossOrigin, api.CodeTooLarge, api.CodeUnsupportedMediaType)
	}
	if strings.Contains(o.path, "{") {
		out = append(out, api.CodeNotFound)
	}
	return append(out, api.CodeBadRequest, api.CodeInvalid, api.CodeThrottled, api.CodeInternal, api.CodeUnavailable)
}

// refusals describes an operation's refusals, one entry for each status.
func (o op) refusals() map[string]*huma.Response {
	byStatus := map[int][]codeDoc{}
	for _, code := range o.allCodes() {
		d := docOf(code)
		if !slices.Contains(byStatus[d.Status], d) {
			byStatus[d.Status] = append(byStatus[d.Status], d)
		}
	}
	out := map[string]*huma.Response{}
	for status, docs := range byStatus {
		var lines []string
		for _, d := range docs {
			lines = append(lines, "`"+string(d.Code)+"`: "+d.Meaning)
		}
		out[strconv.Itoa(status)] = &huma.Response{
			Description: strings.Join(lines, "\n\n"),
			Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: &huma.Schema{Ref: "#/components/schemas/Problem"}}},
		}
	}
	return out
}
