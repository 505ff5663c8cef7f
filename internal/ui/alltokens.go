package ui

import (
	"net/url"
	"slices"
	"strings"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
)

// allPage is the inventory, for administrators: everyone's tokens, imported ones, OAuth tokens, and apps.
type allPage struct {
	Rows             []allRow
	HasScopes        bool // some kind has scopes, so they have a column
	ByUse            bool // a phone, which has no room for both, shows the last use, and not the expiry
	Path, Batch, CSV string
	Search           string
	Kinds, Owners    []option
	Statuses, Scopes []option
	Sorts            []option
	Spans            []span
	Chips            []filterChip
	First, Next      string // addresses of other parts of the list; "" where there is none
}

// allRow is a credential of any kind in the inventory.
type allRow struct {
	row
	Kind listedKind
	Can  string // what can be done to several: "revoke", "delete", both or nothing
}

// listedKind is how a kind of credential is called in the inventory.
type listedKind struct {
	Key            string // in addresses and files
	Icon           string
	One, Many      string // "App", "Apps"
	Legacy, Common bool   // Common: it belongs to the workspace, not to who is named beside it
	kind           token.Kind
}

func listedKinds() []listedKind {
	return []listedKind{
		{Key: "pat", Icon: "key", One: "Personal", Many: "Personal access tokens", kind: token.KindPAT},
		{Key: "legacy", Icon: "clock", One: "Legacy", Many: "Legacy tokens", Legacy: true, kind: token.KindLegacy},
		{Key: "oauth_token", Icon: "refresh", One: "OAuth token", Many: "OAuth tokens", kind: token.KindRefresh},
		{Key: "app", Icon: "app", One: "App", Many: "Apps", Common: true, kind: token.KindApp},
	}
}

func listedKindOf(k token.Kind) listedKind {
	all := listedKinds()
	return all[max(0, slices.IndexFunc(all, func(w listedKind) bool { return w.kind == k }))]
}

// span is a filter that is on or off.
type span struct {
	Key, Label string
	On         bool
}

// filterChip is a filter that is on, with the address of the list without it.
type filterChip struct{ Label, Without string }

// Spans of the filters.
const (
	unusedDays = 90
	soonDays   = 30
)

// inventoryOrders are the orders of the inventory as people are offered them.
func inventoryOrders() []option {
	return []option{
		{Value: string(authority.NewestFirst), Label: "Newest first"},
		{Value: string(authority.ExpiresFirst), Label: "Expires soonest"},
		{Value: string(authority.IdleFirst), Label: "Unused longest"},
		{Value: string(authority.ByName), Label: "By name"},
		{Value: string(authority.ByOwner), Label: "By owner"},
	}
}

func inventoryStatuses() []token.Status {
	return []token.Status{token.Active, token.Expired, token.Revoked, token.Disabled}
}

// allFilter is what the address asks for. What it asks for that doesn't exist is left out.
func (v *visit) allFilter() authority.InventoryFilter {
	f := authority.InventoryFilter{OwnerID: v.query("owner"), Scope: v.query("scope"), Search: v.query("q"), NeverExpires: v.query("never") != ""}
	for _, w := range listedKinds() {
		if w.Key == v.query("kind") {
			f.Kind = w.kind
		}
	}
	if s := token.Status(v.query("status")); slices.Contains(inventoryStatuses(), s) {
		f.Status = s
	}
	if s := v.query("sort"); slices.ContainsFunc(inventoryOrders(), func(o option) bool { return o.Value == s }) {
		f.Sort = authority.Sort(s)
	}
	if v.query("unused") != "" {
		f.UnusedSince = v.now.AddDate(0, 0, -unusedDays)
	}
	if v.query("soon") != "" {
		f.ExpiresBefore = v.now.AddDate(0, 0, soonDays)
	}
	return f
}

// inventoryKeys are the parameters of the list's address: the filters, the order and the place in it.
func inventoryKeys() []string {
	return []string{"q", "kind", "owner", "status", "scope", "soon", "unused", "never", "sort", "after"}
}

// inventory is the address of something about the list as it is filtered and ordered now, but for some parameters.
func (v *visit) inventory(path string, but ...string) string { return narrowed(path, v.asked, but...) }

func narrowed(path string, by url.Values, but ...string) string {
	q := url.Values{}
	for _, k := range inventoryKeys() {
		if s := strings.TrimSpace(by.Get(k)); s != "" && !slices.Contains(but, k) {
			q.Set(k, s)
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// inventoryQuery is how the inventory is filtered and ordered, on its page and on those opened from there.
func (v *visit) inventoryQuery() string {
	by := v.asked
	if v.r.PathValue("id") != "" {
		var err error
		if by, err = url.ParseQuery(v.query("list")); err != nil {
			return ""
		}
	}
	return strings.TrimPrefix(narrowed("", by), "?")
}

// overview is the address of the inventory, as it was left.
func (v *visit) overview() string {
	if q := v.inventoryQuery(); q != "" {
		return v.at("admin", "tokens") + "?" + q
	}
	return v.at("admin", "tokens")
}

// underAll is where a credential's page stands that was opened from the inventory.
func (v *visit) underAll(title string) (here string, crumbs []string, up string) {
	return "all", []string{"Administration", "All tokens", title}, v.overview()
}

func (v *visit) allTokens() error { return v.showAll(0, "", nil) }

func (v *visit) showAll(status int, dialog string, ask any) error {
	if err := v.needAdministrator(); err != nil {
		return err
	}
	path := v.at("admin", "tokens")
	f, after := v.allFilter(), v.query("after")
	list, next, err := v.authority.Inventory(v.r.Context(), v.by, v.in.Slug, authority.InventoryQuery{Filter: f, After: after, Limit: listLength})
	if after != "" && (err == nil && len(list) == 0 || fault.CodeOf(err) == api.CodeBadCursor) {
		return v.goTo(v.inventory(path, "after")) // what was there is gone, or the order is another one
	}
	if err != nil {
		return err
	}
	d := allPage{
		Path: path, Batch: v.inventory(path + "/batch"), CSV: v.inventory(path+".csv", "after"), Search: f.Search,
		ByUse:     f.Sort == authority.IdleFirst || !f.UnusedSince.IsZero(),
		HasScopes: v.in.Policy.Tokens.Scope.Mode != token.ScopesNone || v.in.Policy.Apps.Offered || v.in.Policy.OAuthTokens.Offered,
	}
	if after != "" {
		d.First = v.inventory(path, "after")
	}
	if next != "" {
		to := v.inventory(path, "after")
		d.Next = to + map[bool]string{true: "&", false: "?"}[strings.Contains(to, "?")] + "after=" + url.QueryEscape(next)
	}
	for i := range list {
		d.Rows = append(d.Rows, v.allRow(&list[i]))
	}
	if err := v.allOptions(&d, &f, list); err != nil {
		return err
	}
	return v.show(page{
		title: "All tokens", name: "all", data: d, here: "all", crumbs: []string{"Administration", "All tokens"}, note: v.noteOf(doneNotes()),
		dialog: dialog, ask: ask, status: status,
	})
}

// allOptions fills in what can be filtered by, and a chip for each filter that is on.
func (v *visit) allOptions(d *allPage, f *authority.InventoryFilter, list []authority.Credential) error {
	on := func(key, label string) {
		d.Chips = append(d.Chips, filterChip{label, v.inventory(d.Path, key, "after")})
	}
	if f.Search != "" {
		on("q", "“"+f.Search+"”")
	}
	for _, w := range listedKinds() {
		d.Kinds = append(d.Kinds, option{w.Key, w.Many, w.kind == f.Kind})
		if w.kind == f.Kind {
			on("kind", w.Many)
		}
	}
	members, err := v.allMembers()
	if err != nil {
		return err
	}
	owner := "Somebody who left"
	for i := range list {
		if list[i].Owner.ID == f.OwnerID {
			owner = list[i].Owner.Name // apps stay when their maker leaves
		}
	}
	for _, m := range members {
		d.Owners = append(d.Owners, option{m.User.ID, m.User.Name, m.User.ID == f.OwnerID})
		if m.User.ID == f.OwnerID {
			owner = m.User.Name
		}
	}
	if f.OwnerID != "" {
		on("owner", "Owner: "+owner)
	}
	for _, s := range inventoryStatuses() {
		d.Statuses = append(d.Statuses, option{string(s), upper(string(s)), s == f.Status})
	}
	if f.Status != "" {
		on("status", "Status: "+upper(string(f.Status)))
	}
	scope := f.Scope
	for _, s := range holdable(v.in.Catalogue) {
		d.Scopes = append(d.Scopes, option{s.Name, s.Title, s.Name == f.Scope})
		if s.Name == f.Scope {
			scope = s.Title
		}
	}
	if f.Scope != "" {
		on("scope", "Scope: "+scope)
	}
	d.Spans = []span{
		{"soon", "Expiring soon", !f.ExpiresBefore.IsZero()}, {"unused", "Unused for 90 days", !f.UnusedSince.IsZero()}, {"never", "Never expires", f.NeverExpires},
	}
	for _, s := range d.Spans {
		if s.On {
			on(s.Key, s.Label)
		}
	}
	for _, o := range inventoryOrders() {
		o.Selected = o.Value == string(f.Sort)
		d.Sorts = append(d.Sorts, o)
	}
	return nil
}

// allRow prepares a credential for the inventory, as the list of its own kind shows it.
func (v *visit) allRow(c *authority.Credential) allRow {
	r := allRow{Kind: listedKindOf(c.Kind)}
	switch c.Kind {
	case token.KindApp:
		r.row = v.appRow(&token.App{
			ID: c.ID, Name: c.Name, Description: c.Description, CreatedBy: c.Owner, Scopes: c.Scopes, CreatedAt: c.CreatedAt, DisabledAt: c.EndedAt,
			LastUsedAt: c.LastUsedAt, LastUsedIP: c.LastUsedIP,
		}, fromAll)
		r.Expires = moment{Words: "–", Class: "muted"}
		if r.Ended() {
			r.Ending, r.Expires = upper(string(r.Status)), v.ago(c.EndedAt, "")
		}
	case token.KindRefresh:
		r.row = v.oauthRow(&token.OAuthToken{
			ID: c.ID, Name: c.Name, Owner: c.Owner, CreatedAt: c.CreatedAt, ExpiresAt: c.ExpiresAt, DisabledAt: c.EndedAt,
			LastUsedAt: c.LastUsedAt, LastUsedIP: c.LastUsedIP,
		}, fromAll)
		r.Scopes.All = true
	default:
		r.row = v.row(v.inventoried(c), fromAll)
	}
	r.Inline = false
	var can []string
	for _, a := range r.Actions {
		switch token.Action(a.Key) {
		case token.ActRevoke, token.ActDisable:
			can = append(can, string(token.ActRevoke))
		case token.ActDelete:
			can = append(can, string(token.ActDelete))
		default:
		}
	}
	r.Can = strings.Join(can, " ")
	return r
}

// inventoried is the token that a row of the inventory is about, as far as lists show it.
func (v *visit) inventoried(c *authority.Credential) *token.Token {
	t := token.Token{
		ID: c.ID, Name: c.Name, Description: c.Description, Hint: c.Hint, Owner: c.Owner, AllScopes: c.AllScopes, Scopes: c.Scopes,
		CreatedAt: c.CreatedAt, ExpiresAt: c.ExpiresAt, RevokedAt: c.EndedAt, LastUsedAt: c.LastUsedAt, LastUsedIP: c.LastUsedIP,
	}
	if t.Name == "…"+t.Hint {
		t.Name = ""
	}
	if c.Kind == token.KindLegacy {
		t.Scheme = token.SchemeSHA256 // some scheme that isn't ours; lists don't tell them apart
	}
	return &t
}

func (v *visit) batch() error { return v.goTo(v.inventory(v.at("admin", "tokens"))) }

// batchSent asks before several credentials of any kind are stopped or deleted, and does it.
func (v *visit) batchSent() error {
	if err := v.needAdministrator(); err != nil {
		return err
	}
	ids := v.sent["ids"]
	if len(ids) == 0 {
		return v.batch()
	}
	ids = ids[:min(len(ids), authority.MaxBatch)]
	act := token.ActRevoke
	if v.form("do") == string(token.ActDelete) {
		act = token.ActDelete
	}
	confirmed := v.form("confirmed") != ""
	d, err := v.stopping(act, ids, confirmed)
	if err != nil {
		return err
	}
	if !confirmed {
		return v.showBatch(d, v.showAll)
	}
	results, err := v.authority.Stop(v.r.Context(), v.by, v.in.Slug, authority.Batch{Action: act, IDs: ids, Reason: v.form("reason")})
	if err != nil {
		return err
	}
	d.finish(results)
	return v.showBatch(d, v.showAll)
}

// stopping is the dialog about an act on credentials of any kind. Before it is confirmed, those to which the
// act can't be done are left out, unless that leaves none.
func (v *visit) stopping(act token.Action, ids []string, confirmed bool) (*batchDialog, error) {
	var found, left []allRow
	used := map[string]authority.Credential{}
	gone := map[string]error{}
	for _, id := range ids {
		c, err := v.credential(id)
		r := allRow{row: row{ID: id}}
		if gone[id] = err; err == nil {
			used[id], r = c, v.allRow(&c)
		}
		if !confirmed && err == nil && !strings.Contains(r.Can, string(act)) {
			left = append(left, r)
			continue
		}
		found = append(found, r)
	}
	if len(found) == 0 {
		found, left = left, nil
	}
	d := newMixedBatch(act, found)
	d.Path, d.Cancel = v.inventory(v.at("admin", "tokens", "batch")), v.inventory(v.at("admin", "tokens"))
	d.Owners, d.Kinds, d.Reason, d.LeftOut = true, true, act == token.ActRevoke, len(left)
	for i := range found {
		r := &found[i]
		if err := gone[r.ID]; err != nil {
			if err := d.missing(r.ID, err); err != nil {
				return nil, err
			}
			continue
		}
		d.add(batchRow{ID: r.ID, Title: r.Title, Owner: r.Owner, Kind: r.Kind.One}, r.Status == token.Active, used[r.ID].LastUsedAt, v.now)
		if (r.Kind.kind == token.KindApp || r.Kind.kind == token.KindRefresh) && v.in.Policy.AfterStop == token.UntilExpiry {
			d.After = " Access tokens that apps and OAuth tokens got work until they expire, for an hour at most."
		}
	}
	return d, nil
}

// credential finds one of any kind by its id.
func (v *visit) credential(id string) (c authority.Credential, err error) {
	ctx := v.r.Context()
	switch prefix, _, _ := strings.Cut(id, "_"); prefix {
	case token.AppID:
		a, err := v.authority.App(ctx, v.by, v.in.Slug, id)
		return authority.Credential{
			Kind: token.KindApp, ID: a.ID, Name: a.Name, Description: a.Description, Owner: a.CreatedBy, EndedAt: a.DisabledAt, LastUsedAt: a.LastUsedAt,
		}, err
	case token.OAuthTokenID:
		t, err := v.authority.OAuthToken(ctx, v.by, v.in.Slug, id)
		return authority.Credential{
			Kind: token.KindRefresh, ID: t.ID, Name: t.Name, Owner: t.Owner, ExpiresAt: t.ExpiresAt, EndedAt: t.DisabledAt, LastUsedAt: t.LastUsedAt,
		}, err
	default:
		t, err := v.authority.Token(ctx, v.by, v.in.Slug, id)
		return authority.Credential{
			Kind: t.Kind(), ID: t.ID, Name: titleOf(&t), Hint: t.Hint, Owner: t.Owner, ExpiresAt: t.ExpiresAt, EndedAt: t.RevokedAt, LastUsedAt: t.LastUsedAt,
		}, err
	}
}
