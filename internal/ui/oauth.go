package ui

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/web"
)

// oauthPage is the list of OAuth tokens.
type oauthPage struct {
	Live, Ended           []row
	Reused                []reuse
	HideEnded, CreatedBy  bool
	Pick                  bool // some can be ticked
	CanDisable, CanDelete bool
	Span                  int
	Next, Path, Batch     string
}

// reuse is an OAuth token that was stopped because a replaced refresh token came again.
type reuse struct {
	Name string
	At   moment
}

func (v *visit) oauthSection() (listSection, error) {
	rules := &v.in.Policy.OAuthTokens
	d := &oauthPage{
		Path: v.list(kindOAuth), Batch: v.at("oauth-tokens", "batch"), HideEnded: v.query("ended") == "hide", CreatedBy: rules.List == token.ListWorkspace, Span: 7,
		CanDisable: rules.Allows(token.ActDisable), CanDelete: rules.Allows(token.ActDelete),
	}
	s := listSection{Kind: kindOAuth, Words: v.wordsOf(kindOAuth), OAuth: d}
	list, err := v.authority.OAuthTokens(v.r.Context(), v.by, v.in.Slug, authority.OAuthQuery{Page: authority.Page{After: v.query("oauth_after"), Limit: listLength + 1}})
	if err != nil {
		return s, err
	}
	if len(list) > listLength {
		list = list[:listLength]
		d.Next = d.Path + "?oauth_after=" + list[listLength-1].ID
	}
	made := v.query("made")
	for i := range list {
		t := &list[i]
		r := v.oauthRow(t, fromList)
		r.Made, d.Pick = r.ID == made, d.Pick || r.Pick
		if !t.ReusedAt.IsZero() && t.Owner.ID == v.by.User.ID {
			d.Reused = append(d.Reused, reuse{t.Name, v.moment(t.ReusedAt, t.ReusedAt.UTC().Format(exactForm))})
		}
		if r.Ended() {
			d.Ended = append(d.Ended, r)
		} else {
			d.Live = append(d.Live, r)
		}
	}
	for _, has := range []bool{d.Pick, d.CreatedBy} {
		if has {
			d.Span++
		}
	}
	s.Add = addButton{Offered: rules.Creates(v.in.Role), Path: v.at("oauth-tokens", "new")}
	if s.Add.Offered {
		s.Add.Why, err = v.whyNoOAuth()
	}
	return s, err
}

// whyNoOAuth says why the caller can't generate another OAuth token, and what to do about it; "" when they can.
func (v *visit) whyNoOAuth() (string, error) {
	room, err := v.authority.OAuthRoom(v.r.Context(), v.by, v.in.Slug)
	if err != nil || !room.Full() {
		return "", err
	}
	what, which := "You already have an OAuth token.", "it"
	if room.Limit > 1 {
		what, which = "You already have "+count(room.Held, "OAuth token")+", as many as you may.", "one"
	}
	rules := &v.in.Policy.OAuthTokens
	switch {
	case rules.Allows(token.ActDelete) && rules.Delete == token.DeleteAnyTime:
		return what + " Delete " + which + " first.", nil
	case rules.Allows(token.ActDisable):
		return what + " Disable " + which + " first.", nil
	}
	return what, nil
}

func (v *visit) oauthTokens() error { return v.openList(kindOAuth) }

func (v *visit) oauthRow(t *token.OAuthToken, from string) row {
	status := t.StatusAt(v.now)
	r := row{
		ID: t.ID, Title: t.Name, Owner: t.Owner.Name, Status: status, Created: v.day(t.CreatedAt), Expires: v.expiry(t.ExpiresAt, status != token.Active),
		Refreshed: v.ago(t.LastRefreshedAt, "Never"), LastUsed: v.ago(t.LastUsedAt, "Never"), Actions: v.oauthActs(t, from),
	}
	if r.Ended() {
		r.Ending = upper(string(status))
	}
	if status == token.Disabled {
		r.Expires = v.ago(t.DisabledAt, "") // the expiry that it would have had is of no use to anybody
	}
	if t.LastUsedIP.IsValid() {
		r.LastIP = t.LastUsedIP.String()
	}
	if v.in.Policy.OAuthTokens.Allows(token.ActView) || v.oversees(kindOAuth) && from == fromAll {
		r.Path = v.at("oauth-tokens", t.ID)
		if from == fromAll {
			r.Path += v.begun(from)
		}
	}
	r.Pick = slices.ContainsFunc(r.Actions, func(a act) bool { return a.Warns })
	return r
}

// oauthActs lists what the caller may do to an OAuth token now: what the policy offers for their own, and
// stopping for an administrator.
func (v *visit) oauthActs(t *token.OAuthToken, from string) []act {
	rules := &v.in.Policy.OAuthTokens
	own := t.Owner.ID == v.by.User.ID
	status := t.StatusAt(v.now)
	path, query := v.at("oauth-tokens", t.ID), v.begun(from)
	var out []act
	if rules.Allows(token.ActView) && from != fromPage && (own || v.oversees(kindOAuth) || rules.List == token.ListWorkspace) || v.oversees(kindOAuth) && from == fromAll {
		out = append(out, act{Key: string(token.ActView), Label: "View", Icon: "eye", Path: path + query})
	}
	stops := func(a token.Action) bool {
		return own && v.has(kindOAuth) && rules.Allows(a) || v.isAdministrator() && !own
	}
	if status == token.Active && (stops(token.ActDisable) || v.oversees(kindOAuth) && from == fromAll) {
		out = append(out, act{Key: string(token.ActDisable), Label: "Disable", Icon: "stop", Path: path + "/disable" + query, Warns: true})
	}
	if stops(token.ActDelete) && (rules.Delete == token.DeleteAnyTime || status != token.Active) {
		out = append(out, act{Key: string(token.ActDelete), Label: "Delete", Icon: "trash", Path: path + "/delete" + query, Warns: true})
	}
	return out
}

// generateForm asks for a name and for how long.
type generateForm struct {
	Words        token.Labels
	Path, Cancel string
	Nonce, Name  string
	Replaces     string // id of the legacy token whose place it takes
	Chosen       bool   // the owner chooses how long
	Days         string
	Min, Max     int
	Range, Until string
	Presets      []dayChoice
	FixedFor     string
	FixedUntil   moment
	Problems     problems
}

type dayChoice struct{ Days, Label string }

func (v *visit) generateForm(from url.Values) generateForm {
	rule := &v.in.Policy.OAuthTokens.Expiry
	f := generateForm{
		Words: v.wordsOf(kindOAuth), Path: v.at("oauth-tokens", "new"), Cancel: v.list(kindOAuth), Nonce: from.Get("nonce"), Name: from.Get("name"), Replaces: from.Get("replaces"),
		Chosen: rule.Mode == token.ExpiryChosen, Days: strings.TrimSpace(from.Get("lifetime_days")), Min: rule.MinDays, Max: rule.MaxDays,
	}
	if f.Nonce == "" {
		f.Nonce = newNonce()
	}
	if !f.Chosen {
		f.FixedFor, f.FixedUntil = rule.Period.Words(), v.day(rule.Period.From(v.now))
		return f
	}
	if choose := from.Get("choose"); choose != "" { // a proposal, without the script
		f.Days = choose
	}
	if !from.Has("lifetime_days") && f.Days == "" {
		f.Days = strconv.Itoa(rule.Proposed)
	}
	f.Range = strconv.Itoa(rule.MinDays) + " to " + count(rule.MaxDays, "day")
	if n, err := strconv.Atoi(f.Days); err == nil && rule.MinDays <= n && n <= rule.MaxDays {
		f.Until = v.now.AddDate(0, 0, n).UTC().Format(dayForm)
	}
	for _, d := range rule.Presets {
		f.Presets = append(f.Presets, dayChoice{strconv.Itoa(d), count(d, "day")})
	}
	return f
}

// newOAuth shows the form. It can be filled in by the address: ?name=&lifetime_days=
func (v *visit) newOAuth() error {
	if err := v.mayMake(kindOAuth); err != nil {
		return err
	}
	return v.showList(kindOAuth, 0, "generate", v.generateForm(v.prefilled()))
}

// newOAuthSent makes the OAuth token, and answers with both of its secrets.
func (v *visit) newOAuthSent() error {
	if err := v.mayMake(kindOAuth); err != nil {
		return err
	}
	if v.form("choose") != "" {
		return v.showList(kindOAuth, 0, "generate", v.generateForm(v.sent))
	}
	if ok, err := v.confirmed("Generate"); !ok {
		return err
	}
	n := authority.NewOAuthToken{Name: v.form("name"), Nonce: v.form("nonce")}
	rule := &v.in.Policy.OAuthTokens.Expiry
	if rule.Mode == token.ExpiryChosen {
		days, err := strconv.Atoi(v.form("lifetime_days"))
		if err != nil {
			f := v.generateForm(v.sent)
			if n.Name == "" {
				note(&f.Problems, "name", "Give the token a name that you will recognise later.")
			}
			note(&f.Problems, "lifetime_days", "Enter a whole number, "+f.Range+".")
			return v.showList(kindOAuth, http.StatusUnprocessableEntity, "generate", f)
		}
		n.LifetimeDays = &days
	}
	made, issued, err := v.authority.CreateOAuthToken(v.r.Context(), v.by, v.in.Slug, n)
	switch f := fault.From(err); {
	case err == nil:
		return v.showOAuth(&made, issued)
	case f.Code == api.CodeRecentSignInRequired:
		return v.askPassword("Generate", problems{})
	case f.Code == api.CodeAlreadyCreated:
		return v.showAlready(kindOAuth, http.StatusConflict, "This token was already generated. If you did not copy it, generate another one: it can't be shown again.")
	case f.Code == api.CodeTokenLimitReached:
		return v.showAlready(kindOAuth, web.StatusOf(f), f.Detail)
	case correctable(f):
		form := v.generateForm(v.sent)
		form.Problems = problemsOf(f, map[string]string{"name": "name", "lifetime_days": "lifetime_days"})
		return v.showList(kindOAuth, web.StatusOf(f), "generate", form)
	}
	return err
}

// showOAuth answers the very request that made an OAuth token, with both of its secrets.
func (v *visit) showOAuth(t *token.OAuthToken, issued authority.Issued) error {
	w := v.wordsOf(kindOAuth)
	use := "Your program gets its next access token with it. It works until " + t.ExpiresAt.UTC().Format("2 January 2006")
	if v.in.Policy.Refresh == token.Rotate {
		use += ", once: each answer brings the one for the next time."
	} else {
		use += ", again and again."
	}
	access := "Your program sends it with each call to the API. It works for " + count(int(issued.ExpiresIn.Round(1e9).Hours()), "hour") + ", until " + v.now.Add(issued.ExpiresIn).UTC().Format("15:04 MST") + "."
	if issued.ExpiresIn < token.AccessLife {
		access = "Your program sends it with each call to the API. It works until " + v.now.Add(issued.ExpiresIn).UTC().Format("15:04 MST") + "."
	}
	return v.showShown(shown{
		Words: w, Title: w.CreatedTitle, Caution: w.Caution, Close: v.list(kindOAuth) + "?made=" + t.ID, under: kindOAuth,
		Fields: []shownField{
			{ID: "access", Label: w.AccessToken, Value: issued.AccessToken.Reveal(), Hint: access, First: true, TestID: "access-token"},
			{ID: "secret", Label: w.Secret, Value: issued.RefreshToken.Reveal(), Hint: use, TestID: "refresh-token"},
		},
		Ask:  "You haven't copied the refresh token. After closing, it can't be shown again.",
		Hint: v.refreshWords() + " Put the refresh token into REFRESH_TOKEN:", CurlTitle: "Get the next access token", Curl: v.refreshCurl(), CurlOpen: true,
		Next: v.connectFrom(kindOAuth, v.in.Catalogue.Held(v.in.Role)),
	})
}

// refreshWords says what refreshing does under this policy.
func (v *visit) refreshWords() string {
	if v.in.Policy.Refresh == token.Rotate {
		return "When the access token has run out, ask for the next one. The answer, in tokens.json, brings a new refresh token too: from then on only that one works."
	}
	return "When the access token has run out, ask for the next one. The refresh token stays the same."
}

// refreshCurl is a command that refreshes. Where refresh tokens are replaced, it keeps the answer, and only a
// good one.
func (v *visit) refreshCurl() string {
	keep := ""
	if v.in.Policy.Refresh == token.Rotate {
		keep = " -f -o tokens.json"
	}
	return "curl" + keep + " -d grant_type=refresh_token \\\n  -d \"refresh_token=$REFRESH_TOKEN\" \\\n  \"" + v.kit.URL("/oauth2/token") + "\""
}

// oauthTokenPage is an OAuth token's own page.
type oauthTokenPage struct {
	Row                       row
	Words                     token.Labels
	ID, Reason                string
	Mine                      bool
	Created, Expires, Stopped moment
	Reused                    *moment
	Curl, CurlWords           string
	Chart                     chart
	Events                    []eventDay
}

func (v *visit) theOAuthToken() (token.OAuthToken, string, error) {
	t, err := v.authority.OAuthToken(v.r.Context(), v.by, v.in.Slug, v.r.PathValue("id"))
	return t, v.backTo(kindOAuth, t.ID), err
}

func (v *visit) oauthToken() error {
	t, _, err := v.theOAuthToken()
	if err != nil {
		return err
	}
	if !v.in.Policy.OAuthTokens.Allows(token.ActView) && !v.oversees(kindOAuth) {
		return notOffered()
	}
	return v.showOAuthToken(&t, 0, "", nil)
}

func (v *visit) overOAuth(t *token.OAuthToken, status int, dialog string, ask any) error {
	if v.origin(kindOAuth) == fromList {
		return v.showList(kindOAuth, status, dialog, ask)
	}
	return v.showOAuthToken(t, status, dialog, ask)
}

func (v *visit) showOAuthToken(t *token.OAuthToken, status int, dialog string, ask any) error {
	d := oauthTokenPage{
		Row: v.oauthRow(t, fromPage), Words: v.wordsOf(kindOAuth), ID: t.ID, Reason: t.DisableReason, Mine: t.Owner.ID == v.by.User.ID,
		Created: v.moment(t.CreatedAt, t.CreatedAt.UTC().Format(exactForm)), Expires: v.expiry(t.ExpiresAt, t.StatusAt(v.now) != token.Active),
		Curl: v.refreshCurl(), CurlWords: v.refreshWords(),
	}
	if !t.DisabledAt.IsZero() {
		d.Stopped, d.Expires = v.moment(t.DisabledAt, t.DisabledAt.UTC().Format(exactForm)), v.day(t.ExpiresAt)
	}
	if !t.ReusedAt.IsZero() {
		at := v.moment(t.ReusedAt, t.ReusedAt.UTC().Format(exactForm))
		d.Reused = &at
	}
	var err error
	if d.Chart, d.Events, err = v.past(t.ID); err != nil {
		return err
	}
	here, crumbs, up := v.hereOf(kindOAuth), v.crumbs(kindOAuth, t.Name), ""
	if !v.has(kindOAuth) || v.fromInventory() {
		here, crumbs, up = v.underAll(t.Name)
	}
	return v.show(page{
		title: t.Name, name: "oauth-token", data: d, here: here, crumbs: crumbs, up: up, note: v.noteOf(doneNotes()), dialog: dialog, ask: ask, status: status,
	})
}

// confirmOAuth shows the dialog before an act.
func (v *visit) confirmOAuth(do token.Action, fill func(*token.OAuthToken, *confirmation)) error {
	t, back, err := v.theOAuthToken()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(v.oauthActs(&t, v.origin(kindOAuth)), func(a act) bool { return a.Key == string(do) }) {
		rules := &v.in.Policy.OAuthTokens
		switch {
		case do == token.ActDisable && rules.Allows(do) && t.StatusAt(v.now) == token.Disabled:
			return fault.New(fault.Conflict, api.CodeInvalid, "This OAuth token is disabled for good.")
		case do == token.ActDelete && rules.Allows(do):
			return fault.New(fault.Conflict, api.CodeDeleteNeedsRevoke, "Disable this OAuth token first. Only expired and disabled ones can be deleted.")
		}
		return notOffered()
	}
	c := confirmation{Path: v.r.URL.RequestURI(), Cancel: back, Danger: true}
	if t.StatusAt(v.now) == token.Active {
		ip := ""
		if t.LastUsedIP.IsValid() {
			ip = t.LastUsedIP.String()
		}
		if c.Impact, err = v.used(t.ID, t.LastUsedAt, ip); err != nil {
			return err
		}
	}
	fill(&t, &c)
	if t.Owner.ID != v.by.User.ID {
		c.Body = append(c.Body, "It belongs to "+t.Owner.Name+".")
	}
	return v.overOAuth(&t, 0, "confirm", c)
}

func (v *visit) disableOAuth() error {
	return v.confirmOAuth(token.ActDisable, func(t *token.OAuthToken, c *confirmation) {
		c.Title, c.Button = "Disable “"+t.Name+"”", v.wordsOf(kindOAuth).RevokeConfirm
		c.Body = []string{"Its refresh token stops at once, for good: a disabled token can't be used again. " + v.afterStop()}
	})
}

func (v *visit) disableOAuthSent() error {
	back := v.backTo(kindOAuth, v.r.PathValue("id"))
	if _, err := v.authority.DisableOAuthToken(v.r.Context(), v.by, v.in.Slug, v.r.PathValue("id")); err != nil {
		return err
	}
	return v.goTo(said(back, v.laterNote("oauth-disabled")))
}

// laterNote names the note that fits when access tokens go on working.
func (v *visit) laterNote(note string) string {
	if v.in.Policy.AfterStop == token.UntilExpiry {
		return note + "-later"
	}
	return note
}

func (v *visit) deleteOAuth() error {
	return v.confirmOAuth(token.ActDelete, func(t *token.OAuthToken, c *confirmation) {
		w := v.wordsOf(kindOAuth)
		c.Title, c.Button = w.DeleteTitle, w.DeleteConfirm
		if t.StatusAt(v.now) == token.Active {
			c.Body = []string{"“" + t.Name + "” is removed from the list, and its refresh token stops at once. " + v.afterStop() + " This can't be undone."}
			return
		}
		c.Body = []string{"“" + t.Name + "” has stopped working already. Deleting removes it from the list; the audit log keeps its history."}
	})
}

func (v *visit) deleteOAuthSent() error {
	if err := v.authority.DeleteOAuthToken(v.r.Context(), v.by, v.in.Slug, v.r.PathValue("id")); err != nil {
		return err
	}
	return v.goTo(said(v.afterDeleting(kindOAuth), v.laterNote("oauth-deleted")))
}
