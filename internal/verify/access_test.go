package verify_test

import (
	"context"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
)

// ends is what may end an access token, by its name; each is a change, and who is told of it.
type ends map[string]func(t testing.TB, r *rows)

// until tries each change on an access token of its own, under a policy, and expects it to be dead or alive
// at the next check.
func (all ends) until(t *testing.T, in *testkit.Installation, alive bool, make func(testing.TB, *rows) (string, ends)) {
	t.Helper()
	for what := range all {
		r := newRows(t, in)
		presented, changes := make(t, r)
		r.wantGood(t, what+", before", presented)
		changes[what](t, r)
		if alive {
			r.wantGood(t, what, presented)
		} else {
			r.wantDead(t, what, presented)
		}
		if err := second(r.fresh().Check(context.Background(), presented, r.ask())); (err == nil) != alive {
			t.Errorf("%s: a checker that remembers nothing says %v", what, err)
		}
	}
}

func second(_ verify.Decision, err error) error { return err }

func (r *rows) stop(t testing.TB, id string) {
	r.update(t, func(tx *store.Tx) error { return tx.StopAccess(id, tx.Now.Add(token.AccessLife)) })
}

// setAfterStop is how the policy treats access tokens whose source stops.
func setAfterStop(a token.AfterStop) func(*token.Policy) {
	return func(p *token.Policy) { p.AfterStop = a }
}

func appEnds(t testing.TB, r *rows) (string, ends) {
	app := r.app(t)
	c := r.ofApp(app)
	first, next := token.NewID(token.AccessID, r.Clock.Now()), token.NewID(token.AccessID, r.Clock.Now())
	c.Parents = first + " " + next
	change := func(fn func(*store.Tx) error) func(testing.TB, *rows) {
		return func(t testing.TB, r *rows) { r.update(t, fn); r.Checks.AppChanged(r.ws.ID, app.ID) }
	}
	ended := func(id string) func(testing.TB, *rows) {
		return func(t testing.TB, r *rows) { r.stop(t, id); r.Checks.SourceChanged(c.SourceID) }
	}
	return r.sign(t, c), ends{
		"disabled, access ended": change(func(tx *store.Tx) error { return tx.DisableApp(app.ID, true) }),
		"disabled and activated": change(func(tx *store.Tx) error { return joined(tx.DisableApp(app.ID, true), tx.ActivateApp(app.ID, false)) }),
		"deleted, access ended": change(func(tx *store.Tx) error {
			return joined(tx.DeleteApp(app.ID), tx.StopAccess(app.ID, tx.Now.Add(time.Hour)))
		}),
		"itself ended":            ended(c.ID),
		"what it was made from":   ended(next),
		"what that was made from": ended(first),
		"disabled":                change(func(tx *store.Tx) error { return tx.DisableApp(app.ID, false) }),
		"deleted":                 change(func(tx *store.Tx) error { return tx.DeleteApp(app.ID) }),
		"key removed": func(t testing.TB, r *rows) {
			r.update(t, func(tx *store.Tx) error { return tx.DropSigningKey(r.key.ID) })
			r.Checks.WorkspaceChanged(r.ws.ID)
		},
		"expired": func(_ testing.TB, r *rows) { r.Clock.Advance(token.AccessLife) },
		"renamed": change(func(tx *store.Tx) error { app.Name = "other"; return tx.ChangeApp(app) }),
		"paused and activated, access spared": change(func(tx *store.Tx) error {
			return joined(tx.DisableApp(app.ID, false), tx.ActivateApp(app.ID, false))
		}),
	}
}

func joined(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func only(all ends, names ...string) ends {
	out := ends{}
	for _, n := range names {
		if all[n] == nil {
			panic("no change is called " + n)
		}
		out[n] = all[n]
	}
	return out
}

func TestAnAppsAccessTokenEndsWithTheApp(t *testing.T) {
	testkit.EachInstallation(t, func(t *testing.T, in *testkit.Installation) {
		r := newRows(t, in)
		_, all := appEnds(t, r)
		always := []string{"disabled, access ended", "disabled and activated", "deleted, access ended", "itself ended", "what it was made from", "what that was made from", "key removed", "expired"}
		never := []string{"renamed", "paused and activated, access spared"}
		depends := []string{"disabled", "deleted"}
		if len(all) != len(always)+len(never)+len(depends) {
			t.Fatal("a change is not tried")
		}
		for _, after := range []token.AfterStop{token.StopAtOnce, token.UntilExpiry} {
			r.policy(t, setAfterStop(after))
			only(all, always...).until(t, in, false, appEnds)
			only(all, never...).until(t, in, true, appEnds)
			only(all, depends...).until(t, in, after == token.UntilExpiry, appEnds)
		}
	})
}

func oauthEnds(t testing.TB, r *rows) (string, ends) {
	o := r.oauth(t)
	c := r.claims(r.dev.User.ID, o.ID)
	change := func(fn func(*store.Tx) error) func(testing.TB, *rows) {
		return func(t testing.TB, r *rows) { r.update(t, fn); r.Checks.SourceChanged(o.ID) }
	}
	member := func(fn func(*store.Tx) error) func(testing.TB, *rows) {
		return func(t testing.TB, r *rows) { r.update(t, fn); r.Checks.OwnerChanged(r.ws.ID, r.dev.User.ID) }
	}
	return r.sign(t, c), ends{
		"disabled":               change(func(tx *store.Tx) error { return tx.DisableOAuthToken(o.ID, store.Stop{}) }),
		"disabled, access ended": change(func(tx *store.Tx) error { return tx.DisableOAuthToken(o.ID, store.Stop{EndAccess: true}) }),
		"deleted":                change(func(tx *store.Tx) error { return tx.DeleteOAuthToken(o.ID) }),
		"deleted, access ended": change(func(tx *store.Tx) error {
			return joined(tx.DeleteOAuthToken(o.ID), tx.StopAccess(o.ID, tx.Now.Add(time.Hour)))
		}),
		"itself ended": change(func(tx *store.Tx) error { return tx.StopAccess(c.ID, tx.Now.Add(time.Hour)) }),
		"another ended": change(func(tx *store.Tx) error {
			return tx.StopAccess(token.NewID(token.AccessID, tx.Now), tx.Now.Add(time.Hour))
		}),
		"expiry cut": change(func(tx *store.Tx) error { return tx.SetOAuthExpiry(o.ID, tx.Now) }),
		"refreshed":  change(func(tx *store.Tx) error { return tx.NoteRefresh(o.ID) }),
		"its owner removed, and back": func(t testing.TB, r *rows) {
			member(func(tx *store.Tx) error { return tx.RemoveMember(r.ws.ID, r.dev.User.ID) })(t, r)
			r.Clock.Advance(time.Millisecond)
			member(func(tx *store.Tx) error { return tx.AddMember(r.ws.ID, r.dev.User.ID, token.Developer) })(t, r)
		},
		"its owner's role changed": member(func(tx *store.Tx) error { return tx.SetRole(r.ws.ID, r.dev.User.ID, token.PlainMember) }),
		"its owner's role barred": func(t testing.TB, r *rows) {
			r.policy(t, func(p *token.Policy) { p.OAuthTokens.Roles = []token.Role{token.Administrator} })
			defer r.policy(t, func(p *token.Policy) { p.OAuthTokens.Roles = token.Roles() })
			r.wantDead(t, "while it is", "x")
		},
		"key removed": func(t testing.TB, r *rows) {
			r.update(t, func(tx *store.Tx) error { return tx.DropSigningKey(r.key.ID) })
			r.Checks.WorkspaceChanged(r.ws.ID)
		},
		"another key removed": func(t testing.TB, r *rows) {
			k := r.newKey(t)
			r.update(t, func(tx *store.Tx) error { return tx.DropSigningKey(k.ID) })
			r.Checks.WorkspaceChanged(r.ws.ID)
		},
	}
}

func TestAnOAuthTokensAccessTokenEndsWithIt(t *testing.T) {
	testkit.EachInstallation(t, func(t *testing.T, in *testkit.Installation) {
		r := newRows(t, in)
		_, all := oauthEnds(t, r)
		always := []string{"disabled, access ended", "deleted, access ended", "itself ended", "expiry cut", "its owner removed, and back", "key removed"}
		never := []string{"another ended", "refreshed", "its owner's role changed", "another key removed", "its owner's role barred"}
		depends := []string{"disabled", "deleted"}
		if len(all) != len(always)+len(never)+len(depends) {
			t.Fatal("a change is not tried")
		}
		for _, after := range []token.AfterStop{token.StopAtOnce, token.UntilExpiry} {
			r.policy(t, setAfterStop(after))
			only(all, always...).until(t, in, false, oauthEnds)
			only(all, never...).until(t, in, true, oauthEnds)
			only(all, depends...).until(t, in, after == token.UntilExpiry, oauthEnds)
		}
	})
}

func TestAnOAuthTokensAccessTokenIsRefusedWhileItsOwnerMayHoldNone(t *testing.T) {
	r := newRows(t, testkit.InstalledSQLite(t))
	presented := r.sign(t, r.claims(r.dev.User.ID, r.oauth(t).ID))
	r.wantGood(t, "before", presented)
	r.policy(t, func(p *token.Policy) { p.OAuthTokens.Roles = []token.Role{token.Administrator} })
	r.wantDead(t, "barred", presented)
	r.policy(t, func(p *token.Policy) { p.OAuthTokens.Roles = token.Roles() })
	r.wantGood(t, "allowed again", presented)
	r.update(t, func(tx *store.Tx) error { return tx.RemoveMember(r.ws.ID, r.dev.User.ID) })
	r.Checks.OwnerChanged(r.ws.ID, r.dev.User.ID)
	r.wantDead(t, "removed", presented)
}

func TestAnExchangedAccessTokenEndsWithThePersonalAccessTokenWhateverThePolicySays(t *testing.T) {
	testkit.EachInstallation(t, func(t *testing.T, in *testkit.Installation) {
		r := newRows(t, in)
		r.policy(t, setAfterStop(token.UntilExpiry))
		by := r.dev
		for what, change := range map[string]func(id string) error{
			"revoked": func(id string) error { _, err := in.RevokeToken(t.Context(), by, standard, id, ""); return err },
			"deleted": func(id string) error { return in.DeleteToken(t.Context(), by, standard, id) },
			"regenerated": func(id string) error {
				in.Clock.Advance(time.Millisecond)
				days := 1
				_, _, err := in.RegenerateToken(t.Context(), by, standard, id, token.Choice{LifetimeDays: &days})
				return err
			},
			"expired": func(string) error { in.Clock.Advance(24 * time.Hour); return nil },
			"stopped": func(id string) error { r.stop(t, id); in.Checks.SourceChanged(id); return nil },
		} {
			by.SignedInAt = in.Clock.Now()
			in.People[testkit.Dev] = by
			pat, _ := made(t, in, what, "odata:read")
			c := r.claims(by.User.ID, pat.ID)
			c.ExpiresAt = pat.ExpiresAt.Add(time.Hour).Unix() // longer than an issuer would say
			presented := r.sign(t, c)
			r.wantGood(t, what+", before", presented)
			if err := change(pat.ID); err != nil {
				t.Fatal(err)
			}
			r.wantDead(t, what, presented)
		}
	})
}

func TestAnAccessTokenCarriesWhatItsSourceStillCarries(t *testing.T) {
	r := newRows(t, testkit.InstalledSQLite(t))
	in := r.Installation
	_, err := in.SetScopes(t.Context(), in.People[testkit.Admin], standard, token.Catalogue{
		{Name: "odata:read", Title: "Read", Roles: token.Roles(), Apps: true},
		{Name: "odata:write", Title: "Write", Roles: token.Roles(), Apps: true},
		{Name: "boss", Title: "Boss", Roles: []token.Role{token.Administrator}, Apps: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	app, oauth := r.app(t), r.oauth(t)
	pat, _ := made(t, in, "ci", "odata:read", "odata:write")
	wide := func(c token.Claims) string {
		c.Scope = "boss odata:write odata:read odata:read unknown keywright:introspect keywright:manage"
		return r.sign(t, c)
	}
	carried := func(presented string) string {
		t.Helper()
		d, err := in.Checks.Check(t.Context(), presented, r.ask())
		if err != nil {
			t.Fatal(err)
		}
		return d.ScopesText()
	}
	ofApp, ofOAuth, ofPAT := wide(r.ofApp(app)), wide(r.claims(r.dev.User.ID, oauth.ID)), wide(r.claims(r.dev.User.ID, pat.ID))
	none := r.ofApp(app)
	none.Scope = ""
	for what, c := range map[string][2]string{
		"app": {carried(ofApp), "odata:read"}, "OAuth token": {carried(ofOAuth), "odata:read odata:write keywright:manage"},
		"personal access token": {carried(ofPAT), "odata:read odata:write"}, "none": {carried(r.sign(t, none)), ""},
	} {
		if c[0] != c[1] {
			t.Errorf("%s: carries %q, want %q", what, c[0], c[1])
		}
	}
	app.Scopes = token.Scopes{"odata:write", "boss"}
	r.update(t, func(tx *store.Tx) error { return tx.ChangeApp(app) })
	in.Checks.AppChanged(r.ws.ID, app.ID)
	if got := carried(ofApp); got != "odata:write boss" {
		t.Errorf("after its app was given others: %q", got)
	}
	if _, err := in.SetTokenScopes(t.Context(), r.dev, standard, pat.ID, []string{"odata:write"}); err != nil {
		t.Fatal(err)
	}
	if got := carried(ofPAT); got != "odata:write" {
		t.Errorf("after its token was narrowed: %q", got)
	}
	if _, err := in.SetRole(t.Context(), in.People[testkit.Admin], standard, r.dev.User.ID, token.Administrator); err != nil {
		t.Fatal(err)
	}
	if got := carried(ofOAuth); got != "odata:read odata:write boss keywright:manage" {
		t.Errorf("after its owner became an administrator: %q", got)
	}
	// A deleted app's tokens that may run out carry what apps may hold.
	r.policy(t, setAfterStop(token.UntilExpiry))
	r.update(t, func(tx *store.Tx) error { return tx.DeleteApp(app.ID) })
	in.Checks.AppChanged(r.ws.ID, app.ID)
	if got := carried(ofApp); got != "odata:read odata:write boss keywright:introspect" {
		t.Errorf("after its app was deleted: %q", got)
	}
}

// forgeries are texts that no checker may let through, each a step away from one that is good.
func forgeries(t testing.TB, r *rows) map[string]string {
	t.Helper()
	app, oauth := r.app(t), r.oauth(t)
	with := func(change func(*token.Claims)) string { c := r.ofApp(app); change(&c); return r.sign(t, c) }
	good := r.sign(t, r.ofApp(app))
	parts := strings.Split(good, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"` + r.key.ID + `","typ":"at+jwt"}`))
	stranger, err := keyring.NewKey(r.key.ID, token.ES256)
	if err != nil {
		t.Fatal(err)
	}
	unknown, err := keyring.NewKey(token.NewID(token.KeyID, r.Clock.Now()), token.ES256)
	if err != nil {
		t.Fatal(err)
	}
	named, err := keyring.NewKey("main", token.ES256)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"another key under its id":    signWith(t, stranger, keyring.AccessType, r.ofApp(app)),
		"an unknown key":              signWith(t, unknown, keyring.AccessType, r.ofApp(app)),
		"a key that can't be ours":    signWith(t, named, keyring.AccessType, r.ofApp(app)),
		"no typ of ours":              signWith(t, r.key, "JWT", r.ofApp(app)),
		"an introspection's typ":      signWith(t, r.key, "token-introspection+jwt", r.ofApp(app)),
		"alg none":                    none + "." + parts[1] + ".",
		"alg none, signed":            none + "." + parts[1] + "." + parts[2],
		"another payload":             parts[0] + "." + strings.Split(r.sign(t, r.ofApp(r.app(t))), ".")[1] + "." + parts[2],
		"no signature":                parts[0] + "." + parts[1] + ".",
		"a signature cut":             good[:len(good)-4],
		"a signature with more":       good + "AAAA",
		"no claims":                   signWith(t, r.key, keyring.AccessType, map[string]any{}),
		"claims that are none":        signWith(t, r.key, keyring.AccessType, []string{"x"}),
		"another workspace's issuer":  with(func(c *token.Claims) { c.Issuer = testkit.Issuer("scoped-tokens"); c.Audience = c.Issuer }),
		"no issuer":                   with(func(c *token.Claims) { c.Issuer = ""; c.Audience = "" }),
		"expired":                     with(func(c *token.Claims) { c.ExpiresAt = r.Clock.Now().Unix() }),
		"no expiry":                   with(func(c *token.Claims) { c.ExpiresAt = 0 }),
		"an expiry beyond all":        with(func(c *token.Claims) { c.ExpiresAt = 1 << 62 }),
		"no jti":                      with(func(c *token.Claims) { c.ID = "" }),
		"a jti of another form":       with(func(c *token.Claims) { c.ID = "evt_" + c.ID[3:] }),
		"an app for another":          with(func(c *token.Claims) { c.Subject = r.app(t).ID }),
		"an app for a person":         with(func(c *token.Claims) { c.Subject = r.dev.User.ID }),
		"no source":                   with(func(c *token.Claims) { c.SourceID = "" }),
		"a source that is a key":      with(func(c *token.Claims) { c.SourceID = r.key.ID }),
		"a source that is a user":     with(func(c *token.Claims) { c.SourceID = r.dev.User.ID }),
		"an app that never was":       with(func(c *token.Claims) { c.SourceID = token.NewID(token.AppID, r.Clock.Now()); c.Subject = c.SourceID }),
		"a person for another's":      r.sign(t, r.claims(r.People[testkit.Admin].User.ID, oauth.ID)),
		"a person who never was":      r.sign(t, r.claims(token.NewID(token.UserID, r.Clock.Now()), oauth.ID)),
		"scopes that are no scopes":   with(func(c *token.Claims) { c.Scope = "odata:read \"" }),
		"for nobody":                  with(func(c *token.Claims) { c.Audience = "" }),
		"a refresh token":             r.Format.New(token.KindRefresh).Reveal(),
		"a client secret of no app":   r.Format.New(token.KindApp).Reveal(),
		"a reserved form":             r.Format.New(token.KindAccess).Reveal(),
		"longer than may be":          good + strings.Repeat("A", token.MaxPresented),
		"a line end in it":            parts[0] + "." + parts[1] + ".\n" + parts[2],
		"its beginning":               "eyJ",
		"four parts":                  good + ".AAAA",
		"an app of another workspace": r.ofElsewhere(t),
	}
}

// ofElsewhere is a token signed here for an app of another workspace.
func (r *rows) ofElsewhere(t testing.TB) string {
	t.Helper()
	here := r.ws
	r.update(t, func(tx *store.Tx) (err error) { r.ws, err = tx.Workspace("scoped-tokens"); return err })
	app := r.app(t)
	r.ws = here
	return r.sign(t, r.ofApp(app))
}

func TestAForgedAccessTokenIsRefusedFromTheDatabaseAndFromMemory(t *testing.T) {
	testkit.EachInstallation(t, func(t *testing.T, in *testkit.Installation) {
		r := newRows(t, in)
		r.legacy(t, "something", token.SchemeSHA256, digestOf("something")) // so that legacy tokens are looked for, too
		for what, presented := range forgeries(t, r) {
			r.wantDead(t, what, presented)
			r.wantDead(t, what+", again", presented)
			if _, err := in.Checks.Check(t.Context(), presented, verify.Ask{Audience: "https://api.example"}); code(err) != api.CodeInvalidToken {
				t.Errorf("%s, for another audience: %v", what, err)
			}
		}
	})
}

func TestAnAccessTokenIsForItsIssuerOrForTheResourceThatItNames(t *testing.T) {
	r := newRows(t, testkit.InstalledSQLite(t))
	const api1, api2 = "https://one.example/", "https://two.example/"
	app := r.app(t)
	narrow := r.ofApp(app)
	narrow.Audience = api1
	whole, one := r.sign(t, r.ofApp(app)), r.sign(t, narrow)
	_, pat := made(t, r.Installation, "ci", "odata:read")
	for _, c := range []struct {
		what, presented, audience string
		want                      api.Code
	}{
		{"the issuer's, nobody asks", whole, "", ""},
		{"the issuer's, a resource asks", whole, api1, ""},
		{"a resource's, it asks", one, api1, ""},
		{"a resource's, another asks", one, api2, api.CodeInvalidToken},
		{"a resource's, nobody asks", one, "", api.CodeInvalidToken},
		{"a resource's, its issuer asks", one, testkit.Issuer(standard), api.CodeInvalidToken},
		{"a personal access token", pat, api2, ""},
	} {
		for range 2 {
			if _, err := r.Checks.Check(t.Context(), c.presented, verify.Ask{Workspace: standard, Audience: c.audience}); code(err) != c.want {
				t.Errorf("%s: %v", c.what, err)
			}
		}
	}
}

func TestWithoutAnIssuerNoAccessTokenIsGood(t *testing.T) {
	r := newRows(t, testkit.InstalledSQLite(t))
	presented := r.sign(t, r.ofApp(r.app(t)))
	checks := verify.New(verify.Config{Store: r.Store, Format: r.Format, Now: r.Clock.Now})
	if _, err := checks.Check(t.Context(), presented, r.ask()); code(err) != api.CodeInvalidToken {
		t.Errorf("%v", err)
	}
}

func TestAnAccessTokenOfAKeyThatIsMadeALittleLaterBecomesGood(t *testing.T) {
	r := newRows(t, testkit.InstalledSQLite(t))
	var err error
	if r.key, err = keyring.NewKey(token.NewID(token.KeyID, r.Clock.Now()), token.ES256); err != nil {
		t.Fatal(err)
	}
	presented := r.sign(t, r.ofApp(r.app(t)))
	for range 3 {
		r.wantDead(t, "before its key is known", presented)
	}
	r.publish(t, r.key)
	r.wantGood(t, "after", presented)
	// Its id does not speak for another key.
	other, err := keyring.NewKey(r.key.ID, token.ES256)
	if err != nil {
		t.Fatal(err)
	}
	r.update(t, func(tx *store.Tx) error { return tx.DropSigningKey(r.key.ID) })
	r.publish(t, other)
	r.Checks.WorkspaceChanged(r.ws.ID)
	r.wantDead(t, "after another key took its id", presented)
}

func TestAKnownOrRefusedAccessTokenTouchesNoDatabase(t *testing.T) {
	r := newRows(t, testkit.InstalledSQLite(t))
	app := r.app(t)
	good, dead := r.sign(t, r.ofApp(app)), forgeries(t, r)["a signature cut"]
	_, secret := r.secret(t, app, time.Time{})
	disabled := r.app(t)
	ended := r.sign(t, r.ofApp(disabled))
	r.update(t, func(tx *store.Tx) error { return tx.DisableApp(disabled.ID, true) })
	r.wantGood(t, "known", good)
	r.wantGood(t, "client secret", secret)
	r.wantDead(t, "bad", dead)
	r.wantDead(t, "ended", ended)
	if !verify.KnownToBeBad(r.Checks, dead) {
		t.Error("a bad signature is verified each time")
	}
	if err := r.Store.Close(); err != nil {
		t.Fatal(err)
	}
	r.wantGood(t, "known", good)
	r.wantGood(t, "client secret", secret)
	r.wantDead(t, "bad", dead)
	r.wantDead(t, "ended", ended)
	// Signatures are made for nothing: the key is known, so these don't ask either.
	for what, presented := range forgeries2(t, r, good) {
		r.wantDead(t, what, presented)
	}
	if _, err := r.Checks.Check(t.Context(), r.sign(t, r.ofApp(app)), r.ask()); code(err) != api.CodeUnavailable {
		t.Errorf("a new one, and the database is gone: %v", err)
	}
}

func forgeries2(t testing.TB, r *rows, good string) map[string]string {
	t.Helper()
	other, err := keyring.NewKey(r.key.ID, token.ES256)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"another's signature": signWith(t, other, keyring.AccessType, r.claims("a", "b")),
		"no kid of ours":      "eyJhbGciOiJIUzI1NiJ9.e30.AAAA",
		"changed":             good[:len(good)-8] + "AAAAAAAA",
	}
}

func TestBadAccessTokensAreThrottledLikeOtherUnknownCredentials(t *testing.T) {
	r := newRows(t, testkit.InstalledSQLite(t))
	app := r.app(t)
	good, bad := r.sign(t, r.ofApp(app)), forgeries(t, r)["another key under its id"]
	ask := verify.Ask{Workspace: standard, Address: client}
	var err error
	for range 300 {
		_, err = r.Checks.Check(t.Context(), bad, ask)
	}
	if code(err) != api.CodeThrottled {
		t.Errorf("300 bad ones: %v", err)
	}
	if _, err := r.Checks.Check(t.Context(), good, ask); err != nil {
		t.Errorf("a good one from there: %v", err)
	}
	for range 300 { // ended ones are no guesses
		r.Clock.Advance(token.AccessLife)
		if _, err = r.Checks.Check(t.Context(), good, ask); code(err) != api.CodeInvalidToken {
			t.Fatalf("an expired one: %v", err)
		}
	}
}

// Whatever is presented, nothing is let through that was not issued here, and nothing takes the checker down.
func FuzzNoTextThatWasNotIssuedIsGood(f *testing.F) {
	r := newRows(f, testkit.InstalledSQLite(f))
	r.legacy(f, "a", token.SchemeSHA256, digestOf("a"))
	r.legacy(f, "b", token.SchemeSHA512, digest512("b"))
	good := r.sign(f, r.ofApp(r.app(f)))
	for _, presented := range forgeries(f, r) {
		f.Add(presented)
	}
	f.Add(string(token.SchemeSHA512) + "\x00" + string(digest512("b")))
	f.Fuzz(func(t *testing.T, presented string) {
		if presented == "a" || presented == "b" || presented == good {
			return
		}
		for _, audience := range []string{"", "https://api.example"} {
			if _, err := r.Checks.Check(t.Context(), presented, verify.Ask{Workspace: standard, Audience: audience}); code(err) != api.CodeInvalidToken {
				t.Errorf("%q: %v", presented, err)
			}
		}
	})
}
