package web

import (
	"net/http"
	"regexp"
	"strings"
)

// What a trusted proxy may say of how it was reached. Nothing else becomes part of a link.
var (
	forwardedHost   = regexp.MustCompile(`^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?$`)
	forwardedPort   = regexp.MustCompile(`^[0-9]{1,5}$`)
	forwardedPrefix = regexp.MustCompile(`^(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,63}){1,8}/?$`)
)

// Base is the address under which the client reaches this server, without a slash at its end: the public URL, unless a trusted
// proxy says otherwise by Forwarded or X-Forwarded-Host, -Proto, -Port and -Prefix. What is said twice, or
// is no host, scheme, port or path, is not believed.
func (k *Kit) Base(r *http.Request) string {
	public := strings.TrimSuffix(k.public.String(), "/")
	if len(k.trusted) == 0 || !k.Trusts(peerOf(r)) {
		return public
	}
	host, scheme := forwarded(r.Header["Forwarded"])
	port := ""
	if host == "" && scheme == "" {
		host, scheme, port = alone(r, "X-Forwarded-Host"), alone(r, "X-Forwarded-Proto"), alone(r, "X-Forwarded-Port")
	}
	if !forwardedHost.MatchString(host) {
		host = ""
	}
	if scheme = strings.ToLower(scheme); scheme != "http" && scheme != "https" {
		scheme = k.public.Scheme
	}
	base := public
	if host != "" {
		bare := !strings.Contains(host[strings.LastIndexByte(host, ']')+1:], ":")
		standard := scheme == "http" && port == "80" || scheme == "https" && port == "443"
		if bare && !standard && forwardedPort.MatchString(port) {
			host += ":" + port
		}
		base = scheme + "://" + host
	}
	if prefix := alone(r, "X-Forwarded-Prefix"); forwardedPrefix.MatchString(prefix) {
		base += strings.TrimSuffix(prefix, "/")
	}
	return base
}

// alone is a header's value; "" where it stands twice or is a list.
func alone(r *http.Request, name string) string {
	lines := r.Header[name]
	if len(lines) != 1 || strings.Contains(lines[0], ",") {
		return ""
	}
	return strings.TrimSpace(lines[0])
}

// forwarded reads host and proto of a Forwarded header with one element.
func forwarded(lines []string) (host, scheme string) {
	if len(lines) != 1 || strings.Contains(lines[0], ",") {
		return "", ""
	}
	for pair := range strings.SplitSeq(lines[0], ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		value = strings.Trim(value, `"`)
		switch strings.ToLower(name) {
		case "host":
			host = value
		case "proto":
			scheme = value
		}
	}
	return host, scheme
}
