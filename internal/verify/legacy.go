package verify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
)

const (
	// mostLegacies is how many workspaces' legacy tokens are known at once; more are read again and again.
	mostLegacies = 10_000

	// legacyPatience bounds a reading of a workspace's legacy tokens, which is for all who wait for it.
	legacyPatience = 30 * time.Second
)

// legacies says which foreign texts are worth a look-up. A legacy token has no form: any text may be one. So
// each workspace has a list of the first eight bytes of what its live legacy tokens are kept under: eight
// bytes a token, without pointers, read when it is first needed, and searched before the table and the
// database are. A flood of garbage costs a digest of each scheme that the workspace has, and nothing else;
// in a workspace without legacy tokens, nothing. A list is good while the workspace's counters are what they
// were before it was read; tokens that were revoked or expired since only make it a little longer.
type legacies struct {
	mu   sync.Mutex
	kept map[string]*shelf // by slug
}

// shelf holds one workspace's list. Of many who find none, one reads it and the others wait.
type shelf struct {
	turn chan struct{}
	list atomic.Pointer[legacyList]
}

type legacyList struct {
	workspace rawID
	stamp     uint64
	schemes   []legacyScheme
	heads     []uint64 // sorted
}

type legacyScheme struct {
	token.Scheme
	key []byte // of an HMAC
}

// findLegacy finds what a foreign text stands for in a workspace.
func (c *Checker) findLegacy(ctx context.Context, presented, workspace string, f *found) error {
	l, err := c.legaciesOf(ctx, workspace)
	if err != nil {
		return err
	}
	for i := range l.schemes {
		s := &l.schemes[i]
		h := s.keptOf(presented)
		if !l.has(&h) {
			continue
		}
		err := c.findHash(ctx, tokenForm, &h, "", f)
		switch {
		case err == errUnknown: //nolint:errorlint // findHash returns the value itself
			continue
		case err != nil:
			return err
		}
		// Found through another scheme than its own, what was presented is not the token but what is hashed to
		// keep its digest: who knows that has the digest.
		if s.Scheme == token.SchemeSHA256 && f.kind == kindLegacy || s.Scheme != token.SchemeSHA256 && f.kind == kindDigest {
			return nil
		}
	}
	return errUnknown
}

// keptOf returns the hash under which a token with this text is kept by the scheme.
func (s *legacyScheme) keptOf(presented string) token.Hash {
	switch {
	case s.Scheme == token.SchemeSHA256:
		return hashOf(presented)
	case s.key != nil:
		m := hmac.New(sha256.New, s.key)
		m.Write(bytesOf(presented))
		return s.Kept(m.Sum(nil))
	default:
		d := sha512.Sum512(bytesOf(presented))
		return s.Kept(d[:])
	}
}

func (l *legacyList) has(h *token.Hash) bool {
	_, ok := slices.BinarySearch(l.heads, head(h))
	return ok
}

func head(h *token.Hash) uint64 { return binary.BigEndian.Uint64(h[:]) }

// legaciesOf returns the list of a workspace; errUnknown when there is no such workspace.
func (c *Checker) legaciesOf(ctx context.Context, slug string) (*legacyList, error) {
	s := c.legacies.shelf(slug)
	if l := c.fresh(s); l != nil {
		return l, nil
	}
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	defer func() { <-s.turn }()
	if l := c.fresh(s); l != nil {
		return l, nil
	}
	// It is read for others too: a client that goes away must not end it, or a slow one is never done.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), legacyPatience)
	defer cancel()
	l, err := c.loadLegacies(ctx, slug)
	if err != nil {
		// Unknown workspaces are not remembered: anybody can make them up, and one may be made.
		c.legacies.drop(slug, s)
		return nil, err
	}
	s.list.Store(l)
	return l, nil
}

// wait takes the turn, or gives up with its context. A turn that is free needs no patience.
func (s *shelf) wait(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	default:
	}
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Checker) fresh(s *shelf) *legacyList {
	l := s.list.Load()
	if l == nil || l.stamp != c.gens.legacyStamp(l.workspace) {
		return nil
	}
	return l
}

func (c *legacies) shelf(slug string) *shelf {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.kept[slug]
	if s == nil {
		if c.kept == nil || len(c.kept) >= mostLegacies {
			c.kept = map[string]*shelf{}
		}
		s = &shelf{turn: make(chan struct{}, 1)}
		c.kept[slug] = s
	}
	return s
}

func (c *legacies) drop(slug string, s *shelf) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept[slug] == s {
		delete(c.kept, slug)
	}
}

// loadLegacies reads a workspace's list. Whose counters to take is known only by reading, so it reads again
// once they are taken, and finds the same workspace there: see generations.
func (c *Checker) loadLegacies(ctx context.Context, slug string) (*legacyList, error) {
	var raw rawID
	for id := ""; ; {
		l := &legacyList{workspace: raw, stamp: c.gens.legacyStamp(raw)}
		var w store.Workspace
		err := c.store.View(ctx, func(tx *store.Tx) (err error) {
			if w, err = tx.Workspace(slug); err == nil && w.ID == id {
				err = c.readLegacies(tx, id, l)
			}
			return err
		})
		switch {
		case errors.Is(err, store.ErrNotFound), err == nil && w.Slug != slug: // the store takes an id too
			return nil, errUnknown
		case err != nil:
			return nil, err
		case w.ID == id:
			return l, nil
		}
		var ok bool
		if raw, ok = token.ParseID(token.WorkspaceID, w.ID); !ok {
			return nil, errID
		}
		id = w.ID
	}
}

// readLegacies fills a list. What can't be read of one scheme must not end the tokens of the others.
func (c *Checker) readLegacies(tx *store.Tx, id string, l *legacyList) error {
	schemes, err := tx.LegacySchemes(id)
	if err != nil {
		return err
	}
	kept, err := tx.LegacyKeys(id)
	if err != nil {
		return err
	}
	l.schemes, l.heads = nil, []uint64{}
	for _, s := range schemes {
		one := legacyScheme{Scheme: s}
		if s != token.SchemeSHA256 && s != token.SchemeSHA512 {
			if one.key = c.legacyKey(kept, s.KeyID()); one.key == nil {
				c.log.Error("the key of legacy tokens can't be opened: they are refused", slog.String("workspace", id), slog.String("key", s.KeyID()))
				continue
			}
		}
		l.schemes = append(l.schemes, one)
	}
	err = tx.LegacyHashes(id, func(h token.Hash) { l.heads = append(l.heads, head(&h)) })
	slices.Sort(l.heads)
	l.heads = slices.Clip(l.heads)
	return err
}

func (c *Checker) legacyKey(kept []store.LegacyKey, id string) []byte {
	i := slices.IndexFunc(kept, func(k store.LegacyKey) bool { return k.ID == id })
	if i < 0 || c.box == nil {
		return nil
	}
	key, err := c.box.Open(kept[i].Sealed, id)
	if err != nil {
		return nil
	}
	if key == nil {
		return []byte{}
	}
	return key
}
