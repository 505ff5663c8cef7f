package store

import (
	"database/sql"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/keywright/keywright/internal/token"
)

// Times are kept as Unix microseconds, and as null where there is none.

func micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// at scans a nullable time; null is the zero time.
type at struct{ t *time.Time }

func (a at) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*a.t = time.Time{}
	case int64:
		*a.t = time.UnixMicro(v).UTC()
	default:
		return fmt.Errorf("store: a time is kept as %T", v)
	}
	return nil
}

// orNull keeps "" as null.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// nullText scans a nullable text; null is "".
type nullText struct{ s *string }

func (n nullText) Scan(v any) error {
	var text sql.NullString
	err := text.Scan(v)
	*n.s = text.String
	return err
}

// blob keeps what there is not as null, which the engines' drivers don't agree on.
func blob(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

// digest scans a nullable hash; null is the zero hash.
type digest struct{ h *token.Hash }

func (d digest) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*d.h = token.Hash{}
	case []byte:
		if len(v) != len(d.h) {
			return fmt.Errorf("store: a hash is kept in %d bytes", len(v))
		}
		*d.h = token.Hash(v)
	default:
		return fmt.Errorf("store: a hash is kept as %T", v)
	}
	return nil
}

func address(a netip.Addr) any {
	if !a.IsValid() {
		return nil
	}
	return a.String()
}

// addr scans a nullable address.
type addr struct{ a *netip.Addr }

func (s addr) Scan(v any) error {
	var text sql.NullString
	if err := text.Scan(v); err != nil || !text.Valid {
		*s.a = netip.Addr{}
		return err
	}
	a, err := netip.ParseAddr(text.String)
	*s.a = a
	return err
}

// where collects conditions whose parameters are numbered as they come.
type where struct {
	conds []string
	args  []any
}

// add appends a condition; each ? stands for the next parameter.
func (w *where) add(cond string, args ...any) {
	b := make([]byte, 0, len(cond)+4*len(args))
	for _, a := range args {
		before, after, _ := strings.Cut(cond, "?")
		w.args = append(w.args, a)
		b = append(append(b, before...), '$')
		b = strconv.AppendInt(b, int64(len(w.args)), 10)
		cond = after
	}
	w.conds = append(w.conds, string(append(b, cond...)))
}

func (w *where) String() string {
	if len(w.conds) == 0 {
		return ""
	}
	return " where " + strings.Join(w.conds, " and ")
}

// Page asks for a part of a list, newest first: what comes after a row's id, at most so many.
type Page struct {
	After string // id of the last row seen; "" for the first page
	Limit int
}

func (w *where) page(p Page, id string) (tail string) {
	if p.After != "" {
		w.add(id+" < ?", p.After)
	}
	return fmt.Sprintf(" order by %s desc limit %d", id, p.Limit)
}
