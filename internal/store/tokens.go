package store

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keywright/keywright/internal/token"
)

const tokenColumns = "t.id, t.workspace_id, t.owner_id, u.name, u.email, t.name, t.description, t.all_scopes, t.scopes, t.hint, t.scheme, " +
	"t.created_at, t.expires_at, t.revoked_at, t.revoke_reason, t.last_used_at, t.last_used_ip, t.original_expiry"

const tokenTables = " from tokens t join users u on u.id = t.owner_id"

type tokenRow struct {
	token.Token
	scopes string
}

func (r *tokenRow) columns() []any {
	t := &r.Token
	return []any{
		&t.ID, &t.WorkspaceID, &t.Owner.ID, &t.Owner.Name, &t.Owner.Email, &t.Name, &t.Description, &t.AllScopes, &r.scopes, &t.Hint, &t.Scheme,
		at{&t.CreatedAt},
		at{&t.ExpiresAt},
		at{&t.RevokedAt},
		&t.RevokeReason,
		at{&t.LastUsedAt},
		addr{&t.LastUsedIP},
		at{&t.OriginalExpiry},
	}
}

func (r *tokenRow) token() token.Token {
	r.Scopes = strings.Fields(r.scopes)
	return r.Token
}

// spaced keeps scopes with a space at both ends, so that one can be found as " name ".
func spaced(s token.Scopes) string {
	if len(s) == 0 {
		return ""
	}
	return " " + s.String() + " "
}

// folded is the text that a search looks in: lower case by Go's rules, since the engines' own differ.
func folded(name, description string) string { return strings.ToLower(name + "\n" + description) }

// AddToken keeps a new token under the hash of its secret.
func (tx *Tx) AddToken(t token.Token, hash token.Hash) error {
	return tx.AddTokens([]NewToken{{t, hash}})
}

// NewToken is a token with the hash of its secret.
type NewToken struct {
	Token token.Token
	Hash  token.Hash
}

// AddTokens keeps new tokens, many with each statement. ErrExists when one of the hashes is kept already.
func (tx *Tx) AddTokens(tokens []NewToken) error {
	for part := range slices.Chunk(tokens, tx.rows) {
		var rows where
		for i := range part {
			t := &part[i].Token
			rows.add("(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?, ?)",
				t.ID, t.WorkspaceID, t.Owner.ID, part[i].Hash[:], t.Hint, t.Name, t.Description, folded(t.Name, t.Description), t.AllScopes, spaced(t.Scopes),
				micros(t.CreatedAt), micros(t.ExpiresAt), t.Scheme, micros(t.OriginalExpiry))
		}
		_, err := tx.exec(`insert into tokens (id, workspace_id, owner_id, hash, hint, name, description, search, all_scopes, scopes, created_at, expires_at, revoke_reason, scheme, original_expiry)
			values `+strings.Join(rows.conds, ", "), rows.args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// Token returns a token of a workspace.
func (tx *Tx) Token(workspaceID, id string) (token.Token, error) {
	var r tokenRow
	err := tx.one(`select `+tokenColumns+tokenTables+` where t.workspace_id = $1 and t.id = $2`, []any{workspaceID, id}, r.columns()...)
	return r.token(), err
}

// TokenHash returns the hash under which a token is kept: what has to leave every memory when it changes.
func (tx *Tx) TokenHash(id string) (h token.Hash, err error) {
	var b []byte
	err = tx.one(`select hash from tokens where id = $1`, []any{id}, &b)
	copy(h[:], b)
	return h, err
}

// Legacy says whether a list shows the tokens that were imported from an older system.
type Legacy int

// The zero value shows none of them: lists, limits and names are about the tokens that are made here.
const (
	LegacyNone Legacy = iota
	LegacyOnly
	LegacyToo
)

// TokenFilter narrows a list of tokens. Zero fields don't narrow, but for Legacy.
type TokenFilter struct {
	WorkspaceID   string
	Legacy        Legacy
	OwnerID       string
	Status        token.Status
	Scope         string       // tokens that hold it …
	ScopeRoles    []token.Role // … or carry all that these roles may hold
	UnusedSince   time.Time    // neither used nor made since
	UsedSince     time.Time
	ExpiresBefore time.Time // active ones that end before
	NeverExpires  bool
	Search        string // part of the name or description, any case
}

func (f *TokenFilter) where(now time.Time) (w where) {
	f.narrow(&w, now)
	return w
}

func (f *TokenFilter) narrow(w *where, now time.Time) {
	w.add("t.workspace_id = ?", f.WorkspaceID)
	switch f.Legacy {
	case LegacyNone:
		w.add(ours)
	case LegacyOnly:
		w.add(imported)
	case LegacyToo:
	}
	if f.OwnerID != "" {
		w.add("t.owner_id = ?", f.OwnerID)
	}
	w.tokenStatus(f.Status, now)
	if f.Scope != "" {
		w.tokenScope(f.Scope, f.ScopeRoles)
	}
	if !f.UnusedSince.IsZero() {
		w.add("t.created_at < ? and (t.last_used_at is null or t.last_used_at < ?)", micros(f.UnusedSince), micros(f.UnusedSince))
	}
	if !f.UsedSince.IsZero() {
		w.add("t.last_used_at >= ?", micros(f.UsedSince))
	}
	if !f.ExpiresBefore.IsZero() {
		w.add("t.revoked_at is null and t.expires_at > ? and t.expires_at < ?", micros(now), micros(f.ExpiresBefore))
	}
	if f.NeverExpires {
		w.add("t.expires_at is null")
	}
	if f.Search != "" {
		w.add("replace(t.search, ?, '') <> t.search", strings.ToLower(f.Search))
	}
}

// Which tokens a partial index has is said by these very words.
const (
	ours     = "t.scheme = ''"
	imported = "t.scheme <> ''"
)

func (w *where) tokenStatus(s token.Status, now time.Time) {
	switch s {
	case token.Active:
		w.add("t.revoked_at is null and (t.expires_at is null or t.expires_at > ?)", micros(now))
	case token.Expired:
		w.add("t.revoked_at is null and t.expires_at <= ?", micros(now))
	case token.Revoked:
		w.add("t.revoked_at is not null")
	case token.Disabled:
		w.add("1 = 0") // a personal access token never is
	}
}

func (w *where) tokenScope(scope string, roles []token.Role) {
	// replace() compares by bytes on both engines; "like" would not.
	holds, args := "replace(t.scopes, ?, '') <> t.scopes", []any{" " + scope + " "}
	if len(roles) > 0 {
		holds += " or t.all_scopes and " + roleIn("t", len(roles))
	}
	w.add("("+holds+")", append(args, anyOf(roles)...)...)
}

// roleIn is the condition that the owner of a row has one of n roles.
func roleIn(row string, n int) string {
	return "(select m.role from members m where m.workspace_id = " + row + ".workspace_id and m.user_id = " + row + ".owner_id) in (?" + strings.Repeat(", ?", n-1) + ")"
}

func anyOf[T any](list []T) (out []any) {
	for _, v := range list {
		out = append(out, v)
	}
	return out
}

// Tokens lists tokens, newest first.
func (tx *Tx) Tokens(f TokenFilter, p Page) (out []token.Token, err error) {
	w := f.where(tx.Now)
	tail := w.page(p, "t.id")
	query := `select ` + tokenColumns + tokenTables + w.String() + tail
	if f.Legacy == LegacyToo { // each kind has its index: a page of both is in a page of each
		of := func(kind string) string {
			return `select * from (select ` + tokenColumns + tokenTables + w.String() + ` and ` + kind + tail + `) t`
		}
		query = of(ours) + ` union all ` + of(imported) + fmt.Sprintf(` order by id desc limit %d`, p.Limit)
	}
	err = tx.each(query, w.args, func(scan func(...any) error) error {
		var r tokenRow
		err := scan(r.columns()...)
		out = append(out, r.token())
		return err
	})
	return out, err
}

// CountTokens counts what a filter finds.
func (tx *Tx) CountTokens(f TokenFilter) (n int, err error) {
	w := f.where(tx.Now)
	return n, tx.one(`select count(*) from tokens t`+w.String(), w.args, &n)
}

// NameTaken reports whether an owner has made a token of that name, any status.
func (tx *Tx) NameTaken(workspaceID, ownerID, name string) (bool, error) {
	var n int
	err := tx.one(`select count(*) from tokens where workspace_id = $1 and owner_id = $2 and name = $3 and scheme = ''`, []any{workspaceID, ownerID, name}, &n)
	return n > 0, err
}

// SetTokenScopes changes what a token holds.
func (tx *Tx) SetTokenScopes(id string, s token.Scopes) error {
	return tx.must(`update tokens set scopes = $1, all_scopes = $2 where id = $3 and revoked_at is null`, spaced(s), false, id)
}

// SetTokenExpiry changes when a token ends; zero is never.
func (tx *Tx) SetTokenExpiry(id string, expires time.Time) error {
	return tx.must(`update tokens set expires_at = $1 where id = $2 and revoked_at is null`, micros(expires), id)
}

// RenewToken gives a token that is not revoked a new secret and new terms.
func (tx *Tx) RenewToken(t token.Token, hash token.Hash) error {
	return tx.must(`update tokens set hash = $1, hint = $2, created_at = $3, expires_at = $4, all_scopes = $5, scopes = $6, last_used_at = null, last_used_ip = null
		where id = $7 and revoked_at is null`,
		hash[:], t.Hint, micros(t.CreatedAt), micros(t.ExpiresAt), t.AllScopes, spaced(t.Scopes), t.ID)
}

// RevokeToken stops a token for good; ErrNotFound when it is stopped already.
func (tx *Tx) RevokeToken(id, reason string) error {
	return tx.must(`update tokens set revoked_at = $1, revoke_reason = $2 where id = $3 and revoked_at is null`, micros(tx.Now), reason, id)
}

// RevokeTokensOf stops all live tokens of an owner in a workspace, imported ones too, and returns their ids.
func (tx *Tx) RevokeTokensOf(workspaceID, ownerID, reason string) (ids []string, err error) {
	err = tx.each(`update tokens set revoked_at = $1, revoke_reason = $2 where workspace_id = $3 and owner_id = $4 and revoked_at is null returning id`,
		[]any{micros(tx.Now), reason, workspaceID, ownerID}, func(scan func(...any) error) error {
			var id string
			err := scan(&id)
			ids = append(ids, id)
			return err
		})
	return ids, err
}

// DeleteToken removes a token's row.
func (tx *Tx) DeleteToken(id string) error { return tx.must(`delete from tokens where id = $1`, id) }

// Presented is what a presented secret is checked against: the token and its owner's role now.
type Presented struct {
	Token         token.Token
	OwnerRole     token.Role // "" when the owner is no longer a member
	Workspace     string     // slug
	RulesVersion  int64
	WorkspaceName string
	LegacyStop    time.Time // when all legacy tokens of the workspace stop; zero: not set
}

// TokenByHash returns what is known of a presented secret; ErrNotFound when it was never issued here.
func (tx *Tx) TokenByHash(hash token.Hash) (p Presented, err error) {
	var r tokenRow
	dest := append(r.columns(), nullText{(*string)(&p.OwnerRole)}, &p.Workspace, &p.RulesVersion, &p.WorkspaceName, at{&p.LegacyStop})
	err = tx.one(`select `+tokenColumns+`, m.role, w.slug, w.rules_version, w.name, w.legacy_stops_at`+tokenTables+`
		join workspaces w on w.id = t.workspace_id
		left join members m on m.workspace_id = t.workspace_id and m.user_id = t.owner_id
		where t.hash = $1`, []any{hash[:]}, dest...)
	p.Token = r.token()
	return p, err
}
