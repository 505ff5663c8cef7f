package ui

import (
	"encoding/csv"
	"strings"
	"time"

	"github.com/keywright/keywright/internal/authority"
)

// csvPart is how many tokens are read at once, and csvMost how many a file has at most.
const (
	csvPart = 200
	csvMost = 20_000
)

// tokensCSV is the list of all tokens, as it is filtered, for a spreadsheet.
func (v *visit) tokensCSV() error {
	if err := v.needAdministrator(); err != nil {
		return err
	}
	rows := [][]string{{"id", "name", "description", "owner", "email", "scopes", "status", "created_at", "expires_at", "last_used_at", "last_used_ip"}}
	page := authority.Page{Limit: csvPart}
	for len(rows) <= csvMost {
		list, err := v.authority.Tokens(v.r.Context(), v.by, v.in.Slug, authority.TokenQuery{Everyone: true, Filter: v.allFilter(), Page: page})
		if err != nil {
			return err
		}
		for i := range list {
			t := &list[i]
			scopes, ip := t.Scopes.String(), ""
			if t.AllScopes {
				scopes = "*"
			}
			if t.LastUsedIP.IsValid() {
				ip = t.LastUsedIP.String()
			}
			rows = append(rows, []string{
				t.ID, cell(t.Name), cell(t.Description), cell(t.Owner.Name), cell(t.Owner.Email), cell(scopes), string(t.StatusAt(v.now)),
				csvTime(t.CreatedAt), csvTime(t.ExpiresAt), csvTime(t.LastUsedAt), ip,
			})
		}
		if len(list) < csvPart {
			break
		}
		page.After = list[len(list)-1].ID
	}
	var b strings.Builder
	w := csv.NewWriter(&b)
	if err := w.WriteAll(rows); err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="tokens.csv"`)
	_, err := v.w.Write([]byte(b.String()))
	return err
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
