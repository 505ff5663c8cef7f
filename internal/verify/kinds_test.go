package verify_test

import (
	"testing"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
)

func TestEveryKindOfCredentialSaysWhoAndForWhat(t *testing.T) {
	testkit.EachInstallation(t, func(t *testing.T, in *testkit.Installation) {
		r := newRows(t, in)
		app, oauth := r.app(t), r.oauth(t)
		ends := r.Clock.Now().Add(24 * time.Hour)
		_, secret := r.secret(t, app, ends)
		pat, patSecret := made(t, in, "ci", "odata:read")
		old := r.legacy(t, "old-token", token.SchemeSHA256, digestOf("old-token"))
		hour := r.Clock.Now().Add(time.Hour)
		for what, c := range map[string]struct {
			presented       string
			kind            token.Kind
			isApp           bool
			owner, tokenID  string
			expires, sunset time.Time
		}{
			"personal access token":     {presented: patSecret, kind: token.KindPAT, owner: r.dev.User.ID, tokenID: pat.ID, expires: pat.ExpiresAt},
			"client secret":             {presented: secret, kind: token.KindApp, isApp: true, owner: app.ID, tokenID: app.ID, expires: ends},
			"app's access token":        {presented: r.sign(t, r.ofApp(app)), kind: token.KindAccess, isApp: true, owner: app.ID, tokenID: app.ID, expires: hour},
			"OAuth token's":             {presented: r.sign(t, r.claims(r.dev.User.ID, oauth.ID)), kind: token.KindAccess, owner: r.dev.User.ID, tokenID: oauth.ID, expires: hour},
			"personal access token's":   {presented: r.sign(t, r.claims(r.dev.User.ID, pat.ID)), kind: token.KindAccess, owner: r.dev.User.ID, tokenID: pat.ID, expires: hour},
			"token of the older system": {presented: "old-token", kind: token.KindLegacy, owner: r.dev.User.ID, tokenID: old.ID, expires: old.ExpiresAt, sunset: old.ExpiresAt},
		} {
			for _, from := range []string{"from the database", "from memory"} {
				d, err := in.Checks.Check(t.Context(), c.presented, verify.Ask{Workspace: standard, Scopes: token.Scopes{"odata:read"}, Address: client})
				if err != nil {
					t.Errorf("%s, %s: %v", what, from, err)
					continue
				}
				if d.Kind() != c.kind || d.IsApp() != c.isApp || d.OwnerID() != c.owner || d.TokenID() != c.tokenID || !d.ExpiresAt().Equal(c.expires) ||
					d.Workspace() != standard || d.WorkspaceID() != r.ws.ID || d.ScopesText() != "odata:read" || d.Epoch() != 0 {
					t.Errorf("%s, %s: %s of app %v, %s, %s, until %v, in %s for %s", what, from, d.Kind(), d.IsApp(), d.OwnerID(), d.TokenID(), d.ExpiresAt(), d.Workspace(), d.ScopesText())
				}
				deprecated, stops, legacy := d.Sunset()
				if legacy != (c.kind == token.KindLegacy) || !stops.Equal(c.sunset) || legacy && !deprecated.Equal(r.Clock.Now().Truncate(time.Millisecond)) {
					t.Errorf("%s, %s: deprecated %v, stops %v, %v", what, from, deprecated, stops, legacy)
				}
			}
		}
	})
}

func TestAClientSecretEndsWithItsAppOrItsOverlap(t *testing.T) {
	testkit.EachInstallation(t, func(t *testing.T, in *testkit.Installation) {
		r := newRows(t, in)
		app := r.app(t)
		ends := r.Clock.Now().Add(time.Hour)
		first, old := r.secret(t, app, ends)
		_, now := r.secret(t, app, time.Time{})
		r.wantGood(t, "old", old)
		r.wantGood(t, "new", now)
		r.Clock.Set(ends)
		r.wantDead(t, "old, after its overlap", old)
		r.Clock.Set(ends.Add(-time.Microsecond))
		r.wantGood(t, "old, before its end", old)
		r.update(t, func(tx *store.Tx) error { return tx.EndClientSecret(first.ID, tx.Now) })
		in.Checks.AppChanged(r.ws.ID, app.ID)
		r.wantDead(t, "old, ended early", old)
		r.wantGood(t, "new", now)
		r.update(t, func(tx *store.Tx) error { return tx.DisableApp(app.ID, false) })
		in.Checks.AppChanged(r.ws.ID, app.ID)
		r.wantDead(t, "of a disabled app", now)
		r.policy(t, setAfterStop(token.UntilExpiry))
		r.wantDead(t, "of a disabled app, whatever becomes of its access tokens", now)
		r.update(t, func(tx *store.Tx) error {
			return joined(tx.ActivateApp(app.ID, false), tx.DisableApp(app.ID, true), tx.ActivateApp(app.ID, false))
		})
		in.Checks.AppChanged(r.ws.ID, app.ID)
		d, err := in.Checks.Check(t.Context(), now, r.ask())
		if err != nil || d.Epoch() != 1 {
			t.Errorf("activated again: epoch %d, %v", d.Epoch(), err)
		}
		r.update(t, func(tx *store.Tx) error { return tx.DeleteApp(app.ID) })
		in.Checks.AppChanged(r.ws.ID, app.ID)
		r.wantDead(t, "of a deleted app", now)
		// A secret that was unknown is known once it is made.
		other := r.app(t)
		later := r.Format.New(token.KindApp)
		r.wantDead(t, "not made yet", later.Reveal())
		s := token.ClientSecret{ID: token.NewID(token.ClientSecretID, r.Clock.Now()), AppID: other.ID, CreatedAt: r.Clock.Now()}
		r.update(t, func(tx *store.Tx) error { return tx.AddClientSecret(s, later.Hash()) })
		in.Checks.SecretMade(later.Hash())
		r.wantGood(t, "made", later.Reveal())
	})
}

func TestUseCountsForWhatACredentialComesFrom(t *testing.T) {
	testkit.EachInstallation(t, func(t *testing.T, in *testkit.Installation) {
		r := newRows(t, in)
		app, oauth := r.app(t), r.oauth(t)
		kept, secret := r.secret(t, app, time.Time{})
		pat, patSecret := made(t, in, "ci", "odata:read")
		r.legacy(t, "old", token.SchemeSHA256, digestOf("old"))
		uses := []string{secret, secret, patSecret, "old"}
		for range 3 {
			uses = append(uses, r.sign(t, r.ofApp(app)), r.sign(t, r.claims(r.dev.User.ID, oauth.ID)), r.sign(t, r.claims(r.dev.User.ID, pat.ID)))
		}
		for _, presented := range uses {
			r.wantGood(t, "use", presented)
		}
		if _, err := in.Checks.Check(t.Context(), secret, verify.Ask{Scopes: token.Scopes{"more"}, Address: client}); code(err) != api.CodeScopeMissing {
			t.Fatal(err)
		}
		if err := in.Checks.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		today := r.Clock.Now().Unix() / 86400
		err := in.Store.View(t.Context(), func(tx *store.Tx) error {
			for id, want := range map[string]store.DayUse{
				app.ID: {Requests: 5, Refusals: 1, Addresses: 1}, oauth.ID: {Requests: 3, Addresses: 1}, pat.ID: {Requests: 4, Addresses: 1},
			} {
				got, err := tx.UsePerDay(store.UseFilter{WorkspaceID: r.ws.ID, TokenID: id, From: today, To: today})
				if err != nil || len(got) != 1 || got[0].Requests != want.Requests || got[0].Refusals != want.Refusals || got[0].Addresses != want.Addresses {
					t.Errorf("%s: %+v, %v; want %+v", id, got, err, want)
				}
			}
			a, err := tx.App(r.ws.ID, app.ID)
			if err != nil || !a.LastUsedAt.Equal(r.Clock.Now()) || a.LastUsedIP != client {
				t.Errorf("the app was last used %v from %v (%v)", a.LastUsedAt, a.LastUsedIP, err)
			}
			list, err := tx.ClientSecrets(app.ID)
			if err != nil || len(list) != 1 || list[0].ID != kept.ID || !list[0].LastUsedAt.Equal(r.Clock.Now()) {
				t.Errorf("its secret: %+v (%v)", list, err)
			}
			o, err := tx.OAuthToken(r.ws.ID, oauth.ID)
			if err != nil || !o.LastUsedAt.Equal(r.Clock.Now()) {
				t.Errorf("the OAuth token was last used %v (%v)", o.LastUsedAt, err)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestACachedCredentialOfAnyKindAllocatesNothing(t *testing.T) {
	r := newRows(t, testkit.InstalledSQLite(t))
	app := r.app(t)
	_, secret := r.secret(t, app, time.Time{})
	narrow := r.ofApp(app)
	narrow.Audience = "https://api.example/"
	r.legacy(t, "an old token, of a length that no hash's buffer holds on the stack", token.SchemeSHA256, digestOf("an old token, of a length that no hash's buffer holds on the stack"))
	ctx := t.Context()
	for what, presented := range map[string]string{
		"access token": r.sign(t, r.ofApp(app)), "for a resource": r.sign(t, narrow), "client secret": secret,
		"legacy token": "an old token, of a length that no hash's buffer holds on the stack",
	} {
		ask := verify.Ask{Workspace: standard, Audience: "https://api.example/", Scopes: token.Scopes{"odata:read"}, Address: client}
		if n := testing.AllocsPerRun(1000, func() {
			if _, err := r.Checks.Check(ctx, presented, ask); err != nil {
				t.Fatal(what, err)
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations", what, n)
		}
	}
}
