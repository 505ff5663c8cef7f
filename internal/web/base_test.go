package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestLinksBeginWithThePublicURLOrWithWhatATrustedProxySaysOfIt(t *testing.T) {
	const public = "https://keys.example.com"
	k, _, _ := newKit(t, public, "10.0.0.0/8")
	for _, c := range []struct {
		name   string
		peer   string
		header http.Header
		want   string
	}{
		{"nothing said", "10.0.0.1:1", nil, public},
		{"who is no proxy of ours is not believed", "203.0.113.9:1", http.Header{"X-Forwarded-Host": {"evil.example"}, "Forwarded": {"host=evil.example"}}, public},
		{"a host", "10.0.0.1:1", http.Header{"X-Forwarded-Host": {"data.example.com"}}, "https://data.example.com"},
		{"host, scheme and port", "10.0.0.1:1", http.Header{"X-Forwarded-Host": {"data.example.com"}, "X-Forwarded-Proto": {"HTTP"}, "X-Forwarded-Port": {"8443"}}, "http://data.example.com:8443"},
		{"the scheme's own port", "10.0.0.1:1", http.Header{"X-Forwarded-Host": {"data.example.com"}, "X-Forwarded-Port": {"443"}}, "https://data.example.com"},
		{"a host that has its port", "10.0.0.1:1", http.Header{"X-Forwarded-Host": {"data.example.com:9"}, "X-Forwarded-Port": {"8"}}, "https://data.example.com:9"},
		{"an address", "10.0.0.1:1", http.Header{"X-Forwarded-Host": {"[2001:db8::1]"}, "X-Forwarded-Port": {"8"}}, "https://[2001:db8::1]:8"},
		{"a prefix", "10.0.0.1:1", http.Header{"X-Forwarded-Host": {"example.com"}, "X-Forwarded-Prefix": {"/keys/"}}, "https://example.com/keys"},
		{"a prefix alone", "10.0.0.1:1", http.Header{"X-Forwarded-Prefix": {"/a/b"}}, public + "/a/b"},
		{"a scheme alone: proxies that end TLS say it of themselves", "10.0.0.1:1", http.Header{"X-Forwarded-Proto": {"http"}}, public},
		{"Forwarded", "10.0.0.1:1", http.Header{"Forwarded": {`for=1.2.3.4;proto=http;host="data.example.com:81"`}}, "http://data.example.com:81"},
		{"Forwarded wins", "10.0.0.1:1", http.Header{"Forwarded": {"host=a.example"}, "X-Forwarded-Host": {"b.example"}}, "https://a.example"},
		{"a list", "10.0.0.1:1", http.Header{"X-Forwarded-Host": {"a.example, b.example"}}, public},
		{"two lines", "10.0.0.1:1", http.Header{"X-Forwarded-Host": {"a.example", "b.example"}}, public},
		{"a list in Forwarded", "10.0.0.1:1", http.Header{"Forwarded": {"host=a.example, host=b.example"}}, public},
		{"a path in the host", "10.0.0.1:1", http.Header{"X-Forwarded-Host": {"a.example/x"}}, public},
		{"credentials in the host", "10.0.0.1:1", http.Header{"X-Forwarded-Host": {"u@a.example"}}, public},
		{"quotes in the host", "10.0.0.1:1", http.Header{"X-Forwarded-Host": {`a"b.example`}}, public},
		{"another scheme", "10.0.0.1:1", http.Header{"X-Forwarded-Host": {"a.example"}, "X-Forwarded-Proto": {"javascript"}}, "https://a.example"},
		{"a port that is none", "10.0.0.1:1", http.Header{"X-Forwarded-Host": {"a.example"}, "X-Forwarded-Port": {"80/x"}}, "https://a.example"},
		{"a prefix that climbs", "10.0.0.1:1", http.Header{"X-Forwarded-Prefix": {"/../x"}}, public},
		{"a prefix that is another host", "10.0.0.1:1", http.Header{"X-Forwarded-Prefix": {"//evil.example"}}, public},
	} {
		r := httptest.NewRequest("GET", "http://inner:8080/odata/", nil)
		r.RemoteAddr, r.Header = c.peer, c.header
		if got := k.Base(r); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
