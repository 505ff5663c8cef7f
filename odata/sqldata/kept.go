package sqldata

import (
	"context"
	"database/sql/driver"
	"errors"
)

// keptStatements is how many statements a connection to SQLite keeps ready.
const keptStatements = 32

// repeated marks the context of statements that may come again in the same words: what clients ask for, page by page. Only
// one of them is read at a time on a connection.
type repeated struct{}

// again marks a context.
func again(ctx context.Context) context.Context { return context.WithValue(ctx, repeated{}, true) }

// asks and lives are what database/sql asks of SQLite's connections.
type asks interface {
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
}

type lives interface {
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// keeper is a connection that prepares a marked statement once, when it comes for the second time. SQLite itself
// prepares it anew when the schema has changed.
type keeper struct {
	driver.Conn
	asks
	lives
	kept    map[string]driver.Stmt // nil of what came once
	current func() bool
}

// newKeeper wraps a connection; current says whether its file is still the one of its path.
func newKeeper(c driver.Conn, current func() bool) (driver.Conn, error) {
	a, can := c.(asks)
	l, too := c.(lives)
	if !can || !too {
		return nil, errors.Join(errors.New("sqldata: this driver of SQLite is another one"), c.Close())
	}
	return &keeper{Conn: c, asks: a, lives: l, kept: map[string]driver.Stmt{}, current: current}, nil
}

// ResetSession lets a connection go when another file was put in the place of its own: it would go on reading the old one.
func (k *keeper) ResetSession(ctx context.Context) error {
	if !k.current() {
		return driver.ErrBadConn
	}
	return k.lives.ResetSession(ctx)
}

// QueryContext runs a statement.
func (k *keeper) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	if ctx.Value(repeated{}) == nil {
		return k.asks.QueryContext(ctx, text, args)
	}
	s, known := k.kept[text]
	if s == nil {
		if !known {
			err := k.makeRoom()
			if err != nil {
				return nil, err
			}
			k.kept[text] = nil
			return k.asks.QueryContext(ctx, text, args)
		}
		var err error
		if s, err = k.PrepareContext(ctx, text); err != nil {
			return nil, err
		}
		k.kept[text] = s
	}
	q, ok := s.(driver.StmtQueryContext)
	if !ok {
		return nil, errors.New("sqldata: this driver of SQLite is another one")
	}
	return q.QueryContext(ctx, args)
}

// makeRoom lets one go, whichever, if there are as many as are kept.
func (k *keeper) makeRoom() error {
	for text, s := range k.kept {
		if len(k.kept) < keptStatements {
			break
		}
		delete(k.kept, text)
		if s != nil {
			return s.Close()
		}
	}
	return nil
}

// Close closes the statements as well.
func (k *keeper) Close() error {
	var errs []error
	for _, s := range k.kept {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	k.kept = nil
	return errors.Join(append(errs, k.Conn.Close())...)
}
