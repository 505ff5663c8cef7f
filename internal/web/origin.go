package web

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/keywright/keywright/internal/token"
)

// Origin returns where a request came from: the client's address, its program and the request's id.
func (k *Kit) Origin(r *http.Request) token.Origin {
	client, proxy := k.Client(r)
	return token.Origin{Address: client, UserAgent: r.UserAgent(), RequestID: RequestID(r), Proxy: proxy}
}

// Client returns the client's address for a check, and whether it is a trusted proxy's own: then the proxy
// did not say whom it speaks for, and must not be throttled for all of them.
func (k *Kit) Client(r *http.Request) (client netip.Addr, proxy bool) {
	a := k.address(r)
	return a, k.Trusts(a)
}

// address is the peer's, or, when the peer is a trusted proxy, the rightmost entry of X-Forwarded-For
// that is no trusted proxy: everything left of that one was written by somebody we don't trust. An entry
// that can't be read, or a list of nothing but proxies, leaves it at the peer.
func (k *Kit) address(r *http.Request) netip.Addr {
	peer := peerOf(r)
	if len(k.trusted) == 0 || !k.Trusts(peer) {
		return peer
	}
	for _, line := range slices.Backward(r.Header["X-Forwarded-For"]) { // several lines are one list (RFC 9110 section 5.3)
		for rest, more := line, true; more; {
			entry := rest
			if comma := strings.LastIndexByte(rest, ','); comma >= 0 {
				rest, entry = rest[:comma], rest[comma+1:]
			} else {
				more = false
			}
			a := parseAddress(strings.TrimSpace(entry))
			if !a.IsValid() {
				return peer
			}
			if !k.Trusts(a) {
				return a
			}
		}
	}
	return peer
}

// Trusts reports whether an address is a configured proxy's.
func (k *Kit) Trusts(a netip.Addr) bool {
	for _, p := range k.trusted {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// peerOf has an address of its own to read, address and port, without the detour of parseAddress: gateways
// ask for every request.
func peerOf(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return parseAddress(r.RemoteAddr)
	}
	return ap.Addr().Unmap().WithZone("")
}

// parseAddress reads an address with or without a port; some proxies add one. The zero Addr is "none".
func parseAddress(s string) netip.Addr {
	// The peer's always has a port; an error costs more than the rest of this together.
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}
