package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/server"
	"github.com/keywright/keywright/internal/token"
)

// made is an app that may introspect, and tokens.
type made struct {
	Client, Secret string // of the app
	Access         string // an access token of the app
	PAT            string
}

// makeApp sets an empty server up, and makes an app and tokens in the workspace bench-0.
func makeApp(ctx context.Context, s *server.Server) (*made, error) {
	rules := s.Authority()
	code, _, err := s.OpenSetUp(ctx)
	if err != nil {
		return nil, err
	}
	first := authority.FirstAccount{Code: code.Reveal(), Email: "bench@example.com", Name: "Bench", Password: "correct horse battery staple"}
	_, by, err := rules.SetUp(ctx, first, token.Origin{})
	if err != nil {
		return nil, err
	}
	if _, err := rules.CreateWorkspace(ctx, by, authority.NewWorkspace{Slug: slug(0), Preset: token.Standard}); err != nil {
		return nil, err
	}
	app, secret, err := rules.CreateApp(ctx, by, slug(0), authority.NewApp{Name: "Warehouse", Scopes: []string{"odata:read", token.ScopeIntrospect}})
	if err != nil {
		return nil, err
	}
	client, err := rules.Client(ctx, authority.ClientAuth{ID: app.ID, Secret: secret}, token.Origin{})
	if err != nil {
		return nil, err
	}
	issued, err := rules.ClientCredentials(ctx, client, authority.GrantRequest{})
	if err != nil {
		return nil, err
	}
	name, days := "pipeline", 90
	_, pat, err := rules.CreateToken(ctx, by, slug(0), authority.NewToken{Request: token.Request{
		Name: &name, Scopes: &[]string{"odata:read"}, Expiry: token.Choice{LifetimeDays: &days},
	}})
	return &made{Client: app.ID, Secret: secret.Reveal(), Access: issued.AccessToken.Reveal(), PAT: pat.Reveal()}, err
}

// posts is a request to an endpoint by the app, with client_secret_basic.
func (m *made) posts(path string, form url.Values) loadJob {
	body := form.Encode()
	auth := base64.StdEncoding.EncodeToString([]byte(m.Client + ":" + m.Secret))
	return always(fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: keywright\r\nAuthorization: Basic %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", path, auth, len(body), body))
}

// always is the same request over and over.
func always(request []byte) loadJob {
	return loadJob{Request: request, Count: 1, Tokens: fewTokens, Order: inTurn}
}

// oauth is the token endpoint and introspection beside bare handlers, and what signing takes of it.
func (b *bench) oauth() (err error) {
	b.out.title("OAuth over HTTP")
	path := filepath.Join(b.dir, "oauth.db")
	if err := removeDatabase(path); err != nil {
		return err
	}
	f, err := b.open()
	defer func() { err = errors.Join(err, f.close(), removeDatabase(path)) }()
	if err != nil {
		return err
	}
	bare, err := f.serve("bare", serveJob{})
	if err != nil {
		return err
	}
	server, err := f.begin("serve", serverCPU())
	if err != nil {
		return err
	}
	var v vitals
	if err := server.ask(serveJob{Database: path, App: true}, &v); err != nil {
		return err
	}
	m := v.Made
	grant := url.Values{"grant_type": {"client_credentials"}, "scope": {"odata:read"}}
	refused := m.posts("/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "scope": {"no:such"}})
	refused.Status = http.StatusBadRequest
	introspect := func(presented string) loadJob {
		return m.posts("/oauth2/introspect", url.Values{"token": {presented}})
	}
	verify := fmt.Appendf(nil, "GET /verify?workspace=%s&scope=odata:read HTTP/1.1\r\nHost: keywright\r\nAuthorization: Bearer %s\r\n\r\n", slug(0), m.Access)
	cpu, err := f.compete([]contender{
		{name: "a bare net/http form handler", server: bare, job: introspect(m.PAT)},
		{name: "introspection of a token", server: server, job: introspect(m.PAT), goal: 0.7},
		{name: "client_credentials", server: server, job: m.posts("/oauth2/token", grant), rate: 10_000},
		{name: "client_credentials, refused for its scope", server: server, job: refused},
	}, []int{64, 16})
	if err != nil {
		return err
	}
	b.out.line("\nclient_credentials takes %s µs of the processor: %s as a bare form handler does, %s for the client and the grant, %s for issuing and the answer.\n",
		number(cpu[2]), number(cpu[0]), number(cpu[3]-cpu[0]), number(cpu[2]-cpu[3]))
	if err := b.signing(); err != nil {
		return err
	}
	b.out.line("")
	if _, err := f.compete([]contender{
		{name: "a bare net/http form handler, the same request", server: bare, job: introspect(m.Access)},
		{name: "introspection of an access token", server: server, job: introspect(m.Access), goal: 0.7},
	}, []int{16, 64}); err != nil {
		return err
	}
	b.out.line("")
	_, err = f.compete([]contender{
		{name: "bare net/http, 60 bytes, the same request", server: bare, job: always(verify)},
		{name: "/verify, one cached access token", server: server, job: always(verify)},
	}, []int{16, 64})
	return err
}

// signJob asks for how long signing takes.
type signJob struct {
	Algorithm token.Algorithm
	Seconds   float64
}

// playSigning signs access tokens as the token endpoint does.
func playSigning(_ context.Context, d *dialogue) error {
	return each(d, func(j signJob) (micros float64, err error) {
		key, err := keyring.NewKey(token.NewID(token.KeyID, time.Now()), j.Algorithm)
		if err != nil {
			return 0, err
		}
		now := time.Now()
		claims := token.Claims{
			Issuer: "http://127.0.0.1/w/bench-0", Audience: "http://127.0.0.1/w/bench-0", Subject: token.NewID(token.AppID, now), ClientID: token.NewID(token.AppID, now),
			IssuedAt: now.Unix(), ExpiresAt: now.Unix() + 3600, ID: token.NewID(token.AccessID, now), Scope: "odata:read", SourceID: token.NewID(token.AppID, now),
		}
		n := 0
		before, err := cpuTime(os.Getpid())
		if err != nil {
			return 0, err
		}
		for time.Since(now) < time.Duration(j.Seconds*float64(time.Second)) {
			if _, err := key.Sign("at+jwt", claims); err != nil {
				return 0, err
			}
			n++
		}
		after, err := cpuTime(os.Getpid())
		return float64((after - before).Microseconds()) / float64(n), err
	})
}

// signing is what making the signed text takes, alone.
func (b *bench) signing() (err error) {
	c, err := b.begin("sign", serverCPU())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.end()) }()
	for _, a := range token.Algorithms() {
		var rounds []float64
		for range b.rounds {
			var micros float64
			if err := c.ask(signJob{a, b.seconds / 5}, &micros); err != nil {
				return err
			}
			rounds = append(rounds, micros)
		}
		b.out.line("Signing an access token with %s, alone: %s µs.", a, number(median(rounds, func(f float64) float64 { return f })))
	}
	return nil
}
