package ui

import (
	"encoding/csv"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/keywright/keywright/internal/authority"
)

// csvPart is how many rows are read at once, and csvPatience how long each part may take to be taken.
const (
	csvPart     = 1000
	csvPatience = time.Minute
)

// tokensCSV is the inventory, as it is filtered and ordered, for a spreadsheet. It is sent part by part,
// however long it is; a file that can't be finished is cut off, so that it doesn't look whole.
func (v *visit) tokensCSV() error {
	if err := v.needAdministrator(); err != nil {
		return err
	}
	q := authority.InventoryQuery{Filter: v.allFilter(), Limit: csvPart}
	list, next, err := v.authority.Inventory(v.r.Context(), v.by, v.in.Slug, q)
	if err != nil {
		return err // nothing is sent yet: it is a page
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="tokens.csv"`)
	h.Set("Cache-Control", "no-store")
	connection := http.NewResponseController(v.w)
	w := csv.NewWriter(v.w)
	rows := [][]string{{"id", "kind", "name", "description", "owner", "email", "scopes", "status", "created_at", "expires_at", "ended_at", "last_used_at", "last_used_ip"}}
	for {
		for i := range list {
			rows = append(rows, v.csvRow(&list[i]))
		}
		if err := w.WriteAll(rows); err != nil {
			return err
		}
		if next == "" {
			return nil
		}
		// The server's deadline is that of a page. It is one of the connection, and so by the real clock.
		if err := connection.SetWriteDeadline(time.Now().Add(csvPatience)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		rows, q.After = rows[:0], next
		if list, next, err = v.authority.Inventory(v.r.Context(), v.by, v.in.Slug, q); err != nil {
			return err
		}
	}
}

func (v *visit) csvRow(c *authority.Credential) []string {
	name, scopes, ip := c.Name, c.Scopes.String(), ""
	if c.Hint != "" && name == "…"+c.Hint {
		name = ""
	}
	if c.AllScopes {
		scopes = "*"
	}
	if c.LastUsedIP.IsValid() {
		ip = c.LastUsedIP.String()
	}
	return []string{
		c.ID, listedKindOf(c.Kind).Key, cell(name), cell(c.Description), cell(c.Owner.Name), cell(c.Owner.Email), cell(scopes), string(c.StatusAt(v.now)),
		csvTime(c.CreatedAt), csvTime(c.ExpiresAt), csvTime(c.EndedAt), csvTime(c.LastUsedAt), ip,
	}
}

// cell keeps a text that somebody typed from being a formula when a spreadsheet opens it.
func cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

func csvTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
