package ui

import (
	"net/url"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/token"
)

// allPage is everyone's tokens, for administrators.
type allPage struct {
	Rows     []row
	Words    token.Labels
	Columns  columns
	Path     string
	Batch    string
	CSV      string
	Query    string // the filters, to come back to
	Search   string
	Owners   []option
	Statuses []option
	Scopes   []option
	Unused   bool
	Soon     bool
	Never    bool
	Filtered bool
	Next     string
}

// Spans of the filters.
const (
	unusedDays = 90
	soonDays   = 30
)

func (v *visit) allTokens() error { return v.showAll(0, "", nil) }

func (v *visit) allFilter() authority.TokenFilter {
	f := authority.TokenFilter{OwnerID: v.query("owner"), Status: token.Status(v.query("status")), Scope: v.query("scope"), Search: v.query("q"), NeverExpires: v.query("never") != ""}
	if v.query("unused") != "" {
		f.UnusedSince = v.now.AddDate(0, 0, -unusedDays)
	}
	if v.query("soon") != "" {
		f.ExpiresBefore = v.now.AddDate(0, 0, soonDays)
	}
	return f
}

func (v *visit) showAll(status int, dialog string, ask any) error {
	if err := v.needAdministrator(); err != nil {
		return err
	}
	f := v.allFilter()
	list, err := v.authority.Tokens(v.r.Context(), v.by, v.in.Slug, authority.TokenQuery{
		Everyone: true, Filter: f, Page: authority.Page{After: v.query("after"), Limit: listLength + 1},
	})
	if err != nil {
		return err
	}
	d := allPage{
		Words: v.words(), Columns: v.columns(), Path: v.at("admin", "tokens"), Search: f.Search, Unused: !f.UnusedSince.IsZero(),
		Soon: !f.ExpiresBefore.IsZero(), Never: f.NeverExpires,
	}
	d.Filtered = v.filterQuery() != ""
	if len(list) > listLength {
		list = list[:listLength]
		d.Next = v.next(list[listLength-1].ID)
	}
	for i := range list {
		r := v.row(&list[i], fromAll)
		r.Inline = false
		d.Rows = append(d.Rows, r)
	}
	d.Query = v.filterQuery()
	d.CSV = d.Path + ".csv" + d.Query
	d.Batch = d.Path + "/batch" + d.Query
	members, err := v.allMembers()
	if err != nil {
		return err
	}
	for _, m := range members {
		d.Owners = append(d.Owners, option{m.User.ID, m.User.Name, m.User.ID == f.OwnerID})
	}
	for _, s := range []token.Status{token.Active, token.Expired, token.Revoked} {
		d.Statuses = append(d.Statuses, option{string(s), upper(string(s)), s == f.Status})
	}
	for _, s := range holdable(v.in.Catalogue) {
		d.Scopes = append(d.Scopes, option{s.Name, s.Title, s.Name == f.Scope})
	}
	return v.show(page{
		title: "All tokens", name: "all", data: d, here: "all", crumbs: []string{"Administration", "All tokens"}, note: v.noteOf(doneNotes()),
		dialog: dialog, ask: ask, status: status,
	})
}

// filterQuery is the filters as they stand in the address.
func (v *visit) filterQuery() string {
	q := url.Values{}
	for _, k := range []string{"owner", "status", "scope", "q", "never", "unused", "soon", "after"} {
		if s := v.query(k); s != "" {
			q.Set(k, s)
		}
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

func (v *visit) batch() error { return v.goTo(v.at("admin", "tokens") + v.filterQuery()) }

func (v *visit) batchSent() error {
	if err := v.needAdministrator(); err != nil {
		return err
	}
	ids := v.sent["ids"]
	back := v.at("admin", "tokens") + v.filterQuery()
	if len(ids) == 0 {
		return v.goTo(back)
	}
	ids = ids[:min(len(ids), authority.MaxBatch)]
	act := token.ActRevoke
	if v.form("do") == string(token.ActDelete) {
		act = token.ActDelete
	}
	d := newBatch(act, len(ids), "token")
	d.Path, d.Cancel, d.Owners, d.Reason = v.at("admin", "tokens", "batch")+v.filterQuery(), back, true, act == token.ActRevoke
	for _, id := range ids {
		t, err := v.authority.Token(v.r.Context(), v.by, v.in.Slug, id)
		if err != nil {
			if err := d.missing(id, err); err != nil {
				return err
			}
			continue
		}
		d.add(batchRow{ID: id, Title: titleOf(&t), Owner: t.Owner.Name}, t.StatusAt(v.now) == token.Active, t.LastUsedAt, v.now)
	}
	if v.form("confirmed") == "" {
		return v.showBatch(d, v.showAll)
	}
	results, err := v.authority.BatchTokens(v.r.Context(), v.by, v.in.Slug, authority.Batch{Action: act, IDs: ids, Reason: v.form("reason")})
	if err != nil {
		return err
	}
	d.finish(results)
	return v.showBatch(d, v.showAll)
}
