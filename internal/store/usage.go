package store

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/keywright/keywright/internal/token"
)

// Use is what one credential was used for in one day (UTC), since the last time it was written.
type Use struct {
	TokenID     string // of a personal access or legacy token, an OAuth token, or an app
	SecretID    string // of the client secret that an app used, if it did
	OwnerID     string // of an app: its own id
	WorkspaceID string
	Day         int64 // days since 1970-01-01, UTC
	Requests    int64
	Refusals    int64
	LastUsedAt  time.Time // of a good request; zero if there was none
	LastUsedIP  netip.Addr
	Addresses   []netip.Addr // not seen before, as far as the writer remembers
}

// AddUse adds to the counts of a credential's day, and notes when it was last used. Workspaces that are gone
// are passed over.
func (tx *Tx) AddUse(u Use) error {
	_, err := tx.exec(`insert into usage_days (token_id, day, workspace_id, owner_id, requests, refusals)
		select $1, cast($2 as bigint), w.id, $4, cast($5 as bigint), cast($6 as bigint) from workspaces w where w.id = $3
		on conflict (token_id, day) do update set requests = usage_days.requests + excluded.requests, refusals = usage_days.refusals + excluded.refusals`,
		u.TokenID, u.Day, u.WorkspaceID, u.OwnerID, u.Requests, u.Refusals)
	if err != nil {
		return err
	}
	for _, a := range u.Addresses {
		if _, err := tx.exec(`insert into usage_addresses (token_id, day, address, workspace_id) select $1, cast($2 as bigint), $3, w.id from workspaces w where w.id = $4 on conflict do nothing`,
			u.TokenID, u.Day, a.String(), u.WorkspaceID); err != nil {
			return err
		}
	}
	if u.LastUsedAt.IsZero() {
		return nil
	}
	if u.SecretID != "" {
		if err := tx.used("app_secrets", u.SecretID, &u); err != nil {
			return err
		}
	}
	table := "tokens"
	switch prefix, _, _ := strings.Cut(u.TokenID, "_"); prefix {
	case token.OAuthTokenID:
		table = "oauth_tokens"
	case token.AppID:
		table = "apps"
	}
	return tx.used(table, u.TokenID, &u)
}

// used notes a last use. One from before a regeneration is no use of the new secret.
func (tx *Tx) used(table, id string, u *Use) error {
	_, err := tx.exec(`update `+table+` set last_used_at = $1, last_used_ip = $2 where id = $3 and created_at <= $1 and (last_used_at is null or last_used_at < $1)`,
		micros(u.LastUsedAt), address(u.LastUsedIP), id)
	return err
}

// DayUse is the use of one day: of a credential, or of all that a filter finds together.
type DayUse struct {
	Day       int64  // days since 1970-01-01, UTC
	TokenID   string // as in Use
	TokenName string // "" when it has no name or is deleted
	Requests  int64
	Refusals  int64
	Addresses int64 // distinct
}

// UseFilter narrows usage. Empty ids don't narrow; From and To are days, both included.
type UseFilter struct {
	WorkspaceID string
	OwnerID     string
	TokenID     string
	From, To    int64
}

func (f *UseFilter) where() where {
	var w where
	w.add("d.workspace_id = ?", f.WorkspaceID)
	w.add("d.day >= ? and d.day <= ?", f.From, f.To)
	if f.OwnerID != "" {
		w.add("d.owner_id = ?", f.OwnerID)
	}
	if f.TokenID != "" {
		w.add("d.token_id = ?", f.TokenID)
	}
	return w
}

// UsePerDay sums use by day, oldest first; days without use are absent.
func (tx *Tx) UsePerDay(f UseFilter) (out []DayUse, err error) {
	w := f.where()
	err = tx.each(`select d.day, cast(sum(d.requests) as bigint), cast(sum(d.refusals) as bigint),
		(select count(distinct a.address) from usage_addresses a join usage_days o on o.token_id = a.token_id and o.day = a.day
			where a.day = d.day and a.workspace_id = d.workspace_id`+f.alike()+`)
		from usage_days d`+w.String()+` group by d.workspace_id, d.day order by d.workspace_id, d.day`, w.args, func(scan func(...any) error) error {
		var u DayUse
		err := scan(&u.Day, &u.Requests, &u.Refusals, &u.Addresses)
		out = append(out, u)
		return err
	})
	return out, err
}

// alike repeats the narrowing of where() for the addresses, by the same numbered parameters.
func (f *UseFilter) alike() string {
	s, n := "", 4
	if f.OwnerID != "" {
		s += " and o.owner_id = $4"
		n++
	}
	if f.TokenID != "" {
		s += [...]string{4: " and o.token_id = $4", 5: " and o.token_id = $5"}[n]
	}
	return s
}

// UsePerToken lists use by day and credential, newest day first, at most limit rows.
func (tx *Tx) UsePerToken(f UseFilter, limit int) (out []DayUse, err error) {
	w := f.where()
	w.args = append(w.args, limit)
	err = tx.each(`select d.day, d.token_id, coalesce(t.name, o.name, p.name), d.requests, d.refusals,
		(select count(*) from usage_addresses a where a.token_id = d.token_id and a.day = d.day)
		from usage_days d
		left join tokens t on t.id = d.token_id left join oauth_tokens o on o.id = d.token_id left join apps p on p.id = d.token_id`+w.String()+` order by d.day desc, d.requests desc, d.token_id limit $`+strconv.Itoa(len(w.args)), w.args,
		func(scan func(...any) error) error {
			var u DayUse
			err := scan(&u.Day, &u.TokenID, nullText{&u.TokenName}, &u.Requests, &u.Refusals, &u.Addresses)
			out = append(out, u)
			return err
		})
	return out, err
}
