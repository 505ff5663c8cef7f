package rest

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/token"
)

// policyBody is a policy as it is sent: a preset, and what differs from it. What is left out is the
// preset's, so that a whole policy as it was read, and a preset's name alone, both say what they mean.
type policyBody token.Policy

// UnmarshalJSON implements json.Unmarshaler.
func (p *policyBody) UnmarshalJSON(b []byte) error {
	var start struct {
		Preset token.Preset `json:"preset"`
	}
	if err := json.Unmarshal(b, &start); err != nil {
		return err
	}
	policy, _ := start.Preset.Policy() // one that isn't known is found by Policy.Check
	policy.Preset = start.Preset
	if err := json.Unmarshal(b, &policy); err != nil {
		return err
	}
	policy.Clean()
	*p = policyBody(policy)
	return nil
}

// Schema implements huma.SchemaProvider: the policy's, of which only the preset must be said.
func (policyBody) Schema(r huma.Registry) *huma.Schema {
	s := optional(r, r.Schema(reflect.TypeFor[token.Policy](), false, ""))
	s.Required = []string{"preset"}
	s.Description = "A preset, and what differs from it"
	s.PrecomputeMessages()
	return s
}

// optional returns a copy of a schema in which nothing is required, references resolved. Bounds are said in
// words instead: token.Policy.Check finds all that is wrong with a policy at once.
func optional(r huma.Registry, s *huma.Schema) *huma.Schema {
	if s.Ref != "" {
		described := s.Description
		copied := *optional(r, r.SchemaFromRef(s.Ref))
		copied.Description = described
		return &copied
	}
	c := *s
	c.Description = describeSchema(s, s.Description)
	c.Required, c.Enum, c.Minimum, c.Maximum, c.Nullable = nil, nil, nil, nil, false
	c.Properties = maps.Clone(s.Properties)
	for name, p := range c.Properties {
		c.Properties[name] = optional(r, p)
	}
	c.PrecomputeMessages()
	return &c
}

type policyInput struct {
	InWorkspace
	Body policyBody
}

type applyInput struct {
	InWorkspace
	Body *api.PolicyApply
}

// scopesBody is the list of scopes of a workspace.
type scopesBody struct {
	Items []token.CatalogueScope `json:"items" nullable:"false"`
}

type scopesInput struct {
	InWorkspace
	Body scopesBody
}

// preset is a policy to start from.
type preset struct {
	Name      token.Preset    `json:"name" example:"single-token"`
	Title     string          `json:"title" example:"Single token"`
	Summary   string          `json:"summary" doc:"One sentence"`
	Policy    token.Policy    `json:"policy"`
	Scopes    token.Catalogue `json:"scopes" doc:"What a new workspace of this preset begins with"`
	Sentences []string        `json:"sentences" doc:"The rules in plain words"`
}

func (s *Service) addRules() {
	answer(s, op{
		id: "get-policy", method: http.MethodGet, path: "/workspaces/{ws}/policy", tag: "Policy",
		summary: "Get the policy", who: "Members.",
	}, func(ctx context.Context, by token.Identity, in *InWorkspace) (token.Policy, error) {
		v, err := s.authority.Enter(ctx, by, in.WS)
		v.Policy.Clean()
		return v.Policy, err
	})
	answer(s, op{
		id: "set-policy", method: http.MethodPut, path: "/workspaces/{ws}/policy", tag: "Policy",
		summary: "Set the policy", who: "Administrators. Send a whole policy, or a preset and what differs from it: what is left out is the preset's. It applies to new and regenerated tokens; see apply for those that exist.",
		codes: []api.Code{api.CodeRoleNotAllowed, api.CodePolicyInvalid},
	}, func(ctx context.Context, by token.Identity, in *policyInput) (token.Policy, error) {
		return s.authority.SetPolicy(ctx, by, in.WS, token.Policy(in.Body))
	})
	answer(s, op{
		id: "preview-policy", method: http.MethodPost, path: "/workspaces/{ws}/policy/preview", tag: "Policy",
		summary: "Preview a policy", who: "Administrators. Says in plain words what a policy would mean, and which live tokens and OAuth tokens break it. Changes nothing.",
		codes: []api.Code{api.CodeRoleNotAllowed, api.CodePolicyInvalid},
	}, s.previewPolicy)
	answer(s, op{
		id: "apply-policy", method: http.MethodPost, path: "/workspaces/{ws}/policy/apply", tag: "Policy",
		summary: "Apply the policy to existing tokens", who: "Administrators. Cuts expiries to the maximum in force, and revokes the named tokens, and disables the named OAuth tokens, that break the policy in another way.",
		codes: []api.Code{api.CodeRoleNotAllowed},
	}, func(ctx context.Context, by token.Identity, in *applyInput) (api.PolicyApplied, error) {
		done, err := s.authority.ApplyPolicy(ctx, by, in.WS, said(in.Body).Revoke)
		return api.PolicyApplied{Cut: done.Cut, Revoked: done.Revoked, OAuthCut: done.OAuthCut, Disabled: done.Disabled}, err
	})
	answer(s, op{
		id: "list-scopes", method: http.MethodGet, path: "/workspaces/{ws}/scopes", tag: "Scopes",
		summary: "List scopes", who: "Members. In the order of the catalogue; the reserved ones, keywright:*, are last.",
	}, func(ctx context.Context, by token.Identity, in *InWorkspace) (scopesBody, error) {
		v, err := s.authority.Enter(ctx, by, in.WS)
		return scopesBody{list(v.Catalogue)}, err
	})
	answer(s, op{
		id: "set-scopes", method: http.MethodPut, path: "/workspaces/{ws}/scopes", tag: "Scopes",
		summary: "Set the scopes", who: "Administrators. Replaces the catalogue; a token loses a scope that is gone at once. Reserved scopes may be sent back unchanged or left out.",
		codes: []api.Code{api.CodeRoleNotAllowed, api.CodeScopesInvalid, api.CodePolicyInvalid},
	}, func(ctx context.Context, by token.Identity, in *scopesInput) (scopesBody, error) {
		c, err := s.authority.SetScopes(ctx, by, in.WS, in.Body.Items)
		return scopesBody{list(c)}, err
	})
	answer(s, op{
		id: "list-presets", method: http.MethodGet, path: "/presets", tag: "Policy",
		summary: "List presets", who: "Whoever is identified. The policies to start from, the recommended one first.",
	}, func(context.Context, token.Identity, *nothing) (api.Items[preset], error) { return presets(), nil })
}

func presets() api.Items[preset] {
	var out api.Items[preset]
	for _, info := range token.Presets() {
		policy, _ := info.Name.Policy() // its own names are known
		out.Items = append(out.Items, preset{
			Name: info.Name, Title: info.Title, Summary: info.Summary, Policy: policy,
			Scopes: info.Name.Catalogue(), Sentences: list(policy.Sentences()),
		})
	}
	return out
}

func (s *Service) previewPolicy(ctx context.Context, by token.Identity, in *policyInput) (api.PolicyPreview, error) {
	policy := token.Policy(in.Body)
	impact, err := s.authority.PreviewPolicy(ctx, by, in.WS, policy)
	if err != nil {
		return api.PolicyPreview{}, err
	}
	out := api.PolicyPreview{Sentences: list(policy.Sentences()), Impact: api.PolicyImpact{
		Live: impact.Live, Cuts: impact.Cuts, Breaking: impact.Breaking, Breaches: []api.PolicyBreach{},
		OAuthTokens: api.OAuthImpact{Live: impact.OAuth.Live, Cuts: impact.OAuth.Cuts, Breaking: impact.OAuth.Breaking, Breaches: []api.OAuthBreach{}},
	}}
	return out, s.addBreaches(ctx, by, in.WS, impact, &out.Impact)
}

func (s *Service) addBreaches(ctx context.Context, by token.Identity, ws string, impact authority.Impact, out *api.PolicyImpact) error {
	var tokens []token.Token
	for _, b := range impact.Breaches {
		tokens = append(tokens, b.Token)
	}
	wires, err := s.wireTokens(ctx, by, ws, tokens)
	if err != nil {
		return err
	}
	for i, b := range impact.Breaches {
		out.Breaches = append(out.Breaches, api.PolicyBreach{Token: wires[i], ExpiresAt: knownTime(b.Cut), Why: list(b.Why)})
	}
	var oauth []token.OAuthToken
	for _, b := range impact.OAuthBreaches {
		oauth = append(oauth, b.Token)
	}
	pairs, err := s.wireOAuthTokens(ctx, by, ws, oauth)
	if err != nil {
		return err
	}
	for i, b := range impact.OAuthBreaches {
		out.OAuthTokens.Breaches = append(out.OAuthTokens.Breaches, api.OAuthBreach{OAuthToken: pairs[i], ExpiresAt: knownTime(b.Cut), Why: list(b.Why)})
	}
	return nil
}
