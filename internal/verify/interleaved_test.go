package verify_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
)

// overtaking is a credential, and a change that ends it: what is written, and who is told.
type overtaking struct {
	presented string
	write     func(*store.Tx) error
	tell      func(*verify.Checker)
}

// overtakings are all that can end what this package answers for beside a personal access token, by their
// names.
func (r *rows) overtakings() map[string]func(t testing.TB) overtaking {
	ofApp := func(write func(*store.Tx, token.App) error) func(t testing.TB) overtaking {
		return func(t testing.TB) overtaking {
			app := r.app(t)
			return overtaking{
				r.sign(t, r.ofApp(app)), func(tx *store.Tx) error { return write(tx, app) },
				func(c *verify.Checker) { c.AppChanged(r.ws.ID, app.ID) },
			}
		}
	}
	return map[string]func(t testing.TB) overtaking{
		"an app's access token, disabled": ofApp(func(tx *store.Tx, a token.App) error { return tx.DisableApp(a.ID, true) }),
		"an app's access token, deleted":  ofApp(func(tx *store.Tx, a token.App) error { return tx.DeleteApp(a.ID) }),
		"an app's access token, its key removed": func(t testing.TB) overtaking {
			key := r.newKey(t)
			return overtaking{
				signWith(t, key, "at+jwt", r.ofApp(r.app(t))), func(tx *store.Tx) error { return tx.DropSigningKey(key.ID) },
				func(c *verify.Checker) { c.WorkspaceChanged(r.ws.ID) },
			}
		},
		"an access token alone": func(t testing.TB) overtaking {
			claims := r.ofApp(r.app(t))
			return overtaking{
				r.sign(t, claims), func(tx *store.Tx) error { return tx.StopAccess(claims.ID, tx.Now.Add(token.AccessLife)) },
				func(c *verify.Checker) { c.SourceChanged(claims.SourceID) },
			}
		},
		"a client secret, its app disabled": func(t testing.TB) overtaking {
			app := r.app(t)
			_, secret := r.secret(t, app, app.DisabledAt)
			return overtaking{
				secret, func(tx *store.Tx) error { return tx.DisableApp(app.ID, true) },
				func(c *verify.Checker) { c.AppChanged(r.ws.ID, app.ID) },
			}
		},
		"an OAuth token's access token, disabled": func(t testing.TB) overtaking {
			o := r.oauth(t)
			return overtaking{
				r.sign(t, r.claims(r.dev.User.ID, o.ID)), func(tx *store.Tx) error { return tx.DisableOAuthToken(o.ID, store.Stop{EndAccess: true}) },
				func(c *verify.Checker) { c.SourceChanged(o.ID) },
			}
		},
		"an exchanged access token, its token revoked": func(t testing.TB) overtaking {
			pat := token.Token{
				ID: token.NewID(token.TokenID, r.Clock.Now()), WorkspaceID: r.ws.ID, Owner: r.dev.User, Name: token.RandomText(12).Reveal(),
				Scopes: token.Scopes{"odata:read"}, CreatedAt: r.Clock.Now(),
			}
			h := token.HashOf(pat.ID)
			r.update(t, func(tx *store.Tx) error { return tx.AddToken(pat, h) })
			return overtaking{
				r.sign(t, r.claims(r.dev.User.ID, pat.ID)), func(tx *store.Tx) error { return tx.RevokeToken(pat.ID, "") },
				func(c *verify.Checker) { c.TokenChanged(pat.ID, h) },
			}
		},
		"a legacy token, revoked": func(t testing.TB) overtaking {
			clear := token.RandomText(20).Reveal()
			l := r.legacy(t, clear, token.SchemeSHA512, digest512(clear))
			return overtaking{
				clear, func(tx *store.Tx) error { return tx.RevokeToken(l.ID, "") },
				func(c *verify.Checker) { c.TokenChanged(l.ID, token.SchemeSHA512.Kept(digest512(clear))) },
			}
		},
	}
}

// Each change is made at each moment of the check that loads the credential first.
func TestALoadThatAnEndOvertookIsNeverRemembered(t *testing.T) {
	testkit.EachInstallation(t, func(t *testing.T, in *testkit.Installation) {
		r := newRows(t, in)
		other := testkit.Bare(t, in.DB) // see TestALoadThatAChangeOvertookReadsAgainAtWhateverMomentItWas
		for what, set := range r.overtakings() {
			moments := 0
			for nth := int64(1); ; nth++ {
				checks, o := r.fresh(), set(t)
				ctx := &lookedAt{Context: context.WithoutCancel(t.Context()), nth: nth, do: func() {
					if err := other.Store.Update(t.Context(), o.write); err != nil {
						t.Error(what, err)
					}
					o.tell(checks)
				}}
				_ = second(checks.Check(ctx, o.presented, r.ask())) // it began before: either answer is right
				if ctx.looks.Load() < nth {
					if err := second(checks.Check(t.Context(), o.presented, r.ask())); err != nil {
						t.Errorf("%s: undisturbed: %v", what, err)
					}
					break
				}
				moments++
				if err := second(checks.Check(t.Context(), o.presented, r.ask())); code(err) != api.CodeInvalidToken {
					t.Errorf("%s, at moment %d: the next check answers %v", what, nth, err)
				}
			}
			if moments < 3 {
				t.Errorf("%s: only %d moments were reached", what, moments)
			}
		}
	})
}

// An import that comes at any moment of the reading of a workspace's legacy tokens is seen by the next check.
func TestAListOfLegacyTokensThatAnImportOvertookIsReadAgain(t *testing.T) {
	testkit.EachInstallation(t, func(t *testing.T, in *testkit.Installation) {
		r := newRows(t, in)
		other := testkit.Bare(t, in.DB)
		r.legacy(t, "there before", token.SchemeSHA256, digestOf("there before"))
		for nth := int64(1); ; nth++ {
			r.Checks = r.fresh()
			clear := fmt.Sprint("imported at moment ", nth)
			l := token.Token{
				ID: token.NewID(token.TokenID, r.Clock.Now()), WorkspaceID: r.ws.ID, Owner: r.dev.User, Scheme: token.SchemeSHA512,
				Scopes: token.Scopes{"odata:read"}, CreatedAt: r.Clock.Now(),
			}
			h := l.Scheme.Kept(digest512(clear))
			ctx := &lookedAt{Context: context.WithoutCancel(t.Context()), nth: nth, do: func() {
				if err := other.Store.Update(t.Context(), func(tx *store.Tx) error { return tx.AddToken(l, h) }); err != nil {
					t.Error(err)
				}
				r.Checks.TokenMade(h)
				r.Checks.LegacyChanged(r.ws.ID)
			}}
			if err := verify.ReadLegacyList(ctx, r.Checks, standard); err != nil {
				t.Fatal(err)
			}
			if ctx.looks.Load() < nth {
				if nth < 4 {
					t.Errorf("only %d moments were reached", nth-1)
				}
				return
			}
			r.wantGood(t, fmt.Sprint("imported at moment ", nth), clear)
		}
	})
}

// model is what a credential is to be answered, by what was changed so far.
type model struct {
	presented string
	app       *token.App
	oauth     string
	key       string
	jti       string
	jtiEnded  bool
	epoch     int64
	issued    int64 // milliseconds
}

// state is the world that the models live in.
type state struct {
	apps   map[string]*appState
	oauths map[string]*oauthState
	keys   map[string]bool
	role   token.Role // of the developer; "" is removed
	joined int64      // milliseconds
	roles  []token.Role
	after  token.AfterStop
}

type appState struct {
	disabled, gone, stopped bool
	epoch                   int64
}

type oauthState struct{ disabled, ended, gone, stopped bool }

// good says what a check must answer.
func (s *state) good(m *model) bool {
	lets := s.after == token.UntilExpiry
	switch {
	case m.app != nil && m.key == "": // a client secret
		a := s.apps[m.app.ID]
		return !a.gone && !a.disabled
	case !s.keys[m.key], m.jtiEnded:
		return false
	case m.app != nil:
		a := s.apps[m.app.ID]
		switch {
		case a.stopped:
			return false
		case a.gone:
			return lets
		default:
			return m.epoch >= a.epoch && (!a.disabled || lets)
		}
	}
	o := s.oauths[m.oauth]
	switch {
	case o.stopped, s.role == "", !slices.Contains(s.roles, s.role), m.issued < s.joined:
		return false
	case o.gone:
		return lets
	}
	return !o.disabled || lets && !o.ended
}

// TestNoInterleavingOfChangesAndChecksIsAnsweredByAnOldState makes changes of every kind in any order, some of
// them in the middle of a check, and compares each answer with the rules, told once more and more simply.
func TestNoInterleavingOfChangesAndChecksIsAnsweredByAnOldState(t *testing.T) {
	testkit.EachInstallation(t, func(t *testing.T, in *testkit.Installation) {
		r := newRows(t, in)
		other := testkit.Bare(t, in.DB)
		r.writes = other.Store
		rounds, overtaken := 0, 0
		rapid.Check(t, func(rt *rapid.T) {
			w := newWalk(t, r, other.Store)
			for range rapid.IntRange(5, 40).Draw(rt, "steps") {
				m := w.all[rapid.IntRange(0, len(w.all)-1).Draw(rt, "credential")]
				switch rapid.IntRange(0, 4).Draw(rt, "step") {
				case 0, 1:
					w.check(rt, m)
				case 2:
					w.change(rt)()
				default: // a change in the middle of a check
					change := w.change(rt)
					ctx := &lookedAt{Context: context.WithoutCancel(t.Context()), nth: int64(rapid.IntRange(1, 12).Draw(rt, "moment")), do: change}
					_ = second(r.Checks.Check(ctx, m.presented, r.ask()))
					if ctx.looks.Load() < ctx.nth {
						change()
					} else {
						overtaken++
					}
					w.check(rt, m)
				}
			}
			for _, m := range w.all {
				w.check(rt, m)
			}
			rounds++
			w.restore()
		})
		t.Logf("%d rounds, %d changes in the middle of a check", rounds, overtaken)
		if overtaken < rounds/10 {
			t.Error("the test did not reach what it is about")
		}
	})
}

// walk is one round: two apps with an access token and a secret each, two OAuth tokens, two keys.
type walk struct {
	t     testing.TB
	r     *rows
	other *store.Store
	state state
	all   []*model
}

func newWalk(t testing.TB, r *rows, other *store.Store) *walk {
	w := &walk{t: t, r: r, other: other, state: state{
		apps: map[string]*appState{}, oauths: map[string]*oauthState{}, keys: map[string]bool{}, role: token.Developer, roles: token.Roles(), after: token.StopAtOnce,
	}}
	for range 2 {
		r.key = r.newKey(t)
		w.state.keys[r.key.ID] = true
		app, o := r.app(t), r.oauth(t)
		w.state.apps[app.ID], w.state.oauths[o.ID] = new(appState), new(oauthState)
		_, secret := r.secret(t, app, app.DisabledAt)
		w.all = append(w.all, &model{presented: secret, app: &app})
		w.issue(&app, "")
		w.issue(nil, o.ID)
	}
	return w
}

// issue adds an access token, signed by the newest key that is there.
func (w *walk) issue(app *token.App, oauth string) {
	if !w.state.keys[w.r.key.ID] {
		w.r.key = w.r.newKey(w.t)
		w.state.keys[w.r.key.ID] = true
	}
	m := &model{app: app, oauth: oauth, key: w.r.key.ID, issued: w.r.Clock.Now().UnixMilli()}
	c := w.r.claims(w.r.dev.User.ID, oauth)
	if app != nil {
		m.epoch = w.state.apps[app.ID].epoch
		c = w.r.ofApp(*app)
		c.Epoch = m.epoch
	}
	m.jti, m.presented = c.ID, w.r.sign(w.t, c)
	w.all = append(w.all, m)
}

func (w *walk) check(t *rapid.T, m *model) {
	t.Helper()
	want := w.state.good(m)
	if err := w.r.check(m.presented); (err == nil) != want {
		t.Fatalf("answered %v; good is %v by %+v in %+v", err, want, *m, w.state)
	}
}

// write commits through another pool, as a check may hold a lock of the first one's.
func (w *walk) write(fn func(*store.Tx) error) {
	if err := w.other.Update(context.Background(), fn); err != nil {
		w.t.Error(err)
	}
}

// change draws a change; it is made when it is called.
func (w *walk) change(t *rapid.T) func() {
	w.r.Clock.Advance(1_000_000) // a millisecond
	m := w.all[rapid.IntRange(0, len(w.all)-1).Draw(t, "of")]
	switch {
	case rapid.IntRange(0, 5).Draw(t, "rules") == 0:
		return w.changeRules(t)
	case rapid.IntRange(0, 7).Draw(t, "token") == 0 && m.key != "":
		return func() {
			m.jtiEnded = true
			w.write(func(tx *store.Tx) error { return tx.StopAccess(m.jti, tx.Now.Add(token.AccessLife)) })
			if m.app != nil {
				w.r.Checks.SourceChanged(m.app.ID)
			} else {
				w.r.Checks.SourceChanged(m.oauth)
			}
		}
	case m.app != nil:
		return w.changeApp(t, m)
	}
	return w.changeOAuth(t, m)
}

func (w *walk) changeApp(t *rapid.T, m *model) func() {
	what := rapid.SampledFrom([]string{"disable", "end", "activate", "issue", "delete"}).Draw(t, "app")
	return func() {
		a, id := w.state.apps[m.app.ID], m.app.ID
		stop := w.state.after == token.StopAtOnce
		if a.gone {
			return
		}
		w.write(func(tx *store.Tx) error {
			switch {
			case what == "disable" && !a.disabled:
				return tx.DisableApp(id, stop)
			case what == "end" && !a.disabled:
				return joined(tx.DisableApp(id, true), tx.ActivateApp(id, false))
			case what == "activate" && a.disabled:
				return tx.ActivateApp(id, false)
			case what == "delete" && stop:
				return joined(tx.DeleteApp(id), tx.StopAccess(id, tx.Now.Add(token.AccessLife)))
			case what == "delete":
				return tx.DeleteApp(id)
			}
			return nil
		})
		switch {
		case what == "disable" && !a.disabled:
			a.disabled = true
			if stop {
				a.epoch++
			}
		case what == "end" && !a.disabled:
			a.epoch++
		case what == "activate":
			a.disabled = false
		case what == "delete":
			a.gone, a.stopped = true, stop
		}
		w.r.Checks.AppChanged(w.r.ws.ID, id)
		if what == "issue" && !a.disabled {
			w.issue(m.app, "")
		}
	}
}

func (w *walk) changeOAuth(t *rapid.T, m *model) func() {
	what := rapid.SampledFrom([]string{"disable", "refresh", "delete"}).Draw(t, "OAuth token")
	return func() {
		o, id := w.state.oauths[m.oauth], m.oauth
		stop := w.state.after == token.StopAtOnce
		if o.gone {
			return
		}
		w.write(func(tx *store.Tx) error {
			switch {
			case what == "disable" && !o.disabled:
				return tx.DisableOAuthToken(id, store.Stop{EndAccess: stop})
			case what == "delete" && stop:
				return joined(tx.DeleteOAuthToken(id), tx.StopAccess(id, tx.Now.Add(token.AccessLife)))
			case what == "delete":
				return tx.DeleteOAuthToken(id)
			}
			return nil
		})
		switch {
		case what == "disable" && !o.disabled:
			o.disabled, o.ended = true, stop
		case what == "delete":
			o.gone, o.stopped = true, stop
		}
		w.r.Checks.SourceChanged(id)
		if what == "refresh" && !o.disabled {
			w.issue(nil, id)
		}
	}
}

// changeRules changes what concerns many at once: the policy, a key, the owner.
func (w *walk) changeRules(t *rapid.T) func() {
	ws, user := w.r.ws.ID, w.r.dev.User.ID
	switch rapid.IntRange(0, 3).Draw(t, "which") {
	case 0:
		after := rapid.SampledFrom([]token.AfterStop{token.StopAtOnce, token.UntilExpiry}).Draw(t, "after")
		roles := rapid.SampledFrom([][]token.Role{token.Roles(), {token.Administrator}, {token.Developer}}).Draw(t, "roles")
		return func() {
			w.state.after, w.state.roles = after, roles
			w.setRules()
		}
	case 1:
		key := rapid.SampledFrom(w.keyIDs()).Draw(t, "key")
		return func() {
			if w.state.keys[key] {
				w.state.keys[key] = false
				w.write(func(tx *store.Tx) error { return tx.DropSigningKey(key) })
				w.r.Checks.WorkspaceChanged(ws)
			}
		}
	case 2:
		role := rapid.SampledFrom([]token.Role{token.Developer, token.PlainMember, token.Administrator}).Draw(t, "role")
		return func() { w.setRole(role) }
	}
	return func() {
		if w.state.role != "" {
			w.state.role = ""
			w.write(func(tx *store.Tx) error { return tx.RemoveMember(ws, user) })
			w.r.Checks.OwnerChanged(ws, user)
		}
	}
}

func (w *walk) setRole(role token.Role) {
	ws, user := w.r.ws.ID, w.r.dev.User.ID
	if w.state.role == "" {
		w.state.joined = w.r.Clock.Now().UnixMilli()
		w.write(func(tx *store.Tx) error { return tx.AddMember(ws, user, role) })
	} else {
		w.write(func(tx *store.Tx) error { return tx.SetRole(ws, user, role) })
	}
	w.state.role = role
	w.r.Checks.OwnerChanged(ws, user)
}

func (w *walk) setRules() {
	w.write(func(tx *store.Tx) error {
		rules, err := tx.Rules(w.r.ws.ID)
		if err != nil {
			return err
		}
		rules.Policy.AfterStop, rules.Policy.OAuthTokens.Roles = w.state.after, w.state.roles
		return tx.SetRules(w.r.ws.ID, rules)
	})
	w.r.Checks.WorkspaceChanged(w.r.ws.ID)
}

func (w *walk) keyIDs() (ids []string) {
	for id := range w.state.keys {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// restore makes the workspace again what the next round begins with.
func (w *walk) restore() {
	w.state.after, w.state.roles = token.StopAtOnce, token.Roles()
	w.setRules()
	w.setRole(token.Developer)
}
