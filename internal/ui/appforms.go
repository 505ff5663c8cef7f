package ui

import (
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

// appForm is the form for a new app, and for changing one.
type appForm struct {
	Words             token.Labels
	Title, Button     string
	Path, Cancel      string
	Nonce             string
	Name, Description string
	Scopes            *scopePicker // nil: the caller may not change them
	Folded            bool         // it has all scopes unless one looks and chooses
	WhyNoScopes       string
	Keys              string
	Problems          problems
}

// appFields names the element of each field that authority may refuse.
func appFields() map[string]string {
	return map[string]string{"name": "name", "description": "description", "scopes": "scopes", "keys": "keys"}
}

func (v *visit) newAppForm(from url.Values) appForm {
	w := v.wordsOf(kindApps)
	f := appForm{
		Words: w, Title: w.CreateTitle, Button: w.Create, Path: v.at("apps", "new"), Cancel: v.list(kindApps), Nonce: from.Get("nonce"),
		Name: from.Get("name"), Description: from.Get("description"), Keys: from.Get("keys"), Scopes: v.appScopes(from["scopes"], from.Get("choose")),
	}
	if f.Nonce == "" {
		f.Nonce = newNonce()
	}
	// Where an app's scopes can't be changed later, it begins with all that it may hold.
	if f.Folded = !v.in.Policy.Apps.Allows(token.ActEditScope); f.Folded && !from.Has("nonce") && len(from["scopes"]) == 0 {
		for i := range f.Scopes.Own {
			f.Scopes.Own[i].Checked = f.Scopes.Own[i].Locked == ""
		}
	}
	return f
}

// newApp shows the form. It can be filled in by the address: ?name=&description=&scopes=a+b
func (v *visit) newApp() error {
	if err := v.mayMake(kindApps); err != nil {
		return err
	}
	return v.showList(kindApps, 0, "app-form", v.newAppForm(v.prefilled()))
}

// newAppSent makes the app, and answers with its credentials.
func (v *visit) newAppSent() error {
	if err := v.mayMake(kindApps); err != nil {
		return err
	}
	if v.form("choose") != "" { // a quick choice of scopes, without the script
		return v.showList(kindApps, 0, "app-form", v.newAppForm(v.sent))
	}
	if ok, err := v.confirmed("Add the app"); !ok {
		return err
	}
	made, secret, err := v.authority.CreateApp(v.r.Context(), v.by, v.in.Slug, authority.NewApp{
		Name: v.form("name"), Description: v.form("description"), Scopes: v.chosenScopes(), Keys: v.form("keys"), Nonce: v.form("nonce"),
	})
	if err == nil {
		return v.showAppSecret(&made, secret, shown{Title: v.wordsOf(kindApps).CreatedTitle, Close: v.list(kindApps) + "?made=" + made.ID})
	}
	switch f := fault.From(err); {
	case f.Code == api.CodeRecentSignInRequired:
		return v.askPassword("Add the app", problems{})
	case f.Code == api.CodeAlreadyCreated:
		return v.showAlready(kindApps, http.StatusConflict, "This app was already added. "+v.forgotSecret())
	case f.Code == api.CodeTokenLimitReached:
		return v.showAlready(kindApps, web.StatusOf(f), f.Detail)
	case correctable(f):
		form := v.newAppForm(v.sent)
		form.Problems = problemsOf(f, appFields())
		form.Scopes.Problem = form.Problems.At("scopes")
		return v.showList(kindApps, web.StatusOf(f), "app-form", form)
	}
	return err
}

// chosenScopes are those that are ticked in the form; none is a choice as well.
func (v *visit) chosenScopes() []string { return append([]string{}, v.sent["scopes"]...) }

// forgotSecret says what to do when a client secret was not copied.
func (v *visit) forgotSecret() string {
	rules := &v.in.Policy.Apps
	switch {
	case rules.Secret == token.SecretViewable && rules.Allows(token.ActView):
		return "Its client secret is on its page."
	case rules.Allows(token.ActRegenerate):
		return "If you did not copy its client secret, rotate it: it can't be shown again."
	}
	return "If you did not copy its client secret, delete it and add another one: it can't be shown again."
}

// showAlready says that a form was sent before, or came too late.
func (v *visit) showAlready(k kind, status int, text string) error {
	return v.showList(k, status, "already", map[string]any{"Close": v.list(k), "Words": v.wordsOf(k), "Text": text})
}

// showAppSecret answers the very request that made or asked for a client secret. Where the policy lets it be
// seen again, closing the dialog asks nothing.
func (v *visit) showAppSecret(a *token.App, secret token.Secret, d shown) error {
	d.Words = v.wordsOf(kindApps)
	d.Caution, d.Again, d.under = d.Words.Caution, v.in.Policy.Apps.Secret == token.SecretViewable, kindApps
	d.Fields = []shownField{
		{ID: "shown-id", Label: "Client ID", Value: a.ID, Public: true, TestID: "shown-id"},
		{ID: "secret", Label: d.Words.Secret, Value: secret.Reveal(), First: true, TestID: "secret"},
	}
	d.Ask = "You haven't copied the client secret. After closing, it can't be shown again."
	d.CurlTitle, d.Curl, d.CurlOpen = "Get an access token", v.appCurl(a), true
	d.Hint = "With its client secret the app asks for an access token, which works for one hour. Put the secret into CLIENT_SECRET:"
	d.Next = v.connectFrom(kindApps, a.Scopes)
	return v.showShown(d)
}

// appSecretSent shows a client secret again, where the policy lets it be seen.
func (v *visit) appSecretSent() error {
	if ok, err := v.confirmed("Show the secret"); !ok {
		return err
	}
	a, err := v.theApp()
	if err != nil {
		return err
	}
	secret, err := v.authority.AppSecret(v.r.Context(), v.by, v.in.Slug, a.ID)
	if fault.CodeOf(err) == api.CodeRecentSignInRequired {
		return v.askPassword("Show the secret", problems{})
	}
	if err != nil {
		return err
	}
	return v.showAppSecret(&a.App, secret, shown{Title: a.Name, Close: v.at("apps", a.ID), over: &a})
}

// appSecret is the address of what only a form's POST shows.
func (v *visit) appSecret() error { return v.goTo(v.at("apps", v.r.PathValue("id"))) }

func (v *visit) editAppForm(a *authority.AppView, from url.Values) appForm {
	w := v.wordsOf(kindApps)
	f := appForm{
		Words: w, Title: "Edit " + a.Name, Button: w.Save, Path: v.r.URL.RequestURI(), Cancel: v.backTo(kindApps, a.ID),
		Name: from.Get("name"), Description: from.Get("description"), Keys: from.Get("keys"),
		WhyNoScopes: "You can't change its scopes: your role may not hold all of them.",
	}
	if a.MaySee {
		f.Scopes = v.appScopes(from["scopes"], from.Get("choose"))
	}
	return f
}

// appToEdit finds the app, if it can be changed.
func (v *visit) appToEdit(do token.Action) (authority.AppView, error) {
	a, err := v.theApp()
	if err != nil {
		return a, err
	}
	for _, can := range v.appActs(&a.App, v.origin(kindApps)) {
		if can.Key == string(do) {
			return a, nil
		}
	}
	switch {
	case do == token.ActDelete && v.in.Policy.Apps.Allows(do):
		return a, fault.New(fault.Conflict, api.CodeDeleteNeedsRevoke, "Disable this app first. Only disabled apps can be deleted.")
	case do == token.ActDisable && v.in.Policy.Apps.Allows(do):
		return a, fault.New(fault.Conflict, api.CodeInvalid, "This app is disabled already.")
	case do == token.ActActivate && v.in.Policy.Apps.Allows(do):
		return a, fault.New(fault.Conflict, api.CodeInvalid, "This app is active already.")
	case do == token.ActRegenerate && v.in.Policy.Apps.Allows(do):
		return a, fault.New(fault.Forbidden, api.CodeRoleNotAllowed, "Your role may not hold all of this app's scopes, so you can't see its secret.")
	}
	return a, notOffered()
}

func (v *visit) editApp() error {
	a, err := v.appToEdit(token.ActEditScope)
	if err != nil {
		return err
	}
	form := url.Values{"name": {a.Name}, "description": {a.Description}, "keys": {a.Keys}, "scopes": a.Scopes}
	return v.overApp(&a, 0, "app-form", v.editAppForm(&a, form))
}

func (v *visit) editAppSent() error {
	a, err := v.appToEdit(token.ActEditScope)
	if err != nil {
		return err
	}
	if v.form("choose") != "" {
		return v.overApp(&a, 0, "app-form", v.editAppForm(&a, v.sent))
	}
	if ok, err := v.confirmed(v.wordsOf(kindApps).Save); !ok {
		return err
	}
	name, description, keys := v.form("name"), v.form("description"), v.form("keys")
	change := authority.AppChange{Name: &name, Description: &description}
	if keys != a.Keys {
		change.Keys = &keys
	}
	if a.MaySee {
		scopes := v.chosenScopes()
		change.Scopes = &scopes
	}
	if _, err = v.authority.ChangeApp(v.r.Context(), v.by, v.in.Slug, a.ID, change); err == nil {
		return v.goTo(said(v.backTo(kindApps, a.ID), "app-changed"))
	}
	f := fault.From(err)
	if f.Code == api.CodeRecentSignInRequired { // other public keys are other credentials
		return v.askPassword(v.wordsOf(kindApps).Save, problems{})
	}
	if correctable(f) {
		form := v.editAppForm(&a, v.sent)
		form.Problems = problemsOf(f, appFields())
		if form.Scopes != nil {
			form.Scopes.Problem = form.Problems.At("scopes")
		}
		return v.overApp(&a, web.StatusOf(f), "app-form", form)
	}
	return err
}

// rotateForm asks how long the old client secret goes on working.
type rotateForm struct {
	Title, Path, Cancel, Nonce string
	Impact                     *impact
	Overlaps                   []overlap
	Older                      string // what becomes of a third secret
	Problems                   problems
}

type overlap struct {
	Key, Label, Until string
	Chosen            bool
}

// proposedOverlap is what the dialog proposes: long enough for the next working day.
const proposedOverlap = 24 * time.Hour

func (v *visit) rotateForm(a *authority.AppView) (rotateForm, error) {
	f := rotateForm{Title: "Rotate the secret of " + a.Name, Path: v.r.URL.RequestURI(), Cancel: v.backTo(kindApps, a.ID), Nonce: newNonce()}
	for _, d := range authority.Overlaps() {
		o := overlap{Key: strconv.FormatInt(int64(d/time.Second), 10), Label: overlapWords(d), Until: "It stops at once", Chosen: d == proposedOverlap}
		if d > 0 {
			o.Until = "until " + v.now.Add(d).UTC().Format("2 Jan, 15:04 MST")
		}
		f.Overlaps = append(f.Overlaps, o)
	}
	live := 0
	for i := range a.Secrets {
		if a.Secrets[i].LiveAt(v.now) {
			live++
		}
	}
	if live > 1 {
		f.Older = "An app has two secrets at most: the older one, which ends in " + a.Secrets[live-1].Hint + ", stops now."
	}
	ip := ""
	if a.LastUsedIP.IsValid() {
		ip = a.LastUsedIP.String()
	}
	var err error
	f.Impact, err = v.used(a.ID, a.LastUsedAt, ip)
	return f, err
}

func overlapWords(d time.Duration) string {
	switch {
	case d == 0:
		return "No time"
	case d < 48*time.Hour:
		return count(int(d/time.Hour), "hour")
	}
	return count(int(d/(24*time.Hour)), "day")
}

func (v *visit) rotateApp() error {
	a, err := v.appToEdit(token.ActRegenerate)
	if err != nil {
		return err
	}
	f, err := v.rotateForm(&a)
	if err != nil {
		return err
	}
	return v.overApp(&a, 0, "rotate", f)
}

func (v *visit) rotateAppSent() error {
	if ok, err := v.confirmed("Rotate the secret"); !ok {
		return err
	}
	a, err := v.appToEdit(token.ActRegenerate)
	if err != nil {
		return err
	}
	r := authority.Rotation{Nonce: v.form("nonce"), Keep: -1}
	if n, err := strconv.ParseInt(v.form("keep"), 10, 32); err == nil {
		r.Keep = time.Duration(n) * time.Second
	}
	if !slices.Contains(authority.Overlaps(), r.Keep) {
		f, err := v.rotateForm(&a)
		if err != nil {
			return err
		}
		note(&f.Problems, "keep", "Choose how long the old secret goes on working.")
		return v.overApp(&a, http.StatusUnprocessableEntity, "rotate", f)
	}
	changed, secret, err := v.authority.RotateAppSecret(v.r.Context(), v.by, v.in.Slug, a.ID, r)
	switch f := fault.From(err); {
	case err == nil:
		view, err := v.authority.App(v.r.Context(), v.by, v.in.Slug, changed.ID)
		if err != nil {
			return err
		}
		return v.showAppSecret(&changed, secret, shown{Title: "The new secret of " + changed.Name, Close: v.at("apps", changed.ID), over: &view})
	case f.Code == api.CodeRecentSignInRequired:
		return v.askPassword("Rotate the secret", problems{})
	case f.Code == api.CodeAlreadyCreated:
		return v.overApp(&a, http.StatusConflict, "already", map[string]any{
			"Close": v.backTo(kindApps, a.ID), "Words": v.wordsOf(kindApps), "Text": "This secret was already rotated. If you did not copy the new one, rotate it again.",
		})
	case correctable(f):
		return v.overApp(&a, web.StatusOf(f), "already", map[string]any{"Close": v.backTo(kindApps, a.ID), "Words": v.wordsOf(kindApps), "Text": f.Detail})
	}
	return err
}

// confirmApp shows the dialog before an act.
func (v *visit) confirmApp(do token.Action, fill func(*authority.AppView, *confirmation)) error {
	a, err := v.appToEdit(do)
	if err != nil {
		return err
	}
	c := confirmation{Path: v.r.URL.RequestURI(), Cancel: v.backTo(kindApps, a.ID), Danger: true}
	if a.Status() == token.Active {
		ip := ""
		if a.LastUsedIP.IsValid() {
			ip = a.LastUsedIP.String()
		}
		if c.Impact, err = v.used(a.ID, a.LastUsedAt, ip); err != nil {
			return err
		}
	}
	fill(&a, &c)
	return v.overApp(&a, 0, "confirm", c)
}

// afterStop says what becomes of access tokens that a stopped credential has got.
func (v *visit) afterStop() string {
	if v.in.Policy.AfterStop == token.UntilExpiry {
		return "Access tokens that it has got work until they expire, for an hour at most."
	}
	return "Access tokens that it has got stop at once as well."
}

func (v *visit) disableApp() error {
	return v.confirmApp(token.ActDisable, func(a *authority.AppView, c *confirmation) {
		c.Title, c.Button = "Disable “"+a.Name+"”", v.wordsOf(kindApps).RevokeConfirm
		c.Body = []string{"Every call with this app's credentials will fail at once. " + v.afterStop()}
		if v.in.Policy.Apps.Allows(token.ActActivate) {
			c.Body = append(c.Body, "You can activate it again.")
		}
	})
}

func (v *visit) disableAppSent() error {
	back := v.backTo(kindApps, v.r.PathValue("id"))
	if _, err := v.authority.DisableApp(v.r.Context(), v.by, v.in.Slug, v.r.PathValue("id")); err != nil {
		return err
	}
	return v.goTo(said(back, v.laterNote("app-disabled")))
}

func (v *visit) activateApp() error {
	return v.confirmApp(token.ActActivate, func(a *authority.AppView, c *confirmation) {
		c.Title, c.Button, c.Danger = "Activate “"+a.Name+"”", "Activate", false
		c.Body = []string{"Its client secret works again, and so does every program that has it.", "Access tokens from before it was disabled don't work again; the app asks for new ones."}
		if v.in.Policy.AfterStop == token.UntilExpiry {
			c.Body = c.Body[:1]
		}
		if !a.LastUsedAt.IsZero() {
			c.Impact = &impact{Words: "Used last " + relative(a.LastUsedAt, v.now) + ".", Calm: true}
		}
	})
}

func (v *visit) activateAppSent() error {
	back := v.backTo(kindApps, v.r.PathValue("id"))
	if _, err := v.authority.ActivateApp(v.r.Context(), v.by, v.in.Slug, v.r.PathValue("id")); err != nil {
		return err
	}
	return v.goTo(said(back, "app-activated"))
}

func (v *visit) deleteApp() error {
	return v.confirmApp(token.ActDelete, func(a *authority.AppView, c *confirmation) {
		w := v.wordsOf(kindApps)
		c.Title, c.Button = w.DeleteTitle, w.DeleteConfirm
		if a.Status() == token.Active {
			c.Body = []string{"“" + a.Name + "” is removed, and every call with its credentials will fail at once. " + v.afterStop() + " This can't be undone."}
			return
		}
		c.Body = []string{"“" + a.Name + "” has stopped working already. Deleting removes it from the list for good; the audit log keeps its history."}
	})
}

func (v *visit) deleteAppSent() error {
	if err := v.authority.DeleteApp(v.r.Context(), v.by, v.in.Slug, v.r.PathValue("id")); err != nil {
		return err
	}
	return v.goTo(said(v.afterDeleting(kindApps), v.laterNote("app-deleted")))
}

// endSecret asks before an old client secret is ended; the address names it.
func (v *visit) endSecret() error {
	a, err := v.theApp()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(a.Secrets, func(s token.ClientSecret) bool { return s.ID == v.r.PathValue("secret") })
	if i < 0 {
		return fault.Missing()
	}
	r := v.secretRow(&a, i)
	if r.End == "" {
		return notOffered()
	}
	c := confirmation{
		Title: "End the old secret", Path: v.r.URL.Path, Cancel: v.at("apps", a.ID), Button: "End it now", Danger: true,
		Body:   []string{"Every program that still has the secret which ends in " + r.Hint + " will fail at once. The newest one goes on working."},
		Impact: &impact{Words: r.Use.Words + ".", Calm: !strings.HasPrefix(r.Use.Words, "Still")},
	}
	return v.showApp(&a, 0, "confirm", c)
}

func (v *visit) endSecretSent() error {
	a, err := v.authority.EndAppSecret(v.r.Context(), v.by, v.in.Slug, v.r.PathValue("id"), v.r.PathValue("secret"))
	if err != nil {
		return err
	}
	return v.goTo(v.at("apps", a.ID) + "?done=secret-ended")
}
