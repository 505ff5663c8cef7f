package ui

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
)

// shown is the dialog that shows secrets, the only place where one is ever written.
type shown struct {
	Words   token.Labels
	Title   string
	Caution string
	Fields  []shownField
	Facts   []shownFact
	Close   string
	Again   bool   // it can be seen again, so that closing asks nothing
	Ask     string // what closing without having copied anything says
	Hint    string // before the command
	Replace *replaced
	Next    string // where the pages are that say how to read data with it; "" when it can't

	CurlTitle, Curl string
	CurlOpen        bool

	under kind               // the list that the dialog lies over,
	over  *authority.AppView // or the app whose page it is
}

// shownField is a value to copy.
type shownField struct {
	ID, Label, Value, Hint string
	Public                 bool // it is no secret: having copied it alone is not enough
	First                  bool // it has the focus
	TestID                 string
}

type shownFact struct {
	Name, Value string
	Scopes      scopeChips
}

// showShown renders the dialog over the page that it belongs to.
func (v *visit) showShown(d shown) error {
	var err error
	if d.Replace, err = v.replacing(); err != nil {
		return err
	}
	if d.over != nil {
		return v.showApp(d.over, http.StatusOK, "shown", d)
	}
	return v.showList(d.under, http.StatusOK, "shown", d)
}

// showSecret answers the very request that made a secret; nothing keeps it for another answer.
func (v *visit) showSecret(t *token.Token, secret token.Secret) error {
	w := v.words()
	check := v.kit.URL("/verify") + "?workspace=" + url.QueryEscape(v.in.Slug)
	held := t.ScopesFor(v.in.Catalogue, v.in.Role)
	hint := "On the command line, put it into TOKEN and ask whether it is good:"
	next := v.connectFrom(kindTokens, held)
	if next == "" {
		hint = "Excel, Power BI and Postman: choose basic authentication, leave the user name empty and paste the token as the password. " + hint
	}
	if len(held) > 0 {
		check += "&scope=" + url.QueryEscape(held[0])
	}
	d := shown{
		Words: w, Title: w.CreatedTitle, Caution: w.Caution, Close: v.list(kindTokens) + "?made=" + t.ID, under: kindTokens,
		Fields: []shownField{{ID: "secret", Label: "Personal access token", Value: secret.Reveal(), First: true, TestID: "secret"}},
		Ask:    "You haven't copied the token. After closing, it can't be shown again.",
		Hint:   hint, Next: next,

		CurlTitle: "Try it now", Curl: "curl -i -H \"Authorization: Bearer $TOKEN\" \"" + check + "\"",
	}
	r := v.row(t, fromList)
	expires := "Never"
	if r.Expires.Machine != "" {
		expires = r.Expires.Exact
	}
	d.Facts = append(d.Facts, shownFact{Name: w.Expires, Value: expires})
	if len(r.Scopes.First) > 0 {
		d.Facts = append(d.Facts, shownFact{Name: w.Scope, Scopes: r.Scopes})
	}
	return v.showShown(d)
}

// confirmed reports whether the form came with the password typed again and it was right; then the caller
// has just signed in anew. Without a password it goes on as well: authority decides whether one is needed.
func (v *visit) confirmed(verb string) (ok bool, err error) {
	password := v.sent.Get("password_again")
	if password == "" {
		if v.sent.Has("password_again") {
			var p problems
			note(&p, "password_again", "Enter your password.")
			return false, v.askPassword(verb, p)
		}
		return true, nil
	}
	secret, by, err := v.authority.SignIn(v.r.Context(), v.by.User.Email, password, v.kit.Origin(v.r))
	if err != nil {
		f := fault.From(err)
		if f.Code != api.CodeWrongCredentials && f.Kind != fault.Throttled {
			return false, err
		}
		detail := "This is not your password."
		if f.Kind == fault.Throttled {
			detail = f.Detail
		}
		var p problems
		note(&p, "password_again", detail)
		return false, v.askPassword(verb, p)
	}
	if err := v.kit.SetSession(v.w, v.r, secret); err != nil {
		return false, err
	}
	// The new session takes the old one's place.
	old := v.by
	v.by = by
	return true, v.authority.SignOut(v.r.Context(), old)
}

// again is the dialog that asks for the password before a secret is made. It carries what was typed.
type again struct {
	Path, Cancel, Verb, Email string
	Kept                      []keptField
	Problems                  problems
}

type keptField struct{ Name, Value string }

// askedIn is the list to which the page belongs that asks for the password.
func (v *visit) askedIn() kind {
	path := strings.TrimPrefix(v.r.URL.Path, v.at())
	for _, k := range kinds() {
		if strings.HasPrefix(path, "/"+string(k)) {
			return k
		}
	}
	return kindTokens
}

func (v *visit) askPassword(verb string, p problems) error {
	k := v.askedIn()
	d := again{Path: v.r.URL.RequestURI(), Cancel: v.list(k), Verb: verb, Email: v.by.User.Email, Problems: p}
	if strings.HasSuffix(v.r.URL.Path, "/new") && (k != kindTokens || asks(&v.in.Policy.Tokens)) {
		d.Cancel = v.r.URL.Path + prefill(v.sent)
	}
	for name, values := range v.sent {
		if name == "password_again" {
			continue
		}
		for _, value := range values {
			d.Kept = append(d.Kept, keptField{Name: name, Value: value})
		}
	}
	if strings.Contains(v.r.URL.Path, "/admin/members") { // an invitation's link is a secret as well
		d.Cancel = v.at("admin", "members")
		return v.showMembers(http.StatusForbidden, "again", d)
	}
	if d.Path == v.at("admin", "legacy", "confirm") {
		d.Cancel = v.at("admin", "legacy")
		return v.showImports(http.StatusForbidden, "again", d, nil)
	}
	if id := v.r.PathValue("id"); k == kindApps && id != "" {
		d.Cancel = v.backTo(k, id)
		a, err := v.theApp()
		if err != nil {
			return err
		}
		return v.overApp(&a, http.StatusForbidden, "again", d)
	}
	return v.showList(k, http.StatusForbidden, "again", d)
}
