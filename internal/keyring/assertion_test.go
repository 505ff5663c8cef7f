package keyring_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/token"
)

func jwkText(t testing.TB, k jose.JSONWebKey) string {
	t.Helper()
	text, err := k.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func ecKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func set(keys ...string) string { return string(keyring.JWKS(keys)) }

func TestAnAppsKeysAreKeptInTheirCleanForm(t *testing.T) {
	ec := ecKey(t, elliptic.P256())
	bare := jwkText(t, jose.JSONWebKey{Key: ec.Public()})
	clean, problem := keyring.CheckKeys(bare) // one key alone
	if problem != "" {
		t.Fatal(problem)
	}
	var got jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(clean), &got); err != nil || len(got.Keys) != 1 {
		t.Fatalf("%s: %v", clean, err)
	}
	k := got.Keys[0]
	sum, err := k.Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	if k.KeyID != encode(string(sum)) || k.Algorithm != "ES256" || k.Use != "sig" {
		t.Errorf("%s", clean)
	}
	if again, problem := keyring.CheckKeys(clean); problem != "" || again != clean {
		t.Errorf("the clean form has another clean form: %s, %s", again, problem)
	}
	rest := strings.TrimSuffix(bare, "}") + `,"x5u":"https://example.com/","x5c":["AAAA"],"key_ops":["verify"],"x":1}`
	rest = strings.Replace(rest, `,"x":1}`, `}`, 1)
	if again, problem := keyring.CheckKeys(set(rest)); problem != "" || again != clean {
		t.Errorf("what is not needed is kept: %s, %s", again, problem)
	}
	for _, alg := range token.Algorithms() {
		if _, problem := keyring.CheckKeys(set(publicOf(t, newKey(t, "a", alg)), publicOf(t, newKey(t, "b", alg)))); problem != "" {
			t.Errorf("%s: %s", alg, problem)
		}
	}
	for _, curve := range []elliptic.Curve{elliptic.P384(), elliptic.P521()} {
		if _, problem := keyring.CheckKeys(set(jwkText(t, jose.JSONWebKey{Key: ecKey(t, curve).Public()}))); problem != "" {
			t.Error(problem)
		}
	}
}

func TestWhatAnAppMustNotGiveAsItsKeyIsRefused(t *testing.T) {
	k := newKey(t, "a", token.ES256)
	public := publicOf(t, k)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	even := rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2047), E: 65537}
	huge := rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 5000, 1), E: 65537}
	weak := rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 2047, 1), E: 4}
	rsaKey := newKey(t, "r", token.RS256)
	private := func(k *keyring.Key) string {
		text, err := k.Private()
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	edit := func(jwk, member, value string) string {
		var members map[string]json.RawMessage
		if err := json.Unmarshal([]byte(jwk), &members); err != nil {
			t.Fatal(err)
		}
		members[member] = json.RawMessage(value)
		text, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	var eleven []string
	for i := range 11 {
		eleven = append(eleven, edit(public, "kid", `"`+string(rune('a'+i))+`"`))
	}
	for name, c := range map[string]struct{ text, says string }{
		"nothing":               {"", "no key set"},
		"no JSON":               {"-----BEGIN PUBLIC KEY-----", "no key set"},
		"a list":                {"[" + public + "]", "no key set"},
		"garbage behind":        {set(public) + "x", "no key set"},
		"another set behind":    {set(public) + set(public), "no key set"},
		"no keys":               {`{"keys":[]}`, "1 to 10"},
		"no list":               {`{}`, "1 to 10"},
		"too many":              {set(eleven...), "1 to 10"},
		"too long":              {set(public) + strings.Repeat(" ", 16<<10), "16 KiB"},
		"null":                  {set("null"), "can't be read"},
		"a private key":         {set(public, private(k)), "Key 2: a private key"},
		"a private key alone":   {private(k), "a private key"},
		"a private RSA key":     {set(private(rsaKey)), "a private key"},
		"one member of it":      {set(edit(publicOf(t, rsaKey), "dp", `"AQ"`)), "a private key"},
		"an empty private half": {set(edit(public, "d", `null`)), "a private key"},
		"a symmetric key":       {set(`{"kty":"oct","k":"AAAA"}`), "symmetric"},
		"a kty of oct":          {set(edit(public, "kty", `"oct"`)), "symmetric"},
		"no kty":                {set(`{"crv":"P-256"}`), "can't be read"},
		"another curve":         {set(edit(public, "crv", `"secp256k1"`)), "can't be read"},
		"a point off the curve": {set(edit(public, "x", `"`+encode(strings.Repeat("x", 32))+`"`)), "can't be read"},
		"X25519":                {set(`{"kty":"OKP","crv":"X25519","x":"` + encode(strings.Repeat("x", 32)) + `"}`), "can't be read"},
		"a low-order point":     {set(`{"kty":"OKP","crv":"Ed25519","x":"` + encode(strings.Repeat("\x00", 32)) + `"}`), "can't be read"},
		"RSA of 1024 bits":      {set(jwkText(t, jose.JSONWebKey{Key: small.Public()})), "2048"},
		"an even modulus":       {set(jwkText(t, jose.JSONWebKey{Key: &even})), "2048"},
		"an even exponent":      {set(jwkText(t, jose.JSONWebKey{Key: &weak})), "2048"},
		"RSA of 5001 bits":      {set(jwkText(t, jose.JSONWebKey{Key: &huge})), "can't be read"},
		"for encryption":        {set(edit(public, "use", `"enc"`)), "use"},
		"alg none":              {set(edit(public, "alg", `"none"`)), "alg"},
		"alg HS256":             {set(edit(public, "alg", `"HS256"`)), "alg"},
		"another key's alg":     {set(edit(public, "alg", `"RS256"`)), "alg"},
		"one kid twice":         {set(public, publicOf(t, newKey(t, "a", token.EdDSA))), "same kid"},
		"a long kid":            {set(edit(public, "kid", `"`+strings.Repeat("k", 201)+`"`)), "kid"},
		"a kid with a line end": {set(edit(public, "kid", `"a\nb"`)), "kid"},
		"a member twice":        {set(strings.TrimSuffix(public, "}") + `,"kid":"b"}`), "can't be read"},
	} {
		if clean, problem := keyring.CheckKeys(c.text); clean != "" || !strings.Contains(problem, c.says) {
			t.Errorf("%s: %q, problem %q, want one about %q", name, clean, problem, c.says)
		}
	}
}

const assertion = `{"iss":"app_1","sub":"app_1","aud":["https://a","https://b"],"exp":1767323105.9,"nbf":1767323000,"iat":1767323045,"jti":"j"}`

func signingKey(t testing.TB, k *keyring.Key) jose.SigningKey {
	t.Helper()
	return jose.SigningKey{Algorithm: jose.SignatureAlgorithm(k.Algorithm), Key: joseOf(t, k)}
}

func TestAnAssertionIsVerifiedByOneOfTheAppsKeys(t *testing.T) {
	es, rs, ed := newKey(t, "a", token.ES256), newKey(t, "b", token.RS256), newKey(t, "c", token.EdDSA)
	jwks, problem := keyring.CheckKeys(set(publicOf(t, es), publicOf(t, rs), publicOf(t, ed)))
	if problem != "" {
		t.Fatal(problem)
	}
	for _, k := range []*keyring.Key{es, rs, ed} {
		named := signingKey(t, k)
		unnamed := joseOf(t, k)
		unnamed.KeyID = ""
		for name, text := range map[string]string{
			"named":   forge(t, named, map[jose.HeaderKey]any{"typ": "JWT"}, assertion),
			"typed":   forge(t, named, map[jose.HeaderKey]any{"typ": "client-authentication+jwt"}, assertion),
			"unnamed": forge(t, jose.SigningKey{Algorithm: named.Algorithm, Key: unnamed}, nil, assertion),
		} {
			a, err := keyring.VerifyAssertion(jwks, text)
			if err != nil || a.Issuer != "app_1" || a.Subject != "app_1" || len(a.Audience) != 2 || a.Audience[1] != "https://b" ||
				a.ExpiresAt != 1767323105 || a.NotBefore != 1767323000 || a.IssuedAt != 1767323045 || a.ID != "j" {
				t.Errorf("%s %s: %+v, %v", k.Algorithm, name, a, err)
			}
			if sub, ok := keyring.AssertionSubject(text); !ok || sub != "app_1" {
				t.Errorf("%s %s: subject %q, %v", k.Algorithm, name, sub, ok)
			}
		}
	}
	a, err := keyring.VerifyAssertion(jwks, forge(t, signingKey(t, es), nil, `{"aud":"https://a"}`))
	if err != nil || len(a.Audience) != 1 || a.Audience[0] != "https://a" || a.ExpiresAt != 0 {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestAnAssertionMayUseTheNewerNameOfItsAlgorithm is for clients that write Ed25519 as RFC 9864 section 2.2 has it.
func TestAnAssertionMayUseTheNewerNameOfItsAlgorithm(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, stranger, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	es := newKey(t, "a", token.ES256)
	typed := `{"kty":"OKP","crv":"Ed25519","kid":"a","alg":"Ed25519","x":"` + encode(string(public)) + `"}`
	jwks, problem := keyring.CheckKeys(set(typed))
	if problem != "" || !strings.Contains(jwks, `"alg":"EdDSA"`) {
		t.Fatal(jwks, problem)
	}
	other, _ := keyring.CheckKeys(publicOf(t, es))
	sign := func(alg string, key ed25519.PrivateKey) string {
		text := encode(`{"alg":"`+alg+`","kid":"a","typ":"JWT"}`) + "." + encode(assertion)
		return text + "." + encode(string(ed25519.Sign(key, []byte(text))))
	}
	for _, alg := range []string{"Ed25519", "EdDSA"} {
		good := sign(alg, private)
		if a, err := keyring.VerifyAssertion(jwks, good); err != nil || a.ID != "j" {
			t.Errorf("%s: %+v, %v", alg, a, err)
		}
		for name, x := range map[string][2]string{
			"a stranger's": {jwks, sign(alg, stranger)}, "by another key": {other, good}, "cut": {jwks, good[:len(good)-1]},
			"padded": {jwks, good + "="}, "none": {jwks, good[:strings.LastIndexByte(good, '.')+1]}, "Ed448": {jwks, sign("Ed448", private)},
		} {
			if _, err := keyring.VerifyAssertion(x[0], x[1]); err == nil {
				t.Errorf("%s: %s is taken", alg, name)
			}
		}
	}
}

func TestAnAssertionThatTheAppsKeysDidNotSignIsRefused(t *testing.T) {
	k, other := newKey(t, "a", token.RS256), newKey(t, "a", token.RS256)
	jwks, problem := keyring.CheckKeys(publicOf(t, k))
	if problem != "" {
		t.Fatal(problem)
	}
	own := joseOf(t, k)
	good := forge(t, signingKey(t, k), nil, assertion)
	for name, text := range map[string]string{
		"nothing":                   "",
		"another key":               forge(t, signingKey(t, other), nil, assertion),
		"another kid":               forge(t, signingKey(t, k), map[jose.HeaderKey]any{"kid": "b"}, assertion),
		"another alg":               forge(t, jose.SigningKey{Algorithm: jose.PS256, Key: own}, nil, assertion),
		"HS256 with the public key": forge(t, jose.SigningKey{Algorithm: jose.HS256, Key: []byte(publicOf(t, k))}, nil, assertion),
		"a key of its own":          forge(t, signingKey(t, other), map[jose.HeaderKey]any{"jwk": json.RawMessage(publicOf(t, other))}, assertion),
		"an access token":           forge(t, signingKey(t, k), map[jose.HeaderKey]any{"typ": "at+jwt"}, assertion),
		"a line end":                good + "\n",
		"trailing garbage":          good + "AA",
		"a far time":                forge(t, signingKey(t, k), nil, `{"exp":1e300}`),
		"a time that is text":       forge(t, signingKey(t, k), nil, `{"exp":"1767323105"}`),
		"a claim twice":             forge(t, signingKey(t, k), nil, `{"sub":"a","sub":"b"}`),
		"an audience that is none":  forge(t, signingKey(t, k), nil, `{"aud":{"a":1}}`),
	} {
		if a, err := keyring.VerifyAssertion(jwks, text); err == nil {
			t.Errorf("%s: %+v", name, a)
		}
	}
	symmetric := strings.Repeat("k", 32)
	macked := forge(t, jose.SigningKey{Algorithm: jose.HS256, Key: []byte(symmetric)}, nil, assertion)
	if a, err := keyring.VerifyAssertion(set(`{"kty":"oct","alg":"HS256","kid":"a","k":"`+encode(symmetric)+`"}`), macked); err == nil {
		t.Errorf("a symmetric key verifies: %+v", a)
	}
	for _, keys := range []string{"", "{}", `{"keys":[]}`, `{"keys":[{"kty":"oct","k":"AAAA","alg":"RS256","kid":"a"}]}`} {
		if a, err := keyring.VerifyAssertion(keys, good); err == nil {
			t.Errorf("keys %q: %+v", keys, a)
		}
	}
}

func FuzzVerifyAssertion(f *testing.F) {
	k := newKey(f, "a", token.EdDSA)
	jwks, problem := keyring.CheckKeys(publicOf(f, k))
	if problem != "" {
		f.Fatal(problem)
	}
	good := forge(f, signingKey(f, k), nil, assertion)
	f.Add(good)
	f.Add(forge(f, jose.SigningKey{Algorithm: jose.HS256, Key: []byte(strings.Repeat("k", 32))}, nil, assertion))
	f.Fuzz(func(t *testing.T, text string) {
		if a, err := keyring.VerifyAssertion(jwks, text); err == nil && text != good {
			t.Errorf("verified what was never signed: %q: %+v", text, a)
		}
		if sub, ok := keyring.AssertionSubject(text); ok && sub == "" {
			t.Errorf("%q has an empty subject", text)
		}
	})
}

func FuzzCheckKeys(f *testing.F) {
	for _, alg := range token.Algorithms() {
		k := newKey(f, "a", alg)
		private, err := k.Private()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(set(publicOf(f, k)))
		f.Add(publicOf(f, k))
		f.Add(string(private))
	}
	f.Add(`{"keys":[{"kty":"oct","k":"AAAA"}]}`)
	f.Fuzz(func(t *testing.T, jwks string) {
		clean, problem := keyring.CheckKeys(jwks)
		if (clean == "") == (problem == "") {
			t.Fatalf("%q: %q, %q", jwks, clean, problem)
		}
		if clean == "" {
			return
		}
		if again, problem := keyring.CheckKeys(clean); problem != "" || again != clean {
			t.Errorf("the clean form %q has another clean form: %q, %s", clean, again, problem)
		}
		var set struct {
			Keys []map[string]json.RawMessage `json:"keys"`
		}
		if err := json.Unmarshal([]byte(clean), &set); err != nil {
			t.Fatal(err)
		}
		for _, k := range set.Keys {
			for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k", "oth", "priv"} {
				if _, ok := k[private]; ok {
					t.Errorf("%s is kept: %s", private, clean)
				}
			}
		}
	})
}
