// Command keywright issues personal access tokens, checks them for gateways and services, and gives
// people a page to manage them.
//
// main is one line; run is the program: it takes its arguments and streams, returns an exit status, and
// is what the tests run. Every command has a file of its own. Exit status: 0 done, 1 failed or refused,
// 2 wrong use.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/keywright/keywright/internal/config"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// commands are all commands and their flags.
type commands struct {
	Demo          demoCmd          `cmd:"" help:"Start a complete installation with example data, to try it."`
	Serve         serveCmd         `cmd:"" help:"Start the server."`
	CheckConfig   checkConfigCmd   `cmd:"" help:"Say what is wrong with a configuration, all at once."`
	Migrate       migrateCmd       `cmd:"" help:"Bring the database to this program's version."`
	Workspace     workspaceCmd     `cmd:"" help:"Make workspaces."`
	Keyset        keysetCmd        `cmd:"" help:"Make and change the file with the keys under which the database keeps secrets."`
	Import        importCmd        `cmd:"" help:"Import what an older system has."`
	ResetPassword resetPasswordCmd `cmd:"" help:"Print a one-time link with which a person chooses a new password."`
	Version       versionCmd       `cmd:"" help:"Print the version."`
}

// streams are where a command reads and writes, and what ends it.
type streams struct {
	ctx context.Context
	in  io.Reader
	out io.Writer
	err io.Writer
}

// exit is how kong's --help leaves the parser.
type exit int

func run(args []string, in io.Reader, out, errs io.Writer) (status int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer func() {
		switch p := recover().(type) {
		case nil:
		case exit:
			status = int(p)
		default:
			panic(p)
		}
	}()
	var c commands
	parser, err := kong.New(&c, kong.Name("keywright"), kong.Writers(out, errs), kong.UsageOnError(),
		kong.Description("Personal access tokens for any product: issue them, check them, read data with them."),
		kong.Exit(func(code int) { panic(exit(code)) }))
	if err != nil {
		panic(err) // the struct above is wrong: a programmer's error
	}
	cmd, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(errs, "keywright: %v\n", err)
		return 2
	}
	if err := cmd.Run(&streams{ctx: ctx, in: in, out: out, err: errs}); err != nil {
		if !errors.Is(err, errSaid) {
			fmt.Fprintf(errs, "keywright: %v\n", err)
		}
		return 1
	}
	return 0
}

// errSaid is returned by a command that has already said what is wrong.
var errSaid = errors.New("said")

// configured is embedded by commands that need the configuration.
type configured struct {
	Config string `help:"The YAML file. Environment variables win over it; without a file they are all." placeholder:"FILE"`
}

// load reads the configuration, and prints what is wrong with it.
func (c *configured) load(s *streams) (config.Config, error) {
	cfg, problems := config.Load(c.Config, os.Getenv)
	for _, p := range problems {
		name := c.Config
		if name == "" {
			name = "environment"
		}
		fmt.Fprintf(s.err, "%s: %s\n", name, p)
	}
	if len(problems) > 0 {
		return cfg, errSaid
	}
	return cfg, nil
}

func logger(cfg config.Config, w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: level}
	if cfg.LogFormat == "text" {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}
