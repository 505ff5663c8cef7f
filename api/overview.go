package api

import "time"

// AuditEvent is one thing that happened.
type AuditEvent struct {
	ID        string         `json:"id" example:"evt_06exqm7h1k3n5q7s9v1x3z5b7d"`
	At        time.Time      `json:"at"`
	Action    string         `json:"action" doc:"What happened, as object.verb" example:"token.revoked"`
	Actor     AuditActor     `json:"actor" doc:"Who did it"`
	Via       string         `json:"via" doc:"session, command line, server (by schedule), or the id of the token that was used" example:"session"`
	Target    AuditTarget    `json:"target" doc:"What it was done to"`
	OwnerID   *string        `json:"owner_id" doc:"Whose thing it was" example:"usr_06exqjvr4w8h3k5t7y9a1c3e5g"`
	Address   *string        `json:"address" example:"203.0.113.7"`
	UserAgent *string        `json:"user_agent" example:"curl/8.9.1"`
	RequestID *string        `json:"request_id" example:"req_06exqjvr4w8h3k5t7y9a1c3e5g"`
	Before    map[string]any `json:"before" doc:"The values that changed, as they were"`
	After     map[string]any `json:"after" doc:"The values that changed, as they became"`
	Reason    *string        `json:"reason" doc:"As it was given" example:"Laptop lost"`
	Count     *int           `json:"count" doc:"How many things it was about, where it was several" example:"3"`
}

// AuditActor is who did something, by the name of that time.
type AuditActor struct {
	ID   *string `json:"id" doc:"null for the command line and failed sign-ins" example:"usr_06exqjvr4w8h3k5t7y9a1c3e5g"`
	Name *string `json:"name" example:"Ana Lima"`
}

// AuditTarget is what something was done to, by the name of that time.
type AuditTarget struct {
	Kind *string `json:"kind" example:"token"`
	ID   *string `json:"id" example:"tok_06exqk2f8m1p3r5t7w9y0b2d4g"`
	Name *string `json:"name" example:"Power BI"`
}

// Usage is how much tokens, OAuth tokens and apps were used, in days of UTC.
type Usage struct {
	From   string       `json:"from" format:"date" doc:"The first day" example:"2027-02-01"`
	To     string       `json:"to" format:"date" doc:"The last day: today" example:"2027-03-02"`
	Days   []DayUsage   `json:"days" doc:"Every day of the span, oldest first"`
	Tokens []TokenUsage `json:"tokens" doc:"Per day and credential, newest first, at most 1,000 rows"`
}

// DayUsage is the use of one day.
type DayUsage struct {
	Day       string `json:"day" format:"date" example:"2027-03-01"`
	Requests  int64  `json:"requests" doc:"Checks that found it good" example:"412"`
	Refusals  int64  `json:"refusals" doc:"Checks that refused it" example:"3"`
	Addresses int64  `json:"addresses" doc:"Distinct addresses" example:"2"`
}

// TokenUsage is the use of one token, OAuth token or app in one day. An OAuth token's and an app's is that of
// the access tokens that came from it, and of an app's client secrets.
type TokenUsage struct {
	DayUsage
	Kind      string  `json:"kind" enum:"token,oauth_token,app" doc:"What token_id names, in the words of the audit log"`
	TokenID   string  `json:"token_id" example:"tok_06exqk2f8m1p3r5t7w9y0b2d4g"`
	TokenName *string `json:"token_name" doc:"null when it has none, or is deleted" example:"Power BI"`
}

// PolicyBreach is a live token that breaks a policy.
type PolicyBreach struct {
	Token     Token      `json:"token"`
	ExpiresAt *time.Time `json:"expires_at" doc:"What its expiry would be cut to; null where it may stay"`
	Why       []string   `json:"why" doc:"What else breaks the rules, in sentences" example:"It has no name, and one is required."`
}

// PolicyImpact is what a policy means for the personal access tokens and the OAuth tokens that exist.
type PolicyImpact struct {
	Live        int            `json:"live" doc:"Live tokens in all" example:"40"`
	Cuts        int            `json:"cuts" doc:"How many would get an earlier expiry" example:"4"`
	Breaking    int            `json:"breaking" doc:"How many break it in another way" example:"1"`
	Breaches    []PolicyBreach `json:"breaches" doc:"The first 200 of either kind, newest first"`
	OAuthTokens OAuthImpact    `json:"oauth_tokens" doc:"The same of OAuth tokens"`
}

// OAuthImpact is what a policy means for the OAuth tokens that exist.
type OAuthImpact struct {
	Live     int           `json:"live" doc:"Live OAuth tokens in all" example:"12"`
	Cuts     int           `json:"cuts" doc:"How many would get an earlier expiry" example:"2"`
	Breaking int           `json:"breaking" doc:"How many break it in another way" example:"1"`
	Breaches []OAuthBreach `json:"breaches" doc:"The first 200 of either kind, newest first"`
}

// OAuthBreach is a live OAuth token that breaks a policy.
type OAuthBreach struct {
	OAuthToken OAuthToken `json:"oauth_token"`
	ExpiresAt  *time.Time `json:"expires_at" doc:"What its expiry would be cut to; null where it may stay"`
	Why        []string   `json:"why" doc:"What else breaks the rules, in sentences" example:"OAuth tokens are no longer offered."`
}

// PolicyPreview is what a policy would mean, before it is saved.
type PolicyPreview struct {
	Sentences []string     `json:"sentences" doc:"The rules in plain words" example:"Members can hold one token each."`
	Impact    PolicyImpact `json:"impact"`
}

// PolicyApply names the tokens and OAuth tokens to stop for breaking the policy in force.
type PolicyApply struct {
	Revoke []string `json:"revoke,omitempty" nullable:"true" doc:"Tokens to revoke and OAuth tokens to disable, if they break the policy" example:"tok_06exqk2f8m1p3r5t7w9y0b2d4g"`
}

// PolicyApplied is what applying a policy did.
type PolicyApplied struct {
	Cut      int `json:"cut" doc:"Tokens that got an earlier expiry" example:"4"`
	Revoked  int `json:"revoked" example:"1"`
	OAuthCut int `json:"oauth_tokens_cut" doc:"OAuth tokens that got an earlier expiry" example:"2"`
	Disabled int `json:"oauth_tokens_disabled" example:"1"`
}
