package ui

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
)

// appsPage is the workspace's list of apps.
type appsPage struct {
	Rows []row
	Next string
	Path string
}

// mostCounted is how many rows are asked for to count them.
const mostCounted = 200

func (v *visit) appsSection() (listSection, error) {
	d := &appsPage{Path: v.list(kindApps)}
	s := listSection{Kind: kindApps, Words: v.wordsOf(kindApps), Apps: d}
	rules := &v.in.Policy.Apps
	list, err := v.authority.Apps(v.r.Context(), v.by, v.in.Slug, authority.AppQuery{Page: authority.Page{After: v.query("apps_after"), Limit: listLength + 1}})
	if err != nil {
		return s, err
	}
	if len(list) > listLength {
		list = list[:listLength]
		d.Next = d.Path + "?apps_after=" + list[listLength-1].ID
	}
	made := v.query("made")
	for i := range list {
		r := v.appRow(&list[i], fromList)
		r.Made = r.ID == made
		d.Rows = append(d.Rows, r)
	}
	s.Add = addButton{Offered: rules.Creates(v.in.Role), Path: v.at("apps", "new")}
	if s.Add.Offered && rules.PerUser > 0 && rules.PerUser <= mostCounted {
		s.Add.Why, err = v.whyNoApp(rules.PerUser)
	}
	return s, err
}

// whyNoApp says why the caller can't add another app; "" when they can. Disabled ones count, too.
func (v *visit) whyNoApp(most int) (string, error) {
	mine, err := v.authority.Apps(v.r.Context(), v.by, v.in.Slug, authority.AppQuery{
		Filter: authority.AppFilter{CreatedBy: v.by.User.ID}, Page: authority.Page{Limit: most},
	})
	if err != nil || len(mine) < most {
		return "", err
	}
	return "You have added " + count(most, "app") + ", as many as you may. Delete one first.", nil
}

func (v *visit) apps() error { return v.openList(kindApps) }

func (v *visit) appRow(a *token.App, from string) row {
	r := row{
		ID: a.ID, Title: a.Name, Detail: a.Description, Owner: a.CreatedBy.Name, Scopes: v.chipsOf(a.Scopes), Status: a.Status(),
		Created: v.day(a.CreatedAt), LastUsed: v.ago(a.LastUsedAt, "Never"), Actions: v.appActs(a, from),
	}
	if a.LastUsedIP.IsValid() {
		r.LastIP = a.LastUsedIP.String()
	}
	if v.in.Policy.Apps.Allows(token.ActView) || v.oversees(kindApps) {
		r.Path = v.at("apps", a.ID)
		if from == fromAll {
			r.Path += v.begun(from)
		}
	}
	return r
}

// appActs lists what the caller may do to an app now: what the policy offers to whoever has the list, and
// stopping for an administrator. Apps belong to the workspace, not to their makers.
func (v *visit) appActs(a *token.App, from string) []act {
	rules := &v.in.Policy.Apps
	var out []act
	for _, do := range token.AppActions() {
		stops := do == token.ActDisable || do == token.ActDelete
		offered := v.has(kindApps) && rules.Allows(do) || stops && v.oversees(kindApps)
		offered = offered || do == token.ActView && v.oversees(kindApps) && from == fromAll
		switch do {
		case token.ActView:
			offered = offered && from != fromPage
		case token.ActRegenerate:
			offered = offered && v.in.Catalogue.Covers(a.Scopes, v.in.Role)
		case token.ActDisable:
			offered = offered && a.Status() == token.Active
		case token.ActActivate:
			offered = offered && a.Status() == token.Disabled
		case token.ActDelete:
			offered = offered && (rules.Delete == token.DeleteAnyTime || a.Status() != token.Active)
		default:
		}
		if offered {
			out = append(out, v.appAct(do, a.ID, from))
		}
	}
	return out
}

func (v *visit) appAct(do token.Action, id, from string) act {
	path, query := v.at("apps", id), v.begun(from)
	switch do {
	case token.ActRegenerate:
		return act{Key: string(do), Label: "Rotate secret", Icon: "again", Path: path + "/rotate" + query}
	case token.ActEditScope:
		return act{Key: string(do), Label: "Edit", Icon: "edit", Path: path + "/edit" + query}
	case token.ActDisable:
		return act{Key: string(do), Label: "Disable", Icon: "stop", Path: path + "/disable" + query, Warns: true}
	case token.ActActivate:
		return act{Key: string(do), Label: "Activate", Icon: "check", Path: path + "/activate" + query}
	case token.ActDelete:
		return act{Key: string(do), Label: "Delete", Icon: "trash", Path: path + "/delete" + query, Warns: true}
	default:
		return act{Key: string(do), Label: "View", Icon: "eye", Path: path + query}
	}
}

// whyNotGive says why the caller can't give an app a scope; "" when they can.
func (v *visit) whyNotGive(s token.CatalogueScope) string {
	switch {
	case !s.Apps:
		return "Apps can't hold this."
	case v.in.Catalogue.Covers(token.Scopes{s.Name}, v.in.Role):
		return ""
	case len(s.Roles) == 0:
		return "Your role can't give this; only administrators can."
	}
	return whoMayHold(s.Roles)
}

// appScopes is the list of scopes to give to an app.
func (v *visit) appScopes(chosen []string, quick string) *scopePicker {
	p := &scopePicker{Label: v.wordsOf(kindApps).Scope, Idle: true}
	for _, s := range v.in.Catalogue {
		c := scopeChoice{Name: s.Name, Title: s.Title, Description: s.Description, Locked: v.whyNotGive(s)}
		c.Checked = c.Locked == "" && slices.Contains(chosen, s.Name)
		p.add(c)
	}
	p.offerQuick(quick)
	return p
}

// appPage is an app's own page.
type appPage struct {
	Row              row
	Words            token.Labels
	ID, Owner        string
	Created, Stopped moment
	Keys             string // how many public keys it has, in words
	Show             string // where its secret can be asked for; "" where it can't
	Hint             string // of the newest secret
	Secrets          []secretRow
	Curl             string
	Chart            chart
	Events           []eventDay
}

// secretRow is one of an app's client secrets.
type secretRow struct {
	Hint, What     string
	Created, Until moment
	Use            moment
	IP             string
	End            string // where it can be ended before its time; "" for the newest
}

// theApp finds the app that the address names.
func (v *visit) theApp() (authority.AppView, error) {
	return v.authority.App(v.r.Context(), v.by, v.in.Slug, v.r.PathValue("id"))
}

// origin is where an action on a credential of a kind was begun.
func (v *visit) origin(k kind) string {
	if from := v.query("from"); from == fromAll || from == fromPage || from == fromLegacy || from == fromImports {
		return from
	}
	if !v.has(k) {
		return fromAll // an administrator who has no such list
	}
	return fromList
}

// backTo is the page from which an action on a credential was begun.
func (v *visit) backTo(k kind, id string) string {
	switch v.origin(k) {
	case fromAll:
		return v.overview()
	case fromPage:
		if v.query("under") == fromAll {
			return v.at(string(k), id) + v.begun(fromAll)
		}
		return v.at(string(k), id)
	case fromLegacy:
		return v.legacyHome()
	case fromImports:
		return v.at("admin", "legacy")
	default:
		return v.list(k)
	}
}

// afterDeleting is where one goes when what the page was about is gone.
func (v *visit) afterDeleting(k kind) string {
	switch v.query("from") {
	case fromLegacy:
		return v.legacyHome()
	case fromImports:
		return v.at("admin", "legacy")
	}
	if !v.has(k) || v.fromInventory() {
		return v.overview()
	}
	return v.list(k)
}

func notOffered() error {
	return fault.New(fault.Forbidden, api.CodeActionNotOffered, "This workspace's rules do not offer this.")
}

func (v *visit) app() error {
	a, err := v.theApp()
	if err != nil {
		return err
	}
	if !v.in.Policy.Apps.Allows(token.ActView) && !v.oversees(kindApps) {
		return notOffered()
	}
	return v.showApp(&a, 0, "", nil)
}

// overApp renders a dialog over the page that it was opened from.
func (v *visit) overApp(a *authority.AppView, status int, dialog string, ask any) error {
	if v.origin(kindApps) == fromList {
		return v.showList(kindApps, status, dialog, ask)
	}
	return v.showApp(a, status, dialog, ask)
}

func (v *visit) showApp(a *authority.AppView, status int, dialog string, ask any) error {
	d := appPage{
		Row: v.appRow(&a.App, fromPage), Words: v.wordsOf(kindApps), ID: a.ID, Owner: a.CreatedBy.Name,
		Created: v.moment(a.CreatedAt, a.CreatedAt.UTC().Format(exactForm)), Keys: keysWords(a.Keys), Curl: v.appCurl(&a.App),
	}
	if !a.DisabledAt.IsZero() {
		d.Stopped = v.moment(a.DisabledAt, a.DisabledAt.UTC().Format(exactForm))
	}
	for i := range a.Secrets {
		d.Secrets = append(d.Secrets, v.secretRow(a, i))
	}
	if len(a.Secrets) > 0 {
		d.Hint = a.Secrets[0].Hint
	}
	if v.mayShow(a) {
		d.Show = v.at("apps", a.ID, "secret")
	}
	var err error
	if d.Chart, d.Events, err = v.past(a.ID); err != nil {
		return err
	}
	here, crumbs, up := v.hereOf(kindApps), v.crumbs(kindApps, a.Name), ""
	if !v.has(kindApps) || v.fromInventory() {
		here, crumbs, up = v.underAll(a.Name)
	}
	return v.show(page{
		title: a.Name, name: "app", data: d, here: here, crumbs: crumbs, up: up, note: v.noteOf(doneNotes()), dialog: dialog, ask: ask, status: status,
	})
}

// mayShow reports whether the caller can ask for the app's client secret again.
func (v *visit) mayShow(a *authority.AppView) bool {
	rules := &v.in.Policy.Apps
	return rules.Secret == token.SecretViewable && rules.Allows(token.ActView) && a.MaySee && a.Kept
}

// past is what has been done with a credential, and to it.
func (v *visit) past(id string) (chart, []eventDay, error) {
	u, err := v.authority.Usage(v.r.Context(), v.by, v.in.Slug, id, tokenPageDays)
	if err != nil {
		return chart{}, nil, err
	}
	events, err := v.authority.Events(v.r.Context(), v.by, v.in.Slug, authority.EventFilter{TargetID: id}, authority.Page{Limit: tokenPageEvents})
	return drawChart(u.Days), v.timeline(events), err
}

// secretRow describes a client secret; the newest is the first.
func (v *visit) secretRow(a *authority.AppView, i int) secretRow {
	s := &a.Secrets[i]
	r := secretRow{Hint: s.Hint, What: "The newest", Created: v.day(s.CreatedAt), Use: v.ago(s.LastUsedAt, "Never used"), Until: moment{Words: "it is replaced"}}
	if !s.LastUsedAt.IsZero() {
		r.Use.Words = "Used " + r.Use.Words
	}
	if s.LastUsedIP.IsValid() {
		r.IP = s.LastUsedIP.String()
	}
	if i == 0 {
		return r
	}
	replaced := a.Secrets[0].CreatedAt
	r.What = "Replaced " + relative(replaced, v.now)
	switch {
	case s.LastUsedAt.IsZero():
	case s.LastUsedAt.After(replaced):
		r.Use.Words = "Still used " + relative(s.LastUsedAt, v.now)
	default:
		r.Use = v.moment(s.LastUsedAt, "Not used since "+s.LastUsedAt.UTC().Format(dayForm+", 15:04"))
	}
	if !s.ExpiresAt.IsZero() {
		r.Until = v.moment(s.ExpiresAt, relative(s.ExpiresAt, v.now))
	}
	if v.in.Policy.Apps.Allows(token.ActRegenerate) && a.MaySee || v.oversees(kindApps) {
		r.End = v.at("apps", a.ID, "secrets", s.ID, "end")
	}
	return r
}

// keysWords says how many public keys a JWK set holds; "" for none.
func keysWords(jwks string) string {
	var set struct {
		Keys []struct {
			ID string `json:"kid"`
		} `json:"keys"`
	}
	if jwks == "" || json.Unmarshal([]byte(jwks), &set) != nil || len(set.Keys) == 0 {
		return ""
	}
	var ids []string
	for _, k := range set.Keys {
		if k.ID != "" {
			ids = append(ids, k.ID)
		}
	}
	words := count(len(set.Keys), "key")
	if len(ids) > 0 {
		words += ": " + strings.Join(ids, ", ")
	}
	return words
}

// appCurl is a command that gets an access token for an app.
func (v *visit) appCurl(a *token.App) string {
	return fmt.Sprintf("curl -d grant_type=client_credentials \\\n  -u \"%s:$CLIENT_SECRET\" \\\n  \"%s\"", a.ID, v.kit.URL("/oauth2/token"))
}

// used says how a credential was used last and today, before it is stopped.
func (v *visit) used(id string, last time.Time, ip string) (*impact, error) {
	if last.IsZero() {
		return &impact{Words: "It has never been used.", Calm: true}, nil
	}
	u, err := v.authority.Usage(v.r.Context(), v.by, v.in.Slug, id, 1)
	if err != nil {
		return nil, err
	}
	when := "Used " + relative(last, v.now)
	if today := u.Days[len(u.Days)-1]; today.Requests > 0 {
		from := ""
		if today.Addresses > 0 {
			from = " from " + addresses(today.Addresses)
		}
		return &impact{Words: when + from + "; " + count64(today.Requests, "request") + " today."}, nil
	}
	if ip != "" {
		when += " from " + ip
	}
	return &impact{Words: when + "; no request today."}, nil
}
