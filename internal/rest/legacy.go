package rest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/legacy"
	"github.com/keywright/keywright/internal/token"
)

type legacyList struct {
	InWorkspace
	Page
	Owner    string `query:"owner" enum:"me,all" default:"me" doc:"all: everyone's, for administrators, and audited"`
	Status   string `query:"status" enum:"active,expired,revoked"`
	UsedDays int    `query:"used_days" minimum:"1" maximum:"3660" doc:"Used within so many days"`
	Q        string `query:"q" maxLength:"100" doc:"Part of the name or description, in any case"`
}

type legacyStopInput struct {
	InWorkspace
	Body api.SetLegacyStop
}

type legacyImportInput struct {
	InWorkspace
	Body api.LegacyImport
}

func (s *Service) addLegacy() {
	const path = "/workspaces/{ws}/legacy-tokens"
	answer(s, op{
		id: "list-legacy-tokens", method: http.MethodGet, path: path, tag: "Legacy tokens",
		summary: "List legacy tokens", who: "Members see their own; with owner=all an administrator sees everyone's. Revoke and delete them as tokens.",
		codes: []api.Code{api.CodeRoleNotAllowed, api.CodeBadCursor},
	}, s.listLegacy)
	answer(s, op{
		id: "get-legacy-stop", method: http.MethodGet, path: path + "/stop", tag: "Legacy tokens",
		summary: "Get when legacy tokens stop", who: "Members.",
	}, func(ctx context.Context, by token.Identity, in *InWorkspace) (api.LegacyStop, error) {
		stops, err := s.authority.LegacyStop(ctx, by, in.WS)
		return api.LegacyStop{StopsAt: knownTime(stops)}, err
	})
	answer(s, op{
		id: "set-legacy-stop", method: http.MethodPut, path: path + "/stop", tag: "Legacy tokens",
		summary: "Set when legacy tokens stop", who: "Administrators. It holds for all of the workspace's; one that has passed stops them at once.",
		codes: []api.Code{api.CodeRoleNotAllowed, api.CodeOutlivesCredential},
	}, func(ctx context.Context, by token.Identity, in *legacyStopInput) (api.LegacyStop, error) {
		if err := s.authority.SetLegacyStop(ctx, by, in.WS, in.Body.StopsAt); err != nil {
			return api.LegacyStop{}, err
		}
		stops, err := s.authority.LegacyStop(ctx, by, in.WS)
		return api.LegacyStop{StopsAt: knownTime(stops)}, err
	})
	answer(s, op{
		id: "import-legacy-tokens", method: http.MethodPost, path: path + "/import", tag: "Legacy tokens",
		summary: "Import tokens of an older system", who: "Administrators. Each line succeeds or is refused by itself, and one that was imported before changes nothing: what was cut off is sent again. A token imports nothing that outlives it or holds a scope that it lacks.",
		codes: []api.Code{api.CodeRoleNotAllowed, api.CodeRecentSignInRequired, api.CodeOutlivesCredential},
	}, s.importLegacy)
}

func (s *Service) listLegacy(ctx context.Context, by token.Identity, in *legacyList) (api.List[api.Token], error) {
	page, err := in.page(listTokens)
	if err != nil {
		return api.List[api.Token]{}, err
	}
	q := authority.TokenQuery{Everyone: in.Owner == "all", Page: page}
	q.Filter.Status, q.Filter.Search, q.Filter.UsedSince = token.Status(in.Status), in.Q, s.since(in.UsedDays)
	rows, err := s.authority.LegacyTokens(ctx, by, in.WS, q)
	if err != nil {
		return api.List[api.Token]{}, err
	}
	wires, err := s.wireTokens(ctx, by, in.WS, rows)
	return pageOf(in.Page, listTokens, wires, func(t api.Token) string { return t.ID }, func(t api.Token) api.Token { return t }), err
}

func (s *Service) importLegacy(ctx context.Context, by token.Identity, in *legacyImportInput) (api.LegacyImportResult, error) {
	out := api.LegacyImportResult{Lines: make([]api.LegacyLineResult, 0, len(in.Body.Lines))}
	key, err := base64.StdEncoding.DecodeString(said(in.Body.HMACKey))
	if err != nil {
		return out, fault.New(fault.Invalid, api.CodeInvalid, "Send the key in base64.").On("hmac_key")
	}
	// Written out and read as a file is: what holds for files holds here.
	var file bytes.Buffer
	lines := json.NewEncoder(&file)
	for i := range in.Body.Lines {
		if err := lines.Encode(&in.Body.Lines[i]); err != nil {
			return out, fault.Wrap(err, "encode a line")
		}
	}
	sum, err := s.authority.ImportTokens(ctx, by, in.WS, authority.Import{
		Lines: legacy.Read(&file), DryRun: said(in.Body.DryRun), Stops: said(in.Body.StopsAt),
		HMACKey: token.SecretOf(string(key)), AllowRaw: said(in.Body.AllowRawSecrets),
		Report: func(d authority.Imported) {
			out.Lines = append(out.Lines, api.LegacyLineResult{Line: d.Line, Outcome: string(d.Outcome), Problem: known(d.Problem)})
		},
	})
	out.Imported, out.Known, out.Refused, out.StopsAt = sum.Imported, sum.Known, sum.Refused, sum.Stops.UTC()
	return out, err
}
