package server

import (
	"context"
	"time"

	"github.com/keywright/keywright/internal/config"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/publish"
	"github.com/keywright/keywright/odata/sqldata"
)

// openFeeds opens what is published. A database that does not answer is tried again and holds up nothing.
func (s *Server) openFeeds(ctx context.Context, box *keyring.Box, now func() time.Time) (err error) {
	key, err := box.Derive("feeds")
	if err != nil {
		return err
	}
	o := publish.Options{Authority: s.rules, Key: key, Log: s.log, Now: now}
	for i := range s.cfg.Feeds {
		o.Sources = append(o.Sources, sourceOf(&s.cfg.Feeds[i]))
	}
	s.feeds, err = publish.Open(ctx, o)
	return err
}

// sourceOf reads what config has checked.
func sourceOf(f *config.Feed) publish.Source {
	p := sqldata.Publish{
		Namespace: "Feed", Tables: f.Tables, LeaveOut: f.LeaveOut, Names: f.Names, Titles: f.Titles, Keys: f.Keys, Where: f.Rows,
		Types: f.Types, Writable: f.AllowWritableRole, Kept: map[string]sqldata.Kept{},
	}
	for _, l := range f.Links {
		p.Links = append(p.Links, sqldata.PublishLink{From: l.From, To: l.To, Name: l.Name, Back: l.Back})
	}
	ways := map[string]sqldata.Kept{"seconds": sqldata.Seconds, "microseconds": sqldata.Micros, "days": sqldata.DayNumber, "iso": sqldata.ISO}
	for column, way := range f.Times {
		p.Kept[column] = ways[way]
	}
	return publish.Source{
		Workspace: f.Workspace, Name: f.Name, Title: f.Title, Database: f.DSN, Scope: f.Scope, PageSize: f.PageSize, Publish: p,
		Options: sqldata.Options{Timeout: f.Timeout(), Concurrent: f.ConcurrentQueries},
	}
}

// Reload reads the schemas of published databases anew.
func (s *Server) Reload(ctx context.Context) { s.feeds.Reload(ctx) }
