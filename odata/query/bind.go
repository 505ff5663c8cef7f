package query

import (
	"time"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/uri"
)

// Ask is the form of what a request asks for.
type Ask uint8

// What can be asked for.
const (
	ServiceDocument Ask = iota
	Metadata
	Batch
	Collection // rows
	Entity     // one row
	Value      // one property of one row
	RawValue   // …/$value
	Size       // …/$count
)

// Bound is a request that the model understands.
type Bound struct {
	Ask   Ask
	Query *Query // nil for the documents and Batch
	// Count says that $count=true was given.
	Count bool
	// References says that references are asked for instead of rows: …/$ref.
	References bool
	// Property is what Value and RawValue read: the first of Query.Columns.
	Property *edm.Property
	// Addressed says that Query names an entity by key: if there is none, the answer is 404. Otherwise, behind a
	// single-valued navigation property, it is 204. When Query.Of is set, its entity has to exist as well: 404.
	Addressed bool
	// Context is the fragment of the context URL: "Tokens(Name,Owner())/$entity". Values of keys in it
	// are percent-encoded, names are as they are.
	Context string
	// Format is $format as given; "" is none.
	Format string
	// SkipToken is $skiptoken as given; "" is none.
	SkipToken string
}

// Options are what binding needs beside the model.
type Options struct {
	Now       time.Time // what now() is; zero is the time of the call
	MaxExpand int       // levels of $expand, as nested or by $levels; 0 is 5
	Root      string    // the service's absolute URL, with a slash at its end, which an absolute $id begins with
	Limits    uri.Limits
}

func (o *Options) now() time.Time {
	now := o.Now
	if now.IsZero() {
		now = time.Now()
	}
	return now.UTC().Truncate(time.Microsecond)
}

func (o *Options) most() int {
	if o.MaxExpand == 0 {
		return 5
	}
	return o.MaxExpand
}

// Bind resolves a request against a model. Errors are *Error. Every Query in the result has a total Order and the Columns that
// are written.
//
// Options that don't apply to what the path asks for are refused, but for those that say nothing about a count (…/$count?$top=5,
// Protocol 11.2.10).
func Bind(m *edm.Model, r *uri.Request, o Options) (*Bound, error) {
	o.Now = o.now()
	b := &binder{model: m, options: o, aliases: r.Options.Aliases}
	path, err := b.resource(r)
	if err != nil {
		return nil, err
	}
	bound := &path.Bound
	bound.Format, bound.SkipToken = r.Options.Format, r.Options.SkipToken
	if err := b.applies(path, &r.Options); err != nil {
		return nil, err
	}
	if bound.Query == nil {
		return bound, nil
	}
	return bound, b.rows(path, &r.Options)
}

// rows binds the options and says the context.
func (b *binder) rows(p *resource, o *uri.Options) error {
	q := p.Query
	shown := *o
	switch p.Ask {
	case Value, RawValue:
		q.Columns = []Column{{Path: []string{p.Property.Name}, Expr: &Property{Prop: p.Property}}}
		q.complete()
		p.Context = p.where
		return nil
	case Size:
		shown = uri.Options{Filter: o.Filter, Search: o.Search, Apply: o.Apply, Compute: o.Compute}
	default:
	}
	p.Count = o.Count != nil && *o.Count && p.Ask == Collection
	context, err := b.entities(q, &shown, 0, "")
	if err != nil {
		return err
	}
	switch {
	case p.Ask == Size:
		q.Columns = nil
	case p.References && p.Ask == Collection:
		p.Context = "Collection($ref)"
		q.Columns = nil
	case p.References:
		p.Context = "$ref"
		q.Columns = nil
	case p.Ask == Entity:
		p.Context = q.Set.Name + context + "/$entity"
	default:
		p.Context = q.Set.Name + context
	}
	return nil
}
