package verify_test

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var client = netip.MustParseAddr("198.51.100.7")

// made makes a token in the workspace standard that lasts a day.
func made(t testing.TB, in *testkit.Installation, name string, scopes ...string) (token.Token, string) {
	t.Helper()
	days := 1
	tok, secret, err := in.CreateToken(t.Context(), in.People[testkit.Dev], "standard", authority.NewToken{
		Request: token.Request{Name: &name, Scopes: &scopes, Expiry: token.Choice{LifetimeDays: &days}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return tok, secret.Reveal()
}

func code(err error) api.Code { return fault.CodeOf(err) }

func TestADecisionSaysWhoAndForWhat(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		in := testkit.Install(t, db)
		tok, secret := made(t, in, "ci", "odata:read")
		for _, round := range []string{"from the database", "from memory"} {
			d, err := in.Checks.Check(t.Context(), secret, verify.Ask{Workspace: "standard", Scopes: token.Scopes{"odata:read"}, Address: client})
			if err != nil {
				t.Fatal(round, err)
			}
			if d.TokenID() != tok.ID || d.OwnerID() != in.People[testkit.Dev].User.ID || d.Workspace() != "standard" || d.WorkspaceID() != tok.WorkspaceID ||
				d.ScopesText() != "odata:read" || d.Kind() != token.KindPAT || !d.ExpiresAt().Equal(tok.ExpiresAt) {
				t.Errorf("%s: %+v", round, d)
			}
		}
		d, err := in.Checks.Check(t.Context(), secret, verify.Ask{Workspace: "standard", Scopes: token.Scopes{"odata:read", "more"}})
		if code(err) != api.CodeScopeMissing || d.ScopesText() != "odata:read" {
			t.Errorf("a missing scope: %v %q", err, d.ScopesText())
		}
		d, err = in.Checks.Check(t.Context(), secret, verify.Ask{Workspace: "scoped-tokens"})
		if code(err) != api.CodeInvalidToken || d.TokenID()+d.OwnerID()+d.Workspace()+d.WorkspaceID()+d.ScopesText() != "" || d.Scopes() != nil || !d.ExpiresAt().IsZero() {
			t.Errorf("another workspace: %v %+v", err, d)
		}
	})
}

func TestExpiryHoldsToTheMicrosecondAlsoFromMemory(t *testing.T) {
	in := testkit.Install(t, testkit.SQLite(t))
	tok, secret := made(t, in, "ci", "odata:read")
	for _, c := range []struct {
		at   time.Time
		want api.Code
	}{
		{tok.CreatedAt, ""},
		{tok.ExpiresAt.Add(-time.Microsecond), ""},
		{tok.ExpiresAt, api.CodeInvalidToken},
		{tok.ExpiresAt.Add(time.Hour), api.CodeInvalidToken},
		{tok.ExpiresAt.Add(-time.Microsecond), ""},
	} {
		in.Clock.Set(c.at)
		if _, err := in.Checks.Check(t.Context(), secret, verify.Ask{}); code(err) != c.want {
			t.Errorf("%v: %v", c.at.Sub(tok.ExpiresAt), err)
		}
	}
}

func TestACachedCredentialTouchesNoDatabase(t *testing.T) {
	in := testkit.Install(t, testkit.SQLite(t))
	_, secret := made(t, in, "ci", "odata:read")
	format := in.Format
	stranger := format.New(token.KindPAT).Reveal()
	if _, err := in.Checks.Check(t.Context(), secret, verify.Ask{Address: client}); err != nil {
		t.Fatal(err)
	}
	_, _ = in.Checks.Check(t.Context(), stranger, verify.Ask{})
	if err := in.Store.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Checks.Check(t.Context(), secret, verify.Ask{Address: client}); err != nil {
		t.Errorf("known: %v", err)
	}
	if _, err := in.Checks.Check(t.Context(), stranger, verify.Ask{}); code(err) != api.CodeInvalidToken {
		t.Errorf("known to be unknown: %v", err)
	}
	if _, err := in.Checks.Check(t.Context(), format.New(token.KindPAT).Reveal(), verify.Ask{}); code(err) != api.CodeUnavailable {
		t.Errorf("not known, and the database is gone: %v", err)
	}
	if _, err := in.Checks.Check(t.Context(), "garbage", verify.Ask{}); code(err) != api.CodeInvalidToken {
		t.Errorf("garbage needs no database: %v", err)
	}
}

func TestACheckOfACachedTokenAllocatesNothing(t *testing.T) {
	in := testkit.Install(t, testkit.SQLite(t))
	_, secret := made(t, in, "ci", "odata:read")
	ctx, ask := t.Context(), verify.Ask{Workspace: "standard", Scopes: token.Scopes{"odata:read"}, Address: client}
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := in.Checks.Check(ctx, secret, ask); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestUseIsWrittenInBatchesAndKeptWhileItCannotBe(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		in := testkit.Install(t, db)
		tok, secret := made(t, in, "ci", "odata:read")
		dev := in.People[testkit.Dev]
		for i, a := range []string{"198.51.100.7", "198.51.100.7", "198.51.100.8", "2001:db8::1"} {
			in.Clock.Advance(time.Duration(i) * time.Second)
			if _, err := in.Checks.Check(t.Context(), secret, verify.Ask{Address: netip.MustParseAddr(a)}); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = in.Checks.Check(t.Context(), secret, verify.Ask{Scopes: token.Scopes{"more"}, Address: client})
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := in.Checks.Flush(gone); err == nil {
			t.Fatal("written although the context had ended")
		}
		last := in.Clock.Now()
		in.Clock.Advance(12 * time.Hour) // the next day
		if _, err := in.Checks.Check(t.Context(), secret, verify.Ask{Address: client}); err != nil {
			t.Fatal(err)
		}
		u, err := in.Usage(t.Context(), dev, "standard", tok.ID, 2)
		if err != nil {
			t.Fatal(err)
		}
		if y := u.Days[0]; y.Requests != 4 || y.Refusals != 1 || y.Addresses != 3 {
			t.Errorf("yesterday: %+v", y)
		}
		if d := u.Days[1]; d.Requests != 1 || d.Refusals != 0 || d.Addresses != 1 {
			t.Errorf("today: %+v", d)
		}
		got, err := in.Token(t.Context(), dev, "standard", tok.ID)
		if err != nil || !got.LastUsedAt.Equal(last.Add(12*time.Hour)) || got.LastUsedIP != client {
			t.Errorf("last used %v from %v (%v)", got.LastUsedAt, got.LastUsedIP, err)
		}
		if err := in.Checks.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if again, _ := in.Usage(t.Context(), dev, "standard", tok.ID, 2); again.Days[0].Requests != 4 {
			t.Error("counted twice")
		}
	})
}

// TestNoCheckThatBeginsAfterAChangeReturnedAnswersByTheOldState hammers a token while it changes: a check
// that begins after the change returned must know it, on either engine, at any interleaving.
func TestNoCheckThatBeginsAfterAChangeReturnedAnswersByTheOldState(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		in := testkit.Install(t, db)
		for round := range 10 {
			tok, secret := made(t, in, "ci"+string(rune('a'+round)), "odata:read")
			var ended atomic.Bool
			var late atomic.Int64
			stop := make(chan struct{})
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						after := ended.Load()
						_, err := in.Checks.Check(t.Context(), secret, verify.Ask{Workspace: "standard"})
						if err == nil && after {
							late.Add(1)
						}
					}
				})
			}
			if _, err := in.RevokeToken(t.Context(), in.People[testkit.Admin], "standard", tok.ID, ""); err != nil {
				t.Error(err)
			}
			ended.Store(true)
			for range 100 {
				if _, err := in.Checks.Check(t.Context(), secret, verify.Ask{}); code(err) != api.CodeInvalidToken {
					t.Errorf("after the revocation: %v", err)
				}
			}
			close(stop)
			wg.Wait()
			if late.Load() > 0 {
				t.Fatalf("%d checks that began after the revocation let it through", late.Load())
			}
		}
	})
}

func TestAStoppedCheckerRefusesEverything(t *testing.T) {
	in := testkit.Install(t, testkit.SQLite(t))
	_, secret := made(t, in, "ci", "odata:read")
	in.Checks.Stop()
	if _, err := in.Checks.Check(t.Context(), secret, verify.Ask{}); code(err) != api.CodeUnavailable {
		t.Errorf("%v", err)
	}
}

func TestAFailureOfTheDatabaseIsNotRememberedAsUnknown(t *testing.T) {
	in := testkit.Install(t, testkit.SQLite(t))
	_, secret := made(t, in, "ci", "odata:read")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := in.Checks.Check(gone, secret, verify.Ask{}); code(err) != api.CodeUnavailable || !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
	if _, err := in.Checks.Check(t.Context(), secret, verify.Ask{}); err != nil {
		t.Errorf("then: %v", err)
	}
}

func BenchmarkCheck(b *testing.B) {
	in := testkit.Install(b, testkit.SQLite(b))
	_, secret := made(b, in, "ci", "odata:read")
	checks := verify.New(verify.Config{Store: in.Store, Format: in.Format, Now: func() time.Time { return in.Clock.Now() }})
	ask := verify.Ask{Workspace: "standard", Scopes: token.Scopes{"odata:read"}, Address: client}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := checks.Check(b.Context(), secret, ask); err != nil {
			b.Fatal(err)
		}
	}
}
