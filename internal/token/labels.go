package token

// Labels are the words of a page. Empty ones fall back to words that fit the kind of credential; see Words.
type Labels struct {
	Menu          []string `json:"menu" doc:"Where the page is found, such as Settings, Personal access token"`
	Title         string   `json:"title"`
	Intro         string   `json:"intro" doc:"One sentence under the title"`
	Add           string   `json:"add" doc:"The button that makes a new one"`
	CreateTitle   string   `json:"create_title" doc:"Title of the form"`
	Create        string   `json:"create" doc:"The form's button"`
	CreatedTitle  string   `json:"created_title" doc:"Title of the dialog that shows the secret"`
	Caution       string   `json:"caution" doc:"Beside the secret"`
	Copy          string   `json:"copy" doc:"The button that copies the secret"`
	Name          string   `json:"name" doc:"Label of the name"`
	Description   string   `json:"description" doc:"Label of the description"`
	Scope         string   `json:"scope" doc:"Label of the scopes"`
	Lifetime      string   `json:"lifetime" doc:"Label of the number of days that one is to last"`
	AccessToken   string   `json:"access_token" doc:"Of OAuth tokens: label of the access token"`
	Secret        string   `json:"secret" doc:"Label of the secret: the token, the client secret, the refresh token"`
	Created       string   `json:"created" doc:"Column of the date of creation"`
	Expires       string   `json:"expires" doc:"Column of the date of expiry"`
	NeverAdvice   string   `json:"never_advice" doc:"What the page says about tokens that never expire"`
	Save          string   `json:"save" doc:"The button that saves what was changed"`
	RevokeConfirm string   `json:"revoke_confirm" doc:"The button that confirms revoking or disabling"`
	DeleteTitle   string   `json:"delete_title" doc:"Title of the dialog before deleting"`
	DeleteConfirm string   `json:"delete_confirm" doc:"The button that confirms deleting"`
}

// Words returns the labels of the page of personal access tokens, with every empty one filled.
func (l Labels) Words() Labels { return l.over(tokenWords()) }

// Words returns the labels of the page of apps, with every empty one filled.
func (r *AppRules) Words() Labels {
	w := appWords()
	if r.Secret == SecretViewable {
		w.Caution = "Keep the client secret somewhere safe. It can be seen again here, and each look is in the audit log."
	}
	return r.Labels.over(w)
}

// Words returns the labels of the page of OAuth tokens, with every empty one filled.
func (r *OAuthRules) Words() Labels { return r.Labels.over(oauthWords()) }

// over returns w with what l says in its place.
func (l Labels) over(w Labels) Labels {
	if len(l.Menu) > 0 {
		w.Menu = l.Menu
	}
	own := labelsOf(&l)
	for i, word := range labelsOf(&w) {
		if *own[i].text != "" {
			*word.text = *own[i].text
		}
	}
	return w
}

func tokenWords() Labels {
	return Labels{
		Menu:         []string{"Settings", "Personal access tokens"},
		Title:        "Personal access tokens",
		Intro:        "Tokens let scripts and tools such as Excel, Power BI and Postman sign in as you.",
		Add:          "Create token",
		CreateTitle:  "Create personal access token",
		Create:       "Create token",
		CreatedTitle: "Your new token",
		Caution:      "You can't see this token again. Copy it now and keep it somewhere safe.",
		Copy:         "Copy",
		Name:         "Name", Description: "Description", Scope: "Scopes", Lifetime: "Days",
		AccessToken: "Access token", Secret: "Token", Created: "Created", Expires: "Expires",
		NeverAdvice: "A token that never expires works until somebody remembers to revoke it. A year is a good compromise.",
		Save:        "Save changes", RevokeConfirm: "Revoke", DeleteTitle: "Delete token", DeleteConfirm: "Delete",
	}
}

func appWords() Labels {
	return Labels{
		Menu:         []string{"Settings", "Apps"},
		Title:        "Apps",
		Intro:        "An app is a program with credentials of its own. It reaches what its scopes allow, in the whole workspace.",
		Add:          "Add app",
		CreateTitle:  "Add app",
		Create:       "Add app",
		CreatedTitle: "Your new app",
		Caution:      "You can't see this client secret again. Copy it now and keep it somewhere safe.",
		Copy:         "Copy",
		Name:         "App name", Description: "Description", Scope: "Scopes", Lifetime: "Days",
		AccessToken: "Access token", Secret: "Client secret", Created: "Created", Expires: "Expires",
		NeverAdvice: "An app works until it is disabled or deleted. Rotate its client secret once a year.",
		Save:        "Save changes", RevokeConfirm: "Disable", DeleteTitle: "Delete app", DeleteConfirm: "Delete",
	}
}

func oauthWords() Labels {
	return Labels{
		Menu:         []string{"Settings", "OAuth tokens"},
		Title:        "OAuth tokens",
		Intro:        "An OAuth token is an access token that lasts one hour and a refresh token that gets the next one.",
		Add:          "Generate",
		CreateTitle:  "Generate OAuth token",
		Create:       "Generate",
		CreatedTitle: "Your new OAuth token",
		Caution:      "You can't see these two again. Copy both now and keep them somewhere safe.",
		Copy:         "Copy",
		Name:         "Name", Description: "Description", Scope: "Scopes", Lifetime: "Lifetime in days",
		AccessToken: "Access token", Secret: "Refresh token", Created: "Created", Expires: "Expires",
		NeverAdvice: "A refresh token that never expires works until somebody remembers to disable it. A year is a good compromise.",
		Save:        "Save changes", RevokeConfirm: "Disable", DeleteTitle: "Delete OAuth token", DeleteConfirm: "Delete",
	}
}
