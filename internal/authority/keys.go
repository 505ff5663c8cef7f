package authority

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
)

const (
	// signsAfter is how long a key is published before it signs. Key sets are kept by who fetches them for five
	// minutes, as they are told, and by some for longer.
	signsAfter = 15 * time.Minute

	// publishedAfter is how long a key is published after it signed for the last time: until that token is dead
	// for everybody, also by a clock that is slow.
	publishedAfter = token.AccessLife + 5*time.Minute

	// horizon is how far a clock can be put back before its keys are taken for those of a wrong clock.
	horizon = 24 * time.Hour
)

// KeyState is what a signing key is for now.
type KeyState string

// The states of a signing key.
const (
	KeyNext      KeyState = "next"      // published, signs soon
	KeySigning   KeyState = "signing"   // signs now
	KeyPublished KeyState = "published" // signed what may still be alive
)

// keySet is the published keys of a workspace, those that begin to sign latest first.
type keySet []SigningKey

// publishedKeys are the keys of a workspace that somebody may still verify by.
func publishedKeys(tx *store.Tx, workspaceID string) (keySet, error) {
	all, err := tx.SigningKeys(workspaceID)
	return inOrder(all, tx.Now), err
}

func inOrder(all []SigningKey, now time.Time) keySet {
	keys := slices.DeleteFunc(slices.Clone(all), func(k SigningKey) bool { return !k.PublishedUntil.IsZero() && !now.Before(k.PublishedUntil) })
	slices.SortFunc(keys, func(a, b SigningKey) int {
		return cmp.Or(b.SignsFrom.Compare(a.SignsFrom), cmp.Compare(b.ID, a.ID))
	})
	return keys
}

// latest is the place of the key that was made last; -1 when there is none. One that signs only in a time that no
// rotation reaches was made by a wrong clock, and does not count.
func (s keySet) latest(now time.Time) int {
	return slices.IndexFunc(s, func(k SigningKey) bool { return !k.SignsFrom.After(now.Add(horizon)) })
}

// signing is the place of the key that signs now: the latest that may; -1 when there is none. A clock that was
// put back a little may have no such key; then it is the one that comes first.
func (s keySet) signing(now time.Time) int {
	i := slices.IndexFunc(s, func(k SigningKey) bool { return !now.Before(k.SignsFrom) })
	if i < 0 && s.latest(now) >= 0 {
		return len(s) - 1
	}
	return i
}

// waits reports whether a key with an algorithm is published that does not sign yet.
func (s keySet) waits(alg token.Algorithm, now time.Time) bool {
	i := s.latest(now)
	return i >= 0 && s[i].Algorithm == alg && now.Before(s[i].SignsFrom)
}

// due is when another key has to be made; the zero time is now.
func (s keySet) due(rule token.SigningRule, now time.Time) time.Time {
	i := s.latest(now)
	if i < 0 || s[i].Algorithm != rule.Algorithm {
		return time.Time{}
	}
	return s[i].SignsFrom.AddDate(0, 0, rule.RotateDays)
}

// SigningKeys lists a workspace's published keys, newest first. Administrators only.
func (a *Authority) SigningKeys(ctx context.Context, by token.Identity, ws string) ([]SigningKey, error) {
	var keys keySet
	err := a.view(ctx, func(tx *store.Tx) error {
		s, err := a.administer(tx, by, ws)
		if err != nil {
			return err
		}
		keys, err = publishedKeys(tx, s.ID)
		return err
	})
	return keys.shown(), err
}

// shown leaves out what nobody needs to see.
func (s keySet) shown() []SigningKey {
	for i := range s {
		s[i].Sealed = nil
	}
	return s
}

// StateOf says what a key of a list that SigningKeys returned is for now.
func (a *Authority) StateOf(keys []SigningKey, id string) KeyState {
	now := a.now()
	s := inOrder(keys, now)
	signing := s.signing(now)
	for i := range s {
		switch {
		case s[i].ID != id:
		case i == signing:
			return KeySigning
		case now.Before(s[i].SignsFrom):
			return KeyNext
		}
	}
	return KeyPublished
}

// RotateKeys makes a new signing key. It is published now and signs once every verifier has had the time to
// fetch it; the old one stays published until the last token that it signed is dead. With atOnce the old
// keys are removed and the new one signs now: for a key that somebody may have copied. While a key waits to
// sign, asking for another one changes nothing. Administrators only.
func (a *Authority) RotateKeys(ctx context.Context, by token.Identity, ws string, atOnce bool) ([]SigningKey, error) {
	var rule token.SigningRule
	err := a.view(ctx, func(tx *store.Tx) error {
		s, err := a.administer(tx, by, ws)
		if err == nil {
			rule = signingRule(s.policy)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	// Before the transaction: others would wait for it.
	k, err := a.makeKey(rule.Algorithm)
	if err != nil {
		return nil, err
	}
	var in string
	var keys keySet
	err = a.update(ctx, func(tx *store.Tx) error {
		s, err := a.administerAlone(tx, by, ws)
		if err != nil {
			return err
		}
		in = s.ID
		if keys, err = publishedKeys(tx, in); err != nil {
			return err
		}
		if keys.waits(k.Algorithm, tx.Now) && !atOnce {
			return nil
		}
		if err := addKey(tx, keys, k, addition{workspaceID: in, by: by, atOnce: atOnce}); err != nil {
			return err
		}
		keys, err = publishedKeys(tx, in)
		return err
	}, func() {
		a.signers.forget(in)
		a.checks.WorkspaceChanged(in) // what a removed key signed is dead
	})
	if err != nil {
		return nil, err
	}
	return keys.shown(), nil
}

// signingRule is how a workspace signs; policies from before there was such a rule leave it out.
func signingRule(p *token.Policy) token.SigningRule {
	rule := p.Signing
	rule.Clean()
	return rule
}

// makeKey makes a key that is in no workspace yet.
func (a *Authority) makeKey(alg token.Algorithm) (SigningKey, error) {
	if a.box == nil {
		return SigningKey{}, fault.New(fault.Unavailable, api.CodeUnavailable, "This server has no keyset, so it can't sign. Tell who runs it.")
	}
	k := SigningKey{ID: token.NewID(token.KeyID, a.now()), Algorithm: alg}
	key, err := keyring.NewKey(k.ID, alg)
	if err != nil {
		return k, fault.Wrap(err, "make a signing key")
	}
	private, err := key.Private()
	if err != nil {
		return k, fault.Wrap(err, "make a signing key")
	}
	if k.Public, err = key.Public(); err != nil {
		return k, fault.Wrap(err, "make a signing key")
	}
	k.Sealed, err = a.box.Seal(private, k.ID)
	return k, fault.Wrap(err, "seal a signing key")
}

// addition is who adds a key to which workspace, and how.
type addition struct {
	workspaceID string
	by          token.Identity
	atOnce      bool
}

// addKey adds a key to those of a workspace, whose turn it is.
func addKey(tx *store.Tx, keys keySet, k SigningKey, c addition) error {
	k.WorkspaceID, k.CreatedAt, k.SignsFrom = c.workspaceID, tx.Now, tx.Now
	e := event(tx, c.by, audit.KeyRotated)
	if c.by.User.ID == "" && c.by.System == "" {
		e.Via, e.ActorName = "server", "Keywright" // by schedule
	}
	e.WorkspaceID, e.TargetKind, e.TargetID, e.TargetName = c.workspaceID, "signing_key", k.ID, k.ID
	if i := keys.signing(tx.Now); i >= 0 {
		e.Detail.Before = map[string]any{"key": keys[i].ID, "algorithm": keys[i].Algorithm}
		if !c.atOnce {
			k.SignsFrom = tx.Now.Add(signsAfter)
		}
	}
	until := k.SignsFrom.Add(publishedAfter)
	for _, old := range keys {
		switch {
		case c.atOnce:
			gone := e
			gone.ID, gone.Action, gone.TargetID, gone.TargetName = token.NewID(token.EventID, tx.Now), audit.KeyRemoved, old.ID, old.ID
			gone.Detail = audit.Detail{Before: map[string]any{"key": old.ID, "algorithm": old.Algorithm}}
			if err := errors.Join(tx.DropSigningKey(old.ID), tx.AddEvent(gone)); err != nil {
				return err
			}
		case old.PublishedUntil.IsZero() || old.PublishedUntil.After(until):
			if err := tx.RetireSigningKey(old.ID, until); err != nil {
				return err
			}
		}
	}
	e.Detail.After = map[string]any{"key": k.ID, "algorithm": k.Algorithm, "signs_from": jsonTime(k.SignsFrom)}
	return errors.Join(tx.AddSigningKey(k), tx.AddEvent(e))
}

// ForgetSealed makes the database forget what nobody can read any more since the keyset is lost: all signing
// keys (the access tokens that they signed are dead), the sealed copies of client secrets (which go on working),
// and the keys of legacy tokens (which stop). It returns how many signing keys that were. The command line only,
// while no server runs.
func (a *Authority) ForgetSealed(ctx context.Context, by token.Identity) (n int, err error) {
	if by.System == "" {
		return 0, roleNotAllowed()
	}
	const reason = "The keyset is lost"
	var all []store.Workspace
	err = a.update(ctx, func(tx *store.Tx) (err error) {
		n = 0
		if all, err = tx.Workspaces(); err != nil {
			return err
		}
		for _, w := range all {
			keys, err := tx.SigningKeys(w.ID)
			if err != nil {
				return err
			}
			for _, k := range keys {
				e := event(tx, by, audit.KeyRemoved)
				e.WorkspaceID, e.TargetKind, e.TargetID, e.TargetName = w.ID, "signing_key", k.ID, k.ID
				e.Detail = audit.Detail{Before: map[string]any{"key": k.ID, "algorithm": k.Algorithm}, Reason: reason}
				if err := errors.Join(tx.DropSigningKey(k.ID), tx.AddEvent(e)); err != nil {
					return err
				}
			}
			n += len(keys)
		}
		e := event(tx, by, audit.SealedForgotten)
		e.TargetKind, e.Detail.Reason, e.Detail.Count = "installation", reason, n
		return errors.Join(tx.ForgetSealed(), tx.AddEvent(e))
	}, func() {
		for _, w := range all {
			a.signers.forget(w.ID)
			a.checks.WorkspaceChanged(w.ID)
		}
	})
	return n, err
}

// issuing is a workspace's keys and how it is to sign, as read together.
type issuing struct {
	store.Workspace
	ruled
	keys keySet
}

// readIssuing reads a workspace, named by slug or id, as an issuer.
func (a *Authority) readIssuing(tx *store.Tx, ref string) (i issuing, err error) {
	if i.Workspace, err = tx.Workspace(ref); err != nil {
		return i, err
	}
	if i.ruled, err = a.rulesOf(tx, i.Workspace); err != nil {
		return i, err
	}
	i.keys, err = publishedKeys(tx, i.ID)
	return i, err
}

// readyKeys returns a workspace with keys that can sign, and makes one where there is none or it is time for
// another. Two at once make one.
func (a *Authority) readyKeys(ctx context.Context, workspaceID string, by token.Identity) (issuing, error) {
	var i issuing
	read := func(tx *store.Tx) (err error) { i, err = a.readIssuing(tx, workspaceID); return err }
	isDue := func(now time.Time) bool { return !now.Before(i.keys.due(signingRule(i.policy), now)) }
	for {
		if err := a.view(ctx, read); err != nil || !isDue(a.now()) {
			return i, err
		}
		k, err := a.makeKey(signingRule(i.policy).Algorithm)
		if err != nil {
			return i, err
		}
		err = a.update(ctx, func(tx *store.Tx) error {
			if err := tx.TakeWorkspaceTurn(workspaceID); err != nil {
				return err
			}
			if err := read(tx); err != nil {
				return err
			}
			if !isDue(tx.Now) || signingRule(i.policy).Algorithm != k.Algorithm {
				return nil // somebody was faster, or the rules are others now: look again
			}
			return addKey(tx, i.keys, k, addition{workspaceID: workspaceID, by: by})
		}, func() { a.signers.forget(workspaceID) })
		if err != nil {
			return i, err
		}
	}
}

// followRules begins a rotation when new rules ask for another algorithm. That it can't is no reason to undo
// the rules: whoever needs the key next makes it.
func (a *Authority) followRules(ctx context.Context, by token.Identity, workspaceID string) {
	var i issuing
	err := a.view(ctx, func(tx *store.Tx) (err error) { i, err = a.readIssuing(tx, workspaceID); return err })
	if err == nil && len(i.keys) > 0 { // the first key waits for who needs it
		_, err = a.readyKeys(ctx, workspaceID, by)
	}
	if err != nil {
		a.log.WarnContext(ctx, "no signing key was made for the new rules yet", slog.String("workspace", workspaceID), slog.Any("error", err))
	}
}
