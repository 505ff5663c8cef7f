package authority_test

import (
	"testing"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// BenchmarkClientCredentials authenticates a client by its secret and issues an access token, without HTTP.
// Run it with -cpu 1: the target for the whole request is 10,000 a second on one core.
func BenchmarkClientCredentials(b *testing.B) {
	for _, alg := range token.Algorithms() {
		b.Run(string(alg), func(b *testing.B) {
			p := newPlace(testkit.InstalledSQLite(b))
			p.setPolicy(b, standard, func(policy *token.Policy) { policy.Signing.Algorithm = alg })
			c := p.app(b, standard, "nightly", "odata:read")
			auth, from := c.auth(), testkit.Origin()
			p.granted(b, c)
			b.ReportAllocs()
			before := cpuTime(b)
			for b.Loop() {
				client, err := p.Client(b.Context(), auth, from)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := p.ClientCredentials(b.Context(), client, authority.GrantRequest{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}

// BenchmarkClient is the part of it that says who asks.
func BenchmarkClient(b *testing.B) {
	p := newPlace(testkit.InstalledSQLite(b))
	c := p.app(b, standard, "nightly", "odata:read")
	p.granted(b, c)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Client(b.Context(), c.auth(), testkit.Origin()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkIntrospect(b *testing.B) {
	p := newPlace(testkit.InstalledSQLite(b))
	by := p.asker(b, standard)
	_, pat := p.pat(b, p.dev, "agent", "odata:read")
	c := p.app(b, standard, "nightly", "odata:read")
	_, pair := p.family(b, p.dev, standard, 30)
	for _, s := range []struct {
		what      string
		presented token.Secret
	}{{"pat", pat}, {"jwt", p.granted(b, c).AccessToken}, {"secret", c.secret}, {"unknown", p.Format.New(token.KindPAT)}, {"refresh", pair.RefreshToken}} {
		b.Run(s.what, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Introspect(b.Context(), by, s.presented); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRefresh rotates one family from one caller: each is a durable change.
func BenchmarkRefresh(b *testing.B) {
	p := newPlace(testkit.InstalledSQLite(b))
	_, pair := p.family(b, p.dev, standard, 365)
	next := pair.RefreshToken
	b.ReportAllocs()
	for b.Loop() {
		next = p.refreshed(b, next).RefreshToken
	}
}
