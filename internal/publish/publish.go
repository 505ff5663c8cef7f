// Package publish knows the feeds of this installation: the built-in one that each workspace has, and those of the user's
// own databases that the configuration names. It opens each database, reads its schema, keeps what was wrong with it, and
// gives a caller the rows that this caller may see.
//
// A feed that can't be opened is kept, with the reason: it answers that it is not available, is shown on the administrator's page, is
// tried again, and touches nothing else. Who may read a feed is decided by a check of their credential
// (the feed's scope); which rows they see is decided here, below every query.
package publish

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/odata"
	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
	"github.com/keywright/keywright/odata/sqldata"
)

// BuiltIn is the name of the feed that every workspace has.
const BuiltIn = "keywright"

// Source is a database whose tables are a feed.
type Source struct {
	Workspace string // slug
	Name      string // of the feed, in its address
	Title     string
	Database  token.Secret // a path, or a postgres:// address
	Scope     string       // that a token needs
	PageSize  int          // 0 is the default of package odata
	Publish   sqldata.Publish
	Options   sqldata.Options
}

// Options are what Open needs.
type Options struct {
	Authority *authority.Authority
	Sources   []Source
	Key       []byte // 32 bytes, from which the keys of skip tokens are derived
	Log       *slog.Logger
	Now       func() time.Time
}

// Feeds are all feeds. It is safe for use by many goroutines.
type Feeds struct{}

// Open opens every source and reads its schema. A source that fails is no error; see State.
func Open(ctx context.Context, o Options) (*Feeds, error) { return nil, errors.New("not yet") }

// Close closes the databases.
func (f *Feeds) Close() error { return nil }

// Reload reads the schemas anew. A source that fails keeps what it had, and says why.
func (f *Feeds) Reload(ctx context.Context) {}

// In lists the feeds of a workspace, the built-in one first.
func (f *Feeds) In(workspace string) []*Feed { return nil }

// Feed finds a feed.
func (f *Feeds) Feed(workspace, name string) (*Feed, bool) { return nil, false }

// Feed is one OData service of a workspace.
type Feed struct {
	Workspace string
	Name      string
	Title     string
	Scope     string
}

// State is what a feed publishes now.
type State struct {
	Service  *odata.Service // nil when it could never be read
	Model    *edm.Model
	Warnings []sqldata.Warning
	Problem  string    // why it is not available, in words for an administrator; "" when it is
	ReadAt   time.Time // when the schema was read
}

// State is what the feed publishes now.
func (f *Feed) State() State { return State{} }

// Caller is who reads, as a check of their credential found it.
type Caller struct {
	ID      string // of the user, or the app
	IsApp   bool
	TokenID string
	Scopes  token.Scopes
}

// Rows gives the rows of the feed that a caller may see.
func (f *Feed) Rows(ctx context.Context, c Caller) (query.Source, error) {
	return nil, errors.New("not yet")
}
