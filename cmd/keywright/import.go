package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/config"
	"github.com/keywright/keywright/internal/legacy"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
)

type importCmd struct {
	Tokens importTokensCmd `cmd:"" help:"Import tokens that an older system issued: they go on working until a day that is set."`
}

type importTokensCmd struct {
	configured
	Workspace       string `required:"" help:"The workspace, by its name in addresses."`
	DryRun          bool   `help:"Say what would become of each line, and change nothing."`
	StopsAt         string `help:"The day on which all legacy tokens of the workspace stop, such as 2027-03-01; as was set before if left out." placeholder:"DATE"`
	HMACKeyFile     string `name:"hmac-key-file" help:"A file that holds the key of hmac_sha256; one line break at its end is left out." placeholder:"FILE"`
	AllowRawSecrets bool   `help:"Take lines that hold the secret in clear. Only its SHA-256 is kept."`
	Server          string `help:"Import through the server that runs at this address, with the token in KEYWRIGHT_TOKEN." placeholder:"URL"`
	File            string `arg:"" help:"JSON Lines, or CSV with a header; - is the standard input."`
}

// importer imports lines, here or through a server.
type importer func(ctx context.Context, ws string, in authority.Import) (authority.ImportedSummary, error)

// Run imports the file, and says what became of its lines.
func (c *importTokensCmd) Run(s *streams) (err error) {
	in, err := c.what()
	if err != nil {
		return err
	}
	file := io.NopCloser(s.in)
	if c.File != "-" {
		if file, err = os.Open(c.File); err != nil {
			return err
		}
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	in.Lines = whileWanted(s.ctx, legacy.Read(wanted{s.ctx, file}))
	if c.Server != "" {
		r, err := newRemote(c.Server, os.Getenv("KEYWRIGHT_TOKEN"))
		if err != nil {
			return err
		}
		return c.report(s, in, r.importTokens)
	}
	return c.alone(s, func(a *authority.Authority) error {
		return c.report(s, in, func(ctx context.Context, ws string, in authority.Import) (authority.ImportedSummary, error) {
			return a.ImportTokens(ctx, commandLine("import tokens"), ws, in)
		})
	})
}

// what reads the flags.
func (c *importTokensCmd) what() (in authority.Import, err error) {
	in.DryRun, in.AllowRaw = c.DryRun, c.AllowRawSecrets
	if c.StopsAt != "" {
		if in.Stops, err = time.Parse(time.DateOnly, c.StopsAt); err != nil {
			if in.Stops, err = time.Parse(time.RFC3339, c.StopsAt); err != nil {
				return in, fmt.Errorf("--stops-at %q: want a date such as 2027-03-01, or a time such as 2027-03-01T12:00:00Z", c.StopsAt)
			}
		}
	}
	if c.HMACKeyFile != "" {
		key, err := os.ReadFile(c.HMACKeyFile)
		if err != nil {
			return in, err
		}
		key = bytes.TrimSuffix(bytes.TrimSuffix(key, []byte("\n")), []byte("\r"))
		if len(key) == 0 {
			return in, fmt.Errorf("--hmac-key-file %s: there is no key in it", c.HMACKeyFile)
		}
		in.HMACKey = token.SecretOf(string(key))
	}
	return in, nil
}

var errInterrupted = errors.New("it was interrupted; begin the import again to go on")

// wanted is a file, of which a read that waits ends when the command is interrupted: a terminal or a pipe may
// have no next line, and a line no end.
type wanted struct {
	ctx  context.Context
	file io.Reader
}

func (w wanted) Read(p []byte) (int, error) {
	if w.ctx.Err() != nil {
		return 0, errInterrupted
	}
	var n int
	var err error
	own, done := make([]byte, len(p)), make(chan struct{}) // a read that was left may still write
	go func() {
		defer close(done)
		n, err = w.file.Read(own)
	}()
	select {
	case <-done:
		return copy(p, own[:n]), err
	case <-w.ctx.Done():
		return 0, errInterrupted
	}
}

// whileWanted ends a file when the command is interrupted.
func whileWanted(ctx context.Context, lines iter.Seq2[legacy.Line, error]) iter.Seq2[legacy.Line, error] {
	return func(yield func(legacy.Line, error) bool) {
		for l, err := range lines {
			if ctx.Err() != nil {
				yield(legacy.Line{}, errInterrupted)
				return
			}
			if !yield(l, err) {
				return
			}
		}
	}
}

// alone runs fn on the database while no server has it: a server would not know of the tokens.
func (c *importTokensCmd) alone(s *streams, fn func(*authority.Authority) error) error {
	return withRules(s, &c.configured, func(st *store.Store, a *authority.Authority, cfg config.Config) error {
		lock, err := st.Lock(s.ctx)
		if errors.Is(err, store.ErrLocked) {
			return fmt.Errorf("a keywright server uses the database %s. Import through it: give --server %s, and in KEYWRIGHT_TOKEN an administrator's token with the scope keywright:admin; or use its page \"Legacy tokens\"", store.RedactDSN(cfg.Database), cfg.Public())
		}
		if err != nil {
			return err
		}
		return errors.Join(fn(a), lock.Release())
	})
}

// report runs an import and says what became of it: each line of a dry run, and else those that were refused.
func (c *importTokensCmd) report(s *streams, in authority.Import, run importer) error {
	words := map[authority.Outcome]string{authority.LineImported: "imported", authority.LineKnown: "was imported before", authority.LineRefused: "refused"}
	if c.DryRun {
		words[authority.LineImported] = "would be imported"
	}
	var failed error
	in.Report = func(d authority.Imported) {
		if !c.DryRun && d.Outcome != authority.LineRefused {
			return
		}
		text := fmt.Sprintf("line %d: %s", d.Line, words[d.Outcome])
		if d.Problem != "" {
			text += ": " + d.Problem
		}
		if _, err := fmt.Fprintln(s.out, text); err != nil {
			failed = err
		}
	}
	said := time.Now()
	in.Progress = func(sum authority.ImportedSummary) {
		if now := time.Now(); now.Sub(said) > time.Second {
			said = now
			fmt.Fprintf(s.err, "%d lines so far\n", sum.Imported+sum.Known+sum.Refused)
		}
	}
	sum, err := run(s.ctx, c.Workspace, in)
	if sum.Stops.IsZero() {
		return errors.Join(plain(err), failed)
	}
	_, werr := fmt.Fprintf(s.out, "%d %s, %d imported before, %d refused. Legacy tokens stop on %s.\n",
		sum.Imported, words[authority.LineImported], sum.Known, sum.Refused, sum.Stops.UTC().Format("2 January 2006, 15:04 MST"))
	if err = errors.Join(plain(err), failed, werr); err == nil && sum.Refused > 0 {
		return errSaid
	}
	return err
}
