package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/config"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/server"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/web"
)

type checkConfigCmd struct{ configured }

// Run prints every problem with its line.
func (c *checkConfigCmd) Run(s *streams) error {
	if _, err := c.load(s); err != nil {
		return err
	}
	_, err := fmt.Fprintln(s.out, "The configuration is good.")
	return err
}

type migrateCmd struct{ configured }

// Run migrates while no server runs on the database.
func (c *migrateCmd) Run(s *streams) error {
	cfg, err := c.load(s)
	if err != nil {
		return err
	}
	return withStore(s.ctx, cfg, func(st *store.Store) error {
		lock, err := st.Lock(s.ctx)
		if err != nil {
			return server.LockFault(err, cfg.Database)
		}
		steps, err := st.Migrate(s.ctx)
		if err = errors.Join(err, lock.Release()); err != nil {
			return err
		}
		if steps == 0 {
			_, err = fmt.Fprintln(s.out, "The database is up to date.")
		} else {
			_, err = fmt.Fprintf(s.out, "The database is up to date: %d steps.\n", steps)
		}
		return err
	})
}

func withStore(ctx context.Context, cfg config.Config, fn func(*store.Store) error) error {
	st, err := store.Open(ctx, store.Options{DSN: cfg.Database, MaxConns: 2})
	if err != nil {
		return err
	}
	return errors.Join(fn(st), st.Close())
}

// withAuthority runs fn beside a running server: what it may do must not need that server's memory.
func withAuthority(s *streams, c *configured, fn func(*authority.Authority, config.Config) error) error {
	return withRules(s, c, func(_ *store.Store, a *authority.Authority, cfg config.Config) error { return fn(a, cfg) })
}

func withRules(s *streams, c *configured, fn func(*store.Store, *authority.Authority, config.Config) error) error {
	cfg, err := c.load(s)
	if err != nil {
		return err
	}
	return withStore(s.ctx, cfg, func(st *store.Store) error {
		pending, err := st.Pending(s.ctx)
		if err != nil {
			return err
		}
		if pending {
			return errors.New("the database is not up to date: run keywright migrate first")
		}
		a, err := server.Authority(s.ctx, st, cfg)
		if err != nil {
			return err
		}
		return plain(fn(st, a, cfg))
	})
}

// plain turns a refusal into its sentence.
func plain(err error) error {
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind == fault.Internal {
		return err
	}
	if len(f.Fields) == 0 {
		return errors.New(f.Detail)
	}
	var all []string
	for _, field := range f.Fields {
		all = append(all, field.Name+": "+field.Detail)
	}
	return errors.New(strings.Join(all, "\n"))
}

func commandLine(name string) token.Identity { return token.Identity{System: "keywright " + name} }

type workspaceCmd struct {
	Create workspaceCreateCmd `cmd:"" help:"Make a workspace. An installation administrator adds its first member."`
}

type workspaceCreateCmd struct {
	configured
	Slug   string `arg:"" help:"Its name in addresses."`
	Preset string `required:"" help:"The policy it begins with: standard, single-token, apps-and-tokens, crm-tokens, oauth-tokens or scoped-tokens."`
	Name   string `help:"The name that people see; the slug if left out."`
	Admin  string `help:"E-mail address of an existing account that becomes its administrator." placeholder:"EMAIL"`
}

// Run makes the workspace.
func (c *workspaceCreateCmd) Run(s *streams) error {
	return withAuthority(s, &c.configured, func(a *authority.Authority, cfg config.Config) error {
		w, err := a.CreateWorkspace(s.ctx, commandLine("workspace create"), authority.NewWorkspace{Slug: c.Slug, Name: c.Name, Preset: token.Preset(c.Preset), Administrator: c.Admin})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(s.out, "Workspace %s is made: %s/workspaces/%s\n", w.Slug, cfg.Public(), w.Slug)
		return err
	})
}

type resetPasswordCmd struct {
	configured
	Email string `arg:"" help:"Whose password."`
}

// Run prints the link; it is a credential.
func (c *resetPasswordCmd) Run(s *streams) error {
	return withAuthority(s, &c.configured, func(a *authority.Authority, cfg config.Config) error {
		link, err := a.ResetPassword(s.ctx, commandLine("reset-password"), c.Email)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(s.out, "%s%s%s\nIt works once, within a day. Whoever opens it can choose the password.\n", cfg.Public(), web.LinkPath, link.Reveal())
		return err
	})
}

type versionCmd struct{}

// Run prints what is known of this build.
func (*versionCmd) Run(s *streams) error {
	version, revision, with := buildInfo()
	_, err := fmt.Fprintf(s.out, "keywright %s%s %s\n", version, revision, with)
	return err
}

// buildInfo is what the go command wrote into this program.
func buildInfo() (version, revision, with string) {
	version = "(devel)"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version, "", ""
	}
	if info.Main.Version != "" {
		version = info.Main.Version
	}
	for _, kv := range info.Settings {
		if kv.Key == "vcs.revision" {
			revision = " " + kv.Value
		}
	}
	return version, revision, info.GoVersion
}
