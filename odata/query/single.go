package query

import "context"

type single struct{}

// Single marks the context with which a source is opened for one query: it need not keep its rows as they are for others.
func Single(ctx context.Context) context.Context { return context.WithValue(ctx, single{}, true) }

// IsSingle says that a source is opened for one query. Others that come nevertheless may see other rows.
func IsSingle(ctx context.Context) bool { return ctx.Value(single{}) != nil }
