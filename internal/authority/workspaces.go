package authority

import (
	"context"
	"errors"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
)

// NewWorkspace is what a workspace is made of.
type NewWorkspace struct {
	Slug   string
	Name   string // "" takes the slug
	Preset token.Preset
	// Administrator is the address of an existing account; for the command line, which is nobody itself.
	Administrator string
}

// CreateWorkspace makes a workspace with a preset's policy and scopes. It takes an installation
// administrator in a session, who becomes its first administrator, or the command line; see addFirstMembers.
// Errors: not_installation_administrator, slug_taken.
func (a *Authority) CreateWorkspace(ctx context.Context, by token.Identity, n NewWorkspace) (store.Workspace, error) {
	if by.System == "" {
		if err := a.view(ctx, func(tx *store.Tx) error { return needInstallationAdmin(tx, by) }); err != nil {
			return store.Workspace{}, err
		}
	}
	var bad []fault.Field
	w := store.Workspace{RulesVersion: 1}
	w.Slug, bad = cleanField(bad, "slug", n.Slug, token.CleanSlug)
	if n.Name == "" {
		n.Name = n.Slug
	}
	w.Name, bad = cleanField(bad, "name", n.Name, cleanName)
	policy, ok := n.Preset.Policy()
	if !ok {
		bad = append(bad, fault.Field{Name: "preset", Code: api.CodeInvalid, Detail: "Choose one of the presets: standard, single-token, apps-and-tokens, crm-tokens, oauth-tokens, scoped-tokens."})
	}
	if err := fault.Invalids(bad); err != nil {
		return store.Workspace{}, err
	}
	err := a.update(ctx, func(tx *store.Tx) error {
		w.ID, w.CreatedAt = token.NewID(token.WorkspaceID, tx.Now), tx.Now
		err := tx.AddWorkspace(w, store.Rules{Policy: policy, Catalogue: n.Preset.Catalogue()})
		if errors.Is(err, store.ErrExists) {
			return fault.New(fault.Conflict, api.CodeSlugTaken, "There is a workspace with this address already. Choose another one.").On("slug")
		}
		if err != nil {
			return err
		}
		if err := addFirstMembers(tx, by, w, n.Administrator); err != nil {
			return err
		}
		e := workspaceEvent(tx, by, audit.WorkspaceCreated, w)
		e.Detail.After = map[string]any{"slug": w.Slug, "name": w.Name, "preset": n.Preset}
		return tx.AddEvent(e)
	}, nil)
	if err != nil {
		return store.Workspace{}, err
	}
	return w, nil
}

// addFirstMembers makes the caller the administrator of a new workspace. The command line is nobody: it
// names one, else all installation administrators are.
func addFirstMembers(tx *store.Tx, by token.Identity, w store.Workspace, email string) error {
	first := []string{by.User.ID}
	if by.System != "" {
		var err error
		if first, err = tx.InstallationAdmins(); err != nil {
			return err
		}
	}
	if by.System != "" && email != "" {
		clean, _ := token.CleanEmail(email)
		u, err := tx.UserByEmail(clean)
		if errors.Is(err, store.ErrNotFound) {
			return fault.New(fault.Invalid, api.CodeInvalid, "There is no account with this e-mail address.").On("administrator")
		}
		if err != nil {
			return err
		}
		first = []string{u.ID}
	}
	for _, id := range first {
		if err := tx.AddMember(w.ID, id, token.Administrator); err != nil {
			return err
		}
	}
	return nil
}

func cleanName(s string) (string, string) { return token.CleanText(s, 1, 100) }

// needInstallationAdmin reads the right anew: a session remembers what it was when the request came.
func needInstallationAdmin(tx *store.Tx, by token.Identity) error {
	if err := needSession(by); err != nil {
		return err
	}
	u, err := tx.User(by.User.ID)
	if err == nil && !u.InstallationAdmin {
		return fault.New(fault.Forbidden, api.CodeNotInstallationAdmin, "Only an installation administrator can do this.")
	}
	return err
}

// administersInstallation is needInstallationAdmin as a question.
func administersInstallation(tx *store.Tx, by token.Identity) (bool, error) {
	err := needInstallationAdmin(tx, by)
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return false, nil
	}
	return err == nil, err
}

func workspaceEvent(tx *store.Tx, by token.Identity, action audit.Action, w store.Workspace) audit.Event {
	e := event(tx, by, action)
	e.WorkspaceID, e.TargetKind, e.TargetID, e.TargetName = w.ID, "workspace", w.ID, w.Name
	return e
}

// Workspaces lists the caller's workspaces; for an installation administrator in a session all of them,
// with an empty role where they are no member.
func (a *Authority) Workspaces(ctx context.Context, by token.Identity) ([]store.Membership, error) {
	me, err := a.Me(ctx, by)
	if err != nil || by.Bearer != nil || !me.User.InstallationAdmin {
		return me.Workspaces, err
	}
	roles := map[string]token.Role{}
	for _, m := range me.Workspaces {
		roles[m.ID] = m.Role
	}
	var out []store.Membership
	err = a.view(ctx, func(tx *store.Tx) error {
		out = nil
		all, err := tx.Workspaces()
		for _, w := range all {
			out = append(out, store.Membership{Workspace: w, Role: roles[w.ID]})
		}
		return err
	})
	return out, err
}

// Workspace returns one workspace to a member or an installation administrator.
func (a *Authority) Workspace(ctx context.Context, by token.Identity, ws string) (store.Membership, error) {
	var m store.Membership
	err := a.view(ctx, func(tx *store.Tx) (err error) {
		m, err = a.find(tx, by, ws)
		return err
	})
	return m, err
}

// find is enter for what an installation administrator may see without being a member.
func (a *Authority) find(tx *store.Tx, by token.Identity, ws string) (store.Membership, error) {
	s, err := a.enter(tx, by, ws)
	if err == nil {
		return store.Membership{Workspace: s.Workspace, Role: s.role}, nil
	}
	if fault.From(err).Kind != fault.NotFound || !isWorkspaceRef(ws) {
		return store.Membership{}, err
	}
	switch is, failed := administersInstallation(tx, by); {
	case failed != nil:
		return store.Membership{}, failed
	case !is:
		return store.Membership{}, err
	}
	w, err := tx.Workspace(ws)
	if errors.Is(err, store.ErrNotFound) {
		return store.Membership{}, fault.Missing()
	}
	return store.Membership{Workspace: w}, err
}

// RenameWorkspace changes the name that people see. Its administrators and installation administrators may.
func (a *Authority) RenameWorkspace(ctx context.Context, by token.Identity, ws, name string) (store.Membership, error) {
	clean, bad := cleanField(nil, "name", name, cleanName)
	var m store.Membership
	err := a.update(ctx, func(tx *store.Tx) (err error) {
		if m, err = a.find(tx, by, ws); err != nil {
			return err
		}
		if is, err := administersInstallation(tx, by); err != nil {
			return err
		} else if !is {
			if _, err := a.administer(tx, by, ws); err != nil {
				return err
			}
		}
		if err := fault.Invalids(bad); err != nil {
			return err
		}
		e := workspaceEvent(tx, by, audit.WorkspaceRenamed, m.Workspace)
		e.Detail.Before, e.Detail.After = map[string]any{"name": m.Name}, map[string]any{"name": clean}
		m.Name = clean
		return errors.Join(tx.RenameWorkspace(m.ID, clean), tx.AddEvent(e))
	}, func() { a.signers.forget(m.ID) })
	if err != nil {
		return store.Membership{}, err
	}
	return m, nil
}

// DeleteWorkspace removes a workspace with its members, rules and tokens; its audit events stay. All its
// tokens stop. It takes an installation administrator in a session.
func (a *Authority) DeleteWorkspace(ctx context.Context, by token.Identity, ws string) error {
	var m store.Membership
	return a.update(ctx, func(tx *store.Tx) (err error) {
		if m, err = a.find(tx, by, ws); err != nil {
			return err
		}
		if err := needInstallationAdmin(tx, by); err != nil {
			return err
		}
		return errors.Join(tx.DeleteWorkspace(m.ID), tx.AddEvent(workspaceEvent(tx, by, audit.WorkspaceDeleted, m.Workspace)))
	}, func() { a.checks.WorkspaceChanged(m.ID); a.signers.forget(m.ID) })
}

// SetInstallationAdmin names a person installation administrator, or no longer; nobody can take it from
// themselves, so that one always stays.
func (a *Authority) SetInstallationAdmin(ctx context.Context, by token.Identity, email string, is bool) error {
	if err := needSession(by); err != nil {
		return err
	}
	email, problem := token.CleanEmail(email)
	return a.update(ctx, func(tx *store.Tx) error {
		// Changes of this right follow each other, so that two can't take it from each other.
		if err := tx.TakeInstallationTurn(); err != nil {
			return err
		}
		if err := needInstallationAdmin(tx, by); err != nil {
			return err
		}
		if problem != "" {
			return fault.New(fault.Invalid, api.CodeInvalid, problem).On("email")
		}
		u, err := tx.UserByEmail(email)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return fault.New(fault.Invalid, api.CodeInvalid, "There is no account with this e-mail address.").On("email")
		case err != nil:
			return err
		case u.ID == by.User.ID && !is:
			return fault.New(fault.Conflict, api.CodeLastAdministrator, "You can't take this right from yourself. Ask another installation administrator.")
		case u.PasswordHash == "" && is:
			// Their invitation, which a workspace's administrator has seen, would open the installation.
			return fault.New(fault.Invalid, api.CodeInvalid, "This person has not chosen a password yet. Wait until they have.").On("email")
		case u.InstallationAdmin == is:
			return nil
		}
		e := userEvent(tx, by, audit.InstallationAdmin, u)
		e.Detail.Before, e.Detail.After = map[string]any{"installation_admin": u.InstallationAdmin}, map[string]any{"installation_admin": is}
		return errors.Join(tx.SetInstallationAdmin(u.ID, is), tx.AddEvent(e))
	}, nil)
}
