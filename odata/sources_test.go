package odata_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/odata"
	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/memory"
	"github.com/keywright/keywright/odata/query"
	"github.com/keywright/keywright/odata/sqldata"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// database keeps rows in tables of an engine, of which it makes a source, and gives a way to write more.
func (a accounts) database(t *testing.T, engine sqldata.Engine, rows memory.Source) (query.Source, *sql.DB) {
	t.Helper()
	dsn, driver := filepath.Join(t.TempDir(), "data.db"), "sqlite"
	types := map[edm.Kind]string{
		edm.String: "text", edm.Guid: "text", edm.Enum: "integer", edm.Int64: "integer", edm.Int32: "integer", edm.DateTimeOffset: "integer",
		edm.Decimal: "decimal(10,2)", edm.Double: "real",
	}
	if engine == sqldata.Postgres {
		dsn, driver = testkit.Postgres(t), "pgx"
		types[edm.Guid], types[edm.Double], types[edm.Int64], types[edm.DateTimeOffset] = "uuid", "double precision", "bigint", "bigint"
	}
	writer, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = writer.Close() })
	var tables []sqldata.Table
	for _, set := range a.model.Sets {
		table := sqldata.Table{Set: set, From: `"` + strings.ToLower(set.Name) + `"`, Columns: map[*edm.Property]sqldata.Column{}}
		var columns, key []string
		for _, p := range set.Properties {
			table.Columns[p] = sqldata.Column{Name: strings.ToLower(p.Name)}
			if p.Type.Kind == edm.DateTimeOffset {
				table.Columns[p] = sqldata.Column{Name: strings.ToLower(p.Name), Kept: sqldata.Micros}
			}
			columns = append(columns, strings.ToLower(p.Name)+" "+types[p.Type.Kind])
			if slices.Contains(set.Key, p) {
				key = append(key, strings.ToLower(p.Name))
			}
		}
		statement := "create table " + table.From + " (" + strings.Join(columns, ", ") + ", primary key (" + strings.Join(key, ", ") + "))"
		if _, err := writer.ExecContext(context.Background(), statement); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, table)
		for _, row := range rows[set] {
			a.insert(t, writer, set, row)
		}
	}
	reader, e, err := sqldata.Open(dsn, sqldata.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reader.Close() })
	source, err := sqldata.New(reader, e, tables, sqldata.Options{Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return source, writer
}

func (a accounts) insert(t testing.TB, db *sql.DB, set *edm.EntitySet, row []any) {
	t.Helper()
	places, values := make([]string, len(row)), slices.Clone(row)
	for i, v := range row {
		places[i] = fmt.Sprintf("$%d", i+1)
		if at, ok := v.(time.Time); ok {
			values[i] = at.UnixMicro()
		}
	}
	if _, err := db.ExecContext(context.Background(), "insert into "+strings.ToLower(set.Name)+" values ("+strings.Join(places, ", ")+")", values...); err != nil {
		t.Fatal(err)
	}
}

// onEach runs a test with the same rows in memory, in SQLite and in PostgreSQL. add puts another token into them.
func onEach(t *testing.T, tokens int, o odata.Options, test func(t *testing.T, c client, a accounts, add func(row []any))) {
	t.Helper()
	t.Run("memory", func(t *testing.T) {
		a := newAccounts()
		rows := a.rows(tokens)
		test(t, newClient(t, a.model, rows, o), a, func(row []any) { rows[a.tokens] = append(rows[a.tokens], row) })
	})
	for name, engine := range map[string]sqldata.Engine{"sqlite": sqldata.SQLite, "postgres": sqldata.Postgres} {
		t.Run(name, func(t *testing.T) {
			a := newAccounts()
			source, writer := a.database(t, engine, a.rows(tokens))
			test(t, newClient(t, a.model, source, o), a, func(row []any) { a.insert(t, writer, a.tokens, row) })
		})
	}
}
