package verify_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
)

// lookedAt is a context that calls do when somebody looks at it for the nth time. The database does so
// between its steps, so it reaches the moments inside a check without a hook in the product.
type lookedAt struct {
	context.Context
	nth   int64
	do    func()
	looks atomic.Int64
}

func (l *lookedAt) look() {
	if l.looks.Add(1) == l.nth {
		l.do()
	}
}

func (l *lookedAt) Done() <-chan struct{} { l.look(); return l.Context.Done() }
func (l *lookedAt) Err() error            { l.look(); return l.Context.Err() }
func (l *lookedAt) Value(key any) any     { l.look(); return l.Context.Value(key) }

// A token is revoked at each moment of the check that loads it first: before its read, in it and after it.
func TestALoadThatAChangeOvertookReadsAgainAtWhateverMomentItWas(t *testing.T) {
	testkit.EachInstallation(t, func(t *testing.T, in *testkit.Installation) {
		// Somebody may look while holding a lock of the pool, so the change goes through a pool of its own.
		other := testkit.Bare(t, in.DB)
		_, _ = in.Checks.Check(t.Context(), in.Format.New(token.KindPAT).Reveal(), verify.Ask{}) // opens a connection
		var looks []int64
		for nth := int64(1); ; nth++ {
			checks := verify.New(verify.Config{Store: in.Store, Format: in.Format, Now: in.Clock.Now})
			tok, secret := made(t, in, fmt.Sprint("ci", nth), "odata:read")
			ctx := &lookedAt{Context: context.WithoutCancel(t.Context()), nth: nth, do: func() {
				if _, err := other.RevokeToken(t.Context(), in.People[testkit.Admin], "standard", tok.ID, ""); err != nil {
					t.Error(err)
				}
				checks.TokenChanged(tok.ID, token.HashOf(secret))
			}}
			_, _ = checks.Check(ctx, secret, verify.Ask{}) // it began before: either answer is right
			looks = append(looks, ctx.looks.Load())
			if ctx.looks.Load() < nth {
				break // there is no such moment: nothing was revoked
			}
			if _, err := checks.Check(t.Context(), secret, verify.Ask{}); code(err) != api.CodeInvalidToken {
				t.Errorf("revoked at moment %d: the next check answers %v", nth, err)
			}
		}
		if undisturbed := looks[len(looks)-1]; slices.Max(looks) <= undisturbed {
			t.Errorf("no load read again, of %d: the test did not reach what it is about", undisturbed)
		}
	})
}

func TestATrustedProxysOwnAddressIsNeverThrottled(t *testing.T) {
	in := testkit.InstalledSQLite(t)
	stranger := in.Format.New(token.KindPAT).Reveal()
	proxy := netip.MustParseAddr("10.0.0.1")
	for i := range 300 {
		if _, err := in.Checks.Check(t.Context(), stranger, verify.Ask{Address: proxy, Exempt: true}); code(err) != api.CodeInvalidToken {
			t.Fatalf("unknown credential %d of a proxy: %v", i+1, err)
		}
	}
	// What the proxy sent is not held against a client of that address either.
	if _, err := in.Checks.Check(t.Context(), stranger, verify.Ask{Address: proxy}); code(err) != api.CodeInvalidToken {
		t.Errorf("the first of the address itself: %v", err)
	}
	in.Clock.Advance(time.Minute)
	var err error
	for range 300 {
		_, err = in.Checks.Check(t.Context(), stranger, verify.Ask{Address: proxy})
	}
	if code(err) != api.CodeThrottled {
		t.Errorf("300 of an address that is no proxy's: %v", err)
	}
}
