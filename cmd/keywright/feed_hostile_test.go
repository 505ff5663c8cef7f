package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/keywright/keywright/internal/config"
	"github.com/keywright/keywright/internal/sample"
	"github.com/keywright/keywright/internal/server"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

const hostilePage = 100 // rows of a page

// hostileSite is a server whose feeds are asked for what nobody should ask for: the sample on both engines, and the
// built-in feed.
type hostileSite struct {
	demo      *walkDemo
	token     string   // of the administrator
	other     string   // of somebody else
	feeds     []string // roots without a slash at the end; the built-in one is the last
	databases []*sql.DB
}

// hostiles is the site that all tests of this process share.
var hostiles struct {
	sync.Mutex
	*hostileSite
}

func theHostileSite(t *testing.T) *hostileSite {
	t.Helper()
	dsn := testkit.Postgres(sharedByAll{t})
	hostiles.Lock()
	defer hostiles.Unlock()
	if hostiles.hostileSite == nil {
		s, err := startHostileSite(dsn)
		if err != nil {
			t.Fatal(err)
		}
		s.token = s.demo.token(t, s.demo.admin, "odata:read")
		dev, err := s.demo.client(demoDev)
		if err != nil {
			t.Fatal(err)
		}
		s.other = s.demo.token(t, dev, "odata:read")
		hostiles.hostileSite = s
	}
	return hostiles.hostileSite
}

// sharedByAll leaves what a test has made to those after it; the process's end ends it.
type sharedByAll struct{ *testing.T }

func (sharedByAll) Cleanup(func()) {}

func startHostileSite(dsn string) (*hostileSite, error) {
	dir, err := os.MkdirTemp("", "keywright-hostile-")
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	addr, err := freePort(ctx, "127.0.0.1:0")
	if err != nil {
		stop()
		return nil, err
	}
	s := &hostileSite{demo: &walkDemo{address: "http://" + addr}}
	cfg := config.Config{
		PublicURL: s.demo.address, Listen: addr, MetricsListen: "off", Database: filepath.Join(dir, "keywright.db"),
		ProductName: "Keywright", TokenPrefix: "kw", CacheRecords: 10_000, LogLevel: "error", LogFormat: "text", ShutdownSeconds: 10,
	}
	if cfg.Feeds, err = demoFeeds(ctx, filepath.Join(dir, "sales.db")); err != nil {
		stop()
		return nil, err
	}
	cfg.Feeds = slices.DeleteFunc(cfg.Feeds, func(f config.Feed) bool { return f.Workspace != "standard" })
	onPostgres := cfg.Feeds[0]
	onPostgres.Name, onPostgres.DSN, onPostgres.AllowWritableRole, onPostgres.Types = "postgres", token.SecretOf(dsn), true, nil
	cfg.Feeds = append(cfg.Feeds, onPostgres)
	for i, driver := range []struct{ name, source string }{{"sqlite", "file:" + filepath.Join(dir, "sales.db")}, {"pgx", dsn}} {
		cfg.Feeds[i].PageSize = hostilePage
		s.feeds = append(s.feeds, s.demo.address+"/odata/standard/"+cfg.Feeds[i].Name)
		db, err := sql.Open(driver.name, driver.source)
		if err != nil {
			stop()
			return nil, err
		}
		s.databases = append(s.databases, db)
	}
	s.feeds = append(s.feeds, s.demo.address+"/odata/standard/keywright")
	return s, s.start(ctx, stop, cfg, dir)
}

// start fills PostgreSQL and the installation, and runs the server.
func (s *hostileSite) start(ctx context.Context, stop func(), cfg config.Config, dir string) error {
	if err := sample.Write(ctx, s.databases[1], true, sample.Lines); err != nil {
		stop()
		return err
	}
	if _, err := seed(ctx, cfg, walkPassword); err != nil {
		stop()
		return err
	}
	var wrong bytes.Buffer
	srv, err := server.Open(ctx, server.Options{Config: cfg, Log: logger(cfg, &wrong), Demo: true})
	if err != nil {
		stop()
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(ctx) }()
	s.demo.end = func() error {
		stop()
		err := <-ended
		for _, db := range s.databases {
			err = errors.Join(err, db.Close())
		}
		if wrong.Len() > 0 {
			err = errors.Join(err, errors.New("it logged: "+wrong.String()))
		}
		return errors.Join(err, os.RemoveAll(dir))
	}
	if err := ready(s.demo.address, ended); err != nil {
		return err
	}
	s.demo.admin, err = s.demo.client(demoAdmin)
	return err
}

// sums are what the databases hold.
func (s *hostileSite) sums(t *testing.T) (sums []string) {
	t.Helper()
	for _, db := range s.databases {
		h := sha256.New()
		for _, table := range []string{"customers", "employees", "categories", "suppliers", "products", "orders", "order_lines"} {
			if err := digest(t.Context(), h, db, table); err != nil {
				t.Fatal(err)
			}
		}
		sums = append(sums, hex.EncodeToString(h.Sum(nil)))
	}
	return sums
}

// digest adds the rows of a table.
func digest(ctx context.Context, h io.Writer, db *sql.DB, table string) error {
	rows, err := db.QueryContext(ctx, "select * from "+table+" order by 1, 2")
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(h, values...); err != nil {
			return err
		}
	}
	return rows.Err()
}

// bounded is how long an answer to anything may take, on a machine that is busy.
const bounded = 10 * time.Second

// ask sends a method and an address as they stand, and returns the answer.
func (s *hostileSite) ask(t *testing.T, secret, line, body string, headers ...string) (status int, answer []byte) {
	t.Helper()
	host := strings.TrimPrefix(s.demo.address, "http://")
	c, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	began := time.Now()
	if err := c.SetDeadline(began.Add(2 * bounded)); err != nil {
		t.Fatal(err)
	}
	head := strings.Replace(line, s.demo.address, "", 1) + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\nAuthorization: Bearer " + secret + "\r\n"
	if body != "" {
		head += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	for _, h := range headers {
		head += h + "\r\n"
	}
	go func() { _, _ = io.WriteString(c, head+"\r\n"+body) }() // the server may refuse before it has read all
	whole, err := io.ReadAll(c)
	if len(whole) == 0 {
		t.Fatalf("%.200s: no answer (%v)", line, err)
	}
	top, answer, _ := bytes.Cut(whole, []byte("\r\n\r\n"))
	if _, err := fmt.Sscanf(string(top), "HTTP/1.1 %d", &status); err != nil {
		t.Fatalf("%.200s: %.200s", line, top)
	}
	if took := time.Since(began); took > bounded {
		t.Errorf("%.200s: %v", line, took)
	}
	return status, answer
}

// refused fails unless the answer is an OData error that blames the request.
func refused(t *testing.T, what string, status int, answer []byte) {
	t.Helper()
	var e struct {
		Error struct{ Code, Message string }
	}
	if status < 400 || status >= 500 && status != http.StatusNotImplemented {
		t.Errorf("%.200s is answered %d %.200s", what, status, answer)
		return
	}
	if status == http.StatusRequestHeaderFieldsTooLarge || status == http.StatusBadRequest && bytes.HasPrefix(answer, []byte("400 Bad Request")) {
		return // net/http, before anything of ours
	}
	if err := json.Unmarshal(answer, &e); err != nil || e.Error.Code == "" || e.Error.Message == "" || len(answer) > 4096 {
		t.Errorf("%.200s is answered %d, %v: %.300s", what, status, err, answer)
	}
	for _, leak := range []string{"SELECT", "select ", "sqlite", "pgx", "SQLSTATE", ".go:", "panic"} {
		if strings.Contains(string(answer), leak) && !strings.Contains(what, leak) {
			t.Errorf("%.200s: the answer tells %q: %.300s", what, leak, answer)
		}
	}
}
