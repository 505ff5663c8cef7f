package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed schema
var schema embed.FS

// Migrate brings the tables to this program's version and returns how many steps it took. Steps only
// go forward. It must run under the Lock, so that no server works on tables that move.
func (s *Store) Migrate(ctx context.Context) (steps int, err error) {
	p, err := s.provider()
	if err != nil {
		return 0, err
	}
	if err := s.refuseNewer(ctx, p); err != nil {
		return 0, err
	}
	done, err := p.Up(ctx)
	if err != nil {
		return len(done), fmt.Errorf("migrate: %w", err)
	}
	return len(done), nil
}

// Pending reports whether Migrate has something to do.
func (s *Store) Pending(ctx context.Context) (bool, error) {
	p, err := s.provider()
	if err != nil {
		return false, err
	}
	if err := s.refuseNewer(ctx, p); err != nil {
		return false, err
	}
	return p.HasPending(ctx)
}

// refuseNewer keeps an old program from working on tables that a newer one has changed.
func (s *Store) refuseNewer(ctx context.Context, p *goose.Provider) error {
	have, err := p.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	sources := p.ListSources()
	if known := sources[len(sources)-1].Version; have > known {
		return fmt.Errorf("the database is at version %d, this program knows %d: use a newer keywright", have, known)
	}
	return nil
}

func (s *Store) provider() (*goose.Provider, error) {
	db, dialect := s.engine.migrations()
	files, err := fs.Sub(schema, "schema/"+dialect)
	if err != nil {
		return nil, err
	}
	kind := goose.DialectPostgres
	if dialect == "sqlite" {
		kind = goose.DialectSQLite3
	}
	p, err := goose.NewProvider(kind, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, errors.Join(errors.New("migrations"), err)
	}
	return p, nil
}
