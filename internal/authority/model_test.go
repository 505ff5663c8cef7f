package authority_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// modelled is what a token should be.
type modelled struct {
	owner   int
	name    string
	scopes  string
	expires time.Time
	revoked bool
}

// model is a workspace with the standard preset, three people and few tokens each, kept by the plainest
// means: what the rules say, without a database.
type model struct {
	roles  [3]token.Role
	tokens map[string]modelled // by a name of the test's own
}

const modelLimit = 3

func (m *model) live(owner int, now time.Time) (n int) {
	for _, t := range m.tokens {
		if t.owner == owner && !t.revoked && now.Before(t.expires) {
			n++
		}
	}
	return n
}

func (m *model) named(owner int, name string) bool {
	for _, t := range m.tokens {
		if t.owner == owner && t.name == name {
			return true
		}
	}
	return false
}

// good reports whether a token's secret should be good for a scope.
func (m *model) good(t modelled, scope string, now time.Time) bool {
	if t.revoked || !now.Before(t.expires) || t.scopes != scope {
		return false
	}
	return scope != token.ScopeAdmin || m.roles[t.owner] == token.Administrator
}

// side is one engine's installation in step with the model.
type side struct {
	*place
	people  [3]token.Identity
	ids     map[string]string
	secrets map[string]token.Secret
	stale   []token.Secret // replaced or deleted
}

// step is one verb by one person on one token.
type step struct {
	verb, by, on int
	name, scope  string
	days         int
	key          string
}

// expect changes the model and says whether the verb succeeds.
func (m *model) expect(s step, keys []string, now time.Time) bool {
	var t modelled
	known := len(keys) > 0
	key := ""
	if known {
		key = keys[s.on%len(keys)]
		t = m.tokens[key]
	}
	own, admin := known && t.owner == s.by, m.roles[s.by] == token.Administrator
	mayHold := s.scope != token.ScopeAdmin || admin
	switch s.verb {
	case 0: // create
		if !mayHold || m.live(s.by, now) >= modelLimit || m.named(s.by, s.name) {
			return false
		}
		m.tokens[s.key] = modelled{owner: s.by, name: s.name, scopes: s.scope, expires: now.AddDate(0, 0, s.days)}
		return true
	case 1: // regenerate
		held := t.scopes != token.ScopeAdmin || admin
		if !own || t.revoked || !held || !now.Before(t.expires) && m.live(s.by, now) >= modelLimit {
			return false
		}
		t.expires = now.AddDate(0, 0, s.days)
	case 2: // edit
		if !own || t.revoked || !mayHold {
			return false
		}
		t.scopes = s.scope
	case 3: // revoke
		if !own && (!admin || !known) {
			return false
		}
		t.revoked = true
	case 4: // delete
		if !own && (!admin || !known) {
			return false
		}
		delete(m.tokens, key)
		return true
	case 5: // a role: the first stays an administrator
		whom := 1 + s.on%2
		if !admin {
			return false
		}
		m.roles[whom] = token.Roles()[s.days%3]
		return true
	}
	m.tokens[key] = t
	return true
}

// do runs the step on one engine.
func (d *side) do(ctx context.Context, s step, keys []string) error {
	by := d.recent(d.people[s.by])
	key := ""
	if len(keys) > 0 {
		key = keys[s.on%len(keys)]
	}
	switch s.verb {
	case 0:
		made, secret, err := d.CreateToken(ctx, by, standard, wanted{name: s.name, scopes: []string{s.scope}, days: s.days}.token())
		if err == nil {
			d.ids[s.key], d.secrets[s.key] = made.ID, secret
		}
		return err
	case 1:
		_, secret, err := d.RegenerateToken(ctx, by, standard, d.ids[key], token.Choice{LifetimeDays: &s.days})
		if err == nil {
			d.stale, d.secrets[key] = append(d.stale, d.secrets[key]), secret
		}
		return err
	case 2:
		return second(d.SetTokenScopes(ctx, by, standard, d.ids[key], []string{s.scope}))
	case 3:
		return second(d.RevokeToken(ctx, by, standard, d.ids[key], ""))
	case 4:
		err := d.DeleteToken(ctx, by, standard, d.ids[key])
		if err == nil {
			d.stale = append(d.stale, d.secrets[key])
			delete(d.ids, key)
			delete(d.secrets, key)
		}
		return err
	}
	return second(d.SetRole(ctx, by, standard, d.people[1+s.on%2].User.ID, token.Roles()[s.days%3]))
}

// agrees compares an engine with the model: every check of every secret, and what is listed.
func (d *side) agrees(t *rapid.T, m *model) {
	now := d.Clock.Now()
	for key, want := range m.tokens {
		for _, scope := range []string{"odata:read", token.ScopeManage, token.ScopeAdmin} {
			if got := d.check(d.secrets[key], standard, scope) == nil; got != m.good(want, scope, now) {
				t.Fatalf("%s: %s is good for %s: %v; the model says %+v", d.Engine, key, scope, got, want)
			}
		}
	}
	for _, s := range d.stale {
		if d.check(s, standard) == nil {
			t.Fatalf("%s: a replaced secret works", d.Engine)
		}
	}
}

func TestRandomSequencesOfVerbsAgreeWithAModelOnBothEngines(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) { agree(t, newPlace(testkit.InstalledSQLite(t))) })
	t.Run("both", func(t *testing.T) {
		agree(t, newPlace(testkit.InstalledPostgres(t)), newPlace(testkit.InstalledSQLite(t)))
	})
}

// agree runs the same steps on the model and on every place.
func agree(t *testing.T, places ...*place) {
	t.Helper()
	for _, p := range places {
		p.setPolicy(t, standard, func(policy *token.Policy) { policy.Tokens.PerUser = modelLimit })
	}
	rapid.Check(t, func(rt *rapid.T) {
		ctx := context.Background()
		m := &model{roles: [3]token.Role{token.Administrator, token.Developer, token.PlainMember}, tokens: map[string]modelled{}}
		var sides []*side
		now := places[0].Clock.Now()
		for _, p := range places {
			p.Clock.Set(now)
			d := &side{place: p, people: [3]token.Identity{p.admin, p.dev, p.member}, ids: map[string]string{}, secrets: map[string]token.Secret{}}
			for i, by := range d.people[1:] {
				if _, err := p.SetRole(ctx, p.admin, standard, by.User.ID, m.roles[i+1]); err != nil {
					rt.Fatal(err)
				}
			}
			for _, left := range p.list(t, p.admin, standard, true) { // of the run before
				if err := p.DeleteToken(ctx, p.admin, standard, left.ID); err != nil {
					rt.Fatal(err)
				}
			}
			sides = append(sides, d)
		}
		for n := range rapid.IntRange(1, 25).Draw(rt, "steps") {
			s := step{
				verb: rapid.SampledFrom([]int{0, 0, 0, 1, 1, 2, 2, 3, 4, 5}).Draw(rt, "verb"), by: rapid.IntRange(0, 2).Draw(rt, "by"),
				on: rapid.IntRange(0, 20).Draw(rt, "on"), name: rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(rt, "name"),
				scope: rapid.SampledFrom([]string{"odata:read", token.ScopeManage, token.ScopeAdmin}).Draw(rt, "scope"),
				days:  rapid.IntRange(1, 3).Draw(rt, "days"), key: fmt.Sprint("t", n),
			}
			keys := slices.Sorted(maps.Keys(m.tokens))
			want := m.expect(s, keys, places[0].Clock.Now())
			for _, d := range sides {
				err := d.do(ctx, s, keys)
				if (err == nil) != want || err != nil && fault.From(err).Kind == fault.Internal {
					rt.Fatalf("%s: step %+v: %v; the model says %v", d.Engine, s, err, want)
				}
			}
			wait := time.Duration(rapid.IntRange(0, 20).Draw(rt, "hours")) * time.Hour
			for _, d := range sides {
				d.Clock.Advance(wait)
				d.agrees(rt, m)
			}
		}
	})
}
