package verify_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
)

// BenchmarkCheckOf is the whole check of a credential that is in memory, by its kind.
func BenchmarkCheckOf(b *testing.B) {
	r := newRows(b, testkit.InstalledSQLite(b))
	app := r.app(b)
	_, secret := r.secret(b, app, time.Time{})
	_, pat := made(b, r.Installation, "ci", "odata:read")
	r.legacy(b, "a token of an older system", token.SchemeSHA256, digestOf("a token of an older system"))
	r.legacy(b, "another one", token.SchemeSHA512, digest512("another one"))
	ask := verify.Ask{Workspace: standard, Scopes: token.Scopes{"odata:read"}, Address: client}
	for _, c := range []struct{ name, presented string }{
		{"personal access token", pat},
		{"client secret", secret},
		{"access token of an app", r.sign(b, r.ofApp(app))},
		{"access token of a person", r.sign(b, r.claims(r.dev.User.ID, r.oauth(b).ID))},
		{"legacy token, SHA-256", "a token of an older system"},
		{"legacy token, SHA-512", "another one"},
	} {
		b.Run(c.name, func(b *testing.B) {
			checks, ctx := r.fresh(), b.Context()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := checks.Check(ctx, c.presented, ask); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(c.presented)), "bytes")
		})
	}
}

// BenchmarkFirstCheck is the check of an access token that is new, of a key that is known.
func BenchmarkFirstCheck(b *testing.B) {
	r := newRows(b, testkit.InstalledSQLite(b))
	app := r.app(b)
	for _, alg := range token.Algorithms() {
		b.Run(string(alg), func(b *testing.B) {
			k, err := keyring.NewKey(token.NewID(token.KeyID, r.Clock.Now()), alg)
			if err != nil {
				b.Fatal(err)
			}
			r.publish(b, k)
			presented := make([]string, 2000)
			for i := range presented {
				presented[i] = signWith(b, k, keyring.AccessType, r.ofApp(app))
			}
			b.ReportAllocs()
			checks := r.fresh()
			for i := 0; b.Loop(); i++ {
				if i%len(presented) == 0 {
					checks = r.fresh()
				}
				if _, err := checks.Check(b.Context(), presented[i%len(presented)], r.ask()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkForeignGarbage is what a foreign text costs that is no token, in a workspace with legacy tokens.
func BenchmarkForeignGarbage(b *testing.B) {
	for _, n := range []int{0, 1000} {
		b.Run(fmt.Sprint("legacy=", n), func(b *testing.B) {
			r := newRows(b, testkit.InstalledSQLite(b))
			r.many(b, n)
			for i := 0; b.Loop(); i++ {
				_ = r.check("garbage of some length")
			}
		})
	}
}
