package ui

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/web"
)

// presetCard is a preset to start from.
type presetCard struct {
	Name, Title, Summary, Path string
	Selected                   bool
}

func presetCards(chosen token.Preset) []presetCard {
	var out []presetCard
	for _, p := range token.Presets() {
		out = append(out, presetCard{Name: string(p.Name), Title: p.Title, Summary: p.Summary, Selected: p.Name == chosen})
	}
	return out
}

// policyPage is the rules of the workspace: where they started from, every setting, and what they mean.
type policyPage struct {
	Path     string
	Cards    []presetCard
	Parts    []settingPart
	Base     string // the whole policy: what the form has no field for stays as it is
	Preview  policyPreview
	Problems problems
	Unsaved  bool
}

// policyPreview says what the rules mean, and shows small likenesses of the pages.
type policyPreview struct {
	Sentences []string
	Pages     []likeness
}

// likeness is a page in small.
type likeness struct {
	Menu    []string
	Words   token.Labels
	Columns []string
}

func previewOf(p *token.Policy) policyPreview {
	d := policyPreview{Sentences: p.Sentences()}
	if p.Apps.Offered {
		w := p.Apps.Words()
		d.Pages = append(d.Pages, likeness{w.Menu, w, []string{w.Name, "Created by", "Status", "Last used"}})
	}
	if p.Tokens.Offered {
		d.Pages = append(d.Pages, tokensLikeness(&p.Tokens))
	}
	if p.OAuthTokens.Offered {
		w := p.OAuthTokens.Words()
		d.Pages = append(d.Pages, likeness{w.Menu, w, []string{w.Name, "Status", w.Created, w.Expires, "Last refreshed", "Last used"}})
	}
	return d
}

func tokensLikeness(r *token.TokenRules) likeness {
	w := r.Labels.Words()
	d := likeness{Menu: w.Menu, Words: w}
	switch {
	case r.Name != token.None:
		d.Columns = append(d.Columns, w.Name)
	case r.Description != token.None:
		d.Columns = append(d.Columns, w.Description)
	}
	if r.Scope.Mode != token.ScopesNone {
		d.Columns = append(d.Columns, w.Scope)
	}
	d.Columns = append(d.Columns, "Status")
	if r.List == token.ListWorkspace {
		d.Columns = append(d.Columns, "Created by")
	} else {
		d.Columns = append(d.Columns, w.Created)
	}
	d.Columns = append(d.Columns, w.Expires, "Last used")
	return d
}

// policy shows the rules; ?preset= shows another preset's instead, to be looked at, changed and saved.
func (v *visit) policy() error {
	if err := v.needAdministrator(); err != nil {
		return err
	}
	p, unsaved := v.in.Policy, false
	if name := token.Preset(v.query("preset")); name != "" {
		preset, ok := name.Policy()
		if !ok {
			return fault.Missing()
		}
		p, unsaved = preset, true
	}
	return v.showPolicy(0, p, problems{}, policyView{unsaved: unsaved})
}

// policyView is what else the page shows.
type policyView struct {
	unsaved bool
	dialog  string
	ask     any
}

func (v *visit) showPolicy(status int, p token.Policy, bad problems, view policyView) error {
	base, err := json.Marshal(p)
	if err != nil {
		return fault.Wrap(err, "encode policy")
	}
	d := policyPage{
		Path: v.at("admin", "policy"), Cards: presetCards(p.Preset), Base: string(base), Preview: previewOf(&p), Problems: bad, Unsaved: view.unsaved,
		Parts: policyParts(&p, v.in.Catalogue.Own(), bad),
	}
	for i := range d.Cards {
		d.Cards[i].Path = d.Path + "?preset=" + d.Cards[i].Name
	}
	notes := map[string]string{
		"saved":   "The policy is saved. It counts for new and regenerated tokens from now on.",
		"applied": "The policy is saved and applied to the tokens that exist.",
	}
	return v.show(page{
		title: "Policy", name: "policy", data: d, here: "policy", crumbs: []string{"Administration", "Policy"}, note: v.noteOf(notes),
		dialog: view.dialog, ask: view.ask, status: status,
	})
}

// review is the dialog before a policy is saved: what it means, and what it would do to existing tokens.
type review struct {
	Path, Cancel, Base string
	Sentences          []string
	Live, Cuts         int
	Breaking           int
	Rows               []breachRow
	More               bool
}

type breachRow struct {
	ID, Title, Owner, Used string
	Why                    []string
	Cut                    string
}

func (v *visit) policySent() error {
	if err := v.needAdministrator(); err != nil {
		return err
	}
	var base token.Policy
	dec := json.NewDecoder(strings.NewReader(v.form("base")))
	dec.DisallowUnknownFields()
	if dec.Decode(&base) != nil {
		return fault.New(fault.BadRequest, api.CodeBadRequest, "The form could not be read. Open the page again.")
	}
	do := v.form("do")
	if do == "save" {
		return v.savePolicy(base)
	}
	p, bad := readPolicy(base, v.sent)
	for _, f := range p.Check(v.in.Catalogue.Own()) {
		note(&bad, settingID(f.Name), f.Detail)
	}
	if v.r.Header.Get("X-Fragment") != "" {
		body, err := v.run("policy-preview", previewOf(&p))
		if err != nil {
			return err
		}
		return v.fragment(string(body))
	}
	if len(bad.All) > 0 {
		return v.showPolicy(422, p, bad, policyView{unsaved: true})
	}
	if do == "preview" {
		return v.showPolicy(0, p, problems{}, policyView{unsaved: true})
	}
	return v.reviewPolicy(p)
}

func (v *visit) reviewPolicy(p token.Policy) error {
	impact, err := v.authority.PreviewPolicy(v.r.Context(), v.by, v.in.Slug, p)
	if err != nil {
		return err
	}
	base, err := json.Marshal(p)
	if err != nil {
		return fault.Wrap(err, "encode policy")
	}
	d := review{
		Path: v.at("admin", "policy"), Cancel: v.at("admin", "policy"), Base: string(base), Sentences: p.Sentences(),
		Live: impact.Live + impact.OAuth.Live, Cuts: impact.Cuts + impact.OAuth.Cuts, Breaking: impact.Breaking + impact.OAuth.Breaking,
	}
	for i := range impact.Breaches {
		b := &impact.Breaches[i]
		d.Rows = append(d.Rows, v.breachRow(breachRow{ID: b.Token.ID, Title: titleOf(&b.Token), Owner: b.Token.Owner.Name, Why: b.Why}, b.Token.LastUsedAt, b.Cut))
	}
	for i := range impact.OAuthBreaches {
		b := &impact.OAuthBreaches[i]
		d.Rows = append(d.Rows, v.breachRow(breachRow{ID: b.Token.ID, Title: b.Token.Name + " (OAuth token)", Owner: b.Token.Owner.Name, Why: b.Why}, b.Token.LastUsedAt, b.Cut))
	}
	d.More = len(d.Rows) < d.Cuts+d.Breaking
	return v.showPolicy(0, p, problems{}, policyView{unsaved: true, dialog: "policy-review", ask: d})
}

func (v *visit) breachRow(r breachRow, lastUsed, cut time.Time) breachRow {
	r.Used = "Never used"
	if !lastUsed.IsZero() {
		r.Used = "Used " + relative(lastUsed, v.now)
	}
	if !cut.IsZero() {
		r.Cut = cut.UTC().Format(dayForm)
	}
	return r
}

// savePolicy saves what was reviewed and, where it was chosen, applies it to the tokens that exist.
func (v *visit) savePolicy(p token.Policy) error {
	if _, err := v.authority.SetPolicy(v.r.Context(), v.by, v.in.Slug, p); err != nil {
		if f := fault.From(err); correctable(f) {
			var bad problems
			for _, field := range f.Fields {
				note(&bad, settingID(field.Name), field.Detail)
			}
			return v.showPolicy(web.StatusOf(f), p, bad, policyView{unsaved: true})
		}
		return err
	}
	if v.form("apply") != "all" {
		return v.goTo(v.at("admin", "policy") + "?done=saved")
	}
	if _, err := v.authority.ApplyPolicy(v.r.Context(), v.by, v.in.Slug, v.sent["revoke"]); err != nil {
		return err
	}
	return v.goTo(v.at("admin", "policy") + "?done=applied")
}

// setting is one field of the policy's form.
type setting struct {
	ID, Name, Label, Hint string
	Kind                  string // "number", "text", "long", "select", "checks", "check", "period"
	Value                 string
	Unit                  string // of a period
	Options               []option
	Checked               bool
	Problem               string
}

// settingPart is the settings of one kind.
type settingPart struct {
	Title  string
	Groups []settingGroup
}

type settingGroup struct {
	Title, Note string
	Settings    []setting
	Open        bool
}

// settingID is the element of a policy's field: its name without indexes, with hyphens.
func settingID(field string) string {
	var parts []string
	for part := range strings.SplitSeq(field, ".") {
		if part != "" && (part[0] < '0' || part[0] > '9') {
			parts = append(parts, part)
		}
	}
	return strings.NewReplacer(".", "-", "_", "-").Replace(strings.Join(parts, "."))
}

func checks[T ~string](all []T, chosen []T, words func(T) string) []option {
	var out []option
	for _, x := range all {
		out = append(out, option{string(x), words(x), slices.Contains(chosen, x)})
	}
	return out
}

func choices[T ~string](chosen T, pairs ...string) []option {
	var out []option
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, option{pairs[i], pairs[i+1], pairs[i] == string(chosen)})
	}
	return out
}

func plural(r token.Role) string { return roleName(r) + "s" }

func actionName(kind string, a token.Action) string {
	switch a {
	case token.ActView:
		return "View its page"
	case token.ActRegenerate:
		if kind == "apps" {
			return "Rotate its secret"
		}
		return "Regenerate"
	case token.ActEditScope:
		if kind == "apps" {
			return "Edit it"
		}
		return "Edit its scopes"
	default:
		return upper(string(a))
	}
}

func number(n int) string { return fmt.Sprint(n) }
