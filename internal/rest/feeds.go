package rest

import (
	"context"
	"net/http"
	"strings"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/publish"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/odata/sqldata"
)

func (s *Service) addFeeds() {
	answer(s, op{
		id: "list-feeds", method: http.MethodGet, path: "/workspaces/{ws}/feeds", tag: "Feeds",
		summary: "List feeds", who: "Members. The built-in one is first. Administrators see what is wrong with each and what it leaves out as well.",
	}, s.listFeeds)
}

func (s *Service) listFeeds(ctx context.Context, by token.Identity, in *InWorkspace) (api.Items[api.Feed], error) {
	out := api.Items[api.Feed]{Items: []api.Feed{}}
	v, err := s.authority.Enter(ctx, by, in.WS)
	if err != nil || s.feeds == nil {
		return out, err
	}
	// Who may administer here: a token needs the scope for it too.
	oversees := s.authority.Administers(ctx, by, in.WS) == nil
	for _, f := range s.feeds.In(v.Slug) {
		out.Items = append(out.Items, s.feed(f, oversees))
	}
	return out, nil
}

func (s *Service) feed(f *publish.Feed, oversees bool) api.Feed {
	state := f.State()
	out := api.Feed{
		Name: f.Name, Title: f.Title, Scope: f.Scope, BuiltIn: f.BuiltIn, Available: state.Problem == "",
		URL:  strings.TrimSuffix(s.kit.URL("/odata/"+f.Workspace+"/"+f.Name), "/") + "/",
		Sets: []string{}, Warnings: []api.FeedWarning{},
	}
	if state.Model != nil {
		for _, set := range state.Model.Sets {
			out.Sets = append(out.Sets, set.Name)
		}
	}
	if !oversees {
		return out
	}
	if state.Problem != "" {
		out.Problem = &state.Problem
	}
	if !state.ReadAt.IsZero() {
		out.ReadAt = &state.ReadAt
	}
	for _, w := range state.Warnings {
		out.Warnings = append(out.Warnings, feedWarning(w))
	}
	return out
}

func feedWarning(w sqldata.Warning) api.FeedWarning {
	out := api.FeedWarning{Table: w.Table, Reason: w.Text}
	if w.Column != "" {
		out.Column = &w.Column
	}
	return out
}
