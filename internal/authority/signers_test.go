package authority

import (
	"testing"
	"time"
)

// Whoever reads keys may be overtaken by a change of them: what was read before it must not stay.
func TestWhatWasReadBeforeAChangeIsNotKept(t *testing.T) {
	s := newSigners()
	now := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	put := func() { s.ready["ws_1"], s.published["one"] = &signer{}, &published{workspaceID: "ws_1"} }
	if !s.keep(s.begin(), put) || s.signer("ws_1") == nil || s.publishedAt("one", now) == nil {
		t.Fatal("what was read is not kept")
	}
	begun := s.begin()
	s.forget("ws_1")
	if s.signer("ws_1") != nil || s.publishedAt("one", now) != nil {
		t.Error("a change leaves what was read before it")
	}
	if s.keep(begun, put) || s.signer("ws_1") != nil {
		t.Error("what was read before a change is kept after it")
	}
	if !s.keep(s.begin(), put) {
		t.Error("what was read after it is not kept")
	}
	s.published["one"].until = now
	if s.publishedAt("one", now) != nil || s.publishedAt("one", now.Add(-1)) == nil {
		t.Error("keys are published as they were until their moment, and not longer")
	}
}

func TestWhatIsKeptInMemoryIsBounded(t *testing.T) {
	s := newSigners()
	for i := range mostIssuers + 10 {
		s.keep(s.begin(), func() { s.ready[time.Duration(i).String()] = &signer{} })
	}
	if n := len(s.ready); n > mostIssuers {
		t.Errorf("%d are kept", n)
	}
}
