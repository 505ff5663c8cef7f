package api

// Code is a stable, machine-readable reason for a refusal. Clients may switch on it;
// the sentence beside it (Problem.Detail) is for people and may change.
type Code string

// Codes of the whole installation. A code never changes its meaning; new ones may be added.
const (
	CodeInternal             Code = "internal"
	CodeUnavailable          Code = "unavailable"
	CodeBadRequest           Code = "bad_request"
	CodeInvalid              Code = "invalid"
	CodeTooLarge             Code = "too_large"
	CodeMethodNotAllowed     Code = "method_not_allowed"
	CodeUnsupportedMediaType Code = "unsupported_media_type"
	CodeCrossOrigin          Code = "cross_origin"
	CodeHTTPSRequired        Code = "https_required"
	CodeBadCursor            Code = "bad_cursor"
	CodeNotFound             Code = "not_found"
	CodeThrottled            Code = "throttled"

	// Who asks, and whether they may.
	CodeSignInRequired       Code = "sign_in_required"
	CodeRecentSignInRequired Code = "recent_sign_in_required"
	CodeWrongCredentials     Code = "wrong_credentials"
	CodeSessionRequired      Code = "session_required"
	CodeInvalidToken         Code = "invalid_token"
	CodeRoleNotAllowed       Code = "role_not_allowed"
	CodeNotOwner             Code = "not_owner"
	CodeNotInstallationAdmin Code = "not_installation_administrator"
	CodeScopeMissing         Code = "scope_missing"
	CodeLinkInvalid          Code = "link_invalid"

	// What the workspace's policy offers.
	CodeKindNotOffered   Code = "kind_not_offered"
	CodeActionNotOffered Code = "action_not_offered"

	// Tokens.
	CodeTokenLimitReached  Code = "token_limit_reached"
	CodeTokenRevoked       Code = "token_revoked"
	CodeDeleteNeedsRevoke  Code = "delete_needs_revoke"
	CodeNameTaken          Code = "name_taken"
	CodeNameRequired       Code = "name_required"
	CodeNameNotTaken       Code = "name_not_accepted"
	CodeScopeRequired      Code = "scope_required"
	CodeScopeUnknown       Code = "scope_unknown"
	CodeScopeNotAllowed    Code = "scope_not_allowed"
	CodeScopesNotAccepted  Code = "scopes_not_accepted"
	CodeExpiryNotAccepted  Code = "expiry_not_accepted"
	CodeExpiryRequired     Code = "expiry_required"
	CodeExpiryAmbiguous    Code = "expiry_ambiguous"
	CodeLifetimeOutOfRange Code = "lifetime_out_of_range"
	CodeNeverNotAllowed    Code = "never_not_allowed"
	CodeOutlivesCredential Code = "outlives_credential"
	CodeAlreadyCreated     Code = "already_created"

	// Apps and OAuth tokens.
	CodeLastSecret  Code = "last_secret"
	CodeKeysInvalid Code = "keys_invalid"

	// The token endpoint and its friends: the error codes of RFC 6749 section 5.2 and its extensions.
	CodeInvalidRequest       Code = "invalid_request"
	CodeInvalidClient        Code = "invalid_client"
	CodeInvalidGrant         Code = "invalid_grant"
	CodeUnauthorizedClient   Code = "unauthorized_client"
	CodeUnsupportedGrantType Code = "unsupported_grant_type"
	CodeUnsupportedTokenType Code = "unsupported_token_type"
	CodeInvalidScope         Code = "invalid_scope"
	CodeInvalidTarget        Code = "invalid_target"

	// Administration.
	CodeLastAdministrator Code = "last_administrator"
	CodeAlreadyMember     Code = "already_member"
	CodeSlugTaken         Code = "slug_taken"
	CodePolicyInvalid     Code = "policy_invalid"
	CodeScopesInvalid     Code = "scopes_invalid"
	CodePasswordTooWeak   Code = "password_too_weak"
)
