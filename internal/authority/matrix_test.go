package authority_test

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// ok is an allowed verb in the matrix.
const ok api.Code = ""

// The callers of the matrix, in the order of its columns. The workspace is one with the standard preset,
// and the token that verbs act on is the developer's.
func callers() []string {
	return []string{
		"administrator", "developer", "member", "stranger", "removed member", "installation administrator",
		"bearer manage", "bearer admin", "bearer neither", "bearer elsewhere", "expired session", "command line",
	}
}

// row is what each caller gets from a verb. A caller that is not named gets the deny of its kind: see denied.
type row struct {
	call func(ctx context.Context, c *cast, by token.Identity) error
	gets map[string]api.Code
}

// denied is what a caller gets where the matrix says nothing else.
func denied(caller string) api.Code {
	switch caller {
	case "member", "developer":
		return api.CodeRoleNotAllowed
	case "stranger", "removed member", "installation administrator", "bearer elsewhere":
		return api.CodeNotFound
	case "bearer manage", "bearer neither":
		return api.CodeScopeMissing
	case "expired session", "command line":
		return api.CodeSignInRequired
	}
	return "denied by default"
}

// cast is a workspace with everybody in it.
type cast struct {
	*place
	who    map[string]token.Identity
	policy token.Policy
	scopes token.Catalogue
	n      int
}

// newCast makes the callers. Each has one right alone: the administrator does not administer the
// installation, and who does is no member.
func newCast(t *testing.T, p *place) *cast {
	t.Helper()
	c := &cast{place: p, who: map[string]token.Identity{}}
	p.setPolicy(t, standard, func(policy *token.Policy) {
		policy.Tokens.PerUser, policy.OAuthTokens.PerUser, policy.Apps.Secret = 1000, 1000, token.SecretViewable
		c.policy = *policy
	})
	_, err := p.CreateWorkspace(t.Context(), p.admin, authority.NewWorkspace{Slug: "elsewhere", Preset: token.Standard})
	wantOK(t, err)
	boss := p.Join(t, standard, "boss@example.com", token.Administrator)
	p.Join(t, "elsewhere", "boss@example.com", token.Administrator)
	_, elsewhere := p.made(t, boss, "elsewhere", wanted{name: "e", scopes: []string{token.ScopeManage, token.ScopeAdmin}, days: 30}.token())
	gone := p.Join(t, standard, "gone@example.com", token.Administrator)
	wantOK(t, p.RemoveMember(t.Context(), p.admin, standard, gone.User.ID))
	c.who = map[string]token.Identity{
		"administrator": boss, "developer": p.dev, "member": p.member,
		"stranger":                   p.Join(t, "elsewhere", "stranger@example.com", token.Administrator),
		"removed member":             gone,
		"installation administrator": p.admin,
		"bearer manage":              p.bearer(t, boss, "m", token.ScopeManage, "odata:read"),
		"bearer admin":               p.bearer(t, boss, "a", token.ScopeAdmin, "odata:read"),
		"bearer neither":             p.bearer(t, boss, "n", "odata:read"),
		"bearer elsewhere":           p.presented(t, elsewhere),
		"expired session":            {Origin: testkit.Origin()},
		"command line":               {System: "keywright test"},
	}
	v, err := p.Enter(t.Context(), p.admin, standard)
	wantOK(t, err)
	c.scopes = v.Catalogue
	wantOK(t, p.RemoveMember(t.Context(), boss, standard, p.admin.User.ID))
	return c
}

// name is one that was not used before.
func (c *cast) name() string {
	c.n++
	return fmt.Sprintf("n%d", c.n)
}

// target is a new token of the developer's.
func (c *cast) target(ctx context.Context) string {
	made, _, err := c.CreateToken(ctx, c.who["developer"], standard, wanted{name: c.name(), scopes: []string{"odata:read"}, days: 9}.token())
	if err != nil {
		panic(err)
	}
	return made.ID
}

// invited is a new member who has not chosen a password.
func (c *cast) invited(ctx context.Context, role token.Role) string {
	m, _, err := c.Invite(ctx, c.who["administrator"], standard, authority.Invitation{Email: c.name() + "@example.com", Role: role})
	if err != nil {
		panic(err)
	}
	return m.User.ID
}

// cell gives some callers a code.
type cell struct {
	callers string
	code    api.Code
}

// gets is short for a row's cells; later ones win.
func gets(cells ...cell) map[string]api.Code {
	out := map[string]api.Code{}
	for _, c := range cells {
		for caller := range strings.SplitSeq(c.callers, ", ") {
			out[caller] = c.code
		}
	}
	return out
}

const (
	sessions   = "administrator, developer, member, stranger, removed member, installation administrator"
	bearers    = "bearer manage, bearer admin, bearer neither, bearer elsewhere"
	insiders   = "administrator, developer, member, bearer manage, bearer admin"
	overseers  = "administrator, bearer admin"
	noOverseer = "member, bearer manage"
)

// tokenRows are the verbs on tokens.
func tokenRows() map[string]row {
	read := []string{"odata:read"}
	owner := gets(cell{"developer", ok}, cell{"administrator, member, bearer manage, bearer admin", api.CodeNotOwner})
	stop := gets(cell{"developer", ok}, cell{overseers, ok}, cell{noOverseer, api.CodeNotOwner})
	return map[string]row{
		"Tokens": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.Tokens(ctx, by, standard, authority.TokenQuery{Page: authority.Page{Limit: 5}}))
		}, gets(cell{insiders, ok})},
		"Tokens/everyone": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.Tokens(ctx, by, standard, authority.TokenQuery{Everyone: true, Page: authority.Page{Limit: 5}}))
		}, gets(cell{overseers, ok})},
		"Token": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.Token(ctx, by, standard, c.target(ctx)))
		}, stop},
		"Carried": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.Carried(ctx, by, standard, nil))
		}, gets(cell{insiders, ok})},
		"Room": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.Room(ctx, by, standard))
		}, gets(cell{insiders, ok})},
		"CreateToken": {func(ctx context.Context, c *cast, by token.Identity) error {
			_, _, err := c.CreateToken(ctx, by, standard, wanted{name: c.name(), scopes: read, days: 9}.token())
			return err
		}, gets(cell{"administrator, developer, member, bearer manage", ok}, cell{"bearer admin", api.CodeScopeMissing})},
		"SetTokenScopes": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.SetTokenScopes(ctx, by, standard, c.target(ctx), read))
		}, owner},
		"RegenerateToken": {func(ctx context.Context, c *cast, by token.Identity) error {
			_, _, err := c.RegenerateToken(ctx, by, standard, c.target(ctx), token.Choice{})
			return err
		}, owner},
		"RevokeToken": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.RevokeToken(ctx, by, standard, c.target(ctx), ""))
		}, stop},
		"DeleteToken": {func(ctx context.Context, c *cast, by token.Identity) error {
			return c.DeleteToken(ctx, by, standard, c.target(ctx))
		}, stop},
		"BatchTokens": {func(ctx context.Context, c *cast, by token.Identity) error {
			results, err := c.BatchTokens(ctx, by, standard, authority.Batch{Action: token.ActRevoke, IDs: []string{c.target(ctx)}})
			if err != nil {
				return err
			}
			return results[0].Err
		}, stop},
	}
}

// second drops what a verb returns beside its error.
func second[T any](_ T, err error) error { return err }

// ruleRows are the verbs on a workspace's rules, members and history.
func ruleRows() map[string]row {
	over := gets(cell{overseers, ok})
	raise := gets(cell{"administrator", ok}, cell{"bearer admin", api.CodeSessionRequired})
	invite := func(role token.Role) func(context.Context, *cast, token.Identity) error {
		return func(ctx context.Context, c *cast, by token.Identity) error {
			_, _, err := c.Invite(ctx, by, standard, authority.Invitation{Email: c.name() + "@example.com", Role: role})
			return err
		}
	}
	renew := func(role token.Role) func(context.Context, *cast, token.Identity) error {
		return func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.RenewInvitation(ctx, by, standard, c.invited(ctx, role)))
		}
	}
	setRole := func(role token.Role) func(context.Context, *cast, token.Identity) error {
		return func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.SetRole(ctx, by, standard, c.invited(ctx, token.PlainMember), role))
		}
	}
	return map[string]row{
		"Enter": {func(ctx context.Context, c *cast, by token.Identity) error { return second(c.Enter(ctx, by, standard)) }, gets(cell{insiders, ok})},
		"Events": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.Events(ctx, by, standard, authority.EventFilter{}, authority.Page{Limit: 5}))
		}, gets(cell{insiders, ok})},
		"Usage": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.Usage(ctx, by, standard, "", 7))
		}, gets(cell{insiders, ok})},
		"Members": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.Members(ctx, by, standard, authority.Page{Limit: 5}))
		}, over},
		"Invite":                        {invite(token.Developer), over},
		"Invite/administrator":          {invite(token.Administrator), raise},
		"RenewInvitation":               {renew(token.Developer), over},
		"RenewInvitation/administrator": {renew(token.Administrator), raise},
		"SetRole":                       {setRole(token.Developer), over},
		"SetRole/administrator":         {setRole(token.Administrator), raise},
		"RemoveMember": {func(ctx context.Context, c *cast, by token.Identity) error {
			return c.RemoveMember(ctx, by, standard, c.invited(ctx, token.PlainMember))
		}, over},
		"SetPolicy": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.SetPolicy(ctx, by, standard, c.policy))
		}, over},
		"PreviewPolicy": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.PreviewPolicy(ctx, by, standard, c.policy))
		}, over},
		"ApplyPolicy": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.ApplyPolicy(ctx, by, standard, nil))
		}, over},
		"SetScopes": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.SetScopes(ctx, by, standard, c.scopes))
		}, over},
		"RenameWorkspace": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.RenameWorkspace(ctx, by, standard, c.name()))
		}, gets(cell{overseers, ok}, cell{"installation administrator", ok})},
	}
}

// personRows are the verbs on people and the installation.
func personRows() map[string]row {
	self := gets(cell{sessions, ok}, cell{bearers, api.CodeSessionRequired})
	whoami := gets(cell{sessions, ok}, cell{"bearer manage, bearer admin, bearer elsewhere", ok})
	install := gets(cell{sessions, api.CodeNotInstallationAdmin}, cell{bearers, api.CodeSessionRequired}, cell{"installation administrator", ok})
	shell := gets(cell{sessions + ", " + bearers + ", expired session", api.CodeRoleNotAllowed}, cell{"command line", ok})
	create := gets(cell{sessions, api.CodeNotInstallationAdmin}, cell{bearers, api.CodeSessionRequired}, cell{"installation administrator, command line", ok})
	return map[string]row{
		"Me":         {func(ctx context.Context, c *cast, by token.Identity) error { return second(c.Me(ctx, by)) }, whoami},
		"Workspaces": {func(ctx context.Context, c *cast, by token.Identity) error { return second(c.Workspaces(ctx, by)) }, whoami},
		"Workspace": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.Workspace(ctx, by, standard))
		}, gets(cell{insiders, ok}, cell{"installation administrator", ok})},
		"CreateWorkspace": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.CreateWorkspace(ctx, by, authority.NewWorkspace{Slug: c.name(), Preset: token.Standard}))
		}, create},
		"SetInstallationAdmin": {func(ctx context.Context, c *cast, by token.Identity) error {
			return c.SetInstallationAdmin(ctx, by, "stranger@example.com", false)
		}, install},
		"ResetPassword": {func(ctx context.Context, c *cast, by token.Identity) error {
			return second(c.ResetPassword(ctx, by, testkit.Member))
		}, shell},
		"ForgetSealed": {func(ctx context.Context, c *cast, by token.Identity) error { return second(c.ForgetSealed(ctx, by)) }, shell},
		"SetPassword": {func(ctx context.Context, c *cast, by token.Identity) error {
			return c.SetPassword(ctx, by, testkit.Member, testkit.Password)
		}, shell},
		"ChangePassword": {func(ctx context.Context, c *cast, by token.Identity) error {
			return c.ChangePassword(ctx, by, "not the password", "a new password")
		}, gets(cell{sessions, api.CodeWrongCredentials}, cell{bearers, api.CodeSessionRequired})},
		"SignOut":           {func(ctx context.Context, c *cast, by token.Identity) error { return c.SignOut(ctx, by) }, self},
		"SignOutEverywhere": {func(ctx context.Context, c *cast, by token.Identity) error { return c.SignOutEverywhere(ctx, by) }, self},
	}
}

// deletion is run last: who may, does.
func deletion() row {
	return row{
		func(ctx context.Context, c *cast, by token.Identity) error {
			return c.DeleteWorkspace(ctx, by, standard)
		},
		gets(cell{"administrator, developer, member", api.CodeNotInstallationAdmin}, cell{"bearer manage, bearer admin", api.CodeSessionRequired}, cell{"installation administrator", ok}),
	}
}

func TestEveryCallerGetsWhatTheMatrixSaysFromEveryVerb(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		c := newCast(t, p)
		try := func(verb string, r row) {
			for _, caller := range slices.Sorted(slices.Values(callers())) {
				want, said := r.gets[caller]
				if !said {
					want = denied(caller)
				}
				if got := fault.CodeOf(r.call(t.Context(), c, c.who[caller])); got != want {
					t.Errorf("%s by %s: %q, want %q", verb, caller, got, want)
				}
			}
		}
		for _, rows := range []map[string]row{tokenRows(), appRows(), oauthRows(), oversightRows(), legacyRows(), ruleRows(), personRows()} {
			for verb, r := range rows {
				try(verb, r)
			}
		}
		del := deletion()
		allowed := c.who["installation administrator"]
		c.who["installation administrator"] = c.who["stranger"]
		del.gets["installation administrator"] = api.CodeNotFound
		try("DeleteWorkspace", del)
		wantOK(t, c.DeleteWorkspace(t.Context(), allowed, standard))
	})
}

// unasked are the verbs without a caller, with what they ask for instead.
func unasked() map[string]string {
	return map[string]string{
		"SignIn": "a password", "Session": "a session's secret", "Bearer": "a token", "LinkOwner": "a link", "RedeemLink": "a link",
		"SetUp": "a code", "OpenSetUp": "being in the process, before anybody has an account", "NeedsSetUp": "nothing: it says so on the first page",
		"Sweep": "nothing: it removes what is over", "EraseForgiven": "nothing: it forgets what nobody can ask for", "Now": "nothing",
		"Client": "a client's secret or assertion", "ClientCredentials": "a client that has authenticated", "Introspect": "a client that has authenticated",
		"SignIntrospection": "a client that has authenticated", "Refresh": "a refresh token", "Exchange": "a credential", "RevokePresented": "a credential",
		"PublicIssuer": "nothing: it is public", "JWKS": "nothing: it is public", "StateOf": "nothing: it reads what its caller has",
		"OpenFeed": "being in the process: who reads it is asked for its rows", "FeedReader": "a credential that was checked for the workspace",
		"Unreadable": "being in the process: its log says it",
	}
}

func TestTheMatrixIsComplete(t *testing.T) {
	rows := map[string]row{"DeleteWorkspace": deletion()}
	for _, more := range []map[string]row{tokenRows(), appRows(), oauthRows(), oversightRows(), legacyRows(), ruleRows(), personRows()} {
		maps.Copy(rows, more)
	}
	known := map[string]bool{}
	for verb, r := range rows {
		known[strings.Split(verb, "/")[0]] = true
		for caller := range r.gets {
			if !slices.Contains(callers(), caller) {
				t.Errorf("%s names %q, who is nobody", verb, caller)
			}
		}
	}
	identity := reflect.TypeFor[token.Identity]()
	for verb := range reflect.TypeFor[*authority.Authority]().Methods() {
		asked := verb.Type.NumIn() > 2 && verb.Type.In(2) == identity
		switch {
		case unasked()[verb.Name] != "" && asked:
			t.Errorf("%s takes a caller and is listed without one", verb.Name)
		case unasked()[verb.Name] == "" && !known[verb.Name]:
			t.Errorf("%s is not in the matrix: who may?", verb.Name)
		case known[verb.Name] && !asked:
			t.Errorf("%s does not take its caller as its second argument", verb.Name)
		}
	}
}
