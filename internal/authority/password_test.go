package authority

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// The work for an account that does not exist is that for a real one: both hash with the same parameters
// and lengths. Not measured in time, which tells nothing on a busy machine.
func TestTheDecoyCostsWhatARealPasswordCosts(t *testing.T) {
	h := newHasher()
	kept, err := h.hash(t.Context(), "a password")
	if err != nil {
		t.Fatal(err)
	}
	shape := func(s string) string {
		parts := strings.Split(s, "$")
		if len(parts) != 6 {
			t.Fatalf("the form of %q", s)
		}
		return fmt.Sprint(parts[:4], len(parts[4]), len(parts[5]))
	}
	if shape(h.decoy) != shape(kept) {
		t.Errorf("decoy %s, real %s", h.decoy, kept)
	}
	if want := "argon2id"; !strings.HasPrefix(kept, "$"+want+"$v=19$m=19456,t=2,p=1$") {
		t.Errorf("kept as %s", kept)
	}
	for _, c := range []struct {
		password, kept string
		want           bool
	}{
		{"a password", kept, true},
		{"A password", kept, false},
		{"", kept, false},
		{"a password", "", false},
		{"", "", false}, // a decoy is nobody's, whatever is typed
		{strings.Repeat("x", maxPassword+1), kept, false},
		{"a password", "$argon2id$v=19$broken", false},
	} {
		got, err := h.matches(t.Context(), c.password, c.kept)
		if err != nil || got != c.want {
			t.Errorf("%.12q against %.9q: %v %v", c.password, c.kept, got, err)
		}
	}
	empty, err := h.hash(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := h.matches(t.Context(), strings.Repeat("x", maxPassword+1), empty); got {
		t.Error("a password that is too long is taken for an empty one")
	}
}

func TestNobodyWaitsToHashForACallerWhoHasGone(t *testing.T) {
	h := newHasher()
	for range hashesAtOnce {
		h.slots <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.matches(ctx, "x", ""); err == nil {
		t.Error("it waited")
	}
	if _, err := h.hash(ctx, "x"); err == nil {
		t.Error("it waited")
	}
}
