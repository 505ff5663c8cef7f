package ui

import (
	"cmp"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/publish"
	"github.com/keywright/keywright/internal/token"
)

// feed is a feed of the workspace as pages show it.
type feed struct {
	*publish.Feed
	State      publish.State
	Address    string // of the service, with a slash at its end
	ScopeTitle string // "" when the workspace's catalogue does not know the scope
	Sets       []feedSet
}

type feedSet struct {
	Name, Title, Address, ODC string

	Short string // the name, cut to what a button holds on a phone
}

// First is the name of a set for examples.
func (f *feed) First() feedSet {
	if len(f.Sets) == 0 {
		return feedSet{}
	}
	return f.Sets[0]
}

// feedAddress is where a feed is read.
func (v *visit) feedAddress(name string) string {
	return strings.TrimSuffix(v.kit.URL("/odata/"+v.in.Slug+"/"+name), "/") + "/"
}

func (v *visit) feedOf(p *publish.Feed) feed {
	f := feed{Feed: p, State: p.State(), Address: v.feedAddress(p.Name)}
	if f.Title == "" {
		named := *p
		named.Title = p.Name
		f.Feed = &named
	}
	if s, ok := v.in.Catalogue.Find(p.Scope); ok {
		f.ScopeTitle = cmp.Or(s.Title, s.Name)
	}
	if f.State.Model == nil {
		return f
	}
	for _, s := range f.State.Model.Sets {
		f.Sets = append(f.Sets, feedSet{
			Name: s.Name, Short: cut(s.Name, drawnFile), Title: cmp.Or(s.Title, s.Name), Address: f.Address + url.PathEscape(s.Name), ODC: v.at("connect", f.Name, "files", url.PathEscape(s.Name)+".odc"),
		})
	}
	return f
}

// readable lists the feeds that the caller could have a credential for: those of the user's own data first.
func (v *visit) readable() []*publish.Feed {
	if v.published == nil {
		return nil
	}
	var own, built []*publish.Feed
	for _, f := range v.published.In(v.in.Slug) {
		switch {
		case !slices.ContainsFunc(kinds(), func(k kind) bool { return v.fits(k, f.Scope) }):
		case f.BuiltIn:
			built = append(built, f)
		default:
			own = append(own, f)
		}
	}
	return append(own, built...)
}

// fits reports whether the caller could have a credential of a kind that holds a scope.
func (v *visit) fits(k kind, scope string) bool {
	s, ok := v.in.Catalogue.Find(scope)
	if !ok || !v.has(k) || !slices.Contains(s.Roles, v.in.Role) {
		return false
	}
	rule := &v.in.Policy.Tokens.Scope
	switch {
	case k == kindApps:
		return s.Apps
	case k == kindTokens && rule.Mode == token.ScopesDefaulted:
		return slices.Contains(rule.Default, scope)
	}
	return true
}

// connectFrom is where the pages that say how to read a feed are, for a credential that holds these scopes; "" when
// it can read none.
func (v *visit) connectFrom(k kind, held token.Scopes) string {
	for _, f := range v.readable() {
		if slices.Contains(held, f.Scope) {
			return v.at("connect", f.Name) + "?with=" + string(k)
		}
	}
	return ""
}

// connectWith is the same for a kind of which the caller has none yet.
func (v *visit) connectWith(k kind) string {
	for _, f := range v.readable() {
		if v.fits(k, f.Scope) {
			return v.at("connect", f.Name) + "?with=" + string(k)
		}
	}
	return ""
}

// connectPage says how a tool reads a feed, and lets one try it.
type connectPage struct {
	Feed     feed
	Feeds    []link
	Tool     tool
	Tools    []link
	Way      way
	Others   []link // other kinds of credential
	User     string // what to type as the user's name
	Path     string // of this page, where the form is sent
	Steps    template.HTML
	Trouble  template.HTML
	Report   *report
	Problems problems
	Why      string // the page that says why the feed is not available; "" when the caller may not see it
}

// link is one of several pages to choose from.
type link struct {
	Label, Path string
	Current     bool
}

// way is a kind of credential that can read the feed.
type way struct {
	Kind     kind
	Password string   // what to type as the password
	Short    string   // the same in two words
	Advice   string   // what to know about it
	Held     []string // what the caller holds and what fits, as sentences call it
	Says     string   // about those, or that there are none
	Make     string   // words for making one; "" when the caller can't
	MakePath string
	Direct   bool // making one asks nothing: the link is a form
	Nonce    string
	Why      string // why none can be made now
	WhyPath  string
	ListPath string
}

// connect shows how to read the feed that the address names, or the first one that is available.
func (v *visit) connect() error {
	feeds, f, err := v.chosenFeed()
	if err != nil {
		return err
	}
	return v.showConnect(feeds, f, 0, nil)
}

// chosenFeed returns the feeds that the caller could read, and the chosen one.
func (v *visit) chosenFeed() ([]*publish.Feed, feed, error) {
	feeds := v.readable()
	if len(feeds) == 0 {
		return nil, feed{}, fault.New(fault.Forbidden, api.CodeRoleNotAllowed, "This workspace has no data that your role can have a token for. Ask an administrator.")
	}
	at := max(slices.IndexFunc(feeds, func(f *publish.Feed) bool { return f.State().Problem == "" }), 0)
	if name := v.r.PathValue("feed"); name != "" {
		at = slices.IndexFunc(feeds, func(f *publish.Feed) bool { return f.Name == name })
	}
	if at < 0 {
		return nil, feed{}, noSuchFeed()
	}
	return feeds, v.feedOf(feeds[at]), nil
}

func noSuchFeed() error {
	return fault.New(fault.NotFound, api.CodeNotFound, "There is no such feed, or your role can't have a token for it.")
}

// showConnect renders the page; fill puts on it what the form led to.
func (v *visit) showConnect(feeds []*publish.Feed, f feed, status int, fill func(*connectPage)) error {
	d := connectPage{Feed: f, User: v.by.User.Email}
	t, ok := toolOf(cmp.Or(v.r.PathValue("tool"), "excel"))
	if !ok {
		return fault.New(fault.NotFound, api.CodeNotFound, "There is no page about this tool.")
	}
	d.Tool = t
	if v.isAdministrator() {
		d.Why = v.at("admin", "feeds")
	}
	var err error
	if d.Way, err = v.connectWays(&d); err != nil {
		return err
	}
	with := ""
	if len(d.Others) > 0 {
		with = "?with=" + string(d.Way.Kind)
	}
	for _, other := range feeds {
		d.Feeds = append(d.Feeds, link{cmp.Or(other.Title, other.Name), v.at("connect", other.Name, t.Key) + with, other.Name == f.Name})
	}
	for _, other := range tools() {
		d.Tools = append(d.Tools, link{other.Name, v.at("connect", f.Name, other.Key) + with, other.Key == t.Key})
	}
	d.Path = v.at("connect", f.Name, t.Key) + with
	if fill != nil {
		fill(&d)
	}
	words := v.toolPage(&d)
	if d.Steps, err = v.run("connect-"+t.Key, words); err != nil {
		return err
	}
	if d.Trouble, err = v.run("connect-trouble", words); err != nil {
		return err
	}
	return v.show(page{title: "Connect " + t.Name, name: "connect", data: d, here: "connect", crumbs: []string{settingsMenu, "Connect"}, status: status})
}

// connectWays lists the kinds of credential that can read the feed, and returns the one that the address names or
// the first.
func (v *visit) connectWays(d *connectPage) (way, error) {
	var chosen kind
	var fit []kind
	for _, k := range kinds() {
		if v.fits(k, d.Feed.Scope) {
			fit = append(fit, k)
		}
	}
	chosen = fit[0]
	if k := kind(v.query("with")); slices.Contains(fit, k) {
		chosen = k
	}
	tool := d.Tool.Key
	for _, k := range fit {
		if k != chosen {
			d.Others = append(d.Others, link{singularOf(k), v.at("connect", d.Feed.Name, tool) + "?with=" + string(k), false})
		}
	}
	var w way
	var err error
	switch chosen {
	case kindApps:
		w, err = v.appWay(d.Feed.Scope)
	case kindOAuth:
		w, err = v.oauthWay()
	default:
		w, err = v.tokenWay(d.Feed.Scope)
	}
	w.Says = v.heldWords(&w, &d.Feed)
	return w, err
}

// heldWords says which of the caller's credentials can read a feed.
func (v *visit) heldWords(w *way, f *feed) string {
	own, many := "Your token ", " of your tokens "
	if w.Kind == kindApps {
		own, many = "The app ", " apps "
	}
	lost := " If you haven't kept the secret, make another one."
	switch {
	case w.Kind == kindApps && v.in.Policy.Apps.Secret == token.SecretViewable:
		lost = " The client secret is on the app's page."
	case w.Make == "":
		lost = ""
	}
	switch n := len(w.Held); {
	case n == 1:
		return own + w.Held[0] + " can read this data." + lost
	case n > 1:
		return strconv.Itoa(n) + many + "can read this data: " + firstNames(w.Held, 3) + "." + lost
	case w.Kind == kindApps:
		return "It takes an app with the scope " + f.scopeWords() + ", and there is none yet."
	}
	return "It takes a token with the scope " + f.scopeWords() + ", and you have none yet."
}

// singularOf is what sentences call one credential of a kind.
func singularOf(k kind) string {
	switch k {
	case kindApps:
		return "app"
	case kindOAuth:
		return "OAuth token"
	default:
		return "personal access token"
	}
}

const mostHeld = 200

func (v *visit) tokenWay(scope string) (way, error) {
	w := way{Kind: kindTokens, Password: "your personal access token", Short: "your token", ListPath: v.list(kindTokens)}
	list, err := v.authority.Tokens(v.r.Context(), v.by, v.in.Slug, authority.TokenQuery{
		Filter: authority.TokenFilter{OwnerID: v.by.User.ID, Status: token.Active}, Page: authority.Page{Limit: mostHeld},
	})
	if err != nil {
		return w, err
	}
	for i := range list {
		if t := &list[i]; slices.Contains(t.ScopesFor(v.in.Catalogue, v.in.Role), scope) {
			held := "“" + titleOf(t) + "”"
			if t.Name == "" && t.Description == "" && t.Hint != "" {
				held = "which ends in " + t.Hint
			}
			w.Held = append(w.Held, held)
		}
	}
	add, err := v.addButton()
	if err != nil || !add.Offered {
		return w, err
	}
	if w.Why = add.Why; w.Why != "" {
		return w, nil
	}
	w.Make, w.MakePath, w.Direct, w.Nonce = v.words().Add, add.Path, add.Direct, add.Nonce
	if v.in.Policy.Tokens.Scope.Mode == token.ScopesChosen {
		w.MakePath += "?scopes=" + url.QueryEscape(scope)
	}
	return w, nil
}

func (v *visit) appWay(scope string) (way, error) {
	w := way{Kind: kindApps, Password: "the app's client secret", Short: "the client secret", ListPath: v.list(kindApps), Advice: "An app reads everything in the workspace that its scopes allow, and goes on when its maker leaves. Use it for reports that belong to a team."}
	list, err := v.authority.Apps(v.r.Context(), v.by, v.in.Slug, authority.AppQuery{Page: authority.Page{Limit: mostHeld}})
	if err != nil {
		return w, err
	}
	for i := range list {
		if a := &list[i]; a.Status() == token.Active && slices.Contains(a.Scopes, scope) {
			w.Held = append(w.Held, "“"+a.Name+"”")
		}
	}
	if v.in.Policy.Apps.Creates(v.in.Role) {
		w.Make, w.MakePath = v.wordsOf(kindApps).Add, v.at("apps", "new")+"?scopes="+url.QueryEscape(scope)
	}
	return w, nil
}

func (v *visit) oauthWay() (way, error) {
	w := way{Kind: kindOAuth, Password: "the access token of an OAuth token", Short: "the access token", ListPath: v.list(kindOAuth), Advice: "An access token works for one hour. Then get the next one with the refresh token and type it in again: good for a look or for scripts, not for a report that refreshes by itself."}
	list, err := v.authority.OAuthTokens(v.r.Context(), v.by, v.in.Slug, authority.OAuthQuery{
		Filter: authority.OAuthFilter{OwnerID: v.by.User.ID, Status: token.Active}, Page: authority.Page{Limit: mostHeld},
	})
	if err != nil {
		return w, err
	}
	for i := range list {
		if t := &list[i]; t.StatusAt(v.now) == token.Active && t.Owner.ID == v.by.User.ID {
			w.Held = append(w.Held, "“"+t.Name+"”")
		}
	}
	if v.in.Policy.OAuthTokens.Creates(v.in.Role) {
		if w.Why, err = v.whyNoOAuth(); w.Why == "" {
			w.Make, w.MakePath = v.wordsOf(kindOAuth).Add, v.at("oauth-tokens", "new")
		}
	}
	return w, err
}

// connectSent tries the address with what was typed into the form.
func (v *visit) connectSent() error {
	feeds, f, err := v.chosenFeed()
	if err != nil {
		return err
	}
	user, secret := v.sent.Get("user"), v.sent.Get("credential")
	if strings.TrimSpace(secret) == "" {
		return v.showConnect(feeds, f, http.StatusUnprocessableEntity, func(d *connectPage) {
			d.User = cmp.Or(user, d.User)
			note(&d.Problems, "credential", "Paste "+d.Way.Short+" here.")
		})
	}
	r := v.try(&f, user, token.SecretOf(secret))
	return v.showConnect(feeds, f, 0, func(d *connectPage) { d.User, d.Report = cmp.Or(user, d.User), r })
}
