package odata_test

import (
	"context"
	"testing"

	"github.com/keywright/keywright/odata"
	"github.com/keywright/keywright/odata/query"
)

// witness sees how a source is opened and asked.
type witness struct {
	query.Source
	single bool
	asked  int
}

func (w *witness) Open(ctx context.Context) (query.Reader, error) {
	w.single = query.IsSingle(ctx)
	r, err := w.Source.Open(ctx)
	return witnessed{r, w}, err
}

type witnessed struct {
	query.Reader
	w *witness
}

func (r witnessed) Rows(ctx context.Context, q *query.Query) (query.Rows, error) {
	r.w.asked++
	return r.Reader.Rows(ctx, q)
}

func (r witnessed) Count(ctx context.Context, q *query.Query) ([]int64, error) {
	r.w.asked++
	return r.Reader.Count(ctx, q)
}

// Who asks twice sees one state of the rows: a source is told that there is one query only where that is so.
func TestASourceIsToldOfOneQueryOnlyWhereThereIsOne(t *testing.T) {
	a := newAccounts()
	w := &witness{Source: a.rows(20)}
	c := newClient(t, a.model, w, odata.Options{PageSize: 5})
	one := "Tokens(" + guid(1) + ")"
	for url, want := range map[string]struct {
		single bool
		status int
	}{
		"Tokens":                          {true, 200},
		"Tokens?$filter=Uses%20lt%200":    {true, 200}, // no rows, and nothing to ask about that
		"Tokens/$count":                   {true, 200},
		one:                               {true, 200},
		one + "/Name":                     {true, 200},
		"Tokens(" + guid(99) + ")":        {true, 404},
		"Tokens?$count=true":              {false, 200},
		"Tokens?$expand=Owner":            {false, 200},
		one + "?$expand=Events":           {false, 200},
		one + "/Events":                   {false, 200}, // if it is empty, is there such a token?
		"Tokens(" + guid(99) + ")/Events": {false, 404},
	} {
		w.single, w.asked = false, 0
		got := c.get(url)
		if got.Code != want.status || w.single != want.single {
			t.Errorf("%s: status %d, single %t", url, got.Code, w.single)
		}
		if w.single && w.asked != 1 {
			t.Errorf("%s: %d queries", url, w.asked)
		}
	}
}
