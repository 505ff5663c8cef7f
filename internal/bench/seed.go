package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
)

const rowsACommit = 50_000

// database returns the path of a SQLite database that holds so many tokens, made when it is first asked for.
func (b *bench) database(name string, tokens uint64) (string, error) {
	path := filepath.Join(b.dir, fmt.Sprintf("%s-%d.db", name, tokens))
	whole := path + ".seeded" // not half of it, from a run that was broken off
	if _, err := os.Stat(whole); err == nil {
		return path, nil
	}
	began := time.Now()
	if err := errors.Join(removeDatabase(path), seed(b.ctx, path, tokens)); err != nil {
		return "", err
	}
	if tokens > fewTokens {
		b.out.line("Seeded %s tokens in %s.", number(float64(tokens)), time.Since(began).Round(time.Second/10))
	}
	return path, os.WriteFile(whole, nil, 0o600)
}

// removeDatabase removes a SQLite database and what lies beside it.
func removeDatabase(path string) error {
	for _, end := range []string{"", "-wal", "-shm", ".lock"} {
		if err := os.RemoveAll(path + end); err != nil {
			return err
		}
	}
	return nil
}

// seed fills an empty database: ten workspaces under the standard policy, a member for every fifty tokens, and
// the tokens, in the order of their hashes.
func seed(ctx context.Context, dsn string, tokens uint64) (err error) {
	s, err := store.Open(ctx, store.Options{DSN: dsn})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if _, err := s.Migrate(ctx); err != nil {
		return err
	}
	g := &ground{keys: keysOf(tokens), start: time.Now().Add(-30 * 24 * time.Hour)}
	if err := s.Update(ctx, g.people); err != nil {
		return err
	}
	type numbered struct {
		hash token.Hash
		hint string
	}
	all := make([]numbered, tokens)
	for i := range all {
		secret := g.keys.secret(uint64(i))
		all[i] = numbered{g.keys.hash(uint64(i)), string(secret[secretLength-4:])}
	}
	slices.SortFunc(all, func(a, c numbered) int { return bytes.Compare(a.hash[:], c.hash[:]) })
	n := 0
	for chunk := range slices.Chunk(all, rowsACommit) {
		if err := s.Update(ctx, func(tx *store.Tx) error {
			for i, row := range chunk {
				t := g.token(n+i, row.hash)
				t.Hint = row.hint
				if err := tx.AddToken(t, row.hash); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
		n += len(chunk)
	}
	return nil
}

// ground is what tokens stand on.
type ground struct {
	keys       keys
	start      time.Time
	workspaces []string // ids
	owners     []token.Person
}

// people adds the workspaces and their members.
func (g *ground) people(tx *store.Tx) error {
	policy, _ := token.Standard.Policy()
	g.workspaces, g.owners = nil, nil // it may run twice
	for w := range uint64(workspaces) {
		id := token.NewID(token.WorkspaceID, g.start.Add(time.Duration(w)*time.Millisecond))
		g.workspaces = append(g.workspaces, id)
		row := store.Workspace{ID: id, Slug: slug(w), Name: "Workspace " + strconv.FormatUint(w, 10), CreatedAt: g.start}
		if err := tx.AddWorkspace(row, store.Rules{Policy: policy, Catalogue: token.Standard.Catalogue()}); err != nil {
			return err
		}
	}
	for o := range g.keys.owners {
		p := token.Person{ID: token.NewID(token.UserID, g.start.Add(time.Duration(o)*time.Millisecond)), Name: fmt.Sprint("Member ", o), Email: fmt.Sprintf("member%d@example.com", o)}
		g.owners = append(g.owners, p)
		err := cmp.Or(
			tx.AddUser(store.User{Person: p, CreatedAt: g.start}),
			tx.AddMember(g.workspaces[g.keys.workspace(o)], p.ID, token.Developer),
		)
		if err != nil {
			return err
		}
	}
	return nil
}

// token is the n-th row, of an ordinary length.
func (g *ground) token(n int, h token.Hash) token.Token {
	owner := g.keys.owner(h)
	made := g.start.Add(time.Duration(n) * time.Millisecond)
	return token.Token{
		ID: token.NewID(token.TokenID, made), WorkspaceID: g.workspaces[g.keys.workspace(owner)], Owner: g.owners[owner],
		Name: "Nightly pipeline " + strconv.Itoa(n), Description: "Loads orders into the warehouse",
		Scopes: token.Scopes{"odata:read"}, CreatedAt: made, ExpiresAt: made.AddDate(1, 0, 0),
	}
}
