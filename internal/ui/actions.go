package ui

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/web"
)

// confirmation is the dialog before an act on a token.
type confirmation struct {
	Title    string
	Path     string
	Cancel   string
	Body     []string
	Impact   *impact
	Button   string
	Danger   bool
	Reason   bool // whether a reason can be given
	Seen     string
	Problems problems
}

// impact is what would stop: how a token was used last.
type impact struct {
	Words string
	Calm  bool // it was never used
}

// subject finds the token that the address names, and where its actions lead back to.
func (v *visit) subject() (token.Token, string, error) {
	t, err := v.authority.Token(v.r.Context(), v.by, v.in.Slug, v.r.PathValue("id"))
	return t, v.backFrom(t.ID), err
}

func (v *visit) from() string { return v.origin(kindTokens) }

func (v *visit) backFrom(id string) string { return v.backTo(kindTokens, id) }

// showOver renders a dialog over the page that it was opened from.
func (v *visit) showOver(t *token.Token, status int, dialog string, ask any) error {
	switch v.from() {
	case fromList:
		return v.showTokens(status, dialog, ask)
	case fromLegacy:
		return v.showLegacyHome(status, dialog, ask)
	}
	return v.showToken(t, status, dialog, ask)
}

func (v *visit) offered(t *token.Token, a token.Action) error {
	for _, can := range v.acts(t, v.from()) {
		if can.Key == string(a) {
			return nil
		}
	}
	switch {
	case t.StatusAt(v.now) == token.Revoked && a != token.ActDelete:
		return fault.New(fault.Conflict, api.CodeTokenRevoked, "This token is revoked for good.")
	case a == token.ActDelete && v.in.Policy.Tokens.Allows(a):
		return fault.New(fault.Conflict, api.CodeDeleteNeedsRevoke, "Revoke this token first. Only expired and revoked tokens can be deleted.")
	}
	return notOffered()
}

// noun is what the policy's words call one token, as far as they can tell: "access token" after "Delete access token".
func (v *visit) noun() string {
	if n, ok := strings.CutPrefix(v.words().DeleteTitle, "Delete "); ok && n != "" {
		return n
	}
	return "token"
}

// named is how a sentence calls a token.
func named(t *token.Token) string {
	if t.Name == "" && t.Description == "" {
		return "this token"
	}
	return "“" + titleOf(t) + "”"
}

func (v *visit) impact(t *token.Token) (*impact, error) {
	ip := ""
	if t.LastUsedIP.IsValid() {
		ip = t.LastUsedIP.String()
	}
	return v.used(t.ID, t.LastUsedAt, ip)
}

func addresses(n int64) string {
	if n == 1 {
		return "1 address"
	}
	return comma(n) + " addresses"
}

// confirm shows the dialog before an act.
func (v *visit) confirm(a token.Action, fill func(*token.Token, *confirmation)) error {
	t, back, err := v.subject()
	if err != nil {
		return err
	}
	if err := v.offered(&t, a); err != nil {
		return err
	}
	c := confirmation{Path: v.r.URL.RequestURI(), Cancel: back, Danger: true}
	if t.StatusAt(v.now) == token.Active {
		if c.Impact, err = v.impact(&t); err != nil {
			return err
		}
	}
	fill(&t, &c)
	return v.showOver(&t, 0, "confirm", c)
}

func (v *visit) revoke() error {
	return v.confirm(token.ActRevoke, func(t *token.Token, c *confirmation) {
		c.Title = "Revoke " + named(t)
		c.Body = []string{"Every request with this token will fail at once. This can't be undone."}
		c.Button, c.Reason = v.words().RevokeConfirm, v.from() == fromAll
		if t.Owner.ID != v.by.User.ID {
			c.Body = append(c.Body, "It belongs to "+t.Owner.Name+".")
		}
	})
}

func (v *visit) revokeSent() error {
	back := v.backFrom(v.r.PathValue("id"))
	if _, err := v.authority.RevokeToken(v.r.Context(), v.by, v.in.Slug, v.r.PathValue("id"), v.form("reason")); err != nil {
		return err
	}
	return v.goTo(said(back, "revoked"))
}

func (v *visit) delete() error {
	return v.confirm(token.ActDelete, func(t *token.Token, c *confirmation) {
		w := v.words()
		c.Title, c.Button = w.DeleteTitle, w.DeleteConfirm
		what := upper(named(t))
		if t.StatusAt(v.now) == token.Active {
			c.Body = []string{what + " stops working at once and is removed from the list. This can't be undone."}
		} else {
			c.Body = []string{what + " has stopped working already. Deleting removes it from the list; the audit log keeps its history."}
		}
		if t.Legacy() {
			c.Body = append(c.Body, "Importing its file again brings it back. Revoke it instead to stop it for good.")
		}
		if t.Owner.ID != v.by.User.ID {
			c.Body = append(c.Body, "It belongs to "+t.Owner.Name+".")
		}
	})
}

func (v *visit) deleteSent() error {
	if err := v.authority.DeleteToken(v.r.Context(), v.by, v.in.Slug, v.r.PathValue("id")); err != nil {
		return err
	}
	return v.goTo(said(v.afterDeleting(kindTokens), "deleted"))
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func (v *visit) regenerate() error {
	return v.confirm(token.ActRegenerate, func(t *token.Token, c *confirmation) {
		rules := &v.in.Policy.Tokens
		c.Title, c.Button, c.Danger = "Regenerate "+v.noun(), "Regenerate", false
		if t.Name != "" {
			c.Title = "Regenerate " + named(t)
		}
		c.Body = []string{"You get a new secret. The old one fails at once: replace it wherever you use it."}
		if until, bad := rules.Expiry.Decide(rules.Expiry.Renewed(t), v.now); len(bad) == 0 && !until.IsZero() {
			c.Body = append(c.Body, "The new one is valid until "+until.Format("2 January 2006")+".")
		}
		c.Seen = strconv.FormatInt(t.CreatedAt.UnixMicro(), 10)
	})
}

// regenerateSent answers with the new secret. The form says which secret it saw: sent again, by reloading
// the answer, it must not end the secret that was just made.
func (v *visit) regenerateSent() error {
	if ok, err := v.confirmed("Regenerate"); !ok {
		return err
	}
	t, _, err := v.subject()
	if err != nil {
		return err
	}
	if v.form("seen") != strconv.FormatInt(t.CreatedAt.UnixMicro(), 10) {
		return v.showTokens(http.StatusConflict, "already", map[string]any{
			"Close": v.list(kindTokens), "Words": v.words(), "Text": "This token was already regenerated. If you did not copy the new secret, regenerate it again: it can't be shown again.",
		})
	}
	made, secret, err := v.authority.RegenerateToken(v.r.Context(), v.by, v.in.Slug, t.ID, token.Choice{})
	switch f := fault.From(err); {
	case err == nil:
		return v.showSecret(&made, secret)
	case f.Code == api.CodeRecentSignInRequired:
		return v.askPassword("Regenerate", problems{})
	case correctable(f):
		return v.showTokens(web.StatusOf(f), "already", map[string]any{"Close": v.list(kindTokens), "Words": v.words(), "Text": f.Detail})
	}
	return err
}

// editForm is the dialog that changes a token's scopes, and nothing else.
type editForm struct {
	Title, Name, Path, Cancel string
	Words                     token.Labels
	Scopes                    *scopePicker
	Problems                  problems
	Saved                     bool
}

func (v *visit) editForm(t *token.Token, chosen []string) editForm {
	f := editForm{Title: "Edit " + v.noun(), Name: titleOf(t), Path: v.r.URL.RequestURI(), Cancel: v.backFrom(t.ID), Words: v.words()}
	rule := v.in.Policy.Tokens.Scope
	f.Scopes = v.scopePicker(chosen, v.form("choose"), rule.Need)
	return f
}

func (v *visit) editScopes() error {
	t, _, err := v.subject()
	if err != nil {
		return err
	}
	if err := v.offered(&t, token.ActEditScope); err != nil {
		return err
	}
	return v.showOver(&t, 0, "edit", v.editForm(&t, t.Scopes))
}

func (v *visit) editScopesSent() error {
	t, _, err := v.subject()
	if err != nil {
		return err
	}
	chosen := slices.Clone(v.sent["scopes"])
	if v.form("choose") != "" {
		return v.showOver(&t, 0, "edit", v.editForm(&t, chosen))
	}
	changed, err := v.authority.SetTokenScopes(v.r.Context(), v.by, v.in.Slug, t.ID, chosen)
	if err == nil {
		f := v.editForm(&changed, changed.Scopes)
		f.Saved = true
		return v.showOver(&changed, 0, "edit", f)
	}
	if f := fault.From(err); correctable(f) {
		form := v.editForm(&t, chosen)
		form.Problems = problemsOf(f, map[string]string{"scopes": "scopes"})
		form.Scopes.Problem = form.Problems.At("scopes")
		return v.showOver(&t, web.StatusOf(f), "edit", form)
	}
	return err
}

// tokenPage is a token's own page.
type tokenPage struct {
	Row                                 row
	Words                               token.Labels
	Columns                             columns
	ID, Name, Description, Hint, Owner  string
	Mine                                bool
	Created, Expires, Revoked, LastUsed moment
	Expiry                              string
	Reason                              string
	Chart                               chart
	Events                              []eventDay
}

const tokenPageDays, tokenPageEvents = 30, 20

func (v *visit) token() error {
	t, _, err := v.subject()
	if err != nil {
		return err
	}
	if t.Legacy() {
		if err := v.maySeeLegacy(&t); err != nil {
			return err
		}
	} else if !v.in.Policy.Tokens.Allows(token.ActView) && !v.isAdministrator() {
		return notOffered()
	}
	return v.showToken(&t, 0, "", nil)
}

func (v *visit) showToken(t *token.Token, status int, dialog string, ask any) error {
	d := tokenPage{
		Row: v.row(t, fromPage), Words: v.words(), Columns: v.columns(), ID: t.ID, Name: t.Name, Description: t.Description, Hint: t.Hint,
		Owner: t.Owner.Name, Mine: t.Owner.ID == v.by.User.ID, Created: v.moment(t.CreatedAt, t.CreatedAt.Format(exactForm)),
		LastUsed: v.ago(t.LastUsedAt, "Never"), Reason: t.RevokeReason,
	}
	d.Row.Inline = false
	d.Expires = v.expiry(t.ExpiresAt, d.Row.Ended())
	if !t.RevokedAt.IsZero() && !t.ExpiresAt.IsZero() {
		d.Expires = v.day(t.ExpiresAt) // no "in 9 months": it is over
	}
	if !t.ExpiresAt.IsZero() {
		d.Expiry = t.ExpiresAt.UTC().Format(exactForm)
	}
	if !t.RevokedAt.IsZero() {
		d.Revoked = v.moment(t.RevokedAt, t.RevokedAt.UTC().Format(exactForm))
	}
	var err error
	if d.Chart, d.Events, err = v.past(t.ID); err != nil {
		return err
	}
	here, crumbs, up := v.hereOf(kindTokens), v.crumbs(kindTokens, d.Row.Title), ""
	if t.Legacy() {
		here, crumbs, up = "legacy-own", []string{"Legacy tokens", d.Row.Title}, v.legacyHome()
	}
	if v.query("from") == fromImports {
		here, crumbs, up = "legacy", []string{"Administration", "Legacy tokens", d.Row.Title}, v.at("admin", "legacy")
	} else if v.fromInventory() || !d.Mine && !v.columns().CreatedBy {
		here, crumbs, up = v.underAll(d.Row.Title)
	}
	return v.show(page{
		title: d.Row.Title, name: "token", data: d, here: here, crumbs: crumbs, up: up, note: v.noteOf(doneNotes()),
		dialog: dialog, ask: ask, status: status,
	})
}
