package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/keywright/keywright/internal/token"
)

// Workspace is a tenant, without its rules.
type Workspace struct {
	ID           string
	Slug         string
	Name         string
	RulesVersion int64 // grows with every change of policy or scopes
	CreatedAt    time.Time
}

// Rules are a workspace's policy and catalogue of scopes, as of one version.
type Rules struct {
	Policy    token.Policy
	Catalogue token.Catalogue // without the reserved scopes
}

// Membership is a workspace as one of its members sees it.
type Membership struct {
	Workspace
	Role token.Role
}

// Member is a person in a workspace.
type Member struct {
	User      User
	Role      token.Role
	CreatedAt time.Time
}

const workspaceColumns = "w.id, w.slug, w.name, w.rules_version, w.created_at"

func (w *Workspace) columns() []any {
	return []any{&w.ID, &w.Slug, &w.Name, &w.RulesVersion, at{&w.CreatedAt}}
}

// AddWorkspace adds a workspace with its rules; ErrExists when the slug is taken.
func (tx *Tx) AddWorkspace(w Workspace, r Rules) error {
	policy, scopes, err := r.encode()
	if err != nil {
		return err
	}
	_, err = tx.exec(`insert into workspaces (id, slug, name, policy, scopes, rules_version, created_at) values ($1, $2, $3, $4, $5, 1, $6)`,
		w.ID, w.Slug, w.Name, policy, scopes, micros(w.CreatedAt))
	return err
}

func (r *Rules) encode() (policy, scopes string, err error) {
	p, err := json.Marshal(r.Policy)
	if err != nil {
		return "", "", err
	}
	c, err := json.Marshal(r.Catalogue)
	return string(p), string(c), err
}

// Workspace returns a workspace by slug or id.
func (tx *Tx) Workspace(ref string) (w Workspace, err error) {
	return w, tx.one(`select `+workspaceColumns+` from workspaces w where `+byRef(ref), []any{ref}, w.columns()...)
}

// byRef tells an id from a slug: a slug has no underscore.
func byRef(ref string) string {
	if strings.ContainsRune(ref, '_') {
		return "w.id = $1"
	}
	return "w.slug = $1"
}

// Workspaces lists all workspaces by slug.
func (tx *Tx) Workspaces() (out []Workspace, err error) {
	err = tx.each(`select `+workspaceColumns+` from workspaces w order by w.slug`, nil, func(scan func(...any) error) error {
		var w Workspace
		err := scan(w.columns()...)
		out = append(out, w)
		return err
	})
	return out, err
}

// Rules returns the policy and scopes of a workspace.
func (tx *Tx) Rules(workspaceID string) (r Rules, err error) {
	var policy, scopes string
	if err := tx.one(`select policy, scopes from workspaces where id = $1`, []any{workspaceID}, &policy, &scopes); err != nil {
		return r, err
	}
	if err := json.Unmarshal([]byte(policy), &r.Policy); err != nil {
		return r, fmt.Errorf("kept policy: %w", err)
	}
	if err := json.Unmarshal([]byte(scopes), &r.Catalogue); err != nil {
		return r, fmt.Errorf("kept scopes: %w", err)
	}
	return r, nil
}

// SetRules changes policy and scopes.
func (tx *Tx) SetRules(workspaceID string, r Rules) error {
	policy, scopes, err := r.encode()
	if err != nil {
		return err
	}
	return tx.must(`update workspaces set policy = $1, scopes = $2, rules_version = rules_version + 1 where id = $3`, policy, scopes, workspaceID)
}

// RenameWorkspace changes the name that people see.
func (tx *Tx) RenameWorkspace(id, name string) error {
	return tx.must(`update workspaces set name = $1 where id = $2`, name, id)
}

// DeleteWorkspace removes a workspace and all that is in it but its audit events.
func (tx *Tx) DeleteWorkspace(id string) error {
	return tx.must(`delete from workspaces where id = $1`, id)
}

// TakeWorkspaceTurn makes transactions that take it for one workspace follow each other.
func (tx *Tx) TakeWorkspaceTurn(id string) error {
	return tx.must(`update workspaces set rules_version = rules_version where id = $1`, id)
}

// Membership returns a workspace, by slug or id, for one of its members; ErrNotFound for anybody else.
func (tx *Tx) Membership(ref, userID string) (m Membership, err error) {
	return m, tx.one(`select `+workspaceColumns+`, m.role from workspaces w join members m on m.workspace_id = w.id where `+byRef(ref)+` and m.user_id = $2`,
		[]any{ref, userID}, append(m.columns(), &m.Role)...)
}

// Memberships lists a person's workspaces by slug.
func (tx *Tx) Memberships(userID string) (out []Membership, err error) {
	err = tx.each(`select `+workspaceColumns+`, m.role from workspaces w join members m on m.workspace_id = w.id where m.user_id = $1 order by w.slug`,
		[]any{userID}, func(scan func(...any) error) error {
			var m Membership
			err := scan(append(m.columns(), &m.Role)...)
			out = append(out, m)
			return err
		})
	return out, err
}

// TakeTurn makes transactions that take it for one member follow each other, and returns the member's
// role: what is counted after it stays true until the commit. ErrNotFound when there is no such member.
func (tx *Tx) TakeTurn(workspaceID, userID string) (role token.Role, err error) {
	return role, tx.one(`update members set turn = turn + 1 where workspace_id = $1 and user_id = $2 returning role`, []any{workspaceID, userID}, &role)
}

const memberColumns = userColumns + ", m.role, m.created_at"

func (m *Member) columns() []any { return append(m.User.columns(), &m.Role, at{&m.CreatedAt}) }

// AddMember adds a person to a workspace; ErrExists when they are in it.
func (tx *Tx) AddMember(workspaceID, userID string, role token.Role) error {
	_, err := tx.exec(`insert into members (workspace_id, user_id, role, turn, created_at) values ($1, $2, $3, 0, $4)`, workspaceID, userID, role, micros(tx.Now))
	return err
}

// Member returns one member of a workspace.
func (tx *Tx) Member(workspaceID, userID string) (m Member, err error) {
	return m, tx.one(`select `+memberColumns+` from members m join users u on u.id = m.user_id where m.workspace_id = $1 and m.user_id = $2`,
		[]any{workspaceID, userID}, m.columns()...)
}

// Members lists the members of a workspace, newest account first.
func (tx *Tx) Members(workspaceID string, p Page) (out []Member, err error) {
	w := where{}
	w.add("m.workspace_id = ?", workspaceID)
	tail := w.page(p, "m.user_id")
	err = tx.each(`select `+memberColumns+` from members m join users u on u.id = m.user_id`+w.String()+tail, w.args, func(scan func(...any) error) error {
		var m Member
		err := scan(m.columns()...)
		out = append(out, m)
		return err
	})
	return out, err
}

// CountAdministrators counts a workspace's administrators.
func (tx *Tx) CountAdministrators(workspaceID string) (n int, err error) {
	return n, tx.one(`select count(*) from members where workspace_id = $1 and role = $2`, []any{workspaceID, token.Administrator}, &n)
}

// SetRole changes a member's role.
func (tx *Tx) SetRole(workspaceID, userID string, role token.Role) error {
	return tx.must(`update members set role = $1, turn = turn + 1 where workspace_id = $2 and user_id = $3`, role, workspaceID, userID)
}

// RemoveMember takes a person out of a workspace.
func (tx *Tx) RemoveMember(workspaceID, userID string) error {
	return tx.must(`delete from members where workspace_id = $1 and user_id = $2`, workspaceID, userID)
}
