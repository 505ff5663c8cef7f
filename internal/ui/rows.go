package ui

import (
	"net/url"
	"slices"
	"strings"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/token"
)

// row is a token in a list.
type row struct {
	ID, Title, Detail string
	Path              string // of its page; "" where the policy offers no view
	Owner             string
	Scopes            scopeChips
	Status            token.Status
	Created           moment
	Refreshed         moment // of an OAuth token: when its refresh token was used last
	Pick              bool   // it can be ticked, to act on several at once
	Ending            string // "Revoked" or "Expired", before Expires; "" while the token works
	Expires           moment // when it ends, or when it ended
	LastUsed          moment
	LastIP            string
	Made              bool // a moment ago: it gets a green check that fades
	Actions           []act
	Inline            bool // the actions are few enough to stand in the row
	Legacy            bool
	Move              string // of a legacy token: where the form for a new one is
}

// Ended reports whether it is over for good. A disabled app can be activated again; it has no expiry.
func (r row) Ended() bool { return r.Status != token.Active }

// scopeChips are a token's scopes by their titles: three, and how many more.
type scopeChips struct {
	First []string
	More  []string
	All   bool // whatever its owner may do
}

// Hidden names what stands behind the "+n".
func (s scopeChips) Hidden() string { return strings.Join(s.More, ", ") }

// act is something that can be done to a token.
type act struct {
	Key, Label, Icon, Path string
	Warns                  bool
}

const shownChips = 3

func (v *visit) chips(t *token.Token) scopeChips {
	c := v.chipsOf(t.Scopes)
	c.All = t.AllScopes
	return c
}

func (v *visit) chipsOf(scopes token.Scopes) scopeChips {
	var c scopeChips
	for i, name := range scopes {
		title := name
		if s, ok := v.in.Catalogue.Find(name); ok {
			title = s.Title
		}
		if i < shownChips {
			c.First = append(c.First, title)
		} else {
			c.More = append(c.More, title)
		}
	}
	return c
}

// row prepares a token for a list. from says which list, so that what is done leads back to it.
func (v *visit) row(t *token.Token, from string) row {
	status := t.StatusAt(v.now)
	r := row{
		ID: t.ID, Title: titleOf(t), Owner: t.Owner.Name, Scopes: v.chips(t), Status: status,
		Created: v.day(t.CreatedAt), Expires: v.expiry(t.ExpiresAt, status != token.Active), LastUsed: v.ago(t.LastUsedAt, "Never"),
		Actions: v.acts(t, from),
	}
	if r.Ended() {
		r.Ending = upper(string(status))
	}
	if status == token.Revoked {
		// The expiry that it would have had is of no use to anybody.
		r.Expires = v.ago(t.RevokedAt, "")
	}
	if t.Name != "" {
		r.Detail = t.Description
	}
	if t.LastUsedIP.IsValid() {
		r.LastIP = t.LastUsedIP.String()
	}
	if v.in.Policy.Tokens.Allows(token.ActView) || from == fromAll {
		r.Path = v.at("tokens", t.ID)
		if from == fromAll {
			r.Path += v.begun(from)
		}
	}
	r.Inline = inline(r.Actions)
	if r.Legacy = t.Legacy(); r.Legacy {
		r.Path, r.Inline = v.act(token.ActView, t, from).Path, false
		if status != token.Revoked {
			r.Move = v.at("legacy-tokens", t.ID, "move")
		}
	}
	return r
}

// inline reports whether actions are few enough to stand in the row.
func inline(a []act) bool {
	return len(a) == 1 && a[0].Key != string(token.ActView) || len(a) == 2 && a[0].Key == string(token.ActEditScope)
}

// titleOf is how people call a token: by its name, its description, or the end of its secret.
func titleOf(t *token.Token) string {
	switch {
	case t.Name != "":
		return t.Name
	case t.Description != "":
		return t.Description
	case t.Hint == "":
		return "Legacy token" // of which only a hash is known
	}
	return "Token …" + t.Hint
}

// Where an action was begun, and so where it returns to.
const (
	fromList = ""
	fromPage = "page"
	fromAll  = "all"

	fromLegacy  = "legacy"  // one's own legacy tokens
	fromImports = "imports" // those of the workspace
)

// begun is the part of an address that says where an action is begun: in the inventory, with its filters, or
// on a page that was opened from there.
func (v *visit) begun(from string) string {
	if from == fromList {
		return ""
	}
	q := "?from=" + from
	if from == fromPage && v.fromInventory() {
		q += "&under=" + fromAll
	} else if from != fromAll {
		return q
	}
	if list := v.inventoryQuery(); list != "" {
		q += "&list=" + url.QueryEscape(list)
	}
	return q
}

// fromInventory reports whether a credential's page was opened from the inventory.
func (v *visit) fromInventory() bool {
	return v.query("from") == fromAll || v.query("under") == fromAll
}

// acts lists what the caller may do to a token now: what the policy offers for their own, and stopping
// for an administrator.
func (v *visit) acts(t *token.Token, from string) []act {
	if t.Legacy() {
		return v.legacyActs(t, from)
	}
	rules := &v.in.Policy.Tokens
	own := t.Owner.ID == v.by.User.ID
	status := t.StatusAt(v.now)
	var out []act
	for _, a := range token.TokenActions() {
		stops := a == token.ActRevoke || a == token.ActDelete
		offered := own && v.hasTokens() && rules.Allows(a)
		if a == token.ActView {
			offered = rules.Allows(a) || v.isAdministrator() && from == fromAll
		}
		offered = offered || !own && stops && v.isAdministrator()
		offered = offered || own && a == token.ActRevoke && v.isAdministrator() && from == fromAll
		switch a {
		case token.ActView:
			offered = offered && from != fromPage
		case token.ActRegenerate, token.ActEditScope:
			offered = offered && status != token.Revoked
		case token.ActRevoke:
			offered = offered && status == token.Active
		case token.ActDelete:
			offered = offered && (rules.Delete == token.DeleteAnyTime || status != token.Active)
		default:
		}
		if offered {
			out = append(out, v.act(a, t, from))
		}
	}
	return out
}

func (v *visit) act(a token.Action, t *token.Token, from string) act {
	path, query := v.at("tokens", t.ID), v.begun(from)
	switch a {
	case token.ActRegenerate:
		return act{Key: string(a), Label: "Regenerate", Icon: "again", Path: path + "/regenerate" + query}
	case token.ActEditScope:
		return act{Key: string(a), Label: "Edit", Icon: "edit", Path: path + "/scopes" + query}
	case token.ActRevoke:
		return act{Key: string(a), Label: "Revoke", Icon: "stop", Path: path + "/revoke" + query, Warns: true}
	case token.ActDelete:
		return act{Key: string(a), Label: "Delete", Icon: "trash", Path: path + "/delete" + query, Warns: true}
	default:
		return act{Key: string(a), Label: "View", Icon: "eye", Path: path + query}
	}
}

// columns says which columns the policy knows.
type columns struct {
	First                      string // heading of the first column; "" when tokens have nothing to be called by
	Scopes, CreatedBy, Created bool
	Span                       int
}

func (v *visit) columns() columns {
	r, w := &v.in.Policy.Tokens, v.words()
	c := columns{Scopes: r.Scope.Mode != token.ScopesNone, CreatedBy: r.List == token.ListWorkspace, Created: r.List != token.ListWorkspace, Span: 5}
	switch {
	case r.Name != token.None:
		c.First = w.Name
	case r.Description != token.None:
		c.First = w.Description
	}
	if c.First != "" {
		c.Span++
	}
	if c.Scopes {
		c.Span++
	}
	return c
}

// tokensPage is the list of one's tokens, in the words and with the columns of the policy.
type tokensPage struct {
	Columns     columns
	Live, Ended []row
	HideEnded   bool
	Next        string // address of the next part of the list
	Path        string
}

// asks reports whether making a token asks for anything.
func asks(r *token.TokenRules) bool {
	return r.Name != token.None || r.Description != token.None || r.Scope.Mode == token.ScopesChosen || r.Expiry.Mode == token.ExpiryChosen
}

func (v *visit) addButton() (addButton, error) {
	rules := &v.in.Policy.Tokens
	b := addButton{Offered: rules.Creates(v.in.Role), Direct: !asks(rules), Path: v.at("tokens", "new")}
	if !b.Offered {
		return b, nil
	}
	room, err := v.authority.Room(v.r.Context(), v.by, v.in.Slug)
	if err != nil {
		return b, err
	}
	if room.Full() {
		b.Why = whyFull(rules, room)
	}
	if b.Direct {
		b.Nonce = newNonce()
	}
	return b, nil
}

// whyFull says why no other token can be made, and what to do about it.
func whyFull(r *token.TokenRules, room authority.Room) string {
	what := "You already have a token."
	if room.Limit > 1 {
		what = "You already have " + count(room.Held, "token") + ", as many as you may."
	}
	var can []string
	if r.Allows(token.ActRegenerate) && room.Limit == 1 {
		can = append(can, "Regenerate")
	}
	if r.Allows(token.ActDelete) && r.Delete == token.DeleteAnyTime {
		can = append(can, "Delete")
	} else if r.Allows(token.ActRevoke) {
		can = append(can, "Revoke")
	}
	if len(can) == 0 {
		return what
	}
	for i := range can[1:] {
		can[i+1] = strings.ToLower(can[i+1])
	}
	object := " it first."
	if room.Limit > 1 {
		object = " one first."
	}
	return what + " " + strings.Join(can, " or ") + object
}

// listLength is how many rows a list shows at once.
const listLength = 100

// tokensSection is the list of personal access tokens.
func (v *visit) tokensSection() (listSection, error) {
	d := &tokensPage{Columns: v.columns(), Path: v.list(kindTokens), HideEnded: v.query("ended") == "hide"}
	s := listSection{Kind: kindTokens, Words: v.words(), Tokens: d}
	list, err := v.authority.Tokens(v.r.Context(), v.by, v.in.Slug, authority.TokenQuery{Page: authority.Page{After: v.query("after"), Limit: listLength + 1}})
	if err != nil {
		return s, err
	}
	if len(list) > listLength {
		list = list[:listLength]
		d.Next = d.Path + "?after=" + list[listLength-1].ID
	}
	made := v.query("made")
	for i := range list {
		r := v.row(&list[i], fromList)
		r.Made = r.ID == made
		if r.Ended() {
			d.Ended = append(d.Ended, r)
		} else {
			d.Live = append(d.Live, r)
		}
	}
	s.Add, err = v.addButton()
	return s, err
}

// showTokens renders the list of personal access tokens, with a dialog over it if there is one.
func (v *visit) showTokens(status int, dialog string, ask any) error {
	return v.showList(kindTokens, status, dialog, ask)
}

func (v *visit) tokens() error { return v.openList(kindTokens) }

// holdable lists the scopes of the catalogue that somebody's tokens may hold.
func holdable(c token.Catalogue) token.Catalogue {
	return slices.DeleteFunc(slices.Clone(c), func(s token.CatalogueScope) bool { return len(s.Roles) == 0 })
}
