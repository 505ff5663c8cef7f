package rest

import (
	"context"
	"net/http"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/token"
)

// InWorkspace is the path of what is in a workspace. Like what else is embedded in inputs it is exported,
// since huma fills exported fields only.
type InWorkspace struct {
	WS string `path:"ws" doc:"Slug or id of the workspace" example:"sales"`
}

type workspaceList struct{ Page }

type newWorkspaceInput struct{ Body api.NewWorkspace }

type workspaceChangeInput struct {
	InWorkspace
	Body api.WorkspaceChange
}

type administratorInput struct{ Body api.InstallationAdministrator }

func (s *Service) addWorkspaces() {
	answer(s, op{
		id: "list-workspaces", method: http.MethodGet, path: "/workspaces", tag: "Workspaces",
		summary: "List workspaces", who: "Whoever is identified sees their own; an installation administrator in a session sees all. In the order of their slugs.",
		codes: []api.Code{api.CodeBadCursor},
	}, s.listWorkspaces)
	answer(s, op{
		id: "create-workspace", method: http.MethodPost, path: "/workspaces", tag: "Workspaces", status: http.StatusCreated,
		summary: "Create a workspace", who: "Installation administrators, in a session. Who creates it becomes its first administrator.",
		codes: []api.Code{api.CodeNotInstallationAdmin, api.CodeSessionRequired, api.CodeSlugTaken},
	}, s.createWorkspace)
	answer(s, op{
		id: "get-workspace", method: http.MethodGet, path: "/workspaces/{ws}", tag: "Workspaces",
		summary: "Get a workspace", who: "Members and installation administrators.",
	}, func(ctx context.Context, by token.Identity, in *InWorkspace) (api.Workspace, error) {
		m, err := s.authority.Workspace(ctx, by, in.WS)
		return workspace(m), err
	})
	answer(s, op{
		id: "rename-workspace", method: http.MethodPatch, path: "/workspaces/{ws}", tag: "Workspaces",
		summary: "Rename a workspace", who: "Its administrators and installation administrators. The slug stays.",
		codes: []api.Code{api.CodeRoleNotAllowed},
	}, func(ctx context.Context, by token.Identity, in *workspaceChangeInput) (api.Workspace, error) {
		m, err := s.authority.RenameWorkspace(ctx, by, in.WS, in.Body.Name)
		return workspace(m), err
	})
	act(s, op{
		id: "delete-workspace", method: http.MethodDelete, path: "/workspaces/{ws}", tag: "Workspaces",
		summary: "Delete a workspace", who: "Installation administrators, in a session. Everything in it goes but its audit events; its tokens stop at once.",
		codes: []api.Code{api.CodeNotInstallationAdmin, api.CodeSessionRequired},
	}, func(ctx context.Context, by token.Identity, in *InWorkspace) error {
		return s.authority.DeleteWorkspace(ctx, by, in.WS)
	})
	answer(s, op{
		id: "set-installation-administrator", method: http.MethodPatch, path: "/installation/administrators", tag: "Workspaces",
		summary: "Name an installation administrator", who: "Installation administrators, in a session. Names a person who has an account, or takes the right from them; nobody can take it from themselves.",
		codes: []api.Code{api.CodeNotInstallationAdmin, api.CodeSessionRequired, api.CodeLastAdministrator},
	}, func(ctx context.Context, by token.Identity, in *administratorInput) (api.InstallationAdministrator, error) {
		return in.Body, s.authority.SetInstallationAdmin(ctx, by, in.Body.Email, in.Body.Administrator)
	})
}

// listWorkspaces cuts a page out of the whole list, which is short.
func (s *Service) listWorkspaces(ctx context.Context, by token.Identity, in *workspaceList) (api.List[api.Workspace], error) {
	page, err := in.page(listWorkspaces)
	if err != nil {
		return api.List[api.Workspace]{}, err
	}
	all, err := s.authority.Workspaces(ctx, by)
	if err != nil {
		return api.List[api.Workspace]{}, err
	}
	var rows []authority.Membership
	for _, m := range all {
		if m.Slug > page.After && len(rows) < page.Limit {
			rows = append(rows, m)
		}
	}
	return pageOf(in.Page, listWorkspaces, rows, func(m authority.Membership) string { return m.Slug }, workspace), nil
}

func (s *Service) createWorkspace(ctx context.Context, by token.Identity, in *newWorkspaceInput) (api.Workspace, error) {
	n := authority.NewWorkspace{Slug: in.Body.Slug, Name: said(in.Body.Name), Preset: token.Standard}
	if in.Body.Preset != nil {
		n.Preset = token.Preset(*in.Body.Preset)
	}
	w, err := s.authority.CreateWorkspace(ctx, by, n)
	return workspace(authority.Membership{Workspace: w, Role: token.Administrator}), err
}

// InMember is the path of a member.
type InMember struct {
	InWorkspace
	ID string `path:"id" doc:"The member's user id" example:"usr_06exqjvr4w8h3k5t7y9a1c3e5g"`
}

type memberList struct {
	InWorkspace
	Page
}

type newMemberInput struct {
	InWorkspace
	Body api.NewMember
}

type memberChangeInput struct {
	InMember
	Body api.MemberChange
}

func (s *Service) addMembers() {
	answer(s, op{
		id: "list-members", method: http.MethodGet, path: "/workspaces/{ws}/members", tag: "Members",
		summary: "List members", who: "Administrators.", codes: []api.Code{api.CodeRoleNotAllowed, api.CodeBadCursor},
	}, s.listMembers)
	answer(s, op{
		id: "invite-member", method: http.MethodPost, path: "/workspaces/{ws}/members", tag: "Members", status: http.StatusCreated,
		summary: "Add a member", who: "Administrators; making an administrator takes a session. Somebody new gets a one-time link by which they choose a password.",
		codes: []api.Code{api.CodeRoleNotAllowed, api.CodeSessionRequired, api.CodeAlreadyMember},
	}, s.inviteMember)
	answer(s, op{
		id: "change-role", method: http.MethodPatch, path: "/workspaces/{ws}/members/{id}", tag: "Members", ids: token.UserID,
		summary: "Change a member's role", who: "Administrators; making an administrator takes a session. What the member's tokens can do changes with it at once.",
		codes: []api.Code{api.CodeRoleNotAllowed, api.CodeSessionRequired, api.CodeLastAdministrator},
	}, func(ctx context.Context, by token.Identity, in *memberChangeInput) (api.Member, error) {
		m, err := s.authority.SetRole(ctx, by, in.WS, in.ID, token.Role(in.Body.Role))
		return member(m), err
	})
	act(s, op{
		id: "remove-member", method: http.MethodDelete, path: "/workspaces/{ws}/members/{id}", tag: "Members", ids: token.UserID,
		summary: "Remove a member", who: "Administrators. The member's tokens here are revoked for good.",
		codes: []api.Code{api.CodeRoleNotAllowed, api.CodeLastAdministrator},
	}, func(ctx context.Context, by token.Identity, in *InMember) error {
		return s.authority.RemoveMember(ctx, by, in.WS, in.ID)
	})
	answer(s, op{
		id: "renew-invitation", method: http.MethodPost, path: "/workspaces/{ws}/members/{id}/invitation", tag: "Members", ids: token.UserID,
		summary: "Renew an invitation", who: "Administrators. Makes a new one-time link for a member who has not chosen a password yet; the earlier one stops.",
		codes: []api.Code{api.CodeRoleNotAllowed, api.CodeAlreadyMember},
	}, func(ctx context.Context, by token.Identity, in *InMember) (api.SetupLink, error) {
		link, err := s.authority.RenewInvitation(ctx, by, in.WS, in.ID)
		if err != nil {
			return api.SetupLink{}, err
		}
		return api.SetupLink{SetupURL: s.kit.LinkURL(link)}, nil
	})
}

func (s *Service) listMembers(ctx context.Context, by token.Identity, in *memberList) (api.List[api.Member], error) {
	page, err := in.page(listMembers)
	if err != nil {
		return api.List[api.Member]{}, err
	}
	rows, err := s.authority.Members(ctx, by, in.WS, page)
	return pageOf(in.Page, listMembers, rows, func(m authority.Member) string { return m.User.ID }, member), err
}

func (s *Service) inviteMember(ctx context.Context, by token.Identity, in *newMemberInput) (api.Invited, error) {
	m, link, err := s.authority.Invite(ctx, by, in.WS, authority.Invitation{
		Email: in.Body.Email, Name: said(in.Body.Name), Role: token.Role(in.Body.Role),
	})
	if err != nil {
		return api.Invited{}, err
	}
	out := api.Invited{Member: member(m)}
	if link.Reveal() != "" {
		url := s.kit.LinkURL(link)
		out.SetupURL = &url
	}
	return out, nil
}
