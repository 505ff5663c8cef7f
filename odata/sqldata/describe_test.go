package sqldata_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/keywright/keywright/odata/sqldata"
)

// liteWith is the path of an SQLite database that some statements made.
func liteWith(t testing.TB, statements string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data.db")
	run(t, "sqlite", path, statements)
	return path
}

// run runs statements as someone who may write.
func run(t testing.TB, driver, dsn, statements string) {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), statements); err != nil {
		t.Fatal(err)
	}
}

// describe opens a database and describes it.
func describe(t testing.TB, dsn string, p sqldata.Publish) (*sqldata.Description, error) {
	t.Helper()
	db, engine, err := sqldata.Open(dsn, sqldata.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return sqldata.Describe(t.Context(), db, engine, p)
}
