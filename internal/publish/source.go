package publish

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keywright/keywright/odata/query"
	"github.com/keywright/keywright/odata/sqldata"
)

const (
	readTimeout = 15 * time.Second // for reading a schema
	retryFirst  = 2 * time.Second
	retryMost   = 5 * time.Minute
)

// source is a database that is published, with what was last read of it.
type source struct {
	Source
	feeds *Feeds
	now   atomic.Pointer[current]

	mu       sync.Mutex // held while the schema is read
	database *database  // nil until it could be opened
	retrying bool
}

// current is what a source publishes, never changed.
type current struct {
	State
	rows *sqldata.Source // nil when it could never be read
}

// database is an open one.
type database struct {
	describe func(context.Context) (*sqldata.Description, error)
	rows     func([]sqldata.Table) (*sqldata.Source, error)
	close    func() error
}

func (s *source) open() (*database, error) {
	db, engine, err := sqldata.Open(s.Database.Reveal(), s.Options)
	if err != nil {
		return nil, err
	}
	return &database{
		describe: func(ctx context.Context) (*sqldata.Description, error) {
			return sqldata.Describe(ctx, db, engine, s.Publish)
		},
		rows: func(tables []sqldata.Table) (*sqldata.Source, error) {
			return sqldata.New(db, engine, tables, s.Options)
		},
		close: db.Close,
	}, nil
}

func (s *source) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.database == nil {
		return nil
	}
	return s.database.close()
}

// read reads the schema, and sees to it that a failure is tried again.
func (s *source) read(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.try(ctx) != nil && !s.retrying {
		s.retrying = s.feeds.begin(s.retry)
	}
}

// retry tries until it succeeds, ever more rarely.
func (s *source) retry() {
	for wait := retryFirst; ; wait = min(2*wait, retryMost) {
		select {
		case <-s.feeds.ended.Done():
			return
		case <-s.feeds.after(wait):
		}
		if s.again() {
			return
		}
	}
}

func (s *source) again() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retrying = s.try(s.feeds.ended) != nil
	return !s.retrying
}

func (s *source) try(ctx context.Context) error {
	log := s.feeds.log.With(slog.String("workspace", s.Workspace), slog.String("feed", s.Name))
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	next, err := s.look(ctx)
	if err != nil {
		problem := s.problem(err)
		kept := &current{}
		if before := s.now.Load(); before != nil {
			*kept = *before
		}
		if kept.Problem != problem { // not at every retry
			log.WarnContext(ctx, "a feed can't be read; it is tried again", slog.String("problem", problem))
		}
		kept.Problem = problem
		s.now.Store(kept)
		return err
	}
	for _, w := range next.Warnings {
		log.WarnContext(ctx, "left out of a feed, or changed", slog.String("table", w.Table), slog.String("column", w.Column), slog.String("reason", w.Text))
	}
	if why, err := s.feeds.rules.Unreadable(ctx, s.Workspace, s.Scope); err == nil && why != "" {
		log.WarnContext(ctx, "nobody can read a feed", slog.String("reason", why))
	}
	log.InfoContext(ctx, "feed read", slog.Int("sets", len(next.Model.Sets)), slog.Int("warnings", len(next.Warnings)))
	s.now.Store(next)
	return nil
}

func (s *source) look(ctx context.Context) (next *current, err error) {
	if s.database == nil {
		if s.database, err = s.open(); err != nil {
			return nil, err
		}
	}
	d, err := s.database.describe(ctx)
	if err != nil {
		return nil, err
	}
	next = &current{State: State{Model: d.Model, Warnings: d.Warnings, Rows: d.Filters, ReadAt: s.feeds.now().UTC()}}
	if next.Service, err = s.feeds.service(s.Workspace, s.Name, d.Model, s.PageSize); err != nil {
		return nil, err
	}
	next.rows, err = s.database.rows(d.Tables)
	return next, err
}

// problem says what is wrong in words for an administrator.
func (s *source) problem(err error) string {
	switch {
	case errors.Is(err, sqldata.ErrWritable):
		why, _ := strings.CutPrefix(err.Error(), sqldata.ErrWritable.Error()+": ")
		return "This role can write to the database: " + why + " Or allow it: allow_writable_role."
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("The database did not answer within %d seconds.", int(readTimeout.Seconds()))
	}
	text := plain(err.Error())
	if dsn := s.Database.Reveal(); dsn != "" {
		text = strings.ReplaceAll(text, dsn, "the database")
	}
	return "The database can't be read: " + text
}

// plain takes out of a driver's message what says nothing to people: its line breaks, the attempts that repeat each other (pgx
// tries with TLS and without), and the package's name.
func plain(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	if len(lines) > 2 {
		lines = slices.DeleteFunc(lines, func(line string) bool { return strings.HasSuffix(line, "server refused TLS connection") })
	}
	text = strings.TrimPrefix(strings.Join(lines, " "), "sqldata: ")
	return strings.TrimPrefix(text, query.ErrUnavailable.Error()+": ")
}

func (s *source) feed() *Feed {
	return &Feed{
		Workspace: s.Workspace, Name: s.Name, Title: s.Title, Scope: s.Scope,
		state: func() State {
			if now := s.now.Load(); now != nil {
				return now.State
			}
			return State{Problem: "The database has not been read yet."}
		},
		rows: s.rowsFor,
	}
}

// rowsFor binds what row filters compare with. What a caller does not have is null, which nothing equals.
func (s *source) rowsFor(ctx context.Context, c Caller) (query.Source, error) {
	now := s.now.Load()
	if now == nil || now.rows == nil {
		return nil, query.ErrUnavailable
	}
	caller := map[string]any{"workspace": s.Workspace, "user.id": nil, "user.email": nil, "user.name": nil, "app.id": nil}
	switch {
	case c.IsApp:
		caller["app.id"] = c.ID
	case len(s.Publish.Where) > 0:
		p, err := s.feeds.rules.FeedReader(ctx, s.Workspace, c.ID)
		if err != nil {
			return nil, err
		}
		caller["user.id"], caller["user.email"], caller["user.name"] = p.ID, p.Email, p.Name
	}
	return now.rows.As(caller).For("", c.ID), nil
}
