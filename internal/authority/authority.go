// Package authority is all the rules: what may happen, to what, by whom.
//
// Every verb is a method of Authority that takes its caller as an argument, authorises, changes and
// audits in one transaction, and tells the checks in memory before it returns: when a verb that narrows
// access has returned, no check answers by the old state. A failed audit write fails the change.
//
// Surfaces (pages, REST, gateways) call these verbs and nothing below them. They get a token.Identity
// from SignIn, Session or Bearer, and hand it back with every call; a verb never looks anywhere else for
// who is asking. Refusals are fault.Errors with a stable code and a sentence that says what to do.
// Who is no member of a workspace can't tell it from one that does not exist.
package authority

import (
	"context"
	"crypto/subtle"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
)

// Config is what an Authority works with. Store, Checks and Format are required.
type Config struct {
	Store  *store.Store
	Checks *verify.Checker
	Format token.Format
	Log    *slog.Logger     // nil discards
	Now    func() time.Time // nil is time.Now
	Box    *keyring.Box     // seals signing keys and client secrets; nil: whatever needs it is unavailable
	// Issuer is the address that a workspace's access tokens name as their issuer, by its slug.
	Issuer func(slug string) string
}

// Authority holds the rules. It is safe for use by many goroutines.
type Authority struct {
	store    *store.Store
	checks   *verify.Checker
	format   token.Format
	log      *slog.Logger
	now      func() time.Time
	hasher   hasher
	attempts attempts
	setup    setupCode
	box      *keyring.Box
	issuer   func(string) string
	decoy    func() string
	signers  signers

	mu    sync.Mutex
	rules map[string]ruled // by workspace id
}

// ruled is the rules of a workspace, decoded once for each version of them.
type ruled struct {
	version int64
	policy  *token.Policy
	all     token.Catalogue // with the reserved scopes
}

// New returns an Authority.
func New(c Config) *Authority {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Authority{
		store: c.Store, checks: c.Checks, format: c.Format, log: c.Log, now: c.Now,
		hasher: newHasher(), rules: map[string]ruled{}, box: c.Box, issuer: c.Issuer, signers: newSigners(),
		decoy: sync.OnceValue(decoyKeys),
	}
}

// Now is the authority's clock, by which status is derived.
func (a *Authority) Now() time.Time { return a.now().UTC() }

// scene is where a verb plays: the workspace, its rules and the caller's role in it, all read in the
// verb's own transaction.
type scene struct {
	store.Workspace
	role   token.Role
	policy *token.Policy
	all    token.Catalogue // with the reserved scopes
	by     token.Identity
}

// enter finds the workspace for a member of it. Anybody else, and a token of another workspace, gets the
// answer for a workspace that does not exist. A token must hold keywright:manage or keywright:admin.
func (a *Authority) enter(tx *store.Tx, by token.Identity, ws string) (scene, error) {
	if by.User.ID == "" {
		return scene{}, signInRequired()
	}
	if !isWorkspaceRef(ws) {
		return scene{}, fault.Missing()
	}
	m, err := tx.Membership(ws, by.User.ID)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && by.Bearer != nil && by.Bearer.WorkspaceID != m.ID:
		return scene{}, fault.Missing()
	case err != nil:
		return scene{}, err
	}
	if err := needCaller(by); err != nil {
		return scene{}, err
	}
	if err := stillGood(tx, by.Bearer); err != nil {
		return scene{}, err
	}
	s := scene{Workspace: m.Workspace, role: m.Role, by: by}
	r, err := a.rulesOf(tx, m.Workspace)
	s.policy, s.all = r.policy, r.all
	return s, err
}

// stillGood refuses a token that was ended since it was presented: what it asked for must not outlive it.
func stillGood(tx *store.Tx, b *token.Bearer) error {
	if b == nil {
		return nil
	}
	t, err := tx.Token(b.WorkspaceID, b.TokenID)
	if errors.Is(err, store.ErrNotFound) || err == nil && t.StatusAt(tx.Now) != token.Active {
		return fault.New(fault.Unauthenticated, api.CodeInvalidToken, "This token is not valid. It may be mistyped, expired or revoked.")
	}
	return err
}

// isWorkspaceRef reports whether a text can name a workspace, by slug or by id.
func isWorkspaceRef(ws string) bool {
	if _, problem := token.CleanSlug(ws); problem == "" {
		return true
	}
	_, ok := token.ParseID(token.WorkspaceID, ws)
	return ok
}

// needCaller refuses who is nobody, and a token that is not for Keywright's own API.
func needCaller(by token.Identity) error {
	if by.User.ID == "" {
		return signInRequired()
	}
	if b := by.Bearer; b != nil && !slices.Contains(b.Scopes, token.ScopeManage) && !slices.Contains(b.Scopes, token.ScopeAdmin) {
		return manageMissing()
	}
	return nil
}

func manageMissing() error {
	return fault.New(fault.Forbidden, api.CodeScopeMissing, "This token can't manage credentials: it needs the scope keywright:manage.")
}

// needManage refuses a token that may not make or change its owner's own credentials.
func (s *scene) needManage() error {
	if b := s.by.Bearer; b != nil && !slices.Contains(b.Scopes, token.ScopeManage) {
		return manageMissing()
	}
	return nil
}

// enterInTurn enters after the caller's turn has come: until the commit their role stays, the rules stay,
// and nobody else makes or changes tokens of theirs.
func (a *Authority) enterInTurn(tx *store.Tx, by token.Identity, ws string) (scene, error) {
	if isWorkspaceRef(ws) {
		// Whoever is no member has no turn, and learns that by entering.
		if err := tx.TakeOwnTurn(ws, by.User.ID); err != nil && !errors.Is(err, store.ErrNotFound) {
			return scene{}, err
		}
	}
	return a.enter(tx, by, ws)
}

// administer enters as an administrator.
func (a *Authority) administer(tx *store.Tx, by token.Identity, ws string) (scene, error) {
	s, err := a.enter(tx, by, ws)
	if err != nil {
		return s, err
	}
	return s, s.needAdministrator()
}

func (s *scene) needAdministrator() error {
	if s.role != token.Administrator {
		return roleNotAllowed()
	}
	if b := s.by.Bearer; b != nil && !slices.Contains(b.Scopes, token.ScopeAdmin) {
		return fault.New(fault.Forbidden, api.CodeScopeMissing, "This token can't administer the workspace: it needs the scope keywright:admin.")
	}
	return nil
}

// isAdministrator reports whether the caller acts with an administrator's right here.
func (s *scene) isAdministrator() bool { return s.needAdministrator() == nil }

// needOverseer refuses who may not see and stop everyone's credentials of a kind. Administrators may under
// every policy; another role where the policy says so, in a session: no scope of a token gives that.
func (s *scene) needOverseer(kind *token.Access) error {
	if s.role != token.Administrator && s.by.Bearer == nil && kind.Oversees(s.role) {
		return nil
	}
	return s.needAdministrator()
}

// use refuses whoever can't have credentials of a kind here; withdrawn is what to say when nobody can.
func (s *scene) use(kind *token.Access, withdrawn string) error {
	if !kind.Offered {
		return fault.New(fault.Forbidden, api.CodeKindNotOffered, withdrawn)
	}
	if !kind.Holds(s.role) {
		return roleNotAllowed()
	}
	return nil
}

// rulesOf returns a workspace's rules as of the version in w, from memory when it was decoded before.
func (a *Authority) rulesOf(tx *store.Tx, w store.Workspace) (ruled, error) {
	a.mu.Lock()
	r, ok := a.rules[w.ID]
	a.mu.Unlock()
	if ok && r.version == w.RulesVersion {
		return r, nil
	}
	kept, err := tx.Rules(w.ID)
	if err != nil {
		return ruled{}, err
	}
	r = ruled{version: w.RulesVersion, policy: &kept.Policy, all: kept.Catalogue.WithReserved()}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.rules) > 10_000 { // workspaces that nobody asks for any more need not stay
		clear(a.rules)
	}
	a.rules[w.ID] = r
	return r, nil
}

// forgetRules makes the rules be read again. A version whose change was undone will be used by another.
func (a *Authority) forgetRules(workspaceID string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.rules, workspaceID)
}

// event is an audit event with its caller filled in.
func event(tx *store.Tx, by token.Identity, action audit.Action) audit.Event {
	e := audit.Event{
		ID: token.NewID(token.EventID, tx.Now), At: tx.Now, Action: action,
		ActorID: by.User.ID, ActorName: by.User.Name, Via: "session",
		Address: by.Origin.Address, UserAgent: by.Origin.UserAgent, RequestID: by.Origin.RequestID,
	}
	switch {
	case by.Bearer != nil:
		e.Via = by.Bearer.TokenID
	case by.System != "":
		e.Via, e.ActorName = "command line", by.System
	}
	return e
}

func (s *scene) event(tx *store.Tx, action audit.Action) audit.Event {
	e := event(tx, s.by, action)
	e.WorkspaceID = s.ID
	return e
}

// update runs a verb's transaction and, whatever its outcome, what has to follow it: a commit that
// failed in transit may still have happened.
func (a *Authority) update(ctx context.Context, fn func(*store.Tx) error, after func()) error {
	err := a.store.Update(ctx, fn)
	if after != nil {
		after()
	}
	return toFault(err, "update")
}

func (a *Authority) view(ctx context.Context, fn func(*store.Tx) error) error {
	return toFault(a.store.View(ctx, fn), "view")
}

// toFault makes an error of the store a fault. A row that a verb had found and then missed went away
// meanwhile: the caller is told what they would have been told a moment later.
func toFault(err error, what string) error {
	var f *fault.Error
	if errors.Is(err, store.ErrNotFound) && !errors.As(err, &f) {
		return fault.Missing().Because(err)
	}
	return fault.Wrap(err, what)
}

// flushPatience bounds how long a read waits for use to be written: what came with very many tokens is
// written in the background instead.
const flushPatience = time.Second

// flush writes counted use, so that what is read next includes it. Its failure is no reason not to answer.
func (a *Authority) flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, flushPatience)
	defer cancel()
	if err := a.checks.Flush(ctx); err != nil {
		a.log.WarnContext(ctx, "counted use is not written yet", slog.Any("error", err))
	}
}

// recentSignIn is how old the last giving of the password may be when a secret is made or shown.
const recentSignIn = 15 * time.Minute

// maySeeSecrets refuses a session whose password was given too long ago.
func (a *Authority) maySeeSecrets(by token.Identity) error {
	if by.SessionID != "" && a.now().Sub(by.SignedInAt) > recentSignIn {
		return fault.New(fault.Forbidden, api.CodeRecentSignInRequired, "Enter your password again: making a secret needs a sign-in within the last 15 minutes.")
	}
	return nil
}

// needSession refuses who is nobody, and who came with a token.
func needSession(by token.Identity) error {
	if by.User.ID == "" {
		return signInRequired()
	}
	if by.Bearer != nil {
		return fault.New(fault.Forbidden, api.CodeSessionRequired, "A token can't do this. Sign in with your password.")
	}
	return nil
}

func signInRequired() error {
	return fault.New(fault.Unauthenticated, api.CodeSignInRequired, "Sign in first.")
}

func roleNotAllowed() error {
	return fault.New(fault.Forbidden, api.CodeRoleNotAllowed, "Your role in this workspace does not allow this. Ask an administrator.")
}

// setupCode is the one-time code that makes the first administrator. It lives in this process alone.
type setupCode struct {
	mu      sync.Mutex
	code    token.Secret
	expires time.Time
}

func (c *setupCode) open(code token.Secret, expires time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.code, c.expires = code, expires
}

// use runs fn while holding the code, and spends the code when fn succeeds.
func (c *setupCode) use(typed string, now time.Time, fn func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := c.code.Reveal()
	if kept == "" || !now.Before(c.expires) || subtle.ConstantTimeCompare([]byte(typed), []byte(kept)) != 1 {
		return fault.New(fault.Invalid, api.CodeLinkInvalid, "This code is wrong or too old. Restart the server to get a new one.").On("code")
	}
	err := fn()
	if err == nil {
		c.code = token.Secret{}
	}
	return err
}
