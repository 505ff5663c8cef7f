package authority_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// What families of refresh tokens should do, kept by the plainest means.

type modelFamily struct {
	expires time.Time
	ended   bool
	gone    bool // its access tokens too, whatever the policy
	tokens  []modelRefresh
	access  []modelAccess
}

type modelRefresh struct {
	usedAt    time.Time // zero: current
	successor int       // in the family, once used
	kept      bool      // the successor is kept, to be told again
}

type modelAccess struct{ expires time.Time }

type modelRules struct {
	rotate, runOut, barred bool
}

// refresh is what happens when a refresh token is presented: whether it is good, and which comes out: its
// place in the family, or -1 for none.
func (f *modelFamily) refresh(i int, r modelRules, now time.Time) (good bool, next int) {
	if f.ended || !now.Before(f.expires) {
		return false, -1
	}
	t := &f.tokens[i]
	if !t.usedAt.IsZero() {
		forgiven := t.kept && f.tokens[t.successor].usedAt.IsZero() && now.Sub(t.usedAt) <= 30*time.Second
		if !forgiven {
			f.ended, f.gone = true, true
			return false, -1
		}
	}
	if r.barred {
		return false, -1
	}
	f.access = append(f.access, modelAccess{expires: earlier(now.Add(time.Hour), f.expires)})
	if !t.usedAt.IsZero() {
		return true, t.successor
	}
	for j := range f.tokens {
		if !f.tokens[j].usedAt.IsZero() && f.tokens[j].successor == i {
			f.tokens[j].kept = false
		}
	}
	if !r.rotate {
		return true, -1
	}
	t.usedAt, t.successor, t.kept = now, len(f.tokens), true
	f.tokens = append(f.tokens, modelRefresh{})
	return true, t.successor
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// accessGood reports whether an access token should be good.
func (f *modelFamily) accessGood(i int, r modelRules, now time.Time) bool {
	return now.Before(f.access[i].expires) && !r.barred && !f.gone && (!f.ended || r.runOut)
}

// familySide is one engine in step with the model.
type familySide struct {
	*place
	ids     []string
	refresh [][]token.Secret
	access  [][]token.Secret
}

func TestRandomRefreshesAgreeWithAModelOnBothEngines(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) { refreshesAgree(t, newPlace(testkit.InstalledSQLite(t))) })
	t.Run("both", func(t *testing.T) {
		refreshesAgree(t, newPlace(testkit.InstalledPostgres(t)), newPlace(testkit.InstalledSQLite(t)))
	})
}

// families is the model and the engines that are held to it.
type families struct {
	t     *testing.T
	rules modelRules
	model []*modelFamily
	sides []*familySide
}

func refreshesAgree(t *testing.T, places ...*place) {
	t.Helper()
	for _, p := range places {
		p.setPolicy(t, standard, func(policy *token.Policy) { policy.OAuthTokens.PerUser = 0 })
	}
	rapid.Check(t, func(rt *rapid.T) {
		w := &families{t: t}
		now := places[0].Clock.Now().Truncate(time.Second)
		for _, p := range places {
			p.Clock.Set(now)
			p.signIn(t)
			w.sides = append(w.sides, &familySide{place: p})
		}
		w.setRules(modelRules{rotate: true})
		rt.Repeat(map[string]func(*rapid.T){
			"make":    w.make,
			"refresh": w.refresh,
			"again":   w.refresh,
			"more":    w.refresh,
			"disable": w.disable,
			"rules": func(rt *rapid.T) {
				w.setRules(modelRules{rapid.Bool().Draw(rt, "rotate"), rapid.Bool().Draw(rt, "run out"), rapid.IntRange(0, 4).Draw(rt, "barred") == 0})
			},
			"wait": func(rt *rapid.T) {
				d := rapid.SampledFrom([]time.Duration{time.Second, 10 * time.Second, 30 * time.Second, 20 * time.Minute, time.Hour, 10 * time.Hour}).Draw(rt, "d")
				for _, s := range w.sides {
					s.Clock.Advance(d)
					s.signIn(t)
				}
			},
			"": w.agree,
		})
	})
}

func (w *families) now() time.Time { return w.sides[0].Clock.Now() }

func (w *families) setRules(r modelRules) {
	// An access token that a stopped family left behind is judged by the rules of the moment.
	w.rules = r
	for _, s := range w.sides {
		s.setPolicy(w.t, standard, func(policy *token.Policy) {
			policy.Refresh, policy.AfterStop = token.Reusable, token.StopAtOnce
			if r.rotate {
				policy.Refresh = token.Rotate
			}
			if r.runOut {
				policy.AfterStop = token.UntilExpiry
			}
			roles := token.Roles()
			if r.barred {
				roles = []token.Role{token.Administrator}
			}
			policy.OAuthTokens.Roles, policy.OAuthTokens.Creators = roles, roles
		})
	}
}

func (w *families) make(rt *rapid.T) {
	if len(w.model) == 4 || w.rules.barred {
		rt.Skip("enough")
	}
	days := rapid.IntRange(1, 2).Draw(rt, "days")
	now := w.now()
	expires := now.AddDate(0, 0, days)
	w.model = append(w.model, &modelFamily{expires: expires, tokens: []modelRefresh{{}}, access: []modelAccess{{earlier(now.Add(time.Hour), expires)}}})
	for _, s := range w.sides {
		made, pair := s.family(w.t, s.dev, standard, days)
		s.ids = append(s.ids, made.ID)
		s.refresh, s.access = append(s.refresh, []token.Secret{pair.RefreshToken}), append(s.access, []token.Secret{pair.AccessToken})
	}
}

func (w *families) pick(rt *rapid.T) int {
	if len(w.model) == 0 {
		rt.Skip("none yet")
	}
	return rapid.IntRange(0, len(w.model)-1).Draw(rt, "family")
}

func (w *families) refresh(rt *rapid.T) {
	n := w.pick(rt)
	f := w.model[n]
	// Mostly one of the newest: an old one ends the family.
	i := len(f.tokens) - 1 - min(rapid.SampledFrom([]int{0, 0, 0, 0, 1, 1, 2, 9}).Draw(rt, "back"), len(f.tokens)-1)
	good, next := f.refresh(i, w.rules, w.now())
	for _, s := range w.sides {
		got, err := s.Refresh(context.Background(), s.refresh[n][i], "", authority.GrantRequest{}, token.Origin{})
		if (err == nil) != good || err != nil && fault.From(err).Kind != fault.BadRequest {
			rt.Fatalf("%s: refresh token %d of family %d: %v; the model says %v", s.Engine, i, n, err, good)
		}
		if !good {
			continue
		}
		s.access[n] = append(s.access[n], got.AccessToken)
		switch given := got.RefreshToken.Reveal(); {
		case next < 0 && given != "":
			rt.Fatalf("%s: one is given out, and none should be", s.Engine)
		case next == len(s.refresh[n]):
			s.refresh[n] = append(s.refresh[n], got.RefreshToken)
		case next >= 0 && given != s.refresh[n][next].Reveal():
			rt.Fatalf("%s: another one than %d is given out", s.Engine, next)
		}
	}
}

func (w *families) disable(rt *rapid.T) {
	n := w.pick(rt)
	if w.rules.barred || rapid.IntRange(0, 2).Draw(rt, "rarely") > 0 {
		rt.Skip("not now")
	}
	f := w.model[n]
	if !f.ended {
		f.ended, f.gone = true, !w.rules.runOut
	}
	for _, s := range w.sides {
		if _, err := s.DisableOAuthToken(context.Background(), s.dev, standard, s.ids[n]); err != nil {
			rt.Fatalf("%s: %v", s.Engine, err)
		}
	}
}

// agree compares every access token that was ever issued.
func (w *families) agree(rt *rapid.T) {
	for n, f := range w.model {
		for i := range f.access {
			want := f.accessGood(i, w.rules, w.now())
			for _, s := range w.sides {
				if got := s.check(s.access[n][i], standard, "odata:read") == nil; got != want {
					rt.Fatalf("%s: access token %s is good: %v; the model says %v", s.Engine, fmt.Sprintf("%d of family %d", i, n), got, want)
				}
			}
		}
	}
}
