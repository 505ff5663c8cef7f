package authority_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// clientSource is what access tokens come from: an app or an OAuth token.
type clientSource struct {
	pair          bool
	disabled      bool
	deleted       bool
	ended         bool // its access tokens were ended once
	secrets       []clientSecret
	expires       time.Time // of an OAuth token
	issued        []clientAccess
	secretsEver   int
	accessesSoFar int
}

// clientSecret is a client secret; zero ends: the newest.
type clientSecret struct {
	key  string
	ends time.Time
}

// clientAccess is an access token. Dead is for good.
type clientAccess struct {
	key     string
	expires time.Time
	dead    bool
}

// clientModel is apps and OAuth tokens by the plainest means: what the rules say, access token by access token.
type clientModel struct {
	stop    bool // the policy stops access tokens at once; else it lets them run out
	sources map[string]*clientSource
}

// die ends the access tokens that a source has issued, for good.
func (s *clientSource) die() {
	s.ended = true
	for i := range s.issued {
		s.issued[i].dead = true
	}
}

func (s *clientSource) issue(now time.Time) string {
	a := clientAccess{key: fmt.Sprint("a", s.accessesSoFar), expires: now.Add(time.Hour)}
	s.accessesSoFar++
	if s.pair && s.expires.Before(a.expires) {
		a.expires = s.expires
	}
	s.issued = append(s.issued, a)
	return a.key
}

// replace makes another secret the newest.
func (s *clientSource) replace(now time.Time, keep time.Duration) string {
	s.secrets = slices.DeleteFunc(s.secrets, func(x clientSecret) bool { return !x.ends.IsZero() || keep == 0 })
	for i := range s.secrets {
		s.secrets[i].ends = now.Add(keep)
	}
	fresh := clientSecret{key: fmt.Sprint("s", s.secretsEver)}
	s.secretsEver++
	s.secrets = append(s.secrets, fresh)
	return fresh.key
}

func (m *clientModel) goodSecret(s *clientSource, x clientSecret, now time.Time) bool {
	return !s.disabled && !s.deleted && (x.ends.IsZero() || now.Before(x.ends))
}

func (m *clientModel) goodAccess(s *clientSource, a clientAccess, now time.Time) bool {
	return !a.dead && now.Before(a.expires) && (!m.stop || !s.disabled && !s.deleted)
}

// clientStep is one verb on one source.
type clientStep struct {
	verb string
	key  string
	keep time.Duration
	days int
}

// expect changes the model; it returns the key of a secret or an access token that the verb hands out, and
// whether it succeeds.
func (m *clientModel) expect(step clientStep, now time.Time) (handed string, succeeds bool) {
	s := m.sources[step.key]
	live := s != nil && !s.deleted
	switch step.verb {
	case "app":
		m.sources[step.key] = &clientSource{}
		return m.sources[step.key].replace(now, 0), true
	case "pair":
		m.sources[step.key] = &clientSource{pair: true, expires: now.AddDate(0, 0, step.days)}
		return m.sources[step.key].issue(now), true
	case "policy":
		m.stop = !m.stop
		return "", true
	case "disable":
		if live && !s.disabled {
			s.disabled = true
			if m.stop {
				s.die()
			}
		}
		return "", live
	case "activate":
		if !live || s.pair {
			return "", false
		}
		if s.disabled && m.stop {
			s.die() // those of before are dead by now, whatever the policy was when it was disabled
		}
		s.disabled = false
		return "", true
	case "delete":
		if live && (m.stop || s.ended) {
			s.die()
		}
		if live {
			s.deleted = true
		}
		return "", live
	case "rotate":
		if !live || s.pair {
			return "", false
		}
		return s.replace(now, step.keep), true
	case "grant":
		if !live || s.pair || s.disabled {
			return "", false
		}
		return s.issue(now), true
	}
	panic(step.verb)
}

// clientSide is one engine's installation in step with the model.
type clientSide struct {
	*place
	ids     map[string]string
	secrets map[string]token.Secret // by key of the source, and of the secret or access token
}

// do runs the step on one engine.
func (d *clientSide) do(ctx context.Context, step clientStep, pair bool, handed string) error {
	by, id := d.recent(d.admin), d.ids[step.key]
	keep := func(secret token.Secret, err error) error {
		if err == nil {
			d.secrets[step.key+handed] = secret
		}
		return err
	}
	switch {
	case step.verb == "app":
		app, secret, err := d.CreateApp(ctx, by, standard, authority.NewApp{Name: step.key, Scopes: []string{"odata:read"}})
		d.ids[step.key] = app.ID
		return keep(secret, err)
	case step.verb == "pair":
		made, issued, err := d.CreateOAuthToken(ctx, by, standard, authority.NewOAuthToken{Name: step.key, LifetimeDays: &step.days})
		d.ids[step.key] = made.ID
		return keep(issued.AccessToken, err)
	case step.verb == "policy":
		v, err := d.Enter(ctx, by, standard)
		if err != nil {
			return err
		}
		v.Policy.AfterStop = map[token.AfterStop]token.AfterStop{token.StopAtOnce: token.UntilExpiry, token.UntilExpiry: token.StopAtOnce}[v.Policy.AfterStop]
		return second(d.SetPolicy(ctx, by, standard, v.Policy))
	case step.verb == "disable" && pair:
		return second(d.DisableOAuthToken(ctx, by, standard, id))
	case step.verb == "delete" && pair:
		return d.DeleteOAuthToken(ctx, by, standard, id)
	case step.verb == "disable":
		return second(d.DisableApp(ctx, by, standard, id))
	case step.verb == "activate":
		return second(d.ActivateApp(ctx, by, standard, id))
	case step.verb == "delete":
		return d.DeleteApp(ctx, by, standard, id)
	case step.verb == "rotate":
		_, secret, err := d.RotateAppSecret(ctx, by, standard, id, authority.Rotation{Keep: step.keep})
		return keep(secret, err)
	}
	// The newest secret authenticates.
	var newest token.Secret
	for n := 0; ; n++ {
		s, ok := d.secrets[fmt.Sprint(step.key, "s", n)]
		if !ok {
			break
		}
		newest = s
	}
	c, err := d.Client(ctx, authority.ClientAuth{ID: id, Secret: newest}, testkit.Origin())
	if err != nil {
		return err
	}
	issued, err := d.ClientCredentials(ctx, c, asked())
	return keep(issued.AccessToken, err)
}

// agrees compares an engine with the model: every check of every secret and access token that ever was.
func (d *clientSide) agrees(t *rapid.T, m *clientModel) {
	now := d.Clock.Now()
	for key, s := range m.sources {
		want := map[string]bool{}
		for n := range s.secretsEver {
			want[fmt.Sprint("s", n)] = false // those that were replaced are not good
		}
		for _, x := range s.secrets {
			want[x.key] = m.goodSecret(s, x, now)
		}
		for _, a := range s.issued {
			want[a.key] = m.goodAccess(s, a, now)
		}
		for which, good := range want {
			if got := d.check(d.secrets[key+which], standard, "odata:read") == nil; got != good {
				t.Fatalf("%s: %s of %s is good: %v; the model says %+v, stops at once: %v", d.Engine, which, key, got, *s, m.stop)
			}
		}
	}
}

func TestRandomSequencesOfVerbsOnAppsAndOAuthTokensAgreeWithAModelOnBothEngines(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) { clientsAgree(t, newPlace(testkit.InstalledSQLite(t))) })
	t.Run("both", func(t *testing.T) {
		clientsAgree(t, newPlace(testkit.InstalledPostgres(t)), newPlace(testkit.InstalledSQLite(t)))
	})
}

// clientsAgree runs the same steps on the model and on every place.
func clientsAgree(t *testing.T, places ...*place) {
	t.Helper()
	run := 0
	for _, p := range places {
		p.setPolicy(t, standard, func(policy *token.Policy) { policy.OAuthTokens.PerUser = 0 })
	}
	rapid.Check(t, func(rt *rapid.T) {
		run++
		m := &clientModel{stop: true, sources: map[string]*clientSource{}}
		var sides []*clientSide
		now := places[0].Clock.Now()
		for _, p := range places {
			p.Clock.Set(now)
			p.setPolicy(t, standard, func(policy *token.Policy) { policy.AfterStop = token.StopAtOnce })
			sides = append(sides, &clientSide{place: p, ids: map[string]string{}, secrets: map[string]token.Secret{}})
		}
		for n := range rapid.IntRange(1, 25).Draw(rt, "steps") {
			step := clientStep{
				verb: rapid.SampledFrom([]string{"app", "pair", "grant", "grant", "grant", "rotate", "disable", "disable", "activate", "delete", "policy", "policy"}).Draw(rt, "verb"),
				keep: rapid.SampledFrom(authority.Overlaps()[:2]).Draw(rt, "keep"), days: rapid.IntRange(1, 2).Draw(rt, "days"),
			}
			on := rapid.IntRange(0, 3).Draw(rt, "on")
			if keys := slices.Sorted(maps.Keys(m.sources)); step.verb == "app" || step.verb == "pair" {
				step.key = fmt.Sprintf("run %d, %02d %s ", run, n, step.verb)
			} else if len(keys) > 0 {
				step.key = keys[max(0, len(keys)-1-on)] // one of the latest: much happens to the same one
			}
			handed, want := m.expect(step, places[0].Clock.Now())
			pair := m.sources[step.key] != nil && m.sources[step.key].pair
			for _, d := range sides {
				err := d.do(context.Background(), step, pair, handed)
				if (err == nil) != want || err != nil && fault.From(err).Kind == fault.Internal {
					rt.Fatalf("%s: step %+v: %v; the model says %v", d.Engine, step, err, want)
				}
			}
			wait := rapid.SampledFrom([]time.Duration{0, time.Second, 9 * time.Minute, 30 * time.Minute}).Draw(rt, "wait")
			for _, d := range sides {
				d.Clock.Advance(wait)
				d.agrees(rt, m)
			}
		}
	})
}
