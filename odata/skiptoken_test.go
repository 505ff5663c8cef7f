package odata

import (
	"bytes"
	"encoding/base64"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func testSealer(t testing.TB, key byte) *sealer {
	t.Helper()
	s, err := newSealer(bytes.Repeat([]byte{key}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func positions() *rapid.Generator[position] {
	value := rapid.OneOf(
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.Int64().AsAny(), rapid.String().AsAny(),
		rapid.Float64().AsAny(),
		rapid.Custom(func(t *rapid.T) any {
			return time.Unix(rapid.Int64Range(-60_000_000_000, 250_000_000_000).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC()
		}),
		rapid.Custom(func(t *rapid.T) any { return time.Duration(rapid.Int64().Draw(t, "d")) }),
	)
	return rapid.Custom(func(t *rapid.T) position {
		return position{
			given: rapid.Int64Range(0, math.MaxInt64).Draw(t, "given"),
			page:  rapid.IntRange(0, 50_000).Draw(t, "page"),
			after: rapid.SliceOf(value).Draw(t, "after"),
		}
	})
}

func TestAPositionComesBackFromItsTokenAlone(t *testing.T) {
	s, other := testSealer(t, 1), testSealer(t, 2)
	rapid.Check(t, func(t *rapid.T) {
		p, binding := positions().Draw(t, "position"), rapid.SliceOf(rapid.Byte()).Draw(t, "binding")
		token, err := s.seal(p, binding)
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := s.seal(p, binding); again != token {
			t.Fatal("one position has two tokens: pages could have no ETag")
		}
		back, ok := s.open(token, binding)
		if len(p.after) == 0 {
			back.after, p.after = nil, nil
		}
		if diff := cmp.Diff(p, back, cmp.AllowUnexported(position{})); !ok || diff != "" {
			t.Fatalf("%v %s", ok, diff)
		}
		if _, ok := s.open(token, append(bytes.Clone(binding), 0)); ok {
			t.Fatal("the token opens for another binding")
		}
		if _, ok := other.open(token, binding); ok {
			t.Fatal("the token opens with another key")
		}
		text, _ := base64.RawURLEncoding.DecodeString(token)
		text[rapid.IntRange(0, len(text)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "flip"))
		if _, ok := s.open(base64.RawURLEncoding.EncodeToString(text), binding); ok {
			t.Fatal("an altered token opens")
		}
	})
}

func TestTokensShowNothingOfTheirRows(t *testing.T) {
	token, err := testSealer(t, 1).seal(position{after: []any{"a secret of a row"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := base64.RawURLEncoding.DecodeString(token); bytes.Contains(text, []byte("secret")) {
		t.Error("the token can be read")
	}
}

func TestKeysOfOtherLengthsAreRefused(t *testing.T) {
	for _, n := range []int{0, 16, 31, 33} {
		if _, err := newSealer(make([]byte, n)); err == nil {
			t.Errorf("a key of %d bytes is taken", n)
		}
	}
}

func FuzzSkipToken(f *testing.F) {
	s := testSealer(f, 1)
	good, err := s.seal(position{given: 3, page: 10, after: []any{int64(1), "x", nil, 1.5, true}}, []byte("b"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, []byte{0, 0, 5, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Add("", []byte{2, 4, 3, 2, 6, 1, 1, 7, 1})
	f.Fuzz(func(t *testing.T, token string, plain []byte) {
		if _, ok := s.open(token, []byte("b")); ok && token != good {
			t.Errorf("%q opens", token)
		}
		readPosition(plain) // does not panic
	})
}
