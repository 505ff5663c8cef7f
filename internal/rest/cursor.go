package rest

import (
	"encoding/base64"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
)

// A cursor is the id of the last row that was given out, in base64url behind a version and the kind of
// list, so that a cursor of another list, or of another program's idea of one, is refused.
const (
	cursorVersion = 1

	listTokens      = 't'
	listMembers     = 'm'
	listEvents      = 'e'
	listWorkspaces  = 'w'
	listApps        = 'a'
	listOAuthTokens = 'o'
	listInventory   = 'i'
)

// Page is the query parameters of every list.
type Page struct {
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"200" doc:"How many at most"`
	Cursor string `query:"cursor" doc:"next_cursor of the page before"`
}

// page asks for one row more than was asked for, which says whether there is a next page.
func (p Page) page(kind byte) (authority.Page, error) {
	after, err := parseCursor(kind, p.Cursor)
	return authority.Page{After: after, Limit: p.Limit + 1}, err
}

// pageOf makes a page of rows that page asked for.
func pageOf[R, T any](p Page, kind byte, rows []R, id func(R) string, wire func(R) T) api.List[T] {
	out := api.List[T]{Items: []T{}}
	for i, row := range rows {
		if i == p.Limit {
			next := makeCursor(kind, id(rows[i-1]))
			out.NextCursor = &next
			break
		}
		out.Items = append(out.Items, wire(row))
	}
	return out
}

func makeCursor(kind byte, id string) string {
	return base64.RawURLEncoding.EncodeToString(append([]byte{cursorVersion, kind}, id...))
}

// parseCursor returns the id in a cursor; "" for none.
func parseCursor(kind byte, cursor string) (id string, err error) {
	if cursor == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) < 2 || b[0] != cursorVersion || b[1] != kind || !cursorNames(kind, string(b[2:])) || makeCursor(kind, string(b[2:])) != cursor {
		return "", fault.New(fault.BadRequest, api.CodeBadCursor, "This cursor is not one of this list. Start again without it.")
	}
	return string(b[2:]), nil
}

// cursorNames reports whether an id is of a kind of list.
func cursorNames(kind byte, id string) bool {
	ok := false
	switch kind {
	case listTokens:
		_, ok = token.ParseID(token.TokenID, id)
	case listMembers:
		_, ok = token.ParseID(token.UserID, id)
	case listEvents:
		_, ok = token.ParseID(token.EventID, id)
	case listApps:
		_, ok = token.ParseID(token.AppID, id)
	case listOAuthTokens:
		_, ok = token.ParseID(token.OAuthTokenID, id)
	case listInventory: // authority's own, which it checks
		ok = id != ""
	case listWorkspaces: // in the order of their slugs
		_, problem := token.CleanSlug(id)
		ok = problem == ""
	}
	return ok
}
