package authority_test

import (
	"context"
	"database/sql"
	"sync"
	"testing"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// On PostgreSQL transactions run beside each other, and a missing turn shows only when they meet at the
// wrong moment. These tests make them meet: a lock on a table stops each verb where it first writes there,
// after it has decided. On SQLite, which has one writer, they simply run at once.

// meeting holds verbs up at a table.
type meeting struct {
	t       *testing.T
	db      *sql.DB
	held    *sql.Tx // nil on SQLite
	running sync.WaitGroup
}

func (p *place) meetAt(t *testing.T, table string) *meeting {
	t.Helper()
	m := &meeting{t: t, db: p.raw(t)}
	if p.Engine == "postgres" {
		var err error
		m.held, err = m.db.BeginTx(t.Context(), nil)
		wantOK(t, err)
		_, err = m.held.ExecContext(t.Context(), "lock table "+table+" in share row exclusive mode")
		wantOK(t, err)
	}
	return m
}

// send starts a verb and waits until n of them are held up, or until it ends by itself.
func (m *meeting) send(n int, verb func()) {
	m.t.Helper()
	ended := make(chan struct{})
	m.running.Go(func() { defer close(ended); verb() })
	for m.held != nil {
		select {
		case <-ended:
			return
		default:
		}
		var waiting int
		wantOK(m.t, m.db.QueryRowContext(m.t.Context(), "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'").Scan(&waiting))
		if waiting >= n {
			return
		}
	}
}

// release lets them go on and waits for their end.
func (m *meeting) release() {
	m.t.Helper()
	if m.held != nil {
		wantOK(m.t, m.held.Rollback())
	}
	m.running.Wait()
}

func TestOfTwoThatEndEachOtherAtTheSameMomentOneStays(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		other := p.Join(t, standard, "second@example.com", token.Administrator)
		wantOK(t, p.SetInstallationAdmin(ctx, p.admin, testkit.Dev, true))
		for _, c := range []struct {
			name string
			acts [2]func() error
			then api.Code
		}{
			{"workspace", [2]func() error{
				func() error { return p.RemoveMember(ctx, p.admin, standard, other.User.ID) },
				func() error { return second(p.SetRole(ctx, other, standard, p.admin.User.ID, token.Developer)) },
			}, api.CodeNotFound},
			{"installation", [2]func() error{
				func() error { return p.SetInstallationAdmin(ctx, p.admin, testkit.Dev, false) },
				func() error { return p.SetInstallationAdmin(ctx, p.dev, testkit.Admin, false) },
			}, api.CodeNotInstallationAdmin},
			{"password", [2]func() error{
				func() error { return p.ChangePassword(ctx, p.member, testkit.Password, "the first new one") },
				func() error { return p.ChangePassword(ctx, p.member, testkit.Password, "the second new one") },
			}, api.CodeWrongCredentials},
		} {
			m := p.meetAt(t, "audit_events")
			var errs [2]error
			for i, act := range c.acts {
				m.send(i+1, func() { errs[i] = act() })
			}
			m.release()
			if p.Engine == "postgres" { // there the first that is held up was the first
				wantOK(t, errs[0])
				wantCode(t, errs[1], c.then)
			} else if (errs[0] == nil) == (errs[1] == nil) {
				t.Errorf("%s: outcomes %v", c.name, errs)
			}
		}
	})
}

func TestNewRulesWaitForTokensThatAreBeingMade(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		v, err := p.Enter(t.Context(), p.admin, crm)
		wantOK(t, err)
		v.Policy.Tokens.Expiry.Never = false
		m := p.meetAt(t, "tokens")
		var made, ruled error
		m.send(1, func() {
			made = p.create(context.Background(), p.admin, crm, wanted{scopes: []string{"odata:read"}, never: true})
		})
		m.send(2, func() {
			if _, ruled = p.SetPolicy(context.Background(), p.admin, crm, v.Policy); ruled == nil {
				_, ruled = p.ApplyPolicy(context.Background(), p.admin, crm, nil)
			}
		})
		m.release()
		wantOK(t, ruled)
		if code := fault.CodeOf(made); code != ok && code != api.CodeNeverNotAllowed {
			t.Error(made)
		}
		for _, got := range p.list(t, p.admin, crm, false) {
			if got.ExpiresAt.IsZero() {
				t.Error("a token was made by rules that had been replaced")
			}
		}
	})
}

func TestADemotionWaitsForATokenThatIsBeingRenewed(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		first, _ := p.made(t, p.dev, standard, plain(standard, "a"))
		m := p.meetAt(t, "tokens")
		var secret token.Secret
		var renewed, removed error
		m.send(1, func() {
			_, secret, renewed = p.RegenerateToken(context.Background(), p.dev, standard, first.ID, token.Choice{})
		})
		m.send(2, func() { removed = p.RemoveMember(context.Background(), p.admin, standard, p.dev.User.ID) })
		m.release()
		wantOK(t, removed)
		if code := fault.CodeOf(renewed); code != ok && code != api.CodeNotFound {
			t.Error(renewed)
		}
		p.wantStopped(t, secret, standard)
		if list, err := p.Tokens(t.Context(), p.admin, standard, authority.TokenQuery{Everyone: true, Page: authority.Page{Limit: 9}}); err != nil || len(list) != 1 || list[0].RevokedAt.IsZero() {
			t.Errorf("left %+v, %v", list, err)
		}
	})
}

func TestARenewalDoesNotBringBackAScopeThatIsBeingTaken(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		first, _ := p.made(t, p.dev, scoped, wanted{name: "a", scopes: []string{"device", "policy"}}.token())
		p.setPolicy(t, scoped, func(policy *token.Policy) { policy.Tokens.Actions = append(policy.Tokens.Actions, token.ActRegenerate) })
		m := p.meetAt(t, "tokens")
		var secret token.Secret
		var edited, renewed error
		m.send(1, func() {
			edited = second(p.SetTokenScopes(context.Background(), p.dev, scoped, first.ID, []string{"device"}))
		})
		m.send(2, func() {
			_, secret, renewed = p.RegenerateToken(context.Background(), p.dev, scoped, first.ID, token.Choice{})
		})
		m.release()
		wantOK(t, edited)
		wantOK(t, renewed)
		p.wantGood(t, secret, scoped, "device")
		wantCode(t, p.check(secret, scoped, "policy"), api.CodeScopeMissing)
	})
}
