package token_test

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/keywright/keywright/internal/token"
)

var idPrefixes = []string{token.TokenID, token.UserID, token.WorkspaceID, token.EventID, token.SessionID}

func TestIDsReadBackAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		prefix := rapid.SampledFrom(idPrefixes).Draw(t, "prefix")
		raw := [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "raw"))
		id := string(token.AppendID([]byte("x"), prefix, raw))[1:]
		if got, ok := token.ParseID(prefix, id); !ok || got != raw {
			t.Fatalf("ParseID(%q) = %x, %v; want %x", id, got, ok, raw)
		}
		for _, other := range idPrefixes {
			if _, ok := token.ParseID(other, id); ok && other != prefix {
				t.Fatalf("%q names a %s too", id, other)
			}
		}
	})
}

func TestIDsSortAsTheirBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 16, 16)
		a, b := [16]byte(raw.Draw(t, "a")), [16]byte(raw.Draw(t, "b"))
		idA, idB := string(token.AppendID(nil, "tok", a)), string(token.AppendID(nil, "tok", b))
		if strings.Compare(idA, idB) != bytes.Compare(a[:], b[:]) {
			t.Fatalf("%s and %s sort otherwise than %x and %x", idA, idB, a, b)
		}
	})
}

func TestNewIDsSortByTimeAndAreAllDifferent(t *testing.T) {
	form := regexp.MustCompile(`^tok_0[0-9a-hjkmnp-tv-z]{25}$`)
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	var ids []string
	for i := range 5000 {
		id := token.NewID(token.TokenID, now.Add(time.Duration(i)*time.Millisecond))
		if !form.MatchString(id) {
			t.Fatalf("id %q", id)
		}
		raw, ok := token.ParseID(token.TokenID, id)
		if !ok || !bytes.Equal(token.AppendID(nil, token.TokenID, raw), []byte(id)) {
			t.Fatalf("%q does not read back", id)
		}
		ids = append(ids, id)
	}
	if !slices.IsSorted(ids) {
		t.Error("ids of successive milliseconds are out of order")
	}
	seen := map[string]bool{}
	for range 20_000 {
		seen[token.NewID(token.TokenID, now)] = true
	}
	if len(seen) != 20_000 {
		t.Errorf("%d different ids of one moment, want 20,000", len(seen))
	}
}

func TestParseIDTakesOneSpellingOnly(t *testing.T) {
	good := token.NewID(token.TokenID, time.Now())
	for what, id := range map[string]string{
		"empty": "", "prefix alone": "tok_", "short": good[:len(good)-1], "long": good + "0", "upper case": "tok_" + strings.ToUpper(good[4:]),
		"upper prefix": "TOK" + good[3:], "no underscore": "tok-" + good[4:], "more than 128 bits": "tok_8" + good[5:],
		"i": "tok_0i" + good[6:], "l": "tok_0l" + good[6:], "o": "tok_0o" + good[6:], "u": "tok_0u" + good[6:],
		"space": "tok_0 " + good[6:], "NUL": "tok_0\x00" + good[6:], "two bytes": "tok_0é" + good[7:], "other kind": "usr" + good[3:],
	} {
		if _, ok := token.ParseID(token.TokenID, id); ok {
			t.Errorf("%s: %q was taken", what, id)
		}
	}
	last := "tok_7" + strings.Repeat("z", 25)
	if raw, ok := token.ParseID(token.TokenID, last); !ok || raw != [16]byte(bytes.Repeat([]byte{255}, 16)) {
		t.Errorf("the last id reads as %x, %v", raw, ok)
	}
}

func FuzzParseID(f *testing.F) {
	f.Add("tok", "tok_06f1zzzzzzzzzzzzzzzzzzzzzz")
	f.Add("ws", "ws_7zzzzzzzzzzzzzzzzzzzzzzzzz")
	f.Add("", "_80000000000000000000000000")
	f.Fuzz(func(t *testing.T, prefix, id string) {
		raw, ok := token.ParseID(prefix, id)
		if !ok {
			return
		}
		if got := string(token.AppendID(nil, prefix, raw)); got != id {
			t.Errorf("%q reads as the bits of %q", id, got)
		}
	})
}
