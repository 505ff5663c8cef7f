package store

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/keywright/keywright/internal/token"
)

// Credential is a row of the inventory: a personal access token, legacy token, OAuth token or app.
type Credential struct {
	Kind        token.Kind // KindPAT, KindLegacy, KindRefresh for an OAuth token, KindApp for an app
	ID          string
	Owner       token.Person // of an app: its maker
	Name        string       // else its description, else "…" and its hint
	Description string       // where it is not the name already
	Hint        string       // the end of a token's secret
	AllScopes   bool         // carries what its owner's role may hold, as every OAuth token does
	Scopes      token.Scopes
	CreatedAt   time.Time
	ExpiresAt   time.Time // zero: never
	EndedAt     time.Time // revoked or disabled
	LastUsedAt  time.Time
	LastUsedIP  netip.Addr
}

// Sort is the order of the inventory.
type Sort string

// The orders. Each ends with the id, so that every order is total.
const (
	NewestFirst  Sort = ""
	ExpiresFirst Sort = "expires"   // soonest first, never last
	IdleFirst    Sort = "last_used" // never used first, then the longest ago
	ByName       Sort = "name"
	ByOwner      Sort = "owner"
)

// InventoryFilter narrows the inventory. Zero fields don't narrow.
type InventoryFilter struct {
	WorkspaceID   string
	OwnerID       string
	Kind          token.Kind
	Status        token.Status // active, expired, revoked, disabled
	Scope         string
	ScopeRoles    []token.Role // as in TokenFilter
	UnusedSince   time.Time
	ExpiresBefore time.Time
	NeverExpires  bool // tokens without end; apps, which have none, are not meant
	Search        string
	Sort          Sort
}

// ErrCursor says that a cursor is none that Inventory returned for this order.
var ErrCursor = errors.New("store: not a cursor of this list")

// Inventory lists the credentials of a workspace. After is an opaque cursor that next returned, "" for the
// first page; next is "" on the last. A row that is there all the while, and whose place in the order does
// not change, is on exactly one page, whatever is added or removed meanwhile. Errors: ErrCursor.
func (tx *Tx) Inventory(f InventoryFilter, after string, limit int) (out []Credential, next string, err error) {
	from, err := f.place(after)
	if err != nil {
		return nil, "", err
	}
	// Each source gives the first rows that may be on the page, by an index where the order has one.
	var parts []string
	var w where
	for _, s := range sources() {
		if f.Kind != "" && f.Kind != s.kind {
			continue
		}
		w.conds = nil
		f.narrow(&w, &s, tx.Now)
		parts = append(parts, `select * from (select '`+string(s.kind)+`' as kind, `+s.row+`.id as id, `+s.columns+`, `+f.key(&s)+` as place
			from `+s.table+` join users u on u.id = `+s.owner+f.beyond(&w, &s, from)+` limit `+strconv.Itoa(limit+1)+`) `+s.row)
	}
	if len(parts) == 0 {
		return nil, "", nil
	}
	last := cursor{Sort: f.Sort}
	err = tx.each(strings.Join(parts, ` union all `)+` order by `+f.order("place", "id")+` limit `+strconv.Itoa(limit+1), w.args, func(scan func(...any) error) error {
		if len(out) == limit {
			next = last.String()
			return nil
		}
		c, err := scanCredential(scan, &last)
		out = append(out, c)
		return err
	})
	return out, next, err
}

func scanCredential(scan func(...any) error, last *cursor) (c Credential, err error) {
	var scopes string
	err = scan(&c.Kind, &c.ID, &c.Owner.ID, &c.Owner.Name, &c.Owner.Email, &c.Name, &c.Description, &c.Hint, &c.AllScopes, &scopes,
		at{&c.CreatedAt}, at{&c.ExpiresAt}, at{&c.EndedAt}, at{&c.LastUsedAt}, addr{&c.LastUsedIP}, nullText{&last.Place})
	last.ID = c.ID
	c.Scopes = strings.Fields(scopes)
	switch {
	case c.Name != "":
	case c.Description != "":
		c.Name, c.Description = c.Description, ""
	case c.Hint != "":
		c.Name = "…" + c.Hint
	}
	return c, err
}

// source is a table, or the part of one, that a kind of credential is in.
type source struct {
	kind    token.Kind
	table   string
	row     string // its name in a query
	owner   string
	columns string // from the owner on, as scanCredential reads them
	expires string // the keys of the orders
	name    string
}

// never is later than every time. Both engines read it as a number.
const never = "9223372036854775807"

func sources() []source {
	tokens := source{
		table: "tokens t", row: "t", owner: "t.owner_id",
		columns: "t.owner_id as owner, u.name as person, u.email as email, t.name as name, t.description as description, t.hint as hint, " +
			"t.all_scopes as all_scopes, t.scopes as scopes, t.created_at as made, t.expires_at as ends, t.revoked_at as ended, t.last_used_at as used, t.last_used_ip as ip",
		expires: "coalesce(t.expires_at, " + never + ")",
		// What is shown as the name, folded as it is kept for searching: see folded.
		name: "case when t.name <> '' then t.search when t.description <> '' then substr(t.search, 2) else t.hint end",
	}
	ownTokens, legacy := tokens, tokens
	ownTokens.kind, legacy.kind = token.KindPAT, token.KindLegacy
	return []source{
		ownTokens,
		legacy,
		{
			kind: token.KindRefresh, table: "oauth_tokens o", row: "o", owner: "o.owner_id",
			columns: "o.owner_id as owner, u.name as person, u.email as email, o.name as name, '' as description, '' as hint, " +
				"true as all_scopes, '' as scopes, o.created_at as made, o.expires_at as ends, o.disabled_at as ended, o.last_used_at as used, o.last_used_ip as ip",
			expires: "o.expires_at", name: "o.search",
		},
		{
			kind: token.KindApp, table: "apps a", row: "a", owner: "a.created_by",
			columns: "a.created_by as owner, u.name as person, u.email as email, a.name as name, a.description as description, '' as hint, " +
				"false as all_scopes, a.scopes as scopes, a.created_at as made, cast(null as bigint) as ends, a.disabled_at as ended, a.last_used_at as used, a.last_used_ip as ip",
			expires: never, name: "a.search",
		},
	}
}

// narrow adds the conditions of a source's rows.
func (f *InventoryFilter) narrow(w *where, s *source, now time.Time) {
	switch s.kind {
	case token.KindPAT, token.KindLegacy:
		legacy := LegacyNone
		if s.kind == token.KindLegacy {
			legacy = LegacyOnly
		}
		(&TokenFilter{
			WorkspaceID: f.WorkspaceID, Legacy: legacy, OwnerID: f.OwnerID, Status: f.Status, Scope: f.Scope, ScopeRoles: f.ScopeRoles,
			UnusedSince: f.UnusedSince, ExpiresBefore: f.ExpiresBefore, NeverExpires: f.NeverExpires, Search: f.Search,
		}).narrow(w, now)
	case token.KindRefresh:
		(&OAuthFilter{WorkspaceID: f.WorkspaceID, OwnerID: f.OwnerID, Status: f.Status, UnusedSince: f.UnusedSince, ExpiresBefore: f.ExpiresBefore, Search: f.Search}).narrow(w, now)
		if f.Scope != "" && len(f.ScopeRoles) > 0 {
			w.add(roleIn("o", len(f.ScopeRoles)), anyOf(f.ScopeRoles)...)
		}
		if f.NeverExpires || f.Scope != "" && len(f.ScopeRoles) == 0 {
			w.add("1 = 0")
		}
	case token.KindApp:
		(&AppFilter{WorkspaceID: f.WorkspaceID, CreatedBy: f.OwnerID, Status: f.Status, Scope: f.Scope, Search: f.Search}).narrow(w)
		if !f.UnusedSince.IsZero() {
			w.add("a.created_at < ? and (a.last_used_at is null or a.last_used_at < ?)", micros(f.UnusedSince), micros(f.UnusedSince))
		}
		if f.NeverExpires || !f.ExpiresBefore.IsZero() {
			w.add("1 = 0")
		}
	case token.KindAccess: // is not kept
	}
}

// key is what a source's rows are ordered by.
func (f *InventoryFilter) key(s *source) string {
	switch f.Sort {
	case ExpiresFirst:
		return s.expires
	case IdleFirst:
		return "coalesce(" + s.row + ".last_used_at, -" + never + ")"
	case ByName:
		return "substr(" + s.name + ", 1, 60)" // as much as people read: it stands in the cursor
	case ByOwner:
		return "lower(u.name) || '\n' || u.id"
	case NewestFirst:
	}
	return "substr(" + s.row + ".id, 5)" // without the prefix, ids of all kinds sort by the time of making
}

func (f *InventoryFilter) order(key, id string) string {
	if f.Sort == NewestFirst {
		return key + " desc, " + id + " desc"
	}
	return key + ", " + id
}

// beyond returns the conditions of w and the one that a row comes after a place, and the order.
func (f *InventoryFilter) beyond(w *where, s *source, from *cursor) string {
	id := s.row + ".id"
	if f.Sort == NewestFirst {
		// In one table the order is that of the ids, which has an index.
		if from != nil {
			prefix := map[token.Kind]string{token.KindRefresh: token.OAuthTokenID, token.KindApp: token.AppID}[s.kind]
			at := cmp.Or(prefix, token.TokenID) + "_" + from.Place
			if at < from.ID {
				w.add(id+" <= ?", at)
			} else {
				w.add(id+" < ?", at)
			}
		}
		return w.String() + " order by " + id + " desc"
	}
	if from != nil {
		w.add("("+f.key(s)+", "+id+") > (?, ?)", from.key(), from.ID)
	}
	return w.String() + " order by " + f.order("place", id)
}

// cursor is the place of a row in an order.
type cursor struct {
	Sort  Sort
	Place string
	ID    string
}

func (c *cursor) String() string {
	text, _ := json.Marshal([3]string{string(c.Sort), c.Place, c.ID}) // texts can't fail
	return base64.RawURLEncoding.EncodeToString(text)
}

// key is the place as the order's column has it.
func (c *cursor) key() any {
	if c.Sort == ExpiresFirst || c.Sort == IdleFirst {
		n, _ := strconv.ParseInt(c.Place, 10, 64) // place has tried it
		return n
	}
	return c.Place
}

const maxCursor = 1024

// place reads a cursor; nil is the beginning. What String would not have written is refused.
func (f *InventoryFilter) place(after string) (*cursor, error) {
	if after == "" {
		return nil, nil
	}
	var parts [3]string
	text, err := base64.RawURLEncoding.DecodeString(after)
	if err != nil || len(after) > maxCursor || json.Unmarshal(text, &parts) != nil {
		return nil, ErrCursor
	}
	c := &cursor{Sort(parts[0]), parts[1], parts[2]}
	if c.Sort != f.Sort || c.String() != after || strings.IndexByte(c.Place+c.ID, 0) >= 0 {
		return nil, ErrCursor
	}
	switch f.Sort {
	case NewestFirst:
		if _, rest, _ := strings.Cut(c.ID, "_"); rest != c.Place {
			return nil, ErrCursor
		}
	case ExpiresFirst, IdleFirst:
		if n, err := strconv.ParseInt(c.Place, 10, 64); err != nil || strconv.FormatInt(n, 10) != c.Place {
			return nil, ErrCursor
		}
	case ByName, ByOwner:
	}
	return c, nil
}
