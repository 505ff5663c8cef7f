package ui

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
)

// shown is the dialog that shows a secret, the only place where one is ever written.
type shown struct {
	Words   token.Labels
	Title   string
	Secret  string
	Token   row
	Close   string
	Curl    string
	Address string
	OData   bool
}

// showSecret answers the very request that made a secret; nothing keeps it for another answer.
func (v *visit) showSecret(t *token.Token, secret token.Secret) error {
	w := v.words()
	check := v.kit.URL("/verify") + "?workspace=" + url.QueryEscape(v.in.Slug)
	held := t.ScopesFor(v.in.Catalogue, v.in.Role)
	if len(held) > 0 {
		check += "&scope=" + url.QueryEscape(held[0])
	}
	d := shown{
		Words: w, Title: w.CreatedTitle, Secret: secret.Reveal(), Token: v.row(t, fromList), Close: v.at("tokens") + "?made=" + t.ID,
		Curl: "curl -i -H \"Authorization: Bearer $TOKEN\" \"" + check + "\"",
	}
	return v.showTokens(http.StatusOK, "shown", d)
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

func (v *visit) askPassword(verb string, p problems) error {
	d := again{Path: v.r.URL.RequestURI(), Cancel: v.at("tokens"), Verb: verb, Email: v.by.User.Email, Problems: p}
	if strings.HasSuffix(v.r.URL.Path, "/tokens/new") && asks(&v.in.Policy.Tokens) {
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
	return v.showTokens(http.StatusForbidden, "again", d)
}
