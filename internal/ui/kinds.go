package ui

import (
	"slices"

	"github.com/keywright/keywright/internal/token"
)

// kind is a kind of credential that has a list of its own. Its name is the list's address in the workspace.
type kind string

const (
	kindTokens kind = "tokens"
	kindApps   kind = "apps"
	kindOAuth  kind = "oauth-tokens"
)

// kinds lists all of them as the navigation does.
func kinds() []kind { return []kind{kindTokens, kindApps, kindOAuth} }

// settingsMenu is the first part of a menu path that means the side navigation itself.
const settingsMenu = "Settings"

// access is the part of the rules that all kinds have.
func (v *visit) access(k kind) *token.Access {
	switch k {
	case kindApps:
		return &v.in.Policy.Apps.Access
	case kindOAuth:
		return &v.in.Policy.OAuthTokens.Access
	default:
		return &v.in.Policy.Tokens.Access
	}
}

// wordsOf are the policy's words for a kind.
func (v *visit) wordsOf(k kind) token.Labels {
	switch k {
	case kindApps:
		return v.in.Policy.Apps.Words()
	case kindOAuth:
		return v.in.Policy.OAuthTokens.Words()
	default:
		return v.in.Policy.Tokens.Labels.Words()
	}
}

// words are those for personal access tokens.
func (v *visit) words() token.Labels { return v.wordsOf(kindTokens) }

// has reports whether the caller's role has the list of a kind.
func (v *visit) has(k kind) bool {
	a := v.access(k)
	return a.Offered && a.Holds(v.in.Role)
}

// oversees reports whether the caller's role sees and stops everyone's of a kind.
func (v *visit) oversees(k kind) bool { return v.access(k).Oversees(v.in.Role) }

// hasTokens reports whether the caller's role has the page of personal access tokens.
func (v *visit) hasTokens() bool { return v.has(kindTokens) }

// menu is the path under which the policy places a kind's list: one to four words. The first is the title of
// the part of the navigation that holds it, the second the entry there, and a third is a tab.
func (v *visit) menu(k kind) []string { return v.wordsOf(k).Menu }

func (v *visit) section(k kind) string {
	if m := v.menu(k); len(m) > 1 {
		return m[0]
	}
	return settingsMenu
}

func (v *visit) entry(k kind) string {
	m := v.menu(k)
	return m[min(1, len(m)-1)]
}

// tabbed reports whether the menu path leads to a tab of a page.
func (v *visit) tabbed(k kind) bool { return v.has(k) && len(v.menu(k)) > 2 }

// together lists the kinds whose lists share a page with this one's, since the policy gives them one menu
// path, in the order of the page.
func (v *visit) together(k kind) []kind {
	var out []kind
	for _, other := range []kind{kindApps, kindTokens, kindOAuth} {
		if other == k || v.has(other) && v.has(k) && slices.Equal(v.menu(other), v.menu(k)) {
			out = append(out, other)
		}
	}
	return out
}

// lead is the kind after which the page is addressed that holds a kind's list.
func (v *visit) lead(k kind) kind {
	shared := v.together(k)
	for _, first := range kinds() {
		if slices.Contains(shared, first) {
			return first
		}
	}
	return k
}

// list is the address of the page that holds a kind's list.
func (v *visit) list(k kind) string { return v.at(string(v.lead(k))) }

// crumbs is the menu path of a kind's list.
func (v *visit) crumbs(k kind, more ...string) []string {
	return append(slices.Clone(v.menu(k)), more...)
}

// hereOf is the key of the navigation's entry for a kind's list.
func (v *visit) hereOf(k kind) string {
	if v.tabbed(k) {
		return "profile"
	}
	return string(v.lead(k))
}

// iconOf is what stands before the name of a kind.
func iconOf(k kind) string {
	switch k {
	case kindApps:
		return "app"
	case kindOAuth:
		return "refresh"
	default:
		return "key"
	}
}

// pluralOf is what sentences call the credentials of a kind.
func pluralOf(k kind) string {
	switch k {
	case kindApps:
		return "apps"
	case kindOAuth:
		return "OAuth tokens"
	default:
		return "personal access tokens"
	}
}

// ownSections lists the parts of the navigation, other than the settings, in which the policy places a kind.
func (v *visit) ownSections() []string {
	var out []string
	for _, k := range kinds() {
		if s := v.section(k); v.access(k).Offered && s != settingsMenu && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// profilePlace is where the page "Profile" stands: its part of the navigation, and what it is called there.
func (v *visit) profilePlace() (section, title string) {
	section, title = settingsMenu, "Profile"
	if s := v.ownSections(); len(s) > 0 {
		section = s[0]
	}
	for _, k := range kinds() {
		if v.tabbed(k) {
			return v.section(k), v.entry(k)
		}
	}
	return section, title
}

// entries are those of one part of the navigation that lead to lists.
func (v *visit) entries(section string) []navItem {
	var out []navItem
	for _, k := range kinds() {
		if !v.has(k) || v.section(k) != section {
			continue
		}
		item := navItem{Key: string(k), Label: v.entry(k), Icon: iconOf(k), Path: v.at(string(k))}
		if v.tabbed(k) {
			item.Key, item.Icon, item.Path = "profile", "user", v.at("profile")
		}
		if (item.Key == "profile" || v.lead(k) == k) && !slices.ContainsFunc(out, func(x navItem) bool { return x.Key == item.Key && x.Label == item.Label }) {
			out = append(out, item)
		}
	}
	return out
}

// workspaceNav lists what the policy and the role leave: an entry that one may not use does not exist.
func (v *visit) workspaceNav() []navGroup {
	var groups []navGroup
	at, title := v.profilePlace()
	for _, s := range v.ownSections() {
		g := navGroup{Title: s, Items: v.entries(s)}
		if s == at && title == "Profile" && !slices.ContainsFunc(g.Items, func(x navItem) bool { return x.Key == "profile" }) {
			g.Items = slices.Insert(g.Items, 0, navItem{Key: "profile", Label: title, Icon: "user", Path: v.at("profile")})
		}
		groups = append(groups, g)
	}
	settings := navGroup{Title: settingsMenu, Items: v.entries(settingsMenu)}
	if len(v.readable()) > 0 {
		settings.Items = append(settings.Items, navItem{Key: "connect", Label: "Connect", Icon: "plug", Path: v.at("connect")})
	}
	if v.isAdministrator() || slices.ContainsFunc(kinds(), v.has) {
		settings.Items = append(settings.Items, navItem{Key: "usage", Label: "Usage", Icon: "chart", Path: v.at("usage")})
	}
	settings.Items = append(settings.Items, navItem{Key: "audit", Label: "Audit log", Icon: "clock", Path: v.at("audit")})
	groups = append(groups, settings)
	if v.isAdministrator() {
		groups = append(groups, navGroup{Title: "Administration", Items: []navItem{
			{Key: "all", Label: "All tokens", Icon: "list", Path: v.at("admin", "tokens")},
			{Key: "legacy", Label: "Legacy tokens", Icon: "clock", Path: v.at("admin", "legacy")},
			{Key: "members", Label: "Members", Icon: "users", Path: v.at("admin", "members")},
			{Key: "scopes", Label: "Scopes", Icon: "tag", Path: v.at("admin", "scopes")},
			{Key: "policy", Label: "Policy", Icon: "shield", Path: v.at("admin", "policy")},
			{Key: "feeds", Label: "Data feeds", Icon: "data", Path: v.at("admin", "feeds")},
			{Key: "keys", Label: "Signing keys", Icon: "sign", Path: v.at("admin", "keys")},
		}})
	}
	return groups
}

// tabs are those of the page that a menu path names, when it names a tab; current is the profile's, or a
// kind's.
func (v *visit) tabs(current string) []navItem {
	if current == "" || v.in == nil {
		return nil
	}
	k, found := kind(current), false
	if current == "profile" {
		for _, other := range kinds() {
			if !found && v.tabbed(other) {
				k, found = other, true
			}
		}
	}
	if !found && (current == "profile" || !v.tabbed(k)) {
		return nil
	}
	out := []navItem{{Label: "Profile", Path: v.at("profile"), Current: current == "profile"}}
	for _, other := range kinds() {
		if v.tabbed(other) && v.section(other) == v.section(k) && v.entry(other) == v.entry(k) && v.lead(other) == other {
			m := v.menu(other)
			out = append(out, navItem{Label: m[len(m)-1], Path: v.at(string(other)), Current: other == v.lead(k) && current != "profile"})
		}
	}
	return out
}

// settings leads to the first page of the workspace that the caller has.
func (v *visit) settings() error {
	for _, k := range kinds() {
		if v.has(k) {
			return v.goTo(v.list(k))
		}
	}
	if v.isAdministrator() {
		return v.goTo(v.at("admin", "tokens"))
	}
	return v.goTo(v.at("profile"))
}

// profile shows who the caller is in this workspace.
func (v *visit) profile() error {
	section, title := v.profilePlace()
	return v.show(page{
		title: title, name: "profile", here: "profile", tab: "profile", crumbs: []string{section, title}, narrow: true,
		data: map[string]any{"Person": v.by.User, "Role": roleName(v.in.Role), "Workspace": v.in.Name, "Title": title, "Admin": v.by.InstallationAdmin},
	})
}
