package ui

import (
	"slices"
	"strings"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
)

// listsPage is a page with the lists of one kind or several: those to which the policy gives one menu path.
type listsPage struct {
	Title    string // where there are several; else the list's own title is the page's
	Sections []listSection
	Legacy   *legacyPage // nil: none, or they stand elsewhere
}

// listSection is one list, with its title and the button that makes a new one.
type listSection struct {
	Kind   kind
	Words  token.Labels
	Add    addButton
	Read   string // where the pages are that say how to read data with one; "" when one can't
	Below  bool   // it stands under the page's title, and its own is a smaller one
	Tokens *tokensPage
	Apps   *appsPage
	OAuth  *oauthPage
}

// addButton is the primary button: a link to the form, or, where the form would ask nothing, the form itself.
type addButton struct {
	Offered bool
	Why     string // why it is disabled; "" when it is not
	Direct  bool
	Nonce   string
	Path    string
}

// mayList refuses who doesn't have the list of a kind.
func (v *visit) mayList(k kind) error {
	switch {
	case !v.access(k).Offered:
		return fault.New(fault.Forbidden, api.CodeKindNotOffered, "This workspace does not offer "+pluralOf(k)+".")
	case !v.has(k):
		return fault.New(fault.Forbidden, api.CodeRoleNotAllowed, "Your role in this workspace does not allow this. Ask an administrator.")
	}
	return nil
}

// mayMake refuses who can't make one of a kind.
func (v *visit) mayMake(k kind) error {
	if err := v.mayList(k); err != nil {
		return err
	}
	if !v.access(k).Creates(v.in.Role) {
		return fault.New(fault.Forbidden, api.CodeRoleNotAllowed, "Your role in this workspace does not allow this. Ask an administrator.")
	}
	return nil
}

// openList shows a kind's list, or leads to the page that it shares with others.
func (v *visit) openList(k kind) error {
	if err := v.mayList(k); err != nil {
		return err
	}
	if v.lead(k) != k {
		to := v.list(k)
		if q := v.r.URL.RawQuery; q != "" {
			to += "?" + q
		}
		return v.goTo(to)
	}
	return v.showList(k, 0, "", nil)
}

// showList renders the page that holds a kind's list, with a dialog over it if there is one.
func (v *visit) showList(k kind, status int, dialog string, ask any) error {
	var d listsPage
	shared := v.together(k)
	for _, one := range shared {
		s, err := v.sectionOf(one)
		if err != nil {
			return err
		}
		s.Below, s.Read = len(shared) > 1, v.connectWith(one)
		d.Sections = append(d.Sections, s)
	}
	if slices.Contains(shared, kindTokens) || slices.Contains(shared, kindOAuth) {
		l, err := v.legacySection()
		if err != nil {
			return err
		}
		if l.Below = true; len(l.Rows) > 0 {
			d.Legacy = l
		}
	}
	title := v.wordsOf(k).Title
	if m := v.menu(k); len(shared) > 1 {
		d.Title = m[len(m)-1]
		title = d.Title
	}
	return v.show(page{
		title: title, name: "lists", data: d, here: v.hereOf(k), tab: string(v.lead(k)), crumbs: v.crumbs(k), note: v.noteOf(doneNotes()),
		dialog: dialog, ask: ask, status: status,
	})
}

func (v *visit) sectionOf(k kind) (listSection, error) {
	switch k {
	case kindApps:
		return v.appsSection()
	case kindOAuth:
		return v.oauthSection()
	default:
		return v.tokensSection()
	}
}

// doneNotes are what a page says about what has just been done. Only these can be said: the address names
// one of them.
func doneNotes() map[string]string {
	return map[string]string{
		"revoked":        "The token is revoked. It has stopped working.",
		"deleted":        "The token is deleted. It has stopped working.",
		"app-changed":    "Your changes to the app are saved. They count from the next request on.",
		"app-disabled":   "The app is disabled. Its credentials have stopped working.",
		"app-activated":  "The app is active. Its credentials work again.",
		"app-deleted":    "The app is deleted. Its credentials have stopped working.",
		"secret-ended":   "The old client secret has stopped working.",
		"oauth-disabled": "The OAuth token is disabled. Its refresh token has stopped working.",
		"oauth-deleted":  "The OAuth token is deleted. Its refresh token has stopped working.",

		"app-disabled-later":   "The app is disabled. Its client secret has stopped working; an access token works until it expires.",
		"app-deleted-later":    "The app is deleted. Its client secret has stopped working; an access token works until it expires.",
		"oauth-disabled-later": "The OAuth token is disabled. Its refresh token has stopped working; an access token works until it expires.",
		"oauth-deleted-later":  "The OAuth token is deleted. Its refresh token has stopped working; an access token works until it expires.",
	}
}

// said is the address of a page that says what has just been done.
func said(path, note string) string {
	if strings.Contains(path, "?") {
		return path + "&done=" + note
	}
	return path + "?done=" + note
}

func (v *visit) noteOf(notes map[string]string) string { return notes[v.query("done")] }
