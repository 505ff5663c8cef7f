package authority_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

func TestAClientIsWhoItsSecretSays(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		c := p.app(t, standard, "nightly", "odata:read")
		got := p.authenticated(t, c)
		v, err := p.Enter(t.Context(), p.admin, standard)
		wantOK(t, err)
		if got.ID != c.ID || got.WorkspaceID != v.ID || got.Workspace != standard || got.Scopes.String() != "odata:read" || got.Epoch != c.Epoch {
			t.Errorf("authenticated %+v", got)
		}
	})
}

// wantSameRefusal expects each error to be word for word the one refusal of clients.
func wantSameRefusal(t *testing.T, errs map[string]error) {
	t.Helper()
	first := ""
	for what, err := range errs {
		f := fault.From(err)
		if f.Kind != fault.Unauthenticated || f.Code != api.CodeInvalidClient || len(f.Fields) > 0 || f.RetryAfter != 0 {
			t.Errorf("%s: %v", what, err)
		}
		if first == "" {
			first = f.Detail
		}
		if f.Detail != first {
			t.Errorf("%s: %q, and another got %q", what, f.Detail, first)
		}
	}
}

func TestUnknownDisabledAndDeletedClientsAndWrongSecretsAreToldTheSame(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		ctx := t.Context()
		good, other := p.app(t, standard, "good", "odata:read"), p.app(t, standard, "other", "odata:read")
		disabled, deleted := p.app(t, standard, "disabled"), p.app(t, standard, "deleted")
		_, pat := p.made(t, p.dev, standard, plain(standard, "pat"))
		jwt := p.granted(t, good).AccessToken
		for _, c := range []client{good, other, disabled, deleted} {
			p.authenticated(t, c) // each is in memory
		}
		_, err := p.DisableApp(ctx, p.admin, standard, disabled.ID)
		wantOK(t, err)
		wantOK(t, p.DeleteApp(ctx, p.admin, standard, deleted.ID))

		errs := map[string]error{}
		for what, auth := range map[string]authority.ClientAuth{
			"unknown client":            {ID: token.NewID(token.AppID, p.Clock.Now()), Secret: p.Format.New(token.KindApp)},
			"malformed id":              {ID: "x", Secret: good.secret},
			"no id":                     {Secret: good.secret},
			"no secret":                 {ID: good.ID},
			"nothing":                   {},
			"wrong secret":              {ID: good.ID, Secret: p.Format.New(token.KindApp)},
			"malformed secret":          {ID: good.ID, Secret: token.SecretOf("hunter2")},
			"another client's secret":   {ID: good.ID, Secret: other.secret},
			"disabled":                  disabled.auth(),
			"deleted":                   deleted.auth(),
			"a personal access token":   {ID: good.ID, Secret: pat},
			"its owner's id":            {ID: p.dev.User.ID, Secret: pat},
			"its own access token":      {ID: good.ID, Secret: jwt},
			"unknown with an assertion": {Assertion: "a.b.c"},
			"no keys":                   {Assertion: newAsserter(t, good.ID).sign(t, p, nil)},
			"assertion, unknown client": {Assertion: newAsserter(t, token.NewID(token.AppID, p.Clock.Now())).sign(t, p, nil)},
			"assertion, no client id":   {Assertion: newAsserter(t, "user-tokens").sign(t, p, nil)},
		} {
			_, errs[what] = p.Client(ctx, auth, token.Origin{})
		}
		wantSameRefusal(t, errs)

		_, err = p.ActivateApp(ctx, p.admin, standard, disabled.ID)
		wantOK(t, err)
		p.authenticated(t, disabled)
	})
}

func TestClientsThatFailAreThrottledByAddressAndGoodOnesNever(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		c := p.app(t, standard, "nightly", "odata:read")
		keys := newAsserter(t, c.ID)
		p.setKeys(t, c.ID, keys)
		from := token.Origin{Address: netip.MustParseAddr("192.0.2.1")}
		wrong := []authority.ClientAuth{
			{ID: c.ID, Secret: p.Format.New(token.KindApp)},
			{ID: c.ID, Secret: token.SecretOf("x")},
			{ID: "x", Secret: c.secret},
			{Assertion: "a.b.c"},
			{Assertion: newAsserter(t, c.ID).sign(t, p, nil)},
		}
		for i := range 100 {
			_, err := p.Client(t.Context(), wrong[i%len(wrong)], from)
			wantCode(t, err, api.CodeInvalidClient)
		}
		for _, auth := range wrong {
			_, err := p.Client(t.Context(), auth, from)
			wantCode(t, err, api.CodeThrottled)
			if fault.From(err).RetryAfter <= 0 {
				t.Error("nobody says how long to wait")
			}
			// A trusted proxy that does not say whom it speaks for is not throttled for all of them.
			_, err = p.Client(t.Context(), auth, token.Origin{Address: from.Address, Proxy: true})
			wantCode(t, err, api.CodeInvalidClient)
		}
		for _, auth := range []authority.ClientAuth{c.auth(), {Assertion: keys.sign(t, p, nil)}} {
			_, err := p.Client(t.Context(), auth, from)
			wantOK(t, err)
		}
	})
}

// asserter makes assertions of a client.
type asserter struct {
	id  string
	key *keyring.Key
}

func newAsserter(t testing.TB, id string) asserter {
	t.Helper()
	key, err := keyring.NewKey("key-1", token.ES256)
	wantOK(t, err)
	return asserter{id, key}
}

// sign makes an assertion that is good now, apart from what differs; nil leaves a claim out.
func (a asserter) sign(t testing.TB, p *place, differs map[string]any) string {
	t.Helper()
	now := p.Clock.Now().Unix()
	claims := map[string]any{
		"iss": a.id, "sub": a.id, "aud": testkit.Issuer(standard), "iat": now, "exp": now + 60, "jti": token.RandomText(20).Reveal(),
	}
	for name, value := range differs {
		claims[name] = value
		if value == nil {
			delete(claims, name)
		}
	}
	jwt, err := a.key.Sign("JWT", claims)
	wantOK(t, err)
	return jwt
}

func (p *place) setKeys(t testing.TB, id string, a asserter) {
	t.Helper()
	public, err := a.key.Public()
	wantOK(t, err)
	jwks := string(keyring.JWKS([]string{public}))
	_, err = p.ChangeApp(t.Context(), p.recent(p.admin), standard, id, authority.AppChange{Keys: &jwks})
	wantOK(t, err)
}

const endpoint = "https://keywright.example/oauth2/token"

func TestAnAssertionIsHeldToRFC7523(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		c, other := p.app(t, standard, "nightly", "odata:read"), p.app(t, standard, "other", "odata:read")
		keys := newAsserter(t, c.ID)
		p.setKeys(t, c.ID, keys)
		now := p.Clock.Now().Unix()
		try := func(differs map[string]any) error {
			got, err := p.Client(t.Context(), authority.ClientAuth{Assertion: keys.sign(t, p, differs), Audiences: []string{endpoint}}, testkit.Origin())
			if err == nil && (got.ID != c.ID || got.Workspace != standard || got.WorkspaceID == "" || got.Scopes.String() != "odata:read") {
				t.Errorf("authenticated %+v", got)
			}
			return err
		}
		for what, good := range map[string]map[string]any{
			"plain": nil, "the endpoint's address": {"aud": endpoint}, "one of several": {"aud": []string{"https://other.example", endpoint}},
			"5 minutes": {"exp": now + 300}, "5 minutes by a fast clock": {"exp": now + 330, "iat": now + 30, "nbf": now + 30},
			"about to end": {"exp": now + 1}, "no iat": {"iat": nil}, "long ago": {"iat": now - 3000, "nbf": now - 3000},
			"longest jti": {"jti": strings.Repeat("j", 256)}, "a fraction": {"exp": float64(now) + 60.5},
		} {
			if err := try(good); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		for what, bad := range map[string]map[string]any{
			"another issuer": {"iss": other.ID}, "no issuer": {"iss": nil}, "another subject": {"sub": other.ID}, "no subject": {"sub": nil},
			"no audience": {"aud": nil}, "empty audience": {"aud": ""}, "another audience": {"aud": "https://other.example"},
			"another workspace": {"aud": testkit.Issuer(oauth)}, "nearly": {"aud": endpoint + "/"},
			"no exp": {"exp": nil}, "exp 0": {"exp": 0}, "expired": {"exp": now}, "long expired": {"exp": now - 3600}, "too far": {"exp": now + 331}, "exp as text": {"exp": "soon"},
			"not yet": {"nbf": now + 31}, "from the future": {"iat": now + 31},
			"no jti": {"jti": nil}, "empty jti": {"jti": ""}, "long jti": {"jti": strings.Repeat("j", 257)},
		} {
			err := try(bad)
			if wantCode(t, err, api.CodeInvalidClient); err == nil {
				t.Errorf("%s was taken", what)
			}
			if f := fault.From(err); f.Kind != fault.Unauthenticated || strings.Contains(f.Detail, c.ID) {
				t.Errorf("%s: %+v", what, f)
			}
		}
	})
}

func TestAClientSaysWhoItIsInOneWay(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		c, other := p.app(t, standard, "nightly", "odata:read"), p.app(t, standard, "other", "odata:read")
		keys := newAsserter(t, c.ID)
		p.setKeys(t, c.ID, keys)
		try := func(auth authority.ClientAuth) error {
			_, err := p.Client(t.Context(), auth, testkit.Origin())
			return err
		}
		wantOK(t, try(authority.ClientAuth{ID: c.ID, Assertion: keys.sign(t, p, nil)}))
		wantCode(t, try(authority.ClientAuth{ID: other.ID, Assertion: keys.sign(t, p, nil)}), api.CodeInvalidClient)
		both := authority.ClientAuth{ID: c.ID, Secret: c.secret, Assertion: keys.sign(t, p, nil)}
		wantCode(t, try(both), api.CodeInvalidRequest)
		// It was not looked at, so it is not used up.
		wantOK(t, try(authority.ClientAuth{Assertion: both.Assertion}))

		// Its keys can be taken away, and another's keys are not its own.
		stranger := newAsserter(t, c.ID)
		wantCode(t, try(authority.ClientAuth{Assertion: stranger.sign(t, p, nil)}), api.CodeInvalidClient)
		_, err := p.ChangeApp(t.Context(), p.recent(p.admin), standard, c.ID, authority.AppChange{Keys: new("")})
		wantOK(t, err)
		wantCode(t, try(authority.ClientAuth{Assertion: keys.sign(t, p, nil)}), api.CodeInvalidClient)
		wantOK(t, try(c.auth()))
	})
}

func TestAnAssertionIsGoodOnceAlsoAtTheSameMomentAndAfterARestart(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		c, other := p.app(t, standard, "nightly", "odata:read"), p.app(t, standard, "other", "odata:read")
		keys, theirs := newAsserter(t, c.ID), newAsserter(t, other.ID)
		p.setKeys(t, c.ID, keys)
		p.setKeys(t, other.ID, theirs)
		now := p.Clock.Now().Unix()
		assertion := keys.sign(t, p, map[string]any{"jti": "one", "exp": now + 300})
		try := func(a *authority.Authority, text string) error {
			_, err := a.Client(t.Context(), authority.ClientAuth{Assertion: text}, testkit.Origin())
			return err
		}
		got := together(crowd, func(int) error { return try(p.Authority, assertion) })
		wantCounts(t, got, map[api.Code]int{ok: 1, api.CodeInvalidClient: crowd - 1})

		restarted := p.restarted()
		for range 3 {
			wantCode(t, try(restarted, assertion), api.CodeInvalidClient)
			p.Clock.Advance(99 * time.Second) // to 3 seconds before its end
			wantOK(t, p.Sweep(t.Context()))
		}
		// The same jti in another assertion is the same; of another client it is not.
		wantCode(t, try(p.Authority, keys.sign(t, p, map[string]any{"jti": "one"})), api.CodeInvalidClient)
		wantOK(t, try(p.Authority, theirs.sign(t, p, map[string]any{"jti": "one"})))
		// What was refused for another reason is not used up.
		wantCode(t, try(p.Authority, keys.sign(t, p, map[string]any{"jti": "two", "exp": nil})), api.CodeInvalidClient)
		wantOK(t, try(p.Authority, keys.sign(t, p, map[string]any{"jti": "two"})))
	})
}

func TestScopesAreNarrowedAndNeverWidened(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		p.scopesOf(t, "a", "b", "c", "d")
		c := p.authenticated(t, p.app(t, standard, "nightly", "a", "b", "c"))
		for _, good := range []struct {
			asked authority.GrantRequest
			want  string
		}{
			{asked(), "a b c"}, {asked("b"), "b"}, {asked("c", "a"), "a c"}, {asked("a", "b", "c"), "a b c"},
		} {
			got, err := p.ClientCredentials(t.Context(), c, good.asked)
			wantOK(t, err)
			if got.Scopes.String() != good.want || said(t, got.AccessToken).Scope != good.want {
				t.Errorf("asked for %v, got %v", good.asked.Scopes, got.Scopes)
			}
		}
		for _, bad := range []authority.GrantRequest{asked("d"), asked("a", "d"), asked("x"), asked(token.ScopeAdmin), {Narrowed: true}, {Scopes: token.Scopes{"d"}}} {
			_, err := p.ClientCredentials(t.Context(), c, bad)
			wantCode(t, err, api.CodeInvalidScope)
			if f := fault.From(err); f.Kind != fault.BadRequest {
				t.Errorf("refused by %+v", f)
			}
		}
		// What the app loses, its tokens lose; what it wins, they don't have.
		got := p.granted(t, p.app(t, standard, "second", "a", "b"))
		_, err := p.ChangeApp(t.Context(), p.recent(p.admin), standard, said(t, got.AccessToken).SourceID, authority.AppChange{Scopes: &[]string{"b", "d"}})
		wantOK(t, err)
		p.wantGood(t, got.AccessToken, standard, "b")
		for _, lost := range []string{"a", "d"} {
			wantCode(t, p.check(got.AccessToken, standard, lost), api.CodeScopeMissing)
		}
	})
}

func TestAnAppWithoutScopesGetsATokenWithoutScopes(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		got := p.granted(t, p.app(t, standard, "nightly"))
		if len(got.Scopes) != 0 || said(t, got.AccessToken).Scope != "" {
			t.Errorf("got %v", got.Scopes)
		}
		p.wantGood(t, got.AccessToken, standard)
		wantCode(t, p.check(got.AccessToken, standard, "odata:read"), api.CodeScopeMissing)
	})
}

func TestAnAppThatIsDisabledBetweenProofAndTokenGetsADeadToken(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		c := p.app(t, standard, "nightly", "odata:read")
		proven := p.authenticated(t, c)
		_, err := p.DisableApp(t.Context(), p.admin, standard, c.ID)
		wantOK(t, err)
		late, err := p.ClientCredentials(t.Context(), proven, asked())
		wantOK(t, err)
		p.wantStopped(t, late.AccessToken, standard)
		_, err = p.ActivateApp(t.Context(), p.admin, standard, c.ID)
		wantOK(t, err)
		p.wantStopped(t, late.AccessToken, standard)
		p.wantGood(t, p.granted(t, c).AccessToken, standard, "odata:read")
	})
}

func TestIssuingToAnAppIsCountedAsUseAndWritesNothingElse(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		c := p.app(t, standard, "nightly", "odata:read")
		keys := newAsserter(t, c.ID)
		p.setKeys(t, c.ID, keys)
		p.granted(t, c) // makes the signing key
		wantOK(t, p.Checks.Flush(t.Context()))
		tables := []string{"audit_events", "apps", "app_secrets", "oauth_tokens", "refresh_tokens", "signing_keys", "stopped_access", "usage_days", "form_nonces"}
		before := dump(t, p.raw(t), tables...)
		for range 5 {
			p.granted(t, c)
		}
		if after := dump(t, p.raw(t), tables...); after != before {
			t.Errorf("issuing wrote\n%s\nwhere there was\n%s", after, before)
		}
		p.Clock.Advance(time.Minute)
		_, err := p.Client(t.Context(), authority.ClientAuth{Assertion: keys.sign(t, p, nil)}, testkit.Origin())
		wantOK(t, err)
		got, err := p.App(t.Context(), p.admin, standard, c.ID)
		wantOK(t, err)
		wantTime(t, "last use", got.LastUsedAt, p.Clock.Now())
		if fmt.Sprint(got.LastUsedIP) != fmt.Sprint(testkit.Origin().Address) {
			t.Errorf("last used from %v", got.LastUsedIP)
		}
		use, err := p.Usage(t.Context(), p.admin, standard, c.ID, 1)
		wantOK(t, err)
		if n := use.Days[0].Requests; n != 7 { // six secrets and an assertion
			t.Errorf("%d uses are counted, want 7", n)
		}
	})
}
