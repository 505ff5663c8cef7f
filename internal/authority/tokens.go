package authority

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
)

// NewToken is what a person asks for. Nonce, when not empty, is a form's single-use mark: a second request
// with it makes nothing and gets already_created.
type NewToken struct {
	token.Request
	Nonce string
}

// nonceLife is how long a spent nonce is remembered: longer than a session, and so than the form.
const nonceLife = SessionMax + time.Hour

// useTokens refuses whoever can't have personal access tokens here.
func (s *scene) useTokens() error {
	return s.use(&s.policy.Tokens.Access, "This workspace does not offer personal access tokens.")
}

// makeTokens refuses whoever can't make personal access tokens here, or give one a new secret.
func (s *scene) makeTokens() error {
	if err := errors.Join(s.needManage(), s.useTokens()); err != nil {
		return err
	}
	if !s.policy.Tokens.Creates(s.role) {
		return roleNotAllowed()
	}
	return nil
}

// CreateToken makes a token for the caller, and returns its secret for the one time that it is shown.
// Only the owner-to-be makes a token; a session must have a recent sign-in. Errors: kind_not_offered,
// role_not_allowed, recent_sign_in_required, token_limit_reached, name_taken, already_created,
// outlives_credential, and those of token.TokenRules.Decide.
func (a *Authority) CreateToken(ctx context.Context, by token.Identity, ws string, n NewToken) (token.Token, token.Secret, error) {
	var t token.Token
	secret := a.format.New(token.KindPAT)
	hash := secret.Hash()
	err := a.update(ctx, func(tx *store.Tx) error {
		s, err := a.enterInTurn(tx, by, ws)
		if err != nil {
			return err
		}
		if err := s.makeTokens(); err != nil {
			return err
		}
		rules := &s.policy.Tokens
		terms, bad := rules.Decide(n.Request, s.all, s.role, tx.Now)
		if err := fault.Invalids(bad); err != nil {
			return err
		}
		if err := errors.Join(s.withinBearer(terms), a.maySeeSecrets(by)); err != nil {
			return err
		}
		if err := spend(tx, by, n.Nonce, "This token was already created. Its secret can't be shown again."); err != nil {
			return err
		}
		if err := s.roomForOne(tx, terms.Name); err != nil {
			return err
		}
		t = token.Token{
			ID: token.NewID(token.TokenID, tx.Now), WorkspaceID: s.ID, Owner: by.User, Name: terms.Name, Description: terms.Description,
			AllScopes: terms.AllScopes, Scopes: terms.Scopes, Hint: secret.Hint(), CreatedAt: tx.Now, ExpiresAt: terms.ExpiresAt,
		}
		if err := tx.AddToken(t, hash); err != nil {
			return err
		}
		e := s.tokenEvent(tx, audit.TokenCreated, &t)
		e.Detail.After = described(&t)
		return tx.AddEvent(e)
	}, func() { a.checks.TokenMade(hash) })
	if err != nil {
		return token.Token{}, token.Secret{}, err
	}
	return t, secret, nil
}

// spend uses up a form's mark; spent is what to say when it was used before.
func spend(tx *store.Tx, by token.Identity, nonce, spent string) error {
	if nonce == "" {
		return nil
	}
	err := tx.SpendNonce(token.HashOf(by.User.ID+" "+nonce), tx.Now.Add(nonceLife))
	if errors.Is(err, store.ErrExists) {
		return fault.New(fault.Conflict, api.CodeAlreadyCreated, spent)
	}
	return err
}

// roomForOne refuses when the caller holds as many tokens as they may, or one of this name.
func (s *scene) roomForOne(tx *store.Tx, name string) error {
	rules := &s.policy.Tokens
	if rules.PerUser > 0 {
		f := store.TokenFilter{WorkspaceID: s.ID, OwnerID: s.by.User.ID, Status: token.Active}
		if rules.CountEnded {
			f.Status = ""
		}
		n, err := tx.CountTokens(f)
		if err != nil {
			return err
		}
		if n >= rules.PerUser {
			return limitReached(rules)
		}
	}
	if rules.Name != token.Unique {
		return nil
	}
	taken, err := tx.NameTaken(s.ID, s.by.User.ID, name)
	if err == nil && taken {
		return fault.New(fault.Conflict, api.CodeNameTaken, "You already have a token with this name. Choose another name.").On("name")
	}
	return err
}

func limitReached(rules *token.TokenRules) error {
	what := fmt.Sprintf("You already have %d tokens, as many as you may.", rules.PerUser)
	if rules.PerUser == 1 {
		what = "You already have a token."
	}
	hint := " Revoke one first."
	switch {
	case rules.Allows(token.ActRegenerate) && rules.PerUser == 1:
		hint = " Regenerate or delete it first."
	case rules.Allows(token.ActDelete) && rules.Delete == token.DeleteAnyTime:
		hint = " Delete one first."
	}
	return fault.New(fault.Conflict, api.CodeTokenLimitReached, what+hint)
}

// withinBearer keeps a caller that came with a token from passing on more than it has.
func (s *scene) withinBearer(t token.Terms) error {
	b := s.by.Bearer
	if b == nil {
		return nil
	}
	if !b.ExpiresAt.IsZero() && (t.ExpiresAt.IsZero() || t.ExpiresAt.After(b.ExpiresAt)) {
		return fault.New(fault.Forbidden, api.CodeOutlivesCredential, "A token can't make one that lasts longer than itself. Choose an earlier expiry, or sign in.")
	}
	scopes := t.Scopes
	if t.AllScopes {
		scopes = s.all.Held(s.role)
	}
	if !b.Scopes.Has(scopes) {
		return fault.New(fault.Forbidden, api.CodeScopeNotAllowed, "A token can't pass on a scope that it lacks. Leave the scope out, or sign in.").On("scopes")
	}
	return nil
}

func (s *scene) tokenEvent(tx *store.Tx, action audit.Action, t *token.Token) audit.Event {
	e := s.event(tx, action)
	e.TargetKind, e.TargetID, e.TargetName, e.OwnerID = "token", t.ID, tokenTitle(t), t.Owner.ID
	return e
}

// tokenTitle is how people call a token: by its name, its description, or the end of its secret.
func tokenTitle(t *token.Token) string {
	switch {
	case t.Name != "":
		return t.Name
	case t.Description != "":
		return t.Description
	case t.Hint == "":
		return "Legacy token" // only its digest is known
	}
	return "…" + t.Hint
}

func described(t *token.Token) map[string]any {
	m := map[string]any{"name": t.Name, "description": t.Description, "scopes": t.Scopes, "expires_at": jsonTime(t.ExpiresAt)}
	if t.AllScopes {
		m["scopes"] = "all of the owner's role"
	}
	return m
}

// grip is a token that the caller may act on.
type grip struct {
	scene
	token token.Token
	hash  token.Hash // of the secret before the act
}

// take finds a token for an act on it. Who may: the owner, if the policy offers the act; for stopping
// (revoke, delete) an overseer too, under every policy. Errors: not_owner, action_not_offered.
func (a *Authority) take(tx *store.Tx, by token.Identity, ws, id string, act token.Action) (grip, error) {
	s, err := a.enter(tx, by, ws)
	if err != nil {
		return grip{}, err
	}
	g, err := s.grip(tx, id, act)
	if err != nil {
		return grip{}, err
	}
	// Their turn: two acts on one owner's tokens follow each other. Who is removed has none; their tokens
	// are revoked for good.
	if _, err := tx.TakeTurn(s.ID, g.token.Owner.ID); err != nil && !errors.Is(err, store.ErrNotFound) {
		return grip{}, err
	}
	// Now that it is our turn, nothing may be as it was.
	if s, err = a.enter(tx, by, ws); err != nil {
		return grip{}, err
	}
	if g, err = s.grip(tx, id, act); err != nil {
		return grip{}, err
	}
	g.hash, err = tx.TokenHash(id)
	return g, err
}

// grip finds a token and decides whether the caller may act on it.
func (s *scene) grip(tx *store.Tx, id string, act token.Action) (grip, error) {
	g := grip{scene: *s}
	stops := act == token.ActRevoke || act == token.ActDelete
	overseer := stops && s.needOverseer(&s.policy.Tokens.Access) == nil
	var err error
	g.token, err = s.token(tx, id)
	own := err == nil && g.token.Owner.ID == s.by.User.ID
	if own && g.token.Legacy() {
		return g, s.gripLegacy(own, overseer, act)
	}
	if !overseer {
		if err := s.useTokens(); err != nil {
			return g, err
		}
	}
	if err != nil {
		return g, err
	}
	if g.token.Legacy() {
		return g, s.gripLegacy(own, overseer, act)
	}
	if !own && !overseer {
		return g, notOwner()
	}
	if !stops {
		if err := s.needManage(); err != nil {
			return g, err
		}
	}
	// An overseer can stop anything; what they do to their own beyond that is the policy's say.
	if !s.policy.Tokens.Allows(act) && (!overseer || own && act == token.ActDelete) {
		return g, actionNotOffered()
	}
	if act == token.ActRegenerate {
		return g, s.makeTokens() // a new secret is made: who may make no tokens may not renew one forever
	}
	return g, nil
}

func actionNotOffered() error {
	return fault.New(fault.Forbidden, api.CodeActionNotOffered, "This workspace's rules do not offer this.")
}

func notOwner() error {
	return fault.New(fault.Forbidden, api.CodeNotOwner, "Only the owner of a token can do this.")
}

func (s *scene) token(tx *store.Tx, id string) (token.Token, error) {
	if _, ok := token.ParseID(token.TokenID, id); !ok {
		return token.Token{}, fault.Missing()
	}
	t, err := tx.Token(s.ID, id)
	if errors.Is(err, store.ErrNotFound) {
		return t, fault.Missing()
	}
	return t, err
}

func tokenRevoked() error {
	return fault.New(fault.Conflict, api.CodeTokenRevoked, "This token is revoked for good. Create a new one.")
}

// SetTokenScopes changes what a token of the caller's holds; it counts from the next request on.
// Errors: not_owner, action_not_offered, token_revoked, and those about scopes.
func (a *Authority) SetTokenScopes(ctx context.Context, by token.Identity, ws, id string, scopes []string) (token.Token, error) {
	a.flush(ctx) // the answer says when it was last used
	var g grip
	err := a.update(ctx, func(tx *store.Tx) (err error) {
		if g, err = a.take(tx, by, ws, id, token.ActEditScope); err != nil {
			return err
		}
		if g.token.StatusAt(tx.Now) == token.Revoked {
			return tokenRevoked()
		}
		set, bad := g.policy.Tokens.Scope.Decide(&scopes, g.all, g.role)
		if err := fault.Invalids(bad); err != nil {
			return err
		}
		// What the token had already is not passed on: a caller with a token can always narrow another one.
		if added := g.token.ScopesFor(g.all, g.role).Missing(set); len(added) > 0 {
			if err := g.withinBearer(token.Terms{Scopes: added, ExpiresAt: g.token.ExpiresAt}); err != nil {
				return err
			}
		}
		before := described(&g.token)
		g.token.Scopes, g.token.AllScopes = set, false
		e := g.tokenEvent(tx, audit.TokenScopesChanged, &g.token)
		e.Detail.Before, e.Detail.After = map[string]any{"scopes": before["scopes"]}, map[string]any{"scopes": set}
		return errors.Join(tx.SetTokenScopes(id, set), tx.AddEvent(e))
	}, func() { a.checks.TokenChanged(g.token.ID, g.hash) })
	if err != nil {
		return token.Token{}, err
	}
	return g.token, nil
}

// RegenerateToken gives a token of the caller's a new secret and a new term; the old secret fails at once.
// Without a choice the token lasts as long again as it was made for, within today's rules. It takes the
// right to make tokens. Errors: not_owner, action_not_offered, token_revoked, recent_sign_in_required, token_limit_reached (an expired
// one that would count again).
func (a *Authority) RegenerateToken(ctx context.Context, by token.Identity, ws, id string, choice token.Choice) (token.Token, token.Secret, error) {
	var g grip
	secret := a.format.New(token.KindPAT)
	err := a.update(ctx, func(tx *store.Tx) (err error) {
		if g, err = a.take(tx, by, ws, id, token.ActRegenerate); err != nil {
			return err
		}
		status := g.token.StatusAt(tx.Now)
		if status == token.Revoked {
			return tokenRevoked()
		}
		before := described(&g.token)
		if err := g.renew(tx.Now, choice); err != nil {
			return err
		}
		terms := token.Terms{AllScopes: g.token.AllScopes, Scopes: g.token.Scopes, ExpiresAt: g.token.ExpiresAt}
		if err := errors.Join(g.withinBearer(terms), a.maySeeSecrets(by)); err != nil {
			return err
		}
		if status == token.Expired && !g.policy.Tokens.CountEnded {
			if err := g.roomForRenewal(tx); err != nil {
				return err
			}
		}
		g.token.CreatedAt, g.token.Hint = tx.Now, secret.Hint()
		g.token.LastUsedAt, g.token.LastUsedIP = time.Time{}, netip.Addr{} // of the old secret
		e := g.tokenEvent(tx, audit.TokenRegenerated, &g.token)
		e.Detail.Before, e.Detail.After = before, described(&g.token)
		return errors.Join(tx.RenewToken(g.token, secret.Hash()), tx.StopAccess(secretMark(g.hash), accessOver(tx)), tx.AddEvent(e))
	}, func() { a.checks.TokenChanged(g.token.ID, g.hash); a.checks.TokenMade(secret.Hash()) })
	if err != nil {
		return token.Token{}, token.Secret{}, err
	}
	return g.token, secret, nil
}

// renew applies today's rules to a token's scopes and expiry.
func (g *grip) renew(now time.Time, choice token.Choice) error {
	rules := &g.policy.Tokens
	var asked *[]string
	if rules.Scope.Mode == token.ScopesChosen {
		kept := []string(g.all.Effective(g.token.Scopes, g.role))
		asked = &kept
	}
	scopes, bad := rules.Scope.Decide(asked, g.all, g.role)
	if choice.IsZero() {
		choice = rules.Expiry.Renewed(&g.token)
	}
	expires, more := rules.Expiry.Decide(choice, now)
	g.token.Scopes, g.token.AllScopes, g.token.ExpiresAt = scopes, rules.Scope.Mode == token.ScopesNone, expires
	return fault.Invalids(append(bad, more...))
}

func (g *grip) roomForRenewal(tx *store.Tx) error {
	rules := &g.policy.Tokens
	if rules.PerUser == 0 {
		return nil
	}
	n, err := tx.CountTokens(store.TokenFilter{WorkspaceID: g.ID, OwnerID: g.token.Owner.ID, Status: token.Active})
	if err == nil && n >= rules.PerUser {
		return limitReached(rules)
	}
	return err
}

// RevokeToken stops a token for good; its row stays. The owner may where the policy offers it, an
// administrator always. Revoking again changes nothing.
func (a *Authority) RevokeToken(ctx context.Context, by token.Identity, ws, id, reason string) (token.Token, error) {
	a.flush(ctx) // the answer says when it was last used
	reason, bad := cleanField(nil, "reason", reason, func(s string) (string, string) { return token.CleanText(s, 0, 300) })
	var g grip
	err := a.update(ctx, func(tx *store.Tx) (err error) {
		if g, err = a.take(tx, by, ws, id, token.ActRevoke); err != nil {
			return err
		}
		if err := fault.Invalids(bad); err != nil {
			return err
		}
		if err := g.revoke(tx, &g.token, reason); err != nil {
			return err
		}
		g.token, err = g.scene.token(tx, id)
		return err
	}, func() { a.checks.TokenChanged(g.token.ID, g.hash) })
	if err != nil {
		return token.Token{}, err
	}
	return g.token, nil
}

func (s *scene) revoke(tx *store.Tx, t *token.Token, reason string) error {
	if !t.RevokedAt.IsZero() {
		return nil
	}
	e := s.tokenEvent(tx, audit.TokenRevoked, t)
	e.Detail.Before, e.Detail.Reason = described(t), reason
	return errors.Join(tx.RevokeToken(t.ID, reason), tx.AddEvent(e))
}

// DeleteToken removes a token's row; a live one stops at once. Where the policy wants it, only an expired
// or revoked token can be deleted: delete_needs_revoke.
func (a *Authority) DeleteToken(ctx context.Context, by token.Identity, ws, id string) error {
	var g grip
	return a.update(ctx, func(tx *store.Tx) (err error) {
		if g, err = a.take(tx, by, ws, id, token.ActDelete); err != nil {
			return err
		}
		return g.delete(tx)
	}, func() { a.checks.TokenChanged(g.token.ID, g.hash) })
}

func (g *grip) delete(tx *store.Tx) error {
	if !g.token.Legacy() && g.policy.Tokens.Delete == token.DeleteAfterEnd && g.token.StatusAt(tx.Now) == token.Active {
		return fault.New(fault.Conflict, api.CodeDeleteNeedsRevoke, "Revoke this token first. Only expired and revoked tokens can be deleted.")
	}
	e := g.tokenEvent(tx, audit.TokenDeleted, &g.token)
	e.Detail.Before = described(&g.token)
	e.Detail.Before["status"] = g.token.StatusAt(tx.Now)
	return errors.Join(tx.DeleteToken(g.token.ID), tx.AddEvent(e))
}

// BatchTokens revokes or deletes several tokens; each succeeds or is refused by itself, as by RevokeToken
// and DeleteToken.
func (a *Authority) BatchTokens(ctx context.Context, by token.Identity, ws string, b Batch) ([]Result, error) {
	return a.each(ctx, run{
		Batch: b, stop: token.ActRevoke, what: "tokens",
		enter: func(tx *store.Tx) (scene, error) { return a.enter(tx, by, ws) },
		end:   a.endToken,
	})
}

// endToken is what a batch does with one token.
func (a *Authority) endToken(tx *store.Tx, s *scene, b *Batch, id string) (func(), error) {
	g, err := a.take(tx, s.by, s.ID, id, b.Action)
	if err == nil && b.Action == token.ActDelete {
		err = g.delete(tx)
	} else if err == nil {
		err = g.revoke(tx, &g.token, b.Reason)
	}
	return func() { a.checks.TokenChanged(g.token.ID, g.hash) }, err
}
