package authority

import (
	"context"
	"fmt"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
)

// Batch is one act on several credentials.
type Batch struct {
	Action token.Action // what stops one and keeps its row (revoke or disable), or delete
	IDs    []string     // at most MaxBatch
	Reason string
}

// MaxBatch is how many credentials one Batch can name.
const MaxBatch = 200

// Result is what became of one credential of a batch.
type Result struct {
	ID  string
	Err error // nil: done
}

// run is a batch on its way.
type run struct {
	Batch
	stop  token.Action // which action beside delete it can be
	what  string       // the credentials, in a sentence
	enter func(*store.Tx) (scene, error)
	// end does the act on one, and returns what to tell the checks, whatever became of it.
	end func(tx *store.Tx, s *scene, b *Batch, id string) (after func(), err error)
}

// each runs a batch in one transaction; each act succeeds or is refused by itself.
func (a *Authority) each(ctx context.Context, r run) ([]Result, error) {
	var bad []fault.Field
	r.Reason, bad = cleanField(nil, "reason", r.Reason, func(s string) (string, string) { return token.CleanText(s, 0, 300) })
	if r.Action != r.stop && r.Action != token.ActDelete {
		bad = append(bad, fault.Field{Name: "action", Code: api.CodeInvalid, Detail: fmt.Sprintf("Choose %s or delete.", r.stop)})
	}
	if len(r.IDs) == 0 || len(r.IDs) > MaxBatch {
		bad = append(bad, fault.Field{Name: "ids", Code: api.CodeInvalid, Detail: fmt.Sprintf("Name 1 to %d %s.", MaxBatch, r.what)})
	}
	var results []Result
	var changed []func()
	err := a.update(ctx, func(tx *store.Tx) error {
		results, changed = nil, nil
		s, err := r.enter(tx)
		if err != nil {
			return err
		}
		if err := fault.Invalids(bad); err != nil {
			return err
		}
		for _, id := range r.IDs {
			after, err := r.end(tx, &s, &r.Batch, id)
			if err = toFault(err, "batch"); err != nil && fault.From(err).Kind == fault.Internal {
				return err // the database's trouble, not this credential's
			}
			results, changed = append(results, Result{ID: id, Err: err}), append(changed, after)
		}
		return nil
	}, func() {
		for _, after := range changed {
			after()
		}
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}
