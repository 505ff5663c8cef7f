package authority_test

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// raw opens the installation's database beside it.
func (p *place) raw(t *testing.T) *sql.DB {
	t.Helper()
	driver, dsn := "pgx", p.DSN
	if p.Engine == "sqlite" {
		driver, dsn = "sqlite", "file:"+p.DSN+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, dsn)
	wantOK(t, err)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func tables() []string {
	return []string{
		"users", "workspaces", "members", "sessions", "links", "form_nonces", "tokens", "audit_events", "usage_days", "usage_addresses",
		"apps", "app_secrets", "oauth_tokens", "refresh_tokens", "signing_keys", "stopped_access", "legacy_keys",
	}
}

// dump returns every row of some tables, as text.
func dump(t *testing.T, db *sql.DB, names ...string) string {
	t.Helper()
	var out []string
	for _, name := range names {
		out = append(out, dumpTable(t, db, name)...)
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

func dumpTable(t *testing.T, db *sql.DB, name string) (out []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "select * from "+name)
	wantOK(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	wantOK(t, err)
	for rows.Next() {
		cells, row := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			row[i] = &cells[i]
		}
		wantOK(t, rows.Scan(row...))
		var b strings.Builder
		b.WriteString(name)
		for i, v := range cells {
			if bytes, isBytes := v.([]byte); isBytes {
				v = hex.EncodeToString(bytes)
			}
			fmt.Fprintf(&b, " %s=%v", columns[i], v)
		}
		out = append(out, b.String())
	}
	wantOK(t, rows.Err())
	return out
}

func statement(t *testing.T, db *sql.DB, text string) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), text)
	wantOK(t, err)
}

// change is a verb that changes something, and the event that it writes.
type change struct {
	action audit.Action
	act    func() error
	by     token.Identity
	detail []string // of the event, in its JSON
}

// story is one of each verb that changes something, in an order in which all succeed.
func story(ctx context.Context, t *testing.T, p *place) []change {
	t.Helper()
	link, err := p.ResetPassword(ctx, token.Identity{System: "test"}, testkit.Member)
	wantOK(t, err)
	first, _ := p.made(t, p.dev, standard, plain(standard, "first"))
	second_, _ := p.made(t, p.dev, standard, plain(standard, "second"))
	third_, _ := p.made(t, p.dev, standard, plain(standard, "third"))
	bo, _, err := p.Invite(ctx, p.admin, standard, authority.Invitation{Email: "bo@example.com", Role: token.Developer})
	wantOK(t, err)
	v, err := p.Enter(ctx, p.admin, standard)
	wantOK(t, err)
	shorter := v.Policy
	shorter.Tokens.Expiry.MaxDays, shorter.Tokens.Expiry.Proposed, shorter.Tokens.Expiry.Presets = 30, 7, []int{7, 30}
	more := append(slices.Clone(v.Catalogue), token.CatalogueScope{Name: "more", Title: "More"})
	everyone := authority.TokenQuery{Everyone: true, Page: authority.Page{Limit: 9}}
	return []change{
		{audit.TokenCreated, func() error { return third(p.CreateToken(ctx, p.dev, standard, plain(standard, "new"))) }, p.dev, []string{`"after":{`, `"name":"new"`, `odata:read`, `expires_at`}},
		{audit.TokenRegenerated, func() error {
			return third(p.RegenerateToken(ctx, p.dev, standard, first.ID, token.Choice{LifetimeDays: new(5)}))
		}, p.dev, []string{`"before":{`, `2027-05-30`, `"after":{`, `2027-03-06`}},
		{audit.TokenScopesChanged, func() error {
			return second(p.SetTokenScopes(ctx, p.dev, standard, first.ID, []string{token.ScopeManage}))
		}, p.dev, []string{`"before":{"scopes":["odata:read"]}`, `"after":{"scopes":["keywright:manage"]}`}},
		{audit.TokenRevoked, func() error { return second(p.RevokeToken(ctx, p.admin, standard, first.ID, "lost")) }, p.admin, []string{`"reason":"lost"`, `"name":"first"`}},
		{audit.TokenDeleted, func() error { return p.DeleteToken(ctx, p.dev, standard, second_.ID) }, p.dev, []string{`"name":"second"`, `"status":"active"`}},
		{audit.PolicyChanged, func() error { return second(p.SetPolicy(ctx, p.admin, standard, shorter)) }, p.admin, []string{`"max_days":365`, `"max_days":30`}},
		{audit.TokenExpiryCut, func() error {
			_, err := p.BatchTokens(ctx, p.admin, standard, authority.Batch{Action: token.ActDelete, IDs: []string{third_.ID}})
			if err != nil {
				return err
			}
			return second(p.ApplyPolicy(ctx, p.admin, standard, nil))
		}, p.admin, []string{`"before":{"expires_at":"2027-05-30T12:00:00Z"}`, `"after":{"expires_at":"2027-03-31T12:00:00Z"}`}},
		{audit.ScopesChanged, func() error { return second(p.SetScopes(ctx, p.admin, standard, more)) }, p.admin, []string{`"more"`, `"before":`}},
		{audit.AllTokensViewed, func() error { return second(p.Tokens(ctx, p.admin, standard, everyone)) }, p.admin, []string{`"count":2`}},
		{audit.MemberAdded, func() error {
			return third(p.Invite(ctx, p.admin, standard, authority.Invitation{Email: "eve@example.com", Name: "Eve", Role: token.PlainMember}))
		}, p.admin, []string{`"after":{"role":"member"}`}},
		{audit.LinkMade, func() error { return second(p.RenewInvitation(ctx, p.admin, standard, bo.User.ID)) }, p.admin, nil},
		{audit.MemberRoleChanged, func() error { return second(p.SetRole(ctx, p.admin, standard, bo.User.ID, token.PlainMember)) }, p.admin, []string{`"before":{"role":"developer"}`, `"after":{"role":"member"}`}},
		{audit.MemberRemoved, func() error { return p.RemoveMember(ctx, p.admin, standard, p.dev.User.ID) }, p.admin, []string{`"role":"developer"`, `"count":1`}},
		{audit.WorkspaceRenamed, func() error { return second(p.RenameWorkspace(ctx, p.admin, standard, "Other")) }, p.admin, []string{`"before":{"name":"Standard"}`, `"after":{"name":"Other"}`}},
		{audit.WorkspaceCreated, func() error {
			return second(p.CreateWorkspace(ctx, p.admin, authority.NewWorkspace{Slug: "new", Preset: token.CRMTokens}))
		}, p.admin, []string{`"slug":"new"`, `"preset":"crm-tokens"`}},
		{audit.WorkspaceDeleted, func() error { return p.DeleteWorkspace(ctx, p.admin, single) }, p.admin, nil},
		{audit.InstallationAdmin, func() error { return p.SetInstallationAdmin(ctx, p.admin, testkit.Dev, true) }, p.admin, []string{`"before":{"installation_admin":false}`, `"after":{"installation_admin":true}`}},
		{audit.PasswordChanged, func() error { return p.ChangePassword(ctx, p.dev, testkit.Password, "an entirely new one") }, p.dev, nil},
		{audit.SignedOut, func() error { return p.SignOut(ctx, p.dev) }, p.dev, nil},
		{audit.SignedOutAll, func() error { return p.SignOutEverywhere(ctx, p.admin) }, p.admin, []string{`"count":1`}},
		{audit.SignInFailed, func() error {
			if err := third(p.SignIn(ctx, testkit.Dev, "wrong", testkit.Origin())); err != nil && !strings.Contains(err.Error(), string(api.CodeWrongCredentials)) {
				return err
			}
			return nil
		}, token.Identity{}, nil},
		{audit.SignedIn, func() error { return third(p.SignIn(ctx, testkit.Admin, testkit.Password, testkit.Origin())) }, p.admin, nil},
		{audit.LinkUsed, func() error { return third(p.RedeemLink(ctx, link, "an entirely new one", testkit.Origin())) }, p.member, nil},
	}
}

// extra is how many events a change writes beside its own: what it does on the way is audited too.
func extra(a audit.Action) int {
	if a == audit.TokenExpiryCut || a == audit.OAuthTokenCut || a == audit.LinkUsed { // deletes a token first; sets the policy first; begins a session
		return 1
	}
	return 0
}

func TestEveryChangeIsAuditedOnceAndDoesNotHappenWhenItCanNotBe(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) { audited(t, p, story(t.Context(), t, p)) })
}

// audited makes each change twice: without an audit log, when it must not happen, and with one.
func audited(t *testing.T, p *place, changes []change) {
	t.Helper()
	db := p.raw(t)
	count := func() (n int) {
		wantOK(t, db.QueryRowContext(t.Context(), "select count(*) from audit_events").Scan(&n))
		return n
	}
	for _, c := range changes {
		p.Clock.Advance(2 * time.Millisecond) // events sort by time
		rest := slices.DeleteFunc(tables(), func(s string) bool { return s == "audit_events" })
		before := dump(t, db, rest...)
		statement(t, db, "alter table audit_events rename to audit_away")
		wantCode(t, c.act(), api.CodeInternal)
		statement(t, db, "alter table audit_away rename to audit_events")
		if after := dump(t, db, rest...); after != before {
			t.Errorf("%s: happened without its event", c.action)
		}
		had := count()
		if err := c.act(); err != nil {
			t.Errorf("%s: %v", c.action, err)
		}
		if n := count() - had; n != 1+extra(c.action) {
			t.Errorf("%s: %d events", c.action, n)
		}
		var actor, name, via, address, agent, request, detail string
		err := db.QueryRowContext(t.Context(), "select actor_id, actor_name, via, address, user_agent, request_id, detail from audit_events where action = $1 order by id desc limit 1", string(c.action)).
			Scan(&actor, &name, &via, &address, &agent, &request, &detail)
		if err != nil {
			t.Errorf("%s: %v", c.action, err)
			continue
		}
		if actor != c.by.User.ID || name != c.by.User.Name || via != "session" || address != "203.0.113.7" || agent != "keywright testkit" || request != "req-test" {
			t.Errorf("%s: actor %s %s via %s from %s %s %s", c.action, actor, name, via, address, agent, request)
		}
		for _, want := range c.detail {
			if !strings.Contains(strings.ReplaceAll(detail, `": `, `":`), want) {
				t.Errorf("%s: %s is not in %.600s", c.action, want, detail)
			}
		}
	}
}

func TestNoSecretIsKeptAndNoHashIsAudited(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		var secrets []token.Secret
		keep := func(s token.Secret) token.Secret { secrets = append(secrets, s); return s }
		made, secret := p.made(t, p.dev, standard, plain(standard, "a"))
		keep(secret)
		_, secret, err := p.RegenerateToken(ctx, p.dev, standard, made.ID, token.Choice{})
		wantOK(t, err)
		p.wantGood(t, keep(secret), standard)
		wantOK(t, p.Checks.Flush(ctx))
		_, link, err := p.Invite(ctx, p.admin, standard, authority.Invitation{Email: "bo@example.com", Role: token.Developer})
		wantOK(t, err)
		keep(link)
		link, err = p.ResetPassword(ctx, token.Identity{System: "test"}, testkit.Dev)
		wantOK(t, err)
		keep(link)
		cookie, _, err := p.RedeemLink(ctx, link, "password of the developer", testkit.Origin())
		wantOK(t, err)
		keep(cookie)
		keep(token.SecretOf("password of the developer"))
		keep(token.SecretOf(testkit.Password))
		wantOK(t, p.ChangePassword(ctx, p.dev, "password of the developer", "another of the developer"))
		keep(token.SecretOf("another of the developer"))
		_, _, err = p.SignIn(ctx, testkit.Dev, "a wrong guess", testkit.Origin())
		wantCode(t, err, api.CodeWrongCredentials)
		keep(token.SecretOf("a wrong guess"))
		p.made(t, p.dev, standard, wanted{name: "b", scopes: []string{"odata:read"}, days: 9, nonce: "the form's nonce"}.token())
		keep(token.SecretOf("the form's nonce"))

		db := p.raw(t)
		everything, events := dump(t, db, tables()...), dump(t, db, "audit_events")
		for i, s := range secrets {
			if strings.Contains(everything, s.Reveal()) {
				t.Errorf("secret %d is kept in clear", i)
			}
			hash := s.Hash()
			for _, form := range []string{hex.EncodeToString(hash[:]), base64.StdEncoding.EncodeToString(hash[:]), base64.RawURLEncoding.EncodeToString(hash[:])} {
				if strings.Contains(events, form) {
					t.Errorf("the hash of secret %d is audited", i)
				}
			}
		}
		if strings.Contains(events, "argon2") || !strings.Contains(everything, "argon2") {
			t.Error("a password's hash is audited, or not kept")
		}
	})
}

func TestAdministratorsSeeAllEventsAndOthersThoseThatConcernThem(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		mine, _ := p.made(t, p.dev, standard, plain(standard, "dev's"))
		p.made(t, p.member, standard, plain(standard, "member's"))
		p.made(t, p.dev, single, authority.NewToken{}) // elsewhere
		_, err := p.RevokeToken(ctx, p.admin, standard, mine.ID, "")
		wantOK(t, err)
		see := func(by token.Identity, f authority.EventFilter) []string {
			list, err := p.Events(ctx, by, standard, f, authority.Page{Limit: 100})
			wantOK(t, err)
			var out []string
			for _, e := range list {
				if e.Action == audit.TokenCreated || e.Action == audit.TokenRevoked {
					out = append(out, string(e.Action)+" "+e.TargetName)
				}
				if e.WorkspaceID == "" {
					t.Error("an event of the installation is listed")
				}
			}
			slices.Sort(out)
			return out
		}
		for _, c := range []struct {
			by   token.Identity
			f    authority.EventFilter
			want []string
		}{
			{p.admin, authority.EventFilter{}, []string{"token.created dev's", "token.created member's", "token.revoked dev's"}},
			{p.dev, authority.EventFilter{}, []string{"token.created dev's", "token.revoked dev's"}},
			{p.member, authority.EventFilter{}, []string{"token.created member's"}},
			{p.member, authority.EventFilter{TargetID: mine.ID}, nil},
			{p.member, authority.EventFilter{ActorID: p.admin.User.ID, Concerns: p.admin.User.ID, WorkspaceID: "ws_other"}, nil},
			{p.admin, authority.EventFilter{ActorID: p.admin.User.ID}, []string{"token.revoked dev's"}},
		} {
			if got := see(c.by, c.f); !slices.Equal(got, c.want) {
				t.Errorf("%s sees %v, want %v", c.by.User.Name, got, c.want)
			}
		}
		manage := p.bearer(t, p.admin, "m", token.ScopeManage)
		if got := see(manage, authority.EventFilter{}); slices.Contains(got, "token.created dev's") {
			t.Errorf("a token without keywright:admin sees %v", got)
		}
	})
}

func TestWhatATokenDoesIsAuditedAsTheTokensDoing(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		by := p.bearer(t, p.dev, "m", token.ScopeManage, "odata:read")
		p.Clock.Advance(2 * time.Millisecond)
		_, _, err := p.CreateToken(t.Context(), by, standard, wanted{name: "by token", scopes: []string{"odata:read"}, days: 1}.token())
		wantOK(t, err)
		list, err := p.Events(t.Context(), p.admin, standard, authority.EventFilter{Action: audit.TokenCreated}, authority.Page{Limit: 1})
		wantOK(t, err)
		if len(list) != 1 || list[0].Via != by.Bearer.TokenID || list[0].ActorID != p.dev.User.ID {
			t.Errorf("audited %+v", list)
		}
		text, err := json.Marshal(list[0].Detail)
		wantOK(t, err)
		if !strings.Contains(string(text), `"by token"`) {
			t.Errorf("detail %s", text)
		}
	})
}

func TestWhatAClientSaysOfItselfIsCleanedBeforeItIsKept(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		o := testkit.Origin()
		o.UserAgent = "a\x00b\xffc\u202ed\u0085e\n" + strings.Repeat("é", 1<<20)
		o.RequestID = "r\x00\n" + strings.Repeat("x", 1<<20)
		_, by, err := p.SignIn(t.Context(), testkit.Dev, testkit.Password, o)
		wantOK(t, err)
		if want := "ab\ufffdcde" + strings.Repeat("é", 294); by.Origin.UserAgent != want {
			t.Errorf("user agent %.20q (%d)", by.Origin.UserAgent, len(by.Origin.UserAgent))
		}
		if want := "r" + strings.Repeat("x", 99); by.Origin.RequestID != want {
			t.Errorf("request id %.20q", by.Origin.RequestID)
		}
	})
}
