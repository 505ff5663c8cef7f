package authority

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"sync"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
)

// Issuer is what is public of a workspace that issues access tokens.
type Issuer struct {
	URL       string
	Slug      string
	Name      string
	Algorithm token.Algorithm
	Scopes    []string // of its catalogue
	Offered   struct{ Apps, OAuthTokens, Tokens bool }
}

// signers keeps in memory what signing a token and telling the public how to verify it would else read from
// the database each time. What is kept was read after the last change that concerns it: forget counts, and
// what was begun before it is not kept.
type signers struct {
	seed maphash.Seed
	// turns let one caller for each workspace read or make its keys, and gate one of all who ask for what is
	// public: nobody has to prove anything to ask, so it must not keep the database busy.
	turns [64]sync.Mutex
	gate  chan struct{}

	mu        sync.RWMutex
	changes   uint64
	ready     map[string]*signer    // by workspace id
	published map[string]*published // by slug
}

func newSigners() signers {
	return signers{seed: maphash.MakeSeed(), gate: make(chan struct{}, 1), ready: map[string]*signer{}, published: map[string]*published{}}
}

const mostIssuers = 10_000 // workspaces that nobody asks for any more need not stay

// signer is a workspace's keys, ready to sign.
type signer struct {
	keys []timedKey // those that begin to sign latest first
	due  time.Time  // when to look whether there are others, or another one has to be made
}

type timedKey struct {
	*keyring.Key
	from time.Time
}

// at is the key that signs at a moment; see keySet.signing.
func (s *signer) at(now time.Time) *keyring.Key {
	for _, k := range s.keys {
		if !now.Before(k.from) {
			return k.Key
		}
	}
	return s.keys[len(s.keys)-1].Key
}

// published is what anybody may know of a workspace.
type published struct {
	workspaceID string
	issuer      Issuer
	jwks        []byte
	until       time.Time // when a key begins to sign or is no longer published; zero: never by itself
}

func (s *signers) turn(workspaceID string) *sync.Mutex {
	return &s.turns[maphash.String(s.seed, workspaceID)%uint64(len(s.turns))]
}

func (s *signers) signer(workspaceID string) *signer {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.ready[workspaceID]
}

func (s *signers) publishedAt(slug string, now time.Time) *published {
	s.mu.RLock()
	defer s.mu.RUnlock()
	p := s.published[slug]
	if p == nil || !p.until.IsZero() && !now.Before(p.until) {
		return nil
	}
	return p
}

// unpublish makes what is public of a workspace be read again.
func (s *signers) unpublish(slug string, old *published) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.published[slug] == old {
		delete(s.published, slug)
	}
}

// begin is called before something is read, and its result handed to keep.
func (s *signers) begin() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.changes
}

// keep runs fn, which keeps what was read, unless something was changed meanwhile.
func (s *signers) keep(begun uint64, fn func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changes != begun {
		return false
	}
	if len(s.ready) >= mostIssuers || len(s.published) >= mostIssuers {
		clear(s.ready)
		clear(s.published)
	}
	fn()
	return true
}

// forget is called after each change of a workspace, its rules or its keys.
func (s *signers) forget(workspaceID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes++
	delete(s.ready, workspaceID)
	for slug, p := range s.published {
		if p.workspaceID == workspaceID {
			delete(s.published, slug)
		}
	}
}

// sign makes an access token (RFC 9068 section 2.1) with the key of the workspace that signs now, from
// memory where it can.
func (a *Authority) sign(ctx context.Context, workspaceID string, c token.Claims) (token.Secret, error) {
	text, err := a.signAs(ctx, workspaceID, keyring.AccessType, &c)
	return token.SecretOf(text), err
}

// signAs signs other claims, under a typ of their own.
func (a *Authority) signAs(ctx context.Context, workspaceID, typ string, claims any) (string, error) {
	k, err := a.keyOf(ctx, workspaceID)
	if err != nil {
		return "", err
	}
	text, err := k.Sign(typ, claims)
	return text, fault.Wrap(err, "sign")
}

// keyOf returns the key with which a workspace signs now.
func (a *Authority) keyOf(ctx context.Context, workspaceID string) (*keyring.Key, error) {
	now := a.now()
	s := a.signers.signer(workspaceID)
	if s != nil && now.Before(s.due) {
		return s.at(now), nil
	}
	turn := a.signers.turn(workspaceID)
	if s == nil {
		turn.Lock()
	} else if !turn.TryLock() {
		return s.at(now), nil // another key is being made; meanwhile this one goes on
	}
	defer turn.Unlock()
	if again := a.signers.signer(workspaceID); again != nil && (s == nil || now.Before(again.due)) {
		return again.at(now), nil
	}
	fresh, err := a.loadSigner(ctx, workspaceID)
	switch {
	case err == nil:
		return fresh.at(now), nil
	case s == nil:
		return nil, err
	}
	// That is no reason to stop: the one that signs is as good as it was.
	a.log.WarnContext(ctx, "the signing keys can't be looked at now, or no other one can be made", slog.String("workspace", workspaceID), slog.Any("error", err))
	a.signers.postpone(workspaceID, s, now.Add(time.Minute))
	return s.at(now), nil
}

// postpone makes a signer be looked at again later.
func (s *signers) postpone(workspaceID string, old *signer, due time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ready[workspaceID] == old {
		s.ready[workspaceID] = &signer{keys: old.keys, due: due}
	}
}

// loadSigner reads a workspace's keys, and makes one where one is due.
func (a *Authority) loadSigner(ctx context.Context, workspaceID string) (*signer, error) {
	for {
		begun := a.signers.begin()
		i, err := a.readyKeys(ctx, workspaceID, token.Identity{})
		if err != nil {
			return nil, err
		}
		now := a.now()
		s := &signer{due: i.keys.due(signingRule(i.policy), now)}
		if again := now.Add(horizon); again.Before(s.due) {
			s.due = again // what signs later than that is left out
		}
		for _, k := range i.keys[max(0, i.keys.latest(now)):] {
			key, err := a.openKey(&k)
			if err != nil {
				return nil, fault.Wrap(err, "open a signing key")
			}
			s.keys = append(s.keys, timedKey{key, k.SignsFrom})
		}
		if a.signers.keep(begun, func() { a.signers.ready[workspaceID] = s }) {
			return s, nil
		}
	}
}

func (a *Authority) openKey(k *SigningKey) (*keyring.Key, error) {
	private, err := a.box.Open(k.Sealed, k.ID)
	if err != nil {
		return nil, err
	}
	key, err := keyring.ParseKey(private)
	if err == nil && key.ID != k.ID {
		err = errors.New("authority: a signing key has another id than its row")
	}
	return key, err
}

// PublicIssuer returns a workspace's issuer by its slug, to anybody; not_found when there is none.
func (a *Authority) PublicIssuer(ctx context.Context, slug string) (Issuer, error) {
	p, err := a.publishedOf(ctx, slug)
	if err != nil {
		return Issuer{}, err
	}
	return p.issuer, nil
}

// JWKS returns the public keys of a workspace by its slug, to anybody. The first call makes the first key.
func (a *Authority) JWKS(ctx context.Context, slug string) ([]byte, error) {
	for range 3 {
		p, err := a.publishedOf(ctx, slug)
		if err != nil {
			return nil, err
		}
		if p.jwks != nil {
			return p.jwks, nil
		}
		if _, err := a.keyOf(ctx, p.workspaceID); err != nil {
			return nil, err
		}
		a.signers.unpublish(slug, p) // there are keys now, whoever made them
	}
	return nil, fault.New(fault.Unavailable, api.CodeUnavailable, "The keys are being changed. Try again.")
}

// publishedOf returns what is public of a workspace, from memory when it was read before.
func (a *Authority) publishedOf(ctx context.Context, slug string) (*published, error) {
	if p := a.signers.publishedAt(slug, a.now()); p != nil {
		return p, nil
	}
	if _, problem := token.CleanSlug(slug); problem != "" {
		return nil, fault.Missing()
	}
	if a.issuer == nil {
		return nil, fault.New(fault.Unavailable, api.CodeUnavailable, "This installation issues no access tokens.")
	}
	select {
	case a.signers.gate <- struct{}{}:
		defer func() { <-a.signers.gate }()
	case <-ctx.Done():
		return nil, fault.Wrap(ctx.Err(), "wait to read an issuer")
	}
	for {
		now := a.now()
		if p := a.signers.publishedAt(slug, now); p != nil {
			return p, nil
		}
		begun := a.signers.begin()
		var i issuing
		if err := a.view(ctx, func(tx *store.Tx) (err error) { i, err = a.readIssuing(tx, slug); return err }); err != nil {
			return nil, err
		}
		p := a.publish(&i, now)
		if a.signers.keep(begun, func() { a.signers.published[slug] = p }) {
			return p, nil
		}
	}
}

func (a *Authority) publish(i *issuing, now time.Time) *published {
	p := &published{workspaceID: i.ID, issuer: Issuer{URL: a.issuer(i.Slug), Slug: i.Slug, Name: i.Name, Algorithm: signingRule(i.policy).Algorithm}}
	for _, s := range i.all {
		p.issuer.Scopes = append(p.issuer.Scopes, s.Name)
	}
	o := &p.issuer.Offered
	o.Apps, o.OAuthTokens, o.Tokens = i.policy.Apps.Offered, i.policy.OAuthTokens.Offered, i.policy.Tokens.Offered
	if len(i.keys) == 0 {
		return p
	}
	if signing := i.keys.signing(now); signing >= 0 {
		p.issuer.Algorithm = i.keys[signing].Algorithm // while another waits to sign, what is signed is signed so
	}
	var publics []string
	for _, k := range i.keys {
		publics = append(publics, k.Public)
		for _, at := range []time.Time{k.SignsFrom, k.PublishedUntil} {
			if now.Before(at) && (p.until.IsZero() || at.Before(p.until)) {
				p.until = at
			}
		}
	}
	p.jwks = keyring.JWKS(publics)
	return p
}
