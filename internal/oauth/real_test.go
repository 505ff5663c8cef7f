package oauth_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/config"
	"github.com/keywright/keywright/internal/server"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// running is a whole server, as serve starts it, with a workspace for each signing algorithm.
type running struct {
	testing.TB
	rules *authority.Authority
	by    token.Identity
	url   string
}

func startServer(t *testing.T) *running {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{
		"KEYWRIGHT_PUBLIC_URL": "http://" + addr, "KEYWRIGHT_LISTEN": addr, "KEYWRIGHT_METRICS_LISTEN": "off",
		"KEYWRIGHT_DATABASE": testkit.SQLite(t).DSN,
	}
	cfg, problems := config.Load("", func(name string) string { return env[name] })
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	s, err := server.Open(t.Context(), server.Options{Config: cfg, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	r := &running{TB: t, rules: s.Authority(), url: "http://" + addr}
	code, _, err := s.OpenSetUp(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first := authority.FirstAccount{Code: code.Reveal(), Email: testkit.Admin, Name: "Ana Ruiz", Password: testkit.Password}
	if _, r.by, err = r.rules.SetUp(t.Context(), first, testkit.Origin()); err != nil {
		t.Fatal(err)
	}
	return r
}

// workspace makes one under the standard policy, changed as the test needs it.
func (r *running) workspace(slug string, change func(*token.Policy)) {
	r.Helper()
	w := authority.NewWorkspace{Slug: slug, Name: slug, Preset: token.Standard}
	if _, err := r.rules.CreateWorkspace(r.Context(), r.by, w); err != nil {
		r.Fatal(err)
	}
	policy, _ := token.Standard.Policy()
	change(&policy)
	if _, err := r.rules.SetPolicy(r.Context(), r.by, slug, policy); err != nil {
		r.Fatal(err)
	}
}

func (r *running) issuer(ws string) string { return r.url + "/w/" + ws }

func (r *running) app(ws, keys string) client {
	r.Helper()
	app, secret, err := r.rules.CreateApp(r.Context(), r.by, ws, authority.NewApp{Name: "Warehouse", Scopes: []string{"odata:read", token.ScopeIntrospect}, Keys: keys})
	if err != nil {
		r.Fatal(err)
	}
	return client{app.ID, secret.Reveal()}
}

func (r *running) oauthToken(ws string) (id, access, refresh string) {
	r.Helper()
	days := 30
	made, issued, err := r.rules.CreateOAuthToken(r.Context(), r.by, ws, authority.NewOAuthToken{Name: "Laptop " + rand.Text(), LifetimeDays: &days})
	if err != nil {
		r.Fatal(err)
	}
	return made.ID, issued.AccessToken.Reveal(), issued.RefreshToken.Reveal()
}

func (r *running) pat(ws string, scopes ...string) string {
	r.Helper()
	name, days := "ci "+rand.Text(), 30
	if scopes == nil {
		scopes = []string{"odata:read"}
	}
	_, secret, err := r.rules.CreateToken(r.Context(), r.by, ws, authority.NewToken{Request: token.Request{
		Name: &name, Scopes: &scopes, Expiry: token.Choice{LifetimeDays: &days},
	}})
	if err != nil {
		r.Fatal(err)
	}
	return secret.Reveal()
}

// verify asks as a gateway does.
func (r *running) verify(ws, presented string) int {
	r.Helper()
	return r.get(r.url+"/verify?workspace="+ws+"&scope=odata:read", presented).status
}

func (r *running) get(address, bearer string) reply {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, address, nil)
	if err != nil {
		r.Fatal(err)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	return r.send(req)
}

func (r *running) post(address string, form url.Values) reply {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		r.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r.send(req)
}

func (r *running) send(req *http.Request) reply {
	r.Helper()
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		r.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		r.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, string(b)}
}

// clientKey is a key pair for an algorithm, as programs in JavaScript take it.
func clientKey(t testing.TB, a token.Algorithm) (private json.RawMessage, public string) {
	t.Helper()
	var key any
	var err error
	switch a {
	case token.RS256:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case token.EdDSA:
		_, key, err = ed25519.GenerateKey(nil)
	default:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	pair := jose.JSONWebKey{Key: key, KeyID: "laptop", Algorithm: string(a), Use: "sig"}
	if private, err = pair.MarshalJSON(); err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{pair.Public()}})
	if err != nil {
		t.Fatal(err)
	}
	return private, string(set)
}

// node runs one of the programs in internal/testkit/npm.
func node(t testing.TB, program string, site any) {
	t.Helper()
	bin, file := testkit.Node(t, program)
	argument, err := json.Marshal(site)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, bin, "--no-warnings", file, string(argument))
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil || !strings.HasSuffix(out.String(), "ok\n") {
		t.Errorf("%s: %v\n%s", program, err, out.String())
	}
}

func algorithmWorkspace(a token.Algorithm) string { return "signs-" + strings.ToLower(string(a)) }

// startWithAll has a workspace for each algorithm.
func startWithAll(t *testing.T) *running {
	t.Helper()
	r := startServer(t)
	for _, a := range token.Algorithms() {
		r.workspace(algorithmWorkspace(a), func(p *token.Policy) { p.Signing.Algorithm = a })
	}
	return r
}

func TestGosOAuthClientWorksAsItIs(t *testing.T) {
	r := startWithAll(t)
	for _, a := range token.Algorithms() {
		t.Run(string(a), func(t *testing.T) {
			ws := algorithmWorkspace(a)
			c := r.app(ws, "")
			for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleAutoDetect, oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams} {
				cc := clientcredentials.Config{ClientID: c.id, ClientSecret: c.secret, TokenURL: r.url + "/oauth2/token", Scopes: []string{"odata:read"}, AuthStyle: style}
				got, err := cc.Token(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if got.Type() != "Bearer" || !got.Valid() || got.RefreshToken != "" || got.Extra("scope") != "odata:read" || time.Until(got.Expiry) > time.Hour {
					t.Errorf("style %d: %v", style, got)
				}
				res, err := cc.Client(t.Context()).Get(r.url + "/verify?workspace=" + ws + "&scope=odata:read")
				if err != nil {
					t.Fatal(err)
				}
				if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusOK {
					t.Errorf("style %d: %v %v", style, res.Status, err)
				}
				cc.ClientSecret = "wrong"
				var refused *oauth2.RetrieveError
				if _, err := cc.Token(t.Context()); !errors.As(err, &refused) || refused.ErrorCode != "invalid_client" || refused.Response.StatusCode != http.StatusUnauthorized {
					t.Errorf("style %d, wrong secret: %v", style, err)
				}
			}
			_, access, refresh := r.oauthToken(ws)
			people := oauth2.Config{ClientID: token.UserClient, Endpoint: oauth2.Endpoint{TokenURL: r.url + "/oauth2/token"}}
			source := people.TokenSource(t.Context(), &oauth2.Token{AccessToken: access, RefreshToken: refresh, Expiry: time.Now().Add(-time.Minute)})
			got, err := source.Token()
			if err != nil || got.AccessToken == access || got.RefreshToken == refresh || got.RefreshToken == "" || r.verify(ws, got.AccessToken) != http.StatusOK {
				t.Errorf("refresh: %v %v", got, err)
			}
		})
	}
}

// TestAResourceServerThatHasOnlyTheKeySet is an offline verifier with go-jose: it takes what was issued and
// nothing else, and it goes on taking what was stopped, until that expires.
func TestAResourceServerThatHasOnlyTheKeySet(t *testing.T) {
	r := startWithAll(t)
	_, foreign, _ := r.oauthToken(algorithmWorkspace(token.RS256))
	for _, a := range token.Algorithms() {
		t.Run(string(a), func(t *testing.T) {
			ws := algorithmWorkspace(a)
			jwks := r.get(r.issuer(ws)+"/jwks.json", "").body
			id, access, _ := r.oauthToken(ws)
			now := time.Now()
			check := func(presented string, at time.Time) error {
				claims, err := offlineFor(r.issuer(ws), jwks, presented, at)
				if err == nil && claims["client_id"] != token.UserClient {
					err = fmt.Errorf("claims %v", claims)
				}
				return err
			}
			if err := check(access, now); err != nil {
				t.Error(err)
			}
			parts := strings.Split(access, ".")
			for what, presented := range map[string]string{
				"another workspace's": foreign, "another payload": parts[0] + "." + strings.Split(foreign, ".")[1] + "." + parts[2],
				"no signature": parts[0] + "." + parts[1] + ".", "cut": access[:len(access)-4],
			} {
				if ws == algorithmWorkspace(token.RS256) && what == "another workspace's" {
					continue
				}
				if check(presented, now) == nil {
					t.Errorf("%s is taken", what)
				}
			}
			if _, err := r.rules.DisableOAuthToken(t.Context(), r.by, ws, id); err != nil {
				t.Fatal(err)
			}
			if got := r.verify(ws, access); got != http.StatusUnauthorized {
				t.Errorf("a live check after it was disabled: %d", got)
			}
			if err := check(access, now); err != nil {
				t.Errorf("offline, nobody can know: %v", err)
			}
			if check(access, now.Add(time.Hour+time.Second)) == nil {
				t.Error("it is taken after an hour")
			}
		})
	}
}

// TestAClientFindsFromAChallengeToATokenThatOpensTheAPI knows the address of the API alone: the challenge leads to
// the metadata, that to the issuer, that to the token endpoint; what comes from there opens this API and no other.
func TestAClientFindsFromAChallengeToATokenThatOpensTheAPI(t *testing.T) {
	r := startServer(t)
	for _, ws := range []string{"acme", "other"} {
		r.workspace(ws, func(*token.Policy) {})
	}
	api := r.url + "/api/v1/workspaces/acme"
	_, hint, _ := strings.Cut(r.get(api+"/tokens", "").header.Get("WWW-Authenticate"), `resource_metadata="`)
	resource := r.get(strings.TrimSuffix(hint, `"`), "")
	if resource.status != http.StatusOK || resource.text("resource") != api {
		t.Fatalf("%d %s", resource.status, resource.body)
	}
	server := r.get(strings.Replace(texts(resource.json()["authorization_servers"])[0], "/w/", "/.well-known/oauth-authorization-server/w/", 1), "")
	get := func(resource string) string {
		t.Helper()
		got := r.post(server.text("token_endpoint"), url.Values{
			"grant_type": {exchange}, "subject_token": {r.pat("acme", token.ScopeManage, "odata:read")}, "subject_token_type": {typeAccess},
			"scope": {texts(r.get(strings.TrimSuffix(hint, `"`), "").json()["scopes_supported"])[0]}, "resource": {resource},
		})
		if got.status != http.StatusOK {
			t.Fatalf("%d %s", got.status, got.body)
		}
		return got.text("access_token")
	}
	access := get(api)
	if got := r.get(api+"/tokens", access); got.status != http.StatusOK {
		t.Errorf("the API: %d %s", got.status, got.body)
	}
	for what, x := range map[string]struct {
		address, presented string
		status             int
	}{
		"another workspace's API":         {r.url + "/api/v1/workspaces/other/tokens", access, 401},
		"what is of no workspace":         {r.url + "/api/v1/me", access, 401},
		"a gateway":                       {r.url + "/verify?workspace=acme", access, 401},
		"with a token for another API":    {api + "/tokens", get(r.url + "/api/v1/workspaces/other"), 401},
		"with a token for something else": {api + "/tokens", get("https://orders.example"), 401},
		"with a token for the workspace":  {api + "/tokens", get(""), 200},
	} {
		if got := r.get(x.address, x.presented); got.status != x.status {
			t.Errorf("%s: %d %s", what, got.status, got.body)
		}
	}
}

func TestJoseTakesWhatWasIssuedAndNothingElse(t *testing.T) {
	testkit.Node(t, "jose.mjs") // before a server is started for nothing
	r := startWithAll(t)
	_, foreign, _ := r.oauthToken(algorithmWorkspace(token.ES256))
	for _, a := range token.Algorithms() {
		t.Run(string(a), func(t *testing.T) {
			ws := algorithmWorkspace(a)
			r := &running{TB: t, rules: r.rules, by: r.by, url: r.url}
			c := r.app(ws, "")
			cc := clientcredentials.Config{ClientID: c.id, ClientSecret: c.secret, TokenURL: r.url + "/oauth2/token", Scopes: []string{"odata:read"}}
			good, err := cc.Token(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			cc.EndpointParams = map[string][]string{"resource": {"https://orders.example"}}
			elsewhere, err := cc.Token(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			parts := strings.Split(good.AccessToken, ".")
			bad := map[string]string{
				"for another resource": elsewhere.AccessToken, "a personal access token": r.pat(ws),
				"alg none":    "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." + parts[1] + ".",
				"another key": parts[0] + "." + parts[1] + "." + strings.Split(elsewhere.AccessToken, ".")[2],
			}
			if a != token.ES256 {
				bad["another workspace's"] = foreign
			}
			node(t, "jose.mjs", map[string]any{
				"issuer": r.issuer(ws), "jwks_uri": r.issuer(ws) + "/jwks.json", "algorithm": string(a),
				"good": map[string]string{"an app's": good.AccessToken}, "bad": bad,
			})
		})
	}
}

func TestOauth4webapiWorksAsItIs(t *testing.T) { withNode(t, "oauth4webapi.mjs") }
func TestOpenidClientWorksAsItIs(t *testing.T) { withNode(t, "openid-client.mjs") }

func withNode(t *testing.T, program string) {
	testkit.Node(t, program) // before a server is started for nothing
	r := startWithAll(t)
	for _, a := range token.Algorithms() {
		t.Run(string(a), func(t *testing.T) {
			private, public := clientKey(t, a)
			ws := algorithmWorkspace(a)
			r := &running{TB: t, rules: r.rules, by: r.by, url: r.url}
			c := r.app(ws, public)
			_, _, refresh := r.oauthToken(ws)
			node(t, program, map[string]any{
				"issuer": r.issuer(ws), "client_id": c.id, "client_secret": c.secret, "private_jwk": private,
				"refresh_token": refresh, "pat": r.pat(ws),
			})
		})
	}
}

// TestTheLinesOfTheDocumentationWork runs docs/oauth.md from top to bottom.
func TestTheLinesOfTheDocumentationWork(t *testing.T) {
	curl := testkit.Need(t, "curl")
	text, err := os.ReadFile("../../docs/oauth.md")
	if err != nil {
		t.Fatal(err)
	}
	r := startServer(t)
	r.workspace("acme", func(*token.Policy) {})
	c := r.app("acme", "")
	_, _, refresh := r.oauthToken("acme")
	pat := r.pat("acme")
	wants := []string{`"access_token":"ey`, `"refresh_token":"kw_rt_`, `"issued_token_type":"` + typeAccess, `"active":true`, ""}
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) != len(wants) {
		t.Fatalf("%d examples", len(blocks))
	}
	for i, block := range blocks {
		line := strings.ReplaceAll(block[1], "https://tokens.example.com", r.url)
		line = strings.Replace(line, "curl", curl+" -sS --fail-with-body", 1)
		cmd := exec.CommandContext(t.Context(), "/bin/sh", "-ec", line)
		cmd.Env = []string{"CLIENT_ID=" + c.id, "CLIENT_SECRET=" + c.secret, "REFRESH_TOKEN=" + refresh, "TOKEN=" + pat}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), wants[i]) || wants[i] == "" && len(out) > 0 {
			t.Errorf("%s\n%v\n%s", block[1], err, out)
		}
	}
	if got := r.verify("acme", pat); got != http.StatusUnauthorized {
		t.Errorf("after the last one, the token is answered with %d", got)
	}
	for _, m := range regexp.MustCompile("`(/(?:w/|\\.well-known)[^`]+)`").FindAllStringSubmatch(string(text), -1) {
		if got := r.get(r.url+m[1], ""); got.status != http.StatusOK {
			t.Errorf("%s: %d", m[1], got.status)
		}
	}
}
