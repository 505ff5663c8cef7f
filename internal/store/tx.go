package store

import (
	"context"
	"database/sql"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/token"
)

// querier is what a transaction can do on either engine.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Tx is one transaction, for one goroutine. Now is fixed when it begins, to the microsecond, as times
// are kept.
type Tx struct {
	Now    time.Time
	ctx    context.Context
	q      querier
	failed error // of the first statement that failed
	// rows is how many rows an insertion of many puts into a statement. To PostgreSQL each statement is a journey. In
	// SQLite one with several rows can fail halfway, so that it keeps a journal, whose end takes longer the larger
	// the transaction is.
	rows int
}

// ready refuses statements after one has failed. PostgreSQL does so by itself; SQLite would go on, and
// after a full disk even outside of the transaction, which is gone by then.
func (tx *Tx) ready(args []any) error {
	if tx.failed != nil {
		return tx.failed
	}
	for _, a := range args {
		var s string
		switch a := a.(type) {
		case string:
			s = a
		case token.Role:
			s = string(a)
		case token.Scheme:
			s = string(a)
		case token.Algorithm:
			s = string(a)
		case audit.Action:
			s = string(a)
		}
		if strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s) {
			return tx.fail(ErrText)
		}
	}
	return nil
}

func (tx *Tx) fail(err error) error {
	tx.failed = classify(err)
	return tx.failed
}

// exec runs a statement and returns how many rows it changed.
func (tx *Tx) exec(query string, args ...any) (int64, error) {
	if err := tx.ready(args); err != nil {
		return 0, err
	}
	res, err := tx.q.ExecContext(tx.ctx, query, args...)
	if err != nil {
		return 0, tx.fail(err)
	}
	return res.RowsAffected()
}

// must runs a statement that has to change a row, else ErrNotFound.
func (tx *Tx) must(query string, args ...any) error {
	n, err := tx.exec(query, args...)
	if err == nil && n == 0 {
		return ErrNotFound
	}
	return err
}

// one reads a single row into dest; ErrNotFound if there is none.
func (tx *Tx) one(query string, args []any, dest ...any) error {
	found := false
	err := tx.each(query, args, func(scan func(...any) error) error {
		found = true
		return scan(dest...)
	})
	if err == nil && !found {
		return ErrNotFound
	}
	return err
}

// each calls fn for every row.
func (tx *Tx) each(query string, args []any, fn func(scan func(...any) error) error) (err error) {
	if err := tx.ready(args); err != nil {
		return err
	}
	rows, err := tx.q.QueryContext(tx.ctx, query, args...)
	if err != nil {
		return tx.fail(err)
	}
	defer func() {
		if cerr := rows.Close(); err == nil && cerr != nil {
			err = tx.fail(cerr)
		}
	}()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return tx.fail(err)
	}
	return nil
}
