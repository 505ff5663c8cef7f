package sqldata

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// How an address begins: PostgreSQL's as a URL, as pairs, another scheme.
var (
	postgresForm = regexp.MustCompile(`^(?i:postgres(?:ql)?)://`)
	pairsForm    = regexp.MustCompile(`^\s*(?:host|hostaddr|port|user|password|dbname|service|sslmode)\s*=`)
	schemeForm   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]+:`)
)

// connectTimeout bounds one attempt to reach a server, unless the address says connect_timeout.
const connectTimeout = 10 * time.Second

// Open opens a database to be read: a path of SQLite (sqlite: in front is allowed), or a PostgreSQL address (postgres://…,
// or host=… user=…). It does not connect yet; that a file is missing it says at once, as fs.ErrNotExist, and it never makes one. No error of it
// holds a password. Closing the database is the caller's.
//
// Connections can't write: SQLite's are opened with mode=ro, which works beside a process that writes in any journal
// mode; PostgreSQL's have default_transaction_read_only=on. Their time zone is UTC.
func Open(dsn string, o Options) (*sql.DB, Engine, error) {
	db, engine, err := open(dsn, o.timeout())
	if err != nil {
		return nil, engine, fmt.Errorf("sqldata: %w", err)
	}
	n := o.Concurrent
	if n <= 0 {
		n = 4
	}
	n++ // one to read the schema with while all others are busy
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	db.SetConnMaxIdleTime(5 * time.Minute)
	db.SetConnMaxLifetime(time.Hour) // so that changed addresses and rights come through
	return db, engine, nil
}

func open(dsn string, timeout time.Duration) (*sql.DB, Engine, error) {
	if postgresForm.MatchString(dsn) || pairsForm.MatchString(dsn) {
		db, err := openServer(dsn, timeout)
		return db, Postgres, err
	}
	path, isURL := strings.CutPrefix(dsn, "sqlite:")
	if isURL {
		path = strings.TrimPrefix(path, "//")
	}
	// The text may be a misspelt address with a password: it is not repeated.
	if !isURL && schemeForm.MatchString(dsn) && filepath.VolumeName(dsn) == "" {
		return nil, SQLite, errors.New("a database is a path for SQLite, or an address that begins with postgres://")
	}
	db, err := openFile(path)
	return db, SQLite, err
}

func openServer(dsn string, timeout time.Duration) (*sql.DB, error) {
	// The errors of pgx repeat the address. A second @ or a # is a character of a password that has pushed the rest out of its place.
	if u, err := url.Parse(dsn); postgresForm.MatchString(dsn) && (err != nil || u.Fragment != "" || strings.Contains(u.EscapedPath()+u.RawQuery, "@")) {
		return nil, errors.New("the postgres:// address is no URL: characters such as @ / # % : in a password are written as %40 %2F %23 %25 %3A")
	}
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, errors.New("the postgres:// address has an option with a wrong value, or names a file that can't be read")
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectTimeout
	}
	c.RuntimeParams["default_transaction_read_only"] = "on"
	c.RuntimeParams["timezone"] = "UTC"
	c.RuntimeParams["standard_conforming_strings"] = "on" // conditions of the configuration are read that way
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "odata"
	}
	// A plan for the values at hand finds the index that a plan for any values does not.
	c.RuntimeParams["plan_cache_mode"] = "force_custom_plan"
	c.RuntimeParams["statement_timeout"] = strconv.FormatInt(max(1, timeout.Milliseconds()), 10)
	return sql.OpenDB(server{stdlib.GetConnector(*c), timeout}), nil
}

// server opens connections to PostgreSQL whose statements end after a time, without being told so for each request.
type server struct {
	driver.Connector
	timeout time.Duration
}

// serverDriver says how a pool's connections were opened.
type serverDriver struct {
	driver.Driver
	timeout time.Duration
}

// Driver is what connections come from.
func (s server) Driver() driver.Driver { return serverDriver{s.Connector.Driver(), s.timeout} }

func openFile(path string) (*sql.DB, error) {
	if path == "" || strings.ContainsRune(path, 0) || strings.HasPrefix(path, ":memory:") {
		return nil, errors.New("the path of the SQLite database is empty, or no path")
	}
	shown := path
	if strings.Contains(path, "@") {
		shown = "the path (which holds an @)" // an address without its scheme, perhaps
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	switch info, err := os.Stat(abs); {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("%s: there is no such file: %w", shown, os.ErrNotExist)
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("%s: this process may not look there: %w", shown, os.ErrPermission)
	case err != nil:
		return nil, fmt.Errorf("%s can't be opened", shown)
	case info.IsDir():
		return nil, fmt.Errorf("%s is a directory, not a file", shown)
	}
	// Pragmas stand in the address: sent over the pool, one would reach one connection only. immutable=1 would read a file
	// that is being written as if it were not: wrong rows. _dqs=0: a misspelt "name" is an error, not a text.
	// trusted_schema=0: a file from elsewhere can't make its views call what has side effects.
	const options = "?mode=ro&_pragma=query_only(1)&_pragma=busy_timeout(5000)&_pragma=trusted_schema(0)&_dqs=0&_txlock=deferred"
	return openSQLite("file:"+(&url.URL{Path: filepath.ToSlash(abs)}).EscapedPath()+options, abs)
}

// inWords says what SQLite means by errors of opening that its own words don't explain.
func inWords(err error) error {
	lite, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch lite.Code() {
	case sqlite3.SQLITE_READONLY_DIRECTORY, sqlite3.SQLITE_READONLY_CANTINIT, sqlite3.SQLITE_READONLY_RECOVERY, sqlite3.SQLITE_CANTOPEN:
		return fmt.Errorf("the file can't be read by this process; if it can but is in WAL mode, then nobody has it open now, and reading needs its -wal and "+
			"-shm files to be made: let this process write to their directory, or end WAL mode with pragma journal_mode=delete: %w", err)
	case sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("the file is no SQLite database, or it is encrypted: %w", err)
	}
	return err
}
