package ui

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/web"
)

// nonceLength is that of a form's single-use mark, in base62 characters.
const nonceLength = 22

func newNonce() string { return token.RandomText(nonceLength).Reveal() }

// createForm is the form for a new token: what was typed, what can be chosen, and what is wrong.
type createForm struct {
	Words       token.Labels
	Path        string // where it is sent
	Cancel      string
	Nonce       string
	Replaces    string // id of the legacy token whose place it takes
	Problems    problems
	HasName     bool
	NameNeeded  bool
	Name        string
	HasText     bool // a description
	TextNeeded  bool
	TextHint    string
	Description string
	Scopes      *scopePicker // nil: the policy asks for none
	Lasts       *lifetimes   // nil: the policy fixes it
	FixedUntil  moment       // where it is fixed
	FixedFor    string
}

// createFields names the element of each field that authority may refuse.
func createFields() map[string]string {
	return map[string]string{
		"name": "name", "description": "description", "scopes": "scopes",
		"lifetime_days": "lifetime", "expires_at": "lifetime", "never": "lifetime",
	}
}

func (v *visit) createForm(from url.Values) createForm {
	rules := &v.in.Policy.Tokens
	f := createForm{
		Words: v.words(), Path: v.at("tokens", "new"), Cancel: v.list(kindTokens), Nonce: from.Get("nonce"), Replaces: from.Get("replaces"),
		HasName: rules.Name != token.None, NameNeeded: rules.Name == token.Required || rules.Name == token.Unique, Name: from.Get("name"),
		HasText: rules.Description != token.None, TextNeeded: rules.Description == token.Required, Description: from.Get("description"),
	}
	if f.Nonce == "" {
		f.Nonce = newNonce()
	}
	if !f.HasName {
		f.TextHint = "Something that you will recognise in the list, a month from now."
	}
	if rules.Scope.Mode == token.ScopesChosen {
		f.Scopes = v.scopePicker(from["scopes"], from.Get("choose"), rules.Scope.Need)
	}
	if rules.Expiry.Mode == token.ExpiryChosen {
		f.Lasts = v.lifetimes(&rules.Expiry, from)
	} else {
		f.FixedUntil, f.FixedFor = v.day(rules.Expiry.Period.From(v.now)), rules.Expiry.Period.Words()
	}
	return f
}

// scopePicker is the list of scopes to choose from.
type scopePicker struct {
	Label   string
	Needed  bool
	Own     []scopeChoice // the workspace's
	API     []scopeChoice // of Keywright's own API
	APIOpen bool          // one of those is chosen
	Quick   []quickChoice
	Search  bool // the list is long enough to be searched
	Idle    bool // nothing in the list can be chosen; the list itself takes the focus, to be scrolled
	Problem string
}

type scopeChoice struct {
	Name, Title, Description string
	Checked                  bool
	Locked                   string // why the caller's role can't hold it; "" when it can
}

// quickChoice checks several scopes at once.
type quickChoice struct{ Key, Label, Names string }

func (v *visit) scopePicker(chosen []string, quick string, needed bool) *scopePicker {
	p := &scopePicker{Label: v.words().Scope, Needed: needed, Idle: true}
	for _, s := range holdable(v.in.Catalogue) {
		c := scopeChoice{Name: s.Name, Title: s.Title, Description: s.Description, Checked: slices.Contains(chosen, s.Name)}
		if !slices.Contains(s.Roles, v.in.Role) {
			c.Locked, c.Checked = whoMayHold(s.Roles), false
		}
		p.add(c)
	}
	p.offerQuick(quick)
	return p
}

// add puts a scope into its part of the list.
func (p *scopePicker) add(c scopeChoice) {
	if token.IsReserved(c.Name) {
		p.API = append(p.API, c)
		p.APIOpen = p.APIOpen || c.Checked
		return
	}
	p.Own, p.Idle = append(p.Own, c), p.Idle && c.Locked != ""
}

// offerQuick offers to choose several scopes at once, and does it where that was asked for.
func (p *scopePicker) offerQuick(asked string) {
	var readers token.Scopes
	for _, c := range p.Own {
		if c.Locked == "" && strings.HasSuffix(c.Name, "read") {
			readers = append(readers, c.Name)
		}
	}
	if slices.Contains(readers, "odata:read") {
		p.Quick = append(p.Quick, quickChoice{"bi", "Connect a BI tool", "odata:read"})
	}
	if len(readers) > 1 || len(readers) == 1 && len(p.Quick) == 0 {
		p.Quick = append(p.Quick, quickChoice{"read", "Read-only", readers.String()})
	}
	for _, q := range p.Quick {
		if q.Key == asked {
			p.check(strings.Fields(q.Names))
		}
	}
	p.Search = len(p.Own)+len(p.API) > 6
}

func (p *scopePicker) check(names []string) {
	for i := range p.Own {
		p.Own[i].Checked = slices.Contains(names, p.Own[i].Name)
	}
	for i := range p.API {
		p.API[i].Checked = false
	}
}

// whoMayHold says why a scope is locked.
func whoMayHold(roles []token.Role) string {
	words := map[token.Role]string{token.Administrator: "administrators", token.Developer: "developers", token.PlainMember: "members"}
	var who []string
	for _, r := range roles {
		who = append(who, words[r])
	}
	return "Your role can't hold this; only " + strings.Join(who, " and ") + " can."
}

// lifetimes are the ways to say how long a token lasts.
type lifetimes struct {
	Label    string
	Presets  []lifetime
	Chosen   string // key of what is selected: "d90", "days", "date", "never"
	Days     string
	Min, Max int
	Date     string // as an <input type=date> has it
	DateMin  string
	DateMax  string
	HasDate  bool
	HasNever bool
	Advice   string
	Problem  string
}

type lifetime struct {
	Key, Label string
	Until      moment
}

const inputDate = "2006-01-02"

func (v *visit) lifetimes(r *token.ExpiryRule, from url.Values) *lifetimes {
	l := &lifetimes{
		Label: v.words().Expires, Chosen: from.Get("lifetime"), Days: from.Get("lifetime_days"), Min: r.MinDays, Max: r.MaxDays,
		Date: from.Get("expires_on"), DateMin: v.now.AddDate(0, 0, r.MinDays).Format(inputDate), DateMax: v.now.AddDate(0, 0, r.MaxDays).Format(inputDate),
		HasDate: r.Date, HasNever: r.Never, Advice: v.words().NeverAdvice,
	}
	presets := r.Presets
	if len(presets) == 0 {
		presets = []int{r.Proposed}
	}
	for _, d := range presets {
		l.Presets = append(l.Presets, lifetime{Key: "d" + strconv.Itoa(d), Label: count(d, "day"), Until: v.day(v.now.AddDate(0, 0, d))})
	}
	if l.Chosen == "" && l.Days != "" { // prefilled by the address
		l.Chosen = "days"
		if n, err := strconv.Atoi(l.Days); err == nil && slices.Contains(presets, n) {
			l.Chosen, l.Days = "d"+l.Days, ""
		}
	}
	if l.Chosen == "" {
		l.Chosen = "d" + strconv.Itoa(r.Proposed)
		if !slices.Contains(presets, r.Proposed) {
			l.Chosen, l.Days = "days", strconv.Itoa(r.Proposed)
		}
	}
	return l
}

// newToken shows the form. It can be filled in by the address: ?name=&description=&scopes=a+b&lifetime_days=
func (v *visit) newToken() error {
	rules := &v.in.Policy.Tokens
	if err := v.mayMake(kindTokens); err != nil {
		return err
	}
	if !asks(rules) {
		return v.goTo(v.list(kindTokens))
	}
	return v.showTokens(0, "create", v.createForm(v.prefilled()))
}

// prefilled is a form's fields as the address has them. The form's single-use mark is not among them.
func (v *visit) prefilled() url.Values {
	from := maps.Clone(v.asked)
	var scopes []string
	for _, s := range from["scopes"] {
		scopes = append(scopes, strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' || r == '+' })...)
	}
	from["scopes"] = scopes
	from.Del("nonce")
	from.Del("choose")
	return from
}

// newTokenSent makes the token, and answers with its secret.
func (v *visit) newTokenSent() error {
	if err := v.mayMake(kindTokens); err != nil {
		return err
	}
	if v.form("choose") != "" { // a quick choice of scopes, without the script
		return v.showTokens(0, "create", v.createForm(v.sent))
	}
	if ok, err := v.confirmed("Create"); !ok {
		return err
	}
	request, bad := v.request()
	var made token.Token
	var secret token.Secret
	err := fault.Invalids(bad)
	if err == nil {
		made, secret, err = v.authority.CreateToken(v.r.Context(), v.by, v.in.Slug, authority.NewToken{Request: request, Nonce: v.form("nonce")})
	}
	if err == nil {
		return v.showSecret(&made, secret)
	}
	f := fault.From(err)
	switch {
	case f.Code == api.CodeRecentSignInRequired:
		return v.askPassword("Create", problems{})
	case f.Code == api.CodeAlreadyCreated:
		return v.showTokens(http.StatusConflict, "already", map[string]any{"Close": v.list(kindTokens), "Words": v.words(), "Text": "This token was already created. If you did not copy it, make another one: it can't be shown again."})
	case f.Code == api.CodeTokenLimitReached, correctable(f) && !asks(&v.in.Policy.Tokens):
		return v.showTokens(web.StatusOf(f), "already", map[string]any{"Close": v.list(kindTokens), "Words": v.words(), "Text": f.Detail})
	case correctable(f):
		form := v.createForm(v.sent)
		form.Problems = problemsOf(f, createFields())
		if form.Scopes != nil {
			form.Scopes.Problem = form.Problems.At("scopes")
		}
		if form.Lasts != nil {
			form.Lasts.Problem = form.Problems.At("lifetime")
		}
		return v.showTokens(web.StatusOf(f), "create", form)
	}
	return err
}

// request reads the form. Only fields that the form shows are said; what else is sent is refused by
// authority.
func (v *visit) request() (token.Request, []fault.Field) {
	rules := &v.in.Policy.Tokens
	form := v.sent
	var r token.Request
	text := func(name string, rule token.Presence) *string {
		if !form.Has(name) && rule == token.None {
			return nil
		}
		s := form.Get(name)
		return &s
	}
	r.Name, r.Description = text("name", rules.Name), text("description", rules.Description)
	if rules.Scope.Mode == token.ScopesChosen || form.Has("scopes") {
		scopes := slices.Clone(form["scopes"])
		if scopes == nil {
			scopes = []string{}
		}
		r.Scopes = &scopes
	}
	if rules.Expiry.Mode == token.ExpiryFixed {
		return r, nil
	}
	var bad []fault.Field
	r.Expiry, bad = v.choice(form)
	return r, bad
}

// choice reads how long the token is to last. A date means that day at the present time of day (UTC), so
// that it is as many days from now as it looks.
func (v *visit) choice(form url.Values) (token.Choice, []fault.Field) {
	bad := func(detail string) (token.Choice, []fault.Field) {
		return token.Choice{}, []fault.Field{{Name: "lifetime_days", Code: api.CodeLifetimeOutOfRange, Detail: detail}}
	}
	days := form.Get("lifetime_days")
	switch chosen := form.Get("lifetime"); {
	case chosen == "never":
		return token.Choice{Never: true}, nil
	case chosen == "date":
		d, err := time.Parse(inputDate, strings.TrimSpace(form.Get("expires_on")))
		if err != nil {
			return bad("Choose the date on which the token expires.")
		}
		h, m, s := v.now.Clock()
		at := d.Add(time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second)
		return token.Choice{ExpiresAt: &at}, nil
	case strings.HasPrefix(chosen, "d") && chosen != "days":
		days = chosen[1:]
	}
	n, err := strconv.Atoi(strings.TrimSpace(days))
	if err != nil {
		r := &v.in.Policy.Tokens.Expiry
		return bad(fmt.Sprintf("Enter the number of days, %d to %d.", r.MinDays, r.MaxDays))
	}
	return token.Choice{LifetimeDays: &n}, nil
}

// prefill is what was typed into the form for a new token, as the address that fills it in.
func prefill(form url.Values) string {
	q := url.Values{}
	for _, name := range []string{"name", "description", "lifetime", "lifetime_days", "expires_on", "replaces"} {
		if s := form.Get(name); s != "" {
			q.Set(name, s)
		}
	}
	if s := form["scopes"]; len(s) > 0 {
		q.Set("scopes", strings.Join(s, " "))
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}
