package authority_test

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// BenchmarkCreateToken makes durable tokens from 16 callers, for members who hold a few each. Run it with
// -cpu 1: the target is 5,000 creations a second on one core.
func BenchmarkCreateToken(b *testing.B) {
	p := newPlace(testkit.InstalledSQLite(b))
	people := p.crowd(b, max(16, b.N/20))
	var next atomic.Int64
	b.SetParallelism(16) // by GOMAXPROCS
	before := cpuTime(b)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := int(next.Add(1))
			p.Clock.Advance(100 * time.Microsecond) // ids grow with time, as they do outside of tests
			n := wanted{name: fmt.Sprint("token ", i), scopes: []string{"odata:read"}, days: 90}.token()
			if _, _, err := p.CreateToken(b.Context(), people[i%len(people)], standard, n); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "creations/s")
	b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

// crowd makes members without passwords: a benchmark is about something else.
func (p *place) crowd(b *testing.B, n int) []token.Identity {
	b.Helper()
	people := make([]token.Identity, n)
	wantOK(b, p.Store.Update(b.Context(), func(tx *store.Tx) error {
		w, err := tx.Workspace(standard)
		if err != nil {
			return err
		}
		for i := range people {
			u := store.User{Person: token.Person{ID: token.NewID(token.UserID, tx.Now), Email: fmt.Sprintf("p%d@example.com", i), Name: "P"}, CreatedAt: tx.Now}
			if err := tx.AddUser(u); err != nil {
				return err
			}
			if err := tx.AddMember(w.ID, u.ID, token.Developer); err != nil {
				return err
			}
			people[i] = token.Identity{User: u.Person, SessionID: "bench", SignedInAt: tx.Now, Origin: testkit.Origin()}
		}
		return nil
	}))
	return people
}

// cpuTime is what this process has used.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var r syscall.Rusage
	wantOK(b, syscall.Getrusage(syscall.RUSAGE_SELF, &r))
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
