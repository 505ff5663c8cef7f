package authority

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/keywright/keywright/internal/token"
)

func someClaims() token.Claims {
	return token.Claims{
		Issuer: "https://keywright.example/w/standard", Subject: "usr_1", Audience: "https://orders.example/a?b=c", ClientID: "user-tokens",
		IssuedAt: 1804000000, ExpiresAt: 1804003600, ID: "at_1", Scope: "odata:read keywright:manage", SourceID: "tok_1", Epoch: 3, Parents: "at_0 at_00",
	}
}

func jwtOf(payload string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln"
}

func TestClaimsAreReadAsTheyWereWritten(t *testing.T) {
	whole := someClaims()
	few := token.Claims{Issuer: "i", ID: "at_1"}
	odd := whole
	odd.Audience = `https://orders.example/?a=b&c=<"é\\>`
	long := whole
	long.Audience = "https://orders.example/" + strings.Repeat("x", 1001)
	for _, want := range []token.Claims{whole, few, odd, long, {}} {
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := claimsOf(jwtOf(string(text))); !ok || got != want {
			t.Errorf("read %+v, want %+v", got, want)
		}
	}
	// What we write is read in the short way.
	text, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	var c token.Claims
	if !scanClaims(string(text), &c) || c != whole {
		t.Errorf("read %+v in the short way", c)
	}
	for _, bad := range []string{"", ".", "..", "a.b", "e30.e30", "e30.!.e30", jwtOf(""), jwtOf("[]"), jwtOf(`{"iss":1}`), jwtOf(`{"iat":"1"}`), jwtOf(`{"iss":"a"`), jwtOf(`{"iss":"a"}}`)} {
		if c, ok := claimsOf(bad); ok {
			t.Errorf("%q gives %+v", bad, c)
		}
	}
}

func FuzzClaimsAreReadLikeTheStandardLibraryReadsThem(f *testing.F) {
	text, err := json.Marshal(someClaims())
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(text), "{}", `{"iss":"a","iss":"b"}`, `{"iat":01}`, `{"iat":-1}`, `{"iat":1.5}`, `{"iat":9999999999999999999}`, `{"iss":"\\u0041"}`, `{"ISS":"a"}`, `{"iss":"a",}`,
		`{"iss":null}`, ` {"iss" : "a"}`, `{"iss":"a"} `, `{"x":{"iss":"a"}}`, "{\"iss\":\"\xff\"}", `{"iat":0}`, `{"exp":999999999999999}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		var want token.Claims
		wantOK := json.Unmarshal([]byte(payload), &want) == nil
		if !wantOK {
			want = token.Claims{}
		}
		got, ok := claimsOf(jwtOf(payload))
		if ok != wantOK || ok && got != want {
			t.Errorf("%q: read %+v, %v; the library reads %+v, %v", payload, got, ok, want, wantOK)
		}
		claimsOf(payload)
	})
}
