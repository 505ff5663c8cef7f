package ui

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/keywright/keywright/internal/token"
)

// policyParts lists every setting, in plain words: of each kind, and of access tokens.
func policyParts(p *token.Policy, own token.Catalogue, bad problems) []settingPart {
	t, a, o := "tokens", "apps", "oauth_tokens"
	parts := []settingPart{
		{Title: "Personal access tokens", Groups: []settingGroup{
			{Title: "Who", Open: true, Settings: whoSettings(t, "personal access tokens", &p.Tokens.Access)},
			{Title: "How many, and whose are listed", Settings: append(countSettings(t, "Tokens per person", &p.Tokens.Access), setting{Name: "tokens.count_ended", Kind: "check", Label: "Count expired and revoked ones too", Checked: p.Tokens.CountEnded})},
			{Title: "What a token has", Settings: fieldSettings(&p.Tokens, own)},
			{Title: "How long it lasts", Settings: append(expirySettings(t, "token", &p.Tokens.Expiry), endlessSettings(&p.Tokens.Expiry)...)},
			{Title: "What can be done with it", Settings: actionSettings(t, "Only when it is revoked or expired", token.TokenActions(), &p.Tokens.Access)},
			{Title: "Words on the page", Note: emptyTakesStandard, Settings: wordSettings(t, &p.Tokens.Labels, token.Labels{}.Words())},
		}},
		{Title: "Apps", Groups: []settingGroup{
			{Title: "Who", Settings: whoSettings(a, "apps", &p.Apps.Access)},
			{Title: "How many, and whose are listed", Settings: countSettings(a, "Apps that one person can add", &p.Apps.Access)},
			{Title: "What can be done with one", Settings: append(actionSettings(a, "Only when it is disabled", token.AppActions(), &p.Apps.Access), setting{
				Name: "apps.secret", Kind: "select", Label: "The client secret",
				Options: choices(p.Apps.Secret, string(token.SecretOnce), "Is shown once", string(token.SecretViewable), "Can be seen again; each look is in the audit log"),
			})},
			{Title: "Words on the page", Note: emptyTakesStandard, Settings: wordSettings(a, &p.Apps.Labels, (&token.AppRules{Secret: p.Apps.Secret}).Words())},
		}},
		{Title: "OAuth tokens", Groups: []settingGroup{
			{Title: "Who", Settings: whoSettings(o, "OAuth tokens", &p.OAuthTokens.Access)},
			{Title: "How many, and whose are listed", Settings: append(countSettings(o, "OAuth tokens per person", &p.OAuthTokens.Access), setting{Name: "oauth_tokens.count_ended", Kind: "check", Label: "Count expired and disabled ones too", Checked: p.OAuthTokens.CountEnded})},
			{Title: "How long the refresh token lasts", Settings: expirySettings(o, "refresh token", &p.OAuthTokens.Expiry)},
			{Title: "What can be done with one", Settings: append(actionSettings(o, "Only when it is disabled or expired", token.OAuthActions(), &p.OAuthTokens.Access), setting{
				Name: "refresh_tokens", Kind: "select", Label: "When a refresh token is used",
				Options: choices(p.Refresh, string(token.Rotate), "It is replaced: each works once", string(token.Reusable), "It stays the same and works again"),
				Hint:    "Replacing shows when somebody else has a copy.",
			})},
			{Title: "Words on the page", Note: emptyTakesStandard, Settings: wordSettings(o, &p.OAuthTokens.Labels, (&token.OAuthRules{}).Words())},
		}},
		{Title: "Access tokens", Groups: []settingGroup{{Title: "When they stop, and how they are signed", Settings: signingSettings(p)}}},
	}
	for i := range parts {
		parts[i].place(bad)
	}
	return parts
}

const emptyTakesStandard = "An empty field takes the standard words."

// place gives the settings their elements' ids and their problems.
func (p *settingPart) place(bad problems) {
	for i := range p.Groups {
		for j := range p.Groups[i].Settings {
			s := &p.Groups[i].Settings[j]
			s.ID = settingID(s.Name)
			if s.Problem = bad.At(s.ID); s.Problem != "" {
				p.Groups[i].Open = true
			}
		}
	}
}

func whoSettings(kind, noun string, r *token.Access) []setting {
	return []setting{
		{Name: kind + ".offered", Kind: "check", Label: "Offer " + noun, Checked: r.Offered, Hint: "Without this the page is gone. Those that exist go on working."},
		{Name: kind + ".roles", Kind: "checks", Label: "Who can have them", Options: checks(token.Roles(), r.Roles, plural), Hint: "For others the page does not appear" + whatStops(kind)},
		{Name: kind + ".creators", Kind: "checks", Label: "Who can make new ones", Options: checks(token.Roles(), r.Creators, plural)},
	}
}

// whatStops says what becomes of those whose makers may no longer have them. Apps are the workspace's.
func whatStops(kind string) string {
	if kind == "apps" {
		return ". Apps belong to the workspace and go on working."
	}
	return ", and their tokens stop."
}

func countSettings(kind, label string, r *token.Access) []setting {
	return []setting{
		{Name: kind + ".per_user", Kind: "number", Label: label, Value: number(r.PerUser), Hint: "0 is no limit."},
		{Name: kind + ".list", Kind: "select", Label: "The page lists", Options: choices(r.List, string(token.ListOwn), "One's own", string(token.ListWorkspace), "The whole workspace's, with who made each")},
	}
}

func fieldSettings(r *token.TokenRules, own token.Catalogue) []setting {
	var names token.Scopes
	for _, s := range own {
		names = append(names, s.Name)
	}
	title := func(name string) string {
		s, _ := own.Find(name)
		return s.Title
	}
	return []setting{
		{Name: "tokens.name", Kind: "select", Label: "Name", Options: choices(r.Name, string(token.None), "None", string(token.Optional), "Optional", string(token.Required), "Required", string(token.Unique), "Required, each owner's only once")},
		{Name: "tokens.description", Kind: "select", Label: "Description", Options: choices(r.Description, string(token.None), "None", string(token.Optional), "Optional", string(token.Required), "Required")},
		{Name: "tokens.scope.mode", Kind: "select", Label: "Scopes", Options: choices(r.Scope.Mode, string(token.ScopesNone), "None: a token can do what its owner may do", string(token.ScopesChosen), "Chosen by the owner", string(token.ScopesDefaulted), "A fixed set")},
		{Name: "tokens.scope.required", Kind: "check", Label: "At least one scope must be chosen", Checked: r.Scope.Need, Hint: "Where the owner chooses."},
		{Name: "tokens.scope.default", Kind: "checks", Label: "The fixed set", Options: checks(names, r.Scope.Default, title), Hint: "Where the set is fixed."},
	}
}

func expirySettings(kind, noun string, r *token.ExpiryRule) []setting {
	n, unit := r.Period.Days, "days"
	switch {
	case r.Period.Years > 0 && r.Period.Months == 0 && r.Period.Days == 0:
		n, unit = r.Period.Years, "years"
	case r.Period.Months > 0 && r.Period.Years == 0 && r.Period.Days == 0:
		n, unit = r.Period.Months, "months"
	}
	var presets []string
	for _, d := range r.Presets {
		presets = append(presets, number(d))
	}
	at := kind + ".expiry."
	return []setting{
		{Name: at + "mode", Kind: "select", Label: "Who decides", Options: choices(r.Mode, string(token.ExpiryFixed), "The rules: the same for all", string(token.ExpiryChosen), "The owner, within bounds")},
		{Name: at + "period", Kind: "period", Label: "Every " + noun + " lasts", Value: number(n), Unit: unit, Options: choices(unit, "days", "days", "months", "months", "years", "years"), Hint: "Where the rules decide."},
		{Name: at + "min_days", Kind: "number", Label: "At least, in days", Value: number(r.MinDays), Hint: "This and what follows: where the owner decides."},
		{Name: at + "max_days", Kind: "number", Label: "At most, in days", Value: number(r.MaxDays)},
		{Name: at + "presets", Kind: "text", Label: "Days that the page offers", Value: strings.Join(presets, ", "), Hint: "Such as 7, 30, 90, 365."},
		{Name: at + "proposed", Kind: "number", Label: "Days that it proposes", Value: number(r.Proposed)},
	}
}

func endlessSettings(r *token.ExpiryRule) []setting {
	return []setting{
		{Name: "tokens.expiry.date", Kind: "check", Label: "A date can be chosen", Checked: r.Date},
		{Name: "tokens.expiry.never", Kind: "check", Label: "A token may never expire", Checked: r.Never},
	}
}

func actionSettings(kind, after string, all []token.Action, r *token.Access) []setting {
	name := func(a token.Action) string { return actionName(kind, a) }
	return []setting{
		{Name: kind + ".actions", Kind: "checks", Label: "What can be done from a row", Options: checks(all, r.Actions, name), Hint: "Administrators can stop any of them under every policy."},
		{Name: kind + ".delete", Kind: "select", Label: "One can be deleted", Options: choices(r.Delete, string(token.DeleteAnyTime), "At any time; it stops at once", string(token.DeleteAfterEnd), after)},
	}
}

func signingSettings(p *token.Policy) []setting {
	var pairs []string
	for _, a := range token.Algorithms() {
		pairs = append(pairs, string(a), string(a))
	}
	pairs[1] += ", which every client knows"
	return []setting{
		{
			Name: "access_tokens_after_stop", Kind: "select", Label: "When their app or OAuth token is disabled or deleted",
			Options: choices(p.AfterStop, string(token.StopAtOnce), "They stop at once, for every live check", string(token.UntilExpiry), "They work until they expire, for an hour at most"),
			Hint:    "A service that checks by itself, with the public keys alone, notices only when they expire.",
		},
		{Name: "signing.algorithm", Kind: "select", Label: "They are signed with", Options: choices(p.Signing.Algorithm, pairs...), Hint: "Another algorithm takes a new key; the old one stays published for what it signed."},
		{Name: "signing.rotate_days", Kind: "number", Label: "Days after which the key is replaced", Value: number(p.Signing.RotateDays)},
	}
}

// wordFields names the labels that can be changed, in the order of the form. Some belong to one kind.
func wordFields(kind string, l *token.Labels) []wordField {
	all := []wordField{
		{"title", "Title", &l.Title, ""},
		{"intro", "Sentence under the title", &l.Intro, ""},
		{"add", "Button that makes a new one", &l.Add, ""},
		{"create_title", "Title of the form", &l.CreateTitle, ""},
		{"create", "The form's button", &l.Create, ""},
		{"created_title", "Title above the secret", &l.CreatedTitle, ""},
		{"caution", "Caution beside the secret", &l.Caution, ""},
		{"copy", "Button that copies it", &l.Copy, ""},
		{"name", "Word for the name", &l.Name, ""},
		{"description", "Word for the description", &l.Description, "tokens apps"},
		{"scope", "Word for the scopes", &l.Scope, ""},
		{"lifetime", "Word for the number of days", &l.Lifetime, "oauth_tokens"},
		{"access_token", "Word for the access token", &l.AccessToken, "oauth_tokens"},
		{"secret", "Word for the secret", &l.Secret, "apps oauth_tokens"},
		{"created", "Column of creation", &l.Created, ""},
		{"expires", "Column of expiry", &l.Expires, "tokens oauth_tokens"},
		{"never_advice", "Advice about tokens that never expire", &l.NeverAdvice, "tokens"},
		{"save", "Button that saves changes", &l.Save, "tokens apps"},
		{"revoke_confirm", "Button that confirms stopping one", &l.RevokeConfirm, ""},
		{"delete_title", "Title before deleting", &l.DeleteTitle, ""},
		{"delete_confirm", "Button that confirms deleting", &l.DeleteConfirm, ""},
	}
	return slices.DeleteFunc(all, func(f wordField) bool { return f.only != "" && !slices.Contains(strings.Fields(f.only), kind) })
}

type wordField struct {
	name, label string
	text        *string
	only        string // the kinds that have it; "" is all
}

func wordSettings(kind string, l *token.Labels, standard token.Labels) []setting {
	out := []setting{{Name: kind + ".labels.menu", Kind: "text", Label: "Where the page is found", Value: strings.Join(l.Menu, " > "), Hint: "Such as: " + strings.Join(standard.Menu, " > ")}}
	hints := wordFields(kind, &standard)
	for i, f := range wordFields(kind, l) {
		s := setting{Name: kind + ".labels." + f.name, Kind: "text", Label: f.label, Value: *f.text}
		if *f.text == "" {
			s.Hint = "Standard: " + *hints[i].text
		}
		out = append(out, s)
	}
	return out
}

// policyReader reads the form's fields into a policy, and notes what can't be read.
type policyReader struct {
	form url.Values
	bad  problems
}

// readPolicy applies the form to the policy that it was made from.
func readPolicy(base token.Policy, form url.Values) (token.Policy, problems) {
	p, r := base, policyReader{form: form}
	r.access("tokens", &p.Tokens.Access)
	r.access("apps", &p.Apps.Access)
	r.access("oauth_tokens", &p.OAuthTokens.Access)
	t := &p.Tokens
	t.Name, t.Description = token.Presence(form.Get("tokens.name")), token.Presence(form.Get("tokens.description"))
	t.Scope = token.ScopeRule{Mode: token.ScopeMode(form.Get("tokens.scope.mode")), Need: r.on("tokens.scope.required"), Default: listed[string](form, "tokens.scope.default")}
	t.Expiry.Date, t.Expiry.Never = r.on("tokens.expiry.date"), r.on("tokens.expiry.never")
	r.expiry("tokens.expiry", &t.Expiry)
	r.expiry("oauth_tokens.expiry", &p.OAuthTokens.Expiry)
	p.Apps.Secret, p.Refresh, p.AfterStop = token.AppSecret(form.Get("apps.secret")), token.Refresh(form.Get("refresh_tokens")), token.AfterStop(form.Get("access_tokens_after_stop"))
	p.Signing.Algorithm = token.Algorithm(form.Get("signing.algorithm"))
	if r.integer("signing.rotate_days", &p.Signing.RotateDays); p.Signing.RotateDays == 0 {
		note(&r.bad, settingID("signing.rotate_days"), "Enter a number of days, 1 or more.")
	}
	p.Clean()
	return p, r.bad
}

func (r *policyReader) on(name string) bool { return r.form.Get(name) != "" }

func (r *policyReader) integer(name string, into *int) {
	n, err := strconv.Atoi(strings.TrimSpace(r.form.Get(name)))
	if err != nil {
		note(&r.bad, settingID(name), "Enter a whole number.")
		return
	}
	*into = n
}

// access reads what all kinds have.
func (r *policyReader) access(kind string, a *token.Access) {
	a.Offered = r.on(kind + ".offered")
	if kind != "apps" {
		a.CountEnded = r.on(kind + ".count_ended")
	}
	a.Roles, a.Creators = listed[token.Role](r.form, kind+".roles"), listed[token.Role](r.form, kind+".creators")
	r.integer(kind+".per_user", &a.PerUser)
	a.List, a.Delete = token.List(r.form.Get(kind+".list")), token.Delete(r.form.Get(kind+".delete"))
	a.Actions = listed[token.Action](r.form, kind+".actions")
	a.Labels.Menu = nil
	for part := range strings.SplitSeq(r.form.Get(kind+".labels.menu"), ">") {
		if part = strings.TrimSpace(part); part != "" {
			a.Labels.Menu = append(a.Labels.Menu, part)
		}
	}
	for _, f := range wordFields(kind, &a.Labels) {
		*f.text = strings.TrimSpace(r.form.Get(kind + ".labels." + f.name))
	}
}

func (r *policyReader) expiry(at string, e *token.ExpiryRule) {
	e.Mode = token.ExpiryMode(r.form.Get(at + ".mode"))
	if e.Mode == token.ExpiryFixed {
		e.Period = r.period(at)
		return
	}
	r.integer(at+".min_days", &e.MinDays)
	r.integer(at+".max_days", &e.MaxDays)
	r.integer(at+".proposed", &e.Proposed)
	e.Presets = r.days(at + ".presets")
}

func (r *policyReader) period(at string) token.Period {
	var n int
	r.integer(at+".period", &n)
	switch r.form.Get(at + ".period.unit") {
	case "years":
		return token.Period{Years: n}
	case "months":
		return token.Period{Months: n}
	default:
		return token.Period{Days: n}
	}
}

func (r *policyReader) days(name string) []int {
	var out []int
	for part := range strings.FieldsFuncSeq(r.form.Get(name), func(c rune) bool { return c == ',' || c == ' ' || c == ';' }) {
		n, err := strconv.Atoi(part)
		if err != nil {
			note(&r.bad, settingID(name), "Enter numbers of days, with commas between them.")
			return nil
		}
		out = append(out, n)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func listed[T ~string](form url.Values, name string) []T {
	out := []T{}
	for _, s := range form[name] {
		out = append(out, T(s))
	}
	return out
}
