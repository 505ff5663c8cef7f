package ui

import (
	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/web"
)

// installationPage lists all workspaces, for installation administrators.
type installationPage struct{ Rows []installationRow }

type installationRow struct {
	Slug, Name, Role, Path string // Path "" where the caller is no member
	Created                moment
}

func (v *visit) needInstallation() error {
	if !v.by.InstallationAdmin {
		return fault.New(fault.Forbidden, api.CodeNotInstallationAdmin, "Only an installation administrator can do this.")
	}
	return nil
}

func (v *visit) showInstallation(status int, dialog string, ask any) error {
	if err := v.needInstallation(); err != nil {
		return err
	}
	list, err := v.authority.Workspaces(v.r.Context(), v.by)
	if err != nil {
		return err
	}
	var d installationPage
	for _, m := range list {
		r := installationRow{Slug: m.Slug, Name: m.Name, Created: v.day(m.CreatedAt), Role: roleName(m.Role)}
		if m.Role != "" {
			r.Path = "/workspaces/" + m.Slug + "/settings"
		}
		d.Rows = append(d.Rows, r)
	}
	notes := map[string]string{
		"created": "The workspace is created. You are its administrator.", "renamed": "The workspace is renamed.",
		"deleted": "The workspace is deleted, and all its tokens have stopped.", "named": "The right is changed.",
	}
	return v.show(page{
		title: "Workspaces", name: "installation", data: d, here: "installation", crumbs: []string{"Installation", "Workspaces"}, note: v.noteOf(notes),
		dialog: dialog, ask: ask, status: status,
	})
}

func (v *visit) installation() error { return v.showInstallation(0, "", nil) }

type workspaceForm struct {
	Slug, Name string
	Presets    []presetCard
	Problems   problems
}

func (v *visit) workspaceForm() workspaceForm {
	f := workspaceForm{Slug: v.form("slug"), Name: v.form("name")}
	chosen := token.Preset(v.form("preset"))
	if chosen == "" {
		chosen = token.Standard
	}
	f.Presets = presetCards(chosen)
	return f
}

func (v *visit) newWorkspace() error {
	return v.showInstallation(0, "new-workspace", v.workspaceForm())
}

func (v *visit) newWorkspaceSent() error {
	_, err := v.authority.CreateWorkspace(v.r.Context(), v.by, authority.NewWorkspace{
		Slug: v.form("slug"), Name: v.form("name"), Preset: token.Preset(v.form("preset")),
	})
	if err == nil {
		return v.goTo("/installation?done=created")
	}
	if f := fault.From(err); correctable(f) {
		form := v.workspaceForm()
		form.Problems = problemsOf(f, map[string]string{"slug": "slug", "name": "name", "preset": "preset"})
		return v.showInstallation(web.StatusOf(f), "new-workspace", form)
	}
	return err
}

type workspaceDialog struct {
	Path, Slug, Name string
	Typed            string
	Problems         problems
}

func (v *visit) workspaceDialog() (workspaceDialog, error) {
	m, err := v.authority.Workspace(v.r.Context(), v.by, v.r.PathValue("ws"))
	return workspaceDialog{Path: v.r.URL.Path, Slug: m.Slug, Name: m.Name}, err
}

func (v *visit) renameWorkspace() error {
	d, err := v.workspaceDialog()
	if err != nil {
		return err
	}
	return v.showInstallation(0, "rename-workspace", d)
}

func (v *visit) renameWorkspaceSent() error {
	d, err := v.workspaceDialog()
	if err != nil {
		return err
	}
	if _, err = v.authority.RenameWorkspace(v.r.Context(), v.by, d.Slug, v.form("name")); err == nil {
		return v.goTo("/installation?done=renamed")
	}
	if f := fault.From(err); correctable(f) {
		d.Name, d.Problems = v.form("name"), problemsOf(f, map[string]string{"name": "name"})
		return v.showInstallation(web.StatusOf(f), "rename-workspace", d)
	}
	return err
}

func (v *visit) deleteWorkspace() error {
	d, err := v.workspaceDialog()
	if err != nil {
		return err
	}
	return v.showInstallation(0, "delete-workspace", d)
}

// deleteWorkspaceSent deletes once the workspace's address has been typed: there is no way back.
func (v *visit) deleteWorkspaceSent() error {
	d, err := v.workspaceDialog()
	if err != nil {
		return err
	}
	if d.Typed = v.form("typed"); d.Typed != d.Slug {
		note(&d.Problems, "typed", "Type "+d.Slug+" to delete this workspace.")
		return v.showInstallation(422, "delete-workspace", d)
	}
	if err := v.authority.DeleteWorkspace(v.r.Context(), v.by, d.Slug); err != nil {
		return err
	}
	return v.goTo("/installation?done=deleted")
}

func (v *visit) administrator() error {
	return v.showInstallation(0, "administrators", map[string]any{"Problems": problems{}, "Email": "", "Take": false})
}

func (v *visit) administratorSent() error {
	take := v.form("do") == "take"
	err := v.authority.SetInstallationAdmin(v.r.Context(), v.by, v.form("email"), !take)
	if err == nil {
		return v.goTo("/installation?done=named")
	}
	if f := fault.From(err); correctable(f) {
		return v.showInstallation(web.StatusOf(f), "administrators", map[string]any{
			"Problems": problemsOf(f, map[string]string{"email": "email"}), "Email": v.form("email"), "Take": take,
		})
	}
	return err
}
