package store_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// BenchmarkUpdate keeps one token for each durable Update, from one caller and from sixteen at once: on
// SQLite sixteen share commits.
func BenchmarkUpdate(b *testing.B) {
	engines := map[string]func(testing.TB) testkit.DB{
		"sqlite": testkit.SQLite,
		"postgres": func(t testing.TB) testkit.DB {
			return testkit.DB{Engine: "postgres", DSN: testkit.Postgres(t), Clock: testkit.NewClock()}
		},
	}
	for engine, open := range engines {
		for _, callers := range []int{1, 16} {
			b.Run(engine+"/callers="+map[int]string{1: "1", 16: "16"}[callers], func(b *testing.B) {
				s := furnish(b, open(b))
				var next atomic.Int64
				var wg sync.WaitGroup
				b.ReportAllocs()
				b.ResetTimer()
				for range callers {
					wg.Go(func() {
						for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
							t := aToken(n)
							if err := s.Update(b.Context(), func(tx *store.Tx) error { return tx.AddToken(t, hashOf(n)) }); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "updates/s")
			})
		}
	}
}

// BenchmarkTokenByHash is the query behind a check that memory can't answer.
func BenchmarkTokenByHash(b *testing.B) {
	s := furnish(b, testkit.SQLite(b))
	const kept = 1000
	update(b, s, func(tx *store.Tx) error {
		for n := range int64(kept) {
			if err := tx.AddToken(aToken(n), hashOf(n)); err != nil {
				return err
			}
		}
		return nil
	})
	b.ReportAllocs()
	var n int64
	for b.Loop() {
		n = (n + 1) % kept
		if err := s.View(context.Background(), func(tx *store.Tx) error { _, err := tx.TokenByHash(hashOf(n)); return err }); err != nil {
			b.Fatal(err)
		}
	}
}

func hashOf(n int64) token.Hash {
	return token.Hash{byte(n * 7), byte(n >> 8), byte(n >> 16), byte(n >> 24), 1, byte(n)}
}
