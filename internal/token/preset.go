package token

import "slices"

// Preset is the name of a policy to start from.
type Preset string

// The presets, named by what they do.
const (
	Standard      Preset = "standard"
	SingleToken   Preset = "single-token"
	AppsAndTokens Preset = "apps-and-tokens"
	CRMTokens     Preset = "crm-tokens"
	OAuthTokens   Preset = "oauth-tokens"
	ScopedTokens  Preset = "scoped-tokens"
)

// PresetInfo describes a preset to the person who chooses one.
type PresetInfo struct {
	Name    Preset
	Title   string
	Summary string // one sentence
}

// Presets returns all presets, the recommended one first.
func Presets() []PresetInfo {
	return []PresetInfo{
		{Standard, "Standard", "Named tokens with scopes that last up to a year, apps and OAuth tokens: the best of all."},
		{SingleToken, "Single token", "One token each, without questions, for a year; enough to connect Excel or Power BI."},
		{AppsAndTokens, "Apps and tokens", "Developers manage apps and named tokens together; tokens last 12 months."},
		{CRMTokens, "CRM tokens", "Only administrators make tokens; they choose how long each lasts, even forever."},
		{OAuthTokens, "OAuth tokens", "People generate an access token and a refresh token for 1 to 365 days."},
		{ScopedTokens, "Scoped tokens", "Named tokens whose scope can be changed later; each lasts one year."},
	}
}

// Policy returns the preset's policy; false for a name that is no preset.
func (p Preset) Policy() (Policy, bool) {
	policy, ok := p.rules()
	policy.Clean()
	return policy, ok
}

func (p Preset) rules() (Policy, bool) {
	switch p {
	case Standard:
		return standard(), true
	case SingleToken:
		return singleToken(), true
	case AppsAndTokens:
		return appsAndTokens(), true
	case CRMTokens:
		return crmTokens(), true
	case OAuthTokens:
		return oauthTokens(), true
	case ScopedTokens:
		return scopedTokens(), true
	}
	return Policy{}, false
}

// Catalogue returns the scopes that a new workspace of the preset begins with.
func (p Preset) Catalogue() Catalogue {
	policy, _ := p.Policy()
	roles := policy.Tokens.Roles
	read := CatalogueScope{
		Name: "odata:read", Title: "Read data (OData)",
		Description: "Read feeds with Excel, Power BI, Postman and other OData tools.", Roles: roles, Apps: true,
	}
	switch p {
	case CRMTokens:
		read.Title = "OData API"
	case ScopedTokens:
		return Catalogue{
			{Name: "collection", Title: "Collection", Description: "Collections and what is in them.", Roles: roles, Apps: true},
			{Name: "device", Title: "Device", Description: "Devices and their state.", Roles: roles, Apps: true},
			{Name: "policy", Title: "Policy", Description: "Policies and where they apply.", Roles: roles, Apps: true},
			read,
		}
	default:
	}
	return Catalogue{read}
}

func access(roles []Role, actions ...Action) Access {
	return Access{
		Offered: true, Roles: roles, Creators: slices.Clone(roles), Overseers: []Role{Administrator}, Actions: actions,
		List: ListOwn, Delete: DeleteAnyTime,
	}
}

// notOffered keeps the roles, so that credentials from before the kind was withdrawn go on working.
func notOffered() Access {
	a := access(Roles())
	a.Offered = false
	return a
}

func fixedFor(p Period) ExpiryRule { return ExpiryRule{Mode: ExpiryFixed, Period: p} }

func standard() Policy {
	p := Policy{
		Preset: Standard,
		Tokens: TokenRules{
			Access: access(Roles(), ActView, ActRegenerate, ActEditScope, ActRevoke, ActDelete),
			Name:   Unique, Description: Optional,
			Scope:  ScopeRule{Mode: ScopesChosen, Need: true},
			Expiry: ExpiryRule{Mode: ExpiryChosen, MinDays: 1, MaxDays: 365, Presets: []int{7, 30, 90, 365}, Proposed: 90, Date: true},
		},
		Apps: AppRules{
			Access: access([]Role{Administrator, Developer}, ActView, ActRegenerate, ActEditScope, ActDisable, ActActivate, ActDelete),
			Secret: SecretOnce,
		},
		OAuthTokens: OAuthRules{
			Access: access(Roles(), ActView, ActDisable, ActDelete),
			Expiry: ExpiryRule{Mode: ExpiryChosen, MinDays: 1, MaxDays: 365, Presets: []int{7, 30, 90, 365}, Proposed: 90},
		},
		AfterStop: StopAtOnce, Refresh: Rotate,
	}
	p.Tokens.PerUser = 50
	p.Tokens.Labels = tokenWords()
	p.Apps.List = ListWorkspace
	p.Apps.Labels = Labels{Menu: []string{"Settings", "Apps"}, Title: "Apps", Add: "Add app"}
	p.OAuthTokens.PerUser = 50
	p.OAuthTokens.Labels = Labels{Menu: []string{"Settings", "OAuth tokens"}, Title: "OAuth tokens", Add: "Generate"}
	return p
}

func singleToken() Policy {
	p := standard()
	p.Preset = SingleToken
	p.Tokens = TokenRules{
		Access: access(Roles(), ActRegenerate, ActDelete),
		Name:   None, Description: None,
		Scope:  ScopeRule{Mode: ScopesNone},
		Expiry: fixedFor(Period{Years: 1}),
	}
	p.Tokens.PerUser = 1
	p.Tokens.CountEnded = true
	p.Tokens.Labels = Labels{
		Menu:         []string{"Settings", "Personal access token"},
		Title:        "Personal access token",
		Intro:        "Create a personal access token to authenticate and access your data using OData client tools such as Microsoft Excel, Microsoft Power BI Desktop, and Postman.",
		Add:          "Add token",
		CreatedTitle: "Personal access token",
		Caution:      "You can't see this token again after you close this dialog. It is valid for one year.",
		Copy:         "Copy token",
		Created:      "Created on",
		DeleteTitle:  "Delete access token", DeleteConfirm: "Delete",
	}
	p.Apps.Access, p.OAuthTokens.Access = notOffered(), notOffered()
	return p
}

func appsAndTokens() Policy {
	p := standard()
	p.Preset = AppsAndTokens
	makers := []Role{Administrator, Developer}
	p.Tokens = TokenRules{
		Access: access(makers, ActView, ActRevoke, ActDelete),
		Name:   Required, Description: None,
		Scope:  ScopeRule{Mode: ScopesNone},
		Expiry: fixedFor(Period{Months: 12}),
	}
	p.Tokens.List = ListWorkspace
	p.Tokens.Delete = DeleteAfterEnd
	p.Tokens.Labels = Labels{
		Menu:        []string{"Settings", "Apps and tokens"},
		Title:       "Personal access tokens",
		Intro:       "Tokens make API requests with what their owner may reach. They expire 12 months after they are created.",
		Add:         "Add token",
		CreateTitle: "Create new token", Create: "Create",
		RevokeConfirm: "Yes", DeleteTitle: "Delete token", DeleteConfirm: "Yes",
	}
	p.Apps = AppRules{Access: access(makers, ActView, ActDisable, ActActivate, ActDelete), Secret: SecretViewable}
	p.Apps.List = ListWorkspace
	p.Apps.Labels = Labels{
		Menu:  []string{"Settings", "Apps and tokens"},
		Title: "Apps",
		Intro: "Apps request tokens that make API requests to everything in the workspace that their scopes allow.",
		Add:   "Add app", CreateTitle: "Add app", Create: "Add",
		Name: "App name", Description: "Description", Secret: "Client Secret",
	}
	p.OAuthTokens.Access = notOffered()
	return p
}

func crmTokens() Policy {
	p := standard()
	p.Preset = CRMTokens
	p.Tokens = TokenRules{
		Access: access([]Role{Administrator}, ActRevoke),
		Name:   None, Description: Optional,
		Scope:  ScopeRule{Mode: ScopesChosen, Need: true},
		Expiry: ExpiryRule{Mode: ExpiryChosen, MinDays: 1, MaxDays: 3650, Presets: []int{30, 90, 365}, Proposed: 365, Date: true, Never: true},
	}
	p.Tokens.Labels = Labels{
		Menu:        []string{"My profile", "Tokens"},
		Title:       "Tokens",
		Intro:       "A token lets a reporting tool or another program read the CRM for you. It is like the PIN of your credit card: never share it. Whoever needs one makes their own.",
		Add:         "Create token",
		CreateTitle: "Create token", Create: "Create",
		CreatedTitle: "Your new token",
		Caution:      "Copy this token now and keep it safe. You can't see it again after you close this dialog; you can revoke it and create a new one.",
		Description:  "Description",
		Scope:        "Scope",
		Expires:      "Expiry",
		NeverAdvice:  "A token that never expires works until somebody remembers to revoke it. Renewing it once a year is a good compromise: dashboards that you publish keep working, and a lost token stops by itself.",
	}
	p.Apps.Access, p.OAuthTokens.Access = notOffered(), notOffered()
	return p
}

func oauthTokens() Policy {
	p := standard()
	p.Preset = OAuthTokens
	p.Tokens.Access, p.Apps.Access = notOffered(), notOffered()
	p.OAuthTokens.Access = access(Roles(), ActDisable, ActDelete)
	p.OAuthTokens.Expiry = ExpiryRule{Mode: ExpiryChosen, MinDays: 1, MaxDays: 365, Presets: []int{30, 90, 365}, Proposed: 365}
	p.OAuthTokens.Labels = Labels{
		Menu:  []string{"User preferences", "OAuth 2.0 API tokens"},
		Title: "OAuth 2.0 API tokens",
		Intro: "Generate an access token and a refresh token for this workspace. Another workspace needs its own.",
		Add:   "Generate", CreateTitle: "Generate OAuth 2.0 API token", Create: "Generate",
		CreatedTitle: "Your new OAuth 2.0 API token",
		Caution:      "Copy both values now and keep them in a safe place. You can't see them again after you close this dialog.",
		Name:         "Name", Lifetime: "Lifetime in days", AccessToken: "Access Token", Secret: "Refresh Token",
	}
	p.AfterStop, p.Refresh = UntilExpiry, Reusable
	return p
}

func scopedTokens() Policy {
	p := standard()
	p.Preset = ScopedTokens
	p.Tokens = TokenRules{
		Access: access(Roles(), ActEditScope, ActDelete),
		Name:   Unique, Description: None,
		Scope:  ScopeRule{Mode: ScopesChosen, Need: true},
		Expiry: fixedFor(Period{Years: 1}),
	}
	p.Tokens.Labels = Labels{
		Menu:        []string{"User profile", "Edit profile", "Access token"},
		Title:       "Access token",
		Intro:       "A token lets a program use the parts of the product that its scope names.",
		Add:         "Create access token",
		CreateTitle: "Create access token", Create: "Create",
		CreatedTitle: "Access token created successfully",
		Caution:      "Copy this token now and keep it safe. You won't be able to see it again.",
		Name:         "Token name", Scope: "Scope", Created: "Date of creation", Expires: "Date of expiration",
		Save: "Save Changes", DeleteTitle: "Delete access token", DeleteConfirm: "Revoke",
	}
	p.Apps.Access, p.OAuthTokens.Access = notOffered(), notOffered()
	return p
}
