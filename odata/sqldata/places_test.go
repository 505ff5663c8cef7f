package sqldata_test

import (
	"errors"
	"testing"
	"time"

	"github.com/keywright/keywright/odata/query"
	"github.com/keywright/keywright/odata/sqldata"
)

func TestNobodyTakesTheLastPlacesFromOthers(t *testing.T) {
	t.Parallel()
	for _, e := range []sqldata.Engine{sqldata.SQLite, sqldata.Postgres} {
		s, _, _ := numbers(t, e, "10", sqldata.Options{Concurrent: 4, Wait: time.Millisecond})
		open := func(group, caller string) query.Reader {
			r, err := s.For(group, caller).Open(t.Context())
			if err != nil && !errors.Is(err, query.ErrBusy) {
				t.Fatal(err)
			}
			return r
		}
		var held []query.Reader
		for i, c := range []struct {
			group, caller string
			in            bool
		}{
			{"acme", "ana", true}, {"acme", "ana", true}, {"acme", "ana", false}, // half of the places
			{"acme", "bo", true}, {"acme", "bo", false}, {"acme", "cy", false}, // all but one
			{"other", "ana", true}, {"third", "di", false}, // there are no more
		} {
			r := open(c.group, c.caller)
			if in := r != nil; in != c.in {
				t.Fatalf("%d: %s of %s gets a place: %t", i, c.caller, c.group, in)
			}
			if r != nil {
				held = append(held, r)
			}
		}
		waiting := make(chan error)
		go func() {
			var err error
			for err = query.ErrBusy; errors.Is(err, query.ErrBusy); { // until one is given back
				var r query.Reader
				if r, err = s.For("third", "di").Open(t.Context()); err == nil {
					err = r.Close()
				}
			}
			waiting <- err
		}()
		for _, r := range held {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := <-waiting; err != nil {
			t.Error(err)
		}
		for range 2 {
			r := open("acme", "ana")
			if r == nil {
				t.Fatal("places that were given back are not free")
			}
			defer r.Close()
		}
	}
}
