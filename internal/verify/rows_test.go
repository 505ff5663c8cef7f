package verify_test

import (
	"context"
	"testing"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
)

const standard = string(token.Standard)

// rows is an installation whose rows a test writes itself, in one workspace, with what signs there.
type rows struct {
	*testkit.Installation
	ws  store.Workspace
	key *keyring.Key
	dev token.Identity
	// writes is where rows are written: a pool of its own where that happens in the middle of a check, which may
	// hold a lock of the pool.
	writes *store.Store
}

func newRows(t testing.TB, in *testkit.Installation) *rows {
	t.Helper()
	r := &rows{Installation: in, dev: in.People[testkit.Dev], writes: in.Store}
	err := in.Store.View(t.Context(), func(tx *store.Tx) (err error) { r.ws, err = tx.Workspace(standard); return err })
	if err != nil {
		t.Fatal(err)
	}
	r.key = r.newKey(t)
	return r
}

// update writes rows, and tells nobody.
func (r *rows) update(t testing.TB, fn func(*store.Tx) error) {
	t.Helper()
	if err := r.writes.Update(context.Background(), fn); err != nil {
		t.Error(err)
	}
}

// newKey is a key of the workspace that signs now.
func (r *rows) newKey(t testing.TB) *keyring.Key {
	t.Helper()
	k, err := keyring.NewKey(token.NewID(token.KeyID, r.Clock.Now()), token.ES256)
	if err != nil {
		t.Fatal(err)
	}
	r.publish(t, k)
	return k
}

func (r *rows) publish(t testing.TB, k *keyring.Key) {
	t.Helper()
	public, err := k.Public()
	if err != nil {
		t.Fatal(err)
	}
	r.update(t, func(tx *store.Tx) error {
		return tx.AddSigningKey(store.SigningKey{
			ID: k.ID, WorkspaceID: r.ws.ID, Algorithm: k.Algorithm, Public: public, Sealed: []byte{1}, CreatedAt: tx.Now, SignsFrom: tx.Now,
		})
	})
}

// app is an app that holds odata:read.
func (r *rows) app(t testing.TB) token.App {
	t.Helper()
	a := token.App{
		ID: token.NewID(token.AppID, r.Clock.Now()), WorkspaceID: r.ws.ID, Name: "pipeline", Scopes: token.Scopes{"odata:read"},
		CreatedBy: r.dev.User, CreatedAt: r.Clock.Now(),
	}
	r.update(t, func(tx *store.Tx) error { return tx.AddApp(a) })
	return a
}

// secret is a client secret of an app; it never ends when until is zero.
func (r *rows) secret(t testing.TB, a token.App, until time.Time) (token.ClientSecret, string) {
	t.Helper()
	clear := r.Format.New(token.KindApp)
	s := token.ClientSecret{ID: token.NewID(token.ClientSecretID, r.Clock.Now()), AppID: a.ID, Hint: clear.Hint(), CreatedAt: r.Clock.Now(), ExpiresAt: until}
	r.update(t, func(tx *store.Tx) error { return tx.AddClientSecret(s, clear.Hash()) })
	return s, clear.Reveal()
}

// oauth is an OAuth token of the developer that lasts 30 days.
func (r *rows) oauth(t testing.TB) token.OAuthToken {
	t.Helper()
	o := token.OAuthToken{
		ID: token.NewID(token.OAuthTokenID, r.Clock.Now()), WorkspaceID: r.ws.ID, Owner: r.dev.User, Name: "cli",
		CreatedAt: r.Clock.Now(), ExpiresAt: r.Clock.Now().AddDate(0, 0, 30),
	}
	r.update(t, func(tx *store.Tx) error { return tx.AddOAuthToken(o) })
	return o
}

// claims are those of an access token that is issued now, for odata:read.
func (r *rows) claims(subject, source string) token.Claims {
	now := r.Clock.Now()
	iss := testkit.Issuer(r.ws.Slug)
	return token.Claims{
		Issuer: iss, Subject: subject, Audience: iss, ClientID: token.UserClient, IssuedAt: now.Unix(), ExpiresAt: now.Add(token.AccessLife).Unix(),
		ID: token.NewID(token.AccessID, now), Scope: "odata:read", SourceID: source,
	}
}

func (r *rows) ofApp(a token.App) token.Claims {
	c := r.claims(a.ID, a.ID)
	c.ClientID, c.Epoch = a.ID, a.Epoch
	return c
}

func (r *rows) sign(t testing.TB, c token.Claims) string {
	t.Helper()
	return signWith(t, r.key, keyring.AccessType, c)
}

func signWith(t testing.TB, k *keyring.Key, typ string, claims any) string {
	t.Helper()
	jws, err := k.Sign(typ, claims)
	if err != nil {
		t.Fatal(err)
	}
	return jws
}

// legacy is an imported token of the developer that lasts 30 days.
func (r *rows) legacy(t testing.TB, clear string, s token.Scheme, digest []byte) token.Token {
	t.Helper()
	ends := r.Clock.Now().AddDate(0, 0, 30)
	l := token.Token{
		ID: token.NewID(token.TokenID, r.Clock.Now()), WorkspaceID: r.ws.ID, Owner: r.dev.User, Name: "old", Scopes: token.Scopes{"odata:read"},
		Hint: clear[max(0, len(clear)-4):], Scheme: s, CreatedAt: r.Clock.Now(), ExpiresAt: ends, OriginalExpiry: ends,
	}
	h := s.Kept(digest)
	r.update(t, func(tx *store.Tx) error { return tx.AddToken(l, h) })
	r.Checks.TokenMade(h)
	r.Checks.LegacyChanged(r.ws.ID)
	return l
}

// policy changes the workspace's rules, and says so.
func (r *rows) policy(t testing.TB, change func(*token.Policy)) {
	t.Helper()
	r.update(t, func(tx *store.Tx) error {
		rules, err := tx.Rules(r.ws.ID)
		if err != nil {
			return err
		}
		change(&rules.Policy)
		return tx.SetRules(r.ws.ID, rules)
	})
	r.Checks.WorkspaceChanged(r.ws.ID)
}

// fresh is a checker that remembers nothing.
func (r *rows) fresh() *verify.Checker {
	return verify.New(verify.Config{Store: r.Store, Format: r.Format, Now: r.Clock.Now, Box: r.Box, Issuer: testkit.Issuer})
}

func (r *rows) ask() verify.Ask {
	return verify.Ask{Workspace: r.ws.Slug, Address: client, Exempt: true}
}

func (r *rows) check(presented string) error {
	_, err := r.Checks.Check(context.Background(), presented, r.ask())
	return err
}

func (r *rows) wantGood(t testing.TB, what, presented string) {
	t.Helper()
	if err := r.check(presented); err != nil {
		t.Errorf("%s: refused: %v", what, err)
	}
}

func (r *rows) wantDead(t testing.TB, what, presented string) {
	t.Helper()
	if err := r.check(presented); fault.CodeOf(err) != api.CodeInvalidToken {
		t.Errorf("%s: let through (%v)", what, err)
	}
}
