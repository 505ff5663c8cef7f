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

func (v *visit) frame(p page) frame {
	f := frame{
		Title: p.title, Product: v.kit.ProductName(), Theme: v.theme(), CSS: v.assets.css, JS: v.assets.js, Icon: v.assets.icon,
		Demo: v.demo, Narrow: p.narrow, Crumbs: p.crumbs, Up: p.up, UpAt: len(p.crumbs) - 2, Note: p.note, Back: "/",
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
		for _, s := range v.ownSections() {
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

// isAdministrator reports whether the caller administrates this workspace.
func (v *visit) isAdministrator() bool { return v.in.Role == token.Administrator }

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
