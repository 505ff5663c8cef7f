package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/token"
)

type eventList struct {
	InWorkspace
	Page
	Actor  string    `query:"actor" doc:"Who did it: a user id"`
	Target string    `query:"target" doc:"What it was done to: the id of a token, an OAuth token, an app, a member or a workspace"`
	Action string    `query:"action" doc:"What happened, such as token.revoked"`
	From   time.Time `query:"from" doc:"Not before this moment"`
	To     time.Time `query:"to" doc:"Before this moment"`
}

type usageInput struct {
	InWorkspace
	Days  int    `query:"days" default:"30" minimum:"1" maximum:"366" doc:"How many days up to today"`
	Token string `query:"token" doc:"Only this token's: the id of a token or OAuth token, or a client id"`
}

func (s *Service) addOverview() {
	answer(s, op{
		id: "list-audit-events", method: http.MethodGet, path: "/workspaces/{ws}/audit-events", tag: "Audit and usage",
		summary: "List audit events", who: "Administrators see the workspace's; others see what they did, and what was done to what is theirs.",
		codes: []api.Code{api.CodeBadCursor},
	}, s.listEvents)
	answer(s, op{
		id: "get-usage", method: http.MethodGet, path: "/workspaces/{ws}/usage", tag: "Audit and usage",
		summary: "Get usage", who: "Administrators see the workspace's; others that of their own tokens and OAuth tokens.",
	}, s.usage)
}

func (s *Service) listEvents(ctx context.Context, by token.Identity, in *eventList) (api.List[api.AuditEvent], error) {
	page, err := in.page(listEvents)
	if err != nil {
		return api.List[api.AuditEvent]{}, err
	}
	rows, err := s.authority.Events(ctx, by, in.WS, authority.EventFilter{
		ActorID: in.Actor, TargetID: in.Target, Action: audit.Action(in.Action), From: in.From, To: in.To,
	}, page)
	return pageOf(in.Page, listEvents, rows, func(e audit.Event) string { return e.ID }, auditEvent), err
}

func (s *Service) usage(ctx context.Context, by token.Identity, in *usageInput) (api.Usage, error) {
	id := in.Token
	if id != "" && usedKind(id) == "" {
		id = maskID(token.TokenID, id)
	}
	u, err := s.authority.Usage(ctx, by, in.WS, id, in.Days)
	out := api.Usage{
		From: u.From.Format(time.DateOnly), To: u.To.Format(time.DateOnly), Days: []api.DayUsage{}, Tokens: []api.TokenUsage{},
	}
	for _, d := range u.Days {
		out.Days = append(out.Days, dayUsage(d))
	}
	for _, d := range u.Tokens {
		out.Tokens = append(out.Tokens, api.TokenUsage{DayUsage: dayUsage(d), Kind: usedKind(d.TokenID), TokenID: d.TokenID, TokenName: known(d.TokenName)})
	}
	return out, err
}

// usedKind says of what kind a credential is by its id, in the words of the audit log; "" for an id that is
// none.
func usedKind(id string) string {
	for _, k := range [...]struct{ prefix, name string }{{token.TokenID, "token"}, {token.OAuthTokenID, "oauth_token"}, {token.AppID, "app"}} {
		if _, ok := token.ParseID(k.prefix, id); ok {
			return k.name
		}
	}
	return ""
}
