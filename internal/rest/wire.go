package rest

import (
	"net/netip"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/token"
)

// known returns nil, which is null, for what is not known.
func known[T comparable](v T) *T {
	var none T
	if v == none {
		return nil
	}
	return &v
}

func knownTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func knownAddress(a netip.Addr) *string {
	if !a.IsValid() {
		return nil
	}
	s := a.String()
	return &s
}

// list is never null.
func list[S ~[]T, T any](s S) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func said[T any](v *T) (out T) {
	if v != nil {
		out = *v
	}
	return out
}

func person(p token.Person) api.Person { return api.Person{ID: p.ID, Name: p.Name, Email: p.Email} }

// wireToken is a token as it is now; carried is what scopes it carries.
func (s *Service) wireToken(t token.Token, carried token.Scopes) api.Token {
	return api.Token{
		ID: t.ID, Name: known(t.Name), Description: known(t.Description), Kind: string(t.Kind()), Scopes: list(carried),
		Status: string(t.StatusAt(s.authority.Now())), CreatedAt: t.CreatedAt.UTC(), CreatedBy: person(t.Owner), ExpiresAt: knownTime(t.ExpiresAt),
		LastUsedAt: knownTime(t.LastUsedAt), LastUsedIP: knownAddress(t.LastUsedIP), RevokedAt: knownTime(t.RevokedAt), Hint: t.Hint,
	}
}

func workspace(m authority.Membership) api.Workspace {
	return api.Workspace{ID: m.ID, Slug: m.Slug, Name: m.Name, Role: known(string(m.Role)), CreatedAt: m.CreatedAt.UTC()}
}

func member(m authority.Member) api.Member {
	return api.Member{Person: person(m.User.Person), Role: string(m.Role), Invited: m.User.PasswordHash == "", CreatedAt: m.CreatedAt.UTC()}
}

func auditEvent(e audit.Event) api.AuditEvent {
	return api.AuditEvent{
		ID: e.ID, At: e.At.UTC(), Action: string(e.Action), Actor: api.AuditActor{ID: known(e.ActorID), Name: known(e.ActorName)}, Via: e.Via,
		Target:  api.AuditTarget{Kind: known(e.TargetKind), ID: known(e.TargetID), Name: known(e.TargetName)},
		OwnerID: known(e.OwnerID), Address: knownAddress(e.Address), UserAgent: known(e.UserAgent), RequestID: known(e.RequestID),
		Before: values(e.Detail.Before), After: values(e.Detail.After), Reason: known(e.Detail.Reason), Count: known(e.Detail.Count),
	}
}

func values(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

func dayUsage(d authority.DayUse) api.DayUsage {
	return api.DayUsage{
		Day:      time.Unix(d.Day*86400, 0).UTC().Format(time.DateOnly),
		Requests: d.Requests, Refusals: d.Refusals, Addresses: d.Addresses,
	}
}

func choice(e api.Expiry) token.Choice {
	return token.Choice{ExpiresAt: e.ExpiresAt, LifetimeDays: e.LifetimeDays, Never: said(e.Never), NotNever: e.Never != nil && !*e.Never}
}
