package store

import (
	"strings"
	"time"

	"github.com/keywright/keywright/internal/token"
)

const oauthColumns = "o.id, o.workspace_id, o.owner_id, u.name, u.email, o.name, o.created_at, o.expires_at, o.disabled_at, o.disable_reason, o.access_ended, " +
	"o.reused_at, o.last_refreshed_at, o.last_used_at, o.last_used_ip"

const oauthTables = " from oauth_tokens o join users u on u.id = o.owner_id"

func oauthFields(t *token.OAuthToken) []any {
	return []any{
		&t.ID, &t.WorkspaceID, &t.Owner.ID, &t.Owner.Name, &t.Owner.Email, &t.Name,
		at{&t.CreatedAt},
		at{&t.ExpiresAt},
		at{&t.DisabledAt},
		&t.DisableReason,
		&t.AccessEnded,
		at{&t.ReusedAt},
		at{&t.LastRefreshedAt},
		at{&t.LastUsedAt},
		addr{&t.LastUsedIP},
	}
}

// AddOAuthToken keeps a new OAuth token.
func (tx *Tx) AddOAuthToken(t token.OAuthToken) error {
	_, err := tx.exec(`insert into oauth_tokens (id, workspace_id, owner_id, name, search, created_at, expires_at, disable_reason, access_ended) values ($1, $2, $3, $4, $5, $6, $7, '', $8)`,
		t.ID, t.WorkspaceID, t.Owner.ID, t.Name, strings.ToLower(t.Name), micros(t.CreatedAt), micros(t.ExpiresAt), false)
	return err
}

// OAuthToken returns an OAuth token of a workspace.
func (tx *Tx) OAuthToken(workspaceID, id string) (t token.OAuthToken, err error) {
	return t, tx.one(`select `+oauthColumns+oauthTables+` where o.workspace_id = $1 and o.id = $2`, []any{workspaceID, id}, oauthFields(&t)...)
}

// OAuthFilter narrows a list of OAuth tokens. Zero fields don't narrow.
type OAuthFilter struct {
	WorkspaceID   string
	OwnerID       string
	Status        token.Status
	UnusedSince   time.Time // neither refreshed nor used nor made since
	ExpiresBefore time.Time // active ones that end before
	Search        string    // part of the name, any case
}

func (f *OAuthFilter) where(now time.Time) (w where) {
	f.narrow(&w, now)
	return w
}

func (f *OAuthFilter) narrow(w *where, now time.Time) {
	w.add("o.workspace_id = ?", f.WorkspaceID)
	if f.OwnerID != "" {
		w.add("o.owner_id = ?", f.OwnerID)
	}
	switch f.Status {
	case token.Active:
		w.add("o.disabled_at is null and o.expires_at > ?", micros(now))
	case token.Expired:
		w.add("o.disabled_at is null and o.expires_at <= ?", micros(now))
	case token.Disabled:
		w.add("o.disabled_at is not null")
	case token.Revoked:
		w.add("1 = 0") // an OAuth token never is
	}
	if !f.UnusedSince.IsZero() {
		t := micros(f.UnusedSince)
		w.add("o.created_at < ? and (o.last_refreshed_at is null or o.last_refreshed_at < ?) and (o.last_used_at is null or o.last_used_at < ?)", t, t, t)
	}
	if !f.ExpiresBefore.IsZero() {
		w.add("o.disabled_at is null and o.expires_at > ? and o.expires_at < ?", micros(now), micros(f.ExpiresBefore))
	}
	if f.Search != "" {
		w.add("replace(o.search, ?, '') <> o.search", strings.ToLower(f.Search))
	}
}

// OAuthTokens lists OAuth tokens, newest first.
func (tx *Tx) OAuthTokens(f OAuthFilter, p Page) (out []token.OAuthToken, err error) {
	w := f.where(tx.Now)
	tail := w.page(p, "o.id")
	err = tx.each(`select `+oauthColumns+oauthTables+w.String()+tail, w.args, func(scan func(...any) error) error {
		var t token.OAuthToken
		err := scan(oauthFields(&t)...)
		out = append(out, t)
		return err
	})
	return out, err
}

// CountOAuthTokens counts what a filter finds.
func (tx *Tx) CountOAuthTokens(f OAuthFilter) (n int, err error) {
	w := f.where(tx.Now)
	return n, tx.one(`select count(*) from oauth_tokens o`+w.String(), w.args, &n)
}

// TakeOAuthTurn makes transactions that take it for one OAuth token follow each other; ErrNotFound when it
// is gone.
func (tx *Tx) TakeOAuthTurn(id string) error {
	return tx.must(`update oauth_tokens set access_ended = access_ended where id = $1`, id)
}

// Stop is how an OAuth token is disabled.
type Stop struct {
	Reason    string
	EndAccess bool // its access tokens end too
	Reused    bool // because a replaced refresh token came again; its owner is told
}

const disabling = `update oauth_tokens set disabled_at = $1, disable_reason = $2, access_ended = $3, reused_at = $4 where disabled_at is null and `

func (s *Stop) args(now time.Time) []any {
	var reused time.Time
	if s.Reused {
		reused = now
	}
	return []any{micros(now), s.Reason, s.EndAccess, micros(reused)}
}

// DisableOAuthToken disables an OAuth token for good; ErrNotFound when it is disabled already.
func (tx *Tx) DisableOAuthToken(id string, s Stop) error {
	return tx.must(disabling+`id = $5`, append(s.args(tx.Now), id)...)
}

// DisableOAuthTokensOf disables all OAuth tokens of an owner in a workspace that are not disabled, and
// returns their ids.
func (tx *Tx) DisableOAuthTokensOf(workspaceID, ownerID string, s Stop) (ids []string, err error) {
	err = tx.each(disabling+`workspace_id = $5 and owner_id = $6 returning id`, append(s.args(tx.Now), workspaceID, ownerID), func(scan func(...any) error) error {
		var id string
		err := scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}

// DeleteOAuthToken removes an OAuth token with its refresh tokens.
func (tx *Tx) DeleteOAuthToken(id string) error {
	return tx.must(`delete from oauth_tokens where id = $1`, id)
}

// SetOAuthExpiry changes when an OAuth token that is not disabled ends.
func (tx *Tx) SetOAuthExpiry(id string, expires time.Time) error {
	return tx.must(`update oauth_tokens set expires_at = $1 where id = $2 and disabled_at is null`, micros(expires), id)
}

// NoteRefresh notes that an OAuth token was refreshed now.
func (tx *Tx) NoteRefresh(id string) error {
	return tx.must(`update oauth_tokens set last_refreshed_at = $1 where id = $2`, micros(tx.Now), id)
}

// AddRefreshToken keeps a refresh token of an OAuth token under its hash.
func (tx *Tx) AddRefreshToken(oauthTokenID string, hash token.Hash) error {
	_, err := tx.exec(`insert into refresh_tokens (hash, oauth_token_id, created_at) values ($1, $2, $3)`, hash[:], oauthTokenID, micros(tx.Now))
	return err
}

// PresentedRefresh is what a presented refresh token is checked against.
type PresentedRefresh struct {
	Token        token.OAuthToken
	UsedAt       time.Time  // when it was replaced; zero: never
	Successor    token.Hash // that replaced it
	Sealed       []byte     // the successor under a key derived from the presented one; nil when erased
	SuccessorHas bool       // the successor was used (replaced) itself
	OwnerRole    token.Role // "" when the owner is no longer a member
	Workspace    string     // slug
	RulesVersion int64
}

// RefreshTokenByHash returns what is known of a presented refresh token; ErrNotFound when it was never
// issued here or is gone.
func (tx *Tx) RefreshTokenByHash(hash token.Hash) (p PresentedRefresh, err error) {
	var successorUsed time.Time
	dest := append(oauthFields(&p.Token), at{&p.UsedAt}, digest{&p.Successor}, &p.Sealed, at{&successorUsed}, nullText{(*string)(&p.OwnerRole)}, &p.Workspace, &p.RulesVersion)
	err = tx.one(`select `+oauthColumns+`, r.used_at, r.successor, r.sealed, s.used_at, m.role, w.slug, w.rules_version`+oauthTables+`
		join refresh_tokens r on r.oauth_token_id = o.id
		left join refresh_tokens s on s.hash = r.successor
		join workspaces w on w.id = o.workspace_id
		left join members m on m.workspace_id = o.workspace_id and m.user_id = o.owner_id
		where r.hash = $1`, []any{hash[:]}, dest...)
	p.SuccessorHas = !successorUsed.IsZero()
	return p, err
}

// ReplaceRefreshToken marks a refresh token as replaced by another and keeps the successor sealed;
// ErrNotFound when it was replaced already. Of several at once, one wins; the others find its successor
// when they read again.
func (tx *Tx) ReplaceRefreshToken(hash, successor token.Hash, sealed []byte) error {
	return tx.must(`update refresh_tokens set used_at = $1, successor = $2, sealed = $3 where hash = $4 and used_at is null`, micros(tx.Now), successor[:], blob(sealed), hash[:])
}

// EraseSuccessor forgets the sealed copy of a refresh token, which its predecessor keeps: it was used.
func (tx *Tx) EraseSuccessor(successor token.Hash) error {
	_, err := tx.exec(`update refresh_tokens set sealed = null where successor = $1 and sealed is not null`, successor[:])
	return err
}
