package ui

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/web"
)

// scopesPage is the form that edits the workspace's catalogue.
type scopesPage struct {
	Rows     []scopeRow
	Reserved token.Catalogue
	Path     string
	Problems problems
}

type scopeRow struct {
	I                        int
	Name, Title, Description string
	Roles                    []roleOption
	Apps                     bool
	New                      bool
	Problems                 *problems
}

// At returns what is wrong with one field of the row.
func (r scopeRow) At(field string) string { return r.Problems.At(fmt.Sprintf("%s-%d", field, r.I)) }

func (v *visit) scopes() error {
	if err := v.needAdministrator(); err != nil {
		return err
	}
	return v.showScopes(0, v.in.Catalogue.Own(), problems{})
}

func (v *visit) showScopes(status int, c token.Catalogue, p problems) error {
	d := scopesPage{Path: v.at("admin", "scopes"), Reserved: token.Reserved(), Problems: p}
	for i, s := range c {
		r := scopeRow{I: i, Name: s.Name, Title: s.Title, Description: s.Description, Apps: s.Apps, Problems: &d.Problems, New: s.Name == ""}
		for _, role := range token.Roles() {
			r.Roles = append(r.Roles, roleOption{Value: string(role), Label: roleName(role), Selected: slices.Contains(s.Roles, role)})
		}
		d.Rows = append(d.Rows, r)
	}
	notes := map[string]string{"saved": "The scopes are saved. Tokens lost what is no longer in the list."}
	return v.show(page{
		title: "Scopes", name: "scopes-page", data: d, here: "scopes", crumbs: []string{"Administration", "Scopes"}, note: v.noteOf(notes), status: status,
	})
}

// maxScopeRows bounds what the form is read for.
const maxScopeRows = 200

func (v *visit) scopesSent() error {
	if err := v.needAdministrator(); err != nil {
		return err
	}
	n, err := strconv.Atoi(v.form("rows"))
	if err != nil || n < 0 || n > maxScopeRows {
		n = 0
	}
	ids := map[string]string{}
	var c token.Catalogue
	for i := range n {
		at := func(field string) string { return fmt.Sprintf("%s-%d", field, i) }
		s := token.CatalogueScope{Name: v.form(at("name")), Title: v.form(at("title")), Description: v.form(at("description")), Apps: v.form(at("apps")) != ""}
		for _, r := range v.sent[at("roles")] {
			s.Roles = append(s.Roles, token.Role(r))
		}
		if v.form(at("remove")) != "" || s.Name == "" && s.Title == "" && s.Description == "" && v.form("do") != "add" {
			continue
		}
		for _, field := range []string{"name", "title", "description", "roles"} {
			ids[fmt.Sprintf("items.%d.%s", len(c), field)] = fmt.Sprintf("%s-%d", field, len(c))
		}
		c = append(c, s)
	}
	if v.form("do") == "add" {
		return v.showScopes(0, append(c, token.CatalogueScope{Roles: token.Roles(), Apps: true}), problems{})
	}
	if _, err := v.authority.SetScopes(v.r.Context(), v.by, v.in.Slug, c); err != nil {
		if f := fault.From(err); correctable(f) {
			return v.showScopes(web.StatusOf(f), c, problemsOf(f, ids))
		}
		return err
	}
	return v.goTo(v.at("admin", "scopes") + "?done=saved")
}
