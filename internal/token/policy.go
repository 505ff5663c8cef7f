package token

import "slices"

// Action is what can be done to a credential from its row.
type Action string

// The actions. Which of them exist is the policy's say, per kind.
const (
	ActView       Action = "view"
	ActRegenerate Action = "regenerate"
	ActEditScope  Action = "edit_scope"
	ActRevoke     Action = "revoke"
	ActDisable    Action = "disable"
	ActActivate   Action = "activate"
	ActDelete     Action = "delete"
)

// Policy is the rules of a workspace: which kinds of credential exist, what can be done with them, by
// whom, for how long, and what the pages call it all. A preset is a whole policy; an administrator
// starts from one and changes what they like. Check validates it as a whole.
type Policy struct {
	Preset      Preset      `json:"preset" doc:"The preset that this policy was started from"`
	Tokens      TokenRules  `json:"tokens" doc:"Personal access tokens"`
	Apps        AppRules    `json:"apps" doc:"Apps (OAuth clients)"`
	OAuthTokens OAuthRules  `json:"oauth_tokens" doc:"OAuth tokens that people generate"`
	AfterStop   AfterStop   `json:"access_tokens_after_stop" doc:"What becomes of issued access tokens when their app or OAuth token is disabled or deleted" enum:"stop,until_expiry"`
	Refresh     Refresh     `json:"refresh_tokens" doc:"Whether a refresh token is replaced at each use" enum:"rotate,reusable"`
	Signing     SigningRule `json:"signing,omitzero" doc:"How access tokens are signed"`
}

// Access is who may do what with a kind of credential, and what can be done to it.
type Access struct {
	Offered    bool     `json:"offered" doc:"Whether this kind can be made. Its page and calls are gone where it can't"`
	Roles      []Role   `json:"roles" doc:"Roles that see the page and can hold this kind"`
	Creators   []Role   `json:"creators" doc:"Roles that can make new ones; each must be in roles"`
	Overseers  []Role   `json:"overseers" doc:"Roles that see and stop everyone's; administrator is always one"`
	Actions    []Action `json:"actions" doc:"What can be done from a row"`
	PerUser    int      `json:"per_user" doc:"How many one person can hold; 0 is no limit" minimum:"0"`
	CountEnded bool     `json:"count_ended" doc:"Whether expired and revoked ones count towards per_user"`
	List       List     `json:"list" doc:"Whether the page lists one's own or the whole workspace's" enum:"own,workspace"`
	Delete     Delete   `json:"delete" doc:"When one can be deleted" enum:"any_time,after_end"`
	Labels     Labels   `json:"labels" doc:"The menu path and the words on the page"`
}

// TokenRules are the rules of personal access tokens.
type TokenRules struct {
	Access
	Name        Presence   `json:"name" doc:"Whether a token has a name" enum:"none,optional,required,unique"`
	Description Presence   `json:"description" doc:"Whether a token has a description" enum:"none,optional,required"`
	Scope       ScopeRule  `json:"scope" doc:"Where a token's scopes come from"`
	Expiry      ExpiryRule `json:"expiry" doc:"How long a token lasts"`
}

// AppRules are the rules of apps.
type AppRules struct {
	Access
	Secret AppSecret `json:"secret" doc:"Whether the client secret can be seen again" enum:"once,viewable"`
}

// OAuthRules are the rules of OAuth tokens that people generate. Name is required; scopes are the
// owner's role's.
type OAuthRules struct {
	Access
	Expiry ExpiryRule `json:"expiry" doc:"How long the refresh token lasts"`
}

// Presence says whether a field exists.
type Presence string

// The presences of a field. A field that is absent is refused when sent.
const (
	None     Presence = "none"
	Optional Presence = "optional"
	Required Presence = "required"
	Unique   Presence = "unique" // required, and no two of one owner alike
)

// ScopeRule says where scopes come from.
type ScopeRule struct {
	Mode    ScopeMode `json:"mode" doc:"none: a token carries what its owner's role may hold at each check; chosen: by the owner; defaulted: the default set" enum:"none,chosen,defaulted"`
	Need    bool      `json:"required" doc:"Under chosen: whether at least one must be chosen"`
	Default Scopes    `json:"default" doc:"Under defaulted: the set that every token gets"`
}

// ScopeMode is how a token comes by its scopes.
type ScopeMode string

// The scope modes.
const (
	ScopesNone      ScopeMode = "none" // at each check, all that the owner's role may hold
	ScopesChosen    ScopeMode = "chosen"
	ScopesDefaulted ScopeMode = "defaulted"
)

// ExpiryRule says how long a credential lasts: a fixed period, or the owner's choice within bounds.
type ExpiryRule struct {
	Mode     ExpiryMode `json:"mode" doc:"fixed: one period for all; chosen: by the owner" enum:"fixed,chosen"`
	Period   Period     `json:"period" doc:"Under fixed: ISO 8601, such as P1Y, P12M or P90D"`
	MinDays  int        `json:"min_days" doc:"Under chosen: the least" minimum:"0"`
	MaxDays  int        `json:"max_days" doc:"Under chosen: the most" minimum:"0"`
	Presets  []int      `json:"presets" doc:"Under chosen: days that the page proposes"`
	Proposed int        `json:"proposed" doc:"Under chosen: the days that are selected at first"`
	Date     bool       `json:"date" doc:"Under chosen: whether a date can be given"`
	Never    bool       `json:"never" doc:"Under chosen: whether a token may never expire"`
}

// ExpiryMode is who decides how long a credential lasts.
type ExpiryMode string

// The expiry modes.
const (
	ExpiryFixed  ExpiryMode = "fixed"
	ExpiryChosen ExpiryMode = "chosen"
)

// List is whose credentials the page lists.
type List string

// The lists.
const (
	ListOwn       List = "own"
	ListWorkspace List = "workspace"
)

// Delete is when a credential can be deleted.
type Delete string

// The moments of deletion.
const (
	DeleteAnyTime  Delete = "any_time" // means revoke and remove
	DeleteAfterEnd Delete = "after_end"
)

// AppSecret is whether a client secret can be seen again.
type AppSecret string

// The ways of keeping a client secret.
const (
	SecretOnce     AppSecret = "once"
	SecretViewable AppSecret = "viewable"
)

// AfterStop is what becomes of access tokens when their source is stopped.
type AfterStop string

// What becomes of issued access tokens.
const (
	StopAtOnce  AfterStop = "stop"
	UntilExpiry AfterStop = "until_expiry"
)

// Refresh is how refresh tokens behave when used.
type Refresh string

// The behaviours of refresh tokens.
const (
	Rotate   Refresh = "rotate"
	Reusable Refresh = "reusable"
)

// Allows reports whether an action is offered.
func (a *Access) Allows(act Action) bool { return a.Offered && slices.Contains(a.Actions, act) }

// Holds reports whether members of a role can have this kind of credential.
func (a *Access) Holds(r Role) bool { return slices.Contains(a.Roles, r) }

// Creates reports whether members of a role can make new ones.
func (a *Access) Creates(r Role) bool { return a.Offered && slices.Contains(a.Creators, r) }

// Oversees reports whether members of a role see and stop everyone's.
func (a *Access) Oversees(r Role) bool {
	return r == Administrator || slices.Contains(a.Overseers, r)
}
