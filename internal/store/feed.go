package store

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/sqldata"
)

// Feed is what a store publishes of itself: a model, and the rows of it that each audience sees. Its queries know these parameters:
// $workspace (an id), $now (Unix microseconds), $me (a user's or an app's id; not for All), $maker (whose apps are seen; only for Own).
type Feed struct {
	Model *edm.Model
	// All has the rows of the workspace.
	All *sqldata.Source
	// Own has what concerns one person: their credentials, what was done by them or with what is theirs, and their membership.
	Own *sqldata.Source
	// App has what concerns one app.
	App *sqldata.Source
}

// audience is whose rows are meant; it is part of the text of a query, and no parameter, so that a query can't be made to
// reach further, and so that each has the index it needs.
type audience struct {
	credentials, apps, members, events, usage string // conditions beside that of the workspace
}

const nobody = " and 1 = 0"

func everything() audience { return audience{} }

func ownOf() audience {
	return audience{
		credentials: " and owner_id = $me", apps: " and created_by = $maker", members: " and m.user_id = $me",
		events: " and (actor_id = $me or owner_id = $me)", usage: " and owner_id = $me",
	}
}

func ofApp() audience {
	return audience{
		credentials: nobody, apps: " and id = $me", members: nobody,
		events: " and (actor_id = $me or target_id = $me)", usage: " and token_id = $me",
	}
}

// OpenFeed opens the store to be read as a feed, through connections of its own: readers who take their time hold up
// nothing else.
func (s *Store) OpenFeed(o sqldata.Options) (*Feed, error) {
	if o.Concurrent <= 0 {
		o.Concurrent = 4
	}
	connections := o
	connections.Concurrent *= 3 // each audience has places of its own: nobody waits for a connection behind others
	db, engine, err := sqldata.Open(s.dsn, connections)
	if err != nil {
		return nil, fmt.Errorf("open database for the feed: %w", err)
	}
	if !s.feeds.keep(db) {
		return nil, errors.Join(ErrClosed, db.Close())
	}
	m := newFeedModel()
	f := &Feed{Model: m.model}
	for _, part := range []struct {
		of   audience
		into **sqldata.Source
	}{{everything(), &f.All}, {ownOf(), &f.Own}, {ofApp(), &f.App}} {
		if *part.into, err = sqldata.New(db, engine, m.tables(part.of), o); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// pools are the connections of feeds. They are closed before the database itself.
type pools struct {
	mu     sync.Mutex
	open   []io.Closer
	closed bool
}

// keep reports false when it is too late.
func (p *pools) keep(c io.Closer) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.open = append(p.open, c)
	}
	return !p.closed
}

func (p *pools) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	var errs []error
	for _, c := range p.open {
		errs = append(errs, c.Close())
	}
	p.open = nil
	return errors.Join(errs...)
}
