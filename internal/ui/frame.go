package ui

import (
	"strings"
	"unicode/utf8"

	"github.com/keywright/keywright/internal/token"
)

// person is who is signed in, as the frame shows them.
type person struct{ Name, Email, Initials string }

// place is a workspace in the switcher.
type place struct {
	Name, Path, Role string
	Current          bool
}

// navGroup is a part of the side navigation.
type navGroup struct {
	Title string
	Items []navItem
}

type navItem struct {
	Key, Label, Icon, Path string
	Current                bool
}

// settingsMenu is the first part of a menu path that means the side navigation itself.
const settingsMenu = "Settings"

func (v *visit) frame(p page) frame {
	f := frame{
		Title: p.title, Product: v.kit.ProductName(), Theme: v.theme(), CSS: v.assets.css, JS: v.assets.js, Icon: v.assets.icon,
		Demo: v.demo, Narrow: p.narrow, Crumbs: p.crumbs, Note: p.note, Back: "/",
	}
	if v.r.Method == "GET" {
		f.Back = v.r.URL.RequestURI()
	}
	if v.by.SessionID == "" {
		return f
	}
	f.Person = &person{Name: v.by.User.Name, Email: v.by.User.Email, Initials: initials(v.by.User.Name)}
	last := v.lastWorkspace()
	if v.in != nil {
		last = v.in.Slug
	}
	for _, m := range v.me.Workspaces {
		path := "/workspaces/" + m.Slug + "/settings"
		here := place{Name: m.Name, Path: path, Role: string(m.Role), Current: m.Slug == last}
		f.Places = append(f.Places, here)
		if here.Current {
			f.Here, f.SettingsPath = &here, path
		}
	}
	if v.in != nil {
		f.Nav = v.workspaceNav()
		if s := v.section(); s != settingsMenu {
			f.Profile = append(f.Profile, navItem{Key: "section", Label: s, Icon: "user", Path: v.at("profile")})
		}
	} else {
		f.Nav = []navGroup{{Title: "Account", Items: []navItem{
			{Key: "account", Label: "Profile", Icon: "user", Path: "/account"},
			{Key: "password", Label: "Password", Icon: "lock", Path: "/account/password"},
		}}}
	}
	if v.by.InstallationAdmin {
		f.Nav = append(f.Nav, navGroup{Title: "Installation", Items: []navItem{{Key: "installation", Label: "Workspaces", Icon: "building", Path: "/installation"}}})
	}
	for i := range f.Nav {
		for j := range f.Nav[i].Items {
			f.Nav[i].Items[j].Current = f.Nav[i].Items[j].Key == p.here
		}
	}
	f.Tabs = v.tabs(p.tab)
	return f
}

// menu is the path under which the policy places the page of personal access tokens, or, where those
// aren't offered, the page of OAuth tokens: one to four words.
func (v *visit) menu() []string {
	if !v.in.Policy.Tokens.Offered && v.in.Policy.OAuthTokens.Offered {
		return v.in.Policy.OAuthTokens.Labels.Words().Menu
	}
	return v.words().Menu
}

func (v *visit) words() token.Labels { return v.in.Policy.Tokens.Labels.Words() }

// section is the title of the part of the navigation that holds the tokens page.
func (v *visit) section() string {
	if m := v.menu(); len(m) > 1 {
		return m[0]
	}
	return settingsMenu
}

// entry is what leads to the tokens page in that part.
func (v *visit) entry() string {
	if m := v.menu(); len(m) > 1 {
		return m[1]
	}
	return v.menu()[0]
}

// crumbs is the menu path of the tokens page.
func (v *visit) crumbs(more ...string) []string {
	return append(append([]string{}, v.menu()...), more...)
}

// hasTokens reports whether the caller's role has the page of personal access tokens.
func (v *visit) hasTokens() bool {
	return v.in.Policy.Tokens.Offered && v.in.Policy.Tokens.Holds(v.in.Role)
}

// hasOAuth reports whether all that this workspace offers its people is OAuth tokens.
func (v *visit) hasOAuth() bool {
	return !v.in.Policy.Tokens.Offered && v.in.Policy.OAuthTokens.Offered && v.in.Policy.OAuthTokens.Holds(v.in.Role)
}

// isAdministrator reports whether the caller administrates this workspace.
func (v *visit) isAdministrator() bool { return v.in.Role == token.Administrator }

// tabbed reports whether the menu path leads to a tab of a page.
func (v *visit) tabbed() bool { return v.hasTokens() && len(v.menu()) > 2 }

// workspaceNav lists what the policy and the role leave: an entry that one may not use does not exist.
func (v *visit) workspaceNav() []navGroup {
	var own []navItem
	switch {
	case v.hasTokens():
		own = append(own, navItem{Key: "tokens", Label: v.entry(), Icon: "key", Path: v.at("tokens")})
	case v.hasOAuth():
		own = append(own, navItem{Key: "tokens", Label: v.entry(), Icon: "key", Path: v.at("oauth-tokens")})
	}
	var groups []navGroup
	settings := navGroup{Title: settingsMenu}
	switch {
	case v.section() == settingsMenu:
		settings.Items = own
	case v.tabbed():
		groups = append(groups, navGroup{Title: v.section(), Items: []navItem{{Key: "profile", Label: v.entry(), Icon: "user", Path: v.at("profile")}}})
	default:
		groups = append(groups, navGroup{Title: v.section(), Items: append([]navItem{{Key: "profile", Label: "Profile", Icon: "user", Path: v.at("profile")}}, own...)})
	}
	if v.hasTokens() || v.isAdministrator() {
		settings.Items = append(settings.Items, navItem{Key: "usage", Label: "Usage", Icon: "chart", Path: v.at("usage")})
	}
	settings.Items = append(settings.Items, navItem{Key: "audit", Label: "Audit log", Icon: "clock", Path: v.at("audit")})
	groups = append(groups, settings)
	if v.isAdministrator() {
		groups = append(groups, navGroup{Title: "Administration", Items: []navItem{
			{Key: "all", Label: "All tokens", Icon: "list", Path: v.at("admin", "tokens")},
			{Key: "members", Label: "Members", Icon: "users", Path: v.at("admin", "members")},
			{Key: "scopes", Label: "Scopes", Icon: "tag", Path: v.at("admin", "scopes")},
			{Key: "policy", Label: "Policy", Icon: "shield", Path: v.at("admin", "policy")},
		}})
	}
	return groups
}

// tabs are those of the page that the menu path names, when it names a tab.
func (v *visit) tabs(current string) []navItem {
	if current == "" || v.in == nil || !v.tabbed() {
		return nil
	}
	m := v.menu()
	return []navItem{
		{Label: "Profile", Path: v.at("profile"), Current: current == "profile"},
		{Label: m[len(m)-1], Path: v.at("tokens"), Current: current == "tokens"},
	}
}

// tokensHere is the key of the navigation's entry for the tokens page.
func (v *visit) tokensHere() string {
	if v.tabbed() {
		return "profile"
	}
	return "tokens"
}

// settings leads to the first page of the workspace that the caller has.
func (v *visit) settings() error {
	switch {
	case v.hasTokens():
		return v.goTo(v.at("tokens"))
	case v.hasOAuth():
		return v.goTo(v.at("oauth-tokens"))
	case v.isAdministrator():
		return v.goTo(v.at("admin", "tokens"))
	}
	return v.goTo(v.at("profile"))
}

// oauthTokens says that the page of OAuth tokens is still to come.
func (v *visit) oauthTokens() error {
	if !v.hasOAuth() {
		return v.settings()
	}
	w := v.in.Policy.OAuthTokens.Labels.Words()
	return v.show(page{title: w.Title, name: "oauth", here: "tokens", crumbs: v.crumbs(), data: map[string]any{"Words": w}})
}

// profile shows who the caller is in this workspace.
func (v *visit) profile() error {
	p := page{title: "Profile", name: "profile", here: "profile", tab: "profile", crumbs: []string{v.section(), "Profile"}, narrow: true}
	if v.tabbed() {
		p.title, p.crumbs = v.entry(), []string{v.section(), v.entry()}
	}
	p.data = map[string]any{"Person": v.by.User, "Role": roleName(v.in.Role), "Workspace": v.in.Name, "Title": p.title, "Admin": v.by.InstallationAdmin}
	return v.show(p)
}

func roleName(r token.Role) string {
	switch r {
	case token.Administrator:
		return "Administrator"
	case token.Developer:
		return "Developer"
	case token.PlainMember:
		return "Member"
	default:
		return "Not a member"
	}
}

// initials are up to two letters for a person without a picture.
func initials(name string) string {
	var out strings.Builder
	words := strings.Fields(name)
	for i, w := range words {
		if i == 0 || i == len(words)-1 {
			r, _ := utf8.DecodeRuneInString(w)
			out.WriteString(strings.ToUpper(string(r)))
		}
	}
	return out.String()
}
