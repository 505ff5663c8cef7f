// Package api is the wire of Keywright's REST API: the types of its requests and answers, and the stable
// codes of its refusals.
//
// It is public, for clients in Go, and imports only the standard library. In answers every field is
// always present, null where nothing is known; times are RFC 3339 in UTC. In requests a field that is
// left out (or null) is "not said", which differs from empty. Fields and codes may be added; what is here
// never changes its meaning. The policy of a workspace is described by the OpenAPI document alone.
package api

import "time"

// List is a page of a list, newest first.
type List[T any] struct {
	Items      []T     `json:"items"`
	NextCursor *string `json:"next_cursor" doc:"Send it as cursor to get the next page; null on the last" example:"AXRva18wNmV4cWp2cg"`
}

// Items is a list that always comes whole.
type Items[T any] struct {
	Items []T `json:"items"`
}

// Person is a user as others see them.
type Person struct {
	ID    string `json:"id" example:"usr_06exqjvr4w8h3k5t7y9a1c3e5g"`
	Name  string `json:"name" example:"Ana Lima"`
	Email string `json:"email" example:"ana@example.com"`
}

// Token is a personal access token. Its secret is never in it.
type Token struct {
	ID          string     `json:"id" example:"tok_06exqk2f8m1p3r5t7w9y0b2d4g"`
	Name        *string    `json:"name" doc:"null where the workspace's tokens have no name" example:"Power BI"`
	Description *string    `json:"description" doc:"null where the workspace's tokens have no description" example:"Sales dashboard"`
	Kind        string     `json:"kind" enum:"pat,legacy" doc:"pat: personal access token; legacy: one that was imported from an older system"`
	Scopes      []string   `json:"scopes" doc:"What the token carries; where scopes are not chosen, what its owner's role may hold now" example:"odata:read"`
	Status      string     `json:"status" enum:"active,expired,revoked"`
	CreatedAt   time.Time  `json:"created_at" doc:"When it was made or last regenerated"`
	CreatedBy   Person     `json:"created_by" doc:"Its owner: whom it acts for"`
	ExpiresAt   *time.Time `json:"expires_at" doc:"null: never"`
	LastUsedAt  *time.Time `json:"last_used_at" doc:"null: never"`
	LastUsedIP  *string    `json:"last_used_ip" example:"203.0.113.7"`
	RevokedAt   *time.Time `json:"revoked_at" doc:"null: not revoked"`
	Hint        string     `json:"hint" doc:"The last four characters of the secret" example:"3xK9"`
}

// TokenSecret is a token with its secret, the one time that it is shown.
type TokenSecret struct {
	Token  Token  `json:"token"`
	Secret string `json:"secret" doc:"Shown this once" example:"kw_pat_0000000000000000000000000000001iPMr3"`
}

// Expiry is how long a token is to last: at most one of the three.
type Expiry struct {
	ExpiresAt    *time.Time `json:"expires_at,omitempty" nullable:"true" doc:"Until this moment"`
	LifetimeDays *int       `json:"lifetime_days,omitempty" nullable:"true" doc:"For so many days from now" example:"90"`
	Never        *bool      `json:"never,omitempty" nullable:"true" doc:"true: it never expires" example:"false"`
}

// NewToken asks for a token. Which fields are needed, and which are refused, is the policy's say.
type NewToken struct {
	Name        *string   `json:"name,omitempty" nullable:"true" example:"Power BI"`
	Description *string   `json:"description,omitempty" nullable:"true" example:"Sales dashboard"`
	Scopes      *[]string `json:"scopes,omitempty" nullable:"true" example:"odata:read"`
	Expiry
}

// TokenChange changes what a token carries.
type TokenChange struct {
	Scopes []string `json:"scopes" nullable:"false" example:"odata:read"`
}

// Reason says why something is stopped.
type Reason struct {
	Reason *string `json:"reason,omitempty" nullable:"true" doc:"For the audit log" example:"Laptop lost"`
}

// TokenBatch is one act on several tokens.
type TokenBatch struct {
	Action string   `json:"action" enum:"revoke,delete" example:"revoke"`
	IDs    []string `json:"ids" nullable:"false" doc:"1 to 200 tokens" example:"tok_06exqk2f8m1p3r5t7w9y0b2d4g"`
	Reason *string  `json:"reason,omitempty" nullable:"true" doc:"For the audit log" example:"Laptop lost"`
}

// BatchResult is what became of one credential of a batch.
type BatchResult struct {
	ID   string `json:"id" doc:"As it was sent" example:"tok_06exqk2f8m1p3r5t7w9y0b2d4g"`
	OK   bool   `json:"ok" example:"true"`
	Code *Code  `json:"code" doc:"Why not; null where it was done" example:"not_owner"`
}

// BatchResults has a result for each credential, in the order they were sent.
type BatchResults struct {
	Results []BatchResult `json:"results"`
}

// Credentials is what a person signs in with.
type Credentials struct {
	Email    string `json:"email" example:"ana@example.com"`
	Password string `json:"password" example:"correct horse battery staple"`
}

// PasswordChange replaces one's own password.
type PasswordChange struct {
	Current string `json:"current" example:"correct horse battery staple"`
	New     string `json:"new" doc:"At least 8 characters" example:"four other plain words"`
}

// Me is who is asking.
type Me struct {
	Person
	InstallationAdministrator bool        `json:"installation_administrator" doc:"Whether they make and delete workspaces; false when asked with a token"`
	Via                       string      `json:"via" enum:"session,token" doc:"How this request was identified"`
	SignedInAt                *time.Time  `json:"signed_in_at" doc:"When the password was last given in this session; null with a token"`
	Workspaces                []Workspace `json:"workspaces" doc:"Where they are a member; with a token, its workspace"`
}

// Workspace is a tenant.
type Workspace struct {
	ID        string    `json:"id" example:"ws_06exqjw9x2z4b6d8f0h2k4m6p8"`
	Slug      string    `json:"slug" doc:"As it stands in addresses" example:"sales"`
	Name      string    `json:"name" example:"Sales"`
	Role      *string   `json:"role" enum:"administrator,developer,member" doc:"The caller's; null for an installation administrator who is no member"`
	CreatedAt time.Time `json:"created_at"`
}

// NewWorkspace asks for a workspace.
type NewWorkspace struct {
	Slug   string  `json:"slug" doc:"1 to 40 lower-case letters, digits and hyphens" example:"sales"`
	Name   *string `json:"name,omitempty" nullable:"true" doc:"The slug when left out" example:"Sales"`
	Preset *string `json:"preset,omitempty" nullable:"true" doc:"The policy to start from; standard when left out" example:"standard"`
}

// WorkspaceChange renames a workspace.
type WorkspaceChange struct {
	Name string `json:"name" example:"Sales and service"`
}

// Member is a person in a workspace.
type Member struct {
	Person
	Role      string    `json:"role" enum:"administrator,developer,member"`
	Invited   bool      `json:"invited" doc:"true until they have chosen a password"`
	CreatedAt time.Time `json:"created_at" doc:"When they became a member"`
}

// NewMember invites a person.
type NewMember struct {
	Email string  `json:"email" example:"bo@example.com"`
	Name  *string `json:"name,omitempty" nullable:"true" doc:"For somebody new; the address when left out" example:"Bo Berg"`
	Role  string  `json:"role" doc:"administrator, developer or member" example:"developer"`
}

// Invited is a new member, with the one-time link by which somebody new chooses a password.
type Invited struct {
	Member   Member  `json:"member"`
	SetupURL *string `json:"setup_url" doc:"Good once, for 7 days; null for somebody who has an account" example:"https://keys.example.com/welcome/…"`
}

// SetupLink is a new one-time link for somebody who has not chosen a password yet.
type SetupLink struct {
	SetupURL string `json:"setup_url" doc:"Good once, for 7 days" example:"https://keys.example.com/welcome/…"`
}

// MemberChange gives a member another role.
type MemberChange struct {
	Role string `json:"role" doc:"administrator, developer or member" example:"member"`
}

// InstallationAdministrator says whether a person makes and deletes workspaces.
type InstallationAdministrator struct {
	Email         string `json:"email" example:"bo@example.com"`
	Administrator bool   `json:"administrator" example:"true"`
}
