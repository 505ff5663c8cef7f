package web

import (
	"net/http/httptest"
	"testing"
)

func TestOnlyATrustedProxyThatNamesNoClientIsExemptFromThrottling(t *testing.T) {
	k, _, _ := newKit(t, "https://keys.example.com", "10.0.0.0/8")
	for _, c := range []struct {
		peer, forwarded, client string
		proxy                   bool
	}{
		{"10.0.0.1:1", "", "10.0.0.1", true},
		{"10.0.0.1:1", "10.0.0.7", "10.0.0.1", true},
		{"10.0.0.1:1", "nonsense", "10.0.0.1", true},
		{"[::ffff:10.0.0.1]:1", "", "10.0.0.1", true},
		{"10.0.0.1:1", "198.51.100.1", "198.51.100.1", false},
		{"10.0.0.1:1", "10.0.0.7, 198.51.100.1", "198.51.100.1", false},
		{"203.0.113.9:1", "", "203.0.113.9", false},
		{"203.0.113.9:1", "10.0.0.7", "203.0.113.9", false}, // saying that one is a proxy makes nobody one
		{"@", "10.0.0.7", "invalid IP", false},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		r.Header.Set("X-Forwarded-For", c.forwarded)
		if client, proxy := k.Client(r); client.String() != c.client || proxy != c.proxy {
			t.Errorf("peer %s, forwarded %q: %v, proxy %t; want %s, %t", c.peer, c.forwarded, client, proxy, c.client, c.proxy)
		}
	}
}
