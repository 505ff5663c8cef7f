package sqldata

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"

	"github.com/keywright/keywright/odata/query"
)

// valueFailure begins the messages of functions that SQLite calls; the column's name follows, or nothing.
const valueFailure = "sqldata: no value: "

// failure says what an error of a driver means to a service. It keeps no text in which a value could stand.
func failure(ctx context.Context, err error) error {
	var pg *pgconn.PgError
	var lite *sqlite.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, query.ErrValue), errors.Is(err, query.ErrTimeout), errors.Is(err, query.ErrUnavailable), errors.Is(err, query.ErrBusy), errors.Is(err, query.ErrChanged), errors.Is(err, query.ErrComplex):
		return err
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded):
		return query.ErrTimeout
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &pg):
		return postgresFailure(pg)
	case errors.As(err, &lite):
		return sqliteFailure(lite)
	case strings.Contains(err.Error(), valueFailure):
		return sqliteValue(err.Error())
	case lost(err):
		return fmt.Errorf("%w: the connection failed", query.ErrUnavailable)
	}
	return err
}

// lost reports whether an error is that of a connection, and not of what was said over it.
func lost(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		pgconn.SafeToRetry(err) || strings.Contains(err.Error(), "conn closed")
}

func postgresFailure(err *pgconn.PgError) error {
	switch class := err.Code[:min(2, len(err.Code))]; {
	case err.Code == "57014":
		return query.ErrTimeout
	case class == "54": // limits of a statement: its depth, its columns
		return fmt.Errorf("%w (SQLSTATE %s)", query.ErrComplex, err.Code)
	case class == "22": // data exceptions: out of range, not of the type
		return fmt.Errorf("%w (SQLSTATE %s)", query.ErrValue, err.Code)
	case class == "08", class == "28", class == "3D", class == "40", class == "53", class == "57", class == "58":
		return fmt.Errorf("%w (SQLSTATE %s)", query.ErrUnavailable, err.Code)
	}
	if changed(err.Code) {
		return fmt.Errorf("%w (SQLSTATE %s): %s", query.ErrChanged, err.Code, err.Message)
	}
	return fmt.Errorf("sqldata: PostgreSQL refused the query (SQLSTATE %s): %s", err.Code, err.Message)
}

// changed reports whether PostgreSQL misses what was there when the schema was read: a table, a column or its type, a schema, a
// right. The messages of these name things, not values.
func changed(code string) bool {
	switch code {
	case "42P01", "42703", "42804", "42883", "3F000", "42501":
		return true
	}
	return false
}

// Primary result codes of SQLite.
const (
	sqlitePerm      = 3
	sqliteBusy      = 5
	sqliteLocked    = 6
	sqliteInterrupt = 9
	sqliteIO        = 10
	sqliteCorrupt   = 11
	sqliteCantOpen  = 14
	sqliteAuth      = 23
	sqliteNotADB    = 26
)

// complexForm is what SQLite says of statements that go beyond its limits: it has no code for that.
var complexForm = regexp.MustCompile(`at most \d+ tables in a join|Expression tree is too large|parser stack overflow|too many (?:SQL variables|terms|columns|arguments)`)

func sqliteFailure(err *sqlite.Error) error {
	switch err.Code() & 0xff {
	case sqliteInterrupt:
		return query.ErrTimeout
	case sqlitePerm, sqliteBusy, sqliteLocked, sqliteIO, sqliteCorrupt, sqliteCantOpen, sqliteAuth, sqliteNotADB:
		return fmt.Errorf("%w (SQLite's result code %d)", query.ErrUnavailable, err.Code())
	}
	if complexForm.MatchString(err.Error()) {
		return query.ErrComplex
	}
	if text := err.Error(); strings.Contains(text, valueFailure) || strings.Contains(text, "integer overflow") {
		return sqliteValue(text)
	}
	for _, missing := range []string{"no such table", "no such column"} {
		if strings.Contains(err.Error(), missing) {
			return fmt.Errorf("%w: %w", query.ErrChanged, err)
		}
	}
	return err
}

// sqliteValue takes the column's name out of a message of one of our functions.
func sqliteValue(text string) error {
	_, column, found := strings.Cut(text, valueFailure)
	if !found {
		column = "the result is out of range"
	}
	if i := strings.IndexByte(column, '\n'); i >= 0 {
		column = column[:i]
	}
	return fmt.Errorf("%w: %s", query.ErrValue, column)
}
