package ui

import (
	"net/http"
	"net/url"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
)

// legacyPage is the list of one's own legacy tokens. It stands below the lists of what takes their place, and on
// a page of its own, to which who still uses one is led.
type legacyPage struct {
	Rows        []row
	Stops, When moment // Stops.Machine is "" when no day is set
	Over        bool   // the day has come
	Below       bool
	Move        bool   // there is something to move to
	Why         string // why there is not; "" when there is nothing to say
	Next        string
}

// legacyHome is the address of the page with one's legacy tokens.
func (v *visit) legacyHome() string {
	for _, k := range []kind{kindTokens, kindOAuth} {
		if v.has(k) {
			return v.list(k)
		}
	}
	return v.at("legacy-tokens")
}

// showLegacyHome renders that page with a dialog over it.
func (v *visit) showLegacyHome(status int, dialog string, ask any) error {
	for _, k := range []kind{kindTokens, kindOAuth} {
		if v.has(k) {
			return v.showList(k, status, dialog, ask)
		}
	}
	return v.showLegacy(status, dialog, ask)
}

// legacySection is the caller's legacy tokens.
func (v *visit) legacySection() (*legacyPage, error) {
	d := &legacyPage{}
	q := authority.TokenQuery{Page: authority.Page{After: v.query("legacy_after"), Limit: listLength + 1}}
	list, err := v.authority.LegacyTokens(v.r.Context(), v.by, v.in.Slug, q)
	if err != nil {
		return nil, err
	}
	if len(list) > listLength {
		list = list[:listLength]
		d.Next = v.at("legacy-tokens") + "?legacy_after=" + list[listLength-1].ID
	}
	if len(list) == 0 {
		return d, nil
	}
	for i := range list {
		d.Rows = append(d.Rows, v.row(&list[i], fromLegacy))
	}
	stops, err := v.authority.LegacyStop(v.r.Context(), v.by, v.in.Slug)
	if err != nil {
		return nil, err
	}
	d.Stops, d.When, d.Over = v.stopDay(stops)
	var k kind
	k, d.Why, err = v.moveTo()
	d.Move = k != ""
	return d, err
}

// stopDay is the day on which legacy tokens stop.
func (v *visit) stopDay(stops time.Time) (day, when moment, over bool) {
	if stops.IsZero() {
		return moment{}, moment{}, false
	}
	over = !stops.After(v.now)
	return v.day(stops), v.expiry(stops, over), over
}

// legacyTokens is the page of one's legacy tokens alone.
func (v *visit) legacyTokens() error { return v.showLegacy(0, "", nil) }

func (v *visit) showLegacy(status int, dialog string, ask any) error {
	d, err := v.legacySection()
	if err != nil {
		return err
	}
	return v.show(page{
		title: "Legacy tokens", name: "legacy-own", data: d, here: "legacy-own", crumbs: []string{"Legacy tokens"}, note: v.noteOf(doneNotes()),
		dialog: dialog, ask: ask, status: status,
	})
}

// moveTo is the kind of what takes a legacy token's place: a personal access token, else an OAuth token; "" where
// the caller can't make either, and why.
func (v *visit) moveTo() (k kind, why string, err error) {
	if v.has(kindTokens) && v.access(kindTokens).Creates(v.in.Role) {
		add, err := v.addButton()
		if err != nil || add.Why == "" {
			return kindTokens, "", err
		}
		why = add.Why
	}
	if v.has(kindOAuth) && v.access(kindOAuth).Creates(v.in.Role) {
		full, err := v.whyNoOAuth()
		if err != nil || full == "" {
			return kindOAuth, "", err
		}
		why = full
	}
	return "", why, nil
}

// moveLegacy shows the form for what takes a legacy token's place, filled in with its name and scopes as far as
// the policy goes.
func (v *visit) moveLegacy() error {
	t, err := v.authority.Token(v.r.Context(), v.by, v.in.Slug, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	if !t.Legacy() || t.Owner.ID != v.by.User.ID {
		return fault.Missing()
	}
	k, why, err := v.moveTo()
	if err != nil {
		return err
	}
	from := url.Values{"name": {t.Name}, "description": {t.Description}, "scopes": t.ScopesFor(v.in.Catalogue, v.in.Role), "replaces": {t.ID}}
	if rules := &v.in.Policy.Tokens; rules.Name == token.None && t.Description == "" {
		from.Set("description", t.Name)
	}
	switch {
	case k == kindOAuth:
		return v.showList(k, 0, "generate", v.generateForm(from))
	case k == kindTokens && asks(&v.in.Policy.Tokens):
		return v.showTokens(0, "create", v.createForm(from))
	case k == kindTokens: // there is nothing to fill in
		return v.showTokens(0, "move", v.createForm(from))
	case why == "":
		return notOffered()
	}
	return v.showLegacyHome(http.StatusConflict, "already", map[string]any{"Close": v.legacyHome(), "Words": token.Labels{CreateTitle: "Move to a new token"}, "Text": why})
}

// replaced offers to stop the legacy token whose place a new one takes.
type replaced struct{ Title, Path string }

// replacing is what the form says that a new one takes the place of. A form can say anything: what isn't the
// caller's own is as if it said nothing.
func (v *visit) replacing() (*replaced, error) {
	id := v.form("replaces")
	if id == "" {
		return nil, nil
	}
	t, err := v.authority.Token(v.r.Context(), v.by, v.in.Slug, id)
	if err != nil {
		if fault.From(err).Kind != fault.Internal {
			err = nil // it is gone, or was never the caller's to see
		}
		return nil, err
	}
	if !t.Legacy() || t.Owner.ID != v.by.User.ID || t.StatusAt(v.now) != token.Active {
		return nil, nil
	}
	return &replaced{Title: titleOf(&t), Path: v.at("tokens", t.ID, "revoke") + "?from=" + fromLegacy}, nil
}

// legacyActs are those of a legacy token: it can be ended, whatever the policy offers.
func (v *visit) legacyActs(t *token.Token, from string) []act {
	own, status := t.Owner.ID == v.by.User.ID, t.StatusAt(v.now)
	if !own && !v.oversees(kindTokens) {
		return nil
	}
	var out []act
	if from != fromPage {
		out = append(out, v.act(token.ActView, t, from))
	} else if from = v.query("from"); !own && from != fromImports {
		from = fromAll
	} else if from != fromAll && from != fromImports {
		from = fromLegacy // its owner may have no list of tokens to come back to
	}
	if status == token.Active {
		out = append(out, v.act(token.ActRevoke, t, from))
	}
	return append(out, v.act(token.ActDelete, t, from))
}

// maySeeLegacy refuses who has nothing to see on a legacy token's page.
func (v *visit) maySeeLegacy(t *token.Token) error {
	if t.Owner.ID == v.by.User.ID || v.oversees(kindTokens) {
		return nil
	}
	return fault.New(fault.Forbidden, api.CodeNotOwner, "This token belongs to somebody else.")
}
