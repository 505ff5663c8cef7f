package authority

import (
	"context"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
)

// TokenQuery asks for a list of tokens.
type TokenQuery struct {
	Everyone bool // all of the workspace; administrators, and whom the policy lists the workspace to
	Filter   store.TokenFilter
	Page     store.Page
}

// Tokens lists tokens, newest first: the caller's own, or, where the policy's list is the workspace, all.
// With Everyone set it is the administrator's view of all, under every policy, and is audited.
func (a *Authority) Tokens(ctx context.Context, by token.Identity, ws string, q TokenQuery) ([]token.Token, error) {
	a.flush(ctx)
	var out []token.Token
	read := func(tx *store.Tx) error {
		s, err := a.enter(tx, by, ws)
		if err != nil {
			return err
		}
		f := q.Filter
		f.WorkspaceID = s.ID
		if err := s.mayList(q.Everyone, &f); err != nil {
			return err
		}
		if f.Scope != "" {
			f.ScopeRoles = nil
			if entry, ok := s.all.Find(f.Scope); ok && !token.IsReserved(f.Scope) {
				f.ScopeRoles = entry.Roles
			}
		}
		if out, err = tx.Tokens(f, q.Page); err != nil || !q.Everyone {
			return err
		}
		e := s.event(tx, audit.AllTokensViewed)
		e.TargetKind, e.TargetID, e.TargetName, e.Detail.Count = "workspace", s.ID, s.Name, len(out)
		return tx.AddEvent(e)
	}
	if q.Everyone {
		return out, a.update(ctx, read, nil)
	}
	return out, a.view(ctx, read)
}

// mayList narrows a list to what the caller may see.
func (s *scene) mayList(everyone bool, f *store.TokenFilter) error {
	if everyone {
		return s.needAdministrator()
	}
	if err := s.useTokens(); err != nil {
		return err
	}
	if s.policy.Tokens.List == token.ListOwn {
		f.OwnerID = s.by.User.ID
	}
	return nil
}

// Token returns one token to its owner, to an administrator, and to whom the policy lists the workspace.
func (a *Authority) Token(ctx context.Context, by token.Identity, ws, id string) (token.Token, error) {
	a.flush(ctx)
	var t token.Token
	err := a.view(ctx, func(tx *store.Tx) error {
		s, err := a.enter(tx, by, ws)
		if err != nil {
			return err
		}
		overseer := s.isAdministrator()
		if !overseer {
			if err := s.useTokens(); err != nil {
				return err
			}
		}
		if t, err = s.token(tx, id); err != nil {
			return err
		}
		if t.Owner.ID != by.User.ID && !overseer && s.policy.Tokens.List != token.ListWorkspace {
			t = token.Token{}
			return fault.New(fault.Forbidden, api.CodeNotOwner, "Only the owner of a token can do this.")
		}
		return nil
	})
	return t, err
}

// Room says how many tokens a person holds of how many they may.
type Room struct {
	Held  int
	Limit int // 0: none
}

// Full reports whether no other token can be made.
func (r Room) Full() bool { return r.Limit > 0 && r.Held >= r.Limit }

// Room returns how many tokens the caller can still make.
func (a *Authority) Room(ctx context.Context, by token.Identity, ws string) (Room, error) {
	var r Room
	err := a.view(ctx, func(tx *store.Tx) error {
		s, err := a.enter(tx, by, ws)
		if err != nil {
			return err
		}
		r.Limit = s.policy.Tokens.PerUser
		f := store.TokenFilter{WorkspaceID: s.ID, OwnerID: by.User.ID, Status: token.Active}
		if s.policy.Tokens.CountEnded {
			f.Status = ""
		}
		r.Held, err = tx.CountTokens(f)
		return err
	})
	return r, err
}

// Events lists audit events, newest first: to administrators the workspace's, to others what they did and
// what was done to theirs.
func (a *Authority) Events(ctx context.Context, by token.Identity, ws string, f store.EventFilter, p store.Page) ([]audit.Event, error) {
	var out []audit.Event
	err := a.view(ctx, func(tx *store.Tx) error {
		s, err := a.enter(tx, by, ws)
		if err != nil {
			return err
		}
		f.WorkspaceID, f.Concerns = s.ID, ""
		if !s.isAdministrator() {
			f.Concerns = by.User.ID
		}
		out, err = tx.Events(f, p)
		return err
	})
	return out, err
}

// Usage is how much tokens were used.
type Usage struct {
	From, To time.Time      // days, UTC, both included
	Days     []store.DayUse // one for every day of the span, oldest first
	Tokens   []store.DayUse // per day and token, newest first, at most 1,000
}

const maxUsageDays = 366

// Usage sums use per day: to administrators the workspace's, to others that of their own tokens. tokenID,
// when not empty, narrows it to one token. Days is how many days up to today, 1 to 366.
func (a *Authority) Usage(ctx context.Context, by token.Identity, ws, tokenID string, days int) (Usage, error) {
	if days < 1 || days > maxUsageDays {
		return Usage{}, fault.New(fault.Invalid, api.CodeInvalid, "Ask for 1 to 366 days.").On("days")
	}
	a.flush(ctx)
	var u Usage
	err := a.view(ctx, func(tx *store.Tx) error {
		s, err := a.enter(tx, by, ws)
		if err != nil {
			return err
		}
		today := Day(tx.Now)
		f := store.UseFilter{WorkspaceID: s.ID, TokenID: tokenID, From: today - int64(days) + 1, To: today}
		if !s.isAdministrator() {
			f.OwnerID = by.User.ID
		}
		u.From, u.To = dayTime(f.From), dayTime(f.To)
		used, err := tx.UsePerDay(f)
		if err != nil {
			return err
		}
		u.Days = everyDay(used, f)
		u.Tokens, err = tx.UsePerToken(f, 1000)
		return err
	})
	return u, err
}

// Day is the number of the day (UTC) that a moment lies in, counted from 1970-01-01.
func Day(t time.Time) int64 { return t.Unix() / 86400 }

func dayTime(day int64) time.Time { return time.Unix(day*86400, 0).UTC() }

// everyDay fills the days without use.
func everyDay(used []store.DayUse, f store.UseFilter) []store.DayUse {
	out := make([]store.DayUse, 0, f.To-f.From+1)
	for day := f.From; day <= f.To; day++ {
		d := store.DayUse{Day: day}
		if len(used) > 0 && used[0].Day == day {
			d, used = used[0], used[1:]
		}
		out = append(out, d)
	}
	return out
}
