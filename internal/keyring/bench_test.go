package keyring_test

import (
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"

	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/token"
)

func benchClaims() *token.Claims {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	app := token.NewID(token.AppID, now)
	return &token.Claims{
		Issuer: "https://tokens.example.com/w/acme", Subject: app, Audience: "https://tokens.example.com/w/acme", ClientID: app,
		IssuedAt: now.Unix(), ExpiresAt: now.Add(time.Hour).Unix(), ID: token.NewID(token.AccessID, now), Scope: "odata:read files:write", SourceID: app, Epoch: 1,
	}
}

func BenchmarkSign(b *testing.B) {
	for _, alg := range token.Algorithms() {
		b.Run(string(alg), func(b *testing.B) {
			k, err := keyring.NewKey("key_1", alg)
			if err != nil {
				b.Fatal(err)
			}
			claims := benchClaims()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := k.Sign(keyring.AccessType, claims); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSignByGoJose is what Key.Sign is measured against: the reason for its being written here.
func BenchmarkSignByGoJose(b *testing.B) {
	k, err := keyring.NewKey("key_1", token.ES256)
	if err != nil {
		b.Fatal(err)
	}
	private, err := k.Private()
	if err != nil {
		b.Fatal(err)
	}
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(private); err != nil {
		b.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jwk}, new(jose.SignerOptions).WithType(keyring.AccessType))
	if err != nil {
		b.Fatal(err)
	}
	claims := benchClaims()
	b.ReportAllocs()
	for b.Loop() {
		payload, err := json.Marshal(claims)
		if err != nil {
			b.Fatal(err)
		}
		signed, err := signer.Sign(payload)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := signed.CompactSerialize(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, alg := range token.Algorithms() {
		b.Run(string(alg), func(b *testing.B) {
			k, err := keyring.NewKey("key_1", alg)
			if err != nil {
				b.Fatal(err)
			}
			jws, err := k.Sign(keyring.AccessType, benchClaims())
			if err != nil {
				b.Fatal(err)
			}
			public, err := k.Public()
			if err != nil {
				b.Fatal(err)
			}
			p, err := keyring.ParsePublic(public)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				var c token.Claims
				if err := p.Verify(jws, keyring.AccessType, &c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkHeaderOfWhatIsNone(b *testing.B) {
	for b.Loop() {
		keyring.Header("eyJhbGciOiJub25lIn0.e30.")
	}
}
