package ui_test

import (
	"context"
	"database/sql"
	"path/filepath"

	_ "modernc.org/sqlite"

	"github.com/keywright/keywright/internal/publish"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/odata/sqldata"
)

// sources are the feeds of the workspaces standard and single-token: the sales of a small company, of which each
// member sees their own orders, and one whose database is not there.
func (s *site) sources() []publish.Source {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), "sales.db")
	db, err := sql.Open("sqlite", "file:"+path)
	s.must(err)
	defer db.Close()
	for _, statement := range []string{
		`create table customers (id integer primary key, name text not null, country text not null, photo blob)`,
		`create table orders (id integer primary key, customer_id integer not null references customers, ordered text not null, total numeric, owner_email text not null)`,
		`insert into customers (id, name, country) values (1, 'Lindqvist & Daughters', 'Sweden'), (2, 'Café Lumière', 'France'), (3, 'Tanaka Trading', 'Japan'), (4, '<b>Bold</b>', 'Peru')`,
		`insert into orders values (1, 1, '2027-02-01', 120.5, 'member@example.com'), (2, 2, '2027-02-03', 80, 'dev@example.com')`,
	} {
		_, err := db.ExecContext(context.Background(), statement)
		s.must(err)
	}
	sales := publish.Source{
		Name: "sales", Title: "Sales", Database: token.SecretOf(path), Scope: "odata:read",
		Publish: sqldata.Publish{Tables: []string{"*"}, Where: map[string]string{"orders": "owner_email = $user.email"}, Writable: true},
	}
	var out []publish.Source
	for _, ws := range []string{"standard", "single-token"} {
		sales.Workspace = ws
		out = append(out, sales)
	}
	gone := sales
	gone.Workspace, gone.Name, gone.Title, gone.Database = "standard", "archive", "Archive", token.SecretOf(filepath.Join(s.t.TempDir(), "gone.db"))
	return append(out, gone)
}
