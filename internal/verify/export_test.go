package verify

import "context"

// LegacyList is what a checker knows of a workspace's legacy tokens: two are the same when it was read once.
func LegacyList(ctx context.Context, c *Checker, slug string) (list any, hashes int, err error) {
	l, err := c.legaciesOf(ctx, slug)
	if err != nil {
		return nil, 0, err
	}
	return l, len(l.heads), nil
}

// ReadLegacyList reads what a checker knows of a workspace's legacy tokens as a check does, but looks at the
// context while it does so.
func ReadLegacyList(ctx context.Context, c *Checker, slug string) error {
	l, err := c.loadLegacies(ctx, slug)
	if err == nil {
		c.legacies.shelf(slug).list.Store(l)
	}
	return err
}

// KnownToBeBad reports whether a checker remembers that a text is no access token.
func KnownToBeBad(c *Checker, presented string) bool {
	h := hashOf(presented)
	return c.unknowns.has(&h, accessForm, c.gens)
}
