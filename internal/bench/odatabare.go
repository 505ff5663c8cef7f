package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/keywright/keywright/internal/store"
)

// What the bare handler knows, by the path that is asked for.
const (
	bareAll     = "all"
	bareSorted  = "sorted"
	bareProduct = "product"
	bareRange   = "range"
)

// barePage is how many rows a page has at most, as a feed by default.
const barePage = 5000

// bareQueries are what the feed asks the database, with ? for values.
func bareQueries() map[string]string {
	const from = "select order_id, line_no, product_id, quantity, unit_price, discount from order_lines"
	return map[string]string{
		bareAll:       from + " order by order_id, line_no limit 5001",
		bareAll + "+": from + " where (order_id, line_no) > (?, ?) order by order_id, line_no limit 5001",
		bareSorted:    from + " order by unit_price desc, order_id, line_no limit 5001",
		bareProduct:   from + " where product_id = ? order by order_id, line_no limit 100",
		bareRange:     from + " where order_id >= ? order by order_id, line_no limit 100",
	}
}

// bareJob is a question to the bare handler: in the first one which database; then how many milliseconds a query's first
// row takes without HTTP, or for its vitals, as serveJob.
type bareJob struct {
	Database string
	First    string
	Profile  string
}

// bareLine is a row. A price is a float64 from SQLite and a decimal from PostgreSQL.
type bareLine[P float64 | json.Number] struct {
	OrderID   int64
	LineNo    int64
	ProductID int64
	Quantity  int64
	UnitPrice P
	Discount  float64
}

type bareAnswer[P float64 | json.Number] struct {
	Context string        `json:"@odata.context"`
	Value   []bareLine[P] `json:"value"`
	Next    string        `json:"@odata.nextLink,omitempty"`
}

// bareRows is a handler as one writes it for one table: prepared statements, structs, encoding/json.
type bareRows[P float64 | json.Number] struct {
	queries map[string]*sql.Stmt
}

func playBareRows(ctx context.Context, d *dialogue) (err error) {
	var j bareJob
	if err := d.in.Decode(&j); err != nil {
		return err
	}
	driver, mark := "sqlite", func(int) string { return "?" }
	if store.IsPostgres(j.Database) {
		driver, mark = "pgx", func(i int) string { return "$" + strconv.Itoa(i) }
	}
	db, err := sql.Open(driver, j.Database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(4)
	db.SetMaxIdleConns(4)
	queries := map[string]*sql.Stmt{}
	for name, text := range bareQueries() {
		for i := 1; strings.Contains(text, "?") && driver == "pgx"; i++ {
			text = strings.Replace(text, "?", mark(i), 1)
		}
		if queries[name], err = db.PrepareContext(ctx, text); err != nil { //nolint:sqlclosecheck // as long as the process
			return err
		}
	}
	if driver == "pgx" {
		return serveBareRows[json.Number](ctx, d, queries)
	}
	return serveBareRows[float64](ctx, d, queries)
}

func serveBareRows[P float64 | json.Number](ctx context.Context, d *dialogue, queries map[string]*sql.Stmt) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	h := &bareRows[P]{queries}
	srv := &http.Server{Handler: h}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	var p profiler
	err = d.out.Encode(readVitals(l.Addr().String()))
	if err == nil {
		err = each(d, func(j bareJob) (any, error) {
			if j.First != "" {
				return firstRow(ctx, queries[j.First])
			}
			return readVitals(l.Addr().String()), p.profile(j.Profile)
		})
	}
	err = errors.Join(err, srv.Close())
	if serr := <-done; !errors.Is(serr, http.ErrServerClosed) {
		err = errors.Join(err, serr)
	}
	return err
}

// firstRow is how long a query takes until its first row, in milliseconds.
func firstRow(ctx context.Context, query *sql.Stmt) (ms float64, err error) {
	began := time.Now()
	rows, err := query.QueryContext(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, rows.Err(), rows.Close()) }()
	if !rows.Next() {
		return 0, errors.New("no rows")
	}
	return millis(time.Since(began)), nil
}

func (h *bareRows[P]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := h.answer(r.Context(), strings.TrimPrefix(r.URL.Path, "/"), r.URL.Query().Get("after"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

func (h *bareRows[P]) answer(ctx context.Context, what, after string) (body []byte, err error) {
	var args []any
	switch {
	case after != "":
		order, line, _ := strings.Cut(after, ",")
		x, xerr := strconv.ParseInt(order, 10, 64)
		y, yerr := strconv.ParseInt(line, 10, 64)
		if err := errors.Join(xerr, yerr); err != nil {
			return nil, err
		}
		what, args = what+"+", []any{x, y}
	case what == bareProduct:
		args = []any{int64(7)}
	case what == bareRange:
		args = []any{int64(20_000)}
	}
	query := h.queries[what]
	if query == nil {
		return nil, fmt.Errorf("no query %q", what)
	}
	rows, err := query.QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	a := bareAnswer[P]{Context: "http://127.0.0.1/odata/bench-0/sales/$metadata#OrderLines"}
	for rows.Next() {
		var l bareLine[P]
		var price any = &l.UnitPrice
		if text, ok := price.(*json.Number); ok {
			price = (*string)(text) // which is scanned sooner
		}
		if err := rows.Scan(&l.OrderID, &l.LineNo, &l.ProductID, &l.Quantity, price, &l.Discount); err != nil {
			return nil, err
		}
		a.Value = append(a.Value, l)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if len(a.Value) > barePage {
		a.Value = a.Value[:barePage]
		last := &a.Value[barePage-1]
		a.Next = fmt.Sprintf("http://127.0.0.1/%s?after=%d,%d", strings.TrimSuffix(what, "+"), last.OrderID, last.LineNo)
	}
	return json.Marshal(a)
}
