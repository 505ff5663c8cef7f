package rest

import (
	"context"
	"net/http"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/token"
)

type inventoryList struct {
	InWorkspace
	Limit        int    `query:"limit" default:"50" minimum:"1" maximum:"200" doc:"How many at most"`
	Cursor       string `query:"cursor" maxLength:"1400" doc:"next_cursor of the page before, with the same sort"`
	Kind         string `query:"kind" enum:"pat,legacy,oauth_token,app"`
	OwnerID      string `query:"owner_id" doc:"One person's: a user id"`
	Status       string `query:"status" enum:"active,expired,revoked,disabled"`
	Scope        string `query:"scope" doc:"Those that carry this scope"`
	UnusedDays   int    `query:"unused_days" minimum:"1" maximum:"3660" doc:"Neither used nor made for so many days"`
	ExpiringDays int    `query:"expiring_days" minimum:"1" maximum:"3660" doc:"Active, and expiring within so many days"`
	NeverExpires bool   `query:"never_expires" doc:"true: only tokens that never expire"`
	Q            string `query:"q" maxLength:"100" doc:"Part of the name or description, in any case"`
	Sort         string `query:"sort" enum:"newest,expires,last_used,name,owner" default:"newest" doc:"expires: soonest first; last_used: never used first, then the longest ago"`
}

type stopInput struct {
	InWorkspace
	Body api.CredentialBatch
}

type rotateKeysInput struct {
	InWorkspace
	Body *api.KeyRotation
}

func (s *Service) addOversight() {
	answer(s, op{
		id: "list-inventory", method: http.MethodGet, path: "/workspaces/{ws}/inventory", tag: "Inventory",
		summary: "List all credentials", who: "Administrators. Everyone's tokens, imported ones, OAuth tokens and apps, in one list; that it was seen is in the audit log.",
		codes: []api.Code{api.CodeRoleNotAllowed, api.CodeBadCursor},
	}, s.inventory)
	answer(s, op{
		id: "stop-credentials", method: http.MethodPost, path: "/workspaces/{ws}/inventory/stop", tag: "Inventory",
		summary: "Stop several credentials", who: "Administrators. Revokes tokens and disables OAuth tokens and apps, or deletes all of these; each succeeds or is refused by itself.",
		codes: []api.Code{api.CodeRoleNotAllowed},
	}, func(ctx context.Context, by token.Identity, in *stopInput) (api.BatchResults, error) {
		return results(s.authority.Stop(ctx, by, in.WS, authority.Batch{
			Action: token.Action(in.Body.Action), IDs: in.Body.IDs, Reason: said(in.Body.Reason),
		}))
	})
	answer(s, op{
		id: "list-signing-keys", method: http.MethodGet, path: "/workspaces/{ws}/signing-keys", tag: "Signing keys",
		summary: "List signing keys", who: "Administrators. The keys that are published, newest first.",
		codes: []api.Code{api.CodeRoleNotAllowed},
	}, func(ctx context.Context, by token.Identity, in *InWorkspace) (api.Items[api.SigningKey], error) {
		return s.signingKeys(s.authority.SigningKeys(ctx, by, in.WS))
	})
	answer(s, op{
		id: "rotate-signing-keys", method: http.MethodPost, path: "/workspaces/{ws}/signing-keys/rotate", tag: "Signing keys",
		summary: "Rotate the signing key", who: "Administrators. The new key is published now and signs once verifiers had the time to fetch it; the old one stays published until the last token that it signed is dead.",
		codes: []api.Code{api.CodeRoleNotAllowed},
	}, func(ctx context.Context, by token.Identity, in *rotateKeysInput) (api.Items[api.SigningKey], error) {
		return s.signingKeys(s.authority.RotateKeys(ctx, by, in.WS, said(said(in.Body).AtOnce)))
	})
}

// credentialKinds are the kinds of the inventory as they are said on the wire.
func credentialKinds() map[string]token.Kind {
	return map[string]token.Kind{"pat": token.KindPAT, "legacy": token.KindLegacy, "oauth_token": token.KindRefresh, "app": token.KindApp}
}

func (s *Service) inventory(ctx context.Context, by token.Identity, in *inventoryList) (api.List[api.Credential], error) {
	var none api.List[api.Credential]
	after, err := parseCursor(listInventory, in.Cursor)
	if err != nil {
		return none, err
	}
	q := authority.InventoryQuery{After: after, Limit: in.Limit}
	q.Filter = authority.InventoryFilter{
		Kind: credentialKinds()[in.Kind], Status: token.Status(in.Status), Scope: in.Scope, Search: in.Q, NeverExpires: in.NeverExpires,
		UnusedSince: s.since(in.UnusedDays), ExpiresBefore: s.until(in.ExpiringDays),
	}
	if in.Sort != "newest" {
		q.Filter.Sort = authority.Sort(in.Sort)
	}
	if in.OwnerID != "" {
		q.Filter.OwnerID = maskID(token.UserID, in.OwnerID)
	}
	rows, next, err := s.authority.Inventory(ctx, by, in.WS, q)
	if err != nil {
		return none, err
	}
	out := api.List[api.Credential]{Items: []api.Credential{}}
	for _, c := range rows {
		out.Items = append(out.Items, s.credential(c))
	}
	if next != "" {
		cursor := makeCursor(listInventory, next)
		out.NextCursor = &cursor
	}
	return out, nil
}

func (s *Service) credential(c authority.Credential) api.Credential {
	out := api.Credential{
		ID: c.ID, Name: known(c.Name), Owner: person(c.Owner), AllScopes: c.AllScopes, Scopes: list(c.Scopes), Status: string(c.StatusAt(s.authority.Now())),
		CreatedAt: c.CreatedAt.UTC(), ExpiresAt: knownTime(c.ExpiresAt), EndedAt: knownTime(c.EndedAt),
		LastUsedAt: knownTime(c.LastUsedAt), LastUsedIP: knownAddress(c.LastUsedIP),
	}
	for name, kind := range credentialKinds() {
		if kind == c.Kind {
			out.Kind = name
		}
	}
	return out
}

func (s *Service) signingKeys(keys []authority.SigningKey, err error) (api.Items[api.SigningKey], error) {
	out := api.Items[api.SigningKey]{Items: []api.SigningKey{}}
	for _, k := range keys {
		out.Items = append(out.Items, api.SigningKey{
			ID: k.ID, Algorithm: string(k.Algorithm), State: string(s.authority.StateOf(keys, k.ID)),
			CreatedAt: k.CreatedAt.UTC(), SignsFrom: k.SignsFrom.UTC(), PublishedUntil: knownTime(k.PublishedUntil),
		})
	}
	return out, err
}
