package store

import (
	"net/netip"
	"time"

	"github.com/keywright/keywright/internal/token"
)

// User is a person who can sign in.
type User struct {
	token.Person
	PasswordHash      string // "" until the person has chosen a password
	InstallationAdmin bool
	CreatedAt         time.Time
}

const userColumns = "u.id, u.email, u.name, u.password_hash, u.installation_admin, u.created_at"

func (u *User) columns() []any {
	return []any{&u.ID, &u.Email, &u.Name, nullText{&u.PasswordHash}, &u.InstallationAdmin, at{&u.CreatedAt}}
}

// AddUser adds a person; ErrExists when the address is taken.
func (tx *Tx) AddUser(u User) error {
	_, err := tx.exec(`insert into users (id, email, name, password_hash, installation_admin, created_at) values ($1, $2, $3, $4, $5, $6)`,
		u.ID, u.Email, u.Name, orNull(u.PasswordHash), u.InstallationAdmin, micros(u.CreatedAt))
	return err
}

// User returns a person by id.
func (tx *Tx) User(id string) (u User, err error) {
	return u, tx.one(`select `+userColumns+` from users u where u.id = $1`, []any{id}, u.columns()...)
}

// UserByEmail returns a person by their address in its clean form.
func (tx *Tx) UserByEmail(email string) (u User, err error) {
	return u, tx.one(`select `+userColumns+` from users u where u.email = $1`, []any{email}, u.columns()...)
}

// HasUsers reports whether anybody exists yet.
func (tx *Tx) HasUsers() (bool, error) {
	var n int
	err := tx.one(`select count(*) from (select 1 from users limit 1) one`, nil, &n)
	return n > 0, err
}

// SetPassword changes a person's password hash.
func (tx *Tx) SetPassword(userID, hash string) error {
	return tx.must(`update users set password_hash = $1 where id = $2`, orNull(hash), userID)
}

// SetInstallationAdmin names a person installation administrator, or no longer.
func (tx *Tx) SetInstallationAdmin(userID string, is bool) error {
	return tx.must(`update users set installation_admin = $1 where id = $2`, is, userID)
}

// InstallationAdmins returns the ids of all installation administrators.
func (tx *Tx) InstallationAdmins() (ids []string, err error) {
	err = tx.each(`select id from users where installation_admin = $1 order by id`, []any{true}, func(scan func(...any) error) error {
		var id string
		err := scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}

// Session is one signed-in browser.
type Session struct {
	ID         string
	User       User
	CreatedAt  time.Time
	SignedInAt time.Time // when the password was last given
	SeenAt     time.Time
	Address    netip.Addr
	UserAgent  string
}

// AddSession keeps a session under the hash of its secret.
func (tx *Tx) AddSession(s Session, hash token.Hash) error {
	_, err := tx.exec(`insert into sessions (id, hash, user_id, created_at, signed_in_at, seen_at, address, user_agent) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
		s.ID, hash[:], s.User.ID, micros(s.CreatedAt), micros(s.SignedInAt), micros(s.SeenAt), address(s.Address), s.UserAgent)
	return err
}

// SessionByHash returns the session of a presented secret, seen after idle and made after oldest.
func (tx *Tx) SessionByHash(hash token.Hash, idle, oldest time.Time) (s Session, err error) {
	dest := append([]any{&s.ID, at{&s.CreatedAt}, at{&s.SignedInAt}, at{&s.SeenAt}, addr{&s.Address}, &s.UserAgent}, s.User.columns()...)
	return s, tx.one(`select s.id, s.created_at, s.signed_in_at, s.seen_at, s.address, s.user_agent, `+userColumns+`
		from sessions s join users u on u.id = s.user_id
		where s.hash = $1 and s.seen_at > $2 and s.created_at > $3`, []any{hash[:], micros(idle), micros(oldest)}, dest...)
}

// TouchSession notes that a session was seen.
func (tx *Tx) TouchSession(id string, seen time.Time) error {
	_, err := tx.exec(`update sessions set seen_at = $1 where id = $2 and seen_at < $1`, micros(seen), id)
	return err
}

// EndSession ends one session.
func (tx *Tx) EndSession(id string) error {
	_, err := tx.exec(`delete from sessions where id = $1`, id)
	return err
}

// EndSessions ends all sessions of a person but one, and returns how many.
func (tx *Tx) EndSessions(userID, except string) (int64, error) {
	return tx.exec(`delete from sessions where user_id = $1 and id <> $2`, userID, except)
}

// AddLink keeps a one-time link under the hash of its secret, in place of the person's earlier ones.
func (tx *Tx) AddLink(userID, purpose string, hash token.Hash, expires time.Time) error {
	if _, err := tx.exec(`delete from links where user_id = $1`, userID); err != nil {
		return err
	}
	_, err := tx.exec(`insert into links (hash, user_id, purpose, created_at, expires_at) values ($1, $2, $3, $4, $5)`,
		hash[:], userID, purpose, micros(tx.Now), micros(expires))
	return err
}

// Link returns whom a one-time link is for, without using it up.
func (tx *Tx) Link(hash token.Hash) (u User, purpose string, err error) {
	err = tx.one(`select l.purpose, `+userColumns+` from links l join users u on u.id = l.user_id where l.hash = $1 and l.expires_at > $2`,
		[]any{hash[:], micros(tx.Now)}, append([]any{&purpose}, u.columns()...)...)
	return u, purpose, err
}

// UseLink uses a one-time link up; ErrNotFound when somebody else just did.
func (tx *Tx) UseLink(hash token.Hash) error {
	return tx.must(`delete from links where hash = $1 and expires_at > $2`, hash[:], micros(tx.Now))
}

// SpendNonce uses a form's nonce up; ErrExists when it has been used before.
func (tx *Tx) SpendNonce(hash token.Hash, expires time.Time) error {
	n, err := tx.exec(`insert into form_nonces (hash, expires_at) values ($1, $2) on conflict (hash) do nothing`, hash[:], micros(expires))
	if err == nil && n == 0 {
		return ErrExists
	}
	return err
}
