package authority

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

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

// maxList bounds the rows of one answer.
const maxList = 1000

// Tokens lists tokens, newest first: the caller's own, or, where the policy's list is the workspace, all.
// With Everyone set it is the overseer's view of all, under every policy. A list that shows others' tokens
// is audited.
func (a *Authority) Tokens(ctx context.Context, by token.Identity, ws string, q TokenQuery) ([]token.Token, error) {
	a.flush(ctx)
	var out []token.Token
	var s scene
	err := a.view(ctx, func(tx *store.Tx) (err error) {
		if s, err = a.enter(tx, by, ws); err != nil {
			return err
		}
		f, err := s.narrowed(q)
		if err != nil {
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

// noteView audits that somebody saw everyone's tokens. Only the note is written by the one writer; the
// search before it may take long.
func (a *Authority) noteView(ctx context.Context, s *scene, count int) error {
	return a.update(ctx, func(tx *store.Tx) error {
		e := s.event(tx, audit.AllTokensViewed)
		e.TargetKind, e.TargetID, e.TargetName, e.Detail.Count = "workspace", s.ID, s.Name, count
		return tx.AddEvent(e)
	}, nil)
}

// narrowed returns the filter of a list, cut down to what the caller may see.
func (s *scene) narrowed(q TokenQuery) (store.TokenFilter, error) {
	f := q.Filter
	f.WorkspaceID, f.ScopeRoles = s.ID, nil
	if err := s.mayList(q.Everyone, &f); err != nil {
		return f, err
	}
	if err := listable(q.Page, f.OwnerID, f.Scope, f.Search); err != nil {
		return f, err
	}
	if entry, ok := s.all.Find(f.Scope); ok && !token.IsReserved(f.Scope) {
		f.ScopeRoles = entry.Roles
	}
	return f, nil
}

// listable refuses what no list can be asked for. Ids that name nothing find nothing.
func listable(p store.Page, texts ...string) error {
	if p.Limit < 1 || p.Limit > maxList {
		return fault.New(fault.Invalid, api.CodeInvalid, fmt.Sprintf("Ask for 1 to %d rows.", maxList)).On("limit")
	}
	for _, s := range append(texts, p.After) {
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			return fault.New(fault.Invalid, api.CodeInvalid, "This is not valid text (UTF-8).")
		}
	}
	return nil
}

// mayList narrows a list to what the caller may see.
func (s *scene) mayList(everyone bool, f *store.TokenFilter) error {
	if everyone {
		return s.needOverseer(&s.policy.Tokens.Access)
	}
	if err := s.useTokens(); err != nil {
		return err
	}
	if s.policy.Tokens.List == token.ListOwn {
		f.OwnerID = s.by.User.ID
	}
	return nil
}

// Token returns one token to its owner, to an overseer, and to whom the policy lists the workspace.
func (a *Authority) Token(ctx context.Context, by token.Identity, ws, id string) (token.Token, error) {
	a.flush(ctx)
	var t token.Token
	err := a.view(ctx, func(tx *store.Tx) error {
		s, err := a.enter(tx, by, ws)
		if err != nil {
			return err
		}
		overseer := s.needOverseer(&s.policy.Tokens.Access) == nil
		t, err = s.token(tx, id)
		if own := err == nil && t.Owner.ID == by.User.ID; own && t.Legacy() {
			return nil
		}
		if !overseer {
			if err := s.useTokens(); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
		if t.Legacy() {
			return s.gripLegacy(false, overseer, token.ActView)
		}
		if t.Owner.ID != by.User.ID && !overseer && s.policy.Tokens.List != token.ListWorkspace {
			return notOwner()
		}
		return nil
	})
	if err != nil {
		return token.Token{}, err
	}
	return t, nil
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
		if err := listable(p, f.ActorID, f.TargetID, string(f.Action)); err != nil {
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
// when not empty, narrows it to one token, or to one app, which whoever has it in their list may see. Days is how many days up to today, 1 to 366.
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
		if err := listable(store.Page{Limit: maxList}, tokenID); err != nil {
			return err
		}
		today := Day(tx.Now)
		f := store.UseFilter{WorkspaceID: s.ID, TokenID: tokenID, From: today - int64(days) + 1, To: today}
		if seen, err := s.seesUseOf(tx, tokenID); err != nil {
			return err
		} else if !seen {
			f.OwnerID = by.User.ID
		}
		u.From, u.To = dayTime(f.From), dayTime(f.To)
		used, err := tx.UsePerDay(f)
		if err != nil {
			return err
		}
		u.Days = everyDay(used, f)
		u.Tokens, err = tx.UsePerToken(f, maxList)
		return err
	})
	return u, err
}

// seesUseOf reports whether the caller may see the use of a credential whoever owns it. An app's use is its
// own, not its maker's.
func (s *scene) seesUseOf(tx *store.Tx, id string) (bool, error) {
	if _, isApp := token.ParseID(token.AppID, id); s.isAdministrator() || !isApp || !s.hasApps() {
		return s.isAdministrator(), nil
	}
	app, err := s.app(tx, id)
	if fault.CodeOf(err) == api.CodeNotFound {
		return false, nil
	}
	return err == nil && s.listsApp(&app), err
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
