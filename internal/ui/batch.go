package ui

import (
	"strconv"
	"strings"
	"time"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
)

// batchDialog asks before an act on several credentials, and says afterwards what became of each. The script
// sends many of them in small parts and shows how far it is; each part is answered with its rows alone.
type batchDialog struct {
	Title, Path, Cancel, Verb, Action string
	Noun                              string // "token"; "credential" where they are of several kinds
	Counted                           string // how many of each kind; "" where there is one kind
	How                               string // what the act means for each kind; "" where there is one kind
	Undo                              string // whether it can be undone
	Stops                             string // what of each stops at once; "" is all of it
	After                             string // another sentence about that
	Rows                              []batchRow
	Owners, Kinds                     bool // their owners and kinds are shown
	LeftOut                           int  // how many were ticked to which this can't be done
	Live, Today                       int
	Done                              bool
	Failed                            int
	Reason                            bool // a reason can be given
}

type batchRow struct {
	ID, Title, Owner, Used string
	Kind                   string
	OK                     bool
	Problem                string
}

func newBatch(act token.Action, n int, noun string) *batchDialog {
	d := &batchDialog{Action: string(act), Verb: upper(string(act)), Noun: noun, Undo: "This can't be undone."}
	d.Title = d.Verb + " " + count(n, noun)
	return d
}

// newMixedBatch is a batch of credentials of any kind: revoking disables those that can't be revoked.
func newMixedBatch(act token.Action, rows []allRow) *batchDialog {
	var kinds []string
	n := map[string]int{}
	for _, r := range rows {
		noun := nounOf(r.ID)
		if n[noun]++; n[noun] == 1 {
			kinds = append(kinds, noun)
		}
	}
	word, noun := act, kinds[0]
	if act == token.ActRevoke && n["token"] == 0 {
		word = token.ActDisable
	}
	if len(kinds) > 1 {
		noun = "credential"
	}
	d := newBatch(word, len(rows), noun)
	d.Action = string(act)
	if len(kinds) > 1 {
		var parts []string
		for _, k := range kinds {
			parts = append(parts, count(n[k], k))
		}
		last := len(parts) - 1
		d.Counted = strings.Join(parts[:last], ", ") + " and " + parts[last]
		d.Title = d.Verb + " " + d.Counted
	}
	switch {
	case act == token.ActDelete:
	case len(kinds) > 1 && word == token.ActRevoke:
		d.How = "Tokens are revoked; OAuth tokens and apps are disabled."
	}
	if act != token.ActDelete && n["app"] > 0 {
		if d.Undo = "Only apps can be activated again."; len(kinds) == 1 {
			d.Undo = "Apps can be activated again."
		}
	}
	return d
}

// nounOf is what sentences call the credential that an id is of.
func nounOf(id string) string {
	switch prefix, _, _ := strings.Cut(id, "_"); prefix {
	case token.AppID:
		return "app"
	case token.OAuthTokenID:
		return "OAuth token"
	default:
		return "token"
	}
}

// Means says what would stop.
func (d *batchDialog) Means() string {
	who, its := strconv.Itoa(d.Live)+" of them work", "Their "+d.Stops+"s"
	switch {
	case d.Live == 0 && len(d.Rows) == 1:
		return "It has stopped working already."
	case d.Live == 0:
		return "None of them works any more."
	case len(d.Rows) == 1:
		who, its = "It works", "Its "+d.Stops
	case d.Live == 1:
		who, its = "1 of them works", "Its "+d.Stops
	}
	if d.Stops == "" {
		return who + " now, and will fail at once." + d.After
	}
	return who + " now. " + its + " will fail at once." + d.After
}

// Past is what was done: "Revoked".
func (d *batchDialog) Past() string { return strings.TrimSuffix(d.Verb, "e") + "ed" }

// Count is how many there are, in words.
func (d *batchDialog) Count() string {
	if d.Counted != "" {
		return d.Counted
	}
	return count(len(d.Rows), d.Noun)
}

// add puts a credential into the list.
func (d *batchDialog) add(r batchRow, active bool, lastUsed, now time.Time) {
	r.Used = "never used"
	if !lastUsed.IsZero() {
		r.Used = "used " + relative(lastUsed, now)
		if now.Sub(lastUsed) < 24*time.Hour {
			d.Today++
		}
	}
	if active {
		d.Live++
	}
	d.Rows = append(d.Rows, r)
}

// missing stands for one that is gone, or was never the caller's to see. Other errors come back.
func (d *batchDialog) missing(id string, err error) error {
	if fault.From(err).Kind == fault.Internal {
		return err
	}
	d.Rows = append(d.Rows, batchRow{ID: id, Title: upper(withArticle(nounOf(id))) + " that is gone"})
	return nil
}

// finish writes what became of each.
func (d *batchDialog) finish(results []authority.Result) {
	d.Done = true
	byID := map[string]int{}
	for i := range d.Rows {
		byID[d.Rows[i].ID] = i
	}
	for _, r := range results {
		i, ok := byID[r.ID]
		switch {
		case !ok:
		case r.Err == nil:
			d.Rows[i].OK = true
		default:
			d.Rows[i].Problem = fault.From(r.Err).Detail
			d.Failed++
		}
	}
	d.Title = d.Past() + " " + d.Count()
	switch {
	case d.Failed > 0 && d.Counted != "":
		d.Title = strconv.Itoa(len(results)-d.Failed) + " done, " + strconv.Itoa(d.Failed) + " not"
	case d.Failed > 0:
		d.Title = count(len(results)-d.Failed, d.Noun) + " done, " + count(d.Failed, d.Noun) + " not"
	}
}

// showBatch renders the dialog, or, for the script, the rows of a part of it.
func (v *visit) showBatch(d *batchDialog, over func(int, string, any) error) error {
	if d.Done && v.r.Header.Get("X-Fragment") != "" {
		body, err := v.run("batch-rows", d)
		if err != nil {
			return err
		}
		return v.fragment(string(body))
	}
	return over(0, "batch", d)
}

// fragment answers the script with a part of a page.
func (v *visit) fragment(body string) error {
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	_, err := v.w.Write([]byte(body))
	return err
}

func (v *visit) oauthBatch() error { return v.goTo(v.list(kindOAuth)) }

// oauthBatchSent asks before several OAuth tokens are disabled or deleted, and does it.
func (v *visit) oauthBatchSent() error {
	if err := v.mayList(kindOAuth); err != nil {
		return err
	}
	ids, act := v.sent["ids"], token.Action(v.form("do"))
	if len(ids) == 0 || act != token.ActDisable && act != token.ActDelete {
		return v.goTo(v.list(kindOAuth))
	}
	ids = ids[:min(len(ids), authority.MaxBatch)]
	d := newBatch(act, len(ids), "OAuth token")
	d.Path, d.Cancel, d.Owners = v.at("oauth-tokens", "batch"), v.list(kindOAuth), v.in.Policy.OAuthTokens.List == token.ListWorkspace
	if v.in.Policy.AfterStop == token.UntilExpiry {
		d.Stops, d.After = "refresh token", " Access tokens from before work until they expire, for an hour at most."
	}
	for _, id := range ids {
		t, err := v.authority.OAuthToken(v.r.Context(), v.by, v.in.Slug, id)
		if err != nil {
			if err := d.missing(id, err); err != nil {
				return err
			}
			continue
		}
		d.add(batchRow{ID: id, Title: t.Name, Owner: t.Owner.Name}, t.StatusAt(v.now) == token.Active, t.LastUsedAt, v.now)
	}
	over := func(status int, dialog string, ask any) error { return v.showList(kindOAuth, status, dialog, ask) }
	if v.form("confirmed") == "" {
		return v.showBatch(d, over)
	}
	results, err := v.authority.BatchOAuthTokens(v.r.Context(), v.by, v.in.Slug, authority.Batch{Action: act, IDs: ids})
	if err != nil {
		return err
	}
	d.finish(results)
	return v.showBatch(d, over)
}
