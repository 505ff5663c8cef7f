package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/config"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/server"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		testkit.Stop()
		exit(code)
	}))
}

// running is a server that serves until it is stopped.
type running struct {
	*server.Server
	url  string
	log  *bytes.Buffer
	stop context.CancelFunc
	done chan error
}

// keyset is the one of all servers on PostgreSQL here; beside SQLite each makes its own.
var keyset = sync.OnceValue(func() token.Secret {
	dir, err := os.MkdirTemp("", "keywright-keyset-")
	if err != nil {
		panic(err)
	}
	path := filepath.Join(dir, "keyset")
	err = keyring.CreateBox(path)
	text, rerr := os.ReadFile(path)
	if err = errors.Join(err, rerr, os.RemoveAll(dir)); err != nil {
		panic(err)
	}
	return token.SecretOf(string(text))
})

func settings(dsn string) config.Config {
	c := config.Config{
		PublicURL: "http://127.0.0.1", Listen: "127.0.0.1:0", MetricsListen: "off", Database: dsn,
		ProductName: "Keywright", TokenPrefix: "kw", CacheRecords: 10_000, ShutdownSeconds: 20,
	}
	if store.IsPostgres(dsn) {
		c.Keyset = keyset()
	}
	return c
}

func start(t *testing.T, dsn string) *running {
	t.Helper()
	r := &running{log: &bytes.Buffer{}, done: make(chan error, 1)}
	s, err := server.Open(t.Context(), server.Options{Config: settings(dsn), Log: slog.New(slog.NewTextHandler(r.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r.Server, r.url, r.stop = s, "http://"+s.Addr(), stop
	go func() { r.done <- s.Run(ctx) }()
	return r
}

// end stops the server and waits for it.
func (r *running) end(t *testing.T) {
	t.Helper()
	r.stop()
	if err := <-r.done; err != nil {
		t.Error(err)
	}
}

// account makes the first account and a token in a workspace.
func (r *running) account(t *testing.T) (secret string) {
	t.Helper()
	ctx, rules := t.Context(), r.Authority()
	code, _, err := r.OpenSetUp(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_, by, err := rules.SetUp(ctx, authority.FirstAccount{Code: code.Reveal(), Email: testkit.Admin, Name: "Ana", Password: testkit.Password}, testkit.Origin())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rules.CreateWorkspace(ctx, by, authority.NewWorkspace{Slug: "one", Preset: token.SingleToken}); err != nil {
		t.Fatal(err)
	}
	_, s, err := rules.CreateToken(ctx, by, "one", authority.NewToken{})
	if err != nil {
		t.Fatal(err)
	}
	return s.Reveal()
}

func get(t *testing.T, url, auth string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if auth != "" {
		req.Header.Set("Authorization", auth)
	}
	req.Close = true
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func TestEverySurfaceIsServed(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		r := start(t, db.DSN)
		defer r.end(t)
		secret := r.account(t)
		for path, want := range map[string]int{
			"/healthz": 200, "/readyz": 200, "/sign-in": 200, "/api/v1/openapi.json": 200, "/api/v1/docs": 200, "/api/v1/me": 401, "/api/v1/none": 404,
			"/verify?workspace=one": 401, "/verify/one/-/a/../b//c": 401, "/no-such-page": 303, "/metrics": 303, "/debug/pprof/": 303, // to the sign-in: what exists is no stranger's to know
		} {
			if got, body := get(t, r.url+path, ""); got != want {
				t.Errorf("%s: %d, want %d: %.300s", path, got, want, body)
			}
		}
		if got, body := get(t, r.url+"/verify/one/odata:read/a/../b//c", "Bearer "+secret); got != 200 {
			t.Errorf("a good token: %d %s", got, body)
		}
	})
}

func TestASecondServerOnTheSameDatabaseRefusesToStartAndSaysWhy(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		r := start(t, db.DSN)
		_, err := server.Open(t.Context(), server.Options{Config: settings(db.DSN), Log: slog.New(slog.DiscardHandler)})
		if err == nil || !strings.Contains(err.Error(), "another keywright server uses the database") {
			t.Errorf("the second: %v", err)
		}
		r.end(t)
		again := start(t, db.DSN)
		again.end(t)
	})
}

func TestShutdownAnswersEveryRequestThatWasAcceptedAndWritesWhatWasCounted(t *testing.T) {
	testkit.EachEngine(t, func(t *testing.T, db testkit.DB) {
		r := start(t, db.DSN)
		secret := r.account(t)
		for range 7 {
			if got, body := get(t, r.url+"/verify?workspace=one", "Bearer "+secret); got != 200 {
				t.Fatal(got, body)
			}
		}
		// Sign-ins take a while: 24 are under way when the server is told to stop.
		var sent, answered sync.WaitGroup
		statuses := make([]int, 24)
		for i := range statuses {
			sent.Add(1)
			answered.Go(func() { statuses[i] = signIn(t, r.url, sync.OnceFunc(sent.Done)) })
		}
		sent.Wait()
		// Connections are accepted in order: when this one is answered, theirs have been.
		if got, _ := get(t, r.url+"/healthz", ""); got != 200 {
			t.Fatal(got)
		}
		r.end(t)
		answered.Wait()
		for i, status := range statuses {
			if status != http.StatusCreated {
				t.Errorf("sign-in %d: %d\n%s", i, status, r.log)
			}
		}
		db.Clock.Set(timeNow())
		err := db.Open(t).View(t.Context(), func(tx *store.Tx) error {
			p, err := tx.TokenByHash(token.HashOf(secret))
			if err != nil {
				return err
			}
			day := authority.Day(timeNow())
			days, err := tx.UsePerDay(store.UseFilter{WorkspaceID: p.Token.WorkspaceID, From: day - 1, To: day})
			var requests int64
			for _, d := range days {
				requests += d.Requests
			}
			if requests != 7 || p.Token.LastUsedAt.IsZero() {
				t.Errorf("%d requests were written, last used %v", requests, p.Token.LastUsedAt)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		if strings.Contains(r.log.String(), secret) {
			t.Error("the secret is in the log")
		}
	})
}

// signIn posts a sign-in on a connection of its own and calls sent when it is on its way.
func signIn(t *testing.T, url string, sent func()) int {
	defer sent()
	body := fmt.Sprintf(`{"email":%q,"password":%q}`, testkit.Admin, testkit.Password)
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { sent() }})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/api/v1/session", strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0
	}
	req.Header.Set("Content-Type", "application/json")
	req.Close = true
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Error(err)
		return 0
	}
	if _, err = io.Copy(io.Discard, res.Body); err != nil {
		t.Error(err)
	}
	if err := res.Body.Close(); err != nil {
		t.Error(err)
	}
	return res.StatusCode
}

func TestAServerThatLosesItsLockStopsAnswering(t *testing.T) {
	db := testkit.DB{Engine: "postgres", DSN: testkit.Postgres(t), Clock: testkit.NewClock()}
	r := start(t, db.DSN)
	defer r.stop()
	// Somebody ends the session that holds the lock; there is one with an advisory lock.
	terminateLockHolder(t, db.DSN)
	err := <-r.done
	if err == nil || !strings.Contains(err.Error(), "lock on the database is lost") {
		t.Fatalf("Run returned %v", err)
	}
}

func TestAPortThatIsTakenIsAnErrorAndNothingStaysOpen(t *testing.T) {
	one, two := testkit.SQLite(t), testkit.SQLite(t)
	r := start(t, one.DSN)
	defer r.end(t)
	cfg := settings(two.DSN)
	cfg.Listen = r.Addr()
	if _, err := server.Open(t.Context(), server.Options{Config: cfg, Log: slog.New(slog.DiscardHandler)}); err == nil {
		t.Fatal("two servers listen on one address")
	}
	again := start(t, two.DSN) // the lock was given back
	again.end(t)
}
