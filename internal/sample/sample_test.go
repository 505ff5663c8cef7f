package sample_test

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the other driver

	"github.com/keywright/keywright/internal/sample"
	"github.com/keywright/keywright/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// open opens an empty database.
func open(t testing.TB, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// eachEngine runs a test on a database with so many order lines.
func eachEngine(t *testing.T, lines int, test func(t *testing.T, db *sql.DB)) {
	t.Helper()
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			var db *sql.DB
			if engine == "postgres" {
				db = open(t, "pgx", testkit.Postgres(t))
			} else {
				db = open(t, "sqlite", filepath.Join(t.TempDir(), "sample.db"))
			}
			if err := sample.Write(t.Context(), db, engine == "postgres", lines); err != nil {
				t.Fatal(err)
			}
			test(t, db)
		})
	}
}

func number(t *testing.T, db *sql.DB, query string) (n float64) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func TestThereAreAsManyRowsAsAskedFor(t *testing.T) {
	for _, lines := range []int{0, 1, sample.Lines} {
		eachEngine(t, lines, func(t *testing.T, db *sql.DB) {
			for table, want := range map[string]float64{"order_lines": float64(lines), "customers": 120, "employees": 12, "categories": 10, "suppliers": 32, "products": 94} {
				if got := number(t, db, "select count(*) from "+table); got != want {
					t.Errorf("%v %s, not %v", got, table, want)
				}
			}
			orders := number(t, db, "select count(*) from orders")
			if perOrder := float64(lines) / orders; lines > 100 && (perOrder < 2 || perOrder > 5) {
				t.Errorf("%v orders have %d lines", orders, lines)
			}
		})
	}
}

func TestEveryForeignKeyHolds(t *testing.T) {
	eachEngine(t, sample.Lines, func(t *testing.T, db *sql.DB) {
		for name, query := range map[string]string{
			"employees.reports_to": "select count(*) from employees where reports_to is not null and reports_to not in (select id from employees)",
			"products.category_id": "select count(*) from products where category_id not in (select id from categories)",
			"products.supplier_id": "select count(*) from products where supplier_id not in (select id from suppliers)",
			"orders.customer_code": "select count(*) from orders where customer_code not in (select code from customers)",
			"orders.employee_id":   "select count(*) from orders where employee_id not in (select id from employees)",
			"lines.order_id":       "select count(*) from order_lines where order_id not in (select id from orders)",
			"lines.product_id":     "select count(*) from order_lines where product_id not in (select id from products)",
			"orders without lines": "select count(*) from orders where id not in (select order_id from order_lines)",
		} {
			if n := number(t, db, query); n != 0 {
				t.Errorf("%s: %v rows lead nowhere", name, n)
			}
		}
		// The database checks it too: what is there can't be deleted, and what leads nowhere can't be written.
		db.SetMaxOpenConns(1)
		_, _ = db.ExecContext(t.Context(), "pragma foreign_keys = on") // PostgreSQL knows no pragma, and needs none
		for _, statement := range []string{
			"delete from customers where code = (select min(customer_code) from orders)",
			"delete from employees where id = 1",
			"insert into order_lines values (1, 1, 1, 1, 1, 0)",
			"insert into orders select 1, customer_code, employee_id, ordered_at, required_on, shipped_at, freight, 'lost' from orders where id = 10001",
		} {
			if _, err := db.ExecContext(t.Context(), statement); err == nil {
				t.Errorf("%s: was done", statement)
			}
		}
	})
}

func TestWhatItSaysIsBelievable(t *testing.T) {
	eachEngine(t, sample.Lines, func(t *testing.T, db *sql.DB) {
		for query, limits := range map[string][2]float64{
			"select sum(revenue) from sales_by_month": {500_000, 2_000_000},
			"select count(*) from (select sum(units) as n from sales_by_month) x, (select sum(quantity) as n from order_lines join orders on id = order_id where status <> 'cancelled') y where x.n = y.n": {1, 1},
			"select count(*) from sales_by_month":                                                                                     {36, 36},
			"select avg(unit_price) from order_lines":                                                                                 {5, 30},
			"select avg(discount) from order_lines":                                                                                   {0.01, 0.1},
			"select max(discount) from order_lines":                                                                                   {0.25, 0.25},
			"select max(n) from (select count(*) as n from orders group by customer_code) as x":                                       {10, 40},
			"select count(*) from products where discontinued":                                                                        {3, 15},
			"select count(*) from customers where not active":                                                                         {3, 20},
			"select count(*) from employees where reports_to is null":                                                                 {1, 1},
			"select count(distinct country) from customers":                                                                           {12, 25},
			"select count(*) from orders where (shipped_at is null) = (status = 'shipped')":                                           {0, 0},
			"select count(*) from orders where shipped_at < ordered_at":                                                               {0, 0},
			"select count(*) from orders where status = 'new'":                                                                        {1, 40},
			"select count(*) from orders where status = 'packed'":                                                                     {1, 40},
			"select count(*) from orders where status = 'cancelled'":                                                                  {5, 60},
			"select count(*) from orders o join customers c on c.code = customer_code where not active and ordered_at > '2025-10-02'": {0, 0},
			"select count(*) from orders o join order_lines on o.id = order_id join products p on p.id = product_id where discontinued and ordered_at > '2025-10-02'": {0, 0},
			"select count(*) from orders where ordered_at < '2023-10-02' or ordered_at > '2026-10-02'":                                                                {0, 0},
			"select count(*) from order_lines l join products p on p.id = product_id where unit_price > price or unit_price < 0.85 * price":                           {0, 0},
			"select count(*) from (select order_id from order_lines group by order_id, product_id having count(*) > 1) as x":                                          {0, 0},
			"select count(*) from order_lines where quantity < 1 or quantity > 60":                                                                                    {0, 0},
			"select count(*) from products where price <= 0.5 or price > 60":                                                                                          {0, 0},
		} {
			if got := number(t, db, query); got < limits[0] || got > limits[1] {
				t.Errorf("%s: %v is not between %v and %v", query, got, limits[0], limits[1])
			}
		}
		rows, err := db.QueryContext(t.Context(), "select code, company from customers")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var code, company string
			if err := rows.Scan(&code, &company); err != nil {
				t.Fatal(err)
			}
			if !regexp.MustCompile(`^[A-Z]{3}([A-Z]{2}|[0-9]{2})$`).MatchString(code) || code[0] != company[0] && company[0] < 0x80 {
				t.Errorf("%s is the code of %s", code, company)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestBothEnginesHoldTheSameRows compares texts, as far as engines write values alike.
func TestBothEnginesHoldTheSameRows(t *testing.T) {
	var first map[string]string
	eachEngine(t, 3001, func(t *testing.T, db *sql.DB) {
		got := map[string]string{}
		for _, query := range []string{
			"select month || ' ' || orders || ' ' || units from sales_by_month order by month",
			"select order_id || ' ' || line_no || ' ' || product_id || ' ' || quantity from order_lines order by order_id, line_no",
			"select code || company || contact || city || country from customers order by 1",
			"select name || title || email || coalesce(reports_to, 0) from employees order by id",
			"select id || customer_code || employee_id || status || cast(required_on as text) from orders order by id",
		} {
			rows, err := db.QueryContext(t.Context(), query)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			for rows.Next() {
				var text string
				if err := rows.Scan(&text); err != nil {
					t.Fatal(err)
				}
				got[query] += text + "\n"
			}
			if err := rows.Err(); err != nil {
				t.Fatal(err)
			}
		}
		if first == nil {
			first = got
		}
		for query, want := range first {
			if len(want) < 100 || got[query] != want {
				t.Errorf("%s differs, or says little:\n%.300s\n%.300s", query, want, got[query])
			}
		}
	})
}

func TestTheFileIsTheSameEveryTimeAndMadeOnce(t *testing.T) {
	var contents [2][]byte
	for i := range contents {
		path := filepath.Join(t.TempDir(), "trading %25 company?.db")
		start := time.Now()
		if err := sample.File(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		contents[i] = content
		if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
			t.Errorf("%d files are left (%v)", len(files), err)
		}
		if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := sample.File(t.Context(), path); err != nil {
			t.Error(err)
		}
		if content, err = os.ReadFile(path); err != nil || string(content) != "mine" {
			t.Errorf("a file that was there was written over (%v)", err)
		}
	}
	if !bytes.Equal(contents[0], contents[1]) {
		t.Error("two files differ")
	}
	if size := len(contents[0]); size < 100_000 || size > 2_000_000 {
		t.Errorf("it has %d bytes", size)
	}
}

func TestWhatWasBrokenOffLeavesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	if err := sample.File(ctx, filepath.Join(dir, "sample.db")); err == nil {
		t.Error("it was made nevertheless")
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("%v is left (%v)", files, err)
	}
	// A half of an earlier one is no obstacle.
	if err := os.WriteFile(filepath.Join(dir, "sample.db.new"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := sample.File(t.Context(), filepath.Join(dir, "sample.db")); err != nil {
		t.Error(err)
	}
}

func BenchmarkWrite(b *testing.B) {
	const lines = 100_000
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			for b.Loop() {
				var db *sql.DB
				if engine == "postgres" {
					db = open(b, "pgx", testkit.Postgres(b))
				} else {
					db = open(b, "sqlite", filepath.Join(b.TempDir(), "sample.db"))
				}
				if err := sample.Write(b.Context(), db, engine == "postgres", lines); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*lines/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
