package token_test

import (
	"testing"
	"time"

	"github.com/keywright/keywright/internal/token"
)

func TestStatusIsDerivedFromTheTimes(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	before, after := now.Add(-time.Microsecond), now.Add(time.Microsecond)
	for _, c := range []struct {
		what             string
		expires, revoked time.Time
		want             token.Status
	}{
		{"never expires", time.Time{}, time.Time{}, token.Active},
		{"expires later", after, time.Time{}, token.Active},
		{"expires now", now, time.Time{}, token.Expired},
		{"expired", before, time.Time{}, token.Expired},
		{"revoked", after, before, token.Revoked},
		{"revoked and never expires", time.Time{}, before, token.Revoked},
		{"revoked, then expired", before, before, token.Revoked},
		{"revoked at this moment", after, now, token.Revoked},
	} {
		tok := token.Token{ExpiresAt: c.expires, RevokedAt: c.revoked}
		if got := tok.StatusAt(now); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
}
