package store

import "time"

const (
	refreshKeptFor = 24 * time.Hour     // refresh tokens, after their OAuth token has expired
	secretKeptFor  = 7 * 24 * time.Hour // a client secret, after its end: people may still look for who uses it
)

// sweepAtOnce bounds the rows that one sweep takes of each kind, and so how long others wait for it.
const sweepAtOnce = 1000

// Sweep removes what is over, a bounded number of each kind, and reports whether there may be more: sessions,
// links, nonces, ends of access tokens that have expired by now, refresh tokens, client secrets, signing keys.
func (tx *Tx) Sweep(idle, oldest time.Time) (more bool, err error) {
	for _, s := range []struct {
		query string
		args  []any
	}{
		{`delete from sessions where id in (select id from sessions where seen_at <= $2 or created_at <= $3 limit $1)`, []any{micros(idle), micros(oldest)}},
		{`delete from links where hash in (select hash from links where expires_at <= $2 limit $1)`, []any{micros(tx.Now)}},
		{`delete from form_nonces where hash in (select hash from form_nonces where expires_at <= $2 limit $1)`, []any{micros(tx.Now)}},
		{`delete from stopped_access where id in (select id from stopped_access where expires_at <= $2 limit $1)`, []any{micros(tx.Now)}},
		{`delete from refresh_tokens where hash in (select r.hash from oauth_tokens o join refresh_tokens r on r.oauth_token_id = o.id where o.expires_at <= $2 limit $1)`, []any{micros(tx.Now.Add(-refreshKeptFor))}},
		{`delete from app_secrets where id in (select id from app_secrets where expires_at <= $2 limit $1)`, []any{micros(tx.Now.Add(-secretKeptFor))}},
		{`delete from signing_keys where id in (select id from signing_keys where published_until <= $2 limit $1)`, []any{micros(tx.Now)}},
	} {
		n, err := tx.exec(s.query, append([]any{sweepAtOnce}, s.args...)...)
		if err != nil {
			return false, err
		}
		more = more || n == sweepAtOnce
	}
	return more, nil
}

// EraseSuccessorsBefore forgets the sealed copies of refresh tokens that were made before a moment, a
// bounded number of them, and reports whether there may be more.
func (tx *Tx) EraseSuccessorsBefore(t time.Time) (more bool, err error) {
	n, err := tx.exec(`update refresh_tokens set sealed = null where hash in (select hash from refresh_tokens where sealed is not null and used_at < $2 limit $1)`,
		sweepAtOnce, micros(t))
	return n == sweepAtOnce, err
}
