package ui

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/keywright/keywright/internal/token"
)

// policyGroups lists every setting of personal access tokens, in plain words. Those of apps and OAuth
// tokens have no page yet and stay as the preset has them.
func policyGroups(p *token.Policy, own token.Catalogue, bad problems) []settingGroup {
	groups := []settingGroup{
		{Title: "Who", Open: true, Settings: whoSettings(&p.Tokens)},
		{Title: "How many, and whose are listed", Settings: countSettings(&p.Tokens)},
		{Title: "What a token has", Settings: fieldSettings(&p.Tokens, own)},
		{Title: "How long it lasts", Settings: expirySettings(&p.Tokens.Expiry)},
		{Title: "What can be done with it", Settings: actionSettings(&p.Tokens)},
		{Title: "Words on the page", Note: "An empty field takes the standard words.", Settings: wordSettings(&p.Tokens.Labels)},
	}
	for i := range groups {
		for j := range groups[i].Settings {
			s := &groups[i].Settings[j]
			s.ID = settingID(s.Name)
			if s.Problem = bad.At(s.ID); s.Problem != "" {
				groups[i].Open = true
			}
		}
	}
	return groups
}

func whoSettings(r *token.TokenRules) []setting {
	return []setting{
		{Name: "tokens.offered", Kind: "check", Label: "Offer personal access tokens", Checked: r.Offered, Hint: "Without this the page is gone. Tokens that exist go on working."},
		{Name: "tokens.roles", Kind: "checks", Label: "Who can have tokens", Options: checks(token.Roles(), r.Roles, plural), Hint: "For others the page does not appear, and their tokens stop."},
		{Name: "tokens.creators", Kind: "checks", Label: "Who can make new ones", Options: checks(token.Roles(), r.Creators, plural)},
	}
}

func countSettings(r *token.TokenRules) []setting {
	return []setting{
		{Name: "tokens.per_user", Kind: "number", Label: "Tokens per person", Value: number(r.PerUser), Hint: "0 is no limit."},
		{Name: "tokens.count_ended", Kind: "check", Label: "Count expired and revoked ones too", Checked: r.CountEnded},
		{Name: "tokens.list", Kind: "select", Label: "The page lists", Options: choices(r.List, string(token.ListOwn), "One's own tokens", string(token.ListWorkspace), "The whole workspace's, with who made each")},
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

func expirySettings(r *token.ExpiryRule) []setting {
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
	return []setting{
		{Name: "tokens.expiry.mode", Kind: "select", Label: "Who decides", Options: choices(r.Mode, string(token.ExpiryFixed), "The rules: the same for all", string(token.ExpiryChosen), "The owner, within bounds")},
		{Name: "tokens.expiry.period", Kind: "period", Label: "Every token lasts", Value: number(n), Unit: unit, Options: choices(unit, "days", "days", "months", "months", "years", "years"), Hint: "Where the rules decide."},
		{Name: "tokens.expiry.min_days", Kind: "number", Label: "At least, in days", Value: number(r.MinDays), Hint: "This and what follows: where the owner decides."},
		{Name: "tokens.expiry.max_days", Kind: "number", Label: "At most, in days", Value: number(r.MaxDays)},
		{Name: "tokens.expiry.presets", Kind: "text", Label: "Days that the page offers", Value: strings.Join(presets, ", "), Hint: "Such as 7, 30, 90, 365."},
		{Name: "tokens.expiry.proposed", Kind: "number", Label: "Days that it proposes", Value: number(r.Proposed)},
		{Name: "tokens.expiry.date", Kind: "check", Label: "A date can be chosen", Checked: r.Date},
		{Name: "tokens.expiry.never", Kind: "check", Label: "A token may never expire", Checked: r.Never},
	}
}

func actionSettings(r *token.TokenRules) []setting {
	return []setting{
		{Name: "tokens.actions", Kind: "checks", Label: "What owners can do from a row", Options: checks(token.TokenActions(), r.Actions, actionName), Hint: "Administrators can stop any token under every policy."},
		{Name: "tokens.delete", Kind: "select", Label: "A token can be deleted", Options: choices(r.Delete, string(token.DeleteAnyTime), "At any time; it stops at once", string(token.DeleteAfterEnd), "Only when it is revoked or expired")},
	}
}

// words names the labels that can be changed, in the order of the form.
func wordFields(l *token.Labels) []struct {
	name, label string
	text        *string
} {
	return []struct {
		name, label string
		text        *string
	}{
		{"title", "Title", &l.Title},
		{"intro", "Sentence under the title", &l.Intro},
		{"add", "Button that makes a new one", &l.Add},
		{"create_title", "Title of the form", &l.CreateTitle},
		{"create", "The form's button", &l.Create},
		{"created_title", "Title above the secret", &l.CreatedTitle},
		{"caution", "Caution beside the secret", &l.Caution},
		{"copy", "Button that copies it", &l.Copy},
		{"name", "Word for the name", &l.Name},
		{"description", "Word for the description", &l.Description},
		{"scope", "Word for the scopes", &l.Scope},
		{"lifetime", "Word for the number of days", &l.Lifetime},
		{"secret", "Word for the secret", &l.Secret},
		{"created", "Column of creation", &l.Created},
		{"expires", "Column of expiry", &l.Expires},
		{"never_advice", "Advice about tokens that never expire", &l.NeverAdvice},
		{"save", "Button that saves scopes", &l.Save},
		{"revoke_confirm", "Button that confirms revoking", &l.RevokeConfirm},
		{"delete_title", "Title before deleting", &l.DeleteTitle},
		{"delete_confirm", "Button that confirms deleting", &l.DeleteConfirm},
	}
}

func wordSettings(l *token.Labels) []setting {
	out := []setting{{Name: "tokens.labels.menu", Kind: "text", Label: "Where the page is found", Value: strings.Join(l.Menu, " > "), Hint: "Such as: Settings > Personal access tokens"}}
	standard := token.Labels{}.Words()
	hints := wordFields(&standard)
	for i, f := range wordFields(l) {
		s := setting{Name: "tokens.labels." + f.name, Kind: "text", Label: f.label, Value: *f.text}
		if *f.text == "" {
			s.Hint = "Standard: " + *hints[i].text
		}
		out = append(out, s)
	}
	return out
}

// readPolicy applies the form to the policy that it was made from.
func readPolicy(base token.Policy, form url.Values) (token.Policy, problems) {
	p, bad := base, problems{}
	r := &p.Tokens
	on := func(name string) bool { return form.Get("tokens."+name) != "" }
	integer := func(name string, into *int) {
		n, err := strconv.Atoi(strings.TrimSpace(form.Get("tokens." + name)))
		if err != nil {
			note(&bad, settingID("tokens."+name), "Enter a whole number.")
			return
		}
		*into = n
	}
	r.Offered, r.CountEnded = on("offered"), on("count_ended")
	r.Roles, r.Creators = listed[token.Role](form, "tokens.roles"), listed[token.Role](form, "tokens.creators")
	integer("per_user", &r.PerUser)
	r.List, r.Delete = token.List(form.Get("tokens.list")), token.Delete(form.Get("tokens.delete"))
	r.Name, r.Description = token.Presence(form.Get("tokens.name")), token.Presence(form.Get("tokens.description"))
	r.Scope = token.ScopeRule{Mode: token.ScopeMode(form.Get("tokens.scope.mode")), Need: on("scope.required"), Default: listed[string](form, "tokens.scope.default")}
	r.Actions = listed[token.Action](form, "tokens.actions")
	e := &r.Expiry
	e.Mode, e.Date, e.Never = token.ExpiryMode(form.Get("tokens.expiry.mode")), on("expiry.date"), on("expiry.never")
	if e.Mode == token.ExpiryFixed {
		e.Period = readPeriod(form, integer)
	} else {
		integer("expiry.min_days", &e.MinDays)
		integer("expiry.max_days", &e.MaxDays)
		integer("expiry.proposed", &e.Proposed)
		e.Presets = readDays(form.Get("tokens.expiry.presets"), &bad)
	}
	r.Labels.Menu = nil
	for part := range strings.SplitSeq(form.Get("tokens.labels.menu"), ">") {
		if part = strings.TrimSpace(part); part != "" {
			r.Labels.Menu = append(r.Labels.Menu, part)
		}
	}
	for _, f := range wordFields(&r.Labels) {
		*f.text = strings.TrimSpace(form.Get("tokens.labels." + f.name))
	}
	p.Clean()
	return p, bad
}

func readPeriod(form url.Values, integer func(string, *int)) token.Period {
	var n int
	integer("expiry.period", &n)
	switch form.Get("tokens.expiry.period.unit") {
	case "years":
		return token.Period{Years: n}
	case "months":
		return token.Period{Months: n}
	default:
		return token.Period{Days: n}
	}
}

func readDays(s string, bad *problems) []int {
	var out []int
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ',' || r == ' ' || r == ';' }) {
		n, err := strconv.Atoi(part)
		if err != nil {
			note(bad, settingID("tokens.expiry.presets"), "Enter numbers of days, with commas between them.")
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
