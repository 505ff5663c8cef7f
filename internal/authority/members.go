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

// Members lists the members of a workspace, newest first. Administrators only.
func (a *Authority) Members(ctx context.Context, by token.Identity, ws string, p store.Page) ([]store.Member, error) {
	var out []store.Member
	err := a.view(ctx, func(tx *store.Tx) error {
		s, err := a.administer(tx, by, ws)
		if err != nil {
			return err
		}
		if err := listable(p); err != nil {
			return err
		}
		out, err = tx.Members(s.ID, p)
		return err
	})
	return out, err
}

// Invitation is whom an administrator invites.
type Invitation struct {
	Email string
	Name  string
	Role  token.Role

	bad []fault.Field // what is wrong with it; said to administrators only
}

// Invite adds a person to a workspace. Somebody new gets an account and a one-time link, good for 7 days,
// with which they choose their password; somebody known is simply added and no link is made, since a
// link for them would open their other workspaces. Administrators only; making an administrator takes a
// session, and a link one with a recent sign-in. Errors: already_member, recent_sign_in_required.
func (a *Authority) Invite(ctx context.Context, by token.Identity, ws string, inv Invitation) (store.Member, token.Secret, error) {
	inv.Email, inv.bad = cleanField(nil, "email", inv.Email, token.CleanEmail)
	inv.Name, inv.bad = cleanField(inv.bad, "name", inv.Name, func(s string) (string, string) { return token.CleanText(s, 0, 100) })
	inv.bad = checkRole(inv.bad, inv.Role)
	m, link, err := a.invite(ctx, by, ws, inv)
	if errors.Is(err, store.ErrExists) {
		// Somebody else invited the same new person at this moment. Now they are known.
		m, link, err = a.invite(ctx, by, ws, inv)
	}
	if err != nil {
		return store.Member{}, token.Secret{}, err
	}
	return m, link, nil
}

func (a *Authority) invite(ctx context.Context, by token.Identity, ws string, inv Invitation) (store.Member, token.Secret, error) {
	var m store.Member
	var link token.Secret
	err := a.update(ctx, func(tx *store.Tx) error {
		link = token.Secret{}
		s, err := a.administer(tx, by, ws)
		if err != nil {
			return err
		}
		if err := fault.Invalids(inv.bad); err != nil {
			return err
		}
		if inv.Role == token.Administrator {
			if err := needSession(by); err != nil {
				return err
			}
		}
		user, err := tx.UserByEmail(inv.Email)
		if errors.Is(err, store.ErrNotFound) {
			if err := a.maySeeSecrets(by); err != nil {
				return err
			}
			user, link, err = a.addInvited(tx, inv)
		}
		if err != nil {
			return err
		}
		err = tx.AddMember(s.ID, user.ID, inv.Role)
		if errors.Is(err, store.ErrExists) {
			return fault.New(fault.Conflict, api.CodeAlreadyMember, "This person is a member already.").On("email")
		}
		if err != nil {
			return err
		}
		m = store.Member{User: user, Role: inv.Role, CreatedAt: tx.Now}
		e := s.memberEvent(tx, audit.MemberAdded, m)
		e.Detail.After = map[string]any{"role": inv.Role}
		return tx.AddEvent(e)
	}, nil)
	return m, link, err
}

func (a *Authority) addInvited(tx *store.Tx, inv Invitation) (store.User, token.Secret, error) {
	u := store.User{Person: token.Person{ID: token.NewID(token.UserID, tx.Now), Name: inv.Name, Email: inv.Email}, CreatedAt: tx.Now}
	if u.Name == "" {
		u.Name = inv.Email
	}
	link := token.RandomText(linkSecret)
	return u, link, errors.Join(tx.AddUser(u), tx.AddLink(u.ID, forInvitation, link.Hash(), tx.Now.Add(invitationLife)))
}

func checkRole(bad []fault.Field, r token.Role) []fault.Field {
	if !r.Valid() {
		bad = append(bad, fault.Field{Name: "role", Code: api.CodeInvalid, Detail: "Choose a role: administrator, developer or member."})
	}
	return bad
}

func (s *scene) memberEvent(tx *store.Tx, action audit.Action, m store.Member) audit.Event {
	e := s.event(tx, action)
	e.TargetKind, e.TargetID, e.TargetName, e.OwnerID = "member", m.User.ID, m.User.Name, m.User.ID
	return e
}

// RenewInvitation makes a new one-time link for a member who has not chosen a password yet, in place of
// the earlier one. It is refused for whoever is in another workspace or administers the installation: the
// link would open that as well. For an administrator it takes a session: the link makes one.
func (a *Authority) RenewInvitation(ctx context.Context, by token.Identity, ws, userID string) (token.Secret, error) {
	link := token.RandomText(linkSecret)
	err := a.update(ctx, func(tx *store.Tx) error {
		s, err := a.administer(tx, by, ws)
		if err != nil {
			return err
		}
		m, err := s.member(tx, userID)
		if err != nil {
			return err
		}
		elsewhere, err := tx.Memberships(userID)
		if err != nil {
			return err
		}
		if m.Role == token.Administrator {
			if err := needSession(by); err != nil {
				return err
			}
		}
		if m.User.PasswordHash != "" || m.User.InstallationAdmin || len(elsewhere) > 1 {
			return fault.New(fault.Conflict, api.CodeAlreadyMember, "This person has an account of their own. Who runs the server can make a link with: keywright reset-password.")
		}
		if err := a.maySeeSecrets(by); err != nil {
			return err
		}
		return errors.Join(tx.AddLink(userID, forInvitation, link.Hash(), tx.Now.Add(invitationLife)), tx.AddEvent(s.memberEvent(tx, audit.LinkMade, m)))
	}, nil)
	if err != nil {
		return token.Secret{}, err
	}
	return link, nil
}

func (s *scene) member(tx *store.Tx, userID string) (store.Member, error) {
	if _, ok := token.ParseID(token.UserID, userID); !ok {
		return store.Member{}, fault.Missing()
	}
	m, err := tx.Member(s.ID, userID)
	if errors.Is(err, store.ErrNotFound) {
		return m, fault.Missing()
	}
	return m, err
}

// SetRole changes a member's role; what their tokens can do changes with it at once. Administrators only;
// making an administrator takes a session. Errors: last_administrator.
func (a *Authority) SetRole(ctx context.Context, by token.Identity, ws, userID string, role token.Role) (store.Member, error) {
	var m store.Member
	var in string
	err := a.update(ctx, func(tx *store.Tx) error {
		s, err := a.administerAlone(tx, by, ws)
		if err != nil {
			return err
		}
		in = s.ID
		if m, err = s.member(tx, userID); err != nil {
			return err
		}
		if err := fault.Invalids(checkRole(nil, role)); err != nil {
			return err
		}
		if m.Role == role {
			return nil
		}
		if role == token.Administrator {
			if err := needSession(by); err != nil {
				return err
			}
		}
		if err := s.keepAnAdministrator(tx, m); err != nil {
			return err
		}
		e := s.memberEvent(tx, audit.MemberRoleChanged, m)
		e.Detail.Before, e.Detail.After = map[string]any{"role": m.Role}, map[string]any{"role": role}
		m.Role = role
		return errors.Join(tx.SetRole(s.ID, userID, role), tx.AddEvent(e))
	}, func() { a.checks.OwnerChanged(in, userID) })
	if err != nil {
		return store.Member{}, err
	}
	return m, nil
}

// administerAlone enters as an administrator and makes changes of membership follow each other, so that
// two can't each remove the other as the last administrator.
func (a *Authority) administerAlone(tx *store.Tx, by token.Identity, ws string) (scene, error) {
	s, err := a.administer(tx, by, ws)
	if err != nil {
		return s, err
	}
	if err := tx.TakeWorkspaceTurn(s.ID); err != nil {
		return s, err
	}
	// Now that it is our turn, the caller may no longer be what they were.
	return a.administer(tx, by, ws)
}

func (s *scene) keepAnAdministrator(tx *store.Tx, m store.Member) error {
	if m.Role != token.Administrator {
		return nil
	}
	n, err := tx.CountAdministrators(s.ID)
	if err == nil && n <= 1 {
		return fault.New(fault.Conflict, api.CodeLastAdministrator, "A workspace needs an administrator. Make somebody else one first.")
	}
	return err
}

// RemoveMember takes a person out of a workspace, and revokes their tokens and disables their OAuth tokens in
// it for good: they stay so when the person comes back. Apps that they made are the workspace's, and go on.
// Administrators only. Errors: last_administrator.
func (a *Authority) RemoveMember(ctx context.Context, by token.Identity, ws, userID string) error {
	var in string
	return a.update(ctx, func(tx *store.Tx) error {
		s, err := a.administerAlone(tx, by, ws)
		if err != nil {
			return err
		}
		in = s.ID
		m, err := s.member(tx, userID)
		if err != nil {
			return err
		}
		if err := s.keepAnAdministrator(tx, m); err != nil {
			return err
		}
		// Their turn is taken, so that no token of theirs is made between revoking and removing.
		if _, err := tx.TakeTurn(s.ID, userID); err != nil {
			return err
		}
		revoked, err := tx.RevokeTokensOf(s.ID, userID, "owner removed")
		if err != nil {
			return err
		}
		disabled, err := tx.DisableOAuthTokensOf(s.ID, userID, store.Stop{Reason: "owner removed", EndAccess: true})
		if err != nil {
			return err
		}
		e := s.memberEvent(tx, audit.MemberRemoved, m)
		e.Detail.Before = map[string]any{"role": m.Role, "tokens": revoked, "oauth_tokens": disabled}
		e.Detail.Count = len(revoked) + len(disabled)
		return errors.Join(tx.RemoveMember(s.ID, userID), tx.AddEvent(e))
	}, func() { a.checks.OwnerChanged(in, userID) })
}
