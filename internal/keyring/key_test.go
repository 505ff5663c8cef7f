package keyring_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/token"
)

func newKey(t testing.TB, id string, alg token.Algorithm) *keyring.Key {
	t.Helper()
	k, err := keyring.NewKey(id, alg)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func publicOf(t testing.TB, k *keyring.Key) string {
	t.Helper()
	jwk, err := k.Public()
	if err != nil {
		t.Fatal(err)
	}
	return jwk
}

func verifier(t testing.TB, k *keyring.Key) keyring.PublicKey {
	t.Helper()
	p, err := keyring.ParsePublic(publicOf(t, k))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func sign(t testing.TB, k *keyring.Key, typ string, claims any) string {
	t.Helper()
	jws, err := k.Sign(typ, claims)
	if err != nil {
		t.Fatal(err)
	}
	return jws
}

// joseOf is the private key as go-jose has it, to sign what Key.Sign never would.
func joseOf(t testing.TB, k *keyring.Key) jose.JSONWebKey {
	t.Helper()
	private, err := k.Private()
	if err != nil {
		t.Fatal(err)
	}
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(private); err != nil {
		t.Fatal(err)
	}
	return jwk
}

// forge signs any payload under any header.
func forge(t testing.TB, key jose.SigningKey, headers map[jose.HeaderKey]any, payload string) string {
	t.Helper()
	signer, err := jose.NewSigner(key, &jose.SignerOptions{ExtraHeaders: headers})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func TestWhatAKeySignsItsPublicHalfVerifies(t *testing.T) {
	for _, alg := range token.Algorithms() {
		t.Run(string(alg), func(t *testing.T) {
			k := newKey(t, "key_1", alg)
			want := *benchClaims()
			for range 20 { // an ES256 signature has a leading zero now and then
				jws := sign(t, k, keyring.AccessType, want)
				var got token.Claims
				if err := verifier(t, k).Verify(jws, keyring.AccessType, &got); err != nil || got != want {
					t.Fatalf("%+v, %v", got, err)
				}
				// Others can, too.
				parsed, err := jose.ParseSignedCompact(jws, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
				if err != nil {
					t.Fatal(err)
				}
				private := joseOf(t, k)
				if _, err := parsed.Verify(private.Public()); err != nil {
					t.Fatal(err)
				}
				if h := parsed.Signatures[0].Protected; h.KeyID != "key_1" || h.Algorithm != string(alg) || h.ExtraHeaders["typ"] != "at+jwt" {
					t.Errorf("header %+v", h)
				}
			}
		})
	}
}

func TestAKeptKeySignsAsBefore(t *testing.T) {
	for _, alg := range token.Algorithms() {
		k := newKey(t, "key_1", alg)
		private, err := k.Private()
		if err != nil {
			t.Fatal(err)
		}
		again, err := keyring.ParseKey(private)
		if err != nil || again.ID != k.ID || again.Algorithm != alg {
			t.Fatalf("%s: %+v, %v", alg, again, err)
		}
		var c token.Claims
		if err := verifier(t, k).Verify(sign(t, again, "x", benchClaims()), "x", &c); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
	}
}

func TestAPublicKeyHasNoPrivateHalf(t *testing.T) {
	for _, alg := range token.Algorithms() {
		k := newKey(t, "key_1", alg)
		var members map[string]any
		if err := json.Unmarshal([]byte(publicOf(t, k)), &members); err != nil {
			t.Fatal(err)
		}
		if members["kid"] != "key_1" || members["alg"] != string(alg) || members["use"] != "sig" {
			t.Errorf("%v", members)
		}
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
			if members[private] != nil {
				t.Errorf("%s: %s is published", alg, private)
			}
		}
		var set jose.JSONWebKeySet
		if err := json.Unmarshal(keyring.JWKS([]string{publicOf(t, k), publicOf(t, newKey(t, "key_2", token.ES256))}), &set); err != nil || len(set.Keys) != 2 {
			t.Errorf("%v, %v", set, err)
		}
		if _, err := keyring.ParseKey([]byte(publicOf(t, k))); err == nil {
			t.Error("a public key was taken for one that signs")
		}
	}
	if empty := string(keyring.JWKS(nil)); empty != `{"keys":[]}` {
		t.Error(empty)
	}
	if _, err := keyring.NewKey("key_1", "HS256"); err == nil {
		t.Error("a symmetric key was made")
	}
}

const signedPayload = `{"sub":"usr_1"}`

// forgeries are the ways in which a token may try to choose how it is looked at.
func forgeries(t *testing.T, k, other *keyring.Key) map[string]string {
	alg, own, public := k.Algorithm, joseOf(t, k), publicOf(t, k)
	ours := jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: own}
	typ := map[jose.HeaderKey]any{"typ": "at+jwt"}
	with := func(key jose.HeaderKey, value any) map[jose.HeaderKey]any {
		return map[jose.HeaderKey]any{"typ": "at+jwt", key: value}
	}
	const payload = signedPayload
	good := forge(t, ours, typ, payload)
	part := strings.Split(good, ".")
	macked := encode(`{"alg":"HS256","kid":"key_1","typ":"at+jwt"}`) + "." + encode(payload)
	mac := hmac.New(sha256.New, []byte(public))
	mac.Write([]byte(macked))
	unnamed := own
	unnamed.KeyID = ""
	cases := map[string]string{
		"nothing":                       "",
		"alg none":                      encode(`{"alg":"none","kid":"key_1","typ":"at+jwt"}`) + "." + part[1] + ".",
		"no alg":                        encode(`{"kid":"key_1","typ":"at+jwt"}`) + "." + part[1] + "." + part[2],
		"HS256 with the public key":     macked + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)),
		"another key of the same id":    forge(t, jose.SigningKey{Algorithm: ours.Algorithm, Key: joseOf(t, other)}, typ, payload),
		"another kid":                   forge(t, ours, with("kid", "key_2"), payload),
		"no kid":                        forge(t, jose.SigningKey{Algorithm: ours.Algorithm, Key: unnamed}, typ, payload),
		"another typ":                   forge(t, ours, map[jose.HeaderKey]any{"typ": "JWT"}, payload),
		"no typ":                        forge(t, ours, nil, payload),
		"crit":                          forge(t, ours, with("crit", []string{"b64"}), payload),
		"an empty crit":                 forge(t, ours, with("crit", []string{}), payload),
		"a null crit":                   forge(t, ours, with("crit", nil), payload),
		"b64":                           forge(t, ours, with("b64", true), payload),
		"jku":                           forge(t, ours, with("jku", "https://evil.example.com/jwks"), payload),
		"x5u":                           forge(t, ours, with("x5u", "https://evil.example.com/x5u"), payload),
		"x5c":                           forge(t, ours, with("x5c", []string{}), payload),
		"a key of its own":              forge(t, jose.SigningKey{Algorithm: ours.Algorithm, Key: joseOf(t, other)}, with("jwk", json.RawMessage(publicOf(t, other))), payload),
		"this key as a key of its own":  forge(t, ours, with("jwk", json.RawMessage(public)), payload),
		"no signature":                  part[0] + "." + part[1] + ".",
		"two parts":                     part[0] + "." + part[1],
		"four parts":                    good + "." + part[2],
		"a detached payload":            part[0] + ".." + part[2],
		"another payload":               part[0] + "." + encode(`{"sub":"usr_2"}`) + "." + part[2],
		"padding":                       good + "=",
		"a line end":                    good + "\n",
		"a line end inside":             part[0] + "." + part[1] + "\r\n." + part[2],
		"a space before":                " " + good,
		"trailing garbage":              good + "AA",
		"several signatures":            `{"payload":"` + part[1] + `","signatures":[{"protected":"` + part[0] + `","signature":"` + part[2] + `"}]}`,
		"a payload that is no object":   forge(t, ours, typ, `"usr_1"`),
		"a payload with garbage behind": forge(t, ours, typ, payload+"{}"),
		"a claim twice":                 forge(t, ours, typ, `{"sub":"usr_1","sub":"usr_2"}`),
		"a header twice":                encode(`{"alg":"`+string(alg)+`","kid":"key_2","kid":"key_1","typ":"at+jwt"}`) + "." + part[1] + "." + part[2],
		"a header that is no object":    encode(`"x"`) + "." + part[1] + "." + part[2],
		"a long header":                 forge(t, ours, with("x", strings.Repeat("x", 1000)), payload),
		"too long":                      forge(t, ours, typ, `{"sub":"`+strings.Repeat("x", token.MaxPresented)+`"}`),
	}
	if alg == token.RS256 {
		cases["PS256 by the same key"] = forge(t, jose.SigningKey{Algorithm: jose.PS256, Key: own}, typ, payload)
		cases["RS512 by the same key"] = forge(t, jose.SigningKey{Algorithm: jose.RS512, Key: own}, typ, payload)
	}
	if loose, ok := uncanonical(part[2]); ok {
		cases["base64 that is not canonical"] = part[0] + "." + part[1] + "." + loose
	}
	return cases
}

func TestOnlyTheKeysOwnAlgorithmVerifies(t *testing.T) {
	for _, alg := range token.Algorithms() {
		k := newKey(t, "key_1", alg)
		p := verifier(t, k)
		var c token.Claims
		for _, same := range []string{"at+jwt", "application/at+jwt", "AT+JWT"} { // RFC 7515 section 4.1.9
			good := forge(t, signingKey(t, k), map[jose.HeaderKey]any{"typ": same}, signedPayload)
			if err := p.Verify(good, "at+jwt", &c); err != nil || c.Subject != "usr_1" {
				t.Errorf("%s: typ %s is refused: %v", alg, same, err)
			}
			if err := (keyring.PublicKey{}).Verify(good, "at+jwt", &c); err == nil {
				t.Error("no key verifies")
			}
		}
		for name, jws := range forgeries(t, k, newKey(t, "key_1", alg)) {
			if err := p.Verify(jws, "at+jwt", &c); err == nil {
				t.Errorf("%s: %s is accepted", alg, name)
			}
		}
		for _, another := range token.Algorithms() {
			if another != alg {
				if err := p.Verify(sign(t, newKey(t, "key_1", another), "at+jwt", &c), "at+jwt", &c); err == nil {
					t.Errorf("%s: %s is accepted", alg, another)
				}
			}
		}
	}
}

// uncanonical sets a bit of the last character that stands for nothing.
func uncanonical(part string) (string, bool) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	if len(part)%4 == 0 {
		return "", false
	}
	last := strings.IndexByte(alphabet, part[len(part)-1])
	return part[:len(part)-1] + string(alphabet[last|1]), last&1 == 0
}

func TestAHeaderIsReadWithoutBeingBelieved(t *testing.T) {
	k := newKey(t, "key_1", token.ES256)
	jws := sign(t, k, keyring.AccessType, benchClaims())
	if kid, ok := keyring.Header(jws); !ok || kid != "key_1" {
		t.Errorf("%q, %v", kid, ok)
	}
	for _, none := range []string{"", ".", "..", "a.b.c", "kw_pat_x", encode(`{"alg":"ES256"}`) + ".x.y", encode(`{"kid":"key_1"}`) + ".x.y"} {
		if kid, ok := keyring.Header(none); ok {
			t.Errorf("%q has the kid %q", none, kid)
		}
	}
}

func FuzzVerify(f *testing.F) {
	k := newKey(f, "key_1", token.ES256)
	p, claims := verifier(f, k), *benchClaims()
	good := sign(f, k, keyring.AccessType, claims)
	f.Add(good)
	f.Add(good + ".")
	f.Add(encode(`{"alg":"none"}`) + ".e30.")
	body := good[:strings.LastIndexByte(good, '.')]
	f.Fuzz(func(t *testing.T, jws string) {
		var got token.Claims
		if p.Verify(jws, keyring.AccessType, &got) == nil && !strings.HasPrefix(jws, body+".") {
			t.Errorf("verified what was never signed: %q", jws)
		}
	})
}

func FuzzHeader(f *testing.F) {
	f.Add(sign(f, newKey(f, "key_1", token.EdDSA), keyring.AccessType, benchClaims()))
	f.Add("e30.e30.")
	f.Fuzz(func(t *testing.T, jws string) {
		kid, ok := keyring.Header(jws)
		if ok && (kid == "" || strings.Count(jws, ".") != 2) {
			t.Errorf("%q has the kid %q", jws, kid)
		}
	})
}
