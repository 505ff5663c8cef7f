package store

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
)

// The form of a DSN: an address that begins as PostgreSQL's do, in either of its two forms, else a path.
var (
	urlForm   = regexp.MustCompile(`^(?i:postgres(?:ql)?)://`)
	pairsForm = regexp.MustCompile(`^\s*(?:host|hostaddr|port|user|password|dbname|service|sslmode)\s*=`)
	otherForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)
	passwords = regexp.MustCompile(`(?i)(\w*pass(?:word|wd|file|phrase)?\s*=\s*)(?:'(?:[^'\\]|\\.)*'?|\S+)`)
)

// IsPostgres reports whether a DSN names a PostgreSQL database.
func IsPostgres(dsn string) bool { return urlForm.MatchString(dsn) || pairsForm.MatchString(dsn) }

// RedactDSN returns a DSN without its password, for people and logs. Of an address that can't be read for
// sure, nothing but that is said.
func RedactDSN(dsn string) string {
	switch {
	case pairsForm.MatchString(dsn):
		return passwords.ReplaceAllString(dsn, "${1}xxxxx")
	case !otherForm.MatchString(dsn) || strings.HasPrefix(dsn, "sqlite:"):
		return dsn
	}
	scheme, _, _ := strings.Cut(dsn, ":")
	const unreadable = "://[unreadable]"
	u, err := url.Parse(dsn)
	// A second @ is one that an unescaped password has pushed out of its place.
	if err != nil || u.Fragment != "" || strings.Contains(u.EscapedPath()+u.RawQuery, "@") {
		return scheme + unreadable
	}
	shown := url.Values{}
	for _, key := range []string{"host", "port", "user", "dbname", "sslmode"} {
		if v := u.Query().Get(key); v != "" {
			shown.Set(key, v)
		}
	}
	u.RawQuery = shown.Encode()
	return u.Redacted()
}

// sqlitePath reads the path out of a DSN. Its errors don't repeat the DSN: it may be a misspelt address
// with a password.
func sqlitePath(dsn string) (string, error) {
	path, isURL := strings.CutPrefix(dsn, "sqlite:")
	if isURL {
		path = strings.TrimPrefix(path, "//")
	} else if otherForm.MatchString(dsn) {
		return "", errors.New("want a path for SQLite, or an address that begins with postgres://")
	}
	if path == "" {
		return "", errors.New("the path of the SQLite database is empty")
	}
	if strings.ContainsRune(path, 0) {
		return "", errors.New("the path of the SQLite database holds a NUL byte")
	}
	return path, nil
}

// pair is one of the second form: key = value, where a value with blanks is in quotes and a backslash takes the next letter as it is.
var (
	pair    = regexp.MustCompile(`^\s*(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)*)`)
	escaped = regexp.MustCompile(`\\(.)`)
)

// addressOf is a DSN in its first form, for who reads no other. What pairs say becomes parameters; the last of two wins.
func addressOf(dsn string) string {
	if !pairsForm.MatchString(dsn) {
		return dsn
	}
	said := url.Values{}
	for m := pair.FindStringSubmatch(dsn); m != nil; m = pair.FindStringSubmatch(dsn) {
		dsn = dsn[len(m[0]):]
		value := m[2]
		if strings.HasPrefix(value, "'") {
			value = value[1 : len(value)-1]
		}
		said.Set(m[1], escaped.ReplaceAllString(value, "$1"))
	}
	return "postgres://?" + strings.ReplaceAll(said.Encode(), "+", "%20") // a plus is itself there
}
