package authority_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// verifier is a service that fetched a workspace's keys at some moment and has nothing else.
type verifier map[string]keyring.PublicKey

func (p *place) verifier(t testing.TB, ws string) verifier {
	t.Helper()
	published, err := p.JWKS(context.Background(), ws)
	wantOK(t, err)
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	wantOK(t, json.Unmarshal(published, &set))
	v := verifier{}
	for _, text := range set.Keys {
		var id struct {
			KeyID   string `json:"kid"`
			Private string `json:"d"`
		}
		wantOK(t, json.Unmarshal(text, &id))
		if id.Private != "" {
			t.Error("a private key is published")
		}
		v[id.KeyID], err = keyring.ParsePublic(string(text))
		wantOK(t, err)
	}
	return v
}

// takes reports whether the verifier lets an access token in, by its keys and the clock alone.
func (v verifier) takes(jwt token.Secret, now time.Time) bool {
	kid, ok := keyring.Header(jwt.Reveal())
	var c token.Claims
	return ok && v[kid].Verify(jwt.Reveal(), keyring.AccessType, &c) == nil && now.Before(time.Unix(c.ExpiresAt, 0))
}

func (v verifier) has(id string) bool { _, ok := v[id]; return ok }

func kidOf(t testing.TB, jwt token.Secret) string {
	t.Helper()
	kid, ok := keyring.Header(jwt.Reveal())
	if !ok {
		t.Fatal("no kid")
	}
	return kid
}

func (p *place) keys(t testing.TB) []authority.SigningKey {
	t.Helper()
	keys, err := p.SigningKeys(context.Background(), p.admin, standard)
	wantOK(t, err)
	return keys
}

func (p *place) rotate(t testing.TB, atOnce bool) []authority.SigningKey {
	t.Helper()
	keys, err := p.RotateKeys(context.Background(), p.admin, standard, atOnce)
	wantOK(t, err)
	return keys
}

// states are those of the workspace's keys, newest first.
func (p *place) states(t testing.TB) (states []authority.KeyState) {
	t.Helper()
	keys := p.keys(t)
	for _, k := range keys {
		states = append(states, p.StateOf(keys, k.ID))
		if k.Sealed != nil {
			t.Error("a private half is handed out")
		}
	}
	return states
}

func wantStates(t testing.TB, got []authority.KeyState, want ...authority.KeyState) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("states %v, want %v", got, want)
	}
}

func TestTheFirstKeyIsMadeOnceByWhoeverNeedsItAndSignsAtOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		wantStates(t, p.states(t))
		c := p.authenticated(t, p.app(t, standard, "nightly", "odata:read"))
		// Two processes, to try the database's turn too: within one, memory lets one alone begin.
		sides := []*authority.Authority{p.Authority, p.restarted(), p.restarted()}
		var all sync.WaitGroup
		var made sync.Map
		for i := range 12 {
			side := sides[i%len(sides)]
			all.Go(func() {
				if i%2 == 0 {
					if _, err := side.JWKS(t.Context(), standard); err != nil {
						t.Error(err)
					}
				}
				got, err := side.ClientCredentials(t.Context(), c, authority.GrantRequest{})
				if err != nil {
					t.Error(err)
					return
				}
				made.Store(kidOf(t, got.AccessToken), true)
			})
		}
		all.Wait()
		keys := p.keys(t)
		if len(keys) != 1 || keys[0].Algorithm != token.ES256 || !keys[0].SignsFrom.Equal(p.Clock.Now()) || !keys[0].PublishedUntil.IsZero() {
			t.Fatalf("%+v", keys)
		}
		made.Range(func(kid, _ any) bool {
			if kid != keys[0].ID {
				t.Errorf("%s signed too", kid)
			}
			return true
		})
		wantStates(t, p.states(t), authority.KeySigning)
		e := p.wantEvent(t, standard, audit.KeyRotated)
		if e.Via != "server" || e.ActorID != "" || e.TargetID != keys[0].ID || e.Detail.Before != nil || e.Detail.After["algorithm"] != "ES256" {
			t.Errorf("%+v", e)
		}
		if others := p.verifier(t, single); others.has(keys[0].ID) {
			t.Error("another workspace has the same key")
		}
	})
}

func TestANewKeyIsPublishedBeforeItSigns(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		c := p.app(t, standard, "nightly", "odata:read")
		old := kidOf(t, p.granted(t, c).AccessToken)
		p.Clock.Advance(time.Hour)
		keys := p.rotate(t, false)
		if len(keys) != 2 || keys[1].ID != old {
			t.Fatalf("%+v", keys)
		}
		next := keys[0].ID
		wantStates(t, p.states(t), authority.KeyNext, authority.KeySigning)
		before := p.verifier(t, standard)
		if !before.has(next) || !before.has(old) {
			t.Fatalf("published are %v", before)
		}
		wantTime(t, "signs from", keys[0].SignsFrom, p.Clock.Now().Add(15*time.Minute))

		// Asking again changes nothing: the one that waits is new enough.
		if again := p.rotate(t, false); len(again) != 2 || again[0].ID != next {
			t.Errorf("%+v", again)
		}
		p.Clock.Advance(15*time.Minute - time.Microsecond)
		if kid := kidOf(t, p.granted(t, c).AccessToken); kid != old {
			t.Errorf("%s signs too early", kid)
		}
		p.Clock.Advance(time.Microsecond)
		jwt := p.granted(t, c).AccessToken
		if kid := kidOf(t, jwt); kid != next {
			t.Errorf("%s still signs", kid)
		}
		wantStates(t, p.states(t), authority.KeySigning, authority.KeyPublished)
		// Who fetched the keys when the new one was published needs to fetch nothing.
		if !before.takes(jwt, p.Clock.Now()) {
			t.Error("the keys of when it was published don't verify what the new key signs")
		}
		p.wantGood(t, jwt, standard, "odata:read")
		if kid := kidOf(t, granted(t, p.restarted(), p.authenticated(t, c))); kid != next {
			t.Errorf("after a restart %s signs", kid)
		}
		events := p.events(t, standard, audit.KeyRotated)
		if len(events) != 2 || events[0].ActorID != p.admin.User.ID || events[0].Detail.Before["key"] != old || events[0].TargetID != next {
			t.Errorf("%+v", events)
		}
	})
}

func granted(t testing.TB, a *authority.Authority, c authority.Client) token.Secret {
	t.Helper()
	got, err := a.ClientCredentials(context.Background(), c, authority.GrantRequest{})
	wantOK(t, err)
	return got.AccessToken
}

// TestATokenSignedJustBeforeRotationVerifiesUntilItExpires follows the last token of an old key: by live checks,
// by the keys of the moment at which it was signed, and by those that are published at any moment later.
func TestATokenSignedJustBeforeRotationVerifiesUntilItExpires(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		c := p.app(t, standard, "nightly", "odata:read")
		p.granted(t, c)
		p.Clock.Advance(time.Hour)
		from := p.rotate(t, false)[0].SignsFrom
		p.Clock.Set(from.Add(-time.Microsecond))
		then := p.verifier(t, standard)
		jwt := p.granted(t, c).AccessToken
		old := kidOf(t, jwt)
		for minute := range 60 {
			p.Clock.Set(from.Add(time.Duration(minute)*time.Minute - time.Microsecond))
			wantOK(t, p.Sweep(t.Context()))
			now := p.Clock.Now()
			if !then.takes(jwt, now) || !p.verifier(t, standard).takes(jwt, now) {
				t.Fatalf("it is refused offline after %d minutes", minute)
			}
			p.wantGood(t, jwt, standard)
		}
		p.Clock.Set(from.Add(time.Hour))
		p.wantStopped(t, jwt, standard)
		p.Clock.Set(from.Add(time.Hour + 5*time.Minute - time.Microsecond))
		wantOK(t, p.Sweep(t.Context()))
		if !p.verifier(t, standard).has(old) {
			t.Error("the old key is gone before the last clock says that its tokens are")
		}
		p.Clock.Advance(time.Microsecond)
		if p.verifier(t, standard).has(old) || p.restartedVerifier(t, standard).has(old) {
			t.Error("the old key is published for ever")
		}
		if len(p.keys(t)) != 1 || p.rows(t, "signing_keys") != 2 {
			t.Errorf("%+v", p.keys(t))
		}
		wantOK(t, p.Sweep(t.Context()))
		if n := p.rows(t, "signing_keys"); n != 1 {
			t.Errorf("%d keys are kept", n)
		}
		p.wantGood(t, p.granted(t, c).AccessToken, standard)
	})
}

func (p *place) restartedVerifier(t testing.TB, ws string) verifier {
	t.Helper()
	again := *p
	installation := *p.Installation
	again.Installation, installation.Authority = &installation, p.restarted()
	return again.verifier(t, ws)
}

func (p *place) rows(t *testing.T, table string) (n int) {
	t.Helper()
	wantOK(t, p.raw(t).QueryRowContext(t.Context(), "select count(*) from "+table).Scan(&n))
	return n
}

func TestKeysThatAreRemovedAtOnceKillTheirTokens(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		c := p.app(t, standard, "nightly", "odata:read")
		elsewhere := p.granted(t, p.app(t, apps, "nightly")).AccessToken
		jwt := p.granted(t, c).AccessToken
		old := kidOf(t, jwt)
		p.Clock.Advance(time.Minute)
		waiting := p.rotate(t, false)[0].ID
		p.wantGood(t, jwt, standard)

		keys := p.rotate(t, true)
		p.wantStopped(t, jwt, standard)
		if len(keys) != 1 || keys[0].ID == old || keys[0].ID == waiting || !keys[0].SignsFrom.Equal(p.Clock.Now()) {
			t.Fatalf("%+v", keys)
		}
		now := p.verifier(t, standard)
		if now.has(old) || now.has(waiting) || now.takes(jwt, p.Clock.Now()) {
			t.Error("a removed key is published")
		}
		again := p.granted(t, c).AccessToken
		if kidOf(t, again) != keys[0].ID {
			t.Error("a removed key signs")
		}
		p.wantGood(t, again, standard)
		p.wantGood(t, elsewhere, apps)
		var gone []string
		for _, e := range p.events(t, standard, audit.KeyRemoved) {
			gone = append(gone, e.TargetID)
		}
		if slices.Sort(gone); !slices.Equal(gone, slices.Sorted(slices.Values([]string{old, waiting}))) {
			t.Errorf("audited as removed: %v", gone)
		}
	})
}

// TestWhenKeysAreRemovedNothingIsSignedByThemAnyMore removes keys while others sign: what is signed after the
// removal has returned must be good.
func TestWhenKeysAreRemovedNothingIsSignedByThemAnyMore(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		c := p.authenticated(t, p.app(t, standard, "nightly", "odata:read"))
		ctx, stop := context.WithCancel(t.Context())
		var signing sync.WaitGroup
		for range 4 {
			signing.Go(func() {
				for ctx.Err() == nil {
					if _, err := p.ClientCredentials(t.Context(), c, authority.GrantRequest{}); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		for range 25 {
			keys := p.rotate(t, true)
			if jwt := granted(t, p.Authority, c); kidOf(t, jwt) != keys[0].ID || !p.verifier(t, standard).takes(jwt, p.Clock.Now()) {
				t.Errorf("%s signs, %s was made", kidOf(t, jwt), keys[0].ID)
			} else {
				p.wantGood(t, jwt, standard)
			}
		}
		stop()
		signing.Wait()
	})
}

func TestKeysRotateByThemselves(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		p.setPolicy(t, standard, func(policy *token.Policy) { policy.Signing.RotateDays = 30 })
		c := p.app(t, standard, "nightly", "odata:read")
		old := kidOf(t, p.granted(t, c).AccessToken)
		due := p.Clock.Now().AddDate(0, 0, 30)
		p.Clock.Set(due.Add(-time.Microsecond))
		p.granted(t, c)
		wantStates(t, p.states(t), authority.KeySigning)
		p.Clock.Set(due)
		if kid := kidOf(t, p.granted(t, c).AccessToken); kid != old {
			t.Errorf("%s signs before it was published", kid)
		}
		wantStates(t, p.states(t), authority.KeyNext, authority.KeySigning)
		p.Clock.Advance(15 * time.Minute)
		if kid := kidOf(t, p.granted(t, c).AccessToken); kid == old {
			t.Error("the old key goes on")
		}
		// Rules that ask for it sooner count from now on.
		p.Clock.Advance(48 * time.Hour)
		p.setPolicy(t, standard, func(policy *token.Policy) { policy.Signing.RotateDays = 1 })
		wantStates(t, p.states(t), authority.KeyNext, authority.KeySigning)
	})
}

func TestAnotherAlgorithmBeginsARotation(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		algorithm := func(alg token.Algorithm) {
			p.setPolicy(t, standard, func(policy *token.Policy) { policy.Signing.Algorithm = alg })
		}
		c := p.app(t, standard, "nightly", "odata:read")
		says := func(want token.Algorithm) {
			t.Helper()
			if issuer, err := p.PublicIssuer(t.Context(), standard); err != nil || issuer.Algorithm != want {
				t.Errorf("%s is announced (%v), want %s", issuer.Algorithm, err, want)
			}
		}
		algorithm(token.EdDSA)
		wantStates(t, p.states(t)) // nobody has needed a key yet
		says(token.EdDSA)
		first := p.granted(t, c).AccessToken
		for _, alg := range []token.Algorithm{token.RS256, token.ES256} { // the second before the first has begun to sign
			p.Clock.Advance(time.Minute)
			algorithm(alg)
			if keys := p.keys(t); keys[0].Algorithm != alg || p.StateOf(keys, keys[0].ID) != authority.KeyNext {
				t.Fatalf("%+v", keys)
			}
			says(token.EdDSA) // what is signed now is signed so
		}
		if events := p.events(t, standard, audit.KeyRotated); len(events) != 3 || events[0].ActorID != p.admin.User.ID {
			t.Errorf("%+v", events)
		}
		v := p.verifier(t, standard)
		p.Clock.Advance(15 * time.Minute)
		says(token.ES256)
		last := p.granted(t, c).AccessToken
		if len(v) != 3 || !v.takes(first, p.Clock.Now()) || !v.takes(last, p.Clock.Now()) {
			t.Errorf("%d keys", len(v))
		}
		p.wantGood(t, first, standard)
		p.wantGood(t, last, standard)
		algorithm(token.ES256)
		if len(p.keys(t)) != 3 {
			t.Error("the same algorithm once more made a key")
		}
	})
}

func TestAClockThatJumpsStopsNoSigning(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		start := p.Clock.Now()
		c := p.app(t, standard, "nightly", "odata:read")
		sound := func(what string) (kid string) {
			t.Helper()
			for _, side := range []*authority.Authority{p.Authority, p.restarted()} {
				jwt := granted(t, side, p.authenticated(t, c))
				if kid = kidOf(t, jwt); !p.restartedVerifier(t, standard).takes(jwt, p.Clock.Now()) {
					t.Errorf("%s: what is signed does not verify by what is published", what)
				}
				p.wantGood(t, jwt, standard)
			}
			return kid
		}
		first := sound("at first")
		p.Clock.Set(start.Add(-3 * time.Hour))
		if kid := sound("before the first key"); kid != first {
			t.Error("another key was made")
		}
		// Far ahead a rotation is due, whose key must not keep the clock's own time waiting for it.
		p.Clock.Set(start.AddDate(2, 0, 0))
		sound("two years ahead")
		p.Clock.Set(start.Add(time.Minute))
		if kid := sound("back again"); kid != first {
			t.Error("a key of the future signs")
		}
		p.Clock.Set(start.AddDate(0, 0, 90))
		sound("when a rotation is due")
		p.Clock.Advance(15 * time.Minute)
		next := sound("when it is over")
		if next == first {
			t.Error("the key of the future kept the rotation away")
		}
		p.Clock.Advance(65 * time.Minute)
		if keys := p.keys(t); len(keys) != 1 || keys[0].ID != next {
			t.Errorf("keys are published until a time that a wrong clock said: %+v", keys)
		}
		p.Clock.Set(start.AddDate(2, 0, 1))
		wantOK(t, p.Sweep(t.Context()))
		sound("when the future has come")
	})
}

func TestThatNoOtherKeyCanBeMadeStopsNoSigning(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		c := p.authenticated(t, p.app(t, standard, "nightly", "odata:read"))
		jwt := granted(t, p.Authority, c)
		_, err := p.JWKS(t.Context(), standard)
		wantOK(t, err)
		_, err = p.PublicIssuer(t.Context(), standard)
		wantOK(t, err)
		// Without the database: what is needed again and again is in memory.
		wantOK(t, p.Store.Close())
		if !p.verifier(t, standard).takes(granted(t, p.Authority, c), p.Clock.Now()) {
			t.Error("what is signed from memory does not verify by what is published from memory")
		}
		_, err = p.PublicIssuer(t.Context(), standard)
		wantOK(t, err)
		p.Clock.Advance(365 * 24 * time.Hour)
		for range 2 {
			if kidOf(t, granted(t, p.Authority, c)) != kidOf(t, jwt) {
				t.Error("another key")
			}
		}
		if _, err := p.JWKS(t.Context(), single); err == nil {
			t.Error("what is not in memory was answered")
		}
	})
}

func TestAnybodyLearnsWhatIsPublicOfAWorkspaceAndNoMore(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		want := func(name string, scopes int, offered bool) {
			t.Helper()
			i, err := p.PublicIssuer(ctx, standard)
			wantOK(t, err)
			if i.URL != testkit.Issuer(standard) || i.Slug != standard || i.Name != name || len(i.Scopes) != scopes || i.Offered.Apps != offered || !i.Offered.Tokens {
				t.Errorf("%+v", i)
			}
		}
		v, err := p.Enter(ctx, p.admin, standard)
		wantOK(t, err)
		want(v.Name, len(v.Catalogue), true)
		// What changes is told from the moment at which the change has returned.
		_, err = p.RenameWorkspace(ctx, p.admin, standard, "Another name")
		wantOK(t, err)
		want("Another name", len(v.Catalogue), true)
		p.setPolicy(t, standard, func(policy *token.Policy) { policy.Apps.Offered = false })
		want("Another name", len(v.Catalogue), false)
		_, err = p.SetScopes(ctx, p.admin, standard, append(v.Catalogue, token.CatalogueScope{Name: "more", Title: "More", Roles: token.Roles()}))
		wantOK(t, err)
		want("Another name", len(v.Catalogue)+1, false)

		_, err = p.JWKS(ctx, standard)
		wantOK(t, err)
		wantOK(t, p.DeleteWorkspace(ctx, p.admin, standard))
		for _, slug := range []string{standard, "nothing", "", "Standard", "standard/", "ws_1", v.ID, "\x00", strings.Repeat("a", 1000)} {
			if _, err := p.JWKS(ctx, slug); !isMissing(err) {
				t.Errorf("%.20q: %v", slug, err)
			}
			if _, err := p.PublicIssuer(ctx, slug); !isMissing(err) {
				t.Errorf("%.20q: %v", slug, err)
			}
		}
	})
}

func TestWithoutAKeysetNothingIsSigned(t *testing.T) {
	p := newPlace(testkit.InstalledSQLite(t))
	bare := authority.New(authority.Config{Store: p.Store, Checks: p.Checks, Format: p.Format, Now: p.Clock.Now, Issuer: testkit.Issuer})
	wantCode(t, second(bare.JWKS(t.Context(), standard)), api.CodeUnavailable)
	wantCode(t, second(bare.RotateKeys(t.Context(), p.admin, standard, false)), api.CodeUnavailable)
	if _, err := bare.PublicIssuer(t.Context(), standard); err != nil {
		t.Error(err)
	}
}

func TestWhatALostKeysetHadSealedIsForgottenAndTheRestGoesOn(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		p.setPolicy(t, standard, func(policy *token.Policy) { policy.Apps.Secret = token.SecretViewable })
		c := p.app(t, standard, "nightly", "odata:read")
		jwt := p.granted(t, c).AccessToken
		_, pat := p.pat(t, p.dev, "agent", "odata:read")
		_, pair := p.family(t, p.dev, standard, 30)
		p.signIn(t)
		_, err := p.AppSecret(ctx, p.admin, standard, c.ID)
		wantOK(t, err)
		wantOK(t, p.Store.Update(ctx, func(tx *store.Tx) error {
			w, err := tx.Workspace(standard)
			if err != nil {
				return err
			}
			return errors.Join(tx.SetKeysetCheck([]byte{1}), tx.AddLegacyKey(store.LegacyKey{ID: "key_legacy", WorkspaceID: w.ID, Sealed: []byte{1}, CreatedAt: tx.Now}))
		}))
		removed := p.keys(t)

		n, err := p.ForgetSealed(ctx, token.Identity{System: "keywright keyset forget"})
		wantOK(t, err)
		if n != len(removed) || n != 1 {
			t.Errorf("%d signing keys, want %d", n, len(removed))
		}
		for _, table := range []string{"signing_keys", "legacy_keys", "keyset_check"} {
			if rows := p.rows(t, table); rows != 0 {
				t.Errorf("%s has %d rows", table, rows)
			}
		}
		p.wantStopped(t, jwt, standard)
		p.wantStopped(t, pair.AccessToken, standard)
		wantCode(t, second(p.AppSecret(ctx, p.admin, standard, c.ID)), api.CodeActionNotOffered)
		if e := p.wantEvent(t, standard, audit.KeyRemoved); e.TargetID != removed[0].ID || e.Via != "command line" || e.Detail.Reason == "" {
			t.Errorf("%+v", e)
		}
		// With another keyset everything else goes on.
		box, err := keyring.NewBox()
		wantOK(t, err)
		p.Box = box
		again := p.restarted()
		got, err := again.ClientCredentials(ctx, p.authenticated(t, c), authority.GrantRequest{})
		wantOK(t, err)
		p.wantGood(t, got.AccessToken, standard)
		p.wantGood(t, pat, standard)
		if _, err := again.Refresh(ctx, pair.RefreshToken, token.UserClient, authority.GrantRequest{}, testkit.Origin()); err != nil {
			t.Errorf("a refresh token: %v", err)
		}
	})
}

// TestWhoeverAsksForWhatIsPublicWaitsForOneAnother asks for workspaces that memory can't know, while the
// database answers nobody: however many ask, one connection is theirs.
func TestWhoeverAsksForWhatIsPublicWaitsForOneAnother(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		if p.Engine != "postgres" {
			t.Skip("SQLite's readers wait for nobody")
		}
		db := p.raw(t)
		held, err := db.BeginTx(t.Context(), nil)
		wantOK(t, err)
		_, err = held.ExecContext(t.Context(), "lock table workspaces in access exclusive mode")
		wantOK(t, err)
		var asking sync.WaitGroup
		for i := range 20 {
			asking.Go(func() {
				if _, err := p.JWKS(t.Context(), "nothing-"+strconv.Itoa(i)); !isMissing(err) {
					t.Error(err)
				}
			})
		}
		seen := 0
		for begun := time.Now(); seen < 20 && time.Since(begun) < 10*time.Second; { // after one waits, look for others for a while
			var waiting int
			wantOK(t, db.QueryRowContext(t.Context(), "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'").Scan(&waiting))
			if waiting > 1 {
				t.Errorf("%d connections wait", waiting)
				break
			}
			seen += waiting
		}
		if seen == 0 {
			t.Error("nobody asks the database")
		}
		wantOK(t, held.Rollback())
		asking.Wait()
	})
}
