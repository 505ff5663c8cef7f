package ui

import (
	"strings"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/web"
)

// needAdministrator keeps administration's pages from others. Authority would refuse them as well; a form
// that can't be sent should not be shown.
func (v *visit) needAdministrator() error {
	if !v.isAdministrator() {
		return fault.New(fault.Forbidden, api.CodeRoleNotAllowed, "Your role in this workspace does not allow this. Ask an administrator.")
	}
	return nil
}

// manyMembers bounds how many people are offered to choose from; beyond, one searches.
const manyMembers = 500

func (v *visit) allMembers() ([]authority.Member, error) {
	return v.authority.Members(v.r.Context(), v.by, v.in.Slug, authority.Page{Limit: manyMembers})
}

type memberRow struct {
	ID, Name, Email, Role string
	Since                 moment
	Invited, Me           bool
	Installation          bool
	Path                  string
}

type membersPage struct {
	Rows      []memberRow
	Path      string
	Next      string
	Workspace string
}

func (v *visit) showMembers(status int, dialog string, ask any) error {
	list, err := v.authority.Members(v.r.Context(), v.by, v.in.Slug, authority.Page{After: v.query("after"), Limit: listLength + 1})
	if err != nil {
		return err
	}
	d := membersPage{Path: v.at("admin", "members"), Workspace: v.in.Name}
	if len(list) > listLength {
		list = list[:listLength]
		d.Next = v.next(list[listLength-1].User.ID)
	}
	for _, m := range list {
		d.Rows = append(d.Rows, memberRow{
			ID: m.User.ID, Name: m.User.Name, Email: m.User.Email, Role: roleName(m.Role), Since: v.day(m.CreatedAt),
			Invited: m.User.PasswordHash == "", Me: m.User.ID == v.by.User.ID, Installation: m.User.InstallationAdmin, Path: d.Path + "/" + m.User.ID,
		})
	}
	notes := map[string]string{
		"added": "They are a member now. They sign in with the account that they have.", "role": "The role is changed. What their tokens can do changed with it.",
		"removed": "They are no longer a member, and their tokens here are revoked.",
	}
	return v.show(page{
		title: "Members", name: "members", data: d, here: "members", crumbs: []string{"Administration", "Members"}, note: v.noteOf(notes),
		dialog: dialog, ask: ask, status: status,
	})
}

func (v *visit) members() error {
	if err := v.needAdministrator(); err != nil {
		return err
	}
	return v.showMembers(0, "", nil)
}

type roleOption struct {
	Value, Label, Hint string
	Selected           bool
}

func roleOptions(current token.Role) []roleOption {
	hints := map[token.Role]string{
		token.Administrator: "Sets the rules and oversees everyone's tokens.", token.Developer: "What the policy gives to developers.",
		token.PlainMember: "What the policy gives to everybody.",
	}
	var out []roleOption
	for _, r := range token.Roles() {
		out = append(out, roleOption{string(r), roleName(r), hints[r], r == current})
	}
	return out
}

type inviteForm struct {
	Path, Cancel string
	Email, Name  string
	Roles        []roleOption
	Problems     problems
}

func (v *visit) inviteForm() inviteForm {
	role := token.Role(v.form("role"))
	if !role.Valid() {
		role = token.PlainMember
	}
	return inviteForm{
		Path: v.at("admin", "members", "new"), Cancel: v.at("admin", "members"), Email: v.form("email"), Name: v.form("name"), Roles: roleOptions(role),
	}
}

func (v *visit) invite() error {
	if err := v.needAdministrator(); err != nil {
		return err
	}
	return v.showMembers(0, "invite", v.inviteForm())
}

// handedOut is the dialog that shows a one-time link, once.
type handedOut struct{ Title, Body, Link, Close, Email string }

func (v *visit) inviteSent() error {
	if err := v.needAdministrator(); err != nil {
		return err
	}
	if ok, err := v.confirmed("Invite"); !ok {
		return err
	}
	m, link, err := v.authority.Invite(v.r.Context(), v.by, v.in.Slug, authority.Invitation{
		Email: v.form("email"), Name: v.form("name"), Role: token.Role(v.form("role")),
	})
	if err != nil {
		f := fault.From(err)
		if f.Code == api.CodeRecentSignInRequired {
			return v.askPassword("Invite", problems{})
		}
		if correctable(f) {
			form := v.inviteForm()
			form.Problems = problemsOf(f, map[string]string{"email": "email", "name": "name", "role": "role"})
			return v.showMembers(web.StatusOf(f), "invite", form)
		}
		return err
	}
	if link.Reveal() == "" {
		return v.goTo(v.at("admin", "members") + "?done=added")
	}
	return v.showLinkFor(m.User.Person, link)
}

func (v *visit) showLinkFor(who token.Person, link token.Secret) error {
	return v.showMembers(0, "handed-out", handedOut{
		Title: "Invitation for " + who.Name, Link: v.kit.LinkURL(link), Close: v.at("admin", "members"), Email: who.Email,
		Body: "Send this link to " + who.Email + ". It works once, for 7 days: with it they choose their password. It can't be shown again; you can make another one.",
	})
}

// member finds the member that the address names. Every member is in the list of them.
func (v *visit) member() (authority.Member, error) {
	id := v.r.PathValue("id")
	if _, ok := token.ParseID(token.UserID, id); !ok {
		return authority.Member{}, fault.Missing()
	}
	page := authority.Page{Limit: manyMembers}
	for {
		list, err := v.authority.Members(v.r.Context(), v.by, v.in.Slug, page)
		if err != nil {
			return authority.Member{}, err
		}
		for _, m := range list {
			if m.User.ID == id {
				return m, nil
			}
		}
		if len(list) < page.Limit {
			return authority.Member{}, fault.Missing()
		}
		page.After = list[len(list)-1].User.ID
	}
}

type roleForm struct {
	Title, Path, Cancel string
	Roles               []roleOption
	Problems            problems
}

func (v *visit) showRole(status int, p problems) error {
	m, err := v.member()
	if err != nil {
		return err
	}
	return v.showMembers(status, "role", roleForm{
		Title: "Role of " + m.User.Name, Path: v.r.URL.Path, Cancel: v.at("admin", "members"), Roles: roleOptions(m.Role), Problems: p,
	})
}

func (v *visit) memberRole() error { return v.showRole(0, problems{}) }

func (v *visit) memberRoleSent() error {
	_, err := v.authority.SetRole(v.r.Context(), v.by, v.in.Slug, v.r.PathValue("id"), token.Role(v.form("role")))
	if err == nil {
		return v.goTo(v.at("admin", "members") + "?done=role")
	}
	if f := fault.From(err); correctable(f) {
		return v.showRole(web.StatusOf(f), problemsOf(f, nil))
	}
	return err
}

func (v *visit) showRemove(status int, p problems) error {
	m, err := v.member()
	if err != nil {
		return err
	}
	live, err := v.authority.Tokens(v.r.Context(), v.by, v.in.Slug, authority.TokenQuery{
		Everyone: true, Filter: authority.TokenFilter{OwnerID: m.User.ID, Status: token.Active}, Page: authority.Page{Limit: listLength},
	})
	if err != nil {
		return err
	}
	c := confirmation{
		Title: "Remove " + m.User.Name, Path: v.r.URL.Path, Cancel: v.at("admin", "members"), Button: "Remove", Danger: true, Problems: p,
		Body: []string{m.User.Name + " loses access to this workspace at once. What they did stays in the audit log."},
	}
	c.Impact = &impact{Words: "They hold no live token here.", Calm: true}
	if len(live) > 0 {
		var names []string
		for i := range live {
			if i == 5 {
				names = append(names, "…")
				break
			}
			used := "never used"
			if !live[i].LastUsedAt.IsZero() {
				used = "used " + relative(live[i].LastUsedAt, v.now)
			}
			names = append(names, titleOf(&live[i])+" ("+used+")")
		}
		c.Impact = &impact{Words: upper(count(len(live), "token")) + " stop for good: " + strings.Join(names, ", ") + "."}
		if len(live) == 1 {
			c.Impact.Words = "1 token stops for good: " + names[0] + "."
		}
	}
	return v.showMembers(status, "confirm", c)
}

func (v *visit) memberRemove() error { return v.showRemove(0, problems{}) }

func (v *visit) memberRemoveSent() error {
	err := v.authority.RemoveMember(v.r.Context(), v.by, v.in.Slug, v.r.PathValue("id"))
	if err == nil {
		return v.goTo(v.at("admin", "members") + "?done=removed")
	}
	if f := fault.From(err); correctable(f) {
		return v.showRemove(web.StatusOf(f), problemsOf(f, nil))
	}
	return err
}

func (v *visit) memberInvitation() error {
	m, err := v.member()
	if err != nil {
		return err
	}
	return v.showMembers(0, "confirm", confirmation{
		Title: "New link for " + m.User.Name, Path: v.r.URL.Path, Cancel: v.at("admin", "members"), Button: "Make a new link",
		Body: []string{"The link that was made before stops working."},
	})
}

func (v *visit) memberInvitationSent() error {
	m, err := v.member()
	if err != nil {
		return err
	}
	if ok, err := v.confirmed("Make the link"); !ok {
		return err
	}
	link, err := v.authority.RenewInvitation(v.r.Context(), v.by, v.in.Slug, m.User.ID)
	if fault.CodeOf(err) == api.CodeRecentSignInRequired {
		return v.askPassword("Make the link", problems{})
	}
	if err != nil {
		return err
	}
	return v.showLinkFor(m.User.Person, link)
}
