// Package publish knows the feeds of this installation: the built-in one that each workspace has, and those of the user's
// own databases that the configuration names. It opens each database, reads its schema, keeps what was wrong with it, and
// gives a caller the rows that this caller may see.
//
// A feed that can't be opened is kept, with the reason: it answers that it is not available, is shown on the administrator's page, is
// tried again, and touches nothing else. Who may read a feed is decided by a check of their credential
// (the feed's scope); which rows they see is decided here, below every query.
package publish

import (
	"cmp"
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/odata"
	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/query"
	"github.com/keywright/keywright/odata/sqldata"
)

// BuiltIn is the name of the feed that every workspace has, and DefaultScope what a token needs for it, and for others
// that don't say otherwise.
const (
	BuiltIn      = "keywright"
	DefaultScope = "odata:read"
)

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
	// After tells when to try a source again that failed; nil is time.After.
	After func(time.Duration) <-chan time.Time
	// Patience is how long Open waits for sources, 0 is 3 seconds. One that takes longer is read in the background, so that
	// a database that hangs does not keep the server from starting.
	Patience time.Duration
}

// Feeds are all feeds. It is safe for use by many goroutines.
type Feeds struct {
	rules   *authority.Authority
	log     *slog.Logger
	now     func() time.Time
	after   func(time.Duration) <-chan time.Time
	key     []byte
	builtIn builtIn
	sources []*source

	stop    context.CancelFunc
	ended   context.Context
	mu      sync.Mutex // held while something begins, or all ends
	working sync.WaitGroup
}

// Open opens every source and reads its schema, or begins to. A source that fails is no error; see State.
func Open(ctx context.Context, o Options) (*Feeds, error) {
	if o.Authority == nil || len(o.Key) != 32 {
		return nil, errors.New("publish: Authority and a Key of 32 bytes are required")
	}
	f := &Feeds{rules: o.Authority, log: o.Log, now: o.Now, after: o.After, key: o.Key}
	if f.log == nil {
		f.log = slog.New(slog.DiscardHandler)
	}
	if f.now == nil {
		f.now = time.Now
	}
	if f.after == nil {
		f.after = time.After
	}
	f.ended, f.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := f.openBuiltIn(); err != nil {
		f.log.ErrorContext(ctx, "the built-in feed can't be opened", slog.Any("error", err))
		f.builtIn.state.Problem = "It can't be opened. The log says why."
	}
	for _, s := range o.Sources {
		s.Publish.Caller = []string{"workspace", "user.id", "user.email", "user.name", "app.id"}
		f.sources = append(f.sources, &source{Source: s, feeds: f})
	}
	read := make(chan struct{})
	f.begin(func() {
		defer close(read)
		f.Reload(f.ended)
	})
	patience := time.NewTimer(cmp.Or(o.Patience, 3*time.Second))
	defer patience.Stop()
	select {
	case <-read:
	case <-patience.C:
	case <-ctx.Done():
	}
	return f, nil
}

// Close ends what tries again, and closes the databases.
func (f *Feeds) Close() error {
	f.mu.Lock()
	f.stop()
	f.mu.Unlock()
	f.working.Wait()
	var errs []error
	for _, s := range f.sources {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}

// begin runs fn in the background, unless all has ended.
func (f *Feeds) begin(fn func()) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended.Err() != nil {
		return false
	}
	f.working.Go(fn)
	return true
}

// Reload reads the schemas anew. A source that fails keeps what it had, says why, and is tried again.
func (f *Feeds) Reload(ctx context.Context) { f.reload(ctx, "") }

// ReloadIn reads the schemas of a workspace anew, for an administrator of it.
func (f *Feeds) ReloadIn(ctx context.Context, by token.Identity, workspace string) error {
	if err := f.rules.Administers(ctx, by, workspace); err != nil {
		return err
	}
	f.reload(ctx, workspace)
	return nil
}

func (f *Feeds) reload(ctx context.Context, workspace string) {
	var all sync.WaitGroup
	for _, s := range f.sources {
		if workspace == "" || s.Workspace == workspace {
			all.Go(func() { s.read(ctx) })
		}
	}
	all.Wait()
}

// In lists the feeds of a workspace, the built-in one first.
func (f *Feeds) In(workspace string) []*Feed {
	list := []*Feed{f.own(workspace)}
	for _, s := range f.sources {
		if s.Workspace == workspace {
			list = append(list, s.feed())
		}
	}
	return list
}

// Feed finds a feed. The built-in one is found in workspaces that do not exist as well: it has no rows there.
func (f *Feeds) Feed(workspace, name string) (*Feed, bool) {
	if name == BuiltIn {
		return f.own(workspace), true
	}
	i := slices.IndexFunc(f.sources, func(s *source) bool { return s.Workspace == workspace && s.Name == name })
	if i < 0 {
		return nil, false
	}
	return f.sources[i].feed(), true
}

// Feed is one OData service of a workspace.
type Feed struct {
	Workspace string
	Name      string
	Title     string
	Scope     string
	// BuiltIn says that it is Keywright's own.
	BuiltIn bool

	state func() State
	rows  func(context.Context, Caller) (query.Source, error)
}

// State is what a feed publishes now.
type State struct {
	Service  *odata.Service // nil when it could never be read
	Model    *edm.Model
	Warnings []sqldata.Warning
	Rows     map[string]string // which rows of a set a caller sees, in SQL, by its name; a set that is not there is whole
	Problem  string            // why it is not available, in words for an administrator; "" when it is
	ReadAt   time.Time         // when the schema was read
}

// State is what the feed publishes now.
func (f *Feed) State() State { return f.state() }

// Caller is who reads, as a check of their credential found it.
type Caller = authority.Reader

// Rows gives the rows of the feed that a caller may see. Errors: query.ErrUnavailable, not_found for who is no member (any more).
func (f *Feed) Rows(ctx context.Context, c Caller) (query.Source, error) { return f.rows(ctx, c) }

// service makes the OData service of a feed's model.
func (f *Feeds) service(workspace, name string, m *edm.Model, pageSize int) (*odata.Service, error) {
	key, err := hkdf.Key(sha256.New, f.key, nil, "skip tokens of "+workspace+"/"+name, 32)
	if err != nil {
		return nil, err
	}
	return odata.New(m, odata.Options{PageSize: pageSize, Key: key, Log: f.log, Now: f.now})
}

// builtIn is the feed of every workspace. Its skip tokens work in all of them for those who made them; whose rows they
// go on in is decided at each request.
type builtIn struct {
	feed  *authority.Feed
	state State
}

func (f *Feeds) openBuiltIn() (err error) {
	b := &f.builtIn
	if b.feed, err = f.rules.OpenFeed(sqldata.Options{}); err != nil {
		return err
	}
	b.state = State{Model: b.feed.Model(), ReadAt: f.now().UTC()}
	b.state.Service, err = f.service("", BuiltIn, b.state.Model, 0)
	return err
}

func (f *Feeds) own(workspace string) *Feed {
	return &Feed{
		Workspace: workspace, Name: BuiltIn, Title: "Tokens, audit and usage", Scope: DefaultScope, BuiltIn: true,
		state: func() State { return f.builtIn.state },
		rows: func(ctx context.Context, c Caller) (query.Source, error) {
			if f.builtIn.feed == nil {
				return nil, query.ErrUnavailable
			}
			return f.builtIn.feed.Rows(ctx, workspace, c)
		},
	}
}
