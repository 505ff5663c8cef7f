package authority

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
)

// Legacy tokens were issued by an older system and imported: they go on working as they are until the day
// that an administrator set, can be revoked and deleted under every policy, and nothing else.

// LegacyTokens lists legacy tokens, newest import first: the caller's own, or with Everyone set, for
// overseers, the workspace's. A list that shows others' is audited.
func (a *Authority) LegacyTokens(ctx context.Context, by token.Identity, ws string, q TokenQuery) ([]token.Token, error) {
	a.flush(ctx)
	var out []token.Token
	var s scene
	err := a.view(ctx, func(tx *store.Tx) (err error) {
		if s, err = a.enter(tx, by, ws); err != nil {
			return err
		}
		f := q.Filter
		f.WorkspaceID, f.Legacy, f.ScopeRoles = s.ID, store.LegacyOnly, nil
		if q.Everyone {
			if err := s.needOverseer(&s.policy.Tokens.Access); err != nil {
				return err
			}
		} else {
			f.OwnerID = by.User.ID
		}
		if err := listable(q.Page, f.OwnerID, f.Scope, f.Search); err != nil {
			return err
		}
		out, err = tx.Tokens(f, q.Page)
		return err
	})
	if err == nil && (q.Everyone || slices.ContainsFunc(out, func(t token.Token) bool { return t.Owner.ID != by.User.ID })) {
		err = a.noteView(ctx, &s, len(out))
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// LegacyOwners lists who still has legacy tokens that work, at most so many people; with a time, who has used one
// since. Administrators only; that they were seen is audited.
func (a *Authority) LegacyOwners(ctx context.Context, by token.Identity, ws string, usedSince time.Time, limit int) ([]LegacyOwner, error) {
	a.flush(ctx)
	var out []LegacyOwner
	var s scene
	err := a.view(ctx, func(tx *store.Tx) (err error) {
		if s, err = a.administer(tx, by, ws); err != nil {
			return err
		}
		out, err = tx.LegacyOwners(s.ID, usedSince, limit)
		return err
	})
	if err == nil && len(out) > 0 {
		err = a.noteView(ctx, &s, len(out))
	}
	return out, err
}

// LegacyStop returns the day on which a workspace's legacy tokens stop, to its members; zero when none is set.
func (a *Authority) LegacyStop(ctx context.Context, by token.Identity, ws string) (stops time.Time, err error) {
	err = a.view(ctx, func(tx *store.Tx) error {
		s, err := a.enter(tx, by, ws)
		if err != nil {
			return err
		}
		stops, err = tx.LegacyStop(s.ID)
		return err
	})
	return stops, err
}

// maxLegacyYears bounds how far ahead the day may be: what never ends is not on its way out.
const maxLegacyYears = 10

// SetLegacyStop sets that day for all of the workspace's legacy tokens; one that has passed stops them at
// once. Administrators only. Errors: invalid.
func (a *Authority) SetLegacyStop(ctx context.Context, by token.Identity, ws string, stops time.Time) error {
	var in string
	return a.update(ctx, func(tx *store.Tx) error {
		s, err := a.administerAlone(tx, by, ws)
		if err != nil {
			return err
		}
		in = s.ID
		return s.setLegacyStop(tx, stops)
	}, func() { a.legacyChanged(in) })
}

func (s *scene) setLegacyStop(tx *store.Tx, stops time.Time) error {
	stops = stops.UTC().Truncate(time.Microsecond)
	if stops.Year() < 1970 || stops.After(tx.Now.AddDate(maxLegacyYears, 0, 0)) {
		return fault.New(fault.Invalid, api.CodeInvalid, "Give the day on which imported tokens stop, at most 10 years ahead.").On("stops_at")
	}
	before, err := tx.LegacyStop(s.ID)
	if err != nil || before.Equal(stops) {
		return err
	}
	if b := s.by.Bearer; b != nil && !b.ExpiresAt.IsZero() && stops.After(before) && stops.After(b.ExpiresAt) {
		// It would make credentials last longer than the one that asks for it.
		return fault.New(fault.Forbidden, api.CodeOutlivesCredential, "A token can't let others last longer than itself. Choose an earlier day, or sign in.").On("stops_at")
	}
	e := s.event(tx, audit.LegacyStopSet)
	e.TargetKind, e.TargetID, e.TargetName = "workspace", s.ID, s.Name
	e.Detail.Before, e.Detail.After = map[string]any{"stops_at": jsonTime(before)}, map[string]any{"stops_at": jsonTime(stops)}
	return errors.Join(tx.SetLegacyStop(s.ID, stops), tx.AddEvent(e))
}

func (a *Authority) legacyChanged(workspaceID string) {
	a.checks.WorkspaceChanged(workspaceID)
	a.checks.LegacyChanged(workspaceID)
}

// gripLegacy decides whether the caller may act on a legacy token: its owner and overseers may end it, and
// nobody can do anything else to it.
func (s *scene) gripLegacy(own, overseer bool, act token.Action) error {
	switch {
	case !own && !overseer:
		return notOwner()
	case act != token.ActRevoke && act != token.ActDelete && act != token.ActView:
		return fault.New(fault.Forbidden, api.CodeActionNotOffered, "This token was imported from an older system: it can only be revoked or deleted. Create a new token instead.")
	}
	return nil
}
