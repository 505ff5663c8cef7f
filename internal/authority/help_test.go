package authority_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
)

// place is an installation with its three people signed in.
type place struct {
	*testkit.Installation
	admin, dev, member token.Identity
}

// eachEngine runs a test in a fresh installation on each engine.
func eachEngine(t *testing.T, test func(t *testing.T, p *place)) {
	t.Helper()
	t.Parallel()
	testkit.EachInstallation(t, func(t *testing.T, in *testkit.Installation) { test(t, newPlace(in)) })
}

func newPlace(in *testkit.Installation) *place {
	return &place{Installation: in, admin: in.People[testkit.Admin], dev: in.People[testkit.Dev], member: in.People[testkit.Member]}
}

// signIn makes everybody's sign-in recent: the clock has moved on.
func (p *place) signIn(t testing.TB) {
	t.Helper()
	p.admin, p.dev, p.member = p.recent(p.admin), p.recent(p.dev), p.recent(p.member)
}

// recent is an identity whose password was just given.
func (p *place) recent(by token.Identity) token.Identity {
	by.SignedInAt = p.Clock.Now()
	return by
}

const (
	standard = string(token.Standard)
	single   = string(token.SingleToken)
	apps     = string(token.AppsAndTokens)
	crm      = string(token.CRMTokens)
	oauth    = string(token.OAuthTokens)
	scoped   = string(token.ScopedTokens)
)

// wanted builds requests: wanted{name: "a", scopes: …, days: 30}.
type wanted struct {
	name, description string
	scopes            []string
	days              int
	never             bool
	at                time.Time
	nonce             string
}

func (w wanted) token() authority.NewToken {
	n := authority.NewToken{Nonce: w.nonce}
	if w.name != "" {
		n.Name = &w.name
	}
	if w.description != "" {
		n.Description = &w.description
	}
	if w.scopes != nil {
		n.Scopes = &w.scopes
	}
	if w.days != 0 {
		n.Expiry.LifetimeDays = &w.days
	}
	if !w.at.IsZero() {
		n.Expiry.ExpiresAt = &w.at
	}
	n.Expiry.Never = w.never
	return n
}

// plain is a request that the workspace's preset takes.
func plain(ws, name string) authority.NewToken {
	read := []string{"odata:read"}
	switch ws {
	case standard:
		return wanted{name: name, scopes: read, days: 90}.token()
	case apps:
		return wanted{name: name}.token()
	case crm:
		return wanted{description: name, scopes: read, days: 365}.token()
	case scoped:
		return wanted{name: name, scopes: []string{"device"}}.token()
	}
	return authority.NewToken{}
}

// made creates a token.
func (p *place) made(t testing.TB, by token.Identity, ws string, n authority.NewToken) (token.Token, token.Secret) {
	t.Helper()
	made, secret, err := p.CreateToken(context.Background(), p.recent(by), ws, n)
	if err != nil {
		t.Fatalf("creating a token in %s: %v", ws, err)
	}
	return made, secret
}

// bearer is who comes with a new token of a person's that holds some scopes of Keywright's own API.
func (p *place) bearer(t testing.TB, by token.Identity, name string, scopes ...string) token.Identity {
	t.Helper()
	_, secret := p.made(t, by, standard, wanted{name: name, scopes: scopes, days: 30}.token())
	return p.presented(t, secret)
}

func (p *place) presented(t testing.TB, secret token.Secret) token.Identity {
	t.Helper()
	by, err := p.Bearer(context.Background(), secret, "", testkit.Origin())
	if err != nil {
		t.Fatalf("presenting a token: %v", err)
	}
	return by
}

// check presents a secret to a workspace.
func (p *place) check(secret token.Secret, ws string, scopes ...string) error {
	_, err := p.Checks.Check(context.Background(), secret.Reveal(), verify.Ask{Workspace: ws, Scopes: scopes, Address: netip.MustParseAddr("198.51.100.9"), Exempt: true})
	return err
}

func (p *place) wantGood(t testing.TB, secret token.Secret, ws string, scopes ...string) {
	t.Helper()
	if err := p.check(secret, ws, scopes...); err != nil {
		t.Errorf("a good token is refused: %v", err)
	}
}

// wantStopped expects a check to be refused as one of a token that never was.
func (p *place) wantStopped(t testing.TB, secret token.Secret, ws string) {
	t.Helper()
	wantCode(t, p.check(secret, ws), api.CodeInvalidToken)
}

func wantCode(t testing.TB, err error, want api.Code) {
	t.Helper()
	if got := fault.CodeOf(err); got != want {
		t.Errorf("code %q (%v), want %q", got, err, want)
	}
}

// wantField expects a refusal for a field.
func wantField(t testing.TB, err error, field string, want api.Code) {
	t.Helper()
	wantCode(t, err, want)
	f := fault.From(err)
	for _, got := range f.Fields {
		if got.Name == field && got.Code == want && got.Detail != "" {
			return
		}
	}
	t.Errorf("fields %v, want %s: %s", f.Fields, field, want)
}

func wantOK(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantTime(t testing.TB, what string, got, want time.Time) {
	t.Helper()
	if !got.Equal(want) {
		t.Errorf("%s is %s, want %s", what, got, want)
	}
}

func (p *place) list(t testing.TB, by token.Identity, ws string, everyone bool) []token.Token {
	t.Helper()
	list, err := p.Tokens(context.Background(), by, ws, authority.TokenQuery{Everyone: everyone, Page: authority.Page{Limit: 1000}})
	wantOK(t, err)
	return list
}

func (p *place) status(t testing.TB, by token.Identity, ws, id string) token.Status {
	t.Helper()
	got, err := p.Token(context.Background(), by, ws, id)
	wantOK(t, err)
	return got.StatusAt(p.Clock.Now())
}

// setPolicy changes a workspace's policy.
func (p *place) setPolicy(t testing.TB, ws string, change func(*token.Policy)) {
	t.Helper()
	v, err := p.Enter(context.Background(), p.admin, ws)
	wantOK(t, err)
	change(&v.Policy)
	_, err = p.SetPolicy(context.Background(), p.admin, ws, v.Policy)
	wantOK(t, err)
}

// isMissing reports whether an error is word for word the answer for an id that does not exist.
func isMissing(err error) bool {
	f := fault.From(err)
	want := fault.Missing()
	return err != nil && errors.Is(err, want) && f.Detail == want.Detail && len(f.Fields) == 0
}
