package server_test

import (
	"database/sql"
	"os"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

func exit(code int) { os.Exit(code) }

// timeNow is the server's clock: it runs on the real one.
func timeNow() time.Time { return time.Now() }

// terminateLockHolder ends the PostgreSQL session that holds the server's advisory lock.
func terminateLockHolder(t *testing.T, dsn string) {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var ended bool
	err = db.QueryRowContext(t.Context(), `select pg_terminate_backend(pid) from pg_locks
		where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database()) limit 1`).Scan(&ended)
	if err != nil || !ended {
		t.Fatalf("ended %v: %v", ended, err)
	}
}
